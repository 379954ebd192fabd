"""The exercises of lesson 42: transposed sizes, a painter, Fréchet distance, neighbours."""

from functools import partial

import torch
from torch import nn

from .exercise import Exercise


def upsampled_size(size, kernel, stride, padding):
    return (size - 1) * stride + kernel - 2 * padding


def painted(G, z):
    was = G.training
    G.eval()
    with torch.no_grad():
        made = G(z)
    G.train(was)
    return (made + 1) / 2


def frechet(real, fake):
    S1, S2 = real.T.cov(), fake.T.cov()
    roots = torch.linalg.eigvals(S1 @ S2).real.clamp(min=0).sqrt().sum()
    means = (real.mean(0) - fake.mean(0)).square().sum()
    return means + S1.trace() + S2.trace() - 2 * roots


def neighbours(samples, training):
    differences = samples.flatten(1)[:, None] - training.flatten(1)
    return differences.square().sum(2).sqrt().min(1)


def painting(scale=lambda made: (made + 1) / 2, mode=nn.Module.eval, grad=torch.no_grad, left=None):
    """A wrong `painted`: another range, another mode of G or one that it is left in, or a graph."""

    def answer(G, z):
        was = G.training
        mode(G)
        with grad():
            made = G(z)
        G.train(was if left is None else left)
        return scale(made)

    return answer


def small_generator(training):
    """Noise of three numbers to pictures of 2 × 2, with batch norm that has seen a few."""
    source = torch.Generator().manual_seed(0)
    G = nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4), nn.Tanh(),
        nn.Unflatten(1, (1, 2, 2)),
    )  # fmt: skip
    with torch.no_grad():
        for part in (*G.parameters(), G[1].running_mean):
            part.normal_(generator=source)
        G[1].running_var.uniform_(0.5, 2.0, generator=source)
    return G.train(training)


def after_painting(result, before, after):
    G = after[0]
    return {
        "whether G is in training mode afterwards": float(G.training),
        "the running mean of G's batch norm": G[1].running_mean,
        "the number of pictures with a graph": float(getattr(result, "requires_grad", False)),
    }


def of_moments(formula, cov=lambda x: x.T.cov()):
    """A wrong distance: `formula(m, S, T)` of the means' difference and the covariances."""
    return lambda real, fake: formula(real.mean(0) - fake.mean(0), cov(real), cov(fake))


def distance(m, S, T, root=2.0, least=0.0):
    roots = torch.linalg.eigvals(S @ T).real.clamp(min=least).sqrt().sum()
    return m.square().sum() + (S + T).trace() - root * roots


def expanded(samples, training):
    a, b = samples.flatten(1), training.flatten(1)
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).sqrt().min(1)


def nearest(table, pick=lambda table: table.min(1)):
    """A wrong search: another table of distances from the differences, or another pick."""
    return lambda s, t: pick(table(s.flatten(1)[:, None] - t.flatten(1)))


uniform, normal = (
    partial(draw, generator=torch.Generator().manual_seed(0)) for draw in (torch.rand, torch.randn)
)


def features(count, width, rank, shift=0.0):
    """Correlated features in float64, of so many independent directions."""
    mixed = normal(count, rank).double() @ uniform(rank, width).double()
    return mixed + shift * torch.arange(1, width + 1)


def pictures(count, more, *shape):
    """Samples and training pictures, among which every other sample has its copy."""
    samples, training = uniform(count, *shape), uniform(more, *shape)
    training[-len(samples[::2]) :] = samples[::2]
    return samples, training


# fmt: off
EXERCISES = {
    "42.1": Exercise(upsampled_size, "a whole number", 5, "easy",
        cases=[(1, 7, 1, 0), (7, 4, 2, 1), (4, 3, 2, 1), (5, 6, 3, 2), (14, 5, 4, 0), (3, 1, 2, 0)],
        mistakes={
            "that is the size after a *convolution*, which shrinks. Here it goes the other way.":
                lambda n, k, s, p: (n + 2 * p - k) // s + 1,
            "that is right for some kernels only. What do kernel and padding add or take away?":
                lambda n, k, s, p: n * s,
            "the zeros go *between* pixels: n - 1 gaps.": lambda n, k, s, p: n * s + k - 2 * p,
            "your padding makes the output larger; a transposed convolution cuts it off.":
                lambda n, k, s, p: (n - 1) * s + k + 2 * p,
            "the padding is cut off on *both* sides.": lambda n, k, s, p: (n - 1) * s + k - p,
            "where is the padding? It is cut off.": lambda n, k, s, p: (n - 1) * s + k,
            "one too few: the last pixel paints a whole kernel.":
                lambda n, k, s, p: (n - 1) * s + k - 1 - 2 * p,
        },
        praise="It agrees with nn.ConvTranspose2d for six settings.",
        hints=("A convolution runs over the pixels, stride - 1 zeros between them and kernel - 1 - "
               "padding on each side. How long is that row?",
               "It is (size - 1) · stride + kernel - 2 · padding."),
    ),
    "42.2": Exercise(painted, "pictures in 0…1, a tensor (N, C, H, W)", 10, "medium",
        cases=[(small_generator(mode), normal((N, 3)))
               for mode, N in ((True, 6), (False, 5), (True, 2))],
        extra=after_painting, numpy=False,
        mistakes={
            "all faults are still in it.":
                painting(lambda x: x.clamp(0, 1), lambda G: None, torch.enable_grad),
            "the range is right now. But a picture still depends on the others in its batch, and "
            "carries a graph.": painting(mode=lambda G: None, grad=torch.enable_grad),
            "a picture depends on the others in its batch. What does batch norm do in training?":
                painting(mode=lambda G: None),
            "the pictures carry a graph, which fills the memory. Use torch.no_grad().":
                painting(grad=torch.enable_grad),
            "tanh ends at -1 and 1. To clamp makes half of all greys black; stretch them.":
                painting(lambda x: x.clamp(0, 1)),
            "those pictures are in -1…1.": painting(lambda x: x),
            "add 1, *then* halve.": painting(lambda x: x / 2 + 1),
            "those pictures are in 0…2.": painting(lambda x: x + 1),
            "black and white have changed places.": painting(lambda x: (1 - x) / 2),
            "that range depends on the batch's darkest and brightest pixel. Black is always -1.":
                painting(lambda x: (x - x.min()) / (x.max() - x.min())),
            "right, but G is left in evaluation mode, so its batch norm would stop learning.":
                painting(left=False),
            "G was in evaluation mode in one case, and you left it in training mode.":
                painting(left=True),
        },
        praise="Each picture depends on its own noise alone, and G is as you found it.",
        hints=("G.training says which mode G is in. Batch norm uses its running averages in eval.",
               "Keep G.training, call G.eval(), paint within torch.no_grad(), go back with "
               "G.train(was), and stretch by (made + 1) / 2."),
    ),
    "42.3": Exercise(frechet, "one number", 15, "hard",
        cases=[(features(40, 3, 3, 5.0), features(40, 3, 3)),
               (features(2000, 4, 4), features(1500, 4, 4, 0.7)),
               (features(2000, 8, 2), features(1500, 8, 3, 0.2))],
        rtol=2e-3,  # so that a covariance may divide by N too, as a normal distribution's fit does
        mistakes={
            "torch.cov takes *features* as rows, so it compares samples here. Transpose the table.":
                of_moments(distance, lambda x: x.cov()),
            "the covariances count, too.": of_moments(lambda m, S, T: m.square().sum()),
            "the means count, too.": of_moments(lambda m, S, T: distance(0 * m, S, T)),
            "the distance between the means is squared.":
                of_moments(lambda m, S, T: m.norm() + distance(0 * m, S, T)),
            "add up the squares of the means' differences; you average them.":
                of_moments(lambda m, S, T: m.square().mean() + distance(0 * m, S, T)),
            "S₁ S₂ isn't symmetric, so eigvalsh, which reads half of it, is wrong. Take eigvals.":
                of_moments(lambda m, S, T: m.square().sum() + (S + T).trace()
                           - 2 * torch.linalg.eigvalsh(S @ T).clamp(min=0).sqrt().sum()),
            "the trace of the root counts *twice*.": of_moments(partial(distance, root=1.0)),
            "the sets may differ in size.": lambda x, y: frechet(x, y) + 0 * (x - y).sum(),
            "sqrt takes the root of each *entry*. The root R of a matrix has R R = S₁ S₂.":
                of_moments(lambda m, S, T: m @ m + (S + T - 2 * (S @ T).sqrt()).trace()),
            "only variances are compared; the other entries say how features vary *together*.":
                lambda x, y: (torch.stack([x.mean(0) - y.mean(0), x.std(0) - y.std(0)]) ** 2).sum(),
            "the *squared* distance is asked for.": lambda x, y: frechet(x, y).sqrt(),
            "right, but nan where features depend on each other: rounding leaves an eigenvalue "
            "just below 0. Clamp them.": of_moments(partial(distance, least=-torch.inf)),
        },
        praise="It is right for sets of different sizes, and where features depend on each other.",
        hints=("The trace of the root of S₁ S₂ is the sum of the roots of its eigenvalues.",
               "S1 is real.T.cov(). Take torch.linalg.eigvals(S1 @ S2).real.clamp(min=0), and from "
               "(m1 - m2).square().sum() + S1.trace() + S2.trace() twice the sum of their roots."),
    ),
    "42.4": Exercise(neighbours, "distances and indices, a tensor of shape (N,) each", 10, "medium",
        cases=[pictures(6, 9, 1, 5, 5), pictures(4, 3, 3, 2, 4), pictures(60, 70, 1, 4, 4)],
        atol=2e-3,  # a matrix product, cdist's too, leaves so much where the distance is 0
        mistakes={
            "it finds the nearest sample of each training picture. Turn it round.":
                nearest(lambda d: d.norm(dim=2), lambda table: table.min(0)),
            "distances first, indices second.": lambda s, t: neighbours(s, t)[::-1],
            "those are squared distances; take the root.": nearest(lambda d: d.square().sum(2)),
            "that is the root of a *mean* over pixels. The Euclidean distance adds up all squares.":
                nearest(lambda d: d.square().mean(2).sqrt()),
            "the Euclidean distance adds up squares.": nearest(lambda d: d.abs().sum(2)),
            "nan for some copies: rounding takes a² + b² - 2ab below 0. Clamp it.": expanded,
        },
        praise="Distances and indices are right, and each copy is found, at distance 0.",
        hints=("Flatten each picture to one row; torch.cdist then gives all distances, (N, M).",
               "Both are in torch.cdist(samples.flatten(1), training.flatten(1)).min(1)."),
    ),
}
