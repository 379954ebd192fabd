"""Profiles and budgets, and the precision that the hardware has."""

import numpy as np
import pytest
import torch
from wrong import Refusals

from course_utils import runtime


@pytest.fixture
def gpu(monkeypatch):
    """A machine that has a GPU of another make, which is not touched."""
    monkeypatch.setattr(runtime, "device", lambda: torch.device("mps"))


def test_the_profile_follows_the_device(monkeypatch):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    assert runtime.profile() == "cpu"
    monkeypatch.setattr(runtime, "device", lambda: torch.device("mps"))
    assert runtime.profile() == "gpu"


@pytest.mark.parametrize("name", ["smoke", "cpu", "gpu"])
def test_the_profile_can_be_named(name, gpu, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", name)
    assert runtime.profile() == name


def test_an_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(ValueError, match="'smoke', 'cpu' or 'gpu', not 'fast'"):
        runtime.profile()


@pytest.mark.parametrize(
    ("name", "steps", "seeds"),
    [("smoke", 8, [0, 1]), ("cpu", 4000, [0, 1, 2]), ("gpu", 20_000, [0, 1, 2, 3])],
)
def test_a_budget_by_profile(name, steps, seeds, gpu, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", name)
    assert runtime.budget(cpu=4000, gpu=20_000) == steps
    assert runtime.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3]) == seeds


def test_a_smoke_budget_is_two_at_least_but_never_more_than_cpu(smoke):
    assert runtime.budget(cpu=100, gpu=100) == 2
    assert runtime.budget(cpu=1, gpu=100) == 1
    assert runtime.budget(cpu=[5], gpu=[5, 6]) == [5]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, [], "12", None, [1, "2"], [[1]], [True]])
def test_a_wrong_budget_is_named(wrong, smoke):
    with pytest.raises(ValueError, match="cpu must be a whole number above 0 or a list"):
        runtime.budget(cpu=wrong, gpu=1)
    with pytest.raises(ValueError, match="gpu must be"):
        runtime.budget(cpu=1, gpu=wrong)


@pytest.mark.parametrize("form, cpu, gpu", [("a list", [1, 2], 5), ("a whole number", 5, (1, 2))])
def test_budgets_of_two_forms_are_refused(form, cpu, gpu, smoke):
    with pytest.raises(ValueError, match=f"gpu must be {form}, as cpu is, not "):
        runtime.budget(cpu=cpu, gpu=gpu)


@pytest.mark.parametrize(("bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_half_precision_is_what_the_hardware_has(bf16, dtype, monkeypatch):
    def supported(including_emulation=True):
        return bf16 or including_emulation  # a T4 says yes to what it only emulates

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert runtime.precision(torch.device("cuda")) is dtype
    assert runtime.precision(torch.device("cpu")) is None


class TestWrongInput(Refusals):
    ROOMS = {"runtime"}
    NO_AMOUNT = (0, -1, True, [], "x", ["x"])
    CASES = {
        "budget": ({"cpu": 3, "gpu": 5}, {"cpu": NO_AMOUNT, "gpu": [*NO_AMOUNT, [1, 2]]}),
        "budget: lists": ({"cpu": [3], "gpu": (1, 2)}, {"cpu": NO_AMOUNT, "gpu": [*NO_AMOUNT, 5]}),
    }


def test_a_budget_may_be_numpys(smoke):
    found = runtime.budget(cpu=np.int64(3000), gpu=np.int32(9))
    assert found == 6 and type(found) is int
