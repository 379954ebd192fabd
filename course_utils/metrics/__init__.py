"""Numbers that say how good a model is, whoever trained it and wherever its data comes from.

What takes any rows of numbers is in this folder; what belongs to one domain, in a subfolder.
"""

from .classification import accuracy, confusion
from .distances import frechet_distance, frechet_from_moments, kernel_distance, precision_recall
from .images import FeatureNet, feature_net, ssim
from .intervals import bootstrap
from .latents import active_units, importance_likelihood
from .modes import modes
from .music import (
    melodic_steps,
    parallels,
    pitch_classes,
    repeated_frames,
    scale_consistency,
    voices,
)
from .sequences import (
    Memorisation,
    SequenceScore,
    discriminative_floors,
    discriminative_score,
    edit_distance,
    error_rate,
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
    "edit_distance",
    "error_rate",
    "feature_net",
    "frechet_distance",
    "frechet_from_moments",
    "importance_likelihood",
    "kernel_distance",
    "melodic_steps",
    "memorisation",
    "modes",
    "nearest_distances",
    "parallels",
    "pitch_classes",
    "power_spectrum",
    "precision_recall",
    "predictive_score",
    "repeated_frames",
    "scale_consistency",
    "spectral_distance",
    "ssim",
    "voices",
]
