"""A learner's own table, read from a CSV file in any usual dialect. Knows nothing about windows.

What is unambiguous is read, and reported in one line; anything else is an error that names the
place, and the option that resolves it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import arguments
from . import dialects

TIME = re.compile(r"unnamed: 0|index|time|date|datetime|timestamp|year|month|day|step|t", re.I)


@dataclass(frozen=True)
class Table:
    """Columns of numbers by name; rows are steps of time, from the first to the last."""

    rows: np.ndarray  # (R, F), float64, finite
    names: tuple[str, ...]
    said: str  # one line on how the file was read


def read(
    path: Path,
    columns: Sequence[str] | str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
) -> Table:
    """The numbers of a CSV file; rows are counted from 1, without the header.

    Found out without asking: UTF-8, UTF-16 with its mark, else Latin-1; tabs, semicolons, bars or
    commas between columns; a decimal comma; a header, if the first row holds a word. A column of
    dates is left out, and so is a first column that is named as time, or not at all, and only
    rises or falls; where time runs backwards the rows are reversed. All of it is in `said`.

    Args:
        columns: the names of those to keep, in this order; None keeps all. Without a header
            they are "column 1" and so on.
        separator: one character.
        decimal: "." or ",".
        header: whether the first row names the columns.

    Raises:
        ValueError: a file that is not a table; a cell that is missing, not a number, or infinite;
            rows that are not in order of time; a name that comes twice; numbers that can be read
            in two ways; or a wrong argument.
    """
    arguments.choice("decimal", decimal, (".", ",", None))
    if header is not None:
        header = arguments.flag("header", header)
    if separator is not None:
        arguments.character("separator", separator)
    text = dialects.text_of(path)
    if named := re.match(r"sep=(.)\r?\n", text):  # as Excel writes it
        text, separator = text[named.end() :], separator or named[1]
    separator = separator or dialects.separator_of(text, decimal)
    cells = dialects.cells_of(path, text, separator)
    names, cells, headed = dialects.header_of(path, cells, header)
    decimal = decimal or dialects.decimal_of(path, cells)
    numbers = np.stack([dialects.numbers_of(column, decimal) for column in cells.T], 1)
    times, backwards = _times(path, names, cells, numbers, headed)
    kept = _chosen(path, columns, names, [k for k in range(len(names)) if k not in times])
    _check(path, names, cells, numbers, kept, headed)
    _check_size(path, names, cells, kept)
    rows = numbers[::-1, kept] if backwards else numbers[:, kept]
    said = _said(path, names, kept, times, (len(rows), separator, decimal, headed, backwards))
    return Table(rows.copy(), tuple(names[k] for k in kept), said)


def _said(
    path: Path,
    names: list[str],
    kept: list[int],
    times: dict[int, str],
    how: tuple[int, str, str, bool, bool],
) -> str:
    """One line on how the file was read."""
    rows, separator, decimal, headed, backwards = how
    parts = [
        f"{path.name}: {_count(rows, 'row')} of {_count(len(kept), 'column')} "
        f"({', '.join(names[k] for k in kept)})",
        f"separated by {dialects.SEPARATORS.get(separator, repr(separator))}",
        *(["decimal comma"] if decimal == "," else []),
        "first row is the header" if headed else "no header",
        *(f"{names[k]!r} is left out: {why}" for k, why in times.items() if k not in kept),
        *(["rows reversed, since time ran backwards"] if backwards else []),
    ]
    return ", ".join(parts) + "."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _times(
    path: Path, names: list[str], cells: np.ndarray, numbers: np.ndarray, headed: bool
) -> tuple[dict[int, str], bool]:
    """The columns that say when, each with what it is, and whether they run backwards."""
    first = numbers[:, 0]
    nameless = headed and names[0] == "column 1"
    timely = (nameless or TIME.fullmatch(names[0])) and len(names) > 1 and len(first) > 1
    if timely and (whole := dialects.whole_of(cells[:, 0])) is not None:
        first = whole
    if timely and (direction := dialects.direction_of(first)):  # 0 where there is NaN
        return {0: "it only counts time"}, direction < 0
    words = [k for k in range(len(names)) if np.isnan(numbers[:, k]).all()]
    dates = {k: found for k in words if (found := dialects.dates_of(cells[:, k]))}
    if not dates:
        return {}, False
    first = next(iter(dates))
    time = _read_in_order(path, names[first], dates[first])
    if not dialects.direction_of(time) and len(dates) > 1:
        # The day may be in one column and the hour in another.
        joined = np.array([" ".join(row) for row in cells[:, list(dates)]], object)
        time = _read_in_order(path, names[first], dialects.dates_of(joined) or [time])
    if not (direction := dialects.direction_of(time)):
        raise ValueError(_out_of_order(path, names[first], cells[:, first], np.diff(time)))
    return dict.fromkeys(dates, "dates"), direction < 0


def _read_in_order(path: Path, name: str, readings: list[np.ndarray]) -> np.ndarray:
    """The one of the ways to read dates in which they only rise or only fall, else the first."""
    ways = {dialects.direction_of(seconds): seconds for seconds in reversed(readings)}
    if {1, -1} <= set(ways):
        raise ValueError(
            f"{path}: the dates of column {name!r} rise or fall, depending on whether the day or "
            "the month comes first. Write them as 2020-12-31, or take the column out."
        )
    return ways.get(1, ways.get(-1, readings[0]))


def _out_of_order(path: Path, name: str, dates: np.ndarray, steps: np.ndarray) -> str:
    """Which row comes at the wrong time; steps are from row to row, in seconds."""
    forwards = (steps > 0).sum() >= (steps < 0).sum()
    row = int(np.flatnonzero(steps <= 0 if forwards else steps >= 0)[0])
    how = "has the same time as" if steps[row] == 0 else "does not follow"
    return (
        f"{path}: the rows are not in order of time. Row {row + 2} of column {name!r} "
        f"({dates[row + 1]}) {how} row {row + 1} ({dates[row]}). Sort the file, or remove "
        "the column."
    )


def _chosen(
    path: Path, columns: Sequence[str] | str | None, names: list[str], usual: list[int]
) -> list[int]:
    """The places of the columns to keep."""
    if columns is not None:
        wanted = arguments.several("columns", columns, names, once=True)
        return [names.index(name) for name in wanted]
    if not usual:
        raise ValueError(f"{path} has no columns but dates ({', '.join(names)}).")
    return usual


def _check_size(path: Path, names: list[str], cells: np.ndarray, kept: list[int]) -> None:
    """Refuse whole numbers that a float would round."""
    for k in kept:
        for row, cell in enumerate(cells[:, k], 1):
            if dialects.INTEGER.fullmatch(cell) and int(cell) != int(float(cell)):
                raise ValueError(
                    f"{path}: row {row}, column {names[k]!r} holds {cell}, a whole number beyond "
                    "2⁵³ that would be rounded. Subtract the same number from each row, or leave "
                    "the column out, with columns=[…]."
                )


def _check(
    path: Path, names: list[str], cells: np.ndarray, numbers: np.ndarray, kept: list[int],
    headed: bool,
) -> None:  # fmt: skip
    """Accept finite numbers only; name the first cell that holds something else."""
    wrong = np.argwhere(~np.isfinite(numbers[:, kept]))
    if not len(wrong):
        return
    row, k = int(wrong[0][0]), kept[wrong[0][1]]
    cell = cells[row, k]
    if cell.lower() in dialects.MISSING:
        what, remedy = f"is missing ({cell!r})" if cell else "is missing", "Fill it in, or"
    elif cell.lower().strip("+-") in dialects.INFINITE or np.isinf(numbers[row, k]):
        what, remedy = f"is infinite ({cell})", "Fix it, or"
    else:
        shown = cell if len(cell) <= 40 else f"{cell[:40]}…"
        what, remedy = f"holds {shown!r}, which is not a number", "Fix it, or"
    whole = [names[i] for i in kept if np.isfinite(numbers[:, i]).all()]
    if row == 0 and not headed:
        remedy = f"If the first row names the columns, say header=True. {remedy}"
    remedy += f" keep only complete columns: columns={whole}." if whole else " leave the row out."
    more = f" It is the first of {len(wrong):,} such cells." if len(wrong) > 1 else ""
    raise ValueError(f"{path}: row {row + 1}, column {names[k]!r} {what}.{more} {remedy}")
