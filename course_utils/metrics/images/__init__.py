"""Measures of images: the course's own network, whose features the distances compare."""

from .features import FeatureNet, feature_net

__all__ = ["FeatureNet", "feature_net"]
