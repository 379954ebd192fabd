"""Arguments of a claim: a measured number, what is claimed of it, and how it is written."""

from collections.abc import Mapping
from typing import Any

from .values import shown


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


def bounds(profile: str, **given: Any) -> list[float | None]:
    """The bounds for a profile, each one number or a dict with one for each profile.

    Raises:
        TypeError, ValueError: there is none, or one is no number.
    """
    if all(bound is None for bound in given.values()):
        raise ValueError(f"A claim needs a bound: {'=, '.join(given)}= or both.")
    found = []
    for name, bound in given.items():
        bound = bound.get(profile) if isinstance(bound, Mapping) else bound
        found.append(None if bound is None else measurement(name, bound))
    return found


def number_format(name: str, spec: Any) -> str:
    """`spec`, if a number can be written by it.

    Raises:
        ValueError: it cannot; names the argument.
    """
    try:
        format(1.5, spec)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a format such as '.2%', not {shown(spec)}.") from None
    return spec
