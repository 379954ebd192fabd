"""Sliders around a plot, and a box to type into. Knows nothing of what is drawn or answered.

Uses only what ipywidgets 7 (Colab) and 8 share. Where no kernel is alive, the figure of the
start values is what one sees.
"""

from collections.abc import Callable
from html import escape
from numbers import Real
from typing import Any

from . import arguments
from .plots import Plot


class Live:
    """Widgets, and what stands in their place where no kernel is alive: a saved page, a reader.

    Both are put out. The widgets bring the style that hides the other, so it is seen without them.
    """

    box: Any  # the widgets

    def still(self) -> dict[str, str]:
        """What stands in their place, by media type; its HTML has the class `self.name`."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        return f"still-{self.box.model_id}"

    @property
    def hide(self) -> str:
        """A style that hides what `still` gave."""
        return f"<style>.{self.name} {{display: none !important}}</style>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        dead = "Run this cell, and the controls are here."
        display({"application/vnd.jupyter.widget-view+json": view, "text/plain": dead}, raw=True)
        display(self.still(), raw=True)


class Explorer(Live):
    """A figure that follows its controls; `explorer.controls["angle"].value = 30` moves one."""

    def __init__(self, draw: Callable[..., Plot], **controls: Any) -> None:
        import ipywidgets

        self.draw = draw
        self.controls = {name: _control(name, given) for name, given in controls.items()}
        self.picture = ipywidgets.HTML()
        shown = [getattr(control, "box", control) for control in self.controls.values()]
        self.box = ipywidgets.VBox([*shown, self.picture])
        for control in self.controls.values():
            control.observe(lambda change: self._follow(), names="value")
        self._follow()

    def _follow(self) -> None:
        plot = self.draw(**{name: control.value for name, control in self.controls.items()})
        if not isinstance(plot, Plot):
            raise TypeError(f"draw must return a plot of cu.plots, not {type(plot).__name__}.")
        self.plot = plot
        self.picture.value = self.hide + self.plot.html()

    def still(self) -> dict[str, str]:
        return {"text/html": self.plot.html(self.name), "text/plain": self.plot.alt}


def explore(draw: Callable[..., Plot], **controls: Any) -> Explorer:
    """Sliders and menus that redraw a plot.

    Args:
        draw: called with one keyword argument for each control; returns a `Plot`.
        controls: name -> `(low, high, step, start)` for a slider (whole numbers where all four
            are), a list of choices for a menu, its first item chosen at the start, or a tuple
            of rows of whole numbers for a table of fields.

    Example:
        >>> cu.widgets.explore(turned, angle=(-90, 90, 5, 0), image=["first", "second"])
    """
    if not callable(draw):
        raise TypeError(
            f"draw must be a function that returns a plot, not {arguments.shown(draw)}."
        )
    return Explorer(draw, **controls)


class Prompt(Live):
    """A line to type into and its answer; `box.text.value = "…"` types, `box.again.click()` asks.

    `answer` is the newest answer, or why there is none.
    """

    def __init__(self, reply: Callable[[str], str], start: str) -> None:
        import ipywidgets

        self.reply = reply
        # Without `continuous_update` a value counts once Enter is pressed, in versions 7 and 8.
        self.text = ipywidgets.Text(
            value=start, description="you say", continuous_update=False,
            layout=ipywidgets.Layout(width="95%"),
        )  # fmt: skip
        self.again = ipywidgets.Button(description="Answer again")
        self.shown = ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.text, self.again, self.shown])
        self.text.observe(lambda change: self._ask(), names="value")
        self.again.on_click(lambda button: self._ask())
        self._ask()

    def _ask(self) -> None:
        try:
            self.answer = self.reply(self.text.value)
        except ValueError as error:  # what was typed cannot be answered, and the error says why
            self.answer = str(error)
        if not isinstance(self.answer, str):
            raise TypeError(f"reply must return a text, not {type(self.answer).__name__}.")
        self.shown.value = self.hide + self._page()

    def _page(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(self.answer)}</pre>'

    def still(self) -> dict[str, str]:
        said = f"you say: {self.text.value}"
        page = f'<div class="{self.name}"><p>{escape(said)}</p>{self._page()}</div>'
        return {"text/html": page, "text/plain": f"{said}\n\n{self.answer}"}


def prompt(reply: Callable[[str], str], start: str = "") -> Prompt:
    """A box to type into; Enter, or the button, asks for an answer, which is shown below it.

    Args:
        reply: called with what was typed; returns the answer. A `ValueError` of it is shown in
            the answer's place.
        start: what stands in the box at first. It is answered at once, so that something is
            seen where no kernel is alive.

    Example:
        >>> cu.widgets.prompt(lambda text: text.upper(), start="hello")
    """
    if not callable(reply):
        raise TypeError(f"reply must be a function of a text, not {arguments.shown(reply)}.")
    if not isinstance(start, str):
        raise TypeError(f"start must be a text, not {arguments.shown(start)}.")
    return Prompt(reply, start)


class Fields:
    """A table of fields for whole numbers; `value` is a tuple of its rows, each a tuple."""

    def __init__(self, name: str, rows: tuple[tuple[int, ...], ...]) -> None:
        import ipywidgets

        look = {"layout": {"width": "5em"}, "style": {"description_width": "0px"}}
        self.rows = [
            [
                # No room for a description, but a screen reader reads it.
                ipywidgets.IntText(value=n, description=f"{name}, row {r}, column {c}", **look)
                for c, n in enumerate(row, 1)
            ]
            for r, row in enumerate(rows, 1)
        ]
        label = ipywidgets.Label(name, layout={"width": "7em", "justify_content": "flex-end"})
        lines = [ipywidgets.HBox(row) for row in self.rows]
        self.box = ipywidgets.HBox([label, ipywidgets.VBox(lines)])

    @property
    def value(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(field.value for field in row) for row in self.rows)

    def observe(self, follow: Callable[[Any], None], names: str) -> None:
        """As a widget's own."""
        for row in self.rows:
            for field in row:
                field.observe(follow, names=names)


def _is_table(given: Any) -> bool:
    rows = isinstance(given, tuple) and given and all(isinstance(row, tuple) for row in given)
    return bool(rows) and all(row and all(isinstance(n, int) for n in row) for row in given)


def _control(name: str, given: Any) -> Any:
    import ipywidgets

    if _is_table(given):
        return Fields(name.replace("_", " "), given)
    look = {"description": name.replace("_", " "), "style": {"description_width": "7em"}}
    if isinstance(given, list) and given:
        return ipywidgets.Dropdown(options=given, value=given[0], **look)
    numbers = isinstance(given, tuple) and all(isinstance(number, Real) for number in given)
    if not (numbers and len(given) == 4 and given[0] <= given[3] <= given[1] and given[2] > 0):
        raise ValueError(
            f"{name} must be (low, high, step, start), a list of choices or a tuple of rows of "
            f"whole numbers, not {arguments.shown(given)}."
        )
    low, high, step, start = given
    whole = all(isinstance(number, int) for number in given)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(value=start, min=low, max=high, step=step, **look)
