"""Seconds to 99 % on MNIST: lesson 12's recipe against that of PyTorch's best-known example.

Four times an epoch the test set is looked at, and the look is not counted; the first one that
finds 99 % ends a run. A one-cycle schedule has to be told its length: two epochs are the fewest
with which lesson 12's recipe gets there from each seed. The other rows say where the ratio comes
from: it is that of the images seen times that of the time an image takes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR, StepLR
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

import course_utils as cu
from course_utils.data import ImageData
from tests.lessons.exercises import parts

from .data_path import Digits
from .measure import Cost, Pairs, Row, cost, interleaved, middle, missing

TARGET, SEEDS, LOOKS = 0.99, 3, 4  # LOOKS: in each epoch
BATCH, RATE, PEAK, EPOCHS = 256, 1e-3, 0.02, 2  # lesson 12's, but for the epochs
LONGEST = 12  # epochs, where a part of lesson 12's recipe is left out
PART = 2560  # images, where only their time counts
OURS, THEIRS = "lesson 12's recipe", "PyTorch's example"
NOT_EACH = "one of the two does not get there from each seed"
CNN = parts("12", "CNN", "block", channels=1, side=28, classes=10)["CNN"]
lesson_net = partial(CNN, norm=True)
NORMALISE = transforms.Normalize((0.1307,), (0.3081,))  # MNIST's mean and spread
Run = Iterator[nn.Module]  # trains to the next look and hands out the net, again and again


def rows(quick: bool) -> Iterator[Row]:
    data, seeds = cu.data.load("mnist"), range(1 if quick else SEEDS)
    if data.is_stand_in:
        yield missing(f"{OURS} to 99 %", THEIRS, "no MNIST here")
        return
    found = raced(data, seeds)
    if not all(each.result for each in found.a + found.b):
        yield missing(f"{OURS} to 99 %", THEIRS, NOT_EACH)
        return
    yield from headline(found, data)
    yield images_seen(OURS, THEIRS, *found)
    constant, plain = (
        [to_99(lesson_12(data, seed, norm, one_cycle=False), data) for seed in seeds]
        for norm in (True, False)
    )
    yield images_seen("one cycle", "a constant rate", found.a, constant)
    yield images_seen("batch norm", "none, both at a constant rate", constant, plain)
    yield from data_path_and_layout("lesson 12's net", lesson_net, BATCH, data, 3 if quick else 7)
    yield from data_path_and_layout("the example's net", example_net, 64, data, 3 if quick else 7)


def raced(data: ImageData, seeds: Iterable[int]) -> Pairs:
    """Both recipes from each seed, in turns."""
    found = Pairs([], [])
    for seed in seeds:
        ours = lesson_12(data, seed), data, found.a
        theirs = example(loaded(data, 64), seed), normal(data), found.b
        for run, seen, costs in (ours, theirs)[:: -1 if seed % 2 else 1]:
            costs.append(to_99(run, seen))
    return found


def to_99(run: Run, data: ImageData) -> Cost:
    """What a run costs to the first look that finds 99 %; its result is the epochs, or None."""
    cpu = wall = looks = 0
    while (spent := cost(lambda: next(run, None))).result is not None:
        cpu, wall, looks = cpu + spent.cpu, wall + spent.wall, looks + 1
        if test_accuracy(spent.result, data) >= TARGET:
            return Cost(cpu, wall, looks / LOOKS)
    return Cost(cpu, wall)


@torch.no_grad()
def test_accuracy(net: nn.Module, data: ImageData) -> float:
    net.eval()
    logits = torch.cat([net(images) for images, _ in data.test_batches()])
    net.train()
    return cu.accuracy(logits, data.test_y).item()


def headline(found: Pairs, data: ImageData) -> Iterator[Row]:
    """The ratio that is asked for, and the time of an image beside its multiply-adds."""
    seconds = " against ".join(f"{middle(costs):.0f}" for costs in found)
    note = f"{seconds} s of CPU time; seeds: {len(found.a)}; our runs are of {EPOCHS} epochs"
    yield found.row(f"{OURS} to 99 %", THEIRS, least=8, note=note)
    adds = [multiply_adds(net(), data.test_x[:1]) for net in (lesson_net, example_net)]
    note = " against ".join(f"{each / 1e6:.2f} million" for each in adds)
    yield Row("multiply-adds of an image", THEIRS, adds[1] / adds[0], note=note)
    epochs = Pairs(*([Cost(c.cpu / c.result, c.wall / c.result) for c in costs] for costs in found))
    amounts = (3e-9 * each * len(data.train_x) for each in adds)  # 3: backward takes two more
    rates = (f"{n / middle(costs):.1f}" for n, costs in zip(amounts, epochs, strict=True))
    note = f"{' against '.join(rates)} G multiply-adds a second"
    yield epochs.row("time of an image", THEIRS, note=note)


def multiply_adds(net: nn.Module, image: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(image.cpu())
    return counter.get_total_flops() // 2


def images_seen(what: str, against: str, few: list[Cost], many: list[Cost]) -> Row:
    """How many times more images are seen without something until 99 %."""
    what = f"images to 99 %, {what}"
    if not all(each.result for each in few + many):
        return missing(what, against, NOT_EACH)
    ratios = sorted(b.result / a.result for a, b in zip(few, many, strict=True))
    epochs = (", ".join(f"{each.result:g}" for each in costs) for costs in (few, many))
    note = f"epochs: {' against '.join(epochs)}"
    return Row(what, against, median(ratios), ratios[0], ratios[-1], note=note)


def data_path_and_layout(
    name: str, new: Callable[[], nn.Module], size: int, data: ImageData, pairs: int
) -> Iterator[Row]:
    some = replace(data, train_x=data.train_x[:PART], train_y=data.train_y[:PART])
    resident, loader = normal(some).batches(size), loaded(some, size)
    rivals = interleaved(lambda: epoch(new, resident), lambda: epoch(new, loader), pairs)
    yield rivals.row(f"resident batches, {name}", "DataLoader, ToTensor, Normalize")
    last = torch.channels_last
    rivals = interleaved(lambda: epoch(new, resident, last), lambda: epoch(new, resident), pairs)
    yield rivals.row(f"channels_last, {name}", "contiguous")


def lesson_12(data: ImageData, seed: int, norm: bool = True, one_cycle: bool = True) -> Run:
    torch.manual_seed(seed)
    net, batches = CNN(norm), data.batches(BATCH, seed)
    steps = (EPOCHS if one_cycle else LONGEST) * len(batches)
    opt = torch.optim.Adam(net.parameters(), RATE)
    rate = OneCycleLR(opt, PEAK, total_steps=steps) if one_cycle else ConstantLR(opt, factor=1.0)
    trainer = cu.Trainer(net=net, opt=opt, rate=rate)

    def step(batch):
        loss = F.cross_entropy(net(batch[0]), batch[1])
        trainer.update(opt, loss)
        rate.step()
        return {"loss": loss}

    for look in range(1, LOOKS * steps // len(batches) + 1):
        trainer.fit(step, batches, steps=look * len(batches) // LOOKS, show=False)
        yield net


def example_net() -> nn.Module:
    """Its last layer, a log-softmax, is in the loss."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.25), nn.Flatten(), nn.Linear(64 * 12**2, 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, 10),
    )  # fmt: skip


def example(batches: DataLoader, seed: int) -> Run:
    """PyTorch's `mnist/main.py` with its defaults."""
    torch.manual_seed(seed)
    net = example_net().to(cu.device())
    opt = torch.optim.Adadelta(net.parameters(), lr=1.0)
    rate = StepLR(opt, 1, gamma=0.7)
    for _ in range(14):
        for number, batch in enumerate(batches, 1):
            update(net, opt, batch)
            if number % (len(batches) // LOOKS) == 0:
                yield net
        rate.step()


def epoch(
    new: Callable[[], nn.Module], batches: Iterable, layout: torch.memory_format | None = None
) -> Callable[[], None]:
    """A new net in that layout, to be trained on each batch once."""
    net = new().to(cu.device(), memory_format=layout or torch.contiguous_format)
    opt = torch.optim.Adadelta(net.parameters())
    return lambda: [update(net, opt, batch) for batch in batches]


def update(net: nn.Module, opt: torch.optim.Optimizer, batch: Iterable[torch.Tensor]) -> None:
    images, labels = (part.to(cu.device()) for part in batch)
    opt.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    opt.step()


def loaded(data: ImageData, size: int) -> DataLoader:
    images = Digits(data.train_x[:, 0].mul(255).round().byte().cpu(), data.train_y.cpu())
    images.transform = transforms.Compose([transforms.ToTensor(), NORMALISE])
    return DataLoader(images, size, shuffle=True)


def normal(data: ImageData) -> ImageData:
    return replace(data, train_x=NORMALISE(data.train_x), test_x=NORMALISE(data.test_x))
