"""Charts: lines, bars, heat maps, and the curves of a training run."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .. import arguments
from .figure import PAGE, Plot
from .style import COLOURS
from .ticks import log_axis

MARKS = "os^Dv*P"
DASHES = ("-", "--", "-.", ":")


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

    Raises:
        TypeError, ValueError: an argument of another kind, or curves of unequal lengths.
    """
    arguments.text("xlabel", xlabel), arguments.text("ylabel", ylabel)
    arguments.choice("log", log, ("", "x", "y", "xy"))
    arguments.kind("curves", curves, Mapping, "a dict, name -> (x, y)")
    plot = Plot(*arguments.size(size), alt)
    axes = plot.subplots()
    for number, (name, given) in enumerate(curves.items()):
        x, y, *spread = arguments.curve(name, given)
        mark = MARKS[number % len(MARKS)] if len(x) <= 30 else None
        style = {"color": COLOURS[number % len(COLOURS)], "ls": DASHES[number % len(DASHES)]}
        axes.plot(x, y, label=name, marker=mark, ms=4, **style)
        if spread:
            [band] = spread
            axes.fill_between(x, y - band, y + band, color=style["color"], alpha=0.2, lw=0)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    for name in log:
        log_axis(axes.xaxis if name == "x" else axes.yaxis)
    _baselines(axes, baselines)
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
    """A table of numbers, (R, C), as coloured cells with the numbers written in them.

    Args:
        rows, columns: R and C names.
        value: what the numbers are, written beside the bar of colours.
        form: how the numbers are written, as in Python's `format`.

    Raises:
        TypeError, ValueError: an argument of another kind, or names that do not fit the table.
    """
    table = arguments.shape("table", arguments.array("table", table), "(R, C)")
    for name, given in (("xlabel", xlabel), ("ylabel", ylabel), ("value", value)):
        arguments.text(name, given)
    arguments.labels("rows", rows, len(table), "row")
    arguments.labels("columns", columns, table.shape[1], "column")
    arguments.number_format("form", form, table.flat[0])
    plot = Plot(*arguments.size(size), alt)
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
    """One bar per name, its value written on top, with whiskers if a spread is given.

    Args:
        spread: name -> how far the whiskers reach to each side, for every bar.
        baselines: name -> a level, drawn as a thin grey line with its name beside it.

    Raises:
        TypeError, ValueError: an argument of another kind, or a bar without a spread.
    """
    arguments.text("ylabel", ylabel)
    heights = arguments.numbers("heights", heights)
    whiskers = None if spread is None else arguments.spread(spread, heights)
    plot = Plot(*arguments.size(size), alt)
    axes = plot.subplots()
    drawn = axes.bar(list(heights), list(heights.values()), yerr=whiskers, capsize=4)
    axes.bar_label(drawn, fmt="%.3g", padding=2)
    _baselines(axes, baselines)
    axes.set_ylabel(ylabel)
    axes.grid(axis="x", visible=False)
    return plot


@runtime_checkable
class Measured(Protocol):
    """What `curves` draws: a `History`."""

    values: Mapping[str, Any]

    def names(self) -> list[str]:
        """The metrics."""

    def steps(self, name: str) -> np.ndarray:
        """The steps at which one was measured."""

    def __getitem__(self, name: str) -> np.ndarray:
        """Its values."""


def curves(history: Measured, total: int | None = None, bins: int = 120) -> Plot:
    """The metrics of a `History`: a panel for each, its evaluation as dots in the same panel.

    An evaluated metric belongs to the panel whose name ends its own: `test accuracy` is drawn in
    the panel of `accuracy`. Long curves are drawn as means over at most `bins` stretches. The
    figure is as wide as the page, with at most three panels in a row.

    Args:
        total: the steps that the axis shows; None shows those that were done.

    Raises:
        TypeError, ValueError: an argument of another kind.
    """
    arguments.kind("history", history, Measured, "a History, as fit returns it")
    arguments.whole("bins", bins, 1)
    if total is not None:
        arguments.whole("total", total, 1)
    panels: dict[str, list[str]] = {}
    for name in history.names():
        home = next((panel for panel in panels if name.endswith(panel)), None)
        if home is None:
            panels[name] = [name]
        elif name not in history.values:
            panels[home].append(name)
        else:
            panels[name] = [name]
    values = ", ".join(f"{name} {history[name][-1]:.3g}" for name in history.names())
    alt = f"Curves of training against the step; the last values are {values or 'not known yet'}."
    rows, columns = max(1, -(-len(panels) // 3)), max(1, min(3, len(panels)))
    plot = Plot(PAGE, 2.4 * rows, alt)
    grid = plot.subplots(rows, columns, squeeze=False)
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
    """Thin grey lines, each with its name at that end where the curves leave more room."""
    levels = {} if baselines is None else arguments.numbers("baselines", baselines)
    curves = list(axes.lines)
    for level in levels.values():
        axes.axhline(level, color="#666666", lw=1, ls=(0, (1, 2)))
    axes.autoscale_view()  # now, because the room is measured in shares of the axes
    for name, level in levels.items():
        left, right = _room(axes, curves, level)
        x, side = (0.005, "left") if left > right else (1, "right")
        axes.annotate(
            name, (x, level), xycoords=("axes fraction", "data"), ha=side, va="bottom",
            size=8, color="#444444",
        )  # fmt: skip


def _room(axes: Axes, curves: Sequence[Line2D], level: float) -> tuple[float, float]:
    """How far the curves stay from a label above a level, in its left and right quarter."""
    to_axes = axes.transData - axes.transAxes
    height = to_axes.transform((axes.get_xlim()[0], level))[1] + 0.04  # the label's middle
    left = right = 0.5
    for curve in curves:
        x, y = to_axes.transform_path(curve.get_path()).interpolated(20).vertices.T
        away = np.abs(y - height)
        left = np.min(away, where=(x < 0.25) & (away < left), initial=left)
        right = np.min(away, where=(x > 0.75) & (away < right), initial=right)
    return left, right
