"""Procedural pictures of digits and letters with exact ground truth; knows nothing of training.

    factors = glyphs.sample(8, seed=0, scale=0.3, ink=glyphs.PALETTE, background="blue")
    images, labels, boxes, masks = glyphs.draw(factors, size=64, channels=3)
    glyphs.captions(factors)[0]                    # "a small white 5 on a blue background"

`mnist_like` is the stand-in of MNIST, `move` makes films, `Factors.change` makes exact pairs.
"""

from .drawing import Pictures, coverage, draw, extents
from .factors import PALETTE, Factors, captions
from .scenes import mnist_like, move, sample
from .shapes import DIGITS, LETTERS, fonts

__all__ = [
    "DIGITS",
    "LETTERS",
    "PALETTE",
    "Factors",
    "Pictures",
    "captions",
    "coverage",
    "draw",
    "extents",
    "fonts",
    "mnist_like",
    "move",
    "sample",
]
