"""Draws glyphs, with boxes and masks, from their factors; knows nothing of their choice."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from ... import arguments
from .factors import SHAPE, Factors, table
from .shapes import REACH, atlas

SIZES = (16, 64)  # pixels along a picture
_SMALLEST = 4  # pixels: a figure height below this is not legible
_CHUNK = 256  # glyphs drawn at once: bounds the memory, changes no result
_LUMA = (0.299, 0.587, 0.114)  # what red, green and blue add to grey (ITU-R BT.601)


class Pictures(NamedTuple):
    """What `draw` returns.

    images: (S, C, size, size) uint8.
    labels: (N,) int64, as in the factors.
    boxes: (N, 4) float32, left, top, right, bottom in pixels from the top left corner: the
        tightest box round the glyph's own ink, also where another glyph hides it. Edges lie
        between pixels: images[..., top:bottom, left:right]. Zeros where no ink is in the picture.
    masks: (N, size, size) uint8, the glyph's coverage of each pixel, 255 for all of it; or None.
    """

    images: torch.Tensor
    labels: torch.Tensor
    boxes: torch.Tensor
    masks: torch.Tensor | None


def draw(factors: Factors, size: int = 28, channels: int = 1, masks: bool = False) -> Pictures:
    """Pictures of `size` x `size` pixels (16 to 64), grey (channels=1) or colour (channels=3).

    The same factors give the same bytes, whatever other scenes are drawn with them.
    Raises ValueError for another size or number of channels, or glyphs under 4 pixels tall.
    """
    check_canvas(size, channels)
    arguments.flag("masks", masks)
    arguments.glyphs.legible(table(factors).scale, size, _SMALLEST)
    n, s = len(factors), factors.scenes
    images = torch.empty(s, channels, size, size, dtype=torch.uint8)
    boxes = torch.zeros(n, 4)
    covers = torch.empty(n, size, size, dtype=torch.uint8) if masks else None
    order, layer, start = _layers(factors.scene, s)
    step = max(1, _CHUNK // (int(layer.max()) + 1)) if n else _CHUNK
    for first in range(0, s, step):
        last = min(first + step, s)
        span = slice(int(start[first]), int(start[last]))
        rows = order[span]
        ink = coverage(factors, size, rows)  # (n, size, size)
        boxes[rows] = _boxes(ink)
        if masks:
            covers[rows] = _bytes(ink)
        canvas = _colour(factors.background[first:last], channels).repeat(1, 1, size, size)
        paint = _colour(factors.ink[rows], channels)  # (n, C, 1, 1)
        _paint(canvas, ink, paint, factors.scene[rows] - first, layer[span])
        _add_noise(canvas, factors.noise[first:last], factors.noise_seed[first:last])
        images[first:last] = _bytes(canvas)
    return Pictures(images, factors.label, boxes, covers)


def coverage(factors: Factors, size: int, rows=slice(None)) -> torch.Tensor:
    """How much of each pixel each glyph covers: (N, size, size) float32 in [0, 1].

    Differentiable in the factors of SHAPE, all real.
    """
    arguments.whole("size", size, 1)
    f = {name: getattr(table(factors), name)[rows][:, None, None] for name in SHAPE}
    tiles = atlas(factors.alphabet).tiles[factors.font[rows], factors.label[rows]]  # (n, T, T)
    centre = (torch.arange(size) + 0.5) / size
    right, down = centre - f["x"], centre[:, None] - f["y"]  # (n, 1, size), (n, size, 1)
    # From the picture back to the upright glyph: rotation and scale undone, then shear and warp.
    angle = torch.deg2rad(f["angle"])
    cos, sin = angle.cos() / f["scale"], angle.sin() / f["scale"]
    across, below = cos * right - sin * down, sin * right + cos * down  # (n, size, size)
    across = across + f["shear"] * below
    if (f["warp"] > 0).any():
        across, below = _warp(across, below, f["warp"], torch.deg2rad(f["phase"]))
    grid = torch.stack([across, below], -1) / REACH  # (n, size, size, 2), the tile is [-1, 1]
    # Outside its tile a sample is 0, so the distance is stored one too large: far from the ink.
    inside = F.grid_sample(tiles[:, None] + 1, grid, align_corners=False)[:, 0] - 1
    inside = inside + f["weight"]
    line = f["outline"] / 2 - inside.abs()  # a band about the outline
    inside = torch.where(f["outline"] > 0, line, inside)
    return (0.5 + inside * f["scale"] * size).clamp(0, 1)  # one pixel wide, from 0 to 1


def extents(factors: Factors) -> torch.Tensor:
    """(N, 2) half the width and height of the upright box round each glyph, from the factors.

    Fractions of the picture. It holds all the ink but the soft edge, less than a pixel wide; the
    boxes of `draw` are tighter where the glyph's corners are empty.
    """
    ink = atlas(table(factors).alphabet).ink[factors.font, factors.label]  # (N, 2)
    wide, tall = (ink + (factors.weight + factors.outline / 2 + factors.warp)[:, None]).T
    angle, lean = torch.deg2rad(factors.angle), factors.shear * tall
    cos, sin = angle.cos(), angle.sin()
    # The sheared box is spanned by (wide, 0) and (-lean, tall); turn both and add their lengths.
    across = (cos * wide).abs() + (cos * lean - sin * tall).abs()
    below = (sin * wide).abs() + (sin * lean + cos * tall).abs()
    return torch.stack([across, below], 1) * factors.scale[:, None]


def _warp(across, below, amplitude, phase) -> tuple[torch.Tensor, torch.Tensor]:
    """Each coordinate moved by a sine of the other, whose period is one figure height."""
    move_across = amplitude * (2 * torch.pi * below + phase).sin()
    move_below = amplitude * (2 * torch.pi * across + 2 * phase).sin()
    return across + move_across, below + move_below


def _layers(scene: torch.Tensor, scenes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows sorted by scene (N,), the layer of each in its scene (N,), starts (S + 1,)."""
    order = scene.argsort(stable=True)
    start = F.pad(scene.bincount(minlength=scenes).cumsum(0), (1, 0))
    return order, torch.arange(len(scene)) - start[scene[order]], start


def _boxes(ink: torch.Tensor) -> torch.Tensor:
    """(n, 4) boxes of the pixels that a byte can tell from none, of coverages (n, size, size)."""
    seen, at = ink > 0.5 / 255, torch.arange(ink.shape[-1])
    sides = []
    for axis in (1, 2):
        hit = seen.any(axis)  # (n, size): columns, then rows
        sides.append((hit.int().argmax(1), torch.where(hit, at + 1, 0).amax(1)))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], 1).float()


def _colour(rgb: torch.Tensor, channels: int) -> torch.Tensor:
    """(n, 3) as (n, channels, 1, 1); grey is the luminance."""
    if channels == 1:
        rgb = (rgb * torch.tensor(_LUMA)).sum(1, keepdim=True)
    return rgb[..., None, None]


def _paint(canvas, ink, paint, scene, layer) -> None:
    """Glyphs (n, size, size) of colours (n, C, 1, 1) on canvas (s, C, size, size), in place."""
    for depth in layer.unique():  # sorted; a layer has one glyph a scene, painted all at once
        on = layer == depth
        under = canvas[scene[on]]
        canvas[scene[on]] = torch.lerp(under, paint[on], ink[on][:, None])


def _add_noise(canvas: torch.Tensor, noise: torch.Tensor, seeds: torch.Tensor) -> None:
    """Gaussian noise on canvas (s, C, size, size), in place; each scene has its own generator."""
    for i in noise.nonzero().flatten().tolist():
        generator = torch.Generator().manual_seed(int(seeds[i]))
        canvas[i] += noise[i] * torch.randn(canvas[i].shape, generator=generator)


def _bytes(values: torch.Tensor) -> torch.Tensor:
    return (values.clamp(0, 1) * 255).round().to(torch.uint8)


def check_canvas(size: int, channels: int) -> None:
    """ValueError unless pictures can be of this size and so many channels."""
    arguments.whole("size", size, *SIZES)
    arguments.choice("channels", channels, (1, 3))
