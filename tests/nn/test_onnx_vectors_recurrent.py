"""ONNX's test vectors for RNN, LSTM and GRU through our layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn

LEFT_OUT = {"test_lstm_with_peepholes": "no layer here lets gates look at the cell state"}
"""Cases that are not run, and why."""

LAYERS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
GATES = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}
"""Where each gate of ours is among those of ONNX: i, o, f, c in LSTM and z, r, h in GRU."""

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
KNOWN = {"hidden_size", "direction", "layout", "linear_before_reset"}

pytestmark = [
    pytest.mark.slow,  # onnx takes ten seconds to make its cases
    pytest.mark.filterwarnings("ignore"),  # of the code that makes them
]


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    testing = pytest.importorskip("onnx.backend.test.case.node", exc_type=ImportError)
    before = np.random.get_state()  # noqa: NPY002
    found = [case for case in testing.collect_testcases(None) if is_recurrent(case.model.graph)]
    np.random.set_state(before)  # noqa: NPY002
    return found


def is_recurrent(graph: Any) -> bool:
    return len(graph.node) == 1 and graph.node[0].op_type in LAYERS


def test_recurrent_layers_give_the_results_of_onnx(cases: list[Any]) -> None:
    run = []
    for case in cases:
        if case.name in LEFT_OUT:
            continue
        node = case.model.graph.node[0]
        for given, expected in case.data_sets:
            inputs = dict(zip((name for name, used in zip(INPUTS, node.input) if used), given, strict=True))
            outputs = [name for name, used in zip(("Y", "Y_h", "Y_c"), node.output) if used]
            results = computed(node, inputs)
            for name, values in zip(outputs, expected, strict=True):
                np.testing.assert_allclose(results[name], values, rtol=1e-5, atol=1e-6, err_msg=f"{case.name}: {name}")
        run.append(case.name)
    assert len(run) >= 11
    assert {case.name for case in cases} >= set(LEFT_OUT)


def computed(node: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the results of the layer with these weights, laid out as in ONNX."""
    from onnx.helper import get_attribute_value

    settings = {each.name: get_attribute_value(each) for each in node.attribute}
    assert settings.keys() <= KNOWN, settings
    layer = layer_for(node.op_type, settings, inputs)
    batch_first = settings.get("layout", 0) == 1
    x = inputs["X"] if batch_first else inputs["X"].swapaxes(0, 1)
    states = [inputs[name] if batch_first else inputs[name].swapaxes(0, 1) for name in INPUTS[5:7] if name in inputs]
    by_direction = [tuple(state[:, d] for state in states) for d in range(len(inputs["W"]))]
    by_direction = [each if len(each) > 1 else each[0] if each else None for each in by_direction]
    state: Any = tuple(by_direction) if isinstance(layer, nn.Bidirectional) else by_direction[0]
    if isinstance(layer, nn.Bidirectional) and by_direction[0] is None:
        state = None
    sequence, final = layer(x, state, lengths=inputs.get("sequence_lens"))
    finals = final if isinstance(layer, nn.Bidirectional) else (final,)
    pairs = [each if isinstance(each, tuple) else (each,) for each in finals]
    y = np.stack(np.split(sequence.data, len(pairs), axis=-1), axis=2)  # (batch, time, directions, units)
    results = {
        name: np.stack([pair[k].data for pair in pairs], axis=1)
        for k, name in enumerate(("Y_h", "Y_c")[: len(pairs[0])])
    }
    if batch_first:
        return {"Y": y, **results}
    return {"Y": y.transpose(1, 2, 0, 3), **{name: value.swapaxes(0, 1) for name, value in results.items()}}


def layer_for(kind: str, settings: dict[str, Any], inputs: dict[str, Any]) -> Any:
    """Return our layer with the weights of ONNX."""
    direction = settings.get("direction", b"forward").decode()
    features, units = inputs["W"].shape[-1], settings["hidden_size"]
    options: dict[str, Any] = {"return_sequences": True, "return_state": True, "bias": "B" in inputs}
    if kind == "GRU":
        options["reset_after"] = bool(settings.get("linear_before_reset", 0))
    layer = LAYERS[kind](features, units, reverse=direction == "reverse", **options)
    network = nn.Bidirectional(layer) if direction == "bidirectional" else layer
    each = [network.layer, network.backward_layer] if isinstance(network, nn.Bidirectional) else [network]
    for number, one in enumerate(each):
        fill(kind, one, *(inputs[name][number] if name in inputs else None for name in "WRB"))
    return network


def fill(kind: str, layer: Any, weight: Any, recurrent: Any, biases: Any) -> None:
    """Set the tensors of a layer to those of one direction."""

    def blocks(array: Any) -> Any:
        parts = np.split(array, len(GATES[kind]), axis=-1)
        return np.concatenate([parts[place] for place in GATES[kind]], axis=-1)

    layer.weight.data, layer.recurrent_weight.data = blocks(weight.T), blocks(recurrent.T)
    if biases is None:
        return
    first, second = (blocks(each) for each in np.split(biases, 2))
    if getattr(layer, "recurrent_bias", None) is not None:
        layer.bias.data, layer.recurrent_bias.data = first, second
    else:
        layer.bias.data = first + second
