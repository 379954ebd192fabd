"""`kill -9` at random points of training, writing of checkpoints included."""

import contextlib
import os
import random
import signal
import time

import pytest
import tiny

from course_utils import checkpoint

EPOCHS, STEPS = 24, 120  # a checkpoint every 5 steps: much of the time goes into writing
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")


@pytest.fixture
def server():
    """Forks runs: a process that imported PyTorch anew for each kill took most of the time."""
    with tiny.child("server", epochs=EPOCHS) as process:
        yield process
        process.stdin.close()


def start(server, kind, folder):
    """Start a run: (its process, the step at which it begins)."""
    print(kind, folder, sep="\t", file=server.stdin, flush=True)
    return int(tiny.told(server, "pid")), int(tiny.told(server, "first step after"))


@pytest.mark.parametrize("kind", tiny.RUNS)
def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(
    server, kind, tmp_path, long, figure
):
    """Each run is killed until it gets through; then its weights must be the same, bit for bit."""
    choose, asked = random.Random(kind), 25 if long else 10
    assert start(server, kind, tmp_path / "undisturbed")[1] == 0
    began = time.perf_counter()
    whole = tiny.told(server, "after")
    seconds = time.perf_counter() - began
    assert tiny.told(server, "ended") == "0"
    killed, in_writing, ended, run = [], 0, True, tmp_path
    while len(killed) < asked or not ended:
        if ended:
            run = tmp_path / f"killed from number {len(killed)} on"
        saved = (checkpoint.load(run) or {"steps": 0})["steps"]
        process, begun = start(server, kind, run)
        assert begun == saved % STEPS  # if complete, afresh
        if len(killed) < asked:
            time.sleep(choose.uniform(0, seconds))
            with contextlib.suppress(ProcessLookupError):  # it was through already
                os.kill(process, signal.SIGKILL)
        said = []
        while not said or not said[-1].startswith("ended"):
            said.append(server.stdout.readline().strip())
        ended = said[-1] == "ended 0"
        if ended:
            assert f"after {whole}" in said
        else:
            assert said[-1] == f"ended {signal.SIGKILL.value}"
            killed.append(saved)
            in_writing += len(list(run.glob(".writing-*")))
    assert len(set(killed)) > 2, "always killed at the same point"
    figure(
        f"kill -9 at random points, {kind}",
        "100 % resume, bit for bit",
        f"{len(killed)} of {asked}, {in_writing} of them in the midst of writing",
    )
