"""The one room in which a wrong argument is refused: one clear sentence that names it.

Each function returns what it was given, or raises a TypeError or ValueError that says what was
given and what is accepted. One file for each kind of argument; none knows who asks.
"""

from .arrays import WHOLE, tensor, whole_numbers
from .history import evaluated, measured, metric, metrics, state
from .training import device, items, iterable, loss, optimizer, parts, some, total_steps
from .values import amount, choice, function, mapping, named, real, rows, share, shown, text, whole

__all__ = [
    "WHOLE",
    "amount",
    "choice",
    "device",
    "evaluated",
    "function",
    "items",
    "iterable",
    "loss",
    "mapping",
    "measured",
    "metric",
    "metrics",
    "named",
    "optimizer",
    "parts",
    "real",
    "rows",
    "share",
    "shown",
    "some",
    "state",
    "tensor",
    "text",
    "total_steps",
    "whole",
    "whole_numbers",
]
