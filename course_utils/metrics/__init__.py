"""Numbers that say how well a model does. Knows nothing of training or data."""

from .classification import accuracy, confusion

__all__ = ["accuracy", "confusion"]
