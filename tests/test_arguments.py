"""What the room of arguments lets pass, and how it words a refusal."""

import re

import numpy as np
import pytest
import torch

from course_utils import arguments


@pytest.mark.parametrize(
    ("given", "wanted", "least"),
    [
        ((5, 3), "(N, D), one row per sample", {}),
        ((5, 3), "(N, 3)", {"N": 5}),
        ((2, 3, 7, 9), "(N, H, W), (N, 1, H, W) or (N, 3, H, W)", {"H": 7, "W": 7}),
        ((2, 7, 9), "(N, H, W), (N, 1, H, W) or (N, 3, H, W)", {"H": 7}),
        ((), "()", {}),
        ((4,), "(N, …)", {"N": 4}),
        ((4, 0, 2), "(N, …)", {}),
        ((0,), "(N,)", {"N": 0}),
    ],
)
def test_a_shape_that_fits_is_returned(given, wanted, least):
    values = torch.zeros(given)
    assert arguments.shape("x", values, wanted, **least) is values


@pytest.mark.parametrize(
    ("given", "wanted", "least", "said"),
    [
        ((5,), "(N, D)", {}, "x must be of shape (N, D), not (5,)."),
        ((0, 3), "(N, D)", {}, "x must be of shape (N, D), not (0, 3)."),
        ((5, 2), "(N, 3), as y is", {}, "x must be of shape (N, 3), as y is, not (5, 2)."),
        ((2, 2, 7, 9), "(N, 1, H, W) or (N, 3, H, W)", {},
         "x must be of shape (N, 1, H, W) or (N, 3, H, W), not (2, 2, 7, 9)."),
        ((4, 1, 2), "(N, T, F)", {"N": 5, "T": 2},
         "x must be of shape (N, T, F), with N at least 5 and T at least 2, not (4, 1, 2)."),
        ((), "(N, …)", {}, "x must be of shape (N, …), not ()."),
        ((1, 2), "(N, …)", {"N": 2}, "x must be of shape (N, …), with N at least 2, not (1, 2)."),
    ],
)  # fmt: skip
def test_another_shape_is_named(given, wanted, least, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        arguments.shape("x", np.zeros(given), wanted, **least)


def test_within_takes_its_ends_and_a_slack_and_no_nan():
    values = torch.tensor([0.0, 1.0])
    assert arguments.within("x", values, 0, 1) is values
    assert arguments.within("x", values - 0.01, 0, 1, slack=0.02) is not None
    with pytest.raises(ValueError, match="x must be between 0 and 1, of y, not between 0 and 2"):
        arguments.within("x", 2 * values, 0, 1, note=", of y")
    with pytest.raises(ValueError, match="x must be between 0 and 1, not NaN"):
        arguments.within("x", values / 0, 0, 1)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), torch.tensor(2), np.array(2)])
def test_a_number_is_whatever_holds_one(value):
    assert arguments.number("x", value) == float(value)


@pytest.mark.parametrize("value", [None, "2", True, [2], (2,), torch.ones(2), np.ones(2), 2j])
def test_no_number_is_named(value):
    with pytest.raises(TypeError, match="x must be one number, not "):
        arguments.number("x", value)


NUMPY = {
    "whole": (np.int8, np.int64, np.uint8, np.uint64, np.intp),
    "real": (np.float16, np.float32, np.float64, np.int32),
}
WHOLE = {
    "whole": lambda value: arguments.whole("x", value, 1, 9),
    "amount": lambda value: arguments.amount("x", value),
}
REAL = {
    "real": lambda value: arguments.real("x", value, 0, 9),
    "between": lambda value: arguments.between("x", value, 0, 9),
    "number": lambda value: arguments.number("x", value),
}


@pytest.mark.parametrize("kind", NUMPY["whole"])
@pytest.mark.parametrize("checked", WHOLE.values(), ids=WHOLE)
@pytest.mark.report("L")
def test_whole_numbers_of_numpy_are_taken_and_become_plain(kind, checked):
    assert type(checked(kind(5))) is int and checked(kind(5)) == 5
    with pytest.raises(ValueError, match=r"x must be a whole number .* not np\..*0\)\.$"):
        checked(kind(0))
    for wrong in (np.float32(5), np.bool_(True), True, np.array([5]), 5.0):
        with pytest.raises(ValueError, match="x must be a whole number"):
            checked(wrong)


@pytest.mark.parametrize("kind", NUMPY["real"])
@pytest.mark.parametrize("checked", REAL.values(), ids=REAL)
@pytest.mark.report("L")
def test_numbers_of_numpy_are_taken_and_become_plain(kind, checked):
    assert type(checked(kind(5))) in (int, float) and checked(kind(5)) == 5
    for wrong in (np.float32("nan"), np.float16("inf")):
        with pytest.raises(ValueError, match="x must be a "):
            checked(wrong)


@pytest.mark.parametrize("value", [True, False, np.True_, np.float32(2) > 3])
def test_a_flag_becomes_plain(value):
    assert arguments.flag("x", value) is bool(value)


@pytest.mark.parametrize("value", ["no", "", 0, 1, None, [], torch.tensor(True), np.ones(1) > 0])
def test_what_is_true_or_false_only_by_way_of_python_is_no_flag(value):
    with pytest.raises(TypeError, match="x must be True or False, not "):
        arguments.flag("x", value)


def test_numbers_between_two_others():
    assert arguments.between("x", 0.5, 0, 1) == 0.5
    for wrong in (0, 1, "a", float("nan")):
        with pytest.raises(ValueError, match="x must be a number above 0 and below 1, not"):
            arguments.between("x", wrong, 0, 1)
    with pytest.raises(ValueError, match=r"x must be a number above 0, not 0\."):
        arguments.between("x", 0, 0)


def test_a_block_whose_failure_is_the_arguments_fault():
    with arguments.refused("x must be a key", KeyError):
        pass
    with pytest.raises(ValueError, match=r"^x must be a key \(KeyError: 'a'\)\.$"):
        with arguments.refused("x must be a key", KeyError):
            {}["a"]
    with pytest.raises(ZeroDivisionError):
        with arguments.refused("x must be a key", KeyError):
            raise ZeroDivisionError


def test_samples_are_doubles_without_a_graph():
    given = torch.ones(2, 3, requires_grad=True)
    found = arguments.samples("x", given, "(N, D)")
    assert found.dtype == torch.float64 and not found.requires_grad
    assert torch.equal(found, arguments.samples("x", np.ones((2, 3), np.int8), "(N, D)"))
    low = torch.tensor([[0.0, -torch.inf]])
    assert arguments.samples("x", low, "(N, D)", allowed=-np.inf).isinf().sum() == 1
    with pytest.raises(ValueError, match=r"x must hold finite numbers; .* in 1 of 1 rows"):
        arguments.samples("x", low, "(N, D)")


def test_the_list_of_names_is_complete():
    files = "arrays", "figures", "history", "places", "profiles", "training", "values"
    found = {
        name
        for file in files
        for name, value in vars(getattr(arguments, file)).items()
        if getattr(value, "__module__", "").endswith(f"arguments.{file}") and name[0] != "_"
    }
    assert found <= set(arguments.__all__)
