"""The data sets of the course, as NumPy arrays and texts.

`diabetes`, `digits`, `scenes`, `dates`, `grammar`, `invented_reviews` and `python_manual` need no
network. The others are downloaded once, checked against a known hash, and kept in the folder
COURSE_DATA names, or in the user's cache.

Images are (n, height, width, channels) float32 in [0, 1]; labels are (n,) int64 in 0..9.
"""

import operator

import numpy as np

from shared.data.detection import scenes
from shared.data.download import fetch
from shared.data.images import (
    CIFAR10_CLASSES,
    FASHION_MNIST_CLASSES,
    LOADERS,
    cifar10,
    fashion_mnist,
    load,
    mnist,
)
from shared.data.reviews import imdb, invented_reviews
from shared.data.tables import DIABETES_FEATURES, diabetes, digits
from shared.data.text import dates, grammar, python_manual, tiny_shakespeare

__all__ = [
    "CIFAR10_CLASSES",
    "DIABETES_FEATURES",
    "FASHION_MNIST_CLASSES",
    "LOADERS",
    "batches",
    "cifar10",
    "dates",
    "diabetes",
    "digits",
    "fashion_mnist",
    "fetch",
    "grammar",
    "imdb",
    "invented_reviews",
    "load",
    "mnist",
    "python_manual",
    "scenes",
    "tiny_shakespeare",
]


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
    return (
        tuple(array[order[start : start + size]] for array in arrays)
        for start in range(0, end, size)
    )
