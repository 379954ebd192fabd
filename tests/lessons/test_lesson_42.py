"""Lesson 42's players against their stated shapes and guidelines, and its measures."""

import pytest
import torch
from exercises import parts, seeded
from torch import nn

LESSON = parts("42", STYLE=10, KINDS=10, NARROW=(16, 32, 128), RATES=(3e-3, 1.5e-3))
SWITCHES = [
    {}, {"strided": False}, {"norm": False}, {"dense_g": True}, {"dense_d": True}, {"g_slope": 0.2},
    {"d_slope": 0.0}, {"low": 0}, {"std": None}, {"smooth": True},
]  # fmt: skip


@pytest.mark.parametrize("kernel, stride, padding", [(4, 2, 1), (7, 1, 0), (5, 3, 2), (2, 2, 0)])
def test_transposed_is_pytorchs_and_its_gradient_too(kernel, stride, padding):
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(3, 5, kernel, stride, padding, bias=False).double()
    x = seeded(2, 3, 6, 8).double().requires_grad_()
    ours, theirs = LESSON["transposed"](x, layer.weight, stride, padding), layer(x)
    assert torch.allclose(ours, theirs, atol=1e-12)
    pairs = [torch.autograd.grad(y.square().sum(), (x, layer.weight)) for y in (ours, theirs)]
    assert all(torch.allclose(*pair, atol=1e-10) for pair in zip(*pairs, strict=True))


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_every_recipe_makes_pictures_and_one_logit_each_and_undoes_what_is_seen(switch):
    torch.manual_seed(0)
    recipe = LESSON["Recipe"](**switch)
    G, D = LESSON["generator"](recipe), LESSON["discriminator"](recipe)
    for net in (G, D):
        LESSON["first_weights"](net, recipe)
    made = G(seeded(6, 20))
    assert made.min() >= recipe.low and made.max() <= 1
    assert made.shape == (6, 1, 28, 28) and D(made).shape == (6,)
    x = seeded(7, 1, 28, 28).sigmoid()
    given = LESSON["seen"](recipe, x)
    assert given.min() >= recipe.low and given.max() <= 1
    assert torch.allclose(LESSON["pictures"](nn.Identity(), given, recipe.low), x, atol=1e-6)


def test_the_defaults_keep_all_guidelines():
    recipe = LESSON["Recipe"]()
    G, D = LESSON["generator"](recipe), LESSON["discriminator"](recipe)
    for net, slope, norms in ((G, 0.0, 3), (D, 0.2, 2)):
        LESSON["first_weights"](net, recipe)
        layers = list(net.modules())
        assert not {nn.MaxPool2d, nn.Upsample} & set(map(type, layers))
        kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
        weights = torch.cat([m.weight.flatten() for m in layers if isinstance(m, kinds)])
        assert weights.std().item() == pytest.approx(0.02, 0.05)
        assert {m.negative_slope for m in layers if isinstance(m, nn.LeakyReLU)} == {slope}
        assert sum(isinstance(m, nn.BatchNorm2d) for m in layers) == norms
    assert isinstance(G[-1], nn.Tanh) and isinstance(D[0], nn.Conv2d)  # no batch norm at D's input


def test_nearest_finds_a_copy_and_is_a_plain_search():
    drawn = torch.rand(640, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    training, samples = drawn.split([40, 600])  # more than one part
    samples[-1] = training[17]
    distances, indices = LESSON["nearest"](samples, training)
    assert indices[-1] == 17 and distances[-1] < 0.05
    plain = (samples.flatten(1)[:, None] - training.flatten(1)).norm(dim=2).min(1)
    assert torch.equal(indices, plain.indices)
    assert torch.allclose(distances[:-1], plain.values[:-1], rtol=0, atol=1e-3)


def test_variety_is_zero_for_one_picture_and_not_for_many():
    pair = torch.cat([torch.zeros(4, 1, 28, 28), torch.ones(4, 1, 28, 28)])
    assert LESSON["variety"](pair[4:]) == 0 and LESSON["variety"](pair) == pytest.approx(28)
