"""Small runs, two classifiers and a GAN, which the tests train here and in a child process.

As a script, `python tiny.py classifier FOLDER [HOLD]` trains one; at step HOLD it says so and
waits for a line on its standard input, so that it can be interrupted or killed at that very step.
As `python tiny.py server` it forks a run for each line "KIND<tab>FOLDER" of its standard input.
`TINY_EPOCHS` makes the runs longer.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import course_utils as cu

EPOCHS = int(os.environ.get("TINY_EPOCHS", 4))
STEPS = 5 * EPOCHS


def batches(seed=0):
    """40 items of 6 numbers in 3 classes, in batches of 8."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 6, generator=generator)
    return cu.Batches((x, x[:, :3].argmax(1)), 8, seed)


def one_cycle(opt):
    return torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, total_steps=STEPS)


def classifier(folder=None, *, lr=0.1, momentum=0.9, hidden=8, schedule=one_cycle):
    """(trainer, step): batch norm, dropout, momentum and a schedule."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, 3)
    )
    opt = torch.optim.SGD(net.parameters(), lr, momentum)
    schedule = schedule(opt)
    trainer = cu.Trainer(folder, net=net, opt=opt, schedule=schedule)

    def step(batch):
        x, y = batch
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        trainer.update(opt, loss, clip=1.0)
        schedule.step()
        return {"loss": loss, "accuracy": cu.accuracy(logits, y)}

    return trainer, step


def gan(folder=None):
    """(trainer, step): two optimizers, two critic steps to one, an average of G, a schedule."""
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6))
    D = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(8, 1))
    ema = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    opt_G = torch.optim.Adam(G.parameters(), 0.01, betas=(0.0, 0.9))
    opt_D = torch.optim.Adam(D.parameters(), 0.01, betas=(0.0, 0.9))
    schedule = torch.optim.lr_scheduler.LambdaLR(opt_G, lambda step: 1 / (1 + step))
    trainer = cu.Trainer(folder, G=G, D=D, ema=ema, opt_G=opt_G, opt_D=opt_D, schedule=schedule)

    def step(batch):
        real, _ = batch
        for _ in range(2):
            fake = G(torch.randn(len(real), 2)).detach()
            critic = D(fake).mean() - D(real).mean()
            trainer.update(opt_D, critic)
        generator = -D(G(torch.randn(len(real), 2))).mean()
        trainer.update(opt_G, generator)
        ema.update_parameters(G)
        schedule.step()
        return {"critic": critic, "generator": generator}

    return trainer, step


def of_numpy(folder=None):
    """A classifier whose rates are numbers of NumPy, in its optimizer and in its schedule."""
    rates = np.logspace(-3, -1, 3)

    def cosine(opt):
        return torch.optim.lr_scheduler.LambdaLR(opt, lambda step: np.cos(step / 99))

    return classifier(folder, lr=rates[1], momentum=np.float64(0.9), schedule=cosine)


RUNS = {"classifier": classifier, "gan": gan, "of_numpy": of_numpy}


def fit(trainer, step, show=False, **until):
    """Train quietly, to the end or until `epochs=` or `steps=`."""
    return trainer.fit(step, batches(), show=show, **(until or {"epochs": EPOCHS}))


def states(trainer):
    """A digest of all that was learnt, equal for equal bits."""
    return cu.checkpoint.digest({name: part.state_dict() for name, part in trainer.parts.items()})


def child(*arguments, epochs=EPOCHS):
    """Start this file as a script in a process of its own: a kind, a folder, a step to hold at."""
    root = Path(cu.__file__).parent.parent
    environment = dict(
        os.environ, CUDA_VISIBLE_DEVICES="", PYTHONHASHSEED="7", PYTHONPATH=str(root),
        PYTHONIOENCODING="utf-8", TINY_EPOCHS=str(epochs),
    )  # fmt: skip
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, arguments)], env=environment, text=True,
        encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def told(process, start):
    """The rest of the child's next line that starts with `start`; an error if it ends before."""
    for line in process.stdout:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(f"the child ended without saying {start!r}")


def main(kind, folder, hold=0):
    torch.set_num_threads(1)
    trainer, step = RUNS[kind](folder)
    print("before", states(trainer), flush=True)
    started = False

    def held(batch):
        nonlocal started
        if not started:
            print("first step after", trainer.steps, flush=True)
            started = True
        metrics = step(batch)
        if trainer.steps + 1 == hold:
            print("holding", flush=True)
            sys.stdin.readline()
        return metrics

    history = fit(trainer, held, show=True)
    print("steps", len(history[history.names()[0]]), flush=True)
    fit(trainer, step)
    print("after", states(trainer), flush=True)


def serve():
    """Fork a run for each line, so that it starts in no time; say its number, and how it ended."""
    classifier()  # the first optimizer loads PyTorch's compiler, which the forks then have
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            print("pid", os.getpid(), flush=True)
            main(*line.rstrip("\n").split("\t"))
            os._exit(0)
        print("ended", os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve()
    else:
        main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
