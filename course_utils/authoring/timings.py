"""How long each lesson takes, in quiet minutes; knows nothing about how lessons are run.

A quiet minute is a minute of the quiet machine (rate.py). This one's rate is measured just before
and just after a run; seconds × rate are quiet seconds, in both directions: a machine half as fast,
or half busy, takes twice the seconds and counts each for half. What happens to the rate during the
run is not seen. Times on a GPU are stored as measured, with its name, since this rate says nothing
about it.
"""

from . import records
from .course import AuthoringError, Course
from .records import Table

# Of a `cpu` run: quiet minutes of training and of all, and megabytes, which are Binder's.
MAX_TRAINING, MAX_MINUTES, MAX_MB = 5.0, 5.5, 900


def load(course: Course) -> Table:
    """The table as stored; empty where there is none."""
    return records.load(course.timings)


def save(course: Course, number: str, profile: str, new: dict) -> Table:
    """Store one entry and return the whole table."""
    return records.save(course.timings, number, profile, new)


def entry(
    seconds: float, training: float, wall: float, peak_mb: float, quiet: float, device: str
) -> dict:
    """One measurement: seconds of the cells, of `Trainer.fit` among them, and of the whole run.

    `quiet` is the machine's rate over the quiet rate: 1.0 is a quiet one.
    """
    return {
        "device": device,
        "minutes": round(seconds * quiet / 60, 2),
        "peak_mb": round(peak_mb),
        "quiet": round(quiet, 2),
        "seconds": round(seconds, 1),
        "training_minutes": round(training * quiet / 60, 2),
        "wall_seconds": round(wall, 1),
    }


def device_name(profile: str) -> str:
    """What a run of this profile is timed on; AuthoringError for `gpu` if there is none."""
    import torch

    if profile != "gpu":
        return "2 CPU cores"
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    if torch.backends.mps.is_available():
        return "Apple GPU"
    raise AuthoringError("profile 'gpu' was asked for, but this machine has no GPU")


def sentence(entries: dict[str, dict]) -> str:
    """What stands for {{minutes}} in a lesson."""
    cpu, gpu = entries.get("cpu"), entries.get("gpu")
    on_cpu = "not yet measured on a CPU"
    if cpu:
        on_cpu = f"{minutes(cpu)} min on two CPU cores ({cpu['peak_mb']} MB of memory)"
    on_gpu = (
        f"{minutes(gpu)} min on a GPU ({gpu['device']})" if gpu else "not yet measured on a GPU"
    )
    return f"{on_cpu}, {on_gpu}"


def over_budget(table: Table, number: str) -> list[str]:
    """Which limits a lesson's `cpu` run exceeds."""
    cpu = table.get(number, {}).get("cpu", {})
    found = []
    if cpu.get("minutes", 0) > MAX_MINUTES:
        found.append(f"takes {cpu['minutes']} quiet minutes on cpu, at most {MAX_MINUTES}")
    if cpu.get("training_minutes", 0) > MAX_TRAINING:
        minutes = cpu["training_minutes"]
        found.append(f"trains for {minutes} quiet minutes on cpu, at most {MAX_TRAINING}")
    if cpu.get("peak_mb", 0) > MAX_MB:
        found.append(f"takes {cpu['peak_mb']} MB on cpu, at most {MAX_MB}")
    return [f"lesson {number} {what}" for what in found]


def minutes(found: dict | None) -> str:
    """`0.4`, `3.2`, `12`, or a dash where nothing was measured."""
    if not found:
        return "—"
    value = found["minutes"]
    return f"{value:.0f}" if value >= 10 else f"{max(value, 0.1):.1f}"
