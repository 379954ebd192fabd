"""Wrong input to the loop, its history and checkpoints, to checks and to what a lesson says.

What is of another kind altogether is drawn by the annotations, save for parts and results.
"""

from functools import cache

import tiny
import torch
from torch import nn
from wrong import Fresh

import course_utils as cu
from course_utils import paths

NET, LOSS = nn.Linear(6, 3), torch.ones((), requires_grad=True)
STATE = {"weights": torch.ones(3), "step": 3}


@cache
def trainer():
    return tiny.classifier()[0]


def history():
    made = cu.History()
    made.add(1, "loss", 2.0)
    return made


def folder():
    return paths.root() / "run"


def kept():
    cu.checkpoint.save(folder(), STATE)
    return folder()


def optimizer():
    return torch.optim.SGD(NET.parameters(), 0.1)


def states(**other):
    return Fresh(lambda: cu.checkpoint.random_state() | other)


def measured(batch=None):
    return {"loss": 0.5}


def returning(*results):
    return [lambda *batch, result=result: result for result in results]


NEW, OWN = Fresh(lambda: tiny.classifier()[0]), Fresh(trainer)
HISTORY, SMALL = Fresh(history), Fresh(tiny.batches)
NO_DICT, NO_FOLDER = returning(None, 0.5, [0.5]), ["", "a\0b"]
NO_METRIC = returning({"loss": "low"}, {"loss": torch.ones(2)}, {"loss": None})

CASES = {
    "Trainer": (
        {"folder": "run", "net": NET, "opt": Fresh(optimizer)},
        {
            "folder": [*NO_FOLDER, "."], "net": [None, nn.Linear, 3, "net"],
            "opt": [torch.optim.SGD, 0.1], "another": [Fresh(optimizer)],  # of the same parameters
        },
    ),
    "Trainer.update": (
        {"self": OWN, "opt": Fresh(lambda: trainer().parts["opt"]), "loss": LOSS, "clip": 1.0},
        {
            "opt": [Fresh(optimizer)], "loss": [LOSS.expand(3), LOSS.detach(), torch.ones(0)],
            "clip": [-1.0, torch.nan, "x", [1.0]],
        },
    ),
    "Trainer.fit": (
        {"self": NEW, "step": measured, "batches": SMALL, "epochs": 1, "evaluate": measured,
         "show": False},
        {
            "step": NO_DICT, "step: metric": NO_METRIC, "batches": [[], {}, iter([])],
            "epochs": [0, True], "steps": [3], "evaluate": NO_DICT, "evaluate: metric": NO_METRIC,
        },
    ),
    "Trainer.fit: by steps": (
        {"self": NEW, "step": measured, "batches": SMALL, "steps": 1, "show": False},
        {"steps": [0, True, None]},
    ),
    "Trainer.evaluate": (
        {"self": OWN, "measure": measured, "batches": SMALL},
        {
            "measure": NO_DICT, "measure: metric": NO_METRIC,
            "batches": [[], [3], [None], [[]], [{}]],
        },
    ),
    "History.steps": ({"self": HISTORY, "name": "loss"}, {"name": ["accuracy", ""]}),
    "History.add": (
        {"self": HISTORY, "step": 2, "name": "loss", "value": 0.5}, {"step": [0], "value": [LOSS]},
    ),
    "History.close_epoch": (
        {"self": HISTORY, "step": 1, "evaluated": {"test loss": 0.5}},
        {"step": [0], "evaluated": [{"a": "x"}, {3: 0.5}, {"a": LOSS}]},
    ),
    "History.load_state_dict": (
        {"self": HISTORY, "state": Fresh(lambda: history().state_dict())},
        {"state": [{}, {"values": {}, "epochs": 3, "seconds": 0.0}, {"values": {}}]},
    ),
    "checkpoint.save": (
        {"folder": Fresh(folder), "state": STATE},
        {"folder": NO_FOLDER, "state": [{"step": lambda batch: {}}, {"x": (n for n in "abc")}]},
    ),
    "checkpoint.load": (
        {"folder": Fresh(kept), "device": "cpu"},
        {"folder": NO_FOLDER, "device": ["fast", "", "cuda:99"]},
    ),
    "checkpoint.alone": ({"folder": Fresh(kept)}, {"folder": NO_FOLDER}),
    "checkpoint.restore_random_state": (
        {"state": states()},
        {
            "state": [{}, states(torch=None), states(torch=torch.ones(3)), states(numpy=[1]),
                      states(python=3), states(python=(3, (1, 2), None)), states(cuda=None)],
        },
    ),
    "start": ({"seed": 3}, {"seed": [True]}),
    "budget": (
        {"cpu": 3, "gpu": [1, 2]}, {"cpu": [0, -1, True, [], "x"], "gpu": [0, -1, True, [], "x"]},
    ),
    "say": ({"text": "a word"}, {}),
    "scoreboard": (
        {"rows": [{"model": "CNN", 3: 0.9}]},
        {"rows": ["x", {"a": 1}, [3], ["ab"], torch.ones(2, 2)]},
    ),
    "check": ({"exercise": "12.1", "answer": 3}, {"exercise": ["12", "12.9", "99.1"]}),
    "hint": (
        {"exercise": "12.1", "number": 1}, {"exercise": ["12", "12.9", "99.1"], "number": [0, 99]},
    ),
}  # fmt: skip
