"""What a lesson's widget shows as its slider moves, tried in nbval's kernel with no browser.

After the cell of `notebooks/` that makes the widget comes one more test, which moves each of its
controls from end to end. test_journeys.py drags sliders in a real browser. A new widget is one
line in WIDGETS.
"""

import json
from collections import defaultdict

import pytest
from nbformat.v4 import new_code_cell
from nbval.plugin import IPyNbCell

GANS = ("RCGAN", "TimeGAN", "crossed pair", "LSTM")  # the models of lesson 54, by number

# lesson: for each of its widgets, in order, a slider and what the picture's alt text says at a
# value of the slider
WIDGETS = {
    "00": [
        ("logit", lambda value: f"The right class has logit {value:g}, "),
        ("log10 rate", lambda value: f"at rate {10**value:.3g};"),
    ],
    "11": [
        ("place", lambda value: f"at place {value:.0f} of"),
        ("divide by", lambda value: f"divided by {value:.0f},"),
        ("step", lambda value: f"Step {value:.0f}:"),
    ],
    "12": [("shift", lambda value: f"moved by {value:.0f} pixels")],
    "21": [("radius", lambda value: f"Radius {value:g},")],
    "22": [("bias", lambda value: f"Forget bias {value:g}: half")],
    "23": [("temperature", lambda value: f"Temperature {value:g}, nucleus")],
    "24": [("temperature", lambda value: f"Temperature {value:g}, after")],
    "25": [("origin", lambda value: f"Origin {value:g}, ")],
    "27": [("horizon", lambda value: f"Horizon {value:g}, clip")],
    "31": [("step", lambda value: f"Step {value:g} between")],
    "33": [("first", lambda value: f"The code ({value:.1f}, ")],
    "41": [("frame", lambda value: f"Frame {value:g}, step")],
    "42": [("share kept", lambda value: f"when D keeps {value:.0%} of")],
    "51": [("move", lambda value: f"Sequence at {value:+.2f} along")],
    "52": [("place", lambda value: f"Place {value:g} of the way")],
    "53": [("temperature", lambda value: f"Temperature {value:g}: NLL_oracle")],
    "54": [("model", lambda value: GANS[int(value)] + ",")],
}
EXPLORE = "cu.widgets.explore("

# The last output is the widget; `_` may be the lesson's own. A plot that cannot be drawn raises,
# and what the others say is printed as JSON.
MOVE = """
def _move(explorer):
    import html, json
    shown = {}
    for name, control in explorer.controls.items():
        if hasattr(control, "options"):
            places = control.options
        elif hasattr(control, "max"):
            steps = round((control.max - control.min) / control.step)
            places = [control.min + control.step * (steps * k // 4) for k in range(5)]
        else:
            continue  # a table of fields
        start, shown[name] = control.value, []
        for place in places:
            control.value = place
            assert html.escape(explorer.plot.alt) in explorer.picture.value, place
            shown[name].append((control.value, explorer.plot.alt))
        control.value = start
    print(json.dumps(shown))
_move(_oh[max(_oh)])
del _move
"""


class Moves(IPyNbCell):
    """Moves the controls of the widget that the cell before has made."""

    def runtest(self) -> None:
        super().runtest()
        said = "".join(out["text"] for out in self.test_outputs if out["output_type"] == "stream")
        shown = json.loads(said.splitlines()[-1])
        rows = {slider.replace(" ", "_"): words for slider, words in WIDGETS[self.path.name[:2]]}
        assert rows.keys() & shown.keys(), f"no row in WIDGETS has one of {', '.join(shown)}"
        for slider in rows.keys() & shown.keys():
            assert len({alt for _, alt in shown[slider]}) > 1, "the picture does not follow"
            for value, alt in shown[slider]:
                assert rows[slider](value) in alt


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in list(items):
        made = isinstance(item, IPyNbCell) and EXPLORE in item.cell.source
        if made and item.path.parent.name == "notebooks":
            moves = Moves.from_parent(
                item.parent, name="widget", cell_num=item.cell_num, cell=new_code_cell(MOVE),
                options=defaultdict(bool),
            )  # fmt: skip
            items.insert(items.index(item) + 1, moves)
