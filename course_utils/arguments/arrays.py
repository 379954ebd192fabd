"""Arguments that are many numbers: tensors, arrays, rows of samples."""

from typing import Any

import torch

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def tensor(name: str, value: Any) -> torch.Tensor:
    """`value`, if it is a tensor.

    Raises:
        TypeError: it is not; names the argument.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, not of type {type(value).__name__}.")
    return value


def whole_numbers(name: str, values: Any) -> torch.Tensor:
    """`values`, if they are a tensor of whole numbers.

    Raises:
        TypeError: they are not; names the argument.
    """
    if tensor(name, values).dtype not in WHOLE:
        raise TypeError(f"{name} must be whole numbers, not of {values.dtype}.")
    return values
