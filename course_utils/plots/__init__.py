"""Figures from arrays.

Every function returns a `Plot`: a matplotlib figure that shows itself as the last line of a cell.
Every call must give its alt text.
"""

from typing import Any

import numpy as np

from .. import arguments
from .cells import cell
from .charts import bars, curves, heatmap, lines
from .diagram import diagram
from .figure import Plot
from .music import pianoroll, score
from .pictures import images, prediction
from .style import COLOURS
from .texts import characters
from .ticks import log_axis

__all__ = [
    "COLOURS",
    "Plot",
    "array",
    "bars",
    "cell",
    "characters",
    "curves",
    "diagram",
    "heatmap",
    "images",
    "lines",
    "log_axis",
    "pianoroll",
    "prediction",
    "score",
]


def array(values: Any) -> np.ndarray:
    """A tensor on any device, a list or an array, as a NumPy array.

    Raises:
        TypeError: it holds no numbers.
    """
    return arguments.array("values", values)
