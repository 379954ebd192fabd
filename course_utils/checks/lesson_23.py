"""The exercises of lesson 23: nats of words, windows that go on, absolute discounting, min-p."""

import math

import torch

from .exercise import Exercise


def per_character(perplexity, words, characters):
    return math.log(perplexity) * words / characters


def window(ids, size, length, number):
    row = (len(ids) - 1) // size
    inputs = ids[: size * row].view(size, row)
    targets = ids[1 : size * row + 1].view(size, row)
    columns = slice(number * length, (number + 1) * length)
    return inputs[:, columns], targets[:, columns]


def discounted(counts, lower, d):
    total, kinds = counts.sum(), (counts > 0).sum()
    if total == 0:
        return lower
    return ((counts - d).clip(min=0) + d * kinds * lower) / total


def min_p(p, share):
    kept = torch.where(p >= share * p.amax(1, keepdim=True), p, 0.0)
    return kept / kept.sum(1, keepdim=True)


def rows(ids, size, row):
    return tuple(part[: size * row].view(size, row) for part in (ids, ids[1:]))


def windows(rows=rows, left=1):
    """A wrong cut: other rows, or another number of symbols left for the last target."""
    return lambda ids, size, length, number: tuple(
        part[:, number * length : (number + 1) * length]
        for part in rows(ids, size, (len(ids) - left) // size)
    )


def handing(on, least=0.0):
    """A wrong discount: it hands `on(d, T(h), lower)`, or lets counts fall below 0."""
    return lambda c, low, d: (
        ((c - d).clip(min=least) + on(d, (c > 0).sum(), low)) / c.sum() if c.sum() else low
    )


def keeping(mask, over=lambda kept: kept.sum(1, keepdim=True)):
    """Another choice of what is kept, `mask(p, share)`, or of what it is divided by."""
    return lambda p, share: p * mask(p, share) / over(p * mask(p, share))


def likely(p, share):
    return p >= share * p.amax(1, keepdim=True)


def text(size):
    return torch.randint(60, (size,), generator=torch.Generator().manual_seed(size))


def context(*counts):
    """Counts, and a shorter context's probabilities for as many symbols."""
    return torch.tensor(counts), torch.arange(float(len(counts))).softmax(0)


# fmt: off
EXERCISES = {
    "23.1": Exercise(per_character, "one number", 5, "easy",
        cases=[(100.0, 200, 1100), (20.0, 50, 300), (900.0, 7, 31), (1.0, 3, 20)],
        mistakes={
            "those are nats per *word*.": lambda p, w, c: math.log(p),
            "those are bits; take the natural logarithm.": lambda p, w, c: math.log2(p) * w / c,
            "upside down: a word has more nats.": lambda p, w, c: math.log(p) * c / w,
            "those are the nats of one word. There are more.": lambda p, w, c: math.log(p) / c,
            "those are the nats of the whole text.": lambda p, w, c: math.log(p) * w,
            "that is the perplexity per character.": lambda p, w, c: p ** (w / c),
        },
        praise="The nats of the whole text are the same, whatever they are divided among.",
        hints=("How many nats has one word? How many nats has the whole text, then?",
               "The nats per word are math.log(perplexity); times words, divided by characters."),
    ),
    "23.2": Exercise(
        window, "a pair of tensors of shape (size, length), inputs and targets", 15, "hard",
        cases=[(text(50), 3, 4, 0), (text(50), 3, 4, 2), (text(49), 3, 4, 3), (text(48), 3, 4, 2),
               (text(48), 3, 5, 2), (text(31), 5, 2, 1), (text(20), 1, 6, 2)],
        mistakes={
            "the targets are the inputs: move them on.": lambda *given: window(*given)[:1] * 2,
            "inputs and targets are exchanged.": lambda *given: window(*given)[::-1],
            "no row goes on in the next window. Cut the whole text into rows first.":
                lambda ids, size, length, number: rows(ids[number * size * length :], size, length),
            "every window is window 0: number is not used.": lambda *given: window(*given[:3], 0),
            "the last target of a row is the row's own first symbol, not the next one in the text. "
            "Shift the text before you cut it.":
                windows(lambda *cut: (rows(*cut)[0], rows(*cut)[0].roll(-1, 1))),
            "right while a symbol is left over at the end, but 48 symbols do not make 3 rows of "
            "16: the last of them would have no target. Keep one symbol back.": windows(left=0),
        },
        praise="Each row goes on where it ended, and even the last symbol of a row has its target.",
        hints=("First make two views, of the inputs and the targets. Then take columns of both.",
               "With row = (len(ids) - 1) // size the inputs are ids[:size * row].view(size, row), "
               "and the targets begin one symbol later. The columns begin at number * length."),
    ),
    "23.3": Exercise(discounted, "a tensor with one probability for each symbol", 15, "medium",
        cases=[(*context(5.0, 0.0, 1.0, 2.0, 0.0, 1.0), 0.6), (*context(0.0, 3.0, 0.0), 0.75),
               (*context(2.0, 1.0, 4.0, 7.0), 0.3), (*context(0.0, 0.0, 0.0, 0.0, 0.0), 0.6)],
        mistakes={
            "a count of 0 has nothing to take from: without the max it becomes negative.":
                handing(lambda d, T, low: d * T * low, least=-1.0),
            "unseen symbols get nothing.": lambda c, low, d: c / c.sum() if c.sum() else low,
            "it adds up to less than 1: hand on what was taken.": handing(lambda d, T, low: 0),
            "d was taken from each of T(h) symbols.": handing(lambda d, T, low: d * low),
            "T(h) counts only symbols seen here.": handing(lambda d, T, low: d * len(low) * low),
            "share it as lower says, not equally.": handing(lambda d, T, low: d * T / len(low)),
            "right where the context was seen. Where it never was, c(h) is 0: return lower.":
                lambda c, low, d: ((c - d).clip(min=0) + d * (c > 0).sum() * low) / c.sum(),
        },
        praise="What was taken from the seen symbols is shared as the shorter context says.",
        hints=("How much was taken away in all? d for each symbol with a count: that is d · T(h).",
               "With kinds = (counts > 0).sum() it is ((counts - d).clip(min=0) + d * kinds * "
               "lower) / total, and lower where total is 0."),
    ),
    "23.4": Exercise(min_p, "a tensor of probabilities, with the shape of p", 10, "medium",
        cases=[(torch.tensor(rows), share) for rows, share in (
            ([[0.50, 0.31, 0.11, 0.08], [0.22, 0.28, 0.24, 0.26]], 0.3),
            ([[0.62, 0.2, 0.18], [0.4, 0.3, 0.3], [0.05, 0.05, 0.9], [0.3, 0.34, 0.36]], 0.6),
            ([[0.5, 0.25, 0.25], [0.125, 0.25, 0.625]], 0.5), ([[0.25] * 4], 1.0))],  # at the limit
        mistakes={
            "what is kept does not add up to 1: rescale it.": keeping(likely, lambda kept: 1),
            "each row should add up to 1, not all of them together.": keeping(likely, torch.sum),
            "the limit is share times the row's largest.": keeping(lambda p, share: p >= share),
            "softmax is for logits. These are probabilities: divide by their sum.":
                lambda p, share: torch.where(likely(p, share), p, 0.0).softmax(1),
            "exactly at the limit, it stays.": keeping(lambda p, s: p > s * p.amax(1, True)),
            "each row has a largest of its own.": keeping(lambda p, share: p >= share * p.max()),
        },
        praise="Few characters stay where the network is sure, many where it is not.",
        hints=("Each row has a limit of its own: share times the row's largest probability.",
               "Divide torch.where(p >= share * p.amax(1, True), p, 0.0) by each row's sum."),
    ),
}
