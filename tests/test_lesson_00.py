"""Lesson 00's checks know the right answers, and know wrong ones apart."""

import torch
from exercises import prove


def softmax_in_place(logits):
    logits -= logits.max(1, keepdim=True).values
    return logits.softmax(1)


def softmax_of_all(logits):
    return logits.exp() / logits.exp().sum()


def naive(logits):
    return logits.exp() / logits.exp().sum(1, keepdim=True)


def clamped(logits):
    return naive(logits.clamp(max=80))


def one_maximum(logits):
    powers = (logits - logits.max()).exp()
    return powers / powers.sum(1, keepdim=True)


def rebind(parameters, rate):
    for parameter in parameters:
        parameter = parameter - rate * parameter.grad
        parameter.grad = None


def descend(parameters, step, clear=True):
    with torch.no_grad():
        for parameter in parameters:
            parameter += step * parameter.grad
            if clear:
                parameter.grad = None


def first_only(parameters, rate):
    return descend(parameters[:1], -rate)


def freeze(parameters, rate):
    descend(parameters, -rate)
    for parameter in parameters:
        parameter.requires_grad_(False)


WRONG = {
    "00.1": {
        "What shifts each class's sum?": 7840,
        "every class has its own weights": 28 * 28 + 10,
        "that is one class": 28 * 28 + 1,
        "28 rows of 28": 290,
        "Count for one class first": 12,
        "a whole number is asked for": "7850",
    },
    "00.2": {
        "exp(1000) is infinite": naive,
        "for -1000 it gives nan": clamped,
        "each column adds up to 1": lambda logits: logits.softmax(0),
        "all rows together": softmax_of_all,
        "logarithms": lambda logits: logits.log_softmax(1),
        "shape (2,)": lambda logits: logits.softmax(1).max(1).values,
        "probabilities add up to 1": lambda logits: logits.exp(),
        "not powers of e": lambda logits: (
            logits.abs() / logits.abs().sum(1, keepdim=True)
            if logits.abs().sum(1).min() > 0
            else torch.full_like(logits, 1 / 3)
        ),
        "beside a row with much larger": one_maximum,
        "it changed the logits": softmax_in_place,
        "returned NoneType": lambda logits: print(end=""),
    },
    "00.3": {
        "parameters are as before": rebind,
        "it climbs": lambda parameters, rate: descend(parameters, rate),
        "where is the rate": lambda parameters, rate: descend(parameters, -1.0),
        "gradients are still there": lambda parameters, rate: descend(parameters, -rate, False),
        "only the first parameter": first_only,
        "no longer want a gradient": freeze,
        "by -rate times its gradient": lambda parameters, rate: descend(parameters, -2 * rate),
        "a leaf Variable": lambda parameters, rate: parameters[0].sub_(parameters[0].grad),
    },
}


def test_checks(capsys):
    prove(capsys, "00", WRONG)
