"""The checks of lesson 23: nats of words, windows that go on, absolute discounting, min-p."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import torch

from . import require

HINTS = {
    "23.1": (
        "How many nats has one word? How many nats has the whole text, then?",
        "math.log(perplexity) nats a word, times words, divided by characters.",
    ),
    "23.2": (
        "First make the rows: one view of the inputs and one of the targets, each (size, row). "
        "Then take columns.",
        "row = (len(ids) - 1) // size; inputs = ids[:size * row].view(size, row); the targets "
        "begin one symbol later; columns number * length to (number + 1) * length of both.",
    ),
    "23.3": (
        "How much was taken away in all? d for each symbol with a count: that is d * T(h).",
        "kinds = (counts > 0).sum(); ((counts - d).clip(min=0) + d * kinds * lower) / total, and "
        "lower where total is 0.",
    ),
    "23.4": (
        "Each row has a limit of its own: share times the row's largest probability.",
        "kept = torch.where(p >= share * p.amax(-1, keepdim=True), p, 0.0), divided by its sum "
        "in each row.",
    ),
}


def per_character(answer: Callable) -> str:
    cases = [(100.0, 200, 1100), (20.0, 50, 300)]
    got = [answer(*case) for case in cases]
    for value in got:
        number = isinstance(value, Real) or (np.ndim(value) == 0 and value is not None)
        require(
            number and not isinstance(value, str),
            f"one number is asked for, not {type(value).__name__}.",
        )

    def like(formula: Callable) -> bool:
        return bool(np.allclose([float(value) for value in got], [formula(*c) for c in cases]))

    require(not like(lambda p, w, c: math.log(p)), "those are nats per *word*.")
    require(not like(lambda p, w, c: math.log2(p) * w / c), "those are bits; nats are asked for.")
    require(
        not like(lambda p, w, c: p * w / c),
        "a perplexity is no loss: its logarithm is the nats per word.",
    )
    require(
        not like(lambda p, w, c: math.log(p) * c / w),
        "upside down: a character has fewer nats than a word.",
    )
    require(not like(lambda p, w, c: math.log(p) / c), "that is one word's nats. There are more.")
    require(not like(lambda p, w, c: math.log(p) * w), "those are the nats of the whole text.")
    require(
        not like(lambda p, w, c: math.exp(math.log(p) * w / c)),
        "that is the perplexity per character; without the exponential it is nats.",
    )
    require(
        like(lambda p, w, c: math.log(p) * w / c),
        f"for a perplexity of 100, 200 words and 1,100 characters it gives {float(got[0]):.4g}; "
        f"the text has {200 * math.log(100):.1f} nats in all.",
    )
    return "the nats of the whole text are the same, whatever they are divided among."


def window(answer: Callable) -> str:
    ids, size, length = torch.arange(100, 150), 3, 4  # rows of 16 symbols, 4 windows
    row = 16
    got: Any = [answer(ids.clone(), size, length, number) for number in (0, 2)]
    for pair in got:
        require(
            isinstance(pair, tuple | list) and len(pair) == 2,
            "two tensors are asked for: the inputs and the targets.",
        )
        require(
            all(isinstance(part, torch.Tensor) for part in pair),
            "tensors are asked for, cut out of ids.",
        )
        shapes = [tuple(part.shape) for part in pair]
        require(shapes != [(length, size)] * 2, "time goes along the second axis: (size, length).")
        require(
            shapes == [(size, length)] * 2,
            f"for 3 rows and a length of 4 the shapes are {shapes[0]} and {shapes[1]}; both "
            "should be (3, 4).",
        )
    starts = 100 + row * torch.arange(size)[:, None] + torch.arange(length)
    (inputs, targets), (later, later_targets) = got
    require(not torch.equal(targets, inputs), "the targets are the inputs: move them on by one.")
    require(not torch.equal(targets, inputs - 1), "the targets are what came *before* the inputs.")
    require(
        not torch.equal(inputs, 100 + torch.arange(size * length).view(size, length)),
        "the rows of one window follow each other in the text. Then window 1 does not go on "
        "where window 0 ended, row by row. Cut the whole text into rows first.",
    )
    require(
        not torch.equal(inputs, 100 + torch.arange(size)[:, None] + size * torch.arange(length)),
        "a row jumps through the text in steps of size: each row should be a stretch of it.",
    )
    require(not torch.equal(later, inputs), "window 2 is the same as window 0: number is not used.")
    require(
        not torch.equal(later, starts + 2),
        "window 2 begins two symbols after window 0; it should begin two *windows* after it.",
    )
    require(
        torch.equal(inputs, starts),
        f"the rows of window 0 begin at the symbols {(inputs[:, 0] - 100).tolist()} of 50; the "
        "longest three rows that leave a target for each symbol begin at [0, 16, 32].",
    )
    require(torch.equal(later, starts + 2 * length), "window 0 is right, window 2 is not.")
    require(
        torch.equal(targets, inputs + 1) and torch.equal(later_targets, later + 1),
        "the inputs are right. A target is the symbol that comes next in the text, at the end "
        "of a window too.",
    )
    full: Any = answer(ids[:49], size, length, 3)
    require(
        tuple(full[0].shape) == (size, length) == tuple(full[1].shape),
        "with 49 symbols there are three rows of 16 too, and four whole windows.",
    )
    return "each row goes on where it ended, and the last target is there too."


def discounted(answer: Callable) -> str:
    counts = torch.tensor([5.0, 0.0, 1.0, 2.0, 0.0])
    lower, d, total = torch.tensor([0.1, 0.3, 0.2, 0.15, 0.25]), 0.6, 8.0
    kept = (counts - d).clip(min=0)
    right = (kept + d * 3 * lower) / total
    given = counts.clone()
    got = answer(given, lower.clone(), d)
    require(torch.equal(given, counts), "it changed the counts that it was given.")
    require(
        isinstance(got, torch.Tensor) and got.shape == counts.shape,
        "one probability for each symbol is asked for: a tensor of the shape of counts.",
    )

    def like(other: torch.Tensor) -> bool:
        return bool(torch.allclose(got.double(), other.double(), atol=1e-6))

    require(
        not like((counts - d + d * 3 * lower) / total),
        "a count of 0 has nothing to take from: without the max it becomes negative.",
    )
    require(not like(counts / total), "nothing is taken away: unseen symbols have probability 0.")
    require(not like(kept / total), "what was taken is not handed on: it adds up to less than 1.")
    require(
        not like((kept + d * lower) / total),
        "d was taken from *each* symbol that was seen, so d * T(h) is there to hand on.",
    )
    require(
        not like((kept + d * 5 * lower) / total),
        "T(h) counts only the symbols that have followed this context, not all.",
    )
    require(
        not like((kept + d * 3 / 5) / total),
        "what was taken is handed out in equal parts; lower says how it should be shared.",
    )
    require(
        not like((counts + 3 * lower) / (total + 3)), "that is Witten-Bell, without a discount."
    )
    require(
        not like((kept + d * 3 * lower) / kept.sum()),
        "divide by the count of the context, c(h), not by what is left of it.",
    )
    require(
        like(right),
        f"the probabilities add up to {got.sum():.3f}, and the first is {got[0]:.3f}; it should "
        f"be {right[0]:.3f}.",
    )
    try:
        unseen = answer(torch.zeros(5), lower.clone(), d)
    except (ZeroDivisionError, ValueError):
        unseen = None
    require(
        isinstance(unseen, torch.Tensor) and torch.allclose(unseen, lower),
        "right where the context was seen. Where it never was, c(h) is 0: return lower.",
    )
    return "what was taken from the seen is shared as the shorter context says."


def min_p(answer: Callable) -> str:
    p, share = torch.tensor([[0.50, 0.31, 0.11, 0.08], [0.22, 0.28, 0.24, 0.26]]), 0.3
    given = p.clone()
    got = answer(given, share)
    require(torch.equal(given, p), "it changed the probabilities that it was given.")
    require(
        isinstance(got, torch.Tensor) and got.shape == p.shape,
        "probabilities of the shape of p are asked for.",
    )

    def like(mask: torch.Tensor, scaled: bool = True) -> bool:
        kept = torch.where(mask, p, 0.0)
        right = kept / kept.sum(-1, keepdim=True) if scaled else kept
        return torch.allclose(got, right, equal_nan=True)

    mask = p >= share * p.amax(-1, keepdim=True)
    require(not like(mask, scaled=False), "what is kept does not add up to 1: rescale it.")
    whole = torch.where(mask, p, 0.0)
    require(
        not torch.allclose(got, whole / whole.sum()),
        "each row should add up to 1, not all of them together.",
    )
    require(
        not like(p >= share),
        "share itself is the limit here. It should be share times the largest of the row, so "
        "that more stays where the network is not sure.",
    )
    require(not like(~mask), "it keeps the unlikely and drops the likely.")
    require(not like(torch.ones_like(mask)), "nothing was dropped.")
    require(
        not like(p == p.amax(-1, keepdim=True)), "only the most likely is kept, whatever share is."
    )
    ordered, rank = p.sort(-1, descending=True)
    nucleus = torch.zeros_like(mask).scatter(-1, rank, ordered.cumsum(-1) - ordered < share)
    require(not like(nucleus), "that is the nucleus, which adds probabilities up.")
    require(
        not torch.allclose(got, whole.softmax(-1)),
        "softmax is for logits. These are probabilities: divide by their sum.",
    )
    require(
        like(mask),
        f"of the first row it makes {[round(x, 3) for x in got[0].tolist()]}; those that stay "
        "are 0.5 and 0.31, since 0.11 is below 0.3 times 0.5.",
    )
    last = answer(torch.tensor([[0.5, 0.125, 0.375]]), 0.25)
    require(
        torch.allclose(last, torch.tensor([[0.5, 0.125, 0.375]])),
        "nearly: a probability that is exactly at the limit stays.",
    )
    other = answer(torch.tensor([[0.6, 0.2, 0.2], [0.4, 0.3, 0.3]]), 0.6)
    require(
        torch.allclose(other, torch.tensor([[1.0, 0, 0], [0.4, 0.3, 0.3]])),
        "each row needs the limit of its own largest probability.",
    )
    return "few stay where the network is sure, many where it is not."


CHECKS = {
    "23.1": per_character,
    "23.2": window,
    "23.3": discounted,
    "23.4": min_p,
}
