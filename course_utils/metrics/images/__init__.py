"""Measures of images: how alike two are, and the course's own network for the distances."""

from .features import FeatureNet, feature_net
from .quality import ssim

__all__ = ["FeatureNet", "feature_net", "ssim"]
