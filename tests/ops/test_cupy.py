"""Operations give the same numbers on CuPy arrays as on NumPy arrays. Without a GPU, some run on a test double."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.cupy_double import installed
from tests.ops.samples import BUILT_IN, Sample, samples_of
from tests.ops.test_strict_arrays import everything

QUANTILES = frozenset({"quantile", "percentile", "nanquantile", "nanpercentile"})
"""Operations that CuPy cannot run with weights, or with some methods."""


AMBIGUOUS = frozenset({"eigh", "svd", "svd_factors", "qr", "qr_factors"})
"""Decompositions whose vectors may differ in sign on a GPU. Their derivatives are checked with finite differences."""


def has_gpu() -> bool:
    if importlib.util.find_spec("cupy") is None:
        return False
    import cupy

    return bool(cupy.is_available())


@pytest.fixture
def double() -> Iterator[Any]:
    with installed() as module:
        yield module


def check(sample: Sample, cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a call agrees with NumPy, returns CuPy arrays and copies nothing to the CPU."""
    from tensorgrad._cupy import Array

    expected = everything(sample, np.array)
    with monkeypatch.context() as patch:
        patch.setattr(Array, "__array__", cupy.ndarray.__array__)  # it raises
        got = everything(sample, cupy.asarray)
    assert all(isinstance(each, cupy.ndarray) for each in got), f"{sample}: {[type(g) for g in got]}"
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype, str(sample)
        np.testing.assert_allclose(ours.get(), theirs, rtol=1e-9, atol=1e-10, err_msg=str(sample))


@pytest.mark.skipif(not has_gpu(), reason="requires CuPy and a GPU")
@pytest.mark.parametrize("name", sorted(BUILT_IN)[: None if has_gpu() else 1])
def test_cupy_agrees_with_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import cupy

    operation = BUILT_IN[name]
    if operation.numpy_only:
        pytest.skip("declared numpy_only")
    for sample in samples_of(operation):
        if operation.name in AMBIGUOUS:
            operands = [tg.tensor(cupy.asarray(a), requires_grad=True) for a in sample.arrays]
            assert tg.gradcheck(lambda *operands: sample.outputs(list(operands)), operands)  # noqa: B023
            continue
        try:
            check(sample, cupy, monkeypatch)
        except TypeError as error:
            if "CuPy does not implement" not in str(error) or operation.name not in QUANTILES:
                raise


ADAPTED = (
    "sum", "max", "mean", "var", "prod", "nancumsum", "vector_norm", "quantile", "sort", "partition", "take", "choose",
    "take_along_axis", "select", "insert", "delete", "interp", "tensordot", "einsum", "cholesky", "pinv", "solve",
    "pad", "spacing", "matvec", "vecdot", "getitem", "with_item", "stack", "clip", "where", "repeat", "conv2d",
    "max_pool2d", "softmax_cross_entropy", "embedding", "attention",
)  # fmt: skip
"""Operations that need a function or an argument that CuPy lacks."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ADAPTED)
def test_cupy_double_agrees_with_numpy(name: str, double: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = next(each for each in BUILT_IN.values() if each.name == name)
    for sample in samples_of(operation)[:2]:
        check(sample, double, monkeypatch)


def test_reductions_have_numpys_shapes_and_dtypes(double: Any) -> None:
    for values in (np.ones((2, 3), np.float32), np.ones((2, 3), bool)):
        array = tg.Tensor(double.asarray(values)).array
        for reduce in (
            lambda a: np.sum(a, axis=(), keepdims=True),
            lambda a: np.var(a, axis=(), where=a > 0),
            lambda a: np.max(a, axis=0, initial=np.float64(3.0)),
            lambda a: np.min(a, initial=np.float64(3.0), where=a > 0),
        ):
            ours, theirs = reduce(array), np.asarray(reduce(values))
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours.get(), theirs, strict=True)
    for values in (np.ones((0, 3), np.float32), np.ones((2, 0), np.int8)):
        array = tg.Tensor(double.asarray(values)).array
        for reduce in (
            lambda a: np.max(a, axis=0, initial=4),
            lambda a: np.minimum.reduce(a, axis=1, initial=np.float64(3.0), keepdims=True, where=a > 2),
            lambda a: a.max(axis=a.shape.index(0) - 1),
            lambda a: np.min(a, axis=0, initial=4, out=np.sum(a, axis=0)),
        ):
            np.testing.assert_array_equal(np.asarray(reduce(array)), np.asarray(reduce(values)), strict=True)
        with pytest.raises(ValueError, match="zero-size array"):
            np.max(array)


def test_functions_that_cupy_lacks_are_composed_of_others(double: Any) -> None:
    rng = np.random.default_rng(0)
    a, b, c, v = (rng.normal(size=shape) for shape in ((2, 3), (3, 4), (4, 3), (3,)))
    for call in (
        lambda f: np.block([[f(a), 1.0 + np.ones((2, 1))], [f(v), 2.0]]),
        lambda f: np.block([f(v), f(a), 3.0][:1]),
        lambda f: np.block(f(a)),
        lambda f: np.linalg.multi_dot([f(a), b, f(c)]),
        lambda f: np.linalg.multi_dot([f(v), f(b)]),
        lambda f: np.linalg.multi_dot([f(v), f(b), f(c), v]),
        lambda f: np.linalg.vecdot(f(a), v),
        lambda f: np.linalg.vecdot(f(b), c.T, axis=0),
        *(lambda f, ord=ord: np.linalg.matrix_norm(f(a), ord=ord, keepdims=True) for ord in ("fro", "nuc", 1, -2)),
    ):
        ours, theirs = call(lambda values: tg.Tensor(double.asarray(values)).array), call(np.asarray)
        assert isinstance(ours, double.ndarray)
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-12, strict=True)
    with pytest.raises(ValueError, match="nested to the same depth"):
        np.block([[tg.Tensor(double.asarray(a)).array], 1.0])


@pytest.mark.parametrize("function", [np.dot, max])
def test_arguments_that_cupy_lacks_must_have_their_defaults(function: Any, double: Any) -> None:
    """`max` has no signature. Before NumPy 2.4, neither has `np.dot`."""
    from tensorgrad._cupy.gpu_functions import _understood

    assert _understood(function, frozenset("a"), {"a": 1, "out": None}) == {"a": 1}
    with pytest.raises(TypeError, match="with the argument 'out' cannot run on CuPy arrays"):
        _understood(function, frozenset("a"), {"a": 1, "out": 1.0})


def test_cupy_array_keeps_its_library(double: Any) -> None:
    w = tg.tensor(double.asarray(np.ones((3, 3))), requires_grad=True)
    (w @ w).sum().backward()
    assert isinstance(w.grad, double.ndarray)
    np.testing.assert_array_equal(np.asarray(w.grad), np.full((3, 3), 6.0))


def test_cupy_arrays_refuse_to_be_written_into_numpy_arrays(double: Any) -> None:
    a, b = np.ones(3), tg.Tensor(double.asarray(np.ones(3))).array
    writes = (lambda: np.add(a, b, out=a), lambda: np.sum(b, out=np.zeros(())), lambda: np.copyto(a, b))
    for write in (*writes, lambda: np.add.at(a, 0, b[0])):
        with pytest.raises(TypeError, match="cannot be written into a NumPy array"):
            write()
    np.testing.assert_array_equal(a, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.quantile(x, 0.5, method="hazen"), "quantile with the argument 'method'"),
        (lambda x: np.hypot.reduce(x), "hypot.reduce cannot run on CuPy"),
        (lambda x: np.sort(x, order="f"), "sort with the argument 'order'"),
        (lambda x: np.add(x, x, where=x > 0, out=x), "add with the argument 'where'"),
    ],
)
def test_cupy_error_names_the_missing_function(call: Any, message: str, double: Any) -> None:
    with pytest.raises(TypeError, match=message):
        call(tg.Tensor(double.asarray(np.ones((2, 3)))).array)


def test_cupy_masks_select_elements(double: Any) -> None:
    values = np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, 6.0]])
    x = double.asarray(values)
    t = tg.tensor(x, requires_grad=True)
    (t[x > 0] ** 2).sum().backward()
    np.testing.assert_array_equal(np.asarray(t.grad), np.where(values > 0, 2 * values, 0.0))
    assert [np.asarray(each).tolist() for each in tg.nonzero(t)] == [each.tolist() for each in np.nonzero(values)]
    t.zero_grad()
    tg.compress(x[0] > 0, t, axis=1).sum().backward()
    np.testing.assert_array_equal(np.asarray(t.grad), [[1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    u = t * 1
    u[x < 0] = 0.0
    np.testing.assert_array_equal(u.numpy(), np.maximum(values, 0.0))


def test_cupy_tensor_copies_assigned_values_to_the_gpu(double: Any) -> None:
    t = tg.tensor(double.asarray(np.ones(3)), requires_grad=True)
    t.data = np.array([1.0, 2.0, 3.0])
    (t * t).backward(np.ones(3))
    assert isinstance(t.data, double.ndarray)
    assert isinstance(t.grad, double.ndarray)
    assert t.numpy().tolist() == [1.0, 2.0, 3.0]
    t.grad = np.zeros(3)
    assert isinstance(t.grad, double.ndarray)


def test_cupy_gradients_share_no_memory_with_operands(double: Any) -> None:
    x = double.asarray(np.ones(3))
    t = tg.Tensor(x, requires_grad=True)
    seed = double.asarray(np.full(3, 2.0))
    (t + 1).backward(seed)
    t.grad += 1  # type: ignore[operator]
    t.data[0] = 5.0
    assert seed.tolist() == [2.0, 2.0, 2.0]
    assert x.tolist() == [5.0, 1.0, 1.0]  # `tg.tensor` would have copied it


def test_gradcheck_checks_rules_on_cupy_arrays(double: Any) -> None:
    x = double.asarray(np.array([[0.5, -1.0], [2.0, 0.3]]))
    assert tg.gradcheck(lambda x: tg.exp(x) @ x, x, order=2)
    w = tg.tensor(x, requires_grad=True, name="w")
    assert tg.gradcheck(lambda: tg.mean(tg.tanh(x @ w)), [w])
    assert isinstance(w.array, double.ndarray)
    with pytest.raises(AssertionError, match="missing factor 2"):
        tg.gradcheck(lambda x: x * x.detach(), x)
