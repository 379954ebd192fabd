"""A learner's own folder of pictures, one subfolder per class."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

import numpy as np

from .. import arguments, paths
from . import images
from .images import ImageData

LARGEST = 64  # pixels a side, unless a size is named
TESTS = ("test", "valid", "val", "validation")  # the first of them that is there is tested on
JUNK = {"__macosx", "@eadir", "thumbs.db", "desktop.ini"}  # besides names that begin with a point


def folder(
    path: str | Path, size: int | None = None, channels: int | None = None,
    test_share: float = 0.2, seed: int = 0,
) -> ImageData:  # fmt: skip
    """Your own pictures: a folder with one subfolder per class, or `train/` and `test/` of such.

    `valid/` or `val/` may be in place of `test/`. What is transparent becomes white. Hidden files,
    as a Mac or Jupyter leaves them, are skipped, and so is what is not a picture. One line says
    what was read. Under the `smoke` profile a small slice is kept.

    Args:
        path: absolute, or relative to the project's root.
        size: pictures are cropped to a square about their middle and resized to this; None takes
            the median of their shorter sides, but 64 at most.
        channels: 1 for grey, 3 for colour; None keeps colour where there is any.
        test_share: the share of each class that is kept for testing, where there is no `test/`;
            one picture at least is kept for each part.
        seed: of the split and of the order, from 0 up.

    Raises:
        TypeError, ValueError: a wrong argument; fewer than two classes, a class with fewer than
            two pictures or in one part only, or a file that cannot be read as a picture.
    """
    arguments.choice("channels", channels, (1, 3, None))
    if size is not None:
        arguments.whole("size", size, 1)
    arguments.share("test_share", test_share), arguments.whole("seed", seed, 0)
    path = paths.own(path, "folder")
    parts, left = _parts(path)
    classes = _classes(path, parts)
    found = [_files(part, classes, 3 - len(parts)) for part in parts]
    shorter = [min(sides) for files, _ in found for _, _, sides in files]
    size = size or min(median_low(shorter), LARGEST)
    read = [_read(files, size, channels) for files, _ in found]
    if len(read) == 1:
        read = _split(*read[0], test_share, seed)
    colour = max(pictures.shape[1] for pictures, _ in read)
    read = [(np.repeat(x, colour // x.shape[1], 1), y) for x, y in read]
    skipped = [*left, *(file.name for _, others in found for file in others)]
    print(_said(path, parts, classes, size, colour, [len(y) for _, y in read], skipped))
    return images.assemble(path.name, _shuffled(*read, seed), classes, f"folder {path.name}")


def _said(
    path: Path, parts: Sequence[Path], classes: Sequence[str], size: int, channels: int,
    counts: Sequence[int], skipped: Sequence[str],
) -> str:  # fmt: skip
    """One line on how the folder was read."""
    some = ", ".join([*classes[:4], *(["…"] if len(classes) > 4 else [])])
    split = f" ({parts[0].name}/, {parts[1].name}/)" if len(parts) > 1 else ""
    said = (
        f"{path.name}: {counts[0]:,} pictures to learn from and {counts[1]:,} to test on{split}, "
        f"of {len(classes)} classes ({some}), {'in colour' if channels == 3 else 'grey'}, "
        f"{size}×{size} pixels"
    )
    if skipped:
        named = ", ".join([*skipped[:3], *(["…"] if len(skipped) > 3 else [])])
        said += f"; {len(skipped):,} skipped ({named})"
    return said + "."


def _split(
    pictures: np.ndarray, labels: np.ndarray, test_share: float, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """A training and a test part, with the same share of each class at random, one at least."""
    test = []
    for label, count in enumerate(np.bincount(labels)):
        rank = np.random.default_rng([seed, label]).permutation(count)
        test.append((rank / count < test_share) & (rank < count - 1))
    test = np.concatenate(test)
    return [(pictures[~test], labels[~test]), (pictures[test], labels[test])]


def _shuffled(train: tuple, test: tuple, seed: int) -> tuple[np.ndarray, ...]:
    """Both parts in random order, so that the first thousand hold every class."""
    orders = [np.random.default_rng(seed).permutation(len(part[1])) for part in (train, test)]
    return (
        *(values[orders[0]] for values in train),
        *(values[orders[1]] for values in test),
    )


def _seen(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without what no learner has put there."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return [p for p in inside if not p.name.startswith(".") and p.name.lower() not in JUNK]


def _parts(folder: Path) -> tuple[list[Path], list[str]]:
    """The folder itself, or those of its training and its test part; and what is left out."""
    named = {p.name.lower(): p for p in _seen(folder) if p.is_dir()}
    tests = [named[name] for name in TESTS if name in named]
    parts = [named["train"], tests[0]] if "train" in named and tests else [folder]
    apart = [] if parts == [folder] else [p for p in _seen(folder) if p not in parts]
    return parts, [p.name for p in (*apart, *(p for q in parts for p in _seen(q) if p.is_file()))]


def _classes(folder: Path, parts: Sequence[Path]) -> list[str]:
    classes = sorted({p.name for part in parts for p in _seen(part) if p.is_dir()})
    if len(classes) < 2:
        found = classes[0] if classes else "none"
        raise ValueError(
            f"The folder {folder if len(parts) == 1 else parts[0]} must hold a subfolder of "
            f"pictures for each of two classes or more, but it has {found}."
        )
    return classes


def _files(
    folder: Path, classes: Sequence[str], least: int
) -> tuple[list[tuple[Path, int, tuple[int, int]]], list[Path]]:
    """The pictures of each class, with its label and their sides; and the files that are none."""
    from . import photos

    pictures, others = [], []
    for label, name in enumerate(classes):
        count = 0
        for file in _below(folder / name):
            if sides := photos.sides(file):
                pictures.append((file, label, sides))
                count += 1
            else:
                others.append(file)
        if count < least:
            raise ValueError(
                f"Class {name!r} in {folder} has {count} picture{'' if count == 1 else 's'}; at "
                f"least {least} needed (accepted: {', '.join(photos.SUFFIXES)})."
            )
    return pictures, others


def _below(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders, but not those that a link to a folder repeats."""
    found = []
    for path in _seen(folder):
        found += _below(path) if path.is_dir() and not path.is_symlink() else [path]
    return found


def _read(
    files: Sequence[tuple[Path, int, tuple[int, int]]], size: int, channels: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, C, size, size) in 0…255, and labels (N,); C is 1 where none has colour."""
    from . import photos

    pictures = np.stack([photos.read(path, size, channels == 1) for path, *_ in files])
    if channels is None and (pictures == pictures[..., :1]).all():
        pictures = pictures[..., :1]
    return pictures.transpose(0, 3, 1, 2), np.array([label for _, label, _ in files])
