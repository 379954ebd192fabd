"""Which modes of a known mixture samples reach, and how closely."""

import warnings
from dataclasses import dataclass

import torch

from .. import arguments
from ..arguments import Samples

FEW = 10  # samples for each mode; with fewer a mode can be missed by chance alone


@dataclass(frozen=True)
class Modes:
    """What `modes` found; on the CPU; from (S, N, d) each field has S in front."""

    covered: torch.Tensor  # modes with at least one sample of high quality, whole number
    quality: torch.Tensor  # share of the samples that have high quality, 0…1
    counts: torch.Tensor  # (K,) samples of high quality at each mode


def modes(samples: Samples, centres: Samples, sigma: float) -> Modes:
    """Modes covered and share of high-quality samples, for a mixture of round normals.

    A sample has high quality if it lies within 3 sigma of the nearest centre. A mode is covered
    if at least one such sample is nearest to it. This is the protocol of Srivastava et al.,
    "VEEGAN", NeurIPS 2017, and of Lin et al., "PacGAN", NeurIPS 2018, with 2,500 samples. Two
    dimensions are theirs; there 98.9 % of samples of the mixture itself have high quality.

    Args:
        samples: (N, d), or (S, N, d) for S generators at once; any unit of length.
        centres: (K, d), in the same unit.
        sigma: the standard deviation of each mode in each direction, above 0, in that unit.

    Raises:
        TypeError: neither tensors nor arrays of numbers.
        ValueError: shapes that do not fit, a sample or a centre that is not finite, or a sigma
            that is not above 0.

    Warns:
        UserWarning: fewer than 10 samples for each mode, so that the count says little.
    """
    centres = arguments.samples("centres", centres, "(K, d)")
    count, width = centres.shape
    wanted = f"(N, {width}) or (S, N, {width}), as wide as the centres"
    samples = arguments.samples("samples", samples, wanted)
    arguments.between("sigma", sigma, 0)
    if samples.shape[-2] < FEW * count:
        warnings.warn(
            f"{samples.shape[-2]} samples for {count} modes are few: below {FEW} for each, a mode "
            "may be missed by chance.",
            stacklevel=2,
        )
    return _count(samples, centres, 3 * sigma)


def _count(samples: torch.Tensor, centres: torch.Tensor, radius: float) -> Modes:
    # Through a matrix product, as `cdist` has it by default, small distances are lost in rounding.
    distances = torch.cdist(samples, centres, compute_mode="donot_use_mm_for_euclid_dist")
    nearest, which = distances.min(-1)  # (…, N)
    good = nearest <= radius
    hits = torch.zeros(distances.shape[:-2] + distances.shape[-1:])
    counts = hits.long().scatter_add(-1, which, good.long())  # (…, K)
    return Modes((counts > 0).sum(-1), good.double().mean(-1).float(), counts)
