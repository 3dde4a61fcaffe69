"""Every operation on the arrays of another library: NumPy's numbers, in that library's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.samples import BUILT_IN, Sample, samples_of
from tests.strict_array import StrictArray, plain

NUMPY_ONLY = sorted(name for name, operation in BUILT_IN.items() if operation.numpy_only)
OF_EVERY_LIBRARY = sorted(BUILT_IN.keys() - NUMPY_ONLY)


def everything(sample: Sample, kind: Any) -> list[Any]:
    """Return results, gradients, their gradients and forward-mode derivatives as arrays; `kind` makes the operands."""
    rng = np.random.default_rng(3)
    operands = [
        tg.Tensor(kind(a), requires_grad=True) if position in sample.differentiable else kind(a)
        for position, a in enumerate(sample.arrays)
    ]
    outputs = sample.outputs(operands)
    recorded = [o for o in outputs if o.requires_grad]
    upstream = [kind(rng.uniform(0.5, 1.5, o.shape)) for o in recorded]
    points = [operands[p] for p in sample.differentiable]
    for output, seed in zip(recorded, upstream):
        output.backward(seed, retain_graph=True)
    gradients = [point.grad for point in points]
    found = [o.array for o in outputs] + gradients

    again = tg.gradient(recorded, points, grad_outputs=[tg.Tensor(u) for u in upstream], create_graph=True)
    found += [g.array for g in again]
    second = [g for g in again if g.requires_grad]
    if second:
        directions = [kind(rng.uniform(0.5, 1.5, g.shape)) for g in second]
        found += [g for g in tg.gradient(second, points, grad_outputs=directions, allow_unused=True) if g is not None]

    def function(*moving: Any) -> list[tg.Tensor]:
        moved = list(operands)
        for position, each in zip(sample.differentiable, moving):
            moved[position] = each
        return [o for o in sample.outputs(moved) if o.requires_grad]

    _, moves = tg.jvp(function, [p.array for p in points], [kind(rng.normal(size=p.shape)) for p in points])
    return found + [m.array for m in moves]


@pytest.mark.parametrize("count", [pytest.param(1, id="first"), pytest.param(None, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OF_EVERY_LIBRARY)
def test_strict_array_gives_numpys_numbers(name: str, count: int | None) -> None:
    for sample in samples_of(BUILT_IN[name])[:count]:
        expected = everything(sample, np.array)
        got = everything(sample, StrictArray)
        assert all(isinstance(each, StrictArray) for each in got), f"{sample}: {[type(g) for g in got]}"
        assert len(got) == len(expected)
        for ours, theirs in zip(got, expected):
            assert ours.dtype == theirs.dtype, str(sample)
            np.testing.assert_allclose(plain(ours), theirs, rtol=1e-12, atol=1e-12, err_msg=str(sample))


@pytest.mark.parametrize("name", NUMPY_ONLY)
def test_numpy_only_operations_say_so(name: str) -> None:
    operation = BUILT_IN[name]
    for sample in samples_of(operation)[:3]:
        with pytest.raises(
            TypeError, match=f"^{operation.name}: expected NumPy arrays, because {operation.numpy_only};"
        ):
            sample.with_arrays([StrictArray(a) for a in sample.arrays])()


X = np.arange(12.0).reshape(3, 4)
ROWS = StrictArray(np.array([2, 0, 2]))
OPTIONS: dict[str, Any] = {
    "getitem, integers": lambda x: x[ROWS],
    "getitem, integers in two axes": lambda x: x[ROWS, StrictArray(np.array([1, 3, 1]))],
    "getitem, a NumPy mask": lambda x: x[X > 4],
    "getitem, NumPy integers and a slice": lambda x: x[1:, np.array([0, 0])],
    "take": lambda x: tg.take(x, ROWS, axis=0),
    "take, wrap": lambda x: tg.take(x, ROWS, axis=0, mode="wrap"),
    "take_along_axis": lambda x: tg.take_along_axis(x, StrictArray(np.array([[1], [0], [3]])), axis=1),
    "put_along_axis": lambda x: tg.put_along_axis(x, StrictArray(np.array([[1, 1], [0, 2], [3, 3]])), x[:, :2]),
    "with_item": lambda x: tg.ops.indexing.items.with_item(x, 2 * x, ROWS),
    "with_item, an item": lambda x: tg.ops.indexing.items.with_item(x, x[0] * 2, 1),
    "mean, where": lambda x: tg.mean(x, axis=1, where=StrictArray(X > 1)),
    "std, where": lambda x: tg.std(x, axis=1, where=StrictArray(X < 11)),
    "sum, where": lambda x: tg.sum(x, axis=1, where=StrictArray(X > 4)),
    "max, where": lambda x: tg.max(x, axis=1, where=StrictArray(X > 4), initial=0.0),
    "prod, where": lambda x: tg.prod(x, axis=1, where=StrictArray(X > 4)),
    "choose": lambda x: tg.choose(StrictArray(np.array([0, 2, 1, 0])), [x[0], x[1], x[2]]),
    "select": lambda x: tg.select([StrictArray(X > 4), StrictArray(X > 2)], [x, 2 * x], -x),
    "where": lambda x: tg.where(x > 4, x, 0.0),
    "power, a strict exponent": lambda x: x ** StrictArray(np.array(2.0)),
    "power, a NumPy base": lambda x: np.array([2.0, 3.0, 4.0, 5.0]) ** x,
    "a NumPy operand on the left": lambda x: np.ones((2, 3)) @ x,
    "interp": lambda x: tg.interp(x, StrictArray(np.arange(12.0)), StrictArray(np.arange(12.0) ** 2)),
    "sort with ties": lambda x: tg.sort(tg.floor(x / 3) + x - x),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_may_be_strict_arrays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = OPTIONS[name]

    def value_and_gradients(x: Any) -> list[Any]:
        leaf = tg.Tensor(x, requires_grad=True)
        result = function(leaf)
        gradient = tg.gradient(tg.sum(result * result), leaf, create_graph=True)
        tg.sum(gradient * gradient).backward()
        return [result.array, gradient.array, leaf.grad]

    got = value_and_gradients(StrictArray(X))
    assert all(isinstance(each, StrictArray) for each in got)
    monkeypatch.setitem(globals(), "StrictArray", np.array)
    monkeypatch.setitem(globals(), "ROWS", plain(ROWS))
    for ours, theirs in zip(got, value_and_gradients(X)):
        np.testing.assert_allclose(plain(ours), theirs, rtol=1e-12, atol=1e-12)


MASK = StrictArray(np.array([True, False, True]))
REFUSED: dict[str, Any] = {
    "getitem": lambda x: x[MASK],
    "with_item": lambda x: tg.ops.indexing.items.with_item(x, 0.0, MASK),
    "compress": lambda x: tg.compress(MASK, x, axis=0),
    "extract": lambda x: tg.extract(StrictArray(X > 4), x),
    "delete": lambda x: tg.delete(x, ROWS, axis=0),
    "insert": lambda x: tg.insert(x, ROWS, 0.0, axis=0),
    "repeat": lambda x: tg.repeat(x, ROWS, axis=0),
    "array_split": lambda x: tg.array_split(x, StrictArray(np.array([1, 2]))),
    "nonzero": lambda x: tg.nonzero(x),
    "np.nonzero": lambda x: np.nonzero(x),
    "flatnonzero": lambda x: np.flatnonzero(x),
    "unique": lambda x: np.unique(x),
    "bincount": lambda x: np.bincount(tg.Tensor(ROWS)),
    "gradcheck": lambda x: tg.gradcheck(tg.exp, x),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_values_says_so(name: str) -> None:
    x = tg.Tensor(StrictArray(X), requires_grad=True)
    with pytest.raises(
        TypeError, match=rf"^{name.removeprefix('np.')}: expected NumPy arrays, because .*another library"
    ):
        REFUSED[name](x)


def test_functions_without_a_derivative_answer_in_strict_arrays() -> None:
    x = tg.Tensor(StrictArray(X), requires_grad=True)
    for result in (tg.argmax(x, axis=0), tg.argsort(x), tg.all(x), x > 4, np.isnan(x), np.count_nonzero(x, axis=0)):
        assert isinstance(result, StrictArray)
    np.testing.assert_array_equal(plain(tg.argmax(x, axis=0)), [2, 2, 2, 2])


def test_transforms_keep_strict_arrays() -> None:
    x = StrictArray(np.array([1.0, 2.0, 3.0]))
    results = [
        tg.grad(lambda t: tg.sum(t**3))(x),
        tg.jacobian(lambda t: t**2)(x),
        tg.hessian(lambda t: tg.prod(t))(x),
        tg.hvp(lambda t: tg.sum(t**3), x, x),
        tg.jvp(lambda t: tg.sin(t), (x,), (x,))[1],
        tg.vjp(lambda t: tg.exp(t), x)[1](x)[0],
    ]
    assert all(isinstance(each.array, StrictArray) for each in results)
    np.testing.assert_allclose(plain(results[1].array), np.diag([2.0, 4.0, 6.0]))
    np.testing.assert_allclose(plain(results[2].array), [[0, 3, 2], [3, 0, 1], [2, 1, 0]])


def test_checkpoint_keeps_strict_arrays() -> None:
    x = tg.Tensor(StrictArray(np.array([1.0, 2.0])), requires_grad=True)
    tg.sum(tg.checkpoint(lambda t: tg.exp(t) * t)(x)).backward()
    np.testing.assert_allclose(plain(x.grad), np.exp([1.0, 2.0]) * np.array([2.0, 3.0]))
