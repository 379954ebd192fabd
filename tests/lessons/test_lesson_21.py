"""Lesson 21's own network against autograd and nn.RNN; its checks know wrong answers apart."""

import math

import numpy as np
import torch
from exercises import parts, prove
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

LESSON = parts(
    "21", "new_network", "forward", "cross_entropy", "backward", "lengths",
    symbols="abc", HIDDEN=4,
)  # fmt: skip
sizes = st.integers(1, 7)


def case(T, B, V, H, seed):
    """A network of the lesson, a batch, and PyTorch's own layers with the same weights."""
    rng = np.random.default_rng(seed)
    p = LESSON["new_network"](seed, V, H)
    x, targets = np.eye(V)[rng.integers(V, size=(T, B))], rng.integers(V, size=(T, B))
    real = rng.random((T, B)) < 0.7
    real[0, 0] = True
    rnn, head = nn.RNN(V, H).double(), nn.Linear(H, V).double()
    with torch.no_grad():
        for parameter, array in (
            (rnn.weight_ih_l0, p["W_x"]), (rnn.weight_hh_l0, p["W_h"]), (rnn.bias_ih_l0, p["b"]),
            (rnn.bias_hh_l0, 0 * p["b"]), (head.weight, p["W_y"]), (head.bias, p["c"]),
        ):  # fmt: skip
            parameter.copy_(torch.tensor(array))
    return p, x, targets, real, rnn, head


@settings(deadline=None, max_examples=60)
@given(T=sizes, B=sizes, V=st.integers(2, 7), H=sizes, seed=st.integers(0, 1000))
def test_states_loss_and_gradients_are_pytorchs(T, B, V, H, seed):
    p, x, targets, real, rnn, head = case(T, B, V, H, seed)
    hidden, logits = LESSON["forward"](p, x)
    loss, slopes = LESSON["cross_entropy"](logits, targets, real)
    ours = LESSON["backward"](p, x, hidden, slopes)
    states, _ = rnn(torch.tensor(x))
    theirs = nn.functional.cross_entropy(
        head(states)[torch.tensor(real)], torch.tensor(targets[real])
    )
    theirs.backward()
    expected = {
        "W_x": rnn.weight_ih_l0, "W_h": rnn.weight_hh_l0, "b": rnn.bias_ih_l0,
        "W_y": head.weight, "c": head.bias,
    }  # fmt: skip
    assert np.abs(hidden[1:] - states.detach().numpy()).max() < 1e-9
    assert abs(loss - theirs.item()) < 1e-9
    for name, parameter in expected.items():
        assert np.abs(ours[name] - parameter.grad.numpy()).max() < 1e-9, name


@settings(deadline=None, max_examples=30)
@given(T=sizes, H=sizes, seed=st.integers(0, 1000))
def test_lengths_are_the_norms_of_autograds_gradients(T, H, seed):
    rng = np.random.default_rng(seed)
    W, g = rng.normal(size=(1, H, H)), rng.normal(size=(1, H))
    states = [torch.tensor(rng.normal(size=H), requires_grad=True)]
    for _ in range(T):
        states.append(torch.tanh(torch.tensor(W[0]) @ states[-1]))
    gradients = torch.autograd.grad((states[-1] * torch.tensor(g[0])).sum(), states)
    slopes = np.array([1 - h.detach().numpy() ** 2 for h in states[:0:-1]])[:, None]  # newest first
    expected = [gradient.norm().item() for gradient in gradients[::-1]]
    assert np.allclose(LESSON["lengths"](W, slopes, g)[:, 0], expected, atol=1e-9)


def masked(losses, lengths):
    return losses[np.arange(losses.shape[1]) < np.array(lengths)[:, None]]


def per_name(losses, lengths):
    rows = zip(losses, lengths, strict=True)
    return np.mean([row[:length].mean() for row, length in rows])


def steps(radius, share):
    return math.inf if radius >= 1 else math.ceil(math.log(share) / math.log(radius))


def norm_of(gradients):
    return sum((g**2).sum() for g in gradients) ** 0.5


def each(gradients, limit):
    return [g * limit / np.linalg.norm(g) for g in gradients]


def in_place(gradients, limit):
    for g in gradients:
        g *= limit / 10
    return gradients


def by_added_norms(gradients, limit):
    return [g * limit / sum(np.linalg.norm(h) for h in gradients) for g in gradients]


def back(d_h, z, before, W, leak, *, slope=None, straight=None, factor=None):
    """The right way back, with one of its three parts replaced."""
    alpha = (leak if factor is None else factor) * d_h * (1 - z**2 if slope is None else slope)
    return alpha.T @ before, (1 - leak if straight is None else straight) * d_h + alpha @ W


def mean_of_batch(d_h, z, before, W, leak):
    d_W, d_before = back(d_h, z, before, W, leak)
    return d_W / len(d_h), d_before


def through_transposed(d_h, z, before, W, leak):
    return back(d_h, z, before, W, leak)[0], back(d_h, z, before, W.T, leak)[1]


WRONG = {
    "21.1": {
        "behind the names' ends": lambda losses, lengths: losses.mean(),
        "divided by all places": lambda losses, n: masked(losses, n).sum() / losses.size,
        "mean of the names' means": per_name,
        "nats per *name*": lambda losses, n: masked(losses, n).sum() / len(n),
        "where is the mean?": lambda losses, n: masked(losses, n).sum(),
        "last character of each name": lambda losses, n: masked(losses, n - 1).mean(),
        "those are bits": lambda losses, n: masked(losses, n).mean() / math.log(2),
        "the real characters' mean is": lambda losses, n: masked(losses, n).mean() + 1,
        "of shape (4,)": lambda losses, n: losses.mean(1),
        "not NoneType": lambda losses, n: print(end=""),
    },
    "21.2": {
        "Which way must it be rounded?": lambda r, s: math.log(s) / math.log(r),
        "one step too few": lambda r, s: int(math.log(s) / math.log(r)),
        "one step too many": lambda r, s: steps(r, s) + 1,
        "upside down": lambda r, s: math.log(r) / math.log(s),
        "is positive": lambda r, s: -steps(r, s),
        "the same *share*": lambda r, s: math.ceil((1 - s) / (1 - r)),
        "to the power of 44": lambda r, s: 10,
        "return math.inf": lambda r, s: math.ceil(math.log(s) / math.log(r)),
    },
    "21.3": {
        "which turns the direction": lambda gs, limit: [g.clip(-limit, limit) for g in gs],
        "a norm of its own": each,
        "take the root.": lambda gs, limit: [g * limit / norm_of(gs) ** 2 for g in gs],
        "do not add up": by_added_norms,
        "whatever the limit is": lambda gs, limit: [g / norm_of(gs) for g in gs],
        "nothing was clipped": lambda gs, limit: [g.copy() for g in gs],
        "upside down": lambda gs, limit: [g * norm_of(gs) / limit for g in gs],
        "is made longer": lambda gs, limit: [g * limit / norm_of(gs) for g in gs],
        "it changed the arrays": in_place,
        "of the same shapes": lambda gs, limit: norm_of(gs),
        "all ratios as before": lambda gs, limit: [g / 3 for g in gs],
    },
    "21.4": {
        "slope of tanh is missing": lambda d, z, h, W, a: back(d, z, h, W, a, slope=1),
        "not 1 - z.": lambda d, z, h, W, a: back(d, z, h, W, a, slope=1 - z),
        "The straight way, which": lambda d, z, h, W, a: back(d, z, h, W, a, straight=0),
        "has that factor too": lambda d, z, h, W, a: back(d, z, h, W, a, factor=1),
        "is not free": lambda d, z, h, W, a: back(d, z, h, W, a, straight=1),
        "is transposed": lambda d, z, h, W, a: (
            back(d, z, h, W, a)[0].T, back(d, z, h, W, a)[1],
        ),
        "forward went through W.T": through_transposed,
        "sum over the batch; the loss": mean_of_batch,
        "in the other order": lambda *given: back(*given)[::-1],
        "two arrays are asked for": lambda *given: back(*given)[1],
        "the shapes are": lambda *given: (back(*given)[0], back(*given)[1].sum(0)),
        "not autograd's. Is it": lambda *given: (0 * given[3], back(*given)[1]),
        "right at W": lambda *given: (back(*given)[0], given[0]),
    },
}  # fmt: skip


def test_checks(capsys):
    prove(capsys, "21", WRONG)
