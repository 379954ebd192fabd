"""Readers against files made by hand; the parts and slices of labelled images."""

import gzip
import io
import struct
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.data import images
from course_utils.data.images import ImageData

PIXELS = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
IDX = b"\0\0\x08\x03" + struct.pack(">3i", 3, 4, 5) + PIXELS.tobytes()


def test_idx_plain_and_gzipped(tmp_path):
    (tmp_path / "images").write_bytes(IDX)
    (tmp_path / "images.gz").write_bytes(gzip.compress(IDX))
    for name in ("images", "images.gz"):
        read = images.read_idx(tmp_path / name)
        assert read.dtype == np.uint8 and np.array_equal(read, PIXELS)


def test_idx_of_labels(tmp_path):
    (tmp_path / "labels").write_bytes(b"\0\0\x08\x01" + struct.pack(">i", 3) + b"\x07\x02\x01")
    assert images.read_idx(tmp_path / "labels").tolist() == [7, 2, 1]


def test_cifar10_from_its_archive(tmp_path):
    rng = np.random.default_rng(0)
    rows = {f"data_batch_{i}.bin": rng.integers(0, 256, (2, 3073), np.uint8) for i in range(1, 6)}
    rows["test_batch.bin"] = rng.integers(0, 256, (2, 3073), np.uint8)
    for data in rows.values():
        data[:, 0] %= 10  # the first byte is the label
    path = tmp_path / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in rows.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = data.nbytes
            archive.addfile(member, io.BytesIO(data.tobytes()))
    parts = images.read_cifar10(path)
    data = images.assemble("cifar10", parts, "abcdefghij", "cifar10", torch.device("cpu"))
    assert data.train_x.shape == (10, 3, 32, 32) and data.test_x.shape == (2, 3, 32, 32)
    third = rows["data_batch_2.bin"][0]
    assert data.train_y[2] == third[0]
    assert data.train_x[2, 1, 0, 5] == pytest.approx(third[1 + 1024 + 5] / 255)
    assert data.test_y.tolist() == rows["test_batch.bin"][:, 0].tolist()


def picture(path, colour, size=(10, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    """Ten red and ten blue pictures, each with its number in the green channel."""
    for number in range(10):
        picture(tmp_path / "red" / f"{number}.png", (255, 10 * number, 0))
        picture(tmp_path / "blue" / "sub" / f"{number}.jpg.PNG", (0, 10 * number, 255))
    (tmp_path / "red" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_a_folder_of_classes_in_colour(folder):
    (train_x, train_y, test_x, test_y), classes = images.read_folder(folder, 8, channels=3)
    assert classes == ["blue", "red"]
    assert train_x.shape == (16, 3, 8, 8) and test_x.shape == (4, 3, 8, 8)
    for x, y in ((train_x, train_y), (test_x, test_y)):
        assert np.array_equal(x[:, 0, 4, 4], np.where(y == 1, 255, 0))  # red, where it is red
    assert np.bincount(test_y).tolist() == [2, 2]  # a fifth of each class
    pictures = {(y, x[1, 4, 4]) for x, y in zip([*train_x, *test_x], [*train_y, *test_y])}  # noqa: B905
    assert len(pictures) == 20  # none is in both parts


def test_a_folder_in_grey(folder):
    (train_x, train_y, *_), _ = images.read_folder(folder, 8)
    assert train_x.shape == (16, 1, 8, 8)
    red = Image.new("RGB", (1, 1), (255, 0, 0)).convert("L").getpixel((0, 0))
    assert train_x[train_y == 1][:, 0].min() >= red > train_x[train_y == 0][:, 0].min()


def test_the_split_is_the_same_each_time_and_another_with_another_seed(folder):
    first, again, other = (images.read_folder(folder, 8, 3, seed=s)[0] for s in (0, 0, 1))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[2], other[2])


def test_train_and_test_folders_are_taken_as_they_are(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for name, colour in (("a", "white"), ("b", "black")):
            for number in range(count):
                picture(tmp_path / part / name / f"{number}.png", colour)
    (train_x, train_y, test_x, test_y), classes = images.read_folder(tmp_path)
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
    (train_x, *_), _ = images.read_folder(tmp_path, 10)
    assert train_x.min() == 255


def test_fewer_than_two_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold a subfolder for each of two classes"):
        images.read_folder(tmp_path)
    picture(tmp_path / "cats" / "1.png", "red")
    with pytest.raises(ValueError, match="found: cats"):
        images.read_folder(tmp_path)


def test_an_empty_class_is_named(folder):
    (folder / "green").mkdir()
    with pytest.raises(ValueError, match=r"Class 'green' .* has 0 pictures"):
        images.read_folder(folder)


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_an_unreadable_picture_is_named(folder, content):
    (folder / "red" / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.png cannot be read as a picture"):
        images.read_folder(folder)


def test_a_truncated_picture_is_named(folder):
    path = folder / "red" / "3.png"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"3\.png cannot be read as a picture"):
        images.read_folder(folder)


@pytest.mark.parametrize(
    "wrong", [{"channels": 2}, {"size": 0}, {"size": 8.5}, {"test_share": 0}, {"test_share": 1.0}]
)
def test_a_wrong_option_is_named(folder, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        images.read_folder(folder, **wrong)


@pytest.fixture
def data():
    """100 training images, ten of each class, each filled with its number; 25 to test."""
    x = torch.arange(100.0)[:, None, None, None].expand(-1, 1, 2, 2)
    y = torch.arange(100) % 10
    return ImageData("made", x, y, x[:25], y[:25], tuple("0123456789"), "made")


def test_few_are_balanced_and_the_same_each_time(data):
    few = data.few(25)
    counts = torch.bincount(few.train_y, minlength=10)
    assert counts.min() == 2 and counts.max() == 3
    assert torch.equal(few.train_x[:, 0, 0, 0].long() % 10, few.train_y)  # pairs stay together
    assert len(few.train_x[:, 0, 0, 0].unique()) == 25  # no image twice
    assert torch.equal(few.train_x, data.few(25).train_x)
    assert not torch.equal(few.train_x, data.few(25, seed=1).train_x)
    assert few.test_x is data.test_x


def test_more_labels_hold_the_fewer_ones(data):
    small, large = (set(data.few(n).train_x[:, 0, 0, 0].tolist()) for n in (10, 40))
    assert small < large


def test_few_can_be_all(data):
    assert sorted(data.few(100).train_x[:, 0, 0, 0].tolist()) == list(range(100))


@pytest.mark.parametrize("labels", [0, 9, 101, 10.5, True])
def test_a_wrong_number_of_labels_is_named(data, labels):
    with pytest.raises(ValueError, match="labels must be"):
        data.few(labels)


def test_training_batches_are_shuffled_and_test_batches_complete(data):
    batches = data.batches(8, seed=3, augment=lambda x: -x)
    assert len(batches) == 12 and batches.seed == 3
    x, y = next(iter(batches))
    assert x.shape == (8, 1, 2, 2) and torch.equal(-x[:, 0, 0, 0].long() % 10, y)
    tested = torch.cat([x[:, 0, 0, 0] for x, _ in data.test_batches(10)])
    assert tested.tolist() == list(range(25))
    assert len(data.test_batches()) == 1


def test_assembling_scales_to_0_1_and_keeps_labels_whole():
    x, y = np.full((2, 1, 2, 2), 255, np.uint8), np.array([3, 200], np.uint8)
    classes = [str(label) for label in range(201)]
    data = images.assemble("n", (x, y, x, y), classes, "glyphs (stand-in)", torch.device("cpu"))
    assert data.train_x.dtype == torch.float32 and data.train_x.max() == 1
    assert data.train_y.dtype == torch.int64 and data.train_y.tolist() == [3, 200]
    assert data.is_stand_in
