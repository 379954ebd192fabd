"""What a metric of sequences is given: checked, (N, T, F), finite. Knows no metric."""

from collections.abc import Mapping

import torch

from ..inputs import Samples, rows


def sequences(name: str, values: Samples, least: int) -> torch.Tensor:
    """`values`, if they are sequences (N, T, F) of finite numbers, in float64 on the CPU.

    Raises:
        TypeError: neither a tensor nor an array of numbers.
        ValueError: another shape, NaN or infinity, or fewer sequences than `least`.
    """
    if not isinstance(values, Samples):
        kind = type(values).__name__
        raise TypeError(f"{name} must be a tensor or a NumPy array, not of type {kind}.")
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(
            f"{name} must be of shape (N, T, F): sequences, steps, features; not "
            f"{tuple(values.shape)}."
        )
    return rows(name, values.reshape(len(values), -1), least).view(*values.shape)


def same_shape(real: torch.Tensor, others: Mapping[str, torch.Tensor]) -> None:
    """Let pass what has as many steps and features as `real`.

    Raises:
        ValueError: another length or width, by name.
    """
    for name, values in others.items():
        if values.shape[1:] != real.shape[1:]:
            raise ValueError(
                f"{name} must have sequences of {real.shape[1]} steps and {real.shape[2]} "
                f"features, as the real ones have, not of {values.shape[1]} and {values.shape[2]}."
            )
