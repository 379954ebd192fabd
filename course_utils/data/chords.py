"""Chords in four voices that follow simple rules of harmony: what replaces chorales offline."""

from functools import lru_cache
from itertools import pairwise, product

import numpy as np

SCALE = (0, 2, 4, 5, 7, 9, 11)  # of C major, in semitones
# What may follow a degree, and how often: tonic, subdominant and dominant in turn (Rameau 1722).
NEXT = {
    0: {3: 4, 4: 4, 5: 2, 1: 2, 0: 1},
    1: {4: 6, 6: 1},
    2: {5: 2, 3: 2},
    3: {4: 4, 0: 2, 1: 2},
    4: {0: 6, 5: 2},
    5: {1: 3, 3: 3, 4: 1},
    6: {0: 1},
}
RANGES = ((60, 79), (55, 72), (48, 67), (40, 60))  # soprano, alto, tenor, bass, in MIDI notes
PHRASE, PHRASES = 8, (4, 9)  # beats of a phrase; phrases of a piece, from … to below …


def progression(generator: np.random.Generator) -> np.ndarray:
    """A piece in C major, a chord on each beat: MIDI notes (T, 4) from soprano to bass.

    Each phrase of 8 beats ends on dominant and tonic. The voices move as little as they can, or
    one time in four nearly so.
    """
    voices, found = (72, 64, 55, 48), []
    for _ in range(generator.integers(*PHRASES)):
        for degree in _phrase(generator):
            best, second = _voiced(voices, degree)
            voices = second if generator.random() < 0.25 else best
            found.append(voices)
    return np.array(found)


def _phrase(generator: np.random.Generator) -> list[int]:
    """The degrees of a phrase, from 0 for the tonic to 6."""
    degrees = [0]
    while len(degrees) < PHRASE - 2:
        ways = NEXT[degrees[-1]]
        shares = np.array([*ways.values()]) / sum(ways.values())
        degrees.append(int(generator.choice([*ways], p=shares)))
    return [*degrees, 4, 0]


@lru_cache(None)
def _voiced(before: tuple[int, ...], degree: int) -> list[tuple[int, ...]]:
    """The two nearest chords with their root in the bass; voices that cross cost most."""
    root, third, fifth = (SCALE[(degree + step) % 7] for step in (0, 2, 4))
    bass = _nearest(before[3], RANGES[3], {root}, 1)
    upper = [_nearest(before[voice], RANGES[voice], {root, third, fifth}, 3) for voice in range(3)]

    def cost(chord: tuple[int, ...]) -> int:
        lacking = {note % 12 for note in chord} != {root, third, fifth}
        crossed = sum(high <= low for high, low in pairwise(chord))
        return (
            sum(abs(a - b) for a, b in zip(chord, before, strict=True))
            + 20 * lacking
            + 50 * crossed
        )

    return sorted(product(*upper, bass), key=cost)[:2]


def _nearest(note: int, bounds: tuple[int, int], classes: set[int], count: int) -> list[int]:
    """The nearest notes of these pitch classes within a voice's range."""
    inside = [n for n in range(bounds[0], bounds[1] + 1) if n % 12 in classes]
    return sorted(inside, key=lambda n: abs(n - note))[:count]
