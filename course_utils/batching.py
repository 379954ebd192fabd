"""What happens to a batch on its way to a step: it is drawn, moved to the device, and counted."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from . import arguments


def draw(batches: Iterable, epoch: int, done: int) -> Iterator:
    """The batches of an epoch (counted from 0), without the first `done` of them."""
    if hasattr(batches, "epoch"):
        return batches.epoch(epoch, done)
    return itertools.islice(iter(batches), done, None)


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
