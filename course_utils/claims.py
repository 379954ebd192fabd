"""What a lesson claims about its own run: once, in the cell that measured it."""

import math
import textwrap
from collections.abc import Mapping
from typing import Any

from . import arguments, printing, runtime

MIME = "application/vnd.course.claim+json"  # by which `make lesson` finds it among the outputs
Bound = float | Mapping[str, float] | None


class Claim:
    """A measured value beside what the course says of it; shows itself as a sentence."""

    def __init__(self, text: str, value: float, least: float | None, most: float | None,
                 form: str, judged: bool) -> None:  # fmt: skip
        self.text, self.value, self.form = text, value, form
        self.least, self.most = least, most
        self.reproduced: bool | None = None
        if judged:
            low = -math.inf if least is None else least
            self.reproduced = low <= value <= (math.inf if most is None else most)

    def bounds(self) -> str:
        """`0.99 or more`, `0.2 or less`, `1.6 to 1.7`; a dash if nothing is claimed."""
        if self.least is None and self.most is None:
            return "—"
        least, most = (
            None if bound is None else format(bound, self.form) for bound in (self.least, self.most)
        )
        if least is not None and most is not None:
            return f"{least} to {most}"
        return f"{most} or less" if least is None else f"{least} or more"

    def data(self) -> dict[str, Any]:
        """The claim in plain values; a value that is not finite is None."""
        return {
            "text": self.text,
            "value": self.value if math.isfinite(self.value) else None,
            "at_least": self.least,
            "at_most": self.most,
            "form": self.form,
            "reproduced": self.reproduced,
        }

    def __repr__(self) -> str:
        said = f"{self.text}: {self.value:{self.form}}."
        if self.reproduced is not None:
            verb = "reproduces" if self.reproduced else "does not reproduce"
            said += f" The course claims {self.bounds()}; this run {verb} it."
        return textwrap.fill(said, printing.WIDTH)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), MIME: self.data()}


def claim(
    text: str,
    value: Any,
    *,
    at_least: Bound = None,
    at_most: Bound = None,
    when: bool = True,
    form: str = ".4g",
) -> None:
    """Print a measured value, and whether this run reproduces what the course claims of it.

    Under the `smoke` profile, and if `when` is False, only the value is printed.

    Args:
        text: what was measured, as a title: "Test accuracy of the best network".
        value: one number.
        at_least, at_most: what the course claims; one bound or both. A dict has a bound for each
            profile, such as `{"cpu": -96, "gpu": -90}`.
        when: whether this run is about what the claim is about, for example the data set: False
            for a stand-in, or for your own data.
        form: how the numbers are written, for example ".2%".

    Raises:
        TypeError, ValueError: a wrong argument, or a claim without a bound.

    Example:
        >>> cu.claim("Test accuracy", accuracy, at_least=0.99, when=data.name == "mnist")
    """
    arguments.text("text", text)
    arguments.number_format("form", form)
    profile = runtime.profile()
    least, most = arguments.bounds(profile, at_least=at_least, at_most=at_most)
    value = arguments.measurement("value", value)
    bounded = least is not None or most is not None
    judged = arguments.flag("when", when) and bounded and profile != "smoke"
    _show(Claim(text, value, least, most, form, judged))


def _show(made: Claim) -> None:
    from IPython.display import display

    display(made)
