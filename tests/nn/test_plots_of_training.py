"""Callbacks that watch a training: what they measure is right, and the training does not notice them."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import plots
from nn.plots import layer_statistics
from nn.plots.activity import Layer, examine, watched
from tests.nn.test_plots import fit_with

X, y = nn.datasets.spiral(30, 3, rng=0)


def layer(layers: list[Layer], name: str) -> Layer:
    return next(each for each in layers if each.name == name)


# -- training is not affected -----------------------------------------------------------------------------


@pytest.mark.slow
def test_watching_changes_no_bit_of_the_training(tmp_path: Path) -> None:
    watchers = [
        plots.BoundaryStrip(X, y, resolution=5),
        plots.LayerStatistics(X, y, every=1),
        plots.LivePlot(path=tmp_path / "live.png", every=10),
    ]
    watched_model, alone = fit_with(*watchers), fit_with()
    assert dict(watched_model.history) == dict(alone.history)
    states = watched_model.network.state_dict(), alone.network.state_dict()
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name])
    moments = [model.optimizer.state_dict() for model in (watched_model, alone) if model.optimizer]
    for name, value in moments[0].items():
        np.testing.assert_array_equal(value, moments[1][name])


# -- layers -----------------------------------------------------------------------------------------------


def test_layers_are_measured_as_by_hand() -> None:
    dense, last = nn.Dense(2, 8, rng=0), nn.Dense(8, 3, rng=1)
    dense.weight.data[:, :2] = 0  # two units that are dead: 0 weights, and a bias that is not above 0
    model = nn.Model(nn.Sequential(dense, nn.ReLU(), nn.Dropout(0.5), last), loss=nn.SoftmaxCrossEntropy())
    layers = examine("test", model, X, y)
    assert [each.name for each in layers] == ["0 Dense", "1 ReLU", "3 Dense"], "Dropout hands on what it is given"

    hidden = np.maximum(X @ dense.weight.data, 0)
    logits = hidden @ last.weight.data
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    slope = (powers / powers.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(X) @ last.weight.data.T

    relu = layer(layers, "1 ReLU")
    assert (relu.units, relu.saturated) == (8, None)
    assert relu.dead == np.sum((hidden == 0).all(axis=0)) >= 2
    assert relu.zeros == np.mean(hidden == 0)
    assert relu.activations.counts.sum() == np.sum(hidden != 0)
    assert relu.gradients.counts.sum() == np.sum(slope != 0)
    np.testing.assert_allclose(relu.std, hidden.std(), rtol=1e-5)
    np.testing.assert_allclose(relu.gradient, np.sqrt(np.mean(slope**2)), rtol=1e-4)
    middle = np.flatnonzero(np.cumsum(relu.gradients.counts) >= relu.gradients.counts.sum() / 2)[0]
    assert relu.gradients.edges[middle] <= np.median(np.abs(slope)) <= relu.gradients.edges[middle + 1]


def test_saturated_is_close_to_a_bound() -> None:
    values = np.array([[-5.0], [-0.1], [0.1], [2.2]])  # tanh 2.2 is 0.976
    network = nn.Sequential(nn.Dense(1, 1, weight_init=nn.init.constant(1.0)), nn.Tanh())
    layers = examine("test", nn.Model(network, loss=nn.MeanSquaredError()), values, values)
    assert layer(layers, "1 Tanh").saturated == np.mean(np.abs(np.tanh(values)) > 0.97) == 0.5
    network = nn.Sequential(nn.Dense(1, 1, weight_init=nn.init.constant(2.0)), nn.Sigmoid())
    layers = examine("test", nn.Model(network, loss=nn.MeanSquaredError()), values, values)
    assert layer(layers, "1 Sigmoid").saturated == 0.5, "sigmoid(2x) is tanh(x) in other units"


def test_a_network_of_its_own_kind_shows_its_layers_in_the_order_of_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.last = nn.Dense(2, 1, rng=0)
            self.shared = nn.Dense(2, 2, rng=1)

        def forward(self, x: Any) -> Any:
            return self.last(tg.tanh(self.shared(tg.tanh(self.shared(x)))))

    model = nn.Model(Twice(), loss=nn.MeanSquaredError())
    model.network.train()
    before = {path: dict(vars(module)) for path, module in model.network.named_modules()}
    layers = examine("test", model, X, np.ones((len(X), 1)))
    assert [each.name for each in layers] == ["shared Dense", "shared Dense, call 2", "last Dense"]
    assert {path: dict(vars(module)) for path, module in model.network.named_modules()} == before
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_modules_are_left_as_they_were_when_the_network_fails() -> None:
    network = nn.Sequential(nn.Dense(2, 2, rng=0), nn.ReLU())
    with pytest.raises(ValueError, match="expected inputs of width 2"), watched(network) as results:
        network(np.ones((1, 3)))
    assert results == []
    assert all("forward" not in vars(module) for module in network.modules())


def test_histograms_have_a_row_for_each_layer() -> None:
    model = fit_with(epochs=5)
    figure = plots.layer_histograms(model, X, y)
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["0 Dense", "1 ReLU", "3 Dense"]
    notes = [axes.texts[0].get_text() for axes in figure.axes]
    relu = layer(examine("test", model, X, y), "1 ReLU")
    assert notes[2].endswith(f"dead {relu.dead} of 8")
    assert notes[3] == f"root mean square {relu.gradient:.1e}"
    ((low, high),) = {axes.get_xlim() for axes in figure.axes[1::2]}  # one scale for all
    assert 1e-11 < low < relu.gradient < high < 10
    with pytest.raises(ValueError, match="layer_histograms: the network has no parameters to train"):
        plots.layer_histograms(nn.Model(nn.Sequential(nn.ReLU()), loss=nn.MeanSquaredError()), X, X)


# -- over the training ------------------------------------------------------------------------------------


class Snapshots(nn.Callback):
    """Copies the parameters before and after every step."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []

    def on_gradients(self, step: int) -> None:
        self.values.append(self.model.network.state_dict())

    def on_fit_end(self) -> None:
        self.values.append(self.model.network.state_dict())


def test_update_ratios_are_those_of_the_steps() -> None:
    watcher, snapshots = plots.LayerStatistics(X, y, every=7), Snapshots()
    fit_with(watcher, snapshots)
    assert watcher.steps == list(range(0, 60, 7))
    for name, ratios in watcher.ratios.items():
        for step, ratio in zip(watcher.steps, ratios, strict=True):
            before, after = (snapshots.values[number][name].astype(float) for number in (step, step + 1))
            if before.any():
                np.testing.assert_allclose(ratio, np.sqrt(((after - before) ** 2).sum() / (before**2).sum()))
            else:
                assert np.isnan(ratio)
    axes = watcher.plot_updates().axes[0]
    lines: dict[Any, Any] = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines}
    assert set(lines.pop("about right: 1e-3")) == {1e-3}
    assert axes.get_yscale() == "log"
    assert {name: list(values) for name, values in lines.items()}.keys() == watcher.ratios.keys()
    np.testing.assert_array_equal(lines["0.weight"], watcher.ratios["0.weight"])
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 5


def test_steps_go_on_where_training_goes_on() -> None:
    watcher = plots.LayerStatistics(X, y, every=7)
    model = fit_with(epochs=3)  # of three steps each
    model.fit(X, y, epochs=6, batch_size=30, resume=True, callbacks=[watcher], verbose=0)
    assert watcher.steps == [9, 16]


def test_memory_is_bounded_however_long_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_statistics, "MOST_LOOKS", 10)
    watcher = plots.LayerStatistics(X[:5], y[:5], every=1)
    fit_with(watcher, epochs=30)
    assert watcher.steps == list(range(0, 90, 16))
    assert {len(ratios) for ratios in watcher.ratios.values()} == {len(watcher.layers)} == {6}


def test_layers_are_drawn_as_they_are_and_as_they_were() -> None:
    watcher = plots.LayerStatistics(X, y)
    with pytest.raises(ValueError, match="nothing was seen yet"):
        watcher.plot_layers()
    fit_with(watcher)
    figure = watcher.plot_layers()
    for axes, now, then in zip(figure.axes[::2], watcher.layers[-1], watcher.layers[0]):
        for patch, counts in zip(axes.patches, (now.activations.counts, then.activations.counts), strict=True):
            np.testing.assert_allclose(patch.get_data().values, counts / counts.max())  # type: ignore[attr-defined]
    shares, gradients = watcher.plot_health().axes
    (dead,) = shares.lines
    assert dead.get_label() == "1 ReLU: dead"
    np.testing.assert_allclose(dead.get_ydata(), [(layer(look, "1 ReLU").dead or 0) / 8 for look in watcher.layers])
    np.testing.assert_array_equal(
        gradients.lines[0].get_ydata(), [layer(look, "0 Dense").gradient for look in watcher.layers]
    )


def test_health_of_many_layers_is_drawn_as_rows() -> None:
    sizes = [2, *[8] * 11]
    layers = [each for a, b in itertools.pairwise(sizes) for each in (nn.Dense(a, b, rng=a), nn.Sigmoid())]
    network = nn.Sequential(*layers, nn.Dense(8, 3, rng=1))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    watcher = plots.LayerStatistics(X, y, every=1)
    model.fit(X, y, epochs=2, callbacks=[watcher], verbose=0)
    figure = watcher.plot_health()
    shares, gradients = figure.axes[:2]
    names = [label.get_text() for label in gradients.get_yticklabels()]
    assert names == [each.name for each in watcher.layers[0]]
    assert len(names) == 23
    assert next(label.get_text() for label in shares.get_yticklabels()) == "1 Sigmoid: saturated"
    drawn = gradients.collections[0].get_array()
    np.testing.assert_allclose(drawn, [[layer(look, name).gradient for look in watcher.layers] for name in names])
    top, bottom = gradients.get_ylim()[::-1]
    assert top < bottom, "the first layer is at the top"
    updates = watcher.plot_updates().axes[0]
    assert [label.get_text() for label in updates.get_yticklabels()] == list(watcher.ratios)
    assert updates.get_title(loc="left").endswith("(about right: 1e-3)")
    np.testing.assert_array_equal(updates.collections[0].get_array(), np.array(list(watcher.ratios.values())))


# -- while it happens -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_live_plot_writes_its_file_again_and_again(tmp_path: Path) -> None:
    drawn: list[int] = []

    def draw(model: nn.Model) -> Any:
        drawn.append(len(model.history.epochs))
        return model.history.plot()

    path = tmp_path / "live.png"
    live = plots.LivePlot(draw, path=path, every=3)
    fit_with(live, epochs=7)
    assert drawn == [3, 6, 7], "the last epoch has one in any case"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert not live._frames
    with pytest.raises(ValueError, match=r"figures were not kept\. Before training, pass keep_figures=True, or the"):
        live.save(tmp_path / "live.gif")


@pytest.mark.slow
def test_live_plot_shows_one_picture_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, bytes]] = []

    def display(image: bytes, *, display_id: bool) -> Any:
        shown.append(("new", image))
        return SimpleNamespace(update=lambda image: shown.append(("update", image)))

    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    vars(package).update(display=module, get_ipython=lambda: SimpleNamespace(kernel=object()))
    vars(module).update(display=display, Image=lambda data: data)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    live = plots.LivePlot()
    fit_with(live, epochs=3)
    assert [how for how, _ in shown] == ["new", "update", "update"]
    assert all(image.startswith(b"\x89PNG") for _, image in shown)
    assert len({image for _, image in shown}) == 3
    fit_with(live, epochs=1)
    assert shown[-1][0] == "new", "another fit, another picture"


def test_live_plot_reports_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing has been drawn yet\. Pass the callback to fit"):
        plots.LivePlot(keep_figures=True).save(tmp_path / "live.gif")
    with pytest.warns(UserWarning, match=r"outside a notebook, the figures are not displayed\. Pass path="):
        plots.LivePlot().on_fit_begin(SimpleNamespace())
    with pytest.raises(TypeError, match="draw must be a function"):
        plots.LivePlot("training.png")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="draw must return a matplotlib figure, got None"):
        fit_with(plots.LivePlot(lambda model: None, keep_figures=True), epochs=1)  # type: ignore[arg-type, return-value]
