"""Speech as recordings of single words: the spoken digits, and a learner's own WAV files."""

import contextlib
import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import arguments, paths, runtime
from . import download
from .download import Remote, Unavailable
from .waves import decode

RATE = 8000  # samples a second of the spoken digits
_COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
_REPOSITORY = "Jakobovski/free-spoken-digit-dataset"
ARCHIVE = Remote(
    "fsdd/recordings.zip",
    (
        f"https://github.com/{_REPOSITORY}/archive/{_COMMIT}.zip",
        f"https://codeload.github.com/{_REPOSITORY}/zip/{_COMMIT}",
    ),
    sha256="",  # an archive may be packed anew; `CONTENT` is of what is in it
)
CONTENT = "99f8865e8969e6d27cfac01a2b04b595f5ab77dc33bfb17b06503df10abf7066"
TESTED = 5  # of each digit and speaker, those numbered below 5 are the official test part
SMOKE = 3, range(3, 7)  # speakers, and numbers of the recordings, under the smoke profile
MADE = 20  # recordings of each word and voice of the stand-in


@dataclass(frozen=True)
class SpeechData:
    """Recordings of single words, on the CPU; their features go to the device later.

    `waves` are N tensors (T,), float32 in −1…1, each with its own T, at `rate` samples a second.
    `labels` and `speakers`, (N,), int64, are indices into `classes` and `people`; `test`, (N,),
    bool, is True for the recordings to test on. `source` says what they really are: a stand-in
    says so.

    Raises:
        TypeError, ValueError: fields that do not go together.
    """

    name: str
    waves: tuple[torch.Tensor, ...]
    labels: torch.Tensor
    speakers: torch.Tensor
    test: torch.Tensor
    classes: tuple[str, ...]
    people: tuple[str, ...]
    source: str
    rate: int = RATE

    def __post_init__(self) -> None:
        arguments.whole("rate", self.rate, 4000, 48_000)
        arguments.kind("waves", self.waves, Sequence, "a list of tensors (T,)")
        arguments.some("waves", len(self.waves))
        for wave in self.waves:
            arguments.samples("waves", wave, "(T,), one channel")
        for name, among in (("labels", self.classes), ("speakers", self.people)):
            _indices(name, getattr(self, name), len(self.waves), len(among))
        _indices("test", self.test, len(self.waves), 2)

    @property
    def is_stand_in(self) -> bool:
        """Whether these are words by rule in place of the speech asked for."""
        return "stand-in" in self.source


def _indices(name: str, values: torch.Tensor, count: int, classes: int) -> None:
    found = arguments.tensor(name, values)
    if found.shape != (count,) or found.is_floating_point() or found.is_complex():
        raise ValueError(
            f"{name} must be {count} whole numbers or booleans, one for each recording, not "
            f"{found.dtype} of shape {tuple(found.shape)}."
        )
    if found.min() < 0 or found.max() >= classes:
        raise ValueError(f"{name} must be from 0 to {classes - 1}, not {int(found.max())}.")


def spoken_digits() -> SpeechData:
    """3,000 spoken digits in English, 50 of each of six speakers, at 8,000 samples a second.

    The Free Spoken Digit Dataset (Jackson et al., 2018) with its official split: recordings 0 to
    4 of each digit and speaker are to test on. Without a network, ten words by rule in six voices
    replace it (20 of each), and one line says so. Under the `smoke` profile a slice is kept.
    """
    try:
        found = _found()
    except Unavailable as reason:
        print(
            f"fsdd cannot be downloaded ({reason}), so ten words by rule, in six voices, are used "
            "instead."
        )
        return _assemble("fsdd", _by_rule(), "words by rule (stand-in)")
    parts = (name.removesuffix(".wav").split("_") for name in sorted(found))
    chosen = _chosen([(label, person, int(number)) for label, person, number in parts])
    waves = [decode(found[f"{a}_{b}_{n}.wav"], f"{a}_{b}_{n}.wav", RATE) for a, b, n in chosen]
    return _assemble("fsdd", [(*one, w) for one, w in zip(chosen, waves, strict=True)], "fsdd")


def _chosen(recordings: Sequence[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """All recordings; under `smoke` a few, of a few speakers."""
    if runtime.profile() != "smoke":
        return list(recordings)
    people = sorted({person for _, person, _ in recordings})[: SMOKE[0]]
    return [one for one in recordings if one[1] in people and one[2] in SMOKE[1]]


def _found() -> dict[str, bytes]:
    """The files of the data set by name: unpacked in a data folder, or in a downloaded archive.

    Raises:
        Unavailable: they cannot be had, or are not the published ones.
    """
    for folder in paths.data_folders():
        files = {p.name: p.read_bytes() for p in (folder / "fsdd" / "recordings").glob("*.wav")}
        if files and _content(files) == CONTENT:
            return files
        if files:
            print(f"{folder / 'fsdd' / 'recordings'} is not as published, so not used.")
    [archive] = download.find([ARCHIVE])
    try:
        with zipfile.ZipFile(archive) as packed:
            names = [n for n in packed.namelist() if "/recordings/" in n and n.endswith(".wav")]
            files = {name.rpartition("/")[2]: packed.read(name) for name in names}
    except (OSError, zipfile.BadZipFile, KeyError):
        files = {}
    if _content(files) != CONTENT:
        with contextlib.suppress(OSError):
            archive.unlink()  # so that the next attempt fetches it anew
        raise Unavailable("what was downloaded is damaged")
    return files


def _content(files: dict[str, bytes]) -> str:
    """SHA-256 over the names and the checksums of files, whatever they were packed in."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(name.encode() + b"\n" + hashlib.sha256(files[name]).digest())
    return total.hexdigest()


def _by_rule() -> Iterator[tuple[str, str, int, torch.Tensor]]:
    from .formants import VOICES, WORDS, word

    generator = np.random.default_rng(0)
    all_of = [(str(w), f"voice {v + 1}", n) for w in range(len(WORDS)) for v in range(len(VOICES))
              for n in range(MADE)]  # fmt: skip
    for label, person, number in _chosen(all_of):
        samples = word(int(label), int(person[-1]) - 1, generator, RATE)
        yield label, person, number, torch.from_numpy(samples.astype(np.float32))


def _assemble(
    name: str, recordings: Sequence[tuple[str, str, int, torch.Tensor]], source: str
) -> SpeechData:
    """The data of recordings (label, speaker, number, wave); low numbers are to test on."""
    labels, speakers, numbers, waves = zip(*recordings, strict=True)
    test = torch.tensor([number < TESTED for number in numbers])
    return _data(name, waves, labels, speakers, test, source, RATE)


def _data(
    name: str, waves: Sequence[torch.Tensor], labels: Sequence[str], speakers: Sequence[str],
    test: torch.Tensor, source: str, rate: int,
) -> SpeechData:  # fmt: skip
    classes, people = tuple(sorted(set(labels))), tuple(sorted(set(speakers)))
    indices = (
        torch.tensor([among.index(one) for one in named])
        for named, among in ((labels, classes), (speakers, people))
    )
    return SpeechData(name, tuple(waves), *indices, test, classes, people, source, rate)


def speech(
    path: str | Path, *, rate: int = RATE, test_share: float = 0.2, seed: int = 0
) -> SpeechData:
    """Your own recordings: a folder with one subfolder of WAV files per word.

    Who speaks is what stands before the first "_" of a file's name, as in `stop/anna_3.wav`;
    names without one are of one person. Any usual rate and kind of WAV will do (see `wav`). One
    line says what was read, and names the files that could not be.

    Args:
        path: absolute, or relative to the project's root.
        rate: samples a second, from 4,000 to 48,000; files of another rate are resampled.
        test_share: of the recordings of each word, above 0 and below 1; one is kept for each
            part at least.
        seed: of the draw, from 0 up.

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range, fewer than two
            words, or a word with fewer than two recordings that can be read.
    """
    arguments.whole("rate", rate, 4000, 48_000), arguments.whole("seed", seed, 0)
    arguments.between("test_share", test_share, 0, 1)
    path = paths.own(path, "folder")
    read, wrong = [], []
    for file in files(path):
        try:
            word, person = file.parent.name, file.stem.rpartition("_")[0].partition("_")[0]
            read.append((word, person or "one person", decode(file.read_bytes(), str(file), rate)))
        except (OSError, ValueError) as error:
            wrong.append(str(error))
    labels = [word for word, *_ in read]
    _enough(path, labels, wrong)
    skipped = f" Skipped: {' '.join(wrong[:3])}{' …' if wrong[3:] else ''}" if wrong else ""
    people = len({person for _, person, _ in read})
    print(
        f"{path.name}: {len(read)} recordings of {len(set(labels))} words by {people} "
        f"speaker{'' if people == 1 else 's'}.{skipped}"
    )
    test = _drawn(labels, test_share, seed)
    waves, speakers = [wave for *_, wave in read], [person for _, person, _ in read]
    return _data(path.name, waves, labels, speakers, test, f"folder {path.name}", rate)


def files(folder: Path) -> list[Path]:
    """The WAV files in the subfolders of a folder, in order."""
    return sorted(p for p in folder.glob("*/*") if p.suffix.lower() == ".wav" and p.is_file())


def _enough(path: Path, labels: Sequence[str], wrong: Sequence[str]) -> None:
    counts = {word: labels.count(word) for word in labels}
    reason = f" {wrong[0]}" if wrong else ""
    if len(counts) < 2:
        raise ValueError(
            f"path must be a folder with a subfolder of WAV files for each of two words or more, "
            f"but {path} has {', '.join(counts) or 'none'}.{reason}"
        )
    few = min(counts, key=counts.__getitem__)
    if counts[few] < 2:
        raise ValueError(
            f"path must hold two recordings or more of each word, but {few!r} has one.{reason}"
        )


def _drawn(labels: Sequence[str], test_share: float, seed: int) -> torch.Tensor:
    """Which recordings are to test on: (N,), bool; the same share of each word."""
    test, named = np.zeros(len(labels), bool), np.array(labels)
    for number, word in enumerate(sorted(set(labels))):
        places = np.flatnonzero(named == word)
        order = np.random.default_rng([seed, number]).permutation(len(places))
        held = min(max(1, round(len(places) * test_share)), len(places) - 1)
        test[places[order[:held]]] = True
    return torch.from_numpy(test)
