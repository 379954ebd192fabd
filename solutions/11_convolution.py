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
# - write convolution and pooling by hand, equal to PyTorch's;
# - say what a kernel does by looking at its nine numbers;
# - compute the size, the cost and the receptive field of a stack of layers;
# - measure what happens to a layer's output when the picture moves;
# - recognise wrong padding, a wrong sum and a stride without a blur by their pictures.

# %%
import math
import time

import torch
import torch.nn.functional as F
from scipy import ndimage
from sklearn.datasets import load_sample_image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import course_utils as cu

DATA = "mnist"  # for the part with a network; the photographs are always there
SIDE = 128  # of a photograph, in pixels
BATCH, RATE = 128, 0.01
STEPS = cu.budget(cpu=468, gpu=2340)
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])

device = cu.start(seed=0)

# %% [markdown]
# ## What is a photograph to a computer?
#
# A table of numbers for each colour: red, green and blue, here from 0 (none) to 1
# (full). Two photographs come with scikit-learn (by danielbuechele and vultilion,
# CC BY 2.0). We make them smaller and cut a square. The mean of the three colours is
# the grey picture.


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
cu.plots.images(
    torch.cat([tower, flower]),
    ["tower", "flower"],
    size=1.2,
    alt="Two colour photographs: a Chinese tower by a lake, and an orange flower.",
)

# %% [markdown]
# ## What does a kernel do?
#
# Lesson 00's classifier had one weight for each pixel. What it learned about one place
# it did not know about the next. Here is another idea: take a *small* table of weights,
# the kernel, lay it on the picture, multiply what lies on each other, and add up. That
# is one number. Then move the kernel by one pixel and do it again.
#
# With a picture $x$ and a kernel $w$ of $k \times k$ numbers,
#
# $$y_{ij} = \sum_{m=0}^{k-1} \sum_{n=0}^{k-1} w_{mn}\; x_{i+m,\,j+n} .$$
#
# > **Predict before you run.** The picture is 128 × 128, the kernel 3 × 3, and it must
# > not stick out. How large is the output?
# > <details><summary>Answer</summary>126 × 126. The kernel's left edge can stand in
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
# Our loop is right. It is also slow; we come back to that. First, what can nine numbers
# do?
#
# ## Eight kernels made by hand
#
# Look at the numbers before you look at the pictures. Two questions help. *What is
# their sum?* If it is 1, a flat region keeps its brightness; if it is 0, a flat region
# becomes 0. *Which neighbours have opposite signs?* The kernel answers where these
# neighbours differ.
#
# > **Predict before you run.** The sky is nearly flat. Which kernels turn it into 0?
# > <details><summary>Answer</summary>Those whose sum is 0: the two edges and the
# > outline. In the figure, 0 of these three is drawn as middle grey.</details>

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
zero = torch.tensor([0.0 if abs(k.sum()) > 0.5 else 0.5 for k in kernels.values()])
cu.plots.images(
    answers[0] + zero.view(8, 1, 1),
    list(kernels),
    columns=4,
    size=1.1,
    alt="The tower under eight kernels: as it is, blurred, sharpened, vertical edges, "
    "horizontal edges, outline, embossed, smeared along the diagonal.",
)

# %%
cu.scoreboard(
    [
        {
            "kernel": name,
            "sum of its numbers": f"{kernel.sum():.0f}",
            "mean brightness": f"{answer.mean():+.3f}",
            "mean size of the answer": f"{answer.abs().mean():.3f}",
        }
        for (name, kernel), answer in zip(kernels.items(), answers[0], strict=True)
    ]
)

# %%
sums = bank.sum((1, 2, 3))  # (8,)
gap = (answers[0].mean((1, 2)) - sums * answers[0, 0].mean()).abs().max()
cu.say(
    f"The mean brightness of the picture is {answers[0, 0].mean():.3f}. Times the sum "
    f"of a kernel, it predicts the mean of all eight outputs with an error of at most "
    f"{gap:.3f}. The small rest comes from the frame, where light sky ends at the top "
    "and dark trees at the bottom."
)

# %% [markdown]
# ## And colour?
#
# A colour picture has three channels. The kernel gets three as well: one table for red,
# one for green, one for blue, and *one* sum over all of them. A layer has many such
# kernels, and each gives one output channel. With $c$ channels going in and kernel
# number $o$,
#
# $$y_{oij} = b_o + \sum_{c} \sum_{m,n} w_{ocmn}\; x_{c,\,i+m,\,j+n} .$$
#
# So the weights of a layer have the shape (outputs, inputs, $k$, $k$). Here is one by
# hand: blur red, and take away blurred blue. What will it make of an orange flower, and
# of a blue sky?

# %%
warm = torch.stack([blur, 0 * blur, -blur]).unsqueeze(0)  # (1, 3, 3, 3)
found = F.conv2d(torch.cat([tower, flower]), warm)  # (2, 1, 126, 126)
cu.plots.images(
    found,
    ["tower", "flower"],
    limits=(-1, 1),
    size=1.5,
    alt="Red minus blue: the flower shines, the sky behind the tower is darker than "
    "middle grey.",
)

# %%
sky, petals = found[0, 0, :20, 80:].mean(), found[1, 0, 45:85, 40:85].mean()
cu.say(
    f"In the sky the answer is {sky:+.2f}, on the flower {petals:+.2f}: a detector of "
    f"colour, made of {warm.numel()} numbers."
)

# %% [markdown]
# ## Is this really a convolution?
#
# No, and it is better to say so once. Mathematics calls the following a convolution:
#
# $$(w * x)_{ij} = \sum_{m,n} w_{mn}\; x_{i-m,\,j-n},$$
#
# with a *minus*: the kernel is turned by 180 degrees before it is laid on the picture.
# What we wrote, with a plus, is a *cross-correlation*. PyTorch's `conv2d` computes the
# same as we do. SciPy keeps the two apart: its `convolve` turns the kernel, its
# `correlate` does not.
#
# > **Predict before you run.** For which of the eight kernels does it make no
# > difference?
# > <details><summary>Answer</summary>For those that look the same after half a turn: as
# > it is, blur, sharpen, outline and smear. An edge kernel changes its sign.</details>


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
# learn the turned ones, and nothing else would change. That is why the field says
# "convolution" for both. It matters when you copy a kernel from a book on signals, or
# when you want to move a picture to the right and it goes left (exercise 11.1).
#
# ## Change the nine numbers
#
# Now you. Change any of the nine numbers: type, or use the arrows. The sum is divided
# by `divide by`. If the numbers add up to 0, the output 0 is drawn as middle grey.
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
        size=1.4,
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
# - **Padding** $p$: add $p$ rows and columns of zeros on every side first. With
#   $p = (k-1)/2$ and stride 1 the output is as large as the picture.
# - **Dilation** $d$: spread the kernel's numbers, $d$ pixels apart. It sees further
#   with as many numbers; it spans $d(k-1)+1$ pixels.
#
# Count the places where it can stand on a padded picture of $n + 2p$ pixels:
#
# $$n' = \left\lfloor \frac{n + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1 .$$


# %%
def size_of_output(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


# %%
settings = [  # kernel, stride, padding, dilation
    (3, 1, 0, 1),
    (3, 1, 1, 1),
    (5, 2, 2, 1),
    (3, 1, 2, 2),
    (3, 3, 0, 4),
    (7, 4, 0, 1),
]

# %%
rows = []
for kernel, stride, padding, dilation in settings:
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
# With the windows at hand, a convolution is one weighted sum, and two kinds of
# *pooling* come for free: the largest number of each window, or the mean. Pooling has
# no weights and treats each channel by itself.


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
# Look at `fill`. What has to lie outside the picture, so that it never wins a maximum?
# Not 0: a window of negative numbers would lose to it. For the mean PyTorch does count
# the zeros outside, unless it is told otherwise.
#
# Equal to PyTorch's? Not for one case, for a whole grid of them, in double precision.

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
strided = seconds(lambda: conv2d(grey, blur[None, None]))
library = seconds(lambda: F.conv2d(grey, blur[None, None]))
cu.say(
    f"One kernel on one photograph: {1e3 * loop_seconds:.0f} ms with the loop, "
    f"{1e3 * strided:.2f} ms with the windows, {1e3 * library:.2f} ms with PyTorch. "
    "From here on we use PyTorch's."
)

# %% [markdown]
# ## What happens when the picture moves?
#
# The same kernel at every place: so if the picture moves by $k$ pixels, should the
# output not move by $k$ pixels too? This property has a name, *equivariance*: with $T$
# the shift and $f$ the layer,
#
# $$f(T x) = T f(x) .$$
#
# It is often asserted. We measure it. The camera moves: `scene` is wider than the
# square, so we can cut it at column 0 and at column $k$. What comes in at the right is
# real, not zeros. We compare the two outputs where they show the same thing, take the
# root mean square of the difference, and divide by the standard deviation of the
# output. So 0 means "the same". Two outputs that have nothing to do with each other
# give $\sqrt 2$.
#
# Which layers? Four edge kernels with a ReLU, with and without padding, with a stride,
# and with two kinds of pooling.

# %%
vertical = kernels["vertical edges"] / 4
edges = torch.stack([vertical, -vertical, vertical.T, -vertical.T])[:, None]
mixing = torch.randn(4, 4, 3, 3, generator=generator) / 6


def edge_maps(images, padding=1):
    return F.conv2d(images, edges, padding=padding).relu()  # (B, 4, H, W)


# %%
LAYERS = {  # name: (layer, its stride in all)
    "no padding": (lambda x: edge_maps(x, 0), 1),
    "padding 1": (edge_maps, 1),
    "padding 1, two layers": (lambda x: F.conv2d(edge_maps(x), mixing, padding=1), 1),
    "stride 4": (lambda x: edge_maps(x)[..., ::4, ::4], 4),
    "max pool 4": (lambda x: F.max_pool2d(edge_maps(x), 4), 4),
    "mean of 7 × 7, stride 4": (lambda x: F.avg_pool2d(edge_maps(x), 7, 4, 3), 4),
}

# %% [markdown]
# A layer with stride 4 cannot move its output by a quarter of a pixel; we move it by
# the nearest whole number. The *border* is what lies within 12 pixels of the left or
# the right edge, the *interior* is the rest.


# %%
def moved_apart(name, k, margin=12):
    layer, stride = LAYERS[name]
    wide = scene.mean(1, keepdim=True)  # (1, 1, 128, 192)
    before, after = layer(wide[..., :SIDE]), layer(wide[..., k : k + SIDE])
    step, width, m = round(k / stride), after.shape[-1], margin // stride
    gap = before[..., step:] - after[..., : width - step]
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
# > 2 pixels those with a stride of 4 fail in the interior too.</details>

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
shown = ["no padding", "stride 4", "max pool 4", "mean of 7 × 7, stride 4"]
cu.plots.lines(
    {name: (range(9), [apart[name, k][0] for k in range(9)]) for name in shown},
    xlabel="the camera moves by … pixels",
    ylabel="difference in the interior",
    baselines={"outputs that have nothing in common": math.sqrt(2)},
    alt="Without a stride the difference is 0 for every shift. With stride 4 it is 0 "
    "at 0, 4 and 8 pixels and rises in between, least with the mean over 7 × 7.",
)

# %%
shift = 2
cu.say(
    f"Moved by {shift} pixels: without a stride the interior changes by "
    f"{apart['no padding', shift][0]:.2f}, with stride 4 by "
    f"{apart['stride 4', shift][0]:.2f}, with max pooling by "
    f"{apart['max pool 4', shift][0]:.2f}, with a mean over 7 × 7 by "
    f"{apart['mean of 7 × 7, stride 4', shift][0]:.2f}. At the border padding costs "
    f"{apart['padding 1', 4][1]:.2f} even without a stride."
)

# %% [markdown]
# So equivariance is exact for what the theory says and for nothing more: stride 1, no
# frame in sight. A stride keeps it for multiples of itself only. Pooling softens the
# damage of a stride; it does not remove it.
#
# And padding? One layer breaks it in the outermost column. What about a stack?


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
wide = scene.mean(1, keepdim=True)  # (1, 1, 128, 192)
broken = {depth: columns_broken(depth) for depth in (1, 2, 4, 8)}
depths, columns = (", ".join(map(str, part)) for part in (broken, broken.values()))
cu.say(
    f"After {depths} blurs in a row, {columns} columns at the left edge are no longer "
    "what they were."
)

# %% [markdown]
# Each padded layer carries the damage further in.
#
# Two words are often mixed up. *Equivariant*: the output moves along.
# *Invariant*: the output stays the same. The mean of a whole map is nearly invariant.
# What does it forget in exchange? The scoreboard below will tell.

# %%
means = [edge_maps(wide[..., k : k + SIDE], 0).mean((2, 3)) for k in (0, 4)]  # (1, 4)
change = ((means[1] - means[0]).norm() / means[0].norm()).item()
cu.say(
    f"The means of the four maps change by {change:.1%} when the camera moves by 4 "
    "pixels; all of that is what left and what entered the picture."
)

# %% [markdown]
# ## How far does one output see?
#
# The *receptive field* is the part of the picture that an output depends on. In a stack
# of layers with kernels $k_l$, strides $s_l$ and dilations $d_l$ it spans
#
# $$r = 1 + \sum_l d_l\,(k_l - 1) \prod_{i<l} s_i$$
#
# pixels: every layer adds its own reach, counted in steps of all strides before it.
# Pooling counts as a layer.
#
# We can also *find* it, without knowing the formula. Which pixels change the middle
# output? Those with a gradient that is not 0.


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
            "parameters, 8 channels": sum(p.numel() for p in nets[0].parameters()),
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
    size=1.7,
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
# receptive field, is smaller: depth favours the middle. In trained networks it differs
# again, so measure it there.
#
# ## What does it cost?
#
# A convolution *is* a dense layer, one whose weights are shared, and fixed at 0 between
# places that are far apart. To see it, feed the 16 pictures of 4 × 4 that have a single
# white pixel. The answers are the columns of the dense layer's matrix. (On larger
# pictures nearly all of it is 0.)

# %%
single = torch.eye(16).view(16, 1, 4, 4)
kernel = torch.arange(1.0, 10).view(1, 1, 3, 3)
matrix = F.conv2d(single, kernel).flatten(1).T  # (4, 16)
# %%
cu.plots.heatmap(
    matrix,
    rows=range(4),
    columns=range(16),
    xlabel="pixel of the picture",
    ylabel="output",
    value="weight",
    form=".0f",
    size=(6.0, 1.9),
    alt="The matrix of a 3 × 3 convolution on 4 × 4 pixels: four rows, each with the "
    "same nine numbers, moved along; all else is zero.",
)

# %% tags=["nbval-check-output"]
values = matrix.unique()
print(f"{matrix.numel()} entries, {(matrix != 0).sum()} not zero,", end=" ")
print(f"{(values != 0).sum()} different numbers among them")

# %% [markdown]
# For a layer from $c$ to $c'$ channels with an output of $h \times w$:
#
# $$\text{parameters} = c'(c\,k^2 + 1), \qquad
# \text{multiply-adds} = c' h\,w \cdot c\,k^2 .$$
#
# The first does not depend on the size of the picture; the second does. A dense layer
# between the same input and output needs one weight and one multiply-add for *each
# pair*.
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
    count = sum(p.numel() for p in layer.parameters())
    cost[name] = (count, counter.get_total_flops() // 2)

# %%
photo_in, photo_out = 3 * 224**2, 64 * 224**2  # a 3 × 3 layer on a usual photograph
photo = {
    "convolution": (64 * (3 * 9 + 1), photo_out * 3 * 9),
    "dense": (photo_out * (photo_in + 1), photo_out * photo_in),
}
cu.scoreboard(
    [
        {"layer": f"{kind}, {what}", "parameters": n, "multiply-adds": m}
        for what, table in (("28 × 28, counted", cost), ("224 × 224, formula", photo))
        for kind, (n, m) in table.items()
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
# Until now we made the kernels. Lesson 12 lets gradient descent make them. Here is its
# first layer alone, 16 kernels of 5 × 5 with stride 2, then a ReLU, a pooling, and a
# linear classifier. It trains in seconds. The rival: 16 kernels made by hand, an edge
# in each of 16 directions, which are never trained. In direction $\theta$,
#
# $$w(x, y) \propto (x \cos\theta + y \sin\theta)\; e^{-(x^2 + y^2)/2\sigma^2} .$$

# %%
data = cu.data.load(DATA)
classes, (channels, side) = len(data.classes), data.train_x.shape[1:3]
chance = (data.test_y == data.train_y.bincount().argmax()).float().mean().item()
cu.say(
    f"{len(data.train_x):,} training and {len(data.test_x):,} test pictures of "
    f"{channels} × {side} × {side} numbers; source: {data.source}."
)

# %%
down, right = torch.meshgrid(*[torch.arange(-2.0, 3)] * 2, indexing="ij")  # (5, 5)


def edge(theta, sigma=1.2):
    slope = right * math.cos(theta) + down * math.sin(theta)
    kernel = slope * torch.exp(-(right**2 + down**2) / (2 * sigma**2))  # (5, 5)
    return kernel / kernel.norm()


by_hand = torch.stack([edge(2 * math.pi * i / 16) for i in range(16)])[:, None]

# %% [markdown]
# Five models, and they differ in the kernels only:
#
# - *no kernels*: the linear classifier of lesson 00, on the pixels;
# - *random*, *by hand*: 16 fixed kernels, only the classifier is trained;
# - *learned*: everything is trained;
# - *learned, place forgotten*: after the kernels, only the mean of each map is kept.


# %%
def make(kind):
    if kind == "no kernels":
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, classes))
    first = nn.Conv2d(channels, 16, 5, stride=2, padding=2)
    if kind == "by hand":
        first.weight.data.copy_(by_hand / channels)
        first.bias.data.zero_()
    first.requires_grad_("learned" in kind)
    if "forgotten" in kind:
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, classes)]
    else:
        width = 16 * (-(-side // 2) // 2) ** 2
        head = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(width, classes)]
    net = nn.Sequential(first, nn.ReLU(), *head)
    return net.to(memory_format=torch.channels_last)  # faster convolutions


# %%
def train(kind, seed, show=False):
    torch.manual_seed(seed)
    net = make(kind)
    opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], RATE)
    trainer = cu.Trainer(net=net, opt=opt)

    def step(batch):
        images, labels = batch  # (B, C, H, W), (B,)
        logits = net(images)  # (B, classes)
        loss = F.cross_entropy(logits, labels)
        trainer.update(opt, loss)
        return {"loss": loss, "accuracy": cu.accuracy(logits, labels)}

    trainer.fit(step, data.batches(BATCH, seed), steps=STEPS, show=show)
    return net


# %%
def test_accuracy(net, shift=0):
    with torch.no_grad():
        logits = [net(x.roll(shift, dims=3)) for x, _ in data.test_batches()]
    return cu.accuracy(torch.cat(logits), data.test_y).item()


net = train("learned", SEEDS[0], show=True)
learned = net[0].weight.detach().float().cpu()  # (16, C, 5, 5)
torch.manual_seed(SEEDS[0])
before = make("learned")[0].weight.detach()  # the same kernels before training

# %% [markdown]
# > **Predict before you run.** Will the learned kernels look like edges?
# > <details><summary>Answer</summary>Some will, roughly. Many answer to a stroke or an
# > edge in one direction; others are hard to name. Nothing in the loss asks for
# > beauty.</details>

# %%
cu.plots.images(
    torch.cat([learned.mean(1), by_hand[:, 0]]),
    ["learned"] * 16 + ["by hand"] * 16,
    limits=None,
    columns=8,
    alt="Sixteen learned kernels of 5 × 5, many with a bright and a dark side, above "
    "sixteen edges made by hand, each turned a little further.",
)


# %%
def likeness(weights):  # the best |cosine| of each kernel with an edge made by hand
    ours = F.normalize(weights.mean(1).flatten(1), dim=1)  # (16, 25)
    known = F.normalize(by_hand.flatten(1), dim=1)  # (16, 25)
    return (ours @ known.T).abs().amax(1).mean().item()


cu.say(
    f"Likeness of a kernel to the nearest edge made by hand (1 would be equal), mean "
    f"of 16: {likeness(before):.2f} before training, {likeness(learned):.2f} after it."
)

# %% [markdown]
# ## Scoreboard
#
# What are good kernels worth? Each model is trained with several seeds. The last column
# moves every test picture by 3 pixels: does a convolution help against what ruined the
# linear classifier?

# %%
KINDS = ["no kernels", "random", "by hand", "learned", "learned, place forgotten"]
scores = {}
for kind in KINDS:
    runs = [train(kind, seed) for seed in SEEDS]
    scores[kind] = torch.tensor(
        [[test_accuracy(net, shift) for shift in (0, 3)] for net in runs]
    )  # (seeds, 2)


# %%
def percent(runs):
    return f"{runs.mean():.1%} ± {runs.std():.1%}"


def trained(kind):
    return sum(p.numel() for p in make(kind).parameters() if p.requires_grad)


# %%
ours = [
    {
        "kernels": kind,
        "trained parameters": trained(kind),
        "test accuracy": percent(runs[:, 0]),
        "moved by 3 pixels": percent(runs[:, 1]),
    }
    for kind, runs in scores.items()
]

# %%
cu.scoreboard(
    [
        {
            "kernels": "none: most frequent class",
            "trained parameters": 0,
            "test accuracy": f"{chance:.1%}",
            "moved by 3 pixels": f"{chance:.1%}",
        },
        *ours,
        {
            "kernels": "published, MNIST: linear (LeCun et al. 1998)",
            "test accuracy": "88.0%",
        },
        {
            "kernels": "published, MNIST: LeNet-1, two layers of kernels (the same)",
            "test accuracy": "98.3%",
        },
    ]
)

# %%
wrong = {kind: 1 - runs[:, 0].mean().item() for kind, runs in scores.items()}
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
on_mnist = data.source == "mnist"
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
# Read the last column with care. A convolution is equivariant: a moved digit gives
# moved maps. But the linear classifier on top reads *fixed places*, and to it a moved
# map is another map. Forget the places, and a move does no harm; but which strokes
# there are says little without where they are. Real networks go between the two: they
# shrink the maps in several steps, with a layer of kernels after each. That is lesson
# 12.
#
# The published figures are MNIST's. If the line under the data cell says that glyphs
# stand in, compare with the other rows only. The `smoke` profile trains for two steps;
# there the rows say nothing.
#
# ## Clinic
#
# ### Patients A and B: sixteen blurs
#
# Two colleagues blur a picture sixteen times in a row. The brightness should not
# change: a blur only moves light around. It does change. The healthy run is beside
# them.


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
cu.plots.lines(
    {name: (range(17), brightness) for name, (_, brightness) in runs.items()},
    xlabel="number of blurs",
    ylabel="mean brightness, first = 1",
    alt="Mean brightness against the number of blurs: the healthy run stays at 1, "
    "patient A sinks slowly, patient B rises faster and faster.",
)

# %%
cu.plots.images(
    torch.cat([image for image, _ in runs.values()]),
    list(runs),
    size=1.8,
    alt="After sixteen blurs: the healthy picture is soft, patient A's has a dark "
    "frame, patient B's is white nearly everywhere.",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Patient A</summary>Padding with zeros. Outside the picture it is
# > night, and each blur mixes some of it in. The dark frame grows by a pixel a layer.
# > In a network the same happens in every padded layer; it learns to live with it, and
# > can even tell from it where the frame is. Cure for pictures: repeat or mirror the
# > edge (`padding_mode="reflect"`), or do not pad and lose a pixel on each
# > side.</details>
#
# > <details><summary>Patient B</summary>The nine numbers add up to more than 1: someone
# > rounded 1/9 up to 0.12. Each blur multiplies the brightness by their sum, and
# > sixteen of them by its sixteenth power. Divide a kernel by its sum. In deep
# > networks the same growth, or decay, is why weights start at a well-chosen
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
# A third colleague needs small pictures fast: a convolution with stride 4, without any
# blur, keeps every fourth pixel. The test picture has rings that get finer outwards.

# %%
axis = torch.arange(96.0) - 48
radius2 = axis[:, None] ** 2 + axis[None, :] ** 2
rings = (0.5 + 0.5 * torch.cos(math.pi * radius2 / 192)).view(1, 1, 96, 96)
thumbnail = rings[..., ::4, ::4]  # (1, 1, 24, 24)
cu.plots.images(
    torch.cat([rings, F.interpolate(thumbnail, 96)]),
    ["the picture", "patient C's thumbnail"],
    size=1.3,
    alt="Left: rings around one centre that get finer outwards. Right: the thumbnail, "
    "with new rings around several centres at its edges and corners.",
)

# %% [markdown]
# > **Your diagnosis?**
# > <details><summary>Answer</summary>Aliasing. Between two pixels that are kept, the
# > fine rings turn from light to dark and back; what is kept looks like a coarse ring
# > that was never there. Blur first, with a kernel about as wide as two strides, then
# > take every fourth pixel. The next cell does. It is also why layers with a stride
# > did so badly when the camera moved.</details>

# %%
wide_blur = F.avg_pool2d(F.avg_pool2d(rings, 4, 1), 4, 1)  # a tent, 7 × 7
cured = wide_blur[..., ::4, ::4]
corners = [image[..., :6, :6].std().item() for image in (thumbnail, cured)]
cu.plots.images(
    cured,
    ["blurred first"],
    size=1.3,
    alt="Blurred first: rings in the middle, nearly even grey where they are too fine "
    "to be shown.",
)

# %%
cu.say(
    f"Contrast (standard deviation) of the corner, where the true rings are too fine "
    f"for the thumbnail: {corners[0]:.2f} for patient C, {corners[1]:.2f} when blurred "
    "first."
)

# %% [markdown]
# ## Exercises
#
# ### Exercise 11.1 · A kernel that moves
#
# Write a kernel, a tensor of 3 × 3 floats, with which
# `F.conv2d(images, kernel[None, None], padding=1)` moves a picture by one pixel *to the
# right* and changes nothing else.

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
# ### Exercise 11.3 · Edges in every direction
#
# One kernel answers to vertical edges, one to horizontal edges, both with a sign. Write
# `edge_strength(images, vertical, horizontal)` for grey pictures (B, 1, H, W) and two
# kernels (3, 3). Return how steep the picture is at each place, whatever the direction:
# with the two answers $g_x$ and $g_y$, it is $\sqrt{g_x^2 + g_y^2}$, of shape
# (B, 1, H, W).


# %% tags=["exercise"]
def edge_strength(images, vertical, horizontal):
    # BEGIN SOLUTION
    both = torch.stack([vertical, horizontal]).unsqueeze(1)  # (2, 1, 3, 3)
    slopes = torch.conv2d(images, both, padding=1)  # (B, 2, H, W)
    return slopes.square().sum(1, keepdim=True).sqrt()
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("11.3", edge_strength)

# %% [markdown]
# ### Exercise 11.4 · Two thin kernels for a square one
#
# Some kernels are a product: $w_{mn} = u_m v_n$. Blur is, and so are the two edges.
# Then one can convolve with the column $u$ and after that with the row $v$: $2k$
# multiply-adds a pixel in place of $k^2$. Write `thin(kernel)` for such a kernel
# (k, k). Return `column, row`, each (k,), with `torch.outer(column, row)` equal to the
# kernel. Kernels may have zeros anywhere, but not everywhere.


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
# Beat the row "by hand" of the scoreboard with 16 other kernels that you made yourself:
# strokes, corners, dots, other widths. Decide on a validation part cut from the
# *training* pictures, and look at the test set once, at the end. How near do you come
# to the learned ones?

# %% [markdown]
# ## Summary
#
# - A convolution lays one small kernel on every place: multiply, add up. Its sum says
#   what happens to flat regions, its signs say what it answers to.
# - Equivariance is exact inside the picture and with stride 1. Padding breaks it at the
#   border, a stride between its multiples. A blur before the stride softens that.
# - The receptive field grows by $d(k-1)$ times all strides before. Its middle counts
#   most.
# - Compared with a dense layer it saves parameters by sharing and multiply-adds by
#   looking only nearby.
# - **Use it** where neighbours belong together and a pattern means the same at every
#   place: pictures, sound, time series, text. **Do not** where columns could be
#   shuffled without loss (most tables), or where the absolute place *is* the meaning
#   (a form, an aligned face), unless you tell the net the place.
#
# **Quiz**
#
# 1. A 3 × 3 kernel has nine entries of −1 but for the middle, which is 9. What does it
#    do to a flat region?
#    <details><summary>Answer</summary>Nothing: the sum is 9 − 8 = 1. Edges it makes
#    steeper: it sharpens.</details>
# 2. How many layers of 3 × 3, stride 1, until an output sees 31 pixels in a row?
#    <details><summary>Answer</summary>15: each adds 2 to the first pixel.</details>
# 3. Which padding keeps the size for a kernel of 3 with dilation 4?
#    <details><summary>Answer</summary>4: the kernel spans 9 pixels.</details>
# 4. Doubling the side of the picture does what to the parameters and the multiply-adds
#    of a convolution?
#    <details><summary>Answer</summary>The parameters stay; the multiply-adds become
#    four times as many.</details>
# 5. "CNNs are invariant to shifts." Right?
#    <details><summary>Answer</summary>No. A convolution with stride 1 is equivariant
#    inside the picture. Invariance needs something that forgets the place, and then the
#    place is gone.</details>
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
# **Instructor.** 75 minutes: 15 to the eight kernels, 10 for the widget (let pairs set
# each other a target picture), 10 for stride, padding, dilation and the windows, 15 on
# the moving camera, 10 on receptive fields and cost, 5 while the scoreboard trains,
# 10 for the clinic. Exercises 11.3 and 11.4 as homework.
#
# Common beliefs to bring to light: that CNNs are shift-invariant (the table and the
# last column of the scoreboard); that pooling makes them so; that padding is harmless;
# that fewer parameters mean less arithmetic; that learned kernels are tidy edges. A
# question for the room: the corner of a padded picture sees zeros on two sides; what
# can a network do with that? (It can know where it is.) If short of time, skip colour,
# the matrix and exercise 11.4.
