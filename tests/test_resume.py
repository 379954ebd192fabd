"""A run that was killed, stopped or continued ends as the uninterrupted one does, bit for bit."""

import os
import signal

import numpy as np
import pytest
import tiny
import torch
from torch.optim import lr_scheduler

import course_utils as cu
from course_utils import checkpoint, paths


def curves(trainer):
    """The history without its seconds."""
    return trainer.history.values, trainer.history.epochs


SCHEDULES = {
    "one cycle": tiny.one_cycle,
    "cosine": lambda opt: lr_scheduler.CosineAnnealingLR(opt, tiny.STEPS),
    "lambda": lambda opt: lr_scheduler.LambdaLR(opt, lambda step: 0.9**step),
    "steps": lambda opt: lr_scheduler.MultiStepLR(opt, [7, 13]),
    "chain": lambda opt: lr_scheduler.SequentialLR(
        opt,
        [lr_scheduler.LinearLR(opt, 0.1), lr_scheduler.CosineAnnealingLR(opt, 15)],
        [5],
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_two_epochs_then_four_in_all_equal_four_at_once(schedule):
    whole, step = tiny.classifier(schedule=schedule)
    tiny.fit(whole, step)
    parts, step = tiny.classifier(schedule=schedule)
    tiny.fit(parts, step, epochs=2)
    tiny.fit(parts, step)
    assert tiny.states(parts) == tiny.states(whole)
    assert curves(parts) == curves(whole)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_new_trainer_goes_on_where_the_checkpoint_is(schedule, capsys):
    whole, step = tiny.classifier(schedule=schedule)
    tiny.fit(whole, step)
    cut, step = tiny.classifier("runs/a", schedule=schedule)
    tiny.fit(cut, step, steps=13)  # in the middle of an epoch
    torch.manual_seed(99)  # a fresh process has another state of the generators
    resumed, step = tiny.classifier("runs/a", schedule=schedule)
    tiny.fit(resumed, step)
    assert "Resuming at step 13 of 20" in capsys.readouterr().out
    assert tiny.states(resumed) == tiny.states(whole)
    assert resumed.history.values == whole.history.values


@pytest.mark.parametrize("kind", tiny.RUNS)
def test_a_killed_process_resumes_bit_for_bit(kind, tmp_path, capsys):
    folder = tmp_path / "Läufe und mehr"
    whole, step = tiny.RUNS[kind]()
    before = tiny.states(whole)
    tiny.fit(whole, step)
    with tiny.child(kind, folder, 13) as process:
        assert tiny.told(process, "before") == before  # one identity in any process
        tiny.told(process, "holding")
        process.kill()
    resumed, step = tiny.RUNS[kind](folder)
    tiny.fit(resumed, step)
    assert "Resuming at step 10 of 20" in capsys.readouterr().out
    assert tiny.states(resumed) == tiny.states(whole)
    assert curves(resumed) == curves(whole)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one child")
def test_one_folder_has_one_writer_and_an_interrupted_run_goes_on(tmp_path):
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    with tiny.child("classifier", tmp_path, 13) as process:
        tiny.told(process, "holding")
        second, step = tiny.classifier(tmp_path)
        with pytest.raises(RuntimeError, match="Another kernel or process is training in"):
            tiny.fit(second, step)
        process.send_signal(signal.SIGINT)
        process.stdin.write("\n")
        process.stdin.flush()
        note = "Stopped at step 13 of 20. Run the cell again to continue."
        assert tiny.told(process, note) == ""
        assert tiny.told(process, "steps") == "13"  # fit returned, with the history so far
        assert tiny.told(process, "after") == tiny.states(whole)
    assert process.returncode == 0


def test_an_interrupt_ends_a_loop_over_quiet_runs_and_loses_nothing(tmp_path):
    trainer, step = tiny.classifier(tmp_path)

    def interrupted(batch):
        if trainer.steps == 7:
            signal.raise_signal(signal.SIGINT)
        return step(batch)

    with pytest.raises(KeyboardInterrupt):
        tiny.fit(trainer, interrupted)
    assert trainer.steps == len(trainer.history["loss"]) == 8  # the step under way ended whole
    assert checkpoint.load(tmp_path)["steps"] == 8


def test_numbers_of_numpy_lead_to_the_same_run(capsys):
    """As seeds and sizes that come from a table, and metrics that NumPy worked out."""
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    cut, step = tiny.classifier("runs/a")
    tiny.fit(cut, lambda batch: {k: np.float32(v.item()) for k, v in step(batch).items()},
             steps=np.int64(13))  # fmt: skip
    resumed, step = tiny.classifier("runs/a")
    tensors = tiny.batches().tensors
    batches = cu.Batches(tensors, np.int32(8), np.uint8(0))
    resumed.fit(step, batches, epochs=np.int64(4), show=False)
    assert "Going on at step 13 of 20" in capsys.readouterr().out
    assert tiny.states(resumed) == tiny.states(whole)
    assert resumed.history.values == whole.history.values


def test_a_finished_run_starts_afresh(capsys):
    for _ in range(2):
        trainer, step = tiny.classifier("runs/a")
        tiny.fit(trainer, step, epochs=1)
        assert len(trainer.history["loss"]) == 5
    assert "Going on" not in capsys.readouterr().out


def another(what):
    """A trainer for the folder that differs in one thing, its step, and the batches."""
    if what == "seed":
        return *tiny.classifier("runs/a", schedule=SCHEDULES["lambda"]), tiny.batches(seed=1)
    change = {"learning rate": {"lr": 0.2}, "architecture": {"hidden": 9}}[what]
    return *tiny.classifier("runs/a", schedule=SCHEDULES["lambda"], **change), tiny.batches()


@pytest.mark.parametrize("what", ["learning rate", "architecture", "seed"])
def test_another_run_in_the_same_folder_starts_afresh(what, capsys):
    trainer, step = tiny.classifier("runs/a", schedule=SCHEDULES["lambda"])
    tiny.fit(trainer, step, steps=3)
    trainer, step, batches = another(what)
    trainer.fit(step, batches, steps=4, show=False)
    assert len(trainer.history["loss"]) == 4
    assert "Going on" not in capsys.readouterr().out


def test_resume_gives_the_trained_parts_without_training():
    trained, step = tiny.classifier("runs/a")
    tiny.fit(trained, step)
    again, step = tiny.classifier("runs/a")
    assert again.resume()
    assert tiny.states(again) == tiny.states(trained)
    assert curves(again) == curves(trained)
    tiny.fit(again, step)  # complete: nothing is left to do
    assert tiny.states(again) == tiny.states(trained)


def test_resume_without_a_checkpoint_is_false():
    assert not tiny.classifier("runs/none")[0].resume()
    assert not tiny.classifier()[0].resume()


def test_resume_refuses_the_checkpoint_of_other_parts():
    trainer, step = tiny.classifier("runs/a")
    tiny.fit(trainer, step)
    with pytest.raises(ValueError, match="was saved from parts other than net, opt, schedule"):
        tiny.classifier("runs/a", hidden=9)[0].resume()
    with pytest.raises(ValueError, match="was saved from parts other than G, D, ema"):
        tiny.gan("runs/a")[0].resume()


def test_a_damaged_checkpoint_costs_one_epoch_only(root, capsys):
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    cut, step = tiny.classifier("runs/a")
    tiny.fit(cut, step, epochs=3)
    newest = max((root / "runs" / "a").glob("state-*"))
    newest.write_bytes(newest.read_bytes()[:-100])
    resumed, step = tiny.classifier("runs/a")
    tiny.fit(resumed, step)
    out = capsys.readouterr().out
    assert "state-000003" in out and "is damaged" in out and "Resuming at step 10 of 20" in out
    assert tiny.states(resumed) == tiny.states(whole)


def refuse(monkeypatch, folders):
    """From now on no checkpoint can be moved into one of the folders, as on a full disk."""
    replace = os.replace

    def full(source, target):
        if str(target).startswith(tuple(map(str, folders))):
            raise OSError(28, "No space left on device")
        return replace(source, target)

    monkeypatch.setattr(os, "replace", full)


def test_a_full_disk_moves_the_run_to_the_cache_and_says_so(root, monkeypatch, capsys):
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    trainer, step = tiny.classifier("runs/a")
    tiny.fit(trainer, step, epochs=1)
    refuse(monkeypatch, [root])
    tiny.fit(trainer, step)
    lines = capsys.readouterr().out.splitlines()
    spare = paths.cache() / "runs" / "a"
    assert len(lines) == 1 and str(root / "runs" / "a") in lines[0] and str(spare) in lines[0]
    assert checkpoint.load(root / "runs" / "a")["steps"] == 5
    assert checkpoint.load(spare)["steps"] == 20
    assert tiny.states(trainer) == tiny.states(whole)


def test_training_goes_on_where_nothing_can_be_saved(root, monkeypatch, capsys):
    trainer, step = tiny.classifier("runs/a")
    refuse(monkeypatch, [root, paths.cache()])
    tiny.fit(trainer, step)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[-1].endswith("nothing is saved.")
    assert trainer.steps == 20


def test_fit_makes_a_deleted_run_folder_again(root):
    trainer, step = tiny.classifier("runs/a")
    (root / "runs" / "a").rmdir()
    tiny.fit(trainer, step)
    assert checkpoint.load(root / "runs" / "a")["steps"] == 20
