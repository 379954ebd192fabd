"""Lesson 24's scores against the definition, its chords against all chords, its run."""

import math
import signal
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

NETS = ("Reader", "Independent", "Singers", "from_the_top", "Chords")
SMALL = {
    "share": torch.full((7,), 0.3),
    "KEYS": 7,
    "VOICES": 3,
    "HIDDEN": 6,
    "WIDTH": 5,
    "DROPOUT": 0.0,
}


def nets():
    torch.manual_seed(0)
    scope = parts("24", *NETS, **SMALL)
    return scope["Independent"]().eval(), scope["Chords"]().eval()


def losses(net, rolls):
    """What all frames but the first cost, (B, T - 1)."""
    counted = torch.ones(len(rolls), rolls.shape[1] - 1, dtype=torch.bool)
    return net.losses(rolls, counted).view(counted.shape)


def every(keys=7, most=3):
    """All chords of up to `most` keys, (N, keys)."""
    chosen = [c for n in range(most + 1) for c in combinations(range(keys), n)]
    return torch.stack([torch.isin(torch.arange(keys), torch.tensor(c)).float() for c in chosen])


def test_the_score_is_that_of_the_protocol():
    scope = parts("24", "nats", "mean_nats")
    pieces = [(seeded(n, 88, seed=n) > 1).float() for n in (5, 9)]
    p = torch.rand(88, generator=torch.Generator().manual_seed(0))
    found = scope["mean_nats"](lambda x: p.expand_as(x), pieces)
    frames = torch.cat([piece[1:] for piece in pieces])
    expected = F.binary_cross_entropy(p.expand_as(frames), frames, reduction="none").sum(1).mean()
    assert found == pytest.approx(expected.item(), rel=1e-5)


def test_rates_are_shares_of_the_moves():
    x, y = (seeded(60, 4, seed=k) > 0 for k in (1, 2))
    rates = parts("24", "rates", before=x.float(), after=y.float())["rates"]
    stays, starts = rates(0)
    for key in range(4):
        on = x[:, key]
        assert stays[key] == pytest.approx((y[on, key].sum() + 0.5) / (on.sum() + 1))
        assert starts[key] == pytest.approx((y[~on, key].sum() + 0.5) / ((~on).sum() + 1))
    stay, _ = rates((0, 1))
    assert stay == pytest.approx((y[x].sum() + 0.5) / (x.sum() + 1))


def test_losses_are_what_reading_frame_by_frame_gives():
    """No network sees the frame that it predicts."""
    rolls = every()[torch.randint(64, (3, 8), generator=torch.Generator().manual_seed(0))]
    with torch.no_grad():
        for net in nets():
            whole = losses(net, rolls)  # (3, 7)
            for t in range(7):
                assert torch.allclose(losses(net, rolls[:, : t + 2])[:, t], whole[:, t], atol=1e-5)
            changed = rolls.clone()
            changed[:, 5:] = every()[-1]
            assert torch.allclose(losses(net, changed)[:, :4], whole[:, :4], atol=1e-6)


@torch.no_grad()
def test_the_chords_of_one_moment_add_up_to_one():
    chords, past = every(), (seeded(1, 4, 7) > 0.8).float()
    rolls = torch.cat([past.expand(len(chords), 4, 7), chords[:, None]], 1)
    assert losses(nets()[1], rolls)[:, -1].neg().exp().sum() == pytest.approx(1, abs=1e-5)
    all_chords = every(most=7)
    rolls = torch.cat([past.expand(len(all_chords), 4, 7), all_chords[:, None]], 1)
    assert losses(nets()[0], rolls)[:, -1].neg().exp().sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("which", [0, 1], ids=["independent", "chords"])
@torch.no_grad()
def test_what_is_drawn_has_the_probability_that_is_said(which):
    net, count = nets()[which], 40_000
    memory = seeded(1, 6) * 3
    drawn = net.draw(memory.expand(count, 6), 1.0, torch.Generator().manual_seed(0))
    if which:
        assert drawn.sum(1).max() <= 3 and drawn.max() == 1
    net.read = lambda rolls, state=None: (memory.expand(*rolls.shape[:2], 6), None)
    chords = every(most=3 if which else 7)
    rolls = torch.stack([chords, chords], 1)
    expected = losses(net, rolls)[:, 0].neg().exp()  # (N,)
    code = 2 ** torch.arange(7.0)
    shares = torch.bincount((drawn @ code).long(), minlength=128)[(chords @ code).long()] / count
    assert (shares - expected).abs().max() < 4 * (0.25 / count) ** 0.5


@torch.no_grad()
def test_a_cold_choir_takes_the_likeliest_key():
    net, memory = nets()[1], seeded(5, 6)
    cold = [net.draw(memory, 1e-4, torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    assert torch.equal(*cold)


def test_keys_from_the_top():
    frames = torch.tensor([[0, 1, 0, 1, 1.0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    found = parts("24", "from_the_top")["from_the_top"](frames, 3)
    assert found.tolist() == [[4, 3, 1, 5], [5, 5, 5, 5], [0, 5, 5, 5]]


def test_write_goes_on_from_the_first_frame_with_the_same_dice():
    scope = parts("24", "write", *NETS, **SMALL)
    net, first = scope["Chords"](), every()[[3, 9]]
    song = scope["write"](net, first, 6)
    assert song.shape == (2, 6, 7) and torch.equal(song[:, 0], first)
    assert torch.equal(song, scope["write"](net, first, 6))
    assert not torch.equal(song, scope["write"](net, first, 6, seed=1))


def test_clashes_are_neighbours_on_the_piano():
    rolls = torch.tensor([[[1, 1, 0, 0], [1, 0, 1, 0]], [[0, 0, 0, 0], [0, 0, 1, 1.0]]])
    assert parts("24", "clashes")["clashes"](rolls) == 0.5


def test_the_longest_copy_is_the_longest_common_run():
    random = np.random.default_rng(0)
    train = [torch.tensor(random.integers(0, 2, (30, 3))) for _ in range(3)]
    scope = parts("24", "longest_copies", data=type("", (), {"train": train}), FRAMES=40)
    texts = [[tuple(f) for f in piece.tolist()] for piece in train]

    def by_hand(song):
        song = [tuple(f) for f in song.tolist()]
        runs = [song[i:j] for i in range(len(song)) for j in range(i + 1, len(song) + 1)]
        known = lambda run: any(t[i : i + len(run)] == run for t in texts for i in range(30))  # noqa: E731
        return max(len(run) for run in runs if known(run))

    songs = [torch.tensor(random.integers(0, 2, (20, 3))) for _ in range(4)] + [train[1][4:17]]
    found = scope["longest_copies"](songs)
    assert found.tolist() == [by_hand(song) for song in songs] and found[-1] == 13


def test_a_floor_is_the_difference_of_equal_sets():
    values = np.random.default_rng(1).normal(size=(1, 400))
    values[0, :5] = np.nan
    floor = parts("24", "floors", "mean", SPLITS=400)["floors"](values, 100)
    assert floor[0] == pytest.approx(1.96 * math.sqrt(2 / 100), rel=0.15)


class Interrupted(cu.Batches):
    """The same batches, and an interrupt in the middle of the second epoch."""

    def epoch(self, epoch, start=0):
        for number, batch in enumerate(super().epoch(epoch, start), start):
            if (epoch, number) == (1, 1):
                signal.raise_signal(signal.SIGINT)
            yield batch


def trained(kind, folder=None):
    """What the lesson's own step leaves: a digest of the weights, the curve, the levels."""
    scope = parts("24", "counts", "trimmed", *NETS, **SMALL)
    torch.manual_seed(0)
    net = scope["Independent"]()
    opt = torch.optim.Adam(net.parameters(), 0.01)
    rate = OneCycleLR(opt, 0.01, total_steps=9)
    given = {"measured": lambda net, part: net.head.bias.detach().sum(), **scope}
    watch = parts("24", "Validated", **given)["Validated"](9)
    rolls = every()[torch.randint(64, (9, 12), generator=torch.Generator().manual_seed(0))]
    batches = kind((rolls, torch.arange(4, 13)), 3)
    named = {"net": net, "opt": opt, "rate": rate, "levels": watch.levels}
    trainer = cu.Trainer(folder, **named)
    given |= {"net": net, "opt": opt, "rate": rate, "watch": watch, "trainer": trainer}
    history = trainer.fit(parts("24", "step", **given)["step"], batches, steps=9)
    return cu.checkpoint.digest(net.state_dict()), history.values, dict(watch.levels)


def test_a_run_that_was_interrupted_goes_on_bit_for_bit(capsys):
    whole = trained(cu.Batches)
    assert list(whole[2]) == list(range(1, 10))
    trained(Interrupted, "runs/24")
    assert trained(cu.Batches, "runs/24") == whole
    assert "Resuming at step 5 of 9" in capsys.readouterr().out
