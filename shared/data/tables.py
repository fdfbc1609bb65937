"""Numbers and small images that scikit-learn brings with it: no network is needed."""

import importlib.metadata

import numpy as np

DIABETES_FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


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
    test = np.concatenate(
        [rng.choice(np.flatnonzero(y == k), 36, replace=False) for k in range(10)]
    )
    test = rng.permutation(test)  # no longer sorted by class
    train = rng.permutation(np.setdiff1d(np.arange(len(y)), test))
    return X[train], y[train], X[test], y[test]
