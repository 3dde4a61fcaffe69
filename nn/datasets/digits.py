"""Handwritten digits included in scikit-learn."""

from __future__ import annotations

import numpy as np

from nn._rng import Rng
from nn.data import split
from nn.datasets.generated import Floats, Labels


def digits(*, test_share: float = 0.2, rng: Rng = 0) -> tuple[Floats, Labels, Floats, Labels]:
    """Return 1797 handwritten digits, 8×8 pixels each, split into training and test data.

    The data set is included in scikit-learn (from the UCI *Optical Recognition of Handwritten Digits*); nothing is
    downloaded.

    Args:
        test_share: the fraction of each class used as test data, in (0, 1).
        rng: shuffles before the split; the default, seed 0, always gives the same split.

    Returns:
        X_train, y_train, X_test, y_test: X of shape `(samples, 64)`, pixels from 0 (paper) to 1 (ink), row by row;
        y from 0 to 9. Both in random order.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: `test_share` is outside (0, 1), or leaves one of the parts empty.

    >>> X_train, y_train, X_test, y_test = digits()
    >>> X_train.shape, X_test.shape
    ((1438, 64), (359, 64))
    """
    if not 0 < test_share < 1:
        raise ValueError(f"datasets.digits: test_share must be between 0 and 1, got {test_share!r}.")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'datasets.digits: the digits come with scikit-learn: pip install "tensorgrad[examples]"'
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    X, y = (pixels / 16).astype(np.float32), labels.astype(np.int64)
    return split(X, y, test_share, stratify=True, rng=rng)
