"""Changes of images against `roll`, `flip` and SciPy's rotation."""

import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F

from course_utils.data.augment import affine, flip, warp


@pytest.fixture
def images():
    """Four smooth pictures that fade out towards the frame, (4, 2, 24, 24)."""
    noise = torch.rand(4, 2, 24, 24, generator=torch.Generator().manual_seed(0))
    smooth = F.avg_pool2d(noise, 5, 1, 2)
    edge = torch.zeros(24, 24)
    edge[6:-6, 6:-6] = 1
    return smooth * edge


def test_nothing_asked_is_nothing_changed(images):
    torch.testing.assert_close(affine(0, 0, 0, 0)(images), images)
    torch.testing.assert_close(warp(images), images)


def test_a_shift_goes_right_and_down_by_whole_pixels(images):
    moved = warp(images, shift=(3 / 24, -2 / 24))
    torch.testing.assert_close(moved, images.roll((3, -2), (3, 2)))


def test_each_image_has_its_own_amount(images):
    moved = warp(images, shift=(torch.arange(4) / 24, 0.0))
    for number in range(4):
        torch.testing.assert_close(moved[number], images[number].roll(number, 2))


def test_a_shift_out_of_the_frame_leaves_black(images):
    assert warp(images, shift=(1.0, 0.0)).abs().max() < 1e-6


@pytest.mark.parametrize("degrees", [-90, 90, 180])
def test_a_quarter_turn_is_counter_clockwise(images, degrees):
    torch.testing.assert_close(warp(images, degrees), images.rot90(degrees // 90, (2, 3)))


def test_a_rotation_is_scipys(images):
    ours = warp(images, 30.0)
    theirs = scipy.ndimage.rotate(images.numpy(), 30, axes=(3, 2), reshape=False, order=1)
    torch.testing.assert_close(ours, torch.from_numpy(theirs))


def test_a_scale_of_two_shows_the_middle_twice_as_large(images):
    middle = images[..., 6:-6, 6:-6]
    larger = F.interpolate(middle, scale_factor=2, mode="bilinear", align_corners=False)
    inner = slice(2, -2)  # at the frame, interpolate repeats and warp looks further out
    ours = warp(images, scale=2.0)
    torch.testing.assert_close(ours[..., inner, inner], larger[..., inner, inner])


def test_a_shear_moves_each_row_by_its_height(images):
    slanted = warp(images, shear=2.0)
    wide = F.pad(images, (24, 24))
    for row in range(24):
        right = round(2 * (11.5 - row))  # the middle of the height is between rows 11 and 12
        moved = wide[:, :, row].roll(right, 2)[..., 24:-24]
        torch.testing.assert_close(slanted[:, :, row], moved)


def test_affine_draws_an_amount_for_each_image_within_its_limits():
    torch.manual_seed(0)
    dot = torch.zeros(500, 1, 21, 21)
    dot[:, :, 10, 10] = 1
    moved = affine(degrees=0, shift=0.2, scale=0, shear=0)(dot)[:, 0]
    place = torch.arange(21.0) - 10
    right = (moved.sum(1) * place).sum(1) / moved.sum((1, 2))
    down = (moved.sum(2) * place).sum(1) / moved.sum((1, 2))
    for offset in (right, down):
        assert offset.abs().max() <= 4.2 + 1e-4  # 0.2 of 21 pixels
        assert offset.min() < -4 and offset.max() > 4 and offset.abs().min() < 0.1
    assert torch.corrcoef(torch.stack([right, down]))[0, 1].abs() < 0.15


def test_the_same_seed_gives_the_same_images(images):
    torch.manual_seed(3)
    first = affine()(images)
    torch.manual_seed(3)
    assert torch.equal(affine()(images), first)
    assert not torch.equal(affine()(images), first)
    assert first.shape == images.shape and first.dtype == images.dtype


def test_flip_mirrors_about_half_of_the_images():
    torch.manual_seed(0)
    images = torch.rand(400, 3, 2, 4)
    flipped = flip()(images)
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    kept = (flipped == images).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250  # five standard deviations of a fair coin


@pytest.mark.parametrize("name", ["degrees", "shift", "scale", "shear"])
def test_a_wrong_amount_is_named(name):
    with pytest.raises(ValueError, match=f"{name} must be a number from 0 "):
        affine(**{name: -0.1})
    with pytest.raises(ValueError, match=r"scale must be a number from 0 to 0\.99, not 1\.0"):
        affine(scale=1.0)
