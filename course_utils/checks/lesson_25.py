"""The exercises of lesson 25: a scaled error, pinball, a conformal interval, a leak to repair."""

import math

import torch

from .exercise import Exercise


def scaled_error(forecast, truth, learnt, m):
    usual = (learnt[m:] - learnt[:-m]).abs().mean()
    return (forecast - truth).abs().mean() / usual


def quantile_loss(forecast, truth, q):
    gap = truth[:, None] - forecast
    return (q * gap.relu() + (1 - q) * (-gap).relu()).mean(0)


def interval(forecast, errors, share):
    rank = math.ceil((len(errors) + 1) * share)
    half = errors.abs().sort().values[:rank][-1]
    return forecast - half, forecast + half


def rolling_mse(y, border, m, ahead):
    z = y / y[:border].std(correction=0)
    gaps = []
    for t in range(border, len(y) - ahead + 1):
        forecast = z[t - m + torch.arange(ahead) % m]
        gaps.append((forecast - z[t : t + ahead]).square())
    return torch.stack(gaps).mean()


def scaling(size=torch.abs, usual=lambda x, m: (x[m:] - x[:-m]).abs().mean(), top=torch.mean):
    """A wrong score: errors of another size, another divisor, another mean."""

    def wrong(forecast, truth, learnt, m):
        return top(size(forecast - truth)) / usual(learnt, m)

    return wrong


def pinballs(over=lambda q: q, under=lambda q: 1 - q, gap=lambda y, f: y[:, None] - f,
             top=lambda loss: loss.mean(0)):  # fmt: skip
    """A wrong loss: what lies above costs `over`, what lies below costs `under`."""

    def wrong(forecast, truth, q):
        e = gap(truth, forecast)
        return top(torch.where(e > 0, over(q) * e, -under(q) * e))

    return wrong


def between(rank=lambda n, share: math.ceil((n + 1) * share), size=torch.abs,
            edges=lambda f, half: (f - half, f + half)):  # fmt: skip
    """A wrong interval: another rank, other sizes, other edges."""

    def wrong(forecast, errors, share):
        sizes = size(errors).sort().values
        place = min(max(rank(len(errors), share), 1), len(errors))
        return edges(forecast, sizes[place - 1])

    return wrong


def rolling(scale=lambda y, border: y[:border].std(correction=0), first=lambda b, a: b,
            last=lambda n, a: n - a + 1, places=lambda t, k, m: t - m + k % m,
            size=torch.square):  # fmt: skip
    """A wrong judge: another divisor, other origins, another forecast."""

    def wrong(y, border, m, ahead):
        z, k, gaps = y / scale(y, border), torch.arange(ahead), []
        for t in range(first(border, ahead), last(len(y), ahead)):
            gaps.append(size(z[places(t, k, m)] - z[t : t + ahead]).mean())
        return torch.stack(gaps).mean()

    return wrong


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wave(length, season, seed):
    time = torch.arange(length)
    return (2 * math.pi * time / season).sin() + 0.02 * time + 0.3 * normal(length, seed=seed)


# fmt: off
EXERCISES = {
    "25.1": Exercise(scaled_error, "one number", 10, "easy",
        cases=[(normal(5, seed=1), normal(5, seed=2) + 1, normal(20, seed=3), m)
               for m in (1, 4, 7)] + [(normal(3, seed=4), normal(3, seed=5), normal(9, seed=6), 2)],
        mistakes={
            "square the errors? MASE takes their absolute values.": scaling(size=torch.square),
            "the sign is kept, so that errors cancel: take absolute values above.":
                scaling(size=lambda e: e),
            "in the divisor, too, absolute values are averaged.":
                scaling(usual=lambda x, m: (x[m:] - x[:-m]).mean()),
            "the divisor is the error of the *seasonal* repeat: values m rows apart.":
                scaling(usual=lambda x, m: (x[1:] - x[:-1]).abs().mean()
                        if m > 1 else (x[2:] - x[:-2]).abs().mean()),
            "divide by the *mean* error of the seasonal repeat, not by the sum.":
                scaling(usual=lambda x, m: (x[m:] - x[:-m]).abs().sum()),
            "above, take the mean over the forecasts, not the sum.": scaling(top=torch.sum),
            "upside down: the error of the forecast is above, that of the seasonal repeat below.":
                lambda f, y, x, m: (x[m:] - x[:-m]).abs().mean() / (f - y).abs().mean(),
            "that is not divided by anything: the unit is still there.":
                scaling(usual=lambda x, m: 1.0),
            "that divides by the standard deviation of what was learnt.":
                scaling(usual=lambda x, m: x.std(correction=0)),
        },
        praise="A score that is the same in degrees Celsius and in Fahrenheit.",
        hints=("What would the seasonal repeat have forecast for learnt[m], learnt[m + 1], …?",
               "Its errors are learnt[m:] - learnt[:-m]. Divide one mean absolute error by "
               "the other."),
    ),
    "25.2": Exercise(quantile_loss, "a tensor of shape (Q,)", 10, "medium",
        cases=[(normal(n, len(q), seed=n), normal(n, seed=9 + n), torch.tensor(q))
               for n, q in ((6, [0.1, 0.5, 0.9]), (5, [0.25, 0.8]), (4, [0.3]))],
        mistakes={
            "the other way round: where the truth is above the forecast, the price is q.":
                pinballs(lambda q: 1 - q, lambda q: q),
            "the sign of what lies below: the loss is never negative.":
                pinballs(under=lambda q: q - 1),
            "both sides cost q. What lies below costs 1 - q.": pinballs(under=lambda q: q),
            "both sides cost the same, so that every quantile becomes the median.":
                pinballs(lambda q: 0.5, lambda q: 0.5),
            "twice too much: the price is q above and 1 - q below, with no factor.":
                pinballs(lambda q: 2 * q, lambda q: 2 * (1 - q)),
            "one side only: what lies below the forecast costs something, too.":
                pinballs(under=lambda q: 0 * q),
            "give each quantile's loss: that is the mean over all.":
                pinballs(top=lambda loss: loss.mean()),
            "average over the N, do not add them up.": pinballs(top=lambda loss: loss.sum(0)),
            "average over the N and keep the quantiles; yours is the other way round.":
                pinballs(top=lambda loss: loss.mean(1)),
        },
        praise="Too high and too low have each their price, and the quantile follows from it.",
        hints=("Compute the gap truth[:, None] - forecast, (N, Q). What does it cost where it is "
               "positive, and what where it is negative?",
               "Right on both sides is torch.maximum(q * gap, (q - 1) * gap); then .mean(0)."),
    ),
    "25.3": Exercise(interval, "two numbers, (low, high)", 15, "medium",
        cases=[(f, normal(n, seed=n) + 0.3, share) for f, n, share in (
            (2.0, 9, 0.8), (-1.0, 10, 0.8), (0.5, 24, 0.9), (3.0, 5, 0.95), (1.0, 13, 0.5),
            (4.0, 3, 0.6), (1.5, 12, 0.3))],
        mistakes={
            "there are n + 1 places for a new error among n old ones: (n + 1) · share.":
                between(lambda n, share: math.ceil(n * share)),
            "round up, not down: else it holds less often than promised.":
                between(lambda n, share: math.floor((n + 1) * share)),
            "take the size of the errors: a large negative one is a large one.":
                between(size=lambda e: e),
            "one place too far: the k-th smallest of a sorted tensor has index k - 1.":
                between(lambda n, share: math.ceil((n + 1) * share) + 1),
            "that is the share *outside*. The interval has to hold with `share`.":
                between(lambda n, share: math.ceil((n + 1) * (1 - share))),
            "torch.quantile interpolates between errors: take the k-th smallest itself.":
                lambda f, e, share: (f - e.abs().quantile(share), f + e.abs().quantile(share)),
            "half of that on each side? The half-width is the error itself.":
                between(edges=lambda f, half: (f - half / 2, f + half / 2)),
            "low comes first, then high.": between(edges=lambda f, half: (f + half, f - half)),
            "the interval goes round the forecast, not round 0.":
                between(edges=lambda f, half: (-half, half)),
        },
        praise="No assumption about the errors, but that those to come are like those before.",
        hints=("Sort the sizes of the errors. Which place among n + 1 would a new one take?",
               "With k = math.ceil((n + 1) * share), the k-th smallest is at index k - 1 of "
               "errors.abs().sort().values; if k is more than n, take the last."),
    ),
    "25.4": Exercise(rolling_mse, "one number", 15, "hard",
        cases=[(wave(length, m, seed), border, m, ahead) for length, m, seed, border, ahead in (
            (40, 5, 1, 25, 3), (36, 4, 2, 24, 6), (30, 3, 3, 20, 7), (28, 6, 4, 22, 6),
            (24, 1, 5, 15, 4))],
        mistakes={
            "the forecast is the truth itself: look m rows back.":
                rolling(lambda y, b: y.std(correction=0), lambda b, a: b - a, lambda n, a: n - a,
                        lambda t, k, m: t + k),
            "the standard deviation comes from everything: the training part ends at border.":
                rolling(scale=lambda y, b: y.std(correction=0)),
            "its first origins lie before the border: it is judged on what it was scaled by.":
                rolling(first=lambda b, a: b - a),
            "the last origin is missing: t = len(y) - ahead can still be judged.":
                rolling(last=lambda n, a: n - a),
            "t - m + k reaches what is not known once ahead is greater than m: take k % m.":
                rolling(places=lambda t, k, m: t - m + k),
            "that is persistence: the last value for all. The seasonal repeat looks m rows back.":
                rolling(places=lambda t, k, m: t - 1 + 0 * k if m > 1 else t - 2 + 0 * k),
            "square the errors.": rolling(size=torch.abs),
            "std divides by n - 1 unless told correction=0, as the given code does.":
                rolling(scale=lambda y, b: y[:b].std()),
            "the variance in place of the standard deviation.":
                rolling(scale=lambda y, b: y[:b].var(correction=0)),
        },
        praise="Three leaks are mended, and the score has become worse, as it should.",
        hints=("Ask of each line: may it know this at the moment t?",
               "Scale by y[:border], start at border, stop after len(y) - ahead, and forecast "
               "z[t - m + torch.arange(ahead) % m]."),
    ),
}
