"""Arguments that are music: piano rolls, and lists of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .arrays import Samples, shape
from .values import kind, shown, some

KEYS = 88  # of a piano; the lowest, A0, is MIDI note 21


def roll(name: str, value: Samples, least: int = 1) -> np.ndarray:
    """`value`, a piano roll (T, 88) of zeros and ones with T from `least` up, as booleans.

    Raises:
        TypeError, ValueError: it is not one; names the argument.
    """
    found = shades(name, value, least)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(
            f"{name} must be zeros and ones, whether a key sounds or not, not {shown(found)}."
        )
    return found.astype(bool)


def shades(name: str, value: Samples, least: int = 1) -> np.ndarray:
    """`value`, numbers from 0 to 1 (T, 88) with T from `least` up, in float64 on the CPU.

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    kind(name, value, torch.Tensor | np.ndarray, "a piano roll in a tensor or an array")
    if isinstance(value, torch.Tensor):
        value = (value.detach().cpu().float() if not value.is_complex() else value).numpy()
    if value.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, not {value.dtype}.")
    shape(name, value, f"(T, {KEYS}), frames and keys of a piano", T=least)
    found = value.astype(np.float64)
    if not ((found >= 0) & (found <= 1)).all():  # NaN is not
        raise ValueError(f"{name} must be from 0 to 1, not {shown(found)}.")
    return found


def rolls(name: str, values: Any, least: int = 1) -> list[np.ndarray]:
    """`values`, one or more piano rolls, each checked as in `roll`.

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    kind(name, values, Sequence, "a list of piano rolls (T, 88)")
    some(name, len(values))
    return [roll(name, one, least) for one in values]
