"""Lesson 12's checks know the right answers, and know wrong ones apart."""

import torch
from exercises import prove


def weighted(maps, weights):
    return torch.einsum("c,chw->hw", weights, maps)


def right_cam(maps, slopes):
    return weighted(maps, slopes.mean((1, 2))).relu()


def equal_pairs(train, test):
    """(N, M): which training picture equals which test picture."""
    return (train.flatten(1)[:, None] == test.flatten(1)[None]).all(2)


def by_sums(train, test):
    train, test = train.flatten(1), test.flatten(1)
    return (test.sort(1).values[:, None] == train.sort(1).values[None]).all(2).any(1)


def nearly(train, test):
    return torch.cdist(test.flatten(1), train.flatten(1)).amin(1) < 0.6


WRONG = {
    "12.1": {
        "Where is the bias?": lambda i, o, k: o * i * k * k,
        "a kernel is a square": lambda i, o, k: o * (i * k + 1),
        "for every input channel": lambda i, o, k: o * (k * k + 1),
        "one bias for each output channel, not": lambda i, o, k: o * i * (k * k + 1),
        "has a bias of its own": lambda i, o, k: o * i * k * k + 1,
        "PyTorch's layer has 416": lambda i, o, k: i + o + k,
    },
    "12.2": {
        "round down.": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
        "both sides": lambda n, k, s, p: (n + p - k) // s + 1,
        "one too few": lambda n, k, s, p: (n + 2 * p - k) // s,
        "round down, not up": lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1,
        "where is the padding?": lambda n, k, s, p: (n - k) // s + 1,
        "stride of 1 only": lambda n, k, s, p: n + 2 * p - k + 1,
        "PyTorch gives 14": lambda n, k, s, p: n // s + k,
        "return a whole number": lambda n, k, s, p: float((n + 2 * p - k) // s + 1),
    },
    "12.3": {
        "negative places": lambda a, g: weighted(a, g.mean((1, 2))),
        "do not turn its sign": lambda a, g: weighted(a, g.mean((1, 2))).abs(),
        "*one* weight": lambda a, g: (a * g).sum(0).relu(),
        "summed as they are": lambda a, g: a.sum(0).relu(),
        "sums of slopes": lambda a, g: weighted(a, g.sum((1, 2))).relu(),
        "around the sum": lambda a, g: weighted(a, g.mean((1, 2)).relu()).relu(),
        "right but for the scale": lambda a, g: right_cam(a, g) / right_cam(a, g).max(),
        "one map for each channel": lambda a, g: (g.mean((1, 2), keepdim=True) * a).relu(),
        "not (4, 5)": lambda a, g: right_cam(a, g).flatten(),
        "not the means": lambda a, g: weighted(g, a.mean((1, 2))).relu(),
    },
    "12.4": {
        "other way round": lambda train, test: equal_pairs(train, test).any(1),
        "as indices": lambda train, test: equal_pairs(train, test).any(0).nonzero()[:, 0],
        "True is for pictures that did leak": lambda train, test: ~equal_pairs(train, test).any(0),
        "in another order": by_sums,
        "differs in one pixel": nearly,
        "misses a copy": lambda train, test: equal_pairs(train[:6], test).diag(),
        "should be boolean": lambda train, test: equal_pairs(train, test).sum(0),
        "returned int": lambda train, test: int(equal_pairs(train, test).sum()),
    },
}


def test_checks(capsys):
    prove(capsys, "12", WRONG)
