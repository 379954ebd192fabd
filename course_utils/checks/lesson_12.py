"""The checks of lesson 12: parameters and size of a convolution, Grad-CAM, a leaking test set."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch

from . import require

HINTS = {
    "12.1": (
        "One kernel looks at all input channels at once. How many weights is that?",
        "Each of the outputs has inputs · kernel · kernel weights and one bias.",
    ),
    "12.2": (
        "In how many places can the kernel's left edge stand?",
        "The padded side is size + 2·padding. The first place is 0, the last is that minus "
        "kernel, and every stride-th counts: divide, round down, add 1.",
    ),
    "12.3": (
        "First one number for each map: its mean slope. Then one weighted sum of the maps.",
        "weights = slopes.mean((1, 2)); the sum over maps of weights times maps; then relu.",
    ),
    "12.4": (
        "Two pictures are equal when all of their pixels are equal.",
        "For one test picture: (train == picture) over all pixels at once is (N, …); flatten "
        "it to (N, pixels), then .all(1) and .any().",
    ),
}


def conv_parameters(answer: Callable) -> str:
    cases = [(1, 16, 5), (32, 64, 3), (3, 8, 1), (7, 5, 2)]

    def like(formula: Callable) -> bool:
        return all(answer(*case) == formula(*case) for case in cases)

    first = answer(*cases[0])
    require(not isinstance(first, torch.Tensor | str), "a number is asked for.")
    require(not like(lambda i, o, k: o * i * k * k), "the weights are right. Where is the bias?")
    require(
        not like(lambda i, o, k: o * (i * k + 1)),
        "a kernel is a square: kernel · kernel weights for each input channel.",
    )
    require(
        not like(lambda i, o, k: o * (k * k + 1)),
        "that is one input channel. A kernel has weights for every input channel.",
    )
    require(
        not like(lambda i, o, k: o * i * (k * k + 1)),
        "one bias for each output channel, not one for each pair of input and output.",
    )
    require(
        not like(lambda i, o, k: o * i * k * k + 1), "every output channel has a bias of its own."
    )
    for inputs, outputs, kernel in cases:
        layer = torch.nn.Conv2d(inputs, outputs, kernel)
        true = sum(p.numel() for p in layer.parameters())
        got = answer(inputs, outputs, kernel)
        require(
            got == true,
            f"for {inputs} input channels, {outputs} output channels and kernels of {kernel} × "
            f"{kernel} it gives {got}; PyTorch's layer has {true}.",
        )
    return "equal to PyTorch's layers, whatever the size of the picture."


def output_size(answer: Callable) -> str:
    cases = [(28, 5, 2, 2), (28, 3, 1, 1), (7, 2, 2, 0), (32, 5, 1, 0), (10, 3, 4, 1), (9, 4, 3, 2)]
    got = [answer(*case) for case in cases]

    def like(formula: Callable) -> bool:
        return all(value == formula(*case) for value, case in zip(got, cases, strict=True))

    exact = [Fraction(n + 2 * p - k, s) for n, k, s, p in cases]
    require(
        not like(lambda n, k, s, p: (n + 2 * p - k) / s + 1),
        "the kernel stands in a whole number of places: round down.",
    )
    require(
        not like(lambda n, k, s, p: (n + p - k) // s + 1), "the padding is added on both sides."
    )
    require(
        not like(lambda n, k, s, p: (n + 2 * p - k) // s),
        "one too few: with a kernel as large as the picture there is still one place.",
    )
    require(
        not all(v == -(-e // 1) + 1 for v, e in zip(got, exact, strict=True)),
        "round down, not up: a kernel that would stick out at the end does not count.",
    )
    require(
        not like(lambda n, k, s, p: (n - k) // s + 1),
        "right without padding; where is the padding?",
    )
    require(not like(lambda n, k, s, p: n + 2 * p - k + 1), "right for a stride of 1 only.")
    for value, (size, kernel, stride, padding) in zip(got, cases, strict=True):
        layer = torch.nn.Conv2d(1, 1, kernel, stride, padding)
        true = layer(torch.zeros(1, 1, size, size)).shape[-1]
        require(
            value == true,
            f"for size {size}, kernel {kernel}, stride {stride}, padding {padding} it gives "
            f"{value}; PyTorch gives {true}.",
        )
    require(all(isinstance(value, int) for value in got), "right, but return a whole number (//).")
    return "equal to PyTorch for six combinations."


def grad_cam(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(6, 4, 5, generator=generator)
    slopes = torch.randn(6, 4, 5, generator=generator)
    weights = slopes.mean((1, 2))
    total = torch.einsum("c,chw->hw", weights, maps)
    got = answer(maps, slopes)
    require(isinstance(got, torch.Tensor), f"it returned {type(got).__name__}, not a tensor.")
    require(
        got.shape != maps.shape,
        "it returned one map for each channel. Sum them, each times its weight.",
    )
    require(
        got.shape == total.shape,
        f"for maps of shape (6, 4, 5) it returned shape {tuple(got.shape)}, not (4, 5).",
    )

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other, atol=1e-5)

    require(
        not like(total),
        "the sum is right, but it has negative places, which speak against the class.",
    )
    require(not like(total.abs()), "drop what speaks against the class; do not turn its sign.")
    require(
        not like((maps * slopes).sum(0).relu()),
        "each map gets *one* weight: average its slopes over all places first.",
    )
    require(not like(maps.sum(0).relu()), "the maps are summed as they are; weight them.")
    require(
        not like(torch.einsum("c,chw->hw", slopes.sum((1, 2)), maps).relu()),
        "the shape of the map is right, but its weights are sums of slopes, not means.",
    )
    require(
        not like(torch.einsum("c,chw->hw", weights.relu(), maps).relu()),
        "the ReLU belongs around the sum, not around each weight.",
    )
    require(
        not like(total.relu() / total.relu().max()), "right but for the scale: do not divide by it."
    )
    require(like(total.relu()), "these are not the means of the slopes times the maps, summed.")
    return "one weight a map, summed, and only what speaks for the class."


def leaked(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    train = torch.rand(20, 1, 4, 4, generator=generator)
    test = torch.rand(6, 1, 4, 4, generator=generator)
    test[1], test[4] = train[7], train[19]
    test[2] = train[3].flip(2)  # the same pixels in another order
    test[3] = train[5]
    test[3, 0, 0, 0] += 0.5  # equal but for one pixel
    true = torch.tensor([False, True, False, False, True, False])
    got: Any = answer(train, test)
    require(
        isinstance(got, torch.Tensor),
        f"it returned {type(got).__name__}; a boolean tensor with one entry for each test picture "
        "is asked for.",
    )
    require(
        got.shape != (len(train),),
        "it says which *training* pictures are in the test set; asked is the other way round.",
    )
    require(
        not (got.dtype == torch.int64 and got.tolist() == [1, 4]),
        "those are the right numbers, but as indices; return True or False for each picture.",
    )
    require(
        got.shape == true.shape,
        f"for 6 test pictures it returned shape {tuple(got.shape)}, not (6,).",
    )
    require(got.dtype == torch.bool, f"the entries should be boolean, not {got.dtype}.")
    require(not torch.equal(got, ~true), "the other way round: True is for pictures that did leak.")
    require(
        bool(got[true].all()),
        "it misses a copy. Compare each test picture with *every* training picture, not only "
        "with the one at its own place.",
    )
    require(
        not bool(got[2]),
        "it finds a picture whose pixels are the same in another order. Compare pixel by pixel, "
        "not sums or sorted values.",
    )
    require(
        not bool(got[3]),
        "it finds a picture that differs in one pixel. Equal means *all* pixels are.",
    )
    require(not got[~true].any(), "it finds a picture that is in the training part nowhere.")
    return "both copies found, and neither the mirrored nor the altered picture."


CHECKS = {"12.1": conv_parameters, "12.2": output_size, "12.3": grad_cam, "12.4": leaked}
