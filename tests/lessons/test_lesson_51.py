"""Lesson 51's listing has the faults that it names; its parts are what they are called."""

import math

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from scipy.stats import wasserstein_distance
from torch import nn


@pytest.fixture
def lesson():
    torch.manual_seed(0)
    return parts(
        "51", values=("GRID", "rnn_model", "generator"),
        SHORT=24, PERIOD=24, LOW=1.0, HIGH=4.0, NOISE=2, CODE=6, UNITS=8, WIDE=16, SAMPLES=50,
        BATCH=4, LOOKS=2, RATES=(1e-3, 1e-3), BETAS=(0.5, 0.99), CLINIC=2,
    )  # fmt: skip


def test_two_faults_stop_the_listing_one_after_the_other(lesson):
    with pytest.raises(NameError, match="name 'discriminator' is not defined"):
        lesson["train_rnn_gan"](torch.zeros(10, 24), steps=1)
    lesson["discriminator"] = lesson["start_again"]()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        lesson["train_rnn_gan"](torch.zeros(10, 24), steps=1)


def test_what_runs_calls_no_rnn_and_looks_at_no_data(lesson):
    found = []
    lesson["rnn_model"].register_forward_hook(lambda *given: pytest.fail("it is called"))
    for data in (torch.zeros(10, 24), seeded(10, 24), None):
        lesson["discriminator"] = lesson["start_again"]()
        before = [w.clone() for w in lesson["rnn_model"].parameters()]
        found.append(lesson["it_runs"](data, steps=5))
        assert all(map(torch.equal, before, lesson["rnn_model"].parameters()))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == 5  # though it does train


def test_an_output_of_the_listing_depends_on_no_other_step(lesson):
    z, order, net = seeded(24, 8), seeded(24).argsort(), lesson["generator"]
    slopes = lesson["influence"](lambda z: net(z)[:, 0], z)
    assert torch.equal(slopes > 0, torch.eye(24).bool())
    assert torch.allclose(net(z)[order], net(z[order]), atol=1e-6)  # time means nothing


def test_both_losses_of_the_listing_want_the_same(lesson):
    lesson["discriminator"] = lesson["start_again"]()
    losses = torch.tensor(lesson["it_runs"](None, steps=300))
    assert abs(losses[0, 0] - losses[0, 1]) < 0.05
    assert (losses[-1] < 0.05 * losses[0]).all()


def test_a_generator_looks_back_and_never_ahead_at_any_length(lesson):
    G, code = lesson["Generator"](), seeded(1, 6)
    for length in (24, 30):
        slopes = lesson["influence"](lambda z: G(z[None], code)[0, :, 0], seeded(length, 2))
        assert torch.equal(slopes > 0, torch.ones(length, length).tril().bool())
    assert G(*G.draw(5)).shape == (5, 24, 1)


@pytest.mark.parametrize(
    "kind", ["Discriminator", "AllSteps", "Reader", "Carries", "DenseDiscriminator"]
)
def test_a_discriminator_reads_all_steps_of_its_own_sequence(lesson, kind):
    D, x = lesson[kind](24), seeded(5, 24, 1).requires_grad_()
    out = D(x)
    assert out.shape == (5, 1)
    (slopes,) = torch.autograd.grad(out[2, 0], x)
    assert (slopes[2] != 0).all() and (slopes != 0).sum() == 24


def test_patient_b_reads_the_last_step_and_its_cure_is_the_library_s_loop(lesson):
    x = seeded(5, 24, 1).requires_grad_()
    (slopes,) = torch.autograd.grad(lesson["Patient"]()(x).sum(), x)
    assert (slopes[:, -1] != 0).all() and (slopes[:, :-1] == 0).all()
    cured = lesson["Carries"]()
    assert torch.allclose(cured(x), cured.out(cured.lstm(x)[0][:, -1]), atol=1e-6)


def test_differences_are_to_the_value_before(lesson):
    x = seeded(2, 5, 1)
    pair = lesson["with_differences"](x)
    assert torch.equal(pair[..., :1], x) and (pair[:, 0, 1] == 0).all()
    assert torch.equal(pair[:, 1:, 1], x[:, 1:, 0] - x[:, :-1, 0])


def test_the_penalty_is_half_the_mean_squared_slope_at_every_fourth_step(lesson):
    class Steps:
        steps, full_precision = 4, staticmethod(torch.enable_grad)

    D, x = nn.Sequential(nn.Flatten(), nn.Linear(24, 1)), seeded(5, 24, 1)
    found = lesson["penalty"](Steps, D, x, 0.2)  # of a linear D the slope is its weights
    assert found.item() == pytest.approx(4 * 0.1 * D[1].weight.square().sum().item(), rel=1e-5)
    assert torch.autograd.grad(found, D[1].weight)[0].abs().sum() > 0
    Steps.steps = 5
    assert lesson["penalty"](Steps, D, x, 0.2) == 0


def test_a_predictor_is_causal_and_its_loss_that_of_the_mixture(lesson):
    net, x = lesson["Predictor"](), seeded(3, 24, 1)
    weight, mean, log_sigma = net.out(net.lstm(F.pad(x[:, :-1], (0, 0, 1, 0)))[0]).chunk(3, 2)
    sigma = log_sigma.exp()  # within the limits, in a new network
    normal = ((x - mean) / sigma).square().mul(-0.5).exp() / sigma / math.sqrt(2 * math.pi)
    density = (weight.softmax(2) * normal).sum(2)
    assert torch.allclose(net.told(x).log_prob(x[..., 0]), density.log(), atol=1e-5)
    slopes = lesson["influence"](lambda z: net.told(z[None]).mean[0], x[0])
    assert (slopes.triu() == 0).all() and (slopes.tril(-1) > 0).any()


def test_a_predictor_goes_on_from_what_it_is_given(lesson):
    net, x = lesson["Predictor"](), seeded(3, 24, 1)
    torch.manual_seed(0)
    free = net.sample(3, 24, x[:, :6])
    assert free.shape == x.shape and torch.equal(free[:, :6], x[:, :6])
    assert (free[:, 6:] != x[:, 6:]).all()


@pytest.mark.parametrize("length", [24, 72])
def test_frequency_phase_and_amplitude_are_read_off(lesson, length):
    real = lesson["sines"](500, length, 7)
    got = lesson["read_off"](0.7 * real.x)
    assert (got.frequency - real.frequency).abs().max() < 0.02
    turns = (got.phase - real.phase / (2 * math.pi) + 0.5) % 1 - 0.5
    assert turns.abs().max() < 0.04
    assert (got.amplitude - 0.7).abs().max() < 0.01
    drift = 2 * math.pi * 0.01 * length / 48  # radians at the ends, half a step of the grid off
    assert got.residual.max() < drift**2 / 2  # a third, if a sine filled the length evenly


def test_a_residual_is_what_the_best_sine_leaves(lesson):
    x = seeded(4, 24, 1).double()
    got = lesson["read_off"](x)
    t = 2 * math.pi * torch.arange(24).double() / 24
    frequency, phase, amplitude, residual = (part[:, None] for part in got)
    wave = amplitude * (frequency * t + 2 * math.pi * phase).sin()
    left = (x[..., 0] - wave).square().sum(1, keepdim=True) / x.square().sum(1)
    assert torch.allclose(left, residual, rtol=0, atol=1e-5)


def test_a_score_is_the_share_of_sines_and_wassersteins_distance(lesson):
    real = lesson["sines"](400, 24, 3)
    share, distance = lesson["score"](torch.cat([real.x, seeded(400, 24, 1)]))
    even = 1 + 3 * (torch.arange(400) + 0.5) / 400
    assert share == pytest.approx(0.5, abs=0.01)
    assert distance == pytest.approx(wasserstein_distance(real.frequency, even), abs=0.02)
    assert math.isnan(lesson["score"](seeded(50, 24, 1))[1])


def test_a_law_each_gives_sines_with_other_amplitudes(lesson):
    real = lesson["sines"](200, 24, 3).x.double()
    got = lesson["read_off"](lesson["one_law_each"](real))
    assert (got.residual < 0.01).all() and (got.amplitude - 1).abs().mean() > 0.1
    twins = real[:1].expand(3, -1, -1)  # its neighbour is the same: so it goes on exactly
    assert torch.allclose(lesson["one_law_each"](twins), twins, atol=1e-4)
