"""Lesson 27's film against its recipe, its motion against a known shift, its networks, its run."""

import signal

import pytest
import torch
from exercises import parts, seeded
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

SIZES = {
    "SIZE": 16, "SIDE": 7, "ROOM": 9, "SEEN": 3, "AHEAD": 2, "PATCH": 4, "HIDDEN": 5, "LAYERS": 2,
    "BATCH": 3, "PEAK": 0.01, "OneCycleLR": OneCycleLR,
}  # fmt: skip
NETS = ("Forecaster", "ConvLSTMCell", "ConvLSTM", "CNNLSTM")


def lesson(*names, **given):
    return parts("27", *names, **{**SIZES, **given})


def test_a_digit_bounces_off_the_walls():
    start, velocity = torch.tensor([[[7.0, 2.0]] * 2]), torch.tensor([[[3.0, -1.5]] * 2])
    places = lesson("bounced")["bounced"](start, velocity, 5)[0, :, 0].tolist()
    x, y, vx, vy = 7.0, 2.0, 3.0, -1.5
    for found in places:
        assert found == [round(x), round(y)]
        x, y = x + vx, y + vy
        if not 0 <= x <= 9:
            x, vx = (-x if x < 0 else 18 - x), -vx
        if not 0 <= y <= 9:
            y, vy = (-y if y < 0 else 18 - y), -vy


def test_digits_are_drawn_where_the_recipe_says():
    scope = lesson("bounced", "recipes", "draw")
    digits = seeded(4, 7, 7).abs()
    which, places = scope["recipes"](6, digits, 0)
    film = scope["draw"](digits, which, places)
    assert film.shape == (6, 5, 1, 16, 16)
    for n, t in ((0, 0), (3, 4)):
        frame = torch.zeros(2, 16, 16)
        for d, (row, column) in enumerate(places[n, t].tolist()):
            frame[d, row : row + 7, column : column + 7] = digits[which[n, d]]
        assert torch.equal(film[n, t, 0], frame.amax(0))


def test_errors_are_summed_over_pixels():
    a, b = seeded(3, 2, 1, 4, 4), seeded(3, 2, 1, 4, 4, seed=1)
    found = lesson("frame_errors")["frame_errors"](a, b)
    expected = [sum(((a[n, t] - b[n, t]) ** 2).sum() for n in range(3)) / 3 for t in range(2)]
    assert torch.allclose(found, torch.stack(expected))


def test_motion_finds_a_shift_and_advection_goes_on_with_it():
    scope = lesson("box_mean", "motion", "advect")
    ground = seeded(1, 1, 40, 40)
    film = torch.stack([ground.roll((k, -2 * k), (2, 3)) for k in range(6)], 1)
    field = scope["motion"](film[:, :3], 5, 7)
    inner = field[0, :, 8:-8, 8:-8]
    assert (inner[0] == 1).all() and (inner[1] == -2).all()
    steady = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 40, 40)
    ahead = scope["advect"](film[:, 2], steady, 3)
    assert torch.allclose(ahead[..., 8:-8, 8:-8], film[:, 3:, :, 8:-8, 8:-8], atol=1e-4)


def test_ssim_by_hand_is_that_of_the_package():
    a, b = seeded(20, 16).sigmoid(), seeded(20, 16, seed=1).sigmoid()
    found = lesson("ssim_by_hand")["ssim_by_hand"](a, b)
    assert torch.allclose(found, cu.metrics.ssim(a[None, None], b[None, None])[0], atol=1e-5)


@pytest.mark.parametrize("name", ["ConvLSTM", "CNNLSTM"])
@torch.no_grad()
def test_a_forecast_reads_what_is_given_then_itself(name):
    torch.manual_seed(0)
    net, clip = lesson(*NETS)[name](), seeded(2, 5, 1, 16, 16)
    free = net(clip[:, :3], 2)
    assert free.shape == (2, 4, 1, 16, 16)
    told = torch.cat([clip[:, :3], free[:, 2:3]], 1)  # its own prediction, as if it were given
    assert torch.allclose(net(told, 1)[:, 3], free[:, 3], atol=1e-5)
    taught = net(clip[:, :3], 2, clip[:, 3:], 1.0)
    assert torch.allclose(taught[:, 3], net(clip[:, :4], 1)[:, 3], atol=1e-5)


@torch.no_grad()
def test_a_convlstm_has_no_place():
    """What moves in goes the same way wherever it is, away from the walls."""
    torch.manual_seed(0)
    net = lesson(*NETS)["ConvLSTM"](layers=1)
    blob = torch.zeros(1, 3, 1, 64, 64)
    blob[..., 20:28, 20:28] = seeded(1, 3, 1, 8, 8)
    moved = net(blob.roll((8, 4), (3, 4)), 1)[..., 24:44, 20:44]
    assert torch.allclose(moved, net(blob, 1)[..., 16:36, 16:40], atol=1e-5)


def test_the_two_futures_part_at_the_wall():
    scope = lesson("forks")
    which, up, down = scope["forks"](20, 0)
    assert which.shape == (20, 1) and torch.equal(up[:, :3], down[:, :3])
    assert torch.equal(up[..., 1], down[..., 1])  # the columns
    assert (up[:, -1, 0, 0] < down[:, -1, 0, 0]).all()
    assert up[..., 1].max() <= 9 and min(up.min(), down.min()) >= 0


def test_edges_of_a_mean_of_two_apart_are_half():
    edges = lesson("edges")["edges"]
    a, b = torch.zeros(2, 1, 1, 1, 12, 12)
    a[..., 2:5, 2:5], b[..., 7:10, 7:10] = 1, 1
    assert edges((a + b) / 2) == pytest.approx(edges(a) / 2)


class Interrupted(cu.Batches):
    """The same batches, and an interrupt in the middle of the second epoch."""

    def epoch(self, epoch, start=0):
        for number, batch in enumerate(super().epoch(epoch, start), start):
            if (epoch, number) == (1, 1):
                signal.raise_signal(signal.SIGINT)
            yield batch


def trained(kind, folder=None):
    """What the lesson's own step leaves: a digest of the weights, and the curve."""
    scope = lesson("bounced", "recipes", "draw", "frame_errors", *NETS)
    torch.manual_seed(0)
    digits = seeded(4, 7, 7).abs()
    dense: nn.Module = scope["CNNLSTM"](16, 8)
    opt = torch.optim.Adam(dense.parameters(), 0.001)
    rate = OneCycleLR(opt, 0.001, total_steps=9)
    trainer = cu.Trainer(folder, net=dense, opt=opt, rate=rate)
    scope |= {"dense": dense, "opt": opt, "rate": rate, "trainer": trainer, "train_digits": digits}
    step = parts("27", "step", **scope)["step"]
    history = trainer.fit(step, kind(scope["recipes"](9, digits, 0), 3), steps=9)
    return cu.checkpoint.digest(dense.state_dict()), history.values


def test_a_run_that_was_interrupted_goes_on_bit_for_bit(capsys):
    whole = trained(cu.Batches)
    trained(Interrupted, "runs/27")
    assert trained(cu.Batches, "runs/27") == whole
    assert "Resuming at step 5 of 9" in capsys.readouterr().out
