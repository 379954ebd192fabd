"""The rules that stored notebooks must follow; knows nothing about how they were executed."""

import base64
import re
from pathlib import Path

from nbformat import NotebookNode

from . import claims, timings
from .clean import PICTURE
from .course import Course
from .rules import ABSOLUTE
from .source import build, dumps, loads, tags
from .strip import strip

MAX_BYTES = 700_000
STAND_IN = re.compile(r"^.+ cannot be downloaded \(.+\), so .+ are used instead\.$", re.M)


def problems(course: Course, source: Path) -> list[str]:
    """All that is wrong with both notebooks of a lesson, one line each."""
    solved, learner = course.solved(source), course.learner(source)
    missing = [path for path in (solved, learner) if not path.exists()]
    if missing:
        return [f"{place(path)}: missing: run `lesson {source.name[:2]}`" for path in missing]
    return [
        *out_of_step(course, source),
        *not_stripped(course, source),
        *no_cover(course, source),
        *timings.over_budget(timings.load(course), source.name[:2]),
        *claims.problems(course, source.name[:2], loads(solved.read_bytes())),
        *(line for path in (solved, learner) for line in unfit(path)),
    ]


def place(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def bare(notebook: NotebookNode) -> list[tuple]:
    """What of a notebook comes from its source: everything but outputs."""
    return [(c.cell_type, c.id, c.source, dict(c.metadata)) for c in notebook.cells]


def out_of_step(course: Course, source: Path) -> list[str]:
    """The stored solution holds the cells of a fresh build, run under a real profile."""
    path = course.solved(source)
    stored = loads(path.read_bytes())
    if bare(stored) != bare(build(course, source)):
        number = source.name[:2]
        return [f"{place(path)}: not what {source.name} builds: run `refresh {number}`"]
    if stored.metadata.get("course", {}).get("profile") not in ("cpu", "gpu"):
        return [f"{place(path)}: its outputs are not of a cpu or gpu run"]
    return []


def not_stripped(course: Course, source: Path) -> list[str]:
    """The learner's notebook is the solved one without its solutions, byte for byte."""
    fresh = learner_bytes(course.solved(source).read_bytes())
    path = course.learner(source)
    if path.read_bytes() == fresh:
        return []
    return [f"{place(path)}: not its solution stripped: run `strip {source.name[:2]}`"]


def learner_bytes(solved: bytes) -> bytes:
    return dumps(strip(loads(solved)))


def unfit(path: Path) -> list[str]:
    """Size, widget state, machine paths and alt text of one stored notebook."""
    notebook = loads(path.read_bytes())
    found = unstorable(notebook)
    if "widgets" in notebook.metadata:
        found.append("has metadata.widgets, which GitHub rejects")
    for number, cell in enumerate(notebook.cells, 1):
        found += [f"cell {number} {what}" for what in (*machine_paths(cell), *no_alt(cell))]
    return [f"{place(path)}: {what}" for what in found]


def unstorable(notebook: NotebookNode) -> list[str]:
    """What forbids to store the run of a notebook at all."""
    return [*too_large(notebook), *stand_ins(notebook)]


def stand_ins(notebook: NotebookNode) -> list[str]:
    """The data that a run had to do without: what it shows is not the lesson's result."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = "\n".join(output.get("text", "") for output in outputs)
    return [f"is of a run in which {found}" for found in STAND_IN.findall(texts)]


def too_large(notebook: NotebookNode) -> list[str]:
    """At most 700 KB; names the largest cell."""
    size = len(dumps(notebook))
    if size <= MAX_BYTES:
        return []
    sizes = {number: len(str(cell)) for number, cell in enumerate(notebook.cells, 1)}
    largest = max(sizes, key=sizes.__getitem__)
    return [
        f"is {size / 1000:.0f} KB, at most {MAX_BYTES // 1000}; "
        f"the largest is cell {largest} with {sizes[largest] / 1000:.0f} KB"
    ]


def machine_paths(cell: NotebookNode) -> list[str]:
    texts = [cell.source]
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
        data = output.get("data", {}).items()
        texts += [text for kind, text in data if kind.startswith("text/")]
    texts = [PICTURE.sub("", text) for text in texts]  # where anything may look like a path
    found = [match[0] for match in map(ABSOLUTE.search, texts) if match]
    return [f"names a path of one machine: {path}…" for path in found]


def cover(notebook: NotebookNode) -> bytes | None:
    """The picture that the cell tagged `cover` drew, as a PNG file."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if "cover" in tags(cell) else []:
            found = re.search(r'src="data:image/png;base64,([^"]+)"', html(output))
            if found:
                return base64.b64decode(found[1])
    return None


def html(output: NotebookNode) -> str:
    return output.get("data", {}).get("text/html", "")


def results(course: Course, source: Path) -> str:
    """What the cells tagged `result` printed: the figures that a lesson is known by."""
    cells = loads(course.solved(source).read_bytes()).cells
    outputs = [o for cell in cells if "result" in tags(cell) for o in cell.outputs]
    return "".join(output.get("text", "") for output in outputs)


def no_cover(course: Course, source: Path) -> list[str]:
    """The cover on the disk is the picture in the solved notebook."""
    path = course.cover(source)
    drawn = cover(loads(course.solved(source).read_bytes()))
    if drawn == (path.read_bytes() if path.exists() else None):
        return []
    return [f"images/{path.name}: not the cover of its lesson: run `strip {source.name[:2]}`"]


def no_alt(cell: NotebookNode) -> list[str]:
    """Each picture among the outputs is an `<img>` with alt text."""
    found = []
    for output in cell.get("outputs", []):
        for kind in output.get("data", {}):
            if kind.startswith("image/"):  # which JupyterLab shows without
                found.append(f"has a picture ({kind}) that is not an <img> with alt text")
        for tag in re.findall(r"<img\b[^>]*>", html(output)):
            if not re.search(r'\balt="[^"]+"', tag):
                found.append("has an <img> without alt text")
    return found
