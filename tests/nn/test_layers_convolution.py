"""Convolution and its transpose: against PyTorch, the general path against the fast one, layers, what they refuse."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from nn.functional import _rows, _taps
from nn.functional.windows import slide

CLOSE: dict[str, float] = {"rtol": 1e-10, "atol": 1e-12}


def first(array: Any) -> Any:
    """Channels first, as PyTorch has them."""
    return np.moveaxis(array, -1, 1)


def last(array: Any) -> Any:
    return np.moveaxis(array, 1, -1)


def compare_with_torch(name: str, x: Any, weight: Any, **options: Any) -> None:
    """Values and gradients with respect to the input, the weight and the bias."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    theirs = getattr(torch.nn.functional, name)
    groups = options.get("groups", 1)
    filters = weight.shape[-2] * groups if "transpose" in name else weight.shape[-1]
    bias = rng.normal(size=filters)
    to_torch = (weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2))
    leaves = [torch.tensor(a.copy(), requires_grad=True) for a in (first(x), weight.transpose(to_torch), bias)]
    expected = theirs(*leaves, **options)
    upstream = rng.normal(size=expected.shape)
    expected.backward(torch.tensor(upstream))

    ours = [tg.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    result = getattr(nn.functional, name)(*ours, **options)
    result.backward(last(upstream))
    np.testing.assert_allclose(first(result.data), expected.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(first(ours[0].grad), leaves[0].grad.numpy(), **CLOSE)
    np.testing.assert_allclose(ours[1].grad.transpose(to_torch), leaves[1].grad.numpy(), **CLOSE)
    np.testing.assert_allclose(ours[2].grad, leaves[2].grad.numpy(), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_conv2d_equals_torch(groups: int, dilation: int, rng: np.random.Generator) -> None:
    grid = itertools.product([(1, 1), (3, 2), (2, 5), (5, 3)], [1, 2, (2, 3)], [0, 1, (2, 3), (5, 4)])
    for kernel, stride, padding in grid:
        x, weight = rng.normal(size=(3, 11, 13, 4)), rng.normal(size=(*kernel, 4 // groups, 8))
        compare_with_torch("conv2d", x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 3])
def test_conv1d_equals_torch(groups: int, rng: np.random.Generator) -> None:
    for kernel, stride, padding, dilation in itertools.product([1, 2, 5], [1, 3], [0, 2, 6], [1, 2]):
        x, weight = rng.normal(size=(2, 17, 3)), rng.normal(size=(kernel, 3 // groups, 6))
        compare_with_torch("conv1d", x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_conv_transpose2d_equals_torch(groups: int, dilation: int, rng: np.random.Generator) -> None:
    for kernel, stride, padding in itertools.product([(3, 2), (2, 5)], [1, 2, (2, 3)], [0, (1, 0)]):
        for output_padding in (0, 1) if stride != 1 else (0,):
            x, weight = rng.normal(size=(2, 4, 5, 4)), rng.normal(size=(*kernel, 8 // groups, 4))
            compare_with_torch(
                "conv_transpose2d", x, weight, stride=stride, padding=padding, output_padding=output_padding,
                dilation=dilation, groups=groups,
            )  # fmt: skip


def test_conv_transpose1d_equals_torch(rng: np.random.Generator) -> None:
    for kernel, stride, padding in itertools.product([1, 4], [1, 2, 3], [0, 1]):
        if (5 - 1) * stride + kernel > 2 * padding:
            x, weight = rng.normal(size=(2, 5, 3)), rng.normal(size=(kernel, 2, 3))
            compare_with_torch("conv_transpose1d", x, weight, stride=stride, padding=padding)


SETTINGS = st.tuples(
    st.integers(1, 7), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3),
    st.tuples(st.integers(0, 5), st.integers(0, 5)), st.tuples(st.integers(0, 5), st.integers(0, 5)),
    st.integers(1, 4), st.integers(1, 3), st.integers(200, 100_000),
)  # fmt: skip


@given(SETTINGS)
def test_rows_equal_taps(setting: Any) -> None:
    height, width, kh, kw, sh, sw, down, across, channels, filters, block_bytes = setting
    if kh > height + sum(down) or kw > width + sum(across):
        return
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(3, height, width, channels)), rng.normal(size=(kh, kw, channels, filters))
    axes: Any = slide((height, width), (kh, kw), (sh, sw), (down, across))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_rows, "BLOCK_BYTES", block_bytes)  # small blocks too: parts of an image
        result = _rows.convolve(x, weight, None, axes)
        np.testing.assert_allclose(result, _taps.convolve(x, weight, axes, 1), **CLOSE)
        g = rng.normal(size=result.shape)
        np.testing.assert_allclose(
            _rows.input_gradient(g, weight, axes), _taps.input_gradient(g, weight, axes, 1), **CLOSE
        )
        np.testing.assert_allclose(
            _rows.weight_gradient(g, x, axes), _taps.weight_gradient(g, x, (kh, kw), axes, 1), **CLOSE
        )


def test_conv2d_same_is_that_of_keras(rng: np.random.Generator) -> None:
    x, weight = rng.normal(size=(1, 6, 7, 1)), rng.normal(size=(4, 3, 1, 1))
    same = nn.functional.conv2d(x, weight, padding="same", stride=2)
    by_hand = nn.functional.conv2d(np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), weight, stride=2)
    assert same.shape == (1, 3, 4, 1)
    np.testing.assert_array_equal(same.data, by_hand.data)
    even = nn.functional.conv2d(x, weight[:2, :2], padding="same")  # one more row below and one more column right
    padded = np.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)])
    np.testing.assert_array_equal(even.data, nn.functional.conv2d(padded, weight[:2, :2]).data)


def test_conv_transpose2d_same_multiplies_the_size(rng: np.random.Generator) -> None:
    for kernel, stride in itertools.product([1, 2, 3, 4], [1, 2, 3]):
        x, weight = rng.normal(size=(1, 3, 4, 1)), rng.normal(size=(kernel, kernel, 1, 1))
        result = nn.functional.conv_transpose2d(x, weight, stride=stride, padding="same")
        assert result.shape == (1, 3 * stride, 4 * stride, 1)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": 2}, {"groups": 2}])
@pytest.mark.parametrize("order", [1, 2])
def test_conv2d_passes_gradcheck(options: dict[str, Any], order: int, rng: np.random.Generator) -> None:
    x, weight = rng.normal(size=(1, 4, 4, 2)), rng.normal(size=(3, 3, 2 // options.get("groups", 1), 2))
    bias = rng.normal(size=2)
    assert tg.gradcheck(lambda *a: nn.functional.conv2d(*a, **options), [x, weight, bias], order=order)


@pytest.mark.parametrize("order", [1, 2])
def test_conv_transpose2d_passes_gradcheck(order: int, rng: np.random.Generator) -> None:
    x, weight = rng.normal(size=(1, 2, 3, 2)), rng.normal(size=(3, 2, 1, 2))
    transposed = nn.functional.conv_transpose2d
    assert tg.gradcheck(lambda *a: transposed(*a, stride=2, padding=(1, 0)), [x, weight], order=order)


def test_conv2d_takes_one_image_and_stacks(rng: np.random.Generator) -> None:
    weight = rng.normal(size=(3, 3, 2, 4))
    stack = rng.normal(size=(5, 2, 6, 7, 2))
    result = nn.functional.conv2d(stack, weight)
    assert result.shape == (5, 2, 4, 5, 4)
    np.testing.assert_allclose(result.data[3, 1], nn.functional.conv2d(stack[3, 1], weight).data, **CLOSE)


def test_conv2d_promotes_dtypes_as_numpy() -> None:
    weight = np.ones((2, 2, 1, 1), np.float32)
    assert nn.functional.conv2d(np.ones((1, 3, 3, 1), np.uint8), weight).dtype == np.float32
    assert nn.functional.conv2d(np.ones((1, 3, 3, 1)), weight).dtype == np.float64
    x = tg.tensor(np.ones((1, 3, 3, 1)), requires_grad=True)
    w = tg.tensor(weight, requires_grad=True)
    nn.functional.conv2d(x, w).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (np.float64, np.float32)


def test_conv2d_computes_no_gradient_for_the_first_layers_input() -> None:
    result = nn.Conv2D(1, 2, 3, rng=0)(np.ones((1, 4, 4, 1), np.float32))
    assert result.node.saved[0] is None


@pytest.mark.parametrize(
    ("layer", "shape", "result", "weight"),
    [
        (nn.Conv1D(3, 8, 5, padding="same", rng=0), (2, 20, 3), (2, 20, 8), (5, 3, 8)),
        (nn.Conv1D(4, 8, 3, stride=2, groups=2, rng=0), (2, 21, 4), (2, 10, 8), (3, 2, 8)),
        (nn.Conv2D(3, 8, (3, 5), padding=(1, 2), rng=0), (2, 9, 9, 3), (2, 9, 9, 8), (3, 5, 3, 8)),
        (nn.Conv2D(4, 4, 3, groups=4, bias=False, rng=0), (2, 9, 9, 4), (2, 7, 7, 4), (3, 3, 1, 4)),
        (nn.ConvTranspose1D(4, 2, 2, stride=2, rng=0), (2, 10, 4), (2, 20, 2), (2, 2, 4)),
        (nn.ConvTranspose2D(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, rng=0), (1, 5, 5, 4),
         (1, 10, 10, 6), (3, 3, 3, 4)),
    ],
)  # fmt: skip
def test_convolution_layers(layer: Any, shape: Any, result: Any, weight: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    assert layer.weight.shape == weight
    assert layer(x).shape == result
    assert layer(x).dtype == np.float32
    assert eval(repr(layer), {type(layer).__name__: type(layer)}).settings() == layer.settings()
    network = nn.Sequential(layer, nn.Flatten())
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    model.save(tmp_path / "model.safetensors")
    again = nn.Model.load(tmp_path / "model.safetensors")
    assert repr(again.network) == repr(network)
    np.testing.assert_array_equal(again.network(x).data, network(x).data)


def test_conv2d_layer_regularizes() -> None:
    layer = nn.Conv2D(1, 2, 3, weight_init=nn.init.constant(2.0), weight_l1=0.5, weight_l2=0.25)
    assert layer.regularization_loss().item() == 0.5 * 18 * 2 + 0.25 * 18 * 4


def test_he_counts_the_window() -> None:
    values = nn.Conv2D(50, 40, 3, weight_init=nn.init.he(), rng=0).weight.data
    assert values.std() == pytest.approx(np.sqrt(2 / (9 * 50)), rel=0.02)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 3, 32, 32), r"3 channels along the last axis, got \(8, 3, 32, 32\)\. Axis 1 seems to have .*np\.moveaxis"),
        ((8, 32, 32, 4), r"with 3 channels along the last axis, got \(8, 32, 32, 4\)\.$"),
        ((2, 3), r"expected x of shape \(batch, height, width, channels\), got \(2, 3\)"),
        ((8, 2, 9, 3), "kernel covers 5 elements along the height, but the input has only 2"),
        ((8, 0, 9, 3), "kernel covers 5 elements along the height, but the input has only 0"),
    ],
)
def test_conv2d_layer_names_itself_and_what_is_wrong(shape: Any, message: str) -> None:
    network = nn.Sequential(nn.ReLU(), nn.Conv2D(3, 4, 5, rng=0))
    with pytest.raises(ValueError, match=rf"^layer 1: Conv2D\(3, 4, 5\): .*{message}"):
        network(np.ones(shape, np.float32))


def test_conv2d_layer_hints_at_a_missing_channel_axis() -> None:
    with pytest.raises(ValueError, match=r"Without an axis for the channels, pass x\[\.\.\., None\]"):
        nn.Conv2D(1, 4, 3, rng=0)(np.ones((8, 28, 28), np.float32))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"filters": 0}, ValueError, "Conv2D: filters must be at least 1, got 0"),
        (
            {"kernel_size": (3, 3, 3)},
            ValueError,
            "Conv2D: kernel_size: expected one integer, or one for each of height",
        ),
        ({"kernel_size": 2.5}, TypeError, "Conv2D: kernel_size"),
        ({"stride": 0}, ValueError, "Conv2D: stride must be at least 1"),
        ({"padding": "full"}, ValueError, "Conv2D: padding: expected a number, .*'same' or 'valid', got 'full'"),
        ({"padding": -1}, ValueError, "Conv2D: padding must be at least 0"),
        ({"padding": ((1, 2, 3), (1, 2))}, ValueError, "Conv2D: padding: expected"),
        ({"groups": 2}, ValueError, "Conv2D: channels and filters must be multiples of groups, got 3 channels, 4"),
        ({"bias": False, "bias_l2": 0.1}, ValueError, "Conv2D: bias_l1 and bias_l2 need a bias"),
        ({"weight_init": "he"}, TypeError, "Conv2D: weight_init must be an initialiser"),
        ({"dtype": np.int64}, TypeError, "Conv2D: expected a floating-point dtype"),
    ],
)
def test_conv2d_layer_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nn.Conv2D(**{"channels": 3, "filters": 4, "kernel_size": 3, **arguments})


@pytest.mark.parametrize(
    ("x", "weight", "options", "message"),
    [
        ((1, 4, 4, 2), (3, 3, 2), {}, r"conv2d: expected weights with 4 axes"),
        ((1, 4, 4, 2), (3, 3, 2, 4), {"groups": 3}, r"conv2d: expected weights of shape .* multiple of the 3 groups"),
        ((1, 4, 4, 2), (3, 3, 2, 4), {"bias": np.ones(3)}, r"conv2d: expected a bias of shape \(4,\)"),
        ((1, 4, 4, 2), (3, 3, 2, 4), {"padding": "none"}, r"conv2d: padding: expected a number"),
    ],
)
def test_conv2d_refuses(x: Any, weight: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.functional.conv2d(np.ones(x), np.ones(weight), **options)


def test_conv_transpose2d_refuses_what_leaves_nothing() -> None:
    with pytest.raises(ValueError, match="conv_transpose2d: nothing remains along the height"):
        nn.functional.conv_transpose2d(np.ones((1, 1, 4, 1)), np.ones((2, 2, 1, 1)), padding=1)
    with pytest.raises(ValueError, match="output_padding must be less than the stride 2, got 2"):
        nn.functional.conv_transpose2d(np.ones((1, 1, 4, 1)), np.ones((2, 2, 1, 1)), stride=2, output_padding=2)


# -- weights of other frameworks -----------------------------------------------------------------------------

TWINS = [
    (nn.Conv1D(4, 6, 3, groups=2, rng=0), "Conv1d", (4, 6, 3), {"groups": 2}),
    (nn.Conv2D(4, 6, (2, 3), stride=2, rng=0), "Conv2d", (4, 6, (2, 3)), {"stride": 2}),
    (nn.ConvTranspose1D(4, 6, 3, bias=False, rng=0), "ConvTranspose1d", (4, 6, 3), {"bias": False}),
    (nn.ConvTranspose2D(4, 6, (2, 3), groups=2, rng=0), "ConvTranspose2d", (4, 6, (2, 3)), {"groups": 2}),
]


@pytest.mark.parametrize(("layer", "name", "sizes", "options"), TWINS, ids=[twin[1] for twin in TWINS])
def test_convolution_exchanges_weights_with_pytorch(
    layer: nn.Module,
    name: str,
    sizes: tuple[Any, ...],
    options: dict[str, Any],
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = getattr(torch.nn, name)(*sizes, **options)
    x = rng.normal(size=(2, *(7, 8)[: layer.weight.ndim - 2], 4)).astype("f4")
    expected = last(theirs(torch.tensor(first(x).copy())).detach().numpy())
    assert nn.interop.load_pytorch(layer, theirs.state_dict()).complete
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5, atol=1e-5)
    nn.interop.save_pytorch(layer, tmp_path / "x.safetensors")
    for key, array in nn.interop.read_weights(tmp_path / "x.safetensors").items():
        np.testing.assert_array_equal(array, theirs.state_dict()[key].numpy())


def test_convolution_loads_weights_of_keras(rng: np.random.Generator) -> None:
    network = nn.Sequential(nn.Conv2D(3, 4, (2, 3)), nn.ConvTranspose2D(4, 5, 2), nn.Conv2D(5, 6, 1))
    arrays = {
        f"layers/{name}/vars/{number}": rng.normal(size=shape).astype("f4")
        for name, *shapes in (
            ("conv2d", (2, 3, 3, 4), (4,)),
            ("conv2d_transpose", (2, 2, 5, 4), (5,)),
            ("conv2d_1", (1, 1, 5, 6), (6,)),
        )
        for number, shape in enumerate(shapes)
    }
    assert nn.interop.load_keras(network, arrays).complete
    for parameter, array in zip(network.parameters(), arrays.values()):
        np.testing.assert_array_equal(parameter.data, array)


def test_depthwise_convolution_loads_weights_of_keras(rng: np.random.Generator) -> None:
    """Keras has a separate axis for the filters of each channel."""
    images, kernel = rng.normal(size=(2, 5, 5, 3)), rng.normal(size=(2, 2, 3, 4))
    layer = nn.Conv2D(3, 12, 2, groups=3, bias=False, dtype=np.float64)
    state = {"layers/depthwise_conv2d/vars/0": kernel}
    assert nn.interop.load_keras(nn.Sequential(layer), state).complete
    windows = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))
    expected = np.einsum("nyxcij,ijcm->nyxcm", windows, kernel).reshape(2, 4, 4, 12)
    np.testing.assert_allclose(layer(images).data, expected, atol=1e-12)
