"""What `Trainer` accepts: parts, a loss, batches, metrics. Each check is one clear sentence.

Knows nothing of the loop.
"""

import itertools
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import torch
from torch import nn

from .arguments import shown


def check_parts(parts: dict[str, Any]) -> None:
    """Every part can be saved, and no two optimizers train the same parameter."""
    if not parts:
        raise ValueError("A Trainer needs its parts by name: Trainer(folder, net=net, opt=opt).")
    owner: dict[int, str] = {}
    for name, part in parts.items():
        keeps = hasattr(part, "state_dict") and hasattr(part, "load_state_dict")
        if not keeps or isinstance(part, type):
            raise TypeError(
                f"Part {name!r} is of type {type(part).__name__}; accepted is what has a "
                "state_dict: a module, an optimizer, a schedule."
            )
        if isinstance(part, torch.optim.Optimizer):
            for parameter in parameters_of(part):
                other = owner.setdefault(id(parameter), name)
                if other != name:
                    raise ValueError(
                        f"Optimizers {other!r} and {name!r} share a parameter of shape "
                        f"{tuple(parameter.shape)}; give each its own, for example "
                        "Adam(G.parameters()) and Adam(D.parameters())."
                    )


def check_loss(loss: Any) -> None:
    """The loss is one number that depends on something trainable."""
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"loss must be a tensor, not {type(loss).__name__}.")
    if loss.numel() != 1:
        raise ValueError(f"loss must be one number, not of shape {tuple(loss.shape)}: "
                         "take its mean or its sum.")  # fmt: skip
    if not loss.requires_grad:
        raise ValueError(
            "loss has no graph to go back through: it was detached, computed under no_grad, or "
            "depends on no parameter that requires a gradient."
        )


def parameters_of(opt: torch.optim.Optimizer) -> list[nn.Parameter]:
    """All parameters that an optimizer trains, group by group."""
    return [parameter for group in opt.param_groups for parameter in group["params"]]


def check_clip(clip: Any) -> None:
    """The limit of a gradient's norm is a number from 0 up."""
    if not isinstance(clip, int | float) or not clip >= 0:
        raise ValueError(f"clip must be a number from 0 up, not {shown(clip)}.")


def check_function(name: str, function: Any, takes: str) -> None:
    """What the loop calls can be called."""
    if not callable(function):
        raise TypeError(f"{name} must be a function of {takes}, not {type(function).__name__}.")


def check_measuring(measure: Any, batches: Any) -> None:
    """The arguments of `evaluate` are a function and what it is to measure."""
    check_function("measure", measure, "a batch")
    if not isinstance(batches, Iterable):
        raise TypeError(f"batches must be something to go through, not {type(batches).__name__}.")


def total_steps(step: Any, batches: Any, epochs: Any, steps: Any, evaluate: Any) -> int:
    """The steps to train for in all, once the arguments of `fit` are seen to be right."""
    check_function("step", step, "a batch")
    if evaluate is not None:
        check_function("evaluate", evaluate, "nothing")
    if not isinstance(batches, Sized) or not isinstance(batches, Iterable):
        raise TypeError(
            "batches must have a length and be something to go through repeatedly "
            f"(cu.Batches, a list, a DataLoader), not {type(batches).__name__}."
        )
    if len(batches) == 0:
        raise ValueError("batches is empty: there are fewer items than one batch takes.")
    if (epochs is None) == (steps is None):
        raise ValueError("Give fit either epochs= or steps=, and not both.")
    name, value = ("epochs", epochs) if steps is None else ("steps", steps)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 up, not {shown(value)}.")
    return value * len(batches) if steps is None else value


def draw(batches: Iterable, epoch: int, done: int) -> Iterator:
    """The batches of an epoch, without the first `done` of them."""
    if hasattr(batches, "epoch"):
        return batches.epoch(epoch, done)
    return itertools.islice(iter(batches), done, None)


def to_device(device: torch.device, batch: Any) -> Any:
    """A tensor, or a list of tensors, on the device; what is there already is not copied."""
    if isinstance(batch, torch.Tensor):
        return batch if batch.device == device else batch.to(device, non_blocking=True)
    if isinstance(batch, list | tuple):
        return [to_device(device, item) for item in batch]
    return batch


def size(batch: Any) -> int:
    """The number of items in a batch: a tensor, or a list of tensors of one length."""
    try:
        return len(batch[0] if isinstance(batch, list | tuple) else batch)
    except (TypeError, IndexError):
        raise TypeError(
            f"batches must give tensors, or lists of tensors of one length, not {shown(batch)}."
        ) from None


def detached(metrics: Any, source: str = "step") -> dict[str, Any]:
    """The metrics without their graphs, once they are seen to be metrics."""
    if not isinstance(metrics, dict):
        raise TypeError(
            f"{source} must return a dict of metrics such as {{'loss': loss}}, "
            f"not {type(metrics).__name__}."
        )
    kept = {}
    for name, value in metrics.items():
        if isinstance(value, torch.Tensor):
            if value.numel() != 1:
                raise ValueError(f"metric {name!r} must be one number, not of shape "
                                 f"{tuple(value.shape)}: take its mean.")  # fmt: skip
            # On a CPU the number is there already, and tensors that are kept scatter the memory.
            value = value.item() if value.device.type == "cpu" else value.detach().reshape(())
        elif not isinstance(value, int | float):
            raise TypeError(f"metric {name!r} must be a number, not {type(value).__name__}.")
        kept[name] = value
    return kept


def numbers(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Detached metrics as plain numbers, all brought from the device in one go."""
    tensors = [v.float() for row in rows for v in row.values() if isinstance(v, torch.Tensor)]
    read = iter(torch.stack(tensors).tolist() if tensors else [])
    return [
        {k: next(read) if isinstance(v, torch.Tensor) else float(v) for k, v in row.items()}
        for row in rows
    ]
