"""What each lesson cost, and each kind of test: the table that ends a run.

The seconds are those of the workers, added up. Busy machines take longer: the last line gives the
rate of this one, by which minutes become quiet minutes.
"""

import re
import time
from collections import defaultdict

import pytest

from course_utils.authoring.rate import quiet_rate

BEGAN = time.perf_counter()
COLUMNS = ("nbval", "page", "widget", "checks", "other")
LESSON = re.compile(r"(?:^(?:notebooks|solutions)/|lesson_|\[)(\d\d)(?=[_.\-\]])")
KINDS = {  # the first that a test's address matches
    "nbval": r"^(notebooks|solutions)/(?!.*::widget$)",
    "widget": r"::widget$|::test_widget\[",
    "page": r"::test_page",
    "browser": r"^tests/browser/",
    "torture": r"^tests/torture/",
    "checks": r"^tests/lessons/|^tests/test_lesson_",
    "unit": r"",
}


def kind(address: str) -> str:
    """Which kind of test an address is: a key of `KINDS`."""
    return next(name for name, pattern in KINDS.items() if re.search(pattern, address))


def sums(seconds: list[tuple[str, float]]) -> tuple[dict, dict]:
    """(lesson -> column -> seconds, kind -> seconds) of (address, seconds) pairs."""
    lessons, rest = defaultdict(lambda: dict.fromkeys(COLUMNS, 0.0)), defaultdict(float)
    for address, cost in seconds:
        what = kind(address)
        if what != "unit" and (found := LESSON.search(address)):
            lessons[found[1]][what if what in COLUMNS else "other"] += cost
        else:
            rest[what] += cost
    return dict(lessons), dict(rest)


def table(seconds: list[tuple[str, float]]) -> list[str]:
    """The lines of the table."""
    lessons, rest = sums(seconds)
    lines = ["lesson " + "".join(f"{name:>9}" for name in (*COLUMNS, "all"))] if lessons else []
    for number, costs in sorted(lessons.items()):
        cells = [*costs.values(), sum(costs.values())]
        lines.append(f"{number:6} " + "".join(f"{cell:9.1f}" for cell in cells))
    lines += [f"{what:6} {cost:{9 * len(COLUMNS) + 9}.1f}" for what, cost in sorted(rest.items())]
    return [*lines, f"{'all':6} {sum(cost for _, cost in seconds):{9 * len(COLUMNS) + 9}.1f}"]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    seconds = [(r.nodeid, r.duration) for r in reports if hasattr(r, "duration")]
    if sum(cost for _, cost in seconds) < 60:
        return
    terminalreporter.section("what it cost, in seconds of the workers")
    for line in table(seconds):
        terminalreporter.write_line(line)
    minutes = (time.perf_counter() - BEGAN) / 60
    terminalreporter.write_line(
        f"{minutes:.1f} minutes, on a machine at {quiet_rate():.2f} of the quiet rate"
    )
