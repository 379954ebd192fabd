"""What happens to a batch on its way to a step: it is drawn, moved to the device, and counted."""

import copy
import itertools
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import torch
from torch.nn.utils.rnn import PackedSequence

from . import arguments, randomness


def draw(batches: Iterable, epoch: int, done: int, start: dict[str, Any]) -> Iterator:
    """The batches of an epoch (counted from 0), without the first `done` of them.

    What shuffles by generators, as a `DataLoader` does, draws the same order again: `start` is
    where their states at the epoch's start are kept, and is changed at each new epoch.

    Raises:
        ValueError: there are fewer than their length says.
    """
    exact = hasattr(batches, "epoch")
    drawn = batches.epoch(epoch, done) if exact else _redrawn(batches, epoch, done, start)
    length, count = len(batches), done
    for batch in itertools.islice(drawn, length - done):
        count += 1
        yield batch
    arguments.complete("batches", count, length)


def _redrawn(batches: Iterable, epoch: int, done: int, start: dict[str, Any]) -> Iterator:
    """The rest of an epoch whose order hangs on generators, in the order that it began with."""
    own = generators(batches)
    if done == 0 or start.get("epoch") != epoch:
        start.update(epoch=epoch, own=[one.get_state() for one in own])
        start["global"] = randomness.state()
        return itertools.islice(iter(batches), done, None)
    now = randomness.state()
    randomness.restore(start["global"])
    for generator, state in zip(own, start["own"], strict=False):
        generator.set_state(state)
    rest = iter(batches)
    for _ in itertools.islice(rest, done):
        pass
    randomness.restore(now)
    return rest


def generators(batches: Iterable) -> list[torch.Generator]:
    """The generators that a `DataLoader` or its samplers were given, each once."""
    batch_sampler = getattr(batches, "batch_sampler", None)
    holders = batches, getattr(batches, "sampler", None), getattr(batch_sampler, "sampler", None)
    found = {id(one): one for one in (getattr(holder, "generator", None) for holder in holders)}
    return [one for one in found.values() if isinstance(one, torch.Generator)]


def to_device(device: torch.device, batch: Any) -> Any:
    """A batch with its tensors on the device; what is there already is not copied.

    A tensor, a packed sequence, or a dict, list, tuple or named tuple of such keeps its type.
    """
    if isinstance(batch, torch.Tensor | PackedSequence):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, MutableMapping):
        moved = copy.copy(batch)
        moved.update({name: to_device(device, item) for name, item in batch.items()})
        return moved
    if isinstance(batch, list | tuple):
        items = [to_device(device, item) for item in batch]
        if hasattr(batch, "_fields"):
            return type(batch)(*items)
        return items if isinstance(batch, list) else tuple(items)
    return batch


def size(batch: Any) -> int | None:
    """The number of items in a batch: that of the first tensor in it; None if nothing tells."""
    if isinstance(batch, PackedSequence):
        return int(batch.batch_sizes[0])
    if isinstance(batch, MutableMapping | list | tuple):
        parts = batch.values() if isinstance(batch, MutableMapping) else batch
        return next((count for count in map(size, parts) if count is not None), None)
    shape = getattr(batch, "shape", ())
    return shape[0] if len(shape) else None
