"""Where a course's files are, and its address; knows nothing about what is in them."""

import os
import re
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


class AuthoringError(Exception):
    """Something that the author can fix; its text says what and where."""


@dataclass(frozen=True)
class Course:
    """The folder of a course. Tests make small ones; `here()` is this one."""

    root: Path

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def timings(self) -> Path:
        return self.solutions / "timings.json"

    @property
    def claims(self) -> Path:
        return self.solutions / "claims.json"

    @property
    def readme(self) -> Path:
        return self.root / "README.md"

    @cached_property
    def repository(self) -> str:
        """`https://github.com/OWNER/REPO`, from `[project.urls] Repository` in pyproject.toml."""
        text = (self.root / "pyproject.toml").read_text(encoding="utf-8")
        url = tomllib.loads(text).get("project", {}).get("urls", {}).get("Repository", "")
        url = url.removesuffix("/").removesuffix(".git")
        if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
            raise AuthoringError(
                f"pyproject.toml: [project.urls] Repository is {url!r}; Colab and Binder need "
                "https://github.com/OWNER/REPO"
            )
        return url

    def sources(self) -> list[Path]:
        """The sources of all lessons, in order."""
        return sorted(self.solutions.glob("[0-9][0-9]_*.py"))

    def find(self, number: str) -> Path:
        """The source of one lesson: `find("12")` is `solutions/12_….py`."""
        found = [path for path in self.sources() if path.name[:2] == f"{number:0>2}"]
        if len(found) == 1:
            return found[0]
        if found:
            raise AuthoringError(f"lesson {number} has {len(found)} sources: {names(found)}")
        known = names(self.sources()) or "none yet"
        raise AuthoringError(f"there is no lesson {number}; choose from: {known}")

    def solved(self, source: Path) -> Path:
        """The executed notebook of a source."""
        return self.solutions / f"{source.stem}.ipynb"

    def learner(self, source: Path) -> Path:
        """The notebook that learners open."""
        return self.notebooks / f"{source.stem}.ipynb"

    def cover(self, source: Path) -> Path:
        """The picture of where a lesson ends, shown on its title page and in the README."""
        return self.notebooks / "images" / f"{source.name[:2]}.png"


def names(paths: list[Path]) -> str:
    return ", ".join(path.stem for path in paths)


def here() -> Course:
    """The course that this package is part of."""
    return Course(Path(__file__).resolve().parents[2])


def replace_file(path: Path, data: bytes) -> None:
    """Write the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
