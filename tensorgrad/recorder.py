"""Writes, for each declared operation, the Python function that users call.

The function is spelled out for exactly that operation's arguments, as `dataclasses` does for `__init__`: nothing
is looked up, bound or looped over at call time, which makes a small operation more than twice as fast. To see
one, `print(tg.multiply.operation.source)`. It does what a reader would write by hand:

    1. take the arrays out of the tensors,
    2. compute the result with the forward rule,
    3. if any operand wants a gradient, add a node that holds what the derivative rules ask for.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad import anomaly
from tensorgrad.graph import Node, next_number
from tensorgrad.modes import current_mode
from tensorgrad.tensor import Tensor

USUAL_TYPES = frozenset({np.ndarray, float, int, bool, type(None)})


def write(
    name: str,
    signature: inspect.Signature,
    inputs: Sequence[str],
    sequence: str | None,
    saves: Sequence[tuple[str, ...] | None],
    *,
    plain: bool,
    reflected: bool = False,
) -> str:
    """The source of `make(forward, operation, ...)`, which returns the recording function.

    Args:
        name: the function's name.
        signature: the forward rule's parameters.
        inputs: the parameters that can be tensors, in the order of the declared rules.
        sequence: the one among them that is a sequence of tensors, if any.
        saves: for each input, the names its rule wants; None for an input without a rule.
        plain: give an array back when no tensor came in.
        reflected: take the two operands in the opposite order, for `__rsub__` and its like.
    """
    parameters = list(signature.parameters.values())
    options = [p.name for p in parameters if p.name not in inputs]
    required = [p.name for p in parameters if p.name in options and p.default is p.empty]
    single = [i for i in inputs if i != sequence]
    lines: list[str] = []

    for i in single:
        lines += [
            f"{i}_node = None",
            f"{i}_operand = {i}",
            f"if isinstance({i}, Tensor):",
            f"    {i}_node = {i}.node",
            f"    {i} = {i}.array",
            f"elif {i}.__class__ not in usual:",
            f"    {i} = operand({i}, {name!r})",
        ]
    if sequence:
        lines += [
            f"{sequence}_operands = check_sequence({sequence}, {name!r})",
            f"{sequence}_nodes = [i.node if isinstance(i, Tensor) else None for i in {sequence}_operands]",
            f"{sequence} = [i.array if isinstance(i, Tensor) else operand(i, {name!r}) for i in {sequence}_operands]",
        ]
    for i in required:
        lines += [f"if isinstance({i}, Tensor):", f"    {i} = undifferentiable({i}, {i!r}, {name!r})"]

    call = ", ".join(_argument(p) for p in parameters)
    shown = ", ".join(f"{i!r}: {i}" for i in inputs)
    lines += [
        "try:",
        f"    out = forward({call})",
        "except Exception as error:",
        f"    raise explained(error, {name!r}, {{{shown}}}) from error",
    ]
    if plain:
        tensors = [f"isinstance({i}_operand, Tensor)" for i in single]
        tensors += [f"any(isinstance(i, Tensor) for i in {sequence}_operands)"] if sequence else []
        lines += [f"if not ({' or '.join(tensors)}):", "    return out"]
    lines += [
        "if out.__class__ is not ndarray:",
        f"    out = as_result(out, {name!r})",
        "_dtype = out.dtype",
        "if _dtype is not float32 and _dtype is not float64:",
        f"    check_dtype(_dtype, {name!r})",
        "_result = new(Tensor)",
        "_result.array = out",
        "_result.node = _result.grad = _result._name = None",
    ]

    tracked = [f"{i}_node is None" for i, save in zip(inputs, saves) if i != sequence and save is not None]
    if sequence:
        tracked.append(f"not any({sequence}_nodes)")
    entries = [f"{i}_node or reference({i}_operand)" for i in single]
    saved = [_saved(i, save) for i, save in zip(inputs, saves) if i != sequence]
    if sequence:
        item = _tuple(saves[-1] or ())
        entries.append(f"*[n or reference(i) for n, i in zip({sequence}_nodes, {sequence}_operands)]")
        saved.append(f"*[None if n is None else {item} for index, n in enumerate({sequence}_nodes)]")
    lines += [
        "_mode = current_mode()",
        f"if ({' and '.join(tracked) or 'True'}) or not _mode.recording:",
        "    return _result",
        "if _dtype.kind != 'f':",
        f"    raise not_float(_dtype, {name!r})",
        "_result.node = _node = Node()",
        "_node.number = next_number()",
        "_node.operation = operation",
        f"_node.inputs = ({', '.join(entries)},)",
        f"_node.options = {{{', '.join(f'{o!r}: {o}' for o in options)}}}" if options else "_node.options = no_options",
        f"_node.saved = ({', '.join(saved)},)",
        "_node.shape = out.shape",
        "_node.dtype = _dtype",
        "_node.tensor = _node.hooks = _node.seed = None",
        "_node.collects = False",
        "if _mode.anomalies:",
        "    watch(_node, out)",
        "return _result",
    ]
    header = ", ".join(reversed(inputs)) if reflected else _parameters(parameters)
    body = "".join(f"        {line}\n" for line in lines)
    helpers = ", ".join(HELPERS)
    return f"def make(forward, operation, {helpers}):\n    def {name}({header}):\n{body}    return {name}\n"


def _parameters(parameters: Sequence[inspect.Parameter]) -> str:
    """The parameter list without annotations; `op` copies the defaults from the forward rule."""
    bare = [p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else None) for p in parameters]
    return str(inspect.Signature(bare))[1:-1]


def _argument(p: inspect.Parameter) -> str:
    if p.kind is p.VAR_POSITIONAL:
        return f"*{p.name}"
    return f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else p.name


def _saved(owner: str, save: tuple[str, ...] | None) -> str:
    if save is None:
        return "None"
    return f"None if {owner}_node is None else {_tuple(save).replace(f'shape_of({owner})', f'{owner}.shape')}"


def _tuple(names: tuple[str, ...]) -> str:
    """A tuple of the values `names`; `x_shape` stands for the shape of the operand `x`."""
    return "(" + "".join(f"{_value(name)}, " for name in names) + ")"


def _value(name: str) -> str:
    return f"shape_of({name.removesuffix('_shape')})" if name.endswith("_shape") else name


def operand(value: Any, name: str) -> Any:
    """An operand that is neither a tensor, an array nor a Python number, as an array."""
    if isinstance(value, np.generic):
        return value
    if isinstance(value, (list, tuple)) and any(isinstance(item, Tensor) for item in value):
        raise TypeError(
            f"{name}: expected a tensor or numbers, got a {type(value).__name__} of tensors. "
            "Join them with tg.stack first, which keeps their gradients."
        )
    return np.asarray(value)


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


def explained(error: Exception, name: str, operands: dict[str, Any]) -> Exception:
    """`error` again, naming the operation and its operands."""
    described = ", ".join(f"{key} {_described(value)}" for key, value in operands.items())
    message = f"{name}: {str(error).rstrip('. ')}. Operands: {described}."
    for kind in (np.exceptions.AxisError, np.linalg.LinAlgError, TypeError, IndexError, ValueError):
        if isinstance(error, kind):
            return kind(message)
    error.add_note(message)
    return error


def _described(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_described(item) for item in value) + "]"
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype}"
    return f"{value!r}"


def check_dtype(dtype: np.dtype[Any], name: str) -> None:
    """Refuse results that a tensor cannot hold."""
    if dtype.kind not in "fiub":
        raise TypeError(
            f"{name}: the result has dtype {dtype}, but tensors hold real numbers only"
            + (" (complex numbers are not supported)." if dtype.kind == "c" else ".")
        )


def not_float(dtype: np.dtype[Any], name: str) -> TypeError:
    """For a result that depends on a tracked tensor but cannot carry a gradient."""
    return TypeError(
        f"{name}: the result has dtype {dtype} and cannot carry a gradient. "
        "Call it on detach(), or convert with astype(float) first."
    )


def reference(value: Any) -> Any:
    """How a node remembers an operand that wants no gradient: weakly if it may be large, else as it is."""
    if isinstance(value, (Tensor, np.ndarray)):
        return weakref.ref(value)
    return value if isinstance(value, (int, float, np.generic)) else None


HELPERS: dict[str, Any] = {
    "Tensor": Tensor,
    "Node": Node,
    "new": object.__new__,
    "next_number": next_number,
    "current_mode": current_mode,
    "usual": USUAL_TYPES,
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
"""What the written functions refer to."""


def compiled(source: str, forward: Callable[..., Any], operation: Any) -> Callable[..., Any]:
    """The recording function of `operation`, in the module that declared it."""
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<tensorgrad {operation.name}>", "exec"), forward.__globals__, namespace)
    function: Callable[..., Any] = namespace["make"](forward, operation, **HELPERS)
    return function
