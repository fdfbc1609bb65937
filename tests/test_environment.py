"""The environment: which Python, which versions, what a missing framework and `make` say."""

import ast
import importlib
import importlib.metadata
import json
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
import yaml
from nbval.kernel import RunningKernel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared import mxnet_compat
from tools import course
from tools.changed import changed

ROOT = Path(__file__).parents[1]
VERSION_CHECK = ROOT / "tools/python_version.py"


def requirements(*names):
    """The requirements in files, those for other machines left out."""
    lines = [line for name in names for line in (ROOT / name).read_text("utf-8").splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [r for r in found if r.marker is None or r.marker.evaluate()]


PINS = requirements("requirements.txt", "requirements-mxnet.txt")
CONSTRAINTS = requirements("constraints.txt")
COLAB = requirements("requirements-colab.txt")


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


def version(name):
    """The version installed, without what PyTorch adds for the kind of its build."""
    return importlib.metadata.version(name).partition("+")[0]


@pytest.mark.parametrize("requirement", PINS, ids=str)
def test_requirements_are_pinned_and_installed(requirement):
    assert str(requirement.specifier) == f"=={version(requirement.name)}"


def test_what_the_pins_pull_in_is_pinned_and_installed():
    """Everything that follows from the pins here, but what CUDA's build of PyTorch brings."""
    pinned = {canonicalize_name(r.name): str(r.specifier) for r in PINS + CONSTRAINTS}
    assert len(pinned) == len(PINS + CONSTRAINTS)  # none twice
    todo, seen = [(r.name, r.extras) for r in PINS if r.name != "mxnet"], set()
    while todo:
        name, extras = todo.pop()
        for text in importlib.metadata.requires(name) or []:
            needed = Requirement(text)
            wanted = [{"extra": extra} for extra in extras or [""]]
            if needed.marker is None or any(map(needed.marker.evaluate, wanted)):
                key = canonicalize_name(needed.name), tuple(needed.extras)
                todo += [key] * (key not in seen)
                seen.add(key)
    names = {name for name, _ in seen}
    lacking = {n for n in names - pinned.keys() if not re.match("nvidia-|cuda-|triton$", n)}
    assert len(names) > 100 and not lacking
    for name in names & pinned.keys():
        assert pinned[name] == f"=={version(name)}", name


def test_colabs_versions_are_pinned_and_its_tools_are_those_of_the_first_lane():
    assert all(re.fullmatch(r"==[\w.]+", str(requirement.specifier)) for requirement in COLAB)
    names = {canonicalize_name(requirement.name) for requirement in COLAB}
    packages = [course.COMMON_MODULES, *course.MODULES.values()]
    needed = {name.split()[-1].partition("==")[0] for part in packages for name in part.values()}
    assert needed - {"mxnet"} <= names
    tools = {"papermill", "pytest", "pytest-xdist", "nbval", "ipywidgets"}
    assert {str(r) for r in COLAB if r.name in tools} == {str(r) for r in PINS if r.name in tools}


PLATFORMS = {
    ("linux", "x86_64"): set(),
    ("linux", "aarch64"): set(),
    ("darwin", "arm64"): {"mxnet"},
    ("darwin", "x86_64"): {"torch", "tensorflow", "jax", "flax", "optax"},
    ("win32", "AMD64"): {"mxnet"},
}


@pytest.mark.parametrize("platform", PLATFORMS, ids=" ".join)
def test_what_has_no_wheel_is_left_out(platform):
    system = dict(zip(("sys_platform", "platform_machine"), platform, strict=True))
    kept = set()
    for file in ("requirements.txt", "requirements-mxnet.txt"):
        for line in (ROOT / file).read_text("utf-8").splitlines():
            requirement = Requirement(line) if line and line[0] != "#" else None
            if requirement and (not requirement.marker or requirement.marker.evaluate(system)):
                kept.add(requirement.name)
    modules = {m for part in course.MODULES.values() for m in part}
    assert modules - kept == PLATFORMS[platform]
    assert {"numpy", "matplotlib", "pytest"} <= kept


def test_what_notebooks_import_is_required():
    modules = [course.COMMON_MODULES, *course.MODULES.values()]
    names = {name.split()[-1].partition("==")[0] for part in modules for name in part.values()}
    assert names <= {pin.name for pin in PINS}


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


# Python starts with this, and then does not find the modules that WITHOUT names.
SITECUSTOMIZE = """
import os, sys

class Finder:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, *more):
        hidden = name.partition(".")[0] in os.environ["WITHOUT"].split()
        return None if hidden else self.finder.find_spec(name, *more)

sys.meta_path[:] = map(Finder, sys.meta_path)
"""


@pytest.fixture
def without(tmp_path):
    """Environment in which Python does not find modules."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return lambda names: {"PYTHONPATH": str(tmp_path), "WITHOUT": names}


def test_a_missing_framework_skips_its_notebooks_with_a_sentence_each(without):
    lesson = course.lessons()[0]
    done = pytest_here(lesson.path, "-k", "mxnet_ or jax_", "-v", **without("mxnet optax"))
    assert done.returncode == 0, done.stdout + done.stderr
    for framework, module in (("MXNet", "mxnet"), ("JAX", "optax")):
        reason = f"not installed here: {framework} (no module '{module}')"
        [line] = [line for line in done.stdout.splitlines() if line.endswith(reason)]
        assert re.match(r"SKIPPED \[1\] conftest.py:\d+: not", line)
    assert "2 skipped" in done.stdout and "passed" not in done.stdout


def test_the_other_frameworks_do_not_need_it(without):
    lesson = course.lessons()[0]
    done = pytest_here("--collect-only", lesson.path, "-k", "pytorch_", **without("mxnet"))
    assert done.returncode == 0 and f"{lesson.notebook('pytorch')}::Cell 0" in done.stdout
    test = "tests/test_environment.py::test_frameworks_can_be_imported"
    done = pytest_here(test, "-k", "mxnet or jax", **without("mxnet"))
    assert done.returncode == 0 and "1 passed, 1 skipped" in done.stdout
    assert "not installed here: MXNet (no module 'mxnet')" in done.stdout


@pytest.mark.parametrize("module", ["numpy", "nbval", "xdist"])
def test_anything_else_that_is_missing_is_one_sentence(without, module):
    done = pytest_here("tests/test_lint.py", **without(module))
    if module != "numpy":  # pytest itself loads its plugins, if they are installed
        command = [sys.executable, "-c", "import conftest"]
        own = os.environ | without(module)
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.strip() == (
        f"Not installed here: {module}. Run `make test`, which makes the environment."
    )


def test_make_names_what_there_is_not(without):
    command = [sys.executable, "-m", "tools.course"]
    own = os.environ | without("mxnet")
    said = subprocess.check_output(command, cwd=ROOT, env=own, text=True)
    assert said == (
        "Not installed, since there is none for this machine: MXNet (no module 'mxnet'). "
        "Its notebooks are skipped.\n"
    )
    assert subprocess.check_output(command, cwd=ROOT, env=own | {"WITHOUT": ""}) == b""


# -------------------------------------------------------------------------------------- pytest


def test_kernels_inherit_one_thread_and_no_progress_bars():
    assert course.KERNEL_ENV["OMP_NUM_THREADS"] == "1" and course.KERNEL_ENV["TQDM_DISABLE"] == "1"
    assert course.KERNEL_ENV.items() <= os.environ.items()


def test_a_kernel_that_dies_is_noticed_here_too():
    # what then happens is tested in the Colab lane, which has the same plugin
    assert RunningKernel.get_message.__module__ == "tools.nbval_hooks"


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
  "-m venv "*)
    mkdir -p $3/bin && touch $3/pyvenv.cfg
    for name in python jupyter ruff; do cp $0 $3/bin/$name; done ;;
  tools/python_version.py)
    exec REAL -c "import sys; sys.version_info = VERSION, 0; exec(open('$1').read())" ;;
  *"pip install"*)
    echo "$PIP_USER,$PIP_TARGET,$PIP_PREFIX,$PIP_ROOT,$PIP_INDEX_URL" > settings
    test ! -e offline ;;
  "-m tools.changed nowhere") echo "no such base" >&2; exit 1 ;;
  "-m tools.changed "*) echo 01_intro/01_linear_regression 02_optimizers/07_adam ;;
esac
"""
INSTALLING = [
    "fake tools/python_version.py",
    "fake -m venv .venv",
    "python -m pip install --quiet --requirement requirements.txt --constraint constraints.txt",
    "python -m pip install --quiet --no-deps --requirement requirements-mxnet.txt",
    "python -m pip install --quiet --no-deps --editable .",
    "python -m tools.course",
]
INSTALLING_COLAB = [
    "fake -c import sys; sys.exit(sys.version_info[:2] != (3, 13))",
    "fake -m venv .venv-colab",
    "python -m pip install --quiet --requirement requirements-colab.txt",
    "python -m pip install --quiet --no-deps --requirement requirements-mxnet.txt",
]
CHANGED = "01_intro/01_linear_regression 02_optimizers/07_adam"
WORK = {
    "lab": ["jupyter lab --LabApp.default_url=/lab/tree/README.md"],
    "test": ["python -m pytest"],
    "quick": ["python -m tools.changed HEAD", f"python -m pytest tests {CHANGED}"],
    "full": ["python -m pytest -m full"],
    "notebooks": ["python -m tools.build --jobs 2"],
    "check": ["ruff check .", "python -m tools.build --check"],
}


@pytest.fixture
def make(tmp_path):
    """Run make in a copy of what it reads; returns the process, and what was run in it."""
    folder = tmp_path / "Ada's course"
    (folder / "tools").mkdir(parents=True)
    for file in ("Makefile", "pyproject.toml", *ROOT.glob("*.txt"), *ROOT.glob("tools/*.json")):
        shutil.copy(ROOT / file, folder / (ROOT / file).relative_to(ROOT))
    shutil.copy(VERSION_CHECK, folder / "tools")

    def run(*arguments, python="./fake", version="3, 12", folder=folder, **environment):
        fake = folder / "fake"
        fake.write_text(FAKE.replace("REAL", sys.executable).replace("VERSION", version))
        fake.chmod(0o755)
        (folder / "log").write_text("")
        # an outer make, which may run these tests, is not to be heard of
        outer = ("PYTHON", "ARGS", "BASE", *(name for name in os.environ if name[:4] == "MAKE"))
        own = {name: value for name, value in os.environ.items() if name not in outer}
        command = ["make", f"PYTHON={python}", f"PYTHON_COLAB={python}", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=own | environment, capture_output=True, text=True
        )
        return done, (folder / "log").read_text().splitlines()

    run.folder = folder
    return run


@pytest.mark.parametrize("target", WORK)
def test_make_installs_once_and_then_only_works(make, target):
    done, log = make(target)
    assert (done.returncode, done.stderr) == (0, "")
    assert log == INSTALLING + WORK[target]
    done, log = make(target, python="gone-by-now")
    assert (done.returncode, log) == (0, WORK[target])


def test_jupyterlab_shows_markdown_rendered(make):
    make("lab")
    overrides = json.loads((ROOT / "tools/jupyterlab.json").read_text("utf-8"))
    there = make.folder / ".venv/share/jupyter/lab/settings/overrides.json"
    assert json.loads(there.read_text("utf-8")) == overrides
    for plugin, settings in overrides.items():  # names that the JupyterLab installed here has
        extension, _, name = plugin.partition(":")
        schemas = Path(sys.prefix, "share/jupyter/lab/schemas")
        schema = json.loads((schemas / extension / f"{name}.json").read_text("utf-8"))
        assert settings.keys() <= schema["properties"].keys()


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
    _, log = make("quick", "BASE=v1.0", "ARGS=-x")
    assert log == ["python -m tools.changed v1.0", f"python -m pytest tests {CHANGED} -x"]


def test_make_quick_does_nothing_when_there_is_no_base(make):
    make("test")
    done, log = make("quick", "BASE=nowhere")
    assert done.returncode != 0 and log == ["python -m tools.changed nowhere"]


def test_make_colab_has_an_environment_of_its_own(make):
    done, log = make("colab", "ARGS=06_cnn -k jax_")
    assert done.returncode == 0 and "8 GB" in done.stdout
    assert log == [*INSTALLING_COLAB, "python -m tools.colab 06_cnn -k jax_"]
    done, log = make("colab")
    assert (done.returncode, log) == (0, ["python -m tools.colab"])
    assert not (make.folder / ".venv").exists()


@pytest.mark.parametrize("environment", [".venv", ".venv-colab"])
def test_a_copy_of_the_course_gets_an_environment_of_its_own(make, environment):
    target, steps = ("test", INSTALLING) if environment == ".venv" else ("colab", INSTALLING_COLAB)
    make(target)
    (make.folder / environment / "of the first folder").touch()
    copy = make.folder.with_name("a copy")
    shutil.copytree(make.folder, copy)
    done, log = make(target, folder=copy)
    assert done.returncode == 0 and log[: len(steps)] == steps
    assert "The environment was made for another folder: it is made anew." in done.stdout
    assert not (copy / environment / "of the first folder").exists()
    done, log = make(target, folder=copy)
    assert len(log) == 1 and "anew" not in done.stdout
    done, log = make(target)  # nor is the original disturbed
    assert len(log) == 1 and (make.folder / environment / "of the first folder").exists()


def test_pip_installs_here_whatever_the_users_settings_say(make):
    elsewhere = {name: "/elsewhere" for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")}
    make("test", PIP_USER="1", PIP_INDEX_URL="https://index.example.org", **elsewhere)
    assert (make.folder / "settings").read_text() == "0,,,,https://index.example.org\n"


def test_what_make_exports_is_stronger_than_a_file_of_settings(tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n")
    ask = "from pip._internal.commands import create_command as create; "
    ask += "print(create('install').parser.get_default_values().use_user_site)"
    file = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    for own, user in ((file, b"1\n"), (file | {"PIP_USER": "0"}, b"0\n")):
        bare = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        assert subprocess.check_output([sys.executable, "-c", ask], env=bare | own) == user


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


def test_make_clean_removes_what_make_made_and_nothing_else(make):
    make("test")
    make("colab")
    theirs = """my/thesis.txt
        my notes/__pycache__/mine.pyc
        it's mine/__pycache__/mine.pyc
        01_intro/01_linear_regression/lesson.md
        01_intro/01_linear_regression copy/.ipynb_checkpoints/jax-checkpoint.ipynb
        build/a model
        other.egg-info/PKG-INFO
        shared/data/text.py"""
    ours = """tools/__pycache__/x.pyc
        shared/__pycache__/x.pyc
        shared/data/__pycache__/x.pyc
        tests/__pycache__/x.pyc
        __pycache__/conftest.pyc
        .ruff_cache/x
        .pytest_cache/x
        deep_learning_four_ways.egg-info/PKG-INFO"""
    theirs, ours = (
        [make.folder / line.strip() for line in names.splitlines()] for names in (theirs, ours)
    )
    for file in theirs + ours:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    done, _ = make("clean")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(file.exists() for file in theirs)
    assert not any(file.parent.exists() for file in ours if file.parent.name[0] in "._")
    assert not {".venv", ".venv-colab", ours[-1].parent.name} & set(os.listdir(make.folder))


def test_the_head_of_the_makefile_lists_its_targets():
    text = (ROOT / "Makefile").read_text("utf-8")
    listed = re.findall(r"^# make (\w+) ", text, re.M)
    assert listed == ["lab", "test", "quick", "full", "colab", "notebooks", "check", "clean"]
    assert set(re.findall(r"^(\w+):(?!=)", text, re.M)) == set(listed)
    assert text.split(".PHONY:")[1].splitlines()[0].split() == [*listed, "FORCE"]


# -------------------------------------------------------------------------- workflows, line ends


@pytest.mark.parametrize("name", ["test", "newest"])
def test_workflows_are_frugal_and_give_nothing_away(name):
    workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    assert workflow["env"] == {"PIP_EXTRA_INDEX_URL": "${{ vars.PIP_EXTRA_INDEX_URL }}"}
    for job in workflow["jobs"].values():
        [checkout] = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert checkout["with"] == {"persist-credentials": False} and job["timeout-minutes"]


def test_workflows_run_all_that_there_is():
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))["jobs"]
    matrix = {name: job["strategy"]["matrix"] for name, job in jobs.items()}
    assert matrix["test"] == {
        "part": ["tests", *course.FRAMEWORKS],
        "python": ["3.11", "3.12", "3.13"],
    }
    assert matrix["colab"] == {"framework": [*course.FRAMEWORKS]}
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert 'make test ARGS="[0-9][0-9]_* -k ${{ matrix.part }}_"' in commands
    assert 'make colab ARGS="-k ${{ matrix.framework }}_"' in commands


def test_a_shell_can_read_its_files_in_a_clone_with_line_ends_of_windows(tmp_path):
    files = ("Makefile", ".ci/run", ".gitattributes", "conftest.py")
    for name in files:
        (tmp_path / "one" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "one" / name)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", tmp_path]
    for command in (
        ["init", "--quiet", "one"],
        ["-C", "one", "add", "."],
        ["-C", "one", "commit", "--quiet", "--message", "first"],
        ["clone", "--quiet", "--config", "core.autocrlf=true", "one", "two"],
    ):
        subprocess.run([*git, *command], check=True)
    windows = {name for name in files if b"\r" in (tmp_path / "two" / name).read_bytes()}
    assert windows == {".gitattributes", "conftest.py"}
    done = subprocess.run(
        [tmp_path / "two/.ci/run"], env=os.environ | {"PYTHON": "python3.99"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert "No rule to make target 'requirements.txt'" in done.stderr  # bash and make read theirs


# -------------------------------------------------------------------------------- changed lessons


def test_changed_lessons(tmp_path):
    for name in ("01_intro/01_a", "01_intro/02_b", "01_intro/03_c", "01_intro/04_d"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "lesson.md").write_text("# Title\n")
    git = ["git", "-C", tmp_path, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "first"], check=True)
    assert changed("HEAD", tmp_path) == []
    (tmp_path / "01_intro/02_b/lesson.md").write_text("# Another\n")
    (tmp_path / "01_intro/04_d/jax_d.ipynb").write_text("{}")
    (tmp_path / "README.md").write_text("new")
    assert changed("HEAD", tmp_path) == ["01_intro/02_b", "01_intro/04_d"]
    with pytest.raises(course.CourseError, match="git knows no 'nowhere' to compare with"):
        changed("nowhere", tmp_path)
