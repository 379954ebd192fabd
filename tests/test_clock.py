"""Each test's seconds go to its lesson and its kind."""

import pytest
from clock import kind, sums, table


@pytest.mark.parametrize(
    ("address", "lesson", "expected"),
    [
        ("notebooks/12_image_classification.ipynb::Cell 3", "12", "nbval"),
        ("solutions/12_image_classification.ipynb::Cell 3", "12", "nbval"),
        ("notebooks/00_start_here.ipynb::widget", "00", "widget"),
        ("tests/browser/test_journeys.py::test_widget[00]", "00", "widget"),
        ("tests/browser/test_pages.py::test_page[51]", "51", "page"),
        ("tests/lessons/test_exercises.py::test_reference[54.3-float64]", "54", "checks"),
        ("tests/lessons/test_lesson_31.py::test_codes[3]", "31", "checks"),
        ("tests/test_lesson_31.py::test_codes", "31", "checks"),
        ("tests/torture/test_lessons_again.py::test_twice_in_one_kernel[51]", "51", "torture"),
        ("tests/browser/test_journeys.py::test_run_all", None, "browser"),
        ("tests/torture/test_kills.py::test_killed[gan]", None, "torture"),
        ("tests/test_series.py::test_sines[12]", None, "unit"),
        ("tests/test_series.py::test_sines", None, "unit"),
    ],
)
def test_an_address_has_a_kind_and_perhaps_a_lesson(address, lesson, expected):
    assert kind(address) == expected
    lessons, rest = sums([(address, 2.0)])
    assert list(lessons) == ([lesson] if lesson else [])
    assert sum(rest.values()) == (0 if lesson else 2.0)


def test_the_table_adds_up():
    """Both notebooks of a lesson in one cell; by kind what belongs to no lesson; then the sum."""
    seconds = [
        ("notebooks/12_image_classification.ipynb::Cell 3", 1.5),
        ("solutions/12_image_classification.ipynb::Cell 3", 2.0),
        ("tests/torture/test_lessons_again.py::test_twice_in_one_kernel[12]", 4.0),
        ("tests/test_series.py::test_sines", 8.0),
    ]
    assert [line.split() for line in table(seconds)] == [
        ["lesson", "nbval", "page", "widget", "checks", "other", "all"],
        ["12", "3.5", "0.0", "0.0", "0.0", "4.0", "7.5"],
        ["unit", "8.0"],
        ["all", "15.5"],
    ]
