"""Ctrl-C at every line of training and evaluation: everything is as before or as after."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tests.interrupting import assert_whole, run_traced

X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
Y = np.array([0, 1, 0, 1, 1, 0])

Action = Callable[[], object]


class PlainSGD(nn.Optimizer):
    """Without a fused form."""

    state_names = ("velocity",)

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, 0.1)

    def update(self, gradient: Any, state: Any, settings: Any) -> Any:
        velocity = 0.9 * state["velocity"] + gradient
        return -settings.learning_rate * velocity, {"velocity": velocity}


def make_network() -> nn.Sequential:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dropout(0.5, rng=0), nn.Dense(3, 2, rng=1))
    network[1].eval()  # one layer in another mode
    return network


def make_model(optimizer: Any = nn.Adam, network: nn.Module | None = None) -> nn.Model:
    network = make_network() if network is None else network
    return nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=optimizer(network.parameters()),
        metrics=[nn.CategoricalAccuracy()],
        rng=0,
    )


def plain(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items()}
    return values.tolist() if isinstance(values, np.ndarray) else values


def state_of(model: nn.Model) -> dict[str, Any]:
    assert tg.is_grad_enabled()
    network, optimizer = model.network, model.optimizer
    assert optimizer is not None
    return {
        "network": plain(network.state_dict()),
        "optimizer": plain(optimizer.state_dict()),
        "modes": [module.training for module in network.modules()],
    }


@pytest.mark.parametrize("optimizer", [nn.Adam, PlainSGD])
@pytest.mark.slow
def test_step_interrupted_at_every_line(optimizer: Any) -> None:
    def make() -> tuple[Action, Action]:
        model = make_model(optimizer)
        loss = model.loss(model.network(X), Y)
        loss.backward(retain_graph=True)
        assert model.optimizer is not None

        def state() -> object:
            with pytest.raises(RuntimeError, match="changed") if updated() else tg.enable_grad():
                loss.backward(retain_graph=True)
            model.loss(model.network(X), Y).backward()
            return state_of(model)

        def updated() -> bool:
            assert model.optimizer is not None
            return model.optimizer.iterations > 0

        return model.optimizer.step, state

    assert_whole(make)


@pytest.mark.slow
def test_optimizer_load_state_dict_interrupted_at_every_line() -> None:
    trained = make_model()
    trained.fit(X, Y, epochs=2, verbose=0)
    assert trained.optimizer is not None
    trained.optimizer.learning_rate = 0.5
    saved = trained.optimizer.state_dict()

    def make() -> tuple[Action, Action]:
        model = make_model()
        assert model.optimizer is not None
        optimizer = model.optimizer
        return lambda: optimizer.load_state_dict(saved), lambda: plain(optimizer.state_dict())

    assert_whole(make)


@pytest.mark.slow
def test_load_state_dict_interrupted_at_every_line() -> None:
    saved = {name: array + 1 for name, array in make_network().state_dict().items()}

    def make() -> tuple[Action, Action]:
        network = make_network()
        return lambda: network.load_state_dict(saved), lambda: plain(network.state_dict())

    assert_whole(make)


def test_train_and_eval_interrupted_at_every_line() -> None:
    def make(name: str) -> tuple[Action, Action]:
        network = make_network()
        return getattr(network, name), lambda: [module.training for module in network.modules()]

    assert_whole(lambda: make("train"))
    assert_whole(lambda: make("eval"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_evaluation_interrupted_at_every_line(name: str) -> None:
    def make() -> tuple[Action, Action]:
        model = make_model()
        arguments = (X, Y) if name == "evaluate" else (X,)
        return lambda: getattr(model, name)(*arguments, batch_size=4), lambda: state_of(model)

    assert_whole(make, is_final=False)


class Pressing(nn.Identity):
    """Somebody presses Ctrl-C while it computes."""

    def forward(self, x: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return super().forward(x)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_evaluation_with_a_second_ctrl_c_while_the_first_takes_effect(name: str) -> None:
    reached, at = True, 0
    while reached:
        at += 1
        network = nn.Sequential(nn.Dense(2, 2, rng=0), Pressing(), nn.Dropout(0.5))
        network[0].eval()
        model = make_model(network=network)
        before = state_of(model)
        arguments = (X, Y) if name == "evaluate" else (X,)
        reached, interrupted = run_traced(lambda: getattr(model, name)(*arguments), at)  # noqa: B023
        assert interrupted
        assert state_of(model) == before


@pytest.mark.slow
def test_fit_interrupted_at_every_line() -> None:
    whole = make_model()
    steps = {0: state_of(whole)}

    class Watch(nn.Callback):
        def on_step_end(self, step: int, logs: Any) -> None:
            assert whole.optimizer is not None
            steps[whole.optimizer.iterations] = state_of(whole)

    whole.fit(X, Y, batch_size=4, callbacks=[Watch()], verbose=0)
    modes = state_of(whole)["modes"]
    assert len(steps) == 3
    reached, at = True, 0
    while reached:
        at += 3
        model = make_model()
        reached, interrupted = run_traced(lambda: model.fit(X, Y, batch_size=4, verbose=0), at)  # noqa: B023
        assert interrupted is reached
        assert model.optimizer is not None
        found = state_of(model)
        assert found["modes"] == modes
        assert found == {**steps[model.optimizer.iterations], "modes": modes}
    model.fit(X, Y, epochs=2, verbose=0)


# -- two at once ------------------------------------------------------------------------------------------


def test_fit_inside_fit_is_refused() -> None:
    class Again(nn.Callback):
        def on_step_end(self, step: int, logs: Any) -> None:
            self.model.fit(X, Y, verbose=0)

    model = make_model()
    with pytest.raises(RuntimeError, match=r"^fit: this model, or its network, is being trained by another call"):
        model.fit(X, Y, callbacks=[Again()], verbose=0)
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("shares", ["model", "network"])
def test_fit_in_another_thread_is_refused(shares: str) -> None:
    model = make_model()
    other = model if shares == "model" else make_model(network=model.network)
    errors: list[BaseException] = []

    class Other(nn.Callback):
        def on_step_end(self, step: int, logs: Any) -> None:
            thread = threading.Thread(target=train)
            thread.start()
            thread.join()

    def train() -> None:
        try:
            other.fit(X, Y, verbose=0)
        except RuntimeError as error:
            errors.append(error)

    history = model.fit(X, Y, epochs=2, callbacks=[Other()], verbose=0)
    assert [str(error).partition(":")[0] for error in errors] == ["fit", "fit"]
    assert model.history is history
    assert history.epochs == [0, 1]


def test_fit_of_different_models_at_once_is_possible() -> None:
    model, other = make_model(), make_model()

    class Other(nn.Callback):
        def on_step_end(self, step: int, logs: Any) -> None:
            other.fit(X, Y, verbose=0)

    model.fit(X, Y, callbacks=[Other()], verbose=0)
    assert other.history.epochs == [0]
