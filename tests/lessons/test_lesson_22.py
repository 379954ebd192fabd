"""Lesson 22's cells against nn.LSTM and nn.GRU, its task, its gates."""

import pytest
import torch
from exercises import parts
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

LESSON = parts(
    "22", "uniform", "LSTM", "GRU", "to_library", "from_library", "draw", "draw_1997", "Fresh",
    "slow_gates", "memory", MAIN=30, CHANCE=1 / 6, BATCH=4, EVERY=3,
)  # fmt: skip
SIZES = st.integers(1, 6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("way", ["to_library", "from_library"])
@settings(deadline=None, max_examples=25)
@given(B=SIZES, T=SIZES, D=SIZES, H=SIZES, seed=st.integers(0, 1000))
def test_states_and_gradients_are_pytorchs(kind, way, B, T, D, H, seed):
    torch.manual_seed(seed)
    ours = LESSON[kind](D, H).double()
    library = getattr(nn, kind)(D, H, batch_first=True).double()
    LESSON[way](ours, library)
    x = torch.randn(B, T, D, dtype=torch.double, requires_grad=True)
    found = ours(x)
    mine, theirs = found[0] if isinstance(found, tuple) else found, library(x)[0]
    assert torch.allclose(mine, theirs, atol=1e-12)
    own = torch.autograd.grad((mine**2).sum(), [x, ours.W, ours.U, ours.b])
    leaves = x, library.weight_ih_l0, library.weight_hh_l0, library.bias_ih_l0
    pairs = zip(own, torch.autograd.grad((theirs**2).sum(), leaves), strict=True)
    assert all(torch.allclose(*pair, atol=1e-11) for pair in pairs)


def test_sums_have_two_marks_and_the_variance_of_chance():
    x, y = LESSON["draw"](12, 20_000, 0)
    assert x.shape == (20_000, 12, 2) and y.shape == (20_000,)
    numbers, marks = x.unbind(2)
    assert bool((marks.sum(1) == 2).all()) and set(marks.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose((numbers * marks).sum(1), y)
    assert abs(((y - 1) ** 2).mean().item() - 1 / 6) < 0.005
    assert marks.mean(0).sub(2 / 12).abs().max() < 0.02  # every place alike


def test_memory_inverts_the_error_of_a_network_that_keeps_k_steps():
    T, k = 20, 7
    x, y = LESSON["draw"](T, 50_000, 1)
    numbers, marks = x[:, -k:].unbind(2)
    best = (numbers * marks).sum(1) + 0.5 * (2 - marks.sum(1))  # the mean for what is not seen
    assert abs(LESSON["memory"](((y - best) ** 2).mean().item(), T) - k) < 0.3
    assert LESSON["memory"](0.2, T) == 0


def test_the_problem_of_1997_is_as_the_paper_has_it():
    x, lengths, y = LESSON["draw_1997"](40, 4000, 0)
    assert x.shape == (4000, 44, 2) and lengths.min() == 40 and lengths.max() == 44
    assert x[torch.arange(44) >= lengths[:, None]].abs().max() == 0
    for (numbers, marks), n, right in zip(x.mT, lengths.tolist(), y.tolist(), strict=True):
        places = (marks == 1).nonzero()[:, 0].tolist()
        assert len(places) == 2 and places[0] < 10 and places[1] < 20
        assert marks[n - 1] == -1 and marks[0] == (1 if 0 in places else -1)
        assert (marks != 0).sum() == (3 if 0 in places else 4)
        assert numbers[0] == 0 or 0 not in places
        assert abs(0.5 + numbers[places].sum().item() / 4 - right) < 1e-6
    assert -1 <= x[..., 0].min() < -0.99 and 0.99 < x[..., 0].max() <= 1


def test_fresh_batches_are_the_same_each_time_and_differ_from_each_other():
    fresh = LESSON["Fresh"](lambda size, seed: LESSON["draw"](8, size, seed), 5)
    assert len(fresh) == 3
    first, again = list(fresh.epoch(2)), list(fresh.epoch(2))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert torch.equal(next(fresh.epoch(2, start=1))[0], first[1][0])
    drawn = [x for epoch in range(4) for x, _ in fresh.epoch(epoch)]
    assert len({x.sum().item() for x in drawn}) == len(drawn)


def test_slow_gates_hold_for_times_up_to_the_length():
    torch.manual_seed(0)
    lstm = LESSON["slow_gates"](nn.LSTM(2, 400, batch_first=True), 100)
    bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
    assert torch.equal(bias[:400], -bias[400:800])
    times = bias[400:800].exp()
    assert times.min() >= 1 and times.max() <= 99 and abs(times.mean() - 50) < 5
