"""Music: MIDI there and back, the chorales, measures against definitions, sound against sines."""

import io
import os
import socket
import wave
from collections import Counter
from itertools import pairwise

import mido
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong import Refusals

import course_utils as cu
from course_utils import metrics, sound
from course_utils.data import midi
from course_utils.data.chords import progression

SHARED = os.environ.get("COURSE_DATA")
real = pytest.mark.skipif(
    not SHARED or not os.path.isdir(f"{SHARED}/jsb-chorales"), reason="COURSE_DATA lacks it"
)


def roll(*frames):
    """MIDI notes of each frame as a roll (T, 88)."""
    found = torch.zeros(len(frames), 88)
    for frame, notes in zip(found, frames, strict=True):
        frame[[note - 21 for note in notes]] = 1
    return found


def drawn(seed, frames=12, share=0.05):
    return (np.random.default_rng(seed).random((frames, 88)) < share).astype(np.uint8)


SCALE = roll([60], [62], [64], [65], [67], [69], [71], [72])
TRIADS = roll([60, 64, 67, 72], [62, 65, 69, 74], [60, 64, 67, 72], [60, 64, 67, 72])


@pytest.fixture
def offline(monkeypatch, smoke):
    def connect(address, *arguments, **options):
        raise OSError("the tests have no network")

    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(socket, "create_connection", connect)


# ---- MIDI ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.integers(1, 9), st.booleans())
def test_what_is_written_is_read_back(seed, per_beat, joined):
    given = drawn(seed)
    sounds = np.flatnonzero(given.any(1))
    path = cu.data.write_midi("songs/one.mid", given, per_beat=per_beat, joined=joined)
    expected = given[sounds[0] : sounds[-1] + 1]  # silence at both ends is not kept
    assert np.array_equal(midi.read(path, per_beat), expected)


@pytest.mark.parametrize("joined", [True, False])
def test_a_player_hears_the_notes_at_the_right_seconds(joined):
    path = cu.data.write_midi("a.mid", roll([60], [60, 64], [64]), bpm=120, joined=joined)
    now, heard = 0.0, []
    for message in mido.MidiFile(path):  # mido's own playback, in seconds
        now += message.time
        if message.type == "note_on":
            heard.append((round(now, 6), message.note))
    again = [] if joined else [(0.5, 60), (1.0, 64)]
    assert sorted(heard) == sorted([(0.0, 60), (0.5, 64), *again])


def song(path, *notes, channel=0, ticks=96):
    """A MIDI file by mido: (note, tick where it begins, tick where it ends)."""
    events = sorted(
        (tick, kind, note) for note, begin, end in notes
        for tick, kind in ((begin, "note_on"), (end, "note_off"))
    )  # fmt: skip
    track, now = mido.MidiTrack(), 0
    for tick, kind, note in events:
        track.append(mido.Message(kind, note=note, time=tick - now, channel=channel))
        now = tick
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(ticks_per_beat=ticks, tracks=[track]).save(path)
    return path


def test_beginnings_and_ends_are_rounded_and_other_keys_left_out(tmp_path):
    notes = (60, 3, 90), (64, 90, 290), (72, 200, 201), (10, 0, 96), (120, 0, 96)
    found = midi.read(song(tmp_path / "a.mid", *notes), 1)
    assert np.array_equal(found, roll([60], [64], [64, 72]).numpy())


def broken(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


BAD = {
    "is empty": lambda path: broken(path, b""),
    "is damaged or not a MIDI file": lambda path: broken(path, b"RIFF and so on"),
    "cut off is damaged or not": lambda path: broken(
        path, song(path, *((note, 0, 96) for note in range(50, 90))).read_bytes()[:60]
    ),
    "holds no notes": lambda path: song(path),
    "drums holds no notes": lambda path: song(path, (40, 0, 96), channel=9),
    "lasts 1,000,000 frames": lambda path: song(path, (60, 0, 96_000_000)),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_is_refused_in_a_sentence(words, tmp_path):
    path = BAD[words](tmp_path / "a.mid")
    with pytest.raises(ValueError, match=words.split("or")[0].replace("cut off ", "")
                       .replace("drums ", "")) as error:  # fmt: skip
        midi.read(path, 1)
    assert "a.mid" in str(error.value) and str(error.value)[-1] == "."


def test_damaged_bytes_are_read_or_refused_in_a_sentence(tmp_path, figure):
    whole = song(tmp_path / "a.mid", *((50 + n, 96 * n, 96 * n + 96) for n in range(12)))
    data, random, refused = whole.read_bytes(), np.random.default_rng(0), 0
    for _ in range(150):
        spoilt = bytearray(data)
        for place in random.integers(len(data), size=random.integers(1, 4)):
            spoilt[place] = random.integers(256)
        end = len(data) if random.random() < 0.7 else random.integers(4, len(data))
        path = broken(tmp_path / "spoilt.mid", bytes(spoilt[:end]))
        try:
            assert midi.read(path, 1).shape[1] == 88
        except ValueError as error:
            assert str(error)[-1] == "." and "spoilt.mid" in str(error)
            refused += 1
    figure("MIDI files with wrong bytes or cut off", "read or refused", f"150, {refused} refused")


# ---- a folder of one's own -----------------------------------------------------------------


@pytest.fixture
def songs(root, monkeypatch):
    """Twelve files of 20 frames, and one that cannot be read."""
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    for number in range(12):
        name = f"songs/{number % 3}/{number}.{'mid' if number % 2 else 'MIDI'}"
        notes = ((40 + number, 0, 96), (60, 96, 1920))
        song(root / name, *notes)
    broken(root / "songs/bad.mid", b"x")
    return "songs"


def test_a_folder_of_midi_becomes_pieces_in_three_parts(songs, capsys):
    data = cu.data.load(songs)
    said = capsys.readouterr().out
    assert said.startswith("12 of 13 MIDI files read, 12 pieces. Skipped: ") and "bad.mid" in said
    assert [len(part) for part in (data.train, data.validation, data.test)] == [8, 2, 2]
    first = [int(piece[0].argmax()) for piece in (*data.train, *data.validation, *data.test)]
    assert sorted(first) == list(range(19, 31))  # each file once
    assert all(piece.shape == (20, 88) for piece in data.train) and data.raised == 0
    again = cu.data.music(songs, seed=1)
    assert [int(p[0].argmax()) for p in again.train] != first[:8]


def test_a_long_file_is_cut_and_its_pieces_stay_together(songs):
    data = cu.data.music(songs, per_beat=4, longest=16)
    assert {len(p) for p in (*data.train, *data.test)} == {16}
    assert [len(part) for part in (data.train, data.validation, data.test)] == [40, 10, 10]


def test_one_long_file_is_split_in_time(root, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    song(root / "one.mid", *((30 + n, 96 * n, 96 * n + 96) for n in range(60)))
    with pytest.raises(ValueError, match="mid has 1 pieces of 8 frames or more"):
        cu.data.load("one.mid")
    data = cu.data.music("one.mid", longest=16)
    first = [int(piece[0].argmax()) for piece in (*data.train, *data.validation, *data.test)]
    assert first == [9, 24, 39, 54] and len(data.train) == 2


# ---- the chorales --------------------------------------------------------------------------


@real
def test_the_real_chorales(monkeypatch, capsys):
    """The published split, and statistics known of it."""
    monkeypatch.setenv("COURSE_DATA", SHARED)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    data = cu.data.load("JSB chorales".replace(" ", "-"))
    assert capsys.readouterr().out == "" and not data.is_stand_in and data.raised == 12
    parts = data.train, data.validation, data.test
    assert [len(part) for part in parts] == [229, 76, 77]
    assert [sum(map(len, part)) for part in parts] == [13_807, 4_602, 4_725]
    means = {
        "repeated": np.mean([metrics.repeated_frames(p) for p in data.train]),
        "notes": np.mean([p.sum(1).mean() for p in data.train]),
        "span": np.mean([np.ptp(np.flatnonzero(p.any(0))) for p in data.train]),
    }
    assert means == pytest.approx({"repeated": 0.117, "notes": 3.90, "span": 34.6}, rel=0.004)
    rolls, lengths = data.padded("test")
    assert rolls.shape == (77, lengths.max(), 88) and lengths.sum() == 4_725
    assert not rolls[0, lengths[0] :].any() and torch.equal(rolls[0, : lengths[0]], data.test[0])


@real
def test_the_sixteenths_are_the_same_pieces_in_their_own_keys(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", SHARED)
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    quarters, sixteenths = cu.data.chorales(), cu.data.chorales(4)
    assert sixteenths.raised == 0 and len(sixteenths.test) == 77
    long = {piece[::4, :].sum(1).sum().item() for piece in sixteenths.test}
    assert len(long & {piece.sum().item() for piece in quarters.test}) > 40
    bars = [metrics.repeated_frames(piece) for piece in sixteenths.train]
    assert np.mean(bars) == pytest.approx(0.637, abs=0.002)  # no rest is a note


def test_without_a_network_chords_stand_in(offline, capsys):
    data = cu.data.load("jsb-chorales")
    assert "cannot be downloaded (no network), so chords" in capsys.readouterr().out
    assert data.is_stand_in and len(data.train) == 24 and data.train[0].shape == (24, 88)
    again = cu.data.load("jsb-chorales")
    assert all(map(torch.equal, data.test, again.test))


def test_the_chords_are_chords_in_four_voices():
    notes = progression(np.random.default_rng(3))
    assert len(notes) % 8 == 0 and (np.diff(notes) < 0).mean() > 0.99  # hardly any cross
    triads = [{(d * 2 + k) % 7 for k in (0, 2, 4)} for d in range(7)]
    scale = [0, 2, 4, 5, 7, 9, 11]
    assert {n % 12 for n in notes.ravel()} <= set(scale)
    assert all(any({scale.index(n % 12) for n in c} <= t for t in triads) for c in notes)
    assert (notes[7::8, 3] % 12 == 0).all() and (notes[6::8, 3] % 12 == 7).all()  # V–I


# ---- measures against their definitions ----------------------------------------------------


def test_voices_from_the_top_and_the_bass_below():
    found = metrics.voices(roll([48, 55, 64, 72], [48, 64, 72], [50], [], range(50, 56)))
    assert found.tolist() == [
        [72, 64, 55, 48], [72, 64, -1, 48], [-1, -1, -1, 50], [-1] * 4, [55, 54, 53, 50],
    ]  # fmt: skip
    assert metrics.voices(roll([60, 72]), 2, lower=12).tolist() == [[60, 48]]


def test_pitch_classes_are_counted():
    for seed in range(5):
        given = drawn(seed)
        hand = Counter((key + 21) % 12 for _, key in np.argwhere(given))
        assert metrics.pitch_classes(given).tolist() == [
            pytest.approx(hand[c] / given.sum()) for c in range(12)
        ]


MAJOR = ["C D E F G A B", "G A B C D E F♯", "D E F♯ G A B C♯", "F G A A♯ C D E"]
NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"]


def test_scale_consistency():
    for scale in MAJOR:  # as a book of harmony writes them
        notes = [60 + NAMES.index(name) for name in scale.split()]
        assert metrics.scale_consistency(roll(*([n] for n in notes))) == 1.0
        assert metrics.scale_consistency(roll(*([n] for n in notes), [61], [68])) < 1.0
    assert metrics.scale_consistency(roll(list(range(60, 72)))) == pytest.approx(7 / 12)
    assert metrics.scale_consistency(roll([107], [105], [103], [102])) == 1.0  # beyond 12: G major


def test_melodic_steps():
    steps = metrics.melodic_steps(roll([60, 48], [62, 48], [62], [], [60], [90]))
    assert {k - 12: v for k, v in enumerate(steps) if v} == {2: 0.25, 0: 0.25, -2: 0.25, 12: 0.25}
    assert metrics.melodic_steps(SCALE)[[13, 14]].tolist() == pytest.approx([2 / 7, 5 / 7])


def by_hand(given, interval):
    """Parallels from the definition: each pair of voices of each move, one after the other."""
    moves = parallel = 0
    for before, after in pairwise(given):
        old, new = (np.flatnonzero(f)[::-1] for f in (before, after))
        if len(old) != 4 or len(new) != 4 or list(old) == list(new):
            continue
        moves += 1
        pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
        parallel += any(
            (new[i] - old[i]) * (new[j] - old[j]) > 0
            and (old[i] - old[j]) % 12 == (new[i] - new[j]) % 12 == interval
            for i, j in pairs
        )
    return parallel / moves


def test_parallels_against_textbook_and_definition():
    assert metrics.parallels(TRIADS) == 1.0 and metrics.parallels(TRIADS, 0) == 1.0
    assert metrics.parallels(roll([48, 55, 64, 72], [47, 55, 62, 74])) == 0.0  # I to V, well led
    assert np.isnan(metrics.parallels(roll([60], [62])))
    generator = np.random.default_rng(0)
    notes = np.sort(generator.integers(55, 75, (400, 40)), 1)[:, [3, 14, 25, 36]]
    notes[:, 1:] += (np.diff(notes) == 0).cumsum(1)
    given = roll(*notes.tolist()).numpy()
    for interval in (0, 5, 7):
        assert metrics.parallels(given, interval) == pytest.approx(by_hand(given, interval))
        assert metrics.parallels(given, interval) > 0


def test_repeated_frames():
    assert metrics.repeated_frames(TRIADS) == pytest.approx(1 / 3)
    assert metrics.repeated_frames(roll([], [], [60])) == pytest.approx(1 / 2)


# ---- sound ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("note", "hertz"), [(69, 440.0), (60, 261.63), (81, 880.0)])
def test_a_tone_has_the_frequency_of_its_key(note, hertz):
    samples = sound.tones(roll([note]), bpm=60, rate=8000)
    spectrum = np.abs(np.fft.rfft(samples, 80_000))
    assert np.argmax(spectrum) / 10 == pytest.approx(hertz, abs=0.2)
    assert np.abs(samples).max() == pytest.approx(0.9)
    assert samples[0] == 0 and abs(samples[-1]) < 1e-2  # no click


def test_frames_follow_one_another_and_silence_is_silent():
    samples = sound.tones(roll([69], [], [81]), bpm=60, rate=8000, per_beat=2)
    assert len(samples) == 8000 * 1 + round(0.62 * 8000)
    assert not samples[5000:7900].any() and samples[8200:9000].any()
    assert not sound.tones(roll([], [])).any()
    lowered = sound.tones(roll([81]), bpm=60, lower=12)
    assert np.allclose(lowered, sound.tones(roll([69]), bpm=60))


def test_no_tone_beyond_half_the_rate():
    spectrum = np.abs(np.fft.rfft(sound.tones(roll([108]), bpm=60, rate=8000)))
    assert spectrum.max() < 1e-6  # 4,186 Hz would be heard as 3,814


def test_a_player_holds_a_wav_file_and_its_label():
    samples = sound.tones(SCALE, bpm=600)
    made = sound.player(samples, 'a "scale" & more')
    with wave.open(io.BytesIO(made.wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 1, 8000)
        heard = np.frombuffer(file.readframes(10**6), np.uint8)
    assert np.abs((heard.astype(float) - 128) / 127 - samples).max() < 0.005
    page = made._repr_mimebundle_()
    assert "a &quot;scale&quot; &amp; more" in page["text/html"]
    assert page["text/plain"] == 'a "scale" & more (a sound of 0.9 seconds)'


def test_a_figure_may_have_a_sound_below_it():
    made = sound.player(np.zeros(100), "silence")
    plot = cu.plots.pianoroll({"scale": SCALE}, alt="A scale that rises.")
    plot.below = made.html()
    assert plot.html().count("<img") == plot.html().count("<audio") == 1
    assert plot.html("still").startswith('<div class="still" ><img alt=')


NO_ROLL = [None, "x", [[0, 1]], np.ones((3, 87)), np.full((2, 88), 2.0), np.full((2, 88), np.nan)]


class TestSound(Refusals):
    CASES = {
        "sound.tones": (
            {"roll": SCALE},
            {
                "roll": [*NO_ROLL, np.zeros((0, 88)), np.ones((2000, 88))], "per_beat": [0, True],
                "bpm": [0, 2000, "x"], "rate": [0, 100, 8000.0], "lower": [88, 0.5],
            },
        ),
        "sound.player": (
            {"samples": torch.zeros(9), "label": "silence"},
            {
                "samples": [None, torch.ones(9) * 2, torch.zeros(0)], "label": ["", 3, None],
                "rate": [0, 10**6],
            },
        ),
    }  # fmt: skip
    ROOMS = {"sound"}
