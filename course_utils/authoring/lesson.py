"""One lesson from source to stored notebooks, step by step; knows nothing of the command line."""

import ast
from pathlib import Path

from nbformat import NotebookNode

from . import claims, rate, readme, rules, stored, timings
from .clean import clean
from .course import AuthoringError, Course, replace_file
from .execute import Run, execute
from .source import build, dumps, loads, tags


def run(course: Course, source: Path, profile: str) -> tuple[NotebookNode, Run]:
    """Build, execute and clean; stores nothing."""
    notebook = build(course, source)
    try:
        cost = execute(notebook, course.root, profile)
    except AuthoringError as error:
        raise AuthoringError(f"{source.name}, {error}") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = clean(cell.outputs, course.root)
    notebook.metadata["course"] = {"profile": profile}
    return notebook, cost


def measure(course: Course, source: Path, profile: str) -> tuple[NotebookNode, Run]:
    """`run`, with its time and its claims recorded (of `smoke` there is no record).

    Nothing is recorded of a notebook that cannot be stored: too large, or run on stand-ins.
    """
    if profile == "smoke":
        return run(course, source, profile)
    device = timings.device_name(profile)
    before = rate.quiet_rate()
    notebook, cost = run(course, source, profile)
    quiet = 1.0 if profile == "gpu" else (before + rate.quiet_rate()) / 2
    refuse([f"{source.stem}.ipynb {what}" for what in stored.unstorable(notebook)])
    seconds = cost.seconds, cost.training_seconds, cost.wall_seconds
    entry = timings.entry(*seconds, cost.peak_mb, quiet, device)
    timings.save(course, source.name[:2], profile, entry)
    claims.record(course, source.name[:2], profile, notebook)
    return notebook, cost


def make(course: Course, source: Path, profile: str) -> Run:
    """The whole chain. Under `smoke` nothing is stored: stored outputs are real results."""
    refuse(rules.problems(source))
    if profile == "smoke":
        return run(course, source, profile)[1]
    executed, cost = measure(course, source, profile)
    store(course, source, carry(executed, build(course, source)))  # built again: new minutes
    return cost


def refresh(course: Course, source: Path) -> None:
    """Rebuild after an edit of prose or comments, with the stored outputs; refuses other edits."""
    path = course.solved(source)
    number = source.name[:2]
    if not path.exists():
        raise AuthoringError(f"{stored.place(path)}: missing: run `lesson {number}`")
    refuse(rules.problems(source))
    old, new = loads(path.read_bytes()), build(course, source)
    changed = changed_code(old, new)
    if changed:
        raise AuthoringError(
            f"{source.name}: the code of {changed} changed, so its outputs are no longer true: "
            f"run `lesson {number}`"
        )
    store(course, source, carry(old, new))


def changed_code(old: NotebookNode, new: NotebookNode) -> str:
    """Names the first code cell whose program changed; empty when only wording and layout did."""
    before, after = code_cells(old), code_cells(new)
    for number, (one, other) in enumerate(zip(before, after, strict=False), 1):
        if _program(one) != _program(other):
            return f"code cell {number}"
    return "" if len(before) == len(after) else f"{len(before)} cells, now {len(after)},"


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells of a lesson; the Colab cell prints nothing and may change its address."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if "colab" not in tags(cell)]


def _program(cell: NotebookNode) -> str:
    return ast.dump(ast.parse(cell.source))


def carry(executed: NotebookNode, fresh: NotebookNode) -> NotebookNode:
    """The fresh build with the outputs of the executed one, whose code is the same."""
    for old, new in zip(code_cells(executed), code_cells(fresh), strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    for new in fresh.cells:
        if "colab" in tags(new):
            new.execution_count = 1
    if "course" in executed.metadata:
        fresh.metadata["course"] = executed.metadata["course"]
    return fresh


def store(course: Course, source: Path, solved: NotebookNode) -> None:
    """Write both notebooks; AuthoringError, with nothing written, when it cannot be stored."""
    data = dumps(solved)
    refuse([f"{source.stem}.ipynb {what}" for what in stored.unstorable(solved)])
    learner = stored.learner_bytes(data)
    replace_file(course.solved(source), data)
    replace_file(course.learner(source), learner)
    store_cover(course, source, solved)


def store_cover(course: Course, source: Path, solved: NotebookNode) -> None:
    """Write the picture of the cell tagged `cover`, where there is one."""
    picture = stored.cover(solved)
    if picture:
        course.cover(source).parent.mkdir(exist_ok=True)
        replace_file(course.cover(source), picture)


def strip_again(course: Course, source: Path) -> None:
    """Derive the learner's notebook again from the stored solution."""
    path = course.solved(source)
    if not path.exists():
        raise AuthoringError(f"{stored.place(path)}: missing: run `lesson {source.name[:2]}`")
    replace_file(course.learner(source), stored.learner_bytes(path.read_bytes()))
    store_cover(course, source, loads(path.read_bytes()))


def problems(course: Course) -> list[str]:
    """Everything that is out of step anywhere in the course."""
    found = []
    for source in course.sources():
        try:
            found += rules.problems(source) + stored.problems(course, source)
        except AuthoringError as error:
            found.append(str(error))
    return list(dict.fromkeys(found + orphans(course) + readme.problems(course)))


def orphans(course: Course) -> list[str]:
    """Notebooks that no source builds."""
    known = {path.stem for path in course.sources()}
    paths = [*course.notebooks.glob("*.ipynb"), *course.solutions.glob("*.ipynb")]
    return [f"{stored.place(p)}: no source builds it" for p in sorted(paths) if p.stem not in known]


def refuse(problems: list[str]) -> None:
    if problems:
        raise AuthoringError("\n".join(problems))
