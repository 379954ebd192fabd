"""The checks of lesson 54: windows apart, scaling by the training part, blind error, a shift."""

from collections.abc import Callable
from typing import Any

import torch

from . import require
from .answers import tensor

HINTS = {
    "54.1": (
        "Cut the rows at the border first, then make windows of each part by itself.",
        "part.unfold(0, length, 1) gives (N, F, length): every start, the steps last.",
    ),
    "54.2": (
        "Which rows may decide what becomes 0 and 1? And is that one number, or one a feature?",
        "low, high = train_rows.amin(0), train_rows.amax(0); then (rows - low) / (high - low).",
    ),
    "54.3": (
        "real[:, 1:, -1] is what is to be predicted: (N, T - 1). One median a column.",
        "x.median(0).values, then the mean of the absolute differences.",
    ),
    "54.4": (
        "The last thing that it says has nothing to be compared with, and the first h was never "
        "to be predicted.",
        "(supervisor(h)[:, :-1] - h[:, 1:]).square().mean()",
    ),
}


def like(got: torch.Tensor, other: Any) -> bool:
    """Whether an answer is what this mistake would give."""
    other = torch.as_tensor(other).double()
    return got.shape == other.shape and torch.allclose(got, other, atol=1e-5)


def windows_apart(answer: Callable) -> str:
    rows, border, length = torch.arange(40.0).reshape(20, 2), 13, 4
    found = answer(rows.clone(), border, length)
    require(
        isinstance(found, tuple | list) and len(found) == 2,
        f"two tensors are asked for, training and test windows, not {type(found).__name__}.",
    )
    for part, first, count in zip(found, (0, border), (10, 4), strict=True):
        name = "test" if first else "training"
        right = torch.stack([rows[first + i : first + i + length] for i in range(count)])
        require(
            isinstance(part, torch.Tensor),
            f"the {name} windows should be a tensor, not {type(part).__name__}.",
        )
        _shape_of_windows(part, right, first, name)
        if part.shape == right.shape and torch.equal(part.sort(0).values, right.sort(0).values):
            require(torch.equal(part, right), "all windows are there, but not in order of time.")
        require(
            torch.equal(part.float(), right),
            f"of {count} {name} windows the first should begin with row {first} and hold "
            f"{length} rows one after the other; yours begins with the values "
            f"{part[0, 0].tolist()}.",
        )
    return "no row is in a window of both parts, and none is left out."


def _shape_of_windows(part: torch.Tensor, right: torch.Tensor, first: int, name: str) -> None:
    """Hints that the shape of one part gives."""
    count, length, features = right.shape
    require(
        part.shape != (count, features, length),
        "the windows are right, but features stand before steps; (N, length, F) is asked for.",
    )
    require(part.ndim == 3, f"{name} windows (N, length, F) are asked for, not {part.ndim} axes.")
    crossing = part[:, 0, 0] // 2  # the row with which each window begins
    require(
        first or not len(part) or crossing.max() <= 13 - length,
        "a training window reaches across the border: it holds rows of the test part.",
    )
    require(
        not first or not len(part) or crossing.min() >= first,
        "a test window begins before the border: it holds rows of the training part.",
    )
    require(
        len(part) != count - 1,
        f"there is one {name} window too few: the last one ends with the last row.",
    )
    require(
        len(part) not in (3, 1) or count - len(part) < 2,
        "your windows do not overlap. One begins at each row.",
    )
    require(
        part.shape == right.shape,
        f"{name} windows should have the shape {tuple(right.shape)}, not {tuple(part.shape)}.",
    )


def min_max(answer: Callable) -> str:
    source = torch.Generator().manual_seed(0)
    known = torch.rand(30, 3, generator=source) * torch.tensor([1.0, 10.0, 5.0]) - 2
    rows = torch.rand(12, 3, generator=source) * torch.tensor([2.0, 15.0, 5.0]) - 3
    low, high = known.amin(0), known.amax(0)
    got = tensor(answer(known.clone(), rows.clone()), (12, 3), "the scaled rows, (M, F),")
    right = (rows - low) / (high - low)
    both = torch.cat([known, rows])
    require(
        not like(got, (rows - rows.amin(0)) / (rows.amax(0) - rows.amin(0))),
        "you took the extremes of `rows` themselves. A model in use does not know them yet.",
    )
    require(
        not like(got, (rows - both.amin(0)) / (both.amax(0) - both.amin(0))),
        "the extremes come from both parts. That is the leak: the future decides the scale.",
    )
    require(
        not like(got, (rows - known.min()) / (known.max() - known.min())),
        "one range for all features. Each feature has its own.",
    )
    require(
        not like(got, right.clamp(0, 1)),
        "it is cut off at 0 and 1. What lies outside was to stay outside, or it cannot be undone.",
    )
    require(
        not like(got, (rows - known.mean(0)) / known.std(0)),
        "that is standardising, by mean and spread. Here the extremes count.",
    )
    require(not like(got, rows / high), "the least value becomes 0 only if it is subtracted.")
    require(
        not like(got, (rows - low) / high),
        "divide by the *range*, the greatest less the least value, not by the greatest.",
    )
    require(not like(got, right * 2 - 1), "that runs from -1 to 1; 0 to 1 is asked for.")
    require(
        like(got, right),
        f"the first value comes out as {got[0, 0]:.3g}; by hand it is {right[0, 0]:.3g}.",
    )
    return "the training part fills 0…1, and a later part may leave it."


def blind_error(answer: Callable) -> str:
    source = torch.Generator().manual_seed(1)
    real = torch.rand(41, 6, 3, generator=source) ** 3 + torch.arange(6.0)[:, None] / 3
    wanted = real[:, 1:, -1]
    right = (wanted - wanted.median(0).values).abs().mean()
    got = answer(real.clone())
    if isinstance(got, torch.Tensor) and got.ndim:
        require(False, "one error for each step or window; their mean is asked for.")
    got = tensor(got, (), "one number")
    every, first = real[:, :, -1], real[:, 1:, 0]
    require(
        not like(got, (wanted - wanted.mean(0)).abs().mean()),
        "that is the error of the *mean* of each step. The absolute error is least at the median.",
    )
    require(
        not like(got, (wanted - wanted.median()).abs().mean()),
        "one median for all steps. Each step has its own.",
    )
    require(
        not like(got, (every - every.median(0).values).abs().mean()),
        "the first step is in it; it is never predicted.",
    )
    require(
        not like(got, (wanted - wanted.median(0).values).square().mean())
        and not like(got, (wanted - wanted.median(0).values).square().mean().sqrt()),
        "that is a squared error; the mean *absolute* one is asked for.",
    )
    require(
        not like(got, (real[:, 1:] - real[:, 1:].median(0).values).abs().mean()),
        "all features are in it. Only the last one is predicted.",
    )
    require(
        not like(got, (first - first.median(0).values).abs().mean()),
        "that is the first feature; the last one is predicted.",
    )
    require(
        not like(got, (wanted - wanted.median(1, keepdim=True).values).abs().mean()),
        "the median runs over the steps of each window. That would be looking at it.",
    )
    require(
        not like(got, (wanted - real[:, :-1, -1]).abs().mean()),
        "that is persistence, which looks at the value before.",
    )
    require(like(got, right), f"it gives {got:.4g}; by hand it is {right:.4g}.")
    return "what a model has to be below before its predictive score says anything."


def supervised_loss(answer: Callable) -> str:
    source = torch.Generator().manual_seed(2)
    h = torch.rand(5, 7, 3, generator=source)
    weight = torch.rand(3, 3, generator=source).requires_grad_()

    def supervisor(x: torch.Tensor) -> torch.Tensor:
        return x.cumsum(1) @ weight / 4

    returned = answer(supervisor, h.clone())
    if isinstance(returned, torch.Tensor) and returned.ndim:
        require(False, "an error for each value; their mean is asked for.")
    got = tensor(returned, (), "one number")
    said = supervisor(h).detach()
    right = (said[:, :-1] - h[:, 1:]).square().mean()
    require(
        not like(got, (said - h).square().mean()),
        "not shifted: the supervisor has seen the h that it is compared with, and need only copy.",
    )
    require(
        not like(got, (said[:, 1:] - h[:, :-1]).square().mean()),
        "shifted the wrong way: what it says is compared with the step *before*.",
    )
    require(
        not like(got, (said[:-1] - h[1:]).square().mean()),
        "shifted along the batch. Time is the second axis.",
    )
    require(
        not like(got, (said.roll(-1, 1) - h).square().mean())
        and not like(got, (said.roll(1, 1) - h).square().mean()),
        "rolled round: one end is compared with the other end of the window. Leave it out.",
    )
    require(not like(got, right.sqrt()), "the root is one too many; the mean square is asked for.")
    require(
        not like(got, (said[:, :-1] - h[:, 1:]).abs().mean()),
        "that is the mean absolute error; the squared one is asked for.",
    )
    require(
        not like(got, (said[:, :-1] - h[:, 1:]).square().sum()),
        "the sum; the mean does not grow with the batch.",
    )
    require(like(got, right), f"it gives {got:.4g}; by hand it is {right:.4g}.")
    require(
        isinstance(returned, torch.Tensor) and returned.requires_grad,
        "the number is right, but no gradient reaches the supervisor. Was it detached?",
    )
    return "what it says at t is held against what comes at t + 1."


CHECKS = {
    "54.1": windows_apart,
    "54.2": min_max,
    "54.3": blind_error,
    "54.4": supervised_loss,
}
