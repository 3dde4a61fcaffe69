"""Every declared operation, tested by being declared: see `samples` for the calls and `checks` for what must hold."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.backward import topological_order
from tensorgrad.node import RELEASED, Node, Result
from tensorgrad.op import Operation
from tests.ops import checks
from tests.ops.samples import BUILT_IN, Sample, broadcast_pairs, least_calls, samples_of

pytestmark = pytest.mark.slow

every_operation = pytest.mark.parametrize("name", sorted(BUILT_IN))


def samples(name: str) -> list[Sample]:
    return samples_of(BUILT_IN[name])


def recorded(name: str) -> bool:
    """Return whether it has rules; the others are composed of operations that have."""
    return bool(BUILT_IN[name].saves)


def names(operation: Operation) -> str:
    """How an error must begin: with the operation, or with one that it is written with."""
    return rf"^{operation.name}: " if operation.saves else r"^\w+: "


def first_of_each_rank(name: str) -> list[Sample]:
    """Return the samples that differ in options or in the ranks of their operands."""
    found = {repr(([a.ndim for a in s.arrays], s.options)): s for s in reversed(samples(name))}
    return list(found.values())


ONE_RANK = {"correlate", "outer", "poly", "polyder", "polydiv", "polyint", "polymul", "roots", "vander"}
"""NumPy takes rows only."""

with_rules = pytest.mark.parametrize("name", sorted(filter(recorded, BUILT_IN)))


@every_operation
def test_samples_are_enough(name: str) -> None:
    operation, every = BUILT_IN[name], samples(name)
    assert len(every) >= least_calls(operation)
    ranks = {array.ndim for sample in every for array in sample.arrays}
    assert len(ranks) >= 2 or operation.name in ONE_RANK
    if not operation.examples:
        assert ranks == {0, 1, 2, 3, 4}
        assert any(array.size == 0 for sample in every for array in sample.arrays)
        if len(operation.inputs) == 2:
            called = {tuple(array.shape for array in sample.arrays) for sample in every}
            assert called >= set(broadcast_pairs())


@pytest.mark.parametrize("name", sorted(name for name, operation in BUILT_IN.items() if not operation.numpy))
def test_operation_that_numpy_lacks_declares_a_reference(name: str) -> None:
    operation = BUILT_IN[name]
    assert operation.reference is not None, "declare reference=, another way to compute the result"
    assert operation.reference not in (operation.forward, operation.function, operation.composed)


@every_operation
def test_values_are_numpys_or_those_of_the_reference(name: str) -> None:
    for sample in samples(name):
        checks.values(sample)


@pytest.mark.parametrize("name", sorted(name for name, operation in BUILT_IN.items() if operation.composed))
def test_composed_form_has_equal_values_and_first_gradients(name: str) -> None:
    for sample in samples(name):
        checks.composed_form_agrees(sample)


@every_operation
def test_operations_have_first_gradients(name: str) -> None:
    for sample in samples(name):
        checks.first_gradient(sample)


@every_operation
def test_operations_have_second_gradients(name: str) -> None:
    for sample in samples(name):
        checks.second_gradient(sample)


@every_operation
def test_operations_keep_float32(name: str) -> None:
    for sample in samples(name):
        checks.single_precision(sample)


@every_operation
def test_operations_do_not_depend_on_memory_layout(name: str) -> None:
    for sample in samples(name):
        checks.layouts(sample)


@every_operation
def test_rules_are_linear_in_the_upstream_gradient(name: str) -> None:
    for sample in samples(name):
        checks.linear_in_upstream(sample)


@every_operation
def test_forward_mode_is_the_adjoint_of_backward_mode(name: str) -> None:
    for sample in samples(name):
        checks.forward_mode_is_the_adjoint(sample)


@every_operation
def test_operations_accept_nan_and_infinity(name: str) -> None:
    for sample in first_of_each_rank(name):
        checks.strange_numbers_pass_through(sample)


@every_operation
def test_operations_do_not_change_arguments(name: str) -> None:
    for sample in samples(name):
        checks.leaves_its_arguments_alone(sample)


@every_operation
def test_operations_record_nothing_without_need(name: str) -> None:
    for sample in samples(name):
        assert not any(o.requires_grad for o in sample.outputs([tg.Tensor(a) for a in sample.arrays]))
        with tg.no_grad():
            assert not any(o.requires_grad for o in sample.outputs(sample.tracked()))


@with_rules
def test_results_that_are_views_are_declared(name: str) -> None:
    operation, shared = BUILT_IN[name], False
    for sample in samples(name):
        operands = [o.array if isinstance(o, tg.Tensor) else o for o in sample.tracked()]
        outputs = sample.outputs([tg.Tensor(array) for array in operands])
        for position, operand in enumerate(operands):
            views = any(np.shares_memory(output.array, operand) for output in outputs)
            assert not views or (operation.view and position == 0), f"{sample}: shares memory with operand {position}"
            shared = shared or views
    assert shared == operation.view


def call_of(outputs: list[Any]) -> Node:
    """Return the node of the call that computed `outputs`."""
    node = next(output.node for output in outputs if output.node is not None)
    call: Node = node.inputs[0] if isinstance(node, Result) else node
    return call


@with_rules
def test_backward_frees_saved_arrays(name: str) -> None:
    for sample in samples(name):
        operands = sample.tracked()
        outputs = sample.outputs(operands)
        node = call_of(outputs)
        ours = [o.array for o in [*outputs, *operands] if isinstance(o, tg.Tensor) and o.requires_grad]
        saved = {id(a) for kept in node.saved for a in kept or ()}
        watched = [weakref.ref(a) for a in ours if id(a) in saved]
        for output in outputs[-1:]:
            output.backward(np.ones(output.shape))
        del operands, output, outputs, ours
        assert (node.state, node.saved) == (RELEASED, ())
        assert all(array() is None for array in watched), f"{sample} keeps an array after its backward pass"


@every_operation
def test_backward_releases_every_node(name: str) -> None:
    for sample in samples(name):
        operands = sample.tracked()
        outputs = [o for o in sample.outputs(operands) if o.requires_grad]
        nodes = topological_order([o.node for o in outputs if o.node is not None])
        tg.gradient(
            outputs, [operands[p] for p in sample.differentiable], grad_outputs=[np.ones(o.shape) for o in outputs]
        )
        assert all(node.state is RELEASED for node in nodes if node.saved), str(sample)
        assert not any(node.saved for node in nodes), str(sample)


@with_rules
def test_node_does_not_refer_to_its_result(name: str) -> None:
    for sample in samples(name):
        operands = sample.tracked()
        outputs = sample.outputs(operands)
        result = weakref.ref(outputs[0])
        gc.disable()
        try:
            del outputs
            assert result() is None, f"{sample} makes a reference cycle"
        finally:
            gc.enable()


@with_rules
def test_backward_runs_only_the_rules_that_are_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = BUILT_IN[name]

    def forbidden(*_: Any) -> Any:
        raise AssertionError("the rule of an operand that needs no gradient was called")

    for sample in samples(name):
        if operation.sequence or len(sample.differentiable) < 2 or len(sample.inputs) < len(operation.inputs):
            continue
        for position in sample.differentiable:
            operands = sample.tracked(only=[position])
            outputs = sample.outputs(operands)
            node = call_of(outputs)
            if operation.joint is not None:
                continue  # one rule for all inputs
            assert [p for p, kept in enumerate(node.saved[: len(node.inputs)]) if kept is not None] == [position]
            rules = [rule if p == position else forbidden for p, rule in enumerate(operation.rules)]
            with monkeypatch.context() as patched:
                patched.setattr(operation, "rules", tuple(rules))
                outputs[-1].backward(np.ones(outputs[-1].shape))


@with_rules
def test_items_of_a_sequence_that_need_no_gradient_get_none(name: str) -> None:
    for sample in samples(name):
        if not sample.operation.sequence:
            continue
        last = len(sample.arrays) - 1
        operands = sample.tracked(only=[last])
        node = call_of(sample.outputs(operands))
        assert [kept is not None for kept in node.saved[: last + 1]] == [False] * last + [True]


WRONG = {
    "text": (np.array("text"), "expected real numbers, got dtype <U4|not supported for the input types"),
    "complex": (np.array(1 + 2j), "expected real numbers, got dtype complex128 .complex numbers are not supported"),
    "object": (np.array(object()), "expected real numbers, got dtype object|not supported for the input types"),
}


@every_operation
@pytest.mark.parametrize("wrong", WRONG)
def test_operations_reject_wrong_operands_by_name(name: str, wrong: str) -> None:
    value, message = WRONG[wrong]
    sample = samples(name)[-1]
    for position in sample.differentiable:
        operands: list[Any] = [tg.Tensor(a) for a in sample.arrays]
        operands[position] = np.broadcast_to(value, operands[position].shape)
        with pytest.raises(TypeError, match=f"{names(BUILT_IN[name])}.*({message})"):
            sample.with_arrays(operands)()


@pytest.mark.parametrize("name", sorted(n for n, o in BUILT_IN.items() if len(o.inputs) > 1 and not o.examples))
def test_operations_reject_mismatched_shapes_by_name(name: str) -> None:
    operation = BUILT_IN[name]
    arrays = [np.ones((2, 3)), *(np.full((4,), 0.5) for _ in operation.inputs[1:])]
    with pytest.raises(ValueError, match=rf"^{operation.name}: .*\(2, 3\).*\(4,\)"):
        operation.function(*arrays)


def has_axis(name: str) -> bool:
    return any(isinstance(sample.options.get("axis"), int) for sample in samples(name))


@pytest.mark.parametrize("name", sorted(filter(has_axis, BUILT_IN)))
def test_operations_reject_a_missing_axis_by_name(name: str) -> None:
    sample = next(s for s in samples(name) if isinstance(s.options.get("axis"), int))
    sample = replace(sample, options={**sample.options, "axis": 9})
    with pytest.raises((ValueError, IndexError), match=rf"{names(sample.operation)}.*9"):
        sample()


def test_public_operations_have_their_own_names() -> None:
    public = [getattr(tg, name) for name in tg.ops.__all__]
    operations = [function for function in public if hasattr(function, "operation")]
    assert len(operations) > 50
    for function in operations:
        assert getattr(tg, function.operation.name) is function


@every_operation
def test_operations_are_documented_by_an_example(name: str) -> None:
    assert ">>>" in (BUILT_IN[name].function.__doc__ or "")
