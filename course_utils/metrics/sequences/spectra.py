"""How alike sets of sequences are by frequency."""

import torch

from ...arguments import Samples, sequences


def power_spectrum(samples: Samples) -> tuple[torch.Tensor, torch.Tensor]:
    """How the power of each feature is spread over frequencies, on average over sequences.

    The periodogram of each sequence, less its mean: |Σₜ (xₜ − x̄) exp(−2πi k t / T)|², one-sided,
    as `scipy.signal.periodogram` has it; averaged over sequences (Bartlett's estimate of the
    spectrum), then divided by its sum. A set of constant sequences has all at frequency 0.

    Args:
        samples: (N, T, F), T from 2 up.

    Returns:
        frequencies (K,) in cycles per step, 0…½, with K = T // 2 + 1; and shares of the power,
        (K, F), each column adding up to 1. Float64, on the CPU.

    Raises:
        TypeError, ValueError: wrong kind or shape, NaN or infinity, or a single step.
    """
    return _spectrum(sequences("samples", samples, T=2))


def spectral_distance(real: Samples, fake: Samples) -> float:
    """How far power has to be moved along the axis of frequencies to make two sets alike.

    The Wasserstein distance of order 1 between the spectra of `power_spectrum`, averaged over
    features: the area between their cumulative sums. Cazelles, Robert and Tobar, *The
    Wasserstein-Fourier distance for stationary time series*, IEEE Transactions on Signal
    Processing 69, 2021, define it between two series, with order 2; order 1 is in the unit of
    frequency, and never above theirs. It is blind to amplitudes, offsets, phases and
    how features go together.

    Args:
        real: (N, T, F), T from 2 up.
        fake: (M, T, F).

    Returns:
        In cycles per step, 0…½. Two pure tones, each of a whole number of periods, are as far apart
        as their frequencies.

    Raises:
        TypeError, ValueError: wrong kinds, shapes that do not fit, NaN or infinity, or a single
            step.
    """
    real = sequences("real", real, T=2)
    frequencies, of_real = _spectrum(real)
    _, of_fake = _spectrum(sequences("fake", fake, like=real))
    apart = (of_real - of_fake).cumsum(0)[:-1].abs()  # (K − 1, F)
    return (apart.sum(0) * frequencies[1]).mean().item()


def _spectrum(samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    steps = samples.shape[1]
    power = torch.fft.rfft(samples - samples.mean(1, keepdim=True), dim=1).abs().square().mean(0)
    power[1 : (steps + 1) // 2] *= 2  # each counts for its negative one too, the last does not
    rounding = samples.square().mean((0, 1)) * 1e-24 * steps**2
    power[0] = torch.where(power[1:].sum(0) > rounding, 0.0, 1.0)
    power[1:] *= 1 - power[0]
    return torch.fft.rfftfreq(steps, dtype=torch.float64), power / power.sum(0)
