"""Texts to learn from, each one str, pairs of sentences, and sentences of a small grammar."""

import gzip
from pathlib import Path

import numpy as np

from shared.data import download


def tiny_shakespeare():
    """Scenes from Shakespeare's plays, one str of 1,115,394 characters (1.1 MB to download).

    Raises what `fetch` raises. Source: Karpathy, char-rnn (2015); the text is in the public domain.
    """
    with download.unpacked(download.fetch("tiny_shakespeare/input.txt")) as stream:
        return stream.read().decode("ascii")


def python_manual():
    """The language reference of Python 3.11, one str of 465,047 characters, the same everywhere.

    The topics of `help()` in alphabetical order, as Python 3.11.7 has them: later versions say
    some things in other words. Source: `pydoc_data.topics` of that version, copyright Python
    Software Foundation; PSF licence, in python_manual_licence.txt.
    """
    packed = Path(__file__).with_name("python_manual.txt.gz").read_bytes()
    return gzip.decompress(packed).decode("utf-8")


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
    pairs = [
        tuple(format_date(day, form, locale=language) for language in ("fr", "en"))
        for day, form in zip(days.tolist(), forms, strict=True)
    ]
    return pairs[:4000], pairs[4000:]


# A family of words is a table: each column has markers {m}, each row (its words come first) three
# things {t}. A sentence has a word {w}, a marker or two of its column and a thing of its row.
_GRAMMAR = {
    "gender": (
        [("he", "his", "himself"), ("she", "her", "herself")],
        ["the {w} lost {m[1]} {t}", "{m[0]} is the {w} with a {t}", "the {w} found a {t} {m[2]}"],
        "man woman coat street hat, king queen crown throne palace, boy girl toy school ball,"
        "father mother child home cradle, prince princess castle carriage pony,"
        "uncle aunt nephew visit gift, actor actress stage film mask,"
        "husband wife wedding ring promise, waiter waitress menu table tip,"
        "wizard witch spell cauldron broom",
    ),
    "capital": (
        [("border", "army", "flag"), ("mayor", "airport", "tram"), ("grammar", "verb", "poet")],
        ["the {m[0]} of {w} and the {t}", "a {t} and the {m[1]} of {w}",
         "we read of {w} and its {m[2]} and a {t}"],
        "france paris french wine baguette perfume, germany berlin german beer motorway sausage,"
        "italy rome italian pizza tenor volcano, japan tokyo japanese robot kimono pagoda,"
        "spain madrid spanish guitar bull flamenco, greece athens greek temple myth column,"
        "russia moscow russian ballet samovar sable, sweden stockholm swedish sauna moose herring",
    ),
    "plural": (
        [("this", "is", "one", "has"), ("these", "are", "two", "have")],
        ["{m[0]} {w} {m[1]} near the {t}", "{m[2]} {w} {m[3]} a {t}", "the {t} and {m[0]} {w}"],
        "dog dogs bone kennel leash, cat cats mouse sofa basket, horse horses saddle stable race,"
        "bird birds nest feather branch, car cars garage wheel road, ship ships harbour sail wave,"
        "tree trees forest leaf root, book books library page author",
    ),
    "degree": (
        [("very", "today"), ("much", "than that"), ("by far the", "of all")],
        ["the {t} is {m[0]} {w} {m[1]}", "a {t} was {m[0]} {w}", "that {t} seems {w} {m[1]}"],
        "big bigger biggest whale mountain giant, small smaller smallest flea crumb pebble,"
        "fast faster fastest rocket cheetah falcon, slow slower slowest snail turtle worm,"
        "cold colder coldest winter blizzard glacier, hot hotter hottest summer furnace desert,"
        "old older oldest ruin fossil legend, loud louder loudest drum thunder siren",
    ),
}  # fmt: skip


def grammar(sentences=6000, seed=0):
    """Sentences whose analogies are known, and these: king is to queen as man is to woman.

    In each family of words (gender, capital, plural, degree) earlier rows are drawn more often, and
    one sentence in five has a thing of any row. Two words of a family never share a sentence.

    Returns a list of lists of words, and a dict from family to all its (a, b, c, d), "a is to b as
    c is to d". Source: made for this course.
    """
    rng = np.random.default_rng(seed)
    tables, analogies, drawn = {}, {}, []
    for family, (markers, _, text) in _GRAMMAR.items():
        rows = [row.split() for row in text.split(",")]
        n = len(markers)
        tables[family] = [row[:n] for row in rows], [row[n:] for row in rows]
        analogies[family] = [
            (a[p], a[q], c[p], c[q])
            for p in range(n) for q in range(p + 1, n) for a in rows for c in rows if a is not c
        ]  # fmt: skip
    for family in rng.choice(list(_GRAMMAR), sentences).tolist():
        markers, templates, _ = _GRAMMAR[family]
        words, things = tables[family]
        often = 1 / np.arange(4, 4 + len(words))
        row, column = rng.choice(len(words), p=often / often.sum()), rng.integers(len(markers))
        about = row if rng.random() < 0.8 else rng.integers(len(words))
        thing, template = things[about][rng.integers(3)], templates[rng.integers(3)]
        sentence = template.format(w=words[row][column], m=markers[column], t=thing)
        drawn.append(sentence.split())
    return drawn, analogies
