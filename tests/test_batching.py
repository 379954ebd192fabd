"""Batches of any kind keep their type on the way to a step, and are weighed by their items."""

import collections

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, IterableDataset

import course_utils as cu
from course_utils import batching

Pair = collections.namedtuple("Pair", "x y")
ELSEWHERE = torch.device("meta")
X, Y = torch.zeros(9, 2), torch.zeros(9)
PACKED = pack_sequence([torch.zeros(4, 2), torch.zeros(3, 2), torch.zeros(1, 2)])


class Encoding(collections.UserDict):
    """A batch as tokenizers return it."""


KINDS = {  # a batch, and how many items it has
    "tensor": (X, 9),
    "list": ([X, Y], 9),
    "tuple": ((X, Y), 9),
    "named tuple": (Pair(X, Y), 9),
    "dict": ({"x": X, "y": Y}, 9),
    "ordered dict": (collections.OrderedDict(y=Y, x=X), 9),
    "default dict": (collections.defaultdict(list, x=X), 9),
    "user dict": (Encoding(x=X, y=Y), 9),
    "packed": (PACKED, 3),
    "packed in a tuple": ((PACKED, torch.zeros(3)), 3),
    "nested": ({"inputs": (X, {"mask": Y}), "labels": Y}, 9),
    "dict in a list": ([{"x": X}, Y], 9),
    "texts first": ((["a", "b"] * 4 + ["c"], Y), 9),
    "a name first": ({"name": "train", "epoch": 3, "x": X}, 9),
    "a number first": ((0.5, torch.tensor(1.0), X), 9),
    "array": (np.zeros((9, 2)), 9),
    "no items": (X[:0], 0),
}


def tensors(batch):
    """The tensors of a batch, at whatever depth."""
    if isinstance(batch, torch.Tensor):
        return [batch]
    if isinstance(batch, collections.abc.Mapping):
        batch = list(batch.values())
    return [t for one in batch for t in tensors(one)] if isinstance(batch, list | tuple) else []


@pytest.mark.parametrize(("batch", "items"), KINDS.values(), ids=KINDS)
@pytest.mark.report("F")
def test_a_batch_keeps_its_type_and_is_counted(batch, items):
    moved = batching.to_device(ELSEWHERE, batch)
    assert type(moved) is type(batch)
    if "packed" not in repr(type(batch)).lower():  # whose lengths stay on the CPU
        found = [t for t in tensors(moved) if t.dtype.is_floating_point]
        assert all(t.device.type == "meta" for t in found)
    here = batching.to_device(torch.device("cpu"), batch)
    assert all(one is other for one, other in zip(tensors(here), tensors(batch), strict=True))
    assert all(t.device.type == "cpu" for t in tensors(batch)), "the batch itself is as it was"
    assert batching.size(batch) == items


def test_what_comes_with_the_tensors_is_kept():
    moved = batching.to_device(ELSEWHERE, collections.defaultdict(list, x=X, name="train"))
    assert moved["name"] == "train" and moved["missing"] == []
    assert batching.to_device(ELSEWHERE, Pair(X, "cat")).y == "cat"
    packed = batching.to_device(ELSEWHERE, PACKED)
    assert packed.data.device.type == "meta" and packed.batch_sizes.tolist() == [3, 2, 2, 1]


@pytest.mark.parametrize("batch", [3, "abc", None, [], {}, [1.0], torch.tensor(1.0), [["a"]]])
@pytest.mark.report("F")
def test_a_batch_that_does_not_tell_its_items_is_refused(batch):
    assert batching.size(batch) is None
    with pytest.raises(TypeError, match="batches must give tensors, or lists, tuples or dicts"):
        cu.Trainer(net=nn.Linear(1, 1)).evaluate(lambda batch: {}, [batch])


ZEROS, ONE = torch.zeros(9), torch.ones(1)


@pytest.mark.parametrize(
    ("make", "look"),
    [
        (lambda x: x, lambda batch: batch),
        (lambda x: [x], lambda batch: batch[0]),
        (lambda x: {"x": x}, lambda batch: batch["x"]),
        (lambda x: {"n": len(x), "x": x}, lambda batch: batch["x"]),
        (lambda x: Encoding(x=x), lambda batch: batch["x"]),
        (lambda x: Pair(x, 3), lambda batch: batch.x),
        (lambda x: pack_sequence([*x[:, None]]), lambda batch: batch.data),
    ],
    ids=["tensor", "list", "dict", "number first", "user dict", "named tuple", "packed"],
)
@pytest.mark.report("F")
def test_evaluate_weighs_any_kind_of_batch_by_its_items(make, look):
    trainer = cu.Trainer(net=nn.Linear(1, 1))
    batches = [make(ZEROS), make(ONE)]
    measured = trainer.evaluate(lambda batch: {"mean": look(batch).mean()}, batches)
    assert measured["mean"] == pytest.approx(0.1)


@pytest.mark.report("F")
def test_a_metric_of_some_batches_only_is_averaged_over_those():
    trainer = cu.Trainer(net=nn.Linear(1, 1))

    def measure(batch):
        found = {"mean": batch.mean()}
        return found if batch.sum() else {**found, "of zeros": 7.0}

    measured = trainer.evaluate(measure, [ZEROS, ONE, ZEROS[:2]])
    assert measured == {"mean": pytest.approx(1 / 12), "of zeros": 7.0}


def test_an_empty_batch_weighs_nothing():
    trainer = cu.Trainer(net=nn.Linear(1, 1))
    batches = [ZEROS, ZEROS[:0], ONE]
    assert trainer.evaluate(lambda batch: {"m": batch.mean()}, batches)["m"] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="batches is empty"):
        trainer.evaluate(lambda batch: {"m": batch.mean()}, [ZEROS[:0]])


class Stream(IterableDataset):
    """Six items, and whatever length it is said to have."""

    def __iter__(self):
        return iter(torch.ones(6, 1))


class Measured(Stream):
    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length


class Once:
    """A generator that knows its length, as a progress bar around one does."""

    def __init__(self):
        self.items = iter(torch.ones(3, 2, 1))

    def __len__(self):
        return 3

    def __iter__(self):
        return self.items


def trained(batches, **until):
    net = nn.Linear(1, 1)
    opt = torch.optim.SGD(net.parameters(), 0.1)
    trainer = cu.Trainer(net=net, opt=opt)

    def step(batch):
        trainer.update(opt, net(batch).mean())
        return {"one": 1.0}

    trainer.fit(step, batches, **until, show=False)
    return [row["step"] for row in trainer.history.epochs]


@pytest.mark.report("F")
def test_batches_without_a_length_are_refused_by_fit_and_taken_by_evaluate():
    loader = DataLoader(Stream(), 2)
    for until in ({"steps": 3}, {"epochs": 1}):
        with pytest.raises(TypeError, match=r"batches must have a length .* not DataLoader"):
            trained(loader, **until)
    trainer = cu.Trainer(net=nn.Linear(1, 1))
    assert trainer.evaluate(lambda batch: {"m": batch.mean()}, loader) == {"m": 1.0}


def test_a_stream_that_knows_its_length_has_epochs():
    assert trained(DataLoader(Measured(6), 2), epochs=2) == [3, 6]


@pytest.mark.filterwarnings("ignore:Length of IterableDataset")
def test_a_pass_ends_at_the_length_that_was_said():
    assert trained(DataLoader(Measured(4), 2), epochs=2) == [2, 4]


@pytest.mark.parametrize(("length", "steps"), [(8, 4), (20, 30)])
@pytest.mark.report("F")
def test_fewer_batches_than_their_length_are_refused_and_do_not_train_for_ever(length, steps):
    with pytest.raises(ValueError, match=f"which is {length // 2}; one pass ended after 3"):
        trained(DataLoader(Measured(length), 2), steps=steps)


@pytest.mark.report("F")
def test_batches_of_one_pass_only_are_refused_at_the_second():
    assert trained(Once(), epochs=1) == [3]
    with pytest.raises(ValueError, match="which is 3; one pass ended after 0"):
        trained(Once(), epochs=2)


@pytest.mark.parametrize(
    ("batch", "said"),
    [({"x": X}, "with batches of 9: try 4"), (PACKED, "with batches of 3: try 1"), (3, "at this")],
)
def test_out_of_memory_is_said_of_any_batch(batch, said):
    def step(batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(RuntimeError, match=f"Out of memory {said}"):
        cu.Trainer(net=nn.Linear(1, 1)).fit(step, [batch], epochs=1, show=False)
