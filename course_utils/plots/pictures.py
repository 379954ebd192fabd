"""Pictures in a grid, or beside the probabilities of their classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from .figure import Plot


def images(
    pictures: Any,
    titles: Sequence[str] | None = None,
    *,
    alt: str,
    columns: int = 10,
    size: float = 0.9,
    limits: tuple[float, float] | str | None = (0, 1),
) -> Plot:
    """A grid of pictures, each with an optional title.

    Args:
        pictures: (N, C, H, W) with C 1 or 3, or (N, H, W); values within `limits`.
        titles: N strings.
        columns: how many are in a row.
        size: inches of one picture.
        limits: the values of black and white; None takes each picture's own extremes, and
            draws grey ones in a map from purple (low) to yellow (high); `"signed"` is for weights
            and other values of two signs: 0 is white (mid-grey in a colour picture), and each
            picture's largest magnitude is deep red if positive, deep blue if negative.

    Raises:
        TypeError, ValueError: an argument of another kind or shape, or too few titles.
    """
    limits = arguments.limits(limits)
    pictures = _pictures(arguments.array("pictures", pictures), limits)
    if titles is not None:
        arguments.labels("titles", titles, len(pictures), "picture")
    columns = min(arguments.whole("columns", columns, 1), len(pictures))
    rows, size = -(-len(pictures) // columns), arguments.real("size", size, 0)
    plot = Plot(columns * size, rows * size * (1.25 if titles else 1), alt)
    colours = {None: "viridis", "signed": "RdBu_r"}.get(limits, "gray")
    wide, tall = 0.94 / columns, (0.76 if titles else 0.94) / rows
    plot.set_layout_engine("none")  # placed by hand it is drawn twice as fast
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        axes = plot.add_axes(((column + 0.03) / columns, 1 - (row + 0.97) / rows, wide, tall))
        axes.axis("off")
        low, high = _extremes(picture, limits)
        axes.imshow(picture, cmap=colours, vmin=low, vmax=high)
        if titles:
            axes.set_title(titles[number], fontsize=8, pad=2)
    return plot


def _pictures(pictures: np.ndarray, limits: tuple[float, float] | str | None) -> np.ndarray:
    """(N, H, W), or (N, H, W, 3) in 0…1, since matplotlib has limits for grey pictures only."""
    arguments.shape("pictures", pictures, "(N, H, W), (N, 1, H, W) or (N, 3, H, W)")
    if pictures.ndim == 3 or pictures.shape[1] == 1:
        return pictures.reshape(len(pictures), *pictures.shape[-2:])
    low, high = _extremes(pictures, limits)
    return ((pictures - low) / np.maximum(high - low, 1e-12)).clip(0, 1).transpose(0, 2, 3, 1)


def _extremes(picture: np.ndarray, limits: tuple[float, float] | str | None) -> tuple:
    """The lowest and the highest value that a picture, or each colour picture of many, shows."""
    whole = {"axis": (1, 2, 3), "keepdims": True} if picture.ndim == 4 else {}
    if limits == "signed":
        high = np.maximum(np.abs(picture).max(**whole), 1e-12)
        return -high, high
    return (picture.min(**whole), picture.max(**whole)) if limits is None else limits


def prediction(image: Any, probabilities: Any, classes: Sequence[str], *, alt: str) -> Plot:
    """A picture, (C, H, W) in 0…1, and beside it the probability of each class as a bar.

    Args:
        image: C is 1 or 3.
        probabilities: (K,).
        classes: K names.

    Raises:
        TypeError, ValueError: an argument of another kind or shape, or too few names.
    """
    image = arguments.shape("image", arguments.array("image", image), "(1, H, W) or (3, H, W)")
    probabilities = arguments.array("probabilities", probabilities)
    arguments.shape("probabilities", probabilities, "(K,)")
    arguments.labels("classes", classes, len(probabilities), "probability")
    plot = Plot(6.0, 2.8, alt)
    left, right = plot.subplots(1, 2, width_ratios=(1, 1.4))
    shown = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    left.imshow(shown, cmap="gray", vmin=0, vmax=1)
    left.axis("off")
    right.barh([str(name) for name in classes], probabilities)
    right.set(xlim=(0, 1), xlabel="probability")
    right.invert_yaxis()
    right.grid(axis="y", visible=False)
    return plot
