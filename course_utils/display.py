"""What a training run shows: one progress bar and one live figure, or one line per epoch.

Observers of a run: they read its `History` and change nothing. In a notebook the figure is redrawn
in place; elsewhere each epoch prints one line.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from tqdm.auto import tqdm

from . import arguments, plots
from .history import History

SHARE = 0.02  # of the time may go into drawing


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


@contextlib.contextmanager
def screen(history: History, done: int, total: int, show: bool) -> Iterator["Silent"]:
    """The right screen: live in a notebook, lines elsewhere, silent if nothing is to be shown."""
    kind = Silent if not show else Live if in_notebook() else Lines
    shown = kind(history, done, total)
    try:
        yield shown
    finally:
        shown.close()


class Silent:
    """Shows nothing but notes. The other screens inherit from it."""

    def __init__(self, history: History, done: int, total: int) -> None:
        self.history, self.done, self.total = history, done, total

    def tick(self, steps: int) -> None:
        """The run has come to `steps`; the history is up to date."""

    def row(self, row: Mapping[str, float]) -> None:
        """An epoch ended with this row."""

    def note(self, text: str) -> None:
        """Say something once, whatever else is shown."""
        print(text)

    def close(self) -> None:
        """The run is over, or was stopped."""


class Lines(Silent):
    """One line per epoch: for scripts, logs and terminals."""

    def row(self, row: Mapping[str, float]) -> None:
        print(f"step {row['step']} of {self.total} · {line(row)} · {self.history.seconds:.1f} s",
              flush=True)  # fmt: skip


class Live(Silent):
    """One bar and one figure, both changed in place."""

    def __init__(self, history: History, done: int, total: int) -> None:
        super().__init__(history, done, total)
        self.bar = tqdm(total=total, initial=done, unit="step")
        self.figure: Any = None
        self.began = time.perf_counter()
        self.draw_at = self.began + 0.5

    def tick(self, steps: int) -> None:
        self.bar.update(steps - self.bar.n)
        if time.perf_counter() > self.draw_at:
            self._draw()

    def row(self, row: Mapping[str, float]) -> None:
        if time.perf_counter() > self.draw_at:
            self._draw()

    def close(self) -> None:
        if self.history.names():
            self._draw()
        self.bar.close()

    def _draw(self) -> None:
        from IPython.display import display

        began = time.perf_counter()
        plot = plots.curves(self.history, self.total)
        # Not beside the bar, which would change its length, and be cut off in a narrow window.
        plot.suptitle(line(self.history.last) or " ", size=9)
        if self.figure is None:
            self.figure = display(plot, display_id=True)
        else:
            self.figure.update(plot)
        now = time.perf_counter()
        # A short run moves too: the first waits are half of the time that has passed.
        self.draw_at = now + max(0.5, min((now - began) / SHARE, (now - self.began) / 2))


def line(row: Mapping[str, float]) -> str:
    """A row of a history as `loss 0.231 · accuracy 0.934`."""
    return " · ".join(
        f"{name} {value:.4g}" for name, value in row.items() if name not in ("epoch", "step")
    )


LEFT = ' style="text-align: left"'


class Table:
    """Rows of a scoreboard: HTML in a notebook, aligned text elsewhere.

    Not by pandas, which takes half a second to import: its `to_html` aligns all columns alike, and
    its Styler writes three times as much to align them one by one.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        names = dict.fromkeys(name for row in rows for name in row)
        self.columns = [str(name) for name in names]
        self.cells = [[_cell(row.get(name, "")) for name in names] for row in rows]

    def __repr__(self) -> str:
        lines = [self.columns, *self.cells]
        widths = [max(len(cells[i]) for cells in lines) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
            for cells in lines
        )

    def _repr_html_(self) -> str:
        from html import escape

        # Pages align table cells to the right by default: right for numbers, not for words.
        sides = ["" if _numbers(column) else LEFT for column in zip(*self.cells, strict=True)]

        def row(tag: str, cells: Sequence[str]) -> str:
            close = tag.split()[0]
            pairs = zip(cells, sides, strict=True)
            return "".join(f"<{tag}{side}>{escape(cell)}</{close}>" for cell, side in pairs)

        head = row('th scope="col"', self.columns)
        body = "".join(f"<tr>{row('td', cells)}</tr>" for cells in self.cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def scoreboard(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show rows of results as a table: `[{"model": "CNN", "test accuracy": "99.1 %"}, …]`.

    Raises:
        TypeError: it is not a list of dicts.
    """
    from IPython.display import display

    display(Table(arguments.rows("rows", rows)))


def _numbers(column: Sequence[str]) -> bool:
    return all(not cell or cell[0] in "0123456789.+-−<>≤≥~±" for cell in column)


def _cell(value: Any) -> str:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, Real) and not isinstance(value, bool) else str(value)
