"""Every exercise: its solution and its stub, right answers in all styles, wrong ones, mutants."""

import re

import pytest
from exercises import answers, said
from mutants import mutants
from styles import EITHER, NUMPY, RESULT_ONLY

from course_utils import checks
from course_utils.authoring.course import here
from course_utils.authoring.source import build
from course_utils.checks.verdict import verdict

EXERCISES = {n: e for lesson in checks.lessons() for n, e in checks.exercises(lesson).items()}
FUNCTIONS = [number for number, exercise in EXERCISES.items() if callable(exercise.reference)]
# Mutants that are right answers too: exercise -> what was changed -> why nothing changes.
EQUIVALENT: dict[str, dict[str, str]] = {
    "23.4": {  # logits of one symbol have one axis, so the first is the last
        "p = (logits[-1] / temperature).softmax(-1) -> p = (logits[-1] / temperature).softmax(-0)":
            "axis 0 of one",
        "drawn.append((p.cumsum(-1) <= u).sum()) -> drawn.append((p.cumsum(-0) <= u).sum())":
            "axis 0 of one",
    },
    "24.4": {  # the logits have one axis, so the first is the last
        "key = (z.softmax(0).cumsum(0) <= u).sum() -> key = (z.softmax(-1).cumsum(0) <= u).sum()":
            "the last axis of one",
        "key = (z.softmax(0).cumsum(0) <= u).sum() -> key = (z.softmax(0).cumsum(-1) <= u).sum()":
            "the last axis of one",
    },
    "27.2": {  # the pictures have one channel, so the first is the last
        "parts = [images[:, 0, i::block, j::block] for i in range(block) for j in range(block)] "
        "-> parts = [images[:, -1, i::block, j::block] for i in range(block) "
        "for j in range(block)]": "the last channel of one",
    },
    "52.2": {
        "tonics = torch.arange(12) -> tonics = torch.arange(13)": "tonic 12 is tonic 0",
        "steps = (notes - tonics[:, None]) % 12 -> steps = (notes + tonics[:, None]) % 12":
            "modulo 12, the negatives of all tonics are all tonics",
    },
    "53.1": {  # the logits have one axis, so the first is the last
        "slopes = torch.eye(len(logits))[x] - logits.softmax(0) -> "
        "slopes = torch.eye(len(logits))[x] - logits.softmax(-1)": "the last axis of one",
    },
    "53.2": {  # what is read after the last symbol says nothing about those before
        "read = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1) -> "
        "read = torch.cat([torch.zeros_like(x[:, :1]), x[:, :]], 1)": "gather leaves it out",
    },
}  # fmt: skip
every = pytest.mark.parametrize("number", EXERCISES)


@every
def test_the_lessons_solution_passes_and_its_stub_is_not_attempted(capsys, number):
    solved, stubs = (answers(number[:2], solved=solved)[number] for solved in (True, False))
    assert said(capsys, number, solved).startswith(f"{number} passed. ")
    assert said(capsys, number, stubs) == f"{number} has not been attempted yet."


@every
def test_what_learners_read_is_in_sentences_and_says_how_long_it_takes(number):
    exercise, course = EXERCISES[number], here()
    cells = build(course, course.find(number[:2])).cells
    [page] = [c.source for c in cells if f"### Exercise {number} · " in c.source]
    assert f"*About {exercise.minutes} minutes, {exercise.level}.*" in page
    assert len(exercise.mistakes) >= 3 and len(exercise.hints) >= 2
    assert 2 <= exercise.minutes <= 60
    for text in (exercise.praise, *exercise.hints):
        assert text[0].isupper() or not text[0].isalpha(), text
    for text in exercise.mistakes:
        assert re.search(r"[.?!]$", text), text


@every
def test_a_right_answer_passes_in_every_style(number, record_property):
    exercise = EXERCISES[number]
    assert verdict(exercise, exercise.reference) is None
    chosen = {}
    if callable(exercise.reference):
        whole = RESULT_ONLY if exercise.free or not exercise.extra else {}
        chosen = {**whole, **EITHER, **(NUMPY if exercise.numpy else {})}
    for name, style in chosen.items():
        wrong = verdict(exercise, style(exercise.reference))
        assert wrong is None, f"{name}: {wrong}"
    record_property("exercise", (number, "right answers", f"{1 + len(chosen)} passed"))


@every
def test_every_mistake_gets_its_own_diagnosis(number, record_property):
    exercise = EXERCISES[number]
    for diagnosis, mistake in exercise.mistakes.items():
        told = verdict(exercise, mistake)
        assert told is not None, f"passed: {diagnosis}"
        marks = r"\{(?:got|want|given)\}"
        form = ".+".join(map(re.escape, re.split(marks, diagnosis)))
        assert re.fullmatch(form, told, re.DOTALL), f"{told!r} for {diagnosis!r}"
    record_property("exercise", (number, "mistakes", f"{len(exercise.mistakes)} told apart"))


@pytest.mark.parametrize("number", FUNCTIONS)
def test_no_mutant_of_the_reference_passes(number, record_property):
    exercise = EXERCISES[number]
    made = list(mutants(exercise.reference))
    passed = {name for name, mutant in made if verdict(exercise, mutant) is None}
    known = EQUIVALENT.get(number, {})
    told = f"{len(passed - set(known))} of {len(made)} passed, {len(known)} equivalent"
    record_property("exercise", (number, "mutants", told))
    assert passed == set(known), {"passed": passed - set(known), "stale": set(known) - passed}
