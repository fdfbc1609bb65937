"""The builder, on small courses whose cells import no framework, so that kernels start quickly."""

import asyncio
import base64
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import pytest
from PIL import Image

from tools import build, course, render, source, staleness, tables
from tools.course import FRAMEWORKS, CourseError

ROOT = Path(__file__).parents[1]
PAGE = f"# A page\n\n{tables.BEGIN}\n{tables.END}\n\nThe end.\n"
# Two cells that all frameworks share, and one of each framework's own (lines 5, 10, 14 to 28).
LESSON = """\
# {title}

Why this matters.

```python tags=["parameters"]
RATE = 0.5
```

```python
print("twice the rate is", 2 * RATE)
```

```python tags=["pytorch"]
name = "PyTorch"
```

```python tags=["tensorflow"]
name = "TensorFlow"
```

```python tags=["jax"]
name = "JAX"
```

```python tags=["mxnet"]
name = "MXNet"
```
"""
FIGURE = """
```python
import matplotlib.pyplot as plt

plt.plot([1, 3, 2]);
```
"""
USES = """
```python
def later():
    from shared import tool

    return tool.value()
```
"""
LIVE = """
```python tags=["live"]
import time

print(time.time(), object())
```
"""


SHARED = {
    "__init__.py": "",
    "tool.py": '"""A tool."""\n\n\ndef value():\n    """One."""\n    from shared import deep\n\n'
    "    return deep.inner, 1  # one\n",
    "deep/__init__.py": "from . import inner\nfrom .inner import text\n",
    "deep/inner.py": "text = 'a text'\n",
    "deep/words.txt": "some words\n",
    "other.py": "from shared import tool\n",
}


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def new_course(root, **lessons):
    """A course with a page, a package `shared`, and lessons; `a_one` stands for 01_a/01_one."""
    write(root, "README.md", PAGE)
    for path, text in SHARED.items():
        write(root, f"shared/{path}", text)
    for number, (name, text) in enumerate(lessons.items(), 1):
        chapter, _, slug = name.partition("_")
        chapter = {"a": "01_a", "b": "02_b"}[chapter]
        write(root, f"{chapter}/README.md", PAGE)
        write(root, f"{chapter}/0{number}_{slug}/lesson.md", text)
    return root


def run(root, *arguments):
    build.main(["--root", str(root), *arguments])


def refused(root, *arguments):
    """The message with which the builder ends."""
    with pytest.raises(SystemExit) as stopped:
        run(root, *arguments)
    assert stopped.value.code  # a message, or a number that is not 0
    return str(stopped.value)


def job_of(root, framework="pytorch", lesson="01_a/01_one"):
    [job] = build.plan(root, [lesson], [framework])
    return job


def sources(root, framework):
    return [cell.source for cell in job_of(root, framework).notebook.cells]


def edit(root, path, old, new):
    text = (root / path).read_text("utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def small(tmp_path):
    return new_course(tmp_path, a_one=LESSON.format(title="One"))


@pytest.fixture
def no_kernel(monkeypatch):
    """From here on, executing a notebook is an error."""

    async def execute(job):
        raise AssertionError(f"{job.path.name} is executed")

    monkeypatch.setattr(build, "execute", execute)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A course of three lessons, built for two frameworks; `runs` counts what its cells run."""
    folder = tmp_path_factory.mktemp("built")
    count = f"\n```python\nwith open({str(folder / 'runs')!r}, 'a') as f:\n    f.write('x')\n```\n"
    here = "\n```python\nfrom pathlib import Path\n\nassert Path('lesson.md').exists()\n```\n"
    root = new_course(
        folder / "course",
        a_one=LESSON.format(title="One") + FIGURE + count + here + USES,
        a_two=LESSON.format(title="Two") + count + LIVE,
        b_three=LESSON.format(title="Three") + count,
    )
    run(root, "--framework", "pytorch", "jax", "--jobs", "3")
    return root


@pytest.fixture
def built(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "course"))


ONE, TWO, THREE = "01_a/01_one", "01_a/02_two", "02_b/03_three"


def notebook(lesson, framework):
    return f"{lesson}/{framework}_{lesson.rpartition('_')[2]}.ipynb"


BUILT = [notebook(lesson, f) for lesson in (ONE, TWO, THREE) for f in ("pytorch", "jax")]


def state(root):
    """What the builder would do: (paths to be executed, paths to be written without)."""
    files = list(build.outdated(root, frameworks=("pytorch", "jax")))
    execute, rewrite = (
        [path.relative_to(root).as_posix() for path, text, _ in files if (text is None) == wanted]
        for wanted in (True, False)
    )
    return execute, rewrite


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('```python tags=["pytorh"]\nx = 1\n```', 3, "unknown tag pytorh"),
        ('<!-- #region tags=["pytorh"] -->\nx\n<!-- #endregion -->', 3, "unknown tag pytorh"),
        ('```python tag=["jax"]\nx = 1\n```', 3, "unknown fence"),
        ('```python tags=["jax"] hide=true\nx = 1\n```', 3, "unknown fence"),
        ('```python tags=["jax"\nx = 1\n```', 3, "unknown fence"),
        ("```python .noeval\nx = 1\n```", 3, "unknown fence"),
        ("text\n\n```bash\nls\n```", 5, "unknown fence"),
        ("```\nls\n```", 3, "unknown fence"),
        ('```{.python tags="jax"}\nx = 1\n```', 3, "unknown fence"),
        ("````python\nx = 1\n````", 3, "unknown fence"),
        ("~~~python\nx = 1\n~~~", 3, "unknown fence"),
        ("- list\n\n  ```python\n  x = 1\n  ```", 5, "unknown fence"),
        ("```python\nx = 1\n\n```python\ny = 1\n```", 6, "unknown fence"),
        ("```python\nx = 1", 3, "never closed"),
        ("```text\nx\n\nprose", 3, "never closed"),
        (
            '<!-- #region tags=["jax"] -->\n```python\nx = 1\n```\n<!-- #endregion -->',
            4,
            "cannot stand in a region",
        ),
        ('<!-- #region tags=["jax"] -->\nnever ends', 3, "never closed"),
        ('<!-- #region tags=["jax"] -->\n' * 2 + "x\n" + "<!-- #endregion -->\n" * 2, 4, "mark"),
        ("<!-- #region jax -->\nx\n<!-- #endregion -->", 3, "unknown mark"),
        ("<!-- #endregion -->", 3, "unknown mark"),
        ("<!-- #raw -->\nx\n<!-- #endraw -->", 3, "unknown mark"),
    ],
)
def test_what_is_not_prose_or_a_cell_is_refused(tmp_path, no_kernel, text, line, what):
    new_course(tmp_path, a_one=f"# One\n\n{text}\n")
    message = refused(tmp_path)
    assert message.startswith(f"error: 01_a/01_one/lesson.md:{line}: ") and what in message


@pytest.mark.parametrize("text", ["Text first.\n\n# One\n", "---\na: b\n---\n\n# One\n"])
def test_a_lesson_begins_with_its_title(tmp_path, text):
    new_course(tmp_path, a_one=text)
    assert "01_a/01_one/lesson.md:1: a lesson begins with its title" in refused(tmp_path)


def test_a_lesson_without_any_title_is_named(tmp_path):
    new_course(tmp_path, a_one="## Section\n")
    assert "01_one/lesson.md: no title" in refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("# Première\n".encode("latin-1"), "byte 7 is not UTF-8; save the file as UTF-8 without"),
        ("# One\n".encode("utf-16"), "is not UTF-8; save the file as UTF-8 without"),
        ("# One\n".encode("utf-8-sig"), "begins with a byte order mark; save the file as UTF-8"),
        (b"# One\n\nna\xefve\n", "byte 9 is not UTF-8"),
    ],
)
def test_a_lesson_is_utf_8_without_a_mark(tmp_path, no_kernel, content, what):
    path = three(tmp_path) / "01_a/01_one/lesson.md"
    path.write_bytes(content)
    message = refused(tmp_path)
    assert message.startswith("error: 01_one/lesson.md: ") and what in message


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_step_without_one_framework_is_refused(small, no_kernel, framework):
    own = f'```python tags=["{framework}"]\nname = "{FRAMEWORKS[framework]}"\n```\n'
    edit(small, "01_a/01_one/lesson.md", own, "")
    message = refused(small)
    line = 14 if framework == "pytorch" else 13  # where the run of tagged cells begins
    assert f"01_a/01_one/lesson.md:{line}: {FRAMEWORKS[framework]} lacks a cell" in message


def test_the_second_of_two_steps_side_by_side_is_missed(small, no_kernel):
    more = "".join(f'\n```python tags=["{f}"]\ny = 1\n```\n' for f in FRAMEWORKS if f != "jax")
    edit(small, "01_a/01_one/lesson.md", 'name = "MXNet"\n```\n', f'name = "MXNet"\n```\n{more}')
    assert "lesson.md:13: JAX lacks a cell" in refused(small)


def test_a_cell_may_belong_to_several_frameworks(tmp_path):
    two = [["pytorch", "mxnet"], ["jax", "tensorflow"]]
    text = "".join(f"\n```python tags={json.dumps(tags)}\nx = {tags}\n```\n" for tags in two)
    new_course(tmp_path, a_one=f"# One\n{text}")
    assert sources(tmp_path, "mxnet")[-1] == sources(tmp_path, "pytorch")[-1]
    assert sources(tmp_path, "jax")[-1] == "x = ['jax', 'tensorflow']"


def test_a_framework_is_left_out_with_a_reason_that_its_reader_sees(small):
    own = '```python tags=["mxnet"]\nname = "MXNet"\n```\n'
    reason = "MXNet has no such operator."
    region = f'<!-- #region tags=["mxnet", "left-out"] -->\n{reason}\n<!-- #endregion -->\n'
    edit(small, "01_a/01_one/lesson.md", own, region)
    assert sources(small, "mxnet")[-1] == reason
    assert all(reason not in "".join(sources(small, f)) for f in FRAMEWORKS if f != "mxnet")


def test_a_prose_region_goes_only_to_its_framework(small):
    region = '<!-- #region tags=["jax"] -->\nPure.\n\n```text\ncode\n```\n<!-- #endregion -->\n'
    fence = '```python tags=["jax"]'
    edit(small, "01_a/01_one/lesson.md", fence, f"{region}\n{fence}")
    assert "Pure.\n\n```text\ncode\n```" in sources(small, "jax")
    assert all("Pure." not in "".join(sources(small, f)) for f in FRAMEWORKS if f != "jax")


def test_a_fence_of_text_and_marks_within_code_are_no_cells(tmp_path):
    text = '```text\n<!-- #region -->\n```\n\n```python\nx = """\n<!-- #region -->\n"""\n```\n'
    new_course(tmp_path, a_one=f"# One\n\n{text}")
    cells = job_of(tmp_path).notebook.cells
    assert [cell.cell_type for cell in cells] == ["markdown", "markdown", "code", "code"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("as the next lesson shows", "next lesson"),
        ("The *previous lesson*", "previous lesson"),
        ("in the last\nlesson", "last lesson"),
        ("The next two lessons", "next two lessons"),
        ("the Last Chapter", "Last Chapter"),
        ("borrowed two lessons\nahead", "two lessons ahead"),
        ("GoogLeNet (three lessons on)", "three lessons on"),
        ("5 lessons ago", "5 lessons ago"),
        ("naive Bayes in the lesson\nbefore", "the lesson before"),
        ("(lesson 02)", "lesson 02"),
        ("lessons 01 to 03", "lessons 01"),
    ],
)
@pytest.mark.parametrize("where", ["", "- item\n", '<!-- #region tags=["jax"] -->\n'])
def test_a_lesson_is_named_not_counted(tmp_path, no_kernel, where, text, said):
    end = "\n<!-- #endregion -->" if "region" in where else ""
    new_course(tmp_path, a_one=f"# One\n\n```python\n# last lesson\n```\n\n{where}{text}{end}\n")
    line = 7 + where.count("\n")
    expected = f"error: 01_a/01_one/lesson.md:{line}: {said!r} changes when a lesson is put in"
    assert refused(tmp_path).startswith(expected)


@pytest.mark.parametrize("text", [
    "the next line, the last layer, later lessons, lessons on optimizers, before the lesson",
    "`the next lesson`",
    "```text\nthe next lesson, ../no/lesson.md, chapter 55\n```",
    "chapters 01 and 02, chapter 03, Chapter\n02; chapter 6 of a book",
    "[a](https://example.org/lesson.md) [b](../../README.md) [c](#here) `[d](x/lesson.md)`",
])  # fmt: skip
def test_other_prose_is_left_alone(tmp_path, text):
    root = three(tmp_path)
    write(root, "tools/planned.txt", "03_c/01_more More to come\n")
    write(root, "01_a/01_one/lesson.md", f"# One\n\n{text}\n")
    assert sources(root, "jax")[1] == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("chapter 04", "04"), ("Chapter\n99", "99"), ("chapters 01, 02 and 05", "05")],
)
def test_a_chapter_that_is_not_there_is_refused(tmp_path, no_kernel, text, number):
    root = three(tmp_path)
    write(root, "01_a/02_two/lesson.md", f"# Two\n\nx\n\nin {text}\n")
    assert refused(root) == f"error: 01_a/02_two/lesson.md:5: there is no chapter {number}"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_link_to_a_lesson_leads_to_the_notebook_of_the_same_framework(tmp_path, framework):
    root = three(tmp_path)
    write(root, "tools/planned.txt", "02_b/04_more More to come\n")
    links = """See [three](../../02_b/03_three/lesson.md), [`two`](../02_two/lesson.md#check)
and [what
comes](../../02_b/04_more/lesson.md)."""
    write(root, "01_a/01_one/lesson.md", f"# One\n\n{links}\n\n```python\n1\n```\n\n{links}\n")
    cells = sources(root, framework)
    assert (
        cells[1]
        == cells[4]
        == (
            f"See [three](../../02_b/03_three/{framework}_three.ipynb), "
            f"[`two`](../02_two/{framework}_two.ipynb#check)\nand what\ncomes (planned)."
        )
    )


@pytest.mark.parametrize("link", [
    "../02_too/lesson.md", "../../01_a/lesson.md", "lesson.ipynb", "../../READ%20ME.md"
])  # fmt: skip
def test_a_link_to_nothing_is_refused(tmp_path, no_kernel, link):
    root = three(tmp_path)
    write(root, "01_a/01_one/lesson.md", f"# One\n\nx\n\nSee [two]({link}) and more.\n")
    message = refused(root)
    assert message.startswith(f"error: 01_a/01_one/lesson.md:5: {link!r} does not exist")


def test_no_such_lesson(small, no_kernel):
    assert "no such lesson: 01_a/07_x" in refused(small, "--lesson", "01_a", "01_a/07_x")


def test_a_framework_that_is_not_installed_is_left_out(small, monkeypatch, capsys):
    executed = []

    async def execute(job):
        executed.append(job.framework)

    monkeypatch.setattr(build, "execute", execute)
    monkeypatch.setitem(course.MODULES, "jax", {"no_such_module": "none"})
    why = "not installed here: JAX (no module 'no_such_module'); its notebooks stay as they are"
    refused(small, "--check")  # which needs no framework: the notebooks are not there yet
    run(small)
    assert sorted(executed) == ["mxnet", "pytorch", "tensorflow"]
    assert capsys.readouterr().out.splitlines()[0] == why
    run(small)
    assert capsys.readouterr().out == f"{why}\nNothing had to be built.\n"
    executed.clear()
    assert refused(small, "--framework", "jax", "pytorch", "--force") == f"error: {why}"
    assert executed == ["pytorch"]


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--framework", "theano"]])
def test_arguments_that_make_no_sense(small, no_kernel, arguments):
    assert refused(small, *arguments) == "2"


# ------------------------------------------------------------------------------ rendering


def three(root):
    return new_course(root, a_one="# One\n\nx\n", a_two="# Two\n\nx\n", b_three="# Three\n\nx\n")


def links(root, framework, lesson):
    """The header's links: those that are relative, and those into Colab; text to address."""
    top = job_of(root, framework, lesson).notebook.cells[0].source
    found = re.findall(r"\[([^]!]+)\]\(([^)]+)\)", top)
    colab = {text: at for text, at in found if at.startswith("https://colab.research.google.com/")}
    return {text: at for text, at in found if "//" not in at}, colab


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_badge_opens_this_very_file(tmp_path, framework):
    job = job_of(three(tmp_path), framework, "02_b/03_three")
    path = job.path.relative_to(tmp_path).as_posix()
    assert path == f"02_b/03_three/{framework}_three.ipynb"
    head, _, rest = job.notebook.cells[0].source.partition("\n\n")
    assert head == f"# Three · {FRAMEWORKS[framework]}"
    assert rest.startswith(
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{course.REPOSITORY}/blob/{course.BRANCH}/{path})"
    )


@pytest.mark.parametrize(
    ("lesson", "before", "after"),
    [
        ("01_a/01_one", None, ("Two →", "../02_two/jax_two.ipynb")),
        ("01_a/02_two", ("← One", "../01_one/jax_one.ipynb"),
         ("Three →", "../../02_b/03_three/jax_three.ipynb")),
        ("02_b/03_three", ("← Two", "../../01_a/02_two/jax_two.ipynb"), None),
    ],
)  # fmt: skip
def test_links_to_neighbours_and_sisters(tmp_path, lesson, before, after):
    relative, colab = links(three(tmp_path), "jax", lesson)
    slug = lesson.rpartition("_")[2]
    expected = {t: f"{f}_{slug}.ipynb" for f, t in FRAMEWORKS.items() if f != "jax"}
    expected |= dict(filter(None, [before, after])) | {"lesson.md": "lesson.md"}
    assert relative == expected
    base = f"https://colab.research.google.com/github/{course.REPOSITORY}/blob/{course.BRANCH}/"
    del expected["lesson.md"]
    for text, target in expected.items():
        path = os.path.normpath(os.path.join(lesson, target))
        assert colab[text] == base + Path(path).as_posix()


def test_relative_links_lead_to_files(built):
    run(built, "--framework", "pytorch", "jax")
    for path in BUILT:
        relative, _ = links(built, Path(path).name.partition("_")[0], path.rpartition("/")[0])
        for target in relative.values():
            missing = Path(target).name.startswith(("mxnet_", "tensorflow_"))  # not built
            assert (built / path).parent.joinpath(target).exists() != missing, (path, target)


EXERCISE = """# One

Why.

```python
class check:
    solution = staticmethod(lambda test, answer: test(answer))
```

```python tags=["exercise"]
def double(x):
    raise NotImplementedError


def test_double(double):
    print("tested", double(2))
```

```python tags=["solution", "pytorch", "jax"]
def double(x):
    return 2 * x


check.solution(test_double, double)
```

```python tags=["solution", "mxnet", "tensorflow"]
double = [0, 2, 4].__getitem__
check.solution(
    test_double, double
)
```

## Where next

```python tags=["repeated"]
# @title The numbers (as in Two)
print(sum([1, 2]))
```
"""


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_solutions_come_last_and_folded(tmp_path, framework):
    root = new_course(tmp_path, a_one=EXERCISE)
    header, hook, setup, *given, heading, solution = job_of(root, framework).notebook.cells
    assert header.source.startswith("# One · ") and hook.source == "Why."
    assert setup.source == render.setup(framework)
    assert [cell.source.partition("\n")[0] for cell in given] == [
        "class check:", "def double(x):", "## Where next", "# @title The numbers (as in Two)"
    ]  # fmt: skip
    assert heading.source.startswith("## Solutions\n\n")
    assert solution.source.startswith("# @title Solution: double\ndef " if framework in (
        "pytorch", "jax") else "# @title Solution: double\ndouble = ")  # fmt: skip
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert setup.metadata == folded
    assert given[1].metadata == {"tags": ["exercise"]}
    assert given[3].metadata == {"tags": ["repeated"], **folded}
    hidden = {"source_hidden": True, "outputs_hidden": True}
    assert solution.metadata == {**folded, "tags": solution.metadata.tags, "jupyter": hidden}


def test_solutions_are_run_and_their_outputs_are_not_stored(tmp_path):
    root = new_course(tmp_path, a_one=EXERCISE)
    run(root, "--framework", "tensorflow", "jax")
    for framework in ("tensorflow", "jax"):
        cells = nbformat.read(root / notebook(ONE, framework), 4).cells
        assert cells[-1].outputs == [] and cells[-1].execution_count == 5
        assert cells[-3].outputs[0].text == "3\n"  # a folded cell keeps what it shows
    edit(root, "01_a/01_one/lesson.md", "[0, 2, 4]", "[0, 2]")
    message = refused(root, "--framework", "tensorflow")
    assert "lesson.md:27 (TensorFlow, cell 8): " in message and "IndexError" in message


def test_a_notebook_without_solutions_has_no_section_for_them(small):
    assert not any("Solutions" in source for source in sources(small, "jax"))


def test_a_repeated_cell_says_under_which_title_it_is_folded(tmp_path, no_kernel):
    new_course(tmp_path, a_one='# One\n\n```python tags=["repeated"]\nx = 1\n```\n')
    assert "01_a/01_one/lesson.md:3: a cell tagged repeated begins with" in refused(tmp_path)


def test_papermill_finds_the_parameters(built):
    parameters = papermill.inspect_notebook(str(built / BUILT[0]))
    assert parameters["RATE"]["default"] == "0.5"
    notebook = papermill.parameterize.parameterize_notebook(
        papermill.iorw.load_notebook_node(str(built / BUILT[0])), {"RATE": 2}
    )
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code[1] == "RATE = 0.5" and code[2].endswith("RATE = 2\n")


def test_cell_ids_are_unique_and_stable(small):
    edit(small, "01_a/01_one/lesson.md", "\n```python\nprint", "\n```python\nx = 1\n```\n" * 2
         + "\n```python\nprint")  # fmt: skip
    ids = {cell.id: cell.source for cell in job_of(small).notebook.cells}
    assert list(ids.values()) == sources(small, "pytorch")  # none is lost: all ids differ
    edit(small, "01_a/01_one/lesson.md", "Why this matters.", "Why.")
    edit(small, "01_a/01_one/lesson.md", "\n```python\nprint", "\nMore.\n\n```python\nprint")
    after = {cell.id: cell.source for cell in job_of(small).notebook.cells}
    for cell_id, text in ids.items():
        assert after.get(cell_id) == (None if text == "Why this matters." else text)
    assert not set(ids) & {cell.id for cell in job_of(small, "jax").notebook.cells}


# ------------------------------------------------------------------------------ executing


BAD = {
    "a_raises": ("values = [1]\n```\n\n```python\nvalues.pop()\n```\n\n```python\nvalues.pop()",
                 11, "IndexError: pop from empty list"),
    "a_warns": ("import warnings\n\nwarnings.warn('old')", 3, "error stream"),
    "a_deprecates": ("import warnings\n\nwarnings.warn('old', DeprecationWarning)", 3,
                     "error stream"),
    "a_address": ("object()", 3, "0x"),
    "a_path": ("import os\n\nprint(os.getcwd())", 3, "of this machine only"),
    "a_dies": ("x = 1\n```\n\n```python\nimport os\n\nos._exit(1)", 7, "died"),
}  # fmt: skip


def test_a_bad_cell_leaves_the_old_notebook_and_the_others_are_built(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "TIMEOUT", 20)
    bad = {name: f"# One\n\n```python\n{code}\n```\n" for name, (code, *_) in BAD.items()}
    monkeypatch.delenv("TQDM_DISABLE")  # the builder sets it for the kernels
    bars = "\n```python\nimport os\n\nassert os.environ['TQDM_DISABLE']\n```\n"
    bars += "\n```python\nfrom tqdm.auto import tqdm\n\nfor _ in tqdm(range(3)):\n    pass\n```\n"
    good = LESSON.format(title="Good") + bars
    root = new_course(tmp_path, **bad, a_good=good)
    paths = {job.lesson.slug: job.path for job in build.plan(root, frameworks=["jax"])}
    for path in paths.values():
        path.write_text("as it was")
    message = refused(root, "--framework", "jax", "--jobs", "3", "--force")
    for number, (name, (_, line, what)) in enumerate(BAD.items(), 1):
        slug = name.removeprefix("a_")
        assert paths[slug].read_text() == "as it was"
        start = f"01_a/0{number}_{slug}/lesson.md:{line} (JAX, cell "
        assert start in message
        assert what in message.partition(start)[2].partition("The notebook stays as it was.")[0]
    assert nbformat.read(paths["good"], 4).cells[4].outputs[0].text == "twice the rate is 1.0\n"
    [bar] = [cell for cell in nbformat.read(paths["good"], 4).cells if "tqdm(" in cell.source]
    assert not bar.outputs
    assert "06_good" not in message and "\x1b" not in message
    assert not list(root.rglob(".*"))


def test_a_cell_that_takes_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "TIMEOUT", 5)
    root = new_course(tmp_path, a_one="# One\n\n```python\nimport time\n\ntime.sleep(100)\n```\n")
    message = refused(root, "--framework", "jax")
    assert "01_a/01_one/lesson.md:3 (JAX, cell 2): A cell timed out" in message
    assert "after 5 seconds" in message and "The notebook stays as it was." in message
    assert not (root / notebook(ONE, "jax")).exists()


@pytest.fixture
def fake_run(monkeypatch):
    """Executing gives each cell a number and nothing else, in no time."""

    async def run(notebook, folder, **hooks):
        await asyncio.sleep(0)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, 1):
            cell.execution_count = number
            if "nonsense" in cell.source:
                cell.outputs = [nbformat.from_dict({"output_type": "nonsense"})]

    monkeypatch.setattr(build, "run", run)


def test_a_failed_write_does_not_cancel_the_others(tmp_path, fake_run, monkeypatch):
    root, whole = three(tmp_path), build.write

    def write(path, text):
        if path.name in ("jax_two.ipynb", "README.md"):
            raise PermissionError(13, "Permission denied", str(path))
        whole(path, text)

    monkeypatch.setattr(build, "write", write)
    message = refused(root, "--jobs", "1")
    for path in (notebook(TWO, "jax"), "README.md", "01_a/README.md"):
        assert f"{root / path}: cannot be written: Permission denied" in message
    files = {path.name for path in root.rglob("*.ipynb")}
    assert len(files) == 11 and "jax_two.ipynb" not in files
    monkeypatch.undo()
    assert build.check(root, frameworks=["jax"]) == [
        notebook(TWO, "jax"), "01_a/README.md", "02_b/README.md", "README.md"
    ]  # fmt: skip


def test_an_invalid_notebook_is_named_and_not_written(tmp_path, fake_run):
    root = three(tmp_path)
    write(root, "01_a/02_two/lesson.md", "# Two\n\n```python\nnonsense\n```\n")
    message = refused(root, "--framework", "pytorch")
    assert message.startswith(f"error: {notebook(TWO, 'pytorch')}: not a valid notebook: ")
    files = sorted(path.name for path in root.rglob("*.ipynb"))
    assert files == ["pytorch_one.ipynb", "pytorch_three.ipynb"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<Axes: xlabel='x'>", None),
        ("<Figure size 640x480000 with 1 Axes>, y/home, 3/tmp", None),
        ("https://example.org/home/x", None),
        ("<object at 0x7f3c2a81d0>", "0x7f3c2a81d0"),
        ("'/home/ada/x.npz'", "/home/"),
        ("file:///Users/ada", "/Users/"),
        ("saved in /tmp/tmpab", "/tmp/"),
        ("C:\\Users\\ada", "C:\\"),
        (f"from {ROOT}/shared", str(ROOT)),
        (f"{sys.prefix}/lib", sys.prefix),
    ],
)
@pytest.mark.parametrize("kind", ["stream", "text/plain", "text/html"])
def test_outputs_of_one_machine_are_refused(kind, text, found):
    job = render.Job(course.Lesson(ROOT, "01_a", "01_one", "One"), "jax", None, [1, 7])
    output = {"output_type": "display_data", "data": {kind: f"first\n{text}"}}
    if kind == "stream":
        output = {"output_type": "stream", "name": "stdout", "text": f"first\n{text}"}
    output = nbformat.from_dict(output)
    if found is None:
        build.clean_output(job, 1, output)
    else:
        with pytest.raises(CourseError) as caught:
            build.clean_output(job, 1, output)
        where = "01_a/01_one/lesson.md:7 (JAX, cell 1)"
        assert f"{where}: its output has {found!r}" in str(caught.value)


def test_a_broken_entry_of_jax_s_cache_is_not_reported_in_red(tmp_path):
    code = "import jax\n\nprint(jax.jit(lambda x: x + 1)(1.0))\n"
    folder = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              env=os.environ | course.KERNEL_ENV | folder)  # fmt: skip
        assert (done.stdout, done.stderr) == ("2.0\n", "")
        entries = list((tmp_path / "cache").iterdir())
        assert len(entries) == 1
        entries[0].write_bytes(entries[0].read_bytes()[:50])


def test_an_interrupted_build_leaves_nothing_behind(tmp_path):
    cell = """
```python
import os, pathlib, time

pathlib.Path("started").write_text(str(os.getpid()))
time.sleep(100)
```
"""
    root = new_course(tmp_path, a_one=f"# One\n{cell}", a_two=f"# Two\n{cell}")
    old = [job.path for job in build.plan(root, frameworks=["jax"])]
    for path in old:
        path.write_text("as it was")
    build.write(root / "01_a/README.md", PAGE)
    command = [sys.executable, "-m", "tools.build", "--root", str(root), "--framework", "jax"]
    command += ["--force"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job ignores SIGINT, and its children would, too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    started, deadline = [path.with_name("started") for path in old], time.monotonic() + 60
    while not all(file.exists() and file.read_text() for file in started):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    kernels = [int(file.read_text()) for file in started]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.rstrip().endswith("interrupted: notebooks not yet finished are as they were")
    assert "Traceback" not in errors and "Error" not in errors
    assert [path.read_text() for path in old] == ["as it was"] * 2
    assert not list(root.rglob(".*"))
    for kernel in kernels:
        with pytest.raises(ProcessLookupError):
            os.kill(kernel, 0)


def test_jobs_limits_what_runs_side_by_side(tmp_path, monkeypatch):
    running, most = [], []

    async def execute(job):
        running.append(job)
        most.append(len(running))
        await asyncio.sleep(0.01)
        running.remove(job)

    monkeypatch.setattr(build, "execute", execute)
    for jobs in (1, 3):
        most.clear()
        run(three(tmp_path), "--jobs", str(jobs), "--force")
        assert max(most) == jobs and len(most) == 12


# ------------------------------------------------------------------------------ staleness


def test_what_is_built_is_up_to_date_and_not_executed_again(template, built, no_kernel, capsys):
    assert (template.parent / "runs").read_text() == "x" * 6
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    run(built, "--framework", "pytorch", "jax", "--check")
    assert capsys.readouterr() == ("", "")
    run(built, "--framework", "pytorch", "jax")
    assert capsys.readouterr() == ("Nothing had to be built.\n", "")
    assert {path: path.read_bytes() for path in built.rglob("*") if path.is_file()} == before


def test_building_by_force_gives_the_same_bytes(template, built):
    runs = len((template.parent / "runs").read_text())
    names = [path for path in BUILT if path.startswith(ONE)]
    before = [(built / path).read_bytes() for path in names]
    outputs = [o for c in nbformat.read(built / names[0], 4).cells for o in c.get("outputs", [])]
    [png] = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    assert image.mode == "P" and not image.info.keys() & {"Software", "dpi"}
    run(built, "--framework", "pytorch", "jax", "--force", "--lesson", "01_a/01_one")
    assert len((template.parent / "runs").read_text()) == runs + 2
    assert [(built / path).read_bytes() for path in names] == before


def test_a_built_notebook_is_valid_and_says_nothing_of_its_making(template, built):
    for path in BUILT:
        text = (built / path).read_text("utf-8")
        assert text.endswith("}\n") and str(template) not in text and sys.prefix not in text
        notebook = nbformat.read(built / path, 4)
        nbformat.validate(notebook)
        assert notebook.metadata.keys() == {"accelerator", "course", "kernelspec", "language_info"}
        assert notebook.metadata.language_info == {"name": "python"}
        assert notebook.metadata.kernelspec.name == "python3"
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert all(cell.metadata.keys() <= {"tags", "cellView", "jupyter"} for cell in code)


def test_the_output_of_a_live_cell_is_not_stored(built):
    cell = nbformat.read(built / BUILT[2], 4).cells[-1]
    assert cell.metadata == {"tags": ["live"]} and "time.time()" in cell.source
    assert cell.outputs == [] and cell.execution_count == 6


CHANGES = {
    "code": ("01_a/01_one/lesson.md", "2 * RATE", "2.0 * RATE", BUILT[:2], []),
    "tag": ("01_a/01_one/lesson.md", "```python\nprint", '```python tags=["exercise"]\nprint',
            BUILT[:2], []),
    "one framework": ("02_b/03_three/lesson.md", '"JAX"', '"jax"', [notebook(THREE, "jax")], []),
    "what it uses": ("shared/tool.py", "1 ", "2 ", BUILT[:2], []),
    "what that uses": ("shared/deep/inner.py", "a text", "b text", BUILT[:2], []),
    "how that is found": ("shared/deep/__init__.py", "inner import text", "inner import *",
                          BUILT[:2], []),
    "a file beside it": ("shared/deep/words.txt", "some", "many", BUILT[:2], []),
    "what all use": ("shared/__init__.py", "", "x = 1\n", BUILT, []),
    "what none uses": ("shared/other.py", "import tool", "import deep", [], []),
    "a docstring": ("shared/tool.py", "A tool", "No tool", [], []),
    "a docstring within": ("shared/tool.py", "One.", "Two.\n\n    More.\n    ", [], []),
    "a comment": ("shared/tool.py", "# one", "# the value", [], []),
    "the form": ("shared/tool.py", "deep.inner, 1", "(\n        deep.inner, 1,)", [], []),
    "prose": ("01_a/02_two/lesson.md", "Why this matters.", "Because.", [], BUILT[2:4]),
    "a framework not built": ("01_a/02_two/lesson.md", '"MXNet"', '"mxnet"', [], []),
    "title": ("01_a/01_one/lesson.md", "# One", "# 1", [],
              [*BUILT[:4], "01_a/README.md", "README.md"]),
    "output by hand": (BUILT[0], "rate is 1.0", "rate is 2.0", BUILT[:1], []),
    "a count by hand": (BUILT[0], '"execution_count": 2', '"execution_count": 9', BUILT[:1], []),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_stale_what_depends_on_it(built, no_kernel, change):
    path, old, new, execute, rewrite = CHANGES[change]
    edit(built, path, old, new)
    assert state(built) == (execute, rewrite)
    if execute + rewrite:
        message = refused(built, "--check", "--framework", "pytorch", "jax")
        assert "run `make notebooks`:\n  " in message
        assert message.split("\n  ")[1:] == execute + rewrite


def test_what_is_imported_is_found_however_it_is_written(tmp_path):
    root = new_course(tmp_path)

    def used(*cells):
        known = {}
        staleness.shared(root, cells, known)
        return {name for name, found in known.items() if found} - {"shared"}

    tool = {"shared.tool", "shared.deep", "shared.deep.inner"}
    assert used("x = 1", "shared = 2") == used("import sharedx.tool") == set()
    assert used("from shared import tool") == used("import shared.tool as t") == tool
    assert used("%matplotlib inline\nfrom shared.tool import (\n    value,\n)") == tool
    assert used("def f():\n    if 1:\n        !ls\n        import shared.tool") == tool
    assert used("from shared import other") == {"shared.other", *tool}
    assert used("import os, shared.deep.inner") == {"shared.deep", "shared.deep.inner"}
    assert used("x = 1", "from shared.deep import inner") == {"shared.deep", "shared.deep.inner"}


def test_fingerprints_are_the_same_in_every_version_of_python():
    code = (
        'def f(a, /, *, b: int = 3, **c) -> None:\n    """Doc."""\n    return f"{a!r:>{b}} {c}", '
        "b'x', None, ..., 1.5, 'ä'\n\n\nclass A(list):\n    x = [i async for i in y]\n"
        "with open('f') as g, h: pass\nmatch a:\n    case [1, *_]: pass\n"
    )
    expected = "2f12207da9be32f4"
    assert staleness.fingerprint(staleness.structure(staleness.parsed(code))) == expected


def test_restamp_takes_what_is_stored_for_what_shared_gives_now(built, no_kernel, capsys):
    before = nbformat.read(built / BUILT[0], 4)
    edit(built, "shared/deep/inner.py", "'a text'", "'a' + ' text'")
    edit(built, "02_b/03_three/lesson.md", '"JAX"', '"jax"')
    message = refused(built, "--restamp", "--framework", "jax", "pytorch")
    [why] = message.split("\n\n")
    assert why == f"error: {notebook(THREE, 'jax')}: not only `shared` changed; it has to be built"
    assert state(built) == ([notebook(THREE, "jax")], [])
    after = nbformat.read(built / BUILT[0], 4)
    assert after.cells == before.cells and after.metadata != before.metadata
    assert refused(built, "--restamp", "--force") == "2"


# -------------------------------------------------------------------------- readers' work


def as_saved(path, change):
    """Change a notebook as an editor does, which writes the file in its own form."""
    notebook = nbformat.read(path, 4)
    result = change(notebook)
    path.write_text(json.dumps(result or notebook, indent=2), "utf-8", newline="\r\n")


def put(cells, position, kind, source):
    new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cells.insert(position, new(source))


def answered(notebook):
    notebook.cells[4].source += "\nprint('my answer')"


def answered_and_stripped(notebook):
    answered(notebook)
    notebook.metadata = nbformat.from_dict({})


EDITS = {
    "an answer": answered,
    "an answer, metadata stripped": answered_and_stripped,
    "one character": lambda n: n.cells[1].update(source=n.cells[1].source + "!"),
    "a space that counts": lambda n: n.cells[3].update(source="  " + n.cells[3].source + "\nx"),
    "a note": lambda n: put(n.cells, 2, "markdown", "to be read again"),
    "a cell at the end": lambda n: put(n.cells, len(n.cells), "code", "1 + 1"),
    "a cell less": lambda n: n.cells.pop(5) and None,
    "two cells exchanged": lambda n: n.cells.insert(3, n.cells.pop(4)),
    "another kind": lambda n: n.cells.__setitem__(4, nbformat.v4.new_raw_cell(n.cells[4].source)),
    "a picture": lambda n: n.cells[1].update(attachments={"a.png": {"image/png": "AAAA"}}),
    "only a picture": lambda n: n.cells.append(
        nbformat.v4.new_markdown_cell("", attachments={"a.png": {"image/png": "AAAA"}})
    ),
    "another notebook": lambda n: nbformat.v4.new_notebook(cells=n.cells[1:]),
}


def unread(notebook):
    """Opened in JupyterLab, run, and saved: nothing was typed."""
    notebook.metadata.kernelspec.display_name = "My Python"
    notebook.metadata.language_info = {"name": "python", "version": "3.12.1", "mimetype": "x"}
    for number, cell in enumerate(notebook.cells):
        cell.metadata.update(scrolled=True, trusted=True, collapsed=False)
        cell.id = f"other-{number}"
        cell.source = cell.source.replace("\n", "\r\n") + "  \n"
    put(notebook.cells, len(notebook.cells), "code", "")
    put(notebook.cells, 2, "markdown", "\n")


def run_again(notebook):
    unread(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = 99, []


@pytest.mark.parametrize("edits", EDITS)
def test_what_a_reader_wrote_is_not_overwritten(built, no_kernel, edits):
    as_saved(built / BUILT[0], EDITS[edits])
    before = (built / BUILT[0]).read_bytes()
    edit(built, "01_a/01_one/lesson.md", "Why this matters.", "Because.")
    stale = refused(built, "--check", "--framework", "pytorch", "jax").split("\n  ")[1:]
    assert stale == [f"{BUILT[0]} (has cells edited by hand)", BUILT[1]]
    assert refused(built, "--framework", "pytorch", "jax") == (
        f"error: {BUILT[0]} has cells edited by hand: copy it to another name to keep your work, "
        "then build it with --force --lesson 01_a/01_one --framework pytorch"
    )
    assert (built / BUILT[0]).read_bytes() == before
    assert nbformat.read(built / BUILT[1], 4).cells[1].source == "Because."  # the other is built


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"cells": 3}', "<<<<<<< ours\n{}"])
def test_what_is_no_notebook_is_not_overwritten_either(built, no_kernel, content):
    (built / BUILT[0]).write_text(content)
    assert f"{BUILT[0]} has cells edited by hand" in refused(built, "--framework", "pytorch")
    assert (built / BUILT[0]).read_text() == content


def test_by_force_it_is_overwritten(built, fake_run):
    as_saved(built / BUILT[0], answered)
    run(built, "--force", "--lesson", "01_a/01_one", "--framework", "pytorch")
    assert "my answer" not in (built / BUILT[0]).read_text("utf-8")


def test_what_only_an_editor_changed_is_overwritten_without_a_word(built, no_kernel, capsys):
    before = (built / BUILT[0]).read_bytes()
    as_saved(built / BUILT[0], unread)
    assert (built / BUILT[0]).read_bytes() != before
    run(built, "--framework", "pytorch", "jax")
    assert capsys.readouterr().out == f"{BUILT[0]}\n"
    assert (built / BUILT[0]).read_bytes() == before


def test_what_was_run_again_is_built_anew(built):
    before = (built / BUILT[0]).read_bytes()
    as_saved(built / BUILT[0], run_again)
    run(built, "--framework", "pytorch", "jax")
    assert (built / BUILT[0]).read_bytes() == before


def test_an_edit_that_the_lesson_has_as_well_is_nobody_s_loss(built, no_kernel):
    edit(built, "01_a/01_one/lesson.md", "Why this matters.", "Because.")
    as_saved(built / BUILT[0], lambda n: n.cells[1].update(source="Because."))
    run(built, "--framework", "pytorch", "jax")
    assert state(built) == ([], [])


def test_a_change_of_prose_keeps_the_outputs(built, no_kernel, capsys):
    edit(built, "01_a/02_two/lesson.md", "Why this matters.", "Because.")
    run(built, "--framework", "pytorch", "jax")
    assert capsys.readouterr().out.split() == BUILT[2:4]
    notebook = nbformat.read(built / BUILT[2], 4)
    assert notebook.cells[1].source == "Because."
    assert notebook.cells[4].outputs[0].text == "twice the rate is 1.0\n"
    assert state(built) == ([], [])


def test_a_change_of_the_set_up_cell_keeps_the_outputs(built, no_kernel, monkeypatch):
    monkeypatch.setattr(render, "SETUP", render.SETUP + "\n# more\n")
    assert state(built) == ([], BUILT)
    run(built, "--framework", "pytorch", "jax")
    notebook = nbformat.read(built / BUILT[0], 4)
    assert notebook.cells[2].source.endswith("# more") and notebook.cells[4].outputs
    assert state(built) == ([], [])


def test_a_new_lesson_updates_its_neighbours_without_executing_them(built, monkeypatch):
    executed = []

    async def execute(job):
        executed.append(job.path.name)

    monkeypatch.setattr(build, "execute", execute)
    write(built, "01_a/04_new/lesson.md", "# New\n")
    run(built, "--framework", "pytorch", "jax")
    assert sorted(executed) == ["jax_new.ipynb", "pytorch_new.ipynb"]
    two, last = (nbformat.read(built / path, 4) for path in (BUILT[2], BUILT[4]))
    assert "[New →](../04_new/pytorch_new.ipynb)" in two.cells[0].source
    assert "[← New](../../01_a/04_new/pytorch_new.ipynb)" in last.cells[0].source
    assert two.cells[4].outputs and last.cells[4].outputs


def test_line_endings_of_windows_change_nothing(built, no_kernel):
    path = built / "01_a/01_one/lesson.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert state(built) == ([], [])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["01_a"], BUILT[:4]),
        (["01_a/"], BUILT[:4]),
        (["01_a/02_two"], BUILT[2:4]),
        (["./01_a/02_two/"], BUILT[2:4]),
        (["02_b/03_three/lesson.md"], BUILT[4:]),
        (["01_a/01_one", "02_b"], BUILT[:2] + BUILT[4:]),
    ],
)
def test_lesson_chooses_a_chapter_or_a_lesson(built, wanted, expected):
    write(built, "shared/__init__.py", "x = 1\n")
    assert build.check(built, wanted, ("pytorch", "jax")) == expected
    assert build.check(built, wanted, ("jax",)) == [p for p in expected if "jax" in p]


# --------------------------------------------------------------------------------- tables


def test_the_tables_of_the_course_and_of_its_chapters(tmp_path, no_kernel):
    root = three(tmp_path)
    write(root, "03_c/README.md", PAGE.replace("A page", "Empty"))
    write(root, "tools/planned.txt", "# to come\n01_a/03_more More to come\n")
    pages = {path.relative_to(root).as_posix(): text for path, text in tables.pages(root)}
    assert pages.keys() == {"README.md", "01_a/README.md", "02_b/README.md", "03_c/README.md"}
    for path, text in pages.items():
        assert text.startswith("# ") and text.endswith("\n\nThe end.\n")
        found = re.findall(r"\[read\]\(([^)]+)\) · \[Colab\]\(([^)]+)\)", text)
        for link, colab in found:
            target = Path(os.path.normpath(Path(path).parent / link)).as_posix()
            assert colab == course.colab(target)
            assert target in [notebook(n, f) for n in (ONE, TWO, THREE) for f in FRAMEWORKS]
        rows = {"README.md": 3, "01_a/README.md": 2, "02_b/README.md": 1, "03_c/README.md": 0}
        assert len(found) == 4 * rows[path]
    assert pages["03_c/README.md"] == PAGE.replace("A page", "Empty")
    assert "3 lessons are written, 1 are planned" in pages["README.md"]
    assert "### [A page](01_a/README.md)\n\n| Lesson | MXNet |" in pages["README.md"]
    assert "Empty" not in pages["README.md"]
    assert "\n| 02 [Two](02_two/lesson.md) | " in pages["01_a/README.md"]
    assert "\n| 02 [Two](01_a/02_two/lesson.md) | " in pages["README.md"]
    for page in ("README.md", "01_a/README.md"):
        assert "\n| 03 *More to come* | | | | |\n" in pages[page]
    assert "More" not in pages["02_b/README.md"]


def test_writing_the_tables_again_changes_nothing(tmp_path):
    root = three(tmp_path)
    for _ in range(2):
        first = list(tables.pages(root))
        for path, text in first:
            build.write(path, text)
    assert first == list(tables.pages(root))
    shutil.rmtree(root / "02_b/03_three")  # the last lesson of a chapter takes its table with it
    assert dict(tables.pages(root))[root / "02_b/README.md"] == PAGE


@pytest.mark.parametrize("path", ["README.md", "01_a/README.md"])
@pytest.mark.parametrize(
    "text",
    [
        "# No marks\n",
        PAGE.replace(tables.END, ""),
        PAGE + PAGE,
        PAGE.replace(tables.BEGIN, "x").replace(tables.END, tables.BEGIN).replace("x", tables.END),
    ],
)
def test_a_page_without_its_two_marks_is_refused(small, no_kernel, path, text):
    write(small, path, text)
    message = refused(small)
    assert f"{small / path}: needs the lines" in message
    assert (small / path).read_text("utf-8") == text


@pytest.mark.parametrize("path", ["README.md", "01_a/README.md"])
def test_a_page_that_is_missing_is_named(small, no_kernel, path):
    (small / path).unlink()
    assert f"{path}: " in refused(small)


def test_a_course_without_lessons(tmp_path, capsys):
    new_course(tmp_path)
    run(tmp_path)
    assert capsys.readouterr().out == "Nothing had to be built.\n"
    run(tmp_path, "--check")
    assert (tmp_path / "README.md").read_text("utf-8") == PAGE


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    build.write(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build.write(path, "new")
    assert [file.read_text("utf-8") for file in tmp_path.iterdir()] == ["ä\n"]


@pytest.mark.parametrize("tag", sorted(source.TAGS - set(FRAMEWORKS)))
def test_every_tag_is_explained_to_those_who_write_lessons(tag):
    assert tag in re.findall(r"[\w-]+", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
