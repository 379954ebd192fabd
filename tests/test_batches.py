"""The order of batches is a function of the seed and the epoch, and of nothing else."""

import numpy as np
import pytest
import torch
from synthetic import pictures
from torch import nn

from course_utils import Batches, Trainer

ITEMS = torch.arange(23)


def epoch(number, start=0, size=5, items=ITEMS, **options):
    """The batches of an epoch, as lists."""
    drawn = Batches(items, size, **options).epoch(number, start)
    return [batch[0].tolist() for batch in drawn]


def flat(batches):
    return [item for batch in batches for item in batch]


def test_the_order_depends_on_seed_and_epoch_alone():
    first = epoch(3, seed=7)
    torch.rand(5)  # other generators do not matter
    batches = Batches(ITEMS, 5, seed=7)
    list(batches.epoch(0))  # nor does what was drawn before
    assert [batch[0].tolist() for batch in batches.epoch(3)] == first
    different = [epoch(e, seed=s) for s in range(3) for e in range(3)]
    assert len({str(order) for order in different}) == 9


def test_the_order_is_the_published_permutation():
    order = np.random.default_rng([7, 3]).permutation(23)
    assert flat(epoch(3, seed=7, drop_last=False)) == order.tolist()


def test_each_item_comes_once_an_epoch():
    batches = epoch(0, drop_last=False)
    assert sorted(flat(batches)) == ITEMS.tolist()
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]


def test_drop_last_leaves_out_the_smaller_batch():
    assert [len(batch) for batch in epoch(0)] == [5, 5, 5, 5]
    assert epoch(0) == epoch(0, drop_last=False)[:4]
    assert epoch(0, items=ITEMS[:20]) == epoch(0, items=ITEMS[:20], drop_last=False)


def test_the_length_is_the_number_of_batches():
    for items in (1, 4, 5, 6, 10, 23):
        for drop_last in (True, False):
            if items >= 5:
                batches = Batches(ITEMS[:items], 5, drop_last=drop_last)
                assert len(batches) == len(list(batches))


@pytest.mark.parametrize("start", [0, 1, 4, 5, 9])
def test_an_epoch_can_be_entered_in_the_middle(start):
    assert epoch(2, start, drop_last=False) == epoch(2, drop_last=False)[start:]
    assert epoch(2, start) == epoch(2)[start:]


def test_without_shuffling_the_order_is_kept():
    assert flat(epoch(5, shuffle=False, drop_last=False)) == ITEMS.tolist()


def test_tensors_stay_together_and_only_the_first_is_augmented():
    batches = Batches((ITEMS, 10 * ITEMS, -ITEMS), 5, augment=lambda x: x + 1000)
    for first, second, third in batches:
        assert torch.equal(second, 10 * (first - 1000))
        assert torch.equal(third, 1000 - first)


@pytest.mark.parametrize("drop_last", [True, False])
def test_fewer_items_than_a_batch_are_one_batch(drop_last):
    for seed in (7, 8):
        found = epoch(3, size=64, seed=seed, drop_last=drop_last)
        assert found == epoch(3, size=23, seed=seed) and len(found) == 1


def test_that_there_are_fewer_items_than_a_batch_is_said_once(capsys):
    made = [Batches(ITEMS, 6404, seed) for seed in range(3)]
    assert [batches.size for batches in made] == [23, 23, 23]
    assert capsys.readouterr().out.splitlines() == [
        "There are 23 items, fewer than the 6404 of a batch, so each batch has 23."
    ]


@pytest.mark.report("J")
def test_a_learner_with_few_pictures_just_trains():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    opt = torch.optim.SGD(net.parameters(), 0.1)
    trainer = Trainer(net=net, opt=opt)

    def step(batch):
        loss = nn.functional.cross_entropy(net(batch[0]), batch[1])
        trainer.update(opt, loss)
        return {"items": len(batch[0])}

    history = trainer.fit(step, pictures().batches(64), epochs=3, show=False)  # of ten pictures
    assert history["items"].tolist() == [10, 10, 10]


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None])
def test_a_wrong_size_is_named(size):
    with pytest.raises(ValueError, match="size must be a whole number from 1 up"):
        Batches(ITEMS, size)


@pytest.mark.parametrize("seed", [-1, True, 0.5, None])
def test_a_wrong_seed_is_named(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        Batches(ITEMS, 5, seed)


@pytest.mark.parametrize("tensors", [(), (ITEMS, ITEMS[1:])])
def test_tensors_of_several_lengths_are_refused(tensors):
    with pytest.raises(ValueError, match="tensors must be of one length"):
        Batches(tensors, 5)
