"""The exercises of lesson 11: a kernel that moves, padding, a blur repaired, separable kernels."""

import numpy as np
import torch
import torch.nn.functional as F

from . import compare
from .exercise import Exercise


def same_padding(kernel, dilation):
    return dilation * (kernel - 1) // 2


def fair_blur(images, kernel):
    weight = kernel[None, None]  # (1, 1, k, k)
    pad = len(kernel) // 2
    light = torch.conv2d(images, weight, padding=pad)
    inside = torch.conv2d(torch.ones_like(images), weight, padding=pad)
    return light / inside


def thin(kernel):
    m, n = divmod(int(kernel.abs().argmax()), len(kernel))
    return kernel[:, n], kernel[m] / kernel[m, n]


def at(*places):
    """A kernel with 1 at these places and 0 elsewhere."""
    return torch.tensor([[float((m, n) in places) for n in range(3)] for m in range(3)])


def blurred(images, kernel, mode="constant"):
    """The patients' blur, perhaps with another padding."""
    return torch.conv2d(F.pad(images, [len(kernel) // 2] * 4, mode), kernel[None, None])


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def through(pick, tiny=0.0):
    """Wrong: the column and the row through the entry `pick(kernel)`, which may be 0."""
    return lambda k: (k[:, pick(k)[1]], k[pick(k)[0]] / (k[pick(k)] + tiny))


def middle(kernel):
    return len(kernel) // 2, len(kernel) // 2


def product(result, before, after):
    try:
        with np.errstate(invalid="ignore"):  # 0 times infinity
            return {"torch.outer(column, row)": np.outer(*map(compare.numbers, result))}
    except (TypeError, ValueError):
        return {}  # no two arrays, as the result's form will say


def outer(*parts):
    return torch.outer(*map(torch.tensor, parts))


SOBEL, SCHARR = outer([1.0, 2, 1], [-1.0, 0, 1]), outer([3.0, 10, 3], [-1.0, 0, 1]) / 16

# fmt: off
EXERCISES = {
    "11.1": Exercise(
        at((1, 0)), "a tensor of 3 × 3 numbers", 5, "easy",
        mistakes={
            "it moves to the left. The 1 says where the new pixel *comes from*.": at((1, 2)),
            "it moves down. In a tensor the first row is the one above.": at((0, 1)),
            "it moves up. In a tensor the last row is the one below.": at((2, 1)),
            "this kernel changes nothing; the picture stays where it is.": at((1, 1)),
            "all nine numbers are 0, so every picture becomes black.": at(),
            "it adds the picture itself to the moved one.": at((1, 0), (1, 1)),
        },
        praise="Each pixel comes from its left neighbour, and a black column comes in.",
        hints=("Which of the nine numbers looks one pixel to the left?",
               "One number is 1, all others are 0. It is in the middle row.",
               "The middle row is 1, 0, 0."),
    ),
    "11.2": Exercise(
        same_padding, "a whole number", 5, "easy",
        cases=[(3, 1), (5, 1), (3, 2), (7, 1), (5, 3), (1, 4), (3, 4)],
        mistakes={
            "it is right without dilation. A dilated kernel spans more.": lambda k, d: k // 2,
            "that is for both sides together; add half on each.": lambda k, d: d * (k - 1),
            "that is lost without dilation, on both sides together.": lambda k, d: k - 1,
            "dilation widens only the *gaps*, kernel - 1 of them.": lambda k, d: d * k // 2,
            "dilation widens *every* gap, not one.": lambda k, d: k // 2 + d - 1,
        },
        praise="The size is kept for seven kernels and dilations.",
        hints=("How many pixels does the kernel span? The output is smaller by one less than that.",
               "It spans dilation · (kernel - 1) + 1 pixels, so dilation · (kernel - 1) are lost; "
               "half of them on each side."),
    ),
    "11.3": Exercise(
        fair_blur, "a tensor of shape (B, 1, H, W)", 10, "medium",
        cases=[(pictures(2, 1, 5, 6), outer([1.0, 2, 4], [3.0, 1, 2]) / 16),
               (pictures(1, 1, 4, 7), outer([1.0, 4, 6, 4, 1], [1.0, 2, 1, 2, 1])),
               (pictures(1, 1, 4, 4), torch.full((3, 3), 0.12))],
        mistakes={
            "the night outside darkens the frame, and the kernel's sum still counts.": blurred,
            "patient B is healed, A is not: where the kernel sticks out, its numbers inside the "
            "picture add up to less.": lambda x, k: blurred(x, k) / k.sum(),
            "the mean brightness is kept, but the frame is still too dark.":
                lambda x, k: blurred(x, k) * x.mean() / blurred(x, k).mean(),
            "that repeats the edge, so its pixels count twice. Count only what is inside.":
                lambda x, k: blurred(x, k, "replicate") / k.sum(),
            "that mirrors what is inside, so some of its pixels count twice. Count each once.":
                lambda x, k: blurred(x, k, "reflect") / k.sum(),
            "you divide by how many pixels are inside; use the sum of their weights.":
                lambda x, k: blurred(x, k) / blurred(torch.ones_like(x), torch.ones_like(k)),
            "where light is missing, divide by what is inside; do not multiply by it.":
                lambda x, k: blurred(x, k) * blurred(torch.ones_like(x), k),
        },
        praise="Both patients are healed: each pixel is a weighted mean of what is inside.",
        hints=("At each place, what is the sum of those weights that lie on the picture?",
               "Convolve a picture of ones in the same way: outside, it is 0 too.",
               "Take inside = F.conv2d(torch.ones_like(images), weight, padding=pad), and divide."),
    ),
    "11.4": Exercise(
        thin, "two tensors of shape (k,): return column, row", 15, "hard",
        cases=[(kernel,) for kernel in (
            outer([1.0, 2, 1], [1.0, 2, 1]) / 16, SOBEL, SOBEL.T,
            outer([1.0, 16, 36, 16, 1], [1.0, 4, 6, 4, 1]) / 1000,
            outer([0.0, -3, 0], [0.0, 1, 2]), outer([0.0, 0, 0, 2], [0.0, -5, 1, 0]),
            outer([5.0, 0, 0], [-1.0, 0, 3]))],
        extra=product, free=True,
        mistakes={
            "column and row are the wrong way round.": lambda k: thin(k)[::-1],
            "the corner, where they cross, is a factor of the row and of the column. Divide by it.":
                lambda k: (k[:, 0], k[0]),
            "the entry where they cross is a factor of the column and of the row. Divide by it.":
                lambda k: (thin(k)[0], k[int(k.abs().argmax()) // len(k)]),
            "the corner, by which you divide, may be 0.": through(lambda k: (0, 0)),
            "the middle, by which you divide, may be 0.": through(middle),
            "where the middle is 0, the corner may be 0 as well. Which entry never is?":
                through(lambda k: middle(k) if k[middle(k)] else (0, 0)),
            "a tiny number saves you from dividing by 0, but where that entry is 0, its row or its "
            "column is 0, and so is the product.": through(middle, tiny=1e-8),
            "the largest entry may be 0, if others are negative.":
                through(lambda k: divmod(int(k.argmax()), len(k))),
            "it goes by sums, and a kernel's sum may be 0, as those of the edges are.":
                lambda k: (k.sum(1), k.sum(0) / k.sum()),
        },
        praise="Seven kernels, with zeros in all sorts of places, are products of thin ones.",
        hints=("In a product all rows are multiples of one row. Which one can you take?",
               "The column times the row through an entry is the kernel times that entry.",
               "Take the entry with the largest absolute value, at (m, n): column = kernel[:, n] "
               "and row = kernel[m] / kernel[m, n]."),
    ),
}
