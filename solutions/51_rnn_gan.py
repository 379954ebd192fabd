# %% [markdown]
# # 51 · RNN-GAN
#
# *A listing with four faults, found by measuring and repaired one by one; then sines: a
# recurrent GAN beside a feed-forward GAN, a teacher-forced LSTM and classical rivals.*
#
# ![Sequences of a recurrent GAN and of its rivals as dots, each with the best sine
# drawn through it.](../notebooks/images/51.png)
#
# **Time:** {{minutes}}. **Needs:** lessons 22 and 41; lesson 23 helps.
#
# After this lesson you can
#
# - find the faults of a GAN listing, and prove each with one measurement;
# - build a recurrent generator and discriminator, and say which noise goes where;
# - score sequences by realism, diversity and memorisation, each beside its floor;
# - say by measurement what makes a small recurrent GAN train;
# - recognise exploding gradients, and a discriminator that reads only the last step.

# %%
import math
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import course_utils as cu

LENGTH, LOW, HIGH = 24, 1.0, 4.0  # steps; the slowest and fastest sine, in cycles
TAUGHT, SAMPLES = 2000, 2000  # sequences to learn from, and to be judged by
NOISE, CODE, UNITS = 2, 6, 32  # numbers a step, numbers a sequence, units of a state
BATCH = cu.budget(cpu=64, gpu=256)
LONG = cu.budget(cpu=800, gpu=30_000)  # steps of a GAN that is judged
SHORT = cu.budget(cpu=280, gpu=5000)  # of a GAN that lacks something
TEACH = cu.budget(cpu=800, gpu=10_000)  # of the LSTM
CLINIC = cu.budget(cpu=210, gpu=1000)
JUDGE = cu.budget(cpu=300, gpu=2000)  # of the critic that scores realism
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])

device = cu.start(seed=0)

# %% [markdown]
# ## A listing to distrust
#
# Whoever searches for "RNN-GAN" finds articles whose code nobody has run. The listing
# below is our own, but it is of that kind. The words are right: a generator with an
# RNN, noise of shape (batch, steps, 8), two optimizers, two losses.


# %%
class RNNGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, noise):  # (B, 24, 8) -> (B, 24)
        return self.rnn(noise)[..., 0]


# %%
def train_rnn_gan(data, steps):
    torch.manual_seed(0)
    generator, entropy = RNNGenerator(), nn.BCEWithLogitsLoss()
    opt_G = torch.optim.Adam(generator.parameters(), 1e-3)
    opt_D = torch.optim.Adam(discriminator.parameters(), 1e-3)
    losses, target = [], torch.ones(32, 1)
    for _ in range(steps):
        fake = generator(torch.randn(32, 24, 8))
        loss_D = entropy(discriminator(fake.detach()), target)
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()
        loss_G = entropy(discriminator(fake), target)
        opt_G.zero_grad()
        loss_G.backward()
        opt_G.step()
        losses.append((loss_D.item(), loss_G.item()))
    return losses


# %% [markdown]
# > **Predict before you run.** It has four faults. One stops it at once. The other
# > three let it run, and make it worthless. Find all four by reading.
# > <details><summary>Answer</summary>1. The "RNN" has no recurrence: linear layers,
# > applied to each step by itself. 2. `discriminator` is defined nowhere. 3. `data` is
# > never used: no real sequence is shown to anyone. 4. Both losses have the same
# > target, so the two players do not play against each other.</details>
#
# Reading finds faults, and reading misses them. A measurement does not depend on who
# looks. Each fault gets one.
#
# ### Fault 1: nothing recurs
#
# In a recurrent network the output at step $t$ depends on the inputs at all steps
# $s \le t$. So take the derivative of each output by each input, and see where it is
# zero.


# %%
def influence(net, noise):  # net: (T, n) -> (T,); gives (T, T), output by input
    slopes = torch.autograd.functional.jacobian(net, noise)  # (T, T, n)
    return slopes.abs().sum(2)


# %% tags=["nbval-check-output"]
listed = RNNGenerator()
of_listing = influence(lambda z: listed(z[None])[0], torch.randn(LENGTH, 8))
elsewhere = of_listing - of_listing.diag().diag()
print("pairs of different steps that influence each other:", int((elsewhere > 0).sum()))
print("of", LENGTH * (LENGTH - 1))

# %% [markdown]
# So the 24 outputs are 24 separate numbers. Whatever noise comes, no two of them know
# of each other, except that they share weights. No such generator can draw a wave.
#
# ### Fault 2: nobody judges

# %% tags=["nbval-check-output"]
globals().pop("discriminator", None)  # in case this page is run twice
try:
    train_rnn_gan(torch.zeros(100, LENGTH), steps=1)
except NameError as error:
    print("NameError:", error)

# %% [markdown]
# ### Fault 3: nothing real is shown
#
# Give it any discriminator, so that it runs. Train it once on sines, once on nothing
# but zeros. If data matter, the losses differ.


# %%
def any_discriminator():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(LENGTH, 32), nn.ReLU(), nn.Linear(32, 1))


# %% tags=["nbval-check-output"]
sine = torch.sin(torch.arange(LENGTH) / 2).expand(100, -1)
found = []
for data in (sine, torch.zeros(100, LENGTH)):
    discriminator = any_discriminator()
    found.append(train_rnn_gan(data, steps=20))
print("losses on sines and on zeros equal to the last bit:", found[0] == found[1])

# %% [markdown]
# ### Fault 4: nobody disagrees
#
# Both losses are the cross-entropy of $D$'s logit $a$ on a *fake*, with target 1. Look
# at their slopes in $a$, beside that of the loss that $D$ should have on fakes, with
# target 0.

# %% tags=["nbval-check-output"]
entropy, rows = F.binary_cross_entropy_with_logits, []
for value in (-2.0, 0.0, 2.0):
    a = torch.tensor(value, requires_grad=True)
    slopes = {"D's logit on a fake": value}
    for name, target in [("listed D", 1.0), ("listed G", 1.0), ("a real D", 0.0)]:
        (slope,) = torch.autograd.grad(entropy(a, torch.tensor(target)), a)
        slopes[f"slope for {name}"] = f"{slope.item():+.2f}"
    rows.append(slopes)
cu.scoreboard(rows)

# %% [markdown]
# The listed players want the same. So they agree quickly, and both losses fall. That
# looks like progress to whoever watches losses only.

# %%
discriminator = any_discriminator()
losses = train_rnn_gan(sine, steps=300)
with torch.no_grad():
    says = [discriminator(x).sigmoid().mean() for x in (sine, 9 * torch.randn(99, 24))]
cu.say(
    f"After 300 steps both losses have fallen, from {losses[0][0]:.2f} and "
    f"{losses[0][1]:.2f} to {losses[-1][0]:.2g} and {losses[-1][1]:.2g}. Its D now "
    f"calls real sines real with probability {says[0]:.2f}, and wild noise that it has "
    f"never seen with {says[1]:.2f}."
)

# %% [markdown] tags=["instructor"]
# **Instructor.** 15 minutes for the listing. Print it, hand it out, five minutes in
# pairs with a pencil, no computer. Most pairs find the missing discriminator and miss
# the recurrence: a comment or a name is taken for a fact. Question for the room: which
# of the four would a type checker find, which a unit test, which a look at the samples?

# %% [markdown]
# ## Repair 1: a generator that remembers
#
# Lesson 22 built the GRU cell. As in lesson 41 we want several seeds at once: one layer
# holds the weights of all of them, and one product serves all. $W$ is (S, F, 3H) for S
# seeds, F inputs and H units; the three parts belong to the gates $r$ and $z$ and to
# the proposal $n$:
#
# $$h_t = (1 - z_t)\, n_t + z_t\, h_{t-1}, \qquad
# n_t = \tanh\big(W_n x_t + b_n + r_t\,(U_n h_{t-1} + c_n)\big).$$
#
# Time comes first in its tensors, so that the numbers of one step lie together.


# %%
def uniform(seeds, inputs, outputs):  # (S, in, out), of the size that layers begin with
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    drawn = [torch.rand(inputs, outputs, generator=source) for source in sources]
    return nn.Parameter((2 * torch.stack(drawn) - 1) / math.sqrt(inputs))


# %%
def orthogonal(seeds, units):  # (S, H, 3H): one rotation a gate
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    square = torch.empty(units, units)
    turns = [
        torch.cat([nn.init.orthogonal_(square, generator=s).clone() for _ in "rzn"], 1)
        for s in sources
    ]
    return nn.Parameter(torch.stack(turns))


# %%
class Linear(nn.Module):
    """One linear layer for each seed, all at once."""

    def __init__(self, inputs, outputs, seeds):
        super().__init__()
        self.W = uniform(seeds, inputs, outputs)
        self.b = nn.Parameter(torch.zeros(len(seeds), 1, outputs))

    def forward(self, x):  # (…, S, B, in) -> (…, S, B, out)
        return x @ self.W + self.b


# %%
class GRU(nn.Module):
    """One layer of GRU cells for each seed, all at once."""

    def __init__(self, inputs, units, seeds):
        super().__init__()
        self.into = Linear(inputs, 3 * units, seeds)  # W and b
        self.U = orthogonal(seeds, units)
        self.c = nn.Parameter(torch.zeros(len(seeds), 1, 3 * units))

    def forward(self, x, h=None):  # (T, S, B, F), (S, B, H) -> (T, S, B, H)
        units, states = self.U.shape[1], []
        h = x.new_zeros(*x.shape[1:3], units) if h is None else h
        for given in self.into(x).unbind(0):  # (S, B, 3H) at each step
            kept = torch.baddbmm(self.c, h, self.U)
            x_gates, x_new = given.split([2 * units, units], 2)
            h_gates, h_new = kept.split([2 * units, units], 2)
            r, z = torch.sigmoid(x_gates + h_gates).chunk(2, 2)
            n = torch.tanh(x_new + r * h_new)
            h = n + z * (h - n)  # (1 - z) n + z h
            states.append(h)
        return torch.stack(states)


# %% [markdown]
# Is it PyTorch's GRU, one seed at a time? Outputs and gradients, in 64 bits.


# %%
def library(gru, seed):
    W, U = gru.into.W[seed], gru.U[seed]
    found = nn.GRU(len(W), len(U)).to(W.dtype)
    found.weight_ih_l0.data, found.weight_hh_l0.data = W.T.clone(), U.T.clone()
    found.bias_ih_l0.data = gru.into.b[seed, 0].clone()
    found.bias_hh_l0.data = gru.c[seed, 0].clone()
    return found


# %% tags=["nbval-check-output"]
two = GRU(3, 8, [0, 1]).double()
inputs = torch.randn(LENGTH, 2, 5, 3, dtype=torch.float64)  # (T, S, B, F)
together = two(inputs)
together.square().sum().backward()
for seed in range(2):
    alone = library(two, seed)
    states = alone(inputs[:, seed])[0]
    states.square().sum().backward()
    slopes = alone.weight_hh_l0.grad.T - two.U.grad[seed]
    difference = max((states - together[:, seed]).abs().max(), slopes.abs().max())
    print(f"seed {seed}: equal to nn.GRU's to 1e-9:", bool(difference < 1e-9))

# %% [markdown]
# Why not simply use `nn.GRU`? Two reasons: one call a step for all seeds, and a
# gradient of a gradient, which the library's fast GPU kernel does not have and which we
# shall need.
#
# Now the generator. Which noise does it need? A sequence has a *character* that stays,
# here frequency and phase, and perhaps surprises on the way. So it gets two kinds:
#
# - a **code** of $k$ numbers, drawn once a sequence and shown at *each* step; it also
#   sets the first state;
# - **noise** of $n$ numbers, drawn anew at each step.
#
# C-RNN-GAN (Mogren 2016) and RCGAN (Esteban et al. 2017) draw anew at each step only.
# Then the character has to be gathered from noise and carried on by the state.


# %%
class Generator(nn.Module):
    def __init__(self, seeds, noise=NOISE, code=CODE):
        super().__init__()
        self.noise, self.code, self.seeds = noise, code, len(seeds)
        self.start = Linear(code, UNITS, [seed + 10 for seed in seeds])
        self.gru = GRU(noise + code, UNITS, [seed + 20 for seed in seeds])
        self.out = Linear(UNITS, 1, [seed + 30 for seed in seeds])

    def draw(self, count):  # the noise (T, S, B, n) and the code (S, B, k)
        noise = torch.randn(LENGTH, self.seeds, count, self.noise, device=device)
        return noise, torch.randn(self.seeds, count, self.code, device=device)

    def forward(self, noise, code):  # -> (S, B, T)
        inputs = torch.cat([noise, code.expand(len(noise), *code.shape)], 3)
        states = self.gru(inputs, self.start(code).tanh())  # (T, S, B, H)
        return self.out(states)[..., 0].permute(1, 2, 0)


# %%
G = Generator([0])
of_ours = influence(
    lambda z: G(z[:, None, None], torch.zeros(1, 1, CODE))[0, 0],
    torch.randn(LENGTH, NOISE),
)
cu.plots.images(
    torch.stack([of_listing / of_listing.max(), of_ours / of_ours.max()]) ** 0.25,
    ["listing", "recurrent"],
    columns=2,
    size=2.2,
    limits=None,
    alt="Influence of the noise at each step (across) on the output at each step "
    "(down). Listing: the diagonal only. Recurrent: all on and below the diagonal.",
)

# %% tags=["nbval-check-output"]
earlier, later = of_ours.tril(-1), of_ours.triu(1)
print("pairs of an earlier input and a later output:", LENGTH * (LENGTH - 1) // 2)
print("with influence:", int((earlier > 0).sum()))
print("from the future:", int((later > 0).sum()))

# %% [markdown]
# Across: the step of the noise. Down: the step of the output. The colours are the
# fourth root of the derivative, or the far corner would not be seen: in a new network
# influence fades quickly. Training has to make it last.
#
# ## Repair 2: a discriminator that reads all
#
# $D$ reads a sequence step by step. Three choices have to be made. Later we take some
# away again, and measure:
#
# - *What it sees.* The value, in units of the data's spread, and the **first
#   difference** to the value before. A wave is smooth or it is not; in differences that
#   is easy to see.
# - *What it reports.* Not only its last state, which has forgotten much, but the
#   **largest and the mean** of each unit over all steps.
# - *How steep it is.* Lesson 41's penalty on its slope at real data,
#   $\tfrac{\gamma}{2}\,\mathbb{E}\,\lVert \nabla_x D(x) \rVert^2$ (Mescheder et al.
#   2018).


# %%
def views(x, differences=True):  # (S, B, T) -> (T, S, B, 1 or 2)
    x = x.permute(2, 0, 1)[..., None] * math.sqrt(2)  # a sine's power is one half
    if not differences:
        return x
    steps = torch.cat([torch.zeros_like(x[:1]), x[1:] - x[:-1]])
    return torch.cat([x, steps], 3)


# %%
class Discriminator(nn.Module):
    def __init__(self, seeds, differences=True, last=False):
        super().__init__()
        self.differences, self.last = differences, last
        self.gru = GRU(1 + differences, UNITS, [seed + 40 for seed in seeds])
        summaries = UNITS if last else 2 * UNITS
        self.out = Linear(summaries, 1, [seed + 50 for seed in seeds])

    def forward(self, x):  # (S, B, T) -> (S, B, 1)
        states = self.gru(views(x, self.differences))  # (T, S, B, H)
        if self.last:
            return self.out(states[-1])
        return self.out(torch.cat([states.amax(0), states.mean(0)], 2))


# %% [markdown]
# ## Repair 3: real data, and what is known about them
#
# Real sequences are sines of 24 steps. The *frequency* is uniform between 1 and 4
# cycles a sequence, the *phase* uniform over the circle:
#
# $$x_t = \sin\!\big(2\pi f\,t / 24 + \varphi\big), \qquad t = 0 … 23.$$
#
# It is the simplest sequence that has a character to keep: two numbers decide all 24.
# And both can be read off again, from real and from generated sequences alike. That is
# why we take it: here, too, we can count.


# %%
class Sines(NamedTuple):
    x: torch.Tensor  # (N, T)
    frequency: torch.Tensor  # (N,) cycles a sequence
    phase: torch.Tensor  # (N,) radians


# %%
def sines(count, seed):
    source = torch.Generator().manual_seed(seed)
    f, phase = torch.rand(2, count, generator=source)
    f, phase = LOW + (HIGH - LOW) * f, 2 * math.pi * phase
    angle = 2 * math.pi * f[:, None] * torch.arange(LENGTH) / LENGTH + phase[:, None]
    return Sines(angle.sin(), f, phase)


train, holdout, fresh = sines(TAUGHT, 0), sines(SAMPLES, 1), sines(SAMPLES, 2)

# %% [markdown]
# ### Reading frequency and phase
#
# For a given frequency the best sine through a sequence is a linear least-squares
# problem: $a \cos + b \sin$. So try 360 frequencies from 0.8 to 8 cycles and keep the
# one that leaves least. What it leaves, as a share of the sequence's power, is the
# **residual**. It says whether the sequence is a sine of our kind at all. (Slower sines
# are left out: with a piece of a very slow one anything smooth can be fitted.)


# %%
GRID = torch.arange(0.8, 8.0, 0.02, dtype=torch.float64)  # K frequencies
angles = 2 * math.pi * GRID[:, None] * torch.arange(LENGTH) / LENGTH
WAVES = torch.stack([angles.cos(), angles.sin()], 2)  # (K, T, 2)
RIGHT = torch.linalg.qr(WAVES).Q  # the same planes, at right angles
SOLVE = torch.linalg.pinv(WAVES)  # (K, 2, T)


# %%
class Reading(NamedTuple):
    frequency: torch.Tensor  # (N,) cycles a sequence
    phase: torch.Tensor  # (N,) turns, 0…1
    amplitude: torch.Tensor  # (N,)
    residual: torch.Tensor  # (N,) share of the power that the sine leaves


# %%
def read_off(x):  # (N, T)
    x = x.detach().cpu().double()
    power = torch.einsum("nt,ktj->nkj", x, RIGHT).square().sum(2)  # (N, K)
    best = power.argmax(1)
    left = 1 - power.amax(1) / x.square().sum(1)
    a, b = (SOLVE[best] @ x[..., None])[..., 0].T  # x = a cos + b sin
    phase = torch.atan2(a, b) / (2 * math.pi) % 1
    return Reading(GRID[best], phase, torch.hypot(a, b), left)


# %% tags=["nbval-check-output"]
got = read_off(fresh.x)
error = (got.frequency - fresh.frequency).abs().max()
turns = (got.phase - fresh.phase / (2 * math.pi) + 0.5) % 1 - 0.5
print("largest error of a frequency below 0.02 cycles:", bool(error < 0.02))
print("largest error of a phase below 0.02 turns:", bool(turns.abs().max() < 0.02))

# %% [markdown]
# ### Three questions, and their floors
#
# 1. **Realism.** Train a fresh classifier to tell real from generated sequences, and
#    test it on others: accuracy $- ½$. Zero is perfect, ½ is hopeless. Nobody reaches
#    zero: fresh real sequences against real ones have a score too, the *floor*. Beside
#    it the share of sequences that are **sines** at all (residual below 5 %).
# 2. **Diversity.** How far are the frequencies of those sines from the uniform
#    distribution, and how far the phases? The distance is Wasserstein's of order 1: by
#    how much each has to be moved, on average. On the circle of phases it is
#    $\operatorname{mean}|d - \operatorname{median}(d)|$ over the sorted gaps $d$ (Rabin
#    et al. 2011).
# 3. **Memorisation.** Is a generated sequence closer to the nearest training sequence
#    than a *new* real one is? Half of the time is right; copies do it always.


# %%
def gaps(values, low, high):  # sorted values against evenly spaced ones
    even = (torch.arange(len(values), dtype=torch.float64) + 0.5) / len(values)
    return values.sort().values - (low + (high - low) * even)


# %%
def score(x):  # (N, T) -> numbers
    x, got = x.detach().cpu(), read_off(x)
    good = got.residual < 0.05
    few = good.sum() < 20  # too few to speak of their distribution
    turned = gaps(got.phase[good], 0, 1)
    f_gaps = gaps(got.frequency[good], LOW, HIGH).abs().mean()
    found = cu.metrics.memorisation(*(s[..., None] for s in (train.x, holdout.x, x)))
    return {
        "sines": good.double().mean().item(),
        "frequency": math.nan if few else f_gaps.item(),
        "phase": math.nan if few else (turned - turned.median()).abs().mean().item(),
        "amplitude": (got.amplitude - 1).abs().mean().item(),
        "closer": found.closer,
    }


# %% [markdown]
# > **Predict before you run.** A generator that hands out its training sequences: how
# > does it do in realism, in diversity, in memorisation?
# > <details><summary>Answer</summary>Perfect in the first two. They *are* real and
# > diverse. Only the third finds it out: it is closer in all pairs. That is why three
# > questions are asked.</details>
#
# ### Rivals that need no GAN
#
# A sine obeys a linear law: $x_t = 2\cos(2\pi f / 24)\, x_{t-1} - x_{t-2}$, an
# autoregression with two terms, **AR(2)**, without any error. A model that knows this
# much is a hard rival. Two versions, fitted by least squares:
#
# - *one law for all*: the same two coefficients for every sequence, with the error that
#   remains as noise, started from the first two values of a training sequence;
# - *one law a sequence*: the coefficient of one training sequence, the first two values
#   of *another*, so that it is no copy.


# %%
def run_on(start, first, second, noise=0.0):  # (N, 2), coefficients -> (N, T)
    x = list(start.T)
    while len(x) < LENGTH:
        x.append(first * x[-1] + second * x[-2] + noise * torch.randn(len(start)))
    return torch.stack(x, 1)


# %%
def ar2_for_all(x):
    past = torch.stack([x[:, 1:-1], x[:, :-2]], 2).reshape(-1, 2)  # (N (T - 2), 2)
    law = torch.linalg.lstsq(past, x[:, 2:].reshape(-1, 1)).solution[:, 0]
    error = (x[:, 2:].reshape(-1) - past @ law).std()
    return run_on(x[torch.randperm(len(x)), :2], *law, error)


def ar2_for_each(x):
    outer, middle = x[:, 2:] + x[:, :-2], x[:, 1:-1]
    law = (outer * middle).sum(1) / middle.square().sum(1)  # 2 cos(2 pi f / 24)
    return run_on(x.roll(1, 0)[:, :2], law, -1.0)  # the start of its neighbour


# %%
torch.manual_seed(0)
sets = {
    "fresh real": [sines(SAMPLES, 3).x],
    "training copies": [train.x],
    "white noise": [math.sqrt(0.5) * torch.randn(SAMPLES, LENGTH)],
    "AR(2), one law for all": [ar2_for_all(train.x)],
    "AR(2), one law a sequence": [ar2_for_each(train.x)],
}


# %%
def show(values, digits=2):  # one number a seed; NaN where there was too little
    values = torch.as_tensor(values, dtype=torch.float64)
    known = values[~values.isnan()]
    if not len(known):
        return "–"
    spread = f" ± {known.std():.{digits}f}" if len(known) > 1 else ""
    return f"{known.mean():.{digits}f}{spread}"


# %%
def table(names, realism=None):
    rows = []
    for name in names:
        found, row = [score(x) for x in sets[name]], {"sequences": name}
        if realism:
            row["realism, 0 is best"] = show(realism[name], 3)
        rows.append(row | {key: show([f[key] for f in found]) for key in found[0]})
    cu.scoreboard(rows)


# %%
table(sets)

# %% [markdown]
# `sines` is a share; `frequency` (cycles) and `phase` (turns) are distances to the true
# distributions; `amplitude` is the mean error of an amplitude that should be 1;
# `closer` is ½ for new sequences. "Fresh real" is the floor of each column. Realism
# comes later, for all rows at once.
#
# Look at the last row. Its sequences are sines with the right frequencies, and yet not
# right: law and start come from two sequences, and their amplitudes do not fit.
#
# ## Repair 4: two targets
#
# $D$: target 1 on real, target 0 on fakes. $G$: target 1 on fakes. In logits, as in
# lesson 41, these are softplus functions. A sum over seeds keeps the seeds' gradients
# apart.


# %%
def d_loss(D, real, fake):  # (S, B, T) each, judged in one go
    right, wrong = D(torch.cat([real, fake], 1)).chunk(2, 1)  # (S, B, 1) each
    loss = F.softplus(-right) + F.softplus(wrong)
    return loss.mean((1, 2)).sum()


def g_loss(D, fake):
    return F.softplus(-D(fake)).mean((1, 2)).sum()


# %% tags=["nbval-check-output"]
a, b = (torch.zeros(1, 1, 1, requires_grad=True) for _ in range(2))
echo = nn.Identity()  # a discriminator that says what it is shown
of_real, of_fake = torch.autograd.grad(d_loss(echo, a, b), (a, b))
(of_G,) = torch.autograd.grad(g_loss(echo, b), b)
print(f"slopes of D's loss: {of_real.item():+.1f} on real, {of_fake.item():+.1f} on")
print(f"fakes; of G's loss: {of_G.item():+.1f} on fakes")

# %% [markdown]
# On fakes the two now pull in opposite directions, as they should. The rest is the loop
# of lesson 41: penalty at every fourth step with four times the weight, and an average
# of $G$'s weights over the last hundred steps or so, which is judged in the end.


# %%
class Game:
    def __init__(
        self, steps, players=None, *, seeds=SEEDS, rates=(2e-3, 1e-3), gamma=0.2,
        batch=BATCH, memory=0.99,
    ):  # fmt: skip
        torch.manual_seed(0)
        self.steps, self.gamma, self.batch = steps, gamma, batch
        self.G, self.D = players or (Generator(seeds), Discriminator(seeds))
        self.seeds = self.G.seeds
        self.average = AveragedModel(self.G, multi_avg_fn=get_ema_multi_avg_fn(memory))
        self.opt_G, self.opt_D = (
            torch.optim.Adam(net.parameters(), rate, betas=(0.5, 0.99))
            for net, rate in zip((self.G, self.D), rates, strict=True)
        )
        self.parts = {"G": self.G, "D": self.D, "average": self.average}
        self.parts |= {"opt_G": self.opt_G, "opt_D": self.opt_D}


# %%
def slope_penalty(D, real):
    x = real.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return slopes.square().sum(2).mean(1).sum() / 2


def penalty(game, real, number):  # at every fourth step, with four times the weight
    if game.gamma == 0 or number % 4:
        return 0.0
    return 4 * game.gamma * slope_penalty(game.D, real)


# %%
@torch.no_grad()
def generate(game, count=SAMPLES):  # -> (S, count, T)
    net = game.average.module
    return net(*net.draw(count)).cpu()


# %%
def watch(game):
    got = [read_off(x) for x in generate(game, 300)]
    shares = [(g.residual < 0.05).double().mean() for g in got]
    return {
        "share of sines": torch.stack(shares).mean(),
        "frequency distance": torch.stack(
            [gaps(g.frequency, LOW, HIGH).abs().mean() for g in got]
        ).mean(),
    }


# %%
def norm_of_gradient(net):
    return sum(p.grad.square().sum() for p in net.parameters()).sqrt()


def play(game, run=None, show=False, clip=0.0):
    trainer, seeds = cu.Trainer(run, **game.parts), game.seeds

    def step(batch):
        with trainer.full_precision():
            real = batch[0].view(seeds, -1, LENGTH)  # each seed has its part
            fake = game.G(*game.G.draw(real.shape[1]))  # (S, B, T)
            loss = d_loss(game.D, real, fake.detach())
            slope = penalty(game, real, trainer.steps)
            trainer.update(game.opt_D, loss + slope)
            other = g_loss(game.D, fake)  # the same fakes, not detached
            trainer.update(game.opt_G, other, clip)
        game.average.update_parameters(game.G)
        row = {"loss of D": loss / seeds, "loss of G": other / seeds}
        return row | {"gradient of G": norm_of_gradient(game.G)}

    batches = cu.Batches(train.x.to(device).repeat(10, 1), seeds * game.batch)
    look = (lambda: watch(game)) if show else None
    return trainer.fit(step, batches, steps=game.steps, evaluate=look, show=show)


# %% [markdown]
# ## Train it
#
# The picture moves while it trains. Watch the dots rather than the losses: a share of
# sines that should go to 1, and a distance of frequencies that should go to 0.
#
# > **Predict before you run.** What will the two losses do: fall, rise, or settle, and
# > where?
# > <details><summary>Answer</summary>They settle near 2 log 2 = 1.39 and log 2 = 0.69,
# > the values of a D that cannot tell. In lesson 41 that was patient A's trap: it
# > happens when G is perfect, and also when D is blind or reined in. So the losses do
# > not answer the question; the scores below do.</details>

# %%
games, seconds = {}, {}
games["RNN-GAN"] = Game(LONG)
seconds["RNN-GAN"] = play(games["RNN-GAN"], "runs/51/rnn", show=True).seconds

# %%
sets["RNN-GAN"] = list(generate(games["RNN-GAN"]))
table(["fresh real", "RNN-GAN"])

# %% [markdown]
# ### Does it need recurrence?
#
# A sequence of 24 numbers is also just 24 numbers. So: a **feed-forward GAN** with as
# many parameters and the same game. Its generator turns one code into 24 numbers at
# once; its discriminator sees values and differences of all steps side by side. One of
# its steps is so cheap that we give it four times as many.


# %%
class Dense(nn.Module):
    def __init__(self, widths, seeds):
        super().__init__()
        self.layers = nn.ModuleList(
            Linear(*pair, [seed + 10 * i for seed in seeds])
            for i, pair in enumerate(pairwise(widths))
        )

    def forward(self, x):  # (S, B, in) -> (S, B, out)
        for number, layer in enumerate(self.layers):
            x = layer(F.leaky_relu(x, 0.2) if number else x)
        return x


# %%
class DenseGenerator(Dense):
    def __init__(self, seeds):
        super().__init__([NOISE + CODE, 50, 50, LENGTH], seeds)
        self.seeds = len(seeds)

    def draw(self, count):
        return (torch.randn(self.seeds, count, NOISE + CODE, device=device),)


class DenseDiscriminator(Dense):
    def __init__(self, seeds):
        super().__init__([2 * LENGTH, 39, 39, 1], seeds)

    def forward(self, x):  # (S, B, T) -> (S, B, 1)
        return super().forward(views(x).permute(1, 2, 0, 3).flatten(2))


# %%
dense = DenseGenerator(SEEDS), DenseDiscriminator(SEEDS)
games["feed-forward GAN"] = Game(4 * LONG, dense)
seconds["feed-forward GAN"] = play(games["feed-forward GAN"], "runs/51/dense").seconds
sets["feed-forward GAN"] = list(generate(games["feed-forward GAN"]))

# %% [markdown]
# ### Does it need a game?
#
# Lesson 23's way needs none: an **LSTM that predicts** the next value from those before
# and is told the truth at each step (*teacher forcing*). To be sampled from it must
# predict a *density*. The first value of a sine is most often near $\pm 1$, and the
# second may lie above or below: one normal distribution cannot say that. So it predicts
# a mixture of five,
#
# $$p(x_t \mid x_{<t}) = \sum_{j=1}^{5} \pi_j\; \mathcal{N}(x_t;\, \mu_j, \sigma_j^2),$$
#
# and the loss is $-\log p$. Then it runs freely, on its own samples.
#
# Three values give the law of a sine, so from the fourth on it is exactly predictable:
# the best $\sigma$ is zero and the best loss $-\infty$. We stop $\log \sigma$ at $-5$.


# %%
class Predictor(nn.Module):
    def __init__(self, units=30, parts=5):
        super().__init__()
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.out = nn.Linear(units, 3 * parts)

    def density(self, states):
        weight, mean, log_sigma = self.out(states).chunk(3, 2)  # (B, T, 5) each
        sigma = log_sigma.clamp(-5, 2).exp()
        kinds = torch.distributions.Categorical(logits=weight)
        parts = torch.distributions.Normal(mean, sigma)
        return torch.distributions.MixtureSameFamily(kinds, parts)

    def forward(self, x):  # (B, T) -> nats a value
        before = F.pad(x[:, :-1], (1, 0))[..., None]  # the truth, one step late
        return -self.density(self.lstm(before)[0]).log_prob(x).mean()

    @torch.no_grad()
    def sample(self, count):
        x, state, found = torch.zeros(count, 1, 1, device=device), None, []
        for _ in range(LENGTH):  # its own samples come back as inputs
            states, state = self.lstm(x, state)
            x = self.density(states).sample()[..., None]
            found.append(x[:, 0, 0])
        return torch.stack(found, 1).cpu()


# %%
def teach(net, seed):
    opt = torch.optim.Adam(net.parameters(), 0.01)
    schedule = OneCycleLR(opt, 0.01, total_steps=TEACH)
    trainer = cu.Trainer(net=net, opt=opt, schedule=schedule)

    def step(batch):
        with trainer.full_precision():
            loss = net(batch[0])
        trainer.update(opt, loss, clip=1.0)
        schedule.step()
        return {"nats a value": loss}

    batches = cu.Batches(train.x.to(device), BATCH, seed)
    return trainer.fit(step, batches, steps=TEACH, show=False)


# %%
predictors, taught = [], []
for seed in SEEDS:
    torch.manual_seed(seed)
    predictors.append(Predictor())
    taught.append(teach(predictors[-1], seed))
seconds["teacher-forced LSTM"] = sum(history.seconds for history in taught)
sets["teacher-forced LSTM"] = [net.sample(SAMPLES) for net in predictors]
with torch.no_grad():
    nats = [net(holdout.x.to(device)).item() for net in predictors]
cu.say(
    f"Nats a value on the hold-out, told the truth: "
    f"{', '.join(f'{value:.2f}' for value in nats)}."
)

# %% [markdown]
# > **Predict before you run.** It predicts each next value nearly perfectly. Will its
# > free samples be sines?
# > <details><summary>Answer</summary>Each step adds a small error, and the next step
# > builds on it. In training it never saw its own errors (*exposure bias*; professor
# > forcing, Lamb et al. 2016, was made against it). How much that costs over 24 steps
# > the next cell counts.</details>

# %%
LEARNED = ["RNN-GAN", "feed-forward GAN", "teacher-forced LSTM"]
for name in LEARNED:
    left = torch.stack([read_off(x).residual for x in sets[name]])
    cu.say(
        f"{name}: {(left < 0.05).double().mean():.0%} sines; the best sine leaves "
        f"{left.mean():.1%} of the power; {seconds[name]:.0f} s for all seeds."
    )


# %%
def gallery(names, columns=7):
    alt = f"{columns} sequences each of {', '.join(names)}, with the best sine through "
    alt += "each as a line. Dots where it fits, crosses where it does not."
    plot = cu.plots.Plot(8.5, 1.05 * len(names), alt)
    grid, t = plot.subplots(len(names), columns, sharex=True, sharey=True), range(24)
    fine = torch.linspace(0, LENGTH - 1, 150)
    for line, name in zip(grid, names, strict=True):
        some = sets[name][0][:columns]
        for axes, x, f, phase, size, left in zip(
            line, some, *read_off(some), strict=True
        ):
            wave = size * (2 * math.pi * (f * fine / LENGTH + phase)).sin()
            axes.plot(fine, wave, lw=1, color="#999999")
            mark, colour = (".", "#0072B2") if left < 0.05 else ("x", "#D55E00")
            axes.plot(t, x, mark, ms=4, color=colour)
            axes.text(0, 1.35, f"{f:.2f}", size=7)
            axes.set(ylim=(-1.8, 1.8), xticks=[], yticks=[])
        line[0].set_ylabel(name.replace(" ", "\n", 1), size=7)
    return plot


# %% tags=["cover"]
gallery(["fresh real", *LEARNED, "AR(2), one law for all"])

# %% [markdown]
# The number is the measured frequency. Orange crosses mean that the best sine leaves
# more than 5 %. These are the first seven of the first seed, not the best.
#
# Shares of all sequences below each frequency: real ones make a straight line.

# %%
curves = {}
for name in ["fresh real", *LEARNED]:
    f = read_off(torch.cat(list(sets[name]))).frequency.sort().values
    curves[name] = (f, torch.linspace(0, 1, len(f)))
cu.plots.lines(
    curves,
    xlabel="measured frequency, cycles a sequence",
    ylabel="share below",
    alt="Cumulative distribution of the measured frequency for real sequences, a line "
    "from 1 to 4 cycles, and for the three learned generators.",
)

# %% [markdown]
# ## Realism: let a stranger judge
#
# A GAN's own discriminator is party to the game. So a *new* classifier is trained for
# each set, after the fact, on four fifths of the set and as many fresh real sequences,
# and tested on the last fifth. `cu.metrics.discriminative_score` does so with a GRU,
# for all sets side by side. With more units than the published protocol has: a weak
# judge flatters.


# %%
def judge(groups):  # name -> samples of each seed; gives name -> a score for each
    named = {f"{n}|{i}": x for n, found in groups.items() for i, x in enumerate(found)}
    scores = cu.metrics.discriminative_score(
        fresh.x[..., None],
        {name: x[..., None] for name, x in named.items()},
        **{"units": 16, "repeats": 1, "iterations": JUDGE},
    )
    return {
        name: torch.tensor([scores[f"{name}|{i}"].mean for i in range(len(found))])
        for name, found in groups.items()
    }


# %%
realism_of = judge(sets)
chance = math.sqrt(2 / (0.2 * SAMPLES) / (8 * math.pi))  # E|accuracy - ½| of a coin
cu.say(
    f"Perfect sequences would score {chance:.3f} on average by chance, because only "
    "a fifth of each set is tested."
)

# %% [markdown]
# ## Scoreboard

# %%
table(sets, realism_of)


# %%
def parameters(*nets):
    return sum(p.numel() for net in nets for p in net.parameters())


alone = [0]
sizes = {
    "RNN-GAN": (Generator(alone), Discriminator(alone)),
    "feed-forward GAN": (DenseGenerator(alone), DenseDiscriminator(alone)),
    "teacher-forced LSTM": (Predictor(),),
}
cu.scoreboard(
    [
        {
            "model": name,
            "parameters to generate": parameters(nets[0]),
            "to judge": parameters(*nets[1:]) or "none",
        }
        for name, nets in sizes.items()
    ]
)

# %%
scored = {name: [score(x) for x in sets[name]] for name in LEARNED}


def average(name, key):
    found = [s[key] for s in scored[name] if not math.isnan(s[key])]
    return sum(found) / len(found) if found else math.inf


# %% tags=["result"]
cu.claim(
    "Sines among the RNN-GAN's sequences, mean of the seeds",
    average("RNN-GAN", "sines"),
    at_least=0.9,
    form=".0%",
)
cu.claim(
    "Cycles by which the RNN-GAN's frequencies are off, mean of the seeds",
    average("RNN-GAN", "frequency"),
    at_most=0.15,
    form=".2f",
)
cu.claim(
    "Pairs in which the RNN-GAN's sequence, not a new one, is nearer to training",
    average("RNN-GAN", "closer"),
    at_most={"cpu": 0.5},
    form=".0%",
)

# %%
ours, verdicts = realism_of["RNN-GAN"], []
for rival in [*LEARNED[1:], "AR(2), one law a sequence", "fresh real"]:
    theirs = realism_of[rival]
    gap = (ours.mean() - theirs.mean()).item()
    spread = max(values.std().item() for values in (ours, theirs) if len(values) > 1)
    word = "worse than" if gap > 0 else "better than"
    word = word if abs(gap) > max(2 * spread, 2 * chance) else "not clearly apart from"
    verdicts.append(f"{word} {rival} ({gap:+.3f})")
cu.say(f"In realism the RNN-GAN is {'; '.join(verdicts)}.")

# %%
law = "AR(2), one law for all"
off = show([s["frequency"] for s in scored["RNN-GAN"]])
cu.say(
    f"No judge sees everything. To this one {law} has a score of "
    f"{realism_of[law].item():.2f}, though {score(sets[law][0])['sines']:.0%} of its "
    "sequences are sines. And its score of the RNN-GAN does not tell that the "
    f"frequencies are {off} cycles off, where those of new real sequences are "
    f"{score(sets['fresh real'][0])['frequency']:.2f} off. Copied? Then all its pairs "
    "would be nearer than a new real sequence; as new as those would be 50 %, and with "
    "fewer they lie farther off than new ones."
)

# %% [markdown]
# ## What makes it train?
#
# Now we take something away, in short runs with half of the batch. The last row takes
# all of it away: no differences, no summary but the last state, no penalty, no average,
# and a $D$ that learns as fast as $G$. It is the recurrent GAN that one writes first.
#
# > **Predict before you run.** Which will be missed more in a short run: the penalty or
# > the differences? And will the last row be the worst in every seed?
# > <details><summary>Answer</summary>The lines below the table say it for this run. Do
# > not trust the mean of the last row: look at its worst and at its best seed. A recipe
# > need not make the best run better. It has to make the worst one less likely, and one
# > seed cannot show that. And a short run cannot show what is missed in a long one.
# > </details>


# %%
def without(**knobs):
    return Generator(SEEDS), Discriminator(SEEDS, **knobs)


ABLATIONS = {
    "the recipe": {},
    "no penalty": {"gamma": 0.0},
    "no differences": {"players": without(differences=False)},
    "none of it": {
        "players": without(differences=False, last=True),
        "gamma": 0.0,
        "rates": (2e-3, 2e-3),
        "memory": 0.0,
    },
}

# %%
tried = {}
for name, knobs in ABLATIONS.items():
    game = Game(SHORT, batch=BATCH // 2, **knobs)
    play(game)
    tried[name] = list(generate(game))

# %%
rows, shares = [], {}
for name, samples in tried.items():
    found = [score(x) for x in samples]
    some = shares[name] = torch.tensor([f["sines"] for f in found])
    row = {"short runs": name, "sines": show(some), "worst seed": f"{some.min():.2f}"}
    row |= {"best seed": f"{some.max():.2f}"}
    rows.append(row | {"frequency": show([f["frequency"] for f in found])})
cu.scoreboard(rows)

# %%
full, bare = shares["the recipe"], shares["none of it"]
for name in ("no penalty", "no differences"):
    some = shares[name]
    clear = full.mean() - some.mean() > full.std() + some.std()
    word = "more" if clear else "not more"
    cu.say(
        f"{name}: {some.mean():.0%} sines, the recipe {full.mean():.0%}; apart by "
        f"{word} than the spread of the seeds."
    )
cu.say(
    f"After {SHORT} steps the recipe has {full.min():.0%} sines in its worst seed and "
    f"{full.max():.0%} in its best; with none of it these are {bare.min():.0%} and "
    f"{bare.max():.0%}."
)

# %% [markdown]
# ## Steer the frequency
#
# Nobody told the generator that there is such a thing as a frequency. Is there a
# direction in its code that means it? Draw codes, measure the frequencies, and fit a
# plane by least squares: the frequency changes most along the plane's slope.


# %%
def steered(codes, seed=0):  # (N, k) -> sequences of one seed's generator (N, T)
    net = games["RNN-GAN"].average.module
    torch.manual_seed(0)  # the same noise for all
    noise = net.draw(1)[0].expand(-1, -1, len(codes), -1)
    with torch.no_grad():
        codes = codes.to(device).expand(len(SEEDS), *codes.shape)
        return net(noise, codes)[seed].cpu()


# %%
torch.manual_seed(0)
codes = torch.randn(SAMPLES, CODE)
read = read_off(steered(codes))
plane = torch.cat([codes, torch.ones(SAMPLES, 1)], 1).double()
slope = torch.linalg.lstsq(plane, read.frequency[:, None]).solution[:, 0]
explained = 1 - (read.frequency - plane @ slope).var() / read.frequency.var()
direction = F.normalize(slope[:CODE], dim=0).float()
cu.claim(
    "Variance of the measured frequency that the plane explains",
    explained,
    at_least=0.75,
    form=".0%",
)
cu.say(f"Its slope is {slope[:CODE].norm():.2f} cycles for each unit of the code.")

# %%
places = torch.linspace(-2.5, 2.5, 21)
level = codes[:200] - (codes[:200] @ direction)[:, None] * direction
other = F.normalize(torch.randn(CODE), dim=0)
curves = {}
for name, way in [("along the slope", direction), ("a random direction", other)]:
    at = torch.stack([read_off(steered(level + s * way)).frequency for s in places])
    curves[name] = (places, at.mean(1), at.std(1))
cu.plots.lines(
    curves,
    xlabel="place along the direction, in units of the code",
    ylabel="frequency, cycles",
    alt="Mean measured frequency of 200 codes moved along the slope and along a random "
    "direction, with their spread.",
)

# %% [markdown]
# Drag the slider; `start` chooses another code to start from. Which part of the wave
# changes, and which stays? Does the phase hold? Beyond two units there are few codes in
# training: what does it do there?


# %%
def wave(move, start):
    here = level[start] + move * direction
    x = steered(here[None])
    f, phase, size, left = (value.item() for value in read_off(x))
    t = torch.linspace(0, LENGTH - 1, 150)
    return cu.plots.lines(
        {
            "generated": (range(LENGTH), x[0]),
            "best sine": (t, size * (2 * math.pi * (f * t / LENGTH + phase)).sin()),
        },
        xlabel="step",
        ylabel="value",
        alt=f"Sequence at {move:+.2f} along the slope: measured frequency {f:.2f} "
        f"cycles, residual {left:.1%}.",
    )


cu.widgets.explore(wave, move=(-2.5, 2.5, 0.25, 0.0), start=(0, 19, 1, 0))

# %% [markdown]
# ## Clinic
#
# ### Patient A: a longer memory
#
# A colleague has made the generator's recurrent weights ten times larger, "so that it
# remembers longer". It did not go well, and so she limits the norm of each gradient to
# 1, as lesson 21 taught. Here are both runs, and ours. The curves show the norm of the
# gradient that $G$'s optimizer is given.


# %%
def run_patient(gain, clip):
    game = Game(CLINIC, seeds=[0])
    game.G.gru.U.data *= gain
    return game, play(game, clip=clip)


# %%
patients = {
    "10 × U": run_patient(10.0, 0.0),
    "10 × U, clipped": run_patient(10.0, 1.0),
    "orthogonal U": run_patient(1.0, 0.0),
}
cu.plots.lines(
    {
        name: (history.steps("gradient of G"), history["gradient of G"])
        for name, (_, history) in patients.items()
    },
    xlabel="step",
    ylabel="norm of the gradient",
    log="y",
    alt="Norm of the gradient at the generator's weights against the step, on a "
    "logarithmic axis: far above all others for recurrent weights ten times too large, "
    "1 for the same with clipping, small for orthogonal weights.",
)

# %% [markdown]
# > **Your diagnosis?** The second curve is flat and small. Is that patient cured?
# > <details><summary>Answer</summary>No; the next cell counts. The derivative through
# > 24 steps is a product of 24 matrices (lesson 21). Where they stretch, it explodes,
# > and jumps by orders of magnitude from one step to the next. Clipping makes it short.
# > But Adam divides by the gradient's recent size anyway, so its length meant little
# > before. What is left is its *direction*, and that has come through the same 24
# > matrices. Clipping guards against a bad step now and then. It does not cure weights
# > that stretch at every step. Orthogonal ones neither stretch nor shrink.</details>

# %%
for name, (game, history) in patients.items():
    norms, left = history["gradient of G"], read_off(generate(game)[0]).residual
    cu.say(
        f"{name}: norm of the gradient {norms.min():.2g} to {norms.max():.2g}. After "
        f"{CLINIC} steps {(left < 0.05).double().mean():.0%} sines; the best sine "
        f"leaves {left.mean():.0%} of the power."
    )

# %% [markdown]
# ### Patient B: in perfect balance
#
# Another colleague writes the discriminator's loop by hand, and reads its last state.
# "It runs. Both losses are where theory wants them. And at each step the values are
# spread as the real ones are."


# %%
class Patient(nn.Module):
    def __init__(self, carries):
        super().__init__()
        self.gru, self.carries = GRU(1, UNITS, [40]), carries
        self.out = Linear(UNITS, 1, [50])

    def forward(self, x):  # (1, B, T) -> (1, B, 1)
        h = None
        for step in views(x, differences=False).split(1):  # (1, 1, B, 1)
            h = self.gru(step, h if self.carries else None)[-1]  # (1, B, H)
        return self.out(h)


# %%
def run_reader(carries):
    game = Game(CLINIC, (Generator([0]), Patient(carries)), seeds=[0])
    return game, play(game)


def apart(x):  # distance of each step's distribution from the true one
    return (x.sort(0).values - fresh.x.sort(0).values).abs().mean(0)  # (T,)


# %%
patient, history = run_reader(carries=False)
x, tail = generate(patient)[0], slice(-20, None)
cu.say(
    f"Losses at the end: {history['loss of D'][tail].mean():.3f} and "
    f"{history['loss of G'][tail].mean():.3f}; theory: {2 * math.log(2):.3f} and "
    f"{math.log(2):.3f}. Distance of the values from the real ones, mean over steps: "
    f"{apart(x).mean():.2f}; that of zeros: {fresh.x.abs().mean():.2f}. Sines: "
    f"{score(x)['sines']:.0%}."
)

# %% [markdown]
# > **Your diagnosis?** Balanced losses, and hardly a sine. Read `forward` once more.
# > What does $D$ know of the sequence when the loop ends? And what would you measure?
# > <details><summary>Answer</summary>The state is thrown away at each step: every step
# > starts from h = None. No shape is wrong, so nothing stops. In the end D has read one
# > number, the last. It can ask for the right spread of that number, and for nothing
# > else; no loss will say so. D's own slope does: take the derivative of its logit by
# > each step, as for fault 1.</details>


# %%
def look(D):  # share of D's slope at each step
    x = train.x[None, :256].to(device).requires_grad_()
    (slopes,) = torch.autograd.grad(D(x).sum(), x)
    weight = slopes[0].abs().mean(0).cpu()
    return weight / weight.sum()  # (T,)


readers = {
    "patient B": patient,
    "carries h": run_reader(carries=True)[0],
    "our recipe": patients["orthogonal U"][0],
}
cu.plots.lines(
    {name: (range(LENGTH), look(game.D)) for name, game in readers.items()},
    xlabel="step",
    ylabel="share of D's slope",
    alt="Share of the discriminator's slope at each step. Patient B: nothing but the "
    "last step. With the state carried on, and in our recipe: all steps.",
)

# %%
for name, game in readers.items():
    x, read = generate(game)[0], int((look(game.D) > 0).sum())
    left = read_off(x).residual.mean()
    cu.say(
        f"{name}: D reads {read} of {LENGTH} steps. The best sine leaves {left:.0%} of "
        f"the power; {score(x)['sines']:.0%} sines."
    )

# %% [markdown]
# Carrying the state mends this fault. Is that a good discriminator already? Compare the
# last two lines. The table of short runs above says what else the recipe has.

# %% [markdown]
# ## Exercises
#
# ### Exercise 51.1 · Two kinds of noise
#
# Write `generator_input(noise, code)`: noise (B, T, n), drawn at each step, and a code
# (B, k), drawn once a sequence, become the input (B, T, n + k) of a recurrent
# generator. The noise comes first. Each sequence keeps its own code at all steps.

# %% tags=["exercise"]
import torch


def generator_input(noise, code):
    # BEGIN SOLUTION
    repeated = code[:, None].expand(-1, noise.shape[1], -1)  # (B, T, k)
    return torch.cat([noise, repeated], 2)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("51.1", generator_input)

# %% [markdown]
# ### Exercise 51.2 · The discriminator's loss
#
# Write `discriminator_loss(real_logits, fake_logits)`: the mean cross-entropy on real
# sequences, whose target is 1, *plus* the mean on fakes, whose target is 0. Both are
# (B, 1), perhaps of different B. It must stay finite for logits of ±200.

# %% tags=["exercise"]
import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    # BEGIN SOLUTION
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("51.2", discriminator_loss)

# %% [markdown]
# ### Exercise 51.3 · First differences
#
# Write `with_differences(x)`: sequences (B, T) become a tensor (B, T, 2), the value
# and, beside it, the difference to the value *before*. The first step has none before
# it: there the difference is 0.


# %% tags=["exercise"]
def with_differences(x):
    # BEGIN SOLUTION
    steps = torch.zeros_like(x)
    steps[:, 1:] = x[:, 1:] - x[:, :-1]
    return torch.stack([x, steps], 2)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("51.3", with_differences)

# %% [markdown]
# ### Exercise 51.4 · Realism
#
# Write `realism(real_logits, fake_logits)`: how far a judge is above chance on held-out
# sequences, as a number. The logits are (N,) on real and (M,) on generated sequences; a
# positive one says "real", any other "generated". Take the mean of the two accuracies
# (N and M may differ), and from that the distance to ½.


# %% tags=["exercise"]
def realism(real_logits, fake_logits):
    # BEGIN SOLUTION
    right = (real_logits > 0).float().mean()
    exposed = (fake_logits <= 0).float().mean()
    return ((right + exposed) / 2 - 0.5).abs()
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("51.4", realism)

# %% [markdown]
# ### Open challenge
#
# Halve the RNN-GAN's distance of frequencies under the `cpu` profile, in the budget of
# this lesson, without losing sines. Ideas: packs of two sequences (lesson 41), a code
# of another size, no noise at each step, a second layer, a discriminator that reads
# backwards too. Keep a row for what did not help. Or help the rivals: how far do the
# feed-forward GAN and the LSTM come in as many *seconds*? Or make the data harder: the
# frequency changes in the middle, two sines added, two features with one phase between
# them. At which data does recurrence pay?

# %% [markdown]
# ## Summary
#
# - A listing is a claim. Four measurements tell whether it is an RNN-GAN: a derivative,
#   a call, a swap of the data, and a sign.
# - A recurrent generator takes a code that stays and noise that changes. A recurrent
#   discriminator must read all steps; its slope says which it reads.
# - Three questions for sequences: real, diverse, new. Each has a floor, and each can be
#   passed alone by something worthless.
# - A small recurrent GAN is at the mercy of its game: run several seeds, and look at
#   the worst.
# - Use an RNN-GAN when sequences must be sharp as a whole, vary in length or run on,
#   and no density is needed. Do not use it before you have tried the cheap rivals: a
#   law that you know, a feed-forward GAN where the length is fixed, and a
#   teacher-forced RNN, which trains without a game and gives a likelihood.
#
# **Quiz**
#
# 1. A generator is `nn.Linear` layers on noise of shape (B, T, n). Which derivative
#    proves that it is not recurrent?
#    <details><summary>Answer</summary>Of the output at step t by the noise at another
#    step: it is zero for all pairs.</details>
# 2. Both losses of a GAN fall together. What do you suspect first?
#    <details><summary>Answer</summary>Equal targets, or a wrong sign: the two want the
#    same. Real opponents cannot both win.</details>
# 3. Training copies have a perfect score of realism. Why is that no praise?
#    <details><summary>Answer</summary>Realism asks whether sequences look like real
#    ones, and copies do. Only the distance to the training set, beside that of a
#    hold-out, tells that nothing is new.</details>
# 4. Why are 97 % sines not enough?
#    <details><summary>Answer</summary>They could all have one frequency. The
#    distribution of frequencies and phases has to be right too.</details>
# 5. Teacher forcing has a lower loss at each step than free running would have. What is
#    the difference called, and where does it come from?
#    <details><summary>Answer</summary>Exposure bias. In training each step sees the
#    truth; in free running it sees its own earlier errors.</details>
#
# **Further reading.** O. Mogren, *C-RNN-GAN: continuous recurrent neural networks with
# adversarial training*, 2016 (arXiv:1611.09904). C. Esteban, S. Hyland, G. Rätsch,
# *Real-valued (medical) time series generation with recurrent conditional GANs*, 2017
# (arXiv:1706.02633): RCGAN, whose first test is sines. J. Yoon, D. Jarrett, M. van der
# Schaar, *Time-series generative adversarial networks*, NeurIPS 2019; lesson 54 runs
# its protocol. A. Lamb et al., *Professor forcing: a new algorithm for training
# recurrent networks*, NeurIPS 2016. L. Mescheder, A. Geiger, S. Nowozin, *Which
# training methods for GANs do actually converge?*, ICML 2018, for the penalty. C.
# Bishop, *Mixture density networks*, 1994. J. Rabin, J. Delon, Y. Gousseau,
# *Transportation distances on the circle*, Journal of Mathematical Imaging and Vision
# 41, 2011. R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent
# neural networks*, ICML 2013, for exploding gradients and clipping.

# %% [markdown] tags=["instructor"]
# **Instructor.** 85 minutes after the listing: 10 for the recurrent generator (which
# noise does a melody need?), 10 for the measures (let the room invent a cheat for
# each), 10 for AR(2) on the board, 15 while the GAN trains, 10 for the rivals and the
# verdict, 10 for what was taken away, 10 for the clinic, 10 for exercises.
#
# Common beliefs: that "RNN" in a name is recurrence; that a GAN must beat a network
# trained by likelihood; that a balance of losses means success; that a generator which
# scores well is not a copier. Question for the room: the AR(2) rival knows the law of
# the data. Is it fair to show it? (It is the question of every baseline: one wants to
# know what the data demand.) If short of time, leave out the table of short runs and
# patient A.
