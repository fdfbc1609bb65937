"""Texts to learn from, each one str, and pairs of sentences."""

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
