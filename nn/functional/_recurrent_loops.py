"""The loops behind `recurrent`: each cell forward over all steps, and backpropagation through time by hand.

Arrays are time first, `(time, samples, features)`, and contiguous, except for the inputs of `rnn` and `lstm`. The
forward passes store the gates separately, as `(gates, time, samples, units)`: every elementwise call then runs over one
contiguous block. The backward passes concatenate their gradients, so that the gradients of the weights are one product
each.

`rnn` and `lstm` join the input, the state and a 1 for the bias in one row, `steps[t]`, and both weights and the bias in
one matrix: one product per step, and one for all gradients of the parameters.

`padding` has, for each step, the samples for which it is padding, or None. Such a step leaves the state unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nn.functional._blocks import aligned, aligned_copy
from nn.functional._products import multiply, rows_in_pieces
from nn.functional.dense import ones

Array = NDArray[Any]
Padding = Sequence[Array | None]


def _apart(weight: Array, order: Sequence[int]) -> Array:
    """Return a weight `(inputs, gates·units)` as `(gates, inputs, units)`, with the gates in this order."""
    units = weight.shape[1] // len(order)
    apart = aligned((len(order), len(weight), units), weight.dtype)
    for place, gate in enumerate(order):
        apart[place] = weight[:, gate * units : (gate + 1) * units]
    return apart


def _halved(weight: Array, sigmoids: int) -> Array:
    """Halve the first `sigmoids` gates in place: as σ(z) = tanh(z/2)/2 + 1/2, one tanh then serves all gates."""
    weight[:sigmoids] *= 0.5
    return weight


def _project(x: Array, weight: Array, bias: Array | None) -> Array:
    """Return what the inputs of all steps contribute to the gates, as `(gates, time, samples, units)`."""
    steps, samples, inputs = x.shape
    out = aligned((len(weight), steps * samples, weight.shape[-1]), x.dtype)
    for gate, part in zip(weight, out):
        multiply(x.reshape(-1, inputs), gate, part)
    if bias is not None:
        out += bias
    return out.reshape(len(weight), steps, samples, weight.shape[-1])


def _joined(weight: Array, recurrent: Array, bias: Array | None) -> Array:
    """Return both weights and the bias, stacked vertically."""
    return np.concatenate([weight, recurrent, *([] if bias is None else [bias[None]])])


def _steps(x: Array, state: Array, bias: Array | None) -> tuple[Array, Array]:
    """Return the rows multiplied by the joined weight, and a view of the states in them. Only the first is set."""
    time, samples, inputs = x.shape
    width = inputs + state.shape[1]
    steps = np.empty((time + 1, samples, width + (bias is not None)), x.dtype)
    steps[:-1, :, :inputs] = x
    steps[-1, :, :inputs] = 0  # the last state has no input
    steps[0, :, inputs:width] = state
    steps[..., width:] = 1
    return steps, steps[..., inputs:width]


def _through_time(first: Array, steps: int) -> Array:
    """Return an array for a state at every step, with `first` before them."""
    states = aligned((steps + 1, *first.shape), first.dtype)
    states[0] = first
    return states


def _rows(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


class _Held:
    """Hold back the gradients of a state for samples whose step is padding, and return them after the step."""

    def __init__(self, *gradients: Array) -> None:
        self.gradients = gradients
        self.rows: Array | None = None

    def take(self, rows: Array | None) -> None:
        self.rows = rows
        if rows is not None:
            self.values = [gradient[rows] for gradient in self.gradients]
            for gradient in self.gradients:
                gradient[rows] = 0

    def put_back(self) -> None:
        if self.rows is not None:
            for gradient, values in zip(self.gradients, self.values):
                gradient[self.rows] = values


# -- the simple network --------------------------------------------------------------------------------------


def rnn_forward(
    x: Array, weight: Array, recurrent: Array, bias: Array | None, state: Array, activation: str, padding: Padding
) -> tuple[Array, Array]:
    """Return the steps, and the states in them."""
    joined = aligned_copy(_joined(weight, recurrent, bias))
    steps, states = _steps(x, state, bias)
    total = aligned(state.shape, state.dtype)
    for t, rows in enumerate(padding):
        np.matmul(steps[t], joined, out=total)
        if activation == "tanh":
            np.tanh(total, out=total)
        else:
            np.maximum(total, 0, out=total)
        states[t + 1] = total
        if rows is not None:
            states[t + 1, rows] = states[t, rows]
    return steps, states


def _slopes(states: Array, activation: str) -> Array:
    """Return the derivatives of the activation for all steps, computed from its values, the states.

    The states are parts of longer rows. One pass over all steps takes half the time of a pass for each step.
    """
    slopes = np.empty(states.shape, states.dtype)
    if activation == "tanh":
        np.multiply(states, states, out=slopes)
        np.subtract(1, slopes, out=slopes)
    else:
        np.greater(states, 0, out=slopes, casting="unsafe")
    return slopes


def rnn_backward(
    g: Array, g_state: Array, states: Array, recurrent: Array, activation: str, padding: Padding
) -> tuple[Array, Array]:
    """Return the gradients of the sums inside the activation, and of the initial state."""
    total = np.array(g_state)
    held = _Held(total)
    back = aligned_copy(recurrent.T)
    sums = _slopes(states[1:], activation)  # each step multiplies its part by the gradient of its state
    sums_in_pieces, total_in_pieces = rows_in_pieces(sums, back), rows_in_pieces(total, back)
    for t in reversed(range(len(g))):
        total += g[t]
        held.take(padding[t])
        sums[t] *= total
        np.matmul(sums_in_pieces[t], back, out=total_in_pieces)
        held.put_back()
    return sums, total


# -- long short-term memory ----------------------------------------------------------------------------------

_LSTM_ORDER = (0, 1, 3, 2)
"""Input, forget and output gate, then the candidate; a weight has the candidate third."""


class LSTMRun(NamedTuple):
    """Results of `lstm_forward` that `lstm_backward` needs."""

    gates: Array
    cells: Array
    outputs: Array
    """tanh of the cells."""
    steps: Array
    hiddens: Array


def lstm_forward(
    x: Array, weight: Array, recurrent: Array, bias: Array | None, hidden: Array, cell: Array, padding: Padding
) -> LSTMRun:
    """Run all steps."""
    joined = _halved(_apart(_joined(weight, recurrent, bias), _LSTM_ORDER), 3)
    steps, hiddens = _steps(x, hidden, bias)
    gates = aligned((4, len(x), *hidden.shape), hidden.dtype)
    cells = _through_time(cell, len(x))
    outputs, new = aligned((len(x), *cell.shape), cell.dtype), aligned(cell.shape, cell.dtype)
    for t, rows in enumerate(padding):
        gate = gates[:, t]
        np.matmul(steps[t], joined, out=gate)
        np.tanh(gate, out=gate)
        sigmoids = gate[:3]
        sigmoids *= 0.5
        sigmoids += 0.5
        i, f, o, candidate = gate
        np.multiply(f, cells[t], out=cells[t + 1])
        np.multiply(i, candidate, out=new)
        cells[t + 1] += new
        np.tanh(cells[t + 1], out=outputs[t])
        np.multiply(o, outputs[t], out=hiddens[t + 1])
        if rows is not None:
            cells[t + 1, rows], hiddens[t + 1, rows] = cells[t, rows], hiddens[t, rows]
    return LSTMRun(gates, cells, outputs, steps, hiddens)


def lstm_backward(
    g: Array, g_hidden: Array, g_cell: Array, run: LSTMRun, recurrent: Array, padding: Padding
) -> tuple[Array, Array, Array]:
    """Return the gradients of the gates' sums (in a weight's order), and of the two initial states."""
    gates, cells, outputs, *_ = run
    hidden, cell = np.array(g_hidden), np.array(g_cell)
    held = _Held(hidden, cell)
    back = aligned_copy(recurrent.T)
    samples, units = hidden.shape
    sums = np.empty((len(g), samples, 4 * units), g.dtype)
    now, slopes, temporary = (aligned((*n, samples, units), g.dtype) for n in ((4,), (3,), ()))
    to_i, to_f, to_o, to_candidate = now
    sums_in_pieces, hidden_in_pieces = rows_in_pieces(sums, back), rows_in_pieces(hidden, back)
    for t in reversed(range(len(g))):
        i, f, o, candidate = gate = gates[:, t]
        hidden += g[t]
        held.take(padding[t])
        np.multiply(gate[:3], gate[:3], out=slopes)
        np.subtract(gate[:3], slopes, out=slopes)  # s·(1 - s)
        np.multiply(hidden, outputs[t], out=to_o)
        np.multiply(to_o, outputs[t], out=temporary)
        np.subtract(hidden, temporary, out=temporary)  # ∂tanh: hidden·(1 - outputs²)
        temporary *= o
        cell += temporary
        np.multiply(cell, candidate, out=to_i)
        np.multiply(cell, cells[t], out=to_f)
        now[:3] *= slopes
        np.multiply(cell, i, out=to_candidate)
        np.multiply(candidate, candidate, out=temporary)
        temporary *= to_candidate
        to_candidate -= temporary
        cell *= f
        side_by_side = sums[t].reshape(samples, 4, units)
        for place, gradient in zip(_LSTM_ORDER, now):
            side_by_side[:, place] = gradient
        np.matmul(sums_in_pieces[t], back, out=hidden_in_pieces)
        held.put_back()
    return sums, hidden, cell


# -- gated recurrent unit ------------------------------------------------------------------------------------


class GRURun(NamedTuple):
    """Results of `gru_forward` that `gru_backward` needs."""

    gates: Array
    """Reset gate, update gate, candidate."""
    memories: Array
    """The operand of the reset gate, or its result: the product of the state and the weight, or the state itself."""
    states: Array


def gru_forward(
    x: Array, weight: Array, recurrent: Array, bias: Array | None, recurrent_bias: Array | None, state: Array,
    reset_after: bool, padding: Padding,
) -> GRURun:  # fmt: skip
    """Run all steps."""
    into, within = (_halved(_apart(each, range(3)), 2) for each in (weight, recurrent))
    both = None if bias is None else _halved(_apart(bias[None], range(3)), 2)
    inner = None
    if recurrent_bias is not None:
        inner = _halved(_apart(recurrent_bias[None], range(3)), 2)
        assert both is not None
        both[:2] += inner[:2]
    gates = _project(x, into, both)
    states = _through_time(state, len(x))
    memories = aligned((len(x), *state.shape), state.dtype)
    product, new = aligned((3 if reset_after else 2, *state.shape), state.dtype), aligned(state.shape, state.dtype)
    for t, rows in enumerate(padding):
        np.matmul(states[t], within[: len(product)], out=product)
        sigmoids, candidate = gates[:2, t], gates[2, t]
        sigmoids += product[:2]
        np.tanh(sigmoids, out=sigmoids)
        sigmoids *= 0.5
        sigmoids += 0.5
        reset, update = sigmoids
        if reset_after:
            np.add(product[2], 0 if inner is None else inner[2], out=memories[t])
            np.multiply(reset, memories[t], out=new)
        else:
            np.multiply(reset, states[t], out=memories[t])
            np.matmul(memories[t], within[2], out=new)
        candidate += new
        np.tanh(candidate, out=candidate)
        now = states[t + 1]
        np.subtract(states[t], candidate, out=now)
        now *= update
        now += candidate
        if rows is not None:
            now[rows] = states[t, rows]
    return GRURun(gates, memories, states)


def gru_backward(
    g: Array, g_state: Array, run: GRURun, recurrent: Array, reset_after: bool, padding: Padding
) -> tuple[Array, Array, Array]:
    """Return the gradients of the gates' sums with respect to the inputs, to the states, and of the initial state.

    The two differ in the candidate, which has the reset gate between its sum and the state. They overlap in memory:
    candidate, reset gate, update gate, and the candidate with respect to the states. So the first has the candidate
    first, unlike a weight.
    """
    gates, memories, states = run
    total = np.array(g_state)
    held = _Held(total)
    samples, units = total.shape
    back = aligned_copy(recurrent.T)
    both = np.empty((len(g), samples, (4 if reset_after else 3) * units), g.dtype)
    now = aligned((both.shape[2] // units, samples, units), g.dtype)
    to_candidate, to_reset, to_update, *to_inner = now
    slopes, temporary, kept, product = (aligned((*n, samples, units), g.dtype) for n in ((2,), (), (), ()))
    inner, inner_back = both[..., units:], back if reset_after else back[: 2 * units]
    inner_in_pieces, product_in_pieces = rows_in_pieces(inner, inner_back), rows_in_pieces(product, inner_back)
    for t in reversed(range(len(g))):
        (reset, update), candidate = gates[:2, t], gates[2, t]
        total += g[t]
        held.take(padding[t])
        np.multiply(gates[:2, t], gates[:2, t], out=slopes)
        np.subtract(gates[:2, t], slopes, out=slopes)  # s·(1 - s)
        np.subtract(states[t], candidate, out=to_update)
        to_update *= total
        np.multiply(candidate, candidate, out=temporary)
        np.subtract(1, temporary, out=temporary)  # of tanh
        np.multiply(total, update, out=kept)
        np.subtract(total, kept, out=to_candidate)  # total·(1 - update)
        to_candidate *= temporary
        if reset_after:
            np.multiply(to_candidate, memories[t], out=to_reset)
            np.multiply(to_candidate, reset, out=to_inner[0])
        else:
            np.matmul(to_candidate, back[2 * units :], out=temporary)  # the gradient of reset·state
            np.multiply(temporary, states[t], out=to_reset)
            temporary *= reset
            kept += temporary
        now[1:3] *= slopes
        both[t].reshape(samples, len(now), units)[...] = now.swapaxes(0, 1)
        np.matmul(inner_in_pieces[t], inner_back, out=product_in_pieces)
        np.add(kept, product, out=total)
        held.put_back()
    return both[..., : 3 * units], inner, total


def candidate_first(weight: Array) -> Array:
    """Return a weight of the GRU with its gates in the order of the first result of `gru_backward`."""
    return np.roll(weight, weight.shape[-1] // 3, axis=-1)


def _candidate_last(gradient: Array) -> Array:
    """Return the inverse of `candidate_first`."""
    return np.roll(gradient, -(gradient.shape[-1] // 3), axis=-1)


def gru_gradients(
    sums: Array, inner: Array, run: GRURun, x: Array, reset_after: bool
) -> tuple[Array, Array, Array, Array | None]:
    """Return the gradients of the two weights, of the bias and of the recurrent bias."""
    rows, inner_rows, previous = _rows(sums), _rows(inner), _rows(run.states[:-1])
    to_weight, to_bias = _candidate_last(_rows(x).T @ rows), _candidate_last(ones(len(rows), rows.dtype) @ rows)
    units = run.states.shape[-1]
    if reset_after:
        to_inner_bias = to_bias.copy()  # the same for both gates
        to_inner_bias[2 * units :] = ones(len(rows), rows.dtype) @ inner_rows[:, 2 * units :]
        return to_weight, previous.T @ inner_rows, to_bias, to_inner_bias
    # the candidate's input is reset·state
    products = previous.T @ inner_rows, _rows(run.memories).T @ rows[:, :units]
    return to_weight, np.concatenate(products, axis=1), to_bias, None


# -- shared helpers ------------------------------------------------------------------------------------------


def joined_gradients(sums: Array, steps: Array, weight: Array, recurrent: Array) -> tuple[Array, Array, Array]:
    """Return the gradients of the two weights and, if there is one, of the bias."""
    all_of_them = _rows(steps[:-1]).T @ _rows(sums)
    inputs, width = len(weight), len(weight) + len(recurrent)
    return all_of_them[:inputs], all_of_them[inputs:width], all_of_them[width:].reshape(-1)


def input_gradient(sums: Array, weight: Array) -> Array:
    """Return the gradient of the inputs, time first."""
    gradient: Array = np.matmul(_rows(sums), weight.T).reshape(*sums.shape[:2], len(weight))
    return gradient
