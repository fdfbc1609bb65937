# @title Set-up: run this first in Colab (elsewhere it only checks the environment)
import importlib
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

needed = {"shared": "shared"}  # module: what pip is asked for


def absent():
    importlib.invalidate_caches()
    return [module for module in needed if util.find_spec(module) is None]


def install(*arguments):
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *arguments])


colab = util.find_spec("google") and util.find_spec("google.colab")

MXNET_CUDA = False  # @param {type: "boolean"}
if MXNET_CUDA and colab:  # MXNet for the GPU: 2 GB, in a folder apart from what Colab has
    cuda = Path.home() / ".mxnet-cuda"
    sys.path.insert(0, str(cuda))
    if not cuda.exists():
        wheels = """mxnet-cu117==1.9.1
            nvidia-cuda-runtime-cu11==11.7.99 nvidia-cuda-nvrtc-cu11==11.7.99
            nvidia-nvtx-cu11==11.7.91 nvidia-cublas-cu11==11.10.3.66
            nvidia-cudnn-cu11==8.5.0.96 nvidia-cufft-cu11==10.9.0.58
            nvidia-curand-cu11==10.2.10.91 nvidia-cusolver-cu11==11.4.0.1
            nvidia-cusparse-cu11==11.7.4.91 nvidia-nccl-cu11==2.14.3"""
        install("--no-deps", "--target", cuda, *wheels.split())

if colab and absent():
    address = "ADDRESS"
    course = Path.home() / ".deep-learning-four-ways"
    sys.path.insert(0, str(course))
    fetch = f"""set -e; rm -rf {course}.part  # under another name until it is whole
    git clone -q --depth 1 --filter=blob:none --sparse -b BRANCH {address} {course}.part
    git -C {course}.part sparse-checkout set shared
    mv {course}.part {course}"""
    if not course.exists() and subprocess.run(fetch, shell=True).returncode:
        raise SystemExit(f"{address} could not be fetched: is this runtime online? Try again.")
    # What Colab has stays as it is: its versions are constraints for everything installed here.
    pins = course / "pins.txt"
    have = [f"{d.name}=={d.version}" for d in metadata.distributions() if d.name and d.version]
    pins.write_text("\n".join(have))
    for module in absent():
        install("-c", pins, *needed[module].split())

if absent():
    raise SystemExit(
        f"Not installed: {', '.join(absent())}. In a clone of the course `make lab` makes an "
        "environment with everything; in Colab restart the runtime and run this cell again."
    )
