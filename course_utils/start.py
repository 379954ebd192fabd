"""The first cell of a lesson: seeds, the style of plots, and one line on where it runs."""

import os
import random

import matplotlib
import numpy as np
import torch

from . import runtime
from .arguments import whole
from .plots.style import STYLE


def start(seed: int = 0) -> torch.device:
    """Seed every generator, set the style of plots, and print one line on where this runs.

    Call it in the first cell of a lesson. Returns the device that the lesson trains on.

    Args:
        seed: a whole number from 0 up; the same seed gives the same numbers again.

    Raises:
        ValueError: the seed is not such a number.
    """
    random.seed(whole("seed", seed, 0))
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed % 2**64)  # the largest seed it takes
    matplotlib.rcParams.update(STYLE)
    if runtime.device().type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    if os.environ.get("COURSE_PROFILE") == "gpu" and runtime.profile() != "gpu":
        print("COURSE_PROFILE is gpu, but this machine has no GPU: the cpu budgets are used.")
    print(runtime.banner(seed))
    return runtime.device()
