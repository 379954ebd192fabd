"""Tables of results: HTML in a notebook, aligned text elsewhere."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from . import arguments

LEFT = ' style="text-align: left"'


class Table:
    """Rows of a scoreboard: HTML in a notebook, aligned text elsewhere.

    Not by pandas, which takes half a second to import: its `to_html` aligns all columns alike, and
    its Styler writes three times as much to align them one by one.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        names = dict.fromkeys(name for row in rows for name in row)
        self.columns = [str(name) for name in names]
        self.cells = [[_cell(row.get(name, "")) for name in names] for row in rows]

    def __repr__(self) -> str:
        return "\n".join(aligned([self.columns, *self.cells]))

    def _repr_html_(self) -> str:
        from html import escape

        # Pages align table cells to the right by default: right for numbers, not for words.
        sides = ["" if _numbers(column) else LEFT for column in zip(*self.cells, strict=True)]

        def row(tag: str, cells: Sequence[str]) -> str:
            close = tag.split()[0]
            pairs = zip(cells, sides, strict=True)
            return "".join(f"<{tag}{side}>{escape(cell)}</{close}>" for cell, side in pairs)

        head = row('th scope="col"', self.columns)
        body = "".join(f"<tr>{row('td', cells)}</tr>" for cells in self.cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def scoreboard(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show rows of results as a table: `[{"model": "CNN", "test accuracy": "99.1 %"}, …]`.

    Raises:
        TypeError: it is not a list of dicts.
    """
    from IPython.display import display

    display(Table(arguments.rows("rows", rows)))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equally many cells as lines, whose columns are two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _numbers(column: Sequence[str]) -> bool:
    return all(not cell or cell[0] in "0123456789.+-−<>≤≥~±" for cell in column)


def _cell(value: Any) -> str:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, Real) and not isinstance(value, bool) else str(value)
