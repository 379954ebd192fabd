"""The palette and the style that all plots of the course share."""

import matplotlib

# Okabe and Ito's palette, told apart with any kind of colour vision (https://jfly.uni-koeln.de/color)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "figure.facecolor": "white",  # legible on a dark page too
    "image.cmap": "gray",
    "font.size": 10,
}
