"""Arguments of the training loop: parts, optimizers, losses, batches, a device."""

import contextlib
import inspect
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, NoReturn

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .values import function, shown, some, whole


def parts(given: dict[str, Any]) -> dict[str, Any]:
    """`given`, if every part can be saved and no two optimizers train the same parameter.

    Raises:
        TypeError, ValueError: one cannot, two do, or there are no parts.
    """
    if not given:
        raise ValueError("A Trainer needs its parts by name: Trainer(folder, net=net, opt=opt).")
    if isinstance(given.get("folder"), str | PurePath):
        raise TypeError("The folder takes no name; give it first: Trainer(folder, net=net).")
    for name, part in given.items():
        keeps = hasattr(part, "state_dict") and hasattr(part, "load_state_dict")
        if not keeps or isinstance(part, type):
            raise TypeError(
                f"Part {name!r} is of type {type(part).__name__}; it must have a "
                "state_dict, as a module, an optimizer or a schedule has."
            )
        if isinstance(part, nn.Module) and any(map(is_lazy, _tensors(part))):
            raise ValueError(
                f"Part {name!r} must know its shapes, and has layers that wait for a first batch "
                "(such as LazyLinear): call it once on a batch before its Trainer is made."
            )
    opts = {k: v for k, v in given.items() if isinstance(v, torch.optim.Optimizer)}
    for name, opt in opts.items():
        closure = inspect.signature(opt.step).parameters.get("closure")
        if closure and closure.default is closure.empty:
            raise ValueError(
                f"Optimizer {name!r} ({type(opt).__name__}) needs a closure for its step, which a "
                "Trainer does not have; accepted is one whose step needs nothing, such as Adam."
            )
    _share_nothing(opts)
    return given


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def uncopied() -> NoReturn:
    """Nothing: a Trainer is neither copied nor pickled.

    Raises:
        TypeError: always.
    """
    raise TypeError(
        "A Trainer must not be copied or pickled, since two of them would share one run; copy "
        "its parts, and give them to a new Trainer."
    )


def _share_nothing(opts: dict[str, torch.optim.Optimizer]) -> None:
    owner: dict[int, str] = {}
    for name, opt in opts.items():
        for parameter in (one for group in opt.param_groups for one in group["params"]):
            other = owner.setdefault(id(parameter), name)
            if other != name:
                raise ValueError(
                    f"Optimizers {other!r} and {name!r} share a parameter of shape "
                    f"{tuple(parameter.shape)}; give each its own, for example "
                    "Adam(G.parameters()) and Adam(D.parameters())."
                )


def optimizer(opt: Any, opts: dict[str, torch.optim.Optimizer]) -> str:
    """The name of `opt`, if it is one of the trainer's optimizers.

    Raises:
        ValueError: it is not; says which optimizers there are.
    """
    for name, one in opts.items():
        if one is opt:
            return name
    raise ValueError(f"opt must be one of the trainer's optimizers ({', '.join(opts) or 'none'}).")


def loss(value: Any) -> torch.Tensor:
    """`value`, if it is one number that depends on something trainable.

    Raises:
        TypeError, ValueError: it is not a tensor, not one number, or has no graph.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"loss must be a tensor, not {type(value).__name__}.")
    if value.numel() != 1:
        raise ValueError(f"loss must be one number, not of shape {tuple(value.shape)}: "
                         "take its mean or its sum.")  # fmt: skip
    if not value.requires_grad:
        raise ValueError(
            "loss must have a graph for backward(): this one was detached, computed under "
            "no_grad, or depends on no parameter that requires a gradient."
        )
    return value


def trainable(name: str, trained: Sequence[torch.Tensor], unknown: bool) -> None:
    """Nothing, if an update of the optimizer `name` has something to train, and the gradients.

    Raises:
        ValueError: all parameters are frozen, or hold gradients that the update would drop.
    """
    if not trained:
        raise ValueError(
            f"opt must have something to train: every parameter of {name!r} is frozen "
            "(its requires_grad is False)."
        )
    if unknown:
        raise ValueError(
            f"opt must have no gradients of a backward() of your own, and {name!r} has, which "
            "update would drop: give update the sum of the losses, or call zero_grad() before."
        )


def reached(name: str, trained: Sequence[torch.Tensor]) -> None:
    """Nothing, if the loss gave one of the parameters of the optimizer `name` a gradient.

    Raises:
        ValueError: it depends on none of them, so the update would train nothing.
    """
    if all(parameter.grad is None for parameter in trained):
        raise ValueError(
            f"loss must depend on a parameter that {name!r} trains: this one went through "
            "detach(), or through a network made anew after its optimizer and its Trainer."
        )


@contextlib.contextmanager
def differentiable() -> Iterator[None]:
    """A block that goes back through a loss's graph, which works once and with its own weights.

    Raises:
        ValueError: an update has used the graph already, or has changed weights it needs.
    """
    try:
        yield
    except RuntimeError as error:
        if "a second time" in str(error):
            fault = "a backward() or an update has used this one already"
        elif "modified by an inplace operation" in str(error):
            fault = "something that this one needs, such as a weight, was changed since"
        else:
            raise
        raise ValueError(
            f"loss must be computed anew for each update: {fault}. Compute it right before its "
            "update, or let one optimizer train all its parameters."
        ) from None


def total_steps(step: Any, batches: Any, epochs: Any, steps: Any, evaluate: Any) -> int:
    """The steps to train for in all, if the arguments of `fit` are right.

    Raises:
        TypeError, ValueError: one of them is not; names it.
    """
    function("step", step, "a batch")
    if evaluate is not None:
        function("evaluate", evaluate, "nothing")
    length = some("batches", _length(batches))
    if (epochs is None) == (steps is None):
        raise ValueError("Give fit either epochs= or steps=, and not both.")
    if steps is None:
        return whole("epochs", epochs, 1) * length
    return whole("steps", steps, 1)


def _length(batches: Any) -> int:
    try:
        if isinstance(batches, Iterable):
            return len(batches)  # which a DataLoader over an IterableDataset has not
    except TypeError:
        pass
    raise TypeError(
        "batches must have a length and allow more than one pass (cu.Batches, a list, a "
        f"DataLoader whose dataset has a length), not {type(batches).__name__}."
    )


def iterable(name: str, value: Any) -> Iterable:
    """`value`, if a loop can iterate over it.

    Raises:
        TypeError: it cannot; names the argument.
    """
    if not isinstance(value, Iterable):
        raise TypeError(f"{name} must be iterable, not {type(value).__name__}.")
    return value


def items(batch: Any, count: int | None) -> int:
    """`count`, the number of items in `batch`, if something in it tells one.

    Raises:
        TypeError: nothing does.
    """
    if count is None:
        raise TypeError(
            "batches must give tensors, or lists, tuples or dicts of tensors of one length, "
            f"not {shown(batch)}."
        )
    return count


def complete(name: str, count: int, length: int) -> None:
    """Nothing, if a pass over batches gave as many as their length says.

    Raises:
        ValueError: it gave fewer; names the argument.
    """
    if count < length:
        raise ValueError(
            f"{name} must give as many batches on every pass as their length says, which is "
            f"{length}; one pass ended after {count}."
        )


def device(name: str, value: Any) -> torch.device:
    """`value` as a device, if this machine has it.

    Raises:
        TypeError, ValueError: it is not a device, or not on this machine; names the argument.
    """
    if not isinstance(value, torch.device | str):
        raise TypeError(f"{name} must be a torch.device or its name, not {type(value).__name__}.")
    try:
        return torch.empty(0, device=value).device
    except (AssertionError, RuntimeError):  # unknown, or not there
        raise ValueError(f"{name} must be a device of this machine, not {str(value)!r}.") from None
