"""The tables in README.md, each between its two marks: lessons, claims, a scoreboard."""

from . import claims, launch, source, timings
from .course import AuthoringError, Course, replace_file

HEAD = (
    "| | Lesson | What it is about | CPU, minutes | CPU, MB | GPU, minutes | Open |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def table(course: Course) -> str:
    """The rows of all lessons, in Markdown."""
    times = timings.load(course)
    rows = []
    for path in course.sources():
        about = source.title(source.read(path), path)
        found = times.get(about.number, {})
        cells = [
            about.number,
            f"[{_cell(about.name)}](notebooks/{path.stem}.ipynb)",
            _cell(about.subject),
            timings.minutes(found.get("cpu")),
            str(found.get("cpu", {}).get("peak_mb", "—")),
            timings.minutes(found.get("gpu")),
            f"[Colab]({launch.colab_url(course.repository, path.stem)}) · "
            f"[Binder]({launch.binder_url(course.repository, path.stem)})",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([HEAD, *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def scoreboard(course: Course) -> str:
    """The table that the cell tagged `scoreboard` shows, in HTML; empty where there is none."""
    for path in course.sources():
        solved = course.solved(path)
        cells = source.loads(solved.read_bytes()).cells if solved.exists() else ()
        for cell in cells:
            for output in cell.get("outputs", []) if "scoreboard" in source.tags(cell) else ():
                if shown := output.get("data", {}).get("text/html"):
                    return shown
    return ""


BLOCKS = {"lessons": table, "claims": claims.count, "scoreboard": scoreboard}


def marks(block: str) -> tuple[str, str]:
    """The lines between which a block is."""
    return f"<!-- {block}:begin -->", f"<!-- {block}:end -->"


def with_tables(course: Course) -> str:
    """README.md with fresh blocks; AuthoringError where it has no place for the lessons."""
    text = course.readme.read_text(encoding="utf-8") if course.readme.exists() else ""
    for block, made in BLOCKS.items():
        first, last = marks(block)
        before, begin, rest = text.partition(first)
        _, end, after = rest.partition(last)
        if begin and end:
            text = f"{before}{begin}\n{made(course)}\n{end}{after}"
        elif block == "lessons":
            raise AuthoringError(f"README.md has no place for the lessons: {first} … {last}")
    return text


def problems(course: Course) -> list[str]:
    """Empty when the tables are in step; a course without lessons needs none."""
    if not course.sources() and not course.readme.exists():
        return []
    try:
        fresh = with_tables(course)
    except AuthoringError as error:
        return [str(error)] if course.sources() else []
    if fresh != course.readme.read_text(encoding="utf-8"):
        return ["README.md: its tables are out of step: run `table`"]
    return []


def write_table(course: Course) -> None:
    replace_file(course.readme, with_tables(course).encode())
