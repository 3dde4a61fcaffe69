"""`@op`: a forward rule and its derivative rules, declared once, become a recorded operation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

import numpy as np

from tensorgrad import numpy_dispatch, recorder
from tensorgrad.domains import REAL, Case, Domain
from tensorgrad.graph import Node, Rule, Rules
from tensorgrad.tensor import Tensor
from tensorgrad.tensor import plain as bare_arrays

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class SequenceRules:
    """The rules of an operation with a sequence input: one each for the others, then the same for every item."""

    single: tuple[Rule | None, ...]
    item: Rule | None

    def __getitem__(self, position: int) -> Rule | None:
        return self.single[position] if position < len(self.single) else self.item


@dataclass(eq=False)
class Operation:
    """What was declared: the forward rule, the rules of its derivatives, and how to test them.

    Attributes:
        name: the function's name.
        forward: the forward rule, on arrays.
        inputs: the parameters that can be tensors; a sequence of tensors comes last.
        rules: the derivative rule of each operand, None where there is none; empty if composed of other operations.
        saves: for each input, the names its rule asks for besides `g`; None without a rule.
        sequence: the input that is a sequence of tensors, if there is one.
        linear: whether the result is linear in each input while the others stay as they are.
        domain: where tests may sample each input.
        examples: shapes and options to test with; empty if any shapes that broadcast will do.
        numpy: the NumPy functions it answers for.
        methods: the names it has on `Tensor`.
        plan: how its recording function is written; None if composed.
        function: the function that users call.
    """

    name: str
    forward: Callable[..., Any]
    inputs: tuple[str, ...]
    rules: Rules
    saves: tuple[tuple[str, ...] | None, ...]
    sequence: str | None
    linear: bool
    domain: Mapping[str, Domain]
    examples: tuple[Case, ...]
    numpy: tuple[Callable[..., Any], ...]
    methods: tuple[str, ...]
    plan: recorder.Plan | None
    function: Callable[..., Any] = field(init=False)

    @property
    def source(self) -> str:
        """The recording function, to read; empty if composed."""
        return recorder.shown(self.plan, self.name) if self.plan else ""

    @property
    def elementwise(self) -> bool:
        """Whether each element of the result depends on the matching elements only: NumPy's plain ufuncs."""
        return any(isinstance(function, np.ufunc) and function.signature is None for function in self.numpy)

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


registry: dict[str, Callable[..., Any]] = {}
"""Every declared operation by its full name (`tensorgrad.ops.elementwise.arithmetic.add`). It drives the tests."""


def operation_of(function: Callable[..., Any]) -> Operation:
    """The declaration behind a recording function."""
    operation: Operation = function.operation  # type: ignore[attr-defined]
    return operation


def op(
    forward: None = None,
    /,
    *,
    numpy: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    methods: Sequence[str] = (),
    reflected: str | None = None,
    sequence: str | None = None,
    linear: bool = False,
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
        linear: the result is linear in each input while the others stay as they are (forward mode uses it).
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

    if forward is not None:
        raise TypeError("op: write @op(x=lambda g, x: …), with a derivative rule for at least one parameter.")

    def declare(forward: Callable[P, Any]) -> Callable[P, Tensor]:
        name = forward.__name__
        signature = inspect.signature(forward)
        _check_names(name, signature.parameters, sequence)
        inputs = tuple(p for p in signature.parameters if p in rules and p != sequence)
        inputs += (sequence,) if sequence else ()
        if not rules or set(rules) != set(inputs):
            raise TypeError(
                f"op {name}: derivative rules for {sorted(rules)}, but the parameters are "
                f"{list(signature.parameters)}. Give a rule for at least one of them: @op(x=lambda g, x: ...)."
            )
        saves = tuple(_saves(name, rules[i], signature, inputs, sequence) for i in inputs)
        single = tuple(rules[i] for i in inputs if i != sequence)

        plan = recorder.Plan(_bare(signature), inputs, sequence, saves, plain)
        operation = Operation(
            name=name,
            forward=forward,
            inputs=inputs,
            rules=SequenceRules(single, rules[sequence]) if sequence else single,
            saves=saves,
            sequence=sequence,
            linear=linear,
            domain=_by_input(domain, inputs),
            examples=tuple(examples),
            numpy=_several(numpy),
            methods=(*methods, reflected) if reflected else tuple(methods),
            plan=plan,
        )
        function: Callable[P, Tensor] = recorder.recording_function(plan, name, forward, operation)
        _announce(function, operation, methods)
        if reflected is not None:
            mirror = recorder.recording_function(replace(plan, reflected=True), name, forward, operation)
            setattr(Tensor, reflected, mirror)
        return function

    return declare


def composed(
    *inputs: str,
    numpy: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    methods: Sequence[str] = (),
    sequence: str | None = None,
    domain: Domain | Mapping[str, Domain] = REAL,
    examples: Sequence[Case] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare an operation that is written with other operations, and so needs no rules of its own.

    The decorated function is called with what the user gave, tensors among it, and may return several tensors.
    It answers for NumPy's functions and is tested like every other operation.

    Args:
        inputs: the parameters that can be tensors.
        numpy, methods, sequence, domain, examples: as in `op`.

    >>> import numpy as np, tensorgrad as tg
    >>> @composed("x")
    ... def root_mean_square(x):
    ...     return tg.sqrt(tg.mean(tg.square(x)))
    >>> root_mean_square([3.0, 3.0])
    Tensor(3.)
    """

    def declare(forward: Callable[P, R]) -> Callable[P, R]:
        name, signature = forward.__name__, inspect.signature(forward)

        @functools.wraps(forward)
        def function(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return forward(*args, **kwargs)
            except Exception as error:
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise  # the arguments do not fit the parameters; Python's message says so by name
                bound = signature.bind(*args, **kwargs).arguments
                better = recorder.explained(error, name, {i: bare_arrays(bound.get(i)) for i in inputs})
                if better is None:
                    raise
                try:
                    raise better from error
                finally:
                    del better  # it holds this frame, and this frame would hold it

        operation = Operation(
            name=name,
            forward=forward,
            inputs=inputs,
            rules=(),
            saves=(),
            sequence=sequence,
            linear=False,
            domain=_by_input(domain, inputs),
            examples=tuple(examples),
            numpy=_several(numpy),
            methods=tuple(methods),
            plan=None,
        )
        _announce(function, operation, methods)
        return function

    return declare


def method(name: str, function: Any) -> None:
    """Put `function` into `Tensor`: for methods whose arguments differ from those of NumPy's function."""
    setattr(Tensor, name, function)


def _check_names(name: str, parameters: Iterable[str], sequence: str | None) -> None:
    """Refuse names that mean something else in rules or in the written function."""
    taken = {"g", "out", "index" if sequence else "g", "forward", "operation", "error", *recorder.HELPERS}
    taken |= {f"{p}_{suffix}" for p in parameters for suffix in ("shape", "node", "nodes", "operand", "operands")}
    clashing = [p for p in parameters if p in taken or p.startswith("_")]
    if clashing:
        raise TypeError(f"op {name}: the parameter names {clashing} have a meaning of their own here. Choose others.")
    if not name.isidentifier():
        raise TypeError(f"op {name}: an operation needs a name. Declare it with def, not as a lambda.")


def _saves(
    name: str, rule: Rule | None, signature: inspect.Signature, inputs: Sequence[str], sequence: str | None
) -> tuple[str, ...] | None:
    """What `rule` asks for besides `g`."""
    if rule is None:
        return None
    if not inspect.isfunction(rule) or rule.__code__.co_kwonlyargcount:
        raise TypeError(
            f"op {name}: a derivative rule is a function of g and what it needs, as in lambda g, x: …; got {rule!r}."
        )
    wanted = list(rule.__code__.co_varnames[: rule.__code__.co_argcount - len(rule.__defaults__ or ())])
    known = {"out", *signature.parameters, *(f"{i}_shape" for i in inputs), *(["index"] if sequence else [])}
    unknown = [w for w in wanted[1:] if w not in known]
    if wanted[:1] != ["g"] or unknown:
        raise TypeError(
            f"op {name}: a derivative rule takes g first, then any of {sorted(known)}; this one takes {wanted}."
        )
    return tuple(wanted[1:])


def _by_input(domain: Domain | Mapping[str, Domain], inputs: Sequence[str]) -> Mapping[str, Domain]:
    return domain if isinstance(domain, Mapping) else dict.fromkeys(inputs, domain)


def _several(functions: Callable[..., Any] | Sequence[Callable[..., Any]]) -> tuple[Callable[..., Any], ...]:
    return (functions,) if callable(functions) else tuple(functions)


def _announce(function: Any, operation: Operation, methods: Sequence[str]) -> None:
    """Make the operation known: to the registry, to NumPy's protocols, and as methods."""
    operation.function = function
    function.operation = operation
    registry[f"{function.__module__}.{function.__qualname__}"] = function
    numpy_dispatch.answers.update(dict.fromkeys(operation.numpy, function))
    for name in methods:
        setattr(Tensor, name, function)


def _bare(signature: inspect.Signature) -> tuple[inspect.Parameter, ...]:
    """The parameters without annotations and with None for every default; the real ones are set afterwards."""
    return tuple(
        p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else None)
        for p in signature.parameters.values()
    )
