"""The exercises of lesson 00: parameters, softmax, a step of gradient descent, a loop."""

import torch
import torch.nn.functional as F

from .exercise import Exercise


def softmax(logits):
    powers = (logits - logits.amax(1, keepdim=True)).exp()
    return powers / powers.sum(1, keepdim=True)


def sgd_step(parameters, rate):
    with torch.no_grad():
        for parameter in parameters:
            parameter -= rate * parameter.grad
            parameter.grad = None


def train(W, batches, rate):
    losses = []
    for x, labels in batches:
        loss = F.cross_entropy(x @ W.T, labels)
        W.grad = None
        loss.backward()
        with torch.no_grad():
            W -= rate * W.grad
        losses.append(loss.item())
    return losses


def subtracting(shift):
    return lambda z: (z - shift(z)).exp() / (z - shift(z)).exp().sum(1, keepdim=True)


def stepping(change, clear=True):
    """A wrong step, which does `change(parameter, rate)` to each parameter."""

    @torch.no_grad()
    def sgd_step(parameters, rate):
        for parameter in parameters:
            change(parameter, rate)
            parameter.grad = None if clear else parameter.grad

    return sgd_step


def replaces(parameters, rate):
    for i, p in enumerate(parameters):
        parameters[i] = (p - rate * p.grad).detach().requires_grad_()


def trained(values, slopes):
    """A parameter with a gradient, as after `backward()`."""
    made = torch.tensor(values).requires_grad_()
    made.grad = torch.tensor(slopes)
    return made


def after_step(result, before, after):
    own = before[0]  # a network has these; new ones in the list are of no use to it
    return {
        "the first parameter": own[0],
        "the second parameter": own[1],
        "the number of gradients left": sum(p.grad is not None and bool(p.grad.any()) for p in own),
        "the number of parameters that require a gradient": sum(p.requires_grad for p in own),
        "the number of new tensors": sum(a is not b for a, b in zip(own, after[0], strict=True)),
    }


def looping(sign=-1, clear=True, tell=lambda losses, after: [loss.item() for loss in losses]):
    """A loop with a fault: its direction, what it clears, or what it tells of its losses."""

    def train(W, batches, rate):
        losses, after = [], []
        for x, labels in batches:
            losses.append(F.cross_entropy(x @ W.T, labels))
            W.grad = None if clear else W.grad
            losses[-1].backward()
            with torch.no_grad():
                W += sign * rate * W.grad
                after.append(F.cross_entropy(x @ W.T, labels).item())
        return tell(losses, after)

    return train


def after_training(result, before, after):
    losses = result if isinstance(result, list) else ()
    held = any(getattr(loss, "requires_grad", False) for loss in losses)
    return {"W": after[0].detach(), "whether the losses hold on to their computation": held}


def course(seed, rate, K, J, B, number):
    """Weights, so many batches of inputs, (B, J), and labels, (B,), below K, and a rate."""
    made = torch.Generator().manual_seed(seed)
    inputs = torch.randn(number, B, J, generator=made)
    labels = torch.randint(K, (number, B), generator=made)
    W = torch.randn(K, J, generator=made).requires_grad_()
    return W, list(zip(inputs, labels, strict=True)), rate


# fmt: off
EXERCISES = {
    "00.1": Exercise(28 * 28 * 10 + 10, "a whole number", 5, "easy",
        mistakes={
            "those are the weights. What shifts each class's sum?": 28 * 28 * 10,
            "every class has its own weights, not only its own bias.": 28 * 28 + 10,
            "that is one class. There are ten.": 28 * 28 + 1,
            "that is one class, and without its bias. There are ten.": 28 * 28,
            "an image has 28 rows of 28 pixels, not 28 pixels.": 28 * 10 + 10,
            "each class has a bias of its own.": 28 * 28 * 10 + 1,
        },
        praise="There are 7,840 weights and 10 biases.",
        hints=("Each class has one weight for each pixel. What else does it have?",
               "The logit is a weighted sum plus a constant: 28 · 28 weights and 1 bias each."),
    ),
    "00.2": Exercise(softmax, "a tensor with one probability for each logit", 10, "medium",
        cases=[(torch.tensor(rows),) for rows in (
            [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [[1000.0, 999.0]], [[1000.0, 0.0]],
            [[-1000.0, -999.0]], [[100.0, 0.0, 0.0]], [[1000.0, 999.0], [0.0, 1.0]],
        )],
        rtol=1e-3,  # the logarithm of a sum of such powers leaves no more in float32
        mistakes={
            "each column adds up to 1; each row should. Which dimension do you sum over?":
                lambda z: softmax(z.T).T,
            "all rows together add up to 1; each row should, on its own.":
                lambda z: softmax(z.reshape(1, -1)).reshape(z.shape),
            "those are the logarithms of the probabilities.": lambda z: z.log_softmax(1),
            "those are the exponentials; divide each row by its sum.": lambda z: z.exp(),
            "those are the exponentials below each row's maximum; divide each row by its sum.":
                lambda z: (z - z.amax(1, keepdim=True)).exp(),
            "where are the powers of e?": lambda z: z / z.sum(1, keepdim=True),
            "the logits of a row should share a probability of 1.": torch.sigmoid,
            "it is right for small logits, but exp(1000) is infinite and exp(-1000) is 0. "
            "Subtract something from each row first.": subtracting(lambda z: 0),
            "exp is still infinite far above the mean. Which logit, subtracted, makes the largest "
            "exponential exactly 1?": subtracting(lambda z: z.mean(1, keepdim=True)),
            "subtracting the smallest logit makes all others larger. Which one, subtracted, makes "
            "the largest exponential exactly 1?": subtracting(lambda z: z.amin(1, keepdim=True)),
            "subtract each row's own maximum, not the whole table's.": subtracting(torch.max),
            "each column's maximum is subtracted, so a row's logits change by different amounts. "
            "Which dimension does the maximum go over?": subtracting(lambda z: z.amax(0)),
        },
        praise="The rows add up to 1, and logits of 1000 and -1000 do no harm.",
        hints=("Adding a number to every logit of a row multiplies its exponentials by one factor.",
               "Subtract the row's largest logit first; then the largest exponential is 1."),
    ),
    "00.3": Exercise(sgd_step, "nothing: the parameters change in place", 10, "medium",
        cases=[
            ([trained([1.0, 2.0], [0.5, -1.5]), trained([[3.0]], [[-2.0]])], 0.1),
            ([trained([4.0, -1.0], [2.0, 1.0]), trained([[0.5]], [[3.0]])], 0.5),
        ],
        extra=after_step, numpy=False,
        mistakes={
            "the parameters are as they were. parameter = parameter - … only makes a new tensor: "
            "change it in place (parameter -= …).": lambda parameters, rate: None,
            "the list holds new tensors, but the network still has the old ones. Change each "
            "parameter in place (parameter -= …).": replaces,
            "it climbs: subtract the gradient.": stepping(lambda p, rate: p.add_(rate * p.grad)),
            "where is the rate?": stepping(lambda p, rate: p.sub_(p.grad)),
            "use the rate that is given, not 0.1.": stepping(lambda p, rate: p.sub_(0.1 * p.grad)),
            "every entry moves by the mean of the gradient; each should move by its own slope.":
                stepping(lambda p, rate: p.sub_(rate * p.grad.mean())),
            "only the first parameter moved. Is the return inside the loop?":
                lambda parameters, rate: sgd_step(parameters[:1], rate),
            "the step is right, but the gradients are still there, and the next backward would add "
            "to them.": stepping(lambda p, rate: p.sub_(rate * p.grad), clear=False),
        },
        praise="Downhill by rate times gradient, in place, and clean for the next batch.",
        hints=("Downhill is against the gradient.",
               "In no_grad, for each p of parameters: p -= rate * p.grad, then p.grad = None."),
    ),
    "00.4": Exercise(train, "a list with the loss of each batch, as plain numbers", 15, "medium",
        cases=[course(0, 0.5, 3, 4, 5, 4), course(1, 1.5, 2, 3, 2, 3)],
        extra=after_training, numpy=False,
        mistakes={
            "it climbs: the step goes along the gradient.": looping(sign=1),
            "the first step is right. The next one still has the gradient of the first batch in "
            "it: backward adds to what is there.": looping(clear=False),
            "two faults are left: it climbs, and each gradient is added to those before.":
                looping(sign=1, clear=False),
            "the training is right, but the list holds tensors. Each of them keeps the whole "
            "computation behind it in memory; .item() gives the plain number.":
                looping(tell=lambda losses, after: losses),
            "two faults are left: it climbs, and the list holds tensors, not numbers.":
                looping(sign=1, tell=lambda losses, after: losses),
            "two faults are left: each gradient is added to those before, and the list holds "
            "tensors, not numbers.": looping(clear=False, tell=lambda losses, after: losses),
            "all three faults are left. Start with the direction of the step.":
                looping(sign=1, clear=False, tell=lambda losses, after: losses),
            "the training is right, but each loss is measured after its step.":
                looping(tell=lambda losses, after: after),
            "the training is right, but it returns only the last loss.":
                looping(tell=lambda losses, after: losses[-1].item()),
            "only the first batch was used. Is the return inside the loop?":
                lambda W, batches, rate: train(W, batches[:1], rate),
            "the losses are right, but W is as it was: change it in place.":
                lambda W, batches, rate: train(W.clone().detach().requires_grad_(), batches, rate),
        },
        praise="Downhill, one batch at a time, and nothing is kept that isn't needed.",
        hints=("What does backward do with the gradient that is already there? Which way is W "
               "moved? What does a loss that has not been turned into a number keep alive?",
               "W.grad = None before backward, W -= rate * W.grad, losses.append(loss.item())."),
    ),
}
