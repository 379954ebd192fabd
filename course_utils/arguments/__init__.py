"""The one room in which a wrong argument is refused: one clear sentence that names it.

Each function returns what it was given, or raises a TypeError or ValueError that says what was
given and what is accepted. One file for each kind of argument; none knows who asks.
"""

from .arrays import WHOLE, tensor, whole_numbers
from .history import evaluated, measured, metric, metrics, state
from .training import device, items, iterable, loss, optimizer, parts, some, total_steps
from .values import choice, function, named, real, share, shown, text, whole

__all__ = [
    "WHOLE",
    "choice",
    "device",
    "evaluated",
    "function",
    "items",
    "iterable",
    "loss",
    "measured",
    "metric",
    "metrics",
    "named",
    "optimizer",
    "parts",
    "real",
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
