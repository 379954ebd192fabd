"""What each lesson costs under `cpu`: minutes and memory, as its stored real execution measured.

Nothing runs here. `make lesson` measures a lesson while it writes the notebooks that learners see,
and stores what the README's table shows too. Training is what is spent in `Trainer.fit`, with
evaluation and drawing; loops that a lesson writes by hand are in the whole only.
"""

from collections.abc import Iterator

from course_utils.authoring.course import here
from course_utils.authoring.timings import MAX_MB, MAX_MINUTES, MAX_TRAINING, load

from .measure import Row, missing


def rows(quick: bool) -> Iterator[Row]:
    table = load(here())
    for source in here().sources():
        what = f"lesson {source.name[:2]}"
        cpu = table.get(source.name[:2], {}).get("cpu")
        if cpu is None:
            yield missing(what, "", "it was never run under cpu")
            continue
        note = f"{cpu['seconds']:.0f} s on {cpu['device']} at {cpu['quiet']:g} of the quiet rate"
        amounts = (
            ("", cpu["minutes"], "quiet minutes", MAX_MINUTES, note),
            (", training", cpu["training_minutes"], "quiet minutes", MAX_TRAINING, ""),
            (", peak", cpu["peak_mb"], "MB", MAX_MB, ""),
        )
        for part, value, unit, most, note in amounts:
            yield Row(what + part, value=value, unit=unit, most=most, note=note)
