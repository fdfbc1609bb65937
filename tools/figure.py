"""Draw the figure of README.md: one cell in four frameworks, and what came out of it.

Shows the training step of 01_intro/01_linear_regression as each framework writes it, and the losses
of the four notebooks, from scratch and with the library, which are run for it.
Usage: python -m tools.figure
"""

import ast
import json

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from PIL import Image
from pygments import lex
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Operator

from shared import plot
from tools import build, course, staleness
from tools.source import read, tags_of

LESSON = "01_intro/01_linear_regression"
STEP = "train_step"
SIZE = 8.4  # of the letters, in points
COLLECT = "import json; print(json.dumps([losses.tolist(), library_losses.tolist()]))"
LOOK = {Comment: "#6b7280", Keyword: plot.COLORS[1], Operator.Word: plot.COLORS[1],
        Name.Decorator: plot.COLORS[3], Name.Function: plot.COLORS[0]}  # fmt: skip


def lesson():
    [found] = [lesson for lesson in course.lessons() if lesson.path == LESSON]
    return found


def steps():
    """The source of the training step in each framework."""
    found = {}
    for cell in read(lesson()):
        for framework in set(tags_of(cell)) & set(course.FRAMEWORKS):
            for node in ast.parse(cell.source).body if cell.cell_type == "code" else []:
                if isinstance(node, ast.FunctionDef) and node.name == STEP:
                    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                    lines = cell.source.splitlines()[first - 1 : node.end_lineno]
                    found[framework] = "\n".join(lines)
    return {framework: found[framework] for framework in course.FRAMEWORKS}


def fingerprint():
    """Of what the figure shows: it is to be drawn again when this is not what it carries."""
    parameters = [c.source for c in read(lesson()) if "parameters" in tags_of(c)]
    return staleness.fingerprint([steps(), parameters, course.FRAMEWORKS])


def losses_of(framework):
    """Losses of every step, (2, steps): from scratch, and with the library."""
    notebook = nbformat.read(course.ROOT / lesson().notebook(framework), as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(COLLECT))
    build.run_all(notebook, lesson().source.parent)
    return np.array(json.loads(notebook.cells[-1].outputs[0].text))


def write_code(ax, source, title):
    """A few lines of Python in colours, from the upper left corner of the axes."""
    row, column, width = 0, 0, 0.602 * SIZE  # DejaVu Sans Mono: a character is 0.602 em wide
    for kind, text in lex(source, PythonLexer()):
        color = next((LOOK[k] for k in LOOK if kind in k), "black")
        for i, part in enumerate(text.split("\n")):
            row, column = (row + 1, 0) if i else (row, column)
            for letter in part:  # one by one, so that they stand in columns
                place = (8 + width * column, -16 - 1.5 * SIZE * row)
                ax.annotate(letter, (0, 1), place, "axes fraction", "offset points", color=color,
                            family="monospace", fontsize=SIZE)  # fmt: skip
                column += 1
    ax.set(xticks=[], yticks=[], facecolor="#f6f8fa")
    ax.set_title(title, loc="left", fontweight="bold")


def main():
    figure = plt.figure(figsize=(11, 6))
    columns = [list(steps().values())[i::2] for i in range(2)]
    width_ratios = [max(map(len, "\n".join(column).splitlines())) for column in columns]
    places = figure.add_gridspec(3, 2, width_ratios=width_ratios, height_ratios=[1, 1, 1.5])
    for i, (framework, source) in enumerate(steps().items()):
        write_code(figure.add_subplot(places[i // 2, i % 2]), source, course.FRAMEWORKS[framework])
    ax = figure.add_subplot(places[2, :])
    for i, (framework, title) in enumerate(course.FRAMEWORKS.items()):
        for losses, how, style in zip(losses_of(framework), ["", ", library"], "-:", strict=True):
            look = {"color": plot.COLORS[i], "linestyle": style, "label": title + how}
            ax.plot(losses, linewidth=9 - 2 * i - (style == ":"), alpha=0.8, **look)
    ax.set(title="Eight runs, one curve", xlabel="step", ylabel="training loss", xlim=(0, 150))
    ax.legend(ncols=4, fontsize=9)
    metadata = {"Software": None, "Fingerprint": fingerprint()}
    figure.savefig(course.ROOT / "figure.png", dpi=110, metadata=metadata)


def is_current(file=course.ROOT / "figure.png"):
    return Image.open(file).info.get("Fingerprint") == fingerprint()


if __name__ == "__main__":
    main()
