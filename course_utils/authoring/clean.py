"""Makes outputs fit to be stored; knows nothing about the cells that made them."""

import base64
import io
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode
from PIL import Image

WIDGET_TYPES = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)
PICTURE = re.compile(r"(data:[\w/+.-]+;base64,[\w+/=\s]+)")


def clean(outputs: list[NotebookNode], root: Path) -> list[NotebookNode]:
    """Outputs without live widgets, progress bars, machine paths and memory addresses."""
    kept = [output for output in outputs if _drop_widget(output)]
    kept = [output for output in _merge_streams(kept) if _drop_progress(output)]
    for output in kept:
        _rewrite(output, lambda text: _neutral(text, root))
    return kept


def _drop_widget(output: NotebookNode) -> bool:
    """Take the live widget out of an output; False when only the widget's repr would be left."""
    data = output.get("data", {})
    live = [kind for kind in WIDGET_TYPES if kind in data]
    for kind in live:
        del data[kind]
        output.metadata.pop(kind, None)
    return not live or any(kind != "text/plain" for kind in data)


def _merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            merged.append(output)
    return merged


def _drop_progress(output: NotebookNode) -> bool:
    """Drop lines of stderr that were redrawn with carriage returns; False when none is left."""
    if output.get("name") != "stderr":
        return True
    text = output.text.replace("\r\n", "\n")
    output.text = re.sub(r"[^\n]*\r[^\n]*\n?", "", text)
    return bool(output.text.strip())


def _rewrite(output: NotebookNode, change: Callable[[str], str]) -> None:
    """Apply `change` to every text of an output, and make its pictures smaller."""
    if output.output_type == "stream":
        output.text = change(output.text)
    elif output.output_type == "error":
        output.evalue = change(output.evalue)
        output.traceback = [change(line) for line in output.traceback]
    else:
        for kind, value in output.data.items():
            if kind.startswith("text/") and isinstance(value, str):
                parts = PICTURE.split(value)  # each second part is a picture
                parts[::2] = map(change, parts[::2])
                parts[1::2] = map(_smaller, parts[1::2])
                output.data[kind] = "".join(parts)


def _smaller(picture: str) -> str:
    """A PNG in at most 256 colours, which look the same and take half of the bytes."""
    head, data = picture.split(",", 1)
    if not head.startswith("data:image/png"):
        return picture
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        if image.mode == "P":  # it is such a picture already
            return picture
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(buffer, "PNG", optimize=True)
    small = base64.b64encode(buffer.getvalue()).decode()
    return f"{head},{small}" if len(small) < len(data) else picture


def _neutral(text: str, root: Path) -> str:
    text = re.sub(r"\bat 0x[0-9a-fA-F]+", "at 0x...", text)
    text = re.sub(r"\bstill-[0-9a-f]{32}\b", "still", text)  # a widget's number, new in each run
    text = re.sub(r"[^\s'\"<>(]*[/\\]ipykernel_\d+[/\\]\d+\.py", "<cell>", text)
    text = _replace_folder(text, root, "")
    text = re.sub(r"[^\s'\"<>(]*[/\\]site-packages[/\\]", "site-packages/", text)
    text = _replace_folder(text, Path(sysconfig.get_path("stdlib")), "python")
    return _replace_folder(text, Path.home(), "~")


def _replace_folder(text: str, folder: Path, short: str) -> str:
    """`folder/x` becomes `short/x`; `folder` alone becomes `short`, or a dot."""
    for name in {str(folder), str(folder.resolve())}:
        if len(name) > 1:  # a home of "/" would eat every slash
            path = rf"(?<![\w.~/-]){re.escape(name)}"
            text = re.sub(rf"{path}[/\\](?=\w|\.\w)", f"{short}/" if short else "", text)
            text = re.sub(rf"{path}(?![\w-])", short or ".", text)
    return text
