"""`Trainer.fit` over resident batches against other loops, each as its own documentation writes it.

The same net from the same weights, the same data, Adam, batches of 64, and the loss and the
accuracy of each step recorded; no validation, no progress bar, no checkpoints. The others are
measured thrice: over a `DataLoader` of MNIST with `ToTensor`, as the first pages of Lightning's,
Fabric's and fastai's documentation have it; over a `DataLoader` of a `TensorDataset`, which is the
best a `DataLoader` does without workers; and over the resident batches too. What is left of the
ratio there is the loop alone. A bare `for` stands beside them.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import course_utils as cu

from .data_path import Digits
from .loop import cnn_net, dense_net
from .measure import Cost, Row, interleaved, missing

SIZE = 64
ALIKE = 1.25  # the losses after training may differ by this factor: the order of the data does
Data = tuple[torch.Tensor, torch.Tensor]  # (N, 1, 28, 28) uint8, (N,)
Train = Callable[[nn.Module, torch.optim.Optimizer, Iterable, int], None]


def rows(quick: bool) -> Iterator[Row]:
    if cu.device().type != "cpu":
        yield missing("Trainer.fit", "the alternatives", "hide the GPU: CUDA_VISIBLE_DEVICES=''")
        return
    logging.disable()  # what Lightning has to say at each start
    drawn, labels, *_ = cu.data.glyphs.mnist_like(6400 if quick else 12_800, 1)
    with warnings.catch_warnings(action="ignore"):  # that the DataLoader has few workers, and such
        for net, name in ((dense_net, "dense net"), (cnn_net, "small CNN"))[: 1 if quick else 2]:
            for other, (package, train) in ALTERNATIVES.items():
                for path in PATHS:
                    if quick and (train is bare or path == SAME):  # the loop alone: in `loop`
                        continue
                    what = f"Trainer.fit, {name}", f"{other}, {path}"
                    if find_spec(package) is None:
                        yield missing(*what, f"{package} is not installed")
                    else:
                        yield compared(what, train, net, (drawn, labels), path, quick)


def compared(
    what: tuple[str, str], train: Train, net: Callable, data: Data, path: str, quick: bool
) -> Row:
    epochs, pairs = (1, 2) if quick else (2, 5)
    runs = interleaved(
        lambda: prepared(ours, net(), resident(*data), epochs),
        lambda: prepared(train, net(), PATHS[path](*data), epochs),
        pairs,
    )
    mine, other = (final_loss(costs, data) for costs in runs)
    note = f"loss {mine:.3f} and {other:.3f}"
    if not 1 / ALIKE < mine / other < ALIKE:
        return missing(*what, f"they do not learn the same, {note}")
    least = None if path == SAME or train is bare else 1.5
    return runs.row(*what, least=least, note=note)


def prepared(
    train: Train, net: nn.Module, batches: Iterable, epochs: int
) -> Callable[[], nn.Module]:
    opt = torch.optim.Adam(net.parameters())

    def run() -> nn.Module:
        train(net, opt, batches, epochs)
        return net

    return run


def resident(drawn: torch.Tensor, labels: torch.Tensor) -> cu.Batches:
    return cu.Batches((drawn.float() / 255, labels), SIZE)


def tensors(drawn: torch.Tensor, labels: torch.Tensor) -> DataLoader:
    dataset = TensorDataset(drawn.float() / 255, labels)
    return DataLoader(dataset, SIZE, shuffle=True, drop_last=True)


def pictures(drawn: torch.Tensor, labels: torch.Tensor) -> DataLoader:
    return DataLoader(Digits(drawn[:, 0], labels), SIZE, shuffle=True, drop_last=True)


SAME = "the same batches"
PATHS = {"MNIST with ToTensor": pictures, "TensorDataset": tensors, SAME: resident}


@torch.no_grad()
def final_loss(costs: list[Cost], data: Data) -> float:
    """On all of the training data, the median of the runs."""
    drawn, labels = data
    return median(
        F.cross_entropy(cost.result(drawn.float() / 255), labels).item() for cost in costs
    )


# ---- the loops, each as its documentation has it ----------------------------------------------


def ours(net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int) -> None:
    trainer = cu.Trainer(net=net, opt=opt)

    def step(batch):
        logits = net(batch[0])
        loss = F.cross_entropy(logits, batch[1])
        trainer.update(opt, loss)
        return {"loss": loss, "accuracy": cu.accuracy(logits, batch[1])}

    trainer.fit(step, batches, epochs=epochs, show=False)


def bare(net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int) -> None:
    plain_loop(net, opt, batches, epochs, lambda loss: loss.backward())


def plain_loop(
    net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int, backward: Callable
) -> None:
    metrics = []
    net.train()
    for _ in range(epochs):
        for images, labels in batches:
            opt.zero_grad()
            logits = net(images)
            loss = F.cross_entropy(logits, labels)
            backward(loss)
            opt.step()
            metrics.append((loss.detach(), cu.accuracy(logits, labels).detach()))


def accelerate(net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int) -> None:
    from accelerate import Accelerator

    accelerator = Accelerator()
    net, opt, batches = accelerator.prepare(net, opt, batches)
    plain_loop(net, opt, batches, epochs, accelerator.backward)


def fabric(net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int) -> None:
    from lightning import Fabric

    fabric = Fabric()
    fabric.launch()
    net, opt = fabric.setup(net, opt)
    if isinstance(batches, DataLoader):  # it takes nothing else
        batches = fabric.setup_dataloaders(batches)
    plain_loop(net, opt, batches, epochs, fabric.backward)


def lightning(net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int) -> None:
    from lightning import LightningModule, Trainer

    class Classifier(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def training_step(self, batch, _):
            logits = self.net(batch[0])
            loss = F.cross_entropy(logits, batch[1])
            self.log("loss", loss)
            self.log("accuracy", cu.accuracy(logits, batch[1]))
            return loss

        def configure_optimizers(self):
            return opt

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_epochs=epochs, default_root_dir=folder, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(model=Classifier(), train_dataloaders=batches)


def fastai(net: nn.Module, opt: torch.optim.Optimizer, batches: Iterable, epochs: int) -> None:
    from fastai.basics import DataLoaders, Learner, OptimWrapper

    learn = Learner(
        DataLoaders(batches, []), net, F.cross_entropy, partial(OptimWrapper, opt=torch.optim.Adam),
        metrics=cu.accuracy,
    )  # fmt: skip
    learn.recorder.train_metrics = True
    with learn.no_logging():
        learn.fit(epochs)


ALTERNATIVES = {
    "Lightning": ("lightning", lightning),
    "Fabric": ("lightning", fabric),
    "Accelerate": ("accelerate", accelerate),
    "fastai": ("fastai", fastai),
    "a bare for": ("torch", bare),
}
