"""Tensors are values: what they hold, how they behave in Python and NumPy, and what they refuse."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tensorgrad as tg

# -- construction -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [3, 2.5, True, [1, 2], [[1.0, 2.0]], np.float32(1), np.arange(3, dtype=np.uint8), []])
def test_tensor_has_the_values_and_dtype_of_numpy(data: Any) -> None:
    t = tg.tensor(data)
    expected = np.asarray(data)
    np.testing.assert_array_equal(t.data, expected)
    assert (t.dtype, t.shape, t.ndim, t.size) == (expected.dtype, expected.shape, expected.ndim, expected.size)
    assert t.is_leaf
    assert not t.requires_grad
    assert t.grad is None
    assert t.name is None


def test_tensor_copies_and_the_class_does_not() -> None:
    array = np.array([1.0, 2.0])
    assert not np.shares_memory(tg.tensor(array).data, array)
    assert tg.Tensor(array).data is array


def test_tensor_takes_dtype_and_name() -> None:
    t = tg.tensor([1, 2], dtype=np.float32, requires_grad=True, name="w")
    assert t.dtype == np.float32
    assert t.requires_grad
    assert t.name == "w"
    t.name = "v"
    assert t.name == "v"


def test_tensor_of_a_tensor_copies_its_values() -> None:
    t = tg.tensor(source := tg.tensor([2.0]))
    np.testing.assert_array_equal(t.data, [2.0])
    assert not np.shares_memory(t.array, source.array)


@pytest.mark.parametrize("data", [1j, np.array([1 + 0j]), "text", [object()], None, np.datetime64("2024-01-01")])
def test_tensor_rejects_values_that_are_not_real(data: Any) -> None:
    with pytest.raises(TypeError, match=r"^tensor: expected real numbers"):
        tg.tensor(data)


def test_tensor_error_names_complex_numbers() -> None:
    with pytest.raises(TypeError, match="complex numbers are not supported"):
        tg.tensor(1j)
    with pytest.raises(TypeError, match="complex"):
        tg.tensor([1.0], dtype=complex)
    with pytest.raises(TypeError, match="complex"):
        tg.tensor(1j, dtype=float)


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3, dtype=np.uint8)])
def test_tensor_of_integers_cannot_require_a_gradient(data: Any) -> None:
    with pytest.raises(TypeError, match=r"only floating-point.*dtype=np\.float32"):
        tg.tensor(data, requires_grad=True)
    t = tg.tensor(data)
    with pytest.raises(TypeError, match="only floating-point"):
        t.requires_grad = True
    assert not t.requires_grad


def test_tensor_rejects_ragged_lists() -> None:
    with pytest.raises(ValueError, match="inhomogeneous"):
        tg.tensor([[1.0], [1.0, 2.0]])


# -- dtypes -----------------------------------------------------------------------------------------------

DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, np.bool_]


@pytest.mark.parametrize("right", DTYPES)
@pytest.mark.parametrize("left", DTYPES)
def test_tensor_promotion_is_numpys(left: Any, right: Any) -> None:
    a, b = np.ones(2, left), np.ones(2, right)
    assert (tg.tensor(a) + tg.tensor(b)).dtype == (a + b).dtype
    assert (tg.tensor(a) + b).dtype == (a + tg.tensor(b)).dtype == (a + b).dtype
    assert (tg.tensor(a) * right(1)).dtype == (right(1) * tg.tensor(a)).dtype == (a * right(1)).dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_python_numbers_do_not_promote_values_and_gradients(dtype: Any) -> None:
    x = tg.tensor(np.array([0.5, 1.5], dtype=dtype), requires_grad=True)
    y = 3 * x + 2.5 - x / 7 + x**2 - 1 / x + abs(-x) + True * x
    assert y.dtype == dtype
    loss = (y.mean() + y.std() + y.max() + tg.logsumexp(y) + y.var() + y.prod()) / 2
    assert loss.dtype == dtype
    loss.backward()
    assert x.grad.dtype == dtype


def test_an_integer_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(OverflowError):
        tg.tensor(np.array([1], dtype=np.uint8)) + 300


# -- operators --------------------------------------------------------------------------------------------


@given(st.floats(0.5, 2.0), st.floats(0.5, 2.0))
def test_operators_compute_what_numbers_compute(a: float, b: float) -> None:
    x, y = tg.tensor(a), tg.tensor(b)
    for left, right in [(x, y), (x, b), (a, y), (np.float64(a), y), (x, np.float64(b)), (np.array(a), y)]:
        assert float(left + right) == a + b
        assert float(left - right) == a - b
        assert float(left * right) == a * b
        assert float(left / right) == a / b
        assert float(left**right) == pytest.approx(a**b, rel=1e-15)
    assert float(-x) == -a
    assert float(abs(-x)) == a


def test_matmul_from_both_sides() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    for left, right in [(tg.tensor(a), tg.tensor(b)), (a, tg.tensor(b)), (tg.tensor(a), b), (a.tolist(), tg.tensor(b))]:
        product = left @ right
        assert isinstance(product, tg.Tensor)
        np.testing.assert_array_equal(product.data, a @ b)


def test_arrays_and_numpy_numbers_on_the_left_give_tensors() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for left in (np.float64(2), np.array([2.0, 3.0]), np.float32(2), np.int64(2), [2.0, 3.0]):
        for result in (left + x, left - x, left * x, left / x, left**x):
            assert isinstance(result, tg.Tensor)
            assert result.requires_grad


@pytest.mark.parametrize("other", ["text", None, object(), {1: 2}, Fraction(1, 3), 1j, [1.0, "a"], b"bytes", slice(1)])
def test_operators_reject_operands_that_are_not_numbers(other: Any) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for compute in (lambda: x + other, lambda: other * x, lambda: x @ other, lambda: tg.maximum(x, other)):
        with pytest.raises((TypeError, ValueError)):
            compute()


def test_operators_name_mismatched_shapes() -> None:
    x, y = tg.tensor(np.ones((2, 3))), np.ones((4, 5))
    for name, compute in {"add": lambda: x + y, "matmul": lambda: x @ y, "divide": lambda: y / x}.items():
        with pytest.raises(ValueError, match=rf"^{name}: .*\(2, 3\).*|^{name}: .*\(4, 5\).*") as error:
            compute()
        assert "(2, 3)" in str(error.value)
        assert "(4, 5)" in str(error.value)


def test_augmented_assignment_rebinds_the_name() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    same = y
    y += 1
    y *= 3
    y -= 1
    y /= 2
    y **= 2
    assert y is not same
    np.testing.assert_array_equal(same.data, [2.0, 4.0])
    np.testing.assert_allclose(tg.gradient(y.sum(), x), 2 * ((x.data * 2 + 1) * 3 - 1) / 2 * 3)
    leaf = x
    x += 1
    assert x is not leaf
    np.testing.assert_array_equal(leaf.data, [1.0, 2.0])


@pytest.mark.parametrize("operator", ["+", "-", "*", "/"])
def test_augmented_assignment_of_a_leaf_inside_no_grad_is_an_error(operator: str) -> None:
    names = {"w": tg.tensor([1.0, 2.0], requires_grad=True), "y": tg.tensor([1.0, 2.0]), "tg": tg}
    with tg.no_grad():
        with pytest.raises(RuntimeError, match=rf"^\{operator}=: inside no_grad.* write t\.data \{operator}= u"):
            exec(f"w {operator}= 0.5", names)
        exec(f"y {operator}= 0.5", names)  # nothing to update: no gradient is required
        exec(f"z = w * 1; z {operator}= 0.5; w.data {operator}= 0.5", names)
    np.testing.assert_array_equal(names["w"].data, names["y"].data)
    np.testing.assert_array_equal(names["w"].data, names["z"].data)


def test_arrays_reject_in_place_operators_with_tensors() -> None:
    array = np.ones(2)
    with pytest.raises(TypeError, match="out"):
        array += tg.tensor([1.0, 2.0])
    np.testing.assert_array_equal(array, 1.0)


def test_comparisons_give_boolean_arrays() -> None:
    x, y = tg.tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([3.0, 2.0, 1.0])
    for other in (y, tg.tensor(y), 2.0, np.float64(2), [3.0, 2.0, 1.0]):
        plain = other.data if isinstance(other, tg.Tensor) else np.asarray(other)
        for got, expected in [
            (x == other, x.data == plain), (x != other, x.data != plain), (x < other, x.data < plain),
            (x <= other, x.data <= plain), (x > other, x.data > plain), (x >= other, x.data >= plain),
        ]:  # fmt: skip
            assert type(got) is np.ndarray
            assert got.dtype == bool
            np.testing.assert_array_equal(got, expected)
    assert type(y < x) is np.ndarray
    np.testing.assert_array_equal(y < x, y < x.data)


# -- Python -----------------------------------------------------------------------------------------------


def test_tensor_converts_to_python_numbers() -> None:
    assert float(tg.tensor(2.5)) == 2.5
    assert int(tg.tensor(2.5)) == 2
    assert tg.tensor([[2.5]]).item() == 2.5
    assert type(tg.tensor(np.float32(2.5)).item()) is float
    assert f"{tg.tensor(2.5):.2f}" == "2.50"
    assert f"{tg.tensor(2.5)}" == "Tensor(2.5)"
    assert [10, 20, 30][tg.tensor(1)] == 20
    assert bool(tg.tensor(1.0))
    assert not tg.tensor([0.0])
    with pytest.raises(ValueError, match=r"item|size 1|scalar"):
        tg.tensor([1.0, 2.0]).item()
    with pytest.raises(TypeError):
        float(tg.tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match="ambiguous"):
        bool(tg.tensor([1.0, 2.0]))
    with pytest.raises(TypeError):
        [1, 2][tg.tensor(1.0)]


def test_tensor_has_length_and_iteration() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2
    rows = list(x)
    assert all(isinstance(row, tg.Tensor) for row in rows)
    (rows[0] * rows[1]).sum().backward()
    np.testing.assert_array_equal(x.grad, [[3.0, 4.0], [1.0, 2.0]])
    first, _ = x
    np.testing.assert_array_equal(first.data, [1.0, 2.0])
    with pytest.raises(TypeError, match="0-d"):
        len(tg.tensor(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(tg.tensor(1.0))
    assert 3.0 in x
    assert 5.0 not in x


def test_tensor_repr_shows_the_numbers() -> None:
    assert repr(tg.tensor([1.0, 2.5])) == "Tensor([1. , 2.5])"
    assert repr(tg.tensor(2)) == "Tensor(2)"
    w = tg.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True, name="w")
    assert repr(w) == "Tensor([1., 2.], dtype=float32, requires_grad=True, name='w')"
    assert repr(w * 2) == "Tensor([2., 4.], dtype=float32, op=multiply)"
    assert repr(tg.tensor([])) == "Tensor([])"
    assert len(repr(tg.tensor(np.zeros((1000, 1000))))) < 1000


def test_tensor_hash_is_by_identity() -> None:
    x, y = tg.tensor(1.0), tg.tensor(1.0)
    assert len({x, y, x}) == 2


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_and_pickles_keep_data_flag_name_and_gradient(duplicate: Any) -> None:
    w = tg.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True, name="w")
    (w * w).sum().backward()
    for original in (w, tg.tensor([1, 2])):
        again = duplicate(original)
        np.testing.assert_array_equal(again.data, original.data)
        assert again.dtype == original.dtype
        assert again.requires_grad == original.requires_grad
        assert again.name == original.name
        assert again.is_leaf
        assert not np.shares_memory(again.array, original.array)
        np.testing.assert_array_equal(again.grad, original.grad)
        assert again.grad is None or not np.shares_memory(again.grad, original.grad)


@pytest.mark.parametrize("duplicate", [lambda ts: copy.copy(ts[0]), copy.deepcopy, pickle.dumps])
def test_copies_and_pickles_of_results_are_refused_with_the_remedies(duplicate: Any) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"detach\(\).*t\.copy\(\)"):
        duplicate([w * 2])
    with tg.no_grad():
        duplicate([w * 2])


def test_deepcopy_keeps_shared_tensors_shared() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    first, second = copy.deepcopy([w, w])
    assert first is second


def test_copy_method_is_recorded() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    (w.copy() * 3).sum().backward()
    np.testing.assert_array_equal(w.grad, [3.0, 3.0])


def test_tensor_rejects_unknown_attributes() -> None:
    with pytest.raises(AttributeError):
        tg.tensor(1.0).gradd = 3  # type: ignore[attr-defined]


# -- data -------------------------------------------------------------------------------------------------


def test_detach_numpy_and_array() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    assert not w.detach().requires_grad
    assert np.shares_memory(w.detach().data, w.data)
    ours = w.numpy()
    ours[0] = 9.0
    assert w.data[0] == 1.0
    assert np.asarray(w.detach()).dtype == float
    assert np.array(w.detach(), dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(np.array((w * 2).detach()), [2.0, 4.0])
    with pytest.raises(ValueError, match="read-only"):
        (w * 2).detach().data[0] = 1.0


def test_data_of_a_result_cannot_be_assigned() -> None:
    y = tg.tensor([1.0, 2.0], requires_grad=True) * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 5.0
    with pytest.raises(RuntimeError, match="is the result of an operation"):
        y.data = np.zeros(2)
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad = False


def test_data_assignment_keeps_dtype_and_shape() -> None:
    w = tg.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    w.data = [3, 4]
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w.data, [3.0, 4.0])
    with pytest.raises(ValueError, match=r"expected shape \(2,\), got \(3,\)"):
        w.data = np.zeros(3)
    for wrong in (["a", "b"], np.array([1j, 2j]), [None, None]):
        with pytest.raises(TypeError, match="real numbers"):
            w.data = wrong
    np.testing.assert_array_equal(w.data, [3.0, 4.0])
    assert w.requires_grad


@pytest.mark.parametrize(
    "change", ["w.data = w.data - 0.5", "w.data -= 0.5", "w.data = np.zeros(2)", "w.data[:] = 0; w.data = w.data"]
)
def test_backward_rejects_a_leaf_changed_since_the_forward_pass(change: str) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True, name="weights")
    c = tg.tensor([3.0, 4.0], requires_grad=True)
    loss = (w * w * c).sum()
    exec(change)
    with pytest.raises(RuntimeError, match=r"leaf 'weights' \(2,\) changed"):
        loss.backward()
    assert w.grad is None
    assert c.grad is None
    for asked in (w, c):
        with pytest.raises(RuntimeError, match=r"changed|do not depend"):
            tg.gradient(loss, asked)
    (w * w * c).sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * w.data * c.data)


def test_data_assignment_takes_a_copy() -> None:
    given = np.ones(2)
    first, second = (tg.tensor(np.zeros(2), requires_grad=True) for _ in range(2))
    first.data = given
    second.data = first.data
    first.data -= 0.5  # as an optimizer does
    np.testing.assert_array_equal(given, 1.0)
    np.testing.assert_array_equal(second.data, 1.0)


def test_data_and_gradient_can_be_updated_in_a_training_loop() -> None:
    w = tg.tensor(4.0, requires_grad=True)
    for _ in range(3):
        w.zero_grad()
        (w * w).backward()
        w.data -= 0.25 * w.grad
    assert w.item() == 0.5


def test_requires_grad_can_be_switched_on_leaves() -> None:
    w = tg.tensor([1.0, 2.0])
    w.requires_grad = True
    (w * 2).sum().backward()
    np.testing.assert_array_equal(w.grad, [2.0, 2.0])
    w.requires_grad = False
    assert not (w * 2).requires_grad


# -- methods ----------------------------------------------------------------------------------------------


def test_methods_have_numpys_names_and_arguments() -> None:
    a = np.arange(6.0).reshape(2, 3)
    t = tg.tensor(a)
    for got, expected in [
        (t.sum(), a.sum()), (t.sum(0), a.sum(0)), (t.sum(axis=1, keepdims=True), a.sum(axis=1, keepdims=True)),
        (t.mean((0, 1)), a.mean((0, 1))), (t.max(-1), a.max(-1)), (t.min(), a.min()), (t.std(0), a.std(0)),
        (t.var(1, ddof=1), a.var(1, ddof=1)), (t.prod(0), a.prod(0)), (t.reshape(3, 2), a.reshape(3, 2)),
        (t.reshape((3, -1)), a.reshape((3, -1))), (t.reshape(-1), a.reshape(-1)), (t.T, a.T),
        (t.transpose(), a.transpose()), (t.transpose(1, 0), a.transpose(1, 0)), (t.transpose((1, 0)), a.T),
        (t.ravel(), a.ravel()), (t.flatten(), a.flatten()), (t.clip(1, 4), a.clip(1, 4)), (t.dot(a.T), a.dot(a.T)),
        (t[None].squeeze(), a), (t.astype(np.float32), a.astype(np.float32)), (t.copy(), a),
        (t.reshape([3, 2]), a.reshape(3, 2)), (t.transpose(None), a.T),
    ]:  # fmt: skip
        assert isinstance(got, tg.Tensor)
        np.testing.assert_allclose(got.data, expected)
        assert got.dtype == np.asarray(expected).dtype


def test_writing_through_a_view_cannot_change_another_tensor() -> None:
    c = tg.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        c.reshape(2, 1).data[0] = 5.0
    base = np.arange(6.0)
    w = tg.Tensor(base.reshape(2, 3), requires_grad=True)
    w.data -= 1.0
    np.testing.assert_array_equal(base, np.arange(6.0))
    np.testing.assert_array_equal(w.data.ravel(), np.arange(6.0) - 1)
