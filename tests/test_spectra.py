"""Spectra and their distance against SciPy, and on tones whose distance is known."""

import math

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch
from synthetic import noise

import course_utils as cu


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
