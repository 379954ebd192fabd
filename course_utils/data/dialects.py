"""How a CSV file is written: encoding, separator, header, decimal mark.

What is unambiguous is detected; what can be read in two ways is an error. pandas does the
parsing.
"""

import csv
import io
import re
import warnings
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np

from . import files

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}  # in the order tried
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?"}
INFINITE = {"inf", "infinity"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.I)
COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.I)  # a number with a comma in it
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,.]\d{3})+")  # one that could be thousands: 1,234
INTEGER = re.compile(r"[+-]?\d{1,400}")  # as many digits as a float can have, and more
DATE = re.compile(r"\d[-/:]\d|\d\.\d+\.|[a-z]{3}.*\d|\d.*[a-z]{3}|\dq\d", re.I)  # what dates have


def text_of(path: Path) -> str:
    data = files.content(path)
    marks = {b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    coding = next((name for mark, name in marks.items() if data.startswith(mark)), "utf-8-sig")
    try:
        text = data.decode(coding)
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # every byte is a letter there; numbers are the same
    if "\0" in text or data.startswith(b"PK\3\4"):
        raise ValueError(f"{path} is not a text file: save the table as CSV, in UTF-8.")
    if not text.strip():
        raise ValueError(f"{path} is empty: a table of numbers is needed.")
    return text


def separator_of(text: str, decimal: str | None) -> str:
    """The first that splits nine lines of ten into the same number of columns, two or more."""
    lines = list(islice((line for line in text.splitlines() if line.strip()), 200))
    for separator in SEPARATORS:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=separator))
        width, times = widths.most_common(1)[0]
        if width > 1 and times >= 0.9 * len(lines) - 1 and separator != decimal:
            return separator
    return ";" if decimal == "," else ","  # a single column


def cells_of(path: Path, text: str, separator: str) -> np.ndarray:
    """All cells as they are written, (R, C), without surrounding blanks and blank rows."""
    import pandas as pd

    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False,
            skipinitialspace=separator != "\t",
        )  # fmt: skip
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise ValueError(
            f"{path} cannot be read as a table with columns separated by {separator!r}: {reason}. "
            'If that is not the separator, name it; if it is a decimal comma, say decimal=",".'
        ) from None
    rows = [[cell.strip().replace("\N{MINUS SIGN}", "-") for cell in row]
            for row in frame.fillna("").to_numpy(object)]  # fmt: skip
    cells = np.array([row for row in rows if any(row)], object)
    while cells.shape[1] > 1 and not cells[:, -1].any():  # a separator at the end of each row
        cells = cells[:, :-1]
    return cells


def header_of(
    path: Path, cells: np.ndarray, header: bool | None
) -> tuple[list[str], np.ndarray, bool]:
    """Names of the columns, the other rows, and whether the first row gave the names."""
    if header is None:
        header = _headed(path, cells)
    names = [f"column {k + 1}" for k in range(cells.shape[1])]
    if header:
        names = [cell or name for cell, name in zip(cells[0], names, strict=True)]
        names, cells = [str(name) for name in names], cells[1:]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"{path} has more than one column named {twice[0]!r}: rename them.")
    if not len(cells):
        raise ValueError(f"{path} has a header ({', '.join(names)}) but no rows.")
    return names, cells, header


def _headed(path: Path, cells: np.ndarray) -> bool:
    """Whether the first row names the columns: it does if it is of another kind than the rest."""
    first, below = list(cells[0]), cells[1:20]
    counts = [str(k) for k in range(len(first))]  # the names that pandas gives
    if len(first) > 1 and first == ["", *counts[:-1]]:
        return True
    words = [k for k, cell in enumerate(first) if not _is_value(cell)]
    if not words and first != counts:
        return False
    if any(len(below) and all(map(_is_value, below[:, k])) for k in words):
        return True
    if words and not any(_is_number(first[k]) and all(map(_is_number, below[:, k]))
                         for k in range(len(first))):  # fmt: skip
        return True
    raise ValueError(
        f"{path}: the first row ({', '.join(first)}) may hold names or numbers. Say header=True if "
        "it names the columns, else header=False."
    )


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or COMMA.fullmatch(cell))


def _is_value(cell: str) -> bool:
    """Whether a cell holds what is below a header: a number, a date, or nothing."""
    if cell.lower() in MISSING | INFINITE or _is_number(cell):
        return True
    return bool(dates_of(np.array([cell], object)))


def decimal_of(path: Path, cells: np.ndarray) -> str:
    """A comma where numbers have commas and none has a point."""
    commas = [cell for cell in cells.flat if "," in cell and COMMA.fullmatch(cell)]
    points = [cell for cell in cells.flat if "." in cell and NUMBER.fullmatch(cell)]
    found = points or commas
    if not all(GROUPED.fullmatch(cell) for cell in found):
        return "." if points else ","
    if not found or (points and not any(map(_up_to_thousand, cells.T))):
        return "."
    mark, name = (".", "point") if points else (",", "comma")
    raise ValueError(
        f"{path} holds numbers such as {found[0]!r}, which can be read in two ways: say "
        f'decimal="{mark}" if the {name} is a decimal one; take it out if it marks thousands.'
    )


def _up_to_thousand(column: np.ndarray) -> bool:
    """Whether a column with points has whole numbers, too, none of which is above 999."""
    whole = [cell for cell in column if INTEGER.fullmatch(cell)]
    pointed = any("." in cell and NUMBER.fullmatch(cell) for cell in column)
    return pointed and bool(whole) and all(len(cell.strip("+-")) <= 3 for cell in whole)


def numbers_of(column: np.ndarray, decimal: str) -> np.ndarray:
    """The numbers of a column, (R,), NaN where there is none."""
    if decimal == ",":  # then a point is no part of a number
        column = [cell.replace(".", "?").replace(",", ".") for cell in column]
    return np.array([float(cell) if NUMBER.fullmatch(cell) else np.nan for cell in column])


def whole_of(column: np.ndarray) -> np.ndarray | None:
    """A column of whole numbers as Python's, never rounded, (R,); None where one is another."""
    if all(INTEGER.fullmatch(cell) for cell in column):
        return np.array([int(cell) for cell in column], object)
    return None


def dates_of(column: np.ndarray) -> list[np.ndarray]:
    """The ways to read a column as dates or times of the day, each in seconds, (R,).

    There is none where a cell is neither, and more than one where days could be months.
    """
    import pandas as pd

    if not all(DATE.search(cell) for cell in column):
        return []
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the format differs from row to row, or has no zone
        for options in ({"format": "ISO8601"}, {"dayfirst": False}, {"dayfirst": True}):
            try:
                dates = pd.to_datetime(pd.Series(column, dtype=object), utc=True, **options)
            except (ValueError, OverflowError):
                continue
            found.append((dates - dates.iloc[0]).dt.total_seconds().to_numpy())
            if "format" in options:
                break
    return found


def direction_of(time: np.ndarray) -> int:
    """1 where it only rises, −1 where it only falls, else 0."""
    steps = np.diff(time)
    return int((steps > 0).all()) or -int((steps < 0).all())
