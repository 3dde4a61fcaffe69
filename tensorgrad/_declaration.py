"""Checks of the arguments of `@op`, and the attributes derived from them."""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol

from tensorgrad import compiled, numpy_dispatch
from tensorgrad.domains import Domain
from tensorgrad.tensor import Tensor

if TYPE_CHECKING:  # Python 3.13 has type parameters with defaults
    from typing_extensions import TypeVar

    P = ParamSpec("P")
    R = TypeVar("R", default=Tensor)
    R_co = TypeVar("R_co", default=Tensor, covariant=True)
else:
    from typing import TypeVar

    P, R, R_co = ParamSpec("P"), TypeVar("R"), TypeVar("R_co", covariant=True)

Rule = Callable[..., Any]
RESULT = -1
"""Position of `out` among the operands."""

_ASSIGNS = dis.opmap["STORE_SUBSCR"]

registry: dict[str, Callable[..., Any]] = {}
"""Every declared operation by its full name (`tensorgrad.ops.elementwise.arithmetic.add`), for the tests."""


class Recorded(Protocol[P, R_co]):
    """Function declared by `op`. It returns tensors; its `apply` returns arrays if it is called with arrays."""

    operation: Any
    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return the result as a tensor, or several in a named tuple."""

    def apply(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Return the result as an array, or as a tensor if an argument is a tensor. Rules call this."""


@dataclass(frozen=True)
class SequenceRules:
    """Rules of an operation with a sequence input: one for each other input, then the same one for every item."""

    single: tuple[Rule | None, ...]
    item: Rule | None

    def __getitem__(self, position: int) -> Rule | None:
        return self.single[position] if position < len(self.single) else self.item

    def __iter__(self) -> Iterator[Rule | None]:
        return itertools.chain(self.single, itertools.repeat(self.item))


def checked(
    forward: Callable[..., Any], rules: Mapping[str, Rule | None], joint: Rule | None, joined: tuple[str, ...],
    keep: tuple[str, ...], composed: Callable[..., Any] | None, sequence: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the attributes of an `Operation` that are derived from its rules.

    Raises:
        TypeError: the rules, the parameters and the kept values are inconsistent.
    """
    name = forward.__name__
    signature = inspect.signature(forward)
    _check_names(name, [*signature.parameters, *keep], sequence)
    inputs = tuple(p for p in signature.parameters if p in (*rules, *joined) and p != sequence)
    inputs += (sequence,) if sequence else ()
    if not inputs or {*rules, *joined} != set(inputs):
        raise TypeError(
            f"op {name}: derivative rules for {sorted([*rules, *joined])}, but the parameters are "
            f"{list(signature.parameters)}. Give a rule for at least one of them: @op(x=lambda g, x: ...)."
        )
    if bool(joint) != bool(joined) or (joint and any(rules.values())):
        raise TypeError(
            f"op {name}: joint= is one rule for all of inputs=[...], and replaces the rules of single parameters. "
            "Declare both, or neither. Besides them, only None is allowed, for inputs that are not differentiable."
        )
    known = {"out", *signature.parameters, *(f"{i}_shape" for i in inputs), *keep, *(["index"] if sequence else [])}
    if joint is not None:
        shared = _saves(name, joint, known, ("g", "wanted"))
        saves: tuple[Any, ...] = tuple(shared if i in joined else None for i in inputs)
        single: tuple[Rule | None, ...] = ()
    else:
        saves = tuple(None if rules[i] is None else _saves(name, rules[i], known, ("g",)) for i in inputs)
        single = tuple(rules[i] for i in inputs if i != sequence)
    if composed is None and (keep or any(map(_writes, [joint, *rules.values()]))):
        raise TypeError(
            f"op {name}: the operation keeps values, or a rule writes into an array, so its derivative cannot be "
            "differentiated. Declare composed=, the same function written in recorded operations."
        )
    return {
        "name": name, "forward": forward, "signature": signature, "inputs": inputs, "sequence": sequence,
        "rules": SequenceRules(single, rules[sequence]) if sequence and joint is None else single,
        "saves": saves, "joint": joint, "keep": keep, "composed": composed,
        "owners": tuple(tuple(_owner(n, inputs) for n in names or ()) for names in ([shared] if joint else saves)),
        "options": tuple(p for p in signature.parameters if p not in inputs),
    }  # fmt: skip


def _owner(name: str, inputs: tuple[str, ...]) -> int | None:
    """Return the position of the operand that the rule parameter `name` refers to; RESULT for `out`, else None."""
    return RESULT if name == "out" else inputs.index(name) if name in inputs else None


def _writes(rule: Rule | None) -> bool:
    """Return whether the code of a rule itself assigns items or uses `out=`."""
    if rule is None:
        return False
    code = rule.__code__
    keywords = (c for c in code.co_consts if isinstance(c, tuple))
    return _ASSIGNS in code.co_code[::2] or any("out" in names for names in keywords)


def _check_names(name: str, parameters: Iterable[str], sequence: str | None) -> None:
    """Refuse names that have another meaning in rules or in the compiled function."""
    taken = {"g", "wanted", "out", "index" if sequence else "g", "forward", "operation", "error", *compiled.NAMES}
    taken |= {f"{p}_{suffix}" for p in parameters for suffix in ("shape", "node", "nodes", "operand", "operands")}
    clashing = [p for p in parameters if p in taken or p.startswith("_")]
    if clashing:
        raise TypeError(f"op {name}: the parameter names {clashing} are reserved. Choose others.")
    if not name.isidentifier():
        raise TypeError(f"op {name}: an operation needs a name. Declare it with def, not as a lambda.")


def _saves(name: str, rule: Rule | None, known: set[str], first: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the parameters of `rule` after `first`."""
    if not inspect.isfunction(rule) or rule.__code__.co_kwonlyargcount:
        raise TypeError(
            f"op {name}: a derivative rule is a function of g and what it needs, as in lambda g, x: …; got {rule!r}."
        )
    asked = tuple(rule.__code__.co_varnames[: rule.__code__.co_argcount - len(rule.__defaults__ or ())])
    unknown = [each for each in asked[len(first) :] if each not in known]
    if asked[: len(first)] != first or unknown:
        raise TypeError(
            f"op {name}: a derivative rule takes {' and '.join(first)} first, then any of {sorted(known)}; this one "
            f"takes {list(asked)}."
        )
    return asked[len(first) :]


def dressed(function: Any, operation: Any) -> Any:
    """Return `function` with the name, documentation and signature of the forward rule."""
    functools.update_wrapper(function, operation.forward)
    function.__annotations__ = {**operation.forward.__annotations__, "return": "Tensor"}
    function.__signature__ = operation.signature.replace(return_annotation="Tensor")
    del function.__wrapped__
    return function


def announce(function: Any, operation: Any) -> Any:
    """Add an operation to the registry, to NumPy's protocols, and to the methods of `Tensor`."""
    if isinstance(operation.domain, Domain):
        operation.domain = dict.fromkeys(operation.inputs, operation.domain)
    operation.function, function.operation, function.apply = function, operation, operation.apply
    registry[f"{function.__module__}.{function.__qualname__}"] = function
    numpy_dispatch.answers.update(dict.fromkeys(operation.numpy, function))
    for name in operation.methods:
        setattr(Tensor, name, function)
    return function


def operation_of(function: Callable[..., Any]) -> Any:
    """Return the declaration behind a recording function."""
    return function.operation  # type: ignore[attr-defined]
