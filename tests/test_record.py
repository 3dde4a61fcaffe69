"""`compiled` does what `record` does: equal results, nodes and contributions for every sample of every operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any
from weakref import ReferenceType

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import compiled, record
from tensorgrad.backward import call_rules
from tensorgrad.node import Node
from tensorgrad.op import Operation
from tests.ops.samples import BUILT_IN, samples_of

FIELDS = [
    "operation", "inputs", "options", "saved", "state", "shape", "dtype", "tensor", "collects", "hooks", "scopes",
    "seed",
]  # fmt: skip

with_rules = pytest.mark.parametrize("name", sorted(name for name, operation in BUILT_IN.items() if operation.saves))


def same(a: Any, b: Any) -> bool:
    """Return whether two things that nodes hold are equal, arrays bit for bit."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Node):
        return a is b or (isinstance(b, Node) and not a.saved and not b.saved and a.operation is b.operation)
    if isinstance(a, ReferenceType):
        return isinstance(b, ReferenceType) and a() is b()
    return a is b or (type(a) is type(b) and bool(a == b))


def both(operation: Operation, *, reflected: bool = False) -> list[Callable[..., Any]]:
    """Return the recording functions of `record` and `compiled`, with the name and signature of the operation."""
    made = []
    for module in (record, compiled):
        recorder: Any = module.recorder
        function = recorder(operation, reflected=reflected)
        function.__name__ = operation.name
        function.__signature__ = inspect.signature(operation.forward)
        made.append(function)
    return made


def listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, tuple) else [results]


def assert_equal(ours: Any, theirs: Any, where: str) -> None:
    """Check the results of one call in both modes, their nodes, and what their rules contribute."""
    assert type(ours) is type(theirs)
    for a, b in zip(listed(ours), listed(theirs), strict=True):
        assert same(a.array, b.array), where
        assert (a.node is None) == (b.node is None), where
        if a.node is not None:
            assert_nodes_equal(a.node, b.node, where)


def assert_nodes_equal(a: Node, b: Node, where: str) -> None:
    assert type(a) is type(b), where
    if a.operation.results is not None:
        assert a.index == b.index  # type: ignore[attr-defined]
        a, b = a.inputs[0], b.inputs[0]
    for field in FIELDS:
        assert same(getattr(a, field), getattr(b, field)), f"{where}: {field}"
    gradient: Any = np.ones(a.shape, a.dtype) if not a.operation.results else [
        np.ones(shape, dtype) for shape, dtype in zip(a.shape, a.dtype)
    ]  # fmt: skip
    everything = [tuple(pair) for pair in call_rules(a, gradient)]
    assert same(everything, [tuple(pair) for pair in b.operation.call(b, gradient)]), f"{where}: contributions"
    for entry in set(a.parents):
        only = [tuple(pair) for pair in call_rules(a, gradient, {entry})]
        assert same(only, [tuple(pair) for pair in b.operation.call(b, gradient, {entry})]), f"{where}: one wanted"


@pytest.mark.slow
@with_rules
def test_record_and_compiled_leave_equal_results_nodes_and_contributions(name: str) -> None:
    operation = BUILT_IN[name]
    plain, fast = both(operation)
    for sample in samples_of(operation):
        for operands in (sample.tracked(), sample.tracked(only=sample.differentiable[:1]), sample.arrays):
            call = sample.with_arrays(operands)
            assert_equal(call(plain), call(fast), str(sample))


@with_rules
def test_record_and_compiled_record_nothing_in_no_grad(name: str) -> None:
    operation = BUILT_IN[name]
    sample = samples_of(operation)[0]
    call = sample.with_arrays(sample.tracked())
    with tg.no_grad():
        for function in both(operation):
            assert all(each.node is None for each in listed(call(function)))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "power", "matmul", "remainder"])
def test_record_and_compiled_exchange_reflected_operands(name: str) -> None:
    operation: Operation = getattr(tg, name).operation
    a = tg.tensor([[1.5, 2.0], [0.5, 3.0]], requires_grad=True)
    b = np.array([[0.5, 1.0], [2.0, 4.0]])
    plain, fast = both(operation, reflected=True)
    assert_equal(plain(a, b), fast(a, b), name)
    np.testing.assert_array_equal(plain(a, b).data, operation.forward(b, a.data))


WRONG_CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "a list of tensors and text": (tg.exp, ([tg.tensor(1.0), "text"],), {}),
    "text": (tg.exp, (np.array("text"),), {}),
    "complex numbers": (tg.multiply, (tg.tensor(1.0), 1j), {}),
    "shapes that do not fit": (tg.add, (np.ones(2), np.ones(3)), {}),
    "a keyword that does not exist": (tg.exp, (1.0,), {"where": True}),
    "PyTorch's name for a keyword": (tg.sum, (np.ones(2),), {"dim": 0}),
    "too many arguments": (tg.exp, (1.0, 2.0, 3.0), {}),
    "an axis that does not exist": (tg.sum, (np.ones(2),), {"axis": 4}),
    "an empty sequence": (tg.concatenate, ([],), {}),
    "a number for a sequence": (tg.concatenate, (1.0,), {}),
    "a tracked option": (tg.softmax, (np.ones(2),), {"axis": tg.tensor(1.0, requires_grad=True)}),
    "a tracked result of integers": (tg.astype, (tg.tensor(1.0, requires_grad=True), int), {}),
    "a matrix that is singular": (tg.linalg.inv, (np.zeros((2, 2)),), {}),
}


@pytest.mark.parametrize("wrong", WRONG_CALLS)
def test_record_and_compiled_refuse_wrong_calls_alike(wrong: str) -> None:
    public, args, kwargs = WRONG_CALLS[wrong]
    errors = []
    for function in both(public.operation):  # type: ignore[attr-defined]
        with pytest.raises(Exception) as raised:  # noqa: PT011
            function(*args, **kwargs)
        errors.append(raised.value)
    plain, fast = errors
    assert type(plain) is type(fast)
    if wrong not in ("a keyword that does not exist", "too many arguments"):  # there Python words the message
        assert str(plain) == str(fast)


def test_record_and_compiled_check_every_result_in_anomaly_mode() -> None:
    for function in both(tg.log.operation):
        with (
            tg.detect_anomaly(),
            np.errstate(all="ignore"),
            pytest.raises(FloatingPointError, match="log: the result contains an infinity"),
        ):
            function(tg.tensor(0.0, requires_grad=True))
