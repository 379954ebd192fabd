"""What the loop costs: `Trainer.fit` against the same step in a bare `for`, in one run.

    python benchmarks/loop.py [rounds]

The two are interleaved, A B B A …, over the same batches from the same weights, and compared by
process CPU time, which other programs on the machine disturb less than wall time. One pair says
little: where weights happen to lie in memory moves a step by 5 to 10 %, so the median over many
pairs, each with weights of its own, is what counts.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

STEPS = 300  # about an epoch of a small data set
Update = Callable[[torch.optim.Optimizer, torch.Tensor], None]


class Task(NamedTuple):
    """Networks and optimizers by name, batches, and `step(update)`, which gives the step."""

    parts: dict
    batches: list
    step: Callable[[Update], Callable]


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


def small_cnn() -> Task:
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip
    return classifier(net, drawn(64, 1, 28, 28))


def dense() -> Task:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return classifier(net, drawn(64, 784))


class Last(nn.Module):
    """An LSTM, read at its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.read = nn.LSTM(8, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read(self.lstm(x)[0][:, -1])


def lstm() -> Task:
    return classifier(Last(), drawn(32, 24, 8))


def drawn(*shape: int) -> list:
    return [(torch.rand(shape), torch.randint(10, shape[:1])) for _ in range(STEPS)]


def dcgan() -> Task:
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
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), 1e-3) for net in (G, D))

    def step(update: Update) -> Callable:
        def one(batch):
            fake = G(torch.randn(len(batch[0]), 20))
            loss = F.softplus(-D(batch[0])).mean() + F.softplus(D(fake.detach())).mean()
            update(opt_D, loss)
            other = F.softplus(-D(fake)).mean()
            update(opt_G, other)
            return {"loss of D": loss, "loss of G": other}

        return one

    return Task({"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D}, drawn(32, 1, 28, 28), step)


def bare(task: Task) -> None:
    for part in task.parts.values():
        if isinstance(part, nn.Module):
            part.train().to(memory_format=torch.channels_last)

    def update(opt: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        opt.zero_grad()
        loss.backward()
        opt.step()

    step = task.step(update)
    for batch in task.batches:
        {name: value.detach() for name, value in step(batch).items()}


def fitted(task: Task) -> None:
    trainer = cu.Trainer(**task.parts)
    trainer.fit(task.step(trainer.update), task.batches, epochs=1, show=False)


def seconds(run: Callable, make: Callable) -> float:
    torch.manual_seed(0)
    task = make()
    began = time.process_time()
    run(task)
    return time.process_time() - began


def pair(make: Callable, swap: bool) -> tuple[float, float]:
    if swap:
        return tuple(reversed((seconds(fitted, make), seconds(bare, make))))
    return seconds(bare, make), seconds(fitted, make)


def main(rounds: int) -> None:
    rows = []
    for make in (small_cnn, lstm, dcgan, dense):
        pairs = [pair(make, swap=bool(number % 2)) for number in range(rounds + 1)][1:]
        plain, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = sorted(a / b for a, b in pairs)
        rows.append({
            "net": make.__name__.replace("_", " "),
            "bare for, ms a step": f"{plain / STEPS * 1e3:.3f}",
            "Trainer.fit, ms a step": f"{ours / STEPS * 1e3:.3f}",
            "overhead, µs a step": f"{(ours - plain) / STEPS * 1e6:.0f}",
            "throughput of fit / bare": f"{statistics.median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f})",
        })  # fmt: skip
    cu.scoreboard(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
