"""What a training run shows: one progress bar and one live figure, or one line per epoch.

Its screens are observers: they read the run's `History` and change nothing. In a notebook the
figure is redrawn in place; elsewhere each epoch prints one line.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tqdm.auto import tqdm

from . import plots
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
        if said := line(self.history.last):  # the title and the alt text say the same
            plot.suptitle(said, size=9)
            plot.alt = f"Curves of training against the step. In the last epoch: {said}."
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
