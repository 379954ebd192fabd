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
    Image.new("RGB", size, colour).save(path)


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
    (train_x, train_y, *_), _ = read(folder, 8)
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
    with pytest.raises(ValueError, match=r"Class 'green' .* has 0 pictures"):
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


def test_a_folder_that_is_not_there_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("gone", "file"):
        with pytest.raises(ValueError, match=f"path must be a folder, .* at .*{name}"):
            read(tmp_path / name)
