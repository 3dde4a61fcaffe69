"""A deliberately naive engine, to judge the real one by.

It knows no derivative of any array operation. A linear operation is a matrix, found by feeding it one unit vector
after the other; a product is a table of three axes, found in the same way; of elementwise functions it knows the
slopes. Gradients are recursive sums over consumers, are values themselves, and nothing is ever freed: where the
real engine refuses to go a second time, this one only carries a mark. Everything is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Pull = Callable[["Value"], "Value"]
"""From the gradient of a result to what it contributes to the gradient of one input."""


class Value:
    """An array, and the values it was made from, each with its pull.

    `mark` says why no gradient may pass here any more: "released" or "changed"; empty while one may.
    """

    def __init__(self, array: Any, inputs: Iterable[tuple[Value, Pull]] = (), *, requires_grad: bool = False) -> None:
        self.array = np.array(array, dtype=float)
        self.inputs = [(value, pull) for value, pull in inputs if value.requires_grad]
        self.requires_grad = requires_grad or bool(self.inputs)
        self.hooks: list[Callable[[Value], Value | None]] = []
        self.mark = ""

    @property
    def is_leaf(self) -> bool:
        return not self.inputs


# -- operations -------------------------------------------------------------------------------------------


def units(shape: Shape) -> np.ndarray:
    """Return the arrays with a single 1."""
    size = int(np.prod(shape))
    return np.eye(size).reshape(size, *shape)


@cache
def matrix_of(function: Callable[..., Any], shapes: tuple[Shape, ...], position: int) -> np.ndarray:
    """`function`, linear in all its arguments together, as the matrix of the one at `position`."""
    arrays = [np.zeros(shape) for shape in shapes]
    size = np.size(function(*arrays))
    columns = [np.ravel(function(*arrays[:position], e, *arrays[position + 1 :])) for e in units(shapes[position])]
    return np.array(columns).reshape(len(columns), size).T


@cache
def table_of(function: Callable[..., Any], a: Shape, b: Shape) -> np.ndarray:
    """`function`, linear in each of its two arguments, as `table[out, a, b]`."""
    size = np.size(function(np.zeros(a), np.zeros(b)))
    rows = [[np.ravel(function(i, j)) for j in units(b)] for i in units(a)]
    return np.moveaxis(np.array(rows).reshape(len(rows), -1, size), -1, 0)


def mapped(matrix: np.ndarray, a: Value, shape: Shape) -> Value:
    result = (matrix @ a.array.ravel()).reshape(shape)
    return Value(result, [(a, lambda g: mapped(matrix.T, g, a.array.shape))])


def paired(table: np.ndarray, a: Value, b: Value, shape: Shape) -> Value:
    result = (table @ b.array.ravel() @ a.array.ravel()).reshape(shape)
    return Value(result, pulls_of_pair(table, a, b))


def pulls_of_pair(table: np.ndarray, a: Value, b: Value) -> list[tuple[Value, Pull]]:
    return [
        (a, lambda g: paired(table.transpose(1, 0, 2), g, b, a.array.shape)),
        (b, lambda g: paired(table.transpose(2, 0, 1), g, a, b.array.shape)),
    ]


def linear(function: Callable[..., Any], *values: Value) -> Value:
    shapes = tuple(value.array.shape for value in values)

    def pull_to(position: int) -> Pull:
        return lambda g: mapped(matrix_of(function, shapes, position).T, g, shapes[position])

    arrays = [value.array for value in values]
    return Value(function(*arrays), [(value, pull_to(position)) for position, value in enumerate(values)])


def bilinear(function: Callable[..., Any], a: Value, b: Value) -> Value:
    result = function(a.array, b.array)
    return Value(result, pulls_of_pair(table_of(function, a.array.shape, b.array.shape), a, b))


def elementwise(function: Callable[..., Any], a: Value) -> Value:
    result = Value(function(a.array))
    pull = lambda g: bilinear(np.multiply, g, SLOPES[function](a, result))  # noqa: E731
    result.inputs = [(a, pull)] if a.requires_grad else []
    result.requires_grad = a.requires_grad
    return result


SLOPES: dict[Callable[..., Any], Callable[[Value, Value], Value]] = {
    np.sin: lambda x, out: elementwise(np.cos, x),
    np.cos: lambda x, out: linear(np.negative, elementwise(np.sin, x)),
    np.tanh: lambda x, out: linear(np.subtract, Value(np.ones(x.array.shape)), bilinear(np.multiply, out, out)),
    np.square: lambda x, out: linear(np.add, x, x),
}
"""From the argument and the result to the derivative, depending on the same one of them as the real rule."""


# -- gradients --------------------------------------------------------------------------------------------


class Refused(Exception):
    """What the real engine must refuse too, with one of these words (joined by ", ") in its message."""


def consumers_in(root: Value) -> dict[Value, list[tuple[Value, Pull]]]:
    """Everything `root` was made from, itself included, each with its consumers and their pulls."""
    consumers: dict[Value, list[tuple[Value, Pull]]] = {}

    def visit(value: Value) -> None:
        for source, pull in value.inputs:
            new = source not in consumers
            consumers.setdefault(source, []).append((value, pull))
            if new:
                visit(source)

    consumers[root] = []
    visit(root)
    return consumers


def between(value: Value, consumers: dict[Value, list[tuple[Value, Pull]]]) -> set[Value]:
    """What a gradient passes on its way to `value`, which is not among them."""
    found: set[Value] = set()

    def visit(source: Value) -> None:
        for consumer, _ in consumers.get(source, ()):
            if consumer not in found:
                found.add(consumer)
                visit(consumer)

    visit(value)
    return found


def gradients(root: Value, seed: Any, *, retain: bool, towards: Value | None = None) -> dict[Value, Value]:
    """Return the gradients of all values that `root` was made from, or of `towards` alone, as values.

    Raises:
        Refused: there is no graph, a value in the way was marked, or `root` was not made from `towards`.
    """
    if not root.requires_grad:
        raise Refused("no graph")
    consumers = consumers_in(root)
    passed = {value for value in consumers if not value.is_leaf}
    if towards is not None:
        passed = between(towards, consumers)
    marks = {value.mark for value in consumers if value.is_leaf} | {value.mark for value in passed}
    if marks - {""}:
        raise Refused(", ".join(marks - {""}))

    found: dict[Value, Value] = {}

    def gradient(value: Value) -> Value:
        if value not in found:
            parts = [pull(gradient(consumer)) for consumer, pull in consumers[value]]
            total = Value(seed) if value is root else parts.pop()
            for part in parts:
                total = linear(np.add, total, part)
            for hook in value.hooks:
                total = hook(total) or total
            found[value] = total
        return found[value]

    gradient(root)
    if towards is not None and towards not in consumers:
        raise Refused("do not depend")
    for value in consumers if towards is None else [towards]:
        gradient(value)
    if not retain:
        for value in passed:
            value.mark = "released"
    return found if towards is None else {towards: found[towards]}
