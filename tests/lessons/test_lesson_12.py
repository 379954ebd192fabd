"""Lesson 12: where a unit looks, what speaks for a class, and a batch norm that is folded away."""

import torch
import torch.nn.functional as F
from exercises import answers, parts
from torch import nn

PICTURE = {"channels": 1, "side": 28, "eighth": 3, "classes": 10}
LESSON = parts("12", "CNN", "NormedCNN", "evidence", values=("SEES", "JUMP", "MARGIN"), **PICTURE)


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_a_unit_sees_its_patch_and_nothing_else():
    """As `top_patches` cuts it: from `JUMP` pixels on, `SEES` wide, after `MARGIN` of padding."""
    torch.manual_seed(0)
    net = LESSON["CNN"]().features.double()
    net = nn.Sequential(*(nn.AvgPool2d(2) if isinstance(m, nn.MaxPool2d) else m for m in net
                          if not isinstance(m, nn.ReLU)))  # fmt: skip
    for row, column in ((3, 3), (0, 6), (6, 0)):
        image = drawn(1, 1, 28, 28).double().requires_grad_()
        (slopes,) = torch.autograd.grad(net(image)[0, :, row, column].sum(), image)
        padded = F.pad(slopes[0, 0], [LESSON["MARGIN"]] * 4)
        top, left = row * LESSON["JUMP"], column * LESSON["JUMP"]
        window = padded[top : top + LESSON["SEES"], left : left + LESSON["SEES"]]
        assert (window != 0).sum() == (padded != 0).sum() > 0
        if (row, column) == (3, 3):  # all of it lies within the picture
            assert window.shape == (19, 19) and (window != 0).all()


def test_evidence_is_the_exercises_grad_cam():
    torch.manual_seed(0)
    net, images = LESSON["NormedCNN"]().eval(), drawn(2, 1, 28, 28)
    labels = torch.tensor([3, 7])
    shown = LESSON["evidence"](net, images, labels)
    for number, label in enumerate(labels):
        maps = net.features(images[number : number + 1])
        (slopes,) = torch.autograd.grad(net.head(maps)[0, label], maps)
        map_ = answers("12")["12.3"](maps[0].detach(), slopes[0])
        wanted = F.interpolate(map_[None, None], (28, 28), mode="bilinear")[0]
        torch.testing.assert_close(shown[number], wanted, atol=1e-5, rtol=1e-4)


def test_a_folded_convolution_gives_what_its_batch_norm_gave():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    for _ in range(20):
        norm(conv(torch.rand(8, 3, 9, 9)))  # moves the running averages
    norm.eval()
    weight, bias = answers("12")["12.5"](
        conv.weight, conv.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var
    )
    images = drawn(4, 3, 9, 9)
    torch.testing.assert_close(F.conv2d(images, weight, bias), norm(conv(images)))
