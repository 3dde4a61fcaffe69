"""Derivative rules write into nothing: no `out=`, no assignment to elements. Only then do they work on tensors.

Operations with a composed form are left out: it takes the place of their rules there.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tensorgrad.op import SequenceRules
from tests.ops.samples import BUILT_IN


def rules_of(name: str) -> list[Callable[..., Any]]:
    if BUILT_IN[name].composed is not None:
        return []
    rules = BUILT_IN[name].rules
    every = [*rules.single, rules.item] if isinstance(rules, SequenceRules) else list(rules)
    return [rule for rule in every if rule is not None]


def functions_called(function: Callable[..., Any], seen: set[Any]) -> Iterator[Callable[..., Any]]:
    """`function` and the plain helpers it calls by name; recorded operations are allowed to write, and end it."""
    if function in seen or hasattr(function, "operation") or not inspect.isfunction(function):
        return
    seen.add(function)
    yield function
    for name in function.__code__.co_names:
        called = function.__globals__.get(name)
        if callable(called) and getattr(called, "__module__", "").startswith(("tensorgrad", "nn")):
            yield from functions_called(called, seen)


def syntax_of(function: Callable[..., Any]) -> ast.AST:
    """Return the function's syntax tree; for a lambda, that of the declaration which contains it, up to the `def`."""
    source = textwrap.dedent(inspect.getsource(function))
    if function.__name__ != "<lambda>":
        return ast.parse(source)
    module = ast.parse(inspect.getsource(inspect.getmodule(function)))  # type: ignore[arg-type]
    first = function.__code__.co_firstlineno
    return next(n for n in ast.walk(module) if isinstance(n, ast.Lambda) and n.lineno == first)


def writes(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [f"out= in line {node.lineno}" for k in node.keywords if k.arg == "out"]
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found += [f"an element is assigned in line {t.lineno}" for t in targets if isinstance(t, ast.Subscript)]
    return found


@pytest.mark.parametrize("name", sorted(n for n in BUILT_IN if rules_of(n)))
def test_rules_and_their_helpers_write_into_nothing(name: str) -> None:
    seen: set[Any] = set()
    for rule in rules_of(name):
        for function in functions_called(rule, seen):
            assert writes(syntax_of(function)) == [], f"{name}: {function.__qualname__}"


def test_the_reader_sees_writes() -> None:
    assert len(writes(ast.parse("np.add(a, b, out=a)\na[0] = 1\na[1] += 2"))) == 3
    assert writes(ast.parse("a = b[0]\na = np.add(a, b)\na += 1")) == []
