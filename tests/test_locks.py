"""One writer of a run at a time, and turns that are taken where they can be."""

import pytest
from filelock import FileLock, Timeout

from course_utils import locks


@pytest.fixture
def unlockable(tmp_path):
    """A folder whose lock cannot be opened, as where another user made it."""
    (tmp_path / ".lock").mkdir()
    return tmp_path


def test_one_holder_at_a_time(tmp_path):
    with locks.alone(tmp_path):
        with pytest.raises(RuntimeError, match="Another kernel or process is training in"):
            with locks.alone(tmp_path):
                pass
    with locks.alone(tmp_path), locks.alone(None):
        pass


@pytest.mark.parametrize("folder", ["", "a\0b", 3])
def test_what_is_no_path_is_not_held(folder):
    with pytest.raises((TypeError, ValueError), match="folder must"):
        with locks.alone(folder):
            pass


@pytest.mark.report("C")
def test_a_folder_that_cannot_be_locked_is_used_and_one_line_says_so(unlockable, capsys):
    with locks.alone(unlockable):
        pass
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{unlockable / '.lock'} cannot be locked (")
    assert line.endswith("), so make sure that nobody else trains in that folder.")


def test_who_waits_too_long_for_a_turn_goes_on_without_taking_it(tmp_path):
    with locks.in_turn(tmp_path):
        with locks.in_turn(tmp_path, 0.05):
            pass
        with pytest.raises(Timeout):
            FileLock(tmp_path / ".lock", timeout=0).acquire()
    FileLock(tmp_path / ".lock", timeout=0).acquire().lock.release()  # it is free again


def test_a_turn_needs_no_folder_that_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with locks.in_turn(tmp_path / "file" / "below"):
        pass


@pytest.mark.report("C")
def test_a_turn_in_a_folder_that_cannot_be_locked_is_not_waited_for(unlockable):
    with locks.in_turn(unlockable):
        pass
