"""Small data made on the spot: sines and noise in 0…1, and labelled pictures."""

import numpy as np
import torch

import course_utils as cu


def sines(count, seed=0, steps=24, features=5, fastest=0.1):
    source = np.random.default_rng(seed)
    frequency, phase = source.uniform(0, fastest, (2, count, 1, features))
    angle = frequency * np.arange(steps)[:, None] + phase
    return torch.from_numpy((np.sin(angle) + 1) / 2).float()


def noise(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).float()


def pictures(pixels=8):
    """Ten labelled pictures of two classes in each part."""
    x, y = noise(10, 1, pixels, pixels), torch.arange(10) % 2
    parts = {"train_x": x, "train_y": y, "test_x": x, "test_y": y, "classes": ("a", "b")}
    return cu.data.ImageData(name="made", source="made", **parts)
