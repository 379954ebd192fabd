"""Measures of latent codes, and of the models that have one."""

from .variational import active_units, importance_likelihood

__all__ = ["active_units", "importance_likelihood"]
