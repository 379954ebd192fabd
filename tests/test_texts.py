"""Text as tensors: encoding, windows that go on, a learner's own file, and what stands in."""

import gzip
import os
import socket
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu
from course_utils.data import texts

SHARED = os.environ.get("COURSE_DATA")
POEM = "Ich weiß nicht, was soll es bedeuten,\nDaß ich so traurig bin;\n" * 40


@pytest.fixture
def offline(monkeypatch):
    """No shared data, no connection."""

    def connect(address, *arguments, **options):
        raise OSError("the tests have no network")

    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(socket, "create_connection", connect)


@pytest.fixture
def put(root, monkeypatch):
    """Write bytes into a text file of the data folder, and load it."""
    monkeypatch.setenv("COURSE_PROFILE", "cpu")

    def load(data, name="my poem.txt"):
        path = root / "datasets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return cu.data.text(f"datasets/{name}")

    return load


# ---- encoding ------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
def test_an_own_text_is_encoded_once_and_split_by_position(put, start):
    data = put(start + POEM.encode())
    assert data.symbols == "".join(sorted(set(POEM)))
    cut = len(POEM) * 9 // 10
    expected = torch.tensor([data.symbols.index(c) for c in POEM])
    assert data.train.dtype == torch.int64 and torch.equal(data.train, expected[:cut])
    assert torch.equal(data.validation, expected[cut:])
    assert data.decode(data.train) == POEM[:cut] and data.decode(data.validation) == POEM[cut:]
    assert data.source == "file my poem.txt" and not data.is_stand_in


@pytest.mark.parametrize("said", ["", "traurig", "weiß nicht\n", ";"])
def test_encode_and_decode_are_inverse(put, said):
    data = put(POEM.encode())
    ids = data.encode(said)
    assert ids.dtype == torch.int64 and ids.tolist() == [data.symbols.index(c) for c in said]
    assert data.decode(ids) == data.decode(ids.tolist()) == said


@pytest.mark.report("L")
def test_a_compressed_text_is_read(put, root):
    plain, packed = put(POEM.encode()), put(gzip.compress(POEM.encode()), "my poem.txt.gz")
    assert torch.equal(packed.train, plain.train) and packed.symbols == plain.symbols
    assert torch.equal(cu.data.load("datasets/my poem.txt.gz").train, plain.train)


def test_a_text_is_encoded_in_chunks_of_any_size(put, monkeypatch):
    whole = put(("𝔞😀b\n" + POEM).encode())
    for chunk in (1, 7, len(POEM) + 4, len(POEM) + 5):
        monkeypatch.setattr(texts, "CHUNK", chunk)
        data = put(("𝔞😀b\n" + POEM).encode())
        assert data.symbols == whole.symbols and torch.equal(data.train, whole.train)


@pytest.mark.report("L")
def test_a_text_takes_little_more_memory_than_its_ids(monkeypatch):
    text, made = "Once upon a time, " * 200_000, []
    monkeypatch.setattr(texts.np, "empty", lambda *a, e=np.empty: made.append(e(*a)) or made[-1])
    tracemalloc.start()
    texts.assemble("long", text, "made")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made[0].nbytes == 8 * len(text)
    assert peak - made[0].nbytes < 6 * len(text)  # of which 4 are tables that do not grow


def test_symbols_beyond_the_basic_plane_are_one_symbol_each(put):
    data = put(("𝔞😀b\n" * 10).encode())
    assert data.symbols == "\nb𝔞😀" and data.decode([3, 2, 1]) == "😀𝔞b"


def test_ends_of_lines_are_made_alike(put):
    assert put(POEM.replace("\n", "\r\n").encode()).symbols == put(POEM.encode()).symbols


def test_a_character_never_seen_is_named_with_its_place(put):
    data = put(POEM.encode())
    with pytest.raises(ValueError, match="'5', number 5 of 'was 5€', does not occur") as error:
        data.encode("was 5€")
    assert repr(data.symbols) in str(error.value) and "my poem.txt" in str(error.value)
    with pytest.raises(ValueError, match="'😀', number 1 of"):
        data.encode("😀")
    with pytest.raises(ValueError, match="does not occur"):
        data.encode("\ud800")
    with pytest.raises(TypeError, match="text must be a string, not 3"):
        data.encode(3)


@pytest.mark.parametrize("ids", [[-1], [0, 1000], [[0, 1]], [0.5]])
def test_ids_that_are_not_symbols_are_refused(put, ids):
    with pytest.raises((TypeError, ValueError), match="ids must be"):
        put(POEM.encode()).decode(ids)


# ---- a learner's own file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (POEM.encode("latin-1"), "is not in UTF-8: byte 0xdf at place 8. Save it as UTF-8"),
        (POEM.encode("utf-16"), "is not in UTF-8: byte 0x"),
        ("plain".encode("utf-16-le") * 9, "holds zero bytes"),
        (b"", r"is too short \(empty\): at least 20 characters"),
        (b"\xef\xbb\xbf", r"is too short \(empty\)"),
        (b"To be", r"is too short \(5 characters\)"),
    ],
    ids=["latin-1", "utf-16", "utf-16 of ASCII", "empty", "a mark only", "short"],
)
def test_a_file_that_is_not_a_text_is_answered_clearly(put, given, words):
    with pytest.raises(ValueError, match=words) as error:
        put(given)
    assert "my poem.txt" in str(error.value) and error.value.__cause__ is None


def test_a_file_that_is_not_there_is_answered_with_what_is_known():
    with pytest.raises(ValueError, match=r"tinyshakespeare.* the path.*, not 'gone\.txt'"):
        cu.data.load("gone.txt")


def test_load_finds_a_text_by_its_path(put, root):
    given = put(POEM.encode())
    for path in ("datasets/my poem.txt", root / "datasets" / "my poem.txt"):
        data = cu.data.load(path)
        assert torch.equal(data.train, given.train) and data.source == "file my poem.txt"


def test_a_text_shorter_than_one_batch_of_windows_is_answered_clearly(put):
    data = put(b"To be, or not to be, that is the question.")
    with pytest.raises(ValueError, match=r"at least 1,088 symbols .* 16 windows of 64 .* has 37"):
        data.windows(16, 64)
    assert len(data.windows(2, 4)) == 4


# ---- windows -------------------------------------------------------------------------------

IDS = torch.arange(1000)


def batches(epoch, start=0, seed=0, size=3, length=7):
    return list(cu.data.Windows(IDS, size, length, seed).epoch(epoch, start))


def test_each_row_goes_on_where_it_ended():
    drawn = batches(4)
    assert len(drawn) == len(cu.data.Windows(IDS, 3, 7)) == (1000 - 7) // 21
    rows = torch.cat([inputs for inputs, _ in drawn], 1)  # (3, 7 · len)
    assert torch.equal(rows.diff(dim=1), torch.ones_like(rows[:, 1:]))
    assert torch.equal(rows[1:, 0], rows[:-1, -1] + 1)  # the rows are neighbours in the text
    for inputs, targets in drawn:
        assert inputs.shape == (3, 7) and torch.equal(targets, inputs + 1)


def test_windows_are_views():
    for pair in batches(2):
        for part in pair:
            assert part.untyped_storage().data_ptr() == IDS.untyped_storage().data_ptr()


def test_the_beginning_depends_on_seed_and_epoch_alone():
    firsts = {(s, e): batches(e, seed=s)[0][0][0, 0].item() for s in range(3) for e in range(9)}
    assert all(0 <= first < 7 for first in firsts.values())
    assert {firsts[0, e] for e in range(9)} > {firsts[0, 0]}  # epochs differ
    assert [firsts[0, e] for e in range(9)] != [firsts[1, e] for e in range(9)]
    assert batches(5, seed=2)[0][0][0, 0] == firsts[2, 5]


@pytest.mark.parametrize("start", [0, 1, 20, 47, 60])
def test_an_epoch_can_be_entered_in_the_middle(start):
    expected = batches(3)[start:]
    for got, want in zip(batches(3, start), expected, strict=True):
        assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])


@pytest.mark.parametrize(("size", "length"), [(1, 1), (1, 999), (3, 7), (10, 90), (499, 2)])
def test_every_size_stays_within_the_text(size, length):
    if (size + 1) * length > len(IDS):
        with pytest.raises(ValueError, match="ids must be a stream of at least"):
            cu.data.Windows(IDS, size, length)
        return
    for epoch in range(20):
        drawn = batches(epoch, size=size, length=length)
        assert len(drawn) == len(cu.data.Windows(IDS, size, length)) >= 1
        assert max(targets.max() for _, targets in drawn) <= 999


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"length": 0}, {"seed": -1}, {"size": 2.0}, {"length": True}, {"seed": None}],
)
def test_a_wrong_number_is_named(wrong):
    [name] = wrong
    with pytest.raises(ValueError, match=f"{name} must be a whole number from"):
        cu.data.Windows(**({"ids": IDS, "size": 3, "length": 7} | wrong))


def test_a_stream_has_one_axis():
    with pytest.raises(ValueError, match=r"it has shape \(10, 100\)"):
        cu.data.Windows(IDS.view(10, 100), 3, 7)


# ---- a carried state, cut off and gone on with ----------------------------------------------


class Carried(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("h", torch.zeros(1, 3, 8))


def recurrent(folder=None, kept=True):
    """(trainer, step, windows): a GRU whose state is carried over the windows of an epoch."""
    torch.manual_seed(0)
    net = nn.ModuleDict(
        {"embed": nn.Embedding(10, 4), "rnn": nn.GRU(4, 8, batch_first=True),
         "head": nn.Linear(8, 10)}
    )  # fmt: skip
    carried = Carried()
    opt = torch.optim.Adam(net.parameters(), 0.01)
    parts = {"carried": carried} if kept else {}
    trainer = cu.Trainer(folder, net=net, opt=opt, **parts)
    windows = cu.data.Windows(IDS[:200] ** 2 % 10, 3, 7)  # 9 batches an epoch

    def step(batch):
        inputs, targets = batch
        state = None if trainer.steps % len(windows) == 0 else carried.h
        outputs, state = net["rnn"](net["embed"](inputs), state)
        loss = F.cross_entropy(net["head"](outputs).flatten(0, 1), targets.flatten())
        trainer.update(opt, loss, clip=1.0)
        carried.h.copy_(state.detach())
        return {"loss": loss}

    return trainer, step, windows


@pytest.mark.parametrize("cut", [9, 13, 18, 22])
def test_a_run_that_carries_its_state_goes_on_bit_for_bit(cut, capsys):
    whole, step, windows = recurrent()
    whole.fit(step, windows, epochs=3, show=False)
    first, step, windows = recurrent("runs/text")
    first.fit(step, windows, steps=cut, show=False)
    torch.manual_seed(99)
    again, step, windows = recurrent("runs/text")
    again.fit(step, windows, epochs=3, show=False)
    assert f"Resuming at step {cut} of 27" in capsys.readouterr().out
    assert tiny.states(again) == tiny.states(whole)
    assert again.history.values == whole.history.values


def test_without_its_state_it_would_not():
    """The test above can fail: a state that is not saved is lost in the middle of an epoch."""
    whole, step, windows = recurrent()
    whole.fit(step, windows, epochs=3, show=False)
    first, step, windows = recurrent("runs/text", kept=False)
    first.fit(step, windows, steps=13, show=False)
    again, step, windows = recurrent("runs/text", kept=False)
    again.fit(step, windows, epochs=3, show=False)
    assert again.history.values != whole.history.values


# ---- tiny Shakespeare and its stand-in -------------------------------------------------------


def test_without_a_network_docstrings_stand_in(offline, smoke, root, capsys):
    data = cu.data.load("TinyShakespeare")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "tinyshakespeare cannot be downloaded (no network), so docstrings of Python's standard "
        "library are used instead."
    ]
    assert data.is_stand_in and data.name == "tinyshakespeare"
    assert data.symbols.isascii() and 60 < len(data.symbols) <= 96
    assert (len(data.train), len(data.validation)) == texts.SMOKE
    again = cu.data.load("tinyshakespeare")
    assert torch.equal(data.train, again.train) and data.symbols == again.symbols
    assert list(root.rglob("*")) == [root / "datasets"]  # and nothing in it


def test_docstrings_are_read_from_the_sources_and_come_once(tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text('"""Of a test."""')
    (tmp_path / "a.py").write_text(
        '"""Module."""\nraise SystemExit  # is not run\nclass C:\n    """Class."""\n'
        '    def f(self):\n        """Of f."""\n    async def g(self):\n        """Of f."""\n'
    )
    (tmp_path / "b.py").write_text("this is no Python")
    (tmp_path / "c.py").write_text('"""Naïve."""', encoding="utf-8")
    monkeypatch.setattr(texts.sysconfig, "get_path", lambda name: str(tmp_path))
    assert texts.docstrings() == "Module.\n\nClass.\n\nOf f."
    assert texts.docstrings(3) == "Mod"


@pytest.mark.skipif(
    not SHARED or not (Path(SHARED) / "tinyshakespeare").is_dir(),
    reason="COURSE_DATA holds no tiny Shakespeare",
)
def test_real_shakespeare_from_the_shared_folder(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    data = cu.data.load("tinyshakespeare")
    assert capsys.readouterr().out == "" and not data.is_stand_in
    assert (len(data.train), len(data.validation)) == (1_003_854, 111_540)  # as nanoGPT has it
    assert len(data.symbols) == 65 and data.decode(data.train[:13]) == "First Citizen"
    assert data.decode(data.validation[:9]) == "?\n\nGREMIO"
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    small = cu.data.load("tinyshakespeare")
    assert torch.equal(small.train, data.train[: texts.SMOKE[0]])
    assert torch.equal(small.validation, data.validation[: texts.SMOKE[1]])
    assert small.symbols == data.symbols
