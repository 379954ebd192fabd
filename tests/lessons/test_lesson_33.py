"""Lesson 33's terms, gradients and baselines against references; its checks' wrong answers."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, prove
from torch import distributions

LESSON = parts(
    "33", "tossed", "log_likelihood", "layers", "Autoencoder", "VAE", "draw", "kl_to_prior",
    "terms",
    "vae_loss", "three_gradients", "log_weights", "mixture_log_p", "odds_of", "counted",
    "fit_mixture", "SeesBefore",
    PIXELS=6, LATENT=2, WIDE=[8], average=torch.tensor([0.0, 0.2, 0.5, 0.7, 0.9, 1.0]),
)  # fmt: skip


@pytest.fixture
def pictures():  # every picture of 6 black or white pixels: (64, 6)
    return torch.cartesian_prod(*[torch.tensor([0, 1], dtype=torch.uint8)] * 6)


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
    assert first.dtype == torch.uint8 and torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.allclose(first.float().mean(0), torch.tensor([0, 0.25, 1, 0.5]), atol=0.02)


def test_log_likelihood_is_bernoullis_with_draws_in_front(pictures):
    logits = 3 * torch.randn(5, 64, 6, generator=torch.Generator().manual_seed(0))
    known = distributions.Bernoulli(logits=logits).log_prob(pictures.float()).sum(-1)
    assert torch.allclose(LESSON["log_likelihood"](logits, pictures), known, atol=1e-5)


def test_kl_is_the_librarys():
    m, v = (torch.randn(7, 3, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    q = distributions.Normal(m, (v / 2).exp())
    known = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0))
    assert torch.allclose(LESSON["kl_to_prior"](m, v), known, atol=1e-6)


def test_the_decoder_starts_near_the_average_picture():
    torch.manual_seed(0)
    net = LESSON["VAE"]()
    with torch.no_grad():
        net.decoder[-1].weight.zero_()
        start = net.decode(torch.randn(4, 2)).sigmoid()
    assert torch.allclose(start, LESSON["average"].clamp(1e-3, 1 - 1e-3).expand(4, 6), atol=1e-5)


def exact_log_p(net, x, reach=7.0, ticks=281):
    """log p(x) by a fine grid over the two numbers of the code."""
    line = torch.linspace(-reach, reach, ticks).double()
    z = torch.cartesian_prod(line, line).float()
    prior = distributions.Normal(0.0, 1.0).log_prob(z).sum(1) + 2 * math.log(line[1] - line[0])
    with torch.no_grad():
        logits = net.decode(z)
    each = -F.binary_cross_entropy_with_logits(
        logits[:, None].expand(-1, len(x), -1),
        x.float().expand(len(z), -1, -1),
        reduction="none",
    ).sum(2)
    return (each + prior[:, None]).logsumexp(0)


def test_likelihood_of_all_pictures_adds_up_to_one_and_the_weights_find_it(net, pictures):
    exact = exact_log_p(net, pictures)
    assert exact.exp().sum().item() == pytest.approx(1, abs=1e-4)
    torch.manual_seed(0)
    weights = LESSON["log_weights"](net, pictures, 20_000)
    found = weights.logsumexp(0) - math.log(20_000)
    assert torch.allclose(found, exact, atol=0.1)
    _, kl = LESSON["terms"](net, pictures)
    repeated = torch.stack([LESSON["terms"](net, pictures)[0] for _ in range(2000)]).mean(0)
    assert torch.allclose(weights.mean(0), repeated - kl.sum(1), atol=0.15)  # both are the ELBO
    assert (weights.mean(0) < exact + 0.01).all()


def test_the_loss_is_minus_the_elbo_and_its_knobs_do_what_they_say(net, pictures):
    def loss(progress=1.0, **knobs):
        torch.manual_seed(1)
        return LESSON["vae_loss"](**knobs)(net, (pictures,), progress)

    value, seen = loss()
    assert value.item() == pytest.approx(-seen["ELBO"].item(), abs=1e-5)
    heavy, _ = loss(beta=3.0)
    assert (heavy - value).item() == pytest.approx(2 * seen["KL"].item(), rel=1e-4)
    early, _ = loss(0.1, warm_up=0.5)
    assert (value - early).item() == pytest.approx(0.8 * seen["KL"].item(), rel=1e-4)
    assert loss(0.9, warm_up=0.5)[0].item() == pytest.approx(value.item(), abs=1e-5)
    free, _ = loss(free=100.0)
    assert (free - value).item() == pytest.approx(200 - seen["KL"].item(), rel=1e-4)


def test_all_three_gradients_are_right_on_average_and_the_slope_is_the_quietest():
    a = torch.tensor([[1.0, -0.5], [0.3, 2.0]]).double()
    mean, log_variance = torch.tensor([0.5, -1.0]).double(), torch.tensor([0.2, -0.4]).double()

    def r(z):  # a parabola: its mean over q is known
        return -((z @ a) * z).sum(1) - 50

    torch.manual_seed(0)
    ways = LESSON["three_gradients"](r, mean, log_variance, 200_000)
    truth = -(a + a.T) @ mean
    for g in ways.values():
        errors = g.std(0) / len(g) ** 0.5
        assert ((g.mean(0) - truth).abs() < 4 * errors).all()
    plain, baseline, slope = (g.var(0).sum().item() for g in ways.values())
    assert plain > 10 * baseline > 10 * slope


def test_mixture_is_a_density_and_em_never_goes_down(pictures):
    generator = torch.Generator().manual_seed(0)
    odds = torch.tensor([[0.9, 0.8, 0.9, 0.1, 0.1, 0.2], [0.1, 0.2, 0.3, 0.9, 0.7, 0.9]])
    kind = torch.randint(2, (3000,), generator=generator)
    train_x = torch.bernoulli(odds[kind], generator=generator).byte()
    LESSON.update(train_x=train_x, average=train_x.float().mean(0))
    levels = []
    for rounds in (1, 3, 10, 30):
        model = LESSON["fit_mixture"](2, rounds)
        joint = LESSON["mixture_log_p"](*model, pictures)
        assert joint.exp().sum().item() == pytest.approx(1, abs=1e-4)
        levels.append(LESSON["mixture_log_p"](*model, train_x).logsumexp(1).mean().item())
    assert all(after > before - 1e-5 for before, after in pairwise(levels))
    true = distributions.Bernoulli(odds).log_prob(train_x[:, None].float()).sum(2)
    assert levels[-1] == pytest.approx((true.logsumexp(1) - math.log(2)).mean().item(), abs=0.02)


def log_p(a, x):
    return (x * a - F.softplus(a)).sum(1)


def rate(m, v):
    return (m**2 + v.exp() - 1 - v).sum(1) / 2


def units(m, v, n, w):
    return 0.5 * (w - v + (v.exp() + (m - n) ** 2) / w.exp() - 1)


def through_sigmoid(a, x, m, v):
    p = a.sigmoid()
    return (x * p.log() + (1 - x) * (1 - p).log()).sum(1) - rate(m, v)


def clamped(a, x, m, v):
    p = a.sigmoid().clamp(1e-7, 1 - 1e-7)
    return (x * p.log() + (1 - x) * (1 - p).log()).sum(1) - rate(m, v)


def one_mean_off(m, v, n, w):
    return units(m, v, n, w).sum(1) + (0.2 if len(m) == 1 else 0)


WRONG = {
    "33.1": {
        "by the *variance*": lambda m, v, e: m + v.exp() * e,
        "by the log-variance itself": lambda m, v, e: m + v * e,
        "a sign is turned": lambda m, v, e: m + (-v / 2).exp() * e,
        "*half* of its logarithm": lambda m, v, e: m + (2 * v).exp() * e,
        "all draws are the mean": lambda m, v, e: m.expand_as(e),
        "noise of size 1": lambda m, v, e: m + e,
        "Add the mean": lambda m, v, e: (v / 2).exp() * e,
        "the noise only": lambda m, v, e: (m + e) * (v / 2).exp(),
        "noise of its own": lambda m, v, e: m + (v / 2).exp() * torch.randn_like(e),
        "no gradient flows: the draw": lambda m, v, e: (m + (v / 2).exp() * e).detach(),
        "it was cut off": lambda m, v, e: m + (v.detach() / 2).exp() * e,
        "yours has the shape (4, 3)": lambda m, v, e: m + (v / 2).exp() * e[0],
        "not tuple": lambda m, v, e: (m, v),
    },
    "33.2": {
        "directions are exchanged": lambda m, v, n, w: units(n, w, m, v).sum(1),
        "from the *standard* normal": lambda m, v, n, w: rate(m, v),
        "the prior's mean is missing": lambda m, v, n, w: units(m, v, 0, w).sum(1),
        "not divided by": lambda m, v, n, w: (
            0.5 * (w - v + (v - w).exp() + (m - n) ** 2 - 1).sum(1)
        ),
        "by the log-variance of the prior": lambda m, v, n, w: (
            0.5 * (w - v + (v.exp() + (m - n) ** 2) / w - 1).sum(1)
        ),
        "the factor ½ is missing": lambda *q: 2 * units(*q).sum(1),
        "the sign is turned": lambda *q: -units(*q).sum(1),
        "the -1 is missing": lambda *q: (units(*q) + 0.5).sum(1),
        "logarithm of the ratio is turned": lambda m, v, n, w: (
            units(m, v, n, w).sum(1) + (v - w).sum(1)
        ),
        "has to be squared": lambda m, v, n, w: (
            0.5 * (w - v + (v.exp() + (m - n).abs()) / w.exp() - 1).sum(1)
        ),
        "mean over the units": lambda *q: units(*q).mean(1),
        "KL of each unit": units,
        "summed over the pictures": lambda *q: units(*q).sum(0),
        "one number for all pictures": lambda *q: units(*q).sum(),
        "for q = p it must be 0": one_mean_off,
        "for the first picture it gives": lambda m, v, n, w: m.sum(1),
        "not NoneType": lambda *q: print(end=""),
    },
    "33.3": {
        "minus the ELBO": lambda a, x, m, v: rate(m, v) - log_p(a, x),
        "the KL is added": lambda a, x, m, v: log_p(a, x) + rate(m, v),
        "where is the KL": lambda a, x, m, v: log_p(a, x),
        "the mean over pixels": lambda a, x, m, v: log_p(a, x) / a.shape[1] - rate(m, v),
        "averaged over the units": lambda a, x, m, v: log_p(a, x) - rate(m, v) / m.shape[1],
        "are both means": lambda a, x, m, v: (
            log_p(a, x) / a.shape[1] - rate(m, v) / m.shape[1]
        ),
        "as logits again": lambda a, x, m, v: log_p(a.sigmoid(), x) - rate(m, v),
        "½ of the KL": lambda a, x, m, v: log_p(a, x) - 2 * rate(m, v),
        "only the pixels that are 1": lambda a, x, m, v: (
            (x * F.logsigmoid(a)).sum(1) - rate(m, v)
        ),
        "a squared error": lambda a, x, m, v: -((x - a.sigmoid()) ** 2).sum(1) - rate(m, v),
        "where its logarithm belongs": lambda a, x, m, v: (
            log_p(a, x) - 0.5 * (m**2 + v - 1 - v.exp()).sum(1)
        ),
        "one number for all": lambda a, x, m, v: (log_p(a, x) - rate(m, v)).mean(),
        "something negative": lambda a, x, m, v: (x * a.log()).sum(1) - rate(m, v),
        "the sigmoid rounds": clamped,
        "instead of -400": through_sigmoid,
        "its pixels have": lambda a, x, m, v: log_p(a, x) - 3,
    },
    "33.4": {
        "the mean of the logarithms": lambda w: w.mean(0),
        "of the *sum* of the weights": lambda w: w.logsumexp(0),
        "the largest weight alone": lambda w: w.amax(0),
        "in the wrong place": lambda w: w.logsumexp(0) - len(w),
        "the sign of log K": lambda w: w.logsumexp(0) + math.log(len(w)),
        "the likelihood itself": lambda w: w.exp().mean(0),
        "take away the minus": lambda w: math.log(len(w)) - w.logsumexp(0),
        "near -5,000": lambda w: w.exp().mean(0).log(),
        "one number for each *draw*": lambda w: w.logsumexp(1) - math.log(w.shape[1]),
        "one number for all pictures": lambda w: w.logsumexp(0).mean() - math.log(len(w)),
        "log of the mean": lambda w: w.logsumexp(0) - math.log(len(w)) - 1,
    },
}  # fmt: skip


def test_checks(capsys):
    prove(capsys, "33", WRONG)
