"""What the loop costs: `Trainer.fit` against the same step in a bare `for`, over staged batches.

Where weights happen to lie in memory moves a step by 5 to 10 %, so one pair says little: each pair
has weights of its own, and the median over many counts.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

from .measure import Row, interleaved, middle

Update = Callable[[torch.optim.Optimizer, torch.Tensor], None]


class Task(NamedTuple):
    """Networks and optimizers by name, batches, and `step(update)`, which gives the step."""

    parts: dict
    batches: list
    step: Callable[[Update], Callable]


def rows(quick: bool) -> Iterator[Row]:
    tasks = {"small CNN": (small_cnn, 0.97), "LSTM": (lstm, 0.97), "DCGAN": (dcgan, 0.97)}
    if not quick:
        tasks |= {"dense net": (dense, None), "next to no net": (nearly_none, None)}
    steps, number = (40, 17) if quick else (300, 21)
    for name, (make, least) in tasks.items():
        pairs = interleaved(lambda: fitted(make(steps)), lambda: bare(make(steps)), number)
        fit, plain = (middle(costs) / steps * 1e6 for costs in pairs)
        note = f"{fit:.0f} against {plain:.0f} µs a step"
        yield pairs.row(f"Trainer.fit, {name}", "bare for", least=least, note=note)


def fitted(task: Task) -> Callable[[], None]:
    def run() -> None:
        trainer = cu.Trainer(**task.parts)
        trainer.fit(task.step(trainer.update), task.batches, epochs=1, show=False)

    return run


def bare(task: Task) -> Callable[[], None]:
    """What a careful reader would write: the same device and precision, no more."""
    device, dtype = cu.device(), cu.runtime.precision()
    half = torch.autocast(device.type, dtype) if dtype else contextlib.nullcontext()

    def update(opt: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        opt.zero_grad()
        loss.backward()
        opt.step()

    def run() -> None:
        for part in task.parts.values():
            if isinstance(part, nn.Module):
                part.train().to(device)
        step = task.step(update)
        for batch in task.batches:
            with half:
                {name: value.detach() for name, value in step(batch).items()}

    return run


def classifier(net: nn.Module, batches: list) -> Task:
    opt = torch.optim.Adam(net.parameters())

    def step(update: Update) -> Callable:
        def one(batch):
            logits = net(batch[0])
            loss = F.cross_entropy(logits, batch[1])
            update(opt, loss)
            return {"loss": loss, "accuracy": cu.accuracy(logits, batch[1])}

        return one

    return Task({"net": net, "opt": opt}, batches, step)


def small_cnn(steps: int) -> Task:
    net = cnn_net().to(memory_format=torch.channels_last)  # as the lessons do
    return classifier(net, drawn(steps, 64, 1, 28, 28))


def dense(steps: int) -> Task:
    return classifier(dense_net(), drawn(steps, 64, 784))


def nearly_none(steps: int) -> Task:
    """Next to nothing to compute: what is left is what the loop costs."""
    return classifier(nn.Linear(1, 10), drawn(steps, 1, 1))


def lstm(steps: int) -> Task:
    return classifier(Last(), drawn(steps, 32, 24, 8))


def cnn_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip


def dense_net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


class Last(nn.Module):
    """An LSTM, read at its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.read = nn.LSTM(8, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read(self.lstm(x)[0][:, -1])


def drawn(steps: int, *shape: int) -> list:
    where = cu.device()
    return [(torch.rand(shape, device=where), torch.randint(10, shape[:1], device=where))
            for _ in range(steps)]  # fmt: skip


def dcgan(steps: int) -> Task:
    """Two networks and two optimizers: lesson 42's short runs, without batch norm."""
    G = nn.Sequential(
        nn.Linear(20, 16 * 49), nn.ReLU(), nn.Unflatten(1, (16, 7, 7)),
        nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1),
        nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(16 * 49, 1),
    )  # fmt: skip
    for net in (G, D):
        net.to(memory_format=torch.channels_last)
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), 1e-3) for net in (G, D))

    def step(update: Update) -> Callable:
        def one(batch):
            fake = G(torch.randn(len(batch[0]), 20, device=batch[0].device))
            loss = F.softplus(-D(batch[0])).mean() + F.softplus(D(fake.detach())).mean()
            update(opt_D, loss)
            other = F.softplus(-D(fake)).mean()
            update(opt_G, other)
            return {"loss of D": loss, "loss of G": other}

        return one

    return Task({"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D}, drawn(steps, 32, 1, 28, 28), step)
