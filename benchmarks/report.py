"""The table and the figure of all rows; knows nothing of how they were measured."""

import os
import platform
from pathlib import Path

import torch
from matplotlib.ticker import LogLocator, NullLocator

from course_utils.plots import COLOURS, Plot

from .measure import Row, digits

HEAD = """# How fast, side by side

Made by `make bench`; [README.md](README.md) says how to read it. A ratio above 1 says that what
stands first is faster. Medians, with the range over the pairs.

![Each ratio with its range on a logarithmic axis, and what is asked of it.](results.png)

| | what | against | measured (range) | in wall time | asked | |
| --- | --- | --- | --- | --- | --- | --- |
"""


def machine() -> str:
    """What the rows were measured on, in one line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    threads = torch.get_num_threads()
    version = torch.__version__.split("+")[0]
    return (
        f"{(names or [platform.machine()])[0]}, {cores} cores, {gpu}, "
        f"PyTorch {version} on {threads} threads"
    )


def line(row: Row) -> str:
    """One row, as it is printed."""
    against = f" against {row.against}" if row.against else ""
    wall = "" if row.wall is None else f", wall {digits(row.wall)}"
    asked = "" if not row.asked else f", asked {row.asked}{verdict(row)}"
    note = f" · {row.note}" if row.note else ""
    return f"  {row.what}{against}: {row.measured}{wall}{asked}{note}"


def verdict(row: Row) -> str:
    return {True: "", False: ": missed", None: ""}[row.met]


def table(found: dict[str, dict], rows: dict[str, list[Row]]) -> str:
    """The whole page. `found` has the machine and its rates by module, `rows` the rows."""
    lines = [
        "| "
        + " | ".join((
            name, row.what, row.against, row.measured,
            "" if row.wall is None else f"{digits(row.wall)} {row.unit}",
            row.asked + verdict(row), row.note,
        ))
        + " |\n"
        for name in rows for row in rows[name]
    ]  # fmt: skip
    machines = sorted({found[name]["machine"] for name in rows})
    rates = (f"{name} {' → '.join(map(str, found[name]['rates']))}" for name in rows)
    return (
        f"{HEAD}{''.join(lines)}\nMeasured on: {'; '.join(machines)}. Its rate in a matrix product "
        f"before and after, 1 being 100 GFLOP/s: {', '.join(rates)}.\n"
    )


def figure(rows: dict[str, list[Row]]) -> Plot:
    """Ratios with their ranges on a log axis, the asked value marked, one colour a module."""
    shown = [(name, row) for name in rows for row in rows[name] if ratio(row)]
    plot = Plot(9, 1.2 + 0.3 * len(shown), "Each ratio with its range, and what is asked of it")
    axes = plot.subplots()
    colours = dict(zip(rows, COLOURS * len(rows), strict=False))
    asked = {"marker": "|", "color": "black", "ms": 14, "mew": 2, "ls": "", "zorder": 1}
    for place, (name, row) in enumerate(shown):
        axes.plot([row.low, row.high], [place] * 2, color=colours[name], lw=2)
        axes.plot(row.value, place, "o", color=colours[name])
        for bound in (row.least, row.most):
            if bound is not None:
                axes.plot(bound, place, **asked)
    axes.plot([], [], **asked, label="asked")
    axes.axvline(1, color="grey", lw=0.8)
    axes.set(
        xscale="log", xlabel="times faster, median and range",
        title="the first against the second", ylim=(len(shown) - 0.5, -0.5),
    )  # fmt: skip
    axes.set_yticks(range(len(shown)), [f"{row.what} / {row.against}" for _, row in shown])
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color="#DDDDDD")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right")
    return plot


def ratio(row: Row) -> bool:
    """Whether the row belongs into the figure: a ratio that was measured, with its range."""
    return row.unit == "×" and None not in (row.value, row.low, row.high)
