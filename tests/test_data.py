"""The data sets: split, parsed and downloaded, against a server of small files made here."""

import collections
import errno
import functools
import gzip
import hashlib
import io
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests
import tqdm.auto

from shared import data
from shared.data import detection, download, images, reviews, tables
from shared.data import text as text_data

ROOT = Path(data.__file__).parents[2]
TEXT = "tiny_shakespeare/input.txt"
ROWS = 3  # images in each file of the small CIFAR-10
BATCHES = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
MEMBERS = [*BATCHES, "cifar-10-batches-bin/test_batch.bin"]


# ---------------------------------------------------------------- a server and what it serves


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        if callable(answer):
            answer(self)
        elif isinstance(answer, int):
            self.send_error(answer)
        else:
            self.reply(answer)

    def reply(self, *parts, length=None, between=None):
        self.send_response(200)
        self.send_header("Content-Length", str(length or sum(map(len, parts))))
        self.end_headers()
        for i, part in enumerate(parts):
            if i and between:
                between()
            self.wfile.write(part)
            self.wfile.flush()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.answers, self.closing = [], {}, threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        pass  # a client that has given up is part of the tests


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.closing.set()
        server.shutdown()


@pytest.fixture
def course(server, monkeypatch, tmp_path):
    """An empty cache, two mirrors on the server, and no file that is known yet."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("COURSE_DATA", str(cache))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "TIMEOUT", 5)
    monkeypatch.setattr(images, "CIFAR10_ROWS", ROWS)
    monkeypatch.setattr(reviews, "IMDB_REVIEWS", 3)
    monkeypatch.setattr(download, "HASHES", {})
    for name, addresses in download.MIRRORS.items():
        packed = ".gz" if addresses[0].endswith("{}.gz") else ""
        mirrors = (f"{server.url}one/{{}}{packed}", f"{server.url}two/{{}}{packed}")
        monkeypatch.setitem(download.MIRRORS, name, mirrors)
    return Course(server, cache)


class Course:
    def __init__(self, server, cache):
        self.server, self.cache = server, cache

    def publish(self, file, content, one=None, two=None):
        """Make `content` the right one; serve it, or what `one` and `two` say instead."""
        download.HASHES[file] = hashes(content)
        name, _, basename = file.partition("/")
        for address, answer in zip(download.MIRRORS[name], (one, two), strict=True):
            path = "/" + address.format(basename).removeprefix(self.server.url)
            whole = gzip.compress(content) if address.endswith("{}.gz") else content
            self.server.answers[path] = whole if answer is None else answer

    def lay(self, file, content):
        """Put a file into the cache folder by hand."""
        path = self.cache / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def files(self):
        """Everything in the cache, folders left over from a download included."""
        return sorted(
            str(p.relative_to(self.cache))
            for p in self.cache.rglob("*")
            if p.is_file() or p.name.startswith(".")
        )


def hashes(content):
    return {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha256")}


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def publish_idx(course, name, also=None):
    """Publish both parts of a set, call `also` with every (file, content), return the arrays."""
    rng = np.random.default_rng(1)
    arrays = []
    for part, n in (("train", 7), ("t10k", 4)):
        X = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        y = rng.integers(0, 10, n, dtype=np.uint8)
        for array, kind in ((X, "images-idx3"), (y, "labels-idx1")):
            file = f"{name}/{part}-{kind}-ubyte"
            course.publish(file, idx(array))
            if also:
                also(file, idx(array))
        arrays += [(X[..., None] / 255).astype(np.float32), y.astype(np.int64)]
    return arrays


def cifar10_rows():
    """Contents by member name: label, 1024 red, 1024 green, 1024 blue values a row."""
    rng = np.random.default_rng(2)
    rows = {name: rng.integers(0, 256, (ROWS, 3073), dtype=np.uint8) for name in MEMBERS}
    for i, name in enumerate(MEMBERS):
        rows[name][:, 0] = (i + np.arange(ROWS)) % 10
    return rows


def tar_gz(members):
    """An archive of (name or TarInfo, bytes) pairs, in that order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, content in members:
            info = info if isinstance(info, tarfile.TarInfo) else tarfile.TarInfo(info)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def publish_cifar10(course, change=lambda members: None):
    rows = cifar10_rows()
    members = [(name, rows[name].tobytes()) for name in MEMBERS]
    change(members)
    course.publish("cifar10/cifar-10-binary.tar.gz", tar_gz(members))
    arrays = []
    for names in (BATCHES, MEMBERS[5:]):
        part = np.concatenate([rows[name] for name in names])
        X = np.empty((len(part), 32, 32, 3), np.float32)
        for channel in range(3):
            plane = part[:, 1 + 1024 * channel : 1 + 1024 * (channel + 1)]
            X[..., channel] = plane.reshape(-1, 32, 32) / 255
        arrays += [X, part[:, 0].astype(np.int64)]
    return arrays


def assert_same(actual, expected):
    assert len(actual) == len(expected) == 4
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype and a.flags.c_contiguous
        np.testing.assert_array_equal(a, e)


# ---------------------------------------------------------------- downloads that go well


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_image_set_is_downloaded_once(course, name):
    expected = publish_cifar10(course) if name == "cifar10" else publish_idx(course, name)
    arrays = getattr(data, name)()
    assert_same(arrays, expected)
    assert arrays[0].dtype == np.float32 and arrays[1].dtype == np.int64
    assert 0 <= arrays[0].min() < arrays[0].max() <= 1
    suffix = "" if name == "cifar10" else ".gz"
    assert course.files() == sorted(file + suffix for file in download.HASHES)
    assert len(course.server.asked) == len(download.HASHES)
    course.server.asked.clear()
    assert_same(data.load(name), expected)
    assert course.server.asked == []


def test_text_is_downloaded_once_with_a_progress_bar(course, capsys, monkeypatch):
    shown = functools.partial(tqdm.auto.tqdm, disable=False)  # as for a reader, not as in a build
    monkeypatch.setattr(tqdm.auto, "tqdm", shown)
    course.publish(TEXT, b"First Citizen:\r\nBefore we proceed\n")
    assert data.tiny_shakespeare() == "First Citizen:\r\nBefore we proceed\n"
    assert "input.txt" in capsys.readouterr().err
    assert data.tiny_shakespeare() == "First Citizen:\r\nBefore we proceed\n"
    assert course.server.asked == ["/one/input.txt"] and course.files() == [TEXT]
    assert capsys.readouterr().err == ""


def test_sets_with_equal_file_names_are_kept_apart(course):
    mnist = publish_idx(course, "mnist")
    data.mnist()
    rng = np.random.default_rng(3)
    other = [rng.integers(0, 10, (5, 28, 28), dtype=np.uint8), np.arange(5, dtype=np.uint8)]
    for part in ("train", "t10k"):
        for array, kind in zip(other, ("images-idx3", "labels-idx1"), strict=True):
            course.publish(f"fashion_mnist/{part}-{kind}-ubyte", idx(array))
    assert data.fashion_mnist()[0].shape == (5, 28, 28, 1)
    assert_same(data.mnist(), mnist)


@pytest.mark.parametrize("name", ["md5", "sha256"])
def test_every_hash_is_checked(course, name):
    course.publish(TEXT, b"text")
    assert data.tiny_shakespeare() == "text"
    download.HASHES[TEXT][name] = hashes(b"other")[name]
    with pytest.raises(ConnectionError, match="wrong hash"):
        data.tiny_shakespeare()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda raw: gzip.compress(raw, 1)])
def test_files_from_elsewhere_are_known_by_their_contents(course, suffix, pack):
    # Packed anew, unpacked, or unpacked by a browser that left the name as it was.
    expected = publish_idx(course, "mnist", lambda file, raw: course.lay(file + suffix, pack(raw)))
    assert_same(data.mnist(), expected)
    assert course.server.asked == []
    course.publish(TEXT, b"text")
    course.lay(TEXT + suffix, pack(b"text"))
    assert data.tiny_shakespeare() == "text" and course.server.asked == []


def test_mirrors_may_pack_a_file_in_their_own_way(course):
    expected = publish_idx(course, "mnist")
    for path, content in course.server.answers.items():
        course.server.answers[path] = gzip.compress(gzip.decompress(content), 1)
    assert_same(data.mnist(), expected)
    assert not any(path.startswith("/two/") for path in course.server.asked)


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path, monkeypatch):
    content = bytes(50_000_000)
    path = tmp_path / "large.bin"
    path.write_bytes(gzip.compress(content))
    monkeypatch.setitem(download.HASHES, "set/large.bin", hashes(content))
    tracemalloc.start()
    try:
        assert download._is_right(path, "set/large.bin")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_stored_bytes_are_asked_for(course):
    # A server may gzip a text on its way, or label a .gz so that the client unpacks it.
    course.publish(
        TEXT,
        b"text",
        one=lambda handler: handler.reply(
            b"text" if handler.headers["Accept-Encoding"] == "identity" else b"packed"
        ),
    )
    assert data.fetch(TEXT).read_bytes() == b"text"
    assert course.server.asked == ["/one/input.txt"]


def test_default_cache_is_the_users(course, monkeypatch, tmp_path):
    course.publish(TEXT, b"text")
    monkeypatch.setenv("COURSE_DATA", "")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    assert data.fetch(TEXT) == tmp_path / "deep-learning-four-ways" / TEXT
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURSE_DATA", "~/data")
    assert data.fetch(TEXT) == tmp_path / "data" / TEXT


def test_tables_are_consistent():
    assert {file.partition("/")[0] for file in download.HASHES} == set(download.MIRRORS)
    digits = {"md5": 32, "sha256": 64}
    for file, known in download.HASHES.items():
        assert file.count("/") == 1 and known
        for name, value in known.items():
            assert re.fullmatch(f"[0-9a-f]{{{digits[name]}}}", value), file
    for name, addresses in download.MIRRORS.items():
        assert isinstance(addresses, tuple)  # a bare string would be tried letter by letter
        assert all(re.fullmatch(r"https?://.*/\{\}(\.gz)?", address) for address in addresses)
        assert addresses[0].startswith("https:"), name  # first what nobody on the way can change
        secure = [address.startswith("https:") for address in addresses]
        assert secure == sorted(secure, reverse=True), name
    values = [value for known in download.HASHES.values() for value in known.values()]
    assert len(set(values)) == len(values)
    assert images.CIFAR10_ROWS == 10_000
    assert len(set(data.FASHION_MNIST_CLASSES)) == len(set(data.CIFAR10_CLASSES)) == 10


# ---------------------------------------------------------------- downloads that go wrong


def truncated(handler):
    handler.reply(b"te", length=100)


def silent(handler):
    handler.server.closing.wait(20)


def stalled(handler):
    handler.reply(b"te", b"xt", between=lambda: handler.server.closing.wait(20))


def unlabelled(handler):
    """A body without Content-Length that ends too early: only the hash can tell."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"te")


FAULTS = [
    (404, "HTTP status 404"),
    (503, "HTTP status 503"),
    (truncated, "broke off"),
    (b"fake", "wrong hash"),
    (b"", "wrong hash"),
    (unlabelled, "wrong hash"),
    (silent, "no answer within 0.3 s"),
    (stalled, "no answer within 0.3 s"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_next_mirror_is_tried(course, monkeypatch, fault, reason):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    course.publish(TEXT, b"text", one=fault)
    assert data.fetch(TEXT).read_bytes() == b"text"
    assert course.server.asked == ["/one/input.txt", "/two/input.txt"]
    assert course.files() == [TEXT]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_one_error_when_all_mirrors_fail(course, monkeypatch, fault, reason):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    course.publish(TEXT, b"text", one=fault, two=404)
    start = time.monotonic()
    with pytest.raises(ConnectionError) as caught:
        data.fetch(TEXT)
    assert time.monotonic() - start < 5
    url = course.server.url
    assert str(caught.value).splitlines() == [
        f"{TEXT} could not be downloaded:",
        f"  {url}one/input.txt: {reason}",
        f"  {url}two/input.txt: HTTP status 404",
        f"Put the file (md5 {hashes(b'text')['md5']}, sha256 {hashes(b'text')['sha256']}) "
        f"by hand at {course.cache / TEXT}, or gzipped at {course.cache / TEXT}.gz",
    ]
    assert caught.value.__context__ is None  # no chain of tracebacks from the HTTP library
    assert course.files() == []


@pytest.fixture
def nobody():
    """The address of a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else's
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_connection_refused(course, monkeypatch, nobody):
    course.publish(TEXT, b"text")
    monkeypatch.setitem(download.MIRRORS, "tiny_shakespeare", (nobody + "{}", nobody + "again/{}"))
    with pytest.raises(ConnectionError) as caught:
        data.tiny_shakespeare()
    message = str(caught.value)
    assert f"  {nobody}input.txt: connection refused\n" in message
    assert f"  {nobody}again/input.txt: connection refused\n" in message
    # What the message says helps: the file put by hand at that place is taken.
    places = [Path(place) for place in re.findall(r" at (/.*?)(?:, or|$)", message)]
    assert len(places) == 2
    for place, content in zip(places, (b"text", gzip.compress(b"text")), strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        assert data.tiny_shakespeare() == "text"
        place.unlink()
    monkeypatch.setitem(
        download.MIRRORS, "tiny_shakespeare", (nobody + "{}", course.server.url + "one/{}")
    )
    assert data.tiny_shakespeare() == "text"


def test_unknown_host(course, monkeypatch):
    course.publish(TEXT, b"text")
    monkeypatch.setitem(download.MIRRORS, "tiny_shakespeare", ("http://course.invalid/{}",))

    def no_name(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(ConnectionError, match="course.invalid/input.txt: host not found"):
        data.fetch(TEXT)


def why(course, monkeypatch, address):
    """What the error says of a file at this address."""
    course.publish(TEXT, b"text")
    monkeypatch.setitem(download.MIRRORS, "tiny_shakespeare", (address,))
    with pytest.raises(ConnectionError) as caught:
        data.fetch(TEXT)
    line = str(caught.value).splitlines()[1]
    start = f"  {address.format('input.txt')}: "
    assert line.startswith(start)
    return line.removeprefix(start)


@pytest.fixture
def https(server, tmp_path):
    """The address of the server by https, with a certificate that it has signed itself."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.url.replace("http:", "https:"), certificate


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_an_untrusted_certificate_is_named(course, https, monkeypatch):
    address, certificate = https
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    words = why(course, monkeypatch, address + "one/{}")
    assert "certificate verify failed: self-signed certificate" in words
    assert "Pool" not in words  # no message of the libraries around it
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert data.tiny_shakespeare() == "text"


def test_a_ca_bundle_that_does_not_exist_is_no_matter_of_the_disk(course, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    words = why(course, monkeypatch, "https://127.0.0.1:9/{}")
    assert "CA certificate bundle" in words and words.endswith("/nowhere/ca.pem")


def test_a_ca_bundle_that_is_none_is_named(course, monkeypatch, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    words = why(course, monkeypatch, course.server.url.replace("http:", "https:") + "{}")
    assert "certificate" in words.lower() or "x509" in words.lower()


def asks_for_a_password(handler):
    handler.send_error(407)


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ("https", "the proxy: Tunnel connection failed: 407 Proxy Authentication Required"),
        ("http", "HTTP status 407"),
    ],
)
def test_a_proxy_that_asks_for_a_password_is_named(course, monkeypatch, scheme, words):
    monkeypatch.setattr(Handler, "do_CONNECT", asks_for_a_password, raising=False)
    monkeypatch.setattr(Handler, "do_GET", asks_for_a_password)
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", course.server.url)
    monkeypatch.setenv(f"{scheme}_proxy", course.server.url)
    assert why(course, monkeypatch, f"{scheme}://course.invalid/{{}}") == words


def test_a_proxy_that_is_not_there_is_named(course, monkeypatch, nobody):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", nobody)
    monkeypatch.setenv("https_proxy", nobody)
    words = why(course, monkeypatch, "https://course.invalid/{}")
    assert words == "the proxy: connection refused"


def test_other_causes_are_said_whole(course, monkeypatch):
    long = "a sentence of the library that goes on for more than eighty characters " * 3

    def fail(self, url, output_file, downloader):
        raise requests.ConnectionError(OSError("outer", RuntimeError(long)))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fail)
    assert why(course, monkeypatch, "https://course.invalid/{}") == long


@pytest.mark.parametrize("broken", [b"", b"tex", b"fake", b"text and more"])
def test_broken_file_is_fetched_again(course, broken):
    course.publish(TEXT, b"text")
    path = course.cache / TEXT
    path.parent.mkdir(parents=True)
    path.write_bytes(broken)
    with path.open("rb") as reader:
        assert data.tiny_shakespeare() == "text"
        assert reader.read() == broken  # replaced in one step, not written over
    assert course.files() == [TEXT] and path.read_bytes() == b"text"


def test_broken_file_without_network_is_named_and_kept(course):
    course.publish(TEXT, b"text", one=404, two=404)
    path = course.cache / TEXT
    path.parent.mkdir(parents=True)
    path.write_bytes(b"fake")
    place = re.escape(str(path))
    with pytest.raises(ConnectionError, match=f"; what lies at {place} has another hash$"):
        data.fetch(TEXT)
    assert course.files() == [TEXT] and path.read_bytes() == b"fake"


@pytest.mark.parametrize("folder", ["data", "./data", "../data"])
def test_relative_cache_folder_is_refused(course, monkeypatch, tmp_path, folder):
    # Each notebook has its own working directory: this would be many folders, in the repository.
    course.publish(TEXT, b"text")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", folder)
    with pytest.raises(ValueError, match=f"COURSE_DATA={folder} is relative.*whole path"):
        data.fetch(TEXT)
    assert course.server.asked == [] and list(tmp_path.iterdir()) == []


def test_cache_folder_that_cannot_be_made(course, monkeypatch, tmp_path):
    # Below a regular file no folder can be made, not even by root.
    course.publish(TEXT, b"text")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match="COURSE_DATA") as caught:
        data.fetch(TEXT)
    assert not isinstance(caught.value, ConnectionError)
    assert str(tmp_path / "file" / "cache" / TEXT) in str(caught.value)
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None
    assert course.server.asked == []


def test_disk_full_in_the_middle(course, monkeypatch):
    course.publish(TEXT, b"text")

    def fill_up(self, url, output_file, downloader):
        Path(output_file).write_bytes(b"te")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fill_up)
    with pytest.raises(OSError, match="No space left on device.*COURSE_DATA") as caught:
        data.fetch(TEXT)
    assert not isinstance(caught.value, ConnectionError)
    assert course.files() == []


def test_read_only_cache_serves_what_it_has(course, monkeypatch):
    course.publish(TEXT, b"text")
    data.fetch(TEXT)

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(download.tempfile, "TemporaryDirectory", refuse)
    assert data.fetch(TEXT).read_bytes() == b"text"
    course.publish(TEXT, b"another edition")
    with pytest.raises(OSError, match="Read-only file system.*COURSE_DATA"):
        data.fetch(TEXT)


def test_interrupted_download_leaves_nothing(course, monkeypatch):
    course.publish(TEXT, b"text")

    def interrupt(self, url, output_file, downloader):
        Path(output_file).write_bytes(b"te")
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.fetch(TEXT)
    assert course.files() == []


def test_two_processes_at_once(course):
    content = np.random.default_rng(4).bytes(300_000)
    path = course.cache / TEXT
    seen = []
    both = threading.Barrier(2, action=lambda: seen.append(path.exists()), timeout=15)
    course.publish(
        TEXT,
        content,
        one=lambda handler: handler.reply(content[:150_000], content[150_000:], between=both.wait),
    )
    script = (
        "import json, sys; from shared import data; "
        "data.download.MIRRORS, data.download.HASHES = json.loads(sys.argv[1]); "
        "print(data.fetch(sys.argv[2]).read_bytes()[-10:].hex())"
    )
    command = [sys.executable, "-c", script, json.dumps([download.MIRRORS, download.HASHES]), TEXT]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert out.strip() == content[-10:].hex()
    assert course.server.asked == ["/one/input.txt"] * 2
    assert seen == [False]  # both were half way, and nothing stood at the final name
    assert course.files() == [TEXT] and path.read_bytes() == content


def test_unknown_file():
    with pytest.raises(ValueError, match="no file 'mnist/secret'.*mnist/train-images"):
        data.fetch("mnist/secret")


# ---------------------------------------------------------------- files that lie


def with_header(*sizes, magic=b"\0\0\x08\x03", body=bytes(2 * 28 * 28)):
    return magic + struct.pack(f">{len(sizes)}I", *sizes) + body


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (with_header(3, 28, 28), r"promises \[3, 28, 28\], but 1568 bytes follow, not 2352"),
        (with_header(1, 28, 28), r"promises \[1, 28, 28\], but 1568 bytes follow, not 784"),
        (with_header(2, 28, 27), "promises"),
        (with_header(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), "promises"),
        # 2**64 bytes: a product that wraps around would call this an empty array
        (with_header(2**31, 2**31, 4, body=b""), "promises"),
        (with_header(2, 28, 28, magic=b"\x01\0\x08\x03"), "the header is 01000803"),
        (with_header(2, 28, 28, magic=b"\0\0\x0d\x03"), "the header is 00000d03"),
        (with_header(2, 784, magic=b"\0\0\x08\x02"), "that start with 00000803"),
        (b"\0\0\x08\x03\0\0\0\x02\0\0", "expected 16 bytes"),
        (b"", "expected 16 bytes"),
    ],
)
def test_idx_header_that_lies(course, raw, message):
    publish_idx(course, "mnist")
    course.publish("mnist/train-images-idx3-ubyte", raw)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: .*" + message):
        data.mnist()


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-20],
        lambda packed: packed[:-8] + bytes(4) + packed[-4:],  # the checksum
        lambda packed: packed[:10] + b"\xff" * 20 + packed[30:],
        lambda packed: b"no gzip",
        lambda packed: packed + b"more",
    ],
)
def test_damaged_gzip_is_another_file(course, damage):
    expected = publish_idx(course, "mnist")
    file = "mnist/t10k-images-idx3-ubyte"
    [one, two] = [
        "/" + a.format(file.partition("/")[2]).removeprefix(course.server.url)
        for a in download.MIRRORS["mnist"]
    ]
    broken = damage(course.server.answers[one])
    path = course.lay(file + ".gz", broken)
    course.server.answers[one] = broken
    assert_same(data.mnist(), expected)  # from the second mirror
    assert two in course.server.asked
    path.write_bytes(broken)
    course.server.answers[two] = broken
    with pytest.raises(ConnectionError, match="wrong hash\n.*wrong hash\n.*has another hash"):
        data.mnist()
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz: (not a whole|the header)"):
        images._read_idx(path, 3)


@pytest.mark.parametrize("labels", [[1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 10]])
def test_labels_that_do_not_fit(course, labels):
    publish_idx(course, "mnist")  # four test images
    raw = idx(np.array(labels, np.uint8))
    course.publish("mnist/t10k-labels-idx1-ubyte", raw)
    with pytest.raises(ValueError, match=f"mnist/t10k: 4 images and {len(labels)} labels"):
        data.mnist()


def test_cifar10_takes_only_its_members_in_their_order(course, tmp_path):
    def change(members):
        members.reverse()
        members.insert(0, ("cifar-10-batches-bin/readme.html", b"<html>"))
        members.append(("../escaped.bin", b"evil"))
        members.append((str(tmp_path / "absolute.bin"), b"evil"))
        folder = tarfile.TarInfo("cifar-10-batches-bin")
        folder.type = tarfile.DIRTYPE
        members.insert(0, (folder, b""))

    expected = publish_cifar10(course, change)
    assert_same(data.cifar10(), expected)
    assert course.files() == ["cifar10/cifar-10-binary.tar.gz"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache"]


def drop(members):
    del members[5]


def shorten(members):
    members[2] = (members[2][0], members[2][1][:-1])


def lengthen(members):
    members[2] = (members[2][0], members[2][1] + b"x")


def double(members):
    members.append(members[2])


def link(members):
    info = tarfile.TarInfo(MEMBERS[2])
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
    members[2] = (info, bytes(ROWS * 3073))  # the right size


def mislabel(members):
    members[5] = (members[5][0], b"\x0a" + members[5][1][1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"lacks cifar-10-batches-bin/test_batch\.bin"),
        (list.clear, "lacks .*data_batch_1.bin, .*test_batch.bin"),
        (shorten, r"data_batch_3\.bin has 9218 bytes, expected one regular file of 9219"),
        (lengthen, r"data_batch_3\.bin has 9220 bytes, expected one regular file of 9219"),
        (double, r"data_batch_3\.bin .*expected one regular file"),
        (link, r"data_batch_3\.bin .*expected one regular file"),
        (mislabel, "cifar10: .*labels up to 10"),
    ],
)
def test_cifar10_archive_that_lies(course, change, message):
    publish_cifar10(course, change)
    with pytest.raises(ValueError, match=message):
        data.cifar10()


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1000],
        lambda packed: gzip.compress(gzip.decompress(packed)[:20_000]),
        lambda packed: packed[:10] + b"\xff" * 20 + packed[30:],
        lambda packed: b"no archive",
        lambda packed: b"",
    ],
)
def test_cifar10_that_is_not_an_archive(course, damage):
    rows = cifar10_rows()
    packed = tar_gz([(name, rows[name].tobytes()) for name in MEMBERS])
    course.publish("cifar10/cifar-10-binary.tar.gz", damage(packed))
    with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz: not a whole tar\.gz"):
        data.cifar10()


# ---------------------------------------------------------------- IMDB


IMDB = "imdb/aclImdb_v1.tar.gz"


def publish_imdb(course, change=lambda members: None, damage=lambda packed: packed):
    """A small archive: three reviews of each kind, and what lies beside them in the real one."""
    members = [("aclImdb/README", b"read me"), ("aclImdb/train/unsup/0_0.txt", b"no label")]
    for half, stars in [("test", (2, 9)), ("train", (1, 10))]:
        for number in (2, 0, 1):
            for kind, star in zip(("neg", "pos"), stars, strict=True):
                text = f"{half} {kind} {number}: caf\u00e9<br />"
                members.append((f"aclImdb/{half}/{kind}/{number}_{star}.txt", text.encode()))
    change(members)
    course.publish(IMDB, damage(tar_gz(members)))


def test_imdb(course):
    publish_imdb(course)
    texts_train, y_train, texts_test, y_test = data.imdb()
    for texts, half in [(texts_train, "train"), (texts_test, "test")]:
        kinds = [(kind, number) for kind in ("neg", "pos") for number in range(3)]
        assert texts == [f"{half} {kind} {number}: caf\u00e9<br />" for kind, number in kinds]
    for y in (y_train, y_test):
        assert y.dtype == np.int64 and y.tolist() == [0, 0, 0, 1, 1, 1]
    assert course.files() == [IMDB]  # nothing is unpacked


@pytest.mark.parametrize(
    "name",
    ["../escaped.txt", "/tmp/absolute.txt", "aclImdb/../../escaped.txt", "aclImdb\\..\\x.txt"],
)
def test_imdb_refuses_a_path_that_leaves_the_archive(course, tmp_path, name):
    publish_imdb(course, lambda members: members.append((name, b"evil")))
    with pytest.raises(ValueError, match="leaves the archive"):
        data.imdb()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache"]


def drop_review(members):
    del members[-1]


def double_review(members):
    members.append(("aclImdb/train/pos/1_8.txt", b"once more"))


def link_review(members):
    info = tarfile.TarInfo("aclImdb/train/pos/3_10.txt")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
    members.append((info, b""))


def bloat_review(members):
    members[-1] = (members[-1][0], bytes(reviews.LONGEST + 1))


def latin_review(members):
    members[-1] = (members[-1][0], b"caf\xe9")


def renumber_review(members):
    members[-1] = ("aclImdb/train/pos/7_10.txt", b"a gap")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_review, "2 reviews in train/pos, expected those with the numbers 0 to 2"),
        (double_review, r"train/pos/1_8\.txt .* or comes twice"),
        (link_review, r"train/pos/3_10\.txt is no regular file"),
        (bloat_review, r"train/pos/1_10\.txt .*more than 100000 bytes"),
        (latin_review, r"train/pos/1_10\.txt is no UTF-8"),
        (renumber_review, "3 reviews in train/pos, expected those with the numbers 0 to 2"),
    ],
)
def test_imdb_archive_that_lies(course, change, message):
    publish_imdb(course, change)
    with pytest.raises(ValueError, match=message):
        data.imdb()


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-100],
        lambda packed: gzip.compress(gzip.decompress(packed)[:700]),
        lambda packed: b"no archive",
        lambda packed: b"",
    ],
)
def test_imdb_that_is_not_an_archive(course, damage):
    publish_imdb(course, damage=damage)
    with pytest.raises(ValueError, match=r"aclImdb_v1\.tar\.gz: not a whole tar\.gz"):
        data.imdb()


# ---------------------------------------------------------------- sets that need no network


def test_diabetes():
    X_train, y_train, X_test, y_test = data.diabetes()
    assert X_train.shape == (354, 10) and y_train.shape == (354,)
    assert X_test.shape == (88, 10) and y_test.shape == (88,)
    assert all(array.dtype == np.float64 for array in (X_train, y_train, X_test, y_test))
    X, y = np.concatenate([X_train, X_test]), np.concatenate([y_train, y_test])
    assert len(np.unique(X, axis=0)) == 442  # nobody is in both parts
    column = dict(zip(data.DIABETES_FEATURES, X.T, strict=True))
    assert (column["age"].min(), column["age"].max()) == (19, 79)
    assert set(column["sex"]) == {1, 2}
    assert (column["bmi"].min(), column["bmi"].max()) == (18, 42.2)
    assert 60 < column["bp"].min() < column["bp"].max() < 140
    # s4 is total cholesterol over HDL, which the source rounds, often to an integer
    assert np.mean(np.abs(column["s4"] - column["s1"] / column["s3"]) < 0.51) > 0.95
    assert (y.min(), y.max()) == (25, 346)
    # Row and target still belong together: BMI and progression are known to go together.
    assert np.corrcoef(column["bmi"], y)[0, 1] == pytest.approx(0.586, abs=1e-3)


def test_digits():
    X_train, y_train, X_test, y_test = data.digits()
    assert X_train.shape == (1437, 8, 8, 1) and y_train.shape == (1437,)
    assert X_test.shape == (360, 8, 8, 1) and y_test.shape == (360,)
    assert X_train.dtype == X_test.dtype == np.float32
    assert y_train.dtype == y_test.dtype == np.int64
    for X in (X_train, X_test):
        assert X.min() == 0 and X.max() == 1
        np.testing.assert_array_equal(X * 16, np.round(X * 16))
    np.testing.assert_array_equal(np.bincount(y_test), [36] * 10)
    counts = np.bincount(y_train)
    assert len(counts) == 10 and counts.min() == 138 and counts.max() == 147
    for y in (y_train, y_test):  # well mixed: a lesson may take the first rows as a small set
        for part in (y[:100], y[-100:]):
            assert np.bincount(part, minlength=10).min() >= 4


def test_digits_leak_nothing():
    X_train, _, X_test, _ = data.digits()
    train = {image.tobytes() for image in X_train}
    test = {image.tobytes() for image in X_test}
    assert len(train) == 1437 and len(test) == 360
    assert not train & test


def test_digits_keep_their_labels():
    X_train, y_train, X_test, y_test = data.digits()
    distances = ((X_test[:, None] - X_train[None]) ** 2).sum(axis=(2, 3, 4))  # (test, train)
    assert (y_train[distances.argmin(axis=1)] == y_test).mean() > 0.97


def test_tables_are_those_of_scikit_learn():
    from sklearn import datasets

    X, y = datasets.load_digits(return_X_y=True)
    digits = tables._table("digits.csv.gz", ",")
    np.testing.assert_array_equal(digits, np.column_stack([X, y]))
    X, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    np.testing.assert_array_equal(tables._table("diabetes_data_raw.csv.gz"), X)
    np.testing.assert_array_equal(tables._table("diabetes_target.csv.gz"), y)
    with pytest.raises(FileNotFoundError, match="nothing.csv"):
        tables._table("nothing.csv")


@pytest.mark.parametrize("name", ["diabetes", "digits"])
def test_split_is_fixed(name):
    np.random.seed(0)  # noqa: NPY002 (the global state must not matter)
    first = getattr(data, name)()
    np.random.seed(1)  # noqa: NPY002
    for array in first:
        assert array.flags.owndata  # a lesson that writes into its data changes no other
    assert_same(getattr(data, name)(), first)


def test_split_is_that_of_the_notebooks():
    # The numbers that lessons assert hang on these splits.
    assert [float(y) for y in data.diabetes()[1][:5]] == [222, 259, 308, 71, 141]
    assert data.digits()[1][:10].tolist() == [8, 4, 7, 6, 7, 3, 3, 4, 5, 2]


def test_scenes():
    drawn = data.scenes(300)
    assert [array.shape for array in drawn] == [
        (300, 48, 48, 3), (300, 5, 4), (300, 5), (300, 48, 48), (300, 48, 48)
    ]  # fmt: skip
    assert [str(array.dtype) for array in drawn] == ["float32"] * 2 + ["int64"] * 3
    assert drawn.images.min() >= 0 and drawn.images.max() <= 1
    bytes_ = np.round(255 * drawn.images.astype(np.float64)).astype(np.uint8)
    np.testing.assert_allclose(drawn.images, bytes_ / 255, atol=1e-7)
    solutions = b"".join(array.astype("<f4").tobytes() for array in drawn[1:])
    assert hashlib.sha256(bytes_.tobytes() + solutions).hexdigest().startswith("df945d8b581b2622")
    there = drawn.labels >= 0
    assert (there[:, 1:] <= there[:, :-1]).all() and not drawn.boxes[~there].any()  # in front
    counts = np.bincount(there.sum(axis=1), minlength=6)
    assert counts.min() > 10 and counts[1:4].min() > 50  # of scenes with 0 to 5 digits
    heights = (drawn.boxes[..., 3] - drawn.boxes[..., 1])[there]
    assert heights.min() >= 6 and heights.max() <= 24
    assert (heights < 10).sum() > 100 and (heights > 18).sum() > 100
    for few, many in zip(data.scenes(3), drawn, strict=True):
        np.testing.assert_array_equal(few, many[:3])


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("seed", [0, 1])
def test_scenes_and_their_solutions_agree(part, seed):
    drawn = data.scenes(100, part, seed, side=32)
    covered = 0
    for boxes, labels, things, classes in zip(*drawn[1:], strict=True):
        n = (labels >= 0).sum()
        of_thing = np.concatenate([[0], labels + 1])
        np.testing.assert_array_equal(classes, of_thing[things])
        assert set(np.unique(things)) - {0} == set(range(1, n + 1))
        for i, (left, top, right, bottom) in enumerate(boxes[:n].astype(int)):
            rows, columns = np.nonzero(things == i + 1)
            extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            if i == n - 1:  # nothing lies on the last one: its box is tight
                assert extent == [left, top, right, bottom]
            inside = left <= extent[0] and top <= extent[1]
            assert inside and extent[2] <= right and extent[3] <= bottom
            covered += extent != [left, top, right, bottom]
    assert covered > 10


def test_scenes_share_no_digit(monkeypatch):
    used = set()
    monkeypatch.setattr(detection, "_enlarged", lambda ink, side: used.add(ink.tobytes()) or ink)
    X_train, _, X_test, _ = data.digits()
    for part, X in [("train", X_train[:1077]), ("validation", X_train[1077:]), ("test", X_test)]:
        used.clear()
        data.scenes(200, part)
        assert len(used) > 100 and used <= {x.tobytes() for x in X}, part


@pytest.mark.parametrize("arguments", [(0,), (1, "all"), (1, "train", -1), (1, "train", 0, 31)])
def test_scenes_reject(arguments):
    with pytest.raises(ValueError, match="at least 1 scene, of a part in train, validation, test"):
        data.scenes(*arguments)


def test_dates():
    train, test = data.dates()
    assert (len(train), len(test)) == (4000, 500)
    assert ("mardi 25 décembre 2074", "Tuesday, December 25, 2074") in train
    assert ("31 mars 2084", "Mar 31, 2084") in train
    assert train == data.dates()[0]
    lengths = {len(french.split()) for french, _ in train}
    assert lengths == {3, 4}
    for french, english in train + test:  # day and year survive the translation
        assert french.split()[-1] == english.split()[-1]
        assert french.split()[-3].removesuffix("er") == english.split()[-2].rstrip(",")


def test_dates_leak_nothing():
    def days(pairs):
        return {(*french.split()[-3::2], french.split()[-2][:4]) for french, _ in pairs}

    train, test = map(days, data.dates())
    assert not train & test
    assert len(test) == 500


def test_grammar():
    sentences, analogies = data.grammar()
    assert len(sentences) == 6000 and sentences == data.grammar()[0] != data.grammar(seed=1)[0]
    assert sentences[7] == "the waiter lost his menu".split()
    assert {name: len(found) for name, found in analogies.items()} == {
        "gender": 90, "capital": 168, "plural": 56, "degree": 168
    }  # fmt: skip
    assert ("man", "woman", "king", "queen") in analogies["gender"]
    assert ("france", "french", "spain", "spanish") in analogies["capital"]
    counts = collections.Counter(word for words in sentences for word in words)
    for found in analogies.values():
        table = {word for question in found for word in question}
        assert all(len(set(question)) == 4 for question in found)
        assert min(counts[word] for word in table) >= 20
        assert all(sum(word in table for word in words) <= 1 for words in sentences)
    families = [{word for q in found for word in q} for found in analogies.values()]
    assert all(sum(len(f & set(words)) for f in families) == 1 for words in sentences)


def test_grammar_has_a_thing_of_any_row_in_one_sentence_of_five():
    rows = [r.split() for _, _, text in text_data._GRAMMAR.values() for r in text.split(",")]
    row_of = {word: n for n, row in enumerate(rows) for word in row}
    found = [[row_of[w] for w in words if w in row_of] for words in data.grammar()[0]]
    assert all(len(pair) == 2 for pair in found)  # the word and the thing
    own = sum(a == b for a, b in found) / len(found)
    chance = (1 / 10 + 3 / 8) / 4  # families of 10, 8, 8 and 8 rows
    assert abs(own - (0.8 + 0.2 * chance)) < 0.015  # three standard deviations


def test_grammar_has_no_word_in_two_places():
    words = [
        w for _, _, text in text_data._GRAMMAR.values() for w in text.replace(",", " ").split()
    ]
    marked = {
        w for markers, _, _ in text_data._GRAMMAR.values() for column in markers for w in column
    }
    assert len(words) == len(set(words)) and not marked & set(words)


def test_invented_reviews():
    texts, labels, kinds, *test = data.invented_reviews()
    assert (len(texts), labels.shape, kinds.shape) == (4800, (4800,), (4800,))
    assert [len(part) for part in test] == [1200] * 3 and labels.dtype == np.int64
    drawn = "\n".join(texts + test[0]).encode()
    assert hashlib.sha256(drawn).hexdigest().startswith("4633ba6298987ed7")  # on every NumPy
    assert texts[0] != data.invented_reviews(seed=1)[0][0]
    denied = "the case was not at all fast , although the camera seemed sturdy to me ."
    assert (texts[23], labels[23], kinds[23]) == (denied, 0, "both")
    assert texts[10].startswith("the cast was far from miserable . the plot was funny . it is ")
    assert (labels[10], kinds[10]) == (1, "negated")
    assert all(4 <= len(text.split()) <= 60 and text == text.lower() for text in texts + test[0])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_invented_reviews_are_out_of_reach_for_who_counts_words(seed):
    train, test = (data.invented_reviews(seed=seed)[part] for part in (slice(3), slice(3, 6)))
    for texts, labels, kinds in (train, test):
        assert collections.Counter(kinds) == dict.fromkeys(reviews.KINDS, len(texts) // 4)
        for n in range(0, len(texts), 2):
            assert sorted(labels[n : n + 2]) == [0, 1] and kinds[n] == kinds[n + 1]
            same = sorted(texts[n].split()) == sorted(texts[n + 1].split())
            assert same or kinds[n] == "plain"
    pairs = list(zip(*train[:2], strict=True))
    seen = [{word for text, y in pairs if y == k for word in text.split()} for k in (0, 1)]
    assert {w for text in test[0] for w in text.split()} <= seen[0] & seen[1]
    assert len(set(train[0] + test[0])) == 6000  # no review comes twice


def test_invented_reviews_hold_words_back():
    """What the test denies or weighs is never denied or weighed so in training."""

    def denied(texts, kinds):
        found = set()
        for text in (text for text, kind in zip(texts, kinds, strict=True) if kind in turned):
            for phrase in reviews._DENIED:
                pattern = phrase.replace("{a}", r"\w+").replace("{w}", r"(\w+)")
                found |= {(phrase, word) for word in re.findall(rf"\b{pattern}\b", text)}
        return found

    turned = ("negated", "both")
    texts, _, kinds, test_texts, _, test_kinds = data.invented_reviews()
    train, test = denied(texts, kinds), denied(test_texts, test_kinds)
    assert len(train) > 200 and len(test) > 80 and not train & test

    judging = {w for row in reviews._WORDS for w in row.split()}
    judging |= {w for _, own, _ in reviews._TOPICS.values() for row in own for w in row.split()}

    def weighed(texts, kinds):
        """(conjunction, word) of all that a conjunction weighs."""
        joints = " in the end | , even if | all the same | , but | , although |although ".split("|")
        found = set()
        for text in (text for text, kind in zip(texts, kinds, strict=True) if kind in turned):
            if joint := next((joint for joint in joints if joint in text), None):
                found |= {(joint, word) for word in judging & set(text.split())}
        return found

    turned = ("contrasted", "both")
    train, test = weighed(texts, kinds), weighed(test_texts, test_kinds)
    assert len(train) > 200 and len(test) > 60 and not train & test


@pytest.mark.parametrize("sizes", [(0, 8), (8, 0), (9, 8), (8, 12), (-8, 8)])
def test_invented_reviews_come_in_pairs_of_each_kind(sizes):
    with pytest.raises(ValueError, match="multiples of 8"):
        data.invented_reviews(*sizes)
    assert len(data.invented_reviews(8, 16)[3]) == 16


def test_python_manual():
    text = data.python_manual()
    assert len(text) == 465_047 and text.isprintable() is False
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    assert sha256 == "d9dc35bce5ab1a24ed7f4c3c9b7c22450410e9d68279e3426db458c6be371621"
    assert 'The "assert" statement' in text and 'The "while" statement' in text


def test_python_manual_is_that_of_3_11_on_every_python(monkeypatch):
    # numbers that lessons share come from this text: the running Python's own must not matter
    monkeypatch.setitem(sys.modules, "pydoc_data", None)
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert len(data.python_manual()) == 465_047
    monkeypatch.undo()
    if sys.version_info[:3] == (3, 11, 7):
        from pydoc_data.topics import topics

        expected = "\n\n".join(topics[name].strip() for name in sorted(topics))
        assert data.python_manual() == expected
        raw = (ROOT / "shared/data/python_manual.txt.gz").read_bytes()
        assert raw[4:8] == bytes(4)  # no time: packed again it is the same file


def test_python_manual_comes_with_its_licence_and_both_with_the_package(tmp_path):
    licence = (ROOT / "shared/data/python_manual_licence.txt").read_text("ascii")
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in licence
    for name in ("shared", "pyproject.toml", "README.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    code = "from setuptools import setup; setup()"
    subprocess.run(
        [sys.executable, "-c", code, "--quiet", "build", "--build-lib", "made"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    made = {str(path.relative_to(tmp_path / "made")) for path in (tmp_path / "made").rglob("*.*")}
    files = subprocess.run(
        ["git", "ls-files", "shared"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "shared/data/python_manual.txt.gz" in made and set(files) <= made


def test_load_by_name(monkeypatch):
    assert_same(data.load("digits"), data.digits())
    for name in ("mnist", "fashion_mnist", "cifar10"):
        assert data.LOADERS[name] is getattr(data, name)
    with pytest.raises(ValueError, match="'mnits'.*digits, mnist, fashion_mnist, cifar10$"):
        data.load("mnits")


@pytest.mark.parametrize("among", [{"mnist": {}, "digits": {}}, ["digits", "mnist"]])
def test_load_names_only_what_the_lesson_takes(among):
    assert_same(data.load("digits", among), data.digits())
    for name in ("cifar10", "mnits"):
        with pytest.raises(ValueError, match=f"'{name}'.*there are digits, mnist$"):
            data.load(name, among)


def test_nothing_that_takes_long_is_imported():
    script = (
        "import sys; import shared.data as d; d.digits(); d.diabetes(); "
        "print([name for name in ('torch', 'tensorflow', 'keras', 'jax', 'mxnet', "
        "'sklearn', 'pooch', 'requests', 'tqdm', 'babel') if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"


# ---------------------------------------------------------------- batches


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11, 100, np.int64(4)])
def test_batches_give_every_example_once(size):
    X, y = np.arange(20).reshape(10, 2), np.arange(10) * 7
    parts = list(data.batches(np.random.default_rng(0), size, X, y))
    assert [len(part_y) for _, part_y in parts[:-1]] == [size] * (len(parts) - 1)
    assert len(parts) == -(-10 // size) and all(len(a) == len(b) > 0 for a, b in parts)
    X_all, y_all = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert sorted(y_all) == sorted(y)
    np.testing.assert_array_equal(X_all[:, 0] * 7, y_all * 2)  # rows stay with their labels
    assert X_all.dtype == X.dtype and X_all.shape == X.shape


def test_batches_are_shuffled_anew_each_epoch_and_reproducible():
    def epochs(seed):
        rng = np.random.default_rng(seed)
        return [
            [batch.tolist() for (batch,) in data.batches(rng, 8, np.arange(50))] for _ in range(2)
        ]

    first, second = epochs(0)
    assert first != second and first[0] != list(range(8))
    assert epochs(0) == [first, second]
    assert epochs(1)[0] != first


def test_batches_drop_the_last():
    rng = np.random.default_rng(0)
    assert [len(b) for (b,) in data.batches(rng, 4, np.arange(10), drop_last=True)] == [4, 4]
    assert [len(b) for (b,) in data.batches(rng, 5, np.arange(10), drop_last=True)] == [5, 5]
    assert list(data.batches(rng, 11, np.arange(10), drop_last=True)) == []
    assert list(data.batches(rng, 11, np.arange(0))) == []


def test_batches_draw_at_the_call_and_only_once():
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    epoch = data.batches(rng, 3, np.arange(10), np.arange(10))
    order = twin.permutation(10)
    assert rng.bit_generator.state == twin.bit_generator.state
    assert iter(epoch) is epoch
    np.testing.assert_array_equal(next(epoch)[0], order[:3])


def test_batches_are_copies():
    X = np.zeros((10, 2))
    for (batch,) in data.batches(np.random.default_rng(0), 5, X):
        batch += 1
    assert not X.any()


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ValueError, r"differ in length: \[3, 4\]", (2, np.arange(3), np.arange(4))),
        (ValueError, "size=0", (0, np.arange(3))),
        (ValueError, "size=-1", (-1, np.arange(3))),
        (ValueError, "0 arrays", (2,)),
        (TypeError, "float", (2.5, np.arange(3))),
        (TypeError, "unsized", (2, np.array(3))),
    ],
)
def test_batches_reject_at_the_call(error, message, arguments):
    with pytest.raises(error, match=message):
        data.batches(np.random.default_rng(0), *arguments)


@pytest.mark.parametrize("rng", [0, None, np.random, np.random.RandomState(0)])
def test_batches_want_a_generator(rng):
    with pytest.raises(TypeError, match="numpy.random.Generator"):
        data.batches(rng, 2, np.arange(3))
