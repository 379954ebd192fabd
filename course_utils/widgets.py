"""Sliders around a plot, and a box to type into.

Uses only what ipywidgets 7 (Colab) and 8 share. If no kernel is running, readers see the figure or
the answer for the start values.
"""

from collections.abc import Callable
from html import escape
from numbers import Integral
from typing import Any

from . import arguments
from .plots import Plot

__all__ = ["explore", "prompt"]


class Live:
    """Widgets, and what replaces them in a saved page or wherever else no kernel is running.

    Both are output. The widgets bring the style that hides the replacement, so it is seen only
    without them.
    """

    box: Any  # the widgets

    def tell(self, shown: Any, follow: Callable[[], None]) -> None:
        """`follow` a control; what goes wrong is in the widget `shown`, in place of what was."""
        try:
            follow()
        except Exception as error:
            said = escape(f"{type(error).__name__}: {error}")
            shown.value = f'{self.hide}<pre style="white-space: pre-wrap">{said}</pre>'
            raise

    def still(self) -> dict[str, str]:
        """The replacement, by media type; its HTML has the class `self.name`."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        return f"still-{self.box.model_id}"

    @property
    def hide(self) -> str:
        """A style that hides what `still` returned."""
        return f"<style>.{self.name} {{display: none !important}}</style>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        dead = "Run this cell to get the controls."
        display({"application/vnd.jupyter.widget-view+json": view, "text/plain": dead}, raw=True)
        display(self.still(), raw=True)


class Explorer(Live):
    """A figure that follows its controls; `explorer.controls["angle"].value = 30` moves one."""

    def __init__(self, draw: Callable[..., Plot], play: str | None, **controls: Any) -> None:
        import ipywidgets

        self.draw = draw
        self.controls = {name: _control(name, given) for name, given in controls.items()}
        self.picture = ipywidgets.HTML()
        shown = [getattr(control, "box", control) for control in self.controls.values()]
        whole = {n: c for n, c in self.controls.items() if isinstance(c, ipywidgets.IntSlider)}
        arguments.choice("play", play, (None, *whole))
        buttons = [] if play is None else [_player(whole[play])]
        self.box = ipywidgets.VBox([*buttons, *shown, self.picture])
        for control in self.controls.values():
            control.observe(lambda change: self.tell(self.picture, self._follow), names="value")
        self._follow()

    def _follow(self) -> None:
        plot = self.draw(**{name: control.value for name, control in self.controls.items()})
        self.plot = arguments.kind("what draw returns", plot, Plot, "a plot of cu.plots")
        self.picture.value = self.hide + self.plot.html()

    def still(self) -> dict[str, str]:
        return {"text/html": self.plot.html(self.name), "text/plain": self.plot.alt}


def explore(draw: Callable[..., Plot], *, play: str | None = None, **controls: Any) -> Explorer:
    """Sliders and menus that redraw a plot; if `draw` fails, its error is shown in its place.

    Args:
        draw: called with one keyword argument for each control; returns a `Plot`.
        play: the name of a slider of whole numbers that gets buttons to play, pause, stop and
            repeat: it moves by itself, one step each 0.6 seconds.
        controls: name -> `(low, high, step, start)` for a slider (whole numbers where all four
            are), a list of choices for a menu, its first item chosen at the start, or a tuple
            of rows of whole numbers for a table of fields.

    Raises:
        TypeError, ValueError: `draw` is not a function or does not return a plot, a control is
            something else, or `play` names no slider of whole numbers.

    Example:
        >>> cu.widgets.explore(turned, angle=(-90, 90, 5, 0), image=["first", "second"])
    """
    arguments.function("draw", draw, "the controls' values that returns a plot")
    return Explorer(draw, play, **controls)


class Prompt(Live):
    """A line to type into and its answer: `box.text.value = "…"` types, `box.again.click()` asks.

    `answer` is the latest answer, or the reason why there is none.
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
        self.text.observe(lambda change: self.tell(self.shown, self._ask), names="value")
        self.again.on_click(lambda button: self.tell(self.shown, self._ask))
        self._ask()

    def _ask(self) -> None:
        try:
            self.answer = self.reply(self.text.value)
        except ValueError as error:  # what was typed cannot be answered, and the error says why
            self.answer = str(error)
        arguments.text("what reply returns", self.answer)
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
        reply: called with what was typed; returns the answer. If it raises a `ValueError`, that
            is shown instead.
        start: what is in the box at first. It is answered at once, so that something can be seen
            even if no kernel is running.

    Raises:
        TypeError: `reply` is not a function or does not return a string, or `start` is not one.

    Example:
        >>> cu.widgets.prompt(lambda text: text.upper(), start="hello")
    """
    arguments.function("reply", reply, "a string that returns a string")
    return Prompt(reply, arguments.text("start", start))


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
    return bool(rows) and all(row and all(isinstance(n, Integral) for n in row) for row in given)


def _control(name: str, given: Any) -> Any:
    import ipywidgets

    if _is_table(given):
        return Fields(name.replace("_", " "), given)
    look = {"description": name.replace("_", " "), "style": {"description_width": "7em"}}
    if isinstance(given, list) and given:
        return ipywidgets.Dropdown(options=given, value=given[0], **look)
    low, high, step, start = arguments.slider(name, given)
    whole = all(isinstance(number, Integral) for number in given)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(value=start, min=low, max=high, step=step, **look)


def _player(slider: Any) -> Any:
    """Buttons that move a slider of whole numbers; they are linked in the page, with no kernel."""
    import ipywidgets

    places = {"min": slider.min, "max": slider.max, "step": slider.step, "value": slider.value}
    buttons = ipywidgets.Play(interval=600, **places)
    ipywidgets.jslink((buttons, "value"), (slider, "value"))
    return buttons
