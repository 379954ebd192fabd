"""Two things timed side by side, interleaved, in CPU and wall time; knows nothing of what they do.

    pairs = interleaved(ours, theirs, 9)
    yield pairs.row("Trainer.fit", "bare for", least=0.97, note="small CNN")

Single times say little on a shared machine, so what counts is the ratio within a pair, and its
median and range over the pairs. CPU time is that of all threads of this process and of the worker
processes that it started and saw end; other programs disturb it less than wall time.
"""

import gc
import os
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import torch

Prepare = Callable[[], Callable[[], Any]]  # makes everything anew, returns what is timed


@dataclass(frozen=True)
class Row:
    """One line of the table. `value` is a ratio where the unit is `×`: how many times faster."""

    what: str
    against: str = ""
    value: float | None = None  # None: it could not be measured, and the note says why
    low: float | None = None
    high: float | None = None
    wall: float | None = None  # the same ratio in wall time
    unit: str = "×"
    least: float | None = None  # what is asked
    most: float | None = None
    note: str = ""

    @property
    def asked(self) -> str:
        """`≥ 1.5`, `≤ 900`, or nothing."""
        bounds = (("≥", self.least), ("≤", self.most))
        return " ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    @property
    def met(self) -> bool | None:
        """Whether what is asked was reached; None where nothing was asked or measured."""
        if self.value is None or not self.asked:
            return None
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    @property
    def measured(self) -> str:
        """`1.62 × (1.58 to 1.71)`."""
        if self.value is None:
            return "—"
        spread = "" if self.low is None else f" ({digits(self.low)} to {digits(self.high)})"
        return f"{digits(self.value)} {self.unit}{spread}"


def missing(what: str, against: str, reason: str) -> Row:
    """The row of a benchmark that cannot run here."""
    return Row(what, against, note=f"not measured: {reason}")


def digits(value: float) -> str:
    """Three significant digits: `0.985`, `1.62`, `14.1`, `1,240`."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Cost(NamedTuple):
    """Seconds of one run, and what it returned."""

    cpu: float
    wall: float
    result: Any = None


class Pairs(NamedTuple):
    """The costs of two things, run for run."""

    a: list[Cost]
    b: list[Cost]

    def ratios(self, clock: str) -> list[float]:
        """How many times faster `a` was, pair by pair, by the clock `cpu` or `wall`, sorted."""
        together = zip(self.a, self.b, strict=True)
        return sorted(getattr(b, clock) / getattr(a, clock) for a, b in together)

    def row(self, what: str, against: str, clock: str = "cpu", **more: Any) -> Row:
        """The median ratio by `clock`, its range, and the median ratio in wall time."""
        ratios, wall = self.ratios(clock), median(self.ratios("wall"))
        return Row(what, against, median(ratios), ratios[0], ratios[-1], wall, **more)


def cost(run: Callable[[], Any]) -> Cost:
    """Run once. What it started on a GPU is waited for; workers have to end within it."""
    gc.collect()  # what the run before left behind is not this one's to clear
    (cpu, wall), result, (cpu_after, wall_after) = clocks(), run(), clocks()
    return Cost(cpu_after - cpu, wall_after - wall, result)


def clocks() -> tuple[float, float]:
    """CPU seconds of all threads and of the processes that were started and ended, and a clock."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used), time.perf_counter()


def interleaved(a: Prepare, b: Prepare, pairs: int) -> Pairs:
    """Cost of `a` and `b` in the order A B, B A, A B …; a first pair warms up and is thrown away.

    Both are prepared anew for each run, outside of the time, from the same seed in a pair.
    """
    found = Pairs([], [])
    for number in range(pairs + 1):
        order = [(a, found.a), (b, found.b)]
        for prepare, costs in order[:: -1 if number % 2 else 1]:
            torch.manual_seed(number)
            costs.append(cost(prepare()))
    return Pairs(found.a[1:], found.b[1:])


def middle(costs: Iterable[Cost], clock: str = "cpu") -> float:
    """The median seconds of runs, by the clock `cpu` or `wall`."""
    return median(getattr(each, clock) for each in costs)


def matrix_rate(repeats: int = 5, size: int = 2048) -> float:
    """This moment's best fp32 matrix product rate of two cores, as a share of 100 GFLOP/s."""
    threads = torch.get_num_threads()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    a, best = torch.ones(size, size), float("inf")
    for _ in range(repeats + 1):  # the first one wakes the threads
        begin = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - begin)
    torch.set_num_threads(threads)
    return 2 * size**3 / best / 1e11
