"""What is in a learner's own file, plain or compressed."""

import bz2
import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

PACKED = (".gz", ".bz2", ".xz", ".zip")
MARKS = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ\0": lzma.decompress}


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked if need be; of a zip archive those of the only file in it.

    Raises:
        ValueError: a compressed file that is damaged.
    """
    data = path.read_bytes()
    try:
        for mark, unpacked in MARKS.items():
            if data.startswith(mark):
                return unpacked(data)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path} is damaged and cannot be unpacked ({error}).") from None
    if data.startswith(b"PK\3\4"):
        # What cannot be unpacked is refused by those who wanted text.
        with contextlib.suppress(zipfile.BadZipFile, RuntimeError, zlib.error, EOFError):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [
                    one for one in archive.namelist() if one[-1:] != "/" and "__MACOSX" not in one
                ]
                if len(names) == 1:  # a workbook of Excel is an archive, too, of many files
                    return archive.read(names[0])
    return data


def ending(path: Path) -> str:
    """What the name says is in a file: ".csv" of "table.CSV" and of "table.csv.gz"."""
    inner = Path(path.stem) if path.suffix.lower() in PACKED else path
    return inner.suffix.lower()
