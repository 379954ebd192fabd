"""Text on coloured ground: one number for each character."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from .. import arguments
from .figure import Plot

COLUMNS = 96  # characters in a row, as wide as the page


def characters(
    text: str,
    values: Any,
    *,
    value: str,
    alt: str,
    limits: tuple[float, float] | str | None = None,
) -> Plot:
    """A text in a grid of characters, each on ground whose colour is its number.

    A newline is shown as ↵ and ends the row; longer rows are broken.

    Args:
        values: one number for each character, (N,).
        value: what the numbers are, written beside the bar of colours.
        limits: the values of white and of the deepest colour; None takes the extremes; `"signed"`
            is for values of two signs: 0 is white, the largest magnitude deep red or deep blue.
            Values beyond the limits get the deepest colour, and the bar ends in an arrow.

    Raises:
        TypeError, ValueError: an argument of another kind, or not one number per character.
    """
    arguments.text("text", text, 1), arguments.text("value", value)
    values = arguments.array("values", values)
    arguments.shape("values", values, f"({len(text)},), one number per character")
    limits = arguments.limits(limits)
    if limits == "signed":
        limits = (-(high := max(np.abs(values).max(), 1e-12)), high)
    norm = Normalize(*(limits or (values.min(), values.max())), clip=True)
    colours = colormaps["RdBu_r" if norm.vmin == -norm.vmax else "Oranges"]
    places = _places(text)
    rows, columns = places[-1][0] + 1, max(column for _, column in places) + 1
    ground = np.ones((rows, columns, 4))
    for place, number in zip(places, values, strict=True):
        ground[place] = colours(norm(number))
    plot = Plot(9.5, 0.401 + 0.2 * rows, alt)
    axes = plot.subplots()
    axes.imshow(ground, aspect="auto", extent=(0, columns, rows, 0))
    axes.set(xlim=(0, COLUMNS), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for (row, column), character in zip(places, text, strict=True):
        dark = ground[row, column, :3] @ (0.3, 0.59, 0.11) < 0.5
        axes.text(
            column + 0.5, row + 0.5, character.replace("\n", "↵"), ha="center",
            va="center_baseline", family="monospace", size=8, color="white" if dark else "black",
            parse_math=False,
        )  # fmt: skip
    beyond = bool(values.min() < norm.vmin), bool(values.max() > norm.vmax)
    ends = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond, "neither")
    bar = {"label": value, "fraction": 0.03, "pad": 0.01, "extend": ends}
    plot.colorbar(ScalarMappable(norm, colours), ax=axes, **bar)
    return plot


def _places(text: str) -> list[tuple[int, int]]:
    """The row and the column of each character."""
    found, row, column = [], 0, 0
    for character in text:
        if column == COLUMNS:
            row, column = row + 1, 0
        found.append((row, column))
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    return found
