"""Train on a disk that goes wrong in mid-run. As a script: `small_disk.py WAY FOLDER`.

`full` and `read-only` mount a small file system on FOLDER, which takes a mount namespace of one's
own (`unshare -rm`); `limit` lets no file grow beyond some bytes. What is left is told as JSON.
"""

import json
import subprocess
import sys
from pathlib import Path

import tiny
import torch

from course_utils import checkpoint


def break_disk(way: str, folder: Path) -> None:
    if way == "limit":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    elif way == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    else:
        with open(folder / "something else", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1024))
            except OSError:
                pass


def main(way: str, folder: Path) -> None:
    torch.set_num_threads(1)
    if way != "limit":
        command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
        subprocess.run(command, check=True)
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    trainer, step = tiny.classifier(folder / "run")
    tiny.fit(trainer, step, epochs=1)
    print("about to break", flush=True)
    break_disk(way, folder)
    tiny.fit(trainer, step)
    spare = checkpoint.load(trainer.folder) if trainer.folder else None
    left = {
        "equal": tiny.states(trainer) == tiny.states(whole),
        "before": checkpoint.load(folder / "run")["steps"],
        "files": sorted(path.name[:6] for path in (folder / "run").iterdir()),
        "spare": spare["steps"] if spare else 0,
    }
    print("left:", json.dumps(left), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
