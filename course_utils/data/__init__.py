"""Data on the device: `load` by name or from own files, `Batches`, `Windows`, augmentation."""

from . import augment, glyphs
from .batches import Batches
from .images import ImageData
from .registry import load, names
from .text import TextData, Windows

__all__ = ["Batches", "ImageData", "TextData", "Windows", "augment", "glyphs", "load", "names"]
