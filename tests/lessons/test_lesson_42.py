"""Lesson 42's players against their stated shapes and guidelines, and its measures."""

import pytest
import torch
from exercises import parts
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
