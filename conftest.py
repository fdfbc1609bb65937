"""What holds for all tests, and for the kernels of the notebooks, which inherit it."""

import os
import re

import pytest

from tools import course

os.environ.update(course.KERNEL_ENV)


def pytest_configure():
    if missing := course.missing():
        pytest.exit(
            f"Not installed here: {missing}. Run `make test`, which makes the environment first.",
            returncode=1,
        )


def pytest_terminal_summary(terminalreporter):
    """Which checks failed in the notebooks: the short summary after it names the cells only."""
    for report in terminalreporter.stats.get("failed", []):
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in report.longreprtext.splitlines()]
        for line in dict.fromkeys(line for line in lines if line.startswith("✗ ")):
            terminalreporter.write_line(f"{report.nodeid}: {line}")
