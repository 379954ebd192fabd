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


def windows(row=lambda n, size, length: (n - 1) // size, rows=rows, begin=None):
    """A wrong cut: another length of the rows, other rows, or another first column."""

    def window(ids, size, length, number):
        first = begin(number) if begin else number * length
        whole = rows(ids, size, row(len(ids), size, length))
        return tuple(part[:, first : first + length] for part in whole)

    return window


def discounting(formula):
    """A wrong formula of what is left of the counts, T(h), counts, lower and d."""
    left, kinds = (lambda c, d: (c - d).clip(min=0)), (lambda c: (c > 0).sum())
    return lambda c, low, d: formula(left(c, d), kinds(c), c, low, d) if c.sum() else low


def keeping(mask, over=lambda kept: kept.sum(1, keepdim=True)):
    """Another choice of what is kept, `mask(p, share)`, or of what it is divided by."""
    return lambda p, share: p * mask(p, share) / over(p * mask(p, share))


def likely(p, share):
    return p >= share * p.amax(1, keepdim=True)


def nucleus(p, share):
    ordered, rank = p.sort(1, descending=True)
    inside = ordered.cumsum(1) - ordered < share
    return torch.zeros_like(inside).scatter(1, rank, inside)


def text(size):
    return torch.randint(60, (size,), generator=torch.Generator().manual_seed(size))


def context(*counts):
    """Counts, and a shorter context's probabilities for as many symbols."""
    return torch.tensor(counts), torch.arange(float(len(counts))).softmax(0)


# fmt: off
EXERCISES = {
    "23.1": Exercise(
        per_character, "one number", 5, "easy",
        cases=[(100.0, 200, 1100), (20.0, 50, 300), (900.0, 7, 31), (1.0, 3, 20)],
        mistakes={
            "those are nats per *word*.": lambda p, w, c: math.log(p),
            "those are bits; take the natural logarithm.": lambda p, w, c: math.log2(p) * w / c,
            "upside down: a character has fewer nats than a word.":
                lambda p, w, c: math.log(p) * c / w,
            "those are the nats of one word. There are more.": lambda p, w, c: math.log(p) / c,
            "those are the nats of the whole text.": lambda p, w, c: math.log(p) * w,
            "that is the perplexity per character; its logarithm is in nats.":
                lambda p, w, c: p ** (w / c),
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
            "the targets are the inputs: move them on by one.":
                windows(rows=lambda *cut: rows(*cut)[:1] * 2),
            "the targets are what came *before* the inputs. Or are the two exchanged?":
                lambda *given: window(*given)[::-1],
            "the rows of one window follow each other in the text, so the next window does not go "
            "on where this one ended, row by row. Cut the whole text into rows first.":
                lambda ids, size, length, number: rows(ids[number * size * length :], size, length),
            "a row jumps through the text in steps of size; each row should be a stretch of it.":
                windows(rows=lambda i, s, row: [p.reshape(row, s).T for p in rows(i, s, row)]),
            "every window is window 0: number is not used.": windows(begin=lambda n: 0),
            "time goes along the second axis: (size, length).":
                lambda *given: tuple(part.T for part in window(*given)),
            "a target at the end of a row is the row's own first symbol. It is the symbol that "
            "comes next in the text: shift the text before you cut it.":
                windows(rows=lambda *cut: (rows(*cut)[0], rows(*cut)[0].roll(-1, 1))),
            "a target at the end of a row is cut off. It is in the text, but not in the row: shift "
            "the text before you cut it.":
                windows(rows=lambda *cut: (rows(*cut)[0], rows(*cut)[0][:, 1:])),
            "right while a symbol is left over at the end, but 48 symbols do not make 3 rows of "
            "16: the last of them would have no target. Keep one symbol back.":
                windows(row=lambda n, size, length: n // size),
            "the rows use up the whole text, so for the last target only the text's first symbol "
            "is left. Keep one symbol back.": windows(
                lambda n, s, length: n // s, lambda i, *cut: rows(torch.cat([i, i[:1]]), *cut)),
            "the rows are shorter than they could be: they need not hold a whole number of "
            "windows.": windows(row=lambda n, size, length: (n - 1) // size // length * length),
        },
        praise="Each row goes on where it ended, and even the last symbol of a row has its target.",
        hints=("First make two views, of the inputs and the targets. Then take columns of both.",
               "With row = (len(ids) - 1) // size the inputs are ids[:size * row].view(size, row), "
               "and the targets begin one symbol later. The columns begin at number * length."),
    ),
    "23.3": Exercise(
        discounted, "a tensor with one probability for each symbol", 15, "medium",
        cases=[(*context(5.0, 0.0, 1.0, 2.0, 0.0, 1.0), 0.6), (*context(0.0, 3.0, 0.0), 0.75),
               (*context(2.0, 1.0, 4.0, 7.0), 0.3), (*context(0.0, 0.0, 0.0, 0.0, 0.0), 0.6)],
        mistakes={
            "a count of 0 has nothing to take from: without the max it becomes negative.":
                discounting(lambda left, kinds, c, low, d: (c - d + d * kinds * low) / c.sum()),
            "nothing is taken away: unseen symbols have probability 0.":
                discounting(lambda left, kinds, c, low, d: c / c.sum()),
            "what was taken is not handed on: it adds up to less than 1.":
                discounting(lambda left, kinds, c, low, d: left / c.sum()),
            "d was taken from *each* symbol that was seen, so there is d · T(h) to hand on.":
                discounting(lambda left, kinds, c, low, d: (left + d * low) / c.sum()),
            "T(h) counts only the symbols that have followed this context, not all.":
                discounting(lambda left, kinds, c, low, d: (left + d * len(c) * low) / c.sum()),
            "what was taken is handed out in equal parts; lower says how it should be shared.":
                discounting(lambda left, kinds, c, low, d: (left + d * kinds / len(c)) / c.sum()),
            "that is Witten-Bell, without a discount.":
                discounting(lambda left, kinds, c, low, d: (c + kinds * low) / (c.sum() + kinds)),
            "divide by the count of the context, c(h), not by what is left of it.":
                discounting(lambda left, kinds, c, low, d: (left + d * kinds * low) / left.sum()),
            "right where the context was seen. Where it never was, c(h) is 0: return lower.":
                lambda c, low, d: ((c - d).clip(min=0) + d * (c > 0).sum() * low) / c.sum(),
        },
        praise="What was taken from the seen symbols is shared as the shorter context says.",
        hints=("How much was taken away in all? d for each symbol with a count: that is d · T(h).",
               "With kinds = (counts > 0).sum() it is ((counts - d).clip(min=0) + d * kinds * "
               "lower) / total, and lower where total is 0."),
    ),
    "23.4": Exercise(
        min_p, "a tensor of probabilities, with the shape of p", 10, "medium",
        cases=[(torch.tensor(rows), share) for rows, share in (
            ([[0.50, 0.31, 0.11, 0.08], [0.22, 0.28, 0.24, 0.26]], 0.3),
            ([[0.62, 0.2, 0.18], [0.4, 0.3, 0.3], [0.05, 0.05, 0.9], [0.3, 0.34, 0.36]], 0.6),
            ([[0.5, 0.25, 0.25], [0.125, 0.25, 0.625]], 0.5), ([[0.25] * 4], 1.0))],  # at the limit
        mistakes={
            "what is kept does not add up to 1: rescale it.": keeping(likely, lambda kept: 1),
            "each row should add up to 1, not all of them together.": keeping(likely, torch.sum),
            "share itself is the limit here. It should be share times the largest of the row, so "
            "that more stays where the network is not sure.":
                keeping(lambda p, share: p >= share),
            "only the most likely is kept, whatever share is.":
                keeping(lambda p, share: p == p.amax(1, keepdim=True)),
            "that is the nucleus, which adds probabilities up.": keeping(nucleus),
            "softmax is for logits. These are probabilities: divide by their sum.":
                lambda p, share: torch.where(likely(p, share), p, 0.0).softmax(1),
            "it is almost right, but a probability exactly at the limit stays.":
                keeping(lambda p, share: p > share * p.amax(1, keepdim=True)),
            "each row has a limit of its own: share times its own largest probability, not the "
            "largest of all rows.": keeping(lambda p, share: p >= share * p.max()),
        },
        praise="Few characters stay where the network is sure, many where it is not.",
        hints=("Each row has a limit of its own: share times the row's largest probability.",
               "Divide torch.where(p >= share * p.amax(1, keepdim=True), p, 0.0) by the sum of "
               "each row."),
    ),
}
