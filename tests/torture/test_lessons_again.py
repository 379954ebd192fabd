"""Each lesson twice in one kernel, and with its cells in a random order.

Under the `smoke` profile, from the sources. A learner runs cells again, and not from top to bottom:
results have to be the same, or the message has to be about the learner's own page.
"""

import contextlib
import io
import random
import traceback
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

import course_utils
from course_utils.authoring.course import here
from course_utils.authoring.source import read

pytestmark = pytest.mark.filterwarnings("ignore")
LESSONS = [source.name[:2] for source in here().sources()]
TIMES = {"began", "seconds", "loop_seconds", "ngram_seconds", "strided", "library"}
PACKAGE = Path(course_utils.__file__).parent
ORDERS = 2
SHORT = ("00", "51")  # at full length, all of them


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path, request, long):
    if not long and request.node.callspec.params["number"] not in SHORT:
        pytest.skip("only at full length: make torture")
    matplotlib.use("agg")
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))


def programs(number):
    return [cell.source for cell in read(here().find(number)) if cell.cell_type == "code"]


def run(program, scope):
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(program, "a cell", "exec"), scope)


def results(scope):
    """The numbers, words and tensors that a page has in its hands, times apart."""
    kinds = int | float | str | torch.Tensor | np.ndarray
    return {
        name: np.array(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
        for name, value in scope.items()
        if isinstance(value, kinds) and name not in TIMES and not name.startswith("_")
    }


def same(one, other):
    if one.dtype.kind == "f":
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
    return np.array_equal(one, other)


@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.report("O")
def test_twice_in_one_kernel(number, figure):
    scope, found = {"__name__": "__main__"}, []
    for _ in range(2):
        for program in programs(number):
            run(program, scope)
        found.append(results(scope))
    first, second = found
    other = [name for name in first if not same(first[name], second[name])]
    figure(
        f"lesson {number} twice in one kernel",
        "the same results",
        f"{len(first) - len(other)} of {len(first)} values equal to the last bit",
    )
    assert len(first) > 10
    assert other == []


@pytest.mark.parametrize("order", range(ORDERS))
@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.report("O")
def test_cells_in_a_random_order(number, order, figure):
    """What goes wrong is said in one sentence, and never a NameError out of the package."""
    first, *others = programs(number)
    random.Random(order).shuffle(others)
    scope, missing, other = {"__name__": "__main__"}, 0, []
    for program in [first, *others]:
        try:
            run(program, scope)
        except NameError as error:
            assert not from_package(error), error
            missing += 1
        except Exception as error:
            other.append(f"{type(error).__name__}: {error}")
            if from_package(error):
                assert isinstance(error, ValueError | TypeError | RuntimeError), other[-1]
                assert str(error).strip()
    print(*other, sep="\n")
    figure(
        f"lesson {number}, cells in random order {order}",
        "one clear message each",
        f"{len(others) + 1 - missing - len(other)} of {len(others) + 1} cells run, "
        f"{missing} name what is missing, {len(other)} say something else",
    )


def from_package(error):
    """Whether an error was raised in a file of the package."""
    return PACKAGE in Path(traceback.extract_tb(error.__traceback__)[-1].filename).parents
