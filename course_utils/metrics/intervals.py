"""How sure a metric's figure is, given the samples it came from. Knows no metric.

`scipy.stats.bootstrap` does not fit here. It resamples numbers, not rows, and its intervals are
made of the resampled figures themselves, or of their distance from the measured one. A resample
holds some rows twice, which drives distances between sets up (for Gaussians of equal distribution
the Fréchet distance doubles), so its percentile interval lies beside the figure it belongs to.
"""

import math
import statistics
import warnings
from collections.abc import Callable
from numbers import Real

import numpy as np
import torch

from ..arguments import shown, whole
from .inputs import Samples


def bootstrap(
    metric: Callable[..., float],
    *samples: Samples,
    resamples: int = 100,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """An interval for `metric(*samples)`: `bootstrap(frechet_distance, real, fake)`.

    The figure ± z standard errors, where the standard error is the spread of the metric over sets
    drawn with replacement, rows whole and each set on its own. Efron and Tibshirani, *An
    introduction to the bootstrap*, 1993, algorithm 6.1 and the standard normal interval. It says
    what other samples, as many, would give; it does not take away the bias of a measure such as
    the Fréchet distance. For that, compare with real against real at equal numbers.

    Args:
        metric: takes the samples, gives one number. Not for precision and recall: with rows
            twice, the nearest neighbour is the row itself.
        samples: tensors or arrays, one row a sample, 2 rows or more.
        resamples: from 2 up; 100 give the standard error to about 7 %.
        level: how often such an interval should hold the value, above 0 and below 1.
        seed: of the draws, from 0 up.

    Returns:
        (low, high); low may be negative where the metric cannot be.

    Raises:
        TypeError: samples that are neither tensors nor arrays, or a metric that is no function,
            or gives no number.
        ValueError: fewer than 2 rows, a number out of range, or a metric that gives NaN.
    """
    whole("resamples", resamples, 2)
    rng = np.random.default_rng(whole("seed", seed, 0))
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1, not {shown(level)}.")
    if not callable(metric):
        raise TypeError(f"metric must be a function of the samples, not {shown(metric)}.")
    _check(samples)
    value = _number(metric(*samples))  # what it warns of is said once, here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [
            _number(metric(*(_drawn(rows, rng) for rows in samples))) for _ in range(resamples)
        ]
    reach = statistics.NormalDist().inv_cdf((1 + level) / 2) * statistics.stdev(values)
    return value - reach, value + reach


def _check(samples: tuple[Samples, ...]) -> None:
    if not samples:
        raise ValueError("bootstrap needs a set of samples, or more, after the metric.")
    for place, rows in enumerate(samples, 1):
        if not isinstance(rows, Samples):
            kind = type(rows).__name__
            raise TypeError(f"samples {place} must be a tensor or an array, not of type {kind}.")
        if rows.ndim == 0 or len(rows) < 2:
            raise ValueError(
                f"samples {place} must have 2 rows or more, but are of shape {tuple(rows.shape)}."
            )


def _drawn(rows: Samples, rng: np.random.Generator) -> Samples:
    """As many rows, drawn with replacement."""
    index = rng.integers(len(rows), size=len(rows))
    if isinstance(rows, torch.Tensor):
        return rows[torch.from_numpy(index).to(rows.device)]
    return rows[index]


def _number(value: object) -> float:
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"metric must return one number, not a value of type {type(value).__name__}."
        ) from None
    if not math.isfinite(value):
        raise ValueError(f"metric must return a finite number, not {value}.")
    return value
