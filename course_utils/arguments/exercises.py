"""Arguments of `check` and `hint`: the number of an exercise, and of one of its hints."""

from collections.abc import Collection
from numbers import Integral
from typing import Any

from .values import shown


def exercise(value: Any, known: Collection[str]) -> str:
    """`value`, if it is one of the known numbers; there are none for what is not a number.

    Raises:
        ValueError: it is not; says what a number looks like, or which there are.
    """
    if not known:
        raise ValueError(f"exercise must be a number such as '12.1', not {shown(value)}.")
    if value not in known:
        raise ValueError(f"exercise must be one of {', '.join(known)}, not {value!r}.")
    return value


def hint(exercise: str, number: Any, count: int) -> int:
    """`number`, if the exercise has a hint of that number.

    Raises:
        ValueError: it has not; says which it has.
    """
    if not isinstance(number, Integral) or number not in range(1, count + 1):
        raise ValueError(f"{exercise} has hints 1 to {count}, not number {shown(number)}.")
    return number
