"""Arguments of glyph pictures: fields with one entry per glyph or scene, ranges, alphabets."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, NoReturn

import torch

from .values import shown


def given(value: Any) -> str:
    """A value as an error shows it: a long tensor as its shape and its range."""
    if isinstance(value, torch.Tensor) and value.numel() > 8:
        return f"a tensor {tuple(value.shape)} from {value.min():.4g} to {value.max():.4g}"
    return shown(value.tolist() if isinstance(value, torch.Tensor) else value)


def alphabet(value: Any, known: str) -> str:
    """`value`, if it is a string of distinct characters out of `known`, one or more.

    Raises:
        ValueError: it is not.
    """
    right = isinstance(value, str) and set(value) <= set(known)
    if not right or not value or len(set(value)) < len(value):
        raise ValueError(
            f"alphabet must be one or more distinct digits or letters a-z, A-Z, not {shown(value)}."
        )
    return value


def column(name: str, value: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    """`value` as a tensor.

    Raises:
        ValueError: it holds no numbers; names the argument.
    """
    try:
        return torch.as_tensor(value, dtype=dtype)
    except (RuntimeError, TypeError, ValueError):
        raise ValueError(f"{name} must be numbers, not {given(value)}.") from None


def whole_column(name: str, value: Any, rows: int, end: int) -> torch.Tensor:
    """`value` as (rows,) int64, each entry in 0 … end - 1; one number is one for all.

    Raises:
        ValueError: it does not fit; names the argument.
    """
    values = column(name, value)
    fits = values.ndim == 0 or values.shape == (rows,)
    if not fits or values.is_floating_point() or ((values < 0) | (values >= end)).any():
        raise ValueError(
            f"{name} must be {rows} whole numbers (or one for all) from 0 to {end - 1}, "
            f"not {given(value)}."
        )
    return values.to(torch.int64).expand(rows)


def real_column(
    name: str, value: Any, shape: tuple[int, ...], limits: tuple[float, float]
) -> torch.Tensor:
    """`value` as float32 of `shape`, each entry within `limits`; broadcast where it is smaller.

    Raises:
        ValueError: it does not fit; names the argument.
    """
    values = column(name, value, torch.float32)
    fits = values.ndim <= len(shape) and all(
        have in (1, want)
        for have, want in zip(reversed(values.shape), reversed(shape), strict=False)
    )
    low, high = limits
    if not fits or not (values.isfinite() & (values >= low) & (values <= high)).all():
        raise ValueError(
            f"{name} must be numbers from {low} to {high} in the shape {shape} or one that "
            f"broadcasts to it, not {given(value)}."
        )
    return values.expand(shape)


def span(name: str, value: Any, lowest: float, highest: float) -> tuple[float, float]:
    """`value`, a number or a pair (low, high), as a pair within (lowest, highest).

    Raises:
        ValueError: it is neither, or out of that; names the argument.
    """
    ends = value if isinstance(value, tuple | list) else (value, value)
    numbers = len(ends) == 2 and all(isinstance(end, Real) for end in ends)
    if not numbers or not lowest <= ends[0] <= ends[1] <= highest:
        raise ValueError(
            f"{name} must be a number or (low, high) from {lowest} to {highest}, "
            f"not {given(value)}."
        )
    return ends[0], ends[1]


def inks(value: Sequence[str], ground: str) -> list[str]:
    """The names of colours in `value` without that of the ground.

    Raises:
        ValueError: none is left.
    """
    others = [name for name in value if name != ground]
    if not others:
        raise ValueError(
            f"ink must be a colour other than each background's; with {ground!r} behind it, "
            f"{shown(value)} would be invisible."
        )
    return others


def rows(index: Any, count: int) -> Any:
    """`index`, if it chooses among `count` glyphs.

    Raises:
        ValueError: it does not.
    """
    try:
        torch.arange(count)[index]
    except (IndexError, RuntimeError, TypeError):
        raise ValueError(
            f"index must be numbers of glyphs below {count}, a mask or a slice, not {given(index)}."
        ) from None
    return index


def scenes(index: Any, count: int) -> torch.Tensor:
    """The numbers of the chosen ones of `count` scenes, (n,), if none comes twice.

    Raises:
        ValueError: one does.
    """
    chosen = torch.arange(count)[index].reshape(-1)
    if len(chosen.unique()) < len(chosen):
        raise ValueError("index must name each scene at most once, but it repeats one.")
    return chosen


def crowded(scene: int) -> NoReturn:
    """Nothing: there is no room for the glyphs of a scene side by side.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f"overlap=False finds no room in scene {scene}: "
        "give fewer glyphs_per_scene or a smaller scale."
    )


def legible(scale: torch.Tensor, size: int, least: float) -> None:
    """Nothing, if glyphs of these scales are `least` pixels tall or more in pictures of `size`.

    Raises:
        ValueError: one is not.
    """
    if len(scale) and scale.min() * size < least:
        raise ValueError(
            f"scale must be at least {least / size:.3g} at size {size}, so that every glyph is at "
            f"least {least} pixels tall, not {scale.min():.3g}."
        )
