"""Which parameters an update trains, and whether their gradients are its own."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import nn


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
