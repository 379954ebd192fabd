"""Ten words of a made-up language, sung by six people: what replaces spoken digits offline."""

import numpy as np

# The first two formants of five vowels in Hz, rounded means of Peterson and Barney, "Control
# methods used in a study of the vowels", 1952: as in heed, head, hod, hawed, who'd.
VOWELS = ((270, 2290), (530, 1840), (730, 1090), (570, 840), (300, 870))
WORDS = ((0, 2), (1, 4), (2, 0), (3, 1), (4, 2), (0, 3), (1, 0), (2, 4), (3, 0), (4, 1))
VOICES = ((110, 1.0), (125, 0.95), (140, 1.05), (185, 1.12), (205, 1.18), (230, 1.25))
WIDTH = 90.0  # Hz, of a formant
MOMENTS = 12  # of a word, between which the spectrum is interpolated


def word(number: int, person: int, generator: np.random.Generator, rate: int) -> np.ndarray:
    """One of ten words in one of six voices: samples (T,) in −1…1, 0.3 to 0.55 seconds.

    A voice is a pitch in Hz and a factor on all formants. Its harmonics are weighed by two
    resonances, which move from the word's first vowel to its second.
    """
    pitch, factor = VOICES[person]
    time = np.arange(round(generator.uniform(0.3, 0.55) * rate)) / rate
    along = time / time[-1]
    pitch = pitch * generator.uniform(0.92, 1.08) * (1.1 - 0.2 * along)  # it falls
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    sound = np.zeros_like(time)
    for n in range(1, int(rate / 2 / pitch.max())):
        sound += _weight(n * pitch, WORDS[number], factor, along) * np.sin(n * phase)
    sound = sound / np.abs(sound).max() * np.minimum(1, 12 * np.minimum(along, 1 - along))
    noise = 0.01 * generator.standard_normal(len(time))
    return (generator.uniform(0.3, 0.9) * sound + noise).clip(-1, 1)


def _weight(
    frequency: np.ndarray, vowels: tuple[int, int], factor: float, along: np.ndarray
) -> np.ndarray:
    """The amplitude of one harmonic at each sample, (T,)."""
    moments = np.linspace(0, 1, MOMENTS)
    place = np.clip(2.5 * moments - 0.75, 0, 1)  # a steady vowel, a glide, a steady vowel
    heard = np.interp(moments, along, frequency)
    total = np.zeros(MOMENTS)
    for first, second in zip(*(VOWELS[vowel] for vowel in vowels), strict=True):
        formant = factor * (first + (second - first) * place)
        total += 1 / (1 + ((heard - formant) / WIDTH) ** 2)
    return np.interp(along, moments, total)
