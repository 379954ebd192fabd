"""The exercises of lesson 41: the best discriminator, G's loss, packs, a penalty to repair."""

import torch
import torch.nn.functional as F
from torch import nn

from .compare import numbers
from .exercise import Exercise, gradients


def best_discriminator(p, q):
    return p / (p + q)


def generator_loss(logits):
    return F.softplus(-logits).mean()


def packed(samples, m):
    return samples.reshape(len(samples) // m, m * samples.shape[1])


def high_quality(samples, centres, sigma):
    nearest = torch.cdist(samples, centres).amin(1)
    return (nearest <= 3 * sigma).float().mean()


def numbered(N, d):
    """Samples whose decimals are their numbers: 10.03, 20.03, … is the sample number 3."""
    return 10.0 * torch.arange(1, d + 1) + 0.01 * torch.arange(N)[:, None]


def members(result, before, after):
    """How many samples are whole in some pack; packs may be made in any order."""
    samples, found = numbered(*before[0].shape), numbers(result)
    whole = 0
    if found is not None and found.size == samples.numel():
        rows = torch.as_tensor(found).float().reshape(samples.shape)
        whole = (torch.cdist(samples, rows).amin(1) < 0.005).sum()
    return {"the number of samples that are whole in a pack": whole}


def slope_penalty(D, real):
    x = real.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return slopes.square().sum(1).mean()


def penalising(of=torch.sum, graph=True, length=lambda s: s.square().sum(1).mean()):
    """The colleague's penalty, with some of its faults repaired or others put in."""

    def answer(D, real):
        x = real.clone().requires_grad_()
        (slopes,) = torch.autograd.grad(of(D(x)), x, create_graph=graph)
        return length(slopes)

    return answer


def mean_of_squares(slopes):
    return slopes.square().mean()


def judge(seed):
    """A small smooth D, whose slope is not the same everywhere."""
    source = torch.Generator().manual_seed(seed)
    D = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1))
    for weights in D.parameters():
        weights.data = torch.randn(weights.shape, generator=source)
    return D


def trains(result, before, after):
    """The penalty's gradient at D's weights, and whether the caller's points were touched."""
    (D, real), slopes = after, torch.zeros(1)
    if isinstance(result, torch.Tensor) and result.requires_grad:
        found = torch.autograd.grad(result.sum(), list(D.parameters()), materialize_grads=True)
        slopes = torch.cat([g.flatten() for g in found])
    return {
        "the gradient of the penalty at D's weights": slopes,
        "whether the real points ask for gradients afterwards": real.requires_grad,
    }


# fmt: off
EXERCISES = {
    "41.1": Exercise(best_discriminator, "a tensor with one probability for each place", 5, "easy",
        cases=[(torch.tensor([0.2, 1.0, 0.5, 3.0]), torch.tensor([0.6, 1.0, 0.1, 0.1])),
               (torch.tensor([0.003, 0.001]), torch.tensor([0.001, 0.004])),
               (torch.tensor([3.0, 0.0, 0.5]), torch.tensor([0.0, 0.2, 0.0]))],
        mistakes={
            "that is the probability of being *fake*.": lambda p, q: q / (p + q),
            "that is the ratio of the densities. A probability is at most 1.": lambda p, q: p / q,
            "that is the best *logit*. D itself is its sigmoid.": lambda p, q: (p / q).log(),
            "q plays no part in it. Where fakes are dense, D should be low.": lambda p, q: p,
            "p + q needs no epsilon: densities may be small.": lambda p, q: p / (p + q + 1e-4),
            "where q = 0 and p is not, D must be 1.": lambda p, q: (p / q) / (1 + p / q),
        },
        praise="It is one half where the densities agree, and one where no fake ever falls.",
        hints=("At each point: which share of all points that fall there is real?",
               "It is p / (p + q), where both may be tensors."),
    ),
    "41.2": Exercise(generator_loss, "one number", 10, "medium",
        cases=[(torch.tensor(values)[:, None].requires_grad_(),)
               for values in ([-2.0, 0.5, 3.0], [-200.0], [90.0, -200.0, 1.0, -1.0])],
        extra=gradients("the logits"), numpy=False,
        mistakes={
            "that is log(1 - D), the minimax loss. It is flat where D sees through the fakes.":
                lambda a: F.logsigmoid(-a).mean(),
            "*D* minimises that on fakes. G wants the opposite.": lambda a: F.softplus(a).mean(),
            "the sign in front is missing: -log D is the loss.": lambda a: F.logsigmoid(a).mean(),
            "the mean does not grow with the batch; a sum does.": lambda a: F.softplus(-a).sum(),
            "there is a sigmoid too many.": lambda a: F.softplus(-a.sigmoid()).mean(),
            "right, but not finite for -200: use softplus.": lambda a: -a.sigmoid().log().mean(),
            "right, until D is very sure: at 100 it is cut off, as binary_cross_entropy does.":
                lambda a: F.binary_cross_entropy(a.sigmoid(), torch.ones_like(a)),
            "the epsilon makes it finite, and flat where it should be steep: use softplus.":
                lambda a: -(a.sigmoid() + 1e-8).log().mean(),
            "the number is right, but no gradient can flow through it. Was something detached?":
                lambda a: generator_loss(a.detach()),
        },
        praise="It is steep where D sees through the fakes, and finite even there.",
        hints=("D is the sigmoid of the logits, and -log sigmoid(a) is a softplus. Of what?",
               "It is F.softplus(-logits).mean()."),
    ),
    "41.3": Exercise(packed, "a tensor of shape (N / m, m · d)", 10, "medium",
        cases=[(numbered(12, 2), 3), (numbered(12, 2), 4), (numbered(10, 3), 5),
               (numbered(6, 1), 2), (numbered(8, 3), 1), (numbered(9, 2), 9)],
        extra=members, free=True,  # in any order
        mistakes={
            "flatten each pack to one row.": lambda x, m: x.reshape(len(x) // m, m, -1),
            "there are as many packs as samples: too many.": lambda x, m: x.repeat(1, m),
            "m is the size of a pack, not the number of packs.": lambda x, m: x.reshape(m, -1),
            "the coordinates are mixed up: x and y of one sample belong side by side.":
                lambda x, m: x.reshape(-1, m, x.shape[1]).transpose(1, 2).flatten(1),
            "a sample need not have 2 numbers: use its shape.": lambda x, m: x.reshape(-1, 2 * m),
            "each pack holds one sample several times.": lambda x, m: x[::m].repeat(1, m),
        },
        praise="Each sample is whole, in one pack, and D sees m of them side by side.",
        hints=("A reshape is enough, if neighbours share a pack. Which shape?",
               "It is samples.reshape(len(samples) // m, m * samples.shape[1])."),
    ),
    "41.4": Exercise(slope_penalty, "one number that can train D", 15, "medium",
        cases=[(judge(seed), torch.randn(N, 2, generator=torch.Generator().manual_seed(seed)))
               for seed, N in ((0, 6), (1, 1), (2, 9))],
        extra=trains, numpy=False,
        mistakes={
            "all three faults are still in it.": penalising(torch.mean, False, mean_of_squares),
            "one fault is left: the mean over D's outputs makes each slope N times too small.":
                penalising(of=torch.mean),
            "the number is right, but it can't train D. Set create_graph=True, detach nothing.":
                penalising(graph=False),
            "that is half of it: a squared length is the *sum* over both coordinates, without a ½.":
                penalising(length=mean_of_squares),
            "two faults are left: the mean over D's outputs, and no create_graph=True.":
                penalising(torch.mean, False),
            "two faults are left: the mean over D's outputs, and the mean over coordinates.":
                penalising(torch.mean, True, mean_of_squares),
            "two faults are left: no create_graph=True, and the mean over coordinates.":
                penalising(torch.sum, False, mean_of_squares),
            "that is the mean *length*. Square it.":
                penalising(length=lambda s: s.norm(dim=1).mean()),
            "take the mean over points; a sum grows with the batch.":
                penalising(length=lambda s: s.square().sum()),
            "the number is right, but the real points now ask for gradients. Clone them first.":
                lambda D, real: slope_penalty(D, real.requires_grad_()),
        },
        praise="It is the mean squared slope, and it can train D.",
        hints=("What does the mean over N outputs do to the slope at one point? And what must be "
               "kept so that a gradient can be differentiated again?",
               "D(x).sum() and create_graph=True in grad, then slopes.square().sum(1).mean()."),
    ),
}
