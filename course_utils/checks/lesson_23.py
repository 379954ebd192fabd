"""The exercises of lesson 23: nats of words, windows that go on, min-p, and a sampler to repair."""

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


def min_p(p, share):
    kept = torch.where(p >= share * p.amax(1, keepdim=True), p, 0.0)
    return kept / kept.sum(1, keepdim=True)


def sample(net, prompt, uniforms, temperature):
    drawn = []
    logits, state = net(prompt, None)
    for u in uniforms:
        p = (logits[-1] / temperature).softmax(-1)
        drawn.append((p.cumsum(-1) <= u).sum())
        logits, state = net(drawn[-1][None], state)
    return torch.stack(drawn)


def rows(ids, size, row):
    return tuple(part[: size * row].view(size, row) for part in (ids, ids[1:]))


def windows(rows=rows, left=1):
    """A wrong cut: other rows, or another number of symbols left for the last target."""
    return lambda ids, size, length, number: tuple(
        part[:, number * length : (number + 1) * length]
        for part in rows(ids, size, (len(ids) - left) // size)
    )


def keeping(mask, over=lambda kept: kept.sum(1, keepdim=True)):
    """Another choice of what is kept, `mask(p, share)`, or of what it is divided by."""
    return lambda p, share: p * mask(p, share) / over(p * mask(p, share))


def likely(p, share):
    return p >= share * p.amax(1, keepdim=True)


def nucleus(p, share):
    ordered, rank = p.sort(1, descending=True)
    return torch.zeros_like(p).scatter(1, rank, (ordered.cumsum(1) - ordered < share).float())


def text(size):
    return torch.randint(60, (size,), generator=torch.Generator().manual_seed(size))


class Net:
    """Logits that depend on the last symbol and on all before it; the state is one number."""

    def __init__(self, size):
        self.table = 2 * torch.randn(11, size, size, generator=torch.Generator().manual_seed(size))
        self.table[..., 0] = -torch.inf  # a symbol that never comes

    def __call__(self, ids, state):
        found, state = [], 0 if state is None else state
        for symbol in map(int, ids):
            found.append(self.table[state, symbol])
            state = (3 * state + symbol + 1) % 11
        return torch.stack(found), state


def sampling(logits=lambda z, t: z[-1] / t, draw=lambda p, u: (p.cumsum(-1) <= u).sum(),
             feed=lambda prompt, drawn: drawn[-1:], carry=True, whole=False):  # fmt: skip
    """A wrong sampler: other logits, another draw, other symbols fed back, or no state."""

    def wrong(net, prompt, uniforms, temperature):
        z, state = net(prompt, None)
        drawn = prompt[:0]
        for u in uniforms:
            symbol = draw(logits(z, temperature).softmax(-1), u)
            drawn = torch.cat([drawn, symbol[None]])
            z, state = net(feed(prompt, drawn), state if carry else None)
        return torch.cat([prompt, drawn]) if whole else drawn

    return wrong


# fmt: off
EXERCISES = {
    "23.1": Exercise(per_character, "one number", 5, "easy",
        cases=[(100.0, 200, 1100), (20.0, 50, 300), (900.0, 7, 31), (1.0, 3, 20)],
        mistakes={
            "those are nats per *word*.": lambda p, w, c: math.log(p),
            "those are bits; take the natural logarithm.": lambda p, w, c: math.log2(p) * w / c,
            "upside down: a word has more nats.": lambda p, w, c: math.log(p) * c / w,
            "the perplexity is e to the nats per word: take its logarithm first.":
                lambda p, w, c: p * w / c,
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
    "23.3": Exercise(min_p, "a tensor of probabilities, with the shape of p", 10, "medium",
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
            "that is the nucleus, which adds up. Min-p compares each one with the largest.":
                keeping(nucleus),
            "each row has a largest of its own.": keeping(lambda p, share: p >= share * p.max()),
        },
        praise="Few characters stay where the network is sure, many where it is not.",
        hints=("Each row has a limit of its own: share times the row's largest probability.",
               "Divide torch.where(p >= share * p.amax(1, True), p, 0.0) by each row's sum."),
    ),
    "23.4": Exercise(sample, "a tensor (N,) of symbols", 15, "medium", numpy=False,
        cases=[(Net(size), torch.tensor(prompt), torch.tensor(uniforms), temperature)
               for size, prompt, uniforms, temperature in (
            (5, [1, 3, 2], [0.0, 0.31, 0.93, 0.52, 0.77, 0.12, 0.66], 1.0),
            (9, [4, 4, 7, 1], [0.95, 0.5, 0.83, 0.24, 0.0, 0.71, 0.9, 0.42], 2.5),
            (7, [6, 2], [0.64, 0.97, 0.35, 0.88, 0.59, 0.79], 0.6))],
        mistakes={
            "that is the sampler as it was, with all three faults.":
                sampling(lambda z, t: z[-1] * t, lambda p, u: p.argmax(), lambda prompt, _: prompt),
            "the temperature multiplies: a hot text would be cold. Divide by it.":
                sampling(lambda z, t: z[-1] * t),
            "the temperature has no effect: divide the logits by it.": sampling(lambda z, t: z[-1]),
            "it takes the likeliest symbol, whatever u is.": sampling(draw=lambda p, u: p.argmax()),
            "a sum that is exactly u is not *greater* than u: take the next symbol.":
                sampling(draw=lambda p, u: (p.cumsum(-1) < u).sum()),
            "logits[-1] comes after the last symbol of the prompt, logits[0] after its first.":
                sampling(lambda z, t: z[0] / t),
            "it never reads what it wrote: feed the drawn symbol back, not the prompt.":
                sampling(feed=lambda prompt, drawn: prompt),
            "it forgets: hand the state on to the next call of net.": sampling(carry=False),
            "it reads all that it wrote again and again. The state knows it: feed the last alone.":
                sampling(feed=lambda prompt, drawn: drawn),
            "the prompt is no part of the answer: return the drawn symbols only.":
                sampling(whole=True),
            "that is the last symbol whose sum is *not* greater than u. Take the next one.":
                sampling(draw=lambda p, u: ((p.cumsum(-1) <= u).sum() - 1).clamp(min=0)),
        },
        praise="Divide, draw, feed back, and hand the state on: that is all of sampling.",
        hints=("Is a large temperature to make the logits larger or smaller? Where is u used? "
               "And which symbol does net read next?",
               "The draw is (p.cumsum(-1) <= u).sum(). Give net that, as (1,), and the state."),
    ),
}
