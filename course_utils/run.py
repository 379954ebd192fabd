"""A run: its named parts, how far it has come, and its checkpoints. Knows nothing of a loop."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import checkpoint, paths
from .history import History
from .runtime import say


class Run:
    """Parts that are saved together, and go on together where they were.

    `parts` and `scalers` are dicts of what has a `state_dict`; `steps` counts those done;
    `identity` is the digest of the state before the first step, which tells two runs apart.
    """

    def __init__(self, folder: str | Path | None, parts: dict[str, Any]) -> None:
        self.folder = None if folder is None else paths.run_folder(folder)
        self.parts, self.scalers = parts, {}
        self.history, self.steps, self.identity = History(), 0, ""

    def place(self) -> Path | None:
        """The folder to write to now: another one, which is said, where it can be no longer.

        Raises:
            OSError: the user's cache cannot be written either.
        """
        if self.folder is not None:
            self.folder = paths.run_folder(self.folder)
        return self.folder

    def begin(self, batches: Iterable, total: int) -> None:
        """Note what identifies this run, and go on with its checkpoint if it was cut off."""
        if self.folder is None:
            return
        shape = [len(batches), getattr(batches, "size", None), getattr(batches, "seed", None)]
        self.identity = checkpoint.digest([shape, self._states()])
        saved = checkpoint.load(self.folder, "cpu")
        if saved and saved["identity"] == self.identity and saved["steps"] < total:
            self.resume()
            say(
                f"Going on at step {self.steps} of {total}: this run was cut off before. "
                f"To start over, delete {self.folder}."
            )

    def _states(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def save(self) -> None:
        """Write a checkpoint; where that fails, go on in the user's cache, and say so."""
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
        spare = paths.cache() / "runs" / self.folder.name
        try:
            checkpoint.save(self.folder, state)
        except OSError as error:
            self.folder = spare if self.folder != spare else None
            print(f"{error} Training goes on; it is saved in {self.folder or 'no other place'}.")
            self.save()

    def resume(self) -> bool:
        """Load the folder's newest checkpoint into the parts; False where there is none.

        `fit` does this by itself for a run that was cut off. Call it to use a trained network
        without training it again.

        Raises:
            ValueError: the checkpoint belongs to other parts than these.
        """
        state = None if self.folder is None else checkpoint.load(self.folder, "cpu")
        if state is None:
            return False
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state["parts"][name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"The checkpoint in {self.folder} is of other parts than "
                f"{', '.join(self.parts)}: {str(error).splitlines()[0]}"
            ) from None
        for name, scaler in self.scalers.items():
            scaler.load_state_dict(state["scalers"][name])
        self.history.load_state_dict(state["history"])
        self.steps, self.identity = state["steps"], state["identity"]
        checkpoint.restore_random_state(state["random"])
        return True
