"""Arrays in, figure out. Knows nothing of datasets, networks or training.

Every function returns a `Plot`: a matplotlib figure that shows itself as the last line of a cell
and carries alt text, which each call has to give.
"""

from .charts import bars, curves, heatmap, lines
from .figure import Plot
from .inputs import array
from .pictures import images, prediction
from .style import COLOURS

__all__ = [
    "COLOURS",
    "Plot",
    "array",
    "bars",
    "curves",
    "heatmap",
    "images",
    "lines",
    "prediction",
]
