"""Writes, for each declared operation, the Python function that users call.

The function is spelled out for exactly that operation's arguments, as `dataclasses` does for `__init__`: nothing
is looked up, bound or looped over at call time, which makes a small operation more than twice as fast. To see
one, `print(tg.multiply.operation.source)`. It does what a reader would write by hand:

    1. take the arrays out of the tensors,
    2. compute the result with the forward rule,
    3. if any operand wants a gradient, add a node that holds what the derivative rules ask for.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import textwrap
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from tensorgrad import anomaly
from tensorgrad.graph import Node, next_number
from tensorgrad.modes import current_mode
from tensorgrad.tensor import Tensor

NUMBERS = frozenset({float, int, bool, type(None)})
"""What an operand may be as it is; None is one that was left out, such as a bound of `clip`."""


@dataclass(frozen=True)
class Plan:
    """What the function to be written depends on: two operations with equal plans share their code.

    Attributes:
        parameters: those of the forward rule.
        inputs: the parameters that can be tensors; a sequence of tensors comes last.
        sequence: the one among them that is a sequence, if any.
        saves: for each input, the names its rule wants; None for an input without a rule.
        plain: give an array back when no tensor came in.
        reflected: take the two operands in the opposite order, for `__rsub__` and its like.
    """

    parameters: tuple[inspect.Parameter, ...]
    inputs: tuple[str, ...]
    sequence: str | None
    saves: tuple[tuple[str, ...] | None, ...]
    plain: bool
    reflected: bool = False

    @property
    def single(self) -> list[tuple[str, tuple[str, ...] | None]]:
        """The inputs that are one tensor each, with what is saved for them."""
        return [(i, save) for i, save in zip(self.inputs, self.saves) if i != self.sequence]

    @property
    def options(self) -> list[inspect.Parameter]:
        """The parameters that cannot be tensors."""
        return [p for p in self.parameters if p.name not in self.inputs]


def written(plan: Plan) -> tuple[str, str]:
    """The parameter list and the body of the recording function."""
    header = ", ".join(reversed(plan.inputs)) if plan.reflected else str(inspect.Signature(list(plan.parameters)))[1:-1]
    lines = [*_take_arrays(plan), *_compute(plan), *_record(plan)]
    return header, "".join(f"        {line}\n" for line in lines)


def _take_arrays(plan: Plan) -> Iterator[str]:
    for i, _ in plan.single:
        yield f"{i}_node = None"
        yield f"{i}_operand = {i}"
        yield f"if isinstance({i}, Tensor):"
        yield f"    {i}_node = {i}.node"
        yield f"    {i} = {i}.array"
        yield f"elif {i}.__class__ not in numbers:"
        yield f"    {i} = {i}_operand = operand({i}, name)"
    if s := plan.sequence:
        yield f"{s}_operands = [i if isinstance(i, Tensor) else operand(i, name) for i in check_sequence({s}, name)]"
        yield f"{s}_nodes = [i.node if isinstance(i, Tensor) else None for i in {s}_operands]"
        yield f"{s} = [i.array if isinstance(i, Tensor) else i for i in {s}_operands]"
    for option in plan.options:
        yield f"if isinstance({option.name}, Tensor):"
        yield f"    {option.name} = undifferentiable({option.name}, {option.name!r}, name)"


def _compute(plan: Plan) -> Iterator[str]:
    yield "try:"
    yield f"    out = forward({', '.join(_argument(p) for p in plan.parameters)})"
    yield "except Exception as error:"
    yield f"    better = explained(error, name, {{{', '.join(f'{i!r}: {i}' for i in plan.inputs)}}})"
    yield "    if better is None:"
    yield "        raise"
    yield "    try:"
    yield "        raise better from error"
    yield "    finally:"
    yield "        del better  # it holds this frame, and this frame would hold it"
    if plan.plain:
        tensors = [f"isinstance({i}_operand, Tensor)" for i, _ in plan.single]
        if s := plan.sequence:
            tensors.append(f"any(isinstance(i, Tensor) for i in {s}_operands)")
        yield f"if not ({' or '.join(tensors)}):"
        yield "    return out"
    yield "if out.__class__ is not ndarray:"
    yield "    out = as_result(out, name)"
    yield "_dtype = out.dtype"
    yield "if _dtype is not float32 and _dtype is not float64:"
    yield "    check_dtype(_dtype, name)"
    yield "_result = new(Tensor)"
    yield "_result.array = out"
    yield "_result.node = _result.grad = _result._name = None"


def _record(plan: Plan) -> Iterator[str]:
    untracked = [f"{i}_node is None" for i, save in plan.single if save is not None]
    inputs = [f"{i}_node or reference({i}_operand)" for i, _ in plan.single]
    saved = [_saved(plan, i, save) for i, save in plan.single]
    if s := plan.sequence:
        untracked.append(f"not any({s}_nodes)")
        inputs.append(f"*[n or reference(i) for n, i in zip({s}_nodes, {s}_operands)]")
        item = "".join(f"{_value(plan, name)}, " for name in plan.saves[-1] or ())
        saved.append(f"*[None if n is None else ({item}) for index, n in enumerate({s}_nodes)]")
    options = ", ".join(f"{p.name!r}: {p.name}" for p in plan.options)

    yield "_mode = current_mode()"
    yield f"if ({' and '.join(untracked) or 'True'}) or not _mode.recording:"
    yield "    return _result"
    yield "if _dtype is not float32 and _dtype is not float64 and _dtype.kind != 'f':"  # .kind is slow
    yield "    raise not_float(_dtype, name)"
    yield "_result.node = _node = Node()"
    yield "_node.number = next_number()"
    yield "_node.operation = operation"
    yield f"_node.inputs = ({', '.join(inputs)},)"
    yield f"_node.options = {{{options}}}" if options else "_node.options = no_options"
    yield f"_node.saved = ({', '.join(saved)},)"
    yield "_node.shape = out.shape"
    yield "_node.dtype = _dtype"
    yield "_node.tensor = _node.hooks = _node.seed = None"
    yield "_node.collects = False"
    yield "_node.scopes = ()"
    yield "if _mode.anomalies:"
    yield "    watch(_node, out)"
    yield "return _result"


def _argument(p: inspect.Parameter) -> str:
    if p.kind is p.VAR_POSITIONAL:
        return f"*{p.name}"
    return f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else p.name


def _saved(plan: Plan, owner: str, save: tuple[str, ...] | None) -> str:
    if save is None:
        return "None"
    values = [f"{owner}.shape" if name == f"{owner}_shape" else _value(plan, name) for name in save]
    return f"None if {owner}_node is None else ({''.join(f'{value}, ' for value in values)})"


def _value(plan: Plan, name: str) -> str:
    """The variable of that name; `x_shape` stands for the shape of the operand `x`, unless it is a parameter itself."""
    if name.endswith("_shape") and name not in {p.name for p in plan.parameters}:
        return f"shape_of({name.removesuffix('_shape')})"
    return name


def operand(value: Any, name: str) -> Any:
    """An operand that is neither a tensor nor a Python number, as an array of real numbers."""
    if isinstance(value, (list, tuple)) and any(isinstance(item, Tensor) for item in value):
        raise TypeError(
            f"{name}: expected a tensor or numbers, got a {type(value).__name__} of tensors. "
            "Join them with tg.stack first, which keeps their gradients."
        )
    array = value if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value)
    check_dtype(array.dtype, name)
    return array


def undifferentiable(value: Tensor, parameter: str, name: str) -> Any:
    """The array of a tensor given for a parameter that has no derivative rule."""
    if value.node is not None:
        raise TypeError(
            f"{name}: the argument {parameter!r} has no derivative rule, but was given a tensor that requires a "
            "gradient. Pass detach() of it, or declare the rule in @op."
        )
    return value.array


def as_result(value: Any, name: str) -> Any:
    """The result of a forward rule as an array: NumPy gives scalars for 0-d results."""
    if isinstance(value, Tensor):
        raise TypeError(
            f"{name}: the forward rule returned a tensor, so one of its options was given a tensor. "
            "Options take plain arrays and numbers."
        )
    return np.asarray(value)


def shape_of(value: Any) -> Any:
    """The shape of an operand, or the shapes of a sequence of operands."""
    return [np.shape(item) for item in value] if isinstance(value, list) else np.shape(value)


def check_sequence(values: Any, name: str) -> Sequence[Any]:
    """The operands of an operation that takes a sequence of tensors."""
    if (isinstance(values, (Tensor, np.ndarray)) and values.ndim == 0) or isinstance(values, (int, float)):
        raise TypeError(f"{name}: expected a sequence of tensors, got a single number.")
    operands = list(values)
    if not operands:
        raise ValueError(f"{name}: expected at least one tensor, got an empty sequence.")
    return operands


def explained(error: Exception, name: str, operands: dict[str, Any]) -> Exception | None:
    """`error` again, naming the operation and its operands; None if it is of a kind of its own and got a note."""
    said = str(error).rstrip(". ").removeprefix(f"{name}: ")
    message = f"{name}: {said}."
    if "Operands:" not in said:  # an operation inside this one has said it
        described = ", ".join(f"{key} {_described(value)}" for key, value in operands.items())
        message += f" Operands: {described}."
    for kind in (np.exceptions.AxisError, np.linalg.LinAlgError, TypeError, IndexError, ValueError):
        if isinstance(error, kind):
            return kind(message)
    error.add_note(message)
    return None


def _described(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_described(item) for item in value) + "]"
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype}"
    return f"{value!r}"


def check_dtype(dtype: np.dtype[Any], name: str) -> None:
    """Refuse what a tensor cannot hold, as operand or as result."""
    if dtype.kind not in "fiub":
        raise TypeError(
            f"{name}: expected real numbers, got dtype {dtype}"
            + (" (complex numbers are not supported)." if dtype.kind == "c" else ".")
        )


def not_float(dtype: np.dtype[Any], name: str) -> TypeError:
    """For a result that depends on a tracked tensor but cannot carry a gradient."""
    return TypeError(
        f"{name}: the result has dtype {dtype} and cannot carry a gradient. "
        "Call it on detach(), or convert with astype(float) first."
    )


def reference(value: Any) -> Any:
    """How a node remembers an operand that wants no gradient, for pictures: weakly if it may be large.

    What the rules need is in `saved` until the graph is released; a loss that is kept must not keep its batch.
    """
    return weakref.ref(value) if isinstance(value, (Tensor, np.ndarray)) else value


HELPERS: dict[str, Any] = {
    "Tensor": Tensor,
    "Node": Node,
    "new": object.__new__,
    "next_number": next_number,
    "current_mode": current_mode,
    "numbers": NUMBERS,
    "operand": operand,
    "check_sequence": check_sequence,
    "explained": explained,
    "check_dtype": check_dtype,
    "not_float": not_float,
    "reference": reference,
    "watch": anomaly.watch,
    "no_options": {},
    "ndarray": np.ndarray,
    "isinstance": isinstance,
    "any": any,
    "zip": zip,
    "enumerate": enumerate,
    "as_result": as_result,
    "undifferentiable": undifferentiable,
    "shape_of": shape_of,
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
"""What the written functions refer to; builtins too, since modules of `ops` have a `sum` or an `any` of their own."""


def recording_function(plan: Plan, name: str, forward: Callable[..., Any], operation: Any) -> Any:
    """The function users call, in the module that declared it, with the name and documentation of `forward`.

    Its code is written when it is called for the first time: `import tensorgrad` would take twice as long if it
    compiled every operation. The code it starts with only exchanges itself for the real one and calls again.
    """
    namespace: dict[str, Any] = {}
    exec(_FIRST_CALL, forward.__globals__, namespace)

    def complete() -> Callable[..., Any]:
        code = next(c for c in _compiled(plan).co_consts if isinstance(c, CodeType))
        code = next(c for c in code.co_consts if isinstance(c, CodeType))
        filename = f"<tensorgrad {name}>"
        function.__code__ = code.replace(co_name=name, co_filename=filename)
        linecache.cache[filename] = (0, None, shown(plan, name).splitlines(True), filename)
        return function

    function: Any = namespace["make"](name, forward, operation, complete, **HELPERS)
    functools.update_wrapper(function, forward)
    function.__defaults__, function.__kwdefaults__ = forward.__defaults__, forward.__kwdefaults__
    function.__annotations__ = {**forward.__annotations__, "return": "Tensor"}
    function.__signature__ = inspect.signature(forward).replace(return_annotation="Tensor")
    del function.__wrapped__
    return function


def _made(header: str, body: str) -> str:
    """The source of `make`. Every function it can make has the same free variables, so that their code can be
    exchanged: names count as used even where they are never reached."""
    return (
        f"def make(name, forward, operation, complete, {', '.join(HELPERS)}):\n"
        f"    def recorded({header}):\n"
        f"        if False:\n"
        f"            name, forward, operation, complete, {', '.join(HELPERS)}\n"
        f"{body}"
        f"    return recorded\n"
    )


_FIRST_CALL = compile(_made("*args, **kwargs", "        return complete()(*args, **kwargs)\n"), "<tensorgrad>", "exec")


@functools.cache
def _compiled(plan: Plan) -> CodeType:
    return compile(_made(*written(plan)), "<tensorgrad>", "exec")


def shown(plan: Plan, name: str) -> str:
    """The source for readers."""
    header, body = written(plan)
    return f"def {name}({header}):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
