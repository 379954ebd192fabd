"""`kill -9` at random points of training, writing of checkpoints included."""

import random
import time

import pytest
import tiny

from course_utils import checkpoint

EPOCHS, STEPS = 24, 120  # a checkpoint every 5 steps: much of the time goes into writing


@pytest.mark.parametrize("kind", tiny.RUNS)
def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(kind, tmp_path, long, figure):
    """Each run is killed until it gets through; then its weights must be the same, bit for bit."""
    choose, asked = random.Random(kind), 25 if long else 10
    with tiny.child(kind, tmp_path / "undisturbed", epochs=EPOCHS) as process:
        assert tiny.told(process, "first step after") == "0"
        began = time.perf_counter()
        whole = tiny.told(process, "after")
        seconds = time.perf_counter() - began
    killed, in_writing, ended, run = [], 0, True, tmp_path
    while len(killed) < asked or not ended:
        if ended:
            run = tmp_path / f"killed from number {len(killed)} on"
        saved = (checkpoint.load(run) or {"steps": 0})["steps"]
        with tiny.child(kind, run, epochs=EPOCHS) as process:
            assert (
                int(tiny.told(process, "first step after")) == saved % STEPS
            )  # if complete, afresh
            if len(killed) < asked:
                time.sleep(choose.uniform(0, seconds))
                process.kill()
            said = process.stdout.read()
        ended = process.returncode == 0
        if ended:
            assert f"after {whole}" in said
        else:
            killed.append(saved)
            in_writing += len(list(run.glob(".writing-*")))
    assert len(set(killed)) > 2, "always killed at the same point"
    figure(
        f"kill -9 at random points, {kind}",
        "100 % resume, bit for bit",
        f"{len(killed)} of {asked}, {in_writing} of them in the midst of writing",
    )
