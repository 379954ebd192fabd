"""A figure that shows itself with its alt text."""

import base64
import html
import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from .. import arguments

DPI = 90
PAGE = 9.5  # inches, the width of a notebook's page


class Plot(Figure):
    """A figure with alt text, drawn outside pyplot, so nothing is shown twice or left open."""

    def __init__(self, width: float, height: float, alt: str) -> None:
        self.alt = arguments.alt(alt)
        self.below = ""  # HTML to show below the figure, such as a player's
        inches = arguments.size((width, height))
        super().__init__(figsize=inches, dpi=DPI, layout="constrained")

    def png(self) -> bytes:
        """The figure as the bytes of a PNG file."""
        canvas, buffer = FigureCanvasAgg(self), io.BytesIO()
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        if (pixels == pixels[..., :1]).all():  # a grey figure needs half as many bytes
            pixels = pixels[..., 0]
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "png")
        return buffer.getvalue()

    def html(self, name: str = "") -> str:
        """The figure with its alt text, perhaps of a CSS class `name`, and what is below it."""
        kind = f'class="{name}" ' if name else ""
        if self.below:
            return f"<div {kind}>{self._image()}{self.below}</div>"
        return self._image(kind)

    def _image(self, kind: str = "") -> str:
        width, height = (round(pixels) for pixels in self.bbox.size)  # known before it is decoded
        return (
            f'<img {kind}alt="{html.escape(self.alt)}" width="{width}" height="{height}" '
            'style="max-width: 100%; height: auto" src="data:image/png;base64,'
            f'{base64.b64encode(self.png()).decode()}">'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        # HTML, because JupyterLab shows an `image/png` without its alt text.
        return {"text/html": self.html(), "text/plain": self.alt}
