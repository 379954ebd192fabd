"""Critics and predictors of sequences, trained after the fact, all repeats of a score at once.

`scores` turns their results into the scores that a lesson prints.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from .gru import GRUs

BATCH, TRAIN_SHARE = 128, 0.8  # TimeGAN's
CHUNK = 500  # sequences at a time, once the networks are trained


class Plan(NamedTuple):
    """How often to train and for how long. What repeat i draws depends on (seed, i) alone."""

    units: int
    repeats: int
    iterations: int
    seed: int

    def sources(self, what: int) -> list[np.random.Generator]:
        """For each repeat a generator of random numbers, another one for each purpose."""
        return [np.random.default_rng([self.seed, i, what]) for i in range(self.repeats)]

    def networks(self, features: int, sets: int) -> GRUs:
        """R networks for each of S sets of sequences: equal weights in equal repeats."""
        seeds = [int(source.integers(2**62)) for source in self.sources(0)]
        return GRUs(features, self.units, seeds * sets)


def discriminate(real: torch.Tensor, sets: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Real (N, T, F) against generated (S, M, T, F): |accuracy − ½|, (S, R).

    The accuracy is the mean of those on real and on generated sequences.
    """
    pool = Pool(real, sets)
    nets = plan.networks(real.shape[2], len(sets)).to(real.device)
    learn_real, hold_real = _split(len(real), plan.sources(1))
    learn_fake, hold_fake = _split(sets.shape[1], plan.sources(2))

    def loss(index: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
        both = np.concatenate([pool.real(index[0]), pool.fake(index[1])], 1)
        logits = nets(pool.take(both), last=True)[:, 0]  # (S · R, B + B)
        of_real, of_fake = logits.split([index[0].shape[1], index[1].shape[1]], 1)
        return F.softplus(-of_real).mean(1).sum() + F.softplus(of_fake).mean(1).sum()

    def share_called_real(index: np.ndarray) -> torch.Tensor:
        said = [nets(pool.take(piece), last=True)[:, 0] > 0 for piece in _pieces(index)]
        return torch.cat(said, 1).cpu().double().mean(1)  # (S · R,); not every device has doubles

    batches = zip(
        _batches(learn_real, plan.sources(3)), _batches(learn_fake, plan.sources(4)), strict=True
    )
    _train(nets, loss, batches, plan.iterations)
    with torch.no_grad():
        right = share_called_real(pool.real(hold_real))
        wrong = share_called_real(pool.fake(hold_fake))
    return ((right - wrong) / 2).abs().view(len(sets), -1)


def predict(real: torch.Tensor, sets: torch.Tensor, plan: Plan) -> torch.Tensor:
    """The mean absolute error on real (N, T, F) of what generated (S, M, T, F) taught, (S, R)."""
    pool = Pool(real, sets)
    seen = slice(None, max(1, real.shape[2] - 1))  # all but the last; of a single one that one
    nets = plan.networks(len(range(real.shape[2])[seen]), len(sets)).to(real.device)

    def errors(index: np.ndarray) -> torch.Tensor:
        x = pool.take(index)  # (S · R, F, T, B)
        return (nets(x[:, seen, :-1]).sigmoid() - x[:, -1, 1:]).abs().mean(1)  # (S · R, B)

    items = np.tile(np.arange(sets.shape[1]), (plan.repeats, 1))
    batches = _batches(items, plan.sources(3))
    _train(nets, lambda index: errors(pool.fake(index)).mean(1).sum(), batches, plan.iterations)
    everyone = np.tile(np.arange(len(real)), (plan.repeats, 1))
    with torch.no_grad():
        found = [errors(piece) for piece in _pieces(pool.real(everyone))]
    return torch.cat(found, 1).cpu().double().mean(1).view(len(sets), -1)


class Pool:
    """Real and generated sequences in one tensor, and the places of each group's in it.

    A group is one repeat with one set; repeats lie together, so there are S · R groups.
    """

    def __init__(self, real: torch.Tensor, sets: torch.Tensor) -> None:
        self.sequences = torch.cat([real, sets.flatten(0, 1)])
        self.first = len(real) + sets.shape[1] * np.arange(len(sets))  # of each set

    def real(self, index: np.ndarray) -> np.ndarray:
        """Places of real sequences: (R, B) -> (S · R, B), the same for each set."""
        return np.tile(index, (len(self.first), 1))

    def fake(self, index: np.ndarray) -> np.ndarray:
        """Places of generated sequences: (R, B) in each set -> (S · R, B)."""
        return (self.first[:, None, None] + index).reshape(-1, index.shape[1])

    def take(self, places: np.ndarray) -> torch.Tensor:
        """The sequences at places (G, B), as the networks take them: (G, F, T, B)."""
        index = torch.from_numpy(places).to(self.sequences.device)
        return self.sequences[index].permute(0, 3, 2, 1)


def _split(count: int, sources: list[np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
    """Indices to learn from and to be tested on, (R, .8 N) and (R, .2 N)."""
    orders = np.stack([source.permutation(count) for source in sources])
    cut = int(count * TRAIN_SHARE)
    return orders[:, :cut], orders[:, cut:]


def _batches(items: np.ndarray, sources: list[np.random.Generator]) -> Iterator[np.ndarray]:
    """Batches (R, B) of items (R, N), each repeat in its own order, epoch after epoch."""
    size = min(BATCH, items.shape[1])
    while True:
        pairs = zip(items, sources, strict=True)
        order = np.stack([source.permutation(row) for row, source in pairs])
        for start in range(0, order.shape[1] - size + 1, size):
            yield order[:, start : start + size]


def _pieces(index: np.ndarray) -> list[np.ndarray]:
    return np.split(index, range(CHUNK, index.shape[1], CHUNK), axis=1)


def _train(nets: GRUs, loss: Callable, batches: Iterator, iterations: int) -> None:
    """Adam on the sum over groups, whose gradients do not mix: each learns as if alone."""
    opt = torch.optim.Adam(nets.parameters())
    with torch.enable_grad():
        for index in islice(batches, iterations):
            opt.zero_grad()
            loss(index).backward()
            opt.step()
