"""The checks of lesson 51: a generator's input, D's loss, first differences, realism."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import require
from .answers import tensor

HINTS = {
    "51.1": (
        "The code needs an axis of steps, along which it repeats. At which place?",
        "code[:, None] is (B, 1, k); .expand(-1, T, -1) repeats it. Then torch.cat along the last "
        "axis.",
    ),
    "51.2": (
        "With D the sigmoid of a logit a: -log D is softplus(-a), and -log(1 - D) is softplus(a).",
        "F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()",
    ),
    "51.3": (
        "x[:, 1:] - x[:, :-1] has one step less than x. What is missing, and at which end?",
        "Put a zero in front of the differences, then torch.stack([x, differences], 2).",
    ),
    "51.4": (
        "Two accuracies: real sequences called real, generated ones called generated.",
        "((real_logits > 0).float().mean() + (fake_logits <= 0).float().mean()) / 2, less a half, "
        "without its sign.",
    ),
}


def generator_input(answer: Callable) -> str:
    noise, code = torch.arange(24.0).view(2, 4, 3), -torch.arange(1.0, 11.0).view(2, 5)
    got: Any = answer(noise.clone(), code.clone())
    require(isinstance(got, torch.Tensor), f"a tensor is asked for, not {type(got).__name__}.")
    require(
        got.shape != (2, 4, 5) and got.shape != (2, 4, 3),
        "only one of the two is there. Each step gets its noise *and* the code.",
    )
    gone = "the steps are gone: a recurrent generator wants an input for each of them."
    require(got.shape != (2, 5 + 12), gone)
    require(
        got.shape != (2, 9, 3) and got.shape != (2, 5, 8),
        "it was put along the steps. The code goes beside the noise, along the last axis.",
    )
    require(
        got.shape != (4, 2, 8),
        "the values may be right, but steps and sequences are swapped: (B, T, n + k).",
    )
    require(
        got.shape == (2, 4, 8),
        f"noise (2, 4, 3) and code (2, 5) should give (2, 4, 8), not {tuple(got.shape)}.",
    )
    require(
        not torch.equal(got[:, :, 5:], noise),
        "the order is the other way round: first the noise, then the code.",
    )
    require(torch.equal(got[:, :, :3], noise), "the noise does not come through unchanged.")
    given = got[:, :, 3:]
    require(
        not (torch.equal(given[:, 0], code) and bool((given[:, 1:] == 0).all())),
        "the code is there at the first step only. Later steps would have to remember it.",
    )
    require(
        not (torch.equal(given[0], given[1]) and torch.equal(given[:, 0], given[:, 1])),
        "both sequences get the same code. Each has its own.",
    )
    require(
        torch.equal(given, code[:, None].expand(-1, 4, -1)),
        "the codes are mixed up: at every step sequence i should see code[i], all of it.",
    )
    return "new noise at each step, and one code a sequence that stays."


def discriminator_loss(answer: Callable) -> str:
    real, fake = torch.tensor([[-2.0], [0.5], [3.0]]), torch.tensor([[1.0], [-0.25]])
    of_real, of_fake = F.softplus(-real).mean(), F.softplus(fake).mean()
    got = answer(real.clone(), fake.clone())
    if isinstance(got, torch.Tensor) and got.numel() > 1:
        require(False, "a loss for each sequence; one number is asked for, from the two means.")
    got = tensor(got, (), "one number")

    def like(other: torch.Tensor) -> bool:
        return torch.allclose(got, other.double(), atol=1e-5)

    require(
        not like(of_real + F.softplus(-fake).mean()),
        "fakes have the target 1 in it: the listing's fourth fault. D would call all real.",
    )
    require(
        not like(F.softplus(real).mean() + F.softplus(-fake).mean()),
        "the targets are swapped: it teaches D to call real sequences fake.",
    )
    require(
        not like(F.softplus(real).mean() + of_fake),
        "real sequences have the target 0 in it, and so D would call everything fake.",
    )
    require(not like(of_real), "fakes play no part in it.")
    require(not like(of_fake), "real sequences play no part in it: the listing's third fault.")
    require(
        not like(F.softplus(-real).sum() + F.softplus(fake).sum()),
        "those are sums; means do not grow with the batch.",
    )
    require(
        not like(torch.cat([F.softplus(-real), F.softplus(fake)]).mean()),
        "that is one mean over all logits. Take the mean on real and the mean on fakes, and add.",
    )
    require(not like((of_real + of_fake) / 2), "that is half of it: add the two means.")
    value = "that is the value of the game, which D *maximises*. A loss has the other sign."
    require(not like(-(of_real + of_fake)), value)
    require(
        not like(F.softplus(-real.sigmoid()).mean() + F.softplus(fake.sigmoid()).mean()),
        "a sigmoid too many: softplus takes the logits as they are.",
    )
    require(
        like(of_real + of_fake),
        f"for real logits -2, 0.5, 3 and fake ones 1, -0.25 it gives {got:.4g}, not "
        f"{of_real + of_fake:.4g}.",
    )
    far = torch.tensor([[-200.0]], requires_grad=True)
    loss = torch.as_tensor(answer(far, -far))
    require(
        bool(torch.isfinite(loss)) and abs(loss.item() - 400) < 1e-2,
        f"right, until D is very wrong: for a real logit of -200 and a fake one of 200 it gives "
        f"{loss.item():.3g} instead of 400. Use softplus or logsigmoid, no logarithm of a sigmoid.",
    )
    require(
        loss.requires_grad,
        "the number is right, but no gradient can flow through it. Was something detached?",
    )
    return "up on real, down on fakes, and finite for logits of any size."


def with_differences(answer: Callable) -> str:
    x = torch.tensor([[1.0, 4.0, 9.0, 7.0], [2.0, 2.5, 0.0, -3.0], [5.0, 5.0, 6.0, 8.0]])
    steps = F.pad(x[:, 1:] - x[:, :-1], (1, 0))
    got: Any = answer(x.clone())
    require(isinstance(got, torch.Tensor), f"a tensor is asked for, not {type(got).__name__}.")
    require(
        got.shape != (3, 3, 2),
        "a step is lost. The first has no difference; it gets a 0, and keeps its value.",
    )
    require(
        got.shape != (3, 2, 4),
        "the pair comes last: (B, T, 2). Yours has it between sequences and steps.",
    )
    require(
        got.shape not in ((3, 8), (3, 7)),
        "they stand one after the other. At each *step* they belong side by side: stack them.",
    )
    require(got.shape != (3, 4), "only one of the two is there: the value and the difference.")
    require(
        got.shape == (3, 4, 2),
        f"x of shape (3, 4) should give (3, 4, 2), not {tuple(got.shape)}.",
    )
    require(
        not (torch.equal(got[..., 1], x) and torch.equal(got[..., 0], steps)),
        "the order is the other way round: the value first.",
    )
    require(torch.equal(got[..., 0], x), "the values do not come through unchanged.")
    other = got[..., 1]
    require(
        not torch.equal(other, F.pad(x[:, 1:] - x[:, :-1], (0, 1))),
        "each step has the difference to the value *after* it: it would be told the future.",
    )
    require(
        not torch.equal(other, -steps),
        "the sign is the other one: this value less the one before.",
    )
    require(
        not torch.equal(other[:, 1:], steps[:, 1:]) or not torch.equal(other[:, 0], x[:, 0]),
        "right but for the first step: its difference became its value, and should be 0.",
    )
    require(
        not torch.equal(other, x - x.roll(1, 1)),
        "right but for the first step: it was compared with the *last* one, as roll does.",
    )
    along = torch.cat([torch.zeros_like(x[:1]), x[1:] - x[:-1]])
    require(
        not torch.equal(other, along),
        "those are differences between sequences. Steps are along the second axis.",
    )
    require(
        torch.equal(other, steps),
        f"for {x[0].tolist()} the differences are {steps[0].tolist()}, not {other[0].tolist()}.",
    )
    return "as long as before, and nothing from the future."


def realism(answer: Callable) -> str:
    real = torch.tensor([2.0, 0.3, -1.0, 0.2, 5.0, 1.0, -0.1, 0.4])  # 6 of 8 right
    fake = torch.tensor([-3.0, -0.2, 0.3, -1.0, -0.5])  # 4 of 5 right
    got = tensor(answer(real.clone(), fake.clone()), (), "one number, a score,")

    def like(value: float) -> bool:
        return abs(got.item() - value) < 1e-4

    r, f = 6 / 8, 4 / 5
    require(not like((r + f) / 2), "that is the accuracy. Chance has ½ of it: take that away.")
    require(
        not like(10 / 13 - 0.5),
        "that is the share of all 13 that are right. Take the mean of the two accuracies, or it "
        "would pay to call everything what the larger set is.",
    )
    require(
        not like(abs((r + 1 - f) / 2 - 0.5)),
        "generated sequences count as right when they are called *real*. Which sign is right?",
    )
    require(not like(r - 0.5), "generated sequences play no part in it.")
    require(not like(f - 0.5), "real sequences play no part in it.")
    require(not like(r + f - 1), "twice as much: take the mean of the two accuracies.")
    margins = ((real > 0.5).double().mean() + (fake <= 0.5).double().mean()) / 2 - 0.5
    require(
        not like(abs(margins.item())),
        "the border of a *logit* is 0. A half is the border of a probability.",
    )
    require(
        like((r + f) / 2 - 0.5),
        f"with 6 of 8 and 4 of 5 right it gives {got.item():.4g}, not {(r + f) / 2 - 0.5:.4g}.",
    )
    wrong = tensor(answer(-real, -fake), (), "one number, a score,")
    require(
        wrong >= 0,
        f"right, but for a judge that is wrong more often than right it gives {wrong.item():.3g}. "
        "A distance has no sign: such a judge tells the two apart as well.",
    )
    return "0 at chance, ½ for a judge that is never wrong, or always."


CHECKS = {
    "51.1": generator_input,
    "51.2": discriminator_loss,
    "51.3": with_differences,
    "51.4": realism,
}
