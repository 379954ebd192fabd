"""Whether generated sequences are copies of the training set."""

import warnings
from dataclasses import dataclass

import torch

from ...arguments import Samples, sequences
from ..distances import pieces

FEW = 20  # sequences of the hold-out, below which its distances are an anecdote


@dataclass(frozen=True)
class Memorisation:
    """What `memorisation` found; distances are on the CPU, in the unit of the sequences.

    `closer` is how often a generated sequence lies nearer to the training set than a held-out
    real one, 0…1: ½ where both are equally new, 1 for copies, and towards 0 if the generated
    ones are unlike anything real.
    """

    samples: torch.Tensor  # (M,) from each generated sequence to its nearest training sequence
    holdout: torch.Tensor  # (H,) the same for real sequences that were not trained on
    closer: float

    def __str__(self) -> str:
        medians = self.samples.median(), self.holdout.median()
        return (
            f"nearest training sequence at {medians[0]:.3f}, of a hold-out at {medians[1]:.3f} "
            f"(medians); closer in {self.closer:.0%} of pairs"
        )


def memorisation(train: Samples, holdout: Samples, samples: Samples) -> Memorisation:
    """Are generated sequences nearer to the training set than new real ones are?

    The distances of `nearest_distances` from both, and the share of pairs in which the generated
    sequence is the nearer one, ties counting half. That share is Mann and Whitney's U divided by
    the number of pairs, the statistic of Meehan, Chaudhuri and Dasgupta, *A non-parametric test
    to detect data-copying in generative models*, AISTATS 2020, section 3, over the whole space as
    one cell. A test would call for independent sequences; overlapping windows are not, so no
    significance is computed. Above ½ means copying only where the samples are realistic: a
    generator that always returns the mean is near to everything. Read it beside the scores.

    Args:
        train: (N, T, F), what the generator learned from.
        holdout: (H, T, F), real sequences that do not overlap with those.
        samples: (M, T, F), generated.

    Raises:
        TypeError, ValueError: wrong kinds, shapes that do not fit, NaN or infinity.

    Warns:
        UserWarning: fewer than 20 sequences in the hold-out.
    """
    held = nearest_distances(holdout, train, "holdout")
    found = nearest_distances(samples, train)
    if len(held) < FEW:
        warnings.warn(
            f"{len(held)} sequences of the hold-out are few: they hardly tell how near new "
            "sequences are to the training set.",
            stacklevel=2,
        )
    ranked = held.sort().values
    beyond = len(held) - torch.searchsorted(ranked, found, right=True)  # (M,) held-out, farther
    level = torch.searchsorted(ranked, found, right=True) - torch.searchsorted(ranked, found)
    closer = (beyond.double() + level.double() / 2).mean() / len(held)
    return Memorisation(found, held, closer.item())


def nearest_distances(samples: Samples, train: Samples, name: str = "samples") -> torch.Tensor:
    """How far each sequence is from the nearest of the training set: (M,), float64, on the CPU.

    The distance is the root of the mean squared difference over steps and features: Euclid's,
    divided by √(T F), so that it is in the unit of the values whatever the length. A copy is at
    0 exactly. Computed in pieces: memory stays bounded.

    Args:
        samples: (M, T, F).
        train: (N, T, F).
        name: what the samples are called in an error.

    Raises:
        TypeError, ValueError: wrong kinds, shapes that do not fit, NaN or infinity.
    """
    train = sequences("train", train)
    train, samples = train.flatten(1), sequences(name, samples, like=train).flatten(1)
    squares, distances = train.square().sum(1), []
    for piece, _ in pieces(samples, train):
        nearest = squares.addmm(piece, train.T, alpha=-2).argmin(1)  # |x|² is the same for all
        # Through a product small distances are lost in rounding; this one is computed directly.
        distances.append((piece - train[nearest]).square().mean(1).sqrt())
    return torch.cat(distances)
