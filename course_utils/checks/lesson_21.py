"""The exercises of lesson 21: nats, reach, clipping, a leaky network, a long text in windows."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from .exercise import Exercise


def nats(losses, lengths):
    real = np.arange(losses.shape[1]) < lengths[:, None]  # (N, T)
    return losses[real].mean()


def reach(radius, share):
    if radius >= 1:
        return math.inf
    # Not math.ceil, since 44.0 is as right as 44. Logarithms are off by less than a billionth.
    return np.ceil(math.log(share) / math.log(radius) - 1e-9)


def clipped(gradients, limit):
    norm = sum((g**2).sum() for g in gradients) ** 0.5
    return [g * limit / max([limit, norm]) for g in gradients]


def leaky_back(d_h, z, before, W, leak):
    alpha = leak * d_h * (1 - z**2)  # (B, H)
    return alpha.T @ before, (1 - leak) * d_h + alpha @ W


def train_in_windows(W, windows, rate, limit):
    losses, h = [], W.new_zeros(len(W))
    for inputs, targets in windows:
        states = []
        for u in inputs:
            h = torch.tanh(h @ W.T + u)
            states.append(h)
        loss = ((torch.stack(states) - targets) ** 2).mean()
        W.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_([W], limit)
        with torch.no_grad():
            W -= rate * W.grad
        h = h.detach()
        losses.append(loss.item())
    return losses


def rounding(rounded):
    return lambda r, s: math.inf if r >= 1 else float(rounded(math.log(s) / math.log(r)))


def norm(*gradients):
    return sum((g**2).sum() for g in gradients) ** 0.5


def in_place(gradients, limit):
    gradients[:] = clipped(gradients, limit)
    return gradients


def back(straight=lambda leak: 1 - leak, through=lambda leak: leak, matrix=lambda W: W,
         slope=lambda z: 1 - z**2, at_W=lambda alpha, before: alpha.T @ before):  # fmt: skip
    """A wrong way back: the right one with some of its parts replaced."""

    def leaky_back(d_h, z, before, W, leak):
        alpha = through(leak) * d_h * slope(z)
        return at_W(alpha, before), straight(leak) * d_h + alpha @ matrix(W)

    return leaky_back


def names(seed, T, *lengths):
    """Losses of some names, with rubbish behind their ends, and the lengths."""
    return np.random.default_rng(seed).uniform(-1, 4, (len(lengths), T)), np.array(lengths)


def step(seed, B, H, leak):
    rng = np.random.default_rng(seed)
    before, d_h, inputs = rng.normal(size=(3, B, H))
    W = rng.normal(size=(H, H))
    return d_h, np.tanh(before @ W.T + inputs), before, W, leak


def by_norm(grad, limit):
    return grad * limit / max(limit, grad.norm())


def reading(start=torch.Tensor.detach, through=True, clip=by_norm, number=torch.Tensor.item,
            keep=False, empty=True):  # fmt: skip
    """A wrong training: a wrong start or way back, a wrong gradient, losses as tensors."""

    def train_in_windows(W, windows, rate, limit):
        losses, h, followed = [], torch.zeros_like(windows[0][0][0]), torch.zeros_like(W)
        for inputs, targets in windows:
            h, states = start(h), []
            for u in inputs:
                h = torch.tanh((h if through else h.detach()) @ W.T + u)
                states.append(h)
            loss = F.mse_loss(torch.stack(states), targets)
            [grad] = torch.autograd.grad(loss, W, retain_graph=keep)
            followed = clip(grad if empty else grad + followed, limit)
            with torch.no_grad():
                W -= rate * followed
            losses.append(number(loss))
        return losses

    return train_in_windows


def unclipped(grad, limit):
    return grad


def uncut(h):
    return h


def after_windows(result, before, after):
    losses = result if isinstance(result, list) else ()
    held = any(getattr(loss, "requires_grad", False) for loss in losses)
    return {"W": after[0].detach(), "whether the losses hold on to their computation": held}


def text(seed, rate, limit, *shape):
    """Weights, and windows of (T, B, H) inputs and targets; the last is shorter."""
    T, B, H, number = shape
    made = torch.Generator().manual_seed(seed)
    pairs = [tuple(torch.randn(T - (i + 1 == number), B, H, generator=made) for _ in range(2))
             for i in range(number)]  # fmt: skip
    return torch.randn(H, H, generator=made).requires_grad_(), pairs, rate, limit


PAIR = [np.array([[3.0, 0.0], [-1.0, 2.0]]), np.array([4.0, -6.0])]  # norm √66
THREE = [np.array([0.3]), np.zeros((2, 3)), np.array([[-0.4], [1.2]])]  # norm 1.3

# fmt: off
EXERCISES = {
    "21.1": Exercise(nats, "one number", 10, "easy",
        cases=[names(0, 6, 6, 2, 3, 5), names(1, 9, 4), names(2, 4, 1, 3, 4, 2, 1, 2)],
        mistakes={
            "it also averages over the rubbish behind the names.": lambda losses, _: losses.mean(),
            "in the mean of the names' means, a character of a short name counts more.":
                lambda x, n: np.mean([row[:k].mean() for row, k in zip(x, n, strict=True)]),
            "that is nats per *name*.": lambda losses, n: nats(losses, n) * n.mean(),
            "each name's last character is missing.": lambda losses, n: nats(losses, n - 1),
            "each name has one place too many.": lambda losses, n: nats(losses, n + 1),
            "those are bits, not nats.": lambda losses, n: nats(losses, n) / math.log(2),
        },
        praise="Each real character counts once, and nothing else does.",
        hints=("How many characters are there in all? Each of them counts once.",
               "Add up losses[i, :lengths[i]] over all names; divide by the sum of the lengths."),
    ),
    "21.2": Exercise(reach, "a whole number, or math.inf", 10, "medium",
        cases=[(0.5, 0.3), (0.9, 0.01), (0.99, 0.5), (0.3, 0.2), (0.999, 0.001), (0.5, 0.25),
               (0.25, 0.0625), (0.8, 0.64), (0.5, 0.1249), (1.2, 0.5), (1.0, 0.5)],
        mistakes={
            "a number of steps is whole. Which way must it be rounded?": rounding(float),
            "one step too few: there the gradient is still longer than share.": rounding(int),
            "rounded to the nearest, it is sometimes one step too few.": rounding(round),
            "one step too many where a power of radius is share.": rounding(lambda k: int(k) + 1),
            "it is right except for rounding: in floats, 0.8 · 0.8 is a hair above 0.64. Allow for "
            "a billionth before you compare or round up.": rounding(math.ceil),
            "upside down: divide log(share) by log(radius).": rounding(lambda k: math.ceil(1 / k)),
            "at 1 or more, return math.inf.": lambda r, s: np.ceil(math.log(s) / math.log(r)),
        },
        praise="0.9 needs 44 steps to a hundredth, 0.8 needs 2 to 0.64, and 1.2 never gets there.",
        hints=("Solve radius ** k = share for k. Which whole number is the first at or above it?",
               "It is log(share) / log(radius), less a billionth, rounded up; or else math.inf."),
    ),
    "21.3": Exercise(
        clipped, "a list with an array for each gradient, of the same shapes", 10, "medium",
        cases=[(PAIR, 2.0), (PAIR, 100.0), (THREE, 0.5), (THREE, 5.0)],
        extra=lambda result, before, after: {
            "the given list": list(after[0]), "a list of its own": result is not after[0]},
        mistakes={
            "limit the norm, not each *number*, which turns the direction.":
                lambda gs, limit: [g.clip(-limit, limit) for g in gs],
            "take one norm, over all arrays.": lambda gs, c: [g * c / max(c, norm(g)) for g in gs],
            "norms of arrays do not add up; their squares do.":
                lambda gs, limit: [g * limit / max(limit, sum(map(norm, gs))) for g in gs],
            "short gradients should not grow.": lambda gs, c: [g * c / norm(*gs) for g in gs],
            "it changes what it was given. Return a new list with new arrays.": in_place,
            "return a new list, always.": lambda gs, c: gs if norm(*gs) <= c else clipped(gs, c),
        },
        praise="Long gradients keep their direction, short ones are left alone.",
        hints=("There is one norm, the root of the sum of all squares, and one factor for all.",
               "With n = sum((g**2).sum() for g in gradients) ** 0.5 it is limit / max(limit, n)."),
    ),
    "21.4": Exercise(
        leaky_back, "two arrays, the gradient at W, (H, H), and at the state before, (B, H)",
        15, "hard", cases=[step(0, 5, 4, 0.3), step(1, 1, 3, 0.9), step(2, 6, 2, 0.05)],
        mistakes={
            "the slope of tanh is missing: 1 - z².": back(slope=lambda z: 1),
            "the slope of tanh is 1 - z², not 1 - z.": back(slope=lambda z: 1 - z),
            "the direct path, which needs no W, is missing.": back(straight=lambda leak: 0),
            "the direct path has a factor, 1 - leak.": back(straight=lambda leak: 1),
            "what flows back through z has the factor leak.": back(through=lambda leak: 1),
            "leak and 1 - leak are exchanged.": back(lambda leak: leak, lambda leak: 1 - leak),
            "the gradient at W is transposed.": back(at_W=lambda alpha, before: before.T @ alpha),
            "sum over the batch at W; the loss has its mean in it already.":
                back(at_W=lambda alpha, before: alpha.T @ before / len(alpha)),
            "forward went through W.T, so back goes through W itself.": back(matrix=np.transpose),
        },
        praise="Both gradients are those of the equations, the straight way included.",
        hints=("Two ways lead from the state before to h_t: straight, and through z. Both add up.",
               "With alpha = leak * d_h * (1 - z**2), it is alpha.T @ before at W and "
               "(1 - leak) * d_h + alpha @ W at the state before."),
    ),
    "21.5": Exercise(
        train_in_windows, "a list with the loss of each window, as plain numbers", 15, "hard",
        cases=[text(0, 0.9, 0.3, 4, 2, 3, 4), text(1, 0.4, 0.5, 3, 3, 4, 3)],
        extra=after_windows, numpy=False,
        mistakes={
            "all three faults are there still. What should a window know of the one before? What "
            "does detach cut? When is a step taken?": reading(torch.zeros_like, False, unclipped),
            "each window starts from zeros. Its first state should know what was read before.":
                reading(torch.zeros_like),
            "detach cuts the way back at *every* step. Cut it only between two windows.":
                reading(through=False),
            "it clips too late: a step has followed the long gradient by then.":
                reading(clip=unclipped),
            "two faults are left: each window starts from zeros, and the way back is cut at every "
            "step.": reading(torch.zeros_like, through=False),
            "two faults are left: each window starts from zeros, and it clips after the step.":
                reading(torch.zeros_like, clip=unclipped),
            "two faults are left: the way back is cut at every step, and it clips after the step.":
                reading(through=False, clip=unclipped),
            "the state still holds on to its window, whose way back is gone after one use. Cut it "
            "off once, between two windows.": reading(uncut),
            "retain_graph keeps the way back into earlier windows, where W was another one. Cut it "
            "off between two windows instead.": reading(uncut, keep=True),
            "the gradients of the windows add up. Empty W.grad before each way back.":
                reading(empty=False),
            "limit the norm, not each number, which turns the direction.":
                reading(clip=lambda grad, limit: grad.clip(-limit, limit)),
            "the training is right, but the list holds tensors; .item() gives the plain number.":
                reading(number=lambda loss: loss),
        },
        praise="The state goes on, the gradient stops at the window, and no step is too long.",
        hints=("Which three lines decide what a window starts from, where the way back is cut, and "
               "how long the step is?",
               "Move the zeros before the loop, and say h = h.detach() once after each window, not "
               "in every step. Clip between backward and the step."),
    ),
}
