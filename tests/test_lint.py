"""Ruff over everything that is Python, the cells of the notebooks included."""

import subprocess
import sys

from tools.course import ROOT


def ruff(*arguments):
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_ruff():
    result = ruff(".")
    assert result.returncode == 0, result.stdout


def test_ruff_reads_the_notebooks(tmp_path):
    files = ruff("--show-files", ".").stdout
    assert files.count("/jax_") >= 3 and "colab.ipynb" in files
    bad = tmp_path / "bad.ipynb"
    good = next(ROOT.glob("01_*/01_*/jax_*.ipynb")).read_text("utf-8")
    bad.write_text(good.replace("import numpy as np", "import numpy as np, os", 1), "utf-8")
    assert ruff("--config", str(ROOT / "pyproject.toml"), str(bad)).returncode == 1
