"""Runs a notebook's cells in a fresh kernel and measures it; knows nothing about storing it."""

import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from matplotlib import get_cachedir
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from ..runtime import PROFILES
from .course import AuthoringError

STOPWATCH = "course_utils.authoring.stopwatch"
EVERY = 0.1  # seconds between two looks at the memory
CORES = 2  # what a `cpu` run may use, whatever the machine has: the unit of a quiet minute


@dataclass(frozen=True)
class Run:
    """What a run cost: seconds of each code cell, of training, of all; peak resident megabytes."""

    cell_seconds: dict[int, float]
    training_seconds: float
    wall_seconds: float
    peak_mb: float

    @property
    def seconds(self) -> float:
        return sum(self.cell_seconds.values())

    def slowest(self, count: int = 3) -> list[tuple[int, float]]:
        """(cell number from 1, seconds) of the cells that took longest."""
        return sorted(self.cell_seconds.items(), key=lambda item: -item[1])[:count]


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the running interpreter, whatever kernelspecs are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quiet = "--log-level=40"  # each start would warn that it talks unencrypted, to itself
        return KernelSpec(argv=[*argv, quiet], display_name="Python 3", language="python")


class PeakMemory:
    """Samples the resident memory of a process and its children ten times a second.

    A child counts from the second look on: between fork and exec it shows its parent's pages, and
    one program seems to take its memory twice.
    """

    def __init__(self, pid: int):
        self.megabytes = 0.0
        self._process = psutil.Process(pid)
        self._seen: set[psutil.Process] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.megabytes = max(self.megabytes, self._resident() / 1e6)
            if self._stop.wait(EVERY):
                break

    def _resident(self) -> int:
        total = 0
        try:
            seen, self._seen = self._seen, set(self._process.children(recursive=True))
            for process in [self._process, *(seen & self._seen)]:
                memory = process.memory_info()
                # Pages mapped from files, as those of a CUDA build of PyTorch, can be dropped.
                total += memory.rss - getattr(memory, "shared", 0)
        except psutil.NoSuchProcess:  # a worker that ended while we looked
            pass
        return total


def execute(notebook: NotebookNode, root: Path, profile: str, timeout: int = 3600) -> Run:
    """Run all cells in place, in `root/solutions`; AuthoringError with cell and traceback."""
    # nbclient must keep widget state while it runs, or `with Output():` fails; we never store it.
    client = NotebookClient(notebook, timeout=timeout, kernel_manager_class=ThisPython)
    seconds: dict[int, float] = {}
    training = 0.0
    begin = time.perf_counter()
    # As on a machine where no lesson ran: nothing is resumed, or (on Linux) taken from the
    # cache. Matplotlib keeps its list of fonts, whose making it would announce.
    with tempfile.TemporaryDirectory() as empty:
        own = {"COURSE_RUNS": empty, "XDG_CACHE_HOME": empty, "MPLCONFIGDIR": get_cachedir()}
        env = environment(root, profile) | own
        with client.setup_kernel(env=env, cwd=str(root / "solutions")):
            with PeakMemory(client.km.provisioner.pid) as memory:
                for index, cell in enumerate(notebook.cells):
                    if cell.cell_type == "code":
                        seconds[index + 1] = _run_cell(client, cell, index)
                        training = _stopwatch(client)
    return Run(seconds, training, time.perf_counter() - begin, memory.megabytes)


def _run_cell(client: NotebookClient, cell: NotebookNode, index: int) -> float:
    begin = time.perf_counter()
    try:
        client.execute_cell(cell, index)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        text = str(error)
        if not isinstance(error, CellExecutionError):  # the others do not quote the cell
            text = f"{cell.source}\n------------------\n{text}"
        raise AuthoringError(f"cell {index + 1} failed.\n{text}") from None
    return time.perf_counter() - begin


def _stopwatch(client: NotebookClient) -> float:
    """Seconds of training until now; leaves no name and no number of a cell behind.

    The watch is started by the first look after the lesson has imported the course: what an import
    takes is the lesson's.
    """
    load = f"__import__('importlib').import_module({STOPWATCH!r})"
    ask = f"print({load}.watch.seconds if 'course_utils' in __import__('sys').modules else 0)"
    cells = client.nb.cells
    cells.append(new_code_cell(ask))  # nbclient runs nothing that has no place in the notebook
    client.execute_cell(cells[-1], len(cells) - 1, store_history=False)
    return float(cells.pop().outputs[0].text)


def environment(root: Path, profile: str) -> dict[str, str]:
    """The kernel's environment: the profile, the course importable, two cores for `cpu`."""
    if profile not in PROFILES:
        raise AuthoringError(f"profile is {profile!r}; it must be one of {', '.join(PROFILES)}")
    env = dict(os.environ, COURSE_PROFILE=profile)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), env.get("PYTHONPATH")]))
    if profile != "gpu":
        env["CUDA_VISIBLE_DEVICES"] = ""
        if (os.cpu_count() or 1) > CORES:
            env["OMP_NUM_THREADS"] = str(CORES)
    return env
