# %% [markdown]
# # 33 · Variational autoencoder
#
# *A likelihood for pictures: the ELBO derived and checked, two gradients compared, new
# digits from noise, and two posteriors that collapse, for two different reasons.*
#
# ![Digits decoded from a square of two-number codes: neighbours look alike, and one
# digit turns into the next.](../notebooks/images/33.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 31; lesson 12 helps.
#
# After this lesson you can
#
# - derive the ELBO, code it, and check it where the likelihood is known exactly;
# - say why the reparameterised gradient is used, with the variances to prove it;
# - train a VAE, and judge it by its likelihood in nats, with an interval;
# - tell what the decoder gets wrong from what the prior gets wrong;
# - trade rate against distortion, ask for a class, and walk between pictures;
# - recognise a collapsed posterior, find its cause, and measure which cure works.

# %%
import gc
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import distributions, nn
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

DATA = "mnist"  # also "fashion-mnist", "kmnist", or the folder of your own pictures
SIDE = 28  # pixels a side that your own pictures are shrunk to
LATENT = 32  # numbers of a code
STYLE = 8  # numbers of a code beside which the class is told
WIDE, SMALL, DEEP = [512, 256], [256], [256] * 4  # units of the hidden layers
BATCH, PEAK, SHORT_PEAK = 250, 3e-3, 0.01  # the one cycle's highest rates
LONG = cu.budget(cpu=1600, gpu=40_000)  # steps of the main run and its rival
SHORT = cu.budget(cpu=400, gpu=4000)  # steps of each short run
CLINIC = cu.budget(cpu=210, gpu=4000)  # steps of patient A, of those he is held against
DRAWS = cu.budget(cpu=32, gpu=5000)  # codes for each picture, for its likelihood
SAMPLES = 3000  # pictures of each kind that are compared
LINEAR = cu.budget(cpu=1000, gpu=1000)  # steps of the linear model
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])

device = cu.start(seed=0)

# %% [markdown]
# ## Black or white
#
# Lesson 31 measured squared errors. Now we want a *probability* for each picture, so a
# pixel has to be something that has one. The usual choice: a pixel is 0 or 1. A grey
# value $g$ becomes a coin that falls on 1 with probability $g$ and is tossed **once**.
# The tossed pictures are then kept. That's called *fixed binarisation*.
#
# Such details decide the numbers. We toss with seed 0 for training and seed 1 for test
# pictures, on the CPU, so everybody who runs this gets the same pictures. The files of
# Larochelle and Murray (2011), which most papers use, are another toss of the same
# coins. And whoever tosses anew in each epoch (*dynamic* binarisation) gets better
# numbers, because that amounts to more data.


# %%
def tossed(pictures, seed):  # (N, C, H, W) in 0…1 -> (N, pixels), 0 or 1
    coins = torch.Generator().manual_seed(seed)
    greys = pictures.flatten(1).cpu()
    tossed = torch.empty_like(greys, dtype=torch.uint8)
    for grey, place in zip(greys.split(5000), tossed.split(5000), strict=True):
        place.copy_(torch.bernoulli(grey, generator=coins))
    return tossed.to(device)


# %%
named = str(DATA).lower() in cu.data.names()
data = cu.data.load(DATA) if named else cu.data.folder(DATA, size=SIDE)
SHAPE, PIXELS = data.train_x.shape[1:], data.train_x[0].numel()
SHORT_RATE = SHORT_PEAK * min(1, SIDE**2 / PIXELS)  # of colours, the KL would overflow
judge = cu.metrics.feature_net(data)  # a classifier, for later
train_x, test_x = tossed(data.train_x, seed=0), tossed(data.test_x, seed=1)
train_y, classes = data.train_y, len(data.classes)
data = data.few(min(SAMPLES, len(train_x)))  # grey pictures take much memory

# %%
average = sum(part.sum(0) for part in train_x.split(5000)) / len(train_x)  # (784,)
on_mnist = data.source == "mnist"
cu.say(
    f"{len(train_x):,} training and {len(test_x):,} test pictures; source: "
    f"{data.source}. {average.mean():.1%} of the pixels are 1."
)

# %%
cu.plots.images(
    torch.cat([data.test_x[:10].flatten(1), test_x[:10]]).view(-1, *SHAPE),
    size=1.05,
    alt="Ten test pictures, and below them the same pictures with each pixel tossed "
    "to 0 or 1: the edges are ragged.",
)

# %% [markdown]
# ## Why does a plain autoencoder not generate?
#
# An autoencoder turns a picture $x$ into a code $z$ and back. So take a random code and
# decode it: is that a new digit? Let's build one and try. The decoder gives, for each
# pixel, the *logit* $a$ of the probability of a 1.


# %%
def wired(nodes, arrows, alt, tall):  # a network as a row of boxes
    nodes |= {
        "x": (0.8, 1.0, "name", "$x$"),
        "E": (2.4, 1.0, "box", "E"),
        "D": (7.6, 1.0, "box", "D"),
        "a": (8.7, 1.0, "name", "$a$"),
        "loss": (9.8, 1.0, "name", "$\\log p$"),
        "picture": (0.8, 1.4, "label", "picture"),
        "encoder": (2.4, 1.4, "label", "encoder"),
        "decoder": (7.6, 1.4, "label", "decoder"),
        "logits": (8.7, 1.4, "label", "logits"),
    }
    ways = [("x", "E"), ("D", "a"), ("a", "loss")]
    ways += [("x", (0.8, 0.3), (9.8, 0.3), "loss"), *arrows]
    return cu.plots.diagram(nodes, ways, size=(10.5, tall), alt=alt)


# %%
wired(
    {"z": (5.0, 1.0, "name", "$z$"), "code": (5.0, 1.4, "label", "code")},
    [("E", "z"), ("z", "D")],
    "An autoencoder: a picture x goes through the encoder to a code z, and through the "
    "decoder to logits a. The loss compares these with x.",
    tall=1.7,
)

# %% [markdown]
# The loss is what is called cross-entropy. It is minus the log-probability of the
# picture, given its code:
#
# $$\log p(x \mid z) = \sum_i \big[ x_i a_i - \log(1 + e^{a_i}) \big].$$


# %%
def log_likelihood(logits, x):  # (…, B, 784), (B, 784) -> (…, B), nats of a picture
    return (logits * x - F.softplus(logits)).sum(-1)


# %%
torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(PIXELS, 256), nn.SiLU(), nn.Linear(256, LATENT))
decoder = nn.Sequential(nn.Linear(LATENT, 256), nn.SiLU(), nn.Linear(256, PIXELS))
opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], PEAK)
trainer = cu.Trainer("runs/33/plain", encoder=encoder, decoder=decoder, opt=opt)


# %%
def step(batch):
    x = batch[0].float()  # (B, 784), each 0 or 1
    z = encoder(x)  # (B, 32)
    log_p = log_likelihood(decoder(z), x).mean()
    trainer.update(opt, -log_p)
    return {"log p(x|z)": log_p}


# %%
batches = cu.Batches(train_x, min(BATCH, len(train_x)))
history = trainer.fit(step, batches, steps=SHORT)

# %% [markdown]
# > **Predict before you run.** It reconstructs well. What does it decode from a random
# > code: digits, parts of digits, or noise?
# > <details><summary>Answer</summary>Strokes and blots that are rarely a digit. No term
# > of the loss says where codes should lie, so they lie anywhere, and the decoder has
# > never been asked about the places between them. Drawing from a normal that was
# > fitted to the codes helps, though not enough to make digits.</details>


# %%
def fitted(codes):  # (N, D) -> the normal with their mean and covariance
    jitter = 1e-3 * torch.eye(codes.shape[1])  # or few codes have no normal
    return distributions.MultivariateNormal(codes.mean(0), codes.T.cov() + jitter)


# %%
with torch.no_grad():
    codes = encoder(train_x[:10_000].float()).cpu()  # (N, 32)
    torch.manual_seed(0)
    standard = torch.randn(SAMPLES, LATENT)
    kinds = [codes[:10], standard[:10], fitted(codes).sample((10,))]
    pictures = decoder(torch.cat(kinds).to(device)).sigmoid().view(-1, *SHAPE)
cu.plots.images(
    pictures,
    size=1.05,
    alt="By the plain autoencoder: reconstructions in the first row; below them "
    "decoded codes from the standard normal, and from a normal fitted to the codes.",
)

# %%
spread = codes.std(0)
cu.say(
    f"The numbers of its codes have spreads of {spread.min():.1f} to "
    f"{spread.max():.1f}. Top row: reconstructions. Middle: codes from the standard "
    "normal, whose spread is 1. Bottom: codes from a normal fitted to the real ones."
)

# %% [markdown]
# So something has to say where codes lie. It comes out by itself if we ask for the
# likelihood.
#
# ## The bound
#
# Tell a story of how pictures come about. First a code is drawn from a *prior*, $z \sim
# p(z) = \mathcal N(0, I)$. Then a picture is drawn from $p(x \mid z)$, which is the
# decoder. The probability of a picture is then
#
# $$p(x) = \int p(x \mid z)\, p(z)\, dz .$$
#
# Nobody can do this integral, and drawing codes at random is hopeless: hardly any of
# them explains the picture at hand. But an *encoder* can propose codes, from any
# density $q(z \mid x)$. Multiply and divide by it, and take the logarithm apart:
#
# $$\log p(x) = \underbrace{\mathbb E_q \Big[\log \frac{p(x, z)}{q(z \mid x)}\Big]
# }_{\text{ELBO}} + \underbrace{\mathbb E_q \Big[\log \frac{q(z \mid x)}{p(z \mid
# x)}\Big]}_{\mathrm{KL}(q \,\|\, p(z \mid x)) \;\ge\; 0} .$$
#
# Check it: $p(x, z) = p(z \mid x)\, p(x)$, so the sum of both terms is
# $\mathbb E_q[\log p(x)]$, and $p(x)$ does not depend on $z$. The second term cannot be
# negative. So the first is a lower bound, the *evidence lower bound*, and it can be
# computed. Split it once more, and an autoencoder appears:
#
# $$\text{ELBO} = \underbrace{\mathbb E_q[\log p(x \mid z)]}_{-\text{distortion}} -
# \underbrace{\mathrm{KL}(q(z \mid x) \,\|\, p(z))}_{\text{rate}} .$$
#
# The first term wants good reconstructions. The second wants codes to look like draws
# from the prior: the term that was missing.
#
# ## Is it true? A model whose likelihood is known
#
# Let everything be linear and normal: $z$ has 3 numbers, $x = Wz + b + \sigma
# \varepsilon$ has 5. Then $p(x)$ is a normal with covariance $WW^{\top} + \sigma^2 I$,
# and the posterior $p(z \mid x)$ is a normal with the precision matrix $\Lambda = I +
# W^{\top} W / \sigma^2$. Everything in the equation above can be written down.

# %%
source = torch.Generator().manual_seed(0)
W, b = (torch.randn(*size, generator=source).double() for size in ((5, 3), (5,)))
SIGMA = 0.7


def story(count):  # z, then x: (count, 5)
    z = torch.randn(count, 3, generator=source).double()
    return z @ W.T + b + SIGMA * torch.randn(count, 5, generator=source).double()


points = story(200)

# %%
eye = torch.eye(5).double()
exact = distributions.MultivariateNormal(b, W @ W.T + SIGMA**2 * eye).log_prob(points)
precision = eye[:3, :3] + W.T @ W / SIGMA**2
centre = (points - b) @ W @ precision.inverse() / SIGMA**2  # (200, 3)
posterior = distributions.MultivariateNormal(centre, precision_matrix=precision)


# %% [markdown]
# Three proposals $q$: the posterior itself, the best *diagonal* normal (with variances
# $1 / \Lambda_{ii}$; a VAE's encoder gives a diagonal one too), and the prior, which
# has not looked at $x$ at all.
#
# > **Predict before you run.** With $q$ the exact posterior, how much does
# > $\log p(x, z) - \log q(z \mid x)$ vary from draw to draw?
# > <details><summary>Answer</summary>Not at all. It is $\log p(x)$ for *every* $z$. The
# > next cell checks it.</details>


# %%
def normal(mean, variances):  # a diagonal one
    return distributions.MultivariateNormal(mean, variances.diag_embed())


def log_ratio(q, x, z):  # log p(x, z) - log q(z|x)
    expected = z @ W.to(z).T + b.to(z)
    likelihood = distributions.Normal(expected, SIGMA).log_prob(x).sum(-1)
    prior = distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    return likelihood + prior - q.log_prob(z)


# %% tags=["nbval-check-output"]
torch.manual_seed(0)
each = log_ratio(posterior, points, posterior.sample((100,)))  # (100, 200)
print("each draw gives log p(x) to 1e-9:", bool((each - exact).abs().max() < 1e-9))

# %%
proposals = {
    "posterior": posterior,
    "best diagonal": normal(centre, 1 / precision.diagonal().expand(200, 3)),
    "prior": normal(torch.zeros(200, 3).double(), torch.ones(200, 3).double()),
}
weights = {
    name: log_ratio(q, points, q.sample((2048,))) for name, q in proposals.items()
}  # each (2048, 200)

# %%
rows = []
for name, q in proposals.items():
    gap = distributions.kl_divergence(q, posterior)  # exact, (200,)
    error = weights[name].mean(1).std() / 2048**0.5
    rows.append(
        {
            "q": name,
            "ELBO, by 2,048 draws": f"{weights[name].mean():.3f} ± {error:.3f}",
            "log p(x) - KL, exact": f"{(exact - gap).mean():.3f}",
            "log p(x), exact": f"{exact.mean():.3f}",
        }
    )
cu.scoreboard(rows)

# %% [markdown]
# The second and the third column should agree: the equation above, in numbers. The
# ELBO is never above $\log p(x)$, and how far below it lies is how wrong $q$ is.
#
# Now *learn* $q$, as a VAE does: a linear encoder gives the mean, three further numbers
# give the log-variances, and all that they are told is to climb the ELBO. A diagonal
# $q$ cannot reach $\log p(x)$ here. It should stop at the second row.


# %%
class LinearEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(5, 3)
        self.log_variance = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        scale = (self.log_variance / 2).exp()
        return distributions.Independent(distributions.Normal(self.mean(x), scale), 1)


# %%
stories = cu.Batches(story(5000).float().to(device), 100)


def learned_proposal():
    torch.manual_seed(0)
    encoder = LinearEncoder()
    opt = torch.optim.Adam(encoder.parameters(), 0.03)
    rate = OneCycleLR(opt, 0.03, total_steps=LINEAR)
    trainer = cu.Trainer(encoder=encoder, opt=opt, rate=rate)

    def step(batch):
        q = encoder(batch[0])
        elbo = log_ratio(q, batch[0], q.rsample()).mean()
        trainer.update(opt, -elbo)
        rate.step()
        return {"ELBO": elbo}

    trainer.fit(step, stories, steps=LINEAR, show=False)
    with torch.no_grad():
        return encoder.cpu().double()(points)


# %%
learned = learned_proposal()
weights["learned"] = log_ratio(learned, points, learned.sample((2048,)))
below = {name: (exact.mean() - w.mean()).item() for name, w in weights.items()}
cu.say(
    f"log p(x) is {exact.mean():.3f} on average. The learned diagonal q is "
    f"{below['learned']:.3f} nats below, the best diagonal one "
    f"{below['best diagonal']:.3f}, the prior {below['prior']:.1f}."
)
cu.claim(
    "Nats by which the learned q is below the best diagonal one",
    below["learned"] - below["best diagonal"],
    at_most=0.05,
    form=".3f",
)

# %% [markdown]
# What a diagonal $q$ cannot express, no training can make up for.
#
# ### Closer, with more draws
#
# There is a better bound from the same $q$. Average $K$ ratios *before* the logarithm
# (Burda, Grosse, Salakhutdinov 2016):
#
# $$\log \hat p_K(x) = \log \frac1K \sum_{k=1}^{K} \frac{p(x, z_k)}{q(z_k \mid x)},
# \qquad z_k \sim q .$$
#
# With $K = 1$ it is the ELBO on average. With more draws its average rises, never above
# $\log p(x)$, which it reaches in the limit. This is the *importance-sampled
# likelihood*, and it will be the ruler for our digits. First we measure the ruler.

# %%
amounts = [2**i for i in range(12)]  # 1 to 2,048


def bounds(w):  # (2048, 200): its draws in groups of K
    estimate = cu.metrics.importance_likelihood
    return [estimate(w.reshape(K, -1)).mean().item() for K in amounts]


curves = {name: bounds(weights[name]) for name in ("prior", "learned")}
cu.plots.lines(
    {f"q: {name}": (amounts, found) for name, found in curves.items()},
    xlabel="draws K",
    ylabel="log p(x), nats",
    log="x",
    baselines={"exact": exact.mean().item()},
    alt="Importance-sampled likelihood against the number of draws; a line marks the "
    f"exact value, {exact.mean():.2f}. From the prior it climbs from "
    f"{curves['prior'][0]:.1f}, from the learned q it starts at "
    f"{curves['learned'][0]:.2f}.",
)

# %%
short_of = {name: exact.mean().item() - curves[name][6] for name in curves}
cu.say(
    f"With {amounts[6]} draws: {short_of['learned']:.4f} nats below the exact value "
    f"from the learned q, {short_of['prior']:.2f} from the prior. A good q is worth "
    "more than many draws."
)

# %% [markdown]
# ## Two ways to a gradient
#
# The ELBO is an average over $z \sim q$, and $q$ has the parameters that we want to
# change. How does one differentiate an average over draws that depend on the
# parameters? There are two ways. Write $r(z) = \log p(x \mid z)$, and let $q$ have mean
# $m$ and spread $s$.
#
# 1. **Score function** (REINFORCE): differentiate the density.
#    $\;\nabla_m \mathbb E_q[r] = \mathbb E_q\big[(r(z) - c)\, \nabla_m \log q(z)\big]$
#    with $\nabla_m \log q(z) = (z - m) / s^2$. Any *baseline* $c$ that does not depend
#    on this draw is allowed, since the score is 0 on average.
# 2. **Reparameterised**: differentiate the draw. With $z = m + s\,\varepsilon$ and
#    $\varepsilon \sim \mathcal N(0, I)$ the draw is a function of $m$, and
#    $\;\nabla_m \mathbb E_q[r] = \mathbb E_\varepsilon\big[\nabla_z r(z)\big]$.
#
# The first uses $r$ as a number only. So it works where $r$ has no slope, as in games
# and in language. The second needs the slope, and we have it: the decoder is a network.
#
# > **Predict before you run.** Both are right on average. How many draws of the first
# > are worth one of the second: 2, 20 or 200? And does a baseline make them equal?
# > <details><summary>Answer</summary>On this little model ten or more without a
# > baseline, fewer with one. On digits far more without a baseline, and more with one,
# > too: the tables have the numbers. A baseline helps a lot, but doesn't close the gap.
# > A number says that a draw was good; a slope says which way is better.</details>


# %%
def three_gradients(r, mean, log_variance, draws):
    """One estimate of the gradient in the mean for each draw: (draws, D) each way."""
    noise = torch.randn(draws, len(mean)).to(mean)
    scale = (log_variance / 2).exp()
    z = (mean + scale * noise).requires_grad_()
    reward = r(z)  # (draws,)
    (slope,) = torch.autograd.grad(reward.sum(), z)
    score = noise / scale  # the slope of log q in the mean
    reward = reward.detach()[:, None]
    others = (reward.sum() - reward) / (draws - 1)  # the mean of the other draws
    return {
        "score function": reward * score,
        "score function, baseline": (reward - others) * score,
        "reparameterised": slope,
    }


# %% [markdown]
# On the linear model the gradient is known: $W^{\top}(x - b - Wm) / \sigma^2$. We take
# the first point, and $q$ where a training would start: mean 0 and variance 1.


# %%
def of_first_point(z):  # r(z)
    return distributions.Normal(z @ W.T + b, SIGMA).log_prob(points[0]).sum(-1)


torch.manual_seed(0)
start = torch.zeros(2, 3).double()  # mean, log-variance
found = three_gradients(of_first_point, *start, 20_000)
truth = (points[0] - b) @ W / SIGMA**2


# %%
def in_words(values):
    return ", ".join(f"{value:.2f}" for value in values)


rows = [{"gradient": "exact", "mean of 20,000 draws": in_words(truth)}]
for name, g in found.items():
    row = {"gradient": name, "mean of 20,000 draws": in_words(g.mean(0))}
    row["standard errors"] = in_words(g.std(0) / len(g) ** 0.5)
    rows.append(row | {"variance of one draw": f"{g.var(0).sum():.4g}"})
cu.scoreboard(rows)

# %%
variance = {name: g.var(0).sum().item() for name, g in found.items()}
worst = max(
    ((g.mean(0) - truth).abs() / (g.std(0) / len(g) ** 0.5)).max().item()
    for g in found.values()
)
cu.say(
    f"The farthest of the nine means lies {worst:.1f} standard errors from the exact "
    "gradient. Draws that are worth one reparameterised draw: "
    + "; ".join(
        f"{n} {v / variance['reparameterised']:.1f}" for n, v in variance.items()
    )
    + "."
)

# %% [markdown]
# ## A VAE for digits
#
# Now put the parts together. The encoder gives two numbers for each unit of the code, a
# mean $m$ and a log-variance $\log s^2$. (A logarithm may have any sign, so nothing has
# to be clamped.) The code is drawn from outside noise, as the second way to a gradient
# wants it. Follow the gradient back from the loss: through the decoder, through the
# sum, into both $m$ and $s$. Nothing that is trained lies behind the noise.

# %%
sampler = {
    "m": (3.5, 1.4, "name", "$m$"),
    "s": (3.5, 0.6, "name", "$s$"),
    "noise": (4.7, 1.9, "name", "$\\varepsilon$"),
    "tap": (4.1, 0.6, "dot", ""),
    "times": (4.7, 0.6, "circle", "×"),
    "plus": (5.5, 1.0, "circle", "+"),
    "z": (6.5, 1.0, "name", "$z$"),
    "rate": (3.5, 2.2, "box", "KL"),
    "normal": (5.8, 1.9, "label", "drawn from $N(0, 1)$"),
}
ways = [("E", (3.0, 1.0), (3.0, 1.4), "m"), ("E", (3.0, 1.0), (3.0, 0.6), "s")]
ways += [("s", "times"), ("noise", "times"), ("times", (5.5, 0.6), "plus")]
ways += [("m", (5.5, 1.4), "plus"), ("plus", "z"), ("z", "D")]
ways += [("m", "rate"), ("tap", (4.1, 2.2), "rate")]
wired(
    sampler,
    ways,
    "A VAE: the encoder gives m and s. Noise from outside is multiplied by s and added "
    "to m, which makes the code z for the decoder. The loss has two parts: log p of "
    "the picture, and the KL, which depends on m and s alone.",
    tall=2.6,
)

# %% [markdown]
# Two cheap things help training a lot. The encoder sees pictures minus the average
# picture. And the decoder starts with the average picture as its answer: its last bias
# is that picture's logit. (`label` stays empty until we ask for a chosen digit.)


# %%
def layers(*sizes):
    found = []
    for inputs, outputs in pairwise(sizes[:-1]):
        found += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*found, nn.Linear(*sizes[-2:]))


# %%
class VAE(nn.Module):
    def __init__(self, latent=LATENT, widths=WIDE, classes=0):
        super().__init__()
        self.encoder = layers(PIXELS + classes, *widths, 2 * latent)
        self.decoder = layers(latent + classes, *widths[::-1], PIXELS)
        self.decoder[-1].bias.data = average.cpu().clamp(1e-3, 1 - 1e-3).logit()
        self.register_buffer("average", average.clone())

    def encode(self, x, *label):  # (B, 784) -> mean, log-variance: (B, latent) each
        x = 2 * (x.float() - self.average)
        return self.encoder(torch.cat([x, *label], 1)).float().chunk(2, 1)

    def decode(self, z, *label):  # (B, latent) -> logits (B, 784)
        return self.decoder(torch.cat([z, *label], -1)).float()

    def log_p(self, x, z, *label):  # log p(x | z), (B,)
        return log_likelihood(self.decode(z, *label), x)


# %%
def draw(mean, log_variance):  # z = m + s ε
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


# %% [markdown]
# The KL of a diagonal normal to the standard normal needs no draws. For one unit of the
# code,
#
# $$\mathrm{KL}\big(\mathcal N(m, s^2) \,\|\, \mathcal N(0, 1)\big) =
# \tfrac12 \big(m^2 + s^2 - 1 - \log s^2\big) .$$


# %%
def kl_to_prior(mean, log_variance):  # (B, D) nats of each unit
    return (mean**2 + log_variance.exp() - 1 - log_variance) / 2


def terms(net, x, *label):  # log p(x|z) (B,), KL (B, D)
    mean, log_variance = net.encode(x, *label)
    log_p = net.log_p(x, draw(mean, log_variance), *label)
    return log_p, kl_to_prior(mean, log_variance)


# %% [markdown]
# By hand, then by the library: PyTorch knows both terms too.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
mean, log_variance, logits = (torch.randn(7, 9).double() for _ in range(3))
x = (torch.rand(7, 9) < 0.5).double()
q = distributions.Normal(mean, (log_variance / 2).exp())
known = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0))
print(
    "KL equal to 1e-6:",
    bool((known - kl_to_prior(mean, log_variance)).abs().max() < 1e-6),
)
known = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
gap = known - log_likelihood(logits, x)
print("log p(x|z) equal to 1e-6:", bool(gap.abs().max() < 1e-6))


# %%
@torch.no_grad()
def judged(net, x, *label):
    """log p(x|z) (N,) with one draw each, KL (N, D) and means (N, D)."""
    net.eval()
    found = []
    for part in zip(*(tensor.split(500) for tensor in (x, *label)), strict=True):
        mean, log_variance = net.encode(*part)
        log_p = net.log_p(part[0], draw(mean, log_variance), *part[1:])
        found.append((log_p, kl_to_prior(mean, log_variance), mean))
    return [torch.cat(column) for column in zip(*found, strict=True)]


@torch.no_grad()
def decoded(net, z, *label):  # the probability of a 1, as pictures
    return net.decode(z.to(device), *label).sigmoid().view(-1, *SHAPE)


# %% [markdown]
# First come three baselines whose likelihood is exact. **Coins**: each pixel is a coin
# of its own, with the average picture as its odds. **Coins for each class**: one such
# picture per class, and $p(x) = \sum_y p(y)\, p(x \mid y)$. **A mixture** of 50 such
# pictures, found by expectation-maximisation: the classical model.


# %%
def mixture_log_p(odds, shares, x):  # logits (K, 784), (K,) -> log p(x, k): (B, K)
    return x.float() @ odds.T - F.softplus(odds).sum(1) + shares.log()


def odds_of(on, count):  # with one toss of each kind added
    return ((on + 1) / (count[:, None] + 2)).logit()


def counted(owners):  # a function of a batch's place -> (B, K), how much is whose
    on, count = 0.0, 0.0
    for part in range(0, len(train_x), 5000):
        x, whose = train_x[part : part + 5000], owners(slice(part, part + 5000))
        on, count = on + whose.T @ x.float(), count + whose.sum(0)
    return odds_of(on, count), (count + 1) / (count + 1).sum()


# %%
def fit_mixture(kinds, rounds):
    odds = (average + train_x[:kinds].float()).div(2).clamp(0.05, 0.95).logit()
    model = odds, torch.ones(kinds, device=device) / kinds
    for _ in range(rounds):
        previous = model

        def guess(place):  # which of the mixture made it?
            return mixture_log_p(*previous, train_x[place]).softmax(1)

        model = counted(guess)
    return model


# %%
models = {
    "coins": counted(lambda place: torch.ones_like(train_y[place, None]).float()),
    "coins for each class": counted(
        lambda place: F.one_hot(train_y[place], classes).float()
    ),
    "mixture of 50": fit_mixture(50, rounds=cu.budget(cpu=12, gpu=50)),
}
baseline = {
    name: mixture_log_p(*model, test_x).logsumexp(1).mean().item()
    for name, model in models.items()
}
cu.say("; ".join(f"{name} {value:.1f}" for name, value in baseline.items()) + " nats.")

# %% [markdown]
# Now the network. This is the longest run of the lesson. Before the step trains, it
# decodes the same ten codes at five moments, so that you can see digits come about. The
# curves are of training batches; each dot is measured on 2,000 test pictures.

# %%
torch.manual_seed(0)
net, film = VAE(), cu.Kept()
opt = torch.optim.Adam(net.parameters(), PEAK, fused=True)
rate = OneCycleLR(opt, PEAK, total_steps=LONG)
trainer = cu.Trainer("runs/33/vae", net=net, opt=opt, rate=rate, film=film)
MOMENTS = [round((LONG - 1) * share) for share in (0, 0.06, 0.1, 0.3, 1)]


# %%
def step(batch):
    if trainer.steps in MOMENTS:
        film[trainer.steps] = decoded(net, standard[:10]).detach().cpu()
    log_p, kl = terms(net, batch[0])
    elbo = (log_p - kl.sum(1)).mean()
    trainer.update(opt, -elbo)
    rate.step()
    return {"ELBO": elbo, "KL": kl.sum(1).mean()}


# %%
def evaluate():
    log_p, kl, _ = judged(net, test_x[:2000])
    return {"test ELBO": (log_p - kl.sum(1)).mean(), "test KL": kl.sum(1).mean()}


history = trainer.fit(step, batches, steps=LONG, evaluate=evaluate)

# %%
cu.plots.images(
    torch.cat(list(film.values())),
    size=1.05,
    alt="The same ten codes from the prior, decoded after "
    f"{', '.join(map(str, film))} steps, from the top. In the first row all look "
    + ("alike; strokes come first, single shapes later." if on_mnist else "alike."),
)

# %% [markdown]
# ### How good is it, in nats?
#
# Over the whole test part, with one draw of the code for each picture. The interval
# comes from drawing test pictures anew (bootstrap): it says what another test set would
# give. How much another *training* would differ, the short runs below will show.

# %% tags=["result"]
torch.manual_seed(0)
log_p, kl, means = judged(net, test_x)
elbo = (log_p - kl.sum(1)).cpu()  # (N,)
low, high = cu.metrics.bootstrap(lambda values: values.mean().item(), elbo)
cu.claim(
    "Test ELBO of the VAE, in nats",
    elbo.mean(),
    at_least=-99.5,
    when=on_mnist,
    form=".2f",
)
cu.say(
    f"That is the mean over {len(elbo):,} pictures, after {LONG:,} steps, with a 95 % "
    f"interval of {low:.2f} to {high:.2f}. The reconstruction costs "
    f"{-log_p.mean():.1f} of the nats and the code {kl.sum(1).mean():.1f}."
)

# %% [markdown]
# And the likelihood itself? Take the ruler from above: ratios $p(x, z) / q(z \mid x)$
# for many draws, averaged before the logarithm. The constants of the two normals
# cancel, and with $z = m + s\,\varepsilon$
#
# $$\log \frac{p(z)}{q(z \mid x)} = \tfrac12 \sum_j \big( \varepsilon_j^2 + \log s_j^2 -
# z_j^2 \big) .$$


# %%
@torch.no_grad()
def log_weights(net, x, draws):  # (draws, B)
    mean, log_variance = net.encode(x)
    noise = torch.randn(draws, *mean.shape).to(mean)
    z = mean + (log_variance / 2).exp() * noise  # (draws, B, D)
    ratio = (noise**2 + log_variance - z**2).sum(-1) / 2
    return net.log_p(x, z) + ratio


# %%
def likelihood(net, x, draws):  # (N,)
    found, piece = [], math.gcd(draws, 4)
    for part in x.split(500):
        pieces = (log_weights(net, part, piece) for _ in range(draws // piece))
        found.append(cu.metrics.importance_likelihood(pieces))
    return torch.cat(found)


# %%
torch.manual_seed(0)
sampled = likelihood(net, test_x, DRAWS)
gap = (sampled.mean() - elbo.mean()).item()
cu.claim(
    "Importance-sampled log-likelihood of the VAE, in nats",
    sampled.mean(),
    at_least=-96.5,
    when=on_mnist,
    form=".2f",
)
cu.say(
    f"That took {DRAWS:,} draws for each picture. The ELBO lies {gap:.2f} below it. "
    f"And why not draw from the prior? A code costs {kl.sum(1).mean():.0f} nats: about "
    f"one draw in 1e{kl.sum(1).mean() / math.log(10):.0f} would do."
)

# %%
seen = history["ELBO"][-max(1, LONG // 50) :].mean()
by_heart = seen - elbo.mean()
cu.say(
    f"Over the last steps the ELBO of training batches was {seen:.2f}, on test "
    f"pictures it is {elbo.mean():.2f}. "
    + (
        f"The difference, {by_heart:.2f} nats, is what was learned by heart; it may "
        "grow with longer training."
        if by_heart > (high - low) / 2
        else "That is within the interval: nothing shows yet that it learned by heart."
    )
)
strongest = max(baseline, key=baseline.get)
if elbo.mean() < baseline[strongest]:
    advice = "fewer" if by_heart > (high - low) / 2 else "more"
    cu.say(f"That is below the {strongest}: try {advice} steps.")

# %% [markdown]
# ## New digits?
#
# Draw codes from the prior, and decode. A fair rival is a plain autoencoder of the same
# size and with the same number of steps: the same network, which uses its mean as the
# code and pays no KL. From here on many networks are trained, so the step moves into a
# function. It has three knobs that are off for now and come back below: a weight `beta`
# on the KL, a `warm_up` of that weight over a share of the training, and `free` nats
# that each unit may have for nothing.


# %%
def vae_loss(beta=1.0, warm_up=0.0, free=0.0):
    def loss_of(net, batch, progress):
        log_p, kl = terms(net, *batch)
        weight = beta * min(1.0, progress / warm_up) if warm_up else beta
        paid = kl.mean(0).clamp_min(free).sum()
        kl, log_p = kl.sum(1).mean(), log_p.mean()
        return weight * paid - log_p, {"ELBO": log_p - kl, "KL": kl}

    return loss_of


def ae_loss(net, batch, progress):
    log_p = net.log_p(batch[0], net.encode(batch[0])[0]).mean()
    return -log_p, {"log p(x|z)": log_p}


# %%
def train(net, loss_of, steps, run=None, *, peak=PEAK, given=(), seed=0):
    opt = torch.optim.Adam(net.parameters(), peak, fused=True)
    rate = OneCycleLR(opt, peak, total_steps=steps)
    trainer = cu.Trainer(run, net=net, opt=opt, rate=rate)

    def step(batch):
        loss, seen = loss_of(net, batch, trainer.steps / steps)
        trainer.update(opt, loss)
        rate.step()
        return seen

    batches = cu.Batches([train_x, *given], min(BATCH, len(train_x)), seed)
    trainer.fit(step, batches, steps=steps, show=run is not None)
    opt.zero_grad()  # several networks are kept, and gradients take room
    gc.collect()  # as does the optimizer
    net.eval()
    return trainer.history


# %%
gc.freeze()  # what is there already stays, and later collections are quick
torch.manual_seed(0)
plain = VAE()
history = train(plain, ae_loss, LONG, "runs/33/ae")


# %%
def train_short(loss_of, seed=0, make=VAE, **options):
    torch.manual_seed(seed)
    net = make(widths=SMALL)
    train(net, loss_of, SHORT, peak=SHORT_RATE, seed=seed, **options)
    return net


short_plain = [train_short(ae_loss, seed) for seed in SEEDS]
short_vaes = [train_short(vae_loss(), seed) for seed in SEEDS]
small = short_vaes[0]

# %% [markdown]
# The codes can come from four places:
#
# - the **prior**, for which the VAE was trained;
# - **one normal**, fitted to the codes of training pictures afterwards: a cheap repair
#   of the plain autoencoder;
# - **a normal for each class**, fitted in the same way (it needs labels);
# - the codes **of test pictures**, with their noise. These are reconstructions, so
#   nothing is generated. They say how good it could get with a perfect law of codes.
#
# Two measures, both with the course's classifier, trained on the grey training
# pictures: the share of pictures of which it is **sure** (some class has 90 % or more),
# and the **Fréchet distance** of its 64 features to those of test pictures. Published
# distances use another network, and do not compare.
#
# > **Predict before you run.** Is the VAE's prior better than the plain autoencoder
# > with one fitted normal? And with one for each class?
# > <details><summary>Answer</summary>The sentence below the table compares them. When
# > we trained three seeds of each on MNIST, the prior was ahead of one normal and
# > behind ten. But nothing forbids fitting normals to the VAE's codes as
# > well.</details>


# %%
@torch.no_grad()
def codes_of(net, x, noise):  # of some pictures; without noise the means
    parts = [net.encode(part) for part in x.split(500)]
    found = [draw(*part) if noise else part[0] for part in parts]
    return torch.cat(found).cpu()


COUNT = min(SAMPLES, len(data.test_x) // 2)


def laws(net, noise):  # where the codes come from -> COUNT of them
    codes, labels = codes_of(net, train_x[:20_000], noise), train_y[:20_000].cpu()
    asked = labels[:COUNT].bincount(minlength=classes).tolist()
    own = [codes[labels == label] for label in range(classes)]
    of_classes = [
        fitted(c).sample((n,))
        for c, n in zip(own, asked, strict=True)
        if n and len(c) > 1
    ]
    return {
        "prior": standard[:COUNT],
        "one fitted normal": fitted(codes).sample((COUNT,)),
        "a normal for each class": torch.cat(of_classes),
        "of test pictures": codes_of(net, test_x[1::2][:COUNT], noise),
    }


# %%
real = judge.features(data.test_x[::2][:COUNT]).cpu()  # none of those in the codes
too_few = 4 * real.shape[1] > COUNT  # for the covariance of the features


def distance(pictures):
    return cu.metrics.frechet_distance(real, judge.features(pictures).cpu())


def scored(pictures):  # Fréchet distance, half its 95 % interval, share of sure
    features = judge.features(pictures).cpu()
    sure = (judge.logits(pictures).softmax(1).amax(1) >= 0.9).float().mean().item()
    if too_few:
        return math.nan, math.nan, sure
    measure = cu.metrics.frechet_distance
    low, high = cu.metrics.bootstrap(measure, real, features, resamples=10)
    return measure(real, features), (high - low) / 2, sure


# %%
torch.manual_seed(0)
scores, shown = {("training pictures", ""): scored(data.train_x[:COUNT])}, []
for name, which in {"plain autoencoder": plain, "VAE": net}.items():
    for law, z in laws(which, noise=which is net).items():
        pictures = decoded(which, z)
        scores[name, law] = scored(pictures)
        shown.append(pictures[torch.randperm(len(pictures))[:10]].cpu())
cu.scoreboard(
    [
        {"pictures": name, "codes": law}
        | ({} if too_few else {"Fréchet distance": f"{d:.2f} ± {half:.2f}"})
        | {"sure": f"{sure:.0%}"}
        for (name, law), (d, half, sure) in scores.items()
    ]
)

# %%
cu.plots.images(
    torch.cat(shown),
    size=0.65,
    alt="Ten pictures a row in the order of the table: the plain autoencoder with "
    "codes from the prior, one fitted normal, a normal for each class and test "
    "pictures; then the VAE with the same four.",
)


# %%
def nearer(law, other):  # the plain autoencoder with a law, the VAE with another
    d = scores["plain autoencoder", law][0], scores["VAE", other][0]
    who = "VAE" if d[1] < d[0] else "plain autoencoder"
    return f"{d[0]:.2f} against {d[1]:.2f}, the {who} is nearer"


single, tenfold = "one fitted normal", "a normal for each class"
cu.say(
    f"{COUNT} test pictures are too few for a Fréchet distance: go by the pictures."
    if too_few
    else "Plain autoencoder against VAE, at equal size and steps. One fitted normal "
    f"against the prior: {nearer(single, 'prior')}. A normal for each class against "
    f"the prior: {nearer(tenfold, 'prior')}. A normal for each class in both: "
    f"{nearer(tenfold, tenfold)}."
)
if not too_few:
    cu.claim(
        "Fréchet distance by which the VAE's prior is ahead of the plain autoencoder "
        "with one fitted normal",
        scores["plain autoencoder", single][0] - scores["VAE", "prior"][0],
        at_least=0.3,
        when=on_mnist,
        form=".2f",
    )

# %% [markdown]
# Does that hold for less? Here are smaller networks after few steps, at another rate,
# with several seeds:


# %%
def over_seeds(nets, law, noise):
    torch.manual_seed(0)
    found = [distance(decoded(one, laws(one, noise)[law])) for one in nets]
    found = torch.tensor(found)
    return f"{found.mean():.2f} ± {found.std():.2f}"


if too_few:
    cu.say("Too few test pictures to compare them by the Fréchet distance.")
else:
    cu.say(
        f"After {SHORT} steps, {len(SEEDS)} seeds: plain autoencoder with one fitted "
        f"normal {over_seeds(short_plain, 'one fitted normal', False)}, VAE with the "
        f"prior {over_seeds(short_vaes, 'prior', True)}."
    )

# %% [markdown]
# What the KL gives from the start is a known law of codes and a likelihood; the plain
# autoencoder has neither. Whether it makes a better painter is another question, and
# the answer depends on the law that you allow the other side. And a classifier can be
# sure of a blot that no one would call a digit: it has only ever seen digits, and has
# to say one. Trust the distance more, since it compares how often things happen.
#
# ### Is it the decoder, or the prior?
#
# The codes of all pictures together follow the *aggregate posterior* $q(z) = \mathbb
# E_x[q(z \mid x)]$. The rate pulls each $q(z \mid x)$ towards the prior; nobody said
# that their average *is* the prior. Two ways to find out. Compare the VAE's last row
# with its first: the same decoder, and only the law of the codes differs.
# And train a small network to tell codes of pictures from draws of the prior: half
# right, and it sees no difference.


# %%
def told_apart(one, other):  # (N, D) each -> share right, on the half held out
    x = torch.cat([one, other])
    y = torch.arange(len(x)) < len(one)
    mixed = torch.randperm(len(x))
    taught, held = mixed.chunk(2)
    guess = layers(x.shape[1], 128, 128, 1)
    opt = torch.optim.Adam(guess.parameters(), PEAK)
    for _ in range(SHORT):
        some = taught[torch.randint(len(taught), (BATCH,))]
        loss = F.soft_margin_loss(guess(x[some])[:, 0], y[some] * 2.0 - 1)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return ((guess(x[held])[:, 0] > 0) == y[held]).float().mean().item()


# %%
torch.manual_seed(0)
codes = codes_of(net, train_x[:20_000], noise=True)
apart = told_apart(codes, torch.randn_like(codes))
of_normal = told_apart(codes, fitted(codes).sample((len(codes),)))
cu.say(
    f"Codes of pictures and draws of the prior: told apart with {apart:.0%} right. "
    f"Codes and the normal fitted to them: {of_normal:.0%} right."
)
prior, ideal = scores["VAE", "prior"][0], scores["VAE", "of test pictures"][0]
if not too_few:
    cu.say(
        f"The Fréchet distance is {prior:.2f} with the prior's codes and {ideal:.2f} "
        "with those of pictures, by the same decoder. So the law of the codes makes "
        f"{1 - ideal / prior:.0%} of the distance."
    )

# %% [markdown]
# The second share comes with a warning. Near one half, it says that *this* little
# network found no difference, not that there is none: if one normal were the law of the
# codes, a normal for each class could not do better than it, and the table says what it
# does.
#
# A VAE's pictures are soft at the edges, too. What you see is the *probability* of a 1
# at each pixel; tossing it would add noise, not edges.
#
# ## The two gradients again
#
# On the trained VAE, with 32 numbers instead of 3 and the real $\log p(x \mid z)$, what
# do the two ways to a gradient cost? For each of some test pictures we take many draws,
# and add up the variance over the 32 numbers of the mean.


# %%
def variances(net, count=20, draws=1000):  # {way: (count,)}
    found = []
    for x in test_x[:count]:
        mean, log_variance = (part[0].detach() for part in net.encode(x[None]))
        ways = three_gradients(
            lambda z, x=x: net.log_p(x[None], z[:, None])[:, 0],
            mean,
            log_variance,
            draws,
        )
        found.append({name: g.var(0).sum().item() for name, g in ways.items()})
    return {name: torch.tensor([row[name] for row in found]) for name in found[0]}


# %%
torch.manual_seed(0)
untrained = VAE().to(device)
spreads = {"first weights": variances(untrained), "trained": variances(net)}
rows = []
for when, found in spreads.items():
    for name, values in found.items():
        row = {"network": when, "gradient": name, "variance of one draw": values.mean()}
        worth = (values / found["reparameterised"]).quantile(
            torch.tensor([0.25, 0.5, 0.75])
        )
        row["draws worth one reparameterised"] = f"{worth[1]:,.0f}"
        row["middle half of the pictures"] = f"{worth[0]:,.0f} to {worth[2]:,.0f}"
        rows.append(row | {"variance of one draw": f"{values.mean():.3g}"})
cu.scoreboard(rows)

# %% [markdown]
# A baseline removes the size of $r$, which says nothing about direction. What stays is
# that one number has to teach 32. That is why this lesson's networks are trained with
# the reparameterised gradient, with a single draw for each picture. Where the code is
# discrete there is no such gradient, and we are back to the first way (lesson 53).
#
# ## Rate against distortion
#
# The two terms of the ELBO pull against each other. Weigh the KL with $\beta$ (Higgins
# et al. 2017) and the balance moves: a small $\beta$ buys a detailed code, a large one
# a cheap code. Both are in nats, so they can be drawn: the *rate* is what the code
# costs, the *distortion* what the picture costs once the code is known. Their sum is
# minus the ELBO.
#
# > **Predict before you run.** Which $\beta$ gives the best ELBO: ¼, 1 or 4? And which
# > uses the most units of its code?
# > <details><summary>Answer</summary>For the ELBO it should be β = 1, the only one that
# > is trained for it. A unit has to save more than β times its rate in distortion, or
# > it is switched off, so a large β should use fewer. Whether ¼ uses more than 1
# > depends on whether 1 has left any unit off; the sentence below the table says
# > so.</details>

# %%
BETAS = [0.25, 1.0, 4.0]
by_beta = {
    beta: small if beta == 1 else train_short(vae_loss(beta=beta)) for beta in BETAS
}


# %%
def facts(net, *label):  # of the whole test part
    log_p, kl, means = judged(net, test_x, *label)
    found = {"rate": kl.sum(1).mean().item(), "distortion": -log_p.mean().item()}
    found["ELBO"] = -found["rate"] - found["distortion"]
    return found | {"active": int(cu.metrics.active_units(means).sum())}


torch.manual_seed(0)
points_of = {f"β = {beta:g}": facts(net) for beta, net in by_beta.items()}
points_of["main run, β = 1"] = facts(net)

# %%
cu.scoreboard(
    [
        {"network": name}
        | {key: f"{found[key]:.1f}" for key in ("rate", "distortion", "ELBO")}
        | {"active units": f"{found['active']} of {LATENT}"}
        for name, found in points_of.items()
    ]
)

# %%
rates = [points_of[f"β = {beta:g}"]["rate"] for beta in BETAS]
costs = [points_of[f"β = {beta:g}"]["distortion"] for beta in BETAS]
total = -max(points_of[f"β = {beta:g}"]["ELBO"] for beta in BETAS)
line = torch.linspace(min(rates), max(rates), 2)
main = points_of["main run, β = 1"]
cu.plots.lines(
    {
        "short runs, β = ¼ … 4": (rates, costs),
        "main run": ([main["rate"]], [main["distortion"]]),
        f"rate + distortion = {total:.0f}": (line, total - line),
    },
    xlabel="rate: nats for the code",
    ylabel="distortion: nats for the picture",
    size=(7.5, 3.6),
    alt="Distortion against rate for three values of β, with the straight line of the "
    "best sum among them, and the main run as one point.",
)

# %%
elbos = torch.tensor([facts(one)["ELBO"] for one in short_vaes])
best_beta = max(BETAS, key=lambda beta: points_of[f"β = {beta:g}"]["ELBO"])
active = {f"{beta:g}": points_of[f"β = {beta:g}"]["active"] for beta in BETAS}
most = [beta for beta, count in active.items() if count == max(active.values())]
cu.say(
    f"The best ELBO among the three has β = {best_beta:g}. The most active units, "
    f"{max(active.values())} of {LATENT}, "
    + (
        f"has β = {most[0]}."
        if len(most) == 1
        else f"is a tie of β = {', '.join(most)}."
    )
    + f" Is any of this luck? At β = 1, {len(SEEDS)} seeds have {elbos.mean():.2f} ± "
    f"{elbos.std():.2f} nats."
)

# %% [markdown]
# A unit counts as *active* if its mean varies from picture to picture, by a variance of
# more than 0.01 (Burda, Grosse, Salakhutdinov 2016). The other units do as the prior
# does: they cost nothing and say nothing. That's no fault. It may become one if nearly
# *all* of them do; see the clinic.

# %% [markdown]
# ## A chosen digit
#
# Tell both networks the class, as ten more inputs of which one is 1: a *conditional*
# VAE (Sohn, Lee, Yan 2015). Every equation stays, with "given $y$" in each place. The
# code no longer has to say which digit it is, only how it is written. Eight numbers are
# enough for that.


# %%
def one_hot(labels):
    return F.one_hot(labels, classes).float()


def told_class(widths):
    return VAE(STYLE, widths, classes)


def not_told(widths):
    return VAE(STYLE, widths)


labels = {"given": [one_hot(train_y)]}
chooser = train_short(vae_loss(), make=told_class, **labels)
unasked = train_short(vae_loss(), make=not_told)

# %%
torch.manual_seed(0)
style = torch.randn(6, 1, STYLE).expand(6, classes, STYLE)
asked = torch.arange(classes, device=device).repeat(6)
cu.plots.images(
    decoded(chooser, style.flatten(0, 1), one_hot(asked)),
    columns=classes,
    size=10.5 / max(10, classes),
    alt="Six rows of generated pictures; the classes from left to right as asked "
    "for. Within a row the code is the same.",
)

# %% [markdown]
# In a row the code is the same: look for the slant and the stroke that a row shares. Is
# it the digit that was asked for? The classifier decides. Its own mistakes on real
# pictures are the ceiling.

# %%
torch.manual_seed(0)
asked = torch.randint(classes, (2000,)).to(device)
made = decoded(chooser, torch.randn(2000, STYLE), one_hot(asked))
read = cu.accuracy(judge.logits(made), asked).item()
given, plain_elbo = facts(chooser, one_hot(data.test_y)), facts(unasked)["ELBO"]
cu.claim(
    "Generated pictures that the classifier reads as the class asked for",
    read,
    at_least=0.6,
    when=on_mnist,
    form=".1%",
)
cu.say(
    f"Chance is {1 / classes:.0%}; of real test pictures it reads {judge.accuracy:.1%} "
    f"right. Given the class, the test ELBO is {given['ELBO']:.1f}; the same network "
    f"that is not told it has {plain_elbo:.1f}. Saying the class would cost log "
    f"{classes} = {math.log(classes):.1f} nats."
)

# %% [markdown]
# Compare the gain with that last number. If it is smaller, a VAE that has to find the
# class itself says it more cheaply than a label would. If it is larger, the label is
# worth more than it costs: a code of only eight numbers may have no room left.
#
# ## A map of all digits
#
# With only two numbers in the code, everything can be seen. Each test picture has a
# place, the mean of its $q$. And each place has a picture.

# %%
torch.manual_seed(0)
flat = VAE(latent=2)
train(flat, vae_loss(), SHORT)
torch.manual_seed(0)
log_p, kl, places = judged(flat, test_x)
cu.say(
    f"With two numbers the test ELBO is {(log_p - kl.sum(1)).mean():.1f} nats, with "
    f"{LATENT} it was {elbo.mean():.1f}."
)


# %%
MARKS = "osD^vP*Xhp"  # with seven colours: 70 classes that differ


def chart(places, labels, alt):
    plot = cu.plots.Plot(10.5, 5.2, alt)
    axes = plot.subplots()
    for label, name in enumerate(data.classes):
        x, y = places[labels == label].cpu().T
        style = {"color": cu.plots.COLOURS[label % 7], "marker": MARKS[label % 10]}
        axes.scatter(x, y, s=22, alpha=0.8, lw=0, label=name, **style)
    axes.set(xlabel="first number of the code", ylabel="second number")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return plot


# %%
chart(
    places[:800],
    data.test_y[:800],
    f"Map of {len(places[:800]):,} test pictures by their two-number codes, with a "
    "colour and a mark for each class.",
)

# %%
near = torch.cdist(places, places[:1000]).topk(6, 0, largest=False).indices  # (6, …)
votes = data.test_y[near[1:]].mode(0).values  # the picture itself left out
right = (votes == data.test_y[:1000]).float().mean().item()
cu.say(
    f"Classes by the five nearest other places on the map: {right:.0%} right. No label "
    f"was used in training; guessing would give {1 / classes:.0%}."
)

# %% [markdown]
# The other way round: a square of codes, decoded. The codes are the quantiles of the
# prior, so that each picture stands for an equal share of it.

# %% tags=["cover"]
ROWS = 14
ticks = torch.special.ndtri((torch.arange(ROWS) + 0.5) / ROWS)  # of the standard normal
square = torch.cartesian_prod(ticks.flip(0), ticks).flip(1).to(device)  # row by row
tiles = decoded(flat, square).view(ROWS, ROWS, *SHAPE)  # (14, 14, C, H, W)
sheet = tiles.permute(2, 0, 3, 1, 4).reshape(1, SHAPE[0], ROWS * SHAPE[1], -1)
cu.plots.images(
    sheet,
    size=5.0,
    alt=f"A square of {ROWS} by {ROWS} decoded codes of two numbers: neighbours look "
    "alike, and one class turns into the next.",
)

# %% [markdown]
# Move over the map yourself. Where does one digit turn into another, and what does the
# classifier think there? Then leave what the prior offers, beyond 3. What is there?


# %%
def look(first, second):
    z = torch.tensor([[first, second]], device=device)
    picture = decoded(flat, z)
    chances = judge.logits(picture).softmax(1)[0]
    best = chances.argmax().item()
    return cu.plots.prediction(
        picture[0],
        chances,
        data.classes,
        alt=f"The code ({first:.1f}, {second:.1f}) decoded: the classifier reads "
        f"{data.classes[best]}, with {chances[best]:.0%}.",
    )


# %%
cu.widgets.explore(look, first=(-4.0, 4.0, 0.1, 0.0), second=(-4.0, 4.0, 0.1, 0.0))

# %% [markdown]
# ## Between two pictures
#
# Let's go from one picture to another in three ways: mix the pixels; mix the codes of
# the plain autoencoder; mix the codes of the VAE, which has the same size and as many
# steps behind it.
#
# > **Predict before you run.** For which of the three is the classifier surest half
# > way?
# > <details><summary>Answer</summary>The sentence below the picture has the numbers.
# > Mixed pixels are a double exposure. A mixed code is decoded to something that the
# > decoder has learned to draw, though it need not be a digit.</details>


# %%
@torch.no_grad()
def code(net, rows):
    return net.encode(test_x[rows])[0]


def between(a, b, step):  # rows of the test part -> {way: pictures}
    mix = {"pixels": (1 - step) * data.test_x[a] + step * data.test_x[b]}
    for name, which in [("plain autoencoder", plain), ("VAE", net)]:
        mix[name] = decoded(which, (1 - step) * code(which, a) + step * code(which, b))
    return mix


# %%
ends = (7, 2) if classes > 7 else (0, 1)
first, second = ((data.test_y == label).nonzero()[0] for label in ends)  # (1,) each
walk = [between(first, second, s / 10) for s in range(11)]
cu.plots.images(
    torch.cat([step[name] for name in walk[0] for step in walk]),
    [f"{s / 10:.1f}" for s in range(11)] * 3,
    columns=11,
    size=0.8,
    alt="From one test picture to another in eleven steps: by pixels, where one fades "
    "into the other, by the plain autoencoder's code, and by the VAE's.",
)


# %%
def sure_of(pictures):
    chances = judge.logits(pictures).softmax(1).amax(1)
    return f"{(chances >= 0.9).float().mean().item():.0%}"


rows = torch.arange(len(test_x) // 2 * 2, device=device).view(2, -1)
pairs = rows[:, data.test_y[rows[0]] != data.test_y[rows[1]]][:, :1000]
start, middle = between(*pairs, 0.0), between(*pairs, 0.5)
cu.scoreboard(
    [
        {f"{pairs.shape[1]:,} pairs, mixed by": name, "sure at the start": sure_of(x)}
        | {"sure half way": sure_of(middle[name])}
        for name, x in start.items()
    ]
)

# %% [markdown]
# ## Scoreboard
#
# Without its binarisation a published figure says nothing. Those of the repository
# `altosaar/variational-autoencoder`, and -88.71 of Burda, Grosse and
# Salakhutdinov (their appendix D), are on Larochelle's fixed pictures: the same coins
# as ours, tossed another time. Their -86.76 (table 1) is with the coins tossed anew in
# training, which is easier.

# %%
source = "(altosaar, 30 K steps)"
burda = "(Burda et al. 2016, 5,000 draws)"
published = [
    (f"published, Larochelle's toss: VAE {source}", "-106.64", "-100.31"),
    ("published, same: longest run, 65 K steps", "", "-97.10"),
    (f"published, Larochelle's toss: VAE {burda}", "", "-88.71"),
    (f"published, tosses renewed: VAE {burda}", "", "-86.76"),
]
ours = [(name, "exact", f"{value:.2f}") for name, value in baseline.items()]
seeds = f"{elbos.mean():.2f} ± {elbos.std():.2f}"
ours += [(f"small VAE, {SHORT:,} steps, {len(SEEDS)} seeds", seeds, "")]
interval = f"{elbo.mean():.2f} ({low:.2f} to {high:.2f})"
ours += [(f"VAE, {LONG:,} steps", interval, f"{sampled.mean():.2f}")]
columns = ("model", "test ELBO, nats", "log p(x), nats")
rows = ours + (published if on_mnist else [])  # they are about MNIST
cu.scoreboard([dict(zip(columns, row, strict=True)) for row in rows])

# %% [markdown]
# ## Clinic
#
# ### Patient A: everything stronger
#
# A colleague makes everything stronger. Four hidden layers on both sides. And since
# pixels are not independent once the code is known (after three white pixels in a row
# the next is white), each pixel's logit also sees, through one matrix, all pixels
# *before* it, row by row. That's a proper likelihood still: a product of the
# probabilities of each pixel given the earlier ones. "Look at the ELBO: it rises, and
# it has settled. A good VAE."


# %%
class SeesBefore(VAE):
    def __init__(self, widths):
        super().__init__(widths=widths)
        self.before = nn.Parameter(torch.zeros(PIXELS, PIXELS))

    def log_p(self, x, z):
        seen = x.float() - self.average
        earlier = F.linear(seen, self.before.tril(-1))  # no pixel sees itself
        return log_likelihood(self.decode(z) + earlier.float(), x)


# %%
@torch.no_grad()
def swapped(net):  # nats of log p(x|z) that it costs to have another picture's code
    costs = []
    for part in test_x[:2000].split(500):
        z = draw(*net.encode(part))
        costs.append(net.log_p(part, z) - net.log_p(part, z.roll(1, 0)))
    return torch.cat(costs).mean().item()


def look_at(nets):  # one for each seed -> {what: (seeds,)}
    torch.manual_seed(0)
    rows = [facts(net) | {"swapped": swapped(net)} for net in nets]
    return {key: torch.tensor([float(row[key]) for row in rows]) for key in rows[0]}


# %%
def treated(make=VAE, widths=DEEP, **knobs):  # trained with each seed, and looked at
    found = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        found.append(make(widths=widths))
        train(found[-1], vae_loss(**knobs), CLINIC, seed=seed)
    return look_at(found)


# %%
patients = {"small": treated(widths=SMALL), "patient A": treated(SeesBefore)}


# %%
def findings(names):
    def told(values, form):
        spread = f" ± {values.std():{form}}" if len(values) > 1 else ""
        return f"{values.mean():{form}}{spread}"

    rows = []
    for name in names:
        found, row = patients[name], {"network": name}
        row["test ELBO"] = told(found["ELBO"], ".1f")
        row["rate"] = told(found["rate"], ".1f")
        counts = [str(int(count)) for count in found["active"]]
        row[f"active units of {LATENT}"] = ", ".join(counts)
        rows.append(row | {"cost of a swapped code": told(found["swapped"], ".0f")})
    cu.scoreboard(rows)


findings(["small", "patient A"])

# %% [markdown]
# > **Your diagnosis?** The rate has gone down, and most units are off. Many articles
# > would call this *posterior collapse*, and name the cause at once: a decoder that
# > sees the earlier pixels needs no code. Do you agree? What would you measure?
# > <details><summary>Answer</summary>Two things were changed at once, so neither can be
# > blamed yet. Change one at a time: depth with and without the earlier pixels. And
# > "the code says nothing" would be wrong here: giving each picture another one's code
# > still costs many nats. The few units that are on are used.</details>
#
# So here is the whole 2 × 2, at one learning rate (the main run's), with the same steps
# and the same seeds.

# %%
patients["small, earlier pixels"] = treated(SeesBefore, SMALL)
patients["deep"] = treated()
patients["deep, earlier pixels"] = patients["patient A"]
square = ["small", "small, earlier pixels", "deep", "deep, earlier pixels"]
findings(square)


# %%
def mean_of(name, key="rate"):
    return patients[name][key].mean().item()


by_depth = mean_of("small") - mean_of("deep")
by_pixels = mean_of("small") - mean_of("small, earlier pixels")
cause = "depth" if by_depth > by_pixels else "the sight of earlier pixels"
of_seeds = max(patients[name]["rate"].std().item() for name in square)
if not abs(by_depth - by_pixels) > 2 * of_seeds:
    cause = "not known, within the spread of the seeds"
elif max(by_depth, by_pixels) <= 0:
    cause = "none, since neither lowers it here"
cu.claim(
    "Nats of rate that depth takes away beyond what the earlier pixels do",
    by_depth - by_pixels,
    at_least=5.0,
    when=on_mnist,
    form=".1f",
)
cu.say(
    f"Depth alone takes {by_depth:.1f} nats off the rate, the earlier pixels alone "
    f"{by_pixels:.1f}: the larger part is {cause}. The best ELBO of the four has "
    f"'{max(square, key=lambda name: mean_of(name, 'ELBO'))}'."
)

# %% [markdown]
# A lower rate is no illness by itself: a decoder that sees earlier pixels *should*
# leave less to the code. But look at depth alone in the table: on MNIST it costs rate
# *and* ELBO. (Not only at the start: in trials with 2,800 steps and one seed, the deep
# network ended with a rate of 10 nats and an ELBO of -122.) Why? Three suspects, and a
# cure for each:
#
# - the KL has to be paid before the code is of use. **Warm-up** lets its weight rise
#   from 0 to 1 over the first 80 % of the steps (Bowman et al. 2016);
# - a unit that says a little costs more than it brings. With **free nats** the KL of
#   each unit counts only above a quarter of a nat (Kingma et al. 2016);
# - four layers of small weights hardly let the code through. **Shortcuts** carry it
#   past each hidden layer: $h + f(h)$ in place of $f(h)$ (He et al. 2016).
#
# The third can be checked before any training. How much do the logits of a new decoder
# differ from code to code?


# %%
class Shortcut(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, h):
        return h + F.silu(self.layer(h))


class WithShortcuts(VAE):  # the same layers, with a way around each hidden one
    def __init__(self, widths):
        super().__init__(widths=widths)
        for stack in (self.encoder, self.decoder):
            for place in range(2, len(stack) - 1, 2):
                stack[place] = Shortcut(stack[place])
                stack[place + 1] = nn.Identity()


# %%
@torch.no_grad()
def let_through(make, widths):  # spread of a new decoder's logits over codes
    torch.manual_seed(0)
    return make(widths=widths).decode(standard[:1000]).std(0).mean().item()


cu.say(
    f"Spread of the logits before training: small {let_through(VAE, SMALL):.3f}, deep "
    f"{let_through(VAE, DEEP):.3f}, deep with shortcuts "
    f"{let_through(WithShortcuts, DEEP):.3f}."
)

# %% [markdown]
# > **Predict before you run.** Which of the three cures brings units back, and which
# > brings back the ELBO?
# > <details><summary>Answer</summary>The sentence below the table says what this run
# > found. Beware of free nats: a unit that is held at its quarter of a nat counts as
# > active, and need not help.</details>

# %%
patients["deep, warm-up"] = treated(warm_up=0.8)
patients["deep, free nats"] = treated(free=0.25)
patients["deep, shortcuts"] = treated(WithShortcuts)
cures = ["deep", "deep, warm-up", "deep, free nats", "deep, shortcuts"]
findings(["small", *cures])


# %%
class Cured(WithShortcuts, SeesBefore):
    """Patient A with shortcuts."""


patients["patient A, shortcuts"] = treated(Cured)
findings(["patient A", "patient A, shortcuts", "small, earlier pixels"])

# %%
gains = {name: mean_of(name, "ELBO") - mean_of("deep", "ELBO") for name in cures[1:]}
told = [f"{name.split(', ')[1]} {gain:+.1f}" for name, gain in gains.items()]
against = mean_of("deep, shortcuts", "ELBO") - mean_of("small", "ELBO")
cu.claim(
    "Nats of ELBO that shortcuts give the deep network",
    gains["deep, shortcuts"],
    at_least=15.0,
    when=on_mnist,
    form=".1f",
)
cu.say(
    f"Test ELBO against the deep network as it was, {len(SEEDS)} seeds: "
    f"{', '.join(told)} nats. Against the small network, the deep one with shortcuts "
    f"is {abs(against):.1f} nats {'better' if against > 0 else 'worse'}."
)

# %% [markdown]
# So look at what a cure acts on. Warm-up and free nats change the *price* of the code.
# Shortcuts leave the price alone and change how well the code gets through. If that is
# what helps, then price was not the main trouble, whatever the name of the symptom.
#
# Was it the learning rate, or too few steps? With a rate of 0.01 and 400 steps, three
# seeds each on MNIST, the deep network reached -137 nats and the one with shortcuts
# -103.5; with warm-up, one of three diverged.

# %% [markdown]
# ### Patient B: the loss from the library
#
# Another colleague writes the loss in one line. It falls a little, then stays flat.
# "Converged."


# %%
def one_line(net, batch, progress):
    x, (mean, log_variance) = batch[0].float(), net.encode(batch[0])
    logits = net.decode(draw(mean, log_variance))
    kl = kl_to_prior(mean, log_variance).sum(1).mean()
    loss = F.binary_cross_entropy_with_logits(logits, x) + kl
    return loss, {"loss": loss}


torch.manual_seed(0)
patient_B = VAE(widths=SMALL)
run = train(patient_B, one_line, SHORT, peak=SHORT_RATE)

# %%
coins = -baseline["coins"] / PIXELS
cu.plots.lines(
    {
        "patient B": (run.steps("loss"), run["loss"]),
        "coins, nats per pixel": ([1, SHORT], [coins, coins]),
    },
    xlabel="step",
    ylabel="loss",
    size=(9.5, 3.0),
    alt="Loss of patient B in training; at the end it is "
    f"{run['loss'][-max(1, SHORT // 20) :].mean():.3f}. A line marks what coins have.",
)

# %% [markdown]
# > **Your diagnosis?** How large is the loss of independent coins, and in which unit?
# > <details><summary>Answer</summary>The library's cross-entropy is the *mean* over
# > pixels, the KL is the sum over units. Times the number of pixels, 784 on MNIST, this
# > is our loss with β = 784. No code is worth so much: each picture gets the same one,
# > and the decoder answers with the average picture, whatever you draw. Sum over the
# > pixels.</details>
#
# Warm-up and free nats are what is often recommended against a collapse. Do they help
# here? With the weight as it is, and with the sum:

# %%
patients["patient B"] = look_at([patient_B])
for name, knob in {"warm-up": {"warm_up": 0.8}, "free nats": {"free": 0.25}}.items():
    cured = train_short(vae_loss(beta=PIXELS, **knob))
    patients[f"B, {name}"] = look_at([cured])
patients["B, with the sum"] = look_at([small])
findings(["patient B", "B, warm-up", "B, free nats", "B, with the sum"])

# %% [markdown]
# Two patients with one symptom and two illnesses. The loss of A is right, and its
# network makes the way to the optimum hard. The loss of B *wants* the collapse, and no
# schedule that ends at that loss can cure it. So when a rate is low, ask in this order:
# what does the loss want, does the code get through, and only then, is there a
# schedule?

# %% [markdown]
# ## Exercises
#
# Stuck? Try `cu.hint("33.1")`, and `cu.hint("33.1", 2)` for a stronger hint.
#
# ### Exercise 33.1 · Many draws at once
#
# Write `reparameterised(mean, log_variance, noise)`. `mean` and `log_variance` are (B,
# D), the encoder's; `noise` is (K, B, D), standard normal. Return K draws of the code
# of each picture, a tensor (K, B, D), made of this noise. Gradients have to flow to
# both.


# %% tags=["exercise"]
def reparameterised(mean, log_variance, noise):
    # BEGIN SOLUTION
    return mean + (log_variance / 2).exp() * noise
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("33.1", reparameterised)

# %% [markdown]
# ### Exercise 33.2 · A prior with parameters
#
# The prior need not be the standard normal. Write `kl(mean, log_variance, prior_mean,
# prior_log_variance)`: the KL divergence of the diagonal normal $q$ from the diagonal
# normal prior, $\mathrm{KL}(q \,\|\, p)$, in nats, summed over the units of the code.
# All four are (B, D); the result is (B,). For one unit
#
# $$\mathrm{KL} = \tfrac12 \Big( \log \frac{s_p^2}{s_q^2} + \frac{s_q^2 + (m_q -
# m_p)^2}{s_p^2} - 1 \Big).$$


# %% tags=["exercise"]
def kl(mean, log_variance, prior_mean, prior_log_variance):
    # BEGIN SOLUTION
    log_ratio = prior_log_variance - log_variance
    spread = log_variance.exp() + (mean - prior_mean) ** 2
    return 0.5 * (log_ratio + spread / prior_log_variance.exp() - 1).sum(1)
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("33.2", kl)

# %% [markdown]
# ### Exercise 33.3 · Repair a loss
#
# The lines below are of the kind that you find in many articles. The network trains,
# and digits come out. *Three* things are wrong all the same. Two are there from the
# first batch on; the third shows only once the decoder is very sure of a pixel, and
# wrong.
#
# ```
# def loss_of(x, encoder, decoder, noise):
#     mean, log_variance = encoder(x).chunk(2, 1)
#     z = mean + log_variance.exp() * noise
#     reconstruction = decoder(z).sigmoid()
#     picture = F.binary_cross_entropy(reconstruction, x)
#     code = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
#     return picture + code.mean()
# ```
#
# Repair it. `x` is (B, P), 0 or 1, as floats; the encoder's outputs are (B, 2D), the
# decoder's are logits (B, P); `noise` is (B, D), standard normal. Return minus the ELBO
# in nats, the mean over the pictures. It must stay finite and right for logits of ±300.

# %% tags=["exercise"]
import torch.nn.functional as F


def loss_of(x, encoder, decoder, noise):
    # BEGIN SOLUTION
    mean, log_variance = encoder(x).chunk(2, 1)
    z = mean + (log_variance / 2).exp() * noise
    logits = decoder(z)
    picture = (F.softplus(logits) - x * logits).sum(1)
    code = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
    return (picture + code).mean()
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("33.3", loss_of)

# %% [markdown]
# ### Exercise 33.4 · The tighter bound
#
# Write `importance_bound(log_weights)`: from the logarithms $\log w_k(x)$ of the ratios
# $p(x, z_k) / q(z_k \mid x)$, (K, B), the importance-sampled log-likelihood of each
# picture, (B,). On digits the logarithms are near -100, on larger pictures near -5,000:
# it must work there too.

# %% tags=["exercise"]
import math


def importance_bound(log_weights):
    # BEGIN SOLUTION
    return log_weights.logsumexp(0) - math.log(len(log_weights))
    # END SOLUTION


# %% tags=["nbval-check-output"]
cu.check("33.4", importance_bound)

# %% [markdown]
# How tight is the ELBO for single digits? Compare both on the first five test pictures:
# `log_weights(net, test_x[:5], 1000)` has what you need.

# %% tags=["solution"]
torch.manual_seed(0)
w = log_weights(net, test_x[:5], 1000).cpu()
for number, (one, many) in enumerate(zip(w.mean(0), importance_bound(w), strict=True)):
    print(f"picture {number}: ELBO {one:.1f}, with 1,000 draws {many:.1f} nats")

# %% [markdown]
# ### Open challenge
#
# Get two nats more out of the same minutes. Ideas that are known to help: train on the
# bound of exercise 33.4 with a few draws; a prior that is learned (exercise 33.2), such
# as a mixture; convolutions; dropout in the encoder, since part of what is learned by
# heart is learned there. Decide on pictures cut from the training part, look at the
# test part once, and keep the pictures as they were tossed.

# %% [markdown]
# ## Summary
#
# - A VAE is a density: $\log p(x) = \text{ELBO} + \mathrm{KL}(q \,\|\, p(z \mid x))$.
#   The ELBO can be trained; the importance-sampled likelihood says how far below it is.
# - Its number means something only together with the data's binarisation.
# - The reparameterised gradient uses the decoder's slope. The score function needs only
#   a number, and pays for it with many times the draws.
# - The rate pulls codes towards the prior, so that draws from the prior decode to
#   something. It doesn't make the law of all codes the prior, and much of what is wrong
#   with the samples is that difference. A law fitted to the codes is a serious rival,
#   for a plain autoencoder too.
# - A low rate is a symptom. Ask what the loss wants and whether the code gets through
#   the network before you turn to schedules, and change one thing at a time.
# - Use a VAE when you need a density, a code *and* samples: to generate under a
#   condition, to fill in what is missing, to say how likely a picture is. Do not use it
#   for the sharpest samples (lesson 42), and not with a decoder that does not need it.
#   For compression or features alone lesson 31's autoencoder may do.
#
# **Quiz**
#
# 1. The ELBO of a picture is -95, its likelihood is -91. What is
#    $\mathrm{KL}(q \,\|\, p(z \mid x))$?
#    <details><summary>Answer</summary>4 nats. The two terms add up to log p(x).
#    </details>
# 2. A unit's $q$ is $\mathcal N(0, 1)$ for every picture. What does it cost, and what
#    does it say?
#    <details><summary>Answer</summary>Nothing, and nothing.</details>
# 3. One model has -88 nats, another -92. Is the first better?
#    <details><summary>Answer</summary>Only if both were measured on the same pictures:
#    the same toss, the same test part. And find out whether both are bounds, or both
#    estimates of log p(x).</details>
# 4. Why can the importance-sampled likelihood not be too high on average?
#    <details><summary>Answer</summary>The mean of the ratios is right on average, and
#    the logarithm of a mean that fluctuates is on average below the logarithm of its
#    mean (Jensen's inequality).</details>
# 5. When would you use the score-function gradient all the same?
#    <details><summary>Answer</summary>When the draw is discrete, or the reward has no
#    slope: a word, a move in a game. Then with a baseline.</details>
#
# **Further reading.** D. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR
# 2014, and D. Rezende, S. Mohamed, D. Wierstra, *Stochastic backpropagation and
# approximate inference in deep generative models*, ICML 2014: the VAE. R. Williams,
# *Simple statistical gradient-following algorithms for connectionist reinforcement
# learning*, Machine Learning 8 (1992): REINFORCE and baselines. H. Larochelle, I.
# Murray, *The neural autoregressive distribution estimator*, AISTATS 2011: the fixed
# pictures. S. Bowman et al., *Generating sentences from a continuous space*, CoNLL
# 2016: collapse and warm-up. K. He et al.,
# *Deep residual learning for image recognition*, CVPR 2016: shortcuts. P. Ghosh et
# al., *From variational to deterministic autoencoders*, ICLR 2020: laws fitted to codes
# afterwards. Y. Burda, R. Grosse, R. Salakhutdinov,
# *Importance weighted autoencoders*, ICLR 2016: the tighter bound and active units. D.
# Kingma et al., *Improved variational inference with inverse autoregressive flow*,
# NeurIPS 2016: free bits. I. Higgins et al., *β-VAE*, ICLR 2017. A. Alemi et al.,
# *Fixing a broken ELBO*, ICML 2018: rate and distortion. K. Sohn, H. Lee, X. Yan,
# *Learning structured output representation using deep conditional generative models*,
# NeurIPS 2015. B. Frey, G. Hinton, P. Dayan, *Does the wake-sleep algorithm produce
# good density estimators?*, NeurIPS 1995: pixels that see the earlier ones, without a
# code.

# %% [markdown] tags=["instructor"]
# **Instructor.** 90 minutes: 5 for the toss, 10 for the plain autoencoder's random
# codes, 20 for the bound (on the board; let the room find the equation from $p(x, z) =
# p(z \mid x)\, p(x)$) and its check, 15 for the two gradients, 15 while the main run
# trains (collect guesses of its nats beside the three baselines), 10 for rate and
# distortion, 10 for the map, the widget and the walk, 15 for the clinic and exercises.
# In the clinic, let the room commit to a cause of patient A before anyone sees the 2 ×
# 2.
#
# Common beliefs: that the KL term is a regulariser someone chose (it falls out of the
# likelihood); that a strong decoder is what switches a code off (the 2 × 2); that the
# prior is the law of the codes (the table of samples); that units that are off are
# always a fault (the table of β); that nats from two papers compare (the toss); that
# REINFORCE is biased (the table: it is noisy). Question for the room: what would a
# decoder do that could already draw every picture perfectly without a code? If short of
# time, skip the mixture, the chosen digit and exercise 33.2.
