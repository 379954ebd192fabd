"""What each lesson costs under `cpu`: minutes and memory, as its stored real execution measured.

Nothing runs here. `make lesson` measures a lesson while it writes the notebooks that learners see,
and stores what the README's table shows too. The minutes are those of the whole lesson; training,
which is asked to stay within 5, is a part of them.
"""

from collections.abc import Iterator

from course_utils.authoring.course import here
from course_utils.authoring.timings import MAX_MB, MAX_MINUTES, load

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
        yield Row(what, value=cpu["minutes"], unit="quiet minutes", most=MAX_MINUTES, note=note)
        yield Row(f"{what}, peak", value=cpu["peak_mb"], unit="MB", most=MAX_MB)
