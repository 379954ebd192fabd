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


def straight(A, B):
    """The largest angle, if the columns were bases of length 1 at right angles."""
    return torch.linalg.svdvals(A.T @ B).clamp(max=1).min().acos().rad2deg()


def each_bits(known, sent, levels, add=lambda counts: counts + 1.0, over=lambda c: c.sum()):
    """The bits of each number sent, (k, M), with other probabilities."""
    counts = [add(column.bincount(minlength=levels)) for column in known.T]
    return -torch.stack([(c / over(c))[s].log2() for c, s in zip(counts, sent.T, strict=True)])


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
    "31.1": Exercise(
        pca_error, "one number", 10, "easy",
        cases=[(EIGHT, 3), (EIGHT, 1), (EIGHT, 0), (EIGHT, 8), (FIVE, 2), (FIVE, 0)],
        mistakes={
            "those are the directions that the code keeps. What it loses are the others.":
                lambda e, k: e.mean() - pca_error(e, k),
            "that is the error of a whole picture. Divide by the number of pixels.":
                lambda e, k: pca_error(e, k) * len(e),
            "that is a *share* of the variance. The error per pixel is asked for.":
                lambda e, k: pca_error(e, k) / e.mean(),
            "divided by the number of eigenvalues left out; all pixels count.":
                lambda e, k: pca_error(e, k) * len(e) / max(1, len(e) - k),
            "it leaves out the largest. The best code keeps those.":
                lambda e, k: e.sort().values[k:].sum() / len(e),
            "they may come in any order: sort them, the largest first.":
                lambda e, k: e[k:].sum() / len(e),
            "off by one: a code of k numbers keeps k eigenvalues, and here it keeps k + 1.":
                lambda e, k: pca_error(e, k + 1),
            "right, except for k = 0: [:-0] is [:0], which is empty. Count from the other end.":
                lambda e, k: e.sort().values[:-k].sum() / len(e),
        },
        praise="It is the sum of the eigenvalues left out, shared among all pixels.",
        hints=("Which eigenvalues does a code of k numbers leave out: the large or the small ones?",
               "Sort them so that the largest come first, add up those from number k on, and "
               "divide by how many there are in all."),
    ),
    "31.2": Exercise(
        largest_angle, "one number, an angle in degrees", 15, "medium",
        cases=[subspaces(9, 3, 0), subspaces(6, 2, 1), subspaces(7, 4, 2), subspaces(5, 1, 3),
               (torch.eye(4)[:, :2], torch.eye(4)[:, 1:3]), subspaces(9, 3, 4, turn=0),
               *(subspaces(6, 1, seed, turn=0) for seed in range(5, 25))],
        atol=0.1,  # near 0°, float32 tells no smaller angles apart by their cosines
        mistakes={
            "that is the angle in radians; degrees are asked for.":
                lambda A, B: cosines(A, B).min().acos(),
            "that is the *smallest* principal angle. A small cosine is a large angle.":
                lambda A, B: cosines(A, B).max().acos().rad2deg(),
            "that is the cosine. The angle is its arc cosine.": lambda A, B: cosines(A, B).min(),
            "that is a mean over the principal angles; the largest one is asked for.":
                lambda A, B: cosines(A, B).acos().rad2deg().mean(),
            "it compares column with column. The same subspace has many bases: take the singular "
            "values of Q_A.T @ Q_B.":
                lambda A, B: F.cosine_similarity(A, B, dim=0).clamp(max=1).min().acos().rad2deg(),
            "columns of length 1 are not enough: they must be at right angles, too (QR).":
                lambda A, B: straight(F.normalize(A, dim=0), F.normalize(B, dim=0)),
            "torch.linalg.svd(A).U spans the whole space: keep only its first k columns.":
                lambda A, B: straight(torch.linalg.svd(A).U, torch.linalg.svd(B).U),
            "the columns given are not at right angles. Make orthonormal bases of them first (QR).":
                lambda A, B: straight(A, B),
            "for two bases of the same subspace it is not a number: rounding makes a cosine "
            "slightly larger than 1. Clamp it.":  # how much larger, depends on the machine
                lambda A, B: (cosines(A, B).min() + 1e-6).acos().rad2deg(),
        },
        praise="It is the angle of the subspaces, whatever their bases, and 0 for the same one.",
        hints=("A basis first: torch.linalg.qr(A).Q has columns of length 1 at right angles.",
               "The cosines are torch.linalg.svdvals(Q_A.T @ Q_B), and rounding may make one of "
               "them larger than 1. The largest angle has the smallest; acos gives radians."),
    ),
    "31.3": Exercise(
        code_bits, "one number of bits", 20, "hard",
        cases=[codes((40, 3), (30, 3), 12, 0), codes((25, 2), (7, 2), 32, 1),
               codes((9, 4), (5, 4), 3, 2)],
        mistakes={
            "it is not finite: a level that known never has needs a probability too. Add 1 to each "
            "count.": lambda *given: each_bits(*given, add=lambda c: c).mean(1).sum(),
            "1 is added only to the counts that are 0. Add it to each count.":
                lambda *given: each_bits(*given, add=lambda c: c.clamp(min=1)).mean(1).sum(),
            "the probabilities add up to more than 1: divide by the sum of the counts *after* "
            "adding.": lambda *given: each_bits(
                *given, over=lambda c: c.sum() - len(c)).mean(1).sum(),
            "those are nats; take the logarithm to base 2.":
                lambda *given: code_bits(*given) * math.log(2),
            "the sign: bits are *minus* the logarithm of p.": lambda *given: -code_bits(*given),
            "that is bits for one *number*. Add up those of a picture.":
                lambda *given: each_bits(*given).mean(),
            "those are the bits of all pictures together; take the mean.":
                lambda *given: each_bits(*given).sum(),
            "all k numbers share one table of counts. Give each number its own.":
                lambda known, sent, n: each_bits(
                    known.reshape(-1, 1), sent.reshape(-1, 1), n).mean() * sent.shape[1],
            "the counts are of sent, which the receiver does not have yet. Count in known.":
                lambda known, sent, n: code_bits(sent, sent, n),
        },
        praise="Each number pays by its own table, and an unseen level costs a finite number.",
        hints=("One column at a time: count its levels in known, then look up those of sent.",
               "With counts = known[:, j].bincount(minlength=levels) + 1 and p = counts / "
               "counts.sum(), add up the mean of -log2(p[sent[:, j]]) over j."),
    ),
    "31.4": Exercise(
        pays_from, "one number of pictures", 10, "easy",
        cases=[(1000, 10, 14), (1000, 10, 13), (1001, 10, 12), (999, 0, 1000), (60, 10, 12.5),
               (17_000_000, 256, 640), (1003, 10, 12.5), (1000, 14, 14), (1000, 20, 14)],
        rtol=1e-9,  # one picture too many, of 44,271, is wrong
        mistakes={
            "right, except for rounding: a whole number of pictures is asked for. Up or down?":
                where_it_pays(lambda d, o, t: d / (t - o)),
            "rounded down, there are cases where we still send more. Round up.":
                where_it_pays(lambda d, o, t: d // (t - o)),
            "round() goes to the nearest number, which may be too small. Round up.":
                where_it_pays(lambda d, o, t: round(d / (t - o))),
            "one too many where the division leaves no remainder: no more bits than theirs is "
            "enough.": where_it_pays(lambda d, o, t: d // (t - o) + 1),
            "our pictures cost bits too. What is saved on each is theirs minus ours.":
                where_it_pays(lambda d, o, t: math.ceil(d / t)),
            "negative: what is saved on each picture is theirs minus ours.":
                lambda d, o, t: math.ceil(d / (o - t)) if o < t else math.inf,
            "right where we save bits. Where a picture of ours costs as many bits as theirs, or "
            "more, it never pays: return math.inf.": lambda d, o, t: np.ceil(d / (t - o)),
            "right, except where ours and theirs are equal: the decoder's bits are never won back.":
                lambda d, o, t: math.inf if o > t else math.ceil(d / (t - o)),
        },
        praise="From there on the decoder's weights are shared among enough pictures.",
        hints=("What do n pictures cost: decoder_bits + n · ours, or n · theirs? Solve for n.",
               "It is decoder_bits / (theirs - ours), rounded up, and math.inf where theirs is not "
               "larger than ours."),
    ),
}
