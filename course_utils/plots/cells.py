"""Diagrams of the LSTM's and the GRU's cell, with the symbols of their equations."""

from .. import arguments
from .diagram import diagram
from .figure import Plot

LSTM_NODES = {
    "c": (0.35, 2.75, "name", "$c_{t-1}$"), "new c": (6.1, 2.75, "name", "$c_t$"),
    "h": (0.35, 0.55, "name", "$h_{t-1}$"), "new h": (6.1, 0.55, "name", "$h_t$"),
    "x": (0.95, 0.15, "name", "$x_t$"), "join": (0.95, 0.55, "dot", ""),
    "f": (1.6, 1.2, "box", "σ"), "i": (2.6, 1.2, "box", "σ"),
    "g": (3.4, 1.2, "box", "tanh"), "o": (4.4, 1.2, "box", "σ"),
    "keep": (1.6, 2.75, "circle", "×"), "let in": (3.4, 2.0, "circle", "×"),
    "add": (3.4, 2.75, "circle", "+"), "part": (5.2, 2.75, "dot", ""),
    "squash": (5.2, 2.2, "box", "tanh"), "show": (5.2, 1.55, "circle", "×"),
    "f_t": (1.8, 2.0, "label", "$f_t$"), "i_t": (2.8, 1.8, "label", "$i_t$"),
    "g_t": (3.6, 1.6, "label", "$g_t$"), "o_t": (4.65, 1.7, "label", "$o_t$"),
    "f starts": (1.6, 0.55, "dot", ""), "i starts": (2.6, 0.55, "dot", ""),
    "g starts": (3.4, 0.55, "dot", ""),
}  # fmt: skip
LSTM_ARROWS = [
    ("c", "keep"), ("keep", "add"), ("add", "part"), ("part", "new c"),
    ("h", "join"), ("x", "join"), ("join", (4.4, 0.55), "o"), ("o", (4.4, 1.55), "show"),
    ("f starts", "f"), ("i starts", "i"), ("g starts", "g"), ("f", "keep"),
    ("i", (2.6, 2.0), "let in"), ("g", "let in"), ("let in", "add"),
    ("part", "squash"), ("squash", "show"), ("show", (5.2, 0.55), "new h"),
]  # fmt: skip
GRU_NODES = {
    "h": (0.35, 2.75, "name", "$h$"), "new h": (6.1, 2.75, "name", "$h'$"),
    "x": (0.35, 0.3, "name", "$x$"), "r": (1.2, 1.0, "box", "σ"),
    "U": (2.0, 2.0, "box", "$U_n$"), "reset": (2.0, 1.0, "circle", "×"),
    "n": (2.9, 1.0, "box", "tanh"), "z": (3.7, 1.9, "box", "σ"),
    "keep": (4.5, 2.75, "circle", "×"), "rest": (4.95, 1.9, "box", "1 −"),
    "let in": (5.5, 1.9, "circle", "×"), "add": (5.5, 2.75, "circle", "+"),
    "r is": (1.6, 1.2, "label", "$r$"), "n is": (4.2, 1.2, "label", "$n$"),
    "z is": (4.2, 2.1, "label", "$z$"), "part": (4.5, 1.9, "dot", ""),
    "h to r": (1.2, 2.75, "dot", ""), "h to U": (2.0, 2.75, "dot", ""),
    "h to z": (3.7, 2.75, "dot", ""), "x to r": (1.2, 0.3, "dot", ""),
    "x to n": (2.9, 0.3, "dot", ""),
}  # fmt: skip
GRU_ARROWS = [
    ("h", "keep"), ("keep", "add"), ("add", "new h"), ("h to r", "r"), ("h to U", "U"),
    ("h to z", "z"), ("U", "reset"), ("r", "reset"), ("reset", "n"), ("x to r", "r"),
    ("x to n", "n"), ("x", (3.3, 0.3), (3.3, 1.9), "z"), ("z", "part"), ("part", "keep"),
    ("part", "rest"), ("rest", "let in"), ("n", (5.5, 1.0), "let in"), ("let in", "add"),
]  # fmt: skip
CELLS = {
    "LSTM": (
        LSTM_NODES, LSTM_ARROWS,
        "One step of an LSTM. The cell c runs along the top: it is multiplied by the forget gate "
        "f, then the input gate i times the new value g is added. The gates and g are computed "
        "from h and x below. The new h is the output gate o times tanh of the new cell.",
    ),
    "GRU": (
        GRU_NODES, GRU_ARROWS,
        "One step of a GRU. The state h runs along the top: it is multiplied by the update gate "
        "z, then 1 minus z times the new value n is added. The new value sees x, and U times h "
        "multiplied by the reset gate r.",
    ),
}  # fmt: skip


def cell(kind: str) -> Plot:
    """One step of an "LSTM" or a "GRU" as PyTorch computes it.

    Raises:
        ValueError: another kind.
    """
    nodes, arrows, alt = CELLS[arguments.choice("kind", kind, tuple(CELLS))]
    return diagram(nodes, arrows, alt=alt)
