"""Many small GRUs side by side, one for each repeat of a score."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


class GRUs(nn.Module):
    """R networks at once: one layer of GRU cells, and a linear layer that reads their states.

    The cell is PyTorch's: r, z = σ(W x + b + U h), n = tanh(W x + b + r (U h + c)) and
    h' = (1 − z) n + z h. Nothing is shared: network i is what it would be alone. The weights
    start as in Keras, in which TimeGAN's critic is written: Glorot's uniform, orthogonal
    for U, and zeros for the biases. Batches come last in every tensor, so that the numbers of a
    gate lie together in memory; with a few units that, and no bookkeeping in the loop over time,
    makes ten networks about as fast as PyTorch makes one.

    Args:
        inputs: features of a step, F.
        units: of the state, H.
        seeds: one for each network; equal seeds give equal weights.
    """

    def __init__(self, inputs: int, units: int, seeds: Sequence[int]) -> None:
        super().__init__()
        drawn = [_weights(inputs, units, torch.Generator().manual_seed(seed)) for seed in seeds]
        self.W, self.U, self.read = (
            nn.Parameter(torch.stack(parts)) for parts in zip(*drawn, strict=True)
        )  # (R, 3H, F), (R, 3H, H), (R, 1, H)
        networks = len(seeds)
        self.b = nn.Parameter(torch.zeros(networks, 3 * units, 1))
        self.c = nn.Parameter(torch.zeros(networks, units, 1, 1))
        self.offset = nn.Parameter(torch.zeros(networks, 1, 1))

    def forward(self, x: torch.Tensor, last: bool = False) -> torch.Tensor:
        """(R, F, T, B) -> what is read off the state: (R, T, B), or (R, 1, B) of the last step."""
        networks, _, steps, size = x.shape
        gates = torch.baddbmm(self.b, self.W, x.flatten(2)).view(networks, -1, steps, size)
        states = _Unrolled.apply(gates, self.U, self.c)  # (R, H, T, B)
        if last:
            states, steps = states[:, :, -1:], 1
        read = torch.baddbmm(self.offset, self.read, states.flatten(2))  # (R, 1, T · B)
        return read.view(networks, steps, size)


def _weights(inputs: int, units: int, source: torch.Generator) -> tuple[torch.Tensor, ...]:
    W, read = torch.empty(3 * units, inputs), torch.empty(1, units)
    nn.init.xavier_uniform_(W, generator=source)
    nn.init.xavier_uniform_(read, generator=source)
    U = nn.init.orthogonal_(torch.empty(3 * units, units), generator=source)
    return W, U, read


class _Unrolled(torch.autograd.Function):
    """The recurrence over time and its gradient, written out: few operations a step, all in place.

    Going back, all that does not depend on the gradient of the state is computed for every step
    at once; what is left for the loop is one product by each step's factors and one by U.
    """

    @staticmethod
    def forward(ctx: Any, gates: torch.Tensor, U: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        """Gates W x + b (R, 3H, T, B), U (R, 3H, H), c (R, H, 1, 1) -> states (R, H, T, B)."""
        networks, units, (steps, size) = len(U), U.shape[2], gates.shape[2:]
        A = gates.clone()  # becomes r, z and U h + c
        A[:, 2 * units :] = c
        N = gates.new_empty(networks, units, steps, size)
        H = gates.new_zeros(networks, units, steps + 1, size)
        r, z, new = (part.unbind(2) for part in A.split(units, 1))
        both, own = A[:, : 2 * units].unbind(2), gates[:, 2 * units :].unbind(2)
        a, n, h = A.unbind(2), N.unbind(2), H.unbind(2)
        for t in range(steps):
            a[t].baddbmm_(U, h[t])
            both[t].sigmoid_()
            torch.addcmul(own[t], r[t], new[t], out=n[t]).tanh_()
            torch.lerp(n[t], h[t], z[t], out=h[t + 1])
        ctx.save_for_backward(U, A, N, H)
        return H[:, :, 1:]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """From the gradient of the states, those of the gates, of U and of c."""
        U, A, N, H = ctx.saved_tensors
        networks, units, steps, size = N.shape
        r, z, new = A.split(units, 1)
        before, slope = H[:, :, :-1], (1 - z) * (1 - N * N)
        K = N.new_empty(networks, 3, units, steps, size)  # factors of the gradient, by gate
        torch.mul(slope, r, out=K[:, 2])
        torch.mul(K[:, 2] * (1 - r), new, out=K[:, 0])
        torch.mul(before - N, z * (1 - z), out=K[:, 1])
        D = torch.empty_like(N)  # of the states, through all that follows
        d, wide, k = D.unbind(2), D[:, None].unbind(3), K.unbind(3)
        through, keep, g = K.view(networks, -1, steps, size).unbind(2), z.unbind(2), grad.unbind(2)
        carried, back = torch.zeros_like(d[0]), U.transpose(1, 2)
        for t in reversed(range(steps)):
            torch.add(carried, g[t], out=d[t])
            k[t].mul_(wide[t])
            carried = torch.baddbmm(d[t] * keep[t], back, through[t])
        of_U = K.view(networks, 3 * units, -1) @ before.flatten(2).transpose(1, 2)
        of_c = K[:, 2].sum((2, 3)).view(networks, units, 1, 1)
        K[:, 2] = D * slope
        return K.view(networks, -1, steps, size), of_U, of_c
