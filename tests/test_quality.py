"""Structural similarity against scikit-image's figures, and what is refused."""

import numpy as np
import pytest
import torch

import course_utils as cu

# skimage.metrics.structural_similarity (0.26.0) of the pictures below with data_range=1,
# gaussian_weights=True, sigma=1.5, use_sample_covariance=False
EXPECTED = [0.8300814513358278, 0.8114129889461862, 0.8415808494721765]


def pairs():
    random = np.random.default_rng(0)
    a = random.random((3, 24, 20))
    b = np.clip(a + 0.2 * random.normal(size=a.shape), 0, 1)
    return torch.tensor(a)[:, None], torch.tensor(b)[:, None]


def test_ssim_is_that_of_scikit_image():
    a, b = pairs()
    assert cu.metrics.ssim(a, b).tolist() == pytest.approx(EXPECTED, abs=1e-5)
    assert cu.metrics.ssim(255 * a, 255 * b, 255).tolist() == pytest.approx(EXPECTED, abs=1e-5)


def test_ssim_of_equal_and_of_constant_pictures():
    a, _ = pairs()
    assert cu.metrics.ssim(a, a).tolist() == pytest.approx([1, 1, 1])
    low, high = torch.full((1, 1, 11, 11), 0.2), torch.full((1, 1, 11, 11), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert cu.metrics.ssim(low, high).item() == pytest.approx(expected, abs=1e-3)


def test_channels_are_averaged():
    a, b = pairs()
    colour = cu.metrics.ssim(a.transpose(0, 1), b.transpose(0, 1))
    assert colour.tolist() == pytest.approx([np.mean(EXPECTED)], abs=1e-5)


@pytest.mark.parametrize(
    ("images", "peak", "said"),
    [
        (torch.rand(1, 1, 10, 20), 1.0, "images must be of shape"),
        (torch.rand(2, 1, 24, 20), 1.0, "must have one shape"),
        (torch.rand(1, 1, 24, 20), -1.0, "peak must be a number"),
    ],
)
def test_what_is_refused(images, peak, said):
    with pytest.raises(ValueError, match=said):
        cu.metrics.ssim(images, torch.rand(1, 1, 24, 20), peak)
