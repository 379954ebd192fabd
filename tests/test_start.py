"""The first cell of a lesson: seeds, style, and the one line on where it runs."""

import random

import matplotlib
import numpy as np
import pytest
import torch
from wrong import Refusals

from course_utils import plots, profile, start


def draws():
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()


def test_start_seeds_every_generator():
    start(3)
    first = draws()
    start(3)
    assert draws() == first
    start(4)
    assert all(one != other for one, other in zip(draws(), first, strict=True))


def test_start_prints_one_line_and_returns_the_device(smoke, capsys):
    assert start(7) == torch.device("cpu")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    for part in ("CPU", "float32", "profile smoke", torch.__version__.split("+")[0], "seed 7"):
        assert part in lines[0]


def test_a_gpu_that_is_not_there_is_said(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "gpu")
    assert profile() == "cpu"
    start()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "COURSE_PROFILE is gpu, but this machine has no GPU" in lines[0]


def test_start_sets_the_palette():
    with matplotlib.rc_context():
        start()
        assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.COLOURS)


@pytest.mark.parametrize("wrong", [-1, 1.5, None, "0"])
def test_a_wrong_seed_is_named(wrong):
    with pytest.raises(ValueError, match="seed must be a whole number from 0 up"):
        start(wrong)


class TestWrongInput(Refusals):
    ROOMS = {"start"}
    CASES = {"start": ({"seed": 3}, {"seed": [True]})}
