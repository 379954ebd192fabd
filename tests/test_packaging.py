"""`environment.yml` (conda, Binder) asks for what `pyproject.toml` (pip) asks for."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import course_utils

ROOT = Path(course_utils.__file__).parent.parent
CONDA = {"pytorch-cpu": "torch", "pytorch": "torch", "torchvision-cpu": "torchvision"}


def requirement(text):
    """`torch>=2.11` as ("torch", "2.11"); nothing but a lower bound is allowed."""
    match = re.fullmatch(r"([A-Za-z0-9_.-]+?)\s*>=\s*([\d.]+)", text)
    assert match, f"{text!r} is not of the form name>=version"
    return match[1].lower(), match[2]


@pytest.fixture
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_both_files_ask_for_the_same(project, environment):
    pip = dict(map(requirement, project["dependencies"] + project["optional-dependencies"]["dev"]))
    conda = dict(requirement(text) for text in conda_packages(environment))
    assert conda == pip


def conda_packages(environment):
    """All but Python and pip themselves, by their names on PyPI."""
    for text in environment["dependencies"]:
        assert isinstance(text, str), "conda packages only: a pip section is installed apart"
        name = re.match(r"[A-Za-z0-9_.-]*[A-Za-z0-9_]", text)[0]
        if name not in ("python", "pip"):
            yield text.replace(name, CONDA.get(name, name), 1)


def test_python_is_named_or_binder_takes_an_old_one(project, environment):
    [python] = [text for text in environment["dependencies"] if re.match("python *[=<>]", text)]
    named = tuple(map(int, re.fullmatch(r"python *(?:=|>=) *(\d+)\.(\d+)", python).groups()))
    least = tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))
    assert named >= least


def test_every_package_that_is_imported_is_asked_for(project):
    """Nothing works only because another package happens to bring it along."""
    asked = {requirement(text)[0] for text in project["dependencies"]}
    used = set()
    for path in (ROOT / "course_utils").rglob("*.py"):
        if "authoring" not in path.parts:
            used |= set(re.findall(r"^ *(?:from|import) (\w+)", path.read_text("utf-8"), re.M))
    names = {"PIL": "pillow", "sklearn": "scikit-learn", "IPython": "ipykernel"}
    assert {names.get(name, name) for name in used - sys.stdlib_module_names} <= asked
