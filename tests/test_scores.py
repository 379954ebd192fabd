"""Scores of sequences on cases whose answer is known, and what no measure of sequences takes."""

import math
import warnings

import numpy as np
import pytest
import torch
from synthetic import noise, sines

import course_utils as cu
from course_utils.metrics import SequenceScore

FUNCTIONS = {
    "discriminative_score": lambda a, b: cu.metrics.discriminative_score(a, b, iterations=2),
    "predictive_score": lambda a, b: cu.metrics.predictive_score(a, b, iterations=2),
    "spectral_distance": cu.metrics.spectral_distance,
}

# ---- the discriminative score ------------------------------------------------------------------


def test_real_against_real_is_at_chance_and_noise_is_not():
    real = sines(1500)
    found = cu.metrics.discriminative_score(
        real, {"fresh": sines(1500, 1), "noise": noise(1500, 24, 5)}, repeats=3, iterations=400
    )
    assert found["fresh"].mean < 3 * found["fresh"].reference < 0.06
    assert found["noise"].mean > 0.45
    assert [len(score.values) for score in found.values()] == [3, 3]
    assert all(0 <= value <= 0.5 for score in found.values() for value in score.values)


def test_the_stronger_critic_sees_what_the_protocols_does_not():
    """Sequences that differ in nothing but how two of the features go together."""
    real, other = noise(1000, 4, 4), noise(1000, 4, 4, seed=1)
    real[:, :, 1] = real[:, :, 0]
    options = {"repeats": 1, "iterations": 200}
    weak = cu.metrics.discriminative_score(real, other, **options)
    strong = cu.metrics.discriminative_score(real, other, units=64, **options)
    assert (weak.units, strong.units) == (2, 64)
    assert weak.mean < 0.1 and strong.mean > 0.25


def test_side_by_side_is_what_each_is_alone():
    """Neither another set nor more repeats change a value."""
    real, one, two = sines(200, steps=6), sines(180, 1, 6) * 0.7, noise(180, 6, 5)
    for score in (cu.metrics.discriminative_score, cu.metrics.predictive_score):
        together = score(real, {"one": one, "two": two}, repeats=3, iterations=60, units=16)
        for name, fake in (("one", one), ("two", two)):
            single = score(real, fake, repeats=2, iterations=60, units=16)
            assert single.values == pytest.approx(together[name].values[:2], abs=1e-3)
            assert single.reference == together[name].reference
        assert together["one"].values != pytest.approx(together["two"].values, abs=1e-2)
        again = score(real, one, repeats=2, iterations=60, units=16, seed=1)
        assert again.values != pytest.approx(together["one"].values[:2], abs=2e-3)


def test_chance_is_what_coins_get():
    source = np.random.default_rng(0)
    real, fake = source.binomial(20, 0.5, 200_000) / 20, source.binomial(60, 0.5, 200_000) / 60
    score = np.abs((real + fake) / 2 - 0.5).mean()
    with pytest.warns(UserWarning, match=r"on 20 real and 60 generated .* get 0.05 by chance"):
        found = cu.metrics.discriminative_score(sines(100), sines(300), iterations=1, repeats=1)
    assert found.reference == pytest.approx(score, rel=0.02)


def test_more_of_one_kind_do_not_help_a_critic_that_always_says_the_same():
    """Constant sequences on both sides: nothing to learn, whatever the numbers."""
    same = torch.full((1000, 4, 2), 0.5)
    found = cu.metrics.discriminative_score(same, same[:200], iterations=30, repeats=2)
    assert found.values == (0, 0)


def test_the_floors():
    found = cu.metrics.discriminative_floors(sines(800), repeats=2, iterations=50)
    assert list(found) == ["real against real", "copy of the training set"]
    assert found["copy of the training set"].mean < 0.1 and found["real against real"].mean < 0.1
    assert found["real against real"].reference > found["copy of the training set"].reference
    shifted = sines(800, 1) * 0.5
    found = cu.metrics.discriminative_floors(sines(800), shifted, repeats=2, iterations=250)
    assert found["real against real"].mean > 0.2 > found["copy of the training set"].mean


# ---- the predictive score ------------------------------------------------------------------------


def test_a_constant_series_is_predicted():
    constant = torch.full((200, 3, 3), 0.7)
    found = cu.metrics.predictive_score(constant, constant, repeats=1, iterations=800)
    assert found.mean < 0.01 and found.reference == pytest.approx(0, abs=1e-6)
    other = cu.metrics.predictive_score(constant, constant - 0.3, repeats=1, iterations=800)
    assert other.mean == pytest.approx(0.3, abs=0.1)  # it learned 0.4


def test_the_last_feature_is_predicted_from_the_others_one_step_ahead():
    """The last is the first of one step before: known exactly, but not the other way round."""
    real = noise(1000, 8, 2)
    real[:, 1:, 1] = real[:, :-1, 0]
    found = cu.metrics.predictive_score(real, real, repeats=1, iterations=900, units=4)
    assert found.reference == pytest.approx(0.25, abs=0.01)  # of U(0, 1) from its median
    assert found.mean < 0.08
    turned = cu.metrics.predictive_score(
        real.flip(2), real.flip(2), repeats=1, iterations=300, units=4
    )
    assert turned.mean > 0.2


def test_a_single_feature_is_predicted_from_itself():
    real = sines(600, features=1, fastest=0.5)
    found = cu.metrics.predictive_score(real, real, repeats=1, iterations=1000, units=4)
    assert found.mean < found.reference / 3
    assert cu.metrics.predictive_score(real, real, repeats=1, iterations=1).units == 1


def test_the_sines_score_says_nothing():
    """Their features are independent: perfect data are no better than each step's median."""
    real = sines(2000)
    found = cu.metrics.predictive_score(real, sines(2000, 1), repeats=1, iterations=700)
    median = np.abs(real[:, 1:, 4].numpy() - np.median(real[:, 1:, 4], 0)).mean()
    assert found.reference == pytest.approx(median, rel=1e-3)
    assert found.mean == pytest.approx(median, rel=0.1)


# ---- what a score says ---------------------------------------------------------------------------


def test_mean_and_spread():
    score = SequenceScore("discriminative", (0.1, 0.2, 0.3), 0.006, 2, 2000)
    assert score.mean == pytest.approx(0.2) and score.spread == pytest.approx(0.1)
    assert str(score) == "0.200 ± 0.100 (3 × 2,000 iterations, GRU of 2)"
    single = SequenceScore("predictive", (0.1,), 0.0, 2, 5000)
    assert math.isnan(single.spread)
    assert str(single) == "0.100 (1 × 5,000 iterations, GRU of 2)"


@pytest.mark.parametrize(
    ("profile", "units", "kind", "expected"),
    [
        ("cpu", None, "discriminative", (2, 5, 2000)),
        ("cpu", 64, "discriminative", (64, 2, 1000)),
        ("cpu", None, "predictive", (2, 5, 5000)),
        ("gpu", 64, "discriminative", (64, 10, 2000)),
        ("gpu", None, "predictive", (2, 10, 5000)),
        ("smoke", None, "predictive", (2, 2, 10)),
    ],
)
def test_amounts_follow_the_profile_and_the_protocol_can_be_asked_for(
    monkeypatch, profile, units, kind, expected
):
    monkeypatch.setattr(cu.runtime, "profile", lambda: profile)
    seen = []

    def train(real, sets, plan):
        seen.append(plan)
        return torch.zeros(len(sets), plan.repeats)

    for name in ("discriminate", "predict"):
        monkeypatch.setattr(f"course_utils.metrics.sequences.scores.{name}", train)
    score = getattr(cu.metrics, f"{kind}_score")
    found = score(sines(400), sines(400), units=units)
    assert (found.units, len(found.values), found.iterations) == expected
    assert found.is_protocol == (profile == "gpu")
    whole = score(sines(400), sines(400), repeats=10, iterations=2000 + 3000 * (kind[0] == "p"))
    assert whole.is_protocol and seen[-1][:3] == (2, 10, whole.iterations)


# ---- what cannot be scored -----------------------------------------------------------------------

GOOD = noise(200, 6, 2)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("real", "fake", "error", "words"),
    [
        (GOOD, GOOD[:, :5], ValueError, r"fake must be .*\(N, 6, 2\), with the steps"),
        (GOOD, GOOD[:, :, :1], ValueError, r"fake must be .*\(N, 6, 2\).* not \(200, 6, 1\)"),
        (GOOD, GOOD[:, 0], ValueError, r"fake must be .*\(N, 6, 2\).* not \(200, 2\)"),
        (GOOD[:0], GOOD, ValueError, r"real must be of shape .* not \(0, 6, 2\)"),
        (GOOD, GOOD / 0, ValueError, "fake must hold finite numbers; .* in 200 of 200 rows"),
        (GOOD.where(GOOD > 0.001, torch.nan), GOOD, ValueError, "real must hold finite numbers"),
        (GOOD, GOOD.tolist(), TypeError, "fake must be a tensor or a NumPy array, not of type li"),
    ],
)
def test_sequences_that_do_not_fit_are_named(name, real, fake, error, words):
    with pytest.raises(error, match=words):
        FUNCTIONS[name](real, fake)


@pytest.mark.parametrize("score", [cu.metrics.discriminative_score, cu.metrics.predictive_score])
def test_scores_name_what_is_wrong(score):
    with pytest.raises(ValueError, match=r"real must be .* N at least 10.* not \(9, 6, 2\)"):
        score(GOOD[:9], GOOD)
    with pytest.raises(ValueError, match=r"two must be .* N at least 10, not \(5, 6, 2\)"):
        score(GOOD, {"one": GOOD, "two": GOOD[:5]})
    with pytest.raises(ValueError, match=r"two must be .*\(200, 6, 2\), of as many as one, not"):
        score(GOOD, {"one": GOOD, "two": GOOD[:100]})
    with pytest.raises(ValueError, match="fake is empty: it needs to hold one item or more"):
        score(GOOD, {})
    for option in ("units", "repeats", "iterations"):
        with pytest.raises(ValueError, match=f"{option} must be a whole number from 1 up, not 0"):
            score(GOOD, GOOD, **{option: 0})
    with pytest.raises(ValueError, match="seed must be a whole number from 0 up, not -1"):
        score(GOOD, GOOD, seed=-1)


def test_a_prediction_needs_two_steps_in_0_to_1():
    with pytest.raises(ValueError, match=r"real must be .* T at least 2, not \(200, 1, 2\)"):
        cu.metrics.predictive_score(GOOD[:, :1], GOOD[:, :1])
    with pytest.raises(ValueError, match="real must be between 0 and 1, as the predictor's"):
        cu.metrics.predictive_score(GOOD * 100, GOOD)
    with pytest.raises(ValueError, match=r"samples must be .* T at least 2, not \(200, 1, 2\)"):
        cu.metrics.power_spectrum(GOOD[:, :1])


def test_few_sequences_are_warned_of_and_many_are_not():
    with pytest.warns(UserWarning, match="tested on 2 real and 2 generated sequences says little"):
        cu.metrics.discriminative_score(GOOD[:10], GOOD[:10], iterations=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cu.metrics.discriminative_score(GOOD, GOOD, iterations=1)


def test_arrays_and_other_kinds_of_numbers_are_taken():
    whole = (GOOD.numpy() * 10).round().astype(np.int64)
    found = cu.metrics.nearest_distances(whole, whole)
    assert not found.any()
    same = cu.metrics.discriminative_score(GOOD.numpy(), GOOD.double(), iterations=3, repeats=1)
    assert (
        same.values == cu.metrics.discriminative_score(GOOD, GOOD, iterations=3, repeats=1).values
    )
    found = cu.metrics.predictive_score(GOOD.requires_grad_(), GOOD, iterations=2, repeats=1)
    assert not GOOD.requires_grad_(False).grad and found.mean > 0
