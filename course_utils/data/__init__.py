"""Data on the device: `load` by name or path, a typed door for each kind, `Batches`, augmentation.

cu.data.load("datasets/flowers")                           # any name or path, as it is
cu.data.folder("datasets/flowers", size=64, channels=3)    # its own door takes options
"""

from . import augment, glyphs
from .batches import Batches
from .benchmarks import etth1, exchange_rates
from .folders import folder
from .images import ImageData
from .midi import write_midi
from .music import MusicData, chorales, music
from .recordings import SpeechData, speech, spoken_digits
from .registry import load, names
from .series import SeriesData, Waves, csv, sines, sunspots
from .texts import TextData, Windows, text
from .videos import VideoData, radar, video
from .waves import wav

__all__ = [
    "Batches",
    "ImageData",
    "MusicData",
    "SeriesData",
    "SpeechData",
    "TextData",
    "VideoData",
    "Waves",
    "Windows",
    "augment",
    "chorales",
    "csv",
    "etth1",
    "exchange_rates",
    "folder",
    "glyphs",
    "load",
    "music",
    "names",
    "radar",
    "sines",
    "speech",
    "spoken_digits",
    "sunspots",
    "text",
    "video",
    "wav",
    "write_midi",
]
