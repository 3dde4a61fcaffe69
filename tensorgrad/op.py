"""`@op`: a forward rule and its derivative rules, declared once, become a recorded operation."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, ParamSpec

from tensorgrad import protocols, recorder
from tensorgrad.domains import REAL, Case, Domain
from tensorgrad.graph import Node, Rule
from tensorgrad.tensor import Tensor

P = ParamSpec("P")


@dataclass(frozen=True)
class SequenceRules:
    """The rules of an operation with a sequence input: one each for the others, then the same for every item."""

    single: tuple[Rule | None, ...]
    item: Rule | None

    def __iter__(self) -> Iterator[Rule | None]:
        return chain(self.single, repeat(self.item))


@dataclass(eq=False)
class Operation:
    """What was declared: the forward rule, the rules of its derivatives, and how to test them.

    Attributes:
        name: the function's name.
        forward: the forward rule, on arrays.
        inputs: the parameters that can be tensors; a sequence of tensors comes last.
        rules: the derivative rule of each operand; None where there is none.
        saves: for each input, the names its rule asks for besides `g`; None without a rule.
        sequence: the input that is a sequence of tensors, if there is one.
        domain: where tests may sample each input.
        examples: shapes and options to test with; empty if any shapes that broadcast will do.
        numpy: the NumPy functions it answers for.
        methods: the names it has on `Tensor`.
        source: the recording function as it was written, to read.
        function: that function, which users call.
    """

    name: str
    forward: Callable[..., Any]
    inputs: tuple[str, ...]
    rules: Iterable[Rule | None]
    saves: tuple[tuple[str, ...] | None, ...]
    sequence: str | None
    domain: Mapping[str, Domain]
    examples: tuple[Case, ...]
    numpy: tuple[Callable[..., Any], ...]
    methods: tuple[str, ...]
    source: str
    function: Callable[..., Tensor] = field(init=False)

    def owners(self, node: Node, position: int) -> Iterator[Any]:
        """For each value saved for the operand at `position` of `node`: the node (or nodes) it belongs to."""
        last = len(self.inputs) - 1
        for name in self.saves[min(position, last)] or ():
            if name == "out":
                yield node
            elif name not in self.inputs:
                yield None
            elif name == self.sequence:
                yield node.inputs[last:]
            else:
                yield node.inputs[self.inputs.index(name)]


registry: dict[str, Callable[..., Tensor]] = {}
"""Every declared operation by its full name (`tensorgrad.ops.arithmetic.add`). The tests are driven by it."""


def operation_of(function: Callable[..., Any]) -> Operation:
    """The declaration behind a recording function."""
    operation: Operation = function.operation  # type: ignore[attr-defined]
    return operation


def op(
    *,
    numpy: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    methods: Sequence[str] = (),
    reflected: str | None = None,
    sequence: str | None = None,
    domain: Domain | Mapping[str, Domain] = REAL,
    examples: Sequence[Case] = (),
    plain: bool = False,
    **rules: Rule | None,
) -> Callable[[Callable[P, Any]], Callable[P, Tensor]]:
    """Declare a differentiable operation.

    The decorated function is the forward rule; it is called with arrays. Every keyword that is none of the
    following is the derivative rule of the parameter of that name:

        rule(g, ...) -> the gradient of that input, given the gradient `g` of the result

    **The rule's parameter names say what is saved for it**: `out` (the result), any parameter of the forward rule,
    `x_shape` (the shape of input `x`), and, for a sequence input, `index` (which item). Rules are written in
    NumPy without `out=` and without item assignment; then they also work on tensors, and the operation can be
    differentiated any number of times. Summing over broadcast axes and keeping the dtype is the engine's work.
    A rule of None marks an input that may be a tensor but is not differentiable.

    Args:
        numpy: the NumPy function, or functions, it answers for when they are given a tensor.
        methods: names to put it under in `Tensor`.
        reflected: the name of the operator with exchanged operands, such as `"__radd__"`.
        sequence: the parameter that is a sequence of tensors.
        domain: where tests may sample the inputs (one for all, or by name).
        examples: shapes and options for the tests, if not every shape will do.
        plain: give an array, not a tensor, when no tensor came in; for operations that rules are built from.

    Raises:
        TypeError: a rule for a parameter that does not exist, or one that asks for something unknown.

    >>> import numpy as np, tensorgrad as tg
    >>> @tg.op(x=lambda g, x: g * 3 * x**2)
    ... def cube(x):
    ...     return x**3
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12.)
    """

    def declare(forward: Callable[P, Any]) -> Callable[P, Tensor]:
        name = forward.__name__
        signature = inspect.signature(forward)
        inputs = tuple(p for p in signature.parameters if p in rules and p != sequence)
        inputs += (sequence,) if sequence else ()
        if not rules or set(rules) != set(inputs):
            raise TypeError(
                f"op {name}: derivative rules for {sorted(rules)}, but the parameters are "
                f"{list(signature.parameters)}. Give a rule for at least one of them: @op(x=lambda g, x: ...)."
            )
        saves = tuple(_saves(name, rules[i], signature, inputs, sequence) for i in inputs)
        single = tuple(rules[i] for i in inputs if i != sequence)

        source = recorder.write(name, signature, inputs, sequence, saves, plain=plain)
        operation = Operation(
            name=name,
            forward=forward,
            inputs=inputs,
            rules=SequenceRules(single, rules[sequence]) if sequence else single,
            saves=saves,
            sequence=sequence,
            domain=domain if isinstance(domain, Mapping) else dict.fromkeys(inputs, domain),
            examples=tuple(examples),
            numpy=(numpy,) if callable(numpy) else tuple(numpy),
            methods=(*methods, *([reflected] if reflected else [])),
            source=source,
        )
        function: Callable[P, Tensor] = _finished(recorder.compiled(source, forward, operation), forward, operation)
        operation.function = function
        registry[f"{forward.__module__}.{forward.__qualname__}"] = function
        protocols.answers.update(dict.fromkeys(operation.numpy, function))
        for method_name in methods:
            setattr(Tensor, method_name, function)
        if reflected is not None:
            mirror = recorder.write(name, signature, inputs, sequence, saves, plain=plain, reflected=True)
            setattr(Tensor, reflected, _finished(recorder.compiled(mirror, forward, operation), forward, operation))
        return function

    return declare


def method(name: str, function: Any) -> None:
    """Put `function` into `Tensor`: for methods whose arguments differ from those of NumPy's function."""
    setattr(Tensor, name, function)


def _saves(
    name: str, rule: Rule | None, signature: inspect.Signature, inputs: Sequence[str], sequence: str | None
) -> tuple[str, ...] | None:
    """What `rule` asks for besides `g`."""
    if rule is None:
        return None
    wanted = [p.name for p in inspect.signature(rule).parameters.values() if p.default is p.empty]
    known = {"out", *signature.parameters, *(f"{i}_shape" for i in inputs), *(["index"] if sequence else [])}
    unknown = [w for w in wanted[1:] if w not in known]
    if wanted[:1] != ["g"] or unknown:
        raise TypeError(
            f"op {name}: a derivative rule takes g first, then any of {sorted(known)}; this one takes {wanted}."
        )
    return tuple(wanted[1:])


def _finished(function: Any, forward: Callable[..., Any], operation: Operation) -> Any:
    """Give the written function the forward rule's name, documentation, defaults and place."""
    function.__doc__ = forward.__doc__
    function.__module__ = forward.__module__
    function.__qualname__ = forward.__qualname__
    function.__defaults__ = forward.__defaults__
    function.__kwdefaults__ = forward.__kwdefaults__
    function.__annotations__ = {**forward.__annotations__, "return": "Tensor"}
    function.operation = operation
    filename = function.__code__.co_filename
    linecache.cache[filename] = (len(operation.source), None, operation.source.splitlines(True), filename)
    return function
