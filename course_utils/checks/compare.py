"""Whether two results mean the same, and how they differ: numbers, arrays, and groups of them.

Float32 or float64, NumPy or PyTorch, a Python number or an array of one: it is the same number.
"""

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch

Array = np.ndarray | torch.Tensor


def difference(got: Any, want: Any, rtol: float, atol: float) -> str | None:
    """How `got` differs from `want`, as the end of a sentence; None where it does not."""
    if isinstance(want, dict):
        if not isinstance(got, dict) or got.keys() != want.keys():
            return f"it is {kind(got)}, not {kind(want)}"
        pairs = [(name, got[name], want[name]) for name in want]
        return _first(pairs, rtol, atol)
    if isinstance(want, list | tuple):
        parts = items(got)
        if parts is None or len(parts) != len(want):
            return f"it is {kind(got)}, not {len(want)} values"
        names = [f"value {place} of {len(want)}" for place in range(1, len(want) + 1)]
        return _first(zip(names, parts, want, strict=True), rtol, atol)
    if want is None or isinstance(want, str):
        return None if type(got) is type(want) and got == want else f"it is {kind(got)}"
    return _numeric(numbers(got), numbers(want), kind(got), rtol, atol)


def _first(pairs: Any, rtol: float, atol: float) -> str | None:
    for name, got, want in pairs:
        if how := difference(got, want, rtol, atol):
            return f"in {name}, {how}"
    return None


def _numeric(got: np.ndarray | None, want: np.ndarray, what: str, rtol: float, atol: float):
    if got is None:
        return f"it is {what}"
    if want.ndim == 0 and got.size == 1:
        got = got.reshape(())
    if got.shape != want.shape:
        shape = "one number" if want.ndim == 0 else f"of shape {want.shape}"
        return f"it is {what}, not {shape}"
    if got.dtype.kind == "c":
        return "it holds complex numbers; take their real part"
    if (got.dtype.kind == "b") != (want.dtype.kind == "b"):
        wanted = "True or False" if want.dtype.kind == "b" else "numbers"
        return f"it holds {got.dtype} values, where {wanted} should be"
    if want.dtype.kind in "iu" and got.dtype.kind == "f":
        wanted = "them whole numbers (int64)" if want.ndim else "it a whole number (an int)"
        right = f"the value{'s are' if want.ndim else ' is'} right; make {wanted}"
        return _off(got, want, 0, 0) or right
    return _off(got, want, rtol, atol)


def _off(got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> str | None:
    """The first place where numbers differ, and both of them with as many digits as it takes."""
    close = np.isclose(got.astype(float), want.astype(float), rtol, atol, equal_nan=True)
    if close.all():
        return None
    place = tuple(int(i) for i in np.argwhere(~close)[0]) if want.ndim else ()
    where = f"at [{', '.join(map(str, place))}] it is " if place else "it is "
    return where + " instead of ".join(told_apart(got[place], want[place]))


def told_apart(a: Any, b: Any) -> tuple[str, str]:
    """Two numbers, with as few digits as show that they differ."""
    if isinstance(a, bool | np.bool_):
        return str(bool(a)), str(bool(b))
    for digits in (4, 6, 8, 10, 17):
        texts = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def numbers(value: Any) -> np.ndarray | None:
    """A number or an array of any library as a NumPy array; None for what is neither."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
        return value.resolve_conj().numpy()
    if isinstance(value, np.ndarray | np.generic | Number):
        found = np.asarray(value)
        return found if found.dtype.kind in "biufc" else None
    return None


def items(value: Any) -> Sequence | None:
    """The values that a result is unpacked into: `a, b = result`."""
    if isinstance(value, list | tuple):
        return value
    return list(value) if isinstance(value, Array) and value.ndim else None


def kind(value: Any) -> str:
    """What a value is, in words: "a tensor of shape (2, 3)", "a list of 2", "None"."""
    if isinstance(value, Array):
        name = "a tensor" if isinstance(value, torch.Tensor) else "an array"
        shape = tuple(value.shape)
        return f"{name} of shape {shape}" if shape else f"one number ({value.item()})"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bool | None):
        return str(value)
    if isinstance(value, Number):
        return f"one number ({value})"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
