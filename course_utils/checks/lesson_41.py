"""The checks of lesson 41: the best discriminator, G's loss, packing, high-quality samples."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import require
from .answers import tensor

HINTS = {
    "41.1": (
        "At each point: which share of all points that fall there is real?",
        "p / (p + q), where both may be tensors.",
    ),
    "41.2": (
        "D is the sigmoid of the logits, and -log sigmoid(a) is a softplus. Of which number?",
        "F.softplus(-logits).mean()",
    ),
    "41.3": (
        "A reshape is enough, if neighbours are to stand side by side. Which shape?",
        "samples.reshape(len(samples) // m, m * samples.shape[1])",
    ),
    "41.4": (
        "First the distance of each sample from each centre, then the smallest of each sample.",
        "torch.cdist(samples, centres).amin(1) gives it; then the share that is at most 3 sigma.",
    ),
}


def best_discriminator(answer: Callable) -> str:
    p, q = torch.tensor([0.2, 1.0, 0.5, 3.0]), torch.tensor([0.6, 1.0, 0.1, 0.0])
    got = tensor(answer(p.clone(), q.clone()), (4,), "a probability for each of four points")

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got[:3], other.double()[:3], atol=1e-5)

    require(
        not like(q / (p + q)),
        "that is the probability of being *fake*. p is the density of the real points.",
    )
    require(
        not like(p / q),
        "that is the ratio of the densities. It runs from 0 to infinity; a probability does not.",
    )
    require(
        not like((p / q).log()),
        "that is the best *logit*. D itself is its sigmoid.",
    )
    require(not like(p), "q plays no part in it. Where fakes are dense, D should be low.")
    require(
        not like((p > q).double()),
        "right on which is likelier, but D is to say how sure it is, not only yes or no.",
    )
    require(
        not like(p / (p.sum() + q.sum())),
        "the sum below runs over all points. Each point has a denominator of its own.",
    )
    require(
        not like(p / (p + q) / 2) and not like(2 * p / (p + q)),
        "there is a factor of two too many. Where p = q, D must be a half.",
    )
    require(
        like(p / (p + q)),
        f"for p = 0.2 and q = 0.6 it gives {got[0]:.3g}; one point in four is real there.",
    )
    require(
        torch.isclose(got[3], torch.tensor(1.0).double()),
        "right, but where q = 0 and p is not, D must be 1. Did you divide by q on the way?",
    )
    return "one half where the densities agree, one where no fake ever falls."


def generator_loss(answer: Callable) -> str:
    a = torch.tensor([[-2.0], [0.5], [3.0]])
    got = answer(a.clone())
    right = F.softplus(-a).mean().double()
    if isinstance(got, torch.Tensor) and got.shape == a.shape:
        require(False, "one loss for each sample; its mean is asked for.")
    got = tensor(got, (), "one number")

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other.double(), atol=1e-5)

    require(
        not like(F.logsigmoid(-a).mean()),
        "that is log(1 - D), the minimax loss. It is flat where D sees through the fakes.",
    )
    require(
        not like(F.softplus(a).mean()),
        "that is what *D* minimises on fakes. G wants the opposite: which sign has the logit?",
    )
    require(
        not like(F.logsigmoid(a).mean()),
        "minimised, it would make D(G(z)) small. The sign in front is missing.",
    )
    require(not like(F.softplus(-a).sum()), "the sum; the mean does not grow with the batch.")
    D = a.sigmoid()
    require(
        not like(F.softplus(-D).mean()),
        "a sigmoid too many: softplus takes the logits as they are.",
    )
    require(
        not like(-a.mean()),
        "that is the loss of a Wasserstein GAN. Here it is the logarithm of a probability.",
    )
    require(
        like(right), f"for logits -2, 0.5 and 3 it gives {got:.4g}; -log D averages {right:.4g}."
    )
    far = torch.tensor([[-200.0]], requires_grad=True)
    loss = torch.as_tensor(answer(far))
    require(
        torch.isfinite(loss) and abs(loss.item() - 200) < 1e-3,
        f"right, until D is very sure: for a logit of -200 it gives {loss.item():.3g} instead of "
        "200. The logarithm of a rounded sigmoid is not the logarithm; use softplus or logsigmoid.",
    )
    require(
        loss.requires_grad,
        "the number is right, but no gradient can flow through it. Was something detached?",
    )
    return "steep where D sees through the fakes, and finite for logits of any size."


def packed(answer: Callable) -> str:
    x = torch.arange(24.0).reshape(12, 2)
    for m in (3, 4):
        got: Any = answer(x.clone(), m)
        require(
            isinstance(got, torch.Tensor),
            f"a tensor is asked for, not {type(got).__name__}.",
        )
        rows, right = 12 // m, x.reshape(12 // m, m * 2)
        require(
            got.shape != (rows, m, 2),
            "the packs are right, but D wants one row of numbers for each: flatten the rest.",
        )
        require(
            got.shape != (12, 2 * m),
            "there are as many packs as there were samples. A sample belongs to one pack only.",
        )
        require(
            got.shape != (m, 2 * rows),
            "m is the size of a pack, not the number of packs.",
        )
        require(
            got.shape == right.shape,
            f"12 samples in packs of {m} should have the shape {tuple(right.shape)}, not "
            f"{tuple(got.shape)}.",
        )
        mixed = x.T.reshape(rows, 2 * m)
        side = x.reshape(rows, m, 2).transpose(1, 2).reshape(rows, 2 * m)
        require(
            not (torch.equal(got, side) or torch.equal(got, mixed)),
            "the coordinates of different samples are mixed up: x and y of one sample belong side "
            "by side.",
        )
        require(
            not torch.equal(got, x[::m].repeat(1, m)),
            "each pack holds one sample several times. D can see nothing about variety in that.",
        )
        members = got.reshape(12, 2)
        order = members[:, 0].argsort()
        require(
            torch.equal(members[order], x),
            "every sample should be in exactly one pack; yours lack some.",
        )
    return "each sample is in one pack, and D sees m of them side by side."


def high_quality(answer: Callable) -> str:
    centres, sigma = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]), 1.0
    source = torch.Generator().manual_seed(0)
    spread = torch.rand(60, 2, generator=source) * 8 - 4
    x = centres[torch.arange(60) % 3] + spread
    distances = (x[:, None] - centres).square().sum(2).sqrt()
    right = (distances.amin(1) <= 3).double().mean()
    got = answer(x.clone(), centres.clone(), sigma)
    if isinstance(got, torch.Tensor) and got.dtype is torch.bool:
        require(False, "true and false for each sample; the *share* of true ones is asked for.")
    got = tensor(got, (), "one number, a share,")

    def like(other: Any) -> bool:
        return torch.allclose(got, torch.as_tensor(other).double(), atol=1e-5)

    box = (x[:, None] - centres).abs().amax(2).amin(1)
    require(not like((distances.amin(1) <= 3).sum()), "that is their number; the share is asked.")
    require(not like((distances.amin(1) <= 1).double().mean()), "within *three* sigma, not one.")
    require(
        not like((box <= 3).double().mean()),
        "each coordinate by itself makes a square. Three sigma is a distance, a circle.",
    )
    require(
        not like((distances.amin(1) <= math.sqrt(3)).double().mean()),
        "a squared distance has to be compared with the square of 3 sigma.",
    )
    require(
        not like((distances <= 3).double().mean()),
        "the mean runs over all pairs of sample and centre. For a sample only the nearest counts.",
    )
    require(
        not like((distances.amax(1) <= 3).double().mean()),
        "a sample need not be near *all* centres: take the smallest distance.",
    )
    require(not like(1 - right), "that is the share of the *bad* ones.")
    require(like(right), f"for 60 samples it gives {got:.4g}; by hand it is {right:.4g}.")
    small = answer(0.01 * x, 0.01 * centres, 0.01)
    require(
        abs(float(small) - right) < 0.02,
        "right for sigma = 1, but it changes with the unit of length. Where is sigma?",
    )
    return "the nearest centre decides, within a circle of three sigma."


CHECKS = {
    "41.1": best_discriminator,
    "41.2": generator_loss,
    "41.3": packed,
    "41.4": high_quality,
}
