"""Arguments of a claim: the bounds that it names."""

from collections.abc import Mapping
from typing import Any

from .values import measurement


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
