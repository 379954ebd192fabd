"""A very small MNIST, and a web server on this machine that fails as data hosts do.

A path is a way and a file's name. /good/ has the file, /gone/ answers 404, /html/ a page to sign
in, /short/ ends too soon, /wrong/ has another byte, /stall/ falls silent in the midst, /slow/ goes
on at 2.5 kB a second and does not end, /soon/ is gone twice before it is good. /short/NAME/30/ cuts
NAME after 30 per cent, and other files are good.
"""

import contextlib
import functools
import gzip
import hashlib
import http.server
import struct
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np

from course_utils.data import registry

WAYS = ("gone", "html", "short", "wrong", "stall", "slow")
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")  # not for a server at home


def idx(array: np.ndarray) -> bytes:
    """Bytes in the IDX format."""
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    return head + array.tobytes()


PLAIN = {
    "train-images-idx3": idx(np.arange(20 * 784, dtype=np.uint8).reshape(20, 28, 28)),
    "train-labels-idx1": idx(np.arange(20, dtype=np.uint8) % 10),
    "t10k-images-idx3": idx(np.arange(10 * 784, dtype=np.uint8).reshape(10, 28, 28)),
    "t10k-labels-idx1": idx(np.arange(10, dtype=np.uint8)),
}
PACKED = {f"{stem}-ubyte.gz": gzip.compress(data, mtime=0) for stem, data in PLAIN.items()}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mnist(addresses: Sequence[str]) -> registry.Source:
    """MNIST's entry in the registry, for the small files at these addresses."""
    files = registry._idx(
        "MNIST", addresses, list(map(sha, PACKED.values())), list(map(sha, PLAIN.values()))
    )
    return registry.Source(files, registry._read_idx, registry.DIGITS)


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves `files` (name -> bytes), and notes in `asked` which way each request went."""

    def __init__(self, files, asked, ended, *arguments):
        self.files, self.asked, self.ended = files, asked, ended
        super().__init__(*arguments)

    def do_GET(self):
        _, way, *only, name = self.path.split("/")
        damaged, percent = only or (name, 50)
        if name != damaged:
            way = "good"
        self.asked.append(way)
        if way == "soon":
            way = "good" if self.asked.count("soon") == 3 else "gone"
        if way == "gone":
            return self.send_error(404)
        good = self.files[name]
        cut = len(good) * int(percent) // 100
        bodies = {
            "html": b"<html>Sign in to the network</html>",
            "wrong": good[:cut] + bytes([good[cut] ^ 1]) + good[cut + 1 :],
        }
        body = bodies.get(way, good)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if way != "slow" else 2**30))
        self.end_headers()
        self.wfile.write(body[:cut] if way in ("short", "stall") else body)
        if way == "stall":
            self.ended.wait()
        until = time.monotonic() + 20  # or a client that never gives up would hang a test
        with contextlib.suppress(OSError):  # until who asked has gone
            while way == "slow" and time.monotonic() < until and not self.ended.wait(0.05):
                self.wfile.write(bytes(128))

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    """As many as a workshop may ask at once, as at any data host."""

    request_queue_size = 128


@contextlib.contextmanager
def serve(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """The server's address, and the list of ways that are asked for, in order."""
    asked, ended = [], threading.Event()
    handler = functools.partial(Mirror, files, asked, ended)
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
