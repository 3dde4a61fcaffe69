"""What a graph saved keeps its values, whatever happens to the objects it was made from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg


def leaf(values: Any, dtype: Any = np.float64) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def test_item_assignment_in_no_grad_keeps_the_other_gradients() -> None:
    w = leaf([1.0, 2.0])
    h = w * 2
    with tg.no_grad():
        h[0] = 100.0
        h[0] = w[1] * 3
    (h.sum() + w.sum()).backward()
    np.testing.assert_array_equal(h.data, [6.0, 4.0])
    np.testing.assert_array_equal(w.grad, [1.0, 3.0])


def test_hook_owns_its_argument_and_its_result() -> None:
    kept: list[Any] = []
    mine = np.ones(2)
    v, w = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    v.register_hook(kept.append)
    w.register_hook(lambda g: mine)
    (v * 2.0 + w).sum().backward()
    v.grad *= 0
    w.grad *= 0
    np.testing.assert_array_equal(kept[0], [2.0, 2.0])
    np.testing.assert_array_equal(mine, [1.0, 1.0])


def test_dense_copies_what_an_initializer_returns() -> None:
    values = np.eye(2, dtype=np.float32)
    layers = [nn.Dense(2, 2, weight_init=lambda shape, rng, dtype: values) for _ in range(2)]
    assert not np.shares_memory(layers[0].weight.array, values)
    assert not np.shares_memory(layers[0].weight.array, layers[1].weight.array)


def test_grad_accepts_an_array_of_the_right_shape_only() -> None:
    w = leaf([1.0, 2.0], dtype=np.float32)
    w.grad = [3.0, 4.0]
    assert w.grad.dtype == np.float32
    for wrong, error in ((np.ones(3), ValueError), (1.0, ValueError), ([1j, 2j], TypeError), ("ab", TypeError)):
        with pytest.raises(error):
            w.grad = wrong
    np.testing.assert_array_equal(w.grad, [3.0, 4.0])
    with pytest.raises(TypeError, match="floating-point"):
        tg.tensor([1]).grad = [1]
    w.grad = None
    assert w.grad is None


def _cleared(option: Any) -> None:
    for index, item in enumerate(option):
        if isinstance(item, (list, np.ndarray)) and np.ndim(item):
            _cleared(item)
        else:
            option[index] = type(item)(0)


@pytest.mark.parametrize(
    ("compute", "option"),
    [
        (lambda w, o: w[o], [1, 2]),
        (lambda w, o: w[o], np.array([1, 2])),
        (lambda w, o: w[(o,)], np.array([1, 2])),
        (lambda w, o: w[o], np.array([False, True, True])),
        (lambda w, o: tg.sum(w, where=o), np.array([True, False, True])),
        (lambda w, o: tg.take(w, o), [1, 2]),
        (lambda w, o: tg.pad(w, o), [[1, 2]]),
        (lambda w, o: tg.repeat(w, o), [1, 2, 3]),
        (lambda w, o: tg.choose(o, [w, 2 * w]), np.array([1, 0, 1])),
    ],
)
@pytest.mark.parametrize("checkpointed", [False, True])
def test_small_options_are_copied(compute: Callable[[Any, Any], Any], option: Any, checkpointed: bool) -> None:
    option = copy.deepcopy(option)
    w = leaf([1.0, 2.0, 3.0])
    expected = tg.gradient(compute(w, option).sum(), w)
    if checkpointed:  # the function runs again, with what the option is by then
        result = tg.checkpoint(lambda w: compute(w, option))(w)
        _cleared(option)
        with pytest.raises(RuntimeError, match=r"different values|broadcast|tensors"):
            result.sum().backward()
    else:
        result = compute(w, option)
        _cleared(option)
        result.sum().backward()
        np.testing.assert_array_equal(w.grad, expected)


@pytest.mark.parametrize("change", [lambda c: c.data.__setitem__(0, 5.0), lambda c: c.data.__imul__(2.0)])
def test_anomaly_finds_a_constant_that_was_written_into(change: Callable[[tg.Tensor], Any]) -> None:
    w, constant = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0])
    with tg.detect_anomaly():
        y = (w * constant).sum()
        change(constant)
        with pytest.raises(RuntimeError, match="has been changed"):
            y.backward()
