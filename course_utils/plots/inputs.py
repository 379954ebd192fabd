"""What a plot is given: checked, and numbers as NumPy arrays. Knows no plot.

Each function returns what it was given, or raises a TypeError or ValueError that names it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..arguments import shown


def array(values: Any, name: str = "values") -> np.ndarray:
    """A tensor on any device, a list or an array, as a NumPy array.

    Raises:
        TypeError: it holds no numbers; `name` is what the error calls it.
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


def pair(name: str, values: Any) -> tuple[float, float]:
    """Two numbers."""
    found = array(values, name)
    if found.shape != (2,):
        raise ValueError(f"{name} must be two numbers, not {shown(values)}.")
    return tuple(found.tolist())


def limits(values: Any) -> tuple[float, float]:
    """The values of black and white."""
    low, high = pair("limits", values)
    if not low < high:
        raise ValueError(f"limits must be two numbers, the lower one first, not {shown(values)}.")
    return low, high


def levels(name: str, values: Any) -> dict[str, float]:
    """Numbers by name."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a dict of numbers by name, not {shown(values)}.")
    found = array(list(values.values()), name)
    if found.ndim != 1:
        raise ValueError(f"{name} must be one number a name, not {shown(values)}.")
    return dict(zip(values, found.tolist(), strict=True))


def spread(values: Any, heights: Mapping[str, float]) -> list[float]:
    """One number from 0 up for each of the heights."""
    found = [levels("spread", values).get(name, -1.0) for name in heights]
    if any(number < 0 for number in found):
        wanted = ", ".join(map(str, heights))
        raise ValueError(f"spread must have a number from 0 up for {wanted}, not {shown(values)}.")
    return found


def curve(name: str, values: Any) -> list[np.ndarray]:
    """x, y and perhaps the spread of a curve, each (N,)."""
    several = isinstance(values, list | tuple) or getattr(values, "ndim", 0)  # or of an array
    found = [array(row, "curves") for row in values] if several else []
    shapes = [part.shape for part in found]
    if len(found) not in (2, 3) or len(set(shapes)) > 1 or found[0].ndim != 1:
        raise ValueError(
            "curves must be (x, y) or (x, y, spread), each of shape (N,); those of "
            f"{name!r} are {shapes or shown(values)}."
        )
    return found


def labels(name: str, values: Any, count: int, of: str) -> None:
    """As many strings, or what is written as such."""
    if not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a list of strings, not {shown(values)}.")
    if len(values) != count:
        raise ValueError(f"{name} must be {count} strings, one a {of}, not {len(values)}.")


def texts(**values: Any) -> None:
    """Strings, each by the name of its argument."""
    for name, value in values.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a string, not {shown(value)}.")


def form(values: np.ndarray, spec: Any) -> str:
    """How numbers such as `values` are written."""
    try:
        format(values.flat[0], spec)
    except (TypeError, ValueError):
        raise ValueError(f"form must be a format such as '.2f', not {shown(spec)}.") from None
    return spec
