"""What the tables of wrong input are made of: which functions there are, and how one is called."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from test_public_api import PUBLIC

import course_utils as cu

# Results and records, which nobody but the package makes: their own functions are called.
RECORDS = {"Waves", "Pictures", "Memorisation", "SequenceScore", "FeatureNet"}


class Fresh:
    """A value that is made anew for each call."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def functions() -> dict[str, Callable]:
    """Each public function by its name: those of `PUBLIC`, of `cu` itself, of classes of data."""
    found = {name.removeprefix("course_utils."): value for name, value in PUBLIC.items()}
    for name in cu.__all__:
        value = getattr(cu, name)
        if callable(value) and value not in found.values():
            found[name] = value
    for module in (cu.data, cu.metrics, cu.data.glyphs):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and value not in found.values():
                made = {} if name in RECORDS else {name: value}
                found |= made | {
                    f"{name}.{method}": function
                    for method, function in vars(value).items()
                    if inspect.isfunction(function) and method[0] != "_"
                }
    glyphs = {name: getattr(cu.data.glyphs, name) for name in cu.data.glyphs.__all__}
    return found | {f"glyphs.{n}": f for n, f in glyphs.items() if inspect.isroutine(f)}


def called(function: Callable, given: dict[str, Any]) -> Any:
    """What a function makes of arguments by name; a plot is drawn, an iterator gone through."""
    signature = inspect.signature(function)
    named = {name: value for name, value in given.items() if name in signature.parameters}
    rest = {name: value for name, value in given.items() if name not in named}
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named[name] = rest
    bound = inspect.BoundArguments(signature, named)
    result = function(*bound.args, **bound.kwargs)
    if isinstance(result, cu.plots.Plot):
        result.png()
    elif isinstance(result, Iterator):
        return list(result)
    elif hasattr(result, "__enter__"):
        with result:
            pass
    return result


def made(given: dict[str, Any]) -> dict[str, Any]:
    return {k: v.make() if isinstance(v, Fresh) else v for k, v in given.items()}


def nan(values: torch.Tensor) -> torch.Tensor:
    """The same values, the first of them not a number."""
    spoilt = values.clone()
    spoilt.view(-1)[0] = torch.nan
    return spoilt
