"""The data sets of the course, as NumPy arrays.

`diabetes`, `digits`, `dates` and `python_manual` need no network. The others are downloaded once,
checked against a known hash, and kept in the folder COURSE_DATA names, or in the user's cache.

Images are (n, height, width, channels) float32 in [0, 1]; labels are (n,) int64 in 0..9.
"""

import gzip
import hashlib
import importlib.metadata
import operator
import os
import tarfile
import tempfile
import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

DIABETES_FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
FASHION_MNIST_CLASSES = ("T-shirt/top", "trouser", "pullover", "dress", "coat",
                         "sandal", "shirt", "sneaker", "bag", "ankle boot")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer",
                   "dog", "frog", "horse", "ship", "truck")

TIMEOUT = 30  # seconds a server may stay silent before the next mirror is tried
GITHUB = "https://raw.githubusercontent.com/"
MIRRORS = {  # base addresses, in the order in which they are tried
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist/",
              "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    "fashion_mnist": ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                      GITHUB + "zalandoresearch/fashion-mnist/master/data/fashion/"),
    "cifar10": ("https://www.cs.toronto.edu/~kriz/",),
    "tiny_shakespeare": (GITHUB + "karpathy/char-rnn/master/data/tinyshakespeare/",),
}
HASHES = {  # data set/file: what `fetch` knows
    "mnist/train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "mnist/train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "mnist/t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    "mnist/t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    "fashion_mnist/train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "fashion_mnist/train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
    "fashion_mnist/t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
    "fashion_mnist/t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    "cifar10/cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530",
    "tiny_shakespeare/input.txt":
        "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
}
CIFAR10_ROWS = 10_000  # images in each of the six files of the archive
DAMAGED = (gzip.BadGzipFile, tarfile.TarError, zlib.error, EOFError)  # what a broken archive raises


def batches(rng, size, *arrays, drop_last=False):
    """One epoch of shuffled minibatches, the same for every framework.

    `rng`, a numpy.random.Generator, draws one permutation at the call; by it all `arrays`, of equal
    length, are cut into batches of `size` examples. What is left over makes a smaller last batch,
    or none with `drop_last` (so no batch at all if `size` exceeds the number of examples).

    Returns a generator of tuples, with a copy of some rows of each array in order.
    Raises TypeError or ValueError at the call, not at the first batch.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, not {type(rng).__name__}")
    size = operator.index(size)  # a size of 2.5 is a TypeError, a NumPy integer is welcome
    if size < 1 or not arrays:
        raise ValueError(f"size={size} and {len(arrays)} arrays: both must be at least 1")
    arrays = [np.asarray(array) for array in arrays]
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(f"arrays differ in length: {lengths}")
    order = rng.permutation(lengths[0])
    end = len(order) - len(order) % size if drop_last else len(order)
    return (tuple(array[order[start:start + size]] for array in arrays)
            for start in range(0, end, size))


def _table(name, delimiter=None):
    """Numbers that scikit-learn brings with it, read without importing it, which takes a second."""
    package = importlib.metadata.distribution("scikit-learn")
    return np.loadtxt(package.locate_file(f"sklearn/datasets/data/{name}"), delimiter=delimiter)


def diabetes():
    """Diabetes patients: how far the disease has progressed after a year, in raw units.

    Returns X_train (354, 10), y_train (354,), X_test (88, 10), y_test (88,), all float64.
    Columns, as DIABETES_FEATURES: age (years), sex (1 or 2), bmi (kg/m²), bp (blood pressure, mm
    Hg), s1 (total cholesterol, mg/dl), s2 (LDL, mg/dl), s3 (HDL, mg/dl), s4 (s1 / s3), s5 (log of
    serum triglycerides), s6 (blood sugar, mg/dl). y: progression without a unit, 25 to 346. Source:
    Efron et al., "Least Angle Regression" (2004), no licence stated; scikit-learn (BSD-3-Clause).
    """
    X, y = _table("diabetes_data_raw.csv.gz"), _table("diabetes_target.csv.gz")
    train, test = np.split(np.random.default_rng(0).permutation(len(X)), [354])
    return X[train], y[train], X[test], y[test]


def digits():
    """Handwritten digits, 8 by 8 pixels: small, real, and there without a network.

    Returns X_train (1437, 8, 8, 1), y_train (1437,), X_test (360, 8, 8, 1), y_test (360,): float32
    in [0, 1] (multiples of 1/16; ink is 1) and int64 in 0..9. The test set holds 36 of each digit,
    the training set 138 to 147. No image occurs twice. Source: Alpaydin and Kaynak, "Optical
    Recognition of Handwritten Digits" (UCI, 1998), CC BY 4.0; the copy in scikit-learn.
    """
    *pixels, y = _table("digits.csv.gz", ",").astype(np.int64).T
    X = np.stack(pixels, axis=1).reshape(-1, 8, 8, 1).astype(np.float32) / 16
    rng = np.random.default_rng(0)
    test = np.concatenate([rng.choice(np.flatnonzero(y == k), 36, replace=False)
                           for k in range(10)])
    test = rng.permutation(test)  # no longer sorted by class
    train = rng.permutation(np.setdiff1d(np.arange(len(y)), test))
    return X[train], y[train], X[test], y[test]


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
    parts = _read_cifar10(fetch("cifar10/cifar-10-binary.tar.gz"))
    arrays = []
    for rows in (np.concatenate(parts[:5]), parts[5]):
        planes = rows[:, 1:].reshape(-1, 3, 32, 32)  # (n, channels, height, width)
        arrays += _examples("cifar10", planes.transpose(0, 2, 3, 1), rows[:, 0])
    return tuple(arrays)


def tiny_shakespeare():
    """Scenes from Shakespeare's plays, one str of 1,115,394 characters (1.1 MB to download).

    Raises what `fetch` raises. Source: Karpathy, char-rnn (2015); the text is in the public domain.
    """
    return fetch("tiny_shakespeare/input.txt").read_bytes().decode("ascii")


LOADERS = {"digits": digits, "mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}


def python_manual():
    """The language reference of the running Python, one str of about 480,000 characters.

    The topics of `help()` in alphabetical order. The text differs a little between versions, so
    numbers that must agree come from a fixed text. Source: `pydoc_data.topics`; PSF licence.
    """
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name].strip() for name in sorted(topics))


def dates():
    """Translated dates: two lists of pairs (French, English), 4,000 to train on and 500 to test.

    Days from 1900 to 2099, no day in both lists, in a form chosen at random: with the weekday
    ("lundi 4 mai 1987", "Monday, May 4, 1987"), without it, or with a short month.
    Source: Babel's copy of the Unicode CLDR; Unicode licence.
    """
    from babel.dates import format_date

    rng = np.random.default_rng(0)
    days = rng.permutation(np.arange("1900-01-01", "2100-01-01", dtype="datetime64[D]"))[:4500]
    forms = rng.choice(["full", "long", "medium"], len(days))
    pairs = [tuple(format_date(day, form, locale=language) for language in ("fr", "en"))
             for day, form in zip(days.tolist(), forms, strict=True)]
    return pairs[:4000], pairs[4000:]


def load(name):
    """X_train, y_train, X_test, y_test of the set of that name in LOADERS, else ValueError."""
    if name not in LOADERS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(LOADERS)}")
    return LOADERS[name]()


def fetch(file):
    """Path of a file of HASHES ("mnist/train-images-idx3-ubyte.gz"), downloaded if need be.

    Each mirror is tried in turn. A file comes to its path only whole and with the right hash; one
    that lies there with another hash is fetched again. Raises ValueError for a file not in HASHES,
    ConnectionError when no mirror gives it, OSError when the cache folder cannot be used.
    """
    import pooch  # here, since it takes a while, and most lessons need no network
    from requests import RequestException
    if file not in HASHES:
        raise ValueError(f"no file {file!r}; there are {', '.join(HASHES)}")
    name, _, basename = file.partition("/")
    folder = os.environ.get("COURSE_DATA") or pooch.os_cache("deep-learning-four-ways")
    path = Path(folder).expanduser().absolute() / name / basename
    failures = []
    try:
        if path.exists() and _has_hash(path, HASHES[file]):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for base in MIRRORS[name]:
            try:
                _download(base + basename, path, HASHES[file])
                return path
            except (RequestException, ValueError) as error:
                failures.append(f"  {base + basename}: {_why(error)}")
    except OSError as error:  # after RequestException, which is an OSError too
        raise OSError(f"cannot use {path} ({error}); free some space, or set the environment "
                      "variable COURSE_DATA to a folder that can be written") from None
    now = ", where there is one with another hash" if path.exists() else ""
    raise ConnectionError("\n".join([f"{file} could not be downloaded:", *failures,
                                     f"Put the file ({HASHES[file]}) by hand at {path}{now}"]))


def _has_hash(path, known):
    algorithm, _, expected = known.partition(":")
    return hashlib.new(algorithm, path.read_bytes()).hexdigest() == expected


def _download(url, path, known):
    import pooch
    # A folder of its own beside the target: os.replace is atomic only within one file system, two
    # processes never share a half-written file, and leaving removes all of it.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as scratch:
        part = Path(scratch, path.name)
        # pooch asks for bool(bar), which needs a total, and then puts in the real one.
        with tqdm(desc=path.name, total=1, unit="B", unit_scale=True, leave=False) as bar:
            headers = {"Accept-Encoding": "identity"}  # the hash is that of the stored bytes
            pooch.HTTPDownloader(bar, 2**16, timeout=TIMEOUT, headers=headers)(url, str(part), None)
        if not _has_hash(part, known):
            raise ValueError("wrong hash")
        os.replace(part, path)


def _why(error):
    """A few words in place of the nested message of an HTTP library."""
    if getattr(error, "response", None) is not None:
        return f"HTTP status {error.response.status_code}"
    signs = {"timed out": f"no answer within {TIMEOUT} s", "refused": "connection refused",
             "resolve": "host not found", "IncompleteRead": "broke off"}
    return next((words for sign, words in signs.items() if sign in str(error)), str(error)[:80])


def _examples(name, images, labels):
    """Images of 0 to 255 and their labels, checked and in the dtypes of the course."""
    if len(images) != len(labels) or labels.max(initial=0) > 9:
        raise ValueError(f"{name}: {len(images)} images and {len(labels)} labels up to "
                         f"{labels.max(initial=0)}, not one of 0 to 9 for each image")
    # dtype avoids a float64 copy eight times the size; order makes a transposed array contiguous.
    return [np.divide(images, 255, dtype=np.float32, order="C"), labels.astype(np.int64)]


def _idx_set(name):
    arrays = []
    for part in ("train", "t10k"):
        images = _read_idx(fetch(f"{name}/{part}-images-idx3-ubyte.gz"), 3)
        labels = _read_idx(fetch(f"{name}/{part}-labels-idx1-ubyte.gz"), 1)
        arrays += _examples(f"{name}/{part}", images[..., None], labels)
    return tuple(arrays)


def _read_idx(path, ndim):
    """The uint8 array in a gzipped IDX file: magic number, sizes, values, nothing else."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except DAMAGED as error:
        raise ValueError(f"{path.name}: not a whole gzip file ({error})") from None
    magic, start = bytes([0, 0, 8, ndim]), 4 + 4 * ndim  # 8 stands for unsigned bytes
    if raw[:4] != magic or len(raw) < start:
        raise ValueError(f"{path.name}: the header is {raw[:start].hex()}, expected {start} bytes "
                         f"that start with {magic.hex()}")
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
                    raise ValueError(f"{path.name}: {member.name} has {member.size} bytes, expected"
                                     f" one regular file of {CIFAR10_ROWS * row}")
                values = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                parts[member.name] = values.reshape(CIFAR10_ROWS, row)
    except DAMAGED as error:
        raise ValueError(f"{path.name}: not a whole tar.gz file ({error})") from None
    if missing := [name for name, part in parts.items() if part is None]:
        raise ValueError(f"{path.name}: lacks {', '.join(missing)}")
    return list(parts.values())
