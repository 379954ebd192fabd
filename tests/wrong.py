"""Wrong input to public functions: what the tables of it are made of, and the tests of a table.

A table is a dictionary. Its keys are names of functions, each with a remark behind a colon where
one function has several rows; its values are a good call, and what its arguments must not be:

    "Batches.order": ({"self": BATCHES, "epoch": 0}, {"epoch": [True]})

The key of an argument may name, behind a colon, the words that the error must hold instead.
Besides, each argument is given what its annotation does not allow, numbers beyond every range,
and tensors of another number of axes.
"""

import inspect
import math
import re
import traceback
import types
import typing
from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_public_api import PUBLIC

import course_utils as cu

PACKAGE = Path(cu.__file__).parent
# Results and records, which nobody but the package makes: their own functions are called.
RECORDS = {"Waves", "Pictures", "Memorisation", "SequenceScore", "FeatureNet"}
ACCEPTED = (
    r"\b(must|takes?|needs?|needed|accepted|requires|give|fix|known|choose|one of|has hints)\b"
)
KINDS = [  # a value, and how others of its kind are drawn
    (None, st.none()), (2, st.integers(-3, 3)), (0.5, st.floats()), ("a", st.text(max_size=3)),
    (b"a", st.binary(max_size=3)), ([1], st.lists(st.integers(0, 3), max_size=3)),
    ({"a": 1}, st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)),
    (Path("a"), st.just(Path("a"))), (len, st.sampled_from([len, dict])), (2j, st.just(2j)),
    (torch.ones(2), st.sampled_from([torch.ones(2), torch.ones(2, 3, 4)])),
    (np.ones(2), st.sampled_from([np.ones(2), np.ones((2, 3)), np.array("a")])),
]  # fmt: skip


class Fresh:
    """A value that is made anew for each call."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def functions() -> dict[str, Callable]:
    """Each public function by its name: those of `PUBLIC`, of `cu` itself, of classes of data."""
    found = {name.removeprefix("course_utils."): value for name, value in PUBLIC.items()}
    for name in cu.__all__:
        value = getattr(cu, name)
        if callable(value) and value not in found.values():
            found[name] = value
    for module in (cu.data, cu.metrics, cu.data.glyphs):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and value not in found.values():
                made = {} if name in RECORDS else {name: value}
                found |= made | {
                    f"{name}.{method}": function
                    for method, function in vars(value).items()
                    if inspect.isfunction(function) and method[0] != "_"
                }
    glyphs = {name: getattr(cu.data.glyphs, name) for name in cu.data.glyphs.__all__}
    return found | {f"glyphs.{n}": f for n, f in glyphs.items() if inspect.isroutine(f)}


FUNCTIONS = functions()


def of(case: str) -> str:
    """The function that a row of a table is about: what stands before the colon."""
    return case.partition(":")[0]


def room(function: Callable) -> str:
    """The part of the package that a function is in; glyphs are a part of their own."""
    parts = function.__module__.split(".")
    return "glyphs" if "glyphs" in parts else parts[1]


ROOMS = {room(function) for function in FUNCTIONS.values()}


def called(function: Callable, given: dict[str, Any]) -> Any:
    """What a function makes of arguments by name; a plot is drawn, an iterator gone through."""
    signature = inspect.signature(function)
    named = {name: value for name, value in given.items() if name in signature.parameters}
    rest = {name: value for name, value in given.items() if name not in named}
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named[name] = rest
    bound = inspect.BoundArguments(signature, named)
    result = function(*bound.args, **bound.kwargs)
    if isinstance(result, cu.plots.Plot):
        result.png()
    elif isinstance(result, Iterator):
        return list(result)
    elif hasattr(result, "__enter__"):
        with result:
            pass
    return result


def made(given: dict[str, Any]) -> dict[str, Any]:
    return {k: v.make() if isinstance(v, Fresh) else v for k, v in given.items()}


def nan(values: torch.Tensor) -> torch.Tensor:
    """The same values, the first of them not a number."""
    spoilt = values.clone()
    spoilt.view(-1)[0] = torch.nan
    return spoilt


def members(hint: Any) -> tuple:
    """What an annotation allows: the members of a union, or itself."""
    if isinstance(hint, typing.TypeVar):
        return hint.__constraints__
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def allowed(value: Any, hint: Any) -> bool:
    """Whether an annotation allows a value, as far as its outermost kind goes."""
    kinds = {typing.get_origin(kind) or kind for kind in members(hint)}
    if kinds & {Sequence, tuple}:  # of numbers or strings; arrays will do for them
        kinds |= {Sized}
    if float in kinds:
        kinds |= {int}
    return isinstance(value, tuple(kinds))


def others(hint: Any) -> list:
    """How the kinds are drawn that an annotation does not allow."""
    return [drawn for value, drawn in KINDS if not allowed(value, hint)]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of few samples
class Refusals:
    """The tests of one table: a class `Test…` of a test file inherits them, and says `CASES`."""

    CASES: typing.ClassVar[dict] = {}
    ROOMS: typing.ClassVar[set] = set()  # every public function of these parts has a row
    EVERYTHING: typing.ClassVar[set] = set()  # functions that take every value there is
    # Exceptions, "function: argument", each with its reason:
    FREE: typing.ClassVar[dict] = {}  # may be anything
    SIGNED: typing.ClassVar[dict] = {}  # may be below 0
    UNBOUNDED: typing.ClassVar[dict] = {}  # may be infinite or not a number
    ANY_AXES: typing.ClassVar[dict] = {}  # may have any number of axes

    def pytest_generate_tests(self, metafunc):
        numbers = self.having(int, float) - set(self.UNBOUNDED)
        tensors = self.having(torch.Tensor) - set(self.ANY_AXES)
        for name, values in {
            "case": self.CASES, "argument": self.arguments(),
            "number": sorted(numbers), "tensor": sorted(tensors),
        }.items():  # fmt: skip
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    @pytest.fixture(autouse=True)
    def small_and_apart(self, monkeypatch, root):
        monkeypatch.setenv("COURSE_PROFILE", "smoke")
        monkeypatch.chdir(root)  # or a file in the working directory would not be seen

    def arguments(self):
        """The annotated arguments of the functions of the table: name -> (row, argument, hint)."""
        found = {}
        for case in {of(case): case for case in reversed(self.CASES)}.values():
            function = FUNCTIONS[of(case)]
            if hasattr(function, "__post_init__"):
                continue  # fields, of which the table tells
            own = function.__init__ if inspect.isclass(function) else function
            hints = typing.get_type_hints(own)
            for name, parameter in inspect.signature(function).parameters.items():
                several = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
                told = hints.get(name, Any) is not Any
                if told and not several and f"{of(case)}: {name}" not in self.FREE:
                    found[f"{of(case)}: {name}"] = (case, name, hints[name])
        return found

    def having(self, *kinds):
        """The arguments that may be of one of these kinds."""
        found = self.arguments().items()
        return {name for name, (*_, hint) in found if {*kinds} & {*members(hint)}}

    def complaint(self, case, home, words, **wrong):
        """What is wrong with the answer to wrong input, in a list, if anything is."""
        function, arguments = FUNCTIONS[of(case)], made(self.CASES[case][0] | wrong)
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

    def refuses(self, argument, values, root):
        """An argument is refused in good words, whatever a strategy draws."""
        case, name, _ = self.arguments()[argument]

        @settings(max_examples=20, deadline=None, derandomize=True, database=None)
        @given(values)
        def refused(value):
            assert self.complaint(case, root.parent, name, **{name: value}) == []

        refused()

    def test_the_good_call_is_answered(self, case):
        called(FUNCTIONS[of(case)], made(self.CASES[case][0]))

    def test_wrong_input_is_named(self, case, root):
        faults = []
        for argument, values in self.CASES[case][1].items():
            name, _, words = argument.partition(": ")
            for value in values:
                faults += self.complaint(case, root.parent, words or name, **{name: value})
        assert faults == []

    def test_what_the_annotation_does_not_allow(self, argument, root):
        self.refuses(argument, st.one_of(others(self.arguments()[argument][2])), root)

    def test_numbers_out_of_every_range(self, number, root):
        beyond = st.sampled_from([math.nan, math.inf, -math.inf])
        if int in members(self.arguments()[number][2]):
            beyond = st.integers(max_value=-1)
        elif number not in self.SIGNED:
            beyond |= st.floats(max_value=-1e-3)
        self.refuses(number, beyond, root)

    def test_another_number_of_axes(self, tensor, root):
        case, name, _ = self.arguments()[tensor]
        good = made(self.CASES[case][0])[name]
        shapes = st.lists(st.integers(0, 3), max_size=5).filter(lambda axes: len(axes) != good.ndim)
        self.refuses(tensor, shapes.map(lambda shape: torch.ones(shape, dtype=good.dtype)), root)

    def test_no_public_function_is_left_out(self, figure):
        mine = {name: one for name, one in FUNCTIONS.items() if room(one) in self.ROOMS}
        taking = {n for n, one in mine.items() if {*inspect.signature(one).parameters} - {"self"}}
        assert {of(case) for case in self.CASES} == taking - self.EVERYTHING
        assert set(self.ANY_AXES) <= self.having(torch.Tensor)
        ways = dict.fromkeys(taking - self.EVERYTHING, 0)
        for case, (_, wrong) in self.CASES.items():
            ways[of(case)] += sum(map(len, wrong.values()))
        for argument, (*_, hint) in self.arguments().items():
            ways[of(argument)] += len(others(hint))
        assert [name for name, count in ways.items() if count < 3] == []
        figure(
            f"functions called with wrong input: {', '.join(sorted(self.ROOMS))}",
            "all, each in 3 ways", f"all {len(ways)}, in {sum(ways.values())} ways",
        )  # fmt: skip
