"""Groups made from a network: weight decay for weights alone, and learning rates by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from nn.optimizers import group_parameters


def make_network() -> nn.Sequential:
    head = nn.Sequential(nn.Conv1D(4, 4, 1, rng=3), nn.LayerNorm(4))
    return nn.Sequential(nn.Embedding(5, 4, rng=0), nn.LSTM(4, 4, return_sequences=True, rng=1), nn.ReLU(), head)


def names(network: nn.Module, group: dict[str, Any]) -> list[str]:
    by_id = {id(parameter): name for name, parameter in network.named_parameters()}
    return [by_id[id(parameter)] for parameter in group["params"]]


def test_groups_spare_biases_and_norms() -> None:
    network = make_network()
    decayed, spared = group_parameters(network)
    assert names(network, decayed) == [n for n, p in network.named_parameters() if p.ndim >= 2]
    assert {name.rpartition(".")[2] for name in names(network, decayed)} >= {"weight"}
    assert {"3.0.bias", "3.1.weight", "3.1.bias"} <= set(names(network, spared))
    assert "3.0.weight" in names(network, decayed)
    optimizer = nn.AdamW([decayed, spared], 0.1, weight_decay=0.5)
    assert [group.weight_decay for group in optimizer.groups] == [0.5, 0.0]
    before = network.state_dict()
    for parameter in optimizer.parameters:
        parameter.grad = np.zeros_like(parameter.data)
    optimizer.step()
    for name, parameter in network.named_parameters():
        factor = 0.95 if parameter.ndim >= 2 else 1.0
        np.testing.assert_allclose(parameter.data, factor * before[name], rtol=1e-6)


def test_groups_have_learning_rates_by_layer() -> None:
    network = make_network()
    groups = group_parameters(network, 0.8, layer_factor=0.5)
    rates = {name: group["learning_rate"] for group in groups for name in names(network, group)}
    assert rates == {n: {"0": 0.2, "1": 0.4, "3": 0.8}[n.partition(".")[0]] for n, _ in network.named_parameters()}
    assert [("weight_decay" in group) for group in groups] == [False, False, True, False, True]
    assert len(nn.AdamW(groups, 0.8).parameters) == len(list(network.parameters()))

    network[0].weight.requires_grad = False
    schedule = nn.WarmUpCosine(0.8, 10, 2)
    optimizer = nn.SGD(group_parameters(network, schedule, layer_factor=0.5, decay_biases=True), schedule)
    assert [group.learning_rate(2) for group in optimizer.groups] == [0.4, 0.8]
    optimizer.learning_rate = 1.0
    assert [group.learning_rate for group in optimizer.groups] == [0.5, 1.0]


def test_groups_take_layers_that_are_named() -> None:
    network = make_network()
    groups = group_parameters(network, 1.0, layer_factor=0.5, layers=[network[1], network[3][0]], decay_biases=True)
    rates = {name: group["learning_rate"] for group in groups for name in names(network, group)}
    assert {name for name, rate in rates.items() if rate == 1.0} == {"3.0.weight", "3.0.bias"}
    assert rates["0.weight"] == rates["3.1.weight"] == 0.5


def test_groups_refuse_wrong_arguments() -> None:
    network = make_network()
    for arguments, options, error, message in [
        ((list(network.parameters()),), {}, TypeError, "expected a network, an nn.Module"),
        ((network,), {"layer_factor": 0.5}, ValueError, "layer_factor requires a learning_rate"),
        ((network, 0.1), {"layer_factor": 0.0}, ValueError, "layer_factor must be above 0"),
        ((network, 0.1), {"layer_factor": "x"}, TypeError, "layer_factor must be a number"),
        ((network, 0.1), {"layer_factor": 0.5, "layers": [3]}, TypeError, "expected layers, each an nn.Module, got 3"),
    ]:
        with pytest.raises(error, match=f"group_parameters: {message}"):
            group_parameters(*arguments, **options)  # type: ignore[arg-type]
