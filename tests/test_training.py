"""`Trainer` against hand-written loops: the same weights, the same curves, bit for bit."""

import copy
import functools
import gc
import pickle
import weakref

import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import nn
from wrong import Fresh, Refusals

import course_utils as cu


def convnet(seed=0):
    """Convolutions too, in the layout that the lessons give them."""
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 3)
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def images(steps=5):
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(4, 1, 8, 8, generator=generator),
         torch.randint(3, (4,), generator=generator)) for _ in range(steps)
    ]  # fmt: skip


def same(one, other):
    return all(map(torch.equal, one.parameters(), other.parameters()))


OPTIMIZERS = {
    "sgd": lambda net: torch.optim.SGD(net.parameters(), 0.1, momentum=0.9),
    "adam": lambda net: torch.optim.Adam(net.parameters(), 0.01),
}


@pytest.mark.parametrize("clip", [0.0, 0.1])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_update_is_zero_grad_backward_clip_step(make, clip):
    ours, theirs = convnet(), convnet()
    opt, reference = make(ours), make(theirs)
    trainer = cu.Trainer(net=ours, opt=opt)
    for x, y in images():
        trainer.update(opt, F.cross_entropy(ours(x), y), clip=clip)
        reference.zero_grad()
        F.cross_entropy(theirs(x), y).backward()
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        reference.step()
        assert same(ours, theirs)


def test_update_leaves_the_other_network_alone():
    G, D = nn.Linear(2, 3), nn.Linear(3, 1)
    opt_G, opt_D = OPTIMIZERS["sgd"](G), OPTIMIZERS["sgd"](D)
    trainer = cu.Trainer(G=G, D=D, opt_G=opt_G, opt_D=opt_D)
    trainer.update(opt_D, D(G(torch.ones(4, 2))).mean())
    assert all(p.grad is None for p in G.parameters())
    kept = [p.grad.clone() for p in D.parameters()]
    trainer.update(opt_G, D(G(torch.ones(4, 2))).mean())
    assert all(map(torch.equal, kept, (p.grad for p in D.parameters())))
    assert all(p.grad.abs().sum() > 0 for p in G.parameters())


def test_update_trains_what_is_not_frozen():
    ours, theirs = convnet(), convnet()
    for net in (ours, theirs):
        net[0].requires_grad_(False)
    opt, reference = OPTIMIZERS["adam"](ours), OPTIMIZERS["adam"](theirs)
    trainer = cu.Trainer(net=ours, opt=opt)
    for x, y in images(2):
        trainer.update(opt, F.cross_entropy(ours(x), y))
        reference.zero_grad()
        F.cross_entropy(theirs(x), y).backward()
        reference.step()
    assert same(ours, theirs)


@pytest.mark.report("E")
def test_update_trains_a_group_that_was_added_on_the_way():
    base, head = nn.Linear(2, 2), nn.Linear(2, 1)
    opt = OPTIMIZERS["sgd"](head)
    trainer = cu.Trainer(base=base, head=head, opt=opt)
    opt.add_param_group({"params": base.parameters()})
    before = base.weight.clone()
    trainer.update(opt, head(base(torch.ones(3, 2))).mean())
    assert torch.equal(base.weight, before - 0.1 * base.weight.grad)


def test_update_refuses_what_is_no_loss_or_not_its_optimizer():
    net = nn.Linear(2, 1)
    opt = OPTIMIZERS["sgd"](net)
    trainer = cu.Trainer(net=net, opt=opt)
    loss = net(torch.ones(3, 2)).mean()
    with pytest.raises(TypeError, match="loss must be a tensor, not float"):
        trainer.update(opt, 0.5)
    with pytest.raises(ValueError, match=r"loss must be one number, not of shape \(3, 1\)"):
        trainer.update(opt, net(torch.ones(3, 2)))
    with pytest.raises(ValueError, match="loss must have a graph"):
        trainer.update(opt, loss.detach())
    with pytest.raises(ValueError, match=r"must be one of the trainer's optimizers \(opt\)"):
        trainer.update(OPTIMIZERS["sgd"](net), loss)


def pair():
    """(trainer, a, b, input): two layers one after the other, each with its optimizer."""
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    opts = {"opt_a": OPTIMIZERS["sgd"](a), "opt_b": OPTIMIZERS["adam"](b)}
    return cu.Trainer(a=a, b=b, **opts), a, b, torch.ones(3, 2)


def made_again(trainer, a, b, x):
    trainer.update(trainer.parts["opt_b"], nn.Linear(2, 1)(a(x)).mean())


def detached_fake(trainer, a, b, x):
    trainer.update(trainer.parts["opt_a"], b(a(x).detach()).mean())


def all_frozen(trainer, a, b, x):
    b.requires_grad_(False)
    trainer.update(trainer.parts["opt_b"], b(a(x)).mean())


def accumulated(trainer, a, b, x):
    b(a(x)).mean().backward()
    trainer.update(trainer.parts["opt_a"], b(a(x)).mean())


def added_to_those_of_the_last_update(trainer, a, b, x):
    trainer.update(trainer.parts["opt_a"], b(a(x)).mean())
    b(a(x)).mean().backward(inputs=[a.bias])
    trainer.update(trainer.parts["opt_a"], b(a(x)).mean())


def in_place_of_update(trainer, a, b, x):
    trainer.update(trainer.parts["opt_a"], b(a(x)).mean())
    trainer.parts["opt_a"].zero_grad()
    loss = b(a(x)).mean()
    loss.backward()
    trainer.update(trainer.parts["opt_a"], loss)


def one_loss_for_two(trainer, a, b, x):
    loss = b(a(x)).square().mean()
    trainer.update(trainer.parts["opt_a"], loss)
    trainer.update(trainer.parts["opt_b"], loss)


def backward_before(trainer, a, b, x):
    loss = b(a(x)).square().mean()
    loss.backward(inputs=[b.weight])
    trainer.update(trainer.parts["opt_a"], loss)


def losses_before_updates(trainer, a, b, x):
    critic, generator = b(a(x).detach()).square().mean(), b(a(x)).mean()
    trainer.update(trainer.parts["opt_b"], critic)
    trainer.update(trainer.parts["opt_a"], generator)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (made_again, "loss must depend on a parameter that 'opt_b' trains: .* made anew after"),
        (detached_fake, "loss must depend on a parameter that 'opt_a' trains: .*detach"),
        (all_frozen, "every parameter of 'opt_b' is frozen"),
        (accumulated, r"opt must have no gradients of a backward\(\) of your own, and 'opt_a' has"),
        (added_to_those_of_the_last_update, "'opt_a' has, .* give update the sum of the losses"),
        (in_place_of_update, "'opt_a' has, .* give update the sum of the losses"),
        (one_loss_for_two, "computed anew for each update: .* an update has used this one already"),
        (backward_before, r"computed anew for each update: a backward\(\) or an update has used"),
        (losses_before_updates, "computed anew for each update: .* a weight, was changed since"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.report("E")
def test_update_refuses_what_would_train_nothing_or_something_else(wrong, text):
    given = pair()
    with pytest.raises(ValueError, match=text) as error:
        wrong(*given)
    assert "\n" not in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__
    trainer, a, b, x = given  # and the loop goes on as if nothing had been asked
    for layer in (a, b):
        layer.zero_grad()
        layer.requires_grad_(True)
    before = b.weight.clone()
    trainer.update(trainer.parts["opt_b"], b(a(x)).mean())
    assert not torch.equal(b.weight, before)


def test_another_error_of_a_backward_pass_is_raised_as_it_is():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, slopes):
            raise RuntimeError("a layer of one's own")

    trainer, a, b, x = pair()
    with pytest.raises(RuntimeError, match="a layer of one's own"):
        trainer.update(trainer.parts["opt_a"], (a.bias.sum() + Broken.apply(a(x))).mean())
    trainer.update(trainer.parts["opt_a"], b(a(x)).mean())  # what is left of it is no fault


@pytest.mark.report("E")
def test_gradients_that_were_looked_at_before_training_are_no_fault():
    trainer, a, b, x = pair()

    def step(batch):
        trainer.update(trainer.parts["opt_a"], b(a(batch)).mean())
        trainer.update(trainer.parts["opt_b"], b(a(batch)).mean())
        return {}

    for steps in (1, 3):  # before the first training, and between two
        b(a(x)).mean().backward()
        trainer.fit(step, [x], steps=steps, show=False)
    b(a(x)).mean().backward()
    again = cu.Trainer(a=a, opt_a=trainer.parts["opt_a"])
    again.update(again.parts["opt_a"], b(a(x)).mean())


@pytest.mark.report("E")
def test_optimizers_that_ask_for_a_closure_are_refused():
    net = nn.Linear(2, 1)
    with pytest.raises(ValueError, match=r"Optimizer 'opt' \(LBFGS\) needs a closure"):
        cu.Trainer(net=net, opt=torch.optim.LBFGS(net.parameters()))
    for make in (torch.optim.AdamW, torch.optim.Rprop, torch.optim.NAdam, torch.optim.RMSprop):
        opt = make(net.parameters())
        torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)  # which wraps its step
        cu.Trainer(net=net, opt=opt).update(opt, net(torch.ones(3, 2)).mean())


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.report("E")
def test_a_trainer_is_not_copied(way):
    with pytest.raises(TypeError, match=r"A Trainer must not be copied or pickled, .*\.$"):
        way(tiny.classifier()[0])


def test_update_refuses_a_loss_that_is_not_finite_before_it_does_harm():
    net = nn.Linear(2, 1)
    opt = OPTIMIZERS["sgd"](net)
    before = net.weight.clone()
    with pytest.raises(FloatingPointError, match="Step 1: the loss of 'opt' is nan"):
        cu.Trainer(net=net, opt=opt).update(opt, net(torch.ones(3, 2)).mean() * torch.nan)
    assert torch.equal(net.weight, before)


def test_fit_is_a_for_loop_over_the_batches():
    trainer, step = tiny.classifier()
    history = tiny.fit(trainer, step)
    bare, step = tiny.classifier()
    rows = []
    for epoch in range(tiny.EPOCHS):
        for batch in tiny.batches().epoch(epoch):
            rows.append({name: value.item() for name, value in step(batch).items()})
    assert tiny.states(trainer) == tiny.states(bare)
    assert history["loss"].tolist() == [row["loss"] for row in rows]
    assert history["accuracy"].tolist() == [row["accuracy"] for row in rows]
    assert history.steps("loss").tolist() == list(range(1, tiny.STEPS + 1))
    assert [row["step"] for row in history.epochs] == [5, 10, 15, 20]
    assert history.epochs[1]["loss"] == pytest.approx(sum(r["loss"] for r in rows[5:10]) / 5)
    assert history.seconds > 0


def test_steps_may_end_within_an_epoch():
    trainer, step = tiny.classifier()
    tiny.fit(trainer, step, steps=7)
    assert trainer.steps == 7
    assert [row["step"] for row in trainer.history.epochs] == [5, 7]


def test_fit_takes_any_list_of_batches():
    net = convnet()
    opt = OPTIMIZERS["sgd"](net)
    trainer = cu.Trainer(net=net, opt=opt)
    seen = []

    def step(batch):
        x, y = batch
        seen.append(x[0, 0, 0, 0].item())
        trainer.update(opt, F.cross_entropy(net(x), y))
        return {"one": 1, "half": 0.5, "row": torch.ones(1)}

    history = trainer.fit(step, images(3), epochs=2, show=False)
    assert seen == 2 * [x[0, 0, 0, 0].item() for x, _ in images(3)]
    assert history.last == {"epoch": 2, "step": 6, "one": 1.0, "half": 0.5, "row": 1.0}


def test_evaluate_is_in_evaluation_mode_and_puts_each_layer_back():
    net = nn.Sequential(nn.Linear(6, 6), nn.Dropout(), nn.BatchNorm1d(6))
    opt = OPTIMIZERS["sgd"](net)
    trainer = cu.Trainer(net=net, opt=opt)
    seen = []

    def step(batch):
        seen.append([layer.training for layer in net])
        net[2].eval()  # one layer stays as it was learnt
        trainer.update(opt, net(batch[0]).square().mean())
        return {"loss": 0.0}

    def evaluate():
        seen.append([torch.is_grad_enabled(), *(layer.training for layer in net.modules())])
        return {"test loss": torch.tensor(0.25)}

    history = trainer.fit(step, tiny.batches(), steps=6, evaluate=evaluate, show=False)
    assert seen[5] == seen[7] == [False] * 5
    assert seen[6] == [True, True, False]
    assert history["test loss"].tolist() == [0.25, 0.25]
    assert history.steps("test loss").tolist() == [5, 6]
    assert history.last["test loss"] == 0.25


def test_evaluate_weighs_batches_by_their_sizes():
    net = nn.Linear(1, 1)
    trainer = cu.Trainer(net=net)
    values = torch.arange(10.0)[:, None]
    tested = cu.Batches(values, 4, drop_last=False, shuffle=False)
    measured = trainer.evaluate(lambda batch: {"mean": batch[0].mean(), "one": 1.0}, tested)
    assert measured == {"mean": 4.5, "one": 1.0}
    assert trainer.evaluate(lambda batch: {"mean": batch.mean()}, values.split(4)) == {"mean": 4.5}


def test_full_precision_leaves_autocast():
    trainer = cu.Trainer(net=nn.Linear(2, 2))
    x = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        with trainer.full_precision():
            assert (x @ x).dtype is torch.float32
        assert (x @ x).dtype is torch.bfloat16


def test_in_half_precision_a_step_sees_the_weights_that_it_just_updated(monkeypatch):
    """As when G learns from the D of the same step: autocast keeps its copies of the weights."""
    monkeypatch.setattr(cu.runtime, "precision", lambda: torch.bfloat16)
    D = nn.Linear(4, 1, bias=False)
    opt = torch.optim.SGD(D.parameters(), 1.0)
    trainer = cu.Trainer(D=D, opt=opt)
    x, seen = torch.ones(2, 4), []

    def step(batch):
        trainer.update(opt, D(batch).mean())
        seen.append(torch.equal(D(batch), F.linear(batch.bfloat16(), D.weight.bfloat16())))
        return {}

    trainer.fit(step, [x], steps=2, show=False)
    assert seen == [True, True]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"step": None}, TypeError, "step must be a function"),
        ({"batches": iter([])}, TypeError, "batches must have a length"),
        ({"batches": []}, ValueError, "batches is empty"),
        ({"epochs": None}, ValueError, "either epochs= or steps="),
        ({"steps": 3}, ValueError, "either epochs= or steps="),
        ({"epochs": 0}, ValueError, "epochs must be a whole number from 1 up, not 0"),
        ({"epochs": None, "steps": 2.5}, ValueError, "steps must be a whole number"),
        ({"epochs": True}, ValueError, "epochs must be a whole number"),
    ],
)
def test_fit_names_the_wrong_argument(wrong, error, text):
    given = {"step": lambda batch: {}, "batches": images(1), "epochs": 1, "steps": None, **wrong}
    trainer = cu.Trainer(net=nn.Linear(1, 1))
    with pytest.raises(error, match=text):
        trainer.fit(given.pop("step"), given.pop("batches"), **given, show=False)


@pytest.mark.parametrize(
    ("metrics", "error", "text"),
    [
        (None, TypeError, "step must return a dict of metrics .* not NoneType"),
        ({"loss": torch.ones(2)}, ValueError, r"metric 'loss' must be one number, .*\(2,\)"),
        ({"loss": "low"}, TypeError, "metric 'loss' must be a number, not str"),
    ],
)
def test_a_step_that_returns_no_metrics_overwrites_no_checkpoint(metrics, error, text, root):
    trainer, step = tiny.classifier("runs/a")
    tiny.fit(trainer, step, epochs=1)
    kept = sorted((root / "runs" / "a").glob("state-*"))
    with pytest.raises(error, match=text):
        tiny.fit(trainer, lambda batch: metrics, epochs=2)
    assert sorted((root / "runs" / "a").glob("state-*")) == kept
    history = tiny.fit(trainer, step, epochs=2)  # the step mended, it goes on
    assert history.steps("loss").tolist() == list(range(1, 11))


def test_evaluate_must_return_metrics_too():
    trainer, step = tiny.classifier()
    with pytest.raises(TypeError, match="evaluate must return a dict of metrics"):
        trainer.fit(step, tiny.batches(), epochs=1, evaluate=lambda: 3, show=False)


def test_trainer_names_the_wrong_part():
    net = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="needs its parts by name"):
        cu.Trainer("runs/a")
    with pytest.raises(TypeError, match="Part 'lr' is of type float"):
        cu.Trainer(net=net, lr=0.1)
    with pytest.raises(ValueError, match="Optimizers 'a' and 'b' share a parameter"):
        cu.Trainer(net=net, a=OPTIMIZERS["sgd"](net), b=OPTIMIZERS["adam"](net))


@pytest.mark.parametrize("whole", [True, False], ids=["tensor", "pair"])
def test_out_of_memory_frees_what_the_step_held_and_says_which_size_to_try(whole):
    net = nn.Linear(1, 1)
    trainer = cu.Trainer(net=net, opt=OPTIMIZERS["sgd"](net))
    held = []

    def step(batch):
        net.weight.grad = torch.ones(1, 1)
        big = torch.zeros(1000)
        held.append(weakref.ref(big))
        raise torch.OutOfMemoryError("CUDA out of memory")

    batches = [x if whole else (x, x) for x in torch.zeros(2, 64, 3, 8, 8)]
    with pytest.raises(RuntimeError, match=r"Out of memory with batches of 64: try 32\.") as error:
        trainer.fit(step, batches, epochs=1, show=False)
    gc.collect()
    assert held[0]() is None and net.weight.grad is None  # even while the error is at hand
    assert error.value.__context__ is None


@functools.cache
def own():
    return tiny.classifier()[0]


def returning(*results):
    return [lambda *batch, result=result: result for result in results]


def measured(batch=None):
    return {"loss": 0.5}


NET, LOSS = nn.Linear(6, 3), torch.ones((), requires_grad=True)  # which depends on no parameter
OPT = Fresh(lambda: OPTIMIZERS["sgd"](NET))
OWN, NEW, BATCHES = Fresh(own), Fresh(lambda: tiny.classifier()[0]), Fresh(tiny.batches)
NO_DICT = returning(None, 0.5, [0.5])
NO_METRIC = returning({"loss": "low"}, {"loss": torch.ones(2)}, {"loss": None})


class TestWrongInput(Refusals):
    ROOMS = {"training"}
    FREE = {"Trainer.update: clip": "no check in a step that does not clip"}
    ANY_AXES = {"Trainer.update: loss": "one number, in whatever shape"}
    CASES = {
        "Trainer": (
            {"folder": "run", "net": NET, "opt": OPT},
            {
                "folder": ["", "a\0b", "."], "net": [None, nn.Linear, 3, "net"],
                "opt": [torch.optim.SGD, 0.1], "another": [OPT],  # of the same parameters
                "more": [Fresh(lambda: torch.optim.LBFGS(nn.Linear(1, 1).parameters()))],
            },
        ),
        "Trainer.update": (
            {"self": OWN, "opt": Fresh(lambda: own().parts["opt"]), "clip": 1.0,
             "loss": Fresh(lambda: own().parts["net"](torch.ones(2, 6)).mean())},
            {
                "opt": [OPT], "loss": [LOSS, LOSS.expand(3), LOSS.detach(), torch.ones(0)],
                "clip": [-1.0, torch.nan, torch.inf, "x", [1.0]],
            },
        ),
        "Trainer.fit": (
            {"self": NEW, "step": measured, "batches": BATCHES, "epochs": 1, "evaluate": measured,
             "show": False},
            {
                "step": NO_DICT, "step: metric": NO_METRIC, "batches": [[], {}, iter([])],
                "epochs": [0, True], "steps": [3], "evaluate": NO_DICT,
                "evaluate: metric": NO_METRIC,
            },
        ),
        "Trainer.fit: by steps": (
            {"self": NEW, "step": measured, "batches": BATCHES, "steps": 1, "show": False},
            {"steps": [0, True, None]},
        ),
        "Trainer.evaluate": (
            {"self": OWN, "measure": measured, "batches": BATCHES},
            {
                "measure": NO_DICT, "measure: metric": NO_METRIC,
                "batches": [[], [3], [None], [[]], [{}]],
            },
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["step", "epoch", 3, None])
@pytest.mark.parametrize("source", ["step", "evaluate", "measure"])
@pytest.mark.report("G")
def test_names_of_the_rows_are_refused_as_names_of_metrics(source, name):
    trainer, step = tiny.classifier()
    other = {name: 1.0}
    with pytest.raises(ValueError, match=f"not {name!r}[.]$"):
        if source == "measure":
            trainer.evaluate(lambda batch: other, tiny.batches())
        step = (lambda batch: other) if source == "step" else step
        trainer.fit(step, tiny.batches(), epochs=1, evaluate=lambda: other, show=False)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), torch.tensor(-torch.inf)])
@pytest.mark.report("G")
def test_an_evaluation_that_is_not_finite_is_refused_and_costs_no_training(bad):
    whole, step = tiny.classifier()
    good = {"fid": 1.5}
    whole.fit(step, tiny.batches(), epochs=2, evaluate=lambda: good, show=False)
    trainer, step = tiny.classifier("runs/a")
    with pytest.raises(ValueError, match=r"metric 'fid' is -?(nan|inf)[.]$"):
        trainer.fit(step, tiny.batches(), epochs=2, evaluate=lambda: {"fid": bad}, show=False)
    assert trainer.history.epochs == []
    again, step = tiny.classifier("runs/a")
    again.fit(step, tiny.batches(), epochs=2, evaluate=lambda: good, show=False)
    assert again.history.epochs == whole.history.epochs
    assert tiny.states(again) == tiny.states(whole)


def test_a_mistake_in_evaluate_costs_no_training(capsys):
    trainer, step = tiny.classifier("runs/a")
    with pytest.raises(ZeroDivisionError):
        trainer.fit(step, tiny.batches(), epochs=2, evaluate=lambda: 1 / 0, show=False)
    again, step = tiny.classifier("runs/a")
    tiny.fit(again, step, epochs=2)
    assert "Resuming at step 5 of 10" in capsys.readouterr().out
