"""Music as piano rolls: Bach's chorales, a learner's own MIDI files, and chords by rule."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from .. import arguments, paths, runtime
from ..arguments import choice, whole
from . import download, midi
from .batches import Batches
from .download import Remote
from .midi import KEYS, LOWEST

_REPOSITORY = "czhuang/JSB-Chorales-dataset{}9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/{}"
_PREFIXES = (
    ("https://raw.githubusercontent.com/", "/"),
    ("https://cdn.jsdelivr.net/gh/", "@"),
)


def _remote(file: str, sha256: str) -> Remote:
    urls = tuple(prefix + _REPOSITORY.format(mark, file) for prefix, mark in _PREFIXES)
    return Remote(f"jsb-chorales/{file}", urls, sha256)


SOURCES = {  # by frames in a quarter note
    1: _remote(
        "jsb-chorales-quarter.json",
        "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
    ),
    4: _remote(
        "Jsb16thSeparated.json",
        "79294cc374f9252e95ef4b703161524c1c53dc1f712c236f00f1c1f5d54af5a7",
    ),
}
PARTS = ("train", "valid", "test")
COUNTS = (229, 76, 77)  # pieces of the published split
SMOKE, SMOKE_FRAMES = (24, 8, 8), 24  # pieces of each part under the smoke profile, frames of each
RAISED = 12  # semitones by which the published quarter notes lie above what is sung
SHORTEST = 8  # frames of an own piece


@dataclass(frozen=True)
class MusicData:
    """Pieces of music as piano rolls, in three parts, on the device.

    `train`, `validation` and `test` are tuples of rolls (T, 88), float32: 1 where a key sounds in
    a frame, else 0; each piece has its own T, from 2 up. Key k is MIDI note k + 21, so 0 is A0
    with 27.5 Hz. There are `per_beat` frames in a quarter note. `source` says what the music
    really is: a stand-in says so. To hear it as it is sung, lower it by `raised` semitones.

    Raises:
        TypeError, ValueError: parts that are not such rolls.
    """

    name: str
    train: tuple[torch.Tensor, ...]
    validation: tuple[torch.Tensor, ...]
    test: tuple[torch.Tensor, ...]
    source: str
    per_beat: int = 1
    raised: int = 0

    def __post_init__(self) -> None:
        whole("per_beat", self.per_beat, 1), whole("raised", self.raised, 0, KEYS)
        for name in ("train", "validation", "test"):
            arguments.rolls(name, getattr(self, name), least=2)

    @property
    def is_stand_in(self) -> bool:
        """Whether these are chords by rule in place of the music asked for."""
        return "stand-in" in self.source

    def padded(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """The pieces of "train", "validation" or "test", with silence up to the longest of them.

        Returns:
            Rolls (N, T, 88), float32, and how many frames of each are music, (N,), int64.

        Raises:
            ValueError: another part.
        """
        pieces = getattr(self, choice("part", part, ("train", "validation", "test")))
        lengths = torch.tensor([len(piece) for piece in pieces], device=pieces[0].device)
        return pad_sequence(list(pieces), batch_first=True), lengths

    def batches(self, size: int, seed: int = 0) -> Batches:
        """Shuffled batches `(rolls, lengths)` of the training part, as `padded` has them."""
        return Batches(self.padded("train"), size, seed, drop_last=False)


def chorales(per_beat: int = 1) -> MusicData:
    """382 chorales of Bach in four voices, in the published split of 229, 76 and 77 pieces.

    At one frame in a quarter note these are the piano rolls of Boulanger-Lewandowski, Bengio and
    Vincent, "Modeling temporal dependencies in high-dimensional sequences", ICML 2012: all pieces
    have been moved to one tonic, C, and an octave above what is sung. At four frames they are in
    their own keys. Without a network chords by rule replace them, and one line says so.

    Args:
        per_beat: 1 for quarter notes, or 4 for sixteenths.

    Raises:
        ValueError: another number.
    """
    raised = RAISED if choice("per_beat", per_beat, [*SOURCES]) == 1 else 0
    try:
        [path] = download.find([SOURCES[per_beat]])
    except download.Unavailable as reason:
        print(
            f"jsb-chorales cannot be downloaded ({reason}), so chords in four voices, which follow "
            "simple rules of harmony, are used instead."
        )
        parts, source = _chords(per_beat, raised), "chords by rule (stand-in)"
    else:
        found = json.loads(path.read_text())
        parts, source = (
            [[_roll(frames) for frames in found[part]] for part in PARTS],
            "jsb-chorales",
        )
    return _assemble("jsb-chorales", parts, source, per_beat, raised)


def _roll(frames: Iterable[Iterable[int]]) -> np.ndarray:
    """MIDI notes of each frame, -1 for a rest, as (T, 88)."""
    frames = list(frames)
    roll = np.zeros((len(frames), KEYS), np.uint8)
    for frame, notes in zip(roll, frames, strict=True):
        frame[[int(note) - LOWEST for note in notes if note >= 0]] = 1
    return roll


def music(
    path: str | Path, *, per_beat: int = 1, longest: int = 160, test_share: float = 0.2,
    seed: int = 0,
) -> MusicData:  # fmt: skip
    """Your own music: a folder of MIDI files (.mid, .midi), in any subfolders, or one such file.

    Files longer than `longest` frames are cut into pieces. All pieces of a file are in one part,
    drawn at random, where there are three files or more; else the parts follow one another in
    time. One line says how many files were read, and names those that could not be.

    Args:
        path: absolute, or relative to the project's root.
        per_beat: frames in a quarter note, from 1 to 24.
        longest: frames of a piece, from 16 up.
        test_share: of the files (or of the pieces), above 0 and below 0.5; as many again are for
            validation.
        seed: of the draw, from 0 up.

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range, no readable file,
            or too little music for three parts.
    """
    whole("per_beat", per_beat, 1, 24), whole("longest", longest, 16), whole("seed", seed, 0)
    arguments.between("test_share", test_share, 0, 0.5)
    path = paths.root() / arguments.named("path", path)
    if path.is_file():
        found, source = [path], f"file {path.name}"
    else:
        found, source = files(paths.own(path, "folder")), f"folder {path.name}"
        if not found:
            raise ValueError(f"path must be a folder with MIDI files (.mid); {path} has none.")
    if runtime.profile() == "smoke":
        found = found[: sum(SMOKE)]
    rolls, wrong = _readable(found, per_beat)
    if not rolls:
        raise ValueError(f"path must hold MIDI that can be read: {wrong[0]}")
    cut = [_cut(roll, longest) for roll in rolls]
    number = sum(map(len, cut))
    skipped = f" Skipped: {' '.join(wrong[:3])}{' …' if wrong[3:] else ''}" if wrong else ""
    print(f"{len(rolls)} of {len(found)} MIDI files read, {number} pieces.{skipped}")
    parts = _split(cut, test_share, seed)
    if parts is None:
        raise ValueError(
            f"path must hold music for three parts: {path} has {number} pieces of {SHORTEST} "
            f"frames or more. Give more files, a smaller longest or a greater per_beat."
        )
    return _assemble(path.name, parts, source, per_beat, 0)


def files(folder: Path) -> list[Path]:
    """The MIDI files in a folder and its subfolders, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in midi.ENDINGS)


def _readable(found: Sequence[Path], per_beat: int) -> tuple[list[np.ndarray], list[str]]:
    """The rolls of the files that can be read, and a sentence about each of the others."""
    rolls, wrong = [], []
    for path in found:
        try:
            rolls.append(midi.read(path, per_beat))
        except ValueError as error:
            wrong.append(str(error))
    return rolls, wrong


def _cut(roll: np.ndarray, longest: int) -> list[np.ndarray]:
    """Pieces of nearly equal length, at most `longest` frames; none of a roll that is too short."""
    pieces = np.array_split(roll, -(-len(roll) // longest))
    return [piece for piece in pieces if len(piece) >= SHORTEST]


def _split(
    cut: Sequence[Sequence[np.ndarray]], test_share: float, seed: int
) -> list[list[np.ndarray]] | None:
    """The pieces of whole files in three parts; None where there are too few for that."""
    cut = [pieces for pieces in cut if pieces]
    if len(cut) >= 3:
        order = np.random.default_rng(seed).permutation(len(cut))
        cut = [cut[number] for number in order]
    else:
        cut = [[piece] for pieces in cut for piece in pieces]
    held = max(1, round(len(cut) * test_share))
    groups = cut[: -2 * held], cut[-2 * held : -held], cut[-held:]
    return [[*chain(*group)] for group in groups] if all(groups) else None


def _assemble(
    name: str, parts: Sequence[Sequence[np.ndarray]], source: str, per_beat: int, raised: int
) -> MusicData:
    """Tensors on the device; under `smoke` a few short pieces."""
    small, device = runtime.profile() == "smoke", runtime.device()
    made = []
    for pieces, most in zip(parts, SMOKE, strict=True):
        kept = [piece[:SMOKE_FRAMES] for piece in pieces[:most]] if small else pieces
        made.append(tuple(torch.from_numpy(piece).float().to(device) for piece in kept))
    return MusicData(name, *made, source, per_beat, raised)


def _chords(per_beat: int, raised: int) -> list[list[np.ndarray]]:
    from .chords import progression

    generator = np.random.default_rng(0)
    made = [progression(generator) for _ in range(sum(COUNTS))]
    rolls = [np.repeat(_roll(notes + raised), per_beat, 0) for notes in made]
    first, second = COUNTS[0], COUNTS[0] + COUNTS[1]
    return [rolls[:first], rolls[first:second], rolls[second:]]
