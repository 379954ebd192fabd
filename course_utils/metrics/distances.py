"""How far generated samples are from real ones, measured by their features.

Each function takes two sets of features, `real` (N, D) and `fake` (M, D), tensors on any device
or arrays, and computes in float64. What the numbers mean depends on the features: name the network
that made them, and print the same measure of real against other real samples beside it.
"""

import warnings
from collections.abc import Iterator

import torch

from .. import arguments
from ..arguments import Samples

BLOCK = 2**20  # entries of a piece of a distance matrix: 8 MiB


def frechet_distance(real: Samples, fake: Samples) -> float:
    """The squared Fréchet distance between Gaussians fitted to two sets of features.

    With means m and covariances S: ‖m₁ − m₂‖² + Tr(S₁ + S₂ − 2 (S₁ S₂)^½). Dowson and Landau,
    *The Fréchet distance between multivariate normal distributions*, 1982; as a score of
    generators, with Inception's features, Heusel et al., *GANs trained by a two time-scale update
    rule*, 2017, eq. 6 (FID). It compares nothing but means and covariances, and it is biased:
    fewer samples give larger distances, so compare at equal numbers only.

    Args:
        real: (N, D), N from 2 up.
        fake: (M, D), M from 2 up.

    Returns:
        From 0 up, in squared units of the features; the order of the sets does not matter.

    Raises:
        TypeError, ValueError: wrong kinds or shapes, different widths, NaN or infinity, or fewer
            than 2 rows.

    Warns:
        UserWarning: no more samples than features.
    """
    real, fake = _pair(real, fake, 2)
    fewest, width = min(len(real), len(fake)), real.shape[1]
    if fewest <= width:
        warnings.warn(
            f"The Fréchet distance of {fewest} samples with {width} features says little: unless "
            "samples outnumber features, a covariance is singular and the distance far too large.",
            stacklevel=2,
        )
    return _frechet(real.mean(0), _covariance(real), fake.mean(0), _covariance(fake))


def frechet_from_moments(
    real_mean: Samples, real_covariance: Samples, fake_mean: Samples, fake_covariance: Samples
) -> float:
    """The squared Fréchet distance between two Gaussians: `frechet_distance` of exact moments.

    Args:
        real_mean, fake_mean: (D,).
        real_covariance, fake_covariance: (D, D), symmetric, without negative eigenvalues; they
            may be singular.

    Returns:
        From 0 up.

    Raises:
        TypeError, ValueError: wrong kinds or shapes, NaN or infinity, or a matrix that is not a
            covariance.
    """
    real_mean = arguments.samples("real_mean", real_mean, "(D,)")
    width = len(real_mean)
    fake_mean = arguments.samples("fake_mean", fake_mean, f"({width},), as long as real_mean")
    real_covariance = arguments.covariance("real_covariance", real_covariance, width)
    fake_covariance = arguments.covariance("fake_covariance", fake_covariance, width)
    return _frechet(real_mean, real_covariance, fake_mean, fake_covariance)


def _pair(real: Samples, fake: Samples, least: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Real (N, D) and generated (M, D) samples, each at least so many, in float64 on the CPU."""
    real = arguments.vectors("real", real, N=least)
    return real, arguments.vectors("fake", fake, like=real, N=least)


def _frechet(
    mean1: torch.Tensor, covariance1: torch.Tensor, mean2: torch.Tensor, covariance2: torch.Tensor
) -> float:
    # Tr (S₁ S₂)^½ is the sum of the square roots of the eigenvalues of S₁^½ S₂ S₁^½, and these
    # are the singular values of S₁^½ S₂^½: no product of covariances, no complex square root.
    shared = torch.linalg.svdvals(_root(covariance1).T @ _root(covariance2)).sum()
    spread = covariance1.trace() + covariance2.trace() - 2 * shared
    return ((mean1 - mean2).square().sum() + spread).clamp_min(0).item()


def _root(covariance: torch.Tensor) -> torch.Tensor:
    """A matrix R with R Rᵀ the covariance: its eigenvectors, scaled."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = len(values) * torch.finfo(values.dtype).eps * values[-1]
    # Where the rank is not full, rounding leaves 1e-16 for 0; its root, 1e-8, would be felt.
    return vectors * torch.where(values > rounding, values, 0).sqrt()


def _covariance(features: torch.Tensor) -> torch.Tensor:
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)


def kernel_distance(real: Samples, fake: Samples) -> float:
    """The squared maximum mean discrepancy of features, with a cubic kernel, unbiased.

    mean over i ≠ j of k(xᵢ, xⱼ) + mean over i ≠ j of k(yᵢ, yⱼ) − 2 mean over i, j of k(xᵢ, yⱼ),
    with k(x, y) = (xᵀy / D + 1)³. Bińkowski et al., *Demystifying MMD GANs*, 2018, section 4
    (KID); the estimator is Gretton et al., *A kernel two-sample test*, 2012, eq. 3. It is unbiased
    at every number of samples, so the distance of real from real is 0 on average and may be
    negative. All pairs are used, where KID's code averages over random subsets: the expectation
    is the same, the spread smaller.

    Args:
        real: (N, D), N from 2 up.
        fake: (M, D), M from 2 up.

    Returns:
        One number; it is large where third powers of the features are.

    Raises:
        TypeError, ValueError: as `frechet_distance`.
    """
    real, fake = _pair(real, fake, 2)
    between = sum(_kernel_sum(piece, fake) for piece, _ in pieces(real, fake))
    between /= len(real) * len(fake)
    return _mean_of_others(real) + _mean_of_others(fake) - 2 * between


def _kernel_sum(x: torch.Tensor, y: torch.Tensor) -> float:
    """The sum of k(xᵢ, yⱼ) over all pairs."""
    one = torch.ones(1, dtype=x.dtype)
    return torch.addmm(one, x, y.T, alpha=1 / x.shape[1]).pow_(3).sum().item()


def _mean_of_others(x: torch.Tensor) -> float:
    """The mean of k(xᵢ, xⱼ) over i ≠ j. The kernel is symmetric: a pair is computed once."""
    total = 0.0
    for piece, at in pieces(x, x):
        total += _kernel_sum(piece, piece) + 2 * _kernel_sum(piece, x[at.stop :])
    with_itself = (x.square().sum(1) / x.shape[1] + 1).pow(3).sum().item()
    return (total - with_itself) / (len(x) * (len(x) - 1))


def precision_recall(real: Samples, fake: Samples, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall: how much of each set lies within the other's manifold.

    A set's manifold is the union of balls about its samples, each as wide as the distance to that
    sample's k-th nearest neighbour in the set. Precision is the share of generated samples within
    the real manifold (quality), recall the share of real samples within the generated one
    (diversity). Kynkäänniemi et al., *Improved precision and recall metric for assessing
    generative models*, 2019, eq. 1 and 2, with their k = 3. Memory stays bounded: distances are
    computed in pieces.

    Args:
        real: (N, D), N above k.
        fake: (M, D), M above k; the paper takes M = N.
        k: which neighbour, from 1 up.

    Returns:
        (precision, recall), both in 0…1.

    Raises:
        TypeError, ValueError: as `frechet_distance`; k below 1, or no more than k rows.

    Warns:
        UserWarning: sets of different sizes, since the balls shrink as the number of samples grows.
    """
    real, fake = _pair(real, fake, arguments.whole("k", k, 1) + 1)
    if len(real) != len(fake):
        warnings.warn(
            f"Precision and recall of {len(real)} real and {len(fake)} generated samples are not "
            "comparable with each other: use equal numbers of both.",
            stacklevel=2,
        )
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    in_real = torch.zeros(len(fake), dtype=torch.bool)
    in_fake = []
    for piece, at in pieces(real, fake):
        distances = _squared_distances(piece, fake)  # (n, M)
        in_real |= (distances <= real_radii[at, None]).any(0)
        in_fake.append((distances <= fake_radii).any(1))
    return in_real.double().mean().item(), torch.cat(in_fake).double().mean().item()


def _radii(x: torch.Tensor, k: int) -> torch.Tensor:
    """The squared distance of each row from its k-th nearest other row, (N,), rounded up."""
    nearest = []
    for piece, at in pieces(x, x):
        distances = _squared_distances(piece, x)  # (n, N)
        distances[torch.arange(len(piece)), torch.arange(len(x))[at]] = torch.inf
        nearest.append(distances.topk(k, largest=False).values[:, -1])
    # Equal distances come out unequal in their last digits; "no farther" must hold for them.
    return torch.cat(nearest) + 1e-12 * x.square().sum(1).max()


def _squared_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    squares = x.square().sum(1, keepdim=True) + y.square().sum(1)
    return squares.addmm_(x, y.T, alpha=-2)


def pieces(x: torch.Tensor, y: torch.Tensor) -> Iterator[tuple[torch.Tensor, slice]]:
    """Rows of x, and where they are, so few at a time that a matrix of them by y is small."""
    size = max(1, BLOCK // len(y))
    for start in range(0, len(x), size):
        at = slice(start, min(start + size, len(x)))
        yield x[at], at
