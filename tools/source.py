"""The cells of a `lesson.md`, read by jupytext, and what is refused in one.

jupytext takes nearly everything: a fence of another language becomes a cell of that language, one
whose options it cannot read becomes prose. Here only what the builder knows gets through.
"""

import re
from unittest import mock

import jupytext

from tools import course
from tools.course import FRAMEWORKS, CourseError

TAGS = {
    "parameters", "exercise", "solution", "repeated", "nbval-check-output", "left-out", "live",
    *FRAMEWORKS,
}  # fmt: skip
TAGGED = r' tags=\["[^"]+"(, "[^"]+")*\]'
FENCE = re.compile(rf"\s*```text|```python({TAGGED})?")
REGION = re.compile(rf"<!-- #region{TAGGED} -->")
# In prose: code, links, and references that are wrong as soon as a lesson is put in between.
CODE = r"^```.*?^```|`[^`\n]*`"
LINK = r"\[(?P<text>[^][]*)\]\((?P<target>[^()#\s]+)(?P<anchor>#[^()\s]*)?[^()]*\)"
NUMBER = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|\d+|several|some|(?:a )?few)"
VAGUE = rf"""(?ix)
    \b (?:next|previous|preceding|last|following|coming) \s+ (?:{NUMBER} \s+)?
        (?:lesson|chapter|notebook)s? \b
    | \b {NUMBER} \s+ (?:lesson|chapter|notebook)s? \s+
        (?:on|ago|back|later|earlier|before|after|further|ahead|from \s+ (?:now|here)) \b
    | \b the \s+ lessons? \s+ (?:just \s+)? (?:before|after) \b
    | \b lessons? \s+ \d+ \b"""
CHAPTERS = r"(?i)\bchapters?\s+\d\d\b(?:(?:,|\s+and|\s+or|\s+to)+\s+\d\d\b)*"


def read(lesson):
    """The cells of `lesson.md`, checked; `cell.line` is where a code cell or a region begins."""
    text = course.read_text(lesson.source)
    if not text.startswith("# "):
        raise CourseError(f"{lesson.path}/lesson.md:1: a lesson begins with its title, '# …'")
    lines = check_lines(lesson, text.split("\n"))
    # nbformat would validate every cell, which takes half of the time of a build that has nothing
    # to do; what is executed is validated as a whole
    with mock.patch("nbformat.v4.nbbase.validate"):
        cells = jupytext.reads(text, fmt="md").cells
    marked = [cell for cell in cells if cell.cell_type == "code" or tags_of(cell)]
    if len(marked) != len(lines):
        raise CourseError(f"{lesson.path}/lesson.md: its fences and regions are not its cells")
    for cell, line in zip(marked, lines, strict=True):
        cell.line = line
        if "repeated" in tags_of(cell) and not cell.source.startswith("# @title "):
            raise CourseError(
                f"{lesson.path}/lesson.md:{line}: a cell tagged repeated begins with the line that "
                "is seen when it is folded, '# @title TITLE (as in LESSON)'"
            )
    check_steps(lesson, cells)
    for line, message in references(lesson.root, lesson.path, text):
        raise CourseError(f"{lesson.path}/lesson.md:{line}: {message}")
    return cells


def check_lines(lesson, lines):
    """Refuse what is neither prose nor a cell; return the numbers of the lines that begin cells."""
    begins, ends = [], []  # `ends`: the lines that must still come, and where their blocks began
    for number, line in enumerate(lines, 1):
        where = f"{lesson.path}/lesson.md:{number}: {line.strip()!r}"
        in_fence = bool(ends) and ends[-1][0] == "```"
        if ends and line.strip() == ends[-1][0]:
            ends.pop()
        elif re.match(r"\s*(```|~~~)", line):
            if in_fence or not FENCE.fullmatch(line.rstrip()):
                raise CourseError(
                    f'{where}: unknown fence; write ```python or ```python tags=["…"] for a '
                    "cell, not indented, and ```text for code that is not run"
                )
            if line.startswith("```python"):
                if ends:
                    raise CourseError(f"{where}: a cell cannot stand in a region; tag the cell")
                begins.append(number)
            ends.append(("```", where))
        elif re.match(r"\s*<!--\s*#", line) and not in_fence:
            if ends or not REGION.fullmatch(line.rstrip()):
                raise CourseError(f'{where}: unknown mark; write <!-- #region tags=["…"] -->')
            begins.append(number)
            ends.append(("<!-- #endregion -->", where))
        else:
            continue
        unknown = set(re.findall(r'"([^"]+)"', line)) - TAGS
        if unknown:
            raise CourseError(
                f"{where}: unknown tag {', '.join(sorted(unknown))}; the tags are "
                f"{', '.join(sorted(TAGS))}"
            )
    if ends:
        raise CourseError(f"{ends[-1][1]} is never closed by a line {ends[-1][0]!r}")
    return begins


def check_steps(lesson, cells):
    """In a run of framework cells, each framework must have as many cells as the others.

    A prose region tagged `left-out` stands for the cell of a framework that has no way to do the
    step; it gives the reader of that notebook the reason. Other prose regions do not count.
    """
    steps, line = dict.fromkeys(FRAMEWORKS, 0), None
    for cell in [*cells, None]:
        frameworks = frameworks_of(cell) if cell else []
        for framework in frameworks:
            steps[framework] += cell.cell_type == "code" or "left-out" in tags_of(cell)
            line = line or cell.line
        if frameworks:
            continue
        lacking = [FRAMEWORKS[f] for f, count in steps.items() if count < max(steps.values())]
        if lacking:
            raise CourseError(
                f"{lesson.path}/lesson.md:{line}: {', '.join(lacking)} lacks a cell that the other "
                "frameworks have here: write it, or give the reason in a prose region with the "
                "tags of the framework and left-out"
            )
        steps, line = dict.fromkeys(FRAMEWORKS, 0), None


def references(root, folder, text):
    """Yield (line, what is wrong) of each reference in prose that leads, or will lead, astray.

    folder: where the text stands, relative to the root of the course.
    """
    prose = re.sub(CODE, lambda code: re.sub(r"\S", " ", code[0]), text, flags=re.M | re.S)
    planned = course.planned(root)
    chapters = {path.name[:2] for path in root.glob("[0-9][0-9]_*")}
    chapters |= {lesson.chapter[:2] for lesson in planned}
    wrong = []
    for found in re.finditer(LINK, prose):
        target = found["target"]
        file = root / course.join(folder, target)
        if not re.match(r"\w+:", target) and not file.exists():
            if file not in [lesson.source for lesson in planned]:
                wrong.append((found, f"{target!r} does not exist, nor is it in tools/planned.txt"))
    for found in re.finditer(VAGUE, prose):
        said = " ".join(found[0].split())
        advice = "name the lesson by a link, [TITLE](../../CHAPTER/LESSON/lesson.md)"
        wrong.append((found, f"{said!r} changes when a lesson is put in between: {advice}"))
    for found in re.finditer(CHAPTERS, prose):
        for number in set(re.findall(r"\d\d", found[0])) - chapters:
            wrong.append((found, f"there is no chapter {number}"))
    for found, message in sorted(wrong, key=lambda item: item[0].start()):
        yield prose.count("\n", 0, found.start()) + 1, message


def tags_of(cell):
    return cell.metadata.get("tags", [])


def frameworks_of(cell):
    return [tag for tag in tags_of(cell) if tag in FRAMEWORKS]
