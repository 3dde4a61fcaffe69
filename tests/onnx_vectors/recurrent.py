"""Recurrent layers, in one or both directions."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import nn
from tests.onnx_vectors.layouts import Attributes

GATES = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}
"""Where each of our gates is in ONNX, which has i, o, f, c in LSTM and z, r, h in GRU."""


def gates(kind: str, array: Any) -> Any:
    """From ONNX's (gates·units, …) to (…, gates·units)."""
    blocks = np.split(array, len(GATES[kind]))
    return np.concatenate([blocks[place] for place in GATES[kind]]).T


def recurrent_layer(kind: str, a: Attributes, weight: Any, recurrent: Any, biases: Any) -> Any:
    """Return a layer for each direction. The second runs in reverse; a single one does if `direction` is "reverse"."""
    options: dict[str, Any] = {"return_sequences": True, "return_state": True, "bias": biases is not None}
    if kind == "GRU":
        options["reset_after"] = bool(a.get("linear_before_reset", 0))
    reverse = a.get("direction") == b"reverse"
    layer = getattr(nn, kind)(weight.shape[-1], a["hidden_size"], reverse=reverse, **options)
    both = nn.Bidirectional(layer) if len(weight) == 2 else None
    for number, each in enumerate([layer] if both is None else [both.layer, both.backward_layer]):
        each.weight.data, each.recurrent_weight.data = gates(kind, weight[number]), gates(kind, recurrent[number])
        if biases is None:
            continue
        one, two = (gates(kind, half) for half in np.split(biases[number], 2))
        if options.get("reset_after"):
            each.bias.data, each.recurrent_bias.data = one, two
        else:
            each.bias.data = one + two
    return layer if both is None else both


def run_recurrent(
    kind: str, a: Attributes, x: Any, weight: Any, recurrent: Any, biases: Any = None, lengths: Any = None,
    *initial: Any,
) -> Any:  # fmt: skip
    assert a.keys() <= {"hidden_size", "direction", "layout", "linear_before_reset", "opset", "outputs"}
    layer = recurrent_layer(kind, a, weight, recurrent, biases)
    batch_first = a.get("layout", 0) == 1
    states = [each if batch_first else each.swapaxes(0, 1) for each in initial if each is not None]
    state: Any = None
    if states:
        by_direction = [tuple(each[:, d] for each in states) for d in range(len(weight))]
        by_direction = [each if kind == "LSTM" else each[0] for each in by_direction]
        state = tuple(by_direction) if len(weight) == 2 else by_direction[0]
    sequence, final = layer(x if batch_first else x.swapaxes(0, 1), state, lengths=lengths)
    finals = final if len(weight) == 2 else (final,)
    finals = [each if isinstance(each, tuple) else (each,) for each in finals]
    y = np.stack(np.split(sequence.data, len(weight), axis=-1), axis=2)  # (batch, time, directions, units)
    last_states = [np.stack([each.data for each in direction], axis=1) for direction in zip(*finals)]
    if batch_first:
        return y, *last_states
    return y.transpose(1, 2, 0, 3), *(each.swapaxes(0, 1) for each in last_states)


OPERATORS = {kind: functools.partial(run_recurrent, kind) for kind in GATES}
LEFT_OUT = {r"test_lstm_with_peepholes": "the gates of an LSTM do not see the cell state"}
