"""Music drawn: piano rolls one beside another, and a score of up to four voices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from .. import arguments
from .figure import PAGE, Plot
from .style import COLOURS

LOWEST = 21  # MIDI's number of key 0, A0
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
STEPS = (0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6)  # of the scale of C major below each semitone
VOICES = ("soprano", "alto", "tenor", "bass")
TREBLE, BASS = (64, 67, 71, 74, 77), (43, 47, 50, 53, 57)  # MIDI notes on the lines of the staves


def pianoroll(
    rolls: Mapping[str, Any], *, alt: str, per_beat: int = 1, height: float = 2.6
) -> Plot:
    """Piano rolls in panels side by side, with the same keys in each.

    Args:
        rolls: title -> (T, 88), 1 (black) where a key sounds; numbers between 0 and 1 are grey.
        per_beat: frames in a quarter note; the axis counts quarter notes.
        height: inches.

    Raises:
        TypeError, ValueError: an argument of another kind or shape.
    """
    arguments.kind("rolls", rolls, Mapping, "a dict, title -> piano roll (T, 88)")
    arguments.some("rolls", len(rolls)), arguments.whole("per_beat", per_beat, 1)
    shades = {arguments.text("rolls", n): arguments.shades("rolls", r) for n, r in rolls.items()}
    plot = Plot(PAGE, arguments.between("height", height, 0), alt)
    panels = plot.subplots(1, len(shades), sharey=True, squeeze=False)[0]
    used = np.flatnonzero(sum((shade.max(0) > 0.02 for shade in shades.values()), np.zeros(88)))
    low, high = (used[0], used[-1]) if len(used) else (39, 51)
    marks = [key for key in range(3, 88, 12) if low - 2 <= key <= high + 2]  # the Cs
    for axes, (name, shade) in zip(panels, shades.items(), strict=True):
        extent = (0, len(shade) / per_beat, -0.5, 87.5)
        look = {"cmap": "Greys", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        axes.imshow(shade.T, origin="lower", aspect="auto", extent=extent, **look)
        axes.set(title=name, xlabel="quarter notes", ylim=(low - 2.5, high + 2.5))
        axes.set_yticks(marks, [f"C{(key + LOWEST) // 12 - 1}" for key in marks])
        axes.title.set_size(10)
        axes.grid(False)
    panels[0].set_ylabel("key")
    return plot


def score(
    notes: Any, *, alt: str, names: Sequence[str] = VOICES, bar: int = 4, title: str = ""
) -> Plot:
    """A score on two staves: a quarter note for each voice in each frame, a colour for each voice.

    Args:
        notes: MIDI notes (T, V), one column per voice from the highest down, −1 for a rest, T
            up to 64 and V up to 7. `cu.metrics.voices` makes them of a piano roll.
        names: of the voices, V or more.
        bar: frames in a bar.

    Raises:
        TypeError, ValueError: an argument of another kind or shape, or notes beyond MIDI's.
    """
    notes = arguments.shape("notes", arguments.array("notes", notes), "(T, V)")
    frames, count = notes.shape
    if frames > 64 or count > len(COLOURS):
        raise ValueError(
            f"notes must be of at most 64 frames and {len(COLOURS)} voices, not {notes.shape}."
        )
    if not ((notes == np.rint(notes)) & (notes >= -1) & (notes < 128)).all():
        raise ValueError(f"notes must be whole numbers from -1 to 127, not {notes.min():g} and up.")
    arguments.whole("bar", bar, 1), arguments.text("title", title)
    arguments.kind("names", names, Sequence, "a list of names, one per voice")
    arguments.labels("names", list(names)[:count], count, "voice")
    plot = Plot(PAGE, 2.8, alt)
    axes = plot.subplots()
    _staves(axes, frames, bar)
    for voice in range(count):
        upper, colour = voice % 2 == 0, COLOURS[voice]
        for frame, note in enumerate(notes[:, voice].astype(int)):
            if note >= 0:
                _note(axes, frame + 0.5, note, colour, upper, wide=frames / 32)
        axes.plot([], [], "o", color=colour, label=names[voice])
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_title(title, size=10)
    return plot


def _height(note: int) -> int:
    """The line or space of a MIDI note: steps of the scale from C of octave -1."""
    return 7 * (note // 12) + STEPS[note % 12]


def _staves(axes: Axes, frames: int, bar: int) -> None:
    lines = [*BASS, *TREBLE]
    for note in lines:
        axes.axhline(_height(note), color="#888888", lw=0.7, zorder=0)
    for start in range(0, frames + 1, bar):
        ends = [_height(BASS[0]), _height(TREBLE[-1])]
        axes.plot([start, start], ends, color="#888888", lw=0.7, zorder=0)
    axes.set_yticks([_height(n) for n in lines], [f"{NAMES[n % 12]}{n // 12 - 1}" for n in lines])
    axes.tick_params(axis="y", labelsize=7, length=0)
    axes.set_xticks(range(0, frames + 1, bar))
    axes.set(xlabel="quarter notes", xlim=(0, frames), ylim=(_height(36) - 2, _height(84) + 1))
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _note(axes: Axes, x: float, note: int, colour: str, up: bool, wide: float) -> None:
    """A head with its stem, a sharp before it, and the lines it needs beyond the staves."""
    y, width = _height(note), 0.42 * wide
    axes.add_patch(Ellipse((x, y), width, 1.7, angle=0, color=colour, lw=0))
    side = width / 2 if up else -width / 2
    axes.plot([x + side] * 2, [y, y + 5 if up else y - 5], color=colour, lw=1)
    if "♯" in NAMES[note % 12]:
        axes.text(x - width * 0.7, y, "♯", color=colour, size=9, ha="right", va="center")
    low, middle, high = _height(BASS[0]), _height(60), _height(TREBLE[-1])
    beyond = [*range(low - 2, y - 1, -2), *range(high + 2, y + 1, 2)]
    for line in [middle] if y == middle else beyond:
        axes.plot([x - width, x + width], [line, line], color="#888888", lw=0.7, zorder=0)
