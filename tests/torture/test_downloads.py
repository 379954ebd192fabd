"""A hundred damaged downloads of six kinds, and hosts that swallow every request."""

import random
import shutil
import socket
import time

import mirrors
import pytest

import course_utils as cu
from course_utils.data import download, registry


@pytest.fixture(autouse=True)
def apart(monkeypatch, smoke):
    for name in ("COURSE_DATA", *mirrors.PROXIES):
        monkeypatch.delenv(name, raising=False)


def whole(path):
    """Whether a file is, byte for byte, one of those that the mirror has."""
    return path.read_bytes() == mirrors.PACKED.get(path.name)


def test_damaged_downloads(root, monkeypatch, capsys, long, figure):
    """Any file of four, cut or changed at any place: seen, tried again, and never kept."""
    choose, asked, detected, tries, lines = random.Random(0), 100 if long else 24, 0, [], []
    monkeypatch.setattr(download, "READ", 1.0 if long else 0.2)  # for each that stalls or is slow
    with mirrors.serve(mirrors.PACKED) as (address, ways):
        for number in range(asked):
            way, place = mirrors.WAYS[number % len(mirrors.WAYS)], choose.randrange(100)
            url = f"{address}/{way}/{choose.choice(list(mirrors.PACKED))}/{place}/"
            monkeypatch.setitem(registry.SOURCES, "mnist", mirrors.mnist([url]))
            ways.clear()
            data = cu.data.load("mnist")
            said = capsys.readouterr().out.splitlines()
            tries.append(ways.count(way))
            lines.append(sum("cannot be downloaded" in line for line in said))
            detected += data.is_stand_in
            assert all(whole(path) for path in root.rglob("*") if path.is_file()), url
            shutil.rmtree(root / "datasets")
    figure(
        "damaged downloads of 6 kinds",
        "100 % detected, 3 tries, one warning line",
        f"{detected} of {asked}, at most {max(tries)} tries, {max(lines)} line",
    )
    assert detected == asked
    assert set(lines) == {1} and min(tries) >= 1 and max(tries) <= download.TRIES


def swallowing():
    """A listening socket whose queue is full: whoever connects gets no answer at all."""
    server = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(3):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(server.getsockname())
    return server, waiting


def test_hosts_that_never_answer(monkeypatch, capsys, figure):
    """Two mirrors behind a wall: MNIST has two, and no data set has more."""
    assert max(len(f.urls) for s in registry.SOURCES.values() for f in s.files) == 2
    walls = [swallowing() for _ in range(2)]
    urls = [f"http://127.0.0.1:{server.getsockname()[1]}/" for server, _ in walls]
    monkeypatch.setitem(registry.SOURCES, "mnist", mirrors.mnist(urls))
    began = time.perf_counter()
    with pytest.raises(download.Unavailable, match="no network"):
        download.find(registry.SOURCES["mnist"].files)
    waited = time.perf_counter() - began
    for server, waiting in walls:
        for connection in (*waiting, server):
            connection.close()
    figure("hosts that never answer", "no wait over 5 s", f"{waited:.1f} s")
    assert download.CONNECT < waited < 5
