"""Prints sentences in lines that fit a narrow window, whatever characters the output can show."""

import sys
import textwrap

from . import arguments

WIDTH = 76  # characters of a printed line


def legible() -> None:
    """Let what a plain output cannot show, such as "·" in ASCII, become "?" and no error."""
    if getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def say(text: str) -> None:
    """Print a sentence with the numbers just measured, in lines that fit a narrow window."""
    print(textwrap.fill(" ".join(arguments.text("text", text).split()), WIDTH))
