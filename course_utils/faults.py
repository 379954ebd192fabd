"""What can go wrong in a training loop: an interrupt, a value that is not finite, no memory."""

import math
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class Stop:
    """Turn the first interrupt into a flag, so that the current step is completed.

    A second interrupt is an ordinary `KeyboardInterrupt`. Outside the main thread, to which
    Python delivers all signals, this does nothing.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "Stop":
        self.main = threading.current_thread() is threading.main_thread()
        if self.main:
            self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        self.asked = False  # what is called after the block is not asked to stop
        if self.main:
            signal.signal(signal.SIGINT, self.before)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device has run out of memory; torch has no exception of its own for a CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def free_memory(opts: Iterable[torch.optim.Optimizer]) -> None:
    """Free the gradients of the optimizers' parameters, and what torch keeps of a GPU's memory."""
    for opt in opts:
        opt.zero_grad()
    torch.cuda.empty_cache()  # does nothing if no GPU is in use


def check_value(what: str, value: float, step: int) -> None:
    """Stop at a number that is not finite.

    Raises:
        FloatingPointError: names the step and what the number is.
    """
    if not math.isfinite(value):
        raise FloatingPointError(f"Step {step}: {what} is {value}.")


def check_weights(modules: dict[str, nn.Module], step: int) -> None:
    """Stop at a parameter that is not finite: an infinite gradient makes it so.

    Raises:
        FloatingPointError: names the step and the parameter.
    """
    for part, module in modules.items():
        for name, parameter in module.named_parameters(part):
            if not _finite(parameter):
                raise FloatingPointError(f"Step {step}: the parameter {name!r} is not finite.")


def first_fault(modules: dict[str, nn.Module], run: Callable[[], Any]) -> str:
    """Run a forward pass again, and name the first layer at fault in a short phrase.

    A layer is at fault if its weights are not finite, or if it turns finite inputs into an output
    that is not. If no layer is, the loss itself is.
    """
    found: list[str] = []

    def watch(name: str) -> Callable:
        def hook(layer: nn.Module, inputs: tuple, output: Any) -> None:
            where = f"{name} ({type(layer).__name__})"
            if not _finite(list(layer.parameters(recurse=False))):
                found.append(f"{where}, whose weights are not finite")
            elif not _finite(inputs):
                found.append(f"the input of {where}")
            elif not _finite(output):
                found.append(f"{where}, whose output is not finite")

        return hook

    hooks = [
        layer.register_forward_hook(watch(f"{part}.{path}" if path else part))
        for part, module in modules.items()
        for path, layer in module.named_modules()
        if not list(layer.children())
    ]
    try:
        run()
    except Exception:  # the fault is reported already; the second pass only looks for its place
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else "the loss, since every layer's output is finite"


def _finite(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() or bool(value.isfinite().all())
    if isinstance(value, list | tuple):
        return all(_finite(item) for item in value)
    return True
