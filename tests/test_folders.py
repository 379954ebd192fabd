"""A learner's own folder of pictures, against pictures made on the spot."""

import numpy as np
import pytest
from PIL import Image

import course_utils as cu


@pytest.fixture(autouse=True)
def profile(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")


def read(path, *given, **options):
    """The four parts of the data as NumPy arrays, images in 0…255, and the names of the classes."""
    data = cu.data.folder(path, *given, **options)
    train_x, test_x = ((255 * x).round().numpy() for x in (data.train_x, data.test_x))
    return (train_x, data.train_y.numpy(), test_x, data.test_y.numpy()), list(data.classes)


def picture(path, colour, size=(10, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, None if path.suffix else "PNG")


@pytest.fixture
def folder(tmp_path):
    """Ten red and ten blue pictures, each with its number in the green channel."""
    for number in range(10):
        picture(tmp_path / "red" / f"{number}.png", (255, 10 * number, 0))
        picture(tmp_path / "blue" / "sub" / f"{number}.jpg.PNG", (0, 10 * number, 255))
    (tmp_path / "red" / "notes.txt").write_text("notes")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_a_folder_of_classes_in_colour(folder):
    (train_x, train_y, test_x, test_y), classes = read(folder, 8, channels=3)
    assert classes == ["blue", "red"]
    assert train_x.shape == (16, 3, 8, 8) and test_x.shape == (4, 3, 8, 8)
    for x, y in ((train_x, train_y), (test_x, test_y)):
        assert np.array_equal(x[:, 0, 4, 4], np.where(y == 1, 255, 0))  # red, where it is red
    assert np.bincount(test_y).tolist() == [2, 2]  # a fifth of each class
    pictures = {(y, x[1, 4, 4]) for x, y in zip([*train_x, *test_x], [*train_y, *test_y])}  # noqa: B905
    assert len(pictures) == 20  # none is in both parts


def test_a_folder_in_grey(folder):
    (train_x, train_y, *_), _ = read(folder, 8, channels=1)
    assert train_x.shape == (16, 1, 8, 8)
    red = Image.new("RGB", (1, 1), (255, 0, 0)).convert("L").getpixel((0, 0))
    assert train_x[train_y == 1][:, 0].min() >= red > train_x[train_y == 0][:, 0].min()


def test_the_split_is_the_same_each_time_and_another_with_another_seed(folder):
    first, again, other = (read(folder, 8, 3, seed=s)[0] for s in (0, 0, 1))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[2], other[2])


def test_train_and_test_folders_are_taken_as_they_are(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for name, colour in (("a", "white"), ("b", "black")):
            for number in range(count):
                picture(tmp_path / part / name / f"{number}.png", colour)
    (train_x, train_y, test_x, test_y), classes = read(tmp_path)
    assert classes == ["a", "b"]
    assert sorted(train_y) == [0, 0, 0, 1, 1, 1] and sorted(test_y) == [0, 0, 1, 1]
    assert np.array_equal(train_x[:, 0, 0, 0], np.where(train_y == 0, 255, 0))
    assert np.array_equal(test_x[:, 0, 0, 0], np.where(test_y == 0, 255, 0))


def test_an_oblong_picture_is_cropped_about_its_middle(tmp_path):
    for name in "ab":
        for number in range(2):
            wide = Image.new("L", (30, 10), 0)
            wide.paste(255, (10, 0, 20, 10))
            (tmp_path / name).mkdir(exist_ok=True)
            wide.save(tmp_path / name / f"{number}.png")
    (train_x, *_), _ = read(tmp_path, 10)
    assert train_x.min() == 255


def test_fewer_than_two_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold a subfolder of pictures for each of two"):
        read(tmp_path)
    picture(tmp_path / "cats" / "1.png", "red")
    with pytest.raises(ValueError, match="but it has cats"):
        read(tmp_path)


def test_an_empty_class_is_named(folder):
    (folder / "green").mkdir()
    with pytest.raises(ValueError, match=r"Class 'green' .* has 0 pictures; at least 2 "):
        read(folder)


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_an_unreadable_picture_is_named(folder, content):
    (folder / "red" / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.png cannot be read as a picture"):
        read(folder)


def test_a_truncated_picture_is_named(folder):
    path = folder / "red" / "3.png"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"3\.png cannot be read as a picture"):
        read(folder)


@pytest.mark.parametrize(
    "wrong", [{"channels": 2}, {"size": 0}, {"size": 8.5}, {"test_share": 0}, {"test_share": 1.0}]
)
def test_a_wrong_option_is_named(folder, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        read(folder, **wrong)


# ---- the defaults: colour and size as they are, in one line ------------------------------------


def test_a_line_says_how_the_folder_was_read(folder, capsys):
    (folder / "labels.csv").touch()
    read(folder)
    assert capsys.readouterr().out == (
        f"{folder.name}: 16 pictures to learn from and 4 to test on, of 2 classes (blue, red), in "
        "colour, 10×10 pixels; 2 skipped (labels.csv, notes.txt).\n"
    )


@pytest.mark.parametrize(
    ("sides", "size"), [([(32, 32)] * 3, 32), ([(40, 30), (50, 60), (900, 20)], 30),
                        ([(400, 300)] * 3, 64), ([(28, 28)], 28)],
)  # fmt: skip
@pytest.mark.report("J")
def test_the_size_is_that_of_most_pictures_but_64_at_most(tmp_path, sides, size):
    for number, side in enumerate(sides * 2):
        picture(tmp_path / "ab"[number % 2] / f"{number}.png", "red", side)
        picture(tmp_path / "ab"[number % 2] / f"{number}.jpg", "red", side)
    (train_x, *_), _ = read(tmp_path)
    assert train_x.shape[1:] == (3, size, size)


@pytest.mark.report("J")
def test_grey_pictures_stay_grey_even_if_stored_in_colour(tmp_path):
    for number in range(8):
        picture(tmp_path / "ab"[number % 2] / f"{number}.png", (90, 90, 90))
    (train_x, _, test_x, _), _ = read(tmp_path)
    assert train_x.shape[1] == test_x.shape[1] == 1 and (train_x == 90).all()
    for number in range(4):
        picture(tmp_path / "test" / "ab"[number % 2] / f"{number}.png", (9, 90, 90))
        picture(tmp_path / "train" / "ab"[number % 2] / f"{number}.png", (90, 90, 90))
    (train_x, _, test_x, _), _ = read(tmp_path)
    assert train_x.shape[1] == test_x.shape[1] == 3  # a part in colour is enough
    assert (train_x == 90).all()


# ---- what a Mac, Windows, Jupyter or a camera leaves among pictures ----------------------------


JUNK = [
    ".ipynb_checkpoints/0-checkpoint.png", ".ipynb_checkpoints/1-checkpoint.png", "._0.png",
    "__MACOSX/0.png", "Thumbs.db", "desktop.ini", ".DS_Store", "@eaDir/0.png",
]  # fmt: skip


@pytest.mark.report("J")
def test_hidden_copies_are_neither_pictures_nor_classes(folder, capsys):
    expected = read(folder, 8)
    before = capsys.readouterr().out
    for name in JUNK:
        for path in (folder / "red" / name, folder / "blue" / "sub" / name, folder / name):
            picture(path.with_suffix(".png"), (7, 7, 7))
            path.with_suffix(".png").rename(path)
    found = read(folder, 8)
    assert found[1] == expected[1] and all(map(np.array_equal, found[0], expected[0]))
    assert capsys.readouterr().out == before


@pytest.mark.report("J")
def test_a_picture_is_known_by_its_content_and_what_is_none_is_said(folder, capsys):
    for number in range(10):
        path = folder / "red" / f"{number}.png"
        path.rename(folder / "red" / (f"{number}" if number % 2 else f"{number}.JFIF"))
    (_, train_y, *_), _ = read(folder, 8)
    assert (train_y == 1).sum() == 8
    (folder / "red" / "plan.heic").write_bytes(b"a format that is not read")
    (folder / "red" / "BMW").write_bytes(b"BM no picture at all")
    read(folder, 8)
    assert "3 skipped (BMW, notes.txt, plan.heic)." in capsys.readouterr().out


def test_a_link_to_a_folder_repeats_no_picture(folder, capsys):
    expected, _ = read(folder, 8)
    for name in ("red", "blue"):
        (folder / name / "again").symlink_to(folder / "red", target_is_directory=True)
    found, _ = read(folder, 8)
    assert all(map(np.array_equal, found, expected))
    assert "3 skipped (again, again, notes.txt)" in capsys.readouterr().out


# ---- modes ---------------------------------------------------------------------------------


STEPS = np.linspace(0, 1, 16).reshape(4, 4)
EXPECTED = (STEPS * 255).round()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16 bits.png", (STEPS * 65535).round().astype(np.uint16)),
        ("16 bits.tif", (STEPS * 65535).round().astype(np.uint16)),
        ("32 bits.tif", (STEPS * 65535).round().astype(np.int32)),
        ("fractions.tiff", STEPS.astype(np.float32)),
        ("8 bits.png", EXPECTED.astype(np.uint8)),
    ],
)
@pytest.mark.report("J")
def test_more_than_eight_bits_keep_their_shades(tmp_path, name, values):
    for number in range(4):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(values).save(tmp_path / "ab"[number % 2] / f"{number}{name}")
    (train_x, *_), _ = read(tmp_path)
    assert train_x.shape[1:] == (1, 4, 4) and np.abs(train_x - EXPECTED).max() <= 1


@pytest.mark.parametrize("low_high", [(-1, 1), (0, 255), (0, np.nan)])
@pytest.mark.report("J")
def test_fractions_out_of_0_to_1_are_refused(folder, low_high):
    values = np.array([low_high], np.float32)
    Image.fromarray(values).save(folder / "red" / "odd.tif")
    with pytest.raises(ValueError, match=r"odd\.tif cannot be read .* and 0 to 1 is accepted"):
        read(folder)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA", "L", "1", "RGB"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.report("J")
def test_what_is_transparent_becomes_white(tmp_path, mode, channels):
    drawing = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (0, 0, 5, 10))  # black on the left, nothing on the right
    clear = {}
    if mode in ("L", "1", "RGB"):  # one shade is named as transparent
        stored = Image.new("L", (10, 10), 255).convert(mode)
        stored.paste(0, (0, 0, 5, 10))
        clear = {"transparency": {"L": 255, "1": 255, "RGB": (255, 255, 255)}[mode]}
    else:
        stored = drawing.quantize() if mode == "P" else drawing.convert(mode)
    for number in range(4):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        file = tmp_path / "ab"[number % 2] / f"{number}.{'tif' if mode == 'PA' else 'png'}"
        (stored.convert("RGBA") if mode == "PA" else stored).save(file, **clear)
    (train_x, *_), _ = read(tmp_path, channels=channels)
    assert (train_x[..., :5] == 0).all() and (train_x[..., 5:] == 255).all()


@pytest.mark.parametrize("name", ["huge.png", "huge"])
@pytest.mark.report("J")
def test_a_picture_beyond_the_limit_of_pixels_is_named(folder, name, monkeypatch):
    picture(folder / "red" / name, "red", (40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # a warning, which is not shown
    read(folder, 8)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(ValueError, match=rf"{name} cannot be .*1600 pixels.* Save it smaller"):
        read(folder, 8)


# ---- parts ---------------------------------------------------------------------------------


def parts(path, **classes):
    """Pictures of these classes in each part, three of each."""
    for part, names in classes.items():
        for name in names:
            for number in range(3):
                picture(path / part / name / f"{number}.png", "red")


@pytest.mark.parametrize("name", ["valid", "val", "validation", "Val", "test", "Test"])
@pytest.mark.report("J")
def test_a_part_to_validate_on_is_tested_on(tmp_path, name, capsys):
    parts(tmp_path, Train="ab", **{name: "ab"})
    (train_x, *_, test_y), classes = read(tmp_path)
    assert classes == ["a", "b"] and len(train_x) == len(test_y) == 6
    assert f"(Train/, {name}/)" in capsys.readouterr().out


@pytest.mark.report("J")
def test_of_three_parts_one_is_left_out_and_that_is_said(tmp_path, capsys):
    parts(tmp_path, train="ab", val="ab", test="ab")
    picture(tmp_path / "train" / "beside.png", "red")
    (train_x, *_, test_y), _ = read(tmp_path)
    assert len(train_x) == len(test_y) == 6
    assert "(train/, test/), of 2 classes" in (said := capsys.readouterr().out)
    assert "2 skipped (val, beside.png)." in said


@pytest.mark.parametrize(
    ("train", "test", "lacks"), [("ab", "abc", "train"), ("abc", "ab", "test")]
)
@pytest.mark.report("J")
def test_a_class_in_one_part_only_is_named(tmp_path, train, test, lacks):
    parts(tmp_path, train=train, test=test)
    with pytest.raises(ValueError, match=rf"Class 'c' in .*{lacks} has 0 pictures; at least 1 "):
        read(tmp_path)


def test_parts_without_classes_are_no_classes(tmp_path):
    for part in ("train", "valid"):
        for number in range(3):
            picture(tmp_path / part / f"{number}.png", "red")
    with pytest.raises(ValueError, match=r"train must hold a subfolder .* it has none"):
        read(tmp_path)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.report("J")
def test_each_part_keeps_one_picture_of_each_class(tmp_path, share, count):
    for number in range(2 * count):
        picture(tmp_path / "ab"[number % 2] / f"{number}.png", "red")
    (_, train_y, _, test_y), _ = read(tmp_path, test_share=share)
    assert min(np.bincount(train_y, minlength=2)) > 0 < min(np.bincount(test_y, minlength=2))
    assert len(train_y) + len(test_y) == 2 * count


def test_a_folder_that_is_not_there_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("gone", "file"):
        with pytest.raises(ValueError, match=f"path must be a folder, .* at .*{name}"):
            read(tmp_path / name)
