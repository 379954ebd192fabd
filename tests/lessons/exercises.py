"""What a lesson's source defines, for its tests: functions, classes, exercises and their stubs."""

import ast
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu
from course_utils.authoring.course import here
from course_utils.authoring.source import read, tags
from course_utils.authoring.strip import without_solution


def parts(lesson: str, *names: str, values: Sequence[str] = (), **given: object) -> dict:
    """The scope in which a lesson's functions and classes were defined, as its source has them.

    names: which; all where none is given. values: assigned names that they need. given: what else
    they find there, such as small sizes, and instead of what the lesson has.
    """
    scope: dict = {
        "cu": cu, "F": F, "math": math, "NamedTuple": NamedTuple, "nn": nn, "np": np,
        "pairwise": pairwise, "torch": torch, "device": torch.device("cpu"), **given,
    }  # fmt: skip
    for cell in read(here().find(lesson)):
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else ():
            targets = {t.id for t in getattr(node, "targets", ()) if isinstance(t, ast.Name)}
            defines = isinstance(node, ast.FunctionDef | ast.ClassDef)
            if (defines and (not names or node.name in names)) or targets & set(values):
                exec(ast.unparse(node), scope)
    return scope


def seeded(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def answers(lesson: str, solved: bool = True) -> dict[str, object]:
    """Exercise number -> what the lesson hands to `cu.check`, in order."""
    found = {}
    names: dict[str, object] = {"torch": torch, "F": F}
    for cell in read(here().find(lesson)):
        if "exercise" in tags(cell):
            exec(cell.source if solved else without_solution(cell.source), names)
        for number, name in re.findall(r'cu\.check\("([\d.]+)", (\w+)\)', cell.source):
            found[number] = names[name]
    return found


def said(capsys, number: str, answer: object) -> str:
    """What `check` prints, on one line."""
    capsys.readouterr()
    cu.check(number, answer)
    return " ".join(capsys.readouterr().out.split())
