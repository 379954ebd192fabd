"""Measures of sets of sequences, most of them (N, T, F): sequences, steps, features."""

from .edits import edit_distance, error_rate
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
    "edit_distance",
    "error_rate",
    "memorisation",
    "nearest_distances",
    "power_spectrum",
    "predictive_score",
    "spectral_distance",
]
