"""How sure a metric's figure is, given the samples it came from.

`scipy.stats.bootstrap` gives the same standard error, and takes 40 MB to import for three lines.
Its intervals would not do: they are made of the resampled figures themselves, or of how far these
are from the measured one. A resample holds some rows twice, which drives distances between sets up
(between samples of one Gaussian the Fréchet distance doubles), so that a percentile interval lies
beside the figure it belongs to.
"""

import statistics
import warnings
from collections.abc import Callable

import numpy as np
import torch

from ..arguments import Samples, function, kind, number, shape, share, some, whole


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
        metric: takes the samples, returns one number. Not for precision and recall: with rows
            twice, the nearest neighbour is the row itself.
        samples: tensors or arrays, one row per sample, at least 2 rows.
        resamples: from 2 up; 100 give the standard error to about 7 %.
        level: how often such an interval should hold the value, above 0 and below 1.
        seed: of the draws, from 0 up.

    Returns:
        (low, high); low may be negative where the metric cannot be.

    Raises:
        TypeError: samples that are neither tensors nor arrays, or a metric that is not a function
            or does not return a number.
        ValueError: no samples, fewer than 2 rows, a number out of range, or a metric that returns
            NaN.
    """
    whole("resamples", resamples, 2)
    rng = np.random.default_rng(whole("seed", seed, 0))
    share("level", level)
    function("metric", metric, "the samples")
    some("samples", len(samples))
    for place, rows in enumerate(samples, 1):
        kind(f"samples {place}", rows, Samples, "a tensor or a NumPy array")
        shape(f"samples {place}", rows, "(N, …)", N=2)

    def measured(*sets: Samples) -> float:
        return number("what metric returns", metric(*sets))

    def drawn(rows: Samples) -> Samples:
        index = rng.integers(len(rows), size=len(rows))
        return rows[torch.from_numpy(index).to(rows.device) if torch.is_tensor(rows) else index]

    value = measured(*samples)  # what it warns of is said once, here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [measured(*map(drawn, samples)) for _ in range(resamples)]
    reach = statistics.NormalDist().inv_cdf((1 + level) / 2) * statistics.stdev(values)
    return value - reach, value + reach
