"""The exercises of lesson 53: a score-function gradient, an NLL to repair, distinct n-grams."""

import math
from collections import Counter

import torch

from .exercise import Exercise


def score_gradient(logits, x, gain, baseline):
    slopes = torch.eye(len(logits))[x] - logits.softmax(0)
    return ((gain - baseline)[:, None] * slopes).mean(0)


def held_out(net, x, temperature):
    read = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
    log_p = (net(read) / temperature).log_softmax(2)
    return -log_p.gather(2, x[:, :, None]).mean()


def distinct(lines, n):
    runs = [tuple(s[i : i + n]) for s in lines for i in range(len(s) - n + 1)]
    return len(set(runs)) / len(runs)


def scoring(base=lambda gain, b: b, slopes=None, over=torch.mean, sign=1):
    """A wrong estimate: another baseline, another slope of log p, or a sum for a mean."""

    def wrong(logits, x, gain, baseline):
        eye = torch.eye(len(logits))[x]
        d = eye - logits.softmax(0) if slopes is None else slopes(eye, logits)
        return sign * over((gain - base(gain, baseline))[:, None] * d, 0)

    return wrong


def shifted(x):
    return torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)


def pricing(read=shifted, scale=lambda z, t: z / t, axis=2, over=torch.mean, last=lambda x: x):
    """A wrong NLL: it reads other symbols, scales or sums in another way."""

    def wrong(net, x, temperature):
        log_p = scale(net(read(x)), temperature).log_softmax(axis)
        return over(last(-log_p.gather(2, x[:, :, None])))

    return wrong


def runs_of(lines, n, step=1, less=1):
    return [tuple(s[i : i + n]) for s in lines for i in range(0, len(s) - n + less, step)]


def share(count, runs=runs_of):
    return lambda lines, n: count(runs(lines, n))


def unlike(runs):
    return len(set(runs)) / len(runs)


class Table:
    """Logits for what comes after each symbol, which depend on all symbols so far."""

    def __init__(self, symbols, seed):
        generator = torch.Generator().manual_seed(seed)
        self.after = torch.randn(symbols, symbols, generator=generator)

    def __call__(self, ids):
        number = torch.arange(1, ids.shape[1] + 1)[:, None]
        return self.after[ids].cumsum(1) / number**0.5


def batch(symbols, shape, seed, temperature):
    ids = torch.randint(symbols, shape, generator=torch.Generator().manual_seed(seed))
    return Table(symbols, seed), ids, temperature


def draws(symbols, count, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(symbols, generator=generator)
    x = torch.randint(symbols, (count,), generator=generator)
    return logits, x, 2 + torch.randn(count, generator=generator), 1.5


# fmt: off
EXERCISES = {
    "53.1": Exercise(score_gradient, "a tensor with the shape of the logits", 15, "medium",
        cases=[draws(4, 6, 0), draws(3, 2, 1), draws(7, 20, 2)],
        mistakes={
            "the baseline is not used.": scoring(lambda gain, b: 0),
            "subtract the baseline from the gains; it is added.": scoring(lambda gain, b: -b),
            "use the baseline that is given, not the mean of these gains.":
                scoring(lambda gain, b: gain.mean()),
            "the slope of log p(x) is one-hot minus the probabilities; the latter are missing.":
                scoring(slopes=lambda eye, logits: eye),
            "the slope of log p needs probabilities, the softmax of the logits.":
                scoring(slopes=lambda eye, logits: eye - logits),
            "that is the slope of p, not of its logarithm: one factor p too many.":
                scoring(slopes=lambda eye, logits:
                        (eye @ logits.softmax(0))[:, None] * (eye - logits.softmax(0))),
            "the sign: gains are to grow.": scoring(sign=-1),
            "that is the sum over the draws. Take the mean.": scoring(over=torch.sum),
            "here the gains are not divided by their spread.":
                lambda logits, x, gain, b:
                    score_gradient(logits, x, gain, b) / (gain - b).std(),
            "the baseline goes off each gain, before it meets the slopes.":
                lambda logits, x, gain, b: score_gradient(logits, x, gain, 0) - b,
            "one-hot minus the probabilities, not minus their logarithms.":
                scoring(slopes=lambda eye, logits: eye - logits.log_softmax(0)),
        },
        praise="Unbiased for every baseline, and quieter with a good one.",
        hints=("The gradient of log p(x) in the logits is the one-hot row of x minus the "
               "probabilities.",
               "Take slopes = torch.eye(V)[x] minus logits.softmax(0); the mean over the rows of "
               "slopes, each times its gain minus the baseline."),
    ),
    "53.2": Exercise(held_out, "one number", 15, "medium", numpy=False,
        cases=[batch(5, (3, 4), 0, 0.5), batch(3, (2, 6), 1, 2.0), batch(4, (1, 3), 2, 0.7),
               batch(6, (7, 7), 3, 1.5)],
        mistakes={
            "that is the function as it was, with all four faults.":
                lambda net, x, t: -(net(x) * t).softmax(1).gather(2, x[:, :, None]).log().sum(),
            "the model has read the symbol that it is to predict: let it read 0 first, then all "
            "but the last.": pricing(lambda x: x),
            "it reads symbol 0 at the start, not the first symbol twice.":
                pricing(lambda x: torch.cat([x[:, :1], x[:, :-1]], 1)),
            "it reads one symbol too late: the one before, not the one after.":
                pricing(lambda x: torch.cat([x[:, 1:], torch.zeros_like(x[:, :1])], 1)),
            "divide the logits by the temperature.": pricing(scale=lambda z, t: z * t),
            "the temperature is not used.": pricing(scale=lambda z, t: z),
            "probabilities add up to 1 over the symbols, the last axis; yours do over time.":
                pricing(axis=1),
            "probabilities add up to 1 over the symbols, the last axis; yours do over sequences.":
                pricing(axis=0),
            "that is the sum. Take the mean over all symbols.": pricing(over=torch.sum),
            "the mean over all symbols, not over sequences only.":
                pricing(over=lambda c: c.sum(1).mean()),
            "the first symbol counts, too: it is predicted from the start.":
                pricing(last=lambda c: c[:, 1:]),
            "the sign: a cost is minus a logarithm.": pricing(last=lambda c: -c),
            "it reads 0 at the start; yours reads the last symbol of the sequence there.":
                pricing(lambda x: x.roll(1, 1)),
            "the temperature divides the logits, not the logarithms of the probabilities.":
                lambda net, x, t: held_out(net, x, 1.0) / t,
            "the temperature divides the logits, before the softmax, not after it.":
                lambda net, x, t: held_out(net, x, 1.0) + math.log(t),
            "take the logarithm of each symbol's probability, then the mean; not the other way.":
                lambda net, x, t: -(net(shifted(x)) / t).softmax(2)
                .gather(2, x[:, :, None]).mean().log(),
            "the logarithm is missing.":
                lambda net, x, t: -(net(shifted(x)) / t).softmax(2)
                .gather(2, x[:, :, None]).mean(),
            "nats are asked for: the natural logarithm, not that to base 2.":
                lambda net, x, t: held_out(net, x, t) / math.log(2),
            "the mean over all symbols, not over places only.":
                pricing(over=lambda c: c.sum(0).mean()),
        },
        praise="All four found: what it reads, the temperature, the axis, the mean.",
        hints=("What does the network have to read so that its first logits are about x[:, 0]?",
               "Read torch.cat([zeros, x[:, :-1]], 1), divide by the temperature, take "
               "log_softmax over axis 2, gather, and take the mean."),
    ),
    "53.3": Exercise(distinct, "one number", 10, "easy",
        cases=[([[1, 2, 3, 1, 2, 3], [1, 2, 4]], 2), ([[0, 0, 0, 0]], 1),
               ([[5, 6], [6, 5], [7]], 2),
               ([[1, 2, 1, 2, 1], [2, 1, 2], [9]], 3), ([[3, 1, 2], [2, 3, 1], [2, 1]], 1)],
        mistakes={
            "those are the number of different runs: divide by the number of all.":
                share(lambda runs: len(set(runs))),
            "that is the share of repeats. The others are asked for.":
                share(lambda runs: 1 - unlike(runs)),
            "the last run of each line is missing.":
                lambda lines, n: unlike(runs_of(lines, n, less=0) or [0]),
            "runs may overlap: one begins at every symbol.":
                lambda lines, n: unlike(runs_of(lines, n, step=n)),
            "a run does not go from one line into the next.":
                lambda lines, n: unlike(runs_of([[k for s in lines for k in s]], n)),
            "single symbols are counted. A run has n of them.":
                lambda lines, n: unlike(runs_of(lines, 1 if n > 1 else 2)),
            "the order of a run matters: (1, 2) is not (2, 1).":
                share(lambda runs: len({tuple(sorted(r)) for r in runs}) / len(runs)),
            "runs that are shorter than n are counted at the ends.":
                lambda lines, n: unlike([tuple(s[i : i + n])
                                         for s in lines for i in range(len(s))]),
            "each run that occurs counts once, also one that is repeated.":
                share(lambda runs: sum(c == 1 for c in Counter(runs).values()) / len(runs)),
            "a run that is in two lines counts once in all, not once per line.":
                lambda lines, n: sum(len(set(runs_of([s], n))) for s in lines)
                / len(runs_of(lines, n)),
            "divide by the number of runs, not of symbols.":
                lambda lines, n: len(set(runs_of(lines, n))) / sum(map(len, lines)),
            "a line that is shorter than n has no run.":
                lambda lines, n: unlike(runs_of(lines, n)
                                        + [tuple(s) for s in lines if len(s) < n]),
            "a line that is shorter than n has 0 runs, not fewer than 0.":
                lambda lines, n: len(set(runs_of(lines, n)))
                / sum(len(s) - n + 1 for s in lines),
            "that counts whole lines.":
                lambda lines, n: len(set(map(tuple, lines))) / len(lines),
            "divide by all runs of all lines together; that is the mean over lines.":
                lambda lines, n: (lambda v: sum(v) / len(v))(
                    [unlike(runs_of([s], n)) for s in lines if len(s) >= n]),
        },
        praise="It goes to 0 for a generator that repeats itself.",
        hints=("Make a list of all runs as tuples; how many does its set have?",
               "[tuple(s[i : i + n]) for s in lines for i in range(len(s) - n + 1)]"),
    ),
}
