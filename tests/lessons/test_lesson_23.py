"""Lesson 23's n-gram against counting by hand, its sampler against its rules; its checks."""

import math
import signal
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, prove
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

# ---- the n-gram ----------------------------------------------------------------------------


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
@given(
    V=st.integers(2, 6), size=st.integers(5, 60), order=st.integers(1, 4), seed=st.integers(0, 999)
)
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
    rng = np.random.default_rng(0)
    ids = rng.integers(V, size=3000)
    ids[1000:1010] = ids[2000:2010]  # and the same run twice
    for n in (1, 4, 7):
        runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
        made = codes(ids, n)
        assert len(made) == len(runs) and len(set(made.tolist())) == len(set(runs))
        assert made[1000] == made[2000]
    assert codes(ids, 0).tolist() == [0] * 3001


# ---- the measure ---------------------------------------------------------------------------


class Echo(nn.Module):
    """Reads one symbol at a time and remembers how many it has read, up to a given number."""

    def forward(self, ids, state=None):
        state = torch.zeros(len(ids)) if state is None else state
        read = state[:, None] + torch.arange(1, ids.shape[1] + 1)
        chosen = F.one_hot((ids + 1) % 10, 10) * read.clamp(max=20).unsqueeze(2) / 4
        return chosen, read[:, -1]


@pytest.mark.parametrize("length", [None, 8, 64, 700])
@pytest.mark.parametrize("size", [100, 321, 1000])
def test_every_validation_character_counts_once_and_in_order(length, size):
    ids = torch.arange(3000) % 10
    data = SimpleNamespace(train=ids[: 3000 - size], validation=ids[3000 - size :])
    scope = parts("23", "rows", "losses_of", data=data, device="cpu")
    losses = scope["losses_of"](Echo(), warm=30, length=length)
    assert losses.shape == (size,)
    expected = F.cross_entropy(torch.tensor([[5.0] + [0.0] * 9]), torch.tensor([0]))
    assert torch.allclose(losses, expected.double(), atol=1e-6)  # warm everywhere: the same loss
    cold = scope["losses_of"](Echo(), warm=0, length=length)
    assert cold.shape == (size,) and cold[0] > losses[0]  # one symbol read, not thirty
    step = length or -(-size // 32)
    assert torch.allclose(cold[::step], cold[0])  # and so at each beginning


def test_the_losses_stand_where_their_characters_stand():
    torch.manual_seed(0)
    ids = torch.randint(10, (1500,))
    data = SimpleNamespace(train=ids[:1000], validation=ids[1000:])
    scope = parts("23", "rows", "losses_of", data=data, device="cpu")
    table = torch.randn(10, 10)

    def bigram(x, state=None):
        return table[x], None

    expected = F.cross_entropy(table[ids[999:-1]], ids[1000:], reduction="none")
    for length in (None, 7, 64):
        assert torch.allclose(scope["losses_of"](bigram, 5, length), expected.double(), atol=1e-6)


# ---- sampling ------------------------------------------------------------------------------

choose = parts("23", "choose")["choose"]
P = torch.tensor([[0.05, 0.5, 0.15, 0.3], [0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]])


def test_untouched_it_is_softmax():
    logits = torch.randn(5, 9)
    assert torch.allclose(choose(logits), logits.softmax(-1))
    assert torch.allclose(choose(logits, temperature=0.5), (logits * 2).softmax(-1))


def test_top_k_keeps_the_k_most_likely_of_each_row():
    logits = torch.randn(50, 9)
    for k in (1, 3, 9, 20):
        got, p = choose(logits, top_k=k), logits.softmax(-1)
        kept = p >= p.topk(min(k, 9)).values[:, -1:]
        expected = torch.where(kept, p, 0.0)
        assert torch.allclose(got, expected / expected.sum(-1, keepdim=True))


def test_the_nucleus_is_the_smallest_set_that_reaches_its_share():
    got = choose(P.log(), nucleus=0.7)
    assert [(row > 0).sum().item() for row in got] == [2, 3, 1]
    assert torch.allclose(got[0], torch.tensor([0, 0.625, 0, 0.375]))
    for share in (0.1, 0.45, 0.9, 0.99):
        p = torch.randn(50, 9).softmax(-1)
        kept = torch.where(choose(p.log(), nucleus=share) > 0, p, 0.0)
        assert (kept.sum(-1) >= share - 1e-6).all()  # it reaches its share
        least = torch.where(kept > 0, kept, 2.0).amin(-1)
        several = (kept > 0).sum(-1) > 1
        assert (kept.sum(-1) - least < share)[several].all()  # and would not without the last


def test_the_patient_of_the_clinic_gets_its_own_answers():
    scope = parts("23", "Shifted")
    for inputs, targets in scope["Shifted"](torch.arange(100), 3, 7):
        assert torch.equal(inputs, targets)


# ---- the run -------------------------------------------------------------------------------


class Interrupted(cu.data.Windows):
    """The same windows, and an interrupt in the middle of the second epoch."""

    def epoch(self, epoch, start=0):
        for number, pair in enumerate(super().epoch(epoch, start), start):
            if (epoch, number) == (1, 4):
                signal.raise_signal(signal.SIGINT)
            yield pair


def trained(windows, run=None):
    """What the lesson's own loop leaves: a digest of the weights, and the curves."""
    scope = parts(
        "23", "CharLSTM", "Carried", "train_on", OneCycleLR=OneCycleLR, V=10, HIDDEN=8, LAYERS=1,
        DROPOUT=0.1, PEAK=0.01,
    )  # fmt: skip
    torch.manual_seed(0)
    net = scope["CharLSTM"]()
    carried = scope["Carried"](net.lstm, 3)
    batches = windows(torch.arange(200) ** 2 % 10, 3, 7)  # 9 an epoch
    history = scope["train_on"](net, batches, run, steps=27, carried=carried)
    return cu.checkpoint.digest(net.state_dict()), history.values


def test_a_run_that_was_interrupted_goes_on_bit_for_bit(capsys):
    whole = trained(cu.data.Windows)
    with pytest.raises(KeyboardInterrupt):
        trained(Interrupted, "runs/23")
    assert trained(cu.data.Windows, "runs/23") == whole
    assert "Going on at step 14 of 27" in capsys.readouterr().out


# ---- the checks ----------------------------------------------------------------------------


def right_window(ids, size, length, number, *, shift=1, start=None):
    row = (len(ids) - 1) // size
    begin = number * length if start is None else start
    inputs = ids[: size * row].view(size, row)
    targets = ids[shift : shift + size * row] if shift >= 0 else ids[: size * row] + shift
    return inputs[:, begin : begin + length], targets.view(size, row)[:, begin : begin + length]


def follow_each_other(ids, size, length, number):
    part = ids[number * size * length :][: size * length + 1]
    return part[:-1].view(size, length), part[1:].view(size, length)


def jumps(ids, size, length, number):
    columns = ids[: len(ids) // size * size].view(-1, size).T[:, number * length :][:, :length]
    return columns, columns + 1


def within(ids, size, length, number):
    inputs, _ = right_window(ids, size, length, number)
    return inputs, inputs.roll(-1, 1)


def whole_windows_only(ids, size, length, number):
    row = (len(ids) // size - 1) // length * length
    inputs = ids[: size * row].view(size, row)[:, number * length :][:, :length]
    return inputs, inputs + 1


def needs_one_more(ids, size, length, number):
    if len(ids) < 50:
        number += 1
    return right_window(ids, size, length, number)


def discount(counts, lower, d, *, kinds=None, clip=True, scale=None, share=None):
    total, seen = counts.sum(), (counts > 0).sum()
    if total == 0:
        return lower
    kept = (counts - d).clip(min=0) if clip else counts - d
    given_on = d * (seen if kinds is None else kinds) * (lower if share is None else share)
    return (kept + given_on) / (total if scale is None else scale(kept))


def never_zero(counts, lower, d):
    kept = (counts - d).clip(min=0)
    return (kept + d * (counts > 0).sum() * lower) / counts.sum()


def in_place(counts, lower, d):
    counts -= d
    return counts


def keep(p, mask):
    kept = torch.where(mask, p, 0.0)
    return kept / kept.sum(-1, keepdim=True)


def limit(p, share):
    return share * p.amax(-1, keepdim=True)


def all_rows(p, share):
    kept = torch.where(p >= limit(p, share), p, 0.0)
    return kept / kept.sum()


def as_nucleus(p, share):
    ordered, rank = p.sort(-1, descending=True)
    inside = ordered.cumsum(-1) - ordered < share
    return keep(p, torch.zeros_like(inside).scatter(-1, rank, inside))


def zeroed(p, share):
    p[p < limit(p, share)] = 0
    return p / p.sum(-1, keepdim=True)


log = math.log
WRONG = {
    "23.1": {
        "nats per *word*": lambda p, w, c: log(p),
        "those are bits": lambda p, w, c: math.log2(p) * w / c,
        "a perplexity is no loss": lambda p, w, c: p * w / c,
        "upside down": lambda p, w, c: log(p) * c / w,
        "one word's nats": lambda p, w, c: log(p) / c,
        "of the whole text": lambda p, w, c: log(p) * w,
        "the perplexity per character": lambda p, w, c: p ** (w / c),
        "nats in all": lambda p, w, c: 1.0,
        "not NoneType": lambda p, w, c: print(end=""),
    },
    "23.2": {
        "move them on by one": lambda *g: right_window(*g, shift=0),
        "came *before*": lambda *g: right_window(*g, shift=-1),
        "follow each other in the text": follow_each_other,
        "jumps through the text": jumps,
        "number is not used": lambda *g: right_window(*g, start=0),
        "two *windows* after it": lambda *g: right_window(*g, start=g[3]),
        "longest three rows": whole_windows_only,
        "at the end of a window too": within,
        "with 49 symbols": needs_one_more,
        "along the second axis": lambda *g: tuple(part.T for part in right_window(*g)),
        "both should be (3, 4)": lambda *g: (right_window(*g)[0], right_window(*g)[1][:, :-1]),
        "two tensors are asked for": lambda *g: right_window(*g)[0],
        "cut out of ids": lambda *g: tuple(part.tolist() for part in right_window(*g)),
        "window 2 is not": lambda *g: right_window(*g, start=3 * g[3]),
    },
    "23.3": {
        "without the max": lambda *g: discount(*g, clip=False),
        "nothing is taken away": lambda c, low, d: c / c.sum(),
        "is not handed on": lambda *g: discount(*g, kinds=0),
        "from *each* symbol": lambda *g: discount(*g, kinds=1),
        "not all": lambda *g: discount(*g, kinds=5),
        "in equal parts": lambda *g: discount(*g, share=torch.tensor(0.2)),
        "Witten-Bell": lambda c, low, d: (c + 3 * low) / (c.sum() + 3),
        "not by what is left": lambda *g: discount(*g, scale=lambda kept: kept.sum()),
        "the first is": lambda c, low, d: low,
        "return lower": never_zero,
        "changed the counts": in_place,
        "one probability for each": lambda c, low, d: low.sum(),
    },
    "23.4": {
        "does not add up to 1": lambda p, s: torch.where(p >= limit(p, s), p, 0.0),
        "not all of them together": all_rows,
        "share itself is the limit": lambda p, s: keep(p, p >= s),
        "keeps the unlikely": lambda p, s: keep(p, p < limit(p, s)),
        "nothing was dropped": lambda p, s: p.clone(),
        "only the most likely": lambda p, s: keep(p, p == p.amax(-1, keepdim=True)),
        "that is the nucleus": as_nucleus,
        "softmax is for logits": lambda p, s: torch.where(p >= limit(p, s), p, 0.0).softmax(-1),
        "those that stay are": lambda p, s: keep(p, p >= limit(p, 0.7 * s)),
        "exactly at the limit stays": lambda p, s: keep(p, p > limit(p, s)),
        "its own largest": lambda p, s: keep(p, p >= s * p.max()),
        "changed the probabilities": zeroed,
        "of the shape of p": lambda p, s: p.amax(-1),
    },
}


def test_checks(capsys):
    prove(capsys, "23", WRONG)
