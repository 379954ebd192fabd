"""The exercises of lesson 22: a forget gate's bias, the first GRU, last states, reversed rows."""

import math

import torch

from .exercise import Exercise


def forget_bias(steps, share):
    f = share ** (1 / steps)
    return math.log(f / (1 - f))


def first_gru(x, h, W, U, b):
    r, z, n = (x @ W.T + b).chunk(3, 1)  # (B, H) each
    U_r, U_z, U_n = U.chunk(3)  # (H, H) each
    r, z = (r + h @ U_r.T).sigmoid(), (z + h @ U_z.T).sigmoid()
    n = (n + (r * h) @ U_n.T).tanh()
    return (1 - z) * n + z * h


def last_real(states, lengths):
    return states[torch.arange(len(states)), lengths - 1]


def reversed_real(x, lengths):
    steps, last = torch.arange(x.shape[1]), lengths[:, None] - 1
    source = torch.where(steps <= last, last - steps, steps)  # (B, T)
    return x[torch.arange(len(x))[:, None], source]


def gating(bias):
    """A wrong bias: `bias(f, steps, share)` for the right gate f."""
    return lambda steps, share: bias(share ** (1 / steps), steps, share)


def logit(f):
    return math.log(f / (1 - f))


def gru(new=lambda n, r, h, U: torch.tanh(n + (r * h) @ U.T), gate=torch.sigmoid,
        mix=lambda z, n, h: (1 - z) * n + z * h, order=(0, 1, 2), bias=1, turn=False):  # fmt: skip
    """A wrong GRU: the right one with some of its parts replaced."""

    def first_gru(x, h, W, U, b):
        r, z, n = ((x @ W.T + bias * b).chunk(3, 1)[i] for i in order)
        U_r, U_z, U_n = (U.chunk(3)[i].T if turn else U.chunk(3)[i] for i in order)
        r, z = gate(r + h @ U_r.T), gate(z + h @ U_z.T)
        return mix(z, new(n, r, h, U_n), h)

    return first_gru


def at(step):
    """A wrong last state: that at `step(lengths)`."""
    return lambda states, lengths: states[torch.arange(len(states)), step(lengths)]


def real(x, lengths, shift=0):
    """(B, T, 1): which steps are real."""
    return (torch.arange(x.shape[1]) < lengths[:, None] + shift)[:, :, None]


def rows(seed, T, *lengths):
    """Random rows, (B, T, 3), with rubbish behind their ends, and their lengths."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), T, 3, generator=generator), torch.tensor(lengths)


def sizes(seed, B, D, H, scale=1):
    """What `first_gru` is given."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (B, D), (B, H), (3 * H, D), (3 * H, H), (3 * H,)
    return tuple(scale * torch.randn(shape, generator=generator) for shape in shapes)


ROWS = [rows(0, 7, 6, 2, 4, 3), rows(1, 5, 5, 1, 3), rows(2, 4, 3, 2, 4, 2, 1, 3)]

# fmt: off
EXERCISES = {
    "22.1": Exercise(
        forget_bias, "one number", 10, "medium",
        cases=[(10, 0.5), (100, 0.5), (100, 0.9), (3, 0.01), (1, 0.3), (2, 0.81)],
        mistakes={
            "that is the gate f. Which bias has it as its sigmoid?": gating(lambda f, k, s: f),
            "the sign is wrong: this gate keeps what it should forget.":
                gating(lambda f, k, s: -logit(f)),
            "that gate keeps the share for *one* step.": gating(lambda f, k, s: logit(s)),
            "the sigmoid goes from the bias to the gate. You have the gate; go the other way.":
                gating(lambda f, k, s: 1 / (1 + math.exp(-f))),
            "log(f) undoes an exponential. The inverse of the sigmoid is another one.":
                gating(lambda f, k, s: math.log(f)),
            "it takes the same *amount* away at each step; a gate takes the same *share*.":
                gating(lambda f, k, s: logit(1 - (1 - s) / k)),
            "share ** 1 / steps is share / steps. The power needs brackets: share ** (1 / steps).":
                gating(lambda f, k, s: logit(s / k)),
            "what is *kept* is multiplied over the steps, not what is forgotten.":
                gating(lambda f, k, s: logit(1 - (1 - s) ** (1 / k))),
            "ln(steps) is a rule of thumb; share is given.": gating(lambda f, k, s: math.log(k)),
        },
        praise="Its gate keeps what was asked for: the bias is 4.97 for a half over 100 steps.",
        hints=("First the gate: which f has f ** steps = share? Then the bias with that sigmoid.",
               "With f = share ** (1 / steps), the bias is log(f / (1 - f))."),
    ),
    "22.2": Exercise(
        first_gru, "a tensor of shape (B, H)", 15, "medium",
        cases=[sizes(0, 5, 3, 4), sizes(1, 1, 2, 3), sizes(2, 3, 6, 2, scale=3)],
        mistakes={
            "that is PyTorch's GRU. Here the reset gate multiplies h *before* the matrix.":
                gru(new=lambda n, r, h, U: torch.tanh(n + r * (h @ U.T))),
            "z and 1 - z are exchanged: z keeps the old state here.":
                gru(mix=lambda z, n, h: z * n + (1 - z) * h),
            "r and z are exchanged: the first rows of W, U and b are r's.": gru(order=(1, 0, 2)),
            "the rows come in the order r, z, n; the first are not n's.": gru(order=(1, 2, 0)),
            "the reset gate is missing in the new value.":
                gru(new=lambda n, r, h, U: torch.tanh(n + h @ U.T)),
            "the new value lacks its tanh.": gru(new=lambda n, r, h, U: n + (r * h) @ U.T),
            "the old state is missing in the sum: z * h.": gru(mix=lambda z, n, h: (1 - z) * n),
            "r and z are not gates yet: both need a sigmoid.": gru(gate=lambda a: a),
            "the biases b are not added.": gru(bias=0),
            "h is multiplied by U_r.T, U_z.T and U_n.T, as rows of U are the numbers of a gate.":
                gru(turn=True),
        },
        praise="The reset gate comes before the matrix, as in the first paper.",
        hints=("Only the new value differs from the lesson's GRU: its matrix sees r * h, not h.",
               "Cut U with U.chunk(3); then n = tanh(W_n x + b_n + (r * h) @ U_n.T)."),
    ),
    "22.3": Exercise(
        last_real, "a tensor of shape (B, H)", 5, "medium", cases=ROWS,
        mistakes={
            "that is the last step of the batch, padding for short rows (not zero!). Use lengths.":
                lambda states, lengths: states[:, -1],
            "one step too far: steps count from 0, so the last of n has the number n - 1.":
                at(lambda n: n),
            "one step too early: the last of n is number n - 1.": at(lambda n: n - 2),
            "it adds up all real steps. Only the last one is asked for.":
                lambda states, lengths: (states * real(states, lengths)).sum(1),
            "it averages all real steps. Only the last one is asked for.":
                lambda states, n: (states * real(states, n)).sum(1) / n[:, None],
            "that is the first step of each row.": at(lambda n: 0 * n),
            "all rows are read at the shortest one's end.": at(lambda n: n * 0 + n.min() - 1),
            "states[:, lengths - 1] pairs every row with every length. Each row needs its own step "
            "only.": lambda states, lengths: states[:, lengths - 1],
        },
        praise="Each row is read where it really ends.",
        hints=("Row k ends at step lengths[k] - 1, counted from 0. Each row needs its own step.",
               "Index with two tensors: states[torch.arange(len(states)), lengths - 1]."),
    ),
    "22.4": Exercise(
        reversed_real, "a tensor of the shape of x", 10, "medium", cases=ROWS,
        mistakes={
            "nothing is reversed.": lambda x, lengths: x,
            "short rows begin with their padding now, which need not be zero. Reverse each row "
            "within its own length.":
                lambda x, lengths: x.flip(1),
            "that reverses the order of the batch, not of the steps.": lambda x, lengths: x.flip(0),
            "the features of a step are reversed, not the steps.": lambda x, lengths: x.flip(2),
            "the features of a step are reversed, too; they stay.":
                lambda x, n: torch.where(real(x, n), reversed_real(x, n).flip(2), x),
            "the last real step stayed in its place: one step too few is reversed.":
                lambda x, lengths: reversed_real(x, lengths - 1),
            "the real steps are right; the padding behind them is 0, not as it was.":
                lambda x, n: reversed_real(x, n) * real(x, n),
            "the real steps are right; the padding behind them is reversed as well.":
                lambda x, n: x[torch.arange(len(x))[:, None],
                               (n[:, None] - 1 - torch.arange(x.shape[1])) % x.shape[1]],
        },
        praise="Each row runs backwards, and its padding stays at its end.",
        hints=("Row by row: turn the first lengths[k] steps round, and leave the rest where it is.",
               "After result = x.clone(), for each row: result[k, :n] = x[k, :n].flip(0)."),
    ),
}
