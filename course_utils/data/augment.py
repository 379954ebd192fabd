"""Random changes of a batch of images, on the device. Knows nothing of labels or training."""

import math
from collections.abc import Callable
from numbers import Real

import torch
import torch.nn.functional as F

from .. import arguments

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
        fits = isinstance(value, Real) and 0 <= value < (1 if name == "scale" else math.inf)
        if not fits:
            given = arguments.shown(value)
            raise ValueError(f"{name} must not be negative (and scale below 1), not {given}.")

    def change(images: torch.Tensor) -> torch.Tensor:
        u = torch.rand(5, len(images), device=images.device) * 2 - 1  # each (B,) in -1…1
        return warp(
            images, u[0] * degrees, (u[3] * shift, u[4] * shift), 1 + u[1] * scale, u[2] * shear
        )

    return change


Amount = float | torch.Tensor


def warp(
    images: torch.Tensor,
    angle: Amount = 0.0,
    shift: tuple[Amount, Amount] = (0.0, 0.0),
    scale: Amount = 1.0,
    shear: Amount = 0.0,
) -> torch.Tensor:
    """Turn, move, resize and slant images by given amounts, each a number or one an image, (B,).

    Args:
        images: (B, C, H, W), square.
        angle: degrees, counter-clockwise.
        shift: to the right and down, as shares of the image.
        scale: above 1 enlarges.
        shear: horizontal slant in pixels a pixel of height.

    Returns:
        (B, C, H, W), bilinear; what comes in from outside the frame is 0.

    Raises:
        TypeError, ValueError: no images, or an amount that is neither a number nor one an image.
    """
    if arguments.tensor("images", images).ndim != 4 or not images.is_floating_point():
        given = f"{tuple(images.shape)} and {images.dtype}"
        raise ValueError(f"images must be of shape (B, C, H, W) and floating point, not {given}.")
    if not isinstance(shift, list | tuple) or len(shift) != 2:
        raise ValueError(
            f"shift must be a pair, to the right and down, not {arguments.shown(shift)}."
        )
    angle, shear = _amount("angle", angle, images), _amount("shear", shear, images)
    right, down = (_amount("shift", amount, images) for amount in shift)
    if isinstance(scale, Real) and not scale > 0:
        raise ValueError(f"scale must be above 0, not {scale}.")
    scale = _amount("scale", scale, images)
    cos, sin = angle.deg2rad().cos() / scale, angle.deg2rad().sin() / scale
    # grid_sample asks, for each pixel of the result, where in the source it comes from: the
    # matrix is the inverse of the change. Its image spans -1…1, so a share counts twice.
    matrix = torch.stack([cos, shear * cos - sin, sin, cos + shear * sin], 1).view(-1, 2, 2)
    move = -2 * matrix @ torch.stack([right, down], 1).unsqueeze(2)  # (B, 2, 1)
    grid = F.affine_grid(torch.cat([matrix, move], 2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid.to(images.dtype), align_corners=False)


def _amount(name: str, amount: Amount, images: torch.Tensor) -> torch.Tensor:
    """A number, or one an image, as (B,) beside the images. On a GPU a tensor's are not read."""
    size = len(images)
    if isinstance(amount, torch.Tensor):
        fits = amount.shape in ((), (size,))
    else:
        fits = isinstance(amount, Real) and math.isfinite(amount)
    if not fits:
        raise ValueError(
            f"{name} must be a finite number, or a tensor with one an image, ({size},), not "
            f"{arguments.shown(amount)}."
        )
    return torch.as_tensor(amount, dtype=torch.float32, device=images.device).expand(size)


def flip() -> Augment:
    """Mirror each image left to right with probability one half (not for digits or letters)."""

    def change(images: torch.Tensor) -> torch.Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
        return torch.where(mirrored, images.flip(3), images)

    return change
