"""Tables of results, as text and as HTML, and what is not one."""

import IPython
import IPython.display
import pytest
import torch
from wrong import Refusals

from course_utils.scoreboards import Table, scoreboard

ROWS = [{"model": "<CNN> & co", "accuracy": 0.98765}, {"model": "chance", "weights": 12345}]


def test_a_table_as_text_is_aligned():
    assert repr(Table(ROWS)).splitlines() == [
        "model       accuracy  weights",
        "<CNN> & co  0.9877",
        "chance                12,345",
    ]


def test_a_table_as_html_is_escaped():
    html = Table(ROWS)._repr_html_()
    left = ' style="text-align: left"'  # words, not numbers
    assert html.startswith(f'<table><thead><tr><th scope="col"{left}>model</th>')
    assert f"<td{left}>&lt;CNN&gt; &amp; co</td><td>0.9877</td><td></td>" in html
    assert f"<td{left}>chance</td><td></td><td>12,345</td>" in html


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.zeros(2, 2), "rows must be a list of dicts, one per row, not Tensor."),
        ({"model": "CNN"}, "rows must be a list of dicts, one per row, not dict."),
        ("CNN", "rows must be a list of dicts, one per row, not str."),
        (None, "rows must be a list of dicts, one per row, not NoneType."),
        ([{"model": "CNN"}, 0.99], "rows must be dicts, one per row; one is a float."),
    ],
)
def test_a_scoreboard_takes_dicts_only(rows, message):
    with pytest.raises(TypeError) as caught:
        scoreboard(rows)
    assert str(caught.value) == message


def test_a_scoreboard_shows_its_table(monkeypatch):
    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    scoreboard(ROWS)
    assert [type(item) for item in shown] == [Table]


class TestWrongInput(Refusals):
    ROOMS = {"scoreboards"}
    CASES = {
        "scoreboard": (
            {"rows": [{"model": "CNN", 3: 0.9}]},
            {"rows": ["x", {"a": 1}, [3], ["ab"], torch.ones(2, 2)]},
        ),
    }
