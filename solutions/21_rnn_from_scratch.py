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
# - prove a hand-written gradient right to nine digits;
# - train a character model, stop it in time, and measure what it has memorised;
# - predict how fast a gradient vanishes or explodes, and say where the theory fails;
# - clip a gradient, and name what clipping cannot cure.

# %%
import copy
import difflib
import math
import sys
import zoneinfo

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

HIDDEN, BATCH = 64, 64
RATE, MOMENTUM = 0.1, 0.9
STEPS = cu.budget(cpu=300, gpu=300)
LONG = cu.budget(cpu=2500, gpu=2500)  # long enough to learn the list by heart
CLINIC = cu.budget(cpu=100, gpu=100)
EVERY = 25  # steps between two looks at the losses
SEEDS = cu.budget(cpu=[0, 1, 2, 3, 4], gpu=list(range(10)))
RADII = [0.5, 0.9, 1.0, 1.1, 1.5]
DISTANCE = 50

device = cu.start(seed=0)

# %% [markdown]
# ## What is there to remember?
#
# You read *"reykjav"*. What comes next? You know because you remember more than the
# last letter. A network that reads one character at a time needs a memory too.
#
# We need a list of names that is on every computer. Python's standard library knows the
# world's time zones, and each zone is named after a place: `Europe/Lisbon`,
# `America/Argentina/Buenos_Aires`. Take the last part.

# %%
AREAS = {"Africa", "America", "Antarctica", "Arctic", "Asia"}
AREAS |= {"Atlantic", "Australia", "Europe", "Indian", "Pacific"}


def find_names():
    zones = [zone.split("/") for zone in zoneinfo.available_timezones()]
    names = {zone[-1] for zone in zones if zone[0] in AREAS and len(zone) > 1}
    if not names:
        print(
            "No time zones here (pip install tzdata): names of Python modules stand in."
        )
        names = {name.strip("_") for name in sys.stdlib_module_names}
    return sorted({name.replace("_", " ").lower() for name in names})


names = find_names()
symbols = "." + "".join(sorted(set("".join(names))))  # the dot begins and ends a name
cu.say(f"{len(names)} names with {len(symbols)} symbols: {', '.join(names[::40])}.")

# %% [markdown]
# Most are cities; some are islands, states and research stations. The data of the zones
# come with the operating system or with the package `tzdata`. Where a machine has
# neither, the names of Python's own modules stand in, and the cell says so.
#
# Three parts, drawn at random: one to learn from, one to decide when to stop, one to be
# tested on. The list is small, so *which* names are tested matters. We shall draw the
# parts anew for each seed.


# %%
def split(seed):
    order = np.random.default_rng(seed).permutation(len(names))
    shuffled = [names[i] for i in order]
    a, b = len(names) * 70 // 100, len(names) * 85 // 100
    return {"train": shuffled[:a], "validation": shuffled[a:b], "test": shuffled[b:]}


parts = split(seed=0)
twins = [
    n for n in parts["test"] if difflib.get_close_matches(n, parts["train"], 1, 0.8)
]
cu.say(
    f"{', '.join(f'{len(part)} {name}' for name, part in parts.items())}. Of the test "
    f"names {len(twins)} have a near twin in the training part: {', '.join(twins[:5])}."
)

# %% [markdown]
# Some twins are two spellings of one place. They help every model a little: a small
# leak, which we have counted and leave in.
#
# Names differ in length. So that a batch is one array, short names are filled up, and a
# table says which places are *real*. Time comes first: `ids[t]` is what all names of
# the batch show at time $t$.

# %%
LONGEST = max(map(len, names)) + 2  # with a dot at each end


def encode(part):
    ids = np.zeros((LONGEST, len(part)), int)  # (T + 1, B)
    for column, name in enumerate(part):
        ids[: len(name) + 2, column] = [symbols.index(c) for c in f".{name}."]
    lengths = np.array([len(name) + 1 for name in part])  # characters to predict
    real = np.arange(LONGEST - 1)[:, None] < lengths  # (T, B)
    return ids[:-1], ids[1:], real  # what is read, what comes next, where it counts


# %% [markdown]
# ## How well does one do without a memory?
#
# A model gives each next character a probability $p$. Its score is the mean of
# $-\log p$ over all real characters, the end of the name included: *nats per
# character*. Smaller is better. Three baselines:
#
# 1. **Chance**: all $V$ symbols alike, $\ln V$.
# 2. **Unigram**: how frequent each symbol is, whatever stands before it.
# 3. **Bigram**: how frequent it is after the last character. Its memory is one
#    character long.
#
# Counts start at one, so that nothing unseen has probability zero.


# %%
def baselines(parts):
    read, following, real = encode(parts["train"])
    pairs = np.ones((len(symbols), len(symbols)))  # counts, from one
    np.add.at(pairs, (read[real], following[real]), 1)
    single = 1 + np.bincount(following[real], minlength=len(symbols))
    read, following, real = encode(parts["test"])
    uni = (single / single.sum())[following[real]]
    bi = (pairs / pairs.sum(1, keepdims=True))[read[real], following[real]]
    return {
        "chance": math.log(len(symbols)),
        "unigram": -np.log(uni).mean(),
        "bigram": -np.log(bi).mean(),
    }


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
# The logits $z_t$ say what comes next, as in lesson 00. The same five arrays serve
# every step. That is all there is to a recurrent network (Elman 1990).
#
# > **Predict before you run.** A name of 10 letters or one of 100: which needs more
# > parameters?
# > <details><summary>Answer</summary>Neither. The weights are shared over time, as a
# > convolution shares its kernel over places. Only the arithmetic grows.</details>


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
# The loss is the cross-entropy of lesson 00, averaged over real places. Its slope with
# respect to the logits is the same too: probabilities minus truth. A place that is not
# real weighs nothing, so nothing flows back from it.


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
# The state $h_t$ does two things: it makes the logits $z_t$, and it feeds $h_{t+1}$. So
# its gradient $\delta_t$ has two parts. One comes from its own output, the other from
# the future:
#
# $$\delta_t = W_y^{\top} e_t + W_h^{\top} \alpha_{t+1}, \qquad
# \alpha_t = (1 - h_t^2) \odot \delta_t .$$
#
# Here $e_t$ is the slope of the logits, and $1 - h^2$ the derivative of tanh. Walk from
# the last step to the first, and let every step add its share to the same arrays:
#
# $$\nabla W_h = \sum_t \alpha_t\, h_{t-1}^{\top}, \qquad
# \nabla W_x = \sum_t \alpha_t\, x_t^{\top} .$$
#
# This is *backpropagation through time* (Werbos 1990). For very long texts one cuts the
# walk after some steps and only carries the state on: *truncated* backpropagation
# through time. Names need no cut; lesson 23 will.


# %%
def backward(p, x, hidden, slopes):
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    grads["W_y"] += np.einsum("tbv,tbh->vh", slopes, hidden[1:])
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
# A wrong gradient often still learns, only worse. So never judge a gradient by a
# falling loss: compare it. PyTorch's autograd needs only the forward pass. Both work
# in 64-bit numbers here, so they must agree to far more than six digits.
#
# > **Predict before you run.** Suppose we forgot `future`. Which of the five gradients
# > would still be right?
# > <details><summary>Answer</summary>Those of W_y and c. They need only the hidden
# > states of the forward pass. The other three would lack everything that a state does
# > for later steps.</details>


# %%
def autograd(p, x, targets, real):
    q = {name: torch.tensor(array, requires_grad=True) for name, array in p.items()}
    x, targets, real = map(torch.tensor, (x, targets, real))
    h, outputs = torch.zeros(x.shape[1], len(q["b"]), dtype=x.dtype), []
    for t in range(len(x)):
        h = torch.tanh(x[t] @ q["W_x"].T + h @ q["W_h"].T + q["b"])
        outputs.append(h @ q["W_y"].T + q["c"])
    F.cross_entropy(torch.stack(outputs)[real], targets[real]).backward()
    return {name: tensor.grad.numpy() for name, tensor in q.items()}


# %% tags=["nbval-check-output"]
p = new_network(seed=0)
read, following, real = encode(parts["train"][:BATCH])
x = np.eye(len(symbols))[read]  # (T, B, V)
hidden, logits = forward(p, x)
loss, slopes = cross_entropy(logits, following, real)
ours, theirs = backward(p, x, hidden, slopes), autograd(p, x, following, real)
for name in p:
    print(
        f"{name} equal to 1e-9:", bool(np.abs(ours[name] - theirs[name]).max() < 1e-9)
    )

# %% [markdown]
# Is it the network that PyTorch calls `nn.RNN`? Copy the weights, and compare states
# and gradients. The library has two biases where one is enough; the second is set to
# zero.


# %%
def library_rnn(p):
    rnn = nn.RNN(p["W_x"].shape[1], len(p["b"])).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(p["W_x"]))
        rnn.weight_hh_l0.copy_(torch.tensor(p["W_h"]))
        rnn.bias_ih_l0.copy_(torch.tensor(p["b"]))
        rnn.bias_hh_l0.zero_()
    return rnn


# %% tags=["nbval-check-output"]
rnn = library_rnn(p)
states, _ = rnn(torch.tensor(x))  # (T, B, H)
z = states @ torch.tensor(p["W_y"]).T + torch.tensor(p["c"])
F.cross_entropy(z[torch.tensor(real)], torch.tensor(following[real])).backward()
same_states = np.abs(states.detach().numpy() - hidden[1:]).max() < 1e-9
same_slopes = np.abs(rnn.weight_hh_l0.grad.numpy() - ours["W_h"]).max() < 1e-9
print("states equal to nn.RNN's:", bool(same_states))
print("gradient of W_h equal to nn.RNN's:", bool(same_slopes))

# %% [markdown]
# ## Does it learn?
#
# Gradient descent with *momentum*: each step follows a running sum of gradients, in
# which older ones fade. Every 25 steps we look at all three parts, and keep a copy of
# the weights that did best on the validation part.


# %%
def losses(p, parts):
    found = {}
    for name, part in parts.items():
        read, following, real = encode(part)
        _, logits = forward(p, np.eye(len(symbols))[read])
        found[name] = cross_entropy(logits, following, real)[0]
    return found


# %%
def train(seed, steps):
    parts, p, rng = split(seed), new_network(seed), np.random.default_rng([seed, 2])
    read, following, real = encode(parts["train"])
    velocity, seen, best = dict.fromkeys(p, 0.0), {}, p
    for step in range(steps + 1):
        if step % EVERY == 0 or step == steps:
            seen[step] = losses(p, parts)
            if seen[step]["validation"] == min(s["validation"] for s in seen.values()):
                best = copy.deepcopy(p)
        pick = rng.choice(len(parts["train"]), BATCH, replace=False)
        x = np.eye(len(symbols))[read[:, pick]]
        hidden, logits = forward(p, x)
        _, slopes = cross_entropy(logits, following[:, pick], real[:, pick])
        for name, grad in backward(p, x, hidden, slopes).items():
            velocity[name] = MOMENTUM * velocity[name] + grad
            p[name] = p[name] - RATE * velocity[name]
    return best, p, seen


# %% [markdown]
# > **Predict before you run.** The training loss will fall and fall. What will the test
# > loss do in a long run: fall and stay low, or fall and rise again? How high?
# > <details><summary>Answer</summary>It falls below the bigram, then rises, in the end
# > above chance: a network that is sure and wrong does worse than one that knows
# > nothing. The next plot shows where it turns.</details>

# %%
best, last, seen = train(seed=0, steps=LONG)
steps = list(seen)[1:]  # zero has no place on a logarithmic axis
curves = {part: (steps, [seen[step][part] for step in steps]) for part in parts}
cu.plots.lines(
    curves,
    xlabel="step",
    ylabel="nats per character",
    log="x",
    baselines=levels,
    alt="The training loss falls, late with some peaks. Validation and test loss fall "
    "below the bigram's level at first, then rise above it, and go on rising.",
)

# %%
turn = min(seen, key=lambda step: seen[step]["validation"])
cu.say(
    f"The validation loss is lowest at step {turn}. There the test loss is "
    f"{seen[turn]['test']:.3f} nats; the bigram has {levels['bigram']:.3f}. At step "
    f"{LONG} the training loss is {seen[LONG]['train']:.3f} and the test loss "
    f"{seen[LONG]['test']:.3f}; chance is {levels['chance']:.3f}."
)

# %% [markdown]
# A memory longer than one character pays, if one stops in time. Then the network begins
# to learn *these names* instead of how names are built.
#
# ## Does it invent, or does it copy?
#
# Draw a character from the probabilities, feed it back, go on until the dot. Then
# count: how many of the names are copies of training names? The test names, which the
# network never saw, give the comparison.
#
# > **Predict before you run.** Two networks: the one stopped in time, and the one
# > trained on. Whose names look more like names? Whose are more often copies?
# > <details><summary>Answer</summary>Both times the one trained on. Read the samples,
# > then look at the table.</details>


# %%
def invent(p, count, seed=0):
    rng, h = np.random.default_rng(seed), np.zeros((count, len(p["b"])))
    ids, drawn = np.zeros(count, int), []
    for _ in range(LONGEST):
        a = p["W_x"].T[ids] + h @ p["W_h"].T + p["b"]
        h = np.tanh(a)
        logits = h @ p["W_y"].T + p["c"]  # (count, V)
        ids = (logits + rng.gumbel(size=logits.shape)).argmax(1)  # a draw from softmax
        drawn.append(ids)
    texts = ("".join(symbols[i] for i in row) for row in np.transpose(drawn))
    return [text.split(".")[0] for text in texts]


# %%
def copied(invented, part):
    return sum(name in set(part) for name in invented) / len(invented)


samples = {"stopped in time": invent(best, 1000), "trained on": invent(last, 1000)}
for name, invented in samples.items():
    cu.say(f"{name}: {', '.join(invented[:12])}")

# %% [markdown]
# (The largest of *logit plus Gumbel noise* is an exact draw from the softmax. It saves
# a loop.)

# %%
rows = [
    {
        "network": name,
        "copies of training names": f"{copied(invented, parts['train']):.1%}",
        "test names, never seen": f"{copied(invented, parts['test']):.1%}",
        "different names in 1,000": len(set(invented)),
    }
    for name, invented in samples.items()
]
cu.scoreboard(rows)

# %%
early, late = (copied(invented, parts["train"]) for invented in samples.values())
cu.say(
    f"Stopped in time, {early:.1%} of its names are copies. Trained on, {late:.1%} "
    "are, and on names that it has not seen the same network is "
    f"{seen[LONG]['test'] - seen[turn]['test']:.2f} nats worse."
)

# %% [markdown]
# The samples that look best are the least new. So ask of every generator what it has
# memorised. The question comes back with each GAN of this course.
#
# ## Is it luck? Several seeds, several splits
#
# Each seed draws new parts, new first weights and a new order. The same is done with
# `nn.RNN` and the course's `Trainer`. It reads batch first, and marks places that are
# not real by the target -1, which `F.cross_entropy` leaves out.


# %%
class NameModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(len(symbols), HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, len(symbols))

    def forward(self, ids):  # (B, T)
        states, _ = self.rnn(F.one_hot(ids, len(symbols)).float())  # (B, T, H)
        return self.head(states).transpose(1, 2)  # (B, V, T), as cross_entropy wants it


def tensors(part):
    read, following, real = encode(part)
    targets = np.where(real, following, -1)
    return [torch.tensor(array.T).to(device) for array in (read, targets)]  # (B, T)


# %%
def train_library(seed):
    torch.manual_seed(seed)
    parts, net = (
        {name: tensors(part) for name, part in split(seed).items()},
        NameModel(),
    )
    opt = torch.optim.SGD(net.parameters(), RATE, momentum=MOMENTUM)
    trainer = cu.Trainer(net=net, opt=opt)

    def measure(batch):
        return {"loss": F.cross_entropy(net(batch[0]), batch[1], ignore_index=-1)}

    def step(batch):
        metrics = measure(batch)
        trainer.update(opt, metrics["loss"])
        return metrics

    def evaluate():
        return {name: measure(part)["loss"] for name, part in parts.items()}

    batches = cu.Batches(parts["train"], BATCH, seed)
    rows = trainer.fit(step, batches, steps=STEPS, evaluate=evaluate, show=False).epochs
    return min(rows, key=lambda row: row["validation"])["test"]


# %%
def stopped(seen):
    return min(seen.values(), key=lambda found: found["validation"])["test"]


table = {"unigram": [], "bigram": [], "RNN in NumPy": [], "nn.RNN": []}
for seed in SEEDS:
    found = baselines(split(seed))
    table["unigram"].append(found["unigram"])
    table["bigram"].append(found["bigram"])
    table["RNN in NumPy"].append(stopped(train(seed, STEPS)[2]))
    table["nn.RNN"].append(train_library(seed))
table = {name: np.array(values) for name, values in table.items()}

# %% tags=["result"]
gain = table["bigram"] - table["RNN in NumPy"]
cu.claim(
    "Nats per character that the RNN gains over the bigram, mean of the splits",
    gain.mean(),
    at_least=0.05,
    when="oslo" in names,
    form=".3f",
)
cu.say(
    f"From split to split the gain varies by ± {gain.std(ddof=1):.3f} nats. The RNN is "
    f"better in {(gain > 0).sum()} of {len(gain)} splits."
)

# %% [markdown]
# The difference is taken on the *same* split each time. Hard test names are hard for
# both models, so the spread of the difference is smaller than that of either score.
#
# ## How far back does a gradient reach?
#
# A state $k$ steps back reaches the loss through $k$ factors, one a step:
#
# $$\frac{\partial h_T}{\partial h_{T-k}} = D_T W\, D_{T-1} W \cdots, \qquad
# D_t = \operatorname{diag}(1 - h_t^2), \quad W = W_h .$$
#
# First without tanh. Then every $D$ is the identity, and a gradient $g$ becomes
# $(W^{\top})^k g$. In the long run its length is ruled by the *spectral radius* $\rho$,
# the largest absolute eigenvalue of $W$:
#
# $$\lVert (W^{\top})^k g \rVert \sim \rho^k .$$
#
# For $\rho$ times a rotation this is no limit but exact, at every step.


# %%
def lengths(W, slopes, g):  # (R, n, n), (K, R, n), (R, n)
    """The gradient's norm after 0 … K steps back, (K + 1, R)."""
    found = [np.linalg.norm(g, axis=1)]
    for slope in slopes:  # the newest first
        g = np.einsum("rn,rnm->rm", slope * g, W)
        found.append(np.linalg.norm(g, axis=1))
    return np.array(found)


# %% tags=["nbval-check-output"]
k = np.arange(DISTANCE + 1)
rng = np.random.default_rng(0)
rotation, _ = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))
start = np.eye(HIDDEN)[:1]  # (1, n), of length 1
for radius in RADII:
    ones = np.ones((DISTANCE, 1, HIDDEN))
    measured = lengths(radius * rotation[None], ones, start)[:, 0]
    exact = np.abs(measured / radius**k - 1).max() < 1e-9
    print(f"radius {radius}: equal to radius^k to 1e-9:", bool(exact))

# %% [markdown]
# Weights are not rotations. Draw 20 matrices with independent normal entries, and
# rescale each to spectral radius 1.
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
        f"radius {radius:g}": (k, log.mean(1), log.std(1))
        for radius, log in logs.items()
    }
    plot = cu.plots.lines(
        curves,
        xlabel="distance, steps",
        ylabel="log₁₀ of the gradient's norm",
        alt=alt,
        size=(6.5, 3.8),
    )
    axes = plot.axes[0]
    for radius, line in zip(logs, axes.get_lines(), strict=True):
        axes.plot(k, k * np.log10(radius), color=line.get_color(), lw=0.7)
    axes.plot([], [], color="black", lw=0.7, label="theory: radiusᵏ, thin")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return plot


# %% tags=["cover"]
linear = {radius: linear_decay(radius) for radius in RADII}
decay_plot(
    linear,
    alt="Linear network: the logarithm of the gradient's norm is nearly a straight "
    "line for each spectral radius, falling for 0.5 and 0.9, about level for 1, rising "
    "for 1.1 and 1.5. The thin lines of the theory run close above.",
)


# %%
def rate(logs):  # per step, from the second half of the distance
    half = DISTANCE // 2
    return 10 ** ((logs[-1] - logs[half]) / (DISTANCE - half))  # (R,)


for radius in RADII:
    found = rate(linear[radius])
    print(
        f"theory {radius:.3f} a step, measured {found.mean():.3f} ± {found.std():.3f}"
    )

# %%
gaps = [abs(rate(linear[radius]).mean() / radius - 1) for radius in RADII]
cu.claim(
    "Linear network: largest gap between the measured rate and theory",
    max(gaps),
    at_most=0.03,
    form=".1%",
)

# %% [markdown]
# The slopes agree. The *levels* differ by a factor that stays: a random gradient first
# has to turn towards the slowest-fading directions, and loses length on the way. The
# theory is about the rate, in the long run, and there it holds.
#
# Do not confuse the radius with the largest *singular value*. That one bounds every
# single step, and is nearly twice as large here. It gives a bound which is true, and
# far too wide.

# %%
widest = np.linalg.norm(UNIT, 2, axis=(1, 2))
cu.say(
    f"Largest singular value at radius 1: {widest.mean():.2f} ± {widest.std():.2f}. As "
    f"a bound on {DISTANCE} steps it allows growth by {widest.mean() ** DISTANCE:.0e}; "
    f"measured, as a geometric mean: {10 ** linear[1.0][-1].mean():.2f}."
)

# %% [markdown]
# ## And with tanh?
#
# Now each step also multiplies by $1 - h^2$, which is at most 1, and small where a unit
# is *saturated* (near 1 or -1). So we need states: run the network forward with random
# inputs, then go back through it.
#
# > **Predict before you run.** Radius 1.5, with tanh and random inputs. Does the
# > gradient explode?
# > <details><summary>Answer</summary>With these inputs it does not: it fades. Large
# > states saturate, and the slopes undo what the matrix does.</details>


# %%
def tanh_slopes(radius, drive, seed=0):
    rng, h, slopes = np.random.default_rng(seed), np.zeros(FIRST.shape), []
    for _ in range(2 * DISTANCE):  # the first half only forgets the start
        a = np.einsum("rnm,rm->rn", radius * UNIT, h)
        h = np.tanh(a + drive * rng.normal(size=h.shape))
        slopes.append(1 - h**2)
    return np.array(slopes[: -DISTANCE - 1 : -1])  # (K, R, n), the newest first


def tanh_decay(radius, drive):
    slopes = tanh_slopes(radius, drive)
    return np.log10(lengths(radius * UNIT, slopes, FIRST))  # (K + 1, R)


# %%
driven = {radius: tanh_decay(radius, drive=0.5) for radius in RADII}
decay_plot(
    driven,
    alt="With tanh and random inputs the gradient fades for all five radii, for 1.5 "
    "only slowly. Each measured line lies below its theory's thin line.",
)

# %% [markdown]
# The theory is off now, always to the same side. Can it be mended? If gradient and
# matrix know nothing of each other, one step multiplies the squared length on average
# by $\lVert W \rVert_F^2 / n$ times the mean of $(1 - h^2)^2$, where
# $\lVert W \rVert_F^2$ is the sum of all squared weights. The square root of that is a
# rate a step:
#
# $$\text{rate} \approx \frac{\lVert W \rVert_F}{\sqrt{n}}\,
# \sqrt{\overline{(1 - h^2)^2}} .$$

# %%
entries = np.sqrt((UNIT**2).sum((1, 2)) / HIDDEN).mean()  # ‖W‖_F / √n at radius 1
rows, gaps = [], []
for radius in RADII:
    found = rate(driven[radius])
    theory = radius * entries * np.sqrt((tanh_slopes(radius, 0.5) ** 2).mean())
    gaps.append(abs(found.mean() / theory - 1))
    rows.append(
        {
            "spectral radius": radius,
            "linear, measured": f"{rate(linear[radius]).mean():.3f}",
            "tanh, measured": f"{found.mean():.3f} ± {found.std():.3f}",
            "tanh, mended theory": f"{theory:.3f}",
        }
    )
cu.scoreboard(rows)

# %%
cu.claim(
    "With tanh: largest gap between the measured rate and the mended theory",
    max(gaps),
    at_most=0.05,
    form=".1%",
)

# %% [markdown]
# What holds: with tanh, a radius below 1 means vanishing here, and faster than
# $\rho^k$. What does not: a radius above 1 does *not* mean exploding. It makes
# exploding possible, where the states stay small. The mended rule, which knows the
# slopes, comes close. But the slopes are known only after the network has run.
#
# Where is our trained network on this scale?

# %%
new, kept, long = (
    np.abs(np.linalg.eigvals(network["W_h"])).max()
    for network in (new_network(0), best, last)
)
cu.say(
    f"Spectral radius: {new:.2f} when new, {kept:.2f} where training was stopped, "
    f"{long:.2f} after the long run."
)

# %% [markdown]
# PyTorch starts the weights of `nn.RNN` from the same uniform distribution. So a new
# network forgets fast, and training lengthens its memory.
#
# ## Turn the radius
#
# Where does the gradient hold its length over 50 steps, without inputs and with strong
# ones? Is there a setting that is safe for both?


# %%
def show_decay(radius, inputs, kind):
    log = tanh_decay(radius, inputs) if kind == "tanh" else linear_decay(radius)
    found = rate(log)
    return decay_plot(
        {radius: log},
        alt=f"Radius {radius:g}, {kind}: the gradient's norm changes by a factor of "
        f"{found.mean():.3f} a step; after {DISTANCE} steps it is "
        f"{10 ** log[-1].mean():.1e}.",
    )


cu.widgets.explore(
    show_decay,
    radius=(0.1, 2.0, 0.05, 1.0),
    inputs=(0.0, 1.0, 0.1, 0.5),
    kind=["tanh", "linear"],
)

# %% [markdown]
# ## Scoreboard

# %%
rows = [{"model": "chance, ln V", "nats per character": f"{levels['chance']:.3f}"}]
for name, values in table.items():
    rows.append(
        {
            "model": f"{name}, {len(SEEDS)} seeds",
            "nats per character": f"{values.mean():.3f} ± {values.std(ddof=1):.3f}",
        }
    )
cu.scoreboard(rows)

# %% [markdown]
# There is no published figure for these names, so the honest comparison is with the
# baselines above. The spread is mostly the luck of the split, which all rows share.
#
# ## Clinic
#
# ### Patient A: not a number
#
# A colleague finds names too short. They join them to one text and read it 100
# characters at a time. They use ReLU instead of tanh, so that nothing saturates, and
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
        begin = torch.tensor(rng.integers(len(text) - width, size=(1, 16)))
        window = text[begin + torch.arange(width + 1)[:, None]]  # (width + 1, 16)
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
# > <details><summary>Answer</summary>An exploding gradient. ReLU does not saturate: a
# > unit that is on has slope 1 however large it gets. Nothing holds a growing state
# > back, and over 100 steps growth compounds. One step along such a gradient throws the
# > weights so far that the next loss is enormous, or not a number.</details>
#
# The cure is a rule of three lines. The gradient's *direction* is still good; its
# length is not. Take the norm of all gradients together,
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
    alt="Without clipping the norm leaps up and the run ends after a few steps. With "
    "it, some steps have gradients far above the limit too, and the run goes on.",
)

# %%
cu.say(
    f"Clipped, the loss goes from {cured_loss[0]:.3g} to "
    f"{np.mean(cured_loss[-10:]):.2f} nats in {len(cured_loss)} steps; chance is "
    f"{levels['chance']:.2f}. {np.mean(np.array(cured_norms) > 1):.0%} of the steps "
    f"were clipped; the largest norm was {max(cured_norms):.2g}."
)

# %% [markdown]
# ### Patient B: the lost first bit
#
# Another colleague wants the *first* of $T$ random bits named after the last. With
# $T = 5$ it is learned at once. With $T = 30$ the loss does not move. "My gradients are
# wild", they think, and clip.


# %%
def first_bit(T, clip=math.inf, steps=200):
    torch.manual_seed(0)
    rnn, head = nn.RNN(1, 32), nn.Linear(32, 2)
    parameters = [*rnn.parameters(), *head.parameters()]
    opt, curve = torch.optim.Adam(parameters, 5e-3), []
    for _ in range(steps):
        bits = torch.randint(2, (T, 64, 1))
        states, _ = rnn(2.0 * bits - 1)  # (T, 64, 32)
        loss = F.cross_entropy(head(states[-1]), bits[0, :, 0])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, clip)
        opt.step()
        curve.append(loss.item())
    return range(1, steps + 1), curve


# %%
bits = {
    "T = 5": first_bit(5),
    "T = 30": first_bit(30),
    "T = 30, clipped at 0.1": first_bit(30, clip=0.1),
    "chance, ln 2": ((1, 200), (math.log(2), math.log(2))),
}
cu.plots.lines(
    bits,
    xlabel="step",
    ylabel="loss",
    alt="With 5 steps the loss falls to zero at once; with 30 steps it stays at "
    "chance, clipped or not.",
)


# %%
def reach_of(T):
    torch.manual_seed(0)
    rnn, head = nn.RNN(1, 32), nn.Linear(32, 2)
    bits = torch.randint(2, (T, 64, 1))
    _, first = rnn(2.0 * bits[:1] - 1)  # (1, 64, 32), after the first bit
    after, _ = rnn(2.0 * bits[1:] - 1, first)
    loss = F.cross_entropy(head(after[-1]), bits[0, :, 0])
    near, far = torch.autograd.grad(loss, [after, first])
    return (far.norm() / near[-1].norm()).item()


cu.say(
    "Share of the last state's gradient that reaches the first, before training: "
    f"{reach_of(5):.1e} for T = 5, {reach_of(30):.1e} for T = 30."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>A vanishing gradient. What the first bit should
# > change arrives multiplied by next to nothing, under the noise of the bits after it.
# > Clipping only ever makes a gradient shorter. Making it longer would not help either:
# > all steps share one gradient, so the recent ones would grow as much. The *network*
# > has to change, so that something is carried on without being multiplied each time.
# > Lesson 22 builds it.</details>
#
# ## Exercises
#
# ### Exercise 21.1 · Nats per character
#
# `losses`, (N, T), holds $-\log p$ of each character of N names. Name $i$ has
# `lengths[i]` characters; what stands behind them is rubbish. Write
# `nats(losses, lengths)`: the mean over all real characters.


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
# $\rho^k$, fallen to `share` of its length or below? The smallest whole number, with no
# harm from floats: `reach(0.8, 0.64)` is 2. For a radius of 1 or more it never does:
# return `math.inf`.

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
# With a small leak the straight way multiplies a gradient by nearly 1 a step. It is the
# simplest cure for patient B, and the idea behind the next lesson.
#
# ### Open challenge
#
# Beat the RNN of the scoreboard on the same five splits: fewer units, weight decay,
# dropout, an average of several networks, a bigram mixed in. Decide on the validation
# part, and look at the test part once. Or put your own list of names, one a line, into
# `names`: dinosaurs, villages, pharaohs.

# %% [markdown]
# ## Summary
#
# - A recurrent network is one small network, used at every step, with a state handed
#   on. Its gradient walks back the same way and adds up over the steps.
# - Compare a hand-written gradient with a trusted one. A falling loss proves nothing.
# - A gradient over $k$ steps goes as a rate to the power of $k$. Without tanh the rate
#   is the spectral radius. With tanh it is smaller, by what the slopes take away.
# - Clipping cures explosions. It cannot cure vanishing.
# - Use a plain RNN where a handful of steps is memory enough, and where it must be
#   tiny. Do not use it where something has to be remembered for long: take an LSTM or a
#   GRU (lesson 22). With little data, an n-gram is the baseline to beat.
#
# **Quiz**
#
# 1. How many parameters has a plain RNN of 64 units that reads 29 symbols, with one
#    bias, without its output layer?
#    <details><summary>Answer</summary>64 · 29 + 64 · 64 + 64 = 6,016, whatever the
#    length of the text.</details>
# 2. Spectral radius 0.8, no tanh: what is left of a gradient after 20 steps?
#    <details><summary>Answer</summary>About 0.8 to the power of 20, which is 0.012: one
#    part in 87.</details>
# 3. Radius 1.2, with tanh. Does the gradient explode?
#    <details><summary>Answer</summary>It depends on the states. With small ones it can;
#    with strong inputs the units saturate and it fades.</details>
# 4. Does clipping at a norm of 1 change a step whose gradient has norm 0.3?
#    <details><summary>Answer</summary>No. This is also why it cannot help a gradient
#    that vanishes.</details>
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
# neural networks*, Physical Review Letters 61 (1988), for the mended rule's origin.

# %% [markdown] tags=["instructor"]
# **Instructor.** 80 minutes: 10 to the baselines, 20 for the equations and the
# comparison with autograd (let the room find δ for the last step first), 10 while it
# trains, 15 for the decay plots, 10 for the clinic, 15 for exercises.
#
# Common beliefs: that each step has weights of its own; that a falling loss proves the
# gradient; that a radius above 1 always explodes (the tanh plot answers); that clipping
# is a general medicine for recurrent networks (patient B answers); that samples which
# look right are new. Question for the room: why does *scaling up* a vanished gradient
# not help? If short of time, skip the mended theory and exercise 21.1.
