"""The feature network: it learns, is kept with a checksum, and refuses what it was not made for."""

import threading

import pytest
import torch

import course_utils as cu
from course_utils import checkpoint, paths
from course_utils.data import ImageData
from course_utils.metrics.images import features

SHAPE = (1, 9, 7)


def stripes(shape=SHAPE, name="stripes", seed=0, classes=3):
    """Pictures of noise, each with a bright line at the height that is its class."""
    generator = torch.Generator().manual_seed(seed)

    def part(size):
        labels = torch.arange(size) % classes
        images = 0.3 * torch.rand(size, *shape, generator=generator)
        images[torch.arange(size), :, 2 * labels] += 0.6
        return images, labels

    return ImageData(name, *part(90), *part(30), tuple("abcdefg"[:classes]), "made here")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The recipe of the `cpu` profile, with fewer steps."""
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    monkeypatch.setattr(features, "STEPS", {"cpu": 30, "gpu": 31})


@pytest.fixture
def counted(monkeypatch):
    """How often a network was trained: a list with an item for each time."""
    times, train = [], features._trained

    def trained(*arguments):
        times.append(1)
        return train(*arguments)

    monkeypatch.setattr(features, "_trained", trained)
    return times


def test_it_learns_and_says_so_in_one_line(capsys):
    data = stripes()
    net = cu.metrics.feature_net(data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Feature network for stripes: training … ")
    assert f"{net.accuracy:.1%} of the test pictures right after" in lines[0]
    assert net.accuracy > 0.9
    logits, found = net.logits(data.test_x), net.features(data.test_x)
    assert logits.shape == (30, 3) and cu.accuracy(logits, data.test_y) == pytest.approx(
        net.accuracy
    )
    assert found.shape == (30, net.width) and found.min() >= 0
    assert found.dtype == torch.float32 and not found.requires_grad


def test_features_of_another_distribution_are_far():
    data = stripes()
    net = cu.metrics.feature_net(data)
    real = net.features(data.train_x)
    others = net.features(stripes(seed=1).train_x)
    noise = net.features(torch.rand(90, *SHAPE))
    floor = cu.metrics.frechet_distance(real, others)
    assert cu.metrics.frechet_distance(real, noise) > 3 * floor


def test_the_second_time_it_comes_from_the_cache(counted, capsys):
    data = stripes()
    first, again = cu.metrics.feature_net(data), cu.metrics.feature_net(data)
    assert len(counted) == 1
    assert torch.equal(first.features(data.test_x), again.features(data.test_x))
    assert first.accuracy == again.accuracy
    line = capsys.readouterr().out.splitlines()[1]
    assert line == (
        f"Feature network for stripes, from the cache: {first.accuracy:.1%} of the test "
        "pictures right."
    )


def test_it_is_kept_in_the_users_cache_by_its_checksum():
    cu.metrics.feature_net(stripes())
    (folder,) = (paths.cache() / "features").iterdir()
    (file,) = folder.glob("*.pt")
    assert checkpoint.load(folder)["accuracy"] > 0.9
    assert not list(paths.root().iterdir()), "nothing in the project"
    payload = file.read_bytes()
    middle = len(payload) // 2
    file.write_bytes(payload[:middle] + bytes([payload[middle] ^ 1]) + payload[middle + 1 :])
    assert checkpoint.load(folder) is None


def test_a_damaged_cache_is_made_anew(counted, capsys):
    data = stripes()
    first = cu.metrics.feature_net(data)
    (file,) = paths.cache().rglob("*.pt")
    file.write_bytes(file.read_bytes()[:-1])
    again = cu.metrics.feature_net(data)
    assert len(counted) == 2 and "is damaged" in capsys.readouterr().out
    assert torch.equal(first.features(data.test_x), again.features(data.test_x))
    cu.metrics.feature_net(data)
    assert len(counted) == 2


def test_other_data_another_profile_and_another_recipe_have_their_own(counted, monkeypatch):
    cu.metrics.feature_net(stripes())
    cu.metrics.feature_net(stripes(name="the same under another name"))
    assert len(counted) == 1
    cu.metrics.feature_net(stripes(seed=1))
    cu.metrics.feature_net(stripes().few(60))
    cu.metrics.feature_net(stripes((1, 9, 8)))
    assert len(counted) == 4
    monkeypatch.setattr(features, "STEPS", {"cpu": 31, "gpu": 31})
    cu.metrics.feature_net(stripes())
    monkeypatch.setattr(features, "WIDTH", 32)
    assert cu.metrics.feature_net(stripes()).features(stripes().test_x).shape == (30, 32)
    assert len(counted) == 6
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    smoke = cu.metrics.feature_net(stripes())
    assert len(counted) == 7 and smoke.features(stripes().test_x).isfinite().all()


def test_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    for _ in range(2):  # trained, then from the cache
        cu.metrics.feature_net(stripes())
        assert torch.equal(state, torch.get_rng_state())


def test_two_at_once_train_once(counted):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(cu.metrics.feature_net(stripes())))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(counted) == 1


def test_a_full_disk_is_said_and_survived(monkeypatch, capsys):
    def save(folder, state):
        raise OSError("The checkpoint could not be written to there.")

    monkeypatch.setattr(checkpoint, "save", save)
    assert cu.metrics.feature_net(stripes()).accuracy > 0.9
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and said[1].endswith("The feature network will be trained again next "
                                               "time.")  # fmt: skip


def test_where_no_folder_can_be_made_it_still_trains(monkeypatch, capsys):
    paths.cache().parent.mkdir(exist_ok=True)
    paths.cache().write_text("a file where the folder should be")
    assert cu.metrics.feature_net(stripes()).accuracy > 0.9
    assert "could not be written" in capsys.readouterr().out


def test_it_can_be_asked_for_where_gradients_are_off():
    with torch.no_grad():
        assert cu.metrics.feature_net(stripes()).accuracy > 0.9


def test_an_image_is_seen_alone(monkeypatch):
    data = stripes()
    net = cu.metrics.feature_net(data)
    whole = net.features(data.test_x)
    assert torch.allclose(net.features(data.test_x[3:4]), whole[3:4], atol=1e-5)
    monkeypatch.setattr(features, "CHUNK", 7)
    assert torch.allclose(net.features(data.test_x), whole, atol=1e-5)
    assert not net.features(data.test_x.clone().requires_grad_()).requires_grad
    assert torch.allclose(net.features(data.test_x.double()), whole, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 7, 7), (3, 15, 13), (1, 8, 33)])
def test_odd_sizes_and_colours_are_taken(shape):
    data = stripes(shape)
    net = cu.metrics.feature_net(data)
    assert net.features(data.test_x).shape == (30, net.width) and net.accuracy > 0.8


@pytest.mark.parametrize("shape", [(1, 6, 28), (1, 28, 6)])
def test_images_too_small_are_refused(shape):
    with pytest.raises(ValueError, match=r"train_x must be .* H at least 7 and W at least 7"):
        cu.metrics.feature_net(stripes(shape))


def test_images_that_it_was_not_made_for_are_refused():
    data = stripes()
    net = cu.metrics.feature_net(data)
    for ask in (net.features, net.logits):
        with pytest.raises(ValueError, match=r"\(N, 1, 9, 7\), like the .*, not \(30, 1, 7, 7\)"):
            ask(data.test_x[:, :, :7])
        with pytest.raises(ValueError, match=r"\(N, 1, 9, 7\), like the .*, not \(30, 3, 9, 7\)"):
            ask(data.test_x.repeat(1, 3, 1, 1))
        with pytest.raises(ValueError, match=r"\(N, 1, 9, 7\), like the .*, not \(1, 9, 7\)"):
            ask(data.test_x[0])
        with pytest.raises(ValueError, match=r"not \(0, 1, 9, 7\)"):
            ask(data.test_x[:0])
        with pytest.raises(ValueError, match=r"between 0 and 1 .*\(x \+ 1\) / 2\), not between -1"):
            ask(torch.linspace(-1, 1, 126).view(2, *SHAPE))
        with pytest.raises(ValueError, match=r"must be between 0 and 1 .*, not NaN"):
            ask(torch.full((2, *SHAPE), torch.nan))
        with pytest.raises(ValueError, match=r"not between 0 and 255"):
            ask(torch.tensor([0, 255], dtype=torch.uint8).repeat_interleave(63).view(2, *SHAPE))
        with pytest.raises(TypeError, match="images must be a tensor, not of type ndarray"):
            ask(data.test_x.numpy())


def test_data_that_are_no_images_are_refused():
    text = cu.data.TextData  # has no labels
    for wrong in ({"train_x": 1}, text, torch.zeros(3, *SHAPE)):
        with pytest.raises(TypeError, match=r"labelled images, as cu\.data\.load gives them, not"):
            cu.metrics.feature_net(wrong)
    with pytest.raises(ValueError, match=r"train_x must be between 0 and 1 .*, not NaN"):
        broken = stripes()
        broken.train_x[3, 0, 2, 2] = torch.nan
        cu.metrics.feature_net(broken)
    with pytest.raises(ValueError, match=r"train_x must be of shape \(N, C, H, W\)"):
        data = stripes()
        flat = (data.train_x.flatten(1), data.train_y, data.test_x.flatten(1), data.test_y)
        cu.metrics.feature_net(ImageData("flat", *flat, data.classes, "made here"))
