"""Measures of sets of sequences, each set of shape (N, T, F): sequences, steps, features."""

from .memorisation import Memorisation, memorisation, nearest_distances
from .scores import (
    SequenceScore,
    discriminative_floors,
    discriminative_score,
    predictive_score,
)
from .spectra import power_spectrum, spectral_distance

__all__ = [
    "Memorisation",
    "SequenceScore",
    "discriminative_floors",
    "discriminative_score",
    "memorisation",
    "nearest_distances",
    "power_spectrum",
    "predictive_score",
    "spectral_distance",
]
