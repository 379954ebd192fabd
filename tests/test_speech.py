"""Speech: WAV of every usual kind, the spoken digits, mel bands against librosa, edit distance."""

import functools
import io
import json
import os
import socket
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile
from wrong import Refusals

import course_utils as cu
from course_utils.data import download, recordings
from course_utils.data.waves import decode

SHARED = os.environ.get("COURSE_DATA")
TIME = np.arange(4000) / 8000
TONE = 0.5 * np.sin(2 * np.pi * 440 * TIME)


def packed(samples, rate=8000):
    """The bytes of a WAV file, as SciPy writes it."""
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def in_bits(samples, width, channels=1):
    """The bytes of a WAV file of `width` bytes a sample, by the standard library."""
    scale = 2 ** (8 * width - 1)
    whole = np.rint(np.repeat(samples, channels) * (scale - 1)).astype(np.int64)
    whole += scale if width == 1 else 0
    raw = whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels), file.setsampwidth(width), file.setframerate(8000)
        file.writeframes(raw)
    return buffer.getvalue()


# ---- WAV -----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers_of_each_width(width, channels):
    found = decode(in_bits(TONE, width, channels), "a.wav", 8000)
    assert found.dtype == torch.float32 and found.shape == (4000,)
    np.testing.assert_allclose(found, TONE, atol=1.5 / 2 ** (8 * width - 1) + 1e-7)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_are_read_and_cut(kind):
    found = decode(packed((3 * TONE).astype(kind)), "a.wav", 8000)
    np.testing.assert_allclose(found, (3 * TONE).clip(-1, 1), atol=1e-6)


def test_channels_are_averaged():
    both = np.stack([TONE, 0 * TONE], 1).astype(np.float32)
    np.testing.assert_allclose(decode(packed(both), "a.wav", 8000), TONE / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [4000, 11_025, 22_050, 44_100, 48_000])
def test_another_rate_gives_the_same_tone(rate):
    there = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)
    found = decode(packed(there.astype(np.float32), rate), "a.wav", 8000).numpy()
    assert abs(len(found) - 4000) <= 1
    np.testing.assert_allclose(found[200:3800], TONE[200:3800], atol=5e-3)  # but at the ends


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"RIFF", "damaged, compressed or not a WAV file"),
        (b"ID3\x04" + bytes(200), "not a WAV file"),
        (packed(np.zeros(0, np.int16)), "holds no sound"),
        (in_bits(TONE, 2)[:30], "damaged"),
        (packed(np.full(9, np.nan, np.float32)), "finite numbers"),
        (packed(np.zeros(9, np.int16), 10), "10 samples a second"),
        (packed(np.zeros(1_300_000, np.uint8), 2000), "650 seconds"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(data, words):
    with pytest.raises(ValueError, match=f"^a.wav .*{words}") as error:
        decode(data, "a.wav", 8000)
    assert "\n" not in str(error.value)


# ---- the spoken digits ---------------------------------------------------------------------


@pytest.fixture
def offline(monkeypatch, smoke):
    def connect(address, *arguments, **options):
        raise OSError("the tests have no network")

    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(socket, "create_connection", connect)


@pytest.mark.skipif(
    not SHARED or not os.path.isdir(f"{SHARED}/fsdd"), reason="COURSE_DATA lacks it"
)
def test_the_real_digits(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    data = cu.data.load("fsdd")
    assert capsys.readouterr().out == "" and not data.is_stand_in and data.rate == 8000
    assert data.people == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert data.classes == tuple("0123456789")
    pairs = torch.bincount(10 * data.speakers + data.labels)
    assert pairs.tolist() == [50] * 60
    assert (
        torch.bincount(10 * data.speakers[data.test] + data.labels[data.test]).tolist() == [5] * 60
    )
    rate, raw = wavfile.read(Path(SHARED) / "fsdd" / "recordings" / "0_george_0.wav")
    first = data.waves[0] * 32768
    assert (rate, data.labels[0], data.speakers[0]) == (8000, 0, 0)
    np.testing.assert_allclose(first, raw, atol=0.01)


def test_without_a_network_words_by_rule_stand_in(offline, root, capsys):
    data = cu.data.load("fsdd")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith("fsdd cannot be downloaded (no network)")
    assert data.is_stand_in and len(data.waves) == 3 * 10 * 4
    assert torch.bincount(10 * data.speakers + data.labels).tolist() == [4] * 30
    assert data.test.sum() == 60
    again = cu.data.load("fsdd")
    assert all(map(torch.equal, data.waves, again.waves))


@pytest.fixture
def archive(offline, root, monkeypatch, capsys):
    """Twelve digits, packed as the repository packs them, as if they had been downloaded."""
    target = root / "datasets" / "fsdd" / "recordings.zip"
    target.parent.mkdir(parents=True)
    sounds = {
        f"{digit}_{person}_{number}.wav": packed((1000 * digit + TONE).astype(np.float32))
        for digit in (3, 4) for person in ("ann", "bob") for number in (4, 5, 6)
    }  # fmt: skip
    with zipfile.ZipFile(target, "w") as file:
        for name, data in sounds.items():
            file.writestr(f"free-spoken-digit-dataset-26eb/recordings/{name}", data)
        file.writestr("free-spoken-digit-dataset-26eb/README.md", "no sound")
    monkeypatch.setattr(recordings, "CONTENT", recordings._content(sounds))
    return target


def test_a_downloaded_archive_is_read(archive):
    data = cu.data.load("fsdd")
    assert not data.is_stand_in and data.people == ("ann", "bob") and data.classes == ("3", "4")
    assert len(data.waves) == 12 and data.test.tolist() == [True, False, False] * 4


def test_an_archive_with_other_files_is_not_used(archive, monkeypatch, capsys):
    monkeypatch.setattr(recordings, "CONTENT", "of others")
    assert cu.data.load("fsdd").is_stand_in
    assert "damaged" in capsys.readouterr().out and not archive.exists()


def test_an_archive_that_is_none_is_not_used(archive, capsys):
    archive.write_bytes(b"<html>sign in</html>")
    assert cu.data.load("fsdd").is_stand_in and not archive.exists()


def test_a_file_without_a_checksum_is_found_as_it_is(archive):
    assert download.find([recordings.ARCHIVE]) == [archive]


# ---- own recordings ------------------------------------------------------------------------


@pytest.fixture
def words(root, smoke):
    for word in ("go", "stop"):
        (root / "words" / word).mkdir(parents=True)
        for number in range(5):
            who = "ann" if number % 2 else "bob_b"
            (root / "words" / word / f"{who}_{number}.WAV").write_bytes(in_bits(TONE, 2))
    return root / "words"


def test_own_recordings(words, capsys):
    data = cu.data.load("words")
    assert capsys.readouterr().out == "words: 10 recordings of 2 words by 2 speakers.\n"
    assert data.classes == ("go", "stop") and data.people == ("ann", "bob")
    assert data.labels.tolist() == [0] * 5 + [1] * 5
    assert torch.bincount(data.labels[data.test]).tolist() == [1, 1]
    assert data.source == "folder words" and not data.is_stand_in
    more = cu.data.speech("words", test_share=0.5, rate=4000)
    assert torch.bincount(more.labels[more.test]).tolist() == [2, 2] and more.rate == 4000
    assert len(more.waves[0]) == 2000


def test_files_that_cannot_be_read_are_named(words, capsys):
    (words / "go" / "ann_9.wav").write_bytes(b"")
    assert len(cu.data.load("words").waves) == 10
    assert "Skipped: " in (said := capsys.readouterr().out) and "ann_9.wav is empty" in said


def test_names_without_a_speaker_are_of_one_person(words):
    for file in sorted(words.rglob("*.WAV")):
        file.rename(file.with_name(f"{file.stem[-1]}.wav"))
    assert cu.data.load("words").people == ("one person",)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda p: [f.unlink() for f in (p / "go").iterdir()],
            "two words or more, but .* has stop",
        ),
        (lambda p: [f.unlink() for f in list((p / "go").iterdir())[1:]], "'go' has one"),
        (lambda p: [f.write_bytes(b"x") for f in p.rglob("*.WAV")], "not a WAV file"),
    ],
)
def test_too_little_is_refused(words, change, complaint):
    change(words)
    with pytest.raises(ValueError, match=complaint):
        cu.data.speech("words")


# ---- mel -----------------------------------------------------------------------------------


def test_mel_bands_are_those_of_librosa():
    """The file is what librosa 0.11 gives, with htk=True, norm=None, fmin=20 and power=2.0:

    librosa.filters.mel(sr=8000, n_fft=64, n_mels=6, …), and of the chirp below
    librosa.feature.melspectrogram(y=chirp, sr=8000, n_fft=64, hop_length=40, n_mels=6, …).
    """
    theirs = json.loads((Path(__file__).parent / "mel_librosa.json").read_text())
    np.testing.assert_allclose(cu.mel.filters(6, 64, 8000), theirs["weights"], atol=2e-6)
    time = np.arange(400) / 8000
    chirp = 0.5 * np.sin(2 * np.pi * (200 + 20_000 * time) * time)
    ours = cu.mel.spectrogram(chirp, window=64, hop=40, bands=6)
    np.testing.assert_allclose(ours.exp() - 1e-5, theirs["power"], rtol=1e-4, atol=1e-5)


def test_each_frequency_inside_is_shared_out_once():
    weights = cu.mel.filters(20, 512, 8000)
    assert weights.shape == (20, 257) and weights.min() == 0 and weights.max() <= 1
    inside = weights.argmax(1)
    torch.testing.assert_close(
        weights[:, inside[0] : inside[-1]].sum(0), torch.ones(inside[-1] - inside[0])
    )


def test_a_low_edge_leaves_out_what_is_below():
    assert cu.mel.filters(5, 256, 8000, low=1000, high=2000)[:, :32].sum() == 0


# ---- edits ---------------------------------------------------------------------------------


def by_definition(first, second):
    @functools.cache
    def left(i, j):
        if not i or not j:
            return i + j
        same = left(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(left(i - 1, j) + 1, left(i, j - 1) + 1, same)

    return left(len(first), len(second))


@settings(deadline=None, max_examples=60)
@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_edit_distance_is_the_recursion(first, second):
    assert cu.metrics.edit_distance(first, second) == by_definition(first, second)


@pytest.mark.parametrize(
    ("first", "second", "edits"), [("kitten", "sitting", 3), ("", "abc", 3), ("flaw", "lawn", 2)]
)
def test_edit_distance_of_the_textbooks(first, second, edits):
    assert cu.metrics.edit_distance(first, second) == edits


def test_error_rate_is_a_ratio_of_sums():
    assert cu.metrics.error_rate([[1], [1, 2, 3]], [[2], [1, 2, 3]]) == 1 / 4
    assert cu.metrics.error_rate(["abcd"], ["x"]) == 4
    assert cu.metrics.error_rate([""], ["ab"]) == 1


class TestMel(Refusals):
    CASES = {
        "mel.filters": (
            {"bands": 4, "window": 64, "rate": 8000, "low": 20.0, "high": 3000.0},
            {
                "bands": [0, True], "window": [1, True], "rate": [10, 8000.0],
                "low": [-1.0, 3000.0, "x"], "high": [-1.0, 4001.0, "x"],
            },
        ),
        "mel.spectrogram": (
            {"wave": torch.zeros(90), "rate": 8000, "window": 64, "hop": 10, "bands": 4},
            {
                "wave": [None, torch.zeros(0), torch.zeros(2, 9), torch.full((9,), torch.nan)],
                "rate": [10, True], "window": [1, True], "hop": [0, True], "bands": [0, True],
            },
        ),
    }  # fmt: skip
    ROOMS = {"mel"}
