"""The checks of lesson 22: a forget gate's bias, the first GRU, last states, reversed sequences."""

import math
from collections.abc import Callable
from typing import Any

import torch

from . import require

HINTS = {
    "22.1": (
        "First the gate: which f has f ** steps = share? Then the bias whose sigmoid is that f.",
        "f = share ** (1 / steps); the bias is log(f / (1 - f)).",
    ),
    "22.2": (
        "Only the new value differs from the lesson's GRU: its matrix sees r * h instead of h.",
        "Cut U into U_r, U_z, U_n with U.chunk(3); then n = tanh(W_n x + b_n + (r * h) @ U_n.T).",
    ),
    "22.3": (
        "Row k ends at step lengths[k] - 1, counted from 0. Each row needs a step of its own.",
        "Index with two tensors: states[torch.arange(len(states)), lengths - 1].",
    ),
    "22.4": (
        "Row by row: turn the first lengths[k] steps round, and leave the rest where it is.",
        "result = x.clone(); then for each row result[k, :n] = x[k, :n].flip(0).",
    ),
}


def forget_bias(answer: Callable) -> str:
    cases = [(10, 0.5), (100, 0.5), (100, 0.9), (3, 0.01), (1, 0.3)]
    got = [answer(*case) for case in cases]
    single = all(_is_number(value) for value in got)
    require(single, f"one number is asked for, not {_described(got[0])}.")
    gates = [share ** (1 / steps) for steps, share in cases]

    def like(other: Callable[[float, float, float], float]) -> bool:
        """Whether the answers are those of a formula of the steps, the share and the gate."""
        pairs = zip(cases, gates, strict=True)
        expected = [other(steps, share, f) for (steps, share), f in pairs]
        return all(
            math.isclose(g, e, rel_tol=1e-4, abs_tol=1e-6)
            for g, e in zip(got, expected, strict=True)
        )

    require(not like(lambda k, s, f: f), "that is the gate f. Which bias has it as its sigmoid?")
    require(
        not like(lambda k, s, f: math.log((1 - f) / f)),
        "the sign is wrong: this gate keeps what it should forget. A gate near 1 has a positive "
        "bias.",
    )
    require(
        not like(lambda k, s, f: _logit(s)),
        "that gate keeps the share for *one* step. After several steps it has been multiplied "
        "several times.",
    )
    require(
        not like(lambda k, s, f: 1 / (1 + math.exp(-f))),
        "the sigmoid goes from the bias to the gate. You have the gate; go the other way.",
    )
    require(
        not like(lambda k, s, f: math.log(f)),
        "log(f) undoes an exponential. The inverse of the sigmoid is another one.",
    )
    linear = [1 - (1 - share) / steps for steps, share in cases]
    require(
        not all(math.isclose(g, _logit(f), rel_tol=1e-4) for g, f in zip(got, linear, strict=True)
                if f < 1),
        "it takes the same *amount* away at each step; a gate takes the same *share*.",
    )  # fmt: skip
    require(
        not like(lambda k, s, f: math.log(k)),
        "ln(steps) is a rule of thumb for tasks of that length. Here the share is given: be exact.",
    )
    require(
        like(lambda k, s, f: _logit(f)),
        f"for 100 steps and a share of 0.5 it gives {got[1]:.4g}, whose gate keeps "
        f"{_kept(got[1], 100):.3g} of a number.",
    )
    return "its gate keeps what was asked for: 4.97 for a half over 100 steps."


def first_gru(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    x, h, W, U, b = (
        torch.randn(*shape, generator=generator)
        for shape in ((5, 3), (5, 4), (12, 3), (12, 4), (12,))
    )
    got = answer(x.clone(), h.clone(), W.clone(), U.clone(), b.clone())
    _shaped(got, (5, 4), "the new state")

    def like(**changes: Any) -> bool:
        return torch.allclose(got, _gru(x, h, W, U, b, **changes), atol=1e-5)

    require(
        not like(after=True),
        "that is PyTorch's GRU. Here the reset gate multiplies h *before* the matrix.",
    )
    require(not like(exchanged=True), "z and 1 - z are exchanged: z keeps the old state here.")
    require(not like(order=(1, 0, 2)), "r and z are exchanged: the first rows of W, U, b are r's.")
    require(not like(order=(2, 0, 1)), "the rows come in the order r, z, n.")
    require(not like(reset=False), "the reset gate is missing in the new value.")
    require(not like(squash=False), "the new value lacks its tanh.")
    require(not like(keep=False), "the old state is missing in the sum: z * h.")
    require(not like(gated=False), "r and z are no gates yet: both need a sigmoid.")
    require(not like(bias=False), "the biases b are not added.")
    require(like(), "the new state is not that of the equations. Compare term by term.")
    return "the reset gate stands before the matrix, as in the first paper."


def last_real(answer: Callable) -> str:
    states = torch.randn(4, 7, 3, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([6, 2, 4, 3])
    rows = torch.arange(4)
    got = answer(states.clone(), lengths.clone())
    require(
        not (isinstance(got, torch.Tensor) and got.shape == (4, 4, 3)),
        "for each row it gives the states of four steps: states[:, lengths - 1] pairs every row "
        "with every length. Each row needs its own step only.",
    )
    _shaped(got, (4, 3), "the states")

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other)

    real = (torch.arange(7) < lengths[:, None])[:, :, None]
    require(not like(states[:, -1]), "that is the last step of the batch: padding for short rows.")
    require(
        not like(states[rows, lengths]),
        "one step too far: steps count from 0, so the last of n has the number n - 1.",
    )
    require(
        not like(states[rows, lengths - 2]), "one step too early: the last of n is number n - 1."
    )
    require(
        not (like((states * real).sum(1)) or like((states * real).sum(1) / lengths[:, None])),
        "it adds up or averages all real steps. Only the last one is asked for.",
    )
    require(not like(states[:, 0]), "that is the first step of each row.")
    require(not like(states[:, lengths.min() - 1]), "all rows are read at the shortest one's end.")
    require(like(states[rows, lengths - 1]), "these are not the states at the rows' last steps.")
    return "each row is read where it really ends."


def reversed_real(answer: Callable) -> str:
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0))
    lengths, given = torch.tensor([5, 2, 3]), x.clone()
    right = x.clone()
    for row, length in enumerate(lengths.tolist()):
        right[row, :length] = x[row, :length].flip(0)
    got = answer(given, lengths.clone())
    require(torch.equal(given, x), "it changed the tensor that it was given. Work on a clone.")
    _shaped(got, (3, 5, 2), "the reversed sequences")
    real = torch.arange(5) < lengths[:, None]  # (3, 5)

    def like(other: torch.Tensor) -> bool:
        return torch.equal(got, other)

    require(not like(x), "nothing is reversed.")
    require(
        not like(x.flip(1)),
        "short rows begin with their padding now. Reverse each within its own length.",
    )
    require(not like(x.flip(0)), "that reverses the order of the batch, not of the steps.")
    both = right.clone()
    both[real] = right.flip(2)[real]
    require(
        not (like(x.flip(2)) or like(both)), "the features of a step are reversed too; they stay."
    )
    short = x.clone()
    for row, length in enumerate(lengths.tolist()):
        short[row, : length - 1] = x[row, : length - 1].flip(0)
    require(not like(short), "the last real step stayed in its place: one step too few is turned.")
    padding_only = torch.equal(got[real], right[real]) and not like(right)
    require(not padding_only, "the real steps are right; the padding behind them is not as it was.")
    require(like(right), "the real steps of some rows are not in reversed order.")
    return "each row runs backwards, and its padding stays at its end."


def _gru(x: torch.Tensor, h: torch.Tensor, W: torch.Tensor, U: torch.Tensor, b: torch.Tensor,
         *, after: bool = False, exchanged: bool = False, order: tuple = (0, 1, 2),
         reset: bool = True, squash: bool = True, keep: bool = True, gated: bool = True,
         bias: bool = True) -> torch.Tensor:  # fmt: skip
    """One step of the first GRU (Cho et al. 2014), (B, H), or of one with a known mistake."""
    inputs = (x @ W.T + b * bias).chunk(3, 1)
    (r, z, n), (U_r, U_z, U_n) = ([part[i] for i in order] for part in (inputs, U.chunk(3)))
    r, z = r + h @ U_r.T, z + h @ U_z.T
    if gated:
        r, z = r.sigmoid(), z.sigmoid()
    seen = r if reset else torch.ones_like(r)
    n = n + (seen * (h @ U_n.T) if after else (seen * h) @ U_n.T)
    n = n.tanh() if squash else n
    z = 1 - z if exchanged else z
    return (1 - z) * n + z * h * keep


def _logit(f: float) -> float:
    return math.log(f / (1 - f)) if 0 < f < 1 else math.inf


def _kept(bias: float, steps: int) -> float:
    """The share of a number that a gate with this bias keeps."""
    return torch.sigmoid(torch.tensor(float(bias), dtype=torch.double)).item() ** steps


def _is_number(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1
    return hasattr(value, "__float__") and not isinstance(value, bool)


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}" + (f" of shape {tuple(shape)}" if shape else "")


def _shaped(got: Any, shape: tuple[int, ...], what: str) -> None:
    require(
        isinstance(got, torch.Tensor) and tuple(got.shape) == shape,
        f"{what} should be a tensor of shape {shape}, not {_described(got)}.",
    )


CHECKS = {
    "22.1": forget_bias,
    "22.2": first_gru,
    "22.3": last_real,
    "22.4": reversed_real,
}
