"""The tables of lessons and frameworks in README.md and in each chapter's README.md."""

from tools import course
from tools.course import FRAMEWORKS

BEGIN = "<!-- lessons: written by `make notebooks` from here -->"
END = "<!-- lessons: to here -->"


def pages(root):
    """Yield (path, text) of every page with a table, as it should be."""
    everything = course.lessons(root)
    chapters = sorted({lesson.chapter for lesson in everything})
    sections = []
    for chapter in chapters:
        own = [lesson for lesson in everything if lesson.chapter == chapter]
        path = f"{chapter}/README.md"
        sections.append(f"### [{course.heading(root / path)}]({path})\n\n{table(own, '')}")
        yield path, between(root / path, table(own, f"{chapter}/"))
    yield "README.md", between(root / "README.md", "\n\n".join(sections))


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
    content = path.read_text("utf-8")
    if content.count(BEGIN) != 1 or content.count(END) != 1:
        raise ValueError(f"{path}: needs the lines {BEGIN!r} and {END!r}, each once")
    head, rest = content.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n{text}\n{END}{tail}"
