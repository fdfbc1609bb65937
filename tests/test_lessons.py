"""The structure of every lesson and of its four notebooks."""

import base64
import io
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools import build, course
from tools.source import frameworks_of, read, tags_of

LESSONS = course.lessons()
NOTEBOOKS = [(lesson, framework) for lesson in LESSONS for framework in course.FRAMEWORKS]
SECTIONS = [
    "The idea", "Predict", "Set-up", "From scratch", "Check", "Train", "Look inside",
    "With the library", "Conventions and pitfalls", "Exercises", "Where next",
]

every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path)
every_notebook = pytest.mark.parametrize(
    ("lesson", "framework"), NOTEBOOKS, ids=[lesson.notebook(f) for lesson, f in NOTEBOOKS]
)


def notebook_of(lesson, framework):
    return nbformat.read(lesson.root / lesson.notebook(framework), as_version=4)


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
    cells = [cell for cell in read(lesson) if "parameters" in tags_of(cell)]
    trains = "\n## Train\n" in lesson.source.read_text("utf-8")
    for framework in course.FRAMEWORKS:  # one may have a parameter of its own
        own = [c for c in cells if framework in (frameworks_of(c) or course.FRAMEWORKS)]
        assert len(own) == 1 or not (trains or own)
    for cell in cells:
        assert re.fullmatch(r"([A-Z][A-Z0-9_]* = [^\n]+\n?)+", cell.source)


@every_lesson
def test_exercises(lesson):
    text = lesson.source.read_text("utf-8")
    exercises = text.split("\n## Exercises\n")[1].split("\n## ")[0]
    numbers = [int(n) for n in re.findall(r"^\*\*(\d+)\. ", exercises, re.M)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 3
    assert exercises.count("<details>") == exercises.count("</details>")
    for framework in course.FRAMEWORKS:
        cells = [c for c in read(lesson) if framework in (frameworks_of(c) or course.FRAMEWORKS)]
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
def test_a_checked_exercise_is_followed_by_its_solution(lesson, framework):
    cells = code_of(notebook_of(lesson, framework))
    both = [c for c in cells if {"exercise", "solution"} & {*c.metadata.get("tags", [])}]
    assert both and len(both) % 2 == 0
    for exercise, solution in zip(both[::2], both[1::2], strict=True):
        assert "exercise" in exercise.metadata.tags and "solution" in solution.metadata.tags
        said, solved = ("".join(o.get("text", "") for o in c.outputs) for c in (exercise, solution))
        [name] = re.findall(r"^… (\w+) is yours to write", said, re.M)
        assert f"✓ {name} is right\n" in solved


@every_notebook
def test_executed_without_errors_or_warnings(lesson, framework):
    cells = code_of(notebook_of(lesson, framework))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell.outputs):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"


@every_notebook
def test_no_path_of_a_machine(lesson, framework):
    text = (lesson.root / lesson.notebook(framework)).read_text("utf-8")
    found = re.search(r"(?<![\w.:/~])/(root|home|work|Users|tmp|opt|usr|var)/|[A-Z]:\\\\\w", text)
    assert not found, text[found.start() - 60 : found.end() + 60]


@every_notebook
def test_header(lesson, framework):
    notebook = notebook_of(lesson, framework)
    header = notebook.cells[0].source
    assert header.startswith(f"# {lesson.title} · {course.FRAMEWORKS[framework]}\n")
    badge = f"[![Open in Colab]({course.BADGE})]({course.colab(lesson.notebook(framework))})"
    assert badge in header
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[1].source == build.setup(framework)


@every_notebook
def test_figures_and_size(lesson, framework):
    path = lesson.root / lesson.notebook(framework)
    outputs = [o for cell in code_of(notebook_of(lesson, framework)) for o in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert path.stat().st_size < 300_000


@every_notebook
def test_no_figure_is_cut_off(lesson, framework):
    for cell in code_of(notebook_of(lesson, framework)):
        for output in cell.outputs:
            if png := output.get("data", {}).get("image/png"):
                picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))
                edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
                assert all((edge > 250).all() for edge in edges), cell.source[:200]


@every_notebook
def test_solutions_are_collapsed(lesson, framework):
    for cell in code_of(notebook_of(lesson, framework)):
        hidden = bool(cell.metadata.get("jupyter", {}).get("source_hidden"))
        assert hidden == ("solution" in cell.metadata.get("tags", []) or "@title" in cell.source)


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
        text = re.sub("^```.*?^```", "", text, flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in link and not Path(path.parent, unquote(link)).exists():
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_the_skeleton_is_a_lesson(tmp_path):
    """The one in CONTRIBUTING.md, which readers are told to begin with."""
    text = (course.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    skeleton = text.split("````markdown\n")[1].split("````")[0]
    folder = tmp_path / "01_intro" / "99_mean"
    folder.mkdir(parents=True)
    (folder / "lesson.md").write_text(skeleton, "utf-8")
    [lesson] = course.lessons(tmp_path)
    assert len(read(lesson)) > 20
    assert re.findall("^## (.*)", skeleton, re.M) == [s for s in SECTIONS if s != "Train"]
