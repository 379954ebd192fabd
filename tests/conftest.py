"""Every test runs on one CPU thread, in a project root of its own, and never in the checkout."""

import os
from pathlib import Path

import pytest
import torch

from course_utils import paths, runtime

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


@pytest.fixture
def smoke(monkeypatch) -> None:
    """The smoke profile."""
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
