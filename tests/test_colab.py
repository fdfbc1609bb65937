"""The set-up cell, run as in Colab: a stand-in `google.colab`, a home folder of its own, a local
repository at the published address, and a pip that only writes down what it is asked for. And the
lane that runs whole notebooks so."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import nbformat
import pytest

from tools import colab as lane
from tools import course, render
from tools.course import FRAMEWORKS

ROOT = Path(__file__).parents[1]
FOLDER = ".deep-learning-four-ways"
PIP_INSTALL = ["install", "-q", "--root-user-action=ignore"]
CUDA = """
    mxnet-cu117==1.9.1 nvidia-cuda-runtime-cu11==11.7.99 nvidia-cublas-cu11==11.10.3.66
    nvidia-cudnn-cu11==8.5.0.96 nvidia-cufft-cu11==10.9.0.58 nvidia-curand-cu11==10.2.10.91
    nvidia-cusolver-cu11==11.4.0.1 nvidia-cusparse-cu11==11.7.4.91 nvidia-nccl-cu11==2.14.3
    nvidia-cuda-nvrtc-cu11==11.7.99 nvidia-nvtx-cu11==11.7.91
""".split()

# Python starts with this: what HIDDEN names is found in the folders of the test only.
SITECUSTOMIZE = """
import os, sys

class Finder:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        spec = self.finder.find_spec(name, path, target)
        places = [spec.origin or "", *(spec.submodule_search_locations or [])] if spec else []
        own = any(place.startswith(os.environ["OWN"]) for place in places)
        hidden = name.partition(".")[0] in os.environ["HIDDEN"].split()
        return spec if own or not hidden else None

sys.meta_path[:] = map(Finder, sys.meta_path)
"""

# `python -m pip` is this: it writes its arguments down and makes empty modules.
PIP = """
import json, os, pathlib, sys

home = pathlib.Path(os.environ["HOME"])
with open(home / "pip.log", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
modules = {"scikit-learn": "sklearn", "mxnet-cu117": "mxnet"}
target = home / "installed"
if "--target" in sys.argv:
    target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
for name in (argument.partition("==")[0] for argument in sys.argv[2:]):
    if os.environ.get("PIP_STOPS_AT") in (name, "all"):
        sys.exit(1)
    module = target / modules.get(name, name)
    if not name.startswith(("-", "/")):
        module.mkdir(parents=True, exist_ok=True)
        (module / "__init__.py").touch()
"""

# TensorFlow greets from C++, past sys.stderr.
TENSORFLOW = """
import os

assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
os.write(2, b"a greeting in red")
"""

# The cell twice in a row, in one process; then where modules are found.
RUN = """
import importlib, json, os, sys
if "IMPORTED_BEFORE" in os.environ:
    importlib.import_module(os.environ["IMPORTED_BEFORE"])
for _ in range(2):
    exec(compile(open("cell.py").read(), "cell.py", "exec"), {"__name__": "__main__"})
found = {name: importlib.util.find_spec(name).origin for name in sys.argv[1:]}
print(json.dumps(found | {"level": os.environ.get("TF_CPP_MIN_LOG_LEVEL")}))
"""

# Gits of earlier years: one that clones only as a whole; Colab's 2.34, which selects by patterns.
GIT = subprocess.check_output(["which", "git"], text=True).strip()
OLD_GIT = f"""#!/bin/sh
for argument do
  case $argument in
    --filter=* | --sparse | sparse-checkout) echo "error: what is $argument?" >&2; exit 129 ;;
  esac
done
exec {GIT} "$@"
"""
COLABS_GIT = f"""#!/bin/sh
if [ "$3" = sparse-checkout ]; then exec {GIT} "$1" "$2" "$3" "$4" --no-cone "$5"; fi
exec {GIT} "$@"
"""
GPU = "#!/bin/sh\nexit 0\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with the working tree's `shared`, and a file at its root."""
    folder = tmp_path_factory.mktemp("published")
    lane.publish(folder)
    return folder


@pytest.fixture
def machine(tmp_path, repository):
    """Run the set-up cell of a framework in a fresh process: see `run`."""
    home, work = tmp_path / "Ada O'Brien & $HOME", tmp_path / "content"

    def write(file, text=""):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    write(tmp_path / "stand_ins/sitecustomize.py", SITECUSTOMIZE)
    write(tmp_path / "stand_ins/pip/__init__.py")
    write(tmp_path / "stand_ins/pip/__main__.py", PIP)
    write(tmp_path / "framework/tensorflow/__init__.py", TENSORFLOW)
    write(tmp_path / "colab/google/colab/__init__.py")
    write(home / "installed/readme")
    write(work / "run.py", RUN)

    def run(framework, in_colab=True, hidden=("shared",), find=("shared",), **more):
        """The finished process, what its last line says, and the calls of pip so far.

        hidden: modules that are not installed; find: modules to be located. More: `online`,
        `edit` (old and new text), `git` and `gpu` (programs), and variables of the environment.
        """
        (work / "cell.py").write_text(render.setup(framework).replace(*more.pop("edit", ("", ""))))
        for name in ("git", "nvidia-smi"):
            (tmp_path / "bin" / name).unlink(missing_ok=True)
            if program := more.pop(name.partition("-")[0], None):
                write(tmp_path / "bin" / name, program).chmod(0o755)
        path = [tmp_path / "stand_ins", home / "installed", *[tmp_path / "colab"] * in_colab]
        path += [tmp_path / "framework"] * ("tensorflow" not in hidden)
        source = f"file://{repository}" if more.pop("online", True) else f"file://{tmp_path}/none"
        environment = os.environ | lane.instead(source) | {
            "HOME": str(home),
            "OWN": str(tmp_path),
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "HIDDEN": " ".join(hidden),
            **more,
        }  # fmt: skip
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        command = [sys.executable, "run.py", *find]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
        log = home / "pip.log"
        calls = log.read_text().splitlines() if log.exists() else []
        said = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
        return done, said, [json.loads(call) for call in calls]

    run.home, run.clone, run.work, run.write = home, home / FOLDER, work, write
    return run


def one_sentence(process):
    """What a process that ended with an error said, which must not be a traceback."""
    assert process.returncode == 1 and "Traceback" not in process.stderr
    return process.stderr.splitlines()[-1]


# --------------------------------------------------------------------------- the package `shared`


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_shared_is_fetched_once_and_nothing_else_happens(machine, framework):
    for online in (True, False):  # the second process must not need the network
        done, said, pip = machine(framework, online=online)
        assert (done.returncode, done.stderr, pip) == (0, "", [])
        assert len(done.stdout.splitlines()) == 1
        assert said["shared"] == str(machine.clone / "shared/__init__.py")
    assert {path.name for path in machine.clone.iterdir() if path.is_dir()} == {".git", "shared"}
    assert {path.name for path in machine.home.iterdir()} == {FOLDER, "installed"}
    count = ["git", "-C", machine.clone, "rev-list", "--count", "HEAD"]
    assert subprocess.check_output(count) == b"1\n"


@pytest.mark.parametrize("git", [None, COLABS_GIT, OLD_GIT])
def test_all_of_shared_is_fetched_by_every_git(machine, git):
    done, said, pip = machine("pytorch", git=git)
    assert (done.returncode, done.stderr, pip) == (0, "", [])
    own = [p for p in ROOT.glob("shared/**/*") if p.is_file() and p.suffix != ".pyc"]
    for file in own:
        assert (machine.clone / file.relative_to(ROOT)).read_bytes() == file.read_bytes()
    assert len(own) > 5


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_failed_fetch_is_one_sentence_and_is_taken_up_again(machine, framework):
    done, _, pip = machine(framework, online=False)
    address = f"https://github.com/{course.REPOSITORY}"
    said = one_sentence(done)
    assert said.startswith(f"{address} could not be fetched: is this runtime online? fatal: '")
    assert said.endswith("' does not appear to be a git repository")  # git's reason
    assert pip == [] and not machine.clone.exists()
    machine.write(machine.home / f"{FOLDER}.part/shared/check.py")  # a runtime stopped halfway
    done, said, pip = machine(framework, find=["shared.check"])
    assert (done.returncode, done.stderr, pip) == (0, "", [])
    assert said["shared.check"].startswith(str(machine.clone))
    assert {path.name for path in machine.home.iterdir()} == {FOLDER, "installed"}


def test_a_damaged_clone_is_fetched_again(machine):
    machine.write(machine.clone / "shared/__init__.py")
    machine.write(machine.clone / "README.md", "all that is left")
    done, said, pip = machine("jax", find=["shared.check"])
    assert (done.returncode, done.stderr, pip) == (0, "", [])
    assert said["shared.check"] == str(machine.clone / "shared/check.py")


STRANGERS = {
    "a folder": "shared/notes.txt",
    "a package": "shared/__init__.py",
    "a package with our names": "shared/check.py",
    "a module": "shared.py",
}


@pytest.mark.parametrize("file", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("place", ["content", "colab"])  # the working directory, and another
def test_in_colab_another_shared_is_neither_taken_for_ours_nor_hides_it(machine, file, place):
    folder = machine.write(machine.work.parent / place / file).parent
    if file.endswith("check.py"):
        (folder / "__init__.py").touch()
    done, said, pip = machine("jax", find=["shared", "shared.check"])
    assert (done.returncode, done.stderr, pip) == (0, "", [])
    assert said["shared"] == str(machine.clone / "shared/__init__.py")
    assert said["shared.check"] == str(machine.clone / "shared/check.py")


@pytest.mark.parametrize("in_colab", [True, False])
def test_another_shared_that_cannot_be_passed_by_is_named(machine, in_colab):
    file = machine.write(machine.work / "shared/__init__.py")
    done, *_ = machine("jax", in_colab=in_colab, IMPORTED_BEFORE="shared")
    assert one_sentence(done) == (
        f"Another `shared`, {file}, hides the course's package of that name: rename it, restart "
        "the kernel, and run this cell first."
    )
    file.unlink()
    if not in_colab:
        done, *_ = machine("jax", in_colab=False)
        assert one_sentence(done).startswith(f"Another `shared`, {file.parent}, hides ")


# ------------------------------------------------------------------------------- what is missing


@pytest.mark.parametrize(
    ("framework", "hidden", "asked"),
    [
        ("mxnet", ["mxnet"], [["--no-deps", "mxnet==1.9.1"]]),
        ("mxnet", ["mxnet", "sklearn"], [["scikit-learn"], ["--no-deps", "mxnet==1.9.1"]]),
        ("pytorch", ["torch", "pooch"], [["pooch"], ["torch"]]),
        ("tensorflow", ["tensorflow"], [["tensorflow"]]),
        ("jax", ["jax", "flax", "optax"], [["jax"], ["flax"], ["optax"]]),
    ],
)
def test_what_is_missing_is_installed_with_pins_for_the_rest(machine, framework, hidden, asked):
    for first in (True, False):  # and not once more in a second process
        done, said, pip = machine(framework, hidden=["shared", *hidden], find=hidden)
        assert (done.returncode, done.stderr) == (0, "")
        lines = [f"Installing {name}{' (49 MB)' * (name == 'mxnet')} …" for name in hidden]
        assert sorted(done.stdout.splitlines()[:-1]) == sorted(lines) * first
        pins = machine.clone / "pins.txt"
        assert pip == [[*PIP_INSTALL, "-c", str(pins), *what] for what in asked]
        for name in hidden:
            assert said[name] == str(machine.home / "installed" / name / "__init__.py")
    installed = {f"{d.name}=={d.version}" for d in metadata.distributions()}
    assert set(pins.read_text().splitlines()) == installed


def test_pip_is_never_asked_for_shared(machine):
    done, _, pip = machine("jax", hidden=["shared", "flax"], online=False)
    assert done.returncode == 1 and pip == []
    done, _, pip = machine("jax", hidden=["shared", "flax"])
    assert done.returncode == 0 and "shared" not in sum(pip, [])


def test_pins_are_what_is_imported_in_versions_that_pip_can_read(machine):
    def distribution(folder, name, version):
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        machine.write(folder / f"{name}-{version}.dist-info/METADATA", text)

    first, then = machine.home / "installed", machine.work.parent / "colab"
    distribution(first, "distro-info", "1.1build1")  # Debian's way
    distribution(first, "local", "2.5+cu126")
    distribution(first, "twice", "2.0rc1")
    distribution(then, "twice", "1.0")
    done, *_ = machine("jax", hidden=["shared", "flax"])
    assert (done.returncode, done.stderr) == (0, "")
    pins = (machine.clone / "pins.txt").read_text().splitlines()
    own = {pin for pin in pins if pin.startswith(("distro-info", "local", "twice"))}
    assert own == {"local==2.5+cu126", "twice==2.0rc1"}
    assert f"numpy=={metadata.version('numpy')}" in pins


def test_a_failed_installation_is_one_sentence(machine):
    hidden = ["shared", "flax", "optax"]
    done, *_ = machine("jax", hidden=hidden, PIP_STOPS_AT="all")
    assert one_sentence(done).startswith("Not installed: flax, optax. ")
    assert "restart the runtime" in one_sentence(done)
    done, _, pip = machine("jax", hidden=hidden, find=["optax"])
    assert done.returncode == 0 and len(pip) == 4


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_elsewhere_the_cell_names_what_is_missing_and_touches_nothing(machine, framework):
    modules = list(course.MODULES[framework])
    done, *_ = machine(framework, in_colab=False, hidden=["shared", *modules])
    message = one_sentence(done)
    assert message.startswith(f"Not installed: shared, {', '.join(modules)}. ")
    assert "`make lab`" in message
    done, _, pip = machine(framework, in_colab=False, hidden=[])  # where everything is there
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)
    assert pip == [] and [path.name for path in machine.home.iterdir()] == ["installed"]


@pytest.mark.parametrize("in_colab", [True, False])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_tensorflow_logs_nothing_and_the_others_have_no_word_of_it(machine, framework, in_colab):
    _, said, _ = machine(framework, in_colab=in_colab, hidden=[])
    assert said["level"] == ("3" if framework == "tensorflow" else None)
    assert ("TF_CPP" in render.setup(framework)) == (framework == "tensorflow")


# ------------------------------------------------------------------------------ MXNet for a GPU


TICKED = ("MXNET_CUDA = False", "MXNET_CUDA = True")


@pytest.mark.parametrize("hidden", [["shared"], ["shared", "mxnet"]])
def test_mxnet_for_a_gpu_goes_into_a_folder_of_its_own(machine, hidden):
    cuda = machine.home / ".mxnet-cuda"
    part = cuda.with_name(".mxnet-cuda.part")
    for first in (True, False):
        done, said, pip = machine("mxnet", hidden=hidden, edit=TICKED, find=["mxnet"], nvidia=GPU)
        assert (done.returncode, done.stderr) == (0, "")
        assert ("2 GB, two to three minutes" in done.stdout) == first
        [call] = pip
        assert call[:7] == [*PIP_INSTALL, "--no-deps", "--target", str(part), CUDA[0]]
        assert sorted(call[7:]) == sorted(CUDA[1:])
        assert said["mxnet"] == str(cuda / "mxnet/__init__.py")
        assert not part.exists()


def test_an_installation_for_a_gpu_that_stopped_is_taken_up_again(machine):
    asked = {"edit": TICKED, "nvidia": GPU, "find": ["mxnet"]}
    done, *_ = machine("mxnet", **asked, PIP_STOPS_AT="nvidia-cudnn-cu11")
    assert one_sentence(done) == ("MXNet for the GPU could not be installed: run this cell again.")
    assert not (machine.home / ".mxnet-cuda").exists()
    done, said, pip = machine("mxnet", **asked)
    assert done.returncode == 0 and len(pip) == 2
    assert said["mxnet"].startswith(f"{machine.home}/.mxnet-cuda/")


@pytest.mark.parametrize("nvidia", [None, "#!/bin/sh\nexit 9\n"])
def test_without_a_gpu_mxnet_for_one_is_refused(machine, nvidia):
    done, _, pip = machine("mxnet", edit=TICKED, nvidia=nvidia, PATH="/usr/bin:/bin")
    assert one_sentence(done) == (
        "This runtime has no GPU: choose a GPU runtime or untick MXNET_CUDA."
    )
    assert pip == []


def test_mxnet_for_a_gpu_is_for_colab_and_for_mxnet_only(machine):
    done, _, pip = machine("mxnet", in_colab=False, hidden=[], edit=TICKED)
    assert (done.returncode, pip) == (0, [])
    assert '\nMXNET_CUDA = False  # @param {type: "boolean"}\n' in render.setup("mxnet")
    for framework in ("pytorch", "tensorflow", "jax"):
        assert "CUDA" not in render.setup(framework) and "nvidia" not in render.setup(framework)


# ------------------------------------------------------------------------------------- its text


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_cell_is_short_and_complete(framework):
    cell = render.setup(framework)
    assert len(cell.splitlines()) <= (110 if framework == "mxnet" else 90)
    assert max(map(len, cell.splitlines())) <= 100
    words = ("ADDRESS", "BRANCH", "\n\n\n\n", "shell=", "rm -rf", '"shared": ')
    assert not any(word in cell for word in words)
    tree = ast.parse(cell, feature_version=(3, 11))
    [needed] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "needed"
    ]
    assert needed == course.COMMON_MODULES | course.MODULES[framework]


# --------------------------------------------------------------------------------- the Colab lane


GOOD = """
import os
from pathlib import Path

from shared import check

home = Path.home()
assert Path(check.__file__) == home / ".deep-learning-four-ways/shared/check.py", check.__file__
assert [path.name for path in home.iterdir() if path.name[1:] not in ("ipython", "cache")] == [
    ".deep-learning-four-ways"
]
assert not {"TF_CPP_MIN_LOG_LEVEL", "TQDM_DISABLE", "PYTEST_CURRENT_TEST"} & os.environ.keys()
assert os.environ["OMP_NUM_THREADS"] == "1" and not (Path.cwd() / "../../shared").exists()
"""
LESSONS = {
    "good": [GOOD],
    "bad": ["print(1)", "assert 1 > 2, 'one is less'", "undefined", "raise SystemExit('enough')"],
    "red": ["import warnings\nwarnings.warn('careful')", "print('and on')"],
    "late": ["import os, threading\nthreading.Timer(0.2, os.write, (2, b'from C++')).start()"],
    "dead": ["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "1", "2"],
}


def test_the_lane_runs_notebooks_as_colab_does(tmp_path):
    (tmp_path / "shared").symlink_to(ROOT / "shared")
    for name, cells in LESSONS.items():
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(c) for c in [render.setup("jax"), *cells]]
        folder = tmp_path / "01_intro" / f"01_{name}"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"jax_{name}.ipynb")
    call = "import sys; from pathlib import Path; from tools import colab; "
    call += f"sys.exit(colab.run(['01_intro'], ['-n', '2'], Path({str(tmp_path)!r})))"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1
    summary = done.stdout.partition("= notebooks, as in Colab =")[2]
    summary = re.sub(r", \d+ s$|/tmp/\S+ ", "", summary, flags=re.M).splitlines()[1:]
    assert summary[:-1] == [
        "FAILED 01_intro/01_bad/jax_bad.ipynb, 5 cells",
        "       cell 2: AssertionError: one is less",
        "       cell 3: NameError: name 'undefined' is not defined",
        "       cell 4: SystemExit: enough",
        "FAILED 01_intro/01_dead/jax_dead.ipynb, 4 cells",
        "       cell 1: the kernel died, status -9 (out of memory?)",
        "passed 01_intro/01_good/jax_good.ipynb, 2 cells",
        "FAILED 01_intro/01_late/jax_late.ipynb, 2 cells",
        "       cell 1: it writes in red from C++",
        "FAILED 01_intro/01_red/jax_red.ipynb, 3 cells",
        "       cell 1: it writes in red UserWarning: careful warnings.warn('careful')",
        "1 of 5 notebooks passed",
    ]
    # a notebook ends when its kernel does: nothing waited for the 120 seconds of a cell
    assert summary[-1].startswith("6 failed, 8 passed, 2 xfailed in ")


def test_the_lane_names_a_path_without_notebooks():
    with pytest.raises(course.CourseError, match="no notebook here: 01_intro/99_nothing"):
        lane.run(["01_intro/99_nothing"])
