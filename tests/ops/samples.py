"""Calls to test an operation with, made from nothing but its declaration."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import itertools
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import nn  # noqa: F401 - declares the operations of the networks
import tensorgrad as tg
from tensorgrad._typing import Shape
from tensorgrad.domains import REAL, Case, case
from tensorgrad.op import Operation, operation_of, registry
from tensorgrad.tensor import plain

if importlib.util.find_spec("scipy"):
    import tensorgrad.ops.scipy.matrices
    import tensorgrad.special

BUILT_IN: dict[str, Operation] = {
    name: operation_of(function) for name, function in registry.items() if name.startswith(("tensorgrad.ops.", "nn."))
}
"""Every operation that is declared in the two packages, by its full name."""

AT_LEAST = 16
"""Calls per operation with rules: where fewer are declared, further ranks and further numbers are tried."""

AT_LEAST_COMPOSED = 4
"""Calls per operation that is composed of such operations."""

HIGHEST_RANK = 4
LARGEST = 40  # elements: a full second-order Jacobian of more takes too long

ONE_OPERAND: list[Shape] = [
    (), (1,), (0,), (3,), (5,), (1, 1), (2, 3), (2, 0), (3, 1), (2, 1, 3), (2, 2, 2), (0, 2, 1), (1, 1, 1, 1),
    (2, 1, 3, 1), (1, 2, 2, 2), (2, 1, 0, 3),
]  # fmt: skip
THREE_OPERANDS: list[tuple[Shape, ...]] = [
    ((), (), ()), ((3,), (3,), (3,)), ((3,), (), ()), ((), (3,), ()), ((), (), (3,)), ((1,), (3,), (1,)),
    ((2, 1), (1, 3), ()), ((), (2, 3), (3,)), ((0, 3), (3,), ()), ((2, 3), (2, 1), (3,)), ((2, 3), (2, 3), (2, 3)),
    ((2, 1, 3), (2, 3), (1,)), ((1, 3), (2, 1, 1), ()), ((), (2, 2, 2), (2, 1, 2)), ((2, 1, 1, 2), (2, 1, 1), (1, 2)),
    ((2,), (2, 1, 2, 2), (1, 2, 1, 1)), ((0, 1), (1, 1, 1, 2), ()),
]  # fmt: skip


def broadcast_pairs(longest: Shape = (2, 3, 2)) -> list[tuple[Shape, Shape]]:
    """Every two shapes up to `longest`'s rank that NumPy stretches to each other: an axis is there, is 1, or is not."""
    shapes = [
        shape
        for rank in range(len(longest) + 1)
        for shape in itertools.product(*([1, length] for length in longest[len(longest) - rank :]))
    ]
    return list(itertools.product(shapes, shapes))


EMPTY_OR_RANK_4: list[tuple[Shape, Shape]] = [
    ((0,), ()), ((0, 3), (3,)), ((0, 1), (1, 2)), ((2, 1, 0), (1,)), ((2, 1, 2, 1), ()), ((3,), (1, 2, 1, 3)),
    ((2, 1, 1, 2), (3, 1)), ((1, 2, 1, 2), (1, 2, 1, 2)), ((1, 1, 1, 1), (1,)),
]  # fmt: skip
ANY_SHAPES: dict[int, list[Case]] = {
    1: [case(shape) for shape in ONE_OPERAND],
    2: [case(*shapes) for shapes in [*broadcast_pairs(), *EMPTY_OR_RANK_4]],
    3: [case(*shapes) for shapes in THREE_OPERANDS],
}
"""For operations that take any shapes that broadcast, by the number of their operands."""


ONLY_AS_DECLARED = {
    **dict.fromkeys(
        ("poly", "polyadd", "polyder", "polydiv", "polyint", "polymul", "polysub", "polyval"),
        "NumPy computes with the rows of a matrix of coefficients unchecked",
    ),
    **dict.fromkeys(("nanpercentile", "nanquantile"), "NumPy mixes up the axes of `q` if there are several"),
    "linear": "a weight has two axes, which the forward rule does not check for speed",
    "multi_dot": "NumPy multiplies two stacks of matrices unchecked; its documentation and we take matrices",
}
"""Operations whose examples are not tried in other ranks, and why."""


@functools.cache
def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # a function written in C, without a signature
        return {}


@dataclass(frozen=True)
class Sample:
    """One call: an array per input (a list of arrays for a sequence; a case may leave inputs out), and options."""

    operation: Operation
    inputs: dict[str, Any]
    options: dict[str, Any]

    @property
    def arrays(self) -> list[np.ndarray]:
        """The operands in a row, a sequence taken apart."""
        return [a for value in self.inputs.values() for a in (value if isinstance(value, list) else [value])]

    @property
    def differentiable(self) -> list[int]:
        """The positions in `arrays` that have a derivative rule."""
        rules = list(self.operation.saves) or [()] * len(self.inputs)
        flags = []
        for name, rule in zip(self.operation.inputs, rules):
            if name not in self.inputs:  # an operand that this call leaves out
                continue
            value = self.inputs[name]
            flags += [rule is not None] * (len(value) if isinstance(value, list) else 1)
        return [position for position, flag in enumerate(flags) if flag]

    def with_arrays(self, arrays: list[Any]) -> Sample:
        """Return the same call with other operands."""
        rest = iter(arrays)
        inputs = {
            name: [next(rest) for _ in value] if isinstance(value, list) else next(rest)
            for name, value in self.inputs.items()
        }
        return replace(self, inputs=inputs)

    def as_dtype(self, dtype: Any) -> Sample:
        return self.with_arrays([np.asarray(a, dtype) for a in self.arrays])

    def __call__(self, function: Callable[..., Any] | None = None) -> Any:
        """Return the result of our function, or of one of NumPy's: by name where it has our names, else in order."""
        if function is None:
            function = self.operation.function
        if isinstance(function, np.ufunc) and self.options:  # an order before the operand, as in jv(v, x)
            given = {**self.inputs, **self.options}
            return function(*(given[name] for name in self.operation.signature.parameters))
        parameters = _parameters(function)
        any_name = any(p.kind is p.VAR_KEYWORD for p in parameters.values()) and function.__name__ != "reduce"
        unknown = inspect.Parameter.KEYWORD_ONLY if any_name else inspect.Parameter.POSITIONAL_ONLY
        in_order: list[Any] = []
        by_name: dict[str, Any] = {}
        for name, value in self.inputs.items():
            kind = parameters[name].kind if name in parameters else unknown
            if kind is inspect.Parameter.VAR_POSITIONAL:
                in_order += value
            elif kind is inspect.Parameter.POSITIONAL_ONLY:
                in_order.append(value)
            else:
                by_name[name] = value
        options = dict(self.options)
        if function is np.reshape and "shape" not in parameters:  # NumPy 2.0 has another name for it
            return function(*by_name.values(), options.pop("shape"), **options)
        return function(*in_order, **by_name, **options)

    def outputs(self, arrays: list[Any] | None = None) -> list[tg.Tensor]:
        """Return the resulting tensors; operations written with others may have several, and numbers among them."""
        result = (self if arrays is None else self.with_arrays(arrays))()
        return [r for r in (result if isinstance(result, (tuple, list)) else [result]) if isinstance(r, tg.Tensor)]

    def tracked(self, only: list[int] | None = None) -> list[Any]:
        """Return the operands, those that can be differentiated as leaves (or `only` some of them)."""
        wanted = self.differentiable if only is None else only
        return [
            tg.Tensor(a.copy(), requires_grad=True) if position in wanted else a
            for position, a in enumerate(self.arrays)
        ]

    def __str__(self) -> str:
        shapes = ", ".join(str([a.shape for a in v] if isinstance(v, list) else v.shape) for v in self.inputs.values())
        options = "".join(f", {key}={value!r}" for key, value in self.options.items())
        return f"{self.operation.name}({shapes}{options})"


def cases_of(operation: Operation) -> list[Case]:
    """Return the examples it was declared with and those in other ranks; or every kind of shape."""
    if operation.name in ONLY_AS_DECLARED:
        return list(operation.examples)
    if not operation.examples:
        return ANY_SHAPES[len(operation.inputs)]
    return [*operation.examples, *_in_other_ranks(operation)]


def _in_other_ranks(operation: Operation) -> list[Case]:
    """Return the declared examples with an axis more or less, where NumPy (or our forward rule) accepts them."""
    rng = np.random.default_rng(0)
    waiting = list(operation.examples)
    seen = {_kind(each) for each in waiting}
    found: list[Case] = []
    while waiting:
        each = waiting.pop(0)
        for change in (_behind_an_axis, _behind_an_axis_of_one, _without_an_axis):
            other = Case(tuple(_each_shape(change, shape) for shape in each.shapes), each.options)
            if _kind(other) not in seen and _small(other) and _taken(operation, other, rng):
                found.append(other)
                waiting.append(other)
            seen.add(_kind(other))
    return found[:AT_LEAST]


def _kind(each: Case) -> str:
    """Two cases of a kind differ in nothing but lengths."""
    return repr(([_each_shape(len, s) for s in each.shapes], each.options))


def _each_shape(change: Callable[[Shape], Any], shape: Any) -> Any:
    if isinstance(shape, list):
        return [change(one) for one in shape]
    return None if shape is None else change(shape)


def _behind_an_axis(shape: Shape) -> Shape:
    return (2, *shape)


def _behind_an_axis_of_one(shape: Shape) -> Shape:
    return (1, *shape)


def _without_an_axis(shape: Shape) -> Shape:
    return shape[1:]


def _small(each: Case) -> bool:
    shapes = [one for s in each.shapes if s is not None for one in (s if isinstance(s, list) else [s])]
    return all(len(s) <= HIGHEST_RANK and np.prod(s, dtype=int) <= LARGEST for s in shapes)


def _taken(operation: Operation, each: Case, rng: np.random.Generator) -> bool:
    """Return whether NumPy accepts the call, and the domain its shape: then our operation must, too."""
    try:
        with warnings.catch_warnings(action="error"):
            forward = operation.apply if operation.keep else operation.forward
            result = _sample(operation, each, rng)(operation.numpy[0] if operation.numpy else forward)
    except (TypeError, ValueError, IndexError, ArithmeticError, RuntimeError, Warning):
        return False
    results = result if isinstance(result, (tuple, list)) else [result]
    return len(results) > 0 and all(np.size(plain(r)) <= 2 * LARGEST for r in results)


def least_calls(operation: Operation) -> int:
    return AT_LEAST if operation.saves else AT_LEAST_COMPOSED


@functools.cache
def samples_of(operation: Operation) -> list[Sample]:
    """Return at least one call for each case, with random operands from the domain, the same in every run."""
    rng = np.random.default_rng(zlib.crc32(operation.name.encode()))
    cases = cases_of(operation)
    rounds = -(-least_calls(operation) // len(cases))
    return [_sample(operation, each, rng) for each in cases * rounds]


def _sample(operation: Operation, each: Case, rng: np.random.Generator) -> Sample:
    no_rule = {name for name, saves in zip(operation.inputs, operation.saves) if saves is None}
    conditions = {name for name in no_rule if operation.domain[name] is REAL}
    inputs: dict[str, Any] = {}
    offset = 0.0031  # the grid is symmetric: without it, the sizes of x and -x would tie
    for name, shape in zip(operation.inputs, each.shapes):
        if shape is None:
            continue
        shapes = shape if isinstance(shape, list) else [shape]
        arrays = []
        for one in shapes:
            array = np.asarray(operation.domain[name].sample(rng, one) + offset)
            arrays.append(np.asarray(array > 0) if name in conditions else array)
            offset += 0.00717  # two operands from the same grid would tie
        inputs[name] = arrays if isinstance(shape, list) else arrays[0]
    return Sample(operation, inputs, dict(each.options))
