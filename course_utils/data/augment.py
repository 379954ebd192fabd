"""Random changes of a batch of images, on the device. Knows nothing of labels or training."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

Augment = Callable[[torch.Tensor], torch.Tensor]


def affine(
    degrees: float = 10.0, shift: float = 0.1, scale: float = 0.1, shear: float = 0.1
) -> Augment:
    """Turn, move, resize and slant each image of a batch by its own random amount.

    Args:
        degrees: rotation is uniform in ±degrees.
        shift: in both directions uniform in ±shift, as a share of the image.
        scale: the factor is uniform in 1 ± scale, scale < 1.
        shear: horizontal slant, uniform in ±shear pixels a pixel of height.

    Returns:
        A function of images (B, C, H, W); what comes in from outside the frame is 0.
    """
    for name, value in (("degrees", degrees), ("shift", shift), ("scale", scale), ("shear", shear)):
        if not 0 <= value < (1 if name == "scale" else math.inf):
            raise ValueError(f"{name} must not be negative (and scale below 1), not {value!r}.")

    def change(images: torch.Tensor) -> torch.Tensor:
        u = torch.rand(5, len(images), device=images.device) * 2 - 1  # each (B,) in -1…1
        angle, size = u[0] * math.radians(degrees), 1 + u[1] * scale
        cos, sin, slant = angle.cos() / size, angle.sin() / size, u[2] * shear
        move = u[3:] * 2 * shift  # grid_sample's image spans -1…1, so a share counts twice
        rows = [cos, sin + slant * cos, move[0], -sin, cos - slant * sin, move[1]]
        matrix = torch.stack(rows, 1).view(-1, 2, 3)  # (B, 2, 3)
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid.to(images.dtype), align_corners=False)

    return change


def flip() -> Augment:
    """Mirror each image left to right with probability one half (not for digits or letters)."""

    def change(images: torch.Tensor) -> torch.Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
        return torch.where(mirrored, images.flip(3), images)

    return change
