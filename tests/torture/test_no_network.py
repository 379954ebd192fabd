"""Every notebook with no network and no data but what the course brings along."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.authoring.course import here

HERE = Path(__file__).parent
SPACE = shutil.which("unshare") and not subprocess.call(["unshare", "-rn", "true"])
OFF = ["unshare", "-rn", sys.executable, str(HERE / "no_network.py")] if SPACE else []
SHORT = ("11", "21")  # pictures, text


def environment(course):
    """No shared data, an empty cache, and the guard where there are no namespaces."""
    home = course.parent / "home"
    search = [str(course), *([] if SPACE else [str(HERE / "guard")])]
    changes = {
        "COURSE_PROFILE": "smoke", "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONPATH": os.pathsep.join(search),
    }  # fmt: skip
    return {k: v for k, v in (os.environ | changes).items() if k != "COURSE_DATA"}


def test_the_network_is_off(course):
    """Or the other tests here would prove nothing."""
    code = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    done = subprocess.run(
        [*OFF, sys.executable, "-c", code], env=environment(course), capture_output=True, text=True
    )
    assert done.returncode and "Network is unreachable" in done.stderr


@pytest.mark.parametrize("source", here().sources(), ids=lambda source: source.stem)
def test_a_notebook_without_a_network(source, course, long, figure):
    if not long and source.name[:2] not in SHORT:
        pytest.skip("of all lessons only at full length: make torture")
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600"]
    folders = ("notebooks", "solutions") if long else ("notebooks",)  # one code, but for answers
    books = [f"{folder}/{source.stem}.ipynb" for folder in folders]
    done = subprocess.run(
        [*OFF, sys.executable, "-m", "pytest", *nbval, "-p", "no:xdist", *books], cwd=course,
        env=environment(course), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    figure(
        f"no network, lesson {source.name[:2]}", "passes", done.stdout.splitlines()[-1].strip("= ")
    )
