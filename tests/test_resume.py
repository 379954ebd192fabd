"""A run that was killed, stopped or continued ends as the uninterrupted one does, bit for bit."""

import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from torch.optim import lr_scheduler

import course_utils as cu
from course_utils import checkpoint, paths, run


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


RATES = np.logspace(-3, -1, 3)
OF_NUMPY = {
    "rate": {"lr": RATES[2]},
    "rate in single precision": {"lr": np.float32(0.1)},
    "rate as an array": {"lr": np.array(0.1)},
    "momentum": {"momentum": np.float64(0.9)},
    "schedule": {"schedule": lambda opt: lr_scheduler.LambdaLR(opt, lambda s: np.cos(s / 99))},
    "milestones": {"schedule": lambda opt: lr_scheduler.MultiStepLR(opt, np.array([7, 13]))},
    "top of the cycle": {
        "schedule": lambda opt: lr_scheduler.OneCycleLR(opt, RATES[2], total_steps=tiny.STEPS)
    },
}


@pytest.mark.parametrize("given", OF_NUMPY.values(), ids=OF_NUMPY)
@pytest.mark.report("A")
def test_numbers_of_numpy_are_saved_as_plain_ones(given, capsys):
    whole, step = tiny.classifier(**given)
    tiny.fit(whole, step)
    cut, step = tiny.classifier("runs/a", **given)
    tiny.fit(cut, step, steps=13)
    resumed, step = tiny.classifier("runs/a", **given)
    tiny.fit(resumed, step)
    assert "Resuming at step 13 of 20" in capsys.readouterr().out
    assert tiny.states(resumed) == tiny.states(whole)


class Place:
    """A part whose state could be written, and never be read again."""

    def state_dict(self):
        return {"path": Path("a")}

    def load_state_dict(self, state):
        pass


@pytest.mark.report("A")
def test_a_part_that_could_not_be_loaded_again_is_refused_before_it_is_trained(root):
    net = torch.nn.Linear(6, 3)
    trainer = cu.Trainer("runs/a", net=net, place=Place())
    seen = []
    with pytest.raises(ValueError, match=r"plain values and tensors only .*pathlib.*Path"):
        tiny.fit(trainer, lambda batch: seen.append(batch) or {})
    assert not seen and not list((root / "runs" / "a").glob("state-*"))


@pytest.mark.report("A")
def test_a_state_saved_by_hand_into_the_folder_is_not_used_and_said(root, capsys):
    checkpoint.save(root / "runs" / "a", {"net": torch.ones(2)})
    trainer, step = tiny.classifier("runs/a")
    assert not trainer.resume()
    assert "not saved by a Trainer" in capsys.readouterr().out
    tiny.fit(trainer, step)
    aside = trainer.folder / "run-unknown"
    said = f"{trainer.folder} held another state: it is kept in {aside}."
    assert capsys.readouterr().out.splitlines() == [said]
    assert checkpoint.load(trainer.folder)["steps"] == 20
    assert checkpoint.load(aside).keys() == {"net"}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_two_epochs_then_four_in_all_equal_four_at_once(schedule):
    whole, step = tiny.classifier(schedule=schedule)
    tiny.fit(whole, step)
    parts, step = tiny.classifier(schedule=schedule)
    tiny.fit(parts, step, epochs=2)
    tiny.fit(parts, step)
    assert tiny.states(parts) == tiny.states(whole)
    assert curves(parts) == curves(whole)


@pytest.mark.parametrize("at", [7, 10, tiny.STEPS])
def test_what_is_drawn_between_two_fits_changes_nothing(at):
    """A cell draws samples after its `fit`, and is then run again; dropout draws in each step."""
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    after = torch.rand(3)
    parts, step = tiny.classifier()
    tiny.fit(parts, step, steps=at)
    torch.manual_seed(5)
    tiny.fit(parts, step)
    assert torch.equal(torch.rand(3), after)
    assert tiny.states(parts) == tiny.states(whole)


def filmed(folder=None):
    """(trainer, step, film): the step keeps the weights of every second step, and a word."""
    torch.manual_seed(0)
    net, film = torch.nn.Linear(6, 3), cu.Kept()
    opt = torch.optim.SGD(net.parameters(), 0.1)
    trainer = cu.Trainer(folder, net=net, opt=opt, film=film)

    def step(batch):
        if trainer.steps % 2 == 0:
            film[trainer.steps] = net.weight.detach().clone(), "a word"
        loss = torch.nn.functional.cross_entropy(net(batch[0]), batch[1])
        trainer.update(opt, loss)
        return {"loss": loss}

    return trainer, step, film


@pytest.mark.parametrize("folder", [None, "runs/a"], ids=["same trainer", "new kernel"])
def test_what_a_step_keeps_has_no_gap(folder):
    trainer, step, whole = filmed()
    tiny.fit(trainer, step)
    trainer, step, film = filmed(folder)
    tiny.fit(trainer, step, steps=13)
    if folder:
        film[13] = "what a cell adds after it was stopped"
        trainer, step, film = filmed(folder)
    tiny.fit(trainer, step)
    assert list(film) == list(range(0, tiny.STEPS, 2))
    assert checkpoint.digest(dict(film)) == checkpoint.digest(dict(whole))


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
    assert "Resuming at step 13 of 20" in capsys.readouterr().out
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


CHANGES = {
    "size of the batches": lambda: (*tiny.classifier("runs/a"), cu.Batches(ITEMS, 4)),
    "seed": lambda: (*tiny.classifier("runs/a"), cu.Batches(ITEMS, 8, seed=1)),
    "schedule": lambda: (
        *tiny.classifier("runs/a", schedule=SCHEDULES["lambda"]),
        cu.Batches(ITEMS, 8),
    ),
    "architecture": lambda: (*tiny.classifier("runs/a", hidden=9), cu.Batches(ITEMS, 8)),
    "parts": lambda: (*tiny.gan("runs/a"), cu.Batches(ITEMS, 8)),
}
ITEMS = tiny.batches().tensors


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
@pytest.mark.report("D")
def test_a_run_that_was_cut_off_goes_on_after_another_one_in_its_folder(changed, capsys):
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    cut, step = tiny.classifier("runs/a")
    tiny.fit(cut, step, steps=3)
    other, step, batches = changed()
    other.fit(step, batches, steps=20, show=False)
    said = capsys.readouterr().out
    assert f"{other.folder} held another run, at step 3 of 3: it is kept in" in said
    back, step = tiny.classifier("runs/a")
    tiny.fit(back, step)
    said = capsys.readouterr().out
    assert "held another run, at step 20 of 20: it is kept in" in said
    assert "Resuming at step 3 of 20" in said
    assert tiny.states(back) == tiny.states(whole)
    assert back.history.values == whole.history.values


@pytest.mark.report("D")
def test_of_the_runs_that_were_set_aside_the_newest_are_kept(capsys):
    for seed in range(run.KEEP_ASIDE + 3):
        trainer, step = tiny.classifier("runs/a")
        (trainer.folder / "run-notes").mkdir(exist_ok=True)  # what a learner put there stays
        trainer.fit(step, cu.Batches(ITEMS, 8, seed), steps=3, show=False)
    said = capsys.readouterr().out.splitlines()
    kept = sorted(path.name for path in trainer.folder.glob("run-*") if path.name != "run-notes")
    names = [line.partition("kept in ")[2].partition(".")[0].rpartition("/")[2] for line in said]
    assert kept == sorted(names[-run.KEEP_ASIDE :]) and (trainer.folder / "run-notes").is_dir()
    assert ["deleted" in line for line in said] == [False] * run.KEEP_ASIDE + [True, True]
    for name, line in zip(names, said[-2:], strict=False):
        assert line.endswith(f"The newest 5 such runs are kept; deleted: {name}.")


@pytest.mark.report("D")
def test_a_run_that_was_cut_off_is_kept_when_fewer_steps_are_asked_for(capsys):
    cut, step = tiny.classifier("runs/a")
    cut.fit(interrupted_at(cut, step, 13), tiny.batches(), epochs=4)
    fewer, step = tiny.classifier("runs/a")
    tiny.fit(fewer, step, epochs=1)
    assert "held another run, at step 13 of 20: it is kept in" in capsys.readouterr().out


def interrupted_at(trainer, step, at):
    def interrupted(batch):
        if trainer.steps == at - 1:
            signal.raise_signal(signal.SIGINT)
        return step(batch)

    return interrupted


@pytest.mark.report("D")
def test_each_of_two_trainers_on_one_folder_gets_its_own_weights_back():
    first, step = tiny.classifier("runs/a")
    tiny.fit(first, step)
    second, step = tiny.classifier("runs/a", schedule=SCHEDULES["cosine"])
    tiny.fit(second, step)
    own = tiny.states(first), tiny.states(second)
    assert own[0] != own[1]
    assert first.resume() and second.resume()
    assert (tiny.states(first), tiny.states(second)) == own
    for file in second.folder.glob("run-*/*"):
        file.unlink()
    with pytest.raises(ValueError, match="must be of this Trainer's own run"):
        first.resume()
    assert (tiny.states(first), tiny.states(second)) == own


@pytest.mark.report("D")
def test_two_runs_of_one_name_do_not_meet_in_the_cache(root):
    for folder in ("gan", "vae"):
        (root / folder).write_text("a file where the folder should be")
    first, step = tiny.classifier("gan/net")
    tiny.fit(first, step, epochs=1)
    second, step = tiny.classifier("vae/net")
    assert first.folder != second.folder and not second.resume()
    tiny.fit(second, step, epochs=1)
    assert checkpoint.load(first.folder)["steps"] == checkpoint.load(second.folder)["steps"] == 5


@pytest.mark.parametrize("part", ["opt", "schedule"])
@pytest.mark.report("D")
def test_the_state_of_another_kind_of_part_is_refused_and_changes_nothing(part):
    def made(new):
        torch.manual_seed(new)
        net = torch.nn.Linear(6, 3)
        optimizer = torch.optim.Adam if new and part == "opt" else torch.optim.SGD
        opt = optimizer(net.parameters(), 0.1)
        other = new and part == "schedule"
        schedule = lr_scheduler.CosineAnnealingLR(opt, 9) if other else SCHEDULES["steps"](opt)
        trainer = cu.Trainer("runs/a", net=net, opt=opt, schedule=schedule)

        def step(batch):
            loss = torch.nn.functional.cross_entropy(net(batch[0]), batch[1])
            trainer.update(opt, loss)
            schedule.step()
            return {"loss": loss}

        return trainer, step

    tiny.fit(*made(new=False), epochs=1)
    trainer, step = made(new=True)
    before = tiny.states(trainer)
    with pytest.raises(ValueError, match=f"from parts other than .*: '{part}' is .*, and was "):
        trainer.resume()
    assert tiny.states(trainer) == before and trainer.steps == 0
    tiny.fit(trainer, step)


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
    spare = paths.spare_folder(root / "runs" / "a")
    assert len(lines) == 1 and str(root / "runs" / "a") in lines[0] and str(spare) in lines[0]
    assert checkpoint.load(root / "runs" / "a")["steps"] == 5
    assert checkpoint.load(spare)["steps"] == 20
    assert tiny.states(trainer) == tiny.states(whole)


@pytest.mark.report("L")
def test_after_a_full_disk_a_run_finds_its_newer_checkpoint_in_the_cache(root, monkeypatch, capsys):
    whole, step = tiny.classifier()
    tiny.fit(whole, step)
    trainer, step = tiny.classifier("runs/a")
    tiny.fit(trainer, step, epochs=1)
    with monkeypatch.context() as now:
        refuse(now, [root])
        tiny.fit(trainer, step, steps=13)
    again, step = tiny.classifier("runs/a")  # there is space again
    assert again.resume() and again.steps == 13
    again, step = tiny.classifier("runs/a")
    tiny.fit(again, step)
    assert "Resuming at step 13 of 20" in capsys.readouterr().out
    assert tiny.states(again) == tiny.states(whole)
    assert checkpoint.load(root / "runs" / "a")["steps"] == 20
    last, _ = tiny.classifier("runs/a")  # and that one is the newest now
    assert last.resume() and last.steps == 20


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


class Noisy(torch.utils.data.TensorDataset):
    """Items with noise from the global generator, as augmentation has."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.rand(6), y


def loader(kind):
    from torch.utils.data import DataLoader, RandomSampler, TensorDataset

    seeded = torch.Generator().manual_seed(7)
    items = (Noisy if kind == "noisy" else TensorDataset)(*ITEMS)
    return {
        "global": lambda: DataLoader(items, 8, shuffle=True),
        "noisy": lambda: DataLoader(items, 8, shuffle=True),
        "generator": lambda: DataLoader(items, 8, shuffle=True, generator=seeded),
        "sampler": lambda: DataLoader(items, 8, sampler=RandomSampler(items, generator=seeded)),
        "own": lambda: Shuffled(),
    }[kind]()


class Shuffled:
    """Batches in an order that Python's generator draws."""

    def __len__(self):
        return 5

    def __iter__(self):
        order = torch.tensor(random.sample(range(40), 40))
        return iter([[part[i] for part in ITEMS] for i in order.split(8)])


def watched(step, seen):
    def watching(batch):
        seen.append(batch[0].tolist())
        return step(batch)

    return watching


@pytest.mark.parametrize("at", [5, 7])  # between two epochs, and within one
@pytest.mark.parametrize("way", ["fit again", "a new trainer", "resume first"])
@pytest.mark.parametrize("kind", ["global", "noisy", "generator", "sampler", "own"])
@pytest.mark.report("H")
def test_shuffled_batches_go_on_exactly(kind, way, at, capsys):
    def fresh(folder):
        random.seed(3)  # the parts of `classifier` seed torch
        return *tiny.classifier(folder), loader(kind)

    ends = []
    for name in ("whole", "cut"):
        seen = []
        trainer, step, batches = fresh(f"runs/{name}")
        if name == "cut":
            trainer.fit(watched(step, seen), batches, steps=at, show=False)
            if way != "fit again":
                trainer, step, batches = fresh(f"runs/{name}")
            if way == "resume first":
                assert trainer.resume()
        trainer.fit(watched(step, seen), batches, steps=13, show=False)
        assert len(seen) == 13
        ends.append((seen, tiny.states(trainer)))
    assert ends[0] == ends[1]
    if kind != "noisy":
        assert len({tuple(item) for batch in seen[:5] for item in batch}) == 40  # each item once
