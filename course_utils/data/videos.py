"""Films as frames on the device: rain radar, and your own GIF or folder of frames."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import paths, runtime
from ..arguments import kind, shape, share, tensor, whole
from . import download, photos
from .download import Remote

SMOKE = 24  # frames of each film under the smoke profile
COMPRESSED = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")
MOST = 4000  # frames of a film of your own
RADAR = Remote(  # a crop of public files, see datasets/README.md; there is no address to fetch it
    "radar/fmi_radar_128.npz",
    (),
    "c07a07c9ad40c9260b97a495d3508dd4839b50a2d8461e904c04fd522d0decdc",
)
EVENTS = ("20160928", "20170509")  # to learn from, to test on


@dataclass(frozen=True)
class VideoData:
    """Films in two parts, on the device, each (T, 1, H, W), float32 in 0…1, T frames in order.

    `train` and `test` are tuples of films; `source` says what they really are: a stand-in says so.

    Raises:
        TypeError, ValueError: a part without films, or a film of another shape.
    """

    name: str
    train: tuple[torch.Tensor, ...]
    test: tuple[torch.Tensor, ...]
    source: str
    minutes: float | None = None  # from one frame to the next, where that is known

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            for film in kind(name, getattr(self, name), tuple, "a tuple of films"):
                shape(name, tensor(name, film), "(T, 1, H, W)", T=2)

    @property
    def is_stand_in(self) -> bool:
        """Whether these are made up instead of the films asked for."""
        return "stand-in" in self.source


def radar() -> VideoData:
    """Rain radar of Finland, two events of 40 frames, 5 minutes apart, 128×128 pixels of 1 km.

    The event of 28 September 2016 is to learn from, that of 9 May 2017 to test on. Values are those
    of the files (2 · dBZ + 64, so logarithmic in the rain) divided by 255. If the file is not in
    the data folder, moving rain by rule is used, and one line says so.

    Source: Finnish Meteorological Institute, CC BY 4.0, from github.com/pySTEPS/pysteps-data.
    """
    try:
        with np.load(download.find([RADAR])[0]) as events:
            films = [events[event] / np.float32(255) for event in EVENTS]
    except download.Unavailable:
        print(
            f"{RADAR.path} is not in the data folder (datasets/README.md says how to make it), so "
            "moving rain by rule is used instead."
        )
        return _data("rain", [rain(seed=0)], [rain(seed=1)], "rain by rule (stand-in)", 5.0)
    return _data("radar", films[:1], films[1:], "radar of the FMI", 5.0)


def video(path: str | Path, size: int = 64, test_share: float = 0.3, least: int = 10) -> VideoData:
    """Your own film, in grey: a GIF (or another file of many frames), or a folder of frames.

    Frames in a folder are in the order of their names, with frame2 before frame10. The last part
    is tested on.

    Args:
        path: absolute, or relative to the project's root.
        size: frames are cropped to a square about their middle, and resized to this.
        test_share: the share of the frames, at the end, that is kept for testing.
        least: how many frames each of the two parts must have.

    Raises:
        TypeError, ValueError: a wrong argument, a file that cannot be read, or too few frames.
    """
    whole("size", size, 1), share("test_share", test_share), whole("least", least, 2)
    kind("path", path, (str, Path), "a str or a Path")
    if Path(path).suffix.lower() in COMPRESSED:
        raise ValueError(
            f"path must be a GIF or a folder of frames, not a compressed video, {path}: export it "
            "as one of these."
        )
    place = paths.own(path, "folder" if (paths.root() / path).is_dir() else "file")
    if place.is_dir():
        files = sorted((p for p in place.iterdir() if _is_frame(p)), key=_order)[:MOST]
        frames = [photos.read(file, size, grey=True)[..., 0] for file in files]
    else:
        frames = photos.frames(place, size, MOST)
    border = len(frames) - max(least, round(test_share * len(frames)))
    if border < least:
        raise ValueError(
            f"{place} has {len(frames)} frame{'' if len(frames) == 1 else 's'}; at least "
            f"{2 * least} are needed, {least} to learn from and {least} to test on."
        )
    film = np.stack(frames) / np.float32(255)
    data = _data(place.name, [film[:border]], [film[border:]], f"film {place.name}")
    print(f"{place.name}: {len(data.train[0])} frames to learn from, {len(data.test[0])} after "
          f"them to test on, {size}×{size} pixels.")  # fmt: skip
    return data


def rain(frames: int = 40, size: int = 128, seed: int = 0) -> np.ndarray:
    """Clouds that move at one speed and slowly change, (frames, size, size), float32 in 0…1.

    Noise with a spectrum that falls with the cube of the frequency, moved by turning its phases.
    Neighbouring frames, before the motion, have a correlation of 0.99.
    """
    random = np.random.default_rng(whole("seed", seed, 0))
    row, column = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]
    falls = 1 / (0.05 + np.hypot(row, column)) ** 3
    angle = 2 * np.pi * random.random()
    turn = np.exp(-2j * np.pi * 2.5 * (row * np.sin(angle) + column * np.cos(angle)))
    state, keep, film = np.fft.fft2(random.normal(size=(size, size))), 0.99, []
    for _ in range(frames):
        field = np.fft.ifft2(state * falls).real
        film.append(np.clip(0.25 * field / field.std(), 0, 1))
        fresh = np.fft.fft2(random.normal(size=(size, size)))
        state = turn * (keep * state + np.sqrt(1 - keep**2) * fresh)
    return np.stack(film).astype(np.float32)


def _is_frame(path: Path) -> bool:
    return path.is_file() and path.name[0] != "." and path.suffix.lower() in photos.SUFFIXES


def _order(path: Path) -> list:
    """Names with their numbers as numbers: frame2 before frame10."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", path.stem) if p]


def _data(
    name: str, train: Sequence[np.ndarray], test: Sequence[np.ndarray], source: str,
    minutes: float | None = None,
) -> VideoData:  # fmt: skip
    most = SMOKE if runtime.profile() == "smoke" else MOST
    parts = [
        tuple(torch.tensor(film[:most, None], device=runtime.device()) for film in part)
        for part in (train, test)
    ]
    return VideoData(name, *parts, source, minutes)
