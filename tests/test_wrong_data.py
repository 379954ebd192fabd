"""Wrong input to `cu.data`: for each function a good call, and what must be refused.

Values of another type are drawn from the annotations, except those of fields.
"""

import numpy as np
import torch
from PIL import Image
from scipy.io import wavfile
from synthetic import pictures
from wrong import Fresh, Refusals, nan

import course_utils as cu
from course_utils import paths

X, Y = torch.arange(12.0).view(12, 1), torch.arange(12)
IMAGES, IDS = torch.rand(3, 1, 6, 6), torch.arange(40) % 7
MADE = {"name": "made", "source": "made"}


def folder():
    """Two classes of four pictures each."""
    for name in ("red", "blue"):
        path = paths.root() / "pictures" / name
        path.mkdir(parents=True, exist_ok=True)
        for number in range(4):
            Image.new("RGB", (8, 8), name).save(path / f"{number}.png")
    return "pictures"


def file(name, text):
    def make():
        (paths.root() / name).write_text(text)
        return name

    return Fresh(make)


def table(rows):
    return file("own.csv", "a,b\n" + "".join(f"{row % 7},{row**2}\n" for row in range(rows)))


ROLL = torch.eye(40, 88)
MUSIC = {**MADE, "train": (ROLL, ROLL[:9]), "validation": (ROLL,), "test": (ROLL,)}
OWN_MUSIC = Fresh(lambda: cu.data.MusicData(**MUSIC))


def songs(count=5):
    """A folder of MIDI files."""
    for number in range(count):
        cu.data.write_midi(f"songs {count}/{number}.mid", ROLL)
    return f"songs {count}"


def words():
    """Two words of three recordings each."""
    for word in ("go", "stop"):
        path = paths.root() / "words" / word
        path.mkdir(parents=True, exist_ok=True)
        for number in range(3):
            wavfile.write(path / f"a_{number}.wav", 8000, np.ones(90, np.int16))
    return "words"


def film(count=24):
    """A folder of frames."""
    path = paths.root() / f"film {count}"
    path.mkdir(exist_ok=True)
    for number in range(count):
        Image.new("L", (8, 8), number).save(path / f"{number}.png")
    return path.name


FILM = {**MADE, "train": (torch.rand(5, 1, 4, 4),), "test": (torch.rand(3, 1, 4, 4),)}


SPEECH = {
    **MADE, "waves": (torch.zeros(9), torch.zeros(5), torch.zeros(3)),
    "labels": torch.tensor([0, 1, 1]), "speakers": torch.zeros(3, dtype=torch.int64),
    "test": torch.tensor([True, False, False]), "classes": ("go", "stop"), "people": ("ann",),
}  # fmt: skip


def broken():
    (paths.root() / "broken").mkdir(exist_ok=True)
    (paths.root() / "broken" / "a.mid").write_bytes(b"x")
    return "broken"


SERIES = {
    **MADE, "train": torch.rand(4, 3, 2), "test": torch.rand(2, 3, 2), "features": ("a", "b"),
    "low": torch.zeros(2), "high": torch.ones(2),
}  # fmt: skip
TEXT = {**MADE, "train": IDS, "validation": IDS, "symbols": "abcdefg"}
BATCHES = Fresh(lambda: cu.Batches((X, Y), 4))
WINDOWS = Fresh(lambda: cu.data.Windows(IDS, 2, 3))
OWN_SERIES, OWN_TEXT = (
    Fresh(lambda: cu.data.SeriesData(**SERIES)), Fresh(lambda: cu.data.TextData(**TEXT)),
)  # fmt: skip
NO_SEED = [-1, 0.5, "x", None, True]
NO_SHARE = [0, 1, -0.1, torch.nan, "x", None]
NO_X = [None, "x", X.tolist(), X[0], IMAGES.byte(), torch.rand(5, 1, 8, 8)]
NO_Y = [None, [0, 1], Y.float(), Y[:5], Y[:, None], Y - 1, Y + 99]
NO_IDS = [None, "x", IDS.tolist(), IDS.float(), IDS.view(2, 20), IDS + 1, IDS - 1]

CASES = {
    "Batches": (
        {"tensors": (X, Y), "size": 4},
        {
            "tensors": [[], (X, None), (X, Y[:5]), torch.tensor(1.0), [1.0, 2.0], X[:0]],
            "size": [0, True], "seed": [True],
        },
    ),
    "Batches.order": ({"self": BATCHES, "epoch": 0}, {"epoch": [True]}),
    "Batches.epoch": ({"self": BATCHES, "epoch": 0, "start": 1}, {"start": [True]}),
    "data.load": (
        {"name": "glyphs"},
        {
            "name": ["", ".", "a\0b", "mnist2", "gone.txt", "gone.csv"],
            "name: folder": [Fresh(lambda: f"{folder()}/red")],
        },
    ),
    "data.folder": (
        {"path": Fresh(folder), "size": 8},
        {
            "path": ["", "gone", "a\0b"], "path: folder": [Fresh(lambda: f"{folder()}/red")],
            "size": [0, 8.5, "8", True], "channels": [2, 1.0, "1", True],
            "test_share": NO_SHARE, "seed": NO_SEED,
        },
    ),
    "data.text": (
        {"path": file("own.txt", "Once upon a time there was a text.")},
        {
            "path": ["", "gone.txt", "."],
            "path: short.txt": [file("short.txt", "Too short."), file("short.txt", "")],
        },
    ),
    "data.sines": (
        {"length": 4, "count": 6},
        {
            "length": [1, True], "seed": [True], "count": [1, 2.5, None],
            "features": [0, -1, "x"], "ranges": ["both", None, []],
        },
    ),
    "data.sunspots": (
        {"length": 4},
        {
            "length": [1, True], "length: window": [200], "stride": [0, 1.5, "x", None],
            "split": ["half", None, []], "test_share": NO_SHARE, "seed": NO_SEED,
        },
    ),
    "data.etth1": ({"length": 4}, {"length": [1, True, 2.5, None]}),
    "data.exchange_rates": ({"length": 4}, {"length": [1, True, 2.5, None]}),
    "data.csv": (
        {"path": table(40), "length": 4},
        {
            "stride": [0, 1.5, "x", None], "split": ["half", None, []], "test_share": NO_SHARE,
            "columns": ["c", [], ["a", "a"], 3, [None]], "separator": ["::", 3, ""],
            "decimal": ["'", 3], "header": ["yes", 1], "seed": NO_SEED, "length: own.csv": [99],
            "path": ["", "gone.csv", "."],
            "path: own.csv": [table(3), file("own.csv", ""), file("own.csv", "a\n1\nx\n")],
        },
    ),
    "data.augment.affine": (
        {"degrees": 5},
        {"degrees": [torch.inf], "shift": [torch.inf], "scale": [1.0], "shear": [torch.inf]},
    ),
    "data.augment.warp": (
        {"images": IMAGES, "angle": 5.0, "shift": (0.1, torch.zeros(3)), "scale": torch.ones(3)},
        {
            "images": [IMAGES.byte()], "angle": [torch.zeros(2)], "shear": [torch.zeros(3, 1)],
            "shift": [(0.1,), ("x", 0.1), (torch.zeros(2), 0.0), "ab", (torch.nan, 0.0)],
            "scale": [0, torch.ones(2)],
        },
    ),
    "ImageData": (
        vars(pictures()),
        {"train_x": NO_X, "train_y": NO_Y, "test_x": NO_X, "test_y": NO_Y, "classes": [None, 10]},
    ),
    "ImageData.batches": (
        {"self": Fresh(pictures), "size": 4}, {"size": [0, True], "seed": [True]},
    ),
    "ImageData.test_batches": ({"self": Fresh(pictures)}, {"size": [0, True]}),
    "ImageData.few": (
        {"self": Fresh(pictures), "labels": 4}, {"labels": [1, 11, True], "seed": [True]},
    ),
    "SeriesData": (
        SERIES,
        {
            "train": [None, X, torch.rand(4, 3, 1), "x"], "test": [None, X, torch.rand(4, 3, 3)],
            "features": [None, 2, "ab"], "low": [None, 0.0, torch.zeros(3)],
            "high": [None, torch.ones(1)],
        },
    ),
    "SeriesData.inverse": (
        {"self": OWN_SERIES, "samples": torch.rand(2, 2)},
        {"samples": [torch.rand(2, 3), torch.tensor(1.0), np.array(["a", "b"])]},
    ),
    "SeriesData.batches": (
        {"self": OWN_SERIES, "size": 2}, {"size": [0, True], "seed": [True]},
    ),
    "data.video": (
        {"path": Fresh(film), "size": 8},
        {
            "path": ["", "gone", "a\0b", "gone.mp4"], "path: film": [Fresh(lambda: film(3))],
            "size": [0, 8.5, True], "test_share": NO_SHARE, "least": [1, 2.5, True],
        },
    ),
    "VideoData": (
        FILM,
        {
            "train": [None, FILM["train"][0], (torch.rand(4, 5, 6),), ("x",)],
            "test": [None, FILM["test"][0], (torch.rand(1, 1, 4, 4),), ("x",)],
        },
    ),
    "data.music": (
        {"path": Fresh(songs)},
        {
            "path": ["", "gone", "a\0b", Fresh(folder), Fresh(broken), Fresh(lambda: songs(1))],
            "per_beat": [0, 25, True], "longest": [15, True], "test_share": [0, 0.5, "x"],
            "seed": NO_SEED,
        },
    ),
    "data.chorales": ({"per_beat": 1}, {"per_beat": [0, 2, True, "x", None]}),
    "data.speech": (
        {"path": Fresh(words)},
        {
            "path": ["", "gone", "a\0b", Fresh(folder)], "rate": [0, True, 8000.0],
            "test_share": [0, 1, "x"], "seed": NO_SEED,
        },
    ),
    "data.wav": (
        {"path": Fresh(lambda: f"{words()}/go/a_0.wav")},
        {
            "path": ["", "gone", "a\0b"], "path: damaged": [file("a.wav", "x")],
            "rate": [0, True, 10**6],
        },
    ),
    "SpeechData": (
        SPEECH,
        {
            "waves": [None, X, [], [X], ["a"]], "labels": [None, Y, Y.float()[:3], Y[:2]],
            "speakers": [Y[:3], "x"], "test": [None, Y[:3]], "rate": [0, True, 8000.0],
        },
    ),
    "data.write_midi": (
        {"path": "a.mid", "roll": ROLL},
        {
            "path": ["", "a.txt", "a\0b"], "per_beat": [0, 999, True], "bpm": [0, 9999],
            "roll": [ROLL.T, 2 * ROLL, ROLL[:0], nan(ROLL)], "joined": [2, None],
        },
    ),
    "MusicData": (
        MUSIC,
        {
            "train": [None, ROLL, [], [ROLL[:1]], [2 * ROLL], [ROLL.T]], "test": [[None], "x"],
            "validation": [[], 3], "per_beat": [0, True], "raised": [-1, 0.5],
        },
    ),
    "MusicData.padded": ({"self": OWN_MUSIC, "part": "test"}, {"part": ["all", "", None]}),
    "MusicData.batches": ({"self": OWN_MUSIC, "size": 2}, {"size": [0, True], "seed": [True]}),
    "TextData": (
        TEXT, {"train": NO_IDS, "validation": NO_IDS, "symbols": [None, 7, ["a", "b"], ""]},
    ),
    "TextData.encode": ({"self": OWN_TEXT, "text": "abc"}, {"text: characters": ["xyz", "a b"]}),
    "TextData.decode": (
        {"self": OWN_TEXT, "ids": IDS},
        {"ids": ["abc", IDS.float(), IDS + 1, IDS - 1, [[1], [1, 2]], [0.5]]},
    ),
    "TextData.windows": (
        {"self": OWN_TEXT, "size": 2, "length": 3},
        {"size": [0, True, 99], "length": [0, True, 99], "seed": [True]},
    ),
    "Windows": (
        {"ids": IDS, "size": 2, "length": 3},
        {"ids": [IDS.float(), IDS[:5]], "size": [0, 99], "length": [0, True, 99], "seed": [True]},
    ),
    "Windows.epoch": ({"self": WINDOWS, "epoch": 0, "start": 1}, {"epoch": [True]}),
}  # fmt: skip


class TestData(Refusals):
    CASES = CASES
    ROOMS = {"data"}
    SIGNED = {f"data.augment.warp: {argument}": "to either side" for argument in ("angle", "shear")}
    ANY_AXES = {
        "Batches: tensors": "any axes after that of the items",
        "SeriesData.inverse: samples": "any axes before that of the features",
        **{f"data.augment.warp: {name}": "a number" for name in ("angle", "scale", "shear")},
    }
