"""What a person does and sees in JupyterLab, as methods. Knows nothing of what a lesson shows."""

import functools
import json
import re
import shutil
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import eyes
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:(?P<port>\d+)/lab\?token=(?P<token>\w+)")
OPENS = re.compile(r"file://(\S+-open\.html)")


@dataclass
class Shots:
    """Numbered screenshots of one journey; none where no folder is named."""

    folder: Path | None
    name: str
    count: int = 0

    def take(self, what: str, target: Any, **how: Any) -> None:
        """A picture of a page, or of one thing in it."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count += 1
        name = re.sub(r"[^\w.]+", "_", f"{self.name} {self.count:02} {what}.png")
        target.screenshot(path=self.folder / name, **how)


@dataclass
class Server:
    """A JupyterLab that has been told to start; waits until it says its address."""

    course: Path
    process: subprocess.Popen
    log: Path
    address: str = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        until = time.monotonic() + 60
        while not (found := ADDRESS.search(self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()}")
            time.sleep(0.05)
        self.address, self.token = f"http://127.0.0.1:{found['port']}", found["token"]

    def first_page(self) -> str:
        """The address that the browser is sent to when the server has started."""
        [runtime] = {Path(found).parent for found in OPENS.findall(self.log.read_text())}
        pages = [path.read_text() for path in runtime.glob("*-open.html")]
        return next(re.search(r'url=([^"]+)"', page)[1] for page in pages if "/tree/" in page)

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":")[-1])

    def api(self, path: str, method: str = "GET", token: str | None = None) -> Any:
        """Ask the server itself."""
        headers = {"Authorization": f"token {self.token if token is None else token}"}
        request = urllib.request.Request(
            f"{self.address}/api/{path}", headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def shut_kernels_down(self) -> None:
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")


class Stored:
    """A stored lesson, as the HTML that nbconvert makes of it."""

    def __init__(self, page: Any, shots: Shots, lesson: str, folder: Path) -> None:
        self.page, self.shots = page, shots
        [stored] = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
        self.path = folder / stored.name
        shutil.copy(stored, self.path)
        self.cells = json.loads(stored.read_text(encoding="utf-8"))["cells"]

    def places(self, text: str) -> list[int]:
        """The places of the code cells whose stored source contains a text."""
        cells = enumerate(self.cells)
        found = [i for i, cell in cells if is_code(cell) and text in "".join(cell["source"])]
        assert found, f"no code cell contains {text!r}"
        return found

    def convert(self, template: str, theme: str) -> None:
        """Turn the notebook into HTML by a template and a theme of nbconvert, and open that."""
        html = self.path.with_name(f"{template}.html")
        text, _ = exporter(template, theme).from_filename(str(self.path))
        html.write_text(text, encoding="utf-8")
        self.page.goto(html.as_uri(), wait_until="domcontentloaded")
        self.shots.take(f"html {template} {theme}".strip(), self.page, full_page=True)

    def outputs_in_html(self, index: int) -> Any:
        """The outputs of a cell on the page made by `convert`."""
        before = sum(map(is_code, self.cells[:index]))
        return self.page.locator(".jp-CodeCell, .cell:has(> .input)").nth(before)

    def cut_off(self) -> list[str]:
        """Outputs of which a part lies beyond the right edge of their place."""
        return self.page.evaluate(eyes.CUT_OFF)

    def faults(self, *rules: str) -> list[str]:
        """Rules of axe-core, serious and critical ones, that outputs and prose break."""
        self.page.evaluate(axe_source())
        return self.page.evaluate(eyes.FAULTS, list(rules))


class Notebook(Stored):
    """A lesson open in JupyterLab."""

    def __init__(self, page: Any, server: Server, shots: Shots, lesson: str) -> None:
        super().__init__(page, shots, lesson, server.course / "notebooks")
        self.server = server
        shutil.rmtree(server.course / "runs", ignore_errors=True)

    # ---- open, run, stop ------------------------------------------------------------------

    def open(self, address: str = "") -> "Notebook":
        """Open the lesson, or an address that shows it, and wait until its kernel is ready."""
        here = f"{self.server.address}/lab/tree/notebooks/{self.path.name}"
        self.page.goto(address or f"{here}?reset&token={self.server.token}")
        self.settled()
        return self

    def settled(self) -> None:
        """All cells are on the page, and the kernel waits."""
        self.page.wait_for_function(
            "count => document.querySelectorAll('.jp-Notebook .jp-Cell').length === count",
            arg=len(self.cells),
        )
        self.page.get_by_text(re.compile(r"Python 3.*\| Idle")).wait_for()

    def menu(self, *names: str) -> None:
        """Choose from the menus, as `menu("Run", "Run All Cells")`."""
        for name in names:
            labels = self.page.locator(".lm-MenuBar-itemLabel:visible, .lm-Menu-itemLabel:visible")
            labels.filter(has_text=re.compile(rf"^{re.escape(name)}$")).click()

    def run_all(self) -> Any:
        """Run all cells, do not wait for their end, and return the last of them."""
        last = self.at(max(i for i, cell in enumerate(self.cells) if is_code(cell)))
        last.evaluate(eyes.STARTED)
        self.menu("Run", "Run All Cells")
        return last

    def start(self, text: str) -> Any:
        """Run the cell that contains a text, and do not wait for its end."""
        cell = self.cell(text)
        cell.evaluate(eyes.STARTED)
        cell.locator(".cm-content").first.click()
        self.page.keyboard.press("Control+Enter")
        return cell

    def run(self, text: str, timeout: float = 300) -> Any:
        """Run the cell that contains a text, wait for its end, and return it."""
        cell = self.start(text)
        self.wait(cell, timeout)
        return cell

    def run_up_to(self, text: str) -> None:
        """Run all cells above the one that contains a text."""
        index = self.places(text)[0]
        self.at(index).locator(".cm-content").first.click()
        last = self.at(max(i for i in range(index) if is_code(self.cells[i])))
        last.evaluate(eyes.STARTED)
        self.menu("Run", "Run All Above Selected Cell")
        self.wait(last)

    def save(self) -> None:
        """Save the notebook, and wait until its file has changed."""
        before = self.path.stat().st_mtime_ns
        self.menu("File", "Save Notebook")
        while self.path.stat().st_mtime_ns == before:
            self.page.wait_for_timeout(50)

    def wait(self, cell: Any, timeout: float = 300) -> None:
        """Until a cell that was started has ended."""
        self.page.wait_for_function(eyes.ENDED, arg=cell.element_handle(), timeout=timeout * 1000)

    def stop(self, cell: Any) -> float:
        """Press the stop button, and return the seconds until a running cell has ended."""
        button = self.page.locator("[data-command='notebook:interrupt-kernel']")
        self.page.evaluate(eyes.PRESSED)
        button.click()
        self.wait(cell)
        return self.page.evaluate("(performance.now() - window.pressed) / 1000")

    def drag(self, cell: Any, slider: str, to: float, words: Any) -> float:
        """Drag a slider to a share of its length; seconds until the picture has followed."""
        row = cell.locator(".widget-slider", has_text=slider)
        cell.evaluate(eyes.FOLLOW)
        handle, rail = (row.locator(kind).bounding_box() for kind in (".noUi-handle", ".noUi-base"))
        y = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(rail["x"] + to * rail["width"], y, steps=8)
        self.page.mouse.up()
        value = float(row.locator(".widget-readout").inner_text().replace("\u2212", "-"))
        found = self.page.wait_for_function(
            "words => window.followed.find(now => now.alt.includes(words))", arg=words(value)
        ).json_value()
        return (found["at"] - self.page.evaluate("window.moved")) / 1000

    # ---- cells ------------------------------------------------------------------------------

    def at(self, index: int) -> Any:
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    def cell(self, text: str) -> Any:
        """The code cell whose stored source contains a text, scrolled into view."""
        found = self.at(self.places(text)[0])
        found.scroll_into_view_if_needed()
        return found

    def write(self, text: str, source: str) -> None:
        """Replace what stands in the cell whose stored source contains a text."""
        cell = self.cell(text)
        cell.locator(".cm-content").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def edit(self, text: str, changes: dict[str, str]) -> None:
        """Change places of a cell: old -> new."""
        source = "".join(self.cells[self.places(text)[0]]["source"])
        for old, new in changes.items():
            assert old in source, f"the cell does not contain {old!r}"
            source = source.replace(old, new)
        self.write(text, source)

    def errors(self) -> list[str]:
        """The error outputs on the page."""
        kind = "[data-mime-type='application/vnd.jupyter.error']"
        return self.page.locator(f".jp-Notebook {kind}").all_text_contents()

    def text(self, cell: Any) -> str:
        """What a cell has put out, as text."""
        return cell.locator(".jp-OutputArea").text_content()

    # ---- looks ------------------------------------------------------------------------------

    def watch(self, cell: Any) -> None:
        """Note from now on what the eye sees of a cell, frame by frame."""
        cell.evaluate(eyes.WATCH)

    def seen(self) -> list[dict]:
        """What was noted since `watch`."""
        return self.page.evaluate("window.seen")

    def theme(self, name: str) -> None:
        """`Light` or `Dark`, by the menu."""
        self.menu("Settings", "Theme", f"JupyterLab {name}")
        dark = str(name == "Light").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light={dark}]", state="attached")

    def shot(self, what: str, target: Any = None) -> None:
        """A picture of the page, or of one thing in it."""
        self.shots.take(what, target or self.page, animations="disabled")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size, in pixels; a narrow one has no place for the files."""
        files = self.page.locator(".jp-FileBrowser")
        if files.is_visible() == (width < 1000):
            self.page.keyboard.press("Control+B")
            files.wait_for(state="hidden" if width < 1000 else "visible")
        self.page.set_viewport_size({"width": width, "height": height})

    def tour(self, what: str) -> None:
        """A picture of each screenful of the lesson that holds outputs of the course."""
        scroller = self.page.locator(".jp-Notebook .jp-WindowedPanel-outer")
        height = scroller.evaluate("panel => panel.clientHeight")
        scroller.evaluate("panel => panel.scrollTo(0, 0)")
        top = -1
        while scroller.evaluate("panel => panel.scrollTop") > top:
            top = scroller.evaluate("panel => panel.scrollTop")
            self.shot(what)
            scroller.evaluate("(panel, by) => panel.scrollBy(0, by)", height - 40)


@functools.cache
def exporter(template: str, theme: str) -> HTMLExporter:
    """nbconvert's, whose templates take longer to read than a notebook to convert."""
    return HTMLExporter(template_name=template, **({"theme": theme} if theme else {}))


@functools.cache
def axe_source() -> str:
    """The text of axe-core, which the package axe-playwright-python brings along."""
    import axe_playwright_python

    [source] = Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")
    return source.read_text(encoding="utf-8")


def is_code(cell: dict) -> bool:
    return cell["cell_type"] == "code"
