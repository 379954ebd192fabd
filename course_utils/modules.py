"""Moves modules to the device, and switches them between training and evaluation mode."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import nn


def place(modules: Iterable[nn.Module], device: torch.device) -> None:
    """Move modules to the device, in place; the layout of their weights stays as it is."""
    for module in modules:
        module.to(device)


def train(modules: Iterable[nn.Module], trained: Iterable[nn.Parameter]) -> None:
    """Training mode for the modules that were left in evaluation mode, but for what is frozen.

    A module in training mode is left alone, since a layer of it that is in evaluation mode was
    put there. What is in evaluation mode and has no parameter that is trained stays so, a
    pretrained network as much as its BatchNorm alone.
    """
    known = {id(parameter) for parameter in trained}

    def wake(module: nn.Module) -> None:
        ids = {id(parameter) for parameter in module.parameters()}
        if not ids or ids & known:  # dropout has no parameters
            module.training = True
            for child in module.children():
                wake(child)

    for module in modules:
        if not module.training and known & {id(p) for p in module.parameters()}:
            wake(module)


@contextlib.contextmanager
def evaluating(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each layer is in the mode it was in."""
    layers = [layer for module in modules for layer in module.modules()]
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.training = mode
