"""Loss landscapes, learning rates, sequences, embeddings and animated products: the numbers are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from nn import plots
from nn.plots.landscape import loss_landscape
from nn.plots.sequence_maps import lstm_values

X, y = nn.datasets.spiral(20, 3, rng=0)
rng = np.random.default_rng(0)


def trained(path: plots.ParameterPath | None = None, *, epochs: int = 4) -> nn.Model:
    network = nn.Sequential(nn.Dense(2, 5, rng=0), nn.Tanh(), nn.Dense(5, 3, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.05)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    model.fit(X, y, epochs=epochs, callbacks=[path] if path else [], verbose=0)
    return model


class Drawn:
    """Replaces the drawing, and keeps what was to be drawn."""

    def __call__(self, across: Any, up: Any, losses: Any, places: Any, title: str, surface: bool) -> Any:
        self.across, self.up, self.losses, self.places = across, up, losses, places
        return plots.image_grid(np.zeros((1, 2, 2)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    found = Drawn()
    monkeypatch.setattr("nn.plots.landscape._draw", found)
    return found


def test_parameter_path_has_the_parameters_after_each_epoch() -> None:
    track = plots.ParameterPath()
    model = trained(track)
    assert len(track.states) == 5
    expected = np.concatenate([parameter.data.ravel() for parameter in model.network.parameters()])
    np.testing.assert_array_equal(track.states[-1], expected)
    with pytest.raises(ValueError, match="'epoch' or 'step'"):
        plots.ParameterPath(every="batch")  # type: ignore[arg-type]


def test_loss_landscape_is_the_loss_and_restores_the_parameters(drawn: Drawn) -> None:
    model = trained()
    before = model.network.state_dict()
    loss_landscape(model, X, y, resolution=3, reach=0.5)
    np.testing.assert_allclose(drawn.losses[1, 1], model.evaluate(X, y)["loss"], rtol=1e-6)
    assert drawn.losses[0, 0] != drawn.losses[2, 2]
    for name, value in model.network.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_loss_landscape_of_paths_lies_in_the_plane_in_which_they_vary_most(drawn: Drawn) -> None:
    track = plots.ParameterPath()
    model = trained(track, epochs=6)
    loss_landscape(model, X, y, paths={"Adam": track}, resolution=4)
    points = drawn.places["Adam"]
    np.testing.assert_allclose(points[-1], 0, atol=1e-9)
    states = np.stack(track.states)
    spread = np.linalg.svd(states - states.mean(axis=0), compute_uv=False)
    seen = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(seen, spread[:2], rtol=1e-6)
    assert drawn.across[0] < points[:, 0].min() < points[:, 0].max() < drawn.across[-1]

    other = nn.Model(nn.Sequential(nn.Dense(2, 3, rng=0)), loss=nn.SoftmaxCrossEntropy())
    with pytest.raises(ValueError, match="path 'Adam' has 33 parameters, but the model 9"):
        loss_landscape(other, X, y, paths={"Adam": track})
    with pytest.raises(ValueError, match="a path is empty"):
        loss_landscape(other, X, y, paths={"none": plots.ParameterPath()})
    with pytest.raises(ValueError, match="'pca' with paths"):
        loss_landscape(other, X, y, directions="pca")


def test_loss_landscape_draws_contours_paths_and_a_surface() -> None:
    track = plots.ParameterPath()
    model = trained(track)
    axes = loss_landscape(model, X, y, paths={"$a": track}, resolution=4).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["$a"]  # type: ignore[union-attr]
    assert loss_landscape(model, X, y, resolution=4, surface=True).axes[0].name == "3d"


def test_learning_rate_finder_marks_no_rate_below_those_it_tried() -> None:
    X, y = nn.datasets.vertical(30, 2, rng=0)
    network = nn.Sequential(nn.Dense(2, 2, rng=0))
    rising = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    for low, marks in ((1e-2, 1), (1e4, 0)):  # at 1e4, the first step already raises the loss
        figure = plots.learning_rate_finder(rising, X, y, low=low, high=1000 * low, steps=20, batch_size=60)
        assert sum(line.get_linestyle() == "--" for line in figure.axes[0].get_lines()) == marks


def test_learning_rate_finder_restores_everything() -> None:
    model = trained()
    assert model.optimizer is not None
    before, moments = model.network.state_dict(), model.optimizer.state_dict()
    figure = plots.learning_rate_finder(model, X, y, steps=30, batch_size=20)
    for name, value in model.network.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    after = model.optimizer.state_dict()
    assert all(np.array_equal(after[name], value) for name, value in moments.items())
    losses, smooth = (np.asarray(line.get_ydata()) for line in figure.axes[0].lines[:2])
    assert 3 <= len(losses) <= 30
    np.testing.assert_allclose(smooth[1], (0.09 * losses[0] + 0.1 * losses[1]) / 0.19)
    assert all(parameter.grad is None for parameter in model.network.parameters())
    with pytest.raises(ValueError, match="0 < low < high"):
        plots.learning_rate_finder(model, X, y, low=1, high=1)
    with pytest.raises(ValueError, match="no optimizer"):
        plots.learning_rate_finder(nn.Model(model.network, loss=model.loss), X, y)


@pytest.mark.parametrize("reverse", [False, True])
def test_gates_are_those_of_the_lstm(reverse: bool) -> None:
    layer = nn.LSTM(3, 4, return_sequences=True, reverse=reverse, rng=0)
    sequence = rng.normal(size=(7, 3)).astype(np.float32)
    values = lstm_values(layer, sequence)
    np.testing.assert_allclose(values["output"], layer(sequence[None]).data[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(values["output"], values["output gate"] * np.tanh(values["cell"]), rtol=1e-5)
    if not reverse:
        figure = plots.gates(layer, sequence, steps="letters")
        np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), values["forget gate"].T)
        with pytest.raises(ValueError, match="expected 7 steps, got 2"):
            plots.gates(layer, sequence, steps="ab")
        with pytest.raises(TypeError, match=r"expected an nn\.LSTM, got GRU"):
            plots.gates(nn.GRU(3, 4), sequence)  # type: ignore[arg-type]


def test_attention_maps_show_weights_and_words() -> None:
    weights = np.tril(np.full((2, 3, 3), 1.0)) / np.arange(1, 4)[:, None]
    figure = plots.attention_maps(weights, queries=["$a", "b", "c"])
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), weights[1])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["$a", "b", "c"]
    with pytest.raises(ValueError, match="between 0 and 1, got -1 to 1"):
        plots.attention_maps([[1.0, -1.0]])
    with pytest.raises(ValueError, match="expected 3 queries, got 1"):
        plots.attention_maps(weights, queries=["a"])


@pytest.mark.slow
def test_embedding_by_pca_is_the_projection_of_largest_variance() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    vectors = rng.normal(size=(30, 4)) * [5, 3, 0.1, 0.1]
    axes = plots.embedding(vectors, labels=np.arange(30) % 2, words=[f"w{i}" for i in range(30)]).axes[0]
    shown = np.concatenate([np.asarray(points.get_offsets()) for points in axes.collections])
    spread = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(shown, compute_uv=False), spread[:2], rtol=1e-6)
    assert len(axes.texts) == 30
    with pytest.raises(ValueError, match="2 classes in labels=, but 3 names"):
        plots.embedding(vectors, labels=np.arange(30) % 2, names=["a", "b", "c"])
    with pytest.raises(ValueError, match="'pca' or 'tsne'"):
        plots.embedding(vectors, method="umap")  # type: ignore[arg-type]


def test_steps_of_products_have_the_right_numbers() -> None:
    image, kernel = rng.integers(-3, 4, (5, 4)), rng.integers(-3, 4, (2, 3))
    layer = nn.Conv2D(1, 1, (2, 3), stride=2, bias=False)
    layer.weight.data[:, :, 0, 0] = kernel
    expected = layer(image[None, :, :, None].astype(np.float32)).data.ravel()
    captions = plots.convolution_steps(image, kernel, stride=2).captions
    assert [float(each.rsplit("= ")[-1].replace("−", "-")) for each in captions] == expected.tolist()
    a, b = rng.integers(-3, 4, (2, 3)), rng.integers(-3, 4, (3, 2))
    captions = plots.matmul_steps(a, b).captions
    assert [float(each.rsplit("= ")[-1].replace("−", "-")) for each in captions] == (a @ b).ravel().tolist()
    with pytest.raises(ValueError, match=r"a has 3 columns, but b has 2 rows"):
        plots.matmul_steps(a, a)
    with pytest.raises(ValueError, match="larger than the image"):
        plots.convolution_steps(kernel, image)
    with pytest.raises(ValueError, match="at most 12 × 12"):
        plots.matmul_steps(np.ones((13, 2)), b)


def test_steps_of_products_keep_numbers_in_their_elements_and_captions_in_the_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("nn.plots.animation.animation.png", lambda figure, _: drawn.append(figure) or b"")
    image, kernel = 1000.0 * np.arange(9).reshape(3, 3) - 4e5, np.full((2, 2), -1.25e-7)
    plots.convolution_steps(image, kernel)
    figure = drawn[-1]
    *numbers, caption = figure.axes[0].texts
    elements = [each.get_window_extent() for each in numbers if each.get_fontweight() != "bold"]
    cell = figure.axes[0].transData.transform([[0, 0], [1, 0]])
    assert len(elements) == 9 + 4 + 4
    assert max(each.width for each in elements) <= cell[1, 0] - cell[0, 0]
    place = caption.get_window_extent()
    assert 0 <= place.x0 < place.x1 <= figure.bbox.width
    assert place.y0 >= 0
    assert caption.get_text().count("\n") == 2
