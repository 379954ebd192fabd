"""Readers against files made by hand; the parts and slices of labelled images."""

import gzip
import io
import struct
import tarfile

import numpy as np
import pytest
import torch

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
    data = images.assemble("cifar10", parts, "abcdefghij", "cifar10")
    assert data.train_x.shape == (10, 3, 32, 32) and data.test_x.shape == (2, 3, 32, 32)
    third = rows["data_batch_2.bin"][0]
    assert data.train_y[2] == third[0]
    assert data.train_x[2, 1, 0, 5] == pytest.approx(third[1 + 1024 + 5] / 255)
    assert data.test_y.tolist() == rows["test_batch.bin"][:, 0].tolist()


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
    data = images.assemble("n", (x, y, x, y), classes, "glyphs (stand-in)")
    assert data.train_x.dtype == torch.float32 and data.train_x.max() == 1
    assert data.train_y.dtype == torch.int64 and data.train_y.tolist() == [3, 200]
    assert data.is_stand_in
