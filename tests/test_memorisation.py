"""Nearest distances against scikit-learn, memorisation against SciPy's test statistic."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.neighbors import NearestNeighbors
from synthetic import noise, sines

import course_utils as cu
from course_utils.metrics import distances


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
    monkeypatch.setattr(distances, "BLOCK", 100)
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
