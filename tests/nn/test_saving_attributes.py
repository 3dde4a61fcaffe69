"""What training changes beside parameters: plain data is saved, anything else is refused; and odd parameters."""

from __future__ import annotations

import collections
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.saving import format as file_format

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


class Gain(nn.Module):
    """Its gain grows in training, and it counts."""

    def __init__(self) -> None:
        self.gain = 1.0
        self.counts: dict[str, Any] = {"calls": 0, "shapes": []}
        self.last: Any = None

    def forward(self, x: Any) -> Any:
        if self.training:
            self.gain *= 1.25
            self.counts["calls"] += 1
            self.counts["shapes"] += [tuple(np.shape(x))]
            self.seen = np.float32(self.counts["calls"])
        self.last = x
        return x * self.gain


class Outer(nn.Module):
    def __init__(self) -> None:
        self.inner = [Gain(), nn.Dense(3, 2, rng=0)]

    def forward(self, x: Any) -> Any:
        for layer in self.inner:
            x = layer(x)
        return x


class Adaptive(nn.SoftmaxCrossEntropy):
    """A loss with a weight that it adapts."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = 1.0

    def forward(self, predictions: Any, targets: Any) -> Any:
        if tg.is_grad_enabled():
            self.weight *= 0.5
        return super().forward(predictions, targets) * self.weight


class Scaled(nn.Metric):
    name = "scaled"
    scale = 1.0

    def prepare(self, targets: Any) -> None:
        self.scale = float(targets.mean())

    def measure(self, predictions: Any, targets: Any) -> Any:
        return np.abs(predictions).sum(-1) * self.scale


def trained(network: nn.Module, **options: Any) -> nn.Model:
    options = {"loss": nn.SoftmaxCrossEntropy(), **options}
    model = nn.Model(network, optimizer=nn.Adam(network.parameters()), rng=0, **options)
    model.fit(X, Y, epochs=2, batch_size=10, verbose=0)
    return model


def test_save_keeps_attributes_that_training_changed(tmp_path: Path) -> None:
    model = trained(Outer(), loss=Adaptive(), metrics=[Scaled()])
    model.save(tmp_path / "m")
    again: Any = nn.Model.load(tmp_path / "m", custom=[Outer, Gain, Adaptive, Scaled])
    first, second = model.network.inner[0], again.network.inner[0]
    assert second.gain == first.gain == 1.25**4
    assert second.counts == first.counts == {"calls": 4, "shapes": [(10, 3)] * 4}
    assert type(second.seen) is np.float32
    assert second.seen == 4
    assert second.last is None
    assert again.loss.weight == model.loss.weight
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.evaluate(X, Y) == model.evaluate(X, Y)
    model.fit(X, Y, verbose=0)
    again.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    again.save(tmp_path / "n")
    model.save(tmp_path / "m")
    assert (tmp_path / "n").read_bytes() == (tmp_path / "m").read_bytes()


def test_save_without_changed_attributes_has_no_entry_for_them(tmp_path: Path) -> None:
    nn.Model(Outer(), loss=nn.MeanSquaredError()).save(tmp_path / "m")
    assert "attributes" not in file_format.read(tmp_path / "m")[1]


class Own:
    """Compared by identity."""

    def __init__(self) -> None:
        self.steps = 0


class Holding(nn.Module):
    """Holds something that the test changes."""

    start: Any = None

    def __init__(self) -> None:
        self.held = self.start() if callable(self.start) else self.start

    def forward(self, x: Any) -> Any:
        return x


def changed(start: Any, change: Any) -> nn.Model:
    class Kind(Holding):
        pass

    Kind.__name__, Kind.start = "Kind", staticmethod(start)
    module = Kind()
    module.held = change(module.held)
    return nn.Model(module, loss=nn.MeanSquaredError())


REFUSED = {
    "a set": (set, lambda held: held | {1}),
    "a counter": (collections.Counter, lambda held: held + collections.Counter("a")),
    "a queue": (collections.deque, lambda held: collections.deque([1])),
    "bytes": (bytearray, lambda held: bytearray(b"x")),
    "a complex number": (complex, lambda held: 1j),
    "numbers as keys": (lambda: {1: 0}, lambda held: {1: 1}),
    "an object": (Own, lambda held: vars(held).update(steps=1) or held),
    "an array for a number": (float, lambda held: np.ones(())),
    "a tensor for a number": (float, lambda held: tg.tensor(1.0)),
    "arrays in a list": (lambda: [np.zeros(2)], lambda held: [np.ones(2)]),
    "an object for None": (lambda: None, lambda held: Own()),
    "a function for None": (lambda: None, lambda held: math.sin),
    "an array": (lambda: np.zeros(2), lambda held: np.ones(2)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_save_rejects_changed_attributes_that_are_not_plain_data(name: str, tmp_path: Path) -> None:
    with pytest.raises(nn.SaveError, match=r"Kind.held would have (a different value|different values)"):
        changed(*REFUSED[name]).save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


SAVED = {
    "NaN": (float, lambda held: math.nan),
    "nested": (list, lambda held: [1, "two", (3.0, None, {"four": [True]})]),
    "from None": (lambda: None, lambda held: "text"),
    "to None": (int, lambda held: None),
}


@pytest.mark.parametrize("name", SAVED)
def test_save_keeps_plain_data(name: str, tmp_path: Path) -> None:
    model = changed(*SAVED[name])
    model.save(tmp_path / "m")
    again: Any = nn.Model.load(tmp_path / "m", custom=[type(model.network)])
    assert repr(again.network.held) == repr(model.network.held)


IGNORED = {
    "unchanged": (set, lambda held: held),
    "an array for None": (lambda: None, lambda held: np.ones(2)),
    "tensors for an empty list": (list, lambda held: [tg.tensor(1.0)]),
    "an unchanged object": (Own, lambda held: Own()),
}


@pytest.mark.parametrize("name", IGNORED)
def test_save_omits_results_kept_for_inspection(name: str, tmp_path: Path) -> None:
    model = changed(*IGNORED[name])
    model.save(tmp_path / "m")
    nn.Model.load(tmp_path / "m", custom=[type(model.network)])


@pytest.mark.parametrize(
    "attributes",
    [
        {"network.inner.0": {"forward": 1}},
        {"network.inner.0": {"__class__": 1}},
        {"network.inner.0": {"__dict__": {"dict": {}}}},
        {"network.inner.0": {"gain": {"name": "Gain"}}},
        {"network.inner.0": {"gain": {"again": 0}}},
        {"network": {"inner": 1}},
        {"network.inner.1": {"weight": 1.0}},
        {"network.inner.1": {"inputs": 5}},
        {"network.inner.7": {"gain": 5}},
        {"network.inner.0": 3},
        {"network.inner.0": [1]},
        [1],
        3,
    ],
)
def test_load_rejects_attributes_that_would_replace_other_objects(attributes: Any, tmp_path: Path) -> None:
    trained(Outer()).save(tmp_path / "m")
    arrays, document = file_format.read(tmp_path / "m")
    assert json.dumps(document["attributes"]).count("gain") == 1
    del document["sha256"], document["version"]
    file_format.write(tmp_path / "m", arrays, {**document, "attributes": attributes})
    with pytest.raises(nn.LoadError):
        nn.Model.load(tmp_path / "m", custom=[Outer, Gain])


# -- odd parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [nn.Adam, nn.SGD])
def test_load_restores_big_endian_parameters(optimizer: Any, tmp_path: Path) -> None:
    network = nn.Sequential(nn.Dense(3, 2, dtype=">f4", rng=0))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer(network.parameters(), 0.1), rng=0)
    model.fit(X, Y, epochs=2, batch_size=10, verbose=0)
    model.save(tmp_path / "m")
    model.save_parameters(tmp_path / "p")
    again = nn.Model.load(tmp_path / "m")
    assert [p.dtype for p in again.network.parameters()] == [np.dtype(">f4")] * 2
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    other = nn.Model(nn.Sequential(nn.Dense(3, 2, dtype=">f4", rng=1)), loss=nn.SoftmaxCrossEntropy())
    other.load_parameters(tmp_path / "p")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    native = nn.Model(nn.Sequential(nn.Dense(3, 2, rng=1)), loss=nn.SoftmaxCrossEntropy())
    native.load_parameters(tmp_path / "p")
    np.testing.assert_array_equal(native.predict(X), model.predict(X))


class Typed(nn.Module):
    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.scale = tg.tensor(np.ones(3, self.dtype), requires_grad=True)

    def forward(self, x: Any) -> Any:
        return x * self.scale


@pytest.mark.parametrize("dtype", [">f8", "<f4", "f2"])
def test_load_keeps_the_byte_order_of_dtypes(dtype: str, tmp_path: Path) -> None:
    nn.Model(Typed(dtype), loss=nn.MeanSquaredError()).save(tmp_path / "m")
    again: Any = nn.Model.load(tmp_path / "m", custom=[Typed])
    assert again.network.dtype == again.network.scale.dtype == np.dtype(dtype)


def test_save_accepts_regression_accuracy_of_constant_targets(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Dense(3, 1, weight_init=nn.init.zeros()))
    model = nn.Model(
        network,
        loss=nn.MeanSquaredError(),
        optimizer=nn.SGD(network.parameters(), 0.1),
        metrics=[nn.RegressionAccuracy()],
    )
    model.fit(X, np.zeros((20, 1)), verbose=0)
    assert model.history["accuracy"] == [1.0]  # the outputs are exactly right
    model.save(tmp_path / "m")
    again = nn.Model.load(tmp_path / "m")
    assert again.evaluate(X, np.zeros((20, 1))) == {"loss": 0.0, "accuracy": 1.0}
    assert again.evaluate(X, np.full((20, 1), 1e-6))["accuracy"] == 0.0
