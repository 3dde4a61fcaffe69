"""`xla.Array`: NumPy's functions, operators and methods on JAX arrays, in NumPy's dtypes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

jax = pytest.importorskip("jax")

from tensorgrad import xla  # noqa: E402

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
B = RNG.uniform(1, 2, size=(3, 4))
SQUARE = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
INTEGERS = np.array([[2, 0, 1, 2], [1, 1, 3, 0], [5, 7, 0, 2]])

EXPRESSIONS: dict[str, Callable[..., Any]] = {
    "methods": lambda a, b, i: [
        a.sum(), a.mean(axis=0), a.max(axis=1, keepdims=True), a.min(), a.std(), a.var(axis=1), a.prod(axis=0), a.T,
        a.reshape(4, 3), a.reshape((2, -1)), a.transpose(1, 0), a.ravel(), a.astype(np.float32), a.clip(-1, 1),
        a.argmax(), a.argsort(axis=1), a.cumsum(axis=0), a.swapaxes(0, 1), a.round(1), a.any(), a.take([0, 2], axis=1),
        a.diagonal(), a.trace(), a.copy(), a.squeeze(), a.repeat(2, axis=0),
    ],
    "properties": lambda a, b, i: [np.array([a.shape, a.T.shape[::-1]]), a.ndim, a.size, a.nbytes, a.itemsize, len(a)],
    "reductions": lambda a, b, i: [
        np.add.reduce(a), np.maximum.reduce(a, axis=1), np.multiply.reduce(a, axis=(0, 1)), np.add.accumulate(a),
        np.logical_and.reduce(a > 0, axis=0), np.subtract.outer(a[0], b[0]), np.add.reduce(a, keepdims=True),
        np.add.reduce(a, initial=2.0), np.minimum.reduce(a, axis=None),
    ],
    "ufuncs": lambda a, b, i: [
        np.exp(a), np.hypot(a, b), np.divmod(b, 0.5)[1], np.add(a, 1, dtype=np.float32), np.matmul(a, b.T), np.isnan(a),
        np.power(b, i), np.float_power(b, 2), np.logaddexp(a, b), np.heaviside(a, 0.5), np.copysign(a, -b),
    ],
    "functions": lambda a, b, i: [
        np.where(a > 0, a, b), np.concatenate([a, b]), np.stack([a, 2 * a]), np.linalg.inv(a[:, :3] + 5 * np.eye(3)),
        np.einsum("ij,kj->ik", a, b), np.take_along_axis(a, i % 4, 1), np.sort(a), np.pad(a, 1), np.tensordot(a, b, 2),
        np.interp(a, np.arange(4.0), np.arange(4.0) ** 2), np.select([a > 1, a > 0], [a, -a], 0.0), np.shape(a),
        np.choose(i % 2, [a, b]), np.lib.stride_tricks.sliding_window_view(a, 2, axis=1), np.result_type(a, np.int8),
        np.bincount(np.ravel(i), minlength=9), np.delete(a, 1, axis=0), np.insert(a, [1], 0.0, axis=1), np.size(a, 1),
        np.compress([True, False, True], a, axis=0), np.extract([[True, False, True, False]] * 3, a), np.ndim(a),
        np.can_cast(np.int8, a.dtype), np.zeros_like(a, dtype=int), np.iscomplexobj(a), np.array_equal(a, a),
    ],
    "indices": lambda a, b, i: [
        a[1], a[1:, ::-2], a[..., None], a[i[0] % 3, 1], a[np.array([2, 0])], list(a)[2], a[-1, 0],
    ],
    "promotion": lambda a, b, i: [
        i / 2, i + 1.5, i.astype(np.int32) * a.astype(np.float32), a.astype(np.float32) * 2, a.astype(np.float32) * b,
        i.astype(np.int8) + np.int16(3), a.astype(np.float16) + i.astype(np.int8), i // 2, -i, i % 3, i & 1,
        (a > 0) * 2, a.astype(np.float32) + np.float64(1), np.sqrt(i), np.mean(i), i**2, ~i, 2**i, i << 1, True + i,
        1 - a, a == b,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_give_numpys_numbers_and_dtypes(name: str) -> None:
    expected = EXPRESSIONS[name](A, B, INTEGERS)
    got = EXPRESSIONS[name](*map(xla.Array, (A, B, INTEGERS)))
    for place, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        if isinstance(ours, xla.Array):
            assert ours.dtype == np.asarray(theirs).dtype, place
            np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-12, atol=1e-13, err_msg=str(place))
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=str(place))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "matmul"])
def test_operators_with_numpy_arrays_and_numbers_on_either_side(name: str) -> None:
    function = getattr(operator, name)
    positive = np.abs(SQUARE) + 0.1
    ours = xla.Array(positive)
    for left, right in (
        (ours, ours),
        (ours, positive),
        (positive, ours),
        *((ours, 2.0), (2.0, ours))[: 2 * (name != "matmul")],
    ):
        expected = function(*(np.asarray(each) if isinstance(each, xla.Array) else each for each in (left, right)))
        result = function(left, right)
        assert isinstance(result, xla.Array)
        np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-12)


def test_in_place_operators_and_out_rebind() -> None:
    a = b = xla.Array(A)
    before = a.value
    a += 1
    np.testing.assert_array_equal(np.asarray(b), A)
    np.testing.assert_allclose(np.asarray(a), A + 1)
    assert np.multiply(b, 2, out=b) is b
    np.testing.assert_allclose(np.asarray(b), 2 * A)
    b[0] = 0.0
    b[b < 0] = -1.0
    np.copyto(b[1:].copy(), 3.0)
    np.testing.assert_allclose(np.asarray(b), np.where(np.arange(3)[:, None] == 0, 0, np.where(A < 0, -1, 2 * A)))
    np.testing.assert_array_equal(before, A)


@pytest.mark.parametrize(
    "write",
    [
        lambda a: a[0].__setitem__(0, 1.0),
        lambda a: np.add(a, 1, out=a.T.T),
        lambda a: np.copyto(a.reshape(-1), 0.0),
        lambda a: np.put(a, [0], 1.0),
        lambda a: np.add(a, 1, out=np.zeros((3, 4))),
    ],
    ids=["item of an item", "out is a transpose", "copyto a reshaped array", "put", "out is NumPy's"],
)
def test_writes_that_numpy_would_show_elsewhere_are_refused(write: Callable[[Any], Any]) -> None:
    with pytest.raises(xla.TraceError, match=r"cannot be written into: .*test_array.py"):
        write(xla.Array(A))


def test_values_leave_on_request() -> None:
    a = xla.Array([1.5, 2.0])
    assert (a[0].item(), float(a[1]), int(a[1]), a.tolist(), 2.0 in a, bool(a[0] > 1)) == (
        1.5,
        2.0,
        2,
        [1.5, 2.0],
        True,
        True,
    )
    assert [3, 4, 5][xla.Array(1)] == 4
    assert a.block_until_ready() is a
    assert repr(a) == "xla.Array([1.5, 2. ])"
    assert str(tg.tensor(a)) == str(tg.tensor([1.5, 2.0]))
    copied = np.asarray(a)
    assert copied.flags.writeable
    copied[0] = 9.0
    assert a.tolist() == [1.5, 2.0]
    with pytest.raises(TypeError, match="without axes"):
        len(xla.Array(1.0))


def test_constructor_copies_and_keeps_float64() -> None:
    values = A.copy()
    a = xla.Array(values)
    values[:] = 0.0
    np.testing.assert_array_equal(np.asarray(a), A)
    assert a.dtype == np.float64
    assert np.exp(a).dtype == np.float64
    assert xla.Array(a).value is a.value


def test_other_types_answer_for_themselves() -> None:
    a, t = xla.Array(A), tg.tensor(A, requires_grad=True)
    assert isinstance(a * t, tg.Tensor)
    assert isinstance(np.multiply(a, t), tg.Tensor)
    with pytest.raises(TypeError):
        a + "text"
    with pytest.raises(xla.TraceError, match=r"np.common_type cannot run on XLA arrays"):
        np.common_type(a)


def test_tensors_hold_them_eagerly() -> None:
    t = tg.tensor(xla.Array(A), requires_grad=True)
    tg.sum(tg.exp(t) * 2).backward()
    assert isinstance(t.grad, xla.Array)
    np.testing.assert_allclose(np.asarray(t.grad), 2 * np.exp(A), rtol=1e-12)
    assert type(t.numpy()) is np.ndarray


def test_where_of_a_ufunc_is_refused_by_name() -> None:
    a = xla.Array(jax.numpy.asarray(B))
    with pytest.raises(TypeError, match=r"np\.add: where cannot be used with XLA arrays"):
        np.add(a, a, where=B > 0)
