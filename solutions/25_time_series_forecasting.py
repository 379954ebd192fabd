# %% [markdown]
# # 25 · Time-series forecasting
#
# *From "tomorrow will be like today" to recurrent networks, judged at every moment of
# a held-out stretch of time; and intervals that say how far off a forecast may be.*
#
# ![A held-out stretch of a series, and a forecast with its 80 % interval, drawn by this
# lesson.](../notebooks/images/25.png)
#
# **Time:** {{minutes}}. **Needs:** lesson 22. No other lesson is needed.
#
# After this lesson you can
#
# - forecast with persistence, a seasonal repeat, autoregression, exponential smoothing,
#   SARIMA, a linear layer, an LSTM and a temporal convolution, and say which wins;
# - judge forecasts by rolling origins, with MASE and skill beside the squared error;
# - repeat a published protocol, and find out where its figures can be flattered;
# - put intervals round a forecast, check how often they hold, and compare their widths;
# - find three leaks, and say how much each is worth.

# %%
import math
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing
from statsmodels.tsa.statespace.sarimax import SARIMAX
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import course_utils as cu

# %%
SERIES = "sunspots"  # or the path of a CSV of your own, of 250 rows or more
COLUMN = None  # which column of your CSV; None takes the first
PAST, AHEAD, SEASON = 33, 11, 11  # rows: what a model reads, how far it looks, a cycle
SEEDS = cu.budget(cpu=[0, 1, 2], gpu=[0, 1, 2, 3, 4])
RATES = cu.budget(cpu=[1e-3, 3e-3, 1e-2], gpu=[3e-4, 1e-3, 3e-3, 1e-2])
STEPS = cu.budget(cpu=500, gpu=2000)  # of a network, each of 32 moments
LOOKS = 10  # at the validation part, during a training
ITERATIONS = cu.budget(cpu=50, gpu=200)  # of statsmodels, to fit one model
AT_MOST = cu.budget(cpu=3000, gpu=3000)  # moments to judge by
LEVEL = 0.8  # how often an interval should hold the truth

torch.set_num_threads(1)  # for products this small, a second thread brings little
device = cu.start(seed=0)

# %% [markdown]
# ## What is a forecast?
#
# Unless you give a series of your own, we begin with the number of sunspots of each
# year since 1700. It rises and falls with a cycle of about eleven years, and no two
# cycles are equally high. Only 309 numbers: a small series, like most that people
# have.

# %%
if SERIES == "sunspots":
    data = cu.data.sunspots()
else:
    data = cu.data.csv(SERIES, columns=None if COLUMN is None else [COLUMN])
rows = data.rows[:, :1]  # (R, 1)
START, UNIT = (1700, "year") if SERIES == "sunspots" else (0, "row")
NAME = data.features[0]

# %% [markdown]
# We stand at a moment, the *origin* $t$. We know $y_1 \dots y_t$, and look at the last
# $L$ of them. We want the next $H$, and write $\hat y_{t+h}$ for the forecast at *lead
# time* $h$:
#
# $$(\hat y_{t+1}, \dots, \hat y_{t+H}) = f(y_{t-L+1}, \dots, y_t).$$


# %%
def draw_origin(t):  # rows known
    alt = f"{NAME}, with the {PAST} known values that a model reads shaded, and after "
    alt += f"the origin the {AHEAD} values to forecast."
    plot = cu.plots.Plot(9.5, 2.8, alt)
    axes = plot.subplots()
    when = START + np.arange(len(rows))
    shown = slice(max(0, t - 2 * PAST), t + AHEAD)
    axes.plot(when[shown], cu.plots.array(rows[shown, 0]), color="#333333")
    low, high = axes.get_ylim()
    spans = {"$y_{t-L+1} \\dots y_t$": (t - PAST, t - 1), "$h=1…H$": (t, t + AHEAD - 1)}
    for (name, (a, b)), colour in zip(spans.items(), cu.plots.COLOURS, strict=False):
        axes.axvspan(when[a] - 0.5, when[b] + 0.5, color=colour, alpha=0.2, lw=0)
        axes.text(when[(a + b) // 2], high, name, ha="center", va="bottom")
    axes.axvline(when[t - 1] + 0.5, color="#333333", ls="--")
    axes.set(xlabel=UNIT, ylabel=NAME, ylim=(low, high))
    return plot


# %%
draw_origin(int(0.75 * len(rows)))

# %% [markdown]
# ## Which past may a model see?
#
# Only its own. We cut the series in three *by time*: a part to learn from, a part to
# choose by (how many lags, which learning rate), and a last part to judge by, which
# nobody has looked at. Mean and standard deviation come from the first part alone. To
# judge, we let the origin roll: we stand at *every* moment of the test part in turn and
# forecast from there. What a model reads may reach back across a border, since that
# past is known by then. What it is judged on may not.


# %%
TRAIN, VALID, TEST = range(3)


class Task:  # a series of F channels, cut by time, scaled by its first part
    def __init__(self, name, rows, ends, past, ahead, season, patch=1):
        self.name, self.ends = name, ends  # the row at which each part ends
        self.past, self.ahead, self.season = past, ahead, season
        self.patch = patch  # rows that a network reads in one step
        first = rows[: ends[0]]
        self.mean, self.std = first.mean(0), first.std(0, correction=0).clamp_min(1e-9)
        self.x = ((rows - self.mean) / self.std).float().T.contiguous().to(device)

    def origins(self, part):  # how many rows are known at each moment
        start = (self.past, *self.ends[:2])[part]
        moments = torch.arange(start, self.ends[part] - self.ahead + 1)
        return (moments, moments[-AT_MOST:], moments[:AT_MOST])[part]

    def cut(self, origins):  # -> what is read (N, F, L), what came (N, F, H)
        steps = torch.arange(-self.past, self.ahead, device=origins.device)
        windows = self.x[:, origins[:, None] + steps].transpose(0, 1)
        return windows[..., : self.past], windows[..., self.past :]


# %%
def by_time(rows):  # the last fifth is the test, a fifth of the rest to choose by
    known = round(0.8 * len(rows))
    ends = (round(0.8 * known), known, len(rows))
    if min(ends[0] - PAST, ends[1] - ends[0], ends[2] - ends[1]) < AHEAD:
        raise ValueError(
            f"{len(rows)} rows are too few to read {PAST} and look {AHEAD} ahead: take a "
            "longer series, or make PAST and AHEAD smaller."
        )
    return ends


# %%
task = Task(data.name, rows, by_time(rows), PAST, AHEAD, SEASON)
tested = task.origins(TEST)
cu.say(
    f"{len(rows)} rows: {task.ends[0]} to learn from ({len(task.origins(TRAIN))} "
    f"origins), then {len(task.origins(VALID))} origins to choose by and {len(tested)} "
    f"to judge by, with {AHEAD} forecasts from each."
)

# %% [markdown]
# ## Who has to be beaten?
#
# Three rivals that learn nothing. *Repeat* says that all will stay as it is now.
# *Seasonal* says what was said one cycle ago. *Drift* draws the line from the first
# value it reads to the last one, and goes on.


# %%
def repeat(task):
    return lambda x: x[..., -1:].expand(*x.shape[:-1], task.ahead)


def seasonal(task, season=None):
    season = season or task.season
    places = torch.arange(task.ahead) % season
    return lambda x: x[..., -season:][..., places.to(x.device)]


def drift(task):
    lead = torch.arange(1, task.ahead + 1)
    slope = lambda x: (x[..., -1:] - x[..., :1]) / (x.shape[-1] - 1)  # noqa: E731
    return lambda x: x[..., -1:] + slope(x) * lead.to(x.device)


# %% [markdown]
# How good are they? The mean squared error (MSE) depends on the scale: halve the
# standard deviation by which you divide, and it is four times as large. Two scores do
# without a unit. **MASE** (Hyndman and Koehler 2006) divides the mean absolute error by
# what the seasonal repeat makes *inside the training part*, with $m$ rows in a season,
#
# $$\text{MASE} = \frac{\operatorname{mean} |y_{t+h} - \hat y_{t+h}|}
# {\operatorname{mean}_{i > m}\, |y_i - y_{i-m}|},$$
#
# and **skill** compares with a rival on the *same* moments: $1 - \text{MSE} /
# \text{MSE}_\text{rival}$. It is 1 for perfection, 0 for no gain, negative for harm. Our
# rival here is the better one of *repeat* and *seasonal*.


# %%
def mase(forecast, truth, task):  # both (N, F, H); the mean over channels
    learnt, m = task.x[:, : task.ends[0]], task.season
    usual = (learnt[:, m:] - learnt[:, :-m]).abs().mean(1)  # (F,)
    return ((forecast - truth).abs().mean((0, 2)) / usual).mean().item()


def errors(forecast, truth, task):
    gap = forecast - truth
    mse, mae = gap.square().mean().item(), gap.abs().mean().item()
    return {"MSE": mse, "MAE": mae, "MASE": mase(forecast, truth, task)}


# %%
@torch.no_grad()
def rolled(f, task, part, size=512):  # a forecast from each origin, (N, F, H)
    moments = task.origins(part)
    return torch.cat([f(task.cut(some)[0]) for some in moments.split(size)])


def truths(task, part):
    return task.cut(task.origins(part))[1]


def chosen(makers, task):  # of several models the one that validates best
    came = truths(task, VALID)
    scores = {
        name: (rolled(f, task, VALID) - came).square().mean().item()
        for name, f in makers.items()
    }
    best = min(scores, key=scores.get)
    return makers[best], best


# %%
def table(found, task, rival=None, more=()):  # name -> forecasts for the test part
    came = truths(task, TEST)
    rows = {name: errors(forecast, came, task) for name, forecast in found.items()}
    level = min(rows[name]["MSE"] for name in ("repeat", "seasonal") if name in rows)
    for row in rows.values():
        row["skill"] = 1 - row["MSE"] / level
    form = {"MSE": ".3f", "MAE": ".3f", "MASE": ".2f", "skill": "+.0%"}
    said = [
        {"model": n} | {k: format(v, form[k]) for k, v in row.items()}
        for n, row in rows.items()
    ]
    cu.scoreboard([*said, *more])
    return rows


# %%
simple = {"repeat": repeat(task), "seasonal": seasonal(task), "drift": drift(task)}
found = {name: rolled(f, task, TEST) for name, f in simple.items()}
scores = table(found, task)

# %% [markdown]
# > **Predict before you read on.** A forecast has MASE 1.3. Is it worse than the
# > seasonal repeat?
# > <details><summary>Answer</summary>You can't tell. The divisor comes from the
# > *training* part; the test part may be harder for everybody. Look at the row of the
# > seasonal repeat on the same moments, or at the skill.</details>
#
# ## What can a straight line do?
#
# An **autoregression** of order $p$ predicts the next value as a weighted sum of the
# last $p$,
#
# $$\hat y_{t+1} = c + \sum_{i=1}^{p} a_i\, y_{t+1-i},$$
#
# and reads its own forecasts to get to $t+2, t+3, \dots$ The weights come from least
# squares. A **direct** linear forecast has instead a row of weights for each lead time,
# so it never reads itself. There are $L \times H$ of them, so a little shrinkage
# (*ridge*) helps. Both see the training part only; $p$ and the shrinkage are chosen by
# the validation part.


# %%
def autoregression(task, p):
    learnt = task.x[:, : task.ends[0]].cpu().double().unfold(1, p + 1, 1)  # (F, N, p+1)
    inputs = torch.cat([learnt[..., :p], torch.ones_like(learnt[..., :1])], -1)
    weights = torch.linalg.lstsq(inputs, learnt[..., p:]).solution[..., 0]  # (F, p + 1)
    a, c = weights.float().to(device).split([p, 1], -1)

    def forecast(x):  # (N, F, L) -> (N, F, H)
        for _ in range(task.ahead):
            following = (x[..., -p:] * a).sum(-1, keepdim=True) + c
            x = torch.cat([x, following], -1)
        return x[..., -task.ahead :]

    return forecast


# %%
def moments_of(task, origins):  # second moments of all windows, a few at a time
    total = 0
    for some in origins.split(512):
        past, future = (part.flatten(0, 1).cpu() for part in task.cut(some))
        last = past[:, -1:]
        rows = torch.cat([past - last, torch.ones_like(last), future - last], 1).double()
        total = total + rows.T @ rows / (len(origins) * len(task.x))
    return total  # (L + 1 + H, L + 1 + H)


def ridges(task, shrinkages, origins=None):  # one for each shrinkage
    origins = task.origins(TRAIN) if origins is None else origins
    moments, size = moments_of(task, origins), task.past + 1

    def solved(shrinkage):
        left = moments[:size, :size] + shrinkage * torch.eye(size, dtype=torch.float64)
        weights = torch.linalg.solve(left, moments[:size, size:]).float().to(device)
        return lambda x: x[..., -1:] + (x - x[..., -1:]) @ weights[:-1] + weights[-1]

    return {f"ridge, {s:g}": solved(s) for s in shrinkages}


# %%
SHRINK = (1e-3, 1e-2, 1e-1, 1.0)
lags = sorted({1, 2, 3, SEASON, 2 * SEASON, 9} & {*range(1, PAST + 1)})
ar, order = chosen({f"AR({p})": autoregression(task, p) for p in lags}, task)
ridge, shrinkage = chosen(ridges(task, SHRINK), task)
linear = {"AR": ar, "ridge": ridge}
found |= {name: rolled(f, task, TEST) for name, f in linear.items()}
cu.say(f"Chosen by the validation part: {order} and {shrinkage}.")

# %% [markdown]
# ## And a statistician's tools?
#
# **Exponential smoothing** keeps a level and one value for each place in the season,
# and moves each a little toward what it sees. **SARIMA** adds to an autoregression the
# errors of the last forecasts, differences, and all of it again at the distance of a
# season. Both are in statsmodels, as state-space models.
#
# To fit one anew at each origin would be usual, and slow. We fit once on the training
# part, and then only let the model *read on* to each origin, with `apply`: the weights
# stay, the state moves. The networks get the same treatment.


# %%
def classical(model, task):  # a function of a part of the task's first channel
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that were stopped early
        fitted = model.fit(disp=0, maxiter=ITERATIONS)
    whole = task.x[0].cpu().double().numpy()

    def forecast(part):
        known = [whole[:t] for t in task.origins(part).tolist()]
        made = np.stack([fitted.apply(y).forecast(task.ahead) for y in known])
        return torch.from_numpy(made).float()[:, None].to(device)  # (N, 1, H)

    return forecast


# %%
learnt = task.x[0, : task.ends[0]].cpu().double().numpy()
many = max(2, min(SEASON, 24))  # a season of 1 is none
models = {
    "smoothing": [ExponentialSmoothing(learnt, seasonal=many)],
    "SARIMA": [
        SARIMAX(learnt, order=(2, 0, 0), seasonal_order=(1, 0, 0, many), trend="c"),
        SARIMAX(learnt, order=(min(9, PAST), 0, 0), trend="c"),
    ],
}
came = truths(task, VALID)
for name, several in models.items():
    made = [classical(model, task) for model in several]
    best = min(made, key=lambda f: (f(VALID) - came).square().mean().item())
    found[name], linear[name] = best(TEST), best

# %%
scores = table(found, task)

# %% [markdown]
# ## A first network
#
# An LSTM reads the $L$ values one after another. What it remembers at the end goes
# through a linear layer, which gives all $H$ forecasts at once. One detail matters:
# we subtract the last value before it reads, and add it again at the end, so that it
# only has to learn how a series *moves on* from where it is.


# %%
def draw_lstm():
    nodes, arrows = {}, []
    for k, name in enumerate(["$y_{t-L+1}$", "$y_{t-L+2}$", "…", "$y_t$"]):
        x = 1.3 + 1.5 * k
        nodes[f"y{k}"] = (x, 0.3, "name", name)
        nodes[f"minus{k}"] = (x, 0.9, "circle", "$-y_t$")
        nodes[f"cell{k}"] = (x, 1.6, "box", "LSTM")
        arrows += [(f"y{k}", f"minus{k}"), (f"minus{k}", f"cell{k}")]
        if k:
            arrows.append((f"cell{k - 1}", f"cell{k}"))
    nodes |= {
        "out": (7.2, 1.6, "box", "linear"),
        "plus": (8.1, 1.6, "circle", "$+y_t$"),
        "all": (9.0, 1.6, "name", "$\\hat y_{t+h}$"),
    }
    arrows += [("cell3", "out"), ("out", "plus"), ("plus", "all")]
    alt = "Each value, less the last one, goes into an LSTM cell; the last cell's "
    alt += "memory goes through a linear layer, and the last value is added again."
    return cu.plots.diagram(nodes, arrows, size=(9.5, 2.1), alt=alt)


# %%
draw_lstm()

# %%
torch.manual_seed(0)
lstm = nn.LSTM(1, 32, batch_first=True)
out = nn.Linear(32, AHEAD)
opt = torch.optim.AdamW([*lstm.parameters(), *out.parameters()], 3e-3)
trainer = cu.Trainer("runs/25/first", lstm=lstm, out=out, opt=opt)


# %%
def first_forecast(past):  # (B, 1, L) -> (B, 1, H)
    last = past[..., -1:]
    memory = lstm((past - last).transpose(1, 2))[1][0][0]  # (B, 32)
    return last + out(memory)[:, None]


def step(batch):
    past, future = task.cut(batch[0])  # (B, 1, L), (B, 1, H)
    loss = F.mse_loss(first_forecast(past), future)
    trainer.update(opt, loss, clip=1.0)
    return {"loss": loss}


# %%
def validate():
    gap = rolled(first_forecast, task, VALID) - truths(task, VALID)
    return {"validation loss": gap.square().mean()}


# %%
batches = cu.Batches(task.origins(TRAIN).to(device), min(32, len(task.origins(TRAIN))))
history = trainer.fit(step, batches, steps=STEPS, evaluate=validate)

# %%
losses = history["validation loss"]
cu.say(
    f"The validation loss ends at {losses[-1]:.3f}; its lowest was {losses.min():.3f}, "
    f"after {history.steps('validation loss')[losses.argmin()]} of {STEPS} steps."
)

# %% [markdown]
# If the lowest was long before the end, the network has learned its past by heart: a
# few hundred windows that overlap are little to learn from. So from here on we keep the
# weights of the best look at the validation part.
#
# ## Three networks, one training
#
# **DLinear** (Zeng et al. 2023) is hardly a network: a moving average splits what is
# read into a trend and the rest, each goes through one linear layer, and the two are
# added. The **LSTM** you know. A **TCN** (temporal convolutional network) reads by
# causal convolutions of width 3, whose taps lie 1, 2, 4, … steps apart, so that a few
# layers see the whole past. LSTM and TCN read `patch` rows in one step: 1 here, and a
# day of 24 hours later.
#
# Each can give several numbers for each lead time (`heads`): one for a forecast; two or
# three when we come to intervals.


# %%
class DLinear(nn.Module):
    def __init__(self, task, heads=1):
        super().__init__()
        self.trend = nn.Linear(task.past, task.ahead * heads)
        self.rest = nn.Linear(task.past, task.ahead * heads)
        self.heads, self.width = heads, min(25, task.past // 2 * 2 - 1)

    def forward(self, x):  # (N, F, L) -> (N, F, H), or (N, F, H, heads)
        padded = F.pad(x, (self.width // 2, self.width // 2), "replicate")
        trend = padded.unfold(-1, self.width, 1).mean(-1)  # (N, F, L)
        return split_heads(self.trend(trend) + self.rest(x - trend), self.heads)


def split_heads(z, heads):  # (N, F, H · heads)
    return z if heads == 1 else z.unflatten(-1, (-1, heads))


# %%
class Reader(nn.Module):  # what LSTM and TCN have in common
    def __init__(self, task, heads, units):
        super().__init__()
        self.patch, self.heads = task.patch, heads
        self.out = nn.Linear(units, task.ahead * heads)

    def forward(self, x):  # (N, F, L) -> (N, F, H), or (N, F, H, heads)
        last = x[..., -1:]
        x = (x - last)[..., x.shape[-1] % self.patch :].flatten(0, 1)
        memory = self.read(x.unflatten(-1, (-1, self.patch)))  # (N · F, units)
        z = self.out(memory).view(*last.shape[:2], -1)
        return split_heads(z, self.heads) + (last if self.heads == 1 else last[..., None])


# %%
class LSTM(Reader):
    def __init__(self, task, heads=1, units=64):
        super().__init__(task, heads, units)
        self.lstm = nn.LSTM(task.patch, units, batch_first=True)

    def read(self, x):  # (N, T, patch) -> (N, units)
        return self.lstm(x)[1][0][0]


class TCN(Reader):
    def __init__(self, task, heads=1, units=64):
        super().__init__(task, heads, units)
        layers = max(1, math.ceil(math.log2((task.past // task.patch + 1) / 2)))
        self.embed = nn.Linear(task.patch, units)
        convs = [nn.Conv1d(units, units, 3, dilation=2**k) for k in range(layers)]
        self.convs = nn.ModuleList(convs)

    def read(self, x):  # (N, T, patch) -> (N, units)
        h = self.embed(x).transpose(1, 2)  # (N, units, T)
        for conv in self.convs:
            past = F.pad(h, (2 * conv.dilation[0], 0))  # zeros before, none after: causal
            h = h + conv(past).relu()
        return h[..., -1]


# %% [markdown]
# Does the TCN look ahead? No forecast can, since the last step of what it reads is the
# origin. But inside, too, no step may see a later one; and the first one must reach the
# end. Both can be read off gradients.

# %% tags=["nbval-check-output"]
small = Task("small", torch.randn(99, 1).double(), (59, 79, 99), 33, 11, 11)
tcn = TCN(small).cpu()
read = torch.randn(1, 33, 1, requires_grad=True)
tcn.read(read).sum().backward()
print("the oldest value reaches the end:", bool(read.grad[0, 0] != 0))

# %% [markdown]
# One function trains them all. A batch is a set of origins; the rate goes up and down
# once; at ten moments we look at the validation part, and the best look is kept.


# %%
def passes(origins, steps, size=32):  # batches whose passes end when we look
    items = -(-steps // LOOKS) * min(size, len(origins))
    repeated = origins.repeat(-(-items // len(origins)))[:items]
    return cu.Batches(repeated.to(device), min(size, len(origins)))


# %%
@torch.no_grad()
def looked(net, task, loss):  # every fourth origin of the validation part is enough
    moments = task.origins(VALID)[:: 4 if len(task.origins(VALID)) > 500 else 1]
    past, future = task.cut(moments)
    return loss(net(past), future).item()


# %%
def train(make, task, rate, seed=0, loss=F.mse_loss, heads=1):  # -> net, validation
    torch.manual_seed(seed)
    net, kept = make(task, heads), cu.Kept()
    opt = torch.optim.AdamW(net.parameters(), rate)
    pace = OneCycleLR(opt, rate, total_steps=STEPS)
    folder = f"runs/25/{task.name}-{make.__name__}-{heads}-{rate:g}-{seed}"
    trainer = cu.Trainer(folder, net=net, opt=opt, pace=pace, kept=kept)

    def step(batch):
        past, future = task.cut(batch[0])
        value = loss(net(past), future)
        trainer.update(opt, value, clip=1.0)
        pace.step()
        return {"loss": value}

    def look():
        value = looked(net, task, loss)
        if value < kept.get("best", math.inf):
            kept["best"] = value
            kept["weights"] = [w.detach().clone() for w in net.parameters()]
        return {"validation": value}

    batches = passes(task.origins(TRAIN), STEPS)
    trainer.fit(step, batches, steps=STEPS, evaluate=look, show=False)
    return with_weights(net, kept["weights"]), kept["best"]


# %%
@torch.no_grad()
def with_weights(net, weights):
    for parameter, weight in zip(net.parameters(), weights, strict=True):
        parameter.copy_(weight)
    return net.eval()


# %%
def search(make, task, **options):  # the best rate of all, then more seeds at that rate
    tried = {r: train(make, task, r, SEEDS[0], **options) for r in RATES}
    rate = min(tried, key=lambda r: tried[r][1])
    more = [train(make, task, rate, seed, **options)[0] for seed in SEEDS[1:]]
    return [tried[rate][0], *more], rate


# %%
def learned(makers, task, **options):  # name -> one forecaster for each seed
    nets = {}
    for make in makers:
        nets[make.__name__], rate = search(make, task, **options)
        count = sum(w.numel() for w in nets[make.__name__][0].parameters())
        print(f"{task.name}, {make.__name__}: rate {rate:g}, {count:,} weights")
    return nets


# %%
nets = learned([DLinear, LSTM, TCN], task)

# %% [markdown]
# ### One net or three?
#
# Networks of different seeds make different errors, and the mean of their forecasts has
# some of them cancelled. For the squared error this is a theorem: the error of the mean
# is the mean of the errors, less the spread of the forecasts around their mean. So an
# ensemble is never worse than its *average* member (it may be worse than its best).


# %%
def together(nets, task, part=TEST):  # the mean of the forecasts of all seeds
    return torch.stack([rolled(net, task, part) for net in nets]).mean(0)


def single(nets, task):  # MSE of each seed by itself
    came = truths(task, TEST)
    return [errors(rolled(net, task, TEST), came, task)["MSE"] for net in nets]


# %%
alone = {name: single(several, task) for name, several in nets.items()}
found |= {f"{n}, {len(SEEDS)} seeds": together(s, task) for n, s in nets.items()}
scores = table(found, task)
for name, each in alone.items():
    ensemble = scores[f"{name}, {len(SEEDS)} seeds"]["MSE"]
    cu.say(
        f"{name}: MSE {np.mean(each):.3f} ± {np.std(each, ddof=1):.3f} for one net, "
        f"{ensemble:.3f} for the mean of {len(each)}."
    )

# %% [markdown]
# ### Who wins here, and by how much?
#
# The forecasts of neighbouring origins share most of their errors, so a few dozen
# origins are worth far less than a few dozen independent trials. To see what a
# difference is worth, we draw whole *blocks* of neighbouring origins with replacement,
# and look at how the difference of two errors varies.


# %%
def apart(a, b, task, block=None, draws=500):  # MSE of a less MSE of b, standard error
    came, block = truths(task, TEST), block or 2 * task.ahead
    gaps = [(f - came).square().mean((1, 2)) for f in (a, b)]  # (N,) each
    gap = (gaps[0] - gaps[1]).cpu().double().numpy()
    block = min(block, len(gap))
    source = np.random.default_rng(0)
    begins = source.integers(len(gap), size=(draws, -(-len(gap) // block)))
    places = (begins[..., None] + np.arange(block)) % len(gap)
    return gap.mean(), gap[places].mean((1, 2)).std()


# %%
def verdict(scores, found, task, rivals=None):  # the best beside the runner-up
    order = sorted(scores, key=lambda name: scores[name]["MSE"])
    first, second = order[:2]
    gap, error = apart(found[second], found[first], task)
    clear = "more" if gap > 2 * error else "less"
    cu.say(
        f"Best on {task.name}: {first}, MSE {scores[first]['MSE']:.3f}; then {second}, "
        f"{scores[second]['MSE']:.3f}. The difference is {gap:.3f} with a standard "
        f"error of {error:.3f}: {clear} than two of them."
    )
    return first


# %%
winner = verdict(scores, found, task)
networks = [name for name in scores if name.endswith("seeds")]
better = min(scores[name]["MSE"] for name in ("AR", "ridge", "SARIMA"))
cu.claim(
    "Sunspots: MSE of the best network ensemble over that of the best linear model",
    min(scores[name]["MSE"] for name in networks) / better,
    at_least=1.0,
    when=SERIES == "sunspots",
    form=".2f",
)

# %%
lead = np.arange(1, AHEAD + 1)
drawn = dict.fromkeys(["repeat", "seasonal", "AR", *networks])
came = truths(task, TEST)
by_lead = {n: (found[n] - came).square().mean((0, 1)).sqrt().cpu() for n in drawn}
cu.plots.lines(
    {name: (lead, curve) for name, curve in by_lead.items()},
    xlabel=f"lead time h, in {UNIT}s",
    ylabel="root MSE, standardised",
    size=(9.5, 3.2),
    alt=f"Root MSE against lead time. At h = 1: repeat {by_lead['repeat'][0]:.2f}, AR "
    f"{by_lead['AR'][0]:.2f}; at h = {AHEAD}: repeat {by_lead['repeat'][-1]:.2f}, "
    f"seasonal {by_lead['seasonal'][-1]:.2f}, AR {by_lead['AR'][-1]:.2f}.",
)

# %% [markdown]
# On the sunspots, a line of ten weights from 1805 beats three networks. That is no law:
# it is a small series, and its last fifth has higher cycles than all before. It is a
# reason to always put the line into the table.
