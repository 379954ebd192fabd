"""One picture file as numbers, whatever it is stored as. Knows nothing of folders and classes."""

import contextlib
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # by content; a name may lack any


def sides(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels; None for a file that neither is a picture nor is named as one.

    Raises:
        ValueError: a file that is named as a picture and cannot be read, or one that is too large.
    """
    wanted = path.suffix.lower() in SUFFIXES
    with _named(path, wanted), Image.open(path, formats=FORMATS) as picture:
        return picture.size
    return None


def read(path: Path, size: int, grey: bool = False) -> np.ndarray:
    """A picture cropped to a square about its middle, (size, size, 3) in 0…255; grey, (…, 1).

    It is turned as its camera was held, and what is transparent becomes white.

    Raises:
        ValueError: a file that cannot be read as a picture.
    """
    with _named(path), Image.open(path, formats=FORMATS) as picture:
        whole = _opaque(ImageOps.exif_transpose(picture)).convert("L" if grey else "RGB")
        return np.asarray(ImageOps.fit(whole, (size, size))).reshape(size, size, -1)


def frames(path: Path, size: int, most: int) -> list[np.ndarray]:
    """The first `most` frames of a file, each cropped to a square, grey, (size, size) in 0…255.

    Raises:
        ValueError: a file that cannot be read as pictures.
    """
    with _named(path), Image.open(path, formats=FORMATS) as picture:
        found = []
        for number in range(min(most, getattr(picture, "n_frames", 1))):
            picture.seek(number)
            found.append(np.asarray(ImageOps.fit(_opaque(picture).convert("L"), (size, size))))
        return found


def _opaque(picture: Image.Image) -> Image.Image:
    """A picture of eight bits a channel, on white."""
    if picture.mode[0] in "IF":
        return _eight_bits(picture)
    if picture.mode.endswith(("A", "a")) or "transparency" in picture.info:
        if picture.mode == "La":
            picture = picture.convert("LA")
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture)
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of whole numbers in 0…65535, or of fractions in 0…1, in 0…255."""
    values, most = np.asarray(picture), 1 if picture.mode == "F" else 65535
    low, high = values.min(), values.max()
    if not 0 <= low <= high <= most:  # NaN fails, too
        raise ValueError(
            f"it holds numbers from {low:g} to {high:g}, and 0 to {most} is accepted in its format "
            f"(mode {picture.mode})"
        )
    return Image.fromarray((values.astype(np.float64) * (255 / most)).round().astype(np.uint8))


@contextlib.contextmanager
def _named(path: Path, wanted: bool = True) -> Iterator[None]:
    """A block that reads a file, whose errors, of whatever kind, become one that names it.

    A file that is not `wanted` may be something else than a picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of a size that can still be read
            yield
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"{path} cannot be read as a picture: {str(error).split(',')[0]}. Save it smaller, or "
            "remove it."
        ) from None
    except Exception as error:
        if not wanted:
            return
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        if isinstance(error, struct.error | EOFError | IndexError):  # it speaks of the decoder
            reason = "it ends too soon"
        raise ValueError(
            f"{path} cannot be read as a picture: {reason}. Fix or remove it."
        ) from None
