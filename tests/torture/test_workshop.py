"""A workshop of fifty that starts at once, with the data there already and without."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mirrors
import pytest

from course_utils import paths

HERE = Path(__file__).parent
PATH = os.pathsep.join(map(str, (paths.root(), HERE.parent)))
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")


@pytest.fixture
def opened(root, long):
    """A function of a server's address and a shared folder: what each learner has got."""

    def workshop(address, shared=""):
        environment = {n: v for n, v in os.environ.items() if n not in mirrors.PROXIES} | {
            "PYTHONPATH": PATH, "COURSE_DATA": str(shared), "COURSE_PROFILE": "smoke",
            "XDG_CACHE_HOME": str(root.parent / "cache"), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        command = [sys.executable, HERE / "workshop.py", "50" if long else "12", root, address]
        done = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", check=True
        )
        return [tuple(each) for each in json.loads(done.stdout.splitlines()[-1])]

    return workshop


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_data_in_a_shared_folder_is_downloaded_by_nobody(opened, tmp_path, root, figure):
    shared = tmp_path / "shared" / "MNIST" / "raw"
    shared.mkdir(parents=True)
    for name, content in mirrors.PACKED.items():
        (shared / name).write_bytes(content)
    before = files(tmp_path)
    with mirrors.serve(mirrors.PACKED) as (address, asked):
        found = opened(f"{address}/good/", tmp_path / "shared")
    assert len(set(found)) == 1 and found[0][0] == "mnist"
    assert asked == [] and files(tmp_path) == before and not list(root.rglob("*-ubyte*"))
    figure(
        "a workshop, data in COURSE_DATA", "nobody downloads",
        f"{len(found)} learners, {len(asked)} downloads",
    )  # fmt: skip


def test_data_that_all_want_at_once_is_downloaded_once(opened, root, figure):
    with mirrors.serve(mirrors.PACKED) as (address, asked):
        found = opened(f"{address}/good/")
    assert len(set(found)) == 1 and found[0][0] == "mnist"
    assert len(asked) == len(mirrors.PACKED)
    left = [path for path in root.rglob("*") if path.is_file()]
    assert {path.name: path.read_bytes() for path in left} == mirrors.PACKED
    figure(
        "a workshop, no data, one folder", "each file downloaded once",
        f"{len(found)} learners, {len(asked)} downloads of {len(mirrors.PACKED)} files",
    )  # fmt: skip
