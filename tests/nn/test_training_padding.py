"""Sequences of different lengths in `Model`: padding influences neither losses, gradients, metrics nor statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

WORDS, WIDTH, CLASSES, TIME = 11, 4, 3, 6
LENGTHS = np.array([6, 2, 4, 1, 5, 3])
REAL = np.arange(TIME) < LENGTHS[:, None]


def data(seed: int = 0, padding: int = 0) -> tuple[Any, Any]:
    """Return ids and labels; what is at the padding depends on `padding`."""
    rng = np.random.default_rng(seed)
    ids, labels = rng.integers(1, WORDS, size=REAL.shape), rng.integers(CLASSES, size=REAL.shape)
    rng = np.random.default_rng(padding)
    return np.where(REAL, ids, rng.integers(WORDS, size=REAL.shape)), np.where(REAL, labels, -padding)


def tagger() -> nn.Sequential:
    """Return a network with a label for each step, in float64."""
    dtype: Any = {"dtype": np.float64}
    return nn.Sequential(
        nn.Embedding(WORDS, WIDTH, rng=0, **dtype),
        nn.BatchNorm(WIDTH, **dtype),
        nn.Bidirectional(nn.LSTM(WIDTH, 3, layers=2, return_sequences=True, rng=1, **dtype)),
        nn.Residual(nn.LayerNorm(6, **dtype), nn.GRU(6, 6, return_sequences=True, rng=2, **dtype), nn.Tanh()),
        nn.Dense(6, CLASSES, rng=3, **dtype),
    )


def logits_without_padding(network: nn.Sequential, ids: Any) -> Any:
    """Return the logits of all real steps: each sequence runs on its own, except for the statistics of the batch."""
    embedding, norm, recurrent, residual, dense = network
    rows = embedding(ids[REAL])
    normalised = nn.functional.batch_norm(rows, norm.weight, norm.bias, epsilon=norm.epsilon)
    ends = np.cumsum(LENGTHS)
    parts = [normalised.output[end - length : end][None] for length, end in zip(LENGTHS, ends)]
    return tg.concatenate([dense(residual(recurrent(part)))[0] for part in parts]), normalised


def assert_close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_fit_computes_loss_gradients_metrics_and_statistics_as_without_padding() -> None:
    ids, labels = data(padding=100)
    network, twin = tagger(), tagger()
    logits, normalised = logits_without_padding(twin, ids)
    expected = nn.SoftmaxCrossEntropy()(logits, labels[REAL])
    expected.backward()
    gradients: list[Any] = []

    class Gradients(nn.Callback):
        def on_gradients(self, step: int) -> None:
            gradients.extend(parameter.grad.copy() for parameter in network.parameters())

    metrics = [nn.CategoricalAccuracy(), nn.F1(), nn.Perplexity()]
    model = nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()), metrics=metrics, rng=0
    )
    history = model.fit({"x": ids, "lengths": LENGTHS}, labels, callbacks=[Gradients()], verbose=0)
    assert_close(history["loss"][0], expected.item())
    for found, parameter in zip(gradients, twin.parameters(), strict=True):
        assert_close(found, parameter.grad)
    for metric in metrics:
        assert_close(history[metric.name][0], metric(logits.data, labels[REAL]))
    count = LENGTHS.sum()
    assert_close(network[1].running_mean.data, 0.1 * normalised.mean.data)
    assert_close(network[1].running_variance.data, 0.9 + 0.1 * normalised.variance.data * count / (count - 1))


def test_fit_evaluate_and_predict_do_not_depend_on_what_is_at_the_padding() -> None:
    found = []
    for padding in (1, 2):
        ids, labels = data(padding=padding)
        X = {"x": ids, "mask": REAL}
        network = tagger()
        model = nn.Model(
            network, loss=nn.SoftmaxCrossEntropy(ignored_label=-padding), rng=0,
            optimizer=nn.Adam(network.parameters(), learning_rate=0.01), metrics=[nn.CategoricalAccuracy()],
        )  # fmt: skip
        history = model.fit(X, labels, epochs=3, batch_size=4, validation_data=(X, labels), verbose=0)
        values = [model.evaluate(X, labels, batch_size=size) for size in (None, 1, 4)]
        for other in values[1:]:
            assert_close(list(values[0].values()), list(other.values()))
        predicted = model.predict(X, batch_size=4)
        found.append([dict(history), values[0], network.state_dict(), predicted[REAL]])
    for one, other in zip(*found):
        for name in one if isinstance(one, dict) else ():
            assert_close(one[name], other[name])
    assert_close(found[0][3], found[1][3])


def test_evaluate_weights_the_steps_of_each_sample() -> None:
    ids, labels = data()
    network = tagger()
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), metrics=[nn.CategoricalAccuracy()])
    weights = np.array([1.0, 2.0, 0.0, 3.0, 1.0, 2.0])
    values = model.evaluate({"x": ids, "lengths": LENGTHS}, labels, sample_weight=weights)
    steps = np.broadcast_to(weights[:, None], REAL.shape)[REAL]
    logits = network.eval()(ids, lengths=LENGTHS).data[REAL]
    right = np.argmax(logits, axis=-1) == labels[REAL]
    assert_close(values["accuracy"], np.sum(right * steps) / np.sum(steps))
    assert_close(values["loss"], nn.SoftmaxCrossEntropy()(logits, labels[REAL], steps / weights.mean()).item())


@pytest.mark.slow
def test_weights_of_steps_are_those_of_a_weighted_mean() -> None:
    ids, labels = data()
    weights = np.random.default_rng(3).uniform(size=REAL.shape)
    for padding, counted in (({}, np.ones_like(REAL)), ({"lengths": LENGTHS}, REAL), ({"mask": REAL}, REAL)):
        network, X = tagger(), {"x": ids, **padding}
        model = nn.Model(
            network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()),
            metrics=[nn.CategoricalAccuracy()],
        )  # fmt: skip
        logits = network.eval()(ids, **padding).data
        losses = np.log(np.sum(np.exp(logits), -1)) - np.take_along_axis(logits, labels[..., None], -1)[..., 0]
        right = np.argmax(logits, -1) == labels
        found = model.evaluate(X, labels, sample_weight=weights)
        for name, values in (("loss", losses), ("accuracy", right)):
            assert_close(found[name], np.average(values[counted], weights=weights[counted]))
        history = model.fit(X, labels, sample_weight=weights, validation_data=(X, labels, weights), verbose=0)
        assert_close(history["val_loss"][0], model.evaluate(X, labels, sample_weight=7 * weights)["loss"])


def test_weights_of_0_at_padding_train_as_lengths_do() -> None:
    ids, labels = data()
    states = []
    for padding, weights in (({"lengths": LENGTHS}, None), ({}, REAL)):
        network = nn.Sequential(
            nn.Embedding(WORDS, WIDTH, rng=0, dtype=np.float64),
            nn.LSTM(WIDTH, 3, return_sequences=True, rng=1, dtype=np.float64),
            nn.Dense(3, CLASSES, rng=2, dtype=np.float64),
        )
        model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters(), 0.5))
        model.fit({"x": ids, **padding}, labels, sample_weight=weights, epochs=3, verbose=0)
        states.append(network.state_dict())
    for name, value in states[0].items():
        assert_close(value, states[1][name])


def test_fit_refuses_weights_of_steps_that_do_not_fit() -> None:
    ids, labels = data()
    network = tagger()
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    for X in ({"x": ids}, {"x": ids, "mask": REAL}):
        with pytest.raises(
            ValueError,
            match=r"fit: sample_weight must .* \(6, 6\), got \(6, 7\)|or for each step, shape \(6, 6\), got \(6, 7\)",
        ):
            model.fit(X, labels, sample_weight=np.ones((6, 7)))
    X, wrong = {"x": ids, "mask": REAL}, np.ones((6, 7))
    with pytest.raises(ValueError, match=r"^fit: validation_data: sample_weight must have a number for each sample"):
        model.fit(X, labels, validation_data=(X, labels, wrong))
    with pytest.raises(ValueError, match=r"^evaluate: sample_weight must have a number for each sample"):
        model.evaluate(X, labels, sample_weight=wrong)
    with pytest.raises(ValueError, match=r"^evaluate: the network returns a value for each step"):
        model.evaluate(X, labels[:, :-1])
    with pytest.raises(TypeError, match="class_weight cannot be combined with a sample_weight for each step"):
        model.fit({"x": ids}, labels, sample_weight=np.ones((6, 6)), class_weight="balanced")


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.GlobalAveragePool, nn.GlobalMaxPool])
def test_networks_with_one_output_for_a_sequence_ignore_padding(layer: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, TIME, 2)), rng.integers(CLASSES, size=6)
    inner = layer() if layer.__name__.startswith("Global") else layer(2, 2, rng=0, dtype=np.float64)
    network = nn.Sequential(nn.Tanh(), inner, nn.Dense(2, CLASSES, rng=1, dtype=np.float64))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), metrics=[nn.CategoricalAccuracy()])
    spoilt = np.where(REAL[..., None], x, np.nan)
    alone = np.concatenate([network(each[None, :length]).data for each, length in zip(x, LENGTHS)])
    assert_close(model.predict({"x": spoilt, "lengths": LENGTHS}), alone)
    values = model.evaluate({"x": spoilt, "lengths": LENGTHS}, y)
    assert_close(values["loss"], nn.SoftmaxCrossEntropy()(alone, y).item())
    network(spoilt, lengths=np.array([6, 0, 4, 1, 5, 3])).backward(np.ones((6, CLASSES)))  # one has no step at all
    assert all(np.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_models_with_several_outputs_use_the_mask_where_there_is_a_value_for_each_step() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            self.lstm = nn.LSTM(2, 3, return_sequences=True, return_state=True, rng=0)
            self.tags, self.kind = nn.Dense(3, CLASSES, rng=1), nn.Dense(3, 2, rng=2)

        def forward(self, words: Any, lengths: Any) -> Any:
            sequence, (hidden, _) = self.lstm(words, lengths=lengths)
            return {"tags": self.tags(sequence), "kind": self.kind(hidden)}

    rng = np.random.default_rng(0)
    X = {"words": rng.normal(size=(6, TIME, 2)).astype("f4"), "lengths": LENGTHS}
    y = {"tags": np.where(REAL, 1, -5), "kind": np.array([0, 1, 0, 1, 0, 1])}
    network = Both()
    model = nn.Model(
        network, loss={"tags": nn.SoftmaxCrossEntropy(), "kind": nn.SoftmaxCrossEntropy()},
        metrics={"tags": nn.CategoricalAccuracy()}, optimizer=nn.SGD(network.parameters()),
    )  # fmt: skip
    history = model.fit(X, y, verbose=0)
    outputs = Both()(**X)
    tags = nn.SoftmaxCrossEntropy()(outputs["tags"].data[REAL], y["tags"][REAL]).item()
    kind = nn.SoftmaxCrossEntropy()(outputs["kind"], y["kind"]).item()
    np.testing.assert_allclose(history["loss"][0], tags + kind, rtol=1e-5)
    with pytest.raises(TypeError, match="sample_weight is not supported if only some of the outputs"):
        model.fit(X, y, sample_weight=np.ones(6), verbose=0)


class Around(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        self.inner = layer

    def forward(self, x: Any) -> Any:
        return self.inner(x)


class Own(nn.Module):
    def forward(self, x: Any, mask: Any = None) -> Any:
        return x if mask is None else x * mask


@pytest.mark.parametrize(
    ("network", "lengths", "error", "message"),
    [
        (nn.Sequential(nn.Conv1D(2, 3, 2)), LENGTHS, TypeError, r"Conv1D\(2, 3, 2\): this layer combines the steps"),
        (nn.Sequential(nn.Flatten()), LENGTHS, TypeError, r"Flatten\(\): this layer combines the steps"),
        (nn.Sequential(nn.GroupNorm(2, 1)), LENGTHS, TypeError, "GroupNorm.*accepts neither lengths nor a mask"),
        (nn.Sequential(Around(nn.GRU(2, 2))), LENGTHS, TypeError, "Around: inner, GRU, needs the mask .*with_mask"),
        (nn.Sequential(Own()), LENGTHS, TypeError, "Own: its forward takes the mask .*Define with_mask"),
        (nn.Sequential(Around(Own())), LENGTHS, TypeError, "Around: inner, Own, needs the mask"),
        (nn.Sequential(nn.ReLU()), LENGTHS + 1, ValueError, "Sequential: expected lengths of 0 … 6, got 7"),
        (nn.Sequential(nn.ReLU()), LENGTHS * 1.0, TypeError, "Sequential: expected integers as lengths"),
        (nn.BatchNorm(2), None, ValueError, r"BatchNorm.*expected a mask of booleans of shape \(6, 6\)"),
    ],
)
def test_masks_are_refused_where_they_do_not_fit(
    network: Any, lengths: Any, error: type[Exception], message: str
) -> None:
    x = np.ones((6, TIME, 2), np.float32)
    with pytest.raises(error, match=message):
        network(x, mask=REAL[:, :-1]) if lengths is None else network(x, lengths=lengths)


def test_custom_layers_pass_a_mask_on() -> None:
    class Passing(Around):
        def with_mask(self, x: Any, mask: Any) -> Any:
            return self.inner.with_mask(x, mask)

    x = np.random.default_rng(0).normal(size=(6, TIME, 2)).astype("f4")
    gru = nn.GRU(2, 2, return_sequences=True, rng=0)
    network = nn.Sequential(Passing(gru), nn.Parallel(nn.Identity(), nn.ReLU()), nn.Concatenate())
    expected = gru(x, lengths=LENGTHS).data
    found = network(x, lengths=LENGTHS).data
    np.testing.assert_array_equal(found[REAL], np.concatenate([expected, np.maximum(expected, 0)], -1)[REAL])


def test_batch_norm_with_a_mask_has_second_derivatives() -> None:
    norm = nn.BatchNorm(2, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    mask = np.array([[True, True, False], [True, True, True]])
    tg.gradcheck(lambda x: tg.sum(tg.sin(norm(x, mask=mask))), x, order=2)
    with pytest.raises(ValueError, match="at least 2 numbers for each feature that are not padding, got 1"):
        norm(x, mask=np.array([[True, False, False], [False, False, False]]))
