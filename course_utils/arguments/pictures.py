"""Arguments that are pictures, their labels, and how much each picture is changed."""

import math
from numbers import Real
from typing import Any

import torch

from .arrays import shape, tensor, whole_numbers
from .values import shown


def images(name: str, value: Any) -> torch.Tensor:
    """`value`, if it is a batch of images (N, C, H, W) in floating point.

    Raises:
        TypeError, ValueError: it is not; names the argument.
    """
    if not shape(name, tensor(name, value), "(N, C, H, W)").is_floating_point():
        raise TypeError(f"{name} must be floating point, not {value.dtype}.")
    return value


def labels(name: str, value: Any, of: str, count: int, classes: int) -> torch.Tensor:
    """`value`, if it is one label for each of `count` images, (N,), from 0 to `classes` - 1.

    Args:
        of: the name of the argument that the images are.

    Raises:
        TypeError, ValueError: it is not; names the argument.
    """
    if whole_numbers(name, value).shape != (count,):
        given = tuple(value.shape)
        raise ValueError(f"{name} must be {count} labels, one per image of {of}, not {given}.")
    if not 0 <= value.min() <= value.max() < classes:
        raise ValueError(
            f"{name} must be indices into the {classes} classes, not {value.min()} to "
            f"{value.max()}."
        )
    return value


def amount(name: str, value: Any, count: int) -> Any:
    """`value`, if it is a finite number or a tensor (N,) with one for each of `count` images.

    What a tensor holds is not looked at: on a GPU that would wait for it.

    Raises:
        ValueError: it is not; names the argument.
    """
    if isinstance(value, torch.Tensor):
        fits = value.shape in ((), (count,))
    else:
        fits = isinstance(value, Real) and math.isfinite(value)
    if not fits:
        raise ValueError(
            f"{name} must be a finite number, or a tensor of shape ({count},) with one per image, "
            f"not {shown(value)}."
        )
    return value


def scale(value: Any, count: int) -> Any:
    """`value`, if it is an `amount` that images can be enlarged by.

    Raises:
        ValueError: it is not, or a number that is not above 0.
    """
    if isinstance(amount("scale", value, count), Real) and not value > 0:
        raise ValueError(f"scale must be above 0, not {value}.")
    return value


def shift(value: Any, count: int) -> tuple[Any, Any]:
    """`value`, if it is a pair of `amount`s, to the right and down.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"shift must be a pair, to the right and down, not {shown(value)}.")
    right, down = (amount("shift", one, count) for one in value)
    return right, down
