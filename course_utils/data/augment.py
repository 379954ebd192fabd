"""Random changes of a batch of images, on the device. Knows nothing of labels or training."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .. import arguments
from ..arguments import pictures

Augment = Callable[[torch.Tensor], torch.Tensor]


def affine(
    degrees: float = 10.0, shift: float = 0.1, scale: float = 0.1, shear: float = 0.1
) -> Augment:
    """Turn, move, resize and slant each image of a batch by its own random amount.

    Args:
        degrees: rotation is uniform in ±degrees.
        shift: in both directions uniform in ±shift, as a share of the image.
        scale: the factor is uniform in 1 ± scale, at most 0.99.
        shear: horizontal slant, uniform in ±shear pixels per pixel of height.

    Returns:
        A function of images (B, C, H, W); what comes in from outside the frame is 0.

    Raises:
        ValueError: an amount below 0, or a scale above 0.99.
    """
    arguments.real("degrees", degrees, 0), arguments.real("shift", shift, 0)
    arguments.real("scale", scale, 0, 0.99), arguments.real("shear", shear, 0)

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
    """Turn, move, resize and slant images by given amounts, each one number or one per image, (B,).

    Args:
        images: (B, C, H, W), square.
        angle: degrees, counter-clockwise.
        shift: to the right and down, as shares of the image.
        scale: above 1 enlarges.
        shear: horizontal slant in pixels per pixel of height.

    Returns:
        (B, C, H, W), bilinear; what comes in from outside the frame is 0.

    Raises:
        TypeError, ValueError: other images, or an amount that is neither one number nor one per
            image.
    """
    count = len(pictures.images("images", images))
    right, down = pictures.shift(shift, count)
    pictures.amount("angle", angle, count), pictures.amount("shear", shear, count)
    pictures.scale(scale, count)
    angle, right, down, scale, shear = (
        torch.as_tensor(amount, dtype=torch.float32, device=images.device).expand(count)
        for amount in (angle, right, down, scale, shear)
    )  # (B,) each
    cos, sin = angle.deg2rad().cos() / scale, angle.deg2rad().sin() / scale
    # grid_sample asks, for each pixel of the result, where in the source it comes from: the
    # matrix is the inverse of the change. Its image spans -1…1, so a share counts twice.
    matrix = torch.stack([cos, shear * cos - sin, sin, cos + shear * sin], 1).view(-1, 2, 2)
    move = -2 * matrix @ torch.stack([right, down], 1).unsqueeze(2)  # (B, 2, 1)
    grid = F.affine_grid(torch.cat([matrix, move], 2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid.to(images.dtype), align_corners=False)


def flip() -> Augment:
    """Mirror each image left to right with probability one half (not for digits or letters)."""

    def change(images: torch.Tensor) -> torch.Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
        return torch.where(mirrored, images.flip(3), images)

    return change
