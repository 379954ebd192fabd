"""The loop that every lesson shares. It knows nothing of what a step computes.

A lesson writes `step(batch) -> dict of metrics` and calls `trainer.update(opt, loss)` in it, once
for each optimizer step: a classifier does so once, a GAN for its critic and its generator.
Device, precision, progress, checkpoints and exact resume are the same for all, and stand here.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import arguments, batching, checkpoint, display, faults, runtime
from .history import History, detached, numbers
from .run import Run

Step = Callable[[Any], dict[str, Any]]
LOOK_EVERY = 0.25  # seconds between two readings of the metrics from the device


class Trainer(Run):
    """Run a step over batches, and keep the named parts safe.

    Args:
        folder: where checkpoints go, relative to the project's root; None keeps none.
        parts: whatever has a `state_dict`: modules, optimizers, schedules, an `AveragedModel`.
            Modules are moved to the device, those with 2-D convolutions to channels-last.

    Raises:
        TypeError: a part that has no `state_dict`.
        ValueError: no parts, or two optimizers that share a parameter.

    Example:
        >>> trainer = cu.Trainer("runs/12", net=net, opt=opt)
        >>> history = trainer.fit(step, data.batches(128), epochs=3, evaluate=evaluate)
    """

    def __init__(self, folder: str | Path | None = None, /, **parts: Any) -> None:
        super().__init__(folder, arguments.parts(parts))
        self.device, self.dtype = runtime.device(), runtime.precision()
        self.modules = {k: v for k, v in parts.items() if isinstance(v, nn.Module)}
        for module in self.modules.values():
            convolutions = any(isinstance(layer, nn.Conv2d) for layer in module.modules())
            layout = torch.channels_last if convolutions else torch.preserve_format
            module.to(self.device, memory_format=layout)
        opts = {k: v for k, v in parts.items() if isinstance(v, torch.optim.Optimizer)}
        self._opts = opts
        self._trained = {
            name: [p for group in opt.param_groups for p in group["params"]]
            for name, opt in opts.items()
        }
        fp16 = self.dtype is torch.float16
        self.scalers = {k: torch.amp.GradScaler(self.device.type, enabled=fp16) for k in opts}
        self._pending: list[dict[str, Any]] = []  # metrics of steps not yet read
        self._stop, self._probing = faults.Stop(), False

    # ---- what a step calls ----------------------------------------------------------------

    def update(self, opt: torch.optim.Optimizer, loss: torch.Tensor, clip: float = 0.0) -> None:
        """One step of `opt` down the gradient of `loss`, and of nobody else's parameters.

        Args:
            opt: an optimizer that is one of the parts.
            loss: one number with a graph.
            clip: if above 0, the largest 2-norm that the gradient may have.

        Raises:
            TypeError, ValueError: another optimizer, no such loss, or a clip that is no number.
            FloatingPointError: the loss is not finite (on a GPU this is seen at the next reading).
        """
        if self._probing:
            return
        name = arguments.optimizer(opt, self._opts)
        arguments.loss(loss)
        # On a CPU, look before it does harm; on a GPU, looking would make every step wait.
        if self.device.type == "cpu" and not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"Step {self.steps + 1}: the loss of {name!r} is {loss.item()}."
            )
        scaler, trained = self.scalers[name], self._trained[name]
        opt.zero_grad()
        # The other network is not touched, nor is what is frozen.
        scaler.scale(loss).backward(inputs=[p for p in trained if p.requires_grad])
        if clip:
            arguments.real("clip", clip, 0)
            scaler.unscale_(opt)
            nn.utils.clip_grad_norm_(trained, clip)
        scaler.step(opt)
        scaler.update()

    def full_precision(self) -> contextlib.AbstractContextManager:
        """Leave half precision for a block, as second-order terms need."""
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

        A run that was stopped, or whose process died, goes on where it was: call `fit` again.
        What identifies a run is the state of its parts before the first step, so other weights,
        another learning rate or another seed start afresh, as does a run that was complete.

        Args:
            step: takes a batch, returns a dict of metrics: numbers, or tensors of one number.
            batches: `cu.Batches`, or anything with a length that can be gone through repeatedly.
            epochs, steps: give one of the two, at least 1.
            evaluate: called after each epoch in evaluation mode, without gradients; returns a
                dict of metrics too.
            show: whether to draw the progress bar and the live curves, or print the lines. Where
                not, an interrupt ends the cell, so that it ends a loop over many runs.

        Raises:
            TypeError, ValueError: an argument of another kind, or no metrics from a function.
            FloatingPointError: a metric is not finite; says at which step and in which layer.
            RuntimeError: another process trains in the same folder, or memory ran out.
        """
        total = arguments.total_steps(step, batches, epochs, steps, evaluate)
        out_of_memory = False
        with checkpoint.alone(self.place()), faults.Stop() as self._stop:
            if self.steps == 0:
                self.begin(batches, total)
            for module in self.modules.values():
                module.train()
            with display.screen(self.history, self.steps, total, show) as screen:
                try:
                    self._run(step, batches, total, evaluate, screen)
                    if self._stop.asked and not show:  # one run of many: the others stop too
                        raise KeyboardInterrupt
                except FloatingPointError as error:
                    raise FloatingPointError(self._diagnosis(step, error)) from None
                except RuntimeError as error:
                    if not faults.is_out_of_memory(error):
                        raise
                    out_of_memory = True
        if out_of_memory:  # raised here, where no traceback holds the memory any more
            raise RuntimeError(self._free_memory())
        return self.history

    def _run(
        self, step: Step, batches: Iterable, total: int, evaluate: Callable | None, screen: Any
    ) -> None:
        """Alternate between closing an epoch that is due and training the rest of one."""
        while True:
            epoch, done = divmod(self.steps, len(batches))
            if self._unclosed() and (done == 0 or self.steps >= total):
                self._close_epoch(evaluate, screen)
            if self.steps >= total or self._stop.asked:
                break
            began = time.perf_counter()
            self._train(step, batching.draw(batches, epoch, done), total, screen)
            faults.check_weights(self.modules, self.steps)  # such weights must not be saved
            self.history.seconds += time.perf_counter() - began
        if self.steps < total or self._unclosed():
            self.save()
            screen.note(f"Stopped at step {self.steps} of {total}. Run the cell again to go on.")

    def _train(self, step: Step, batches: Iterator, total: int, screen: Any) -> None:
        """Step through the batches of one epoch; nothing here waits for the device."""
        half, look_at = self._autocast(), 0.0
        for batch in batches:
            self._batch = batch = batching.to_device(self.device, batch)
            with half:
                metrics = detached(step(batch))
            if self.dtype is not None:  # or the next step would see the old half-precision weights
                torch.clear_autocast_cache()
            self.steps += 1
            self._pending.append(metrics)
            if time.perf_counter() > look_at:
                self._read()
                screen.tick(self.steps)
                look_at = time.perf_counter() + LOOK_EVERY
            if self._stop.asked or self.steps >= total:
                break
        self._read()
        screen.tick(self.steps)

    def evaluate(self, measure: Step, batches: Iterable) -> dict[str, float]:
        """The mean of `measure(batch)` over all batches, weighted by their sizes.

        Modules are in evaluation mode, no gradient is kept, and the precision is that of
        training. `measure` returns a dict of metrics, as a step does.

        Raises:
            TypeError, ValueError: no function, no metrics from it, or no batches.
        """
        arguments.function("measure", measure, "a batch")
        sums, count = {}, 0
        with self._evaluating():
            for batch in arguments.iterable("batches", batches):
                batch = batching.to_device(self.device, batch)
                size = batching.size(batch)
                for name, value in detached(measure(batch), "measure").items():
                    sums[name] = sums.get(name, 0.0) + size * value
                count += size
                if self._stop.asked:
                    break
        arguments.some("batches", count)
        return {name: float(value) / count for name, value in sums.items()}

    # ---- behind the loop ------------------------------------------------------------------

    def _unclosed(self) -> bool:
        return self.steps > self.history.last.get("step", 0)

    def _close_epoch(self, evaluate: Callable | None, screen: Any) -> None:
        evaluated: dict[str, Any] = {}
        if evaluate is not None:
            with self._evaluating():
                evaluated = detached(evaluate(), "evaluate")
            if self._stop.asked:  # it was cut short: fit makes it again when it goes on
                return
        row = self.history.close_epoch(self.steps, {k: float(v) for k, v in evaluated.items()})
        self.save()
        screen.row(row)

    def _read(self) -> None:
        """Bring the metrics of the steps since the last reading from the device, in one go."""
        pending, self._pending = self._pending, []
        first = self.steps - len(pending) + 1
        for step, metrics in enumerate(numbers(pending), first):
            for name, value in metrics.items():
                if not math.isfinite(value):
                    raise FloatingPointError(f"Step {step}: the metric {name!r} is {value}.")
                self.history.add(step, name, value)

    def _autocast(self) -> contextlib.AbstractContextManager:
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    @contextlib.contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients; afterwards each layer is in the mode it was in."""
        layers = [layer for module in self.modules.values() for layer in module.modules()]
        modes = [layer.training for layer in layers]
        for layer in layers:
            layer.training = False
        try:
            with torch.no_grad(), self._autocast():
                yield
        finally:
            for layer, mode in zip(layers, modes, strict=True):
                layer.training = mode

    def _diagnosis(self, step: Step, error: FloatingPointError) -> str:
        def forward() -> None:
            with self._autocast():
                step(self._batch)

        self._probing = True
        try:
            where = faults.first_fault(self.modules, forward)
        finally:
            self._probing = False
        saved = self.folder and self.history.epochs
        kept = f" The last good checkpoint is kept in {self.folder}." if saved else ""
        return f"{error} First at fault: {where}.{kept}"

    def _free_memory(self) -> str:
        size = batching.size(self._batch)
        self._batch, self._pending = None, []
        for trained in self._trained.values():
            for parameter in trained:
                parameter.grad = None
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return f"Out of memory with batches of {size}: try {max(1, size // 2)}."
