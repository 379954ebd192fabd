"""Sentences that are wrapped, and outputs that lack characters."""

import io
import os
import subprocess
import sys

import pytest
from wrong import Refusals

from course_utils import printing


def test_say_wraps_and_joins(capsys):
    printing.say("one\n   two " + "word " * 30)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("one two word") and all(len(line) <= 76 for line in lines)
    assert len(lines) == 3


@pytest.mark.parametrize("coding", ["ascii", "latin-1", "cp1252:strict", "utf-8"])
@pytest.mark.report("L")
def test_symbols_that_the_output_lacks_are_no_error(coding):
    code = "import course_utils as cu; cu.start(); cu.say('64 × 64 · 2⁵³'); print('·√ä')"
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONIOENCODING": coding},
        capture_output=True, check=True,
    ).stdout.decode(coding.partition(":")[0])  # fmt: skip
    first, second, third = said.splitlines()
    assert "profile" in first and second.startswith("64 ") and len(third) == 3
    assert ("?" in said) == (coding != "utf-8")


def test_another_way_to_deal_with_symbols_is_kept(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), "ascii", errors="backslashreplace")
    for stdout in (output, None, io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stdout)
        printing.legible()
    assert output.errors == "backslashreplace"


class TestWrongInput(Refusals):
    ROOMS = {"printing"}
    CASES = {"say": ({"text": "a word"}, {})}
