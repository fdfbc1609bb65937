"""Scenes for detection and segmentation: real digits, in colour, on larger canvases."""

from typing import NamedTuple

import numpy as np

from shared.data.tables import digits

MOST = 5  # digits on one scene
SHARES = np.array([1, 3, 3, 3, 1, 1]) / 12  # of scenes with 0, 1, ... 5 digits, if there is room
SMALLEST, LARGEST = 8, 24  # side of a digit's square in pixels, before it is trimmed to its ink
INK = 0.4  # a pixel belongs to a digit where at least so much of its ink is
PARTS = {"train": slice(0, 1077), "validation": slice(1077, 1437), "test": slice(1437, 1797)}


class Scenes(NamedTuple):
    """Pictures and their solutions, row i of each for scene i, as `scenes` describes them."""

    images: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    things: np.ndarray
    classes: np.ndarray


def scenes(count, part="train", seed=0, side=48):
    """Scenes of 0 to 5 handwritten digits in colour on a coloured ground, with their solutions.

    count: number of scenes, at least 1. part: whose digits, "train", "validation" or "test": the
    first 1077 and the last 360 of the training set of `digits`, and its test set; no digit occurs
    in two parts. seed: an int of at least 0; each part draws other scenes from it. side: of the
    square canvas, in pixels, at least 32. Scene i does not depend on count.

    Returns Scenes of
    - images (count, side, side, 3): float32 in [0, 1], multiples of 1/255;
    - boxes (count, 5, 4): float32, the left, top, right and bottom edge of each digit in pixels
      from the top left corner, so that right - left is its width; tight around its ink, as if
      nothing covered it; zeros after the last digit;
    - labels (count, 5): int64 in 0..9, and -1 after the last digit;
    - things (count, side, side): int64, 1 + i where digit i is seen, 0 on the ground;
    - classes (count, side, side): int64, 1 + label where a digit is seen, 0 on the ground.

    Digits are 6 to 24 pixels high. One scene of twelve is empty. Digits may cover each other, later
    ones above, as long as no two boxes have an IoU above 0.3 and half of each digit's ink is seen.
    Raises ValueError for any other count, part, seed or side. Source: `digits`.
    """
    if part not in PARTS or count < 1 or seed < 0 or side < 32:
        raise ValueError(
            f"count={count}, part={part!r}, seed={seed}, side={side}: at least 1 scene, of a part"
            f" in {', '.join(PARTS)}, from a seed of at least 0, on at least 32 pixels"
        )
    X_train, y_train, X_test, y_test = digits()
    inks = np.concatenate([X_train, X_test])[PARTS[part], :, :, 0]
    labels = np.concatenate([y_train, y_test])[PARTS[part]]
    rng = np.random.default_rng([seed, list(PARTS).index(part)])
    drawn = zip(*[_scene(rng, inks, labels, side) for _ in range(count)], strict=True)
    return Scenes(*[np.stack(arrays) for arrays in drawn])


def _scene(rng, inks, labels, side):
    """One row of each array of Scenes."""
    bright = rng.random() < 0.5  # the ground; its digits are dark, then, or the other way round
    image = _ground(rng, side, bright)
    boxes, found = np.zeros((MOST, 4), np.float32), np.full(MOST, -1)
    things, classes = np.zeros((2, side, side), np.int64)
    areas = []  # each digit's pixels before another covers some
    for _ in range(rng.choice(MOST + 1, p=SHARES)):
        k = rng.integers(len(inks))
        colour = _colour(rng, not bright)
        for _ in range(20):  # in a crowded scene a digit may find no place
            size = SMALLEST * (LARGEST / SMALLEST) ** rng.random()  # as many halves as doubles
            ink = _enlarged(inks[k], round(size))
            height, width = ink.shape
            top, left = rng.integers(side - height + 1), rng.integers(side - width + 1)
            box, i = np.array([left, top, left + width, top + height]), len(areas)
            place = (slice(top, top + height), slice(left, left + width))
            covered = things.copy()
            covered[place][ink >= INK] = i + 1
            seen = np.bincount(covered.ravel(), minlength=i + 2)[1:]
            clear = all(_iou(box, other) <= 0.3 for other in boxes[:i])
            if clear and all(seen[:i] >= np.array(areas) / 2):
                things, boxes[i], found[i] = covered, box, labels[k]
                classes[place][ink >= INK] = 1 + labels[k]
                image[place] += ink[..., None] * (colour - image[place])
                areas.append(seen[i])
                break
    image = np.clip(image + rng.normal(0, 0.03, image.shape), 0, 1)
    # Multiples of 1/255, as if read from a file, are the same numbers on every machine.
    return (np.round(255 * image) / 255).astype(np.float32), boxes, found, things, classes


def _colour(rng, bright):
    """Red, green and blue, each in [0.55, 1] or, if not bright, in [0, 0.45]."""
    return rng.uniform(0, 0.45, 3) + 0.55 * bright


def _ground(rng, side, bright):
    """Two colours that flow into each other in some direction: (side, side, 3)."""
    first, second = _colour(rng, bright), _colour(rng, bright)
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:side, :side] / (side - 1) - 0.5
    share = 0.5 + (rows * np.sin(angle) + columns * np.cos(angle)) / np.sqrt(2)
    return first + share[..., None] * (second - first)


def _enlarged(ink, side):
    """A digit (8, 8) as (height, width), interpolated to `side` pixels and trimmed to its ink."""
    at = np.clip((np.arange(side) + 0.5) * 8 / side - 0.5, 0, 7)  # centres, in the small image
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(8)))  # (side, 8): bilinear
    large = np.einsum("ri,cj,ij->rc", weights, weights, ink)
    large = np.clip(2 * large - INK, 0, 1)  # a sharper edge in the same place
    rows, columns = np.nonzero(large >= INK)
    return large[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _iou(a, b):
    """Intersection over union of two boxes: left, top, right, bottom."""
    both = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both)
