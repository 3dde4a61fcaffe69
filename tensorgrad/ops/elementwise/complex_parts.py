"""Functions of complex numbers, applied to real numbers: the parts, the conjugate and the angle."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._arrays import as_array
from tensorgrad._composing import composed, method
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, case
from tensorgrad.op import op
from tensorgrad.tensor import Tensor

__all__ = ["angle", "conj", "conjugate", "imag", "real", "real_if_close"]


@op(val=lambda g: g, numpy=np.real, linear=True, view=True)
def real(val: ArrayLike) -> Any:
    """Real part, elementwise: real numbers are returned as they are.

    >>> real([1.0, -2.0])
    Tensor([ 1., -2.])
    """
    return np.real(as_array(val))


@op(val=lambda g: np.zeros_like(g), numpy=np.imag)
def imag(val: ArrayLike) -> Any:
    """Imaginary part, elementwise: 0 for real numbers.

    >>> imag([1.0, -2.0])
    Tensor([0., 0.])
    """
    return np.zeros_like(val)


@op(x=lambda g: g, numpy=np.conjugate, methods=["conj", "conjugate"], linear=True)
def conjugate(x: ArrayLike) -> Any:
    """Complex conjugate, elementwise: for real numbers, a copy.

    >>> conjugate([1.0, -2.0])
    Tensor([ 1., -2.])
    """
    return np.conjugate(x)


conj = conjugate


@op(
    z=lambda g: np.zeros_like(g),
    numpy=np.angle,
    domain=NONZERO,
    examples=[case(()), case((3,)), case((2, 3), deg=True), case((0,))],
)
def angle(z: ArrayLike, deg: bool = False) -> Any:
    """Angle in the complex plane, elementwise: 0 for positive numbers and π for negative ones; with `deg` in degrees.

    The derivative is 0, also at the jump at 0.

    >>> angle([1.0, -2.0], deg=True)
    Tensor([  0., 180.])
    """
    radians = np.arctan2(np.zeros_like(z), z)
    return np.degrees(radians) if deg else radians


@composed("a", numpy=np.real_if_close)
def real_if_close(a: ArrayLike, tol: float = 100) -> Tensor:
    """Real part of numbers whose imaginary part is close to 0: real numbers are returned as they are.

    >>> real_if_close([1.0, -2.0])
    Tensor([ 1., -2.])
    """
    return real(a)


method("real", property(real, doc="The real part: the tensor itself."))
method("imag", property(imag, doc="The imaginary part: zeros."))
