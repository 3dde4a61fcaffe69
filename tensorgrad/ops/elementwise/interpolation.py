"""Interpolation between given points: piecewise linear, with a kink at each point."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import Domain, case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter
from tensorgrad.tensor import plain

__all__ = ["interp"]


class _Increasing(Domain):
    """Values in ascending order, as the points must be."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        return np.sort(super().sample(rng, shape), axis=-1)


class _Segments(NamedTuple):
    """For each x the two points it lies between, which are one and the same for x beyond the first or last.

    Attributes:
        lower, upper: the numbers of the two points.
        run: how far they are apart; 1 beyond the points.
        share: the fraction of the way from the lower to the upper one, from 0 to 1; 0 beyond the points.
    """

    lower: Any
    upper: Any
    run: Any
    share: Any


def _segments(x: Any, xp: Any, period: float | None) -> _Segments:
    order, points = np.arange(xp.shape[0], like=plain(xp)), xp
    if period is not None:
        length = abs(float(period))
        x, xp = _in_first_period(x, length), _in_first_period(xp, length)
        ascending = np.argsort(xp)
        order = np.concatenate([ascending[-1:], ascending, ascending[:1]])
        points = np.concatenate([xp[order[:1]] - length, xp[ascending], xp[order[-1:]] + length])
    behind = np.searchsorted(points, x, side="right")
    left, right = np.maximum(behind - 1, 0), np.minimum(behind, points.shape[0] - 1)
    beyond = left == right
    start = points[left]
    run = np.where(beyond, 1.0, points[right] - start)
    return _Segments(order[left], order[right], run, np.where(beyond, 0.0, (x - start) / run))


def _in_first_period(x: Any, length: float) -> Any:
    """`x` moved by whole periods, which does not change its derivative."""
    return x - np.floor(plain(x) / length) * length


def _slope(fp: Any, segments: _Segments) -> Any:
    return (fp[segments.upper] - fp[segments.lower]) / segments.run


def _to_points(g: Any, segments: _Segments, shape: Shape) -> Any:
    """`g` divided among the two points on either side, the nearer one receiving more."""
    lower, upper, _, share = segments
    return scatter.apply(g * (1 - share), lower, shape) + scatter.apply(g * share, upper, shape)


def _between(g: Any, x: Any, xp: Any, left: Any, right: Any, period: float | None) -> Any:
    """`g` without the places that hold `left` or `right`."""
    if left is not None and period is None:
        g = np.where(x < xp[0], 0.0, g)
    if right is not None and period is None:
        g = np.where(x > xp[-1], 0.0, g)
    return g


def _to_x(g: Any, x: Any, xp: Any, fp: Any, left: Any, right: Any, period: float | None) -> Any:
    return _between(g, x, xp, left, right, period) * _slope(fp, _segments(x, xp, period))


def _to_xp(g: Any, x: Any, xp: Any, fp: Any, left: Any, right: Any, period: float | None) -> Any:
    segments = _segments(x, xp, period)
    return _to_points(_between(g, x, xp, left, right, period) * -_slope(fp, segments), segments, xp.shape)


def _to_fp(g: Any, x: Any, xp: Any, left: Any, right: Any, period: float | None) -> Any:
    return _to_points(_between(g, x, xp, left, right, period), _segments(x, xp, period), xp.shape)


@op(
    x=_to_x,
    xp=_to_xp,
    fp=_to_fp,
    left=lambda g, x, xp, period: np.where(x < xp[0], g, 0.0) if period is None else np.zeros_like(g),
    right=lambda g, x, xp, period: np.where(x > xp[-1], g, 0.0) if period is None else np.zeros_like(g),
    numpy=np.interp,
    domain={
        "x": Domain(-2.5, 2.5),
        "xp": _Increasing(),
        "fp": Domain(),
        "left": Domain(),
        "right": Domain(),
    },
    examples=[
        case((5,), (4,), (4,), (), ()),
        case((2, 3), (3,), (3,), (), ()),
        case((5,), (4,), (4,)),
        case((), (3,), (3,), (), ()),
        case((0,), (2,), (2,)),
        case((3,), (1,), (1,), ()),
        case((5,), (4,), (4,), (), (), period=1.7),
    ],
)
def interp(
    x: ArrayLike,
    xp: ArrayLike,
    fp: ArrayLike,
    left: ArrayLike | None = None,
    right: ArrayLike | None = None,
    period: float | None = None,
) -> Any:
    """Interpolate linearly between the points (xp, fp).

    Differentiable in everything but `period`. At a kink the derivative is that to the right, so 0 at the last point.

    Args:
        xp: the coordinates of the points, a vector in ascending order (in any order with `period`).
        fp: the values at the points.
        left, right: the value before the first and after the last point; by default that of the point.
        period: treat the points as one period of a function; then `left` and `right` are ignored.

    Raises:
        ValueError: no points, points that are not vectors of the same length, a period of 0.

    >>> interp([0.5, 9.0], [0.0, 1.0, 2.0], [0.0, 10.0, 0.0])
    Tensor([5., 0.])
    """
    result = np.interp(x, xp, fp, left, right, period)  # type: ignore[arg-type, misc]
    dtype = np.result_type(x, xp, fp)
    return result.astype(dtype) if dtype.kind == "f" else result
