# %% [markdown]
# # 42 · DCGAN
#
# *Pictures from noise: the famous network in two `nn.Sequential`s and one step, its
# guidelines switched off in turn, honest judges with their floors, and a search for
# copies.*
#
# ![Pictures that a small convolutional generator has painted from
# noise.](../notebooks/images/42.png)
#
# **Time:** {{minutes}}. **Needs:** lessons 12 and 41; lesson 11 helps.
#
# After this lesson you can
#
# - compute a transposed convolution by hand, and build a generator of given shapes;
# - write DCGAN and train it on pictures, your own among them;
# - judge samples in numbers, each beside its floor, and tell quality from diversity;
# - say which guidelines matter for a task, with intervals instead of impressions;
# - test whether a generator copies its training pictures;
# - read from curves and samples that $D$ wins too fast, or that $G$ has collapsed.

# %%
import copy
import math
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from IPython.display import display
from scipy.special import stdtrit
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import course_utils as cu

device = cu.start(seed=0)

# %%
DATA = "mnist"  # or "fashion-mnist", "kmnist", or the folder of your own pictures
SIDE = 28  # pixels a side: the networks below are built for it
TAUGHT, SAMPLES = 12_000, 3000  # pictures to learn from; samples to be judged by
LATENT, BATCH = 20, 32  # numbers of noise for a picture; pictures in a batch
RATES, BETAS = (2e-3, 2e-3), (0.5, 0.999)  # of G and of D; Adam's memory
FIRST = cu.budget(cpu=480, gpu=5000)  # steps of the first game
SHORT = cu.budget(cpu=390, gpu=4500)  # steps of the games in the table,
EARLY = SHORT // 3  # which are looked at here, too
LONG = cu.budget(cpu=1000, gpu=60_000)  # steps of the long one
WIDE_G, WIDE_D = (16, 32, 128), (16, 32, 64)  # its maps at 14 × 14, 7 × 7 and 4 × 4
DECAY = 0.995  # of the average of G's weights
GAMES = cu.budget(cpu=3, gpu=5)  # of each row of the table, side by side
CLINIC = cu.budget(cpu=225, gpu=1500)
RESAMPLES = cu.budget(cpu=50, gpu=100)  # of the bootstrap
WIDE = 9.5  # inches, the width of the page

# %% [markdown]
# ## Painting from noise
#
# Lesson 41 played the game on points in the plane. Now each point is a picture. $G$
# turns a few numbers of noise into one, and $D$ says how real it looks.


# %%
def way_back(plot, points, colour, text, at):  # where a gradient flows
    axes, style = plot.axes[0], {"color": colour, "lw": 1.8}
    axes.plot(*zip(*points[:-1], strict=True), ls="--", **style)
    arrow = {"arrowstyle": "-|>", "ls": "--", "shrinkA": 0, "shrinkB": 0} | style
    axes.annotate("", points[-1], points[-2], arrowprops=arrow)
    axes.text(*at, text, color=colour, ha="center", size=10)


# %%
ROAD = ["z", "G4", "G7", "G14", "fake", "D14", "D7", "D4", "logit"]  # left to right
TEXT = {"z": "$z$", "fake": "$G(z)$", "logit": "logit"}
nodes = {}
for x, name in zip(
    (0.4, 1.4, 2.45, 3.5, 4.85, 6.2, 7.25, 8.3, 9.35), ROAD, strict=True
):
    look = "name" if name in TEXT else "box"
    nodes[name] = (x, 1.6, look, TEXT.get(name, f"{name[1:]}²"))
nodes["real"] = (4.85, 0.85, "name", "$x$")
nodes["g"] = (2.45, 1.12, "label", "G: maps grow")
nodes["d"] = (7.4, 1.12, "label", "D: maps shrink")

# %%
plot = cu.plots.diagram(
    nodes,
    [*pairwise(ROAD), ("real", (6.2, 0.85), "D14")],
    size=(10.0, 2.8),
    alt="Noise z grows through maps of 4×4, 7×7 and 14×14 into a picture G(z). D "
    "shrinks it, or a real picture x, through 14×14, 7×7 and 4×4 to one logit. The "
    "gradient of D's step stops at D; that of G's step runs through D back to G.",
)
blue, orange = cu.plots.COLOURS[0], cu.plots.COLOURS[1]
way = [(9.35, 1.4), (9.35, 0.5), (6.0, 0.5), (6.0, 1.35)]
way_back(plot, way, blue, "D's step: the gradient stops at D", (7.7, 0.2))
way = [(9.35, 1.8), (9.35, 2.3), (1.4, 2.3), (1.4, 1.82)]
way_back(plot, way, orange, "G's step: through D, which holds still", (5.3, 2.42))
plot

# %% [markdown]
# `DATA` above is the one constant to change. A folder of your own pictures works too,
# with a subfolder for each class: `DATA = "datasets/flowers"`. They are cropped and
# shrunk to 28 × 28, colour stays colour, and what this page computes is then about
# your pictures.

# %%
named = str(DATA).lower() in cu.data.names()
data = cu.data.load(DATA) if named else cu.data.folder(DATA, size=SIDE)
judge = cu.metrics.feature_net(data)  # a classifier, for later
source, names = data.source, data.classes
data = data.few(min(TAUGHT, len(data.train_x)))  # enough for a GAN, and spares memory
train_x, classes, channels = data.train_x, len(names), data.train_x.shape[1]
order = torch.randperm(len(data.test_x), generator=torch.Generator().manual_seed(0))
order = order[: 2 * SAMPLES].to(device)  # as many as are judged with, in mixed order:
test_x = data.test_x[order]  # MNIST's first half is easier than its second
del data  # all else of it only takes memory
on_mnist = source == "mnist"

# %%
cu.plots.images(
    train_x[:20],
    columns=20,
    size=WIDE / 20,
    alt=f"Twenty of the {len(train_x):,} pictures that the GAN learns from; source: "
    f"{source}.",
)

# %% [markdown]
# ## How does a picture grow?
#
# A classifier shrinks pictures with strided convolutions. A generator goes the other
# way: from 20 numbers of noise to 4 × 4, 7 × 7, 14 × 14, 28 × 28 pixels. Its layer is
# the *transposed* convolution. Each input pixel paints a patch: the kernel, times the
# pixel's value. Patches of neighbours overlap and add up.
#
# An ordinary convolution can do the same. Put $s - 1$ zeros between the
# pixels, $k - 1 - p$ zeros around, and convolve with the kernel turned by 180 degrees.
# For $n$ pixels a side the output has
#
# $$(n - 1)\,s + k - 2p .$$


# %%
def transposed(x, kernel, stride, padding):  # (B, C, H, W), (C, O, k, k)
    B, C, H, W = x.shape
    k = kernel.shape[-1]
    spread = x.new_zeros(B, C, (H - 1) * stride + 1, (W - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x  # zeros between the pixels
    spread = F.pad(spread, [k - 1 - padding] * 4)  # and around
    turned = kernel.flip(2, 3).transpose(0, 1)  # (O, C, k, k)
    return F.conv2d(spread, turned)


# %% tags=["nbval-check-output"]
x = torch.randn(2, 3, 7, 7)
for k, stride, padding in [(4, 2, 1), (3, 2, 1), (5, 3, 2), (7, 1, 0)]:
    layer = nn.ConvTranspose2d(3, 5, k, stride, padding, bias=False)
    ours, theirs = transposed(x, layer.weight, stride, padding), layer(x)
    same = ours.shape == theirs.shape and bool((ours - theirs).abs().max() < 1e-6)
    print(f"kernel {k}, stride {stride}, padding {padding}: equal to 1e-6: {same}")

# %% [markdown]
# Why "transposed"? A convolution is linear, so it is a matrix $M$. Going backward
# through it multiplies by $M^{\top}$, and that is what this layer does forward.

# %% tags=["nbval-check-output"]
x = torch.randn(1, 5, 14, 14, requires_grad=True)
kernel, grown = torch.randn(3, 5, 4, 4), torch.randn(1, 3, 7, 7)
y = F.conv2d(x, kernel, stride=2, padding=1)  # (1, 3, 7, 7)
(back,) = torch.autograd.grad(y, x, grown)  # (1, 5, 14, 14)
forward = transposed(grown, kernel, 2, 1)
print("backward through conv2d is it:", bool((back - forward).abs().max() < 1e-4))

# %% [markdown]
# ## DCGAN
#
# In 2015 GANs on pictures mostly failed. Radford, Metz and Chintala (ICLR 2016) looked
# for networks that train stably, and wrote down what these had in common:
#
# 1. strided convolutions in $D$ and transposed ones in $G$, no pooling, no upsampling;
# 2. batch norm in both (not at $G$'s output, not at $D$'s input);
# 3. no dense hidden layers;
# 4. ReLU in $G$, and tanh at its end;
# 5. LeakyReLU in $D$;
# 6. Adam with $\beta_1 = 0.5$;
# 7. first weights from a normal distribution with standard deviation 0.02.
#
# Here they are, in two networks that you can take with you.

# %%
G = nn.Sequential(
    nn.Linear(LATENT, 64 * 16),
    nn.Unflatten(1, (64, 4, 4)),  # noise, projected and reshaped
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.ConvTranspose2d(64, 16, 3, 2, 1),  # (B, 16, 7, 7)
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.ConvTranspose2d(16, 8, 4, 2, 1),  # (B, 8, 14, 14)
    nn.BatchNorm2d(8),
    nn.ReLU(),
    nn.ConvTranspose2d(8, channels, 4, 2, 1),  # (B, C, 28, 28)
    nn.Tanh(),
)

# %%
D = nn.Sequential(
    nn.Conv2d(channels, 8, 4, 2, 1),  # (B, 8, 14, 14), no batch norm at the input
    nn.LeakyReLU(0.2),
    nn.Conv2d(8, 16, 4, 2, 1),  # (B, 16, 7, 7)
    nn.BatchNorm2d(16),
    nn.LeakyReLU(0.2),
    nn.Conv2d(16, 64, 3, 2, 1),  # (B, 64, 4, 4)
    nn.BatchNorm2d(64),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(64 * 16, 1),  # (B, 1): one logit
)


# %%
def first_weights(net, std=0.02):
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=std)


for net in (G, D):
    first_weights(net)
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters")
untrained = copy.deepcopy(G).to(device)  # for later, as it is now

# %% [markdown]
# The first layer of $G$ and the last of $D$ are dense, in the paper too; they are not
# *hidden* layers. And why go down as far as 4 × 4? A convolution sees a few pixels. A
# stroke can be right in every such window and the whole still be no digit. The way
# down gives both players layers that see all of the picture.
#
# Now the game. It's the step of lesson 41: $D$'s half, in which the fakes are detached,
# and $G$'s half through $D$. Tanh ends at −1 and 1, so the real pictures have to be
# stretched to that range as well.

# %%
opt_G = torch.optim.Adam(G.parameters(), RATES[0], BETAS)
opt_D = torch.optim.Adam(D.parameters(), RATES[1], BETAS)
moments = cu.Kept()  # samples on the way; saved with the other parts
parts = {"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D, "moments": moments}
trainer = cu.Trainer("runs/42/first", **parts)
z = torch.randn(10, LATENT, generator=torch.Generator().manual_seed(1)).to(device)


# %%
def step(batch):
    if trainer.steps in (0, FIRST // 12, FIRST // 4):
        look()
    real = 2 * batch[0] - 1  # (B, C, 28, 28) in -1…1
    fake = G(torch.randn(len(real), LATENT, device=device))
    loss_D = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    trainer.update(opt_D, loss_D)
    loss_G = F.softplus(-D(fake)).mean()  # the same fakes, not detached
    trainer.update(opt_G, loss_G)
    return {"loss of D": loss_D, "loss of G": loss_G}


# %% [markdown]
# `look` paints the same ten noises each time. While it paints, batch norm uses its
# running averages (`eval`), so that a picture doesn't depend on the others beside it.


# %%
@torch.no_grad()
def paint(net, z, low=-1):  # (N, LATENT) -> (N, C, 28, 28) in 0…1
    was = net.training
    net.eval()
    made = torch.cat([net(part) for part in z.split(250)])
    net.train(was)
    return (made.float() - low) / (1 - low)


def look():
    with trainer.full_precision():  # where the step runs in half precision, on a GPU
        moments[trainer.steps] = paint(G, z).cpu()


# %%
history = trainer.fit(step, cu.Batches(train_x, BATCH), steps=FIRST)

# %%
look()  # the end
steps = sorted(moments)
cu.plots.images(
    torch.cat([moments[s] for s in steps]),
    columns=20,
    size=WIDE / 20,
    alt=f"The same ten noises at each moment, two moments a row: after {steps} steps.",
)

# %% [markdown]
# Above, ten noises before the first step, and beside them the same ten soon after.
# Below, a quarter of the way, and the end.
# What comes first, the right amount of black, strokes, or shapes with a name?
#
# **What differs from the paper.** Adam's two memories, .5 and .999, are the paper's.
# Its learning rate is 2e-4 and its batch 128, and its networks are some hundred times
# larger. With that rate we found no picture worth showing in a few hundred steps. On
# MNIST, in one trial each with two to four times the maps of ours, a classifier named
# one and the same digit in at least 99 % of the samples, after 900 steps at batch 32 as
# after 300 at batch 128. Ten times the rate and a quarter of the batch get from fog to
# digits in the time that you'll wait.

# %% [markdown]
# ## Who is to judge?
#
# In lesson 41 the density of the data was known, and we could count. Nobody knows the
# density of handwritten digits. So we need a judge that has learned what they are: a
# classifier, lesson 12's. `cu.metrics.feature_net` trained it above, and keeps it. What
# do we ask of it?
#
# - **Fréchet distance**: the judge describes a picture by 64 numbers, its features. Fit
#   a normal distribution to the features of real pictures, $m_1, S_1$, and one to those
#   of samples, $m_2, S_2$. The squared distance between the two is
#
# $$d^2 = \lVert m_1 - m_2 \rVert^2 + \operatorname{tr}\big(S_1 + S_2 -
# 2\,(S_1 S_2)^{1/2}\big).$$
#
# - **Kernel distance**: compares the two sets by a cubic kernel, so third moments count
#   too. On average it is 0 for two sets of the same kind, at any number of samples.
# - **Precision and recall**: the share of samples that lie among real pictures, and the
#   share of real pictures that lie among samples. Quality and diversity, apart.
# - **Classes**: how often the judge names each.
# - **Sure**: the share of samples whose class it names with more than 90 %. We'll ask
#   in a moment what that is worth.
#
# Which real pictures? Test pictures, since neither the GAN nor the judge has seen them.

# %%
few = len(test_x) < 300  # then all of them are the yardstick
COUNT = min(SAMPLES, len(test_x) if few else len(test_x) // 2, len(train_x))
ASKED = min(2000, COUNT)  # where every pair is compared, or many networks are judged
real_x, other_x = test_x[:COUNT], (train_x if few else test_x[COUNT:])[:COUNT]
real = judge.features(real_x).cpu()  # (COUNT, 64)
fixed = torch.randn(2 * COUNT, LATENT, generator=torch.Generator().manual_seed(1))
fixed = fixed.to(device)  # the noise of everything that is judged


# %%
def judged(pictures):  # (N, C, 28, 28) in 0…1
    features = judge.features(pictures).cpu()
    sure, named = judge.logits(pictures).softmax(1).max(1)
    shares = named.bincount(minlength=classes) / len(named)
    return {
        "distance": cu.metrics.frechet_distance(real[: len(features)], features),
        "sure": (sure > 0.9).float().mean().item(),
        "shares": shares.cpu(),
        "features": features,
    }


# %%
def asked(features):  # what takes longer: kernel distance, precision, recall
    precision, recall = cu.metrics.precision_recall(real[:ASKED], features[:ASKED])
    kernel = cu.metrics.kernel_distance(real[:ASKED], features[:ASKED])
    return {"kernel": kernel, "precision": precision, "recall": recall}


# %% [markdown]
# > **Predict before you run.** Two sets of *real* pictures, as many in each. Is their
# > Fréchet distance 0? And is the judge sure of every real picture?
# > <details><summary>Answer</summary>No, twice. Two finite samples of one distribution
# > have slightly different moments, and the distance cannot be negative, so chance only
# > adds. And the classes of some real pictures are hard to tell. Whatever real pictures
# > get is the *floor*: ask no generator for better.</details>

# %%
floor = judged(other_x)
floor |= asked(floor["features"])
weak = judge.accuracy < 0.7
cu.say(
    f"The judge names the class of {judge.accuracy:.2%} of the test pictures. Real "
    f"against real, {COUNT:,} each: Fréchet distance {floor['distance']:.3f}, kernel "
    f"distance {floor['kernel']:.4f}, precision {floor['precision']:.2f}, recall "
    f"{floor['recall']:.2f}, sure {floor['sure']:.1%}, rarest class "
    f"{floor['shares'].min():.1%}, most frequent {floor['shares'].max():.1%}."
    + (" There are so few test pictures that the others are training ones." * few)
    + (" A judge that is wrong so often is a weak one: trust your eyes more." * weak)
)

# %% [markdown]
# A word of warning. These features are those of *our* judge. Published Fréchet
# distances (FID) use a network trained on photographs, and cannot be compared with
# ours. Compare rows of this lesson only, at equal numbers of samples.
#
# ## Is "sure" good?
#
# A judge that is sure of a picture: surely that's a good one? Let's show it some that
# are certainly not: uniform noise, fog (the mean picture with a little noise), and what
# a generator paints before its first step.
#
# > **Predict before you run.** What share of the *noise* is sure: none, half, or all?
# > <details><summary>Answer</summary>See the table. The judge was only ever asked
# > *which* class, never *whether*. Far from everything it knows it has to say
# > something, and says it loudly.</details>


# %%
def nothing():  # name -> pictures that show nothing
    source = torch.Generator().manual_seed(2)
    noise = torch.rand(ASKED, *train_x.shape[1:], generator=source).to(device)
    fog = (train_x.mean(0) + 0.1 * (noise - 0.5)).clamp(0, 1)
    return {"noise": noise, "fog": fog, "untrained G": paint(untrained, fixed[:ASKED])}


# %%
few_of, found = {}, {}
first, real_part = paint(G, fixed[:ASKED]), real_x[:ASKED]
for name, pictures in (nothing() | {"first game": first, "real": real_part}).items():
    score = judged(pictures)
    found[name] = score | asked(score["features"])
    found[name]["named"] = names[score["shares"].argmax()]
    few_of[name] = pictures[:3].clone()


# %%
def in_short(name):
    score = found[name]
    return f"{name}: {score['sure']:.0%} sure"


cu.plots.images(
    torch.cat(list(few_of.values())),
    [in_short(name) if n == 1 else "" for name in few_of for n in range(3)],
    columns=15,
    size=WIDE / 15,
    alt="Three pictures of each kind. "
    + "; ".join(f"{in_short(n)}, mostly {found[n]['named']}" for n in few_of)
    + ".",
)

# %%
cu.scoreboard(
    [
        {
            "pictures": name,
            "sure": f"{score['sure']:.1%}",
            "named most often": f"{score['named']} ({score['shares'].max():.0%})",
            "Fréchet": f"{score['distance']:.2f}",
            "precision": f"{score['precision']:.2f}",
        }
        for name, score in found.items()
    ]
)
loudest = max(found["noise"]["sure"], found["fog"]["sure"])

# %%
cu.claim(
    "Share of noise or fog, whichever is more, of whose class the judge is sure",
    loudest,
    at_least=0.9,
    when=on_mnist,
    form=".0%",
)

# %% [markdown]
# So "sure" isn't a measure of quality. It answers another question: *if* this is one of
# the classes, can its class be told? The *if* is left out. Precision asks it: does the
# sample lie among real pictures at all? Where precision is near 0, sure means nothing.
#
# Precision can be fooled as well, since all it knows is the judge's features. On MNIST
# we saw a half-trained $G$ with precision 1.00, of whose samples the judge was sure in
# 3 %: nearly all of them lay among the same four of 2,000 real pictures. Its recall was
# 0.00. And where real pictures are few, with wide gaps, fog may count as one of them.
# So we keep both columns, and never read one alone.

# %% [markdown]
# ## Laws or habits?
#
# Are the seven guidelines laws, or habits of the networks they came from? To find out,
# we make each of them a switch. The defaults are the guidelines.
#
# One seed is an anecdote, so each row needs several games. Small layers leave a
# computer idle, so we play them *side by side*, as lesson 41 did: one layer with three
# times the maps, in three groups (`groups=`) that never meet. This is a trick of speed
# and nothing else. For a GAN of your own, copy the two networks from above.


# %%
class Recipe(NamedTuple):
    transposed: bool = True  # else G grows by nearest-neighbour upsampling
    strided: bool = True  # else D shrinks by max pooling
    even: bool = False  # kernel 4 in all of G's growing layers; see below
    norm: bool = True
    dense: bool = False  # a hidden dense layer in G and in D
    g_slope: float = 0.0  # below zero, of G's activations: 0 is ReLU
    d_slope: float = 0.2  # of D's
    low: int = -1  # what G's end gives for black: -1 is tanh, 0 a sigmoid
    g_widths: tuple = (8, 16, 64)  # maps at 14 × 14, 7 × 7 and 4 × 4
    d_widths: tuple = (8, 16, 64)
    games: int = 1  # side by side


# %%
def conv(recipe, inputs, outputs, *args, kind=nn.Conv2d, **kwargs):
    n = recipe.games
    return kind(n * inputs, n * outputs, *args, groups=n, **kwargs)


# %%
def up(recipe, inputs, outputs, side):  # to side × side
    both = recipe, inputs, outputs
    if not recipe.transposed:
        bigger = nn.Upsample(size=(side, side))
        return nn.Sequential(bigger, conv(*both, 3, padding=1))
    if side % 2 == 0:
        return conv(*both, 4, 2, 1, kind=nn.ConvTranspose2d)
    if recipe.even:
        return conv(*both, 4, 2, 2, output_padding=1, kind=nn.ConvTranspose2d)
    return conv(*both, 3, 2, 1, kind=nn.ConvTranspose2d)


# %%
def down(recipe, inputs, outputs, side):  # from side × side
    if recipe.strided:
        return conv(recipe, inputs, outputs, 3 if side % 2 else 4, 2, 1)
    same = conv(recipe, inputs, outputs, 3, padding=1)
    return nn.Sequential(same, nn.MaxPool2d(2, ceil_mode=True))


# %% [markdown]
# A dense layer in groups is a convolution with kernel 1 on maps of a single pixel.


# %%
def block(recipe, layer, outputs, slope):
    norms = [nn.BatchNorm2d(recipe.games * outputs)] if recipe.norm else []
    return [layer, *norms, nn.LeakyReLU(slope)]


# %%
def dense(recipe, inputs, outputs, slope):  # with a hidden layer, if it is wanted
    first = [nn.Flatten(), nn.Unflatten(1, (recipe.games * inputs, 1, 1))]
    if recipe.dense:
        first += block(recipe, conv(recipe, inputs, 128, 1), 128, slope)
        inputs = 128
    return [*first, conv(recipe, inputs, outputs, 1), nn.Flatten()]


# %%
def generator(recipe, channels):
    (large, middle, small), slope = recipe.g_widths, recipe.g_slope
    first = dense(recipe, LATENT, 16 * small, slope)
    first = nn.Sequential(*first, nn.Unflatten(1, (recipe.games * small, 4, 4)))
    return nn.Sequential(
        *block(recipe, first, small, slope),  # 4 × 4
        *block(recipe, up(recipe, small, middle, 7), middle, slope),  # 7 × 7
        *block(recipe, up(recipe, middle, large, 14), large, slope),  # 14 × 14
        up(recipe, large, channels, 28),  # 28 × 28
        nn.Tanh() if recipe.low == -1 else nn.Sigmoid(),
    )


# %%
def discriminator(recipe, channels):
    (large, middle, small), slope = recipe.d_widths, recipe.d_slope
    return nn.Sequential(
        down(recipe, channels, large, 28),  # 14 × 14, no batch norm at the input
        nn.LeakyReLU(slope),
        *block(recipe, down(recipe, large, middle, 14), middle, slope),  # 7 × 7
        *block(recipe, down(recipe, middle, small, 7), small, slope),  # 4 × 4
        nn.Sequential(*dense(recipe, 16 * small, 1, slope)),  # one logit a game
    )


# %% [markdown]
# Are these the networks from above? We give the weights of the plain ones to each of
# three games, and show them the same.


# %%
def filled(net, plain, games):  # with the plain network's weights, for each game
    for name, weights in zip(
        net.state_dict(), plain.state_dict().values(), strict=True
    ):
        own = net.state_dict()[name]
        repeated = torch.cat([weights] * games) if weights.ndim else weights
        own.copy_(repeated.reshape(own.shape))
    return net.to(device).eval()


# %% tags=["nbval-check-output"]
three = Recipe(games=3)
for kind, plain, x in [(generator, G, z), (discriminator, D, train_x[:10])]:
    together = filled(kind(three, channels), plain, 3)(torch.cat([x, x, x], 1))
    alone = copy.deepcopy(plain).eval()(x)  # (10, …)
    off = (together - torch.cat([alone] * 3, 1)).abs().max()
    print("three times the plain network:", bool(off < 1e-5))

# %% [markdown]
# And one function trains them all, with the step that you know. What it can do besides:
# call `look(G, average)` before the steps in `at` and after the last, and keep what it
# returns; let $G$ take several steps; and two things for the long run, of which later.
# The loss is a sum over games of means over the batch, so the gradients don't mix.


# %%
class Run(NamedTuple):
    average: nn.Module  # G with averaged weights,
    G: nn.Module  # and with the last ones
    D: nn.Module
    looks: dict  # step -> what was seen
    history: cu.History


# %%
def train(
    kinds, data, steps, seed=0, *,
    rates=RATES, betas=BETAS, std=0.02, low=-1, games=1, g_steps=1, falls=False,
    look=None, at=(), run=None, show=False,
):  # fmt: skip
    torch.manual_seed(seed)
    G, D = (kind(data.shape[1]) for kind in kinds)
    for net in (G, D):
        if std:  # None leaves PyTorch's own first weights
            first_weights(net, std)
        net.to(memory_format=torch.channels_last)  # faster convolutions on a CPU
    average = AveragedModel(
        G, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True
    )
    opts = [
        torch.optim.Adam(net.parameters(), rate, betas, fused=True)
        for net, rate in zip((G, D), rates, strict=True)
    ]
    moves = [LambdaLR(opt, partial(height, steps, falls)) for opt in opts]
    players = Players(G, D, average, *opts, *moves, cu.Kept())
    trainer = cu.Trainer(run, **players._asdict())
    step = turns(trainer, players, low, games, g_steps, look, at)
    history = trainer.fit(step, cu.Batches(data, BATCH, seed), steps=steps, show=show)
    seen(trainer, players, look)
    return Run(average.module, G, D, players.looks, history)


# %%
class Players(NamedTuple):  # all that is saved, and goes on after an interrupt
    G: nn.Module
    D: nn.Module
    average: nn.Module
    opt_G: torch.optim.Optimizer
    opt_D: torch.optim.Optimizer
    rate_G: LambdaLR
    rate_D: LambdaLR
    looks: cu.Kept


def height(steps, falls, step):  # of the learning rate; 1 where it doesn't fall
    return min(1.0, (step + 1) / 50, (steps - step) / (0.4 * steps)) if falls else 1.0


# %%
def seen(trainer, players, look):
    if look:
        with trainer.full_precision():  # judge in float32, whatever the step runs in
            found = look(players.G, players.average.module)
        players.looks[trainer.steps] = found


# %%
def turns(trainer, players, low, games, g_steps, look, at):
    G, D, average, opt_G, opt_D, *moves, _ = players

    def mean(losses):  # (B, games), summed over games
        return losses.mean(0).sum()

    def step(batch):
        if trainer.steps in at:
            seen(trainer, players, look)
        real = low + (1 - low) * batch[0].repeat(1, games, 1, 1)
        z = torch.randn(len(real), games * LATENT, device=device)
        fake = G(z)
        loss_D = mean(F.softplus(-D(real))) + mean(F.softplus(D(fake.detach())))
        trainer.update(opt_D, loss_D)
        for again in range(g_steps):
            fake = G(torch.randn_like(z)) if again else fake
            loss_G = mean(F.softplus(-D(fake)))
            trainer.update(opt_G, loss_G)
        average.update_parameters(G)
        for move in moves:
            move.step()
        return {"loss of D": loss_D / games, "loss of G": loss_G / games}

    return step


# %% [markdown]
# Each guideline is now switched off in turn, the first one in its two halves. All games
# have equal steps and see the same pictures in the same order; those of a row differ in
# their first weights and their noise. We look twice: a network that starts slowly need
# not end badly.
#
# > **Predict before you run.** Which switch does the most harm? Which none? Does one
# > *help*?
# > <details><summary>Answer</summary>The figure below says it for this task, size and
# > budget. Radford et al. looked for what makes *deep* networks on *photographs* train
# > at all. Don't expect all seven to matter here.</details>

# %%
OFF = {  # the row: what is changed in the recipe, and in the training
    "all guidelines kept": ({}, {}),
    "1 off: upsampling in G": ({"transposed": False}, {}),
    "1 off: pooling in D": ({"strided": False}, {}),
    "2 off: no batch norm": ({"norm": False}, {}),
    "3 off: dense hidden layers": ({"dense": True}, {}),
    "4 off: LeakyReLU in G": ({"g_slope": 0.2}, {}),
    "4 off: sigmoid, pixels in 0…1": ({"low": 0}, {}),
    "5 off: ReLU in D": ({"d_slope": 0.0}, {}),
    "6 off: Adam with β₁ = 0.9": ({}, {"betas": (0.9, 0.999)}),
    "7 off: PyTorch's first weights": ({}, {"std": None}),
    "ours: kernel 4 everywhere in G": ({"even": True}, {}),
}
KEPT, SMOOTH, EVEN = (list(OFF)[i] for i in (0, 1, -1))


# %%
def painted_by(G, count, low=-1):  # what each game of a row paints: (games, N, …)
    pictures = paint(G, fixed[:count].repeat(1, GAMES), low)
    return pictures.unflatten(1, (GAMES, channels)).transpose(0, 1)


# %%
def short_games(recipe, changes):
    recipe = Recipe(**recipe, games=GAMES)

    def look(G, average):
        scores = map(judged, painted_by(G, ASKED, recipe.low))
        return [[x["distance"], x["sure"], x["shares"].max().item()] for x in scores]

    changes = changes | {"low": recipe.low, "look": look, "at": (EARLY,)}
    kinds = partial(generator, recipe), partial(discriminator, recipe)
    return train(kinds, train_x, SHORT, games=GAMES, **changes)


# %%
rows = {}

# %%
for name, switches in OFF.items():
    if name not in rows:  # interrupted, it goes on
        rows[name] = short_games(*switches)

# %% [markdown]
# What should we compare? Distances of a few units and of a few hundredths are on one
# scale only in their *logarithm*: half as far is half as far. So we take logarithms,
# and ask for each row by which factor it is off the first one. Three games give no
# decent spread for one row, so we pool: the spread within a row, over all rows,
# $s^2$, with (rows) × (games − 1) degrees of freedom. The interval for a difference of
# two means of $n$ games is then $\pm\, t\, s \sqrt{2 / n}$.
#
# And at each length there are ten comparisons. If each had a 5 % chance of a false
# alarm, up to four such tables in ten would raise one. Bonferroni's remedy: allow each
# of the ten 0.5 %.


# %%
def logs(step):  # (rows, games), of the Fréchet distance
    table = [[look[0] for look in rows[name].looks[step]] for name in OFF]
    return torch.tensor(table, dtype=torch.float64).log()


# %%
def factors(step):  # name -> factor over the first row, with its interval
    table = logs(step)
    free = len(OFF) * (GAMES - 1)
    spread = (table.var(1).mean() * 2 / GAMES).sqrt()
    reach = stdtrit(free, 1 - 0.05 / 2 / (len(OFF) - 1)) * spread
    off = table.mean(1) - table[0].mean()
    found = torch.stack([off, off - reach, off + reach], 1).exp().tolist()
    return dict(zip(OFF, found, strict=True))


# %%
def verdict(factor, low, high):
    if low <= 1 <= high:
        return "not told apart"
    return "worse without the guideline" if factor > 1 else "better without it"


off_by = {step: factors(step) for step in (EARLY, SHORT)}

# %%
plot = cu.plots.Plot(WIDE, 4.2, "Fréchet distance of each row over the first row's.")
places = range(len(OFF) - 1)
for axes, step in zip(plot.subplots(1, 2, sharey=True), off_by, strict=True):
    for place, name in zip(places, list(OFF)[1:], strict=True):
        factor, low, high = off_by[step][name]
        colour = "#777777" if low <= 1 <= high else orange if factor > 1 else blue
        reach = [[factor - low], [high - factor]]
        axes.errorbar(factor, place, xerr=reach, fmt="o", color=colour, capsize=3)
        plot.alt += f" {step} steps, {name}: {factor:.2f} ({low:.2f} to {high:.2f})."
    axes.axvline(1, color="black", lw=0.8)
    cu.plots.log_axis(axes.xaxis)
    axes.set(xlabel="Fréchet distance, times that of the first row")
    axes.set_title(f"after {step} steps")
axes.set_yticks(places, list(OFF)[1:])
axes.invert_yaxis()
plot

# %%
table = []
for name in OFF:
    line = {"recipe": name}
    for step in (EARLY, SHORT):
        looks = rows[name].looks[step]
        line[f"Fréchet, {step} steps"] = " / ".join(f"{x[0]:.1f}" for x in looks)
    line["sure"] = f"{sum(x[1] for x in looks) / len(looks):.0%}"
    line["seconds"] = f"{rows[name].history.seconds:.0f}"
    line["guideline"] = "" if name == KEPT else verdict(*off_by[SHORT][name])
    table.append(line)
cu.scoreboard(table)

# %%
told = {}
for name in list(OFF)[1:]:
    told.setdefault(verdict(*off_by[SHORT][name]), []).append(name)
cu.say(
    f"After {SHORT} steps, by intervals corrected for {len(OFF) - 1} comparisons: "
    + "; ".join(f"{word}: {', '.join(rows)}" for word, rows in told.items())
    + "."
)

# %% [markdown]
# Blue is better without the guideline, orange worse, grey not told apart. *Not told
# apart isn't "no difference"*: look how long the grey bars are. And a guideline isn't
# refuted by small pictures. It's the other way round: whoever copies all seven without
# a test doesn't know which of them their own task needs.
#
# (Sigmoid and tanh are one curve, $2\,\sigma(x) - 1 = \tanh(x / 2)$. So what that row
# changes is what $D$ sees: pixels that are not centred about zero.)

# %% [markdown]
# ## What do transposed convolutions do?
#
# The first guideline deserves a second look. It forbids upsampling, which copies each
# pixel into a square of four and then convolves. Odena, Dumoulin and Olah (2016) argue
# for just that, and against transposed convolutions. Count how many patches reach each
# pixel. With kernel 3 and stride 2 it's one, two or four, in turns: a *checkerboard*
# that the kernel has to unlearn. With kernel 4 every pixel inside gets four. After
# upsampling, every one gets the whole kernel.

# %%
growing = {
    "kernel 3, stride 2": nn.ConvTranspose2d(1, 1, 3, 2, 1, 1, bias=False),
    "kernel 4, stride 2": nn.ConvTranspose2d(1, 1, 4, 2, 1, bias=False),
    "upsampling, then kernel 3": nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1, bias=False)
    ),
}


# %%
def numbered(axes, counts):  # a map with its numbers written on it
    axes.imshow(counts, cmap="cividis", vmin=0, vmax=9)
    for row, line in enumerate(counts.tolist()):
        for column, count in enumerate(line):
            style = {"color": "white" if count < 5 else "black", "size": 9}
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", **style)
    axes.axis("off")


# %%
plot = cu.plots.Plot(WIDE, 3.4, "How many weights reach each pixel, from 4×4 ones.")
for axes, (name, layer) in zip(plot.subplots(1, 3), growing.items(), strict=True):
    nn.init.ones_(next(layer.parameters()))
    counts = layer(torch.ones(1, 1, 4, 4))[0, 0].detach()  # (8, 8)
    numbered(axes, counts)
    inside = sorted({int(count) for count in counts[2:-2, 2:-2].flatten()})
    title = f"{name}: {' or '.join(map(str, inside))}"
    plot.alt += f" Inside, with {title}."
    axes.set_title(title, fontsize=10)
plot

# %% [markdown]
# A good story. Does it explain our table? $G$ has kernel 3 in one place only, on the
# way from 4 × 4 to 7 × 7. If uneven overlap were the trouble, then kernel 4 in that
# place too ("ours" in the table) should help as upsampling does. And a checkerboard
# should be visible in the samples: as energy in the finest stripes that a picture can
# have, those that change from pixel to pixel.
#
# > **Predict before you run.** Will even overlap alone be as good as upsampling?
# > <details><summary>Answer</summary>The cell below says what this run gives.</details>


# %%
def finest(pictures):  # energy of stripes of two pixels, share of all that varies
    wave = torch.fft.fft2((pictures - pictures.mean(0)).cpu())
    energy = wave.abs().square().mean((0, 1))  # (28, 28)
    half = SIDE // 2
    stripes = energy[half].sum() + energy[:, half].sum() - energy[half, half]
    return (stripes / energy.sum()).item()


shown = [painted_by(rows[name].G, 10)[0] for name in (KEPT, EVEN, SMOOTH)]
cu.plots.images(
    torch.cat([*shown, real_x[:10]]),
    columns=20,
    size=WIDE / 20,
    alt=f"Ten samples each after {SHORT} steps, first game of the row. Above: {KEPT}; "
    f"{EVEN}. Below: {SMOOTH}; and real pictures.",
)


# %%
def stripes(name):
    factor, low, high = off_by[SHORT][name]
    share = sum(map(finest, painted_by(rows[name].G, ASKED))) / GAMES
    return {
        "pictures": name,
        "Fréchet, times the first row": f"{factor:.2f} ({low:.2f} to {high:.2f})",
        "finest stripes": f"{share:.2%}",
    }


cu.scoreboard(
    [
        *map(stripes, (KEPT, EVEN, SMOOTH)),
        {"pictures": "real", "finest stripes": f"{finest(real_x):.2%}"},
    ]
)

# %%
smooth, even = off_by[SHORT][SMOOTH], off_by[SHORT][EVEN]
if smooth[1] <= 1 <= smooth[2]:
    told = "Upsampling isn't told apart, so here is nothing to explain."
elif even[1] <= 1 <= even[2]:
    told = (
        "Upsampling is told apart, even overlap isn't: the story has no support here. "
        "Nor is it refuted, with intervals this wide."
    )
elif even[1] > smooth[2]:
    told = "Even overlap doesn't do what upsampling does, so it isn't the explanation."
else:
    told = "The intervals overlap, so even overlap isn't ruled out as the explanation."
cu.say(
    f"Upsampling changes the distance by a factor of {smooth[0]:.2f}, even overlap by "
    f"one of {even[0]:.2f}. {told}"
)

# %% tags=["result"]
cu.claim(
    f"Fréchet distance with upsampling in G, times that without, after {SHORT} steps",
    smooth[0],
    at_most={"cpu": 1.0, "gpu": 2.0},
    when=on_mnist,
    form=".2f",
)

# %% [markdown]
# ## The long run
#
# Now use what you have found. `BEST` breaks the first guideline where the table gives
# no reason to keep it. It has twice the maps, but for the last ones of $D$, and its $D$
# learns half as fast as its $G$.
#
# Is upsampling the better choice, then? With three games a row, intervals corrected for
# ten comparisons are wide. In one run of this page, with 20,000 pictures and 420 steps,
# its factor was 0.26 (0.11 to 0.61) and so told apart; with 12,000 pictures and 390
# steps it was 0.41, and not. So expect upsampling to help on this task, by an amount
# that you can't rely on. And don't expect the gain to last. We tried both on MNIST,
# with three seeds each: 1,200 steps with transposed convolutions, and 1,100 with
# upsampling, whose steps take longer. Half way the Fréchet distances were 2.5 to 3.0
# without upsampling and 0.9 to 1.1 with it; at the end, 0.34 to 0.40 and 0.27 to 0.38.
# So upsampling gets there sooner. Whether it ends nearer, three seeds don't say.
#
# Two things are new. The weights of a GAN never come to rest. They circle, and the last
# step is as good as chance makes it. A cheap remedy is an *exponential moving average*
# (EMA) of $G$'s weights,
#
# $$\bar\theta \leftarrow \beta\, \bar\theta + (1 - \beta)\, \theta ,$$
#
# which plays no part in the game: it only follows. Pictures are then drawn from it. The
# learning rate also falls, in a straight line over the last 40 % of the steps. We judge
# both, the last weights and the average, from one run.
#
# While it trains, look at the same twenty noises, painted by the average.

# %%
BEST = Recipe(transposed=False, g_widths=WIDE_G, d_widths=WIDE_D)
PLAYERS = partial(generator, BEST), partial(discriminator, BEST)
LOOKS = [share * LONG // 16 for share in (0, 1, 2, 4, 8, 12)]
live = display("Twenty fixed noises", display_id=True)  # None in a script


# %%
def grid(pictures, alt):
    return cu.plots.images(pictures, columns=20, size=WIDE / 20, alt=alt)


def watch(G, average):
    painted = paint(average, fixed[:20]).cpu()
    if live:
        live.update(grid(painted, "Twenty fixed noises, live."))
    nets = (G, average)
    return [painted, *(judged(paint(n, fixed[:ASKED]))["distance"] for n in nets)]


# %%
best = train(
    PLAYERS, train_x, LONG, rates=(3e-3, 1.5e-3), falls=True,
    look=watch, at=LOOKS, run="runs/42/long", show=True,
)  # fmt: skip

# %% [markdown]
# Each row is one look. What comes first, strokes or shapes? What is still wrong in the
# last row?

# %%
looks = {step: best.looks[step] for step in sorted(best.looks)}
later = list(looks)[2:]  # what came before is grey, then fog
grid(
    torch.cat([looks[step][0] for step in later]),
    f"Twenty fixed noises, a row for each look, after {later} steps.",
)

# %%
curves = {
    name: (list(looks)[1:], [found[place] for found in looks.values()][1:])
    for name, place in (("last weights", 1), ("average of weights", 2))
}
cu.plots.lines(
    curves,
    xlabel="step",
    ylabel="Fréchet distance",
    log="y",
    size=(WIDE, 3.2),
    baselines={"real": floor["distance"]},
    alt="Fréchet distance against the step: "
    + ", ".join(f"{name} {y[-1]:.2f} at the end" for name, (_, y) in curves.items())
    + ".",
)

# %% [markdown]
# With $\beta = 0.995$ the average looks back over some $1 / (1 - \beta) = 200$ steps.
# Early on that harms: it still remembers the beginning. Later it can help, as long as
# the weights dance about one place. The lower the learning rate falls, the less they
# dance, and the less is left to average. So at the end of a run on MNIST expect the two
# curves to be close, too close for one training to rank them. With few pictures they
# may not be: in one run on 480 colour photographs the last weights ended at 3.3, and
# the average at 12.7.
#
# ## How good is it?

# %% tags=["cover"]
pool = paint(best.average, fixed)
samples = {"last": paint(best.G, fixed[:COUNT]), "average": pool[:COUNT]}
cu.plots.images(
    samples["average"][:60],
    columns=15,
    size=WIDE / 15,
    alt="Sixty samples of the average generator, not chosen.",
)

# %% [markdown]
# One more row. $D$ was trained to tell good from bad. Why throw it away? Draw twice as
# many samples, and keep the half that $D$ finds more real (a plain form of Azadi et al.
# 2019). It is one more step of *sampling*, without a label and without the judge.
#
# > **Predict before you run.** $D$ throws away the worse half. Does the Fréchet
# > distance of the rest go down or up?
# > <details><summary>Answer</summary>See the table. A choice changes *which* pictures
# > there are, too. Where D likes some kinds better than others, the better half is a
# > skewed half, and the distance charges for that.</details>


# %%
@torch.no_grad()
def opinions(pictures):  # D's logits, (N,)
    D = best.D.eval()
    return torch.cat([D(2 * x - 1)[:, 0] for x in pictures.split(250)])


opinion = opinions(pool)


# %%
def kept(share, count):  # so many of the share of the pool that D likes best
    top = opinion.topk(max(count, int(share * len(pool)))).indices
    order = torch.randperm(len(top), generator=torch.Generator().manual_seed(0))
    return pool[top[order[:count].to(device)]]


# %%
samples["chosen"] = kept(0.5, COUNT)
sets = {
    "untrained G": paint(untrained, fixed[:COUNT]),
    "the first game": paint(G, fixed[:COUNT]),
    "long, last weights": samples["last"],
    "long, average": samples["average"],
    "long, average, D's better half": samples["chosen"],
}
scores = {name: judged(pictures) for name, pictures in sets.items()}
for name, score in scores.items():
    score |= asked(score["features"])
    score["made"] = sets[name][:250].clone()  # some, to be searched for copies
del sets
scores["other real pictures"] = floor


# %%
def row(name, score):
    shares = score["shares"]
    return {
        "samples": name,
        "Fréchet": f"{score['distance']:.2f}",
        "kernel": f"{score['kernel']:.3f}",
        "precision": f"{score['precision']:.2f}",
        "recall": f"{score['recall']:.2f}",
        "sure": f"{score['sure']:.1%}",
        "classes": f"{shares.min():.1%} to {shares.max():.1%}",
    }


cu.scoreboard([row(name, score) for name, score in scores.items()])

# %% tags=["result"]
final, chosen = scores["long, average"], scores["long, average, D's better half"]
cu.claim(
    "Fréchet distance of the samples of G's average weights",
    final["distance"],
    at_most=0.5,
    when=on_mnist,
    form=".2f",
)
cu.claim(
    "Share of the rarest class among the samples",
    final["shares"].min(),
    at_least=0.03,
    when=on_mnist,
    form=".1%",
)


# %%
def interval(features):
    distance = cu.metrics.frechet_distance
    return cu.metrics.bootstrap(distance, real, features, resamples=RESAMPLES)


reach = {name: interval(scores[name]["features"]) for name in list(scores)[1:]}
low, high = reach["long, average, D's better half"]
least, most = reach["long, average"]
spans = [s["shares"].max().item() - s["shares"].min().item() for s in (final, chosen)]
told = (
    f"went down to {chosen['distance']:.3f}" if high < least
    else f"went up to {chosen['distance']:.3f}: what D likes is a better picture, one "
    "by one, and not a better set" if low > most
    else f"is {chosen['distance']:.3f} now, which the intervals don't tell apart"
)  # fmt: skip
cu.say(
    f"When D chooses half, precision goes from {final['precision']:.2f} to "
    f"{chosen['precision']:.2f}, recall from {final['recall']:.2f} to "
    f"{chosen['recall']:.2f}, and the gap from the rarest class to the most frequent "
    f"from {spans[0]:.1%} to {spans[1]:.1%}. The Fréchet distance was "
    f"{final['distance']:.3f} and {told}."
)

# %% [markdown]
# How sure is the Fréchet distance itself? Other samples, as many, would give another
# figure; the bootstrap says how far off.

# %%
for name, (low, high) in reach.items():
    distance = scores[name]["distance"]
    print(f"{name}: {distance:.3f}, 95 % interval {max(low, 0):.3f} to {high:.3f}")

# %% [markdown]
# Those intervals are about the samples of *one* training. Another seed gives another
# generator, and that spread is not in them. Is every class there?

# %%
shares = final["shares"].tolist()
cu.plots.bars(
    dict(zip(map(str, names), shares, strict=True)),
    ylabel="share of the samples",
    size=(WIDE, 2.8),
    baselines={"equal shares": 1 / classes},
    alt="Share of each class among the samples, as the judge names them: "
    + ", ".join(f"{n} {share:.1%}" for n, share in zip(names, shares, strict=True))
    + ".",
)

# %% [markdown]
# ## Is it copying?
#
# A generator that had learned its training pictures by heart would have a splendid
# Fréchet distance. To see it, look for the *nearest training picture* of each sample:
# the smallest Euclidean distance over all numbers of a picture. But how near is too
# near? Ask the same of test pictures. They are certainly no copies.


# %%
def nearest(pictures, training, size=2000):  # distances and indices, (N,) each
    tables = [  # in parts, since a table of all pairs is large
        torch.cdist(pictures.flatten(1), part.flatten(1)).min(1)
        for part in training.split(size)
    ]
    distances, indices = map(torch.stack, zip(*tables, strict=True))  # (parts, N)
    distances, part = distances.min(0)
    return distances, indices.gather(0, part[None])[0] + size * part


# %%
near, which = nearest(samples["average"][:1000], train_x)
near_test, _ = nearest(real_x[:1000], train_x)
limit = near_test.quantile(0.01)
closer = (near[:, None] < near_test).float().mean()
cu.say(
    f"Mean distance from the nearest of {len(train_x):,} training pictures: samples "
    f"{near.mean():.2f}, test pictures {near_test.mean():.2f}. Nearer than 99 % of the "
    f"test pictures (below {limit:.2f}) are {(near < limit).float().mean():.1%} of the "
    "samples; by chance it would be 1 %. Of pairs of a sample and a test picture, in "
    "how many is the sample the nearer one? Equally new would be 50 %; copies would be "
    "100 %, but so would fog."
)
cu.claim(
    "Pairs in which the sample, not the test picture, is nearer to training",
    closer,
    at_most={"cpu": 0.5},
    when=on_mnist,
    form=".0%",
)

# %%
order = near.argsort()
picked = torch.cat([order[:10], order[len(order) // 2 :][:10]])  # nearest, and median
cu.plots.images(
    torch.cat([samples["average"][picked], train_x[which[picked]]]),
    [f"{near[i]:.1f}" for i in picked] + [""] * len(picked),
    columns=len(picked),
    size=WIDE / len(picked),
    alt="Above samples with their distance from the nearest training picture, below "
    "that picture. The left half are the nearest of all, the right half the middle.",
)

# %% [markdown]
# The nearest pairs are the ones to look at. Simple pictures always have a near
# neighbour; so they do among test pictures. And mind what the test cannot see. A copy
# moved by two pixels is far away in pixels. Fog is near to everything, so a poor $G$
# may look like a copier; ragged samples are far from everything, so another poor $G$
# may look original. The share of pairs means something only once the samples are good.
#
# ## What lies between two noises?
#
# Take two noises and walk from one to the other. If $G$ had only a few tricks, the
# picture would jump. Two ways lead across. The straight one, $(1 - s)\,a + s\,b$,
# passes nearer to the origin: half way the noise is shorter, by $\sqrt{2}$ for most
# pairs, and such short noise seldom came up in training. The way round is $\cos(s \pi /
# 2)\,a + \sin(s \pi / 2)\,b$. The squares of its weights add up to 1, so at each $s$ it
# is again standard normal noise, such as $G$ was trained on.

# %%
ways = torch.linspace(0, 1, 21)[:, None].to(device)
a, b = fixed[:1], fixed[1:2]
turn = ways * math.pi / 2
walks = [(1 - ways) * a + ways * b, turn.cos() * a + turn.sin() * b]
cu.plots.images(
    torch.cat([paint(best.average, walk) for walk in walks]),
    [f"{s:.2f}" for s in ways[:, 0].tolist()] * 2,
    columns=21,
    size=WIDE / 21,
    alt="From one noise to another in twenty steps: above the straight way, below the "
    "way round.",
)

# %% [markdown]
# ## Can quality be bought with diversity?
#
# There are two knobs, both turned after training. The first you know: the **share** of
# samples that $D$ may keep. The second is the **length** of the noise. Large GANs on
# photographs give safe pictures for short noise and rare ones for long (Brock et al.
# 2019 redraw the numbers beyond a threshold, and call it *truncation*; we only shrink
# them). Precision and recall tell the two sides apart.

# %%
KNOBS = {
    "share that D keeps": [0.1, 0.2, 0.4, 0.7, 1.0],
    "length of the noise": [0.4, 0.6, 0.8, 1.0, 1.2],
}
FEW = min(ASKED, max(10, len(pool) // 10))  # a tenth: as many as D may keep at least


# %%
def turned(knob, value):
    chooses = knob == "share that D keeps"
    made = kept(value, FEW) if chooses else paint(best.average, value * fixed[:FEW])
    features = judge.features(made).cpu()
    return cu.metrics.precision_recall(real[:FEW], features)


trades = {knob: [turned(knob, v) for v in values] for knob, values in KNOBS.items()}

# %%
plot = cu.plots.Plot(WIDE, 3.0, "Precision and recall against both knobs.")
for axes, (knob, trade) in zip(
    plot.subplots(1, 2, sharey=True), trades.items(), strict=True
):
    for what, values, mark in zip(
        ("precision", "recall"), zip(*trade, strict=True), "os", strict=True
    ):
        axes.plot(KNOBS[knob], values, f"{mark}-", label=what)
        plot.alt += f" {what} {values[0]:.2f} at {knob} {KNOBS[knob][0]:g},"
        plot.alt += f" {values[KNOBS[knob].index(1.0)]:.2f} at 1."
    axes.set(xlabel=knob, ylim=(0, 1))
axes.legend(frameon=False)
plot

# %% [markdown]
# Each point is one draw of a few hundred samples, so a few hundredths are chance. Turn
# the first knob. What do the last few have in common, when $D$ keeps one in fifty?


# %%
def variety(pictures):  # mean distance between two pictures
    half = len(pictures) // 2
    first, second = pictures[:half].flatten(1), pictures[half : 2 * half].flatten(1)
    return (first - second).norm(dim=1).mean().item()


def knob(share_kept):
    made = kept(share_kept, min(100, ASKED))
    share = max(share_kept, len(made) / len(pool))  # of few, it cannot keep fewer
    return grid(
        made[:20],
        f"Twenty samples when D keeps {share_kept:.0%} of {len(pool):,}"
        + f" (as there are so few, {share:.0%})" * (share > share_kept)
        + f". The mean distance between two such samples is {variety(made):.2f}.",
    )


cu.widgets.explore(knob, share_kept=(0.02, 1.0, 0.02, 0.5))

# %% [markdown]
# ## Scoreboard
#
# Four rivals that need no GAN: a normal distribution for each pixel by itself; one on
# the first principal components (lesson 31), 50 where there are so many; pictures
# copied out of the training set; and real pictures.


# %%
NUMBERS = min(50, COUNT - 1)  # so many directions have few pictures at most


def rivals(count):
    torch.manual_seed(0)
    flat = train_x[:COUNT].flatten(1)  # (COUNT, C · 784)
    mean, spread = flat.mean(0), flat.std(0)
    _, sizes, directions = torch.pca_lowrank(flat, NUMBERS)
    noise = torch.randn(count, NUMBERS, device=device) * sizes / (COUNT - 1) ** 0.5
    pixels = mean + spread * torch.randn(count, len(mean), device=device)
    made = {"a normal for each pixel": pixels}
    made[f"a normal on {NUMBERS} principal components"] = mean + noise @ directions.T
    made = {
        name: x.clamp(0, 1).view(-1, *train_x.shape[1:]) for name, x in made.items()
    }
    copied = torch.randint(len(train_x), (count,), device=device)
    return made | {"copies of training pictures": train_x[copied]}


# %%
board = {}
for name, pictures in rivals(COUNT).items():
    score = judged(pictures)
    board[name] = score | asked(score["features"]) | {"made": pictures[:250]}
board |= scores
for score in board.values():
    searched = score.get("made", real_x[:250])
    score["near"] = nearest(searched, train_x)[0].mean()

# %%
cu.scoreboard(
    [
        row(name, score) | {"nearest training picture": f"{score['near']:.2f}"}
        for name, score in board.items()
    ]
)

# %% [markdown]
# Read the row of copies. By every measure that compares two *sets*, copies do about as
# well as other real pictures. Only the last column gives them away. So it belongs in
# every table.
#
# Published figures can't be in this table: they come from other features. For
# orientation, Lucic et al. (NeurIPS 2018) report a Fréchet distance of 6.8 on MNIST,
# with the features of a network for photographs, as the best of a large search for a
# GAN with our loss.
#
# ## Clinic
#
# ### Patient A: D wins
#
# "My discriminator is excellent, and my generator paints fog." Here are the curves of
# patient A and of a healthy run. Both take the same number of steps, with the same
# networks and first weights.


# %%
NETS = partial(generator, Recipe()), partial(discriminator, Recipe())


# %%
def examined(run):
    made = paint(run.G, fixed[:ASKED])
    return judged(made) | {"history": run.history, "made": made[:200].clone()}


# %%
def beside(patient, name):
    runs = {"healthy": healthy["history"], name: patient["history"]}
    last = {loss: runs[name][loss][-10:].mean() for loss in ("loss of D", "loss of G")}
    return cu.plots.lines(
        {
            f"{run}, {loss}": (history.steps(loss), history[loss])
            for run, history in runs.items()
            for loss in last
        },
        xlabel="step",
        ylabel="loss",
        size=(WIDE, 2.6),
        baselines={"2 log 2": 2 * math.log(2)},
        alt=f"Losses of the healthy run and of {name}. "
        f"{name}'s last losses: D {last['loss of D']:.2g}, G {last['loss of G']:.2g}.",
    )


# %%
healthy = examined(train(NETS, train_x, CLINIC))
patient_a = examined(train(NETS, train_x, CLINIC, rates=(RATES[0] / 40, RATES[1])))
slow = tuple(rate / 40 for rate in RATES)
both_slow = examined(train(NETS, train_x, CLINIC, rates=slow))
beside(patient_a, "patient A")

# %% [markdown]
# > **Your diagnosis?** Which number was changed, do you think? And is it $D$'s winning
# > that makes the fog?
# > <details><summary>Answer</summary>D's loss runs to zero, G's climbs. What was
# > changed is G's learning rate: a fortieth of D's. So D wins, *and* G hardly moves.
# > Which of the two makes the fog? We took them apart on MNIST, with 225 steps each.
# > In three seeds the Fréchet distance was 19 to 23 for patient A, 20 to 22 with *both*
# > rates at a fortieth, and 4 to 5 for a healthy run. With ten times D's rate and G's
# > as it should be, it was 6, in one seed. And in one seed we gave patient A's networks
# > equal rates again, with D as sure as can be: as many steps took them from 19 to 7.5.
# > So the fog is a G that has hardly moved. With our loss, G's slope doesn't vanish
# > when D is sure (lesson 41). Other causes of such curves are a bug in G's update, or
# > a range of pixels that G cannot reach, so that D needs to look at one pixel only.
# > Cure: see whether G moves at all, and bring the rates together.</details>

# %%
for name, score in [
    ("patient A", patient_a),
    ("both rates at a fortieth", both_slow),
    ("healthy", healthy),
]:
    print(f"{name}: Fréchet {score['distance']:.2f}, sure {score['sure']:.0%}")

# %% [markdown]
# Patient A's samples may well be the surer ones. You know by now what that is worth.
#
# ### Patient B: the same picture again
#
# Now look at where patient B's losses end. $2 \log 2$ for $D$ and $\log 2$ for $G$ were
# lesson 41's draw, the best that a generator can reach. So is this a good generator?

# %%
patient_b = examined(train(NETS, train_x, CLINIC, g_steps=10))
beside(patient_b, "patient B")

# %%
cu.plots.images(
    torch.cat([healthy["made"][:10], patient_b["made"][:10]]),
    columns=20,
    size=WIDE / 20,
    alt="Ten samples of the healthy run on the left, ten of patient B on the right.",
)

# %%
cu.say(f"Mean distance between two test pictures: {variety(real_x[:ASKED]):.2f}.")
for name, score in [("patient B", patient_b), ("healthy", healthy)]:
    cu.say(
        f"{name}: mean distance between two samples {variety(score['made']):.2f}, "
        f"Fréchet {score['distance']:.2f}, most frequent class "
        f"{score['shares'].max():.0%}, after {CLINIC} steps of D."
    )
cu.claim(
    "Variety of patient B's samples, times that of the healthy run's",
    variety(patient_b["made"]) / variety(healthy["made"]),
    at_most={"cpu": 0.5, "gpu": 1.0},
    when=on_mnist,
    form=".2f",
)

# %% [markdown]
# > **Your diagnosis?** What moves too often?
# > <details><summary>Answer</summary>G makes ten updates for each of D's. In between,
# > D stands still, so there is one picture that it likes best, and G runs there with
# > all of its noise. Then D moves a little, and G runs on before D has learned anything
# > about it. A draw of the losses says that D cannot tell, and not that there is
# > nothing to tell. Only the pictures, side by side, show the collapse. Cure: as many
# > updates of D as of G, or more. Other cures are in lesson 41: noise, and a penalty on
# > D's slope. On other pictures the same mistake may look different: with 480 colour
# > photographs the samples stayed varied, and bad (107 against 10).</details>

# %% [markdown]
# ## Exercises
#
# Stuck? `cu.hint("42.1")` gives a hint, and called again, a stronger one.
#
# ### Exercise 42.1 · How large does it become?
#
# Write `upsampled_size(size, kernel, stride, padding)`: the side of a transposed
# convolution's output for an input of `size` pixels a side.


# %% tags=["exercise"]
def upsampled_size(size, kernel, stride, padding):
    # BEGIN SOLUTION
    return (size - 1) * stride + kernel - 2 * padding
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("42.1", upsampled_size)

# %% [markdown]
# ### Exercise 42.2 · Repair the painter
#
# A colleague draws samples during training, like this, and is unhappy. "They are far
# too dark, each one changes with the others beside it, and my computer's memory fills
# up."
#
# ```
# def painted(G, z):
#     return G(z).clamp(0, 1)
# ```
#
# Repair it. $G$ ends in tanh and has batch norm; the pictures should be in 0…1, black
# for −1 and white for 1. Each should depend on its own noise alone, and carry no graph.
# And when you're done, $G$ should be in the mode, training or evaluation, in which you
# found it.

# %% tags=["exercise"]
import torch


def painted(G, z):
    # BEGIN SOLUTION
    was = G.training
    G.eval()
    with torch.no_grad():
        made = G(z)
    G.train(was)
    return (made + 1) / 2
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("42.2", painted)

# %% [markdown]
# ### Exercise 42.3 · The Fréchet distance
#
# Write `frechet(real, fake)` for two sets of features, (N, d) and (M, d) in float64:
# the squared Fréchet distance of the formula at the top. The eigenvalues of $S_1 S_2$
# are real and, but for rounding, not negative; the trace of its root is the sum of
# their roots.


# %% tags=["exercise"]
def frechet(real, fake):
    # BEGIN SOLUTION
    S1, S2 = real.T.cov(), fake.T.cov()
    roots = torch.linalg.eigvals(S1 @ S2).real.clamp(min=0).sqrt().sum()
    means = (real.mean(0) - fake.mean(0)).square().sum()
    return means + S1.trace() + S2.trace() - 2 * roots
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("42.3", frechet)

# %% [markdown]
# ### Exercise 42.4 · Nearest neighbours
#
# Write `neighbours(samples, training)` for pictures (N, C, H, W) and (M, C, H, W):
# two tensors, (N,) each, the Euclidean distance of each sample from its nearest
# training picture, and the index of that picture.


# %% tags=["exercise"]
def neighbours(samples, training):
    # BEGIN SOLUTION
    table = torch.cdist(samples.flatten(1), training.flatten(1))  # (N, M)
    distances, indices = table.min(1)
    return distances, indices
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("42.4", neighbours)

# %% [markdown]
# ### Open challenge
#
# Halve the Fréchet distance under the `cpu` profile, within the time of this lesson.
# Change one thing at a time, and keep a row for what did not help. Or set
# `DATA = "fashion-mnist"`, or a folder of yours, and find out which guidelines matter
# there. Or hide copies among honest samples, moved by a pixel or two, and build the
# test that finds them.

# %% [markdown]
# ## Summary
#
# - A transposed convolution is the way back through a convolution. It makes a picture
#   of 28 × 28 out of maps of 4 × 4, in three layers.
# - DCGAN is two `nn.Sequential`s and one step.
# - Each number needs its floor: real pictures against real ones, as many of each.
# - One number hides what two tell: quality (precision) and diversity (recall, classes).
#   What buys one with the other has to be measured, too, and so does each measure:
#   precision alone can be fooled.
# - A judge that is sure isn't praising: it can be as sure of noise or fog.
# - No measure that compares sets can see copying. Nearest neighbours can, if test
#   pictures are asked the same.
# - Guidelines are measured habits of someone else's task. Switch them off on yours,
#   with seeds and intervals, and then use what you find. A good story about *why* needs
#   a measurement of its own.
# - Use a DCGAN when samples must be sharp and cheap and all pictures are of one kind
#   and size. Do not use it where you need every rare case, a likelihood, or stability
#   without watching: lesson 43 is about that, and diffusion models paint better
#   pictures at a higher price a sample.
#
# **Quiz**
#
# 1. A transposed convolution with kernel 4, stride 2, padding 1. 14 pixels become?
#    <details><summary>Answer</summary>(14 − 1) · 2 + 4 − 2 = 28.</details>
# 2. Model A has a Fréchet distance of 2.0 on 1,000 samples, model B of 1.8 on 10,000.
#    Which is better?
#    <details><summary>Answer</summary>Nobody knows. The distance falls as the number of
#    samples grows; compare at equal numbers, and look at the interval.</details>
# 3. Precision 0.95, recall 0.10. What does this generator do?
#    <details><summary>Answer</summary>It paints good pictures of few kinds.</details>
# 4. Why may the average of G's weights be taken, though G is not linear?
#    <details><summary>Answer</summary>Late in training the weights move about one
#    place, and over such short distances G is nearly linear. Averages of two separately
#    trained generators are useless.</details>
# 5. The samples' mean distance from the nearest training picture is smaller than that
#    of test pictures. Are they copies?
#    <details><summary>Answer</summary>Not for that reason. Smooth, typical pictures lie
#    nearer to everything. Look at the nearest pairs, and at the share below the test
#    pictures' 1 % quantile.</details>
#
# **Further reading.** A. Radford, L. Metz, S. Chintala, *Unsupervised representation
# learning with deep convolutional generative adversarial networks*, ICLR 2016. V.
# Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016. A.
# Odena, V. Dumoulin, C. Olah, *Deconvolution and checkerboard artifacts*, Distill,
# 2016. M. Heusel et al., *GANs trained by a two time-scale update rule converge to a
# local Nash equilibrium*, NeurIPS 2017, for the Fréchet distance. M. Bińkowski et al.,
# *Demystifying MMD GANs*, ICLR 2018, for the kernel distance. M. Lucic et al., *Are
# GANs created equal?*, NeurIPS 2018. T. Kynkäänniemi et al., *Improved precision and
# recall metric for assessing generative models*, NeurIPS 2019. Y. Yazıcı et al., *The
# unusual effectiveness of averaging in GAN training*, ICLR 2019. A. Brock, J. Donahue,
# K. Simonyan, *Large scale GAN training for high fidelity natural image synthesis*,
# ICLR 2019, for truncation. S. Azadi et al., *Discriminator rejection sampling*, ICLR
# 2019.

# %% [markdown] tags=["instructor"]
# **Instructor.** 85 minutes: 10 for the transposed convolution (one input pixel on the
# board, with the patch that it paints), 15 for the networks and the first game, 15 for
# the judge, the floors and the fog (let the room guess the floor, and how sure the
# judge is of noise), 15 while the table is played (collect votes on which guideline
# matters), 10 for the long run and the copies, 10 for the clinic, 10 for exercises.
#
# Common beliefs: that a sure judge means a good sample (noise); that a Fréchet distance
# is a property of a model (it belongs to features, to a number of samples, to a set of
# real pictures); that a good one excludes copying (the scoreboard); that guidelines are
# laws (the table); that a good story is an explanation (the checkerboard); that a
# $D$ that wins must be the culprit (patient A). Question for the room: someone
# reports a distance *below* the real-against-real floor. What do you ask first? If
# short of time, skip the bootstrap, patient B and exercise 42.4.
