"""Controls that redraw a plot, and what is seen where no kernel is alive."""

import base64
import re

import ipywidgets
import pytest

from course_utils import plots
from course_utils.widgets import explore


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


def test_the_output_holds_the_figure_and_the_live_view(draw):
    explorer = explore(draw, angle=(-90, 90, 5, 0))
    data, metadata = explorer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == explorer.plot.png()
    assert metadata["image/png"]["alt"] == data["text/plain"] == explorer.plot.alt
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.box.model_id and view["version_major"] == 2


def test_the_alt_text_is_escaped(draw):
    assert 'alt="the &lt;&quot;' in explore(draw, angle=(0, 9, 1, 0)).picture.value


@pytest.mark.parametrize(
    "wrong",
    [3, (0, 1, 1), (5, 0, 1, 2), (0, 10, 1, 11), (0, 10, 0, 5), [], "ab", ("a", "c", 1, "b"),
     (0, "9", 1, 2), None],
)  # fmt: skip
def test_a_wrong_control_is_named(draw, wrong):
    with pytest.raises(ValueError, match=r"angle must be \(low, high, step, start\) or a list"):
        explore(draw, angle=wrong)


def test_draw_must_be_a_function():
    with pytest.raises(TypeError, match="draw must be a function that returns a plot"):
        explore("angle")
