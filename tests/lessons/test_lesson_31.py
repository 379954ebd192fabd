"""Lesson 31's linear loss, rounding and sheets against references; its checks' wrong answers."""

import io
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercises import parts, prove
from PIL import Image

LESSON = parts(
    "31", "covariance", "linear_loss", "linear_code", "Autoencoder", "indices", "rounded", "limits",
    "dense", "dense_ae", "conv", "conv_ae", "sheet", "as_bytes", "written", "jpeg_sheet",
    io=io, Image=Image, PIXELS=784,
)  # fmt: skip


@pytest.fixture
def pictures():
    return torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_covariance_is_numpys(pictures):
    many = pictures.repeat(50, 1, 1, 1)  # more than one part
    mean, C = LESSON["covariance"](many)
    x = many.flatten(1).double().numpy()
    assert np.allclose(mean, x.mean(0), atol=1e-12)
    assert np.allclose(C, np.cov(x.T, bias=True), atol=1e-12)


def test_linear_loss_is_the_mean_squared_error_and_has_its_gradient(pictures):
    mean, C = LESSON["covariance"](pictures)
    x = pictures.flatten(1).double() - mean
    generator = torch.Generator().manual_seed(1)
    E, D = (torch.randn(s, generator=generator).double() / 28 for s in ((5, 784), (784, 5)))
    E.requires_grad_(), D.requires_grad_()
    direct = F.mse_loss(x @ E.T @ D.T, x)
    ours = LESSON["linear_loss"](E, D, C)
    assert abs(direct.item() - ours.item()) < 1e-12
    pairs = zip(*(torch.autograd.grad(loss, (E, D)) for loss in (direct, ours)), strict=True)
    for theirs, mine in pairs:
        assert torch.allclose(theirs, mine, atol=1e-12)


def test_linear_code_leaves_the_eigenvalues_left_out(pictures):
    mean, C = LESSON["covariance"](pictures)
    values, vectors = torch.linalg.eigh(C)
    net = LESSON["linear_code"](vectors.flip(1)[:, :7].T.float(), mean.float())
    error = F.mse_loss(net(pictures), pictures).item()
    assert net.encoder(pictures).shape == (60, 7)
    assert error == pytest.approx(values.flip(0)[7:].sum().item() / 784, abs=1e-6)


@pytest.mark.parametrize("kind", ["dense_ae", "conv_ae"])
@pytest.mark.parametrize("k", [2, 64])
def test_networks_have_a_code_of_k_numbers_and_pixels_within_0_and_1(kind, k, pictures):
    torch.manual_seed(0)
    net = LESSON[kind](k)
    assert net.encoder(pictures).shape == (60, k)
    out = net(pictures)
    assert out.shape == pictures.shape
    assert out.min() >= 0 and out.max() <= 1


def test_rounding_has_2_to_the_b_levels_and_errs_by_half_a_step_at_most():
    codes = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1, 5, 9]
    )
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
    blank = torch.zeros(40, 1, 28, 28)
    bits, error = LESSON["jpeg_sheet"](blank, 50)
    assert error == 0
    edges = blank.clone()
    edges[:, :, 10:18, 10:18] = 1.0
    more, worse = LESSON["jpeg_sheet"](edges, 5)
    assert more > bits and 0 < worse < 0.05


def degrees(cosines, pick):
    return pick(cosines).acos().rad2deg()


def cosines(A, B):
    return torch.linalg.svdvals(torch.linalg.qr(A).Q.T @ torch.linalg.qr(B).Q).clamp(max=1)


def unit(A):
    return F.normalize(A, dim=0)


def unclamped(A, B):
    """1e-9 stands for the rounding, which is not the same on every machine."""
    found = torch.linalg.svdvals(torch.linalg.qr(A).Q.T @ torch.linalg.qr(B).Q)
    return torch.where(found > 1 - 1e-9, found + 1e-9, found).min().acos().rad2deg()


def falling(eigenvalues):
    return eigenvalues.sort(descending=True).values


def tables(known, add=1.0, levels=12):
    counts = torch.stack([c.bincount(minlength=levels) + add for c in known.T])
    return counts / counts.sum(1, keepdim=True)  # (k, levels)


def each_bits(known, sent, levels, add=1.0):
    return -torch.stack(
        [p[s] for p, s in zip(tables(known, add, levels), sent.T, strict=True)]
    ).log2()


def pooled(known, sent, levels):
    p = known.flatten().bincount(minlength=levels) + 1.0
    return -(p / p.sum())[sent].log2().sum(1).mean()


def improper(known, sent, levels):
    found = [(c.bincount(minlength=levels) + 1) / len(c) for c in known.T]
    return -sum(p[s].log2().mean() for p, s in zip(found, sent.T, strict=True))


def entropy(known, sent, levels):
    p = tables(known, 1.0, levels)
    return -(p * p.log2()).sum()


def right_bits(known, sent, levels):
    return each_bits(known, sent, levels).sum(0).mean()


WRONG = {
    "31.1": {
        "What it loses is the others": lambda e, k: falling(e)[:k].sum() / len(e),
        "Divide by the number of pixels": lambda e, k: falling(e)[k:].sum(),
        "a *share* of the variance": lambda e, k: falling(e)[k:].sum() / e.sum(),
        "number of eigenvalues left out": lambda e, k: falling(e)[k:].sum() / max(1, len(e) - k),
        "it leaves out the largest": lambda e, k: e.sort().values[k:].sum() / len(e),
        "sort them": lambda e, k: e[k:].sum() / len(e),
        "off by one": lambda e, k: falling(e)[k + 1 :].sum() / len(e),
        "from 8 pixels": lambda e, k: falling(e)[k:].sum() / 784,
        "returned 5 of them": lambda e, k: falling(e)[k:] if k == 3 else e[0],
        "returned NoneType": lambda e, k: print(end=""),
        "nothing is lost": lambda e, k: falling(e)[k:].sum() / 8 + (k == 8),
    },
    "31.2": {
        "in radians": lambda A, B: cosines(A, B).min().acos(),
        "the *smallest* principal angle": lambda A, B: degrees(cosines(A, B), torch.max),
        "that is the cosine": lambda A, B: cosines(A, B).min(),
        "a mean over": lambda A, B: degrees(cosines(A, B), torch.mean),
        "column with column": lambda A, B: degrees((unit(A) * unit(B)).sum(0), torch.min),
        "not at right angles": lambda A, B: degrees(
            torch.linalg.svdvals(unit(A).T @ unit(B)).clamp(max=1), torch.min
        ),
        "outside -1": lambda A, B: torch.tensor(2.0).acos(),
        "Clamp it": unclamped,
        "it returned 3 of them": lambda A, B: cosines(A, B).acos().rad2deg(),
        "where the largest principal angle is": lambda A, B: 12.0,
        "should be 0° apart": lambda A, B: degrees(cosines(A, B), torch.min) + (
            5 if degrees(cosines(A, B), torch.min) < 1 else 0
        ),
    },
    "31.3": {
        "it is not finite": lambda known, sent, n: each_bits(known, sent, n, 0.0).sum(0).mean(),
        "those are nats": lambda *given: right_bits(*given) * math.log(2),
        "the sign": lambda *given: -right_bits(*given),
        "bits for one *number*": lambda *given: each_bits(*given).mean(),
        "of all pictures together": lambda *given: each_bits(*given).sum(),
        "share one table": pooled,
        "does not have yet": lambda known, sent, n: right_bits(sent, sent, n),
        "bits of known": lambda known, sent, n: right_bits(known, known, n),
        "entropy of the estimate": entropy,
        "add up to more than 1": improper,
        "returned 30 of them": lambda *given: each_bits(*given).sum(0),
        "the tables of known give": lambda known, sent, n: 3 * math.log2(n),
    },
    "31.4": {
        "right but for rounding": lambda d, o, t: d / (t - o),
        "rounded down": lambda d, o, t: d // (t - o),
        "one too many": lambda d, o, t: d // (t - o) + 1,
        "our pictures cost bits too": lambda d, o, t: math.ceil(d / t),
        "negative": lambda d, o, t: math.ceil(d / (o - t)),
        "at 250 pictures": lambda d, o, t: math.ceil(d / o) if o else 1,
        "return math.inf": lambda d, o, t: math.ceil(d / (t - o)),
        "returned str": lambda d, o, t: "many",
    },
}  # fmt: skip


def test_checks(capsys):
    prove(capsys, "31", WRONG)
