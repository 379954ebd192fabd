# %% [markdown]
# # 00 · Start here
#
# *A first classifier, trained twice: by hand, and by the loop that all lessons share.*
#
# ![Ten weight images of a linear classifier, one for each digit: warm where ink speaks
# for the digit, cold where it speaks against it.](../notebooks/images/00.png)
#
# **Time:** {{minutes}}. **Needs:** Python, and to have seen a neural network once.
#
# After this lesson you can
#
# - say where your code runs, and ask the course what is wrong when it does not;
# - write a training loop by hand: predict, measure, go back, step;
# - train the same model with `Trainer`, and prove that nothing else happened;
# - answer an exercise and read its diagnosis.

# %%
import math
from itertools import islice

import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu

DATA = "mnist"  # also "fashion-mnist", "kmnist", or a folder of your own images
BATCH = 128
LEARNING_RATE = 0.1
EPOCHS = cu.budget(cpu=3, gpu=10)
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])

device = cu.start(seed=0)

# %% [markdown]
# ## Where does this run?
#
# The line above is the first thing every lesson prints. It names the device, the number
# format in which networks are trained there, and the *profile*: how much work the
# lesson gives itself. `cpu` is meant for a laptop, `gpu` for the full-quality run.
#
# If something is wrong with your machine, this cell says what, and how to mend it.

# %%
cu.doctor()

# %% [markdown]
# ## What does a page of this course look like?
#
# Read a cell, run it with Shift+Enter, look at what it says. Three things come back in
# every lesson:
#
# - **Predict before you run.** A question with its answer folded away. Commit yourself
#   before you unfold it: what surprises you is what you learn.
# - **A measured sentence.** Numbers in the text are computed by the cell that prints
#   them. Change something, run again, and the sentence changes with it.
# - **Exercises** that answer back.
#
# Now to the data: pictures of digits, and what each of them shows.

# %%
digits = cu.data.load(DATA)
classes = len(digits.classes)
pixels = digits.train_x[0].numel()
cu.say(
    f"{len(digits.train_x):,} pictures to learn from and {len(digits.test_x):,} to be "
    f"tested on, {pixels} pixels each, in {classes} classes. Source: {digits.source}."
)

# %%
cu.plots.images(
    digits.train_x[:20],
    [digits.classes[i] for i in digits.train_y[:20]],
    alt="The first twenty training pictures, each with its class above it.",
)

# %% [markdown]
# ## How well does one do without learning?
#
# Two baselines, before any network. The first always names the most frequent class. The
# second compares a picture with the *mean picture* of each class and names the nearest.
# Whatever we train has to beat both, or it is not worth its electricity.

# %%
most_frequent = digits.train_y.bincount().argmax()
chance = (digits.test_y == most_frequent).float().mean().item()

train, test = digits.train_x.flatten(1), digits.test_x.flatten(1)  # (N, 784)
means = torch.stack([train[digits.train_y == k].mean(0) for k in range(classes)])
nearest = torch.cdist(test, means).argmin(1)  # (N,)
nearest_mean = (nearest == digits.test_y).float().mean().item()
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
# The class with the largest logit wins. To train the weights we need a loss that is
# small when the right class wins clearly. Turn the logits into probabilities by the
# *softmax*, and take the negative logarithm of the probability of the right class $y$:
#
# $$p_k = \frac{e^{z_k}}{\sum_i e^{z_i}}, \qquad L = -\log p_y .$$
#
# > **Predict before you run.** All weights start at zero. What is the loss of the very
# > first batch?
# > <details><summary>Answer</summary>Every logit is 0, so every class has probability
# > one tenth, and the loss is ln 10, about 2.303, whatever the batch.</details>

# %%
W = torch.zeros(classes, pixels, device=device, requires_grad=True)  # (10, 784)
b = torch.zeros(classes, device=device, requires_grad=True)  # (10,)


def cross_entropy(logits, labels):  # (B, 10), (B,)
    log_p = logits - logits.exp().sum(1, keepdim=True).log()  # (B, 10)
    return -log_p[torch.arange(len(labels)), labels].mean()


images, labels = next(iter(digits.batches(BATCH)))
x = images.flatten(1)  # (B, 784)
loss = cross_entropy(x @ W.T + b, labels)
cu.say(f"First loss: {loss.item():.4f}; ln {classes} is {math.log(classes):.4f}.")

# %% [markdown]
# Our formula is the library's `F.cross_entropy`. Compare them on logits that are not
# zero; from here on we use the library's.

# %% tags=["nbval-check-output"]
logits = torch.randn(BATCH, classes, generator=torch.Generator().manual_seed(1))
ours = cross_entropy(logits.to(device), labels)
theirs = F.cross_entropy(logits.to(device), labels)
print("equal to 1e-6:", bool((ours - theirs).abs() < 1e-6))

# %% [markdown]
# ## Which way is down?
#
# Learning is walking downhill on the loss. The direction is the gradient, and for this
# model it can be written down. With $P$ the probabilities of a batch and $Y$ the same
# table for the truth (1 for the right class, 0 elsewhere),
#
# $$\frac{\partial L}{\partial W} = \frac{1}{B}\,(P - Y)^{\top} X .$$
#
# In words: each wrong probability pushes its class's weights away from the picture, and
# the missing probability of the right class pulls its weights towards it. PyTorch finds
# the same by going back through the computation. We check that it does.

# %% tags=["nbval-check-output"]
loss.backward()
P = (x @ W.T + b).softmax(1)  # (B, 10)
Y = F.one_hot(labels, classes)  # (B, 10)
formula = (P - Y).T @ x / len(x)  # (10, 784)
print("equal to 1e-6:", bool((W.grad - formula).abs().max() < 1e-6))

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
# > **Predict before you run.** The weights start at zero, and a step uses 128 pictures.
# > After the 468 steps of one epoch, is the accuracy on new pictures nearer to 50 %, to
# > 80 % or to 90 %?
# > <details><summary>Answer</summary>The cell measures it. For handwritten digits it is
# > about 90 %: the problem is hard in its last percents, not in its first.</details>


# %%
def make_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes)).to(device)


def test_accuracy(net):
    with torch.no_grad():
        return cu.accuracy(net(digits.test_x), digits.test_y).item()


# %%
net = make_net()
opt = torch.optim.SGD(net.parameters(), LEARNING_RATE)
batches = digits.batches(BATCH)

# %%
for epoch in range(EPOCHS):
    for images, labels in batches.epoch(epoch):
        loss = F.cross_entropy(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch + 1}: test accuracy {test_accuracy(net):.1%}")

by_hand = net

# %% [markdown]
# ## The same, through the trainer
#
# That loop has no progress bar and no curves. It loses everything if the machine stops,
# and it does not know about half precision. A GAN will need two of it, interleaved.
# `Trainer` has all this, and leaves you the part that matters: you write
# `step(batch)`, which returns what you want to see, and in it
# `trainer.update(opt, loss)` stands for lines 2 to 4.

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
linear = history.last["test accuracy"]
cu.say(f"Test accuracy {linear:.1%}, in {history.seconds:.1f} seconds of training.")

# %% [markdown]
# You can press the stop button while it trains. The cell returns with the curves so
# far, and running it again goes on from there.
#
# ## What has it learned?
#
# Each class has one weight for each pixel, so its weights are a picture. Yellow says
# "ink here speaks for me", purple "ink here speaks against me".

# %% tags=["cover"]
weights = net[1].weight.detach().view(classes, *digits.train_x.shape[1:])
cu.plots.images(
    weights.mean(1),
    [str(name) for name in digits.classes],
    limits=None,
    columns=5,
    size=1.2,
    alt="The weights of each class as a picture: bright where ink speaks for the "
    "class, dark where it speaks against it.",
)

# %% [markdown]
# They look like blurred digits, because one template a class is all that a linear
# classifier has. A digit that is moved by a few pixels, or written in another way, no
# longer fits its template. How much does that cost? Move every test picture to the
# right.

# %%
shifts = list(range(7))
moved = [
    cu.accuracy(net(digits.test_x.roll(shift, dims=3)), digits.test_y).item()
    for shift in shifts
]
cu.plots.lines(
    {"linear classifier": (shifts, moved)},
    xlabel="shift to the right, pixels",
    ylabel="test accuracy",
    baselines={"most frequent class": chance},
    alt="Accuracy falls steeply as the test pictures are shifted by one to six pixels.",
)

# %%
cu.say(
    f"A shift of 3 pixels takes the accuracy from {moved[0]:.1%} to {moved[3]:.1%}. "
    "Nothing in this model says that a moved digit is the same digit."
)
cu.claim(
    "Accuracy lost by a shift of 3 pixels",
    moved[0] - moved[3],
    at_least=0.4,
    when=digits.source == "mnist",
    form=".1%",
)

# %% [markdown]
# ## How large should a step be?
#
# The learning rate is the knob you will turn most. Each point of this widget trains the
# classifier anew for 60 steps. Where is it slow? Where does it shake? Where does it
# stop learning at all?


# %%
def loss_curve(rate):
    net = make_net()
    opt = torch.optim.SGD(net.parameters(), rate)
    losses = []
    for images, labels in islice(batches.epoch(0), 60):
        loss = F.cross_entropy(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


# %%
def show_curve(log10_rate):
    losses = loss_curve(10**log10_rate)
    return cu.plots.lines(
        {"loss": (range(1, len(losses) + 1), losses)},
        xlabel="step",
        ylabel="loss",
        baselines={"chance": math.log(classes)},
        alt=f"Loss over {len(losses)} steps at rate {10**log10_rate:.3g}; it ends at "
        f"{losses[-1]:.2f}.",
    )


cu.widgets.explore(show_curve, log10_rate=(-4.0, 2.0, 0.25, -1.0))

# %% [markdown]
# ## Scoreboard
#
# One run is an anecdote. The order of the pictures and the first weights are random, so
# we repeat the training with other seeds, and give the spread beside the mean.


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


runs = torch.tensor([accuracy_with(seed) for seed in SEEDS])

# %% tags=["result"]
cu.scoreboard(
    [
        {"model": "most frequent class", "test accuracy": f"{chance:.1%}"},
        {"model": "nearest mean picture", "test accuracy": f"{nearest_mean:.1%}"},
        {
            "model": f"linear classifier, ours, {len(SEEDS)} seeds",
            "test accuracy": f"{runs.mean():.1%} ± {runs.std():.1%}",
        },
        {
            "model": "linear classifier on MNIST, LeCun et al. 1998 (published)",
            "test accuracy": "88.0%",
        },
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
# The published figure is a linear classifier trained with a squared error; the softmax
# does better. It is MNIST's: if the line under the data cell says that glyphs stand in,
# compare with the two baselines only.
#
# ## Clinic: what is wrong with these runs?
#
# Two colleagues bring you their curves. Both started from the cell above, and each
# changed one thing. Look at the curves before you unfold the diagnosis.


# %%
def broken_run(rate, clear):
    net = make_net()
    opt = torch.optim.SGD(net.parameters(), rate)
    losses = []
    for images, labels in islice(batches.epoch(0), 200):
        loss = F.cross_entropy(net(images), labels)
        if clear:
            opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return range(1, len(losses) + 1), losses


# %%
cases = {
    "healthy": broken_run(0.1, True),
    "patient A": broken_run(30.0, True),
    "patient B": broken_run(0.1, False),
}
cu.plots.lines(
    cases,
    xlabel="step",
    ylabel="loss",
    log="y",
    baselines={"chance": math.log(classes)},
    alt="Three loss curves: the healthy one falls, patient A's jumps about far above "
    "chance from the first steps on, patient B's falls at first, then swings up.",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Patient A</summary>The learning rate is 30. Each step leaps over
# > the valley to a place higher up on the other side, so the loss is far above chance
# > from the first steps on. A tenth of the rate, or less, cures it.</details>
#
# > <details><summary>Patient B</summary>`zero_grad` is missing. PyTorch *adds* each
# > gradient to the ones before, so the step goes along the sum of all gradients since
# > the start. That is a heavy ball without friction: it starts well, rolls through the
# > valley and up the other side. This is why `trainer.update` clears the gradients
# > first.</details>

# %% [markdown]
# ## Exercises: how they answer
#
# Every exercise has a cell to fill in and a check. An untouched exercise says *not
# attempted yet*. A wrong answer gets the diagnosis that belongs to it.
# `cu.hint("00.1")` gives a hint, `cu.hint("00.1", 2)` a stronger one. Nothing later in
# a lesson depends on an exercise, so you may skip any of them.
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
# Write `softmax(logits)` for logits, a tensor (B, K), without `torch.softmax`. Return a
# tensor of the same shape. It must also be right for logits such as 1000, whose
# exponential is infinite in floating point. What can you subtract from all logits of a
# row without changing its softmax?


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
# ### Open challenge
#
# How far can a *linear* classifier go? Try more epochs, a falling learning rate, other
# pictures of the same digits (`cu.data.augment.affine()` given as
# `digits.batches(BATCH, augment=…)`). There is no check. Report the mean and the spread
# over seeds, not your best run.

# %% [markdown]
# ## Summary
#
# - A loss that says how wrong, a gradient that says which way, a step: that is
#   training.
# - `Trainer` does the same as the loop by hand, to the last bit, and adds progress,
#   safety and speed. The step stays yours.
# - A linear classifier is fast, readable and a strong baseline. Use it first. It fails
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
# **Instructor.** 40 minutes: 5 for the banner and the doctor (let everybody read theirs
# aloud, it finds the broken machines), 15 to the end of the loop by hand, 10 for the
# trainer and the weights, 10 for the clinic and the exercises.
#
# Common beliefs to bring to light: that 2.30 is a *bad* start rather than the honest
# one; that `backward` changes the weights; that the trainer "does something clever".
# The comparison of weights is there to end that last one. Question for the room: why do
# the weight pictures have a bright ring around the dark middle for the zero? If short
# of time, skip exercise 00.3 and the scoreboard over seeds.
