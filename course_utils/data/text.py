"""Text as one tensor of symbols on the device, and windows of it as views. Knows no network."""

import ast
import random
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import runtime
from ..arguments import shown, whole, whole_numbers
from . import download
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
SHORTEST = 20  # characters of a text: below this a tenth of it is nothing
LENGTH = 1_115_394  # characters of the stand-in, as many as tiny Shakespeare has
NO_DOCSTRINGS = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"}


class Windows:
    """Windows of a stream, side by side: batches `(inputs, targets)`, both (B, T) and int64.

    The stream is cut into B rows of equal length, which are read from left to right. So window
    number i + 1 goes on where number i ended, row by row, and a state can be carried over. The
    targets are the inputs moved on by one. All are views of one tensor: nothing is copied.

    Where the first window begins is a function of `(seed, epoch)` alone, so a resumed run sees
    what the interrupted one would have seen; and no epoch is cut at the same places as another.

    Args:
        ids: the stream, (N,).
        size: rows of a batch, B.
        length: symbols of a window, T.
        seed: of the beginnings, from 0 up.

    Raises:
        TypeError: ids that are no tensor of whole numbers.
        ValueError: a stream too short for one batch, or a number out of range.
    """

    def __init__(self, ids: torch.Tensor, size: int, length: int, seed: int = 0) -> None:
        whole("size", size, 1), whole("length", length, 1), whole("seed", seed, 0)
        needed = (size + 1) * length  # one window is kept back for the beginnings
        if whole_numbers("ids", ids).ndim != 1 or len(ids) < needed:
            given = f"{len(ids):,} symbols" if ids.ndim == 1 else f"shape {tuple(ids.shape)}"
            raise ValueError(
                f"A stream of at least {needed:,} symbols (ids) is needed for {size} windows of "
                f"{length} side by side; it has {given}. Take a longer text, or a smaller size "
                "or length."
            )
        self.ids, self.size, self.length, self.seed = ids, size, length, seed

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
        TypeError, ValueError: other parts, or an index that is none.
    """

    name: str
    train: torch.Tensor
    validation: torch.Tensor
    symbols: str
    source: str

    def __post_init__(self) -> None:
        if not isinstance(self.symbols, str) or not self.symbols:
            raise ValueError(f"symbols must be a string of characters, not {shown(self.symbols)}.")
        for name, ids in (("train", self.train), ("validation", self.validation)):
            if whole_numbers(name, ids).ndim != 1:
                raise ValueError(f"{name} must be of shape (N,), not {tuple(ids.shape)}.")
            _within(name, ids, self.symbols)

    @property
    def is_stand_in(self) -> bool:
        """Whether these are docstrings in place of the text asked for."""
        return "stand-in" in self.source

    def encode(self, text: str) -> torch.Tensor:
        """The symbols of a text, (N,), int64, on the device.

        Raises:
            ValueError: a character that the text never had; names it and its place.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, not {type(text).__name__}.")
        known, codes = _codes(self.symbols), _codes(text)
        ids = np.searchsorted(known, codes).clip(max=len(known) - 1)
        if len(unseen := np.flatnonzero(known[ids] != codes)):
            place = int(unseen[0])
            shown = self.symbols if len(self.symbols) <= 120 else f"{self.symbols[:120]}…"
            raise ValueError(
                f"The character {text[place]!r}, number {place + 1} of {text!r}, was never seen "
                f"in this text ({self.source}). Known are: {shown!r}."
            )
        return torch.from_numpy(ids.astype(np.int64)).to(self.train.device)

    def decode(self, ids: torch.Tensor | Sequence[int]) -> str:
        """The text of symbols (N,)."""
        try:
            ids = torch.as_tensor(ids).cpu()
        except (RuntimeError, TypeError, ValueError):
            raise TypeError(f"ids must be whole numbers (N,), not {shown(ids)}.") from None
        if ids.ndim != 1 or (len(ids) and ids.is_floating_point()):
            raise ValueError(f"ids must be whole numbers of shape (N,), not {tuple(ids.shape)} "
                             f"of {ids.dtype}.")  # fmt: skip
        _within("ids", ids, self.symbols)
        return (
            _codes(self.symbols)[ids.long().numpy()].tobytes().decode("utf-32-le", "surrogatepass")
        )

    def windows(self, size: int, length: int, seed: int = 0) -> Windows:
        """Windows of the training part: `size` of them side by side, `length` symbols each."""
        return Windows(self.train, size, length, seed)


def _within(name: str, ids: torch.Tensor, symbols: str) -> None:
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(symbols):
        raise ValueError(
            f"{name} must be from 0 to {len(symbols) - 1}; they are from {ids.min()} to "
            f"{ids.max()}."
        )


def _codes(text: str) -> np.ndarray:
    """The code points of a string, (N,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def assemble(name: str, text: str, source: str, device: torch.device) -> TextData:
    """Encode a text once, and split it by position; under `smoke` keep a slice of each part."""
    known, ids = np.unique(_codes(text), return_inverse=True)
    symbols = known.tobytes().decode("utf-32-le", "surrogatepass")
    ids = torch.from_numpy(ids.reshape(-1).astype(np.int64))
    cut = len(ids) * 9 // 10
    train, validation = ids[:cut], ids[cut:]
    if runtime.profile() == "smoke":
        train, validation = train[: SMOKE[0]], validation[: SMOKE[1]]
    return TextData(name, train.to(device), validation.to(device), symbols, source)


def load(name: str, device: torch.device) -> TextData:
    """A text of `SOURCES`; with no network docstrings stand in, and one line says so."""
    try:
        [path] = download.find([SOURCES[name]])
    except download.Unavailable as reason:
        print(
            f"{name} cannot be downloaded ({reason}): docstrings of Python's standard library "
            "stand in."
        )
        length = sum(SMOKE) * 2 if runtime.profile() == "smoke" else LENGTH
        return assemble(name, docstrings(length), "docstrings (stand-in)", device)
    return assemble(name, read(path), name, device)


def read(path: Path) -> str:
    """A learner's own text, in UTF-8; every end of line becomes a plain one.

    Raises:
        ValueError: another encoding, an empty file, or one of a few characters.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not in UTF-8: byte {error.object[error.start]:#04x} at place "
            f'{error.start + 1}. Save it as UTF-8, which every editor offers under "Save as".'
        ) from None
    if "\0" in text:
        raise ValueError(f"{path} holds zero bytes: it is no plain text, or it is in UTF-16. "
                         "Save it as UTF-8.")  # fmt: skip
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < SHORTEST:
        held = f"{len(text)} characters" if text else "empty"
        raise ValueError(
            f"{path} is too short ({held}): at least {SHORTEST} characters are needed, and "
            "100,000 for a model worth reading."
        )
    return text


def docstrings(length: int = LENGTH) -> str:
    """Docstrings of Python's standard library, in plain ASCII, `length` characters at most.

    They are read from the source files, of which none is run. The files come in a fixed random
    order, so that no part of the text is of one letter of the alphabet; each docstring comes once.
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
