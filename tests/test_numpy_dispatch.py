"""NumPy's functions on tensors: answered by our operations, by the plain arrays, or refused; never silently wrong."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import numpy_dispatch
from tensorgrad.op import operation_of, registry


@pytest.fixture
def t() -> tg.Tensor:
    return tg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)


NUMPY = tuple(map(int, np.__version__.split(".")[:2]))

WITH_A_RULE = [
    "np.sum(t, axis=0)",
    "np.sum(t, 1, keepdims=True)",
    "np.mean(t, axis=(0, 1))",
    "np.max(t, axis=-1)",
    "np.amax(t)",
    "np.amin(t, axis=0)",
    "np.abs(-t)",
    "np.reshape(t, (3, 2))",
    "np.transpose(t, (1, 0))",
    "np.where(t > 2, t, 0.0)",
    "np.concatenate([t, t], axis=1)",
    "np.concatenate(t)",
    "np.stack([t, t], axis=-1)",
    "np.clip(t, 2, 5)",
    pytest.param(
        "np.clip(t, min=2, max=5)",
        marks=pytest.mark.skipif(NUMPY < (2, 1), reason="np.clip has the names min and max since NumPy 2.1"),
    ),
    "np.clip(t, a_min=2, a_max=5)",
    "np.clip(t, None, 5)",
    "np.dot(t, np.ones(3))",
    "np.ones(2) @ t",
    "np.matmul(t, np.ones((3, 1)))",
    "np.add.reduce(t)",
    "np.add.reduce(t, axis=1, keepdims=True)",
    "np.multiply.reduce(t, axis=None)",
    "np.squeeze(t[None])",
    "np.expand_dims(t, 0)",
    "np.broadcast_to(t, (2, 2, 3))",
    "np.float64(2) * t",
    "np.ones(3) - t",
    "np.maximum(3.0, t)",
    "np.true_divide(t, 2)",
    "np.std(t, axis=0, ddof=1)",
    "np.var(t)",
    "np.prod(t, axis=1)",
    "np.ravel(t)",
    "np.copy(t)",
    "np.add(t, 1, dtype=np.float32)",
    "np.multiply(t, 2, casting='safe')",
    "np.exp(t, where=True)",
    "np.subtract.reduce(t, axis=1, keepdims=True)",
    "np.logaddexp.reduce(t, axis=None)",
    "np.hypot.reduce(t, axis=0, initial=2.0, where=[True, False, True])",
    "np.multiply.reduce(t, axis=1, dtype=np.float32)",
    "np.subtract.reduce(t[:, :0])",
    "np.add.accumulate(t)",
    "np.multiply.accumulate(t, axis=1)",
    "np.maximum.accumulate(t[:, ::-1], axis=-1)",
    "np.add.reduceat(t, [0, 2, 1], axis=1)",
    "np.divide.reduceat(t, [1, 0])",
    "np.add.outer(t, [1.0, 2.0])",
    "np.power.outer([2.0, 3.0], t[0])",
]
"""Ours answers, under NumPy's own spellings."""

ON_THE_ARRAY = [
    "np.argmax(t)",
    "np.argmin(t, axis=1)",
    "np.argsort(t)",
    "np.isnan(t)",
    "np.isfinite(t)",
    "np.greater(t, 2)",
    "np.equal(t, t)",
    "np.allclose(t, t)",
    "np.array_equal(t, t)",
    "np.shape(t)",
    "np.ndim(t)",
    "np.size(t)",
    "np.any(t > 5)",
    "np.count_nonzero(t)",
    "np.zeros_like(t)",
    "np.ones_like(t)",
    "np.full_like(t, 7.0)",
    "np.nonzero(t)",
    "np.result_type(t)",
    "np.logical_and(t, t)",
    "np.iscomplexobj(t)",
    "np.less.outer(t, t)",
    "np.logical_and.reduce(t, axis=0)",
    "np.isin(t, [2.0, 4.0])",
    "np.argwhere(t > 2)",
    "np.digitize(t, [2.0, 4.0])",
    "np.histogram(t, bins=3)[0]",
    "np.isposinf(t)",
]
"""There is no derivative, or it is 0 everywhere: NumPy answers with arrays and Python values."""

WITHOUT_A_RULE = {
    "np.fft.fft": "np.fft.fft(t)",
    "abs (vectorized)": "np.frompyfunc(abs, 1, 1)(t)",
    "max (vectorized).outer": "np.frompyfunc(max, 2, 1).outer(t, t)",
    "np.sort_complex": "np.sort_complex(t)",
}


def evaluated(expression: str, t: Any) -> Any:
    return eval(expression, {"np": np, "t": t})


@pytest.mark.parametrize("expression", WITH_A_RULE)
def test_numpy_function_calls_the_operation(t: tg.Tensor, expression: str) -> None:
    result = evaluated(expression, t)
    assert isinstance(result, tg.Tensor)
    assert result.requires_grad
    np.testing.assert_allclose(result.data, evaluated(expression, t.data))


@pytest.mark.parametrize("expression", ON_THE_ARRAY)
def test_numpy_functions_without_a_derivative_run_on_the_array(t: tg.Tensor, expression: str) -> None:
    result = evaluated(expression, t)
    assert not isinstance(result, tg.Tensor)
    np.testing.assert_array_equal(result, evaluated(expression, t.data))


@pytest.mark.parametrize("name", WITHOUT_A_RULE)
def test_numpy_functions_without_a_rule_are_rejected_with_a_remedy(t: tg.Tensor, name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{re.escape(name)} has no derivative rule.*detach\(\).*@tg\.op"):
        evaluated(WITHOUT_A_RULE[name], t)


def test_tensors_are_not_written_into(t: tg.Tensor) -> None:
    for write in (
        lambda: np.add(t, 1.0, out=t),
        lambda: np.add(t, 1.0, out=np.zeros((2, 3))),
        lambda: np.multiply(np.ones((2, 3)), 2.0, out=t),
        lambda: np.exp(t, where=t > 2),
        lambda: np.sum(t, axis=0, out=np.zeros(3)),
        lambda: np.copyto(t, 0.0),
        lambda: np.put(t, [0], [9.0]),
        lambda: np.fill_diagonal(t, 9.0),
    ):
        with pytest.raises(TypeError):
            write()
    np.testing.assert_array_equal(t.data, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_results_are_not_written_into_the_arrays_of_tensors(t: tg.Tensor) -> None:
    for write in (
        lambda: np.isnan(np.ones((2, 3)), out=t),
        lambda: np.logical_and.at(t, (0, 0), False),
        lambda: np.add.reduce(t, out=np.zeros(3)),
    ):
        with pytest.raises(TypeError):
            write()
    with pytest.raises(TypeError, match=r"^np\.putmask: .* Assign: t\[mask\] = values"):
        np.putmask(t, t > 2, 0.0)
    np.testing.assert_array_equal(t.data, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.maximum])
def test_ufunc_at_assigns_to_a_tensor(ufunc: np.ufunc) -> None:
    places, factors = (np.array([0, 1, 0, 0]), np.array([2, 0, 2, 1])), np.array([2.0, 3.0, 5.0, 7.0])
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    def changed(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        result = x * 1.5
        ufunc.at(result, places, y)
        return result

    expected = values * 1.5
    ufunc.at(expected, places, factors)
    np.testing.assert_allclose(changed(tg.tensor(values), tg.tensor(factors)).data, expected)
    assert tg.gradcheck(changed, [values, factors])


def test_ufunc_at_refuses_what_would_lose_the_gradient(t: tg.Tensor) -> None:
    with pytest.raises(TypeError, match=r"np\.add\.at: .* plain array"):
        np.add.at(np.zeros(3), 0, t[0, 0])
    with pytest.raises(RuntimeError, match="leaf"):
        np.add.at(t, (0, 0), 1.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.subtract.reduce(x, axis=1),
        lambda x: np.hypot.reduce(x, axis=(0, 1), initial=2.0),
        lambda x: np.divide.accumulate(x, axis=1),
        lambda x: np.multiply.reduceat(x, [0, 2, 1], axis=1),
        lambda x: np.arctan2.outer(x, x[0]),
    ],
)
def test_ufunc_methods_have_the_right_gradient(function: Any) -> None:
    assert tg.gradcheck(function, [np.array([[1.0, 2.0, 3.5], [4.0, 0.5, 6.0]])])


def test_ufunc_reduce_refuses_as_numpy_does(t: tg.Tensor) -> None:
    with pytest.raises(ValueError, match="not reorderable"):
        np.subtract.reduce(t, axis=(0, 1))
    with pytest.raises(ValueError, match="identity"):
        np.arctan2.reduce(t[:0])


def test_numpy_arguments_that_cannot_be_used_are_named(t: tg.Tensor) -> None:
    with pytest.raises(TypeError, match=r"np\.add: .*'out'"):
        np.add(t, 1.0, out=t)
    with pytest.raises(TypeError, match=r"add.*subok"):
        np.add(t, 1.0, subok=False)


def test_operations_answer_for_their_numpy_functions() -> None:
    for function in registry.values():
        for numpys in operation_of(function).numpy:
            assert numpy_dispatch.answers[numpys] is function
    assert numpy_dispatch.answers.keys().isdisjoint(numpy_dispatch.not_differentiable)


def test_numpy_functions_receive_values_without_a_copy(t: tg.Tensor) -> None:
    assert np.shares_memory(np.asarray(t.detach()), t.data)
    assert type(np.asarray(t.detach())) is np.ndarray
    np.testing.assert_array_equal(np.array([tg.tensor(1.0), tg.tensor(2.0)], dtype=float), [1.0, 2.0])


def test_numpy_functions_work_after_nnfs_init_has_replaced_them(t: tg.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The book's `nnfs.init()` replaces np.dot; tensorgrad imported after it sees only the replacement."""
    numpys, answer = np.dot, numpy_dispatch.answers[np.dot]
    monkeypatch.setattr(np, "dot", lambda a, b: numpys(a, b))
    monkeypatch.delitem(numpy_dispatch.answers, numpys)
    monkeypatch.setitem(numpy_dispatch.answers, np.dot, answer)
    np.testing.assert_array_equal(np.dot(t, np.ones(3)).data, [6.0, 15.0])
