"""`nn.Model(compile=True)`: the same training as without, as programs of XLA."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tests.nn.test_nnfs import (
    CLIPPED,
    EPOCHS,
    SCENARIOS,
    check_curves,
    fused,
    inputs_of,
    network_of,
    optimizer_of,
    recorded,
)  # fmt: skip

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.slow  # compiling a training step takes about a second


@pytest.fixture(autouse=True, scope="module")
def cache_of_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each program once, also if several models have the same."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = [getattr(jax.config, name) for name in names]
    for name, value in zip(names, (str(tmp_path_factory.mktemp("programs")), 0.0)):
        jax.config.update(name, value)
    yield
    for name, value in zip(names, before):
        jax.config.update(name, value)


X, LABELS = nn.datasets.spiral(10, 3, rng=0)
X = X.astype(np.float64)


def network(dtype: Any = np.float64, rate: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Dense(2, 6, dtype=dtype, rng=0, weight_l2=1e-3), nn.Tanh()]
    layers += [nn.Dropout(rate, rng=5)] if rate else []
    return nn.Sequential(*layers, nn.Dense(6, 3, dtype=dtype, rng=1))


def model(made: nn.Module | None = None, **options: Any) -> nn.Model:
    made = network() if made is None else made
    options = {"optimizer": nn.Adam(made.parameters(), 0.05, decay=1e-3), "rng": 3, **options}
    return nn.Model(made, loss=nn.SoftmaxCrossEntropy(), **options)


def assert_same(one: Mapping[str, Any], other: Mapping[str, Any], tolerance: float = 1e-10) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], rtol=tolerance, atol=tolerance, err_msg=name)


def fit(made: nn.Model, **options: Any) -> nn.History:
    return made.fit(X, LABELS, **{"epochs": 3, "batch_size": 15, "verbose": 0, **options})


# -- the same training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_compiled_training_follows_the_book(name: str) -> None:
    start = recorded(name)
    made, (loss, metric) = network_of(name, start), fused(name)
    trained = nn.Model(made, loss=loss, optimizer=optimizer_of(name, made), metrics=[metric], compile=True)
    history = trained.fit(inputs_of(start), start["y"], epochs=EPOCHS, verbose=0)
    data_loss, clipped = np.array(history["data_loss"]), CLIPPED.get(name, [])
    data_loss[clipped] = start["data_loss"][clipped]
    check_curves({**history, "data_loss": data_loss}, start)


class Masked(nn.Module):
    """Network whose dropout multiplies with masks that are a further input."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        self.body, self.head = body, head

    def forward(self, x: Any, noise: Any) -> tg.Tensor:
        return self.head(self.body(x) * noise)


def mlp(dtype: Any) -> tuple[nn.Module, Any, int]:
    body = nn.Sequential(nn.Dense(5, 8, bias=False, dtype=dtype, rng=0), nn.BatchNorm(8, dtype=dtype), nn.ReLU())
    return Masked(body, nn.Dense(8, 3, dtype=dtype, rng=1)), np.random.default_rng(0).normal(size=(16, 5)), 8


def cnn(dtype: Any) -> tuple[nn.Module, Any, int]:
    body = nn.Sequential(
        nn.Conv2D(1, 2, 3, padding="same", bias=False, dtype=dtype, rng=0),
        nn.BatchNorm(2, dtype=dtype), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(),
    )  # fmt: skip
    return Masked(body, nn.Dense(18, 3, dtype=dtype, rng=1)), np.random.default_rng(0).normal(size=(16, 6, 6, 1)), 18


def lstm(dtype: Any) -> tuple[nn.Module, Any, int]:
    body = nn.Sequential(nn.LSTM(3, 4, dtype=dtype, rng=0), nn.BatchNorm(4, dtype=dtype))
    return Masked(body, nn.Dense(4, 3, dtype=dtype, rng=1)), np.random.default_rng(0).normal(size=(16, 4, 3)), 4


def gpt(dtype: Any) -> tuple[nn.Module, Any, int]:
    body = nn.Sequential(
        nn.Embedding(7, 8, dtype=dtype, rng=0),
        nn.TransformerBlock(8, 2, causal=True, dtype=dtype, rng=1),
        nn.GlobalAveragePool(), nn.BatchNorm(8, dtype=dtype),
    )  # fmt: skip
    return Masked(body, nn.Dense(8, 3, dtype=dtype, rng=2)), np.random.default_rng(0).integers(0, 7, (16, 5)), 8


@pytest.mark.parametrize("make", [mlp, cnn, lstm, gpt])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-2), (np.float64, 1e-8)])
def test_compiled_training_of_networks_is_the_eager_training(
    make: Callable[..., Any], dtype: Any, tolerance: float
) -> None:
    rng = np.random.default_rng(1)
    eager, samples, width = make(dtype)
    compiled = copy.deepcopy(eager)
    data = {"x": samples, "noise": (rng.random((16, width)) < 0.8).astype(dtype)}
    labels = rng.integers(0, 3, 16)
    gradients, losses = [], []
    for made in (eager, compiled):
        trained = nn.Model(
            made, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(made.parameters(), 0.01, momentum=0.9), rng=0,
            compile=made is compiled,
        )  # fmt: skip
        before = [np.array(parameter.data) for parameter in made.parameters()]
        trained.fit(data, labels, batch_size=8, epochs=1, shuffle=False, verbose=0)
        gradients.append([new.data - old for new, old in zip(made.parameters(), before)])
        losses.append(trained.fit(data, labels, batch_size=8, epochs=99, verbose=0)["loss"][-1])
    for one, other in zip(*gradients):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, float(np.abs(one).max())))
    assert losses[1] == pytest.approx(losses[0], rel=tolerance)


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_compiled_history_is_the_eager_one(steps_per_call: int) -> None:
    class Rounded(nn.Metric):
        name = "rounded"

        def measure(self, predictions: Any, targets: Any) -> Any:
            return np.full(len(predictions), float(predictions[0, 0]))  # cannot be traced

    def run(**options: Any) -> tuple[nn.History, list[float], dict[str, float]]:
        made = model(metrics=[nn.CategoricalAccuracy(), nn.F1(), Rounded()], **options)
        seen: list[float] = []

        class Recorder(nn.Callback):
            def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
                seen.append(logs["loss"] + step)

        weights = np.linspace(0, 2, 30)
        history = fit(
            made, sample_weight=weights, class_weight={0: 2.0}, validation_data=(X[::2], LABELS[::2]),
            callbacks=[nn.ClipGradients(norm=0.1), Recorder(), nn.ClipGradients(value=0.05)], batch_size=16,
            accumulate=steps_per_call,
        )  # fmt: skip
        return history, seen, made.evaluate(X, LABELS, batch_size=20)

    eager, compiled = run(), run(compile=True, steps_per_call=steps_per_call)
    assert_same(compiled[0], eager[0])
    np.testing.assert_allclose(compiled[1], eager[1], rtol=1e-10)
    assert_same(compiled[2], eager[2])


def test_compiled_training_with_padding_and_ids() -> None:
    ids, lengths = np.array([[3, 1, 2], [4, 0, 0], [1, 2, 0]]), np.array([3, 1, 2])
    targets = np.array([[0, 1, 1], [1, 9, 9], [0, 1, -5]])

    def run(**options: Any) -> nn.History:
        made = nn.Sequential(
            nn.Embedding(5, 4, dtype=np.float64, rng=0),
            nn.LSTM(4, 4, return_sequences=True, dtype=np.float64, rng=1),
            nn.Dense(4, 2, dtype=np.float64, rng=2),
        )
        trained = model(made, metrics=[nn.CategoricalAccuracy(), nn.Recall()], **options)
        data, weights = {"x": ids, "lengths": lengths}, np.linspace(0.5, 2, 9).reshape(3, 3)
        return trained.fit(
            data, targets, batch_size=2, epochs=3, validation_data=(data, targets, weights), accumulate=2, verbose=0
        )

    assert_same(run(compile=True), run())


def test_compiled_training_with_several_outputs() -> None:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            self.hidden = nn.Dense(2, 4, dtype=np.float64, rng=0)
            self.kind = nn.Dense(4, 3, dtype=np.float64, rng=1)
            self.size = nn.Dense(4, 1, dtype=np.float64, rng=2)

        def forward(self, x: Any) -> dict[str, tg.Tensor]:
            h = tg.tanh(self.hidden(x))
            return {"kind": self.kind(h), "size": self.size(h)}

    def run(**options: Any) -> tuple[nn.History, Any]:
        made = TwoHeads()
        trained = nn.Model(
            made, loss={"kind": nn.SoftmaxCrossEntropy(), "size": nn.MeanSquaredError()},
            metrics={"kind": nn.CategoricalAccuracy()}, optimizer=nn.AdamW(made.parameters()), rng=0, **options,
        )  # fmt: skip
        history = trained.fit(X, {"kind": LABELS, "size": X[:, :1]}, batch_size=16, epochs=2, verbose=0)
        return history, trained.predict(X, batch_size=16)

    (compiled, ours), (eager, theirs) = run(compile=True), run()
    assert_same(compiled, eager)
    assert_same(ours, theirs)


# -- arrays and programs ----------------------------------------------------------------------------------


def arrays_of(made: nn.Model) -> list[Any]:
    tensors = [tensor.array for _, tensor in made.network.named_state()]
    return tensors + [array for state in made.optimizer.states for array in state.values()]


def test_compiled_model_holds_numpy_arrays_outside_of_fit_and_changes_none_of_the_users() -> None:
    samples, labels = X.copy(), LABELS.copy()
    weight = np.ones((2, 6))
    made = model(network(np.float64), compile=True)
    made.network[0].weight.data = weight
    held = made.network[0].weight.data
    graph = tg.sum(made.network(X))
    made.evaluate(samples, labels)
    assert made.network[0].weight.data is held
    graph.backward()  # evaluation leaves recorded graphs valid
    inside: list[type] = []

    class Recorder(nn.Callback):
        def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
            inside.extend(map(type, arrays_of(self.model)))

    made.fit(samples, labels, epochs=1, callbacks=[Recorder()], verbose=0)
    assert {kind.__name__ for kind in inside} == {"Array"}
    assert {type(array) for array in arrays_of(made)} == {np.ndarray}
    assert all(array.flags.writeable for array in arrays_of(made))
    np.testing.assert_array_equal(samples, X)
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(weight, np.ones((2, 6)))
    assert isinstance(copy.deepcopy(made).predict(X), np.ndarray)


def test_compiled_float32_model_computes_without_float64() -> None:
    made = model(network(np.float32, rate=0.2), metrics=[nn.CategoricalAccuracy()], compile=True)
    fit(made, epochs=1, batch_size=None, sample_weight=np.ones(30), class_weight="balanced",
        callbacks=[nn.ClipGradients(norm=1.0)])  # fmt: skip
    made.evaluate(X, LABELS)
    programs = made._programs
    assert programs is not None
    assert "f64" not in programs.training.hlo
    assert "f64" not in programs.evaluation.hlo
    assert not jax.config.jax_enable_x64


def test_compiled_model_notices_changes_between_calls() -> None:
    rate = nn.ExponentialDecay(0.05, steps=7)

    def network_with_norm() -> nn.Sequential:
        return nn.Sequential(nn.Dense(2, 4, bias=False, dtype=np.float64, rng=0), nn.BatchNorm(4, dtype=np.float64),
                             nn.Tanh(), nn.Dense(4, 3, dtype=np.float64, rng=1))  # fmt: skip

    made = [network_with_norm(), network_with_norm()]
    pair = [
        model(each, optimizer=nn.SGD(each.parameters(), rate, momentum=0.9), compile=compiled)
        for each, compiled in zip(made, (True, False))
    ]

    def check(change: Callable[[nn.Model], Any], *, programs: int) -> None:
        for each in pair:
            change(each)
        ours, theirs = (fit(each, epochs=1, batch_size=None) for each in pair)
        assert_same(ours, theirs)
        assert_same(*(each.evaluate(X, LABELS) for each in pair))
        assert pair[0]._programs is not None
        assert pair[0]._programs.training.traces == programs

    def set_data(tensor: tg.Tensor, values: Any) -> None:
        tensor.data = values

    check(lambda m: None, programs=1)
    check(lambda m: set_data(m.network[0].weight, m.network[0].weight.data * 2), programs=1)
    check(lambda m: set_data(m.network[1].running_mean, m.network[1].running_mean.data + 1), programs=1)
    check(lambda m: setattr(m.optimizer, "learning_rate", nn.ExponentialDecay(0.1, steps=2)), programs=1)
    check(lambda m: setattr(m.optimizer, "momentum", 0.5), programs=2)
    check(lambda m: m.network[1].freeze(), programs=3)
    check(lambda m: setattr(m.network, "layers", (*m.network.layers[:2], nn.ReLU(), m.network.layers[3])), programs=4)
    check(lambda m: setattr(m, "loss", nn.SoftmaxCrossEntropy(label_smoothing=0.1)), programs=5)
    check(lambda m: m.network.eval(), programs=5)  # fit sets the mode itself


# -- randomness and resuming ------------------------------------------------------------------------------


def test_compiled_dropout_depends_on_seeds_and_steps_only() -> None:
    def run(**options: Any) -> nn.History:
        made = model(network(rate=0.5), compile=True, **options)
        return fit(made, epochs=2, batch_size=10)

    first, again, several = run(), run(), run(steps_per_call=3)
    assert dict(first) == dict(again)
    assert_same(first, several, 1e-12)
    assert first["loss"] != model(network(rate=0.5)).fit(X, LABELS, epochs=2, batch_size=10, verbose=0)["loss"]


def test_compiled_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    shared = np.random.default_rng(0)  # of the order of the samples and of the dropout

    def make() -> nn.Model:
        made = nn.Sequential(nn.Dense(2, 6, rng=0), nn.Dropout(0.3, rng=shared), nn.Dense(6, 3, rng=1))
        return model(made, rng=shared, compile=True)

    start = copy.deepcopy(shared.bit_generator.state)
    whole = make()
    fit(whole, epochs=4)
    shared.bit_generator.state = start
    path = tmp_path / "model.safetensors"
    fit(make(), epochs=2, callbacks=[nn.ModelCheckpoint(path)])
    resumed = nn.Model.load(path, compile=True)
    fit(resumed, epochs=4, resume=True)
    assert dict(resumed.history) == dict(whole.history)
    for ours, theirs in zip(arrays_of(resumed), arrays_of(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# -- errors and interruptions -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_compiled_training_reports_the_step_that_was_not_finite(kind: str) -> None:
    class Risky(nn.Module):
        def __init__(self) -> None:
            self.scale = tg.tensor(np.ones(2), requires_grad=True)

        def forward(self, x: Any) -> tg.Tensor:
            return tg.sin(x * tg.sin(x * self.scale)) if kind == "gradient" else tg.log(x) * self.scale

    samples = np.ones((12, 2))
    samples[7] = 1e200 if kind == "gradient" else 0.0

    def run(**options: Any) -> tuple[str, nn.Model]:
        made = Risky()
        trained = nn.Model(made, loss=nn.MeanSquaredError(), optimizer=nn.Adam(made.parameters(), 0.1), **options)
        with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as error:
            trained.fit(samples, samples + 1, epochs=2, batch_size=2, shuffle=False, verbose=0)
        return str(error.value), trained

    (ours, compiled), (theirs, eager) = run(compile=True, steps_per_call=2), run()
    assert "step 4/6" in theirs
    assert ours == theirs
    assert compiled.optimizer is not None
    assert eager.optimizer is not None
    assert compiled.optimizer.iterations == eager.optimizer.iterations == 3
    for one, other in zip(arrays_of(compiled), arrays_of(eager), strict=True):
        assert type(one) is np.ndarray
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_compiled_training_that_cannot_be_traced_leaves_everything_as_it_was() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            self.inner = network()
            self.last: Any = None

        def forward(self, x: Any) -> tg.Tensor:
            self.last = self.inner(x)
            return self.last * (2 if self.last.data.sum() > 0 else 1)

    made = model(Branching(), compile=True)
    before = {name: array.copy() for name, array in made.network.state_dict().items()}
    with pytest.raises(tg.xla.TraceError, match="a condition needs the values"):
        fit(made)
    assert_same(made.network.state_dict(), before, 0)
    assert {type(array) for array in arrays_of(made)} == {np.ndarray}
    assert isinstance(made.network.last.array, np.ndarray)
    assert made.network.training
    assert made.optimizer is not None
    assert made.optimizer.iterations == 0


def test_compiled_training_stopped_by_ctrl_c_can_be_resumed() -> None:
    class Interrupting(nn.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            if epoch == 1:
                signal.raise_signal(signal.SIGINT)

    made, whole = model(compile=True), model(compile=True)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(made, callbacks=[Interrupting()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert {type(array) for array in arrays_of(made)} == {np.ndarray}
    fit(made, resume=True)
    fit(whole)
    assert dict(made.history) == dict(whole.history)


def test_compiled_model_refuses_what_it_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scaling(nn.Callback):
        def on_gradients(self, step: int) -> None: ...

    class OwnStep(nn.SGD):
        def step(self) -> None: ...

    made = network()
    with pytest.raises(TypeError, match="Scaling has on_gradients"):
        fit(model(compile=True), callbacks=[Scaling()])
    with pytest.raises(TypeError, match="OwnStep overrides step"):
        fit(model(made, optimizer=OwnStep(made.parameters(), 0.1), compile=True))
    with pytest.raises(ValueError, match="no device 'nonsense'"):
        model(compile=True, device="nonsense")
    with pytest.raises(ValueError, match="devices=64, but JAX finds only"):
        model(compile=True, devices=64)
    with pytest.raises(ValueError, match="pass either device, for one, or devices"):
        model(compile=True, device="cpu", devices=1)
    with pytest.raises(TypeError, match="device must be a name"):
        model(compile=True, device=3)
    with pytest.raises(ValueError, match="for compiled models"):
        model(device="cpu")
    with pytest.raises(ValueError, match="steps_per_call"):
        model(compile=True, steps_per_call=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install 'tensorgrad"):
        model(compile=True)


def test_model_that_is_not_compiled_does_not_load_jax() -> None:
    code = (
        "import sys, numpy as np, nn; n = nn.Dense(2, 1); "
        "nn.Model(n, loss=nn.MeanSquaredError(), optimizer=nn.SGD(n.parameters(), 0.1))"
        ".fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0); assert 'jax' not in sys.modules"
    )
    root = str(Path(nn.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, check=True, timeout=100)


def test_compiled_training_with_averaged_weights_and_early_stopping() -> None:
    def run(**options: Any) -> tuple[nn.History, Any]:
        made = model(network(), **options)
        stopping, average = nn.EarlyStopping("val_loss", patience=1, min_delta=10.0), nn.AveragedWeights(decay=0.5)
        history = fit(made, epochs=9, validation_data=(X, LABELS), callbacks=[average, stopping])
        assert {type(array) for array in average.state_dict().values()} == {int, np.ndarray}
        return history, made.network.state_dict()

    (compiled, ours), (eager, theirs) = run(compile=True), run()
    assert_same(compiled, eager)
    assert_same(ours, theirs)
