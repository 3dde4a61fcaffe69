"""Batches of sequences of similar lengths: every sequence once, little padding, and a model that trains on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from nn.data import SequenceBatches, pad


def sequences(lengths: Any) -> list[Any]:
    """Return sequences in which each step holds the number of the sequence and of the step, from 1."""
    return [
        np.stack([np.full(n, i + 1), np.arange(1, n + 1)], axis=1).astype(np.float32) for i, n in enumerate(lengths)
    ]


@settings(max_examples=40)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    size=st.integers(1, 9),
    pool=st.integers(1, 4),
    shuffle=st.booleans(),
    seed=st.integers(0, 9),
)
def test_sequence_batches_yield_every_sequence_once_with_its_target(
    lengths: list[int], size: int, pool: int, shuffle: bool, seed: int
) -> None:
    samples = len(lengths)
    batches = SequenceBatches(
        sequences(lengths), np.arange(samples), batch_size=size, pool=pool, shuffle=shuffle, rng=seed
    )
    parts = list(batches)
    assert [len(y) for _, y in parts] == [size] * (samples // size) + [samples % size] * (samples % size > 0)
    assert len(parts) == len(batches)
    assert sorted(int(number) for _, y in parts for number in y) == list(range(samples))
    for X, y in parts:
        assert X["x"].shape == (len(y), X["lengths"].max(), 2)
        for padded, length, number in zip(X["x"], X["lengths"], y):
            assert length == lengths[number]
            np.testing.assert_array_equal(padded[:length], sequences(lengths)[number])
            assert not padded[length:].any()
    assert [(X["x"].shape[1], y.tolist()) for X, y in batches.in_order()] == [
        (max(lengths), list(range(start, min(start + size, samples)))) for start in range(0, samples, size)
    ]


def test_sequence_batches_have_similar_lengths_in_a_new_order(rng: np.random.Generator) -> None:
    lengths = rng.integers(1, 200, size=1003)
    padded = np.zeros((1003, 199), np.int64)
    batches = SequenceBatches(padded, np.arange(1003), lengths=lengths, batch_size=10, rng=0)
    passes = [[y.tolist() for _, y in batches] for _ in range(2)]
    assert passes[0] != passes[1]
    assert set(map(tuple, map(sorted, passes[0]))) != set(map(tuple, map(sorted, passes[1])))
    computed = sum(X["x"].size for X, _ in batches)
    assert lengths.sum() <= computed < 1.06 * lengths.sum()  # in random batches: 1.8 times
    firsts = [len(set(lengths[rows])) for rows in passes[0]]
    assert np.mean(firsts) < 6
    longest = [max(lengths[rows]) for rows in passes[0]]
    assert sorted(longest) != longest
    fixed = SequenceBatches(padded, np.arange(1003), lengths=lengths, batch_size=10, shuffle=False)
    rows = [number for _, y in fixed for number in y]
    np.testing.assert_array_equal(lengths[rows], np.sort(lengths))


def test_sequence_batches_pad_targets_of_steps() -> None:
    lengths = [3, 1, 5, 2]
    y = [np.arange(n) + 10 * i for i, n in enumerate(lengths)]
    batches = SequenceBatches(sequences(lengths), y, batch_size=2, target_padding=-1, rng=0)
    for X, targets in batches:
        assert targets.shape == X["x"].shape[:2]
        for row, number, length in zip(targets, X["x"][:, 0, 0].astype(int) - 1, X["lengths"]):
            assert row.tolist() == [*y[number].tolist(), *[-1] * (len(row) - length)]
    padded, counts = pad(sequences(lengths))
    again = SequenceBatches(padded, pad(y)[0], lengths=counts, batch_size=2, per_step=True, rng=0)
    assert sorted(targets.shape for _, targets in again) == [(2, 2), (2, 5)]


def test_model_trains_on_sequences() -> None:
    class LastState(nn.Module):
        def __init__(self) -> None:
            self.cell = nn.LSTM(1, 8, rng=0)
            self.head = nn.Dense(8, 2, rng=1)

        def forward(self, x: Any, lengths: Any) -> Any:
            return self.head(self.cell(x, lengths=lengths))

    rng = np.random.default_rng(0)
    X = [rng.choice([-1.0, 1.0], size=(n, 1)) for n in rng.integers(1, 6, size=40)]
    y = np.array([int(each[0, 0] > 0) for each in X])
    network = LastState()
    model = nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(network.parameters(), 0.03),
        metrics=[nn.CategoricalAccuracy()],
        rng=0,
    )
    batches = SequenceBatches(X, y, batch_size=10)
    history = model.fit(batches, epochs=25, validation_data=batches, verbose=0)
    assert history["val_accuracy"][-1] > 0.9
    wide = SequenceBatches(pad(X, 7.0)[0], y, lengths=[len(each) for each in X], batch_size=10)
    assert model.evaluate(wide)["loss"] == pytest.approx(history["val_loss"][-1])
    assert model.predict(batches).shape == (40, 2)
    model.fit(batches, validation_split=0.25, resume=False, accumulate=2, verbose=0)
    assert repr(batches) == (
        "SequenceBatches(X['x'] (40, 5, 1) float64, X['lengths'] (40,) int64, y (40,) int64, batch_size=10)"
    )


def test_pad_keeps_dtypes() -> None:
    assert pad([[1], [2, 3]])[0].dtype == np.int64
    assert pad([np.ones(2, np.float32), np.ones(3, np.float32)], 7)[0].dtype == np.float32
    padded, lengths = pad([np.ones((2, 3)), np.zeros((0, 3))], -1)
    np.testing.assert_array_equal(padded[1], -1)
    assert lengths.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        ([], {}, ValueError, "pad: there are no sequences"),
        ("abc", {}, TypeError, "pad: expected a list of sequences, got 'abc'"),
        ([[1], ["a"]], {}, TypeError, "pad: sequence 1: expected real numbers"),
        ([[[1]], [[1, 2]]], {}, ValueError, r"steps of sequence 1 have shape \(2,\), those of sequence 0 \(1,\)"),
        ([[1], []], {}, ValueError, "expected lengths of 1 … 1, got 0 of sequence 1"),
        (np.ones((2, 3)), {}, ValueError, "X is one array. Pass the lengths"),
        (np.ones((2, 3)), {"lengths": [1, 4]}, ValueError, "expected lengths of 1 … 3, got 4 of sequence 1"),
        (np.ones((2, 3)), {"lengths": [1.0, 2.0]}, TypeError, "expected integers as lengths"),
        (np.ones((2, 3)), {"lengths": [1]}, ValueError, r"expected lengths of shape \(2,\), got \(1,\)"),
        (np.ones(2), {"lengths": [1, 1]}, ValueError, r"expected X of shape \(samples, time, ...\)"),
        ([[1], [2, 3]], {"y": [[1], [2]]}, ValueError, "each sequence of y to have as many targets as there are steps"),
        ([[1], [2, 3]], {"y": [0, 1], "per_step": True}, ValueError, "expected a target for each step"),
        ([[1], [2, 3]], {"y": [0]}, ValueError, "SequenceBatches: X has 2 samples"),
        ([[1], [2, 3]], {"batch_size": 0}, ValueError, "SequenceBatches: batch_size must be at least 1"),
        ([[1], [2, 3]], {"pool": 1.5}, TypeError, "SequenceBatches: pool must be an integer"),
    ],
)
def test_pad_rejects_wrong_sequences(X: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SequenceBatches(X, **({"batch_size": 2} | options))
