"""What a Trainer does to modules, and what it leaves alone: layouts, modes, layers that wait."""

import pytest
import torch
from torch import nn

import course_utils as cu


class Viewed(nn.Module):
    """Convolutions whose output is viewed as vectors, as many networks do."""

    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 2)

    def forward(self, x):
        x = self.conv(x)
        return self.out(x.view(len(x), -1))


def test_what_a_module_may_do_before_its_trainer_it_may_do_after():
    net, x = Viewed(), torch.randn(2, 3, 8, 8)
    before = net(x)
    opt = torch.optim.SGD(net.parameters(), 0.1)
    trainer = cu.Trainer(net=net, opt=opt)
    assert torch.equal(net(x), before)
    trainer.update(opt, net(x).mean())
    features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 3, 3))
    cu.Trainer(net=features)
    assert features(x).view(2, -1).shape == (2, 3 * 64)  # and so may the step


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_layout_of_the_weights_stays_as_it_is(layout):
    net = nn.Sequential(nn.Conv2d(3, 4, 3)).to(memory_format=layout)
    cu.Trainer(net=net)
    assert net[0].weight.is_contiguous(memory_format=layout)


def block(size):
    return nn.Sequential(nn.Linear(size, size), nn.BatchNorm1d(size), nn.Dropout(0.5))


def fitted(net, trained, **parts):
    """Two steps of `fit`: the modes seen in them by the names of layers."""
    opt = torch.optim.SGD(trained, 0.01)
    trainer, modes = cu.Trainer(net=net, opt=opt, **parts), []

    def step(batch):
        modes.append({name: layer.training for name, layer in net.named_modules()})
        trainer.update(opt, net(batch).square().mean())
        return {}

    torch.manual_seed(0)
    x = torch.randn(8, 4)
    trainer.fit(step, [x, x], epochs=1, evaluate=dict, show=False)
    assert modes[0] == modes[1]
    return modes[0]


@pytest.mark.report("I")
def test_a_backbone_in_evaluation_mode_stays_so_and_its_statistics_do_not_drift():
    net = nn.Sequential(block(4), nn.Linear(4, 1))
    net[0].eval().requires_grad_(False)
    kept = {name: value.clone() for name, value in net[0].state_dict().items()}
    modes = fitted(net, net[1].parameters())
    assert [name for name, training in modes.items() if training] == ["", "1"]
    assert all(torch.equal(value, kept[name]) for name, value in net[0].state_dict().items())


@pytest.mark.report("I")
def test_it_stays_so_after_the_whole_network_was_put_into_evaluation_mode():
    net = nn.Sequential(block(4), block(4), nn.Dropout(), nn.Linear(4, 1))
    net[0].requires_grad_(False)
    net.eval()  # to look at its outputs, say
    modes = fitted(net, [p for p in net.parameters() if p.requires_grad])
    assert {name for name, training in modes.items() if not training} == {
        "0", "0.0", "0.1", "0.2",
    }  # fmt: skip


@pytest.mark.report("I")
def test_a_backbone_of_its_own_part_stays_so_whether_frozen_or_only_left_out():
    for frozen in (True, False):
        backbone, head = block(4).eval(), nn.Linear(4, 1)
        backbone.requires_grad_(not frozen)
        opt = torch.optim.SGD(head.parameters(), 0.01)
        trainer = cu.Trainer(backbone=backbone, head=head.eval(), opt=opt)
        seen = []

        def step(batch, backbone=backbone, head=head, trainer=trainer, opt=opt, seen=seen):
            seen.extend([backbone.training, backbone[1].training, head.training])
            trainer.update(opt, head(backbone(batch)).mean())
            return {}

        trainer.fit(step, [torch.randn(8, 4)], epochs=1, show=False)
        assert seen == [False, False, True]


@pytest.mark.report("I")
def test_layers_set_apart_in_a_network_in_training_mode_stay_so():
    net = nn.Sequential(block(4), nn.Linear(4, 1))
    net[0][1].eval()  # trained, with the statistics that it has
    modes = fitted(net, net.parameters())
    assert [name for name, training in modes.items() if not training] == ["0.1"]


def test_a_network_left_in_evaluation_mode_is_trained_in_training_mode():
    net = nn.Sequential(block(4), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 1)).eval()
    assert all(fitted(net, net.parameters()).values())


LAZY = {
    "linear": nn.LazyLinear(2),
    "convolution": nn.Sequential(nn.LazyConv2d(2, 3), nn.ReLU()),
    "norm without weights": nn.LazyBatchNorm1d(affine=False),
}


@pytest.mark.parametrize("net", LAZY.values(), ids=LAZY)
@pytest.mark.report("I")
def test_a_layer_that_waits_for_its_shape_is_named(net):
    with pytest.raises(ValueError, match=r"Part 'net' must know its shapes, .* on a batch before"):
        cu.Trainer(net=net)


def test_once_it_has_its_shape_a_lazy_layer_is_trained_as_any_other(root):
    net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(1))
    opt = torch.optim.SGD(net.parameters(), 0.1)
    net(torch.ones(2, 5))
    trainer = cu.Trainer("runs/lazy", net=net, opt=opt)
    before = net[2].bias.clone()

    def step(batch):
        trainer.update(opt, net(batch).mean())
        return {}

    trainer.fit(step, [torch.ones(2, 5)], epochs=1, show=False)
    assert torch.equal(net[2].bias, before - 0.1)


@pytest.mark.parametrize("as_path", [False, True])
@pytest.mark.report("I")
def test_the_folder_comes_first_and_without_a_name(as_path, root):
    folder = root / "runs" if as_path else "runs/a"
    with pytest.raises(TypeError, match="The folder takes no name; give it first"):
        cu.Trainer(folder=folder, net=nn.Linear(1, 1))
    assert "folder" in cu.Trainer(folder=nn.Linear(1, 1)).parts  # a module may be called so
