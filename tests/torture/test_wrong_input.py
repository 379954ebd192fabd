"""Every public function, called with wrong input, answers in one sentence that names the argument.

The tables that have not moved yet to the unit tests of their room.
"""

import wrong_data
import wrong_glyphs
from wrong import ROOMS, Refusals

TABLES = (
    wrong_data,
    wrong_glyphs,
)
# Parts of the package whose tables are unit tests already.
MOVED = {
    "checkpoint",
    "checks",
    "claims",
    "display",
    "history",
    "metrics",
    "plots",
    "runtime",
    "start",
    "training",
    "widgets",
}


class TestWrongInput(Refusals):
    CASES = {case: row for table in TABLES for case, row in table.CASES.items()}
    ROOMS = ROOMS - MOVED
    SIGNED = {
        f"{name}: {argument}": "a place or an angle"
        for name in ("glyphs.sample", "data.augment.warp")
        for argument in ("x", "y", "angle", "shear", "weight")
    }
    ANY_AXES = {
        "Batches: tensors": "any axes after that of the items",
        "SeriesData.inverse: samples": "any axes before that of the features",
        **{f"data.augment.warp: {name}": "a number" for name in ("angle", "scale", "shear")},
    }
