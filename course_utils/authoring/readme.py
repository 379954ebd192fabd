"""The table of lessons in README.md, between its two marks; knows nothing about notebooks."""

from . import launch, source, timings
from .course import AuthoringError, Course, replace_file

BEGIN, END = "<!-- lessons:begin -->", "<!-- lessons:end -->"
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


def with_table(course: Course) -> str:
    """README.md with a fresh table; AuthoringError where it has no place for one."""
    text = course.readme.read_text(encoding="utf-8") if course.readme.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise AuthoringError(f"README.md has no place for the lessons: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table(course)}\n{END}{after}"


def problems(course: Course) -> list[str]:
    """Empty when the table is in step; a course without lessons needs none."""
    if not course.sources() and not course.readme.exists():
        return []
    try:
        fresh = with_table(course)
    except AuthoringError as error:
        return [str(error)] if course.sources() else []
    if fresh != course.readme.read_text(encoding="utf-8"):
        return ["README.md: the table of lessons is out of step: run `table`"]
    return []


def write_table(course: Course) -> None:
    replace_file(course.readme, with_table(course).encode())
