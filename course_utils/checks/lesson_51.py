"""The exercises of lesson 51: a generator's input, D's loss, a game to repair, realism."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from .exercise import Exercise, gradients


def generator_input(noise, code):
    repeated = code[:, None].expand(-1, noise.shape[1], -1)
    return torch.cat([noise, repeated], 2)


def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def play(G, D, opt_G, opt_D, rounds):
    losses = []
    for real, noise in rounds:
        fake = G(noise)
        loss_D = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()
        loss_G = F.softplus(-D(fake)).mean()
        opt_G.zero_grad()
        loss_G.backward()
        opt_G.step()
        losses.append([loss_D.item(), loss_G.item()])
    return losses


def realism(real_logits, fake_logits):
    right = (real_logits > 0).float().mean()
    exposed = (fake_logits <= 0).float().mean()
    return ((right + exposed) / 2 - 0.5).abs()


def losing(real=lambda r: F.softplus(-r).mean(), fake=lambda f: F.softplus(f).mean()):
    return lambda r, f: real(r) + fake(f)


def opposed(a):
    return F.softplus(-a)


def playing(detach=True, clear="before", clear_G=True, wish=opposed, stale=False, held=False,
            tell=None):  # fmt: skip
    """A wrong game: what of the three faults is left in it, or another one."""

    def play(G, D, opt_G, opt_D, rounds):
        losses = []
        for real, noise in rounds:
            if clear_G:
                opt_G.zero_grad()
            fake = G(noise)
            shown = fake.detach() if detach else fake
            loss_D = F.softplus(-D(real)).mean() + F.softplus(D(shown)).mean()
            before = wish(D(fake)).mean() if stale else None
            if clear == "before":
                opt_D.zero_grad()
            loss_D.backward(retain_graph=True)
            if stale:
                before.backward(inputs=list(G.parameters()))
            opt_D.step()
            if clear == "after":
                opt_D.zero_grad()
            loss_G = before if stale else wish(D(shown if held else fake)).mean()
            if not stale:
                loss_G.backward()
            opt_G.step()
            losses.append([loss_D, loss_G])
        return (tell or plain)(losses)

    return play


def plain(losses):
    return [[a.item(), b.item()] for a, b in losses]


def players(seed, rates, *shape):
    """G, D, their optimizers, and rounds of real sequences and noise: (T, n, B, rounds)."""
    (T, n, B, count), made = shape, torch.Generator().manual_seed(seed)
    G = nn.Linear(n, T)
    D = nn.Sequential(nn.Linear(T, 3), nn.Tanh(), nn.Linear(3, 1))
    for weight in (*G.parameters(), *D.parameters()):
        weight.data = 0.7 * torch.randn(weight.shape, generator=made)
    opts = [torch.optim.SGD(net.parameters(), r) for net, r in zip((G, D), rates, strict=True)]
    rounds = [(torch.randn(B, T, generator=made), torch.randn(B, n, generator=made))
              for _ in range(count)]  # fmt: skip
    return G, D, *opts, rounds


def weights(result, before, after):
    pairs = [pair for pair in result if isinstance(pair, list)] if isinstance(result, list) else []
    held = any(getattr(loss, "requires_grad", False) for pair in pairs for loss in pair)
    return {
        f"{name}'s weights": torch.cat([w.detach().flatten() for w in net.parameters()])
        for name, net in zip("GD", after[:2], strict=True)
    } | {"whether the losses hold on to their computation": held}


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
            "fakes have the target 1: the listing's sixth fault. D would call all real.":
                losing(fake=lambda f: F.softplus(-f).mean()),
            "the targets are swapped for both.": lambda r, f: discriminator_loss(-r, -f),
            "real sequences play no part in it: the listing's fifth fault.": losing(lambda r: 0),
            "fakes play no part in it.": losing(fake=lambda f: 0),
            "that is the generator's loss: it wants its fakes to be called real.":
                lambda r, f: F.softplus(-f).mean(),
            "that is half of it: add the two means.": lambda r, f: discriminator_loss(r, f) / 2,
            "the sums are added. Take the mean of each, or more sequences give a larger loss.":
                losing(lambda r: F.softplus(-r).sum(), lambda f: F.softplus(f).sum()),
            "that is one mean over all sequences. Take the mean of the real ones and that of the "
            "fakes, and add them.": lambda r, f: F.softplus(torch.cat([-r, f])).mean(),
            "that is the value of the game, not a loss.": lambda r, f: -discriminator_loss(r, f),
            "there is a sigmoid too many: softplus takes the logits as they are.":
                lambda r, f: discriminator_loss(r.sigmoid(), f.sigmoid()),
            "right until D is very wrong: at ±200 an exponential overflows, or a sigmoid rounds "
            "to 0 or 1. Use softplus.":
                losing(lambda r: -r.sigmoid().log().mean(),
                       lambda f: -(1 - f.sigmoid()).log().mean()),
            "right until D is very wrong: it stops at 100, as binary_cross_entropy does. Use "
            "softplus.":
                losing(lambda r: F.binary_cross_entropy(r.sigmoid(), torch.ones_like(r)),
                       lambda f: F.binary_cross_entropy(f.sigmoid(), torch.zeros_like(f))),
            "the number is right, but no gradient reaches the logits. Was something detached?":
                lambda r, f: discriminator_loss(r.detach(), f.detach()),
        },
        praise="Up on real, down on fakes, with gradients for both, and finite for logits of ±200.",
        hints=("Where D is sigmoid(a), -log D is softplus(-a), and -log(1 - D) is softplus(a).",
               "It is F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()."),
    ),
    "51.3": Exercise(
        play, "a list with the two losses of each round, as plain numbers", 15, "medium",
        cases=[players(0, (0.5, 0.3), 4, 2, 5, 3), players(1, (0.2, 0.6), 3, 2, 4, 2)],
        extra=weights, numpy=False,
        mistakes={
            "all three faults are still in it.":
                playing(detach=False, clear=None, wish=F.softplus),
            "one fault is left: D's loss still reaches G, because its fakes are not detached.":
                playing(detach=False),
            "one fault is left: D's gradient is never cleared, so those of G's loss and of earlier "
            "rounds add up in it.": playing(clear=None),
            "one fault is left: G's loss wants D to see through its fakes. Which sign is right?":
                playing(wish=F.softplus),
            "two faults are left: nothing is detached, and D's gradient is never cleared.":
                playing(detach=False, clear=None),
            "two faults are left: nothing is detached, and G's loss has the wrong sign.":
                playing(detach=False, wish=F.softplus),
            "two faults are left: D's gradient is never cleared, and G's loss has the wrong sign.":
                playing(clear=None, wish=F.softplus),
            "D's gradient is cleared too early: that of G's loss gets into it afterwards. Clear it "
            "directly before D's own backward.": playing(clear="after"),
            "now G's gradient is never cleared, so those of earlier rounds add up in it.":
                playing(clear_G=False),
            "no gradient is ever cleared, neither D's nor G's.":
                playing(clear=None, clear_G=False),
            "G never learns: its own loss doesn't reach it. Detach the fakes in D's loss alone.":
                playing(held=True),
            "that wish of G's has the right direction, and hardly any slope where D is sure. Its "
            "fakes should get the target 1.": playing(wish=lambda a: -F.softplus(a)),
            "G should play against the *new* D: judge its fakes again after D's step.":
                playing(stale=True),
            "the training is right, but the list holds tensors. Take .item() of each loss.":
                playing(tell=lambda losses: losses),
            "the training is right, but it returns the last round only.":
                playing(tell=lambda losses: plain(losses)[-1]),
            "the training is right, but the two losses are swapped: D's comes first.":
                playing(tell=lambda losses: [pair[::-1] for pair in plain(losses)]),
            "only the first round was played. Is the return inside the loop?":
                lambda G, D, g, d, rounds: play(G, D, g, d, rounds[:1]),
        },
        praise="Each player follows its own loss alone, and G faces the new D.",
        hints=("Whose weights have a gradient after loss_D.backward()? Who clears D's? And what "
               "would G's loss reward?",
               "D(fake.detach()) in D's loss, opt_D.zero_grad() and opt_G.zero_grad() directly "
               "before each backward, and F.softplus(-D(fake)) for G."),
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
            "that is twice the distance. Take the mean of the two accuracies first.":
                judged(lambda r, f: (r + f - 1).abs()),
            "only the real sequences count in it.": judged(lambda r, f: (r - 0.5).abs()),
            "that is the share of mistakes. How far is the accuracy from ½?":
                judged(lambda r, f: 1 - (r + f) / 2),
            "a sigmoid is above 0 for every logit. The border of a probability is ½, that of a "
            "logit is 0.": lambda r, f: realism(r.sigmoid(), f.sigmoid()),
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
            "a logit of 0 does not say \"real\": it is wrong on a real sequence.":
                lambda r, f: (((r >= 0).float().mean() + (f < 0).float().mean()) / 2 - 0.5).abs(),
            "a logit of 0 does not say \"real\", so it is right on a generated sequence.":
                lambda r, f: (((r > 0).float().mean() + (f < 0).float().mean()) / 2 - 0.5).abs(),
        },
        praise="0 at chance, ½ for a judge that is never wrong, or always.",
        hints=("Two accuracies: real sequences called real, generated ones called generated.",
               "Take the means of (real_logits > 0).float() and (fake_logits <= 0).float(), their "
               "mean, and its distance from ½."),
    ),
}
