"""The data sets by name: where each comes from, and what replaces it offline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import arguments, paths, runtime
from . import benchmarks, download, files, folders, glyphs, images, midi, series, texts, videos
from .download import Remote
from .images import ImageData
from .music import MusicData, chorales, music
from .music import files as midi_files
from .recordings import SpeechData, speech, spoken_digits
from .recordings import files as wav_files
from .series import SeriesData
from .texts import TextData
from .videos import VideoData


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
            (
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
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
    return sorted([*SOURCES, *texts.SOURCES, *MADE])


def load(
    name: str | Path,
) -> ImageData | MusicData | SeriesData | SpeechData | TextData | VideoData:
    """A data set on the device, by its name or by the path of your own.

    `load` takes no options. To set some, call the data set's own door instead:

    | `name`                                   | its door                              |
    | ---------------------------------------- | ------------------------------------- |
    | a folder with a subfolder per class      | `cu.data.folder(path, size=64, …)`    |
    | a text file (`.txt`, in UTF-8)           | `cu.data.text(path)`                  |
    | a table (`.csv`, columns are features)   | `cu.data.csv(path, length=24, …)`     |
    | a folder of MIDI files, or a .mid file   | `cu.data.music(path, per_beat=1, …)`  |
    | a folder of WAV files, one per word      | `cu.data.speech(path, rate=8000, …)`  |
    | "jsb-chorales"                           | `cu.data.chorales(per_beat=1)`        |
    | "fsdd"                                   | `cu.data.spoken_digits()`             |
    | "sines"                                  | `cu.data.sines(length=24, …)`         |
    | "sunspots"                               | `cu.data.sunspots(length=24, …)`      |
    | "etth1"                                  | `cu.data.etth1(length=24)`             |
    | "exchange-rates"                         | `cu.data.exchange_rates(length=24)`    |
    | "glyphs"                                 | `cu.data.glyphs.sample`, then `.draw` |
    | "radar"                                  | `cu.data.radar()`                     |
    | (your own film: a GIF, frames)           | `cu.data.video(path, size=64, …)`     |

    A file may be compressed, as `table.csv.gz` is.

    What has to be downloaded is looked for in `COURSE_DATA`, then in `datasets/`; with no network
    a stand-in is used (rendered digits, docstrings of Python's standard library; chords, words and
    rain by rule), and one line says so. Under the `smoke` profile only a small slice is kept.

    Args:
        name: one of `cu.data.names()`, in any spelling, or a path, absolute or relative to the
            project's root.

    Raises:
        ValueError: an unknown name or path, or a folder or a file that cannot be read.
        TypeError: a name that is neither a string nor a path.
    """
    path = paths.root() / arguments.named("name", name)  # an absolute one stays itself
    key = str(name).lower().replace("_", "-").replace("fashionmnist", "fashion-mnist")
    if key in SOURCES:
        return _real(key)
    if key in texts.SOURCES:
        return texts.load(key)
    if key in MADE:
        return MADE[key]()
    if path.is_dir():
        if midi_files(path):
            return music(path)
        return speech(path) if wav_files(path) else folders.folder(path)
    if path.is_file() and (ending := files.ending(path)) in FILES:
        return FILES[ending](path)
    own = (
        "the path (relative to the project's root) of a folder with one subfolder of pictures per "
        "class, or of WAV files per word, or with MIDI files, of a .txt, a .csv or a .mid file"
    )
    return arguments.choice("name", str(name), names(), own)


def _real(name: str) -> ImageData:
    source = SOURCES[name]
    try:
        parts = source.read(download.find(source.files))
    except download.Unavailable as reason:
        print(f"{name} cannot be downloaded ({reason}), so rendered digits are used instead.")
        return _glyphs(name, "glyphs (stand-in)", *source.shape)
    return images.assemble(name, parts, source.classes, name)


def _glyphs(
    name: str = "glyphs", source: str = "glyphs", channels: int = 1, size: int = 28
) -> ImageData:
    amounts = images.SMOKE if runtime.profile() == "smoke" else (60_000, 10_000)
    parts = glyphs.mnist_like(*amounts, seed=0, size=size, channels=channels)
    return images.assemble(name, parts, DIGITS, source)


MADE = {
    "etth1": benchmarks.etth1,
    "exchange-rates": benchmarks.exchange_rates,
    "fsdd": spoken_digits,
    "glyphs": _glyphs,
    "jsb-chorales": chorales,
    "radar": videos.radar,
    "sines": series.sines,
    "sunspots": series.sunspots,
}
FILES = {".txt": texts.text, ".csv": series.csv, **dict.fromkeys(midi.ENDINGS, music)}
