"""Lesson 31's linear loss, rounding and sheets against references."""

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from PIL import Image

LESSON = parts(
    "31", io=io, Image=Image, PIXELS=784, SHAPE=(1, 28, 28), channels=1, side=28, quarter=7
)
PICTURES = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_covariance_is_numpys():
    many = PICTURES.repeat(50, 1, 1, 1)  # more than one part
    (mean, C), x = LESSON["covariance"](many), many.flatten(1).double().numpy()
    assert np.allclose(mean, x.mean(0), atol=1e-12)
    assert np.allclose(C, np.cov(x.T, bias=True), atol=1e-12)


def test_linear_loss_is_the_mean_squared_error_and_has_its_gradient():
    mean, C = LESSON["covariance"](PICTURES)
    x = PICTURES.flatten(1).double() - mean
    E, D = (seeded(*s, seed=s[0]).double().div(28).requires_grad_() for s in ((5, 784), (784, 5)))
    direct, ours = F.mse_loss(x @ E.T @ D.T, x), LESSON["linear_loss"](E, D, C)
    assert abs(direct.item() - ours.item()) < 1e-12
    pairs = zip(*(torch.autograd.grad(loss, (E, D)) for loss in (direct, ours)), strict=True)
    assert all(torch.allclose(*pair, atol=1e-12) for pair in pairs)


def test_linear_code_leaves_the_eigenvalues_left_out():
    mean, C = LESSON["covariance"](PICTURES)
    values, vectors = torch.linalg.eigh(C)
    first = vectors.flip(1)[:, :7]
    net = LESSON["linear_code"](first.T, first, mean)
    error = F.mse_loss(net(PICTURES), PICTURES).item()
    assert net.encoder(PICTURES).shape == (60, 7)
    assert error == pytest.approx(values.flip(0)[7:].sum().item() / 784, abs=1e-6)


@pytest.mark.parametrize("kind", ["dense_ae", "conv_ae"])
@pytest.mark.parametrize("k", [2, 64])
def test_networks_have_a_code_of_k_numbers_and_pixels_within_0_and_1(kind, k):
    torch.manual_seed(0)
    net = LESSON[kind](k)
    assert net.encoder(PICTURES).shape == (60, k)
    out = net(PICTURES)
    assert out.shape == PICTURES.shape and out.min() >= 0 and out.max() <= 1


def test_rounding_has_2_to_the_b_levels_and_errs_by_half_a_step_at_most():
    codes = seeded(5000, 3) * torch.tensor([1, 5, 9])
    low, high = LESSON["limits"](codes)
    assert torch.allclose(high - low, (high - low)[0])  # one step for all numbers
    for bits in (1, 3, 8):
        found = LESSON["indices"](codes, bits, low, high)
        assert found[:, 2].min() == 0 and found.max() == 2**bits - 1
        inside = (codes >= low) & (codes <= high)
        gap = (LESSON["rounded"](codes, bits, low, high) - codes).abs() / (high - low)
        assert gap[inside].max() <= 0.5 / (2**bits - 1) + 1e-6


def test_coded_bits_are_the_cross_entropy_of_smoothed_counts():
    known, sent = torch.tensor([[0, 1], [0, 1], [1, 1]]), torch.tensor([[0, 1], [2, 0]])
    first = -(np.log2(3 / 6) + np.log2(1 / 6)) / 2  # counts 2, 1, 0, and 1 more each
    second = -(np.log2(4 / 6) + np.log2(1 / 6)) / 2
    assert LESSON["coded_bits"](known, sent, 3) == pytest.approx(first + second, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_holds_each_picture_once_and_png_keeps_it(channels):
    generator = torch.Generator().manual_seed(0)
    whole = torch.randint(256, (60, channels, 28, 28), generator=generator) / 255
    given = LESSON["sheet"](whole, 4)
    assert given.shape == (20 * 32, 3 * 32, channels)[: 2 + (channels > 1)]
    tile = given[32 : 64 - 4, 64 : 96 - 4]  # second row, third column
    assert np.array_equal(tile, LESSON["as_bytes"](whole[5].permute(1, 2, 0)).squeeze())
    size, back = LESSON["written"](given, format="PNG")
    assert np.array_equal(back, given) and size > whole.numel() * 0.9  # noise stays large


def test_jpeg_sheet_measures_the_error_within_the_pictures():
    bits, error = LESSON["jpeg_sheet"](torch.zeros(40, 1, 28, 28), 50)
    more, worse = LESSON["jpeg_sheet"](F.pad(torch.ones(40, 1, 8, 8), [10] * 4), 5)
    assert error == 0 and more > bits and 0 < worse < 0.05
    assert LESSON["jpeg_sheet"](torch.full((40, 3, 32, 32), 0.2), 90)[1] < 1e-4  # in colour


def test_junk_is_made_of_two_pictures_each():
    torch.manual_seed(0)
    x = torch.arange(1.0, 7).view(6, 1, 1, 1).expand(6, 1, 4, 4) / 6
    torn, doubled = LESSON["torn"](x), LESSON["doubled"](x)
    assert torch.equal(torn[:, :, :2], x[:, :, :2])
    lower = torn[:, 0, 3, 0]
    assert torch.equal(lower.sort().values, x[:, 0, 0, 0]) and not torch.equal(lower, x[:, 0, 0, 0])
    assert (doubled >= x).all() and doubled.max() <= 1


def test_steps_for_a_tenth_reads_them_off_a_straight_curve():
    class History(dict):
        def steps(self, name):
            return np.arange(100, 1300, 100)

    falling = History(angle=80 * 10 ** (-np.arange(100, 1300, 100) / 250))
    assert LESSON["steps_for_a_tenth"](falling) == pytest.approx(250)
