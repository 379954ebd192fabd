"""The exercises of lesson 51: a generator's input, D's loss, first differences, realism."""

from functools import partial

import torch
import torch.nn.functional as F

from .exercise import Exercise, gradients


def generator_input(noise, code):
    repeated = code[:, None].expand(-1, noise.shape[1], -1)
    return torch.cat([noise, repeated], 2)


def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def with_differences(x):
    steps = torch.zeros_like(x)
    steps[:, 1:] = x[:, 1:] - x[:, :-1]
    return torch.stack([x, steps], 2)


def realism(real_logits, fake_logits):
    right = (real_logits > 0).float().mean()
    exposed = (fake_logits <= 0).float().mean()
    return ((right + exposed) / 2 - 0.5).abs()


def losing(real=lambda r: F.softplus(-r).mean(), fake=lambda f: F.softplus(f).mean()):
    return lambda r, f: real(r) + fake(f)


def beside(steps):
    return lambda x: torch.stack([x, steps(x)], 2)


def judged(score, border=0.0):
    """A wrong realism: `score` of the shares of real and of fake sequences judged right."""
    return lambda r, f: score((r > border).float().mean(), (f <= border).float().mean())


def logits(*values):
    return torch.tensor(values).requires_grad_()


drawn = partial(torch.randn, generator=torch.Generator().manual_seed(0))

# fmt: off
EXERCISES = {
    "51.1": Exercise(generator_input, "a tensor of shape (B, T, n + k)", 5, "easy",
        cases=[(drawn(2, 4, 3), drawn(2, 5)), (drawn(3, 3, 1), drawn(3, 2)),
               (drawn(4, 2, 2), drawn(4, 2)), (drawn(1, 1, 2), drawn(1, 3))],
        mistakes={
            "the order is the other way round: first the noise, then the code.":
                lambda z, c: generator_input(z, c).roll(c.shape[1], 2),
            "the code is there at the first step only. Later steps would have to remember it.":
                lambda z, c: torch.cat([z, F.pad(c[:, None], (0, 0, 0, z.shape[1] - 1))], 2),
            "all sequences get the same code. Each has its own.":
                lambda z, c: generator_input(z, c[:1].expand(len(c), -1)),
            "the codes are mixed up: at every step sequence i should see code[i], all of it.":
                lambda z, c: torch.cat([z, c.repeat(z.shape[1], 1).view(*z.shape[:2], -1)], 2),
            "sequences come first, then steps.": lambda z, c: generator_input(z, c).transpose(0, 1),
        },
        praise="New noise at each step, and one code for each sequence, which stays.",
        hints=("The code needs an axis of steps, along which it repeats. At which place?",
               "Repeat it with code[:, None].expand(-1, T, -1), then torch.cat along axis 2."),
    ),
    "51.2": Exercise(discriminator_loss, "one number, from the two means", 10, "medium",
        cases=[(logits([-2.0], [0.5], [3.0]), logits([1.0], [-0.25])),
               (logits([-200.0]), logits([200.0], [-200.0], [0.75])),
               (logits([200.0], [0.3]), logits([-200.0]))],
        extra=gradients("the real logits", "the fake logits"), numpy=False,
        mistakes={
            "fakes have the target 1: the listing's fourth fault. D would call all real.":
                losing(fake=lambda f: F.softplus(-f).mean()),
            "the targets are swapped for both.": lambda r, f: discriminator_loss(-r, -f),
            "real sequences play no part in it: the listing's third fault.": losing(lambda r: 0),
            "that is half of it: add the two means.": lambda r, f: discriminator_loss(r, f) / 2,
            "that is the value of the game, not a loss.": lambda r, f: -discriminator_loss(r, f),
            "there is a sigmoid too many: softplus takes the logits as they are.":
                lambda r, f: discriminator_loss(r.sigmoid(), f.sigmoid()),
            "right until D is very wrong: in float32 the sigmoid of -200 is 0. Use softplus.":
                losing(lambda r: -r.sigmoid().log().mean(),
                       lambda f: -(1 - f.sigmoid()).log().mean()),
            "right until D is very wrong: binary_cross_entropy stops at 100. Use softplus.":
                losing(lambda r: F.binary_cross_entropy(r.sigmoid(), torch.ones_like(r)),
                       lambda f: F.binary_cross_entropy(f.sigmoid(), torch.zeros_like(f))),
            "the number is right, but no gradient reaches the logits. Was something detached?":
                lambda r, f: discriminator_loss(r.detach(), f.detach()),
        },
        praise="Up on real, down on fakes, with gradients for both, and finite for logits of ±200.",
        hints=("Where D is sigmoid(a), -log D is softplus(-a), and -log(1 - D) is softplus(a).",
               "It is F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()."),
    ),
    "51.3": Exercise(with_differences, "a tensor of shape (B, T, 2)", 5, "easy",
        cases=[(drawn(3, 4),), (drawn(4, 4),), (drawn(2, 1),), (drawn(1, 7),)],
        mistakes={
            "a step is lost. The first has no difference; it gets a 0, and keeps its value.":
                lambda x: torch.stack([x[:, 1:], x.diff(dim=1)], 2),
            "put the value first.": lambda x: with_differences(x).flip(2),
            "that tells each step the future.": beside(lambda x: F.pad(x.diff(dim=1), (0, 1))),
            "the sign is wrong.": beside(lambda x: -with_differences(x)[..., 1]),
            "the first difference should be 0.": beside(lambda x: x - F.pad(x[:, :-1], (1, 0))),
            "roll compares the first step with the *last*.": beside(lambda x: x - x.roll(1, 1)),
        },
        praise="As many steps as before, and nothing from the future.",
        hints=("In x[:, 1:] - x[:, :-1] one step of x is missing. Which, and at which end?",
               "Put a zero in front of the differences, then torch.stack([x, differences], 2)."),
    ),
    "51.4": Exercise(realism, "one number", 10, "medium",
        cases=[
            (torch.tensor([2.0, 0.3, -1.0, 0.2, 5.0, 1.0, -0.1, 0.4]),
             torch.tensor([-3.0, -0.2, 0.3, -1.0, -0.5])),  # 6 of 8 and 4 of 5 are right
            (torch.tensor([-2.0, 0.0, 1.0, -0.4, -3.0]), torch.tensor([0.0, 2.0, -1.0])),
            (torch.tensor([3.0, 1.0, -1.0, 0.7, 2.0, 9.0]), torch.tensor([2.0, 1.0, -1.0, 3.0])),
        ],
        mistakes={
            "that is the accuracy. Chance is ½: subtract it.": judged(lambda r, f: (r + f) / 2),
            "that is the share of all sequences. Take the mean of the two accuracies, or it would "
            "pay to call everything what the larger set is.":
                lambda r, f: ((torch.cat([r > 0, f <= 0])).float().mean() - 0.5).abs(),
            "generated sequences count as right when they are called *real*. Which sign is right?":
                judged(lambda r, f: ((r + 1 - f) / 2 - 0.5).abs()),
            "only the better of the two accuracies counts in it. Take their mean.":
                judged(lambda r, f: (torch.maximum(r, f) - 0.5).abs()),
            "that is the mean of two distances. Take the mean of the accuracies first: a judge who "
            "calls everything real is at chance.":
                judged(lambda r, f: ((r - 0.5).abs() + (f - 0.5).abs()) / 2),
            **{f"a judge that is mostly wrong gets {score}. It tells the two apart as well, and a "
               "distance has no sign.": judged(lambda r, f, m=least: ((r + f) / 2 - 0.5).clamp(m))
               for score, least in (("a negative number", -1), ("0", 0))},
            "the border of a *logit* is 0. A half is the border of a probability.":
                judged(lambda r, f: ((r + f) / 2 - 0.5).abs(), 0.5),
            "a logit of 0 does not say \"real\", so it is right on a generated sequence.":
                lambda r, f: (((r > 0).float().mean() + (f < 0).float().mean()) / 2 - 0.5).abs(),
        },
        praise="0 at chance, ½ for a judge that is never wrong, or always.",
        hints=("Two accuracies: real sequences called real, generated ones called generated.",
               "Take the means of (real_logits > 0).float() and (fake_logits <= 0).float(), their "
               "mean, and its distance from ½."),
    ),
}
