"""Two series on which forecasts are published: a transformer's hours, and exchange rates by day."""

from collections.abc import Callable, Sequence

import numpy as np

from ..arguments import whole
from . import download, files, series
from .download import Remote
from .series import SeriesData

HOURS = 14_400  # of ETTh1 that the published split uses: 12, 4 and 4 months of 30 days
HEADED = {"skiprows": 1, "usecols": range(1, 8)}  # after the date
LOADS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
ETT = (
    "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07"
)
LAI = (
    "https://raw.githubusercontent.com/laiguokun/multivariate-time-series-data/"
    "7f402f185cc2435b5e66aed13a3b560ed142e023"
)
SOURCES = {
    "etth1": Remote(
        "forecasting/ETTh1.csv",
        (f"{ETT}/ETT-small/ETTh1.csv",),
        "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    ),
    "exchange-rates": Remote(
        "forecasting/exchange_rate.txt.gz",
        (f"{LAI}/exchange_rate/exchange_rate.txt.gz",),
        "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
    ),
}


def etth1(length: int = 24) -> SeriesData:
    """Six loads and the oil temperature (OT, °C) of a transformer, by the hour; CC BY-ND 4.0.

    `rows` are the first 14,400 hours, which the published split uses: 12 months to train, 4 to
    validate, 4 to test (Zhou et al., *Informer*, 2021). The windows are cut as in `csv`, with the
    last 4 months held out. Without a network, sums of daily and weekly waves and of noise that
    fades replace them, and one line says so.

    Args:
        length: steps of a window, T, from 2 up.

    Raises:
        ValueError: a length out of range, or too long for a window.
    """
    return _read("etth1", length, LOADS, "waves and noise", _waves, HEADED)


def exchange_rates(length: int = 24) -> SeriesData:
    """Eight exchange rates to the US dollar, on 7,588 days from 1990 to 2016; no licence stated.

    Collected by Lai et al., *Modeling long- and short-term temporal patterns with deep neural
    networks*, 2018: Australia, Britain, Canada, Switzerland, China, Japan, New Zealand and
    Singapore. Without a network, random walks replace them, and one line says so.

    Args:
        length: steps of a window, T, from 2 up.

    Raises:
        ValueError: a length out of range, or too long for a window.
    """
    names = ("Australia", "Britain", "Canada", "Switzerland", "China", "Japan", "New Zealand",
             "Singapore")  # fmt: skip
    return _read("exchange-rates", length, names, "random walks", _walks, {})


def _read(
    name: str, length: int, features: Sequence[str], replaced_by: str,
    make: Callable[[int], np.ndarray], how: dict,
) -> SeriesData:  # fmt: skip
    """The file's rows, or those of a stand-in, as windows; `how` is for `np.loadtxt`."""
    whole("length", length, 2)
    try:
        [path] = download.find([SOURCES[name]])
    except download.Unavailable as reason:
        print(f"{name} cannot be downloaded ({reason}), so {replaced_by} are used instead.")
        rows, source = make(len(features)), f"{replaced_by} (stand-in)"
    else:
        lines = files.content(path).decode().splitlines()
        rows, source = np.loadtxt(lines, delimiter=",", **how)[:HOURS], name
    return series._windows(name, rows, features, source, length, 0.2, "time", 1, 0)


def _waves(count: int) -> np.ndarray:
    """Hours with a day, a week, and noise of which a fiftieth fades each hour, (14400, count)."""
    source = np.random.default_rng(0)
    hours, noise = np.arange(HOURS)[:, None], source.normal(size=(HOURS, count))
    for hour in range(1, HOURS):
        noise[hour] = 0.98 * noise[hour - 1] + 0.2 * noise[hour]
    day, week = (2 * np.pi * (hours / n + source.random(count)) for n in (24, 168))
    return np.sin(day) + 0.5 * np.sin(week) + noise


def _walks(count: int) -> np.ndarray:
    """Random walks, (7588, count)."""
    return 1 + 0.005 * np.random.default_rng(0).normal(size=(7588, count)).cumsum(0)
