"""Ways in which a right answer may be written: another precision, another library, in place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """`change` applied to each number and array in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        return {name: mapped(change, one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        made = [mapped(change, one) for one in value]
        return type(value)(made) if type(value) in (list, tuple) else tuple(made)
    return change(value)


def _as(dtype: torch.dtype) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.to(dtype)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.astype(str(dtype).removeprefix("torch."))
        return value

    return change


def _other_library(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    return torch.as_tensor(value) if isinstance(value, np.ndarray) else value


def _numpy_number(value: Any) -> Any:
    kinds = {int: np.int64, float: np.float64}
    return kinds[type(value)](value) if type(value) in kinds else value


def _tensor_number(value: Any) -> Any:
    return torch.tensor(value) if type(value) in (int, float) else value


def _spoil(value: Any) -> Any:
    """Overwrite what an answer was given, as one that works in place does."""
    if isinstance(value, torch.Tensor):
        value.detach().zero_()
    elif isinstance(value, np.ndarray):
        value[...] = 0
    return value


def _around(given: Callable | None, made: Callable | None) -> Callable:
    def style(reference: Callable) -> Callable:
        def answer(*args):
            args = args if given is None else mapped(given, args)
            result = reference(*args)
            return result if made is None else mapped(made, result)

        return answer

    return style


def _in_place(reference: Callable) -> Callable:
    def answer(*args):
        result = reference(*args)
        copied = mapped(lambda v: v.clone() if isinstance(v, torch.Tensor) else v, result)
        copied = mapped(lambda v: v.copy() if isinstance(v, np.ndarray) else v, copied)
        mapped(_spoil, list(args))
        return copied

    return answer


# What is computed in place is judged by its arguments, so they keep their type and contents.
RESULT_ONLY = {
    "in place": _in_place,
    "arguments np.int64, np.float64": _around(_numpy_number, None),
    "float64": _around(_as(torch.float64), None),
    "float32": _around(_as(torch.float32), None),
}
EITHER = {
    "np.int64, np.float64": _around(None, _numpy_number),
    "0-d tensors": _around(None, _tensor_number),
}
NUMPY = {"the other of NumPy and PyTorch": _around(None, _other_library)}
