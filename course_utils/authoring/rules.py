"""The rules that a lesson's source must follow; knows nothing about its outputs."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from nbformat import NotebookNode

from . import source
from .source import tags
from .strip import BEGIN, CHECK, END, without_solution

MAX_LINE, MAX_CELL, MAX_MEDIAN = 88, 25, 8
TAGS = {
    *("cover", "result", "scoreboard", "exercise", "solution", "instructor", "raises-exception"),
    *("nbval-check-output", "nbval-ignore-output", "nbval-raises-exception", "nbval-skip"),
}
ABSOLUTE = re.compile(
    r"(?<![\w.~:/])/(?:home|Users|root|tmp|work|workspace|mnt|opt|usr|var|private)/\w"
    r"|\b[A-Z]:\\(?:Users|Windows|Program|Temp)"
)


@dataclass(frozen=True)
class Lesson:
    """A source as the rules see it: its lines, its cells, the line where each cell begins."""

    path: Path
    lines: list[str]
    cells: list[NotebookNode]

    def code(self) -> list[tuple[int, NotebookNode]]:
        return [(i, c) for i, c in enumerate(self.cells, 1) if c.cell_type == "code"]

    def prose(self) -> list[tuple[int, NotebookNode]]:
        return [(i, c) for i, c in enumerate(self.cells, 1) if c.cell_type == "markdown"]

    def where(self, cell: int) -> str:
        """`cell 7 (line 120)`; the line only where cell marks and cells are as many."""
        starts = [i for i, line in enumerate(self.lines, 1) if line.startswith("# %%")]
        line = f" (line {starts[cell - 1]})" if len(starts) == len(self.cells) else ""
        return f"cell {cell}{line}"


Problems = Iterator[tuple[int | str, str]]  # (cell number, or another place; what is wrong)


def short_lines(lesson: Lesson) -> Problems:
    """Lines ≤ 88; an address or a row of a Markdown table cannot be broken."""
    for number, line in enumerate(lesson.lines, 1):
        if len(line) > MAX_LINE and "://" not in line and not line.startswith("# |"):
            yield f"line {number}", f"has {len(line)} characters, at most {MAX_LINE}"


def short_cells(lesson: Lesson) -> Problems:
    """At most 25 lines of code in a cell that are not blank, at most 8 in the median cell."""
    lengths = []
    for number, cell in lesson.code():
        lengths.append(sum(bool(line.strip()) for line in cell.source.splitlines()))
        if lengths[-1] > MAX_CELL:
            yield number, f"has {lengths[-1]} lines of code, at most {MAX_CELL}"
    if lengths and median(lengths) > MAX_MEDIAN:
        yield "code cells", f"have {median(lengths):g} lines in the median, at most {MAX_MEDIAN}"


def no_machine_paths(lesson: Lesson) -> Problems:
    for number, cell in enumerate(lesson.cells, 1):
        if found := ABSOLUTE.search(cell.source):
            yield number, f"names a path of one machine: {found[0]}…"


def checks_of_this_lesson(lesson: Lesson) -> Problems:
    for number, cell in lesson.code():
        for found in re.finditer(r"cu\.check\(\s*[\"']([^\"']*)", cell.source):
            if not re.fullmatch(rf"{lesson.path.name[:2]}\.\d+", found[1]):
                yield number, f"checks {found[1]!r}, which is not an exercise of this lesson"


def solutions_are_marked(lesson: Lesson) -> Problems:
    """BEGIN and END in pairs; an exercise has a solution to take out; what is left is Python."""
    for number, cell in lesson.code():
        depth, lowest = 0, 0
        for line in map(str.strip, cell.source.splitlines()):
            depth += line.startswith(BEGIN) - line.startswith(END)
            lowest = min(lowest, depth)
        if depth or lowest:
            yield number, f"'{BEGIN}' and '{END}' are not in pairs"
        elif not _parses(without_solution(cell.source)):
            yield number, "is no longer Python once its solution is taken out"
        if "exercise" in tags(cell) and BEGIN not in cell.source and "solution" not in tags(cell):
            yield number, f"is tagged 'exercise' and marks no solution with '{BEGIN}'"


def nothing_needs_a_solution(lesson: Lesson) -> Problems:
    """No later cell uses a function that learners have yet to write, unless it says so."""
    unwritten: set[str] = set()
    for number, cell in lesson.code():
        tree = ast.parse(cell.source)
        own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if "exercise" in tags(cell):
            unwritten |= own
            continue
        unwritten -= own
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & unwritten
        said = tags(cell) & {"solution", "instructor"}
        if used and not said and not re.search(CHECK, cell.source):
            names = ", ".join(sorted(used))
            yield number, f"uses {names} of an exercise and is not tagged 'solution'"


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def cells_can_run_again(lesson: Lesson) -> Problems:
    """No cell makes a name from itself, as `data = data.few(9)`: run twice, it would differ.

    `BATCH = min(BATCH, 9)` is the same at the second time, and so is what the cell has made before.
    """
    for number, cell in lesson.code():
        made: set[str] = set()
        for line in ast.parse(cell.source).body:
            if isinstance(line, ast.AugAssign) and isinstance(line.target, ast.Name):
                again = {line.target.id}
            elif isinstance(line, ast.Assign) and not _is_extreme(line.value):
                read = _names(line.value, ast.Load) - _names(line.value, ast.Store)
                again = read.intersection(*(_names(goal, ast.Store) for goal in line.targets))
            else:
                again = set()
            for name in sorted(again - made):
                yield number, f"makes {name!r} from itself, so it cannot be run again"
            made |= _names(line, ast.Store)


def _is_extreme(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and getattr(value.func, "id", "") in ("min", "max")


def _names(tree: ast.AST, use: type[ast.expr_context]) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, use)}


def known_tags(lesson: Lesson) -> Problems:
    """A misspelt tag would hand a solution to learners; and two tags every lesson needs."""
    used = set()
    for number, cell in enumerate(lesson.cells, 1):
        used |= tags(cell)
        for tag in sorted(tags(cell) - TAGS):
            yield number, f"has the tag {tag!r}; known are {', '.join(sorted(TAGS))}"
    for tag in sorted({"exercise", "instructor"} - used):
        yield "lesson", f"has no cell tagged {tag!r}"


def folds_are_closed(lesson: Lesson) -> Problems:
    for number, cell in lesson.prose():
        for name in ("details", "summary"):
            opened = len(re.findall(rf"<{name}\b", cell.source))
            closed = cell.source.count(f"</{name}>")
            if opened != closed:
                yield number, f"has {opened} <{name}> and {closed} </{name}>"


def pictures_are_described(lesson: Lesson) -> Problems:
    for number, cell in lesson.prose():
        if re.search(r"!\[\s*\]\(", cell.source):
            yield number, "has a picture without alt text"


def title_has_subject(lesson: Lesson) -> Problems:
    subject = source.title(lesson.cells, lesson.path).subject
    if not subject or source.MINUTES in subject or subject.startswith(("#", "!", "<", "|", ">")):
        yield 1, "needs a paragraph on the lesson's subject right after the title"


RULES = (
    short_lines,
    short_cells,
    no_machine_paths,
    checks_of_this_lesson,
    solutions_are_marked,
    nothing_needs_a_solution,
    cells_can_run_again,
    known_tags,
    folds_are_closed,
    pictures_are_described,
    title_has_subject,
)


def problems(path: Path) -> list[str]:
    """Every rule that a source breaks, one line each; AuthoringError if unreadable."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lesson = Lesson(path, lines, source.read(path))
    found = []
    for rule in RULES:
        for place, what in rule(lesson):
            where = lesson.where(place) if isinstance(place, int) else place
            found.append(f"{path.name}: {where} {what}")
    return found
