"""Draw the figure of README.md: the losses of one lesson, from all four frameworks, on one curve.

Runs the four notebooks of 01_intro/01_linear_regression, takes from each the losses of its own
training steps and of the library's, and compares them with the same steps in NumPy in float64.
Usage: python -m tools.figure
"""

import json
import os

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from nbclient import NotebookClient

from shared import data, plot
from tools import build, course

LESSON = "01_intro/01_linear_regression"
COLLECT = "import json; print(json.dumps([losses.tolist(), library_losses.tolist()]))"
EPOCHS, BATCH_SIZE, LR, SEED = 100, 32, 0.005, 0  # the lesson's parameters


def losses_of(framework):
    """Losses of every step, (2, steps): from scratch, and with the library."""
    [lesson] = [lesson for lesson in course.lessons() if lesson.path == LESSON]
    notebook = nbformat.read(course.ROOT / lesson.notebook(framework), as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(COLLECT))
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(lesson.source.parent)}},
        extra_arguments=build.KERNEL_ARGUMENTS,
    )
    client.execute(env=os.environ | course.KERNEL_ENV)
    return np.array(json.loads(notebook.cells[-1].outputs[0].text))


def reference():
    """The same steps in NumPy, in float64: losses (steps,)."""
    X, y, _, _ = data.diabetes()
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32).astype(np.float64)
    rng = np.random.default_rng(SEED)
    w, b = rng.normal(0, 0.01, 10).astype(np.float32).astype(np.float64), 0.0
    rng, losses = np.random.default_rng(SEED), []
    for _ in range(EPOCHS):
        for X_batch, y_batch in data.batches(rng, BATCH_SIZE, X, y):
            error = X_batch @ w + b - y_batch
            losses.append(np.mean(error**2))
            w = w - LR * 2 / len(y_batch) * X_batch.T @ error
            b = b - LR * 2 * np.mean(error)
    return np.array(losses)


def main():
    exact = reference()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.8))
    for i, (framework, title) in enumerate(course.FRAMEWORKS.items()):
        for losses, how, style in zip(losses_of(framework), ["", ", library"], "-:", strict=True):
            distance = np.abs(losses - exact) / exact
            look = {"color": plot.COLORS[i], "linestyle": style, "label": title + how}
            left.plot(losses, linewidth=9 - 2 * i - (style == ":"), alpha=0.8, **look)
            worst = np.maximum.accumulate(distance)
            right.plot(worst, linewidth=1.6, **look)
    left.set(title="Eight runs, one curve", xlabel="step", ylabel="training loss", xlim=(0, 150))
    right.set(
        title="Their largest distance from float64 so far",
        xlabel="step",
        ylabel="relative",
        yscale="log",
        ylim=(1e-8, 1e-4),
    )
    left.legend(ncols=2, fontsize=9)
    figure.savefig(course.ROOT / "figure.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
