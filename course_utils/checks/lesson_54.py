"""The exercises of lesson 54: a preparation to repair, the blind error, a shift by one."""

from functools import partial

import torch
from torch import nn

from .exercise import Exercise, gradients


def prepare(rows, border, length):
    low, high = rows[:border].amin(0), rows[:border].amax(0)
    scaled = (rows - low) / (high - low)
    return cut(length, scaled[:border], scaled[border:])


def blind_error(real):
    wanted = real[:, 1:, -1]
    return (wanted - wanted.median(0).values).abs().mean()


def supervised_loss(supervisor, h):
    return (supervisor(h)[:, :-1] - h[:, 1:]).square().mean()


def cut(length, *parts, step=1):
    return tuple(part.unfold(0, length, step).mT for part in parts)


def after(change):
    """A wrong preparation: the right windows, changed."""
    return lambda *given: tuple(change(w) for w in prepare(*given))


def scaled_by(bounds, windows=None):
    """A wrong preparation: scaled by the bounds (low, high) that come of rows and border."""

    def wrong(rows, border, length):
        low, high = bounds(rows, border)
        scaled = (rows - low) / (high - low)
        return (windows or apart)(scaled, border, length)

    return wrong


def apart(rows, border, length):
    return cut(length, rows[:border], rows[border:])


def by_train(rows, border):
    return rows[:border].amin(0), rows[:border].amax(0)


def by_all(rows, border):
    return rows.amin(0), rows.amax(0)


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
    "54.1": Exercise(prepare, "training windows (N, length, F) and test windows", 15, "medium",
        cases=[(uniform(20, 2) * torch.arange(1.0, 21)[:, None], 13, 4),
               (3 - uniform(15, 3) * torch.arange(15.0)[:, None], 8, 3),
               (uniform(11, 1) * torch.arange(1.0, 12)[:, None] - 4, 6, 5)],
        mistakes={
            "all three faults are still there.": scaled_by(by_all, lambda r, b, n: tuple(
                w.reshape(len(w), n, -1) for w in cut(n, r)[0].mT.tensor_split([b]))),
            "the extremes come from both parts. That is the leak: the future decides the scale.":
                scaled_by(by_all),
            "a training window reaches across the border, into the test part.":
                scaled_by(by_train, lambda r, b, n: tuple(cut(n, r)[0].tensor_split([b]))),
            "a test window starts before the border: it holds rows of the training part.":
                scaled_by(by_train, lambda r, b, n: cut(n, r[:b], r[b - n + 1 :])),
            "the values in each window are mixed up. Swap its two axes; a reshape does not.":
                after(lambda w: w.mT.reshape(w.shape)),
            "the windows are right, but features come before steps; return (N, length, F).":
                after(lambda w: w.mT),
            "one window is missing in each part: the last one ends with the last row.":
                after(lambda w: w[:-1]),
            "each part is scaled by its own extremes. A model in use can't know those of the test "
            "part.": lambda r, b, n: (prepare(r, b, n)[0], prepare(r[b:], len(r) - b, n)[0]),
            "give each feature a range of its own.":
                scaled_by(lambda r, b: (r[:b].min(), r[:b].max())),
            "it is cut off at 0 and 1. What lies outside should stay outside, or the scaling "
            "cannot be undone.": after(lambda w: w.clamp(0, 1)),
            "the windows are right, but nothing is scaled.": apart,
        },
        praise="No row is in windows of both parts, and the future decides nothing.",
        hints=("Which rows may decide what becomes 0 and 1? And at which point should the two "
               "parts be separated: before or after the windows are cut?",
               "Cut the scaled rows at the border, then make windows of each part by itself. "
               "part.unfold(0, length, 1) is (N, F, length): transpose(1, 2) swaps the axes."),
    ),
    "54.2": Exercise(blind_error, "one number", 10, "medium",
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
    "54.3": Exercise(supervised_loss, "one number", 10, "medium",
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
