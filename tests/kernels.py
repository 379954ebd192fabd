"""Kernels for nbval that are forks of one process, which has imported the large libraries once.

Imports took a third of a smoke notebook's processor time: PyTorch, and its compiler, which the
first optimizer loads. Each kernel still imports the course's own package, as a learner's does.
Windows has no fork: there, kernels start as they always do.
"""

import multiprocessing
import os
import signal
from typing import Any
from unittest import mock

import nbval.kernel
from jupyter_client.provisioning import local_provisioner

LIBRARIES = [
    *("ipykernel.kernelapp", "ipywidgets", "matplotlib.pyplot", "matplotlib_inline.backend_inline"),
    *("pandas", "scipy.ndimage", "scipy.stats", "sklearn.decomposition", "sklearn.linear_model"),
    *("sklearn.manifold", "torch._dynamo", "torchvision.transforms.v2"),
]
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # as every kernel has it


def serve(command: list[str], folder: str, environment: dict[str, str], ready: Any) -> None:
    """What `python -m ipykernel_launcher -f FILE` does, in the fork."""
    os.setsid()  # an interrupt of this kernel is for its own group
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment, JPY_PARENT_PID=str(os.getppid()))
    ready.set()
    from ipykernel import kernelapp

    kernelapp.launch_new_instance(argv=command[command.index("-f") :])


class Fork:
    """A kernel's process with the manners of `subprocess.Popen`, as Jupyter expects it."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], cwd: str, env: dict[str, str], **others: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LIBRARIES)
        ready = context.Event()
        self.process = context.Process(target=serve, args=(command, cwd, env, ready))
        with mock.patch.dict(os.environ, INLINE):
            self.process.start()
        if not ready.wait(120):
            raise RuntimeError("The kernel's process did not start.")
        self.pid = self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self.process.join(timeout)
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    terminate = kill


if hasattr(os, "fork"):
    forking = mock.patch.object(local_provisioner, "launch_kernel", Fork)
    nbval.kernel.start_new_kernel = forking(nbval.kernel.start_new_kernel)
