# @title Set-up: run this first in Colab (elsewhere it only checks the environment)
import importlib
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

needed = {}  # module: what pip is asked for

colab = util.find_spec("google") and util.find_spec("google.colab")
course = Path.home() / ".deep-learning-four-ways"  # where Colab gets the package `shared`


def absent():
    importlib.invalidate_caches()
    return [module for module in needed if util.find_spec(module) is None]


def install(*what):
    pip = [sys.executable, "-m", "pip", "install", "-q", "--root-user-action=ignore"]
    return subprocess.run([*pip, *what]).returncode == 0


def emptied(folder):  # a folder has this other name until it is whole
    part = folder.with_name(f"{folder.name}.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    return part


if colab:
    sys.path.insert(0, str(course))  # first, since another `shared` may be on the path
if colab and not (course / "shared/check.py").exists():
    address = "ADDRESS"
    part = emptied(course)
    clone = ["git", "clone", "-q", "--depth", "1", "-b", "BRANCH", address, str(part)]
    select = ["git", "-C", str(part), "sparse-checkout", "set", "shared"]
    for steps in [[*clone, "--filter=blob:none", "--sparse"], select], [clone]:
        shutil.rmtree(part, ignore_errors=True)
        done = [subprocess.run(step, capture_output=True, text=True) for step in steps]
        if not any(step.returncode for step in done):
            break  # with an old git only after the second way, which fetches everything
    else:
        reason = done[-1].stderr.partition("\n")[0]
        raise SystemExit(f"{address} could not be fetched: is this runtime online? {reason}")
    os.replace(part, course)

MXNET_CUDA = False  # @param {type: "boolean"}
if MXNET_CUDA and colab:  # MXNet for the GPU, in a folder apart from what Colab has
    gpu = shutil.which("nvidia-smi") and subprocess.run(["nvidia-smi", "-L"]).returncode == 0
    if not gpu:
        raise SystemExit("This runtime has no GPU: choose a GPU runtime or untick MXNET_CUDA.")
    cuda = Path.home() / ".mxnet-cuda"
    sys.path.insert(0, str(cuda))
    if not cuda.exists():
        print("Installing MXNet for the GPU: 2 GB, two to three minutes …", flush=True)
        wheels = """mxnet-cu117==1.9.1
            nvidia-cuda-runtime-cu11==11.7.99 nvidia-cuda-nvrtc-cu11==11.7.99
            nvidia-nvtx-cu11==11.7.91 nvidia-cublas-cu11==11.10.3.66
            nvidia-cudnn-cu11==8.5.0.96 nvidia-cufft-cu11==10.9.0.58
            nvidia-curand-cu11==10.2.10.91 nvidia-cusolver-cu11==11.4.0.1
            nvidia-cusparse-cu11==11.7.4.91 nvidia-nccl-cu11==2.14.3"""
        part = emptied(cuda)
        if not install("--no-deps", "--target", str(part), *wheels.split()):
            raise SystemExit("MXNet for the GPU could not be installed: run this cell again.")
        os.replace(part, cuda)

if colab and absent():
    # What Colab has stays as it is: its versions are constraints for everything installed here.
    from packaging.version import VERSION_PATTERN

    pins = {}
    for have in metadata.distributions():  # of two with one name the first is imported
        if have.name and re.fullmatch(VERSION_PATTERN, have.version or "", re.I | re.X):
            pins.setdefault(have.name, f"{have.name}=={have.version}")
    file = course / "pins.txt"
    file.write_text("\n".join(pins.values()))
    for module in absent():
        print(f"Installing {module}{' (49 MB)' if module == 'mxnet' else ''} …", flush=True)
        install("-c", str(file), *needed[module].split())

found = util.find_spec("shared")  # may be another's of the same name
folders = [Path(folder) for folder in found.submodule_search_locations or []] if found else []
ours = course / "shared" in folders if colab else any((f / "check.py").exists() for f in folders)
if found and not ours:
    raise SystemExit(
        f"Another `shared`, {found.origin or folders[0]}, hides the course's package of that "
        "name: rename it, restart the kernel, and run this cell first."
    )
if missing := ["shared"] * (not found) + absent():
    raise SystemExit(
        f"Not installed: {', '.join(missing)}. In a clone of the course `make lab` makes an "
        "environment with everything; in Colab restart the runtime and run this cell again."
    )

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow then logs nothing in red …
kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)  # … but for a greeting that some of its releases have in spite of it
try:
    import tensorflow  # noqa: F401
finally:
    os.dup2(kept, 2)
