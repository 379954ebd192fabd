"""Images and their labels on the device, and the formats of MNIST and CIFAR-10."""

import gzip
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import runtime
from ..arguments import kind, pictures, whole
from .augment import Augment
from .batches import Batches

SMOKE = (1000, 500)  # training and test images under the smoke profile


@dataclass(frozen=True)
class ImageData:
    """Labelled images in two parts, on the device.

    `train_x` and `test_x` are (N, C, H, W), float32 in 0…1; `train_y` and `test_y` are (N,),
    int64, indices into `classes`. `source` says what they really are: a stand-in says so.

    Raises:
        TypeError, ValueError: other shapes, labels that are no class, or not one label per image.
    """

    name: str
    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor
    classes: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        kind("classes", self.classes, Sequence, "names, one per class")
        for x, y in (("train_x", "train_y"), ("test_x", "test_y")):
            count = len(pictures.images(x, getattr(self, x)))
            pictures.labels(y, getattr(self, y), x, count, len(self.classes))

    @property
    def is_stand_in(self) -> bool:
        """Whether these are glyphs instead of the images asked for."""
        return "stand-in" in self.source

    def batches(
        self, size: int, seed: int = 0, augment: Augment | None = None, drop_last: bool = True
    ) -> Batches:
        """Shuffled batches `(images, labels)` of the training part."""
        return Batches((self.train_x, self.train_y), size, seed, augment, drop_last)

    def test_batches(self, size: int = 500) -> Batches:
        """All of the test part, in order."""
        size = min(whole("size", size, 1), len(self.test_x))
        return Batches((self.test_x, self.test_y), size, drop_last=False, shuffle=False)

    def few(self, labels: int, seed: int = 0) -> "ImageData":
        """The same data with only `labels` training images, as many of each class as of any."""
        classes = len(self.classes)
        whole("labels", labels, classes, len(self.train_y))  # one for each class or more
        source = torch.Generator().manual_seed(whole("seed", seed, 0) % 2**64)
        order = torch.randperm(len(self.train_y), generator=source).to(self.train_y.device)
        rank = torch.zeros_like(order)  # of each image within its class, in random order
        for label in range(classes):
            mine = order[self.train_y[order] == label]
            rank[mine] = torch.arange(len(mine), device=order.device)
        chosen = order[rank[order].argsort(stable=True)][:labels]
        return replace(self, train_x=self.train_x[chosen], train_y=self.train_y[chosen])


def assemble(name: str, parts: Sequence[Any], classes: Sequence[str], source: str) -> ImageData:
    """Put `train_x, train_y, test_x, test_y` (uint8 images, whole labels) on the device.

    Under `smoke` a small slice of each part is kept.
    """
    train_x, train_y, test_x, test_y = (torch.as_tensor(part) for part in parts)
    train, test = SMOKE if runtime.profile() == "smoke" else (len(train_x), len(test_x))
    device = runtime.device()

    def ready(images: torch.Tensor) -> torch.Tensor:
        return images.to(device).float().div_(255)

    return ImageData(
        name, ready(train_x[:train]), train_y[:train].long().to(device),
        ready(test_x[:test]), test_y[:test].long().to(device), tuple(classes), source,
    )  # fmt: skip


def read_idx(path: Path) -> np.ndarray:
    """An array in the IDX format of MNIST (http://yann.lecun.com/exdb/mnist), plain or gzipped."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


def read_cifar10(path: Path) -> tuple[np.ndarray, ...]:
    """CIFAR-10's binary archive: rows of one label and 3×32×32 bytes."""
    with tarfile.open(path) as archive:
        files = {Path(m.name).name: archive.extractfile(m) for m in archive if m.isfile()}
        train = np.concatenate(
            [np.frombuffer(files[f"data_batch_{i}.bin"].read(), np.uint8) for i in range(1, 6)]
        ).reshape(-1, 3073)
        test = np.frombuffer(bytearray(files["test_batch.bin"].read()), np.uint8).reshape(-1, 3073)
    shape = (-1, 3, 32, 32)
    return train[:, 1:].reshape(shape), train[:, 0], test[:, 1:].reshape(shape), test[:, 0]
