"""Every plot shows itself as a PNG with its alt text, and draws the numbers it was given."""

import base64
import io
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image
from wrong import Fresh, Refusals

from course_utils import History, plots
from course_utils.plots import cells

ALT = "What a reader who sees no picture should know."
GREY = np.linspace(0, 1, 3 * 4 * 5).reshape(3, 4, 5)

ROLL = np.eye(6, 88, 40)

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
    "characters": lambda: plots.characters("to be", [0, 1, 2, 3, 4], value="v", alt=ALT),
    "curves": lambda: plots.curves(history(), 10),
    "cell": lambda: plots.cell("GRU"),
    "pianoroll": lambda: plots.pianoroll({"a": ROLL, "b": 0.5 * ROLL}, alt=ALT),
    "score": lambda: plots.score([[72, 61, 55, -1], [90, 60, 55, 36]], alt=ALT, bar=2),
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


SPANS = {  # of an axis -> the labels on it
    (8, 256): ["10", "20", "50", "100", "200"],
    (1.5, 60): ["2", "5", "10", "20", "50"],
    (0.02, 0.9): ["0.02", "0.05", "0.1", "0.2", "0.5"],
    (2.1, 4.6): ["2.5", "3", "3.5", "4", "4.5"],
    (1, 1e6): ["1", "10", "100", "1000", "10000", "100000", "$10^{6}$"],
    (2e-6, 1e-4): [
        r"$2 \times 10^{-6}$", r"$5 \times 10^{-6}$", "$10^{-5}$", r"$2 \times 10^{-5}$",
        r"$5 \times 10^{-5}$", "0.0001",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", "xy")
@pytest.mark.parametrize(("span", "labels"), SPANS.items(), ids=str)
def test_a_logarithmic_axis_has_labels_that_can_be_read(name, span, labels):
    curve = (span, [1, 2]) if name == "x" else ([1, 2], span)
    plot = plots.lines({"a": curve}, xlabel="x", ylabel="y", alt=ALT, log=name, size=(8, 5))
    axis = getattr(plot.axes[0], f"{name}axis")
    getattr(plot.axes[0], f"set_{name}lim")(*span)
    FigureCanvasAgg(plot).draw()
    low, high = np.multiply(span, (1 - 1e-9, 1 + 1e-9))
    major = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert [tick.label1.get_text() for tick in major] == labels
    assert not any(tick.label1.get_text() for tick in axis.get_minor_ticks())
    boxes = [tick.label1.get_window_extent() for tick in major]
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))


@pytest.mark.parametrize("log", ["", "x"])
@pytest.mark.parametrize(("levels", "side"), [([9, 8, 7, 1], "left"), ([1, 7, 8, 9], "right")])
def test_the_name_of_a_baseline_keeps_away_from_the_curves(log, levels, side):
    plot = plots.lines(
        {"a": ([1, 2, 3, 4], levels)},
        xlabel="x", ylabel="y", alt=ALT, log=log, baselines={"chance": 2, "other": 1.5},
    )  # fmt: skip
    assert [text.get_ha() for text in plot.axes[0].texts] == [side, side]


def test_a_heatmap_writes_its_numbers():
    axes = DRAWN["heatmap"]().axes[0]
    assert [text.get_text() for text in axes.texts] == ["1.00", "2.00", "3.00", "4.00"]


def test_characters_have_their_places_and_their_colours():
    text = "$a\n" + "b" * 97
    axes = plots.characters(text, np.arange(100) - 40, value="v", alt=ALT, limits="signed").axes[0]
    assert "".join(shown.get_text() for shown in axes.texts) == text.replace("\n", "↵")
    places = [shown.get_position() for shown in axes.texts]
    assert places[:4] == [(0.5, 0.5), (1.5, 0.5), (2.5, 0.5), (0.5, 1.5)]  # a newline ends a row
    assert places[-2:] == [(95.5, 1.5), (0.5, 2.5)]  # and so does the width of the page
    ground = np.asarray(axes.images[0].get_array(), float)
    assert np.allclose(ground[1, 37, :3], 247 / 255, atol=0.01)  # the 41st has 0
    assert ground[0, 0, 2] > ground[0, 0, 0] and ground[2, 0, 0] > ground[2, 0, 2]
    assert np.allclose(ground[0, 3:], 1) and np.allclose(ground[2, 1:], 1)  # nothing is there


@pytest.mark.parametrize(
    ("limits", "ends"),
    [((0, 4), "neither"), ((0, 3), "max"), ((1, 4), "min"), ((1, 3), "both"), (None, "neither")],
)
def test_the_bar_of_colours_says_where_values_are_cut_off(limits, ends):
    plot = plots.characters("to be", range(5), value="v", alt=ALT, limits=limits)
    assert plot.axes[0].child_axes == [] and plot.axes[1]._colorbar.extend == ends


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


def inputs(kind):
    """What each node of a cell's diagram is computed from, dots that only split a line apart."""
    nodes, arrows, _ = cells.CELLS[kind]
    ends = [(start, end) for start, *_, end in arrows]
    splits = {name for name in nodes if nodes[name][2] == "dot"} - {end for _, end in ends}
    return {name: {start for start, end in ends if end == name} - splits for name in nodes}


def test_diagrams_of_cells_say_what_their_equations_say():
    lstm, gru = inputs("LSTM"), inputs("GRU")
    assert lstm["keep"] == {"c", "f"} and lstm["let in"] == {"i", "g"}  # f c + i g
    assert lstm["add"] == {"keep", "let in"} and lstm["show"] == {"o", "squash"}  # o tanh c
    assert gru["reset"] == {"r", "U"} and gru["n"] == {"reset"}  # n = tanh(… + r (U h))
    assert gru["keep"] == {"h", "part"} and gru["let in"] == {"n", "rest"}  # z h + (1 - z) n


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
        "plots.log_axis": (
            {"axis": Fresh(lambda: Figure().subplots().xaxis)},
            {"axis": [None, "x", Figure().subplots()]},
        ),
        "plots.heatmap": (
            {"table": [[1, 2], [3, 4]], "rows": "ab", "columns": ["c", "d"], "value": "v",
             **LABELS, **TOLD},
            {
                "table": [*NO_ARRAY, [1, 2], [], PICTURES], "rows": [["a"], []], "columns": [["a"]],
                "form": ["zz", "d "], "size": NO_SIZE, "alt": [""],
            },
        ),
        "plots.cell": ({"kind": "LSTM"}, {"kind": ["RNN", ""]}),
        "plots.pianoroll": (
            {"rolls": {"a": ROLL}, **TOLD},
            {
                "rolls": [{}, {"a": ROLL.T}, {"a": 2 * ROLL}, {1: ROLL}, {"a": [[1]]},
                          {"a": ROLL[:0]}],
                "per_beat": [0, True], "height": [0, 1e9], "alt": [""],
            },
        ),
        "plots.score": (
            {"notes": [[72, 60], [71, -1]], **TOLD},
            {
                "notes": [*NO_ARRAY, [60], [[]], [[60.5]], [[-2]], [[128]], [[60]] * 65],
                "names": [["a"], "a", 3], "bar": [0, True], "alt": [""],
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
        "plots.characters": (
            {"text": "to be", "values": [0, 1, 2, 3, 4], "value": "v", **TOLD},
            {
                "text": [""], "values": [*NO_ARRAY, [1, 2], [], [[1, 2, 3, 4, 5]]], "alt": [""],
                "limits": [(0,), (1, 0), ("a", "b"), (0, torch.nan), "sign"],
            },
        ),
        "plots.curves": (
            {"history": Fresh(history), "total": 10},
            {"history": [None, "x", {}, [1.0]], "total": [0, True], "bins": [0, True]},
        ),
    }  # fmt: skip


def test_a_grey_figure_is_stored_as_grey_and_a_coloured_one_in_colour():
    grey = torch.linspace(0, 1, 48).view(1, 3, 4, 4)
    for given, mode in ((grey[:, :1], "L"), (grey, "RGB")):
        plot = plots.images(given, alt="a picture")
        canvas = FigureCanvasAgg(plot)
        canvas.draw()
        stored = Image.open(io.BytesIO(plot.png()))
        assert stored.mode == mode
        same = np.asarray(stored.convert("RGB")) == np.asarray(canvas.buffer_rgba())[..., :3]
        assert same.all()
