"""The export to ONNX: what two independent runtimes compute from the files, their form, and what is refused."""

from __future__ import annotations

import collections
import importlib
import re
import runpy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional
from nn.interop import ExportError, export_onnx
from nn.interop.onnx_export.onnx_file import onnx_model
from tests import wrong_calls
from tests.nn.test_every_layer import LAYERS, created

onnx = pytest.importorskip("onnx", exc_type=ImportError)
reference = pytest.importorskip("onnx.reference", exc_type=ImportError)
runtime = pytest.importorskip("onnxruntime", exc_type=ImportError)


def run(proto: Any, inputs: dict[str, Any], *, evaluator: bool = True) -> list[list[Any]]:
    """Return the outputs of ONNX Runtime and of onnx's own evaluator."""
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    results = [session.run(None, inputs)]
    return [*results, reference.ReferenceEvaluator(proto).run(None, inputs)] if evaluator else results


def leaves(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list, dict)):
        items = result.values() if isinstance(result, dict) else result
        return [leaf for each in items for leaf in leaves(each)]
    return [result.data]


def compare(
    network: nn.Module, *samples: Any, batches: tuple[int, ...] = (1, 7), evaluator: bool = True, **options: Any
) -> Any:
    """Export a network and compare both runtimes with it for several batch sizes. Return ONNX's model.

    A sample is a shape, for floats, or an array of one sample.
    """
    network.eval()
    rng = np.random.default_rng(0)
    ones = [each if isinstance(each, np.ndarray) else np.zeros((1, *each), np.float32) for each in samples]
    proto = onnx_model(network, ones[0] if len(ones) == 1 else tuple(ones), **options)
    onnx.checker.check_model(proto, full_check=True)
    for batch in batches:
        inputs = [
            rng.integers(each.max() + 1, size=(batch, *each.shape[1:])).astype(each.dtype)
            if each.dtype.kind in "iu"
            else rng.normal(size=(batch, *each.shape[1:])).astype(each.dtype)
            for each in ones
        ]
        expected = leaves(network(*map(tg.tensor, inputs)))
        names = [each.name for each in proto.graph.input]
        for results in run(proto, dict(zip(names, inputs)), evaluator=evaluator):
            for ours, theirs in zip(expected, results, strict=True):
                assert ours.shape == theirs.shape
                assert ours.dtype == theirs.dtype
                np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)
    return proto


def operators(proto: Any) -> list[str]:
    return [node.op_type for node in proto.graph.node]


class Own(nn.Module):
    """A module whose forward is a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


# -- layers --------------------------------------------------------------------------------------------------

ONE_NODE = {
    "BatchNorm": "BatchNormalization", "Conv1D": "Conv", "Conv2D": "Conv", "ConvTranspose2D": "ConvTranspose",
    "Dense": "Gemm", "ELU": "Elu", "Embedding": "Gather", "Flatten": "Flatten", "GRU": "GRU",
    "GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "ReduceMax", "InstanceNorm": "InstanceNormalization",
    "LayerNorm": "LayerNormalization", "LeakyReLU": "LeakyRelu", "LogSoftmax": "LogSoftmax", "MaxPool2D": "MaxPool",
    "PReLU": "PRelu", "RNN": "RNN", "ReLU": "Relu", "Reshape": "Reshape", "Sigmoid": "Sigmoid", "Softmax": "Softmax",
    "Softplus": "Softplus", "Tanh": "Tanh", "UpSample2D": "Resize", "ZeroPad2D": "Pad",
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_export_of_every_layer_computes_the_same(name: str) -> None:
    network, x = created(name)
    one = np.full((1, *x.shape[1:]), 6) if name == "Embedding" else np.zeros((1, *x.shape[1:]), np.float32)
    proto = compare(network, one, evaluator=name != "RNN")  # onnx's evaluator has no RNN with relu
    if name in ONE_NODE:
        assert [each for each in operators(proto) if each not in ("Transpose", "Squeeze")] == [ONE_NODE[name]]


VARIANTS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "same padding": (lambda: nn.Conv2D(3, 4, 3, stride=2, padding="same", rng=0), (6, 7, 3)),
    "depthwise, no bias": (lambda: nn.Conv2D(4, 8, (2, 3), groups=4, padding=((1, 0), (2, 1)), bias=False), (5, 6, 4)),
    "transposed, same": (lambda: nn.ConvTranspose2D(3, 4, 2, stride=3, padding="same", rng=0), (4, 5, 3)),
    "transposed, groups": (lambda: nn.ConvTranspose1D(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), (5, 4)),
    "max, ceil": (lambda: nn.MaxPool2D(3, stride=2, padding=1, ceil_mode=True), (6, 7, 2)),
    "max, long padding": (lambda: nn.MaxPool2D(2, stride=3, padding=(1, 2), dilation=2, ceil_mode=True), (6, 7, 2)),
    "average, ceil": (lambda: nn.AveragePool2D(3, stride=2, ceil_mode=True), (6, 6, 2)),
    "average, ceil and padding": (lambda: nn.AveragePool2D(3, stride=2, padding=1, ceil_mode=True), (6, 6, 2)),
    "average, padding": (lambda: nn.AveragePool2D(3, padding=1, count_padding=False), (7, 7, 2)),
    "average, dilation": (lambda: nn.AveragePool1D(2, stride=1, dilation=2), (7, 2)),
    "adaptive": (lambda: nn.AdaptiveAveragePool2D((2, 3)), (5, 6, 2)),
    "aligned corners": (lambda: nn.UpSample2D(2, mode="bilinear", align_corners=True), (3, 4, 2)),
    "nearest": (lambda: nn.UpSample2D((2, 3)), (3, 4, 2)),
    "pixels by channel": (lambda: nn.Flatten(channels_first=True), (2, 3, 4)),
    "normalised rows": (lambda: nn.BatchNorm(4, affine=False), (4,)),
    "groups of rows": (lambda: nn.GroupNorm(4, 2), (4,)),
    "plain norms": (lambda: nn.Sequential(nn.LayerNorm(4, bias=False), nn.RMSNorm(4, affine=False)), (3, 4)),
    "two axes": (lambda: nn.Softmax(axis=(1, 2)), (3, 4)),
    "gru with both biases": (lambda: nn.GRU(4, 3, return_sequences=True, return_state=True), (5, 4)),
    "lstm without bias": (lambda: nn.LSTM(4, 3, layers=2, bias=False, return_state=True), (5, 4)),
    "both directions": (lambda: nn.Bidirectional(nn.LSTM(4, 3, return_state=True)), (5, 4)),
    "reverse": (lambda: nn.RNN(4, 3, reverse=True, return_sequences=True), (5, 4)),
    "shared keys": (lambda: nn.MultiHeadAttention(8, 4, kv_heads=2, causal=True, rotary=True, bias=False), (5, 8)),
    "gated": (lambda: nn.FeedForward(4, activation="geglu"), (3, 4)),
    "approximate": (lambda: nn.FeedForward(4, activation="gelu_tanh"), (3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("opset", [18, 23])
def test_export_of_layers_with_other_settings_computes_the_same(name: str, opset: int) -> None:
    make, sample = VARIANTS[name]
    network = nn.Sequential(make())
    rng = np.random.default_rng(0)
    for _, tensor in network.named_state():
        tensor.data = rng.uniform(0.2, 0.8, tensor.shape).astype(tensor.dtype)
    compare(network, sample, opset=opset, evaluator=name != "transposed, groups")  # onnx's evaluator fails there


def test_export_of_later_opsets_has_one_node_for_more_layers() -> None:
    network = nn.Sequential(
        nn.GELU(), nn.RMSNorm(4), nn.MultiHeadAttention(4, 2, causal=True, rng=0), nn.GroupNorm(4, 2)
    )
    found = operators(compare(network, (5, 4), opset=23))
    for operator in ("Gelu", "RMSNormalization", "Attention"):
        assert found.count(operator) == 1


# -- networks ------------------------------------------------------------------------------------------------


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2D(1, 6, 5, padding=2, rng=0), nn.Tanh(), nn.AveragePool2D(2),
        nn.Conv2D(6, 16, 5, rng=1), nn.BatchNorm(16), nn.ReLU(), nn.MaxPool2D(2), nn.Dropout(0.2),
        nn.Flatten(), nn.Dense(400, 84, rng=2), nn.ReLU(), nn.Dense(84, 10, rng=3), nn.Softmax(),
    )  # fmt: skip


class Block(nn.Module):
    """Two convolutions, and a shortcut without parameters, written with functions."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        self.conv1 = nn.Conv2D(channels, filters, 3, stride=stride, padding=1, bias=False, rng=0)
        self.bn1, self.bn2 = nn.BatchNorm(filters), nn.BatchNorm(filters)
        self.conv2 = nn.Conv2D(filters, filters, 3, padding=1, bias=False, rng=1)
        self.extra = (filters - channels) // 2

    def forward(self, x: Any) -> Any:
        result = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.extra:
            x = tg.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (self.extra, self.extra)))
        return functional.relu(result + x)


def resnet20() -> nn.Module:
    widths = [(16, 16)] * 3 + [(16, 32)] + [(32, 32)] * 2 + [(32, 64)] + [(64, 64)] * 2
    blocks = [Block(channels, filters, 2 if filters > channels else 1) for channels, filters in widths]
    first = [nn.Conv2D(3, 16, 3, padding=1, bias=False, rng=0), nn.BatchNorm(16), nn.ReLU()]
    return nn.Sequential(*first, *blocks, nn.GlobalAveragePool(), nn.Dense(64, 10, rng=0))


class GPT(nn.Module):
    """Small language model with custom blocks, whose output is tied to the embedding."""

    def __init__(self) -> None:
        self.tokens, self.positions = nn.Embedding(30, 16, rng=0), nn.LearnedPositions(12, 16, rng=1)
        self.blocks = [nn.TransformerBlock(16, 4, causal=True, dropout=0.1, rng=number) for number in range(2)]
        self.norm = nn.LayerNorm(16)

    def forward(self, ids: Any) -> Any:
        x = self.positions(self.tokens(ids))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T


def test_export_of_a_multilayer_perceptron_has_a_node_for_each_layer() -> None:
    network = nn.Sequential(nn.Dense(4, 8, rng=0), nn.ReLU(), nn.Dropout(0.5), nn.Dense(8, 3, rng=1), nn.Softmax())
    proto = compare(network, (4,))
    assert [(node.name, node.op_type) for node in proto.graph.node] == [
        ("0", "Gemm"), ("1", "Relu"), ("3", "Gemm"), ("4", "Softmax"),
    ]  # fmt: skip
    assert [each.name for each in proto.graph.initializer] == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert (proto.opset_import[0].version, proto.ir_version) == (18, 10)
    assert [each.name for each in proto.graph.output] == ["output"]


def test_export_of_lenet_transposes_images_only_at_the_input_and_before_the_dense_layers() -> None:
    found = collections.Counter(operators(compare(lenet(), (28, 28, 1))))
    assert found["Transpose"] == 2
    assert found["Conv"] == found["Gemm"] == 2


@pytest.mark.slow
def test_export_of_resnet20_transposes_images_once() -> None:
    found = collections.Counter(operators(compare(resnet20(), (32, 32, 3))))
    assert found == {
        "Transpose": 1, "Conv": 19, "BatchNormalization": 19, "Relu": 19, "Add": 9, "Slice": 2, "Pad": 2,
        "ReduceMean": 1, "Gemm": 1,
    }  # fmt: skip


def test_export_of_stacked_recurrent_layers_transposes_sequences_once() -> None:
    network = nn.Sequential(
        nn.Embedding(9, 6, rng=0), nn.LSTM(6, 5, layers=2, return_sequences=True, rng=1), nn.Dropout(0.1),
        nn.GRU(5, 4, return_sequences=True, rng=2), nn.LSTM(4, 3, rng=3), nn.Dense(3, 2, rng=4),
    )  # fmt: skip
    found = collections.Counter(operators(compare(network, np.full((1, 11), 8))))
    assert found["Transpose"] == 1
    assert found["LSTM"] == 3


def test_export_of_gpt_computes_the_same() -> None:
    proto = compare(GPT(), np.full((1, 12), 29))
    assert "blocks.1.attention.query" in {node.name for node in proto.graph.node}
    assert operators(proto).count("LayerNormalization") == 5


def test_export_of_an_encoder_and_decoder_has_several_inputs() -> None:
    class Translator(nn.Module):
        def __init__(self) -> None:
            self.encoder = nn.TransformerEncoder(nn.TransformerBlock(8, 2, rng=0), 1)
            block = nn.TransformerBlock(8, 2, causal=True, cross_attention=True, rng=1)
            self.decoder = nn.TransformerDecoder(block, 1)

        def forward(self, source: Any, target: Any) -> Any:
            return {"scores": self.decoder(target, self.encoder(source)), "mean": tg.mean(source, axis=1)}

    proto = compare(Translator(), (6, 8), (4, 8))
    assert [each.name for each in proto.graph.input] == ["source", "target"]
    assert [each.name for each in proto.graph.output] == ["scores", "mean"]


def test_export_of_outputs_that_are_inputs_or_each_other_names_them_apart() -> None:
    class Several(nn.Module):
        def __init__(self) -> None:
            self.output = nn.Dense(2, 2, rng=0)

        def forward(self, x: Any) -> Any:
            y = self.output(x)
            return {"input": x, "output": y, "again": y}

    assert [each.name for each in compare(Several(), (2,)).graph.output] == ["input_output", "output", "again"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["char_lstm", "fastestdet"])
def test_export_of_published_architectures_computes_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples" / "pretrained"))
    module = importlib.import_module(name)
    network = module.CharacterModel() if name == "char_lstm" else module.FastestDet()
    proto = compare(network, np.full((1, 8), 40) if name == "char_lstm" else (64, 96, 3), evaluator=False)
    if name == "fastestdet":
        assert operators(proto).count("Transpose") == 2


def test_export_of_float64_networks_stays_float64() -> None:
    network = nn.Sequential(nn.Dense(2, 3, dtype=np.float64, rng=0), nn.Tanh(), nn.LayerNorm(3, dtype=np.float64))
    compare(network, np.zeros((1, 5, 2)))


def test_export_of_a_layer_that_is_used_twice_stores_its_weights_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Dense(4, 4, rng=0)

        def forward(self, x: Any) -> Any:
            return self.layer(tg.tanh(self.layer(x)))

    proto = compare(Twice(), (4,))
    assert [each.name for each in proto.graph.initializer] == ["layer.weight", "layer.bias"]
    assert len({node.name for node in proto.graph.node}) == 3


# -- traced functions ----------------------------------------------------------------------------------------

WEIGHT = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
TRACED: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "arithmetic": (lambda x: (x - 0.5) / 2 + x**2 - abs(x) * 3 - (-x) + np.float32(2) * x, (4,)),
    "elementary": (lambda x: tg.exp(-x) + tg.log1p(x * x) + tg.sin(x) * tg.cosh(x) + tg.arctan(x), (4,)),
    "activations": (lambda x: tg.sigmoid(x) + functional.silu(x) + functional.gelu(x) * tg.softplus(x), (4,)),
    "softmax": (lambda x: tg.log_softmax(tg.softmax(x, axis=1)), (5, 4)),
    "choices": (lambda x: tg.where((x > 0) & ~(x > 1), x, 0.5) + tg.clip(x, -1, 1) + tg.minimum(x, 2) * (x <= 0), (4,)),
    "moments": (lambda x: tg.mean(x, axis=1) + tg.var(x, axis=1) + tg.std(x, axis=1) - tg.max(x, axis=1), (5, 4)),
    "norms": (lambda x: x / tg.linalg.norm(x, axis=-1, keepdims=True) + functional.layer_norm(x), (5, 4)),
    "flat": (lambda x: tg.reshape(x, (x.shape[0], -1)) @ np.ones((20, 3), np.float32), (5, 4)),
    "steps as rows": (lambda x: tg.reshape(tg.reshape(x, (x.shape[0] * 5, 4)) @ WEIGHT, x.shape), (5, 4)),
    "indices": (lambda x: x[:, -1] + x[:, 0] * x[:, 1, 0:1] + x[:, None][:, 0, 2] + x[:, ::-2][:, 0], (5, 4)),
    "arrays as indices": (lambda x: x[:, np.array([0, 2])][..., ::-1], (5, 4)),
    "joined": (lambda x: tg.stack([tg.concatenate([x, x * 2], axis=-1), tg.tile(x, (1, 1, 2))], axis=1), (5, 4)),
    "moved": (lambda x: tg.swapaxes(x, 1, 2) @ tg.flip(x, 1), (5, 4)),
    "einsum": (lambda x: tg.einsum("bij,jk->bik", x, WEIGHT), (5, 4)),
    "over time": (lambda x: sum(x[:, t] for t in range(x.shape[1])) + tg.cumsum(x, axis=1)[:, -1], (5, 4)),
    "split": (lambda x: tg.split(x, 2, axis=-1)[1] * tg.repeat(x, 2, axis=1)[:, :5, :2], (5, 4)),
    "pools": (lambda x: functional.max_pool2d(x, 2) + functional.average_pool2d(x, 2), (6, 6, 4)),
    "global": (lambda x: functional.global_average_pool(x) + tg.max(x, axis=(1, 2)), (6, 6, 4)),
    "parts of images": (lambda x: tg.pad(x[:, 1:, ::2], [(0, 0), (1, 0), (0, 0), (0, 2)], mode="edge"), (6, 6, 4)),
    "by channel": (lambda x: tg.moveaxis(tg.moveaxis(x, -1, 1) * 2, 1, -1), (6, 6, 4)),
    "conditions": (lambda x: tg.where(np.logical_or(x > 1, x < -1) | (x == 0), x, np.isnan(x) * x), (4,)),
    "flattened and back": (lambda x: tg.reshape(tg.ravel(x), x.shape) + tg.reshape(x, x.shape), (5, 4)),
    "lengths of 1": (lambda x: tg.squeeze(x[:, None], 1) * tg.broadcast_to(x[:, :1], x.shape) * x[None][0], (5, 4)),
    "turned": (lambda x: x.mT @ tg.transpose(x, (0, 1, 2)), (5, 4)),
    "repeated": (lambda x: tg.repeat(x, 2, axis=-1) + tg.tile(x, (2, 1, 1, 2))[1], (5, 4)),
    "repeated without an axis": (lambda x: x + tg.repeat(tg.sum(x * 2, axis=0), 2)[:4], (5, 4)),
    "products": (lambda x: tg.dot(x, WEIGHT) + tg.inner(x, WEIGHT) * tg.dot(x, np.float32(2)), (4,)),
    "largest": (lambda x: x * np.argmax(x, axis=-1)[..., None], (5, 4)),
    "counts": (lambda x: x * tg.mean(x > 0, axis=1, keepdims=True) - tg.sum(x > 0, axis=1, keepdims=True), (5, 4)),
    "parts of arrays": (lambda x: tg.Tensor(np.split(x.data, [2], 1)[0] * np.array_split(x.data, 3, 1)[0]), (5, 4)),
    "arrays of the graph": (lambda x: tg.Tensor(np.copy(x.data).T.T.reshape(x.shape)) * len(x.data[0]), (4,)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACED)
def test_export_of_functions_in_a_forward_computes_the_same(name: str) -> None:
    function, sample = TRACED[name]
    compare(Own(function), sample)
    if len(sample) == 3:  # in the layout of a convolution
        compare(nn.Sequential(nn.Conv2D(4, 4, 3, padding=1, rng=0), Own(function)), sample)


# -- own layers ----------------------------------------------------------------------------------------------


class Celu(nn.Module):
    """A layer that names its own operators."""

    def __init__(self) -> None:
        self.scale = tg.tensor(np.full(4, 2.0, np.float32), requires_grad=True)

    def forward(self, x: Any) -> Any:
        return tg.tensor(np.maximum(x.data, 0) + np.minimum(0, np.expm1(x.data))) * self.scale

    def to_onnx(self, graph: Any, x: Any) -> Any:
        return graph.add("Celu", x, alpha=1.0) * self.scale.data


def test_export_of_a_layer_with_to_onnx_uses_it() -> None:
    proto = compare(nn.Sequential(nn.Dense(4, 4, rng=0), Celu()), (4,))
    assert [(node.name, node.op_type) for node in proto.graph.node] == [("0", "Gemm"), ("1", "Celu"), ("1/Mul", "Mul")]


def test_export_of_a_subclass_with_its_own_forward_traces_it() -> None:
    class Doubled(nn.Dense):
        def forward(self, x: Any) -> Any:
            return super().forward(x) * 2

    class Halved(Celu):
        def forward(self, x: Any) -> Any:
            return x * 0.5

    assert operators(compare(Doubled(4, 3, rng=0), (4,))) == ["MatMul", "Add", "Mul"]
    assert operators(compare(Halved(), (4,))) == ["Mul"]


# -- preprocessing and inputs --------------------------------------------------------------------------------


def test_export_with_preprocessing_takes_raw_data() -> None:
    X = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 1)).astype(np.uint8)
    network = nn.Sequential(nn.Conv2D(1, 2, 3, rng=0), nn.Flatten(), nn.Dense(32, 3, rng=1)).eval()
    standardize = nn.data.Standardizer(X)
    for preprocessing, prepared in (
        (lambda x: (x - 127.5) / 127.5, nn.data.rescale(X)),
        (standardize, standardize(X)),
        (nn.Tanh(), np.tanh(X.astype(np.float32))),
    ):
        proto = onnx_model(network, X[:1], preprocessing=preprocessing)
        for (result,) in run(proto, {"input": X}):
            np.testing.assert_allclose(result, network(prepared).data, rtol=1e-5, atol=1e-5)
    with pytest.raises(ExportError, match="preprocessing cannot be exported"):
        onnx_model(network, X[:1], preprocessing=nn.data.rescale)


def test_export_of_a_model_knows_the_shape_of_its_data(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(10, 8, 8, 2)).astype(np.float32)
    model = nn.Model(nn.Sequential(nn.Conv2D(2, 3, 3, rng=0), nn.GlobalAveragePool()), loss=nn.MeanSquaredError())
    with pytest.raises(ValueError, match="the shape of the input is not known"):
        model.export(tmp_path / "model.onnx")
    expected = model.predict(X)
    model.export(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"input": X})[0], expected, rtol=1e-5, atol=1e-5)
    ids = nn.Model(nn.Sequential(nn.Embedding(5, 2, rng=0), nn.Flatten()), loss=nn.MeanSquaredError())
    ids.predict(np.zeros((3, 4), int))
    ids.export(tmp_path / "ids.onnx")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["ids.onnx", "model.onnx"]


def test_export_of_inputs_by_name_keeps_the_names() -> None:
    class Sum(nn.Module):
        def forward(self, *, left: Any, right: Any) -> Any:
            return left + right

    proto = onnx_model(Sum(), {"right": np.zeros((1, 2), np.float32), "left": np.zeros((1, 2), np.float32)})
    assert [each.name for each in proto.graph.input] == ["right", "left"]


def test_export_of_lengths_as_an_input_reaches_the_recurrent_layer() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.LSTM(3, 2, rng=0)

        def forward(self, x: Any, lengths: Any) -> Any:
            return self.layer(x, lengths=lengths)

    network, rng = Reader().eval(), np.random.default_rng(0)
    example = np.zeros((1, 5, 3), np.float32), np.ones(1, np.int64)
    for time, free in ((5, None), (9, {"x": {1: "time"}})):
        proto = onnx_model(network, example, free_axes=free)
        x, lengths = rng.normal(size=(4, time, 3)).astype(np.float32), np.array([5, 1, 3, 2])
        (result,) = run(proto, {"x": x, "lengths": lengths}, evaluator=False)[0]
        np.testing.assert_allclose(result, network(x, lengths).data, rtol=1e-5, atol=1e-5)


# -- free axes -----------------------------------------------------------------------------------------------


def compare_lengths(network: nn.Module, example: Any, free: Any, lengths: Any, **options: Any) -> Any:
    """Export a network with free axes and compare ONNX Runtime with it for several batch sizes and lengths.

    Args:
        network: the network.
        example: an array, or a dict of arrays by the names of the inputs.
        free: `free_axes`.
        lengths: for the name of each free axis, its lengths with the three batch sizes.
        **options: further arguments of the export.
    """
    network.eval()
    rng, arrays = np.random.default_rng(0), example if isinstance(example, dict) else {"input": example}
    by_input = free if isinstance(example, dict) else {"input": free}
    proto = onnx_model(network, example, free_axes=free, **options)
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for number, batch in enumerate((1, 3, 2)):
        inputs = {}
        for name, array in arrays.items():
            axes = by_input.get(name, {})
            shape = (batch, *(lengths[axes[n]][number] if n in axes else array.shape[n] for n in range(1, array.ndim)))
            drawn = rng.integers(1, 4, size=shape) if array.dtype.kind in "iu" else rng.normal(size=shape)
            inputs[name] = drawn.astype(array.dtype)
        expected = leaves(network(**inputs) if isinstance(example, dict) else network(*inputs.values()))
        for ours, theirs in zip(expected, session.run(None, inputs), strict=True):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    return proto


def shapes(values: Any) -> list[list[Any]]:
    """Return the shapes in the file; lengths of free axes are names."""
    return [[each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim] for value in values]


def test_export_with_free_axes_computes_the_same_for_other_lengths() -> None:
    network = nn.Sequential(nn.Conv2D(2, 4, 3, stride=2, rng=0), nn.GroupNorm(4, 2), nn.MaxPool2D(2), nn.Dense(4, 3))
    example, lengths = np.zeros((1, 9, 8, 2), np.float32), {"height": (7, 16, 31), "width": (10, 9, 7)}
    proto = compare_lengths(network, example, {1: "height", 2: "width"}, lengths)
    assert proto == onnx_model(network, example, free_axes={-3: "height", np.int64(-2): "width"})
    assert shapes(proto.graph.input) == [["batch", "height", "width", 2]]
    assert shapes(proto.graph.output) == [["batch", "output_1", "output_2", 3]]

    class Later(nn.Module):
        def __init__(self) -> None:
            self.rotary = nn.RotaryPositions(2)

        def forward(self, x: Any) -> Any:
            return self.rotary(x, 3)

    compare_lengths(Later(), example[..., 0, :], {1: "time"}, {"time": (1, 30, 7)})


@pytest.mark.slow
@pytest.mark.parametrize("opset", [18, 23])
def test_export_of_sequences_of_any_length_computes_the_same(opset: int) -> None:
    time, lengths = {1: "time"}, {"time": (1, 9, 30)}
    ids = np.zeros((1, 5), np.int64)
    tagger = nn.Sequential(
        nn.Embedding(4, 4, rng=0), nn.Bidirectional(nn.LSTM(4, 3, layers=2, return_sequences=True, rng=1)),
        nn.PositionalEncoding(6), nn.Dense(6, 2, rng=2),
    )  # fmt: skip
    assert shapes(compare_lengths(tagger, ids, time, lengths, opset=opset).graph.output) == [["batch", "time", 2]]
    block = nn.TransformerBlock(4, 2, causal=True, rotary=nn.RotaryPositions(2, interleaved=False), rng=0)
    reader = nn.Sequential(
        nn.Embedding(4, 4, rng=0),
        nn.Conv1D(4, 4, 3, stride=2, padding=1, rng=2),
        nn.LearnedPositions(700, 4, rng=1),
        block,
        nn.GlobalAveragePool(),
    )
    compare_lengths(reader, ids, time, lengths, opset=opset)


@pytest.mark.slow
def test_export_of_several_inputs_has_free_axes_by_name() -> None:
    class Translator(nn.Module):
        def __init__(self) -> None:
            self.encoder, block = nn.GRU(4, 4, return_sequences=True, rng=0), nn.TransformerBlock
            self.decoder = nn.TransformerDecoder(block(4, 2, causal=True, cross_attention=True, rng=1), 1)

        def forward(self, source: Any, target: Any) -> Any:
            pairs = tg.reshape(tg.reshape(target, (-1, 2)), target.shape)
            return self.decoder(target + pairs, self.encoder(source)), tg.var(source, axis=1)

    example = {name: np.zeros((1, 5, 4), np.float32) for name in ("source", "target")}
    free = {"source": {1: "source_time"}, "target": {1: "target_time"}}
    lengths = {"source_time": (4, 9, 2), "target_time": (6, 1, 5)}
    proto = compare_lengths(Translator(), example, free, lengths)
    assert shapes(proto.graph.output) == [["batch", "target_time", 4], ["batch", 4]]


FIXED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "number": (lambda: Own(lambda x: tg.sum(x, axis=1) / x.shape[1]), "free axis is used as a number by node Div, Div"),
    "loop": (lambda: Own(lambda x: sum(x[:, t] for t in range(x.shape[1]))), "free axis is used as a number"),
    "slice": (lambda: Own(lambda x: x[:, : x.shape[1] // 2]), "ends depend on the batch size or a free axis"),
    "rows": (lambda: nn.Sequential(nn.Flatten(), nn.Dense(36, 2)), "free axis seems to be used as a number"),
    "padding": (lambda: nn.Conv1D(4, 2, 3, stride=2, padding="same"), r"padding\. Replace"),
    "ceil_mode": (lambda: nn.MaxPool1D(3, ceil_mode=True), r"free axis\. Use ceil_mode=False\. Replace"),
    "windows": (lambda: nn.AveragePool1D(2, stride=8, dilation=2), "length of a free axis"),
}


@pytest.mark.parametrize("name", FIXED)
def test_export_refuses_free_axes_whose_length_is_needed(name: str) -> None:
    make, message = FIXED[name]
    network, example = make(), np.zeros((1, 9, 4), np.float32)
    onnx_model(network, example)
    with pytest.raises(ExportError, match=message):
        onnx_model(network, example, free_axes={1: "time"})


def test_export_of_learned_positions_refuses_sequences_beyond_the_table() -> None:
    example = np.zeros((1, 2, 3), np.float32)
    proto = compare_lengths(nn.LearnedPositions(5, 3, rng=0), example, {1: "time"}, {"time": (1, 5, 4)})
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    with pytest.raises(runtime.capi.onnxruntime_pybind11_state.Fail, match="broadcast"):
        session.run(None, {"input": np.zeros((1, 6, 3), np.float32)})
    with pytest.raises(ExportError, match="it has one position, so its input cannot have a free number of steps"):
        onnx_model(nn.LearnedPositions(1, 3), example[:, :1], free_axes={1: "time"})


def test_export_with_wrong_free_axes_is_refused() -> None:
    network, example = Own(lambda x: x * 2), np.zeros((1, 3, 4), np.float32)
    cases: list[tuple[Any, str]] = [
        ("time", 'expected free_axes such as {1: "time"}'),
        ({0: "rows"}, "axis 0 in free_axes is the batch"),
        ({-3: "rows"}, "axis -3 in free_axes is the batch"),
        ({3: "time"}, "an axis in free_axes must be at most 2"),
        ({-4: "time"}, "an axis in free_axes must be at least -3"),
        ({1: "time", -2: "steps"}, "one name for each axis, got 'time' and 'steps' for axis 1 in free_axes"),
        ({1: "batch"}, 'an identifier other than "batch"'),
        ({1: 5}, "an identifier other than"),
        ({"x": {1: "time"}}, "the inputs are ['input']"),
        ({"input": {1: "time"}, "y": 1}, "the inputs are ['input']"),
        ({1: "side", 2: "side"}, "different lengths"),
    ]
    for free, message in cases:
        with pytest.raises((TypeError, ValueError), match=re.escape(message)):
            onnx_model(network, example, free_axes=free)


# -- what is refused -----------------------------------------------------------------------------------------


def twice(x: Any) -> Any:
    """Return an array `(2·batch, 2·batch)`."""
    return tg.tile(x, (2, 1)) @ tg.tile(x, (2, 1)).T


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "sort": (lambda x: tg.sort(x, axis=1), r"layer 1: Own cannot be exported to ONNX: sort: np\.sort is not supported"),
    "values": (lambda x: x if float(tg.sum(x)) > 0 else -x, "reads the values of an array"),
    "batch as a number": (lambda x: x / x.shape[0], "the batch size is used as a number by node 1, Div"),
    "batch in an array": (lambda x: x + np.ones((x.shape[0], 3), np.float32), r"inputs float32 \(batch, 3\)"),
    "loop over the batch": (lambda x: tg.stack([x[i] for i in range(x.shape[0])]), "does not have the batch"),
    "sum of the batch": (lambda x: tg.sum(x, axis=0), "does not have the batch along its first axis"),
    "mask": (lambda x: x[x.data > 0], "mask"),
    "two arrays": (lambda x: x[np.array([0]), np.array([1])], "with several arrays"),
    "array and number": (lambda x: x[:, None][np.array([0]), 0], "an array and a number"),
    "end of the batch": (lambda x: x[: x.shape[0] - 1], "a slice whose ends depend on the batch size"),
    "repeated batch": (lambda x: tg.broadcast_to(x[0], x.shape), "an array without a batch"),
    "order": (lambda x: tg.reshape(x, (-1, 1), order="F"), "another order"),
    "two batches": (lambda x: tg.reshape(twice(x), (1, 4 * x.shape[0], x.shape[0])), "the length 4·batch is needed"),
    "repeated elements": (lambda x: tg.repeat(x, 2), "does not have the batch along its first axis"),
    "numbers of repeats": (lambda x: tg.repeat(x, [1, 2, 1], axis=1), "a number for each element"),
    "indices that wrap": (lambda x: tg.take(x, [4], axis=1, mode="wrap"), "mode='wrap'"),
    "reflected padding": (lambda x: tg.pad(x, 1, mode="linear_ramp"), "mode='linear_ramp'"),
    "conditional sum": (lambda x: tg.sum(x, axis=1, where=x.data > 0), "where="),
    "conditional variance": (lambda x: tg.var(x, axis=1, where=x.data == x.data), "where="),
    "largest norm": (lambda x: tg.Tensor(np.linalg.vector_norm(x.data, axis=1, ord=4)), "ord=4"),
    "running sum of all": (lambda x: tg.cumsum(x), "needs an axis"),
    "largest of all": (lambda x: x * np.argmax(x), "needs an axis"),
    "product of stacks": (lambda x: tg.Tensor(np.dot(x.data[:, None], WEIGHT[:3])), "more than two axes"),
    "bits": (lambda x: x * (np.argmax(x, axis=1) & 1)[:, None], "bitwise operation on integers"),
    "method of a ufunc": (lambda x: tg.Tensor(np.add.accumulate(x.data, axis=1)), r"np\.add\.accumulate"),
    "unknown argument": (lambda x: tg.Tensor(np.cumsum(x.data, 1, None, None)), "with these arguments"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_export_of_what_has_no_operator_names_it_and_writes_nothing(name: str, tmp_path: Path) -> None:
    function, message = REFUSED[name]
    network = nn.Sequential(nn.Dense(4, 3, rng=0), Own(function))
    (tmp_path / "old.onnx").write_bytes(b"old")
    with pytest.raises(ExportError, match=message):
        export_onnx(network, tmp_path / "old.onnx")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old.onnx", b"old")]
    assert all("forward" not in vars(module) for module in network.modules())
    assert network.training


def test_export_with_wrong_arguments_is_refused(tmp_path: Path) -> None:
    network, path = nn.Sequential(nn.Dense(4, 3, rng=0)), tmp_path / "x.onnx"
    with pytest.raises(TypeError, match=r"export_onnx: expected an nn\.Module"):
        export_onnx(nn.Model(network, loss=nn.MeanSquaredError()), path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="opset"):
        export_onnx(network, path, opset=17)
    with pytest.raises(ValueError, match="ir_version"):
        export_onnx(network, path, ir_version=99)
    with pytest.raises(ValueError, match=r"layer 0: Dense\(4, 3\): expected inputs of width 4"):
        export_onnx(network, path, np.zeros((1, 5)))
    with pytest.raises(TypeError, match="real numbers"):
        export_onnx(network, path, np.zeros((1, 4), complex))
    with pytest.raises(AttributeError, match="export_onnx"):
        network.export(path)
    with pytest.raises(FileNotFoundError):
        export_onnx(network, tmp_path / "missing" / "x.onnx")
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_export_called_wrongly_gives_a_documented_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls = list(wrong_calls.wrong_calls({"nn.interop.export_onnx": export_onnx}))
    assert len(calls) > 200
    assert [wrong_calls.complaint(call, export_onnx) for call in calls] == [None] * len(calls)


def test_export_leaves_calls_in_other_threads_alone() -> None:
    network, x = nn.Sequential(nn.Dense(4, 3, rng=0), nn.GELU()).eval(), np.ones((2, 4), np.float32)
    expected, results = network(x).data, []

    def slow(x: Any) -> Any:
        thread = threading.Thread(target=lambda: results.append(network(np.ones((2, 4), np.float32)).data))
        thread.start()
        thread.join()
        return x

    onnx_model(nn.Sequential(network, Own(slow)), x)
    assert len(results) == 3  # of the check of the example, and of two traces
    for result in results:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.slow
def test_export_in_the_example_computes_what_the_model_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "export_onnx.py"), run_name="__main__")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("accuracy")]
    model, file = (float(line.rpartition(" ")[2]) for line in lines)
    assert model == file > 0.9
