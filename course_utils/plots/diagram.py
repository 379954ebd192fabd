"""Diagrams of cells and networks: boxes, circles and names, joined by arrows."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Patch

from .. import arguments
from .figure import Plot

INK = "#333333"
# The looks of nodes and their colours.
LOOKS = {"box": "#CFE6F5", "circle": "#FBE3C4", "name": "white", "label": "none", "dot": INK}
Place = tuple[float, float]


def diagram(
    nodes: Mapping[str, tuple[float, float, str, str]],
    arrows: Sequence[Sequence[str | Place]],
    *,
    alt: str,
    size: tuple[float, float] = (6.5, 3.2),
) -> Plot:
    """Nodes at their places, and arrows between them.

    Args:
        nodes: name -> (x, y, look, text); inches from the lower left corner. The look is "box"
            (a layer), "circle" (an operation), "name" (what goes in or comes out), "label" (what an
            arrow carries, beside it) or "dot" (where lines part).
        arrows: each from one node to another, as ("c", "times"), perhaps by way of corners, as
            ("h", (1.0, 0.5), "gate"). An arrow that ends at a dot has no head.

    Raises:
        TypeError, ValueError: an argument of another kind, an unknown look, or an arrow that does
            not join two of the nodes.

    Example:
        >>> nodes = {"x": (0.5, 0.5, "name", "$x_t$"), "layer": (2.0, 0.5, "box", "tanh")}
        >>> cu.plots.diagram(nodes, [("x", "layer")], alt="x goes into tanh.", size=(3.0, 1.0))
    """
    nodes = arguments.nodes(nodes, tuple(LOOKS))
    width, height = arguments.size(size)
    plot = Plot(width, height, alt)
    plot.set_layout_engine("none")  # an inch is an inch
    axes = plot.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    drawn = {name: _node(axes, *node) for name, node in nodes.items()}
    for way in arguments.ways(arrows, nodes):
        _arrow(axes, [nodes[way[0]][:2], *way[1:-1], nodes[way[-1]][:2]], drawn[way[-1]])
    return plot


def _node(axes: Axes, x: float, y: float, look: str, text: str) -> Patch:
    style = {"fc": LOOKS[look], "ec": "none" if look in ("name", "label") else INK, "zorder": 2}
    if look in ("circle", "dot"):
        shape = Circle((x, y), 0.15 if look == "circle" else 0.03, **style)
    else:
        shape = FancyBboxPatch(
            (x - 0.2, y - 0.12), 0.4, 0.24, "round,pad=0.04", mutation_aspect=1, **style
        )
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center_baseline", size=11, zorder=3)
    return shape


def _arrow(axes: Axes, points: list[Place], target: Patch) -> None:
    """Along the points; nodes lie above lines, so only the head needs to know where one ends."""
    axes.plot(*zip(*points[:-1], strict=True), color=INK, lw=1.2, zorder=1)
    if isinstance(target, Circle) and target.radius < 0.1:  # a dot
        axes.plot(*zip(*points[-2:], strict=True), color=INK, lw=1.2, zorder=1)
        return
    axes.add_patch(
        FancyArrowPatch(
            *points[-2:], patchB=target, shrinkA=0, shrinkB=0, arrowstyle="-|>",
            mutation_scale=9, color=INK, lw=1.2, zorder=1,
        )
    )  # fmt: skip
