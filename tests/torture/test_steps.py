"""A value that is not finite, and memory that runs out, at each step of a run in turn."""

import gc
import weakref

import pytest
import tiny
import torch

from course_utils import checkpoint


def poison_loss(trainer, loss):
    return loss * torch.nan


def poison_weights(trainer, loss):
    """The forward pass is over: it shows at the next step, or before a checkpoint is written."""
    with torch.no_grad():
        trainer.parts["net"][0].weight[0, 0] = torch.inf
    return loss


def poison_gradient(trainer, loss):
    """A finite loss whose gradient is not: the square root at 0."""
    weight = trainer.parts["net"][0].weight
    return loss + (weight.sum() * 0).sqrt()


POISONS = {"loss": poison_loss, "weights": poison_weights, "gradient": poison_gradient}


def poisoned(folder, poison, at):
    trainer, step = tiny.classifier(folder)
    net, update = trainer.parts["net"], trainer.update

    def spoilt(opt, loss, clip):
        update(opt, POISONS[poison](trainer, loss) if trainer.steps + 1 == at else loss, clip)

    trainer.update = spoilt
    with pytest.raises(FloatingPointError) as error:
        tiny.fit(trainer, step)
    return str(error.value), net


@pytest.mark.parametrize("poison", POISONS)
def test_a_value_that_is_not_finite_at_each_step(poison, tmp_path, figure):
    """Training stops within a step, says where, and the checkpoint of the last epoch is whole."""
    late = 0 if poison == "loss" else 1
    for at in range(1, tiny.STEPS + 1):
        folder = tmp_path / str(at)
        text, _ = poisoned(folder, poison, at)
        stopped = int(text.split()[1].rstrip(":"))
        assert at <= stopped <= at + late and "First at fault: " in text, text
        saved = checkpoint.load(folder)
        epochs = (at - 1) // 5
        assert (saved["steps"] if saved else 0) == 5 * epochs
        if saved:
            assert all(value.isfinite().all() for value in saved["parts"]["net"].values())
            assert "last good checkpoint" in text
    figure(
        f"not finite at step k: {poison}",
        "stops there, names the layer, last checkpoint whole",
        f"{tiny.STEPS} of {tiny.STEPS} steps",
    )


def test_memory_runs_out_at_each_step(tmp_path, figure):
    """What the step held is free, the size to try is said, and what was learnt is still there."""
    for at in range(1, tiny.STEPS + 1):
        trainer, step = tiny.classifier()
        held = []

        def greedy(batch, at=at, trainer=trainer, step=step, held=held):
            metrics = step(batch)
            if trainer.steps + 1 == at:
                big = torch.zeros(1000)
                held.append(weakref.ref(big))
                torch.empty(1 << 50)  # more than any machine has
            return metrics

        with pytest.raises(RuntimeError, match=r"Out of memory with batches of 8: try 4\."):
            tiny.fit(trainer, greedy)
        gc.collect()
        assert held[0]() is None
        assert trainer.steps == at - 1
        assert all(p.grad is None for p in trainer.parts["net"].parameters())
    figure(
        "out of memory at step k",
        "memory freed, the batch size to try is said",
        f"{tiny.STEPS} of {tiny.STEPS} steps",
    )
