"""What a training shows, and where: lines in a terminal, one figure in a notebook."""

import IPython
import IPython.display
import pytest
import tiny

from course_utils import display


def test_a_terminal_gets_one_line_an_epoch(capsys):
    trainer, step = tiny.classifier()
    trainer.fit(step, tiny.batches(), epochs=3, evaluate=lambda: {"test loss": 0.5})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" · ")[0] for line in lines] == [f"step {n} of 15" for n in (5, 10, 15)]
    row = trainer.history.epochs[0]
    told = f" · loss {row['loss']:.4g} · accuracy {row['accuracy']:.4g} · test loss 0.5 · "
    assert told in lines[0] and lines[0].endswith(" s")


def test_show_false_is_silent(capsys):
    trainer, step = tiny.classifier()
    tiny.fit(trainer, step)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


class Handle:
    """What `display(..., display_id=True)` gives."""

    def __init__(self):
        self.updates = []

    def update(self, plot):
        self.updates.append(plot)


@pytest.fixture
def kernel(monkeypatch):
    """A notebook whose display is recorded; every tick is due to draw."""
    shown = []

    def show(plot, display_id=None):
        assert display_id
        shown.append(Handle())
        return shown[-1]

    monkeypatch.setattr(display, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", show)
    monkeypatch.setattr(display.time, "perf_counter", iter(range(10**6)).__next__)
    return shown


def test_a_notebook_gets_one_figure_which_is_redrawn(kernel, capsys):
    trainer, step = tiny.classifier()
    trainer.fit(step, tiny.batches(), steps=3, evaluate=lambda: {"test loss": 0.5})
    assert len(kernel) == 1
    assert kernel[0].updates
    last = kernel[0].updates[-1]
    assert "test loss 0.5" in last.alt  # the last one shows the end
    assert last.get_suptitle() in last.alt  # one number in both
    printed = capsys.readouterr()
    assert printed.out == "" and "3/3" in printed.err  # the bar


def test_a_notebook_where_the_first_step_fails_shows_no_empty_figure(kernel):
    trainer, _ = tiny.classifier()
    with pytest.raises(ZeroDivisionError):
        trainer.fit(lambda batch: 1 / 0, tiny.batches(), steps=3)
    assert kernel == []


def test_a_kernel_is_told_from_a_terminal(monkeypatch):
    assert not display.in_notebook()
    monkeypatch.setattr(IPython, "get_ipython", lambda: type("Shell", (), {"kernel": 1})())
    assert display.in_notebook()
