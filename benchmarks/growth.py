"""How cost grows with size: a CNN, an LSTM and the metrics, as powers of what is made larger.

CPU time is measured at each size and a line fitted through its logarithm against that of the size.
Its slope is the exponent: 1 is linear, 2 quadratic, 0 no growth. All sizes are gone through
several times, and the exponent is the median over the rounds, with its range. A constant part of
the cost bends the line, so the slope between the two largest sizes stands beside it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu
from tests.lessons.exercises import parts

from .measure import Row, cost, digits

ROUNDS = 3
SECONDS = 0.1  # of each measurement, at least
BATCH = 256  # lesson 12's
SAMPLES = [500, 1000, 2000, 4000, 8000]
FEATURES = 64  # as `cu.metrics.feature_net` has
Prepare = Callable[[int], Callable[[], Any]]  # the size -> what is timed


def rows(quick: bool) -> Iterator[Row]:
    images = "images a second of CPU time"
    yield grown(
        "CNN, a step", "batch size", [16, 64, 256, 1024], lambda size: cnn_step(16, size),
        images, lambda size, seconds: size / seconds,
    )  # fmt: skip
    yield grown(
        "CNN, a step", "width", [8, 16, 32, 64], lambda width: cnn_step(width, BATCH),
        images, lambda width, seconds: BATCH / seconds,
    )  # fmt: skip
    yield grown(
        "LSTM, a step", "sequence length", [25, 50, 100, 200, 400], lstm_step,
        "steps a second of CPU time", lambda length, seconds: 1 / seconds,
    )  # fmt: skip
    for name, measure in METRICS.items():
        yield grown(
            name, "samples", SAMPLES, lambda size: compared(measure, size),
            "milliseconds", lambda size, seconds: seconds * 1e3,
        )  # fmt: skip


def grown(
    what: str, name: str, sizes: list[int], prepare: Prepare,
    unit: str, reading: Callable[[int, float], float],
) -> Row:  # fmt: skip
    """The exponent of CPU time in the size; the note has the readings, in `unit`."""
    runs = [repeated(prepare(size)) for size in sizes]
    rounds = np.array([[cost(run).cpu / times for run, times in runs] for _ in range(ROUNDS)])
    slopes = sorted(np.polyfit(np.log(sizes), np.log(rounds).T, 1)[0])
    seconds = np.median(rounds, 0)
    last = np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2])
    read = (f"{digits(reading(n, s))} at {n:,}" for n, s in zip(sizes, seconds, strict=True))
    slope = float(np.median(slopes))
    return Row(
        what, name, slope, float(slopes[0]), float(slopes[-1]), unit="as exponent",
        note=f"{growth(slope)}, {last:.2f} at the end; {unit}: {', '.join(read)}",
    )  # fmt: skip


def growth(slope: float) -> str:
    if slope < 0.1:
        return "hardly grows"
    if slope < 0.9:
        return "less than linear"
    return "linear" if slope <= 1.1 else "more than linear"


def repeated(run: Callable[[], Any]) -> tuple[Callable[[], Any], int]:
    """So many runs that they take `SECONDS`, and how many; the first two warm up."""
    run()
    times = max(1, round(SECONDS / cost(run).cpu))
    return lambda: [run() for _ in range(times)], times


def cnn_step(width: int, batch: int) -> Callable[[], None]:
    """A training step of lesson 12's network at another width; 16 channels are the lesson's."""
    block = parts("12", "block")["block"]
    net = nn.Sequential(
        block(1, width, 5, 2, True), block(width, 2 * width, 3, 1, True), nn.MaxPool2d(2),
        block(2 * width, 4 * width, 3, 1, True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4 * width * 9, 10),
    )  # fmt: skip
    net.to(memory_format=torch.channels_last)
    return training(net, torch.rand(batch, 1, 28, 28), torch.randint(10, (batch,)))


class Reader(nn.Module):
    """Lesson 23's kind of network, at half its width."""

    def __init__(self, symbols: int = 65) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(symbols, 48), nn.LSTM(48, 128, batch_first=True)
        self.head = nn.Linear(128, symbols)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.embed(ids))[0])


def lstm_step(length: int) -> Callable[[], None]:
    return training(Reader(), *torch.randint(65, (2, 16, length)))


def training(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], None]:
    opt = torch.optim.Adam(net.parameters())

    def step() -> None:
        opt.zero_grad()
        F.cross_entropy(net(x).flatten(0, -2), y.flatten()).backward()
        opt.step()

    return step


def discriminative(real: torch.Tensor, fake: torch.Tensor) -> object:
    """Fewer iterations than the protocol's; their number does not depend on the samples'."""
    shape = (len(real), 16, 4)
    real, fake = real.reshape(shape), fake.reshape(shape)
    return cu.metrics.discriminative_score(real, fake, repeats=1, iterations=50)


METRICS: dict[str, Callable] = {
    "Fréchet distance": cu.metrics.frechet_distance,
    "kernel distance": cu.metrics.kernel_distance,
    "precision and recall": cu.metrics.precision_recall,
    "discriminative score, 50 iterations": discriminative,
}


def compared(measure: Callable, size: int) -> Callable[[], Any]:
    real, fake = torch.randn(2, size, FEATURES)
    return lambda: measure(real, fake)
