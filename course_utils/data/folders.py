"""A learner's own folder of pictures, one subfolder per class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import arguments, paths
from . import images
from .images import ImageData

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def folder(
    path: str | Path, size: int = 28, channels: int = 1, test_share: float = 0.2, seed: int = 0
) -> ImageData:
    """Your own pictures: a folder with one subfolder per class, or `train/` and `test/` of such.

    Under the `smoke` profile a small slice is kept.

    Args:
        path: absolute, or relative to the project's root.
        size: pictures are cropped to a square about their middle and resized to this.
        channels: 1 for grey, 3 for colour.
        test_share: the share of each class that is kept for testing, where there is no `test/`.
        seed: of the split and of the order, from 0 up.

    Raises:
        TypeError, ValueError: a wrong argument; fewer than two classes, a class with fewer than
            two pictures, or a file that cannot be read as a picture.
    """
    arguments.choice("channels", channels, (1, 3))
    arguments.whole("size", size, 1), arguments.whole("seed", seed, 0)
    arguments.share("test_share", test_share)
    path = paths.own(path, "folder")
    if (path / "train").is_dir() and (path / "test").is_dir():
        classes = _classes(path / "train")
        train, test = (
            _read_classes(path / part, classes, size, channels) for part in ("train", "test")
        )
    else:
        classes = _classes(path)
        train, test = _split(*_read_classes(path, classes, size, channels), test_share, seed)
    parts = _shuffled(train, test, seed)
    return images.assemble(path.name, parts, classes, f"folder {path.name}")


def _split(
    pictures: np.ndarray, labels: np.ndarray, test_share: float, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A training and a test part, with the same share of each class at random."""
    rank = np.concatenate([
        np.random.default_rng([seed, label]).permutation(count) / count
        for label, count in enumerate(np.bincount(labels))
    ])  # fmt: skip
    test = rank < test_share
    return (pictures[~test], labels[~test]), (pictures[test], labels[test])


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
            f"The folder {folder} must hold a subfolder of pictures for each of two classes or "
            f"more, but it has {found}."
        )
    return classes


def _read_classes(
    folder: Path, classes: Sequence[str], size: int, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    pictures, labels = [], []
    for label, name in enumerate(classes):
        files = [p for p in sorted((folder / name).rglob("*")) if p.suffix.lower() in SUFFIXES]
        if len(files) < 2:
            raise ValueError(
                f"Class {name!r} in {folder} has {len(files)} pictures; at least 2 are needed "
                f"(accepted: {', '.join(SUFFIXES)})."
            )
        pictures += [_read_picture(path, size, channels) for path in files]
        labels += [label] * len(files)
    return np.stack(pictures), np.array(labels)


def _read_picture(path: Path, size: int, channels: int) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
            square = ImageOps.fit(picture, (size, size))
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(
            f"{path} cannot be read as a picture: {error}. Fix or remove it."
        ) from None
    return np.asarray(square).reshape(size, size, channels).transpose(2, 0, 1)
