"""A run: its named parts, how far it has come, and its checkpoints; the loop is the trainer's."""

import contextlib
import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import batching, checkpoint, locks, paths, randomness
from .history import History
from .printing import say

OF_A_RUN = {"identity", "steps", "parts", "scalers", "history", "random"}  # a checkpoint's entries
ASIDE = "run-"  # how the folders begin in which other runs are kept
KEEP_ASIDE = 5  # of them at most


class Run:
    """Parts that are saved together, and carry on together where they stopped.

    `parts` and `scalers` are dicts of what has a `state_dict`; `steps` counts those done;
    `identity` is the digest of the state before the first step, which tells two runs apart.
    """

    def __init__(
        self, folder: str | Path | None, parts: dict[str, Any], scalers: dict[str, Any]
    ) -> None:
        self.folder = self.wanted = None
        if folder is not None:
            self.folder, self.wanted = paths.run_folder(folder), paths.wanted_folder(folder)
        self.parts, self.scalers = parts, scalers
        self.history, self.steps, self.total, self.identity = History(), 0, 0, ""
        self.start: dict[str, Any] = {}  # of the epoch under way: see batching.draw
        self._random: dict[str, Any] = {}  # of the moment that was marked
        self._generators: list[torch.Generator] = []  # of the batches
        self._loaded: list[torch.Tensor] = []  # their states in the checkpoint

    def alone(self) -> contextlib.AbstractContextManager:
        """Lock the folder for a block; if it is no longer writable, use another one and say so.

        Raises:
            OSError: the user's cache is not writable either.
            RuntimeError: another process, or another Trainer, holds it.
        """
        if self.folder is not None:
            self.folder = paths.run_folder(self.folder)
        return locks.alone(self.folder)

    def begin(self, batches: Iterable, total: int) -> None:
        """Before the first step: record what identifies this run; resume it if it was interrupted.

        It is the same run if the parts, the number and size of the batches and their seed are.
        Another one's checkpoint is set aside, where it is found when that run comes back.

        Raises:
            ValueError: a part has a state that cannot be saved.
        """
        self.total, self._generators = total, batching.generators(batches)
        if self._random:
            randomness.restore(self._random)
            self._random = {}
        if self.folder is None:
            return
        if not self.steps:
            shape = [len(batches), getattr(batches, "size", None), getattr(batches, "seed", None)]
            states = self._states()
            checkpoint.packed(states)  # what cannot be saved is refused before it is trained
            self.identity = checkpoint.digest([shape, states])
        other = None
        for place, state in self._saved():
            mine = state.get("identity") == self.identity
            if mine and not self.steps and state["steps"] < total:
                self._take(state)
                say(
                    f"Resuming at step {self.steps} of {total}: this run was interrupted before. "
                    f"To start over, delete {place}."
                )
            elif other is None and place == self.folder and not (mine and self._is_past(state)):
                other = state
            if mine:
                break
        if other is not None:
            self._set_aside(other)
        for generator, state in zip(self._generators, self._loaded, strict=False):
            generator.set_state(state)
        self._loaded = []

    def mark(self) -> None:
        """Remember this moment: whatever is drawn until the next `begin`, the run goes on here."""
        self._random = randomness.state()

    def save(self) -> None:
        """Write a checkpoint; if that fails, use the user's cache from now on, and say so."""
        if self.folder is None:
            return
        state = {
            "identity": self.identity,
            "steps": self.steps,
            "total": self.total,
            "kinds": self._kinds(),
            "parts": self._states(),
            "scalers": {name: scaler.state_dict() for name, scaler in self.scalers.items()},
            "history": self.history.state_dict(),
            "random": randomness.state(),
            "start": self.start,
            "generators": [one.get_state() for one in self._generators],
        }
        try:
            checkpoint.save(self.folder, state)
        except OSError as error:
            self._move(error)
            self.save()

    def resume(self) -> bool:
        """Load the newest checkpoint into the parts; False if there is none.

        Raises:
            ValueError: the checkpoint was saved from other parts, and these stay as they were,
                or by another run than the one that is loaded or trained already.
        """
        others = False
        for place, state in self._saved():
            if not state.keys() >= OF_A_RUN:
                print(f"A state in {place} was not saved by a Trainer: it is not used.")
            elif self.steps and state["identity"] != self.identity:
                others = True
            else:
                self._take(state)
                return True
        if others:
            raise ValueError(
                f"The checkpoint in {self.folder} must be of this Trainer's own run, but another "
                "Trainer has saved its own there since: give each a folder."
            )
        return False

    def _saved(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The states in the folder and in its spare, then those of this run that were set aside."""
        if self.folder is None:
            return
        places = dict.fromkeys([self.folder, self.wanted, paths.spare_folder(self.wanted)])
        yield from checkpoint.states(*places)
        if self.identity:
            yield from checkpoint.states(*(_aside(place, self.identity) for place in places))

    def _take(self, state: dict[str, Any]) -> None:
        """Load a checkpoint into the parts, or leave them as they were."""
        before = copy.deepcopy(self._states())
        try:
            for name, kind in self._kinds().items():
                if (was := state.get("kinds", {}).get(name, kind)) != kind:
                    raise ValueError(f"{name!r} is {kind}, and was {was}.")
            for name, part in self.parts.items():
                part.load_state_dict(state["parts"][name])
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            for name, part in self.parts.items():
                part.load_state_dict(before[name])
            raise ValueError(
                f"The checkpoint in {self.folder} was saved from parts other than "
                f"{', '.join(self.parts)}: {str(error).splitlines()[0]}"
            ) from None
        for name, scaler in self.scalers.items():
            scaler.load_state_dict(state["scalers"][name])
        self.history.load_state_dict(state["history"])
        self.steps, self.identity = state["steps"], state["identity"]
        self.start, self._loaded = state.get("start", {}), state.get("generators", [])
        randomness.restore(state["random"])

    def _is_past(self, state: dict[str, Any]) -> bool:
        """Whether a checkpoint of this run needs no keeping: a complete one, or an earlier one."""
        return state["steps"] == state.get("total", state["steps"]) or state["steps"] <= self.steps

    def _set_aside(self, state: dict[str, Any]) -> None:
        """Keep the checkpoint of another run out of the way of this one's, as one of the newest."""
        place = _aside(self.folder, state.get("identity", ""))
        try:
            checkpoint.save(place, state)
        except OSError as error:
            self._move(error)
            return
        steps, total = state.get("steps", 0), state.get("total", 0)
        what = f"another run, at step {steps} of {total or steps}" if steps else "another state"
        old = checkpoint.prune(self.folder.glob(f"{ASIDE}*"), KEEP_ASIDE)
        print(f"{self.folder} held {what}: it is kept in {place}.", end=" " if old else "\n")
        if old:
            names = ", ".join(folder.name for folder in old)
            print(f"The newest {KEEP_ASIDE} such runs are kept; deleted: {names}.")

    def _move(self, error: OSError) -> None:
        """Go on in the user's cache, or if that is full too, without a folder; and say so."""
        spare = paths.spare_folder(self.folder)
        self.folder = spare if self.folder != spare else None
        now = f"checkpoints now go to {self.folder}" if self.folder else "nothing is saved"
        print(f"{error} Training continues; {now}.")

    def _states(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def _kinds(self) -> dict[str, str]:
        """What the parts are, modules left out: those are known by their weights."""
        others = {k: v for k, v in self.parts.items() if not isinstance(v, nn.Module)}
        return {name: type(part).__name__ for name, part in others.items()}


def _aside(folder: Path, identity: str) -> Path:
    return folder / f"{ASIDE}{identity[:8] or 'unknown'}"
