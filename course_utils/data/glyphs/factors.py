"""The table of exact factors behind glyph pictures; knows nothing of how they are drawn."""

import dataclasses
import math
from dataclasses import dataclass

import torch

from ... import arguments
from ...arguments.glyphs import column, real_column, whole_column
from .shapes import DIGITS, LETTERS, fonts

# Red, green, blue in [0, 1]: M. Okabe and K. Ito's colours for all kinds of colour vision (2002),
# with P. Tol's red in place of theirs, which few people would call red.
PALETTE = {
    "black": (0.0, 0.0, 0.0),
    "white": (1.0, 1.0, 1.0),
    "red": (0.8, 0.2, 0.067),
    "orange": (0.902, 0.624, 0.0),
    "yellow": (0.941, 0.894, 0.259),
    "green": (0.0, 0.62, 0.451),
    "blue": (0.0, 0.447, 0.698),
    "pink": (0.8, 0.475, 0.655),
}
LARGE = 0.4  # captions call a glyph large from this scale on, and small below
TILTED = 10.0  # degrees: captions call a glyph tilted from this angle on, and upright below


# What a field may be: lowest and highest value. Lengths are fractions of the picture (x, y, scale)
# or of a digit's height (warp, weight, outline), so that one table draws at any size.
LIMITS = {
    "x": (-1.0, 2.0),
    "y": (-1.0, 2.0),
    "scale": (0.05, 2.0),
    "angle": (-math.inf, math.inf),
    "shear": (-1.0, 1.0),
    "warp": (0.0, 0.2),
    "phase": (-math.inf, math.inf),
    "weight": (-0.05, 0.1),
    "outline": (0.0, 0.2),
    "ink": (0.0, 1.0),
    "background": (0.0, 1.0),
    "noise": (0.0, 1.0),
}

SHAPE = ("x", "y", "scale", "angle", "shear", "warp", "phase", "weight", "outline")  # (N,) each


@dataclass(frozen=True, eq=False)
class Factors:
    """Everything that decides a set of pictures: N glyphs in S scenes.

    Give numbers, lists or tensors; each is broadcast to its shape. One row per glyph, painted in
    the order of the rows:
    label: (N,) int64, index into `alphabet`.
    scene: (N,) int64, the picture the glyph is in; unless given, one picture per glyph.
    font: (N,) int64, index into `fonts()`.
    x, y: (N,) centre of the glyph's ink box, fractions of the picture, from the top left.
    scale: (N,) height of a digit, fraction of the picture's height.
    angle: (N,) degrees, counter-clockwise.
    shear: (N,) lean to the right, as its tangent; before the rotation.
    warp: (N,) amplitude of a wave that bends the strokes, one period to a digit's height, fraction
        of that height; before the shear.
    phase: (N,) degrees, which wave.
    weight: (N,) how far the outline is moved outwards, fraction of the digit's height.
    outline: (N,) width of the line when only the outline is drawn, same unit; 0 is solid.
    ink: (N, 3) red, green, blue in [0, 1].
    One row per scene:
    background: (S, 3) red, green, blue in [0, 1].
    noise: (S,) standard deviation of the Gaussian noise on the picture, 1 being white.
    noise_seed: (S,) int64, which noise; unless given, the number of the scene.
    Raises ValueError where a field has another shape or leaves LIMITS.
    """

    label: torch.Tensor
    scene: torch.Tensor | None = None
    font: torch.Tensor = 0
    x: torch.Tensor = 0.5
    y: torch.Tensor = 0.5
    scale: torch.Tensor = 0.7
    angle: torch.Tensor = 0.0
    shear: torch.Tensor = 0.0
    warp: torch.Tensor = 0.0
    phase: torch.Tensor = 0.0
    weight: torch.Tensor = 0.0
    outline: torch.Tensor = 0.0
    ink: torch.Tensor = 1.0
    background: torch.Tensor = 0.0
    noise: torch.Tensor = 0.0
    noise_seed: torch.Tensor | None = None
    alphabet: str = DIGITS

    def __post_init__(self):
        arguments.glyphs.alphabet(self.alphabet, DIGITS + LETTERS)
        n, s = self._lengths()
        integers = {
            "label": (n, len(self.alphabet)),
            "scene": (n, s),
            "font": (n, len(fonts())),
            "noise_seed": (s, 2**40),
        }
        for name, (rows, end) in integers.items():
            value = getattr(self, name)
            value = torch.arange(rows) if value is None else value
            object.__setattr__(self, name, whole_column(name, value, rows, end))
        for name, limits in LIMITS.items():
            rows = s if name in ("background", "noise") else n
            shape = (rows, 3) if name in ("ink", "background") else (rows,)
            value = real_column(name, getattr(self, name), shape, limits)
            object.__setattr__(self, name, value)

    def _lengths(self) -> tuple[int, int]:
        """Number of glyphs and of scenes: a (S, 3) background may have scenes with no glyph."""
        label, background = column("label", self.label), column("background", self.background)
        n = len(label) if label.ndim else 1
        if background.ndim == 2:
            return n, len(background)
        scene = torch.arange(n) if self.scene is None else column("scene", self.scene)
        return n, int(scene.max()) + 1 if scene.numel() else 0

    @property
    def scenes(self) -> int:
        """S, the number of pictures."""
        return len(self.background)

    def __len__(self) -> int:
        """N, the number of glyphs."""
        return len(self.label)

    def change(self, **fields) -> "Factors":
        """The same table with some fields replaced: the pixel-exact partner in another look.

        Raises:
            TypeError, ValueError: an unknown field, or a value that `Factors` refuses.
        """
        return dataclasses.replace(self, **fields)

    def rows(self, index) -> "Factors":
        """The same scenes with only the chosen glyphs (an index tensor, a mask or a slice)."""
        names = ("label", "scene", "font", *SHAPE, "ink")
        arguments.glyphs.rows(index, len(self))
        return self.change(**{name: getattr(self, name)[index] for name in names})

    def __getitem__(self, index) -> "Factors":
        """The chosen scenes (a slice, or indices without repeats), numbered afresh, in order."""
        chosen = arguments.glyphs.scenes(index, self.scenes)
        place = torch.full((self.scenes,), -1)
        place[chosen] = torch.arange(len(chosen))
        kept = self.rows(place[self.scene] >= 0)
        look = {name: getattr(self, name)[chosen] for name in ("background", "noise", "noise_seed")}
        return kept.change(scene=place[kept.scene], **look)

    def characters(self) -> list[str]:
        """The N characters, in the order of the rows."""
        return [self.alphabet[label] for label in self.label.tolist()]


def captions(factors: Factors, full: bool = False) -> list[str]:
    """One sentence per scene: "a small red 7 and a large tilted white 2 on a blue background".

    Sizes are large from LARGE on, and small; colours are the nearest of PALETTE. "tilted" (from
    TILTED degrees) and "outlined" are said, "upright" and "solid" only with full=True.
    """
    arguments.flag("full", full)
    size = [("small", "large")[large] for large in (table(factors).scale >= LARGE).tolist()]
    turn = ((factors.angle + 180) % 360 - 180).abs() >= TILTED
    tilt = [("upright", "tilted")[tilted] for tilted in turn.tolist()]
    stroke = [("solid", "outlined")[lined] for lined in (factors.outline > 0).tolist()]
    words = zip(size, tilt, stroke, _names(factors.ink), factors.characters(), strict=True)
    things = [[] for _ in range(factors.scenes)]
    for scene, phrase in zip(factors.scene.tolist(), words, strict=True):
        said = [word for word in phrase if full or word not in ("upright", "solid")]
        things[scene].append("a " + " ".join(said))
    grounds = [f"{_article(name)} background" for name in _names(factors.background)]
    return [f"{_list(some)} on {ground}" for some, ground in zip(things, grounds, strict=True)]


def _names(rgb: torch.Tensor) -> list[str]:
    """The palette's nearest name for each of the colours (n, 3)."""
    distance = torch.cdist(rgb, torch.tensor(list(PALETTE.values())))
    return [list(PALETTE)[i] for i in distance.argmin(1).tolist()]


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _list(things: list[str]) -> str:
    """The things in one phrase: a comma between, "and" before the last."""
    *most, last = things or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last


def table(factors: Factors) -> Factors:
    """TypeError unless these are factors."""
    return arguments.kind("factors", factors, Factors, "Factors, as `sample` gives them")
