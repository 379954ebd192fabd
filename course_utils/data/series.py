"""Series as windows of equal length on the device, scaled to 0…1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from .. import paths, runtime
from ..arguments import choice, kind, shape, share, streams, tensor, whole
from . import tables
from .batches import Batches

SMOKE = (256, 64)  # training and test windows under the smoke profile
RANGES = {  # of the sines: radians per step, and radians
    "code": ((0.0, 0.1), (0.0, 0.1)),
    "paper": ((0.0, 2 * math.pi), (-math.pi, math.pi)),
}


class Waves(NamedTuple):
    """What sines were made of: sin(frequency · t + phase) for t = 0, 1, 2 …; both (N, F)."""

    frequency: torch.Tensor  # radians per step
    phase: torch.Tensor  # radians


@dataclass(frozen=True)
class SeriesData:
    """Windows of a series, or single sequences, in two parts, on the device.

    `train` (N, T, F) and `test` (M, T, F) are float32, T steps of F features. They are scaled so
    that the training part fills 0…1, feature by feature; a test part of later time may leave that
    range, and is not clipped. The training windows come in random order.

    Raises:
        TypeError, ValueError: parts that are not sequences, or not of those features.
    """

    name: str
    train: torch.Tensor
    test: torch.Tensor
    features: tuple[str, ...]
    low: torch.Tensor  # (F,), float64, on the CPU: what became 0
    high: torch.Tensor  # (F,): what became 1
    source: str
    rows: torch.Tensor | None = None  # (R, F) the whole series as it came, float64, on the CPU
    border: int | None = None  # the first row of the later, held-out part
    train_waves: Waves | None = None  # of sines, the truth behind each sequence
    test_waves: Waves | None = None

    def __post_init__(self) -> None:
        kind("features", self.features, list | tuple, "a list of names, one per feature")
        count = len(self.features)
        for name in ("train", "test"):
            shape(name, tensor(name, getattr(self, name)), f"(N, T, {count}), with these features")
        for name in ("low", "high"):
            shape(name, tensor(name, getattr(self, name)), f"({count},), one number per feature")

    def inverse(self, samples: torch.Tensor | np.ndarray) -> torch.Tensor:
        """Scaled values (…, F) in the units of the series: float64, on the CPU.

        Raises:
            TypeError, ValueError: not numbers, or another number of features.
        """
        return streams.scaled("samples", samples, self.features) * (self.high - self.low) + self.low

    def batches(self, size: int, seed: int = 0, drop_last: bool = True) -> Batches:
        """Shuffled batches `(windows,)` of the training part, (B, T, F)."""
        return Batches(self.train, size, seed, drop_last=drop_last)


def sines(
    length: int = 24, count: int = 10_000, features: int = 5, ranges: str = "code", seed: int = 0
) -> SeriesData:
    """Sines, each feature of each sequence with its own frequency and phase; the test part is new.

    With `ranges="code"` frequency (radians per step) and phase come from U(0, 0.1), as in
    TimeGAN's released code (Yoon et al. 2019); with "paper" η comes from U(0, 1) cycles per step
    and the phase from U(−π, π), as in its text. Under the `smoke` profile there are fewer.

    Args:
        length: steps of a sequence, T, from 2 up.
        count: sequences in each part, N, from 2 up.
        features: F, from 1 up.
        ranges: "code" or "paper".
        seed: of the draws, from 0 up.

    Raises:
        ValueError: one of these is out of its range.
    """
    whole("length", length, 2), whole("count", count, 2), whole("features", features, 1)
    choice("ranges", ranges, [*RANGES]), whole("seed", seed, 0)
    counts = (count, count)
    if runtime.profile() == "smoke":
        counts = tuple(min(count, most) for most in SMOKE)
    time = torch.arange(length, dtype=torch.float64)[:, None]  # (T, 1)
    parts, waves, device = [], [], runtime.device()
    for part, amount in enumerate(counts):
        source = np.random.default_rng([seed, part])
        frequency, phase = (
            torch.from_numpy(source.uniform(*bounds, (amount, features)))
            for bounds in RANGES[ranges]
        )
        values = (torch.sin(frequency[:, None] * time + phase[:, None]) + 1) / 2  # (N, T, F)
        parts.append(values.float().to(device))
        waves.append(Waves(frequency.float().to(device), phase.float().to(device)))
    ones = torch.ones(features, dtype=torch.float64)
    names = tuple(f"sine {k + 1}" for k in range(features))
    source = f"sines, ranges of TimeGAN's {ranges}"
    return SeriesData(
        "sines", *parts, names, -ones, ones, source, train_waves=waves[0], test_waves=waves[1]
    )


def sunspots(
    length: int = 24, test_share: float = 0.2, split: str = "time", stride: int = 1, seed: int = 0
) -> SeriesData:
    """The yearly number of sunspots, 1700 to 2008, from statsmodels; public domain.

    Args:
        length, test_share, split, stride, seed: as in `csv`.

    Raises:
        ValueError: one of these is out of its range, or the years are too few for a window.
    """
    from statsmodels.datasets import sunspots

    rows = sunspots.load_pandas().data[["SUNACTIVITY"]].to_numpy(np.float64)
    return _windows(
        "sunspots", rows, ("sunspots",), "sunspots", length, test_share, split, stride, seed
    )


def csv(
    path: str | Path, length: int = 24, *,
    columns: Sequence[str] | str | None = None, separator: str | None = None,
    decimal: str | None = None, header: bool | None = None,
    test_share: float = 0.2, split: str = "time", stride: int = 1, seed: int = 0,
) -> SeriesData:  # fmt: skip
    """Your own series, from a CSV file whose columns are features and whose rows are time.

    One line says how the file was read. The series is cut into windows, one at each `stride`
    rows. With `split="time"` the last `test_share` of the rows is held out before cutting, so
    that no value is in both parts. `split="random"` assigns windows to the parts at random, as
    TimeGAN's protocol does: overlapping windows are then on both sides, and a memory of one helps
    with the other. The scaling is that of `sklearn.preprocessing.MinMaxScaler`, fitted to the
    training part alone. Under the `smoke` profile a small slice of the windows is kept.

    Args:
        path: absolute, or relative to the project's root.
        length: steps of a window, T, from 2 up.
        columns: the names of those to keep, in this order; None keeps all. Without a header
            they are "column 1" and so on.
        separator: one character; None detects it.
        decimal: "." or ","; None detects it.
        header: whether the first row names the columns; None detects it.
        test_share: above 0 and below 1.
        split: "time" or "random".
        stride: rows from one window to the next, from 1 up.
        seed: of the order and of a random split, from 0 up.

    Raises:
        ValueError: one of these is out of its range, too few rows for a window, a constant
            column, or a file that cannot be read safely; names row and column.
        TypeError: a path that is neither a string nor a path.
    """
    path = paths.own(path, "file")
    table = tables.read(path, columns, separator, decimal, header)
    print(table.said)
    source = f"file {path.name}"
    return _windows(
        path.name, table.rows, table.names, source, length, test_share, split, stride, seed
    )


def _windows(
    name: str, rows: np.ndarray, features: Sequence[str], source: str,
    length: int, test_share: float, split: str, stride: int, seed: int,
) -> SeriesData:  # fmt: skip
    """Split, scale and cut a series (R, F)."""
    whole("length", length, 2), share("test_share", test_share), whole("stride", stride, 1)
    choice("split", split, ("time", "random")), whole("seed", seed, 0)
    source_of_order = np.random.default_rng(seed)
    border = len(rows) - round(len(rows) * test_share) if split == "time" else None
    if border is not None:
        starts = _by_time(name, len(rows), border, length, stride)
        train, test = source_of_order.permutation(starts[0]), starts[1]
    else:
        starts = source_of_order.permutation(np.arange(0, len(rows) - length + 1, stride))
        held = streams.some_held(name, len(rows), len(starts), length, test_share)
        test, train = np.split(starts, [held])
    low, high = _bounds(name, rows, features, train, length)
    parts = []
    for starts, most in zip((train, test), SMOKE, strict=True):
        starts = starts[:most] if runtime.profile() == "smoke" else starts
        scaled = (rows[starts[:, None] + np.arange(length)] - low) / (high - low)  # (N, T, F)
        parts.append(torch.from_numpy(scaled).float().to(runtime.device()))
    kept = [torch.tensor(values) for values in (low, high, rows)]
    return SeriesData(name, *parts, tuple(features), *kept[:2], source, kept[2], border)


def _by_time(
    name: str, rows: int, border: int, length: int, stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where windows begin that end before the border, and those that begin after it."""
    streams.room_for_windows(name, rows, border, length)
    return (
        np.arange(0, border - length + 1, stride), np.arange(border, rows - length + 1, stride)
    )  # fmt: skip


def _bounds(
    name: str, rows: np.ndarray, features: Sequence[str], starts: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest value of each feature among the training windows, (F,) each."""
    seen = np.zeros(len(rows), bool)
    seen[starts[:, None] + np.arange(length)] = True
    low, high = rows[seen].min(0), rows[seen].max(0)
    with np.errstate(over="ignore"):
        wide = high - low
    for k, feature in enumerate(features):
        if wide[k] == 0:
            raise ValueError(
                f"{name}: column {feature!r} is constant ({low[k]:g}) in the {seen.sum()} training "
                "rows, so it cannot be scaled. Leave it out: name the others in columns=[…]."
            )
        if not np.isfinite(wide[k]):
            raise ValueError(
                f"{name}: column {feature!r} ranges from {low[k]:g} to {high[k]:g}, too far to be "
                "scaled."
            )
    return low, high
