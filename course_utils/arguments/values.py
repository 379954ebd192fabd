"""Arguments that are one value: a number, a choice, a text, a function."""

import contextlib
import math
import reprlib
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def shown(value: Any) -> str:
    """A value as an error shows it: in one line, and short."""
    return " ".join(reprlib.repr(value).split())


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value  # NumPy's, which no file should hold


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """`value`, Python's or NumPy's, as an int, if it is whole and from `least` up, or to `most`.

    Raises:
        ValueError: it is not; names the argument.
    """
    if not _is_whole(value) or value < least or (most is not None and value > most):
        span = f"from {least} up" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {span}, not {shown(value)}.")
    return int(value)


def real(name: str, value: Any, least: float, most: float | None = None) -> float:
    """`value`, if it is a finite number from `least` up, or to `most`.

    Raises:
        ValueError: it is not; names the argument.
    """
    inside = isinstance(value, Real) and least <= value < math.inf
    if not inside or (most is not None and value > most):
        span = f"from {least:g} up" if most is None else f"from {least:g} to {most:g}"
        raise ValueError(f"{name} must be a number {span}, not {shown(value)}.")
    return _plain(value)


def between(name: str, value: Any, low: float, high: float = math.inf) -> float:
    """`value`, if it is a number above `low` and below `high`.

    Raises:
        ValueError: it is not; names the argument.
    """
    if not isinstance(value, Real) or not low < value < high:
        below = "" if high == math.inf else f" and below {high:g}"
        raise ValueError(f"{name} must be a number above {low:g}{below}, not {shown(value)}.")
    return _plain(value)


def share(name: str, value: Any) -> float:
    """`value`, if it is a number above 0 and below 1.

    Raises:
        ValueError: it is not; names the argument.
    """
    return between(name, value, 0, 1)


def measurement(name: str, value: Any) -> float:
    """`value` as a float, if it is one number; NaN and infinity are measured, too.

    Raises:
        TypeError: it is not; names the argument.
    """
    try:
        if isinstance(value, str | bool):
            raise TypeError
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be one number, not {shown(value)}.") from None


def number(name: str, value: Any) -> float:
    """`value` as a float, if it is one finite number: Python's, NumPy's or a tensor's.

    Raises:
        TypeError, ValueError: it is not; names the argument.
    """
    found = measurement(name, value)
    if not math.isfinite(found):
        raise ValueError(f"{name} must be a finite number, not {found}.")
    return found


def number_format(name: str, spec: Any, value: float = 1.5) -> str:
    """`spec`, if a number such as `value` can be written by it.

    Raises:
        ValueError: it cannot; names the argument.
    """
    try:
        format(value, spec)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a format such as '.2%', not {shown(spec)}.") from None
    return spec


def choice(name: str, value: Any, accepted: Sequence[Any], besides: str = "") -> Any:
    """`value`, if it is one of the accepted ones; `besides` says what else is accepted.

    Raises:
        ValueError: it is not; names the argument and what is accepted.
    """
    if not any(type(value) is type(one) and value == one for one in accepted):
        *most, last = [*map(repr, accepted), *([besides] if besides else [])]
        listed = f"{', '.join(most)} or {last}" if most else last
        raise ValueError(f"{name} must be {listed}, not {shown(value)}.")
    return value


def flag(name: str, value: Any) -> bool:
    """`value`, Python's or NumPy's, as a bool, if it is True or False.

    Raises:
        TypeError: it is not; names the argument.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {shown(value)}.")
    return bool(value)


def some(name: str, count: int) -> int:
    """`count`, if it is above 0.

    Raises:
        ValueError: there is nothing in the argument; names it.
    """
    if not count:
        raise ValueError(f"{name} is empty: it needs to hold one item or more.")
    return count


def several(name: str, values: Any, accepted: Sequence[str], once: bool = False) -> list[str]:
    """The names in `values`, or the one that it is, if all are accepted ones.

    Args:
        once: whether each may come only once.

    Raises:
        ValueError: they are not, or there are none; names the argument and what is accepted.
    """
    try:
        found = [values] if isinstance(values, str) else list(values)
    except TypeError:  # no iterable
        found = []
    known = all(isinstance(one, str) and one in accepted for one in found)
    if not known or not found or (once and len(set(found)) < len(found)):
        wanted = f"one or more of {', '.join(map(repr, accepted))}{', each once' if once else ''}"
        raise ValueError(f"{name} must be {wanted}, not {shown(values)}.")
    return found


def kind(name: str, value: Any, kinds: Any, wanted: str) -> Any:
    """`value`, if it is an instance of `kinds`; `wanted` says in words what these are.

    Raises:
        TypeError: it is not; names the argument.
    """
    if not isinstance(value, kinds):
        raise TypeError(f"{name} must be {wanted}, not of type {type(value).__name__}.")
    return value


def text(name: str, value: Any, least: int = 0) -> str:
    """`value`, if it is a string of `least` characters or more.

    Raises:
        TypeError, ValueError: it is not; names the argument.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {shown(value)}.")
    if len(value) < least:
        raise ValueError(f"{name} must have at least {least} characters, not {shown(value)}.")
    return value


def character(name: str, value: Any) -> str:
    """`value`, if it is a string of one character.

    Raises:
        ValueError: it is not; names the argument.
    """
    if not isinstance(value, str) or len(value) != 1:
        raise ValueError(f"{name} must be one character, not {shown(value)}.")
    return value


def mapping(name: str, value: Any) -> dict:
    """`value`, if it is a dict.

    Raises:
        TypeError: it is not; names the argument.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a dict, not of type {type(value).__name__}.")
    return value


def function(name: str, value: Any, takes: str) -> Callable:
    """`value`, if it can be called; `takes` says with what: "a batch", "nothing".

    Raises:
        TypeError: it cannot; names the argument.
    """
    if not callable(value):
        raise TypeError(f"{name} must be a function of {takes}, not {type(value).__name__}.")
    return value


@contextlib.contextmanager
def refused(wanted: str, *errors: type[Exception]) -> Iterator[None]:
    """A block that fails if an argument is wrong: "state must hold plain values only".

    Raises:
        ValueError: one of `errors` came up in the block; says what is wanted, and the reason.
    """
    try:
        yield
    except errors as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{wanted} ({reason}).") from None
