"""Run notebooks as Colab does: with its versions, in its kernel, from the set-up cell on.

Each notebook is copied to a folder that has nothing of the repository, and gets an empty home
folder. Its set-up cell finds a stand-in `google.colab`, and fetches the package `shared` by git:
from a repository made of this working tree, which git takes for the published address. Whatever a
reader would see in red is a failure.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import course

HOOKS = Path(__file__).with_name("nbval_hooks.py")
INI = """
[pytest]
addopts = --nbval-lax --nbval-current-env --nbval-cell-timeout=120 --dist=loadscope --quiet -r N
filterwarnings = ignore::DeprecationWarning:jupyter_client
"""
HIDING = "TF_CPP_MIN_LOG_LEVEL", "TQDM_DISABLE"  # what a reader in Colab does not have


def publish(folder, root=course.ROOT):
    """Make a git repository that has the working tree's `shared`, as the published one has."""
    shutil.copytree(
        root / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "README.md").write_text("# The course\n", "utf-8")
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


def instead(source):
    """Environment in which git takes another address for the published one."""
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{source}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{course.REPOSITORY}",
        "GIT_CONFIG_KEY_1": "protocol.file.allow",
        "GIT_CONFIG_VALUE_1": "always",
    }


def notebooks(paths, root=course.ROOT):
    """Yield the notebooks at or below paths, which are relative to `root`; raise if there is none.

    Yields pairs: the file, and where it lies in the course.
    """
    for path in paths:
        files = [root / path] if path.endswith(".ipynb") else (root / path).rglob("*.ipynb")
        found = [file for file in sorted(files) if not file.name.startswith(".")]
        if not found or not all(map(Path.is_file, found)):
            raise course.CourseError(f"no notebook here: {path}")
        for file in found:
            if ".ipynb_checkpoints" not in file.parts:
                yield file, file.relative_to(root)


def environment(folder):
    """The environment of the tests, and of the kernels they start."""
    own = {key: value for key, value in os.environ.items() if key not in HIDING}
    own |= {key: value for key, value in course.KERNEL_ENV.items() if key not in HIDING}
    return (
        own
        | instead(f"file://{folder}/published")
        | {
            "PYTHONPATH": str(folder / "stand_ins"),
            "COLAB_HOMES": str(folder / "homes"),
            "MPLCONFIGDIR": str(folder / "matplotlib"),
            # remarks about this Python, which are not Colab's: on its debugger, on 3.13.0
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONWARNINGS": f"{own.get('PYTHONWARNINGS', '')},"
            "ignore:Guards may run slower on Python 3.13.0:RuntimeWarning",
        }
    )


def run(paths, options=(), root=course.ROOT):
    """Run the notebooks at or below paths, with options of pytest; return pytest's exit status."""
    with tempfile.TemporaryDirectory(prefix="colab-") as name:
        folder = Path(name)
        for part in ("stand_ins/google/colab", "homes", "content"):
            (folder / part).mkdir(parents=True)
        (folder / "stand_ins/google/colab/__init__.py").touch()
        (folder / "content/pytest.ini").write_text(INI)
        shutil.copy(HOOKS, folder / "content/conftest.py")
        for file, place in notebooks(paths, root):
            (folder / "content" / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / "content" / place)
        publish(folder / "published", root)
        python, env = [sys.executable, "-m"], environment(folder)
        # Colab's fonts have been looked for before the first notebook says so
        subprocess.run([*python, "matplotlib.font_manager"], env=env, check=True)
        command = [*python, "pytest", *options]
        return subprocess.run(command, cwd=folder / "content", env=env).returncode


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.colab", description=__doc__)
    parser.add_argument("paths", nargs="*", help="notebooks, lessons or chapters; default: all")
    parser.add_argument("-k", default="", metavar="WORDS", help="as pytest: for example -k jax_")
    parser.add_argument("-n", default="2", metavar="JOBS", help="notebooks side by side")
    options = parser.parse_args(arguments)
    chapters = sorted(path.name for path in course.ROOT.glob("[0-9][0-9]_*"))
    try:
        sys.exit(run(options.paths or chapters, ["-n", options.n, "-k", options.k]))
    except course.CourseError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    main()
