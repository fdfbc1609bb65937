"""Make the four notebooks of each lesson from its `lesson.md`, and the tables of the READMEs.

A notebook is the cells of `lesson.md` that are meant for its framework, under a header. It is
executed when its code, its tags or what it uses of the package `shared` changed since it was
executed last; when only prose or links changed, the outputs it has are kept. A notebook with cells
edited by hand is left as it is. `--check` executes nothing and fails when building would change a
file.
"""

import argparse
import asyncio
import base64
import io
import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from PIL import Image
from tqdm import tqdm

from tools import course, staleness, tables
from tools.course import FRAMEWORKS, CourseError
from tools.render import render
from tools.source import read, tags_of

TIMEOUT = 120  # seconds a cell may take before the build gives up
WIDGET = "application/vnd.jupyter.widget-view+json"
# What a framework's C++ code logs while it starts goes to the terminal, not into the notebook.
KERNEL_ARGUMENTS = ["--IPKernelApp.capture_fd_output=False", "--IPKernelApp.log_level=ERROR"]
FAILED = (CellExecutionError, CellTimeoutError, RuntimeError)  # RuntimeError: the kernel died
# No two runs agree on addresses in memory; no two machines on their folders.
ADDRESS = r"\b0x[0-9a-fA-F]{6,}"
FOLDER = r"(?<![\w.~])/(?:home|root|Users|tmp|work|opt|usr|var)/|\b[A-Z]:\\(?=\w)"
BY_HAND = "has cells edited by hand"


# -------------------------------------------------------------------------------- executing


async def run(notebook, folder, **hooks):
    """Run a notebook's cells in a fresh kernel, in a folder; their outputs go into the cells.

    Raises one of FAILED: a cell failed, took longer than TIMEOUT, or its kernel died.
    """
    # nbclient would have Ctrl-C stop one kernel, and go on; asyncio's own handler stops them all.
    asyncio.get_running_loop().add_signal_handler = lambda *_: None
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        extra_arguments=KERNEL_ARGUMENTS,
        **hooks,
    )
    await client.async_execute(env=os.environ | course.KERNEL_ENV)


def run_all(notebook, folder):
    """`run`, where nothing else is done meanwhile."""
    asyncio.run(run(notebook, folder))


def said(error):
    """What one of FAILED says, without colours."""
    message = getattr(error, "traceback", "") or str(error)
    return re.sub(r"\x1b\[[0-9;]*m", "", message).strip() or type(error).__name__


async def execute(job):
    """Run a job's notebook in the lesson's folder, and refuse outputs that cannot be stored."""
    started, metadata = [0], dict(job.notebook.metadata)
    try:
        await run(
            job.notebook,
            job.path.parent,
            on_cell_execute=lambda cell, cell_index: started.append(cell_index),
        )
    except FAILED as error:
        raise job.error(started[-1], said(error)) from None
    # the kernel's version of Python does not belong in the file
    job.notebook.metadata = nbformat.from_dict(metadata)
    for position, cell in enumerate(job.notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise job.error(position, f"it writes to the error stream\n{output.text}")
        if {"live", "solution"} & set(tags_of(cell)):
            cell.outputs = []  # timings, and what gives an answer away: shown when the cell is run
        if cell.get("outputs"):  # a progress bar that is a widget heeds no TQDM_DISABLE
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
        for output in cell.get("outputs", []):
            clean_output(job, position, output)
    job.notebook.metadata.course.results = staleness.results(job.notebook)
    try:
        nbformat.validate(job.notebook)
    except nbformat.ValidationError as error:
        raise CourseError(f"{job.name}: not a valid notebook: {error}") from None


def clean_output(job, position, output):
    """Refuse what differs from run to run or from machine to machine; make figures smaller."""
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = smaller(data["image/png"])
    texts = [output.get("text", ""), *(str(data[k]) for k in data if not k.startswith("image/"))]
    own = "|".join(re.escape(str(path)) for path in (sys.prefix, job.lesson.root.resolve()))
    for line in "\n".join(texts).splitlines():
        if found := re.search(f"{own}|{ADDRESS}|{FOLDER}", line):
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
    padded, known = [None, *everything, None], {}
    for i, lesson in enumerate(everything):
        if not lessons or any(matches(lesson, wanted) for wanted in lessons):
            cells = read(lesson)
            for framework in frameworks:
                yield render(lesson, framework, cells, padded[i : i + 3 : 2], known)


def matches(lesson, wanted):
    wanted = Path(wanted.removesuffix("lesson.md")).as_posix()
    return f"{lesson.path}/".startswith(f"{wanted}/")


def keep_outputs(job, old, restamp=False):
    """Take the outputs of the notebook that is there, if this code made them; say whether it did.

    restamp: they are taken for made by this code also if the package `shared` has changed.
    """
    try:
        made, given = dict(old.metadata.course), staleness.results(old)
    except Exception:  # whatever is wrong with the file, it is to be made anew
        return False
    new_code, old_code = staleness.code_of(job.notebook), staleness.code_of(old)
    new = job.notebook.metadata.course
    same = made.get("code") == new.code and (restamp or made.get("shared") == new.shared)
    if not same or made.get("results") != given or len(new_code) != len(old_code):
        return False
    for cell, executed in zip(new_code, old_code, strict=True):
        cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
    new.results = given
    return True


def outdated(root, lessons=(), frameworks=tuple(FRAMEWORKS), force=False, restamp=False):
    """Yield (path, text, job) of every file that is not as it should be.

    text is None when it is not known before the job is executed.
    """
    pages, jobs = list(tables.pages(root)), list(plan(root, lessons, frameworks))
    for job in jobs:
        old = staleness.stored(job.path)
        job.edited = not force and staleness.edited(job.path, old, job.notebook)
        if force or not keep_outputs(job, old, restamp):
            yield job.path, None, job
        elif job.path.read_text("utf-8") != job.text:
            yield job.path, job.text, job
    for path, text in pages:
        if path.read_text("utf-8") != text:
            yield path, text, None


def check(root, lessons=(), frameworks=tuple(FRAMEWORKS)):
    """The paths that building would change, found without executing anything."""
    return [
        path.relative_to(root).as_posix() + (f" ({BY_HAND})" if job and job.edited else "")
        for path, _, job in outdated(root, lessons, frameworks)
    ]


async def build(root, lessons=(), frameworks=None, jobs=2, force=False, restamp=False):
    """Bring files up to date. Return the paths written; raise after all that could be built.

    frameworks: those named must be installed; None stands for all that are.
    """
    written, failures, todo, absent = [], [], [], set()

    def save(path, text):
        try:
            if not path.exists() or path.read_text("utf-8") != text:
                write(path, text)
                written.append(path.relative_to(root).as_posix())
        except OSError as error:
            failures.append(f"{path}: cannot be written: {error.strerror}")

    for path, text, job in outdated(root, lessons, frameworks or FRAMEWORKS, force, restamp):
        if job and job.edited:
            failures.append(
                f"{job.name} {BY_HAND}: copy it to another name to keep your work, then build it "
                f"with --force --lesson {job.lesson.path} --framework {job.framework}"
            )
        elif text is not None:
            save(path, text)
        elif restamp:
            failures.append(f"{job.name}: not only `shared` changed; it has to be built")
        elif lacking := course.missing([job.framework]):
            absent.add(lacking)
        else:
            todo.append(job)
    for lacking in sorted(absent):
        message = f"not installed here: {lacking}; its notebooks stay as they are"
        if frameworks:
            failures.append(message)
        else:
            print(message)

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
    # fmt: off
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__)
    parser.add_argument("--lesson", nargs="+", default=(), help="path of a lesson or a chapter")
    parser.add_argument("--framework", nargs="+", choices=FRAMEWORKS,
                        help="default: all that are installed")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed side by side")
    parser.add_argument("--force", action="store_true",
                        help="execute also what is up to date, and overwrite what was edited")
    parser.add_argument("--restamp", action="store_true",
                        help="execute nothing; take what was stored for what the package `shared` "
                        "gives as it is now: after a change of its code that changes no result, "
                        "which running all tests must have shown")
    parser.add_argument("--check", action="store_true", help="execute nothing; fail if stale")
    parser.add_argument("--root", type=Path, default=course.ROOT, help=argparse.SUPPRESS)
    # fmt: on
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    if options.restamp and options.force:
        parser.error("--restamp executes nothing, --force everything")
    root, lessons = options.root, options.lesson
    try:
        if options.check:
            if stale := check(root, lessons, options.framework or FRAMEWORKS):
                sys.exit("Not up to date, run `make notebooks`:\n  " + "\n  ".join(stale))
        else:
            how = options.jobs, options.force, options.restamp
            written = asyncio.run(build(root, lessons, options.framework, *how))
            print("\n".join(written) if written else "Nothing had to be built.")
    except CourseError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: notebooks not yet finished are as they were")


if __name__ == "__main__":
    main()
