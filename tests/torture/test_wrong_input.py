"""Every public function, called with wrong input, answers in one sentence that names the argument.

The tables hold a good call of each function, and what its arguments must not be. Besides, each
argument is given what its annotation does not allow, numbers beyond every range, and tensors of
another number of axes.
"""

import inspect
import math
import re
import traceback
import types
import typing
from collections.abc import Sequence, Sized
from pathlib import Path

import numpy as np
import pytest
import torch
import wrong_data
import wrong_glyphs
import wrong_metrics
import wrong_plots
import wrong_training
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong import called, functions, made

import course_utils as cu

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of few samples
PACKAGE = Path(cu.__file__).parent
FUNCTIONS = functions()
TABLES = (wrong_training, wrong_data, wrong_glyphs, wrong_metrics, wrong_plots)
CASES = {case: row for table in TABLES for case, row in table.CASES.items()}
ACCEPTED = r"\b(must|takes?|needs?|needed|accepted|requires|give|mend|known|one of|has hints)\b"
EVERYTHING = {"checkpoint.digest"}  # takes every value there is


@pytest.fixture(autouse=True)
def small_and_apart(monkeypatch, root):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.chdir(root)  # or a file in the working directory would not be seen


@pytest.fixture(params=CASES)
def case(request):
    return request.param


def of(case):
    """The function that a row of the tables is about: what stands before the colon."""
    return case.partition(":")[0]


def complaint(case, home, words, **wrong):
    """What is wrong with the answer to wrong input, in a list, if anything is."""
    function, arguments = FUNCTIONS[of(case)], made(CASES[case][0] | wrong)
    before = sorted(home.rglob("*"))
    try:
        answer = called(function, arguments)
    except Exception as error:
        message, last = str(error), traceback.extract_tb(error.__traceback__)[-1]
        found = {
            "not the right kind": type(error) not in (ValueError, TypeError),
            "not from the package": PACKAGE not in Path(last.filename).parents,
            "no sentence": "\n" in message or not message.endswith("."),
            f"does not name {words}": not re.search(rf"\b({words})\b", message),
            "does not say what is accepted": not re.search(ACCEPTED, message, re.I),
            "leaves a file": sorted(home.rglob("*")) != before,
        }
        faults = [fault for fault, is_so in found.items() if is_so]
        answer = f"{type(error).__name__}: {message}"
    else:
        faults = ["is not refused"]
    given = {name: arguments[name] for name in wrong}
    return [f"{case}({given}): {', '.join(faults)}; {answer!r}"] if faults else []


def test_the_good_call_is_answered(case):
    called(FUNCTIONS[of(case)], made(CASES[case][0]))


def test_wrong_input_is_named(case, root):
    faults = []
    for argument, values in CASES[case][1].items():
        name, _, words = argument.partition(": ")
        for value in values:
            faults += complaint(case, root.parent, words or name, **{name: value})
    assert faults == []


# ---- families of wrong input, by what the annotations allow ------------------------------------

KINDS = [  # a value, and how others of its kind are drawn
    (None, st.none()), (2, st.integers(-3, 3)), (0.5, st.floats()), ("a", st.text(max_size=3)),
    (b"a", st.binary(max_size=3)), ([1], st.lists(st.integers(0, 3), max_size=3)),
    ({"a": 1}, st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)),
    (Path("a"), st.just(Path("a"))), (len, st.sampled_from([len, dict])), (2j, st.just(2j)),
    (torch.ones(2), st.sampled_from([torch.ones(2), torch.ones(2, 3, 4)])),
    (np.ones(2), st.sampled_from([np.ones(2), np.ones((2, 3)), np.array("a")])),
]  # fmt: skip
FREE = {
    "Trainer.update: clip": "no check in a step that does not clip",
    "metrics.nearest_distances: name": "only what an error calls the samples",
    "plots.array: name": "only what an error calls the values",
}
SIGNED = {
    f"{name}: {argument}" for name in ("glyphs.sample", "data.augment.warp")
    for argument in ("x", "y", "angle", "shear", "weight")
}  # fmt: skip
ANY_AXES = {
    "Batches: tensors": "any axes after that of the items",
    "SeriesData.inverse: samples": "any axes before that of the features",
    "Trainer.update: loss": "one number, in whatever shape",
    "metrics.modes: samples": "of one generator or of several",
    **{f"data.augment.warp: {name}": "a number" for name in ("angle", "scale", "shear")},
}


def arguments():
    """The annotated arguments of the functions in the tables: name -> (row, argument, hint)."""
    for case in {of(case): case for case in reversed(CASES)}.values():
        function = FUNCTIONS[of(case)]
        if hasattr(function, "__post_init__"):
            continue  # fields, of which the tables tell
        hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
        for name, parameter in inspect.signature(function).parameters.items():
            several = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            told = hints.get(name, typing.Any) not in (typing.Any, bool)  # all is true or false
            if told and not several and f"{of(case)}: {name}" not in FREE:
                yield f"{of(case)}: {name}", (case, name, hints[name])


ARGUMENTS = dict(arguments())


def members(hint):
    """What an annotation allows: the members of a union, or itself."""
    if isinstance(hint, typing.TypeVar):
        return hint.__constraints__
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def allowed(value, hint):
    """Whether an annotation allows a value, as far as its outermost kind goes."""
    kinds = {typing.get_origin(kind) or kind for kind in members(hint)}
    if kinds & {Sequence, tuple}:  # of numbers or strings; arrays will do for them
        kinds |= {Sized}
    if float in kinds:
        kinds |= {int}
    return isinstance(value, tuple(kinds))


def having(*kinds):
    """The arguments that may be of one of these kinds."""
    return {name for name, (*_, hint) in ARGUMENTS.items() if {*kinds} & {*members(hint)}}


@pytest.fixture
def refuses(root):
    """Whether an argument is refused in good words, whatever a strategy draws."""

    def check(argument, values):
        case, name, _ = ARGUMENTS[argument]

        @settings(max_examples=20, deadline=None, derandomize=True, database=None)
        @given(values)
        def refused(value):
            assert complaint(case, root.parent, name, **{name: value}) == []

        refused()

    return check


def others(hint):
    """How the kinds are drawn that an annotation does not allow."""
    return [drawn for value, drawn in KINDS if not allowed(value, hint)]


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_what_the_annotation_does_not_allow(argument, refuses):
    refuses(argument, st.one_of(others(ARGUMENTS[argument][2])))


@pytest.mark.parametrize("argument", sorted(having(int, float) - {"History.add: value"}))
def test_numbers_out_of_every_range(argument, refuses):
    beyond = st.sampled_from([math.nan, math.inf, -math.inf])
    if int in members(ARGUMENTS[argument][2]):
        beyond = st.integers(max_value=-1)
    elif argument not in SIGNED:
        beyond |= st.floats(max_value=-1e-3)
    refuses(argument, beyond)


@pytest.mark.parametrize("argument", sorted(having(torch.Tensor) - set(ANY_AXES)))
def test_another_number_of_axes(argument, refuses):
    case, name, _ = ARGUMENTS[argument]
    good = made(CASES[case][0])[name]
    shapes = st.lists(st.integers(0, 3), max_size=5).filter(lambda shape: len(shape) != good.ndim)
    refuses(argument, shapes.map(lambda shape: torch.ones(shape, dtype=good.dtype)))


def test_no_public_function_is_left_out(figure):
    taking = {n for n, f in FUNCTIONS.items() if {*inspect.signature(f).parameters} - {"self"}}
    assert {of(case) for case in CASES} == taking - EVERYTHING
    assert set(ANY_AXES) <= having(torch.Tensor)
    ways = dict.fromkeys(taking - EVERYTHING, 0)
    for case, (_, wrong) in CASES.items():
        ways[of(case)] += sum(map(len, wrong.values()))
    for argument, (*_, hint) in ARGUMENTS.items():
        ways[of(argument)] += len(others(hint))
    assert [name for name, count in ways.items() if count < 3] == []
    figure(
        "functions called with wrong input", "all, each in 3 ways",
        f"all {len(ways)}, in {sum(ways.values())} ways",
    )  # fmt: skip
