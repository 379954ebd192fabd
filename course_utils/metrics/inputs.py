"""What a metric is given: checked, finite, in float64 on the CPU. Knows no metric."""

import numpy as np
import torch

Samples = torch.Tensor | np.ndarray
LARGEST = 1e30  # the sixth power of such a number is finite in float64, itself in float32


def numbers(name: str, values: Samples, axes: int, allowed: float = 0.0) -> torch.Tensor:
    """`values` with so many axes, in float64 on the CPU, without gradient.

    Double precision because distances are small differences of large sums; the CPU because not
    every device has it, and so that a figure does not depend on the device.

    Args:
        name: of the argument, for the error.
        allowed: the one value that may be there though it is not finite.

    Raises:
        TypeError: neither a tensor nor an array of numbers.
        ValueError: other axes, nothing in it, or NaN, infinity or what is nearly so.
    """
    if not isinstance(values, Samples):
        kind = type(values).__name__
        raise TypeError(f"{name} must be a tensor or a NumPy array, not of type {kind}.")
    if values.ndim != axes or 0 in values.shape:
        wanted = {1: "(D,)", 2: "(N, D), a row for each sample"}[axes]
        raise ValueError(f"{name} must be of shape {wanted}, not {tuple(values.shape)}.")
    if "complex" in str(values.dtype):
        raise TypeError(f"{name} must hold real numbers, not {values.dtype}.")
    if isinstance(values, np.ndarray):
        try:
            values = torch.from_numpy(np.array(values, np.float64))
        except (TypeError, ValueError):
            raise TypeError(f"{name} must hold numbers, not {values.dtype}.") from None
    values = values.detach().cpu().double()
    wrong = ~((values.abs() < LARGEST) | (values == allowed))  # NaN is not below
    if wrong.any():
        rows = int(wrong.view(len(values), -1).any(1).sum())
        raise ValueError(
            f"{name} must hold finite numbers; NaN, infinity or a number beyond {LARGEST:g} is in "
            f"{rows} of {len(values)} rows."
        )
    return values


def rows(name: str, values: Samples, least: int) -> torch.Tensor:
    """Samples (N, D) with at least so many rows, checked as in `numbers`.

    Raises:
        ValueError: fewer rows.
    """
    values = numbers(name, values, 2)
    if len(values) < least:
        raise ValueError(f"{name} must have {least} rows or more, not {len(values)}.")
    return values


def pair(real: Samples, fake: Samples, least: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Real and generated samples, (N, D) and (M, D), checked as in `rows`.

    Raises:
        ValueError: features of different widths.
    """
    real, fake = rows("real", real, least), rows("fake", fake, least)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            "real and fake must have the same features, but real has "
            f"{real.shape[1]} a row and fake {fake.shape[1]}."
        )
    return real, fake
