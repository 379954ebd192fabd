"""An exercise as data: what is right, what it is tried on, and which mistakes are known."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import torch


class Outcome(NamedTuple):
    """What came of one call: its result and what `extra` saw, or the error that ended it."""

    result: Any = None
    extra: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class Exercise:
    """All that is known about one exercise; `course_utils.checks` does the rest.

    Args:
        reference: a right answer: a function, or a value where a value is asked for.
        returns: what is asked for, as a sentence begins: "one number", "a tensor of shape (6,)".
        minutes: about how long it takes.
        level: "easy", "medium" or "hard".
        praise: a sentence on what a right answer has shown.
        hints: the later, the more they give away.
        cases: the arguments of each call. Each call gets copies of its own.
        mistakes: diagnosis -> a wrong answer that it belongs to. A diagnosis may say `{got}`,
            `{want}` and `{given}`: the first result that differs, what is right, and for what.
        extra: what the result cannot show: `extra(result, before, after)` gets the arguments
            twice, before with the lists as they were, after as the call left them, and returns
            a dict, name -> value, compared like results. Where the reference returns None, only
            this is compared.
        free: whether many results are right, so that of a result only its form (how many values,
            of which shapes, no nan) is compared, and beside it what `extra` makes of it.
        rtol, atol: how far a number may be off: atol + rtol · |right|.
        numpy: whether an answer in NumPy means the same; not where gradients are asked for.
    """

    reference: Any
    returns: str
    minutes: int
    level: str
    praise: str
    hints: Sequence[str]
    cases: Sequence[tuple] = ((),)
    mistakes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    extra: Callable[..., dict[str, Any]] | None = None
    free: bool = False
    rtol: float = 1e-4
    atol: float = 1e-6
    numpy: bool = True

    def __post_init__(self) -> None:
        assert self.level in ("easy", "medium", "hard"), self.level
        assert callable(self.reference) or tuple(self.cases) == ((),), "a value has no cases"
        assert self.extra or not self.free, "something must be compared"

    @property
    def limits(self) -> tuple[float, float]:
        """How far a number of the result may be off, rtol and atol."""
        return (0, 1e300) if self.free else (self.rtol, self.atol)

    def outcomes(self, answer: Any) -> list[Outcome]:
        """What comes of an answer in each case; a value is what comes of it itself."""
        return [self._outcome(answer, case) for case in self.cases]

    def _outcome(self, answer: Any, case: tuple) -> Outcome:
        if not callable(self.reference):
            return Outcome(answer)
        given = copy.deepcopy(case)
        before = tuple(list(one) if isinstance(one, list) else one for one in given)
        try:
            result = answer(*given)
            return Outcome(result, self.extra(result, before, given) if self.extra else None)
        except Exception as error:
            return Outcome(error=error)


def gradients(*names: str) -> Callable[..., dict[str, torch.Tensor]]:
    """An `extra` for the gradients in the first arguments, in a learner's words for them."""

    def extra(result: Any, before: Sequence, after: Sequence) -> dict[str, torch.Tensor]:
        given = after[: len(names)]
        found = [torch.zeros_like(x) for x in given]
        if isinstance(result, torch.Tensor) and result.requires_grad:
            found = torch.autograd.grad(result.sum(), given, materialize_grads=True)
        return {f"the gradient in {name}": g for name, g in zip(names, found, strict=True)}

    return extra
