"""Lesson 31's linear loss, rounding and sheets against references."""

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded
from PIL import Image

LESSON = parts("31", io=io, Image=Image, PIXELS=784)
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
    net = LESSON["linear_code"](vectors.flip(1)[:, :7].T.float(), mean.float())
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
    for bits in (1, 3, 8):
        found = LESSON["indices"](codes, bits, low, high)
        assert found.min() == 0 and found.max() == 2**bits - 1
        inside = (codes >= low) & (codes <= high)
        gap = (LESSON["rounded"](codes, bits, low, high) - codes).abs() / (high - low)
        assert gap[inside].max() <= 0.5 / (2**bits - 1) + 1e-6


def test_a_sheet_holds_each_picture_once_and_png_keeps_it():
    whole = torch.randint(256, (60, 1, 28, 28), generator=torch.Generator().manual_seed(0)) / 255
    given = LESSON["sheet"](whole, margin=2)
    assert given.shape == (20 * 32, 3 * 32)
    tile = given[32 + 2 : 64 - 2, 64 + 2 : 96 - 2]  # second row, third column
    assert np.array_equal(tile, LESSON["as_bytes"](whole[5, 0]))
    size, back = LESSON["written"](given, format="PNG")
    assert np.array_equal(back, given) and size > 60 * 784 * 0.9  # noise cannot be made smaller


def test_jpeg_sheet_measures_the_error_within_the_pictures():
    bits, error = LESSON["jpeg_sheet"](torch.zeros(40, 1, 28, 28), 50)
    more, worse = LESSON["jpeg_sheet"](F.pad(torch.ones(40, 1, 8, 8), [10] * 4), 5)
    assert error == 0 and more > bits and 0 < worse < 0.05
