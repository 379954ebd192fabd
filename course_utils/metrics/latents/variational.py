"""How much of its code a variational autoencoder uses, and how likely it finds data.

It never sees the encoder or the decoder, only what they computed.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch

from ... import arguments
from ...arguments import Samples


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
    means = arguments.vectors("means", means, N=2)
    return means.var(0) > arguments.real("threshold", threshold, 0)


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
        TypeError, ValueError: not tensors, another shape, different N, no piece, NaN or +inf.
    """
    if isinstance(log_weights, Samples):
        log_weights = [log_weights]
    wanted = "a tensor (K, N) or an iterable of such tensors"
    arguments.kind("log_weights", log_weights, Iterable, wanted)
    total, draws = None, 0
    with torch.no_grad():  # holds in a generator that is read here, too
        for piece in log_weights:
            shape = f"(K, {len(total)}), of as many images as before" if draws else "(K, N)"
            piece = arguments.samples("log_weights", piece, shape, allowed=-np.inf)
            part = piece.logsumexp(0)  # (N,)
            total = torch.logaddexp(total, part) if draws else part
            draws += len(piece)
    return total - math.log(arguments.some("log_weights", draws))
