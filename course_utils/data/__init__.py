"""Data on the device: `load` by name or from a folder, `Batches`, augmentation, glyphs."""

from . import augment, glyphs
from .batches import Batches
from .images import ImageData
from .registry import load, names

__all__ = ["Batches", "ImageData", "augment", "glyphs", "load", "names"]
