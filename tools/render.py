"""The cells of one framework's notebook, made from the cells of `lesson.md`, without outputs."""

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tools import course, staleness
from tools.course import FRAMEWORKS, CourseError
from tools.source import CODE, LINK, frameworks_of, tags_of

SETUP = (Path(__file__).parent / "colab_setup.py").read_text("utf-8")
COLLAPSED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
# JupyterLab hides the output as well, since it may show the answer.
HIDDEN = {"jupyter": {"source_hidden": True, "outputs_hidden": True}, "cellView": "form"}
SOLUTIONS = """## Solutions

One way to write each exercise in code. Try your own first, then unfold."""


@dataclass
class Job:
    """A notebook to be made: its lesson, its framework, its cells, and their lines in lesson.md."""

    lesson: course.Lesson
    framework: str
    notebook: nbformat.NotebookNode
    lines: list
    edited: bool = False  # the file that is there has cells that the builder did not write

    @property
    def name(self):
        return self.lesson.notebook(self.framework)

    @property
    def path(self):
        return self.lesson.root / self.name

    @property
    def text(self):
        # nbformat.writes would validate each time; `build.execute` validates what is new
        return nbformat.v4.writes(self.notebook) + "\n"

    def error(self, position, message):
        where = f"{self.lesson.path}/lesson.md:{self.lines[position]}"
        return CourseError(
            f"{where} ({FRAMEWORKS[self.framework]}, cell {position}): {message.strip()}\n"
            "The notebook stays as it was."
        )


def render(lesson, framework, cells, neighbours, known):
    """The job of making a framework's notebook; `known` is the memory of `staleness.shared`."""
    own = [c for c in cells if not frameworks_of(c) or framework in frameworks_of(c)]
    hook = own[0].source.partition("\n")[2].strip()  # what follows the title
    body = [(header(lesson, framework, neighbours), "markdown", {}, 1)]
    body += [(resolve(lesson, framework, hook), "markdown", {}, 1)] if hook else []
    body += [(setup(framework), "code", COLLAPSED, 1)]
    given, solutions = len(body), []
    for cell in own[1:]:
        source, tags = cell.source, tags_of(cell)
        metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "markdown":
            source = resolve(lesson, framework, source)
        elif "solution" in tags:
            source, metadata = f"# @title Solution: {answer(cell)}\n{source}", metadata | HIDDEN
        elif "repeated" in tags:
            metadata |= COLLAPSED
        place = solutions if "solution" in tags else body
        place.append((source, cell.cell_type, metadata, cell.get("line", 1)))
    if solutions:
        body += [(SOLUTIONS, "markdown", {}, 1), *solutions]

    code = [(source, data.get("tags")) for source, kind, data, _ in body[given:] if kind == "code"]
    made = {
        "code": staleness.fingerprint([framework, code]),
        "shared": staleness.shared(lesson.root, [source for source, _ in code], known),
    }
    notebook = nbformat.from_dict({
        "cells": new_cells(framework, body),
        "metadata": {
            "accelerator": "None" if framework == "mxnet" else "GPU",
            "course": made,
            # the name that JupyterLab writes: with another one, opening a notebook changes it
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    })  # fmt: skip
    made = notebook.metadata.course
    made.source = staleness.typed(notebook)
    return Job(lesson, framework, notebook, [line for *_, line in body])


def new_cells(framework, body):
    """The cells, their ids made from what they hold: jupytext's and nbformat's are random."""
    cells, seen = [], {}
    for source, kind, metadata, _ in body:
        seen[source] = seen.get(source, 0) + 1
        cell_id = staleness.fingerprint([framework, source, seen[source]])[:8]
        cell = {"cell_type": kind, "id": cell_id, "metadata": metadata, "source": source}
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    return cells


def answer(cell):
    """The name of what a solution answers: what it hands to `check.solution` after the test."""
    for node in ast.walk(staleness.parsed(cell.source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "check.solution":
            return ast.unparse(node.args[-1])
    return "in code"


def resolve(lesson, framework, prose):
    """Prose whose links to lessons lead to this framework's notebooks, or say what is planned."""

    def replace(found):
        if found["code"] or re.match(r"\w+:", found["target"]):
            return found[0]
        target = course.join(lesson.path, found["target"])
        if not (path := re.fullmatch(r"(\d\d_\w+)/(\d\d_\w+)/lesson\.md", target)):
            return found[0]
        to = course.Lesson(lesson.root, path[1], path[2], "")
        if not to.source.exists():
            return f"{found['text']} (planned)"
        address = Path(os.path.relpath(to.notebook(framework), lesson.path)).as_posix()
        return f"[{found['text']}]({address}{found['anchor'] or ''})"

    return re.sub(f"(?P<code>{CODE})|{LINK}", replace, prose, flags=re.M | re.S)


def header(lesson, framework, neighbours):
    """Title, badge and links. Relative links serve JupyterLab and GitHub, absolute ones Colab."""

    def links(address):
        def link(text, lesson, name):
            return f"[{text}]({address(lesson.notebook(name))})"

        before, after = neighbours
        row = [link(f"← {before.title}", before, framework)] if before else []
        for name, title in FRAMEWORKS.items():
            row.append(f"**{title}**" if name == framework else link(title, lesson, name))
        row += [link(f"{after.title} →", after, framework)] if after else []
        return " · ".join(row)

    def relative(target):
        return Path(os.path.relpath(target, lesson.path)).as_posix()

    return (
        f"# {lesson.title} · {FRAMEWORKS[framework]}\n\n"
        f"[![Open in Colab]({course.BADGE})]({course.colab(lesson.notebook(framework))})\n\n"
        f"{links(relative)}  \n"
        f"<small>In Colab: {links(course.colab)}</small>\n\n"
        "<small>Write your answers in a copy of this notebook, which is built from "
        "[lesson.md](lesson.md) and is built anew when that changes.</small>"
    )


def setup(framework):
    """The Colab set-up cell: `colab_setup.py` with this framework's packages and our address."""
    needed = course.COMMON_MODULES | course.MODULES[framework]
    listed = ", ".join(f'"{module}": "{name}"' for module, name in needed.items())
    wrapped = re.sub(r"(.{60,84}?,) ", r"\1\n    ", listed)
    owners = {"MXNET_CUDA": "mxnet", "TF_CPP": "tensorflow"}  # paragraphs that are not for all
    own = [
        paragraph
        for paragraph in SETUP.strip().split("\n\n")
        if all(word not in paragraph or owner == framework for word, owner in owners.items())
    ]
    return (
        "\n\n".join(own)
        .replace("needed = {}", f"needed = {{\n    {wrapped},\n}}")
        .replace("BRANCH", course.BRANCH)
        .replace("ADDRESS", f"https://github.com/{course.REPOSITORY}")
    )
