"""The bootstrap against the formula for means, and how often its intervals hold the value."""

import numpy as np
import pytest
import scipy.stats
import torch

import course_utils as cu


def gap(a, b):
    return a.mean() - b.mean()


def test_the_interval_of_means_is_what_the_formula_gives():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=80), rng.normal(size=50) * 2 + 1
    low, high = cu.metrics.bootstrap(gap, a, b, resamples=4000, level=0.9)
    expected = np.sqrt(a.var() / 80 + b.var() / 50)
    assert (low + high) / 2 == pytest.approx(gap(a, b))
    assert (high - low) / 2 / 1.6449 == pytest.approx(expected, rel=0.05)


def test_it_holds_what_such_samples_give_on_average():
    """Where SciPy's percentile interval, of the same kind of resamples, lies beside it."""
    rng = np.random.default_rng(0)
    draws = [rng.normal(size=(2, 100, 16)) for _ in range(40)]
    metric = cu.metrics.frechet_distance
    average = np.mean([metric(*draw) for draw in draws])
    held = percentile_held = 0
    for real, fake in draws[:20]:
        low, high = cu.metrics.bootstrap(metric, real, fake, resamples=40)
        held += low <= average <= high
        found = scipy.stats.bootstrap(
            (np.arange(100), np.arange(100)), lambda i, j, a=real, b=fake: metric(a[i], b[j]),
            n_resamples=40, vectorized=False, method="percentile", random_state=0,
        ).confidence_interval  # fmt: skip
        percentile_held += found.low <= average <= found.high
    assert held >= 18
    assert percentile_held <= 2


def test_rows_stay_whole_and_sets_apart():
    seen = []

    def metric(a, b):
        seen.append((a, b))
        return len(seen)

    a, b = torch.arange(12.0).view(6, 2), torch.arange(5)
    cu.metrics.bootstrap(metric, a, b, resamples=20)
    assert torch.equal(seen[0][0], a) and torch.equal(seen[0][1], b)
    assert len(seen) == 21
    rows = {tuple(row) for row in a.tolist()}
    for one, other in seen[1:]:
        assert one.shape == a.shape and other.shape == b.shape
        assert {tuple(row) for row in one.tolist()} <= rows
    assert len({tuple(one[:, 0].tolist()) for one, _ in seen}) > 15
    assert any((one[:5, 0] / 2).tolist() != other.tolist() for one, other in seen[1:])


def test_the_same_seed_gives_the_same_interval():
    a = torch.arange(20.0)
    first, again, other = (
        cu.metrics.bootstrap(torch.mean, a, resamples=10, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_the_global_generators_are_left_alone():
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    cu.metrics.bootstrap(torch.mean, torch.arange(20.0), resamples=10)
    assert torch.equal(state[0], torch.get_rng_state())
    assert np.array_equal(state[1], np.random.get_state()[1])


def test_what_the_metric_warns_of_is_said_once():
    real, fake = torch.rand(10, 20), torch.rand(10, 20)
    with pytest.warns(UserWarning, match="10 samples with 20 features") as said:
        cu.metrics.bootstrap(cu.metrics.frechet_distance, real, fake, resamples=5)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resamples": 1}, "resamples must be a whole number from 2 up, not 1"),
        ({"seed": -1}, "seed must be a whole number from 0 up, not -1"),
        ({"level": 95}, "level must be a number above 0 and below 1, not 95"),
        ({"level": float("nan")}, "level must be a number above 0 and below 1, not nan"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        cu.metrics.bootstrap(torch.mean, torch.arange(9.0), **options)


def test_wrong_samples_and_metrics_are_named():
    a = torch.arange(9.0)
    with pytest.raises(ValueError, match="samples is empty: it needs to hold"):
        cu.metrics.bootstrap(torch.mean)
    with pytest.raises(TypeError, match=r"samples 2 must be a tensor or .*, not of type list"):
        cu.metrics.bootstrap(gap, a, [1, 2])
    with pytest.raises(ValueError, match=r"samples 1 must be .* N at least 2, not \(1,\)"):
        cu.metrics.bootstrap(torch.mean, a[:1])
    with pytest.raises(TypeError, match=r"metric returns must be one number, not \("):
        cu.metrics.bootstrap(cu.metrics.precision_recall, a[:, None], a[:, None])
    with pytest.raises(ValueError, match="metric returns must be a finite number, not nan"):
        cu.metrics.bootstrap(lambda rows: rows.sum() * torch.nan, a)
