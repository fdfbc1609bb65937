"""Files from the network: fetched once, checked by the hash of their contents, kept in a folder."""

import gzip
import hashlib
import os
import socket
import tempfile
import zlib
from pathlib import Path

TIMEOUT = 30  # seconds a server may stay silent before the next mirror is tried
GITHUB = "https://raw.githubusercontent.com/"
MIRRORS = {  # addresses, in the order in which they are tried; {} stands for the file
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/{}.gz",
        "https://storage.googleapis.com/cvdf-datasets/mnist/{}.gz",
    ),
    "fashion_mnist": (
        GITHUB + "zalandoresearch/fashion-mnist/master/data/fashion/{}.gz",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{}.gz",
    ),
    "cifar10": ("https://www.cs.toronto.edu/~kriz/{}",),
    "imdb": ("https://ai.stanford.edu/~amaas/data/sentiment/{}",),
    "tiny_shakespeare": (GITHUB + "karpathy/char-rnn/master/data/tinyshakespeare/{}",),
}
HASHES = {  # data set/file: what `fetch` knows. Of contents: mirrors and readers may gzip a file.
    "mnist/train-images-idx3-ubyte": {
        "md5": "6bbc9ace898e44ae57da46a324031adb",
        "sha256": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    "mnist/train-labels-idx1-ubyte": {
        "md5": "a25bea736e30d166cdddb491f175f624",
        "sha256": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    "mnist/t10k-images-idx3-ubyte": {
        "md5": "2646ac647ad5339dbf082846283269ea",
        "sha256": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    "mnist/t10k-labels-idx1-ubyte": {
        "md5": "27ae3e4e09519cfbb04c329615203637",
        "sha256": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist/train-images-idx3-ubyte": {
        "md5": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "sha256": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    "fashion_mnist/train-labels-idx1-ubyte": {
        "md5": "9018921c3c673c538a1fc5bad174d6f9",
        "sha256": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    "fashion_mnist/t10k-images-idx3-ubyte": {
        "md5": "8181f5470baa50b63fa0f6fddb340f0a",
        "sha256": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    "fashion_mnist/t10k-labels-idx1-ubyte": {
        "md5": "15d484375f8d13e6eb1aabb0c3f46965",
        "sha256": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    "cifar10/cifar-10-binary.tar.gz": {"md5": "c32a1d4ab5d03f1284b67883e8d87530"},
    "imdb/aclImdb_v1.tar.gz": {"md5": "7c2ac02c03563afcf9b574c7e56c153a"},
    "tiny_shakespeare/input.txt": {
        "sha256": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    },
}
DAMAGED = (gzip.BadGzipFile, zlib.error, EOFError)  # what a broken gzip file raises


def fetch(file):
    """Path of a file of HASHES ("mnist/train-images-idx3-ubyte"), downloaded if need be.

    It lies in the folder of its data set in the cache folder, gzipped (then `.gz` may follow its
    name) or not: open it with `unpacked`. A file from elsewhere may be put there by hand. The cache
    folder is the one that the environment variable COURSE_DATA names, by its whole path, since
    every notebook runs in a folder of its own; without it, the user's cache.

    Each mirror is tried in turn. A file comes to its path only whole and with the right hash; one
    that lies there with another hash is fetched again. Raises ValueError for a file not in HASHES
    and for a relative COURSE_DATA, ConnectionError when no mirror gives the file, OSError when the
    cache folder cannot be used.
    """
    if file not in HASHES:
        raise ValueError(f"no file {file!r}; there are {', '.join(HASHES)}")
    path = _cache_folder() / file
    places = [path] if path.suffix == ".gz" else [path, path.with_name(path.name + ".gz")]
    there, failures = [place for place in places if place.exists()], []
    try:
        for place in there:
            if _is_right(place, file):
                return place
        path.parent.mkdir(parents=True, exist_ok=True)
        for address in MIRRORS[path.parent.name]:
            url = address.format(path.name)
            place = path.with_name(url.rpartition("/")[2])
            try:
                _download(url, place, file)
                return place
            except (OSError, ValueError) as error:  # what requests raises are OSErrors, too,
                if getattr(error, "errno", None):  # but those of the disk have a number
                    raise
                failures.append(f"  {url}: {_why(error)}")
    except OSError as error:
        raise OSError(
            f"cannot use {path} ({error}); free some space, or set the environment "
            "variable COURSE_DATA to a folder that can be written"
        ) from None
    hashes = ", ".join(f"{name} {value}" for name, value in HASHES[file].items())
    by_hand = f"Put the file ({hashes}) by hand at {path}"
    if len(places) > 1:
        by_hand += f", or gzipped at {places[1]}"
    if there:
        by_hand += f"; what lies at {there[0]} has another hash"
    raise ConnectionError("\n".join([f"{file} could not be downloaded:", *failures, by_hand]))


def unpacked(path):
    """A file opened for reading bytes, unpacked on the way if it is gzipped, whatever its name.

    Reading a damaged one raises one of DAMAGED.
    """
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _cache_folder():
    named = os.environ.get("COURSE_DATA")
    if not named:
        import pooch  # here, since it takes a while, and most lessons need no network

        return Path(pooch.os_cache("deep-learning-four-ways"))
    folder = Path(named).expanduser()
    if not folder.is_absolute():
        raise ValueError(
            f"COURSE_DATA={named} is relative, and every notebook runs in a folder of its own: "
            "give the whole path, one that begins with / or ~ (on Windows: with a drive)"
        )
    return folder


def _is_right(path, file):
    """Does this file hold what the file of that name in HASHES does? Read in pieces of 1 MB."""
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in HASHES[file]}
    try:
        with path.open("rb") if file.endswith(".gz") else unpacked(path) as stream:
            while piece := stream.read(2**20):
                for digest in digests.values():
                    digest.update(piece)
    except DAMAGED:
        return False
    return {name: digest.hexdigest() for name, digest in digests.items()} == HASHES[file]


def _download(url, path, file):
    import pooch
    from tqdm.auto import tqdm

    # A folder of its own beside the target: os.replace is atomic only within one file system, two
    # processes never share a half-written file, and leaving removes all of it.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as scratch:
        part = Path(scratch, path.name)
        # pooch asks for bool(bar), which needs a total, and then puts in the real one.
        with tqdm(desc=path.name, total=1, unit="B", unit_scale=True, leave=False) as bar:
            headers = {"Accept-Encoding": "identity"}  # the file as it is stored
            pooch.HTTPDownloader(bar, 2**16, timeout=TIMEOUT, headers=headers)(url, str(part), None)
        if not _is_right(part, file):
            raise ValueError("wrong hash")
        os.replace(part, path)


def _why(error):
    """The innermost cause of a failed download, whole; a few words for the usual ones."""
    if getattr(error, "response", None) is not None:
        return f"HTTP status {error.response.status_code}"
    chain = [error]
    while (inner := _cause(chain[-1])) and inner not in chain:
        chain.append(inner)
    names = {type(link).__name__ for link in chain}
    words = str(chain[-1]) or type(chain[-1]).__name__
    if isinstance(chain[-1], TimeoutError):
        words = f"no answer within {TIMEOUT} s"
    elif isinstance(chain[-1], ConnectionRefusedError):
        words = "connection refused"
    elif isinstance(chain[-1], socket.gaierror):
        words = "host not found"
    elif "IncompleteRead" in names:
        words = "broke off"
    return f"the proxy: {words}" if "ProxyError" in names else words


def _cause(error):
    """What an error was raised for: libraries of HTTP keep it in one of these places, or none."""
    places = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
    return next((place for place in places if isinstance(place, BaseException)), None)
