"""Lesson 54's critic, networks, losses and baselines against PyTorch and the package's scores."""

from types import SimpleNamespace

import pytest
import torch
from exercises import parts, seeded
from torch.autograd.functional import jacobian

import course_utils as cu

TRAIN = torch.rand(64, 12, 3, generator=torch.Generator().manual_seed(0))
LESSON = parts(
    "54", UNITS=8, CODE=4, NOISE=2, LENGTH=12, AHEAD=3, FEATURES=3, JUDGE=200, SHARP=200,
    JUDGED=5000, BATCH=16, TRAIN=TRAIN,
)  # fmt: skip


@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_the_critic_made_by_hand_agrees_with_the_package(shift):
    real, fake = torch.rand(2, 400, 8, 2, generator=torch.Generator().manual_seed(1))
    fake = fake + shift
    ours = [LESSON["by_hand"](LESSON["Critic"](2, 4), real, fake, 200, seed)[1] for seed in (0, 1)]
    theirs = cu.metrics.discriminative_score(real, fake, units=4, repeats=2, iterations=300)
    assert sum(ours) / 2 == pytest.approx(theirs.mean, abs=0.12) and (ours[0] > 0.25) == (shift > 0)


def test_the_sharp_critic_sees_a_tremble_that_is_small_and_none_in_other_real_windows():
    x = LESSON["waves"](1200, 0)
    assert LESSON["sharp"](x[:600], x[600:])[1] < 0.12
    assert LESSON["sharp"](x[:600], x[600:] + 0.05 * seeded(600, 24, 5))[1] > 0.4


def test_the_gauges_of_a_window_of_waves_show_one_wave():
    x = LESSON["waves"](50, 3).double() - 0.5
    law = x[..., :-2] + x[..., 2:] - 2 * torch.tensor(0.6).cos() * x[..., 1:-1]
    assert law.abs().max() < 1e-5 and x.abs().max() <= 0.5


def test_four_fifths_are_learned_from_and_nothing_is_lost():
    x = torch.arange(50.0)[:, None, None]
    learned, held = LESSON["halves"](x)
    assert (len(learned), len(held)) == (40, 10)
    assert torch.equal(torch.cat([learned, held]).flatten().sort().values, x.flatten())


def test_the_generator_reads_the_code_at_all_steps_and_noise_from_its_step_on():
    torch.manual_seed(0)
    G = LESSON["Generator"](TRAIN)
    by_code, by_noise = jacobian(lambda *z: G(*z)[0, :, 0], (seeded(1, 4), seeded(1, 12, 2)))
    touched = by_noise.abs().sum((1, 3)) > 0  # (T, T): output by input
    assert torch.equal(touched, torch.ones(12, 12).tril().bool())
    assert (by_code.abs().sum((1, 2)) > 0).all()


def test_the_reader_is_blind_to_the_scale_of_the_data():
    torch.manual_seed(0)
    D = LESSON["Reader"](TRAIN)
    torch.manual_seed(0)
    other = LESSON["Reader"](5 * TRAIN + 2)
    assert torch.allclose(D(TRAIN), other(5 * TRAIN + 2), atol=1e-4)


def test_epochs_end_where_we_look():
    for count in (10, 64, 500):
        batches = LESSON["passes"](torch.rand(count, 4, 2), 40, 4)
        assert len(batches) == 10 and next(iter(batches))[0].shape == (min(16, count), 4, 2)


def test_straight_lines_keep_their_ends():
    got = LESSON["straight"](TRAIN)
    assert torch.allclose(got[:, 0], TRAIN[:, 0]) and torch.allclose(got[:, -1], TRAIN[:, -1])
    assert got.diff(n=2, dim=1).abs().max() < 1e-6


def test_the_teacher_sees_the_past_only():
    torch.manual_seed(0)
    teacher = LESSON["Teacher"](TRAIN)
    slopes = jacobian(lambda z: teacher(z).mean[0].sum(1), seeded(1, 12, 3))[:, 0]  # (T, T, F)
    assert torch.equal(slopes.abs().sum(2) > 0, torch.ones(12, 12).tril(-1).bool())


def test_free_running_is_teacher_forcing_on_ones_own_values():
    torch.manual_seed(0)
    teacher = LESSON["Teacher"](TRAIN)
    torch.manual_seed(5)
    with torch.no_grad():
        x = (teacher.sample(4) - teacher.centre) / teacher.spread
        told = teacher(x)
    torch.manual_seed(5)
    drawn = torch.stack([torch.randn(4, 1, 3)[:, 0] for _ in range(12)], 1)
    assert torch.allclose((x - told.mean) / told.stddev, drawn, atol=1e-3)


def test_the_supervised_loss_is_shifted_by_one():
    x = TRAIN.clamp(0.01, 0.99)
    says_what_comes, copies = (
        SimpleNamespace(s=s) for s in (lambda h: torch.logit(h.roll(-1, 1)), torch.logit)
    )
    assert LESSON["supervised"](says_what_comes, x).item() < 2e-4
    assert LESSON["supervised"](copies, x).item() > 0.2


def test_equal_sets_have_equal_moments():
    assert LESSON["matched"](TRAIN, TRAIN).item() == 0
    assert LESSON["matched"](TRAIN + 0.5, TRAIN).item() == pytest.approx(0.5, abs=1e-5)


def test_only_mixing_changes_the_correlations():
    torch.manual_seed(0)
    x = LESSON["waves"](3000, 0)
    assert LESSON["apart"](x[:1500], x[1500:]) < 0.03 < 0.3 < LESSON["apart"](LESSON["mixed"](x), x)


def test_own_kind_is_a_half_for_a_mixture_and_one_for_two_heaps():
    dots = seeded(400, 2).numpy()
    assert LESSON["own_kind"](dots[:200], dots[200:]) == pytest.approx(0.5, abs=0.06)
    assert LESSON["own_kind"](dots[:200], dots[200:] + 50) == 1


def test_the_forecaster_finds_a_linear_law():
    slope, start = torch.rand(2, 300, 1, 3, generator=torch.Generator().manual_seed(4))
    x = start + slope * torch.arange(12.0)[:, None] / 12
    assert LESSON["error_of"](LESSON["forecaster"](x, ridge=1e-10), x) < 1e-4
    past, goal = LESSON["past_and_goal"](x)
    assert past.shape == (300, 9 * 3 + 1) and torch.equal(goal, x[:, -1].double())
