"""Operations of networks written with JAX, for compiled programs; `tg.op(lowering=...)` names them.

XLA has instructions for convolutions and windows, and a loop whose body is compiled once. The composed forms would
become one product for each position of a kernel, and one copy of the body for each step of a sequence.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nn.functional.convolution import setting, transposed_setting
from nn.functional.pooling import axes_of, max_in_operations, scale_of
from nn.functional.recurrent import LSTMResult, RecurrentResult
from nn.functional.windows import Axis
from tensorgrad import xla

# -- convolution ---------------------------------------------------------------------------------------------


def _padding(axis: Axis) -> tuple[int, int]:
    """Return the padding before and after, which is negative where the last windows leave elements out."""
    return axis.before, (axis.windows - 1) * axis.stride + axis.extent - axis.size - axis.before


def _convolved(images: Any, weight: Any, axes: tuple[Axis, ...], groups: int) -> Any:
    """Return the convolution of `(samples, *sizes, channels)`."""
    names = "HW"[: len(axes)]
    return lax.conv_general_dilated(
        images, weight, [axis.stride for axis in axes], [_padding(axis) for axis in axes],
        rhs_dilation=[axis.dilation for axis in axes], feature_group_count=groups,
        dimension_numbers=(f"N{names}C", f"{names}IO", f"N{names}C"),
    )  # fmt: skip


@xla.lowering
def convolution(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Compute `conv1d` or `conv2d`."""
    s = setting(x.shape, weight.shape, stride, padding, dilation, groups)
    x, weight = _promoted(x, weight)
    out = _convolved(x.reshape(-1, *s.sizes, s.channels), weight, s.axes, groups)
    out = out.reshape(*s.leading, *s.counts, s.filters)
    return out if bias is None else out + bias


@xla.lowering
def transposed_convolution(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    output_padding: Any = 0, groups: int = 1,
) -> Any:  # fmt: skip
    """Compute `conv_transpose1d` or `conv_transpose2d`: the input gradient of a convolution."""
    s = transposed_setting(x.shape, weight.shape, stride, padding, dilation, output_padding, groups)
    x, weight = _promoted(x, weight)
    x = x.reshape(-1, *s.counts, s.filters)
    images = jnp.zeros((len(x), *s.sizes, s.channels), x.dtype)
    _, pull = jax.vjp(lambda images: _convolved(images, weight, s.axes, groups), images)
    out = pull(x)[0].reshape(*s.leading, *s.sizes, s.channels)
    return out if bias is None else out + bias


def _promoted(*arrays: Any) -> list[Any]:
    dtype = jnp.result_type(*arrays)
    return [each.astype(dtype) for each in arrays]


# -- pooling -------------------------------------------------------------------------------------------------


def _reduced(function: Any, start: Any, x: Any, axes: tuple[Axis, ...]) -> Any:
    """Reduce the windows along the axes before the last."""
    leading = x.ndim - len(axes) - 1

    for number, axis in enumerate(axes, start=leading):
        x = lax.slice_in_dim(x, 0, axis.size + min(0, _padding(axis)[1]), axis=number)

    def around(of_axes: list[Any], other: Any) -> list[Any]:
        return [other] * leading + of_axes + [other]

    sizes, strides = around([axis.kernel for axis in axes], 1), around([axis.stride for axis in axes], 1)
    padding = around([(axis.before, max(0, _padding(axis)[1])) for axis in axes], (0, 0))
    dilation = around([axis.dilation for axis in axes], 1)
    return lax.reduce_window(x, start, function, sizes, strides, padding, window_dilation=dilation)


@xla.lowering
def _largest(x: Any, *, axes: tuple[Axis, ...]) -> Any:
    lowest = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return _reduced(lax.max, np.array(lowest, x.dtype), x, axes)  # JAX recognises a maximum by this initial value


@xla.lowering
def _sums(x: Any, *, axes: tuple[Axis, ...]) -> Any:
    return _reduced(lax.add, np.zeros((), x.dtype), x, axes)


def _max_pool(count: int) -> Any:
    composed = max_in_operations(count)

    def max_pool(x: Any, size: Any, **options: Any) -> Any:
        axes = _axes(x.shape, count, size, **options)
        if any(axis.dilation > 1 for axis in axes):  # JAX has no derivative of it
            return composed(x, size, **options)
        return _largest(x, axes=axes)

    return max_pool


def _axes(
    shape: Any, count: int, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, count_padding: bool = True,
) -> tuple[Axis, ...]:  # fmt: skip
    return axes_of(shape, count, size, stride, padding, dilation, ceil_mode)


def _average_pool(count: int) -> Any:
    def average_pool(x: Any, size: Any, *, count_padding: bool = True, **options: Any) -> Any:
        axes = _axes(x.shape, count, size, **options)
        return _sums(x, axes=axes) * scale_of(axes, count_padding, x.dtype)

    return average_pool


max_pool1d, max_pool2d = _max_pool(1), _max_pool(2)
average_pool1d, average_pool2d = _average_pool(1), _average_pool(2)

# -- recurrence ----------------------------------------------------------------------------------------------


def _scanned(
    step: Any, x: Any, weight: Any, recurrent_weight: Any, bias: Any, states: list[Any], mask: Any, reverse: bool
) -> tuple[Any, ...]:
    """Return the sequence and the final states of `step(projected, *states)`, applied step by step."""
    if mask is not None:
        x = jnp.where(mask[..., None], x, 0)
    projected = x @ weight
    if bias is not None:
        projected = projected + bias
    zeros = jnp.zeros((len(x), recurrent_weight.shape[0]), projected.dtype)
    first = tuple(zeros if state is None else state for state in states)

    def advance(current: Any, inputs: Any) -> Any:
        new = step(inputs[0], *current)
        if mask is None:
            return new, new[0]
        valid = inputs[1][:, None]
        kept = tuple(jnp.where(valid, after, before) for after, before in zip(new, current))
        return kept, jnp.where(valid, kept[0], 0)

    by_step = (projected.swapaxes(0, 1), None if mask is None else jnp.asarray(mask).T)
    final, outputs = lax.scan(advance, first, by_step, reverse=reverse)
    return outputs.swapaxes(0, 1), *final


@xla.lowering
def rnn(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, state: Any = None, *, activation: str = "tanh",
    mask: Any = None, reverse: bool = False,
) -> RecurrentResult:  # fmt: skip
    """Compute `rnn`."""
    act = jnp.tanh if activation == "tanh" else jax.nn.relu

    def step(projected: Any, state: Any) -> tuple[Any, ...]:
        return (act(projected + state @ recurrent_weight),)

    return RecurrentResult(*_scanned(step, x, weight, recurrent_weight, bias, [state], mask, reverse))


@xla.lowering
def lstm(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, hidden: Any = None, cell: Any = None, *,
    mask: Any = None, reverse: bool = False,
) -> LSTMResult:  # fmt: skip
    """Compute `lstm`."""

    def step(projected: Any, hidden: Any, cell: Any) -> tuple[Any, ...]:
        i, f, candidate, o = jnp.split(projected + hidden @ recurrent_weight, 4, axis=-1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(candidate)
        return jax.nn.sigmoid(o) * jnp.tanh(cell), cell

    return LSTMResult(*_scanned(step, x, weight, recurrent_weight, bias, [hidden, cell], mask, reverse))


@xla.lowering
def gru(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, recurrent_bias: Any = None, state: Any = None, *,
    reset_after: bool = True, mask: Any = None, reverse: bool = False,
) -> RecurrentResult:  # fmt: skip
    """Compute `gru`."""
    units = recurrent_weight.shape[0]

    def step(projected: Any, state: Any) -> tuple[Any, ...]:
        r, z, candidate = jnp.split(projected, 3, axis=-1)
        if reset_after:
            product = state @ recurrent_weight
            product = product if recurrent_bias is None else product + recurrent_bias
            to_r, to_z, memory = jnp.split(product, 3, axis=-1)
            candidate = jnp.tanh(candidate + jax.nn.sigmoid(r + to_r) * memory)
        else:
            to_r, to_z = jnp.split(state @ recurrent_weight[:, : 2 * units], 2, axis=-1)
            memory = jax.nn.sigmoid(r + to_r) * state
            candidate = jnp.tanh(candidate + memory @ recurrent_weight[:, 2 * units :])
        update = jax.nn.sigmoid(z + to_z)
        return (update * (state - candidate) + candidate,)

    return RecurrentResult(*_scanned(step, x, weight, recurrent_weight, bias, [state], mask, reverse))


# -- attention -----------------------------------------------------------------------------------------------


@xla.lowering
def attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, *, scale: float | None = None) -> Any:
    """Compute `attention`, with an axis for the members of each group of heads."""
    heads, groups = (q.shape[-3], k.shape[-3]) if q.ndim > 3 else (1, 1)
    shape = (*q.shape[:-1], v.shape[-1])
    if heads != groups:
        q = q.reshape(*q.shape[:-3], groups, heads // groups, *q.shape[-2:])
        k, v = jnp.expand_dims(k, -3), jnp.expand_dims(v, -3)
        if mask is not None and mask.ndim >= 3:
            split = (1, 1) if mask.shape[-3] == 1 else (groups, heads // groups)
            mask = mask.reshape(*mask.shape[:-3], *split, *mask.shape[-2:])
    scores = jnp.matmul(q, k.swapaxes(-1, -2)) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    allowed = None
    if mask is not None and mask.dtype == bool:
        allowed = mask
    elif mask is not None:
        allowed = mask > -math.inf
        scores = scores + jnp.where(allowed, mask, 0)
    if causal:
        queries, keys = scores.shape[-2:]
        past = jnp.tri(queries, keys, keys - queries, dtype=bool)
        allowed = past if allowed is None else allowed & past
    if allowed is None:
        return (jax.nn.softmax(scores) @ v).reshape(shape)
    weights = jax.nn.softmax(jnp.where(allowed, scores, float(np.finfo(scores.dtype).min))) * allowed
    return (weights @ v).reshape(shape)


# -- embedding -----------------------------------------------------------------------------------------------


@xla.lowering
def embedding(ids: Any, weight: Any, *, padding_index: int | None = None) -> Any:
    """Compute `embedding`; its gradient adds rows, not single numbers."""
    rows = jnp.take(weight, ids, axis=0)
    if padding_index is None:
        return rows
    is_padding = (ids == padding_index).reshape(*ids.shape, *[1] * (rows.ndim - ids.ndim))
    return jnp.where(is_padding, lax.stop_gradient(rows), rows)
