"""Every stored notebook of the course is what its source builds; runs nothing."""

import pytest

from course_utils.authoring import lesson, readme, rules, stored, timings
from course_utils.authoring.course import here

COURSE = here()


# With no lesson yet, pytest reports each of these as skipped.
@pytest.fixture(params=COURSE.sources(), ids=lambda path: path.stem)
def source(request):
    return request.param


@pytest.fixture
def notebooks(source):
    """Both notebooks of a lesson; a lesson without them is itself a failure."""
    paths = [COURSE.solved(source), COURSE.learner(source)]
    missing = [stored.place(path) for path in paths if not path.exists()]
    assert not missing, f"run `python -m course_utils.authoring lesson {source.name[:2]}`"
    return paths


def test_source_keeps_the_rules(source):
    assert rules.problems(source) == []


def test_solution_is_what_its_source_builds(source, notebooks):
    assert stored.out_of_step(COURSE, source) == []


def test_learner_notebook_is_the_solution_stripped(source, notebooks):
    assert stored.not_stripped(COURSE, source) == []


def test_cover_is_the_picture_that_the_lesson_drew(source, notebooks):
    assert stored.no_cover(COURSE, source) == []


def test_notebooks_are_fit_to_be_stored(notebooks):
    """At most 700 KB, no widget state, no path of one machine, alt text on every picture."""
    assert [line for path in notebooks for line in stored.unfit(path)] == []


def test_lesson_fits_a_laptop(source):
    """At most about five quiet minutes and 900 MB under the `cpu` profile."""
    assert timings.over_budget(timings.load(COURSE), source.name[:2]) == []


def test_no_notebook_without_a_source():
    assert lesson.orphans(COURSE) == []


def test_readme_lists_the_lessons():
    assert readme.problems(COURSE) == []
