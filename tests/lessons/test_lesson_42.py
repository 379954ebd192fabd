"""Lesson 42's players against their stated shapes and guidelines, and its measures."""

import math

import pytest
import torch
from exercises import parts, seeded
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

LESSON = parts(
    "42", LATENT=20, RATES=(2e-3, 2e-3), BETAS=(0.5, 0.999), WIDE=9.5, SIDE=28, LambdaLR=LambdaLR
)
SWITCHES = [
    {}, {"transposed": False}, {"strided": False}, {"even": True}, {"norm": False}, {"dense": True},
    {"g_slope": 0.2}, {"d_slope": 0.0}, {"low": 0},
    {"games": 2}, {"games": 3, "dense": True, "transposed": False, "strided": False},
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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_every_recipe_makes_pictures_and_one_logit_each(switch, channels):
    torch.manual_seed(0)
    recipe = LESSON["Recipe"](**switch)
    G, D = (LESSON[kind](recipe, channels) for kind in ("generator", "discriminator"))
    made = G(seeded(6, 20 * recipe.games))
    assert made.min() >= recipe.low and made.max() <= 1
    assert made.shape == (6, channels * recipe.games, 28, 28)
    assert D(made).shape == (6, recipe.games)


def test_games_side_by_side_never_meet():
    for kind, x in (("generator", seeded(4, 60)), ("discriminator", seeded(4, 3, 28, 28))):
        net = LESSON[kind](LESSON["Recipe"](games=3), 1)
        net(x.requires_grad_())[:, 1].sum().backward()  # of the second game
        touched = x.grad.reshape(4, 3, -1).abs().sum((0, 2)) > 0
        assert touched.tolist() == [False, True, False]


def test_paint_gives_pictures_of_their_own_noise_and_leaves_the_mode():
    G, z = LESSON["generator"](LESSON["Recipe"](), 1), seeded(300, 20)
    painted = LESSON["paint"](G.train(), z)
    assert G.training and painted.min() >= 0 and painted.max() <= 1
    assert torch.allclose(painted[7:9], LESSON["paint"](G.eval(), z[7:9]), atol=1e-6)
    assert not G.training
    low = LESSON["paint"](nn.Identity(), torch.tensor([[0.0], [0.5]]), low=0)
    assert low.flatten().tolist() == [0, 0.5]


def test_the_defaults_keep_all_guidelines():
    recipe = LESSON["Recipe"]()
    G, D = (LESSON[kind](recipe, 1) for kind in ("generator", "discriminator"))
    for net, slope, norms in ((G, 0.0, 3), (D, 0.2, 2)):
        LESSON["first_weights"](net)
        layers = list(net.modules())
        assert not {nn.MaxPool2d, nn.Upsample} & set(map(type, layers))
        kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
        weights = torch.cat([m.weight.flatten() for m in layers if isinstance(m, kinds)])
        assert weights.std().item() == pytest.approx(0.02, 0.05)
        assert {m.negative_slope for m in layers if isinstance(m, nn.LeakyReLU)} == {slope}
        assert sum(isinstance(m, nn.BatchNorm2d) for m in layers) == norms
    assert isinstance(G[-1], nn.Tanh) and isinstance(D[0], nn.Conv2d)  # no batch norm at D's input


def test_the_finest_stripes_hold_all_energy_of_pixel_wide_ones_and_none_of_wide_ones():
    rows = torch.arange(28)
    fine, wide = (torch.cos(2 * math.pi * rows[:, None] / s).expand(28, 28) for s in (2, 7))
    for board, share in ((fine, 1), (wide, 0)):
        pictures = torch.stack([board, torch.zeros_like(board)])[:, None].float()
        mean_free = pictures - pictures.mean((2, 3), keepdim=True)
        assert LESSON["finest"](mean_free) == pytest.approx(share, abs=1e-6)


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
