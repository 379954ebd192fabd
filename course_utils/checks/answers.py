"""What an answer must be before it can be right: one number, or a tensor. Knows no lesson."""

from typing import Any

import torch

from . import require


def number(got: Any, what: str = "one number is asked for") -> float:
    """The answer as a number, or a hint on what it is."""
    name = type(got).__name__
    require(not isinstance(got, str | bool | dict | set | None), f"{what}, but it returned {name}.")
    size = torch.as_tensor(got).numel()
    require(size == 1, f"{what}, but it returned {size} of them.")
    return float(got)


def tensor(got: Any, shape: tuple[int, ...], what: str) -> torch.Tensor:
    """The answer as float64 of that shape and without a graph, or a hint on what it is."""
    numbers = isinstance(got, torch.Tensor | float | int) and not isinstance(got, bool)
    require(numbers, f"{what} is asked for, not {type(got).__name__}.")
    got = torch.as_tensor(got).detach().double()
    require(
        got.shape == torch.Size(shape),
        f"{what} is asked for; yours has the shape {tuple(got.shape)}.",
    )
    return got
