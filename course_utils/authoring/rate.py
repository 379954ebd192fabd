"""How fast two cores of this machine are at what lessons do: the unit of a quiet minute.

    rate = quiet_rate()  # 1.0 is the quiet machine; seconds × rate are quiet seconds

The quiet machine is two cores of an AMD EPYC that reach 100 GFLOP/s in a 2048 × 2048 fp32 matrix
product. Processors differ in how far the rate of such a product says anything about training: an
Intel Xeon with AVX-512 multiplied 1.95 times as fast as the EPYC, and trained a small CNN 1.4 and
an LSTM 1.04 times as fast. So the rate is that of two training steps such as the lessons make, as
the geometric mean of both. What is typical counts, not the best, since lessons get no more either.
"""

import os
import statistics
import time
from collections.abc import Callable

# A step's wall time on the quiet machine: the CPU time of `benchmarks/results.md`, loop, of both
# cores (7.87 and 5.50 ms), over 2, times the matrix rate that was measured beside it (1.685).
QUIET_SECONDS = {"CNN": 6.63e-3, "LSTM": 4.63e-3}


def quiet_rate(repeats: int = 15, steps: int = 20) -> float:
    """This moment's rate of two cores as a share of the quiet machine's, in a second or two.

    Args:
        repeats: how many times each network is timed; the median counts.
        steps: of training, each time.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        rates = []
        for name, step in (("CNN", _cnn()), ("LSTM", _lstm())):
            _timed(step, steps)  # the first one wakes the threads
            seconds = statistics.median(_timed(step, steps) for _ in range(repeats))
            rates.append(QUIET_SECONDS[name] / seconds)
    torch.set_num_threads(threads)
    return statistics.geometric_mean(rates)


def _timed(step: Callable[[], None], steps: int) -> float:
    """Seconds of a step."""
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begin) / steps


def _cnn() -> Callable[[], None]:
    import torch
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    return _training(net, net, torch.rand(64, 1, 28, 28))


def _lstm() -> Callable[[], None]:
    import torch
    from torch import nn

    lstm, read = nn.LSTM(8, 64, batch_first=True), nn.Linear(64, 10)
    net = nn.ModuleList([lstm, read])
    return _training(net, lambda x: read(lstm(x)[0][:, -1]), torch.rand(32, 24, 8))


def _training(net, forward: Callable, x) -> Callable[[], None]:
    """A step of Adam on made-up classes, as in `benchmarks/loop.py`."""
    import torch
    import torch.nn.functional as F

    opt, classes = torch.optim.Adam(net.parameters()), torch.arange(len(x)) % 10

    def step() -> None:
        opt.zero_grad()
        F.cross_entropy(forward(x), classes).backward()
        opt.step()

    return step
