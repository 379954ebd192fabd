"""Lesson 11: its convolution equals PyTorch's, and its formulas hold."""

import pytest
import torch
import torch.nn.functional as F
from exercises import parts
from hypothesis import assume, given, settings
from hypothesis import strategies as st

LESSON = parts("11", "size_of_output", "windows", "conv2d", "max_pool2d", "avg_pool2d", "convolve",
               "receptive_field", "build", "backward")  # fmt: skip
conv2d, size_of_output = LESSON["conv2d"], LESSON["size_of_output"]
SETTINGS = {
    "batch": st.integers(1, 3), "inputs": st.integers(1, 5), "outputs": st.integers(1, 4),
    "sides": st.tuples(st.integers(1, 16), st.integers(1, 16)), "kernel": st.integers(1, 6),
    "stride": st.integers(1, 5), "padding": st.integers(0, 4), "dilation": st.integers(1, 4),
    "seed": st.integers(0, 999),
}  # fmt: skip


def made(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in shapes]


def equal(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def fits(sides, kernel, padding, dilation):
    return min(sides) + 2 * padding >= dilation * (kernel - 1) + 1


@settings(deadline=None, derandomize=True, max_examples=150)
@given(**SETTINGS)
def test_convolutions(batch, inputs, outputs, sides, kernel, stride, padding, dilation, seed):
    assume(fits(sides, kernel, padding, dilation))
    x, w, b = made(seed, (batch, inputs, *sides), (outputs, inputs, kernel, kernel), (outputs,))
    theirs = F.conv2d(x, w, b, stride, padding, dilation)
    equal(conv2d(x, w, b, stride, padding, dilation), theirs)
    sizes = [size_of_output(side, kernel, stride, padding, dilation) for side in sides]
    assert sizes == list(theirs.shape[2:])
    if fits(sides, kernel, 0, 1):
        equal(LESSON["convolve"](x[0, 0], w[0, 0]), F.conv2d(x[:1, :1], w[:1, :1])[0, 0])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(**{k: v for k, v in SETTINGS.items() if k != "outputs"})
def test_pooling(batch, inputs, sides, kernel, stride, padding, dilation, seed):
    assume(2 * padding <= kernel)  # PyTorch allows no more
    (x,) = made(seed, (batch, inputs, *sides))
    for name, *more in (("max_pool2d", dilation), ("avg_pool2d",)):
        if fits(sides, kernel, padding, *more or (1,)):
            ours, theirs = LESSON[name], getattr(F, name)
            equal(*(pool(x, kernel, stride, padding, *more) for pool in (ours, theirs)))


def test_windows_of_a_view_and_gradients():
    """Pictures that are a slice or channels-last lie otherwise in memory; gradients flow."""
    whole, w = made(0, (2, 3, 9, 12), (4, 3, 3, 3))
    for x in (whole[..., 2:9], whole.to(memory_format=torch.channels_last)):
        x = x.detach().requires_grad_()
        ours, theirs = (f(x, w, None if f is F.conv2d else 0.0, 2) for f in (conv2d, F.conv2d))
        equal(ours, theirs)
        slopes = [torch.autograd.grad(y.square().sum(), x)[0] for y in (ours, theirs)]
        equal(*slopes)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(**{k: v for k, v in SETTINGS.items() if k not in ("stride", "padding", "dilation")})
def test_backward(batch, inputs, outputs, sides, kernel, seed):
    assume(fits(sides, kernel, 0, 1))
    x, w = made(seed, (batch, inputs, *sides), (outputs, inputs, kernel, kernel))
    out = F.conv2d(x.requires_grad_(), w.requires_grad_())
    slopes = torch.randn_like(out)
    for ours, theirs in zip(LESSON["backward"](x, w, slopes),
                            torch.autograd.grad(out, (w, x), slopes), strict=True):  # fmt: skip
        equal(ours, theirs)


LAYER = st.tuples(
    st.sampled_from(["conv", "pool"]), st.integers(1, 4), st.integers(1, 2), st.integers(1, 2)
).map(lambda layer: (*layer[:3], 1) if layer[0] == "pool" else layer)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(stack=st.lists(LAYER, min_size=1, max_size=3))
def test_receptive_field(stack):
    """An input of the receptive field's size leaves one output, and one pixel less none."""
    side, net = LESSON["receptive_field"](stack), LESSON["build"](stack)
    assert net(torch.zeros(1, 1, side, side)).shape[2:] == (1, 1)
    if side > 1:
        with pytest.raises(RuntimeError):
            net(torch.zeros(1, 1, side - 1, side - 1))
