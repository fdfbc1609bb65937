"""The tree of the course: frameworks, lessons, notebooks, and their addresses."""

import importlib.util
import os
import posixpath
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent

FRAMEWORKS = {"mxnet": "MXNet", "pytorch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}

# What a framework's notebooks import: module, and what pip is asked for. MXNet's metadata pins an
# old NumPy, so it is the one package that is installed without its dependencies.
MODULES = {
    "mxnet": {"mxnet": "--no-deps mxnet==1.9.1"},
    "pytorch": {"torch": "torch"},
    "tensorflow": {"tensorflow": "tensorflow"},
    "jax": {"jax": "jax", "flax": "flax", "optax": "optax"},
}
COMMON_MODULES = {
    "numpy": "numpy",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "pooch": "pooch",
    "tqdm": "tqdm",
    "requests": "requests",
    "babel": "babel",
}

# Building and testing run each notebook on one thread: two of them side by side then do not fight
# for the cores, and a sum is added up in the same order every time. The bars and the log lines of
# TensorFlow's start-up do not belong in stored outputs.
KERNEL_ENV = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TQDM_DISABLE": "1",
}
# What JAX compiles is kept in the environment for the next notebook, build or test that needs it.
# A half-written entry (of a kernel that was stopped) is compiled again, without a warning in red.
if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
    KERNEL_ENV |= {
        "JAX_COMPILATION_CACHE_DIR": f"{sys.prefix}/jax-cache",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "PYTHONWARNINGS": "ignore:Error reading persistent compilation cache entry:UserWarning,"
        "ignore:Error writing persistent compilation cache entry:UserWarning",
    }

_address = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["course"]
REPOSITORY, BRANCH = _address["repository"], _address["branch"]
COLAB = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


class CourseError(Exception):
    """Something in the course is wrong; the message says where, what, and what to do."""


@dataclass(frozen=True)
class Lesson:
    """One topic: a folder `NN_chapter/NN_slug` with `lesson.md` and a notebook per framework."""

    root: Path
    chapter: str
    name: str
    title: str

    @property
    def slug(self):
        return self.name.partition("_")[2]

    @property
    def path(self):
        return f"{self.chapter}/{self.name}"

    @property
    def source(self):
        return self.root / self.path / "lesson.md"

    def notebook(self, framework):
        """Path of a framework's notebook, relative to the root of the course."""
        return f"{self.path}/{framework}_{self.slug}.ipynb"


def lessons(root=ROOT):
    """All lessons of the course, in the order in which they are read."""
    return [
        Lesson(root, source.parts[-3], source.parts[-2], heading(source))
        for source in sorted(root.glob("[0-9][0-9]_*/[0-9][0-9]_*/lesson.md"))
    ]


def planned(root=ROOT):
    """The lessons still to be written, in the order in which they will be read."""
    file = root / "tools/planned.txt"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    found = (re.fullmatch(r"(\S+)/(\S+) (.+)", line) for line in lines if line[:1] != "#")
    return [Lesson(root, *match.groups()) for match in found]


def join(folder, target):
    """The path to which a relative link leads, relative to the root, from a page in `folder`."""
    return posixpath.normpath(posixpath.join(folder, unquote(target)))


def read_text(path):
    """The text of a Markdown file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{path.parent.name}/{path.name}: byte {error.start} is not UTF-8; save the file as "
            "UTF-8 without a byte order mark"
        ) from None
    if text.startswith("\ufeff"):
        raise CourseError(
            f"{path.parent.name}/{path.name}: begins with a byte order mark; save the file as "
            "UTF-8 without it"
        )
    return text


def heading(path):
    """The title of a Markdown file: its first line that begins with `# `."""
    if path.exists():
        for line in read_text(path).splitlines():
            if line.startswith("# "):
                return line[2:].strip()
    raise CourseError(f"{path.parent.name}/{path.name}: no title, no line that begins with '# '")


def colab(path):
    """Address that opens a notebook, given by its path in the repository, in Colab."""
    return f"{COLAB}/{path}"


def missing(frameworks=FRAMEWORKS):
    """The frameworks, of those named, that cannot be imported here, as text; empty if all can."""
    return ", ".join(
        f"{FRAMEWORKS[name]} (no module {module!r})"
        for name in FRAMEWORKS
        for module in MODULES[name]
        if name in frameworks and importlib.util.find_spec(module) is None
    )


if __name__ == "__main__":  # what `make` says when it has made the environment
    if there_is_not := missing():
        print(f"Not installed, since there is none for this machine: {there_is_not}. ", end="")
        print("Its notebooks are skipped.")
