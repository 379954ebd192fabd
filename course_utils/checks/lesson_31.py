"""The checks of lesson 31: PCA's error, principal angles, bits of a code, and when it pays."""

import math
from collections.abc import Callable
from typing import Any

import torch

from . import require
from .answers import number

HINTS = {
    "31.1": (
        "Which eigenvalues does a code of k numbers leave out: the large ones or the small ones?",
        "Sort them so that the largest come first, add up those from number k on, and divide by "
        "how many there are in all.",
    ),
    "31.2": (
        "A basis first: torch.linalg.qr(A).Q has columns of length 1 at right angles.",
        "cosines = torch.linalg.svdvals(Q_A.T @ Q_B). The largest angle has the smallest cosine; "
        "acos gives radians.",
    ),
    "31.3": (
        "One number of the code at a time: count its levels in known, then look up those of sent.",
        "counts = known[:, j].bincount(minlength=levels) + 1; p = counts / counts.sum(); the mean "
        "of -log2(p[sent[:, j]]) over pictures; add this up over j.",
    ),
    "31.4": (
        "n pictures cost decoder_bits + n · ours, or n · theirs. Solve for n.",
        "n is decoder_bits / (theirs - ours), rounded up; math.inf where theirs is not larger.",
    ),
}


def pca_error(answer: Callable) -> str:
    given = torch.tensor([0.5, 3.0, 0.25, 8.0, 1.0, 0.125, 2.0, 5.0])
    falling = given.sort(descending=True).values
    got = {k: number(answer(given.clone(), k)) for k in (1, 3, 5)}

    def like(formula: Callable) -> bool:
        return all(math.isclose(v, float(formula(k)), rel_tol=1e-5) for k, v in got.items())

    require(
        not like(lambda k: falling[:k].sum() / 8),
        "those are the directions that the code keeps. What it loses is the others.",
    )
    whole = "that is the error of a whole picture. Divide by the number of pixels."
    require(not like(lambda k: falling[k:].sum()), whole)
    require(
        not like(lambda k: falling[k:].sum() / falling.sum()),
        "that is a *share* of the variance. The error per pixel is asked for.",
    )
    few = "divided by the number of eigenvalues left out; all pixels count."
    require(not like(lambda k: falling[k:].mean()), few)
    require(
        not like(lambda k: falling.flip(0)[k:].sum() / 8),
        "it leaves out the largest. The best code keeps those.",
    )
    require(
        not like(lambda k: given[k:].sum() / 8),
        "they may come in any order: sort them, the largest first.",
    )
    require(
        not (
            like(lambda k: falling[k + 1 :].sum() / 8) or like(lambda k: falling[k - 1 :].sum() / 8)
        ),
        "off by one: a code of k numbers keeps exactly k eigenvalues.",
    )
    require(
        like(lambda k: falling[k:].sum() / 8),
        f"for 3 of the eigenvalues {given.tolist()} it gives {got[3]:.4g}; left out are "
        f"{falling[3:].tolist()}, from 8 pixels.",
    )
    full = number(answer(given.clone(), 8))
    require(abs(full) < 1e-6, "with as many numbers as pixels nothing is lost: the error is 0.")
    return "the eigenvalues left out, shared among the pixels."


def largest_angle(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(9, 3, generator=generator, dtype=torch.float64)
    B = A + 0.8 * torch.randn(9, 3, generator=generator, dtype=torch.float64)
    Q_A, Q_B = torch.linalg.qr(A).Q, torch.linalg.qr(B).Q
    cosines = torch.linalg.svdvals(Q_A.T @ Q_B)
    right = float(cosines.min().acos().rad2deg())
    got = number(answer(A.clone(), B.clone()), "one angle is asked for")

    def like(other: Any) -> bool:
        return math.isclose(got, float(other), rel_tol=1e-6)

    require(not like(math.radians(right)), "that is the angle in radians; degrees are asked for.")
    require(
        not (like(cosines.max().acos().rad2deg()) or like(cosines.max().acos())),
        "that is the *smallest* principal angle. A small cosine is a large angle.",
    )
    require(not like(cosines.min()), "that is the cosine. The angle is its arc cosine.")
    require(
        not like(cosines.mean().acos().rad2deg()) and not like(cosines.acos().mean().rad2deg()),
        "that is a mean over the principal angles; the largest one is asked for.",
    )
    units = [torch.nn.functional.normalize(columns, dim=0) for columns in (A, B)]
    require(
        not like((units[0] * units[1]).sum(0).min().acos().rad2deg()),
        "it compares column with column. The same subspace has many bases: take the singular "
        "values of Q_A.T @ Q_B.",
    )
    raw = [torch.linalg.svdvals(M).clamp(max=1).min() for M in (units[0].T @ units[1], A.T @ B)]
    require(
        not any(like(cosine.acos().rad2deg()) for cosine in raw),
        "the columns given are not at right angles. Make orthonormal bases of them first (QR).",
    )
    require(not math.isnan(got), "it is not a number: acos was given a value outside -1 … 1.")
    require(like(right), f"it gives {got:.4g}°, where the largest principal angle is {right:.4g}°.")
    mixed = A @ torch.tensor([[2.0, 1, 0], [0, 1, 3], [1, 0, 1]], dtype=torch.float64)
    same = number(answer(A.clone(), mixed), "one angle is asked for")
    require(
        not math.isnan(same),
        "right here, but for two bases of one subspace it is not a number: rounding makes a "
        "cosine slightly larger than 1. Clamp it.",
    )
    require(same < 0.01, f"two bases of one subspace should be 0° apart, and are {same:.3g}°.")
    return "equal to the angle of the subspaces, whatever their bases."


def _bits(
    known: torch.Tensor, counted: torch.Tensor, levels: int, add: float = 1.0
) -> torch.Tensor:
    """-log2 p of each number sent, (M, k), with p from the columns of `known`."""
    found = []
    for column, indices in zip(known.T, counted.T, strict=True):
        counts = column.bincount(minlength=levels) + add
        found.append(-(counts / counts.sum())[indices].log2())
    return torch.stack(found, 1)


def code_bits(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([1.0, 2.0, 4.0])

    def draw(size: int) -> torch.Tensor:
        drawn = torch.randn(size, 3, generator=generator) * scale + 4
        return drawn.round().clamp(0, 9).long()

    known, sent, levels = draw(40), draw(30), 12
    sent[:, 0] = sent[:, 0].clamp(1, 7)
    sent[0] = torch.tensor([9, 10, 11])  # levels that no training code has
    each = _bits(known, sent, levels)
    got = number(answer(known.clone(), sent.clone(), levels), "one number of bits is asked for")

    def like(other: Any) -> bool:
        return math.isclose(got, float(other), rel_tol=1e-5)

    require(
        not math.isinf(got) and not math.isnan(got),
        "it is not finite: a level that known never has needs a probability too. Add 1 to each "
        "count.",
    )
    right = each.sum(1).mean()
    require(not like(right * math.log(2)), "those are nats; take the logarithm to base 2.")
    require(not like(-right), "the sign: bits are *minus* the logarithm of p.")
    require(not like(each.mean()), "that is bits for one *number*. Add up those of a picture.")
    require(not like(each.sum()), "those are the bits of all pictures together; take the mean.")
    pooled = known.flatten().bincount(minlength=levels) + 1.0
    require(
        not like(-(pooled / pooled.sum())[sent].log2().sum(1).mean()),
        "all k numbers share one table of counts. Give each number its own.",
    )
    require(
        not like(_bits(sent, sent, levels).sum(1).mean()),
        "the counts are of sent, which the receiver does not have yet. Count in known.",
    )
    require(
        not like(_bits(known, known, levels).sum(1).mean()),
        "it measures the bits of known. Count there, and measure sent.",
    )
    entropy = [(c.bincount(minlength=levels) + 1.0) / (len(c) + levels) for c in known.T]
    require(
        not like(sum(-(p * p.log2()).sum() for p in entropy)),
        "that is the entropy of the estimate. Look up the levels that are really sent.",
    )
    short = torch.stack([  # 1 added, and the sum not made larger
        -((c.bincount(minlength=levels) + 1) / len(c))[s].log2()
        for c, s in zip(known.T, sent.T, strict=True)
    ])  # fmt: skip
    require(
        not like(short.sum(0).mean()),
        "the probabilities add up to more than 1: divide by the sum of the counts *after* adding.",
    )
    require(
        like(right), f"it gives {got:.4g} bits a picture; the tables of known give {right:.4g}."
    )
    return "each number pays by its own table, and unseen levels cost much, not infinitely much."


def pays_from(answer: Callable) -> str:
    cases = [(1000, 10, 14), (1000, 10, 13), (999, 0, 1000), (17_000_000, 256, 640)]
    got = [number(answer(*case)) for case in cases]

    def like(formula: Callable) -> bool:
        values = [float(formula(*case)) for case in cases]
        return all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(got, values, strict=True))

    require(
        not like(lambda d, o, t: d / (t - o)),
        "right but for rounding: a whole number of pictures is asked for. Up or down?",
    )
    require(
        not like(lambda d, o, t: d // (t - o)),
        "rounded down, there are cases where we still send more. Round up.",
    )
    require(
        not like(lambda d, o, t: d // (t - o) + 1),
        "one too many where the division has no rest: no more bits than they is enough.",
    )
    require(
        not like(lambda d, o, t: math.ceil(d / t)),
        "our pictures cost bits too. What is saved on each is theirs minus ours.",
    )
    require(
        not like(lambda d, o, t: math.ceil(d / (o - t))),
        "negative: what is saved on each picture is theirs minus ours.",
    )
    for value, (decoder_bits, ours, theirs) in zip(got, cases, strict=True):
        right = math.ceil(decoder_bits / (theirs - ours))
        require(
            value == right,
            f"for a decoder of {decoder_bits:,} bits, and {ours} against {theirs} bits a picture, "
            f"it gives {value:,.6g}; at {right:,} pictures the sums are even or in our favour.",
        )
    for ours in (20, 14):
        try:
            never = answer(1000, ours, 14)
        except ZeroDivisionError:
            never = None
        require(
            never == math.inf,
            f"right where we save bits. With {ours} against 14 it never pays: return math.inf.",
        )
    return "the decoder's weights are shared among enough pictures."


CHECKS = {"31.1": pca_error, "31.2": largest_angle, "31.3": code_bits, "31.4": pays_from}
