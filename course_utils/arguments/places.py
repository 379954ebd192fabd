"""Arguments that are paths of files and folders."""

from pathlib import Path


def named(name: str, path: str | Path) -> Path:
    """`path` as a Path, if it names a file or a folder; `~` is the user's home.

    Raises:
        TypeError, ValueError: it does not, or there is no such home; names the argument.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"{name} must be a string or a path, not of type {type(path).__name__}.")
    if not Path(path).name or "\0" in str(path):
        raise ValueError(f"{name} must name a file or a folder, not {str(path)!r}.")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(
            f"{name} must be a path without '~', since that home is not known, not {str(path)!r}."
        ) from None


def existing(name: str, path: Path, what: str) -> Path:
    """`path`, if it is a "file" or a "folder", whichever `what` says.

    Raises:
        ValueError: there is none; names the argument.
    """
    if not (path.is_dir() if what == "folder" else path.is_file()):
        raise ValueError(f"{name} must be a {what}, but there is none at {path}.")
    return path
