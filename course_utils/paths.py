"""Where things are, and whether that can be written: root, cache, folders of runs and of data.

Relative folders resolve against the project's root, never against the working directory, so a
notebook, a script and a test all mean the same `runs/12`.
"""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import pooch

from .arguments import existing, named


def root() -> Path:
    """The project's root: the folder that holds `course_utils`."""
    return Path(__file__).resolve().parent.parent


def cache() -> Path:
    """The user's cache folder for the course, used if the project folder is not writable.

    A user without a home, as in some containers, has it in the folder for temporary files, or
    where there is none, in the project.
    """
    with contextlib.suppress(RuntimeError):
        return pooch.os_cache("course_utils")
    with contextlib.suppress(OSError):
        return Path(tempfile.gettempdir()) / "course_utils"
    return root() / ".cache"


def writable(folder: Path) -> bool:
    """Make `folder` if need be, and say whether a file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def apply_umask(file: Path) -> None:
    """Give `file` the mode of an ordinary new one: what was temporary may be its owner's alone."""
    umask = os.umask(0o077)  # there is no other way to read it
    os.umask(umask)
    file.chmod(0o666 & ~umask)


def wanted_folder(folder: str | Path) -> Path:
    """Where a run is to be, whether that can be written or not; for arguments see `run_folder`."""
    return root() / _variable("COURSE_RUNS") / named("folder", folder)


def spare_folder(wanted: Path) -> Path:
    """The place in the user's cache for a run that cannot be where it is wanted: one for each."""
    spares = cache() / "runs"
    if wanted.parent == spares:  # it is one already
        return wanted
    return spares / f"{wanted.name}-{hashlib.sha256(str(wanted).encode()).hexdigest()[:8]}"


def run_folder(folder: str | Path) -> Path:
    """The writable folder for a run: under the root, or in the user's cache, with a line to say so.

    Args:
        folder: absolute, or relative to the project's root, for example `"runs/12"`. Where
            `COURSE_RUNS` is set, it is relative to that folder instead: two sets of runs of
            one lesson then stay apart.

    Raises:
        TypeError, ValueError: not a path, or an empty one.
        OSError: neither place is writable.
    """
    wanted = wanted_folder(folder)  # an absolute one stays itself
    if writable(wanted):
        return wanted
    spare = spare_folder(wanted)
    if not writable(spare):
        raise OSError(f"Neither {wanted} nor {spare} can be written: free some space there, or "
                      "give the Trainer another folder as its first argument.")  # fmt: skip
    print(f"{wanted} is not writable, so this run is saved in {spare} instead.")
    return spare


def own(path: str | Path, what: str) -> Path:
    """A learner's own "file" or "folder", absolute or relative to the project's root.

    Raises:
        TypeError, ValueError: not a path, or nothing of that kind is there.
    """
    return existing("path", root() / named("path", path), what)


def data_folders() -> list[Path]:
    """Where data is looked for, in order: `COURSE_DATA` if it is set, then `datasets/`.

    A relative `COURSE_DATA` is relative to the project's root.
    """
    shared = [root() / _variable("COURSE_DATA")] if os.environ.get("COURSE_DATA") else []
    return [*shared, root() / "datasets"]


def _variable(name: str) -> str:
    """A path in the environment, empty where there is none; a `~` in it is the user's home."""
    return os.path.expanduser(os.environ.get(name, ""))


def download_folder() -> Path:
    """Where downloads go: `datasets/`, or the user's cache if that is not writable."""
    own = root() / "datasets"
    return own if writable(own) else cache() / "datasets"
