"""What an ear makes of a sound: the energies in bands of the mel scale, frame by frame."""

import math

import torch

from . import arguments
from .arguments import Samples

__all__ = ["filters", "spectrogram"]

FLOOR = 1e-5  # added to energies, so that silence has a logarithm


def filters(
    bands: int, window: int, rate: int, low: float = 20.0, high: float | None = None
) -> torch.Tensor:
    """Triangles that gather the power of frequencies into bands of equal width on the mel scale.

    mel(f) = 2595 log₁₀(1 + f / 700) (O'Shaughnessy, *Speech communication*, 1987, as in HTK). The
    triangles' corners are bands + 2 frequencies, equally far apart in mel; each triangle begins
    at one, reaches 1 at the next and ends at the one after.

    Args:
        bands: of the mel scale, from 1 up.
        window: samples of a frame, from 2 up.
        rate: samples a second, from 1,000 up.
        low, high: Hz, the outer corners; `high` is half the rate where it is None.

    Returns:
        Weights (bands, window // 2 + 1), float32, from 0 to 1; row b of them times a power
        spectrum is the energy of band b.

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range.
    """
    arguments.whole("bands", bands, 1), arguments.whole("window", window, 2)
    arguments.whole("rate", rate, 1000)
    high = rate / 2 if high is None else arguments.real("high", high, 0, rate / 2)
    arguments.real("low", low, 0, high)
    if not low < high:
        raise ValueError(f"low must be below high, {high:g} Hz, not {low:g}.")
    ends = [2595 * math.log10(1 + hertz / 700) for hertz in (low, high)]
    mels = torch.linspace(*ends, bands + 2, dtype=torch.float64)
    corners = 700 * (10 ** (mels / 2595) - 1)  # (bands + 2,), in Hz
    frequencies = torch.arange(window // 2 + 1, dtype=torch.float64) * rate / window
    rising = (frequencies - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - frequencies) / (corners[2:] - corners[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0).float()


def spectrogram(
    wave: Samples, rate: int = 8000, *, window: int = 256, hop: int = 80, bands: int = 40
) -> torch.Tensor:
    """The logarithm of the energy in each mel band, frame by frame.

    Frames of `window` samples, `hop` apart, are weighed by Hann's window; the first is centred
    about the first sample, with zeros before it. The power spectrum of each is gathered by
    `filters`, and its natural logarithm taken after adding 1e-5.

    Args:
        wave: (T,) in −1…1, T from 1 up.
        rate: samples a second, from 1,000 up.
        window, hop: samples, from 2 and from 1 up.
        bands: of the mel scale, from 1 up.

    Returns:
        (T // hop + 1, bands), float32, on the CPU.

    Raises:
        TypeError, ValueError: an argument of another kind or out of its range.
    """
    samples = arguments.samples("wave", wave, "(T,), one channel").float()
    weights = filters(bands, window, rate)
    spectrum = torch.stft(
        samples, window, arguments.whole("hop", hop, 1), pad_mode="constant",
        window=torch.hann_window(window), return_complex=True,
    )  # fmt: skip
    return (spectrum.abs().square().T @ weights.T + FLOOR).log()  # (frames, bands)
