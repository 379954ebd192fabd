"""Each lesson on a device that is not the CPU, which `elsewhere` only plays.

Under the `smoke` profile, from the sources. A GPU refuses what a CPU lets pass: tensors of two
devices in one operator, NumPy of a tensor that was not brought back, float64 on Apple's.
"""

import contextlib
import io

import elsewhere
import matplotlib
import numpy as np
import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import nn

import course_utils as cu
from course_utils.authoring.course import here
from course_utils.authoring.source import read

pytestmark = pytest.mark.report("M")
LESSONS = [source.name[:2] for source in here().sources()]
SHORT = ("00", "41")  # at full length, all of them


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_keeps_its_tensors_on_one_device(number, long, smoke, monkeypatch, tmp_path):
    if not long and number not in SHORT:
        pytest.skip("only at full length: make torture")
    matplotlib.use("agg")
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    scope = {"__name__": "__main__"}
    with elsewhere.device(), contextlib.redirect_stdout(io.StringIO()):
        for cell in read(here().find(number)):
            if cell.cell_type == "code":
                exec(compile(cell.source, "a cell", "exec"), scope)


@pytest.fixture
def device():
    with elsewhere.device() as device:
        yield device


REFUSED = {
    "two devices": lambda here, there: here + there,
    "a product": lambda here, there: there @ here,
    "indices of the device": lambda here, there: here[there.argsort(0)],
    "parts": lambda here, there: torch.cat([here, there]),
    "a module that was not moved": lambda here, there: nn.Linear(2, 2)(there),
    "a mask": lambda here, there: there.masked_fill(here > 0, 0.0),
    "in place": lambda here, there: here.mul_(there),
    "a loss": lambda here, there: F.mse_loss(here, there),
    "an average": lambda here, there: torch.where(there > 0, here, there),
    "numpy": lambda here, there: there.numpy(),
    "an array": lambda here, there: np.asarray(there),
    "numpy's functions": lambda here, there: np.log(there),
    "double": lambda here, there: there.double(),
    "double, moved": lambda here, there: here.double().to(there.device),
    "double, made": lambda here, there: torch.zeros(2, dtype=torch.float64, device=there.device),
    "a generator": lambda here, there: torch.rand(
        2, generator=torch.Generator(), device=there.device
    ),
}


@pytest.mark.parametrize("fault", REFUSED.values(), ids=REFUSED)
def test_what_a_gpu_would_refuse(fault, device):
    with pytest.raises((RuntimeError, TypeError), match=r"device|on the CPU"):
        fault(torch.eye(2), torch.eye(2, device=device))


def test_a_gradient_is_where_its_parameter_is(device):
    net = nn.LSTM(2, 3).to(device)
    net(torch.ones(4, 1, 2).to(device))[0].sum().backward()
    where = {tensor.device for p in net.parameters() for tensor in (p, p.grad)}
    assert where == {torch.device("mps", 0)}


ALLOWED = {
    "a number": lambda there: there + torch.tensor(1.0),
    "indices of the CPU": lambda there: there[torch.tensor([1, 0])],
    "a view": lambda there: there.T.flatten()[1:],
    "a new one like it": lambda there: torch.zeros_like(there) + there.new_ones(2),
    "moved twice": lambda there: there.to(there.device) + there.cpu().to(there),
    "made there": lambda there: torch.tensor([1.0, 2.0], device=there.device) * there,
    "drawn there": lambda there: there.normal_(generator=torch.Generator(there.device)),
    "counted there": lambda there: F.one_hot(there.long(), 3) + there.long()[..., None],
}


@pytest.mark.parametrize("use", ALLOWED.values(), ids=ALLOWED)
def test_what_a_gpu_allows(use, device):
    found = use(torch.eye(2, device=device))
    assert elsewhere.marked(found) and not elsewhere.marked(found.cpu())
    assert np.isfinite(found.cpu().double().numpy()).all()


def test_training_there_is_training_here(root):
    here, step = tiny.classifier()
    tiny.fit(here, step)
    with elsewhere.device():
        cut, step = tiny.classifier("runs/a")
        tiny.fit(cut, step, steps=7)
        there, step = tiny.classifier("runs/a")
        tiny.fit(there, step)
        assert all(map(elsewhere.marked, there.parts["net"].parameters()))
    assert tiny.states(there) == tiny.states(here)
    assert there.history["loss"] == pytest.approx(here.history["loss"])


def test_a_step_that_forgets_the_device_is_found(device):
    trainer, step = tiny.gan()  # whose noise is drawn on the CPU
    with pytest.raises(RuntimeError, match=r"a tensor of shape .* is on the CPU, others are not"):
        tiny.fit(trainer, step)


def test_nothing_is_left_of_it():
    with elsewhere.device():
        pass
    assert cu.runtime.device() == torch.device("cpu")
    assert torch.zeros(2).device == torch.device("cpu")
