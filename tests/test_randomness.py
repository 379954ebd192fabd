"""Random generators go on from a saved state, and stay as they are where that is none."""

import random

import numpy as np
import pytest
import torch

from course_utils import checkpoint, randomness


def draws():
    return torch.rand(3).tolist(), np.random.randn(3).tolist(), random.random()


def test_random_states_go_through_a_file(tmp_path):
    np.random.randn()  # leaves half of a pair of normal numbers in the generator
    checkpoint.save(tmp_path, randomness.state())
    first = draws()
    assert draws() != first
    randomness.restore(checkpoint.load(tmp_path))
    assert draws() == first


OTHER = [
    None, {}, {"torch": None}, {"torch": torch.ones(3)}, {"numpy": [1]}, {"python": 3},
    {"python": (3, (1, 2), None)}, {"cuda": None},
]  # fmt: skip


@pytest.mark.parametrize("other", OTHER, ids=str)
def test_what_is_no_state_is_refused_and_changes_nothing(other):
    before = randomness.state()
    saved = before | other if other else other
    with pytest.raises(ValueError, match=r"^saved must be what randomness.state returned, .*\.$"):
        randomness.restore(saved)
    first = draws()
    randomness.restore(before)
    assert draws() == first
