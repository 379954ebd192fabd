"""Arguments that are in an order: items side by side, windows of a series, symbols of a text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .arrays import tensor, whole_numbers
from .values import kind, shown, text


def of_one_length(name: str, tensors: Any) -> tuple[torch.Tensor, ...]:
    """The tensors, one or several, if they hold equally many items, one or more.

    Raises:
        TypeError, ValueError: they do not; names the argument.
    """
    tensors = (tensors,) if isinstance(tensors, torch.Tensor) else tensors
    kind(name, tensors, list | tuple, "a tensor or a list of tensors")
    lengths = [len(one) if tensor(name, one).ndim else 0 for one in tensors]
    if len(set(lengths)) != 1 or 0 in lengths:
        raise ValueError(f"{name} must be of one length from 1 up, not of lengths {lengths}.")
    return tuple(tensors)


def scaled(name: str, value: Any, features: Sequence[str]) -> torch.Tensor:
    """`value`, numbers (…, F) with these features along the last axis, in float64 on the CPU.

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    numeric = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    if not numeric and not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a tensor or an array of numbers, not {shown(value)}.")
    if value.ndim == 0 or value.shape[-1] != len(features):
        raise ValueError(
            f"{name} must have {len(features)} features along the last axis "
            f"({', '.join(features)}), but is of shape {tuple(value.shape)}."
        )
    return torch.as_tensor(value).detach().cpu().double()


def ids(name: str, values: Any, symbols: int) -> torch.Tensor:
    """`values`, if they are whole numbers (N,) from 0 to `symbols` - 1; lists become tensors.

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    try:
        found = torch.as_tensor(values)
    except (RuntimeError, TypeError, ValueError):
        raise TypeError(f"{name} must be whole numbers (N,), not {shown(values)}.") from None
    if found.ndim != 1:  # an empty list is fine
        raise ValueError(f"{name} must be of shape (N,), not {tuple(found.shape)}.")
    if len(found) and not 0 <= whole_numbers(name, found).min() <= found.max() < symbols:
        given = f"from {found.min()} to {found.max()}"
        raise ValueError(f"{name} must be from 0 to {symbols - 1}; they are {given}.")
    return found


def long_enough(name: str, values: Any, size: int, length: int) -> torch.Tensor:
    """`values`, if they are a stream of whole numbers (N,), long enough for a batch of windows.

    A batch takes `size` windows of `length` side by side; one more is kept back.

    Raises:
        TypeError, ValueError: they are not; names the argument.
    """
    needed = (size + 1) * length
    if whole_numbers(name, values).ndim != 1 or len(values) < needed:
        one_axis = values.ndim == 1
        given = f"{len(values):,} symbols" if one_axis else f"shape {tuple(values.shape)}"
        raise ValueError(
            f"{name} must be a stream of at least {needed:,} symbols for {size} windows of "
            f"{length} side by side; it has {given}. Take a longer text, or a smaller size or "
            "length."
        )
    return values


def room_for_windows(name: str, rows: int, border: int, length: int) -> None:
    """Nothing, if a window of `length` fits into the rows before the border, and into the others.

    Raises:
        ValueError: it does not; `name` is that of the series.
    """
    if min(border, rows - border) < length:
        raise ValueError(
            f"{name} has {rows} rows, of which {border} are to learn from and {rows - border} "
            f"later ones to test on; a window of {length} needs as many rows in each part. Take "
            "a shorter length or another test_share."
        )


def some_held(name: str, rows: int, windows: int, length: int, share: float) -> int:
    """How many of the windows are held out, if that leaves one or more on either side.

    Raises:
        ValueError: it does not; `name` is that of the series.
    """
    held = round(windows * share)
    if not 0 < held < windows:
        raise ValueError(
            f"{name} has {rows} rows, too few for two windows of {length}, one for training and "
            "one for testing. Choose a shorter length."
        )
    return held


def written_in(name: str, value: Any, symbols: str, source: str) -> str:
    """`value`, if it is a string in which every character is one of `symbols`.

    Raises:
        TypeError, ValueError: it is not; names the argument, the first character that is unknown,
            its place, and the `source` of the symbols.
    """
    known = set(symbols)
    for place, character in enumerate(text(name, value), 1):
        if character not in known:
            listed = symbols if len(symbols) <= 120 else f"{symbols[:120]}…"
            raise ValueError(
                f"{name} must consist of characters of {source}: {character!r}, number {place} of "
                f"{shown(value)}, does not occur there. Choose from {listed!r}."
            )
    return value
