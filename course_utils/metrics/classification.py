"""How often a classifier is right, and what it mistakes for what. Knows no model."""

import torch

from ..arguments import tensor, whole, whole_numbers


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The share of rows whose largest logit is the label's.

    Args:
        logits: (B, K).
        labels: (B,), whole numbers in 0…K-1.

    Returns:
        One number in 0…1, on the device of the logits.

    Raises:
        TypeError, ValueError: no tensors, shapes that do not fit, or labels that are not whole.
    """
    tensor("logits", logits), tensor("labels", labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not logits.numel():
        raise ValueError(
            "accuracy takes logits of shape (B, K) and labels of shape (B,), none empty, not "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}."
        )
    whole_numbers("labels", labels)
    return (logits.argmax(1) == labels).float().mean()


def confusion(predicted: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Counts of (true class, predicted class), shape (K, K); rows are true classes.

    Args:
        predicted, labels: (N,), whole numbers in 0…K-1.
        classes: K, from 1 up.

    Raises:
        TypeError, ValueError: no tensors of whole numbers, of two lengths, or beyond K.
    """
    whole("classes", classes, 1)
    tensor("predicted", predicted), tensor("labels", labels)
    if predicted.shape != labels.shape or predicted.ndim != 1:
        raise ValueError(
            "confusion takes predicted and labels, two rows of classes of one length, not "
            f"{tuple(predicted.shape)} and {tuple(labels.shape)}."
        )
    # As int64, since a byte does not hold the square of many classes.
    predicted = whole_numbers("predicted", predicted).long()
    labels = whole_numbers("labels", labels).long()
    both = torch.cat([predicted, labels])
    if len(both) and not 0 <= both.min() <= both.max() < classes:
        raise ValueError(
            f"classes must be 0 to {classes - 1}, not {int(both.min())} to {int(both.max())}."
        )
    return torch.bincount(labels * classes + predicted, minlength=classes**2).view(classes, -1)
