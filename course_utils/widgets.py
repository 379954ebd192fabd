"""Sliders around a plot. Knows nothing of what is drawn.

Uses only what ipywidgets 7 (Colab) and 8 share. Where no kernel is alive, the figure of the
start values is what one sees.
"""

import base64
from collections.abc import Callable
from html import escape
from numbers import Real
from typing import Any

from .plots import Plot


class Explorer:
    """A figure that follows its controls; `explorer.controls["angle"].value = 30` moves one."""

    def __init__(self, draw: Callable[..., Plot], **controls: Any) -> None:
        import ipywidgets

        self.draw = draw
        self.controls = {name: _control(name, given) for name, given in controls.items()}
        self.picture = ipywidgets.HTML()
        self.box = ipywidgets.VBox([*self.controls.values(), self.picture])
        for control in self.controls.values():
            control.observe(lambda change: self._follow(), names="value")
        self.plot = self._follow()

    def _follow(self) -> Plot:
        self.plot = self.draw(**{name: control.value for name, control in self.controls.items()})
        data = base64.b64encode(self.plot.png()).decode()
        self.picture.value = (
            f'<img style="max-width:100%" alt="{escape(self.plot.alt, quote=True)}" '
            f'src="data:image/png;base64,{data}">'
        )
        return self.plot

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data, metadata = self.plot._repr_mimebundle_()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {**data, "application/vnd.jupyter.widget-view+json": view}, metadata


def explore(draw: Callable[..., Plot], **controls: Any) -> Explorer:
    """Sliders and menus that redraw a plot.

    Args:
        draw: called with one keyword argument for each control; returns a `Plot`.
        controls: name -> `(low, high, step, start)` for a slider (whole numbers where all four
            are), or a list of choices for a menu, its first item chosen at the start.

    Example:
        >>> cu.widgets.explore(turned, angle=(-90, 90, 5, 0), image=["first", "second"])
    """
    if not callable(draw):
        raise TypeError(f"draw must be a function that returns a plot, not {draw!r}.")
    return Explorer(draw, **controls)


def _control(name: str, given: Any) -> Any:
    import ipywidgets

    look = {"description": name.replace("_", " "), "style": {"description_width": "7em"}}
    if isinstance(given, list) and given:
        return ipywidgets.Dropdown(options=given, value=given[0], **look)
    numbers = isinstance(given, tuple) and all(isinstance(number, Real) for number in given)
    if not (numbers and len(given) == 4 and given[0] <= given[3] <= given[1] and given[2] > 0):
        raise ValueError(
            f"{name} must be (low, high, step, start) or a list of choices, not {given!r}."
        )
    low, high, step, start = given
    whole = all(isinstance(number, int) for number in given)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(value=start, min=low, max=high, step=step, **look)
