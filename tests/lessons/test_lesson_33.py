"""Lesson 33's terms, gradients and baselines against references."""

import math
from itertools import pairwise

import pytest
import torch
from exercises import parts, seeded
from torch.distributions import Bernoulli, Normal, kl_divergence

LESSON = parts(
    "33", PIXELS=6, LATENT=2, WIDE=[8], DEEP=[8], PEAK=0.01, SHORT=1, SHAPE=(1, 2, 3),
    average=torch.tensor([0.0, 0.2, 0.5, 0.7, 0.9, 1.0]),
)  # fmt: skip
PICTURES = torch.cartesian_prod(*[torch.tensor([0, 1]).byte()] * 6)  # all of 6 bits: (64, 6)


@pytest.fixture
def net():
    torch.manual_seed(0)
    found = LESSON["VAE"]().eval()
    for p in found.parameters():
        p.data += 0.3 * torch.randn_like(p)
    for p in found.encoder[-1].parameters():
        p.data *= 0.2  # a q that is not far from the prior, so that its draws explain enough
    return found


def test_a_toss_is_the_same_each_time_and_has_the_grey_values_as_odds():
    grey = torch.tensor([0.0, 0.25, 1.0, 0.5]).repeat(20_000, 1).view(20_000, 1, 2, 2)
    first, again, other = (LESSON["tossed"](grey, seed) for seed in (3, 3, 4))
    assert first.dtype == torch.uint8
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.allclose(first.float().mean(0), torch.tensor([0, 0.25, 1, 0.5]), atol=0.02)


def test_log_likelihood_and_kl_are_the_librarys():
    logits, (m, v) = 3 * seeded(5, 64, 6), seeded(2, 7, 3, seed=1)
    known = Bernoulli(logits=logits).log_prob(PICTURES.float()).sum(-1)
    assert torch.allclose(LESSON["log_likelihood"](logits, PICTURES), known, atol=1e-5)
    q, prior = Normal(m, (v / 2).exp()), Normal(0.0, 1.0)
    assert torch.allclose(LESSON["kl_to_prior"](m, v), kl_divergence(q, prior), atol=1e-6)


def test_the_decoder_starts_near_the_average_picture():
    net = LESSON["VAE"]()
    net.decoder[-1].weight.data.zero_()
    start = net.decode(seeded(4, 2)).sigmoid()
    assert torch.allclose(start, LESSON["average"].clamp(1e-3, 1 - 1e-3).expand(4, 6), atol=1e-5)


def test_likelihood_of_all_pictures_adds_up_to_one_and_the_weights_find_it(net):
    line = torch.linspace(-7, 7, 281).double()  # log p(x) by a fine grid over the code's 2 numbers
    z = torch.cartesian_prod(line, line).float()
    prior = Normal(0.0, 1.0).log_prob(z).sum(1) + 2 * math.log(line[1] - line[0])
    with torch.no_grad():
        logits = net.decode(z)[:, None]
    each = Bernoulli(logits=logits).log_prob(PICTURES.float()).sum(2)
    exact = (each + prior[:, None]).logsumexp(0)
    assert exact.exp().sum().item() == pytest.approx(1, abs=1e-4)
    torch.manual_seed(0)
    weights = LESSON["log_weights"](net, PICTURES, 20_000)
    assert torch.allclose(weights.logsumexp(0) - math.log(20_000), exact, atol=0.1)
    _, kl = LESSON["terms"](net, PICTURES)
    repeated = torch.stack([LESSON["terms"](net, PICTURES)[0] for _ in range(2000)]).mean(0)
    assert torch.allclose(weights.mean(0), repeated - kl.sum(1), atol=0.15)  # both are the ELBO
    assert (weights.mean(0) < exact + 0.01).all()


def test_the_loss_is_minus_the_elbo_and_its_knobs_do_what_they_say(net):
    def loss(progress=1.0, **knobs):
        torch.manual_seed(1)
        return LESSON["vae_loss"](**knobs)(net, (PICTURES,), progress)

    value, seen = loss()
    assert value.item() == pytest.approx(-seen["ELBO"].item(), abs=1e-5)
    kl = seen["KL"].item()
    assert loss(0.9, warm_up=0.5)[0].item() == pytest.approx(value.item(), abs=1e-5)
    early, heavy, free = loss(0.1, warm_up=0.5)[0], loss(beta=3.0)[0], loss(free=100.0)[0]
    for changed, more in ((early, -0.8 * kl), (heavy, 2 * kl), (free, 200 - kl)):
        assert (changed - value).item() == pytest.approx(more, rel=1e-4)


def test_all_three_gradients_are_right_on_average_and_the_slope_is_the_quietest():
    a = torch.tensor([[1.0, -0.5], [0.3, 2.0]]).double()
    mean, log_variance = torch.tensor([0.5, -1.0]).double(), torch.tensor([0.2, -0.4]).double()

    def r(z):  # a parabola: its mean over q is known
        return -((z @ a) * z).sum(1) - 50

    torch.manual_seed(0)
    ways = LESSON["three_gradients"](r, mean, log_variance, 200_000)
    truth = -(a + a.T) @ mean
    for g in ways.values():
        assert ((g.mean(0) - truth).abs() < 4 * g.std(0) / len(g) ** 0.5).all()
    plain, baseline, slope = (g.var(0).sum().item() for g in ways.values())
    assert plain > 10 * baseline > 10 * slope


def test_a_shortcut_keeps_the_weights_and_adds_what_came_in():
    torch.manual_seed(0)
    plain = LESSON["VAE"](widths=[8, 8])
    torch.manual_seed(0)
    first, _, around, *_, last = LESSON["WithShortcuts"](widths=[8, 8]).decoder
    z = seeded(4, 2)
    h = torch.nn.functional.silu(first(z))
    hidden = torch.nn.functional.silu(plain.decoder[2](h))  # the layer without its shortcut
    assert torch.equal(around(h), h + hidden)
    assert torch.equal(last.weight, plain.decoder[-1].weight)


def test_no_pixel_sees_itself_or_a_later_one():
    torch.manual_seed(0)
    net = LESSON["SeesBefore"](widths=[8])
    net.before.data = seeded(6, 6)
    z = seeded(1, 2)
    total = torch.stack([net.log_p(p[None].float(), z)[0] for p in PICTURES]).logsumexp(0)
    assert total.item() == pytest.approx(0, abs=1e-5)  # a density of all pictures, given a code


def test_mixture_is_a_density_and_em_never_goes_down():
    generator = torch.Generator().manual_seed(0)
    odds = torch.tensor([[0.9, 0.8, 0.9, 0.1, 0.1, 0.2], [0.1, 0.2, 0.3, 0.9, 0.7, 0.9]])
    kind = torch.randint(2, (3000,), generator=generator)
    train_x = torch.bernoulli(odds[kind], generator=generator).byte()
    LESSON.update(train_x=train_x, average=train_x.float().mean(0))
    levels = []
    for rounds in (1, 3, 10, 30):
        model = LESSON["fit_mixture"](2, rounds)
        joint = LESSON["mixture_log_p"](*model, PICTURES)
        assert joint.exp().sum().item() == pytest.approx(1, abs=1e-4)
        levels.append(LESSON["mixture_log_p"](*model, train_x).logsumexp(1).mean().item())
    assert all(after > before - 1e-5 for before, after in pairwise(levels))
    true = Bernoulli(odds).log_prob(train_x[:, None].float()).sum(2)
    assert levels[-1] == pytest.approx((true.logsumexp(1) - math.log(2)).mean().item(), abs=0.02)
