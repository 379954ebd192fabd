"""Addresses of a notebook on Colab and Binder; knows nothing about how notebooks are built."""

BRANCH = "main"

# On Colab a notebook arrives alone, without the folder it lives in; this cell brings the rest.
COLAB_CELL = """\
# On Google Colab: fetch the course's files. Anywhere else this cell does nothing.
import sys

if "google.colab" in sys.modules:
    import os
    import subprocess
    from pathlib import Path

    address = "{address}"
    course = Path.cwd().parent                           # where this cell ran before
    if not (course / "course_utils").is_dir():
        course = Path("{folder}").resolve()
    if not (course / "course_utils").is_dir():
        clone = "git clone --depth 1 --branch {branch}".split()
        done = subprocess.run(
            [*clone, address, str(course)], capture_output=True, text=True,
            env={{**os.environ, "GIT_TERMINAL_PROMPT": "0"}},
        )
        if done.returncode:
            raise RuntimeError(f"Could not fetch {{address}}: {{done.stderr.strip()}}")
    os.chdir(course / "notebooks")
    if str(course) not in sys.path:
        sys.path.insert(0, str(course))"""


def colab_url(repository: str, slug: str) -> str:
    path = repository.removeprefix("https://")
    path = path.replace("github.com", "github", 1)
    return f"https://colab.research.google.com/{path}/blob/{BRANCH}/notebooks/{slug}.ipynb"


def binder_url(repository: str, slug: str) -> str:
    owner_repo = repository.removeprefix("https://github.com/")
    return (
        f"https://mybinder.org/v2/gh/{owner_repo}/{BRANCH}?urlpath=lab/tree/notebooks/{slug}.ipynb"
    )


def badges(repository: str, slug: str) -> str:
    """One line of text links: a badge image is a broken picture where there is no network."""
    return (
        f"[Open in Colab]({colab_url(repository, slug)}) · "
        f"[Open in Binder]({binder_url(repository, slug)})"
    )


def colab_cell(repository: str) -> str:
    """Source of the first code cell. It installs nothing and may run twice."""
    folder = repository.rsplit("/", 1)[-1]
    return COLAB_CELL.format(address=repository, folder=folder, branch=BRANCH)
