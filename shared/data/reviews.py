"""Reviews, and whether their writers liked what they write about."""

import re
import tarfile

import numpy as np

from shared.data import download

REVIEW = re.compile(r"aclImdb/(train|test)/(neg|pos)/(\d+)_(\d+)\.txt")  # number and stars
IMDB_REVIEWS = 12_500  # of each of the four kinds
LONGEST = 100_000  # bytes; the longest of them has less than 14,000


def imdb():
    """Reviews of films from IMDB (84 MB to download): 25,000 to train on, as many to test.

    Negative ones have up to 4 of 10 stars, positive ones 7 and more; no film is in both halves.
    Returns texts_train (a list of 25,000 str, negative before positive, each by its number),
    y_train (25000,), texts_test and y_test: int64, 1 for positive. Texts have tags like `<br />`.
    The archive is read where it lies; nothing is unpacked to the disk. Raises what `fetch` raises,
    and ValueError for an archive with a path that leaves it, or with other reviews than these.
    Source: Maas et al. (2011); free for research, no licence stated.
    """
    path = download.fetch("imdb/aclImdb_v1.tar.gz")
    reviews = _read_imdb(path)
    arrays = []
    for half in ("train", "test"):
        texts, labels = [], []
        for label, kind in enumerate(("neg", "pos")):
            found = reviews[half, kind]
            if sorted(found) != list(range(IMDB_REVIEWS)):
                raise ValueError(
                    f"{path.name}: {len(found)} reviews in {half}/{kind}, expected"
                    f" those with the numbers 0 to {IMDB_REVIEWS - 1}"
                )
            texts += [found[number] for number in range(IMDB_REVIEWS)]
            labels += [label] * IMDB_REVIEWS
        arrays += [texts, np.array(labels, np.int64)]
    return tuple(arrays)


def _read_imdb(path):
    """{("train", "neg"): {number: text}, ...} of the archive."""
    reviews = {(half, kind): {} for half in ("train", "test") for kind in ("neg", "pos")}
    try:
        with tarfile.open(path, "r|gz") as tar:  # once, from its start to its end
            for member in tar:
                parts = member.name.split("/")
                if member.name.startswith("/") or "\\" in member.name or ".." in parts:
                    raise ValueError(f"{path.name}: {member.name!r} leaves the archive")
                if not (name := REVIEW.fullmatch(member.name)):
                    continue  # a readme, counts of words, addresses, reviews without stars
                half, kind, number, _ = name.groups()
                known = reviews[half, kind]
                if not member.isfile() or member.size > LONGEST or int(number) in known:
                    raise ValueError(
                        f"{path.name}: {member.name} is no regular file, has more than"
                        f" {LONGEST} bytes or comes twice"
                    )
                known[int(number)] = tar.extractfile(member).read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: {member.name} is no UTF-8 ({error})") from None
    except (tarfile.TarError, *download.DAMAGED) as error:
        raise ValueError(f"{path.name}: not a whole tar.gz file ({error})") from None
    return reviews
