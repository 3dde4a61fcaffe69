"""NumPy's functions on tensors: answered by our operations, by the plain arrays, or refused; never silently wrong."""

from __future__ import annotations

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
]
"""There is no derivative, or it is 0 everywhere: NumPy answers with arrays and Python values."""

WITHOUT_A_RULE = {
    "np.unwrap": "np.unwrap(t)",
    "np.fft.fft": "np.fft.fft(t)",
    "np.gcd": "np.gcd(t, t)",
    "np.frexp": "np.frexp(t)",
    "np.add.accumulate": "np.add.accumulate(t)",
    "np.add.reduceat": "np.add.reduceat(t, [0])",
    "np.multiply.at": "np.multiply.at(t, 0, 2.0)",
}


def evaluated(expression: str, t: Any) -> Any:
    return eval(expression, {"np": np, "t": t})


@pytest.mark.parametrize("expression", WITH_A_RULE)
def test_our_operation_answers(t: tg.Tensor, expression: str) -> None:
    result = evaluated(expression, t)
    assert isinstance(result, tg.Tensor)
    assert result.requires_grad
    np.testing.assert_allclose(result.data, evaluated(expression, t.data))


@pytest.mark.parametrize("expression", ON_THE_ARRAY)
def test_numpy_answers_for_the_array(t: tg.Tensor, expression: str) -> None:
    result = evaluated(expression, t)
    assert not isinstance(result, tg.Tensor)
    np.testing.assert_array_equal(result, evaluated(expression, t.data))


@pytest.mark.parametrize("name", WITHOUT_A_RULE)
def test_what_has_no_rule_is_refused_with_the_remedy(t: tg.Tensor, name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name} has no derivative rule.*detach\(\).*@tg\.op"):
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


def test_an_argument_that_cannot_be_used_is_named(t: tg.Tensor) -> None:
    with pytest.raises(TypeError, match=r"np\.add: .*'out'"):
        np.add(t, 1.0, out=t)
    with pytest.raises(TypeError, match=r"add.*subok"):
        np.add(t, 1.0, subok=False)


def test_every_operation_answers_for_its_functions() -> None:
    for function in registry.values():
        for numpys in operation_of(function).numpy:
            assert numpy_dispatch.answers[numpys] is function
    assert numpy_dispatch.answers.keys().isdisjoint(numpy_dispatch.not_differentiable)


def test_values_reach_numpy_without_a_copy(t: tg.Tensor) -> None:
    assert np.shares_memory(np.asarray(t.detach()), t.data)
    assert type(np.asarray(t.detach())) is np.ndarray
    np.testing.assert_array_equal(np.array([tg.tensor(1.0), tg.tensor(2.0)], dtype=float), [1.0, 2.0])


def test_numpys_own_function_is_answered_when_another_stands_in_its_place(
    t: tg.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The book's `nnfs.init()` replaces np.dot; tensorgrad imported after it sees only the replacement."""
    numpys, answer = np.dot, numpy_dispatch.answers[np.dot]
    monkeypatch.setattr(np, "dot", lambda a, b: numpys(a, b))
    monkeypatch.delitem(numpy_dispatch.answers, numpys)
    monkeypatch.setitem(numpy_dispatch.answers, np.dot, answer)
    np.testing.assert_array_equal(np.dot(t, np.ones(3)).data, [6.0, 15.0])
