"""What an argument may be: checked, and refused in one sentence that names it. Knows no part.

Each function returns what it was given, or raises a TypeError or ValueError.
"""

import math
import reprlib
from numbers import Real
from pathlib import Path
from typing import Any

import torch

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def shown(value: Any) -> str:
    """A value as an error shows it: in one line, and short."""
    return " ".join(reprlib.repr(value).split())


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """`value`, if it is a whole number from `least` up, or to `most`.

    Raises:
        ValueError: it is not; names the argument.
    """
    number = isinstance(value, int) and not isinstance(value, bool)
    if not number or value < least or (most is not None and value > most):
        span = f"from {least} up" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {span}, not {shown(value)}.")
    return value


def real(name: str, value: Any, least: float) -> float:
    """`value`, if it is a finite number from `least` up.

    Raises:
        ValueError: it is not; names the argument.
    """
    if not isinstance(value, Real) or not least <= value < math.inf:
        raise ValueError(f"{name} must be a number from {least:g} up, not {shown(value)}.")
    return value


def share(name: str, value: Any) -> float:
    """`value`, if it is a number above 0 and below 1.

    Raises:
        ValueError: it is not; names the argument.
    """
    if not isinstance(value, Real) or not 0 < value < 1:
        raise ValueError(f"{name} must be a number above 0 and below 1, not {shown(value)}.")
    return value


def tensor(name: str, value: Any) -> torch.Tensor:
    """`value`, if it is a tensor.

    Raises:
        TypeError: it is not; names the argument.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, not of type {type(value).__name__}.")
    return value


def whole_numbers(name: str, values: Any) -> torch.Tensor:
    """`values`, if they are a tensor of whole numbers.

    Raises:
        TypeError: they are not; names the argument.
    """
    if tensor(name, values).dtype not in WHOLE:
        raise TypeError(f"{name} must be whole numbers, not of {values.dtype}.")
    return values


def named(name: str, path: str | Path) -> Path:
    """`path` as a Path, if it names a file or a folder.

    Raises:
        TypeError, ValueError: it does not; names the argument.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"{name} must be a string or a path, not of type {type(path).__name__}.")
    if not Path(path).name or "\0" in str(path):
        raise ValueError(f"{name} must name a file or a folder, not {str(path)!r}.")
    return Path(path)
