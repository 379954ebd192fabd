"""No part of the package is left out of the tables of wrong input."""

import inspect
import re
from pathlib import Path

from wrong import FUNCTIONS, room


def test_each_room_whose_functions_take_arguments_has_a_table():
    rooms = {
        room(function)
        for function in FUNCTIONS.values()
        if {*inspect.signature(function).parameters} - {"self"}
    }
    files = Path(__file__).parent.rglob("test_*.py")
    said = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert set(re.findall(r'ROOMS = \{"(\w+)"\}', said)) == rooms
