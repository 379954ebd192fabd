"""The exercises of lesson 12: a layer's cost and size, Grad-CAM, a leak, a folded batch norm."""

import math

import torch

from .exercise import Exercise


def conv_parameters(inputs, outputs, kernel):
    return outputs * (inputs * kernel**2 + 1)


def output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


def grad_cam(maps, slopes):
    weights = slopes.mean((1, 2))  # (C,)
    return torch.einsum("c,chw->hw", weights, maps).relu()


def leaked(train, test):
    train, test = train.flatten(1), test.flatten(1)
    return torch.stack([(train == picture).all(1).any() for picture in test])


def fold(weight, bias, gamma, beta, mean, variance):
    scale = gamma / (variance + 1e-5).sqrt()  # (C',)
    return weight * scale.view(-1, 1, 1, 1), (bias - mean) * scale + beta


def combining(weigh, total=lambda terms: terms.sum(0).relu()):
    """A wrong Grad-CAM: `total` of the maps, each times `weigh(slopes)`."""
    return lambda maps, slopes: total(weigh(slopes) * maps)


def mean(slopes):
    return slopes.mean((1, 2), keepdim=True)


def finding(found):
    """A wrong search: `found` of the equal pixels, (M, N, pixels)."""
    return lambda train, test: found(test.flatten(1)[:, None] == train.flatten(1))


def pair(seed, channels, *size):
    """Feature maps and slopes; with seed 0, all speaks against the class."""
    made = torch.randn(2, channels, *size, generator=torch.Generator().manual_seed(seed))
    return (made[0].abs(), -made[1].abs()) if seed == 0 else tuple(made)


def parts(train, test, *shape):
    """Random pictures of 256 shades, of which some in the test part are copies, or nearly."""
    drawn = torch.randint(256, (train + test, *shape), generator=torch.Generator().manual_seed(0))
    train, test = (drawn / 256).split((train, test))
    train[2].flatten()[0] = 1
    test[0], test[3], test[7] = train[4], train[3], train[-1]  # copies
    test[1] = train[3].flip(-1)  # the same pixels in another order
    test[2] = train[2]
    test[2].flatten()[0] -= 2**-18  # one pixel, by less than any screen shows
    test[4] = train[1]
    test[4].flatten()[:2] = train[0].flatten()[:2]  # pieced together
    test[6] = test[5]  # twice in the test part, nowhere else
    return train, test


def normed(seed, outputs, inputs, kernel):
    """A convolution and its batch norm; the first channel's variance is tiny, as of a dead map."""
    source = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, kernel, kernel, generator=source)
    bias, gamma, beta, mean, deviation = torch.randn(5, outputs, generator=source)
    variance = deviation.square() + 0.1
    variance[0] = 1e-5
    return weight, bias, gamma, beta, mean, variance


def shifting(shift, scale=lambda g, v: g / (v + 1e-5).sqrt()):
    """A wrong folding: `shift(scale, bias, beta, mean)`, or weights times another `scale`."""
    return lambda w, b, g, beta, m, v: (
        w * scale(g, v).view(-1, 1, 1, 1),
        shift(scale(g, v), b, beta, m),
    )


def folded(scale, bias, beta, mean):
    return (bias - mean) * scale + beta


# fmt: off
EXERCISES = {
    "12.1": Exercise(
        conv_parameters, "a whole number", 5, "easy",
        cases=[(1, 16, 5), (32, 64, 3), (3, 8, 1), (7, 5, 2)],
        mistakes={
            "the weights are right. Where is the bias?": lambda i, o, k: o * i * k * k,
            "a kernel is a square: kernel · kernel weights.": lambda i, o, k: o * (i * k + 1),
            "a kernel has weights for every input channel.": lambda i, o, k: o * (k * k + 1),
            "one bias per output, not per pair.": lambda i, o, k: o * i * (k * k + 1),
            "every output channel has a bias of its own.": lambda i, o, k: o * i * k * k + 1,
            "the biases belong to the outputs.": lambda i, o, k: i * (o * k * k + 1),
        },
        praise="It is equal to PyTorch's layers, whatever the size of the picture.",
        hints=("One kernel looks at all input channels at once. How many weights is that?",
               "Each of the outputs has inputs · kernel · kernel weights and one bias."),
    ),
    "12.2": Exercise(
        output_size, "a whole number", 5, "easy",
        cases=[(28, 5, 2, 2), (28, 3, 1, 1), (7, 2, 2, 0), (32, 5, 1, 0), (10, 3, 4, 1),
               (9, 4, 3, 2), (6, 6, 2, 0)],
        mistakes={
            "round down to a whole number.": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
            "the padding is added on both sides.": lambda n, k, s, p: (n + p - k) // s + 1,
            "one too few: the first place counts, too.": lambda n, k, s, p: (n + 2 * p - k) // s,
            "add the 1 after the division.": lambda n, k, s, p: (n + 2 * p - k + 1) // s,
            "round down, so that no kernel sticks out at the end.":
                lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1,
            "where is the padding?": lambda n, k, s, p: (n - k) // s + 1,
        },
        praise="It is equal to PyTorch's size for seven combinations.",
        hints=("In how many places can the kernel's left edge be?",
               "The first place is 0, the last is size + 2·padding - kernel, and every stride-th "
               "counts: divide, round down, add 1."),
    ),
    "12.3": Exercise(
        grad_cam, "a tensor of shape (H, W)", 10, "medium",
        cases=[pair(1, 6, 4, 5), pair(2, 3, 7, 2), pair(0, 5, 3, 3), pair(3, 1, 2, 6)],
        atol=1e-5,  # sums of float32 that nearly cancel
        mistakes={
            "it keeps negative places, which speak against the class.": combining(mean, sum),
            "average each map's slopes over all places: *one* weight.": combining(lambda g: g),
            "the maps are summed as they are; weight them.": combining(torch.ones_like),
            "use means of slopes, not sums.": combining(lambda g: g.sum((1, 2), keepdim=True)),
            "add the weighted maps; do not average.": combining(mean, lambda t: t.mean(0).relu()),
            "apply the ReLU to the sum, not to each weight.": combining(lambda g: mean(g).relu()),
            "apply the ReLU to the sum, not each map.": combining(mean, lambda t: t.relu().sum(0)),
            "it is right except for the scale: do not divide by the largest value.":
                lambda maps, g: grad_cam(maps, g) / (grad_cam(maps, g).max() + 1e-8),
        },
        praise="Each map has one weight, and the sum keeps only what speaks for the class.",
        hints=("First one number for each map: its mean slope. Then one weighted sum of the maps.",
               "With weights = slopes.mean((1, 2)), add up weight · map, then apply the ReLU."),
    ),
    "12.4": Exercise(
        leaked, "a boolean tensor of shape (M,)", 15, "medium",
        cases=[parts(20, 8, 1, 4, 4), parts(7, 9, 6)],
        mistakes={
            "it marks *training* pictures. Which test pictures are among them?":
                finding(lambda same: same.all(2).any(0)),
            "True is for pictures that did leak.": finding(lambda same: ~same.all(2).any(1)),
            "it finds a picture with the same pixels in another order. Compare pixels, not "
            "sums.": lambda a, b: torch.isin(b.flatten(1).sum(1), a.flatten(1).sum(1)),
            "it finds a picture that is only close to another. Equal is equal to the last bit.":
                lambda a, b: torch.isclose(b.flatten(1)[:, None], a.flatten(1)).all(2).any(1),
            "it finds a picture pieced together from several. First all over the pixels, then any "
            "over the pictures.": finding(lambda same: same.any(1).all(1)),
            "*all* pixels must be equal, not just one.": finding(lambda same: same.any(2).any(1)),
            "it finds no copy at all: first *all* over a picture's pixels, then *any* over the "
            "pictures.": finding(lambda same: same.any(2).all(1)),
        },
        praise="The copies are found, and none of the mirrored, altered or pieced pictures.",
        hints=("Two pictures are equal when all of their pixels are equal.",
               "For one test picture: (train == picture) over all pixels at once is (N, …); "
               "flatten it to (N, pixels), then .all(1) and .any()."),
    ),
    "12.5": Exercise(
        fold, "a tensor of shape (C', C, k, k) and one of shape (C',)", 15, "medium",
        cases=[normed(0, 4, 3, 3), normed(1, 3, 3, 1), normed(2, 1, 2, 5)],
        mistakes={
            "the sum is scaled, so the convolution's own bias is scaled, too.":
                shifting(lambda s, b, beta, m: b - m * s + beta),
            "batch norm subtracts the mean first. Where did it go?":
                shifting(lambda s, b, beta, m: b * s + beta),
            "the mean is subtracted, not added.":
                shifting(lambda s, b, beta, m: (b + m) * s + beta),
            "the mean is subtracted *before* the scale, so it is scaled, too.":
                shifting(lambda s, b, beta, m: b * s - m + beta),
            "β is missing; it is added at the end.": shifting(lambda s, b, beta, m: (b - m) * s),
            "β is added after the scale, so it is not scaled.":
                shifting(lambda s, b, beta, m: (b - m + beta) * s),
            "the convolution's own bias got lost.": shifting(lambda s, b, beta, m: beta - m * s),
            "divide by the standard deviation, not by the variance.":
                shifting(folded, lambda g, v: g / (v + 1e-5)),
            "ε is added to the variance, under the root.":
                shifting(folded, lambda g, v: g / (v.sqrt() + 1e-5)),
            "where is ε? Without it, a channel that hardly varies explodes.":
                shifting(folded, lambda g, v: g / v.sqrt()),
            "γ is missing.": shifting(folded, lambda g, v: 1 / (v + 1e-5).sqrt()),
            "the weights are unchanged; each output channel's need its scale.":
                lambda w, *rest: (w, fold(w, *rest)[1]),
        },
        praise="The folded convolution gives what the convolution and its batch norm gave.",
        hints=("Write batch norm as scale · y + shift, with two numbers for each channel. What are "
               "they?",
               "With scale = γ / sqrt(variance + 1e-5): each output's kernels times its scale, and "
               "the bias is (bias - mean) · scale + β."),
    ),
}
