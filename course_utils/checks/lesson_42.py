"""The checks of lesson 42: sizes of transposed convolutions, EMA, Fréchet distance, neighbours."""

import math
from collections.abc import Callable
from typing import Any

import torch

from ..metrics import frechet_distance
from . import require
from .answers import number

HINTS = {
    "42.1": (
        "Put stride - 1 zeros between the pixels. How long is the row now? Then a convolution of "
        "stride 1, with kernel - 1 - padding zeros on each side, runs over it.",
        "(size - 1) · stride + kernel - 2 · padding",
    ),
    "42.2": (
        "Each average keeps a share `decay` of itself and takes the rest from the weights.",
        "Within torch.no_grad(), for each pair: a.mul_(decay).add_(w, alpha=1 - decay).",
    ),
    "42.3": (
        "torch.cov takes features as rows: hand it the transposed table. The trace of the root of "
        "S₁ S₂ is the sum of the roots of its eigenvalues.",
        "roots = torch.linalg.eigvals(S1 @ S2).real.clamp(min=0).sqrt().sum(); then "
        "(m1 - m2).square().sum() + S1.trace() + S2.trace() - 2 * roots.",
    ),
    "42.4": (
        "Flatten each picture to one row; torch.cdist then gives all distances, (N, M).",
        "torch.cdist(samples.flatten(1), training.flatten(1)).min(1) holds both, distances and "
        "indices.",
    ),
}


def output_size(answer: Callable) -> str:
    cases = [(1, 7, 1, 0), (7, 4, 2, 1), (4, 3, 2, 1), (5, 6, 3, 2), (14, 5, 4, 0)]
    got = [number(answer(*case)) for case in cases]

    def like(formula: Callable) -> bool:
        return got == [float(formula(*case)) for case in cases]

    require(
        not like(lambda n, k, s, p: (n + 2 * p - k) // s + 1),
        "that is the size after a *convolution*, which shrinks. Here it goes the other way.",
    )
    require(
        not like(lambda n, k, s, p: n * s),
        "that holds for some kernels only. What do kernel and padding add or take away?",
    )
    require(
        not like(lambda n, k, s, p: n * s + k - 2 * p),
        "the zeros go *between* the pixels: n pixels have n - 1 gaps.",
    )
    require(
        not like(lambda n, k, s, p: (n - 1) * s + k + 2 * p),
        "the padding makes it larger. Of a transposed convolution it is cut off.",
    )
    once = like(lambda n, k, s, p: (n - 1) * s + k - p)
    require(not once, "the padding is cut off on *both* sides.")
    require(
        not like(lambda n, k, s, p: (n - 1) * s - 2 * p + 1),
        "the kernel is missing: each input pixel paints a patch of kernel pixels.",
    )
    for value, (n, k, s, p) in zip(got, cases, strict=True):
        right = (n - 1) * s + k - 2 * p
        require(
            value == right,
            f"for a side of {n}, kernel {k}, stride {s} and padding {p} it gives {value:g}; "
            f"nn.ConvTranspose2d gives {right}.",
        )
    return "as nn.ConvTranspose2d has it, for five settings."


def ema_update(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 2), (4,)]
    before = [torch.randn(shape, generator=generator) for shape in shapes]
    weights = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    given = [w.detach().clone() for w in weights]
    average = [a.clone() for a in before]
    kept = list(average)
    answer(average, weights, 0.9)
    after = [a.detach() for a in kept]

    def like(formula: Callable) -> bool:
        wanted = [formula(a, w) for a, w in zip(before, given, strict=True)]
        return all(torch.allclose(a, w, atol=1e-6) for a, w in zip(after, wanted, strict=True))

    same = all(torch.equal(w.detach(), g) for w, g in zip(weights, given, strict=True))
    require(same, "it has changed G's weights. The average follows them; they must not feel it.")
    require(
        not like(lambda a, w: a),
        "the averages are as they were. Change the tensors in place: mul_, add_, lerp_, copy_.",
    )
    require(
        not like(lambda a, w: 0.1 * a + 0.9 * w),
        "the shares are swapped. A decay near 1 is to mean a *slow* average.",
    )
    require(not like(lambda a, w: (a + w) / 2), "half and half: decay plays no part in it.")
    require(
        not like(lambda a, w: 0.9 * a + w),
        "the two shares must add up to 1, or the average grows without end.",
    )
    require(
        not like(lambda a, w: 0.9 * a),
        "the averages only shrink. The other share, 1 - decay, comes from the weights.",
    )
    require(not like(lambda a, w: w), "that is a copy of the weights, no average.")
    require(
        torch.allclose(after[0], 0.9 * before[0] + 0.1 * given[0], atol=1e-6),
        f"with decay 0.9, {before[0][0, 0]:.4g} and the weight {given[0][0, 0]:.4g} it gives "
        f"{after[0][0, 0]:.4g}; {0.9 * before[0][0, 0] + 0.1 * given[0][0, 0]:.4g} is right.",
    )
    right = like(lambda a, w: 0.9 * a + 0.1 * w)
    require(right, "right for the first tensor, but not for all of them.")
    require(
        not any(a.requires_grad for a in kept),
        "right, but the averages have got a graph, which grows with every step: use "
        "torch.no_grad().",
    )
    return "in place, for all tensors, without a graph."


def _moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.mean(0), x.T.cov()


def frechet(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    draw = (torch.randn(200, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    A, B = (torch.randn(4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    x, y = next(draw) @ A, next(draw) @ B + 0.7
    right = frechet_distance(x, y)
    got = answer(x.clone(), y.clone())
    require(
        not (isinstance(got, torch.Tensor) and got.is_complex()),
        "it is a complex number: eigvals gives such. Take .real, which is all there is to it.",
    )
    got = number(got, "one distance is asked for")
    (m, S), (n, T) = _moments(x), _moments(y)
    means, traces = (m - n).square().sum(), S.trace() + T.trace()
    roots = torch.linalg.eigvals(S @ T).real.clamp(min=0).sqrt().sum()

    def like(other: Any) -> bool:
        return math.isclose(got, float(other), rel_tol=1e-5)

    require(
        not math.isnan(got),
        "it is not a number: a root was taken of a negative one. The eigenvalues of S₁ S₂ are "
        "not negative, but its entries are, and rounding may make an eigenvalue so.",
    )
    require(not like(means), "only the means are compared; the covariances belong to it too.")
    require(not like(means + traces - roots), "the trace of the root counts twice.")
    require(not like(means + traces + 2 * roots), "the trace of the root is taken *away*.")
    require(not like(traces - 2 * roots), "the means are missing.")
    plain = like(means.sqrt() + traces - 2 * roots)
    require(not plain, "the distance of the means must be squared, as the rest is.")
    require(
        not like(means + traces - 2 * (S @ T).clamp(min=0).sqrt().trace())
        and not like(means + traces - 2 * (S @ T).abs().sqrt().trace()),
        "sqrt takes the root of each *entry*. The root of a matrix R is one with R R = S₁ S₂: "
        "go by the eigenvalues.",
    )
    require(
        not like(means + traces - 2 * (S @ T).trace()),
        "the root is missing: the product S₁ S₂ has the units of a fourth power.",
    )
    require(
        not like(means + (S.diag().sqrt() - T.diag().sqrt()).square().sum()),
        "only variances are compared; what features do *together* stands beside the diagonal.",
    )
    require(not like(math.sqrt(right)), "that is its root; the squared distance is asked for.")
    require(
        math.isclose(got, right, rel_tol=0.02),  # dividing by N instead of N - 1 is fine
        f"for two sets of 200 samples it gives {got:.4g}; right is {right:.4g}.",
    )
    return "equal to cu.metrics.frechet_distance."


def nearest(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    samples = torch.rand(6, 1, 5, 5, generator=generator)
    training = torch.rand(9, 1, 5, 5, generator=generator)
    training[4] = samples[2]
    got = answer(samples.clone(), training.clone())
    require(
        isinstance(got, tuple | list) and len(got) == 2,
        f"two tensors are asked for, distances and indices; it returned {type(got).__name__}"
        f"{f' of {len(got)}' if isinstance(got, tuple | list) else ''}.",
    )
    distances, indices = (torch.as_tensor(part).detach().cpu() for part in got)
    table = torch.cdist(
        samples.flatten(1), training.flatten(1), compute_mode="donot_use_mm_for_euclid_dist"
    )
    require(
        not (distances.shape == (9,) and indices.shape == (9,)),
        "it finds the nearest sample of each training picture. Turn it round.",
    )
    require(
        distances.shape == (6,) and indices.shape == (6,),
        f"for 6 samples of 5 × 5 pixels, 6 distances and 6 indices are asked for; yours have the "
        f"shapes {tuple(distances.shape)} and {tuple(indices.shape)}.",
    )

    def like(a: torch.Tensor, i: torch.Tensor, atol: float = 2e-3) -> bool:
        # cdist may go through a matrix product, which leaves 1e-3 where the distance is 0.
        return torch.allclose(distances.double(), a.double(), atol=atol) and torch.equal(
            indices.double(), i.double()
        )

    least = table.min(1)
    swapped = like(least.indices, least.values)
    require(not swapped, "they are swapped: distances first, indices second.")
    far = table.max(1)
    require(not like(far.values, far.indices), "that is the training picture farthest away.")
    squared = like(least.values.square(), least.indices)
    require(not squared, "those are squared distances; take the root.")
    require(
        not like(least.values.square() / 25, least.indices)
        and not like(least.values / 5, least.indices),
        "that is a mean over pixels. The Euclidean distance adds up all squares.",
    )
    manhattan = torch.cdist(samples.flatten(1), training.flatten(1), p=1).min(1)
    require(
        not like(manhattan.values, manhattan.indices),
        "that adds up absolute differences; the Euclidean distance adds up squares.",
    )
    require(
        torch.equal(indices.long(), least.indices),
        f"the nearest training pictures are {least.indices.tolist()}, yours {indices.tolist()}.",
    )
    require(
        like(least.values, least.indices),
        f"the right pictures, but the first is {least.values[0]:.4g} away, and yours says "
        f"{distances[0]:.4g}.",
    )
    return "distances and indices; the copy among them is found, at distance 0."


CHECKS = {"42.1": output_size, "42.2": ema_update, "42.3": frechet, "42.4": nearest}
