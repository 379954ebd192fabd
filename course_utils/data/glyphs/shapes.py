"""Turns matplotlib's own fonts into signed distance fields; knows nothing of scenes or images."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
from matplotlib.ft2font import FT2Font
from PIL import ImageFont
from scipy.ndimage import distance_transform_edt

from ... import arguments

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# The unit of length of a font is its *figure height*, the height of its digits ("7" has no
# overshoot). A tile of the atlas spans [-REACH, REACH] of it both ways, ink in the middle: the
# widest ink (a bold W) ends at 0.79, and the rest is room for heavier strokes and soft edges.
REACH = 1.0
TILE = 96  # samples along a tile: 48 to a figure height, 1.8 to the thinnest hairline
FINE = 3  # glyphs are rasterised FINE times finer than the tile; odd, so that centres coincide
UNIT = FINE * TILE / (2 * REACH)  # fine pixels to a figure height

# These claim to have the characters, yet draw others in their place: boxes (LastResort), symbols
# (cmsy, cmex), or old-style figures, whose 0 and 1 are the letters o and I (cmmi).
_IMPOSTORS = ("LastResort", "cmsy", "cmex", "cmmi")


class Atlas(NamedTuple):
    """The glyphs of one alphabet in every font, as shapes.

    tiles: (fonts, characters, TILE, TILE) float32, signed distance to the outline in figure
        heights, positive in the ink; the ink box is centred in the tile.
    ink: (fonts, characters, 2) float32, half the width and half the height of the ink box, in
        figure heights.
    """

    tiles: torch.Tensor
    ink: torch.Tensor


@cache
def fonts() -> tuple[str, ...]:
    """Names of the fonts shipped with matplotlib that draw all of DIGITS and LETTERS, sorted."""
    names = []
    for path in sorted(_folder().glob("*.ttf"), key=lambda path: path.stem):
        if path.stem.startswith(_IMPOSTORS):
            continue
        known = FT2Font(str(path)).get_charmap()
        if all(ord(character) in known for character in DIGITS + LETTERS):
            names.append(path.stem)
    return tuple(names)


@cache
def atlas(alphabet: str = DIGITS) -> Atlas:
    """The distance fields of `alphabet` in all `fonts()`; built once per process and alphabet.

    alphabet: distinct characters out of DIGITS + LETTERS, at least one.
    Source: C. Green, "Improved alpha-tested magnification for vector textures and special
    effects", SIGGRAPH 2007 courses.
    Raises ValueError for another alphabet.
    """
    arguments.glyphs.alphabet(alphabet, DIGITS + LETTERS)
    glyphs = [[_glyph(name, character) for character in alphabet] for name in fonts()]
    tiles = np.stack([[tile for tile, _ in row] for row in glyphs])
    ink = np.stack([[half for _, half in row] for row in glyphs])
    return Atlas(torch.from_numpy(tiles), torch.from_numpy(ink))


def file_of(name: str) -> str:
    """Path of the font `name`."""
    return str(_folder() / f"{name}.ttf")


def _folder() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def _face(name: str) -> ImageFont.FreeTypeFont:
    """The font, at the size that makes its "7" UNIT pixels tall."""
    _, top, _, bottom = ImageFont.truetype(file_of(name), 1000).getbbox("7")
    return ImageFont.truetype(file_of(name), UNIT * 1000 / (bottom - top))


def _glyph(name: str, character: str) -> tuple[np.ndarray, np.ndarray]:
    """One glyph: its tile (TILE, TILE) and half its ink box (2,), both in figure heights."""
    mask = _face(name).getmask(character, mode="L")  # mode L: 256 levels of coverage
    fine = np.asarray(mask, dtype=np.uint8).reshape(mask.size[::-1]) > 127
    rows, columns = np.flatnonzero(fine.any(1)), np.flatnonzero(fine.any(0))
    fine = fine[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # the ink box
    (height, width), side = fine.shape, FINE * TILE
    above, left = (side - height) // 2, (side - width) // 2
    fine = np.pad(fine, ((above, side - height - above), (left, side - width - left)))
    tile = _distance(fine) - _distance(~fine)  # (TILE, TILE), positive in the ink
    return (tile / UNIT).astype(np.float32), np.float32([width, height]) / (2 * UNIT)


def _distance(mask: np.ndarray) -> np.ndarray:
    """Distance of each sample of a tile to the edge of `mask`, in fine pixels, 0 outside it."""
    # Only every FINE-th distance is wanted, so the nearest pixels are asked for instead of all
    # distances: twice as fast.
    nearest = distance_transform_edt(mask, return_distances=False, return_indices=True)
    at = np.arange(FINE // 2, len(mask), FINE)
    rows, columns = nearest[:, at[:, None], at]
    # The transform measures to pixel centres; the edge runs half a pixel before them.
    return np.maximum(np.hypot(rows - at[:, None], columns - at) - 0.5, 0)
