"""The tests of the operations are worth something: spoil any derivative rule, and they fail.

Every rule of every operation is replaced in memory, one at a time, by a wrong one; a check that passes all the
same would be a check that cannot see that mistake. These are the coarse mistakes, all of them, each against the one
check that must see it; `tests.mutate` makes the fine ones, inside the rules and their helpers, and here runs a sample.
"""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tensorgrad.op import Operation, SequenceRules
from tensorgrad.tensor import plain
from tests.mutate import all_mutants, survivors
from tests.ops import checks
from tests.ops.samples import BUILT_IN, Sample, samples_of

Rule = Callable[..., Any]

MISTAKES: dict[str, Callable[[Rule], Rule]] = {
    "dropped": lambda rule: lambda g, *saved: np.zeros_like(plain(rule(g, *saved))),
    "sign flipped": lambda rule: lambda g, *saved: -rule(g, *saved),
    "counted twice": lambda rule: lambda g, *saved: 2 * rule(g, *saved),
    "upstream forgotten": lambda rule: lambda g, *saved: rule(_ones(g), *saved),
}


def _ones(g: Any) -> Any:
    """Ones in the place of the upstream gradient, or gradients."""
    return type(g)(*map(_ones, g)) if isinstance(g, tuple) else g * 0 + 1


def cut_off(rule: Rule) -> Rule:
    """Right numbers, but on plain arrays: the gradient cannot be differentiated again."""
    return lambda g, *saved: rule(plain(g), *plain(saved))


FLAT = {
    "sign-0", "ceil-0", "floor-0", "round-0", "trunc-0", "heaviside-0", "heaviside-1", "copysign-1", "gammasgn-0",
    "zeros_with_singular_slope-0", "nextafter-1", "spacing-0", "fix-0", "rint-0", "floor_divide-0", "floor_divide-1",
    "imag-0", "angle-0",
}  # fmt: skip
"""Their derivative is 0 wherever there is one, so a wrong multiple of it is the same rule."""

targets = [
    (name, position)
    for name, operation in sorted(BUILT_IN.items())
    for position, saves in enumerate(operation.saves)
    if saves is not None and f"{operation.name}-{position}" not in FLAT
]
every_rule = pytest.mark.parametrize(("name", "position"), targets, ids=[f"{n}-{p}" for n, p in targets])


def _has_slope(name: str) -> bool:
    """Return whether a second derivative depends on the rules: there is no composed form, and they are not 0."""
    return BUILT_IN[name].composed is None and not name.endswith("zeros_with_singular_slope")


@pytest.mark.slow
@every_rule
@pytest.mark.parametrize("mistake", MISTAKES)
def test_checks_of_first_gradients_reject_wrong_rules(
    name: str, position: int, mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = BUILT_IN[name]
    _spoil(monkeypatch, operation, position, MISTAKES[mistake])
    _expect_failure(operation, checks.first_gradient)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "position"), [(name, position) for name, position in targets if _has_slope(name)])
def test_checks_of_second_gradients_reject_rules_that_lose_the_graph(
    name: str, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = BUILT_IN[name]
    _spoil(monkeypatch, operation, position, cut_off)
    _expect_failure(operation, checks.second_gradient)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_checks_of_values_reject_wrong_results(name: str) -> None:
    spoiled = copy.copy(BUILT_IN[name])

    def off_by_a_tenth(*args: Any, **kwargs: Any) -> Any:
        result = BUILT_IN[name].function(*args, **kwargs)
        if isinstance(result, (tuple, list)):
            return (
                type(result)(*(each + 0.1 for each in result))
                if hasattr(result, "_fields")
                else [each + 0.1 for each in result]
            )
        return result + 0.1

    spoiled.function = functools.wraps(spoiled.function)(off_by_a_tenth)
    spoiled.numpy = spoiled.numpy[:1]
    samples = [replace(sample, operation=spoiled) for sample in samples_of(BUILT_IN[name])]
    noticed = [_fails(checks.values, sample) for sample in samples if any(a.size for a in sample.arrays)]
    assert any(noticed)


@pytest.mark.slow
def test_checks_catch_a_sample_of_mutations() -> None:
    mutants = random.Random(0).sample(all_mutants(), 20)
    alive, _ = survivors(mutants, print)
    assert not alive, f"nothing notices {', '.join(map(str, alive))}"


def _spoil(
    monkeypatch: pytest.MonkeyPatch, operation: Operation, position: int, mistake: Callable[[Rule], Rule]
) -> None:
    """Exchange the rule of the input at `position`, or the joint rule's gradient for it."""
    if operation.joint is None:
        monkeypatch.setattr(operation, "rules", _spoiled(operation, position, mistake))
        return
    joint = operation.joint

    def spoiled(g: Any, wanted: Any, *saved: Any) -> Any:
        gradients = list(joint(g, wanted, *saved))
        if gradients[position] is not None:
            gradients[position] = mistake(lambda g, *saved: joint(g, wanted, *saved)[position])(g, *saved)
        return gradients

    monkeypatch.setattr(operation, "joint", spoiled)


def _spoiled(operation: Operation, position: int, mistake: Callable[[Rule], Rule]) -> Any:
    """Return the operation's rules with the one of the input at `position` replaced."""
    rules = operation.rules
    if isinstance(rules, SequenceRules):
        if position == len(rules.single):
            assert rules.item is not None
            return SequenceRules(rules.single, mistake(rules.item))
        rules_of_singles = _replaced(rules.single, position, mistake)
        return SequenceRules(rules_of_singles, rules.item)
    return _replaced(tuple(rules), position, mistake)


def _replaced(rules: tuple[Any, ...], position: int, mistake: Callable[[Rule], Rule]) -> tuple[Any, ...]:
    return (*rules[:position], mistake(rules[position]), *rules[position + 1 :])


def _fails(check: Callable[..., None], sample: Sample) -> bool:
    try:
        check(sample)
    except AssertionError:
        return True
    return False


def _expect_failure(operation: Operation, check: Callable[..., None]) -> None:
    for sample in samples_of(operation):
        try:
            check(sample)
        except AssertionError:
            return
    pytest.fail(f"no sample of {operation.name} noticed")
