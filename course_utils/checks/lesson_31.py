"""The exercises of lesson 31: PCA's error, principal angles, a repair, when a code pays."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from . import compare
from .exercise import Exercise


def pca_error(eigenvalues, k):
    falling = eigenvalues.sort(descending=True).values
    return falling[k:].sum() / len(eigenvalues)


def largest_angle(A, B):
    Q_A, Q_B = torch.linalg.qr(A).Q, torch.linalg.qr(B).Q
    return torch.linalg.svdvals(Q_A.T @ Q_B).clamp(max=1).min().acos().rad2deg()


def repaired(D, C):
    Q = torch.linalg.qr(D).Q
    return Q @ torch.linalg.eigh(Q.T @ C @ Q).eigenvectors.flip(1)


def basis(D):
    return torch.linalg.qr(D).Q


def inner(D, C):
    return torch.linalg.eigh(basis(D).T @ C @ basis(D))


def pays_from(decoder_bits, ours, theirs):
    return math.inf if ours >= theirs else np.ceil(decoder_bits / (theirs - ours))


def cosines(A, B):
    return torch.linalg.svdvals(torch.linalg.qr(A).Q.T @ torch.linalg.qr(B).Q).clamp(max=1)


def as_projections(result, before, after):
    """Each direction without its sign: its outer product with itself."""
    try:
        columns = compare.numbers(result).T
        return {"the direction of each column, in order": [np.outer(v, v) for v in columns]}
    except (AttributeError, TypeError, ValueError):
        return {}  # no matrix, as the result's form will say


def where_it_pays(formula):
    return lambda d, ours, theirs: formula(d, ours, theirs) if ours < theirs else math.inf


def subspaces(rows, columns, seed, turn=0.8):
    """Bases of two subspaces; where turn is 0, of the same one."""
    drawn = torch.randn(3, rows, columns, generator=torch.Generator().manual_seed(seed))
    mixed = drawn[0] @ (torch.eye(columns) * 3 - drawn[2, :columns].sign())
    return drawn[0], mixed + turn * drawn[1]


def mixtures(rows, columns, seed):
    """Columns that mix the first principal directions and a little of others; a covariance."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4 * rows, rows, generator=generator) * torch.linspace(2, 0.3, rows)
    return torch.randn(rows, columns, generator=generator), x.T @ x / len(x)


# fmt: off
EIGHT = torch.tensor([0.5, 3.0, 0.25, 8.0, 1.0, 0.125, 2.0, 5.0])
FIVE = torch.tensor([0.0, 0.5, 0.5, 4.0, 0.0])
EXERCISES = {
    "31.1": Exercise(pca_error, "one number", 10, "easy",
        cases=[(EIGHT, 3), (EIGHT, 1), (EIGHT, 0), (EIGHT, 8), (FIVE, 2), (FIVE, 0)],
        mistakes={
            "the error is in the directions left out.": lambda e, k: e.mean() - pca_error(e, k),
            "divide by the number of pixels.": lambda e, k: pca_error(e, k) * len(e),
            "that is a *share* of the variance.": lambda e, k: pca_error(e, k) / e.mean(),
            "the best code keeps the largest.": lambda e, k: e.sort().values[k:].sum() / len(e),
            "sort them first; they may come in any order.": lambda e, k: e[k:].sum() / len(e),
            "[:-k] is empty for k = 0.": lambda e, k: e.sort().values[:-k].sum() / len(e),
        },
        praise="It is the sum of the eigenvalues left out, shared among all pixels.",
        hints=("Which eigenvalues does a code of k numbers leave out: the large or the small ones?",
               "Sort them, the largest first. Divide the sum of those from number k on by len."),
    ),
    "31.2": Exercise(largest_angle, "one number, an angle in degrees", 15, "medium",
        cases=[subspaces(9, 3, 0), subspaces(6, 2, 1), subspaces(7, 4, 2), subspaces(5, 1, 3),
               (torch.eye(4)[:, :2], torch.eye(4)[:, 1:3]), subspaces(9, 3, 4, turn=0),
               *(subspaces(6, 1, seed, turn=0) for seed in range(5, 25))],
        atol=0.1,  # near 0°, float32 tells no smaller angles apart by their cosines
        mistakes={
            "degrees are asked for, not radians.": lambda A, B: cosines(A, B).min().acos(),
            "that is the *smallest* angle.": lambda A, B: cosines(A, B).max().acos().rad2deg(),
            "that is the cosine. The angle is its arc cosine.": lambda A, B: cosines(A, B).min(),
            "it compares column with column. The same subspace has many bases: take svdvals.":
                lambda A, B: F.cosine_similarity(A, B, dim=0).clamp(max=1).min().acos().rad2deg(),
            "the columns given are not orthonormal. Make bases that are (QR).":
                lambda A, B: torch.linalg.svdvals(A.T @ B).clamp(max=1).min().acos().rad2deg(),
            "for the same subspace it is nan: rounding makes a cosine larger than 1. Clamp it.":
                lambda A, B: (cosines(A, B).min() + 1e-6).acos().rad2deg(),
        },
        praise="It is the angle of the subspaces, whatever their bases, and 0 for the same one.",
        hints=("A basis first: torch.linalg.qr(A).Q has columns of length 1 at right angles.",
               "Clamp the cosines, torch.linalg.svdvals(Q_A.T @ Q_B), at 1. The largest angle has "
               "the smallest cosine, and acos gives radians."),
    ),
    "31.3": Exercise(
        repaired, "a tensor of shape (n, k)", 20, "hard",
        cases=[mixtures(9, 3, 0), mixtures(6, 2, 1), mixtures(7, 5, 2), mixtures(5, 1, 3)],
        extra=as_projections, free=True,
        mistakes={
            "the basis is orthonormal, but its columns are still mixtures.":
                lambda D, C: basis(D),
            "eigh has the smallest first. Turn the columns' order round.":
                lambda D, C: repaired(D, C).flip(1),
            "these are PCA's directions of all the data. Stay within the columns of D.":
                lambda D, C: torch.linalg.eigh(C).eigenvectors.flip(1)[:, : D.shape[1]],
            "the columns of D are not orthonormal. Make a basis first (QR).":
                lambda D, C: D @ torch.linalg.eigh(D.T @ C @ D).eigenvectors.flip(1),
            "those are the right directions, but not of length 1.":
                lambda D, C: repaired(D, C) * torch.arange(2.0, 2 + D.shape[1]),
            "multiply by the *columns* of eigenvectors, not by the rows: no transpose.":
                lambda D, C: basis(D) @ inner(D, C).eigenvectors.flip(1).T,
            "the data is not in it. Use Q.T @ C @ Q, not the columns' own products.":
                lambda D, C: basis(D) @ torch.linalg.eigh(D.T @ D).eigenvectors.flip(1),
        },
        praise="The mixtures are sorted out: right angles, length 1, no correlation.",
        hints=("Q = torch.linalg.qr(D).Q spans the same subspace. What is the covariance of the "
               "data's coordinates in it?",
               "The eigenvectors of torch.linalg.eigh(Q.T @ C @ Q) are in coordinates of Q, the "
               "smallest first. Turn them round with .flip(1), and multiply by Q."),
    ),
    "31.4": Exercise(pays_from, "one number of pictures", 10, "easy",
        cases=[(1000, 10, 14), (1000, 10, 13), (1001, 10, 12), (999, 0, 1000), (60, 10, 12.5),
               (17_000_000, 256, 640), (1003, 10, 12.5), (1000, 14, 14), (1000, 20, 14)],
        rtol=1e-9,  # one picture too many, of 44,271, is wrong
        mistakes={
            "round to a whole number. Up or down?": where_it_pays(lambda d, o, t: d / (t - o)),
            "rounded down, we may still send more.": where_it_pays(lambda d, o, t: d // (t - o)),
            "round() may round down. Round up.": where_it_pays(lambda d, o, t: round(d / (t - o))),
            "one too many if it divides evenly.": where_it_pays(lambda d, o, t: d // (t - o) + 1),
            "our pictures cost bits, too.": where_it_pays(lambda d, o, t: math.ceil(d / t)),
            "return math.inf where nothing is saved.": lambda d, o, t: np.ceil(d / (t - o)),
            "where ours equals theirs, the decoder's bits are never won back.":
                lambda d, o, t: math.inf if o > t else math.ceil(d / (t - o)),
        },
        praise="From there on the decoder's weights are shared among enough pictures.",
        hints=("What do n pictures cost: decoder_bits + n · ours, or n · theirs? Solve for n.",
               "Round decoder_bits / (theirs - ours) up; it is math.inf unless theirs > ours."),
    ),
}
