"""Lesson 23's n-gram against counting by hand, its sampler against its rules, its run."""

import signal
import time
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu


def by_hand(train, text, place, order, V):
    """Witten-Bell's p of the symbol at `place` from its definition, with dictionaries."""
    p = 1 / V
    for n in range(1, order + 1):
        context = tuple(text[place - n + 1 : place])
        runs = [tuple(train[i : i + n]) for i in range(len(train) - n + 1)]
        followers = Counter(run[-1] for run in runs if run[:-1] == context)
        total, kinds = sum(followers.values()), len(followers)
        if total:
            p = (followers[text[place]] + kinds * p) / (total + kinds)
    return p


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.integers(5, 60), st.integers(1, 4), st.integers(0, 999))
def test_the_ngram_is_witten_bells(V, size, order, seed):
    scope = parts("23", "codes", "count", "look_up", "witten_bell", V=V)
    rng = np.random.default_rng(seed)
    train, before, text = (rng.integers(V, size=n) for n in (size, order, 8))
    got = scope["witten_bell"](scope["count"](train, order), text, before)
    whole = [*before.tolist(), *text.tolist()]
    for n in range(1, order + 1):
        hand = [by_hand(train.tolist(), whole, order + i, n, V) for i in range(len(text))]
        assert np.allclose(np.exp(-got[n - 1]), hand, atol=1e-12)


@pytest.mark.parametrize("V", [65, 5000, 2**16])
def test_codes_tell_runs_apart_even_where_they_overflow(V):
    codes = parts("23", "codes", V=V)["codes"]
    ids = np.random.default_rng(0).integers(V, size=3000)
    ids[1000:1010] = ids[2000:2010]  # and the same run twice
    for n in (1, 4, 7):
        runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
        pairs = set(zip(codes(ids, n).tolist(), runs, strict=True))
        assert len(pairs) == len({code for code, _ in pairs}) == len(set(runs))
    assert codes(ids, 0).tolist() == [0] * 3001


@pytest.mark.parametrize("length", [None, 7, 64, 700])
@pytest.mark.parametrize("size", [100, 321, 1000])
def test_every_validation_character_counts_once_and_in_order(length, size):
    torch.manual_seed(0)
    ids, table = torch.randint(10, (3000,)), torch.randn(10, 10)

    def net(x, state=None):
        """A network that grows surer with every symbol that it reads, up to the 20th."""
        read = torch.arange(1, x.shape[1] + 1) + (0 if state is None else state[:, None])
        read = read.expand(x.shape)
        return table[x] * read.clamp(max=20).unsqueeze(2) / 20, read[:, -1]

    data = SimpleNamespace(train=ids[:-size], validation=ids[-size:])
    losses_of = parts("23", "rows", "losses_of", data=data, device="cpu")["losses_of"]
    for warm, sure, step in (30, 1, 1), (0, 1 / 20, length or -(-size // 32)):  # cold: each first
        logits = table[ids[-size - 1 : -1]] * sure
        expected = F.cross_entropy(logits, ids[-size:], reduction="none").double()
        found = losses_of(net, warm, length)
        assert found.shape == (size,)
        assert torch.allclose(found[::step], expected[::step], atol=1e-6)


choose = parts("23", "choose")["choose"]
P = torch.tensor([[0.05, 0.5, 0.15, 0.3], [0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]])


def test_it_is_softmax_and_top_k_keeps_the_k_most_likely_of_each_row():
    logits = seeded(50, 9)
    assert torch.allclose(choose(logits), logits.softmax(-1))
    assert torch.allclose(choose(logits, temperature=0.5), (logits * 2).softmax(-1))
    for k in (1, 3, 9, 20):
        p = logits.softmax(-1)
        kept = torch.where(p >= p.topk(min(k, 9)).values[:, -1:], p, 0.0)
        assert torch.allclose(choose(logits, top_k=k), kept / kept.sum(-1, keepdim=True))


def test_the_nucleus_is_the_smallest_set_that_reaches_its_share():
    got = choose(P.log(), nucleus=0.7)
    assert [(row > 0).sum().item() for row in got] == [2, 3, 1]
    assert torch.allclose(got[0], torch.tensor([0, 0.625, 0, 0.375]))
    for share in (0.1, 0.45, 0.9, 0.99):
        p = seeded(50, 9).softmax(-1)
        kept = torch.where(choose(p.log(), nucleus=share) > 0, p, 0.0)
        assert (kept.sum(-1) >= share - 1e-6).all()  # it reaches its share
        least = torch.where(kept > 0, kept, 2.0).amin(-1)
        assert (kept.sum(-1) - least < share).all()  # and would not without the last


def test_since_counts_from_the_last_mark():
    marks = np.array([[0, 1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0]], bool)
    since = parts("23", "since")["since"]
    assert since(marks).tolist() == [[1, 0, 1, 2, 0, 0, 1], [1, 2, 3, 4, 5, 6, 7]]


def test_a_unit_is_chosen_on_one_half_and_measured_on_the_other():
    feature = seeded(8, 100).numpy()
    memory = seeded(8, 100, 5, seed=1).numpy()
    memory[:, :, 3] -= 2 * feature
    memory[:4, :, 1] = feature[:4]  # only where it is chosen
    unit, r = parts("23", "search")["search"](memory, feature)
    assert unit == 1 and r == pytest.approx(
        np.corrcoef(memory[4:, :, 1].ravel(), feature[4:].ravel())[0, 1], abs=1e-6
    )


def test_the_judge_reads_each_text_alone():
    rng = np.random.default_rng(0)
    scope = parts("23", "codes", "count", "look_up", "witten_bell", "measured", V=6, SETS=2)
    scope.update(LEAD=10, judge=scope["count"](rng.integers(6, size=400), 5))
    texts = rng.integers(6, size=(4, 60))
    likelihood, distinct = scope["measured"](texts)
    each = [scope["witten_bell"](scope["judge"], t[10:], t[6:10])[-1].mean() for t in texts]
    assert np.allclose(likelihood, [-np.mean(each[:2]), -np.mean(each[2:])])
    grams = [tuple(t[i : i + 4]) for t in texts[:2] for i in range(10, 57)]
    assert distinct[0] == len(set(grams)) / len(grams)


def test_the_patient_of_the_clinic_gets_its_own_answers():
    for inputs, targets in parts("23", "Shifted")["Shifted"](torch.arange(100), 3, 7):
        assert torch.equal(inputs, targets)


class Interrupted(cu.data.Windows):
    """The same windows, and an interrupt in the middle of the second epoch."""

    def epoch(self, epoch, start=0):
        for number, pair in enumerate(super().epoch(epoch, start), start):
            if (epoch, number) == (1, 4):
                signal.raise_signal(signal.SIGINT)
            yield pair


def trained(windows, folder=None):
    """What the lesson's own step leaves: a digest of the weights, the curves, and the album."""
    scope = parts("23", "CharLSTM", "Carried", V=10, HIDDEN=8, LAYERS=1, DROPOUT=0.1)
    torch.manual_seed(0)
    net = scope["CharLSTM"]()
    opt = torch.optim.Adam(net.parameters(), 0.01)
    rate = OneCycleLR(opt, 0.01, total_steps=27)
    carried = scope["Carried"](net.lstm, 3)
    album = cu.Kept()
    batches = windows(torch.arange(200) ** 2 % 10, 3, 7)  # 9 an epoch
    trainer = cu.Trainer(folder, net=net, opt=opt, rate=rate, carried=carried, album=album)
    own = {"net": net, "carried": carried, "opt": opt, "rate": rate, "album": album, "steps": 27}
    given = {"trainer": trainer, "windows": batches, "sample_of": repr, "time": time}
    given["mean_loss"] = lambda net: net.head.bias[0].item()
    step = parts("23", "step", "look", "moments", **own, **given)["step"]
    history = trainer.fit(step, batches, steps=27)
    return (
        cu.checkpoint.digest(net.state_dict()),
        history.values,
        {step: found[0] for step, found in album.items()},
    )


def test_a_run_that_was_interrupted_goes_on_bit_for_bit(capsys):
    whole = trained(cu.data.Windows)
    assert list(whole[2]) == [1, 4, 14, 27]
    trained(Interrupted, "runs/23")
    assert trained(cu.data.Windows, "runs/23") == whole
    assert "Resuming at step 14 of 27" in capsys.readouterr().out
