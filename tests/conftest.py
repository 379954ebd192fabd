"""Every test runs on one CPU thread, in a project root of its own, and never in the checkout.

What a test counts, `figure` puts into the table that ends the run. Tests marked `report` are
counted there by the kind of public bug report that they try.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import reports
import torch

from course_utils import paths, runtime

pytest.register_assert_rewrite("wrong")  # so that its assertions say what they compare

if os.environ.get("COURSE_DATA"):  # relative to the real root, which the tests replace
    os.environ["COURSE_DATA"] = str(paths.root() / os.environ["COURSE_DATA"])


@pytest.fixture(autouse=True)
def root(tmp_path_factory, monkeypatch) -> Path:
    """An empty project root, for relative run folders and data; the user's cache is beside it."""
    root = tmp_path_factory.mktemp("home") / "root"
    root.mkdir()
    monkeypatch.setattr(paths, "root", lambda: root)
    monkeypatch.setattr(paths, "cache", lambda: root.parent / "cache")
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cpu"))
    monkeypatch.delenv("COURSE_RUNS", raising=False)
    return root


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order, and no quarrel over the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A copy of the course without data: what is run in it never touches the stored notebooks."""
    copy = tmp_path_factory.mktemp("copy") / "course"
    ignored = shutil.ignore_patterns(
        ".*", "__pycache__", "*.egg-info", "datasets", "runs", "my_work"
    )
    shutil.copytree(Path(__file__).parents[1], copy, ignore=ignored)
    return copy


@pytest.fixture
def smoke(monkeypatch) -> None:
    """The smoke profile."""
    monkeypatch.setenv("COURSE_PROFILE", "smoke")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the tortures at full length")


@pytest.fixture
def long(request) -> bool:
    """Whether the tortures are at full length, or as short as CI has them."""
    return request.config.getoption("--long")


@pytest.fixture
def figure(record_property) -> Callable[[str, str, str], None]:
    """`figure(what, asked, measured)`: a row of the table that ends the run."""
    return lambda *row: record_property("figure", row)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("report"):
        item.user_properties.append(("report", mark.args[0]))


def pytest_terminal_summary(terminalreporter) -> None:
    done = [report for kind in terminalreporter.stats.values() for report in kind]
    done = [report for report in done if getattr(report, "when", "") == "call"]
    tried = [
        (r.nodeid, not r.failed, kind)
        for r in done
        for name, kind in r.user_properties
        if name == "report"
    ]
    head = ("kind of public bug report", "reports tried", "mended", "inputs under test")
    _table(terminalreporter, "public bug reports", head, reports.rows(tried))
    found = [report.user_properties for report in done]
    rows = [(name, row) for one in found for name, row in one]
    figures = sorted(tuple(row) for name, row in rows if name == "figure")
    _table(terminalreporter, "survived", ("what was provoked", "asked", "measured"), figures)
    of = {(row[0], row[1]): row[2] for name, row in rows if name == "exercise"}
    parts = ("right answers", "mistakes", "mutants")
    exercises = [
        (number, *(of.get((number, part), "") for part in parts))
        for number in sorted({number for number, _ in of})
    ]
    _table(terminalreporter, "exercises", ("exercise", *parts), exercises)


def _table(terminalreporter, title: str, head: tuple[str, ...], rows: list[tuple]) -> None:
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    terminalreporter.section(title)
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
