"""What holds for all tests, and for the kernels of the notebooks, which inherit it."""

import os

import pytest

from tools import course

os.environ.update(course.KERNEL_ENV)


def pytest_configure():
    if missing := course.missing():
        pytest.exit(
            f"Not installed here: {missing}. Run `make test`, which makes the environment first.",
            returncode=1,
        )
