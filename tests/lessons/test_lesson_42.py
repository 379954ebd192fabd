"""Lesson 42's players against their stated shapes and guidelines; its checks' wrong answers."""

import pytest
import torch
from exercises import parts, prove
from torch import nn

LESSON = parts(
    "42", "transposed", "Recipe", "up", "down", "block", "grid", "generator", "discriminator",
    "first_weights", "seen", "pictures", "nearest", "variety",
    STYLE=10, KINDS=10, NARROW=(16, 32, 128),
)  # fmt: skip
SWITCHES = [
    {}, {"strided": False}, {"norm": False}, {"dense_g": True}, {"dense_d": True}, {"g_slope": 0.2},
    {"d_slope": 0.0}, {"low": 0}, {"std": None}, {"smooth": True},
]  # fmt: skip


@pytest.mark.parametrize("kernel, stride, padding", [(4, 2, 1), (7, 1, 0), (5, 3, 2), (2, 2, 0)])
def test_transposed_is_pytorchs_and_its_gradient_too(kernel, stride, padding):
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(3, 5, kernel, stride, padding, bias=False).double()
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64, requires_grad=True)
    ours, theirs = LESSON["transposed"](x, layer.weight, stride, padding), layer(x)
    assert torch.allclose(ours, theirs, atol=1e-12)
    slope = torch.randn_like(theirs)
    pairs = [torch.autograd.grad(y, (x, layer.weight), slope) for y in (ours, theirs)]
    for mine, other in zip(*pairs, strict=True):
        assert torch.allclose(mine, other, atol=1e-10)


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_every_recipe_makes_pictures_and_one_logit_each(switch):
    torch.manual_seed(0)
    recipe = LESSON["Recipe"](**switch)
    G, D = LESSON["generator"](recipe), LESSON["discriminator"](recipe)
    for net in (G, D):
        LESSON["first_weights"](net, recipe)
    made = G(torch.randn(6, 20))
    assert made.shape == (6, 1, 28, 28)
    assert made.min() >= recipe.low and made.max() <= 1
    assert D(made).shape == (6,)
    shown = LESSON["pictures"](G, torch.randn(6, 20), recipe.low)
    assert shown.min() >= 0 and shown.max() <= 1


def test_the_defaults_keep_all_guidelines():
    recipe = LESSON["Recipe"]()
    G, D = LESSON["generator"](recipe), LESSON["discriminator"](recipe)
    for net in (G, D):
        LESSON["first_weights"](net, recipe)
        assert not {nn.MaxPool2d, nn.Upsample} & {type(layer) for layer in net.modules()}
        kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
        weights = [m.weight for m in net.modules() if isinstance(m, kinds)]
        assert torch.cat([w.flatten() for w in weights]).std().item() == pytest.approx(0.02, 0.05)
    slopes = [
        [m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)] for net in (G, D)
    ]
    assert set(slopes[0]) == {0.0} and set(slopes[1]) == {0.2}
    assert isinstance(G[-1], nn.Tanh)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in G.modules()) == 3
    assert sum(isinstance(m, nn.BatchNorm2d) for m in D.modules()) == 2
    assert isinstance(D[0], nn.Conv2d)  # no batch norm at D's input


@pytest.mark.parametrize("low", [-1, 0])
def test_pictures_undoes_what_the_networks_see(low):
    x = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    given = LESSON["seen"](LESSON["Recipe"](low=low), x)
    assert given.min() >= low and given.max() <= 1
    assert torch.allclose(LESSON["pictures"](nn.Identity(), given, low), x, atol=1e-6)


def test_nearest_finds_a_copy_and_is_a_plain_search():
    generator = torch.Generator().manual_seed(0)
    training = torch.rand(40, 1, 28, 28, generator=generator)
    samples = torch.rand(600, 1, 28, 28, generator=generator)  # more than one part
    samples[550] = training[17]
    distances, indices = LESSON["nearest"](samples, training)
    assert indices[550] == 17 and distances[550] < 0.05
    for i in (0, 300, 599):
        plain = (training - samples[i]).flatten(1).norm(dim=1)
        assert indices[i] == plain.argmin()
        assert distances[i].item() == pytest.approx(plain.min().item(), abs=1e-3)


def test_variety_is_zero_for_one_picture_and_not_for_many():
    one = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert LESSON["variety"](one.expand(8, 1, 28, 28)) == 0
    pair = torch.cat([torch.zeros(4, 1, 28, 28), torch.ones(4, 1, 28, 28)])
    assert LESSON["variety"](pair) == pytest.approx(28)


def moments(x):
    return x.mean(0), x.T.cov()


def roots(S, T):
    return torch.linalg.eigvals(S @ T).real.clamp(min=0).sqrt().sum()


def frechet(x, y, means=1.0, root=2.0):
    (m, S), (n, T) = moments(x), moments(y)
    return means * (m - n).square().sum() + S.trace() + T.trace() - root * roots(S, T)


def rootless(x, y):
    (m, S), (n, T) = moments(x), moments(y)
    return (m - n).square().sum() + S.trace() + T.trace() - 2 * (S @ T).trace()


def entrywise(x, y):
    (m, S), (n, T) = moments(x), moments(y)
    traces = S.trace() + T.trace()
    return (m - n).square().sum() + traces - 2 * (S @ T).abs().sqrt().trace()


def nan_root(x, y):
    return (moments(x)[1] @ moments(y)[1]).sqrt().sum() * 0 + torch.tensor(-1.0).sqrt()


def diagonal(x, y):
    return (x.mean(0) - y.mean(0)).square().sum() + (x.std(0) - y.std(0)).square().sum()


def complex_root(x, y):
    return torch.linalg.eigvals(moments(x)[1] @ moments(y)[1]).sqrt().sum()


def means_unsquared(x, y):
    (m, S), (n, T) = moments(x), moments(y)
    return (m - n).norm() + S.trace() + T.trace() - 2 * roots(S, T)


def averaging(change):
    """A wrong `ema_update` that does `change(average, weight, decay)` to each pair."""

    def ema_update(averages, weights, decay):
        with torch.no_grad():
            for average, weight in zip(averages, weights, strict=True):
                change(average, weight, decay)

    return ema_update


def first_only(averages, weights, decay):
    with torch.no_grad():
        averages[0].mul_(decay).add_(weights[0], alpha=1 - decay)


def with_graph(averages, weights, decay):
    for average, weight in zip(averages, weights, strict=True):
        average.mul_(decay).add_(weight, alpha=1 - decay)


def new_tensors(averages, weights, decay):
    for i, weight in enumerate(weights):
        averages[i] = decay * averages[i] + (1 - decay) * weight.detach()


def pulls_weights(average, weight, decay):
    average.mul_(decay).add_(weight, alpha=1 - decay)
    weight.copy_(average)


def table(samples, training, p=2.0):
    return torch.cdist(samples.flatten(1), training.flatten(1), p=p)


def least(samples, training):
    return tuple(table(samples, training).min(1))


WRONG = {
    "42.1": {
        "after a *convolution*": lambda n, k, s, p: (n + 2 * p - k) // s + 1,
        "for some kernels only": lambda n, k, s, p: n * s,
        "n pixels have n - 1 gaps": lambda n, k, s, p: n * s + k - 2 * p,
        "it is cut off": lambda n, k, s, p: (n - 1) * s + k + 2 * p,
        "on *both* sides": lambda n, k, s, p: (n - 1) * s + k - p,
        "the kernel is missing": lambda n, k, s, p: (n - 1) * s - 2 * p + 1,
        "nn.ConvTranspose2d gives 7": lambda n, k, s, p: 3 * n,
        "returned NoneType": lambda n, k, s, p: print(end=""),
        "returned 2 of them": lambda n, k, s, p: (n, n),
    },
    "42.2": {
        "has changed G's weights": averaging(pulls_weights),
        "as they were": new_tensors,
        "the shares are swapped": averaging(lambda a, w, d: a.mul_(1 - d).add_(w, alpha=d)),
        "half and half": averaging(lambda a, w, d: a.add_(w).div_(2)),
        "must add up to 1": averaging(lambda a, w, d: a.mul_(d).add_(w)),
        "only shrink": averaging(lambda a, w, d: a.mul_(d)),
        "a copy of the weights": averaging(lambda a, w, d: a.copy_(w)),
        "is right": averaging(lambda a, w, d: a.mul_(d).sub_(w, alpha=1 - d)),
        "not for all of them": first_only,
        "torch.no_grad()": with_graph,
    },
    "42.3": {
        "complex number": complex_root,
        "not a number": nan_root,
        "only the means": lambda x, y: (x.mean(0) - y.mean(0)).square().sum(),
        "counts twice": lambda x, y: frechet(x, y, root=1.0),
        "is taken *away*": lambda x, y: frechet(x, y, root=-2.0),
        "the means are missing": lambda x, y: frechet(x, y, means=0.0),
        "must be squared": means_unsquared,
        "root of each *entry*": entrywise,
        "the root is missing": rootless,
        "only variances": diagonal,
        "that is its root": lambda x, y: frechet(x, y).sqrt(),
        "returned 4 of them": lambda x, y: x.mean(0) - y.mean(0),
        "returned NoneType": lambda x, y: print(end=""),
        "for two sets of 200 samples": lambda x, y: frechet(x, y) + 1,
    },
    "42.4": {
        "it returned Tensor": lambda s, t: table(s, t).min(1).values,
        "of 3": lambda s, t: (1, 2, 3),
        "Turn it round": lambda s, t: tuple(table(s, t).min(0)),
        "have the shapes (6, 1)": lambda s, t: tuple(table(s, t).min(1, keepdim=True)),
        "they are swapped": lambda s, t: least(s, t)[::-1],
        "farthest away": lambda s, t: tuple(table(s, t).max(1)),
        "squared distances": lambda s, t: (least(s, t)[0].square(), least(s, t)[1]),
        "a mean over pixels": lambda s, t: (least(s, t)[0] / 5, least(s, t)[1]),
        "adds up absolute differences": lambda s, t: tuple(table(s, t, 1.0).min(1)),
        "the nearest training pictures are": lambda s, t: (least(s, t)[0], torch.zeros(6)),
        "the right pictures": lambda s, t: (least(s, t)[0] + 1, least(s, t)[1]),
    },
}  # fmt: skip


def test_checks(capsys):
    prove(capsys, "42", WRONG)
