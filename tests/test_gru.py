"""The batched GRU against PyTorch's own, forwards and backwards."""

import math

import numpy as np
import pytest
import torch
from synthetic import noise
from torch import nn

from course_utils.metrics.sequences.gru import GRUs


def filled(networks, features, units):
    nets = GRUs(features, units, range(networks)).double()
    for number, weights in enumerate(nets.parameters()):
        shape = weights.shape
        weights.data = torch.from_numpy(np.random.default_rng(number).normal(size=shape))
    return nets


def alone(nets, i):
    """Network i in PyTorch's own layers."""
    units = nets.U.shape[2]
    gru = nn.GRU(nets.W.shape[2], units, batch_first=True).double()
    head = nn.Linear(units, 1).double()
    with torch.no_grad():
        gru.weight_ih_l0.copy_(nets.W[i])
        gru.weight_hh_l0.copy_(nets.U[i])
        gru.bias_ih_l0.copy_(nets.b[i, :, 0])
        gru.bias_hh_l0.zero_()[2 * units :] = nets.c[i, :, 0, 0]
        head.weight.copy_(nets.read[i])
        head.bias.copy_(nets.offset[i, 0])
    return gru, head


@pytest.mark.parametrize(("features", "units", "last"), [(3, 4, False), (1, 1, True), (5, 2, True)])
def test_each_network_is_pytorchs_gru_forwards_and_backwards(features, units, last):
    nets = filled(3, features, units)
    x, weights = noise(3, features, 6, 7).double(), noise(3, 6, 7, seed=1).double()
    read = nets(x, last=last)
    (read * weights[:, -read.shape[1] :]).sum().backward()
    for i in range(3):
        gru, head = alone(nets, i)
        expected = head(gru(x[i].permute(2, 1, 0))[0])[..., 0].T  # (T, B)
        expected = expected[-1:] if last else expected
        assert torch.allclose(read[i], expected, atol=1e-10)
        (expected * weights[i, -len(expected) :]).sum().backward()
        pairs = [
            (nets.W, gru.weight_ih_l0.grad), (nets.U, gru.weight_hh_l0.grad),
            (nets.b, gru.bias_ih_l0.grad[:, None]), (nets.read, head.weight.grad),
            (nets.c, gru.bias_hh_l0.grad[2 * units :, None, None]),
            (nets.offset, head.bias.grad[:, None]),
        ]  # fmt: skip
        for ours, theirs in pairs:
            assert torch.allclose(ours.grad[i], theirs, atol=1e-10)


def test_equal_seeds_give_equal_weights_and_leave_the_global_ones():
    before = torch.get_rng_state()
    nets = GRUs(3, 4, [7, 8, 7])
    assert torch.equal(before, torch.get_rng_state())
    for weights in (nets.W, nets.U, nets.read):
        assert torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[1])
    assert torch.allclose(nets.U[0].T @ nets.U[0], torch.eye(4), atol=1e-5)
    assert nets.W.abs().max() <= math.sqrt(6 / (3 + 12)) and not nets.b.any()
