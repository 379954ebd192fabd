"""The exercises of lesson 22: a forget gate's bias, the first GRU, last states, a cell repaired."""

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


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, 1)  # (B, H) each
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


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


def broken(order="iofg", new=torch.sigmoid, shown=lambda c: c, bias=1, turn=False):
    """The colleague's LSTM step, with some of its faults repaired or others put in."""

    def lstm_step(x, h, c, W, U, b):
        turned = U.reshape(4, -1, h.shape[1]).mT.reshape(U.shape) if turn else U
        parts = (x @ W.T + h @ turned.T + bias * b).chunk(4, 1)
        a = dict(zip(order, parts, strict=True))
        c = a["f"].sigmoid() * c + a["i"].sigmoid() * new(a["g"])
        return a["o"].sigmoid() * shown(c), c

    return lstm_step


def real(x, lengths):
    """(B, T, 1): which steps are real."""
    return (torch.arange(x.shape[1]) < lengths[:, None])[:, :, None]


def rows(seed, T, *lengths):
    """Random rows, (B, T, 3), with rubbish behind their ends, and their lengths."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), T, 3, generator=generator), torch.tensor(lengths)


def sizes(seed, B, D, H, scale=1, states=1):
    """What one step of a cell is given: a GRU has one state and three blocks, an LSTM one more."""
    generator, n = torch.Generator().manual_seed(seed), (2 + states) * H
    shapes = (B, D), *states * [(B, H)], (n, D), (n, H), (n,)
    return tuple(scale * torch.randn(shape, generator=generator) for shape in shapes)


ROWS = [rows(0, 7, 6, 2, 4, 3), rows(1, 5, 5, 1, 3), rows(2, 4, 3, 2, 4, 2, 1, 3)]

# fmt: off
EXERCISES = {
    "22.1": Exercise(
        forget_bias, "one number", 10, "medium",
        cases=[(10, 0.5), (100, 0.5), (100, 0.9), (3, 0.01), (1, 0.3), (2, 0.81)],
        mistakes={
            "that is the gate f. Which bias has it as its sigmoid?": lambda k, s: s ** (1 / k),
            "the sign is wrong: it keeps what it should forget.": lambda k, s: -logit(s ** (1 / k)),
            "that gate keeps the share for *one* step.": lambda k, s: logit(s),
            "the sigmoid goes from the bias to the gate. You have the gate; go the other way.":
                lambda k, s: 1 / (1 + math.exp(-(s ** (1 / k)))),
            "log(f) is not the inverse of the sigmoid.": lambda k, s: math.log(s) / k,
            "each step takes the same *share*, not *amount*.": lambda k, s: logit(1 - (1 - s) / k),
            "the power needs brackets: share ** (1 / steps).": lambda k, s: logit(s / k),
            "the power is upside down: share ** (1 / steps), since f ** steps = share.":
                lambda k, s: logit(s**k),
            "that is e to the power of b. Take its logarithm.":
                lambda k, s: s ** (1 / k) / (1 - s ** (1 / k)),
            "-log(1 - f) is only near the bias, where f is near 1. Invert the sigmoid exactly.":
                lambda k, s: -math.log(1 - s ** (1 / k)),
            "that gate loses the share; it should keep it.": lambda k, s: logit((1 - s) ** (1 / k)),
            "that gate keeps a half, whatever the share.": lambda k, s: logit(0.5 ** (1 / k)),
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
            "z keeps the old state here, not 1 - z.": gru(mix=lambda z, n, h: z * n + (1 - z) * h),
            "r and z are exchanged: the first rows of W, U and b are r's.": gru(order=(1, 0, 2)),
            "the reset gate is missing in the new value.":
                gru(new=lambda n, r, h, U: torch.tanh(n + h @ U.T)),
            "the new value lacks its tanh.": gru(new=lambda n, r, h, U: n + (r * h) @ U.T),
            "r and z are not gates yet: both need a sigmoid.": gru(gate=lambda a: a),
            "the new value is the one with a tanh, not a sigmoid.":
                gru(new=lambda n, r, h, U: torch.sigmoid(n + (r * h) @ U.T)),
            "the reset gate is for h alone; W_n x and b_n do not pass it.":
                gru(new=lambda n, r, h, U: torch.tanh(r * (n + h @ U.T))),
            "the matrix sees r instead of r * h.":
                gru(new=lambda n, r, h, U: torch.tanh(n + (r @ U.T) * h)),
            "the new value gets the share 1 - z; it is all let in.":
                gru(mix=lambda z, n, h: n + z * h),
            "that is the new value n, and z is not used. Mix n with the old state.":
                gru(mix=lambda z, n, h: n),
            "the biases b are not added.": gru(bias=0),
            "multiply h by U_r.T, U_z.T and U_n.T: a row belongs to a gate.": gru(turn=True),
        },
        praise="The reset gate comes before the matrix, as in the first paper.",
        hints=("Only the new value differs from the lesson's GRU: its matrix sees r * h, not h.",
               "Cut U with U.chunk(3); then n = tanh(W_n x + b_n + (r * h) @ U_n.T)."),
    ),
    "22.3": Exercise(
        last_real, "a tensor of shape (B, H)", 5, "medium", cases=ROWS,
        mistakes={
            "the batch's last step is padding in short rows.": lambda states, n: states[:, -1],
            "one step too far: steps count from 0.": lambda s, n: s[torch.arange(len(n)), n],
            "one step too early: subtract only 1.": lambda s, n: s[torch.arange(len(n)), n - 2],
            "take the last real step, not their sum.": lambda s, n: (s * real(s, n)).sum(1),
            "take the last real step, not their mean.":
                lambda s, n: (s * real(s, n)).sum(1) / n[:, None],
            "with the padding set to 0, the batch's last step is 0 in short rows.":
                lambda s, n: (s * real(s, n))[:, -1],
            "the longest row sets the step for all. Each row ends at a step of its own.":
                lambda s, n: s[:, n.max() - 1],
            "the rows are in another order, sorted by length.":
                lambda s, n: last_real(s, n)[n.argsort(descending=True, stable=True)],
            "states[:, lengths - 1] pairs every row with every length. Each row needs its own step "
            "only.": lambda states, n: states[:, n - 1],
        },
        praise="Each row is read where it really ends.",
        hints=("Row k ends at step lengths[k] - 1, counted from 0. Each row needs its own step.",
               "Index with two tensors: states[torch.arange(len(states)), lengths - 1]."),
    ),
    "22.4": Exercise(
        lstm_step, "the new h and the new c, each (B, H)", 15, "medium",
        cases=[sizes(0, 4, 3, 5, states=2), sizes(1, 1, 2, 3, states=2),
               sizes(2, 3, 6, 2, scale=3, states=2)],
        mistakes={
            "that is the colleague's cell, with all three faults.": broken(),
            "the rows are in order now; the new value and what is shown are still wrong.":
                broken("ifgo"),
            "the new value is right; the order of the rows and what is shown are still wrong.":
                broken(new=torch.tanh),
            "what is shown is right; the order of the rows and the new value are still wrong.":
                broken(shown=torch.tanh),
            "two of three: h shows the tanh of the cell.": broken("ifgo", torch.tanh),
            "two of three: the new value g runs from -1 to 1, so a sigmoid is not for it.":
                broken("ifgo", shown=torch.tanh),
            "two of three: PyTorch's rows come in the order i, f, g, o.":
                broken(new=torch.tanh, shown=torch.tanh),
            "g passes a sigmoid and then tanh. Cut first, and give g its tanh alone.":
                broken("ifgo", lambda a: a.sigmoid().tanh(), torch.tanh),
            "g passes no tanh.": broken("ifgo", lambda a: a, torch.tanh),
            "what is shown is the cell's tanh, not its sigmoid.":
                broken("ifgo", torch.tanh, torch.sigmoid),
            "the input and the forget gate are swapped: the rows come in the order i, f, g, o.":
                broken("figo", torch.tanh, torch.tanh),
            "h is right, but c must stay as it is: only h shows its tanh.":
                lambda *given: (lambda h, c: (h, c.tanh()))(*lstm_step(*given)),
            "return the new c as well: h, c.": lambda *given: lstm_step(*given)[0],
            "h and c are swapped: return h first.": lambda *given: lstm_step(*given)[::-1],
            "the biases b are not added.": broken("ifgo", torch.tanh, torch.tanh, bias=0),
            "h must be multiplied by U.T: a row of U belongs to a gate.":
                broken("ifgo", torch.tanh, torch.tanh, turn=True),
        },
        praise="All three faults are gone: it is PyTorch's cell now.",
        hints=("PyTorch stacks i, f, g, o. And which boxes of the picture are not a sigmoid?",
               "Cut first, then squash: i, f and o by a sigmoid, g by tanh. h = o * tanh(c)."),
    ),
}
