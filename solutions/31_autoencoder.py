# %% [markdown]
# # 31 · Autoencoder
#
# *A network that squeezes pictures through a few numbers, beside PCA, JPEG and a strict
# judge: what a code keeps, what it costs, and what it can't do.*
#
# ![Test error against the size of the code for PCA and for linear, dense and
# convolutional autoencoders.](../notebooks/images/31.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 12; lesson 11 helps.
#
# After this lesson you can
#
# - build and train an autoencoder, and judge it beside PCA at the same code size;
# - compute PCA by hand, and say which error no linear code can get below;
# - show that a linear autoencoder finds the subspace of PCA, and not its directions;
# - measure what a code keeps, in error, in bits and in labels;
# - tell what the architecture does from what the training time does;
# - recognise a code whose numbers have died.

# %%
import gc
import io
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.linalg import subspace_angles
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

DATA = "mnist"  # or "fashion-mnist", "kmnist", or a folder of your own pictures
SIZES = [2, 4, 8, 16, 32, 64]  # numbers in a code
CODE = 32  # the size that we look at most
BATCH, PEAK = 125, 0.01  # pictures in a batch; the one cycle's highest rate
FIRST = cu.budget(cpu=600, gpu=600)  # steps of the first training
LINEAR = cu.budget(cpu=1200, gpu=3000)
SHORT = cu.budget(cpu=150, gpu=5000)  # steps of a deep network, if training is short
LONG = cu.budget(cpu=520, gpu=20_000)  # and if it is long
JUDGE = cu.budget(cpu=250, gpu=2000)
CLINIC = cu.budget(cpu=250, gpu=1000)
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])
WIDE = 9.5  # inches, the width of the page

device = cu.start(seed=0)

# %% [markdown]
# ## How many numbers is a picture?
#
# A handwritten digit of 28 × 28 pixels is 784 numbers. Does it need so many? Most
# settings of 784 pixels look like noise, and nobody ever writes those. So perhaps a
# much shorter *code* would do. An **encoder** $e$ turns the picture $x$ into a few
# numbers $z$, and a **decoder** $d$ turns them back into a picture $\hat x$:

# %%
cu.plots.diagram(
    {
        "x": (0.9, 1.5, "name", "$x$"),
        "e": (2.7, 1.5, "box", "$e$"),
        "z": (4.5, 1.5, "name", "$z$"),
        "d": (6.3, 1.5, "box", "$d$"),
        "y": (8.1, 1.5, "name", r"$\hat x$"),
        "-": (4.5, 0.4, "circle", "$-$"),
        "loss": (6.3, 0.4, "name", "loss"),
        "e's": (2.7, 1.1, "label", "encoder"),
        "d's": (6.3, 1.1, "label", "decoder"),
        "x's": (0.9, 1.82, "label", "picture"),
        "z's": (4.5, 1.82, "label", "code: a few numbers"),
        "y's": (8.1, 1.82, "label", "reconstruction"),
    },
    [
        *(("x", "e"), ("e", "z"), ("z", "d"), ("d", "y"), ("-", "loss")),
        *(("x", (0.9, 0.4), "-"), ("y", (8.1, 0.8), (4.5, 0.8), "-")),
    ],
    size=(WIDE, 2.0),
    alt="An autoencoder. A picture x goes through the encoder e to the code z, and "
    "through the decoder d to a picture x hat. The loss is the mean square of their "
    "difference.",
)

# %% [markdown]
# The target is the input itself, so you need no labels. What makes the task hard is the
# narrow place in the middle, the *bottleneck*. We judge a code by its size and by the
# mean squared error per pixel on test pictures, where black is 0 and white is 1.
#
# `DATA` above is the one constant to change. A folder of your own pictures works too,
# with a subfolder for each class: `DATA = "datasets/flowers"`. Colour stays colour, and
# what this page computes is then about your pictures.

# %%
named = str(DATA).lower() in cu.data.names()  # or a folder, read at MNIST's size
data = cu.data.load(DATA) if named else cu.data.folder(DATA, size=28)
data = data.few(min(12_000, len(data.train_x)))  # enough here, and it spares memory
channels, side = data.train_x.shape[1:3]
SHAPE, PIXELS = (channels, side, side), channels * side**2  # each colour counts
batch = min(BATCH, max(2, len(data.train_x) // 4))
on_mnist = data.source == "mnist"

# %%
mean = data.train_x.mean(0)  # (C, H, W)
nothing = F.mse_loss(mean.expand_as(data.test_x), data.test_x).item()
cu.say(
    f"{len(data.train_x):,} training and {len(data.test_x):,} test pictures of "
    f"{channels} × {side} × {side} = {PIXELS:,} numbers; source: {data.source}. With "
    f"no code at all the best guess is the mean picture. Its error is {nothing:.4f}."
)

# %% [markdown]
# ## A first autoencoder
#
# Two small dense networks, one behind the other. Only the layer in the middle is new:
# it has as many outputs as the code has numbers, and no ReLU, since a code may have any
# sign.

# %%
torch.manual_seed(0)
first = nn.Sequential(
    nn.Flatten(),  # (B, 784)
    nn.Linear(PIXELS, 256),
    nn.ReLU(),
    nn.Linear(256, CODE),  # (B, 32), the code
    nn.Linear(CODE, 256),
    nn.ReLU(),
    nn.Linear(256, PIXELS),
    nn.Unflatten(1, SHAPE),  # (B, 1, 28, 28)
)
opt = torch.optim.Adam(first.parameters(), 1e-3)

# %% [markdown]
# The step is that of lesson 12, and the picture is its own target. While it trains, we
# keep what it makes of ten test pictures at a few moments. (`cu.Kept` is a dict that is
# saved with the training, so an interrupted run goes on without a gap.)

# %%
some = [int((data.test_y == c).nonzero()[0, 0]) for c in data.test_y.unique()[:10]]
ten = data.test_x[some]  # (10, C, H, W), one of each class
moments = sorted({FIRST // 30, FIRST // 6, FIRST - 1})
album = cu.Kept()
trainer = cu.Trainer("runs/31/first", net=first, opt=opt, album=album)


# %%
def step(batch):
    pictures, _ = batch  # (B, C, H, W); no labels are needed
    if trainer.steps in moments:
        album[trainer.steps] = first(ten).detach().cpu()
    loss = F.mse_loss(first(pictures), pictures)
    trainer.update(opt, loss)
    return {"error": loss}


# %%
history = trainer.fit(step, data.batches(batch), steps=FIRST)

# %%
rows = [*album.values(), ten.cpu()]
cu.plots.images(
    torch.cat(rows).clamp(0, 1).mul(31).round().div(31),  # few greys, a small file
    columns=len(ten),
    size=WIDE / 10,
    alt=f"What the network makes of {len(ten)} test pictures after "
    f"{', '.join(map(str, album))} steps, a row each; the last row is the pictures.",
)

# %% [markdown]
# From top to bottom: nearly one blur for all pictures, then blurs that differ, then the
# detail. First it learns what all pictures share, then what tells them
# apart.


# %%
def test_error(net):
    def measure(batch):
        return {"error": F.mse_loss(net(batch[0]), batch[0])}

    return cu.Trainer(net=net).evaluate(measure, data.test_batches())["error"]


# %%
first_error = test_error(first)
cu.say(
    f"Test error after {FIRST} steps: {first_error:.4f}, which is "
    f"{first_error / nothing:.0%} of the mean picture's, from {CODE} numbers instead "
    f"of {PIXELS:,}."
)

# %% [markdown]
# Is that good? The mean picture is a rival that anybody can beat. We need one that also
# has 32 numbers, and that makes the best of them.
#
# ## What can a linear code do?
#
# Take the mean picture $\mu$ and $k$ directions $v_1 … v_k$, at right angles and of
# length 1. The code is the picture's coordinates along them, and decoding adds them up
# again:
#
# $$z_j = v_j^{\top}(x - \mu), \qquad \hat x = \mu + \sum_{j=1}^{k} z_j v_j .$$
#
# Which directions lose least? Those in which the pictures vary most: the eigenvectors
# of the covariance matrix $C$ with the largest eigenvalues $\lambda_1 \ge \lambda_2
# \ge …$ What you leave out is the rest of the variance. With $P$ pixels, the error per
# pixel on the training pictures is
#
# $$\text{error}(k) = \frac{1}{P} \sum_{j > k} \lambda_j ,$$
#
# and no linear code of $k$ numbers has less. This is *principal component analysis*
# (PCA). It needs no training, only one matrix, and
# `sklearn.decomposition.PCA` finds the same directions.


# %%
def covariance(pictures):
    """Mean (P,) and covariance (P, P), in 64 bits and in small parts."""
    mean = torch.zeros(PIXELS, dtype=torch.float64)
    C = torch.zeros(PIXELS, PIXELS, dtype=torch.float64)
    for part in pictures.flatten(1).split(2000):
        part = part.cpu().double()
        mean += part.sum(0) / len(pictures)
        C.addmm_(part.T, part, alpha=1 / len(pictures))  # in place: it is large
    return mean, C.addr_(mean, mean, alpha=-1)


# %%
mu, C = covariance(data.train_x)
eigenvalues, V = torch.linalg.eigh(C)  # rising
eigenvalues, V = eigenvalues.flip(0), V.flip(1)  # falling; directions are columns

# %% [markdown]
# So that PCA and the networks can be used alike, PCA becomes a module too, with an
# encoder and a decoder.


# %%
class Autoencoder(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, pictures):
        return self.decoder(self.encoder(pictures))


# %%
def linear_code(E, D, mean):  # (k, P), (P, k), (P,)
    k = len(E)
    encoder, decoder = nn.Linear(PIXELS, k), nn.Linear(k, PIXELS)
    with torch.no_grad():
        encoder.weight.copy_(E)
        encoder.bias.copy_(-E @ mean)
        decoder.weight.copy_(D)
        decoder.bias.copy_(mean)
    decoder = nn.Sequential(decoder, nn.Unflatten(1, SHAPE))
    return Autoencoder(nn.Sequential(nn.Flatten(), encoder), decoder)


# %% [markdown]
# > **Predict before you run.** 32 numbers from PCA. Do you expect more or less error
# > than our first network has?
# > <details><summary>Answer</summary>Whoever guessed "more, it is only linear" is in
# > for a surprise on handwritten digits: the two are close. The next cell has the
# > figures for your data.</details>

# %%
pca_nets = {k: linear_code(V[:, :k].T, V[:, :k], mu) for k in SIZES}
pca_errors = {k: test_error(net) for k, net in pca_nets.items()}
clamped = test_error(nn.Sequential(pca_nets[CODE], nn.Hardtanh(0, 1)))

# %%
told = ", ".join(f"{k} numbers {error:.4f}" for k, error in pca_errors.items())
cu.say(
    f"PCA's test error: {told}. The first network, with {CODE} numbers, has "
    f"{first_error / pca_errors[CODE]:.0%} of PCA's error. A linear code also paints "
    "pixels darker than black and lighter than white; cut off at 0 and 1, PCA's error "
    f"is {clamped:.4f}."
)

# %%
shown = [pca_nets[k](ten) for k in (2, 16)]
cu.plots.images(
    torch.cat(shown).detach().clamp(0, 1),
    columns=len(ten),
    size=WIDE / 10,
    alt=f"PCA's reconstructions of the same {len(ten)} test pictures from 2 "
    "and from 16 numbers, a row for each: blurred at first, then sharper.",
)

# %% [markdown]
# ## Does a network find PCA by itself?
#
# Now let gradient descent look for the directions. Encoder and decoder are one linear
# layer each, $z = E(x-\mu)$ and $\hat x = \mu + Dz$, and nobody tells them to use right
# angles. The mean squared error depends on the pictures only through their covariance:
#
# $$L = \frac{1}{P} \operatorname{tr}\big[(I - DE)\, C\, (I - DE)^{\top}\big] .$$
#
# So a step over *all* training pictures costs one product with a $P \times P$ matrix,
# however many pictures there are. First check that this is the same loss.


# %%
def linear_loss(E, D, C):  # (k, P), (P, k), (P, P)
    EC = E @ C
    cross, square = (D * EC.T).sum(), ((D.T @ D) * (EC @ E.T)).sum()
    return (C.trace() - 2 * cross + square) / len(C)


# %% tags=["nbval-check-output"]
generator = torch.Generator().manual_seed(0)
E, D = (torch.randn(PIXELS, 8, generator=generator) / 28 for _ in range(2))
mean_x, C_x = covariance(data.test_x[:1000])
centred = data.test_x[:1000].flatten(1).cpu() - mean_x.float()
direct = F.mse_loss(centred @ E @ D.T, centred)
print("equal to 1e-6:", bool((direct - linear_loss(E.T, D, C_x.float())).abs() < 1e-6))

# %% [markdown]
# How do you compare two subspaces? By their *principal angles* (Jordan 1875): the
# smallest angle between a direction of the one and a direction of the other, then the
# smallest at right angles to these, and so on. If the largest is zero, the two are
# equal. We measure it every 100 steps.
#
# > **Predict before you run.** The linear autoencoder can't beat PCA. Can it reach its
# > error? And will its weights be PCA's directions?
# > <details><summary>Answer</summary>It reaches the error. Its weights are different:
# > for any invertible $A$, the pair $DA$ and $A^{-1}E$ has the same loss. Only the
# > subspace that the columns of $D$ span is decided.</details>


# %%
def largest(D, k):  # degrees between the columns' subspace and PCA's
    return np.degrees(subspace_angles(D.cpu().double().numpy(), V[:, :k].numpy()).max())


# %%
def train_linear(k, C):
    torch.manual_seed(0)
    layers = [nn.Linear(PIXELS, k, bias=False), nn.Linear(k, PIXELS, bias=False)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=0.28 / PIXELS**0.5)
    net = nn.Sequential(*layers)
    rate = 0.15 * PIXELS / eigenvalues[0].item()
    opt = torch.optim.SGD(net.parameters(), rate, momentum=0.95)
    trainer = cu.Trainer(net=net, opt=opt)

    def step(C):
        with trainer.full_precision():
            loss = linear_loss(net[0].weight, net[1].weight, C)
        trainer.update(opt, loss)
        return {"loss": loss}

    def angle():
        return {"angle": largest(net[1].weight.detach(), k)}

    each = [C.float().to(device)] * 20  # so that `angle` is asked every 20 steps
    history = trainer.fit(step, each, steps=LINEAR, evaluate=angle, show=False)
    return *(layer.weight.detach().cpu().double() for layer in layers), history


# %% [markdown]
# The first weights are small on purpose. Then the directions are learned one after the
# other, the largest eigenvalue first (Saxe, McClelland, Ganguli 2014). From large first
# weights the network can settle for a while on a wrong direction. Why divide by
# $\sqrt{P}$? So that a direction is as long at the start however many pixels there are.
# With 0.01 for every size, which is the same for 28 × 28 pixels in grey, photographs in
# colour made this training overflow within 50 steps.

# %%
torch.set_float32_matmul_precision("highest")  # some GPUs round products to ten bits
linear = {k: train_linear(k, C) for k in SIZES}

# %%
angles = {k: largest(D, k) for k, (_, D, _) in linear.items()}
gaps = {k: (eigenvalues[k - 1] - eigenvalues[k]).item() for k in SIZES}
rows = [
    {
        "numbers": k,
        "PCA, training error": f"{eigenvalues[k:].sum().item() / PIXELS:.5f}",
        "linear AE": f"{linear_loss(E, D, C).item():.5f}",
        "largest angle": f"{angles[k]:.2f}°",
        "λₖ / λₖ₊₁": f"{(eigenvalues[k - 1] / eigenvalues[k]).item():.3f}",
        "λₖ − λₖ₊₁": f"{gaps[k]:.4f}",
    }
    for k, (E, D, _) in linear.items()
]
cu.scoreboard(rows)
cu.claim(
    "Largest angle between the subspaces of PCA and the linear AE, in degrees",
    max(angles.values()),
    at_most=2,
    when=on_mnist,
    form=".2f",
)

# %% [markdown]
# Where the angle is near zero, the subspaces agree. Do the directions, too? Each is a
# picture itself, with positive (red) and negative (blue) pixels. Above, PCA's first
# eight with their shares of the variance; below, the columns of the linear decoder.

# %%
columns = F.normalize(linear[8][1], dim=0)  # of length 1
closest = (columns.T @ V[:, :8]).abs().max(1).values.acos().rad2deg()
shares = (eigenvalues / eigenvalues.sum())[:8].tolist()
cu.plots.images(
    torch.cat([V[:, :8], columns], 1).T.reshape(-1, *SHAPE),
    [f"{share:.1%}" for share in shares] + [f"column {j}" for j in range(1, 9)],
    columns=8,
    size=WIDE / 8,
    limits="signed",
    alt="Above, PCA's first eight directions. Below, the columns of the linear "
    f"decoder, each {closest.min():.0f}° to {closest.max():.0f}° from the nearest "
    "direction above.",
)

# %%
cu.say(
    f"Subspaces {angles[8]:.2f}° apart at most; each column is {closest.min():.0f}° to "
    f"{closest.max():.0f}° from the nearest direction of PCA. "
    + (
        "So the columns are mixtures. In exercise 31.3 you will sort them out."
        if angles[8] < 2
        else "This training has not arrived yet: it needs more steps (LINEAR)."
    )
)

# %% [markdown]
# ### Why do some sizes take longer?
#
# The angles in the table were measured at the end. Look at the way there.

# %%
ways = {k: (h.steps("angle"), h["angle"]) for k, (_, _, h) in linear.items()}
plot = cu.plots.lines(
    {f"{k} numbers, gap {gaps[k]:.4f}": way for k, way in ways.items()},
    xlabel="step",
    ylabel="largest angle, degrees",
    log="y",
    size=(WIDE, 3.4),
    alt="The largest angle against the step for each size of code. After "
    f"{ways[8][0][-1]} steps: "
    + ", ".join(f"{way[1][-1]:.2g}° with {k} numbers" for k, way in ways.items())
    + ".",
)
plot

# %% [markdown]
# A first guess might be: it takes long if two neighbouring eigenvalues are *nearly
# equal*, their ratio near 1. Compare the column of ratios with the curves: does the
# size with the smallest ratio take the longest? The other candidate is the difference,
# the *gap*. To swap one direction for its neighbour changes the loss by the gap, so it
# is the gap that sets the slope to descend.
#
# You can tell the two apart by an intervention. Halve all eigenvalues after the eighth.
# At 32 numbers the ratio stays, and the gap is halved. Steps until the angle is a tenth
# of what it was:


# %%
def steps_for_a_tenth(history):  # from the stretch where the curve is straight
    step, angle = (np.asarray(v) for v in (history.steps("angle"), history["angle"]))
    straight = (angle < 10) & (angle > 0.05)
    if straight.sum() < 2:
        return float("nan")
    return -1 / np.polyfit(step[straight], np.log10(angle[straight]), 1)[0]


# %%
top = V[:, :8] * eigenvalues[:8]  # all is halved, and half the first eight put back
_, _, halved = train_linear(CODE, C / 2 + top @ V[:, :8].T / 2)
tenth = {f"{k} numbers": steps_for_a_tenth(h) for k, (_, _, h) in linear.items()}
tenth[f"{CODE} numbers, same ratio, half the gap"] = steps_for_a_tenth(halved)
cu.scoreboard(
    [
        {"run": name, "steps for a tenth": "not seen" if n != n else f"{n:.0f}"}
        for name, n in tenth.items()
    ]
)

# %%
slower = steps_for_a_tenth(halved) / steps_for_a_tenth(linear[CODE][2])
limit = np.log(10) / (-0.5 * np.log(0.95))
if np.isfinite(slower):
    cu.say(
        f"Momentum of 0.95 allows no less than {limit:.0f} steps for a tenth, however "
        "large the gap."
    )
    cu.claim(
        "Steps with half the gap, over steps with the whole gap, at one ratio",
        slower,
        at_least=1.6,
        at_most=3,
        when=on_mnist,
        form=".2f",
    )
else:
    cu.say("Too few steps to see what half the gap costs: raise LINEAR.")

# %% [markdown]
# So the gap counts, and far more than the ratio. The opposite test agrees: add one
# number to all eigenvalues after the eighth, and at 32 numbers the gap stays while the
# ratio changes. We tried it on MNIST: ratios of 1.033, 1.050 and 1.100 took 229, 177
# and 186 steps for a tenth. (Without momentum, half the slope would take twice the
# steps. Momentum helps a steeper way by more than its share, so with it half the gap
# costs a little more than twice.) But don't read the table to the step: near the limit
# the angle swings as it falls, because momentum overshoots, and a straight line through
# it may come out a little below.
#
# And while the angle is still large, the error is nearly PCA's already: where two
# directions are worth about the same, it hardly matters which of them you keep.
#
# ## What does depth buy?
#
# Between picture and code we now put several layers with ReLU, batch norm and the one
# cycle of lesson 12. The code's own layer stays linear. The decoder ends with a
# sigmoid, since pixels lie between 0 and 1. Two kinds:
#
# 1. **Dense**: from the pixels through 512 and 256 units to $k$ numbers, and back.
# 2. **Convolutional**: two convolutions with stride 2, then a dense layer to the code.
#    The decoder goes the way back. Its last layer computes 16 numbers for each colour
#    at each place of a coarse grid, and `PixelShuffle` lays them out as 4 × 4 pixels.

# %%
quarter = -(-side // 4)
cu.plots.diagram(
    {
        "x": (0.6, 0.8, "name", "$x$"),
        "c1": (1.8, 0.8, "box", "conv"),
        "c2": (3.0, 0.8, "box", "conv"),
        "z": (4.4, 0.8, "name", "$z$"),
        "d1": (5.4, 0.8, "box", "dense"),
        "d2": (6.2, 0.8, "box", "dense"),
        "c3": (7.0, 0.8, "box", "conv"),
        "c4": (7.8, 0.8, "box", "conv"),
        "y": (8.9, 0.8, "name", r"$\hat x$"),
        "x's": (0.6, 0.4, "label", f"{channels} × {side} × {side}"),
        "s": (2.4, 0.4, "label", f"stride 2 each, to 32 × {quarter} × {quarter}"),
        "k": (4.4, 0.4, "label", "$k$ numbers"),
        "p": (7.4, 0.4, "label", "the last with PixelShuffle"),
    },
    list(pairwise(("x", "c1", "c2", "z", "d1", "d2", "c3", "c4", "y"))),
    size=(WIDE, 1.2),
    alt="The convolutional autoencoder: two convolutions with stride 2 and a dense "
    "layer lead to the code of k numbers; two dense layers, two convolutions and a "
    "pixel shuffle lead back.",
)


# %%
def dense(inputs, outputs):
    layer = nn.Linear(inputs, outputs, bias=False)
    return nn.Sequential(layer, nn.BatchNorm1d(outputs), nn.ReLU())


# %%
def dense_ae(k):
    out = [nn.Linear(512, PIXELS), nn.Sigmoid(), nn.Unflatten(1, SHAPE)]
    return Autoencoder(
        nn.Sequential(
            nn.Flatten(), dense(PIXELS, 512), dense(512, 256), nn.Linear(256, k)
        ),
        nn.Sequential(dense(k, 256), dense(256, 512), *out),
    )


# %%
def conv(inputs, outputs, kernel, stride):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


class Crop(nn.Module):  # where the side is no multiple of 4, a few pixels are too many
    def forward(self, pictures):
        return pictures[..., :side, :side]


# %%
def conv_ae(k):
    encoder = nn.Sequential(  # sizes for a picture of 28 × 28
        conv(channels, 16, 5, 2),  # (B, 16, 14, 14)
        conv(16, 32, 3, 2),  # (B, 32, 7, 7)
        nn.Flatten(),
        nn.Linear(32 * quarter**2, k),
    )
    decoder = nn.Sequential(
        dense(k, 256),
        dense(256, 32 * quarter**2),
        nn.Unflatten(1, (32, quarter, quarter)),
        conv(32, 32, 3, 1),
        nn.Conv2d(32, 16 * channels, 3, padding=1),  # (B, 16, 7, 7)
        nn.PixelShuffle(4),  # (B, 1, 28, 28)
        Crop(),
        nn.Sigmoid(),
    )
    net = Autoencoder(encoder, decoder)
    return net.to(memory_format=torch.channels_last)  # faster convolutions


# %%
def train(net, steps, run=None, seed=0, show=False):
    opt = torch.optim.Adam(net.parameters(), PEAK)
    rate = OneCycleLR(opt, PEAK, total_steps=steps)
    trainer = cu.Trainer(run, net=net, opt=opt, rate=rate)

    def step(batch):
        pictures, _ = batch  # (B, C, H, W)
        loss = F.mse_loss(net(pictures), pictures)
        trainer.update(opt, loss)
        rate.step()
        return {"error": loss}

    trainer.fit(step, data.batches(batch, seed), steps=steps, show=show)
    opt.zero_grad()  # many networks are to be kept, and gradients take room
    net.eval()
    gc.collect()  # the optimizer's memory
    return trainer.history


# %%
gc.freeze()  # what is there already stays, and later collections are quick
makers = {"dense AE": dense_ae, "conv AE": conv_ae}
best = {}


def train_long(name):
    torch.manual_seed(0)
    best[name] = makers[name](CODE)
    train(best[name], LONG, f"runs/31/{name.split()[0]}", show=True)


# %%
train_long("dense AE")

# %%
train_long("conv AE")

# %% tags=["result"]
best_errors = {name: test_error(net) for name, net in best.items()}
winner = min(best_errors, key=best_errors.get)
cu.say(
    f"With {CODE} numbers, after {LONG} steps: "
    f"{', '.join(f'{name} {error:.4f}' for name, error in best_errors.items())}; PCA "
    f"{pca_errors[CODE]:.4f}. The better network is the {winner}, with "
    f"{best_errors[winner] / pca_errors[CODE]:.0%} of PCA's error."
)
cu.claim(
    f"Error of the best autoencoder as a share of PCA's, {CODE} numbers each",
    best_errors[winner] / pca_errors[CODE],
    at_most=0.4,
    when=on_mnist,
    form=".0%",
)

# %% [markdown]
# Look at the same pictures. Where does each code go wrong?

# %%
with torch.no_grad():
    rebuilt = [net(ten) for net in (pca_nets[CODE], best[winner])]
cu.plots.images(
    torch.cat([*rebuilt, ten]).clamp(0, 1),
    columns=len(ten),
    size=WIDE / 10,
    alt=f"{len(ten)} test pictures in the last row; above it their reconstructions "
    f"from {CODE} numbers by PCA and by the {winner}.",
)

# %% [markdown]
# ## Error against code size
#
# Now all sizes. And since training costs time, we train the convolutional autoencoder
# at each size twice from the start, for a short and for a long time.
#
# > **Predict before you run.** At which size does depth help most, compared with PCA:
# > 2, 16 or 64 numbers? And does a longer training change that?
# > <details><summary>Answer</summary>On handwritten digits neither at 2, where even a
# > bent surface says little, nor at 64, where PCA is good already. But *where* in
# > between depends on the training: with more steps it moves to longer codes.</details>


# %%
def trained(name, k, steps, seed=0):
    torch.manual_seed(seed)
    net = makers[name](k)
    train(net, steps, seed=seed)
    return net


# %%
def error_of(name, k, steps):  # its network is not kept
    return test_error(trained(name, k, steps))


short = {k: error_of("conv AE", k, SHORT) for k in SIZES}

# %%
smallest, *others = [k for k in SIZES if k != CODE]
flat = trained("conv AE", smallest, LONG)  # two numbers: for a map, further down
long = {"conv AE": {smallest: test_error(flat), CODE: best_errors["conv AE"]}}
long["conv AE"] |= {k: error_of("conv AE", k, LONG) for k in others}

# %%
long["dense AE"] = {CODE: best_errors["dense AE"]}
long["dense AE"] |= {k: error_of("dense AE", k, LONG) for k in (smallest, *others)}

# %%
errors = {"PCA": pca_errors}
errors["linear AE"] = {
    k: test_error(linear_code(E, D, mu)) for k, (E, D, _) in linear.items()
}
for name in makers:
    errors[name] = {k: long[name][k] for k in SIZES}
brief = f"conv AE, {SHORT} steps"
errors[brief] = short


# %%
def plain(plot, ticks):
    """Plain numbers on logarithmic axes, and ticks along x where they are wanted."""
    axes = plot.axes[0]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    return plot


# %% tags=["cover"]
low, high = SIZES[0], SIZES[-1]
told = "; ".join(
    f"{n} {e[low]:.3f} at {low}, {e[high]:.4f} at {high}" for n, e in errors.items()
)
plot = cu.plots.lines(
    {name: (SIZES, list(found.values())) for name, found in errors.items()},
    xlabel="numbers in the code",
    ylabel="test error per pixel",
    log="xy",
    baselines={"mean picture": nothing},
    size=(WIDE, 4.2),
    alt=f"Test error against code size. {told}.",
)
plain(plot, SIZES)

# %%
of_pca = {n: {k: e[k] / pca_errors[k] for k in SIZES} for n, e in errors.items()}
cu.scoreboard(
    [
        {
            "numbers": k,
            "PCA": f"{pca_errors[k]:.4f}",
            "linear AE": f"{errors['linear AE'][k]:.4f}",
            **{f"{n}, of PCA's": f"{of_pca[n][k]:.0%}" for n in (*makers, brief)},
        }
        for k in SIZES
    ]
)

# %%
turn = {n: min(of_pca[n], key=of_pca[n].get) for n in (brief, "conv AE")}
worse = sum(errors["conv AE"][k] > errors[brief][k] for k in SIZES)
cu.say(
    f"Compared with PCA, the convolutional AE is best at {turn[brief]} numbers after "
    f"{SHORT} steps and at {turn['conv AE']} after {LONG}. At {high} numbers it goes "
    f"from {of_pca[brief][high]:.0%} of PCA's error to {of_pca['conv AE'][high]:.0%}, "
    f"at {low} from {of_pca[brief][low]:.0%} to {of_pca['conv AE'][low]:.0%}. At "
    f"{worse} of {len(SIZES)} sizes the long training did worse."
)

# %% [markdown]
# How flat such a curve is at its right end depends on the training as well as on the
# architecture. With long codes a short training has simply not got far, and the same
# may hold for the long one. We asked on MNIST, with 15,000 training pictures: after
# 1,800 steps the convolutional AE has 28 % of PCA's error at 32 numbers, and 33 % at
# 64. So after less than a third of
# these steps, much of the flattening is still training. What you can read from the plot
# is what *this many steps* buy; "64 numbers are no use" would need a training that no
# longer improves.
#
# And if the long training did *worse*, as it can with a few hundred photographs, the
# network has learned its pictures by heart: more steps won't help, more pictures may.
#
# Is it luck? Other seeds give other first weights and another order of the pictures.

# %%
seeded = {
    name: [best[name], *(trained(name, CODE, LONG, seed) for seed in SEEDS[1:])]
    for name in makers
}

# %%
spread = {
    name: torch.tensor([test_error(net) for net in nets])
    for name, nets in seeded.items()
}
cu.say(
    f"At {CODE} numbers and {LONG} steps, over {len(SEEDS)} seeds: "
    + ", ".join(f"{n} {e.mean():.4f} ± {e.std():.4f}" for n, e in spread.items())
    + f". PCA, which has no seed: {pca_errors[CODE]:.4f}."
)


# %% [markdown]
# ## What do two numbers look like?
#
# A code of two numbers is a place on a map. So you can look at all codes at once, each
# with the colour and the marker of its class. The networks have seen no class.


# %%
@torch.no_grad()
def encode(net, pictures):
    return torch.cat([net.encoder(part) for part in pictures.split(500)])


@torch.no_grad()
def decode(net, codes):
    return torch.cat([net.decoder(part) for part in codes.split(500)])


# %%
def scatter(axes, codes, labels, title):
    for c, name in enumerate(data.classes[:20]):
        x, y = codes[labels == c].T
        look = {"color": f"C{c % 10}", "marker": "os^Dv*PX<>"[c % 10], "lw": 0}
        axes.scatter(x, y, s=20, alpha=0.8, label=name, **look)
    axes.set(title=title, xlabel="first number", ylabel="second number")


# %%
two = {"PCA": pca_nets[2], "conv AE": flat}
plot = cu.plots.Plot(
    WIDE,
    4.4,
    "Test pictures as points, by the two numbers of their codes, with a colour and a "
    f"marker for each class. Left PCA, error {errors['PCA'][2]:.4f}; right the "
    f"convolutional autoencoder, {errors['conv AE'][2]:.4f}.",
)
for axes, (name, net) in zip(plot.subplots(1, 2), two.items(), strict=True):
    labels = data.test_y[:1000].cpu()
    codes = encode(net, data.test_x[:1000]).cpu()
    scatter(axes, codes, labels, f"{name}, test error {errors[name][2]:.4f}")
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plot

# %% [markdown]
# ## What does the code keep?
#
# Is the class also in a code of 32 numbers, and easy to read? A *linear probe* answers:
# a linear classifier on frozen codes. We try few labels and many. As baselines, we give
# it raw pixels, PCA's code, and the code of an encoder with its first, random weights.
#
# > **Predict before you run.** Which is better to classify from: raw pixels, or 32
# > numbers from an autoencoder that has a third of PCA's error?
# > <details><summary>Answer</summary>Small error doesn't mean easy to read. On digits
# > the differences are small, and none of the trained codes is far from the raw pixels.
# > Compare the rows with their spread before you call one better.</details>


# %%
def probe(x, y):
    """A linear classifier fitted to x, (N, k), as a function of new inputs."""
    center, scale = x.mean(0), x.std()

    def scaled(x):
        return ((x - center) / scale).cpu()

    model = LogisticRegression(max_iter=300, tol=1e-3).fit(scaled(x), y.cpu())
    return lambda x: torch.as_tensor(model.predict(scaled(x)))  # classes


# %%
def untrained(seed):
    torch.manual_seed(seed)
    return conv_ae(CODE).to(device).eval()


# %%
raw = Autoencoder(nn.Flatten(), nn.Identity())
inputs = {
    f"{PIXELS:,} raw pixels": [raw] * len(SEEDS),
    "PCA": [pca_nets[CODE]] * len(SEEDS),
    "conv AE, untrained": [untrained(seed) for seed in SEEDS],
    **seeded,
}
many = min(2000, len(data.train_x))
LABELS = [min(max(100, 2 * len(data.classes)), many // 2), many]


# %%
def probe_accuracy(net, labels, seed):
    few = data.few(labels, seed)
    named = probe(encode(net, few.train_x), few.train_y)
    parts = data.test_x.split(1000)
    said = torch.cat([named(encode(net, part)) for part in parts])
    return (said == data.test_y.cpu()).float().mean()


# %%
rows = []
for name, nets in inputs.items():
    row = {"input of the probe": name}
    for labels in LABELS:
        found = [probe_accuracy(n, labels, s) for n, s in zip(nets, SEEDS, strict=True)]
        found = torch.stack(found)
        row[f"accuracy, {labels:,} labels"] = f"{found.mean():.1%} ± {found.std():.1%}"
    rows.append(row)
cu.scoreboard(rows)

# %% [markdown]
# Each seed draws other labelled pictures and has its own network. An autoencoder is no
# classifier in disguise: it keeps what *reconstruction* needs, the width and slant of a
# stroke as well as the class.
#
# ## Is it a compressor?
#
# A number in 32 bits is no economy. Round each number of the code to one of $2^b$
# levels; what lies beyond the outermost level is clamped. All numbers of a code share
# one width of step, set by the number that varies most among the training codes:
# three of its standard deviations to each side. Decoding the rounded code gives a
# *distortion*: the error.
#
# Sent as they are, $k$ such numbers cost $k\,b$ bits. But some levels are frequent, and
# a frequent level should get a short word. An ideal coder spends $-\log_2 p$ bits on a
# level of probability $p$. We take $p$ for each of the $k$ numbers from the *training*
# codes, with 1 added to each count so that no level is impossible, and add up what the
# test codes would cost. That is a bound and not a file, but an arithmetic coder comes
# within a few bits of it for a whole set of pictures.


# %%
def limits(codes):  # (N, k) -> (k,) and (k,)
    wide = 3 * codes.std(0).max()
    return codes.mean(0) - wide, codes.mean(0) + wide


def indices(codes, bits, low, high):
    levels = 2**bits - 1
    return ((codes - low) / (high - low) * levels).round().clamp(0, levels).long()


def rounded(codes, bits, low, high):
    return low + indices(codes, bits, low, high) / (2**bits - 1) * (high - low)


# %%
def coded_bits(known, sent, levels):  # indices (N, k) and (M, k) -> bits a picture
    bits = 0.0
    for ours, theirs in zip(known.T, sent.T, strict=True):
        counts = ours.bincount(minlength=levels) + 1.0  # (levels,)
        bits += -(counts / counts.sum())[theirs].log2().mean().item()
    return bits


# %%
sent = data.test_x[: min(2000, len(data.test_x) // 20 * 20)]


def race(net, all_bits=range(2, 9)):
    """Bits of the numbers as they are, bits if coded, and the error."""
    known, codes = encode(net, data.train_x[:10_000]), encode(net, sent)
    ends = limits(known)
    plain, coded, errors = [], [], []
    for bits in all_bits:
        pair = (indices(c, bits, *ends) for c in (known, codes))
        decoded = decode(net, rounded(codes, bits, *ends)).clamp(0, 1)
        plain.append(codes.shape[1] * bits)
        coded.append(coded_bits(*pair, 2**bits))
        errors.append(F.mse_loss(decoded, sent).item())
    return plain, coded, errors


# %% [markdown]
# The competitors are made for pictures of any kind, and both entropy-code what they
# send. **JPEG** rounds the cosine transform of blocks of 8 × 8. **PNG** loses nothing.
# Their headers would dominate in a file of one tiny picture, so we put all pictures on
# one large sheet, where headers hardly count. Each picture gets an empty margin that
# fills its last block, and the error is taken within the picture.


# %%
def as_bytes(pictures):
    return (pictures * 255).round().byte().cpu().numpy()


def sheet(pictures, margin, rows=20):  # (N, C, H, W), N a multiple of 20
    paper = pictures[0, 0, 0, 0].item()
    tiles = F.pad(pictures, [0, margin, 0, margin], value=paper)
    tiles = tiles.view(rows, -1, *tiles.shape[1:]).permute(0, 3, 1, 4, 2)
    image = as_bytes(tiles.flatten(2, 3).flatten(0, 1))  # (rows · S, columns · S, C)
    return image[..., 0] if image.shape[2] == 1 else image


# %%
def written(image, **options):
    """The bytes of a picture file, and the picture that is read back from it."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, **options)
    return len(file.getvalue()), np.asarray(Image.open(file))


# %%
def jpeg_sheet(pictures, quality):
    """Bits for each picture, and the error within its pixels."""
    margin, height = -pictures.shape[2] % 16, pictures.shape[2]
    given = sheet(pictures, margin)
    size, read = written(given, format="JPEG", quality=quality, optimize=True)
    gap = np.square((given.astype(np.float32) - read) / 255)
    tiles = gap.reshape(20, height + margin, -1, height + margin, *gap.shape[2:])
    return 8 * size / len(pictures), float(tiles[:, :height, :, :height].mean())


# %% [markdown]
# And PCA? Without its own limit of 32 numbers it is a serious rival: keep many
# directions, round them coarsely, and most of the weak ones become 0 and cost next to
# nothing. That is what JPEG does with its cosines, only that PCA's directions come from
# these pictures. We give it 128.
#
# > **Predict before you run.** Who needs the fewest bits at the error that our code
# > reaches: the autoencoder, PCA with 128 numbers, or JPEG?
# > <details><summary>Answer</summary>On handwritten digits JPEG needs most by far. The
# > two that have seen digits are much closer to each other than to JPEG: which of them
# > is ahead depends on the error that you can live with.</details>

# %%
MANY = min(128, PIXELS // 2)
wide_pca = linear_code(V[:, :MANY].T, V[:, :MANY], mu).to(device)
races = {f"{winner}, {CODE}": race(best[winner]), f"PCA, {MANY}": race(wide_pca)}
QUALITIES = [1, 5, 10, 15, 20, 30, 40, 50, 60, 75, 90]
sheets = [jpeg_sheet(sent, q) for q in QUALITIES]
png_bits = 8 * written(sheet(sent, 0), format="PNG", optimize=True)[0] / len(sent)

# %%
rates = {}
for name, (plain_bits, coded, distortions) in races.items():
    rates[f"{name} numbers, coded"] = (coded, distortions)
    rates[f"{name} numbers, as they are"] = (plain_bits, distortions)
rates["JPEG, one sheet"] = tuple(zip(*sheets, strict=True))
rates["PNG, one sheet"] = ([png_bits], [0.0])
plot = cu.plots.lines(
    rates,
    xlabel="bits for one picture",
    ylabel="test error per pixel",
    log="x",
    size=(WIDE, 4.2),
    alt="Test error against bits. With 8 bits a number: "
    + "; ".join(
        f"{n} numbers {c[-1]:.0f} bits coded, {p[-1]} as they are, error {e[-1]:.4f}"
        for n, (p, c, e) in races.items()
    )
    + f". The coarsest JPEG {sheets[0][0]:.0f} bits, error {sheets[0][1]:.4f}. PNG "
    f"{png_bits:.0f} bits, no error.",
)
plot.axes[0].set_ylim(-0.03 * pca_errors[CODE], 2 * pca_errors[CODE])
plot

# %% [markdown]
# Take our code with 5 bits a number, where more bits hardly help. What does each rival
# need to be at least as good?


# %%
def cheapest(points, error):  # pairs of bits and error; inf where none is good enough
    return min((b for b, e in points if e <= error), default=float("inf"))


# %%
(ae_plain, ae_coded, ae_errors), wide = races.values()
goal, ae_bits = ae_errors[3], ae_coded[3]  # of 2, 3, 4, 5, …
exact = [(png_bits, 0.0), *sheets]
jpeg_bits = cheapest(exact, goal)
pca_bits = cheapest(zip(wide[1], wide[2], strict=True), goal)
cu.say(
    f"The {winner} with 5 bits a number: {ae_plain[3]} bits as they are, "
    f"{ae_bits:.0f} if coded, error {goal:.4f}. At least as good: PCA with {MANY} "
    f"numbers, coded, {pca_bits:.0f} bits; the cheapest of our JPEG and PNG settings "
    f"{jpeg_bits:.0f} bits. PNG, without loss: {png_bits:.0f} bits."
)

# %% [markdown]
# Read the plot from left to right. Where bits are very few, compare the two coded
# curves: that gap is what *depth* buys. Then compare PCA with JPEG: that gap is what
# *knowing the kind of picture* buys, with no network at all. Further right our code
# goes flat: more bits for each number don't help once the decoder itself is the limit.
#
# And it isn't a fair race. JPEG has never seen pictures of this kind. The code is for
# no others, and its decoder has to be sent too.

# %%
decoder_bits = 32 * sum(p.numel() for p in best[winner].decoder.parameters())
negative = 1 - sent
turned = F.mse_loss(decode(best[winner], encode(best[winner], negative)), negative)
usual = F.mse_loss(decode(best[winner], encode(best[winner], sent)), sent)
by_pca = [F.mse_loss(pca_nets[CODE](x), x).item() for x in (negative, sent)]
jpeg = [jpeg_sheet(pictures, 20)[1] for pictures in (negative, sent)]
cu.say(
    f"The decoder's weights are {decoder_bits:,} bits; the plot leaves them out. For "
    "the negatives of the pictures, which nobody trained on, JPEG at quality 20 has "
    f"{jpeg[0] / jpeg[1]:.1f} times its error. PCA with {CODE} numbers has "
    f"{by_pca[0] / by_pca[1]:.0f} times its own, {by_pca[0]:.2f}. And the {winner}? It "
    f"ends at {turned:.2f}."
)
cu.claim(
    "Factor by which turning pictures into negatives raises the best AE's error",
    turned / usual,
    at_least=20,
    when=on_mnist,
    form=".1f",
)

# %% [markdown]
# Don't blame depth alone for that factor: PCA fails on negatives, too, and look where
# the two errors end. A factor also grows when the usual error is small. What both have
# learned is *these pictures*, and JPEG hasn't.
#
# ## Walk the code
#
# Two pictures have two codes, $a$ and $b$. What lies between,
#
# $$z(s) = (1 - s)\, a + s\, b \, ?$$
#
# For PCA the answer is known: decoding is linear, so half way lies the mean of the two
# reconstructions, a double exposure. A nonlinear decoder may do better.
#
# > **Predict before you run.** Half way between a 7 and a 2, MNIST's first two test
# > pictures: will you see a 7 over a 2, a grey blur, or a shape that is neither?
# > <details><summary>Answer</summary>A trained one shows mostly one shape, with bent
# > strokes, and less grey than the double exposure. It need not be a digit. The count
# > below measures the grey.</details>


# %%
def between(net, first, second, step):
    a, b = (encode(net, data.test_x[i : i + 1]) for i in (first, second))
    return decode(net, (1 - step) * a + step * b).clamp(0, 1)  # (1, C, H, W)


def grey(pictures):
    return ((pictures > 0.25) & (pictures < 0.75)).float().mean().item()


# %%
places = torch.linspace(0, 1, 11).tolist()
walks = [between(n, 0, 1, s) for n in (pca_nets[CODE], best[winner]) for s in places]
cu.plots.images(
    torch.cat(walks),
    [f"{s:.1f}" for s in places] * 2,
    columns=11,
    size=WIDE / 11,
    alt="A walk from the first test picture to the second in eleven steps: above by "
    f"PCA, where one fades into the other; below by the {winner}.",
)

# %%
half = len(data.test_x[:1000]) // 2
a, b = data.test_x[:half], data.test_x[half : 2 * half]
middles = {"test pictures": a, "pixels, half way": (a + b) / 2}
for name, net in [("PCA", pca_nets[CODE]), (winner, best[winner])]:
    middles[name + ", half way"] = decode(net, (encode(net, a) + encode(net, b)) / 2)
cu.say(
    f"Pixels that are neither dark nor light (0.25 to 0.75), over {half} pairs: "
    + ", ".join(f"{name} {grey(found):.0%}" for name, found in middles.items())
    + "."
)

# %% [markdown]
# Choose your own pair, and walk. Where does one picture turn into the other, and what
# is there at the turn?


# %%
def walk(step, first, second):
    ends = [data.test_x[i : i + 1] for i in (first, second)]
    fade = (1 - step) * ends[0] + step * ends[1]
    seen = between(best[winner], first, second, step)
    return cu.plots.images(
        torch.cat([ends[0], fade, seen, ends[1]]),
        ["first", "pixels", "code", "second"],
        size=2.2,
        alt=f"Step {step:g} between test pictures {first} and {second}: of the pixels "
        f"{grey(fade):.0%} are grey in the cross-fade, {grey(seen):.0%} in the decoded "
        "code.",
    )


# %%
cu.widgets.explore(
    walk, step=(0.0, 1.0, 0.05, 0.5), first=(0, 99, 1, 0), second=(0, 99, 1, 1)
)

# %% [markdown]
# ## Can it invent?
#
# If every code meant a picture, random codes would be new pictures. Draw codes from a
# normal distribution with the mean and covariance of the training codes, and decode.

# %%
torch.manual_seed(0)
known = encode(best[winner], data.train_x[:10_000]).cpu()
noise = 1e-6 * torch.eye(CODE)
normal = torch.distributions.MultivariateNormal(known.mean(0), known.T.cov() + noise)
invented = decode(best[winner], normal.sample((1000,)).to(device))
cu.plots.images(
    invented[:10],
    size=WIDE / 10,
    alt="Ten decoded random codes, drawn from a normal distribution.",
)

# %% [markdown]
# Are these good? Ask a classifier how sure it is, you might say. But a classifier has
# only seen pictures that *are* something, and has to name a class whatever you show it.
# So test the judge before you trust it: it should be sure of real pictures, and not of
# junk.
#
# We train two small CNNs. The plain one knows the classes. The strict one has one more
# answer, "none of these", and sees junk made from the training pictures: *torn* ones
# (the upper half of one above the lower half of another) and *double exposures*. Then
# we check both with other kinds of junk, which neither has seen.


# %%
def torn(x):
    other, half = x[torch.randperm(len(x), device=x.device)], x.shape[2] // 2
    return torch.cat([x[:, :, :half], other[:, :, half:]], 2)


def doubled(x):
    return torch.maximum(x, x[torch.randperm(len(x), device=x.device)])


# %%
def judge(strict):
    torch.manual_seed(0)
    answers = len(data.classes) + strict
    layers = conv(channels, 16, 5, 2), conv(16, 32, 3, 2), conv(32, 64, 3, 2)
    last = nn.Linear(64 * (-(-side // 8)) ** 2, answers)
    net = nn.Sequential(*layers, nn.Flatten(), last).to(device)
    net = net.to(memory_format=torch.channels_last)
    opt = torch.optim.Adam(net.parameters(), PEAK)
    rate = OneCycleLR(opt, PEAK, total_steps=JUDGE)
    trainer = cu.Trainer(net=net, opt=opt, rate=rate)

    def step(batch):
        x, y = batch
        if strict:
            half = x[: len(x) // 2]
            x = torch.cat([x, torn(half), doubled(half)])
            y = F.pad(y, (0, len(x) - len(y)), value=answers - 1)
        loss = F.cross_entropy(net(x), y)
        trainer.update(opt, loss)
        rate.step()
        return {"loss": loss}

    trainer.fit(step, data.batches(batch), steps=JUDGE, show=False)
    return net.eval()


# %%
judges = {"plain judge": judge(False), "strict judge": judge(True)}


# %%
@torch.no_grad()
def logits(net, pictures):  # of the classes, and perhaps of "none of these"
    return torch.cat([net(part) for part in pictures.split(500)])


def sure(net, pictures):  # the share with a class at 90 % or more
    shares = logits(net, pictures).softmax(1)[:, : len(data.classes)]
    return (shares.amax(1) > 0.9).float().mean().item()


# %%
torch.manual_seed(0)
weak = eigenvalues[:CODE].clamp_min(0).sqrt().float()
linear_draws = decode(pca_nets[CODE], (torch.randn(1000, CODE) * weak).to(device))
order = torch.randperm(PIXELS, device=device)
held_out = sent[:1000]
shown = {
    "test pictures": held_out,
    "their reconstructions": decode(best[winner], encode(best[winner], held_out)),
    "junk: uniform noise": torch.rand_like(held_out),
    "junk: pixels shuffled": held_out.flatten(1)[:, order].view_as(held_out),
    "junk: quarters exchanged": held_out.roll((side // 2, side // 2), (2, 3)),
    "junk: random codes of PCA": linear_draws.clamp(0, 1),
    "random codes": invented,
}

# %%
verdicts = {
    name: {who: sure(net, x) for who, net in judges.items()}
    for name, x in shown.items()
}
cu.scoreboard(
    [
        {"pictures": name, **{f"{who} is sure": f"{s:.0%}" for who, s in row.items()}}
        for name, row in verdicts.items()
    ]
)


# %%
def right(net):  # the share of test pictures whose most likely class is true
    named = logits(net, data.test_x)[:, : len(data.classes)].argmax(1)
    return (named == data.test_y).float().mean().item()


# %%
junk = [name for name in shown if name.startswith("junk")]
fooled = {who: max(verdicts[name][who] for name in junk) for who in judges}
told = ", ".join(
    f"{who} {right(net):.1%} right on test pictures, sure of at most {fooled[who]:.0%} "
    "of a kind of junk"
    for who, net in judges.items()
)
real, random = (verdicts[n]["strict judge"] for n in ("test pictures", "random codes"))
cu.say(
    f"Two judges: {told}. The strict one is sure of {real:.0%} of the test pictures "
    f"and of {random:.0%} of the random codes."
)
cu.claim(
    "Random codes that the strict judge is sure of, as a share of test pictures",
    random / max(real, 1e-9),
    at_most=0.3,
    when=on_mnist,
    form=".0%",
)

# %% [markdown]
# A judge that is sure of noise can't praise anything. That is why its row of junk
# stands beside each verdict. Even the strict one measures only whether a picture looks
# like *some* class. A decoder that shows one perfect picture again and again would
# please it too, so it says nothing about variety.
#
# Nothing in the loss says what the codes of pictures look like *together*. They fill a
# strange part of the space, with gaps, and the decoder has never been trained in the
# gaps. A plain autoencoder reconstructs; it doesn't generate. Lesson 33 puts the
# missing term into the loss.
#
# ## Scoreboard

# %%
rows = [("mean picture", 0, nothing), ("PCA", CODE, pca_errors[CODE])]
rows += [("PCA, cut off at 0 and 1", CODE, clamped)]
rows += [("linear AE", CODE, errors["linear AE"][CODE])]
rows += [(f"first network, {FIRST:,} steps", CODE, first_error)]
rows += [(brief, CODE, errors[brief][CODE])]
rows += [(f"{n}, {LONG:,} steps", CODE, spread[n].mean().item()) for n in makers]
if on_mnist:
    source = "(Hinton, Salakhutdinov 2006)"
    rows += [(f"published: PCA {source}", 30, 13.87 / 784)]
    rows += [(f"published: dense AE, pretrained {source}", 30, 3.00 / 784)]
cu.scoreboard(
    [{"code": a, "numbers": k, "test error": f"{error:.4f}"} for a, k, error in rows]
)

# %% [markdown]
# The published figures are squared errors summed over a picture, 13.87 and 3.00, from
# the caption of the paper's figure 2; we divide them by 784. Their codes have 30
# numbers and their training another loss, so compare the *ratios*: theirs is 22 %.

# %%
share, cut = (best_errors[winner] / error for error in (pca_errors[CODE], clamped))
cu.say(
    f"Ours, under the profile {cu.profile()}: {share:.0%} of PCA's error, and "
    f"{cut:.0%} of that of PCA cut off at 0 and 1."
)

# %% [markdown]
# ## Clinic
#
# A colleague builds an encoder like all the networks they know: after each layer comes
# a ReLU, after the last one too. Eight numbers in the code, everything else as in our
# convolutional autoencoder. It learns, and nothing looks wrong. But is it as good as
# ours, after the same steps and from the same first weights?


# %%
def eight_numbers(last):
    torch.manual_seed(0)
    net = conv_ae(8)
    net.encoder.append(last)
    return net, train(net, CLINIC)


# %%
healthy, healthy_run = eight_numbers(nn.Identity())
patient, patient_run = eight_numbers(nn.ReLU())

# %%
cu.plots.lines(
    {
        "healthy": (healthy_run.steps("error"), healthy_run["error"]),
        "patient": (patient_run.steps("error"), patient_run["error"]),
    },
    xlabel="step",
    ylabel="training error per pixel",
    log="y",
    baselines={f"PCA, {k} numbers": pca_errors[k] for k in (2, 4, 8)},
    size=(WIDE, 3.2),
    alt="Training error of the healthy network and of the patient: both fall; at the "
    f"end the healthy one has {healthy_run['error'][-10:].mean():.4f}, the patient "
    f"{patient_run['error'][-10:].mean():.4f}.",
)

# %% [markdown]
# > **Your diagnosis?** Which eight numbers would you print?
# > <details><summary>Answer</summary>The code's. A ReLU there has two costs. It takes
# > away half of each number's range. And a number that is negative for *every* picture
# > is zero for every picture: no gradient comes back, so it stays dead, and the code is
# > shorter than it says. Fewer steps, a smaller rate or luck may spare some. Leave the
# > code's layer linear, and look at the spread of each of its numbers.</details>

# %%
for name, net in [("healthy", healthy), ("patient", patient)]:
    spread_of = encode(net.eval(), data.test_x).std(0)  # (8,)
    print(
        f"{name}: test error {test_error(net):.4f}, numbers that never change: "
        f"{(spread_of < 1e-6).sum()} of 8, spreads "
        + " ".join(f"{value:.1f}" for value in spread_of)
    )

# %% [markdown]
# ## Exercises
#
# Stuck? `cu.hint("31.1")` gives a first hint and `cu.hint("31.1", 2)` a second one.
# Every exercise has them.
#
# ### Exercise 31.1 · PCA's error without PCA's pictures
#
# Write `pca_error(eigenvalues, k)`: the mean squared error per pixel of the best linear
# code of `k` numbers, on the data whose covariance has these eigenvalues. They come in
# any order, one for each pixel.


# %% tags=["exercise"]
def pca_error(eigenvalues, k):
    # BEGIN SOLUTION
    falling = eigenvalues.sort(descending=True).values
    return falling[k:].sum() / len(eigenvalues)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("31.1", pca_error)

# %% [markdown]
# ### Exercise 31.2 · The largest principal angle
#
# Write `largest_angle(A, B)` for two matrices (n, k) whose columns each span a
# subspace: the largest principal angle between the two, in degrees. With orthonormal
# bases $Q_A$ and $Q_B$, the singular values of $Q_A^{\top} Q_B$ are the cosines of the
# principal angles.


# %% tags=["exercise"]
def largest_angle(A, B):
    # BEGIN SOLUTION
    Q_A, Q_B = torch.linalg.qr(A).Q, torch.linalg.qr(B).Q
    cosines = torch.linalg.svdvals(Q_A.T @ Q_B).clamp(max=1)
    return cosines.min().acos().rad2deg()
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("31.2", largest_angle)

# %% [markdown]
# ### Exercise 31.3 · Repair the linear autoencoder
#
# Its decoder's columns span the right subspace, but each is a mixture. Write
# `repaired(D, C)`: from the columns of `D`, (n, k), and the covariance `C` of the data,
# (n, n), make the (n, k) matrix of principal directions within that subspace: columns
# of length 1, at right angles, the one with the largest variance first, and no two of
# their codes correlated. The sign of a column is free.
#
# One way: take an orthonormal basis $Q$ of the columns, look at the data in it (their
# covariance is $Q^{\top} C\, Q$, only $k \times k$), find the eigenvectors there, and
# carry them back with $Q$.


# %% tags=["exercise"]
def repaired(D, C):
    # BEGIN SOLUTION
    Q = torch.linalg.qr(D).Q
    _, turned = torch.linalg.eigh(Q.T @ C @ Q)  # rising
    return Q @ turned.flip(1)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("31.3", repaired)

# %% [markdown]
# Use it on the network with 8 numbers. Are the mixtures sorted out?

# %% tags=["solution"]
mended = repaired(linear[8][1], C)
mended = mended * (mended * V[:, :8]).sum(0).sign()  # with the signs of PCA
cu.plots.images(
    mended.T.reshape(-1, *SHAPE),
    columns=8,
    size=WIDE / 8,
    limits="signed",
    alt="The repaired columns, at most "
    f"{(mended * V[:, :8]).sum(0).clamp(max=1).acos().rad2deg().max():.1f}° from PCA's "
    "directions.",
)

# %% [markdown]
# ### Exercise 31.4 · When does it pay?
#
# The decoder has to be sent once: `decoder_bits`. Then each picture costs `ours` bits
# instead of `theirs`. Write `pays_from(decoder_bits, ours, theirs)`: the smallest
# number of pictures for which we send no more bits than they do. If that never happens,
# return `math.inf`.

# %% tags=["exercise"]
import math


def pays_from(decoder_bits, ours, theirs):
    # BEGIN SOLUTION
    if ours >= theirs:
        return math.inf
    return math.ceil(decoder_bits / (theirs - ours))
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("31.4", pays_from)

# %% [markdown]
# And here, at the error of 5 bits a number? Take `decoder_bits`, `ae_bits` and
# `jpeg_bits`.

# %% tags=["solution"]
pictures = pays_from(decoder_bits, ae_bits, jpeg_bits)
cu.say(f"At the error of 5 bits a number, ours pays from {pictures:,} pictures on.")

# %% [markdown]
# ### Open challenge
#
# Get below 20 % of PCA's error at 32 numbers under the `cpu` profile, within the time
# of this lesson. Or make the code cheaper: round *while* training, so that the decoder
# learns to live with it (pass the gradient straight through the rounding). Decide on
# pictures cut from the training part, and look at the test part once.

# %% [markdown]
# ## Summary
#
# - PCA is the best linear code. Its error is the sum of the eigenvalues left out.
# - A linear autoencoder finds the same subspace, with other directions in it. How soon
#   depends on the gap between neighbouring eigenvalues far more than on their ratio.
# - Depth bends the subspace. With enough pictures and steps it can leave a fraction of
#   PCA's error at equal code size. At which size it helps most depends on how long you
#   train: compare sizes only in a state that you would stop at.
# - Entropy-code before you race. Part of what beats JPEG is knowing the kind of
#   picture, and PCA has that part too.
# - A code that reconstructs well is not for that reason easy to classify from, and not
#   for that reason a source of new pictures. Test the judge before its verdict.
# - Use PCA first: it takes seconds, has no seed, and is the baseline. Use an
#   autoencoder where pictures of one kind are many and codes must be short, or as a
#   first stage for something else. Don't use it as a general compressor.
#
# **Quiz**
#
# 1. The eigenvalues are 4, 3, 2 and 1, for pictures of 4 pixels. PCA's error per pixel
#    with 2 numbers?
#    <details><summary>Answer</summary>(2 + 1) / 4 = 0.75.</details>
# 2. Two linear autoencoders reach PCA's error. Are their codes the same?
#    <details><summary>Answer</summary>No. Each may turn, stretch and slant its code by
#    any invertible matrix, as long as its decoder undoes it. Only the subspace is the
#    same.</details>
# 3. More bits for each number, and the error stays. Why?
#    <details><summary>Answer</summary>Rounding is no longer what loses. The encoder and
#    decoder themselves do, and more exact codes don't change that.</details>
# 4. A code has as many numbers as the picture has pixels, and error zero. What has it
#    learned?
#    <details><summary>Answer</summary>Perhaps nothing: the identity does that. The
#    bottleneck is what forces a choice. (Noise is another way: lesson 32.)</details>
# 5. A classifier is 96 % sure of your generated pictures. What do you ask next?
#    <details><summary>Answer</summary>How sure it is of noise, and of other
#    junk.</details>
#
# **Further reading.** H. Bourlard, Y. Kamp, *Auto-association by multilayer perceptrons
# and singular value decomposition*, Biological Cybernetics 59 (1988), and P. Baldi, K.
# Hornik, *Neural networks and principal component analysis*, Neural Networks 2 (1989):
# the linear case. A. Saxe, J. McClelland, S. Ganguli, *Exact solutions to the nonlinear
# dynamics of learning in deep linear neural networks*, ICLR 2014: why small first
# weights. G. Hinton, R. Salakhutdinov, *Reducing the dimensionality of data with neural
# networks*, Science 313 (2006). J. Ballé, V. Laparra, E. Simoncelli, *End-to-end
# optimized image compression*, ICLR 2017: how learned compression is done in earnest.

# %% [markdown] tags=["instructor"]
# **Instructor.** 90 minutes: 10 for the first autoencoder, 15 for PCA and its error, 15
# for the linear autoencoder, 15 for depth (start the long runs, and let the room draw
# its guess of the plot while they train), 10 for the map and the probe, 10 for bits, 10
# for the walk and the judges, the rest for the clinic and exercises.
#
# Common beliefs: that a linear autoencoder *is* PCA, directions and all (the two rows
# of pictures answer); that small error means good features (the probe); that a decoder
# is a generator, and that a sure classifier proves it (the judges); that learned
# compression beats JPEG because it is deep (PCA's curve). Question for the room: what
# would have to be counted for an honest race with JPEG? If short of time, skip the
# intervention on the eigenvalues, the seeds and exercise 31.4.
