"""Figures in one look: colours and line styles that colour-blind readers can tell apart.

A legend that would cover something is moved to below the axes (`shared.legends`).

Every function draws on `ax`, or on a new figure of its own, and returns nothing, so that a cell
may end with it. Arrays may be NumPy's or any framework's.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator
from matplotlib_inline.config import InlineBackend

from shared import legends
from shared.check import to_numpy

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/) without its yellow, faint on white.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
# Beside the colours, for prints in grey and for who sees no colours.
STYLES = ["-", "--", "-.", ":", (0, (6, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 0.8))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]

mpl.rcParams.update(
    {
        "axes.prop_cycle": mpl.cycler(color=COLORS),
        "axes.grid": True,
        "grid.alpha": 0.3,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 11,
        "axes.titley": 1.0,
        "figure.constrained_layout.use": True,
        "figure.dpi": 110,
        "figure.figsize": (6.0, 3.5),
        "figure.hooks": [f"{legends.__name__}:layout"],
        "font.size": 10.5,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
    }
)
# The layout is constrained already: cropping the picture would lay it out and draw it once more.
InlineBackend.instance().print_figure_kwargs = {"bbox_inches": None}


def curves(series, xlabel, ylabel, title="", log=False, ax=None):
    """Lines: `series` maps a label to values (n,), or to a pair of x (n,) and y (n,).

    log: draw the y axis logarithmically.
    """
    ax = ax or plt.figure().gca()
    whole = ax.get_xscale() == "linear"
    for label, values in series.items():
        xy = values if isinstance(values, tuple) else (range(len(values)), values)
        x, y = (to_numpy(v) for v in xy)
        ax.plot(x, y, linestyle=STYLES[len(ax.get_lines()) % len(STYLES)], label=label)
        whole = whole and x.dtype.kind in "iuf" and np.array_equal(x, np.rint(x))
    if whole:
        ax.xaxis.set_major_locator(_integers())
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    if len(series) > 1:
        ax.legend()


def images(images, titles=None, columns=10, size=0.9, title="", cmap="gray_r", limits=None):
    """A grid of images (n, height, width), (n, height, width, 1) or, in colour, (…, 3).

    titles: n short texts. size: edge of an image in inches. limits: (low, high) for the colours of
    one-channel images; each image has its own range if limits is None.
    """
    images = to_numpy(images)
    columns = min(columns, len(images))
    rows, height = -(-len(images) // columns), 1.3 if titles is not None else 1  # a place's height
    figure = plt.figure(figsize=(size * columns, size * height * rows + 0.3 * bool(title)))
    ax = figure.gca()  # one for all of them: axes of their own would take ten times as long
    low, high = limits or (None, None)
    for i, image in enumerate(images):
        x, y = i % columns + 0.5, (i // columns + 1) * height - 0.5  # the middle of the image
        h, w = 0.45 * np.array(image.shape[:2]) / max(image.shape[:2])
        ax.imshow(image.squeeze(), cmap, vmin=low, vmax=high, extent=(x - w, x + w, y + h, y - h))
        if titles is not None:
            ax.text(x, y - h - 0.04, titles[i], fontsize=9, ha="center", va="bottom")
    ax.set(xlim=(0, columns), ylim=(rows * height, 0), title=title)
    ax.axis("off")


def regions(predict, X, y, title="", xlabel="", ylabel="", ax=None, steps=200):
    """Decision regions of a classifier of the plane, with the points X (n, 2) and classes y (n,).

    predict: takes points (m, 2) float32, returns classes (m,) from 0 to at most 6.
    """
    ax = ax or plt.figure().gca()
    X, y = to_numpy(X), to_numpy(y).astype(int)
    low, high = X.min(0), X.max(0)
    margin = 0.08 * (high - low)
    axes = [np.linspace(a, b, steps) for a, b in zip(low - margin, high + margin, strict=True)]
    grid = np.stack(np.meshgrid(*axes), axis=-1)  # (steps, steps, 2)
    classes = to_numpy(predict(grid.reshape(-1, 2).astype(np.float32))).reshape(steps, steps)
    cmap = mpl.colors.ListedColormap(COLORS)
    ax.pcolormesh(*axes, classes, cmap=cmap, vmin=0, vmax=len(COLORS) - 1, alpha=0.25)
    for k in np.unique(y):
        ax.scatter(*X[y == k].T, s=14, color=COLORS[k], edgecolor="white", linewidth=0.5)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(False)


def surface(
    function,
    xlim,
    ylim,
    title="",
    xlabel="",
    ylabel="",
    paths=None,
    minimum=None,
    log=True,
    ax=None,
    steps=120,
):
    """Contours of a function of the plane, with the paths an optimizer took over it.

    function: takes x and y (steps, steps), returns heights of the same shape.
    paths: maps a label to points (n, 2), the first drawn larger. minimum: (x, y), drawn as a star.
    log: space the contours evenly in the logarithm of the height above the lowest point.
    """
    ax = ax or plt.figure().gca()
    x, y = np.meshgrid(np.linspace(*xlim, steps), np.linspace(*ylim, steps))
    z = to_numpy(function(x, y))
    z = np.log10(z - z.min() + 1e-3 * np.ptp(z)) if log else z
    ax.contourf(x, y, z, levels=18, cmap="Blues_r", alpha=0.75)
    ax.contour(x, y, z, levels=18, colors="white", linewidths=0.4)
    for i, (label, points) in enumerate((paths or {}).items()):
        points, color = to_numpy(points), COLORS[(i + 1) % len(COLORS)]
        look = {"color": color, "marker": MARKERS[i % len(MARKERS)]}
        ax.plot(*points.T, **look, markersize=3, linewidth=1.2, label=label)
        ax.plot(*points[0], **look, markersize=7, markeredgecolor="white")
    if minimum is not None:
        ax.plot(*minimum, "*", color="black", markersize=12, markeredgecolor="white")
    ax.set(xlim=xlim, ylim=ylim, title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(False)
    if paths:
        ax.legend(fontsize=9)


def heatmap(
    matrix,
    xlabel="",
    ylabel="",
    title="",
    xticks=None,
    yticks=None,
    values=False,
    center=None,
    ax=None,
):
    """A matrix (rows, columns) as colours.

    xticks, yticks: texts for the columns and rows. values: write the numbers into the cells.
    center: the value drawn white, with a colour on either side (for signed matrices).
    """
    ax = ax or plt.figure().gca()
    matrix = to_numpy(matrix)
    cmap, norm = "viridis", None
    if center is not None:
        reach = np.abs(matrix - center).max()
        cmap, norm = "RdBu_r", mpl.colors.Normalize(center - reach, center + reach)
    picture = ax.imshow(matrix, cmap=cmap, norm=norm, aspect="auto")
    ax.figure.colorbar(picture, ax=ax)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.xaxis.set_major_locator(_integers())
    ax.yaxis.set_major_locator(_integers())
    if xticks is not None:
        long = any(len(str(text)) > 2 for text in xticks)
        ax.set_xticks(range(matrix.shape[1]), xticks, rotation=45 if long else 0)
    if yticks is not None:
        ax.set_yticks(range(matrix.shape[0]), yticks)
    if values:
        for (i, j), value in np.ndenumerate(matrix):
            dark = np.dot(picture.cmap(picture.norm(value)), [0.3, 0.6, 0.1, 0]) < 0.5
            ax.text(
                j,
                i,
                f"{value:.4g}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if dark else "black",
            )
    ax.grid(False)


def _integers():
    """Ticks at whole numbers: there is no step 2.5, and no column 0.5."""
    return MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True)
