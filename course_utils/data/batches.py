"""Batches of tensors that stay on the device. Knows nothing of what they hold."""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from ..arguments import flag, function, streams, whole


class Batches:
    """Draw batches by index from tensors of one length; no copy to the device, no workers.

    The order is a function of `(seed, epoch)` alone, so a resumed run sees the batches that the
    interrupted one would have seen. Each batch is a tuple with one tensor for each of those given.

    Args:
        tensors: one tensor or several, each with N items along the first axis, on one device.
        size: items in a batch, from 1 up; if there are fewer, a batch is all of them, and one line
            says so.
        seed: of the order, from 0 up.
        augment: applied to the first tensor of each batch, on the device.
        drop_last: leave out the last, smaller batch.
        shuffle: False keeps the order as it is.

    Raises:
        TypeError: something other than tensors, or an `augment` that cannot be called.
        ValueError: no tensors, different lengths, a size below 1, or a seed below 0.
    """

    def __init__(
        self,
        tensors: torch.Tensor | Sequence[torch.Tensor],
        size: int,
        seed: int = 0,
        augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
        drop_last: bool = True,
        *,
        shuffle: bool = True,
    ) -> None:
        self.tensors = streams.of_one_length("tensors", tensors)
        self.size, self.seed = whole("size", size, 1), whole("seed", seed, 0)
        if self.size > len(self.tensors[0]):
            self.size = _all_of(len(self.tensors[0]), self.size)
        if augment is not None:
            function("augment", augment, "a batch of images")
        self.augment = augment
        self.drop_last, self.shuffle = flag("drop_last", drop_last), flag("shuffle", shuffle)

    def __len__(self) -> int:
        items = len(self.tensors[0])
        return items // self.size if self.drop_last else -(-items // self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        return self.epoch(0)

    def order(self, epoch: int) -> torch.Tensor:
        """The permutation of an epoch, (N,), on the device of the tensors; epochs count from 0."""
        whole("epoch", epoch, 0)
        items, device = len(self.tensors[0]), self.tensors[0].device
        if not self.shuffle:
            return torch.arange(items, device=device)
        # NumPy's seeds may be pairs; PyTorch's on the CPU keep only their lowest 32 bits.
        order = np.random.default_rng([self.seed, epoch]).permutation(items)
        return torch.from_numpy(order).to(device)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, ...]]:
        """The batches of an epoch, from number `start` on."""
        whole("start", start, 0)
        for index in self.order(epoch).split(self.size)[start : len(self)]:
            first, *rest = (tensor[index] for tensor in self.tensors)
            yield (first if self.augment is None else self.augment(first), *rest)


@functools.cache  # said once, however many seeds of a lesson draw from the same data
def _all_of(items: int, size: int) -> int:
    print(f"There are {items} items, fewer than the {size} of a batch, so each batch has {items}.")
    return items
