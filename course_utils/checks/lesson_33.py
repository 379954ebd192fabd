"""The exercises of lesson 33: draws with a gradient, KL of normals, the ELBO, a tighter bound."""

import math

import torch
import torch.nn.functional as F

from .exercise import Exercise, gradients


def reparameterised(mean, log_variance, noise):
    return mean + (log_variance / 2).exp() * noise


def kl(mean, log_variance, prior_mean, prior_log_variance):
    log_ratio = prior_log_variance - log_variance
    spread = log_variance.exp() + (mean - prior_mean) ** 2
    return 0.5 * (log_ratio + spread / prior_log_variance.exp() - 1).sum(1)


def elbo_of(logits, pixels, mean, log_variance):
    log_p = (pixels * logits - F.softplus(logits)).sum(1)
    kl = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1) / 2
    return log_p - kl


def importance_bound(log_weights):
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def rate(m, v):
    return (m**2 + v.exp() - 1 - v).sum(1) / 2


def elbo_with(log_p):
    """The KL of the code subtracted from another log-probability of the pixels."""
    return lambda a, x, m, v: log_p(a, x) - rate(m, v)


def shifted(shift):
    """The logarithm of a mean of exponentials, all of them shifted first."""
    return lambda w: (w - shift(w)).exp().mean(0).log() + shift(w)


def normal(*shape, seed, size=1.0):
    return size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# fmt: off
SURE = torch.tensor([[200.0, -200.0]])
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
    "33.3": Exercise(elbo_of, "a tensor with one number for each picture", 15, "hard",
        cases=[(normal(5, 7, seed=0, size=2), (normal(5, 7, seed=1) > 0).float(),
                normal(5, 3, seed=2), normal(5, 3, seed=3)),
               (SURE, torch.tensor([[0.0, 1.0]]), normal(1, 3, seed=4), normal(1, 3, seed=5)),
               (SURE, torch.tensor([[1.0, 0.0]]), normal(1, 2, seed=6), normal(1, 2, seed=7))],
        mistakes={
            "that is minus the ELBO, the loss.": lambda *given: -elbo_of(*given),
            "the KL should be subtracted, not added.": lambda *g: elbo_of(*g) + 2 * rate(*g[2:]),
            "that leaves out the KL.": lambda *g: elbo_of(*g) + rate(*g[2:]),
            "the library's cross-entropy is one mean of all pixels. Sum over each picture's.":
                elbo_with(lambda a, x: -F.binary_cross_entropy_with_logits(a, x)),
            "add up a picture's pixels.": elbo_with(lambda a, x: (x * a - F.softplus(a)).mean(1)),
            "the logits went through a sigmoid, and then were treated as logits again.":
                elbo_with(lambda a, x: (x * a.sigmoid() - F.softplus(a.sigmoid())).sum(1)),
            "pixels that are 0 count, too.": elbo_with(lambda a, x: (x * F.logsigmoid(a)).sum(1)),
            "right for small logits, but not finite for 200. Use softplus.": elbo_with(
                lambda a, x: (x * a.sigmoid().log() + (1 - x) * (1 - a.sigmoid()).log()).sum(1)),
            "right, but binary_cross_entropy stops at -100. Use the one with_logits.": elbo_with(
                lambda a, x: -F.binary_cross_entropy(a.sigmoid(), x, reduction="none").sum(1)),
        },
        praise="Those are the nats of the whole picture, finite however sure the decoder is.",
        hints=("Two terms: the log-probability of a picture's pixels, minus the KL of its code.",
               "The first is (pixels * logits - F.softplus(logits)).sum(1), the KL the lesson's."),
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
