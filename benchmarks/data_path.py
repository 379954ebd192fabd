"""Batches that lie on the device against `DataLoader` and `ToTensor`, as most courses teach it.

Both train the same net from the same weights in the same bare `for`, or only go through the
batches. Staging, the one conversion of the whole set, is timed with the resident batches.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

import course_utils as cu

from .loop import cnn_net, dense_net
from .measure import Row, interleaved, missing

Images = tuple[torch.Tensor, torch.Tensor]  # (N, 28, 28) uint8, (N,)


class Digits(datasets.MNIST):
    """torchvision's MNIST in all but the files: it holds digits that it is given."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        datasets.VisionDataset.__init__(self, transform=transforms.ToTensor())
        self.data, self.targets = images, labels


def rows(quick: bool) -> Iterator[Row]:
    gpu = cu.device().type == "cuda"
    drawn, labels, *_ = cu.data.glyphs.mnist_like(6000, 1)
    part = 1 if quick else 5  # half an epoch of MNIST; how long it takes is all that counts
    digits = drawn[:, 0].repeat(part, 1, 1), labels.repeat(part)
    nets = {"small CNN": cnn_net}
    if not quick:
        nets |= {"dense net": dense_net, "data alone": None}
    for size in (64, 512) if gpu else (64,):
        for name, net in nets.items():
            for workers in (0, 2):
                pairs = interleaved(
                    lambda: epoch(net, resident(digits, size)),
                    lambda: epoch(net, loaded(digits, size, workers)),
                    2 if quick else 5,
                )
                yield pairs.row(
                    f"resident batches of {size}, {name}", f"DataLoader, {workers} workers",
                    clock="wall" if gpu else "cpu", least=10 if gpu else 1.5,
                )  # fmt: skip
    if not gpu:
        yield missing("resident batches, small CNN", "DataLoader, on a GPU", "no GPU here")


def resident(digits: Images, size: int) -> Callable[[], Iterable]:
    def make() -> cu.Batches:
        images, labels = (part.to(cu.device()) for part in digits)
        return cu.Batches((images[:, None].float() / 255, labels), size)

    return make


def loaded(digits: Images, size: int, workers: int) -> Callable[[], Iterable]:
    def make() -> DataLoader:
        return DataLoader(Digits(*digits), size, shuffle=True, num_workers=workers, drop_last=True)

    return make


def epoch(new: Callable[[], nn.Module] | None, make: Callable[[], Iterable]) -> Callable[[], None]:
    """Train a new net on each batch once; without a net, bring each to the device."""
    device = cu.device()
    net = new().to(device, memory_format=torch.channels_last) if new else None
    opt = torch.optim.Adam(net.parameters()) if net else None

    def run() -> None:
        for images, labels in make():
            images, labels = images.to(device), labels.to(device)
            if net:
                loss = F.cross_entropy(net(images), labels)
                opt.zero_grad()
                loss.backward()
                opt.step()

    return run
