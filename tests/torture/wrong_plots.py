"""Wrong input to `cu.plots` and `cu.widgets`: good calls, and what their arguments must not be.

What is of another kind altogether is drawn by the annotations, save for what may be anything.
"""

import numpy as np
import torch
from wrong import Fresh

import course_utils as cu

ALT, LABELS = {"alt": "A figure."}, {"xlabel": "x", "ylabel": "y"}
PICTURES = torch.rand(3, 1, 4, 4)
NO_ARRAY = [None, "x", ["a", "b"], [[1], [1, 2]], {"a": 1}, PICTURES.cfloat()]
NO_LEVELS = [{"a": "high", "b": 1.0}, {"a": None, "b": 1.0}, {"a": [1, 2], "b": [3, 4]}]
NO_SIZE = [(3,), (3, 0), (-1, 3), (3, torch.nan), (3, 1e9), "ab", ("a", "b")]


def curves(*given):
    return [{"a": curve} for curve in given]


def history():
    made = cu.History()
    made.add(1, "loss", 2.0)
    made.close_epoch(1, {"test loss": 3.0})
    return made


def drawn(**values):
    return cu.plots.bars({"a": 1.0}, ylabel="y", alt="One bar.")


CASES = {
    "plots.array": ({"values": PICTURES}, {"values": NO_ARRAY}),
    "plots.images": (
        {"pictures": PICTURES, "titles": ["a", "b", "c"], "columns": 2, **ALT},
        {
            "pictures": [*NO_ARRAY, PICTURES[0, 0], PICTURES[:0], PICTURES[..., :0],
                         torch.rand(3, 2, 4, 4)],
            "titles": [["a"], [], {"a": 1}], "columns": [0, True], "alt": [""],
            "size": [0, 1e9], "limits": [(0,), (1, 0), (0, 0), ("a", "b"), (0, torch.nan)],
        },
    ),
    "plots.prediction": (
        {"image": PICTURES[0], "probabilities": [0.2, 0.8], "classes": ["a", "b"], **ALT},
        {
            "image": [*NO_ARRAY, PICTURES, PICTURES[0, 0], torch.rand(2, 4, 4)],
            "probabilities": [*NO_ARRAY, 0.5, [[0.2, 0.8]]], "classes": [["a"], []], "alt": [""],
        },
    ),
    "plots.lines": (
        {"curves": {"a": ([1, 2], [3, 4], [1, 1])}, "baselines": {"b": 2.0}, **LABELS, **ALT},
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
         **LABELS, **ALT},
        {
            "table": [*NO_ARRAY, [1, 2], [], PICTURES], "rows": [["a"], []], "columns": [["a"]],
            "form": ["zz", "d "], "size": NO_SIZE, "alt": [""],
        },
    ),
    "plots.bars": (
        {"heights": {"a": 1.0, "b": 2.0}, "spread": {"a": 0.1, "b": 0.1}, "ylabel": "y", **ALT},
        {
            "heights": NO_LEVELS, "baselines": NO_LEVELS, "size": NO_SIZE, "alt": [""],
            "spread": [*NO_LEVELS, {}, {"a": 0.1}, {"a": -1.0, "b": 1.0}],
        },
    ),
    "plots.curves": (
        {"history": Fresh(history), "total": 10},
        {"history": [None, "x", {}, [1.0]], "total": [0, True], "bins": [0, True]},
    ),
    "widgets.explore": (
        {"draw": drawn, "angle": (0, 9, 1, 3), "kind": ["a", "b"]},
        {
            "draw": [lambda **values: None, lambda **values: "x"],
            "angle": [3, None, "x", (0, 1), (0, 9, 0, 3), (0, 9, 1, torch.nan), (9, 0, 1, 3),
                      np.ones(4)],
            "kind": [[], {"a": 1}, {"a"}],
        },
    ),
    "widgets.prompt": (
        {"reply": str.upper, "start": "hello"},
        {"reply": [lambda text: None, lambda text: 3, lambda text: ["a"]]},
    ),
}  # fmt: skip
