"""What holds for all tests, and for the kernels of the notebooks, which inherit it."""

import importlib.util
import os

import pytest

from tools import course

# Without these pytest would only say that it does not know the options in pyproject.toml.
NEEDED = [*course.COMMON_MODULES, "nbval", "xdist", "jupytext", "nbclient"]
if lacking := [module for module in NEEDED if importlib.util.find_spec(module) is None]:
    raise SystemExit(
        f"Not installed here: {', '.join(lacking)}. Run `make test`, which makes the environment."
    )

os.environ.update(course.KERNEL_ENV)
pytest_plugins = ["tools.nbval_hooks"]


def not_installed(framework):
    return f"not installed here: {course.missing([framework])}"


class SkippedNotebook(pytest.File):
    """The notebook of a framework that is not installed: one test, which is skipped."""

    def collect(self):
        yield SkippedTest.from_parent(self, name="all cells")


class SkippedTest(pytest.Item):
    def runtest(self):
        pytest.skip(not_installed(self.path.name.partition("_")[0]))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    collectors = yield
    framework = file_path.name.partition("_")[0]
    if file_path.suffix == ".ipynb" and framework in course.FRAMEWORKS:
        if course.missing([framework]):
            return [SkippedNotebook.from_parent(parent, path=file_path)]
    return collectors


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """A test that needs a framework that is not installed is skipped, too."""
    try:
        return (yield)
    except ImportError as error:
        for framework, title in course.FRAMEWORKS.items():
            words = [f"No module named {module!r}" for module in course.MODULES[framework]]
            if any(word in str(error) for word in [f"{title} is not installed", *words]):
                if course.missing([framework]):
                    pytest.skip(not_installed(framework))
        raise
