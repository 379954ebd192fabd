"""Percent-format source in, notebook out, always the same bytes; knows nothing about outputs."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .. import checks
from . import launch, timings
from .course import AuthoringError, Course

# `comment_magics` off: a comment `# %time` stays a comment.
PERCENT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
LAYOUT = ("title", "lines_to_next_cell", "lines_to_end_of_cell_marker")  # jupytext's, of the text
MINUTES = "{{minutes}}"


@dataclass(frozen=True)
class Title:
    """What the first cell of a lesson says: `# 12 · Name`, then a paragraph on its subject."""

    number: str
    name: str
    subject: str


def read(path: Path) -> list[NotebookNode]:
    """The cells of a source as they stand there; refuses what is not plain Python."""
    text = path.read_text(encoding="utf-8")
    _refuse_other_than_python(path.name, text)
    cells = jupytext.reads(text, fmt=PERCENT).cells
    for index, cell in enumerate(cells, start=1):
        if cell.cell_type == "code":
            _refuse_other_than_python(f"{path.name}, cell {index}", cell.source)
        cell.source = cell.source.strip("\n")
        for key in LAYOUT:
            cell.metadata.pop(key, None)
    title(cells, path)
    return cells


def _refuse_other_than_python(where: str, code: str) -> None:
    """A source also runs as a script, so every line of it is Python."""
    try:
        compile(code, where, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = "".join(code.split("\n")[(error.lineno or 1) - 1 :][:1]).strip()
        what = "a notebook magic or shell line" if line.startswith(("%", "!", "?")) else error.msg
        raise AuthoringError(
            f"{where}, line {error.lineno}: {what}: {line!r}. A source is plain Python."
        ) from None


def title(cells: list[NotebookNode], path: Path) -> Title:
    """Number, name and subject of a lesson, from its first cell."""
    first = cells[0] if cells else None
    found = first and first.cell_type == "markdown" and re.match(r"# (\d\d) · (.+)", first.source)
    if not found or found[1] != path.name[:2]:
        raise AuthoringError(
            f"{path.name}: the first cell must be markdown and begin '# {path.name[:2]} · Title'"
        )
    paragraphs = re.split(r"\n\s*\n", first.source[found.end() :].strip())
    subject = " ".join(paragraphs[0].split()).strip("*_ ")
    return Title(found[1], found[2].strip(), subject)


def build(course: Course, path: Path, times: timings.Table | None = None) -> NotebookNode:
    """The notebook of a source, unexecuted: badges, Colab cell, minutes, effort, cell ids."""
    cells = read(path)
    number = title(cells, path).number
    times = timings.load(course) if times is None else times
    heading, _, rest = cells[0].source.partition("\n")
    rest = rest.replace(MINUTES, timings.sentence(times.get(number, {})))
    badges = launch.badges(course.repository, path.stem)
    first = f"{heading}\n\n{badges}\n\n{rest.strip()}".strip()
    made = [
        new_markdown_cell(first, id="title", metadata=cells[0].metadata),
        new_code_cell(
            launch.colab_cell(course.repository),
            id="colab",
            metadata={"tags": ["colab"], "jupyter": {"source_hidden": True}},
        ),
        *_with_ids([_with_effort(cell) for cell in cells[1:]]),
    ]
    notebook = new_notebook(cells=made, metadata=METADATA)
    nbformat.validate(notebook)
    return notebook


def _with_effort(cell: NotebookNode) -> NotebookNode:
    """A cell that opens an exercise, with its minutes and level, which its data knows."""

    def stamped(found: re.Match) -> str:
        exercise = checks.exercises(found[2]).get(found[1])
        effort = f"\n\n*About {exercise.minutes} minutes, {exercise.level}.*" if exercise else ""
        return found[0] + effort

    if cell.cell_type == "markdown":
        cell.source = re.sub(r"### Exercise ((\d\d)\.\d) · .*", stamped, cell.source)
    return cell


def _with_ids(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Cells named after their content: an edit renames one cell, not all those that follow."""
    seen: dict[str, int] = {}
    made = []
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        name = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        new = new_code_cell if cell.cell_type == "code" else new_markdown_cell
        made.append(new(cell.source, id=name, metadata=cell.metadata))
    return made


def dumps(notebook: NotebookNode) -> bytes:
    """The bytes of a notebook as they are stored."""
    return (nbformat.writes(notebook) + "\n").encode()


def loads(data: bytes) -> NotebookNode:
    return nbformat.reads(data.decode(), as_version=4)


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))
