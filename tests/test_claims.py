"""A claim: its sentence, its bounds, when it is judged, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from wrong import Refusals

import course_utils as cu
from course_utils.claims import MIME, Claim


@pytest.fixture
def said(monkeypatch):
    """What a claim shows: its sentence on one line, and its data."""
    shown = []
    monkeypatch.setattr("course_utils.claims._show", shown.append)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")

    def said(*args, **options):
        cu.claim(*args, **options)
        bundle = shown.pop()._repr_mimebundle_()
        json.dumps(bundle, allow_nan=False)  # NaN is no JSON
        return " ".join(bundle["text/plain"].split()), bundle[MIME]

    return said


def test_a_claim_says_whether_this_run_reproduces_it(said):
    told, data = said("Accuracy", 0.9931, at_least=0.99, form=".2%")
    assert told == "Accuracy: 99.31%. The course claims 99.00% or more; this run reproduces it."
    assert data == {
        "text": "Accuracy", "value": 0.9931, "at_least": 0.99, "at_most": None, "form": ".2%",
        "reproduced": True,
    }  # fmt: skip
    told, data = said("Error", 0.3, at_most=0.25)
    assert told.endswith("claims 0.25 or less; this run does not reproduce it.")
    assert data["reproduced"] is False


@pytest.mark.parametrize("value, holds", [(1.6, True), (1.59, False), (1.7, True), (1.71, False)])
def test_both_bounds_belong_to_what_is_claimed(said, value, holds):
    told, data = said("Nats", value, at_least=1.6, at_most=1.7)
    assert "claims 1.6 to 1.7; " in told and data["reproduced"] is holds


@pytest.mark.parametrize("value", [1, np.float32(1), np.int64(1), torch.tensor([1.0]), np.ones(1)])
def test_one_number_of_any_kind_is_a_value(said, value):
    assert said("x", value, at_least=1)[1]["value"] == 1.0


def test_a_run_that_ends_in_nan_is_not_reproduced_and_is_no_error(said):
    told, data = said("Loss", float("nan"), at_most=1)
    assert told.startswith("Loss: nan.") and data["value"] is None
    assert data["reproduced"] is False


def test_a_bound_for_each_profile(said, monkeypatch):
    bound = {"cpu": -96, "gpu": -90}
    assert said("ELBO", -95, at_least=bound)[1]["at_least"] == -96
    monkeypatch.setattr("course_utils.runtime.profile", lambda: "gpu")
    assert said("ELBO", -95, at_least=bound)[1]["reproduced"] is False
    assert said("ELBO", -95, at_least={"cpu": -96}) == (
        "ELBO: -95.", said("ELBO", -95, at_least=-96, when=False)[1] | {"at_least": None}
    )  # fmt: skip


def test_on_other_data_and_under_smoke_the_value_stands_alone(said, monkeypatch):
    told, data = said("Accuracy", 0.5, at_least=0.99, when=False)
    assert told == "Accuracy: 0.5." and data["reproduced"] is None
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert said("Accuracy", 0.5, at_least=0.99)[0] == "Accuracy: 0.5."


@pytest.mark.parametrize(
    "args, options, message",
    [
        ((1, 0.5), {"at_least": 1}, "text must be a string, not 1"),
        (("x", "0.5"), {"at_least": 1}, "value must be one number, not '0.5'"),
        (("x", torch.ones(2)), {"at_least": 1}, "value must be one number, not tensor"),
        (("x", None), {"at_least": 1}, "value must be one number, not None"),
        (("x", 1), {"at_least": 2, "at_most": 1}, "at_least must not be above at_most, but is 2.0"),
        (("x", 1), {}, "A claim needs a bound: at_least=, at_most= or both"),
        (("x", 1), {"at_most": "1"}, "at_most must be one number, not '1'"),
        (("x", 1), {"at_most": {"cpu": "1"}}, "at_most must be one number, not '1'"),
        (("x", 1), {"at_least": 1, "form": ".2z"}, "form must be a format such as '.2%', not"),
        (("x", 1), {"at_least": 1, "when": "no"}, "when must be True or False, not 'no'"),
        (("x", 1), {"at_least": 1, "form": 2}, "form must be a format such as '.2%', not 2"),
    ],
)
def test_what_is_not_a_claim_is_refused(said, args, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        said(*args, **options)


def test_a_script_prints_it():
    code = "import course_utils as cu; cu.claim('Accuracy', 0.5, at_least=0.4)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("Accuracy: 0.5.") and ran.stderr == ""


def test_the_words_of_the_bounds():
    assert Claim("x", 1, 0.99, None, ".1%", True).bounds() == "99.0% or more"
    assert Claim("x", 1, None, 0.2, "g", True).bounds() == "0.2 or less"
    assert Claim("x", 1, None, None, "g", False).bounds() == "—"  # no bound for this profile


class TestWrongInput(Refusals):
    ROOMS = {"claims"}
    UNBOUNDED = {f"claim: {name}": "any number is a bound" for name in ("at_least", "at_most")}
    CASES = {
        "claim": (
            {"text": "Accuracy", "value": 0.5, "at_least": 0.4},
            {
                "value": [None, "x", True, torch.ones(2)], "at_least": [None, "x", torch.ones(2)],
                "at_most": ["x", torch.ones(2)], "form": ["zz", "d"], "when": ["no", 1, None],
            },
        ),
    }  # fmt: skip
