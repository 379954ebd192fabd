"""Data on the device: `load` and `series` by name or from own files, `Batches`, augmentation."""

from . import augment, glyphs
from .batches import Batches
from .images import ImageData
from .registry import load, names
from .series import SeriesData, Waves, series
from .text import TextData, Windows

__all__ = [
    "Batches",
    "ImageData",
    "SeriesData",
    "TextData",
    "Waves",
    "Windows",
    "augment",
    "glyphs",
    "load",
    "names",
    "series",
]
