"""Numbers that say how well a model does, whoever trained it and wherever the data are from.

At the top is what takes any rows of numbers; what belongs to one domain is in its folder.
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
