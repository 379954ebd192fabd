"""Lesson 25's scores, models and intervals against scikit-learn, statsmodels, NumPy; its run."""

import math
import signal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_pinball_loss
from statsmodels.tsa.ar_model import AutoReg
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

VALUES = ("TRAIN", "PAIR")
SMALL = {"AT_MOST": 3000, "LEVEL": 0.8, "QUANTILES": (0.1, 0.5, 0.9), "UNITS": 8}


@pytest.fixture(scope="module")
def lesson():
    given = {"OneCycleLR": OneCycleLR, "TRAIN": 0, "VALID": 1, "TEST": 2, **SMALL}
    return parts(
        "25", **given, PAIR=(1, 2), RECENT=30, AGAIN=5, STEPS=60, LOOKS=3, MOMENTS={20, 40, 60}
    )


def task_of(lesson, rows=None, ends=(120, 150, 200), past=20, ahead=6, season=4, patch=1):
    if rows is None:
        time = torch.arange(200.0)[:, None]
        rows = (time * 2 * math.pi / 8 + torch.tensor([0.0, 1.0])).sin() + seeded(200, 2) / 5
    return lesson["Task"]("a", rows.double(), ends, past, ahead, season, patch)


def test_a_task_is_scaled_by_its_first_part_and_cut_at_each_origin(lesson):
    task, rows = task_of(lesson), None
    scaled = task.x.T.double() * task.std + task.mean
    for part, (start, end) in enumerate(((20, 120), (120, 150), (150, 200))):
        origins = task.origins(part)
        past, future = task.cut(origins)
        assert (
            origins[0] == start and origins[-1] == end - 6 and past.shape == (len(origins), 2, 20)
        )
        for k in (0, len(origins) - 1):
            t = int(origins[k])
            assert torch.equal(past[k], task.x[:, t - 20 : t])
            assert torch.equal(future[k], task.x[:, t : t + 6])
    assert rows is None and abs(scaled[:120].mean(0) - task.mean).max() < 1e-6
    assert torch.allclose(task.x[:, :120].std(1, correction=0), torch.ones(2), atol=1e-6)


def test_mase_is_hyndmans(lesson):
    task = task_of(lesson)
    forecast, truth = seeded(7, 2, 6, seed=1), seeded(7, 2, 6, seed=2)
    expected = []
    for c in range(2):  # in plain loops, in the units of the series
        y = (task.x[c, :120].double() * task.std[c] + task.mean[c]).tolist()
        usual = sum(abs(y[i] - y[i - 4]) for i in range(4, 120)) / 116
        gaps = ((forecast - truth)[:, c].double() * task.std[c]).abs().flatten().tolist()
        expected.append(sum(gaps) / len(gaps) / usual)
    assert lesson["mase"](forecast, truth, task) == pytest.approx(np.mean(expected), rel=1e-5)


def test_the_rivals_that_learn_nothing(lesson):
    task, x = task_of(lesson), torch.arange(20.0).expand(1, 1, 20)
    assert lesson["repeat"](task)(x).tolist() == [[[19.0] * 6]]
    assert lesson["seasonal"](task)(x).tolist() == [[[16, 17, 18, 19, 16, 17]]]
    assert lesson["drift"](task)(x)[0, 0].tolist() == pytest.approx([20, 21, 22, 23, 24, 25])


def test_autoregression_is_that_of_statsmodels(lesson):
    task = task_of(lesson)
    found = lesson["autoregression"](task, 5)(task.x[None, :, 100:120])
    for c in range(2):
        fitted = AutoReg(task.x[c, :120].double().numpy(), 5).fit()
        expected = fitted.forecast(6)
        np.testing.assert_allclose(found[0, c], expected, atol=1e-4)


def test_ridge_is_that_of_scikit_learn(lesson):
    task = task_of(lesson)
    past, future = (part.flatten(0, 1) for part in task.cut(task.origins(0)))
    last = past[:, -1:]
    inputs = torch.cat([past - last, torch.ones_like(last)], 1)
    known = Ridge(alpha=0.1 * len(inputs), fit_intercept=False).fit(inputs, future - last)
    expected = torch.from_numpy(known.predict(inputs)) + last
    [found] = lesson["ridges"](task, [0.1]).values()
    torch.testing.assert_close(found(past).double(), expected.double(), atol=1e-4, rtol=1e-3)


def test_pinball_is_that_of_scikit_learn(lesson):
    forecast, truth = seeded(9, 2, 6, 3), seeded(9, 2, 6, seed=4)
    expected = [
        mean_pinball_loss(truth.flatten(), forecast[..., k].flatten(), alpha=q)
        for k, q in enumerate((0.1, 0.5, 0.9))
    ]
    assert lesson["pinball"](forecast, truth).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_the_gaussian_loss_is_that_of_torch(lesson):
    forecast, truth = seeded(9, 2, 6, 2), seeded(9, 2, 6, seed=4)
    s = F.softplus(forecast[..., 1] - forecast[..., 0]) + 1e-3
    expected = F.gaussian_nll_loss(forecast[..., 0], truth, s**2)
    torch.testing.assert_close(lesson["gaussian"](forecast, truth), expected)


@pytest.mark.parametrize("n", [4, 9, 10, 37])
def test_a_radius_is_the_conformal_quantile(lesson, n):
    sizes = seeded(n, 3).abs()
    rank = min(n, math.ceil((n + 1) * 0.8))
    expected = np.quantile(sizes, (rank - 1) / (n - 1), axis=0, method="nearest")
    np.testing.assert_allclose(lesson["radius"](sizes), expected)


def test_a_conformal_interval_holds_as_often_as_promised(lesson):
    """Of exchangeable errors: between 80 % and 80 % + 1 / (n + 1)."""
    sizes = seeded(4000, 20).abs()  # as many trials, each of 19 errors and a new one
    held = (sizes[:, 19] <= lesson["radius"](sizes[:, :19].T)).float().mean()
    assert abs(held - 0.8) < 4 * math.sqrt(0.16 / 4000)


def test_a_rolling_radius_knows_no_error_before_it_has_come(lesson):
    task = task_of(lesson)
    sizes = [seeded(len(task.origins(part)), 2, 6, seed=part).abs() for part in (1, 2)]
    before = lesson["rolling_radius"](task, sizes)
    assert before.shape == sizes[1].shape
    k = 20  # origin 170: its errors are known at 176
    later = [sizes[0], torch.cat([sizes[1][:k], sizes[1][k:] + 9])]
    after = lesson["rolling_radius"](task, later)
    changed = (before != after).flatten(1).any(1).nonzero()[0].item()
    assert changed >= k + task.ahead


def test_what_is_judged_of_an_interval(lesson):
    task = task_of(lesson)
    y = task.cut(task.origins(2))[1]
    row = lesson["judged"]((y - 1, y + 1), task)
    assert row["coverage"] == 1 and row["width"] == row["score"] == pytest.approx(2)
    low, high = torch.zeros_like(y), torch.full_like(y, 0.5)
    row = lesson["judged"]((low, high), task)
    inside = ((y >= 0) & (y <= 0.5)).float().mean().item()
    alpha = 1 - 0.8
    outside = np.maximum(-y, 0) + np.maximum(y - 0.5, 0)
    assert row["coverage"] == pytest.approx(inside)
    assert row["score"] == pytest.approx(0.5 + 2 / alpha * outside.mean().item(), rel=1e-5)
    half = row["width at equal coverage"] / 2
    assert ((y - 0.25).abs() <= half + 1e-6).float().mean().item() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("patch", [1, 5])
@pytest.mark.parametrize("name", ["DLinear", "LSTM", "TCN"])
def test_a_network_gives_its_heads_and_moves_with_the_level(lesson, name, patch):
    task = task_of(lesson, patch=patch)
    x = seeded(3, 2, 20)
    for heads, shape in ((1, (3, 2, 6)), (3, (3, 2, 6, 3))):
        net = lesson[name](task, heads)
        assert net(x).shape == shape
        if name != "DLinear":
            torch.testing.assert_close(net(x + 7), net(x) + 7, atol=1e-4, rtol=1e-4)


def test_a_tcn_is_causal(lesson):
    net = lesson["TCN"](task_of(lesson))
    x = torch.randn(1, 20, 1)
    states = []
    hook = net.convs[-1].register_forward_hook(lambda module, given, made: states.append(made))
    net.read(x), net.read(torch.cat([x[:, :13], x[:, 13:] + 1], 1))
    hook.remove()
    same = (states[0] == states[1]).all(1)[0]
    assert same[:13].all() and not same[13:].any()


def test_blocks_and_time_share_no_row_with_what_was_learned(lesson):
    task = task_of(lesson, rows=seeded(9000, 1), ends=(5400, 7200, 9000))
    for kind, (learned, tested) in lesson["splits"](task).items():
        gap = (learned[:, None] - tested).abs().min()
        assert (gap >= task.past + task.ahead) == (kind != "shuffled windows"), kind
        assert not set(learned.tolist()) & set(tested.tolist())


def test_the_nearest_neighbour_is_that_of_numpy(lesson):
    task = task_of(lesson)
    past, future = task.cut(task.origins(0))
    x = task.cut(task.origins(2))[0]
    gaps = ((x.flatten(1)[:, None] - past.flatten(1)) ** 2).sum(-1)
    expected = future[gaps.argmin(1)]
    torch.testing.assert_close(lesson["nearest"](task, task.origins(0))(x), expected)


class Interrupted(cu.Batches):
    """The same batches, and an interrupt in the middle of the second epoch."""

    def epoch(self, epoch, start=0):
        for number, batch in enumerate(super().epoch(epoch, start), start):
            if (epoch, number) == (1, 1):
                signal.raise_signal(signal.SIGINT)
            yield batch


def test_a_training_that_was_interrupted_goes_on_bit_for_bit(lesson, root, monkeypatch):
    task = task_of(lesson)

    def trained():
        net, best = lesson["train"](lesson["LSTM"], task, 0.01)
        return cu.checkpoint.digest(net.state_dict()), best

    whole = trained()
    monkeypatch.setenv("COURSE_RUNS", str(root / "again"))
    with monkeypatch.context() as patch:
        patch.setattr(cu, "Batches", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            trained()
    assert trained() == whole
