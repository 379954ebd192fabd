"""A state is whole or not there; what is damaged or unsafe is not loaded."""

import hashlib
import io
import os
import sys
from collections import Counter, OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from wrong import Fresh, Refusals

from course_utils import checkpoint, paths


def saved(folder, *numbers):
    """Save a state for each number, in turn; give the path of the last."""
    for number in numbers:
        path = checkpoint.save(folder, {"number": number, "x": torch.full((100,), number)})
    return path


def test_the_newest_is_loaded_and_two_are_kept(tmp_path):
    saved(tmp_path, 1, 2, 3)
    state = checkpoint.load(tmp_path)
    assert state["number"] == 3 and torch.equal(state["x"], torch.full((100,), 3))
    assert [path.name[:12] for path in sorted(tmp_path.iterdir())] == [
        "state-000002",
        "state-000003",
    ]


def test_the_states_of_several_folders_come_newest_first(tmp_path):
    paths = [saved(tmp_path / name, *numbers) for name, numbers in (("a", [1, 2]), ("b", [3, 4]))]
    for path, seconds in zip(paths, (2e9, 1e9), strict=True):
        os.utime(path, (seconds, seconds))
    found = checkpoint.states(tmp_path / "none", tmp_path / "b", tmp_path / "a")
    assert [(folder.name, state["number"]) for folder, state in found] == [
        ("a", 2), ("a", 1), ("b", 4), ("b", 3),
    ]  # fmt: skip


def test_the_newest_folders_are_kept_and_what_else_is_in_the_others(tmp_path):
    folders = [tmp_path / name for name in ("old", "new", "empty", "notes", "middle")]
    for folder, seconds in zip(folders, (2e9, 4e9, None, 1e9, 3e9), strict=True):
        folder.mkdir()
        if seconds:
            os.utime(saved(folder, 1), (seconds, seconds))
    (tmp_path / "notes" / "notes.txt").touch()
    assert [folder.name for folder in checkpoint.prune(folders, 2)] == ["old", "notes"]
    left = sorted(str(path.relative_to(tmp_path))[:14] for path in tmp_path.rglob("*"))
    assert left == ["empty", "middle", "middle/state-0", "new", "new/state-0000", "notes",
                    "notes/notes.tx"]  # fmt: skip
    assert checkpoint.prune([*folders, tmp_path / "none"], 2) == []


def test_there_is_nothing_to_load_in_an_empty_or_missing_folder(tmp_path):
    assert checkpoint.load(tmp_path) is None
    assert checkpoint.load(tmp_path / "none") is None


def test_numbers_go_on_past_six_digits(tmp_path):
    path = saved(tmp_path, 1)
    path.rename(tmp_path / path.name.replace("000001", "999999"))
    assert saved(tmp_path, 2).name.startswith("state-1000000.")
    assert checkpoint.load(tmp_path)["number"] == 2


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("harm", [flipped, lambda data: data[:-1], lambda data: b""],
                         ids=["flipped bit", "truncated", "empty"])  # fmt: skip
def test_a_damaged_file_is_skipped_and_said(tmp_path, harm, capsys):
    path = saved(tmp_path, 1, 2)
    path.write_bytes(harm(path.read_bytes()))
    assert checkpoint.load(tmp_path)["number"] == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and "state-000002" in lines[0] and "is damaged" in lines[0]


def test_where_the_only_file_is_damaged_none_is_loaded(tmp_path):
    path = saved(tmp_path, 1)
    path.write_bytes(flipped(path.read_bytes()))
    assert checkpoint.load(tmp_path) is None


class Code:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return print, ("this ran",)


@pytest.mark.report("A")
def test_a_pickle_with_code_does_not_run_and_is_skipped_in_one_line(tmp_path, capsys):
    saved(tmp_path, 1)
    buffer = io.BytesIO()
    torch.save({"x": Code()}, buffer)
    name = f"state-000002.{hashlib.sha256(buffer.getvalue()).hexdigest()}.pt"
    (tmp_path / name).write_bytes(buffer.getvalue())
    assert checkpoint.load(tmp_path)["number"] == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and "this ran" not in lines[0]
    assert "state-000002" in lines[0] and "cannot be loaded safely" in lines[0]


@dataclass
class Record:
    rate: float = 0.1


PLAIN = [
    np.float64(0.1), np.float32(0.5), np.int64(3), np.bool_(True), np.str_("a"), np.array(2.5),
    np.complex128(1j), {np.int64(3): [np.float64(1), (np.int32(2),)]}, Counter([np.int64(7)]),
    OrderedDict(a=np.float64(2)), torch.Size([2, 3]), torch.float16, 1j, b"a", {1, 2}, None,
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
@pytest.mark.report("A")
def test_what_is_saved_can_be_loaded(value, tmp_path):
    checkpoint.save(tmp_path, {"x": value})
    assert checkpoint.load(tmp_path)["x"] == value


NEVER_LOADED = [
    Code(), Record(), Path("a"), np.ones(2), np.datetime64("2026-01-01"), range(3),
    nn.Linear(1, 1), Fraction(1, 3), [{"a": (Record(),)}], np.random.default_rng(0),
]  # fmt: skip


@pytest.mark.parametrize("value", NEVER_LOADED, ids=lambda value: type(value).__name__)
@pytest.mark.report("A")
def test_what_could_never_be_loaded_is_refused_at_once(value, tmp_path):
    saved(tmp_path, 1)
    with pytest.raises(ValueError, match=r"^state must hold plain values .*\.$"):
        checkpoint.save(tmp_path, {"x": value})
    assert checkpoint.load(tmp_path)["number"] == 1


def test_the_versions_of_a_module_go_through_a_file(tmp_path):
    state = nn.BatchNorm1d(2).state_dict()
    checkpoint.save(tmp_path, {"net": state})
    assert checkpoint.load(tmp_path)["net"]._metadata == state._metadata


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch, call):
    saved(tmp_path, 1, 2)
    before = sorted(tmp_path.iterdir())

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match=r"could not be written to .*No space left") as error:
        saved(tmp_path, 3)
    assert str(tmp_path) in str(error.value)
    assert sorted(tmp_path.iterdir()) == before
    assert checkpoint.load(tmp_path)["number"] == 2


def denied(monkeypatch, name, *places):
    """From now on a method of paths may not be called on one of these places."""
    method = getattr(Path, name)

    def refused(path, *arguments, **named):
        if path in places:
            raise PermissionError(13, "Permission denied", str(path))
        return method(path, *arguments, **named)

    monkeypatch.setattr(Path, name, refused)


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
@pytest.mark.skipif(os.name == "nt", reason="there are no modes on Windows")
@pytest.mark.report("C")
def test_a_checkpoint_has_the_mode_of_a_new_file(umask, tmp_path):
    before = os.umask(umask)
    try:
        assert saved(tmp_path, 1).stat().st_mode & 0o777 == 0o666 & ~umask
    finally:
        os.umask(before)


@pytest.mark.report("C")
def test_an_unreadable_file_is_skipped_and_said(tmp_path, monkeypatch, capsys):
    denied(monkeypatch, "read_bytes", saved(tmp_path, 1, 2))
    assert checkpoint.load(tmp_path)["number"] == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and "state-000002" in lines[0]
    assert "cannot be read (Permission denied), so it is skipped." in lines[0]


@pytest.mark.report("C")
def test_an_unreadable_folder_is_skipped_and_said(tmp_path, monkeypatch, capsys):
    saved(tmp_path, 1)
    denied(monkeypatch, "iterdir", tmp_path)
    assert checkpoint.load(tmp_path) is None
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{tmp_path} cannot be read (Permission denied), so it is skipped."]


@pytest.mark.report("C")
def test_what_another_user_alone_may_delete_stays(tmp_path, monkeypatch):
    first = saved(tmp_path, 1)
    denied(monkeypatch, "unlink", first)
    saved(tmp_path, 2, 3)
    assert first.exists() and checkpoint.load(tmp_path)["number"] == 3


def test_what_a_killed_writer_left_is_cleared_away(tmp_path):
    saved(tmp_path, 1)
    (tmp_path / ".writing-abc").write_bytes(b"half a")
    assert checkpoint.load(tmp_path)["number"] == 1
    saved(tmp_path, 2)
    assert not list(tmp_path.glob(".writing-*"))


def test_a_path_may_hold_spaces_and_any_letters(tmp_path):
    folder = tmp_path / "Mein Kurs – 循環"
    saved(folder, 1)
    assert checkpoint.load(folder)["number"] == 1


def test_a_digest_tells_values_apart_and_is_equal_for_equal_ones():
    base = {"a": [1, 2.5, None, "x"], "b": torch.arange(6.0).view(2, 3)}
    equal = {"a": (1, 2.5, None, "x"), "b": torch.tensor([[0.0, 3], [1, 4], [2, 5]]).T}
    assert checkpoint.digest(base) == checkpoint.digest(equal)
    numpy = {"a": [np.int64(1), np.float64(2.5), None, np.str_("x")], "b": base["b"]}
    assert checkpoint.digest(base) == checkpoint.digest(numpy)
    others = [
        {**base, "a": [1, 2.5, None, "y"]},
        {**base, "b": base["b"].view(3, 2)},
        {**base, "b": base["b"].double()},
        {**base, "b": base["b"] + 1e-6},
        {"a": base["a"], "c": base["b"]},
    ]
    assert len({checkpoint.digest(state) for state in [base, *others]}) == 6


def test_a_digest_takes_every_kind_of_tensor():
    layouts = torch.arange(16.0).view(1, 2, 2, 4)
    kept = layouts.to(memory_format=torch.channels_last)
    assert checkpoint.digest(kept) == checkpoint.digest(layouts)
    kinds = [torch.tensor(1.5), torch.zeros(0), torch.ones(2, dtype=torch.bfloat16),
             torch.tensor([True]), torch.tensor(3)]  # fmt: skip
    assert len({checkpoint.digest(kind) for kind in kinds}) == len(kinds)


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be opened there")
def test_the_rename_reaches_the_disk_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_mode))
    saved(tmp_path, 1)
    assert [oct(mode)[:-3] for mode in synced] == ["0o100", "0o40"]  # the file, then its folder


STATE, NO_FOLDER = {"weights": torch.ones(3), "step": 3}, ["", "a\0b"]


def kept():
    checkpoint.save(paths.root() / "run", STATE)
    return paths.root() / "run"


class TestWrongInput(Refusals):
    ROOMS = {"checkpoint"}
    EVERYTHING = {"checkpoint.digest"}
    CASES = {
        "checkpoint.save": (
            {"folder": Fresh(lambda: paths.root() / "run"), "state": STATE},
            {"folder": NO_FOLDER, "state": [{"step": lambda batch: {}}, {"x": (n for n in "abc")}]},
        ),
        "checkpoint.packed": ({"state": STATE}, {"state": [{"x": Path("a")}, {"x": Record()}]}),
        "checkpoint.load": (
            {"folder": Fresh(kept), "device": "cpu"},
            {"folder": NO_FOLDER, "device": ["fast", "", "cuda:99"]},
        ),
        "checkpoint.states": (
            {"folders": Fresh(lambda: (kept(),)), "device": "cpu"},
            {"device": ["fast", "", "cuda:99"], "folders": [("",), (3,)]},
        ),
        "checkpoint.prune": (
            {"folders": Fresh(lambda: [kept()]), "keep": 1},
            {"folders": [[""], [3], [None]], "keep": [True]},
        ),
    }  # fmt: skip
