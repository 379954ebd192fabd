"""The one room in which a wrong argument is refused: one clear sentence that names it.

Each function returns what it was given, or raises a TypeError or ValueError that says what was
given and what is accepted. One file for each kind of argument; none knows who asks.
"""

from .arrays import WHOLE, tensor, whole_numbers
from .claims import bounds, measurement, number_format
from .values import choice, function, named, real, share, shown, text, whole

__all__ = [
    "WHOLE",
    "bounds",
    "choice",
    "function",
    "measurement",
    "named",
    "number_format",
    "real",
    "share",
    "shown",
    "tensor",
    "text",
    "whole",
    "whole_numbers",
]
