"""Tables and folders of pictures drawn at random, and runs that are cut off and changed so."""

import gzip
import random

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import course_utils as cu
from course_utils.data import tables

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")
JUNK = ("._a.png", "Thumbs.db", ".DS_Store", "notes.txt", ".ipynb_checkpoints/a.png")


def often(check, drawn, times):
    """Try a check on that many values of a strategy, the same ones each time."""
    settings(max_examples=times, deadline=None, derandomize=True, database=None)(
        given(drawn)(check)
    )()


@st.composite
def a_table(draw):
    """(numbers, bytes of a CSV file that holds them, the options that say how it is written)."""
    separator = draw(st.sampled_from(",;\t|"))
    decimal = "." if separator == "," else draw(st.sampled_from(".,"))
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(2, 8))
    number = st.floats(-1e6, 1e6, allow_subnormal=False) | st.integers(-999, 999).map(float)
    numbers = draw(st.lists(st.lists(number, min_size=columns, max_size=columns),
                            min_size=rows, max_size=rows))  # fmt: skip
    names = [f"feature {k + 1}" for k in range(columns)]
    cells = [[repr(one).replace(".", decimal) for one in row] for row in numbers]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(separator.join(row) for row in [names, *cells]) + end * draw(st.booleans())
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig"])))
    packed = draw(st.booleans())
    options = {"separator": separator, "decimal": decimal, "header": True}
    return np.array(numbers), gzip.compress(data) if packed else data, options, packed


@pytest.mark.report("K")
def test_random_tables(tmp_path, long, figure):
    """Read as they were written, or refused in a sentence; and read where every option is given."""
    tried = {"read": 0, "asked": 0}

    def check(drawn):
        numbers, data, options, packed = drawn
        path = tmp_path / ("own.csv.gz" if packed else "own.csv")
        path.write_bytes(data)
        assert np.array_equal(tables.read(path, **options).rows, numbers)
        try:
            found = tables.read(path).rows
        except ValueError as error:
            assert str(error).endswith(".") and path.name in str(error)
            tried["asked"] += 1
        else:
            assert np.array_equal(found, numbers)
            tried["read"] += 1

    often(check, a_table(), 2000 if long else 100)
    figure("tables drawn at random", "right, or asked about", " and ".join(
        f"{count} {what}" for what, count in tried.items()))  # fmt: skip


def save(path, mode, size, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "I;16":
        image = Image.fromarray(np.full(size[::-1], 257 * colour, np.uint16))
    else:
        image = Image.new("L", size, colour).convert(mode)
    image.save(path, "TIFF" if mode == "CMYK" else "PNG")


a_picture = st.tuples(
    st.sampled_from(MODES),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([0, 255]),
)
a_folder = st.tuples(
    st.lists(a_picture, min_size=2, max_size=6), st.lists(a_picture, min_size=2, max_size=6),
    st.sets(st.sampled_from(JUNK)), st.sampled_from([None, 1, 3]),
)  # fmt: skip


@pytest.mark.report("J")
def test_random_folders_of_pictures(tmp_path, long, monkeypatch, figure):
    """Each picture once, black as black and white as white; what is none is no picture."""
    monkeypatch.setenv("COURSE_PROFILE", "cpu")
    places = (tmp_path / str(number) for number in range(10**6))

    def check(drawn):
        *classes, junk, channels = drawn
        place = next(places)
        for label, pictures in enumerate(classes):
            for number, (mode, size, colour) in enumerate(pictures):
                save(place / f"class {label}" / f"{number}.img", mode, size, colour)
        for name in junk:
            (place / "class 0" / name).parent.mkdir(exist_ok=True)
            (place / "class 0" / name).write_bytes(b"no picture")
        data = cu.data.folder(place, 8, channels)
        for label, pictures in enumerate(classes):
            x = [*data.train_x[data.train_y == label], *data.test_x[data.test_y == label]]
            whites = sum(colour == 255 for *_, colour in pictures)
            assert len(x) == len(pictures)
            assert sum(bool((one > 0.99).all()) for one in x) == whites
            assert sum(bool((one < 0.01).all()) for one in x) == len(pictures) - whites

    times = 500 if long else 25
    often(check, a_folder, times)
    figure("folders of pictures drawn at random", "each picture once, in its shade", f"{times}")


@pytest.mark.report("D")
def test_runs_that_are_cut_off_and_changed_at_random(long, figure):
    """Whatever sizes of batches come between, each run ends as the undisturbed one does."""
    tensors = tiny.batches().tensors
    totals, ends = {8: 20, 4: 40, 10: 16}, {}
    for size, total in totals.items():
        trainer, step = tiny.classifier(schedule=steady)
        trainer.fit(step, cu.Batches(tensors, size), steps=total, show=False)
        ends[size] = tiny.states(trainer)
    times, cuts = 30 if long else 3, 0
    for number in range(times):
        choose, left, seen = random.Random(number), dict.fromkeys(totals, 0), []
        while left:
            size = choose.choice(sorted(left))
            left[size] = min(totals[size], left[size] + choose.randint(1, 15))
            trainer, step = tiny.classifier(f"runs/{number}", schedule=steady)
            batches = cu.Batches(tensors, size)
            trainer.fit(counting(step, seen), batches, steps=left[size], show=False)
            assert trainer.steps == len(trainer.history["loss"]) == left[size]
            cuts += 1
            if left[size] == totals[size]:
                assert tiny.states(trainer) == ends[size]
                del left[size]
        assert len(seen) == sum(totals.values())  # no step was made twice
    figure("runs cut off, with other sizes of batches between", "bit for bit", f"{cuts} cuts")


def counting(step, seen):
    def counted(batch):
        seen.append(len(batch[0]))
        return step(batch)

    return counted


def steady(opt):
    """A schedule that does not ask for the number of steps."""
    return tiny.torch.optim.lr_scheduler.ExponentialLR(opt, 0.99)
