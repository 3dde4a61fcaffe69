"""Normalisation: subtract a mean, divide by a standard deviation, then scale and shift each feature.

The last axis has the features. The functions differ in what they average over: `batch_norm` over all other axes,
`layer_norm` and `rms_norm` over the features, `group_norm` over a group of features and the pixels of a sample. Each
is one operation, whose fast rule agrees with its composed form; the formulas of the gradients are those of
Ioffe and Szegedy, *Batch Normalization*, 2015.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn._validation import whole_number
from nn.functional import _channels
from nn.functional._blocks import aligned
from nn.functional.dense import ones
from tensorgrad import Tensor, domains

__all__ = ["BatchNormResult", "batch_norm", "batch_norm_with", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


# -- shared helpers ------------------------------------------------------------------------------------------


def _check_parameters(x: Any, axes: int, weight: Any, bias: Any) -> None:
    """Reject weights and biases whose shape does not match the features."""
    expected = tuple(x.shape[x.ndim - axes :])
    for name, values in (("weight", weight), ("bias", bias)):
        if values is not None and np.shape(values) != expected:
            raise ValueError(f"expected a {name} of shape {expected} for x of shape {x.shape}, got {np.shape(values)}.")


def _floating(x: Any, *parameters: Any) -> tuple[Any, np.dtype[Any]]:
    """Return `x` in the dtype to compute in, and the dtype of the result; sums of float16 would overflow."""
    dtype = np.result_type(x, np.float16, *(each for each in parameters if each is not None))
    return np.asarray(x, np.result_type(dtype, np.float32)), dtype


def _affine(values: Any, weight: Any, bias: Any) -> Any:
    """Return weight·values + bias, where each may be None."""
    values = values if weight is None else values * weight
    return values if bias is None else values + bias


# -- statistics of channels: batch and group normalisation ---------------------------------------------------


def _within_groups(values: Any, groups: int) -> Any:
    """Replace each of `(samples, channels)` values by the sum over its group."""
    samples, channels = values.shape
    if groups == channels:
        return values
    totals = values.reshape(samples, groups, channels // groups).sum(axis=2)
    return np.repeat(totals, channels // groups, axis=1)


def _normalised(
    x: Any, weight: Any, bias: Any, groups: int, epsilon: float, shape: tuple[int, ...]
) -> tuple[Any, Any, Any, Any]:
    """Return the result for x `(samples, pixels, channels)`, and the mean, variance and 1/√(variance + epsilon).

    The result has the given shape, which x had before it was reshaped.
    """
    pixels, together = x.shape[1], x.shape[2] // groups
    of_channels, squares = _channels.statistics(x)
    mean = _within_groups(of_channels, groups) / together
    variance = _within_groups(squares / pixels + np.square(of_channels - mean), groups) / together
    inverse = 1 / np.sqrt(variance + epsilon)
    scale = inverse if weight is None else inverse * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return _channels.scaled(x, scale, shift, shape), mean, variance, inverse


def _gradients(
    g: Any, wanted: Any, x: Any, weight: Any, mean: Any, inverse: Any, groups: int, shape: tuple[int, ...],
    of_mean: Any = 0.0, of_variance: Any = 0.0,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return the gradients with respect to x, weight and bias; `of_mean` and `of_variance` are upstream gradients.

    With x̂ the normalised x and a bar for the mean over what is normalised together,
    ∂x = inverse·(g·weight - mean(g·weight) - x̂·mean(g·weight·x̂)): a linear map of g and x.
    """
    averaged = x.shape[1] * x.shape[2] // groups
    bias_sums, weight_sums = _channels.products(g, x, mean)
    weight_sums *= inverse
    x_gradient = None
    if wanted[0]:
        factor = 1.0 if weight is None else np.asarray(weight, np.float64)
        mean_of_g = _within_groups(bias_sums * factor, groups) / averaged
        mean_of_product = _within_groups(weight_sums * factor, groups) / averaged
        of_x = 2 * of_variance / averaged - inverse * inverse * mean_of_product
        shift = of_mean / averaged - inverse * mean_of_g - of_x * mean
        x_gradient = _channels.combined(g, x, inverse * factor, of_x, shift, shape)
    return x_gradient, weight_sums.sum(axis=0), bias_sums.sum(axis=0)


# -- batch normalisation ------------------------------------------------------------------------------------


class BatchNormResult(NamedTuple):
    """Result of `batch_norm`: the normalised batch, and its mean and (biased) variance for each feature."""

    output: Tensor
    mean: Tensor
    variance: Tensor


def _as_one_sample(x: Any) -> Any:
    return x.reshape(1, -1, x.shape[-1])


def _batch_norm_gradients(g: Any, wanted: Any, x: Any, weight: Any, batch_mean: Any, inverse: Any) -> Any:
    of_output, dtype = _floating(g.output)
    x_gradient, weight_gradient, bias_gradient = _gradients(
        _as_one_sample(of_output), wanted, _as_one_sample(np.asarray(x, of_output.dtype)), weight, batch_mean,
        inverse, x.shape[-1], x.shape, g.mean, g.variance,
    )  # fmt: skip
    x_gradient = None if x_gradient is None else x_gradient.astype(dtype, copy=False)
    return x_gradient, weight_gradient.astype(dtype), bias_gradient.astype(dtype)


def _batch_norm_composed(
    x: Any, weight: Any = None, bias: Any = None, *, epsilon: float = 1e-5
) -> BatchNormResult:  # fmt: skip
    axes = tuple(range(x.ndim - 1))
    mean = tg.mean(x, axis=axes)
    centred = x - mean
    variance = tg.mean(centred * centred, axis=axes)
    return BatchNormResult(_affine(centred / tg.sqrt(variance + epsilon), weight, bias), mean, variance)


def _batch_norm_definition(x: Any, weight: Any = None, bias: Any = None, epsilon: float = 1e-5) -> BatchNormResult:
    """Normalise feature by feature."""
    columns = x.reshape(-1, x.shape[-1]).T
    out = [(column - np.mean(column)) / math.sqrt(np.var(column) + epsilon) for column in columns]
    normalised = np.stack(out, axis=-1).reshape(x.shape)
    return BatchNormResult(_affine(normalised, weight, bias), np.mean(columns, axis=1), np.var(columns, axis=1))


@tg.op(
    joint=_batch_norm_gradients,
    inputs=["x", "weight", "bias"],
    results=BatchNormResult,
    keep=["batch_mean", "inverse"],
    composed=_batch_norm_composed,
    reference=_batch_norm_definition,
    examples=[
        domains.case((4, 3), (3,), (3,)),
        domains.case((3, 2), None, None),
        domains.case((3, 2), (2,), None, epsilon=0.1),
        domains.case((2, 3, 2), (2,), (2,)),
        domains.case((2, 2, 2, 2), None, (2,)),
    ],
)
def batch_norm(
    x: ArrayLike, weight: ArrayLike | None = None, bias: ArrayLike | None = None, *, epsilon: float = 1e-5
) -> Any:
    """Normalise each feature over all other axes, with the mean and the variance of the batch.

    Args:
        x: `(…, features)`, with at least two axes.
        weight, bias: `(features,)`, or None.
        epsilon: added to the variance.

    Returns:
        A `BatchNormResult`: the result, and the mean and the biased variance of each feature.

    Raises:
        ValueError: shapes that do not match, or nothing to average.

    References:
        Ioffe and Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
        Shift*, 2015.

    >>> batch_norm([[1.0, 10.0], [3.0, 10.0]], epsilon=0.0001).output.data.round(3)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    x = np.asarray(x)
    if x.ndim < 2 or x.size == 0:
        raise ValueError(f"expected x of shape (samples, …, features) that is not empty, got {x.shape}.")
    _check_parameters(x, 1, weight, bias)
    values, dtype = _floating(x, weight, bias)
    out, mean, variance, inverse = _normalised(_as_one_sample(values), weight, bias, x.shape[-1], epsilon, x.shape)
    results = (out, mean[0], variance[0])
    return BatchNormResult(*(each.astype(dtype, copy=False) for each in results)), (mean, inverse)


def batch_norm_with(
    x: ArrayLike, mean: ArrayLike, variance: ArrayLike, weight: ArrayLike | None = None,
    bias: ArrayLike | None = None, *, epsilon: float = 1e-5,
) -> tg.Tensor:  # fmt: skip
    """Normalise each feature with a given mean and variance, such as the running statistics of a `BatchNorm`.

    Args:
        x: `(…, features)`.
        mean, variance: `(features,)`.
        weight, bias, epsilon: as in `batch_norm`.

    >>> batch_norm_with([[1.0], [4.0]], [1.0], [9.0], epsilon=0.0)
    Tensor([[0.],
            [1.]])
    """
    scale: Any = 1 / tg.sqrt(tg.add(variance, epsilon))
    scale = scale if weight is None else weight * scale
    shift = -tg.multiply(mean, scale)
    return tg.multiply(x, scale) + (shift if bias is None else bias + shift)


# -- group and instance normalisation -----------------------------------------------------------------------


def _as_samples(x: Any) -> Any:
    return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])


def _group_norm_gradients(
    g: Any, wanted: Any, x: Any, weight: Any, groups: int, sample_means: Any, inverse: Any
) -> Any:  # fmt: skip
    upstream, dtype = _floating(g)
    x_gradient, weight_gradient, bias_gradient = _gradients(
        _as_samples(upstream),
        wanted,
        _as_samples(np.asarray(x, upstream.dtype)),
        weight,
        sample_means,
        inverse,
        groups,
        x.shape,
    )
    x_gradient = None if x_gradient is None else x_gradient.astype(dtype, copy=False)
    return x_gradient, weight_gradient.astype(dtype), bias_gradient.astype(dtype)


def _group_norm_composed(
    x: Any, groups: int, weight: Any = None, bias: Any = None, *, epsilon: float = 1e-5
) -> Any:  # fmt: skip
    _check_groups(x.shape, groups)
    grouped = np.reshape(x, (x.shape[0], math.prod(x.shape[1:-1]), groups, x.shape[-1] // groups))
    centred = grouped - tg.mean(grouped, axis=(1, 3), keepdims=True)
    variance = tg.mean(centred * centred, axis=(1, 3), keepdims=True)
    return _affine(np.reshape(centred / tg.sqrt(variance + epsilon), x.shape), weight, bias)


def _group_norm_definition(x: Any, groups: int, weight: Any = None, bias: Any = None, epsilon: float = 1e-5) -> Any:
    """Normalise sample by sample and group by group."""
    out = [
        np.concatenate([(p - np.mean(p)) / math.sqrt(np.var(p) + epsilon) for p in np.split(one, groups, -1)], -1)
        for one in x
    ]
    return _affine(np.reshape(out, x.shape), weight, bias)


def _check_groups(x_shape: tuple[int, ...], groups: int) -> None:
    if len(x_shape) < 2 or 0 in x_shape[1:]:
        raise ValueError(f"expected x of shape (samples, …, features) with features to average, got {x_shape}.")
    if x_shape[-1] % whole_number("groups", groups):
        raise ValueError(f"expected a multiple of the {groups} groups as features, got x of shape {x_shape}.")


@tg.op(
    joint=_group_norm_gradients,
    inputs=["x", "weight", "bias"],
    keep=["sample_means", "inverse"],
    composed=_group_norm_composed,
    reference=_group_norm_definition,
    examples=[
        domains.case((2, 3, 4), (4,), (4,), groups=2),
        domains.case((2, 3, 3), None, None, groups=3),
        domains.case((2, 4), (4,), None, groups=1),
        domains.case((2, 2, 2, 2), None, (2,), groups=1, epsilon=0.1),
        domains.case((0, 3, 2), (2,), (2,), groups=2),
    ],
)
def group_norm(
    x: ArrayLike, groups: int, weight: ArrayLike | None = None, bias: ArrayLike | None = None, *, epsilon: float = 1e-5
) -> Any:
    """Normalise each group of features of each sample, over all its pixels.

    Args:
        x: `(samples, …, features)`.
        groups: the number of groups, a divisor of the number of features. Each group has consecutive features.
        weight, bias: `(features,)`, or None.
        epsilon: added to the variance.

    Raises:
        ValueError: shapes that do not match, or features that are not a multiple of the groups.

    References:
        Wu and He, *Group Normalization*, 2018.

    >>> group_norm([[1.0, 3.0, 10.0, 30.0]], 2, epsilon=0.0001).data.round(3)
    array([[-1.,  1., -1.,  1.]])
    """
    x = np.asarray(x)
    _check_groups(x.shape, groups)
    _check_parameters(x, 1, weight, bias)
    values, dtype = _floating(x, weight, bias)
    out, mean, _, inverse = _normalised(_as_samples(values), weight, bias, groups, epsilon, x.shape)
    return out.astype(dtype, copy=False), (mean, inverse)


def instance_norm(
    x: ArrayLike, weight: ArrayLike | None = None, bias: ArrayLike | None = None, *, epsilon: float = 1e-5
) -> tg.Tensor:
    """Normalise each feature of each sample over its pixels: `group_norm` with one feature in each group.

    Args:
        x: `(samples, …, features)`.
        weight, bias, epsilon: as in `group_norm`.

    Raises:
        ValueError: shapes that do not match, or a single pixel, whose mean is itself: the result would be 0.

    References:
        Ulyanov, Vedaldi, Lempitsky, *Instance Normalization*, 2016.

    >>> instance_norm([[[1.0, 10.0], [3.0, 10.0]]], epsilon=0.0001).data.round(3)
    array([[[-1.,  0.],
            [ 1.,  0.]]])
    """
    shape = np.shape(x)
    if len(shape) < 2 or math.prod(shape[1:-1]) == 1:
        raise ValueError(f"instance_norm: expected x of shape (samples, …, features) with several pixels, got {shape}.")
    return group_norm(x, shape[-1], weight, bias, epsilon=epsilon)


# -- statistics of features: layer and root-mean-square normalisation ----------------------------------------

ROW_BLOCK_BYTES = 256_000
"""Bytes of a block of rows. The gradient of 1024 rows of 128 numbers takes 0.8 of the time it takes in one block."""


def _last_axes(x: Any, axes: int) -> tuple[int, ...]:
    """Return the last `axes` axes of x.

    Raises:
        ValueError: x has fewer, or nothing to average along them.
    """
    if not 1 <= whole_number("axes", axes) <= x.ndim or 0 in x.shape[x.ndim - axes :]:
        raise ValueError(f"expected x with numbers to average along its last {axes} axes, got shape {x.shape}.")
    return tuple(range(x.ndim - axes, x.ndim))


def _as_rows(x: Any, axes: int) -> Any:
    length = math.prod(x.shape[x.ndim - axes :])
    return x.reshape(x.size // length, length)


def _scaled_rows(normalised: Any, weight: Any, bias: Any) -> Any:
    """Return weight·normalised + bias in a new array; the normalised rows are kept for the rule."""
    out = normalised.copy() if weight is None else normalised * weight.reshape(-1)
    if bias is not None:
        out += bias.reshape(-1)
    return out


def _row_gradients(
    g: Any, wanted: Any, weight: Any, normalised: Any, inverse: Any, axes: int, *, centred: bool
) -> tuple[Any, Any, Any]:
    """Return the gradients with respect to x, weight and bias, for rows that were normalised together.

    ∂x = inverse·(g·weight - mean(g·weight) - x̂·mean(g·weight·x̂)), where x̂ is the normalised x and the means are those
    of the rows. The first mean is omitted if the rows were not centred. A block of rows stays in the cache between the
    passes over it.
    """
    upstream, dtype = _floating(g)
    upstream = _as_rows(upstream, axes)
    count, length = upstream.shape
    row = np.ones(length, upstream.dtype) if weight is None else weight.reshape(-1).astype(upstream.dtype)
    fractions = row / length
    step = max(1, min(count, ROW_BLOCK_BYTES // (length * upstream.itemsize)))
    scratch = aligned((step, length), upstream.dtype)
    x_gradient = np.empty(g.shape, upstream.dtype)  # a view of another shape would be copied as a gradient
    weight_gradient, bias_gradient = np.zeros((2, length), upstream.dtype)
    for start in range(0, count, step):
        block = slice(start, start + step)
        part, values = upstream[block], normalised[block]
        product = np.multiply(part, values, out=scratch[: len(part)])
        if wanted[1]:
            weight_gradient += ones(len(part), part.dtype) @ product
        if centred and wanted[2]:
            bias_gradient += ones(len(part), part.dtype) @ part
        if wanted[0]:
            rows = x_gradient.reshape(count, length)[block]
            np.multiply(part, row, out=rows)
            mean_of_product = (product @ fractions)[:, None]
            if centred:
                rows -= (part @ fractions)[:, None]
            rows -= np.multiply(values, mean_of_product, out=product)
            rows *= inverse[block]
    return (
        x_gradient.astype(dtype, copy=False) if wanted[0] else None,
        weight_gradient.astype(dtype).reshape(weight.shape) if wanted[1] else None,
        bias_gradient.astype(dtype).reshape(g.shape[g.ndim - axes :]) if centred and wanted[2] else None,
    )


def _inverse_of_squares(rows: Any, epsilon: float) -> Any:
    """Return 1/√(mean of the squares + epsilon) of each row, as a column."""
    return (1 / np.sqrt(np.vecdot(rows, rows) / rows.shape[1] + epsilon))[:, None]


def _layer_norm_gradients(g: Any, wanted: Any, weight: Any, axes: int, normalised: Any, inverse: Any) -> Any:
    return _row_gradients(g, wanted, weight, normalised, inverse, axes, centred=True)


def _layer_norm_composed(
    x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, epsilon: float = 1e-5
) -> Any:  # fmt: skip
    last = _last_axes(x, axes)
    centred = x - tg.mean(x, axis=last, keepdims=True)
    variance = tg.mean(centred * centred, axis=last, keepdims=True)
    return _affine(centred / tg.sqrt(variance + epsilon), weight, bias)


def _layer_norm_definition(
    x: Any, weight: Any = None, bias: Any = None, axes: int = 1, epsilon: float = 1e-5
) -> Any:  # fmt: skip
    """Normalise row by row."""
    rows = x.reshape(-1, math.prod(x.shape[x.ndim - axes :]))
    out = [(row - np.mean(row)) / math.sqrt(np.var(row) + epsilon) for row in rows]
    return _affine(np.reshape(out, x.shape), weight, bias)


@tg.op(
    joint=_layer_norm_gradients,
    inputs=["x", "weight", "bias"],
    keep=["normalised", "inverse"],
    composed=_layer_norm_composed,
    reference=_layer_norm_definition,
    examples=[
        domains.case((3, 4), (4,), (4,)),
        domains.case((2, 2, 3), (3,), None),
        domains.case((2, 2, 2), (2, 2), (2, 2), axes=2),
        domains.case((4,), None, (4,), epsilon=0.1),
        domains.case((2, 3), None, None),
        domains.case((0, 3), (3,), (3,)),
    ],
)
def layer_norm(
    x: ArrayLike, weight: ArrayLike | None = None, bias: ArrayLike | None = None, *, axes: int = 1,
    epsilon: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalise the features of each sample, or of each time step.

    Args:
        x: `(…, features)`.
        weight, bias: of the shape of the last `axes` axes of x, or None.
        axes: how many of the last axes are normalised together.
        epsilon: added to the variance.

    Raises:
        ValueError: shapes that do not match.

    References:
        Ba, Kiros, Hinton, *Layer Normalization*, 2016.

    >>> layer_norm([[1.0, 3.0], [10.0, 30.0]], epsilon=0.0001).data.round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    x = np.asarray(x)
    _last_axes(x, axes)
    _check_parameters(x, axes, weight, bias)
    values, dtype = _floating(x, weight, bias)
    rows = _as_rows(values, axes)
    mean = rows @ (ones(rows.shape[1], rows.dtype) / rows.shape[1])
    normalised = rows - mean[:, None]
    inverse = _inverse_of_squares(normalised, epsilon)
    normalised *= inverse
    out = _scaled_rows(normalised, weight, bias)
    return out.reshape(x.shape).astype(dtype, copy=False), (normalised, inverse)


def _rms_norm_gradients(g: Any, wanted: Any, weight: Any, axes: int, normalised: Any, inverse: Any) -> Any:
    return _row_gradients(g, wanted, weight, normalised, inverse, axes, centred=False)[:2]


def _rms_norm_composed(x: Any, weight: Any = None, *, axes: int = 1, epsilon: float = 1e-5) -> Any:
    mean_square = tg.mean(x * x, axis=_last_axes(x, axes), keepdims=True)
    return _affine(x / tg.sqrt(mean_square + epsilon), weight, None)


def _rms_norm_definition(x: Any, weight: Any = None, axes: int = 1, epsilon: float = 1e-5) -> Any:
    """Normalise row by row."""
    rows = x.reshape(-1, math.prod(x.shape[x.ndim - axes :]))
    out = [row / math.sqrt(sum(v * v for v in row) / len(row) + epsilon) for row in rows]
    return _affine(np.reshape(out, x.shape), weight, None)


@tg.op(
    joint=_rms_norm_gradients,
    inputs=["x", "weight"],
    keep=["normalised", "inverse"],
    composed=_rms_norm_composed,
    reference=_rms_norm_definition,
    examples=[
        domains.case((3, 4), (4,)),
        domains.case((2, 2, 3), (3,), epsilon=0.1),
        domains.case((2, 2, 2), (2, 2), axes=2),
        domains.case((4,), None),
        domains.case((0, 3), (3,)),
    ],
)
def rms_norm(x: ArrayLike, weight: ArrayLike | None = None, *, axes: int = 1, epsilon: float = 1e-5) -> Any:
    """Divide the features of each sample by their root mean square: `layer_norm` without the mean.

    Args:
        x, weight, axes: as in `layer_norm`.
        epsilon: added to the mean of the squares.

    Raises:
        ValueError: shapes that do not match.

    References:
        Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019.

    >>> rms_norm([3.0, -3.0], [1.0, 2.0], epsilon=0.0)
    Tensor([ 1., -2.])
    """
    x = np.asarray(x)
    _last_axes(x, axes)
    _check_parameters(x, axes, weight, None)
    values, dtype = _floating(x, weight)
    rows = _as_rows(values, axes)
    inverse = _inverse_of_squares(rows, epsilon)
    normalised = rows * inverse
    return _scaled_rows(normalised, weight, None).reshape(x.shape).astype(dtype, copy=False), (normalised, inverse)
