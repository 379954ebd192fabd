"""How alike two pictures are: structural similarity."""

import torch
import torch.nn.functional as F

from ... import arguments

WINDOW, SIGMA = 11, 1.5  # pixels
K1, K2 = 0.01, 0.03


def ssim(images: torch.Tensor, reference: torch.Tensor, peak: float = 1.0) -> torch.Tensor:
    """The mean structural similarity of each image to its reference, (N,); 1 if they are equal.

    With means m, variances v and the covariance c in a Gaussian window of 11×11 pixels (σ 1.5),
    SSIM = (2 m₁m₂ + C₁)(2 c + C₂) / ((m₁² + m₂² + C₁)(v₁ + v₂ + C₂)), C₁ = (0.01 peak)²,
    C₂ = (0.03 peak)², averaged over all windows that lie within the image, and over channels.

    Source: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, IEEE Transactions on Image
    Processing 13 (2004).

    Args:
        images, reference: (N, C, H, W), with H and W at least 11.
        peak: the largest value that a pixel may have, 1 or 255.

    Raises:
        TypeError, ValueError: other shapes, shapes that differ, or a peak that is not above 0.
    """
    for name, given in (("images", images), ("reference", reference)):
        arguments.shape(name, arguments.tensor(name, given), "(N, C, H, W)", H=WINDOW, W=WINDOW)
    if images.shape != reference.shape:
        raise ValueError(
            f"images and reference must have one shape, not {tuple(images.shape)} and "
            f"{tuple(reference.shape)}."
        )
    peak = arguments.between("peak", peak, 0)
    x, y = images.float(), reference.float()
    mean_x, mean_y, xx, yy, xy = (_blurred(one) for one in (x, y, x * x, y * y, x * y))
    var_x, var_y, cov = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (light * (2 * cov + c2) / (var_x + var_y + c2)).mean((1, 2, 3))


def _blurred(images: torch.Tensor) -> torch.Tensor:
    """Means under the Gaussian window, wherever it lies within the image."""
    at = torch.arange(WINDOW, device=images.device) - WINDOW // 2
    bell = (-(at**2) / (2 * SIGMA**2)).exp()
    bell = (bell / bell.sum()).to(images.dtype)
    flat = images.reshape(-1, 1, *images.shape[2:])
    found = F.conv2d(F.conv2d(flat, bell.view(1, 1, -1, 1)), bell.view(1, 1, 1, -1))
    return found.view(*images.shape[:2], *found.shape[2:])
