"""A JupyterLab as `make lab` starts it, on a copy of the course, and a browser in front of it.

Where Chromium or Playwright is missing, the journeys are skipped; `make browser-test` gets both.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Notebook, Server, Shots, Stored

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = None if CHROMIUM else "Chromium is not on this machine: make browser-test gets it"
    try:
        import playwright  # noqa: F401
    except ImportError:
        reason = "Playwright for Python is not installed: make browser-test gets it"
    for item in items:
        if reason and item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def server(course) -> Iterator[Server]:
    """`make lab` in the copy, under the smoke profile, with settings and a kernel of its own."""
    home = course.parent / "jupyter"
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    env = {**os.environ, "COURSE_PROFILE": "smoke", "PYTHONPATH": str(course)}
    env |= {f"JUPYTER_{place}": str(home / place.lower()) for place in places}
    env |= {f"JUPYTERLAB_{what}_DIR": str(home / what) for what in ("SETTINGS", "WORKSPACES")}
    env["COURSE_DATA"] = str(ROOT / os.environ.get("COURSE_DATA", "datasets"))
    (home / "config_dir").mkdir(parents=True)
    settings = {"ServerApp": {"open_browser": False, "allow_root": True}}
    (home / "config_dir" / "jupyter_server_config.json").write_text(json.dumps(settings))
    notices = home / "SETTINGS" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True)
    (notices / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    # The environment is there: it is the one that runs these tests.
    command = ["make", "--old-file=.venv/.ready", "READY=.venv/.ready", f"BIN={sys.prefix}/bin"]
    log = (home / "log").open("w+")
    process = subprocess.Popen(
        [*command, "lab"], cwd=course, env=env, stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield Server(course, process, home / "log")
    finally:
        # Not Ctrl+C: it asks a question, and two at once may reach a busy server as one.
        os.killpg(process.pid, signal.SIGTERM)  # shuts the kernels down too
        process.wait(timeout=60)
        log.close()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """One Chromium for all journeys. Playwright's loop must end with this file's tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A fresh window, as after starting the browser anew."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)  # nobody waits so long, but on a busy machine
    yield context.new_page()
    context.close()


@pytest.fixture
def shots(request) -> Shots:
    """This journey's pictures, which are taken where `COURSE_SCREENSHOTS` names a folder."""
    folder = os.environ.get("COURSE_SCREENSHOTS")
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_")
    return Shots(Path(folder) if folder else None, name)


@pytest.fixture
def stored(page, shots, tmp_path) -> Callable[[str], Stored]:
    """`stored("00")` is lesson 00 as it is stored."""
    return lambda lesson: Stored(page, shots, lesson, tmp_path)


@pytest.fixture
def notebook(server, page, shots) -> Iterator:
    """`notebook("00")` opens lesson 00 as it is stored; its kernel ends with the journey."""
    yield lambda lesson, address="": Notebook(page, server, shots, lesson).open(address)
    server.shut_kernels_down()
