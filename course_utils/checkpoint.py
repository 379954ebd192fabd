"""Save and load training states that survive a crash.

A state is a dict of plain Python values and tensors. It is written to a temporary file, flushed
to the disk, and moved into place in one step, so a file is either whole or not there. Its name
carries the SHA-256 of its bytes (`state-000003.1f2e….pt`), because otherwise a flipped bit would
load silently; the content is an ordinary `torch.load` file. The two newest are kept. One writer
at a time: a Trainer locks the folder while it trains.
"""

import contextlib
import copy
import hashlib
import io
import itertools
import os
import pickle
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import arguments

__all__ = ["digest", "load", "packed", "prune", "save", "states"]

KEEP = 2
_NAME = re.compile(r"^state-(\d{6,})\.([0-9a-f]{64})\.pt$")
_TEMPORARY = ".writing-"


def save(folder: str | Path, state: dict[str, Any]) -> Path:
    """Write `state` as the newest checkpoint of `folder`, then drop all but the two newest.

    Numbers of NumPy are written as Python's: what is saved can always be loaded.

    Raises:
        TypeError, ValueError: the folder is not a path, or the state cannot be saved.
        OSError: the folder is full or read-only. The checkpoints that were there are intact.
    """
    folder = arguments.named("folder", folder)
    payload = packed(state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = _newest_first(folder)
        number = 1 + max((_number(path) for path in kept), default=0)
        path = folder / f"state-{number:06d}.{hashlib.sha256(payload).hexdigest()}.pt"
        _write_atomically(path, payload)
        leftovers = folder.glob(_TEMPORARY + "*")  # of a run that was killed while writing
        for old in [*kept[KEEP - 1 :], *leftovers]:
            with contextlib.suppress(OSError):  # another user's, who alone may delete it
                old.unlink()
    except OSError as error:
        raise OSError(
            f"The checkpoint could not be written to {folder} ({error.strerror or error}); "
            "the ones already there are intact."
        ) from error
    return path


def packed(state: dict[str, Any]) -> memoryview:
    """The bytes of a state's file, tried out: `load` will read them.

    Raises:
        TypeError, ValueError: no dict, or not one of plain values and tensors; names what else.
    """
    arguments.mapping("state", state)
    buffer = io.BytesIO()
    errors = AttributeError, RecursionError, TypeError, pickle.PickleError
    with arguments.refused("state must hold plain values and tensors only", *errors):
        torch.save(_plain(state), buffer)
        buffer.seek(0)
        if foreign := torch.serialization.get_unsafe_globals_in_checkpoint(buffer):
            raise TypeError(f"{', '.join(sorted(foreign))} would not be loaded again")
        buffer.seek(0)
        torch.load(buffer, weights_only=True)
    return buffer.getbuffer()


def _plain(value: Any) -> Any:
    """`value` with Python's numbers and strings in place of NumPy's, in dicts, lists and tuples."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim):
        return value.item()
    if isinstance(value, dict):
        made = copy.copy(value)  # an ordered dict keeps the versions of its module
        made.clear()
        for key, item in value.items():
            made[_plain(key)] = _plain(item)
        return made
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def load(folder: str | Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The newest undamaged state in `folder`, or None if there is none.

    A file that cannot be read, or whose bytes do not match the checksum in its name, is skipped,
    one line says so, and the one before it is used.

    Raises:
        TypeError, ValueError: the folder is not a path, or this machine does not have the device.
    """
    folder = arguments.named("folder", folder)
    return next((state for _, state in states(folder, device=device)), None)


def states(
    *folders: str | Path, device: torch.device | str = "cpu"
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The undamaged states in some folders, each with its folder: the newest folder's come first.

    Raises:
        TypeError, ValueError: a folder is not a path, or the device is not on this machine.
    """
    device = arguments.device("device", device)
    kept = [_newest_first(arguments.named("folders", folder)) for folder in folders]
    for path in itertools.chain(*sorted(kept, key=_age)):
        try:
            state = _read(path, device)
        except (OSError, ValueError) as error:
            print(f"{path.name[:12]} in {path.parent} {error}, so it is skipped.")
            continue
        yield path.parent, state


def prune(folders: Iterable[str | Path], keep: int) -> list[Path]:
    """Delete the checkpoints of all but the `keep` newest folders; the folders where that is done.

    A folder that is empty then is deleted, too; one without checkpoints does not count.

    Raises:
        TypeError, ValueError: a folder is not a path, or `keep` is below 0.
    """
    places = [arguments.named("folders", one) for one in arguments.iterable("folders", folders)]
    held = {place: found for place in places if (found := _newest_first(place))}
    old = sorted(held, key=lambda place: _age(held[place]))[arguments.whole("keep", keep, 0) :]
    for place in old:
        with contextlib.suppress(OSError):  # another user's, who alone may delete it
            for path in held[place]:
                path.unlink()
            place.rmdir()
    return old


def _age(newest_first: list[Path]) -> float:
    """What sorts folders: how long ago their newest file was written, if that is known."""
    with contextlib.suppress(OSError, IndexError):
        return -newest_first[0].stat().st_mtime_ns
    return 0.0


def _read(path: Path, device: torch.device) -> dict[str, Any]:
    """The state in a file.

    Raises:
        OSError, ValueError: there is none to be had; what is the matter, to go after its name.
    """
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise OSError(f"cannot be read ({error.strerror or error})") from None
    if hashlib.sha256(payload).hexdigest() != _NAME.match(path.name)[2]:
        raise ValueError("is damaged")
    try:
        return torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
    except Exception as error:  # of a pickle with code, of another release of PyTorch
        raise ValueError(f"cannot be loaded safely ({type(error).__name__})") from None


def _newest_first(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if _NAME.match(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        print(f"{folder} cannot be read ({error.strerror or error}), so it is skipped.")
        return []
    return sorted(found, key=_number, reverse=True)


def _number(path: Path) -> int:
    return int(_NAME.match(path.name)[1])


def _write_atomically(path: Path, payload: memoryview) -> None:
    temporary = path.parent / f"{_TEMPORARY}{uuid.uuid4().hex}"
    try:
        with open(temporary, "xb") as file:  # its mode follows the umask, as mkstemp's would not
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":  # the rename itself must reach the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def digest(state: Any) -> str:
    """SHA-256 of a nested state, the same for equal values: it tells two runs apart."""
    sha = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            sha.update(f"{value.dtype}{tuple(value.shape)}".encode())
            sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        elif isinstance(value, dict):
            for key in value:
                sha.update(repr(key).encode())
                add(value[key])
        elif isinstance(value, list | tuple):
            for item in value:
                add(item)
        else:
            sha.update(repr(value).encode())

    add(_plain(state))
    return sha.hexdigest()
