"""What a training measured: every metric at every step, and one row an epoch. Knows no Trainer."""

from numbers import Real
from typing import Any

import numpy as np


class History:
    """The curves of a run.

    `history["loss"]` is the metric at each step, shape `(steps,)`; `history.epochs` is a list of
    dicts, one an epoch: the mean of each metric over the epoch, and what `evaluate` returned at
    its end. `history.seconds` is the time spent in steps, without evaluation.
    """

    def __init__(self) -> None:
        self.values: dict[str, tuple[list[int], list[float]]] = {}  # name -> steps, values
        self.epochs: list[dict[str, float]] = []
        self.seconds = 0.0

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self.values:
            return np.array(self.values[name][1])
        column = [row[name] for row in self.epochs if name in row]
        if not column:
            raise KeyError(f"There is no metric {name!r}; there are: {', '.join(self.names())}.")
        return np.array(column)

    def names(self) -> list[str]:
        """The metrics of the steps first, then those of the evaluations."""
        rows = {name: None for row in self.epochs for name in row if name not in ("epoch", "step")}
        return list(dict.fromkeys([*self.values, *rows]))

    def steps(self, name: str) -> np.ndarray:
        """The steps (counted from 1) at which `name` was measured.

        Raises:
            ValueError: there is no such metric.
        """
        if not isinstance(name, str) or name not in self.names():
            known = ", ".join(self.names()) or "none yet"
            given = repr(name) if isinstance(name, str) else type(name).__name__
            raise ValueError(f"name must be that of a metric ({known}), not {given}.")
        if name in self.values:
            return np.array(self.values[name][0])
        return np.array([row["step"] for row in self.epochs if name in row])

    @property
    def last(self) -> dict[str, float]:
        """The newest row of `epochs`, or an empty dict before the first epoch's end."""
        return self.epochs[-1] if self.epochs else {}

    def add(self, step: int, name: str, value: float) -> None:
        """Note the value that a metric had at a step.

        Raises:
            TypeError, ValueError: no step from 1 up, no name or no number.
        """
        if not isinstance(step, int) or not isinstance(name, str) or not isinstance(value, Real):
            kinds = ", ".join(type(given).__name__ for given in (step, name, value))
            raise TypeError(f"step, name and value must be int, str and a number, not {kinds}.")
        if step < 1:
            raise ValueError(f"step must be a whole number from 1 up, not {step}.")
        steps, values = self.values.setdefault(name, ([], []))
        steps.append(step)
        values.append(value)

    def close_epoch(self, step: int, evaluated: dict[str, float]) -> dict[str, float]:
        """Add the row of the epoch that ends at `step`: means since the row before it.

        Raises:
            ValueError: no step after the row before it, or no numbers by name.
        """
        since = self.last.get("step", 0)
        if not isinstance(step, int) or step <= since:
            given = step if isinstance(step, int) else type(step).__name__
            raise ValueError(f"step must be a whole number above {since}, not {given}.")
        items = evaluated.items() if isinstance(evaluated, dict) else [(None, None)]
        if not all(isinstance(name, str) and isinstance(v, Real) for name, v in items):
            raise ValueError("evaluated must be a dict of numbers by name.")
        row: dict[str, float] = {"epoch": len(self.epochs) + 1, "step": step}
        for name, (steps, values) in self.values.items():
            recent = values[np.searchsorted(steps, since, side="right") :]
            if recent:
                row[name] = float(np.mean(recent))
        self.epochs.append({**row, **evaluated})
        return self.last

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {"values": self.values, "epochs": self.epochs, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Raises:
            ValueError: it is something else.
        """
        kinds = {"values": dict, "epochs": list, "seconds": Real}
        given = state if isinstance(state, dict) else {}
        if wrong := [name for name, kind in kinds.items() if not isinstance(given.get(name), kind)]:
            raise ValueError(f"state must be what state_dict gave, but {', '.join(wrong)} is not.")
        self.values, self.epochs = state["values"], state["epochs"]
        self.seconds = state["seconds"]
