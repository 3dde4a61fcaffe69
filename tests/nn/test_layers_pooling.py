"""Pooling: against PyTorch, ties, layers, what they refuse."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.functional import _blocks

CLOSE: dict[str, float] = {"rtol": 1e-10, "atol": 1e-12}
GRID = list(itertools.product([1, 2, 3, (3, 2)], [1, 2, 3, (2, 3)], [0, 1], [False, True]))


def compare_with_torch(kind: str, x: Any, size: Any, stride: Any, padding: int, **options: Any) -> None:
    """Values, gradients, and gradients that are recorded."""
    torch = pytest.importorskip("torch")
    of_torch = {"count_include_pad" if k == "count_padding" else k: v for k, v in options.items()}
    theirs = {"max": torch.nn.functional.max_pool2d, "average": torch.nn.functional.avg_pool2d}[kind]
    leaf = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
    expected = theirs(leaf, size, stride, padding, **of_torch)
    upstream = np.random.default_rng(2).normal(size=expected.shape)
    expected.backward(torch.tensor(upstream))

    ours = tg.tensor(x, requires_grad=True)
    pool = getattr(nn.functional, f"{kind}_pool2d")
    for recorded in (False, True):
        result = pool(ours, size, stride=stride, padding=padding, **options)
        np.testing.assert_allclose(np.moveaxis(result.data, -1, 1), expected.detach().numpy(), **CLOSE)
        seed = np.moveaxis(upstream, 1, -1)
        gradient = tg.gradient(result, ours, grad_outputs=seed, create_graph=recorded)
        gradient = gradient.data if recorded else gradient
        np.testing.assert_allclose(np.moveaxis(gradient, -1, 1), leaf.grad.numpy(), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("numbers", ["different", "ties", "infinities"])
def test_max_pool2d_equals_torch(numbers: str, rng: np.random.Generator) -> None:
    for size, stride, padding, ceil_mode in GRID:
        x = rng.normal(size=(2, 7, 6, 3))
        if numbers == "ties":
            x = np.asarray(x > 0.5, float)
        elif numbers == "infinities":
            x = np.where(rng.random(x.shape) < 0.7, -np.inf, x)
        if padding <= np.min(size) // 2:
            compare_with_torch("max", x, size, stride, padding, ceil_mode=ceil_mode)
            if stride == 2 and padding == 0:
                compare_with_torch("max", x, size, stride, padding, ceil_mode=ceil_mode, dilation=(2, 1))


@pytest.mark.slow
@pytest.mark.parametrize("count_padding", [True, False])
def test_average_pool2d_equals_torch(count_padding: bool, rng: np.random.Generator) -> None:
    for size, stride, padding, ceil_mode in GRID:
        if padding <= np.min(size) // 2:
            x = rng.normal(size=(2, 7, 6, 3))
            compare_with_torch("average", x, size, stride, padding, ceil_mode=ceil_mode, count_padding=count_padding)


def test_pool1d_equals_pool2d_of_height_1(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 9, 3))
    for size, stride, padding, across in (
        (2, 2, 0, 0), (3, 2, 1, (0, 1)), (3, 1, "same", "same"), (4, 3, (1, 2), ((0, 0), (1, 2)))
    ):  # fmt: skip
        for kind in ("max", "average"):
            one = getattr(nn.functional, f"{kind}_pool1d")(x, size, stride=stride, padding=padding)
            two = getattr(nn.functional, f"{kind}_pool2d")(x[:, None], (1, size), stride=(1, stride), padding=across)
            np.testing.assert_array_equal(one.data, two.data[:, 0])


def test_max_pool2d_gives_ties_to_the_first_in_reading_order() -> None:
    x = tg.tensor(np.array([[0.0, 2.0], [2.0, 2.0]]).reshape(1, 2, 2, 1), requires_grad=True)
    nn.functional.max_pool2d(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad[0, ..., 0], [[0, 1], [0, 0]])
    x = tg.tensor(np.ones((1, 3, 3, 1)), requires_grad=True)
    nn.functional.max_pool2d(x, 2, stride=1).sum().backward()
    np.testing.assert_array_equal(x.grad[0, ..., 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [(2, 2, 0), ((1, 3), (1, 3), 0), (3, 2, 1), (2, 2, (1, 0)), ((1, 2), 3, 0), (3, 1, 1)],
)
def test_max_pool2d_chooses_among_ties_in_blocks(
    size: Any, stride: Any, padding: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = rng.integers(0, 3, (3, 5, 7, 2)).astype(float)
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 2 * x[0].nbytes)  # the last of two blocks is smaller
    result = nn.functional.max_pool2d(leaf := tg.tensor(x, requires_grad=True), size, stride=stride, padding=padding)
    upstream = rng.integers(1, 100, result.shape).astype(float)
    expected = np.zeros_like(x)
    height, width, down, right, above, before = (
        number for each in (size, stride, padding) for number in (each if isinstance(each, tuple) else (each, each))
    )
    for sample, row, column, channel in np.ndindex(result.shape):
        pixels = [
            (sample, i, j, channel)
            for i in range(row * down - above, row * down - above + height)
            for j in range(column * right - before, column * right - before + width)
            if 0 <= i < 5 and 0 <= j < 7
        ]
        expected[max(pixels, key=lambda pixel: x[pixel])] += upstream[sample, row, column, channel]
    np.testing.assert_array_equal(tg.gradient(result, leaf, grad_outputs=upstream), expected)


@pytest.mark.parametrize("stride", [1, 2], ids=["overlapping", "tiles"])
def test_max_pool1d_of_nan_passes_on_the_whole_gradient(stride: int) -> None:
    x = tg.tensor([[1.0], [np.nan], [3.0], [2.0]], requires_grad=True)
    result = nn.functional.max_pool1d(x, 2, stride=stride)
    upstream = np.arange(1.0, 1 + result.size).reshape(result.shape)
    assert tg.gradient(result, x, grad_outputs=upstream).sum() == upstream.sum()


def test_max_pool2d_restores_the_size_of_numpys_buffers() -> None:
    before = np.getbufsize()
    x = tg.tensor(np.ones((1, 2, 2, 1)), requires_grad=True)
    nn.functional.max_pool2d(x, 2).sum().backward()
    assert np.getbufsize() == before


def test_global_max_pool_gives_ties_to_the_first() -> None:
    x = tg.tensor(np.ones((2, 2, 2, 3)), requires_grad=True)
    nn.functional.global_max_pool(x).sum().backward()
    assert (x.grad[:, 0, 0] == 1).all()
    assert x.grad.sum() == 6


@pytest.mark.parametrize("order", [1, 2])
def test_pools_pass_gradcheck(order: int, rng: np.random.Generator) -> None:
    x = rng.permutation(np.linspace(-1, 1, 32)).reshape(1, 4, 4, 2)
    f = nn.functional
    for function in (
        lambda x: f.max_pool2d(x, 3, stride=2, padding=1),
        lambda x: f.average_pool2d(x, 3, stride=2, padding=1, count_padding=False),
        lambda x: f.adaptive_average_pool2d(x, 3),
        lambda x: f.global_average_pool(x),
        lambda x: f.global_max_pool(x),
        lambda x: f.upsample2d(x, 2, mode="bilinear"),
    ):
        assert tg.gradcheck(function, [x], order=order)


def test_adaptive_average_pool2d_equals_torch(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    for output_size in (1, 2, 3, (2, 4), (6, 7), (9, 8)):
        x = rng.normal(size=(2, 6, 7, 3))
        leaf = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
        expected = torch.nn.functional.adaptive_avg_pool2d(leaf, output_size)
        (expected**2).sum().backward()
        ours = tg.tensor(x, requires_grad=True)
        result = nn.functional.adaptive_average_pool2d(ours, output_size)
        (result**2).sum().backward()
        np.testing.assert_allclose(np.moveaxis(result.data, -1, 1), expected.detach().numpy(), **CLOSE)
        np.testing.assert_allclose(np.moveaxis(ours.grad, -1, 1), leaf.grad.numpy(), **CLOSE)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_upsample2d_equals_torch(mode: Any, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    for factor in (1, 2, 3, (2, 3)):
        x = rng.normal(size=(2, 4, 5, 3))
        leaf = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
        expected = torch.nn.functional.interpolate(leaf, scale_factor=factor, mode=mode)
        (expected**2).sum().backward()
        ours = tg.tensor(x, requires_grad=True)
        result = nn.functional.upsample2d(ours, factor, mode=mode)
        (result**2).sum().backward()
        np.testing.assert_allclose(np.moveaxis(result.data, -1, 1), expected.detach().numpy(), **CLOSE)
        np.testing.assert_allclose(np.moveaxis(ours.grad, -1, 1), leaf.grad.numpy(), **CLOSE)


def test_upsample2d_with_aligned_corners_equals_interp(rng: np.random.Generator) -> None:
    for shape, factor in (((2, 4, 5, 3), (2, 3)), ((2, 1, 3, 1), (4, 1)), ((3, 2, 2), 5)):
        x = rng.normal(size=shape)
        expected = x
        for axis, each in zip((-3, -2), factor if isinstance(factor, tuple) else (factor, factor)):
            size = x.shape[axis]
            places = [k * (size - 1) / max(size * each - 1, 1) for k in range(size * each)]
            expected = np.apply_along_axis(lambda v, p=places: np.interp(p, range(len(v)), v), axis, expected)
        result = nn.functional.upsample2d(x, factor, mode="bilinear", align_corners=True)
        np.testing.assert_allclose(result.data, expected, **CLOSE)
    layer = nn.UpSample2D(2, mode="bilinear", align_corners=True)
    assert layer(x.astype(np.float32)).dtype == np.float32
    assert tg.gradcheck(layer, [rng.normal(size=(1, 2, 3, 1))])


def test_pools_keep_float32_and_average_integers(rng: np.random.Generator) -> None:
    x = np.ones((1, 5, 5, 2), np.float32)
    for layer in LAYERS:
        if isinstance(layer, (nn.MaxPool2D, nn.AveragePool2D, nn.AdaptiveAveragePool2D, nn.UpSample2D, nn.ZeroPad2D)):
            assert layer(x).dtype == np.float32, layer
    assert nn.functional.average_pool2d([[[1], [2]]], (1, 2)).item() == 1.5
    assert nn.functional.max_pool2d([[[1], [2]]], (1, 2)).item() == 2


LAYERS: list[Any] = [
    nn.MaxPool2D(2), nn.MaxPool2D((3, 2), stride=2, padding=((1, 0), (0, 1)), ceil_mode=True),
    nn.AveragePool2D(3, stride=1, padding="same", count_padding=False), nn.AdaptiveAveragePool2D((2, 3)),
    nn.GlobalAveragePool(), nn.GlobalMaxPool(), nn.ZeroPad2D(((1, 0), (2, 1))),
    nn.UpSample2D((2, 3), mode="bilinear", align_corners=True),
    nn.SpatialDropout(0.25), nn.GaussianNoise(0.5), nn.Flatten(), nn.Reshape((5, -1)),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_layers_without_weights_come_back_from_a_file(layer: Any, tmp_path: Path) -> None:
    assert eval(repr(layer), vars(nn)).settings() == layer.settings()
    network = nn.Sequential(nn.Conv2D(2, 2, 1, rng=0), layer).eval()
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    model.save(tmp_path / "model.safetensors")
    again = nn.Model.load(tmp_path / "model.safetensors").network.eval()
    assert repr(again) == repr(network)
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 2)).astype(np.float32)
    np.testing.assert_array_equal(again(x).data, network(x).data)


def test_network_of_images_trains_and_is_summarized(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 8, 8, 1)).astype(np.float32)
    y = (X[:, :4].mean(axis=(1, 2, 3)) > X[:, 4:].mean(axis=(1, 2, 3))).astype(int)
    network = nn.Sequential(
        nn.Conv2D(1, 8, 3, padding="same", rng=0), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(), nn.Dense(128, 2, rng=1)
    )
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()])
    history = model.fit(X, y, epochs=30, batch_size=16, verbose=0)
    assert history["accuracy"][-1] > 0.9
    model.summary()
    printed = capsys.readouterr().out
    assert "Conv2D" in printed
    assert "8, 8, 8)" in printed
    assert "4, 4, 8)" in printed


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: nn.MaxPool2D(0), "MaxPool2D: size must be at least 1"),
        (lambda: nn.MaxPool2D(2, stride=(1, 2, 3)), "MaxPool2D: stride: expected one integer"),
        (lambda: nn.AveragePool1D(2, padding="half"), "AveragePool1D: padding: expected"),
        (lambda: nn.MaxPool2D(3)(np.ones((1, 2, 5, 1))), "kernel covers 3 elements along the height, .* only 2"),
        (lambda: nn.MaxPool2D(3, padding=3)(np.ones((1, 9, 5, 1))), "padding must be smaller than the window"),
        (
            lambda: nn.MaxPool2D(3)(np.ones((2, 5))),
            r"MaxPool2D\(3\): expected x of shape \(batch, height, width, channels",
        ),
        (
            lambda: nn.GlobalAveragePool()(np.ones((2, 5))),
            r"GlobalAveragePool\(\): expected x of shape .* got \(2, 5\)",
        ),
        (lambda: nn.GlobalMaxPool()(np.ones((2, 0, 5))), r"GlobalMaxPool\(\): expected x of shape .* got \(2, 0, 5\)"),
        (lambda: nn.AdaptiveAveragePool2D(0), "AdaptiveAveragePool2D: output_size must be at least 1"),
        (lambda: nn.UpSample2D(2, mode="cubic"), "UpSample2D: mode must be 'nearest' or 'bilinear', got 'cubic'"),  # type: ignore[arg-type]
        (lambda: nn.UpSample2D(2, align_corners=True), "UpSample2D: align_corners needs mode='bilinear'"),
        (lambda: nn.ZeroPad2D("same"), "ZeroPad2D: expected a number of pixels, got padding='same'"),
        (lambda: nn.Reshape((2, -1, -1)), "Reshape: expected lengths of at least 1, and -1 at most once"),
        (
            lambda: nn.Reshape((2, 3))(np.ones((4, 5))),
            r"Reshape\(\(2, 3\)\): expected samples of 6 elements, .*\(4, 5\)",
        ),
        (lambda: nn.SpatialDropout(1.0), r"SpatialDropout: rate .* must be in \[0, 1\), got 1\.0"),
        (lambda: nn.GaussianNoise(-1.0), "GaussianNoise: scale must be a finite number of at least 0"),
    ],
)
def test_layers_without_weights_refuse(function: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function()


def test_spatial_dropout_drops_whole_channels() -> None:
    layer = nn.SpatialDropout(0.5, rng=0)
    result = layer(np.ones((200, 3, 3, 10))).data
    assert set(np.unique(result)) == {0.0, 2.0}
    assert (result == result[:, :1, :1]).all()
    assert abs((result == 0).mean() - 0.5) < 0.05
    assert (layer.eval()(np.ones((2, 3, 4))).data == 1).all()


def test_gaussian_noise_is_added_in_training_only() -> None:
    layer = nn.GaussianNoise(2.0, rng=0)
    x = np.zeros((10_000,), np.float32)
    assert layer(x).data.std() == pytest.approx(2.0, rel=0.05)
    assert layer(x).dtype == np.float32
    assert not layer.eval()(x).data.any()


def test_residual_adds_the_input_or_the_shortcut(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 5, 5, 3))
    conv = nn.Conv2D(3, 3, 3, padding="same", rng=0)
    np.testing.assert_allclose(nn.Residual(conv, nn.ReLU())(x).data, x + np.maximum(conv(x).data, 0))
    down, direct = nn.Conv2D(3, 8, 3, stride=2, padding=1, rng=0), nn.Conv2D(3, 8, 1, stride=2, rng=1)
    block = nn.Residual(down, shortcut=direct)
    np.testing.assert_allclose(block(x).data, down(x).data + direct(x).data)
    assert len(list(block.parameters())) == 4
    with pytest.raises(ValueError, match=r"layers return shape \(2, 3, 3, 8\), but the input has shape \(2, 5, 5, 3\)"):
        nn.Residual(down)(x)
    with pytest.raises(TypeError, match="expected a module as the shortcut"):
        nn.Residual(down, shortcut=3)  # type: ignore[arg-type]


def test_parallel_branches_are_joined_and_saved(tmp_path: Path, rng: np.random.Generator) -> None:
    network = nn.Sequential(
        nn.Parallel(nn.Conv2D(3, 4, 1, rng=0), nn.Sequential(nn.Conv2D(3, 2, 3, padding="same", rng=1), nn.ReLU())),
        nn.Concatenate(),
        nn.Residual(nn.Conv2D(6, 6, 1, rng=2), shortcut=nn.Identity()),
    )
    x = rng.normal(size=(2, 5, 5, 3)).astype(np.float32)
    branches = network[0](x)
    np.testing.assert_array_equal(network[1](branches).data, np.concatenate([b.data for b in branches], axis=-1))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    model.save(tmp_path / "model.safetensors")
    again = nn.Model.load(tmp_path / "model.safetensors").network
    np.testing.assert_array_equal(again(x).data, network(x).data)
    with pytest.raises(TypeError, match="Concatenate: expected a tuple or list of tensors, got ndarray"):
        nn.Concatenate()(x)
