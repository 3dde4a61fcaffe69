"""Plots of gradients, weights, feature maps, saliency, receptive fields and images: the numbers are the model's."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

import nn
import tensorgrad as tg
from nn import plots
from nn.plots.style import INK

X, y = nn.datasets.spiral(10, 3, rng=0)
rng = np.random.default_rng(0)


def shown(axes: Axes) -> Any:
    """Return the numbers of the image in these axes."""
    return np.asarray(axes.images[0].get_array())


def classifier() -> nn.Model:
    network = nn.Sequential(nn.Dense(2, 4, rng=0), nn.Tanh(), nn.Dense(4, 3, rng=1))
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy())


def gradients_by_hand(model: nn.Model, X: Any, y: Any) -> tuple[Any, Any]:
    """Return the gradients of both weights of `classifier`."""
    first, _, last = model.network.layers  # type: ignore[attr-defined]
    hidden = np.tanh(X @ first.weight.data.astype(float))
    powers = np.exp(hidden @ last.weight.data)
    slope = (powers / powers.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(X)
    return X.T @ (slope @ last.weight.data.T * (1 - hidden**2)), hidden.T @ slope


def test_gradient_sizes_are_those_of_the_layers() -> None:
    model = classifier()
    other = nn.Model(nn.Sequential(nn.Dense(2, 3, rng=2)), loss=nn.SoftmaxCrossEntropy())
    figure = plots.gradient_sizes({"a $x^2$": model, "b": other}, X, y)
    left, right = figure.axes
    expected = [np.sqrt(np.mean(each**2)) for each in gradients_by_hand(model, X, y)]
    np.testing.assert_allclose([bar.get_width() for bar in left.patches], expected, rtol=1e-4)  # type: ignore[attr-defined]
    assert [label.get_text() for label in left.get_yticklabels()] == ["0 Dense", "2 Dense"]
    assert left.get_xlim() == right.get_xlim()
    assert left.get_xscale() == "log"
    with pytest.raises(ValueError, match="the network has no weights"):
        plots.gradient_sizes(nn.Model(nn.Sequential(nn.ReLU()), loss=nn.MeanSquaredError()), X, X)
    with pytest.raises(ValueError, match="at least one model"):
        plots.gradient_sizes({}, X, y)


def test_gradient_sizes_are_those_of_a_training_step() -> None:
    layers = nn.Dense(2, 8, rng=0), nn.BatchNorm(8), nn.Sigmoid(), nn.Dropout(0.5, rng=1), nn.Dense(8, 3, rng=2)
    model = nn.Model(nn.Sequential(*layers), loss=nn.SoftmaxCrossEntropy())
    before = model.network.state_dict()
    figure = plots.gradient_sizes(model, X, y)
    for name, value in model.network.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    loss = model.loss(model.network(tg.tensor(X, dtype=np.float32)), y)  # in training mode
    expected = [np.sqrt(np.mean(each**2)) for each in tg.gradient(loss, [layers[0].weight, layers[-1].weight])]
    widths = [bar.get_width() for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(widths, expected, rtol=1e-5)


def test_sample_gradients_have_the_gradient_of_the_batch_as_their_mean() -> None:
    model = classifier()
    figure = plots.sample_gradients(model, X, y, samples=6, parameter="2.weight")
    rows = shown(figure.axes[0])
    for row in range(6):
        _, alone = gradients_by_hand(model, X[row : row + 1], y[row : row + 1])
        np.testing.assert_allclose(rows[row], alone.ravel(), rtol=1e-3, atol=1e-6)
    _, batch = gradients_by_hand(model, X[:6], y[:6])
    np.testing.assert_allclose(rows[-1], batch.ravel(), rtol=1e-3, atol=1e-6)
    widths = [bar.get_width() for bar in figure.axes[1].patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(widths[-1], np.linalg.norm(batch), rtol=1e-3)
    with pytest.raises(ValueError, match=r"no parameter 'none'. Choose one of 0\.weight"):
        plots.sample_gradients(model, X, y, parameter="none")


def test_weights_are_images_of_neurons_and_filters() -> None:
    dense, filters = nn.Dense(12, 5, rng=0), nn.Conv2D(2, 4, 3, rng=0)
    model = nn.Model(nn.Sequential(dense), loss=nn.MeanSquaredError())
    figure = plots.weights(model, image_shape=(3, 4))
    assert len(figure.axes) == 5
    for neuron, axes in enumerate(figure.axes):
        np.testing.assert_array_equal(shown(axes), dense.weight.data[:, neuron].reshape(3, 4))
    model = nn.Model(nn.Sequential(filters), loss=nn.MeanSquaredError())
    np.testing.assert_allclose(shown(plots.weights(model).axes[3]), filters.weight.data[..., 3].mean(axis=-1))
    with pytest.raises(ValueError, match="12 inputs are no image of shape"):
        plots.weights(nn.Model(nn.Sequential(dense), loss=nn.MeanSquaredError()))
    with pytest.raises(ValueError, match=r"no Dense or Conv2D '7'\. Choose one of 0"):
        plots.weights(model, layer="7")


def test_feature_maps_are_the_outputs_of_the_layers() -> None:
    filters, last = nn.Conv2D(1, 3, 3, rng=0), nn.Dense(48, 2, rng=1)
    model = nn.Model(nn.Sequential(filters, nn.ReLU(), nn.Flatten(), last), loss=nn.SoftmaxCrossEntropy())
    image = rng.random((6, 6, 1)).astype(np.float32)
    figure = plots.feature_maps(model, image)
    maps = filters(image[None]).data[0]
    axes = figure.axes
    assert len(axes) == 1 + 3 + 3 + 1
    np.testing.assert_array_equal(shown(axes[2]), maps[..., 1])
    np.testing.assert_array_equal(shown(axes[5]), np.maximum(maps, 0)[..., 1])
    np.testing.assert_array_equal(shown(axes[7]), model.predict(image[None]))
    assert (axes[1].get_ylabel(), axes[7].get_ylabel()) == ("0 Conv2D", "3 Dense")


def test_saliency_of_a_linear_network_is_its_weights() -> None:
    dense = nn.Dense(16, 3, rng=0)
    model = nn.Model(nn.Sequential(nn.Flatten(), dense), loss=nn.SoftmaxCrossEntropy())
    images = rng.random((2, 4, 4))
    figure = plots.saliency(model, images, classes=[2, 0])
    for axes, label in zip(figure.axes[2:], (2, 0)):
        np.testing.assert_allclose(shown(axes), np.abs(dense.weight.data[:, label]).reshape(4, 4), rtol=1e-6)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["class 2", "class 0"]
    assert all(parameter.grad is None for parameter in model.network.parameters())
    with pytest.raises(ValueError, match="expected 1 to 10 images"):
        plots.saliency(model, rng.random((11, 4, 4)))


def test_receptive_field_grows_with_kernels_and_strides() -> None:
    # by hand: 3, then + 2 · 2 for the kernel of 3 after stride 2, so 7
    network = nn.Sequential(nn.Conv2D(1, 2, 3, stride=2, rng=0), nn.Tanh(), nn.Conv2D(2, 2, 3, rng=1))
    figure = plots.receptive_field(network, (17, 17, 1), position=(1, 2))
    sizes = shown(figure.axes[0])
    assert figure.axes[0].get_title(loc="left") == "Receptive field of output (1, 2): 7 × 7 pixels"
    assert set(np.nonzero(sizes)[0]) == set(range(2, 9))
    assert set(np.nonzero(sizes)[1]) == set(range(4, 11))
    with pytest.raises(ValueError, match=r"got position \(99, 0\)"):
        plots.receptive_field(network, (17, 17, 1), position=(99, 0))


def test_image_grid_shows_every_image_with_its_title(tmp_path: Path) -> None:
    images = rng.integers(0, 255, (5, 4, 6, 3)).astype(np.uint8)
    figure = plots.image_grid(images, titles=["$x", *"bcde"], columns=3, title="five", path=tmp_path / "grid.png")
    for axes, image in zip(figure.axes, images, strict=True):
        np.testing.assert_array_equal(shown(axes), image)
    assert (tmp_path / "grid.png").exists()
    values = rng.normal(size=(1, 3, 3))
    image = plots.image_grid(values, signs=True).axes[0].images[0]
    assert image.get_clim() == (-np.abs(values).max(), np.abs(values).max())
    with pytest.raises(ValueError, match="5 images, but 1 titles"):
        plots.image_grid(images, titles=["a"])
    with pytest.raises(ValueError, match=r"got shape \(4, 6\)"):
        plots.image_grid(images[0, ..., 0])
    with pytest.raises(ValueError, match="NaN"):
        plots.image_grid(np.full((1, 2, 2), np.nan))


def test_image_grid_keeps_the_breaks_in_titles() -> None:
    figure = plots.image_grid(np.zeros((1, 4, 4)), titles=["cat\n0.93 of all classes"])
    assert figure.axes[0].get_title() == "cat\n0.93 of all\nclasses"


def test_image_grid_keeps_long_titles_apart_and_inside() -> None:
    figure = plots.image_grid(np.zeros((9, 4, 4)), titles=[f"rather long name of class {i}" for i in range(9)])
    figure.draw_without_rendering()
    places = [axes.title.get_window_extent() for axes in figure.axes]
    assert all(not a.overlaps(b) for a, b in combinations(places, 2))
    assert all(figure.bbox.x0 <= each.x0 and each.x1 <= figure.bbox.x1 for each in places)


def test_detection_boxes_are_where_they_are_and_coloured_by_label() -> None:
    boxes = [[1, 2, 5, 9], [3, 3, 4, 4], [0, 0, 2, 2]]
    axes = plots.detection_boxes(np.zeros((10, 10)), boxes, labels=["cat", "dog", "cat"], scores=[0.9, 0.5, 0.2]).axes[
        0
    ]
    patches: list[Any] = list(axes.patches)
    assert [(*each.get_xy(), each.get_width(), each.get_height()) for each in patches] == [
        (1, 2, 4, 7),
        (3, 3, 1, 1),
        (0, 0, 2, 2),
    ]
    assert [text.get_text() for text in axes.texts] == ["cat 90 %", "dog 50 %", "cat 20 %"]
    colours = [each.get_edgecolor() for each in patches]
    assert colours[0] == colours[2] != colours[1]
    assert [text.get_color() for text in axes.texts] == ["white", INK, "white"]  # on blue, orange, blue
    with pytest.raises(ValueError, match="3 boxes, but 1 labels"):
        plots.detection_boxes(np.zeros((10, 10)), boxes, labels=["cat"])
