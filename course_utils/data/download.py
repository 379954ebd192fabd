"""Find a file, or download it from its mirrors; check its SHA-256; never leave half of one.

Knows nothing of what the files hold.
"""

import contextlib
import hashlib
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch

from .. import locks, paths

TRIES = 3
CONNECT, READ = 2.0, 5.0  # seconds that a host may take to answer, and to send more
SLOWEST = 10_000  # bytes per second that a host has to send on average, from `READ` seconds on
MISSING = "is missing"
QUEUE = 60.0  # seconds to wait for another process that fetches the same file


class Unavailable(Exception):
    """A file is not on the disk and cannot be fetched; the message says why in a few words."""


@dataclass(frozen=True)
class Remote:
    """A file: `path` below a data folder, its addresses, and the SHA-256 it must have.

    `unpacked` is the SHA-256 of the same file without its `.gz`, which is accepted too. An empty
    SHA-256 accepts any file: whoever asks for it must check what is inside.
    """

    path: str
    urls: tuple[str, ...]
    sha256: str
    unpacked: str = ""

    def candidates(self, folder: Path) -> list[tuple[Path, str]]:
        """The places in a data folder where the file may be, each with its checksum."""
        packed = folder / self.path
        plain = [(packed.with_suffix(""), self.unpacked)] if self.unpacked else []
        return [*plain, (packed, self.sha256)]


def find(files: Sequence[Remote]) -> list[Path]:
    """The paths of all the files: from the data folders, else downloaded.

    Raises:
        Unavailable: one of them cannot be fetched.
    """
    return [_on_disk(file) or _fetch(file) for file in files]


def _on_disk(file: Remote) -> Path | None:
    for folder in dict.fromkeys([*paths.data_folders(), paths.download_folder()]):
        for path, sha256 in file.candidates(folder):
            fault = _fault(path, sha256)
            if not fault:
                return path
            if fault != MISSING:
                print(f"{path} {fault}, so not used.")
    return None


def _fault(path: Path, sha256: str) -> str:
    """What is the matter with a file, to go after its name; empty if it is the published one."""
    try:
        right = sha256 in ("", hashlib.sha256(path.read_bytes()).hexdigest())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return MISSING
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return "" if right else "is damaged (its SHA-256 is not the published one)"


def _fetch(file: Remote) -> Path:
    """Download it, unless another process that wanted it at the same time was faster."""
    target = paths.download_folder() / file.path
    reachable = [url for url in file.urls if _answers(url)]
    if not reachable:
        raise Unavailable("no network")
    name = hashlib.sha256(str(target).encode()).hexdigest()[:16]
    with locks.in_turn(paths.cache() / "downloads" / name, QUEUE):
        fault = _fault(target, file.sha256)
        if fault and fault != MISSING:
            with contextlib.suppress(OSError):  # pooch would want to read it
                target.unlink()
        return _download(file, reachable, target) if fault else target


def _download(file: Remote, urls: Sequence[str], target: Path) -> Path:
    """Try the mirrors in turn, three times in all; pooch moves only a right file into place."""
    pooch.get_logger().setLevel("ERROR")
    reason = ""
    for number in range(TRIES):
        url = urls[number % len(urls)]
        print(f"Downloading {url}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            pooch.retrieve(
                url, f"sha256:{file.sha256}" if file.sha256 else None, target.name, target.parent,
                downloader=pooch.HTTPDownloader(_Pace(), timeout=(CONNECT, READ)),
            )  # fmt: skip
            paths.apply_umask(target)
            return target
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            reason = f"{urlsplit(url).netloc}: {type(error).__name__}"
    raise Unavailable(reason)


class _Pace:
    """Instead of pooch's progress bar: stops a download that would take forever."""

    total = 0  # pooch sets it

    def __init__(self) -> None:
        self.began, self.size = time.monotonic(), 0

    def update(self, size: int) -> None:
        self.size += size
        passed = time.monotonic() - self.began
        if passed > READ and self.size < SLOWEST * passed:
            raise TimeoutError(f"{self.size} bytes in {passed:.0f} s")

    def reset(self) -> None:
        """Nothing to do: pooch calls it before it reports the whole size once more."""

    def close(self) -> None:
        """Nothing to do: nothing is open."""


def _answers(url: str, within: float = CONNECT) -> bool:
    """Whether the host accepts a connection; looking up a name may hang, so a thread does it."""
    if urllib.request.getproxies():  # then the proxy is asked, not the host
        return True
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    return _within(within, lambda: socket.create_connection((address.hostname, port), within))


def _within(seconds: float, connect: Callable[[], socket.socket]) -> bool:
    opened: list[socket.socket] = []

    def attempt() -> None:
        with contextlib.suppress(OSError):
            opened.append(connect())

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    for connection in opened:
        connection.close()
    return bool(opened)
