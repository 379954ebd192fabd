# %% [markdown]
# # 21 · A recurrent network from scratch
#
# *An RNN in NumPy, forward and backward through time; a model of place names; and how
# far back a gradient can reach, measured beside the theory.*
#
# ![The logarithm of the gradient's norm against the distance in steps, for five
# spectral radii: nearly straight lines, falling below a radius of one and rising above
# it.](../notebooks/images/21.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 00.
#
# After this lesson you can
#
# - write a recurrent network and its backpropagation through time in NumPy;
# - test a hand-written gradient in two ways, by nudges and against autograd;
# - train a character model, stop it in time, and measure what it has memorised;
# - predict how fast a gradient vanishes or explodes, and say where the theory fails;
# - clip a gradient, and name what clipping can't cure.

# %%
import difflib
import math
import sys
import zoneinfo
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

DATA = "time zones"  # or a file with a name in each line: "datasets/villages.txt"
HIDDEN, BATCH = 64, 64  # units of the state; names in a step
RATE, MOMENTUM = 0.1, 0.9
STEPS = cu.budget(cpu=300, gpu=300)
LONG = cu.budget(cpu=2500, gpu=2500)  # long enough to learn the list by heart
CLINIC = cu.budget(cpu=100, gpu=100)
EVERY = 25  # steps between two looks at the losses
SEEDS = cu.budget(cpu=[0, 1, 2, 3, 4], gpu=list(range(10)))
RADII = [0.5, 0.9, 1.0, 1.1, 1.5]
DISTANCE = 50  # steps back in time

device = cu.start(seed=0)

# %% [markdown]
# ## What is there to remember?
#
# You read *"reykjav"*. What comes next? You know because you remember more than the
# last letter. A network that reads one character at a time needs a memory too.
#
# We want a list of names that every computer has. Python's standard library knows the
# world's time zones, and each zone is named after a place: `Europe/Lisbon`,
# `America/Argentina/Buenos_Aires`. We take the last part. Do you have a list of your
# own, of villages, dinosaurs or pharaohs? Save it with one name in each line, and give
# the path as `DATA` at the top: the lesson is then about your names.

# %%
AREAS = {"Africa", "America", "Antarctica", "Arctic", "Asia"}
AREAS |= {"Atlantic", "Australia", "Europe", "Indian", "Pacific"}


def places():
    zones = [zone.split("/") for zone in zoneinfo.available_timezones()]
    found = {zone[-1] for zone in zones if zone[0] in AREAS and len(zone) > 1}
    if not found:
        print("No time zones here (pip install tzdata): using names of Python modules.")
        found = {name.strip("_") for name in sys.stdlib_module_names}
    return found


def own(path):
    text = cu.data.text(path)
    return (text.decode(text.train) + text.decode(text.validation)).splitlines()


# %%
MOST, LONGEST = 2000, 30  # names; characters of one


def clean(lines):
    plain = (line.replace("_", " ").replace(".", "").lower() for line in lines)
    found = sorted({line.strip()[:LONGEST] for line in plain} - {""})
    order = np.random.default_rng(0).permutation(len(found))[:MOST]
    return [found[i] for i in sorted(order)]


names = clean(places() if DATA == "time zones" else own(DATA))
symbols = "." + "".join(sorted(set("".join(names))))  # a dot before and after a name
examples = ", ".join(names[:: len(names) // 12 + 1])
cu.say(f"{len(names)} names with {len(symbols)} symbols: {examples}.")

# %% [markdown]
# We draw three parts at random: one to learn from, one to decide when to stop, and one
# to be tested on. Some test names may have a near twin in the training part, such as
# another spelling. All models meet the same ones, so we only count them.


# %%
def split(seed):
    order = np.random.default_rng(seed).permutation(len(names))
    shuffled = [names[i] for i in order]
    a, b = len(names) * 70 // 100, len(names) * 85 // 100
    return {"train": shuffled[:a], "validation": shuffled[a:b], "test": shuffled[b:]}


# %%
parts = split(seed=0)
BATCH = min(BATCH, len(parts["train"]))  # your own list may be short
close = difflib.get_close_matches
twins = [name for name in parts["test"] if close(name, parts["train"], 1, 0.8)]
cu.say(
    f"{', '.join(f'{len(part)} {name}' for name, part in parts.items())}. Of the test "
    f"names {len(twins)} have a near twin in the training part."
)

# %% [markdown]
# A dot marks both ends of a name. Names differ in length: to make one array of a batch,
# we pad the short ones, and a second table says which characters are *real*. Time comes
# first: `ids[t]` is what all names of the batch show at time $t$.

# %%
WIDTH = max(map(len, names)) + 2  # with a dot at each end


def encode(part):
    ids = np.zeros((WIDTH, len(part)), int)  # (T + 1, B)
    for column, name in enumerate(part):
        ids[: len(name) + 2, column] = [symbols.index(c) for c in f".{name}."]
    ends = np.array([len(name) + 1 for name in part])  # characters to predict
    real = np.arange(WIDTH - 1)[:, None] < ends  # (T, B)
    return ids[:-1], ids[1:], real  # what is read, what comes next, where it counts


# %% [markdown]
# ## How well does one do without a memory?
#
# A model gives each possible next character a probability $p$. Its score is the mean of
# $-\log p$ over all real characters, including the dot that ends the name: *nats per
# character*. Smaller is better. (Divide by $\ln 2 \approx 0.693$ and you have *bits*
# per character.) We have three baselines:
#
# 1. **Chance**: all $V$ symbols are equally likely, $\ln V$.
# 2. **Unigram**: how frequent each symbol is, whatever comes before it.
# 3. **Bigram**: how frequent it is after the last character. Its memory is one
#    character long.
#
# Many pairs of letters never occur in so short a list. So that none gets probability
# zero, all counts start at a small number $\gamma$: *Lidstone smoothing*. The network
# will use the validation part to choose when to stop. To be fair, the counts use it to
# choose their $\gamma$.

# %%
GAMMAS = [2.0**k for k in range(-6, 4)]  # 1/64 to 8


def nats_of(p, part):  # p: (V, V), how likely each symbol is after each
    read, following, real = encode(part)
    return -np.log(p[read, following][real]).mean()


def smoothed(counts, parts):
    tables = [counts + gamma for gamma in GAMMAS]
    tables = [table / table.sum(1, keepdims=True) for table in tables]
    return min(tables, key=lambda p: nats_of(p, parts["validation"]))


# %%
def counted(parts):
    read, following, real = encode(parts["train"])
    pairs = np.zeros((len(symbols), len(symbols)))
    np.add.at(pairs, (read[real], following[real]), 1)
    single = np.broadcast_to(pairs.sum(0), pairs.shape)  # the same after each symbol
    return {"unigram": smoothed(single, parts), "bigram": smoothed(pairs, parts)}


def baselines(parts):
    tables = counted(parts).items()
    found = {name: nats_of(p, parts["test"]) for name, p in tables}
    return {"chance": math.log(len(symbols)), **found}


# %%
levels = baselines(parts)
cu.say(f"{', '.join(f'{name} {nats:.3f}' for name, nats in levels.items())} nats.")

# %% [markdown]
# ## How does a network remember?
#
# It keeps a vector $h$, the *hidden state*. At each step it mixes what it reads, $x_t$,
# with what it knew, $h_{t-1}$:
#
# $$a_t = W_x x_t + W_h h_{t-1} + b, \qquad h_t = \tanh a_t, \qquad
# z_t = W_y h_t + c .$$
#
# The logits $z_t$ say what comes next, as in lesson 00. Let's draw the steps side by
# side, one column for each character that is read. This is the network *unrolled*.

# %%
APART = 2.1  # inches between two steps


def unrolled(word, alt):
    nodes, arrows = {"h0": (0.55, 1.5, "name", "$h_0 = 0$")}, []
    for t, (letter, after) in enumerate(pairwise(word), 1):
        x = APART * t
        nodes[f"x{t}"] = (x, 0.25, "name", f"$x_{t}$: “{letter}”")
        nodes[f"h{t}"] = (x, 1.5, "box", f"$h_{t}$")
        nodes[f"z{t}"] = (x, 2.75, "name", f"$z_{t}$: “{after}”?")
        nodes[f"in{t}"] = (x + 0.3, 0.8, "label", "$W_x$")
        nodes[f"on{t}"] = (x - APART / 2, 1.68, "label", "$W_h$")
        nodes[f"out{t}"] = (x + 0.3, 2.2, "label", "$W_y$")
        arrows += [(f"x{t}", f"h{t}"), (f"h{t - 1}", f"h{t}"), (f"h{t}", f"z{t}")]
    return cu.plots.diagram(nodes, arrows, size=(9.5, 3.1), alt=alt)


# %%
unrolled(
    ".oslo",
    alt="Four columns, one for each character that is read. In each, the input goes up "
    "into a box, the state, and from there to the logits of the next character. An "
    "arrow leads from each state to the next. All arrows of a kind have one matrix: "
    "W_x into the states, W_h from state to state, W_y out of them.",
)

# %% [markdown]
# Look at the labels: there is one $W_x$, one $W_h$ and one $W_y$, however many columns
# you draw. That is all there is to a recurrent network (Elman 1990).
#
# > **Predict before you run.** Which network needs more parameters: one for names of 10
# > letters, or one for names of 100?
# > <details><summary>Answer</summary>They need the same. The weights are shared over
# > time, as a convolution shares its kernel over places. Only the arithmetic
# > grows.</details>


# %%
def new_network(seed, inputs=None, hidden=HIDDEN):
    inputs = inputs or len(symbols)
    rng = np.random.default_rng([seed, 1])

    def draw(*shape):
        return rng.uniform(-1, 1, shape) / math.sqrt(hidden)

    return {
        "W_x": draw(hidden, inputs),
        "W_h": draw(hidden, hidden),
        "b": draw(hidden),
        "W_y": draw(inputs, hidden),
        "c": draw(inputs),
    }


# %%
def forward(p, x):  # x: (T, B, V), one-hot
    hidden = np.zeros((len(x) + 1, x.shape[1], len(p["b"])))  # hidden[0] knows nothing
    for t in range(len(x)):
        a = x[t] @ p["W_x"].T + hidden[t] @ p["W_h"].T + p["b"]  # (B, H)
        hidden[t + 1] = np.tanh(a)
    return hidden, hidden[1:] @ p["W_y"].T + p["c"]  # (T + 1, B, H), (T, B, V)


# %% [markdown]
# The loss is the cross-entropy of lesson 00, averaged over the real characters. Its
# slope with respect to the logits is the same as there: probabilities minus truth. The
# padding has weight zero, so nothing flows back from it.


# %%
def cross_entropy(logits, targets, real):  # (T, B, V), (T, B), (T, B)
    shifted = logits - logits.max(2, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(2, keepdims=True)  # (T, B, V)
    truth = np.eye(logits.shape[2])[targets]
    weight = real / real.sum()  # (T, B), adds up to 1
    loss = -(weight * np.log((p * truth).sum(2))).sum()
    return loss, (p - truth) * weight[:, :, None]  # the slopes: (T, B, V)


# %% [markdown]
# ## How does a gradient travel back?
#
# Against the arrows. Here is the same picture with the gradient's way in red; the
# equations below it name its parts.


# %%
def way_back(plot, steps):
    axes, red = plot.axes[0], cu.plots.COLOURS[1]
    style = {"arrowstyle": "-|>", "color": red, "lw": 1.8}

    def arrow(start, end, words, place):
        axes.annotate("", end, start, arrowprops=style)
        axes.text(*place, words, color=red, size=11, ha="center", va="center")

    for t in range(1, steps + 1):
        x = APART * t
        arrow((x - 0.13, 2.6), (x - 0.13, 1.66), f"$W_y^⊤ e_{t}$", (x - 0.5, 2.2))
        arrow((x - 0.13, 1.34), (x - 0.13, 0.4), f"$α_{t} x_{t}^⊤$", (x - 0.5, 0.8))
        if t > 1:
            end = (x - APART + 0.26, 1.4)
            arrow((x - 0.26, 1.4), end, f"$W_h^⊤ α_{t}$", (x - APART / 2, 1.2))
    return plot


# %%
way_back(
    unrolled(
        ".oslo",
        alt="The unrolled network again. Red arrows lead back: from each logit down "
        "into its state, with W_y transposed; from each state to the one before, with "
        "W_h transposed; and from each state down to its input, where it leaves its "
        "share of the gradient of W_x.",
    ),
    steps=4,
)

# %% [markdown]
# Two red arrows arrive at each state $h_t$ except the last: one from its own output,
# one from the future. So its gradient $\delta_t$ is a sum of two parts:
#
# $$\delta_t = W_y^{\top} e_t + W_h^{\top} \alpha_{t+1}, \qquad
# \alpha_t = (1 - h_t^2) \odot \delta_t .$$
#
# Here $e_t$ is the gradient at the logits, $\alpha_t$ the one at $a_t$, and $1 - h^2$
# is the derivative of tanh. Walk from the last step to the first, and let every step
# add its share to the same arrays:
#
# $$\nabla W_h = \sum_t \alpha_t\, h_{t-1}^{\top}, \qquad
# \nabla W_x = \sum_t \alpha_t\, x_t^{\top} .$$
#
# This is *backpropagation through time* (Werbos 1990). With very long texts, you cut
# the walk after some steps and only carry the state on: *truncated* backpropagation
# through time. Names need no cut, but exercise 21.5 and lesson 23 do.


# %%
def backward(p, x, hidden, slopes):
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    grads["W_y"] += np.tensordot(slopes, hidden[1:], ((0, 1), (0, 1)))  # over t and b
    grads["c"] += slopes.sum((0, 1))
    future = np.zeros_like(hidden[0])  # (B, H), what comes back from later steps
    for t in reversed(range(len(x))):
        delta = slopes[t] @ p["W_y"] + future  # (B, H)
        alpha = delta * (1 - hidden[t + 1] ** 2)
        grads["W_h"] += alpha.T @ hidden[t]
        grads["W_x"] += alpha.T @ x[t]
        grads["b"] += alpha.sum(0)
        future = alpha @ p["W_h"]
    return grads


# %% [markdown]
# ## Is it right?
#
# A wrong gradient may still lower the loss, so a falling loss proves nothing. Compare
# the gradient instead. The most honest test needs no theory: move the weights a little
# in some direction $d$ of length 1, and see how much the loss changes. A nudge of size
# $\varepsilon$ to *both* sides,
#
# $$\frac{L(W + \varepsilon\,d) - L(W - \varepsilon\,d)}{2\varepsilon}
# \approx \nabla W \cdot d ,$$
#
# is better than one to one side, but how large should $\varepsilon$ be?
#
# > **Predict before you run.** The smaller the nudge, the better the slope. Is that
# > true down to the smallest $\varepsilon$ that we try?
# > <details><summary>Answer</summary>No. For a tiny nudge the two losses agree in
# > nearly all their digits, and their difference is mostly rounding error. The best
# > nudge is neither large nor tiny.</details>

# %%
p = new_network(seed=0)
read, following, real = encode(parts["train"][:BATCH])
x = np.eye(len(symbols))[read]  # (T, B, V)
hidden, logits = forward(p, x)
loss, slopes = cross_entropy(logits, following, real)
ours = backward(p, x, hidden, slopes)


# %%
def nudged(name, d):  # the loss after one array has moved by d
    logits = forward({**p, name: p[name] + d}, x)[1]
    return cross_entropy(logits, following, real)[0]


rng = np.random.default_rng(0)
directions = {name: rng.normal(size=array.shape) for name, array in p.items()}
directions = {name: d / np.linalg.norm(d) for name, d in directions.items()}
sizes = 10.0 ** -np.arange(0, 13)

# %%
d = directions["W_h"]
exact = (ours["W_h"] * d).sum()
up, down = ([nudged("W_h", sign * eps * d) for eps in sizes] for sign in (1, -1))
one_sided = np.abs((np.array(up) - loss) / sizes / exact - 1)
two_sided = np.abs((np.array(up) - down) / (2 * sizes) / exact - 1)
best_eps = sizes[two_sided.argmin()]
cu.plots.lines(
    {"to one side": (sizes, one_sided), "to both sides": (sizes, two_sided)},
    xlabel="size of the nudge, ε",
    ylabel="relative difference",
    log="xy",
    size=(9.5, 3.2),
    alt="How far the nudged slope is from the hand-written one, for nudges from 1 down "
    f"to {sizes[-1]:.0e}. Both curves fall at first and rise again. To one side the "
    f"smallest difference is {one_sided.min():.0e}, to both sides "
    f"{two_sided.min():.0e}, at ε = {best_eps:.0e}.",
)

# %% [markdown]
# Read it from the right: after a large nudge the slope is no longer the same, and
# rounding spoils a tiny one. With the best nudge, let's test all five arrays. And would
# such a test *find* a mistake? We forget `future` on purpose: in `backward`, $W_h$ only
# serves to carry it, so it's enough to hand over a $W_h$ of zeros.
#
# > **Predict before you run.** Without `future`, which of the five gradients are still
# > right?
# > <details><summary>Answer</summary>Those of W_y and c. They only need the hidden
# > states of the forward pass. The other three lack all that a state does for later
# > steps.</details>

# %%
forgetful = backward({**p, "W_h": 0 * p["W_h"]}, x, hidden, slopes)
rows = []
for name, d in directions.items():
    up, down = (nudged(name, sign * best_eps * d) for sign in (1, -1))
    slope = (up - down) / (2 * best_eps)
    off = [abs((grads[name] * d).sum() / slope - 1) for grads in (ours, forgetful)]
    rows.append(
        {"gradient of": name, "ours is off by": f"{off[0]:.0e}"}
        | {"without the future, by": f"{off[1]:.0e}"}
    )
cu.scoreboard(rows)

# %% [markdown]
# A nudge tests one direction at the price of two forward passes. PyTorch's autograd
# gives every number at once. And is ours the network that PyTorch calls `nn.RNN`? Let's
# copy the weights into it, and compare the states and all gradients. (The library has
# two biases where one is enough; we set the second to zero.) Both work in 64-bit
# numbers here, so they must agree to many digits.

# %% tags=["nbval-check-output"]
rnn = nn.RNN(len(symbols), HIDDEN).double()
head = nn.Linear(HIDDEN, len(symbols)).double()
theirs = {"W_x": rnn.weight_ih_l0, "W_h": rnn.weight_hh_l0, "b": rnn.bias_ih_l0}
theirs |= {"W_y": head.weight, "c": head.bias}
for name, parameter in theirs.items():
    parameter.data = torch.tensor(p[name])
rnn.bias_hh_l0.data.zero_()
states, _ = rnn(torch.tensor(x))  # (T, B, H)
F.cross_entropy(head(states)[real], torch.tensor(following[real])).backward()
difference = np.abs(states.detach().numpy() - hidden[1:]).max()
print("states equal to 1e-9:", bool(difference < 1e-9))
for name, parameter in theirs.items():
    difference = np.abs(ours[name] - parameter.grad.numpy()).max()
    print(f"gradient of {name} equal to 1e-9:", bool(difference < 1e-9))

# %% [markdown]
# ## Does it learn?
#
# We use gradient descent with *momentum*: each step follows a running sum of gradients
# in which the older ones fade. Every 25 steps we look at all three parts, and keep the
# weights.


# %%
def losses(p, parts):
    found = {}
    for name, part in parts.items():
        read, following, real = encode(part)
        _, logits = forward(p, np.eye(len(symbols))[read])
        found[name] = cross_entropy(logits, following, real)[0]
    return found


# %%
def train(parts, seed, steps):
    p, rng = new_network(seed), np.random.default_rng([seed, 2])
    read, following, real = encode(parts["train"])
    velocity, seen, kept = dict.fromkeys(p, 0.0), {}, {}
    for step in range(steps + 1):
        if step % EVERY == 0 or step == steps:
            seen[step], kept[step] = losses(p, parts), dict(p)
        pick = rng.choice(len(parts["train"]), BATCH, replace=False)
        x = np.eye(len(symbols))[read[:, pick]]
        hidden, logits = forward(p, x)
        _, slopes = cross_entropy(logits, following[:, pick], real[:, pick])
        for name, grad in backward(p, x, hidden, slopes).items():
            velocity[name] = MOMENTUM * velocity[name] + grad
            p[name] = p[name] - RATE * velocity[name]
    return seen, kept  # step: losses, step: weights


def best_step(seen):
    return min(seen, key=lambda step: seen[step]["validation"])


# %% [markdown]
# > **Predict before you run.** The training loss will fall and fall. What will the test
# > loss do in a long run: fall and stay low, or fall and rise again? How high?
# > <details><summary>Answer</summary>With a list as short as that of the time zones it
# > falls below the bigram's, then rises, and ends above chance: a network that is sure
# > and wrong does worse than one that knows nothing. The next plot shows where it
# > turns.</details>

# %%
seen, kept = train(parts, seed=0, steps=LONG)
turn = best_step(seen)

# %%
axis = list(seen)[1:]  # zero has no place on a logarithmic axis
cu.plots.lines(
    {part: (axis, [seen[step][part] for step in axis]) for part in parts},
    xlabel="step",
    ylabel="nats per character",
    log="x",
    baselines=levels,
    size=(9.5, 3.4),
    alt=f"Three losses up to step {LONG}. The training loss ends at "
    f"{seen[LONG]['train']:.2f}. The validation loss is lowest at step {turn}, with "
    f"{seen[turn]['validation']:.2f}, and ends at {seen[LONG]['validation']:.2f}; the "
    f"test loss ends at {seen[LONG]['test']:.2f}.",
)

# %%
cu.say(
    f"The validation loss is lowest at step {turn}. There the test loss is "
    f"{seen[turn]['test']:.3f} nats; the bigram has {levels['bigram']:.3f}. At step "
    f"{LONG} the training loss is {seen[LONG]['train']:.3f} and the test loss "
    f"{seen[LONG]['test']:.3f}; chance is {levels['chance']:.3f}."
)

# %% [markdown]
# ## Does it invent, or does it copy?
#
# Where the test loss rises while the training loss falls, is the network learning
# *these names* by heart? Let it speak: draw a character from the probabilities, feed it
# back in, and go on until the dot. (The largest of *logit plus Gumbel noise* is an
# exact draw from the softmax. It saves a loop.)


# %%
def invent(ask, count=1000, seed=0):  # ask: symbols, states -> logits, states
    rng, h = np.random.default_rng(seed), np.zeros((count, HIDDEN))
    ids, drawn = np.zeros(count, int), []
    for _ in range(WIDTH):
        logits, h = ask(ids, h)  # (count, V), (count, H)
        ids = (logits + rng.gumbel(size=logits.shape)).argmax(1)  # a draw from softmax
        drawn.append(ids)
    texts = ("".join(symbols[i] for i in row) for row in np.transpose(drawn))
    return [text.split(".")[0] for text in texts]


def network(p):
    def ask(ids, h):
        h = np.tanh(p["W_x"].T[ids] + h @ p["W_h"].T + p["b"])
        return h @ p["W_y"].T + p["c"], h

    return ask


# %% [markdown]
# We kept the weights of every look, so we can ask each stage for a thousand names, and
# the bigram too. How many of them are in the list? A model that is merely *good at
# names* would find one in the training part nearly five times as often as one in the
# test part, which it hasn't read, since there are nearly five times as many.
#
# > **Predict before you run.** At which stage do the names look most like names: where
# > the validation loss is lowest, or at the end? And where are most of them copies?
# > <details><summary>Answer</summary>With the time zones, most copies are made at the
# > end, and to our ears the names there sound best too. Read the samples first, then
# > the columns of copies.</details>


# %%
def row(who, loss, invented):
    shares = {
        f"in the {name} part": f"{np.mean([i in parts[name] for i in invented]):.1%}"
        for name in ("train", "test")
    }
    examples = ", ".join(name[:14] for name in invented[:5])
    return {"who": who, "test loss": f"{loss:.2f}", "it invents": examples, **shares}


pairs = np.log(counted(parts)["bigram"])
rows = [row("bigram", levels["bigram"], invent(lambda ids, h: (pairs[ids], h)))]
looks = list(kept)
some = {looks[0], looks[min(2, len(looks) - 1)], turn, looks[len(looks) // 4], LONG}
for i in sorted(some):
    who = f"RNN, step {i:,}" + ", lowest validation" * (i == turn)
    rows.append(row(who, seen[i]["test"], invent(network(kept[i]))))
cu.scoreboard(rows)

# %% [markdown]
# For comparison: of the real names in the test part, none is in the training part,
# since each name is in the list once. So samples that look best need not be new. Ask of
# every generator what it has memorised; the question comes back with each GAN of this
# course.
#
# ## Is it luck, and whose?
#
# One run with one split is an anecdote. Two things are drawn at random: the *split*,
# and the *first weights*, together with the order of the batches. To tell them apart,
# we train each choice of the one with each choice of the other.
#
# > **Predict before you run.** Train the same network several times on one split, then
# > once on each of several splits. Where do the test losses spread more?
# > <details><summary>Answer</summary>With the time zones, over the splits: other names
# > are learned, and others asked. The sentence below the plot has both
# > spreads.</details>


# %%
def stopped(seen):
    return seen[best_step(seen)]["test"]


rivals = [baselines(split(i)) for i in SEEDS]
table = {name: np.array([rival[name] for rival in rivals]) for name in levels}
scores = np.array(
    [[stopped(train(split(i), j, STEPS)[0]) for j in SEEDS[:3]] for i in SEEDS]
)  # (splits, weights)


# %%
def spread(table, axis):  # within one column (0) or row (1), the others apart
    return math.sqrt(table.var(axis, ddof=1).mean())


bigrams = table["bigram"]  # (splits,)
gain = bigrams[:, None] - scores  # on the same split each time
over_splits, over_weights = spread(scores, 0), spread(scores, 1)
unpaired = math.hypot(bigrams.std(ddof=1), over_splits)  # had each its own split

# %%
plot = cu.plots.Plot(
    9.5,
    3.2,
    f"Test losses of {len(scores.T)} networks on each of {len(SEEDS)} splits, as dots, "
    f"and the bigram's as a bar. The dots of a split spread by {over_weights:.3f} "
    f"nats, those of one network over the splits by {over_splits:.3f}. Of the "
    f"{gain.size} dots, {(gain > 0).sum()} lie below the bar of their split.",
)
axes = plot.subplots()
axes.plot(SEEDS, bigrams, "_", ms=30, mew=2, color="black", label="bigram")
for j, column in enumerate(scores.T):
    colour = cu.plots.COLOURS[0]
    axes.plot(SEEDS, column, "o", color=colour, alpha=0.6, label="RNN" * (j == 0))
axes.set(xlabel="split", ylabel="nats per character", xticks=SEEDS)
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plot

# %%
cu.say(
    f"Other weights on the same split move the RNN's score by ± {over_weights:.3f} "
    f"nats; the same weights on another split by ± {over_splits:.3f}. The difference "
    f"to the bigram varies by ± {spread(gain, 0):.3f} on the same split; on a split "
    f"for each model it would vary by ± {unpaired:.3f}."
)

# %% tags=["result"]
cu.claim(
    "Nats per character that the RNN gains over the bigram, mean of the splits",
    gain.mean(),
    at_least=0.05,
    when="oslo" in names,
    form=".3f",
)

# %% [markdown]
# So judge by the difference on the same split. Several runs on *one* split would have
# shown only the spread of the weights.
#
# For your own data, take `nn.RNN` and a training loop that is tested, such as the
# course's `Trainer`. Here is the same model with both, trained on the first split for
# as long as ours. A batch comes first now, and the target -1 marks the padding.


# %%
rnn = nn.RNN(len(symbols), HIDDEN, batch_first=True).to(device)
head = nn.Linear(HIDDEN, len(symbols)).to(device)
opt = torch.optim.SGD([*rnn.parameters(), *head.parameters()], RATE, MOMENTUM)
trainer = cu.Trainer(rnn=rnn, head=head, opt=opt)


def batch_first(part):
    read, following, real = encode(part)
    both = (read, np.where(real, following, -1))
    return [torch.tensor(ids.T).to(device) for ids in both]  # (B, T) each


def loss_of(ids, targets):
    states, _ = rnn(F.one_hot(ids, len(symbols)).float())  # (B, T, H)
    logits = head(states).transpose(1, 2)  # (B, V, T), as cross_entropy wants it
    return F.cross_entropy(logits, targets, ignore_index=-1)


def step(batch):
    loss = loss_of(*batch)
    trainer.update(opt, loss)
    return {"loss": loss}


# %%
batches = cu.Batches(batch_first(parts["train"]), BATCH, seed=0)
trainer.fit(step, batches, steps=max(1, turn), show=False)
library = loss_of(*batch_first(parts["test"])).item()
cu.say(
    f"After {trainer.steps} steps the test loss is {library:.3f} nats with nn.RNN, and "
    f"{seen[turn]['test']:.3f} with ours."
)

# %% [markdown]
# ## How far back does a gradient reach?
#
# Follow the red arrows in the picture from right to left. A state $k$ steps back
# reaches the loss through $k$ factors, one for each step:
#
# $$\frac{\partial h_T}{\partial h_{T-k}} = D_T W\, D_{T-1} W \cdots, \qquad
# D_t = \operatorname{diag}(1 - h_t^2), \quad W = W_h .$$
#
# First without tanh. Then every $D$ is the identity, and a gradient $g$ becomes
# $(W^{\top})^k g$. In the long run its length follows the *spectral radius* $\rho$, the
# largest absolute eigenvalue of $W$:
#
# $$\lVert (W^{\top})^k g \rVert \sim \rho^k .$$
#
# For $\rho$ times a rotation this isn't a limit but exact, at every step.


# %%
def lengths(W, slopes, g):  # (R, n, n), (K, R, n), (R, n)
    """The gradient's norm after 0 … K steps back, (K + 1, R)."""
    found = [np.linalg.norm(g, axis=1)]
    for slope in slopes:  # the newest first
        g = np.einsum("rn,rnm->rm", slope * g, W)
        found.append(np.linalg.norm(g, axis=1))
    return np.array(found)


# %% tags=["nbval-check-output"]
distances = np.arange(DISTANCE + 1)
rng = np.random.default_rng(0)
rotation, _ = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))
unit = np.eye(HIDDEN)[:1]  # (1, n), of length 1
for radius in RADII:
    ones = np.ones((DISTANCE, 1, HIDDEN))
    lefts = lengths(radius * rotation[None], ones, unit)[:, 0]
    same = np.abs(lefts / radius**distances - 1).max() < 1e-9
    print(f"radius {radius}: equal to radius^k to 1e-9:", bool(same))

# %% [markdown]
# But weights are not rotations. Let's draw 20 matrices with independent normal entries,
# and rescale each to the radius we want.
#
# > **Predict before you run.** With radius 0.9, how much of a gradient is left after 50
# > steps: a half, a hundredth, or a two-hundredth?
# > <details><summary>Answer</summary>0.9 to the power of 50 is 0.005, a two-hundredth.
# > The next plot shows what random matrices make of it.</details>

# %%
rng = np.random.default_rng(1)
UNIT = rng.normal(size=(20, HIDDEN, HIDDEN))  # (R, n, n)
UNIT /= np.abs(np.linalg.eigvals(UNIT)).max(1)[:, None, None]  # radius 1 each
FIRST = rng.normal(size=(20, HIDDEN))
FIRST /= np.linalg.norm(FIRST, axis=1, keepdims=True)  # (R, n), of length 1


def linear_decay(radius):
    slopes = np.ones((DISTANCE, *FIRST.shape))
    return np.log10(lengths(radius * UNIT, slopes, FIRST))  # (K + 1, R)


# %%
def decay_plot(logs, alt):  # {radius: (K + 1, R)}
    curves = {
        f"radius {radius:g}": (distances, log.mean(1), log.std(1))
        for radius, log in logs.items()
    }
    plot = cu.plots.lines(
        curves,
        xlabel="distance, steps",
        ylabel="log₁₀ of the gradient's norm",
        alt=alt,
        size=(9.5, 3.4),
    )
    axes = plot.axes[0]
    for radius, line in zip(logs, axes.get_lines(), strict=True):
        axes.plot(
            distances, distances * np.log10(radius), color=line.get_color(), lw=0.7
        )
    axes.plot([], [], color="black", lw=0.7, label="theory: radiusᵏ, thin")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return plot


# %%
def rate(logs):  # per step, from the second half of the distance
    half = DISTANCE // 2
    return 10 ** ((logs[-1] - logs[half]) / (DISTANCE - half))  # (R,)


# %% tags=["cover"]
linear = {radius: linear_decay(radius) for radius in RADII}
decay_plot(
    linear,
    alt="Linear network: the logarithm of the gradient's norm is nearly a straight "
    "line for each spectral radius, close below the thin line of the theory. Measured "
    f"rates: {', '.join(f'{rate(linear[r]).mean():.2f} for {r:g}' for r in RADII)}.",
)

# %%
gaps = [abs(rate(linear[radius]).mean() / radius - 1) for radius in RADII]
cu.claim(
    "Linear network: largest gap between the measured rate and theory",
    max(gaps),
    at_most=0.03,
    form=".1%",
)
largest = np.linalg.norm(UNIT, 2, axis=(1, 2)).mean()
cu.say(
    f"Radius 1: {10 ** linear[1.0][-1].mean():.2f} of a gradient is left after "
    f"{DISTANCE} steps, and the largest singular value is {largest:.2f}."
)

# %% [markdown]
# The slopes agree. The *levels* differ by a factor that stays: a random gradient loses
# length while it turns towards the directions that fade most slowly. (Started in those
# directions, gradients kept 98 % over 50 steps at radius 1 when we tried it.) The
# theory is about the rate in the long run, and there it holds.
#
# Don't confuse the radius with the largest *singular value*. That one bounds every
# single step: true, and here far too wide.

# %% [markdown]
# ## And with tanh?
#
# Now each step also multiplies by $1 - h^2$, which is at most 1, and small where a unit
# is *saturated* (near 1 or -1). So we need states. We start from random ones, run the
# network forward with random inputs until it has forgotten the start, then go back
# through it.
#
# > **Predict before you run.** Radius 1.5, with tanh. Does the gradient explode? And
# > does it matter how strong the inputs are?
# > <details><summary>Answer</summary>It matters a lot. Strong inputs saturate the
# > units, and the slopes undo what the matrix does: the gradient fades. Without inputs,
# > it about keeps its length.</details>


# %%
def tanh_slopes(radius, drive, seed=0):
    rng, slopes = np.random.default_rng(seed), []
    h = rng.uniform(-1, 1, FIRST.shape)  # from zero, no inputs would mean no states
    for _ in range(2 * DISTANCE):  # the first half only forgets the start
        a = np.einsum("rnm,rm->rn", radius * UNIT, h)
        h = np.tanh(a + drive * rng.normal(size=h.shape))
        slopes.append(1 - h**2)
    return np.array(slopes[: -DISTANCE - 1 : -1])  # (K, R, n), the newest first


def tanh_decay(radius, slopes):
    return np.log10(lengths(radius * UNIT, slopes, FIRST))  # (K + 1, R)


# %% [markdown]
# Can the theory be mended? If gradient and matrix know nothing of each other, one step
# multiplies the length on average by
#
# $$\text{rate} \approx \frac{\lVert W \rVert_F}{\sqrt{n}}\,
# \sqrt{\overline{(1 - h^2)^2}} ,$$
#
# where $\lVert W \rVert_F^2$ is the sum of all squared weights. Here are the measured
# rates, and this rule as thin black lines.

# %%
ENTRIES = np.sqrt((UNIT**2).sum((1, 2)) / HIDDEN).mean()  # ‖W‖_F / √n at radius 1
DRIVES, AXIS = [0.0, 0.25, 0.5, 1.0], [*RADII, 2.0]
measured, mended = {}, {}
for drive in DRIVES:
    for radius in AXIS:
        slopes = tanh_slopes(radius, drive)
        measured[drive, radius] = rate(tanh_decay(radius, slopes))  # (R,)
        mended[drive, radius] = radius * ENTRIES * np.sqrt((slopes**2).mean())
below = sum(rates.mean() < radius for (_, radius), rates in measured.items())
said = "; ".join(
    f"with inputs of size {drive:g} "
    + ", ".join(f"{measured[drive, radius].mean():.2f}" for radius in AXIS)
    for drive in DRIVES
)

# %%
plot = cu.plots.lines(
    {"no tanh: the radius": (AXIS, AXIS)}
    | {
        f"tanh, inputs of size {drive:g}": (
            AXIS,
            [measured[drive, radius].mean() for radius in AXIS],
        )
        for drive in DRIVES
    },
    xlabel="spectral radius",
    ylabel="gradient's rate per step",
    baselines={"keeps its length": 1.0},
    size=(9.5, 3.6),
    alt="The rate per step against the spectral radius. Without tanh they are equal. "
    f"With tanh {below} of {len(measured)} points lie below that line. Rates at radius "
    f"{', '.join(f'{r:g}' for r in AXIS)}: {said}.",
)
for drive in DRIVES:
    plot.axes[0].plot(AXIS, [mended[drive, r] for r in AXIS], color="black", lw=0.6)
plot.axes[0].set_ylim(0.25, 1.25)
plot

# %%
gaps = [abs(measured[0.5, r].mean() / mended[0.5, r] - 1) for r in AXIS]
cu.claim(
    "With tanh and inputs of size 0.5: largest gap between rate and mended theory",
    max(gaps),
    at_most=0.05,
    form=".1%",
)
cu.say(
    f"Radius 1.5: {measured[0.0, 1.5].mean():.2f} ± {measured[0.0, 1.5].std():.2f} a "
    f"step without inputs, {measured[0.5, 1.5].mean():.2f} ± "
    f"{measured[0.5, 1.5].std():.2f} with inputs of size 0.5."
)

# %% [markdown]
# So a radius below 1 means vanishing here, and with inputs it means vanishing faster
# than $\rho^k$. A radius above 1 does *not* mean exploding: it depends on how far the
# states saturate. The mended rule comes close, but it needs the slopes, and you only
# know those after the network has run. At small radius and without inputs, the radius
# itself is the better rule: there the curve lies on its line.
#
# ## Does training lengthen the memory?
#
# Where on this scale is a new network, and where is it after training? We measure on
# the real thing, with three networks on a split each: take the longer half of the
# names, and follow a gradient from the end of a name as many steps back as they all
# allow, 8 at most, through the network's own states.

# %%
BACK = min(8, int(np.median([len(name) for name in names])))  # steps back
SETTLE = 2  # steps in which the gradient finds its direction


def rate_on_names(p, part):
    read, _, real = encode([name for name in part if len(name) >= BACK])
    hidden, _ = forward(p, np.eye(len(symbols))[read])
    each, last = np.arange(real.shape[1]), real.sum(0)  # the place of the last state
    slopes = [1 - hidden[last - k, each] ** 2 for k in range(BACK)]
    g = np.random.default_rng(0).normal(size=slopes[0].shape)
    W = np.broadcast_to(p["W_h"], (len(each), *p["W_h"].shape))
    logs = np.log(lengths(W, slopes, g)).mean(1)  # (BACK + 1,)
    return math.exp((logs[BACK] - logs[SETTLE]) / (BACK - SETTLE))


# %%
runs = [(seen, kept)] + [train(split(i), i, LONG) for i in SEEDS[1:3]]


def rates_at(steps):  # one step for each network
    return np.array(
        [
            rate_on_names(weights[at], split(i)["train"])
            for i, (_, weights), at in zip(SEEDS, runs, steps, strict=False)
        ]
    )


stages = {
    "new": [0] * len(runs),
    "lowest validation loss": [best_step(losses) for losses, _ in runs],
    f"step {LONG:,}": [LONG] * len(runs),
}
reached = {name: rates_at(steps) for name, steps in stages.items()}
cu.scoreboard(
    [
        {
            "stage": name,
            "rate per step": f"{found.mean():.2f} ± {found.std(ddof=1):.2f}",
            f"left after {BACK} steps": f"{found.mean() ** BACK:.1%}",
        }
        for name, found in reached.items()
    ]
)

# %%
cu.claim(
    "Gradient's rate on names, trained to the lowest validation loss against new",
    (reached["lowest validation loss"] / reached["new"]).min(),
    at_least=1.1,
    when="oslo" in names,
    form=".2f",
)

# %% [markdown]
# With the time zones it does. But a rate says how much an early letter *can* matter,
# not whether the network uses it well: it goes on climbing after the validation loss
# has turned.
#
# ## Turn the radius
#
# Where does the gradient keep its length over 50 steps, without inputs and with strong
# ones? Is there one radius that does both?


# %%
def show_decay(radius, inputs):
    log = tanh_decay(radius, tanh_slopes(radius, inputs))
    return decay_plot(
        {radius: log},
        alt=f"Radius {radius:g}, with tanh: the gradient's norm changes by a factor of "
        f"{rate(log).mean():.3f} a step; after {DISTANCE} steps it is "
        f"{10 ** log[-1].mean():.1e}.",
    )


# %%
cu.widgets.explore(
    show_decay, radius=(0.1, 2.0, 0.05, 1.0), inputs=(0.0, 1.0, 0.1, 0.5)
)

# %% [markdown]
# ## Scoreboard

# %%
table["RNN"] = scores.mean(1)  # of each split's networks
cu.scoreboard(
    [
        {
            "model": f"{name}, {len(SEEDS)} splits",
            "nats per character": f"{nats.mean():.3f} ± {nats.std(ddof=1):.3f}",
            "bits per character": f"{nats.mean() / math.log(2):.2f}",
        }
        for name, nats in table.items()
    ]
)

# %% [markdown]
# There is no published figure for these names, so compare with the baselines. The ± is
# over splits, which the rows share: what counts is the difference on the same split, as
# above, not whether two ± overlap.
#
# ## Clinic
#
# ### Patient A: not a number
#
# A colleague finds names too short, so they join them to one text and read it 100
# characters at a time. They use ReLU instead of tanh, "so that nothing saturates", and
# start with a spectral radius of 1.5.


# %%
def long_windows(steps, clip, radius=1.5, width=100):
    rng = np.random.default_rng(0)
    text = torch.tensor([symbols.index(c) for c in ".".join(parts["train"])])
    torch.manual_seed(0)
    rnn = nn.RNN(len(symbols), HIDDEN, nonlinearity="relu")
    rnn.weight_hh_l0.data = torch.tensor(radius * UNIT[0]).float()
    net = nn.ModuleList([rnn, nn.Linear(HIDDEN, len(symbols))])
    opt, curve, norms = torch.optim.SGD(net.parameters(), RATE, MOMENTUM), [], []
    for _ in range(steps):
        starts = torch.tensor(rng.integers(len(text) - width, size=(1, 16)))
        window = text[starts + torch.arange(width + 1)[:, None]]  # (width + 1, 16)
        states, _ = rnn(F.one_hot(window[:-1], len(symbols)).float())
        loss = F.cross_entropy(net[1](states).flatten(0, 1), window[1:].flatten())
        opt.zero_grad()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(net.parameters(), clip).item())
        curve.append(loss.item())
        if not math.isfinite(norms[-1]):
            break
        opt.step()
    return curve, norms


# %%
sick_loss, sick_norms = long_windows(CLINIC, clip=math.inf)
cu.say(
    f"Losses: {', '.join(f'{loss:.3g}' for loss in sick_loss[-6:])}. "
    f"Norms of the gradient: {', '.join(f'{norm:.3g}' for norm in sick_norms[-6:])}. "
    f"The run ended at step {len(sick_norms)}."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>An exploding gradient. It takes three things: ReLU
# > doesn't saturate, so nothing holds a growing state back; the radius is large; and
# > over 100 steps growth compounds. When we changed one of the three (to tanh, to
# > radius 1, to windows of 10), two networks each ran through 100 steps, and no norm
# > was above 22. The first gradients are harmless here too, but one step along a huge
# > one throws the weights so far that the next loss is enormous, or not a
# > number.</details>
#
# The cure is a rule of three lines. The gradient's *direction* may still be good; its
# length isn't. Take the norm of all gradients together,
# $N = \sqrt{\sum_i g_i^2}$, and if it is above a limit, multiply them all by
# $\text{limit} / N$. This is *clipping by the global norm* (Pascanu, Mikolov, Bengio
# 2013). In this course it is `trainer.update(opt, loss, clip=1.0)`. It has to come in
# time: a gradient that is already infinite has no direction left.

# %%
cured_loss, cured_norms = long_windows(CLINIC, clip=1.0)
cu.plots.lines(
    {
        "no clipping": (range(1, len(sick_norms) + 1), sick_norms),
        "clipped at 1": (range(1, len(cured_norms) + 1), cured_norms),
    },
    xlabel="step",
    ylabel="gradient's norm before clipping",
    log="y",
    baselines={"limit": 1.0},
    size=(9.5, 3.2),
    alt=f"Without clipping the run ends at step {len(sick_norms)}; the largest norm of "
    f"its gradients is {np.nanmax(sick_norms):.2g}. With it, {len(cured_norms)} steps "
    f"are taken, and the largest norm is {max(cured_norms):.2g}.",
)

# %%
cu.say(
    f"Clipped, the loss goes from {cured_loss[0]:.2f} to "
    f"{np.mean(cured_loss[-10:]):.2f} nats in {len(cured_loss)} steps, of which "
    f"{np.mean(np.array(cured_norms) > 1):.0%} were clipped."
)

# %% [markdown]
# ### Patient B: the lost first bit
#
# Another colleague wants the *first* of $T$ random bits named after the last one. With
# $T = 5$ it is learned at once. With $T = 30$ the loss doesn't move, or not for a long
# time. "My gradients are wild", they think, and clip them.


# %%
def bit_network(seed, rotated):
    torch.manual_seed(seed)
    rnn, head = nn.RNN(1, 32), nn.Linear(32, 2)
    if rotated:
        nn.init.orthogonal_(rnn.weight_hh_l0)
    return rnn, head


def first_bit(T, seed, clip=math.inf, rotated=False):
    rnn, head = bit_network(seed, rotated)
    parameters = [*rnn.parameters(), *head.parameters()]
    opt, curve = torch.optim.Adam(parameters, 5e-3), []
    while len(curve) < PATIENCE and not np.mean(curve[-10:] or [1.0]) < LEARNED:
        bits = torch.randint(2, (T, 64, 1))
        states, _ = rnn(2.0 * bits - 1)  # (T, 64, 32)
        loss = F.cross_entropy(head(states[-1]), bits[0, :, 0])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, clip)
        opt.step()
        curve.append(loss.item())
    return curve


# %%
PATIENCE, LEARNED = cu.budget(cpu=400, gpu=1000), 0.1  # steps at most; loss
tries = {
    name: [first_bit(seed=seed, **how) for seed in SEEDS[:3]]
    for name, how in {
        "T = 5": {"T": 5},
        "T = 30": {"T": 30},
        "T = 30, clipped at 0.1": {"T": 30, "clip": 0.1},
    }.items()
}


# %%
curves = {
    f"{name}, network {i}": (range(1, len(curve) + 1), curve)
    for name in ("T = 5", "T = 30")
    for i, curve in enumerate(tries[name], 1)
}
cu.plots.lines(
    curves,
    xlabel="step",
    ylabel="loss",
    baselines={"chance": math.log(2)},
    size=(9.5, 3.2),
    alt="Loss curves, each until the bit is learned. Their last losses: "
    + ", ".join(f"{name} {curve[-1]:.2f}" for name, (_, curve) in curves.items())
    + ".",
)

# %% [markdown]
# How much of the last state's gradient reaches the first, $T - 1$ steps back, before
# any training?


# %%
def share_left(T, seed=0, rotated=False):
    rnn, head = bit_network(seed, rotated)
    bits = torch.randint(2, (T, 64, 1))
    _, first = rnn(2.0 * bits[:1] - 1)  # (1, 64, 32), after the first bit
    after, _ = rnn(2.0 * bits[1:] - 1, first)
    loss = F.cross_entropy(head(after[-1]), bits[0, :, 0])
    near, far = torch.autograd.grad(loss, [after, first])
    return (far.norm() / near[-1].norm()).item()


cu.say(
    f"{share_left(5):.1e} over the 4 steps of T = 5, {share_left(30):.1e} over the 29 "
    "of T = 30."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>A vanishing gradient. What tells of the first bit
# > arrives multiplied by next to nothing. Clipping only ever makes a gradient shorter.
# > Making it longer doesn't help either (Adam, which is used here, does that already):
# > all time steps share one set of weights, so the part of the recent bits grows as
# > much.</details>
#
# If that is the illness, then a start at which gradients keep their length should cure
# it. You have met one: a *rotation*. The only change is one line, `orthogonal_`.

# %%
tries["T = 30, from a rotation"] = [
    first_bit(30, seed, rotated=True) for seed in SEEDS[:3]
]


def steps_needed(curve):
    return f"{len(curve)}" if np.mean(curve[-10:]) < LEARNED else f"not in {PATIENCE}"


cu.scoreboard(
    [
        {"task": name, "steps until learned": ", ".join(map(steps_needed, curves))}
        for name, curves in tries.items()
    ]
)
cu.say(f"Of a gradient {share_left(30, rotated=True):.1e} now arrives over 29 steps.")

# %%
cu.claim(
    "Steps to learn the first of 30 bits from a rotation, the slowest network",
    max(len(curve) for curve in tries["T = 30, from a rotation"]),
    at_most=100,
    form=".0f",
)

# %% [markdown]
# So the diagnosis holds. It needn't be a rotation: the usual start, only rescaled to
# spectral radius 1, took 26, 40 and 41 steps when we tried it. But a good start is only
# a start: with $T = 100$, one of two networks that started from a rotation didn't learn
# within 300 steps. Lesson 22 builds networks in which something is carried on without
# being multiplied by a matrix each time.
#
# ## Exercises
#
# ### Exercise 21.1 · Nats per character
#
# `losses`, (N, T), holds $-\log p$ of each character of N names. Name $i$ has
# `lengths[i]` characters; what comes after them is rubbish. Write
# `nats(losses, lengths)`: the mean over all real characters. Stuck? Try
# `cu.hint("21.1")`.


# %% tags=["exercise"]
def nats(losses, lengths):
    # BEGIN SOLUTION
    real = [row[:length] for row, length in zip(losses, lengths, strict=True)]
    return sum(row.sum() for row in real) / sum(lengths)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("21.1", nats)

# %% [markdown]
# ### Exercise 21.2 · How far does it reach?
#
# Write `reach(radius, share)`: after how many steps has a gradient, by the rule
# $\rho^k$, fallen to `share` of its length or below? Return the smallest such whole
# number, and don't let rounding mislead you: `reach(0.8, 0.64)` is 2. For a radius of 1
# or more it never does: return `math.inf`.

# %% tags=["exercise"]
import math


def reach(radius, share):
    # BEGIN SOLUTION
    if radius >= 1:
        return math.inf
    steps = math.log(share) / math.log(radius)
    return math.ceil(steps - 1e-9)  # in floats, 2 may be 2.0000000000000004
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("21.2", reach)

# %% [markdown]
# ### Exercise 21.3 · Clip by the global norm
#
# Write `clipped(gradients, limit)`: given a list of arrays, return a *new* list, in
# which the norm of all arrays together is at most `limit`, and the direction is as
# before. A short gradient stays as long as it is, and the given arrays are not changed.


# %% tags=["exercise"]
def clipped(gradients, limit):
    # BEGIN SOLUTION
    norm = sum((g**2).sum() for g in gradients) ** 0.5
    factor = limit / norm if norm > limit else 1.0
    return [factor * g for g in gradients]
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("21.3", clipped)

# %% [markdown]
# ### Exercise 21.4 · One step back through a leaky network
#
# A *leaky* network keeps a part of its state as it is. With a number $\lambda$ (`leak`)
# between 0 and 1,
#
# $$h_t = (1 - \lambda)\, h_{t-1} + \lambda\, z, \qquad
# z = \tanh(W h_{t-1} + u_t) .$$
#
# Write `leaky_back(d_h, z, before, W, leak)`. Given are the gradient of the loss at
# $h_t$, (B, H), then $z$ and $h_{t-1}$, both (B, H), and $W$, (H, H). Return two
# gradients: at $W$, summed over the batch, and at $h_{t-1}$. By how many ways does
# $h_{t-1}$ reach $h_t$?


# %% tags=["exercise"]
def leaky_back(d_h, z, before, W, leak):
    # BEGIN SOLUTION
    alpha = leak * d_h * (1 - z**2)  # (B, H)
    return alpha.T @ before, (1 - leak) * d_h + alpha @ W
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("21.4", leaky_back)

# %% [markdown]
# With a small leak the straight way multiplies a gradient by nearly 1 a step. That
# helps patient B, though less than a rotation: with $\lambda = 0.1$ and $T = 30$, three
# networks took 135 to 395 steps when we tried it. It is also the idea behind the next
# lesson.
#
# ### Exercise 21.5 · Repair a long text
#
# A text is too long for one walk back, so a colleague reads it in windows, one after
# the other. The loss falls a little, and then nothing more is learned. There are
# *three* faults:
#
# ```
# def train_in_windows(W, windows, rate, limit):
#     losses = []
#     for inputs, targets in windows:  # (T, B, H) each
#         h = torch.zeros_like(inputs[0])
#         states = []
#         for u in inputs:
#             h = torch.tanh(h.detach() @ W.T + u)
#             states.append(h)
#         loss = F.mse_loss(torch.stack(states), targets)
#         W.grad = None
#         loss.backward()
#         with torch.no_grad():
#             W -= rate * W.grad
#         torch.nn.utils.clip_grad_norm_([W], limit)
#         losses.append(loss.item())
#     return losses
# ```
#
# Repair it. The windows follow each other in the text, and only the first starts from a
# state of zeros. A gradient goes back to the start of its window, and no further. (If
# PyTorch complains about going back a second time, what does the state hold on to?)
# Every step uses a gradient that has been clipped to a norm of at most `limit`. Change
# `W`, (H, H), in place, and return the loss of each window as it was before its step.


# %% tags=["exercise"]
def train_in_windows(W, windows, rate, limit):
    # BEGIN SOLUTION
    losses, h = [], W.new_zeros(len(W))
    for inputs, targets in windows:
        states = []
        for u in inputs:
            h = torch.tanh(h @ W.T + u)
            states.append(h)
        loss = F.mse_loss(torch.stack(states), targets)
        W.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_([W], limit)
        with torch.no_grad():
            W -= rate * W.grad
        h = h.detach()
        losses.append(loss.item())
    return losses
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("21.5", train_in_windows)

# %% [markdown]
# ### Open challenge
#
# Beat the RNN of the scoreboard on the same splits: fewer units, weight decay, dropout,
# an average of several networks, a trigram mixed in. (A trigram alone, mixed with its
# bigram and unigram in shares chosen on the validation part, got 2.71 nats with the
# time zones when we tried it: it beats the bigram, but not the RNN.) Decide on the
# validation part, and look at the test part once.

# %% [markdown]
# ## Summary
#
# - A recurrent network is one small network, used at every step, with a state handed
#   on. Its gradient walks back the same way and adds up over the steps.
# - Test a hand-written gradient by nudges or against a trusted one. A falling loss
#   proves nothing.
# - On a short list, the split moves a score too. Compare models on the same split.
# - A gradient over $k$ steps goes as a rate to the power of $k$. Without tanh the rate
#   is the spectral radius. With tanh it is smaller, by what the slopes take away.
# - Clipping cures explosions, but it can't cure vanishing. A start that keeps the
#   gradient's length helps.
# - Use a plain RNN where a handful of steps is memory enough; for longer memories there
#   is lesson 22. With little data, an n-gram is the baseline to beat.
#
# **Quiz**
#
# 1. A plain RNN of 64 units reads 29 symbols, with one bias. How many parameters does
#    it have, not counting the output layer?
#    <details><summary>Answer</summary>64 · 29 + 64 · 64 + 64 = 6,016, whatever the
#    length of the text.</details>
# 2. Spectral radius 0.8, no tanh: what is left of a gradient after 20 steps?
#    <details><summary>Answer</summary>About 0.8 to the power of 20, which is 0.012: one
#    part in 87.</details>
# 3. Radius 1.2, with tanh. Does the gradient explode?
#    <details><summary>Answer</summary>It depends on the states. While they are small
#    it grows; with strong inputs the units saturate and it fades.</details>
# 4. Does clipping at a norm of 1 change a step whose gradient has norm 0.3?
#    <details><summary>Answer</summary>No. This is also why clipping can't help where
#    gradients vanish.</details>
# 5. The samples of a name generator look perfect. What do you ask?
#    <details><summary>Answer</summary>How many of them are in the training list, and
#    what its loss is on names that are not.</details>
#
# **Further reading.** J. Elman, *Finding structure in time*, Cognitive Science 14
# (1990), the network of this lesson. P. Werbos, *Backpropagation through time: what it
# does and how to do it*, Proceedings of the IEEE 78 (1990). Y. Bengio, P. Simard, P.
# Frasconi, *Learning long-term dependencies with gradient descent is difficult*, IEEE
# Transactions on Neural Networks 5 (1994). R. Pascanu, T. Mikolov, Y. Bengio, *On the
# difficulty of training recurrent neural networks*, ICML 2013, for clipping and the
# bound by singular values. H. Sompolinsky, A. Crisanti, H. Sommers, *Chaos in random
# neural networks*, Physical Review Letters 61 (1988), for the mended rule's origin. A.
# Saxe, J. McClelland, S. Ganguli, *Exact solutions to the nonlinear dynamics of
# learning in deep linear neural networks*, ICLR 2014, for orthogonal starts.

# %% [markdown] tags=["instructor"]
# **Instructor.** 90 minutes: 10 to the baselines, 20 for the equations, the nudges and
# the comparison with autograd (let the room find δ for the last step first), 15 while
# it trains and for the splits, 20 for the gradients, 10 for the clinic, 15 for
# exercises. Draw the red arrows yourself before you show the second picture.
#
# Common beliefs: that each step has weights of its own; that a falling loss proves the
# gradient; that a radius above 1 always explodes (the tanh plot answers); that clipping
# is a general medicine for recurrent networks (patient B answers); that samples which
# look right are new; that a ± over splits says which model is better. Question for the
# room: why does *scaling up* a vanished gradient not help? If you're short of time,
# skip the mended theory and exercise 21.1.
