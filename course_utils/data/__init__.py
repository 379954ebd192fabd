"""Data on the device: `load` by name or path, a typed door for each kind, `Batches`, augmentation.

cu.data.load("datasets/flowers")                           # any name or path, as it is
cu.data.folder("datasets/flowers", size=64, channels=3)    # its own door takes options
"""

from . import augment, glyphs
from .batches import Batches
from .folders import folder
from .images import ImageData
from .registry import load, names
from .series import SeriesData, Waves, csv, sines, sunspots
from .texts import TextData, Windows, text

__all__ = [
    "Batches",
    "ImageData",
    "SeriesData",
    "TextData",
    "Waves",
    "Windows",
    "augment",
    "csv",
    "folder",
    "glyphs",
    "load",
    "names",
    "sines",
    "sunspots",
    "text",
]
