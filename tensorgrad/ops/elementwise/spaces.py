"""Evenly spaced numbers between two ends, which may be tensors."""

from __future__ import annotations

import operator
from typing import Any, Literal, overload

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorgrad._arrays import is_foreign
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, DTypeLike
from tensorgrad.domains import POSITIVE, REAL, Domain, case
from tensorgrad.ops.elementwise.arithmetic import positive
from tensorgrad.ops.elementwise.exponential import log10
from tensorgrad.ops.elementwise.powers import power
from tensorgrad.ops.elementwise.rounding import floor
from tensorgrad.ops.elementwise.where import where
from tensorgrad.ops.shape.axes import moveaxis
from tensorgrad.ops.shape.reshaping import astype
from tensorgrad.tensor import Tensor

__all__ = ["geomspace", "linspace", "logspace"]


def _as_float(x: Any) -> Any:
    """Return `x` as a tensor of floating-point numbers; a Python number keeps its weak dtype."""
    if isinstance(x, (int, float)):
        return float(x)
    x = positive(x)
    return x if x.dtype.kind == "f" else astype(x, float)


def _positions(count: Any, result_ndim: int) -> Any:
    """Return 0, 1, …, count - 1 along a new first axis, before `result_ndim` others."""
    return np.reshape(np.arange(operator.index(count)), (-1,) + (1,) * result_ndim)


def _placed(result: Tensor, axis: int, dtype: Any) -> Tensor:
    """Return `result` with its first axis at `axis`, in the given dtype; integers are rounded down, as in NumPy."""
    if dtype is not None:
        result = astype(floor(result) if np.issubdtype(dtype, np.integer) else result, dtype)
    return result if axis == 0 else moveaxis(result, 0, normalize_axis_index(axis, result.ndim))


def _even(start: Any, stop: Any, num: Any, endpoint: bool) -> tuple[Any, Any]:
    """Return evenly spaced numbers along the first axis, and the step between them."""
    count = operator.index(num)
    if count < 0:
        raise ValueError(f"expected a number of samples num ≥ 0, got {num}.")
    distance = positive(_as_float(stop) - _as_float(start))
    intervals = count - 1 if endpoint else count
    step = distance / intervals if intervals > 0 else distance * np.nan
    positions = _positions(count, distance.ndim).astype(distance.dtype)
    result = positions * (step if intervals > 0 else distance) + start
    if endpoint and count > 1:
        result = where(positions == count - 1, stop, result)
    return result, step


_ENDS = [
    case((), (), num=4),
    case((), (), num=1),
    case((2,), (), num=3, endpoint=False),
    case((2,), (2, 1), num=3, axis=-1),
    case((2,), (2,), num=0),
]


@overload
def linspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, retstep: Literal[False] = False,
    dtype: DTypeLike | None = None, axis: int = 0, *, device: Literal["cpu"] | None = None,
) -> Tensor: ...  # fmt: skip


@overload
def linspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, *, retstep: Literal[True],
    dtype: DTypeLike | None = None, axis: int = 0, device: Literal["cpu"] | None = None,
) -> tuple[Tensor, Tensor]: ...  # fmt: skip


@overload
def linspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: DTypeLike | None = None, axis: int = 0, *, device: Literal["cpu"] | None = None,
) -> Any: ...  # fmt: skip


@composed(
    "start",
    "stop",
    numpy=np.linspace,
    examples=[*_ENDS, case((), (), num=3, retstep=True)],
)
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: Literal["cpu"] | None = None,
) -> Any:
    """Return `num` evenly spaced numbers from `start` to `stop`, along a new axis `axis`.

    A number at the fraction s of the interval passes the fraction 1 - s of its gradient to `start`, and s to `stop`.

    Args:
        start, stop: the ends, which broadcast against each other.
        num: how many numbers.
        endpoint: include `stop`.
        retstep: also return the step.
        dtype: the dtype of the result. Integers are rounded down and have no gradient.
        axis: the position of the new axis.
        device: "cpu" or None, as in NumPy.

    Raises:
        ValueError: `num` is negative, or `device` is neither "cpu" nor None.

    >>> linspace(0.0, 1.0, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    if device not in (None, "cpu"):
        raise ValueError(f'expected device "cpu" or None, got {device!r}.')
    result, step = _even(start, stop, num, endpoint)
    result = _placed(result, axis, dtype)
    return (result, step) if retstep else result


@composed(
    "start",
    "stop",
    "base",
    numpy=np.logspace,
    domain={"start": REAL, "stop": REAL, "base": POSITIVE},
    examples=[
        case((), (), (), num=4),
        case((2,), (1,), (), num=3, endpoint=False),
        case((2,), (1,), (2,), num=2, axis=-1),
    ],
)
def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: ArrayLike = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Return `num` powers of `base`, with exponents that are evenly spaced from `start` to `stop`.

    Raises:
        ValueError: `num` is negative.

    >>> logspace(0.0, 2.0, 3)
    Tensor([  1.,  10., 100.])
    """
    if np.ndim(base):
        shape = np.broadcast_shapes(np.shape(start), np.shape(stop), np.shape(base))
        start, stop = (np.broadcast_to(positive(_as_float(end)), shape) for end in (start, stop))
    exponents, _ = _even(start, stop, num, endpoint)
    return _placed(power(base, exponents), axis, dtype)


@composed("start", "stop", numpy=np.geomspace, domain={"start": POSITIVE, "stop": Domain(0.3, 4.0)}, examples=_ENDS)
def geomspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Return `num` numbers from `start` to `stop`, each the same multiple of the one before it.

    Raises:
        ValueError: `num` is negative, an end is 0, or the ends differ in sign, which needs complex numbers.

    >>> geomspace(1.0, 8.0, 4)
    Tensor([1., 2., 4., 8.])
    """
    first, last = positive(_as_float(start)), positive(_as_float(stop))
    sign = np.sign(first.array)
    same = sign * np.sign(last.array)
    if not is_foreign(same) and np.any(same == 0):
        raise ValueError("expected ends that are not 0: no geometric sequence contains 0.")
    if not is_foreign(same) and np.any(same < 0):
        raise ValueError("expected ends of the same sign: otherwise, the sequence is complex.")
    first, last = first * sign, last * sign
    result = power(10.0, _even(log10(first), log10(last), num, endpoint)[0])
    positions = _positions(num, result.ndim - 1)
    result = where(positions == 0, first, result)
    if endpoint and len(positions) > 1:
        result = where(positions == len(positions) - 1, last, result)
    return _placed(result * sign, axis, dtype)
