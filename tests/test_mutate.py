"""The mutations, on small courses whose cells import no framework."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import build, mutate

ROOT = Path(__file__).parents[1]
CELL = """
```python tags=["{framework}"]
def step(w, grad, lr):
    return w - lr * grad
```
"""
LESSON = (
    "# One\n\n## Set-up\n"
    + "".join(CELL.format(framework=f) for f in ("mxnet", "pytorch", "tensorflow", "jax"))
    + "\n## From scratch\n"
    + "".join(CELL.format(framework=f) for f in ("mxnet", "pytorch", "tensorflow", "jax"))
    + """
## Check

```python
after = step(1.0, 2.0, lr=0.1)
assert CHECK
```
"""
)


def new_course(root, check):
    folder = root / "01_a/01_one"
    folder.mkdir(parents=True)
    (folder / "lesson.md").write_text(LESSON.replace("CHECK", check), "utf-8")
    return root


def run(root, *arguments):
    """The exit status of a run over the only lesson, in JAX."""
    with pytest.raises(SystemExit) as stopped:
        mutate.main(["--root", str(root), "01_a/01_one", "--framework", "jax", *arguments])
    return stopped.value.code


def mutations(source):
    return [(row, new) for row, _, new in mutate.mutations(source)]


def test_signs_are_turned_rates_doubled_axes_exchanged():
    assert mutations("w = w - lr * g\n") == [
        (1, "w = w + lr * g\n"), (1, "w = w - (2 * lr) * g\n")
    ]  # fmt: skip
    assert mutations("a += 1\nb.assign_sub(LR * g)\n") == [
        (1, "a -= 1\nb.assign_sub(LR * g)\n"),
        (2, "a += 1\nb.assign_add(LR * g)\n"),
        (2, "a += 1\nb.assign_sub((2 * LR) * g)\n"),
    ]
    assert mutations("x.sum(axis=0)") == [(1, "x.sum(axis=1)")]
    assert mutations("x.sum(dim=1)") == [(1, "x.sum(dim=0)")]


@pytest.mark.parametrize(
    "source", ["x = -1", "f(-1, [-2], a=-3)", "lr = 0.1", "f(lr=lr)", "# a - b", "'a - b'", "n=0"]
)
def test_what_would_change_nothing_or_break_anything_stays(source):
    assert mutations(source) == []


def test_only_a_framework_s_own_cells_from_scratch_are_broken(tmp_path):
    [job] = build.plan(new_course(tmp_path, "True"), frameworks=["jax"])
    found = list(mutate.mutants(job.notebook, "jax"))
    assert len(found) == 2
    for spot, what, mutant in found:
        [changed] = [
            number
            for number, pair in enumerate(zip(job.notebook.cells, mutant.cells, strict=True))
            if pair[0] != pair[1]
        ]
        assert job.notebook.cells[changed - 1].source == "## From scratch"
        assert spot == f"cell {changed}, line 2"
        assert what.startswith("return w - lr * grad  →  return w ")


def test_a_good_check_leaves_no_survivor(tmp_path, capsys):
    assert run(new_course(tmp_path, "abs(after - 0.8) < 1e-9")) == 0
    assert capsys.readouterr().out == "2 mutants, 0 survived\n"


def test_a_hole_in_the_checks_is_listed(tmp_path, capsys):
    assert run(new_course(tmp_path, "after < 1")) == 1
    assert capsys.readouterr().out.splitlines() == [
        "survived: 01_a/01_one/jax_one.ipynb, cell 5, line 2: "
        "return w - lr * grad  →  return w - (2 * lr) * grad",
        "2 mutants, 1 survived",
    ]


def test_a_notebook_that_does_not_run_is_an_error(tmp_path, capsys):
    assert run(new_course(tmp_path, "after > 1, 'as it is'")) == 2
    out = capsys.readouterr().out
    assert out.startswith("error: 01_a/01_one/jax_one.ipynb fails without any mutation:\n")
    assert "AssertionError: as it is" in out and out.endswith("\n0 mutants, 0 survived\n")
    assert "\x1b" not in out


def test_nothing_to_mutate_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(mutate, "WHERE", ("Elsewhere",))
    assert run(new_course(tmp_path, "True")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nothing to mutate in 01_a/01_one/jax_one.ipynb: Elsewhere",
        "0 mutants, 0 survived",
    ]


def test_no_such_lesson(tmp_path):
    new_course(tmp_path, "True")
    with pytest.raises(SystemExit, match="^error: no such lesson: 01_b$"):
        mutate.main(["--root", str(tmp_path), "01_b"])


def test_an_interruption_ends_in_one_line(tmp_path):
    root = new_course(tmp_path, "open('started', 'w').write('x') and __import__('time').sleep(60)")
    command = [sys.executable, "-m", "tools.mutate", "--root", str(root), "01_a/01_one"]
    process = subprocess.Popen(
        [*command, "--framework", "jax"], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (root / "01_a/01_one/started").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == "interrupted\n"
