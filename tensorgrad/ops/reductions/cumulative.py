"""Cumulative sums and products, differences, and integrals along an axis."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorgrad._arrays import holds
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, DTypeLike
from tensorgrad.domains import NONZERO, case
from tensorgrad.op import op
from tensorgrad.ops._reduced_axes import adds_in_float32, wide
from tensorgrad.ops.elementwise.arithmetic import positive
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.shape.joining import concatenate
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import Tensor, plain

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "diff", "trapezoid"]


def _along(axis: int, ndim: int, part: slice) -> tuple[slice, ...]:
    """Return the index that selects `part` of one axis and all of the others."""
    return (slice(None),) * normalize_axis_index(axis, ndim) + (part,)


def _suffix_sums(g: Any, axis: int) -> Any:
    backwards = _along(axis, g.ndim, slice(None, None, -1))
    return np.cumsum(g[backwards], axis=axis, dtype=wide(g.dtype))[backwards]


_SCANS = [
    case((4,)),
    case((2, 3)),
    case((2, 3), axis=0),
    case((2, 3, 2), axis=-2),
    case(()),
    case((0,)),
    case((1, 3), axis=1),
]


@op(
    a=lambda g, a_shape, axis: np.reshape(_suffix_sums(g, 0), a_shape) if axis is None else _suffix_sums(g, axis),
    numpy=np.cumsum,
    methods=["cumsum"],
    examples=_SCANS,
    linear=True,
)
def cumsum(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Any:
    """Cumulative sums along `axis` (of the flattened array by default): the gradient is summed from the end.

    >>> cumsum([1.0, 2.0, 3.0])
    Tensor([1., 3., 6.])
    """
    if adds_in_float32(a, dtype):
        return np.cumsum(a, axis=axis, dtype=np.float32).astype(np.float16)
    return np.cumsum(a, axis=axis, dtype=dtype)


def _cumprod_slope(g: Any, a: Any, out: Any, axis: int | None) -> Any:
    if axis is None or np.ndim(a) == 0:
        return np.reshape(_cumprod_slope(g, np.ravel(a), out, 0), np.shape(a))
    if holds(np.isfinite(out) & (np.absolute(plain(out)) >= np.finfo(out.dtype).tiny)):  # dividing loses nothing
        return _suffix_sums(g * out, axis) / a
    return np.swapaxes(_cumprod_slope_in_rows(np.swapaxes(g, axis, -1), np.swapaxes(a, axis, -1)), axis, -1)


def _cumprod_slope_in_rows(g: Any, a: Any) -> Any:
    """Without division: aᵢ receives (the product before it) · Σₖ≥ᵢ gₖ · (the product after it, up to k)."""
    before = np.concatenate([np.ones_like(a[..., :1]), np.cumprod(a, axis=-1)[..., :-1]], axis=-1)
    factors = np.concatenate([a[..., 1:], np.zeros_like(a[..., :1])], axis=-1)
    sums, step = g, 1  # sumsᵢ = gᵢ + factorsᵢ · sumsᵢ₊₁, in log₂(n) steps that double how far it reaches
    while step < a.shape[-1]:
        reached = sums[..., :-step] + factors[..., :-step] * sums[..., step:]
        sums = np.concatenate([reached, sums[..., -step:]], axis=-1)
        factors = np.concatenate([factors[..., :-step] * factors[..., step:], factors[..., -step:]], axis=-1)
        step *= 2
    return before * sums


@op(a=_cumprod_slope, numpy=np.cumprod, methods=["cumprod"], domain=NONZERO, examples=_SCANS)
def cumprod(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Any:
    """Cumulative products along `axis` (of the flattened array by default). Gradients are correct at zeros too.

    >>> cumprod([1.0, 2.0, 3.0])
    Tensor([1., 2., 6.])
    """
    return np.cumprod(a, axis=axis, dtype=dtype)  # type: ignore[arg-type, misc]


_ALONG = [
    case((4,)),
    case((2, 3), axis=0),
    case((3,), include_initial=True),
    case((2, 3), axis=-1, include_initial=True),
]


def _with_initial(scan: Any, initial: int) -> Any:
    """Return NumPy's function for tests: NumPy has it since 2.1."""

    def reference(x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
        if axis is None and np.ndim(x) > 1:
            raise ValueError
        result = scan(x, axis=axis)
        return np.insert(result, 0, initial, axis=axis or 0) if include_initial else result

    return reference


def _cumulative(scan: Any, x: Any, axis: int | None, dtype: Any, include_initial: bool, initial: int) -> Any:
    shape = np.shape(x) or (1,)
    if axis is None and len(shape) > 1:
        raise ValueError(f"expected an axis, or an array of one axis, got shape {shape} and axis None.")
    axis = normalize_axis_index(0 if axis is None else axis, len(shape))
    x = x if np.ndim(x) else reshape(x, shape)
    result = scan(x, axis, dtype)
    if not include_initial:
        return result
    first = np.full((*result.shape[:axis], 1, *result.shape[axis + 1 :]), initial, result.dtype)
    return concatenate([first, result], axis=axis)


@composed("x", numpy=getattr(np, "cumulative_sum", ()), examples=_ALONG, reference=_with_initial(np.cumsum, 0))
def cumulative_sum(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Tensor:
    """Cumulative sums along `axis`, which only vectors may omit; with `include_initial`, a 0 comes first.

    >>> cumulative_sum([1.0, 2.0, 3.0], include_initial=True)
    Tensor([0., 1., 3., 6.])
    """
    return _cumulative(cumsum, x, axis, dtype, include_initial, 0)  # type: ignore[no-any-return]


@composed(
    "x",
    numpy=getattr(np, "cumulative_prod", ()),
    domain=NONZERO,
    examples=_ALONG,
    reference=_with_initial(np.cumprod, 1),
)
def cumulative_prod(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Tensor:
    """Cumulative products along `axis`, which only vectors may omit; with `include_initial`, a 1 comes first.

    >>> cumulative_prod([1.0, 2.0, 3.0], include_initial=True)
    Tensor([1., 1., 2., 6.])
    """
    return _cumulative(cumprod, x, axis, dtype, include_initial, 1)  # type: ignore[no-any-return]


def _as_part(value: Any, a: Any, axis: int) -> Any:
    """Return the value that `diff` prepends or appends: a single number becomes one element along the axis."""
    if np.ndim(value):
        return value
    if isinstance(value, (int, float)):
        value = np.asarray(value, a.dtype)
    shape = list(np.shape(a))
    shape[axis] = 1
    return np.broadcast_to(value, tuple(shape))


@composed(
    "a",
    numpy=np.diff,
    examples=[
        case((4,)),
        case((2, 4), n=2),
        case((3, 2), axis=0),
        case((3,), prepend=0.0, append=1.0),
        case((3,), n=0),
        case((0,)),
    ],
)
def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike | None = None, append: ArrayLike | None = None
) -> Tensor:
    """Differences of neighbours along `axis`, taken `n` times.

    >>> diff([1.0, 4.0, 9.0])
    Tensor([3., 5.])
    """
    if operator.index(n) < 0:
        raise ValueError(f"diff: expected n ≥ 0, got {n}.")
    result = positive(a)
    if n == 0:
        return result  # as in NumPy, without `prepend` and `append`
    before = [] if prepend is None else [_as_part(prepend, result, axis)]
    after = [] if append is None else [_as_part(append, result, axis)]
    if before or after:
        result = concatenate([*before, result, *after], axis=axis)
    for _ in range(min(n, result.size)):  # then it is empty, or a number without an axis
        later, earlier = _along(axis, result.ndim, slice(1, None)), _along(axis, result.ndim, slice(None, -1))
        result = result[later] - result[earlier]
    return result


def _slopes(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Return second-order differences inside, and differences of `edge_order` at the two ends."""

    def at(start: int, stop: int | None) -> Any:
        return f[_along(axis, f.ndim, slice(start, stop))]

    axis = normalize_axis_index(axis, f.ndim)
    length = f.shape[axis]
    if length < edge_order + 1:
        raise ValueError(f"np.gradient: axis {axis} has {length} elements; edge_order {edge_order} needs more.")
    steps = np.full(length - 1, float(spacing)) if np.ndim(spacing) == 0 else np.diff(spacing)
    if len(steps) != length - 1:
        raise ValueError(f"np.gradient: {len(steps) + 1} coordinates for axis {axis}, which has {length} elements.")
    column = (-1,) + (1,) * (f.ndim - axis % f.ndim - 1)
    steps = steps.astype(f.dtype).reshape(column)
    left, right = steps[:-1], steps[1:]

    if np.ndim(spacing) == 0:  # the middle one would only be multiplied by 0, and a NaN there stay
        inside = (at(2, None) - at(0, -2)) / (left + right)
    else:
        inside = (
            at(0, -2) * (-right / (left * (left + right)))
            + at(1, -1) * ((right - left) / (left * right))
            + at(2, None) * (left / (right * (left + right)))
        )
    if edge_order == 1:
        first = (at(1, 2) - at(0, 1)) / steps[:1]
        last = (at(length - 1, None) - at(length - 2, -1)) / steps[-1:]
    else:
        first = _one_sided(at(0, 1), at(1, 2), at(2, 3), steps[:1], steps[1:2])
        last = -_one_sided(at(length - 1, None), at(length - 2, -1), at(length - 3, -2), steps[-1:], steps[-2:-1])
    return concatenate([first, inside, last], axis=axis)


def _one_sided(edge: Any, next: Any, after: Any, step: Any, step_after: Any) -> Any:
    """Return the slope at the edge of the parabola through three points."""
    both = step + step_after
    return (
        edge * (-(step + both) / (step * both))
        + next * (both / (step * step_after))
        + after * (-step / (step_after * both))
    )


@composed(
    "f",
    numpy=np.gradient,
    examples=[
        case((4,)),
        case((3, 4), axis=1),
        case((3, 4), axis=0, edge_order=2),
        case((5,), axis=-1),
    ],
)
def slopes(f: ArrayLike, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes of sampled values from differences along each axis, for any spacing, as in `np.gradient`.

    `varargs` are NumPy's: one spacing for all axes, or a number or the coordinates for each. (`tg.gradient` is
    different: it returns the derivative of tensors with respect to tensors.)

    >>> slopes([1.0, 4.0, 9.0])
    Tensor([3., 4., 5.])
    """
    samples = positive(f)
    axes = range(samples.ndim) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    spacings = varargs or (1.0,)
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient: {len(spacings)} spacings for {len(axes)} axes.")
    results = tuple(_slopes(samples, spacing, a, edge_order) for spacing, a in zip(spacings, axes))
    return results[0] if len(results) == 1 else results


@composed(
    "y",
    numpy=np.trapezoid,
    examples=[case((4,)), case((2, 4), dx=0.5), case((3, 2), axis=0), case((3,), x=np.array([0, 1, 3], np.float32))],
)
def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Integral along `axis` by the trapezoidal rule, with points at `x` or at distances of `dx`.

    >>> trapezoid([1.0, 2.0, 3.0])
    Tensor(4.)
    """
    heights = positive(y)
    if x is None:
        steps: Any = dx
    elif np.ndim(x) == 1:
        steps = np.reshape(diff(x), (-1,) + (1,) * (heights.ndim - axis % heights.ndim - 1))
    else:
        steps = diff(x, axis=axis)
    later, earlier = _along(axis, heights.ndim, slice(1, None)), _along(axis, heights.ndim, slice(None, -1))
    return sum(steps * (heights[later] + heights[earlier]) * 0.5, axis=axis)
