"""A lesson's cells in one process, with the stop button pressed in them, and what they leave.

The clock moves with the optimizers' steps alone, so that measured seconds are results like others.
"""

import contextlib
import io
import signal
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

import course_utils as cu
from course_utils.authoring.course import here
from course_utils.authoring.source import read

OF_THE_MACHINE = "Feature network for ", "ok    disk: "  # trained once on it; filled by others
TICK = 2**-10  # seconds of an optimizer's step: their sums are exact


def programs(number: str) -> list[str]:
    """The code cells of a lesson's source."""
    return [cell.source for cell in read(here().find(number)) if cell.cell_type == "code"]


class Kernel:
    """What a kernel is to a lesson: names that stay, and a stop button.

    `steps` counts the optimizers' steps of the cell that ran last, whoever took them.
    """

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {"__name__": "__main__"}
        self.steps, self.stop_at, self.now = 0, 0, 0.0

    def run(self, program: str, stop_at: int = 0) -> str:
        """Run a cell; press stop at a step, if given. What it prints, without what `fit` says.

        Raises:
            Exception: what the cell raises; a KeyboardInterrupt too.
        """
        self.steps, self.stop_at, self.now = 0, stop_at, 0.0
        said, fit = io.StringIO(), cu.Trainer.fit

        def silent(*given: Any, **named: Any) -> cu.History:
            with contextlib.redirect_stdout(io.StringIO()):
                return fit(*given, **named)

        hook = register_optimizer_step_post_hook(self._count)
        clock = mock.patch.object(time, "perf_counter", lambda: self.now)
        try:
            with clock, mock.patch.object(cu.Trainer, "fit", silent):
                with contextlib.redirect_stdout(said):
                    exec(compile(program, "a cell", "exec"), self.scope)
        finally:
            hook.remove()
        lines = said.getvalue().splitlines()
        return "\n".join(line for line in lines if not line.startswith(OF_THE_MACHINE))

    def _count(self, *_: Any) -> None:
        self.steps, self.now = self.steps + 1, self.now + TICK
        if self.steps == self.stop_at:
            signal.raise_signal(signal.SIGINT)

    def results(self) -> dict[str, Any]:
        """The numbers, words and arrays that the page has in its hands, each by its address."""
        seen: list[Any] = []
        return dict(
            found
            for name, value in self.scope.items()
            if not name.startswith("_")
            for found in _values(name, value, seen)
        )


def _values(name: str, value: Any, seen: list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, torch.Tensor):
        yield name, value.detach().cpu().numpy()
    elif isinstance(value, int | float | str | np.ndarray | np.generic):
        yield name, value
    elif any(value is one for one in seen) or isinstance(value, type | cu.Trainer):
        return
    else:
        seen.append(value)
        for key, item in _items(value):
            yield from _values(f"{name}.{key}", item, seen)


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, torch.nn.Module):
        return list(value.state_dict().items())
    if isinstance(value, dict):
        return [("len", len(value)), *value.items()]
    if isinstance(value, list | tuple):
        return [("len", len(value)), *enumerate(value)]
    ours = type(value).__module__.split(".")[0] in ("__main__", "course_utils")
    return list(vars(value).items()) if ours and hasattr(value, "__dict__") else []


def different(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The addresses of the results that are not equal to the last bit."""
    return [
        name
        for name in one | other
        if name not in one or name not in other or not _same(one[name], other[name])
    ]


def _same(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    equal_nan = one.dtype.kind == "f"
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=equal_nan)
