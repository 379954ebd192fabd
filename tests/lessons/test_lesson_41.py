"""Lesson 41's networks, packs, penalty and field against plain PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded

LESSON = parts("41", SEEDS=[0, 1], WIDTH=8, LATENT=2)
MIXTURE = LESSON["Mixture"](torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), 0.1)


def test_a_seed_is_the_same_alone_and_among_others():
    both, alone = LESSON["Layers"]([2, 8, 3], [5, 6]), LESSON["Layers"]([2, 8, 3], [6])
    x = seeded(2, 10, 2)
    assert torch.allclose(both(x)[1:], alone(x[1:]), atol=1e-6)
    assert not torch.allclose(both(x[:1].expand(2, -1, -1))[0], alone(x[:1])[0])


def test_first_weights_keep_the_size_of_what_comes_in():
    net = LESSON["Layers"]([400, 300], [0])
    assert net(seeded(1, 1000, 400)).std().item() == pytest.approx(1, abs=0.05)


def test_a_mixture_draws_what_it_says():
    points = MIXTURE.draw(20_000, 2, seed=3)
    assert points.shape == (20_000, 2, 2)
    signs = points[..., 0].sign()
    assert signs.mean().item() == pytest.approx(0, abs=0.02)
    assert (points[..., 0] - signs).std().item() == pytest.approx(0.1, abs=0.003)
    assert points[..., 1].std().item() == pytest.approx(0.1, abs=0.003)


@pytest.mark.parametrize(("pack", "waves"), [(1, 0), (2, 0), (3, 5)])
def test_packs_hold_neighbours_and_nobody_else(pack, waves):
    x = seeded(2, 12, 2).requires_grad_()
    out = LESSON["Discriminator"](pack=pack, waves=waves)(x)
    assert out.shape == (2, 12 // pack, 1)
    (slopes,) = torch.autograd.grad(out[1, 1, 0], x)
    touched = slopes.abs().sum(2) > 0
    assert touched[1, pack : 2 * pack].all() and touched.sum() == pack


@pytest.mark.parametrize(("pack", "waves"), [(1, 0), (2, 4)])
def test_the_penalty_is_the_mean_squared_slope_of_each_pack(pack, waves):
    D = LESSON["Discriminator"](pack=pack, waves=waves).double()
    x = seeded(2, 6, 2).double()
    got = LESSON["steepness"](D, x)
    slopes = torch.autograd.functional.jacobian(D, x)  # (2, 6 / pack, 1, 2, 6, 2)
    assert got.item() == pytest.approx(slopes.square().sum().item() / (6 // pack), rel=1e-9)
    assert torch.autograd.grad(got, D.layers.weights[1])[0].abs().max() > 0


def test_losses_are_cross_entropies():
    D, (real, fake) = LESSON["Discriminator"](), seeded(2, 2, 9, 2)
    ones, zeros = torch.ones(2, 9, 1), torch.zeros(2, 9, 1)
    entropy = F.binary_cross_entropy_with_logits
    expected = 2 * (entropy(D(real), ones) + entropy(D(fake), zeros))  # summed over two seeds
    assert LESSON["d_loss"](D, real, fake).item() == pytest.approx(expected.item(), rel=1e-5)
    assert LESSON["g_loss"](D, fake).item() == pytest.approx(2 * entropy(D(fake), ones).item())


def test_a_one_seed_discriminator_has_the_same_eyes():
    x = seeded(7, 2)
    seen = LESSON["Waves"](3)(x)
    assert seen.shape == (7, 8) and torch.equal(seen[:, :2], x)
    assert torch.allclose(seen[:, 2:5].square() + seen[:, 5:].square(), torch.ones(7, 3))


def test_the_two_number_game_circles_under_its_own_loss_and_rests_with_friction():
    ends = {"saturating": (0.95, 1.05), "gamma": (0.0, 1e-3)}
    for name, (low, high) in ends.items():
        path = LESSON["dirac"](**{name: 1.0 if name == "gamma" else True})
        assert low <= path[:, -1].norm().item() <= high
