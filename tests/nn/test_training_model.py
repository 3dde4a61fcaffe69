"""Model: training, evaluation, prediction, and everything that can go wrong on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tqdm import tqdm

import nn
import tensorgrad as tg
from nn.training.nan_guard import not_finite_gradient
from nn.training.progress import BAR, formatted, headline

N, WIDTH, CLASSES = 23, 4, 3


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    X = rng.normal(size=(N, WIDTH)).astype(np.float32)
    return X, X[:, :CLASSES].argmax(axis=1)


def make_network(dtype: Any = np.float32, **options: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Dense(WIDTH, 8, rng=0, dtype=dtype, **options), nn.ReLU(), nn.Dense(8, CLASSES, rng=1, dtype=dtype)
    )


def make_model(network: nn.Module | None = None, *, learning_rate: float = 0.1, **options: Any) -> nn.Model:
    network = network or make_network()
    optimizer = nn.SGD(network.parameters(), learning_rate)
    options = {"loss": nn.SoftmaxCrossEntropy(), "metrics": [nn.CategoricalAccuracy()], "rng": 0} | options
    return nn.Model(network, optimizer=optimizer, **options)


def values_of(model: nn.Model) -> dict[str, Any]:
    return model.network.state_dict()


def assert_same(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


class Recorder(nn.Callback):
    """Record every call."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_fit_begin(self, model: Any) -> None:
        assert self.model is model
        self.events.append("begin")

    def on_epoch_begin(self, epoch: int) -> None:
        self.events.append(("epoch", epoch))

    def on_gradients(self, step: int) -> None:
        assert all(parameter.grad is not None for parameter in self.model.network.parameters())
        self.events.append(("gradients", step))

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        self.events.append(("step", step))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        assert {name: values[-1] for name, values in self.model.history.items()} == logs
        self.events.append(("end", epoch))

    def on_fit_end(self) -> None:
        self.events.append("finish")


def test_callbacks_that_began_are_always_ended(data: tuple[Any, Any]) -> None:
    class Fails(Recorder):
        def __init__(self, moment: str) -> None:
            super().__init__()
            self.moment = moment

        def on_fit_begin(self, model: Any) -> None:
            super().on_fit_begin(model)
            if self.moment == "begin":
                raise RuntimeError("at the begin")

        def on_fit_end(self) -> None:
            super().on_fit_end()
            if self.moment == "end":
                raise RuntimeError("at the end")

    first, failing, last = Recorder(), Fails("end"), Recorder()
    with pytest.raises(RuntimeError, match="at the end"):
        make_model().fit(*data, callbacks=[first, failing, last], verbose=0)
    assert [each.events[-1] for each in (first, failing, last)] == ["finish"] * 3

    first, failing, last = Recorder(), Fails("begin"), Recorder()
    with pytest.raises(RuntimeError, match="at the begin"):
        make_model().fit(*data, callbacks=[first, failing, last], verbose=0)
    assert [each.events for each in (first, failing, last)] == [["begin", "finish"], ["begin"], []]


# -- fit ------------------------------------------------------------------------------------------------------


def test_fit_is_the_loop_one_would_write(data: tuple[Any, Any]) -> None:
    X, y = data
    network = make_network(weight_l2=0.01)
    model = make_model(network, metrics=[nn.CategoricalAccuracy()])
    history = model.fit(X, y, epochs=3, batch_size=5, shuffle=False, verbose=0)

    by_hand = make_network(weight_l2=0.01)
    optimizer, loss = nn.SGD(by_hand.parameters(), 0.1), nn.SoftmaxCrossEntropy()
    for epoch in range(3):
        data_loss = penalties = right = 0.0
        for start in range(0, N, 5):  # the last batch has three samples
            predictions = by_hand(X[start : start + 5])
            part, penalty = loss(predictions, y[start : start + 5]), by_hand.regularization_loss()
            rows = len(predictions)
            data_loss, penalties = data_loss + part.item() * rows, penalties + penalty.item() * rows
            right += float((predictions.data.argmax(axis=1) == y[start : start + 5]).sum())
            by_hand.zero_grad()
            (part + penalty).backward()
            optimizer.step()
        assert history["data_loss"][epoch] == pytest.approx(data_loss / N)
        assert history["regularization_loss"][epoch] == pytest.approx(penalties / N)
        assert history["loss"][epoch] == pytest.approx((data_loss + penalties) / N)
        assert history["accuracy"][epoch] == pytest.approx(right / N)
    assert_same(network.state_dict(), by_hand.state_dict())
    assert history["learning_rate"] == [0.1] * 3
    assert model.history is history


@pytest.mark.parametrize(
    ("activation", "loss", "alternative"),
    [
        (nn.Softmax(), nn.SoftmaxCrossEntropy(), "Softmax.*nn.CategoricalCrossEntropy"),
        (nn.Sigmoid(), nn.SigmoidBinaryCrossEntropy(), "Sigmoid.*nn.BinaryCrossEntropy"),
    ],
)
def test_model_warns_of_an_activation_that_the_loss_repeats(
    activation: nn.Module, loss: nn.Loss, alternative: str
) -> None:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Sequential(activation))
    with pytest.warns(UserWarning, match=f"^Model: the last layer is {alternative}"):
        nn.Model(network, loss=loss)


def test_fit_learns(data: tuple[Any, Any]) -> None:
    history = make_model(learning_rate=0.5).fit(*data, epochs=150, batch_size=8, verbose=0)
    assert history["accuracy"][-1] > 0.95
    assert history["loss"][-1] < history["loss"][0] / 3


def test_fit_shuffles_repeatably_and_uses_every_sample_once(data: tuple[Any, Any]) -> None:
    first, second, other = make_model(), make_model(), make_model(rng=1)
    runs = [model.fit(*data, epochs=3, batch_size=4, verbose=0) for model in (first, second, other)]
    assert dict(runs[0]) == dict(runs[1])
    assert_same(values_of(first), values_of(second))
    assert dict(runs[0]) != dict(runs[2])

    seen: list[Any] = []

    class Watching(nn.SoftmaxCrossEntropy):
        def forward(self, predictions: Any, targets: Any) -> Any:
            seen.append(targets)
            return super().forward(predictions, targets)

    numbers = np.arange(CLASSES)
    model = make_model(loss=Watching(), metrics=[])
    model.fit(data[0][:CLASSES], numbers, epochs=6, batch_size=2, verbose=0)
    orders = [tuple(np.concatenate(pair)) for pair in zip(seen[1::2], seen[2::2])]
    assert len(orders) == 6
    assert all(sorted(order) == list(numbers) for order in orders)
    assert len(set(orders)) > 1


@pytest.mark.parametrize("source", [np.random.RandomState, np.random.default_rng])
def test_fit_accepts_a_shared_generator(data: tuple[Any, Any], source: Any) -> None:
    runs = [make_model(rng=source(5)).fit(*data, epochs=2, batch_size=4, verbose=0) for _ in range(2)]
    assert dict(runs[0]) == dict(runs[1])


def test_fit_again_continues_the_training(data: tuple[Any, Any]) -> None:
    whole, parts = make_model(), make_model()
    expected = whole.fit(*data, epochs=4, batch_size=4, verbose=0)
    first = parts.fit(*data, epochs=1, batch_size=4, verbose=0)
    second = parts.fit(*data, epochs=3, batch_size=4, verbose=0)
    assert first["loss"] + second["loss"] == expected["loss"]
    assert second.epochs == [0, 1, 2]
    assert_same(values_of(whole), values_of(parts))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_uses_the_dtype_of_the_network(rng: np.random.Generator, dtype: Any) -> None:
    seen: list[Any] = []

    class Watching(nn.Identity):
        def forward(self, x: Any) -> Any:
            seen.append(x.dtype)
            return super().forward(x)

    network = nn.Sequential(Watching(), nn.Dense(2, 1, dtype=dtype, rng=0), Watching())
    optimizer = nn.Adam(network.parameters())
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer)
    model.fit([[1, 2], [3, 4]], [[1.0], [2.0]], epochs=2, verbose=0)
    assert model.predict(rng.normal(size=(3, 2))).dtype == dtype
    assert set(seen) == {np.dtype(dtype)}
    assert {parameter.dtype for parameter in network.parameters()} == {np.dtype(dtype)}
    assert all(parameter.grad.dtype == dtype for parameter in network.parameters())


def test_fit_validates_after_each_epoch(data: tuple[Any, Any]) -> None:
    X, y = data
    network = nn.Sequential(
        nn.Dense(WIDTH, 16, weight_l1=0.1, rng=0), nn.Dropout(0.5, rng=1), nn.Dense(16, CLASSES, rng=2)
    )
    model = make_model(network)
    history = model.fit(X, y, epochs=2, batch_size=7, validation_data=(X[:9], y[:9]), verbose=0)
    found = model.evaluate(X[:9], y[:9])
    assert found == {"loss": pytest.approx(history["val_loss"][-1]), "accuracy": history["val_accuracy"][-1]}
    predictions = network.eval()(X[:9])
    assert found["loss"] == pytest.approx(nn.SoftmaxCrossEntropy()(predictions, y[:9]).item())


def test_fit_restores_the_mode_of_each_module(data: tuple[Any, Any]) -> None:
    frozen = nn.Dropout(0.5, rng=0).eval()
    network = nn.Sequential(nn.Dense(WIDTH, CLASSES, rng=0), frozen)
    model = make_model(network)
    model.evaluate(*data)
    model.predict(data[0])
    model.summary()
    assert (network.training, frozen.training) == (True, False)

    modes: list[bool] = []

    class Watching(nn.Callback):
        def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
            modes.append(frozen.training)

    network.eval()
    model.fit(*data, validation_data=data, callbacks=[Watching()], verbose=0)
    assert modes == [True]
    assert not any(module.training for module in network.modules())


def test_evaluate_in_a_callback_does_not_change_the_running_epoch(data: tuple[Any, Any]) -> None:
    class Evaluating(nn.Callback):
        def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
            self.model.evaluate(data[0][:1], data[1][:1])

    plain = make_model().fit(*data, batch_size=4, verbose=0)
    assert dict(make_model().fit(*data, batch_size=4, callbacks=[Evaluating()], verbose=0)) == dict(plain)


def test_fit_prepares_regression_accuracy_with_the_training_targets() -> None:
    X, y = np.linspace(0, 1, 8, dtype=np.float32).reshape(-1, 1), np.linspace(0, 5, 8, dtype=np.float32).reshape(-1, 1)
    network, metric = nn.Sequential(nn.Dense(1, 1, rng=0)), nn.RegressionAccuracy()
    optimizer = nn.Adam(network.parameters())
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer, metrics=[metric])
    model.fit(X, y, validation_data=(X, 100 * y), verbose=0)
    assert metric.precision == pytest.approx(np.std(y) / 250)


# -- callbacks ------------------------------------------------------------------------------------------------


def test_callbacks_are_called_in_order(data: tuple[Any, Any]) -> None:
    recorder = Recorder()
    make_model().fit(*data, epochs=2, batch_size=12, callbacks=[recorder], verbose=0)
    epoch = [("gradients", 0), ("step", 0), ("gradients", 1), ("step", 1)]
    assert recorder.events == ["begin", ("epoch", 0), *epoch, ("end", 0), ("epoch", 1), *epoch, ("end", 1), "finish"]


def test_callbacks_may_change_gradients(data: tuple[Any, Any]) -> None:
    class Nothing(nn.Callback):
        def on_gradients(self, step: int) -> None:
            for parameter in self.model.network.parameters():
                parameter.grad = np.zeros_like(parameter.grad)

    model = make_model()
    before = values_of(model)
    model.fit(*data, callbacks=[Nothing()], verbose=0)
    assert_same(values_of(model), before)


def test_callbacks_may_stop(data: tuple[Any, Any]) -> None:
    class StopAt(nn.Callback):
        def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
            self.model.stop_training = len(self.model.history.epochs) == 2 and step == 1

    recorder = Recorder()
    model = make_model()
    history = model.fit(*data, epochs=9, batch_size=5, callbacks=[StopAt(), recorder], verbose=0)
    assert history.epochs == [0, 1, 2]
    assert recorder.events[-4:] == [("gradients", 1), ("step", 1), ("end", 2), "finish"]
    assert model.fit(*data, epochs=2, verbose=0).epochs == [0, 1]


# -- trouble --------------------------------------------------------------------------------------------------


def test_fit_stops_before_the_update_of_a_loss_that_is_not_finite(data: tuple[Any, Any]) -> None:
    X, y = data
    model, recorder = make_model(), Recorder()

    class Breaking(nn.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            self.model.loss = Breaks() if epoch == 1 else nn.SoftmaxCrossEntropy()

    class Breaks(nn.SoftmaxCrossEntropy):
        calls = 0

        def forward(self, predictions: Any, targets: Any) -> Any:
            self.calls += 1
            self.before = values_of(model)
            return super().forward(predictions, targets) * (np.float32(np.nan) if self.calls == 3 else 1)

    with pytest.raises(FloatingPointError, match=r"the loss became nan in epoch 2/4, step 3/5 .*learning rate"):
        model.fit(X, y, epochs=4, batch_size=5, callbacks=[Breaking(), recorder], verbose=0)
    assert_same(values_of(model), model.loss.before)  # type: ignore[attr-defined]
    assert model.history.epochs == [0]
    assert recorder.events[-1] == "finish"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fit_names_data_that_are_not_finite(value: float) -> None:
    X, y = np.ones((4, 1), np.float32), np.array([[1.0], [2.0], [value], [4.0]], np.float32)
    network = nn.Sequential(nn.Dense(1, 1, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    before = network.state_dict()
    with pytest.raises(FloatingPointError, match=r"epoch 1/1, step 1/1 .*X or y contains values that are not finite"):
        model.fit(X, y, verbose=0)
    assert_same(network.state_dict(), before)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C means what it means at a terminal, also where SIGINT is ignored (background jobs of a shell)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Spoil(nn.Callback):
    """Writes a value into the last gradient of one step."""

    def __init__(self, value: float) -> None:
        self.value, self.before = value, {}

    def on_epoch_begin(self, epoch: int) -> None:
        self.epoch = epoch

    def on_gradients(self, step: int) -> None:
        if (self.epoch, step) == (1, 2):
            self.before = values_of(self.model)
            self.model.network[2].bias.grad = np.array([0.0, self.value, 0.0], np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fit_stops_before_the_update_of_a_gradient_that_is_not_finite(data: tuple[Any, Any], value: float) -> None:
    model, spoil, recorder = make_model(), Spoil(value), Recorder()
    with pytest.raises(FloatingPointError, match=r"the gradient of parameter 3 '2\.bias' .* epoch 2/4, step 3/5 "):
        model.fit(*data, epochs=4, batch_size=5, callbacks=[spoil, recorder], verbose=0)
    assert_same(values_of(model), spoil.before)
    assert model.optimizer is not None
    assert model.optimizer.iterations == 5 + 2
    assert model.history.epochs == [0]
    assert recorder.events[-1] == "finish"


def test_fit_names_only_gradients_with_nan_or_infinity() -> None:
    huge = np.full((4, 1), 1e38, np.float32)
    gradients = [None, huge, np.ones((1, 0, 3)), np.array([[np.finfo(float).max, -1.0]]).T]
    tensors = [tg.tensor(np.ones(np.shape(gradient)), requires_grad=True) for gradient in gradients]
    for tensor, gradient in zip(tensors, gradients):
        tensor.grad = gradient
    assert not_finite_gradient(tensors) is None
    for wrong in (np.nan, -np.inf):
        tensors[3].grad = np.array([[1.0, wrong]]).T
        assert not_finite_gradient(tensors) == "parameter 3"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fit_names_a_validation_loss_that_is_not_finite(value: float) -> None:
    X, y = np.ones((4, 1), np.float32), np.ones((4, 1), np.float32)
    network = nn.Sequential(nn.Dense(1, 1, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), 0.1))

    class Spoils(nn.Callback):
        def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
            if len(self.model.history.epochs) == 2:
                network[0].bias.data = [value]

    with pytest.raises(FloatingPointError, match=r"val_loss became (nan|inf) after epoch 3/5; .* learning rate"):
        model.fit(X, y, epochs=5, validation_data=(X, y), callbacks=[Spoils()], verbose=0)
    assert model.history.epochs == [0, 1]
    network[0].bias.data = [0.0]
    with pytest.raises(FloatingPointError, match=r"after epoch 1/1; .*validation_data: X or y contains values that"):
        model.fit(X, y, validation_data=(X, value * y), verbose=0)


class Press(nn.Callback):
    """Presses Ctrl-C in the middle of a step."""

    def __init__(self, epoch: int, times: int = 1) -> None:
        self.epoch, self.times = epoch, times

    def on_gradients(self, step: int) -> None:
        if len(self.model.history.epochs) == self.epoch:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_waits_for_the_running_step(data: tuple[Any, Any]) -> None:
    model, reference, recorder = make_model(), make_model(), Recorder()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, epochs=5, callbacks=[Press(2), recorder], verbose=0)
    assert signal.getsignal(signal.SIGINT) is handler
    assert model.history.epochs == [0, 1]
    assert recorder.events[-2:] == [("gradients", 0), "finish"]
    reference.fit(*data, epochs=3, verbose=0)  # the step that was running has been finished
    assert_same(values_of(model), values_of(reference))
    assert model.network.training
    assert model.fit(*data, epochs=2, verbose=0).epochs == [0, 1]


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_pressed_twice_does_not_wait(data: tuple[Any, Any]) -> None:
    model = make_model()
    before = values_of(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, callbacks=[Press(0, times=2)], verbose=0)
    assert_same(values_of(model), before)


def test_keyboard_interrupt_from_a_callback(data: tuple[Any, Any]) -> None:
    class Raise(nn.Callback):
        def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    model, handler = make_model(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, epochs=5, callbacks=[Raise()], verbose=0)
    assert model.history.epochs == [0, 1]
    assert signal.getsignal(signal.SIGINT) is handler


def test_fit_works_in_another_thread(data: tuple[Any, Any]) -> None:
    model, handler = make_model(), signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: model.fit(*data, epochs=2, verbose=0))
    thread.start()
    thread.join()
    assert model.history.epochs == [0, 1]
    assert signal.getsignal(signal.SIGINT) is handler


def bad_calls() -> list[Any]:
    X, y = np.zeros((6, WIDTH), np.float32), np.zeros(6, int)
    late = np.array([0] * 5 + [CLASSES])
    return [
        ((X, y[:5]), {}, ValueError, r"fit: X has 6 samples \(shape \(6, 4\)\), but y has 5"),
        ((X[:0], y[:0]), {}, ValueError, r"fit: X is empty \(shape \(0, 4\)\)"),
        ((3.0, y), {}, ValueError, "a row per sample, got a single number"),
        (([[1.0], [1.0, 2.0]], y), {}, ValueError, "rows of different length"),
        ((X.astype(str), y), {}, TypeError, "fit: X: expected real numbers"),
        ((iter([(X, y)]),), {}, TypeError, r"fit: X: .* iterator over batches.* nn\.data\.Batches\(X, y\)"),
        ((X, y), {"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ((X, y), {"batch_size": 2.5}, TypeError, "batch_size must be an integer"),
        ((X, y), {"epochs": 0}, ValueError, "epochs must be at least 1"),
        ((X, y), {"epochs": "3"}, TypeError, "epochs must be an integer"),
        ((X, y), {"validation_data": X}, TypeError, r"a pair \(X, y\)"),
        ((X, y), {"validation_data": (X, y[:2])}, ValueError, "validation_data: X has 6 samples"),
        ((X, y), {"validation_data": (X, late)}, ValueError, r"got 3 at index \(?5"),
        ((X, y), {"callbacks": [print]}, TypeError, "nn.Callback objects"),
        ((X, y), {"verbose": 3}, ValueError, "verbose must be"),
        ((X[:, :3], y), {}, ValueError, r"^fit: X of shape \(6, 3\), .*layer 0: Dense\(4, 8\): expected .* width 4"),
        (
            (X, y),
            {"validation_data": (X[:, :3], y)},
            ValueError,
            r"^fit: validation_data: X of shape \(6, 3\), .*width 4",
        ),
        ((X[:, 0], y), {}, ValueError, r"^fit: X has shape \(6,\), but the network expects rows: \(samples, 4\)\.$"),
        ((X, y), {"callbacks": nn.Callback()}, TypeError, r"callbacks=\[…\]"),
        ((X, late), {"batch_size": 2}, ValueError, r"got 3 at index \(?5"),
        ((X, y.astype(float)), {}, TypeError, "labels must be integers"),
    ]


@pytest.mark.parametrize(("args", "options", "error", "message"), bad_calls())
def test_fit_rejects_bad_input_before_any_change(args: Any, options: Any, error: Any, message: str) -> None:
    model, recorder = make_model(), Recorder()
    before, history = values_of(model), model.history
    callbacks = options.pop("callbacks", [recorder])
    with pytest.raises(error, match=message):
        model.fit(*args, **{"epochs": 2, "callbacks": callbacks, "verbose": 0} | options)
    assert_same(values_of(model), before)
    assert model.history is history
    assert recorder.events == []
    assert model.network.training


def test_fit_requires_an_optimizer_of_this_network(data: tuple[Any, Any]) -> None:
    network = make_network()
    with pytest.raises(ValueError, match="no optimizer"):
        nn.Model(network, loss=nn.SoftmaxCrossEntropy()).fit(*data)
    stranger = nn.SGD(make_network().parameters())
    with pytest.raises(ValueError, match="none of this network's parameters"):
        nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=stranger).fit(*data)


def test_fit_rejects_an_optimizer_with_other_parameters(data: tuple[Any, Any]) -> None:
    network, other = make_network(), nn.Dense(2, 5, rng=0)
    optimizer = nn.SGD([*network.parameters(), other.weight])
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer)
    with pytest.raises(ValueError, match=r"the optimizer holds parameter 4 'weight' of shape \(2, 5\), which is not"):
        model.fit(*data, verbose=0)

    model = make_model(network)
    network[2].weight = tg.tensor(network[2].weight.data, requires_grad=True)
    with pytest.raises(ValueError, match=r"parameter 2 '2.weight' of shape \(8, 3\), .*no longer, .*a new optimizer"):
        model.fit(*data, verbose=0)


def test_fit_accepts_frozen_parameters_in_the_optimizer(data: tuple[Any, Any]) -> None:
    model = make_model()
    before = values_of(model)
    model.network[0].weight.requires_grad = False  # type: ignore[index]
    model.fit(*data, verbose=0)
    after = values_of(model)
    assert [name for name in before if np.array_equal(before[name], after[name])] == ["0.weight"]
    for parameter in list(model.network.parameters()):
        parameter.requires_grad = False
    with pytest.raises(ValueError, match="all frozen"):
        model.fit(*data, verbose=0)


def test_fit_raises_an_error_inside_no_grad(data: tuple[Any, Any]) -> None:
    model = make_model()
    with tg.no_grad(), pytest.raises(RuntimeError, match=r"fit: nothing is recorded here, inside tg.no_grad\(\)"):
        model.fit(*data, verbose=0)
    with tg.no_grad(), tg.enable_grad():
        model.fit(*data, verbose=0)


def test_fit_accepts_one_feature_as_a_column() -> None:
    X = np.linspace(0, 1, 5)
    network = nn.Sequential(nn.Dense(1, 1, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    calls = {"fit": lambda: model.fit(X, X, verbose=0), "evaluate": lambda: model.evaluate(X, X)}
    calls["predict"] = lambda: model.predict(X)
    for what, call in calls.items():
        with pytest.raises(ValueError, match=rf"^{what}: X has shape \(5,\), .*Use X.reshape\(-1, 1\)"):
            call()


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (
            lambda p, y: tg.square(p - y[:, None]),
            ValueError,
            r"loss <lambda> returned a tensor of shape .*tg\.mean",
        ),
        (lambda p, y: np.mean(p.data), TypeError, "the loss <lambda> returned float32, expected a scalar Tensor"),
        (lambda p, y: None, TypeError, "returned NoneType"),
    ],
)
def test_fit_rejects_a_loss_that_is_not_a_number(
    data: tuple[Any, Any], loss: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make_model(loss=loss).fit(*data, verbose=0)


def test_fit_rejects_a_network_that_returns_no_tensor(data: tuple[Any, Any]) -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Dense(WIDTH, CLASSES, rng=0)

        def forward(self, x: Any) -> Any:
            return self.inner(x), x

    with pytest.raises(TypeError, match=r"got several predictions, .* give nn\.Model a loss for each"):
        make_model(Pair()).fit(*data, verbose=0)


def test_fit_accepts_penalties_enabled_between_epochs(data: tuple[Any, Any]) -> None:
    class SwitchOn(nn.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            self.model.network[0].weight_l2 = 0.1 * epoch

    losses = make_model().fit(*data, epochs=3, callbacks=[SwitchOn()], verbose=0)["regularization_loss"]
    assert losses[0] == 0
    assert 0 < losses[1] < losses[2]


def test_model_checks_constructor_arguments() -> None:
    network = make_network()
    with pytest.raises(TypeError, match=r"metrics must be a list .*metrics=\[…\]"):
        nn.Model(network, loss=nn.MeanSquaredError(), metrics=nn.BinaryAccuracy())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"network must be an nn\.Module"):
        nn.Model(lambda x: x, loss=nn.MeanSquaredError())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="loss must be a loss object"):
        nn.Model(network, loss=nn.MeanSquaredError)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="optimizer must be one such as"):
        nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.Adam)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="metrics must be objects"):
        nn.Model(network, loss=nn.MeanSquaredError(), metrics=[nn.BinaryAccuracy])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="'accuracy' is already taken"):
        nn.Model(network, loss=nn.MeanSquaredError(), metrics=[nn.BinaryAccuracy(), nn.CategoricalAccuracy()])


# -- use ------------------------------------------------------------------------------------------------------


def test_predict_and_evaluate_work_in_batches(data: tuple[Any, Any]) -> None:
    X, y = data
    model = make_model()
    whole = model.predict(X)
    assert isinstance(whole, np.ndarray)
    assert whole.flags.writeable
    np.testing.assert_allclose(model.predict(X, batch_size=5), whole, rtol=1e-5)
    found, expected = model.evaluate(X, y, batch_size=5), model.evaluate(X, y)
    assert list(found) == ["loss", "accuracy"]
    assert found == {name: pytest.approx(value) for name, value in expected.items()}
    np.testing.assert_array_equal(model.predict(tg.tensor(X)), whole)
    with pytest.raises(ValueError, match="predict: X is empty"):
        model.predict(X[:0])
    with pytest.raises(ValueError, match="predict: batch_size"):
        model.predict(X, batch_size=0)


def test_predict_and_evaluate_record_no_graph(data: tuple[Any, Any]) -> None:
    recording: list[bool] = []

    class Watching(nn.Identity):
        def forward(self, x: Any) -> Any:
            recording.append(tg.is_grad_enabled())
            return super().forward(x)

    network = nn.Sequential(nn.Dense(WIDTH, CLASSES, rng=0), Watching())
    model = make_model(network)
    model.predict(data[0])
    model.evaluate(*data)
    model.summary()
    assert recording[:3] == [False] * 3
    assert recording[3:] == [True] * 4  # costs are measured on a copy


def test_model_without_optimizer_predicts(data: tuple[Any, Any]) -> None:
    assert nn.Model(make_network(), loss=nn.SoftmaxCrossEntropy()).predict(data[0]).shape == (N, CLASSES)


def test_summary_lists_layers_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    model = make_model()
    with pytest.raises(ValueError, match="width 4"):
        model.evaluate(np.ones((2, 5)), [0, 1])
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "FLOPs", "kept"]
    assert [line.split() for line in lines[2:5]] == [
        ["0", "Dense", "(…,", "8)", "40", "72", "0", "B"],
        ["1", "ReLU", "(…,", "8)", "0", "8", "32", "B"],
        ["2", "Dense", "(…,", "3)", "27", "51", "0", "B"],
    ]
    assert lines[-2:] == [
        "67 parameters, 268 B", "forward pass of 1 sample: 131 FLOPs, 32 B kept for the backward pass"
    ]  # fmt: skip


def test_summary_of_other_networks(capsys: pytest.CaptureFixture[str]) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Dense(1000, 1000, rng=0)
            self.scale = tg.tensor([2.0], dtype=np.float32, requires_grad=True)

        def forward(self, x: Any) -> Any:
            return self.inner(self.inner(x)) * self.scale

    model = nn.Model(nn.Sequential(Twice(), nn.Identity()), loss=nn.MeanSquaredError())
    model.summary()
    assert "output" not in capsys.readouterr().out
    model.summary((1000,))
    text = capsys.readouterr().out
    assert [line.split() for line in text.splitlines()[2:-3]] == [
        ["0", "Twice", "(…,", "1000)", "1", "1", "k", "4", "kB"],
        ["0.inner", "Dense", "(…,", "1000)", "1,001,000", "4", "M", "4", "kB"],
        ["1", "Identity", "(…,", "1000)", "0", "0", "0", "B"],
    ]
    assert text.splitlines()[-2] == "1,001,001 parameters, 4 MB"
    make_model(nn.Dense(1, 1, bias=False)).summary()
    assert capsys.readouterr().out.splitlines()[-2] == "1 parameter, 4 B"


# -- what is shown --------------------------------------------------------------------------------------------


def test_progress_prints_lines(data: tuple[Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    make_model().fit(*data, epochs=2, validation_data=data)  # nobody watches a captured stderr
    out, err = capsys.readouterr()
    assert err == ""
    first, second = out.splitlines()
    assert first.startswith("epoch 1/2  loss ")
    names = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [part.split()[0] for part in second.split("  ")] == names

    make_model(make_network(weight_l2=0.1)).fit(*data)
    names = ["epoch", "loss", "regularization_loss", "accuracy"]
    assert [part.split()[0] for part in capsys.readouterr().out.split("  ")] == names


def test_progress_is_silent_with_verbose_0(data: tuple[Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    make_model().fit(*data, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_progress_shows_a_bar_in_a_terminal(
    data: tuple[Any, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    make_model().fit(*data, epochs=2, batch_size=6)
    out, err = capsys.readouterr()
    assert out == ""
    assert "epoch 2/2 |██████████| " in err
    assert ", accuracy 0." in err
    assert "learning_rate" not in err
    assert "regularization_loss" not in err


@pytest.mark.parametrize("size", [(0, 0), (0, 24), (80, 0)])
def test_progress_prints_lines_in_a_terminal_without_a_size(
    data: tuple[Any, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2)
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size(size))
    make_model().fit(*data)
    out, err = capsys.readouterr()
    assert out.startswith("epoch 1/1  loss ")
    assert err == ""


def test_progress_bar_fits_into_80_columns() -> None:
    values = {"loss": 0.123456, "data_loss": 0.12, "accuracy": 0.98765, "learning_rate": 0.001}
    values |= {"val_loss": 0.0123456, "val_accuracy": 0.97654}
    shown = formatted(headline(values), digits=3)
    assert shown == "val_accuracy 0.977  loss 0.123  val_loss 0.0123"
    line = tqdm.format_meter(9, 10, 59.0, ncols=80, prefix="epoch 10/10", bar_format=BAR, postfix=shown)
    assert len(line) == 80
    assert line.startswith("epoch 10/10 |█")
    assert line.endswith(f"| 00:59<00:06, {shown}")


def test_history_plot_after_fit_saves_a_picture(data: tuple[Any, Any], tmp_path: Path) -> None:
    history = make_model().fit(*data, epochs=2, validation_data=data, verbose=0)
    history.plot(tmp_path / "training.png")
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_model_repr_shows_the_parts() -> None:
    assert repr(make_model()).startswith("Model(\n  Sequential(\n    0: Dense(4, 8)")
