"""The checks of lesson 00: parameters, softmax, one step of gradient descent."""

from collections.abc import Callable
from typing import Any

import torch

from . import require

HINTS = {
    "00.1": (
        "Each class has one weight for each pixel. What else does it have?",
        "The logit is a weighted sum plus a constant: 28 · 28 weights and 1 bias a class.",
    ),
    "00.2": (
        "Adding the same number to all logits of a row multiplies all its exponentials alike.",
        "Subtract the row's largest logit first; then the largest exponential is 1.",
    ),
    "00.3": (
        "Downhill is against the gradient.",
        "Inside no_grad, for each parameter: parameter -= rate * parameter.grad, "
        "then parameter.grad = None.",
    ),
}


def parameters(answer: Any) -> str:
    require(isinstance(answer, int), f"a whole number is asked for, not {type(answer).__name__}.")
    weights, biases = 28 * 28 * 10, 10
    require(answer != weights, "those are the weights. What shifts each class's sum?")
    require(answer != 28 * 28 + 10, "every class has its own weights, not only its own bias.")
    require(answer != 28 * 28 + 1, "that is one class. There are ten.")
    require(answer != 28 * 10 + 10, "a picture has 28 rows of 28 pixels, not 28 pixels.")
    require(
        answer == weights + biases,
        f"{answer:,} is not it. Count for one class first: a weight for each pixel, and one more.",
    )
    return f"{weights:,} weights and {biases} biases."


def softmax(answer: Callable) -> str:
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    given = logits.clone()
    got = answer(given)
    require(isinstance(got, torch.Tensor), f"it returned {type(got).__name__}, not a tensor.")
    require(torch.equal(given, logits), "it changed the logits that it was given; make new ones.")
    require(
        got.shape == logits.shape,
        f"for logits of shape (2, 3) it returned shape {tuple(got.shape)}. One probability "
        "for each logit is asked for.",
    )
    require(
        not torch.allclose(got, logits.softmax(0)),
        "each column adds up to 1; each row should. Over which dimension do you sum?",
    )
    require(
        not torch.allclose(got, logits.exp() / logits.exp().sum()),
        "all rows together add up to 1; each row should, by itself.",
    )
    require(
        not torch.allclose(got, logits.log_softmax(1)),
        "those are the logarithms of the probabilities.",
    )
    require(
        torch.allclose(got.sum(1), torch.ones(2), atol=1e-5),
        f"the rows add up to {', '.join(f'{total:.3g}' for total in got.sum(1))}; probabilities "
        "add up to 1.",
    )
    require(
        torch.allclose(got, logits.softmax(1), atol=1e-5),
        "the rows add up to 1, but they are not powers of e divided by their sum.",
    )
    high, low = (answer(torch.tensor([row])) for row in ([1000.0, 999.0], [-1000.0, -999.0]))
    require(
        bool(high.isfinite().all()),
        "right for small logits, but for 1000 it gives nan: exp(1000) is infinite. Subtract "
        "something from the row first.",
    )
    require(
        bool(low.isfinite().all()),
        "right up to 1000, but for -1000 it gives nan: every exponential is 0. Which logit, "
        "subtracted, makes one exponential exactly 1?",
    )
    mixed = torch.tensor([[1000.0, 999.0], [0.0, 1.0]])
    require(
        torch.allclose(answer(mixed), mixed.softmax(1), atol=1e-5),
        "each row alone is right, but not beside a row with much larger logits: subtract each "
        "row's own maximum, not that of the whole table.",
    )
    return "rows add up to 1, and logits of 1000 and of -1000 do no harm."


def sgd_step(answer: Callable) -> str:
    def fresh() -> list[torch.Tensor]:
        made = [torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])]
        for tensor, slope in zip(made, (0.5, -2.0), strict=True):
            tensor.requires_grad_()
            tensor.grad = torch.full_like(tensor, slope)
        return made

    before, after = fresh(), fresh()
    gradients = [tensor.grad.clone() for tensor in before]
    answer(after, 0.1)
    change = [(new - old).detach() for new, old in zip(after, before, strict=True)]

    def changed_by(factor: float) -> bool:
        pairs = zip(change, gradients, strict=True)
        return all(torch.allclose(moved, factor * slope, atol=1e-6) for moved, slope in pairs)

    require(
        not changed_by(0),
        "the parameters are as before. Did you bind a new tensor to the name "
        "(parameter = parameter - …) instead of changing it in place (parameter -= …)?",
    )
    require(not changed_by(0.1), "it climbs: with the gradient the loss grows. Subtract it.")
    require(not changed_by(-1), "the step is the whole gradient; where is the rate?")
    require(
        float(change[0].abs().max()) == 0 or float(change[1].abs().max()) > 0,
        "only the first parameter moved. Is the return inside the loop?",
    )
    require(changed_by(-0.1), "each parameter should change by -rate times its gradient.")
    require(
        all(tensor.grad is None or not tensor.grad.any() for tensor in after),
        "the step is right, but the gradients are still there, and the next backward would "
        "add to them.",
    )
    require(
        all(tensor.requires_grad for tensor in after),
        "the parameters no longer want a gradient, so the next backward would find none.",
    )
    return "downhill by rate times gradient, in place, and clean for the next batch."


CHECKS = {"00.1": parameters, "00.2": softmax, "00.3": sgd_step}
