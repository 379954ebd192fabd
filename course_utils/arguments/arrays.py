"""Arguments that are many numbers: tensors, arrays, rows of samples, sequences."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .values import kind, shown

Samples = torch.Tensor | np.ndarray
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
LARGEST = 1e30  # the sixth power of such a number is finite in float64, itself in float32


def tensor(name: str, value: Any) -> torch.Tensor:
    """`value`, if it is a tensor.

    Raises:
        TypeError: it is not; names the argument.
    """
    return kind(name, value, torch.Tensor, "a tensor")


def whole_numbers(name: str, values: Any) -> torch.Tensor:
    """`values`, if they are a tensor of whole numbers.

    Raises:
        TypeError: they are not; names the argument.
    """
    if tensor(name, values).dtype not in WHOLE:
        raise TypeError(f"{name} must be whole numbers, not of {values.dtype}.")
    return values


def array(name: str, values: Any) -> np.ndarray:
    """A tensor on any device, a list or an array, as a NumPy array.

    Raises:
        TypeError: it holds no numbers; names the argument.
    """
    if isinstance(values, torch.Tensor) and not values.is_complex():
        return values.detach().float().cpu().numpy()
    try:
        found = np.asarray(values)
    except (RuntimeError, TypeError, ValueError):  # rows of unequal length, say
        found = np.empty(0, object)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be numbers in a tensor or a list, not {shown(values)}.")
    return found


def shape(name: str, values: Samples, wanted: str, **least: int) -> Samples:
    """`values`, if their shape is one of those that `wanted` names in parentheses.

    In "(N, 3, H, W)" a number is exact, and a letter any length from 1 up, or from what `least`
    says: `H=7`. In "(N, …)" any axes may follow. The words of `wanted` that are not in
    parentheses are for the error alone: "(N, 3), as wide as the centres".

    Raises:
        ValueError: another shape; names the argument.
    """
    allowed = [part.replace(",", " ").split() for part in re.findall(r"\(([^()]*)\)", wanted)]
    if not any(_fits(values.shape, axes, least) for axes in allowed):
        bounds = " and ".join(f"{axis} at least {count}" for axis, count in least.items())
        wanted = f"{wanted}, with {bounds}" if least else wanted
        raise ValueError(f"{name} must be of shape {wanted}, not {tuple(values.shape)}.")
    return values


def _fits(lengths: Sequence[int], axes: list[str], least: dict[str, int]) -> bool:
    if axes[-1:] == ["…"]:
        axes = axes[:-1]
        lengths = lengths[: len(axes)]
    return len(lengths) == len(axes) and all(
        length == int(axis) if axis.isdigit() else length >= least.get(axis, 1)
        for length, axis in zip(lengths, axes, strict=True)
    )


def within(
    name: str, values: torch.Tensor, low: float, high: float, note: str = "", slack: float = 0.0
) -> torch.Tensor:
    """`values`, one or more, if all are from `low` to `high`, give or take `slack`.

    Raises:
        ValueError: they are not, or NaN is among them; names the argument, and adds the note.
    """
    least, most = (value.item() for value in values.aminmax())
    if not low - slack <= least <= most <= high + slack:  # NaN is not
        given = "NaN" if least != least else f"between {least:.3g} and {most:.3g}"
        raise ValueError(f"{name} must be between {low:g} and {high:g}{note}, not {given}.")
    return values


def samples(
    name: str, values: Samples, wanted: str, *, allowed: float = 0.0, **least: int
) -> torch.Tensor:
    """Finite numbers of such a shape (see `shape`), in float64 on the CPU, without gradient.

    Double precision because distances are small differences of large sums; the CPU because not
    every device has it, and so that a figure does not depend on the device.

    Args:
        allowed: the one value that may be there though it is not finite.

    Raises:
        TypeError: neither a tensor nor an array of real numbers; names the argument.
        ValueError: another shape, or NaN, infinity or what is nearly so.
    """
    shape(name, kind(name, values, Samples, "a tensor or a NumPy array"), wanted, **least)
    if "complex" in str(values.dtype):
        raise TypeError(f"{name} must hold real numbers, not {values.dtype}.")
    if isinstance(values, np.ndarray):
        try:
            values = torch.from_numpy(np.array(values, np.float64))
        except (TypeError, ValueError):
            raise TypeError(f"{name} must hold numbers, not {values.dtype}.") from None
    values = values.detach().cpu().double()
    wrong = ~((values.abs() < LARGEST) | (values == allowed))  # NaN is not below
    if wrong.any():
        rows = int(wrong.view(len(values), -1).any(1).sum())
        raise ValueError(
            f"{name} must hold finite numbers; NaN, infinity or a number beyond {LARGEST:g} is in "
            f"{rows} of {len(values)} rows."
        )
    return values


def vectors(
    name: str, values: Samples, like: torch.Tensor | None = None, **least: int
) -> torch.Tensor:
    """Samples (N, D), checked as in `samples`, and as wide as `like`, (M, D).

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    if like is None:
        return samples(name, values, "(N, D), one row per sample", **least)
    return samples(name, values, f"(N, {like.shape[1]}), as wide as the other samples", **least)


def sequences(
    name: str, values: Samples, like: torch.Tensor | None = None, **least: int
) -> torch.Tensor:
    """Sequences (N, T, F), checked as in `samples`; steps and features those of `like`, (M, T, F).

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    if like is None:
        return samples(name, values, "(N, T, F) for sequences, steps and features", **least)
    steps, features = like.shape[1:]
    wanted = f"(N, {steps}, {features}), with the steps and features of the other sequences"
    return samples(name, values, wanted, **least)


def covariance(name: str, values: Samples, width: int) -> torch.Tensor:
    """A covariance (width, width), checked as in `samples`, and made symmetric to the last digit.

    Raises:
        TypeError, ValueError: it is not symmetric, has a negative eigenvalue or another shape;
            names the argument.
    """
    values = samples(name, values, f"({width}, {width}), like its mean of {width} numbers")
    slack = 1e-5 * values.abs().max()  # what a covariance computed in float32 may be off
    if (values - values.T).abs().max() > slack:
        raise ValueError(f"{name} must be symmetric, as a covariance is.")
    least = torch.linalg.eigvalsh(values)[0]
    if least < -slack:
        raise ValueError(f"{name} must have no negative eigenvalue, but one is {least:.3g}.")
    return (values + values.T) / 2
