"""Arguments of plots, tables and controls: sizes, limits, curves, labels, rows, named numbers."""

from collections.abc import Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from .arrays import array, shape
from .values import kind, shown

LARGEST = 700  # inches: matplotlib draws no more than 2¹⁶ pixels


def alt(value: Any) -> str:
    """`value`, if it can be the alt text of a figure.

    Raises:
        ValueError: it is not a string, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"alt must say in a sentence what the figure shows, not {shown(value)}.")
    return value


def size(values: Any) -> tuple[float, float]:
    """The width and the height of a figure in inches.

    Raises:
        TypeError, ValueError: not two numbers that matplotlib can draw.
    """
    width, height = shape("size", array("size", values), "(2,): width, height").tolist()
    if not (0 < width < LARGEST and 0 < height < LARGEST):
        raise ValueError(
            f"The size of a figure must be above 0 and below {LARGEST} inches in width and "
            f"height, not {width:g} and {height:g}."
        )
    return width, height


def limits(values: Any) -> tuple[float, float] | str | None:
    """The values of black and white, or `None` or "signed", which leave them to the pictures.

    Raises:
        TypeError, ValueError: not two numbers, the lower one first.
    """
    if values is None or (isinstance(values, str) and values == "signed"):
        return values
    accepted = 'limits must be two numbers, the lower one first, "signed" or None'
    if isinstance(values, str):
        raise ValueError(f"{accepted}, not {shown(values)}.")
    low, high = shape("limits", array("limits", values), "(2,): low, high").tolist()
    if not low < high:
        raise ValueError(f"{accepted}, not {shown(values)}.")
    return low, high


def numbers(name: str, values: Any) -> dict[str, float]:
    """Plain numbers by name.

    Raises:
        TypeError, ValueError: not a dict of numbers; names the argument.
    """
    kind(name, values, Mapping, "a dict of numbers by name")
    found = array(name, list(values.values()))
    if found.ndim != 1:
        raise ValueError(f"{name} must be one number per name, not {shown(values)}.")
    return dict(zip(values, found.tolist(), strict=True))


def spread(values: Any, heights: Mapping[str, float]) -> list[float]:
    """One number from 0 up for each of the heights.

    Raises:
        TypeError, ValueError: not a dict of such numbers, or one is missing.
    """
    found = [numbers("spread", values).get(name, -1.0) for name in heights]
    if any(number < 0 for number in found):
        wanted = ", ".join(map(str, heights))
        raise ValueError(f"spread must have a number from 0 up for {wanted}, not {shown(values)}.")
    return found


def curve(name: str, values: Any) -> list[np.ndarray]:
    """x, y and perhaps the spread of a curve, each (N,).

    Raises:
        TypeError, ValueError: not two or three rows of numbers of one length; names the curve.
    """
    several = isinstance(values, list | tuple) or getattr(values, "ndim", 0)  # or of an array
    found = [array("curves", row) for row in values] if several else []
    shapes = [part.shape for part in found]
    if len(found) not in (2, 3) or len(set(shapes)) > 1 or found[0].ndim != 1:
        raise ValueError(
            "curves must be (x, y) or (x, y, spread), each of shape (N,); those of "
            f"{name!r} are {shapes or shown(values)}."
        )
    return found


def labels(name: str, values: Any, count: int, of: str) -> Sequence[Any]:
    """As many names, each a string or something that prints as one.

    Raises:
        TypeError, ValueError: it is not a list, or has another length; names the argument.
    """
    kind(name, values, Sequence, "a list of strings")
    if len(values) != count:
        raise ValueError(f"{name} must be {count} strings, one per {of}, not {len(values)}.")
    return values


def rows(name: str, value: Any) -> Sequence[Mapping]:
    """`value`, if it is a list of dicts.

    Raises:
        TypeError: it is not; names the argument.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{name} must be a list of dicts, one per row, not {type(value).__name__}.")
    for row in value:
        if not isinstance(row, Mapping):
            raise TypeError(f"{name} must be dicts, one per row; one is a {type(row).__name__}.")
    return value


def nodes(values: Any, looks: Sequence[str]) -> Mapping[str, tuple]:
    """The nodes of a diagram, name -> (x, y, look, text).

    Raises:
        TypeError, ValueError: not a dict of such nodes; names the first that is not one.
    """
    kind("nodes", values, Mapping, "a dict, name -> (x, y, look, text)")
    for name, node in values.items():
        fits = isinstance(node, list | tuple) and len(node) == 4 and _place(node[:2])
        if not (fits and node[2] in list(looks) and isinstance(node[3], str)):
            raise ValueError(
                "nodes must be name -> (x, y, look, text), with a look from "
                f"{', '.join(looks)}; {name!r} is {shown(node)}."
            )
    return values


def ways(values: Any, nodes: Mapping[str, tuple]) -> Sequence[Sequence]:
    """The arrows of a diagram, each from node to node, perhaps by way of corners (x, y).

    Raises:
        TypeError, ValueError: not a list of such ways; names the first that is not one.
    """
    kind("arrows", values, Sequence, "a list of (node, node), with corners (x, y) between them")
    for way in values:
        fits = isinstance(way, list | tuple) and len(way) > 1 and all(map(_place, way[1:-1]))
        if not (fits and all(end in list(nodes) for end in (way[0], way[-1]))):
            raise ValueError(
                "arrows must be (node, node), with corners (x, y) between them and both nodes "
                f"known, not {shown(way)}."
            )
    return values


def _place(values: Any) -> bool:
    pair = isinstance(values, list | tuple) and len(values) == 2
    return pair and all(isinstance(number, Real) and isfinite(number) for number in values)


def slider(name: str, values: Any) -> tuple[float, float, float, float]:
    """The lowest and the highest value of a slider, its step and its start.

    Raises:
        ValueError: not four such numbers; names the control, and says which others there are.
    """
    real = isinstance(values, tuple) and all(isinstance(number, Real) for number in values)
    if not (real and len(values) == 4 and values[0] <= values[3] <= values[1] and values[2] > 0):
        raise ValueError(
            f"{name} must be (low, high, step, start), a list of choices or a tuple of rows of "
            f"whole numbers, not {shown(values)}."
        )
    return values
