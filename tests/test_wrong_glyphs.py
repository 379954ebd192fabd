"""Wrong input to `cu.data.glyphs`: for each function a good call, and what must be refused.

Values of another type are drawn from the annotations, except those of fields.
"""

import pytest
import torch
from wrong import Fresh, Refusals

from course_utils.data import glyphs

FACTORS = Fresh(lambda: glyphs.sample(2, 0))
NO_FACTORS = [{"label": 1}, glyphs.Factors]
NO_RANGE = [(1, 2, 3), (0.7, 0.6), 99, [0.6], ("a", "b")]
NO_NAMES = ["beige", [], ["white", 3], [[]]]
NO_FIELD = [None, "x", torch.nan, torch.ones(5), ["a", "b"], 99]
NO_COLOUR = [None, "x", torch.nan, torch.ones(5), -1, 9]

CASES = {
    "Factors": (
        {"label": [1, 2], "scale": 0.5},
        {
            "label": [10, -1, 1.5, None, "x", [[1]]], "scene": [[-1, 0], [0], 0.5, "x"],
            "font": [999, -1, 0.5, "x"], "scale": NO_FIELD, "x": NO_FIELD, "noise": NO_FIELD,
            "ink": NO_COLOUR, "background": NO_COLOUR, "alphabet": ["", "12!", "11", None, 3],
        },
    ),
    "Factors.change": (
        {"self": FACTORS, "scale": 0.5}, {"scale": NO_FIELD, "label": [10, "x"]},
    ),
    "Factors.rows": ({"self": FACTORS, "index": [0]}, {"index": [[5], "x", 1.5]}),
    "glyphs.captions": ({"factors": FACTORS}, {"factors": NO_FACTORS}),
    "glyphs.coverage": ({"factors": FACTORS, "size": 16}, {"factors": NO_FACTORS, "size": [0]}),
    "glyphs.draw": (
        {"factors": FACTORS, "size": 28},
        {"factors": NO_FACTORS, "size": [15, 65, True], "channels": [2, 0]},
    ),
    "glyphs.extents": ({"factors": FACTORS}, {"factors": NO_FACTORS}),
    "glyphs.mnist_like": (
        {"train": 3, "test": 2},
        {"train": [0, True], "test": [0], "seed": [True], "size": [15], "channels": [2]},
    ),
    "glyphs.move": (
        {"factors": FACTORS, "velocity": (0.1, 0), "frames": 2},
        {
            "factors": NO_FACTORS, "velocity": [None, "x", (3, 0), (1, 2, 3), torch.nan],
            "frames": [0, True], "spin": [None, "x", torch.ones(5), torch.nan],
        },
    ),
    "glyphs.sample": (
        {"n": 2, "seed": 0},
        {
            "n": [0, True], "seed": [True], "alphabet": ["", "12!"], "outlined": [2],
            "glyphs_per_scene": [(3, 1), 1.5, True], "font": ["Comic", [3]], "ink": NO_NAMES,
            "background": NO_NAMES, "x": NO_RANGE, "y": NO_RANGE, "scale": NO_RANGE,
            "angle": NO_RANGE[:2], "warp": NO_RANGE, "noise": NO_RANGE,
        },
    ),
}  # fmt: skip


class TestGlyphs(Refusals):
    CASES = CASES
    ROOMS = {"glyphs"}
    SIGNED = {
        f"glyphs.sample: {argument}": "a place, an angle or a change of weight"
        for argument in ("x", "y", "angle", "shear", "weight")
    }


def test_an_unknown_field_is_refused_by_python():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        glyphs.sample(2, 0).change(colour=1)
