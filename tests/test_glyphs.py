"""The glyphs: what is drawn is what the factors say, to the pixel."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from course_utils.data import glyphs
from course_utils.data.glyphs.shapes import file_of

SCENES = {
    "glyphs_per_scene": (0, 4),
    "scale": (0.25, 0.45),
    "angle": (-40, 40),
    "shear": (-0.3, 0.3),
    "warp": (0, 0.05),
    "weight": (-0.02, 0.03),
    "outlined": 0.5,
    "ink": glyphs.PALETTE,
    "background": glyphs.PALETTE,
    "noise": (0, 0.1),
}
COLUMNS = [name for name in vars(glyphs.sample(1, 0)) if name != "alphabet"]


def pictures(factors, size=28, channels=1):
    return glyphs.draw(factors, size, channels).images.int()


def box_of(image):
    """Left, top, right, bottom of what is not black in (H, W)."""
    rows, columns = image.any(1).nonzero(), image.any(0).nonzero()
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def colours_in(image, where):
    """The different colours of (3, H, W) at (H, W), one after the other."""
    return image[:, where].unique(dim=1).T.flatten().tolist()


def by_freetype(name, character, size, scale, zoom=8):
    """Pillow's own drawing of a glyph, its ink box centred, (size, size) in [0, 1]."""
    *_, top, _, bottom = ImageFont.truetype(file_of(name), 1000).getbbox("7")
    font = ImageFont.truetype(file_of(name), size * scale * zoom * 1000 / (bottom - top))
    wide = Image.new("L", (2 * size * zoom,) * 2)
    ImageDraw.Draw(wide).text((size * zoom // 2,) * 2, character, font=font, fill=255)
    ink, sheet = wide.crop(wide.getbbox()), Image.new("L", (size * zoom,) * 2)
    sheet.paste(ink, ((sheet.width - ink.width) // 2, (sheet.height - ink.height) // 2))
    return np.asarray(sheet.reduce(zoom)) / 255


# Sampling


def test_same_seed_same_everything_and_another_seed_another():
    one, same, other = (glyphs.sample(20, seed, **SCENES) for seed in (1, 1, 2))
    for name in COLUMNS:
        assert torch.equal(getattr(one, name), getattr(same, name)), name
    drawn = [glyphs.draw(f, 32, 3, masks=True) for f in (one, same, other)]
    assert all(torch.equal(a, b) for a, b in zip(*drawn[:2], strict=True))
    assert not torch.equal(drawn[0].images, drawn[2].images)


@pytest.mark.parametrize("overlap", [True, False])
def test_the_first_scenes_are_the_same_whatever_n(overlap):
    small = {**SCENES, "scale": (0.2, 0.35), "overlap": overlap}
    few, many = glyphs.sample(5, 3, **small), glyphs.sample(300, 3, **small)[:5]
    for name in COLUMNS:
        assert torch.equal(getattr(few, name), getattr(many, name)), name


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    glyphs.draw(glyphs.sample(4, 0, **SCENES), 32)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


def test_factors_fill_their_ranges_and_only_them():
    f = glyphs.sample(4000, 0, x=(0.2, 0.3), scale=(0.4, 0.5), angle=(-10, 30), outlined=0.25)
    for name, low, high in (("x", 0.2, 0.3), ("scale", 0.4, 0.5), ("angle", -10, 30)):
        column = getattr(f, name)
        assert low <= column.min() < low + 0.01 * (high - low)
        assert high >= column.max() > high - 0.01 * (high - low)
    assert f.label.bincount().min() > 300  # of 400 expected
    assert f.font.bincount(minlength=len(glyphs.fonts())).min() > 130  # of 190 expected
    assert 0.22 < (f.outline > 0).float().mean() < 0.28


def test_ink_differs_from_its_background():
    f = glyphs.sample(500, 0, ink=glyphs.PALETTE, background=glyphs.PALETTE)
    assert ((f.ink - f.background[f.scene]).abs().amax(1) > 0.05).all()
    assert len(f.ink.unique(dim=0)) == len(f.background.unique(dim=0)) == len(glyphs.PALETTE)


def test_apart_means_disjoint_boxes():
    f = glyphs.sample(200, 0, glyphs_per_scene=(2, 5), scale=(0.2, 0.4), overlap=False)
    half, centre = glyphs.extents(f), torch.stack([f.x, f.y], 1)
    for scene in range(200):
        rows = (f.scene == scene).nonzero().flatten().tolist()
        for i, j in itertools.combinations(rows, 2):
            assert ((centre[i] - centre[j]).abs() >= half[i] + half[j] - 1e-6).any()


# Shapes


@pytest.mark.parametrize(("size", "scale"), [(16, 0.6), (28, 0.7), (64, 0.8)])
def test_drawings_agree_with_freetype(size, scale):
    agreement = []
    for i, name in enumerate(glyphs.fonts()):
        f = glyphs.Factors(label=list(range(10)), font=i, scale=scale)
        for ours, digit in zip(glyphs.coverage(f, size).numpy(), glyphs.DIGITS, strict=True):
            theirs = by_freetype(name, digit, size, scale)
            agreement.append(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
            overlap = np.minimum(ours, theirs).sum() / np.maximum(ours, theirs).sum()
            assert overlap > 0.75, (name, digit)
    assert min(agreement) > 0.96 and np.mean(agreement) > 0.98


def test_fonts_are_those_that_draw_digits_and_letters():
    names = glyphs.fonts()
    assert len(names) >= 15 and list(names) == sorted(names)
    assert not [name for name in names if name.startswith(("cmsy", "cmex", "cmmi", "LastResort"))]


def test_digits_are_legible_and_distinct_in_every_font():
    for font in range(len(glyphs.fonts())):
        ink = glyphs.coverage(glyphs.Factors(label=list(range(10)), font=font), 28).flatten(1)
        assert (ink.sum(1) > 20).all()  # pixels
        low = torch.minimum(ink[:, None], ink).sum(2) / torch.maximum(ink[:, None], ink).sum(2)
        assert low.fill_diagonal_(0).max() < 0.8, glyphs.fonts()[font]


def test_letters_keep_their_relative_sizes():
    f = glyphs.Factors(label=[0, 1], alphabet="Cc", font=glyphs.fonts().index("DejaVuSans"))
    _, top, _, bottom = glyphs.draw(f, 64).boxes.T
    tall, short = (bottom - top).tolist()
    assert short < 0.85 * tall


# Geometry


def test_ninety_degrees_are_rot90():
    f = glyphs.Factors(label=list(range(10)), shear=0.2, weight=0.02)
    turned = pictures(f.change(angle=90))
    assert (turned - torch.rot90(pictures(f), 1, (-2, -1))).abs().max() <= 1


def test_the_angle_is_the_angle():
    """Principal axis of a "1" without serifs, from its moments: it turns as asked."""
    one = glyphs.fonts().index("cmss10")
    ink = glyphs.coverage(
        glyphs.Factors(label=[1] * 3, font=one, angle=[0, 20, -35], scale=0.8), 64
    )
    at = torch.arange(64.0)
    down, right = torch.meshgrid(at, at, indexing="ij")
    ink = ink / ink.sum((1, 2), keepdim=True)
    dx = right - (ink * right).sum((1, 2))[:, None, None]
    dy = (ink * down).sum((1, 2))[:, None, None] - down  # upwards
    xx, yy, xy = ((ink * m).sum((1, 2)) for m in (dx * dx, dy * dy, dx * dy))
    axis = torch.rad2deg(0.5 * torch.atan2(2 * xy, xx - yy)) % 180
    assert torch.allclose((axis - axis[0])[1:], torch.tensor([20.0, -35.0]), atol=0.5)


def test_whole_pixels_move_the_picture_exactly():
    f = glyphs.Factors(label=5, scale=0.5, angle=17, x=0.375, y=0.5)
    image = pictures(f, 32)
    moved = pictures(f.change(x=0.375 + 5 / 32, y=0.5 - 3 / 32), 32)
    assert torch.equal(moved, image.roll((-3, 5), (-2, -1)))


def test_shear_leans_right_and_weight_and_outline_change_the_ink():
    f = glyphs.Factors(label=1, scale=0.6)
    upper = glyphs.coverage(f.change(shear=0.4), 32)[0, :12].sum(0)
    plain = glyphs.coverage(f, 32)[0, :12].sum(0)
    at = torch.arange(32.0)
    assert (upper * at).sum() / upper.sum() > (plain * at).sum() / plain.sum() + 1
    ink = [glyphs.coverage(f.change(weight=w), 32).sum() for w in (-0.02, 0.0, 0.04)]
    assert ink[0] < ink[1] < ink[2]
    zero = glyphs.Factors(label=0, font=glyphs.fonts().index("DejaVuSans-Bold"), scale=0.8)
    solid, line = (pictures(zero.change(outline=o), 64)[0, 0, 32] for o in (0.0, 0.05))
    strokes = [int((row > 127).int().diff().eq(1).sum()) for row in (solid, line)]
    assert strokes == [2, 4]  # across the middle of the 0: each stroke became two lines


def test_warp_bends_and_keeps_inside_its_extent():
    f = glyphs.sample(200, 0, scale=(0.4, 0.6), angle=(-90, 90), shear=(-0.4, 0.4), warp=0.1)
    straight = f.change(warp=0.0)
    assert (pictures(f) - pictures(straight)).abs().float().mean() > 5
    boxes, half, centre = glyphs.draw(f, 64).boxes, glyphs.extents(f), torch.stack([f.x, f.y], 1)
    assert (boxes[:, :2] >= 64 * (centre - half) - 2).all()
    assert (boxes[:, 2:] <= 64 * (centre + half) + 2).all()


def test_coverage_is_differentiable():
    angle = torch.tensor([10.0], requires_grad=True)
    f = glyphs.Factors(label=4, angle=angle)
    (glyphs.coverage(f, 28) * torch.linspace(0, 1, 28)).sum().backward()
    assert angle.grad.abs() > 0


# Pictures


@pytest.mark.parametrize("size", [16, 20, 28, 33, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_boxes_are_exact_at_all_sizes(size, channels):
    f = glyphs.sample(60, size, scale=(0.4, 0.7), angle=(-90, 90), outlined=0.3, warp=(0, 0.1))
    images, labels, boxes, masks = glyphs.draw(f, size, channels, masks=True)
    assert images.shape == (60, channels, size, size) and images.dtype == torch.uint8
    assert torch.equal(labels, f.label) and masks.shape == (60, size, size)
    for image, box, mask in zip(images, boxes, masks, strict=True):
        assert box.tolist() == box_of(image[0]) and torch.equal(image[0], mask)
    assert images.max() == 255  # white is white


def test_later_rows_paint_over_earlier_ones():
    f = glyphs.Factors(
        label=[0, 1], scene=[0, 0], font=0, weight=0.05, ink=[[1.0, 0, 0], [0, 0, 1.0]]
    )
    images, _, boxes, masks = glyphs.draw(f, 32, 3, masks=True)
    both = (masks == 255).all(0)
    full = masks[1] == 255
    assert full.any() and colours_in(images[0], full) == [0, 0, 255]
    below = (masks[0] == 255) & (masks[1] == 0)
    assert colours_in(images[0], below) == [255, 0, 0]
    alone = glyphs.draw(f.rows(torch.tensor([0])), 32, 3)
    assert torch.equal(alone.boxes[0], boxes[0])  # also where it is hidden
    swapped = pictures(f.rows(torch.tensor([1, 0])), 32, 3)[0]
    assert both.any() and colours_in(swapped, both) == [255, 0, 0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 299), min_size=1, max_size=8, unique=True))
def test_a_scene_is_the_same_whatever_stands_beside_it(seed, chosen):
    f = glyphs.sample(300, seed % 3, **SCENES)
    some = glyphs.draw(f[torch.tensor(chosen)], 24, 3)
    assert torch.equal(some.images, drawn_once(seed % 3).images[chosen])


def drawn_once(seed, kept={}):  # noqa: B006
    if seed not in kept:
        kept[seed] = glyphs.draw(glyphs.sample(300, seed, **SCENES), 24, 3)
    return kept[seed]


def test_a_change_of_look_keeps_shape_and_box():
    f = glyphs.sample(10, 0, angle=(-20, 20))
    pair = f.change(ink=(1.0, 0.0, 0.0), background=(0.0, 0.0, 1.0))
    a, b = glyphs.draw(f, 32, 3, masks=True), glyphs.draw(pair, 32, 3, masks=True)
    assert torch.equal(a.boxes, b.boxes) and torch.equal(a.masks, b.masks)
    assert torch.equal(b.images[:, 0], a.images[:, 0])
    assert torch.equal(b.images[:, 2], 255 - a.images[:, 0])


def test_empty_scenes_and_glyphs_out_of_sight():
    nothing = glyphs.sample(3, 0, glyphs_per_scene=0, background="white")
    drawn = glyphs.draw(nothing)
    assert (drawn.images == 255).all() and drawn.boxes.shape == (0, 4)
    away = glyphs.draw(glyphs.Factors(label=3, x=2.0))
    assert away.images.sum() == 0 and away.boxes.tolist() == [[0, 0, 0, 0]]


def test_noise_has_its_deviation_and_its_seed():
    f = glyphs.Factors(label=[1, 1], scale=0.2, background=0.5, ink=0.5, noise=[0.1, 0.1])
    images = pictures(f, 64) / 255
    assert 0.095 < images.std() < 0.105
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(pictures(f.change(noise_seed=7), 64)[0], pictures(f, 64)[0])


# Films, captions, the stand-in of MNIST


def test_boxes_move_with_the_velocity_and_stay_inside():
    f = glyphs.Factors(label=[3, 7], scene=[0, 0], x=[0.3, 0.7], y=0.5, scale=0.25)
    velocity = torch.tensor([[2, 0], [0, -1]]) / 64
    film = glyphs.move(f, velocity, 8)
    images, labels, boxes, _ = glyphs.draw(film, 64)
    assert images.shape == (8, 1, 64, 64) and labels.tolist() == [3] * 8 + [7] * 8
    assert torch.equal(images[0], glyphs.draw(f, 64).images[0])
    steps = boxes.view(2, 8, 4).diff(dim=1)
    assert torch.equal(steps[0], torch.tensor([2.0, 0, 2, 0]).expand(7, 4))
    assert torch.equal(steps[1], torch.tensor([0, -1.0, 0, -1]).expand(7, 4))


def test_films_bounce_off_the_borders():
    f = glyphs.sample(20, 0, scale=(0.2, 0.4), noise=0.05)
    film = glyphs.move(f, torch.linspace(-0.2, -0.1, 40).view(20, 2), 30, spin=20)
    half, centre = glyphs.extents(film), torch.stack([film.x, film.y], 1)
    assert (centre - half > -1e-5).all() and (centre + half < 1 + 1e-5).all()
    tracks = centre.view(20, 30, 2)
    steps = tracks.diff(dim=1)
    assert (steps.amax(1) > 0).all() and (steps.amin(1) < 0).all()  # there and back, both ways
    clips = pictures(film, 32).view(20, 30, 32, 32)
    assert not torch.equal(clips[0, 0, :4], clips[0, 1, :4])  # noise of its own
    turn = film.angle.view(20, 30).diff(dim=1)
    assert torch.allclose(turn, torch.full_like(turn, 20.0))


def test_captions_say_the_factors():
    red, blue, orange = (glyphs.PALETTE[name] for name in ("red", "blue", "orange"))
    f = glyphs.Factors(
        label=[7, 2, 0],
        scene=[0, 1, 1],
        scale=[0.3, 0.6, 0.3],
        angle=[5, 355, 20],
        outline=[0, 0, 0.06],
        ink=[red, orange, red],
        background=[blue, orange, blue],
    )
    said = glyphs.captions(f)
    assert said[0] == "a small red 7 on a blue background"
    assert said[1] == ("a large orange 2 and a small tilted outlined red 0 on an orange background")
    assert said[2] == "nothing on a blue background"
    assert glyphs.captions(f, full=True)[0] == "a small upright solid red 7 on a blue background"


def test_the_stand_in_of_mnist():
    train_x, train_y, test_x, test_y = glyphs.mnist_like(2000, 500, seed=0)
    assert train_x.shape == (2000, 1, 28, 28) and train_x.dtype == torch.uint8
    assert test_x.shape == (500, 1, 28, 28) and test_y.dtype == train_y.dtype == torch.int64
    assert train_y.bincount(minlength=10).min() > 150
    assert 0.1 < train_x.float().mean() / 255 < 0.2  # MNIST: 0.13
    boxes = torch.tensor([box_of(x[0]) for x in train_x])
    sides = (boxes[:, 2:] - boxes[:, :2]).float().amax(1)
    assert 18 < sides.mean() < 25
    colour = glyphs.mnist_like(20, 10, size=32, channels=3)
    assert colour[0].shape == (20, 3, 32, 32)
    again = glyphs.mnist_like(2500, 100, seed=0)[0]
    assert torch.equal(again[:2000], train_x) and torch.equal(again[2000:], test_x)


def test_nearest_prototypes_are_not_enough():
    """Easy for a CNN, not trivial: class means get well above chance and well below all."""
    train_x, train_y, test_x, test_y = glyphs.mnist_like(4000, 1000, seed=1)
    means = torch.stack([train_x[train_y == c].float().mean(0).flatten() for c in range(10)])
    guess = torch.cdist(test_x.flatten(1).float(), means).argmin(1)
    assert 0.5 < (guess == test_y).float().mean() < 0.95  # MNIST: 0.82


# Errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n": 0}, "n must be .*not 0"),
        ({"seed": -1}, "seed must be .*not -1"),
        ({"alphabet": "12!"}, "alphabet must be .*not '12!'"),
        ({"alphabet": ""}, "alphabet must be .*not ''"),
        ({"glyphs_per_scene": (3, 1)}, "glyphs_per_scene must be"),
        ({"glyphs_per_scene": 1.5}, "glyphs_per_scene must be .*not 1.5"),
        ({"font": ["Comic"]}, "font must be"),
        ({"x": 7}, "x must be .*not 7"),
        ({"scale": (0.5, 9)}, "scale must be"),
        ({"angle": "steep"}, "angle must be .*not 'steep'"),
        ({"warp": -0.1}, "warp must be .*not -0.1"),
        ({"outlined": 2}, "outlined must be .*not 2"),
        ({"ink": "beige"}, "ink must be"),
        ({"ink": "black"}, "ink must be"),
        ({"background": []}, "background must be"),
        ({"noise": 2}, "noise must be .*not 2"),
        ({"glyphs_per_scene": 3, "scale": 0.9, "overlap": False}, "overlap=False"),
    ],
)
def test_sample_names_what_is_wrong(arguments, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        glyphs.sample(**{"n": 2, "seed": 0, **arguments})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda f: glyphs.draw(f, 15), "size must be .*not 15"),
        (lambda f: glyphs.draw(f, 65), "size must be .*not 65"),
        (lambda f: glyphs.draw(f, 28, 2), "channels must be .*not 2"),
        (
            lambda f: glyphs.draw(f.change(scale=0.1), 16),
            "scale must be at least 0.25 at size 16, .* not 0.1",
        ),
        (lambda f: f.change(label=10), "label must be .*not 10"),
        (lambda f: f.change(scene=[0, 2]), "scene must be"),
        (lambda f: f.change(weight=float("nan")), "weight must be .*not nan"),
        (lambda f: f.change(ink=[1.0, 2.0]), "ink must be"),
        (lambda f: f[[0, 0]], "index must name each scene at most once"),
        (lambda f: glyphs.move(f, (3, 0), 4), "velocity must be"),
        (lambda f: glyphs.move(f, (0, 0), 0), "frames must be .*not 0"),
        (lambda f: glyphs.mnist_like(0), "train must be .*not 0"),
    ],
)
def test_the_others_name_what_is_wrong(call, said):
    with pytest.raises(ValueError, match=said):
        call(glyphs.sample(2, 0))
