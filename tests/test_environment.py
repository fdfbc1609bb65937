"""The environment: which Python, which versions, what a missing framework and `make` say."""

import ast
import importlib
import importlib.metadata
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from shared import mxnet_compat
from tools import course

ROOT = Path(__file__).parents[1]
VERSION_CHECK = ROOT / "tools/python_version.py"
PINS = [
    line
    for name in ("requirements.txt", "requirements-mxnet.txt")
    for line in (ROOT / name).read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


# -------------------------------------------------------------------------------------- Python


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_a_python_that_will_do(monkeypatch, minor):
    monkeypatch.setattr(sys, "version_info", (3, minor, 0, "final", 0))
    runpy.run_path(str(VERSION_CHECK))


@pytest.mark.parametrize("version", [(2, 7), (3, 9), (3, 10), (3, 14), (4, 0)])
def test_a_python_that_will_not_do(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(VERSION_CHECK))
    major, minor = version
    assert str(stopped.value) == (
        f"This course needs Python 3.11, 3.12 or 3.13, and this is Python {major}.{minor}: install "
        "one of them and name it, for example: make PYTHON=python3.12"
    )


def test_an_old_python_can_read_its_own_refusal():
    ast.parse(VERSION_CHECK.read_text("utf-8"), feature_version=(3, 4))
    assert VERSION_CHECK.read_text("utf-8").isascii()


def test_the_package_asks_for_the_same_pythons():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"


# ---------------------------------------------------------------------------------- frameworks


@pytest.mark.parametrize("requirement", PINS)
def test_requirements_are_pinned_and_installed(requirement):
    name, version = re.fullmatch(r"([\w-]+)==([\w.]+)", requirement).groups()
    assert importlib.metadata.version(name).partition("+")[0] == version


def test_what_notebooks_import_is_required():
    modules = [course.COMMON_MODULES, *course.MODULES.values()]
    names = {name.split()[-1].partition("==")[0] for part in modules for name in part.values()}
    assert names <= {pin.partition("==")[0] for pin in PINS}


@pytest.mark.parametrize("framework", course.MODULES)
def test_frameworks_can_be_imported(framework):
    if framework == "mxnet":
        assert mxnet_compat.load().__version__ == "1.9.1"
    else:
        for module in course.MODULES[framework]:
            assert importlib.import_module(module).__version__


def test_nothing_is_missing_here_and_what_would_be_is_named(monkeypatch):
    assert course.missing() == ""
    monkeypatch.setitem(course.MODULES, "jax", {"jax": "jax", "no_such_module": "none"})
    assert course.missing() == "JAX (no module 'no_such_module')"
    assert course.missing(["mxnet", "pytorch"]) == ""


def pytest_here(*arguments, **environment):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )


# Python starts with this, and then does not find two modules.
WITHOUT = """
import sys

class Finder:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, *more):
        return None if name in ("mxnet", "optax") else self.finder.find_spec(name, *more)

sys.meta_path[:] = map(Finder, sys.meta_path)
"""


def test_pytest_says_in_one_sentence_that_a_framework_is_missing(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    done = pytest_here("tests/test_lint.py", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "passed" not in done.stdout
    assert (done.stdout + done.stderr).strip().removeprefix("! _pytest.outcomes.Exit: ").startswith(
        "Exit: Not installed here: MXNet (no module 'mxnet'), JAX (no module 'optax'). "
        "Run `make test`, which makes the environment first."
    )


# -------------------------------------------------------------------------------------- pytest


def test_kernels_inherit_one_thread_and_no_progress_bars():
    assert course.KERNEL_ENV["OMP_NUM_THREADS"] == "1" and course.KERNEL_ENV["TQDM_DISABLE"] == "1"
    assert course.KERNEL_ENV.items() <= os.environ.items()


def test_pytest_runs_notebooks_and_gives_each_to_one_worker():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    options = settings["ini_options"]["addopts"].split()
    assert {"--dist=loadscope", "--nbval-lax", "--nbval-current-env"} <= set(options)
    lesson = course.lessons()[0]
    done = pytest_here("--collect-only", lesson.path, "-k", "jax_")
    cells = re.findall(r"^(\S+\.ipynb)", done.stdout, re.M)
    assert set(cells) == {lesson.notebook("jax")}, done.stdout


# ---------------------------------------------------------------------------------------- make


FAKE = """\
#!/bin/sh
# A Python that writes down what it is asked to do; a virtual environment of it has copies of it.
echo $(basename $0) $* >> log
case "$*" in
  "-m venv "*) mkdir -p $3/bin && for name in python jupyter ruff; do cp $0 $3/bin/$name; done ;;
  tools/python_version.py)
    exec REAL -c "import sys; sys.version_info = VERSION, 0; exec(open('$1').read())" ;;
  *"pip install"*) test ! -e offline ;;
esac
"""
INSTALLING = [
    "fake tools/python_version.py",
    "fake -m venv .venv",
    "python -m pip install --quiet --requirement requirements.txt",
    "python -m pip install --quiet --no-deps --requirement requirements-mxnet.txt",
    "python -m pip install --quiet --no-deps --editable .",
]
WORK = {
    "lab": ["jupyter lab"],
    "test": ["python -m pytest"],
    "notebooks": ["python -m tools.build --jobs 2"],
    "check": ["ruff check .", "python -m tools.build --check"],
}


@pytest.fixture
def make(tmp_path):
    """Run make in a copy of what it reads; returns the process, and what was run in it."""
    for name in ("Makefile", "requirements.txt", "requirements-mxnet.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(VERSION_CHECK, tmp_path / "tools")

    def run(*arguments, python="./fake", version="3, 12"):
        fake = tmp_path / "fake"
        fake.write_text(FAKE.replace("REAL", sys.executable).replace("VERSION", version))
        fake.chmod(0o755)
        (tmp_path / "log").write_text("")
        # an outer make, which may run these tests, is not to be heard of
        outer = ("PYTHON", "ARGS", *(name for name in os.environ if name.startswith("MAKE")))
        own = {name: value for name, value in os.environ.items() if name not in outer}
        command = ["make", f"PYTHON={python}", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True)
        return done, (tmp_path / "log").read_text().splitlines()

    run.folder = tmp_path
    return run


@pytest.mark.parametrize("target", WORK)
def test_make_installs_once_and_then_only_works(make, target):
    done, log = make(target)
    assert (done.returncode, done.stderr) == (0, "")
    assert log == INSTALLING + WORK[target]
    done, log = make(target, python="gone-by-now")
    assert (done.returncode, log) == (0, WORK[target])


def test_make_installs_again_when_a_requirement_changed(make):
    make("test")
    later = time.time() + 10
    os.utime(make.folder / "requirements-mxnet.txt", (later, later))
    done, log = make("test")
    assert log == INSTALLING + WORK["test"]


def test_an_interrupted_installation_is_taken_up_again(make):
    (make.folder / "offline").touch()
    done, log = make("test")
    assert done.returncode != 0 and log == INSTALLING[:3]
    assert not (make.folder / ".venv/ready").exists()
    (make.folder / "offline").unlink()
    done, log = make("test")
    assert done.returncode == 0 and log == INSTALLING + WORK["test"]


def test_make_passes_arguments_on(make):
    _, log = make("test", "ARGS=02_optimizers -k jax")
    assert log[-1] == "python -m pytest 02_optimizers -k jax"


def test_make_names_a_python_that_is_not_there(make):
    done, log = make("lab", python="python3.99")
    assert done.returncode != 0 and log == []
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [
        "There is no python3.99 here: install Python 3.11, 3.12 or 3.13, or name one: "
        "make PYTHON=python3.12"
    ]


@pytest.mark.parametrize("version", ["3, 10", "3, 14"])
def test_make_refuses_a_wrong_python_before_it_installs(make, version):
    done, log = make("test", version=version)
    assert done.returncode != 0 and log == INSTALLING[:1]
    [said] = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert f"and this is Python {version.replace(', ', '.')}: install one of them" in said
    assert not (make.folder / ".venv").exists()


def test_make_clean_leaves_the_sources(make):
    before = {path.name for path in make.folder.iterdir()} | {"fake", "log"}
    make("test")
    (make.folder / "tools/__pycache__").mkdir()
    done, _ = make("clean")
    assert done.returncode == 0 and {path.name for path in make.folder.iterdir()} == before
    assert [path.name for path in make.folder.glob("tools/*")] == ["python_version.py"]


def test_the_head_of_the_makefile_lists_its_targets():
    text = (ROOT / "Makefile").read_text("utf-8")
    listed = re.findall(r"^# make (\w+) ", text, re.M)
    assert listed == ["lab", "test", "notebooks", "check", "clean"]
    assert set(re.findall(r"^(\w+):", text, re.M)) == set(listed)
    assert text.split(".PHONY:")[1].splitlines()[0].split() == listed
