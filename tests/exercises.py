"""The exercises of a lesson as its source has them, solved and untouched, for its tests."""

import re

import torch

import course_utils as cu
from course_utils.authoring.course import here
from course_utils.authoring.source import read, tags
from course_utils.authoring.strip import without_solution


def answers(lesson: str, solved: bool = True) -> dict[str, object]:
    """Exercise number -> what the lesson hands to `cu.check`, in order."""
    found = {}
    names: dict[str, object] = {"torch": torch}
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


def prove(capsys, lesson: str, wrong: dict[str, dict[str, object]]) -> None:
    """The solution passes, the stub is not attempted, each wrong answer gets its own hint.

    wrong: exercise -> {words of the hint that must come: a wrong answer}.
    """
    solved, stubs = answers(lesson), answers(lesson, solved=False)
    assert sorted(solved) == sorted(wrong)
    for number, mistakes in wrong.items():
        assert said(capsys, number, solved[number]).startswith(f"{number} passed: ")
        assert said(capsys, number, stubs[number]) == f"{number} not attempted yet."
        assert len(mistakes) >= 3
        hints = set()
        for words, mistake in mistakes.items():
            hint = said(capsys, number, mistake)
            assert hint.startswith(f"{number} not yet: "), hint
            assert words in hint, hint
            hints.add(hint)
        assert len(hints) == len(mistakes), "two mistakes share a hint"
