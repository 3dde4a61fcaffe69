"""Points where a derivative is set to 0 although the function is not smooth there, such as √x at 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.tensor import Tensor


@op(
    x=lambda g, at: np.where(at, np.nan, np.zeros_like(g)),
    examples=[case((3,), at=np.zeros(3, bool)), case((2, 3), at=np.zeros((2, 3), bool))],
    reference=lambda x, at: np.zeros(x.shape, x.dtype),
)
def zeros_with_singular_slope(x: ArrayLike, at: Any) -> Any:
    """Return zeros like `x` whose derivative is NaN where `at` is True, whatever it is multiplied by, and 0 elsewhere.

    >>> zeros_with_singular_slope([0.0, 1.0], at=np.array([True, False]))
    Tensor([0., 0.])
    """
    return np.zeros_like(x)


def zero_slope(x: Any, at: Any) -> Any:
    """Return 0, as the derivative with respect to `x` at singular points; NaN is what differentiating it again gives.

    Args:
        x: what the derivative is computed from: an array, or a tensor if it is to be differentiated again.
        at: where the derivative is singular, of the shape of `x`.
    """
    return zeros_with_singular_slope(x, at) if isinstance(x, Tensor) else 0.0
