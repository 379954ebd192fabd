# %% [markdown]
# # 12 · Image classification
#
# *A dense net, a CNN, and the same CNN trained better: what each idea is worth in
# mistakes, and what the remaining mistakes say.*
#
# ![The test pictures that the network is most wrong about, each with its true class
# and the class that the network named.](../notebooks/images/12.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 00; lesson 11 helps.
#
# After this lesson you can
#
# - build a CNN and count what it costs before you train it;
# - tell two improvements apart by a 2 × 2 experiment, with a fair rival and its spread;
# - compare two networks picture by picture;
# - read a confusion matrix, the worst mistakes, top patches and Grad-CAM;
# - measure when augmentation pays, and recognise a leaking test set and a dead network.

# %%
from itertools import count, islice
from typing import NamedTuple

import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR
from torch.utils.flop_counter import FlopCounterMode

import course_utils as cu

DATA = "mnist"  # or "fashion-mnist", "kmnist", "cifar10", or a folder of your images
BATCH = 128
STEPS = cu.budget(cpu=468, gpu=5616)  # 468 batches are one pass over MNIST
FEW_STEPS = cu.budget(cpu=100, gpu=1500)  # with few labels
WATCHED = cu.budget(cpu=100, gpu=100)  # steps, of the two networks in the clinic
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])
WIDE = 9.5  # inches, the width of the page

device = cu.start(seed=0)

# %% [markdown]
# ## What is there to recognise?
#
# `DATA` above is the one constant to change. A folder of your own pictures works too:
# one subfolder for each class, `DATA = "datasets/flowers"`. Colour stays colour, and
# every sentence that this page computes is then about your pictures.

# %%
data = cu.data.load(DATA)
classes, (channels, side) = len(data.classes), data.train_x.shape[1:3]
size = min(BATCH, max(1, len(data.train_x) // 4))  # of a batch; small for few pictures
on_mnist = data.source == "mnist"

# %%
chance = (data.test_y == data.train_y.bincount().argmax()).float().mean().item()
cu.say(
    f"{len(data.train_x):,} training and {len(data.test_x):,} test pictures of "
    f"{channels} × {side} × {side} numbers; source: {data.source}. Always naming the "
    f"most frequent class is right in {chance:.1%}."
)

# %%
cu.plots.images(
    data.train_x[:20],
    [data.classes[i] for i in data.train_y[:20]],
    size=WIDE / 10,
    alt="The first twenty training pictures with their classes.",
)

# %% [markdown]
# ## Two ways to look at a picture
#
# Lesson 00 ended with a linear classifier that a shift of three pixels ruins. Here are
# two ways to do better.
#
# 1. **A dense net** has a hidden layer of 128 units, each connected to every pixel. It
#    can combine pixels, but a stroke that it has learned in one place it has to learn
#    again in the next.
# 2. **A convolutional net, or CNN,** slides small kernels over the picture, the same
#    weights at every place. Then it halves the picture, looks again, and halves again.
#    The classes are read off the few numbers that are left.
#
# This is the CNN we'll build. The squares are to scale: as the picture shrinks, the
# stack of maps grows.


# %%
def diagram(stages, alt):  # (what makes the maps, how many, their side)
    plot = cu.plots.Plot(WIDE, 2.7, alt)
    axes, x = plot.subplots(), 0.0
    for number, (made_by, maps, across) in enumerate(stages):
        shown, gap = min(maps, 16), side / 28 * 0.6
        for k in reversed(range(shown)):
            place = (x + k * gap, k * gap - across / 2)
            colour = cu.plots.COLOURS[min(number, 1) * 5]
            look = {"facecolor": colour, "edgecolor": "white", "lw": 0.7}
            axes.add_patch(Rectangle(place, across, across, **look))
        middle = x + (across + shown * gap) / 2
        shape = f"{maps} × {across} × {across}"
        axes.text(middle, -0.62 * side, shape, ha="center", va="top", size=9)
        axes.text(middle, -0.76 * side, made_by, ha="center", va="top", size=8)
        x += across + shown * gap + side * 0.45
    axes.set(xlim=(-0.3 * side, x), ylim=(-1.1 * side, 0.9 * side), aspect="equal")
    axes.axis("off")
    return plot


# %%
half, quarter, eighth = (side + 1) // 2, (side + 1) // 4, (side + 1) // 8
diagram(
    [
        ("the picture", channels, side),
        ("conv 5 × 5,\nstride 2, ReLU", 16, half),
        ("conv 3 × 3,\nReLU", 32, half),
        ("max pool 2", 32, quarter),
        ("conv 3 × 3,\nReLU", 64, quarter),
        ("max pool 2,\nthen a linear layer", 64, eighth),
    ],
    alt=f"Stacks of maps to scale: from {channels} × {side} × {side} numbers to "
    f"64 × {eighth} × {eighth}, by three convolutions and two max pools.",
)


# %%
class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(  # sizes for a picture of 28 × 28
            nn.Conv2d(channels, 16, 5, stride=2, padding=2),  # (B, 16, 14, 14)
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),  # (B, 32, 14, 14)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 32, 7, 7)
            nn.Conv2d(32, 64, 3, padding=1),  # (B, 64, 7, 7)
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.MaxPool2d(2),  # (B, 64, 3, 3)
            nn.Flatten(),  # (B, 576)
            nn.Linear(64 * eighth**2, classes),
        )

    def forward(self, images):  # (B, C, H, W)
        return self.head(self.features(images))  # (B, classes)


# %%
def linear_net():
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, classes))


def dense_net():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * side**2, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


# %% [markdown]
# A convolution from $c$ to $c'$ channels with kernels of $k \times k$ has
#
# $$c' \,(c\,k^2 + 1)$$
#
# parameters, whatever the size of the picture. A dense layer has one for each pair of
# input and output.
#
# > **Predict before you run.** Which has more parameters, the dense net or the CNN? And
# > which needs more multiplications for one picture?
# > <details><summary>Answer</summary>The dense net has more parameters, on MNIST about
# > three times as many. The CNN multiplies far more, since each of its weights is used
# > at every place. That is the trade: fewer things to learn, more arithmetic.</details>


# %%
def parameters(net):
    return sum(p.numel() for p in net.parameters())


def multiply_adds(net):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(data.test_x[:1].cpu())
    return counter.get_total_flops() // 2


# %%
cu.scoreboard(
    [
        {
            "network": name,
            "parameters": parameters(make()),
            "multiply-adds": multiply_adds(make()),
        }
        for name, make in [("linear", linear_net), ("dense", dense_net), ("CNN", CNN)]
    ]
)

# %% [markdown]
# ## A first training
#
# The step is the same as in lesson 00: logits, loss, update. (Channels-last is the
# order of memory in which a CPU or GPU computes convolutions fastest. It changes no
# result.)

# %%
torch.manual_seed(SEEDS[0])
cnn = CNN().to(memory_format=torch.channels_last)
opt = torch.optim.Adam(cnn.parameters(), 0.003)
trainer = cu.Trainer("runs/12", net=cnn, opt=opt)


# %%
def step(batch):
    images, labels = batch  # (B, C, H, W), (B,)
    logits = cnn(images)  # (B, classes)
    loss = F.cross_entropy(logits, labels)
    trainer.update(opt, loss)
    return {"loss": loss, "accuracy": cu.accuracy(logits, labels)}


# %%
def evaluate():
    def measure(batch):
        return {"test accuracy": cu.accuracy(cnn(batch[0]), batch[1])}

    return trainer.evaluate(measure, data.test_batches())


# %%
batches = data.batches(size, SEEDS[0])
history = trainer.fit(step, batches, steps=STEPS, evaluate=evaluate)

# %% [markdown]
# That is already a useful classifier. Two tricks are said to make it a good one, and
# most code you'll find uses both at once. Before we measure what each of them is worth,
# let's see what they do.
#
# ## Trick one: batch normalisation
#
# Look at the sums $y$ that the third convolution hands to its ReLU, channel by channel.
# Some channels lie almost wholly below zero, some are wide, some narrow. *Batch
# normalisation* gives all of them the same scale. For each channel it takes the mean
# $\mu$ and the variance $\sigma^2$ over the batch and all places, and computes
#
# $$\hat y = \gamma\,\frac{y - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta .$$
#
# $\gamma$ and $\beta$ are learned, one pair for each channel, and begin at 1 and 0.

# %%
with torch.no_grad():
    sums = cnn.features[:6](data.train_x[:size])  # (B, 64, h, w)
mean = sums.mean((0, 2, 3), keepdim=True)  # (1, 64, 1, 1)
variance = sums.var((0, 2, 3), keepdim=True, unbiased=False)
normed = (sums - mean) / (variance + 1e-5).sqrt()


def spans(axes, values, title):  # (B, 64, h, w)
    flat = values.transpose(0, 1).flatten(1).cpu()  # (64, B·h·w)
    flat = flat[:, :: max(1, flat.shape[1] // 5000)]
    low, middle, high = flat.quantile(torch.tensor([0.05, 0.5, 0.95]), dim=1)
    axes.vlines(range(len(low)), low, high, color=cu.plots.COLOURS[5], lw=4)
    axes.plot(middle, "o", ms=3, color=cu.plots.COLOURS[6])
    axes.axhline(0, color="#666666", lw=1)
    axes.set(title=title, xlabel="channel", ylabel="sum")


# %%
below = ((sums > 0).float().mean((0, 2, 3)) < 0.05).sum().item()
plot = cu.plots.Plot(
    WIDE,
    3.0,
    alt="The middle nine tenths of each channel's sums. Before: of different widths "
    f"and heights, {below} of 64 hardly ever above zero. After: all on one scale.",
)
left, right = plot.subplots(1, 2)
spans(left, sums, f"before: {below} of 64 are hardly ever above 0")
spans(right, normed, "after batch norm with γ = 1, β = 0")
plot

# %% [markdown]
# A test picture should not get another answer because of the pictures beside it. So the
# layer keeps running averages of $\mu$ and $\sigma^2$ while it trains, and in
# evaluation mode it uses those. Forgetting `net.eval()` is the classic mistake. Is our
# formula PyTorch's, and how far are the two modes apart after a single batch?

# %% tags=["nbval-check-output"]
layer = nn.BatchNorm2d(64).to(device)
in_training = layer(sums)  # also moves the running averages by a tenth
in_evaluation = layer.eval()(sums)
print("equal to 1e-4:", torch.allclose(in_training, normed, atol=1e-4))
moved = 0.1 * mean.flatten()
print("running mean = 0.9 · 0 + 0.1 · μ:", torch.allclose(layer.running_mean, moved))
print("both modes agree:", torch.allclose(in_training, in_evaluation, atol=0.1))

# %% [markdown]
# They don't agree yet: one batch moves the averages only a tenth of the way. Thirty
# batches move them $1 - 0.9^{30}$ of the way, which is 96 %.
#
# ## Trick two: one cycle
#
# A large learning rate gets far, but the last steps then jump about the minimum. A
# small one settles but gets nowhere. *One cycle* does both: it begins low, so that
# nothing explodes, rises to a peak that would be too high to stay at, and falls to
# nearly zero. PyTorch's `OneCycleLR` also lowers Adam's momentum while the rate is
# high.


# %%
def schedule(opt, rate, steps, one_cycle):
    return OneCycleLR(opt, rate, steps) if one_cycle else ConstantLR(opt, factor=1)


def rates(rate, one_cycle, steps=200):
    trial = torch.optim.Adam([nn.Parameter(torch.zeros(1))], rate)
    moves, found = schedule(trial, rate, steps, one_cycle), []
    for _ in range(steps):
        found.append(trial.param_groups[0]["lr"])
        trial.step()
        moves.step()
    return [k / steps for k in range(steps)], found


# %%
cu.plots.lines(
    {"constant": rates(0.003, False), "one cycle": rates(0.02, True)},
    xlabel="share of the training done",
    ylabel="learning rate",
    size=(WIDE, 2.6),
    alt="The constant rate is a flat line at 0.003. One cycle rises from 0.0008 to "
    "0.02 in the first three tenths of the training, then falls to nearly 0.",
)

# %% [markdown]
# ## Which of the two is it?
#
# If you add both tricks and the network gets better, you don't know which of them did
# it. So we train all four combinations, for the same number of steps, with several
# seeds. And there is a trap: a trick can win just because its rival had a poor learning
# rate. So each row has the best of at least three rates, judged on 10,000 of MNIST's
# *training* pictures that were held out. The dense net gets the same chances.
#
# > **Predict before you run.** Which of the two takes away more of the plain CNN's
# > mistakes? And what is left for the other to do?
# > <details><summary>Answer</summary>In the search for the rates it was one cycle, with
# > batch norm adding a little. The sentence below the figure is computed from your
# > run.</details>


# %%
class NormedCNN(CNN):
    def __init__(self):
        super().__init__()
        layers = []
        for layer in self.features:
            layers.append(layer)
            if isinstance(layer, nn.Conv2d):
                layers.append(nn.BatchNorm2d(layer.out_channels))
        self.features = nn.Sequential(*layers)


# %%
BEST = "CNN, both"
# Tried: constant 0.001, 0.003 and 0.006 (0.01 and 0.02 too for the dense net); peaks
# 0.005, 0.01, 0.02, 0.03 or 0.04. On data unlike MNIST, look for them anew.
ARMS = {  # the network, its (highest) learning rate, whether in one cycle
    "linear": (linear_net, 0.01, False),
    "dense": (dense_net, 0.01, False),
    "dense, one cycle": (dense_net, 0.01, True),
    "CNN": (CNN, 0.003, False),
    "CNN, batch norm": (NormedCNN, 0.003, False),
    "CNN, one cycle": (CNN, 0.02, True),
    BEST: (NormedCNN, 0.02, True),
}


# %%
def train(make, rate, one_cycle, batches, steps, seed):
    torch.manual_seed(seed)
    net = make().to(memory_format=torch.channels_last)
    opt = torch.optim.Adam(net.parameters(), rate)
    moves = schedule(opt, rate, steps, one_cycle)
    trainer = cu.Trainer(net=net, opt=opt, moves=moves)

    def step(batch):
        loss = F.cross_entropy(net(batch[0]), batch[1])
        trainer.update(opt, loss)
        moves.step()
        return {"loss": loss}

    return net.eval(), trainer.fit(step, batches, steps=steps, show=False)


def logits_of(net, images):  # (N, C, H, W), in parts, to save memory
    with torch.no_grad():
        return torch.cat([net(part) for part in images.split(250)]).float()


def right_of(net):  # (N,), which test pictures it gets right
    return logits_of(net, data.test_x).argmax(1) == data.test_y


# %%
class Run(NamedTuple):
    net: nn.Module
    right: torch.Tensor  # (N,)


runs = {("CNN", SEEDS[0]): Run(cnn.eval(), right_of(cnn))}

# %%
for name, (make, rate, one_cycle) in ARMS.items():
    for seed in SEEDS:
        if (name, seed) not in runs:  # so an interrupted cell goes on where it was
            drawn = data.batches(size, seed)
            made, _ = train(make, rate, one_cycle, drawn, STEPS, seed)
            runs[name, seed] = Run(made, right_of(made))
    errors = [f"{1 - runs[name, seed].right.float().mean():.2%}" for seed in SEEDS]
    print(f"{name}: mistakes {', '.join(errors)}")

# %% [markdown]
# On an axis from 0 to 100 %, 98 and 99 % correct look alike. But one network makes half
# as many *mistakes* as the other. So we plot those, and on a logarithmic axis, where
# equal factors have equal lengths.


# %%
def mistakes(name):  # (seeds,)
    return torch.stack([1 - runs[name, seed].right.float().mean() for seed in SEEDS])


average = {name: mistakes(name).mean().item() for name in ARMS}

# %%
plot = cu.plots.Plot(
    WIDE,
    3.2,
    alt="Share of mistakes on a logarithmic axis, a dot for each seed. On average: "
    + ", ".join(f"{name} {share:.2%}" for name, share in average.items()),
)
axes = plot.subplots()
for place, name in enumerate(ARMS):
    axes.plot(100 * mistakes(name).cpu(), [place] * len(SEEDS), "o", color="#0072B2")
    axes.plot(100 * average[name], place, "|", ms=18, color="#D55E00")
axes.set_yticks(range(len(ARMS)), [f"{n} {100 * a:.2f}" for n, a in average.items()])
axes.invert_yaxis()
axes.set(xlabel="mistakes in the test set, % (beside the name: the mean)")
cu.plots.log_axis(axes.xaxis)
plot

# %%
plain, normed_only, cycled = (
    average[name] / average[BEST]
    for name in ("CNN", "CNN, batch norm", "CNN, one cycle")
)
cu.say(
    f"For one mistake of the CNN with both tricks, the plain CNN makes {plain:.2f}, "
    f"with batch norm alone {normed_only:.2f}, and with one cycle alone {cycled:.2f}."
)

# %% [markdown]
# ## Is a difference of that size real?
#
# Chance enters such a number in two ways. Training is random: that is why there are
# several dots. And the test set is a sample: with $n$ pictures, an accuracy $a$ has a
# standard error of $\sqrt{a(1-a)/n}$.
#
# But don't compare two networks by their two standard errors. They were tested on the
# *same* pictures, and the hard ones are hard for both. Only the pictures on which they
# *disagree* say which one is better. So take, for each test picture, how much more
# often one kind of network gets it right, over all seeds. The mean of these numbers is
# the gain, and the bootstrap says how far other test pictures would move it.


# %%
def rightness(name):  # (N,), in how many of the seeds each picture is right
    return torch.stack([runs[name, seed].right.float() for seed in SEEDS]).mean(0)


def compared(worse, better):
    gain = rightness(better) - rightness(worse)  # (N,)
    low, high = cu.metrics.bootstrap(lambda rows: rows.mean().item(), gain)
    of_seeds = [f"{100 * d:+.2f}" for d in mistakes(worse) - mistakes(better)]
    return {
        "from": worse,
        "to": better,
        "gain, points": f"{100 * gain.mean().item():+.2f}",
        "95 % interval": f"{100 * low:+.2f} to {100 * high:+.2f}",
        "seed by seed": "  ".join(of_seeds),
        "told apart?": "yes" if low > 0 or high < 0 else "not detected",
    }


# %%
cu.scoreboard(
    [
        compared("CNN", "CNN, batch norm"),
        compared("CNN", "CNN, one cycle"),
        compared("CNN, batch norm", BEST),
        compared("CNN, one cycle", BEST),
    ]
)

# %%
one, other = (runs[n, SEEDS[0]].right.float() for n in ("CNN, one cycle", BEST))
apart = (one.var() + other.var()).sqrt().item() / len(one) ** 0.5
paired = (other - one).std().item() / len(one) ** 0.5
cu.say(
    "Standard error of the difference between the two networks with one cycle, first "
    f"seed: {100 * apart:.2f} points if each had its own test set, {100 * paired:.2f} "
    "picture by picture."
)

# %% [markdown]
# "Not detected" is not "none". It says that the gain, if there is one, lies within the
# interval. And a "yes" goes by the pictures alone: look at the seeds, too. Where they
# disagree about the sign, or one of them gains next to nothing, more seeds are needed
# before you praise the trick. All of it holds for *this* number of steps: change
# `STEPS`, and the order may change.

# %% tags=["result"]
cu.claim(
    "Test accuracy of the best network, mean of the seeds",
    1 - average[BEST],
    at_least=0.988,
    when=on_mnist,
    form=".2%",
)

# %% tags=["result"]
cu.claim(
    "Mistakes with one cycle as a share of those at a constant rate, no batch norm",
    average["CNN, one cycle"] / average["CNN"],
    at_most=0.9,
    when=on_mnist,
    form=".0%",
)

# %% tags=["result"]
cu.claim(
    "Mistakes of the dense net, trained as well, for each one of the best CNN",
    average["dense, one cycle"] / average[BEST],
    at_least=2,
    when=on_mnist,
    form=".1f",
)

# %% [markdown]
# ## What does it get wrong?
#
# An accuracy is one number. The confusion matrix is where it comes from: each row is a
# true class, each column what the network said. We leave out the diagonal, which holds
# the right answers and would outshine everything else.

# %%
best = runs[BEST, SEEDS[0]].net
logits = logits_of(best, data.test_x)  # (N, classes)
predicted = logits.argmax(1)  # (N,)
confused = cu.confusion(predicted, data.test_y, classes).fill_diagonal_(0)
true, said = divmod(confused.argmax().item(), classes)
common = (
    f"'{data.classes[true]}' taken for '{data.classes[said]}', "
    f"{confused[true, said]} times in {(data.test_y == true).sum()}"
)

# %%
cu.plots.heatmap(
    confused,
    rows=data.classes,
    columns=data.classes,
    xlabel="said",
    ylabel="true class",
    value="test pictures",
    form=".0f",
    size=(WIDE, 4.6),
    alt=f"Confusion matrix without its diagonal. The most common mistake: {common}.",
)

# %% [markdown]
# Now the pictures themselves. The *worst* mistakes are not those where the network
# hesitated, but those where it was sure and wrong: the largest loss. Before you blame
# the network, say aloud what you see.

# %% tags=["cover"]
loss_of = F.cross_entropy(logits, data.test_y, reduction="none")  # (N,)
worst = loss_of.argsort(descending=True)[:24]
titles = [
    f"{data.classes[data.test_y[i]]}, said {data.classes[predicted[i]]}" for i in worst
]
cu.plots.images(
    data.test_x[worst],
    titles,
    columns=8,
    size=WIDE / 8,
    alt="The 24 test pictures with the largest loss, each with its true class and what "
    "the network said.",
)

# %% [markdown]
# ## What does a unit wait for?
#
# The last convolution gives a stack of 64 maps, one for each of its units. To learn
# what a unit waits for, turn the question round: which places, in up to 2,000 test
# pictures, excite it most? One number of the last layer sees a patch of 19 × 19 pixels,
# and its neighbour a patch 4 pixels further on. Below are the five units that respond
# most strongly, a row for each.

# %%
SEES = 19  # pixels across the patch of one number
JUMP = 4  # pixels from patch to patch
MARGIN = 8  # how far the first patch sticks out of the picture
UNITS = 5  # how many we look at


def maps_of(net, images):  # (N, 64, h, w), in parts too
    with torch.no_grad():
        return torch.cat([net.features(part) for part in images.split(250)])


# %%
def top_patches(unit, images, count=10):
    found = maps_of(best, images)[:, unit]  # (N, h, w)
    strongest, places = found.flatten(1).max(1)  # (N,) each
    padded = F.pad(images, [MARGIN] * 4)
    patches, chosen = [], strongest.argsort(descending=True)[:count]
    for picture in chosen.tolist():
        row, column = divmod(places[picture].item(), found.shape[2])
        top, left = row * JUMP, column * JUMP
        patches.append(padded[picture, :, top : top + SEES, left : left + SEES])
    return torch.stack(patches), data.test_y[chosen]


# %%
strength = maps_of(best, data.test_x[:500]).amax((0, 2, 3))  # (64,)
units = strength.argsort(descending=True)[:UNITS].tolist()
found = [top_patches(unit, data.test_x[:2000]) for unit in units]
cu.plots.images(
    torch.cat([patches for patches, _ in found]),
    [data.classes[label] for _, labels in found for label in labels],
    size=WIDE / 10,
    alt=f"For each of {UNITS} units of the last layer a row with the ten patches that "
    "excite it most, each with the class of its picture.",
)

# %%
kinds = [len(labels.unique()) for _, labels in found]
cu.say(
    "Classes among the ten patches, row by row: "
    f"{', '.join(map(str, kinds))}. A unit that answered to one class would have 1."
)

# %% [markdown]
# Look along the rows: what do the ten patches of a row share? Where a row mixes
# classes, look for a *part*: a stroke that ends or bends in a certain way. But a patch
# of 19 pixels holds most of a digit, and the ten strongest responses are a small
# sample: a row of one class doesn't prove that its unit recognises that class.
#
# ## Where did it look?
#
# Grad-CAM asks which places of the last feature maps $A_c$ raise the logit $z_k$ of a
# class. The gradient, averaged over places, says how much each map counts; the maps are
# summed with these weights, and only what speaks *for* the class is kept:
#
# $$\alpha_c = \frac{1}{HW}\sum_{ij} \frac{\partial z_k}{\partial A_{cij}},\qquad
# M = \max\Big(0, \sum_c \alpha_c A_c\Big).$$
#
# The class is ours to choose. So take pictures that it got wrong, and ask twice: what
# spoke for the class that was *named*, and what for the *true* one?


# %%
def evidence(net, images, labels):  # (B, C, H, W), (B,)
    maps = net.features(images)  # (B, 64, h, w)
    chosen = net.head(maps).gather(1, labels.unsqueeze(1))  # (B, 1), the logits
    (slopes,) = torch.autograd.grad(chosen.sum(), maps)  # (B, 64, h, w)
    weights = slopes.mean((2, 3), keepdim=True)  # (B, 64, 1, 1)
    cam = (weights * maps).sum(1, keepdim=True).relu().detach()  # (B, 1, h, w)
    return F.interpolate(cam, images.shape[2:], mode="bilinear")  # (B, 1, H, W)


def glowing(images, cam):  # orange where the evidence is
    grey = 0.7 * images.mean(1, keepdim=True)  # (B, 1, H, W)
    orange = images.new_tensor([1.0, 0.55, 0.0]).view(1, 3, 1, 1)
    return grey + cam * (orange - grey)  # (B, 3, H, W)


# %%
shown = worst[:8]
pictures, answers, truths = data.test_x[shown], predicted[shown], data.test_y[shown]
cams = torch.stack([evidence(best, pictures, y) for y in (answers, truths)])
# both maps of a picture on one scale
cams = cams / cams.amax((0, 2, 3, 4), keepdim=True).clamp_min(1e-9)
grey = pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1)
cu.plots.images(
    torch.cat([grey, *(glowing(pictures, cam) for cam in cams)]),
    [
        *titles[:8],
        *(f"for {data.classes[y]}" for y in answers),
        *(f"for {data.classes[y]}" for y in truths),
    ],
    columns=len(shown),
    size=WIDE / 8,
    alt="Eight mistakes. Below each, in orange, the places that spoke for the class "
    "named, and below that those that spoke for the true class.",
)

# %%
strong = cams.flatten(2).mean(2)  # (2, 8)
cu.say(
    f"In {(strong[0] > strong[1]).sum()} of these {len(shown)} pictures there is more "
    "evidence for the class named than for the true one."
)

# %% [markdown]
# A map like this shows where the evidence is, not whether it is good evidence. Where
# both maps glow at the same places, the same strokes speak for both classes. A dark map
# says that the weighted sum was negative or nearly zero everywhere. And a glow on empty
# ground isn't an error: that nothing is there can be evidence, too.
#
# ## Move it, turn it
#
# The linear classifier of lesson 00 broke when a digit moved. Take a test picture,
# shift and turn it, and watch the probabilities. Where does *this* network break, and
# does it know when it does?


# %%
def moved_and_turned(picture, shift, angle):
    image = data.test_x[picture : picture + 1]
    image = cu.data.augment.warp(image, angle=angle, shift=(shift / side, 0))
    probabilities = logits_of(best, image).softmax(1)[0]
    return cu.plots.prediction(
        image[0],
        probabilities,
        data.classes,
        alt=f"Test picture {picture} moved by {shift} pixels and turned by {angle} "
        f"degrees: {data.classes[probabilities.argmax()]}, {probabilities.max():.0%}.",
    )


# %%
cu.widgets.explore(
    moved_and_turned,
    picture=(0, 99, 1, 0),
    shift=(-10, 10, 1, 0),
    angle=(-90, 90, 5, 0),
)

# %% [markdown]
# Now all networks, on the first 1,000 test pictures, shifted to the right. (What comes
# in from the left is black.) Beside the accuracy we ask for the *confidence*: the
# probability that the network gives to its own answer, on average. If a network knew
# how often it fails, its confidence would fall along with its accuracy, at the same
# pace.


# %%
def at_shift(net, pixels):  # accuracy and mean confidence
    images = cu.data.augment.warp(data.test_x[:1000], shift=(pixels / side, 0))
    chances = logits_of(net, images).softmax(1)  # (N, classes)
    accuracy = cu.accuracy(chances, data.test_y[:1000]).item()
    return accuracy, chances.max(1).values.mean().item()


shifts = list(range(side // 4 + 1))
shifted = {
    name: [at_shift(runs[name, SEEDS[0]].net, pixels) for pixels in shifts]
    for name in ("linear", "dense, one cycle", "CNN", BEST)
}

# %%
ends = {name: values[4][0] for name, values in shifted.items()}
told = ", ".join(f"{name} {accuracy:.1%}" for name, accuracy in ends.items())
cu.plots.lines(
    {
        **{name: (shifts, [a for a, _ in v]) for name, v in shifted.items()},
        f"{BEST}: confidence": (shifts, [c for _, c in shifted[BEST]]),
    },
    xlabel="shift to the right, pixels",
    ylabel="test accuracy, confidence",
    baselines={"most frequent class": chance},
    size=(WIDE, 3.6),
    alt=f"Accuracy against shift. At 4 pixels: {told}. The confidence of the best "
    f"network is {shifted[BEST][4][1]:.1%} there, and {shifted[BEST][-1][1]:.1%} at "
    f"{shifts[-1]} pixels, where it is right in {shifted[BEST][-1][0]:.1%}.",
)

# %%
accuracy, confidence = shifted[BEST][-1]
cu.say(
    f"Shifted by 4 pixels: {told}. Shifted by {shifts[-1]}, the best network is right "
    f"in {accuracy:.1%}, and it is {confidence:.1%} confident on average."
)

# %% [markdown]
# So a CNN is *not* indifferent to shifts. Its kernels respond nearly alike wherever a
# stroke lies, but the linear layer at the end has a weight for each place. Its
# confidence does fall, but far too little: a high probability is no sign that the
# network is on familiar ground. (Part of the loss isn't its fault. Of these 1,000 MNIST
# digits, one in seven begins to leave the picture at 4 pixels, and more than half of
# them at 7.)
#
# ## When does augmentation pay?
#
# A moved digit is the same digit. We can tell the network so by moving the training
# pictures: each batch is turned, shifted, resized and slanted a little, at random. (And
# mirrored half of the time if the pictures are in colour: a mirrored dog is a dog, but
# a mirrored 3 is not a 3.) Does it help? With 10 pictures of each class, with 100, with
# all of them? The steps are the same with and without, and there are several seeds:
# with few labels, which pictures one happens to have is the largest source of chance.
#
# > **Predict before you run.** With 10 pictures of each class, does augmentation halve
# > the mistakes, take away a tenth of them, or make more? And with all of them?
# > <details><summary>Answer</summary>The table below is computed from your run. For
# > handwritten digits, with 10 of each class, it takes away about a third or
# > more.</details>


# %%
def augment(images):
    images = cu.data.augment.affine()(images)
    return cu.data.augment.flip()(images) if channels == 3 else images


def with_labels(amount, augmented, seed):
    change = augment if augmented else None
    if amount == everything:
        drawn, steps = data.batches(size, seed, change), STEPS
    else:
        few_only = data.few(amount, seed)
        drawn, steps = few_only.batches(min(100, amount), seed, change), FEW_STEPS
    net, _ = train(NormedCNN, *ARMS[BEST][1:], drawn, steps, seed)
    return Run(net, right_of(net))


# %%
everything = len(data.train_y)
AMOUNTS = sorted({min(n * classes, everything) for n in (10, 100)} | {everything})
few = {(everything, False, seed): runs[BEST, seed] for seed in SEEDS}

# %%
for amount in AMOUNTS:
    for augmented in (False, True):
        for seed in SEEDS:
            if (amount, augmented, seed) not in few:
                few[amount, augmented, seed] = with_labels(amount, augmented, seed)


def missed(amount, augmented):  # (seeds,)
    found = [few[amount, augmented, seed].right for seed in SEEDS]
    return 1 - torch.stack(found).float().mean(1)


def ratio(amount):
    return (missed(amount, True).mean() / missed(amount, False).mean()).item()


# %%
cu.scoreboard(
    [
        {
            "training pictures": amount,
            "mistakes": f"{missed(amount, False).mean():.2%} ± "
            f"{missed(amount, False).std():.2%}",
            "with augmentation": f"{missed(amount, True).mean():.2%} ± "
            f"{missed(amount, True).std():.2%}",
            "ratio": f"{ratio(amount):.2f}",
        }
        for amount in AMOUNTS
    ]
)

# %%
cu.claim(
    "Mistakes with augmentation as a share of those without, 10 pictures a class",
    ratio(AMOUNTS[0]),
    at_most=0.8,
    when=on_mnist,
    form=".0%",
)

# %% [markdown]
# In one pass over all of MNIST, the network sees each picture only once, with or
# without augmentation, so there are no repeats to vary. But accuracy on the test set
# isn't all that augmentation can give. How does the network that saw moved pictures
# take a shift?

# %%
sturdy = few[everything, True, SEEDS[0]].net
pixels = side // 6
before, after = at_shift(best, pixels)[0], at_shift(sturdy, pixels)[0]
cu.say(
    f"Shifted by {pixels} pixels: {before:.1%} right without augmentation, {after:.1%} "
    "with."
)

# %%
cu.claim(
    f"Mistakes with augmentation as a share of those without, moved by {pixels} pixels",
    (1 - after) / max(1 - before, 1e-9),
    at_most=0.5,
    when=on_mnist,
    form=".0%",
)

# %% [markdown]
# The changes have to be ones that keep the class. Mirroring is fine for cats and wrong
# for digits; a turn by 180 degrees makes a 6 a 9.
#
# ## Scoreboard


# %%
def row(name):
    return {
        "network": name,
        "parameters": parameters(runs[name, SEEDS[0]].net),
        "test accuracy": f"{1 - average[name]:.2%} ± {mistakes(name).std():.2%}",
    }


published = [  # all on MNIST
    ("LeNet-5, 20 passes (LeCun et al. 1998)", 60_000, "99.05%"),
    ("one pass, 0.76 s on a GPU (train_mnist_fast)", "", "99.04%"),
    ("Keras's example, 12 passes", "", "99.25%"),
]
cu.scoreboard(
    [
        {"network": "most frequent class", "test accuracy": f"{chance:.1%}"},
        *(row(name) for name in ARMS),
        *(
            {"network": f"published: {n}", "parameters": p, "test accuracy": a}
            for n, p, a in published * on_mnist
        ),
    ]
)

# %% [markdown]
# ## Clinic
#
# ### Patient A: too good to be true
#
# A colleague has 300 labelled pictures. They augment first, ten versions of each, then
# shuffle all versions and keep a fifth for testing. Here is what they report, and what
# the network does on pictures that nobody touched.

# %%
small = data.few(min(300, everything))
torch.manual_seed(0)
many_x = cu.data.augment.affine()(small.train_x.repeat(10, 1, 1, 1))  # (3000, C, H, W)
many_y, origin = small.train_y.repeat(10), torch.arange(len(small.train_x)).repeat(10)
order = torch.randperm(len(many_x))
held_out, kept = order.split([len(order) // 5, len(order) - len(order) // 5])

# %%
leaking = cu.Batches((many_x[kept], many_y[kept]), min(100, len(kept)))
suspect, _ = train(NormedCNN, *ARMS[BEST][1:], leaking, FEW_STEPS, seed=0)
claimed = logits_of(suspect, many_x[held_out]).argmax(1) == many_y[held_out]
reported, honest = (
    100 * (1 - r.float().mean().item()) for r in (claimed, right_of(suspect))
)
cu.plots.bars(
    {"their test part": reported, "the real test set": honest},
    ylabel="mistakes, %",
    size=(WIDE, 2.8),
    alt=f"Mistakes: {reported:.3g} % in their test part, {honest:.3g} % in truth.",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>The test set leaks. They split *after* augmenting,
# > so nearly every test picture has a sibling, another version of the same photograph,
# > among the training pictures. The next cell counts them. Split first, by origin (by
# > patient, by speaker, by day), then augment the training part only.</details>

# %%
siblings = torch.isin(origin[held_out], origin[kept]).float().mean().item()
cu.say(
    f"{siblings:.1%} of their test pictures have a sibling in training. They report "
    f"{reported:.3g} % mistakes; in truth it is {honest:.3g} %."
)

# %% [markdown]
# ### Patient B: a flat line
#
# The same plain CNN, the same data, two runs of SGD. They differ in one number.


# %%
def short_run(make, rate, warm_up=1):
    torch.manual_seed(0)
    net = make().to(device, memory_format=torch.channels_last)
    opt = torch.optim.SGD(net.parameters(), rate, momentum=0.9)
    drawn, losses = data.batches(size), []
    endless = (batch for epoch in count() for batch in drawn.epoch(epoch))
    for images, labels in islice(endless, WATCHED):
        opt.param_groups[0]["lr"] = rate * min(1, (len(losses) + 1) / warm_up)
        loss = F.cross_entropy(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return net, losses


# %%
healthy, patient = short_run(CNN, 0.05), short_run(CNN, 1.0)
cu.plots.lines(
    {
        "healthy": (range(WATCHED), healthy[1]),
        "patient B": (range(WATCHED), patient[1]),
    },
    xlabel="step",
    ylabel="loss",
    log="y",
    baselines={"chance": torch.tensor(float(classes)).log().item()},
    size=(WIDE, 3.0),
    alt=f"After {WATCHED} steps the healthy loss is {healthy[1][-1]:.2g}; patient B's "
    f"leapt to {max(patient[1]):.2g} and ended at {patient[1][-1]:.2g}.",
)


# %%
def dead_share(net):
    maps = maps_of(net, data.test_x[:500])
    return (maps.amax((0, 2, 3)) <= 0).float().mean().item()


cu.say(
    "Maps of the last block that are zero for all of "
    f"{min(500, len(data.test_x))} test pictures: "
    f"{dead_share(healthy[0]):.0%} in the healthy network, "
    f"{dead_share(patient[0]):.0%} in the patient."
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>Dead ReLUs. A learning rate of 1 threw the weights
# > so far in a few steps that the sums before the ReLU are negative for every picture.
# > Zero out, zero gradient back: nothing can revive them, and the network answers with
# > the class frequencies, whose loss is close to the line of chance. A smaller rate
# > prevents it: that is the healthy network, which has some dead maps too but learns
# > well with the rest. Batch norm and a warm-up are often named as cures. Would they
# > have saved this patient? The next cell tries both.</details>

# %%
cures = {
    "a rate of 1, with batch norm": (NormedCNN, 1.0),
    "a rate of 1, warmed up over 50 steps": (CNN, 1.0, 50),
}
cu.scoreboard(
    [
        {
            "cure": name,
            "loss, last ten steps": f"{sum(losses[-10:]) / 10:.3g}",
            "dead maps": f"{dead_share(net.eval()):.0%}",
        }
        for name, (net, losses) in ((n, short_run(*how)) for n, how in cures.items())
    ]
)

# %% [markdown]
# A loss that stays at the line of chance (for ten classes, 2.3) means "not cured". A
# remedy that is often right needn't be right for *this* rate.
#
# ## Exercises
#
# ### Exercise 12.1 · Parameters of a convolution
#
# Write `conv_parameters(inputs, outputs, kernel)`: the number of parameters of a 2-D
# convolution with bias.


# %% tags=["exercise"]
def conv_parameters(inputs, outputs, kernel):
    # BEGIN SOLUTION
    return outputs * (inputs * kernel**2 + 1)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("12.1", conv_parameters)

# %% [markdown]
# Stuck? `cu.hint("12.1")` gives a first hint and `cu.hint("12.1", 2)` a second one.
# Every exercise has them.
#
# ### Exercise 12.2 · How large is the output?
#
# Write `output_size(size, kernel, stride, padding)`: the side of a convolution's output
# for an input of `size` pixels a side, with `padding` zeros added on every side.


# %% tags=["exercise"]
def output_size(size, kernel, stride, padding):
    # BEGIN SOLUTION
    return (size + 2 * padding - kernel) // stride + 1
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("12.2", output_size)

# %% [markdown]
# ### Exercise 12.3 · Grad-CAM from its formula
#
# Write `grad_cam(maps, slopes)` for the feature maps of *one* picture, (C, H, W), and
# the gradients of the winning logit, of the same shape. Return the map $M$, (H, W), not
# rescaled.


# %% tags=["exercise"]
def grad_cam(maps, slopes):
    # BEGIN SOLUTION
    weights = slopes.mean((1, 2))  # (C,)
    return torch.einsum("c,chw->hw", weights, maps).relu()
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("12.3", grad_cam)

# %% [markdown]
# ### Exercise 12.4 · Find the leak
#
# Write `leaked(train, test)` for pictures (N, …) and (M, …): a boolean tensor (M,) that
# is true where a test picture is *exactly* equal to some training picture.


# %% tags=["exercise"]
def leaked(train, test):
    # BEGIN SOLUTION
    train, test = train.flatten(1), test.flatten(1)
    return torch.stack([(train == picture).all(1).any() for picture in test])
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("12.4", leaked)

# %% [markdown]
# ### Exercise 12.5 · Build the network without its batch norm
#
# In evaluation mode, batch norm multiplies each channel by a fixed number and adds
# another. So does a convolution. Then one layer can do the work of both, and that is
# how networks are shipped. Write `fold(weight, bias, gamma, beta, mean, variance)` for
# a convolution's weight, (C', C, k, k), and bias, (C',), followed by a batch norm with
# the running mean and variance, (C',) each, and $\epsilon = 10^{-5}$. Return the weight
# and the bias of the one convolution that gives the same result.


# %% tags=["exercise"]
def fold(weight, bias, gamma, beta, mean, variance):
    # BEGIN SOLUTION
    scale = gamma / (variance + 1e-5).sqrt()  # (C',)
    return weight * scale.view(-1, 1, 1, 1), (bias - mean) * scale + beta
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("12.5", fold)

# %% [markdown]
# ### Open challenge
#
# Reach 99.5 % on MNIST under the `cpu` profile, as a mean over three seeds, within the
# budget of this lesson. Or set `DATA = "fashion-mnist"` and find the change that helps
# most. Decide on a validation part cut from the *training* pictures, and look at the
# test set once, at the end.

# %% [markdown]
# ## Summary
#
# - With fewer parameters, a CNN makes fewer mistakes than a dense net, since the same
#   kernel serves every place. It pays in arithmetic.
# - Two changes at once tell you nothing about either. Train all four combinations, tune
#   each rival, give all of them the same steps.
# - Compare two networks on the pictures where they disagree, and over seeds. "Not
#   detected" is not "none".
# - A CNN fails when you move the picture far enough, and its confidence falls far too
#   little. Augmentation helps most when labels are few or test pictures are moved.
# - Use a CNN when neighbours belong together: pictures, spectrograms, short signals. Do
#   not use it when columns could be shuffled without loss, as in most tables.
# - Split first, by origin; then do everything else.
#
# **Quiz**
#
# 1. How many parameters does a 3 × 3 convolution from 32 to 64 channels have, with
#    bias?
#    <details><summary>Answer</summary>64 · (32 · 9 + 1) = 18,496.</details>
# 2. Batch norm follows a convolution. Which of the convolution's parameters are now
#    useless?
#    <details><summary>Answer</summary>Its biases: whatever they add to a channel, batch
#    norm subtracts again with the mean.</details>
# 3. Two networks have 99.31 % and 99.37 % on the same 10,000 test pictures. Which is
#    better?
#    <details><summary>Answer</summary>The two numbers can't tell you; ask on how many
#    pictures they disagree. If 6 are right for the second alone and none for the first,
#    that would be a fair coin falling six times on one side, 1 in 32. If it is 36
#    against 30, it happens all the time.</details>
# 4. A loss lies at ln(classes) from the tenth step on. Your first three suspects?
#    <details><summary>Answer</summary>Learning rate too high (dead units), labels not
#    matching pictures, gradients not reaching the weights.</details>
#
# **Further reading.** Y. LeCun et al., *Gradient-based learning applied to document
# recognition*, Proc. IEEE 86 (1998). S. Ioffe, C. Szegedy, *Batch normalization*, ICML
# 2015. L. Smith, N. Topin, *Super-convergence*, 2018 (the one cycle). Q. McNemar, *Note
# on the sampling error of the difference between correlated proportions*, Psychometrika
# 12 (1947). R. Selvaraju et al., *Grad-CAM*, ICCV 2017. S. Kapoor, A. Narayanan,
# *Leakage and the reproducibility crisis in machine-learning-based science*, Patterns
# 2023.

# %% [markdown] tags=["instructor"]
# **Instructor.** 90 minutes: 15 to the first training, 15 on the two tricks, 15 on the
# 2 × 2 while it trains (collect votes: batch norm or one cycle?), 15 on mistakes,
# patches and Grad-CAM, 10 on shifts and augmentation, 10 for the clinic, 10 for an
# exercise.
#
# Common beliefs: that a CNN is shift-invariant (the shift plot answers); that batch
# norm is why modern networks train well (the 2 × 2 answers, for this network); that two
# error bars which overlap mean "no difference"; that Grad-CAM shows why the answer is
# *right*; that warm-up cures any rate (patient B). Question for the room on patient A:
# whose own project would survive it? If short of time, skip the top patches and
# exercise 12.3.
