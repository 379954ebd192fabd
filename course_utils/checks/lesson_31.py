"""The exercises of lesson 31: PCA's error, principal angles, bits of a code, when it pays."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from .exercise import Exercise


def pca_error(eigenvalues, k):
    falling = eigenvalues.sort(descending=True).values
    return falling[k:].sum() / len(eigenvalues)


def largest_angle(A, B):
    Q_A, Q_B = torch.linalg.qr(A).Q, torch.linalg.qr(B).Q
    return torch.linalg.svdvals(Q_A.T @ Q_B).clamp(max=1).min().acos().rad2deg()


def code_bits(known, sent, levels):
    counts = torch.stack([column.bincount(minlength=levels) for column in known.T]) + 1.0
    p = counts / counts.sum(1, keepdim=True)
    return -p.gather(1, sent.T).log2().mean(1).sum()


def pays_from(decoder_bits, ours, theirs):
    return math.inf if ours >= theirs else np.ceil(decoder_bits / (theirs - ours))


def cosines(A, B):
    return torch.linalg.svdvals(torch.linalg.qr(A).Q.T @ torch.linalg.qr(B).Q).clamp(max=1)


def each_bits(known, sent, levels, add=1.0):
    """The bits of each number sent, (k, M), where `add` is added to each count."""
    counts = [column.bincount(minlength=levels) + add for column in known.T]
    return -torch.stack([(c / c.sum())[s].log2() for c, s in zip(counts, sent.T, strict=True)])


def where_it_pays(formula):
    return lambda d, ours, theirs: formula(d, ours, theirs) if ours < theirs else math.inf


def subspaces(rows, columns, seed, turn=0.8):
    """Bases of two subspaces; where turn is 0, of the same one."""
    drawn = torch.randn(3, rows, columns, generator=torch.Generator().manual_seed(seed))
    mixed = drawn[0] @ (torch.eye(columns) * 3 - drawn[2, :columns].sign())
    return drawn[0], mixed + turn * drawn[1]


def codes(known, sent, levels, seed):
    """Level indices of two sets of codes: each number has its own range."""
    drawn = torch.randn(known[0] + sent[0], known[1], generator=torch.Generator().manual_seed(seed))
    scale = levels * torch.linspace(0.05, 0.2, known[1])
    found = (drawn * scale + levels / 3).round().clamp(0, levels - 1).long()
    return found[: known[0]], found[known[0] :], levels


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
    "31.3": Exercise(code_bits, "one number of bits", 20, "hard",
        cases=[codes((40, 3), (30, 3), 12, 0), codes((25, 2), (7, 2), 32, 1),
               codes((9, 4), (5, 4), 3, 2)],
        mistakes={
            "it is not finite: an unseen level needs a probability, too. Add 1 to each count.":
                lambda *given: each_bits(*given, add=0).mean(1).sum(),
            "those are nats; take the logarithm to base 2.": lambda *g: code_bits(*g) * math.log(2),
            "the sign: bits are *minus* the logarithm of p.": lambda *given: -code_bits(*given),
            "add up the bits of a picture's numbers.": lambda *given: each_bits(*given).mean(),
            "take the mean over the pictures.": lambda *given: each_bits(*given).sum(),
            "all k numbers share one table of counts. Give each number its own.":
                lambda k, s, n: each_bits(k.view(-1, 1), s.view(-1, 1), n).mean() * s.shape[1],
            "sent is yet to come: count in known.": lambda k, s, n: code_bits(s, s, n),
        },
        praise="Each number pays by its own table, and an unseen level costs a finite number.",
        hints=("One column at a time: count its levels in known, then look up those of sent.",
               "With counts = known[:, j].bincount(minlength=levels) + 1 and p = counts / "
               "counts.sum(), add up the mean of -log2(p[sent[:, j]]) over j."),
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
