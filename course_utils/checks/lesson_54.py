"""The exercises of lesson 54: windows apart, scaling by the training part, blind error, a shift."""

from functools import partial

import torch
from torch import nn

from .exercise import Exercise, gradients


def windows_apart(rows, border, length):
    return rows[:border].unfold(0, length, 1).mT, rows[border:].unfold(0, length, 1).mT


def min_max(train_rows, rows):
    low, high = train_rows.amin(0), train_rows.amax(0)
    return (rows - low) / (high - low)


def blind_error(real):
    wanted = real[:, 1:, -1]
    return (wanted - wanted.median(0).values).abs().mean()


def supervised_loss(supervisor, h):
    return (supervisor(h)[:, :-1] - h[:, 1:]).square().mean()


def cut(length, *parts, step=1):
    return tuple(part.unfold(0, length, step).mT for part in parts)


def blind(pick=lambda real: real[:, 1:, -1], said=lambda x: x.median(0).values, error=torch.abs):
    """A wrong blind error: of other values, by another forecast, or another error."""
    return lambda real: error(pick(real) - said(pick(real))).mean()


def compared(said, wanted):
    """A wrong loss: `said` of what the supervisor says, against `wanted` of h."""
    return lambda supervisor, h: (said(supervisor(h)) - wanted(h)).square().mean()


class Supervisor(nn.Module):
    """One that has seen all steps so far."""

    def __init__(self, units):
        super().__init__()
        self.weight = nn.Parameter(uniform(units, units))

    def forward(self, x):
        return x.cumsum(1) @ self.weight / 4


of_weight = gradients("the supervisor's weights")
uniform = partial(torch.rand, generator=torch.Generator().manual_seed(0))


# fmt: off
EXERCISES = {
    "54.1": Exercise(
        windows_apart, "training windows (N, length, F) and test windows", 10, "medium",
        cases=[(uniform(20, 2), 13, 4), (uniform(15, 3), 8, 3), (uniform(11, 1), 6, 5),
               (uniform(7, 2), 3, 1)],
        mistakes={
            "a training window reaches across the border, into the test part.":
                lambda r, b, n: tuple(cut(n, r)[0].tensor_split([b])),
            "a test window starts before the border: it holds rows of the training part.":
                lambda r, b, n: cut(n, r[:b], r[b - n + 1 :]),
            "one window is missing in each part: the last one ends with the last row.":
                lambda r, b, n: tuple(w[:-1] for w in windows_apart(r, b, n)),
            "let a window begin at each row.": lambda r, b, n: cut(n, r[:b], r[b:], step=n),
            "the values in each window are mixed up. Swap its two axes; a reshape does not.":
                lambda r, b, n: tuple(w.mT.reshape(w.shape) for w in windows_apart(r, b, n)),
            "the windows are right, but features come before steps; return (N, length, F).":
                lambda r, b, n: tuple(w.mT for w in windows_apart(r, b, n)),
            "return the training windows first.": lambda r, b, n: windows_apart(r, b, n)[::-1],
            "the border itself belongs to the test part; yours gives its row to the training part.":
                lambda r, b, n: cut(n, r[: b + 1], r[b + 1 :]),
            "the row at the border is in no window.": lambda r, b, n: cut(n, r[:b], r[b + 1 :]),
        },
        praise="No row is in windows of both parts, and none is left out.",
        hints=("Cut the rows at the border first, then make windows of each part by itself.",
               "With part.unfold(0, length, 1) you get (N, F, length): the steps come last."),
    ),
    "54.2": Exercise(min_max, "the scaled rows, a tensor of shape (M, F)", 5, "easy",
        cases=[(uniform(30, 3) * torch.tensor([1.0, 10.0, 5.0]) - 2,
                uniform(12, 3) * torch.tensor([2.0, 15.0, 5.0]) - 3),
               (uniform(5, 2) - 4, uniform(5, 2) * 3 - 5)],
        mistakes={
            "a model in use can't know the extremes of `rows`.": lambda t, x: min_max(x, x),
            "the extremes come from both parts. That is the leak: the future decides the scale.":
                lambda t, x: min_max(torch.cat([t, x]), x),
            "give each feature a range of its own.": lambda t, x: min_max(t.reshape(-1, 1), x),
            **{f"it is cut off at {where}. What lies outside should stay outside, or the scaling "
               "cannot be undone.": lambda t, x, a=a, b=b: min_max(t, x).clamp(a, b)
               for where, a, b in (("0 and 1", 0, 1), ("0", 0, None), ("1", None, 1))},
            "don't standardise; take the extremes.": lambda t, x: (x - t.mean(0)) / t.std(0),
            "divide by the *range*, the greatest minus the least value, not by the greatest.":
                lambda t, x: (x - t.amin(0)) / t.amax(0),
            "that runs from -1 to 1; 0 to 1 is asked for.": lambda t, x: 2 * min_max(t, x) - 1,
        },
        praise="The training part fills 0 to 1, and a later part may leave it.",
        hints=("Which rows may decide what becomes 0 and 1? Has each feature a range of its own?",
               "It is (rows - low) / (high - low), where low is train_rows.amin(0), high amax(0)."),
    ),
    "54.3": Exercise(blind_error, "one number", 10, "medium",
        cases=[(uniform(41, 6, 3) ** 3 + torch.arange(6.0)[:, None] / 3,), (uniform(8, 3, 4) ** 3,),
               (5 - 3 * uniform(7, 9, 2) ** 2,)],
        mistakes={
            "the *median* has the least absolute error.": blind(said=lambda x: x.mean(0)),
            "there is one median for all steps. Each step has its own.": blind(said=torch.median),
            "the first step is in it; it is never predicted.": blind(lambda real: real[..., -1]),
            "take the *absolute* error, not its square.": blind(error=torch.square),
            "all features are in it. Only the last one is predicted.": blind(lambda x: x[:, 1:]),
            "the median runs over the steps of each window. That would be looking at it.":
                blind(said=lambda x: x.median(1, keepdim=True).values),
            "that is persistence, not blind.": lambda real: real[..., -1].diff(dim=1).abs().mean(),
        },
        praise="A model has to be below this before its predictive score says anything.",
        hints=("To be predicted: real[:, 1:, -1], (N, T - 1). One median for each column.",
               "Take x.median(0).values, then the mean of the absolute differences."),
    ),
    "54.4": Exercise(supervised_loss, "one number", 10, "medium",
        cases=[(Supervisor(3), uniform(5, 7, 3)), (Supervisor(2), uniform(4, 4, 2)),
               (Supervisor(1), uniform(1, 2, 1))],
        extra=lambda loss, _, given: of_weight(loss, _, [given[0].weight]), numpy=False,
        mistakes={
            "it is not shifted: the supervisor has seen the h that it is compared with.":
                compared(lambda said: said, lambda h: h),
            "it is shifted the wrong way: what comes next is predicted.":
                compared(lambda said: said[:, 1:], lambda h: h[:, :-1]),
            "shift time, the second axis.": compared(lambda said: said[:-1], lambda h: h[1:]),
            "it is rolled round: one end is compared with the other. Leave it out.":
                compared(lambda said: said, lambda h: h.roll(-1, 1)),
            "take the mean, not a sum.": lambda s, h: supervised_loss(s, h) * h[:, 1:].numel(),
            "the number is right, but no gradient reaches the supervisor. Was it detached?":
                lambda s, h: supervised_loss(s, h).detach(),
        },
        praise="What it says at step t is compared with what comes at t + 1, and it can learn.",
        hints=("Nothing follows the last thing that it says, and nothing comes before the first h.",
               "It is (supervisor(h)[:, :-1] - h[:, 1:]).square().mean()."),
    ),
}
