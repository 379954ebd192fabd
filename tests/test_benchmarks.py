"""The published series: against pandas where the files are, and their stand-ins where not."""

import os

import numpy as np
import pandas as pd
import pytest

import course_utils as cu
from course_utils.data import benchmarks, download

FOLDER = f"{os.environ.get('COURSE_DATA', '')}/forecasting"  # as it was when the tests began
real = pytest.mark.skipif(not os.path.isdir(FOLDER), reason="COURSE_DATA lacks it")


@pytest.fixture(autouse=True)
def profile(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")


@real
def test_etth1_is_the_published_file(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", os.path.dirname(FOLDER))
    data = cu.data.load("ETTh1")
    table = pd.read_csv(f"{FOLDER}/ETTh1.csv", index_col="date")[:14_400]
    assert data.features == tuple(table.columns) and data.source == "etth1"
    np.testing.assert_allclose(data.rows, table)
    assert data.border == 11_520  # 16 of 20 months


@real
def test_the_exchange_rates_are_the_published_file(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", os.path.dirname(FOLDER))
    data = cu.data.load("exchange_rates")
    np.testing.assert_allclose(
        data.rows, pd.read_csv(f"{FOLDER}/exchange_rate.txt.gz", header=None)
    )
    assert data.source == "exchange-rates" and len(data.features) == 8


@pytest.mark.parametrize(
    ("name", "shape", "word"),
    [("etth1", (14_400, 7), "waves and noise"), ("exchange-rates", (7_588, 8), "random walks")],
)
def test_without_a_network_there_is_a_stand_in(name, shape, word, monkeypatch, capsys):
    def gone(files):
        raise download.Unavailable("no network")

    monkeypatch.setattr(benchmarks.download, "find", gone)
    data = cu.data.load(name)
    assert data.rows.shape == shape and data.source == f"{word} (stand-in)"
    assert capsys.readouterr().out == (
        f"{name} cannot be downloaded (no network), so {word} are used instead.\n"
    )
    if name == "etth1":  # a day is in it
        power = np.abs(np.fft.rfft(data.rows[:, 0] - data.rows[:, 0].mean()))
        assert power.argmax() == len(data.rows) // 24
