"""Series as windows of equal length on the device, scaled to 0…1. Knows no network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from .. import arguments, paths, runtime
from ..arguments import share, shown, tensor, whole
from . import tables
from .batches import Batches

SMOKE = (256, 64)  # training and test windows under the smoke profile
RANGES = {  # of the sines: radians a step, and radians
    "code": ((0.0, 0.1), (0.0, 0.1)),
    "paper": ((0.0, 2 * math.pi), (-math.pi, math.pi)),
}
OPTIONS = {  # what `series` takes besides, by kind
    "sines": ("count", "features", "ranges"),
    "sunspots": ("test_share", "split", "stride"),
    "a CSV file": (
        "test_share", "split", "stride", "columns", "separator", "decimal", "header",
    ),
}  # fmt: skip


class Waves(NamedTuple):
    """What sines were made of: sin(frequency · t + phase) for t = 0, 1, 2 …; both (N, F)."""

    frequency: torch.Tensor  # radians a step
    phase: torch.Tensor  # radians


@dataclass(frozen=True)
class SeriesData:
    """Windows of a series, or single sequences, in two parts, on the device.

    `train` (N, T, F) and `test` (M, T, F) are float32, T steps of F features. They are scaled so
    that the training part fills 0…1, feature by feature; a test part of later time may leave that
    range, and is not clipped. The training windows come in random order.

    Raises:
        TypeError, ValueError: parts that are no sequences, or not of those features.
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
        if not isinstance(self.features, list | tuple):
            raise TypeError(f"features must be names, one a feature, not {shown(self.features)}.")
        for name, part in (("train", self.train), ("test", self.test)):
            if tensor(name, part).ndim != 3 or part.shape[2] != len(self.features):
                raise ValueError(
                    f"{name} must be of shape (N, T, {len(self.features)}), as there are "
                    f"{len(self.features)} features, not {tuple(part.shape)}."
                )
        for name, bound in (("low", self.low), ("high", self.high)):
            if tensor(name, bound).shape != (len(self.features),):
                raise ValueError(f"{name} must be one number a feature, not {tuple(bound.shape)}.")

    def inverse(self, samples: torch.Tensor | np.ndarray) -> torch.Tensor:
        """Scaled values (…, F) in the units of the series: float64, on the CPU.

        Raises:
            TypeError, ValueError: no numbers, or another number of features.
        """
        numeric = isinstance(samples, np.ndarray) and samples.dtype.kind in "biuf"
        if not numeric and not isinstance(samples, torch.Tensor):
            raise TypeError(
                f"samples must be a tensor or an array of numbers, not {shown(samples)}."
            )
        samples = torch.as_tensor(samples).detach().cpu().double()
        if samples.ndim == 0 or samples.shape[-1] != len(self.features):
            raise ValueError(
                f"samples must have {len(self.features)} features along the last axis "
                f"({', '.join(self.features)}), but are of shape {tuple(samples.shape)}."
            )
        return samples * (self.high - self.low) + self.low

    def batches(self, size: int, seed: int = 0, drop_last: bool = True) -> Batches:
        """Shuffled batches `(windows,)` of the training part, (B, T, F)."""
        return Batches(self.train, size, seed, drop_last=drop_last)


def series(name: str | Path, length: int = 24, *, seed: int = 0, **options: Any) -> SeriesData:
    """Sequences of equal length from "sines", "sunspots" or a learner's own CSV file.

    **sines**: each feature of each sequence is a sine of its own frequency and phase, the test
    part drawn anew. `count` (10,000) sequences in each part, `features` (5), and `ranges`: "code"
    draws frequency (radians a step) and phase from U(0, 0.1), as TimeGAN's released code does;
    "paper" draws η from U(0, 1) cycles a step and the phase from U(−π, π), as its text says.

    **sunspots**: the yearly number of sunspots, 1700 to 2008, from statsmodels; public domain.

    **a CSV file**: columns are features, rows are time; it is told in one line how the file was
    read. `columns`, `separator`, `decimal` and `header` settle what cannot be seen from it.

    A series is cut into windows of `length`, one at each `stride` (1) rows. With `split="time"`
    the last `test_share` (0.2) of the rows is held out before cutting, so that no value is in
    both parts. `split="random"` deals windows to the parts at random, as TimeGAN's protocol does:
    overlapping windows then stand on both sides, and a memory of one helps with the other. The
    scaling is that of `sklearn.preprocessing.MinMaxScaler`, fitted to the training part alone.
    Under the `smoke` profile a small slice of the windows is kept.

    Args:
        name: "sines", "sunspots", or a path, absolute or relative to the project's root.
        length: steps of a sequence, T, from 2 up.
        seed: of the draws and of the order, from 0 up.
        options: as above, by kind.

    Raises:
        ValueError: an unknown name or option, a number out of range, too few rows for a window,
            a constant column, or a file that cannot be read safely; it names row and column.
        TypeError: a name that is neither a string nor a path.
    """
    whole("length", length, 2)
    whole("seed", seed, 0)
    path = paths.root() / arguments.named("name", name)  # an absolute one stays itself
    kind = str(name).lower() if str(name).lower() in ("sines", "sunspots") else "a CSV file"
    if kind == "a CSV file" and not path.is_file():
        raise ValueError(
            f"There is no series {str(name)!r}. Known are sines, sunspots, and the path of a CSV "
            "file whose columns are features and whose rows are time."
        )
    if wrong := [option for option in options if option not in OPTIONS[kind]]:
        raise ValueError(
            f"{name} takes the options {', '.join(OPTIONS[kind])}, but got: {', '.join(wrong)}."
        )
    if kind == "sines":
        return _sines(length, seed, **options)
    if kind == "sunspots":
        return _windows("sunspots", _sunspots(), ("sunspots",), "sunspots", length, seed, **options)
    how = {key: options.pop(key) for key in OPTIONS[kind][3:] if key in options}
    table = tables.read(path, **how)
    print(table.said)
    return _windows(
        path.name, table.rows, table.names, f"file {path.name}", length, seed, **options
    )


def _sines(
    length: int, seed: int, count: int = 10_000, features: int = 5, ranges: str = "code"
) -> SeriesData:
    whole("count", count, 2)
    whole("features", features, 1)
    if not isinstance(ranges, str) or ranges not in RANGES:
        raise ValueError(f"ranges must be one of {', '.join(RANGES)}, not {shown(ranges)}.")
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


def _sunspots() -> np.ndarray:
    from statsmodels.datasets import sunspots

    return sunspots.load_pandas().data[["SUNACTIVITY"]].to_numpy(np.float64)


def _windows(
    name: str, rows: np.ndarray, features: Sequence[str], source: str, length: int, seed: int,
    test_share: float = 0.2, split: str = "time", stride: int = 1,
) -> SeriesData:  # fmt: skip
    """Split, scale and cut a series (R, F)."""
    whole("stride", stride, 1)
    share("test_share", test_share)
    if not isinstance(split, str) or split not in ("time", "random"):
        raise ValueError(f'split must be "time" or "random", not {shown(split)}.')
    source_of_order = np.random.default_rng(seed)
    border = len(rows) - round(len(rows) * test_share) if split == "time" else None
    if border is not None:
        starts = _by_time(name, len(rows), border, length, stride)
        train, test = source_of_order.permutation(starts[0]), starts[1]
    else:
        starts = source_of_order.permutation(np.arange(0, len(rows) - length + 1, stride))
        test, train = np.split(starts, [_held(name, len(rows), len(starts), length, test_share)])
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
    """Where windows begin that end before the border, and those that begin behind it."""
    if min(border, rows - border) < length:
        raise ValueError(
            f"{name} has {rows} rows, of which {border} are to learn from and {rows - border} "
            f"later ones to test on; a window of {length} needs as many rows in each part. Take "
            "a shorter length or another test_share."
        )
    return (
        np.arange(0, border - length + 1, stride), np.arange(border, rows - length + 1, stride)
    )  # fmt: skip


def _held(name: str, rows: int, windows: int, length: int, test_share: float) -> int:
    """How many windows are held out."""
    held = round(windows * test_share)
    if not 0 < held < windows:
        raise ValueError(
            f"{name} has {rows} rows, too few for two windows of {length}, one to learn from and "
            "one to test on. Take a shorter length."
        )
    return held


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
                f"{name}: column {feature!r} is constant ({low[k]:g}) over the {seen.sum()} rows "
                "to learn from; there is nothing to scale. Leave it out, with columns=[…]."
            )
        if not np.isfinite(wide[k]):
            raise ValueError(
                f"{name}: column {feature!r} reaches from {low[k]:g} to {high[k]:g}, too far to be "
                "scaled."
            )
    return low, high
