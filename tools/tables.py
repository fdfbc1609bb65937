"""The tables of lessons and frameworks in README.md and in each chapter's README.md."""

import re

from tools import course
from tools.course import FRAMEWORKS, CourseError

BEGIN = "<!-- lessons: written by `make notebooks` from here -->"
END = "<!-- lessons: to here -->"


def pages(root):
    """Yield (path, text) of every page with a table, as it should be."""
    written, planned = course.lessons(root), course.planned(root)
    lessons = {path.parent.name: [] for path in root.glob("[0-9][0-9]_*/README.md")}
    for lesson in sorted([*written, *planned], key=lambda lesson: lesson.path):
        lessons.setdefault(lesson.chapter, []).append(lesson)
    sections = []
    if planned:
        sections.append(
            f"{len(written)} lessons are written, {len(planned)} are planned (in italics)."
        )
    for chapter, own in sorted(lessons.items()):
        page = root / chapter / "README.md"
        title = course.heading(page)
        if own:
            sections.append(f"### [{title}]({chapter}/README.md)\n\n{table(own, '')}")
        yield page, between(page, table(own, f"{chapter}/") if own else "")
    yield root / "README.md", between(root / "README.md", "\n\n".join(sections))


def table(lessons, base):
    """Markdown table of lessons, a line each, its links relative to the folder `base`.

    Text links, since a table of badges is too wide for a phone; a lesson that is only planned has
    its title in italics and no links.
    """
    rows = [f"| Lesson | {' | '.join(FRAMEWORKS.values())} |", "|---" * (len(FRAMEWORKS) + 1) + "|"]
    for lesson in lessons:
        number = lesson.name[:2]
        if not lesson.source.exists():
            rows.append(f"| {number} *{lesson.title}* |" + " |" * len(FRAMEWORKS))
            continue
        cells = [f"{number} [{lesson.title}]({lesson.path.removeprefix(base)}/lesson.md)"]
        for framework in FRAMEWORKS:
            path = lesson.notebook(framework)
            cells.append(f"[read]({path.removeprefix(base)}) · [Colab]({course.colab(path)})")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def between(path, text):
    """The file's content with `text` between its two markers."""
    content = path.read_text("utf-8") if path.exists() else ""
    if re.findall(f"{re.escape(BEGIN)}|{re.escape(END)}", content) != [BEGIN, END]:
        raise CourseError(f"{path}: needs the lines {BEGIN!r} and {END!r}, each once")
    head, tail = content.split(BEGIN)[0], content.split(END)[1]
    return "\n".join(filter(None, [head + BEGIN, text, END + tail]))
