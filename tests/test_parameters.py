"""Parameters are the reader's: every lesson that trains runs to its end with other ones.

`make test` runs each of them once, in PyTorch, half of them with fewer epochs and half with more;
`make full` runs each with both in all four frameworks, and the lessons that have a DATASET on
Fashion-MNIST, which is downloaded, or lies in the folder that COURSE_DATA names.
"""

import ast
import functools
import re
import subprocess
import sys

import nbformat
import pytest
from papermill.parameterize import parameterize_notebook

from shared import data
from tools import build, course
from tools.source import frameworks_of, read, tags_of

LESSONS = {lesson.path: lesson for lesson in course.lessons()}


cells_of = functools.cache(read)


def trains(lesson):
    return "\n## Train\n" in lesson.source.read_text("utf-8")


def code_of(lesson, framework):
    return [
        cell
        for cell in cells_of(lesson)
        if cell.cell_type == "code" and framework in (frameworks_of(cell) or course.FRAMEWORKS)
    ]


def defaults(lesson, framework):
    """The parameters of a lesson and their values; a framework may have one of its own."""
    cells = [cell for cell in code_of(lesson, framework) if "parameters" in tags_of(cell)]
    assigned = [node for cell in cells for node in ast.parse(cell.source).body]
    return {node.targets[0].id: eval(ast.unparse(node.value)) for node in assigned}


def others(values, more):
    """Other parameters: seed, rate, batch size, one more layer, and fewer or more epochs."""
    changes = {
        "SEED": lambda seed: seed + 1,
        "LR": lambda lr: 0.9 * lr,  # which is no float32, as many a default is
        "BATCH_SIZE": lambda size: 3 * size // 4 | 1,  # odd, so that a smaller batch is left over
        "LAYERS": lambda layers: layers + 1,
        "HIDDEN_LAYERS": lambda layers: layers + 1,
        **dict.fromkeys(("EPOCHS", "STEPS"), more_of if more else fewer_of),
    }
    return {name: changes[name](value) for name, value in values.items() if name in changes}


def more_of(count):
    return count + max(1, count // 4)


def fewer_of(count):
    return count * 2 // 3 or more_of(count)  # of one epoch there are no fewer


def notebook_of(lesson, framework):
    """The cells that run in a framework's notebook, which need not be built."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "3"}
    notebook.metadata.papermill = {}  # where it notes the parameters
    for cell in code_of(lesson, framework):
        tags = {"tags": sorted(tags_of(cell))}
        notebook.cells.append(nbformat.v4.new_code_cell(cell.source, metadata=tags))
    return notebook


def run(lesson, framework, parameters):
    """Run it; a test that fails says which lesson, which cell, with what, and why."""
    notebook = parameterize_notebook(notebook_of(lesson, framework), parameters)
    try:
        build.run_all(notebook, lesson.root / lesson.path)
    except build.FAILED as error:
        given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
        said = build.said(error)  # with the cell
        pytest.fail(f"{lesson.path} in {framework} with {given}: {said}", pytrace=False)


def check(path, framework, more):
    run(LESSONS[path], framework, others(defaults(LESSONS[path], framework), more))


RUNS = [path for path, lesson in LESSONS.items() if trains(lesson)]
WITH_DATASET = [  # of images; a lesson may have one of texts
    path for path in RUNS if defaults(LESSONS[path], "pytorch").get("DATASET") in data.LOADERS
]


def test_the_rule():
    values = {"EPOCHS": 3, "STEPS": 1, "BATCH_SIZE": 64, "LAYERS": 1, "SEED": 0, "LR": 0.1}
    assert others(values, more=False) == {
        "EPOCHS": 2, "STEPS": 2, "BATCH_SIZE": 49, "LAYERS": 2, "SEED": 1, "LR": 0.9 * 0.1
    }  # fmt: skip
    assert others(values, more=True)["EPOCHS"] == 4
    assert len(RUNS) > 40 and len(WITH_DATASET) == 16
    for path in RUNS:
        before = defaults(LESSONS[path], "pytorch")
        for more in (False, True):
            after = others(before, more)
            assert "SEED" in after and all(before[name] != after[name] for name in after), path


SMALL = """# A lesson

```python tags=["parameters"]
EPOCHS = 3
SEED = 0
```

```python
from shared import check

check.parameters(globals(), EPOCHS=3, SEED=0)
```

```python tags=["pytorch"]
check.CHECK(EPOCHS * 1.0, 3.0, "epochs in PyTorch")
```

```python tags=["mxnet", "tensorflow", "jax"]
raise RuntimeError("the cell of the others")
```
"""


@pytest.mark.parametrize(("kind", "passes"), [("at_least", True), ("close", False)])
def test_a_lesson_that_stops_is_named_with_its_cell_and_its_message(tmp_path, kind, passes):
    folder = tmp_path / "01_a/01_small"
    folder.mkdir(parents=True)
    (folder / "lesson.md").write_text(SMALL.replace("CHECK", kind), "utf-8")
    [lesson] = course.lessons(tmp_path)
    values = others(defaults(lesson, "pytorch"), more=False)
    assert values == {"EPOCHS": 2, "SEED": 1}
    if passes:
        return run(lesson, "pytorch", values)
    with pytest.raises(pytest.fail.Exception) as caught:
        run(lesson, "pytorch", values)
    message = str(caught.value)
    assert message.startswith("01_a/01_small in pytorch with EPOCHS=2, SEED=1: ")
    assert 'check.close(EPOCHS * 1.0, 3.0, "epochs in PyTorch")' in message
    assert "\n✗ epochs in PyTorch: 2, expected 3;" in message


class TestFewer:  # a class of its own, so that another worker may take it
    @pytest.mark.parametrize("path", RUNS[::2])
    def test_lesson(self, path):
        check(path, "pytorch", more=False)


class TestMore:
    @pytest.mark.parametrize("path", RUNS[1::2])
    def test_lesson(self, path):
        check(path, "pytorch", more=True)


class InOneFramework:
    """Everything in one framework; a class for each of the four, for four workers."""

    framework = None

    @pytest.mark.parametrize("more", [False, True], ids=["fewer", "more"])
    @pytest.mark.parametrize("path", RUNS)
    def test_lesson(self, path, more):
        check(path, self.framework, more)

    @pytest.mark.parametrize("path", WITH_DATASET)
    def test_fashion_mnist(self, path, tmp_path):
        """By papermill, as the lesson says, with one epoch."""
        try:
            data.load("fashion_mnist")
        except ConnectionError as error:
            pytest.skip(f"Fashion-MNIST is neither here nor reachable: {error}")
        lesson = LESSONS[path]
        nbformat.write(notebook_of(lesson, self.framework), tmp_path / "in.ipynb")
        command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar",
                   "--cwd", lesson.source.parent, "-p", "DATASET", "fashion_mnist",
                   "-p", "EPOCHS", "1"]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        text = (tmp_path / "out.ipynb").read_text("utf-8")
        assert re.search(r'DATASET = \\"fashion_mnist\\"', text)
        assert re.search(r"With [^\n]*\bEPOCHS = 1\b[^\n]* in place of", text)


@pytest.mark.full
class TestMXNet(InOneFramework):
    framework = "mxnet"


@pytest.mark.full
class TestPyTorch(InOneFramework):
    framework = "pytorch"


@pytest.mark.full
class TestTensorFlow(InOneFramework):
    framework = "tensorflow"


@pytest.mark.full
class TestJAX(InOneFramework):
    framework = "jax"
