"""Make the four notebooks of each lesson from its `lesson.md`, and the tables of the READMEs.

A notebook is the cells of `lesson.md` that are meant for its framework, under a header. It is
executed when its code, its tags or the package `shared` changed since it was executed last; when
only prose or links changed, the outputs it has are kept. `--check` executes nothing and fails when
building would change a file.
"""

import argparse
import asyncio
import base64
import hashlib
import io
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from PIL import Image
from tqdm import tqdm

from tools import course, tables
from tools.course import FRAMEWORKS, CourseError
from tools.source import frameworks_of, read, tags_of

SETUP = (Path(__file__).parent / "colab_setup.py").read_text("utf-8")
COLLAPSED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
TIMEOUT = 120  # seconds a cell may take before the build gives up
# What a framework's C++ code logs while it starts goes to the terminal, not into the notebook.
KERNEL_ARGUMENTS = ["--IPKernelApp.capture_fd_output=False", "--IPKernelApp.log_level=ERROR"]
# Memory addresses, home folders, temporary files, drives of Windows: no two runs agree on them.
LOCAL = r"\b0x[0-9a-fA-F]{6,}|(?<![\w.])/(?:home|root|Users|tmp)/|\b[A-Z]:\\"


@dataclass
class Job:
    """A notebook to be made: its lesson, its framework, its cells, and their lines in lesson.md."""

    lesson: course.Lesson
    framework: str
    notebook: nbformat.NotebookNode
    lines: list

    @property
    def path(self):
        return self.lesson.root / self.lesson.notebook(self.framework)

    @property
    def text(self):
        return nbformat.writes(self.notebook, indent=1) + "\n"

    def error(self, position, message):
        where = f"{self.lesson.path}/lesson.md:{self.lines[position]}"
        return CourseError(
            f"{where} ({FRAMEWORKS[self.framework]}, cell {position}): {message.strip()}\n"
            "The notebook stays as it was."
        )


# -------------------------------------------------------------------------------- rendering


def render(lesson, framework, cells, neighbours, shared):
    """The job of making a framework's notebook, which has no outputs yet."""
    own = [c for c in cells if not frameworks_of(c) or framework in frameworks_of(c)]
    code = [(c.source, tags_of(c)) for c in own if c.cell_type == "code"]
    hook = own[0].source.partition("\n")[2].strip()  # what follows the title

    body = [(header(lesson, framework, neighbours), "markdown", {}, 1)]
    body += [(setup(framework), "code", COLLAPSED, 1)]
    body += [(hook, "markdown", {}, 1)] if hook else []
    for cell in own[1:]:
        metadata = {"tags": tags_of(cell)} if tags_of(cell) else {}
        metadata |= COLLAPSED if "solution" in tags_of(cell) else {}
        body.append((cell.source, cell.cell_type, metadata, cell.get("line", 1)))

    notebook = nbformat.v4.new_notebook()
    seen = {}
    for source, kind, metadata, _ in body:
        seen[source] = seen.get(source, 0) + 1
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        # jupytext's own ids are random
        cell_id = fingerprint([framework, source, seen[source]])[:8]
        notebook.cells.append(new(source, metadata=dict(metadata), id=cell_id))
    notebook.metadata.update(
        accelerator="None" if framework == "mxnet" else "GPU",
        course={"code": fingerprint([code, shared])},
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    return Job(lesson, framework, notebook, [line for *_, line in body])


def fingerprint(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def header(lesson, framework, neighbours):
    """Title, badge and links. Relative links serve JupyterLab and GitHub, absolute ones Colab."""

    def links(address):
        def link(text, lesson, name):
            return f"[{text}]({address(lesson.notebook(name))})"

        before, after = neighbours
        row = [link(f"← {before.title}", before, framework)] if before else []
        for name, title in FRAMEWORKS.items():
            row.append(f"**{title}**" if name == framework else link(title, lesson, name))
        row += [link(f"{after.title} →", after, framework)] if after else []
        return " · ".join(row)

    def relative(target):
        return Path(os.path.relpath(target, lesson.path)).as_posix()

    return (
        f"# {lesson.title} · {FRAMEWORKS[framework]}\n\n"
        f"[![Open in Colab]({course.BADGE})]({course.colab(lesson.notebook(framework))})\n\n"
        f"{links(relative)}  \n"
        f"<small>In Colab: {links(course.colab)}</small>\n\n"
        "<small>Built from [lesson.md](lesson.md), which is the file to edit.</small>"
    )


def setup(framework):
    """The Colab set-up cell: `colab_setup.py` with this framework's packages and our address."""
    needed = course.COMMON_MODULES | course.MODULES[framework]
    listed = ", ".join(f'"{module}": "{name}"' for module, name in needed.items())
    wrapped = re.sub(r"(.{60,84}?,) ", r"\1\n    ", listed)
    owners = {"MXNET_CUDA": "mxnet", "TF_CPP": "tensorflow"}  # paragraphs that are not for all
    own = [
        paragraph
        for paragraph in SETUP.strip().split("\n\n")
        if all(word not in paragraph or owner == framework for word, owner in owners.items())
    ]
    return (
        "\n\n".join(own)
        .replace("needed = {}", f"needed = {{\n    {wrapped},\n}}")
        .replace("BRANCH", course.BRANCH)
        .replace("ADDRESS", f"https://github.com/{course.REPOSITORY}")
    )


# -------------------------------------------------------------------------------- executing


def results(notebook):
    """Fingerprint of what a notebook's code cells returned."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return fingerprint([(cell.execution_count, cell.outputs) for cell in code])


def keep_outputs(job):
    """Take the outputs of the file that is there, if this code made them; say whether it did."""
    try:
        old = nbformat.read(job.path, as_version=4)
        made, given = old.metadata.course, results(old)
    except Exception:  # whatever is wrong with the file, it is to be made anew
        return False
    new_code = [cell for cell in job.notebook.cells if cell.cell_type == "code"]
    old_code = [cell for cell in old.cells if cell.cell_type == "code"]
    code = job.notebook.metadata.course.code
    if made != {"code": code, "results": given} or len(new_code) != len(old_code):
        return False
    for new, executed in zip(new_code, old_code, strict=True):
        new.outputs, new.execution_count = executed.outputs, executed.execution_count
    job.notebook.metadata.course = made
    return True


async def execute(job):
    """Run a notebook in a fresh kernel, in the lesson's folder; the outputs go into its cells."""
    started, metadata = [0], dict(job.notebook.metadata)
    client = NotebookClient(
        job.notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(job.path.parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        extra_arguments=KERNEL_ARGUMENTS,
        on_cell_execute=lambda cell, cell_index: started.append(cell_index),
    )
    try:
        await client.async_execute(env=os.environ | course.KERNEL_ENV)
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:  # RuntimeError: it died
        message = getattr(error, "traceback", "") or str(error)
        raise job.error(started[-1], re.sub(r"\x1b\[[0-9;]*m", "", message)) from None
    # the kernel's version of Python does not belong in the file
    job.notebook.metadata = nbformat.from_dict(metadata)
    for position, cell in enumerate(job.notebook.cells):
        if "live" in tags_of(cell):
            cell.outputs = []  # timings: shown when the reader runs the cell, never stored
        for output in cell.get("outputs", []):
            check_output(job, position, output)
    job.notebook.metadata.course.results = results(job.notebook)
    nbformat.validate(job.notebook)


def check_output(job, position, output):
    """Refuse what differs from run to run or from machine to machine; make figures smaller."""
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = smaller(data["image/png"])
    if output.get("name") == "stderr":
        raise job.error(position, f"it writes to the error stream\n{output.text}")
    texts = [output.get("text", ""), *(str(data[k]) for k in data if not k.startswith("image/"))]
    own = "|".join(re.escape(str(path)) for path in (sys.prefix, job.lesson.root.resolve()))
    for line in "\n".join(texts).splitlines():
        if found := re.search(f"{own}|{LOCAL}", line):
            raise job.error(position, f"its output has {found[0]!r}, of this machine only: {line}")


def smaller(png):
    """A figure (PNG in base64) in 128 colours: a third of the size, and nothing but the pixels."""
    image, file = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


# --------------------------------------------------------------------------------- building


def plan(root, lessons=(), frameworks=tuple(FRAMEWORKS)):
    """Yield the jobs of all notebooks asked for."""
    everything = course.lessons(root)
    unknown = [w for w in lessons if not any(matches(lesson, w) for lesson in everything)]
    if unknown:
        raise CourseError(f"no such lesson: {', '.join(unknown)}")
    shared = fingerprint([path.read_text("utf-8") for path in sorted(root.glob("shared/*.py"))])
    padded = [None, *everything, None]
    for i, lesson in enumerate(everything):
        if not lessons or any(matches(lesson, wanted) for wanted in lessons):
            cells = read(lesson)
            for framework in frameworks:
                yield render(lesson, framework, cells, padded[i : i + 3 : 2], shared)


def matches(lesson, wanted):
    wanted = Path(wanted.removesuffix("lesson.md")).as_posix()
    return f"{lesson.path}/".startswith(f"{wanted}/")


def outdated(root, lessons=(), frameworks=tuple(FRAMEWORKS), force=False):
    """Yield (path, text, job) of every file that is not as it should be.

    text is None when it is not known before the job is executed.
    """
    pages, jobs = list(tables.pages(root)), list(plan(root, lessons, frameworks))
    for job in jobs:
        if force or not keep_outputs(job):
            yield job.path, None, job
        elif job.path.read_text("utf-8") != job.text:
            yield job.path, job.text, job
    for path, text in pages:
        if path.read_text("utf-8") != text:
            yield path, text, None


def check(root, lessons=(), frameworks=tuple(FRAMEWORKS)):
    """The paths that building would change, found without executing anything."""
    return [path.relative_to(root).as_posix() for path, *_ in outdated(root, lessons, frameworks)]


async def build(root, lessons=(), frameworks=tuple(FRAMEWORKS), jobs=2, force=False):
    """Bring files up to date. Return the paths written; raise after all that could be built."""
    # nbclient would have Ctrl-C stop one kernel, and go on; asyncio's own handler stops them all.
    asyncio.get_running_loop().add_signal_handler = lambda *_: None
    written, failures, todo = [], [], []

    def save(path, text):
        if not path.exists() or path.read_text("utf-8") != text:
            write(path, text)
            written.append(path.relative_to(root).as_posix())

    files = list(outdated(root, lessons, frameworks, force))
    todo = [job for _, text, job in files if text is None]
    if missing := course.missing({job.framework for job in todo}):
        raise CourseError(
            f"not installed here: {missing}; run `make notebooks`, which makes the environment "
            "first, or choose others with --framework"
        )
    for path, text, _ in files:
        if text is not None:
            save(path, text)

    limit = asyncio.Semaphore(jobs)
    with tqdm(total=len(todo), desc="building", unit="notebook", disable=not todo) as bar:

        async def one(job):
            async with limit:
                bar.set_postfix_str(f"{job.lesson.name} {job.framework}")
                try:
                    await execute(job)
                    save(job.path, job.text)
                except CourseError as error:
                    failures.append(str(error))
                bar.update()

        await asyncio.gather(*map(one, todo))
    if failures:
        raise CourseError("\n\n".join(failures))
    return written


def write(path, text):
    """Replace a file in one step, so that an interruption leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    what = options.root, options.lesson, options.framework
    try:
        if options.check:
            if stale := check(*what):
                sys.exit("Not up to date, run `make notebooks`:\n  " + "\n  ".join(stale))
        else:
            written = asyncio.run(build(*what, options.jobs, options.force))
            print("\n".join(written) if written else "Everything is up to date.")
    except CourseError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: notebooks not yet finished are as they were")


if __name__ == "__main__":
    main()
