"""Numbers that say how good a model is, whoever trained it and wherever its data comes from.

What takes any rows of numbers is in this folder; what belongs to one domain, in a subfolder.
"""

from .classification import accuracy, confusion
from .distances import frechet_distance, frechet_from_moments, kernel_distance, precision_recall
from .images import FeatureNet, feature_net
from .intervals import bootstrap
from .latents import active_units, importance_likelihood
from .modes import modes
from .sequences import (
    Memorisation,
    SequenceScore,
    discriminative_floors,
    discriminative_score,
    memorisation,
    nearest_distances,
    power_spectrum,
    predictive_score,
    spectral_distance,
)

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
