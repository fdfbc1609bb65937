"""What nbval does not do by itself: a plugin of pytest, for the course and for the Colab lane.

- A kernel that dies ends its notebook at once, with its exit status, and not as a timeout.
- The short summary says what went wrong in a cell, not only in which.
- With COLAB_HOMES (a folder), as in Colab: each notebook has a home folder of its own, whatever is
  written in red fails, however late it comes, and the summary counts notebooks.

It imports nothing of this repository, since the Colab lane uses a copy of it elsewhere.
"""

import os
import re
import tempfile
import time
from collections import Counter, defaultdict
from queue import Empty
from unittest import mock

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprFileLocation, ReprTracebackNative
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

HOMES = os.environ.get("COLAB_HOMES")
LATE = 0.5  # seconds that the last output of a kernel may be on its way; it sends every 0.2


class KernelDied(Exception):
    """The process of a notebook's kernel is no longer there."""


def get_message(kernel, stream, timeout=None, original=RunningKernel.get_message):
    """nbval's, which asks every second whether the kernel lives, and keeps what comes in red."""
    end = time.monotonic() + (float("inf") if timeout is None else timeout)
    while True:
        try:
            message = original(kernel, stream, timeout=max(0, min(1, end - time.monotonic())))
        except Empty:
            if not kernel.is_alive():
                raise KernelDied(epitaph(kernel)) from None
            if time.monotonic() >= end:
                raise
        else:
            if message["content"].get("name") == "stderr":
                red(kernel).append(message["content"]["text"])
            return message


def epitaph(kernel):
    status = kernel.km.provisioner.process.returncode
    return f"the kernel died, status {status}" + (" (out of memory?)" if status == -9 else "")


def red(kernel):
    """What a kernel has written to the error stream since the list was emptied last."""
    return vars(kernel).setdefault("red", [])


def setup(notebook, original=IPyNbFile.setup):
    """nbval's, which starts the kernel; in the Colab lane with an environment as there."""
    with mock.patch.dict(os.environ):
        if HOMES:
            os.environ["HOME"] = tempfile.mkdtemp(dir=HOMES)
            # with this a kernel does not show what C++ code writes, and Colab's does
            os.environ.pop("PYTEST_CURRENT_TEST", None)
        original(notebook)


RunningKernel.get_message = get_message
IPyNbFile.setup = setup


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not isinstance(item, IPyNbCell):
        return (yield)
    try:
        result = yield
    except KernelDied as error:
        item.parent.timed_out = True  # nbval then expects nothing of the cells that follow
        item.raise_cell_error(str(error))
    if HOMES:
        kernel = item.parent.kernel
        cells = [cell for cell in item.parent.nb.cells if cell.cell_type == "code"]
        if item.cell is cells[-1]:
            end = time.monotonic() + LATE
            while time.monotonic() < end:
                try:
                    kernel.get_message("iopub", timeout=0.1)
                except Empty:
                    pass
        text = "".join(red(kernel))
        red(kernel).clear()
        if text:
            item.raise_cell_error(f"it writes in red\n{text}")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and isinstance(call.excinfo and call.excinfo.value, NbCellError):
        error = call.excinfo.value
        lines = re.sub(r"\x1b\[[0-9;]*m", "", error.inner_traceback or "").strip().splitlines()
        named = [line for line in lines if re.match(r"✗ |[\w.]*(Error|Exit|Exception)\b", line)]
        message = " ".join(str(error).split())
        if named and message == "Cell execution caused an exception":
            message = named[-1]
        where = ReprFileLocation(str(item.path), item.cell_num, message[:300])
        text = ReprTracebackNative([f"{report.longrepr}\n"])
        report.longrepr = ExceptionChainRepr([(text, where, None)])
    return report


def pytest_terminal_summary(terminalreporter):
    if not HOMES:
        return
    cells, seconds, errors = Counter(), Counter(), defaultdict(dict)
    for outcome in ("passed", "failed", "error", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            name, _, cell = report.nodeid.partition("::Cell ")
            cells[name] += 1
            seconds[name] += report.duration
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                errors[name][int(cell)] = crash.message if crash else str(report.longrepr)
    terminalreporter.section("notebooks, as in Colab")
    for name in sorted(cells):
        said = f"{name}, {cells[name]} cells, {seconds[name]:.0f} s"
        terminalreporter.line(f"{'FAILED' if errors[name] else 'passed'} {said}")
        for cell, message in sorted(errors[name].items())[:3]:
            terminalreporter.line(f"       cell {cell}: {message}")
        if len(errors[name]) > 3:
            terminalreporter.line(f"       and {len(errors[name]) - 3} cells more")
    failed = sum(map(bool, errors.values()))
    terminalreporter.line(f"{len(cells) - failed} of {len(cells)} notebooks passed")
