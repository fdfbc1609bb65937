# @title Set-up: run this first in Colab (elsewhere it only checks the environment)
import importlib
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

needed = {"shared": "shared"}  # module: name for pip


def absent():
    importlib.invalidate_caches()
    return [module for module in needed if util.find_spec(module) is None]


if absent() and not (util.find_spec("google") and util.find_spec("google.colab")):
    raise SystemExit(
        f"Not installed: {', '.join(absent())}. In a clone of the course run `make lab`, "
        "which makes an environment with everything, and open this notebook there."
    )
if absent():
    course = Path.home() / ".deep-learning-four-ways"
    sys.path.insert(0, str(course))
    if not (course / "shared" / "__init__.py").exists():
        subprocess.run(["rm", "-rf", course], check=True)
        clone = "git clone -q --depth 1 --filter=blob:none --sparse -b BRANCH ADDRESS"
        subprocess.run([*clone.split(), course], check=True)
        subprocess.run(["git", "-C", course, "sparse-checkout", "set", "shared"], check=True)
    # What Colab has stays as it is: its versions are constraints for everything installed here.
    pins = {d.name: d.version for d in metadata.distributions() if d.name}
    (course / "pins.txt").write_text("\n".join(f"{k}=={v}" for k, v in pins.items()))
    for module in absent():
        how = ["--no-deps"] if module == "mxnet" else ["-c", course / "pins.txt"]
        install = [sys.executable, "-m", "pip", "install", "-q", *how, needed[module]]
        subprocess.run(install, check=True)
    if absent():
        raise SystemExit(f"Still missing: {', '.join(absent())}. Restart the runtime, run again.")
