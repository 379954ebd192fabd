"""MIDI files as piano rolls, and piano rolls as MIDI files; `mido` reads and writes them."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from .. import arguments, paths
from ..arguments import Samples

KEYS, LOWEST = 88, 21  # of a piano; MIDI's number of its lowest key, A0
DRUMS = 9  # the channel whose numbers are instruments, not keys
TICKS = 480  # in a quarter note of what is written
LONGEST = 50_000  # frames: a longer file is a damaged one
ENDINGS = (".mid", ".midi")


def read(path: Path, per_beat: int) -> np.ndarray:
    """What sounds in a MIDI file, frame by frame: (T, 88), uint8, zeros and ones.

    Beginnings and ends of notes are rounded to the nearest frame; each note gets one frame at
    least. The channel of the drums is left out, and so is silence before the first note.

    Args:
        per_beat: frames in a quarter note.

    Raises:
        ValueError: a file that is empty, damaged or without notes; one sentence says which.
    """
    import mido

    if not path.stat().st_size:
        raise ValueError(f"{path} is empty: it needs to be a MIDI file with notes.")
    try:
        song = mido.MidiFile(path)
        notes = list(_notes(song, per_beat))
    except (OSError, EOFError, ValueError, TypeError, IndexError, KeyError) as error:
        reason = f" ({error})" if str(error) else ""
        raise ValueError(
            f"{path} is damaged or not a MIDI file: it cannot be read{reason}."
        ) from None
    if not notes:
        raise ValueError(f"{path} holds no notes: it needs one at least, besides drums.")
    first, last = min(note[1] for note in notes), max(note[2] for note in notes)
    if last - first > LONGEST:
        raise ValueError(
            f"{path} lasts {last - first:,} frames, so it is damaged: at most {LONGEST:,} are read."
        )
    roll = np.zeros((last - first, KEYS), np.uint8)
    for key, begin, end in notes:
        roll[begin - first : end - first, key] = 1
    return roll


def _notes(song: object, per_beat: int) -> Iterator[tuple[int, int, int]]:
    """Each note of a song: its key from 0 to 87, and the frames where it begins and ends."""
    import mido

    if song.ticks_per_beat <= 0:
        raise ValueError("its time is in seconds, not in beats")
    unit, now = song.ticks_per_beat / per_beat, 0
    sounding: dict[tuple[int, int], int] = {}
    for message in mido.merge_tracks(song.tracks):
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
            continue
        which = (message.channel, message.note)
        key, begin = message.note - LOWEST, sounding.pop(which, None)
        if begin is not None and 0 <= key < KEYS:
            start = _nearest(begin / unit)
            yield key, start, max(_nearest(now / unit), start + 1)
        if message.type == "note_on" and message.velocity:
            sounding[which] = now


def _nearest(time: float) -> int:
    return int(time + 0.5)


def write_midi(
    path: str | Path, roll: Samples, *, per_beat: int = 1, bpm: float = 80.0, joined: bool = False
) -> Path:
    """A piano roll as a MIDI file, which any player and notation program opens.

    Args:
        path: absolute, or relative to the project's root; its folder is made if need be.
        roll: (T, 88), zeros and ones; key 0 is A0, 27.5 Hz.
        per_beat: frames in a quarter note, from 1 up.
        bpm: quarter notes in a minute, from 10 to 1,000.
        joined: whether a key that sounds in frames that follow one another is one long note; if
            not, it is struck anew in each.

    Returns:
        Where the file is.

    Raises:
        TypeError, ValueError: an argument of another kind, or out of its range.
    """
    import mido

    path, played = arguments.named("path", path), arguments.roll("roll", roll)
    arguments.choice("path's ending", path.suffix.lower(), ENDINGS)
    arguments.whole("per_beat", per_beat, 1, TICKS), arguments.real("bpm", bpm, 10, 1000)
    arguments.flag("joined", joined)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))])
    before = 0
    for time, kind, key in _events(played, round(TICKS / per_beat), joined):
        given = {"note": key + LOWEST, "velocity": 72, "time": time - before}
        track.append(mido.Message(kind, **given))
        before = time
    path = paths.root() / path
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track]).save(path)
    return path


def _events(roll: np.ndarray, unit: int, joined: bool) -> list[tuple[int, str, int]]:
    """What happens when, in ticks: a note ends before the next one begins."""
    found = []
    for key in range(KEYS):
        edges = np.flatnonzero(np.diff(np.pad(roll[:, key].astype(int), 1)))
        for begin, end in edges.reshape(-1, 2).tolist():
            cuts = (begin, end) if joined else range(begin, end + 1)
            for start, stop in pairwise(cuts):
                found += [(start * unit, "note_on", key), (stop * unit, "note_off", key)]
    return sorted(found)  # "note_off" comes before "note_on"
