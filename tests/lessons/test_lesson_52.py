"""Lesson 52's measures against plain counting, its bridges against PyTorch, its networks."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from exercises import answers, parts, seeded
from torch.autograd.functional import jacobian

import course_utils as cu

KEYS, LOWEST, LENGTH, VOICES = 9, 39, 6, 4
PIECES = torch.randint(KEYS, (40, LENGTH, VOICES), generator=torch.Generator().manual_seed(0))
REAL = PIECES.sort(-1, descending=True).values
CLASSES = F.one_hot((torch.arange(KEYS) + LOWEST + 21) % 12, 12).float()
LESSON = parts(
    "52", values=("MAJOR",), KEYS=KEYS, LOWEST=LOWEST, LENGTH=LENGTH, VOICES=VOICES, REAL=REAL,
    HELD=REAL, CLASSES=CLASSES, CODE=3, NOISE=2, UNITS=8, JUDGE=40, SAMPLES=20, HOP=2, BATCH=8,
    CENTRE=torch.zeros(4), SPREAD=torch.ones(4), pairwise=pairwise,
    AveragedModel=torch.optim.swa_utils.AveragedModel,
    get_ema_multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn,
)  # fmt: skip


def roll(x):
    return F.one_hot(x + LOWEST, 88).amax(-2).float()


def test_four_voices_hold_what_sounds():
    chords = ([50, 40, 30, 20], [], [45], [50, 30], [60, 55, 50, 45, 40], [])
    played = torch.zeros(len(chords), 88)
    for frame, keys in zip(played, chords, strict=True):
        frame[keys] = 1
    found = LESSON["four"](torch.cat([torch.zeros(2, 88), played])).tolist()
    first, alone = [50, 40, 30, 20], [45] * 4
    expected = [first, first, alone, [50, 50, 50, 30], [60, 55, 50, 40], [60, 55, 50, 40]]
    assert found == expected


def test_the_published_polyphony_is_a_vote_after_each_tone():
    """Against the loop itself: two lines inside it that belong below."""
    sizes = torch.randint(1, 6, (30,), generator=torch.Generator().manual_seed(1)).tolist()
    votes, tones = [], 0
    for moment, n in enumerate(sizes):
        for first in [True] + [False] * (n - 1):
            if first and moment:
                votes.append(tones > 1)
            tones = 1 if first else tones + 1
            votes.append(tones > 1)
    assert LESSON["as_published"](sizes) == pytest.approx(sum(votes) / len(votes))
    onsets = torch.arange(30).repeat_interleave(torch.tensor(sizes))
    repaired = answers("52")["52.1"](onsets)
    assert LESSON["polyphony"](sizes) == pytest.approx(repaired.item())


def test_measures_are_those_of_the_package():
    distinct = REAL[(REAL.diff(dim=2) < 0).all(2).all(1)]
    distinct = torch.stack([torch.tensor([[8, 5, 3, 0]] * 3 + [[7, 6, 2, 1]] * 3), *distinct])
    for x, scale, still in zip(
        distinct, LESSON["in_one_scale"](distinct), LESSON["repeated_frames"](distinct), strict=True
    ):
        assert scale.item() == pytest.approx(cu.metrics.scale_consistency(roll(x)))
        assert still.item() == pytest.approx(cu.metrics.repeated_frames(roll(x)))


def test_the_scale_is_blind_to_the_key_only_with_the_repair():
    fair, published = (
        torch.stack([LESSON["in_one_scale"](REAL + k, wrapped) for k in range(12)])
        for wrapped in (True, False)
    )
    assert (fair - fair[0]).abs().max() < 1e-6
    assert (published <= fair + 1e-6).all() and (published < fair - 0.01).any()


def test_measures_by_counting():
    for x, keys, heard, clash, width in zip(
        REAL, LESSON["keys_at_once"](REAL), LESSON["repetitions"](REAL), LESSON["clashes"](REAL),
        LESSON["span"](REAL), strict=True,
    ):  # fmt: skip
        frames = [set(frame) for frame in x.tolist()]
        assert keys.item() == pytest.approx(sum(map(len, frames)) / LENGTH)
        assert clash.item() == pytest.approx(
            sum(any(k + 1 in frame for k in frame) for frame in frames) / LENGTH
        )
        top = x[:, 0].tolist()
        groups = [tuple(top[i : i + 3]) for i in range(LENGTH - 2)]
        again = [groups[i] in groups[:i] for i in range(1, len(groups))]
        assert heard.item() == pytest.approx(sum(again) / len(again))
        assert width.item() == x.max() - x.min()


def test_the_chain_makes_no_move_that_is_not_in_real_music():
    moves = {(tuple(a), tuple(b)) for x in REAL.tolist() for a, b in pairwise(x)}
    known = {a for a, _ in moves}
    for x in LESSON["chord_chain"](50).tolist():
        assert all((tuple(a), tuple(b)) in moves for a, b in pairwise(x) if tuple(a) in known)


def test_straight_through_has_the_gradient_of_the_softmax():
    z, weight = seeded(5, 7).requires_grad_(), seeded(5, 7, seed=1)
    y = LESSON["straight_through"](z)
    assert torch.equal(y.round(), F.one_hot(z.argmax(-1), 7).float())
    (ours,) = torch.autograd.grad((y * weight).sum(), z)
    (theirs,) = torch.autograd.grad((z.softmax(-1) * weight).sum(), z)
    assert torch.allclose(ours, theirs)


def test_a_discriminator_reads_all_steps_and_only_the_counter_is_blind_to_order():
    torch.manual_seed(0)
    y, order = LESSON["Notes"].real(REAL), torch.tensor([3, 1, 5, 0, 2, 4])
    for name in ("Bidirectional", "Convolutions", "Counter"):
        D = LESSON[name](y.shape[2])
        assert (jacobian(D, y[:1]).abs().sum((0, 1, 2, 4)) > 0).all()
        assert ((D(y) - D(y[:, order])).abs().max() < 1e-5) == (name == "Counter")


@pytest.mark.parametrize("kind", ["Numbers", "Notes", "Straight", "Listening"])
def test_what_is_real_comes_back_as_keys_and_fakes_look_like_it(kind):
    torch.manual_seed(0)
    G = LESSON[kind]()
    real, fake = G.real(REAL), G(*LESSON["draw"](len(REAL)))
    assert torch.equal(G.keys(real), REAL)
    assert fake.shape == real.shape == (len(REAL), LENGTH, G.inputs)
    if kind != "Numbers":
        assert torch.allclose(fake, G.real(G.keys(fake)), atol=1e-5)


def test_the_writer_is_judged_by_what_it_would_say_step_by_step(monkeypatch):
    """Its loss, all at once, is that of hearing frame by frame, voice by voice."""
    torch.manual_seed(0)
    net, x = LESSON["Listening"](), REAL[:5]
    noise, code = LESSON["draw"](len(x))
    monkeypatch.setitem(LESSON, "draw", lambda count: (noise, code))
    given = iter(F.one_hot(x, KEYS).float().flatten(1, 2).unbind(1))
    said = []

    def sung(z):
        said.append(z)
        return next(given)

    monkeypatch.setitem(LESSON, "gumbel", sung)
    net(noise, code)
    costs = [F.cross_entropy(z, y, reduction="none") for z, y in
             zip(said, x.flatten(1).T, strict=True)]  # fmt: skip
    expected = torch.stack(costs).sum(0).mean() / LENGTH
    assert net.loss(x).item() == pytest.approx(expected.item(), rel=1e-5)


def test_longest_runs_are_those_of_the_exercise():
    sixth = answers("52")["52.4"]
    x = torch.cat([REAL[:2], REAL[3:4].flip(1), torch.randint(KEYS, (3, LENGTH, VOICES))])
    number = torch.cat([REAL, x]).flatten(0, 1).unique(dim=0, return_inverse=True)[1]
    number = number.view(-1, LENGTH)
    expected = [
        max(int(sixth(one, piece)) for piece in number[: -len(x)]) for one in number[-len(x) :]
    ]
    assert LESSON["longest_runs"](x).tolist() == expected


def test_the_critic_finds_what_is_wrong_and_nothing_in_real_music():
    g = torch.Generator().manual_seed(0)
    base = torch.randint(4, KEYS, (600, LENGTH, VOICES), generator=g)
    low = torch.randint(0, 4, (300, LENGTH, VOICES), generator=g)
    found = [
        LESSON["critic_score"](fake, real=base[:300], held=base[300:]) for fake in (base[300:], low)
    ]
    assert found[0] < 0.15 and found[1] > 0.4


def test_a_game_with_the_matching_loss_leaves_d_alone():
    torch.manual_seed(0)
    D, real = LESSON["Convolutions"](10), seeded(6, LENGTH, 10)
    fake = seeded(6, LENGTH, 10, seed=1).requires_grad_()
    assert LESSON["apart"](D, real, real).item() == 0
    LESSON["apart"](D, real, fake).backward()
    assert fake.grad.abs().sum() > 0
