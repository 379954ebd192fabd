# %% [markdown]
# # 23 · Text generation
#
# *Counting first, then an LSTM that carries its state through a whole play; nats per
# character on all of the validation text; and what sampling trades for what.*
#
# ![Diversity against likelihood for three ways of sampling: each is a curve, and the
# real text is a single point beside them.](../notebooks/images/23.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 22; lesson 21 helps.
#
# After this lesson you can
#
# - build an n-gram model with Witten-Bell smoothing, the baseline that most texts on
#   neural networks leave out;
# - train an LSTM on a long text, with truncated backpropagation and a carried state;
# - measure nats per character in a way that others can compare with;
# - see where in a text a network is surprised, and be careful with what a unit "means";
# - sample with temperature, top-k and nucleus, and measure what each of them costs;
# - compare models fairly: in the same seconds, on the same characters.

# %%
import re
import textwrap
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

# %%
DATA = "tinyshakespeare"  # or a text of your own: "datasets/diary.txt"
ORDERS = range(1, 8)  # of the n-grams
BATCH, LENGTH = cu.budget(cpu=(16, 64), gpu=(64, 128))  # rows, characters of a window
HIDDEN, LAYERS = cu.budget(cpu=(256, 1), gpu=(512, 3))  # of the LSTM
DROPOUT, PEAK = cu.budget(cpu=(0.1, 8e-3), gpu=(0.5, 2e-3))
STEPS = cu.budget(cpu=2_300, gpu=7_300)
PASSES = cu.budget(cpu=20, gpu=60)  # at most, through a short text
CONTEXT, WIDTH = cu.budget(cpu=(64, 128), gpu=(256, 384))  # of the rival
HEADS, DEPTH = cu.budget(cpu=(4, 4), gpu=(6, 6))
RIVAL_DROPOUT, RIVAL_PEAK = cu.budget(cpu=(0.0, 6e-3), gpu=(0.2, 1e-3))
RIVAL_STEPS = cu.budget(cpu=800, gpu=5_000)  # cpu: as many seconds as the LSTM
SAMPLES = cu.budget(cpu=16, gpu=24)  # texts in each of SETS, for each way of sampling
SETS, LEAD, PIECE = 5, 100, 500  # sets of contexts; characters to go on from, to write
TEMPERATURES = cu.budget(cpu=[0.3, 0.5, 0.7, 0.85, 1.0, 1.2], gpu=[0.3, 0.5, 0.7, 1.0])
TOP_K = cu.budget(cpu=[2, 3, 5, 10, 20, 40], gpu=[2, 3, 5, 10, 20, 40])
NUCLEUS = cu.budget(cpu=[0.5, 0.7, 0.8, 0.9, 0.97, 1.0], gpu=[0.5, 0.7, 0.8, 0.9, 1.0])
CLINIC = cu.budget(cpu=150, gpu=150)

device = cu.start(seed=0)

# %% [markdown]
# ## What is there to read?
#
# Unless you put in a text of your own: about a million characters of Shakespeare, known
# as *tiny Shakespeare*. After each character, the model has to say what comes next. If
# the file can't be downloaded, you get docstrings of Python's standard library, and
# everything below is about those.

# %%
data = cu.data.load(DATA)
windows = data.windows(BATCH, LENGTH)  # more about them below
V = len(data.symbols)
print(data.decode(data.train[:250]))

# %%
cu.say(
    f"{len(data.train):,} characters to learn from, {len(data.validation):,} to "
    f"validate on, {V} different symbols; source: {data.source}."
)

# %% [markdown]
# The first nine tenths are for learning, the last tenth is for validation. We cut by
# *position*. If we drew short pieces at random instead, most validation pieces would
# have their neighbours in the training part: the same scene, the same names.
#
# The score is that of lesson 21: the mean of $-\log p$ over all characters, in *nats*.
# (Many papers give *bits per character*. One bit is $\ln 2 \approx 0.693$ nats, so
# divide by that.) A model that knows nothing scores $\ln V$.
#
# ## How far does counting get?
#
# An *n-gram* model looks at the last $n - 1$ characters, the context $h$, and asks what
# followed them in the training text. Let $c(h)$ be how often $h$ occurred, and $c(hx)$
# how often $x$ came next. The share $c(hx) / c(h)$ is zero for everything that never
# occurred, and a single zero makes the whole text impossible. So we have to set some
# probability aside.
#
# How much? Count how many *different* characters have followed $h$, and call it $T(h)$.
# A context that keeps bringing something new will probably do so again. Witten and Bell
# treat "something new" as an event that has occurred $T(h)$ times, and pass its share
# on to the context that is one character shorter, $h'$:
#
# $$p(x \mid h) = \frac{c(hx) + T(h)\, p(x \mid h')}{c(h) + T(h)} .$$
#
# The shortest context is no context at all, and below that everything gets $1/V$.
#
# > **Predict before you run.** Contexts of 0 to 6 characters, learned from a million.
# > Is the longest the best?
# > <details><summary>Answer</summary>On the training text, yes. On the validation text
# > there is an order from which it gets worse: most long contexts never occurred, or
# > occurred once, and what followed that one time is trusted too much.</details>
#
# To be quick, we don't loop over characters. A run of $n$ symbols becomes one whole
# number; sorting finds the equal ones, and a search finds those of another text. (With
# very many symbols the number overflows. It is then still a good hash.)


# %%
def codes(ids, n):  # each run of n symbols as one number, (N - n + 1,)
    code = np.zeros(len(ids) - n + 1, np.int64)
    for i in range(n):
        code = code * (V | 1) + ids[i : i + len(code)]
    return code


# %%
def count(ids, order):
    tables = []
    for n in range(1, order + 1):
        grams, first, seen = np.unique(codes(ids, n), True, False, True)
        before = codes(ids, n - 1)[first]  # the context of each gram
        contexts, which, kinds = np.unique(before, False, True, True)
        totals = np.bincount(which, seen)
        tables.append((grams, seen, contexts, totals, kinds))  # c(hx), c(h), T(h)
    return tables


# %%
def look_up(keys, values, wanted):  # what belongs to each wanted key, or 0
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


# %%
def witten_bell(tables, ids, before):  # -log p of each symbol, (orders, N)
    text, p, losses = np.concatenate([before, ids]), 1 / V, []
    for n, (grams, seen, contexts, totals, kinds) in enumerate(tables, 1):
        context = codes(text, n - 1)[:-1][-len(ids) :]  # what stands before each symbol
        c_hx = look_up(grams, seen, codes(text, n)[-len(ids) :])
        c_h, T_h = (look_up(contexts, table, context) for table in (totals, kinds))
        p = np.where(c_h > 0, (c_hx + T_h * p) / np.maximum(c_h + T_h, 1), p)
        losses.append(-np.log(p))
    return np.array(losses)


# %% [markdown]
# A context that never occurred has $c(h) = T(h) = 0$, and simply passes everything on
# to the shorter one. Is the result a distribution? After any context, the probabilities
# of all $V$ symbols must add up to one.

# %%
train, validation = data.train.cpu().numpy(), data.validation.cpu().numpy()
tail = train[1 - max(ORDERS) :]  # what comes before the first validation character
tables = count(train[:5000], 5)
contexts = [validation[i : i + 4] for i in range(0, 500, 50)]

# %% tags=["nbval-check-output"]
for order in (1, 3, 5):
    sums = [
        sum(
            np.exp(-witten_bell(tables, np.array([x]), h)[order - 1, 0])
            for x in range(V)
        )
        for h in contexts
    ]
    print(f"order {order}: all sums are 1 to 1e-9:", bool(np.ptp([1, *sums]) < 1e-9))

# %%
began = time.perf_counter()
tables = count(train, max(ORDERS))
counted = witten_bell(tables, validation, tail)  # (orders, N)
ngram_seconds = time.perf_counter() - began
levels = counted.mean(1)
some = train[: len(validation) + len(tail)]
memorised = witten_bell(tables, some[len(tail) :], some[: len(tail)]).mean(1)
best_order = int(levels.argmin()) + 1
del tables  # they are large

# %%
cu.plots.lines(
    {"training part": (ORDERS, memorised), "validation part": (ORDERS, levels)},
    xlabel="order n of the n-gram",
    ylabel="nats per character",
    baselines={"chance, ln V": np.log(V)},
    size=(9.5, 3.2),
    alt=f"Nats per character against the order, from {levels[0]:.2f} at order 1. On "
    f"the training part order {max(ORDERS)} has {memorised[-1]:.2f}; on the validation "
    f"part the lowest is {levels[best_order - 1]:.2f} at order {best_order}, and order "
    f"{max(ORDERS)} has {levels[-1]:.2f}.",
)

# %%
on_shakespeare = data.source == "tinyshakespeare"
cu.claim(
    "Nats per character of order 5, on all of the validation part",
    levels[4],
    at_least=1.66,
    at_most=1.68,
    when=on_shakespeare,
    form=".3f",
)
cu.say(
    f"The best order is {best_order}, with {levels[best_order - 1]:.3f} nats per "
    f"character on all {len(validation):,} of them. Chance has {np.log(V):.3f}. "
    f"Counting and scoring all seven orders took {ngram_seconds:.1f} s."
)

# %% [markdown]
# Keep this number. Everything that follows has to earn its cost against it.
#
# ## How do you read a text without end?
#
# Backpropagation through a million steps is out of the question. *Truncated*
# backpropagation through time goes back over one window only. But the *state* is
# carried on: the network starts each window with what it remembered at the end of the
# last one. Forward it reads one long text; backward it sees one window.
#
# For this, the windows have to come in order. We cut the text into as many rows as the
# batch has, and read all rows from left to right. Here are the beginnings of three rows
# (they come from three distant places), with windows of 16 characters in different
# shades. A batch is one shade: a window of each row.

# %%
beginnings = data.train[: len(data.train) // 3 * 3].view(3, -1)[:, :96]  # (3, 96)
beginnings = data.decode(beginnings.flatten()).replace("\n", "↵")
shades = np.arange(len(beginnings)) % (len(beginnings) // 3) // 16
cu.plots.characters(
    beginnings,
    shades,
    value="window",
    limits=(0, 8),
    alt="The beginnings of three rows of the text, one below the other, cut at the "
    f"same places into {shades.max() + 1} windows in darker and darker shades.",
)

# %% tags=["nbval-check-output"]
inputs, targets = next(iter(windows))  # (B, T), (B, T)
print(
    "targets are the inputs moved on by one:",
    torch.equal(inputs[:, 1:], targets[:, :-1]),
)

# %% [markdown]
# Is carrying the state really the same as reading on? Forward it must be, apart from
# rounding. Backward it must not be: the first window gets nothing from the loss of the
# second.

# %%
lstm = nn.LSTM(5, 8, batch_first=True).double()
x = torch.randn(3, 20, 5, dtype=torch.double, requires_grad=True)  # (B, T, 5)
whole, _ = lstm(x)  # (B, T, 8)
first, state = lstm(x[:, :10])
second, _ = lstm(x[:, 10:], tuple(part.detach() for part in state))

# %% tags=["nbval-check-output"]
same = torch.allclose(torch.cat([first, second], 1), whole, rtol=0, atol=1e-9)
(full,) = torch.autograd.grad(whole[:, 10:].sum(), x)
(cut,) = torch.autograd.grad(second.sum(), x)
print("forward, carried equals whole to 1e-9:", same)
print("backward, the whole reaches the first half:", bool(full[:, :10].any()))
print("backward, carried and detached does not:", not cut[:, :10].any())

# %% [markdown]
# `detach` is what truncates. Without it, PyTorch would try to go back through the graph
# of the previous window, which is gone.
#
# ## The network
#
# An LSTM from lesson 22, which reads a small learned vector for each symbol. Two old
# habits are meant to help it get started: recurrent weights that keep lengths
# (orthogonal), and a forget gate that starts open (its bias is 1).


# %%
class CharLSTM(nn.Module):
    def __init__(self, hidden=HIDDEN, layers=LAYERS, dropout=DROPOUT):
        super().__init__()
        self.embed = nn.Embedding(V, 48)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(48, hidden, layers, batch_first=True, dropout=between)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, V)
        for name, weights in self.lstm.named_parameters():
            if name.startswith("weight_hh"):
                for gate in weights.data.chunk(4):
                    nn.init.orthogonal_(gate)
            if name.startswith("bias_ih"):
                weights.data[hidden : 2 * hidden] = 1.0  # the forget gate

    def forward(self, ids, state=None):  # (B, T), the state that is carried or None
        outputs, state = self.lstm(self.embed(ids), state)  # (B, T, H)
        return self.head(self.drop(outputs)), state  # (B, T, V)


# %% [markdown]
# A run that was interrupted in the middle of an epoch must go on with what it
# remembered. So the carried state is a part of the trainer, saved with the weights.


# %%
class Carried(nn.Module):
    def __init__(self, lstm, size):
        super().__init__()
        shape = (lstm.num_layers, size, lstm.hidden_size)
        self.register_buffer("h", torch.zeros(shape))
        self.register_buffer("c", torch.zeros(shape))

    def keep(self, state):
        self.h.copy_(state[0].detach())
        self.c.copy_(state[1].detach())


# %% [markdown]
# ## How does it write?
#
# Give it something to go on from, take the probabilities of what comes next, draw one
# character, feed it back, and so on. `pick` turns logits into probabilities; for now it
# is the plain softmax.


# %%
def softmax(logits):  # (B, V) -> (B, V)
    return logits.softmax(-1)


# %%
@torch.no_grad()
def write(net, ids, length, seed=0, pick=softmax):  # (B, T) -> (B, length)
    generator = torch.Generator(device).manual_seed(seed)
    state, drawn = None, []
    for _ in range(length):
        logits, state = net(ids, state)  # (B, T, V); after the first round, T is 1
        ids = torch.multinomial(pick(logits[:, -1].float()), 1, generator=generator)
        drawn.append(ids)
    return torch.cat(drawn, 1)


# %%
PROMPTS = [data.decode(part[:12]) for part in np.array_split(validation, 4)]
if on_shakespeare:
    PROMPTS = ["The king ", "O, what ", "To be, or not to ", "ROMEO:\n"]
opening = data.encode(PROMPTS[-1])[None]  # (1, T)

# %% [markdown]
# ## How is it measured?
#
# On *every* character of the validation part, with a carried state. To be quick, we
# read 32 stretches of it side by side. Each stretch gets a run-up: the 256 characters
# before it are read but not counted. So each character is predicted exactly once, and
# never by a network that has just woken up.


# %%
def rows(warm, length):  # each validation character once, `warm` characters before it
    text = torch.cat([data.train, data.validation])
    starts = torch.arange(len(data.train), len(text), length, device=device)
    offsets = torch.arange(-warm, length, device=device)
    place = starts[:, None] + offsets  # (R, warm + length)
    counts = (offsets >= 0) & (place < len(text))
    place = place.clamp(1, len(text) - 1)
    return text[place - 1], text[place], counts


# %%
@torch.no_grad()
def losses_of(net, warm=256, length=None):  # -log p of each character, (N,)
    length = length or -(-len(data.validation) // 32)
    block = max(32, 2048 // (warm + length))  # rows at a time
    inputs, targets, counts = rows(warm, length)  # each (R, warm + length)
    losses = torch.zeros(targets.shape, device=device)  # once: pieces fill the memory
    for some in zip(*(p.split(block) for p in (inputs, targets, losses)), strict=True):
        state = None
        for x, y, loss in zip(*(p.split(256, 1) for p in some), strict=True):
            logits, state = net(x, state)  # (R, T, V)
            loss.copy_(F.cross_entropy(logits.transpose(1, 2), y, reduction="none"))
    return losses[counts].cpu().double()  # not every device has float64


# %% [markdown]
# We'd like to watch it learn: at a few moments of the training, measure the validation
# loss and let it write. We also keep the seconds that looking takes, so that we don't
# count them as training.


# %%
def moments(steps):  # at which to look
    shares = (1 / 32, 1 / 8, 1 / 2, 1)
    return {int(np.ceil(share * steps)) for share in shares}


# %%
def look(net, *measures):  # what each of them finds, and the seconds that took
    began = time.perf_counter()
    net.eval()
    found = [measure(net) for measure in measures]
    net.train()
    return *found, time.perf_counter() - began


# %% [markdown]
# ## Training
#
# The learning rate rises and falls once over the whole training, and the gradient is
# clipped at a norm of 1. The budget is a number of *steps*, but a short text is not
# read more than `PASSES` times, or it would be learned by heart.
#
# > **Predict before you run.** The best n-gram needed a few seconds. After how many
# > passes through the text will the LSTM be as good?
# > <details><summary>Answer</summary>On Shakespeare, between one and three. The samples
# > below tell, and so does a figure further down.</details>


# %%
def mean_loss(net):
    return losses_of(net).mean().item()


def sample_of(net):
    return data.decode(write(net, opening, 150)[0])


# %%
steps = min(STEPS, PASSES * len(windows))
torch.manual_seed(0)
net = CharLSTM()
opt = torch.optim.Adam(net.parameters(), PEAK)
rate = OneCycleLR(opt, PEAK, total_steps=steps)
carried, album = Carried(net.lstm, BATCH), cu.Kept()  # the album is saved, too
parts = {"net": net, "opt": opt, "rate": rate, "carried": carried, "album": album}
trainer = cu.Trainer("runs/23", **parts)


# %%
def step(batch):
    inputs, targets = batch  # (B, T), (B, T)
    begins = trainer.steps % len(windows) == 0  # an epoch begins: nothing to remember
    state = None if begins else (carried.h, carried.c)
    logits, state = net(inputs, state)  # (B, T, V)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    trainer.update(opt, loss, clip=1.0)
    rate.step()
    carried.keep(state)
    done = trainer.steps + 1
    if done in moments(steps):
        album[done] = look(net, mean_loss, sample_of)
    return {"loss": loss}


# %%
history = trainer.fit(step, windows, steps=steps)

# %% [markdown]
# How did it learn to write? Here is what it wrote at each of these moments, always from
# the same beginning and with the same dice.

# %%
for done, (level, text, _) in album.items():
    print(f"---- step {done:,}, validation loss {level:.2f} nats")
    print(f"{PROMPTS[-1]}{text}\n")

# %% [markdown]
# What comes first: the length of words, line breaks, short words, names, grammar? In
# each sample, look for something that was not yet right in the one before.

# %%
net.eval()
lstm_losses = losses_of(net).numpy()  # (N,)
reached = lstm_losses.mean()
gains = counted[best_order - 1] - lstm_losses  # (N,), over the best n-gram

# %% tags=["result"]
cu.claim(
    "Nats per character of the LSTM, on all of the validation part",
    reached,
    at_most=1.62,
    when=on_shakespeare,
    form=".3f",
)
cu.say(
    f"That took {steps:,} steps, {steps / len(windows):.1f} passes through the text. "
    f"The best n-gram has {levels[best_order - 1]:.3f} on the same {len(validation):,} "
    "characters."
)

# %% [markdown]
# One run is one run, and one text is one text. How much does the seed matter? We tried
# three of them on Shakespeare with 784 steps and a peak rate of 4e-3, and got 1.870,
# 1.855 and 1.847 nats: so the seed moves the second decimal. For the text, here is a
# cheap look: cut the validation part into ten stretches, and compare the two models on
# each.

# %%
stretches = [part.mean() for part in np.array_split(gains, 10)]
cu.say(
    f"From the n-gram to the LSTM, the loss falls by {np.mean(stretches):.3f} nats on "
    f"average, from {min(stretches):.3f} in one stretch to {max(stretches):.3f} in "
    "another."
)
cu.claim(
    "Nats by which the LSTM leads the best n-gram, on average",
    np.mean(stretches),
    at_least=0.03,
    when=on_shakespeare,
    form=".3f",
)
cu.say(f"It leads in {sum(gain > 0 for gain in stretches)} of the 10 stretches.")

# %% [markdown]
# ## Where is it surprised?
#
# A mean hides a lot. On Shakespeare, about three quarters of the LSTM's lead come from
# the last three of the ten stretches (Patient A in the clinic shows them). And within a
# stretch? Let's colour a piece of the validation text by the loss of each character:
# the darker, the less the LSTM expected it.

# %%
start = len(validation) * 2 // 5
excerpt = slice(start, start + 420)
worst = data.decode([validation[excerpt][lstm_losses[excerpt].argmax()]])
cu.plots.characters(
    data.decode(validation[excerpt]),
    lstm_losses[excerpt],
    value="loss, nats",
    limits=(0, 6),
    alt="Validation text, each character on ground as dark as its loss under the LSTM, "
    f"{lstm_losses[excerpt].mean():.2f} nats on average. The greatest surprise is "
    f"{worst!r}, with {lstm_losses[excerpt].max():.1f}.",
)

# %% [markdown]
# And where does the LSTM know more than the best n-gram? Red: it does, and blue: the
# n-gram knew better.

# %%
cu.plots.characters(
    data.decode(validation[excerpt]),
    gains[excerpt],
    value="gain of the LSTM, nats",
    limits=(-4, 4),
    alt=f"The same text. The LSTM is better on {(gains[excerpt] > 0).mean():.0%} of "
    f"the characters; its mean gain here is {gains[excerpt].mean():.2f} nats.",
)


# %%
def since(marks):  # (..., T): how many characters ago the last mark was
    place = np.arange(marks.shape[-1])
    return place - np.maximum.accumulate(np.where(marks, place, -1), -1)


# %%
letter = np.array([symbol.isalnum() for symbol in data.symbols])  # (V,)
upper = np.array([symbol.isupper() for symbol in data.symbols])
newline = np.array([symbol == "\n" for symbol in data.symbols])
place = since(~letter[validation])  # 1: the first letter of a word, 0: not a letter
groups = {"first": place == 1, "second": place == 2, "third": place == 3}
groups = {**groups, "later": place > 3, "no letter": place == 0}
if on_shakespeare:  # a line of its own, after an empty one, up to the colon
    names = re.finditer(r"(?<=\n\n).+:(?=\n)", data.decode(validation))
    groups["speaker's name"] = np.zeros(len(validation), bool)
    for found in names:
        groups["speaker's name"][slice(*found.span())] = True

# %%
cu.scoreboard(
    [
        {
            "kind of character": name,
            "share of the text": f"{where.mean():.0%}",
            f"{best_order}-gram, nats": f"{counted[best_order - 1][where].mean():.2f}",
            "LSTM, nats": f"{lstm_losses[where].mean():.2f}",
        }
        for name, where in groups.items()
        if where.any()
    ]
)

# %% [markdown]
# A word's first letter is where a new thing is said: no group is harder, for either
# model. Compare the two models row by row, too. On Shakespeare the LSTM does *not* know
# more everywhere: from the fourth letter of a word on, the n-gram is the better
# speller, and more than half of the LSTM's lead comes from what is no letter, the
# spaces, line breaks and punctuation. In the excerpt above it is better on fewer than
# half of the characters. A lead in the mean can come from a few large gains. The last
# row, which cuts across the others, shows where they are: the names of the speakers are
# 7% of the text, and about two thirds of the lead.
#
# ## Does a single unit mean something?
#
# Karpathy found units in such networks that count the characters of a line, or turn on
# inside quotes. Let's search: for each of a few things that a reader keeps track of,
# which unit's memory follows it most closely? We choose the unit in the first half of
# the rows, and measure its correlation in the second half.
#
# But what would such a correlation tell us? With hundreds of units, some will follow
# anything. So we do the same search in *untrained* networks.


# %%
@torch.no_grad()
def memories(net, ids):  # (R, T) -> (R, T, H): tanh of the last layer's cell
    state, found = None, []
    for column in ids.split(1, 1):
        _, state = net.lstm(net.embed(column), state)
        found.append(state[1][-1].tanh())
    return torch.stack(found, 1).cpu().numpy()


# %%
def search(memory, feature):  # (R, T, H), (R, T): the best unit, its |r| on other rows
    def correlations(rows):
        units = memory[rows].reshape(-1, memory.shape[2])  # (N, H)
        x = feature[rows].ravel() - feature[rows].mean()
        units = units - units.mean(0)
        return x @ units / np.sqrt((x @ x) * (units**2).sum(0) + 1e-12)

    half = len(memory) // 2
    unit = np.abs(correlations(slice(0, half))).argmax()
    return unit, correlations(slice(half, None))[unit]


# %%
ROWS = 8
T = min(1000, len(validation) // ROWS)
read = validation[: ROWS * T].reshape(ROWS, T)  # (R, T)
features = {
    "characters since the last line break": np.log1p(since(newline[read])),
    "letters since the word began": np.log1p(since(~letter[read])),
    "this is a capital": upper[read].astype(float),
    "a capital in the last 5": (since(upper[read]) < 5).astype(float),
}

# %%
ids = torch.tensor(read, device=device)
torch.manual_seed(0)
trained = memories(net, ids)  # (R, T, H)
others = [memories(CharLSTM().to(device), ids) for _ in range(3)]  # as new
warm = slice(T // 5, None)  # what comes before is a run-up

# %%
units = {
    name: [search(memory[:, warm], feature[:, warm]) for memory in (trained, *others)]
    for name, feature in features.items()
    if feature[:, warm].std() > 0
}
cu.scoreboard(
    [
        {
            "what a reader keeps track of": name,
            "unit": own[0],
            "trained, |r|": f"{abs(own[1]):.2f}",
            "untrained, |r|, best of 3 networks": f"{max(abs(r) for _, r in rest):.2f}",
        }
        for name, (own, *rest) in units.items()
    ]
)


# %%
def beyond(name):  # how much more closely a unit of the trained network follows it
    own, *rest = units[name]
    return abs(own[1]) - max(abs(r) for _, r in rest)


# %%
name = max(units, key=beyond)
unit, r = units[name][0]
there = slice(T // 5, T // 5 + 400)
cu.plots.characters(
    data.decode(read[-1, there]),
    trained[-1, there, unit],
    value=f"unit {unit}",
    limits="signed",
    alt=f"Validation text, each character coloured by the memory of unit {unit}, whose "
    f"correlation with '{name}' is {r:.2f}.",
)

# %%
cu.say(
    f"What training adds most to is '{name}': {abs(r):.2f} in the trained network, "
    f"{abs(r) - beyond(name):.2f} in the best untrained one. For "
    f"{sum(beyond(each) < 0.1 for each in units)} of the {len(units)} things, the best "
    "unit of an untrained network comes within 0.1 of the trained one or is better."
)

# %% [markdown]
# So a unit that follows something has not necessarily *learned* to. Even an untrained
# LSTM keeps a fading trace of what it has just read, and among hundreds of units one
# may follow something by that alone. Nor does a strong correlation say that we have
# found the right *name* for the unit. Look at the colours again: on Shakespeare, in our
# run, unit 248 hardly notices the capitals that begin a line. It turns in the names of
# speakers, which are written in capitals, and already at the line break before them.
# Nor, last, does it say that the network *uses* the unit. For that you would have to
# change it and see what happens, as lesson 22 does.

# %% [markdown]
# ## What is the carried state worth?
#
# The same network, the same text, but now its state is emptied every 8, 16, 32, …
# characters. What does that cost?

# %%
spans = [8, 16, 32, 64, 128, 256]
emptied = [losses_of(net, 0, span).mean().item() for span in spans]

# %%
cu.plots.lines(
    {"emptied": (spans, emptied), "carried": (spans, [reached] * len(spans))},
    xlabel="characters between two emptyings",
    ylabel="nats per character",
    log="x",
    baselines={f"{best_order}-gram": levels[best_order - 1]},
    size=(9.5, 3.2),
    alt="Nats per character against how often the state is emptied, from "
    f"{emptied[0]:.2f} at every {spans[0]} characters to {emptied[-1]:.2f} at every "
    f"{spans[-1]}; carried, it is {reached:.2f}.",
)

# %%
cu.claim(
    "Nats per character that it costs to empty the state every 64 characters",
    emptied[3] - reached,
    at_least=0.05,
    when=on_shakespeare,
    form=".3f",
)
cu.say(
    "Without any run-up, our own 32 stretches would have cost "
    f"{losses_of(net, warm=0).mean() - reached:.4f} nats more."
)

# %% [markdown]
# A benchmark on separate windows pays for a cold start in each of them. You can compare
# two figures only if they treat the beginnings alike. But don't read the price as the
# worth of the lost context alone. This network has met an empty state only once per
# epoch, so it had hardly any practice in starting from nothing; one trained on separate
# windows might pay less. To tell the two apart, you would have to train that one as
# well.
#
# ## Which model wins in the same time?
#
# Today's rival is a *transformer*. It has no state: it looks at all characters of a
# window at once and learns where to look (how it does that is for another course). Here
# is a small one from PyTorch's own layers. Under the `cpu` profile it has the size of
# nanoGPT's configuration for laptops, under `gpu` that of its configuration for a large
# GPU. It reads shuffled windows, and each validation character is predicted with at
# least half a window before it.
#
# To be fair, it gets about as many *seconds* as the LSTM. On a CPU, that is about a
# third as many steps. Both have the same kind of schedule, and both peak rates were
# searched beforehand, one seed each on Shakespeare. LSTM, 2,700 steps: 1.61 nats with
# 4e-3, 1.57 with 8e-3, 1.58 with 16e-3. Transformer, 900 steps: 1.99 with 1e-3, 1.90
# with 3e-3, 1.87 with 6e-3, 1.88 with 12e-3. (They were chosen by their validation
# loss, which flatters both a little.)


# %%
class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.symbol, self.place = nn.Embedding(V, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        shape = (WIDTH, HEADS, 4 * WIDTH, RIVAL_DROPOUT, "gelu")
        layer = nn.TransformerEncoderLayer(*shape, batch_first=True, norm_first=True)
        norm, nested = nn.LayerNorm(WIDTH), {"enable_nested_tensor": False}
        self.body = nn.TransformerEncoder(layer, DEPTH, norm, **nested)
        self.head = nn.Linear(WIDTH, V)
        for weights in self.parameters():
            if weights.ndim == 2:
                nn.init.normal_(weights, std=0.02)

    def forward(self, ids, state=None):  # it carries no state
        T = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(T, ids.device)
        x = self.symbol(ids) + self.place.weight[:T]  # (B, T, WIDTH)
        return self.head(self.body(x, mask, is_causal=True)), None  # (B, T, V)


# %%
def rival_loss(net):
    half = CONTEXT // 2
    return losses_of(net, half, CONTEXT - half).mean().item()


# %%
pieces = data.train.unfold(0, CONTEXT + 1, CONTEXT)  # (N / CONTEXT, CONTEXT + 1), views
shuffled = cu.Batches((pieces[:, :-1], pieces[:, 1:]), min(BATCH, len(pieces)))
rival_steps = -(-RIVAL_STEPS * steps // STEPS)  # rounded up

# %%
torch.manual_seed(0)
rival = Transformer()
rival_opt = torch.optim.Adam(rival.parameters(), RIVAL_PEAK)
rival_rate = OneCycleLR(rival_opt, RIVAL_PEAK, total_steps=rival_steps)
rival_album = cu.Kept()
rival_trainer = cu.Trainer(
    "runs/23-rival", net=rival, opt=rival_opt, rate=rival_rate, album=rival_album
)


# %%
def rival_step(batch):
    inputs, targets = batch  # (B, T), (B, T)
    logits, _ = rival(inputs)  # (B, T, V)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    rival_trainer.update(rival_opt, loss, clip=1.0)
    rival_rate.step()
    done = rival_trainer.steps + 1
    if done in moments(rival_steps):
        rival_album[done] = look(rival, rival_loss)
    return {"loss": loss}


# %%
rival_history = rival_trainer.fit(rival_step, shuffled, steps=rival_steps)


# %%
def against_seconds(history, album):  # of training alone, without looking
    steps = np.array(list(album))
    spent = sum(seconds for *_, seconds in album.values())
    levels = np.array([found[0] for found in album.values()])
    return (history.seconds - spent) * steps / steps[-1], levels


# %%
learned = {
    "LSTM": against_seconds(history, album),
    "transformer": against_seconds(rival_history, rival_album),
}
cu.plots.lines(
    learned,
    xlabel="seconds of training",
    ylabel="validation loss, nats",
    log="x",
    baselines={f"{best_order}-gram, {ngram_seconds:.1f} s": min(levels)},
    size=(9.5, 3.4),
    alt="Validation loss against the seconds of training. "
    + " ".join(
        f"{name}: {level[0]:.2f} after {s[0]:.0f} s, {level[-1]:.2f} after {s[-1]:.0f}."
        for name, (s, level) in learned.items()
    )
    + f" The {best_order}-gram is at {min(levels):.2f}.",
)


# %%
def at_moment(seconds):
    found = {f"{best_order}-gram": min(levels)}
    for name, (s, level) in learned.items():  # before the first moment: not measured
        found[name] = np.interp(seconds, s, level, left=np.inf)
    shown = {
        n: "—" if level == np.inf else f"{level:.2f}" for n, level in found.items()
    }
    return {"seconds": f"{seconds:.3g}", **shown}


# %%
cu.scoreboard([at_moment(seconds) for seconds in learned["LSTM"][0]])

# %%
both = min(s[-1] for s, _ in learned.values())  # seconds that both have had
ends = {name: np.interp(both, s, level) for name, (s, level) in learned.items()}
rival_level = rival_album[rival_steps][0]
cu.claim(
    "Nats by which the LSTM leads the transformer in the same seconds",
    ends["transformer"] - ends["LSTM"],
    at_least={"cpu": 0.1},
    when=on_shakespeare,
    form=".3f",
)
cu.say(
    f"After {both:.0f} s: LSTM {ends['LSTM']:.2f}, transformer "
    f"{ends['transformer']:.2f}, n-gram {min(levels):.2f}. The best is the "
    f"{min({**ends, 'n-gram': min(levels)}, key={**ends, 'n-gram': min(levels)}.get)}."
)

# %% [markdown]
# Only the right end of the curves is a fair comparison. In the middle of its schedule a
# network still trains at a high rate, so a run that was *planned* to be shorter would
# usually do better at that moment; that undersells both. (If one of them stopped first,
# the other is undersold a little even there.) And these are seconds of *this* machine
# for *this* size. On a GPU, the transformer's steps are cheap where the LSTM has to go
# character by character: with 10.7 million parameters and an A100, nanoGPT reports
# 1.4697 nats on Shakespeare, and for its laptop configuration 1.88
# (github.com/karpathy/nanoGPT; both estimated on random windows of the validation
# part).
#
# ## How should one draw?
#
# With logits $z$ there are three common ways to change the probabilities before the
# draw:
#
# - **Temperature** $\tau$: $p_i \propto \exp(z_i / \tau)$. Below 1, what is likely
#   becomes likelier; above 1, all come closer together.
# - **Top-k**: only the $k$ most likely characters stay.
# - **Nucleus** (top-p): the smallest set of most likely characters stays whose
#   probabilities add up to at least $P$. It is small where the network is sure and
#   large where it is not (Holtzman et al. 2020).
#
# What stays is rescaled to a sum of one.


# %%
def choose(logits, temperature=1.0, top_k=None, nucleus=1.0):  # (B, V) -> (B, V)
    p = (logits / temperature).softmax(-1)
    ordered, rank = p.sort(-1, descending=True)
    if top_k:
        ordered[:, top_k:] = 0
    before = ordered.cumsum(-1) - ordered  # what the likelier ones add up to
    ordered[before >= nucleus] = 0  # the first one always stays
    kept = torch.zeros_like(p).scatter(-1, rank, ordered)
    return kept / kept.sum(-1, keepdim=True)


# %%
def draw_ways(p, ways):
    given = ", ".join(f"{share:.2f}" for share in p)
    alt = f"The probabilities {given}, and what becomes of them: "
    plot = cu.plots.Plot(9.5, 2.4, f"{alt}{'; '.join(ways)}.")
    panels = plot.subplots(1, len(ways), sharey=True)
    for axes, (name, how) in zip(panels, ways.items(), strict=True):
        axes.bar(range(len(p)), choose(p.log()[None], **how)[0])
        axes.set(title=name, xlabel="character", xticks=range(len(p)))
    plot.axes[0].set_ylabel("probability")
    return plot


# %%
draw_ways(
    torch.tensor([0.4, 0.25, 0.15, 0.1, 0.06, 0.04]),
    {
        "as they are": {},
        "temperature 0.5": {"temperature": 0.5},
        "temperature 2": {"temperature": 2.0},
        "top-k, k = 2": {"top_k": 2},
        "nucleus, P = 0.75": {"nucleus": 0.75},
    },
)

# %% [markdown]
# > **Predict before you run.** Three temperatures: 0.3, 0.8 and 1.5. Which text repeats
# > itself, and which one is badly spelled?
# > <details><summary>Answer</summary>Cold text takes the same likely path again and
# > again. Hot text takes steps that the network thinks unlikely, and each of them leads
# > to a place where it has never been.</details>

# %%
for temperature in (0.3, 0.8, 1.5):
    drawn = write(net, opening, 200, pick=partial(choose, temperature=temperature))
    print(f"---- temperature {temperature}\n{PROMPTS[-1]}{data.decode(drawn[0])}\n")

# %% [markdown]
# ## What does sampling trade for what?
#
# Good text is likely, and it is varied. We can measure both.
#
# *Likelihood*: let a judge read it. The judge must not have learned from what the
# writer learned from, or it would reward copying. So we fit a 5-gram to the
# *validation* part. *Diversity*: of all runs of four characters, the share that are
# different (distinct 4-grams). It depends on how much text there is, so every point
# gets the same amount.
#
# What do we compare with? Real text, but not just any. Texts that all go on from one
# beginning are more alike than texts from all over the book. So we draw places at
# random: each way of sampling continues the *same* contexts, and the real text is what
# *really* follows them.

# %%
places = np.random.default_rng(0).integers(
    len(train) - LEAD - PIECE, size=SETS * SAMPLES
)
passages = train[places[:, None] + np.arange(LEAD + PIECE)]  # (N, LEAD + PIECE)
contexts = torch.tensor(passages[:, :LEAD], device=device)  # (N, LEAD)
judge = count(validation, 5)


# %%
def measured(texts):  # (N, LEAD + PIECE) -> likelihood and diversity of each set
    heard = texts[:, LEAD - 4 :]  # the judge needs four characters of context
    losses = witten_bell(judge, heard.ravel(), heard[0, :4])[-1]
    likelihood = -losses.reshape(heard.shape)[:, 4:].reshape(SETS, -1).mean(1)
    grams = np.array([codes(text, 4) for text in texts[:, LEAD:]]).reshape(SETS, -1)
    return likelihood, np.array([len(np.unique(g)) / len(g) for g in grams])


# %%
def sampled(**how):
    drawn = write(net, contexts, PIECE, pick=partial(choose, **how))
    return measured(torch.cat([contexts, drawn], 1).cpu().numpy())


# %% [markdown]
# > **Predict before you run.** Will the real text be more likely, in the judge's eyes,
# > than what the network writes at a temperature of 0.5, or less?
# > <details><summary>Answer</summary>Less, on Shakespeare and on most texts. People do
# > not write the most likely text. A sampler that beats real text in likelihood has
# > become boring, and the diversity shows it.</details>

# %%
real = np.array(measured(passages))  # (2, SETS)
ways = {
    "temperature": np.array([sampled(temperature=t) for t in TEMPERATURES]),
    "top-k": np.array([sampled(top_k=k) for k in TOP_K]),
    "nucleus": np.array([sampled(nucleus=share) for share in NUCLEUS]),
}  # each (settings, 2, SETS)

# %% tags=["cover"]
clouds = {name: points.mean(2).T for name, points in ways.items()}
clouds["real text"] = real.mean(1)[:, None]
cu.plots.lines(
    clouds,
    xlabel="log-likelihood a character under the judge, nats",
    ylabel="distinct 4-grams, share",
    size=(9.5, 3.6),
    alt="Diversity against likelihood for temperature, top-k and nucleus: curves that "
    "fall from unlikely and varied to likely and monotonous. Real text is a single "
    f"point, at {real[0].mean():.2f} nats and {real[1].mean():.2f}.",
)

# %% [markdown]
# Where a way of sampling is exactly as likely as the real text, is it as varied? We
# read it off between two settings, in each of the five sets of contexts.


# %%
def as_likely(points):  # distinct 4-grams beyond real text, in each set, or nan
    found = []
    for g in range(SETS):
        likelihood, distinct = np.array(sorted(points[:, :, g].tolist())).T
        at = np.interp(real[0, g], likelihood, distinct, left=np.nan, right=np.nan)
        found.append(at - real[1, g])
    return np.array(found)


# %%
compared = []
for name, points in ways.items():
    gaps = as_likely(points)
    row = {"way": name, "distinct 4-grams beyond real text": "likelihood not reached"}
    if not np.isnan(gaps).any():
        margin = 2.776 * gaps.std(ddof=1) / np.sqrt(SETS)  # Student's t, 4 degrees
        told = "can't tell" if abs(gaps.mean()) < margin else "yes"
        row["distinct 4-grams beyond real text"] = f"{gaps.mean():+.3f} ± {margin:.3f}"
        row["a difference?"] = told
    compared.append(row)
cu.scoreboard(compared)

# %%
cu.say(
    f"Real text: likelihood {real[0].mean():.3f} nats, distinct 4-grams "
    f"{real[1].mean():.3f}. The ± is the half width of a 95 % interval over {SETS} "
    f"sets of {SAMPLES} contexts."
)

# %% [markdown]
# One more doubt: these contexts come from the part that the network has read several
# times. Does it recite? Let's count how often it goes on for 20 characters exactly as
# the text does.

# %%
cool = write(net, contexts, 20, pick=partial(choose, temperature=0.3)).cpu().numpy()
recited = (cool == passages[:, LEAD : LEAD + 20]).all(1).mean()
cu.say(
    f"At a temperature of 0.3, {recited:.1%} of {len(cool)} continuations are the real "
    "one for 20 characters."
)

# %% [markdown]
# Read such a plot with care. A judge that sees four characters of context can't tell
# sense from nonsense, and neither axis notices that a speech has no point. The table
# has its limits as well. "Can't tell" is not "no difference": five sets are few. A
# "yes" whose interval only just misses zero is weak evidence, the more so as we tested
# three ways and any of them could have said it by chance. And all of this is one
# trained network: its intervals are about contexts and dice, not about another seed.
#
# ## Turn the temperature
#
# The bars are the probabilities of the next character. Above them you see how the text
# goes on, always with the same dice. At which temperature does the wording change, and
# at which does the spelling go?


# %%
def next_character(temperature, nucleus, prompt):
    pick = partial(choose, temperature=temperature, nucleus=nucleus)
    ids = data.encode(prompt)[None]
    with torch.no_grad():
        p, top = pick(net(ids)[0][:, -1].float())[0].topk(min(8, V))
    names = {"\n": "newline", " ": "space"}
    likely = {
        names.get(data.symbols[i], data.symbols[i]): round(share, 3)
        for i, share in zip(top.tolist(), p.tolist(), strict=True)
        if share >= 0.01 or i == top[0]
    }
    first, share = next(iter(likely.items()))
    plot = cu.plots.bars(
        likely,
        ylabel="probability",
        size=(9.5, 3.0),
        alt=f"Temperature {temperature:g}, nucleus {nucleus:g}, after {prompt!r}: the "
        f"most likely next character is {first}, with {share:.0%}.",
    )
    text = prompt + data.decode(write(net, ids, 150, pick=pick)[0])
    text = textwrap.fill(text.replace("\n", " / "), 90, max_lines=2)
    plot.suptitle(text.replace("$", r"\$"), size=9)
    return plot


# %%
cu.widgets.explore(
    next_character,
    temperature=(0.1, 2.0, 0.1, 0.7),
    nucleus=(0.1, 1.0, 0.1, 1.0),
    prompt=PROMPTS,
)

# %% [markdown]
# ## Talk with the text
#
# What you type becomes the end of a paragraph (in a play: of somebody's speech), and
# the network writes the next one. It does not understand you. It continues. Type
# something and press Enter; the button asks again.

# %%
BREAK = "\n\n" if "\n" in data.symbols else " "
turns = iter(range(1_000_000))  # each answer with other dice


def reply(said):
    ids = data.encode(said + BREAK)[None]  # or an error that names an unknown character
    pick = partial(choose, temperature=0.7)
    text = data.decode(write(net, ids, 300, next(turns), pick)[0])
    return text.strip().split(BREAK)[0] if BREAK.strip(" ") else text


hello = "Good morrow, my lord." if on_shakespeare else PROMPTS[0]
box = cu.widgets.prompt(reply, start=hello)
box

# %% [markdown]
# ## Scoreboard

# %%
scores = {
    "chance, ln V": np.log(V),
    "1-gram": levels[0],
    f"{best_order}-gram, Witten-Bell": levels[best_order - 1],
    f"transformer, {learned['transformer'][0][-1]:.0f} s": rival_level,
    f"LSTM, {learned['LSTM'][0][-1]:.0f} s": reached,
}
if on_shakespeare:
    scores["published: nanoGPT, laptop configuration"] = 1.88
    scores["published: nanoGPT, 10.7 M parameters, A100"] = 1.4697

# %%
cu.scoreboard(
    [
        {
            "model": name,
            "nats per character": f"{nats:.3f}",
            "bits per character": f"{nats / np.log(2):.3f}",
        }
        for name, nats in scores.items()
    ]
)

# %% [markdown]
# The published figures are for the same 90/10 split. char-rnn, where this text comes
# from, splits 95/5: its figures belong in another table.
#
# ## Clinic
#
# ### Patient A: a discount
#
# A colleague evaluates the best n-gram "on the first 40,000 validation characters, to
# save time", and reports another figure than ours. (On Shakespeare, a better one.) The
# model is the same. Here is the loss along the validation part, as a mean over each
# tenth.

# %%
part = min(40_000, len(validation) * 4 // 10)
best_counted = counted[best_order - 1]  # (N,)
tenths = {
    name: [part.mean() for part in np.array_split(losses, 10)]
    for name, losses in ((f"{best_order}-gram", best_counted), ("LSTM", lstm_losses))
}

# %%
plot = cu.plots.lines(
    {name: (range(1, 11), means) for name, means in tenths.items()},
    xlabel="tenth of the validation part",
    ylabel="nats per character",
    baselines={f"{best_order}-gram, all of it": levels[best_order - 1]},
    size=(9.5, 3.2),
    alt="Mean loss in each tenth of the validation part. "
    + " ".join(
        f"{name}: from {min(means):.2f} to {max(means):.2f}."
        for name, means in tenths.items()
    )
    + f" Correlation of the two: {np.corrcoef(*tenths.values())[0, 1]:.2f}.",
)
plot.axes[0].set_xticks(range(1, 11))
plot

# %%
cheap, all_of_it = best_counted[:part].mean(), best_counted.mean()
cu.say(
    f"{best_order}-gram on the first {part:,} characters: {cheap:.3f}; on all "
    f"{len(validation):,}: {all_of_it:.3f}. The excerpt changes the figure by "
    f"{cheap - all_of_it:+.3f}; it changes the LSTM's by "
    f"{lstm_losses[:part].mean() - reached:+.3f}. Going from the n-gram to the LSTM "
    f"changes it, on all of the text, by {reached - all_of_it:+.3f}."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>The validation part is not the same all along:
# > some of its scenes are closer to what was learned than others. On Shakespeare the
# > first 6.9 tenths are from *The Taming of the Shrew*, whose beginning is in the
# > training part. Then comes *The Tempest*, of which nothing is. All its speakers are
# > new: in the lines that name them, the 5-gram pays about 6 nats per character,
# > against 1.2 before; in all other lines 1.64, against 1.57. Both models find the same
# > tenths hard, but not *equally* hard: the LSTM's line rises less, and its discount
# > is smaller. So an excerpt changes the level of each model, and also the distance
# > between them. Evaluate on all of it; a comparison on one excerpt, even the same for
# > both, holds for that excerpt.</details>
#
# ### Patient B: genius
#
# Another colleague cuts the windows by hand. After a minute the loss is lower than
# anything ever published. They are already writing the paper.


# %%
class Shifted(cu.data.Windows):
    def epoch(self, epoch, start=0):
        for _, targets in super().epoch(epoch, start):
            yield targets, targets


# %%
def small_run(kind):
    torch.manual_seed(0)
    net = CharLSTM(64, 1, 0.0)
    opt = torch.optim.Adam(net.parameters(), 1e-2)
    trainer = cu.Trainer(net=net, opt=opt)

    def step(batch):
        inputs, targets = batch
        loss = F.cross_entropy(net(inputs)[0].flatten(0, 1), targets.flatten())
        trainer.update(opt, loss, clip=1.0)
        return {"loss": loss}

    batches = kind(data.train, BATCH, LENGTH)
    done = trainer.fit(step, batches, steps=CLINIC, show=False)
    return net, (done.steps("loss"), done["loss"])


# %%
healthy, healthy_curve = small_run(cu.data.Windows)
patient, patient_curve = small_run(Shifted)

# %%
cu.plots.lines(
    {"healthy": healthy_curve, "patient B": patient_curve},
    xlabel="step",
    ylabel="loss, nats",
    baselines={"best n-gram": min(levels)},
    size=(9.5, 3.2),
    alt=f"Loss over {CLINIC} steps. The healthy run ends at "
    f"{healthy_curve[1][-1]:.2f}, patient B at {patient_curve[1][-1]:.2f}; the best "
    f"n-gram is at {min(levels):.2f}.",
)

# %%
ids = data.encode(PROMPTS[0])[None]
for _ in range(30):
    with torch.no_grad():
        best = patient.eval()(ids)[0][:, -1:].argmax(-1)  # (1, 1)
    ids = torch.cat([ids, best], 1)
print(repr(data.decode(ids[0])))

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>The targets are the inputs, not moved on by one.
# > The network learns to copy what it has just read, and when it writes, it repeats one
# > character for ever. A language model's loss has a floor, because text is not fully
# > predictable. Treat a figure far below anything published as a mistake until you have
# > shown that it isn't one. The quickest test is to sample.</details>
#
# ## Exercises
#
# If you're stuck, `cu.hint("23.1")` helps, and `cu.hint("23.1", 2)` helps more.
#
# ### Exercise 23.1 · Words into characters
#
# A model of *words* reports its perplexity, $e^{\text{nats per word}}$. The text has
# `words` words and `characters` characters. Write
# `per_character(perplexity, words, characters)`: the same figure in nats per character.

# %% tags=["exercise"]
import math


def per_character(perplexity, words, characters):
    # BEGIN SOLUTION
    return math.log(perplexity) * words / characters
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("23.1", per_character)

# %% [markdown]
# ### Exercise 23.2 · Windows that go on
#
# Write `window(ids, size, length, number)` for a text `ids`, (N,). Cut it into `size`
# rows of equal length, as long as possible while every symbol still has a target.
# Return inputs and targets, two tensors (size, length), of window `number`,
# counted from 0: the columns from `number * length` on. So a state can be carried from
# each window to the next.


# %% tags=["exercise"]
def window(ids, size, length, number):
    # BEGIN SOLUTION
    row = (len(ids) - 1) // size  # one symbol is kept for the last target
    inputs = ids[: size * row].view(size, row)
    targets = ids[1 : size * row + 1].view(size, row)
    columns = slice(number * length, (number + 1) * length)
    return inputs[:, columns], targets[:, columns]
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("23.2", window)

# %% [markdown]
# ### Exercise 23.3 · Min-p
#
# One more way of sampling: keep the characters whose probability is at least `share`
# times that of the most likely one, and rescale them to a sum of one. Write
# `min_p(p, share)` for probabilities `p`, (B, V), one row for each text.


# %% tags=["exercise"]
def min_p(p, share):
    # BEGIN SOLUTION
    kept = torch.where(p >= share * p.amax(-1, keepdim=True), p, 0.0)
    return kept / kept.sum(-1, keepdim=True)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("23.3", min_p)

# %% [markdown]
# ### Exercise 23.4 · Repair a sampler
#
# This sampler runs without an error, but from one prompt it always writes the same
# text, whatever numbers it is given. It has *three* faults:
#
# ```
# def sample(net, prompt, uniforms, temperature):
#     drawn = []
#     logits, state = net(prompt, None)
#     for u in uniforms:
#         p = (logits[-1] * temperature).softmax(-1)
#         drawn.append(p.argmax())
#         logits, state = net(prompt, state)
#     return torch.stack(drawn)
# ```
#
# `net(ids, state)` reads the symbols `ids`, (T,), from a state on (`None`: from the
# beginning) and returns the logits after each of them, (T, V), and the new state.
# Write `sample` right: one symbol for each number in `uniforms`, (N,), all of them
# returned as a tensor (N,). To make the draw checkable, it has no dice of its own: with
# a number $u$ between 0 and 1, take the first symbol whose *cumulative* probability
# $p_0 + p_1 + \dots$ is greater than $u$.


# %% tags=["exercise"]
def sample(net, prompt, uniforms, temperature):
    # BEGIN SOLUTION
    drawn = []
    logits, state = net(prompt, None)
    for u in uniforms:
        p = (logits[-1] / temperature).softmax(-1)
        drawn.append((p.cumsum(-1) <= u).sum())
        logits, state = net(drawn[-1][None], state)
    return torch.stack(drawn)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("23.4", sample)

# %% [markdown]
# ### Open challenge
#
# Mix the two models: $p = (1 - w)\, p_{\text{LSTM}} + w\, p_{\text{n-gram}}$. Choose
# $w$ on the first half of the validation part and report the second half, once. Or
# replace Witten-Bell by Kneser-Ney. There is no check.
#
# ### Your own text
#
# Give the path of a text file in UTF-8 as `DATA` at the top, and run the notebook
# again. From about 50,000 characters on it gets interesting: with how little text does
# counting win? Every number that a cell prints is then about your text.

# %% [markdown]
# ## Summary
#
# - Count first. An n-gram takes seconds, and not every network beats it.
# - Carry the state forward, cut the gradient. Windows must then come in order.
# - Evaluate on all of the validation text, with a warm state, and say how you did it.
#   Then look where a lead comes from: it may be a few names that one model can't guess.
# - Compare models in the same time, and samples from the same contexts.
# - A unit that follows something may do so without any training: search an untrained
#   network too.
# - Temperature, top-k and nucleus move along a trade between likelihood and diversity.
#   Put real text into the plot: it is not where the likelihood is largest.
# - Use a character LSTM on small machines, and for streams without end, since each
#   character costs the same. With much text and a large budget, transformers are the
#   standard today (we did not measure that here). Where a few seconds of training are
#   all you have, use the n-gram.
#
# **Quiz**
#
# 1. A context occurred 6 times, followed by 2 different characters. How much of the
#    probability does Witten-Bell pass on to the shorter context?
#    <details><summary>Answer</summary>2 / (6 + 2), a quarter.</details>
# 2. You shuffle the windows of an epoch and carry the state all the same. What happens?
#    <details><summary>Answer</summary>Each window starts with the memory of another
#    place. The network has to learn to ignore it.</details>
# 3. What happens if the carried state is not detached?
#    <details><summary>Answer</summary>The second step wants to go back through the
#    graph of the first, which is gone: an error. If the graph were kept, time and
#    memory of each step would grow without end.</details>
# 4. The nucleus is 0.9, and the most likely character has 0.95. How many stay?
#    <details><summary>Answer</summary>One. Where the network is sure, the nucleus is
#    small.</details>
# 5. Model A has 1.60 nats on 95/5, model B has 1.63 on 90/10. Which is better?
#    <details><summary>Answer</summary>Nobody can say: the validation texts differ, and
#    A has read more.</details>
#
# **Further reading.** I. Witten, T. Bell, *The zero-frequency problem*, IEEE
# Transactions on Information Theory 37 (1991). S. Chen, J. Goodman, *An empirical study
# of smoothing techniques for language modeling*, Computer Speech & Language 13 (1999).
# R. Williams, J. Peng, *An efficient gradient-based algorithm for on-line training of
# recurrent network trajectories*, Neural Computation 2 (1990), for truncation. A.
# Graves, *Generating sequences with recurrent neural networks*, arXiv:1308.0850. R.
# Jozefowicz, W. Zaremba, I. Sutskever, *An empirical exploration of recurrent network
# architectures*, ICML 2015, for the forget gate's bias. A. Holtzman et al., *The
# curious case of neural text degeneration*, ICLR 2020, for the nucleus. A. Karpathy,
# *The unreasonable effectiveness of recurrent neural networks* (2015), where the text
# comes from.

# %% [markdown] tags=["instructor"]
# **Instructor.** 90 minutes: 20 to the n-gram's curve (let the room compute one
# Witten-Bell probability by hand), 15 for windows and carried state, 10 while it trains
# (collect guesses of the step at which the LSTM passes the n-gram), 15 for the coloured
# texts and the units, 10 for the rival, 15 for sampling and the prompt box, the rest
# for the clinic and exercises.
#
# Common beliefs: that any network beats counting; that truncation makes the network
# forget (the state still carries; only learning is cut); that the most likely text is
# the best text; that a unit with a striking picture has learned something; that figures
# on "tiny Shakespeare" can be compared without asking for the split. Question for the
# room: your model scores 0.9 nats per character on English. What do you check first? If
# you're short of time, skip the units and exercise 23.2.
