"""Recurrent networks over whole sequences, one operation each, with backpropagation through time.

Sequences are `(batch, time, features)`. The loops are in `_recurrent_loops`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn.functional import _recurrent_definitions as definitions
from nn.functional import _recurrent_loops as loops
from nn.functional.activations import relu
from tensorgrad import Tensor, domains, scopes

__all__ = ["LSTMResult", "RecurrentResult", "gru", "lstm", "rnn"]


class RecurrentResult(NamedTuple):
    """Result of `rnn` and `gru`: the state after every step, and after the last one that is not padding."""

    sequence: Tensor
    state: Tensor


class LSTMResult(NamedTuple):
    """Result of `lstm`: the hidden state after every step, and both states after the last one not padding."""

    sequence: Tensor
    hidden: Tensor
    cell: Tensor


# -- shared helpers ------------------------------------------------------------------------------------------


def _prepared(
    x: Any, weight: Any, recurrent_weight: Any, biases: Sequence[Any], states: Sequence[Any], gates: int, mask: Any,
    reverse: bool,
) -> tuple[Any, Any, Any, list[Any], list[Any], list[Any]]:  # fmt: skip
    """Return the operands for the loops: arrays of one dtype, and the padding of each step.

    Omitted states are zeros.

    Raises:
        ValueError: the shapes do not fit.
    """
    _check_shapes(x, weight, recurrent_weight, biases, states, gates, mask)
    present = [each for each in (x, weight, recurrent_weight, *biases, *states) if each is not None]
    dtype = np.result_type(np.float16, *present)  # integers become float64
    first = (len(x), len(recurrent_weight))
    return (
        _time_first(np.asarray(x, dtype), mask, reverse),
        np.ascontiguousarray(weight, dtype),
        np.ascontiguousarray(recurrent_weight, dtype),
        [None if each is None else np.ascontiguousarray(each, dtype) for each in biases],
        [np.zeros(first, dtype) if each is None else np.asarray(each, dtype) for each in states],
        _padding(mask, reverse, np.shape(x)[1]),
    )


def _check_shapes(
    x: Any, weight: Any, recurrent_weight: Any, biases: Sequence[Any], states: Sequence[Any], gates: int, mask: Any
) -> None:
    shape, into, within = np.shape(x), np.shape(weight), np.shape(recurrent_weight)
    if len(within) != 2 or within[0] < 1 or within[1] != gates * within[0]:
        raise ValueError(f"expected a recurrent weight of shape (units, {_times(gates)}units), got {within}.")
    units = within[0]
    if len(into) != 2 or into[1] != within[1]:
        raise ValueError(f"expected a weight of shape (inputs, {within[1]}) for {units} units, got {into}.")
    if len(shape) != 3:
        hint = " A single sequence is x[None]." if len(shape) == 2 else ""
        raise ValueError(f"expected x of shape (batch, time, {into[0]}), got {shape}.{hint}")
    if shape[2] != into[0]:
        raise ValueError(f"expected x of shape (batch, time, features) with {into[0]} features, got {shape}.")
    if shape[1] < 1:
        raise ValueError(f"expected sequences of at least one step, got x of shape {shape}.")
    for bias in biases:
        if bias is not None and np.shape(bias) != (within[1],):
            raise ValueError(f"expected a bias of shape ({within[1]},), got {np.shape(bias)}.")
    for state in states:
        if state is not None and np.shape(state) != (shape[0], units):
            raise ValueError(
                f"expected an initial state of shape (batch, units) = {(shape[0], units)}, got {np.shape(state)}."
            )
    if mask is not None and np.shape(mask) != shape[:2]:
        raise ValueError(f"expected a mask of shape (batch, time) = {shape[:2]}, got {np.shape(mask)}.")
    if mask is not None and np.asarray(mask).dtype != bool:
        raise TypeError(
            f"expected a mask of booleans, True where a step is not padding, got dtype {np.asarray(mask).dtype}."
        )


def _times(gates: int) -> str:
    return f"{gates}·" if gates > 1 else ""


def _time_first(x: Any, mask: Any, reverse: bool) -> NDArray[Any]:
    """Return a view of sequences in the order of the loops. If there is padding, return a copy in which it is 0."""
    if mask is not None and not np.all(mask):
        x = np.where(np.asarray(mask)[..., None], x, np.zeros((), x.dtype))
    view: NDArray[Any] = x.transpose(1, 0, 2)
    return view[::-1] if reverse else view


def _batch_first(y: NDArray[Any], mask: Any, reverse: bool) -> Any:
    """Return sequences with the batch first, with zeros for padding."""
    out = np.array((y[::-1] if reverse else y).transpose(1, 0, 2), order="C")
    if mask is not None:
        out[~np.asarray(mask)] = 0
    return out


def _to_x(sums: Any, weight: Any, mask: Any, reverse: bool, wanted: Sequence[bool]) -> Any:
    """Return the gradient with respect to the input, if it is needed."""
    return _batch_first(loops.input_gradient(sums, weight), mask, reverse) if wanted[0] else None


def _padding(mask: Any, reverse: bool, steps: int) -> list[NDArray[Any] | None]:
    """Return, for each step of the loops, the samples for which it is padding; None where there are none."""
    if mask is None:
        return [None] * steps
    found = [np.flatnonzero(~column) for column in np.asarray(mask).T]
    return [rows if len(rows) else None for rows in (reversed(found) if reverse else found)]


def _flops(
    x_shape: tuple[int, ...], recurrent_weight_shape: tuple[int, ...], biases: Sequence[Any], of_unit: int
) -> int:
    """Return the number of operations: products, biases, and `of_unit` others for each unit in each step."""
    batch, time, inputs = x_shape
    units, width = recurrent_weight_shape
    added = sum(bias is not None for bias in biases)
    return batch * time * (width * (2 * inputs + 2 * units + added) + of_unit * units)


class Step:
    """Step of a recurrent network: the name of its frame in drawings."""


def _scan(
    step: Callable[..., tuple[Any, ...]], x: Any, weight: Any, recurrent_weight: Any, bias: Any,
    states: Sequence[Any], mask: Any, reverse: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """Return the sequence and the final states in recorded functions: `step(projected, *states)` after another."""
    if mask is not None:
        mask = mask if hasattr(mask, "dtype") else np.asarray(mask)  # arrays of other libraries are not converted
        x = np.where(mask[..., None], x, 0)
    projected = np.matmul(x, weight)
    if bias is not None:
        projected = projected + bias
    samples, steps, _ = projected.shape
    zeros = np.zeros_like(projected, shape=(samples, recurrent_weight.shape[0]))
    current = tuple(zeros if state is None else state for state in states)
    outputs = []
    frame = Step()
    for t in reversed(range(steps)) if reverse else range(steps):
        new = scopes.leave(scopes.enter(), frame, (), step(projected[:, t], *current))
        if mask is None:
            current = new
            outputs.append(current[0])
        else:
            valid = mask[:, t, None]
            current = tuple(np.where(valid, after, before) for after, before in zip(new, current))
            outputs.append(np.where(valid, current[0], 0))
    return (np.stack(outputs[::-1] if reverse else outputs, axis=1), *current)


def _lengths(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask for examples: sequences of different lengths."""
    return np.arange(shape[1]) < np.arange(shape[1], shape[1] - shape[0], -1)[:, None]


# -- the simple network --------------------------------------------------------------------------------------


def _rnn_gradients(
    g: Any, wanted: Any, weight: Any, recurrent_weight: Any, steps: Any, states: Any, activation: Any, mask: Any,
    reverse: Any,
) -> Any:  # fmt: skip
    weight, recurrent_weight = (np.asarray(each, steps.dtype) for each in (weight, recurrent_weight))
    upstream = np.ascontiguousarray(_time_first(g.sequence, mask, reverse))
    padding = _padding(mask, reverse, len(upstream))
    sums, first = loops.rnn_backward(upstream, g.state, states, recurrent_weight, activation, padding)
    to_parameters = loops.joined_gradients(sums, steps, weight, recurrent_weight) if any(wanted[1:4]) else [None] * 3
    return _to_x(sums, weight, mask, reverse, wanted), *to_parameters, first


def _rnn_composed(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, state: Any = None, *, activation: str = "tanh",
    mask: Any = None, reverse: bool = False,
) -> RecurrentResult:  # fmt: skip
    act = tg.tanh if activation == "tanh" else relu

    def step(projected: Any, state: Any) -> tuple[Any, ...]:
        return (act(projected + np.matmul(state, recurrent_weight)),)

    return RecurrentResult(*_scan(step, x, weight, recurrent_weight, bias, [state], mask, reverse))


@tg.op(
    joint=_rnn_gradients,
    inputs=["x", "weight", "recurrent_weight", "bias", "state"],
    results=RecurrentResult,
    keep=["steps", "states"],
    composed=_rnn_composed,
    lowering="nn.functional._lowerings:rnn",
    flops=lambda x_shape, recurrent_weight_shape, bias_shape: _flops(
        x_shape, recurrent_weight_shape, [bias_shape], of_unit=2
    ),
    reference=definitions.rnn,
    examples=[
        domains.case((2, 3, 2), (2, 2), (2, 2), (2,), (2, 2)),
        domains.case((1, 2, 3), (3, 2), (2, 2), None, None),
        domains.case((2, 2, 1), (1, 2), (2, 2), (2,), None, reverse=True),
        domains.case((2, 3, 2), (2, 2), (2, 2), (2,), (2, 2), activation="relu"),
        domains.case((3, 3, 1), (1, 2), (2, 2), (2,), (3, 2), mask=_lengths((3, 3))),
        domains.case((3, 3, 1), (1, 2), (2, 2), (2,), None, mask=_lengths((3, 3)), reverse=True),
        domains.case((0, 3, 2), (2, 2), (2, 2), (2,), None),
    ],
)
def rnn(
    x: ArrayLike, weight: ArrayLike, recurrent_weight: ArrayLike, bias: ArrayLike | None = None,
    state: ArrayLike | None = None, *, activation: Literal["tanh", "relu"] = "tanh",
    mask: ArrayLike | None = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """Run a simple recurrent network: `h ← tanh(x[:, t] @ weight + h @ recurrent_weight + bias)`, for every step.

    Args:
        x: `(batch, time, inputs)`.
        weight: `(inputs, units)`.
        recurrent_weight: `(units, units)`.
        bias: `(units,)`, or None.
        state: the initial h, `(batch, units)`; default zeros.
        activation: `"tanh"` or `"relu"`.
        mask: `(batch, time)`, False for padding. There the output is 0 and the state is unchanged.
        reverse: whether the steps are taken from the last to the first. The output keeps the order of x.

    Returns:
        The named tuple `(sequence, state)`: `(batch, time, units)`, and the final state `(batch, units)`.

    Raises:
        ValueError: shapes that do not fit, sequences without steps, or another `activation`.
        TypeError: a mask that is not boolean.

    References:
        Elman, *Finding Structure in Time*, 1990.

    >>> rnn([[[1.0], [1.0]]], [[1.0]], [[1.0]], activation="relu").sequence
    Tensor([[[1.],
             [2.]]])
    """
    if activation not in ("tanh", "relu"):
        raise ValueError(f"activation must be 'tanh' or 'relu', got {activation!r}.")
    inputs, into, within, [total], [initial], padding = _prepared(
        x, weight, recurrent_weight, [bias], [state], 1, mask, reverse
    )
    steps, states = loops.rnn_forward(inputs, into, within, total, initial, activation, padding)
    return RecurrentResult(_batch_first(states[1:], mask, reverse), states[-1].copy()), (steps, states)


# -- long short-term memory ----------------------------------------------------------------------------------


def _lstm_gradients(g: Any, wanted: Any, weight: Any, recurrent_weight: Any, run: Any, mask: Any, reverse: Any) -> Any:
    weight, recurrent_weight = (np.asarray(each, run.steps.dtype) for each in (weight, recurrent_weight))
    upstream = np.ascontiguousarray(_time_first(g.sequence, mask, reverse))
    padding = _padding(mask, reverse, len(upstream))
    sums, hidden, cell = loops.lstm_backward(upstream, g.hidden, g.cell, run, recurrent_weight, padding)
    joined = loops.joined_gradients(sums, run.steps, weight, recurrent_weight) if any(wanted[1:4]) else [None] * 3
    return _to_x(sums, weight, mask, reverse, wanted), *joined, hidden, cell


def _lstm_composed(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, hidden: Any = None, cell: Any = None, *,
    mask: Any = None, reverse: bool = False,
) -> LSTMResult:  # fmt: skip
    def step(projected: Any, hidden: Any, cell: Any) -> tuple[Any, ...]:
        i, f, candidate, o = np.split(projected + np.matmul(hidden, recurrent_weight), 4, axis=-1)
        cell = tg.sigmoid(f) * cell + tg.sigmoid(i) * np.tanh(candidate)
        return tg.sigmoid(o) * np.tanh(cell), cell

    return LSTMResult(*_scan(step, x, weight, recurrent_weight, bias, [hidden, cell], mask, reverse))


@tg.op(
    joint=_lstm_gradients,
    inputs=["x", "weight", "recurrent_weight", "bias", "hidden", "cell"],
    results=LSTMResult,
    keep=["run"],
    composed=_lstm_composed,
    lowering="nn.functional._lowerings:lstm",
    flops=lambda x_shape, recurrent_weight_shape, bias_shape: _flops(
        x_shape, recurrent_weight_shape, [bias_shape], of_unit=13
    ),
    reference=definitions.lstm,
    examples=[
        domains.case((2, 3, 2), (2, 8), (2, 8), (8,), (2, 2), (2, 2)),
        domains.case((1, 2, 3), (3, 4), (1, 4), None, None, None),
        domains.case((2, 2, 1), (1, 8), (2, 8), (8,), None, None, reverse=True),
        domains.case((3, 3, 1), (1, 8), (2, 8), (8,), (3, 2), (3, 2), mask=_lengths((3, 3))),
        domains.case((3, 3, 1), (1, 4), (1, 4), (4,), (3, 1), (3, 1), mask=_lengths((3, 3)), reverse=True),
        domains.case((0, 3, 2), (2, 4), (1, 4), (4,), None, None),
    ],
)
def lstm(
    x: ArrayLike, weight: ArrayLike, recurrent_weight: ArrayLike, bias: ArrayLike | None = None,
    hidden: ArrayLike | None = None, cell: ArrayLike | None = None, *, mask: ArrayLike | None = None,
    reverse: bool = False,
) -> Any:  # fmt: skip
    """Run a long short-term memory: for every step, with the hidden state h and the cell state c,

        i, f, g, o = x[:, t] @ weight + h @ recurrent_weight + bias
        c ← σ(f)·c + σ(i)·tanh(g)
        h ← σ(o)·tanh(c)

    Args:
        x: `(batch, time, inputs)`.
        weight: `(inputs, 4·units)`, for input gate, forget gate, candidate and output gate, as in PyTorch and Keras.
        recurrent_weight: `(units, 4·units)`.
        bias: `(4·units,)`, or None.
        hidden, cell: the initial h and c, `(batch, units)`; default zeros.
        mask, reverse: as in `rnn`.

    Returns:
        The named tuple `(sequence, hidden, cell)`: `(batch, time, units)`, and the final states `(batch, units)`.

    Raises:
        ValueError, TypeError: as in `rnn`.

    References:
        Hochreiter and Schmidhuber, *Long Short-Term Memory*, 1997; Gers, Schmidhuber, Cummins, *Learning to Forget*,
        2000.

    >>> result = lstm(np.ones((2, 5, 3)), np.ones((3, 16)), np.ones((4, 16)))
    >>> result.sequence.shape, result.hidden.shape, result.cell.shape
    ((2, 5, 4), (2, 4), (2, 4))
    """
    inputs, into, within, [total], [h, c], padding = _prepared(
        x, weight, recurrent_weight, [bias], [hidden, cell], 4, mask, reverse
    )
    run = loops.lstm_forward(inputs, into, within, total, h, c, padding)
    sequence = _batch_first(run.hiddens[1:], mask, reverse)
    return LSTMResult(sequence, run.hiddens[-1].copy(), run.cells[-1].copy()), (run,)


# -- gated recurrent unit ------------------------------------------------------------------------------------


def _gru_gradients(
    g: Any, wanted: Any, weight: Any, recurrent_weight: Any, inputs: Any, run: Any, reset_after: Any, mask: Any,
    reverse: Any,
) -> Any:  # fmt: skip
    weight, recurrent_weight = (np.asarray(each, inputs.dtype) for each in (weight, recurrent_weight))
    upstream = np.ascontiguousarray(_time_first(g.sequence, mask, reverse))
    padding = _padding(mask, reverse, len(upstream))
    sums, inner, first = loops.gru_backward(upstream, g.state, run, recurrent_weight, reset_after, padding)
    of_parameters = any(wanted[1:5])
    to_parameters = loops.gru_gradients(sums, inner, run, inputs, reset_after) if of_parameters else [None] * 4
    return _to_x(sums, loops.candidate_first(weight), mask, reverse, wanted), *to_parameters, first


def _gru_composed(
    x: Any, weight: Any, recurrent_weight: Any, bias: Any = None, recurrent_bias: Any = None, state: Any = None, *,
    reset_after: bool = True, mask: Any = None, reverse: bool = False,
) -> RecurrentResult:  # fmt: skip
    units = recurrent_weight.shape[0]

    def step(projected: Any, state: Any) -> tuple[Any, ...]:
        r, z, candidate = np.split(projected, 3, axis=-1)
        if reset_after:
            product = np.matmul(state, recurrent_weight)
            to_r, to_z, memory = np.split(product if recurrent_bias is None else product + recurrent_bias, 3, axis=-1)
            candidate = np.tanh(candidate + tg.sigmoid(r + to_r) * memory)
        else:
            to_r, to_z = np.split(np.matmul(state, recurrent_weight[:, : 2 * units]), 2, axis=-1)
            memory = tg.sigmoid(r + to_r) * state
            candidate = np.tanh(candidate + np.matmul(memory, recurrent_weight[:, 2 * units :]))
        update = tg.sigmoid(z + to_z)
        return (update * (state - candidate) + candidate,)

    return RecurrentResult(*_scan(step, x, weight, recurrent_weight, bias, [state], mask, reverse))


@tg.op(
    joint=_gru_gradients,
    inputs=["x", "weight", "recurrent_weight", "bias", "recurrent_bias", "state"],
    results=RecurrentResult,
    keep=["inputs", "run"],
    composed=_gru_composed,
    lowering="nn.functional._lowerings:gru",
    flops=lambda x_shape, recurrent_weight_shape, bias_shape, recurrent_bias_shape: _flops(
        x_shape, recurrent_weight_shape, [bias_shape, recurrent_bias_shape], of_unit=10
    ),
    reference=definitions.gru,
    examples=[
        domains.case((2, 3, 2), (2, 6), (2, 6), (6,), (6,), (2, 2)),
        domains.case((1, 2, 3), (3, 3), (1, 3), None, None, None),
        domains.case((2, 2, 1), (1, 6), (2, 6), (6,), (6,), None, reverse=True),
        domains.case((2, 3, 2), (2, 6), (2, 6), (6,), None, (2, 2), reset_after=False),
        domains.case((3, 3, 1), (1, 6), (2, 6), (6,), (6,), (3, 2), mask=_lengths((3, 3))),
        domains.case(
            (3, 3, 1), (1, 6), (2, 6), None, None, (3, 2), mask=_lengths((3, 3)), reverse=True, reset_after=False
        ),
        domains.case((0, 3, 2), (2, 3), (1, 3), (3,), (3,), None),
    ],
)
def gru(
    x: ArrayLike, weight: ArrayLike, recurrent_weight: ArrayLike, bias: ArrayLike | None = None,
    recurrent_bias: ArrayLike | None = None, state: ArrayLike | None = None, *, reset_after: bool = True,
    mask: ArrayLike | None = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """Run a gated recurrent unit: for every step, with the state h,

        r, z, n = x[:, t] @ weight + bias
        r', z', n' = h @ recurrent_weight + recurrent_bias
        n ← tanh(n + σ(r + r')·n')
        h ← (1 - σ(z + z'))·n + σ(z + z')·h

    Args:
        x: `(batch, time, inputs)`.
        weight: `(inputs, 3·units)`, for reset gate, update gate and candidate, as in PyTorch.
        recurrent_weight: `(units, 3·units)`.
        bias: `(3·units,)`, or None.
        recurrent_bias: `(3·units,)`, or None; only with a bias and `reset_after`.
        state: the initial h, `(batch, units)`; default zeros.
        reset_after: whether the reset gate acts after the recurrent product, as above, in PyTorch and by default in
            Keras. If not, it acts before, as in the paper: `n' = (σ(r + r')·h) @ recurrent_weight`.
        mask, reverse: as in `rnn`.

    Returns:
        The named tuple `(sequence, state)`: `(batch, time, units)`, and the final state `(batch, units)`.

    Raises:
        ValueError, TypeError: as in `rnn`.

    References:
        Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder*, 2014.

    >>> result = gru(np.ones((2, 5, 3)), np.ones((3, 12)), np.ones((4, 12)))
    >>> result.sequence.shape, result.state.shape
    ((2, 5, 4), (2, 4))
    """
    if recurrent_bias is not None and (bias is None or not reset_after):
        raise ValueError("a recurrent bias needs a bias, and reset_after=True.")
    inputs, into, within, [total, inner], [initial], padding = _prepared(
        x, weight, recurrent_weight, [bias, recurrent_bias], [state], 3, mask, reverse
    )
    inputs = np.array(inputs, order="C")
    run = loops.gru_forward(inputs, into, within, total, inner, initial, reset_after, padding)
    return RecurrentResult(_batch_first(run.states[1:], mask, reverse), run.states[-1].copy()), (inputs, run)
