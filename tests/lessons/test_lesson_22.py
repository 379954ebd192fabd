"""Lesson 22's cells against nn.LSTM and nn.GRU, its task, its gates; its checks know mistakes."""

import math

import pytest
import torch
from exercises import parts, prove
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

SIZES = st.integers(1, 6)


LESSON = parts(
    "22",
    *("uniform", "LSTM", "GRU", "to_library", "from_library", "draw", "unequal", "Fresh"),
    *("slow_gates", "memory"),
    **{"MAIN": 30, "CHANCE": 1 / 6, "BATCH": 4, "EVERY": 3},
)


def states_of(layer, x):
    found = layer(x)
    return found[0] if isinstance(found, tuple) else found


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
    mine, theirs = states_of(ours, x), states_of(library, x)
    assert torch.allclose(mine, theirs, atol=1e-12)
    (mine**2).sum().backward()
    slope, x.grad = x.grad, None
    (theirs**2).sum().backward()
    assert torch.allclose(slope, x.grad, atol=1e-11)
    assert torch.allclose(ours.W.grad, library.weight_ih_l0.grad, atol=1e-11)
    assert torch.allclose(ours.U.grad, library.weight_hh_l0.grad, atol=1e-11)
    assert torch.allclose(ours.b.grad, library.bias_ih_l0.grad, atol=1e-11)


def test_weights_go_there_and_back():
    for kind in ("LSTM", "GRU"):
        first, second = LESSON[kind](3, 5), LESSON[kind](3, 5)
        library = getattr(nn, kind)(3, 5, batch_first=True)
        LESSON["to_library"](first, library)
        LESSON["from_library"](second, library)
        pairs = zip(first.parameters(), second.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


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


def test_unequal_sequences_are_marked_where_they_are_real():
    x, lengths, y = LESSON["unequal"](2000, 0, shortest=5)
    assert lengths.min() == 5 and lengths.max() == 30
    real = torch.arange(30) < lengths[:, None]
    assert x[~real].abs().max() == 0
    assert bool((x[:, :, 1].sum(1) == 2).all())
    assert torch.allclose(x.prod(2).sum(1), y)


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


def logit(f):
    return math.log(f / (1 - f))


def gru(x, h, W, U, b, *, n=None, new=None):
    """The first GRU's step, with its new value or its sum replaced."""
    r, z, n_x = (x @ W.T + b).chunk(3, 1)
    U_r, U_z, U_n = U.chunk(3)
    r, z = (r + h @ U_r.T).sigmoid(), (z + h @ U_z.T).sigmoid()
    value = n(n_x, r, h, U_n) if n else (n_x + (r * h) @ U_n.T).tanh()
    return new(z, value, h) if new else (1 - z) * value + z * h


def swapped(x, h, W, U, b):
    parts = [torch.cat([part.chunk(3)[k] for k in (1, 0, 2)]) for part in (W, U, b)]
    return gru(x, h, *parts)


def each_reversed(x, lengths, less=0):
    result = x.clone()
    for row, length in enumerate((lengths - less).tolist()):
        result[row, :length] = x[row, :length].flip(0)
    return result


def in_place(x, lengths):
    for row, length in enumerate(lengths.tolist()):
        x[row, :length] = x[row, :length].flip(0)
    return x


def without_padding(x, lengths):
    real = torch.arange(x.shape[1]) < lengths[:, None]
    return each_reversed(x, lengths) * real[:, :, None]


def mean_of_real(states, lengths):
    real = torch.arange(states.shape[1]) < lengths[:, None]
    return (states * real[:, :, None]).sum(1) / lengths[:, None]


def at(shift):
    def picked(states, lengths):
        return states[torch.arange(len(states)), lengths + shift]

    return picked


WRONG = {
    "22.1": {
        "that is the gate f": lambda k, s: s ** (1 / k),
        "the sign is wrong": lambda k, s: -logit(s ** (1 / k)),
        "for *one* step": lambda k, s: logit(s),
        "go the other way": lambda k, s: 1 / (1 + math.exp(-(s ** (1 / k)))),
        "undoes an exponential": lambda k, s: math.log(s) / k,
        "the same *share*": lambda k, s: logit(1 - (1 - s) / k),
        "a rule of thumb": lambda k, s: math.log(k),
        "whose gate keeps": lambda k, s: 3.0,
        "not NoneType": lambda k, s: print(end=""),
        "of shape (2,)": lambda k, s: torch.tensor([1.0, 2.0]),
        "ZeroDivisionError": lambda k, s: 1 / 0,
    },
    "22.2": {
        "that is PyTorch's GRU": lambda *a: gru(
            *a, n=lambda n, r, h, U: (n + r * (h @ U.T)).tanh()
        ),
        "z and 1 - z are exchanged": lambda *a: gru(*a, new=lambda z, n, h: z * n + (1 - z) * h),
        "r and z are exchanged": swapped,
        "reset gate is missing": lambda *a: gru(*a, n=lambda n, r, h, U: (n + h @ U.T).tanh()),
        "lacks its tanh": lambda *a: gru(*a, n=lambda n, r, h, U: n + (r * h) @ U.T),
        "the old state is missing": lambda *a: gru(*a, new=lambda z, n, h: (1 - z) * n),
        "biases b are not added": lambda x, h, W, U, b: gru(x, h, W, U, 0 * b),
        "Compare term by term": lambda x, h, W, U, b: h,
        "of shape (5, 4), not Tensor of shape (5, 12)": lambda x, h, W, U, b: x @ W.T + b,
        "not tuple": lambda *a: (gru(*a), a[1]),
    },
    "22.3": {
        "last step of the batch": lambda states, lengths: states[:, -1],
        "one step too far": at(0),
        "one step too early": at(-2),
        "Only the last one is asked for": mean_of_real,
        "pairs every row with every length": lambda states, lengths: states[:, lengths - 1],
        "the first step of each row": lambda states, lengths: states[:, 0],
        "at the shortest one's end": lambda states, lengths: states[:, lengths.min() - 1],
        "not the states at the rows' last steps": lambda states, lengths: states.sum(1),
        "not list": lambda states, lengths: [
            s[n - 1] for s, n in zip(states, lengths, strict=True)
        ],
        "IndexError": lambda states, lengths: states[lengths],
    },
    "22.4": {
        "begin with their padding": lambda x, lengths: x.flip(1),
        "nothing is reversed": lambda x, lengths: x.clone(),
        "order of the batch": lambda x, lengths: x.flip(0),
        "features of a step": lambda x, lengths: x.flip(2),
        "one step too few": lambda x, lengths: each_reversed(x, lengths, less=1),
        "it changed the tensor": in_place,
        "not as it was": without_padding,
        "not in reversed order": lambda x, lengths: x.roll(1, 1),
        "should be a tensor of shape (3, 5, 2)": lambda x, lengths: x[:, :2],
    },
}


def test_checks(capsys):
    prove(capsys, "22", WRONG)
