"""Code as users write it, for type checkers: `tests/test_typing.py` runs mypy and pyright on this file.

Each `assert_type` fails in a type checker if the type that users see is another, such as Any.
"""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import nn
import tensorgrad as tg


def tensors() -> None:
    """Compute with tensors, and read values and gradients."""
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    assert_type(x, tg.Tensor)
    y = (x * 2 + 1 - x / 3) ** 2
    assert_type(y, tg.Tensor)
    assert_type(1.0 - y, tg.Tensor)
    assert_type(-y, tg.Tensor)
    assert_type(y[0], tg.Tensor)
    assert_type(y.sum(), tg.Tensor)
    assert_type(y.mean(axis=0, keepdims=True), tg.Tensor)
    assert_type(y.reshape(2, 1) @ y.reshape(1, 2), tg.Tensor)
    assert_type(y.T, tg.Tensor)
    assert_type(y.shape, tuple[int, ...])
    assert_type(y.dtype, np.dtype[Any])
    y.sum().backward()
    assert_type(x.grad, NDArray[Any] | None)
    assert_type(x.data, NDArray[Any])
    assert_type(x.detach(), tg.Tensor)
    x.data -= 0.1


def operations() -> None:
    """Call operations, plain and composed, and those with several results."""
    x = tg.tensor(np.eye(3), requires_grad=True)
    assert_type(tg.sin(x), tg.Tensor)
    assert_type(tg.softmax(x, axis=-1), tg.Tensor)
    assert_type(tg.where(x > 0, x, 0.0), tg.Tensor)
    assert_type(tg.concatenate([x, x]), tg.Tensor)
    assert_type(tg.mean(x), tg.Tensor)
    assert_type(tg.var(x, axis=0), tg.Tensor)
    assert_type(tg.einsum("ij,jk->ik", x, x), tg.Tensor)
    assert_type(tg.linalg.det(x), tg.Tensor)
    assert_type(tg.linalg.norm(x), tg.Tensor)
    assert_type(tg.median(x, axis=0), tg.Tensor)
    assert_type(tg.linalg.svd(x).S, tg.Tensor)
    assert_type(tg.sum(x, dtype=np.float32, where=[True, False, True]), tg.Tensor)
    assert_type(x[1:, None, ..., 0], tg.Tensor)
    assert_type(x[[0, 2]], tg.Tensor)
    assert_type(x > 0, NDArray[np.bool])
    assert_type(tg.average(x, weights=[1.0, 2.0, 3.0], axis=0), tg.Tensor)
    assert_type(tg.average(x, returned=True), tuple[tg.Tensor, tg.Tensor])
    assert_type(tg.atleast_2d(x), tg.Tensor)
    assert_type(tg.atleast_2d(x, 1.0), tuple[tg.Tensor, ...])
    assert_type(tg.linspace(0.0, 1.0, 5), tg.Tensor)
    assert_type(tg.polyfit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], 1), tg.Tensor)
    assert_type(tg.block([[x, x], [x, x]]), tg.Tensor)
    assert_type(tg.einsum(x, [0, 1], x, [1, 2], [0, 2]), tg.Tensor)


def transforms() -> None:
    """Differentiate functions."""

    def f(x: tg.Tensor) -> tg.Tensor:
        return (x**3).sum()

    x = tg.tensor([1.0, 2.0], requires_grad=True)
    v = np.ones(2)
    value, slope = tg.value_and_grad(f)(x)
    print(value, slope, tg.jacobian(f)(x), tg.hessian(f)(x))
    assert_type(value, tg.Tensor)
    print(tg.jvp(f, [x], [v]), tg.hvp(f, x, v))
    assert_type(tg.gradient(f(x), x), NDArray[Any])
    assert_type(tg.gradient(f(x), [x]), tuple[NDArray[Any], ...])
    assert_type(tg.gradient(f(x), x, create_graph=True), tg.Tensor)
    tg.gradcheck(f, np.array([1.0, 2.0]))


@tg.op(x=lambda g, x: g * np.cos(x))
def my_sine(x: Any) -> Any:
    """Return the sine, as an operation."""
    return np.sin(x)


def own_operation() -> None:
    """Call it."""
    assert_type(my_sine([1.0]), tg.Tensor)


class Scale(nn.Module):
    """Multiply each feature by a learned factor."""

    def __init__(self, features: int) -> None:
        self.features = features
        self.factor = tg.tensor(np.ones(features, np.float32), requires_grad=True)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the scaled features."""
        return x * self.factor


def networks() -> None:
    """Train, save and load a model."""
    X, y = nn.datasets.spiral(samples=100, classes=3, rng=0)
    network = nn.Sequential(nn.Dense(2, 64, rng=1), nn.ReLU(), Scale(64), nn.Dense(64, 3, rng=2))
    model = nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(network.parameters(), learning_rate=nn.CosineDecay(0.05, 100)),
        metrics=[nn.CategoricalAccuracy()],
    )
    history = model.fit(X, y, epochs=2, batch_size=32, callbacks=[nn.EarlyStopping("loss")], verbose=0)
    assert_type(history, nn.History)
    assert_type(history["loss"], list[float])
    model.save("model.safetensors")
    assert_type(nn.Model.load("model.safetensors", custom=[Scale]), nn.Model)
    print(model.predict(X), model.evaluate(X, y))
    tg.draw(nn.SoftmaxCrossEntropy()(network(tg.tensor(X)), y)).save("graph.svg")


def loop() -> None:
    """Train without `fit`."""
    X, y = nn.datasets.spiral(samples=100, classes=3, rng=0)
    network = nn.Sequential(nn.Dense(2, 8), nn.Tanh(), nn.Dense(8, 3))
    loss_of, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(network.parameters(), learning_rate=0.1, momentum=0.9)
    for batch, labels in nn.data.Batches(X, y, batch_size=32, rng=0):
        loss = loss_of(network(batch), labels)
        assert_type(loss, tg.Tensor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
