"""WAV files of any usual kind as samples in one channel, at the rate that is asked for."""

import math
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

from .. import arguments, paths

RATES = 1000, 384_000  # samples a second that a file may have
LONGEST = 600.0  # seconds


def wav(path: str | Path, rate: int = 8000) -> torch.Tensor:
    """The sound of a WAV file: (T,), float32 in −1…1, on the CPU.

    Whole numbers of 8, 16, 24 or 32 bits and floats are read; channels are averaged; another rate
    is resampled by a polyphase filter (`scipy.signal.resample_poly`). Floats beyond ±1 are cut.

    Args:
        path: absolute, or relative to the project's root.
        rate: samples a second of what is returned, from 4,000 to 48,000.

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range, or a file that is
            missing, empty, damaged, compressed, longer than ten minutes, or not a WAV file.
    """
    path = paths.own(path, "file")
    return decode(path.read_bytes(), str(path), arguments.whole("rate", rate, 4000, 48_000))


def decode(data: bytes, name: str, rate: int) -> torch.Tensor:
    """The sound in the bytes of a WAV file, as `wav` has it; errors call the file `name`.

    Raises:
        ValueError: bytes that are not such a file.
    """
    given, samples = _read(data, name)
    if not samples.size:
        raise ValueError(f"{name} holds no sound: it needs at least one sample.")
    if len(samples) > LONGEST * given:
        raise ValueError(
            f"{name} lasts {len(samples) / given:,.0f} seconds: at most {LONGEST:g} are accepted."
        )
    samples = _scaled(samples)
    if not np.isfinite(samples).all():
        raise ValueError(f"{name} is damaged: its samples must be finite numbers.")
    samples = samples.reshape(len(samples), -1).mean(1)
    return torch.from_numpy(_resampled(samples, given, rate).clip(-1, 1).astype(np.float32))


def _read(data: bytes, name: str) -> tuple[int, np.ndarray]:
    """The rate and the samples of a WAV file, (T,) or (T, channels), as they are in it."""
    from scipy.io import wavfile

    if not data:
        raise ValueError(f"{name} is empty: it needs to be a WAV file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of notes beside the sound
            rate, samples = wavfile.read(BytesIO(data))
    except Exception as error:  # a damaged header makes SciPy raise errors of any kind
        raise ValueError(
            f"{name} is damaged, compressed or not a WAV file ({error}): uncompressed WAV is "
            "accepted."
        ) from None
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(
            f"{name} has {rate:,} samples a second: {RATES[0]:,} to {RATES[1]:,} are accepted."
        )
    return rate, samples


def _scaled(samples: np.ndarray) -> np.ndarray:
    """Samples as numbers in −1…1; 8 bits have no sign, and 24 come in the upper ones of 32."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    if samples.dtype.kind == "u":
        return (samples.astype(np.float64) - 128) / 128
    return samples / -float(np.iinfo(samples.dtype).min)


def _resampled(samples: np.ndarray, given: int, rate: int) -> np.ndarray:
    from scipy.signal import resample_poly

    if given == rate:
        return samples
    divisor = math.gcd(given, rate)
    return resample_poly(samples, rate // divisor, given // divisor)
