"""How sure a metric's figure is, given the samples it came from.

The standard error is that of `scipy.stats.bootstrap`; its intervals would not do. They are made of
the resampled figures themselves, or of their distances from the measured one. A resample holds
some rows twice, which drives distances between sets up (between samples of one Gaussian the Fréchet
distance doubles), so that a percentile interval lies beside the figure it belongs to.
"""

import warnings
from collections.abc import Callable

import numpy as np

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
    import scipy.stats  # here, because it takes as long to import as the rest of the course

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

    def resampled(*index: np.ndarray) -> float:
        return measured(*(rows[i] for rows, i in zip(samples, index, strict=True)))

    value = measured(*samples)  # what it warns of is said once, here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error = scipy.stats.bootstrap(
            [np.arange(len(rows)) for rows in samples], resampled, vectorized=False, batch=1,
            n_resamples=resamples, method="percentile", random_state=rng,
        ).standard_error  # fmt: skip
    reach = float(scipy.stats.norm.ppf((1 + level) / 2) * error)
    return value - reach, value + reach
