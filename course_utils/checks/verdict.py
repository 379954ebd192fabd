"""What an answer shows: that it is right, which known mistake it is, or where it goes wrong."""

import inspect
import re
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from . import compare
from .exercise import Exercise, Outcome

# Code that a learner did not write is in a path with one of these in it.
_FOREIGN = (str(Path(__file__).parent.parent), "site-packages", "dist-packages")


def verdict(exercise: Exercise, answer: Any) -> str | None:
    """None for a right answer, else a sentence or two on what is wrong with it."""
    if callable(exercise.reference) and not callable(answer):
        return f"a function is asked for, not {compare.kind(answer)}."
    got, want = exercise.outcomes(_read(exercise, answer)), exercise.outcomes(exercise.reference)
    wrong = [i for i in range(len(want)) if not _same(exercise, got[i], want[i])]
    if not wrong:
        return None
    first = wrong[0]
    if callable(exercise.reference) and _random(exercise, answer, got):
        return "two calls with the same arguments give different results. Use what is given, alone."
    if diagnosis := _known(exercise, got, want):
        return _filled(diagnosis, exercise, first, got[first], want[first])
    if got[first].error is not None:
        return _stopped(exercise, first, got[first].error)
    return _told(exercise, first, got[first], want[first])


def _random(exercise: Exercise, answer: Any, got: list[Outcome]) -> bool:
    """Whether an answer draws random numbers of its own."""
    again = exercise.outcomes(answer)
    pairs = zip(got, again, strict=True)
    return any(_same(exercise, a, a) and not _same(exercise, a, b) for a, b in pairs)


def _read(exercise: Exercise, answer: Any) -> Any:
    """A table typed as lists, where a value is asked for, is that table."""
    if isinstance(exercise.reference, compare.Array) and isinstance(answer, list | tuple):
        with suppress(ValueError):  # rows of unequal length
            return np.asarray(answer)
    return answer


def _same(exercise: Exercise, got: Outcome, want: Outcome) -> bool:
    """Whether two outcomes are the same; two errors are if they say the same."""
    if got.error is not None or want.error is not None:
        return repr(got.error) == repr(want.error)
    if compare.difference(got.extra, want.extra, exercise.rtol, exercise.atol):
        return False
    ignored = exercise.extra and want.result is None
    return ignored or not compare.difference(got.result, want.result, *exercise.limits)


def _known(exercise: Exercise, got: list[Outcome], want: list[Outcome]) -> str | None:
    """The diagnosis of the mistake that has the same outcomes.

    First the one that agrees in all cases; else one that agrees wherever the answer gave finite
    numbers, if they are wrong somewhere: a mistake may come with an overflow of its own; else one
    that stops or overflows wherever the answer does, and is right elsewhere.
    """
    near = None
    finite = [i for i, outcome in enumerate(got) if _finite(outcome)]
    telling = any(not _same(exercise, got[i], want[i]) for i in finite)
    for diagnosis, mistake in exercise.mistakes.items():
        pairs = list(zip(got, exercise.outcomes(mistake), strict=True))
        agrees = [_same(exercise, *pair) for pair in pairs]
        if all(agrees):
            return diagnosis
        told = [agrees[i] for i in finite]
        fails = all(agrees[i] or _fails(*pair) for i, pair in enumerate(pairs))
        if near is None and (all(told) if telling else any(told) and fails):
            near = diagnosis
    return near


def _fails(got: Outcome, theirs: Outcome) -> bool:
    """Whether a mistake stops or overflows, as the answer does if it does either."""
    alike = _finite(got) or (got.error is None) == (theirs.error is None)
    return alike and not _finite(theirs)


def _finite(outcome: Outcome) -> bool:
    """Whether a call ended with a result in which every number is finite."""

    def check(value: Any) -> bool:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list | tuple):
            return all(map(check, value))
        found = compare.numbers(value)
        return found is None or bool(np.isfinite(found).all())

    return outcome.error is None and check(outcome.result) and check(outcome.extra)


def _told(exercise: Exercise, case: int, got: Outcome, want: Outcome) -> str:
    """Where no mistake is known: for what it gave what, and what is right."""
    ignored = exercise.extra and want.result is None
    how = None if ignored else compare.difference(got.result, want.result, *exercise.limits)
    if how is None:
        how = compare.difference(got.extra, want.extra, exercise.rtol, exercise.atol)
        how = re.sub(r"^in (.*?),( at \[[\d, ]+\])? it is ", r"\1\2 is ", how)
        how = how if ignored or exercise.free else f"the result is right, but {how}"
        return f"{how}{_given(exercise, case)}."
    if not callable(exercise.reference) and " instead of " in how:  # that would give it away
        return f"{how.split(' instead of ')[0]}, which is not right."
    numeric = " instead of " in how or "whole" in how
    asked = "" if numeric else f" Asked for: {exercise.returns}."
    return f"{how}{_given(exercise, case)}.{asked}"


def _filled(text: str, exercise: Exercise, case: int, got: Outcome, want: Outcome) -> str:
    """A diagnosis with the numbers of this answer in it."""
    if not any(mark in text for mark in ("{got}", "{want}", "{given}")):
        return text
    values = [one.result for one in (got, want)]
    sizes = [compare.numbers(value) for value in values]
    if all(size is not None and size.size == 1 for size in sizes):
        texts = compare.told_apart(*(size.item() for size in sizes))
    else:
        texts = tuple(compare.kind(value) for value in values)
    for mark, word in zip(("{got}", "{want}"), texts, strict=True):
        text = text.replace(mark, word)
    return text.replace("{given}", _given(exercise, case).removeprefix(" for "))


def _given(exercise: Exercise, case: int) -> str:
    """The arguments of a case in words: " for kernel = 3, dilation = 2"."""
    if not callable(exercise.reference):
        return ""
    names = inspect.signature(exercise.reference).parameters
    told = [_argument(*pair) for pair in zip(names, exercise.cases[case], strict=False)]
    return f" for {', '.join(told)}" if told else ""


def _argument(name: str, value: Any) -> str:
    found = compare.numbers(value)
    if found is not None and found.size <= 6:
        listed = np.array2string(found, precision=4, separator=", ").replace("\n", "")
        return f"{name} = {listed}" if found.ndim else f"{name} = {value}"
    if found is not None:
        return f"{name} of shape {found.shape}"
    if isinstance(value, list | tuple):
        return f"{name} with {len(value)} entries"
    return f"the given {name}"


def _stopped(exercise: Exercise, case: int, error: Exception) -> str:
    """The error in one sentence, with the line of the learner's code where it happened."""
    text = f"{type(error).__name__}: {error}".strip().rstrip(".")
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.line and not any(path in f.filename for path in _FOREIGN)]
    where = next((f' at the line "{frame.line}"' for frame in own), "")
    return f"your code stopped with {text}{where}{_given(exercise, case)}."
