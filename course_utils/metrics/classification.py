"""How often a classifier is right, and which classes it confuses."""

import torch

from .. import arguments


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The share of rows whose largest logit is the label's.

    Args:
        logits: (B, K).
        labels: (B,), whole numbers in 0…K-1.

    Returns:
        One number in 0…1, on the device of the logits.

    Raises:
        TypeError, ValueError: not tensors, empty ones or shapes that do not fit, or labels that
            are not whole numbers.
    """
    arguments.shape("logits", arguments.tensor("logits", logits), "(B, K)")
    arguments.whole_numbers("labels", labels)
    arguments.shape("labels", labels, f"({len(logits)},), one per row of logits")
    return (logits.argmax(1) == labels).float().mean()


def confusion(predicted: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Counts of (true class, predicted class), shape (K, K); rows are true classes.

    Args:
        predicted, labels: (N,), whole numbers in 0…K-1.
        classes: K, from 1 up.

    Raises:
        TypeError, ValueError: not tensors of whole numbers, none at all, two lengths, or a class
            beyond K.
    """
    last = arguments.whole("classes", classes, 1) - 1
    arguments.shape("labels", arguments.whole_numbers("labels", labels), "(N,)")
    arguments.whole_numbers("predicted", predicted)
    arguments.shape("predicted", predicted, f"({len(labels)},), one per entry of labels")
    for name, values in (("predicted", predicted), ("labels", labels)):
        arguments.within(name, values, 0, last, note=f", as there are {classes} classes")
    predicted, labels = predicted.long(), labels.long()  # a byte does not hold K²
    return torch.bincount(labels * classes + predicted, minlength=classes**2).view(classes, -1)
