"""Show that the checks of a notebook can fail: break its from-scratch cells, one token at a time.

Each mutation turns a sign, doubles a learning rate or takes another axis in one cell of the
sections "From scratch", "Check" and "Train" that belongs to the framework alone. A notebook that
still runs through with a mutation has a hole in its checks; such survivors are listed. A notebook
that does not run without any mutation is an error.
Usage: python -m tools.mutate 02_optimizers/02_momentum --framework jax
"""

import argparse
import asyncio
import copy
import io
import re
import sys
import tokenize
from pathlib import Path

from tqdm import tqdm

from tools import build, course
from tools.course import FRAMEWORKS, CourseError

SIGNS = {"+": "-", "-": "+", "+=": "-=", "-=": "+=", "assign_sub": "assign_add"}
RATES = {"lr", "LR"}
WHERE = "From scratch", "Check", "Train"


def mutations(source):
    """Yield (line, what, mutated source) for every token of a cell worth breaking."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    lines = source.splitlines(keepends=True)

    def replaced(token, new):
        (row, start), (_, end) = token.start, token.end
        changed = lines[row - 1][:start] + new + lines[row - 1][end:]
        what = f"{lines[row - 1].strip()}  →  {changed.strip()}"
        return row, what, "".join([*lines[: row - 1], changed, *lines[row:]])

    # The stream of tokens begins with a real one and ends with several that are empty.
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        negative = before.string in ("(", "[", ",", ":", "=") and after.type == tokenize.NUMBER
        if token.string in SIGNS and not negative:
            yield replaced(token, SIGNS[token.string])
        elif token.string in RATES and "*" in (before.string, after.string):
            yield replaced(token, f"(2 * {token.string})")
        elif before.string == "=" and token.type == tokenize.NUMBER:
            name = lines[before.start[0] - 1][: before.start[1]].rstrip()
            if name.endswith(("axis", "dim")):
                yield replaced(token, "1" if token.string == "0" else "0")


def mutants(notebook, framework):
    """Yield (cell, what, mutated notebook) for the from-scratch cells of a framework."""
    inside = False
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and (headings := re.findall("^## (.*)", cell.source, re.M)):
            inside = headings[-1] in WHERE
        if inside and cell.cell_type == "code" and framework in cell.metadata.get("tags", []):
            for row, what, source in mutations(cell.source):
                mutant = copy.deepcopy(notebook)
                mutant.cells[position].source = source
                yield f"cell {position}, line {row}", what, mutant


async def failure(notebook, folder):
    """What stops a notebook, or None if it runs through; the notebook itself stays as it is."""
    try:
        await build.run(copy.deepcopy(notebook), folder)
    except build.FAILED as error:
        return build.said(error)


async def report(root, lessons, frameworks, jobs):
    """The lines to print, the worst first, and the exit status: 2 if a notebook does not run."""
    limit, tried, survivors, broken, empty = asyncio.Semaphore(jobs), [], [], [], []
    work = list(build.plan(root, lessons, frameworks))
    made = {job.name: list(mutants(job.notebook, job.framework)) for job in work}
    with tqdm(total=sum(map(len, made.values())), desc="mutants", disable=None) as bar:

        async def one(job, spot, what, mutant):
            async with limit:
                if not await failure(mutant, job.path.parent):
                    survivors.append(f"survived: {job.name}, {spot}: {what}")
                tried.append(spot)
                bar.update()

        async def all_of(job):
            if not made[job.name]:
                empty.append(f"nothing to mutate in {job.name}: {', '.join(WHERE)}")
                return
            async with limit:
                message = await failure(job.notebook, job.path.parent)
            if message:  # then every mutant would fail, and show nothing
                broken.append(f"error: {job.name} fails without any mutation:\n{message}")
            else:
                await asyncio.gather(*(one(job, *mutant) for mutant in made[job.name]))

        await asyncio.gather(*map(all_of, work))
    summary = f"{len(tried)} mutants, {len(survivors)} survived"
    lines = [*sorted(broken), *sorted(empty), *sorted(survivors), summary]
    return lines, 2 if broken else bool(survivors)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument("lesson", nargs="+", help="path of a lesson")
    parser.add_argument("--framework", nargs="+", choices=FRAMEWORKS, default=tuple(FRAMEWORKS))
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed side by side")
    parser.add_argument("--root", type=Path, default=course.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    what = options.root, options.lesson, options.framework, options.jobs
    try:
        lines, status = asyncio.run(report(*what))
    except CourseError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print("\n".join(lines))
    sys.exit(status)


if __name__ == "__main__":
    main()
