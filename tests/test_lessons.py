"""The structure of every lesson and of its four notebooks."""

import ast
import base64
import functools
import io
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools import build, course
from tools.source import CODE, frameworks_of, read, references, tags_of

LESSONS = course.lessons()
NOTEBOOKS = [(lesson, framework) for lesson in LESSONS for framework in course.FRAMEWORKS]
SECTIONS = [
    "The idea",
    "Predict",
    "Set-up",
    "From scratch",
    "Check",
    "Train",
    "Look inside",
    "With the library",
    "Conventions and pitfalls",
    "Exercises",
    "Where next",
]

every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path)
every_notebook = pytest.mark.parametrize(
    ("lesson", "framework"), NOTEBOOKS, ids=[lesson.notebook(f) for lesson, f in NOTEBOOKS]
)


@functools.cache
def notebook_of(lesson, framework):
    return nbformat.read(lesson.root / lesson.notebook(framework), as_version=4)


cells_of = functools.cache(read)


def own_cells(lesson, framework):
    """The code cells of a lesson that a framework's notebook has."""
    return [
        cell
        for cell in cells_of(lesson)
        if cell.cell_type == "code" and framework in (frameworks_of(cell) or course.FRAMEWORKS)
    ]


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts_of(notebook):
    return [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for cell in code_of(notebook)
        for output in cell.outputs
    ]


def test_there_are_lessons():
    assert len(LESSONS) >= 3


def test_everything_is_up_to_date():
    assert build.check(course.ROOT) == []


def test_every_notebook_belongs_to_a_lesson():
    files = course.ROOT.glob("[0-9][0-9]_*/*/*.ipynb")
    found = {file.relative_to(course.ROOT).as_posix() for file in files}
    assert found == {lesson.notebook(framework) for lesson, framework in NOTEBOOKS}


def test_titles_and_numbers_are_unique():
    assert len({lesson.title for lesson in LESSONS}) == len(LESSONS)
    assert len({(lesson.chapter, lesson.name[:2]) for lesson in LESSONS}) == len(LESSONS)


@every_lesson
def test_sections_in_order(lesson):
    prose = re.sub("^```.*?^```", "", lesson.source.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall("^## (.*)", prose, re.M)
    assert headings == [section for section in SECTIONS if section in headings]
    assert set(SECTIONS) - set(headings) <= {"Train"}


@every_lesson
def test_parameters(lesson):
    trains = "\n## Train\n" in lesson.source.read_text("utf-8")
    for framework in course.FRAMEWORKS:  # one may have a parameter of its own
        own = [c for c in own_cells(lesson, framework) if "parameters" in tags_of(c)]
        assert len(own) == 1 or not (trains or own)
        for cell in own:
            assert re.fullmatch(r"([A-Z][A-Z0-9_]* = [^\n]+\n?)+", cell.source)


def value_of(node):
    return eval(ast.unparse(node.value))


@every_lesson
def test_results_are_asserted_at_the_parameters_that_are_given(lesson):
    """`check.parameters` names each but DATASET, with the value that the cell has for it."""
    if "\n## Train\n" not in lesson.source.read_text("utf-8"):
        return
    for framework in course.FRAMEWORKS:
        given, tables, calls = {}, {}, []
        for cell in own_cells(lesson, framework):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "check.parameters":
                    calls.append(node)
                elif isinstance(node, ast.Assign) and "parameters" in tags_of(cell):
                    given[node.targets[0].id] = value_of(node)
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets) == "MEASURED":
                    tables = value_of(node)
        [call] = calls
        assert ast.unparse(call.args) == "globals()"
        measured = {k.arg: value_of(k) for k in call.keywords if k.arg}
        if others := [ast.unparse(k.value) for k in call.keywords if not k.arg]:
            assert others == ["MEASURED[DATASET]"]
            measured |= tables[given["DATASET"]]
        given.pop("DATASET", None)
        assert measured == given, framework


@every_lesson
def test_exercises(lesson):
    text = lesson.source.read_text("utf-8")
    exercises = text.split("\n## Exercises\n")[1].split("\n## ")[0]
    numbers = [int(n) for n in re.findall(r"^\*\*(\d+)\. ", exercises, re.M)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 3
    assert exercises.count("<details>") == exercises.count("</details>")
    for framework in course.FRAMEWORKS:
        cells = own_cells(lesson, framework)
        written, solved = (
            [cell for cell in cells if tag in tags_of(cell)] for tag in ("exercise", "solution")
        )
        assert written and len(written) == len(solved)
        assert all("NotImplementedError" in cell.source for cell in written)
        assert all("check.exercise(" in cell.source for cell in written)
        assert all("check.solution(" in cell.source for cell in solved)


@every_lesson
def test_four_notebooks_check_the_same(lesson):
    """The shared numbers are asserted, and the four notebooks end with the same verdicts."""
    verdicts = {}
    for framework in course.FRAMEWORKS:
        text = "".join(texts_of(notebook_of(lesson, framework)))
        verdicts[framework] = re.findall("^✓ (.*):", text, re.M)
        assert any(v.endswith("the same in all four frameworks") for v in verdicts[framework])
    common = set.intersection(*map(set, verdicts.values()))
    for framework, own in verdicts.items():
        assert len(common) >= 0.7 * len(set(own)), f"{framework}: {sorted(set(own) - common)}"


@every_lesson
def test_cells_of_all_four_frameworks_check_the_same(lesson):
    """Line by line: only a cell of one framework may check something that is peculiar to it."""
    cells = {f: code_of(notebook_of(lesson, f)) for f in course.FRAMEWORKS}
    shared = set.intersection(*({cell.source for cell in own} for own in cells.values()))
    lines = {
        tuple(
            line
            for cell in own
            if cell.source in shared
            for output in cell.outputs
            for line in output.get("text", "").splitlines()
            if line.startswith("✓ ")
        )
        for own in cells.values()
    }
    assert len(lines) == 1 and lines != {()}


@every_notebook
def test_a_checked_exercise_has_its_solution_at_the_end(lesson, framework):
    """That a solution is right is shown by its running: a failed check fails the build."""
    code = code_of(notebook_of(lesson, framework))
    exercises, solutions = (
        [cell for cell in code if tag in cell.metadata.get("tags", [])]
        for tag in ("exercise", "solution")
    )
    said = "".join(o.get("text", "") for cell in exercises for o in cell.outputs)
    names = re.findall(r"^… (\w+) is yours to write", said, re.M)
    assert names and code[-len(names) :] == solutions
    titles = [cell.source.partition("\n")[0] for cell in solutions]
    assert titles == [f"# @title Solution: {name}" for name in names]
    assert not any(cell.outputs for cell in solutions)


@every_lesson
def test_no_path_of_a_machine(lesson):
    text = lesson.source.read_text("utf-8")
    found = re.search(build.FOLDER, text)
    assert not found, text[found.start() - 60 : found.end() + 60]


@every_notebook
def test_figures_and_size(lesson, framework):
    path = lesson.root / lesson.notebook(framework)
    outputs = [o for cell in code_of(notebook_of(lesson, framework)) for o in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert path.stat().st_size < 400_000


@every_notebook
def test_no_figure_is_cut_off(lesson, framework):
    for cell in code_of(notebook_of(lesson, framework)):
        for output in cell.outputs:
            if png := output.get("data", {}).get("image/png"):
                picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))
                edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
                assert all((edge > 250).all() for edge in edges), cell.source[:200]


def pages():
    markdown = [course.ROOT / "README.md", course.ROOT / "CONTRIBUTING.md"]
    markdown += sorted(course.ROOT.glob("[0-9][0-9]_*/README.md"))
    yield from ((path, path.read_text("utf-8")) for path in markdown)
    for lesson, framework in NOTEBOOKS:
        cells = notebook_of(lesson, framework).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        yield lesson.root / lesson.notebook(framework), text


def test_relative_links_lead_somewhere():
    broken = []
    for path, text in pages():
        text = re.sub(CODE, "", text, flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in link and not Path(path.parent, unquote(link)).exists():
                broken.append(f"{path.name}: {link}")
    assert broken == []


@pytest.mark.parametrize(
    "page",
    [course.ROOT / "README.md", *sorted(course.ROOT.glob("[0-9][0-9]_*/README.md"))],
    ids=lambda page: page.parent.name,
)
def test_pages_name_lessons_by_links(page):
    folder = page.parent.relative_to(course.ROOT).as_posix()
    assert list(references(course.ROOT, folder, page.read_text("utf-8"))) == []


def test_the_skeleton_is_a_lesson(tmp_path):
    """The one in CONTRIBUTING.md, which readers are told to begin with."""
    text = (course.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    skeleton = text.split("````markdown\n")[1].split("````")[0]
    folder = tmp_path / "01_intro" / "99_mean"
    folder.mkdir(parents=True)
    (folder / "lesson.md").write_text(skeleton, "utf-8")
    (tmp_path / "tools").mkdir()  # where the model, to which it links, is planned
    (tmp_path / "tools/planned.txt").write_text("01_intro/01_linear_regression Linear regression")
    [lesson] = course.lessons(tmp_path)
    assert len(read(lesson)) > 20
    assert re.findall("^## (.*)", skeleton, re.M) == [s for s in SECTIONS if s != "Train"]
