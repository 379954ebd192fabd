"""What happens to a batch on its way to a step: it is drawn, moved to the device, and counted."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from . import arguments, checkpoint


def draw(batches: Iterable, epoch: int, done: int, start: dict[str, Any]) -> Iterator:
    """The batches of an epoch (counted from 0), without the first `done` of them.

    What shuffles by generators, as a `DataLoader` does, draws the same order again: `start` is
    where their states at the epoch's start are kept, and is changed at each new epoch.
    """
    if hasattr(batches, "epoch"):
        return iter(batches.epoch(epoch, done))
    own = generators(batches)
    if done == 0 or start.get("epoch") != epoch:
        start.update(epoch=epoch, own=[one.get_state() for one in own])
        start["global"] = checkpoint.random_state()
        return itertools.islice(iter(batches), done, None)
    now = checkpoint.random_state()
    checkpoint.restore_random_state(start["global"])
    for generator, state in zip(own, start["own"], strict=False):
        generator.set_state(state)
    rest = iter(batches)
    for _ in itertools.islice(rest, done):
        pass
    checkpoint.restore_random_state(now)
    return rest


def generators(batches: Iterable) -> list[torch.Generator]:
    """The generators that a `DataLoader` or its samplers were given, each once."""
    batch_sampler = getattr(batches, "batch_sampler", None)
    holders = batches, getattr(batches, "sampler", None), getattr(batch_sampler, "sampler", None)
    found = {id(one): one for one in (getattr(holder, "generator", None) for holder in holders)}
    return [one for one in found.values() if isinstance(one, torch.Generator)]


def to_device(device: torch.device, batch: Any) -> Any:
    """A tensor, or a list of tensors, on the device; what is there already is not copied."""
    if isinstance(batch, torch.Tensor):
        return batch if batch.device == device else batch.to(device, non_blocking=True)
    if isinstance(batch, list | tuple):
        return [to_device(device, item) for item in batch]
    return batch


def size(batch: Any) -> int:
    """The number of items in a batch: a tensor, or a list of tensors of one length.

    Raises:
        TypeError: the batch is something else.
    """
    return len(arguments.items(batch))
