"""Numbers that say how well a model does. Knows nothing of the Trainer, nor how data is loaded."""

from .classification import accuracy, confusion
from .distances import frechet_distance, frechet_from_moments, kernel_distance, precision_recall
from .features import FeatureNet, feature_net
from .intervals import bootstrap
from .latents import active_units, importance_likelihood
from .modes import modes

__all__ = [
    "FeatureNet",
    "accuracy",
    "active_units",
    "bootstrap",
    "confusion",
    "feature_net",
    "frechet_distance",
    "frechet_from_moments",
    "importance_likelihood",
    "kernel_distance",
    "modes",
    "precision_recall",
]
