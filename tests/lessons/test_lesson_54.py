"""Lesson 54's critic, networks, losses and baselines against PyTorch and the package's scores."""

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from torch.autograd.functional import jacobian

import course_utils as cu

TRAIN = torch.rand(64, 12, 3, generator=torch.Generator().manual_seed(0))
LESSON = parts(
    "54", UNITS=8, CODE=4, NOISE=2, LENGTH=12, AHEAD=3, FEATURES=3, size=16,
    train=TRAIN, test=TRAIN, centre=TRAIN.mean((0, 1)), spread=TRAIN.std((0, 1)),
)  # fmt: skip


@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_the_critic_made_by_hand_agrees_with_the_package(shift):
    real, fake = torch.rand(2, 400, 8, 2, generator=torch.Generator().manual_seed(1))
    fake = fake + shift
    ours = sum(LESSON["by_hand"](real, fake, 4, 300, seed) for seed in range(2)) / 2
    theirs = cu.metrics.discriminative_score(real, fake, units=4, repeats=2, iterations=300)
    assert ours == pytest.approx(theirs.mean, abs=0.12) and (ours > 0.25) == (shift > 0)


def test_four_fifths_are_learned_from_and_nothing_is_lost():
    x = torch.arange(50.0)[:, None, None]
    learned, held = LESSON["halves"](x)
    assert (len(learned), len(held)) == (40, 10)
    assert torch.equal(torch.cat([learned, held]).flatten().sort().values, x.flatten())


def test_losses_are_cross_entropies():
    a, b = seeded(2, 9, 5, 1)
    entropy = F.binary_cross_entropy_with_logits
    expected = entropy(a, torch.ones_like(a)) + entropy(b, torch.zeros_like(b))
    assert LESSON["d_loss"](a, b).item() == pytest.approx(expected.item())
    assert LESSON["g_loss"](b).item() == pytest.approx(entropy(b, torch.ones_like(b)).item())


def test_the_generator_reads_the_code_at_all_steps_and_noise_from_its_step_on():
    torch.manual_seed(0)
    G = LESSON["Generator"](8)
    by_code, by_noise = jacobian(lambda *z: G(*z)[0, :, 0], (seeded(1, 4), seeded(1, 12, 2)))
    touched = by_noise.abs().sum((1, 3)) > 0  # (T, T): output by input
    assert torch.equal(touched, torch.ones(12, 12).tril().bool())
    assert (by_code.abs().sum((1, 2)) > 0).all()
    raw = LESSON["Generator"](8, standardise=False)
    assert (raw.scale == 1).all() and (raw.shift == 0).all()


@pytest.mark.parametrize("off", [(), ("standardise",), ("differences",), ("overall",), ("batch",)])
def test_the_discriminator_judges_groups_of_eight_unless_batch_is_off(off):
    torch.manual_seed(0)
    x, group = TRAIN[:16].clone().requires_grad_(), 1 if "batch" in off else 8
    logits = LESSON["Discriminator"](8, **dict.fromkeys(off, False))(x)
    touched = torch.autograd.grad(logits[0, 0], x)[0].abs().sum((1, 2)) > 0
    assert touched[:group].all() and not touched[group:].any() and logits.shape == (16, 1)


def test_the_spread_of_neighbours_is_a_standard_deviation():
    h = seeded(24, 5)
    own = h.view(3, 8, 5).std(1, correction=0).repeat_interleave(8, 0)
    assert torch.allclose(LESSON["neighbours_spread"](h), own, atol=1e-4)


def test_straight_lines_keep_their_ends():
    got = LESSON["straight"](TRAIN)
    assert torch.allclose(got[:, 0], TRAIN[:, 0]) and torch.allclose(got[:, -1], TRAIN[:, -1])
    assert got.diff(n=2, dim=1).abs().max() < 1e-6


def test_the_teacher_sees_the_past_only():
    torch.manual_seed(0)
    teacher = LESSON["Teacher"]()
    slopes = jacobian(lambda z: teacher(z)[0][0].sum(1), seeded(1, 12, 3))[:, 0]  # (T, T, F)
    assert torch.equal(slopes.abs().sum(2) > 0, torch.ones(12, 12).tril(-1).bool())


def test_free_running_is_teacher_forcing_on_ones_own_values():
    torch.manual_seed(0)
    LESSON["teacher"] = teacher = LESSON["Teacher"]()
    torch.manual_seed(5)
    x = (LESSON["freely"](4) - LESSON["centre"]) / LESSON["spread"]
    mean, width = teacher(x)
    torch.manual_seed(5)
    drawn = torch.stack([torch.randn(4, 1, 3)[:, 0] for _ in range(12)], 1)
    assert torch.allclose((x - mean) / width, drawn, atol=1e-3)


def test_the_supervised_loss_is_shifted_by_one():
    LESSON["S"] = lambda h: torch.logit(h.roll(-1, 1))  # it says what comes next
    assert LESSON["supervised"](TRAIN.clamp(0.01, 0.99)).item() < 1e-9
    LESSON["S"] = torch.logit  # it copies
    assert LESSON["supervised"](TRAIN.clamp(0.01, 0.99)).item() > 0.05


def test_equal_sets_have_equal_moments():
    assert LESSON["moments"](TRAIN, TRAIN).item() == 0
    assert LESSON["moments"](TRAIN + 0.5, TRAIN).item() == pytest.approx(0.5, abs=1e-5)


def test_the_forecaster_finds_a_linear_law():
    slope, start = torch.rand(2, 300, 1, 3, generator=torch.Generator().manual_seed(4))
    LESSON["test"] = x = start + slope * torch.arange(12.0)[:, None] / 12
    assert LESSON["error_of"](LESSON["forecaster"](x, ridge=1e-10)) < 1e-4
    past, goal = LESSON["past_and_goal"](x)
    assert past.shape == (300, 9 * 3 + 1) and torch.equal(goal, x[:, -1].double())
