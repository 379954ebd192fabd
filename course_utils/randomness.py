"""The state of all global random generators: taken, and put back."""

import random
from typing import Any

import numpy as np
import torch

from . import arguments


def state() -> dict[str, Any]:
    """The state of every global generator (torch, CUDA, NumPy, Python), as plain values."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "python": random.getstate(),
    }


def restore(saved: dict[str, Any]) -> None:
    """Put every global generator back in the state that `state` returned.

    Raises:
        ValueError: it is something else. The generators are left unchanged.
    """
    before = state()
    errors = AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError
    with arguments.refused("saved must be what randomness.state returned, unchanged", *errors):
        try:
            _put_back(saved)
        except errors:
            _put_back(before)
            raise


def _put_back(saved: dict[str, Any]) -> None:
    torch.set_rng_state(saved["torch"].cpu())
    if len(saved["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([one.cpu() for one in saved["cuda"]])
    kind, keys, *rest = saved["numpy"]
    np.random.set_state((kind, keys.cpu().numpy().astype(np.uint32), *rest))
    random.setstate(saved["python"])
