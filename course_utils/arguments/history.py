"""Arguments of a history: metrics, the steps at which they were measured, rows, states."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from .values import shown

RESERVED = ("epoch", "step")  # what a row of a history has besides its metrics


def metrics(source: str, given: Any) -> dict[str, Any]:
    """`given`, if it is a dict of single numbers; `source` is the function that returned it.

    What NumPy holds becomes plain numbers; tensors stay on their device.

    Raises:
        TypeError, ValueError: it is something else; names the function or the metric.
    """
    if not isinstance(given, dict):
        raise TypeError(
            f"{source} must return a dict of metrics such as {{'loss': loss}}, "
            f"not {type(given).__name__}."
        )
    return {name: _one_number(name, value) for name, value in given.items()}


def _one_number(name: str, value: Any) -> Any:
    _own_name(name)
    held = isinstance(value, torch.Tensor | np.ndarray | np.generic)
    if held and math.prod(value.shape) != 1:
        raise ValueError(f"metric {name!r} must be one number, not of shape "
                         f"{tuple(value.shape)}: take its mean.")  # fmt: skip
    if isinstance(value, torch.Tensor) and not value.is_complex():
        return value
    number = value.item() if held else value
    if not isinstance(number, Real):
        raise TypeError(f"metric {name!r} must be a number, not {type(number).__name__}.")
    return number


def _own_name(name: Any) -> None:
    """Nothing, if `name` can be that of a metric: the rows have names of their own besides."""
    if not isinstance(name, str) or name in RESERVED:
        taken = " and ".join(map(repr, RESERVED))
        raise ValueError(f"name of a metric must be a string, and {taken} are taken by the rows "
                         f"of the history: not {shown(name)}.")  # fmt: skip


def metric(name: Any, names: list[str]) -> str:
    """`name`, if it is that of a metric.

    Raises:
        ValueError: it is not; says which metrics there are.
    """
    if not isinstance(name, str) or name not in names:
        known = ", ".join(names) or "none yet"
        raise ValueError(f"name must be the name of a metric ({known}), not {shown(name)}.")
    return name


def measured(step: Any, name: Any, value: Any) -> None:
    """Nothing, if a metric can have had this value at this step.

    Raises:
        TypeError, ValueError: a step below 1, a name that is not a string, or not a number.
    """
    if not isinstance(step, Integral) or not isinstance(name, str) or not isinstance(value, Real):
        kinds = ", ".join(type(given).__name__ for given in (step, name, value))
        raise TypeError(f"step, name and value must be int, str and a number, not {kinds}.")
    _own_name(name)
    if step < 1:
        raise ValueError(f"step must be a whole number from 1 up, not {step}.")


def evaluated(given: Any) -> dict[str, float]:
    """`given`, if it is a dict of finite numbers by name.

    Raises:
        ValueError: it is something else.
    """
    items = given.items() if isinstance(given, dict) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(value, Real) for name, value in items):
        raise ValueError(f"evaluated must be a dict of numbers by name, not {shown(given)}.")
    for name, value in items:
        _own_name(name)
        if not math.isfinite(value):
            raise ValueError(f"evaluated must be finite numbers: metric {name!r} is {value}.")
    return given


def state(given: Any, kinds: dict[str, type]) -> dict[str, Any]:
    """`given`, if it is a dict with an entry of each of these kinds.

    Raises:
        ValueError: it is not; says which entries are wrong.
    """
    entries = given if isinstance(given, dict) else {}
    if wrong := [name for name, kind in kinds.items() if not isinstance(entries.get(name), kind)]:
        raise ValueError(f"state must be what state_dict returned; {', '.join(wrong)} is missing "
                         "or of the wrong type.")  # fmt: skip
    return given
