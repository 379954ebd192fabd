"""Arguments with a value for each profile: budgets, and the bounds of claims."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from .values import measurement, shown


def amount(name: str, value: Any) -> int | Sequence:
    """`value`, if it is a whole number above 0, or a list of one or more numbers.

    Raises:
        ValueError: it is neither; names the argument.
    """
    if isinstance(value, list | tuple | range) and len(value):
        if all(isinstance(one, Real) and not isinstance(one, bool) for one in value):
            return value
    elif isinstance(value, Integral) and not isinstance(value, bool) and value > 0:
        return int(value)
    raise ValueError(
        f"{name} must be a whole number above 0 or a list of numbers, not {shown(value)}."
    )


def amounts(cpu: Any, gpu: Any) -> tuple[int, int] | tuple[Sequence, Sequence]:
    """Both, if they are amounts of one form: two numbers, or two lists.

    Raises:
        ValueError: they are not; names the argument.
    """
    cpu, gpu = amount("cpu", cpu), amount("gpu", gpu)
    if isinstance(cpu, int) != isinstance(gpu, int):
        form = "a whole number" if isinstance(cpu, int) else "a list"
        raise ValueError(f"gpu must be {form}, as cpu is, not {shown(gpu)}.")
    return cpu, gpu


def bounds(profile: str, **given: Any) -> list[float | None]:
    """The bounds for a profile, each one number or a dict with one for each profile.

    Raises:
        TypeError, ValueError: there is none, one is not a number, or they are in the wrong order.
    """
    if all(bound is None for bound in given.values()):
        raise ValueError(f"A claim needs a bound: {'=, '.join(given)}= or both.")
    found = []
    for name, bound in given.items():
        bound = bound.get(profile) if isinstance(bound, Mapping) else bound
        found.append(None if bound is None else measurement(name, bound))
    if None not in found and found[0] > found[-1]:
        raise ValueError(f"at_least must not be above at_most, but is {found[0]} to {found[-1]}.")
    return found
