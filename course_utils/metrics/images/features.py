"""A small classifier of the course, whose features the measures of generated images compare.

It is trained here and kept in the user's cache, so that no weights are downloaded. It takes any
labelled images, however they were loaded. It does not use the Trainer: training may know metrics,
not the other way round, and this loop needs no plots, no resume and no second optimizer.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import nn

from ... import arguments, checkpoint, locks, paths, runtime
from ..classification import accuracy

WIDTH = 64  # features of an image: the last maps
SMALLEST = 7  # pixels of a side: three halvings leave one
BATCH, PEAK, SEED = 256, 0.02, 0
STEPS = {"cpu": 600, "gpu": 2800}  # 2.6 and 12 epochs of MNIST
CHUNK = 500  # images at a time, once it is trained


@runtime_checkable
class Labelled(Protocol):
    """Labelled images in two parts, as `cu.data.load` gives them."""

    name: str
    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor
    classes: tuple[str, ...]

    def batches(self, size: int, seed: int = 0) -> Any:
        """Shuffled batches `(images, labels)`, by epoch."""


class FeatureNet:
    """A trained classifier: `features(images)` for distances, `logits(images)` for classes.

    `accuracy` is its share of right answers on the test part, `width` the number of features.
    """

    def __init__(self, net: nn.Sequential, shape: tuple[int, ...], accuracy: float) -> None:
        self.net, self.shape, self.accuracy = net.eval(), shape, accuracy
        self.width = WIDTH

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """How strongly each of the last maps answers, averaged over places: (N, width), from 0 up.

        Args:
            images: (N, C, H, W) in 0…1, of the size that the network was trained on.

        Raises:
            TypeError, ValueError: not a tensor, another shape or range, or NaN.
        """
        return self._through(lambda piece: self.net[0](piece).mean((2, 3)), images)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of the classes, (N, K), for images as `features` takes them."""
        return self._through(self.net, images)

    def _through(
        self, part: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor
    ) -> torch.Tensor:
        lengths = ", ".join(map(str, self.shape))
        _check("images", images, f"(N, {lengths}), like the images it was trained on")
        where = next(self.net.parameters()).device
        with torch.no_grad():
            return torch.cat([part(piece.to(where).float()) for piece in images.split(CHUNK)])


def feature_net(data: Labelled) -> FeatureNet:
    """The course's feature network for a data set: trained once, then taken from the cache.

    Lesson 12's convolutional network with batch norm, trained with Adam and a one-cycle schedule.
    Its features are the averages of its 64 last maps, as Inception's are for the published
    Fréchet distances. Its place in the cache depends on the data, the profile and the recipe; a
    cached network is protected by a checksum, and trained again if it is damaged. One line reports
    what was done and how good the network is. The global random generators are left as they were,
    so a lesson's numbers do not depend on whether the network was cached.

    Distances by these features compare with each other only, never with published ones: name
    the features beside the number.

    Args:
        data: labelled images, as `cu.data.load` gives them, of 7 × 7 pixels or more.

    Raises:
        TypeError, ValueError: not labelled images, or images too small, outside 0…1 or with NaN.
    """
    shape = _image_shape(data)
    net = _network(shape, len(data.classes)).to(data.train_x.device)
    folder = _folder(net, data)
    with locks.in_turn(folder):
        state = checkpoint.load(folder, data.train_x.device)
        if state is None:
            state = _trained(net, data)
            _keep(folder, state)
        else:
            print(f"Feature network for {data.name}, from the cache: {_quality(state)}.")
    net.load_state_dict(state["weights"])
    return FeatureNet(net, shape, state["accuracy"])


def _image_shape(data: Labelled) -> tuple[int, ...]:
    """(C, H, W) of the images, if they can be learned from."""
    arguments.kind("data", data, Labelled, "labelled images, as cu.data.load gives them")
    _check("train_x", data.train_x, "(N, C, H, W)", H=SMALLEST, W=SMALLEST)
    channels, height, width = data.train_x.shape[1:]
    _check("test_x", data.test_x, f"(N, {channels}, {height}, {width}), like train_x")
    count = len(data.classes)
    for part, images in (("train_y", data.train_x), ("test_y", data.test_x)):
        labels = arguments.whole_numbers(part, getattr(data, part))
        arguments.shape(part, labels, f"({len(images)},), one per image")
        arguments.within(part, labels, 0, count - 1, note=f", as there are {count} classes")
    return channels, height, width


def _check(name: str, images: torch.Tensor, wanted: str, **least: int) -> None:
    """Refuse what the network would take and answer with nonsense."""
    arguments.shape(name, arguments.tensor(name, images), wanted, **least)
    note = " (a generator that ends in tanh needs (x + 1) / 2)"
    arguments.within(name, images, 0, 1, note=note, slack=0.01)


def _network(shape: tuple[int, ...], classes: int) -> nn.Sequential:
    """Lesson 12's best network: maps of what is where, then one layer that reads them."""

    def block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]

    height, width = ((side + 1) // 2 // 4 for side in shape[1:])  # an odd side is rounded up
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)  # torch.manual_seed would seed the GPU too
        maps = nn.Sequential(
            *block(shape[0], 16, 5, 2),  # (B, 16, H/2, W/2)
            *block(16, 32, 3, 1),
            nn.MaxPool2d(2),  # (B, 32, H/4, W/4)
            *block(32, WIDTH, 3, 1),
            nn.MaxPool2d(2),  # (B, 64, H/8, W/8)
        )
        head = nn.Linear(WIDTH * height * width, classes)
        net = nn.Sequential(maps, nn.Flatten(), head)
    return net.to(memory_format=torch.channels_last)  # a third faster on a CPU


def _folder(net: nn.Sequential, data: Labelled) -> Path:
    """Where the network is kept: named after all that decides what it becomes."""
    recipe = [repr(net), "Adam, one cycle", BATCH, PEAK, SEED, _steps(), runtime.profile()]
    parts = [data.train_x, data.train_y, data.test_x, data.test_y]
    return paths.cache() / "features" / checkpoint.digest([recipe, *parts])[:16]


def _steps() -> int:
    return runtime.budget(**STEPS)


def _trained(net: nn.Sequential, data: Labelled) -> dict[str, Any]:
    """Train the network; its weights and its accuracy on the test part."""
    print(f"Feature network for {data.name}: training … ", end="", flush=True)
    begun, steps = time.perf_counter(), _steps()
    opt = torch.optim.Adam(net.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(opt, PEAK, total_steps=steps)
    net.train()
    with torch.enable_grad():
        for images, labels in islice(_epochs(data), steps):
            loss = F.cross_entropy(net(images), labels)
            opt.zero_grad()
            loss.backward()
            opt.step()
            rate.step()
    said = FeatureNet(net, data.test_x.shape[1:], 0.0).logits(data.test_x)
    state = {"weights": net.state_dict(), "accuracy": accuracy(said, data.test_y).item()}
    print(f"{_quality(state)} after {time.perf_counter() - begun:.0f} s.")
    return state


def _epochs(data: Labelled) -> Iterator[Iterable[torch.Tensor]]:
    batches = data.batches(min(BATCH, len(data.train_x)), SEED)
    return (batch for epoch in count() for batch in batches.epoch(epoch))


def _quality(state: dict[str, Any]) -> str:
    return f"{state['accuracy']:.1%} of the test pictures right"


def _keep(folder: Path, state: dict[str, Any]) -> None:
    try:
        checkpoint.save(folder, state)
    except OSError as error:
        print(f"{error} The feature network will be trained again next time.")
