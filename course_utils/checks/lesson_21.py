"""The exercises of lesson 21: nats per character, reach, clipping, back through a leaky network."""

import math

import numpy as np

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


def averaging(mean, shift=0):
    """Wrong nats: `mean(real, losses, lengths)`, real being the first length + shift of a name."""
    return lambda losses, lengths: mean(
        losses[np.arange(losses.shape[1]) < lengths[:, None] + shift], losses, lengths
    )


def rounding(rounded):
    """A wrong reach below 1: `rounded` of the exact number of steps."""
    return lambda r, s: math.inf if r >= 1 else float(rounded(math.log(s) / math.log(r)))


def norm(*gradients):
    return sum((g**2).sum() for g in gradients) ** 0.5


def shrinking(change, size=norm):
    """Wrong clipping: `change(g, limit, size)` of each array, where the `size` of all is larger."""

    def clipped(gradients, limit):
        found = size(*gradients)
        return [change(g, limit, found) if found > limit else +g for g in gradients]

    return clipped


def in_place(gradients, limit):
    gradients[:] = clipped(gradients, limit)
    return gradients


def back(straight=lambda leak: 1 - leak, through=lambda leak: leak, matrix=lambda W: W,
         slope=lambda z, h: 1 - z**2, at_W=lambda alpha, before: alpha.T @ before):  # fmt: skip
    """A wrong way back: the right one with some of its parts replaced."""

    def leaky_back(d_h, z, before, W, leak):
        alpha = through(leak) * d_h * slope(z, before)
        return at_W(alpha, before), straight(leak) * d_h + alpha @ matrix(W)

    return leaky_back


def names(seed, T, *lengths):
    """Losses of some names, with rubbish behind their ends, and the lengths."""
    return np.random.default_rng(seed).uniform(-1, 4, (len(lengths), T)), np.array(lengths)


def step(seed, B, H, leak):
    """What `leaky_back` is given."""
    rng = np.random.default_rng(seed)
    before, d_h, inputs = rng.normal(size=(3, B, H))
    W = rng.normal(size=(H, H))
    return d_h, np.tanh(before @ W.T + inputs), before, W, leak


PAIR = [np.array([[3.0, 0.0], [-1.0, 2.0]]), np.array([4.0, -6.0])]  # norm √66
THREE = [np.array([0.3]), np.zeros((2, 3)), np.array([[-0.4], [1.2]])]  # norm 1.3

# fmt: off
EXERCISES = {
    "21.1": Exercise(
        nats, "one number", 10, "easy",
        cases=[names(0, 6, 6, 2, 3, 5), names(1, 9, 4), names(2, 4, 1, 3, 4, 2, 1, 2)],
        mistakes={
            "it also averages over the rubbish behind the names.": lambda losses, _: losses.mean(),
            "the sum is right, but it is divided by all places, the rubbish included.":
                averaging(lambda real, losses, lengths: real.sum() / losses.size),
            "in the mean of the names' means, a character of a short name counts more.":
                lambda losses, lengths: np.mean(
                    [row[:n].mean() for row, n in zip(losses, lengths, strict=True)]),
            "that is nats per *name*, not per character.":
                averaging(lambda real, losses, lengths: real.sum() / len(lengths)),
            "that is the sum; where is the mean?": averaging(lambda real, *_: real.sum()),
            "each name's last character is missing.": averaging(lambda real, *_: real.mean(), -1),
            "each name has one place too many: the last of its n characters is at n - 1.":
                averaging(lambda real, *_: real.mean(), 1),
            "those are bits, not nats.": averaging(lambda real, *_: real.mean() / math.log(2)),
        },
        praise="Each real character counts once, and nothing else does.",
        hints=("How many characters are there in all? Each of them counts once.",
               "Add up losses[i, :lengths[i]] over all names; divide by the sum of the lengths."),
    ),
    "21.2": Exercise(
        reach, "a whole number, or math.inf", 10, "medium",
        cases=[(0.5, 0.3), (0.9, 0.01), (0.99, 0.5), (0.3, 0.2), (0.999, 0.001), (0.5, 0.25),
               (0.25, 0.0625), (0.8, 0.64), (0.5, 0.1249), (1.2, 0.5), (1.0, 0.5)],
        mistakes={
            "a number of steps is whole. Which way must it be rounded?": rounding(float),
            "one step too few: there the gradient is still longer than share.": rounding(int),
            "rounded to the nearest, it is sometimes one step too few.": rounding(round),
            "where a power of radius is share, it takes one step too many: to share *or below*.":
                rounding(lambda k: int(k) + 1),
            "it is right except for rounding: in floats, 0.8 · 0.8 is a hair above 0.64. Allow for "
            "a billionth before you compare or round up.": rounding(math.ceil),
            "one step too many.": rounding(lambda k: math.ceil(k) + 1),
            "upside down: divide the logarithm of the share by that of the radius.":
                rounding(lambda k: math.ceil(1 / k)),
            "a number of steps is positive. Both logarithms are negative; their ratio is not.":
                rounding(lambda k: -math.ceil(k)),
            "each step takes the same *amount* away here; it should take the same *share*.":
                lambda r, s: math.inf if r >= 1 else np.ceil((1 - s) / (1 - r)),
            "from a radius of 1 up a gradient never falls to a half: return math.inf.":
                lambda r, s: np.ceil(math.log(s) / math.log(r)),
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
            "every *number* is cut off by itself, which turns the direction. Only the norm of all "
            "together is limited.": lambda gs, limit: [g.clip(-limit, limit) for g in gs],
            "each array has a norm of its own here. One norm, over all arrays, is asked for.":
                lambda gs, limit: [g * limit / max(limit, norm(g)) for g in gs],
            "that divides by the *square* of the norm: take the root.":
                shrinking(lambda g, limit, size: g * limit / size, lambda *gs: norm(*gs) ** 2),
            "norms of arrays do not add up; their squares do.":
                shrinking(lambda g, limit, size: g * limit / size, lambda *gs: sum(map(norm, gs))),
            "the norm is 1 now, whatever the limit is.": shrinking(lambda g, _, size: g / size),
            "nothing was clipped, though it was too long.": lambda gs, limit: [+g for g in gs],
            "the factor is upside down.": shrinking(lambda g, limit, size: g * size / limit),
            "a short gradient is made longer. Below the limit it should stay as it is.":
                lambda gs, limit: [g * limit / norm(*gs) for g in gs],
            "it changes what it was given. Return a new list with new arrays.": in_place,
            "a short list comes back as it is, and not as a new one.":
                lambda gs, limit: gs if norm(*gs) <= limit else clipped(gs, limit),
        },
        praise="Long gradients keep their direction, short ones are left alone.",
        hints=("There is one norm, the root of the sum of all squares, and one factor for all.",
               "With norm = sum((g**2).sum() for g in gradients) ** 0.5, multiply by limit / norm "
               "only where norm is above limit."),
    ),
    "21.4": Exercise(
        leaky_back, "two arrays, the gradient at W, (H, H), and the one at h_before, (B, H)",
        15, "hard", cases=[step(0, 5, 4, 0.3), step(1, 1, 3, 0.9), step(2, 6, 2, 0.05)],
        mistakes={
            "the slope of tanh is missing: 1 - z².": back(slope=lambda z, h: 1),
            "the slope of tanh is 1 - z², not 1 - z.": back(slope=lambda z, h: 1 - z),
            "z is what tanh gave, so its slope is 1 - z².": back(slope=lambda z, h: 1 - h**2),
            "the direct path, which needs no W, is missing.": back(straight=lambda leak: 0),
            "the direct path has a factor, 1 - leak.": back(straight=lambda leak: 1),
            "z enters h with the factor leak; so does what flows back through z.":
                back(through=lambda leak: 1),
            "leak and 1 - leak are exchanged.": back(lambda leak: leak, lambda leak: 1 - leak),
            "the gradient at W is transposed.": back(at_W=lambda alpha, before: before.T @ alpha),
            "sum over the batch at W; the loss has its mean in it already.":
                back(at_W=lambda alpha, before: alpha.T @ before / len(alpha)),
            "forward went through W.T, so back goes through W itself.": back(matrix=np.transpose),
            "the gradient at W comes first.": lambda *given: leaky_back(*given)[::-1],
        },
        praise="Both gradients are those of the equations, the straight way included.",
        hints=("Two ways lead from h_before to h_t: straight, and through z. Gradients add up.",
               "With alpha = leak * d_h * (1 - z**2), it is alpha.T @ before at W and "
               "(1 - leak) * d_h + alpha @ W at h_before."),
    ),
}
