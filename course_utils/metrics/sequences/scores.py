"""How real generated sequences are: the discriminative and the predictive score of TimeGAN.

Yoon, Jarrett and van der Schaar, *Time-series generative adversarial networks*, NeurIPS 2019,
section 5, as the authors' released code computes them (github.com/jsyoon0823/TimeGAN, `metrics/`).
"""

import math
import statistics
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ... import arguments, runtime
from ...arguments import Samples, sequences, whole
from .critics import TRAIN_SHARE, Plan, discriminate, predict

REPEATS = 10  # the protocol's
ITERATIONS = {"discriminative": 2000, "predictive": 5000}  # the protocol's
LARGE = 8  # units: what has more gets fewer repeats and iterations without a GPU
LEAST = 10  # sequences of each kind: below this a fifth of them is nothing
BLURRED = 0.05  # a score that chance alone gives on average, above which there is a warning


@dataclass(frozen=True)
class SequenceScore:
    """A score, repeat by repeat, and what it was measured with. `print` it, or take `mean`.

    Compare it with `reference`: for a discriminative score, what perfect samples get on average,
    because so few are tested; for a predictive score, the error of predicting each time step's
    median, without looking at the sequence.
    """

    kind: str  # discriminative or predictive
    values: tuple[float, ...]  # one per repeat: other splits, weights and batches
    reference: float
    units: int  # of the GRU
    iterations: int

    @property
    def mean(self) -> float:
        """Over the repeats."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        """The standard deviation over the repeats; NaN for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def is_protocol(self) -> bool:
        """Whether repeats and iterations are TimeGAN's; not whether the units are."""
        return len(self.values) >= REPEATS and self.iterations == ITERATIONS[self.kind]

    def __str__(self) -> str:
        amount = f"{len(self.values)} × {self.iterations:,} iterations, GRU of {self.units}"
        spread = f" ± {self.spread:.3f}" if len(self.values) > 1 else ""
        return f"{self.mean:.3f}{spread} ({amount})"


Scores = SequenceScore | dict[str, SequenceScore]


def discriminative_score(
    real: Samples,
    fake: Samples | Mapping[str, Samples],
    *,
    units: int | None = None,
    repeats: int | None = None,
    iterations: int | None = None,
    seed: int = 0,
) -> Scores:
    """How far above chance a critic tells real from generated sequences: |accuracy − ½|.

    The critic is one layer of GRU cells whose last state is read by a linear layer. It learns on
    80 % of both sets, with Adam at its default rate and 128 real and 128 generated sequences per
    iteration, and is tested on the rest. TimeGAN's has half as many units as there are
    features, 2 for 5, and sees little: give the score of `units=64` beside it. The protocol is 10
    repeats of 2,000 iterations, which `repeats=10` asks for.

    All repeats and all sets train side by side as one batched network, on the device; repeat
    number i is what it would be alone. Where this differs from the released code: the cell and
    its weights are as `gru.GRUs` says; batches are cut from shuffled epochs, not drawn anew each
    time; and the two accuracies are averaged, which is the same for equal numbers.

    Args:
        real: (N, T, F), N from 10 up, scaled as the generator saw them, usually to 0…1.
        fake: (M, T, F), better M = N; or several such sets of one size, by name.
        units: of the GRU; None is the protocol's, F // 2, and 1 for a single feature.
        repeats: None is 10 on a GPU and 5 without; of more than 8 units 10 and 2.
        iterations: None is 2,000, and without a GPU 1,000 of more than 8 units.
        seed: of splits, weights and batches, from 0 up.

    Returns:
        A score in 0…½, 0 where the critic is at chance; of several sets one each, by name.

    Raises:
        TypeError, ValueError: wrong kinds, shapes that do not fit, NaN or infinity, fewer than 10
            sequences, or a number out of range.

    Warns:
        UserWarning: so few sequences that perfect samples would score above .05 by chance.
    """
    real, sets, names = _checked(real, fake)
    plan = _plan("discriminative", units, real.shape[2], repeats, iterations, seed)
    held = [len(part) - int(len(part) * TRAIN_SHARE) for part in (real, sets[0])]
    # The mean of two accuracies of fair coins is about normal, and E|x| of that is √(2 / π) σ.
    chance = math.sqrt(sum(1 / count for count in held) / (8 * math.pi))
    if chance > BLURRED:
        warnings.warn(
            f"A discriminative score tested on {held[0]} real and {held[1]} generated "
            f"sequences says little: perfect samples would get {chance:.2f} by chance.",
            stacklevel=2,
        )
    return _scores("discriminative", names, discriminate(real, sets, plan), chance, plan)


def predictive_score(
    real: Samples,
    fake: Samples | Mapping[str, Samples],
    *,
    units: int | None = None,
    repeats: int | None = None,
    iterations: int | None = None,
    seed: int = 0,
) -> Scores:
    """The error on real sequences of a predictor that learned from generated ones.

    One layer of GRU cells, read by a linear layer and a sigmoid, predicts the last feature at
    t + 1 from all the others up to t. It learns from 128 generated sequences per iteration, with
    Adam and the mean absolute error. The protocol is 10 repeats of 5,000 iterations. Of a single
    feature, for which the protocol says nothing, the next value is predicted from those before.

    Compare with two numbers: the score of real sequences themselves, `predictive_score(real,
    real)`, and `reference`, the error of each time step's median. Where these are equal, as on
    TimeGAN's sines, whose features are independent, the score says nothing. How repeats train
    side by side, and where the cell and the batches differ from the released code, is explained in
    `discriminative_score`.

    Args:
        real: (N, T, F), N from 10 up, T from 2 up, scaled to 0…1, as the sigmoid's answers are.
        fake: (M, T, F); or several such sets of one size, by name.
        units, repeats, iterations, seed: as `discriminative_score`; the iterations are 5,000.

    Returns:
        A mean absolute error, from 0 up, in the scaled unit; of several sets one each, by name.

    Raises:
        TypeError, ValueError: as `discriminative_score`, and real sequences far outside 0…1,
            or of a single step.
    """
    real, sets, names = _checked(real, fake, T=2)  # one step to be predicted
    arguments.within("real", real, 0, 1, note=", as the predictor's answers are", slack=0.5)
    plan = _plan("predictive", units, real.shape[2], repeats, iterations, seed)
    wanted = real[:, 1:, -1]
    median = (wanted - wanted.median(0).values).abs().mean().item()
    return _scores("predictive", names, predict(real, sets, plan), median, plan)


def discriminative_floors(
    real: Samples, fresh: Samples | None = None, **options: int | None
) -> dict[str, SequenceScore]:
    """What no generator can beat, and what copying scores: two rows to print first.

    Args:
        real: (N, T, F), the training sequences; N from 20 up without `fresh`.
        fresh: (M, T, F), other real sequences; None takes two random halves of `real`. Windows
            that overlap make such halves alike: then this floor is the one of the protocol,
            which rewards memorising, and a later stretch of time as `fresh` shows it.
        options: as `discriminative_score`.

    Returns:
        "real against real", and "copy of the training set": the score of a generator that
        learned its data by heart.

    Raises:
        TypeError, ValueError: as `discriminative_score`.
    """
    seed = whole("seed", options.get("seed", 0), 0)
    one, other = real, fresh
    if fresh is None:
        whole_set = sequences("real", real, N=2 * LEAST)
        order = np.random.default_rng([seed, REPEATS]).permutation(len(whole_set))
        one, other = (whole_set[part] for part in np.array_split(order, 2))
    return {
        "real against real": discriminative_score(one, {"fresh": other}, **options)["fresh"],
        "copy of the training set": discriminative_score(real, real, **options),
    }


def _checked(
    real: Samples, fake: Samples | Mapping[str, Samples], **least: int
) -> tuple[torch.Tensor, torch.Tensor, list[str] | None]:
    """On the device: real (N, T, F), generated (S, M, T, F); and the sets' names, if they came."""
    several = isinstance(fake, Mapping)
    real = sequences("real", real, N=LEAST, **least)
    given = {str(name): values for name, values in (fake if several else {"fake": fake}).items()}
    arguments.some("fake", len(given))
    sets = [sequences(name, values, like=real, N=LEAST) for name, values in given.items()]
    for name, values in zip(given, sets, strict=True):
        arguments.shape(name, values, f"{tuple(sets[0].shape)}, of as many as {next(iter(given))}")
    ready = [x.float().to(runtime.device()) for x in (real, torch.stack(sets))]
    return *ready, list(given) if several else None


def _plan(
    kind: str, units: int | None, features: int, repeats: int | None, iterations: int | None,
    seed: int,
) -> Plan:  # fmt: skip
    """What is asked for, and for the rest what the profile allows."""
    units = max(1, features // 2) if units is None else whole("units", units, 1)
    small, usual = units <= LARGE, ITERATIONS[kind]
    if repeats is None:
        repeats = runtime.budget(cpu=5 if small else 2, gpu=REPEATS)
    if iterations is None:
        iterations = runtime.budget(cpu=usual if small else usual // 2, gpu=usual)
    return Plan(
        units, whole("repeats", repeats, 1), whole("iterations", iterations, 1),
        whole("seed", seed, 0),
    )  # fmt: skip


def _scores(
    kind: str, names: list[str] | None, values: torch.Tensor, reference: float, plan: Plan
) -> Scores:
    """A score for each set, by name, or the only one; values are (S, R)."""
    found = [
        SequenceScore(kind, tuple(of_set), reference, plan.units, plan.iterations)
        for of_set in values.tolist()
    ]
    return found[0] if names is None else dict(zip(names, found, strict=True))
