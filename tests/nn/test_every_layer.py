"""Every public layer: a line in `summary`, a frame in drawings, files, weights of PyTorch and Keras, and hints."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn._hints import LAYER
from nn.training.summary import summary

Shape = tuple[int, ...]

IMAGE, SEQUENCE, ROW = (6, 6, 4), (5, 4), (4,)
LAYERS: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "AdaptiveAveragePool2D": (lambda: nn.AdaptiveAveragePool2D(2), IMAGE),
    "AveragePool1D": (lambda: nn.AveragePool1D(2, stride=1), SEQUENCE),
    "AveragePool2D": (lambda: nn.AveragePool2D(2, count_padding=False), IMAGE),
    "BatchNorm": (lambda: nn.BatchNorm(4, momentum=0.5), IMAGE),
    "Bidirectional": (lambda: nn.Bidirectional(nn.GRU(4, 3, layers=2, return_sequences=True)), SEQUENCE),
    "Concatenate": (lambda: nn.Sequential(nn.Parallel(nn.Tanh(), nn.ReLU()), nn.Concatenate(axis=1)), SEQUENCE),
    "Conv1D": (lambda: nn.Conv1D(4, 6, 3, padding="same", groups=2), SEQUENCE),
    "Conv2D": (lambda: nn.Conv2D(4, 6, (3, 2), stride=2, dilation=2), IMAGE),
    "ConvTranspose1D": (lambda: nn.ConvTranspose1D(4, 6, 3, stride=2), SEQUENCE),
    "ConvTranspose2D": (lambda: nn.ConvTranspose2D(4, 6, 3, stride=2, output_padding=1), IMAGE),
    "Dense": (lambda: nn.Dense(4, 3), ROW),
    "Dropout": (lambda: nn.Dropout(0.25, rng=0), ROW),
    "ELU": (lambda: nn.ELU(0.5), ROW),
    "Embedding": (lambda: nn.Embedding(7, 3, padding_index=0), (5,)),
    "FeedForward": (lambda: nn.FeedForward(4, 6, activation="swiglu"), SEQUENCE),
    "Flatten": (lambda: nn.Flatten(), IMAGE),
    "GELU": (lambda: nn.GELU("tanh"), ROW),
    "GLU": (lambda: nn.GLU(axis=-2), IMAGE),
    "GRU": (lambda: nn.GRU(4, 3, reset_after=False), SEQUENCE),
    "GaussianNoise": (lambda: nn.GaussianNoise(0.1, rng=0), ROW),
    "GlobalAveragePool": (lambda: nn.GlobalAveragePool(), IMAGE),
    "GlobalMaxPool": (lambda: nn.GlobalMaxPool(), SEQUENCE),
    "GroupNorm": (lambda: nn.GroupNorm(4, 2), IMAGE),
    "Identity": (lambda: nn.Identity(), ROW),
    "InstanceNorm": (lambda: nn.InstanceNorm(4), IMAGE),
    "LSTM": (lambda: nn.LSTM(4, 3, layers=2, return_sequences=True), SEQUENCE),
    "LayerNorm": (lambda: nn.LayerNorm(4, epsilon=1e-3), ROW),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2), ROW),
    "LearnedPositions": (lambda: nn.LearnedPositions(7, 4), SEQUENCE),
    "LogSoftmax": (lambda: nn.LogSoftmax(axis=1), SEQUENCE),
    "MaxPool1D": (lambda: nn.MaxPool1D(2, ceil_mode=True), SEQUENCE),
    "MaxPool2D": (lambda: nn.MaxPool2D(3, stride=2, padding=1), IMAGE),
    "MultiHeadAttention": (lambda: nn.MultiHeadAttention(4, 2, causal=True), SEQUENCE),
    "PReLU": (lambda: nn.PReLU(4, initial=0.1), IMAGE),
    "Parallel": (lambda: nn.Sequential(nn.Parallel(nn.Dense(4, 2), nn.Dense(4, 3)), nn.Concatenate()), ROW),
    "PositionalEncoding": (lambda: nn.PositionalEncoding(4, base=100.0), SEQUENCE),
    "RMSNorm": (lambda: nn.RMSNorm(4), ROW),
    "RNN": (lambda: nn.RNN(4, 3, activation="relu", reverse=True), SEQUENCE),
    "ReLU": (lambda: nn.ReLU(), ROW),
    "Reshape": (lambda: nn.Reshape((2, 2)), ROW),
    "Residual": (lambda: nn.Residual(nn.Dense(4, 3), shortcut=nn.Dense(4, 3)), ROW),
    "RotaryPositions": (lambda: nn.RotaryPositions(4, interleaved=False), SEQUENCE),
    "Sequential": (lambda: nn.Sequential(nn.Dense(4, 3), nn.ReLU()), ROW),
    "SiLU": (lambda: nn.SiLU(), ROW),
    "Sigmoid": (lambda: nn.Sigmoid(), ROW),
    "Softmax": (lambda: nn.Softmax(axis=1), SEQUENCE),
    "Softplus": (lambda: nn.Softplus(), ROW),
    "SpatialDropout": (lambda: nn.SpatialDropout(0.25, rng=0), IMAGE),
    "Tanh": (lambda: nn.Tanh(), ROW),
    "TransformerBlock": (lambda: nn.TransformerBlock(4, 2, hidden=6, norm_first=False), SEQUENCE),
    "TransformerDecoder": (lambda: nn.TransformerDecoder(nn.TransformerBlock(4, 2, causal=True), 2), SEQUENCE),
    "TransformerEncoder": (lambda: nn.TransformerEncoder(nn.TransformerBlock(4, 2, norm="rms"), 2), SEQUENCE),
    "UpSample2D": (lambda: nn.UpSample2D((2, 3), mode="bilinear"), IMAGE),
    "ZeroPad2D": (lambda: nn.ZeroPad2D(((1, 0), (2, 1))), IMAGE),
}
"""How to create each layer, with arguments that are not the defaults, and the shape of a sample."""

every_layer = pytest.mark.parametrize("name", LAYERS)


def created(name: str) -> tuple[nn.Sequential, Any]:
    """Return a network with the layer and random parameters, and an input."""
    make, shape = LAYERS[name]
    network, rng = nn.Sequential(make()), np.random.default_rng(0)
    for _, tensor in network.named_state():
        tensor.data = rng.uniform(0.5, 1.5, tensor.shape).astype(tensor.dtype)
    x = rng.integers(7, size=(3, *shape)) if name == "Embedding" else rng.normal(size=(3, *shape)).astype("f4")
    return network.eval(), x


def test_every_public_layer_is_tested_here() -> None:
    assert sorted(LAYERS) == sorted(nn.layers.__all__)


@every_layer
def test_every_layer_has_a_line_in_summary(name: str) -> None:
    network, x = created(name)
    lines = summary(network, x.shape[1:], batch_size=2).splitlines()
    names = [line.split()[1] for line in lines[2:] if len(line.split()) > 2]
    assert {type(layer).__name__ for layer in network.modules() if not list(layer.named_children())} <= set(names)
    assert name in names or name in (
        "Sequential",
        "Parallel",
        "TransformerDecoder",
        "TransformerEncoder",
    )  # which compute nothing on their own
    assert lines[-1].startswith("forward pass of 2 samples: ")


@every_layer
def test_every_layer_has_a_frame_in_drawings(name: str) -> None:
    network, x = created(name)
    network.train()
    x = tg.tensor(x, requires_grad=True) if x.dtype.kind == "f" else x
    recording = tg.draw(tg.sum(network(x) * 1.0)).recording
    kinds = {group.kind for group in recording.groups}
    assert name in kinds or name == "Identity"  # which returns what it gets, and computes nothing


@every_layer
def test_every_layer_survives_saving(name: str, tmp_path: Path) -> None:
    network, x = created(name)
    nn.Model(network, loss=nn.MeanSquaredError()).save(tmp_path / "layer.safetensors")
    loaded = nn.Model.load(tmp_path / "layer.safetensors").network
    assert repr(loaded) == repr(network)
    np.testing.assert_array_equal(loaded.eval()(x).data, network(x).data)


# -- weights of other frameworks -----------------------------------------------------------------------------

TORCH: dict[str, Callable[[Any], Any]] = {
    "BatchNorm": lambda t: t.BatchNorm2d(4),
    "Conv1D": lambda t: t.Conv1d(4, 6, 3, padding="same", groups=2),
    "Conv2D": lambda t: t.Conv2d(4, 6, (3, 2), stride=2, dilation=2),
    "ConvTranspose1D": lambda t: t.ConvTranspose1d(4, 6, 3, stride=2),
    "ConvTranspose2D": lambda t: t.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1),
    "Dense": lambda t: t.Linear(4, 3),
    "Embedding": lambda t: t.Embedding(7, 3, padding_idx=0),
    "GroupNorm": lambda t: t.GroupNorm(2, 4),
    "InstanceNorm": lambda t: t.InstanceNorm2d(4, affine=True),
    "LayerNorm": lambda t: t.LayerNorm(4, eps=1e-3),
    "PReLU": lambda t: t.PReLU(4),
    "RMSNorm": lambda t: t.RMSNorm(4, eps=1e-5),
    "LSTM": lambda t: t.LSTM(4, 3, num_layers=2, batch_first=True),
    "Bidirectional": lambda t: t.GRU(4, 3, num_layers=2, bidirectional=True, batch_first=True),
    "Sequential": lambda t: t.Sequential(t.Linear(4, 3), t.ReLU()),
}
"""The layer of PyTorch with the same weights."""

KERAS: dict[str, dict[str, Shape]] = {
    "BatchNorm": {"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
    "Conv1D": {"kernel": (3, 2, 6), "bias": (6,)},
    "Conv2D": {"kernel": (3, 2, 4, 6), "bias": (6,)},
    "ConvTranspose1D": {"kernel": (3, 6, 4), "bias": (6,)},
    "ConvTranspose2D": {"kernel": (3, 3, 6, 4), "bias": (6,)},
    "Dense": {"kernel": (4, 3), "bias": (3,)},
    "Embedding": {"embeddings": (7, 3)},
    "GroupNorm": {"gamma": (4,), "beta": (4,)},
    "InstanceNorm": {"gamma": (4,), "beta": (4,)},
    "LayerNorm": {"gamma": (4,), "beta": (4,)},
    "PReLU": {"alpha": (4,)},  # behind a Dense; for images, Keras has (1, 1, 4), which is refused
    "RMSNorm": {"scale": (4,)},
    "RNN": {"cell.kernel": (4, 3), "cell.recurrent_kernel": (3, 3), "cell.bias": (3,)},
    "MultiHeadAttention": {
        f"{part}_dense.{variable}": shape
        for part in ("query", "key", "value", "output")
        for variable, shape in (
            ("kernel", (2, 2, 4) if part == "output" else (4, 2, 2)),
            ("bias", (4,) if part == "output" else (2, 2)),
        )
    },
    "GRU": {"cell.kernel": (4, 9), "cell.recurrent_kernel": (3, 9), "cell.bias": (9,)},
}
"""The variables of the layer in Keras, in its order."""

ATTENTION = (
    "FeedForward",
    "LearnedPositions",
    "MultiHeadAttention",
    "TransformerBlock",
    "TransformerDecoder",
    "TransformerEncoder",
)
"""Layers that test_layers_attention.py compares with other frameworks, where these have such a layer."""

STACKS = ("LSTM", "Bidirectional")
"""Layers that are one layer of PyTorch, and several of Keras."""

with_weights = pytest.mark.parametrize("name", [name for name in LAYERS if list(created(name)[0].named_state())])


@pytest.mark.slow
@with_weights
def test_every_layer_with_weights_loads_those_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    network, x = created(name)
    if name not in TORCH:
        assert name in (*ATTENTION, "GRU", "RNN", "Parallel", "Residual"), (
            f"{name}: which layer of PyTorch has these weights?"
        )
        return  # PyTorch has no GRU without reset_after, no RNN in reverse, and no layers that combine others
    torch.manual_seed(0)
    theirs = TORCH[name](torch.nn).eval()
    for tensor in theirs.state_dict().values():
        if tensor.dtype.is_floating_point:
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
    assert nn.interop.load_pytorch(network[0], theirs.state_dict()).complete
    given = torch.from_numpy(x if x.dtype.kind == "i" or x.ndim < 3 or name in STACKS else np.moveaxis(x, -1, 1).copy())
    expected = theirs(given)
    expected = (expected[0] if isinstance(expected, tuple) else expected).detach().numpy()
    if x.dtype.kind == "f" and x.ndim > 2 and name not in STACKS:
        expected = np.moveaxis(expected, 1, -1)
    np.testing.assert_allclose(network(x).data, expected, rtol=2e-5, atol=2e-5)


@with_weights
def test_every_layer_with_weights_has_the_variables_of_keras(name: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py", exc_type=ImportError)
    network, x = created(name)
    other, _ = created(name)
    for _, tensor in other.named_state():
        tensor.data = np.zeros_like(tensor.data)
    nn.interop.save_keras(network, tmp_path / "x.weights.h5")
    assert nn.interop.load_keras(other, tmp_path / "x.weights.h5").complete
    np.testing.assert_array_equal(other(x).data, network(x).data)
    if name in KERAS:
        variables = list(KERAS[name].items())
        by_order = [np.full(shape, 0.5, np.float32) for _, shape in variables]
        assert nn.interop.load_keras(other, by_order).complete
    else:
        assert name in (*ATTENTION, *STACKS, "Parallel", "Residual", "Sequential"), (
            f"{name}: which variables has it in Keras?"
        )


def test_layers_without_weights_need_none_of_other_frameworks() -> None:
    for name in LAYERS:
        network, _ = created(name)
        if not list(network.named_state()):
            whole = nn.Sequential(nn.Dense(4, 2), network[0])
            assert nn.interop.load_keras(whole, [np.ones((4, 2)), np.ones(2)]).complete


# -- hints ---------------------------------------------------------------------------------------------------

SPELLINGS: dict[str, str] = {
    "AdaptiveAveragePool2D": "keepdims",
    "AveragePool1D": "kernel_size strides pool_size count_include_pad data_format",
    "AveragePool2D": "kernel_size strides pool_size count_include_pad",
    "BatchNorm": "num_features eps axis center scale track_running_stats gamma_initializer beta_initializer trainable",
    "Bidirectional": "merge_mode",
    "Concatenate": "dim name",
    "Conv1D": "in_channels out_channels strides dilation_rate use_bias padding_mode device",
    "Conv2D": (
        "in_channels out_channels strides dilation_rate use_bias activation data_format "
        "kernel_initializer bias_initializer kernel_regularizer input_shape"
    ),
    "ConvTranspose1D": "in_channels out_channels strides",
    "ConvTranspose2D": "in_channels out_channels strides use_bias",
    "Dense": (
        "in_features out_features units input_dim activation use_bias kernel_initializer n_inputs "
        "n_neurons input_shape kernel_regularizer bias_regularizer"
    ),
    "Dropout": "p seed inplace",
    "ELU": "negative_slope inplace",
    "Embedding": "num_embeddings embedding_dim padding_idx input_dim output_dim mask_zero embeddings_initializer",
    "FeedForward": "d_model dim_feedforward use_bias",
    "Flatten": "start_dim end_dim data_format",
    "GELU": "inplace",
    "GLU": "dim",
    "GRU": (
        "input_size hidden_size num_layers batch_first bidirectional go_backwards recurrent_dropout "
        "recurrent_initializer stateful use_bias"
    ),
    "GaussianNoise": "stddev std seed",
    "GlobalAveragePool": "keepdims data_format",
    "GlobalMaxPool": "keepdims",
    "GroupNorm": "num_groups num_channels eps",
    "Identity": "name",
    "InstanceNorm": "num_features eps track_running_stats",
    "LSTM": (
        "input_size hidden_size num_layers batch_first bidirectional activation recurrent_activation recurrent_dropout"
    ),
    "LayerNorm": "normalized_shape eps elementwise_affine axis center scale",
    "LeakyReLU": "alpha inplace",
    "LearnedPositions": "max_len embedding_dim",
    "LogSoftmax": "dim",
    "MaxPool1D": "kernel_size pool_size strides return_indices",
    "MaxPool2D": "kernel_size pool_size strides data_format",
    "MultiHeadAttention": (
        "embed_dim num_heads kdim vdim add_bias_kv batch_first attn_dropout key_dim head_dim num_query_heads "
        "num_key_value_heads use_bias"
    ),
    "PReLU": "num_parameters init",
    "Parallel": "name",
    "PositionalEncoding": "d_model",
    "RMSNorm": "normalized_shape eps axis",
    "RNN": "nonlinearity hidden_size num_layers batch_first",
    "ReLU": "inplace name",
    "Reshape": "target_shape",
    "Residual": "name",
    "RotaryPositions": "embed_dim",
    "Sequential": "name",
    "SiLU": "inplace",
    "Sigmoid": "name",
    "Softmax": "dim",
    "Softplus": "name",
    "SpatialDropout": "p inplace",
    "Tanh": "name",
    "TransformerBlock": "d_model nhead dim_feedforward layer_norm_eps batch_first",
    "TransformerDecoder": "decoder_layer num_layers",
    "TransformerEncoder": "encoder_layer num_layers",
    "UpSample2D": "size scale_factor interpolation",
    "ZeroPad2D": "data_format",
}
"""Arguments of the layer in PyTorch, in Keras or in the book, that have another name here."""


@every_layer
def test_every_layer_has_hints_for_arguments_of_other_frameworks(name: str) -> None:
    layer = getattr(nn, name)
    parameters = inspect.signature(layer).parameters
    for argument in SPELLINGS[name].split():
        with pytest.raises(TypeError) as caught:
            layer(**{argument: 1})
        start, _, hint = str(caught.value).partition(f"{name}() got an unexpected keyword argument {argument!r}. ")
        assert start == ""
        assert hint
        ours = hint.removeprefix("Use ").removesuffix(".")
        if hint.startswith("Use ") and ours.isidentifier():
            assert ours in parameters


def test_hints_name_only_arguments_that_some_layer_has() -> None:
    known = {name for layer in LAYERS for name in inspect.signature(getattr(nn, layer)).parameters}
    for hint in LAYER.values():
        assert isinstance(hint, str) or known & set(hint)
