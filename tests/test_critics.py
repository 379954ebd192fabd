"""What the critics learn from, and what they are tested on."""

import numpy as np

from course_utils.metrics.sequences import critics


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


def test_the_split_is_the_protocols():
    """What is tested on was not learned from, and it is a fifth."""
    sources = [np.random.default_rng(i) for i in range(4)]
    learn, hold = critics._split(103, sources)
    assert learn.shape == (4, 82) and hold.shape == (4, 21)
    for row in np.concatenate([learn, hold], 1):
        assert sorted(row) == list(range(103))
