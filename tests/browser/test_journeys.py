"""Journeys that a learner makes, in a real JupyterLab and a real browser.

Each leaves screenshots in the folder that `COURSE_SCREENSHOTS` names.
What the stored pages look like is in test_pages.py: two files, so that two workers share them.
A new widget is one line in sliders.py, a new exercise worth a journey one in EXERCISES.
"""

import re
import urllib.error

import psutil
import pytest
from sliders import WIDGETS

pytestmark = pytest.mark.browser


SHORT = ("00",)  # nbval moves the sliders of all lessons; in a browser all are dragged with --long
PLACES = {"54": (0.5, 0.0, 1.0)}  # three values under `smoke`, and it starts at the last

# (lesson, the exercise's cell, its check, a wrong answer, its diagnosis, the right answer)
EXERCISES = [
    (
        "12",
        "def conv_parameters(",
        '"12.1"',
        "def conv_parameters(inputs, outputs, kernel):\n    return inputs * outputs * kernel**2",
        "Where is the bias?",
        "conv_parameters = lambda i, o, k: o * (i * k * k + 1)",
    ),
]


def test_make_lab(server):
    """A port that the system chose, a token, and no way in from another machine."""
    assert server.port not in (0, 8888)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        server.api("contents", token="")
    assert server.api("contents")["type"] == "directory"
    listening = [line for line in psutil.net_connections("inet") if line.status == "LISTEN"]
    places = {line.laddr.ip for line in listening if line.laddr.port == server.port}
    assert places and places <= {"127.0.0.1", "::1"}


# ---- 1: run all ---------------------------------------------------------------------------

FIT = "history = trainer.fit(step, batches"


def test_run_all(server, page, notebook):
    """From `make lab` through all of lesson 00; while it trains, bar and curve move in place."""
    lesson = notebook("00", server.first_page())
    lesson.edit(FIT, {"epochs=EPOCHS": "epochs=150"})  # under smoke it would be over in no time
    training = lesson.cell(FIT)
    lesson.watch(training)
    last = lesson.run_all()
    page.wait_for_function("new Set(window.seen.map(now => now.picture)).size > 3")
    training.scroll_into_view_if_needed()
    lesson.shot("while it trains")
    lesson.wait(last)
    lesson.shot("after all cells")
    lesson.shot("training done", training)
    assert lesson.errors() == []
    assert "profile smoke" in lesson.text(lesson.cell("cu.start(seed=0)"))

    seen = [now for now in lesson.seen() if now["running"]]
    begin = next(i for i, now in enumerate(seen) if now["bars"])
    assert {now["bars"] for now in seen[begin:]} == {1}
    drawn = next(i for i, now in enumerate(seen) if i > begin and now["pictures"])
    assert {now["pictures"] for now in seen[drawn:]} == {1}, "a stack of copies"
    assert len({tuple(now["heights"]) for now in seen[drawn:]}) == 1, "it jumps"
    assert len({now["progress"] for now in seen}) > 10
    assert len({now["picture"] for now in seen}) > 3

    lesson.theme("Dark")
    lesson.resize(800)
    training.scroll_into_view_if_needed()
    lesson.shot("dark and narrow", training)
    lesson.shot("dark and narrow", lesson.cell("cu.widgets.explore("))
    assert lesson.cut_off() == []
    assert lesson.faults("color-contrast") == []


# ---- 2: stop, and go on -------------------------------------------------------------------

SETUP = "device = cu.start(seed=0)"


def test_stop_and_go_on(page, notebook, figure):
    """Stopped in the middle of an epoch, training returns, and later goes on."""
    lesson = notebook("12")
    longer = {"BATCH = 128": "BATCH = 1", "STEPS = cu.budget(cpu=468, gpu=5616)": "STEPS = 200_000"}
    lesson.edit(SETUP, longer)
    lesson.run_up_to(FIT)
    stopped = []
    for visit in ("first", "second"):
        training = lesson.start(FIT)
        lesson.watch(training)
        page.wait_for_function("new Set(window.seen.map(now => now.picture)).size > 2")
        lesson.shot(f"{visit} visit, training")
        seconds = lesson.stop(training)
        lesson.shot(f"{visit} visit, stopped")
        figure(f"the stop button, {visit} press", "2 s on a quiet machine", f"{seconds:.1f} s")
        text = lesson.text(training)
        found = re.search(r"Stopped at step ([\d,]+) of ([\d,]+)", text)
        stopped.append(int(found[1]))
        assert training.locator(".jp-RenderedHTML img").count() == 1
    assert stopped[0] % 1000 and stopped[1] > stopped[0]
    assert lesson.errors() == []


# ---- 3: an exercise -----------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise[2].strip('"'))
def test_exercise(notebook, exercise):
    """Untouched it is not attempted, a wrong answer gets its diagnosis, the right one passes."""
    number, cell, check, wrong, diagnosis, right = exercise
    lesson = notebook(number)
    lesson.run("import course_utils as cu")
    untouched = "has not been attempted yet"
    for answer, words in ((None, untouched), (wrong, diagnosis), (right, "passed")):
        if answer:
            lesson.write(cell, answer)
        lesson.run(cell)
        checked = lesson.run(f"cu.check({check}")
        assert words in " ".join(lesson.text(checked).split())
        lesson.shot(words, checked)


# ---- 4: a widget, saved and opened again --------------------------------------------------


@pytest.mark.parametrize("lesson", WIDGETS)
def test_widget(notebook, figure, lesson, long):
    """The picture of the first widget follows its slider; the summary says how fast.

    Used, saved, and opened again when its kernel is gone, it shows its figure.
    """
    if not long and lesson not in SHORT:
        pytest.skip("of all lessons only at full length: make browser-test")
    slider, words = WIDGETS[lesson][0]
    opened = notebook(lesson)
    opened.run_up_to("cu.widgets.explore(")
    cell = opened.run("cu.widgets.explore(")
    opened.shot("at the start", cell)
    assert cell.locator("img:visible").count() == 1, "the figure and what stands for it"
    places = PLACES.get(lesson, (0.8, 0.3, 0.6))
    seconds = [opened.drag(cell, slider, to, words) for to in places]
    opened.shot("dragged", cell)
    times = ", ".join(f"{s * 1000:.0f}" for s in seconds)
    figure(f"lesson {lesson}'s slider", "picture in 500 ms on a quiet machine", f"{times} ms")

    opened.save()
    opened.server.shut_kernels_down()
    opened.open()
    place, *_ = opened.places("cu.widgets.explore(")
    opened.at(place).scroll_into_view_if_needed()
    opened.shot("opened again", opened.at(place))
    assert opened.at(place).locator("img:visible").count() == 1
