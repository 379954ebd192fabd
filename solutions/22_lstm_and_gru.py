# %% [markdown]
# # 22 · LSTM and GRU
#
# *Two cells, drawn and then written from their equations; four networks on a task of
# pure memory, with steps enough for all; a look inside while gates hold a number; and
# one of the problems that the LSTM was introduced with, as it was published.*
#
# ![The state of one unit of an LSTM over 100 steps, for five values of the first marked
# number. The five lines part at the first mark and run on
# apart.](../notebooks/images/22.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 21.
#
# After this lesson you can
#
# - draw an LSTM and a GRU, write them from their equations, and prove your version
#   equal to PyTorch's;
# - tell from a forget gate how long a number is kept, and set the gate for a task;
# - compare recurrent networks fairly: the right chance level, enough steps, a spread;
# - test what a unit does by changing it, with a control, since a correlation proves
#   nothing;
# - batch sequences of unequal length, and prove that the padding changes nothing.

# %%
import copy
import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import course_utils as cu

HIDDEN, BATCH = 32, 32
RATES = {"RNN": 0.003, "LSTM": 0.03, "LSTM, slow gates": 0.03, "GRU": 0.03}
CLIP = 0.25  # the largest norm of a gradient
MAIN = 100  # the length that we look at most
LENGTHS = cu.budget(cpu=[30, 100, 200], gpu=[30, 100, 200, 400, 600])
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])
FIRST = cu.budget(cpu=500, gpu=500)  # steps of the first training
STEPS = cu.budget(cpu=3000, gpu=5000)  # steps of the comparison, at most
EVERY = cu.budget(cpu=50, gpu=50)  # steps between two looks at the held-out error
CLINIC = cu.budget(cpu=400, gpu=400)
SOLVED, STOP = 0.01, 0.005  # an error that counts as solved; where training stops
AS_IN_1997 = cu.budget(cpu=74_000, gpu=74_000) // BATCH  # steps for as many sequences

torch.set_num_threads(1)  # for products this small, a second thread costs time
device = cu.start(seed=0)

# %% [markdown]
# ## What is hard to remember?
#
# In the clinic of lesson 21 a plain network lost the first of 30 bits. Now we want a
# task that tests memory and nothing else, at any length: the *adding problem*.
#
# At each of $T$ steps the network reads a random number from 0 to 1, and a mark. The
# mark is 1 at two places and 0 everywhere else. After the last step the network should
# name the sum of the two marked numbers. All the other numbers are there to distract
# it.


# %%
def draw(T, size, seed):
    generator = torch.Generator(device).manual_seed(seed)
    numbers, order = torch.rand(2, size, T, generator=generator, device=device)
    marks = torch.zeros_like(numbers).scatter_(1, order.topk(2).indices, 1.0)
    return torch.stack([numbers, marks], 2), (numbers * marks).sum(1)  # (B, T, 2), (B,)


# %%
x, y = (part.cpu() for part in draw(T=50, size=1, seed=0))
numbers, marks = x[0].T  # (T,) each
one, other = numbers[marks == 1].tolist()
plot = cu.plots.lines(
    {"number": (range(50), numbers)},
    xlabel="step",
    ylabel="number",
    size=(7.5, 2.2),
    alt="Fifty random numbers from 0 to 1 as thin bars. Two of them are marked: "
    f"{one:.2f} and {other:.2f}.",
)
axes = plot.axes[0]
axes.get_lines()[0].remove()
axes.vlines(range(50), 0, numbers, color="#BBBBBB", lw=3)
at = marks.nonzero()[:, 0]
axes.vlines(at, 0, numbers[at], color=cu.plots.COLOURS[1], lw=5)
axes.set_title(
    f"the sum of the two marked numbers: {one:.2f} + {other:.2f} = {y[0]:.2f}"
)
plot

# %% [markdown]
# The idea comes from the paper that introduced the LSTM (Hochreiter and Schmidhuber
# 1997). Their problem was a little different, though, and you'll meet it further down.
# This version, with marks anywhere, is the one that Bai, Kolter and Koltun (2018)
# released and reported their figures on.
#
# > **Predict before you run.** A network that remembers nothing should always name the
# > mean, 1. What is its mean squared error?
# > <details><summary>Answer</summary>The variance of the sum. A uniform number from 0
# > to 1 has variance 1/12, and two independent ones have 2/12 = 1/6, about 0.1667. That
# > is the line of chance here.</details>

# %%
CHANCE = 1 / 6
_, y = draw(12, 100_000, seed=0)  # the length does not matter here
measured = ((y - 1) ** 2).mean().item()
cu.say(f"Always naming 1: {measured:.4f}. In theory {CHANCE:.4f}.")

# %% [markdown]
# There's a second baseline. Suppose a network keeps the last $k$ steps perfectly, and
# nothing from before. A mark is among them with probability $k / T$; for any other, the
# best guess is its mean. The error is then
#
# $$\frac{1}{6}\Big(1 - \frac{k}{T}\Big) ,$$
#
# so you can read an error as a length of memory: $k = T\,(1 - 6 \cdot \text{error})$.


# %%
def memory(error, T):
    return max(0.0, T * (1 - error / CHANCE))


cu.say(f"At T = 100, an error of 0.1 is a memory of {memory(0.1, 100):.0f} steps.")

# %% [markdown]
# ## What would it take to keep a number?
#
# A plain network writes its whole state anew at each step: $h_t = \tanh(W h_{t-1} +
# \dots)$. To keep a number, it would have to copy it through a matrix and a tanh, 100
# times over, without loss.
#
# The LSTM adds a second state, the *cell* $c$, and changes it gently. Follow the top
# line from left to right: one multiplication, one addition, and that is all.

# %%
cu.plots.cell("LSTM")

# %% [markdown]
# In symbols, with $\odot$ for a product unit by unit:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t , \qquad h_t = o_t \odot \tanh c_t .$$
#
# The three *gates* are numbers between 0 and 1, one for each unit. The *forget gate*
# $f$ says how much of the old cell is kept, the *input gate* $i$ how much of the new
# value $g$ is let in, the *output gate* $o$ how much is shown. The four boxes in the
# picture compute them from what is read and what was shown before:
#
# $$(a^i, a^f, a^g, a^o) = W x_t + U h_{t-1} + b, \qquad
# i = \sigma(a^i),\ f = \sigma(a^f),\ g = \tanh(a^g),\ o = \sigma(a^o) .$$
#
# > **Predict before you run.** Which values of $f$ and $i$ keep a number untouched?
# > <details><summary>Answer</summary>f = 1 and i = 0: keep everything, let nothing in.
# > A sigmoid never quite gets there. How close must it come? We'll measure that
# > soon.</details>


# %%
def uniform(hidden, *shape):  # how PyTorch starts all of these weights
    return nn.Parameter(torch.empty(shape).uniform_(-1, 1) / math.sqrt(hidden))


class LSTM(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.W = uniform(hidden, 4 * hidden, inputs)
        self.U = uniform(hidden, 4 * hidden, hidden)
        self.b = uniform(hidden, 4 * hidden)

    def gates(self, x, h):  # (B, D), (B, H)
        i, f, g, o = (x @ self.W.T + h @ self.U.T + self.b).chunk(4, 1)  # (B, H) each
        return i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()

    def forward(self, x):  # (B, T, D)
        h = c = x.new_zeros(len(x), self.U.shape[1])
        states, cells = [], []
        for x_t in x.unbind(1):
            i, f, g, o = self.gates(x_t, h)
            c = f * c + i * g
            h = o * c.tanh()
            states.append(h)
            cells.append(c)
        return torch.stack(states, 1), cells  # (B, T, H), T times (B, H)


# %% [markdown]
# ## Can it be done with less?
#
# The *gated recurrent unit*, GRU (Cho et al. 2014), has one state and two gates. The
# *update gate* $z$ does the work of $f$ and $i$ at once: what isn't kept is written
# anew. The *reset gate* $r$ decides how much of the old state the new value $n$ may
# see.

# %%
cu.plots.cell("GRU")

# %% [markdown]
# $$r = \sigma(W_r x + U_r h + b_r), \qquad z = \sigma(W_z x + U_z h + b_z),$$
# $$n = \tanh\big(W_n x + b_n + r \odot (U_n h + b'_n)\big), \qquad
# h' = (1 - z) \odot n + z \odot h .$$
#
# Watch out for two things. In the first paper $r$ multiplies $h$ *before* the matrix;
# PyTorch and cuDNN do it after, which is faster, and that is what the picture shows.
# And some authors swap $z$ and $1 - z$. A "GRU" from elsewhere is not always this one.


# %%
class GRU(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.W = uniform(hidden, 3 * hidden, inputs)
        self.U = uniform(hidden, 3 * hidden, hidden)
        self.b = uniform(hidden, 3 * hidden)
        self.b_n = uniform(hidden, hidden)  # the second bias of the new value

    def forward(self, x):  # (B, T, D)
        h, states = x.new_zeros(len(x), self.U.shape[1]), []
        for x_t in x.unbind(1):
            r, z, n = (x_t @ self.W.T + self.b).chunk(3, 1)  # (B, H) each
            from_r, from_z, from_n = (h @ self.U.T).chunk(3, 1)
            r, z = (r + from_r).sigmoid(), (z + from_z).sigmoid()
            n = (n + r * (from_n + self.b_n)).tanh()
            h = (1 - z) * n + z * h
            states.append(h)
        return torch.stack(states, 1)  # (B, T, H)


# %% [markdown]
# ## Are they PyTorch's?
#
# Copy the weights, and compare. PyTorch stacks the gates in the same order, and keeps
# two biases where one would do: only their sum counts, except inside the reset gate's
# bracket. So copying to PyTorch involves a choice, and copying back adds them up.


# %%
@torch.no_grad()
def to_library(ours, library):
    hidden = ours.U.shape[1]
    library.weight_ih_l0.copy_(ours.W)
    library.weight_hh_l0.copy_(ours.U)
    library.bias_ih_l0.copy_(ours.b)
    library.bias_hh_l0.zero_()
    if isinstance(library, nn.GRU):
        library.bias_hh_l0[2 * hidden :] = ours.b_n
    return ours


# %%
@torch.no_grad()
def from_library(ours, library):
    hidden = ours.U.shape[1]
    ours.W.copy_(library.weight_ih_l0)
    ours.U.copy_(library.weight_hh_l0)
    ours.b.copy_(library.bias_ih_l0 + library.bias_hh_l0)
    if isinstance(library, nn.GRU):
        ours.b[2 * hidden :] = library.bias_ih_l0[2 * hidden :]
        ours.b_n.copy_(library.bias_hh_l0[2 * hidden :])
    return ours


# %%
def states_and_slopes(layer, x):
    x = x.clone().requires_grad_()
    states = layer(x)
    states = states[0] if isinstance(states, tuple) else states
    (slopes,) = torch.autograd.grad((states**2).sum(), x)
    return states, slopes  # (B, T, H), (B, T, D)


# %%
def equal(one, other, x):
    pairs = zip(states_and_slopes(one, x), states_and_slopes(other, x), strict=True)
    return all((a - b).abs().max().item() < 1e-6 for a, b in pairs)


# %% tags=["nbval-check-output"]
x = torch.rand(4, 20, 2)
for Ours, Library in ((LSTM, nn.LSTM), (GRU, nn.GRU)):
    for copy_weights in (to_library, from_library):
        ours, library = Ours(2, 8), Library(2, 8, batch_first=True)
        copy_weights(ours, library)
        print(
            f"{Ours.__name__}, {copy_weights.__name__}: states and gradients equal "
            f"to 1e-6: {equal(ours, library, x)}"
        )

# %% [markdown]
# From here on we use PyTorch's. Ours comes back when we want to look at the gates.
#
# > **Predict before you run.** With the same number of units, how many times as many
# > parameters as a plain RNN does an LSTM have? And a GRU?
# > <details><summary>Answer</summary>Four times and three times: one set of weights for
# > each gate, and one for the new value.</details>


# %%
def parameters(net):
    return sum(p.numel() for p in net.parameters())


plain = parameters(nn.RNN(2, HIDDEN))
for Layer in (nn.RNN, nn.LSTM, nn.GRU):
    count = parameters(Layer(2, HIDDEN))
    print(f"{Layer.__name__:4} {count:5,} parameters, {count / plain:.0f} times")

# %% [markdown]
# ## How long does a forget gate keep a number?
#
# If nothing is let in, $f^k$ of the number is left after $k$ steps. Half of it is left
# after $\ln 0.5 / \ln f$ steps: that is the gate's *half-life*.
#
# The gradient fades at the same rate. As long as the gates do not depend on $h$, the
# way back through the cell is
#
# $$\frac{\partial c_T}{\partial c_{T-k}} = f_T \odot f_{T-1} \odot \dots \odot
# f_{T-k+1} ,$$
#
# a product of gates: no matrix, no slope of tanh. (In lesson 21, each step multiplied
# by both.) Is it so? Set $U = 0$, so that $h$ feeds nothing, and ask autograd.

# %% tags=["nbval-check-output"]
lstm = LSTM(2, 8).double()
nn.init.zeros_(lstm.U)
x = torch.rand(1, 30, 2, dtype=torch.double)
_, cells = lstm(x)
(slope,) = torch.autograd.grad(cells[-1].sum(), cells[9])
forget = [lstm.gates(x_t, torch.zeros(1, 8).double())[1] for x_t in x.unbind(1)]
product = torch.stack(forget[10:]).prod(0)  # 20 gates, from step 11 to step 30
print(
    "gradient = product of 20 gates, to 1e-12:",
    torch.allclose(slope, product, 0, 1e-12),
)

# %% [markdown]
# With $U \ne 0$ there are further ways back, through $h$ and the gates. Do they matter?
# Start an LSTM with its forget gates at a given bias $b$, so that $f \approx
# \sigma(b)$, run it over random inputs, and measure how the gradient fades. The thin
# line is $\sigma(b)^k$.


# %%
def cell_decay(bias, steps=100, units=HIDDEN):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    lstm = LSTM(2, units)
    lstm.b.data[units : 2 * units] = bias
    _, cells = lstm(torch.rand(8, steps + 1, 2, generator=generator))
    first = F.normalize(torch.randn(8, units, generator=generator))  # of length 1
    slopes = torch.autograd.grad((first * cells[-1]).sum(), cells)
    norms = torch.stack(slopes[::-1]).norm(dim=2).clamp_min(1e-30)  # (steps + 1, 8)
    return norms.log10().mean(1)  # (steps + 1,)


# %%
def decay_plot(decays, alt):  # decays: bias -> (101,)
    k = np.arange(101)
    plot = cu.plots.lines(
        {f"bias {bias:g}": (k, decay) for bias, decay in decays.items()},
        xlabel="distance, steps",
        ylabel="log₁₀ of the gradient's norm",
        size=(7.5, 3.2),
        alt=alt,
    )
    axes = plot.axes[0]
    for bias, line in zip(decays, axes.get_lines(), strict=True):
        kept = 1 / (1 + math.exp(-bias))
        axes.plot(k, k * math.log10(kept), color=line.get_color(), lw=0.7)
    axes.plot([], [], color="black", lw=0.7, label="σ(bias)ᵏ, thin")
    axes.set_ylim(-10, 3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return plot


# %%
decays = {bias: cell_decay(bias) for bias in (0, 1, 3, 5)}
ends = ", ".join(f"10^{decay[-1]:.1f} for {b}" for b, decay in decays.items())
decay_plot(
    decays,
    alt="The logarithm of the gradient's norm against the distance for four forget "
    f"biases. After 100 steps it is {ends}. Each line runs above its thin line of "
    "theory.",
)

# %% [markdown]
# Each measured line lies *above* its thin one. The straight way is there as promised,
# and the ways through $h$ add to it. With the gates wide open they add so much that the
# gradient grows. So an LSTM cures vanishing, not exploding, and we keep clipping.
#
# PyTorch starts an LSTM with biases near 0. Its gates are half open, and the straight
# way halves at each step. Such an LSTM *can* learn to keep a number, but it does not
# start out that way.
#
# ## Turn the gate
#
# Which bias keeps half of a number for 100 steps?


# %%
def half_life(bias):
    return math.log(0.5) / math.log(1 / (1 + math.exp(-bias)))


def show_gate(bias):
    decay = cell_decay(bias)
    told = f"half of a number is left after {half_life(bias):.1f} steps"
    plot = decay_plot(
        {bias: decay},
        alt=f"Forget bias {bias:g}: {told}; after 100 steps the gradient's norm is 10 "
        f"to the power of {decay[-1]:.1f}.",
    )
    plot.axes[0].set_title(told)
    return plot


cu.widgets.explore(show_gate, bias=(-3.0, 8.0, 0.5, 1.0))

# %% [markdown]
# ## Where should the gates start?
#
# For small distances from 1, $\sigma(b) \approx 1 - e^{-b}$, and a gate forgets over
# about $e^b$ steps. So a task of $T$ steps wants biases up to about $\ln T$. Tallec and
# Ollivier (2018) propose to give each unit a time of its own:
#
# $$b_f = \ln u, \quad u \sim \text{uniform}(1, T - 1), \qquad b_i = -b_f .$$
#
# The input gate starts as far closed as the forget gate is open. We'll call this LSTM
# the one with *slow gates*. Note that two things are changed at once, and that we tell
# it how long the task is. Which of the three does it? We'll take them apart below.


# %%
@torch.no_grad()
def slow_gates(lstm, T):
    hidden = lstm.hidden_size
    log_times = torch.empty(hidden).uniform_(1, T - 1).log()
    lstm.bias_ih_l0[:hidden] = -log_times  # input gates
    lstm.bias_ih_l0[hidden : 2 * hidden] = log_times  # forget gates
    lstm.bias_hh_l0[: 2 * hidden] = 0
    return lstm


cu.say(f"For T = {MAIN}, the forget biases run from 0 to {math.log(MAIN - 1):.1f}.")

# %% [markdown]
# ## Does it learn to add?
#
# Let's train that one first, at T = 100. On top of the layer sits one linear map, which
# reads the answer from the state at the last step.


# %%
class Adder(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(layer.hidden_size, 1)

    def forward(self, x, lengths=None):  # (B, T, 2), (B,)
        states, _ = self.layer(x)  # (B, T, H)
        rows = torch.arange(len(x), device=x.device)
        last = -1 if lengths is None else lengths - 1  # lengths: a later section
        return self.head(states[rows, last])[:, 0]  # (B,)


# %% [markdown]
# Batches are drawn fresh, each from its own seed: there is no training set to learn by
# heart. The sequences we test on come from seeds that no training uses.


# %%
class Fresh:
    """New batches each time; batch n of a seed is the same wherever it is drawn."""

    def __init__(self, make, seed, size=BATCH, count=EVERY):
        self.make, self.seed, self.size, self.count = make, seed, size, count

    def __len__(self):
        return self.count

    def __iter__(self):
        return self.epoch(0)

    def epoch(self, epoch, start=0):
        for n in range(start, self.count):
            yield self.make(self.size, 1_000_000 * self.seed + epoch * self.count + n)


# %%
torch.manual_seed(0)
net = Adder(slow_gates(nn.LSTM(2, HIDDEN, batch_first=True), MAIN)).to(device)
opt = torch.optim.Adam(net.parameters(), RATES["LSTM, slow gates"])
trainer = cu.Trainer("runs/22/lstm", net=net, opt=opt)
x_test, y_test = draw(MAIN, 1000, seed=1_000_000_000)


def step(batch):
    x, y = batch  # (B, T, 2), (B,)
    with trainer.full_precision():  # half precision has three digits only
        loss = F.mse_loss(net(x), y)
    trainer.update(opt, loss, clip=CLIP)
    return {"error": loss}


def evaluate():
    with trainer.full_precision():
        return {"held-out error": F.mse_loss(net(x_test), y_test)}


history = trainer.fit(
    step, Fresh(partial(draw, MAIN), 0), steps=FIRST, evaluate=evaluate
)

# %%
main = copy.deepcopy(net).cpu()  # we'll look inside it later
below = [row["step"] for row in history.epochs if row["held-out error"] < SOLVED]
solved = f"first below {SOLVED} at step {below[0]}" if below else "never below it"
cu.say(
    f"Held-out error after {history.last['step']} steps: "
    f"{history.last['held-out error']:.4f}; {solved}. "
    f"Chance is {CHANCE:.4f}. {history.seconds:.0f} seconds."
)

# %% [markdown]
# The curve isn't a slope but a cliff. For a long time nothing seems to happen, and then
# the error falls within a few dozen steps. From a flat curve alone, nobody can tell
# whether the cliff is still to come. Keep that in mind for the next section.
#
# ## Which of them learns, and how soon?
#
# Now all four: a plain RNN, an LSTM as PyTorch starts it, one with slow gates, and a
# GRU, at several lengths and with several seeds. The rules are the same for all: Adam
# at a rate of its own for each network (the best of several, on one seed), clipped
# gradients, and the same number of steps *at most*. Because a cliff may come late,
# that number is large, and training stops where the task is solved.


# %%
def make_net(name, T, seed=0):
    torch.manual_seed(seed)
    Layer = {"RNN": nn.RNN, "GRU": nn.GRU}.get(name, nn.LSTM)
    layer = Layer(2, HIDDEN, batch_first=True)
    return Adder(slow_gates(layer, T) if name == "LSTM, slow gates" else layer)


NAMES = ["RNN", "LSTM", "LSTM, slow gates", "GRU"]


# %%
def train(net, make, rate, seed=0, steps=STEPS, stop=STOP):
    opt = torch.optim.Adam(net.to(device).parameters(), rate)
    trainer = cu.Trainer(net=net, opt=opt)

    def measure(batch):
        *inputs, y = batch
        with trainer.full_precision():
            return {"error": F.mse_loss(net(*inputs), y)}

    def step(batch):
        metrics = measure(batch)
        trainer.update(opt, metrics["error"], clip=CLIP)
        return metrics

    errors = []  # held-out, every EVERY steps
    while trainer.steps < steps and min(errors, default=1.0) > stop:
        until = min(trainer.steps + EVERY, steps)
        trainer.fit(step, Fresh(make, seed), steps=until, show=False)
        errors.append(trainer.evaluate(measure, Fresh(make, 1000, 250, 1))["error"])
    tested = trainer.evaluate(measure, Fresh(make, 1001, 250, 4))["error"]
    return {"net": net.cpu(), "test": tested, "steps": trainer.steps, "errors": errors}


# %% [markdown]
# The error that decides when to stop and the error that we report are measured on
# different sequences.
#
# > **Predict before you run.** Which of the gated three get below 0.01 at T = 100? How
# > many times as many steps does the slowest of them need as the fastest?
# > <details><summary>Answer</summary>The tables below show it. Write your guess down
# > first.</details>
#
# This takes a few minutes. The plain RNN tries the shortest sums only; its row tells
# why. If you interrupt the cell and run it again, it keeps what is done.

# %%
tried = {name: LENGTHS[:1] if name == "RNN" else LENGTHS for name in NAMES}
runs = {}  # (name, T, seed) -> what train returns

# %%
for name in NAMES:
    for T in tried[name]:
        for seed in SEEDS:
            if (name, T, seed) not in runs:
                net = make_net(name, T, seed)
                runs[name, T, seed] = train(net, partial(draw, T), RATES[name], seed)


# %%
def of(name, T, what="test"):  # one number per seed; none where it was not tried
    return np.array([runs[name, T, s][what] for s in SEEDS if (name, T, s) in runs])


def spread(name, T):
    tested = of(name, T)
    return f"{tested.mean():.4f} ± {tested.std(ddof=1):.4f}" if len(tested) else "—"


def times_solved(name, T):
    return int((of(name, T) < SOLVED).sum())


# %%
def always_one(T, seed=1001, batches=4):  # on the sequences that all are tested on
    answers = torch.cat([y for _, y in Fresh(partial(draw, T), seed, 250, batches)])
    return ((answers - 1) ** 2).mean().item()


rows = [
    {"test error": "always 1"} | {f"T = {T}": f"{always_one(T):.4f}" for T in LENGTHS}
]
rows += [
    {"test error": name} | {f"T = {T}": spread(name, T) for T in LENGTHS}
    for name in NAMES
]
cu.scoreboard(rows)


# %%
def steps_until(name, T):
    steps = of(name, T, "steps")[of(name, T) < SOLVED]
    count = f"({times_solved(name, T)} of {len(SEEDS)})"
    return f"{steps.mean():.0f} {count}" if len(steps) else "—"


cu.scoreboard(
    [
        {"steps until solved": name}
        | {f"T = {T}": steps_until(name, T) for T in LENGTHS}
        for name in NAMES
    ]
)

# %% [markdown]
# The first row of the first table is chance on these very sequences; it differs a
# little from 1/6, since they are a sample. The second table counts the steps until
# training stopped, that is until the held-out error, looked at every 50 steps, was at
# most 0.005. Here is how the longest sums were learned, seed by seed, with chance as it
# is on the held-out sequences.

# %%
longest = max(LENGTHS)
gated = [name for name in NAMES if longest in tried[name]]
curves = {
    f"{n}, seed {seed}": runs[n, longest, seed]["errors"]
    for n in gated
    for seed in SEEDS
}
mean_steps = {name: of(name, longest, "steps").mean() for name in gated}
plot = cu.plots.lines(
    {name: (EVERY * np.arange(1, len(e) + 1), e) for name, e in curves.items()},
    xlabel="step",
    ylabel="held-out error",
    log="y",
    baselines={"chance": always_one(longest, 1000, 1), "solved": SOLVED},
    size=(8.5, 3.4),
    alt=f"Held-out error against the step at T = {longest}, a line for each seed, "
    "until training stopped. Steps on average: "
    f"{', '.join(f'{name} {steps:.0f}' for name, steps in mean_steps.items())}.",
)
for line, name in zip(plot.axes[0].get_lines(), curves, strict=False):
    line.set(color=cu.plots.COLOURS[NAMES.index(name.rpartition(",")[0])], marker="")
plot.axes[0].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
plot

# %% tags=["result"]
for name in ("LSTM, slow gates", "GRU"):
    cu.claim(
        f"{name}: test error at T = {MAIN}, worst seed",
        of(name, MAIN).max(),
        at_most=SOLVED,
        form=".4f",
    )
cu.claim(
    f"LSTM as PyTorch starts it: seeds of {len(SEEDS)} that solve T = {longest}",
    times_solved("LSTM", longest),
    at_least={"cpu": len(SEEDS) - 1},
    form=".0f",
)
cu.claim(
    f"RNN: test error at T = {LENGTHS[0]}, mean of the seeds",
    of("RNN", LENGTHS[0]).mean(),
    at_most={"cpu": 0.1},
    form=".4f",
)

# %%
shortest, late = LENGTHS[0], mean_steps["LSTM"]
flat = np.mean([runs["RNN", shortest, seed]["errors"][:10][-1] for seed in SEEDS])
by_seed = ", ".join(f"{error:.3f}" for error in of("RNN", shortest))
cu.say(
    f"RNN at T = {shortest}, where chance is {always_one(shortest, 1000, 1):.3f}: "
    f"after {10 * EVERY} steps the error is {flat:.3f} on average; at the end it is "
    f"{by_seed} by seed, a memory of "
    f"{memory(of('RNN', shortest).mean(), shortest):.0f} steps. At T = {longest} the "
    f"LSTM as PyTorch starts it needs {late:.0f} steps, "
    f"{late / mean_steps['LSTM, slow gates']:.1f} times as many as with slow gates and "
    f"{late / mean_steps['GRU']:.1f} times as many as the GRU."
)

# %% [markdown]
# Three things to take from these tables.
#
# 1. The plain RNN is by far the slowest, even with the shortest sums. But it gets well
#    below chance. Had we stopped after 500 steps, we'd have written "it can't". With
#    special first weights and far longer training, some plain networks have learned
#    even longer sums (Le, Jaitly and Hinton 2015).
# 2. The LSTM as PyTorch starts it learns the long sums too. It stays at chance for a
#    long time first, and a shorter budget would have called it a failure. What the slow
#    gates buy is *time*.
# 3. Three seeds are few. "3 of 3" does not promise the fourth.
#
# ### Why so soon, and why so late?
#
# How much does an input 50 steps back still move the answer, compared with the last
# one? That is a gradient, and you can ask every network for it, before training and a
# little later.


# %%
def reach(net, T=MAIN, distance=50):  # log₁₀ of the share of the gradient
    x = draw(T, 16, seed=0)[0].cpu().requires_grad_()
    (slopes,) = torch.autograd.grad(net.cpu()(x).sum(), x)
    logs = slopes.norm(dim=2).log10().mean(0)  # (T,)
    return (logs[-1 - distance] - logs[-1]).item()


def power(logs):
    return f"10^({np.mean(logs):.1f} ± {np.std(logs, ddof=1):.1f})"


# %%
rows, early = [], cu.budget(cpu=50, gpu=50)
for name in NAMES:
    nets = [make_net(name, MAIN, seed) for seed in SEEDS]
    row = {"share of the gradient 50 steps back": name}
    row["before training"] = power([reach(net) for net in nets])
    for net, seed in zip(nets, SEEDS, strict=True):
        train(net, partial(draw, MAIN), RATES[name], seed, steps=early)
    row[f"after {early} steps"] = power([reach(net) for net in nets])
    rows.append(row)
cu.scoreboard(rows)

# %% [markdown]
# Before training, gates that start half open reach no further than no gates at all. The
# GRU then learns to reach within 50 steps of training, and the LSTM takes its time. Is
# it the reach, then, that decides who learns soon? The slow gates have it from the
# start. But they also have shut input gates, and they know T. So take away one half of
# the start at a time, and tell it a wrong T.

# %%
STARTS = {  # the T we tell; whether input gates start shut, forget gates open
    "forget gates open only": (MAIN, 0, 1),
    "input gates shut only": (MAIN, 1, 0),
    f"slow gates, told T = {MAIN // 10}": (MAIN // 10, 1, 1),
    f"slow gates, told T = {10 * MAIN}": (10 * MAIN, 1, 1),
}


def started(name, seed):
    if name in NAMES:
        return make_net(name, MAIN, seed)
    told, *gates = STARTS[name]
    net = make_net("LSTM, slow gates", told, seed)
    factors = torch.tensor([*gates, 1, 1]).repeat_interleave(HIDDEN)
    net.layer.bias_ih_l0.data *= factors  # a bias of 0: a gate half open
    return net


# %%
for name in STARTS:
    for seed in SEEDS:
        if (name, MAIN, seed) not in runs:
            net, rate = started(name, seed), RATES["LSTM, slow gates"]
            runs[name, MAIN, seed] = train(net, partial(draw, MAIN), rate, seed)

# %%
cu.scoreboard(
    [
        {
            f"start of an LSTM, T = {MAIN}": name,
            "reach before training": power([reach(started(name, s)) for s in SEEDS]),
            "steps until solved": steps_until(name, MAIN),
        }
        for name in ("LSTM", "LSTM, slow gates", *STARTS)
    ]
)

# %% tags=["result"]
misled = of(f"slow gates, told T = {10 * MAIN}", MAIN, "steps").mean()
cu.claim(
    f"Steps with slow gates told T = {10 * MAIN}, as a share of PyTorch's start",
    misled / of("LSTM", MAIN, "steps").mean(),
    at_most={"cpu": 0.7},
    form=".2f",
)

# %% [markdown]
# Reach alone does not decide it. Open forget gates by themselves reach far, and hardly
# help: they keep everything, the 98 numbers that don't count included. Shut input gates
# by themselves reach least, and help more. The two together are the quickest: the
# number is kept, and nothing drowns it. Knowing T is no great help: told ten times too
# much, the slow gates learn as soon; told a tenth, later, but still sooner than the
# LSTM as PyTorch starts it.
#
# ## What do gates do while they hold a number?
#
# Now look inside the LSTM that we trained first. Copy its weights back into our own
# class, which shows its gates. One sequence, with marks at the steps 20 and 70.

# %%
PLACES = [20, 70]
watched = from_library(LSTM(2, HIDDEN), main.layer)


# %%
@torch.no_grad()
def watch(first, second=0.5):
    x = draw(MAIN, 1, seed=5)[0].cpu()  # the same other numbers each time
    x[0, :, 1] = 0
    for place, number in zip(PLACES, (first, second), strict=True):
        x[0, place] = torch.tensor([number, 1.0])
    states, cells = watched(x)
    before = torch.cat([torch.zeros(1, 1, HIDDEN), states[:, :-1]], 1)[0]  # (T, H)
    i, f, _, _ = watched.gates(x[0], before)
    return i.T, f.T, torch.cat(cells).T  # (H, T) each


# %% [markdown]
# > **Predict before you run.** At which of the 100 steps should the input gates open?
# > <details><summary>Answer</summary>At the two marks, and nowhere else. Look for a few
# > units that do so in the picture on the left. Not every unit takes part.</details>

# %%
i, f, c = watch(first=0.9)
order = f.mean(1).argsort(descending=True)  # the units that keep longest at the top
plot = cu.plots.Plot(
    9.0,
    4.2,
    "Input gates, forget gates and cells of the LSTM, a row for each unit and a column "
    "for each step. Gates run from dark, closed, to bright, open; cells from blue, "
    "negative, to red, positive. Lines mark the steps 20 and 70.",
)
shown = {"input gates": i, "forget gates": f, "tanh of the cells": c.tanh()}
for axes, (name, values) in zip(plot.subplots(1, 3), shown.items(), strict=True):
    look = {"cmap": "viridis", "vmin": 0, "vmax": 1, "aspect": "auto"}
    if name.startswith("tanh"):
        look |= {"cmap": "RdBu_r", "vmin": -1}
    drawn = axes.imshow(values[order], **look)
    axes.vlines(PLACES, -0.5, HIDDEN - 0.5, color="#888888", ls="--", lw=1)
    axes.set(title=name, xlabel="step", yticks=[])
    axes.grid(False)
    plot.colorbar(drawn, ax=axes, location="bottom")
plot.axes[0].set_ylabel("units, longest memory at the top")
plot

# %%
at_marks, elsewhere = torch.tensor(PLACES), torch.arange(MAIN)
elsewhere = elsewhere[~torch.isin(elsewhere, at_marks)]
gate = (i[:, at_marks].mean(1) - i[:, elsewhere].mean(1)).argmax()
for name, values in (("input", i[gate]), ("forget", f[gate])):
    print(
        f"unit {gate}, {name} gate: {values[at_marks].mean():.3f} at the marks, "
        f"{values[elsewhere].mean():.3f} elsewhere"
    )

# %% [markdown]
# This is the unit whose input gate answers most to the marks. The forget gates hardly
# need to move: the ones that keep are open all the time. The *input* gates do the
# choosing.
#
# And the number itself? Change the first marked number, leave everything else alone,
# and follow the cell that notices most at the step of the mark.

# %% tags=["cover"]
firsts = [0.1, 0.3, 0.5, 0.7, 0.9]
cells = torch.stack([watch(first)[2] for first in firsts])  # (5, H, T)
unit = (cells[-1] - cells[0])[:, PLACES[0]].abs().argmax()
gap = (cells[-1] - cells[0])[unit].abs()  # (T,)
curves = {
    f"first {first}": (range(MAIN), cells[k, unit]) for k, first in enumerate(firsts)
}
plot = cu.plots.lines(
    curves,
    xlabel="step",
    ylabel=f"cell, unit {unit}",
    size=(7.5, 3.2),
    alt=f"The cell of unit {unit} against the step for five first numbers: one line up "
    f"to the first mark at step 20; there it parts into five, {gap[20]:.2f} apart, "
    f"which are still {gap[69]:.2f} apart before the second mark at step 70.",
)
for place in PLACES:
    plot.axes[0].axvline(place, color="#666666", ls=":", lw=1)
plot

# %% [markdown]
# How much of the number should be left after 49 steps? We know the gates, so we can
# predict it: multiply the 49 forget gates of that unit.

# %%
kept = (gap[69] / gap[20]).item()
low, high = (watch(first)[1][unit, 21:70].prod().item() for first in (0.1, 0.9))
cu.say(
    f"The gap between the first numbers 0.1 and 0.9 is {gap[20]:.2f} at the mark and "
    f"{gap[69]:.2f} 49 steps later: {kept:.0%} is kept. The product of the 49 gates is "
    f"{low:.0%} in the one run and {high:.0%} in the other."
)

# %% [markdown]
# The product of the gates is the straight way. Both runs read the same after the mark.
# So where less is kept than the product says, the rest went the other way: the number
# changes $h$, $h$ changes the gates and the new values, and so what is kept and what is
# let in differ a little at each of the 49 steps.
#
# ## Did it learn to add?
#
# It was trained on 100 steps, always. Now put both marks into the first 25 steps of
# 150, and ask the networks with slow gates for their answer *after each step*.
#
# > **Predict before you run.** Less to keep should be easier. Is the answer better
# > after step 50 than after step 100?
# > <details><summary>Answer</summary>For a network trained on one length only it is
# > worse, often far worse. Run the cells, then read on.</details>


# %%
@torch.no_grad()
def misses(net, T=150, within=25):  # by how much each answer is off
    x, y = (part.cpu() for part in draw(within, 500, seed=2))
    rest = draw(T - within, 500, seed=3)[0].cpu() * torch.tensor([1.0, 0.0])  # no marks
    states, _ = net.layer(torch.cat([x, rest], 1))  # (500, T, H)
    return (net.head(states)[:, :, 0] - y[:, None])[:, within:]  # (500, T - within)


# %%
slow = [runs["LSTM, slow gates", MAIN, seed]["net"] for seed in SEEDS]
missed = {f"seed {s}": misses(net) for s, net in zip(SEEDS, slow, strict=True)}
crossed = [f"{26 + int((m.mean(0) < 0).sum())}" for m in missed.values()]
plot = cu.plots.lines(
    {name: (range(26, 151), m.mean(0), m.std(0)) for name, m in missed.items()},
    xlabel="asked after step",
    ylabel="answer − sum",
    baselines={"right": 0},
    size=(7.5, 3.2),
    alt="How far the answers are from the sum, against the step after which they are "
    "asked for, with a band of one standard deviation over 500 sequences. The means "
    f"climb, and pass 0 at the steps {', '.join(crossed)}.",
)
plot.axes[0].axvline(MAIN, color="#666666", ls=":", lw=1)
plot

# %% [markdown]
# The sum is not lost: the bands are narrow at every step. But the answers drift, from
# too low to too high, and are about right at step 100, the only one at which the
# training ever looked. So there is a clock of a kind. Is it one of the cells? Let's
# look for cells that follow the number of the step with a correlation above 0.95, after
# training and, to be fair, before.


# %%
@torch.no_grad()
def counting(net):  # |correlation| with the step, and the way from step 50 to 100
    _, cells = from_library(LSTM(2, HIDDEN), net.layer)(
        draw(MAIN, 500, seed=1)[0].cpu()
    )
    mean = torch.stack(cells).mean(1)  # (T, H), over the sequences
    both = torch.cat([torch.arange(MAIN)[:, None], mean], 1).T
    return torch.corrcoef(both)[0, 1:].abs().nan_to_num(), mean[99] - mean[49]


fresh = [make_net("LSTM, slow gates", MAIN, seed) for seed in SEEDS]
for label, nets in (("before", fresh), ("after", slow)):
    found = [int((counting(net)[0] > 0.95).sum()) for net in nets]
    print(f"cells above 0.95 {label} training, by seed: {found}")

# %% [markdown]
# Networks that have learned nothing "count" as well: a cell that leaks slowly climbs,
# and anything that climbs for 100 steps correlates with the time. So a correlation is
# no evidence here.
#
# What would be? *Intervene*: at the end of sequences of 50 steps, move one cell, and
# nothing else, by as much as it moves on its own from step 50 to step 100. If it is the
# clock, the error should drop towards that at T = 100. But so it may after any push in
# the right direction. Hence two controls: the same change to any *other* cell, and one
# number added to all answers, with no cell moved.


# %%
@torch.no_grad()
def misses_moved(net, moves, seed):  # moves (N, H): each added to the last cells
    x, y = (part.cpu() for part in draw(50, 500, seed))
    ours = from_library(LSTM(2, HIDDEN), net.layer)
    states, cells = ours(x)
    o = ours.gates(x[:, -1], states[:, -2])[3]
    h = o * (cells[-1] + moves[:, None]).tanh()  # (N, 500, H)
    return net.head(h)[:, :, 0] - y  # (N, 500)


def best(net, moves):
    return misses_moved(net, moves, seed=2).square().mean(1).argmin()


# %% [markdown]
# The best cells and the number to add are found on one set of sequences, and measured
# on another.

# %%
MOVED = ["most correlated cell", "best cell", "another, as far", "all answers"]
rows, shares = [], []
for seed, net in zip(SEEDS, slow, strict=True):
    follows, way = counting(net)
    own = torch.diag(way)  # row k moves cell k only
    k, still = best(net, own), torch.zeros(1, HIDDEN)
    others = way[k] * torch.eye(HIDDEN)[torch.arange(HIDDEN) != k]
    picks = [still[0], own[follows.argmax()], own[k], others[best(net, others)]]
    off = misses_moved(net, torch.stack([*picks, still[0]]), seed=3)  # (5, 500)
    off[-1] -= misses_moved(net, still, seed=2).mean()
    start, *after = off.square().mean(1).tolist()
    extra = start - runs["LSTM, slow gates", MAIN, seed]["test"]
    shares.append([(start - error) / extra for error in after])
    row = {"moved": f"seed {seed}", "extra error": f"{extra:.4f}"}
    texts = [f"{share:.0%}" for share in shares[-1]]
    rows.append(row | dict(zip(MOVED, texts, strict=True)))
cu.scoreboard(rows)

# %% tags=["result"]
cu.claim(
    "Share of the extra error at T = 50 that one number, added to all answers, "
    "removes, worst seed",
    min(share[-1] for share in shares),
    at_least=0.8,
    form=".0%",
)

# %% [markdown]
# The percentages say how much of the extra error (at T = 50, over that at T = 100) each
# change removes. One number, added to all answers, is enough: the network adds as well
# as ever, and its answers are only shifted. So where another cell does as well with the
# same change, moving "the clock" has shown nothing but a push. Where no other comes
# near, the drift runs through that one cell. It need not be the most correlated.
#
# What you want at test time has to be in the training: sequences of different lengths,
# for example. The problem of 1997 has them.
#
# ## What was the problem of 1997?
#
# In the paper, the numbers run from -1 to 1. Each sequence has a length of its own,
# from $T$ to $T + T/10$. One of the first ten steps is marked with 1, then one of the
# first $T/2 - 1$ steps that are still free. The first and the last step carry the mark
# -1: the end is *announced*, so that nobody needs a clock. (If the first step is one of
# the two, its number is set to 0.) The answer is $0.5 + (x_1 + x_2) / 4$, and it counts
# as right if it is off by less than 0.04.
#
# A batch is one array, so short sequences are *padded*, here with zeros, to a common
# length, and `lengths` says where each one really ends.


# %%
def draw_1997(T, size, seed, width=None):
    width = width or T + T // 10
    generator = torch.Generator(device).manual_seed(seed)
    given = {"generator": generator, "device": device}
    lengths = torch.randint(T, T + T // 10 + 1, (size,), **given)  # (B,)
    first = torch.randint(0, 10, (size, 1), **given)
    free = torch.rand(size, T // 2, **given).scatter(1, first, -1.0)  # (B, T/2)
    places = torch.cat([first, free.argmax(1, keepdim=True)], 1)  # (B, 2)
    marks = torch.zeros(size, width, device=device)
    marks[:, 0] = -1
    marks.scatter_(1, lengths[:, None] - 1, -1.0).scatter_(1, places, 1.0)
    real = torch.arange(width, device=device) < lengths[:, None]  # (B, T)
    numbers = (2 * torch.rand(size, width, **given) - 1) * real
    numbers[:, 0] *= marks[:, 0] < 0
    y = 0.5 + (numbers * (marks > 0)).sum(1) / 4
    return torch.stack([numbers, marks], 2), lengths, y  # (B, T, 2), (B,), (B,)


# %% [markdown]
# The network reads the padding too: to it, zeros are numbers like any others. So its
# last state is not the state at the end of a short sequence. That is why `Adder` takes
# `lengths` and picks the state at step `lengths - 1` of each row.
#
# The LSTM of 1997 had 93 weights, no forget gate (the cell kept everything, always) and
# input gates that started nearly shut, and on average it had seen 74,000 sequences when
# it met its goal. We give ours as many.

# %%
made = make_net("LSTM, slow gates", MAIN)
published = train(made, partial(draw_1997, MAIN), 0.01, steps=AS_IN_1997, stop=0)
reader = published["net"]

# %%
OFF = 0.04


def wrong(answers, y):
    return int(((answers - y).abs() >= OFF).sum())


x, lengths, y = (part.cpu() for part in draw_1997(MAIN, 2560, seed=2_000_000_000))
with torch.no_grad():
    count = wrong(reader(x, lengths), y)
middle = wrong(torch.full_like(y, 0.5), y)
cu.scoreboard(
    [
        {"T = 100, 74,000 sequences": "always 0.5", "wrong of 2560": middle},
        {"T = 100, 74,000 sequences": "LSTM, slow gates", "wrong of 2560": count},
        {"T = 100, 74,000 sequences": "published, mean of 10", "wrong of 2560": 1},
    ]
)
cu.claim("Wrong answers of 2560, problem of 1997", count, at_most=50, form=".0f")

# %% [markdown]
# Mind what differs. Ours has more weights, a forget gate that knows $T$, and Adam,
# against plain gradient descent one sequence at a time. It's the same problem, not the
# same contest.
#
# ## Does the padding change the answers?
#
# The same trained network answers a batch of 256 sequences. One of them is twice as
# long as the others, as happens in real batches all the time. It answers in four ways:
#
# 1. **Loop**: one sequence at a time, cut to its length. Slow, and surely right.
# 2. **No mask**: a padded batch, read at the last step.
# 3. **Mask**: a padded batch, in which a mask over the states keeps the last real one.
# 4. **Packed**: `pack_padded_sequence` leaves the padding out of the computation.
#
# All in 64-bit numbers on the CPU, so that a difference is a difference.

# %%
exact = copy.deepcopy(reader).double()
one_long = draw_1997(2 * MAIN, 1, seed=2_000_000_001)
others = draw_1997(MAIN, 255, seed=2_000_000_002, width=one_long[0].shape[1])
x, lengths, y = (torch.cat(pair).cpu() for pair in zip(one_long, others, strict=True))
x, y = x.double(), y.double()


@torch.no_grad()
def loop(x, lengths):
    return torch.cat([exact(row[None, :n]) for row, n in zip(x, lengths, strict=True)])


@torch.no_grad()
def no_mask(x, lengths):
    return exact(x[:, : lengths.max()])


# %%
@torch.no_grad()
def masked(x, lengths):
    states, _ = exact.layer(x)  # (B, T, H)
    mask = F.one_hot(lengths - 1, x.shape[1])  # (B, T), 1 at the last real step
    return exact.head((states * mask[:, :, None]).sum(1))[:, 0]


# %%
@torch.no_grad()
def packed(x, lengths):
    rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    _, (last, _) = exact.layer(rows)  # (1, B, H), in the order of the batch
    return exact.head(last[0])[:, 0]


# %% tags=["nbval-check-output"]
truth = loop(x, lengths)
for way in (no_mask, masked, packed):
    same = (way(x, lengths) - truth).abs().max().item() < 1e-6
    print(f"{way.__name__:7} equal to the loop, to 1e-6: {same}")

# %%
without = wrong(no_mask(x, lengths), y)
cu.say(f"Wrong of {len(y)}: {without} without a mask, {wrong(truth, y)} in the loop.")

# %% [markdown]
# Without a mask the answer of a sequence depends on *who shares its batch*, because the
# longest one sets the padding. Two symptoms can give it away: the error changes with
# the batch size, and with the order of the test set. Let's try the first.

# %%
SIZES = [1, 4, 16, 64, 256]


def error_in_batches(way, size):  # how far answers are off, on average
    batches = zip(x.split(size), lengths.split(size), strict=True)
    answers = torch.cat([way(*batch) for batch in batches])
    return (answers - y).abs().mean().item()


by_size = {
    way.__name__: [error_in_batches(way, size) for size in SIZES]
    for way in (no_mask, packed)
}
cu.plots.lines(
    {name: (SIZES, errors) for name, errors in by_size.items()},
    xlabel="sequences in a test batch",
    ylabel="mean absolute error",
    log="x",
    baselines={"counts as right": OFF},
    size=(7.5, 2.8),
    alt="Mean absolute error of one and the same network against the size of the test "
    f"batch: packed {by_size['packed'][0]:.4f} to {by_size['packed'][-1]:.4f}, without "
    f"a mask {by_size['no_mask'][0]:.4f} to {by_size['no_mask'][-1]:.4f}.",
)

# %% [markdown]
# The lines part: as soon as sequences share a batch, the answers are worse without a
# mask, and the larger the batch, the worse. Packed, they do not change.
#
# The same care is due wherever steps are mixed: means over time, batch statistics,
# losses averaged over steps that are not real. In a *bidirectional* layer, not even a
# mask on the states is enough: the direction that reads from the end meets the padding
# first, and carries it along. Packing is, because it knows where each sequence ends.
#
# And is the network free of its clock now? It has seen lengths from 100 to 110, and the
# end is announced.

# %%
rows = []
with torch.no_grad():
    for T in (50, 100, 200):
        found = [part.cpu() for part in draw_1997(T, 500, seed=1)]
        share = wrong(reader(*found[:2]), found[2]) / 500
        rows.append(
            {"T": T, "lengths": f"{T} to {T + T // 10}", "wrong": f"{share:.0%}"}
        )
cu.scoreboard(rows)
cu.say(f"Always naming 0.5 is wrong for {middle / 2560:.0%}.")

# %% [markdown]
# Announcing the end was not enough to make it learn addition at every length.
#
# ## Scoreboard

# %%
rows = [{"network": "always 1 (chance)", "T": "any", "error": f"{CHANCE:.4f}"}]
for name in NAMES:
    T = min(MAIN, max(tried[name]))
    row = {"network": f"{name}, {len(SEEDS)} seeds", "T": T, "error": spread(name, T)}
    rows.append(row | {"steps until solved": steps_until(name, T)})
for name, error in (("RNN", "0.177"), ("LSTM", "0.164"), ("GRU", "0.000053")):
    label = f"published: {name} (Bai et al. 2018)"
    rows.append({"network": label, "T": 600, "error": error})
cu.scoreboard(
    [row | {"steps until solved": row.get("steps until solved", "")} for row in rows]
)

# %%
if 600 in LENGTHS:
    cu.say(f"Here at T = 600: LSTM {spread('LSTM', 600)}, GRU {spread('GRU', 600)}.")
else:
    cu.say(
        f"The published figures are for T = 600. This run goes up to T = {longest}; "
        "with a GPU the cells above go up to 600."
    )

# %% [markdown]
# Our training stops once it is below 0.005, so our errors only say "solved", and it is
# the steps that tell the networks apart. The GRU comes first in both; but there the
# LSTM stays at chance. After what you've seen, you'd ask: for how many steps, and from
# which start?
#
# ## Clinic
#
# ### Patient A: slow gates that forget
#
# A colleague comes from another library. They write `slow_gates` from memory, train the
# LSTM at T = 50, and report that the proposal does not work.


# %%
def gates_of_a_colleague(lstm, T):
    hidden = lstm.hidden_size
    log_times = torch.empty(hidden).uniform_(1, T - 1).log()
    with torch.no_grad():
        lstm.bias_ih_l0[:hidden] = log_times
        lstm.bias_ih_l0[hidden : 2 * hidden] = -log_times
        lstm.bias_hh_l0[: 2 * hidden] = 0


# %%
def patient_a(start_gates):
    net = make_net("LSTM", 50)
    start_gates(net.layer, 50)
    rate = RATES["LSTM, slow gates"]
    trained = train(net, partial(draw, 50), rate, steps=CLINIC, stop=0)
    x, _ = draw(50, 100, seed=3)
    mine = from_library(LSTM(2, HIDDEN), net.layer)
    _, forget, _, _ = mine.gates(x[:, 0].cpu(), torch.zeros(100, HIDDEN))
    return trained["errors"], forget.mean().item()


# %%
(healthy, open_gates), (sick, shut_gates) = map(
    patient_a, (slow_gates, gates_of_a_colleague)
)
at = EVERY * np.arange(1, len(healthy) + 1)
cu.plots.lines(
    {"ours": (at, healthy), "the colleague's": (at, sick)},
    xlabel="step",
    ylabel="held-out error",
    log="y",
    baselines={"chance": always_one(50, 1000, 1)},
    size=(7.5, 2.8),
    alt=f"Held-out error against the step: with our slow gates it falls to "
    f"{healthy[-1]:.4f}, with the colleague's it ends at {sick[-1]:.4f}; chance is "
    f"{always_one(50, 1000, 1):.4f}.",
)

# %%
cu.say(
    f"Held-out error at the end: ours {healthy[-1]:.4f}, the colleague's "
    f"{sick[-1]:.4f}. Mean forget gate after training: {open_gates:.2f} and "
    f"{shut_gates:.2f}."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>They swapped two gates. PyTorch stacks them as
# > input, forget, value, output; other libraries have other orders (ONNX, for one:
# > input, output, forget, value). So the biases meant for keeping opened the input
# > gates, and the forget gates are shut. The curve only says "chance", and too few
# > steps would look the same. The gates tell the two apart. A test against a trusted
# > cell, as at the beginning of this lesson, would have found it before any
# > training; exercise 22.4 is about that.</details>
#
# ### Patient B: perfect, until it is used
#
# Another colleague takes the problem of 1997 at T = 50. To be on the safe side, they
# pad every batch with zeros to 100. The network reads its answer from the last step, in
# training and in testing. The test error is splendid. In use, sequences come one at a
# time.


# %%
def without_lengths(size, seed):
    x, _, y = draw_1997(50, size, seed, width=MAIN)
    return x, y


suspect = make_net("LSTM, slow gates", MAIN)
trained = train(suspect, without_lengths, 0.01, steps=2 * CLINIC, stop=0)

# %%
with torch.no_grad():
    x, lengths, y = (p.cpu() for p in draw_1997(50, 500, 2_000_000_001, width=MAIN))
    reported = wrong(suspect(x), y)
    answers = [suspect(row[None, :n]) for row, n in zip(x, lengths, strict=True)]
cu.say(
    f"Reported: {reported} of 500 wrong. In use: {wrong(torch.cat(answers), y)} of "
    f"500. Always naming 0.5: {wrong(torch.full_like(y, 0.5), y)}."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>The padding has become part of the input. The
# > network may go on computing while it reads zeros, and it has learned to have the
# > answer ready at step 100. Without the padding, it is asked too early. The test
# > didn't notice, because it padded in the same way. Cure: read at the last real step,
# > by mask or packing; and test the way you'll use it.</details>
#
# ## Exercises
#
# ### Exercise 22.1 · A bias for a purpose
#
# Write `forget_bias(steps, share)`: the bias $b$ for which a forget gate
# $f = \sigma(b)$ keeps the share `share` of a number over `steps` steps. Stuck? Try
# `cu.hint("22.1")`; every exercise has hints.

# %% tags=["exercise"]
import math


def forget_bias(steps, share):
    # BEGIN SOLUTION
    f = share ** (1 / steps)
    return math.log(f / (1 - f))
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("22.1", forget_bias)

# %% [markdown]
# ### Exercise 22.2 · The first GRU
#
# In the paper of Cho et al. the reset gate multiplies the state *before* the matrix:
#
# $$n = \tanh\big(W_n x + U_n (r \odot h) + b_n\big), \qquad
# h' = (1 - z) \odot n + z \odot h .$$
#
# The gates $r$ and $z$ are as above. Write `first_gru(x, h, W, U, b)`, one step, for
# x (B, D), h (B, H), W (3H, D), U (3H, H), b (3H,), with the rows of $r$, $z$ and $n$
# in this order. Return the new state, (B, H).


# %% tags=["exercise"]
def first_gru(x, h, W, U, b):
    # BEGIN SOLUTION
    r, z, n = (x @ W.T + b).chunk(3, 1)  # (B, H) each
    U_r, U_z, U_n = U.chunk(3)  # (H, H) each
    r, z = (r + h @ U_r.T).sigmoid(), (z + h @ U_z.T).sigmoid()
    n = (n + (r * h) @ U_n.T).tanh()
    return (1 - z) * n + z * h
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("22.2", first_gru)

# %% [markdown]
# ### Exercise 22.3 · The last real state
#
# Write `last_real(states, lengths)`: from states, (B, T, H), and lengths, (B,), each
# from 1 to T, the state at the last real step of each sequence, a tensor (B, H).


# %% tags=["exercise"]
def last_real(states, lengths):
    # BEGIN SOLUTION
    return states[torch.arange(len(states)), lengths - 1]
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("22.3", last_real)

# %% [markdown]
# ### Exercise 22.4 · Repair a cell
#
# A colleague wrote one step of an LSTM for weights that come from PyTorch. It runs, all
# shapes fit, and nobody noticed that *three* things are wrong with it:
#
# ```
# def lstm_step(x, h, c, W, U, b):
#     i, o, f, g = (x @ W.T + h @ U.T + b).sigmoid().chunk(4, 1)
#     c = f * c + i * g
#     h = o * c
#     return h, c
# ```
#
# Repair it, for x (B, D), h and c (B, H), W (4H, D), U (4H, H), b (4H,). Hold it
# against the picture of the cell, box by box, or test it against `nn.LSTMCell`.


# %% tags=["exercise"]
def lstm_step(x, h, c, W, U, b):
    # BEGIN SOLUTION
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, 1)  # (B, H) each
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h, c
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("22.4", lstm_step)

# %% [markdown]
# ### Open challenge
#
# Bring an LSTM below 0.01 at T = 600, where the published one is at chance. Or keep the
# task and find the quickest start that does not know $T$: how far open, how far shut?
# Three seeds, a budget fixed beforehand, and the steps until solved beside the error.

# %% [markdown]
# ## Summary
#
# - A gated cell changes its state gently. The straight way back through it is a product
#   of forget gates, and gates can be near 1.
# - A forget gate $f$ keeps $f^k$ over $k$ steps. Where the gates *start* decides how
#   soon an LSTM learns: forget gates open *and* input gates shut. A GRU finds its way
#   quickly by itself.
# - Gates cure vanishing gradients, not exploding ones. Clip.
# - A flat curve at chance can end in a cliff. Before you say "it can't", give every
#   candidate a rate of its own, several seeds, and far more steps than the winner
#   needs.
# - A unit that correlates with something need not do it. Change the unit, change others
#   by as much, and see.
# - Padding without a mask changes answers, and a test that pads in the same way does
#   not see it. Loop, mask and packing agree.
# - Use an LSTM or a GRU for sequences read in order, with memories of tens to hundreds
#   of steps, and for streams that never end. Don't use one where a fixed window is
#   enough, or where all places can be seen at once and memory allows: convolutions and
#   attention train in parallel over time.
#
# **Quiz**
#
# 1. A forget gate stays at 0.99. What is left of a number after 100 steps?
#    <details><summary>Answer</summary>0.99 to the power of 100, about 0.37.</details>
# 2. A model of the adding problem has a mean squared error of 0.16. Has it learned to
#    add?
#    <details><summary>Answer</summary>Not yet. Always naming 1 has 0.167. At T = 100,
#    0.16 is a memory of about 4 steps.</details>
# 3. Every batch you give to PyTorch's LSTM has the shape (B, T, D), and nobody set
#    `batch_first`. The shapes fit and the loss stays at chance. What happens?
#    <details><summary>Answer</summary>It takes the batch for time: its memory runs from
#    one sequence to the next, and each step of a sequence is read as if alone. Test:
#    change one sequence, and see whether the answers of others change.</details>
# 4. A unit of your network follows the brightness of the image with a correlation of
#    0.97. What do you do before you call it a brightness detector?
#    <details><summary>Answer</summary>Look for such units in an untrained network. Then
#    move the unit, and see whether the network answers as if the image were
#    brighter, and as it does not when you move other units as far.</details>
# 5. Your test error is 0.03 with batches of 64 and 0.02 with batches of 1. Your first
#    suspect?
#    <details><summary>Answer</summary>Padding that is read. (Then: batch statistics in
#    training mode.)</details>
#
# **Further reading.** S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural
# Computation 9 (1997), the cell and the adding problem (experiment 4, table 7). F.
# Gers, J. Schmidhuber, F. Cummins, *Learning to forget*, Neural Computation 12 (2000),
# which added the forget gate. C. Olah, *Understanding LSTM networks* (2015), the
# pictures that taught most of us. K. Cho et al., *Learning phrase representations using
# RNN encoder-decoder for statistical machine translation*, EMNLP 2014 (the GRU). C.
# Tallec, Y. Ollivier, *Can recurrent neural networks warp time?*, ICLR 2018 (slow
# gates). S. Bai, J. Kolter, V. Koltun, *An empirical evaluation of generic
# convolutional and recurrent networks for sequence modeling*, arXiv 1803.01271 (2018),
# the published figures. Q. Le, N. Jaitly, G. Hinton, *A simple way to initialize
# recurrent networks of rectified linear units*, arXiv 1504.00941 (2015).

# %% [markdown] tags=["instructor"]
# **Instructor.** 80 minutes: 10 for the task and its two baselines, 20 for the cells
# (let the room write the GRU's step from the picture before they see it), 15 for the
# forget gate and the widget, 10 while the networks train, 15 for the gates and the
# clock, 5 for the problem of 1997 and its padding, 5 for the clinic; exercises at home.
#
# Common beliefs: that an LSTM remembers by construction (ask for the steps it needed);
# that a network which adds at T = 100 adds at T = 50; that a unit which correlates with
# time is a clock; that zeros are nothing, so that padding with them is harmless; that
# packing is only for speed. Question for the room, before the gates are told a wrong T:
# they were told T, so is the comparison fair, and what would make it so? If short of
# time, skip the widget and patient B.
