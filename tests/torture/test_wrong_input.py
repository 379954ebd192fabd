"""Every public function, called with wrong input, answers in one sentence that names the argument.

The tables that have not moved yet to the unit tests of their room.
"""

import wrong_data
import wrong_glyphs
import wrong_metrics
import wrong_plots
import wrong_training
from wrong import ROOMS, Refusals

TABLES = (
    wrong_training,
    wrong_data,
    wrong_glyphs,
    wrong_metrics,
    wrong_plots,
)
MOVED = set()  # parts of the package whose tables are unit tests already


class TestWrongInput(Refusals):
    CASES = {case: row for table in TABLES for case, row in table.CASES.items()}
    ROOMS = ROOMS - MOVED
    EVERYTHING = {"checkpoint.digest"}
    FREE = {
        "Trainer.update: clip": "no check in a step that does not clip",
        "metrics.nearest_distances: name": "only what an error calls the samples",
        "plots.array: name": "only what an error calls the values",
    }
    UNBOUNDED = {"History.add: value": "a metric that is not finite is a fault"}
    SIGNED = {
        f"{name}: {argument}": "a place or an angle"
        for name in ("glyphs.sample", "data.augment.warp")
        for argument in ("x", "y", "angle", "shear", "weight")
    }
    ANY_AXES = {
        "Batches: tensors": "any axes after that of the items",
        "SeriesData.inverse: samples": "any axes before that of the features",
        "Trainer.update: loss": "one number, in whatever shape",
        "metrics.modes: samples": "of one generator or of several",
        **{f"data.augment.warp: {name}": "a number" for name in ("angle", "scale", "shear")},
    }
