"""The exercises of lesson 11: a kernel that moves, padding, edge strength, separable kernels."""

import numpy as np
import torch
import torch.nn.functional as F

from . import compare
from .exercise import Exercise


def same_padding(kernel, dilation):
    return dilation * (kernel - 1) // 2


def edge_strength(images, vertical, horizontal):
    both = torch.stack([vertical, horizontal]).unsqueeze(1)  # (2, 1, 3, 3)
    slopes = torch.conv2d(images, both, padding=1)  # (B, 2, H, W)
    return slopes.square().sum(1, keepdim=True).sqrt()


def thin(kernel):
    m, n = divmod(int(kernel.abs().argmax()), len(kernel))
    return kernel[:, n], kernel[m] / kernel[m, n]


def at(*places):
    """A kernel with 1 at these places and 0 elsewhere."""
    return torch.tensor([[float((m, n) in places) for n in range(3)] for m in range(3)])


def combining(combine, padding=1):
    """A wrong edge strength: `combine` of the two slopes, (B, 2, H, W)."""
    return lambda images, *kernels: combine(
        torch.conv2d(images, torch.stack(kernels)[:, None], padding=padding)
    )


def framed(*shape):
    """Pictures with two black pixels around, so that every kind of padding comes to the same."""
    return F.pad(torch.rand(shape, generator=torch.Generator().manual_seed(0)), (2, 2, 2, 2))


def through(pick, divide=True, tiny=0.0):
    """The column and the row through the entry `pick(kernel)`."""

    def thin(kernel):
        m, n = pick(kernel)
        return kernel[:, n], kernel[m] / (kernel[m, n] + tiny) if divide else kernel[m]

    return thin


def corner(kernel):
    return 0, 0


def middle(kernel):
    return len(kernel) // 2, len(kernel) // 2


def largest(kernel):
    return divmod(int(kernel.argmax()), len(kernel))


def by_svd(kernel):
    U, _, Vh = torch.linalg.svd(kernel)
    return U[:, 0], Vh[0]


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
            **{f"it moves along a diagonal, {way}. Which row stays level?": at(place)
               for way, place in {"down and right": (0, 0), "down and left": (0, 2),
                                  "up and right": (2, 0), "up and left": (2, 2)}.items()},
            "all nine numbers are 0, so every picture becomes black.": at(),
            "it adds the picture itself to the moved one.": at((1, 0), (1, 1)),
        },
        praise="Each pixel comes from its left neighbour, and a black column comes in.",
        hints=("What stands at a place afterwards stood one pixel further left before. Which of "
               "the nine numbers looks one pixel to the left?",
               "One number is 1, all others are 0. It is in the middle row.",
               "The middle row is 1, 0, 0."),
    ),
    "11.2": Exercise(
        same_padding, "a whole number", 5, "easy",
        cases=[(3, 1), (5, 1), (3, 2), (7, 1), (5, 3), (1, 4), (3, 4)],
        mistakes={
            "it is right without dilation. A dilated kernel spans more.": lambda k, d: k // 2,
            "that is what is lost in all. It is added on *both* sides, half of it on each.":
                lambda k, d: d * (k - 1),
            "that is lost without dilation, on both sides together.": lambda k, d: k - 1,
            "dilation widens only the *gaps*, and there are kernel - 1 of them.":
                lambda k, d: d * k // 2,
            "that is one too many on each side.": lambda k, d: d * (k - 1) // 2 + 1,
            "dilation widens *every* gap, not one.": lambda k, d: k // 2 + d - 1,
            "a dilation of 1 leaves no pixel out between the kernel's numbers, 2 leaves out one.":
                lambda k, d: (k - 1) * (d + 1) // 2,
        },
        praise="The size is kept for seven kernels and dilations.",
        hints=("How many pixels does the kernel span? With stride 1 and without padding the output "
               "is smaller by that many, less one.",
               "It spans dilation · (kernel - 1) + 1 pixels, so dilation · (kernel - 1) are lost; "
               "half of them on each side."),
    ),
    "11.3": Exercise(
        edge_strength, "a tensor of shape (B, 1, H, W)", 10, "medium",
        cases=[(framed(2, 1, 5, 6), SOBEL, 0.5 * SOBEL.T), (framed(1, 1, 3, 7), SCHARR, SCHARR.T),
               (framed(3, 1, 4, 4), torch.zeros(3, 3), 50 * SOBEL.T)],
        atol=2e-4,  # a tiny number inside the root, for the gradient's sake, does no harm
        mistakes={
            "the output is smaller by two rows and columns. Pad by 1, so that there is an answer "
            "at each pixel.": combining(lambda g: g.norm(dim=1, keepdim=True), padding=0),
            "it returns both answers. Combine them into one.": combining(lambda g: g),
            "where is the root?": combining(lambda g: g.square().sum(1, keepdim=True)),
            "the two answers have signs, and where these differ they cancel in the sum.":
                combining(lambda g: g.sum(1, keepdim=True)),
            "the two answers cancel before the absolute value is taken. Use the squares.":
                combining(lambda g: g.sum(1, keepdim=True).abs()),
            "the absolute values are added. By that measure a slanting edge is steeper than an "
            "equal straight one; use the root of the squares.":
                combining(lambda g: g.abs().sum(1, keepdim=True)),
            "only the larger answer counts; use the root of the squares.":
                combining(lambda g: g.abs().amax(1, keepdim=True)),
            "that is the strength in one direction only.": combining(lambda g: g[:, :1].abs()),
            "only edges from dark to light count. Square before you drop any sign.":
                combining(lambda g: g.relu().norm(dim=1, keepdim=True)),
            "the scale is wrong: do not divide by the largest value.":
                combining(lambda g: g.norm(dim=1, keepdim=True) / g.norm(dim=1).max()),
            "take the squares' sum, not their mean.":
                combining(lambda g: g.square().mean(1, keepdim=True).sqrt()),
        },
        praise="There is one strength at each pixel, whatever the direction of the edge.",
        hints=("Take two convolutions with padding 1, then one formula, pixel by pixel.",
               "A kernel (3, 3) becomes a weight (1, 1, 3, 3) with kernel[None, None].",
               "With gx = F.conv2d(images, vertical[None, None], padding=1) and gy likewise, it "
               "is (gx**2 + gy**2).sqrt()."),
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
                through(corner, divide=False),
            "the largest entry, where they cross, is a factor of both. Divide one of them by it.":
                through(largest, divide=False),
            "the corner, which you divide by, may be 0. Choose another entry.": through(corner),
            "the middle, which you divide by, may be 0. Choose another entry.": through(middle),
            "where the middle is 0, the corner may be 0 as well. Which entry never is?":
                through(lambda k: middle(k) if k[middle(k)] else corner(k)),
            "a tiny number saves you from dividing by 0, but where that entry is 0, its row or its "
            "column is 0, and so is the product.": through(middle, tiny=1e-8),
            "the largest entry may be 0, if others are negative.": through(largest),
            "the sizes are right, but the signs are lost.": lambda k: thin(k.abs()),
            "the sign is wrong.": lambda k: thin(-k),
            "it goes by sums, and a kernel's sum may be 0, as those of the edges are.":
                lambda k: (k.sum(1), k.sum(0) / k.sum()),
            "both have length 1: multiply one of them by the singular value.": by_svd,
        },
        praise="Seven kernels, with zeros in all sorts of places, are products of thin ones.",
        hints=("In a product every row is a multiple of the same row, and every column of the same "
               "column. Which row and column can you take from the kernel?",
               "Multiply the row and the column through an entry: that gives the kernel times the "
               "entry.",
               "Take the entry with the largest absolute value, at (m, n): column = kernel[:, n] "
               "and row = kernel[m] / kernel[m, n]."),
    ),
}
