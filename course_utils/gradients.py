"""One update of an optimizer: which parameters it trains, and by whose gradients."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from . import arguments, scaling


def trained(opt: torch.optim.Optimizer) -> list[nn.Parameter]:
    """The parameters that `opt` trains now: those of all its groups that are not frozen."""
    return [p for group in opt.param_groups for p in group["params"] if p.requires_grad]


def mark(parameters: Iterable[nn.Parameter]) -> None:
    """Take the gradients that are there as known; what is added to them later is not."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.known_version = parameter.grad._version


def unknown(parameters: Iterable[nn.Parameter]) -> bool:
    """Whether a `backward()` has left gradients here since they were marked."""
    found = [p.grad for p in parameters if p.grad is not None]
    return any(getattr(grad, "known_version", None) != grad._version for grad in found)


@contextlib.contextmanager
def own(opt: torch.optim.Optimizer, parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """A block whose gradients of `parameters` are an update's own, even where it fails."""
    opt.zero_grad()
    try:
        yield
    finally:
        mark(parameters)


def descend(
    name: str,
    opt: torch.optim.Optimizer,
    loss: torch.Tensor,
    scaler: torch.amp.GradScaler,
    clip: float,
) -> bool:
    """One step of the optimizer `name` down the gradient of `loss`, whose 2-norm is clipped.

    Returns False where the step was skipped, for a gradient that overflowed in float16.

    Raises:
        ValueError: the loss depends on none of its parameters, or its graph is used up.
    """
    parameters = trained(opt)
    with own(opt, parameters):
        # Autocast would round what the forward pass did in full precision, a penalty's slopes.
        with torch.autocast(loss.device.type, enabled=False), arguments.differentiable():
            scaler.scale(loss).backward(inputs=parameters)  # no other network, nothing frozen
        arguments.reached(name, parameters)
        if clip:
            scaler.unscale_(opt)
            nn.utils.clip_grad_norm_(parameters, clip)
        return scaling.step(scaler, opt)
