"""The checks of lesson 21: nats per character, reach, clipping, one step back through a leak."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import require

HINTS = {
    "21.1": (
        "How many characters are there in all? Each of them counts once.",
        "Add up losses[i, :lengths[i]] over all names, and divide by the sum of the lengths.",
    ),
    "21.2": (
        "Solve radius ** k = share for k. Which whole number is the first at or behind it?",
        "k = log(share) / log(radius), rounded up with math.ceil; math.inf for a radius from 1 up.",
    ),
    "21.3": (
        "One norm for all arrays: the root of the sum of all squares. One factor for all, too.",
        "norm = sum((g**2).sum() for g in gradients) ** 0.5; multiply by limit / norm only where "
        "norm is above limit.",
    ),
    "21.4": (
        "h_before reaches h_t on two ways: straight, and through z. Gradients of both add up.",
        "alpha = leak * d_h * (1 - z**2); at W it is alpha.T @ before; at h_before it is "
        "(1 - leak) * d_h + alpha @ W.",
    ),
}


def nats(answer: Callable) -> str:
    rng = np.random.default_rng(0)
    losses, lengths = rng.uniform(0.5, 4, (4, 6)), np.array([6, 2, 3, 5])
    real = np.arange(6) < lengths[:, None]
    right = losses[real].mean()
    got = answer(losses.copy(), lengths.copy())
    require(
        np.ndim(got) == 0 and not isinstance(got, str | None),
        f"one number is asked for, not {type(got).__name__}"
        + (f" of shape {np.shape(got)}." if np.ndim(got) else "."),
    )

    def like(other: float) -> bool:
        return bool(np.isclose(got, other))

    require(not like(losses.mean()), "it also averages over what stands behind the names' ends.")
    require(
        not like((losses * real).mean()),
        "the sum is right, but it is divided by all places, the rubbish included.",
    )
    per_name = (losses * real).sum(1) / lengths
    require(
        not like(per_name.mean()),
        "that is the mean of the names' means, so a character of a short name counts more. "
        "Each character should count the same.",
    )
    require(not like(losses[real].sum() / 4), "that is nats per *name*. Divide by the characters.")
    require(not like(losses[real].sum()), "that is the sum; where is the mean?")
    short = np.arange(6) < lengths[:, None] - 1
    require(
        not (like(losses[short].mean()) or like(losses[short].sum() / lengths.sum())),
        "the last character of each name is missing; lengths counts it.",
    )
    require(not like(right / math.log(2)), "those are bits; nats are asked for.")
    require(
        like(right),
        f"for four names it gives {got:.4g}; the real characters' mean is {right:.4g}.",
    )
    return "each real character counts once, and nothing else does."


def reach(answer: Callable) -> str:
    cases = [(0.5, 0.3), (0.9, 0.01), (0.99, 0.5), (0.3, 0.2), (0.95, 0.001)]
    got = [answer(*case) for case in cases]
    exact = [math.log(share) / math.log(radius) for radius, share in cases]

    def like(values: list[float]) -> bool:
        return bool(np.allclose(np.array(got, float), values))

    require(
        not like(exact),
        "the formula is right; a number of steps is whole. Which way must it be rounded?",
    )
    require(
        not like([math.floor(k) for k in exact]),
        "one step too few: there the gradient is still longer than share.",
    )
    require(not like([math.ceil(k) + 1 for k in exact]), "one step too many.")
    require(
        not (like([1 / k for k in exact]) or like([math.ceil(1 / k) for k in exact])),
        "upside down: divide the logarithm of the share by that of the radius.",
    )
    require(
        all(k > 0 for k in got),
        "a number of steps is positive. Both logarithms are negative; their ratio is not.",
    )
    require(
        not like([math.ceil((1 - share) / (1 - radius)) for radius, share in cases]),
        "it takes the same *amount* away at each step; a gradient loses the same *share*.",
    )
    require(
        like([math.ceil(k) for k in exact]),
        f"for a radius of 0.9 and a share of 0.01 it gives {got[1]}; 0.9 to the power of 44 is "
        "the first power below it.",
    )
    for radius in (1.0, 1.2):
        try:
            never = answer(radius, 0.5)
        except (ZeroDivisionError, ValueError):
            never = None
        require(
            never == math.inf,
            f"right below 1. With a radius of {radius:g} a gradient never falls to a half: "
            "return math.inf.",
        )
    return "0.9 needs 44 steps to a hundredth, 0.5 only two to 0.3, and 1.2 never gets there."


def clipped(answer: Callable) -> str:
    def fresh() -> list[np.ndarray]:
        return [np.array([[3.0, 0.0], [-1.0, 2.0]]), np.array([4.0, -6.0])]  # norm √66

    given = fresh()
    norm = math.sqrt(66)
    got: Any = answer(given, 2.0)
    require(
        all(np.array_equal(a, b) for a, b in zip(given, fresh(), strict=True)),
        "it changed the arrays that it was given. Return new ones.",
    )
    require(
        isinstance(got, list | tuple) and [np.shape(g) for g in got] == [(2, 2), (2,)],
        "a list with an array for each gradient, of the same shapes, is asked for.",
    )

    def like(other: list[np.ndarray]) -> bool:
        return all(np.allclose(a, b) for a, b in zip(got, other, strict=True))

    def scaled(factor: float) -> list[np.ndarray]:
        return [factor * g for g in fresh()]

    require(
        not like([g.clip(-2, 2) for g in fresh()]),
        "every *number* is cut off by itself, which turns the direction. Only the norm of all "
        "together is limited.",
    )
    require(
        not like([g * 2 / np.linalg.norm(g) for g in fresh()]),
        "each array has a norm of its own here. One norm, over all arrays, is asked for.",
    )
    require(not like(scaled(2 / 66)), "divided by the *square* of the norm: take the root.")
    apart = sum(float(np.linalg.norm(g)) for g in fresh())
    require(
        not like(scaled(2 / apart)),
        "norms of arrays do not add up; their squares do. Add squares, then take the root.",
    )
    require(not like(scaled(1 / norm)), "the norm is 1 now, whatever the limit is.")
    require(not like(scaled(1)), "nothing was clipped, though the norm is four times the limit.")
    require(not like(scaled(norm / 2)), "longer than before: the factor is upside down.")
    require(like(scaled(2 / norm)), "the norm should be the limit, and all ratios as before.")
    small = answer(fresh(), 100.0)
    require(
        all(np.allclose(a, b) for a, b in zip(small, fresh(), strict=True)),
        "right for long gradients, but a short one is made longer. Below the limit it should "
        "stay as it is.",
    )
    return "long gradients keep their direction, short ones are left alone."


def leaky_back(answer: Callable) -> str:
    rng = np.random.default_rng(0)
    before, d_h, inputs = rng.normal(size=(3, 5, 4))
    W, leak = rng.normal(size=(4, 4)), 0.3
    z = np.tanh(before @ W.T + inputs)
    alpha = leak * d_h * (1 - z**2)
    d_W, d_before = alpha.T @ before, (1 - leak) * d_h + alpha @ W
    got: Any = answer(d_h.copy(), z.copy(), before.copy(), W.copy(), leak)
    require(
        isinstance(got, tuple | list) and len(got) == 2,
        "two arrays are asked for: the gradient at W, and the gradient at h_before.",
    )
    require(
        [np.shape(g) for g in got] != [(5, 4), (4, 4)],
        "the two gradients are in the other order: W's first.",
    )
    require(
        [np.shape(g) for g in got] == [(4, 4), (5, 4)],
        f"the shapes are {np.shape(got[0])} and {np.shape(got[1])}; they should be W's, (4, 4), "
        "and the state's, (5, 4).",
    )

    def weights(other: np.ndarray) -> bool:
        return bool(np.allclose(got[0], other))

    def state(other: np.ndarray) -> bool:
        return bool(np.allclose(got[1], other))

    flat = leak * d_h  # as if tanh were a straight line
    require(
        not (weights(flat.T @ before) or state((1 - leak) * d_h + flat @ W)),
        "the slope of tanh is missing: 1 - z².",
    )
    wrong = leak * d_h * (1 - z)
    require(
        not (weights(wrong.T @ before) or state((1 - leak) * d_h + wrong @ W)),
        "the slope of tanh is 1 - z², not 1 - z.",
    )
    require(
        not state(alpha @ W),
        "that is the way through tanh. The straight way, which needs no W, is missing.",
    )
    require(
        not (weights(alpha.T @ before / leak) or state((1 - leak) * d_h + alpha @ W / leak)),
        "z enters h with the factor leak, so what flows back through it has that factor too.",
    )
    require(
        not state(d_h + alpha @ W), "the straight way is not free: h_before enters with 1 - leak."
    )
    require(not weights(before.T @ alpha), "the gradient at W is transposed: its rows are outputs.")
    require(
        not state((1 - leak) * d_h + alpha @ W.T),
        "forward went through W.T, so the way back goes through W itself.",
    )
    require(not weights(d_W / len(d_h)), "sum over the batch; the loss has its mean in it already.")
    require(weights(d_W), "the gradient at W is not autograd's. Is it the sum over the batch?")
    require(state(d_before), "right at W; the gradient at h_before is not that of autograd.")
    return "both gradients are those of the equations, the straight way included."


CHECKS = {"21.1": nats, "21.2": reach, "21.3": clipped, "21.4": leaky_back}
