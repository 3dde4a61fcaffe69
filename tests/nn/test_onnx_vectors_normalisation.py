"""ONNX's test vectors for normalisation, activations and losses through our functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from nn import functional

pytestmark = [
    pytest.mark.slow,  # onnx takes ten seconds to make its cases
    pytest.mark.filterwarnings("ignore"),  # of the code that makes them
]

AT_LEAST = {
    "BatchNormalization": 4, "LayerNormalization": 19, "GroupNormalization": 2, "InstanceNormalization": 2,
    "RMSNormalization": 19, "PRelu": 2, "LogSoftmax": 7, "SoftmaxCrossEntropyLoss": 7, "OneHot": 1, "Swish": 1,
}  # fmt: skip
"""How many cases of each operator run."""

Attributes = dict[str, Any]


def last(x: Any) -> Any:
    """From channels first to channels last."""
    return np.moveaxis(x, 1, -1)


def first(x: Any) -> Any:
    """From channels last to channels first."""
    return np.moveaxis(x.data, -1, 1)


def batch_normalization(a: Attributes, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    epsilon = a.get("epsilon", 1e-5)
    if not a.get("training_mode", 0):
        return (first(functional.batch_norm_with(last(x), mean, variance, scale, bias, epsilon=epsilon)),)
    layer = nn.BatchNorm(len(scale), momentum=a.get("momentum", 0.9), epsilon=epsilon)
    layer.weight.data, layer.bias.data = scale, bias
    layer.running_mean.data, layer.running_variance.data = mean, variance
    output = first(layer(last(x)))
    count = x.size // len(scale)  # ONNX averages the biased variances: undo the correction of the batch's
    moved = layer.running_variance.data - layer.momentum * variance
    return output, layer.running_mean.data, layer.momentum * variance + moved * (count - 1) / count


def layer_normalization(a: Attributes, x: Any, scale: Any, bias: Any = None) -> Any:
    axes = x.ndim - a.get("axis", -1) % x.ndim
    return (functional.layer_norm(x, scale, bias, axes=axes, epsilon=a.get("epsilon", 1e-5)).data,)


def rms_normalization(a: Attributes, x: Any, scale: Any) -> Any:
    axes = x.ndim - a.get("axis", -1) % x.ndim
    return (functional.rms_norm(x, scale, axes=axes, epsilon=a.get("epsilon", 1e-5)).data,)


def group_normalization(a: Attributes, x: Any, scale: Any, bias: Any) -> Any:
    return (first(functional.group_norm(last(x), a["num_groups"], scale, bias, epsilon=a.get("epsilon", 1e-5))),)


def instance_normalization(a: Attributes, x: Any, scale: Any, bias: Any) -> Any:
    return (first(functional.instance_norm(last(x), scale, bias, epsilon=a.get("epsilon", 1e-5))),)


def softmax_cross_entropy_loss(a: Attributes, x: Any, labels: Any, weights: Any = None) -> Any:
    if weights is not None or a.get("reduction", b"mean") != b"mean":
        return None  # no weights of classes, and means only
    return (nn.SoftmaxCrossEntropy(ignored_label=a.get("ignore_index"))(last(x), labels).data,)


def one_hot(a: Attributes, labels: Any, depth: Any, values: Any) -> Any:
    depth = int(np.ravel(depth)[0])
    if labels.dtype.kind not in "iu":
        labels = labels.astype(int)
    if np.abs(labels).max() > depth:
        return None  # refused here, and a row of the other value in ONNX
    rows = functional.one_hot(labels % depth, depth, dtype=values.dtype)  # negative labels count from the end
    off, on = values
    axis = a.get("axis", -1)
    return (np.moveaxis(off + rows * (on - off), -1, axis),)


OPERATORS: dict[str, Callable[..., Any]] = {
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
    "OneHot": one_hot,
    "PRelu": lambda a, x, slope: (functional.prelu(x, slope).data,),
    "LogSoftmax": lambda a, x: (nn.LogSoftmax(a.get("axis", -1))(x).data,),
    "Swish": lambda a, x: (functional.silu(x).data,) if a.get("alpha", 1.0) == 1 else None,
}


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    testing = pytest.importorskip("onnx.backend.test.case.node", exc_type=ImportError)
    before = np.random.get_state()  # noqa: NPY002
    found = [case for case in testing.collect_testcases(None) if operator_of(case) in OPERATORS]
    np.random.set_state(before)  # noqa: NPY002
    return found


def operator_of(case: Any) -> str:
    nodes = case.model.graph.node
    return str(nodes[0].op_type) if len(nodes) == 1 else ""


@pytest.mark.parametrize("name", OPERATORS)
def test_results_are_those_of_onnx(name: str, cases: list[Any]) -> None:
    from onnx.helper import get_attribute_value

    run = 0
    for case in cases:
        if operator_of(case) != name:
            continue
        attributes = {each.name: get_attribute_value(each) for each in case.model.graph.node[0].attribute}
        for inputs, expected in case.data_sets:
            results = OPERATORS[name](attributes, *inputs)
            if results is None:
                continue
            for ours, theirs in zip(results, expected):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5, err_msg=case.name)
            run += 1
    assert run >= AT_LEAST[name]
