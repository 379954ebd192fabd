"""Measures of music as piano rolls (T, 88), zeros and ones, whoever wrote it.

Key k is MIDI note k + 21. Two faults of a widely copied code (that of Mogren, "C-RNN-GAN",
arXiv:1611.09904) are not repeated here: scales are shifted modulo 12, and chords are counted whole.
"""

import numpy as np

from .. import arguments
from ..arguments import Samples

LOWEST = 21  # MIDI's number of key 0, A0
MAJOR = (0, 2, 4, 5, 7, 9, 11)  # semitones above its tonic; the natural minor scales are the same
OCTAVE = 12


def voices(roll: Samples, count: int = 4, lower: int = 0) -> np.ndarray:
    """The notes of each frame as voices from the highest down: MIDI notes (T, count), −1 for none.

    The lowest note is the last voice's, whatever else sounds; the others get theirs from the top.
    Where more than `count` notes sound, those between are left out.

    Args:
        roll: (T, 88), zeros and ones.
        count: of voices, from 2 to 88.
        lower: semitones by which to lower all notes, from 0 to 20.

    Raises:
        TypeError, ValueError: an argument of another kind or shape.
    """
    played = arguments.roll("roll", roll)
    arguments.whole("count", count, 2, 88), arguments.whole("lower", lower, 0, LOWEST - 1)
    found = np.full((len(played), count), -1)
    for frame, keys in zip(found, played, strict=True):
        notes = np.flatnonzero(keys)[::-1] + LOWEST - lower
        if len(notes):
            upper = notes[: min(len(notes), count) - 1]
            frame[: len(upper)] = upper
            frame[-1] = notes[-1]
    return found


def pitch_classes(roll: Samples) -> np.ndarray:
    """The share of each of the 12 pitch classes, from C up, among all notes of all frames, (12,).

    Raises:
        TypeError, ValueError: not a roll (T, 88) of zeros and ones, or one without notes.
    """
    counts = _classes(roll)
    return counts / counts.sum()


def _classes(roll: Samples) -> np.ndarray:
    """How many notes each of the 12 pitch classes has, (12,)."""
    played = arguments.roll("roll", roll)
    counts = np.bincount((np.arange(88) + LOWEST) % OCTAVE, played.sum(0), OCTAVE)
    if not counts.sum():
        raise ValueError("roll must hold one note or more, but all its frames are silent.")
    return counts


def scale_consistency(roll: Samples) -> float:
    """The largest share of notes that lie in one of the 12 major scales, 0…1.

    As in Mogren, arXiv:1611.09904, but with scales modulo 12. A natural minor scale has the notes
    of a major one. All 12 semitones alike would give 7/12.

    Raises:
        TypeError, ValueError: not a roll (T, 88) of zeros and ones, or one without notes.
    """
    counts = _classes(roll)
    scales = (np.array(MAJOR) + np.arange(OCTAVE)[:, None]) % OCTAVE  # (12, 7)
    return float(counts[scales].sum(1).max() / counts.sum())


def melodic_steps(roll: Samples) -> np.ndarray:
    """How far the highest note moves from frame to frame: shares of −12…12 semitones, (25,).

    Larger moves count as an octave. Frames without notes are skipped.

    Raises:
        TypeError, ValueError: not a roll (T, 88) of zeros and ones with two frames that sound.
    """
    top = voices(roll)[:, 0]
    bottom = voices(roll)[:, -1]
    melody = np.where(top < 0, bottom, top)  # a note alone is the last voice's
    moves = np.diff(melody[melody >= 0]).clip(-OCTAVE, OCTAVE)
    if not len(moves):
        raise ValueError("roll must have two frames or more with notes: a move needs two.")
    return np.bincount(moves + OCTAVE, minlength=2 * OCTAVE + 1) / len(moves)


def parallels(roll: Samples, interval: int = 7, count: int = 4) -> float:
    """The share of moves in which two voices go on in parallel at an interval: 7 for fifths.

    A move is a step from one frame to another one, both with exactly `count` notes. Two of its
    voices are in parallel if both move in the same direction and are this interval apart, modulo
    12, before and after. (Counterpoint forbids it for fifths and octaves: Fux, *Gradus ad
    Parnassum*, 1725.)

    Args:
        roll: (T, 88), zeros and ones.
        interval: semitones, from 0 (octaves) to 11.
        count: of voices, from 2 to 88.

    Returns:
        0…1; NaN where there is no such move.

    Raises:
        TypeError, ValueError: an argument of another kind, shape or range.
    """
    played = arguments.roll("roll", roll)
    arguments.whole("interval", interval, 0, 11), arguments.whole("count", count, 2, 88)
    full = played.sum(1) == count
    moves = np.flatnonzero(full[:-1] & full[1:] & (played[1:] != played[:-1]).any(1))
    if not len(moves):
        return float("nan")
    notes = voices(roll, count)
    before, after = notes[moves], notes[moves + 1]  # (M, V)
    upper, lower = np.triu_indices(count, 1)
    step = after - before
    same = np.sign(step[:, upper]) * np.sign(step[:, lower]) > 0
    apart = [(n[:, upper] - n[:, lower]) % OCTAVE == interval for n in (before, after)]
    return float((same & apart[0] & apart[1]).any(1).mean())


def repeated_frames(roll: Samples) -> float:
    """The share of frames, from the second on, that are the same as the one before, 0…1.

    Raises:
        TypeError, ValueError: not a roll (T, 88) of zeros and ones, with T 2 or more.
    """
    played = arguments.roll("roll", roll, least=2)
    return float((played[1:] == played[:-1]).all(1).mean())
