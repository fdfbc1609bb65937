"""Make the four notebooks of each lesson from its `lesson.md`, and the tables of the READMEs.

A notebook is the cells of `lesson.md` that are meant for its framework, under a header. It is
executed when its code, its tags or the package `shared` changed since it was executed last; when
only prose or links changed, the outputs it has are kept. `--check` executes nothing and fails when
building would change a file.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import importlib.util
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image
from tqdm import tqdm

from tools import course, tables
from tools.course import FRAMEWORKS

TAGS = {"parameters", "exercise", "solution", "nbval-check-output", "left-out", *FRAMEWORKS}
SETUP = (Path(__file__).parent / "colab_setup.py").read_text("utf-8")
COLLAPSED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
TIMEOUT = 120  # seconds a cell may take before the build gives up
# What a framework's C++ code logs while it starts goes to the terminal, not into the notebook.
KERNEL_ARGUMENTS = ["--IPKernelApp.capture_fd_output=False", "--IPKernelApp.log_level=ERROR"]


class LessonError(Exception):
    """Something in a lesson is wrong; the message says in which lesson, where, and what."""


# ---------------------------------------------------------------------------------- reading


def read(lesson):
    """The cells of `lesson.md`, checked: fences, tags, and that no framework is left out."""
    text = lesson.source.read_text("utf-8")
    fences = check_fences(lesson, text)
    cells = jupytext.reads(text, fmt="md").cells
    if sum(cell.cell_type == "code" for cell in cells) != fences:
        raise LessonError(
            f"{lesson.path}: a ```python block is not a cell: it is indented, inside a region, or "
            "its options cannot be read; write ```text for code that is not run"
        )
    for cell in cells:
        check_tags(lesson, text, cell)
    check_steps(lesson, text, cells)
    if not cells or not cells[0].source.startswith("# "):
        raise LessonError(f"{lesson.path}: the lesson must begin with its title, '# …'")
    return cells


def check_fences(lesson, text):
    """Refuse any fence but ```python and ```text; return the number of ```python blocks."""
    opened, pythons = None, 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*(```+|~~~+)\s*([^\s`]*)", line)
        if not fence:
            continue
        if opened:
            if line.strip() == opened:
                opened = None
            continue
        if fence[2] not in ("python", "text"):
            raise LessonError(
                f"{lesson.path}/lesson.md:{number}: unknown fence {line.strip()!r}: write "
                "```python for a cell and ```text for code that is not run"
            )
        opened, pythons = fence[1], pythons + (fence[2] == "python")
    if opened:
        raise LessonError(f"{lesson.path}: a {opened} fence is never closed")
    return pythons


def check_tags(lesson, text, cell):
    unknown = [key for key in cell.metadata if key not in ("tags", "region_name")]
    unknown += [tag for tag in cell.metadata.get("tags", []) if tag not in TAGS]
    if unknown:
        raise LessonError(
            f"{where(lesson, text, cell)}: unknown tag or option {', '.join(map(repr, unknown))}; "
            f"known tags are {', '.join(sorted(TAGS))}"
        )


def check_steps(lesson, text, cells):
    """In a run of framework cells, each framework must have as many cells as the others.

    A prose region tagged `left-out` stands for the cell of a framework that has no way to do the
    step; it gives the reader of that notebook the reason. Other prose regions do not count.
    """
    run = []
    for cell in [*cells, None]:
        if cell is not None and frameworks_of(cell):
            run.append(cell)
            continue
        steps = dict.fromkeys(FRAMEWORKS, 0)
        for tagged in run:
            for framework in frameworks_of(tagged):
                steps[framework] += (
                    tagged.cell_type == "code" or "left-out" in tagged.metadata["tags"]
                )
        if len(set(steps.values())) > 1:
            counts = ", ".join(f"{FRAMEWORKS[f]} {n}" for f, n in steps.items())
            raise LessonError(
                f"{where(lesson, text, run[0])}: this step is not there for every framework "
                f"(cells: {counts}); write it, or give the reason in a prose region tagged with "
                "the framework and left-out"
            )
        run = []


def frameworks_of(cell):
    return [tag for tag in cell.metadata.get("tags", []) if tag in FRAMEWORKS]


def where(lesson, text, cell):
    """`chapter/lesson/lesson.md:line` of a cell."""
    line = text.count("\n", 0, max(text.find(cell.source), 0)) + 1
    return f"{lesson.path}/lesson.md:{line}"


# -------------------------------------------------------------------------------- rendering


def render(lesson, framework, cells, neighbours, shared_hash):
    """A framework's notebook, without outputs."""
    own = [c for c in cells if not frameworks_of(c) or framework in frameworks_of(c)]
    code = [(c.source, c.metadata.get("tags", [])) for c in own if c.cell_type == "code"]
    digest = hashlib.sha256(repr((code, shared_hash)).encode()).hexdigest()[:16]

    first, rest = own[0].source.partition("\n")[::2]
    body = [(header(lesson, framework, neighbours), "markdown", {})]
    body += [(setup(framework), "code", dict(COLLAPSED))]
    body += [(rest.strip(), "markdown", {})] if rest.strip() else []
    for cell in own[1:]:
        tags = cell.metadata.get("tags", [])
        metadata = {"tags": tags} if tags else {}
        body.append((cell.source, cell.cell_type, metadata | (COLLAPSED if "solution" in tags else {})))

    notebook = nbformat.v4.new_notebook()
    seen = {}
    for source, kind, metadata in body:
        seen[source] = seen.get(source, 0) + 1
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        name = f"{framework}\n{source}\n{seen[source]}"  # jupytext's own ids are random
        cell_id = hashlib.sha256(name.encode()).hexdigest()[:8]
        notebook.cells.append(make(source, metadata=metadata, id=cell_id))
    notebook.metadata = {
        "accelerator": "None" if framework == "mxnet" else "GPU",
        "course": {"hash": digest},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def header(lesson, framework, neighbours):
    """Title, badge and links. Relative links serve JupyterLab and GitHub, absolute ones Colab."""
    path = lesson.notebook(framework)

    def links(address):
        before, after = (n and n.notebook(framework) for n in neighbours)
        row = [f"[← {neighbours[0].title}]({address(before)})"] if before else []
        for name, title in FRAMEWORKS.items():
            here = name == framework
            row.append(f"**{title}**" if here else f"[{title}]({address(lesson.notebook(name))})")
        row += [f"[{neighbours[1].title} →]({address(after)})"] if after else []
        return " · ".join(row)

    def relative(target):
        return Path(os.path.relpath(target, lesson.path)).as_posix()

    return (
        f"# {lesson.title} · {FRAMEWORKS[framework]}\n\n"
        f"[![Open in Colab]({course.BADGE})]({course.colab(path)})\n\n"
        f"{links(relative)}  \n"
        f"<small>In Colab: {links(course.colab)}</small>\n\n"
        "<small>Built from [lesson.md](lesson.md), which is the file to edit.</small>"
    )


def setup(framework):
    """The Colab set-up cell: `colab_setup.py` with this framework's packages and our address."""
    needed = {"shared": "shared"} | course.COMMON_MODULES | course.MODULES[framework]
    listed = ", ".join(f'"{module}": "{name}"' for module, name in needed.items())
    wrapped = re.sub(r"(.{60,84}?,) ", r"\1\n    ", listed)
    return (
        SETUP.replace('{"shared": "shared"}', f"{{\n    {wrapped},\n}}", 1)
        .replace("BRANCH", course.BRANCH)
        .replace("ADDRESS", f"https://github.com/{course.REPOSITORY}")
        .strip()
    )


# -------------------------------------------------------------------------------- executing


def keep_outputs(notebook, path):
    """Take the outputs of the notebook at `path` if it ran the same code; say whether it did."""
    try:
        old = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return False
    if old.metadata.get("course") != notebook.metadata["course"]:
        return False
    new_code = [c for c in notebook.cells if c.cell_type == "code"]
    old_code = [c for c in old.cells if c.cell_type == "code"]
    if len(new_code) != len(old_code):
        return False
    for new, executed in zip(new_code, old_code, strict=True):
        new.outputs, new.execution_count = executed.outputs, executed.execution_count
    return True


async def execute(lesson, framework, notebook):
    """Run a notebook in a fresh kernel, in the lesson's folder; the outputs go into its cells."""
    metadata = dict(notebook.metadata)
    folder = str(lesson.source.parent)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=KERNEL_ARGUMENTS,
    )
    name = f"{lesson.path}, {FRAMEWORKS[framework]}"
    try:
        await client.async_execute(env=os.environ | course.KERNEL_ENV)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        position, cell = last_started(notebook)
        spot = where(lesson, lesson.source.read_text("utf-8"), cell)
        trace = re.sub(r"\x1b\[[0-9;]*m", "", getattr(error, "traceback", "") or str(error))
        raise LessonError(
            f"{name}, cell {position} ({spot}) failed; the notebook stays as it was\n{trace}"
        ) from None
    finally:
        notebook.metadata = metadata  # the kernel's version of Python does not belong in the file
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
            if output.output_type == "stream" and output.name == "stderr":
                raise LessonError(
                    f"{name}, cell {position}: warnings do not belong in a notebook, and this cell "
                    f"wrote to the error stream; the notebook stays as it was\n{output.text}"
                )


def smaller(png):
    """A figure (PNG in base64) in 128 colours: a third of the size, and nothing but the pixels."""
    image, file = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def last_started(notebook):
    """Number (from 0, as in the file) and content of the last cell that began to run."""
    ran = [i for i, c in enumerate(notebook.cells) if c.get("execution_count") or c.get("outputs")]
    code = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code"]
    position = ran[-1] if ran else code[0]
    return position, notebook.cells[position]


def write(path, text):
    """Replace a file in one step, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


# --------------------------------------------------------------------------------- building


def plan(root, wanted_lessons, wanted_frameworks):
    """Yield (lesson, framework, notebook without outputs) for all notebooks asked for."""
    everything = course.lessons(root)
    unknown = [w for w in wanted_lessons if not any(matches(x, w) for x in everything)]
    if unknown:
        raise LessonError(f"no such lesson: {', '.join(unknown)}")
    shared_hash = hash_of_shared(root)
    for i, lesson in enumerate(everything):
        if wanted_lessons and not any(matches(lesson, w) for w in wanted_lessons):
            continue
        cells = read(lesson)
        before = everything[i - 1] if i else None
        after = everything[i + 1] if i + 1 < len(everything) else None
        for framework in wanted_frameworks:
            notebook = render(lesson, framework, cells, (before, after), shared_hash)
            yield lesson, framework, notebook


def matches(lesson, wanted):
    return f"{lesson.path}/".startswith(wanted.removesuffix("lesson.md").rstrip("/") + "/")


def hash_of_shared(root):
    digest = hashlib.sha256()
    for file in sorted((root / "shared").glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


async def build(root, lessons=(), frameworks=tuple(FRAMEWORKS), jobs=2, force=False):
    """Bring notebooks up to date. Return the paths written; raise after all that could be built."""
    written, failures, todo = [], [], []

    def save(lesson, framework, notebook):
        path, text = lesson.notebook(framework), nbformat.writes(notebook, indent=1) + "\n"
        if not (root / path).exists() or (root / path).read_text("utf-8") != text:
            write(root / path, text)
            written.append(path)

    for lesson, framework, notebook in plan(root, lessons, frameworks):
        if force or not keep_outputs(notebook, root / lesson.notebook(framework)):
            todo.append((lesson, framework, notebook))
        else:
            save(lesson, framework, notebook)
    require({framework for _, framework, _ in todo})

    limit = asyncio.Semaphore(jobs)
    with tqdm(total=len(todo), desc="building", unit="notebook", disable=not todo) as bar:

        async def one(lesson, framework, notebook):
            async with limit:
                bar.set_postfix_str(f"{lesson.name} {framework}")
                try:
                    await execute(lesson, framework, notebook)
                    save(lesson, framework, notebook)
                except LessonError as error:
                    failures.append(str(error))
                bar.update()

        await asyncio.gather(*(one(*item) for item in todo))
    for path, text in tables.pages(root):
        if (root / path).read_text("utf-8") != text:
            write(root / path, text)
            written.append(path)
    if failures:
        raise LessonError("\n\n".join(failures))
    return written


def require(frameworks):
    """Fail before anything runs when a framework cannot be imported."""
    for framework in sorted(frameworks):
        for module in course.MODULES[framework]:
            if importlib.util.find_spec(module) is None:
                raise LessonError(
                    f"{FRAMEWORKS[framework]} is not installed here (no module {module!r}): run "
                    "`make notebooks`, which makes the environment first, or leave it out with "
                    "--framework"
                )


def check(root, lessons=(), frameworks=tuple(FRAMEWORKS)):
    """The paths that building would change, found without executing anything."""
    stale = []
    for lesson, framework, notebook in plan(root, lessons, frameworks):
        path = lesson.notebook(framework)
        kept = keep_outputs(notebook, root / path)
        text = nbformat.writes(notebook, indent=1) + "\n"
        if not kept or (root / path).read_text("utf-8") != text:
            stale.append(path)
    return stale + [p for p, text in tables.pages(root) if (root / p).read_text("utf-8") != text]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__)
    parser.add_argument("--lesson", nargs="+", default=(), help="path of a lesson or a chapter")
    parser.add_argument("--framework", nargs="+", choices=FRAMEWORKS, default=tuple(FRAMEWORKS))
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed side by side")
    parser.add_argument("--force", action="store_true", help="execute also what is up to date")
    parser.add_argument("--check", action="store_true", help="execute nothing; fail if stale")
    parser.add_argument("--root", type=Path, default=course.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    try:
        if options.check:
            stale = check(options.root, options.lesson, options.framework)
            if stale:
                sys.exit("Not up to date, run `make notebooks`:\n  " + "\n  ".join(stale))
        else:
            written = asyncio.run(
                build(
                    options.root, options.lesson, options.framework, options.jobs, options.force
                )
            )
            print("\n".join(written) if written else "Everything is up to date.")
    except (LessonError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: notebooks not yet finished are as they were")


if __name__ == "__main__":
    main()
