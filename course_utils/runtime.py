"""Where a lesson runs: its device, precision and profile. Knows nothing about data or training."""

import os
from collections.abc import Sequence
from typing import TypeVar

import torch

from . import arguments

Budget = TypeVar("Budget", int, Sequence)
PROFILES = ("smoke", "cpu", "gpu")


def banner(seed: int) -> str:
    """One line: the device, its precision, the profile, the version of PyTorch, the seed."""
    where = device()
    if where.type == "cuda":
        name = torch.cuda.get_device_name(where)
    elif where.type == "mps":
        name = "Apple GPU"
    else:
        threads = torch.get_num_threads()
        name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    kind = str(precision() or torch.float32).removeprefix("torch.")
    version = torch.__version__.split("+")[0]
    return f"{name} · {kind} · profile {profile()} · PyTorch {version} · seed {seed}"


def device() -> torch.device:
    """CUDA where there is a usable GPU, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def precision(where: torch.device | None = None) -> torch.dtype | None:
    """The half precision to train in, or None for plain float32.

    bfloat16 if the hardware has it (a T4 emulates it, slowly), float16 on other CUDA cards, float32
    elsewhere.
    """
    where = where or device()
    if where.type != "cuda":
        return None
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16


def profile() -> str:
    """`smoke`, `cpu` or `gpu`: `COURSE_PROFILE`, or what the device allows.

    Raises:
        ValueError: `COURSE_PROFILE` is not the name of a profile.
    """
    gpu = device().type != "cpu"
    wanted = os.environ.get("COURSE_PROFILE") or ("gpu" if gpu else "cpu")
    arguments.choice("COURSE_PROFILE", wanted, PROFILES)
    return "cpu" if wanted == "gpu" and not gpu else wanted


def budget(*, cpu: Budget, gpu: Budget) -> Budget:
    """The amount that the profile allows: `STEPS = cu.budget(cpu=1500, gpu=20_000)`.

    Takes two whole numbers (steps, epochs, samples) or two sequences of numbers (seeds, sizes),
    which may differ in length. Under `smoke` a number becomes a five-hundredth of `cpu`, but at
    least 2, and a sequence its first two items.

    Raises:
        ValueError: they are neither, or one of each.
    """
    cpu, gpu = arguments.amounts(cpu, gpu)
    chosen = profile()
    if chosen != "smoke":
        return cpu if chosen == "cpu" else gpu
    return min(cpu, max(2, cpu // 500)) if isinstance(cpu, int) else cpu[:2]
