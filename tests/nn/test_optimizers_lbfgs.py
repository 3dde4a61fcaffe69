"""L-BFGS: minima, PyTorch's points, its state, and what it refuses."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tests.strict_array import StrictArray

START = np.array([-1.2, 1.0, 0.5])


def rosenbrock(x: Any, sum_of: Callable[[Any], Any]) -> Any:
    return sum_of(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def closure_of(optimizer: nn.LBFGS, loss_of: Callable[[], Any]) -> Callable[[], Any]:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    return closure


def make(values: Any, **options: Any) -> tuple[tg.Tensor, nn.LBFGS, Callable[[], Any]]:
    w = tg.tensor(np.array(values), requires_grad=True)
    optimizer = nn.LBFGS([w], **options)
    return w, optimizer, closure_of(optimizer, lambda: rosenbrock(w, tg.sum))


def test_lbfgs_minimises_rosenbrock() -> None:
    w, optimizer, closure = make(START, max_iterations=200, change_tolerance=1e-14, line_search="strong_wolfe")
    first = optimizer.step(closure)
    np.testing.assert_allclose(first, float(rosenbrock(START, np.sum)))
    for _ in range(3):
        last = optimizer.step(closure)
    assert last < 1e-12
    np.testing.assert_allclose(w.data, 1.0, atol=1e-6)
    assert optimizer.iterations == 4


def test_lbfgs_first_iterations_follow_the_formula() -> None:
    """Two iterations of fixed length on a quadratic, with H from one step: Nocedal and Wright, equation 7.19."""
    A, x = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0])
    w = tg.tensor(x, requires_grad=True)
    optimizer = nn.LBFGS([w], 0.5, max_iterations=2, max_evaluations=5)
    optimizer.step(closure_of(optimizer, lambda: 0.5 * w @ A @ w))
    g = A @ x
    s = -g * 0.5 * min(1, 1 / np.abs(g).sum())
    y, g = A @ s, A @ (x + s)
    V = np.eye(2) - np.outer(s, y) / (y @ s)
    H = V @ (np.eye(2) * (s @ y) / (y @ y)) @ V.T + np.outer(s, s) / (y @ s)
    np.testing.assert_allclose(w.data, x + s - 0.5 * H @ g, rtol=1e-12)


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
@pytest.mark.parametrize("history_size", [3, 100])
def test_lbfgs_reaches_the_points_of_pytorch(line_search: Any, history_size: int) -> None:
    torch = pytest.importorskip("torch")
    start = np.linspace(-1.0, 1.2, 6)
    rate = 1.0 if line_search else 0.05
    options = {"history_size": history_size}
    w, optimizer, closure = make(start, learning_rate=rate, max_iterations=7, line_search=line_search, **options)  # type: ignore[arg-type]
    t = torch.tensor(start, requires_grad=True)
    reference = torch.optim.LBFGS([t], lr=rate, max_iter=7, line_search_fn=line_search, **options)

    def theirs() -> Any:
        reference.zero_grad()
        loss = rosenbrock(t, torch.sum)
        loss.backward()
        return loss

    for _ in range(7):
        assert optimizer.step(closure) == pytest.approx(reference.step(theirs).item(), rel=1e-7)
        np.testing.assert_allclose(w.data, t.detach().numpy(), rtol=1e-7, atol=1e-9)
    assert optimizer.state_dict()["memory.iterations"] == reference.state[t]["n_iter"]


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_lbfgs_trains_a_network(line_search: Any, rng: np.random.Generator) -> None:
    X = rng.normal(size=(40, 3)).astype(np.float32)
    network = nn.Sequential(nn.Dense(3, 8, rng=0), nn.Tanh(), nn.Dense(8, 1, rng=1))
    optimizer, loss = nn.LBFGS(network.parameters(), line_search=line_search), nn.MeanSquaredError()
    y = np.sin(X.sum(axis=1, keepdims=True))
    closure = closure_of(optimizer, lambda: loss(network(X), y))
    first = optimizer.step(closure)
    for _ in range(4):
        last = optimizer.step(closure)
    assert last < first / 20
    assert all(parameter.dtype == np.float32 for parameter in network.parameters())


@pytest.mark.parametrize("steps", [0, 2])
def test_lbfgs_resumes_from_its_state_and_from_a_file(steps: int, tmp_path: Path) -> None:
    network = nn.Module()
    w, optimizer, closure = make([-1.0, 1.0, 0.5], max_iterations=3, history_size=2, line_search="strong_wolfe")
    for _ in range(steps):
        optimizer.step(closure)
    other, resumed, again = make(w.numpy(), max_iterations=3, history_size=2, line_search="strong_wolfe")
    resumed.load_state_dict(optimizer.state_dict())
    dense = nn.Dense(3, 1, bias=False, rng=0, dtype=np.float64)
    model = nn.Model(dense, loss=nn.MeanSquaredError(), optimizer=nn.LBFGS(dense.parameters(), history_size=2))
    assert model.optimizer is not None
    model.optimizer.load_state_dict(
        model.optimizer.state_dict()
        | {name: value for name, value in optimizer.state_dict().items() if name.startswith("memory")}
    )
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Model.load(tmp_path / "model.safetensors").optimizer
    assert loaded is not None
    for name, value in model.optimizer.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name], value)
    twin = copy.deepcopy(optimizer)
    loss_of_twin = closure_of(twin, lambda: rosenbrock(twin.parameters[0], tg.sum))
    for _ in range(2):
        assert optimizer.step(closure) == resumed.step(again) == twin.step(loss_of_twin)
    np.testing.assert_array_equal(w.data, other.data)
    assert network.training


def test_lbfgs_keeps_frozen_parameters() -> None:
    first, second = (tg.tensor(np.array([2.0, 3.0]), requires_grad=True) for _ in range(2))
    optimizer = nn.LBFGS([first, second], max_iterations=4)
    closure = closure_of(optimizer, lambda: tg.sum(first**2) + tg.sum((first.detach() - second) ** 4))
    optimizer.step(closure)
    first.requires_grad = False
    before, other = first.numpy(), second.numpy()
    optimizer.step(lambda: closure_of(optimizer, lambda: tg.sum((first - second + 1) ** 4))())
    np.testing.assert_array_equal(first.data, before)
    assert (second.data != other).all()


def test_lbfgs_restores_the_parameters_after_a_failure() -> None:
    w, optimizer, closure = make([-1.0, 1.0])
    calls = []

    def fails(value: Any) -> Callable[[], Any]:
        def closure_that_fails() -> Any:
            loss = closure()
            calls.append(w.numpy())
            if len(calls) % 2 == 0:
                if isinstance(value, BaseException):
                    raise value
                return value
            return loss

        return closure_that_fails

    for line_search in (None, "strong_wolfe"):
        optimizer.line_search = line_search  # type: ignore[assignment]
        for value, error in (
            (KeyboardInterrupt(), KeyboardInterrupt),
            ("x", TypeError),
            (math.nan, FloatingPointError),
        ):
            if line_search and error is FloatingPointError:
                continue  # the line search avoids such points
            with pytest.raises(error):
                optimizer.step(fails(value))
            np.testing.assert_array_equal(w.data, [-1.0, 1.0])
            assert not np.array_equal(calls[-1], w.data)
    with pytest.raises(
        FloatingPointError, match=r"LBFGS\.step: the loss became nan\. The parameters have been restored"
    ):
        optimizer.step(lambda: math.nan)
    assert optimizer.iterations == 0


def test_lbfgs_line_search_avoids_points_without_a_finite_loss() -> None:
    w = tg.tensor([3.0], requires_grad=True)
    optimizer = nn.LBFGS([w], learning_rate=10.0, max_iterations=50, line_search="strong_wolfe")
    with np.errstate(invalid="ignore"):
        for _ in range(3):
            optimizer.step(closure_of(optimizer, lambda: tg.sum(w - tg.log(w))))  # NaN below 0
    np.testing.assert_allclose(w.data, 1.0, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_iterations": 0}, ValueError, "LBFGS: max_iterations must be at least 1"),
        ({"max_evaluations": 1.5}, TypeError, "LBFGS: max_evaluations must be an integer"),
        ({"history_size": 0}, ValueError, "LBFGS: history_size must be at least 1"),
        ({"line_search": "wolfe"}, ValueError, 'LBFGS: line_search must be "strong_wolfe" or None'),
        ({"gradient_tolerance": -1.0}, ValueError, "LBFGS: gradient_tolerance must be finite"),
        ({"learning_rate": "x"}, TypeError, "LBFGS: learning_rate must be a number"),
    ],
)
def test_lbfgs_refuses_wrong_arguments(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make([1.0, 2.0], **options)


def test_lbfgs_refuses_wrong_use() -> None:
    first, second = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    with pytest.raises(ValueError, match="LBFGS: all parameters share their settings, got several groups"):
        nn.LBFGS([{"params": first}, {"params": second}])
    foreign = tg.Tensor(StrictArray(np.ones(2)), requires_grad=True)
    with pytest.raises(TypeError, match=r"parameters with NumPy or CuPy arrays, .* got .*\.StrictArray\. Use another"):
        nn.LBFGS([first, foreign])
    optimizer = nn.LBFGS([first])
    with pytest.raises(TypeError, match=r"LBFGS\.step: expected a function .* got None"):
        optimizer.step()
    for returned in (None, np.ones(2), first * np.ones(2), True):
        with pytest.raises(TypeError, match=r"LBFGS\.step: expected the closure to return the loss"):
            optimizer.step(lambda returned=returned: returned)
    with pytest.warns(
        UserWarning, match=r"LBFGS\.step: the closure computed no gradient.* Call loss\.backward\(\) in it"
    ):
        assert optimizer.step(lambda: 2.0) == 2.0
    network = nn.Dense(1, 1)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.LBFGS(network.parameters()))
    with pytest.raises(ValueError, match=r"fit: LBFGS computes the loss several times .* optimizer\.step\(closure\)"):
        model.fit(np.ones((2, 1)), np.ones((2, 1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory.scale": None}, r"missing \['memory.scale'\]"),
        ({"memory.scale": 0.0}, "memory.scale must be a finite number above 0"),
        ({"memory.iterations": -1}, "memory.iterations must be at least 0"),
        ({"memory.step": np.zeros(3)}, r"memory.step must be float64 of shape \(2,\), got float64 of \(3,\)"),
        ({"memory.steps": np.zeros((1, 2))}, "memory.steps and memory.changes have different lengths"),
        ({"memory.changes": np.zeros((1, 2), "f")}, r"memory.changes must be float64 of shape \(steps, 2\)"),
        ({"velocity.0": np.zeros(2)}, "unknown"),
    ],
)
def test_lbfgs_refuses_a_wrong_state_without_changes(change: dict[str, Any], message: str) -> None:
    _, optimizer, closure = make([-1.0, 1.0])
    state = {name: value for name, value in (optimizer.state_dict() | change).items() if value is not None}
    optimizer.step(closure)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)
    for name, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
