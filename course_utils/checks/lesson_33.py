"""The checks of lesson 33: draws with a gradient, KL of normals, the ELBO, the tighter bound."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import require
from .answers import tensor

HINTS = {
    "33.1": (
        "A draw is the mean plus stretched noise. By what? A root is half of a logarithm.",
        "mean + (log_variance / 2).exp() * noise; (B, D) goes with (K, B, D) by itself.",
    ),
    "33.2": (
        "log s² is given, s² is its exponential; log of the ratio is a difference of the two.",
        "0.5 * (prior_log_variance - log_variance + (log_variance.exp() + (mean - prior_mean)**2) "
        "/ prior_log_variance.exp() - 1), summed over the units: .sum(1).",
    ),
    "33.3": (
        "Two terms for each picture: the log-probability of its pixels, minus the KL of its code.",
        "(pixels * logits - F.softplus(logits)).sum(1), and the KL as the lesson has it.",
    ),
    "33.4": (
        "The mean of K weights, then its logarithm. What is given are the logarithms.",
        "torch.logsumexp sums without leaving the logarithms, and without under- or overflow.",
        "log_weights.logsumexp(0) - math.log(K).",
    ),
}


def reparameterised(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = (torch.randn(4, 3, generator=generator).double() for _ in range(2))
    noise = torch.randn(5, 4, 3, generator=generator).double()
    given = [mean.clone().requires_grad_(), log_variance.clone().requires_grad_()]
    what = "five draws of the codes of four pictures"
    draws = answer(*given, noise.clone())
    got = tensor(draws, (5, 4, 3), what)

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other.expand(5, 4, 3), atol=1e-6)

    scale = (log_variance / 2).exp()
    require(
        not like(mean + log_variance.exp() * noise),
        "the noise is stretched by the *variance*. A draw needs the standard deviation, its root.",
    )
    require(
        not like(mean + log_variance * noise),
        "the noise is multiplied by the log-variance itself, which may even be negative. Take the "
        "exponential of half of it.",
    )
    require(
        not like(mean + (-log_variance / 2).exp() * noise),
        "a sign is turned: a large log-variance should spread the draws, not narrow them.",
    )
    require(
        not like(mean + (2 * log_variance).exp() * noise),
        "the root of a variance is *half* of its logarithm, not twice.",
    )
    require(not like(mean), "all draws are the mean. Where does the noise come in?")
    require(not like(mean + noise), "every code gets noise of size 1. Stretch it by the spread.")
    require(not like(scale * noise), "the draws lie about 0. Add the mean.")
    require(not like((mean + noise) * scale), "stretch the noise only, not the mean.")
    require(
        like(mean + scale * noise),
        "for mean 0, log-variance 0 and noise n the draw is n; for mean m and noise 0 it is m. "
        "Yours is something else, or draws noise of its own.",
    )
    require(
        draws.requires_grad,
        "the numbers are right, but no gradient flows: the draw is cut from the mean and the "
        "log-variance. No detach, no .data, no torch.no_grad().",
    )
    slopes = torch.autograd.grad(draws.sum(), given, allow_unused=True)
    for name, slope in zip(("mean", "log-variance"), slopes, strict=True):
        cut = f"the numbers are right, but no gradient flows to the {name}: it was cut off."
        require(slope is not None, cut)
    return "draws with the right spread, and gradients to mean and log-variance."


def kl(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    m, v, n, w = (torch.randn(5, 4, generator=generator).double() for _ in range(4))
    got = answer(m.clone(), v.clone(), n.clone(), w.clone())
    if isinstance(got, torch.Tensor):
        require(got.shape != (5, 4), "that is the KL of each unit; sum over the units: .sum(1).")
        require(got.shape != (4,), "summed over the pictures; sum over the units: .sum(1).")
        require(got.numel() != 1, "that is one number for all pictures; one each is asked for.")
    got = tensor(got, (5,), "the KL of each of five pictures")

    def units(m: Any, v: Any, n: Any, w: Any) -> torch.Tensor:
        return 0.5 * (w - v + (v.exp() + (m - n) ** 2) / w.exp() - 1)

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other, rtol=1e-5, atol=1e-6)

    right = units(m, v, n, w)
    wrong = {
        "the directions are exchanged: that is KL(p ‖ q). The KL is no distance, it matters who "
        "comes first.": units(n, w, m, v),
        "that is the KL from the *standard* normal. This prior has a mean and a variance of its "
        "own.": units(m, v, 0 * n, 0 * w),
        "the prior's mean is missing. Only the difference of the means counts.": units(
            m, v, 0 * n, w
        ),
        "the square of the means is not divided by the prior's variance.": 0.5
        * (w - v + v.exp() / w.exp() + (m - n) ** 2 - 1),
        "it divides by the log-variance of the prior; its exponential is the variance.": 0.5
        * (w - v + (v.exp() + (m - n) ** 2) / w - 1),
        "the factor ½ is missing.": 2 * right,
        "the sign is turned: a KL is never negative.": -right,
        "the -1 is missing: for q = p the KL must be 0.": right + 0.5,
        "the logarithm of the ratio is turned round.": right + v - w,
        "the difference of the means has to be squared.": 0.5
        * (w - v + (v.exp() + (m - n).abs()) / w.exp() - 1),
    }
    for hint, other in wrong.items():
        require(not like(other.sum(1)), hint)
    require(not like(right.mean(1)), "that is the mean over the units; their *sum* is asked for.")
    standard = [torch.zeros(1, 4).double() for _ in range(4)]
    require(
        like(right.sum(1)),
        f"for the first picture it gives {got[0]:.4g}, and the formula {right[0].sum():.4g}.",
    )
    same = tensor(answer(*standard), (1,), "the KL of one picture")
    require(same.abs().max() < 1e-9, f"for q = p it must be 0, and is {same.item():.3g}.")
    return "0 for equal normals, never negative, and not the same both ways."


def elbo_of(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(5, 7, generator=generator).double()
    x = (torch.rand(5, 7, generator=generator) < 0.5).double()
    m, v = (torch.randn(5, 3, generator=generator).double() for _ in range(2))
    got = answer(logits.clone(), x.clone(), m.clone(), v.clone())
    if isinstance(got, torch.Tensor):
        require(got.numel() != 1, "that is one number for all pictures; one each is asked for.")
    got = tensor(got, (5,), "the ELBO of each of five pictures")
    require(
        not bool(got.isnan().any()),
        "it is not a number: a logarithm was given something negative. Logits go into softplus, "
        "or through a sigmoid first.",
    )
    pixels = x * logits - F.softplus(logits)  # (5, 7)
    log_p, rate = pixels.sum(1), 0.5 * (m**2 + v.exp() - 1 - v).sum(1)

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other, rtol=1e-5, atol=1e-6)

    twice = logits.sigmoid()
    wrong = {
        "that is minus the ELBO, the loss.": rate - log_p,
        "the KL is added. The ELBO is the log-probability *minus* the KL.": log_p + rate,
        "where is the KL? That is the log-probability of the pixels alone.": log_p,
        "that is the mean over pixels. A picture's probability is a product, its logarithm a "
        "sum.": pixels.mean(1) - rate,
        "the KL is averaged over the units; it is their sum.": log_p - rate / 3,
        "log-probability and KL are both means; both are sums.": pixels.mean(1) - rate / 3,
        "the logits went through a sigmoid, and then were treated as logits again.": (
            x * twice - F.softplus(twice)
        ).sum(1)
        - rate,
        "the factor ½ of the KL is missing.": log_p - 2 * rate,
        "only the pixels that are 1 count. Those that are 0 have a probability too.": (
            x * F.logsigmoid(logits)
        ).sum(1)
        - rate,
        "that is a squared error. Its exponential is no probability of a 0 or a 1.": (
            -((x - twice) ** 2).sum(1) - rate
        ),
        "the variance stands where its logarithm belongs, or the other way round.": log_p
        - 0.5 * (m**2 + v - 1 - v.exp()).sum(1),
    }
    for hint, other in wrong.items():
        require(not like(other), hint)
    require(
        like(log_p - rate),
        f"for the first picture it gives {got[0]:.4g}; its pixels have {log_p[0]:.4g} nats, its "
        f"code costs {rate[0]:.4g}.",
    )
    zero = torch.zeros(1, 3)
    far = answer(torch.tensor([[200.0, -200.0]]), torch.tensor([[0.0, 1.0]]), zero, zero.clone())
    far = tensor(far, (1,), "the ELBO of one picture").item()
    require(
        math.isclose(far, -400, rel_tol=1e-3),
        f"right for small logits. For logits of 200 and -200, both wrong, it gives {far:.4g} "
        "instead of -400: the sigmoid rounds to 1 or 0. F.softplus takes the logit itself.",
    )
    return "nats of the whole picture, finite however sure the decoder is."


def importance_bound(answer: Callable) -> str:
    given = 3 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).double() - 90
    got = answer(given.clone())
    if isinstance(got, torch.Tensor):
        require(
            got.shape != (6,), "one number for each *draw*. Average over the draws, dimension 0."
        )
        require(got.numel() != 1, "that is one number for all pictures; one each is asked for.")
    got = tensor(got, (4,), "the likelihood of each of four pictures")
    right = given.logsumexp(0) - math.log(6)

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other, rtol=1e-7, atol=1e-6)

    require(
        not like(given.mean(0)),
        "that is the mean of the logarithms, the ELBO. Average first, then take the logarithm.",
    )
    require(
        not like(given.logsumexp(0)),
        "that is the logarithm of the *sum* of the weights. Divide by K: subtract log K.",
    )
    require(not like(given.amax(0)), "that is the largest weight alone. All K count.")
    require(
        not like(given.logsumexp(0) - 6) and not like(given.logsumexp(0) / 6),
        "K is taken away in the wrong place: divided by K means minus log K here.",
    )
    require(not like(given.logsumexp(0) + math.log(6)), "the sign of log K is turned.")
    require(not like(right.exp()), "that is the likelihood itself; its logarithm is asked for.")
    require(not like(-right), "that is the negative log-likelihood; take away the minus.")
    require(
        like(right),
        f"for the first picture it gives {got[0]:.6g}; log of the mean: {right[0]:.6g}.",
    )
    for shift in (-5000.0, 5000.0):
        moved = tensor(answer(given + shift), (4,), "the likelihood of each of four pictures")
        require(
            torch.allclose(moved, right + shift, rtol=1e-9),
            f"right near -90, but near {shift:,.0f} it gives {moved[0]:.4g}: exp() leaves the "
            "range of numbers. Never leave the logarithms: torch.logsumexp.",
        )
    return "between the mean of the logarithms and the largest, at any size."


CHECKS = {"33.1": reparameterised, "33.2": kl, "33.3": elbo_of, "33.4": importance_bound}
