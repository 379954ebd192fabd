"""A run: its named parts, how far it has come, and its checkpoints; the loop is the trainer's."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import checkpoint, paths
from .history import History
from .runtime import say

OF_A_RUN = {"identity", "steps", "parts", "scalers", "history", "random"}  # a checkpoint's entries


class Run:
    """Parts that are saved together, and carry on together where they stopped.

    `parts` and `scalers` are dicts of what has a `state_dict`; `steps` counts those done;
    `identity` is the digest of the state before the first step, which tells two runs apart.
    """

    def __init__(
        self, folder: str | Path | None, parts: dict[str, Any], scalers: dict[str, Any]
    ) -> None:
        self.folder = None if folder is None else paths.run_folder(folder)
        self.parts, self.scalers = parts, scalers
        self.history, self.steps, self.identity = History(), 0, ""

    def alone(self) -> contextlib.AbstractContextManager:
        """Lock the folder for a block; if it is no longer writable, use another one and say so.

        Raises:
            OSError: the user's cache is not writable either.
            RuntimeError: another process, or another Trainer, holds it.
        """
        if self.folder is not None:
            self.folder = paths.run_folder(self.folder)
        return checkpoint.alone(self.folder)

    def begin(self, batches: Iterable, total: int) -> None:
        """Before the first step: record what identifies this run; resume it if it was interrupted.

        It is the same run if the parts, the number and size of the batches and their seed are.

        Raises:
            ValueError: a part has a state that cannot be saved.
        """
        if self.folder is None or self.steps:
            return
        shape = [len(batches), getattr(batches, "size", None), getattr(batches, "seed", None)]
        states = self._states()
        checkpoint.packed(states)  # what cannot be saved is refused before it is trained
        self.identity = checkpoint.digest([shape, states])
        saved = self._saved()
        if saved and saved["identity"] == self.identity and saved["steps"] < total:
            self.resume()
            say(
                f"Resuming at step {self.steps} of {total}: this run was interrupted before. "
                f"To start over, delete {self.folder}."
            )

    def save(self) -> None:
        """Write a checkpoint; if that fails, use the user's cache from now on, and say so."""
        if self.folder is None:
            return
        state = {
            "identity": self.identity,
            "steps": self.steps,
            "parts": self._states(),
            "scalers": {name: scaler.state_dict() for name, scaler in self.scalers.items()},
            "history": self.history.state_dict(),
            "random": checkpoint.random_state(),
        }
        try:
            checkpoint.save(self.folder, state)
        except OSError as error:
            spare = paths.spare_folder(self.folder)
            self.folder = spare if self.folder != spare else None
            now = f"checkpoints now go to {self.folder}" if self.folder else "nothing is saved"
            print(f"{error} Training continues; {now}.")
            self.save()

    def resume(self) -> bool:
        """Load the newest checkpoint into the parts; False if there is none.

        Raises:
            ValueError: the checkpoint was saved from different parts.
        """
        state = self._saved()
        if state is None:
            return False
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state["parts"][name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"The checkpoint in {self.folder} was saved from parts other than "
                f"{', '.join(self.parts)}: {str(error).splitlines()[0]}"
            ) from None
        for name, scaler in self.scalers.items():
            scaler.load_state_dict(state["scalers"][name])
        self.history.load_state_dict(state["history"])
        self.steps, self.identity = state["steps"], state["identity"]
        checkpoint.restore_random_state(state["random"])
        return True

    def _saved(self) -> dict[str, Any] | None:
        """The newest checkpoint, if there is one and a run wrote it."""
        state = None if self.folder is None else checkpoint.load(self.folder)
        if state is None or state.keys() >= OF_A_RUN:
            return state
        print(f"The newest state in {self.folder} was not saved by a Trainer: it is not used.")
        return None

    def _states(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts.items()}
