"""How close training on the CPU comes to the machine's limit, and what brings it closer.

The limit is the fp32 matrix product, at its best size: which share of its rate does a training
step reach, and which operators take the time? Then changes to the step, each against a step with
channels_last where there are convolutions, Adam as it comes and no compiler (which leaves `nn.LSTM`
as it is and compiles what stands around it).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from course_utils.authoring.course import here
from tests.lessons.exercises import parts

from .measure import Cost, Pairs, Row, cost, interleaved, missing

SIZES = (512, 1024, 2048)  # of the matrix product
SYMBOLS = 65  # of lesson 23's text
SECONDS = 0.5  # of each measurement, about
THREADS = torch.get_num_threads()
Loop = Callable[[], Any]


class Task(NamedTuple):
    """A net and a batch as a lesson has them."""

    name: str
    net: Callable[[], nn.Module]
    batch: tuple[torch.Tensor, torch.Tensor]
    logits: Callable[[Any], torch.Tensor] = lambda output: output


def tasks() -> list[Task]:
    CNN = parts("12", "CNN", "block", channels=1, side=28, classes=10)["CNN"]
    Layers = parts("41", "Layers")["Layers"]
    LSTM = parts("23", "CharLSTM", V=SYMBOLS, HIDDEN=256, LAYERS=1, DROPOUT=0.1)["CharLSTM"]
    images = torch.rand(256, 1, 28, 28), torch.randint(10, (256,))
    text = tuple(torch.randint(SYMBOLS, (2, 16, 64)))
    packs = torch.randn(5, 256, 68), torch.randint(2, (5, 256))  # of two points and their waves
    return [
        Task("lesson 12's CNN", partial(CNN, norm=True), images),
        Task("lesson 23's LSTM", LSTM, text, lambda output: output[0].flatten(0, 1)),
        Task(
            "lesson 41's small nets", lambda: Layers([68, 96, 96, 96, 2], range(5)), packs,
            lambda output: output.flatten(0, 1),
        ),
    ]  # fmt: skip


def rows(quick: bool) -> Iterator[Row]:
    pairs = 3 if quick else 7
    for task in tasks():
        yield share(task, pairs)
        yield from variants(task, pairs)
    yield from asleep(2 if quick else 5)


def share(task: Task, pairs: int) -> Row:
    """In per cent of the FLOPs that the matrix product makes in the same time."""
    size = max(SIZES, key=lambda size: size**3 / seconds(product(size)))
    steps, products = times_of(step_of(task)), times_of(product(size))
    found = interleaved(
        lambda: repeated(step_of(task), steps), lambda: repeated(product(size), products), pairs
    )
    counted, hidden = flops(task)
    work = 100 * counted * steps / (2 * size**3 * products)
    cpu, wall = ([work * ratio for ratio in found.ratios(clock)] for clock in ("cpu", "wall"))
    limit = 2e-9 * size**3 * products / min(each.wall for each in found.b)
    note = f"the limit: {limit:.0f} GFLOP/s; {counted / 1e9:.2f} GFLOP a step"
    if hidden:
        note += f", of which {hidden:.0%} are hidden from PyTorch's counter by oneDNN"
    return Row(
        f"share of the limit, {task.name}", f"matrix product of {size}", median(cpu), cpu[0],
        cpu[-1], median(wall), unit="%", note=f"{note}; its time: {profiled(task)}",
    )  # fmt: skip


def product(size: int) -> Loop:
    a = torch.rand(size, size)
    return lambda: a @ a


def flops(task: Task) -> tuple[int, float]:
    """Of a step, and the share of them that is not counted with oneDNN, whose LSTM is opaque."""
    counts = []
    for torch.backends.mkldnn.enabled in (False, True):
        step = step_of(task)
        with FlopCounterMode(display=False) as counter:
            step()
        counts.append(counter.get_total_flops())
    return counts[0], 1 - counts[1] / counts[0]


def profiled(task: Task, most: int = 5) -> str:
    """The operators with the largest shares of a step's own CPU time."""
    step = step_of(task)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        repeated(step, 5)()
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return ", ".join(
        f"{event.key.removeprefix('aten::')} {event.self_cpu_time_total / total:.0%}"
        for event in events[:most]
    )


def step_of(
    task: Task, layout: torch.memory_format = torch.channels_last, compiled: bool = False,
    threads: int = 0, **options: bool,
) -> Loop:  # fmt: skip
    """A training step of a new net, taken once; `options` are Adam's."""
    torch.set_num_threads(threads or THREADS)
    net = task.net().to(memory_format=layout)
    torch.compiler.reset()  # of one function it compiles for eight nets and no more
    forward = torch.compile(net) if compiled else net
    opt = torch.optim.Adam(net.parameters(), 1e-3, **options)
    inputs, targets = task.batch

    def step() -> None:
        loss = F.cross_entropy(task.logits(forward(inputs)), targets.flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()

    step()  # PyTorch sets itself up, or the compiler compiles
    return step


def variants(task: Task, pairs: int) -> Iterator[Row]:
    times = times_of(step_of(task))

    def prepare(options: dict) -> Callable[[], Loop]:
        return lambda: repeated(step_of(task, **options), times)

    def row(what: str, against: str, a: dict, b: dict, **more: Any) -> Row:
        found = interleaved(prepare(a), prepare(b), pairs)
        return found.row(f"{what}, {task.name}", against, **more)

    if any(isinstance(layer, nn.Conv2d) for layer in task.net().modules()):
        yield row("channels_last", "contiguous", {}, {"layout": torch.contiguous_format})
    yield row("Adam(fused=True)", "Adam()", {"fused": True}, {})
    yield row("Adam(foreach=True)", "Adam()", {"foreach": True}, {})
    if (os.cpu_count() or 1) < 2:
        yield missing(f"2 threads, {task.name}", "1 thread", "there is one core")
    else:
        yield row("2 threads", "1 thread", {"threads": 2}, {"threads": 1}, clock="wall")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder  # or an earlier run had compiled it
        try:
            first = cost(lambda: step_of(task, compiled=True))
            note = f"its first step took {first.wall:.0f} s"
            yield row("torch.compile", "as it is", {"compiled": True}, {}, note=note)
        except Exception as error:  # no compiler, or one that PyTorch cannot use
            yield missing(f"torch.compile, {task.name}", "as it is", type(error).__name__)


def times_of(loop: Loop) -> int:
    """How often it has to run to take some `SECONDS`."""
    return max(1, round(SECONDS / seconds(loop)))


def seconds(loop: Loop) -> float:
    loop()
    return min(cost(loop).cpu for _ in range(3))


def repeated(loop: Loop, times: int) -> Loop:
    return lambda: [loop() for _ in range(times)]


def asleep(pairs: int) -> Iterator[Row]:
    """The policy is read when a process starts, so each measurement has one of its own."""
    found: dict[str, Pairs] = {}
    for _ in range(pairs):
        for policy, side in (("passive", 0), ("", 1)):
            for name, spent in in_a_process(policy).items():
                found.setdefault(name, Pairs([], []))[side].append(Cost(*spent))
    for name, both in found.items():
        note = f"in CPU time {median(both.ratios('cpu')):.2f}"
        yield both.row(f"OMP_WAIT_POLICY=passive, {name}", "not set", clock="wall", note=note)


def in_a_process(policy: str) -> dict[str, list[float]]:
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    env |= {"OMP_WAIT_POLICY": policy} if policy else {}
    command = [sys.executable, "-m", "benchmarks.limit"]
    done = subprocess.run(command, env=env, cwd=here().root, capture_output=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    spent = {task.name: cost(repeated(step_of(task), 20)) for task in tasks()}
    print(json.dumps({name: [each.cpu, each.wall] for name, each in spent.items()}))
