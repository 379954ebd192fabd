"""Logarithmic axes whose ticks can be read: numbers such as 1, 2, 5, 10."""

from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from .. import arguments


def log_axis(axis: Axis) -> None:
    """Make an axis logarithmic, with labels at 1, 2 and 5 of each decade.

    From three decades on, only the powers of ten have labels; on a stretch so short that fewer
    than three of these numbers lie on it, even steps have them. Beyond 1e-4…1e5 the labels are
    written with powers of ten.

    Args:
        axis: of a matplotlib figure, such as `axes.xaxis`; its values must be above 0.

    Raises:
        TypeError: an argument of another kind.
    """
    arguments.kind("axis", axis, Axis, "an axis of matplotlib, such as axes.xaxis")
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    axis.set_major_locator(_Locator())
    axis.set_major_formatter(FuncFormatter(_label))
    axis.set_minor_formatter(NullFormatter())


class _Locator(LogLocator):
    """Decides when it draws, since the limits may change after the axis was made."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        low, high = sorted((vmin, vmax))
        if high >= 1000 * low:
            self.set_params(subs=(1.0,), numticks="auto")
            return super().tick_values(low, high)
        self.set_params(subs=(1.0, 2.0, 5.0), numticks=10)
        ticks = np.asarray(super().tick_values(low, high))
        if np.sum((low <= ticks) & (ticks <= high)) >= 3:
            return ticks
        even = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
        return even[even > 0]


def _label(value: float, _: int | None = None) -> str:
    if 0.99e-4 < value < 1.01e5:
        return f"{value:g}"
    digits, power = f"{value:e}".split("e")
    factor = f"{float(digits):g}"
    times = "" if factor == "1" else rf"{factor} \times "
    return f"${times}10^{{{int(power)}}}$"
