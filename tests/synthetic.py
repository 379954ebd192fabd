"""Sequences made by a formula, for the tests of metrics: sines and noise, in 0…1."""

import numpy as np
import torch


def sines(count, seed=0, steps=24, features=5, fastest=0.1):
    source = np.random.default_rng(seed)
    frequency, phase = source.uniform(0, fastest, (2, count, 1, features))
    angle = frequency * np.arange(steps)[:, None] + phase
    return torch.from_numpy((np.sin(angle) + 1) / 2).float()


def noise(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).float()
