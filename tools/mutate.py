"""Show that the checks of a notebook can fail: break its from-scratch cells, one token at a time.

Each mutation turns a sign, doubles a learning rate or takes another axis in one cell of the
sections "From scratch", "Check" and "Train" that belongs to the framework alone. A notebook that
still runs through with a mutation has a hole in its checks; such survivors are listed.
Usage: python -m tools.mutate 02_optimizers/02_momentum --framework jax
"""

import argparse
import asyncio
import copy
import io
import os
import re
import sys
import tokenize

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from tools import build, course
from tools.course import FRAMEWORKS

SIGNS = {"+": "-", "-": "+", "+=": "-=", "-=": "+=", "assign_sub": "assign_add"}
RATES = {"lr", "LR"}


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
            inside = headings[-1] in ("From scratch", "Check", "Train")
        if inside and cell.cell_type == "code" and framework in cell.metadata.get("tags", []):
            for row, what, source in mutations(cell.source):
                mutant = copy.deepcopy(notebook)
                mutant.cells[position].source = source
                yield f"cell {position}, line {row}", what, mutant


async def survives(mutant, folder):
    client = NotebookClient(
        mutant,
        timeout=build.TIMEOUT,
        resources={"metadata": {"path": folder}},
        extra_arguments=build.KERNEL_ARGUMENTS,
    )
    try:
        await client.async_execute(env=os.environ | course.KERNEL_ENV)
    except (CellExecutionError, CellTimeoutError, DeadKernelError):
        return False
    return True


async def report(root, lessons, frameworks, jobs):
    limit, survivors = asyncio.Semaphore(jobs), []
    work = [
        (job.lesson, job.framework, *mutant)
        for job in build.plan(root, lessons, frameworks)
        for mutant in mutants(job.notebook, job.framework)
    ]
    with tqdm(total=len(work), desc="mutants", disable=None) as bar:

        async def one(lesson, framework, spot, what, mutant):
            async with limit:
                if await survives(mutant, str(lesson.source.parent)):
                    survivors.append(f"{lesson.path}, {FRAMEWORKS[framework]}, {spot}: {what}")
                bar.update()

        await asyncio.gather(*(one(*item) for item in work))
    return len(work), sorted(survivors)


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument("lesson", nargs="+", help="path of a lesson")
    parser.add_argument("--framework", nargs="+", choices=FRAMEWORKS, default=tuple(FRAMEWORKS))
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed side by side")
    options = parser.parse_args()
    count, survivors = asyncio.run(
        report(course.ROOT, options.lesson, options.framework, options.jobs)
    )
    print(f"{count} mutants, {len(survivors)} survived", *survivors, sep="\n  ")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
