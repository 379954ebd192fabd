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

import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

STEPS = 300  # about an epoch of a small data set


def small_cnn() -> tuple[nn.Module, list]:
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip
    return net, [(torch.rand(64, 1, 28, 28), torch.randint(10, (64,))) for _ in range(STEPS)]


def dense() -> tuple[nn.Module, list]:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return net, [(torch.rand(64, 784), torch.randint(10, (64,))) for _ in range(STEPS)]


def bare(net: nn.Module, batches: list) -> None:
    opt = torch.optim.Adam(net.parameters())
    net.train().to(memory_format=torch.channels_last)
    for x, y in batches:
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        {"loss": loss.detach(), "accuracy": cu.accuracy(logits, y)}


def fitted(net: nn.Module, batches: list) -> None:
    opt = torch.optim.Adam(net.parameters())
    trainer = cu.Trainer(net=net, opt=opt)

    def step(batch):
        x, y = batch
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        trainer.update(opt, loss)
        return {"loss": loss, "accuracy": cu.accuracy(logits, y)}

    trainer.fit(step, batches, epochs=1, show=False)


def seconds(run: Callable, make: Callable) -> float:
    torch.manual_seed(0)
    net, batches = make()
    began = time.process_time()
    run(net, batches)
    return time.process_time() - began


def pair(make: Callable, swap: bool) -> tuple[float, float]:
    if swap:
        return tuple(reversed((seconds(fitted, make), seconds(bare, make))))
    return seconds(bare, make), seconds(fitted, make)


def main(rounds: int) -> None:
    rows = []
    for make in (small_cnn, dense):
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
