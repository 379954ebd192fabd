"""The checks of lesson 11: a kernel that moves, padding, edge strength, separable kernels."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import require

HINTS = {
    "11.1": (
        "What stands at a place afterwards stood one pixel further left before. Which of the nine "
        "numbers looks one pixel to the left?",
        "One number is 1, all others are 0. It is in the middle row.",
        "The middle row is 1, 0, 0.",
    ),
    "11.2": (
        "How many pixels does the kernel span? With stride 1 and without padding the output is "
        "smaller by that many, less one.",
        "It spans dilation · (kernel - 1) + 1 pixels, so dilation · (kernel - 1) are lost; half "
        "of them on each side.",
    ),
    "11.3": (
        "Two convolutions with padding 1, then one formula with their two answers, pixel by pixel.",
        "A kernel (3, 3) becomes a weight (1, 1, 3, 3) with kernel[None, None].",
        "gx = F.conv2d(images, vertical[None, None], padding=1), gy likewise; then "
        "(gx**2 + gy**2).sqrt().",
    ),
    "11.4": (
        "In a product every row is a multiple of the same row, and every column of the same "
        "column. Which row and column can you take from the kernel?",
        "Take the row and the column through one entry. Their product is too large by a factor; "
        "which entry is it?",
        "Take the entry with the largest absolute value, at (m, n): column = kernel[:, n] and "
        "row = kernel[m] / kernel[m, n].",
    ),
}


def to_the_right(answer: Any) -> str:
    try:
        kernel = torch.as_tensor(answer).float()
    except (TypeError, ValueError, RuntimeError):
        kernel = torch.zeros(())
    require(
        kernel.shape == (3, 3),
        f"a tensor of 3 × 3 numbers is asked for, not {type(answer).__name__} of shape "
        f"{tuple(kernel.shape)}.",
    )

    def is_at(row: int, column: int) -> bool:
        single = torch.zeros(3, 3)
        single[row, column] = 1
        return torch.allclose(kernel, single)

    require(not is_at(1, 1), "this kernel changes nothing; the picture stays where it is.")
    require(
        not is_at(1, 2),
        "it moves to the left. The 1 says where the new pixel *comes from*, since conv2d does not "
        "turn the kernel.",
    )
    require(not is_at(0, 1), "it moves down. In a tensor the first row is the one above.")
    require(not is_at(2, 1), "it moves up. In a tensor the last row is the one below.")
    for row, column in [(0, 0), (0, 2), (2, 0), (2, 2)]:
        require(not is_at(row, column), "it moves along a diagonal; which row stays level?")
    used = int((kernel != 0).sum())
    require(used > 0, "all nine numbers are 0, so every picture becomes black.")
    require(
        used > 1 or kernel[1, 0] in (0, 1),
        f"it moves to the right, but makes the picture {kernel[1, 0]:.3g} times as bright.",
    )
    require(
        used == 1,
        f"it mixes {used} pixels into each. A move takes every pixel from one place only.",
    )
    picture = torch.arange(30.0).view(1, 1, 5, 6)
    moved = F.conv2d(picture, kernel[None, None], padding=1)
    require(
        torch.allclose(moved, F.pad(picture, (1, -1))), "it moves the wrong way and scales, too."
    )
    return "each pixel comes from its left neighbour, and a black column comes in."


def same_padding(answer: Callable) -> str:
    cases = [(3, 1), (5, 1), (3, 2), (7, 1), (5, 3), (1, 4), (3, 4)]
    got = [answer(*case) for case in cases]
    first = got[0]
    require(
        isinstance(first, int | float) and not isinstance(first, bool),
        f"a number is asked for, not {type(first).__name__}.",
    )

    def like(formula: Callable) -> bool:
        return all(value == formula(*case) for value, case in zip(got, cases, strict=True))

    require(
        not like(lambda k, d: (k - 1) // 2),
        "right without dilation. A dilated kernel spans more pixels.",
    )
    require(
        not like(lambda k, d: d * (k - 1)),
        "that is what is lost in all. It is added on *both* sides, half of it on each.",
    )
    require(
        not like(lambda k, d: d * k // 2),
        "right without dilation only: it is the *gaps* between the kernel's numbers that grow, "
        "and there is one fewer than numbers.",
    )
    require(
        not like(lambda k, d: d * (k - 1) // 2 + 1),
        "one too many on each side; the output is larger than the input.",
    )
    require(
        not like(lambda k, d: (k - 1) // 2 + d - 1),
        "dilation widens *every* gap of the kernel, not one.",
    )
    for value, (kernel, dilation) in zip(got, cases, strict=True):
        size = 32 + 2 * value - dilation * (kernel - 1)
        require(
            size == 32,
            f"kernel {kernel}, dilation {dilation}: with padding {value} an input of 32 pixels "
            f"becomes {size:g}.",
        )
    require(all(isinstance(value, int) for value in got), "right, but return a whole number (//).")
    images = torch.zeros(1, 1, 32, 32)
    for value, (kernel, dilation) in zip(got, cases, strict=True):
        weight = torch.zeros(1, 1, kernel, kernel)
        out = F.conv2d(images, weight, padding=value, dilation=dilation)
        require(out.shape == images.shape, f"PyTorch makes {tuple(out.shape)} of it.")
    return "the size is kept for seven kernels and dilations."


def edge_strength(answer: Callable) -> str:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 1, 6, 7, generator=generator)
    vertical = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    given, horizontal = images.clone(), 0.5 * vertical.T
    gx, gy = (F.conv2d(images, k[None, None], padding=1) for k in (vertical, horizontal))
    true = (gx**2 + gy**2).sqrt()
    got = answer(given, vertical, horizontal)
    require(isinstance(got, torch.Tensor), f"it returned {type(got).__name__}, not a tensor.")
    require(torch.equal(given, images), "it changed the pictures that it was given; make new ones.")
    require(
        got.shape[-2:] != (4, 5),
        "the output is smaller by two rows and columns. Pad by 1, so that there is an answer at "
        "each pixel.",
    )
    require(
        got.shape != (2, 2, 6, 7), "it returned both answers, one a channel. Combine them into one."
    )
    require(
        got.shape == true.shape,
        f"for pictures of shape (2, 1, 6, 7) it returned shape {tuple(got.shape)}.",
    )

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other, atol=1e-4)

    require(not like(true**2), "those are the squares; where is the root?")
    require(
        not like(gx + gy) and not like((gx + gy).abs()),
        "the two answers are added with their signs, so where one is bright and the other dark "
        "they cancel.",
    )
    require(
        not like(gx.abs() + gy.abs()),
        "the absolute values are added. By that measure a slanting edge is steeper than an equal "
        "straight one; use the root of the squares.",
    )
    require(
        not like(torch.maximum(gx.abs(), gy.abs())),
        "only the larger answer counts; use the root of the squares.",
    )
    require(
        not like(gx.abs()) and not like(gy.abs()), "that is the strength in one direction only."
    )
    require(
        not like((gx.relu() ** 2 + gy.relu() ** 2).sqrt()),
        "only edges from dark to light count. Square before you drop any sign.",
    )
    require(
        not like(true / true.max()), "right but for the scale: do not divide by the largest value."
    )
    require(
        not like(true / 2**0.5),
        "right but for the scale: the sum of the two squares is asked for, not their mean.",
    )
    require(
        bool(got.isfinite().all()),
        "there are nan among the values: a root was taken of something negative.",
    )
    require(like(true), "these are not the roots of the sums of the two squares.")
    return "one strength at each pixel, whatever the direction of the edge."


def thin(answer: Callable) -> str:
    binomial = torch.tensor([1.0, 2, 1])
    slope = torch.tensor([-1.0, 0, 1])
    five = torch.tensor([1.0, 4, 6, 4, 1])
    kernels = {
        "the blur": torch.outer(binomial, binomial) / 16,
        "the vertical edges": torch.outer(binomial, slope),
        "the horizontal edges": torch.outer(slope, binomial),
        "a blur of 5 × 5, wider than high": torch.outer(five**2, five) / 1000,
        "a kernel with zeros in its corners": torch.outer(
            torch.tensor([0.0, -3, 0]), torch.tensor([0.0, 1, 2])
        ),
    }
    for name, kernel in kernels.items():
        _one_kernel(answer(kernel.clone()), kernel, name)
    return "five kernels of 9 and 25 numbers, each a product of 3 and 3 or 5 and 5."


def _one_kernel(got: Any, kernel: torch.Tensor, name: str) -> None:
    require(
        isinstance(got, tuple | list) and len(got) == 2,
        f"it returned {type(got).__name__}; two tensors are asked for: return column, row.",
    )
    column, row = got
    size = len(kernel)
    for part in (column, row):
        shape = getattr(part, "shape", None)
        require(
            shape == (size,),
            f"for a kernel of {size} × {size} one of the two has the shape "
            f"{shape and tuple(shape)}, not ({size},).",
        )
    product = torch.outer(column, row)
    require(
        bool(product.isfinite().all()),
        f"for {name} it gives nan or infinity. The entry that you divide by is 0; choose another.",
    )

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(product, other, atol=1e-5)

    if like(kernel):
        return
    require(bool(product.any()), f"for {name} the product is 0 everywhere: its sums are 0.")
    require(not like(kernel.T), f"for {name} column and row are the wrong way round.")
    require(
        not like(kernel.abs()),
        f"for {name} the sizes are right, the signs are lost: an absolute value too many.",
    )
    require(not like(-kernel), f"for {name} the sign is wrong.")
    largest = kernel.abs().argmax()
    factor = (product.flatten()[largest] / kernel.flatten()[largest]).item()
    require(
        not like(factor * kernel),
        f"for {name} the product is the kernel times {factor:.3g}. The row and the column both "
        "hold the entry where they cross.",
    )
    require(False, f"for {name} torch.outer(column, row) is not the kernel.")


CHECKS = {
    "11.1": to_the_right,
    "11.2": same_padding,
    "11.3": edge_strength,
    "11.4": thin,
}
