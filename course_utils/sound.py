"""Sound in the page: tones made by adding sines, and a player for samples.

Needs no synthesiser and no sound card. A page keeps what is played in it, so a player holds 8 bits
a sample and 8,000 samples a second unless told otherwise: 11 kB for each second.
"""

import base64
import io
import wave
from html import escape
from typing import Any

import numpy as np

from . import arguments
from .arguments import Samples

__all__ = ["Player", "player", "tones"]

LOWEST = 21  # MIDI's number of key 0, A0
HARMONICS = 6
ATTACK, RELEASE = 0.03, 0.12  # seconds in which a tone rises, and dies away after its end
LONGEST = 600.0  # seconds that can be made at once
MIDDLE = 128  # silence in 8 bits, which have no sign


def tones(
    roll: Samples, *, per_beat: int = 1, bpm: float = 80.0, rate: int = 8000, lower: int = 0,
) -> np.ndarray:  # fmt: skip
    """The sound of a piano roll, by additive synthesis.

    Each tone is a sum of sines at n times the frequency of its key, n = 1 … 6, with amplitudes
    that fall as 1/n² (and none above half the rate). It rises softly, and falls to a third while
    it lasts. A key that sounds in frames one after another is struck anew in each.

    Args:
        roll: (T, 88), zeros and ones; key k sounds with 27.5 · 2^(k/12) Hz.
        per_beat: frames in a quarter note, from 1 up.
        bpm: quarter notes in a minute, from 10 to 1,000.
        rate: samples a second, from 4,000 to 48,000.
        lower: semitones by which to lower everything, from 0 to 87.

    Returns:
        Samples (N,) in −1…1, float32, whose largest magnitude is 0.9 (0 for silence).

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range, or more than ten
            minutes of sound.
    """
    played = arguments.roll("roll", roll)
    arguments.whole("per_beat", per_beat, 1), arguments.real("bpm", bpm, 10, 1000)
    rate = arguments.whole("rate", rate, 4000, 48_000)
    arguments.whole("lower", lower, 0, 87)
    seconds = 60 / bpm / per_beat  # of a frame
    if len(played) * seconds > LONGEST:
        raise ValueError(
            f"roll must last at most {LONGEST:g} seconds, not {len(played) * seconds:.0f}: give "
            "fewer frames or a greater bpm."
        )
    time = np.arange(round((seconds + RELEASE) * rate)) / rate  # (S,)
    envelope = np.minimum(time / ATTACK, 1) * np.exp(-1.1 * np.minimum(time, seconds) / seconds)
    envelope *= np.clip((seconds + RELEASE - time) / RELEASE, 0, 1)
    sound = np.zeros(round((len(played) - 1) * seconds * rate) + len(time))
    for key in np.flatnonzero(played.any(0)):
        tone = envelope * _sines(27.5 * 2 ** ((key - lower) / 12), time, rate)
        for frame in np.flatnonzero(played[:, key]):
            start = round(frame * seconds * rate)
            sound[start : start + len(time)] += tone
    return (0.9 * sound / max(np.abs(sound).max(), 1e-9)).astype(np.float32)


def _sines(frequency: float, time: np.ndarray, rate: int) -> np.ndarray:
    heard = [n for n in range(1, HARMONICS + 1) if n * frequency < rate / 2]
    return sum((np.sin(2 * np.pi * n * frequency * time) / n**2 for n in heard), 0 * time)


class Player:
    """A sound with the controls of the page's own player; the last line of a cell shows it."""

    def __init__(self, samples: np.ndarray, rate: int, label: str) -> None:
        self.samples, self.rate, self.label = samples, rate, label

    def wav(self) -> bytes:
        """The sound as a WAV file: one channel, 8 bits a sample."""
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1), file.setsampwidth(1), file.setframerate(self.rate)
            file.writeframes(np.rint(self.samples * 127 + MIDDLE).astype(np.uint8).tobytes())
        return buffer.getvalue()

    def html(self) -> str:
        """The player, with the label beside it."""
        label, data = escape(self.label), base64.b64encode(self.wav()).decode()
        return (
            '<figure style="margin: 0.3em 0; display: flex; align-items: center; gap: 1em">'
            f'<audio controls aria-label="{label}" src="data:audio/wav;base64,{data}"></audio>'
            f"<figcaption>{label}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"{self.label} (a sound of {len(self.samples) / self.rate:.1f} seconds)"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        return {"text/html": self.html(), "text/plain": repr(self)}


def player(samples: Samples, label: str, rate: int = 8000) -> Player:
    """A player for samples, with its label beside it.

    Args:
        samples: (N,) in −1…1.
        label: what one hears, for readers and for screen readers.
        rate: samples a second, from 4,000 to 48,000.

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range.
    """
    found = arguments.samples("samples", samples, "(N,), one channel")
    arguments.within("samples", found, -1, 1, slack=1e-6)
    rate = arguments.whole("rate", rate, 4000, 48_000)
    return Player(found.numpy().clip(-1, 1), rate, arguments.text("label", label, 1))
