# %% [markdown]
# # 53 · Text GAN
#
# *Why a gradient stops at a sampled word, three ways around it, and what a text GAN
# gains over plain likelihood once you measure quality and diversity together.*
#
# ![A plane of quality and diversity: the temperature curve of a likelihood model, and
# the points of the games beside it.](../notebooks/images/53.png)
#
# **Time:** {{minutes}}. **Needs:** lessons 22 and 41; lesson 23 helps.
#
# After this lesson you can
#
# - show with numbers why backpropagation stops at a sample, and estimate the gradient
#   by the score function, Gumbel-softmax and straight-through;
# - measure the bias and the variance of each against the exact gradient;
# - build SeqGAN with rollouts, and a Gumbel-GAN, and start both from a language model;
# - judge a generator of text on two axes, against a temperature curve;
# - find out whether a gain is more than a lower temperature.

# %%
import copy
import math
from collections import Counter
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

# %%
DATA = "tinyshakespeare"  # the real text; or one of your own: "datasets/diary.txt"
LARGE, SMALL, LENGTH = 5000, 500, 20  # symbols of both oracles; of a sequence
UNITS, BATCH = 32, 64  # of embedding and LSTM; sequences in a step
TRAIN, TEST = 10_000, cu.budget(cpu=2000, gpu=10_000)  # sequences
ORACLE = 3  # the seed of the oracles' weights; another one is another scale
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])
DRAWS = cu.budget(cpu=20_000, gpu=200_000)  # for each estimate of a gradient
STEPS = {
    "MLE, large": cu.budget(cpu=700, gpu=9400),
    "MLE": cu.budget(cpu=900, gpu=9400),
    "MLE, goes on": cu.budget(cpu=900, gpu=9400),  # as many seconds as SeqGAN
    "SeqGAN": cu.budget(cpu=200, gpu=2000),
    "Gumbel-GAN": cu.budget(cpu=200, gpu=2000),
}
WARM = cu.budget(cpu=150, gpu=500)  # of these, in which D learns alone
ROLLOUTS = cu.budget(cpu=1, gpu=16)  # for each place of a sequence
TEMPERATURES = [1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5]

torch.set_num_threads(1)  # for products this small, a second thread brings nothing
device = cu.start(seed=0)

# %% [markdown]
# ## Where does the gradient stop?
#
# In every GAN so far, the discriminator $D$ told the generator $G$ in which direction
# to move a pixel or a note. A word can't be moved a little. $G$ computes logits, the
# softmax makes probabilities $p$ of them, and then a **sample** is drawn: symbol 17, or
# symbol 18, and nothing in between.

# %%
nodes = {
    "z": (0.6, 1.0, "name", "$h_t$"),
    "head": (1.7, 1.0, "box", "linear"),
    "logits": (2.8, 1.0, "name", r"$\theta$"),
    "soft": (3.9, 1.0, "box", "softmax"),
    "p": (5.0, 1.0, "name", "$p$"),
    "draw": (6.0, 1.0, "circle", "~"),
    "x": (7.0, 1.0, "name", "$x$"),
    "D": (8.0, 1.0, "box", "$D$"),
    "loss": (9.0, 1.0, "name", "$f(x)$"),
    "fine": (3.2, 0.3, "label", r"$\partial p / \partial \theta$: known"),
    "stop": (6.0, 0.3, "label", r"$\partial x / \partial p$: none"),
    "good": (8.1, 0.3, "label", r"$\partial f / \partial x$: known"),
}
ways = "z head, head logits, logits soft, soft p, p draw, draw x, x D, D loss"
cu.plots.diagram(
    nodes,
    [tuple(pair.split()) for pair in ways.split(", ")],
    size=(9.5, 1.6),
    alt="A chain from the memory h through a linear layer and a softmax to p; a circle "
    "draws x from p; D makes f(x) of it. Each link has a derivative but the draw.",
)

# %% [markdown]
# We take a vocabulary so small that everything can be computed exactly: five symbols
# with logits $\theta$, and a fixed little network as $f$, the number that $G$ wants to
# be large.
#
# > **Predict before you run.** We draw a symbol by comparing a random number with the
# > cumulative probabilities. Now we nudge a logit by 0.001 and draw again *with the
# > same random numbers*. In how many of the draws does $f(x)$ change a little?
# > <details><summary>Answer</summary>In none. In nearly all of them it does not change
# > at all, and in very few it jumps.</details>


# %%
def draw(logits, temperature=1.0):  # (B, V) -> symbols (B, 1)
    up_to = (logits / temperature).softmax(-1).cumsum(-1)  # (B, V)
    dice = torch.rand(len(up_to), 1, device=logits.device) * up_to[:, -1:]
    return torch.searchsorted(up_to, dice).clamp(max=logits.shape[1] - 1)


# %%
torch.manual_seed(1)
theta = torch.randn(5, device=device)  # logits
judge = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)).to(device)
judge.requires_grad_(False)
judge[0].weight.mul_(4), judge[2].weight.mul_(3)


def f(x):  # (N, 5): symbols as one-hot rows, or points between them -> (N,)
    return judge(x)[:, 0]


# %%
values = f(torch.eye(5, device=device))  # (5,), of the five symbols
nudged = theta + 1e-3 * F.one_hot(torch.tensor(0, device=device), 5)
drawn = []
for logits in (theta, nudged):
    torch.manual_seed(0)  # the same dice
    drawn.append(values[draw(logits.expand(DRAWS, 5))[:, 0]])
changes = (drawn[1] - drawn[0]).abs()
jumps = changes[changes > 0]
cu.say(
    f"The five symbols have f = {', '.join(f'{v:.2f}' for v in values)}. Of {DRAWS:,} "
    f"draws, {len(jumps)} changed after the nudge"
    + (f", the least of them by {jumps.min():.2f}." if len(jumps) else ".")
)

# %% [markdown]
# And yet the *expectation* $\mathbb E f(x) = \sum_k p_k f(k)$ is smooth in $\theta$: as
# the nudge grows, jumps become more frequent. With five symbols we can sum, and so have
# the exact gradient, $p_k \, (f(k) - \mathbb E f)$. With $5000^{20}$ sentences we
# can't. There are two kinds of estimates.
#
# **Score function** (REINFORCE): since $\nabla p = p \, \nabla \log p$,
#
# $$\nabla\, \mathbb E f(x) = \mathbb E\big[\, f(x)\, \nabla \log p(x) \,\big] =
# \mathbb E\big[\, (f(x) - b)\, \nabla \log p(x) \,\big].$$
#
# It asks for the *value* of $f$ at symbols only, and is right on average for every
# $f$ and every constant $b$, the **baseline** (because $\mathbb E\, \nabla \log p = 0$).
#
# **Relaxation**: with Gumbel noise $g_k = -\log(-\log u_k)$, the largest $\theta_k +
# g_k$ is a sample of $p$. Replace the arg max by a softmax of temperature $\tau$:
#
# $$y = \operatorname{softmax}\big((\theta + g)/\tau\big).$$
#
# Now $f(y)$ has a gradient. But $f$ is asked about points that are no symbols. The
# **straight-through** estimate gives $f$ the arg max of $y$ and takes the gradient as
# if it had been $y$.


# %%
def estimates(kind, count, tau=1.0):  # gradients in theta, one a draw, (count, 5)
    logits = theta.expand(count, 5).clone().requires_grad_()
    if "score" in kind:
        x = draw(logits.detach())[:, 0]
        gain = values[x] - (values @ theta.softmax(0) if "baseline" in kind else 0)
        goal = gain * logits.log_softmax(1).gather(1, x[:, None])[:, 0]
    else:
        goal = f(F.gumbel_softmax(logits, tau, hard="straight" in kind))
    return torch.autograd.grad(goal.sum(), logits)[0]


# %%
exact = theta.softmax(0) * (values - values @ theta.softmax(0))  # (5,)


def bias_and_spread(kind, tau=1.0):  # both as shares of the exact gradient's length
    torch.manual_seed(0)
    found = estimates(kind, DRAWS, tau)
    bias = (found.mean(0) - exact).norm() / exact.norm()
    spread = found.var(0).sum().sqrt() / exact.norm()
    return bias.item(), spread.item()


# %%
TAUS = [4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.05]
KINDS = {
    "score function": [1.0],
    "score function, baseline": [1.0],
    "Gumbel-softmax": TAUS,
    "straight-through": TAUS,
}
found = {
    kind: {tau: bias_and_spread(kind, tau) for tau in taus}
    for kind, taus in KINDS.items()
}
rows = []
for kind, by_tau in found.items():
    for tau in (1.0, 0.1) if len(by_tau) > 1 else (1.0,):
        bias, spread = by_tau[tau]
        noise = spread / math.sqrt(DRAWS)
        row = {"estimate": kind, "temperature": f"{tau:g}" if len(by_tau) > 1 else ""}
        row |= {"bias": f"{bias:.3f}", "noise of that": f"{noise:.3f}"}
        rows.append(row | {"spread of one draw": f"{spread:.1f}"})
cu.scoreboard(rows)

# %%
relaxed = ("Gumbel-softmax", "straight-through")
plot = cu.plots.Plot(
    9.5,
    2.8,
    f"Bias and spread against the temperature. From {TAUS[0]:g} to {TAUS[-1]:g} the "
    "bias of Gumbel-softmax goes from {:.2f} to {:.2f}, its spread from {:.1f} to "
    "{:.1f}.".format(
        *(found[relaxed[0]][t][i] for i in (0, 1) for t in (TAUS[0], TAUS[-1]))
    ),
)
for i, axes in enumerate(plot.subplots(1, 2)):
    for kind, mark in zip(relaxed, "os", strict=True):
        axes.loglog(TAUS, [found[kind][t][i] for t in TAUS], mark + "-", label=kind)
    for kind, dash in zip(("score function", "score function, baseline"), (":", "--")):
        level = found[kind][1.0][i]
        axes.axhline(level, ls=dash, color="#666666", lw=1, label=kind)
    axes.set(xlabel="temperature τ", ylabel=("bias", "spread of one draw")[i])
axes.legend(frameon=False, fontsize=7)
plot

# %% [markdown]
# Read bias and spread as shares of the exact gradient's length. The bias of the score
# function is that of the mean of finitely many draws: compare it with "noise of that".
# Gumbel-softmax trades one for the other: hot, it is smooth, biased and quiet; cold, it
# is nearly right, and so noisy that a single step says little. Hence the temperature is
# *annealed*: start warm, cool down. Straight-through asks $f$ about symbols only, but
# its bias does not vanish with the temperature in the same way.

# %%
score, helped = found["score function"][1.0], found["score function, baseline"][1.0]
cold, warm = found["Gumbel-softmax"][0.1], found["Gumbel-softmax"][1.0]
cu.claim(
    "Spread of the score function with a baseline, over that without",
    helped[1] / score[1],
    at_most=0.9,
    form=".2f",
)
cu.claim(
    "Bias of Gumbel-softmax at temperature 1, over its bias at 0.1",
    warm[0] / cold[0],
    at_least=2,
    form=".1f",
)
