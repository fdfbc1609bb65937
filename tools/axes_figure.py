"""Draw the figure of 04_normalization/README.md: which values each normalization averages over.

Each panel is one tensor (N, C, H·W), flat: a row for each example, a block for each channel, a
column for each place. The values that the marked one is normalized by are shaded and hatched.
Usage: python -m tools.axes_figure
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from shared import plot
from tools import course, staleness

FILE = course.ROOT / "04_normalization/axes.png"
SHAPE = N, C, HW = 4, 6, 4
GROUPS = 2
WINDOW = 3  # channels of local response normalization, an odd number
MARKED = 1, 2, 1  # the value that is normalized: its example, channel and place

n, c, p = np.indices(SHAPE)
SAME = n == MARKED[0], c == MARKED[1], p == MARKED[2]
IN_GROUP = c // (C // GROUPS) == MARKED[1] // (C // GROUPS)
NEAR = abs(c - MARKED[1]) <= WINDOW // 2
# title: what is taken, over what, and the values that it is taken over
PANELS = {
    "Batch": ("mean, variance", "N and H·W", SAME[1]),
    "Layer, image": ("mean, variance", "C and H·W", SAME[0]),
    "Layer or RMS, sequence": ("mean, variance or mean square", "C", SAME[0] & SAME[2]),
    "Group": ("mean, variance", "a group of C, and H·W", SAME[0] & IN_GROUP),
    "Instance": ("mean, variance", "H·W", SAME[0] & SAME[1]),
    "Local response": ("sum of squares", "neighbours in C", SAME[0] & SAME[2] & NEAR),
}  # fmt: skip


def fingerprint():
    """Of what the figure shows: it is to be drawn again when this is not what it carries."""
    shown = {name: [*texts, values.tolist()] for name, (*texts, values) in PANELS.items()}
    return staleness.fingerprint([shown, MARKED])


def draw(ax, title, taken, over, values):
    blue, grey = plot.COLORS[0], "#9ca3af"
    for row, channel, place in np.ndindex(SHAPE):
        corner = (channel * (HW + 1) + place, row)
        look = {"facecolor": "white", "edgecolor": grey, "linewidth": 0.4}
        if values[row, channel, place]:
            look = {"facecolor": "#b9d6ea", "edgecolor": blue, "linewidth": 0.6, "hatch": "/////"}
        ax.add_patch(plt.Rectangle(corner, 1, 1, **look))
        if (row, channel, place) == MARKED:
            ax.plot(corner[0] + 0.5, row + 0.5, "o", color="black", markersize=6,
                    markeredgecolor="white", markeredgewidth=1.2)  # fmt: skip
    ax.set(xlim=(-0.2, C * (HW + 1) - 0.8), ylim=(N + 0.1, -0.1), yticks=[])
    ax.set_xticks(np.arange(C) * (HW + 1) + HW / 2, [f"c{i + 1}" for i in range(C)])
    ax.tick_params(length=0, labelsize=9)
    ax.set_title(title, fontweight="bold")
    ax.set_xlabel(f"{taken}\nover {over}", fontsize=9.5)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def main():
    figure, axes = plt.subplots(2, 3, figsize=(8.2, 4.3))
    for ax, (title, panel) in zip(axes.flat, PANELS.items(), strict=True):
        draw(ax, title, *panel)
    for ax in axes[:, 0]:
        ax.set_yticks(np.arange(N) + 0.5, [f"n{i + 1}" for i in range(N)])
    figure.savefig(FILE, dpi=170, metadata={"Software": None, "Fingerprint": fingerprint()})


def is_current(file=FILE):
    return Image.open(file).info.get("Fingerprint") == fingerprint()


if __name__ == "__main__":
    main()
