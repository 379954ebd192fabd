"""Every public function, called with wrong input, answers in one sentence that names the argument.

The tables that have not moved yet to the unit tests of their room.
"""

import wrong_data
import wrong_glyphs
import wrong_metrics
import wrong_plots
from wrong import ROOMS, Refusals

TABLES = (
    wrong_data,
    wrong_glyphs,
    wrong_metrics,
    wrong_plots,
)
# Parts of the package whose tables are unit tests already.
MOVED = {
    "checkpoint",
    "checks",
    "display",
    "history",
    "runtime",
    "training",
}


class TestWrongInput(Refusals):
    CASES = {case: row for table in TABLES for case, row in table.CASES.items()}
    ROOMS = ROOMS - MOVED
    FREE = {
        "metrics.nearest_distances: name": "only what an error calls the samples",
        "plots.array: name": "only what an error calls the values",
    }
    SIGNED = {
        f"{name}: {argument}": "a place or an angle"
        for name in ("glyphs.sample", "data.augment.warp")
        for argument in ("x", "y", "angle", "shear", "weight")
    }
    ANY_AXES = {
        "Batches: tensors": "any axes after that of the items",
        "SeriesData.inverse: samples": "any axes before that of the features",
        "metrics.modes: samples": "of one generator or of several",
        **{f"data.augment.warp: {name}": "a number" for name in ("angle", "scale", "shear")},
    }
