"""Helpers of the course "From CNNs to RNN-GANs". This page is the whole public API.

A lesson defines its networks, its losses and one `step(batch)`. What all lessons share is here.
"""

from . import checkpoint, data, mel, metrics, plots, printing, sound, widgets
from .checks import check, hint
from .claims import claim
from .data import Batches
from .doctor import doctor
from .history import History, Kept
from .metrics import accuracy, confusion
from .printing import say
from .runtime import budget, device, profile
from .scoreboards import scoreboard
from .start import start
from .training import Trainer

printing.legible()  # before anything is printed

__all__ = [
    "Batches",  # batches of tensors on the device, in a reproducible order
    "History",  # what a training measured
    "Kept",  # what a step collects, such as a film: saved and gone on with like any other part
    "Trainer",  # the loop: update, fit, evaluate, resume, full_precision
    "accuracy",  # of logits against labels
    "budget",  # amounts by profile: budget(cpu=1500, gpu=20_000)
    "check",  # an exercise's answer: check("12.1", answer)
    "checkpoint",  # save and load states that survive a crash
    "claim",  # a measured value, and whether this run reproduces what the course claims of it
    "confusion",  # counts of true class against predicted class
    "data",  # load(name); sines, csv, folder … with options; Batches, Windows, augment, glyphs
    "device",  # where tensors go
    "doctor",  # what is wrong with this machine, and how to fix it
    "hint",  # the hints of an exercise: hint("12.1", 2)
    "mel",  # a sound as energies in bands of the mel scale
    "metrics",  # accuracy, Fréchet and kernel distance, precision and recall, modes, latents
    "plots",  # figures from arrays; the palette
    "profile",  # smoke, cpu or gpu
    "say",  # print a sentence, wrapped to a narrow window
    "scoreboard",  # show rows of results as a table
    "sound",  # tones of a piano roll, a player in the page
    "start",  # seed, style, and one line on where this runs
    "widgets",  # explore: controls around a plot; prompt: a box to type into
]
