"""Locks on folders: one run trains in a folder at a time, and downloads take turns."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from . import arguments, paths


@contextlib.contextmanager
def alone(folder: str | Path | None) -> Iterator[None]:
    """Hold a run folder for a block, so that two kernels cannot write into it at once.

    A folder that cannot be locked, such as one with another user's lock, is used all the same,
    and one line says so.

    Raises:
        TypeError, ValueError: the folder is not a path.
        RuntimeError: another process, or another Trainer, holds it.
    """
    if folder is None:
        yield
        return
    lock = FileLock(arguments.named("folder", folder) / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RuntimeError(
            f"Another kernel or process is training in {folder}. Stop it, or give this Trainer "
            "another folder."
        ) from None
    except OSError as error:
        print(f"{lock.lock_file} cannot be locked ({error.strerror or error}), so make sure that "
              "nobody else trains in that folder.")  # fmt: skip
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def in_turn(folder: Path, seconds: float = -1) -> Iterator[None]:
    """Lock `folder` for a block, while other processes that want it wait.

    They wait at most `seconds` (-1: as long as it takes), and not where nothing can be locked.
    """
    lock = FileLock(folder / ".lock", timeout=seconds)
    if paths.writable(folder):
        with contextlib.suppress(OSError):  # a timeout is one
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
