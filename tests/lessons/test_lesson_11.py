"""Lesson 11: its convolution equals PyTorch's, its formulas hold, its checks know mistakes."""

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, prove
from hypothesis import assume, given, settings
from hypothesis import strategies as st


def defined(*names):
    """These functions of the lesson, with what they call of each other."""
    scope = parts("11", *names)
    return [scope[name] for name in names]


size_of_output, windows, conv2d, max_pool2d, avg_pool2d, convolve, receptive_field, build = defined(
    "size_of_output", "windows", "conv2d", "max_pool2d", "avg_pool2d", "convolve",
    "receptive_field", "build",
)  # fmt: skip

FEW = st.integers(1, 3)
SETTINGS = {
    "batch": FEW,
    "inputs": st.integers(1, 5),
    "outputs": st.integers(1, 4),
    "sides": st.tuples(st.integers(1, 16), st.integers(1, 16)),
    "kernel": st.integers(1, 6),
    "stride": st.integers(1, 5),
    "padding": st.integers(0, 4),
    "dilation": st.integers(1, 4),
    "seed": st.integers(0, 999),
}


def made(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in shapes]


def equal(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def fits(sides, kernel, padding, dilation):
    return min(sides) + 2 * padding >= dilation * (kernel - 1) + 1


@settings(deadline=None, derandomize=True, max_examples=150)
@given(**SETTINGS)
def test_conv2d(batch, inputs, outputs, sides, kernel, stride, padding, dilation, seed):
    assume(fits(sides, kernel, padding, dilation))
    x, w, b = made(seed, (batch, inputs, *sides), (outputs, inputs, kernel, kernel), (outputs,))
    theirs = F.conv2d(x, w, b, stride, padding, dilation)
    equal(conv2d(x, w, b, stride, padding, dilation), theirs)
    sizes = [size_of_output(side, kernel, stride, padding, dilation) for side in sides]
    assert sizes == list(theirs.shape[2:])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(**{k: v for k, v in SETTINGS.items() if k != "outputs"})
def test_pooling(batch, inputs, sides, kernel, stride, padding, dilation, seed):
    assume(2 * padding <= kernel)  # PyTorch allows no more
    (x,) = made(seed, (batch, inputs, *sides))
    if fits(sides, kernel, padding, dilation):
        ours = max_pool2d(x, kernel, stride, padding, dilation)
        equal(ours, F.max_pool2d(x, kernel, stride, padding, dilation))
    if fits(sides, kernel, padding, 1):
        equal(avg_pool2d(x, kernel, stride, padding), F.avg_pool2d(x, kernel, stride, padding))


@settings(deadline=None, derandomize=True, max_examples=30)
@given(rows=st.integers(5, 9), columns=st.integers(5, 9), kernel=st.integers(1, 5))
def test_the_loop(rows, columns, kernel):
    x, w = made(0, (rows, columns), (kernel, kernel))
    equal(convolve(x, w), F.conv2d(x[None, None], w[None, None])[0, 0])


def test_windows_of_a_view_and_gradients():
    """Pictures that are a slice or channels-last lie otherwise in memory; gradients flow."""
    (whole,) = made(0, (2, 3, 9, 12))
    (w,) = made(1, (4, 3, 3, 3))
    for x in (whole[..., 2:9], whole.to(memory_format=torch.channels_last)):
        x = x.detach().requires_grad_()
        ours, theirs = (f(x, w, None if f is F.conv2d else 0.0, 2) for f in (conv2d, F.conv2d))
        equal(ours, theirs)
        slopes = [torch.autograd.grad(y.square().sum(), x)[0] for y in (ours, theirs)]
        equal(*slopes)


LAYER = st.tuples(
    st.sampled_from(["conv", "pool"]), st.integers(1, 4), st.integers(1, 2), st.integers(1, 2)
).map(lambda layer: (*layer[:3], 1) if layer[0] == "pool" else layer)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(stack=st.lists(LAYER, min_size=1, max_size=3))
def test_receptive_field(stack):
    """An input of the receptive field's size leaves one output, and one pixel less none."""
    side = receptive_field(stack)
    shape = build(stack)(torch.zeros(1, 1, side, side)).shape
    assert shape[2:] == (1, 1)
    if side > 1:
        with pytest.raises(RuntimeError):
            build(stack)(torch.zeros(1, 1, side - 1, side - 1))


def slopes(images, vertical, horizontal, padding=1):
    kernels = torch.stack([vertical, horizontal])[:, None]
    return F.conv2d(images, kernels, padding=padding)  # (B, 2, H, W)


def strength(images, vertical, horizontal, padding=1):
    return slopes(images, vertical, horizontal, padding).square().sum(1, keepdim=True).sqrt()


def in_place(images, vertical, horizontal):
    return images.copy_(strength(images, vertical, horizontal))


def total(combine):
    return lambda *given: combine(slopes(*given))


def at(row, column, value=1.0):
    kernel = torch.zeros(3, 3)
    kernel[row, column] = value
    return kernel


def through(kernel, m, n):
    return kernel[:, n], kernel[m] / kernel[m, n]


def largest(kernel):
    return through(kernel, *divmod(int(kernel.abs().argmax()), len(kernel)))


def by_sums(kernel):
    return kernel.sum(1), kernel.sum(0) / (kernel.sum() or 1)


WRONG = {
    "11.1": {
        "moves to the left": at(1, 2),
        "moves down": at(0, 1),
        "moves up": at(2, 1),
        "stays where it is": at(1, 1),
        "along a diagonal": at(0, 0),
        "0.5 times as bright": at(1, 0, 0.5),
        "mixes 2 pixels": at(1, 0, 0.5) + at(1, 1, 0.5),
        "becomes black": [[0, 0, 0]] * 3,
        "not Tensor of shape (1, 1, 3, 3)": at(1, 0)[None, None],
        "scales, too": at(1, 2, 3.0),
    },
    "11.2": {
        "right without dilation. A dilated": lambda k, d: k // 2,
        "on *both* sides": lambda k, d: d * (k - 1),
        "the *gaps*": lambda k, d: d * k // 2,
        "one too many on each side": lambda k, d: (d * (k - 1) + 2) // 2,
        "*every* gap": lambda k, d: k // 2 + d - 1,
        "return a whole number": lambda k, d: d * (k - 1) / 2,
        "becomes 34": lambda k, d: k - 1,
        "not str": lambda k, d: "same",
    },
    "11.3": {
        "smaller by two rows": lambda *given: strength(*given, padding=0),
        "where is the root": lambda *given: strength(*given) ** 2,
        "they cancel": total(lambda g: g.sum(1, keepdim=True)),
        "absolute values are added": total(lambda g: g.abs().sum(1, keepdim=True)),
        "only the larger": total(lambda g: g.abs().amax(1, keepdim=True)),
        "one direction only": total(lambda g: g[:, :1].abs()),
        "from dark to light": total(lambda g: g.relu().square().sum(1, keepdim=True).sqrt()),
        "largest value": lambda *given: strength(*given) / strength(*given).max(),
        "not their mean": total(lambda g: g.square().mean(1, keepdim=True).sqrt()),
        "one a channel": slopes,
        "there are nan": total(lambda g: g.sum(1, keepdim=True).sqrt()),
        "returned shape (2, 6, 7)": lambda *given: strength(*given)[:, 0],
        "it changed the pictures": in_place,
        "not the roots": lambda *given: strength(*given) + 1,
    },
    "11.4": {
        "wrong way round": lambda kernel: largest(kernel)[::-1],
        "where they cross": lambda kernel: (kernel[:, 0], kernel[0]),
        "choose another": lambda kernel: through(kernel, 1, 1),
        "signs are lost": lambda kernel: largest(kernel.abs()),
        "its sums are 0": by_sums,
        "the sign is wrong": lambda kernel: largest(-kernel),
        "two tensors are asked for": lambda kernel: torch.outer(*largest(kernel)),
        "has the shape (3, 1)": lambda kernel: (largest(kernel)[0][:, None], largest(kernel)[1]),
        "is not the kernel": lambda kernel: (kernel[:, 0] + 1, kernel[0]),
    },
}


def test_checks(capsys):
    prove(capsys, "11", WRONG)


def test_a_list_is_a_kernel_too(capsys):
    from exercises import said

    assert "11.1 passed" in said(capsys, "11.1", [[0, 0, 0], [1, 0, 0], [0, 0, 0]])
