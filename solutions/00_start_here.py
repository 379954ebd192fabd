# %% [markdown]
# # 00 · Start here
#
# *A first classifier, trained twice: by hand, and by the loop that all lessons share.*
#
# ![Ten weight images of a linear classifier, one for each digit: red where ink speaks
# for the digit, blue where it speaks against it.](../notebooks/images/00.png)
#
# **Time:** {{minutes}}. **Needs:** Python, and a first idea of what a neural
# network is.
#
# After this lesson you can
#
# - say where your code runs, and ask the course what is wrong when it doesn't;
# - write a training loop by hand, and explain each of its four lines;
# - train the same model with `Trainer`, and prove that it does nothing else;
# - tell a model that is *accurate* from one that knows when it is wrong;
# - answer an exercise and read its diagnosis.

# %%
import math
from itertools import count, islice

import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

DATA = "mnist"  # also "fashion-mnist", "kmnist", or the folder of your own pictures
BATCH = 128  # pictures in a step
LEARNING_RATE = 0.1
STEPS = cu.budget(cpu=1_400, gpu=4_680)  # at least: the last epoch is finished
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])

device = cu.start(seed=0)

# %% [markdown]
# ## Where does this run?
#
# The line above is the first thing every lesson prints. It names the device, the number
# format in which networks are trained there, and the *profile*, which is how much work
# the lesson gives itself: `cpu` suits a laptop, `gpu` is the full-quality run.
#
# Is everything in order on your machine? The next cell checks. If something is wrong,
# it says what, and how to fix it.

# %%
cu.doctor()

# %% [markdown]
# ## What does a page of this course look like?
#
# Read a cell, run it with Shift+Enter, and look at what it says. You'll meet three
# things in every lesson:
#
# - **Predict before you run.** A question with its answer folded away. Decide on your
#   own answer before you unfold ours: you learn most where you are surprised.
# - **A measured sentence.** The numbers we talk about are computed by the cell that
#   prints them. Change something, run it again, and the sentence changes too.
# - **Exercises** that answer back.
#
# Now for the data: pictures, and the class that each of them belongs to.

# %%
digits = cu.data.load(DATA)
classes = len(digits.classes)
pixels = digits.train_x[0].numel()
batches = digits.batches(BATCH)

# %%
EPOCHS = math.ceil(STEPS / len(batches))
cu.say(
    f"{len(digits.train_x):,} pictures to learn from and {len(digits.test_x):,} to be "
    f"tested on, {pixels} numbers each, in {classes} classes. Source: {digits.source}. "
    f"Steps in an epoch, which shows each picture once: {len(batches)}. "
    f"Epochs: {EPOCHS}."
)

# %%
cu.plots.images(
    digits.train_x[:24],
    [digits.classes[i] for i in digits.train_y[:24]],
    columns=12,
    alt="The first two dozen training pictures, each with its class above it.",
)

# %% [markdown]
# ## How well does one do without learning?
#
# Before any network, two baselines. The first always names the most frequent class. The
# second compares a picture with the *mean picture* of each class and names the nearest.
# Whatever we train has to beat both, or it isn't worth its electricity.

# %%
most_frequent = digits.train_y.bincount().argmax()
chance = (digits.test_y == most_frequent).float().mean().item()

# %%
x_train, x_test = digits.train_x.flatten(1), digits.test_x.flatten(1)  # (N, 784)
means = torch.stack([x_train[digits.train_y == k].mean(0) for k in range(classes)])
nearest = torch.cdist(x_test, means).argmin(1)  # (N,)
nearest_mean = (nearest == digits.test_y).float().mean().item()

# %%
cu.say(
    f"Always '{digits.classes[most_frequent]}': {chance:.1%} right. "
    f"Nearest mean picture: {nearest_mean:.1%} right."
)

# %% [markdown]
# ## What does a linear classifier compute?
#
# One number for each class, the *logit*: a weighted sum of the pixels,
#
# $$z_k = \sum_j W_{kj}\,x_j + b_k .$$
#
# The class with the largest logit wins. That is all the model needs in order to answer,
# but to *train* it we need a loss: a number that is small when the right class wins
# clearly. First the *softmax* turns the logits into probabilities. Then the loss,
# called *cross-entropy*, is the negative logarithm of the probability of the right
# class $y$:
#
# $$p_k = \frac{e^{z_k}}{\sum_i e^{z_i}}, \qquad L = -\log p_y .$$
#
# In the diagram, each logit is connected to every pixel, by weights of its own; each
# probability depends on all logits. Below it, move the logit of the right class, and
# watch what softmax and loss do.

# %%
nodes = {
    "weights": (2.9, 2.6, "label", "weights $W_{kj}$"),
    "softmax": (6.6, 2.6, "label", "softmax"),
    "all": (6.6, 1.2, "dot", ""),
}
layers = {"x": (1, pixels, "pixels"), "z": (4.8, classes, "logits")}
layers["p"] = (8.4, classes, "probabilities")
for letter, (across, number, kind) in layers.items():
    nodes[kind] = (across, 2.6, "label", f"{number} {kind}")
    nodes[f"{letter}…"] = (across, 0.8, "label", "⋮")
    for up, i in ((2.1, 1), (1.4, 2), (0.3, number)):
        nodes[f"{letter}{i}"] = (across, up, "box", f"${letter}_{{{i}}}$")
ends = (1, 2, classes)
arrows = [(f"x{j}", f"z{k}") for j in (1, 2, pixels) for k in ends]
arrows += [(f"z{k}", "all") for k in ends] + [("all", f"p{k}") for k in ends]
alt = f"{pixels} pixels, each joined to {classes} logits; softmax makes probabilities."
cu.plots.diagram(nodes, arrows, size=(9.5, 2.8), alt=alt)


# %%
def show_softmax(logit):
    z = torch.tensor([0.5, logit, -1.0, 1.5])  # four classes; the second is right
    p = z.softmax(0)
    alt = f"The right class has logit {logit:g}, probability {p[1]:.2f}, loss "
    plot = cu.plots.Plot(10.5, 2.7, f"{alt}{-p[1].log():.2f}.")
    left, middle, right = plot.subplots(1, 3)
    names = ["a", "b (right)", "c", "d"]
    colours = [cu.plots.COLOURS[k] for k in (0, 1, 0, 0)]
    left.bar(names, z, color=colours)
    left.set(ylabel="logit", ylim=(-5, 8))
    middle.bar(names, p, color=colours)
    middle.set(ylabel="probability", ylim=(0, 1))
    every = torch.linspace(0.002, 1, 200)
    right.plot(every, -every.log())
    right.plot(p[1], -p[1].log(), "o", ms=9)
    right.set(xlabel="probability of the right class", ylabel="loss", ylim=(0, 6.5))
    return plot


# %%
cu.widgets.explore(show_softmax, logit=(-4.0, 7.0, 0.5, 2.0))

# %% [markdown]
# The curve on the right is steep where the model is sure of the wrong thing, and flat
# where it is sure of the right one. Keep that in mind for the clinic at the end.
#
# > **Predict before you run.** We set all weights to zero. What is the loss of the very
# > first batch?
# > <details><summary>Answer</summary>Every logit is 0, so every class has probability
# > one tenth, and the loss is ln 10, about 2.303, whatever the batch.</details>

# %%
W = torch.zeros(classes, pixels, device=device, requires_grad=True)  # (10, 784)
b = torch.zeros(classes, device=device, requires_grad=True)  # (10,)


# %%


def cross_entropy(logits, labels):  # (B, 10), (B,)
    log_p = logits - logits.exp().sum(1, keepdim=True).log()  # (B, 10)
    return -log_p[torch.arange(len(labels)), labels].mean()


# %%

images, labels = next(iter(digits.batches(BATCH)))
x = images.flatten(1)  # (B, 784)
loss = cross_entropy(x @ W.T + b, labels)
cu.say(f"First loss: {loss.item():.4f}; ln {classes} is {math.log(classes):.4f}.")

# %% [markdown]
# Our formula is what PyTorch calls `F.cross_entropy`. Let's compare the two on logits
# that aren't zero. From here on we use the library's.

# %% tags=["nbval-check-output"]
logits = torch.randn(BATCH, classes, generator=torch.Generator().manual_seed(1))
ours = cross_entropy(logits.to(device), labels)
theirs = F.cross_entropy(logits.to(device), labels)
print("equal to 1e-6:", bool((ours - theirs).abs() < 1e-6))

# %% [markdown]
# ## Which way is down?
#
# Learning means walking downhill on the loss. With hundreds of weights for each class,
# nobody can see that landscape, so let's first look at a problem so small that we can:
# tell only the first two classes apart, by two numbers, the brightness of the middle
# third of the picture and that of the rest. Two weights, one height: a map.


# %%
def brightness(pictures):  # (N, C, H, W)
    third = pictures.shape[3] // 3
    columns = pictures.mean((1, 2))  # (N, W)
    middle = columns[:, third:-third]
    sides = torch.cat([columns[:, :third], columns[:, -third:]], 1)
    return torch.stack([middle.mean(1), sides.mean(1)], 1)  # (N, 2)


# %%

two = (digits.train_y < 2).nonzero().flatten()[:1000]
features = brightness(digits.train_x[two])
features = features / features.std(0)  # (N, 2)
second = digits.train_y[two].float()  # (N,): 1 for the second class


# %%


def loss_at(weights):  # (..., 2)
    logits = weights @ features.T  # (..., N)
    return F.softplus(logits).mean(-1) - (logits * second).mean(-1)


# %% [markdown]
# Now start at zero, and take steps against the gradient, with three *learning rates*:
# how far to go for each unit of slope.


# %%
def descend(rate, steps=30):
    weights = torch.zeros(2, device=device, requires_grad=True)
    path = [(0.0, 0.0)]
    for _ in range(steps):
        (slope,) = torch.autograd.grad(loss_at(weights), weights)
        weights = (weights - rate * slope).detach().requires_grad_()
        path.append(tuple(weights.tolist()))
    return torch.tensor(path)  # (steps + 1, 2)


# %%

paths = {f"rate {rate}": descend(rate) for rate in (0.1, 0.6, 2.0)}
heights = {name: loss_at(path.to(device)).cpu() for name, path in paths.items()}


# %%
def draw_descent(paths, heights):
    ends = ", ".join(f"{h[-1]:.2f} at {name}" for name, h in heights.items())
    plot = cu.plots.Plot(
        10.5,
        3.8,
        f"Three descents from {heights['rate 0.1'][0]:.2f}; the loss ends at {ends}.",
    )
    left, right = plot.subplots(1, 2)
    low, high = torch.cat([*paths.values()]).aminmax(dim=0)
    x, y = (torch.linspace(a - 1, b + 1, 40) for a, b in zip(low, high, strict=True))
    height = loss_at(torch.cartesian_prod(x, y).to(device)).cpu().view(40, 40).T
    left.contourf(x, y, height.log(), levels=24, cmap="Greys", alpha=0.6)
    for (name, path), colour in zip(paths.items(), cu.plots.COLOURS, strict=False):
        left.plot(*path.T, "o-", ms=3, color=colour)
        right.plot(heights[name], "o-", ms=3, color=colour, label=name)
    left.set(xlabel="weight of the middle", ylabel="weight of the sides")
    right.set(xlabel="step", ylabel="loss")
    cu.plots.log_axis(right.yaxis)
    right.legend(frameon=False)
    return plot


draw_descent(paths, heights)

# %% [markdown]
# The darker, the higher. The valley is narrow in one direction and long in the other,
# and one rate has to serve both. For handwritten digits, the small rate creeps, the
# middle one turns into the valley and walks along it, and the large one leaps from wall
# to wall. So which is lowest after 30 steps?

# %%
lowest = min(heights, key=lambda name: heights[name][-1].item())
cu.say(
    f"All three start at a loss of {heights['rate 0.1'][0]:.2f}. After 30 steps: "
    + ", ".join(f"{loss[-1]:.2f} with {name}" for name, loss in heights.items())
    + f". On its way, the largest rate climbed to {heights['rate 2.0'].max():.2f}. "
    f"The lowest in the end: {lowest}."
)

# %% [markdown]
# Did you expect that? For handwritten digits the leaps die out, because the walls of
# this valley become gentler the further you get along it, and then the large rate is
# simply the fastest. Does one ten times as large settle too? Add it above, and see.
#
# A rate is judged by its curve, as you'll do for the full model further down. Its
# slope, too, can be written down. With $P$ the probabilities of a batch and $Y$ the
# same table for the truth (1 for the right class, 0 elsewhere),
#
# $$\frac{\partial L}{\partial W} = \frac{1}{B}\,(P - Y)^{\top} X .$$
#
# In words: each wrong probability pushes its class's weights away from the picture, and
# what the right class lacks pulls its weights towards it. PyTorch finds the same by
# going back through the computation (`backward`). And a third way needs no theory at
# all: change one weight a little, and see how the loss changes. Do the three agree?

# %% tags=["nbval-check-output"]
W.grad = None  # backward adds to what is there, as it does in a second run
logits = x @ W.T + b  # (B, 10)
F.cross_entropy(logits, labels).backward()
P = logits.detach().softmax(1)  # (B, 10)
Y = F.one_hot(labels, classes)  # (B, 10)
formula = (P - Y).T @ x / len(x)  # (10, 784)
error = (W.grad - formula).abs().max()
print("formula and backward equal to 1e-6:", bool(error < 1e-6))


# %%
def nudged(k, j, h):
    weights = W.detach().cpu().double()
    weights[k, j] += h
    return F.cross_entropy(x.cpu().double() @ weights.T, labels.cpu())


# %% tags=["nbval-check-output"]

h = 1e-4
k, j = divmod(formula.abs().argmax().item(), pixels)  # the weight of steepest slope
slope = (nudged(k, j, h) - nudged(k, j, -h)) / (2 * h)
print("and the nudge, to 1e-6:", bool((slope - formula[k, j].cpu()).abs() < 1e-6))

# %% [markdown]
# ## The loop, by hand
#
# Four lines train everything in this course:
#
# 1. compute the loss of a batch;
# 2. forget the gradients of the batch before (`zero_grad`);
# 3. go back through the computation (`backward`);
# 4. take a step downhill (`step`).
#
# > **Predict before you run.** Each picture is seen once in an epoch. For handwritten
# > digits, which is closest to the accuracy on new pictures after the first epoch:
# > 50 %, 80 % or 90 %?
# > <details><summary>Answer</summary>The cell measures it. For handwritten digits it is
# > about 90 %: the last few percent are the hard ones.</details>


# %%
def make_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes)).to(device)


def test_accuracy(net):
    with torch.no_grad():
        return cu.accuracy(net(digits.test_x), digits.test_y).item()


# %%
by_hand = net = make_net()
opt = torch.optim.SGD(net.parameters(), LEARNING_RATE)
every = max(1, EPOCHS // 10)  # epochs from one line to the next
for epoch in range(EPOCHS):
    for images, labels in batches.epoch(epoch):
        loss = F.cross_entropy(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if (epoch + 1) % every == 0:
        print(f"epoch {epoch + 1}: test accuracy {test_accuracy(net):.1%}")

# %% [markdown]
# ## The same, through the trainer
#
# That loop has no progress bar and no curves. It loses everything if the machine stops,
# and it knows nothing about half precision. A GAN will need two of them, interleaved.
# `Trainer` takes care of all this and leaves you the part that matters: you write
# `step(batch)`, which returns what you want to see, and in it
# `trainer.update(opt, loss)` does lines 2 to 4.

# %%
net = make_net()
opt = torch.optim.SGD(net.parameters(), LEARNING_RATE)
trainer = cu.Trainer("runs/00", net=net, opt=opt)

# %%


def step(batch):
    images, labels = batch  # (B, 1, 28, 28), (B,)
    logits = net(images)  # (B, 10)
    loss = F.cross_entropy(logits, labels)
    trainer.update(opt, loss)
    return {"loss": loss, "accuracy": cu.accuracy(logits, labels)}


# %%
def evaluate():
    return {"test accuracy": cu.accuracy(net(digits.test_x), digits.test_y)}


history = trainer.fit(step, batches, epochs=EPOCHS, evaluate=evaluate)

# %% [markdown]
# Did the trainer do anything that the hand-written loop did not? Compare the weights.
# On a CPU, where both computed in the same precision, they are equal to the last bit.

# %%
difference = max(
    (p - q).abs().max().item()
    for p, q in zip(by_hand.parameters(), net.parameters(), strict=True)
)
cu.claim(
    "Largest difference between the two sets of weights",
    difference,
    at_most={"cpu": 1e-6},
    form=".1g",
)

# %%
linear = history.last["test accuracy"]
cu.say(f"Test accuracy {linear:.1%}, in {history.seconds:.1f} seconds of training.")

# %% [markdown]
# You can press the stop button while it trains. The cell returns with the curves so
# far, and if you run it again, it goes on from there.
#
# ## What has it learned?
#
# Each class has one weight for each pixel, so its weights are a picture. Red says
# "brightness here speaks for me", blue says "brightness here speaks against me", and
# white doesn't care. (The ink of the digits is bright. Where pictures have colours,
# this is the mean over the three.)

# %% tags=["cover"]
weights = net[1].weight.detach().view(classes, *digits.train_x.shape[1:])
cu.plots.images(
    weights.mean(1),
    [str(name) for name in digits.classes],
    limits="signed",
    columns=5,
    size=1.9,
    alt="The weights of each class as a picture: red where brightness speaks for the "
    "class, blue where it speaks against it, white where it makes no difference.",
)

# %% [markdown]
# How does such a picture decide? Lay it over a test picture and multiply pixel by
# pixel: the sum of the products, plus the bias, is the logit. Here is the picture on
# which the model is most mistaken, and the products for its right class and for the one
# that the model named. Red adds to the logit, blue takes away; each picture has a scale
# of its own.

# %%
p = net(digits.test_x).detach().softmax(1)  # (N, 10)
worst = p[torch.arange(len(p)), digits.test_y].argmin()
picture, truth = digits.test_x[worst], digits.test_y[worst].item()
named = p[worst].argmax().item()
products = [(weights[k] * picture).sum(0) for k in (truth, named)]  # each (28, 28)
logits = net(picture[None]).detach()[0, [truth, named]].tolist()

# %%
titles = [
    f"{kind}: {digits.classes[k]}, logit {z:.1f}"
    for kind, k, z in zip(("right", "named"), (truth, named), logits, strict=True)
]
cu.plots.images(
    torch.stack([picture.mean(0), *products]),
    ["the picture", *titles],
    limits="signed",
    columns=3,
    size=3,
    alt="A picture, and its products with the weights of two classes. "
    + "; ".join(titles),
)

# %% [markdown]
# One template for each class is all that a linear classifier has. A digit that has
# moved by a few pixels, or is written in another way, no longer fits its template. How
# much does that cost? And does the model *notice*? Its largest probability says how
# sure it is. Let's move every test picture to the right.
#
# > **Predict before you run.** After a shift of six pixels most answers are wrong. How
# > sure is the model of its answers, on average: about 15 %, about 30 %, or above 50 %?
# > <details><summary>Answer</summary>Above 50 % for handwritten digits, though fewer
# > than one answer in ten is right then. The softmax only says which class wins, not
# > whether any of them fits.</details>


# %%
@torch.no_grad()
def accuracy_and_confidence(net, pictures, labels):
    p = net(pictures).softmax(1)  # (N, 10)
    return cu.accuracy(p, labels).item(), p.amax(1).mean().item()


# %%
shifts = list(range(7))
moved = [
    accuracy_and_confidence(net, digits.test_x.roll(shift, dims=3), digits.test_y)
    for shift in shifts
]
right, sure = zip(*moved, strict=True)

# %%
cu.plots.lines(
    {"how often it is right": (shifts, right), "how sure it is": (shifts, sure)},
    xlabel="shift to the right, pixels",
    ylabel="share of the test pictures",
    baselines={"most frequent class": chance},
    size=(9.5, 3.2),
    alt=f"From no shift to one of {shifts[-1]} pixels the accuracy goes from "
    f"{right[0]:.0%} to {right[-1]:.0%}, the mean confidence from {sure[0]:.0%} to "
    f"{sure[-1]:.0%}.",
)

# %%
cu.claim(
    "Accuracy lost by a shift of 3 pixels",
    right[0] - right[3],
    at_least=0.4,
    when=digits.source == "mnist",
    form=".1%",
)

# %% [markdown]
# Where the two curves part, the model doesn't notice that it is lost. Nothing in it
# says that a moved picture shows the same thing. (What leaves on the right comes back
# on the left. With handwritten digits that is black, so nothing is added.)
#
# ## How large should a step be?
#
# The learning rate is the knob you'll turn most. Each time you move this slider, the
# classifier is trained from scratch for 60 steps. Where is it slow? Where does it
# shake? Where does the loss stay far above chance?


# %%
def first_batches(number):
    batch_after_batch = (b for epoch in count() for b in batches.epoch(epoch))
    return islice(batch_after_batch, number)


# %%
def short_run(steps, rate=LEARNING_RATE, clear=True, brightest=1):
    net = make_net()
    opt = torch.optim.SGD(net.parameters(), rate)
    losses = []
    for images, labels in first_batches(steps):
        loss = F.cross_entropy(net(brightest * images), labels)
        if clear:
            opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return net, losses


# %%
def show_curve(log10_rate):
    _, losses = short_run(60, 10**log10_rate)
    return cu.plots.lines(
        {"loss": (range(1, len(losses) + 1), losses)},
        xlabel="step",
        ylabel="loss",
        baselines={"chance": math.log(classes)},
        size=(9.5, 3.2),
        alt=f"Loss over {len(losses)} steps at rate {10**log10_rate:.3g}; it ends at "
        f"{losses[-1]:.2f}.",
    )


# %%
cu.widgets.explore(show_curve, log10_rate=(-4.0, 2.0, 0.25, -1.0))

# %% [markdown]
# ## Scoreboard
#
# One run is an anecdote. The order of the pictures and the first weights are random, so
# we repeat the training with other seeds and give the spread beside the mean.


# %%
def accuracy_with(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes)).to(device)
    opt = torch.optim.SGD(net.parameters(), LEARNING_RATE)
    trainer = cu.Trainer(net=net, opt=opt)

    def step(batch):
        images, labels = batch
        loss = F.cross_entropy(net(images), labels)
        trainer.update(opt, loss)
        return {"loss": loss}

    trainer.fit(step, digits.batches(BATCH, seed), epochs=EPOCHS, show=False)
    return test_accuracy(net)


# %%

runs = torch.tensor([accuracy_with(seed) for seed in SEEDS])

published = {"model": "linear classifier, LeCun et al. 1998", "test accuracy": "88.0%"}

# %% tags=["result"]
cu.scoreboard(
    [
        {"model": "most frequent class", "test accuracy": f"{chance:.1%}"},
        {"model": "nearest mean picture", "test accuracy": f"{nearest_mean:.1%}"},
        {
            "model": f"linear classifier, ours, {len(SEEDS)} seeds",
            "test accuracy": f"{runs.mean():.1%} ± {runs.std():.1%}",
        },
        *([published] if digits.source == "mnist" else []),
    ]
)
cu.claim(
    "Test accuracy of the linear classifier, mean of the seeds",
    runs.mean(),
    at_least=0.9,
    when=digits.source == "mnist",
    form=".1%",
)

# %% [markdown]
# For MNIST there is a published row. That classifier is the same model as ours, with
# weights that were found in another way, so the difference is one of training. On other
# data, compare with the two baselines only.
#
# ## Clinic: what is wrong with these runs?
#
# Two colleagues bring you their training runs. Each started from the loop above and
# changed one thing. "It reaches a decent accuracy," they say, "but the loss looks odd."
# Look at the curves and the table before you unfold a diagnosis.


# %%
def treated(brightest=1, **changes):
    net, losses = short_run(200, brightest=brightest, **changes)
    with torch.no_grad():
        sure, named = net(brightest * digits.test_x).softmax(1).max(1)  # (N,), (N,)
    return losses, (named == digits.test_y).cpu(), sure.cpu()


# %%

cases = {
    "healthy": treated(),
    "patient A": treated(rate=30.0),
    "patient B": treated(clear=False),
}

# %%
cu.plots.lines(
    {name: (range(1, len(case[0]) + 1), case[0]) for name, case in cases.items()},
    xlabel="step",
    ylabel="loss",
    log="y",
    baselines={"chance": math.log(classes)},
    size=(9.5, 3.4),
    alt="Loss over 200 steps on a logarithmic axis. At the last step: "
    + ", ".join(f"{name} {case[0][-1]:.2f}" for name, case in cases.items()),
)


# %%
def table(cases):
    return cu.scoreboard(
        [
            {
                "run": name,
                "highest loss": f"{max(losses):.3g}",
                "test accuracy": f"{right.float().mean():.1%}",
                "how sure, where it is wrong": f"{sure[~right].mean():.1%}",
            }
            for name, (losses, right, sure) in cases.items()
        ]
    )


# %%

table(cases)

# %% [markdown]
# Is a model that is 95 % sure right 95 times in 100? A *reliability diagram* sorts the
# test pictures by how sure the model is, into ten bins, and shows which share of each
# bin is right. A bar below the diagonal is overconfident, one above it too modest. The
# number on a bar counts its pictures.


# %%
def draw_reliability(cases, bins=10):
    middles = (torch.arange(bins) + 0.5) / bins
    titles = [
        f"{name}: {right.float().mean():.1%} right, {sure.mean():.1%} sure on average"
        for name, (_, right, sure) in cases.items()
    ]
    plot = cu.plots.Plot(10.5, 3.6, "Reliability diagrams. " + "; ".join(titles))
    panels = plot.subplots(1, len(cases), sharey=True)
    for axes, title, (_, right, sure) in zip(
        panels, titles, cases.values(), strict=True
    ):
        place = (sure * bins).long().clamp(max=bins - 1)  # (N,)
        number = place.bincount(minlength=bins)
        share = place.bincount(right.float(), bins) / number.clamp(min=1)
        drawn = axes.bar(middles, share, 0.9 / bins)
        axes.bar_label(drawn, [f"{n:,}" for n in number], size=8, padding=2)
        axes.plot([0, 1], [0, 1], "--", color="#444444")
        axes.set(xlabel="how sure", ylabel="share that is right", ylim=(0, 1.08))
        axes.set_title(title, size=10)
    return plot


draw_reliability({name: cases[name] for name in ("healthy", "patient A")})

# %%
_, is_right, how_sure = cases["patient A"]
cu.claim(
    "How sure patient A is of its wrong answers",
    how_sure[~is_right].mean().item(),
    at_least=0.9,
    when=digits.source == "mnist",
    form=".1%",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Patient A</summary>The learning rate is 30. Each step overshoots,
# > so the weights become huge, and with them the differences between the logits. The
# > *winner* is still mostly the right one, which is why the accuracy is not that bad.
# > But softmax of huge differences is 0 or 1, so the model is certain of everything it
# > says, right or wrong, and the loss is made of the few pictures about which it is
# > certain and wrong.</details>
#
# > <details><summary>Patient B</summary>`zero_grad` is missing. PyTorch *adds* each
# > gradient to the ones before, so a step goes along the sum of all gradients since the
# > start, like a ball without friction: it starts well, rolls through the valley and up
# > the other side. The weights grow, and certainty with them. This is why
# > `trainer.update` clears the gradients first.</details>
#
# The accuracy alone would have told you little. What cures them, and what *else* looks
# like this? Here are patient A at a tenth and at a hundredth of the rate, patient B
# with its gradients cleared, and two runs in which somebody forgot to divide the pixels
# by 255: one at the healthy rate, one at that rate divided by 255².

# %%
table(
    {
        "patient A, rate 3": treated(rate=3.0),
        "patient A, rate 0.3": treated(rate=0.3),
        "patient B, cleared": treated(),
        "pixels from 0 to 255": treated(255),
        "the same, rate / 255²": treated(255, rate=LEARNING_RATE / 255**2),
    }
)

# %% [markdown]
# For handwritten digits a tenth of the rate isn't enough: the loss looks much better,
# but the model is still too sure of its wrong answers. At a hundredth it is nearly
# healthy. And a rate is never too large by itself: it is too large *for inputs of this
# size*. Make the inputs 255 times larger, and for the same mistakes $P - Y$ the slope
# grows by as much; that slope then meets inputs 255 times larger, so one step changes
# the logits 255² = 65,025 times as much as before.
#
# Then why doesn't a rate 65,025 times smaller cure it? Because the *first* weights,
# which PyTorch draws for inputs of about 1, now give logits 255 times too large, before
# any step. The model starts out certain and wrong, and it takes a great many steps of
# healthy size to undo that. So we scale the inputs, not the rate.

# %% [markdown]
# ## Exercises: how they answer
#
# Every exercise has a cell to fill in and a check. An untouched exercise *has not been
# attempted yet*. A wrong answer gets the diagnosis that belongs to it. Stuck? Try
# `cu.hint("00.1")`, and `cu.hint("00.1", 2)` for a stronger hint. Nothing later in a
# lesson depends on an exercise, so you may skip any of them.
#
# ### Exercise 00.1 · Count the parameters
#
# How many numbers does training adjust in a linear classifier of pictures of 28 × 28
# grey pixels into 10 classes?

# %% tags=["exercise"]
parameters = ...
# BEGIN SOLUTION
parameters = 28 * 28 * 10 + 10
# END SOLUTION

# %% tags=["nbval-check-output"]
cu.check("00.1", parameters)

# %% [markdown]
# ### Exercise 00.2 · A softmax that survives
#
# Write `softmax(logits)`, without `torch.softmax`, for a tensor of logits, (B, K).
# Return a tensor of the same shape. It must also be right for logits such as 1000,
# whose exponential is infinite in floating point. What can you subtract from all logits
# of a row without changing its softmax?


# %% tags=["exercise"]
def softmax(logits):
    # BEGIN SOLUTION
    shifted = logits - logits.max(1, keepdim=True).values
    powers = shifted.exp()
    return powers / powers.sum(1, keepdim=True)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("00.2", softmax)

# %% [markdown]
# ### Exercise 00.3 · One step downhill
#
# Write `sgd_step(parameters, rate)`: given a list of tensors that have a `.grad`,
# change each *in place* by one step of gradient descent, and clear its gradient (to
# `None` or to zeros) for the next batch. Changing a tensor that requires a gradient
# needs `with torch.no_grad():`.


# %% tags=["exercise"]
def sgd_step(parameters, rate):
    # BEGIN SOLUTION
    with torch.no_grad():
        for parameter in parameters:
            parameter -= rate * parameter.grad
            parameter.grad = None
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("00.3", sgd_step)

# %% [markdown]
# ### Exercise 00.4 · Repair a loop
#
# This loop runs without an error, and still it doesn't train. It has *three* faults:
#
# ```
# def train(W, batches, rate):
#     losses = []
#     for x, labels in batches:
#         loss = F.cross_entropy(x @ W.T, labels)
#         loss.backward()
#         with torch.no_grad():
#             W += rate * W.grad
#         losses.append(loss)
#     return losses
# ```
#
# Write it right: it takes one step downhill for each pair in `batches`, changes `W`,
# (K, J), in place, and returns the losses as plain numbers, each as it was *before* its
# step. One of the faults costs no accuracy, only memory, and more of it with every
# step: what does a loss hold on to?


# %% tags=["exercise"]
def train(W, batches, rate):
    # BEGIN SOLUTION
    losses = []
    for x, labels in batches:
        loss = F.cross_entropy(x @ W.T, labels)
        W.grad = None
        loss.backward()
        with torch.no_grad():
            W -= rate * W.grad
        losses.append(loss.item())
    return losses
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("00.4", train)

# %% [markdown]
# ### Open challenge
#
# How far can a *linear* classifier go? Try more epochs, a falling learning rate, or
# more pictures of the same digits (`digits.batches(BATCH,
# augment=cu.data.augment.affine())`). There is no check. Report the mean and the spread
# over seeds, not your best run.
#
# ### Your own pictures
#
# Make a folder for each class, put these folders into one, set `DATA` at the top to its
# path, and run the notebook again. A fifth of the pictures is kept for the test, and
# every number and every sentence that a cell prints is then about your pictures. The
# text between the cells is about handwritten digits: how much of it holds for yours?
# If the loss first climbs far above chance, which it does for small colour photographs,
# the rate is too large for inputs of this size: divide it by ten.

# %% [markdown]
# ## Summary
#
# - A loss says how wrong, a gradient says which way, a step goes there: that is
#   training.
# - `Trainer` does the same as the loop by hand, to the last bit on a CPU, and adds
#   progress, safety and speed. The step stays yours.
# - Look at the loss and at the confidence, not only at the accuracy. A model can be
#   right fairly often and still have no idea when it is wrong.
# - A linear classifier is fast, readable and a strong baseline. Try it first. It fails
#   where the same thing looks different, for example when it moves.
#
# **Quiz**
#
# 1. What is the loss of a classifier that gives each of 100 classes the same
#    probability?
#    <details><summary>Answer</summary>ln 100, about 4.6.</details>
# 2. Why does a loop call `zero_grad`?
#    <details><summary>Answer</summary>`backward` adds to what is in `.grad`; without it
#    a step would follow the sum of all gradients so far.</details>
# 3. Training loss falls, test accuracy stays at chance. Name two possible causes.
#    <details><summary>Answer</summary>The test pictures are prepared differently from
#    the training pictures; the labels of one of the two are shuffled; the model has
#    memorised the training pictures.</details>
# 4. What does "91 % accuracy" say without a baseline?
#    <details><summary>Answer</summary>Little: if 90 % of the pictures are of one class,
#    it is hardly better than naming that class.</details>
#
# **Further reading.** Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based
# learning applied to document recognition*, Proceedings of the IEEE 86 (1998), whose
# table of MNIST results is the source of the published figure. M. Nielsen, *Neural
# Networks and Deep Learning* (2015), chapter 1, for the same start at a slower pace.

# %% [markdown] tags=["instructor"]
# **Instructor.** 45 minutes: 5 for the banner and the doctor (let everybody read theirs
# aloud, it finds the broken machines), 20 to the end of the loop by hand, 10 for the
# trainer and the weights, 10 for the clinic and the exercises.
#
# Common beliefs to bring to light: that 2.30 is a *bad* start rather than the honest
# one; that `backward` changes the weights; that a probability of 99 % means right 99
# times in 100; that the trainer "does something clever". The comparison of weights is
# there to end that last one. Question for the room: why do the weights of the zero have
# a red ring around a blue middle? If you're short of time, skip exercise 00.3 and the
# scoreboard over seeds.
