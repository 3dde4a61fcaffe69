"""Pictures of what a model decides: what is drawn is what the model says, and bad input is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import nn
from nn import plots
from nn.plots.decisions import decide, labels_of


def trained(X: Any, y: Any, outputs: int, loss: nn.Loss, epochs: int = 30) -> nn.Model:
    network = nn.Sequential(nn.Dense(X.shape[1], 16, rng=0), nn.Tanh(), nn.Dense(16, outputs, rng=1))
    model = nn.Model(network, loss=loss, optimizer=nn.Adam(network.parameters(), learning_rate=0.02), rng=0)
    model.fit(X, y, epochs=epochs, verbose=0)
    return model


@pytest.fixture(scope="module")
def spiral() -> tuple[Any, Any, nn.Model]:
    X, y = nn.datasets.spiral(40, 3, rng=0)
    return X, y, trained(X, y, 3, nn.SoftmaxCrossEntropy())


def title_of(figure: Figure) -> str:
    return figure.axes[0].get_title(loc="left")


# -- decision boundary ------------------------------------------------------------------------------------


def test_boundary_shows_the_classes_that_the_model_predicts(spiral: tuple[Any, Any, nn.Model]) -> None:
    X, y, model = spiral
    axes = plots.decision_boundary(model, X, y, resolution=30).axes[0]
    image = axes.images[0]
    assert image.origin == "lower"
    left, right, bottom, top = image.get_extent()
    rows = [[(x1, x2) for x1 in np.linspace(left, right, 30)] for x2 in np.linspace(bottom, top, 30)]
    predicted = model.predict(np.reshape(rows, (-1, 2))).argmax(axis=1)
    np.testing.assert_array_equal(np.asarray(image.get_array()).ravel(), predicted)
    assert len(set(predicted)) == 3
    assert left < X[:, 0].min()
    assert top > X[:, 1].max()


def test_boundary_shows_each_sample_in_the_colour_of_its_region(spiral: tuple[Any, Any, nn.Model]) -> None:
    X, y, model = spiral
    axes = plots.decision_boundary(model, X, y, names=["a", "b$c$", "d"], resolution=30).axes[0]
    wrong = model.predict(X).argmax(axis=1) != y
    assert 0 < wrong.sum() < len(X)
    *classes, rims = axes.collections[-4:]
    np.testing.assert_allclose(rims.get_offsets(), X[wrong])
    palette = axes.images[0].get_cmap()(np.arange(3))
    for label, samples in enumerate(classes):
        np.testing.assert_allclose(samples.get_offsets(), X[y == label])
        assert to_hex(samples.get_facecolor()[0]) == to_hex(palette[label])
    shapes = {samples.get_paths()[0].vertices.tobytes() for samples in classes}
    assert len(shapes) == 3, "distinguished by shape, too"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b$c$", "d", f"wrong ({wrong.sum()})"]
    assert title_of(axes.figure) == f"Decision boundary: {100 * (1 - wrong.mean()):.3g} % of 120 samples are right"


def test_boundary_lines_run_where_two_classes_are_level(spiral: tuple[Any, Any, nn.Model]) -> None:
    X, y, model = spiral
    axes = plots.decision_boundary(model, X, y, resolution=120).axes[0]
    lines = [path.vertices for drawn in axes.collections[:3] for path in drawn.get_paths() if len(path.vertices)]
    scores = np.sort(model.predict(np.concatenate(lines)), axis=1)
    assert np.median(scores[:, -1] - scores[:, -2]) < 0.02 * np.ptp(scores)


@pytest.mark.parametrize(("loss", "threshold"), [(nn.SigmoidBinaryCrossEntropy(), 0.0), (nn.MeanSquaredError(), 0.5)])
def test_a_single_output_is_split_where_its_loss_says(loss: nn.Loss, threshold: float) -> None:
    X, y = nn.datasets.vertical(40, 2, rng=0)
    model = trained(X, y.reshape(-1, 1), 1, loss)
    outputs = model.predict(X)[:, 0]
    assert outputs.min() < threshold < outputs.max()
    np.testing.assert_array_equal(decide("test", model, X).classes, outputs > threshold)
    plots.decision_boundary(model, X, y.reshape(-1, 1), resolution=10)


def test_certainty_is_that_of_the_probabilities(spiral: tuple[Any, Any, nn.Model]) -> None:
    X, _, model = spiral
    powers = np.exp(model.predict(X).astype(float))
    largest = powers.max(axis=1) / powers.sum(axis=1)
    np.testing.assert_allclose(decide("test", model, X).certainty, (largest - 1 / 3) * 1.5, rtol=1e-4)


@pytest.mark.parametrize("letters", [1, 40])
def test_pictures_with_names_lie_inside_their_figure(letters: int, spiral: tuple[Any, Any, nn.Model]) -> None:
    X, y, model = spiral
    names = [letter * letters for letter in "abx"]
    for figure in (
        plots.decision_boundary(model, X, y, names=names, resolution=10),
        plots.confusion_matrix(y, model.predict(X), names),
    ):
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        for margin in (drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1):
            assert 0 < margin < 0.15 * width


def test_more_classes_than_colours_differ_in_colour_or_shape() -> None:
    X, y = nn.datasets.spiral(5, 25, rng=0)
    axes = plots.decision_boundary(trained(X, y, 25, nn.SoftmaxCrossEntropy(), epochs=1), X, y, resolution=5).axes[0]
    classes: Any = axes.collections[-26:-1]  # the last are the rims
    looks = {(to_hex(each.get_facecolor()[0]), each.get_paths()[0].vertices.tobytes()) for each in classes}
    assert len(looks) == 25


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_model_that_diverged_is_refused_by_every_picture(weight: float) -> None:
    X, y = nn.datasets.vertical(5, 2, rng=0)
    network = nn.Sequential(nn.Dense(2, 2, weight_init=nn.init.constant(weight)))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy())
    regression = nn.Model(network, loss=nn.MeanSquaredError())
    calls: Any = [
        lambda: plots.decision_boundary(model, X, y),
        lambda: plots.regression_fit(regression, X, X),
        lambda: plots.layer_histograms(regression, X, X),
    ]
    for call in calls:
        with (
            np.errstate(all="ignore"),
            pytest.raises(ValueError, match=r"(_boundary|_fit|0 Dense): .* NaN or infinity"),
        ):
            call()


def test_labels_are_read_from_numbers_columns_and_rows() -> None:
    expected = [2, 0, 1]
    for y in (np.array(expected), np.array([[2.0], [0.0], [1.0]]), np.eye(3)[expected]):
        np.testing.assert_array_equal(labels_of("test", y, 3), expected)
    for wrong in ([0, 3], [-1, 0], [0.5, 1]):
        with pytest.raises(ValueError, match="class numbers 0 … 2"):
            labels_of("test", np.array(wrong), 3)


def test_boundary_refuses_what_it_cannot_draw(spiral: tuple[Any, Any, nn.Model]) -> None:
    X, y, model = spiral
    draw: Any = plots.decision_boundary
    with pytest.raises(TypeError, match=r"expected an nn\.Model, got Sequential"):
        draw(model.network, X, y)
    with pytest.raises(ValueError, match=r"two features, \(samples, 2\), got shape \(120, 3\)"):
        draw(model, np.ones((120, 3)), y)
    with pytest.raises(ValueError, match="X has 120 samples, but y has 119"):
        draw(model, X, y[1:])
    with pytest.raises(ValueError, match="list of 3 names"):
        draw(model, X, y, names=["a", "b"])
    with pytest.raises(ValueError, match="resolution must be at least 2"):
        draw(model, X, y, resolution=1)
    with pytest.raises(ValueError, match="X holds NaN"):
        draw(model, np.full_like(X, np.nan), y)
    several = trained(X, np.ones((120, 2)), 2, nn.SigmoidBinaryCrossEntropy(), epochs=1)
    with pytest.raises(ValueError, match="is a separate yes-or-no answer"):
        draw(several, X, y)


# -- the film strip ---------------------------------------------------------------------------------------


def untrained() -> nn.Model:
    network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.ReLU(), nn.Dropout(0.2, rng=3), nn.Dense(8, 3, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.05)
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)


def fit_with(*callbacks: nn.Callback, epochs: int = 20) -> nn.Model:
    model = untrained()
    model.fit(*nn.datasets.spiral(30, 3, rng=0), epochs=epochs, batch_size=30, callbacks=callbacks, verbose=0)
    return model


def test_strip_shows_the_model_as_it_was_after_each_epoch() -> None:
    X, y = nn.datasets.spiral(30, 3, rng=0)
    strip = plots.BoundaryStrip(X, y, epochs=[0, 3, 20], resolution=15)
    fit_with(strip)
    panels = strip.plot().axes
    assert [axes.get_title(loc="left").split(":")[0] for axes in panels] == ["before", "epoch 3", "epoch 20"]
    for model, frame, axes in zip([untrained(), fit_with(epochs=3), fit_with()], strip.frames, panels):
        expected = plots.decision_boundary(model, X, y, resolution=15).axes[0].images[0].get_array()
        np.testing.assert_array_equal(axes.images[0].get_array(), expected)
        assert frame.right == np.mean(model.predict(X).argmax(axis=1) == y)


@pytest.mark.slow
def test_strip_spreads_a_number_of_frames_from_before_to_the_end() -> None:
    X, y = nn.datasets.spiral(30, 3, rng=0)
    strip = plots.BoundaryStrip(X, y, epochs=4, resolution=5)
    fit_with(strip)
    assert [frame.epoch for frame in strip.frames] == [0, 1, 2, 4, 8, 16, 20]
    assert [axes.get_title(loc="left").split(":")[0] for axes in strip.plot().axes] == [
        "before", "epoch 2", "epoch 8", "epoch 20",
    ]  # fmt: skip
    model = fit_with(strip, epochs=3)
    assert [frame.epoch for frame in strip.frames] == [0, 1, 2, 3]
    model.fit(X, y, epochs=5, resume=True, callbacks=[strip], verbose=0)
    assert [frame.epoch for frame in strip.frames] == [3, 4, 5]
    only = plots.BoundaryStrip(X, y, epochs=[0, 5, 6], resolution=5)
    model.fit(X, y, epochs=6, resume=True, callbacks=[only], verbose=0)
    assert [frame.epoch for frame in only.frames] == [5, 6]


def test_strip_refuses_what_it_cannot_watch() -> None:
    X, y = nn.datasets.spiral(30, 3, rng=0)
    with pytest.raises(ValueError, match="nothing was seen yet"):
        plots.BoundaryStrip(X, y).plot()
    with pytest.raises(ValueError, match="epochs must be at least 2"):
        plots.BoundaryStrip(X, y, epochs=1)
    with pytest.raises(ValueError, match="epochs must hold at least one"):
        plots.BoundaryStrip(X, y, epochs=[])
    with pytest.raises(TypeError, match="an epoch must be an integer"):
        plots.BoundaryStrip(X, y, epochs=["first"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="class numbers 0 … 2, got 7"):
        fit_with(plots.BoundaryStrip(X, y + 7))


# -- regression -------------------------------------------------------------------------------------------


def test_fit_shows_the_data_and_the_model() -> None:
    X, y = nn.datasets.sine(80)
    X = X + 0.5
    model = trained(X, y, 1, nn.MeanSquaredError(), epochs=50)
    axes = plots.regression_fit(model, X, y[:, 0]).axes[0]
    np.testing.assert_allclose(axes.collections[0].get_offsets(), np.c_[X, y])
    x, curve = axes.lines[0].get_data()
    np.testing.assert_array_equal(curve, model.predict(np.asarray(x)[:, None])[:, 0])
    assert (min(x), max(x)) == (X.min(), X.max())
    errors = (model.predict(X) - y).astype(float)
    explained = 1 - np.mean(errors**2) / np.var(y, dtype=float)
    assert title_of(axes.figure) == f"Fit: R² = {explained:.3f}, mean absolute error {np.abs(errors).mean():.2g}"


def test_fit_of_several_features_shows_predictions_over_targets(rng: np.random.Generator) -> None:
    X = rng.normal(size=(50, 3))
    y = np.c_[X.sum(axis=1), X[:, 0] ** 2]
    model = trained(X, y, 2, nn.MeanSquaredError(), epochs=20)
    figure = plots.regression_fit(model, X, y)
    for output, axes in enumerate(figure.axes):
        np.testing.assert_allclose(
            axes.collections[0].get_offsets(), np.c_[y, model.predict(X)][:, [output, output + 2]]
        )
    with pytest.raises(ValueError, match=r"outputs of shape \(50, 2\), but y has \(50, 1\)"):
        plots.regression_fit(model, X, y[:, 0])


# -- confusion matrix -------------------------------------------------------------------------------------


def fields_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_confusion_counts_true_classes_by_predictions() -> None:
    figure = plots.confusion_matrix([0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 2, 0], ["a$b$", "b", "c"])
    assert fields_of(figure) == ["2\n66.7 %", "1\n33.3 %", "0", "0", "1\n100 %", "0", "1\n50 %", "0", "1\n50 %"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a$b$", "b", "c"]
    assert figure.get_suptitle() == "Confusion matrix: 66.7 % of 6 samples are right"


def test_confusion_reads_scores_and_one_hot_rows(rng: np.random.Generator) -> None:
    truths, scores = rng.integers(0, 12, 500), rng.normal(size=(500, 12))
    by_rows = fields_of(plots.confusion_matrix(np.eye(12)[truths], scores))
    assert by_rows == fields_of(plots.confusion_matrix(truths.reshape(-1, 1), scores.argmax(axis=1)))
    assert sum(int(field.split("\n")[0]) for field in by_rows) == 500
    assert len(by_rows) == 144


def test_confusion_refuses_what_are_no_classes() -> None:
    with pytest.raises(ValueError, match=r"predictions must be class numbers .*got 0\.7.*> 0\.5"):
        plots.confusion_matrix([0, 1], [0.7, 0.2])
    with pytest.raises(ValueError, match="list of 3 names"):
        plots.confusion_matrix([0, 2], [0, 1], ["a", "b"])
    with pytest.raises(ValueError, match=r"10,000,001 classes .*Are these class numbers\?"):
        plots.confusion_matrix([0, 10**7], [0, 1])
    with pytest.raises(ValueError, match="predictions has 3 samples, but targets has 2"):
        plots.confusion_matrix([0, 1], [0, 1, 1])


# -- all of them ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_picture_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}{suffix}" for number in range(2)]
    plots.confusion_matrix([0, 1, 1], [0, 1, 0], ["cat", "犬"], path=files[0])
    with mpl.rc_context({"axes.facecolor": "black", "savefig.facecolor": "red"}):
        plots.confusion_matrix([0, 1, 1], [0, 1, 0], ["cat", "犬"]).save(files[1])
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_notebook_shows_the_figure_and_nothing_else_changes() -> None:
    before = dict(mpl.rcParams)
    figure = plots.confusion_matrix([0, 1], [1, 1])
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before


def test_a_picture_that_cannot_be_saved_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"confusion_matrix: cannot save as .*Use one of \.svg, \.png, \.pdf"):
        plots.confusion_matrix([0], [0], path=tmp_path / "picture.txt")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        plots.confusion_matrix([0], [0], path=tmp_path / "missing" / "picture.png")
    assert list(tmp_path.iterdir()) == []
