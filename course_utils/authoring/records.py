"""Tables of what was measured, by lesson and profile, in JSON; knows nothing of their content."""

import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from .course import replace_file

Table = dict[str, dict[str, Any]]  # lesson number -> profile -> entry


def load(path: Path) -> Table:
    """The table as stored; empty where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def save(path: Path, number: str, profile: str, entry: Any) -> Table:
    """Store one entry and return the whole table; lessons that run at once do not lose any."""
    name = sha256(str(path).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"course-{path.stem}-{name}.lock"):
        table = load(path)
        table.setdefault(number, {})[profile] = entry
        text = json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        replace_file(path, text.encode())
    return table
