"""The exercises of lesson 33: draws with a gradient, KL of normals, a repair, a tighter bound."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .exercise import Exercise, gradients


def reparameterised(mean, log_variance, noise):
    return mean + (log_variance / 2).exp() * noise


def kl(mean, log_variance, prior_mean, prior_log_variance):
    log_ratio = prior_log_variance - log_variance
    spread = log_variance.exp() + (mean - prior_mean) ** 2
    return 0.5 * (log_ratio + spread / prior_log_variance.exp() - 1).sum(1)


def loss_of(x, encoder, decoder, noise):
    mean, log_variance = encoder(x).chunk(2, 1)
    z = mean + (log_variance / 2).exp() * noise
    logits = decoder(z)
    log_p = (x * logits - F.softplus(logits)).sum(1)
    kl = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1) / 2
    return (kl - log_p).mean()


def importance_bound(log_weights):
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def rate(m, v):
    return (m**2 + v.exp() - 1 - v).sum(1) / 2


def pixel_means(a, x):  # the fault of patient B
    return F.binary_cross_entropy_with_logits(a, x)


def stops(a, x):  # right until a probability is 0 or 1
    return F.binary_cross_entropy(a.sigmoid(), x, reduction="none").sum(1).mean()


def listed(a, x):
    return F.binary_cross_entropy(a.sigmoid(), x)


def losing(half=0.5, picture=lambda a, x: (F.softplus(a) - x * a).sum(1).mean(),
           code=lambda m, v: rate(m, v).mean(), draw=None):  # fmt: skip
    """A wrong loss: what of the three faults is left in it, or another one."""

    def loss(x, encoder, decoder, noise):
        m, v = encoder(x).chunk(2, 1)
        z = draw(m, v, noise) if draw else m + (half * v).exp() * noise
        return picture(decoder(z), x) + code(m, v)

    return loss


def machines(seed, B, P, D, size=1.0):
    """Pixels, an encoder, a decoder whose logits have about that size, and noise."""
    encoder, decoder = nn.Linear(P, 2 * D), nn.Linear(D, P)
    for number, layer in enumerate((encoder, decoder)):
        for part in layer.parameters():
            part.data = normal(*part.shape, seed=10 * seed + number, size=size if number else 0.6)
    return ((normal(B, P, seed=seed) > 0).float(), encoder, decoder, normal(B, D, seed=seed + 1))


def slopes(result, before, after):
    weights = [w for part in after[1:3] for w in part.parameters()]
    found = [torch.zeros_like(w) for w in weights]
    if isinstance(result, torch.Tensor) and result.requires_grad:
        found = torch.autograd.grad(result.sum(), weights, materialize_grads=True)
    names = [
        f"the {part}'s {kind}" for part in ("encoder", "decoder") for kind in ("weight", "bias")
    ]
    return {f"the gradient in {n}": g for n, g in zip(names, found, strict=True)}


def shifted(shift):
    """The logarithm of a mean of exponentials, all of them shifted first."""
    return lambda w: (w - shift(w)).exp().mean(0).log() + shift(w)


def normal(*shape, seed, size=1.0):
    return size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# fmt: off
EXERCISES = {
    "33.1": Exercise(reparameterised, "a tensor of shape (K, B, D)", 10, "easy",
        cases=[(normal(B, 3, seed=K).requires_grad_(), normal(B, 3, seed=B).requires_grad_(),
                normal(K, B, 3, seed=0)) for K, B in ((5, 4), (2, 1))],
        extra=gradients("the mean", "the log-variance"), numpy=False,
        mistakes={
            "the *standard deviation* stretches the noise.": lambda m, v, e: m + v.exp() * e,
            "a log-variance is no spread. Take exp of half of it.": lambda m, v, e: m + v * e,
            "all draws are the mean. Where does the noise come in?": lambda m, v, e: m + 0 * e,
            "every code gets noise of size 1. Stretch it by the spread.": lambda m, v, e: m + e,
            "stretch the noise only, not the mean.": lambda m, v, e: (m + e) * (v / 2).exp(),
            "the numbers are right, but no gradient flows. Do without detach and torch.no_grad().":
                lambda m, v, e: (m + (v / 2).exp() * e).detach(),
        },
        praise="The draws have the right spread, and gradients reach mean and log-variance.",
        hints=("A draw is the mean plus stretched noise. By what? A root halves a logarithm.",
               "It is mean + (log_variance / 2).exp() * noise; (B, D) goes with (K, B, D)."),
    ),
    "33.2": Exercise(kl, "a tensor with one number for each picture", 10, "medium",
        cases=[tuple(normal(5, 4, seed=i) for i in range(4)),
               tuple(normal(1, 3, seed=i, size=2) for i in range(4)),
               2 * (normal(3, 4, seed=0), normal(3, 4, seed=1))],
        atol=1e-5,  # float32 leaves that much where q = p
        mistakes={
            "that is KL(p ‖ q). It matters which comes first.": lambda m, v, n, w: kl(n, w, m, v),
            "that is the KL from the *standard* normal.": lambda m, v, n, w: rate(m, v),
            "you took s; the formula has s².": lambda m, v, n, w: kl(m, v / 2, n, w / 2),
            "those are bits; take the natural logarithm.": lambda *q: kl(*q) / math.log(2),
            "the factor ½ is missing.": lambda *q: 2 * kl(*q),
            "the sign is turned: a KL is never negative.": lambda *q: -kl(*q),
            "the -1 is missing: for q = p it must be 0.": lambda *q: kl(*q) + q[0].shape[1] / 2,
            "that is the mean over the units; add them up.": lambda *q: kl(*q) / q[0].shape[1],
        },
        praise="It is 0 for equal normals, never negative, and not the same both ways.",
        hints=("What is given is log s², so s² is exp of it. The log of a ratio is a difference.",
               "Sum 0.5 * (prior_log_variance - log_variance + (log_variance.exp() + (mean - "
               "prior_mean)**2) / prior_log_variance.exp() - 1) over the units: .sum(1)."),
    ),
    "33.3": Exercise(loss_of, "one number, the mean over the pictures", 15, "hard",
        cases=[machines(0, 5, 7, 3), machines(1, 4, 3, 2), machines(2, 3, 6, 2, size=300)],
        extra=slopes, numpy=False,
        mistakes={
            "all three faults are still in it.": losing(1, listed),
            "one fault is left: the noise is stretched by the variance. It wants the spread.":
                losing(1),
            "one fault is left: the cross-entropy is one mean over all pixels, beside a KL that is "
            "a sum over units. Sum over each picture's pixels.": losing(picture=pixel_means),
            "one fault is left: binary_cross_entropy stops at 100 for a sure decoder. Use the "
            "logits.": losing(picture=stops),
            "two faults are left: the noise is stretched by the variance, and the pixels are "
            "averaged.": losing(1, pixel_means),
            "two faults are left: the noise is stretched by the variance, and a sigmoid comes "
            "before the cross-entropy.": losing(1, stops),
            "two faults are left: the pixels are averaged, and a sigmoid comes before the "
            "cross-entropy.": losing(picture=listed),
            "that is the ELBO. A loss is minus that.": lambda *given: -loss_of(*given),
            "the KL was right as it was: the loss adds it.":
                losing(code=lambda m, v: -rate(m, v).mean()),
            "that leaves out the KL.": losing(code=lambda m, v: 0),
            "the KL of a code is a sum over its units; you took their mean.":
                losing(code=lambda m, v: rate(m, v).mean() / m.shape[1]),
            "the mean over the pictures is asked for, not their sum.":
                lambda x, *given: loss_of(x, *given) * len(x),
            "the code has lost its noise.": losing(draw=lambda m, v, noise: m),
            "the number is right, but the pixels teach the encoder nothing: the code is detached.":
                losing(draw=lambda m, v, noise: (m + (v / 2).exp() * noise).detach()),
        },
        praise="The loss is minus the ELBO in nats, finite however sure the decoder is.",
        hints=("What is exp of a log-variance? Over what does the library's cross-entropy "
               "average? And what is the logarithm of a sigmoid that was rounded to 0?",
               "The code is mean + (log_variance / 2).exp() * noise, and for the pixels take "
               "(F.softplus(logits) - x * logits).sum(1).mean()."),
    ),
    "33.4": Exercise(importance_bound, "a tensor with one number for each picture", 10, "medium",
        cases=[(normal(6, 4, seed=0, size=3) - 2,), (normal(3, 4, seed=1) - 5000,),
               (normal(5, 2, seed=2) + torch.tensor([-5000.0, -900.0]),),
               (normal(4, 3, seed=3, size=200) - 5000,), (normal(2, 1, seed=4) + 5000,)],
        rtol=1e-6, atol=1e-4,  # near 5,000 float32 counts in steps of 0.0005
        mistakes={
            "that is the ELBO. Average first, then take the logarithm.": lambda w: w.mean(0),
            "that is the log of the *sum*. For the mean, subtract log K.": lambda w: w.logsumexp(0),
            "that is the likelihood; take its logarithm.": lambda w: importance_bound(w).exp(),
            "that is the *negative* log-likelihood.": lambda w: -importance_bound(w),
            "right near 0, but exp(-5000) is 0. Stay with torch.logsumexp.": shifted(lambda w: 0),
            "subtract each picture's own largest logarithm, not that of all.": shifted(torch.max),
            "subtract each picture's own largest logarithm, not one mean.": shifted(torch.mean),
            "subtracting a picture's mean or minimum is not enough: exp of what is far above it is "
            "infinite. Subtract its largest logarithm.": shifted(lambda w: w.mean(0)),
        },
        praise="It lies between the mean of the logarithms and the largest of them, at any size.",
        hints=("The logarithm of a sum is torch.logsumexp, which never leaves the logarithms.",
               "It is log_weights.logsumexp(0) - math.log(K)."),
    ),
}
