"""Which data sets there are, where each comes from, and what stands in for it offline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from .. import arguments, paths, runtime
from . import download, glyphs, images, text
from .download import Remote
from .images import ImageData
from .text import TextData

SMOKE = (1000, 500)  # training and test images under the smoke profile
OPTIONS = ("size", "channels", "test_share", "seed")  # of a folder of pictures


@dataclass(frozen=True)
class Source:
    """A downloadable data set of images: its files, how to read them, its classes, its size."""

    files: tuple[Remote, ...]
    read: Callable[[list[Path]], Sequence[Any]]
    classes: tuple[str, ...]
    shape: tuple[int, int] = (1, 28)  # channels, pixels


def _idx(
    folder: str, urls: Sequence[str], sha256: Sequence[str], unpacked: Sequence[str] = ("",) * 4
) -> tuple[Remote, ...]:
    """The four files of MNIST and its relatives, in torchvision's layout."""
    stems = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        Remote(
            f"{folder}/raw/{stem}-ubyte.gz", tuple(f"{url}{stem}-ubyte.gz" for url in urls), a, b
        )
        for stem, a, b in zip(stems, sha256, unpacked, strict=True)
    )


def _read_idx(found: list[Path]) -> list[Any]:
    train_x, train_y, test_x, test_y = (images.read_idx(path) for path in found)
    return [train_x[:, None], train_y, test_x[:, None], test_y]  # (N, H, W) -> (N, 1, H, W)


DIGITS = tuple("0123456789")

SOURCES = {
    "mnist": Source(
        _idx(
            "MNIST",
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        _read_idx,
        DIGITS,
    ),
    "fashion-mnist": Source(
        _idx(
            "FashionMNIST",
            (
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            ),
            (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        _read_idx,
        ("T-shirt", "trousers", "pullover", "dress", "coat",
         "sandal", "shirt", "sneaker", "bag", "boot"),
    ),
    "kmnist": Source(
        _idx(
            "KMNIST",
            ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            (
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        ),
        _read_idx,
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    "cifar10": Source(
        (
            Remote(
                "CIFAR10/cifar-10-binary.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        lambda found: images.read_cifar10(found[0]),
        ("airplane", "automobile", "bird", "cat", "deer",
         "dog", "frog", "horse", "ship", "truck"),
        (3, 32),
    ),
}  # fmt: skip


def names() -> list[str]:
    """The names that `load` knows."""
    return sorted([*SOURCES, *text.SOURCES, "glyphs"])


def load(name: str | Path, **options: Any) -> ImageData | TextData:
    """A data set on the device, by name or from a learner's own pictures or text.

    Looks in `COURSE_DATA`, then in `datasets/`, then downloads; with no network a stand-in is
    used, rendered digits of the same shape or docstrings of Python's standard library, and one
    line says so. Under the `smoke` profile only a small slice is kept.

    Args:
        name: one of `cu.data.names()`, the path of a folder with a subfolder of pictures for
            each class, or the path of a text file (`.txt`, in UTF-8).
        options: for a folder only: `size`, `channels`, `test_share`, `seed`.

    Raises:
        ValueError: an unknown name, a folder that cannot be read as classes of pictures, or a
            file that cannot be read as text.
        TypeError: a name that is neither a string nor a path.
    """
    arguments.named("name", name)
    key = str(name).lower().replace("_", "-").replace("fashionmnist", "fashion-mnist")
    device = runtime.device()
    if key in names():
        _only((), key, options)
        if key in text.SOURCES:
            return text.load(key, device)
        return _smaller(_stand_in(key, "glyphs", device) if key == "glyphs" else _real(key, device))
    path = paths.root() / name  # an absolute one stays itself
    if path.is_file() and path.suffix.lower() == ".txt":
        _only((), path.name, options)
        return text.assemble(path.name, text.read(path), f"file {path.name}", device)
    if path.is_dir():
        _only(OPTIONS, path.name, options)
        parts, classes = images.read_folder(path, **options)
        return _smaller(images.assemble(path.name, parts, classes, f"folder {path.name}", device))
    raise ValueError(
        f"There is no data set {str(name)!r}. Known are {', '.join(names())}, the path of a "
        "folder with a subfolder of pictures for each class, and the path of a .txt file."
    )


def _only(accepted: Sequence[str], name: str, options: dict[str, Any]) -> None:
    if wrong := [option for option in options if option not in accepted]:
        takes = f"the options {', '.join(accepted)}" if accepted else "no options"
        raise ValueError(f"{name} takes {takes}, but got: {', '.join(wrong)}.")


def _real(name: str, device: torch.device) -> ImageData:
    source = SOURCES[name]
    try:
        parts = source.read(download.find(source.files))
    except download.Unavailable as reason:
        print(f"{name} cannot be downloaded ({reason}): glyphs, rendered digits, stand in.")
        return _stand_in(name, "glyphs (stand-in)", device)
    return images.assemble(name, parts, source.classes, name, device)


def _stand_in(name: str, source: str, device: torch.device) -> ImageData:
    channels, size = SOURCES[name].shape if name in SOURCES else (1, 28)
    amounts = SMOKE if runtime.profile() == "smoke" else (60_000, 10_000)
    parts = glyphs.mnist_like(*amounts, seed=0, size=size, channels=channels)
    return images.assemble(name, parts, DIGITS, source, device)


def _smaller(data: ImageData) -> ImageData:
    if runtime.profile() != "smoke":
        return data
    train, test = SMOKE
    return replace(
        data,
        train_x=data.train_x[:train].clone(), train_y=data.train_y[:train].clone(),
        test_x=data.test_x[:test].clone(), test_y=data.test_y[:test].clone(),
    )  # fmt: skip
