"""Each lesson interrupted in every cell that trains, twice in one kernel, and in a random order.

Under the `smoke` profile, from the sources. A learner stops cells, runs them again, and not from
top to bottom: results have to be the same, or the message about the learner's own page.
"""

import contextlib
import functools
import os
import random
import signal
import traceback
from pathlib import Path

import matplotlib
import pytest
from again import Kernel, different, programs

import course_utils
from course_utils.authoring.course import here

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(os.name == "nt", reason="the stop button of Windows is another"),
]
LESSONS = [source.name[:2] for source in here().sources()]
PACKAGE = Path(course_utils.__file__).parent
# A pass of a lesson takes 1 to 7 quiet seconds, and each of these tests two or three of them. All
# lessons would take `make test` more than a minute of both cores for the first alone; these three
# tests take a quarter of that, and every lesson is under `make torture`.
SHORT = {"interrupted": ("00", "41", "54"), "new kernel": ("41",), "order": ("00", "41")}
SEEDS, ORDERS = range(3), range(2)  # the first one in the short form


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path):
    matplotlib.use("agg")
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def skip_in_short(long, what, number, seed):
    if not long and (number not in SHORT[what] or seed):
        pytest.skip("only at full length: make torture")


@functools.cache
def undisturbed(number):
    """(kernel, what each cell prints, its optimizer steps, the results at the end)."""
    kernel, said, steps = Kernel(), [], []
    for program in programs(number):
        said.append(kernel.run(program))
        steps.append(kernel.steps)
    return kernel, said, steps, kernel.results()


def stopped(kernel, program, at):
    """Run a cell and press stop: it must end well, or as an interrupted cell ends."""
    with contextlib.suppress(KeyboardInterrupt):
        kernel.run(program, at)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.report("N")
def test_interrupted_and_run_again(number, seed, long, figure):
    """In the kernel in which the lesson has run before: so it is the test of running it twice."""
    skip_in_short(long, "interrupted", number, seed)
    kernel, said, steps, results = undisturbed(number)
    choose, stops, other = random.Random(f"{number} {seed}"), 0, []
    for place, program in enumerate(programs(number)):
        if steps[place]:
            stopped(kernel, program, choose.randint(1, steps[place]))
            stops += 1
        if kernel.run(program) != said[place]:
            other.append(program.split("\n")[0])
    wrong = different(results, kernel.results())
    figure(
        f"lesson {number}, each training cell interrupted, {seed}",
        "the same results",
        f"{stops} cells; {len(results) - len(wrong)} of {len(results)} values equal to the last "
        f"bit, {len(said) - len(other)} of {len(said)} cells print the same",
    )
    assert len(results) > 100
    assert (other, wrong) == ([], [])


@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.report("N")
def test_interrupted_and_gone_on_with_in_a_new_kernel(number, long):
    """Stopped in the last cell that saves its run, and everything from the top."""
    skip_in_short(long, "new kernel", number, 0)
    _, said, steps, results = undisturbed(number)
    cells, kernel = programs(number), Kernel()
    saves = [i for i, cell in enumerate(cells) if steps[i] and "runs/" in cell]
    last = saves[-1] if saves else max(i for i, count in enumerate(steps) if count)
    for program in cells[:last]:
        kernel.run(program)
    stopped(kernel, cells[last], max(1, steps[last] // 2))
    kernel = Kernel()
    assert [kernel.run(program) for program in cells] == said
    assert different(results, kernel.results()) == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.report("O")
def test_cells_in_a_random_order(number, order, long, figure):
    skip_in_short(long, "order", number, order)
    cells = programs(number)
    missing, refused, other = in_disorder(cells, random.Random(order))
    figure(
        f"lesson {number}, cells in random order {order}",
        "no raw error of the package; whole again from the top",
        f"{len(cells) - missing - refused - other} of {len(cells)} cells run, {missing} name what "
        f"is missing, {refused} are refused in a sentence, {other} fail in the lesson's own lines",
    )


def in_disorder(cells, choose):
    """Run the first cell, then the others in any order, then all from the top; count the errors.

    The rule. A cell too early may fail by what is missing (a NameError), by a refusal of the
    package, or in its own lines, where a name still has another cell's value. It may not fail
    within the package by anything but a refusal. And what failed was the order's fault only if
    every cell runs once those above it have, in this same kernel.
    """
    first, *others = cells
    choose.shuffle(others)
    kernel, missing, refused, other = Kernel(), 0, 0, 0
    for program in [first, *others]:
        try:
            kernel.run(program)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = [Path(frame.filename) for frame in frames]
            lesson = max(i for i, path in enumerate(where) if path.name == "a cell")
            through = any(PACKAGE in path.parents for path in where[lesson:])
            said = type(error) in (ValueError, TypeError, RuntimeError) and str(error).strip()
            raised = PACKAGE in where[-1].parents and frames[-1].line.startswith("raise ")
            refusal = said and raised
            if through and not refusal:
                raise AssertionError(f"A raw error of the package, from {program!r}") from error
            missing += isinstance(error, NameError)
            refused += bool(refusal)
            other += not refusal and not isinstance(error, NameError)
    for program in cells:
        kernel.run(program)
    return missing, refused, other


RAW = {
    "IndexError": "def broken(x): return x[3]",
    "KeyError": "def broken(x): return {}[len(x)]",
    "torch's": "import torch\ndef broken(x): return torch.ones(2) @ torch.ones(3)",
    "NameError": "def broken(x): return y",
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
@pytest.mark.report("O")
def test_a_raw_error_of_the_package_is_seen(raw, monkeypatch):
    scope = {}
    exec(compile(raw, str(PACKAGE / "broken.py"), "exec"), scope)
    monkeypatch.setattr(course_utils, "say", scope["broken"])
    with pytest.raises(AssertionError, match="A raw error of the package"):
        in_disorder(["import course_utils as cu", "cu.say([1])"], random.Random(0))


@pytest.mark.report("O")
def test_a_cell_that_the_order_does_not_excuse_is_seen():
    """What an earlier run of a cell left spoils it for good: a list that is longer each time."""
    cells = ["import math", "x = list(globals().get('x', 'ab'))[1:]", "y = x[0]"]
    with pytest.raises(IndexError):
        in_disorder(cells, random.Random(0))


@pytest.mark.report("O")
def test_what_the_order_excuses_is_counted():
    cells = ["import course_utils as cu", "x = 'a'", "cu.say(x)", "n = len(x)", "x = 3"]
    found = {in_disorder(cells, random.Random(seed)) for seed in range(20)}
    assert {(0, 0, 0), (1, 0, 0), (0, 1, 1)} <= found
