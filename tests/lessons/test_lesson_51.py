"""Lesson 51's listing has the faults that it names; its parts are what they are called."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from scipy.stats import wasserstein_distance
from torch import nn


@pytest.fixture
def lesson():
    return parts(
        "51", values=("WAVES", "RIGHT", "SOLVE", "GRID", "angles"),
        LENGTH=24, LOW=1.0, HIGH=4.0, NOISE=2, CODE=6, UNITS=8, SEEDS=[0, 1], SAMPLES=50,
        TEACH=2, BATCH=4,
    )  # fmt: skip


def test_fault_1_an_output_depends_on_no_other_step(lesson):
    net = lesson["RNNGenerator"]()
    z, order = seeded(1, 24, 8), seeded(24).argsort()
    slopes = lesson["influence"](lambda z: net(z[None])[0], z[0])
    assert torch.equal(slopes > 0, torch.eye(24).bool())
    assert torch.allclose(net(z)[:, order], net(z[:, order]), atol=1e-6)  # time means nothing


def test_fault_2_the_discriminator_is_not_defined(lesson):
    with pytest.raises(NameError, match="name 'discriminator' is not defined"):
        lesson["train_rnn_gan"](torch.zeros(10, 24), steps=1)


def test_fault_3_real_data_change_nothing(lesson):
    found = []
    for data in (torch.zeros(10, 24), seeded(10, 24), None):
        lesson["discriminator"] = lesson["any_discriminator"]()
        found.append(lesson["train_rnn_gan"](data, steps=5))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == 5  # though it does train


def test_fault_4_both_losses_want_the_same(lesson):
    lesson["discriminator"] = lesson["any_discriminator"]()
    losses = lesson["train_rnn_gan"](None, steps=300)
    assert losses[0][0] == pytest.approx(losses[0][1], abs=0.02)
    assert losses[-1][0] < 0.05 * losses[0][0] and losses[-1][1] < 0.05 * losses[0][1]


def test_losses_and_their_slopes_are_those_of_cross_entropies_of_each_seed(lesson):
    real, fake = (seeded(2, 5, 1, seed=i).requires_grad_() for i in range(2))
    one, zero = torch.ones(2, 5, 1), torch.zeros(2, 5, 1)
    entropy = F.binary_cross_entropy_with_logits
    of_D = 2 * (entropy(real, one) + entropy(fake, zero))  # summed over two seeds
    of_G = 2 * entropy(fake, one)
    slopes = partial(torch.autograd.grad, inputs=(real, fake), materialize_grads=True)
    ours = lesson["d_loss"](nn.Identity(), real, fake), lesson["g_loss"](nn.Identity(), fake)
    for got, expected in zip(ours, (of_D, of_G), strict=True):
        assert torch.allclose(got, expected)
        assert all(map(torch.allclose, slopes(got), slopes(expected)))


def test_a_seed_is_the_same_alone_and_among_others(lesson):
    both, alone = lesson["Generator"]([5, 6]), lesson["Generator"]([6])
    noise, code = seeded(24, 2, 7, 2), seeded(2, 7, 6, seed=1)
    out = both(noise, code)
    assert out.shape == (2, 7, 24)
    assert torch.allclose(out[1:], alone(noise[:, 1:], code[1:]), atol=1e-6)
    one, other = lesson["Discriminator"]([5, 6]), lesson["Discriminator"]([6])
    assert torch.allclose(one(out)[1:], other(out[1:]), atol=1e-6)


def test_the_gru_is_pytorchs(lesson):
    gru = lesson["GRU"](3, 8, [0, 1, 2]).double()
    for part in gru.parameters():  # biases too
        part.data += 0.1 * seeded(*part.shape).double()
    x, h = seeded(24, 3, 5, 3).double(), seeded(3, 5, 8, seed=1).double()
    out = gru(x, h)
    for seed in range(3):
        theirs = lesson["library"](gru, seed)(x[:, seed], h[seed][None])[0]
        assert torch.allclose(out[:, seed], theirs, atol=1e-12)
    U = gru.U[0] - 0.1 * seeded(*gru.U.shape).double()[0]
    for gate in U.split(8, 1):
        assert torch.allclose(gate @ gate.T, torch.eye(8).double(), atol=1e-5)


def test_a_generator_looks_back_and_never_ahead(lesson):
    G, code = lesson["Generator"]([0]), seeded(1, 1, 6)
    slopes = lesson["influence"](lambda z: G(z[:, None, None], code)[0, 0], seeded(24, 2))
    assert torch.equal(slopes > 0, torch.ones(24, 24).tril().bool())


@pytest.mark.parametrize("knobs", [{}, {"differences": False}, {"last": True}])
def test_a_discriminator_reads_all_steps(lesson, knobs):
    D, x = lesson["Discriminator"]([0, 1], **knobs), seeded(2, 5, 24).requires_grad_()
    out = D(x)
    assert out.shape == (2, 5, 1)
    (slopes,) = torch.autograd.grad(out[1, 2, 0], x)
    assert (slopes[1, 2] != 0).all() and (slopes != 0).sum() == 24


def test_patient_b_reads_the_last_step_and_its_cure_all(lesson):
    for carries, steps in ((False, 1), (True, 24)):
        D, x = lesson["Patient"](carries), seeded(1, 5, 24).requires_grad_()
        (slopes,) = torch.autograd.grad(D(x).sum(), x)
        assert (slopes[0].abs().sum(0) > 0).sum() == steps and (slopes[0, :, -1] != 0).all()
        if carries:  # and it is the loop that the GRU has inside
            whole = D.out(D.gru(lesson["views"](x, differences=False))[-1])
            assert torch.allclose(D(x), whole, atol=1e-6)


def test_views_are_values_and_differences(lesson):
    x = seeded(2, 3, 24)
    got = lesson["views"](x).permute(1, 2, 0, 3) / math.sqrt(2)
    assert torch.allclose(got[..., 0], x) and (got[:, :, 0, 1] == 0).all()
    assert torch.allclose(got[:, :, 1:, 1], x.diff(dim=2), atol=1e-6)


def test_the_penalty_is_half_the_mean_squared_slope(lesson):
    D, x = lesson["Discriminator"]([0, 1]).double(), seeded(2, 4, 24).double()
    slopes = torch.autograd.functional.jacobian(D, x)  # (2, 4, 1, 2, 4, 24): logits by values
    got = lesson["slope_penalty"](D, x)
    assert got.item() == pytest.approx(slopes.square().sum().item() / 4 / 2, rel=1e-9)
    assert torch.autograd.grad(got, D.gru.U)[0].abs().max() > 0


def test_the_feed_forward_pair_is_of_equal_size(lesson):
    lesson["UNITS"] = 32
    for one, other in (("Generator", "DenseGenerator"), ("Discriminator", "DenseDiscriminator")):
        sizes = [sum(p.numel() for p in lesson[name]([0]).parameters()) for name in (one, other)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


def test_the_predictor_counts_nats_of_what_comes_next(lesson):
    torch.manual_seed(0)
    net, x = lesson["Predictor"](), seeded(3, 24)
    before = F.pad(x[:, :-1], (1, 0))[..., None]
    weight, mean, log_sigma = net.out(net.lstm(before)[0]).chunk(3, 2)
    parts = torch.distributions.Normal(mean, log_sigma.exp()).log_prob(x[..., None])
    expected = -torch.logsumexp(weight.log_softmax(2) + parts, 2).mean()
    assert net(x).item() == pytest.approx(expected.item(), rel=1e-5)
    assert net.sample(5).shape == (5, 24)


def test_frequency_phase_and_amplitude_are_read_off(lesson):
    real = lesson["sines"](500, 7)
    got = lesson["read_off"](0.7 * real.x)
    assert (got.frequency - real.frequency).abs().max() < 0.02
    turns = (got.phase - real.phase / (2 * math.pi) + 0.5) % 1 - 0.5
    assert turns.abs().max() < 0.02
    assert (got.amplitude - 0.7).abs().max() < 0.01 and got.residual.max() < 1e-3


def test_a_residual_is_what_the_best_sine_leaves(lesson):
    x = seeded(4, 24).double()
    t = 2 * math.pi * torch.arange(24).double() / 24
    frequency, phase, amplitude, residual = (part[:, None] for part in lesson["read_off"](x))
    left = x - amplitude * (frequency * t + 2 * math.pi * phase).sin()
    share = left.square().sum(1, keepdim=True) / x.square().sum(1, keepdim=True)
    assert torch.allclose(share, residual, rtol=0, atol=1e-5)


def test_gaps_are_wassersteins_distance_on_a_line_and_on_a_circle(lesson):
    values, even = seeded(400).sigmoid().double() ** 2, torch.arange(400).double() / 400
    expected = wasserstein_distance(1 + 3 * values, 1 + 3 * (even + 1 / 800))
    found = lesson["gaps"](1 + 3 * values, 1, 4).abs().mean().item()
    assert found == pytest.approx(expected, rel=1e-6)
    gaps = [lesson["gaps"](x, 0, 1) for x in (values, (values + 0.3) % 1, even)]
    here, turned, none = ((d - d.median()).abs().mean().item() for d in gaps)
    assert turned == pytest.approx(here, abs=0.01) and none < 1e-9  # a circle has no beginning


def test_a_law_a_sequence_continues_a_sine_exactly(lesson):
    real = lesson["sines"](50, 3).x.double()
    outer, middle = real[:, 2:] + real[:, :-2], real[:, 1:-1]
    law = (outer * middle).sum(1) / middle.square().sum(1)
    assert torch.allclose(lesson["run_on"](real[:, :2], law, -1.0), real, atol=1e-4)
    torch.manual_seed(0)
    assert (lesson["read_off"](lesson["ar2_for_each"](real)).residual < 0.01).all()


def test_one_law_for_all_is_least_squares(lesson):
    one = torch.sin(0.6 * torch.arange(24.0) + torch.arange(8.0)[:, None])  # of one frequency
    torch.manual_seed(0)
    got = lesson["read_off"](lesson["ar2_for_all"](one))
    assert (got.frequency - 0.6 * 24 / (2 * math.pi)).abs().max() < 0.03
    assert got.residual.max() < 1e-3
