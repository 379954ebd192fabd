"""The loop in half precision, which autocast and `GradScaler` of a CPU run for real."""

import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu
from course_utils import checkpoint, runtime

HALVES = [torch.bfloat16, torch.float16]

pytestmark = pytest.mark.report("M")


def in_precision(monkeypatch, dtype):
    """From now on Trainers train in `dtype`; None is float32."""
    monkeypatch.setattr(runtime, "precision", lambda: dtype)


@pytest.fixture(params=HALVES, ids=["bf16", "fp16"])
def half(request, monkeypatch):
    in_precision(monkeypatch, request.param)
    return request.param


@pytest.fixture
def fp16(monkeypatch):
    in_precision(monkeypatch, torch.float16)


def curves(kind):
    trainer, step = tiny.RUNS[kind]()
    history = tiny.fit(trainer, step)
    return {name: torch.tensor(history[name]) for name in history.names()}, trainer


@pytest.mark.parametrize("kind", tiny.RUNS)
@pytest.mark.parametrize("dtype", HALVES, ids=["bf16", "fp16"])
def test_learning_curves_are_those_of_float32_within_rounding(kind, dtype, monkeypatch):
    in_precision(monkeypatch, None)
    whole, _ = curves(kind)
    in_precision(monkeypatch, dtype)
    rounded, trainer = curves(kind)
    for name in set(whole) - {"accuracy"}:
        difference = (rounded[name] - whole[name]).abs().max()
        assert 0 < difference < 16 * torch.finfo(dtype).eps, name
    weights = [p for part in trainer._modules.values() for p in part.parameters()]
    assert {p.dtype for p in weights} == {torch.float32}, "the weights themselves stay whole"


def layer(size=2, rate=0.5):
    net = nn.Linear(size, 1, bias=False)
    nn.init.ones_(net.weight)
    return net, torch.optim.SGD(net.parameters(), rate)


def scale(trainer, name="opt"):
    return trainer._run.scalers[name].get_scale()


def test_only_float16_scales(half):
    net, opt = layer()
    trainer = cu.Trainer(net=net, opt=opt)
    trainer.update(opt, net(torch.ones(1, 2)).mean())
    assert scale(trainer) == (2.0**15 if half is torch.float16 else 1.0)


def test_a_step_whose_scaled_gradient_overflows_is_skipped_and_the_next_is_not(fp16):
    net, opt = layer()
    trainer = cu.Trainer(net=net, opt=opt)
    before, x = net.weight.clone(), torch.full((1, 2), 1e36)  # times the scale it is infinite
    trainer.update(opt, net(x).mean())
    assert torch.equal(net.weight, before) and scale(trainer) == 16384.0
    assert not opt.state  # nor does momentum know of it
    trainer.update(opt, net(torch.ones(1, 2)).mean())
    assert torch.equal(net.weight, before - 0.5) and scale(trainer) == 16384.0


def test_a_skipped_step_is_skipped_with_clipping_too(fp16):
    net, opt = layer()
    trainer = cu.Trainer(net=net, opt=opt)
    before = net.weight.clone()
    trainer.update(opt, net(torch.full((1, 2), 1e36)).mean(), clip=1.0)
    assert torch.equal(net.weight, before) and scale(trainer) == 16384.0


def test_the_run_goes_on_after_a_skipped_step_and_its_checkpoint_is_finite(fp16, root):
    net, opt = layer(rate=1e-6)
    trainer = cu.Trainer("runs/a", net=net, opt=opt)

    def step(batch):
        with trainer.full_precision():
            loss = net(batch).mean()
        trainer.update(opt, loss)
        return {"loss": loss}

    x = torch.ones(1, 2)
    history = trainer.fit(step, [x, 1e36 * x, x], epochs=1, show=False)
    assert history["loss"].tolist() == pytest.approx([2.0, 2e36, 2.0], rel=1e-4)
    saved = checkpoint.load(root / "runs" / "a")
    assert saved["scalers"]["opt"]["scale"] == 16384.0
    assert saved["parts"]["net"]["weight"].isfinite().all()


def test_each_optimizer_has_a_scaler_of_its_own(fp16):
    (a, opt_a), (b, opt_b) = layer(), layer()
    trainer = cu.Trainer(a=a, b=b, opt_a=opt_a, opt_b=opt_b)
    kept = a.weight.clone(), b.weight.clone()
    trainer.update(opt_a, a(torch.full((1, 2), 1e36)).mean())
    trainer.update(opt_b, b(torch.ones(1, 2)).mean())
    assert torch.equal(a.weight, kept[0]) and torch.equal(b.weight, kept[1] - 0.5)
    assert (scale(trainer, "opt_a"), scale(trainer, "opt_b")) == (16384.0, 32768.0)


@pytest.mark.parametrize("clip", [0.1, 1.0, 1e6])
def test_the_norm_that_is_clipped_is_that_of_the_unscaled_gradient(clip, half):
    """(3, 4) has the norm 5, or 163840 scaled, which a clipping before unscaling would cut."""
    net, opt = layer(rate=1.0)
    trainer = cu.Trainer(net=net, opt=opt)
    before, x = net.weight.clone(), torch.tensor([[3.0, 4.0]])
    trainer.update(opt, net(x).mean(), clip=clip)
    change = before - net.weight
    assert torch.allclose(change, x * min(1.0, clip / 5), rtol=1e-5)


def test_a_gradient_that_float16_alone_would_lose_is_kept(fp16):
    """2^-26 is below what float16 can hold, and 2^15 times it is not."""
    net, opt = layer(rate=1.0)
    nn.init.zeros_(net.weight)
    trainer, x = cu.Trainer(net=net, opt=opt), torch.ones(1, 2)
    with torch.autocast("cpu", torch.float16):
        out = net(x)
    assert out.dtype is torch.float16
    trainer.update(opt, out.float().mean() * 2.0**-26)
    assert net.weight.tolist() == [[-(2.0**-26)] * 2]


def test_a_loss_in_float16_is_learnt_from_at_the_first_step(fp16):
    """A scale of 2^16 is itself beyond float16, so that the first gradient was infinite."""
    net, opt = layer()
    trainer = cu.Trainer(net=net, opt=opt)
    with torch.autocast("cpu", torch.float16):
        loss = net(torch.ones(1, 2)).mean()
    assert loss.dtype is torch.float16
    trainer.update(opt, loss)
    assert net.weight.tolist() == [[0.5, 0.5]] and scale(trainer) == 2.0**15


def penalised(trainer, D, opt, x):
    """A WGAN-GP's second-order term, in full precision as the lessons have it."""
    with trainer.full_precision():
        x = x.clone().requires_grad_()
        (slopes,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        penalty = (slopes.norm(dim=1) - 1).square().mean()
    trainer.update(opt, D(x).float().mean() + 10 * penalty)
    return penalty


def test_second_order_terms_are_those_of_float32(monkeypatch):
    found = {}
    for dtype in (None, *HALVES):
        in_precision(monkeypatch, dtype)
        torch.manual_seed(0)
        D = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
        opt = torch.optim.Adam(D.parameters(), 0.01)
        trainer, x, seen = cu.Trainer(D=D, opt=opt), torch.randn(32, 4), []

        def step(batch, trainer=trainer, D=D, opt=opt, seen=seen):
            penalty = penalised(trainer, D, opt, batch)
            seen.append(penalty.dtype)
            return {"penalty": penalty}

        found[dtype] = torch.tensor(trainer.fit(step, [x] * 10, epochs=1, show=False)["penalty"])
        assert set(seen) == {torch.float32}
        assert found[dtype][-1] < found[dtype][0]
    for dtype in HALVES:
        assert found[dtype][0] == found[None][0], "before the first update nothing is rounded"
        assert (found[dtype] - found[None]).abs().max() < 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize("kind", tiny.RUNS)
def test_a_run_cut_off_goes_on_bit_for_bit(kind, half, capsys):
    whole, step = tiny.RUNS[kind]()
    tiny.fit(whole, step)
    cut, step = tiny.RUNS[kind]("runs/a")
    tiny.fit(cut, step, steps=13)
    resumed, step = tiny.RUNS[kind]("runs/a")
    tiny.fit(resumed, step)
    assert "Resuming at step 13 of 20" in capsys.readouterr().out
    assert tiny.states(resumed) == tiny.states(whole)
    assert resumed.history.values == whole.history.values
    for name, scaler in whole._run.scalers.items():
        assert resumed._run.scalers[name].state_dict() == scaler.state_dict()


def overflowing(folder=None):
    """A run whose second and fifth steps overflow: its scaler is halved twice."""
    torch.manual_seed(0)
    net, opt = layer(rate=0.01)
    trainer = cu.Trainer(folder, net=net, opt=opt)

    def step(batch):
        with trainer.full_precision():
            loss = net(batch).mean()
        trainer.update(opt, loss)
        return {"loss": loss}

    return trainer, step, [torch.full((1, 2), v) for v in (1.0, 1e36, 2.0, 3.0, 1e36, 4.0, 5.0)]


@pytest.mark.parametrize("cut_at", range(1, 7))
def test_scalers_are_resumed_bit_for_bit_wherever_a_run_is_cut(cut_at, fp16):
    whole, step, batches = overflowing()
    whole.fit(step, batches, epochs=1, show=False)
    cut, step, batches = overflowing("runs/a")
    cut.fit(step, batches, steps=cut_at, show=False)
    resumed, step, batches = overflowing("runs/a")
    resumed.fit(step, batches, epochs=1, show=False)
    assert tiny.states(resumed) == tiny.states(whole)
    scalers = [t._run.scalers["opt"].state_dict() for t in (whole, resumed)]
    assert scalers[0] == scalers[1] and scalers[0]["scale"] == 2.0**15 / 4
    assert scalers[0]["_growth_tracker"] == 2, "two good steps since the last overflow"


OPTIMIZERS = {
    "sgd": lambda net: torch.optim.SGD(net.parameters(), 0.01, momentum=0.9),
    "adam": lambda net: torch.optim.Adam(net.parameters(), 0.01),
    "fused adam": lambda net: torch.optim.Adam(net.parameters(), 0.01, fused=True),
}
SCHEDULES = {
    "lambda": lambda opt: torch.optim.lr_scheduler.LambdaLR(opt, lambda step: 1 / (1 + step)),
    "one cycle": lambda opt: torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, total_steps=9),
    "sequential": lambda opt: torch.optim.lr_scheduler.SequentialLR(
        opt,
        [torch.optim.lr_scheduler.LinearLR(opt), torch.optim.lr_scheduler.ExponentialLR(opt, 0.5)],
        [2],
    ),
}
SIZES = (1e36, 1.0, 1e36, 1e36, 2.0, 3.0)  # the first, third and fourth step overflow


def rates(opt):
    """The learning rate, and the momentum that one cycle changes with it."""
    (group,) = opt.param_groups
    return group["lr"], group.get("momentum"), group.get("betas")


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_schedule_does_not_step_where_its_optimizer_did_not(optimizer, schedule, fp16):
    net, _ = layer()
    opt = optimizer(net)
    rate = schedule(opt)
    trainer, seen, weights = cu.Trainer(net=net, opt=opt, rate=rate), [], []

    def step(batch):
        seen.append(rates(opt))
        with trainer.full_precision():
            trainer.update(opt, net(batch).mean())
        rate.step()
        weights.append(net.weight.clone())
        return {}

    trainer.fit(step, [torch.full((1, 2), size) for size in SIZES], epochs=1, show=False)
    assert torch.equal(weights[3], weights[1]) and not torch.equal(weights[4], weights[3])

    net, _ = layer()
    opt = optimizer(net)
    rate, expected = schedule(opt), []
    for size in SIZES:  # the same by hand, without what overflows
        expected.append(rates(opt))
        if size < 1e36:
            opt.zero_grad()
            net(torch.full((1, 2), size)).mean().backward()
            opt.step()
            rate.step()
    assert seen == expected and rates(trainer.parts["opt"]) == rates(opt)
    assert trainer.parts["rate"].state_dict().keys() == rate.state_dict().keys()
    assert trainer.parts["rate"].last_epoch == rate.last_epoch == 3
    assert torch.allclose(weights[-1], net.weight)


def test_the_schedule_of_another_optimizer_goes_on(fp16):
    (a, opt_a), (b, opt_b) = layer(), layer()
    rate_a, rate_b = (torch.optim.lr_scheduler.ExponentialLR(opt, 0.5) for opt in (opt_a, opt_b))
    trainer = cu.Trainer(a=a, b=b, opt_a=opt_a, opt_b=opt_b, rate_a=rate_a, rate_b=rate_b)

    def step(batch):
        with trainer.full_precision():
            trainer.update(opt_a, a(1e36 * batch).mean())
            trainer.update(opt_b, b(batch).mean())
        rate_a.step()
        rate_b.step()
        return {}

    trainer.fit(step, [torch.ones(1, 2)], epochs=1, show=False)
    assert (rates(opt_a)[0], rates(opt_b)[0]) == (0.5, 0.25)


def test_in_full_precision_a_schedule_steps_with_every_step(monkeypatch):
    in_precision(monkeypatch, None)
    net, opt = layer()
    rate = torch.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    trainer = cu.Trainer(net=net, opt=opt, rate=rate)

    def step(batch):
        trainer.update(opt, net(batch).mean())
        rate.step()
        return {}

    trainer.fit(step, [torch.full((1, 2), size) for size in (1e36, 1.0)], epochs=1, show=False)
    assert rates(opt)[0] == 0.125


def test_a_step_sees_the_weights_that_it_just_updated(half):
    """Autocast keeps its copies of weights: G would learn from the D of before its update."""
    D = nn.Linear(4, 1, bias=False)
    opt = torch.optim.SGD(D.parameters(), 1.0)
    trainer = cu.Trainer(D=D, opt=opt)
    seen = []

    def step(batch):
        for _ in range(3):
            trainer.update(opt, D(batch).mean())
            seen.append(torch.equal(D(batch), F.linear(batch.to(half), D.weight.to(half))))
        return {}

    trainer.fit(step, [torch.ones(2, 4)], steps=2, show=False)
    assert seen == [True] * 6


def test_an_evaluation_is_in_the_precision_of_training(half):
    net, opt = layer()
    trainer, seen = cu.Trainer(net=net, opt=opt), []

    def measure(batch=None):
        seen.append(net(torch.ones(1, 2)).dtype)
        return {"loss": torch.ones((), dtype=half)}

    assert trainer.evaluate(measure, [torch.ones(1)]) == {"loss": 1.0}
    trainer.fit(measure, [torch.ones(1)], epochs=1, evaluate=measure, show=False)
    assert seen == [half] * 3


def test_updates_that_would_train_nothing_are_refused_before_the_scaler_asserts(half):
    (a, opt_a), (b, opt_b) = layer(), layer()
    trainer = cu.Trainer(a=a, b=b, opt_a=opt_a, opt_b=opt_b)
    x = torch.ones(1, 2)
    with pytest.raises(ValueError, match="loss must depend on a parameter that 'opt_a' trains"):
        trainer.update(opt_a, b(x).mean())
    trainer.update(opt_a, a(x).mean())
    trainer.update(opt_b, b(x).mean())
    assert a.weight.tolist() == b.weight.tolist() == [[0.5, 0.5]]
