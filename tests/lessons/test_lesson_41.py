"""Lesson 41's networks, packs, penalty and field against plain PyTorch; its checks know wrong
answers apart."""

import math

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, prove

LESSON = parts(
    "41", "Layers", "Mixture", "Generator", "Discriminator", "d_loss", "g_loss", "slope_penalty",
    SEEDS=[0, 1], WIDTH=8, LATENT=2,
)  # fmt: skip
MIXTURE = LESSON["Mixture"](torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), 0.1)


def test_a_seed_is_the_same_alone_and_among_others():
    both, alone = LESSON["Layers"]([2, 8, 3], [5, 6]), LESSON["Layers"]([2, 8, 3], [6])
    x = torch.randn(2, 10, 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(both(x)[1:], alone(x[1:]), atol=1e-6)
    assert not torch.allclose(both(x[:1].expand(2, -1, -1))[0], alone(x[:1])[0])


def test_first_weights_keep_the_size_of_what_comes_in():
    net = LESSON["Layers"]([400, 300], [0])
    x = torch.randn(1, 1000, 400, generator=torch.Generator().manual_seed(0))
    assert net(x).std().item() == pytest.approx(1, abs=0.05)


def test_a_mixture_draws_what_it_says():
    points = MIXTURE.draw(20_000, 2, seed=3)
    assert points.shape == (20_000, 2, 2) and MIXTURE.unit == pytest.approx(math.sqrt(0.5))
    signs = points[..., 0].sign()
    assert signs.mean().item() == pytest.approx(0, abs=0.02)
    assert (points[..., 0] - signs).std().item() == pytest.approx(0.1, abs=0.003)
    assert points[..., 1].std().item() == pytest.approx(0.1, abs=0.003)


@pytest.mark.parametrize(("pack", "waves"), [(1, 0), (2, 0), (3, 5)])
def test_packs_hold_neighbours_and_nobody_else(pack, waves):
    D = LESSON["Discriminator"](MIXTURE, pack=pack, waves=waves)
    x = torch.randn(2, 12, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = D(x)
    assert out.shape == (2, 12 // pack, 1)
    (slopes,) = torch.autograd.grad(out[1, 1, 0], x)
    touched = slopes.abs().sum(2) > 0
    assert touched[1, pack : 2 * pack].all() and touched.sum() == pack


@pytest.mark.parametrize(("pack", "waves"), [(1, 0), (2, 4)])
def test_the_penalty_is_the_mean_squared_slope_of_each_pack(pack, waves):
    D = LESSON["Discriminator"](MIXTURE, pack=pack, waves=waves).double()
    x = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(1)).double()
    got = LESSON["slope_penalty"](D, x)
    expected = 0.0
    for seed in range(2):
        for number in range(6 // pack):
            own = slice(number * pack, (number + 1) * pack)

            def logit(u, seed=seed, own=own):
                full = x.clone()
                full[seed, own] = u * D.unit  # in units of the mixture
                return D(full)[seed, own.start // pack, 0]

            slope = torch.autograd.functional.jacobian(logit, x[seed, own] / D.unit)
            expected += slope.square().sum() / (6 // pack)
    assert got.item() == pytest.approx(expected.item(), rel=1e-9)
    weight = D.layers.weights[1]  # and it has a gradient of its own
    assert torch.autograd.grad(got, weight)[0].abs().max() > 0


def test_losses_are_cross_entropies():
    D = LESSON["Discriminator"](MIXTURE)
    generator = torch.Generator().manual_seed(2)
    real, fake = torch.randn(2, 2, 9, 2, generator=generator)
    ones, zeros = torch.ones(2, 9, 1), torch.zeros(2, 9, 1)
    entropy = F.binary_cross_entropy_with_logits
    expected = 2 * (entropy(D(real), ones) + entropy(D(fake), zeros))  # summed over two seeds
    assert LESSON["d_loss"](D, real, fake).item() == pytest.approx(expected.item(), rel=1e-5)
    assert LESSON["g_loss"](D, fake).item() == pytest.approx(2 * entropy(D(fake), ones).item())


def rounded(logits):
    return -logits.sigmoid().log().mean()


def groups(x, m):
    return x.reshape(len(x) // m, m, 2)


def distances(x, c):
    return (x[:, None] - c).square().sum(2).sqrt()


def nearest(x, c):
    return distances(x, c).amin(1)


def share(good):
    return good.float().mean()


WRONG = {
    "41.1": {
        "being *fake*": lambda p, q: q / (p + q),
        "ratio of the densities": lambda p, q: p / q,
        "best *logit*": lambda p, q: (p / q).log(),
        "q plays no part": lambda p, q: p,
        "not only yes or no": lambda p, q: (p > q).float(),
        "runs over all points": lambda p, q: p / (p + q).sum(),
        "factor of two": lambda p, q: p / (p + q) / 2,
        "one point in four": lambda p, q: p * q,
        "Did you divide by q": lambda p, q: (p / q) / (1 + p / q),
        "has the shape ()": lambda p, q: (p / (p + q)).mean(),
        "not NoneType": lambda p, q: print(end=""),
    },
    "41.2": {
        "the minimax loss": lambda a: F.logsigmoid(-a).mean(),
        "what *D* minimises": lambda a: F.softplus(a).mean(),
        "sign in front is missing": lambda a: F.logsigmoid(a).mean(),
        "the sum; the mean": lambda a: F.softplus(-a).sum(),
        "a sigmoid too many": lambda a: F.softplus(-a.sigmoid()).mean(),
        "Wasserstein": lambda a: -a.mean(),
        "its mean is asked for": lambda a: F.softplus(-a),
        "-log D averages": lambda a: F.softplus(-a).mean() + 1,
        "use softplus or logsigmoid": rounded,
        "Was something detached": lambda a: F.softplus(-a.detach()).mean(),
        "not str": lambda a: "loss",
    },
    "41.3": {
        "flatten the rest": groups,
        "one pack only": lambda x, m: x.repeat(1, m),
        "not the number of packs": lambda x, m: x.reshape(m, -1),
        "mixed up": lambda x, m: groups(x, m).transpose(1, 2).reshape(len(x) // m, -1),
        "one sample several times": lambda x, m: x[::m].repeat(1, m),
        "yours lack some": lambda x, m: x[:1].repeat(len(x) // m, m),
        "should have the shape": lambda x, m: x,
        "not list": lambda x, m: list(x.split(m)),
    },
    "41.4": {
        "that is their number": lambda x, c, s: (nearest(x, c) <= 3 * s).sum(),
        "not one.": lambda x, c, s: share(nearest(x, c) <= s),
        "a circle": lambda x, c, s: share((x[:, None] - c).abs().amax(2).amin(1) <= 3 * s),
        "a squared distance": lambda x, c, s: share(nearest(x, c) ** 2 <= 3 * s),
        "all pairs": lambda x, c, s: share(distances(x, c) <= 3 * s),
        "near *all* centres": lambda x, c, s: share(distances(x, c).amax(1) <= 3 * s),
        "the *bad* ones": lambda x, c, s: share(nearest(x, c) > 3 * s),
        "true and false": lambda x, c, s: nearest(x, c) <= 3 * s,
        "by hand it is": lambda x, c, s: 0.123,
        "Where is sigma?": lambda x, c, s: share(nearest(x, c) <= 3),
        "a share, is asked for": lambda x, c, s: [1.0],
    },
}


def test_checks(capsys):
    prove(capsys, "41", WRONG)
