"""Where runs and data lie: under the root, or in the cache where that cannot be written."""

import sys
from pathlib import Path

import pytest
import tiny

import course_utils
from course_utils import paths

CHECKOUT = Path(course_utils.__file__).resolve().parent.parent
real_root, real_cache = paths.root, paths.cache  # taken before the tests replace them


def test_the_root_is_the_folder_that_holds_the_package():
    assert real_root() == CHECKOUT


def test_a_relative_run_folder_is_under_the_root_wherever_one_works(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.run_folder("runs/12") == root / "runs" / "12"
    assert (root / "runs" / "12").is_dir()


def test_relative_run_folders_can_be_moved_together(root, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RUNS", "elsewhere")
    assert paths.run_folder("runs/12") == root / "elsewhere" / "runs" / "12"
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    assert paths.run_folder("runs/12") == tmp_path / "runs" / "12"
    assert paths.run_folder(root / "mine") == root / "mine"


@pytest.mark.report("L")
def test_a_tilde_is_the_users_home(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    assert paths.run_folder("~/runs/12") == tmp_path / "runs" / "12"
    assert paths.own("~/runs", "folder") == tmp_path / "runs"
    monkeypatch.setenv("COURSE_RUNS", "~/mine")
    assert paths.run_folder("12") == tmp_path / "mine" / "12"
    monkeypatch.setenv("COURSE_DATA", "~/shared")
    assert paths.data_folders()[0] == tmp_path / "shared"
    assert not [*root.iterdir()]
    with pytest.raises(ValueError, match=r"folder must be a path without '~', .* '~nobody\d+/12'"):
        paths.run_folder("~nobody4711/12")


def test_an_absolute_run_folder_is_taken_as_it_is(tmp_path):
    folder = tmp_path / "mit Leerzeichen" / "läufe"
    assert paths.run_folder(folder) == folder and folder.is_dir()


def test_where_the_root_cannot_be_written_the_cache_is_used_and_said(root, capsys):
    (root / "runs").write_text("a file stands where the folder should")
    spare = paths.spare_folder(root / "runs" / "12")
    assert paths.run_folder("runs/12") == spare and spare.is_dir()
    assert spare.parent == paths.cache() / "runs" and spare.name.startswith("12-")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert str(root / "runs" / "12") in lines[0] and str(spare) in lines[0]


def test_each_run_has_a_spare_folder_of_its_own(root, tmp_path):
    wanted = [root / "gan" / "net", root / "vae" / "net", tmp_path / "net", root / "net"]
    spares = [paths.spare_folder(folder) for folder in wanted]
    assert len(set(spares)) == 4
    assert [paths.spare_folder(spare) for spare in spares] == spares


def test_where_nothing_can_be_written_both_places_are_named(root):
    (root / "runs").write_text("")
    paths.cache().write_text("")
    with pytest.raises(OSError, match=r"Neither .* can be written") as error:
        paths.run_folder("runs/12")
    assert str(root / "runs" / "12") in str(error.value)


def test_nothing_is_left_behind_by_asking(tmp_path):
    assert paths.writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_data_is_looked_for_in_the_shared_folder_first(root, tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    assert paths.data_folders() == [root / "datasets"]
    monkeypatch.setenv("COURSE_DATA", "../shared")
    assert paths.data_folders() == [root / ".." / "shared", root / "datasets"]
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert paths.data_folders() == [tmp_path, root / "datasets"]


def test_downloads_go_to_the_cache_where_the_root_cannot_be_written(root):
    assert paths.download_folder() == root / "datasets"
    (root / "datasets").rmdir()
    (root / "datasets").write_text("")
    assert paths.download_folder() == paths.cache() / "datasets"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other variables")
def test_the_cache_is_where_the_system_wants_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert real_cache() == tmp_path / "cache" / "course_utils"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert real_cache() == tmp_path / ".cache" / "course_utils"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other variables")
@pytest.mark.report("B")
def test_a_user_without_a_home_has_the_cache_among_temporary_files(tmp_path, monkeypatch):
    def homeless(project):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(paths.pooch, "os_cache", homeless)
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path))
    assert real_cache() == tmp_path / "course_utils"


@pytest.mark.report("B")
def test_where_there_is_no_folder_for_temporary_files_either(root, monkeypatch):
    tiny.classifier()  # the first optimizer loads PyTorch's compiler, which wants such a folder

    def none(*arguments):
        raise FileNotFoundError("No usable temporary directory found")

    def homeless(project):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(paths.pooch, "os_cache", homeless)
    monkeypatch.setattr(paths.tempfile, "gettempdir", none)
    monkeypatch.setattr(paths, "cache", real_cache)
    assert paths.cache() == root / ".cache"
    trainer, step = tiny.classifier("runs/a")
    tiny.fit(trainer, step)  # the project can be written, so that this is no matter
    assert trainer.folder == root / "runs" / "a" and list(trainer.folder.glob("state-*"))
    assert not (root / ".cache").exists()
