"""What befalls a run: values that are not finite, and interrupts."""

import contextlib
import os
import signal
import threading
import warnings

import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu
from course_utils import checkpoint, faults


class Log(nn.Module):
    def forward(self, x):
        return x.log()


def finite(trainer):
    return all(p.isfinite().all() for p in trainer.parts["net"].parameters())


def broken(spoil, layer=None, at=8):
    """Train until `spoil(loss, net)` does its harm at step `at`; give the error and the trainer."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), layer or nn.ReLU(), nn.Linear(8, 3))
    opt = torch.optim.SGD(net.parameters(), 0.1)
    trainer = cu.Trainer("runs/a", net=net, opt=opt)

    def step(batch):
        x, y = batch
        now = trainer.steps + 1 == at
        loss = F.cross_entropy(net(x), y)
        if now:
            loss = spoil(loss, net)
        trainer.update(opt, loss)
        return {"loss": loss, "gain": torch.tensor(torch.nan if spoil is metric and now else 1.0)}

    with pytest.raises(FloatingPointError) as error:
        tiny.fit(trainer, step)
    return str(error.value), trainer


def metric(loss, net):
    return loss


def test_a_loss_at_fault_is_named_with_its_step_and_optimizer(root):
    text, trainer = broken(lambda loss, net: loss * torch.nan)
    assert text.startswith("Step 8: the loss of 'opt' is nan. First at fault: the loss")
    assert f"kept in {root / 'runs' / 'a'}" in text
    assert finite(trainer)
    assert checkpoint.load(trainer.folder)["steps"] == 5


def test_weights_at_fault_are_named():
    def spoil(loss, net):
        with torch.no_grad():
            net[2].bias.fill_(torch.nan)
        return loss * torch.nan

    text, trainer = broken(spoil)
    assert "First at fault: net.2 (Linear), whose weights are not finite." in text
    assert finite_state(trainer)


def finite_state(trainer):
    saved = checkpoint.load(trainer.folder)["parts"]["net"]
    return all(value.isfinite().all() for value in saved.values())


def test_a_layer_at_fault_is_named():
    text, trainer = broken(lambda loss, net: loss, layer=Log())
    assert text.startswith("Step 1: the loss of 'opt' is nan.")
    assert "First at fault: net.1 (Log), whose output is not finite." in text
    assert finite(trainer)


def test_no_checkpoint_is_promised_where_there_is_none():
    text, trainer = broken(lambda loss, net: loss * torch.nan, at=2)
    assert "checkpoint" not in text and checkpoint.load(trainer.folder) is None


def test_an_input_at_fault_is_named():
    net = nn.Sequential(nn.Linear(2, 2))
    found = faults.first_fault({"net": net}, lambda: net(torch.tensor([[1.0, torch.inf]])))
    assert found == "the input of net.0 (Linear)"


def test_a_metric_at_fault_is_named_with_its_step():
    text, trainer = broken(metric)
    assert text.startswith("Step 8: the metric 'gain' is nan.")
    assert "layer's output is finite" in text
    assert checkpoint.load(trainer.folder)["steps"] == 5


def test_a_gradient_that_is_not_finite_spoils_no_checkpoint():
    class Root(torch.autograd.Function):
        """A finite loss with an infinite gradient, as the square root has at 0."""

        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * torch.inf

    text, trainer = broken(lambda loss, net: Root.apply(loss), at=10)  # the last of an epoch
    assert text.startswith("Step 10: ") and "net.0 (Linear), whose weights are not finite" in text
    assert checkpoint.load(trainer.folder)["steps"] == 5 and finite_state(trainer)


def test_looking_for_the_fault_trains_nothing_and_leaves_no_hook():
    _, trainer = broken(lambda loss, net: loss * torch.nan)
    net = trainer.parts["net"]
    assert not any(layer._forward_hooks for layer in net.modules())
    opt, before = trainer.parts["opt"], net[0].weight.clone()
    trainer.update(opt, net(torch.ones(2, 6)).sum())  # updates count again
    assert not torch.equal(net[0].weight, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


interruptible = pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")


@interruptible
def test_twenty_interrupts_leave_the_handler_and_the_threads_as_they_were():
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    handler, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    trainer, step = tiny.classifier("runs/a")

    def interrupted(batch):
        interrupt()
        return step(batch)

    for number in range(1, tiny.STEPS + 1):
        assert len(tiny.fit(trainer, interrupted, show=True)["loss"]) == number
        assert signal.getsignal(signal.SIGINT) is handler
    assert threading.active_count() == threads
    tiny.fit(trainer, step)
    assert tiny.states(trainer) == tiny.states(whole)


@interruptible
def test_a_second_interrupt_is_a_keyboard_interrupt():
    trainer, step = tiny.classifier()

    def twice(batch):
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        tiny.fit(trainer, twice)
    tiny.fit(trainer, step)
    assert trainer.steps == tiny.STEPS


@interruptible
def test_an_interrupted_evaluation_is_made_again_and_not_half_noted(capsys):
    measured = []

    def run(at):
        trainer, step = tiny.classifier()

        def measure(batch):
            measured.append(len(batch[0]))
            if len(measured) == at:
                interrupt()
            return {"mean": batch[0].mean()}

        test = list(tiny.batches().epoch(0))
        evaluate = lambda: trainer.evaluate(measure, test)  # noqa: E731
        measured.clear()
        trainer.fit(step, tiny.batches(), epochs=2, evaluate=evaluate)
        return trainer, step, evaluate

    whole, *_ = run(at=None)
    trainer, step, evaluate = run(at=2)
    assert len(measured) == 2  # it did not go through the rest
    assert "Stopped at step 5 of 10" in capsys.readouterr().out
    assert trainer.history.epochs == []
    trainer.fit(step, tiny.batches(), epochs=2, evaluate=evaluate)
    assert trainer.history.epochs == whole.history.epochs
    assert tiny.states(trainer) == tiny.states(whole)


@interruptible
@pytest.mark.parametrize("fault", [interrupt, lambda: 1 / 0], ids=["interrupt", "mistake"])
def test_an_evaluation_that_is_made_again_draws_the_same_numbers(fault):
    """The step has dropout, so that what the first evaluation drew would be missed in training."""

    def run(faults=()):
        trainer, step = tiny.classifier()

        def evaluate():
            noise = torch.rand(())
            for fault in faults:
                fault()
            return {"noise": noise}

        with contextlib.suppress(ZeroDivisionError):
            trainer.fit(step, tiny.batches(), epochs=2, evaluate=evaluate)
        faults = ()
        trainer.fit(step, tiny.batches(), epochs=2, evaluate=evaluate)
        return tiny.states(trainer), trainer.history.epochs

    assert run([fault]) == run()


@interruptible
def test_an_evaluation_after_an_interrupted_fit_is_whole():
    trainer, step = tiny.classifier()

    def interrupted(batch):
        interrupt()
        return step(batch)

    tiny.fit(trainer, interrupted, show=True)
    seen = []
    trainer.evaluate(lambda batch: seen.append(1) or {"one": 1.0}, tiny.batches())
    assert len(seen) == 5


def test_outside_the_main_thread_an_interrupt_is_left_alone():
    trainer, step = tiny.classifier()
    with warnings.catch_warnings():
        thread = threading.Thread(target=tiny.fit, args=(trainer, step))
        thread.start()
        thread.join()
    assert trainer.steps == tiny.STEPS
