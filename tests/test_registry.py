"""Data by name: from the disk, from mirrors that fail in every way, or the stand-in."""

import os
import socket
import threading
from pathlib import Path

import mirrors
import pytest
import torch
from PIL import Image

import course_utils as cu
from course_utils import paths
from course_utils.data import download, registry
from course_utils.data.download import Remote, Unavailable, find

SHARED = os.environ.get("COURSE_DATA")
real_connect = socket.create_connection


@pytest.fixture(autouse=True)
def offline(monkeypatch, smoke):
    """No shared data, and no connection but to this machine."""

    def connect(address, *arguments, **options):
        if address[0] != "127.0.0.1":
            raise OSError("the tests have no network")
        return real_connect(address, *arguments, **options)

    for name in ("COURSE_DATA", *mirrors.PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "create_connection", connect)


def told(capsys):
    return capsys.readouterr().out.splitlines()


# ---- names and options ---------------------------------------------------------------------


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"the path .*, not 'mnist2'") as error:
        cu.data.load("mnist2")
    for name in ("mnist", "kmnist", "cifar10", "glyphs", "sines", "sunspots", "tinyshakespeare"):
        assert name in cu.data.names() and name in str(error.value)


def test_options_are_for_the_doors():
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        cu.data.load("glyphs", size=32)


@pytest.mark.parametrize("name", ["FashionMNIST", "fashion_mnist", "Fashion-MNIST"])
def test_a_name_may_be_spelt_in_several_ways(name, capsys):
    assert cu.data.load(name).name == "fashion-mnist"


# ---- no network ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [("mnist", (1, 28, 28)), ("kmnist", (1, 28, 28)), ("cifar10", (3, 32, 32))],
)
def test_without_a_network_digits_of_the_same_shape_stand_in(name, shape, root, capsys):
    data = cu.data.load(name)
    lines = told(capsys)
    assert len(lines) == 1 and lines[0].startswith(f"{name} cannot be downloaded (no network)")
    assert data.is_stand_in and data.name == name
    assert data.train_x.shape == (1000, *shape) and data.test_x.shape == (500, *shape)
    assert data.train_x.dtype == torch.float32 and data.train_y.dtype == torch.int64
    assert data.train_x.min() >= 0 and 0.9 < data.train_x.max() <= 1
    assert data.classes == tuple("0123456789")
    assert set(data.train_y.tolist()) == set(range(10))
    assert list(root.rglob("*")) == [root / "datasets"]  # and nothing in it


def test_glyphs_are_no_stand_in_and_the_same_each_time(capsys):
    data = cu.data.load("glyphs")
    assert told(capsys) == [] and not data.is_stand_in
    again = cu.data.load("glyphs")
    assert torch.equal(data.train_x, again.train_x) and torch.equal(data.test_y, again.test_y)


# ---- the real thing, where it is there -----------------------------------------------------


@pytest.mark.skipif(
    not SHARED or not (Path(SHARED) / "MNIST").is_dir(), reason="COURSE_DATA holds no MNIST"
)
def test_real_mnist_from_the_shared_folder(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", SHARED)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    data = cu.data.load("mnist")
    assert told(capsys) == [] and not data.is_stand_in
    assert data.train_x.shape == (60_000, 1, 28, 28) and data.test_x.shape == (10_000, 1, 28, 28)
    assert data.train_x.min() == 0 and data.train_x.max() == 1
    assert data.train_x.mean().item() == pytest.approx(0.1307, abs=5e-5)  # as published
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(data.train_y).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert torch.bincount(data.test_y).tolist() == counts
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    small = cu.data.load("mnist")
    assert torch.equal(small.train_x, data.train_x[:1000])
    assert torch.equal(small.test_y, data.test_y[:500])


@pytest.mark.skipif(
    not SHARED or not (Path(SHARED) / "FashionMNIST").is_dir(), reason="COURSE_DATA lacks it"
)
def test_real_fashion_mnist_from_the_shared_folder(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", SHARED)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    data = cu.data.load("fashion-mnist")
    assert told(capsys) == [] and not data.is_stand_in
    assert torch.bincount(data.train_y).tolist() == [6000] * 10
    assert torch.bincount(data.test_y).tolist() == [1000] * 10
    assert data.train_x.mean().item() == pytest.approx(0.2860, abs=5e-5)  # as published
    assert data.classes[data.train_y[0]] == "boot"


# ---- a small data set of the same kind, and its files --------------------------------------


@pytest.fixture
def tiny_mnist(monkeypatch):
    """MNIST's entry, with the checksums of small files and no address that answers."""
    monkeypatch.setitem(registry.SOURCES, "mnist", mirrors.mnist(["http://gone.invalid/"]))


def put(folder, files):
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (raw / name).write_bytes(data)


@pytest.mark.parametrize("packed", [True, False], ids=["gzipped", "plain"])
def test_files_in_the_data_folder_are_read(tiny_mnist, packed, root, capsys):
    plain = {f"{stem}-ubyte": data for stem, data in mirrors.PLAIN.items()}
    put(root / "datasets", mirrors.PACKED if packed else plain)
    data = cu.data.load("mnist")
    assert told(capsys) == []
    assert data.train_x.shape == (20, 1, 28, 28) and data.source == "mnist"
    assert data.train_x[0, 0, 0, 5] == pytest.approx(5 / 255)
    assert data.test_y.tolist() == list(range(10))


def test_a_damaged_file_is_not_used_and_said(tiny_mnist, tmp_path, root, monkeypatch, capsys):
    shared = tmp_path / "geteilte Daten"
    name = "train-labels-idx1-ubyte.gz"
    put(shared, mirrors.PACKED | {name: mirrors.PACKED[name][:-1]})
    put(root / "datasets", mirrors.PACKED)
    monkeypatch.setenv("COURSE_DATA", str(shared))
    data = cu.data.load("mnist")  # the whole one lies in datasets/
    lines = told(capsys)
    assert len(lines) == 1 and name in lines[0] and "is damaged" in lines[0]
    assert data.train_y.tolist() == [*range(10), *range(10)]
    (root / "datasets" / "MNIST" / "raw" / name).unlink()
    assert cu.data.load("mnist").is_stand_in
    assert "is damaged" in told(capsys)[0]


def test_load_finds_a_folder_of_pictures_by_its_path(root, capsys):
    for name, colour in (("cats", "red"), ("dogs", "blue")):
        (root / "my pets" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (40, 30), colour).save(root / "my pets" / name / f"{number}.png")
    for path in ("my pets", root / "my pets"):
        data = cu.data.load(path)
        assert data.train_x.shape == (8, 3, 30, 30) and data.test_x.shape == (2, 3, 30, 30)
        assert data.classes == ("cats", "dogs") and data.source == "folder my pets"


# ---- mirrors -------------------------------------------------------------------------------

GOOD = bytes(range(256)) * 40


@pytest.fixture
def server():
    """(address, the ways that were asked for, in order)."""
    with mirrors.serve({"f": GOOD}) as served:
        yield served


@pytest.fixture
def asked(server):
    return server[1]


@pytest.fixture
def remote(server):
    """A function of ways (good, gone, …) that gives a file with those mirrors."""
    return lambda *ways: Remote(
        "set/raw/data file.bin", tuple(f"{server[0]}/{way}/f" for way in ways), mirrors.sha(GOOD)
    )


@pytest.mark.parametrize(
    "ways",
    [("good",), ("gone", "good"), ("html", "good"), ("short", "good"), ("soon",),
     ("gone", "short", "good")],
    ids=" then ".join,
)  # fmt: skip
def test_the_mirrors_are_tried_until_the_checksum_is_right(remote, asked, ways, root, capsys):
    [path] = find([remote(*ways)])
    assert path == root / "datasets" / "set" / "raw" / "data file.bin"
    assert path.read_bytes() == GOOD
    assert asked == ["soon"] * 3 if ways == ("soon",) else list(ways)
    assert len(told(capsys)) == len(asked)  # a line for each download
    assert [p for p in root.rglob("*") if p.is_file()] == [path]
    find([remote(*ways)])
    assert len(told(capsys)) == 0  # now it is on the disk


@pytest.mark.parametrize("way", ["gone", "html", "short", "wrong"])
def test_after_three_tries_nothing_half_written_stays(remote, asked, way, root, capsys):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        find([remote(way)])
    assert asked == [way] * 3
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_a_slow_host_is_given_up(remote, asked, root, monkeypatch):
    monkeypatch.setattr(download, "READ", 0.2)
    with pytest.raises(Unavailable, match="TimeoutError"):
        find([remote("slow")])
    assert asked == ["slow"] * 3
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_a_damaged_download_is_fetched_again(remote, root, capsys):
    path = root / "datasets" / "set" / "raw" / "data file.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(GOOD[:-1])
    assert find([remote("good")]) == [path] and path.read_bytes() == GOOD
    assert "is damaged" in told(capsys)[0]


def test_where_datasets_cannot_be_written_the_cache_is_used(remote, root, capsys):
    (root / "datasets").write_text("a file stands where the folder should")
    [path] = find([remote("good")])
    assert path == paths.cache() / "datasets" / "set" / "raw" / "data file.bin"
    assert find([remote("good")]) == [path]
    assert len(told(capsys)) == 1


def test_a_host_that_does_not_answer_is_skipped(remote, asked, root, capsys):
    good = remote("good")
    two = Remote(good.path, ("http://gone.invalid/f", *good.urls), good.sha256)
    assert find([two])[0].read_bytes() == GOOD
    assert asked == ["good"] and len(told(capsys)) == 1


def test_a_look_up_that_hangs_is_not_waited_for():
    woken = threading.Event()
    try:
        assert not download._within(0.01, lambda: woken.wait(60))
    finally:
        woken.set()


def downloaded():
    """A file that a mirror has, after it was fetched."""
    with mirrors.serve({"a.gz": b"abc"}) as (address, _):
        return find([Remote("a.gz", (f"{address}/good/a.gz",), mirrors.sha(b"abc"))])[0]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
@pytest.mark.skipif(os.name == "nt", reason="there are no modes on Windows")
@pytest.mark.report("C")
def test_a_download_has_the_mode_of_a_new_file(umask):
    before = os.umask(umask)
    try:
        assert downloaded().stat().st_mode & 0o777 == 0o666 & ~umask
    finally:
        os.umask(before)


@pytest.mark.report("C")
def test_what_cannot_be_read_is_said_and_fetched_again(root, monkeypatch, capsys):
    file, read = root / "datasets" / "a.gz", Path.read_bytes
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"another's")

    def denied(path):
        if path == file and read(path) == b"another's":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert downloaded().read_bytes() == b"abc"
    assert told(capsys)[0] == f"{file} cannot be read (Permission denied), so not used."
