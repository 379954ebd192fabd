"""Exercise checks: `check("12.1", answer)` says what passed, or which mistake it looks like.

The machinery. What is right in lesson NN stands in `lesson_NN.py`, and nowhere else.
"""

import dis
import importlib
import importlib.util
import inspect
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..arguments import shown
from ..runtime import say

# Code that a learner did not write lies in a path with one of these in it.
_FOREIGN = (str(Path(__file__).parent.parent), "site-packages", "dist-packages")


class Hint(Exception):
    """Raised by a checker: what this wrong answer looks like, and what to think about."""


def check(exercise: str, answer: Any) -> None:
    """Print whether an answer is right, not attempted yet, or which mistake it shows.

    Args:
        exercise: its number, for example `"12.1"`.
        answer: what the exercise asks for, a function or a value.
    """
    checker = _checker(exercise)
    if _untouched(answer):
        print(f"{exercise} not attempted yet.")
        return
    try:
        praise = checker(answer)
    except Hint as hint:
        say(f"{exercise} not yet: {hint}")
    except Exception as error:
        say(f"{exercise} not yet: your code stopped with {_described(error)}")
    else:
        say(f"{exercise} passed: {praise}")


def hint(exercise: str, number: int = 1) -> None:
    """Print a hint for an exercise; the higher the number, the more it gives away."""
    _checker(exercise)  # there is such an exercise
    hints = _module(exercise).HINTS.get(exercise, ())
    if not isinstance(number, int) or number not in range(1, len(hints) + 1):
        raise ValueError(f"{exercise} has hints 1 to {len(hints)}, not number {shown(number)}.")
    say(f"{exercise}, hint {number} of {len(hints)}: {hints[number - 1]}")


def require(condition: Any, text: str) -> None:
    """Raise the hint `text` unless the condition holds."""
    if not condition:
        raise Hint(text)


def _module(exercise: str) -> Any:
    match = re.fullmatch(r"(\d\d)\.\d", exercise) if isinstance(exercise, str) else None
    name = f"{__name__}.lesson_{match[1]}" if match else None
    if name is None or importlib.util.find_spec(name) is None:
        raise ValueError(f"exercise must be a number such as '12.1', not {shown(exercise)}.")
    return importlib.import_module(name)


def _checker(exercise: str) -> Callable[[Any], str]:
    checkers = _module(exercise).CHECKS
    if exercise not in checkers:
        raise ValueError(f"exercise must be one of {', '.join(checkers)}, not {exercise!r}.")
    return checkers[exercise]


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


def _described(error: Exception) -> str:
    """The error in one sentence, with the line of the learner's code where it happened."""
    text = f"{type(error).__name__}: {error}".strip().rstrip(".")
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.line and not any(path in f.filename for path in _FOREIGN)]
    where = next((f' at the line "{frame.line}"' for frame in own), "")
    return f"{text}{where}."
