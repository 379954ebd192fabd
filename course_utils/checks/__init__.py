"""Exercise checks: `check("12.1", answer)` says that an answer is right, or what is wrong with it.

The exercises of lesson NN are data, in `lesson_NN.py`; one checker serves them all.
"""

import dis
import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

from .. import arguments
from ..printing import say
from .exercise import Exercise
from .verdict import verdict

__all__ = ["Exercise", "check", "exercises", "find", "hint", "lessons"]


def check(exercise: str, answer: Any) -> None:
    """Print whether an answer is right, has not been attempted yet, or which mistake it shows.

    Args:
        exercise: its number, for example `"12.1"`.
        answer: what the exercise asks for, a function or a value.

    Raises:
        ValueError: there is no such exercise.
    """
    known = find(exercise)
    if _untouched(answer):
        print(f"{exercise} has not been attempted yet.")
        return
    wrong = verdict(known, answer)
    if wrong is None:
        say(f"{exercise} passed. {known.praise}")
    else:
        say(f"{exercise} is not right yet: {wrong}")


def hint(exercise: str, number: int = 1) -> None:
    """Print a hint for an exercise; the higher the number, the more it gives away.

    Raises:
        ValueError: there is no such exercise, or it has no hint of that number.
    """
    hints = find(exercise).hints
    arguments.exercises.hint(exercise, number, len(hints))
    say(f"{exercise}, hint {number} of {len(hints)}: {hints[number - 1]}")


def find(exercise: str) -> Exercise:
    """The data of an exercise, by its number.

    Raises:
        ValueError: there is no such exercise.
    """
    match = re.fullmatch(r"(\d\d)\.\d", exercise) if isinstance(exercise, str) else None
    known = exercises(match[1]) if match else {}
    return known[arguments.exercises.exercise(exercise, known)]


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of a lesson by number, for example of lesson `"12"`; empty if it has none."""
    name = f"{__name__}.lesson_{lesson}"
    found = importlib.util.find_spec(name) is not None
    return importlib.import_module(name).EXERCISES if found else {}


def lessons() -> list[str]:
    """The numbers of the lessons that have exercises."""
    return sorted(path.stem[-2:] for path in Path(__file__).parent.glob("lesson_??.py"))


def _untouched(answer: Any) -> bool:
    """Whether the answer is `...`, or a function whose whole body is `...`."""
    if answer is ...:
        return True
    code = getattr(inspect.unwrap(answer), "__code__", None)  # beneath @torch.no_grad()
    if code is None:
        return False
    does = [op for op in dis.get_instructions(code) if op.opname not in ("RESUME", "NOP")]
    returns_nothing = all(op.opname.startswith(("LOAD_CONST", "RETURN")) for op in does)
    return returns_nothing and all(op.argval in (None, ...) for op in does if "CONST" in op.opname)
