"""What `import course_utils` offers, what it costs, and who may import whom."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

import course_utils as cu

PACKAGE = Path(cu.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
SUBMODULES = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} | {
    path.parent.name for path in PACKAGE.glob("*/__init__.py")
}


@pytest.mark.parametrize("name", cu.__all__)
def test_each_public_name_exists_and_is_described(name):
    assert inspect.getdoc(getattr(cu, name))


def test_the_names_are_in_order_and_complete():
    assert cu.__all__ == sorted(cu.__all__)
    public = {
        name
        for name, value in vars(cu).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public <= set(cu.__all__)


PUBLIC = {
    f"{name}.{member}": getattr(value, member)
    for name, value in ((name, getattr(cu, name)) for name in cu.__all__)
    for member in vars(value)
    if inspect.isclass(value) and inspect.isfunction(vars(value)[member]) and member[0] != "_"
} | {
    f"{module.__name__}.{name}": value
    for module in (
        cu.checkpoint, cu.data, cu.data.augment, cu.mel, cu.metrics, cu.plots, cu.sound,
        cu.widgets,
    )
    for name, value in vars(module).items()
    if inspect.isroutine(value) and name[0] != "_" and value.__module__.startswith("course_utils")
}  # fmt: skip


def test_a_trainer_offers_what_a_learner_uses_and_nothing_else():
    assert [name for name in dir(cu.Trainer(net=nn.Linear(1, 1))) if name[0] != "_"] == [
        "device", "evaluate", "fit", "folder", "full_precision", "history", "parts", "resume",
        "steps", "update",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["checkpoint", "data", "mel", "metrics", "plots", "sound", "widgets"]
)
def test_each_public_module_says_what_is_public(name):
    module = getattr(cu, name)
    found = {key.rpartition(".")[2] for key in PUBLIC if key.startswith(f"{module.__name__}.")}
    assert found - {*dir(cu.data.augment)} <= {*module.__all__}
    assert all(hasattr(module, one) for one in module.__all__)


@pytest.mark.parametrize("function", PUBLIC.values(), ids=PUBLIC)
def test_each_public_function_has_a_docstring_and_type_hints(function):
    assert inspect.getdoc(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.name == "self" or parameter.annotation is not inspect.Parameter.empty


def test_the_import_is_light():
    """Neither torchvision, which may not match torch, nor what only authors need."""
    code = (
        "import sys, course_utils; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    )
    heavy = ["torchvision", "jupytext", "nbformat", "nbclient", "nbconvert", "sklearn", "pandas"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], cwd=PACKAGE.parent, env=dict(os.environ),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == []


def imported(path):
    """The parts of the package that a file imports: `data`, `checks`, `training` and so on."""
    package = ("course_utils", *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            whole = [*base, *(node.module or "").split(".")] if node.module else [*base]
            found |= {(*whole, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
    return {name[1] for name in found if name[0] == "course_utils" and len(name) > 1} & SUBMODULES


def part(path):
    """Which part of the package a file belongs to."""
    inside = path.relative_to(PACKAGE)
    return inside.stem if len(inside.parts) == 1 else inside.parts[0]


# Imports run one way: each part may know these, and itself, and nothing else of the package.
MAY_KNOW = {
    "arguments": set(),
    "runtime": {"arguments"},
    "printing": {"arguments"},
    "paths": {"arguments"},
    "checkpoint": {"arguments"},
    "batching": {"arguments", "randomness"},
    "locks": {"arguments", "paths"},
    "randomness": {"arguments"},
    "faults": set(),
    "scaling": set(),
    "gradients": {"arguments", "scaling"},
    "history": {"arguments"},
    "readings": {"arguments", "faults", "history"},
    "modules": set(),
    "plots": {"arguments"},
    "mel": {"arguments"},
    "sound": {"arguments"},
    "start": {"arguments", "plots", "runtime"},
    "widgets": {"arguments", "plots"},
    "display": {"plots", "history"},
    "scoreboards": {"arguments"},
    "metrics": {"arguments", "checkpoint", "locks", "paths", "runtime"},
    "data": {"arguments", "locks", "runtime", "paths"},
    "checks": {"arguments", "printing", "runtime", "data", "metrics", "plots"},
    "doctor": {"runtime", "paths"},
    "run": {"batching", "checkpoint", "history", "locks", "paths", "printing", "randomness"},
    "training": {
        "arguments", "batching", "display", "faults", "gradients", "history", "modules",
        "randomness", "readings", "run", "runtime", "scaling",
    },
    "claims": {"arguments", "printing", "runtime"},
    "authoring": {"checks", "claims", "runtime", "scoreboards"},
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    if path == PACKAGE / "__init__.py":
        assert imported(path) <= SUBMODULES - {"authoring"}
    else:
        assert imported(path) <= MAY_KNOW[part(path)] | {part(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_file_says_what_it_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree).split("\n")[0].endswith((".", ":")), "one sentence first"
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in top if isinstance(n, ast.ImportFrom) and n.module}
    assert "torchvision" not in {name.split(".")[0] for name in names}
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree))
