"""Metrics that a step returned: without their graphs, read from the device, and averaged."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch

from . import arguments, faults
from .history import History


def detached(metrics: Any, source: str = "step") -> dict[str, Any]:
    """What the function `source` returned, without graphs: numbers, or tensors on their device.

    Raises:
        TypeError, ValueError: it is not a dict of metrics, each of one number.
    """
    return {k: _detached(v) for k, v in arguments.metrics(source, metrics).items()}


def _detached(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    # On a CPU the number is there already, and tensors that are kept scatter the memory.
    return value.item() if value.device.type == "cpu" else value.detach().reshape(())


def numbers(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Detached metrics as plain numbers, all read from the device in one go."""
    tensors = [v.float() for row in rows for v in row.values() if isinstance(v, torch.Tensor)]
    read = iter(torch.stack(tensors).tolist() if tensors else [])
    return [
        {k: next(read) if isinstance(v, torch.Tensor) else float(v) for k, v in row.items()}
        for row in rows
    ]


def read(history: History, pending: list[dict[str, Any]], step: int) -> None:
    """Move the detached metrics of the steps up to `step` from `pending` into a history.

    Raises:
        FloatingPointError: a metric is not finite; names the step and the metric.
    """
    rows = numbers(pending)
    pending.clear()
    for at, metrics in enumerate(rows, step - len(rows) + 1):
        for name, value in metrics.items():
            faults.check_value(f"the metric {name!r}", value, at)
            history.add(at, name, value)


def averaged(measured: Iterable[tuple[int, dict[str, Any]]]) -> dict[str, float]:
    """The mean of each detached metric, weighted by the sizes of the batches that have it."""
    sums, counts = Counter(), Counter()
    for size, metrics in measured:
        for name, value in metrics.items():
            sums[name] += size * value
            counts[name] += size
    return {name: float(value) / counts[name] for name, value in sums.items()}
