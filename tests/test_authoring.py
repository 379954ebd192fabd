"""The authoring chain on a tiny lesson in a temporary folder: build, run, clean, strip, rules."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import nbformat
import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from course_utils import plots
from course_utils.authoring import claims, lesson, rate, readme, rules, stored, timings
from course_utils.authoring.__main__ import main
from course_utils.authoring.clean import clean
from course_utils.authoring.course import AuthoringError, Course
from course_utils.authoring.execute import PeakMemory, environment, execute
from course_utils.authoring.launch import colab_cell
from course_utils.authoring.source import build, dumps, loads, read, tags
from course_utils.authoring.strip import PLACE, STUB, strip, without_solution
from course_utils.claims import MIME
from course_utils.data import download, registry

SOURCE = """\
# %% [markdown]
# # 12 · Tiny lesson
#
# *What a tiny lesson | is about,
# on two lines.*
#
# **Time.** {{minutes}}.

# %%
import sys
from pathlib import Path

print("runs in", Path.cwd().name)

# %% [markdown]
# > <details><summary>Answer</summary>Two.</details>

# %% tags=["exercise"]
def double(x):
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION

# %%
class cu:
    check = staticmethod(lambda name, candidate: print(name, "passed"))

cu.check("12.1", double)

# %% tags=["solution"]
print("the whole cell is a solution")

# %% [markdown] tags=["solution"]
# A solution in prose.

# %%
claim = {"text": "Two and two", "value": 4, "at_least": 4, "at_most": None, "form": "g"}
display({"application/vnd.course.claim+json": claim | {"reproduced": True}}, raw=True)

# %% [markdown] tags=["instructor"]
# **Instructor.** Two minutes.
"""
CLAIM = {
    "text": "Two and two", "value": 4, "at_least": 4, "at_most": None, "form": "g",
    "reproduced": True,
}  # fmt: skip
PYPROJECT = '[project.urls]\nRepository = "https://github.com/owner/repo"\n'
BEGIN, END = readme.marks("lessons")
README = f"# Course\n\n{BEGIN}\n{END}\n\nThe end.\n"


@pytest.fixture
def course(tmp_path):
    """A course of one lesson."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "solutions" / "12_tiny.py").write_text(SOURCE)
    return Course(tmp_path)


@pytest.fixture
def source(course):
    return course.find("12")


@pytest.fixture
def made(course, source):
    """The same course with notebooks as if they had been executed."""
    notebook = build(course, source)
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
        cell.outputs = [new_output("stream", name="stdout", text=f"output {count}\n")]
    notebook.cells[1].outputs = []
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    last.outputs = [new_output("display_data", {"text/plain": "Two and two: 4.", MIME: CLAIM})]
    notebook.metadata["course"] = {"profile": "cpu"}
    claims.record(course, "12", "cpu", notebook)
    lesson.store(course, source, notebook)
    readme.write_table(course)
    return course


def edit(source, old, new):
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))


# --- source and build


def test_two_builds_are_the_same_bytes_and_valid(course, source):
    one, other = build(course, source), build(course, source)
    assert dumps(one) == dumps(other)
    assert dumps(loads(dumps(one))) == dumps(one)
    nbformat.validate(one)
    assert one.nbformat_minor == 5
    assert one.metadata.kernelspec.name == "python3"


def test_ids_survive_an_edit_elsewhere_and_tell_equal_cells_apart(course, source):
    before = [cell.id for cell in build(course, source).cells]
    edit(source, "# **Instructor.** Two minutes.", "# **Instructor.** Three minutes.")
    after = [cell.id for cell in build(course, source).cells]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * (len(after) - 1) + [
        False
    ]
    source.write_text(SOURCE + "\n# %%\nx = 1\n\n# %%\nx = 1\n")
    ids = [cell.id for cell in build(course, source).cells]
    assert len(set(ids)) == len(ids)
    assert ids[-1] == f"{ids[-2]}-2"


def test_title_cell_has_badges_and_minutes(course, source):
    title = build(course, source).cells[0].source
    assert title.startswith("# 12 · Tiny lesson\n\n[Open in Colab](https://colab.research")
    assert "/github/owner/repo/blob/main/notebooks/12_tiny.ipynb)" in title
    assert "mybinder.org/v2/gh/owner/repo/main?urlpath=lab/tree/notebooks/12_tiny.ipynb)" in title
    assert "not yet measured on a CPU, not yet measured on a GPU." in title
    assert "![" not in title
    times = {"12": {"cpu": {"minutes": 3.21, "peak_mb": 412}}}
    assert "3.2 min on two CPU cores (412 MB" in build(course, source, times).cells[0].source


def test_colab_cell_is_the_first_code_cell(course, source):
    cells = build(course, source).cells
    assert tags(cells[1]) == {"colab"}
    assert 'address = "https://github.com/owner/repo"' in cells[1].source
    assert max(map(len, cells[1].source.splitlines())) <= rules.MAX_LINE
    assert len([line for line in cells[1].source.splitlines() if line.strip()]) <= rules.MAX_CELL


@pytest.mark.parametrize("line", ["%matplotlib inline", "!ls", "x = 1 %", "?print", "await x"])
def test_a_source_is_plain_python(course, source, line):
    edit(source, "import sys\n", f"import sys\n{line}\n")
    with pytest.raises(AuthoringError, match=re.escape(f"{line!r}")) as caught:
        read(source)
    assert "line 11" in str(caught.value)
    assert ("magic" in str(caught.value)) == (line[0] in "%!?")


def test_an_unfinished_source_is_refused(source):
    source.write_text(SOURCE + "\n# %%\nif True:\n")
    with pytest.raises(AuthoringError, match="expected an indented block"):
        read(source)


def test_comments_and_modulo_are_no_magics(course, source):
    edit(source, "import sys\n", "import sys\n# %time is a comment\nx = (5\n     % 3)\n")
    assert "# %time is a comment" in read(source)[1].source


def test_blank_lines_and_cell_names_leave_no_trace(course, source):
    before = dumps(build(course, source))
    edit(source, '\n# %% tags=["exercise"]\ndef', '\n\n\n# %% A name tags=["exercise"]\n\n\ndef')
    assert dumps(build(course, source)) == before


def test_a_source_whose_cells_are_not_python_is_refused(course, source):
    edit(source, "    return 2 * x", "    y = (2\n# %%\n    * x)\n    return y")
    with pytest.raises(AuthoringError, match="cell 4, line"):
        read(source)


@pytest.mark.parametrize("text", ["# %%\nx = 1\n", "# %% [markdown]\n# # 13 · Other\n", ""])
def test_the_title_comes_first(source, text):
    source.write_text(text)
    with pytest.raises(AuthoringError, match="first cell must be markdown and begin '# 12 · "):
        read(source)


def test_a_repository_that_is_no_github_address_is_refused(course):
    (course.root / "pyproject.toml").write_text('[project.urls]\nRepository = "http://x"\n')
    with pytest.raises(AuthoringError, match="Repository is 'http://x'"):
        _ = course.repository


def test_an_unknown_lesson_lists_the_known_ones(course):
    with pytest.raises(AuthoringError, match="no lesson 99; choose from: 12_tiny"):
        course.find("99")
    (course.solutions / "12_twin.py").write_text(SOURCE)
    with pytest.raises(AuthoringError, match="has 2 sources"):
        course.find("12")


# --- the Colab cell


@pytest.fixture
def colab(tmp_path):
    """Runs the Colab cell `times` times in a fresh interpreter; address: a local repository."""
    origin = tmp_path / "origin" / "repo"
    for folder in ("course_utils", "notebooks"):
        (origin / folder).mkdir(parents=True)
        (origin / folder / "file.txt").write_text("x")
    git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    content = tmp_path / "content"
    content.mkdir()

    def run(fake=True, address=None, times=1):
        cell = colab_cell(address or origin.as_uri())
        lines = ["import sys, types, os"]
        lines += ["sys.modules['google.colab'] = types.ModuleType('google.colab')"] * fake
        lines += [f"exec({cell!r})"] * times
        lines += ["print(os.getcwd()); print(sum(p.endswith('content/repo') for p in sys.path))"]
        command = [sys.executable, "-c", "\n".join(lines)]
        return subprocess.run(command, cwd=content, capture_output=True, text=True)

    run.content = content
    return run


def test_colab_cell_fetches_once_and_changes_directory(colab):
    for times in (1, 2):  # the second interpreter finds the folder of the first
        done = colab(times=times)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [str(colab.content / "repo" / "notebooks"), "1"]
    assert not (colab.content / "repo" / "notebooks" / "repo").exists()


def test_colab_cell_is_inert_elsewhere(colab):
    done = colab(fake=False)
    assert done.stdout.split() == [str(colab.content), "0"]
    assert list(colab.content.iterdir()) == []


def test_colab_cell_says_why_it_could_not_fetch(colab):
    done = colab(address=(colab.content / "nowhere").as_uri())
    assert "RuntimeError: Could not fetch file://" in done.stderr
    assert "nowhere" in done.stderr


# --- strip


def test_strip_stubs_indented_nested_and_several_blocks():
    code = """\
class A:
    def f(self):
        # BEGIN SOLUTION
        x = 1
        # BEGIN SOLUTION inner
        y = 2
        # END SOLUTION

        return x + y
        # END SOLUTION
    z = 3
# BEGIN SOLUTION
w = 4
# END SOLUTION"""
    stub = "\n".join(STUB)
    deep = "\n".join(f"        {line}" for line in STUB)
    assert without_solution(code) == f"class A:\n    def f(self):\n{deep}\n    z = 3\n{stub}"


def test_learner_notebook_has_no_solution_and_no_spoilt_output(made, source):
    solved = loads(made.solved(source).read_bytes())
    learner = loads(made.learner(source).read_bytes())
    text = dumps(learner).decode()
    assert "2 * x" not in text and "whole cell" not in text and "in prose" not in text
    assert "Instructor" not in text and "Instructor" in dumps(solved).decode()
    by_id = {cell.id: cell for cell in learner.cells}
    for cell in solved.cells:
        kept = by_id.get(cell.id)
        if cell.cell_type == "code" and kept and kept.source == cell.source != PLACE:
            spoilt = "cu.check" in cell.source
            assert kept.outputs == ([] if spoilt else cell.outputs)
            assert (kept.execution_count is None) == spoilt
    stubs = [c for c in learner.cells if tags(c) & {"exercise", "solution"}]
    assert [c.outputs for c in stubs] == [[], []]
    assert stubs[0].source.endswith("...") and stubs[1].source == PLACE


def test_strip_is_pure_and_takes_what_the_solution_put_out():
    cell = new_code_cell("x", metadata={"tags": ["solution"]}, execution_count=3)
    cell.outputs = [new_output("stream", text="seen")]
    notebook = new_notebook(cells=[cell])
    before = dumps(notebook)
    assert strip(notebook).cells[0].outputs == []
    assert dumps(notebook) == before
    assert dumps(strip(notebook)) == dumps(strip(notebook))


# --- clean

WIDGET = "application/vnd.jupyter.widget-view+json"


def test_clean_drops_widgets_and_keeps_their_pictures(tmp_path):
    view = {WIDGET: {"model_id": "1"}, "text/plain": "IntSlider(value=0)"}
    picture = f'<img class="still-{"0a" * 16}" alt="A line." src="data:image/gif;base64,AAAA">'
    shown = new_output("display_data", {**view, "text/html": picture})
    shown.metadata = {WIDGET: {}, "text/html": {}}
    cleaned = clean([new_output("display_data", view), shown], tmp_path)
    kept = picture.replace(f"still-{'0a' * 16}", "still")
    assert [dict(output.data) for output in cleaned] == [
        {"text/plain": "IntSlider(value=0)", "text/html": kept}
    ]
    assert cleaned[0].metadata == {"text/html": {}}


def test_clean_makes_pictures_smaller_and_no_worse_to_see(tmp_path):
    plot = plots.lines({"a": ([0, 1], [1, 3]), "b": ([0, 1], [2, 1])}, xlabel="x", ylabel="y",
                       alt="Two lines.")  # fmt: skip
    [shown] = clean([new_output("display_data", {"text/html": plot.html()})], tmp_path)
    small = base64.b64decode(re.search('base64,([^"]+)', shown.data["text/html"])[1])
    assert len(small) < 0.6 * len(plot.png())
    before, after = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)
                     for png in (plot.png(), small))  # fmt: skip
    assert before.shape == after.shape and 0 < abs(before - after).mean() < 0.5  # of 255
    again = clean([new_output("display_data", dict(shown.data))], tmp_path)
    assert again[0].data == shown.data


def test_clean_merges_streams_and_drops_progress_bars(tmp_path):
    streams = [
        ("stdout", "a"),
        ("stdout", "b\n"),
        ("stderr", "\r  0%| | 0/2"),
        ("stderr", "\r100%|#| 2/2\nUserWarning: kept\r\n"),
        ("stderr", "\r50%"),
        ("stdout", "c\n"),
        ("stderr", "\r  0%|"),
    ]
    outputs = [new_output("stream", name=name, text=text) for name, text in streams]
    assert [(o.name, o.text) for o in clean(outputs, tmp_path)] == [
        ("stdout", "ab\n"),
        ("stderr", "UserWarning: kept\n"),
        ("stdout", "c\n"),
    ]


def test_clean_makes_text_the_same_on_every_machine(tmp_path, monkeypatch):
    home = tmp_path / "home"
    root = home / "the course"
    root.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    cases = {
        f"saved in {root}/runs/12.": "saved in runs/12.",
        f"root {root}": "root .",
        f"'{root}-other'": "'~/the course-other'",
        f"{home}/data, {home}.": "~/data, ~.",
        "<function f at 0x7f00aa>": "<function f at 0x...>",
        "/tmp/ipykernel_12/34.py:3: UserWarning": "<cell>:3: UserWarning",
        f"{root}/.venv/lib/python3.11/site-packages/torch/x.py:1": "site-packages/torch/x.py:1",
        f"{os.__file__}:9": "python/os.py:9",
        f"https://a.org{home}/x": f"https://a.org{home}/x",
    }
    picture = f'src="data:image/gif;base64,AA+{root}/AA"'
    for text, wanted in cases.items():
        error = new_output("error", ename="E", evalue=text, traceback=[text])
        bundle = {"text/plain": text, "image/png": text, "text/html": f"{text}<img {picture}>"}
        data = new_output("execute_result", bundle)
        stream, error, data = clean([new_output("stream", text=text), error, data], root)
        assert stream.text == wanted
        assert error.evalue == wanted and error.traceback == [wanted]
        bundle["text/plain"], bundle["text/html"] = wanted, f"{wanted}<img {picture}>"
        assert data.data == bundle


# --- rules


def test_the_tiny_lesson_keeps_the_rules(source):
    assert rules.problems(source) == []


EXERCISE = '\n# %% tags=["exercise"]'
LONG_CELL = "\n# %%\n" + "x = 1\n" * 26
BROKEN = {
    "long line": ("import sys", "import sys  # " + "x" * 90, "line 10 has 104 characters"),
    "long cell": (EXERCISE, LONG_CELL + EXERCISE, "26 lines"),
    "path": ("import sys", "x = '/home/me/x'", "path of one machine: /home/m"),
    "path in prose": ("Two.<", "In /Users/me.<", "cell 3 (line 15) names a path"),
    "other check": ('"12.1"', '"21.1"', "checks '21.1'"),
    "from itself": ("import sys", "x = [*y, *x]", "makes 'x' from itself, so it cannot be run"),
    "added to itself": ("import sys", "sys += 1", "makes 'sys' from itself"),
    "no end": ("    # END SOLUTION\n", "", "not in pairs"),
    "end first": ("# BEGIN SOLUTION", "# END SOLUTION", "not in pairs"),
    "stub breaks": ("    # BEGIN SOLUTION\n    return 2 * x\n",
                    "    if x:\n    # BEGIN SOLUTION\n        return 2 * x\n", "no longer Python"),
    "unmarked": ("    # BEGIN SOLUTION\n    return 2 * x\n    # END SOLUTION\n",
                 "    return 2 * x\n", "marks no solution"),
    "needs a solution": ('# %% tags=["solution"]', '# %%\ndouble(3)', "uses double of an"),
    "tag": ('tags=["solution"]', 'tags=["soluton"]', "has the tag 'soluton'"),
    "no instructor": (' tags=["instructor"]', "", "no cell tagged 'instructor'"),
    "no exercise": ('# %% tags=["exercise"]', "# %%", "no cell tagged 'exercise'"),
    "open fold": ("</details>", "", "1 <details> and 0 </details>"),
    "open summary": ("<summary>", "", "0 <summary> and 1 </summary>"),
    "no alt": ("Two.<", "![](x.png)<", "picture without alt"),
    "no subject": ("# *What a tiny lesson | is about,\n# on two lines.*\n#\n", "", "subject"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_refuses_its_broken_lesson(source, name):
    old, new, message = BROKEN[name]
    edit(source, old, new)
    found = rules.problems(source)
    assert any(message in line for line in found), found
    assert all(line.startswith("12_tiny.py: ") for line in found)


def test_the_median_cell_is_short(source):
    source.write_text(SOURCE + ("\n# %%\n" + "x = 1\n" * 9) * 6)
    assert rules.problems(source) == [
        "12_tiny.py: code cells have 9 lines in the median, at most 8"
    ]


def test_what_is_the_same_at_the_second_time_is_fine(source):
    edit(source, "import sys", "x, y = 9, [1]\ny += [2]\nz = [z for z in y]\nx = min(x, 5)")
    assert rules.problems(source) == []


def test_addresses_tables_and_relative_paths_are_fine(source):
    edit(
        source, "Two.<", "Two.\n# | " + "x" * 99 + "\n# https://a.org/home/x/" + "x" * 99 + "\n# <"
    )
    edit(source, "import sys", "x = 'runs/home/x', 'a/tmp/b'")
    assert rules.problems(source) == []


# --- stored notebooks


def test_a_made_course_is_in_step(made, source, capsys):
    assert lesson.problems(made) == []
    assert main(["check"], made) == 0
    assert "1 lessons in step" in capsys.readouterr().out


def test_check_sees_each_way_to_be_out_of_step(made, source, capsys):
    solved, learner = made.solved(source), made.learner(source)
    whole = {
        path: path.read_bytes() for path in (source, solved, learner, made.readme, made.claims)
    }

    def sees(message):
        assert any(message in line for line in lesson.problems(made)), lesson.problems(made)
        assert main(["check"], made) == 1
        for path, data in whole.items():
            path.write_bytes(data)

    edit(source, "Two minutes", "Three minutes")
    sees("not what 12_tiny.py builds: run `refresh 12`")
    learner.write_bytes(whole[learner].replace(b"Tiny", b"tiny"))
    sees("not its solution stripped: run `strip 12`")
    learner.unlink()
    sees("notebooks/12_tiny.ipynb: missing")
    solved.write_bytes(whole[solved].replace(b'"profile": "cpu"', b'"profile": "smoke"'))
    sees("not of a cpu or gpu run")
    edit(made.claims, '"value": 4', '"value": 5')
    sees("claims.json: not the claims of lesson 12: run `lesson 12`")
    for path in (solved, made.claims):
        edit(path, '"reproduced": true', '"reproduced": false')
    sees("lesson 12 (cpu): the claim failed: Two and two: 4, claimed 4 or more")
    edit(solved, MIME, "application/x+json")
    sees("lesson 12 makes no claim: say cu.claim(…) where its result is measured")
    edit(made.readme, "Tiny", "tiny")
    sees("README.md: its tables are out of step")
    made.readme.write_text("no marks")
    sees("README.md has no place for the lessons")
    (made.notebooks / "99_left.ipynb").write_text("{}")
    sees("notebooks/99_left.ipynb: no source builds it")
    (made.notebooks / "99_left.ipynb").unlink()
    assert lesson.problems(made) == []


def test_stored_notebooks_are_small_and_described(tmp_path):
    picture = new_output("display_data", {"image/png": "A" * 800_000})
    text = new_output("stream", text="written to /home/me/x")
    cells = [new_code_cell("x = 1"), new_code_cell("y", outputs=[picture, text])]
    path = tmp_path / "12_tiny.ipynb"
    path.write_bytes(dumps(new_notebook(cells=cells, metadata={"widgets": {}})))
    found = "\n".join(stored.unfit(path))
    assert "at most 700; the largest is cell 2 with 800 KB" in found
    assert "metadata.widgets" in found
    assert "cell 2 has a picture (image/png) that is not an <img> with alt text" in found
    assert "cell 2 names a path of one machine: /home/m" in found
    for alt, wrong in (('alt="A" ', 0), ('alt="" ', 1), ("", 1)):
        picture.data = {"text/html": f'<img {alt}src="data:image/png;base64,AA/home/AA">'}
        path.write_bytes(dumps(new_notebook(cells=[new_code_cell("y", outputs=[picture])])))
        assert len(stored.unfit(path)) == wrong


def test_too_large_a_notebook_is_not_stored(made, source):
    before = made.solved(source).read_bytes()
    notebook = loads(before)
    notebook.cells[2].outputs = [new_output("stream", text="x" * 800_000)]
    with pytest.raises(AuthoringError, match="the largest is cell 3"):
        lesson.store(made, source, notebook)
    assert made.solved(source).read_bytes() == before


def test_a_run_on_stand_ins_is_not_stored(made, source, capsys, monkeypatch):
    """Whatever name the data has: the sentence is the one that `load` prints."""
    nowhere = Mock(side_effect=download.Unavailable("no network"))
    monkeypatch.setattr(download, "find", nowhere)
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    before = made.solved(source).read_bytes()
    for name in ("mnist", "tinyshakespeare"):
        capsys.readouterr()
        assert "stand-in" in registry.load(name).source
        notebook = loads(before)
        notebook.cells[2].outputs = [new_output("stream", text=capsys.readouterr().out)]
        with pytest.raises(AuthoringError, match=f"of a run in which {name} cannot be downloaded"):
            lesson.store(made, source, notebook)
        assert made.solved(source).read_bytes() == before


# --- refresh


def test_refresh_carries_outputs_over_prose_and_comments(made, source):
    edit(source, "Two.<", "Three.<")
    edit(source, "import sys\n", "import sys  # why\n\n")
    edit(source, '# %% tags=["exercise"]', '# %% [markdown]\n# New.\n\n# %% tags=["exercise"]')
    assert main(["refresh", "12"], made) == 0
    assert lesson.problems(made) == []
    assert "output 2" in made.learner(source).read_text()
    assert "Three." in made.learner(source).read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [("2 * x", "x + x"), ("# %% [markdown]\n# >", "# %%\nx = 1\n\n# %% [markdown]\n# >")],
)
def test_refresh_refuses_changed_code(made, source, old, new, capsys):
    before = made.solved(source).read_bytes()
    edit(source, old, new)
    assert main(["refresh", "12"], made) == 1
    assert "run `lesson 12`" in capsys.readouterr().err
    assert made.solved(source).read_bytes() == before


def test_refresh_follows_a_new_address_and_new_minutes(made, source):
    (made.root / "pyproject.toml").write_text(PYPROJECT.replace("owner", "fork"))
    fork = Course(made.root)
    timings.save(fork, "12", "cpu", timings.entry(60, 30, 66, 400, 1.0, "2 CPU cores"))
    assert main(["refresh", "all"], fork) == 0
    assert lesson.problems(fork) == []
    text = fork.learner(source).read_text()
    assert "github.com/fork/repo" in text and "owner/repo" not in text
    assert "1.0 min on two CPU cores" in text
    assert "fork/repo" in fork.readme.read_text()


# --- claims


def test_claims_are_recorded_counted_and_told(made, capsys):
    stored = json.loads(made.claims.read_text())["12"]["cpu"]
    assert stored["claims"] == [CLAIM] and stored["device"] == "2 CPU cores"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", stored["date"])
    assert set(stored["versions"]) == {"python", "torch"}
    assert main(["claims"], made) == 0
    _, row = capsys.readouterr().out.splitlines()
    assert row.split()[:9] == ["12", "cpu", "Two", "and", "two", "4", "4", "or", "more"]
    first, last = readme.marks("claims")
    made.readme.write_text(README + f"{first}\n{last}\n")
    readme.write_table(made)
    assert "reproduce: **1 of 1** on two CPU cores (`make claims`" in made.readme.read_text()


def test_the_readme_shows_the_table_of_the_cell_tagged_scoreboard(made, source):
    first, last = readme.marks("scoreboard")
    made.readme.write_text(README + f"{first}\n{last}\n")
    notebook = loads(made.solved(source).read_bytes())
    notebook.cells[2].metadata["tags"] = ["scoreboard"]
    notebook.cells[2].outputs = [new_output("display_data", {"text/html": "<table></table>"})]
    made.solved(source).write_bytes(dumps(notebook))
    readme.write_table(made)
    assert f"{first}\n<table></table>\n{last}" in made.readme.read_text()


# --- timings and the table


def test_timings_are_scaled_both_ways_and_stored_sorted(course):
    assert timings.entry(120, 90, 130, 500.4, 0.5, "x")["minutes"] == 1.0
    assert timings.entry(120, 90, 130, 500.4, 2.0, "x") == {
        "device": "x", "minutes": 4.0, "peak_mb": 500, "quiet": 2.0,
        "seconds": 120, "training_minutes": 3.0, "wall_seconds": 130,
    }  # fmt: skip
    for number, profile in [("21", "cpu"), ("12", "gpu"), ("12", "cpu")]:
        timings.save(course, number, profile, timings.entry(60, 30, 61, 10, 1, "d"))
    stored_text = course.timings.read_text()
    table = json.loads(stored_text)
    assert list(table) == ["12", "21"] and list(table["12"]) == ["cpu", "gpu"]
    timings.save(course, "12", "cpu", table["12"]["cpu"])
    assert course.timings.read_text() == stored_text


def test_check_says_what_a_laptop_cannot_bear(made):
    timings.save(made, "12", "cpu", timings.entry(600, 540, 610, 1200, 1.0, "d"))
    found = "\n".join(lesson.problems(made))
    assert "lesson 12 takes 10.0 quiet minutes on cpu" in found
    assert "lesson 12 trains for 9.0 quiet minutes on cpu" in found
    assert "lesson 12 takes 1200 MB on cpu" in found


def test_minutes_are_rounded_for_readers():
    texts = [timings.minutes({"minutes": value}) for value in (0.01, 0.44, 3.21, 12.4)]
    assert texts == ["0.1", "0.4", "3.2", "12"]
    assert timings.minutes(None) == "—"


def test_quiet_rate_is_a_plausible_share_and_leaves_no_trace():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    assert 0.001 < rate.quiet_rate(repeats=1, steps=2) < 1000
    assert torch.equal(before, torch.get_rng_state()) and threads == torch.get_num_threads()


def test_table_is_idempotent_and_complete(course):
    timings.save(course, "12", "cpu", timings.entry(90, 60, 91, 10, 1, "d"))
    assert main(["table"], course) == 0
    text = course.readme.read_text()
    assert (
        "| 12 | [Tiny lesson](notebooks/12_tiny.ipynb) | What a tiny lesson \\| is about, on two "
        "lines. | 1.5 | 10 | — | [Colab](https://colab.research.google.com/github/owner/repo/blob/main/"
        "notebooks/12_tiny.ipynb) · [Binder](https://mybinder.org/v2/gh/owner/repo/main?urlpath="
        "lab/tree/notebooks/12_tiny.ipynb) |\n"
    ) in text
    assert text.startswith("# Course\n\n") and text.endswith("\n\nThe end.\n")
    assert main(["table"], course) == 0
    assert course.readme.read_text() == text


def test_table_needs_its_marks(course, capsys):
    course.readme.write_text("# Course\n")
    assert main(["table"], course) == 1
    assert "<!-- lessons:begin -->" in capsys.readouterr().err
    assert course.readme.read_text() == "# Course\n"


# --- execution


def test_environment_names_the_profile_and_finds_the_course(tmp_path):
    for profile in ("smoke", "cpu", "gpu"):
        env = environment(tmp_path, profile)
        assert env["COURSE_PROFILE"] == profile
        assert env["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path)
    with pytest.raises(AuthoringError, match="profile is 'fast'; it must be one of smoke, cpu"):
        environment(tmp_path, "fast")


def test_training_is_timed_apart_and_nothing_is_found_or_left_behind(tmp_path, monkeypatch):
    training = """
parts = [torch.nn.Linear(1, 1) for _ in range(2)]
def fit(net, seconds, **more):
    step = lambda batch: time.sleep(seconds) or {"loss": 0.0}
    cu.Trainer(net=net).fit(step, [0] * 4, epochs=1, show=False, **more)
fit(parts[0], 0.05, evaluate=lambda: fit(parts[1], 0.3) or {})  # a fit within a fit counts once
"""
    first = "import sys, time\nprint('course_utils' in sys.modules)"
    cells = ["", first, "import torch, course_utils as cu", training, "1 + 1", "print(_, dir())"]
    cells.append("print(cu.data.registry.paths.cache().exists())")
    notebook = new_notebook(cells=[new_code_cell(text) for text in cells])
    (tmp_path / "solutions").mkdir()
    (tmp_path / "cache" / "course_utils").mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = execute(notebook, tmp_path, "cpu")
    assert 1.4 <= run.training_seconds <= run.cell_seconds[4]
    imported, names, cached = (notebook.cells[i].outputs[0].text for i in (1, 5, 6))
    assert imported == "False\n"  # by a watch that would spare the lesson its import
    assert names.startswith("2 ") and "importlib" not in names and "stopwatch" not in names
    assert cached == "False\n" or sys.platform != "linux"
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3, 4, 5, 6]


def test_a_child_that_was_just_forked_is_not_counted_with_its_parents_pages():
    class Process:
        def __init__(self, size, *children):
            self.size, self.found = size, children

        def children(self, recursive):
            return self.found

        def memory_info(self):
            return SimpleNamespace(rss=self.size, shared=1)

    worker, forked = Process(31), Process(101)
    memory = PeakMemory(os.getpid())
    memory._process = Process(101, worker, forked)
    looks = [memory._resident()]
    memory._process.found = [worker]
    looks.append(memory._resident())
    assert looks == [100, 130]


def test_rules_come_before_a_long_run(course, source, capsys):
    edit(source, "</details>", "")
    assert main(["lesson", "12"], course) == 1
    assert "<details>" in capsys.readouterr().err
    assert not course.solved(source).exists()


def test_a_lesson_from_source_to_notebooks_and_a_failing_one(course, source, monkeypatch, capsys):
    """The one test with a real kernel."""
    monkeypatch.setattr(rate, "quiet_rate", lambda: 1.0)
    monkeypatch.setenv("AUTHOR", sys.executable)
    edit(
        source,
        "import sys\n",
        "import sys\nfrom os import environ as env\n"
        "print(env['AUTHOR'] == sys.executable, env['COURSE_PROFILE'])\n",
    )
    assert main(["lesson", "12", "--profile", "cpu"], course) == 0
    assert "quiet minutes" in capsys.readouterr().out
    assert lesson.problems(course) == []
    solved = loads(course.solved(source).read_bytes())
    shown = solved.cells[2].outputs[0].text.split("\n")
    assert shown[:2] == ["True cpu", "runs in solutions"]
    assert [c.execution_count for c in solved.cells if c.cell_type == "code"] == [*range(1, 7)]
    assert all("execution" not in cell.metadata for cell in solved.cells)
    entry = timings.load(course)["12"]["cpu"]
    assert entry["peak_mb"] > 20 and 0 <= entry["seconds"] <= entry["wall_seconds"]
    assert "0.1 min on two CPU cores" in solved.cells[0].source

    kept = {path: path.read_bytes() for path in course.root.rglob("*") if path.is_file()}
    edit(source, 'print("runs in"', '1 / 0  # fails\nprint("runs in"')
    kept[source] = source.read_bytes()
    assert main(["lesson", "12"], course) == 1
    error = capsys.readouterr().err
    assert "12_tiny.py, cell 3 failed" in error and "# fails" in error
    assert "ZeroDivisionError" in error
    assert {path: path.read_bytes() for path in course.root.rglob("*") if path.is_file()} == kept
