"""What README.md promises: the numbers, the first links, the figure."""

import re

from tools import course, figure

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
