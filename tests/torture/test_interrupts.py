"""Twenty interrupts in mid-epoch, sent to a live kernel as the stop button sends them."""

import os
import random
import time

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from course_utils import paths

SETUP = """
import psutil, torch, course_utils as cu
from torch import nn
cu.start(seed=0)
data = cu.Batches((torch.randn(4000, 30), torch.randint(3, (4000,))), 8)
net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 3))
opt = torch.optim.Adam(net.parameters())
trainer = cu.Trainer(net=net, opt=opt)
def step(batch):
    loss = nn.functional.cross_entropy(net(batch[0]), batch[1])
    trainer.update(opt, loss)
    return {"loss": loss}
"""
TRAIN = "history = trainer.fit(step, data, epochs=10_000)"
LOOK = "print(trainer.steps, len(history['loss']), psutil.Process().memory_info().rss)"
INTERRUPTS = 20
REPOSITORY = paths.root()


def run(client, code, on_output=None):
    """Run a cell to its end: (status, what it printed). `on_output` is called at each message."""
    printed = []

    def see(message):
        if message["header"]["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        if on_output:
            on_output(message)

    reply = client.execute_interactive(code, output_hook=see, timeout=300)
    return reply["content"]["status"], "".join(printed)


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(REPOSITORY))
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows interrupts a kernel by other means")
def test_twenty_interrupts(kernel, figure):
    manager, client = kernel
    process = psutil.Process(manager.provisioner.process.pid)
    choose, seconds, counts, memory = random.Random(0), [], [], []
    assert run(client, SETUP)[0] == "ok"

    def interrupt(message):
        """At the first sign of training, after a moment of any length."""
        if message["header"]["msg_type"] in ("display_data", "update_display_data") and not sent:
            time.sleep(choose.uniform(0.05, 0.5))
            manager.interrupt_kernel()
            sent.append(time.perf_counter())

    for _ in range(INTERRUPTS):
        sent = []
        status, said = run(client, TRAIN, interrupt)
        seconds.append(time.perf_counter() - sent[0])
        assert status == "ok" and "Stopped at step" in said
        steps, length, resident = map(int, run(client, LOOK)[1].split())
        assert steps == length, "steps that the history does not know"
        counts.append(steps)
        memory.append(resident)
    assert counts == sorted(set(counts)) and any(steps % 500 for steps in counts)
    grown = memory[-1] / memory[1] - 1  # what is loaded once is there by the second
    figure(
        f"{INTERRUPTS} interrupts in mid-epoch",
        "2 s on a quiet machine, no child, memory + 5 %",
        f"{max(seconds):.2f} s, {len(process.children())} children, {grown:+.1%}",
    )
    assert process.children(recursive=True) == []
    assert grown < 0.05
