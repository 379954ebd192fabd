"""Every plot shows itself as a PNG with its alt text, and draws the numbers it was given."""

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot
from matplotlib.patches import FancyArrowPatch
from PIL import Image
from wrong import Fresh, Refusals

from course_utils import History, plots

ALT = "What a reader who sees no picture should know."
GREY = np.linspace(0, 1, 3 * 4 * 5).reshape(3, 4, 5)

NODES = {
    "x": (0.5, 1, "name", "$x_t$"), "layer": (2, 1.5, "box", "tanh"), "dot": (3, 1, "dot", ""),
}  # fmt: skip


def history(steps=4):
    made = History()
    for step in range(1, steps + 1):
        made.add(step, "loss", 1 / step)
        made.add(step, "accuracy", 0.5)
    made.close_epoch(steps, {"test loss": 0.3})
    return made


DRAWN = {
    "images": lambda: plots.images(GREY, ["a", "b", "c"], alt=ALT),
    "prediction": lambda: plots.prediction(GREY[:1], [0.2, 0.8], ["a", "b"], alt=ALT),
    "lines": lambda: plots.lines(
        {"a": ([1, 2], [3, 4]), "b": ([1, 2], [3, 5], [1, 1])},
        xlabel="x", ylabel="y", alt=ALT, baselines={"chance": 3.5}, log="xy",
    ),
    "heatmap": lambda: plots.heatmap(
        [[1, 2], [3, 4]], rows="ab", columns="cd", xlabel="x", ylabel="y", value="v", alt=ALT
    ),
    "bars": lambda: plots.bars(
        {"a": 1.0, "b": 2.0}, ylabel="y", alt=ALT, spread={"a": 0.1, "b": 0.2},
        baselines={"chance": 0.5},
    ),
    "curves": lambda: plots.curves(history(), 10),
    "diagram": lambda: plots.diagram(NODES, [("x", (1, 1), "layer"), ("layer", "dot")], alt=ALT),
}  # fmt: skip


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_notebook_shows_one_picture_with_its_alt_text(draw):
    plot = draw()
    shown, _ = DisplayFormatter().format(plot)
    tag = ElementTree.fromstring(shown["text/html"].replace('">', '"/>'))
    kind, data = tag.get("src").split(",")
    assert kind == "data:image/png;base64" and tag.get("alt") == plot.alt
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.size == (int(tag.get("width")), int(tag.get("height")))
    picture.load()
    assert picture.format == "PNG" and picture.size[0] > 50
    assert len(set(picture.convert("L").tobytes())) > 5  # something is drawn
    assert set(shown) == {"text/html", "text/plain"} and shown["text/plain"] == plot.alt
    assert pyplot.get_fignums() == []  # nothing is shown twice, nothing piles up


@pytest.mark.parametrize("alt", ["", None, 3])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="alt must say in a sentence what the figure shows"):
        plots.images(GREY, alt=alt)


def drawn(plot):
    """The pictures in a plot, as matplotlib has them."""
    return [axes.images[0].get_array() for axes in plot.axes if axes.images]


def test_pictures_of_one_channel_with_or_without_its_axis():
    for pictures in (GREY, torch.tensor(GREY)[:, None], GREY.tolist()):
        shown = drawn(plots.images(pictures, alt=ALT, columns=2))
        assert len(shown) == 3
        assert np.allclose(shown, GREY)


def test_pictures_in_colour_put_their_channels_last():
    colour = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    shown = drawn(plots.images(colour, alt=ALT))
    assert np.allclose(shown, colour.permute(0, 2, 3, 1))


def test_limits_hold_for_grey_and_for_colour():
    pictures = np.array([-1, 0, 1.0]).repeat(4).reshape(3, 1, 2, 2)
    grey = plots.images(pictures, alt=ALT, limits=(-1, 1))
    assert grey.axes[0].images[0].get_clim() == (-1, 1)
    colour = drawn(plots.images(pictures.repeat(3, 1), alt=ALT, limits=(-1, 1)))
    assert [picture[0, 0, 0] for picture in colour] == [0, 0.5, 1]


def test_each_picture_may_have_its_own_extremes():
    plot = plots.images(GREY, alt=ALT, limits=None)
    assert [axes.images[0].get_clim() for axes in plot.axes] == [(p.min(), p.max()) for p in GREY]
    colour = drawn(plots.images(5 * GREY.reshape(1, 3, 4, 5), alt=ALT, limits=None))
    assert colour[0].min() == 0 and colour[0].max() == 1


def test_zero_is_the_middle_of_signed_pictures():
    weights = torch.tensor([[[-1.0, 3.0]], [[-2.0, 0.0]], [[0.0, 0.0]]])
    plot = plots.images(weights, alt=ALT, limits="signed")
    for axes, value in zip(plot.axes, (3, 2, 1e-12), strict=True):
        assert axes.images[0].get_clim() == pytest.approx((-value, value))
        shown = axes.images[0]
        assert np.allclose(shown.cmap(float(shown.norm(0)))[:3], 247 / 255, atol=0.01)  # white
    [colour] = drawn(plots.images(weights[:1, None].repeat(1, 3, 1, 1), alt=ALT, limits="signed"))
    assert np.allclose(colour[..., 0], [[1 / 3, 1]])


@pytest.mark.parametrize("shape", [(0, 1, 2, 2), (2, 2), (1, 2, 4, 4), (1, 1, 1, 2, 2)])
def test_pictures_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="pictures must be of shape"):
        plots.images(np.zeros(shape), alt=ALT)


def test_as_many_titles_as_pictures():
    plot = plots.images(GREY, ["a", "b", "c"], alt=ALT)
    assert [axes.get_title() for axes in plot.axes] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="titles must be 3 strings, one per picture, not 2"):
        plots.images(GREY, ["a", "b"], alt=ALT)


def test_lines_are_told_apart_by_more_than_colour():
    axes = DRAWN["lines"]().axes[0]
    one, other = axes.lines[:2]
    assert one.get_color() != other.get_color() and one.get_linestyle() != other.get_linestyle()
    assert one.get_marker() != other.get_marker()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert axes.texts[0].get_text() == "chance" and axes.lines[2].get_ydata() == [3.5, 3.5]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


def test_a_heatmap_writes_its_numbers():
    axes = DRAWN["heatmap"]().axes[0]
    assert [text.get_text() for text in axes.texts] == ["1.00", "2.00", "3.00", "4.00"]


def test_curves_have_a_panel_for_each_metric_with_its_evaluation_in_it():
    plot = plots.curves(history(), 10)
    panels = [axes for axes in plot.axes if axes.lines]
    assert [axes.get_ylabel() for axes in panels] == ["loss", "accuracy"]
    assert [line.get_label() for line in panels[0].lines] == ["training", "test loss"]
    assert panels[0].get_xlim() == (0, 10)
    assert "loss 0.25" in plot.alt and "test loss 0.3" in plot.alt


def test_long_curves_are_means_over_stretches():
    line = plots.curves(history(1000), bins=10).axes[0].lines[0]
    assert line.get_ydata() == pytest.approx(
        [np.mean([1 / step for step in range(100 * i + 1, 100 * i + 101)]) for i in range(10)]
    )


def test_curves_of_nothing_yet_are_an_empty_figure():
    plot = plots.curves(History())
    assert plot.png().startswith(b"\x89PNG") and "not known yet" in plot.alt


# ---- wrong input --------------------------------------------------------------------------------

TOLD, LABELS = {"alt": ALT}, {"xlabel": "x", "ylabel": "y"}
PICTURES = torch.rand(3, 1, 4, 4)
NO_ARRAY = [None, "x", ["a", "b"], [[1], [1, 2]], {"a": 1}, PICTURES.cfloat()]
NO_LEVELS = [{"a": "high", "b": 1.0}, {"a": None, "b": 1.0}, {"a": [1, 2], "b": [3, 4]}]
NO_SIZE = [(3,), (3, 0), (-1, 3), (3, torch.nan), (3, 1e9), "ab", ("a", "b")]


def curves(*given):
    return [{"a": curve} for curve in given]


def test_a_diagram_has_its_nodes_at_their_places_and_its_arrows_between_them():
    plot = plots.diagram(NODES, [("x", (2, 1), "layer"), ("layer", "dot")], alt=ALT, size=(4, 2))
    [axes] = plot.axes
    inches = axes.transData + plot.dpi_scale_trans.inverted()
    for text, (x, y, _, words) in zip(axes.texts, NODES.values(), strict=True):
        assert text.get_text() == words
        assert np.allclose(inches.transform(text.get_position()), (x, y))
    ways = [np.transpose(line.get_data()).tolist() for line in axes.get_lines()]
    assert ways[0] == [[0.5, 1], [2, 1]]  # to the corner; the head goes on from there
    assert ways[-1] == [[2, 1.5], [3, 1]]  # no head where lines part
    heads = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert len(heads) == 1 and heads[0].patchB is axes.patches[1]


class TestWrongInput(Refusals):
    ROOMS = {"plots"}
    CASES = {
        "plots.array": ({"values": PICTURES}, {"values": NO_ARRAY}),
        "plots.images": (
            {"pictures": PICTURES, "titles": ["a", "b", "c"], "columns": 2, **TOLD},
            {
                "pictures": [*NO_ARRAY, PICTURES[0, 0], PICTURES[:0], PICTURES[..., :0],
                             torch.rand(3, 2, 4, 4)],
                "titles": [["a"], [], {"a": 1}], "columns": [0, True], "alt": [""],
                "size": [0, 1e9],
                "limits": [(0,), (1, 0), (0, 0), ("a", "b"), (0, torch.nan), "sign"],
            },
        ),
        "plots.prediction": (
            {"image": PICTURES[0], "probabilities": [0.2, 0.8], "classes": ["a", "b"], **TOLD},
            {
                "image": [*NO_ARRAY, PICTURES, PICTURES[0, 0], torch.rand(2, 4, 4)],
                "probabilities": [*NO_ARRAY, 0.5, [[0.2, 0.8]]], "classes": [["a"], []],
                "alt": [""],
            },
        ),
        "plots.lines": (
            {"curves": {"a": ([1, 2], [3, 4], [1, 1])}, "baselines": {"b": 2.0}, **LABELS, **TOLD},
            {
                "curves": curves(3, torch.tensor(3.0), torch.ones(4, 2), ([1, 2],),
                                 ([1, 2], [1, 2, 3]), (["p", "q"], [1, 2]),
                                 ([1, 2], None), (PICTURES, PICTURES), ([1, 2], [1, 2], [1]),
                                 ([[1], [1, 2]], [1, 2])),
                "baselines": NO_LEVELS, "log": ["z", "xx"], "size": NO_SIZE, "alt": [""],
            },
        ),
        "plots.heatmap": (
            {"table": [[1, 2], [3, 4]], "rows": "ab", "columns": ["c", "d"], "value": "v",
             **LABELS, **TOLD},
            {
                "table": [*NO_ARRAY, [1, 2], [], PICTURES], "rows": [["a"], []], "columns": [["a"]],
                "form": ["zz", "d "], "size": NO_SIZE, "alt": [""],
            },
        ),
        "plots.diagram": (
            {"nodes": NODES, "arrows": [("x", "layer")], **TOLD},
            {
                "nodes": [{"a": (1, 2)}, {"a": (1, 2, "cloud", "")}, {"a": ("1", 2, "box", "")},
                          {"a": (1, torch.nan, "box", "")}, {"a": (1, 2, "box", None)}],
                "arrows": [[("x", "nowhere")], [("x",)], [("x", (1,), "layer")], ["x"],
                           [("x", (1, "2"), "layer")], [("x", 3, "layer")]],
                "size": NO_SIZE, "alt": [""],
            },
        ),
        "plots.bars": (
            {"heights": {"a": 1.0, "b": 2.0}, "spread": {"a": 0.1, "b": 0.1}, "ylabel": "y",
             **TOLD},
            {
                "heights": NO_LEVELS, "baselines": NO_LEVELS, "size": NO_SIZE, "alt": [""],
                "spread": [*NO_LEVELS, {}, {"a": 0.1}, {"a": -1.0, "b": 1.0}],
            },
        ),
        "plots.curves": (
            {"history": Fresh(history), "total": 10},
            {"history": [None, "x", {}, [1.0]], "total": [0, True], "bins": [0, True]},
        ),
    }  # fmt: skip
