"""The exercises of lesson 41: the best discriminator, G's loss, packs, high-quality samples."""

import torch
import torch.nn.functional as F

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


def clouds(seed, centres, sizes, sigma):
    """Samples around centres, as many as sizes says, the furthest five sigma away."""
    source = torch.Generator().manual_seed(seed)
    means = torch.tensor(centres).repeat_interleave(torch.tensor(sizes), 0)
    apart = 5 * sigma * (2 * torch.rand(sum(sizes), 2, generator=source) - 1)
    return means + apart, torch.tensor(centres), sigma


def share_of(good):
    """The share of samples for which good(distances to all centres, sigma) holds."""
    return lambda x, c, s: good((x[:, None] - c).square().sum(2).sqrt(), s).float().mean()


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
            "right, until D is very sure: binary_cross_entropy cuts the logarithm off at -100.":
                lambda a: F.binary_cross_entropy(a.sigmoid(), torch.ones_like(a)),
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
    "41.4": Exercise(high_quality, "one number, a share", 10, "medium",
        cases=[clouds(0, [[0.0, 0.0], [10.0, 0.0], [0.0, 12.0]], [30, 12, 6], 1.0),
               clouds(1, [[0.0, 0.0], [1.0, 0.5], [4.0, 2.0], [9.0, 9.0]], [9, 3, 14, 1], 0.5),
               clouds(2, [[0.02, 0.01]], [20], 0.01), clouds(3, [[5.0, 5.0], [-9, 0]], [8, 3], 2.0),
               (torch.tensor([[3.0, 0.0], [0.0, 4.0]]), torch.zeros(1, 2), 1.0)],
        mistakes={
            "within *three* sigma, not one.": share_of(lambda d, s: d.amin(1) <= s),
            "each coordinate by itself makes a square. Three sigma is a distance, a circle.":
                lambda x, c, s: ((x[:, None] - c).abs().amax(2).amin(1) <= 3 * s).float().mean(),
            "that compares a squared distance.": share_of(lambda d, s: d.amin(1) ** 2 <= 3 * s),
            "the mean runs over pairs; only the nearest counts.": share_of(lambda d, s: d <= 3 * s),
            "a sample that is near two centres counts twice. Only the nearest counts.":
                lambda x, c, s: share_of(lambda d, s: d <= 3 * s)(x, c, s) * len(c),
            "that is the mean of the modes' shares; all samples count the same.":
                lambda x, c, s: sum(high_quality(x[torch.cdist(x, c).argmin(1) == k], c, s)
                                    for k in range(len(c))) / len(c),
            "right for sigma = 1 only. Where is sigma?": share_of(lambda d, s: d.amin(1) <= 3),
            "exactly 3 sigma away counts, too.": share_of(lambda d, s: d.amin(1) < 3 * s),
        },
        praise="The nearest centre decides, within a circle of three sigma.",
        hints=("First the distance of each sample from each centre, then each sample's smallest.",
               "In torch.cdist(samples, centres).amin(1), which share is at most 3 sigma?"),
    ),
}
