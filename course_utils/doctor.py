"""Check the machine: report what is wrong with it, and how to fix it."""

import importlib
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable

from . import paths, runtime

NEEDED = ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "pooch", "tqdm")


class Unwell(Exception):
    """A check failed; the message says how to fix it."""


def doctor() -> None:
    """Print one line for each thing the course needs: `ok`, or what to do about it."""
    tests: dict[str, Callable[[], str]] = {
        "Python": _python,
        "packages": _packages,
        "torch and torchvision": _pair,
        "device": _device,
        "profile": _profile,
        "widgets": _widgets,
        "run folder": _runs,
        "data": _data,
        "disk": _disk,
    }
    failed = 0
    for name, test in tests.items():
        try:
            print(f"ok    {name}: {test()}")
        except Unwell as remedy:
            failed += 1
            print(f"FIX   {name}: {remedy}")
    print("Everything is in order." if not failed else f"To fix: {failed}.")


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()}"


def _packages() -> str:
    found, missing = [], []
    for name in NEEDED:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise Unwell(f"install {', '.join(missing)}: pip install {' '.join(missing)}")
    return ", ".join(found)


def _pair() -> str:
    """A CPU build of one with a CUDA build of the other fails in a way that names neither."""
    try:
        importlib.import_module("torchvision.ops")
    except (ImportError, RuntimeError, AttributeError) as error:
        raise Unwell(
            f"they come from different builds ({str(error).splitlines()[0]}). Install both "
            "again, in one command from one place: pip install --force-reinstall torch torchvision"
        ) from None
    return "they match"


def _device() -> str:
    import torch

    kind = str(runtime.precision() or torch.float32).removeprefix("torch.")
    return f"{runtime.device()}, training in {kind}"


def _profile() -> str:
    try:
        chosen = runtime.profile()
    except ValueError as error:
        raise Unwell(str(error)) from None
    wanted = os.environ.get("COURSE_PROFILE")
    if wanted and wanted != chosen:
        raise Unwell(f"COURSE_PROFILE is {wanted}, but this machine has no GPU: {chosen} is used.")
    return chosen


def _widgets() -> str:
    version = importlib.import_module("ipywidgets").__version__
    if int(version.split(".")[0]) < 7:
        raise Unwell(f"ipywidgets is {version}; sliders need 7.7 or newer: "
                     "pip install --upgrade ipywidgets")  # fmt: skip
    return f"ipywidgets {version}"


def _runs() -> str:
    try:
        paths.run_folder("runs")
    except OSError as error:
        raise Unwell(str(error)) from None
    return "writable"


def _data() -> str:
    shared = os.environ.get("COURSE_DATA")
    if shared and not paths.data_folders()[0].is_dir():
        raise Unwell(f"COURSE_DATA is {shared}, which is not a folder. Correct it or unset it.")
    return f"looked for in {'COURSE_DATA, then in ' if shared else ''}datasets/"


def _disk() -> str:
    free = shutil.disk_usage(paths.root()).free / 1e9
    if free < 1:
        raise Unwell(f"only {free:.1f} GB are free; data and checkpoints need about 1 GB.")
    return f"{free:.0f} GB free"
