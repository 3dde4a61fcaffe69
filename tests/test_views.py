"""Results that are views of a leaf never change, however the leaf is written into afterwards."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.tensor import views

VIEWS: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "T": lambda w: w.T,
    "reshape": lambda w: w.reshape(6),
    "ravel": lambda w: w.ravel(),
    "slice": lambda w: w[1:, ::-1],
    "row": lambda w: w[0],
    "swapaxes": lambda w: w.swapaxes(0, 1),
    "broadcast_to": lambda w: tg.broadcast_to(w, (4, 2, 3)),
    "diagonal": lambda w: w.diagonal(),
    "split": lambda w: tg.split(w, 3, axis=1)[1],
    "sliding_window_view": lambda w: tg.sliding_window_view(w, 2, axis=1),
    "einsum": lambda w: tg.einsum("ij->ji", w),
    "squeeze": lambda w: tg.squeeze(tg.expand_dims(w, 0)),
    "view of a view": lambda w: w.T[1:].T[:, ::-1],
    "windows of windows": lambda w: tg.sliding_window_view(w, 2, axis=1)[0].T,
}


def _assign_item(w: tg.Tensor) -> None:
    w.data[...] = 9.0


def _subtract(w: tg.Tensor) -> None:
    w.data -= 5.0


def _replace(w: tg.Tensor) -> None:
    w.data = np.full(w.shape, 3.0)


def _step_with(make: Callable[..., nn.Optimizer]) -> Callable[[tg.Tensor], None]:
    def write(w: tg.Tensor) -> None:
        w.grad = np.ones(w.shape)
        make([w], 0.5).step()

    return write


WRITERS: dict[str, Callable[[tg.Tensor], None]] = {
    "data[...] =": _assign_item,
    "data -=": _subtract,
    "data =": _replace,
    "SGD.step": _step_with(nn.SGD),
    "Adam.step": _step_with(nn.Adam),
}


@pytest.mark.parametrize("recording", [True, False])
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("view", VIEWS)
def test_views_of_a_leaf_keep_their_values(view: str, writer: str, recording: bool) -> None:
    w = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    with tg.enable_grad() if recording else tg.no_grad():
        result = VIEWS[view](w)
    assert np.shares_memory(result.array, w.array)
    before = result.array.copy()
    WRITERS[writer](w)
    assert not np.array_equal(w.array, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(result.array, before)


@pytest.mark.parametrize("view", VIEWS)
def test_views_of_a_constant_keep_their_values(view: str) -> None:
    w = tg.tensor(np.arange(6.0).reshape(2, 3))
    result = VIEWS[view](w)
    before = result.array.copy()
    w.data -= 5.0
    np.testing.assert_array_equal(result.array, before)


def test_view_of_a_view_is_kept_when_the_first_view_is_gone() -> None:
    w = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    with tg.no_grad():
        first = w.T
        second = first[1:]
    del first
    w.data -= 1.0
    np.testing.assert_array_equal(second.array, [[1.0, 4.0], [2.0, 5.0]])


def test_views_that_are_gone_leave_nothing_behind() -> None:
    gc.collect()
    before = len(views)
    w = tg.tensor(np.ones((2, 3)), requires_grad=True)
    kept = [w.T, w[0], w.T[1:]]
    assert len(views) == before + 1
    del kept
    assert len(views) == before
    own = w.array
    w.data -= 1.0
    assert w.array is own


def test_views_of_results_are_not_noted() -> None:
    gc.collect()
    before = len(views)
    w = tg.tensor(np.ones((2, 3)), requires_grad=True)
    result = (w * 2).T
    assert len(views) == before
    assert result.shape == (3, 2)


def test_graph_recorded_through_a_view_has_the_gradient_of_its_own_values() -> None:
    w = tg.tensor(np.array([[1.0, 2.0]]), requires_grad=True)
    view = w.T
    loss = tg.sum(view * view)
    w.data[...] = 100.0  # not announced, but seen by nobody: the graph has the old array
    loss.backward()
    np.testing.assert_array_equal(w.grad, [[2.0, 4.0]])


def test_tied_embedding_is_not_copied_in_a_step() -> None:
    rng = np.random.default_rng(0)
    embedding = tg.tensor(rng.normal(size=(300, 8)).astype(np.float32), requires_grad=True)
    optimizer = nn.SGD([embedding], 0.1)
    own = embedding.array
    for _ in range(3):
        tokens = rng.integers(0, 300, 16)
        logits = embedding[tokens] @ embedding.T
        loss = nn.SoftmaxCrossEntropy()(logits, tokens)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        assert embedding.array is own


def test_own_array_is_copied_once_for_all_views() -> None:
    w: Any = tg.tensor(np.ones((2, 3)), requires_grad=True)
    kept = [w.T, w[0], w.reshape(-1)]
    first = w.own_array()
    assert not any(np.shares_memory(first, each.array) for each in kept)
    assert w.own_array() is first
