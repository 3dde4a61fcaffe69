"""Networks give the same numbers on CuPy arrays as on NumPy arrays. Without a GPU, a test double replaces CuPy."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tests.cupy_double import installed
from tests.ops.test_cupy import has_gpu

RNG = np.random.default_rng(11)
X = RNG.normal(size=(40, 8))
Y = RNG.integers(0, 3, 40)
WIDE = np.float64


@pytest.fixture
def cupy() -> Iterator[Any]:
    if has_gpu():
        import cupy

        yield cupy
    else:
        with installed() as double:
            yield double


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Dense(8, 12, rng=0, dtype=WIDE), nn.ReLU(), nn.Dropout(0.2, rng=5), nn.Dense(12, 3, rng=1, dtype=WIDE)
    )


OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda p: nn.SGD(p, 0.1),
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "Adagrad": lambda p: nn.Adagrad(p, 0.1),
    "RMSprop": lambda p: nn.RMSprop(p, 0.01, centered=True, momentum=0.9),
    "Adam": lambda p: nn.Adam(p, 0.01),
    "AdamW": lambda p: nn.AdamW(p, 0.01),
    "NAdam": lambda p: nn.NAdam(p, 0.01),
    "Lion": lambda p: nn.Lion(p, 0.01),
    "LBFGS": lambda p: nn.LBFGS(p, 0.5, max_iterations=3, line_search="strong_wolfe"),
}


def trained(make: Any, moves: dict[int, Any]) -> tuple[list[float], nn.Sequential, Any]:
    """Train for four steps, moving the network before some. Return the losses, the network and the optimizer."""
    made, loss, losses = network().eval(), nn.SoftmaxCrossEntropy(), []
    optimizer = make(made.parameters())

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        value: tg.Tensor = loss(made(X), Y)
        value.backward()
        return value

    for step in range(4):
        if step in moves:
            made.to(moves[step])
        losses.append(float(closure()))
        optimizer.step(closure) if optimizer.needs_closure else optimizer.step()
    return losses, made, optimizer


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_on_cupy_trains_as_on_numpy(name: str, cupy: Any) -> None:
    expected, reference, _ = trained(OPTIMIZERS[name], {})
    for moves in ({0: cupy}, {1: cupy, 3: np}):
        losses, made, optimizer = trained(OPTIMIZERS[name], moves)
        np.testing.assert_allclose(losses, expected, rtol=1e-10)
        for ours, theirs in zip(made.parameters(), reference.parameters(), strict=True):
            assert isinstance(ours.array, np.ndarray if 3 in moves else cupy.ndarray)
            np.testing.assert_allclose(ours.numpy(), theirs.array, rtol=1e-10, atol=1e-12)
        state = optimizer.state_dict()
        assert not any(isinstance(each, cupy.ndarray) for each in state.values())
        optimizer.load_state_dict(state)
        for parameter, arrays in zip(optimizer.parameters, optimizer.states, strict=True):
            assert all(isinstance(each, type(parameter.array)) for each in arrays.values())


LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "BatchNorm": (lambda: nn.BatchNorm(8, dtype=WIDE), (4, 8)),
    "LayerNorm": (lambda: nn.LayerNorm(8, dtype=WIDE), (4, 8)),
    "RMSNorm": (lambda: nn.RMSNorm(8, dtype=WIDE), (4, 8)),
    "GroupNorm": (lambda: nn.GroupNorm(8, 2, dtype=WIDE), (4, 5, 5, 8)),
    "Conv1D": (lambda: nn.Conv1D(3, 4, 3, dtype=WIDE), (2, 8, 3)),
    "Conv2D": (lambda: nn.Conv2D(3, 4, 3, padding="same", dtype=WIDE), (2, 6, 6, 3)),
    "ConvTranspose2D": (lambda: nn.ConvTranspose2D(3, 4, 3, stride=2, dtype=WIDE), (2, 4, 4, 3)),
    "MaxPool2D": (lambda: nn.MaxPool2D(2), (2, 6, 6, 3)),
    "AveragePool2D": (lambda: nn.AveragePool2D(2), (2, 6, 6, 3)),
    "UpSample2D": (lambda: nn.UpSample2D(2), (2, 3, 3, 2)),
    "RNN": (lambda: nn.RNN(4, 5, dtype=WIDE), (2, 4, 4)),
    "LSTM": (lambda: nn.LSTM(4, 5, return_sequences=True, dtype=WIDE), (2, 4, 4)),
    "GRU": (lambda: nn.GRU(4, 5, dtype=WIDE), (2, 4, 4)),
    "TransformerBlock": (lambda: nn.TransformerBlock(8, 2, causal=True, dtype=WIDE), (2, 4, 8)),
    "Dropout": (lambda: nn.Dropout(0.5, rng=3), (4, 8)),
    "GELU": (lambda: nn.GELU(), (3, 3)),
    "Softmax": (lambda: nn.Softmax(), (3, 4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_layer_on_cupy_agrees_with_numpy(name: str, cupy: Any) -> None:
    make, shape = LAYERS[name]
    values = np.random.default_rng(3).normal(size=shape)

    def results(library: Any) -> list[Any]:
        layer = make()
        layer.load_state_dict(state)
        layer.to(library)
        x = tg.tensor(library.asarray(values), requires_grad=True)
        out = layer(x)
        (out**2).sum().backward()
        return [out.array, x.grad, *(p.grad for p in layer.parameters()), layer.eval()(x).array]

    state = make().state_dict()
    got = results(cupy)
    assert all(isinstance(each, cupy.ndarray) for each in got)
    for ours, theirs in zip(got, results(np), strict=True):
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-9, atol=1e-11)


def test_network_moves_with_its_gradients_and_buffers(cupy: Any) -> None:
    made = nn.Sequential(nn.Dense(2, 3, rng=0), nn.BatchNorm(3))
    made(np.ones((4, 2), np.float32)).sum().backward()
    before = [None if each.grad is None else each.grad.copy() for _, each in made.named_state()]
    weight = made[0].weight.numpy()
    assert made.to(cupy) is made
    for _, each in made.named_state():
        assert isinstance(each.array, cupy.ndarray)
        assert each.grad is None or isinstance(each.grad, cupy.ndarray)
    assert isinstance(made(np.ones((4, 2), np.float32)).array, cupy.ndarray)
    for (_, each), grad in zip(made.to(np).named_state(), before, strict=True):
        assert type(each.array) is np.ndarray
        assert each.array.flags.owndata
        np.testing.assert_array_equal(each.grad, grad)
    np.testing.assert_array_equal(made[0].weight.array, weight)


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("cuda", "import cupy; network.to.cupy"),
        (np.float64, "Choose the dtype"),
        ("float32", "Choose the dtype"),
        (type("dtype", (), {"__repr__": lambda self: "torch.float32"})(), "Choose the dtype"),
        ("jax", "compile=True"),
        (0, "got 0"),
        (copy, "expected the module cupy or numpy"),
    ],
)
def test_network_to_refuses_other_libraries_with_a_hint(library: Any, message: str) -> None:
    made = network()
    with pytest.raises(TypeError, match=rf"Sequential.to: .*{message}"):
        made.to(library)
    assert isinstance(made[0].weight.array, np.ndarray)


@pytest.mark.slow
def test_model_trains_evaluates_and_predicts_on_cupy(cupy: Any, tmp_path: Path) -> None:
    def run(library: Any, data: Any) -> tuple[Any, ...]:
        made = network().to(library)
        model = nn.Model(
            made, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(made.parameters(), 0.05), rng=1,
            metrics=[nn.CategoricalAccuracy(), nn.F1(average="macro"), nn.TopKAccuracy(2)],
        )  # fmt: skip
        path = tmp_path / f"{library.__name__}.safetensors"
        callbacks = [
            nn.ClipGradients(norm=0.5), nn.EarlyStopping(patience=1, restore_best=True), nn.ModelCheckpoint(path),
        ]  # fmt: skip
        history = model.fit(
            data(X),
            data(Y),
            epochs=6,
            batch_size=8,
            validation_split=0.25,
            callbacks=callbacks,
            verbose=0,
            accumulate=2,
        )
        assert isinstance(made[0].weight.array, library.ndarray)
        loaded = nn.Model.load(path)
        assert isinstance(loaded.network[0].weight.array, np.ndarray)
        return [history[name] for name in history], model.evaluate(data(X), data(Y)), model.predict(data(X)), loaded

    expected = run(np, np.asarray)
    for data in (np.asarray, cupy.asarray):
        columns, evaluated, predicted, loaded = run(cupy, data)
        for ours, theirs in zip(columns, expected[0], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        assert evaluated == pytest.approx(expected[1], rel=1e-9)
        assert type(predicted) is np.ndarray
        np.testing.assert_allclose(predicted, expected[2], rtol=1e-9)
        np.testing.assert_allclose(loaded.predict(X), expected[3].predict(X), rtol=1e-9)


def test_average_of_weights_follows_a_network_that_moves(cupy: Any) -> None:
    def averaged(libraries: tuple[Any, ...]) -> dict[str, Any]:
        made = network()
        average = nn.AveragedWeights(made, decay=0.5)
        for library in libraries:
            made.to(library)
            made[0].weight.data = made[0].weight.numpy() + 1.0
            average.update()
        return average.state_dict()

    expected = averaged((np, np, np))
    for name, ours in averaged((np, cupy, cupy)).items():
        assert not isinstance(ours, cupy.ndarray)
        np.testing.assert_allclose(ours, expected[name])


def test_state_of_a_network_on_cupy_is_copied_and_restored(cupy: Any) -> None:
    made, other = network(), network().to(cupy)
    for each in made.parameters():
        each.data += 1.0
    other.load_state_dict(made.state_dict())
    twins = [other, copy.deepcopy(other), pickle.loads(pickle.dumps(other))]
    for twin in twins:
        assert all(isinstance(each.array, cupy.ndarray) for each in twin.parameters())
        assert all(type(each) is np.ndarray for each in twin.state_dict().values())
        np.testing.assert_array_equal(twin[0].weight.numpy(), made[0].weight.array)


@pytest.mark.slow
def test_pictures_of_cupy_arrays_show_the_same_numbers(cupy: Any, tmp_path: Path) -> None:
    def shown(kind: Any) -> list[str]:
        w = tg.tensor(kind(np.array([[0.5, -1.0], [2.0, 0.25]])), requires_grad=True, name="w")
        loss = ((tg.tanh(kind(np.eye(2)) @ w) + kind(np.ones(2))) ** 2).mean()
        loss.backward(retain_graph=True)
        tg.draw(loss).save(tmp_path / "graph.html")
        tg.walkthrough(loss).save(tmp_path / "walk.html")
        pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("graph.html", "walk.html")]
        return [repr(w), str(loss), f"{loss:.3f}", w._repr_html_(), *pages]

    assert shown(cupy.asarray) == shown(np.array)
