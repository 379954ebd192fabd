"""A disk that is full, read-only or flips bits, while a run is saved."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from course_utils import checkpoint, paths

HERE = Path(__file__).parent
PATH = os.pathsep.join(map(str, (paths.root(), HERE, HERE.parent)))
MOUNTS = shutil.which("unshare") and not subprocess.call(["unshare", "-rm", "true"])


@pytest.mark.skipif(os.name == "nt", reason="neither mounts nor limits of this kind")
@pytest.mark.parametrize("way", ["full", "read-only", "limit"])
def test_a_disk_that_takes_no_more(way, tmp_path, figure):
    """The checkpoint before stays whole, one line names the folder, and the run ends the same."""
    if way != "limit" and not MOUNTS:
        pytest.skip("no mount namespace may be made here; the limit on file sizes is tested")
    folder, cache = tmp_path / "Größe null", tmp_path / "cache"
    folder.mkdir()
    script = [sys.executable, str(HERE / "small_disk.py"), way, str(folder)]
    environment = os.environ | {"PYTHONPATH": PATH, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        script if way == "limit" else ["unshare", "-rm", *script], env=environment,
        capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    said, left = done.stdout.split("about to break\n")[1].split("left:")
    lines, left = said.strip().splitlines(), json.loads(left)
    assert left["equal"] and left["before"] == 5
    assert all(name in (".lock", "state-") for name in left["files"])
    assert str(folder / "run") in lines[0] and str(cache) in lines[0]
    if way == "limit":  # no folder takes a checkpoint: said for each, and training goes on
        assert len(lines) == 2 and left["spare"] == 0
    else:
        assert len(lines) == 1 and left["spare"] == tiny.STEPS
    figure(
        f"disk in mid-run: {way}",
        "the checkpoint before intact, the folder named",
        f"{left['before']} of 5 steps intact, {left['spare']} of {tiny.STEPS} saved elsewhere",
    )


def test_damaged_checkpoints(tmp_path, capsys, long, figure):
    """A bit flipped anywhere, or an end cut off anywhere: seen, and the one before it is used."""
    trainer, step = tiny.gan(tmp_path)
    tiny.fit(trainer, step)
    newest, choose = max(tmp_path.glob("state-*")), random.Random(0)
    good, asked, detected = newest.read_bytes(), 1000 if long else 100, 0
    for number in range(asked):
        place, bad = choose.randrange(len(good)), bytearray(good)
        bad[place] ^= 1 << choose.randrange(8)
        newest.write_bytes(bad if number % 2 else good[:place])
        state = checkpoint.load(tmp_path)
        detected += state["steps"] == 15 and "is damaged" in capsys.readouterr().out
    figure(
        "checkpoints with a flipped bit or cut off",
        "100 % detected, the one before used",
        f"{detected} of {asked}",
    )
    assert detected == asked
    newest.write_bytes(good)
    assert checkpoint.load(tmp_path)["steps"] == tiny.STEPS
