"""Scores of sequences on cases whose answer is known; the batched GRU against PyTorch's own."""

import math
import sys
import warnings

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn

import course_utils as cu
from course_utils.metrics import SequenceScore, critics
from course_utils.metrics.gru import GRUs

FUNCTIONS = {
    "discriminative_score": lambda a, b: cu.metrics.discriminative_score(a, b, iterations=2),
    "predictive_score": lambda a, b: cu.metrics.predictive_score(a, b, iterations=2),
    "spectral_distance": cu.metrics.spectral_distance,
}


def sines(count, seed=0, steps=24, features=5, fastest=0.1):
    source = np.random.default_rng(seed)
    frequency, phase = source.uniform(0, fastest, (2, count, 1, features))
    angle = frequency * np.arange(steps)[:, None] + phase
    return torch.from_numpy((np.sin(angle) + 1) / 2).float()


def noise(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).float()


# ---- the networks ------------------------------------------------------------------------------


def filled(networks, features, units):
    nets = GRUs(features, units, range(networks)).double()
    for number, weights in enumerate(nets.parameters()):
        shape = weights.shape
        weights.data = torch.from_numpy(np.random.default_rng(number).normal(size=shape))
    return nets


def alone(nets, i):
    """Network i in PyTorch's own layers."""
    units = nets.U.shape[2]
    gru = nn.GRU(nets.W.shape[2], units, batch_first=True).double()
    head = nn.Linear(units, 1).double()
    with torch.no_grad():
        gru.weight_ih_l0.copy_(nets.W[i])
        gru.weight_hh_l0.copy_(nets.U[i])
        gru.bias_ih_l0.copy_(nets.b[i, :, 0])
        gru.bias_hh_l0.zero_()[2 * units :] = nets.c[i, :, 0, 0]
        head.weight.copy_(nets.read[i])
        head.bias.copy_(nets.offset[i, 0])
    return gru, head


@pytest.mark.parametrize(("features", "units", "last"), [(3, 4, False), (1, 1, True), (5, 2, True)])
def test_each_network_is_pytorchs_gru_forwards_and_backwards(features, units, last):
    nets = filled(3, features, units)
    x, weights = noise(3, features, 6, 7).double(), noise(3, 6, 7, seed=1).double()
    read = nets(x, last=last)
    (read * weights[:, -read.shape[1] :]).sum().backward()
    for i in range(3):
        gru, head = alone(nets, i)
        expected = head(gru(x[i].permute(2, 1, 0))[0])[..., 0].T  # (T, B)
        expected = expected[-1:] if last else expected
        assert torch.allclose(read[i], expected, atol=1e-10)
        (expected * weights[i, -len(expected) :]).sum().backward()
        pairs = [
            (nets.W, gru.weight_ih_l0.grad), (nets.U, gru.weight_hh_l0.grad),
            (nets.b, gru.bias_ih_l0.grad[:, None]), (nets.read, head.weight.grad),
            (nets.c, gru.bias_hh_l0.grad[2 * units :, None, None]),
            (nets.offset, head.bias.grad[:, None]),
        ]  # fmt: skip
        for ours, theirs in pairs:
            assert torch.allclose(ours.grad[i], theirs, atol=1e-10)


def test_equal_seeds_give_equal_weights_and_leave_the_global_ones():
    before = torch.get_rng_state()
    nets = GRUs(3, 4, [7, 8, 7])
    assert torch.equal(before, torch.get_rng_state())
    for weights in (nets.W, nets.U, nets.read):
        assert torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[1])
    assert torch.allclose(nets.U[0].T @ nets.U[0], torch.eye(4), atol=1e-5)
    assert nets.W.abs().max() <= math.sqrt(6 / (3 + 12)) and not nets.b.any()


def test_batches_go_through_all_items_and_then_again():
    items = np.array([range(10), range(10, 20)])
    sources = [np.random.default_rng(i) for i in range(2)]
    drawn = critics._batches(items, sources)
    first = next(drawn)  # fewer than 128: all of them
    assert [sorted(row) for row in first.tolist()] == items.tolist()
    assert next(drawn).tolist() != first.tolist()
    many = np.tile(np.arange(300), (2, 1))
    drawn = critics._batches(many, sources)
    epoch = np.concatenate([next(drawn), next(drawn)], 1)
    assert epoch.shape == (2, 256) and all(len(set(row)) == 256 for row in epoch.tolist())
    assert epoch[0].tolist() != epoch[1].tolist()


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


def test_the_split_is_the_protocols():
    """What is tested on was not learned from, and it is a fifth."""
    sources = [np.random.default_rng(i) for i in range(4)]
    learn, hold = critics._split(103, sources)
    assert learn.shape == (4, 82) and hold.shape == (4, 21)
    for row in np.concatenate([learn, hold], 1):
        assert sorted(row) == list(range(103))


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


# ---- the predictive score ----------------------------------------------------------------------


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


# ---- what a score says -------------------------------------------------------------------------


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
        monkeypatch.setattr(f"course_utils.metrics.sequences.{name}", train)
    score = getattr(cu.metrics, f"{kind}_score")
    found = score(sines(400), sines(400), units=units)
    assert (found.units, len(found.values), found.iterations) == expected
    assert found.is_protocol == (profile == "gpu")
    whole = score(sines(400), sines(400), repeats=10, iterations=2000 + 3000 * (kind[0] == "p"))
    assert whole.is_protocol and seen[-1][:3] == (2, 10, whole.iterations)


# ---- memorisation ------------------------------------------------------------------------------


def test_distances_are_scikit_learns():
    train, samples = noise(300, 7, 3), noise(50, 7, 3, seed=1)
    found = cu.metrics.nearest_distances(samples, train)
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train.flatten(1).numpy())
    expected = search.kneighbors(samples.flatten(1).numpy())[0][:, 0] / math.sqrt(21)
    assert found.dtype == torch.float64 and np.allclose(found, expected, atol=1e-7)


def test_a_copy_is_at_0_exactly_wherever_it_lies():
    train = noise(200, 9, 2) + 1000
    assert not cu.metrics.nearest_distances(train.flip(0), train).any()
    found = cu.metrics.nearest_distances(train + 0.25, train)
    assert found.max().item() <= 0.25 + 1e-6


def test_pieces_change_nothing(monkeypatch):
    train, samples = noise(40, 5, 2), noise(30, 5, 2, seed=1)
    whole = cu.metrics.nearest_distances(samples, train)
    module = sys.modules["course_utils.metrics.memorisation"]  # the function has the name too
    monkeypatch.setattr(module, "BLOCK", 100)
    assert torch.equal(cu.metrics.nearest_distances(samples, train), whole)


def test_memorisation_is_mann_and_whitneys():
    train, held, samples = sines(500), sines(60, 1), sines(80, 2)
    samples[:30] = train[:30]
    found = cu.metrics.memorisation(train, held, samples)
    u = scipy.stats.mannwhitneyu(found.holdout, found.samples).statistic
    assert found.closer == pytest.approx(u / (60 * 80))
    assert 0.6 < found.closer < 0.8 and found.samples[:30].max() == 0
    assert "closer in" in str(found) and f"{found.holdout.median():.3f}" in str(found)


def test_copies_new_sequences_and_noise():
    train, held = sines(1000), sines(300, 1)
    closer = [
        cu.metrics.memorisation(train, held, samples).closer
        for samples in (train, sines(300, 2), noise(300, 24, 5))
    ]
    assert closer[0] == 1 and closer[1] == pytest.approx(0.5, abs=0.05) and closer[2] == 0
    same = torch.zeros(50, 3, 1)
    assert cu.metrics.memorisation(same, same, same).closer == 0.5  # ties


def test_a_small_hold_out_is_said():
    with pytest.warns(UserWarning, match="19 sequences of the hold-out are few"):
        cu.metrics.memorisation(sines(50), sines(19), sines(50))


# ---- spectra -----------------------------------------------------------------------------------


def tones(periods, steps=32, phases=20):
    time, phase = torch.arange(steps).double(), torch.rand(phases, 1, dtype=torch.float64)
    return torch.sin(2 * math.pi * (periods * time / steps + phase))[..., None]


@pytest.mark.parametrize("steps", [2, 3, 24, 25])
def test_the_spectrum_is_scipys_periodogram(steps):
    samples = noise(40, steps, 3).double()
    frequencies, power = cu.metrics.power_spectrum(samples)
    expected_frequencies, expected = scipy.signal.periodogram(samples.numpy(), axis=1)
    expected = expected.mean(0)
    assert np.allclose(frequencies, expected_frequencies)
    assert np.allclose(power, expected / expected.sum(0), atol=1e-10)
    assert torch.allclose(power.sum(0), torch.ones(3).double())


@pytest.mark.parametrize("steps", [8, 25])
def test_the_distance_is_scipys_wasserstein_distance(steps):
    real, fake = noise(30, steps, 3).cumsum(1), noise(50, steps, 3, seed=1)
    frequencies, one = cu.metrics.power_spectrum(real)
    _, two = cu.metrics.power_spectrum(fake)
    expected = [
        scipy.stats.wasserstein_distance(frequencies, frequencies, one[:, k], two[:, k])
        for k in range(3)
    ]
    assert cu.metrics.spectral_distance(real, fake) == pytest.approx(np.mean(expected))
    assert cu.metrics.spectral_distance(fake, real) == pytest.approx(np.mean(expected))


def test_equal_sets_are_at_0_whatever_their_order_amplitude_and_phase():
    real = noise(30, 24, 2)
    assert cu.metrics.spectral_distance(real, real) == 0
    assert cu.metrics.spectral_distance(real, real.flip(0)) == pytest.approx(0, abs=1e-12)
    assert cu.metrics.spectral_distance(real, 5 * real + 3) == pytest.approx(0, abs=1e-7)
    assert cu.metrics.spectral_distance(tones(3), tones(3)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("one", "two"), [(1, 2), (3, 9), (16, 1), (5, 15)])
def test_tones_are_as_far_apart_as_their_frequencies(one, two):
    if one == 16:  # at half a cycle a step the phase decides the amplitude
        torch.manual_seed(0)
    found = cu.metrics.spectral_distance(tones(one), tones(two))
    assert found == pytest.approx(abs(one - two) / 32)


def test_constant_sequences_have_all_at_frequency_0():
    flat, tone = torch.full((5, 32, 1), 0.3), tones(4)
    assert cu.metrics.power_spectrum(flat)[1][:, 0].tolist() == [1] + [0] * 16
    assert cu.metrics.spectral_distance(flat, flat * 2) == 0
    assert cu.metrics.spectral_distance(tone, flat) == pytest.approx(4 / 32)


# ---- what cannot be scored ---------------------------------------------------------------------

GOOD = noise(200, 6, 2)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("real", "fake", "error", "words"),
    [
        (GOOD, GOOD[:, :5], ValueError, "fake must have sequences of 6 steps and 2 features, as"),
        (GOOD, GOOD[:, :, :1], ValueError, "not of 6 and 1"),
        (GOOD, GOOD[:, 0], ValueError, r"fake must be of shape \(N, T, F\).* not \(200, 2\)"),
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
    with pytest.raises(ValueError, match="real must have 10 rows or more, not 9"):
        score(GOOD[:9], GOOD)
    with pytest.raises(ValueError, match="two must have 10 rows or more, not 5"):
        score(GOOD, {"one": GOOD, "two": GOOD[:5]})
    with pytest.raises(ValueError, match=r"of one size, not \{'one': 200, 'two': 100\}"):
        score(GOOD, {"one": GOOD, "two": GOOD[:100]})
    with pytest.raises(ValueError, match="fake must hold a set of sequences or more"):
        score(GOOD, {})
    for option in ("units", "repeats", "iterations"):
        with pytest.raises(ValueError, match=f"{option} must be a whole number from 1 up, not 0"):
            score(GOOD, GOOD, **{option: 0})
    with pytest.raises(ValueError, match="seed must be a whole number from 0 up, not -1"):
        score(GOOD, GOOD, seed=-1)


def test_a_prediction_needs_two_steps_in_0_to_1():
    with pytest.raises(ValueError, match="real must have sequences of 2 steps or more"):
        cu.metrics.predictive_score(GOOD[:, :1], GOOD[:, :1])
    with pytest.raises(ValueError, match=r"real must be scaled to 0…1, .* not lie in "):
        cu.metrics.predictive_score(GOOD * 100, GOOD)
    with pytest.raises(ValueError, match="must have sequences of 2 steps or more, not 1"):
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
