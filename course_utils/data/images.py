"""Images and their labels, read from IDX, CIFAR and folders of pictures. Knows no network."""

import gzip
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..arguments import share, shown, tensor, whole, whole_numbers
from .augment import Augment
from .batches import Batches

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageData:
    """Labelled images in two parts, on the device.

    `train_x` and `test_x` are (N, C, H, W), float32 in 0…1; `train_y` and `test_y` are (N,),
    int64, indices into `classes`. `source` says what they really are: a stand-in says so.

    Raises:
        TypeError, ValueError: other shapes, labels of no class, or not as many as images.
    """

    name: str
    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor
    classes: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        if not isinstance(self.classes, Sequence):
            raise TypeError(f"classes must be names, one a class, not {shown(self.classes)}.")
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if tensor(f"{part}_x", images).ndim != 4 or not images.is_floating_point():
                given = f"{tuple(images.shape)} of {images.dtype}"
                raise ValueError(f"{part}_x must be of shape (N, C, H, W), floats, not {given}.")
            if whole_numbers(f"{part}_y", labels).shape != images.shape[:1]:
                raise ValueError(
                    f"{part}_y must be {len(images)} labels, one an image of {part}_x, not "
                    f"{tuple(labels.shape)}."
                )
            if len(labels) and not 0 <= labels.min() <= labels.max() < len(self.classes):
                raise ValueError(
                    f"{part}_y must be indices into the {len(self.classes)} classes, not "
                    f"{labels.min()} to {labels.max()}."
                )

    @property
    def is_stand_in(self) -> bool:
        """Whether these are glyphs in place of the images asked for."""
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


def assemble(
    name: str,
    parts: Sequence[Any],
    classes: Sequence[str],
    source: str,
    device: torch.device,
) -> ImageData:
    """Put `train_x, train_y, test_x, test_y` (uint8 images, whole labels) on the device."""
    train_x, train_y, test_x, test_y = (torch.as_tensor(part) for part in parts)

    def ready(images: torch.Tensor) -> torch.Tensor:
        return images.to(device).float().div_(255)

    return ImageData(
        name, ready(train_x), train_y.long().to(device), ready(test_x), test_y.long().to(device),
        tuple(classes), source,
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


def read_folder(
    folder: Path, size: int = 28, channels: int = 1, test_share: float = 0.2, seed: int = 0
) -> tuple[tuple[np.ndarray, ...], list[str]]:
    """A learner's own pictures: one subfolder a class, or `train/` and `test/` of such.

    Args:
        size: pictures are cropped to a square about their middle and resized to this.
        channels: 1 for grey, 3 for colour.
        test_share: the share of each class that is kept for testing, where there is no `test/`.

    Raises:
        ValueError: fewer than two classes, a class with fewer than two pictures, or a file that
            is no picture.
    """
    if not isinstance(channels, int) or channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), not {shown(channels)}.")
    whole("size", size, 1), whole("seed", seed, 0)
    share("test_share", test_share)
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        classes = _classes(folder / "train")
        parts = [
            _read_classes(folder / part, classes, size, channels) for part in ("train", "test")
        ]
        return _shuffled(*parts, seed), classes
    classes = _classes(folder)
    images, labels = _read_classes(folder, classes, size, channels)
    rank = np.concatenate([
        np.random.default_rng([seed, label]).permutation(count) / count
        for label, count in enumerate(np.bincount(labels))
    ])  # fmt: skip
    test = rank < test_share
    return _shuffled((images[~test], labels[~test]), (images[test], labels[test]), seed), classes


def _shuffled(train: tuple, test: tuple, seed: int) -> tuple[np.ndarray, ...]:
    """Both parts in random order, so that the first thousand hold every class."""
    orders = [np.random.default_rng(seed).permutation(len(part[1])) for part in (train, test)]
    return (
        *(values[orders[0]] for values in train),
        *(values[orders[1]] for values in test),
    )


def _classes(folder: Path) -> list[str]:
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(classes) < 2:
        found = classes[0] if classes else "none"
        raise ValueError(
            f"The image folder {folder} must hold a subfolder for each of two classes or more; "
            f"found: {found}."
        )
    return classes


def _read_classes(
    folder: Path, classes: Sequence[str], size: int, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    images, labels = [], []
    for label, name in enumerate(classes):
        files = [p for p in sorted((folder / name).rglob("*")) if p.suffix.lower() in SUFFIXES]
        if len(files) < 2:
            raise ValueError(
                f"Class {name!r} in {folder} has {len(files)} pictures; at least 2 are needed "
                f"(accepted: {', '.join(SUFFIXES)})."
            )
        images += [_read_picture(path, size, channels) for path in files]
        labels += [label] * len(files)
    return np.stack(images), np.array(labels)


def _read_picture(path: Path, size: int, channels: int) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
            square = ImageOps.fit(picture, (size, size))
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(
            f"{path} cannot be read as a picture: {error}. Mend or remove it."
        ) from None
    return np.asarray(square).reshape(size, size, channels).transpose(2, 0, 1)
