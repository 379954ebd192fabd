"""Controls that redraw a plot, a box to type into, and what is seen where no kernel is alive."""

import base64
import re

import ipywidgets
import numpy as np
import pytest
import torch
from wrong import Refusals

from course_utils import plots
from course_utils.widgets import explore, prompt

ALT = "the <\"{'angle': 0}\">"


@pytest.fixture
def calls():
    return []


class Picture(plots.Plot):
    """A figure whose bytes are its alt text, so that they are easy to compare."""

    def png(self):
        return self.alt.encode()


@pytest.fixture
def draw(calls):
    """Draws its values, and notes them."""

    def drawn(**values):
        calls.append(values)
        return Picture(1, 1, f'the <"{values}">')

    return drawn


def test_a_slider_redraws_the_plot(draw, calls):
    explorer = explore(draw, angle=(-90, 90, 5, 10))
    assert calls == [{"angle": 10}]
    before = explorer.picture.value
    explorer.controls["angle"].value = 30
    assert calls[1:] == [{"angle": 30}]
    assert explorer.picture.value != before
    picture = re.search('base64,([^"]+)"', explorer.picture.value)[1]
    assert base64.b64decode(picture) == explorer.plot.png()


def test_each_control_moves_by_itself(draw, calls):
    explorer = explore(draw, angle=(0, 90, 5, 10), scale=(0.0, 2.0, 0.1, 1.0), kind=["a", "b"])
    explorer.controls["scale"].value = 0.5
    explorer.controls["kind"].value = "b"
    assert calls[-1] == {"angle": 10, "scale": 0.5, "kind": "b"}


def test_controls_are_what_their_values_ask_for(draw):
    explorer = explore(draw, angle=(0, 90, 5, 10), scale=(0, 2, 0.1, 1), one_kind=["a", "b"])
    kinds = [ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.Dropdown]
    assert [type(control) for control in explorer.controls.values()] == kinds
    slider = explorer.controls["angle"]
    assert (slider.min, slider.max, slider.step, slider.value) == (0, 90, 5, 10)
    assert explorer.controls["one_kind"].description == "one kind"


def test_a_slider_that_moves_by_itself(draw, monkeypatch):
    links = []
    monkeypatch.setattr(ipywidgets, "jslink", lambda *ends: links.append(ends))
    explorer = explore(draw, place=(0, 6, 2, 4), scale=(0.0, 1.0, 0.1, 0.5), play="place")
    buttons, *others = explorer.box.children
    assert isinstance(buttons, ipywidgets.Play)
    assert (buttons.min, buttons.max, buttons.step, buttons.value) == (0, 6, 2, 4)
    assert others == [*explorer.controls.values(), explorer.picture]
    assert links == [((buttons, "value"), (explorer.controls["place"], "value"))]


def test_only_a_slider_of_whole_numbers_moves_by_itself(draw):
    for name in ("scale", "kind", "other"):
        with pytest.raises(ValueError, match="play must be"):
            explore(draw, place=(0, 6, 1, 4), scale=(0.0, 1.0, 0.1, 0.5), kind=["a"], play=name)


def test_a_table_of_numbers(draw, calls):
    explorer = explore(draw, angle=(0, 90, 5, 10), kernel=((1, 2, 3), (4, 5, 6)))
    assert calls == [{"angle": 10, "kernel": ((1, 2, 3), (4, 5, 6))}]
    explorer.controls["kernel"].rows[1][0].value = -8
    assert calls[1:] == [{"angle": 10, "kernel": ((1, 2, 3), (-8, 5, 6))}]


def test_the_widgets_hide_the_figure_that_stands_for_them(draw, monkeypatch):
    outputs = []
    show = lambda shown, raw=False: outputs.append(shown)  # noqa: E731
    monkeypatch.setattr("IPython.display.display", show)
    explorer = explore(draw, angle=(-90, 90, 5, 0))
    explorer._ipython_display_()
    box, still = outputs
    view = box["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.box.model_id and view["version_major"] == 2
    assert box["text/plain"] == "Run this cell to get the controls."
    assert still == {"text/html": explorer.plot.html(explorer.name), "text/plain": ALT}
    assert f'class="{explorer.name}"' in still["text/html"]
    assert f"<style>.{explorer.name} {{display: none !important}}</style>" in explorer.picture.value
    assert explore(draw, angle=(0, 1, 1, 0)).name != explorer.name


@pytest.mark.report("L")
def test_an_error_is_seen_in_place_of_the_old_picture(draw):
    def halting(angle):
        if angle == 20:
            raise RuntimeError("no <angle> of 20")
        return None if angle == 30 else draw(angle=angle)

    explorer = explore(halting, angle=(0, 90, 5, 10))
    with pytest.raises(RuntimeError):  # a script stops, too
        explorer.controls["angle"].value = 20
    assert "RuntimeError: no &lt;angle&gt; of 20" in explorer.picture.value
    assert "base64" not in explorer.picture.value and explorer.hide in explorer.picture.value
    with pytest.raises(TypeError):
        explorer.controls["angle"].value = 30
    assert "TypeError: what draw returns must be a plot" in explorer.picture.value
    explorer.controls["angle"].value = 40
    assert "base64" in explorer.picture.value and "Error" not in explorer.picture.value


def test_the_alt_text_is_escaped(draw):
    assert 'alt="the &lt;&quot;' in explore(draw, angle=(0, 9, 1, 0)).picture.value


@pytest.mark.parametrize(
    "wrong",
    [3, (0, 1, 1), (5, 0, 1, 2), (0, 10, 1, 11), (0, 10, 0, 5), [], "ab", ("a", "c", 1, "b"),
     (0, "9", 1, 2), None, ((1, 2), (3, "4")), ((), ()), ((0.5, 1),)],
)  # fmt: skip
def test_a_wrong_control_is_named(draw, wrong):
    with pytest.raises(ValueError, match=r"angle must be \(low, high, step, start\), a list"):
        explore(draw, angle=wrong)


def test_draw_must_be_a_function():
    with pytest.raises(TypeError, match=r"draw must be a function .* that returns a plot, not str"):
        explore("angle")


# ---- a box to type into --------------------------------------------------------------------


@pytest.fixture
def heard():
    return []


@pytest.fixture
def box(heard):
    """Answers loudly, knows no digits, and notes what it heard."""

    def reply(said):
        heard.append(said)
        if any(character.isdigit() for character in said):
            raise ValueError(f"no digits, please: {said!r}")
        return f"{said.upper()} <{len(heard)}>"

    return prompt(reply, start="hello & bye")


def test_the_start_is_answered_at_once(box, heard):
    assert heard == ["hello & bye"] and box.answer == "HELLO & BYE <1>"


def test_what_is_typed_is_answered_and_the_button_asks_again(box, heard):
    box.text.value = "again"
    assert box.answer == "AGAIN <2>" and "AGAIN &lt;2&gt;" in box.shown.value
    box.again.click()
    assert heard[1:] == ["again", "again"] and "AGAIN &lt;3&gt;" in box.shown.value
    assert not box.text.continuous_update  # or each letter would be answered


def test_an_error_is_an_answer_too(box):
    box.text.value = "room 101"
    assert box.answer == "no digits, please: 'room 101'" and "no digits" in box.shown.value
    box.text.value = "fine"
    assert box.answer.startswith("FINE")


@pytest.mark.report("L")
def test_an_error_that_is_no_answer_is_seen_in_place_of_the_old_one():
    answers = {"first": "the old answer"}
    box = prompt(lambda said: answers[said], start="first")
    with pytest.raises(KeyError):
        box.text.value = "second"
    assert "KeyError: &#x27;second&#x27;" in box.shown.value and "old" not in box.shown.value
    answers["second"] = 3
    with pytest.raises(TypeError):
        box._ask()
    box.text.value = "first"
    assert "the old answer" in box.shown.value


def test_the_answer_is_seen_without_a_kernel(box):
    data = box.still()
    assert data["text/plain"] == "you say: hello & bye\n\nHELLO & BYE <1>"
    assert "hello &amp; bye" in data["text/html"] and "BYE &lt;1&gt;" in data["text/html"]
    assert f'class="{box.name}"' in data["text/html"] and f".{box.name}" in box.shown.value


def test_a_wrong_prompt_is_named():
    with pytest.raises(TypeError, match=r"reply must be a function of a string .*, not str"):
        prompt("a")
    with pytest.raises(TypeError, match="start must be a string, not 3"):
        prompt(str.upper, start=3)


# ---- wrong input -----------------------------------------------------------------------------


def drawn(**values):
    return plots.bars({"a": 1.0}, ylabel="y", alt="One bar.")


class TestWrongInput(Refusals):
    ROOMS = {"widgets"}
    CASES = {
        "widgets.explore": (
            {"draw": drawn, "angle": (0, 9, 1, 3), "kind": ["a", "b"]},
            {
                "draw": [lambda **values: None, lambda **values: "x"],
                "angle": [3, None, "x", (0, 1), (0, 9, 0, 3), (0, 9, 1, torch.nan), (9, 0, 1, 3),
                          np.ones(4)],
                "kind": [[], {"a": 1}, {"a"}],
                "play": ["kind", "other", 3],
            },
        ),
        "widgets.prompt": (
            {"reply": str.upper, "start": "hello"},
            {"reply": [lambda text: None, lambda text: 3, lambda text: ["a"]]},
        ),
    }  # fmt: skip
