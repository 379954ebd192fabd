"""The machinery of the exercise checks, on a lesson made up for it."""

import functools
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from wrong import Refusals

import course_utils as cu
from course_utils import checks

NAME = "course_utils.checks.lesson_99"


LESSON = """
import torch
from course_utils.checks.exercise import Exercise

EXERCISES = {
    "99.1": Exercise(
        lambda x: 2 * x, "one number", 5, "easy", cases=[(3,), (5,)], praise="It doubles.",
        hints=("Think.", "Add it to itself."),
        mistakes={"this squares. What is 3 + 3?": lambda x: x * x,
                  "{given} gives {got} instead of {want}: 1 is missing.": lambda x: 2 * x - 1},
    ),
    "99.2": Exercise(
        lambda x: torch.relu(x), "a tensor", 5, "easy", cases=[(torch.ones(2),)], praise="Yes.",
        hints=("Think.",),
    ),
    "99.3": Exercise(
        torch.tensor([[0.0, 1.0], [2.0, 3.0]]), "a table of 2 × 2", 5, "easy", praise="Yes.",
        hints=("Think.",),
    ),
    "99.4": Exercise(
        lambda x: (x.amax(), x.argmax()), "two values", 5, "easy", praise="Yes.", hints=("Think.",),
        cases=[(torch.tensor([1.0, 3.0, 2.0]),)],
    ),
    "99.5": Exercise(
        lambda x: [x.add_(1)] and None, "nothing", 5, "easy", praise="Yes.", hints=("Think.",),
        cases=[(torch.tensor(1.0),), (torch.ones(2),)],
        extra=lambda result, before, after: {"x": after[0]},
    ),
    "99.6": Exercise(
        lambda x: x - x.max(), "a tensor", 5, "easy", cases=[(torch.ones(1),), (torch.ones(2),)],
        praise="Yes.", hints=("Think.",), mistakes={"not the maximum.": lambda x: x},
    ),
    "99.7": Exercise(
        lambda x: abs(x), "a number", 5, "easy", cases=[(4.0,), (0.0,), (-4.0,)], praise="Yes.",
        hints=("Think.",), mistakes={
            "a number everywhere is asked for.": lambda x: x * torch.nan,
            "0 / 0 is not a number.": lambda x: x * x / torch.tensor(x).abs(),
            "0 / 0 stops.": lambda x: x * x / abs(x),
        },
    ),
    "99.8": Exercise(
        lambda x: (x, 1.0), "two factors", 5, "easy", cases=[(6.0,)], praise="Yes.",
        hints=("Think.",), free=True, mistakes={"that is their sum.": lambda x: (x - 2, 2.0)},
        extra=lambda result, before, after: {"their product": result[0] * result[-1]},
    ),
    "99.0": Exercise(
        lambda x: x > 0, "booleans", 5, "easy", cases=[(torch.ones(1),)], praise="Yes.",
        hints=("Think.",),
    ),
}
"""


@pytest.fixture(autouse=True)
def lesson(monkeypatch):
    """A module as lessons have them."""
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(NAME, None))
    path = Path(checks.__file__).with_name("lesson_99.py")
    exec(compile(LESSON, path, "exec"), vars(module))
    monkeypatch.setitem(sys.modules, NAME, module)


def verdict(capsys, answer, exercise="99.1"):
    """What `check` prints, unwrapped."""
    cu.check(exercise, answer)
    return " ".join(capsys.readouterr().out.split())


RIGHT = {
    "99.1": [lambda x: 2 * x, lambda x: 2 * np.int64(x), lambda x: torch.tensor([2 * x]),
             lambda x: np.full((1, 1), 2 * x)],
    "99.2": [lambda x: x.double().relu(), lambda x: x.numpy(), lambda x: x.half(),
             lambda x: x.requires_grad_() * 1],
    "99.3": [[[0, 1], [2, 3]], np.arange(4).reshape(2, 2), torch.arange(4.0).view(2, 2)],
    "99.4": [lambda x: x.max(0), lambda x: [3.0, 1], lambda x: (np.float32(3), np.int64(1))],
    "99.5": [lambda x: x.add_(1), lambda x: [x.fill_(2)][1:] or None],
    "99.8": [lambda x: [2.0, x / 2], lambda x: np.array([-x, -1])],
}  # fmt: skip


@pytest.mark.parametrize("number, answer", [(n, a) for n, all_ in RIGHT.items() for a in all_])
def test_a_right_answer_passes_whatever_its_type(capsys, number, answer):
    assert verdict(capsys, answer, number).startswith(f"{number} passed. ")


WRONG = [
    ("99.1", lambda x: x * x, "this squares. What is 3 + 3?"),
    ("99.1", lambda x: 2 * x - 1, "x = 3 gives 5 instead of 6: 1 is missing."),
    ("99.1", lambda x: x + 1, "it is 4 instead of 6 for x = 3."),
    ("99.1", lambda x: 2.0 * x, "the value is right; make it a whole number (an int) for x = 3."),
    ("99.1", lambda x: True, "it holds bool values, where numbers should be for x = 3. "
                            "Asked for: one number."),
    ("99.1", lambda x: "6", "it is a str for x = 3. Asked for: one number."),
    ("99.1", lambda x: (6, 6), "it is a tuple of 2 for x = 3. Asked for: one number."),
    ("99.2", lambda x: x[:1], "it is a tensor of shape (1,), not of shape (2,) for x = [1., 1.]. "
                              "Asked for: a tensor."),
    ("99.2", lambda x: x * 1.001, "at [0] it is 1.001 instead of 1 for x = [1., 1.]."),
    ("99.2", lambda x: x * 1.00011, "at [0] it is 1.00011 instead of 1 for x = [1., 1.]."),
    ("99.2", lambda x: x * 1j, "it holds complex numbers; take their real part for x = [1., 1.]. "
                              "Asked for: a tensor."),
    ("99.3", [[0, 1], [2]], "it is a list of 2. Asked for: a table of 2 × 2."),
    ("99.3", [[0, 1], [3, 2]], "at [1, 0] it is 3, which is not right."),
    ("99.4", lambda x: x.amax(), "it is one number (3.0), not 2 values for x = [1., 3., 2.]. "
                                 "Asked for: two values."),
    ("99.4", lambda x: (3.0, 1.0), "in value 2 of 2, the value is right; make it a whole number "
                                   "(an int) for x = [1., 3., 2.]."),
    ("99.4", lambda x: (1, 3.0), "in value 1 of 2, it is 1 instead of 3 for x = [1., 3., 2.]."),
    ("99.5", lambda x: x + 1, "x is 1 instead of 2 for x = 1.0."),
    ("99.5", lambda x: x.ndim or x.add_(1), "x at [0] is 1 instead of 2 for x = [1., 1.]."),
    ("99.8", lambda x: (x, 2), "their product is 12 instead of 6 for x = 6.0."),
    ("99.8", lambda x: (4, 2), "that is their sum."),
    ("99.8", lambda x: (x, 1, 1), "it is a tuple of 3, not 2 values for x = 6.0. "
                                  "Asked for: two factors."),
    ("99.0", lambda x: x < 0, "at [0] it is False instead of True for x = [1.]."),
    ("99.6", lambda x: x if len(x) < 2 else x / 0, "not the maximum."),  # and an overflow besides
    ("99.7", lambda x: abs(x) + 0 / torch.tensor(x), "0 / 0 is not a number."),  # nan by other ways
    ("99.7", lambda x: abs(x) + x % x, "0 / 0 stops."),  # with other words
    ("99.7", lambda x: abs(x) if x < 0 else torch.nan, "it is nan instead of 4 for x = 4.0."),
]  # fmt: skip


@pytest.mark.parametrize("number, answer, told", WRONG)
def test_a_wrong_answer_is_told_by_its_mistake_or_by_its_first_difference(
    capsys, number, answer, told
):
    assert verdict(capsys, answer, number) == f"{number} is not right yet: {told}"


def test_an_answer_that_draws_numbers_of_its_own_is_told_so(capsys):
    told = verdict(capsys, lambda x: x + torch.rand(2), "99.2")
    assert told == (
        "99.2 is not right yet: two calls with the same arguments give different results. "
        "Use what is given, alone."
    )


def test_an_answer_may_change_what_it_was_given(capsys):
    def in_place(x):
        result = x.relu()
        x.zero_()
        return result

    for _ in range(2):
        assert verdict(capsys, in_place, "99.2") == "99.2 passed. Yes."


def stub(x): ...  # fmt: skip


def stub_with_docstring(x: int, times: int = 2, *more: int, name: str = "a") -> int:
    """Double x."""
    # YOUR CODE HERE: replace the dots.
    ...


def stub_that_returns_dots(x):
    return ...


def stub_that_passes(x):
    pass


@torch.no_grad()
def decorated_stub(x):
    """Double x."""
    ...


def closure():
    weight = torch.ones(1)

    def stub(x):
        """Double the weight."""
        ...

    assert weight is not None
    return stub


STUBS = [..., stub, stub_with_docstring, stub_that_returns_dots, stub_that_passes,
         decorated_stub, closure(), lambda x: ...]  # fmt: skip


@pytest.mark.parametrize("answer", STUBS)
def test_a_stub_is_not_attempted_yet(capsys, answer):
    assert verdict(capsys, answer) == "99.1 has not been attempted yet."


def forgets_to_return(x):
    doubled = x + x  # noqa: F841


def returns_none_after_a_look(x):
    if x > 100:
        return x
    return None


@pytest.mark.parametrize("answer", [forgets_to_return, returns_none_after_a_look])
def test_a_function_that_returns_none_by_mistake_was_attempted(capsys, answer):
    assert verdict(capsys, answer) == (
        "99.1 is not right yet: it is None for x = 3. Asked for: one number."
    )


@pytest.mark.parametrize("answer", [None, 6, torch.ones(2)], ids=["None", "6", "tensor"])
def test_what_is_no_function_was_attempted(capsys, answer):
    assert verdict(capsys, answer).startswith("99.1 is not right yet: a function is asked for, not")


def stops(x):
    halved = x / 0
    return halved


def test_an_exception_is_told_with_the_learners_line(capsys):
    told = verdict(capsys, stops)
    assert told.startswith(
        "99.1 is not right yet: your code stopped with ZeroDivisionError: division by"
    )
    assert told.endswith('at the line "halved = x / 0" for x = 3.')


def test_a_line_of_somebody_elses_code_is_not_told_as_the_learners(capsys):
    told = verdict(capsys, functools.partial(F.softmax, dtype="none", dim=0), "99.2")
    assert "TypeError" in told and "at the line" not in told
    told = verdict(capsys, lambda x: F.relu("no tensor"), "99.2")
    assert 'at the line "told = verdict(capsys, lambda x: F.relu' in told


@pytest.mark.parametrize("wrong", ["77.1", "12", "twelve", "99.10", 99.1, None])
def test_an_unknown_exercise_is_named(wrong):
    with pytest.raises(ValueError, match=r"exercise must be a number such as '12\.1', not"):
        cu.check(wrong, ...)
    with pytest.raises(ValueError, match="exercise must be a number such as"):
        cu.hint(wrong)


def test_another_number_is_answered_with_those_of_the_lesson():
    with pytest.raises(ValueError, match=r"one of 99\.1, 99\.2, .*, not '99\.9'"):
        cu.check("99.9", ...)


def test_hints_in_tiers(capsys):
    cu.hint("99.1")
    cu.hint("99.1", 2)
    assert capsys.readouterr().out.splitlines() == [
        "99.1, hint 1 of 2: Think.",
        "99.1, hint 2 of 2: Add it to itself.",
    ]
    for number in (0, 3, "1"):
        with pytest.raises(ValueError, match=r"99\.1 has hints 1 to 2, not"):
            cu.hint("99.1", number)


class TestWrongInput(Refusals):
    ROOMS = {"checks"}
    CASES = {
        "check": ({"exercise": "12.1", "answer": 3}, {"exercise": ["12", "12.9", "98.1"]}),
        "hint": (
            {"exercise": "12.1", "number": 1},
            {"exercise": ["12", "12.9", "98.1"], "number": [0, 99]},
        ),
    }
