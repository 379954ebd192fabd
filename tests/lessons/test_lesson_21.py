"""Lesson 21's own network against autograd and nn.RNN."""

import numpy as np
import pytest
import torch
from exercises import parts
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

LESSON = parts("21", symbols="abc", HIDDEN=4)
sizes = st.integers(1, 7)


@settings(deadline=None, max_examples=60)
@given(T=sizes, B=sizes, V=st.integers(2, 7), H=sizes, seed=st.integers(0, 1000))
def test_states_loss_and_gradients_are_pytorchs(T, B, V, H, seed):
    rng = np.random.default_rng(seed)
    p = LESSON["new_network"](seed, V, H)
    x, targets = np.eye(V)[rng.integers(V, size=(T, B))], rng.integers(V, size=(T, B))
    real = rng.random((T, B)) < 0.7
    real[0, 0] = True
    rnn, head = nn.RNN(V, H).double(), nn.Linear(H, V).double()
    names = {"W_x": rnn.weight_ih_l0, "W_h": rnn.weight_hh_l0, "b": rnn.bias_ih_l0,
             "W_y": head.weight, "c": head.bias}  # fmt: skip
    with torch.no_grad():
        rnn.bias_hh_l0.zero_()
        for name, parameter in names.items():
            parameter.copy_(torch.tensor(p[name]))
    hidden, logits = LESSON["forward"](p, x)
    loss, slopes = LESSON["cross_entropy"](logits, targets, real)
    ours = LESSON["backward"](p, x, hidden, slopes)
    states, _ = rnn(torch.tensor(x))
    theirs = nn.functional.cross_entropy(head(states)[real], torch.tensor(targets[real]))
    theirs.backward()
    assert np.abs(hidden[1:] - states.detach().numpy()).max() < 1e-9
    assert abs(loss - theirs.item()) < 1e-9
    for name, parameter in names.items():
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


@pytest.mark.parametrize("back", [2, 5])
def test_a_rate_on_names_is_that_of_autograds_gradients(back):
    names = ["abcab", "cacabcb", "ab", "bbacca"]
    scope = parts("21", "new_network", "forward", "encode", "lengths", "rate_on_names",
                  symbols=".abc", HIDDEN=4, WIDTH=9, BACK=back, SETTLE=1)  # fmt: skip
    p = scope["new_network"](0)
    rnn = nn.RNN(4, 4).double()
    with torch.no_grad():
        rnn.bias_hh_l0.zero_()
        for name, own in zip(("W_x", "W_h", "b"), rnn.parameters(), strict=False):
            own.copy_(torch.tensor(p[name]))
    long = [name for name in names if len(name) >= back]
    starts = np.random.default_rng(0).normal(size=(len(long), 4))
    logs = []
    for name, g in zip(long, starts, strict=True):
        states = [torch.zeros(1, 4, dtype=torch.float64)]
        for c in f".{name}":
            x = torch.eye(4, dtype=torch.float64)[[".abc".index(c)]]
            states.append(rnn(x, states[-1].requires_grad_())[1])
        grads = torch.autograd.grad((states[-1][0] * torch.tensor(g)).sum(), states)
        logs.append([grads[-1 - k].norm().log().item() for k in (1, back)])
    slope = np.diff(np.mean(logs, 0)).item() / (back - 1)
    assert abs(scope["rate_on_names"](p, names) - np.exp(slope)) < 1e-9
