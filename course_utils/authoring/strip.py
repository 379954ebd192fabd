"""Takes the solutions out of an executed notebook; a pure function that knows nothing of files."""

import re
from copy import deepcopy

from nbformat import NotebookNode

from .source import tags

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
CHECK = r"\bcu\.check\("
PLACE = "# YOUR CODE HERE"
STUB = (f"{PLACE}: replace the dots.", "...")


def strip(solved: NotebookNode) -> NotebookNode:
    """The learner's notebook: stubs for solutions, no instructor notes, no spoilt outputs."""
    notebook = deepcopy(solved)
    notebook.cells = [_learner_cell(cell) for cell in notebook.cells if _is_for_learners(cell)]
    return notebook


def _is_for_learners(cell: NotebookNode) -> bool:
    hidden = {"instructor"} if cell.cell_type == "code" else {"instructor", "solution"}
    return not tags(cell) & hidden


def _learner_cell(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type != "code":
        return cell
    spoilt = _shows_solution(cell)
    cell.source = PLACE if "solution" in tags(cell) else without_solution(cell.source)
    if spoilt:
        cell.outputs, cell.execution_count = [], None
    return cell


def _shows_solution(cell: NotebookNode) -> bool:
    """Whether the stored output comes from the solution rather than from an untouched stub."""
    return bool(
        tags(cell) & {"exercise", "solution"}
        or BEGIN in cell.source
        or re.search(CHECK, cell.source)
    )


def without_solution(code: str) -> str:
    """The code with each BEGIN … END block, marks included, replaced by a stub."""
    kept: list[str] = []
    depth = 0
    for line in code.split("\n"):
        mark = line.strip()
        if mark.startswith(BEGIN):
            if depth == 0:
                indent = line[: len(line) - len(line.lstrip())]
                kept += [indent + text for text in STUB]
            depth += 1
        elif mark.startswith(END):
            depth -= 1
        elif depth == 0:
            kept.append(line)
    return "\n".join(kept)
