"""The set-up cell, run as in Colab: a stand-in `google.colab`, a home folder of its own, a local
repository at the published address, and a pip that only writes down what it is asked for."""

import ast
import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tools import build, course
from tools.course import FRAMEWORKS

ROOT = Path(__file__).parents[1]
FOLDER = ".deep-learning-four-ways"
CUDA = """
    mxnet-cu117==1.9.1 nvidia-cuda-runtime-cu11==11.7.99 nvidia-cublas-cu11==11.10.3.66
    nvidia-cudnn-cu11==8.5.0.96 nvidia-cufft-cu11==10.9.0.58 nvidia-curand-cu11==10.2.10.91
    nvidia-cusolver-cu11==11.4.0.1 nvidia-cusparse-cu11==11.7.4.91 nvidia-nccl-cu11==2.14.3
    nvidia-cuda-nvrtc-cu11==11.7.99 nvidia-nvtx-cu11==11.7.91
""".split()

# Python starts with this: it finds neither `shared` nor what HIDDEN names, unless under HOME.
SITECUSTOMIZE = """
import os, sys

class Finder:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        spec = self.finder.find_spec(name, path, target)
        hidden = name.partition(".")[0] in os.environ["HIDDEN"].split()
        home = spec and str(spec.origin).startswith(os.environ["HOME"])
        return spec if home or not hidden else None

sys.meta_path[:] = map(Finder, sys.meta_path)
"""

# `python -m pip` is this: it writes its arguments down and makes empty modules.
PIP = """
import json, os, pathlib, sys

home = pathlib.Path(os.environ["HOME"])
with open(home / "pip.log", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if "PIP_FAILS" in os.environ:
    sys.exit(1)
modules = {"scikit-learn": "sklearn", "mxnet-cu117": "mxnet"}
target = home / "installed"
if "--target" in sys.argv:
    target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
for name in (argument.partition("==")[0] for argument in sys.argv[2:]):
    module = target / modules.get(name, name)
    if not name.startswith(("-", "/")):
        module.mkdir(parents=True, exist_ok=True)
        (module / "__init__.py").touch()
"""

RUN = """
import importlib, json, sys
for _ in range(2):  # twice in a row in one process
    exec(compile(open("cell.py").read(), "cell.py", "exec"), {"__name__": "__main__"})
print(json.dumps({name: importlib.util.find_spec(name).origin for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with the working tree's `shared` and `tools`, and a file at its root."""
    folder = tmp_path_factory.mktemp("published")
    for name in ("shared", "tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    (folder / "README.md").write_text("# The course\n")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch", course.BRANCH],
        ["config", "uploadpack.allowFilter", "true"],
        ["config", "uploadpack.allowAnySHA1InWant", "true"],
        ["add", "."],
        [*who, "commit", "--quiet", "--message", "first"],
        [*who, "commit", "--quiet", "--message", "second", "--allow-empty"],
    ):
        subprocess.run(["git", "-C", folder, *command], check=True)
    return folder


@pytest.fixture
def machine(tmp_path, repository):
    """Run the set-up cell of a framework in a fresh process: see `run`."""
    home, stand_ins, work = tmp_path / "home", tmp_path / "stand_ins", tmp_path / "content"
    for file, text in {
        stand_ins / "sitecustomize.py": SITECUSTOMIZE,
        stand_ins / "pip/__init__.py": "",
        stand_ins / "pip/__main__.py": PIP,
        tmp_path / "colab/google/colab/__init__.py": "",
        work / "run.py": RUN,
        home / "installed/readme": "",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(framework, *, colab=True, hidden=(), online=True, edit=None, find=("shared",), **more):
        """The finished process, and the calls of pip so far; `find`: modules to be located."""
        cell = build.setup(framework)
        if edit:
            assert edit[0] in cell
            cell = cell.replace(*edit)
        (work / "cell.py").write_text(cell)
        path = [stand_ins, home / "installed", *([tmp_path / "colab"] if colab else [])]
        source = f"file://{repository}" if online else f"file://{tmp_path}/nowhere"
        environment = os.environ | {
            "HOME": str(home),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "HIDDEN": " ".join(hidden),
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"url.{source}.insteadOf",
            "GIT_CONFIG_VALUE_0": f"https://github.com/{course.REPOSITORY}",
            "GIT_CONFIG_KEY_1": "protocol.file.allow",
            "GIT_CONFIG_VALUE_1": "always",
            **more,
        }
        command = [sys.executable, "run.py", *find]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
        log = home / "pip.log"
        calls = log.read_text().splitlines() if log.exists() else []
        return done, [json.loads(call) for call in calls]

    run.home, run.clone = home, home / FOLDER
    return run


def one_sentence(process):
    """What a process that ended with an error said, which must not be a traceback."""
    assert process.returncode == 1 and "Traceback" not in process.stderr
    return process.stderr.splitlines()[-1]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_shared_is_fetched_once_and_nothing_else_happens(machine, framework):
    for online in (True, False):  # the second process must not need the network
        done, pip = machine(framework, hidden=["shared"], online=online)
        assert (done.returncode, done.stderr, pip) == (0, "", [])
        assert json.loads(done.stdout)["shared"] == str(machine.clone / "shared/__init__.py")
    assert {path.name for path in machine.clone.iterdir() if path.is_dir()} == {".git", "shared"}
    assert {path.name for path in machine.home.iterdir()} == {FOLDER, "installed"}
    for file in ROOT.glob("shared/*.py"):
        assert (machine.clone / "shared" / file.name).read_bytes() == file.read_bytes()
    count = ["git", "-C", machine.clone, "rev-list", "--count", "HEAD"]
    assert subprocess.check_output(count) == b"1\n"


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
    for _ in range(2):  # and not once more in a second process
        done, pip = machine(framework, hidden=["shared", *hidden], find=hidden)
        assert (done.returncode, done.stderr) == (0, "")
        pins = machine.clone / "pins.txt"
        assert pip == [["install", "-q", "-c", str(pins), *what] for what in asked]
        assert json.loads(done.stdout) == {
            name: str(machine.home / "installed" / name / "__init__.py") for name in hidden
        }
    installed = {f"{d.name}=={d.version}" for d in metadata.distributions()}
    assert set(pins.read_text().splitlines()) == installed


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_failed_fetch_is_one_sentence_and_is_taken_up_again(machine, framework):
    done, pip = machine(framework, hidden=["shared"], online=False)
    address = f"https://github.com/{course.REPOSITORY}"
    assert one_sentence(done).startswith(f"{address} could not be fetched: ")
    assert pip == [] and not machine.clone.exists()
    (machine.home / f"{FOLDER}.part/shared").mkdir(parents=True)  # a runtime that stopped halfway
    (machine.home / f"{FOLDER}.part/shared/__init__.py").touch()
    done, pip = machine(framework, hidden=["shared"], find=["shared.check"])
    assert (done.returncode, done.stderr, pip) == (0, "", [])
    assert json.loads(done.stdout)["shared.check"].startswith(str(machine.clone))
    assert {path.name for path in machine.home.iterdir()} == {FOLDER, "installed"}


def test_a_failed_installation_is_one_sentence(machine):
    hidden = ["shared", "flax", "optax"]
    done, pip = machine("jax", hidden=hidden, PIP_FAILS="1")
    assert one_sentence(done).startswith("Not installed: flax, optax. ")
    assert "restart the runtime" in one_sentence(done)
    done, pip = machine("jax", hidden=hidden, find=["optax"])
    assert done.returncode == 0 and len(pip) == 4


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_elsewhere_the_cell_names_what_is_missing_and_touches_nothing(machine, framework):
    modules = list(course.MODULES[framework])
    done, pip = machine(framework, colab=False, hidden=["shared", *modules])
    message = one_sentence(done)
    assert message.startswith(f"Not installed: shared, {', '.join(modules)}. ")
    assert "`make lab`" in message
    done, again = machine(framework, colab=False)  # where everything is there
    assert (done.returncode, done.stderr) == (0, "")
    assert pip == again == [] and [p.name for p in machine.home.iterdir()] == ["installed"]


TICKED = ("MXNET_CUDA = False", "MXNET_CUDA = True")


@pytest.mark.parametrize("hidden", [["shared"], ["shared", "mxnet"]])
def test_mxnet_for_a_gpu_goes_into_a_folder_of_its_own(machine, hidden):
    cuda = machine.home / ".mxnet-cuda"
    for _ in range(2):
        done, pip = machine("mxnet", hidden=hidden, edit=TICKED, find=["mxnet"])
        assert (done.returncode, done.stderr) == (0, "")
        [call] = pip
        assert call[:6] == ["install", "-q", "--no-deps", "--target", str(cuda), CUDA[0]]
        assert sorted(call[6:]) == sorted(CUDA[1:])
        assert json.loads(done.stdout)["mxnet"] == str(cuda / "mxnet/__init__.py")


def test_mxnet_for_a_gpu_is_for_colab_and_for_mxnet_only(machine):
    done, pip = machine("mxnet", colab=False, edit=TICKED)
    assert (done.returncode, pip) == (0, [])
    assert '\nMXNET_CUDA = False  # @param {type: "boolean"}\n' in build.setup("mxnet")
    for framework in ("pytorch", "tensorflow", "jax"):
        assert "CUDA" not in build.setup(framework) and "nvidia" not in build.setup(framework)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_cell_is_short_and_complete(framework):
    cell = build.setup(framework)
    assert len(cell.splitlines()) <= 62 and max(map(len, cell.splitlines())) <= 100
    assert not any(word in cell for word in ("ADDRESS", "BRANCH", "\n\n\n\n"))
    tree = ast.parse(cell, feature_version=(3, 11))
    [needed] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "needed"
    ]
    modules = course.COMMON_MODULES | course.MODULES[framework]
    assert needed == {"shared": "shared"} | modules
