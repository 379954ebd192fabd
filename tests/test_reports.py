"""Public bug reports are counted from the tests that try them."""

import reports


def test_reports_are_counted_by_kind():
    """Each function is a report, each of its cases an input; one that fails is not mended."""
    tried = [
        ("a.py::test_x[1]", True, "A"),
        ("a.py::test_x[2]", True, "A"),
        ("a.py::test_y", True, "A"),
        ("b.py::test_z", False, "B"),
    ]
    assert reports.rows(tried) == [
        ("A", "2", "yes", "3"),
        ("B", "1", "NO", "1"),
        ("all", "3", "1 of 2", "4"),
    ]
    assert reports.rows([]) == []
