"""What lessons claim about their runs: read from executed notebooks, recorded, checked, listed."""

import datetime
import platform
from importlib import metadata

from nbformat import NotebookNode

from ..claims import MIME, Claim
from ..scoreboards import aligned
from . import records, timings
from .course import Course


def found(notebook: NotebookNode) -> list[dict]:
    """The claims among the outputs of a notebook, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [dict(output.data[MIME]) for output in outputs if MIME in output.get("data", {})]


def record(course: Course, number: str, profile: str, notebook: NotebookNode) -> None:
    """Store the claims of a run in `claims.json`, with where and when it was."""
    entry = {
        "claims": found(notebook),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": timings.device_name(profile),
        "versions": {"python": platform.python_version(), "torch": metadata.version("torch")},
    }
    records.save(course.claims, number, profile, entry)


def problems(course: Course, number: str, notebook: NotebookNode) -> list[str]:
    """A lesson that claims nothing, claims that failed, and a record that is not the notebook's."""
    stored = records.load(course.claims).get(number, {})
    profile = notebook.metadata.get("course", {}).get("profile", "cpu")
    claims = found(notebook)
    if not claims:
        return [f"lesson {number} makes no claim: say cu.claim(…) where its result is measured"]
    if stored.get(profile, {}).get("claims") != claims:
        return [f"claims.json: not the claims of lesson {number}: run `lesson {number}`"]
    return [
        f"lesson {number} ({name}): the claim failed: {sentence(one)}"
        for name, entry in stored.items()
        for one in entry["claims"]
        if one["reproduced"] is False
    ]


def sentence(one: dict) -> str:
    """`Test accuracy: 99.31%, claimed 99.00% or more`."""
    claim = _claim(one)
    return f"{claim.text}: {_value(one)}, claimed {claim.bounds()}"


def table(course: Course) -> str:
    """All claims of the course, as aligned text."""
    words = {True: "yes", False: "NO", None: "not judged"}
    rows = [("lesson", "profile", "claim", "measured", "claimed", "reproduced", "date", "on")]
    for number, entries in sorted(records.load(course.claims).items()):
        for profile, entry in sorted(entries.items()):
            for one in entry["claims"]:
                told = one["text"], _value(one), _claim(one).bounds(), words[one["reproduced"]]
                rows.append((number, profile, *told, entry["date"], entry["device"]))
    return "\n".join(aligned(rows))


def count(course: Course) -> str:
    """`31 of 31 claims are reproduced by the stored runs …`, for the README."""
    told = []
    stored = records.load(course.claims)
    for profile, where in (("cpu", "on two CPU cores"), ("gpu", "on a GPU")):
        entries = [entries[profile] for entries in stored.values() if profile in entries]
        judged = [c for e in entries for c in e["claims"] if c["reproduced"] is not None]
        if judged:
            held = sum(one["reproduced"] for one in judged)
            told.append(f"**{held} of {len(judged)}** {where}")
    return (
        f"Claims that the stored runs of the lessons reproduce: {' and '.join(told)} "
        "(`make claims` lists them)." if told else "No claims have been measured yet."
    )  # fmt: skip


def _claim(one: dict) -> Claim:
    value = float("nan") if one["value"] is None else one["value"]
    return Claim(one["text"], value, one["at_least"], one["at_most"], one["form"], False)


def _value(one: dict) -> str:
    return format(_claim(one).value, one["form"])
