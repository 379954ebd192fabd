"""Updates in float16: a gradient that overflows is skipped, and its schedules wait."""

import contextlib
import copy
from collections.abc import Iterable, Iterator

import torch
from torch.optim.lr_scheduler import LRScheduler


def step(scaler: torch.amp.GradScaler, opt: torch.optim.Optimizer) -> bool:
    """One step of `opt`, and of its scaler; False if it was skipped, for an infinite gradient."""
    before = scaler.get_scale()
    scaler.step(opt)
    scaler.update()
    return scaler.get_scale() >= before


@contextlib.contextmanager
def waiting(schedules: Iterable[LRScheduler], skipped: list[torch.optim.Optimizer]) -> Iterator:
    """A training step after which the schedules of the `skipped` optimizers are as before it.

    `skipped` is empty at first; the block puts into it each optimizer whose update was skipped.
    """
    before = [(one, copy.deepcopy((one.state_dict(), _rates(one)))) for one in schedules]
    skipped.clear()
    yield
    for schedule, (state, rates) in before:
        if any(schedule.optimizer is opt for opt in skipped):
            schedule.load_state_dict(state)
            for group, values in zip(schedule.optimizer.param_groups, rates, strict=True):
                group.update(values)


def _rates(schedule: LRScheduler) -> list[dict]:
    """What a schedule may change in its optimizer: the learning rate, and momentum too."""
    groups = schedule.optimizer.param_groups
    return [{key: group[key] for key in group if key != "params"} for group in groups]
