"""Arrays in, figure out. Knows nothing of datasets, networks or training.

Every function returns a `Plot`: a matplotlib figure that shows itself as the last line of a cell
and carries alt text, which each call has to give.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .runtime import COLOURS

DPI = 90
MARKS = "os^Dv*P"
DASHES = ("-", "--", "-.", ":")


class Plot(Figure):
    """A figure with alt text, drawn outside pyplot: nothing is shown twice, nothing piles up."""

    def __init__(self, width: float, height: float, alt: str) -> None:
        if not alt or not isinstance(alt, str):
            raise ValueError(f"alt must say in a sentence what the figure shows, not {alt!r}.")
        super().__init__(figsize=(width, height), dpi=DPI, layout="constrained")
        self.alt = alt

    def png(self) -> bytes:
        """The figure as the bytes of a PNG file."""
        buffer = io.BytesIO()
        FigureCanvasAgg(self).print_png(buffer)  # as `savefig` does, but drawn once, not twice
        return buffer.getvalue()

    def html(self, name: str = "") -> str:
        """The figure as an `<img>` with its alt text, perhaps of a CSS class `name`."""
        width, height = (round(pixels) for pixels in self.bbox.size)  # known before it is decoded
        kind = f'class="{name}" ' if name else ""
        return (
            f'<img {kind}alt="{html.escape(self.alt)}" width="{width}" height="{height}" '
            'style="max-width: 100%; height: auto" src="data:image/png;base64,'
            f'{base64.b64encode(self.png()).decode()}">'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        # HTML, because JupyterLab shows an `image/png` without its alt text.
        return {"text/html": self.html(), "text/plain": self.alt}


def array(values: Any) -> np.ndarray:
    """A tensor on any device, a list or an array, as a NumPy array."""
    if isinstance(values, torch.Tensor):
        return values.detach().float().cpu().numpy()
    return np.asarray(values)


def images(
    pictures: Any,
    titles: Sequence[str] | None = None,
    *,
    alt: str,
    columns: int = 10,
    size: float = 0.9,
    limits: tuple[float, float] | None = (0, 1),
) -> Plot:
    """A grid of pictures, each with an optional title.

    Args:
        pictures: (N, C, H, W) with C 1 or 3, or (N, H, W); values within `limits`.
        titles: N strings.
        columns: how many stand in a row.
        size: inches of one picture.
        limits: the values of black and white; None takes each picture's own extremes, and
            draws grey ones in a map from purple (low) to yellow (high).
    """
    pictures = _pictures(array(pictures), limits)
    if titles and len(titles) != len(pictures):
        raise ValueError(
            f"titles must be {len(pictures)} strings, one a picture, not {len(titles)}."
        )
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    plot = Plot(columns * size, rows * size * (1.25 if titles else 1), alt)
    low, high = limits or (None, None)
    colours = "gray" if limits else "viridis"
    wide, tall = 0.94 / columns, (0.76 if titles else 0.94) / rows
    plot.set_layout_engine("none")  # placed by hand it is drawn twice as fast
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        axes = plot.add_axes(((column + 0.03) / columns, 1 - (row + 0.97) / rows, wide, tall))
        axes.axis("off")
        axes.imshow(picture, cmap=colours, vmin=low, vmax=high)
        if titles:
            axes.set_title(titles[number], fontsize=8, pad=2)
    return plot


def _pictures(pictures: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    """(N, H, W), or (N, H, W, 3) in 0…1, since matplotlib has limits for grey pictures only."""
    channels = 1 if pictures.ndim == 3 else pictures.shape[1] if pictures.ndim == 4 else None
    if channels not in (1, 3) or not len(pictures):
        raise ValueError(
            "pictures must be of shape (N, H, W), (N, 1, H, W) or (N, 3, H, W), N at least 1, "
            f"not {pictures.shape}."
        )
    if channels == 1:
        return pictures.reshape(len(pictures), *pictures.shape[-2:])
    whole = {"axis": (1, 2, 3), "keepdims": True}  # of each picture
    low, high = limits or (pictures.min(**whole), pictures.max(**whole))
    return ((pictures - low) / np.maximum(high - low, 1e-12)).clip(0, 1).transpose(0, 2, 3, 1)


def prediction(image: Any, probabilities: Any, classes: Sequence[str], *, alt: str) -> Plot:
    """A picture, (C, H, W), and beside it the probability of each class as a bar."""
    image, probabilities = array(image), array(probabilities)
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


def lines(
    curves: Mapping[str, tuple[Any, Any] | tuple[Any, Any, Any]],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    baselines: Mapping[str, float] | None = None,
    log: str = "",
    size: tuple[float, float] = (6.5, 3.2),
) -> Plot:
    """Named curves in one frame, told apart by colour, dash and marker.

    Args:
        curves: name -> (x, y), or (x, y, spread) with a band of one spread to each side.
        baselines: name -> a level, drawn as a thin grey line with its name beside it.
        log: `"x"`, `"y"` or `"xy"` for logarithmic axes.
    """
    plot = Plot(*size, alt)
    axes = plot.subplots()
    for number, (name, (x, y, *spread)) in enumerate(curves.items()):
        x, y = array(x), array(y)
        mark = MARKS[number % len(MARKS)] if len(x) <= 30 else None
        style = {"color": COLOURS[number % len(COLOURS)], "ls": DASHES[number % len(DASHES)]}
        axes.plot(x, y, label=name, marker=mark, ms=4, **style)
        if spread:
            band = array(spread[0])
            axes.fill_between(x, y - band, y + band, color=style["color"], alpha=0.2, lw=0)
    _baselines(axes, baselines)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if "x" in log:
        axes.set_xscale("log")
    if "y" in log:
        axes.set_yscale("log")
    if len(curves) > 1:  # beside the axes, where it hides no curve
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return plot


def heatmap(
    table: Any,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    xlabel: str,
    ylabel: str,
    value: str,
    alt: str,
    form: str = ".2f",
    size: tuple[float, float] = (5.5, 4.4),
) -> Plot:
    """A table of numbers, (R, C), as coloured cells with the numbers written in them."""
    table = array(table)
    plot = Plot(*size, alt)
    axes = plot.subplots()
    shown = axes.imshow(table, cmap="cividis", aspect="auto")
    middle = (table.min() + table.max()) / 2
    for (row, column), number in np.ndenumerate(table):
        ink = "black" if number > middle else "white"
        axes.text(column, row, format(number, form), ha="center", va="center", color=ink, size=8)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(False)
    plot.colorbar(shown, label=value)
    return plot


def bars(
    heights: Mapping[str, float],
    *,
    ylabel: str,
    alt: str,
    spread: Mapping[str, float] | None = None,
    baselines: Mapping[str, float] | None = None,
    size: tuple[float, float] = (6.0, 3.0),
) -> Plot:
    """One bar a name, its value written on top, with whiskers where a spread is given."""
    plot = Plot(*size, alt)
    axes = plot.subplots()
    whiskers = [spread[name] for name in heights] if spread else None
    drawn = axes.bar(list(heights), list(heights.values()), yerr=whiskers, capsize=4)
    axes.bar_label(drawn, fmt="%.3g", padding=2)
    _baselines(axes, baselines)
    axes.set_ylabel(ylabel)
    axes.grid(axis="x", visible=False)
    return plot


def curves(history: Any, total: int | None = None, bins: int = 120) -> Plot:
    """The metrics of a `History`: a panel for each, its evaluation as dots in the same panel.

    An evaluated metric belongs to the panel whose name ends its own: `test accuracy` is drawn in
    the panel of `accuracy`. Long curves are drawn as means over at most `bins` stretches.
    """
    panels: dict[str, list[str]] = {}
    for name in history.names():
        home = next((panel for panel in panels if name.endswith(panel)), None)
        if home is None:
            panels[name] = [name]
        elif name not in history.values:
            panels[home].append(name)
        else:
            panels[name] = [name]
    told = ", ".join(f"{name} {history[name][-1]:.3g}" for name in history.names())
    alt = f"Curves of training against the step; the last values are {told or 'not there yet'}."
    plot = Plot(3.3 * max(1, min(3, len(panels))), 2.4 * max(1, -(-len(panels) // 3)), alt)
    grid = plot.subplots(max(1, -(-len(panels) // 3)), max(1, min(3, len(panels))), squeeze=False)
    for axes in list(grid.flat)[len(panels) :]:
        axes.axis("off")
    for axes, (panel, names) in zip(grid.flat, panels.items(), strict=False):
        for name in names:
            _curve(axes, name, history, bins)
        axes.set(xlabel="step", ylabel=panel, xlim=(0, total))
        axes.locator_params(axis="x", nbins=4)  # numbers such as 100000 need the room
        if len(names) > 1:
            axes.legend(frameon=False, fontsize=8)
    return plot


def _curve(axes: Axes, name: str, history: Any, bins: int) -> None:
    x, y = history.steps(name), history[name]
    if name not in history.values:
        axes.plot(x, y, "o--", color=COLOURS[1], label=name, ms=5)
        return
    if len(x) > bins:
        x, y = (np.array([part.mean() for part in np.array_split(v, bins)]) for v in (x, y))
    axes.plot(x, y, label="training", color=COLOURS[0])


def _baselines(axes: Axes, baselines: Mapping[str, float] | None) -> None:
    for name, level in (baselines or {}).items():
        axes.axhline(level, color="#666666", lw=1, ls=(0, (1, 2)))
        axes.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom",
            size=8, color="#444444",
        )  # fmt: skip
