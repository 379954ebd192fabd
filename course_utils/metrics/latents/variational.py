"""How much of its code a variational autoencoder uses, and how likely it finds data.

Knows no encoder and no decoder: it is given what they computed.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch

from ...arguments import real
from ..inputs import Samples, numbers, rows


def active_units(means: Samples, threshold: float = 0.01) -> torch.Tensor:
    """Which units of a code depend on the data: those whose mean varies from image to image.

    A unit u is active where Var_x(E_q(u|x)[u]) > 0.01. Burda, Grosse and Salakhutdinov,
    *Importance weighted autoencoders*, 2016, section 5.2 (A_u). In a collapsed posterior the mean
    is the prior's, whatever the image.

    Args:
        means: (N, D), the means of q(u|x) for N images, N from 2 up.
        threshold: of the variance, in squared units of the code.

    Returns:
        (D,), boolean, on the CPU; its sum is the number of active units.

    Raises:
        TypeError, ValueError: wrong kind or shape, NaN or infinity, fewer than 2 rows, or a
            negative threshold.
    """
    return rows("means", means, 2).var(0) > real("threshold", threshold, 0)


def importance_likelihood(log_weights: Samples | Iterable[Samples]) -> torch.Tensor:
    """The importance-sampled log-likelihood of each image, in nats.

    log p̂(x) = log (1/K) Σₖ wₖ with wₖ = p(x, zₖ) / q(zₖ|x) and zₖ from q(z|x). Burda, Grosse and
    Salakhutdinov, *Importance weighted autoencoders*, 2016, eq. 8. On average it is a lower bound
    of log p(x): the evidence lower bound for K = 1, tighter with every draw, exact in the limit.

    Args:
        log_weights: log wₖ = log p(x, zₖ) − log q(zₖ|x), (K, N): K draws for each of N images.
            Or an iterable of such pieces, (K₁, N), (K₂, N) and so on: a generator computes them
            one at a time, so that thousands of draws need the memory of one piece.
            `importance_likelihood(log_weights(images, 50) for _ in range(100))`

    Returns:
        (N,), float64, on the CPU, without gradient. An image that no draw explains gets −inf.

    Raises:
        TypeError, ValueError: no tensors, another shape, different N, no piece at all, NaN or +inf.
    """
    if isinstance(log_weights, Samples):
        log_weights = [log_weights]
    if not isinstance(log_weights, Iterable):
        raise TypeError(
            "log_weights must be a tensor (K, N) or an iterable of such, "
            f"not of type {type(log_weights).__name__}."
        )
    total, draws = None, 0
    with torch.no_grad():  # holds in a generator that is read here, too
        for piece in log_weights:
            piece = numbers("log_weights", piece, 2, allowed=-np.inf)
            if total is not None and piece.shape[1] != len(total):
                raise ValueError(
                    "each piece of log_weights must be of as many images as the first, "
                    f"{len(total)}, not {piece.shape[1]}."
                )
            part = piece.logsumexp(0)  # (N,)
            total = part if total is None else torch.logaddexp(total, part)
            draws += len(piece)
    if total is None:
        raise ValueError("log_weights must hold one piece or more, but the iterable is empty.")
    return total - math.log(draws)
