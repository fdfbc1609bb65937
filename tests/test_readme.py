"""What README.md promises: the numbers, the first links, the figure; and chapter 04's figure."""

import re

import numpy as np
import pytest

from tools import axes_figure, course, figure

TEXT = (course.ROOT / "README.md").read_text("utf-8")


def test_the_number_of_lessons():
    written = {lesson.path for lesson in course.lessons()}
    planned = {lesson.path for lesson in course.planned()}
    assert not written & planned  # a line of tools/planned.txt goes when its lesson lands
    chapters = {path.partition("/")[0] for path in written | planned}
    assert len(chapters) == 10
    assert f"{len(written | planned)} lessons in ten chapters" in TEXT


def test_every_line_of_the_plan_is_read():
    lines = (course.ROOT / "tools/planned.txt").read_text("utf-8").splitlines()
    assert len(course.planned()) == sum(line[:1] != "#" for line in lines)


def test_the_first_links_open_the_first_lesson():
    first = course.lessons()[0]
    top = TEXT.partition("![")[0]
    found = re.findall(r"\]\((https://colab[^)]+)\)", top)
    assert sorted(found) == sorted(course.colab(first.notebook(f)) for f in course.FRAMEWORKS)
    assert f"https://github.com/{course.REPOSITORY}" in top


def test_the_figure_shows_the_lesson_as_it_is():
    assert figure.is_current(), "the lesson has changed: run `python -m tools.figure`"


def test_the_figure_of_the_normalizations_is_current():
    assert axes_figure.is_current(), "its source has changed: run `python -m tools.axes_figure`"


def test_the_figure_of_the_normalizations_is_true():
    """What is hatched is what the gradient of the marked value reaches in PyTorch's own layers."""
    torch = pytest.importorskip("torch")
    F, C = torch.nn.functional, axes_figure.C
    layers = {
        "Batch": [lambda X: F.batch_norm(X, None, None, training=True)],
        "Layer, image": [lambda X: F.layer_norm(X, X.shape[1:])],
        "Layer or RMS, sequence": [lambda X: F.layer_norm(X.mT, (C,)).mT,
                                   lambda X: F.rms_norm(X.mT, (C,)).mT],
        "Group": [lambda X: F.group_norm(X, axes_figure.GROUPS)],
        "Instance": [F.instance_norm],
        "Local response": [lambda X: F.local_response_norm(X, axes_figure.WINDOW)],
    }  # fmt: skip
    assert layers.keys() == axes_figure.PANELS.keys()
    array = np.random.default_rng(0).normal(size=axes_figure.SHAPE)
    for name, functions in layers.items():
        *_, values = axes_figure.PANELS[name]
        for function in functions:
            X = torch.tensor(array, requires_grad=True)
            function(X)[axes_figure.MARKED].backward()
            assert np.array_equal(X.grad.numpy() != 0, values), name
