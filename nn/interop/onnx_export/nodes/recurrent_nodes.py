"""Recurrent layers, in one or both directions. ONNX has the time along the first axis."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.functions.elementwise import cast
from nn.interop.onnx_export.functions.shapes import ints
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import GRU, LSTM, RNN, Bidirectional
from nn.layers.recurrent import Recurrent

GATES = {RNN: [0], LSTM: [0, 3, 1, 2], GRU: [1, 0, 2]}
"""The blocks of our weights in ONNX's order: input, output, forget, cell in LSTM; update, reset, hidden in GRU."""


@converts(RNN, LSTM, GRU)
def recurrent(
    graph: Graph, layer: Recurrent, x: Value, state: Any = None, *, lengths: Any = None, mask: Any = None
) -> Any:
    """Return `RNN`, `LSTM` or `GRU` for each of the stacked layers."""
    stack = [[each] for each in (layer, *layer.above)]
    states = [state] if layer.layers == 1 else state or [None] * layer.layers
    sequence, lasts, finals = _run(graph, stack, x, [[each] for each in states], lengths, mask)
    output = np.swapaxes(sequence, 0, 1) if layer.return_sequences else lasts[0]
    if not layer.return_state:
        return output
    return output, tuple(final[0] for final in finals) if layer.layers > 1 else finals[0][0]


@converts(Bidirectional)
def bidirectional(
    graph: Graph, layer: Bidirectional, x: Value, state: Any = None, *, lengths: Any = None, mask: Any = None
) -> Any:
    """Return one node for both directions of each of the stacked layers."""
    stack = [[each.layer, each.backward_layer] for each in (layer, *layer.above)]
    states = [state] if layer.layers == 1 else state or [None] * layer.layers
    sequence, lasts, finals = _run(graph, stack, x, [each or [None, None] for each in states], lengths, mask)
    output = np.swapaxes(sequence, 0, 1) if layer.layer.return_sequences else np.concatenate(lasts, axis=-1)
    if not layer.layer.return_state:
        return output
    return output, tuple(map(tuple, finals)) if layer.layers > 1 else tuple(finals[0])


def _run(
    graph: Graph, stack: Sequence[Sequence[Recurrent]], x: Value, states: Any, lengths: Any, mask: Any
) -> tuple[Any, Any, list[Any]]:
    """Return the sequence of the last layer, `(time, batch, features)`, its last states, and the states of all."""
    if mask is not None or not (lengths is None or isinstance(lengths, Value)):
        raise ExportError("a mask is not exported; pass lengths as an input of the network")
    sequence: Any = np.swapaxes(x, 0, 1)
    lengths = None if lengths is None else cast(lengths, np.int32)
    finals = []
    for number, (directions, state) in enumerate(zip(stack, states)):
        with graph.inside(f"above.{number - 1}") if number else nullcontext():
            sequence, lasts, final = _one_layer(graph, directions, sequence, state, lengths)
        finals.append(final)
    return sequence, lasts, finals


def _one_layer(graph: Graph, directions: Sequence[Recurrent], x: Any, state: Any, lengths: Any) -> Any:
    """Return the sequence, the last hidden state of each direction, and the final state of each."""
    kind: Any = next(cls for cls in GATES if isinstance(directions[0], cls))
    dtype = np.result_type(x.dtype, directions[0].weight.dtype)
    arrays = [np.stack(each).astype(dtype) for each in zip(*(_parameters(layer, kind) for layer in directions))]
    names = ("weight", "recurrent_weight", "bias")
    constants = [graph.constant(array, name) for name, array in zip(names, arrays)]
    initial = _initial(graph, state, kind.state_tensors, dtype)
    attributes: dict[str, Any] = {"hidden_size": directions[0].units, "direction": _direction(directions)}
    if isinstance(directions[0], GRU):
        attributes["linear_before_reset"] = int(directions[0].reset_after)
    elif isinstance(directions[0], RNN):
        attributes["activations"] = [directions[0].activation.capitalize()] * len(directions)
    bias = constants[2] if len(constants) > 2 else None
    y, *last = graph.add(
        kind.__name__, cast(x, dtype), *constants[:2], bias, lengths, *initial, results=1 + kind.state_tensors,
        **attributes,
    )  # fmt: skip
    if len(directions) == 1:
        sequence: Any = graph.add("Squeeze", y, ints(1))
        by_direction = [[graph.add("Squeeze", each, ints(0)) for each in last]]
    else:
        sequence = np.reshape(np.swapaxes(y, 1, 2), (*x.shape[:2], 2 * directions[0].units))
        by_direction = [[each[d] for each in last] for d in range(2)]
    finals = [tuple(each) if kind is LSTM else each[0] for each in by_direction]
    return sequence, [each[0] for each in by_direction], finals


def _parameters(layer: Recurrent, kind: type[Recurrent]) -> list[Any]:
    """Return the arrays of one direction as ONNX has them: `(gates·units, …)`, and both biases in one."""
    arrays = [_reordered(each.data, kind) for each in (layer.weight, layer.recurrent_weight)]
    if layer.bias is None:
        return arrays
    second = getattr(layer, "recurrent_bias", None)
    bias = _reordered(layer.bias.data, kind)
    recurrent = np.zeros_like(bias) if second is None else _reordered(second.data, kind)
    return [*arrays, np.concatenate([bias, recurrent])]


def _reordered(array: Any, kind: type[Recurrent]) -> Any:
    blocks = np.split(array.T, len(GATES[kind]))
    return np.concatenate([blocks[place] for place in GATES[kind]])


def _initial(graph: Graph, state: Any, tensors: int, dtype: Any) -> list[Any]:
    """Return the initial states, `(directions, batch, units)`, or none if they are zeros."""
    if all(each is None for each in state):
        return []
    pairs = [each if tensors > 1 else (each,) for each in state]
    return [np.stack([cast(each, dtype) for each in tensor]) for tensor in zip(*pairs)]


def _direction(directions: Sequence[Recurrent]) -> str:
    if len(directions) > 1:
        return "bidirectional"
    return "reverse" if directions[0].reverse else "forward"
