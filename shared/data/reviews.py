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


_WORDS = (  # of any topic: negative, positive
    "terrible dreadful boring annoying awful horrible poor unpleasant dull miserable",
    "wonderful lovely brilliant charming excellent delightful superb pleasant great marvellous",
)
_TOPICS = {  # what is judged, negative and positive words of its own, asides
    "film": (
        "plot acting ending music dialogue cast",
        ("tedious predictable clumsy", "gripping touching funny"),
        ["we saw it in a small cinema near the {place}", "it is {n} hours long",
         "my {who} had chosen the film"],
    ),
    "restaurant": (
        "soup service bread dessert wine menu",
        ("bland stale greasy", "tasty fresh delicious"),
        ["we ate there with my {who}", "we had a table near the {place}",
         "we waited {n} minutes for the bill"],
    ),
    "hotel": (
        "room view breakfast bed staff pool",
        ("dirty noisy cramped", "clean quiet spacious"),
        ["the hotel is close to the {place}", "we stayed for {n} nights",
         "my {who} had booked it for us"],
    ),
    "book": (
        "story style heroine cover translation chapter",
        ("shallow confusing wordy", "witty moving original"),
        ["i read it in {n} days", "my {who} gave me the book", "it has {n} hundred pages"],
    ),
    "phone": (
        "screen battery camera keyboard sound case",
        ("slow flimsy faulty", "fast sturdy reliable"),
        ["i bought it {n} weeks ago", "my {who} has the same phone",
         "i found it in a shop near the {place}"],
    ),
}  # fmt: skip
_ASIDE = {
    "place": "station river market harbour museum".split(),
    "n": "two three four five six seven".split(),
    "who": "sister brother neighbour uncle colleague".split(),
}
_SAID = ["the {a} was {w}", "the {a} seemed {w} to me", "i found the {a} {w}",
         "they call the {a} {w}"]  # fmt: skip
_DENIED = [
    "the {a} was not at all {w}", "the {a} never seemed {w} to me", "i would not call the {a} {w}",
    "nobody would call the {a} {w}", "the {a} was anything but {w}", "the {a} was far from {w}",
    "the {a} was hardly {w}", "it is not true that the {a} was {w}",
]  # fmt: skip
_WEIGHED = [  # {0} is what counts less, {1} what decides
    "{0} , but {1}", "{0} at first , but {1} in the end", "although {0} , {1}",
    "{1} , although {0}", "{1} , even if {0}", "{0} . all the same , {1}",
]  # fmt: skip
KINDS = ("plain", "negated", "contrasted", "both")


def invented_reviews(train=4800, test=1200, seed=0):
    """Short reviews of films, restaurants, hotels, books and phones, as many of each kind.

    "plain": all that is judged is good, or bad. "negated": one of two judgements is denied, "the
    view was not at all dull", so that they agree. "contrasted": of two judgements one decides,
    "the plot was dull at first , but i found the cast charming in the end". "both": one decides
    and one, the same or the other, is denied. Any may have asides that judge nothing.

    Reviews come in pairs of neighbours, one of either label. But for plain ones, the two have the
    same words, each equally often: nothing that only counts words tells them apart. No review
    comes twice. A denial or conjunction stands in the test with words that it never judges in
    training.

    train, test: numbers of reviews, multiples of 8 (a pair of each kind). Returns texts_train (a
    list of str, 4 to 60 words between spaces, in lower case; `,` and `.` are words), y_train
    (train,) int64, 1 for positive, kinds_train (train,) of str, and the same for the test.
    Raises ValueError for other numbers. Source: made for this course.
    """
    if min(train, test) < 8 or train % 8 or test % 8:
        raise ValueError(f"train={train} and test={test}: both must be multiples of 8, at least 8")
    rng, known, drawn = np.random.default_rng(seed), set(), []
    for size, held in ((train, False), (test, True)):
        texts, labels, kinds = [], [], []
        while len(texts) < size:
            kind = KINDS[len(texts) // 2 % len(KINDS)]
            pair = _pair(rng, kind, held)
            if known.isdisjoint(pair):
                known.update(pair)
                for label in rng.permutation(2).tolist():
                    texts.append(pair[label])
                    labels.append(label)
                    kinds.append(kind)
        drawn += [texts, np.array(labels, np.int64), np.array(kinds)]
    return tuple(drawn)


def _one(rng, choices):
    return choices[rng.integers(len(choices))]


def _pair(rng, kind, held):
    """A negative and a positive review; held: with the words that are kept for the test."""
    things, own, asides = _TOPICS[_one(rng, list(_TOPICS))]
    words = [f"{common} {special}".split() for common, special in zip(_WORDS, own, strict=True)]
    things = things.split()
    things = [things[n] for n in rng.permutation(len(things))]
    pair = (
        _plain(rng, things, words) if kind == "plain" else _turned(rng, kind, held, things, words)
    )
    said = [_one(rng, asides).format(**{slot: _one(rng, _ASIDE[slot]) for slot in _ASIDE})
            for _ in range(rng.integers(3))]  # fmt: skip
    before = rng.integers(len(said) + 1)
    return [" . ".join([*said[:before], text, *said[before:]]) + " ." for text in pair]


def _plain(rng, things, words):
    pair = []
    for label in (0, 1):
        count, joint = rng.integers(1, 4), _one(rng, [" and ", " . "])
        judged = [_one(rng, _SAID).format(a=a, w=_one(rng, words[label])) for a in things[:count]]
        pair.append(joint.join(judged))
    return pair


def _turned(rng, kind, held, things, words):
    """Two judgements in two texts of the same words."""
    n = int(rng.integers(len(_DENIED)))
    fits = [m for m in range(len(_WEIGHED)) if not held or m % 4 == n % 4]
    m = _one(rng, fits)
    turns = {"negated": {n}, "contrasted": {m}, "both": {n, m}}[kind]
    kept = [[w for k, w in enumerate(row) if all(((t + k) % 4 == 0) == held for t in turns)]
            for row in words]  # fmt: skip
    same = int(rng.integers(2))  # the polarity of both words of "both"
    words = [_one(rng, row) for row in kept]
    if kind == "both":
        words = [kept[same][k] for k in rng.permutation(len(kept[same]))[:2]]
    first, second, denied = _one(rng, _SAID), _one(rng, _SAID), _DENIED[n]

    def judge(*phrases):
        judged = zip(phrases, things, words, strict=False)
        return [phrase.format(a=thing, w=word) for phrase, thing, word in judged]

    if kind == "negated":  # the word of the other label is denied
        joint, back = _one(rng, [" and ", " . "]), slice(None, None, _one(rng, [1, -1]))
        return [joint.join(judge(*both)[back]) for both in [(first, denied), (denied, first)]]
    if kind == "contrasted":  # the last of the list decides
        clauses = judge(first, second)
        return [_WEIGHED[m].format(*both) for both in (clauses[::-1], clauses)]
    pair = [_WEIGHED[m].format(*judge(*both)) for both in [(first, denied), (denied, first)]]
    return pair if same else pair[::-1]  # good words: who denies the one that decides is negative
