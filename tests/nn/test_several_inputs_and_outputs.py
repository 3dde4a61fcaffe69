"""Models with several inputs and outputs: training, evaluation, prediction and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

N = 11


class TwoInputs(nn.Module):
    """(a, b) -> one output."""

    def __init__(self) -> None:
        self.first = nn.Dense(3, 4, rng=0)
        self.second = nn.Dense(2, 4, rng=1)
        self.out = nn.Dense(4, 2, rng=2)

    def forward(self, a: Any, b: Any) -> Any:
        return self.out(tg.tanh(self.first(a) + self.second(b)))


class TwoHeads(nn.Module):
    """One input -> {"kind": logits, "size": a number}."""

    def __init__(self, by_name: bool = True) -> None:
        self.by_name = by_name
        self.kind = nn.Dense(3, 2, rng=0)
        self.size = nn.Dense(3, 1, rng=1)

    def forward(self, x: Any) -> Any:
        kind, size = self.kind(x), self.size(x)
        return {"kind": kind, "size": size} if self.by_name else (kind, size)


@pytest.fixture
def a(rng: np.random.Generator) -> Any:
    return rng.normal(size=(N, 3)).astype(np.float32)


@pytest.fixture
def b(rng: np.random.Generator) -> Any:
    return rng.normal(size=(N, 2)).astype(np.float32)


Y = np.arange(N) % 2
SIZES = np.linspace(-1, 1, N, dtype=np.float32)[:, None]


def model_of(network: nn.Module, loss: Any, **options: Any) -> nn.Model:
    return nn.Model(network, loss=loss, optimizer=nn.Adam(network.parameters(), 0.05), rng=0, **options)


def two_heads(by_name: bool = True, **options: Any) -> nn.Model:
    losses: Any = {"kind": nn.SoftmaxCrossEntropy(), "size": nn.MeanSquaredError()}
    metrics: Any = {"kind": nn.CategoricalAccuracy(), "size": [nn.RegressionAccuracy(0.1)]}
    if not by_name:
        losses, metrics = tuple(losses.values()), tuple(metrics.values())
    return model_of(TwoHeads(by_name), losses, metrics=metrics, **options)


@pytest.mark.parametrize("by_name", [False, True])
def test_fit_with_two_inputs_is_the_loop_one_would_write(by_name: bool, a: Any, b: Any) -> None:
    model, by_hand = model_of(TwoInputs(), nn.SoftmaxCrossEntropy()), TwoInputs()
    X: Any = {"b": b, "a": a} if by_name else (a, b)
    model.fit(X, Y, epochs=3, batch_size=4, shuffle=False, verbose=0)

    optimizer, loss = nn.Adam(by_hand.parameters(), 0.05), nn.SoftmaxCrossEntropy()
    for _ in range(3):
        for start in range(0, N, 4):
            rows = slice(start, start + 4)
            optimizer.zero_grad()
            loss(by_hand(a[rows], b[rows]), Y[rows]).backward()
            optimizer.step()
    for own, other in zip(model.network.parameters(), by_hand.parameters()):
        np.testing.assert_array_equal(own.data, other.data)
    predicted = model.predict(X, batch_size=5)
    np.testing.assert_allclose(predicted, by_hand(a, b).data, rtol=1e-5, atol=1e-6)
    assert model.evaluate(X, Y)["loss"] == pytest.approx(loss(by_hand(a, b), Y).item(), rel=1e-5)
    np.testing.assert_array_equal(model.predict_classes(X), predicted.argmax(axis=1))


@pytest.mark.parametrize("by_name", [False, True])
def test_fit_with_two_outputs_minimises_the_weighted_sum(by_name: bool, a: Any) -> None:
    y: Any = {"kind": Y, "size": SIZES} if by_name else (Y, SIZES)
    weights: Any = {"kind": 1.0, "size": 0.3} if by_name else (1.0, 0.3)
    model, by_hand = two_heads(by_name, loss_weights=weights), TwoHeads(False)
    history = model.fit(a, y, epochs=4, batch_size=4, shuffle=False, verbose=0, validation_data=(a, y))

    optimizer = nn.Adam(by_hand.parameters(), 0.05)
    for _ in range(4):
        totals = np.zeros(3)
        for start in range(0, N, 4):
            rows = slice(start, start + 4)
            kind, size = by_hand(a[rows])
            losses = nn.SoftmaxCrossEntropy()(kind, Y[rows]), nn.MeanSquaredError()(size, SIZES[rows])
            total = losses[0] + 0.3 * losses[1]
            totals += np.array([each.item() for each in (*losses, total)]) * len(kind)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    for own, other in zip(model.network.parameters(), by_hand.parameters()):
        np.testing.assert_allclose(own.data, other.data, rtol=1e-5, atol=1e-7)
    names = ("kind_loss", "size_loss") if by_name else ("0_loss", "1_loss")
    for name, expected in zip((*names, "loss"), totals / N):
        assert history[name][-1] == pytest.approx(expected, rel=1e-5)
    assert {f"val_{names[0]}", f"val_{names[0].replace('loss', 'accuracy')}", "val_loss"} <= set(history)

    kind, size = by_hand(a)
    found = model.evaluate(a, y, batch_size=3)
    assert found[names[1]] == pytest.approx(nn.MeanSquaredError()(size, SIZES).item(), rel=1e-5)
    assert found[names[0].replace("loss", "accuracy")] == pytest.approx(float((kind.data.argmax(axis=1) == Y).mean()))
    predicted = model.predict(a, batch_size=3)
    assert type(predicted) is (dict if by_name else tuple)
    np.testing.assert_allclose(predicted["size" if by_name else 1], size.data, rtol=1e-4, atol=1e-6)


def test_fit_with_two_outputs_weighs_samples_in_each(a: Any) -> None:
    counts = np.arange(N) % 3
    weighted, repeated = two_heads(), two_heads()
    first = weighted.fit(a, {"kind": Y, "size": SIZES}, sample_weight=counts, epochs=3, verbose=0)
    y = {"kind": Y.repeat(counts), "size": SIZES.repeat(counts, axis=0)}
    second = repeated.fit(a.repeat(counts, axis=0), y, epochs=3, verbose=0)
    for name in ("loss", "kind_loss", "size_loss", "kind_accuracy"):
        assert first[name] == pytest.approx(second[name], rel=1e-4)


def test_save_with_two_outputs_resumes_bit_for_bit(a: Any, tmp_path: Path) -> None:
    y = {"kind": Y, "size": SIZES}
    whole, first = two_heads(loss_weights={"kind": 2.0, "size": 1}), two_heads(loss_weights={"kind": 2.0, "size": 1})
    whole.fit(a, y, epochs=4, batch_size=4, verbose=0)
    first.fit(a, y, epochs=2, batch_size=4, verbose=0)
    first.save(tmp_path / "model.safetensors")
    again = nn.Model.load(tmp_path / "model.safetensors", custom=[TwoHeads])
    assert repr(again) == repr(first)
    again.fit(a, y, epochs=4, batch_size=4, resume=True, verbose=0)
    assert dict(again.history) == dict(whole.history)
    for own, other in zip(again.network.parameters(), whole.network.parameters()):
        np.testing.assert_array_equal(own.data, other.data)


def test_batches_of_several_arrays_are_transformed_together(a: Any, b: Any) -> None:
    def doubled(inputs: Any) -> Any:
        return inputs[0] * 2, inputs[1]

    batches = nn.data.Batches((a, b), Y, batch_size=4, transform=doubled, rng=0)
    seen = np.concatenate([X[0] for X, _ in batches])
    np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(a * 2, axis=0))
    assert batches.sample_shape == ((3,), (2,))
    model = model_of(TwoInputs(), nn.SoftmaxCrossEntropy())
    model.fit(batches, epochs=2, verbose=0)
    assert model.predict(batches).shape == (N, 2)
    with pytest.raises(
        TypeError, match=r"Batches: transform must return an array with a row for each of its 1 samples"
    ):
        nn.data.Batches((a, b), Y, transform=lambda inputs: inputs[0]).sample_shape  # noqa: B018


def test_fit_with_a_function_of_all_outputs(a: Any) -> None:
    def loss(predictions: Any, targets: Any) -> Any:
        return tg.mean(tg.square(predictions["size"] - targets["size"]))

    model = model_of(TwoHeads(), loss)
    history = model.fit(a, {"size": SIZES}, epochs=30, verbose=0)
    assert history["loss"][-1] < history["loss"][0]


def test_fit_refuses_inputs_of_different_length(a: Any, b: Any) -> None:
    model = model_of(TwoInputs(), nn.SoftmaxCrossEntropy())
    with pytest.raises(ValueError, match=r"as many samples in each array, got 11 in fit: X\[0\], 10 in fit: X\[1\]"):
        model.fit((a, b[1:]), Y)
    with pytest.raises(ValueError, match=r"X has 11 samples .* but y has 10"):
        model.fit((a, b), Y[1:])
    with pytest.raises(TypeError, match=r"fit: X\['b'\]: expected real numbers"):
        model.fit({"a": a, "b": np.array(["x"] * N)}, Y)
    with pytest.raises(ValueError, match="is an empty dict"):
        model.fit({}, Y)
    with pytest.raises(TypeError, match=r"fit: X of shape .* unexpected keyword argument 'c'"):
        model.fit({"a": a, "c": b}, Y)


def test_fit_refuses_targets_that_do_not_match_the_losses(a: Any) -> None:
    with pytest.raises(TypeError, match="expected the targets y as a dict, as the losses are, got ndarray"):
        two_heads().fit(a, Y)
    with pytest.raises(ValueError, match=r"the targets y for \['kind'\], \['size'\], got \['kind'\]"):
        two_heads().fit(a, {"kind": Y})
    with pytest.raises(ValueError, match="the targets y 2, one for each output, got 3"):
        two_heads(False).fit(a, (Y, SIZES, SIZES))
    with pytest.raises(TypeError, match="the network's outputs as a tuple"):
        model_of(TwoHeads(), (nn.SoftmaxCrossEntropy(), nn.MeanSquaredError())).fit(a, (Y, SIZES))
    with pytest.raises(TypeError, match="class_weight is for networks with one output"):
        two_heads().fit(a, {"kind": Y, "size": SIZES}, class_weight={0: 2.0})


def test_model_refuses_losses_and_metrics_that_do_not_fit() -> None:
    losses = {"kind": nn.SoftmaxCrossEntropy(), "size": nn.MeanSquaredError()}
    for options, error, message in [
        ({"loss": {"kind": nn.SoftmaxCrossEntropy}}, TypeError, r"losses\['kind'\] must be a loss"),
        ({"loss": losses, "loss_weights": {"kind": 1.0}}, ValueError, "loss_weights for"),
        ({"loss": losses, "loss_weights": {"kind": 1.0, "size": "x"}}, TypeError, "must be a number"),
        ({"loss": losses, "loss_weights": {"kind": 1.0, "size": np.inf}}, ValueError, "must be finite"),
        ({"loss": nn.MeanSquaredError(), "loss_weights": (1.0,)}, TypeError, "loss_weights are for several outputs"),
        ({"loss": losses, "metrics": [nn.CategoricalAccuracy()]}, ValueError, "metrics must be a dict"),
        ({"loss": losses, "metrics": {"age": nn.CategoricalAccuracy()}}, ValueError, "metrics must be a dict"),
        ({"loss": losses, "metrics": {"kind": ["accuracy"]}}, TypeError, "metrics must be objects"),
    ]:
        with pytest.raises(error, match=message):
            nn.Model(TwoHeads(), **options)  # type: ignore[arg-type]
