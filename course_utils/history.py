"""What a run measured: every metric at every step, one row per epoch, and what a step keeps."""

from numbers import Real
from typing import Any

import numpy as np

from . import arguments


class History:
    """The curves of a run.

    `history["loss"]` is the metric at each step, shape `(steps,)`; `history.epochs` is a list of
    dicts, one per epoch: the mean of each metric over the epoch, and what `evaluate` returned at
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
            raise KeyError(f"There is no metric {name!r}. Choose from: {', '.join(self.names())}.")
        return np.array(column)

    def names(self) -> list[str]:
        """The metrics of the steps first, then those of the evaluations."""
        rows = {name: None for row in self.epochs for name in row if name not in arguments.RESERVED}
        return list(dict.fromkeys([*self.values, *rows]))

    def steps(self, name: str) -> np.ndarray:
        """The steps (counted from 1) at which `name` was measured.

        Raises:
            ValueError: there is no such metric.
        """
        arguments.metric(name, self.names())
        if name in self.values:
            return np.array(self.values[name][0])
        return np.array([row["step"] for row in self.epochs if name in row])

    @property
    def last(self) -> dict[str, float]:
        """The newest row of `epochs`, or an empty dict before the first epoch's end."""
        return self.epochs[-1] if self.epochs else {}

    def add(self, step: int, name: str, value: float) -> None:
        """Record the value that a metric had at a step, counted from 1.

        Raises:
            TypeError, ValueError: a step below 1, a name that is no string or that the rows have
                ("epoch", "step"), or no number.
        """
        arguments.measured(step, name, value)
        steps, values = self.values.setdefault(name, ([], []))
        steps.append(int(step))  # a checkpoint holds plain numbers
        values.append(float(value))

    def close_epoch(self, step: int, evaluated: dict[str, float]) -> dict[str, float]:
        """Add the row of the epoch that ends at `step`: means since the row before it.

        Raises:
            ValueError: the step is not after the row before it, or `evaluated` is not a dict of
                finite numbers by name ("epoch" and "step" are taken).
        """
        since = self.last.get("step", 0)
        step = arguments.whole("step", step, since + 1)
        evaluated = {k: float(v) for k, v in arguments.evaluated(evaluated).items()}
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
        """Restore what `state_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        arguments.state(state, {"values": dict, "epochs": list, "seconds": Real})
        self.values, self.epochs = state["values"], state["epochs"]
        self.seconds = state["seconds"]


class Kept(dict):
    """What a step keeps beside its metrics, such as the frames of a film: a dict by step.

    A part of a `Trainer`, it is saved with the others, so that a run that was stopped goes on
    without a gap. The values must be plain: numbers, strings, tensors, and lists or tuples of them.

    Example:
        >>> film = cu.Kept()
        >>> trainer = cu.Trainer("runs/41", G=G, opt_G=opt_G, film=film)
        >>> film[trainer.steps] = G(noise).detach().cpu()  # in the step
    """

    def __init__(self) -> None:
        super().__init__()

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {"kept": dict(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        arguments.state(state, {"kept": dict})
        self.clear()
        self.update(state["kept"])
