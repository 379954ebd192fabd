"""Text as one tensor of symbols on the device, and windows of it as views."""

import ast
import random
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import arguments, paths, runtime
from ..arguments import streams, whole
from . import download, files
from .download import Remote

_FILE = "karpathy/char-rnn{}6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt"
SOURCES = {
    "tinyshakespeare": Remote(
        "tinyshakespeare/input.txt",
        (
            "https://raw.githubusercontent.com/" + _FILE.format("/"),
            "https://cdn.jsdelivr.net/gh/" + _FILE.format("@"),
        ),
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    )
}
SMOKE = (20_000, 4_000)  # training and validation characters under the smoke profile
SHORTEST = 20  # characters of a text: a tenth of fewer is too little to validate on
CHUNK = 2**18  # characters encoded at once, so that a large text needs little memory besides
LENGTH = 1_115_394  # characters of the stand-in, as many as tiny Shakespeare has
NO_DOCSTRINGS = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"}


class Windows:
    """Windows of a stream, side by side: batches `(inputs, targets)`, both (B, T) and int64.

    The stream is cut into B rows of equal length, which are read from left to right. So window
    number i + 1 continues where number i ended, row by row, and a state can be carried over. The
    targets are the inputs, one symbol later. All are views of one tensor: nothing is copied.

    Where the first window begins is a function of `(seed, epoch)` alone, so a resumed run sees
    what the interrupted one would have seen; and no epoch is cut at the same places as another.

    Args:
        ids: the stream, (N,).
        size: rows of a batch, B.
        length: symbols of a window, T.
        seed: of where the first window begins, from 0 up.

    Raises:
        TypeError: ids that are not a tensor of whole numbers.
        ValueError: a stream too short for one batch, or a number out of range.
    """

    def __init__(self, ids: torch.Tensor, size: int, length: int, seed: int = 0) -> None:
        whole("size", size, 1), whole("length", length, 1), whole("seed", seed, 0)
        self.ids = streams.long_enough("ids", ids, size, length)
        self.size, self.length, self.seed = size, length, seed

    def __len__(self) -> int:
        return (len(self.ids) - self.length) // (self.size * self.length)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self.epoch(0)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of an epoch in order, from number `start` on."""
        whole("start", start, 0)
        order = np.random.default_rng([self.seed, whole("epoch", epoch, 0)])
        begin = int(order.integers(self.length))
        used = self.size * self.length * len(self)
        inputs = self.ids[begin : begin + used].view(self.size, -1)  # (B, T · len)
        targets = self.ids[begin + 1 : begin + 1 + used].view(self.size, -1)
        pairs = zip(inputs.split(self.length, 1), targets.split(self.length, 1), strict=True)
        yield from list(pairs)[start:]


@dataclass(frozen=True)
class TextData:
    """A text in two parts, on the device: the first nine tenths, and the rest to validate on.

    `train` and `validation` are (N,), int64, indices into `symbols`, the sorted characters of
    the whole text. `source` says what the text really is: a stand-in says so.

    Raises:
        TypeError, ValueError: parts that are not such indices, or no symbols.
    """

    name: str
    train: torch.Tensor
    validation: torch.Tensor
    symbols: str
    source: str

    def __post_init__(self) -> None:
        arguments.text("symbols", self.symbols, 1)
        for name, ids in (("train", self.train), ("validation", self.validation)):
            streams.ids(name, arguments.tensor(name, ids), len(self.symbols))

    @property
    def is_stand_in(self) -> bool:
        """Whether these are docstrings in place of the text asked for."""
        return "stand-in" in self.source

    def encode(self, text: str) -> torch.Tensor:
        """The symbols of a text, (N,), int64, on the device.

        Raises:
            ValueError: a character that does not occur in the text; names it and its place.
        """
        streams.written_in("text", text, self.symbols, f"this text ({self.source})")
        ids = np.searchsorted(_codes(self.symbols), _codes(text))
        return torch.from_numpy(ids.astype(np.int64)).to(self.train.device)

    def decode(self, ids: torch.Tensor | Sequence[int]) -> str:
        """The text of symbols (N,).

        Raises:
            TypeError, ValueError: ids that are not indices into `symbols`.
        """
        places = streams.ids("ids", ids, len(self.symbols)).cpu().long().numpy()
        return _codes(self.symbols)[places].tobytes().decode("utf-32-le", "surrogatepass")

    def windows(self, size: int, length: int, seed: int = 0) -> Windows:
        """Windows of the training part: `size` of them side by side, `length` symbols each."""
        return Windows(self.train, size, length, seed)


def _codes(text: str) -> np.ndarray:
    """The code points of a string, (N,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def assemble(name: str, text: str, source: str) -> TextData:
    """Encode a text once, and split it by position; under `smoke` keep a slice of each part."""
    seen = np.zeros(sys.maxunicode + 1, bool)
    for start in range(0, len(text), CHUNK):
        seen[_codes(text[start : start + CHUNK])] = True
    place = seen.cumsum() - 1  # of each code point among the symbols
    ids = np.empty(len(text), np.int64)
    for start in range(0, len(text), CHUNK):
        ids[start : start + CHUNK] = place[_codes(text[start : start + CHUNK])]
    known = np.flatnonzero(seen).astype(np.uint32)
    symbols, ids = known.tobytes().decode("utf-32-le", "surrogatepass"), torch.from_numpy(ids)
    cut = len(ids) * 9 // 10
    train, validation = ids[:cut], ids[cut:]
    if runtime.profile() == "smoke":
        train, validation = train[: SMOKE[0]], validation[: SMOKE[1]]
    device = runtime.device()
    return TextData(name, train.to(device), validation.to(device), symbols, source)


def text(path: str | Path) -> TextData:
    """Your own text, from a file in UTF-8 of 20 characters or more.

    Args:
        path: absolute, or relative to the project's root.

    Raises:
        TypeError, ValueError: not the path of a file, or a file that cannot be read as text.
    """
    path = paths.own(path, "file")
    return assemble(path.name, read(path), f"file {path.name}")


def load(name: str) -> TextData:
    """A text of `SOURCES`; without a network docstrings replace it, and one line says so."""
    try:
        [path] = download.find([SOURCES[name]])
    except download.Unavailable as reason:
        print(
            f"{name} cannot be downloaded ({reason}), so docstrings of Python's standard library "
            "are used instead."
        )
        length = sum(SMOKE) * 2 if runtime.profile() == "smoke" else LENGTH
        return assemble(name, docstrings(length), "docstrings (stand-in)")
    return assemble(name, read(path), name)


def read(path: Path) -> str:
    """The text of a file in UTF-8; every end of line becomes a plain one.

    Raises:
        ValueError: another encoding, an empty file, or only a few characters.
    """
    try:
        text = files.content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not in UTF-8: byte {error.object[error.start]:#04x} at place "
            f'{error.start + 1}. Save it as UTF-8, which every editor offers under "Save as".'
        ) from None
    if "\0" in text:
        raise ValueError(f"{path} holds zero bytes: it is not plain text, or it is in UTF-16. "
                         "Save it as UTF-8.")  # fmt: skip
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < SHORTEST:
        held = f"{len(text)} characters" if text else "empty"
        raise ValueError(
            f"{path} is too short ({held}): at least {SHORTEST} characters are needed, and "
            "about 100,000 for a model that writes something readable."
        )
    return text


def docstrings(length: int = LENGTH) -> str:
    """Docstrings of Python's standard library, in plain ASCII, `length` characters at most.

    They are read from the source files, none of which is run. The files come in a fixed random
    order, not in that of the alphabet, so that all parts are alike; each docstring comes once.
    """
    library = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for path in sorted(library.rglob("*.py"))
        if not NO_DOCSTRINGS & set(path.relative_to(library).parts)
    ]
    random.Random(0).shuffle(files)
    found: dict[str, None] = {}  # in order, and each once
    total = 0
    for path in files:
        for text in _docstrings_of(path):
            if text.isascii() and text not in found:
                found[text] = None
                total += len(text) + 2
        if total >= length:
            break
    return "\n\n".join(found)[:length]


def _docstrings_of(path: Path) -> Iterator[str]:
    """The docstrings of a source file, in the order of its syntax tree."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):  # a template, or a file that only looks like Python
        return
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text
