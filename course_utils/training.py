"""The loop that every lesson shares; what a step computes is the lesson's.

A lesson writes `step(batch) -> dict of metrics` and calls `trainer.update(opt, loss)` in it, once
for each optimizer step: a classifier does so once, a GAN for its critic and its generator.
Device, precision, progress, checkpoints and exact resume are the same for all, and are here.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from . import arguments, batching, display, faults, gradients, modules, randomness, runtime, scaling
from .history import History
from .readings import averaged, detached, numbers, read
from .run import Run

Step = Callable[[Any], dict[str, Any]]
LOOK_EVERY = 0.25  # seconds between two readings of the metrics from the device
SCALE = 2.0**15  # of gradients in float16 at first; the usual 2**16 is beyond its range


class Trainer:
    """Run a step over batches, and keep the named parts safe.

    Args:
        folder: where checkpoints go, relative to the project's root; None keeps none.
        parts: whatever has a `state_dict`: modules, optimizers, schedules, an `AveragedModel`.
            Modules are moved to the device, and otherwise stay as they are.

    Raises:
        TypeError: a part that has no `state_dict`.
        ValueError: no parts, or two optimizers that share a parameter.

    Example:
        >>> trainer = cu.Trainer("runs/12", net=net, opt=opt)
        >>> history = trainer.fit(step, data.batches(128), epochs=3, evaluate=evaluate)
    """

    def __init__(self, folder: str | Path | None = None, /, **parts: Any) -> None:
        self.parts, self.device = arguments.parts(parts), runtime.device()
        self._dtype = runtime.precision()
        self._modules = {k: v for k, v in parts.items() if isinstance(v, nn.Module)}
        self._opts = {k: v for k, v in parts.items() if isinstance(v, torch.optim.Optimizer)}
        fp16, kind = self._dtype is torch.float16, self.device.type
        scalers = {k: torch.amp.GradScaler(kind, SCALE, enabled=fp16) for k in self._opts}
        self._schedules = [v for v in parts.values() if isinstance(v, LRScheduler) and fp16]
        self._skipped: list[torch.optim.Optimizer] = []  # by the scalers, within this step
        self._run = Run(folder, parts, scalers)
        self.history = self._run.history
        modules.place(self._modules.values(), self.device)
        self._pending: list[dict[str, Any]] = []  # metrics of steps not yet read
        self._stop, self._probing = faults.Stop(), False
        self._mark_gradients()

    def __getstate__(self) -> None:
        arguments.uncopied()

    @property
    def steps(self) -> int:
        """How many steps are done."""
        return self._run.steps

    @property
    def folder(self) -> Path | None:
        """Where checkpoints go; None if none are kept."""
        return self._run.folder

    def resume(self) -> bool:
        """Load the folder's newest checkpoint into the parts; False if there is none.

        `fit` does this by itself for a run that was interrupted. Call it to use a trained network
        without training it again.

        Raises:
            ValueError: the checkpoint was saved from other parts, and these stay as they were,
                or by another Trainer that used the folder after this one.
        """
        return self._run.resume()

    # ---- what a step calls ----------------------------------------------------------------

    def update(self, opt: torch.optim.Optimizer, loss: torch.Tensor, clip: float = 0.0) -> None:
        """One step of `opt` down the gradient of `loss`; no other parameters are touched.

        Call no `backward()` of your own: to accumulate gradients, add the losses.
        In float16 a gradient may overflow: then the update is skipped, and so, in `fit`, is that
        step of its schedules.

        Args:
            opt: an optimizer that is one of the parts.
            loss: one number with a graph, which no update has used yet.
            clip: if above 0, the largest 2-norm that the gradient may have.

        Raises:
            TypeError, ValueError: another optimizer, a loss that trains none of its parameters,
                gradients of another `backward()`, or a clip that is no number.
            FloatingPointError: the loss is not finite (on a GPU this is seen at the next reading).
        """
        if self._probing:
            return
        name, trained = arguments.optimizer(opt, self._opts), gradients.trained(opt)
        arguments.loss(loss)
        arguments.trainable(name, trained, gradients.unknown(trained))
        if self.device.type == "cpu":  # before it does harm; on a GPU, each look would make us wait
            faults.check_value(f"the loss of {name!r}", loss.item(), self.steps + 1)
        if clip:
            arguments.real("clip", clip, 0)
        if not gradients.descend(name, opt, loss, self._run.scalers[name], clip):
            opt._opt_called = True  # or its schedule would warn that it comes too early
            self._skipped.append(opt)
        if self._dtype:  # or the rest of the step would see half-precision copies of old weights
            torch.clear_autocast_cache()

    def full_precision(self) -> AbstractContextManager:
        """Compute a block in float32, as second-order terms need."""
        return torch.autocast(self.device.type, enabled=False)

    # ---- the loop -------------------------------------------------------------------------

    def fit(
        self,
        step: Step,
        batches: Iterable,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        evaluate: Callable[[], dict[str, Any]] | None = None,
        show: bool = True,
    ) -> History:
        """Train until `epochs` (or `steps`) are done *in all*, and return the history.

        A run that was stopped, or whose process died, continues where it was: call `fit` again.
        What identifies a run is the state of its parts before the first step, so other weights,
        another learning rate or another seed start a new run, as does a run that was complete. What
        another run had saved in the folder is set aside, and is found when that run comes back.
        Modules are in training mode, but for layers that you put into evaluation mode before.

        Args:
            step: takes a batch, returns a dict of metrics: numbers, or tensors of one number.
            batches: `cu.Batches`, or anything with a length that allows more than one pass. A
                `DataLoader` goes on exactly, too; what shuffles by other means draws anew.
            epochs, steps: give one of the two, at least 1.
            evaluate: called after each epoch in evaluation mode, without gradients; returns a
                dict of metrics too.
            show: whether to draw the progress bar and the live curves, or print the lines. If
                not, an interrupt ends the cell, so that it ends a loop over many runs.

        Raises:
            TypeError, ValueError: a wrong argument, a function that returns no metrics, or from
                `evaluate` one that is not finite: what was trained is saved, and `fit` goes on.
            FloatingPointError: a metric is not finite; says at which step and in which layer.
            RuntimeError: another process trains in the same folder, or memory ran out.
        """
        total = arguments.total_steps(step, batches, epochs, steps, evaluate)
        arguments.flag("show", show)
        out_of_memory = False
        with self._run.alone(), faults.Stop() as self._stop:
            self._run.begin(batches, total)
            self._mark_gradients()
            trained = [p for opt in self._opts.values() for p in gradients.trained(opt)]
            modules.train(self._modules.values(), trained)
            with display.screen(self.history, self.steps, total, show) as screen:
                try:
                    self._train(step, batches, total, evaluate, screen)
                    if self._stop.asked and not show:  # one run of many: the others stop too
                        raise KeyboardInterrupt
                except FloatingPointError as error:
                    raise FloatingPointError(f"{error} {self._diagnosis(step)}") from None
                except RuntimeError as error:
                    if not faults.is_out_of_memory(error):
                        raise
                    out_of_memory = True
        if out_of_memory:  # raised here, where no traceback holds the memory any more
            size, self._batch = batching.size(self._batch), None
            self._pending.clear()
            faults.free_memory(self._opts.values())
            what = f"with batches of {size}: try {max(1, size // 2)}" if size else "at this step"
            raise RuntimeError(f"Out of memory {what}.")
        return self.history

    def _train(
        self, step: Step, batches: Iterable, total: int, evaluate: Callable | None, screen: Any
    ) -> None:
        """Train the rest of an epoch, then close it, until all steps are done."""
        while True:
            epoch, done = divmod(self.steps, len(batches))
            if self._unclosed() and (done == 0 or self.steps >= total):
                self._close_epoch(evaluate, screen)
            if self.steps >= total or self._stop.asked:
                break
            began = time.perf_counter()
            drawn = batching.draw(batches, epoch, done, self._run.start)
            self._train_epoch(step, drawn, total, screen)
            if self.steps % len(batches) == 0:
                next(drawn, None)  # torch's samplers draw once more as they end
            faults.check_weights(self._modules, self.steps)  # such weights must not be saved
            self.history.seconds += time.perf_counter() - began
        self._run.mark()
        if self.steps < total or self._unclosed():
            self._run.save()
            screen.note(f"Stopped at step {self.steps} of {total}. Run the cell again to continue.")

    def _train_epoch(self, step: Step, batches: Iterator, total: int, screen: Any) -> None:
        """Step through the batches of one epoch; nothing here waits for the device."""
        half, look_at = self._autocast(), 0.0
        for batch in batches:
            self._batch = batch = batching.to_device(self.device, batch)
            with half, scaling.waiting(self._schedules, self._skipped):
                metrics = detached(step(batch))
            self._run.steps += 1
            self._pending.append(metrics)
            if time.perf_counter() > look_at:
                read(self.history, self._pending, self.steps)
                screen.tick(self.steps)
                look_at = time.perf_counter() + LOOK_EVERY
            if self._stop.asked or self.steps >= total:
                break
        read(self.history, self._pending, self.steps)
        screen.tick(self.steps)

    def evaluate(self, measure: Step, batches: Iterable) -> dict[str, float]:
        """The mean of `measure(batch)` over all batches, weighted by their sizes.

        Modules are in evaluation mode, no gradient is kept, and the precision is that of
        training. `measure` returns a dict of metrics, as a step does; one that is missing for
        some batches is the mean over the others.

        Raises:
            TypeError, ValueError: not a function, one that returns no metrics, or no batches.
        """
        arguments.function("measure", measure, "a batch")
        found = []
        with modules.evaluating(self._modules.values()), self._autocast():
            for batch in arguments.iterable("batches", batches):
                size = arguments.items(batch, batching.size(batch))
                if size == 0:  # the mean over nothing is not a number
                    continue
                batch = batching.to_device(self.device, batch)
                found.append((size, detached(measure(batch), "measure")))
                if self._stop.asked:
                    break
        arguments.some("batches", len(found))
        return averaged(found)

    # ---- behind the loop ------------------------------------------------------------------

    def _mark_gradients(self) -> None:
        for opt in self._opts.values():  # a look at gradients between two trainings is no fault
            gradients.mark(gradients.trained(opt))

    def _unclosed(self) -> bool:
        return self.steps > self.history.last.get("step", 0)

    def _close_epoch(self, evaluate: Callable | None, screen: Any) -> None:
        evaluated, before = {}, randomness.state()
        try:
            if evaluate is not None:
                with modules.evaluating(self._modules.values()), self._autocast():
                    evaluated = detached(evaluate(), "evaluate")
                if self._stop.asked:  # it was cut short: fit evaluates again when it goes on
                    randomness.restore(before)
                    return
            row = self.history.close_epoch(self.steps, *numbers([evaluated]))
        except Exception:
            randomness.restore(before)
            self._run.mark()
            self._run.save()  # so that a mistake in `evaluate` does not cost the epoch
            raise
        self._run.save()
        screen.row(row)

    def _autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, self._dtype) if self._dtype else nullcontext()

    def _diagnosis(self, step: Step) -> str:
        """Which layer is at fault: the step again, without its updates."""
        self._probing = True
        try:
            with self._autocast():
                where = faults.first_fault(self._modules, lambda: step(self._batch))
        finally:
            self._probing = False
        saved = self.folder and self.history.epochs
        kept = f" The last good checkpoint is kept in {self.folder}." if saved else ""
        return f"First at fault: {where}.{kept}"
