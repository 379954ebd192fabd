"""The curves of a run against means worked out by hand."""

import io
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from wrong import Fresh, Refusals

from course_utils import History, Kept
from course_utils.readings import detached, numbers


def history():
    """Five steps of loss 1…5 in epochs of two, the last one cut short."""
    made = History()
    for step in range(1, 6):
        made.add(step, "loss", float(step))
        if step % 2 == 0 or step == 5:
            made.close_epoch(step, {"test loss": step / 10} if step < 5 else {})
    return made


def test_an_epoch_is_the_mean_of_its_steps_and_what_was_evaluated():
    assert history().epochs == [
        {"epoch": 1, "step": 2, "loss": 1.5, "test loss": 0.2},
        {"epoch": 2, "step": 4, "loss": 3.5, "test loss": 0.4},
        {"epoch": 3, "step": 5, "loss": 5.0},
    ]
    assert history().last["epoch"] == 3


def test_curves_by_name_with_their_steps():
    made = history()
    assert made.names() == ["loss", "test loss"]
    assert made["loss"].tolist() == [1, 2, 3, 4, 5]
    assert made.steps("loss").tolist() == [1, 2, 3, 4, 5]
    assert made["test loss"].tolist() == [0.2, 0.4]
    assert made.steps("test loss").tolist() == [2, 4]


def test_a_metric_of_some_steps_only_is_averaged_over_those():
    made = History()
    made.add(1, "loss", 1.0)
    made.add(2, "loss", 3.0)
    made.add(2, "penalty", 7.0)
    assert made.close_epoch(2, {}) == {"epoch": 1, "step": 2, "loss": 2.0, "penalty": 7.0}
    made.add(3, "loss", 5.0)
    assert made.close_epoch(3, {}) == {"epoch": 2, "step": 3, "loss": 5.0}


NUMBERS = {  # and what each becomes
    "float16": (np.float16(0.5), 0.5),
    "float32": (np.float32(0.5), 0.5),
    "float64": (np.float64(0.5), 0.5),
    "array": (np.array(0.5), 0.5),
    "array of one": (np.array([0.5]), 0.5),
    "tensor": (torch.tensor([0.5]), 0.5),
    "int64": (np.int64(2), 2.0),
    "uint8": (np.uint8(2), 2.0),
    "bool": (np.bool_(True), 1.0),
    "fraction": (Fraction(1, 2), 0.5),
}


@pytest.mark.parametrize(("value", "plain"), NUMBERS.values(), ids=NUMBERS)
@pytest.mark.report("L")
def test_whatever_holds_one_number_is_a_metric_and_becomes_plain(value, plain):
    (row,) = numbers([detached({"m": value}, "step")])
    assert row == {"m": plain}
    assert type(row["m"]) is float
    if not isinstance(value, torch.Tensor | np.ndarray | np.bool_):
        made = History()
        made.add(np.int64(1), "m", value)
        made.close_epoch(np.int32(1), {"test m": value})
        state = made.state_dict()
        assert torch.load(saved(state), weights_only=True) == state
        assert made.last == {"epoch": 1, "step": 1, "m": plain, "test m": plain}


def saved(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (np.ones(2), ValueError, r"must be one number, not of shape \(2,\): take its mean"),
        (np.ones(0), ValueError, r"must be one number, not of shape \(0,\)"),
        (np.str_("a"), TypeError, "must be a number, not str"),
        (np.complex64(1j), TypeError, "must be a number, not complex"),
        (torch.tensor(1j), TypeError, "must be a number, not complex"),
        (np.array(None), TypeError, "must be a number, not NoneType"),
        ([0.5], TypeError, "must be a number, not list"),
    ],
)
def test_what_is_no_number_is_no_metric(value, error, said):
    with pytest.raises(error, match=f"metric 'm' {said}"):
        detached({"m": value})


def test_an_unknown_metric_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match=r"no metric 'accuracy'\. Choose from: loss, test loss"):
        history()["accuracy"]


def test_an_empty_history():
    assert History().last == {} and History().names() == []


def test_the_state_is_plain_and_complete():
    again = History()
    again.load_state_dict(history().state_dict())
    assert (again.values, again.epochs) == (history().values, history().epochs)


LOSS = torch.ones((), requires_grad=True)


def one_step():
    made = History()
    made.add(1, "loss", 2.0)
    return made


class TestWrongInput(Refusals):
    ROOMS = {"history"}
    UNBOUNDED = {"History.add: value": "the loop refuses a metric that is not finite"}
    CASES = {
        "History.steps": (
            {"self": Fresh(one_step), "name": "loss"}, {"name": ["accuracy", ""]},
        ),
        "History.add": (
            {"self": Fresh(one_step), "step": 2, "name": "loss", "value": 0.5},
            {"step": [0], "name": ["step", "epoch"], "value": [LOSS]},
        ),
        "History.close_epoch": (
            {"self": Fresh(one_step), "step": 1, "evaluated": {"test loss": 0.5}},
            {
                "step": [0], "evaluated": [{"a": "x"}, {3: 0.5}, {"a": LOSS}, {"a": math.nan},
                                           {"a": math.inf}, {"a": 1.0, "b": -math.inf}],
                "evaluated: name": [{"step": 1.0}, {"epoch": 1.0}, {"a": 1.0, "step": 2}],
            },
        ),
        "History.load_state_dict": (
            {"self": Fresh(one_step), "state": Fresh(lambda: one_step().state_dict())},
            {"state": [{}, {"values": {}, "epochs": 3, "seconds": 0.0}, {"values": {}}]},
        ),
        "Kept.load_state_dict": (
            {"self": Fresh(Kept), "state": {"kept": {3: LOSS}}}, {"state": [{}, {"kept": [1]}]},
        ),
    }  # fmt: skip
