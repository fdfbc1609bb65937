"""Images, each set as X_train, y_train, X_test, y_test: float32 in [0, 1] and int64 in 0..9."""

import tarfile

import numpy as np

from shared.data import download
from shared.data.tables import digits

FASHION_MNIST_CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_ROWS = 10_000  # images in each of the six files of the archive


def mnist():
    """Handwritten digits, 28 by 28 pixels (11 MB to download).

    Returns X_train (60000, 28, 28, 1), y_train (60000,), X_test (10000, 28, 28, 1), y_test
    (10000,): float32 in [0, 1] (ink is 1) and int64 in 0..9. Raises what `fetch` raises.
    Source: LeCun, Cortes and Burges (1998), from NIST's forms; CC BY-SA 3.0.
    """
    return _idx_set("mnist")


def fashion_mnist():
    """Photographs of clothing in ten classes, FASHION_MNIST_CLASSES (31 MB to download).

    As `mnist`; the background is 0. Source: Xiao, Rasul and Vollgraf (2017); MIT licence.
    """
    return _idx_set("fashion_mnist")


def cifar10():
    """Colour photographs in ten classes, 32 by 32 pixels (170 MB to download, 740 MB in memory).

    Returns X_train (50000, 32, 32, 3), y_train (50000,), X_test (10000, 32, 32, 3), y_test
    (10000,): float32 in [0, 1], channels red, green, blue; int64 in 0..9, named by CIFAR10_CLASSES.
    Raises what `fetch` raises. Source: Krizhevsky (2009), no licence stated.
    """
    parts = _read_cifar10(download.fetch("cifar10/cifar-10-binary.tar.gz"))
    arrays = []
    for rows in (np.concatenate(parts[:5]), parts[5]):
        planes = rows[:, 1:].reshape(-1, 3, 32, 32)  # (n, channels, height, width)
        arrays += _examples("cifar10", planes.transpose(0, 2, 3, 1), rows[:, 0])
    return tuple(arrays)


LOADERS = {"digits": digits, "mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}


def load(name, among=None):
    """X_train, y_train, X_test, y_test of the set of that name in LOADERS.

    among: the names that this lesson takes (any container of them); all of LOADERS if None.
    Raises ValueError, which lists these names, for any other, and what the loader raises.
    """
    names = [known for known in LOADERS if among is None or known in among]
    if name not in names:
        raise ValueError(f"no data set {name!r} here: there are {', '.join(names)}")
    return LOADERS[name]()


def _examples(name, images, labels):
    """Images of 0 to 255 and their labels, checked and in the dtypes of the course."""
    if len(images) != len(labels) or labels.max(initial=0) > 9:
        raise ValueError(
            f"{name}: {len(images)} images and {len(labels)} labels up to "
            f"{labels.max(initial=0)}, not one of 0 to 9 for each image"
        )
    # dtype avoids a float64 copy eight times the size; order makes a transposed array contiguous.
    return [np.divide(images, 255, dtype=np.float32, order="C"), labels.astype(np.int64)]


def _idx_set(name):
    arrays = []
    for part in ("train", "t10k"):
        images = _read_idx(download.fetch(f"{name}/{part}-images-idx3-ubyte"), 3)
        labels = _read_idx(download.fetch(f"{name}/{part}-labels-idx1-ubyte"), 1)
        arrays += _examples(f"{name}/{part}", images[..., None], labels)
    return tuple(arrays)


def _read_idx(path, ndim):
    """The uint8 array in an IDX file, gzipped or not: magic number, sizes, values, nothing else."""
    try:
        with download.unpacked(path) as stream:
            raw = stream.read()
    except download.DAMAGED as error:
        raise ValueError(f"{path.name}: not a whole gzip file ({error})") from None
    magic, start = bytes([0, 0, 8, ndim]), 4 + 4 * ndim  # 8 stands for unsigned bytes
    if raw[:4] != magic or len(raw) < start:
        raise ValueError(
            f"{path.name}: the header is {raw[:start].hex()}, expected {start} bytes "
            f"that start with {magic.hex()}"
        )
    shape = np.frombuffer(raw, ">u4", ndim, offset=4).tolist()
    size, have = np.prod(shape, dtype=object), len(raw) - start  # Python's integers: no overflow
    if size != have:
        raise ValueError(f"{path.name}: it promises {shape}, but {have} bytes follow, not {size}")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _read_cifar10(path):
    """The six files of CIFAR-10's binary archive, each (CIFAR10_ROWS, 3073) uint8."""
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    parts = dict.fromkeys(f"cifar-10-batches-bin/{name}.bin" for name in names)
    row = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:  # read in memory: a name in the archive never becomes a path on disk
                if member.name not in parts:
                    continue  # a readme and the class names
                whole = member.isfile() and member.size == CIFAR10_ROWS * row
                if not (whole and parts[member.name] is None):
                    raise ValueError(
                        f"{path.name}: {member.name} has {member.size} bytes, expected"
                        f" one regular file of {CIFAR10_ROWS * row}"
                    )
                values = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                parts[member.name] = values.reshape(CIFAR10_ROWS, row)
    except (tarfile.TarError, *download.DAMAGED) as error:
        raise ValueError(f"{path.name}: not a whole tar.gz file ({error})") from None
    if missing := [name for name, part in parts.items() if part is None]:
        raise ValueError(f"{path.name}: lacks {', '.join(missing)}")
    return list(parts.values())
