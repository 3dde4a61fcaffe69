"""`@op`: declares a recorded operation from a forward rule and its derivative rules."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tensorgrad import _declaration, _operands, compiled, record
from tensorgrad._declaration import P, R, Recorded, Rule, SequenceRules, announce, operation_of, registry
from tensorgrad.backward import call_rules
from tensorgrad.domains import REAL, Case, Domain
from tensorgrad.tensor import Tensor, plain

__all__ = ["Operation", "SequenceRules", "op", "operation_of", "registry"]

PLAIN = os.environ.get("TENSORGRAD_PLAIN", "") not in ("", "0")
recorder = record.recorder if PLAIN else compiled.recorder
"""Creates the public function; with TENSORGRAD_PLAIN=1, from the readable implementation in `record`."""


@dataclass(eq=False)
class Operation:
    """A declared operation; see `op`. `inputs` are the parameters that can be tensors, a sequence of them last."""

    name: str
    forward: Callable[..., Any]
    signature: inspect.Signature
    inputs: tuple[str, ...]
    rules: Sequence[Rule | None] | SequenceRules = ()
    saves: tuple[tuple[str, ...] | None, ...] = ()
    owners: tuple[tuple[int | None, ...], ...] = ()
    joint: Rule | None = None
    keep: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    results: Any = None
    composed: Callable[..., Any] | None = None
    sequence: str | None = None
    linear: bool = False
    view: bool = False
    numpy_only: str = ""
    no_rule: str = ""
    lowering: str = ""
    domain: Any = field(default_factory=dict)
    examples: tuple[Case, ...] = ()
    reference: Callable[..., Any] | None = None
    flops: Callable[..., int] | None = None
    numpy: tuple[Callable[..., Any], ...] = ()
    methods: tuple[str, ...] = ()
    function: Callable[..., Any] = field(init=False)
    call: Callable[..., Any] = field(init=False)

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Return arrays if called with arrays, and tensors if an argument is a tensor. Rules call this."""
        if any(isinstance(item, Tensor) for item in _operands.spread(args, kwargs)):
            return self.function(*args, **kwargs)
        if not self.saves or (self.needs_numpy and _operands.holds_foreign(_operands.spread(args, kwargs))):
            return plain(self.function(*args, **kwargs))
        out = self.forward(*args, **kwargs)
        out = out[0] if self.keep else out
        return self.results(*out) if self.results else out

    @property
    def needs_numpy(self) -> bool:
        """Return whether the forward rule runs on NumPy arrays only."""
        return self.composed is not None or bool(self.numpy_only)

    def on_foreign(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result of the composed form, or in a compiled program of the lowering, for other arrays."""
        return _operands.for_foreign(self)(*args, **kwargs)

    def saved_for(self, position: int) -> tuple[str, ...] | None:
        """Return the names saved for the rule of the operand at `position`; None without a rule."""
        return self.saves[min(position, len(self.saves) - 1)]

    @property
    def source(self) -> str:
        """The code of the recording function that `compiled` writes; empty for an operation composed of others."""
        return compiled.source(self) if self.saves else ""


def op(
    forward: None = None, /, *, joint: Rule | None = None, inputs: Sequence[str] = (), results: type[R] | None = None,
    keep: Sequence[str] = (), composed: Callable[..., Any] | None = None, lowering: str = "",
    numpy: Callable[..., Any] | Sequence[Callable[..., Any]] = (), methods: Sequence[str] = (), no_rule: str = "",
    reflected: str | None = None, sequence: str | None = None, linear: bool = False, view: bool = False,
    numpy_only: str = "", domain: Domain | Mapping[str, Domain] = REAL, examples: Sequence[Case] = (),
    reference: Callable[..., Any] | None = None, flops: Callable[..., int] | None = None, **rules: Rule | None,
) -> Callable[[Callable[P, Any]], Recorded[P, R]]:  # fmt: skip
    """Declare a differentiable operation.

    The decorated function is the forward rule; it is called with arrays. Every keyword not listed below is the
    derivative rule of the parameter of that name: `rule(g, ...)` returns the gradient of that input, given the
    gradient `g` of the result. **The rule's parameter names say what is saved for it**: `out`, any parameter of the
    forward rule, `x_shape`, a name in `keep`, and for a sequence `index`, the item's. Rules are plain NumPy without
    `out=` and item assignment, so they also work on tensors. A rule of None marks an input that is not differentiable.

    Args:
        joint: one rule for all of `inputs`, when they share work: `joint(g, wanted, ...)` returns a gradient for each
            operand, or None where `wanted`, a tuple of booleans, is False.
        results: a named tuple, if the forward rule returns several arrays; `g` and `out` are such tuples then.
        keep: names of values that the forward rule computes for the rules: it returns `(result, (kept, ...))`.
        composed, lowering: the same function in recorded operations, for higher derivatives and other array libraries;
            "module:name" of its form in `compile`. `keep`, `out=` and item assignment require `composed`.
        numpy: the NumPy functions that call this operation when an argument is a tensor.
        methods, reflected: its names in `Tensor`, and the one with swapped operands (`"__radd__"`).
        sequence, linear, view: which parameter is a sequence; whether it is linear in each input, or may return a view.
        numpy_only, no_rule: why it cannot run on other libraries' arrays, and why a parameter has no derivative rule.
        domain, examples: where tests may sample the inputs, and shapes and options if not every shape is valid.
        flops: for `costs`, where it cannot count: a function of `out_shape`, `x_shape` of an input `x`, and options.
        reference: for tests, another way to compute the result of float64 arrays, where NumPy has no such function.

    Raises:
        TypeError: the rules do not match the parameters, or `composed` is missing.

    >>> import tensorgrad as tg
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

    def declare(forward: Callable[P, Any]) -> Recorded[P, R]:
        operation = Operation(
            **_declaration.checked(forward, rules, joint, tuple(inputs), tuple(keep), composed, sequence),
            results=results, linear=linear, view=view, numpy_only=numpy_only, domain=domain, reference=reference,
            flops=flops, examples=tuple(examples), numpy=(numpy,) if callable(numpy) else tuple(numpy),
            methods=(*methods, reflected) if reflected else tuple(methods), lowering=lowering, no_rule=no_rule,
        )  # fmt: skip
        operation.call = call_rules if PLAIN else compiled.rule_caller(operation)
        function: Recorded[P, R] = announce(_declaration.dressed(recorder(operation), operation), operation)
        if reflected is not None:
            setattr(Tensor, reflected, _declaration.dressed(recorder(operation, reflected=True), operation))
        return function

    return declare
