"""Embedding: against PyTorch, padding, its gradient, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg


@pytest.mark.parametrize("padding_index", [None, 3])
@pytest.mark.parametrize("shape", [(), (5,), (4, 70), (2, 0), (2, 3, 4)])
def test_embedding_computes_what_pytorch_computes(
    padding_index: int | None, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = torch.nn.Embedding(7, 5, padding_idx=padding_index, dtype=torch.float64)
    ours = nn.Embedding(7, 5, padding_index=padding_index, dtype=np.float64)
    assert nn.interop.load_pytorch(ours, theirs.state_dict()).complete
    ids, upstream = rng.integers(0, 7, shape), rng.normal(size=(*shape, 5))
    result, expected = ours(ids), theirs(torch.from_numpy(np.asarray(ids)))
    result.backward(upstream)
    expected.backward(torch.from_numpy(upstream))
    np.testing.assert_array_equal(result.data, expected.detach().numpy())
    np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), rtol=1e-12, atol=1e-14)


@given(
    vocabulary=st.sampled_from([1, 3, 65, 1000, 2**16, 2**16 + 1]), count=st.integers(0, 300), seed=st.integers(0, 99)
)
def test_embedding_gradient_adds_up_repeated_ids(vocabulary: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids, upstream = rng.integers(0, vocabulary, count) // rng.integers(1, 4), rng.normal(size=(count, 2))
    weight = tg.tensor(np.zeros((vocabulary, 2)), requires_grad=True)
    nn.functional.embedding(ids, weight).backward(upstream)
    expected = np.zeros((vocabulary, 2))
    np.add.at(expected, ids, upstream)
    np.testing.assert_allclose(weight.grad, expected, rtol=1e-12, atol=1e-13)


def test_embedding_gradient_is_not_copied_once_more() -> None:
    weight = tg.tensor(np.zeros((4, 2), np.float32), requires_grad=True)
    result = nn.functional.embedding([[1, 1]], weight)
    node = result.node
    [(_, gradient)] = node.operation.call(node, np.ones((1, 2, 2), np.float32))
    assert gradient.base is None


def test_embedding_padding_starts_at_zero_and_is_not_trained(rng: np.random.Generator) -> None:
    layer = nn.Embedding(5, 3, padding_index=2, rng=0)
    assert not layer.weight.data[2].any()
    optimizer = nn.SGD(layer.parameters(), learning_rate=1.0)
    tg.sum(layer([[2, 1, 2]]) + 1).backward()
    optimizer.step()
    assert not layer.weight.data[2].any()
    assert layer.weight.data[1].any()


def test_embedding_padding_has_no_derivative_of_any_order() -> None:
    weight = tg.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    total = tg.sum(nn.functional.embedding([0, 1, 1], weight, padding_index=1) ** 3)
    (first,) = tg.gradient(total, [weight], create_graph=True)
    np.testing.assert_array_equal(first.data, [[0, 3], [0, 0], [0, 0]])
    (second,) = tg.gradient(tg.sum(first), [weight])
    np.testing.assert_array_equal(second, [[0, 6], [0, 0], [0, 0]])


def test_embedding_starts_as_in_keras_and_keeps_its_dtype() -> None:
    layer = nn.Embedding(1000, 8, rng=0)
    assert layer.weight.dtype == layer([0]).dtype == np.float32
    assert 0.045 < np.abs(layer.weight.data).max() <= 0.05
    assert nn.Embedding(3, 2, weight_init=nn.init.normal(1.0), dtype=np.float64).weight.dtype == np.float64


def test_embedding_loads_weights_of_keras() -> None:
    layer = nn.Embedding(2, 3)
    assert nn.interop.load_keras(layer, {"embeddings": np.ones((2, 3))}).complete


def test_embedding_survives_saving(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Embedding(5, 3, padding_index=0, rng=0))
    nn.Model(network, loss=nn.MeanSquaredError()).save(tmp_path / "x.safetensors")
    loaded = nn.Model.load(tmp_path / "x.safetensors").network
    assert repr(loaded) == repr(network)
    assert repr(loaded[0]) == "Embedding(5, 3, padding_index=0)"
    np.testing.assert_array_equal(loaded([[1, 4]]).data, network([[1, 4]]).data)


def test_embedding_takes_large_ids_from_a_model_exactly() -> None:
    network = nn.Embedding(3000, 1, weight_init=nn.init.uniform(1.0), dtype=np.float16, rng=0)
    predicted = nn.Model(network, loss=nn.MeanSquaredError()).predict(np.array([[2049]]))
    np.testing.assert_array_equal(predicted, network.weight.data[2049].reshape(1, 1, 1))


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([[0, 1], [5, 2]], ValueError, r"expected ids of 0 … 4, got 5 at index \(1, 0\)"),
        ([0, -1], ValueError, r"expected ids of 0 … 4, got -1 at index 1"),
        ([0.0, 1.0], TypeError, r"expected integers as ids, got dtype float64"),
        ([True], TypeError, r"expected integers as ids, got dtype bool"),
    ],
)
def test_embedding_refuses_ids_that_do_not_exist(ids: Any, error: type[Exception], message: str) -> None:
    network = nn.Sequential(nn.Identity(), nn.Embedding(5, 2, rng=0))
    with pytest.raises(error, match=rf"^layer 1: Embedding\(5, 2\): {message}\.$"):
        network[1](ids)
    with pytest.raises(error, match=rf"^embedding: {message}\."):
        nn.functional.embedding(ids, np.ones((5, 2)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Embedding(0, 3), ValueError, "Embedding: vocabulary must be at least 1, got 0"),
        (lambda: nn.Embedding(3, 2.0), TypeError, "Embedding: features must be an integer"),
        (lambda: nn.Embedding(3, 2, padding_index=3), ValueError, "padding_index must be an id of 0 … 2, got 3"),
        (lambda: nn.Embedding(3, 2, padding_index=-1), ValueError, "padding_index must be at least 0"),
        (lambda: nn.Embedding(3, 2, dtype=int), TypeError, "expected a floating-point dtype"),
        (lambda: nn.Embedding(3, 2, weight_init=nn.init.normal), TypeError, r"Call it: nn\.init\.normal\(\)"),
    ],
)
def test_embedding_refuses_wrong_settings(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
