"""A second device that is none: tensors in the CPU's memory, some of which count as on a GPU.

Within `device()`, whatever goes to `DEVICE` is marked, and so is what is computed from it. What a
GPU would refuse raises: an operator in which a marked and an unmarked tensor meet, `numpy()` of a
marked one, and float64, which Apple's GPUs do not have (hence the name of the device). A tensor of
no dimensions may come from the CPU, and so may indices, as on a real GPU.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils import runtime

DEVICE, CPU = torch.device("mps"), torch.device("cpu")
WHERE_IS = {True: DEVICE, False: CPU}
NAMES, NESTS = {"cpu", "mps", "mps:0"}, (list, tuple, dict)
DOUBLES = {torch.float64, torch.complex128}
WHERE, COPY = torch.Tensor.device.__get__, torch.Tensor.__deepcopy__
ACROSS = {"copy_", "_to_copy"}  # operators whose result is where their first tensor is
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
TO_ARRAYS = {"numpy", "__array__", "__dlpack__"}
MOVES = {"to", "cpu", "as_tensor", "asarray"}


def marked(tensor: torch.Tensor) -> bool:
    """Whether a tensor is on the device: its storage says so, which its views share."""
    with torch._C.DisableTorchFunction():
        return hasattr(tensor.untyped_storage(), "elsewhere")


def mark(nest: Any) -> Any:
    """Put the tensors of a nest on the device, and return it."""
    for tensor in tensors_of(nest):
        with torch._C.DisableTorchFunction():
            tensor.untyped_storage().elsewhere = True
    return nest


def tensors_of(nest: Any) -> list[torch.Tensor]:
    if isinstance(nest, torch.Tensor):
        return [nest]
    parts = nest.values() if isinstance(nest, dict) else nest
    return [t for one in parts for t in tensors_of(one)] if isinstance(nest, NESTS) else []


class Operators(TorchDispatchMode):
    """Sees every operator, those of the backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False  # a call with tensors of the device: what it creates is there too
        self.moving = False  # between the devices, which is no fault

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found, name = func(*args, **(kwargs or {})), func.overloadpacket.__name__
        if self.moving:
            return found
        tensors = tensors_of((args, kwargs))
        if name in ACROSS:
            tensors = tensors[:1]
        elif name in INDEXING:  # indices may be on the CPU
            tensors = [t for t in tensors if marked(t) or all(t is not i for i in args[1])]
        if not any(map(marked, tensors)) and (tensors or not self.inside):
            return found
        strays = [tuple(t.shape) for t in tensors if t.dim() and not marked(t)]
        if strays:
            raise RuntimeError(
                f"{name}: a tensor of shape {strays[0]} is on the CPU, others are not."
            )
        return mark(found)


class Functions(TorchFunctionMode):
    """Sees every call of PyTorch: says where a tensor is, and moves it."""

    def __init__(self, operators: Operators) -> None:
        super().__init__()
        self.operators = operators

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ == "__get__" and func != WHERE:  # an attribute, such as shape
            return func(*args)
        found = self.call(func, func.__name__, args, kwargs or {})
        if any(t.dtype in DOUBLES and marked(t) for t in tensors_of(found)):
            raise TypeError("The device has no float64: call cpu() or float() first.")
        return found

    def call(self, func, name, args, kwargs):
        tensors = tensors_of((args, kwargs))
        here = any(map(marked, tensors))
        if func == WHERE:
            return torch.device(DEVICE.type, 0) if here else CPU
        if here and name in TO_ARRAYS:
            raise TypeError(f"{name} of a tensor on the device: call cpu() first.")
        if name in ("device", "_parse_to"):  # the latter reads the arguments of Module.to
            return func(*args, **kwargs)
        args, kwargs, wanted = without_device(args, kwargs)
        if name in MOVES and tensors:
            wanted = CPU if name == "cpu" else wanted or WHERE_IS[marked(tensors[-1])]
            return self.moved(func, args, kwargs, tensors[0], wanted)
        same_generator(kwargs.get("generator"), here or wanted == DEVICE)
        before, self.operators.inside = self.operators.inside, here or wanted == DEVICE
        try:
            found = func(*args, **kwargs)
        finally:
            self.operators.inside = before
        follows = func == COPY or (name == "new_tensor" and wanted is None)
        return mark(found) if wanted == DEVICE or (here and follows) else found

    def moved(self, func, args, kwargs, tensor, wanted):
        """A tensor on the device that is wanted: itself, where it is there already."""
        if WHERE_IS[marked(tensor)] == wanted:
            return func(*args, **kwargs)
        before, self.operators.moving = self.operators.moving, True
        try:
            found = func(*args, **kwargs)
            if found.untyped_storage()._cdata == tensor.untyped_storage()._cdata:
                found = found.clone()
        finally:
            self.operators.moving = before
        return mark(found) if wanted == DEVICE else found


def without_device(args: tuple, kwargs: dict) -> tuple[tuple, dict, torch.device | None]:
    """Arguments in which the device is the CPU, and the device that they named."""
    named = [a for a in (*args, kwargs.get("device")) if is_device(a)]
    if not named:
        return args, kwargs, None
    args = tuple(CPU if is_device(a) else a for a in args)
    kwargs = {**kwargs, "device": CPU} if is_device(kwargs.get("device")) else kwargs
    return args, kwargs, torch.device(torch.device(named[0]).type)


def is_device(value: Any) -> bool:
    return isinstance(value, torch.device) or (isinstance(value, str) and value in NAMES)


def same_generator(generator: torch.Generator | None, on_device: bool) -> None:
    if generator is not None and getattr(generator, "elsewhere", False) != on_device:
        raise RuntimeError("A generator and what it draws must be on one device.")


class Generator(torch.Generator):
    """A generator of the CPU that may say that it is on the device."""

    def __new__(cls, device: torch.device | str = CPU) -> "Generator":
        generator = super().__new__(cls, CPU)
        generator.elsewhere = torch.device(device).type == DEVICE.type
        return generator


LOAD = torch.load


def load(file: Any, map_location: Any = CPU, **kwargs: Any) -> Any:
    """`torch.load` onto either device."""
    found = LOAD(file, map_location=CPU, **kwargs)
    return mark(found) if torch.device(map_location).type == DEVICE.type else found


@contextlib.contextmanager
def device() -> Iterator[torch.device]:
    """The course runs on the device."""
    operators = Operators()
    with contextlib.ExitStack() as stack:
        for where, name, new in (
            (runtime, "device", lambda: DEVICE),
            (torch, "Generator", Generator),
            (torch, "load", load),
        ):
            stack.enter_context(mock.patch.object(where, name, new))
        stack.enter_context(operators)
        stack.enter_context(Functions(operators))
        yield DEVICE
