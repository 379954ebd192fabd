"""Numbers that say how well a model does. Knows nothing of the Trainer, nor how data is loaded."""

from .classification import accuracy, confusion
from .distances import frechet_distance, frechet_from_moments, kernel_distance, precision_recall
from .features import FeatureNet, feature_net
from .intervals import bootstrap
from .latents import active_units, importance_likelihood
from .memorisation import Memorisation, memorisation, nearest_distances
from .modes import modes
from .sequences import (
    SequenceScore,
    discriminative_floors,
    discriminative_score,
    predictive_score,
)
from .spectra import power_spectrum, spectral_distance

__all__ = [
    "FeatureNet",
    "Memorisation",
    "SequenceScore",
    "accuracy",
    "active_units",
    "bootstrap",
    "confusion",
    "discriminative_floors",
    "discriminative_score",
    "feature_net",
    "frechet_distance",
    "frechet_from_moments",
    "importance_likelihood",
    "kernel_distance",
    "memorisation",
    "modes",
    "nearest_distances",
    "power_spectrum",
    "precision_recall",
    "predictive_score",
    "spectral_distance",
]
