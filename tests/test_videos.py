"""Films: radar, rain by rule, a GIF, a folder of frames, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

import course_utils as cu
from course_utils.data import videos
from course_utils.data.videos import VideoData


def pictures(count, size=(20, 30)):
    """Grey frames that get brighter, 10 more in each."""
    return [Image.new("L", size, 10 * number) for number in range(count)]


def values(film):
    return (film[:, 0, 0, 0] * 255).round().tolist()


def test_a_folder_of_frames_in_the_order_of_their_numbers(tmp_path, capsys):
    for number, picture in enumerate(pictures(12)):
        picture.save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("not a frame")
    film = cu.data.video(tmp_path, size=8, least=4)
    assert values(film.train[0]) == [10.0 * k for k in range(8)]
    assert values(film.test[0]) == [10.0 * k for k in range(8, 12)]
    assert film.train[0].shape == (8, 1, 8, 8) and film.minutes is None
    assert "8 frames to learn from, 4 after them to test on" in capsys.readouterr().out


def test_a_gif_has_the_frames_of_a_folder(tmp_path):
    first, *others = pictures(10)
    first.save(tmp_path / "film.gif", save_all=True, append_images=others)
    film = cu.data.video(tmp_path / "film.gif", size=8, test_share=0.5, least=2)
    assert values(torch.cat([*film.train, *film.test])) == [10.0 * k for k in range(10)]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_film_that_is_too_short_is_refused(tmp_path, count):
    for number, picture in enumerate(pictures(count)):
        picture.save(tmp_path / f"{number}.png")
    with pytest.raises(ValueError, match=rf"has {count} frames?; at least 8 are needed"):
        cu.data.video(tmp_path, least=4)


def test_a_broken_file_is_named(tmp_path):
    broken = tmp_path / "film.gif"
    broken.write_bytes(b"GIF89a and then nothing")
    with pytest.raises(ValueError, match=r"film\.gif cannot be read as a picture"):
        cu.data.video(broken)
    with pytest.raises(ValueError, match="there is none at"):
        cu.data.video(tmp_path / "missing.gif")


def test_a_film_that_ends_too_soon_is_named(tmp_path):
    random = np.random.default_rng(0)
    noise = [Image.fromarray(random.integers(0, 255, (30, 30), np.uint8)) for _ in range(6)]
    noise[0].save(tmp_path / "whole.gif", save_all=True, append_images=noise[1:])
    content = (tmp_path / "whole.gif").read_bytes()
    for length in range(20, len(content) - 1, 97):
        (tmp_path / "cut.gif").write_bytes(content[:length])
        with pytest.raises(
            ValueError, match=r"cut\.gif (cannot be read as a picture|has \d+ fr)"
        ) as e:
            cu.data.video(tmp_path / "cut.gif", least=4)
        assert "unpack" not in str(e.value) and "buffer" not in str(e.value)


def test_a_compressed_video_is_refused_with_advice(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"ftyp")
    with pytest.raises(ValueError, match=r"must be a GIF or a folder .*film\.mp4: export it"):
        cu.data.video(tmp_path / "film.mp4")


def test_the_line_tells_how_many_frames_there_are_under_smoke(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(videos.runtime, "profile", lambda: "smoke")
    first, *others = pictures(25) + pictures(25)[1:]
    first.save(tmp_path / "film.gif", save_all=True, append_images=others)
    film = cu.data.video(tmp_path / "film.gif", size=8)
    assert f"{len(film.train[0])} frames to learn from" in capsys.readouterr().out
    assert len(film.train[0]) == videos.SMOKE


def test_without_the_file_rain_by_rule_is_used(monkeypatch, capsys):
    monkeypatch.setattr(videos, "RADAR", videos.Remote("radar/gone.npz", (), ""))
    film = cu.data.radar()
    assert film.is_stand_in and film.minutes == 5
    assert "radar/gone.npz is not in the data folder" in capsys.readouterr().out
    assert not torch.equal(film.train[0], film.test[0])


def test_rain_moves_and_stays_in_range():
    film = torch.tensor(videos.rain(frames=6, size=64, seed=3))
    assert film.shape == (6, 64, 64) and 0 <= film.min() < film.max() <= 1
    assert np.array_equal(film, videos.rain(frames=6, size=64, seed=3))
    still = (film[1] - film[0]).square().mean()
    shifts = [(r, c) for r in range(-3, 4) for c in range(-3, 4)]
    moved = min((film[1] - film[0].roll(s, (0, 1))).square().mean() for s in shifts)
    assert moved < still / 2


def test_a_film_has_four_axes():
    with pytest.raises(ValueError, match="train must be of shape"):
        VideoData("made", (torch.rand(4, 5, 6),), (torch.rand(4, 1, 5, 6),), "made")
