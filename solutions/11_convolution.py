# %% [markdown]
# # 11 · Convolution
#
# *One small kernel, the same at every place: written by hand, measured, and compared
# with what a network learns.*
#
# ![One photograph of a tower under eight kernels: as it is, blurred, sharpened, its
# vertical and horizontal edges, its outline, embossed,
# and smeared.](../notebooks/images/11.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 00.
#
# After this lesson you can
#
# - write convolution and pooling by hand, forwards and backwards, equal to PyTorch's;
# - say what a kernel does by looking at its nine numbers;
# - compute the size, the cost and the receptive field of a stack of layers;
# - measure what happens to a layer's output when the picture moves;
# - recognise wrong padding, a wrong sum and a stride without a blur by their pictures.

# %%
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from scipy import ndimage
from sklearn.datasets import load_sample_image
from torch import nn
from torch.optim.lr_scheduler import LinearLR
from torch.utils.flop_counter import FlopCounterMode

import course_utils as cu

DATA = "mnist"  # or "fashion-mnist", "cifar10", or a folder of your own pictures
SIDE = 128  # of a photograph, in pixels
BATCH, RATE = 128, 0.01
STEPS = cu.budget(cpu=468, gpu=2340)
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])

device = cu.start(seed=0)

# %% [markdown]
# ## What is a photograph to a computer?
#
# It's a table of numbers for each colour: red, green and blue, here from 0 (none) to 1
# (full). Two photographs come with scikit-learn (by danielbuechele and vultilion,
# CC BY 2.0). We shrink them and cut out a square. The mean of the three colours is the
# grey picture.


# %%
def photograph(name):
    pixels = torch.tensor(load_sample_image(name)) / 255  # (427, 640, 3)
    images = pixels.permute(2, 0, 1).unsqueeze(0)  # (1, 3, 427, 640)
    size = (SIDE, SIDE * 3 // 2)
    return F.interpolate(images, size, mode="bilinear", antialias=True)


scene = photograph("china.jpg")  # (1, 3, 128, 192)
tower = scene[..., :SIDE]  # (1, 3, 128, 128)
flower = photograph("flower.jpg")[..., 32 : 32 + SIDE]
grey = tower.mean(1, keepdim=True)  # (1, 1, 128, 128)

# %%
red, blue = (tower[:, c : c + 1].expand_as(tower) for c in (0, 2))
cu.plots.images(
    torch.cat([tower, flower, red, blue]),
    ["tower", "flower", "the tower's red", "the tower's blue"],
    size=1.8,
    alt="Two photographs in colour, a Chinese tower by a lake and an orange flower, "
    "then the tower's tables of red and blue, as grey: the sky is brighter in blue.",
)

# %% [markdown]
# ## What does a kernel do?
#
# For each class, lesson 00's classifier had one weight for each pixel. What it learned
# about one place, it didn't know about the next. Here is another idea: take a *small*
# table of weights, the kernel, lay it on the picture, multiply each pixel by the weight
# that lies on it, and add up the products. That's one number. Then move the kernel by
# one pixel and do it again.
#
# Watch it happen. On the left are 8 × 8 pixels of the tower's roof, from 0 (black) to 9
# (white). In the middle are the nine products, pixel times weight; their sum goes to
# the right. Press ▶, or drag the slider, and stop wherever you want to check the sum.


# %%
def table(axes, values, title, high, low=0, texts=None, frame=None):
    colours = "RdBu_r" if low else "gray"  # of two signs: 0 is white
    axes.imshow(values, cmap=colours, vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(values.numpy()):
        dark = abs(value) > 0.6 * high if low else value < 0.5 * high
        text = "" if math.isnan(value) else texts[i][j] if texts else f"{value:.0f}"
        ink = "white" if dark else "black"
        axes.text(j, i, text, ha="center", va="center", color=ink, size=9)
    if frame:
        corner, side = (frame[1] - 0.5, frame[0] - 0.5), frame[2]
        look = {"edgecolor": "#D55E00", "facecolor": "none", "lw": 3}
        axes.add_patch(Rectangle(corner, side, side, **look))
    axes.set_title(title, size=10)
    axes.axis("off")


# %%
roof = (9 * grey[0, 0, 36:44, 27:35]).round()  # (8, 8)
slope = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def slide(place):
    i, j = divmod(place, 6)
    seen = roof[i : i + 3, j : j + 3]
    sums = F.conv2d(roof[None, None], slope[None, None])[0, 0]  # (6, 6)
    done = sums.flatten().where(torch.arange(36) <= place, torch.nan).view(6, 6)
    pairs = zip(seen.flatten().tolist(), slope.flatten().tolist(), strict=True)
    texts = [f"{x:.0f} × {w:.0f}\n= {x * w + 0:.0f}" for x, w in pairs]
    said = f"the nine products add up to {sums[i, j]:.0f}"
    plot = cu.plots.Plot(8, 3, f"The kernel at place {place} of 36: {said}.")
    left, middle, right = plot.subplots(1, 3)
    table(left, roof, "picture", 9, frame=(i, j, 3))
    table(middle, seen * slope, said, 16, -16, [texts[:3], texts[3:6], texts[6:]])
    table(right, done, "output", 25, -25, frame=(i, j, 1))
    return plot


# %%
cu.widgets.explore(slide, place=(0, 35, 1, 14), play="place")

# %% [markdown]
# As an equation, with a picture $x$ and a kernel $w$ of $k \times k$ numbers:
#
# $$y_{ij} = \sum_{m=0}^{k-1} \sum_{n=0}^{k-1} w_{mn}\; x_{i+m,\,j+n} .$$
#
# > **Predict before you run.** The picture is 128 × 128, the kernel 3 × 3, and it must
# > not stick out. How large is the output?
# > <details><summary>Answer</summary>126 × 126. The kernel's left edge can be in
# > columns 0 to 125: 128 − 3 + 1 places.</details>


# %%
def convolve(picture, kernel):  # (H, W), (k, k)
    k = len(kernel)
    rows, columns = (side - k + 1 for side in picture.shape)
    out = picture.new_zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = picture[i : i + k, j : j + k]  # (k, k)
            out[i, j] = (window * kernel).sum()
    return out


# %%
blur = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
began = time.perf_counter()
ours = convolve(grey[0, 0], blur)
loop_seconds = time.perf_counter() - began
theirs = F.conv2d(grey, blur[None, None])[0, 0]  # of (B, C, H, W), (out, in, k, k)

# %% tags=["nbval-check-output"]
print("size:", tuple(ours.shape))
print("equal to 1e-6:", bool((ours - theirs).abs().max() < 1e-6))

# %% [markdown]
# Our loop is right. It's also slow; we'll come back to that. First, what can nine
# numbers do?
#
# ## Eight kernels made by hand
#
# Look at the numbers before you look at the pictures. Two questions help. *What is
# their sum?* If it's 1, a flat region keeps its brightness; if it's 0, a flat region
# becomes 0. *Which neighbours have opposite signs?* The kernel responds where these
# neighbours differ.
#
# > **Predict before you run.** The sky is nearly flat. Which kernels turn it into 0?
# > <details><summary>Answer</summary>Those whose sum is 0: the two edges and the
# > outline. In the figure, 0 is drawn as mid-grey for these three.</details>

# %%
KERNELS = {
    "as it is": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "smear": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}
DIVIDE_BY = {"blur": 16, "smear": 3}
kernels = {
    name: torch.tensor(rows).float() / DIVIDE_BY.get(name, 1)
    for name, rows in KERNELS.items()
}
bank = torch.stack(list(kernels.values())).unsqueeze(1)  # (8, 1, 3, 3)

# %% tags=["cover"]
answers = F.conv2d(grey, bank)  # (1, 8, 126, 126): eight pictures at once
sums = bank.sum((1, 2, 3))  # (8,)
zero = torch.where(sums.abs() > 0.5, 0.0, 0.5)  # mid-grey where the sum is 0
cu.plots.images(
    answers[0] + zero.view(8, 1, 1),
    [f"{name}, sum {total:.0f}" for name, total in zip(kernels, sums, strict=True)],
    columns=4,
    size=1.9,
    alt="The tower under eight kernels: as it is, blurred, sharpened, vertical edges, "
    "horizontal edges, outline, embossed, smeared along the diagonal.",
)

# %%
gap = (answers[0].mean((1, 2)) - sums * answers[0, 0].mean()).abs().max()
cu.say(
    f"The mean brightness of the picture is {answers[0, 0].mean():.3f}. Multiplied by "
    f"the sum of a kernel, it predicts the mean of all eight outputs with an error of "
    f"at most {gap:.3f}. The small rest comes from the frame, where light sky ends at "
    "the top and dark trees at the bottom."
)

# %% [markdown]
# ## And colour?
#
# A colour picture has three channels, so the kernel gets three tables as well: one for
# red, one for green, one for blue, and *one* sum over all of them. A layer has many
# such kernels, and each gives one output channel. With $c$ counting the channels that
# go in and $o$ the kernels,
#
# $$y_{oij} = b_o + \sum_{c} \sum_{m,n} w_{ocmn}\; x_{c,\,i+m,\,j+n} .$$
#
# So the weights of a layer have the shape (outputs, inputs, $k$, $k$).
#
# ### The smallest kernel: 1 × 1
#
# With $k = 1$ nothing is left of the neighbourhood. The kernel stays on one pixel and
# mixes its *channels*. Is that good for anything? Here are two 1 × 1 kernels, three
# numbers each: the mean of the colours, and red minus blue.

# %%
mix = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1, 0, -1]])
both = torch.cat([tower, flower])  # (2, 3, 128, 128)
mixed = F.conv2d(both, mix.view(2, 3, 1, 1))  # (2, 2, 128, 128)
red_blue = mixed[:, 1:]  # (2, 1, 128, 128), from -1 to 1
cu.plots.images(
    red_blue,
    ["tower, red minus blue", "flower, red minus blue"],
    limits=(-1, 1),
    size=2.2,
    alt="Red minus blue, where mid-grey is 0: the orange flower shines, the sky behind "
    "the tower is darker than mid-grey.",
)

# %%
sky, petals = red_blue[0, 0, :20, 80:].mean(), red_blue[1, 0, 45:85, 40:85].mean()
cu.say(
    f"Red minus blue is {sky:+.2f} in the sky and {petals:+.2f} on the flower: a "
    "detector of colour, made of three numbers."
)

# %% [markdown]
# A 1 × 1 convolution is an ordinary dense layer, the same one at every pixel. Networks
# use it to change the number of channels cheaply: squeeze, look around with 3 × 3,
# widen again (the *bottleneck* of ResNet-50).

# %%
dense = nn.Linear(3, 2, bias=False)
dense.weight.data.copy_(mix)
per_pixel = dense(both.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # and back again
direct = nn.Conv2d(64, 64, 3)
bottleneck = nn.Sequential(
    nn.Conv2d(64, 16, 1), nn.Conv2d(16, 16, 3), nn.Conv2d(16, 64, 1)
)


def parameters(layer):
    return sum(p.numel() for p in layer.parameters())


# %% tags=["nbval-check-output"]
print("1 × 1 equals a dense layer:", bool((mixed - per_pixel).abs().max() < 1e-6))
print("3 × 3 on 64 channels:", parameters(direct), "parameters")
print("through a bottleneck of 16:", parameters(bottleneck), "parameters")

# %% [markdown]
# ## Is this really a convolution?
#
# No, and we'd better say so once. What mathematics calls a convolution has a *minus*:
#
# $$(w * x)_{ij} = \sum_{m,n} w_{mn}\; x_{i-m,\,j-n} .$$
#
# The kernel is turned by 180 degrees before it is laid on the picture. What we wrote,
# with a plus, is a *cross-correlation*, and so is PyTorch's `conv2d`. SciPy keeps the
# two apart: its `convolve` turns the kernel, its `correlate` doesn't.
#
# > **Predict before you run.** For which of the eight kernels does it make no
# > difference?
# > <details><summary>Answer</summary>For those that look the same after half a turn: as
# > it is, blur, sharpen, outline and smear. An edge kernel changes its sign, and emboss
# > puts the light on the other side.</details>


# %%
def differs(kernel):
    plus = F.conv2d(grey, kernel[None, None])[0, 0]
    minus = torch.from_numpy(ndimage.convolve(grey[0, 0].numpy(), kernel.numpy()))
    minus = minus[1:-1, 1:-1]  # without the frame, which SciPy keeps
    turned = F.conv2d(grey, kernel.flip(0, 1)[None, None])[0, 0]
    return (plus - minus).abs().max() > 1e-4, (turned - minus).abs().max() > 1e-4


# %% tags=["nbval-check-output"]
print("kernel: does the sign in the formula matter? also after turning it first?")
for name, kernel in kernels.items():
    plain, turned = differs(kernel)
    print(f"{name}: {'yes' if plain else 'no'}, {'yes' if turned else 'no'}")

# %% [markdown]
# Turn the kernel first, and both agree. A network *learns* its kernels, so it would
# simply learn the turned ones. That's why the field says "convolution" for both. The
# difference matters when you copy a kernel from a book on signals, when you want to
# move a picture to the right and it goes left (exercise 11.1), and on the way *back*
# through a layer, where the minus returns (below).
#
# ## Change the nine numbers
#
# Now you. Change any of the nine numbers: type, or use the arrows. The sum is divided
# by `divide by`. If the numbers add up to 0, the output 0 is drawn as mid-grey.
#
# Try: all nine 1, divided by 9. Only the middle, 2, and 0 elsewhere. Left column −1,
# right column 1. Then find a kernel that shows only what runs from bottom left to top
# right.

# %%
PICTURES = {"tower": grey, "flower": flower.mean(1, keepdim=True)}


def edited(picture, kernel, divide_by):
    kernel = torch.tensor(kernel).float().view(1, 1, 3, 3) / divide_by
    image = PICTURES[picture]
    total = kernel.sum().item()
    out = F.conv2d(image, kernel, padding=1) + (0.5 if abs(total) < 1e-6 else 0.0)
    pattern = F.interpolate(kernel, SIDE)  # the nine numbers as grey squares
    pattern = 0.5 + 0.5 * pattern / kernel.abs().max().clamp_min(1e-6)
    return cu.plots.images(
        torch.cat([image, pattern, out]),
        [picture, "kernel", f"output, sum {total:.2g}"],
        size=2.2,
        alt=f"The {picture}, a kernel divided by {divide_by}, whose numbers now add up "
        f"to {total:.2g}, and the output, of mean brightness {out.mean():.2f}.",
    )


# %%
cu.widgets.explore(
    edited,
    picture=list(PICTURES),
    kernel=((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
    divide_by=(1, 16, 1, 1),
)

# %% [markdown]
# ## Stride, padding, dilation
#
# Three knobs change where the kernel is laid.
#
# - **Stride** $s$: move it by $s$ pixels at a time. The output gets smaller.
# - **Padding** $p$: first add $p$ rows and columns of zeros on every side. With
#   an odd $k$, $p = (k-1)/2$ and the other two knobs at 1, the output is as large as
#   the picture.
# - **Dilation** $d$: spread the kernel's numbers, $d$ pixels apart. It sees further
#   with as many numbers: it spans $d(k-1)+1$ pixels.
#
# Press ▶ and watch a 3 × 3 kernel (orange) visit a picture of 7 × 7 (blue). Each visit
# fills one pixel of the output below. Stop it where you like.

# %%
KNOBS = {  # name: (stride, padding, dilation)
    "plain": (1, 0, 1),
    "stride 2": (2, 0, 1),
    "padding 1": (1, 1, 1),
    "dilation 2": (1, 0, 2),
}


def cells(axes, values, title):
    colours = ListedColormap(["#DDDDDD", "#9CC5E0", "#F0B48C", "#D55E00"])
    axes.pcolormesh(values, cmap=colours, vmin=0, vmax=3, edgecolors="white", lw=1.5)
    middle = len(values) / 2  # all panels show 9 × 9 cells
    axes.set(xlim=(middle - 4.5, middle + 4.5), ylim=(middle + 4.5, middle - 4.5))
    axes.set_title(title, size=10)
    axes.set_aspect("equal")
    axes.axis("off")


# %%
def visit(step):
    said = "plain, with stride 2, padding 1 and dilation 2"
    plot = cu.plots.Plot(8, 4, f"Step {step}: a kernel visits four pictures, {said}.")
    for (name, (s, p, d)), panels in zip(
        KNOBS.items(), plot.subplots(2, 4).T, strict=True
    ):
        places = range(0, 7 + 2 * p - 2 * d, s)  # of the kernel's first row
        now = step % len(places) ** 2  # at the end it starts again
        i, j = (places[n] for n in divmod(now, len(places)))
        picture = torch.zeros(7 + 2 * p, 7 + 2 * p)  # 0: padding
        picture[p : p + 7, p : p + 7] = 1
        picture[i : i + 2 * d + 1 : d, j : j + 2 * d + 1 : d] += 2
        output = (torch.arange(len(places) ** 2) < now).float()
        output[now] = 3
        cells(panels[0], picture, name)
        cells(
            panels[1],
            output.view(len(places), -1),
            f"output {len(places)} × {len(places)}",
        )
    return plot


# %%
cu.widgets.explore(visit, step=(0, 48, 1, 4), play="step")

# %% [markdown]
# How many places are there in a row? On a padded picture of $n + 2p$ pixels the kernel
# takes up $d(k-1)+1$ of them, and moves by $s$ into what is left:
#
# $$n' = \left\lfloor \frac{n + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1 .$$


# %%
def size_of_output(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


# %%
rows = []
for kernel, stride, padding, dilation in [(3, 1, 1, 1), (5, 2, 2, 1), (3, 3, 0, 4)]:
    layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation)
    rows.append(
        {
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "formula": size_of_output(SIDE, kernel, stride, padding, dilation),
            "PyTorch": layer(grey).shape[-1],
        }
    )
cu.scoreboard(rows)

# %% [markdown]
# ## All of it, without a loop
#
# The loop visits every window. Can we have *all windows at once*? A tensor is a row of
# numbers in memory, and PyTorch remembers how far to jump for the next row and for the
# next column. (It calls these jumps strides, too.) So we can describe a tensor of
# windows, (B, C, H', W', k, k), that lies on the same memory: the next window is $s$
# columns on, the next number in a window is $d$ columns on. Nothing is copied.


# %%
def windows(images, kernel, stride=1, padding=0, dilation=1, fill=0.0):
    images = F.pad(images, [padding] * 4, value=fill)  # (B, C, H + 2p, W + 2p)
    batch, channels, *sides = images.shape
    rows, columns = (size_of_output(n, kernel, stride, 0, dilation) for n in sides)
    b, c, i, j = images.stride()
    return images.as_strided(
        (batch, channels, rows, columns, kernel, kernel),
        (b, c, i * stride, j * stride, i * dilation, j * dilation),
    )


# %% [markdown]
# With the windows at hand, a convolution is one weighted sum. Two kinds of *pooling*
# come for free: the largest number of each window, or the mean. Pooling has no weights
# and treats each channel by itself. Look at `fill`: what has to lie outside the
# picture, so that it never wins a maximum?


# %%
def conv2d(images, weight, bias=0.0, stride=1, padding=0, dilation=1):
    seen = windows(images, weight.shape[-1], stride, padding, dilation)
    out = torch.einsum("bcijmn,ocmn->boij", seen, weight)  # (B, O, H', W')
    return out + torch.as_tensor(bias, dtype=out.dtype).view(1, -1, 1, 1)


# %%
def max_pool2d(images, kernel, stride, padding=0, dilation=1):
    seen = windows(images, kernel, stride, padding, dilation, fill=-math.inf)
    return seen.amax((4, 5))  # (B, C, H', W')


def avg_pool2d(images, kernel, stride, padding=0):
    return windows(images, kernel, stride, padding).mean((4, 5))


# %% [markdown]
# Not 0: a window of negative numbers would lose to it. (In a mean PyTorch does count
# the zeros outside, unless you tell it otherwise.) Are ours equal to PyTorch's? We try
# a whole grid of settings, in double precision.

# %%
generator = torch.Generator().manual_seed(0)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def far(ours, theirs):
    assert ours.shape == theirs.shape
    return (ours - theirs).abs().max().item()


# %%
grid = [
    (channels, kernel, stride, padding, dilation)
    for channels in (1, 3)
    for kernel in (1, 2, 3, 5)
    for stride in (1, 2, 3)
    for padding in (0, 1, 2)
    for dilation in (1, 2, 3)
]

# %%
gaps = {"conv2d": [], "max_pool2d": [], "avg_pool2d": []}
for c, k, s, p, d in grid:
    x, w, b = random(2, c, 14, 17), random(4, c, k, k), random(4)
    gaps["conv2d"].append(far(conv2d(x, w, b, s, p, d), F.conv2d(x, w, b, s, p, d)))
    if 2 * p > k:  # PyTorch's pooling allows no more
        continue
    pair = max_pool2d(x, k, s, p, d), F.max_pool2d(x, k, s, p, d)
    gaps["max_pool2d"].append(far(*pair))
    if d == 1:  # PyTorch's mean has no dilation
        gaps["avg_pool2d"].append(far(avg_pool2d(x, k, s, p), F.avg_pool2d(x, k, s, p)))

# %% tags=["nbval-check-output"]
for name, found in gaps.items():
    print(f"{name}: {len(found)} settings, equal to 1e-6: {max(found) < 1e-6}")


# %%
def seconds(compute, times=9):
    best = math.inf  # the fastest run is the one that nothing else disturbed
    for _ in range(times):
        began = time.perf_counter()
        compute()
        best = min(best, time.perf_counter() - began)
    return best


# %%
by_windows = seconds(lambda: conv2d(grey, blur[None, None]))
library = seconds(lambda: F.conv2d(grey, blur[None, None]))
cu.say(
    f"One kernel on one photograph: {1e3 * loop_seconds:.0f} ms with the loop, "
    f"{1e3 * by_windows:.2f} ms with the windows, {1e3 * library:.2f} ms with PyTorch. "
    "From here on we use PyTorch's."
)

# %% [markdown]
# ## How does the gradient find its way back?
#
# To train a kernel, we need to know how the loss $L$ changes with its weights. To train
# the layer *before* it, how $L$ changes with its input. The way back starts from the
# slope at each output, $g_{ij} = \partial L / \partial y_{ij}$. Suppose that only two
# outputs matter to the loss: the one at the top left has slope 1, the one at the bottom
# right 2.

# %%
generator.manual_seed(3)
x = torch.randint(10, (1, 1, 5, 5), generator=generator).float().requires_grad_()
w = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).view(1, 1, 3, 3).requires_grad_()
g = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 2]]).view(1, 1, 3, 3)
to_kernel, to_picture = torch.autograd.grad(F.conv2d(x, w), (w, x), g)
parts = {"picture x": x, "kernel w": w, "slopes of outputs g": g}
parts |= {"slopes of weights": to_kernel, "slopes of pixels": to_picture}

# %%
plot = cu.plots.Plot(
    10,
    2.4,
    "Five tables of numbers. The slopes of the weights are the picture's top left "
    "window plus twice its bottom right one. The slopes of the pixels are the kernel "
    "laid down at the top left, and twice the kernel at the bottom right.",
)
for axes, (title, part) in zip(plot.subplots(1, 5), parts.items(), strict=True):
    values = part[0, 0].detach()
    table(axes, values, title, values.max(), 0 if part is x else -values.max())
plot

# %% [markdown]
# Check it by eye. *Weights:* each output hands its own window of the picture back,
# times its slope; so we see the top left window plus twice the bottom right one.
# *Pixels:* each output stamps the kernel on the window it came from, times its slope.
# As equations,
#
# $$\frac{\partial L}{\partial w_{mn}} = \sum_{i,j} g_{ij}\; x_{i+m,\,j+n}, \qquad
# \frac{\partial L}{\partial x_{ij}} = \sum_{m,n} w_{mn}\; g_{i-m,\,j-n} .$$
#
# The first is our correlation again, with the slopes as the kernel. The second has the
# minus: the way back through a cross-correlation is a true convolution. So turn the
# kernel, and pad the slopes by $k - 1$ so that the stamps at the edge fit.


# %%
def backward(images, weight, slopes):  # stride 1, no padding; slopes (B, O, H', W')
    k = weight.shape[-1]
    to_weight = torch.einsum("bcijmn,boij->ocmn", windows(images, k), slopes)
    stamps = windows(slopes, k, padding=k - 1)  # (B, O, H, W, k, k)
    to_images = torch.einsum("boijmn,ocmn->bcij", stamps, weight.flip(2, 3))
    return to_weight, to_images


# %%
errors = []
for k in (1, 2, 3, 5):
    x, w = random(2, 3, 9, 11).requires_grad_(), random(4, 3, k, k).requires_grad_()
    out = F.conv2d(x, w)
    g = random(*out.shape)
    pairs = zip(backward(x, w, g), torch.autograd.grad(out, (w, x), g), strict=True)
    errors += [far(ours, theirs) for ours, theirs in pairs]

# %% tags=["nbval-check-output"]
print(f"{len(errors)} gradients, equal to autograd's to 1e-6: {max(errors) < 1e-6}")

# %% [markdown]
# ## What happens when the picture moves?
#
# The same kernel at every place: so if the picture moves by $k$ pixels, shouldn't the
# output move by $k$ pixels too? This property is called *equivariance*: with $T$ the
# shift and $f$ the layer,
#
# $$f(T x) = T f(x) .$$
#
# It is often asserted. Let's measure it. The camera moves: `scene` is wider than the
# square, so we can cut it at column 0 and at column $k$. What comes in at the right is
# real, not zeros. We compare the two outputs where they show the same thing, take the
# root mean square of the difference, and divide by the standard deviation of the
# output. So 0 means "the same", and two outputs that have nothing to do with each other
# give about $\sqrt 2$.
#
# Which layers? Four edge kernels with a ReLU: without padding, with it, with a second
# padded layer on top, and with four ways to make the result four times smaller.

# %%
vertical = kernels["vertical edges"] / 4
edges = torch.stack([vertical, -vertical, vertical.T, -vertical.T])[:, None]
mixing = torch.randn(4, 4, 3, 3, generator=generator) / 6
ramp = torch.tensor([1.0, 2, 3, 4, 3, 2, 1]) / 16
tent = torch.outer(ramp, ramp)  # (7, 7): a blur as wide as two strides of 4


def edge_maps(images, padding=1):
    return F.conv2d(images, edges, padding=padding).relu()  # (B, 4, H, W)


def tent_blur(maps):  # each channel by itself
    return F.conv2d(maps, tent.expand(4, 1, 7, 7), padding=3, groups=4)


# %%
LAYERS = {  # name: (layer, its stride in all)
    "no padding": (lambda x: edge_maps(x, 0), 1),
    "padding 1": (edge_maps, 1),
    "padding 1, two layers": (lambda x: F.conv2d(edge_maps(x), mixing, padding=1), 1),
    "stride 4": (lambda x: edge_maps(x)[..., ::4, ::4], 4),
    "max pool 4": (lambda x: F.max_pool2d(edge_maps(x), 4), 4),
    "mean pool 4": (lambda x: F.avg_pool2d(edge_maps(x), 4), 4),
    "tent 7, stride 4": (lambda x: tent_blur(edge_maps(x))[..., ::4, ::4], 4),
}

# %% [markdown]
# When the camera moves by 2 pixels, the output of a stride of 4 has to move by *half* a
# pixel. If we compared whole pixels, every such layer would look bad, the best as well
# as the worst. So we look up the value halfway between two outputs, on a straight line
# from one to the next. The *border* is what lies within 12 pixels of the left or the
# right edge, the *interior* is the rest.

# %%
wide = scene.mean(1, keepdim=True)  # (1, 1, 128, 192)


def moved_apart(name, k, margin=12):
    layer, stride = LAYERS[name]
    before, after = layer(wide[..., :SIDE]), layer(wide[..., k : k + SIDE])
    step, part = k // stride, k % stride / stride
    between = (1 - part) * before + part * before.roll(-1, 3)
    width, m = before.shape[-1] - step - (part > 0), margin // stride
    gap = between[..., step : step + width] - after[..., :width]
    interior, border = gap[..., m:-m], torch.cat([gap[..., :m], gap[..., -m:]], -1)
    return [
        (part.square().mean().sqrt() / after.std()).item()
        for part in (interior, border)
    ]


# %% [markdown]
# > **Predict before you run.** The camera moves by 4 pixels. Which layers give exactly
# > the same interior? Which the same border? And what changes for 2 pixels?
# > <details><summary>Answer</summary>By 4 pixels: all have the same interior, since 4
# > is a multiple of every stride here. The border is the same only without padding. By
# > 2 pixels those with a stride of 4 differ in the interior, too.</details>

# %%
apart = {(name, k): moved_apart(name, k) for name in LAYERS for k in range(9)}
cu.scoreboard(
    [
        {
            "layer": name,
            "interior, moved by 4": f"{apart[name, 4][0]:.3f}",
            "border, moved by 4": f"{apart[name, 4][1]:.3f}",
            "interior, moved by 2": f"{apart[name, 2][0]:.3f}",
        }
        for name in LAYERS
    ]
)

# %%
strided = ["stride 4", "mean pool 4", "max pool 4", "tent 7, stride 4"]
halfway = ", ".join(f"{apart[name, 2][0]:.2f} ({name})" for name in strided)
cu.plots.lines(
    {name: (range(9), [apart[name, k][0] for k in range(9)])
     for name in ["no padding", *strided]},
    xlabel="the camera moves by … pixels",
    ylabel="difference in the interior",
    size=(8, 3.2),
    alt="Without a stride the difference is 0 for every shift. With a stride of 4 it "
    f"is 0 at 0, 4 and 8 pixels and rises in between; at 2 pixels it is {halfway}.",
)  # fmt: skip

# %%
cu.say(
    f"Moved by 2 pixels, the interior changes by {apart['no padding', 2][0]:.2f} "
    f"without a stride. With a stride of 4 it changes by {halfway}. At the border, "
    f"padding costs {apart['padding 1', 4][1]:.2f} even without a stride."
)

# %% tags=["result"]
cu.claim(
    "What a blur before the stride leaves of the difference at half a stride",
    apart["tent 7, stride 4", 2][0] / apart["stride 4", 2][0],
    at_most=0.5,
    form=".2f",
)

# %% [markdown]
# So equivariance is exact for what the theory says and for nothing more: stride 1, no
# frame in sight. A stride keeps it for multiples of itself only. Whatever looks at more
# than every fourth pixel softens the damage, and a blur as wide as two strides softens
# it most; patient C in the clinic shows why. None removes it. (Our straight line
# between two outputs isn't to blame for much of it: a smooth curve through four outputs
# takes the tent's 0.20 to 0.17, and doesn't help the bare stride at all.)
#
# And padding? One layer breaks equivariance in the outermost column. What about a
# stack?


# %%
def columns_broken(depth, k=4):
    before, after = wide[..., :SIDE], wide[..., k : k + SIDE]
    for _ in range(depth):
        before, after = (
            F.conv2d(x, blur[None, None], padding=1) for x in (before, after)
        )
    gap = (before[..., k:] - after[..., :-k]).abs().amax((0, 1, 2))  # (124,)
    return int((gap[: SIDE // 2] > 1e-5).sum())


# %%
broken = {depth: columns_broken(depth) for depth in (1, 2, 4, 8)}
depths, columns = (", ".join(map(str, part)) for part in (broken, broken.values()))
means = [edge_maps(wide[..., k : k + SIDE], 0).mean((2, 3)) for k in (0, 4)]  # (1, 4)
change = ((means[1] - means[0]).norm() / means[0].norm()).item()
cu.say(
    f"After {depths} blurs in a row, {columns} columns at the left edge have changed: "
    "each padded layer carries the damage further in. The means of the four edge maps, "
    f"though, change by only {change:.1%} when the camera moves by 4 pixels."
)

# %% [markdown]
# That last number brings in a second word. *Equivariant*: the output moves along.
# *Invariant*: the output stays the same. The mean of a whole map is nearly invariant.
# What does it forget in exchange? We'll measure that below, too.
#
# ## How far does one output see?
#
# The *receptive field* is the part of the picture that an output depends on. In a stack
# of layers with kernels $k_l$, strides $s_l$ and dilations $d_l$ it spans
#
# $$r = 1 + \sum_l d_l\,(k_l - 1) \prod_{i<l} s_i$$
#
# pixels: every layer adds its own reach, in steps as long as the product of all strides
# before it. Pooling counts as a layer.
#
# We can also *find* it without the formula. Which pixels change the middle output?
# Those whose gradient isn't 0.


# %%
def receptive_field(stack):
    size, step = 1, 1
    for _, kernel, stride, dilation in stack:
        size += dilation * (kernel - 1) * step
        step *= stride
    return size


# %%
def build(stack):
    layers, channels = [], 1
    for kind, kernel, stride, dilation in stack:
        if kind == "pool":
            layers.append(nn.MaxPool2d(kernel, stride))
        else:
            layers += [nn.Conv2d(channels, 8, kernel, stride, 0, dilation), nn.ReLU()]
            channels = 8
    return nn.Sequential(*layers)


# %%
def slopes_of(net, side=47, pictures=16):
    noise = torch.randn(pictures, 1, side, side, generator=generator)
    noise.requires_grad_()
    out = net(noise)  # (N, 8, h, w)
    middle = out[:, :, out.shape[2] // 2, out.shape[3] // 2]  # (N, 8)
    (slopes,) = torch.autograd.grad(middle.sum(), noise)
    return slopes.abs().mean((0, 1))  # (47, 47)


# %%
def conv(kernel, stride=1, dilation=1):
    return ("conv", kernel, stride, dilation)


# %%
POOL = ("pool", 2, 2, 1)
STACKS = {
    "one 15 × 15": [conv(15)],
    "seven 3 × 3": [conv(3)] * 7,
    "3 × 3, dilations 1, 2, 4": [conv(3), conv(3, dilation=2), conv(3, dilation=4)],
    "3 × 3, strides 2, 2, 1": [conv(3, 2), conv(3, 2), conv(3)],
    "3 × 3, pool, 3 × 3": [conv(3), POOL, conv(3)],
    "lesson 12's features": [conv(5, 2), conv(3), POOL, conv(3)],
}

# %% [markdown]
# > **Predict before you run.** Seven layers of 3 × 3 on top of each other: how many
# > pixels does one output see in a row? And which pixels matter most to it?
# > <details><summary>Answer</summary>1 + 7 · 2 = 15. Those in the middle: many paths
# > lead from them to the output, and only one from each corner.</details>

# %%
fields, rows = {}, []
for name, stack in STACKS.items():
    nets = [build(stack) for _ in range(16)]  # with other random weights each
    fields[name] = torch.stack([slopes_of(net) for net in nets]).mean(0)
    touched = (fields[name] > 0).any(0).sum().item()
    rows.append(
        {
            "stack": name,
            "formula": receptive_field(stack),
            "found by gradients": touched,
            "parameters, 8 channels": parameters(nets[0]),
        }
    )
cu.scoreboard(rows)

# %%
four = list(STACKS)[:4]
maps = [fields[name] for name in four]
crops = []
for field in maps:  # the middle 21 × 21 pixels, centred on what is seen
    top, left = (int((field > 0).any(d).nonzero().min()) - 3 for d in (1, 0))
    crops.append(field[top : top + 21, left : left + 21])

# %%
cu.plots.images(
    torch.stack(crops),
    four,
    limits=None,
    columns=4,
    size=2.0,
    alt="Four stacks that all see 15 × 15 pixels. One large kernel weighs them evenly; "
    "seven small layers look mostly at the middle; dilations and strides leave a grid.",
)


# %%
def in_the_middle(field):  # the share of the inner third: 5 × 5 of 15 × 15
    inside = field[field > 0].numel()
    assert inside == 15 * 15
    block = field[(field > 0).any(1)][:, (field > 0).any(0)]
    return (block[5:10, 5:10].sum() / block.sum()).item()


# %%
shares = {name: in_the_middle(field) for name, field in zip(four, maps, strict=True)}
cu.say(
    f"All four see 15 × 15 pixels. The inner 5 × 5, {25 / 225:.0%} of the area, holds "
    + ", ".join(f"{share:.0%} ({name})" for name, share in shares.items())
    + " of the gradient."
)

# %% [markdown]
# The formula says what an output *can* see. What it does look at, the *effective*
# receptive field, can be much smaller: seven layers favour the middle. Three layers
# with dilations or strides hardly do. Our weights here are random; in a trained network
# the picture may be another one, so measure it there.

# %% [markdown]
# ## What does it cost?
#
# For a layer from $c$ to $c'$ channels with an output of $h \times w$:
#
# $$\text{parameters} = c'(c\,k^2 + 1), \qquad
# \text{multiply-adds} = c' h\,w \cdot c\,k^2 .$$
#
# The first doesn't depend on the size of the picture; the second does. A dense layer
# between the same input and output needs one weight and one multiply-add for *each
# pair*. (A convolution *is* such a layer, with most weights fixed at 0 and the others
# shared.)
#
# > **Predict before you run.** The first layer of lesson 12 turns 1 × 28 × 28 into
# > 16 × 14 × 14, with kernels of 5 × 5. How many times fewer parameters than a dense
# > layer: 10, 100, or more than 1,000?
# > <details><summary>Answer</summary>More than 1,000. The next cell counts them. In
# > multiply-adds the factor is about 30.</details>

# %%
small = torch.zeros(1, 1, 28, 28)
layers = {
    "convolution": nn.Conv2d(1, 16, 5, 2, 2),
    "dense": nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 16 * 14 * 14)),
}
cost = {}
for name, layer in layers.items():
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(small)
    cost[name] = (parameters(layer), counter.get_total_flops() // 2)

# %%
photo_in, photo_out = 3 * 224**2, 64 * 224**2  # a 3 × 3 layer on a usual photograph
photo = {
    "convolution": (64 * (3 * 9 + 1), photo_out * 3 * 9),
    "dense": (photo_out * (photo_in + 1), photo_out * photo_in),
}
cu.scoreboard(
    [
        {"layer": f"{kind}, {what}", "parameters": n, "multiply-adds": m}
        for what, costs in (("28 × 28, counted", cost), ("224 × 224, formula", photo))
        for kind, (n, m) in costs.items()
    ]
)

# %%
fewer = [cost["dense"][i] / cost["convolution"][i] for i in (0, 1)]
cu.say(
    f"On 28 × 28 pixels the convolution has {fewer[0]:,.0f} times fewer parameters and "
    f"{fewer[1]:.0f} times fewer multiply-adds. The dense layer on a photograph would "
    f"need {photo['dense'][0] * 4 / 1e12:.1f} TB for its weights alone."
)

# %% [markdown]
# ## Which kernels does a network choose?
#
# Until now we made the kernels. Now let gradient descent make them. Our network has 16
# kernels of 5 × 5 with stride 2, then a ReLU, a pooling, and a linear classifier. It
# trains in seconds.
#
# For your own pictures, set `DATA` at the top to a folder with one subfolder for each
# class: `DATA = "datasets/flowers"`.

# %%
data = cu.data.load(DATA)
classes, (channels, side) = len(data.classes), data.train_x.shape[1:3]
chance = (data.test_y == data.train_y.bincount().argmax()).float().mean().item()
on_mnist = data.source == "mnist"
cu.say(
    f"{len(data.train_x):,} training and {len(data.test_x):,} test pictures of "
    f"{channels} × {side} × {side} numbers; source: {data.source}."
)

# %%
half = size_of_output(side, kernel=5, stride=2, padding=2)  # 14 of 28
quarter = size_of_output(half, kernel=2, stride=2)  # 7
net = nn.Sequential(
    nn.Conv2d(channels, 16, 5, stride=2, padding=2),  # (B, 16, 14, 14)
    nn.ReLU(),
    nn.MaxPool2d(2),  # (B, 16, 7, 7)
    nn.Flatten(),
    nn.Linear(16 * quarter**2, classes),
).to(memory_format=torch.channels_last)  # how the pictures lie in memory: faster
untrained = net[0].weight.detach().cpu().clone()  # (16, C, 5, 5)
opt = torch.optim.Adam(net.parameters(), RATE)
trainer = cu.Trainer("runs/11", net=net, opt=opt)


# %%
def step(batch):
    images, labels = batch  # (B, C, H, W), (B,)
    logits = net(images)  # (B, classes)
    loss = F.cross_entropy(logits, labels)
    trainer.update(opt, loss)
    return {"loss": loss, "accuracy": cu.accuracy(logits, labels)}


history = trainer.fit(step, data.batches(BATCH), steps=STEPS)

# %% [markdown]
# > **Predict before you run.** We lay 16 kernels made by hand beside the 16 learned
# > ones: an edge in each of 16 directions $\theta$,
# > $w(x, y) \propto (x \cos\theta + y \sin\theta)\; e^{-(x^2 + y^2)/2\sigma^2}$. Will
# > the learned ones look like edges?
# > <details><summary>Answer</summary>Some will, roughly: many respond to a stroke or an
# > edge in one direction. Others are hard to name. Nothing in the loss asks for
# > beauty.</details>

# %%
down, right = torch.meshgrid(*[torch.arange(-2.0, 3)] * 2, indexing="ij")  # (5, 5)


def edge(theta, sigma=1.2):
    slope = right * math.cos(theta) + down * math.sin(theta)
    kernel = slope * torch.exp(-(right**2 + down**2) / (2 * sigma**2))  # (5, 5)
    return kernel / kernel.norm()


by_hand = torch.stack([edge(2 * math.pi * i / 16) for i in range(16)])[:, None]

# %%
learned = net[0].weight.detach().float().cpu()  # (16, C, 5, 5)
cu.plots.images(
    torch.cat([learned, by_hand.expand_as(learned)]),
    [f"{who} {n}" for who in ("learned", "by hand") for n in range(1, 17)],
    columns=8,
    size=0.9,
    limits="signed",
    alt="Two rows of eight learned kernels of 5 × 5, red where a weight is positive "
    "and blue where it is negative, above two rows of edges made by hand, each turned "
    "a little further.",
)

# %% [markdown]
# What is each learned kernel looking for? Ask it: search 500 test pictures for the
# places where it responds most strongly. The next figure shows the first eight kernels'
# favourites: in each column the five patches that the kernel at the top of the same
# column above likes best, each from another picture.


# %%
def favourites(weight, images, count=5):
    maps = F.conv2d(images, weight)  # (N, 16, h, w): every place, no padding
    strongest, places = maps.flatten(2).max(2)  # (N, 16): each picture's best place
    best = strongest.topk(min(count, len(images)), dim=0).indices  # (count, 16)
    patches = []
    for picks in best:  # one for each kernel
        for kernel, n in enumerate(picks.tolist()):
            i, j = divmod(places[n, kernel].item(), maps.shape[3])
            patches.append(images[n, :, i : i + 5, j : j + 5])
    return torch.stack(patches)  # (count · 16, C, 5, 5), row by row


# %%
looked_at = data.test_x[:500].cpu()
patches = favourites(learned, looked_at).view(-1, *learned.shape)  # (5, 16, C, 5, 5)
cu.plots.images(
    patches[:, :8].flatten(0, 1),
    columns=8,
    size=0.9,
    alt="For each of the first eight learned kernels the five patches of the test "
    "pictures to which it responds most; within a column they look alike.",
)


# %%
def agreement(weights):  # correlation of each kernel with its mean favourite patch
    flat = weights.flatten(1)  # (16, 25 · C)
    tops = favourites(weights, looked_at).view(-1, *flat.shape).mean(0)
    return F.cosine_similarity(tops - tops.mean(1, True), flat - flat.mean(1, True))


agree = agreement(learned)
cu.say(
    f"Correlation of a kernel with its mean favourite patch: {agree.mean():.2f} in the "
    f"mean of all 16, from {agree.min():.2f} to {agree.max():.2f}. Before training the "
    f"mean was {agreement(untrained).mean():.2f}."
)

# %% [markdown]
# That is no accident. Among all patches of the same length, a weighted sum is largest
# for the one that is proportional to the weights. So a kernel of a *first* layer is
# also a picture of what it likes. In deeper layers it isn't, and favourite patches are
# the better way to ask. (Nor is a high correlation alone a sign of training: random
# kernels have one, too, though on MNIST a lower one.)


# %%
def likeness(weights):  # the best |cosine| of each kernel with an edge made by hand
    ours = F.normalize(weights.mean(1).flatten(1), dim=1)  # (16, 25)
    known = F.normalize(by_hand.flatten(1), dim=1)  # (16, 25)
    return (ours @ known.T).abs().amax(1).mean().item()


cu.say(
    "Likeness of a kernel to the nearest edge made by hand (1 would be equal), mean of "
    f"16: {likeness(untrained):.2f} before training, {likeness(learned):.2f} after it."
)

# %% [markdown]
# ## Scoreboard
#
# What are good kernels worth? Five models, trained for equally many steps with several
# seeds. They differ in the kernels, and the last one in what comes after them, too:
#
# - *no kernels*: the linear classifier of lesson 00, on the pixels;
# - *random*, *by hand*: 16 fixed kernels, all of length 1 (as vectors) and without a
#   bias, so that only their shapes differ; only the classifier is trained;
# - *learned*: everything is trained;
# - *learned, place forgotten*: after the kernels, only the mean of each map is kept.
#
# In each, the rate now falls to 0 on a straight line, so that the last steps are small.
# (Starting three times as high helps every row on MNIST and keeps their order; on a few
# colour photographs it ruins "learned".)


# %%
def make(kind):
    if kind == "no kernels":
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, classes))
    first = nn.Conv2d(channels, 16, 5, stride=2, padding=2)
    if kind in ("random", "by hand"):  # both of length 1, without a bias
        fixed = by_hand.expand_as(first.weight) if kind == "by hand" else first.weight
        unit = F.normalize(fixed.detach().flatten(1))  # (16, 25 · C)
        first.weight.data.copy_(unit.view_as(fixed))
        first.bias.data.zero_()
    first.requires_grad_("learned" in kind)
    if "forgotten" in kind:
        scale = nn.BatchNorm1d(16) if "scaled" in kind else nn.Identity()
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), scale, nn.Linear(16, classes)]
    else:
        head = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * quarter**2, classes)]
    model = nn.Sequential(first, nn.ReLU(), *head)
    return model.to(memory_format=torch.channels_last)


# %%
def train(kind, seed):
    torch.manual_seed(seed)
    model = make(kind)
    weights = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.Adam(weights, RATE)
    falling = LinearLR(adam, 1.0, 0.0, STEPS)  # the rate, down to 0
    loop = cu.Trainer(model=model, adam=adam, falling=falling)

    def step(batch):
        images, labels = batch
        loss = F.cross_entropy(model(images), labels)
        loop.update(adam, loss)
        falling.step()
        return {"loss": loss}

    loop.fit(step, data.batches(BATCH, seed), steps=STEPS, show=False)
    return model.eval()


# %%
def test_accuracy(model, shift=0):  # what leaves at the right comes in at the left
    with torch.no_grad():
        logits = [model(x.roll(shift, dims=3)) for x, _ in data.test_batches()]
    return cu.accuracy(torch.cat(logits), data.test_y).item()


scores = {}  # kind: (seeds, 2), of pictures as they are and moved by 3 pixels


def compare(kind):
    models = [train(kind, seed) for seed in SEEDS]
    found = [[test_accuracy(model, shift) for shift in (0, 3)] for model in models]
    scores[kind] = torch.tensor(found)


# %% [markdown]
# We also move every test picture by 3 pixels. Does a convolution help against what
# ruined the linear classifier?

# %%
KINDS = ["no kernels", "random", "by hand", "learned", "learned, place forgotten"]
for kind in KINDS:
    compare(kind)


# %%
def percent(runs):
    return f"{runs.mean():.1%} ± {runs.std():.1%}"


def row(kind):
    runs = scores[kind]
    weights = [p for p in make(kind).parameters() if p.requires_grad]
    return {
        "kernels": kind,
        "trained parameters": sum(p.numel() for p in weights),
        "test accuracy": percent(runs[:, 0]),
        "moved by 3 pixels": percent(runs[:, 1]),
    }


# %%
baseline = {
    "kernels": "none: most frequent class",
    "trained parameters": 0,
    "test accuracy": f"{chance:.1%}",
    "moved by 3 pixels": f"{chance:.1%}",
}
linear = {"kernels": "published: linear (LeCun et al. 1998)", "test accuracy": "88.0%"}
lenet = {"kernels": "published: LeNet-1, two layers", "test accuracy": "98.3%"}
published = [linear, lenet] if on_mnist else []  # both are about MNIST
cu.scoreboard([baseline, *(row(kind) for kind in KINDS), *published])

# %%
wrong = {kind: 1 - scores[kind][:, 0].mean().item() for kind in KINDS}
lost = {kind: (runs[:, 0] - runs[:, 1]).mean().item() for kind, runs in scores.items()}
forgotten = "learned, place forgotten"
cu.say(
    f"Mistakes: {wrong['no kernels']:.1%} without kernels, {wrong['random']:.1%} with "
    f"random ones, {wrong['by hand']:.1%} with edges made by hand, "
    f"{wrong['learned']:.1%} with learned ones. A move by 3 pixels costs "
    f"{100 * lost['no kernels']:.1f} points of accuracy without kernels and "
    f"{100 * lost['learned']:.1f} with learned ones. Where the places are forgotten it "
    f"costs {100 * lost[forgotten]:.1f}, but there the mistakes are "
    f"{wrong[forgotten]:.1%}."
)

# %% tags=["result"]
cu.claim(
    "Test accuracy with learned kernels, mean of the seeds",
    1 - wrong["learned"],
    at_least=0.97,
    when=on_mnist,
    form=".1%",
)
cu.claim(
    "Mistakes without kernels, for each one with learned kernels",
    wrong["no kernels"] / wrong["learned"],
    at_least=2.5,
    when=on_mnist,
    form=".1f",
)
cu.claim(
    "Accuracy that learned kernels save when all pictures move by 3 pixels",
    lost["no kernels"] - lost["learned"],
    at_least=0.15,
    when=on_mnist,
    form=".1%",
)

# %% [markdown]
# Look at the column of moved pictures. A moved digit gives moved maps, but the linear
# classifier on top reads *fixed places*, and to it a moved map is another map. Or is it
# only that 3 isn't a multiple of 4, the step of stride and pooling together? No: moved
# by 4 pixels, so that the maps move by a whole place, learned kernels fall further, to
# 52% on MNIST.
#
# On MNIST random kernels alone are worth something: their 16 maps tell a linear
# classifier more than the pixels do. The shape of the edges adds to that. What about it
# matters? Not just that their numbers add up to 0: random kernels with their mean taken
# off did no better. Nor just that they fade outwards: random kernels under the same
# bell curve did a little worse.
#
# ## A second look: is the place needed?
#
# On digits the last row is tempting: forget the places, and a move does no harm, but
# the network is hardly any use. "Which strokes there are says little without where they
# are." Before you believe that, ask what *else* would give this number.
#
# > **What would you try?**
# > <details><summary>Answer</summary>Perhaps this network isn't bad, only badly
# > trained. Its classifier sees sixteen means, all small and all much alike; such
# > inputs make gradient descent slow. So bring each mean to mean 0 and spread 1 over
# > the batch (`BatchNorm1d`, which lesson 12 explains). That adds nothing that a linear
# > classifier couldn't do by itself.</details>

# %%
scaled = f"{forgotten}, scaled"
compare(scaled)
cu.scoreboard([row(kind) for kind in (forgotten, scaled, "no kernels")])

# %%
as_is, moved = scores[scaled].mean(0).tolist()
cu.say(
    f"From {1 - wrong[forgotten]:.1%} to {as_is:.1%}, by scaling alone and in equally "
    f"many steps. Moved by 3 pixels it is {moved:.1%}, where the linear classifier, "
    f"which sees every pixel in its place, falls from {1 - wrong['no kernels']:.1%} to "
    f"{scores['no kernels'][:, 1].mean():.1%}."
)

# %% tags=["result"]
cu.claim(
    "Test accuracy with all places forgotten, scaled",
    as_is,
    at_least=0.75,
    when=on_mnist,
    form=".1%",
)
cu.claim(
    "Accuracy that it loses when all pictures move by 3 pixels",
    as_is - moved,
    at_most=0.05,
    when=on_mnist,
    form=".1%",
)

# %% [markdown]
# On digits the low score turns out to be a matter of training, and the sentence is
# wrong: how much there is of each of sixteen kinds of stroke goes a long way. (Without
# scaling the network gets most of the way, too, but slowly: one run on MNIST had
# reached 82% after 30 times as many steps.) The places add the rest, as the row
# "learned" shows. Real networks want both: they shrink the maps in several steps, with
# a layer of kernels after each. That is lesson 12.
#
# (If the line under the data cell says that rendered digits are used, compare the rows
# with each other only. The `smoke` profile trains for two steps; there the rows mean
# nothing.)

# %% [markdown]
# ## Clinic
#
# ### Patients A and B: sixteen blurs
#
# Two colleagues blur a picture sixteen times in a row. A blur only moves light around,
# so the brightness shouldn't change. It does. A healthy run is shown beside theirs.
# Mind the two scales: patient A loses little, patient B gains much.


# %%
def many_blurs(kernel, padding_mode):
    image, brightness = grey, [1.0]
    for _ in range(16):
        padded = F.pad(image, [1] * 4, mode=padding_mode)
        image = F.conv2d(padded, kernel[None, None])  # (1, 1, 128, 128)
        brightness.append((image.mean() / grey.mean()).item())
    return image, brightness


# %%
runs = {
    "healthy": many_blurs(torch.ones(3, 3) / 9, "replicate"),
    "patient A": many_blurs(torch.ones(3, 3) / 9, "constant"),
    "patient B": many_blurs(torch.full((3, 3), 0.12), "replicate"),
}
last = {name: brightness[-1] for name, (_, brightness) in runs.items()}
plot = cu.plots.Plot(
    9,
    3,
    "Mean brightness against the number of blurs, each patient beside the healthy run, "
    f"which ends at {last['healthy']:.2f}: patient A sinks slowly, to "
    f"{last['patient A']:.2f}; patient B rises faster and faster, to "
    f"{last['patient B']:.2f}.",
)
for axes, patient in zip(plot.subplots(1, 2), ("patient A", "patient B"), strict=True):
    axes.plot(runs["healthy"][1], "--", color="#0072B2", label="healthy")
    axes.plot(runs[patient][1], "o-", color="#D55E00", ms=4, label=patient)
    axes.set(xlabel="number of blurs", ylabel="mean brightness, first = 1")
    axes.set_title(f"{patient}, ends at {last[patient]:.2f}", size=10)
    axes.legend(frameon=False)
plot

# %%
cu.plots.images(
    torch.cat([image for image, _ in runs.values()]),
    list(runs),
    size=2.6,
    alt="After sixteen blurs: the healthy picture is soft, patient A's has a dark "
    "frame, patient B's is white nearly everywhere.",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Patient A</summary>Padding with zeros. Outside the picture it is
# > night, and each blur mixes some of it in. The dark frame grows by a pixel a layer.
# > In a network the same happens in every padded layer; it learns to live with it, and
# > can even use it to tell where the frame is. Cures for pictures: repeat or mirror the
# > edge (`padding_mode="reflect"`), don't pad and lose a pixel on each side, or divide
# > by what was inside (exercise 11.3).</details>
#
# > <details><summary>Patient B</summary>The nine numbers add up to more than 1: someone
# > rounded 1/9 up to 0.12. Each blur multiplies the brightness by their sum, sixteen
# > of them by its sixteenth power. Divide a kernel by its sum. In deep networks the
# > same growth, or decay, is why the weights have to start at the right
# > size.</details>

# %%
frame = torch.ones(SIDE, SIDE, dtype=torch.bool)
frame[8:-8, 8:-8] = False
at_frame = {
    name: (image[0, 0][frame].mean() / grey[0, 0][frame].mean()).item()
    for name, (image, _) in runs.items()
}

# %%
total = 9 * 0.12
cu.say(
    f"Within 8 pixels of the frame, the brightness is {at_frame['healthy']:.2f} of the "
    f"original in the healthy run and {at_frame['patient A']:.2f} in patient A's. "
    f"Patient B's picture is {runs['patient B'][1][-1]:.2f} times as bright as it was; "
    f"{total:.2f} to the power of 16 is {total**16:.2f}."
)

# %% [markdown]
# ### Patient C: rings from nowhere
#
# A third colleague needs small pictures fast: a stride of 4 without any blur keeps
# every fourth pixel. The test picture has rings that get finer outwards.

# %%
axis = torch.arange(96.0) - 48
radius2 = axis[:, None] ** 2 + axis[None, :] ** 2
rings = (0.5 + 0.5 * torch.cos(math.pi * radius2 / 192)).view(1, 1, 96, 96)
thumbnail = rings[..., ::4, ::4]  # (1, 1, 24, 24)
around = F.pad(rings, [3] * 4, mode="replicate")  # no night outside
cured = F.conv2d(around, tent[None, None])[..., ::4, ::4]  # (1, 1, 24, 24)
cu.plots.images(
    torch.cat([rings, *(F.interpolate(small, 96) for small in (thumbnail, cured))]),
    ["the picture", "patient C's thumbnail", "after the cure"],
    size=1.8,
    alt="Left: rings around one centre that get finer outwards. Middle: the thumbnail, "
    "with new rings around several centres at its edges and corners. Right, after the "
    "cure: rings in the middle, nearly even grey where they are too fine to be shown.",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>Aliasing. Between two pixels that are kept, the
# > fine rings turn from light to dark and back; what is kept looks like a coarse ring
# > that was never there. The cure blurs first, with a kernel about as wide as two
# > strides (the tent from above), and then takes every fourth pixel.</details>

# %%
corners = [image[..., :6, :6].std().item() for image in (thumbnail, cured)]
cu.say(
    f"Contrast (standard deviation) of the corner, where the true rings are too fine "
    f"for the thumbnail: {corners[0]:.2f} for patient C, {corners[1]:.2f} when blurred "
    f"first. The same tent took the difference between two places of the camera from "
    f"{apart['stride 4', 2][0]:.2f} to {apart['tent 7, stride 4', 2][0]:.2f} above: "
    "there, too, aliasing did much of the harm."
)

# %% [markdown]
# ## Exercises
#
# ### Exercise 11.1 · A kernel that moves
#
# Write a kernel, a tensor of 3 × 3 floats, with which
# `F.conv2d(images, kernel[None, None], padding=1)` moves a picture by one pixel *to the
# right* and changes nothing else. Stuck? `cu.hint("11.1")` helps, here and in every
# exercise.

# %% tags=["exercise"]
to_the_right = ...
# BEGIN SOLUTION
to_the_right = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]])
# END SOLUTION

# %% tags=["nbval-check-output"]
cu.check("11.1", to_the_right)

# %% [markdown]
# ### Exercise 11.2 · Keep the size
#
# Write `same_padding(kernel, dilation)`: how many zeros to add on every side, so that a
# convolution with stride 1 gives an output as large as its input. `kernel` is odd.


# %% tags=["exercise"]
def same_padding(kernel, dilation):
    # BEGIN SOLUTION
    return dilation * (kernel - 1) // 2
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("11.2", same_padding)

# %% [markdown]
# ### Exercise 11.3 · Repair the blur
#
# Patients A and B use the same function. The kernel (k, k) has positive numbers, which
# needn't add up to 1; k is odd; `images` are (B, 1, H, W).
#
# ```
# def fair_blur(images, kernel):
#     weight = kernel[None, None]  # (1, 1, k, k)
#     return F.conv2d(images, weight, padding=len(kernel) // 2)
# ```
#
# Repair it, so that each output is a *weighted mean* of those pixels under the kernel
# that are inside the picture. A flat picture then stays as it is, up to its corners.


# %% tags=["exercise"]
def fair_blur(images, kernel):
    # BEGIN SOLUTION
    weight = kernel[None, None]  # (1, 1, k, k)
    pad = len(kernel) // 2
    light = torch.conv2d(images, weight, padding=pad)
    inside = torch.conv2d(torch.ones_like(images), weight, padding=pad)
    return light / inside
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("11.3", fair_blur)

# %% [markdown]
# ### Exercise 11.4 · Two thin kernels for a square one
#
# Some kernels are a product: $w_{mn} = u_m v_n$. The blur is, and so are the two edges.
# Then you can convolve with the column $u$ and after that with the row $v$: $2k$
# multiply-adds per pixel instead of $k^2$. Write `thin(kernel)` for such a kernel
# (k, k). Return `column, row`, each (k,), with `torch.outer(column, row)` equal to the
# kernel. A kernel may have zeros anywhere, but not everywhere.


# %% tags=["exercise"]
def thin(kernel):
    # BEGIN SOLUTION
    m, n = divmod(int(kernel.abs().argmax()), len(kernel))
    return kernel[:, n], kernel[m] / kernel[m, n]
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("11.4", thin)

# %% [markdown]
# ### Open challenge
#
# Beat the scoreboard's row "by hand" with 16 other kernels of your own making: strokes,
# corners, dots, other widths. Decide on a validation part cut from the *training*
# pictures, and look at the test set once, at the end. How close do you get to the
# learned ones?

# %% [markdown]
# ## Summary
#
# - A convolution lays one small kernel on every place: multiply, add up. Its sum says
#   what happens to flat regions, its signs say what it responds to. With 1 × 1 it mixes
#   channels and nothing else.
# - The way back: each output hands its window back to the weights and stamps the kernel
#   on the pixels it came from.
# - Equivariance is exact inside the picture and with stride 1. Padding breaks it at the
#   border, a stride between its multiples. A blur before the stride softens that.
# - Each layer widens the receptive field by $d(k-1)$ times the product of all strides
#   before it. In a deep stack its middle counts most.
# - Compared with a dense layer, a convolution saves parameters by sharing, and
#   multiply-adds by looking only nearby.
# - **Use it** where neighbours belong together and a pattern means the same at every
#   place: pictures, sound, time series, text. **Don't** where columns could be shuffled
#   without loss (most tables), or where the absolute place *is* the meaning (a form, an
#   aligned face), unless you tell the network the place.
#
# **Quiz**
#
# 1. A 3 × 3 kernel is −1 everywhere except in the middle, where it is 9. What does it
#    do to a flat region?
#    <details><summary>Answer</summary>Nothing: the sum is 9 − 8 = 1. It makes edges
#    steeper: it sharpens.</details>
# 2. How many layers of 3 × 3, stride 1, until an output sees 31 pixels in a row?
#    <details><summary>Answer</summary>15: each adds 2 to the first pixel.</details>
# 3. Which padding keeps the size for a kernel of 3 with dilation 4?
#    <details><summary>Answer</summary>4: the kernel spans 9 pixels.</details>
# 4. You double the side of the picture. What happens to a convolution's parameters and
#    multiply-adds?
#    <details><summary>Answer</summary>The parameters stay as they are; there are four
#    times as many multiply-adds.</details>
# 5. "CNNs are invariant to shifts." Right?
#    <details><summary>Answer</summary>No. A convolution with stride 1 is equivariant
#    inside the picture. Invariance needs something that forgets the place, such as the
#    mean of a map.</details>
#
# **Further reading.** Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based
# learning applied to document recognition*, Proceedings of the IEEE 86 (1998), the
# source of both published figures. V. Dumoulin, F. Visin, *A guide to convolution
# arithmetic for deep learning*, arXiv:1603.07285. A. Araujo, W. Norris, J. Sim,
# *Computing receptive fields of convolutional neural networks*, Distill 2019. W. Luo,
# Y. Li, R. Urtasun, R. Zemel, *Understanding the effective receptive field in deep
# convolutional neural networks*, NIPS 2016. R. Zhang, *Making convolutional networks
# shift-invariant again*, ICML 2019 (blur before the stride). O. S. Kayhan, J. van
# Gemert, *On translation invariance in CNNs*, CVPR 2020 (what padding gives away).

# %% [markdown] tags=["instructor"]
# **Instructor.** 75 minutes: 10 for the moving kernel and the eight kernels, 5 for
# 1 × 1, 10 for the widget (let pairs set each other a target picture), 10 for stride,
# padding, dilation and the windows, 10 for the way back, 15 for the moving camera and
# the receptive fields, 10 for the scoreboard and the second look, 5 for the clinic.
# Exercises 11.3 and 11.4 as homework.
#
# Common beliefs to bring to light: that CNNs are shift-invariant (the table and the
# last column of the scoreboard); that pooling makes them so; that padding is harmless;
# that fewer parameters mean less arithmetic; that learned kernels are tidy edges; that
# one short training says what a model is worth (the second look). A question for the
# room: the corner of a padded picture sees zeros on two sides; what can a network do
# with that? (It can know where it is.) If you're short of time, skip the windows, the
# cost and exercise 11.4.
