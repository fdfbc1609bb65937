"""The tables of lessons and frameworks in README.md and in each chapter's README.md."""

import re

from tools import course
from tools.course import FRAMEWORKS, CourseError

BEGIN = "<!-- lessons: written by `make notebooks` from here -->"
END = "<!-- lessons: to here -->"


def pages(root):
    """Yield (path, text) of every page with a table, as it should be."""
    lessons = {path.parent.name: [] for path in root.glob("[0-9][0-9]_*/README.md")}
    for lesson in course.lessons(root):
        lessons.setdefault(lesson.chapter, []).append(lesson)
    sections = []
    for chapter, own in sorted(lessons.items()):
        page = root / chapter / "README.md"
        title = course.heading(page)
        if own:
            sections.append(f"### [{title}]({chapter}/README.md)\n\n{table(own, '')}")
        yield page, between(page, table(own, f"{chapter}/") if own else "")
    yield root / "README.md", between(root / "README.md", "\n\n".join(sections))


def table(lessons, base):
    """Markdown table of lessons, its links relative to the folder `base`."""
    rows = [f"| Lesson | {' | '.join(FRAMEWORKS.values())} |", "|---" * (len(FRAMEWORKS) + 1) + "|"]
    for lesson in lessons:
        cells = [f"{lesson.name[:2]} {lesson.title}"]
        for framework in FRAMEWORKS:
            path = lesson.notebook(framework)
            badge = f"[![Open in Colab]({course.BADGE})]({course.colab(path)})"
            cells.append(f"[notebook]({path.removeprefix(base)}) {badge}")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def between(path, text):
    """The file's content with `text` between its two markers."""
    content = path.read_text("utf-8") if path.exists() else ""
    if re.findall(f"{re.escape(BEGIN)}|{re.escape(END)}", content) != [BEGIN, END]:
        raise CourseError(f"{path}: needs the lines {BEGIN!r} and {END!r}, each once")
    head, tail = content.split(BEGIN)[0], content.split(END)[1]
    return "\n".join(filter(None, [head + BEGIN, text, END + tail]))
