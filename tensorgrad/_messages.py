"""Error messages of operations and of the backward pass."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.modes import current_mode
from tensorgrad.node import CHANGED, Node

if TYPE_CHECKING:
    from traceback import StackSummary


class RangeError(ValueError, OverflowError):
    """A number that is too large for its dtype: NumPy's OverflowError, and a ValueError like other wrong arguments."""


class TraceError(RuntimeError):
    """A function does something that a compiled program cannot do."""


_HERE = os.path.dirname(__file__)
_HIDDEN = (_HERE, os.path.join(os.path.dirname(_HERE), "nn"), "<tensorgrad", "<__array_function__", "<frozen")


def user_line(frames: StackSummary | None = None) -> str:
    """Return the innermost line of user code on the stack, or among `frames`."""
    from traceback import extract_stack

    for frame in reversed(extract_stack() if frames is None else frames):
        if not frame.filename.startswith(_HIDDEN) and "site-packages" not in frame.filename:
            return f"{frame.filename}:{frame.lineno}: {frame.line}"
    return "an unknown line"


def explained(error: Exception, name: str, operands: Mapping[str, Any]) -> Exception | None:
    """Return `error` with the operation and operands named; None for other exception types, which get a note."""
    wrong = [key for key, value in operands.items() if _is_no_number(value) or value is getattr(error, "obj", operands)]
    if isinstance(error, AttributeError) and wrong:
        error = TypeError(f"expected a tensor or numbers as {wrong[0]!r}, got {operands[wrong[0]]!r}")
    elif isinstance(error, RecursionError):
        error = ValueError(*error.args)
    elif isinstance(error, OverflowError):
        error = RangeError(*error.args)
    text = str(error).rstrip(". ").removeprefix(f"{name}: ")
    if name == "matmul" and "core dimension" in text:
        text += ". x must have as many columns as y has rows"
    message = f"{name}: {text}."
    if "Operands:" not in text and operands:  # an operation inside this one has named them
        described = ", ".join(f"{key} {_described(value)}" for key, value in operands.items())
        message += f" Operands: {described}."
    for kind in (np.exceptions.AxisError, np.linalg.LinAlgError, RangeError, TypeError, IndexError, ValueError):
        if isinstance(error, kind):
            return kind(message)
    error.add_note(message)
    return None


def _is_no_number(value: Any) -> bool:
    """Return whether NumPy stores this as a Python object: None, or an integer of more than 64 bits."""
    return value is None or (type(value) is int and not -(2**63) <= value < 2**64)


def _described(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_described(item) for item in value) + "]"
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.generic):
        return f"{value.shape} {value.dtype}"
    return f"{value!r}"


def not_real(dtype: Any, name: str) -> TypeError:
    """Return the error for an operand or a result that a tensor cannot hold."""
    return TypeError(
        f"{name}: expected real numbers, got dtype {dtype}"
        + (" (complex numbers are not supported)." if dtype.kind == "c" else ".")
    )


def not_float(dtype: Any, name: str) -> TypeError:
    """Return the error for a result that depends on a tracked tensor but cannot have a gradient."""
    return TypeError(
        f"{name}: the result has dtype {dtype} and cannot carry a gradient. "
        "Call it on detach(), or convert with astype(float) first."
    )


def no_rule(parameter: str, name: str, reason: str = "") -> TypeError:
    """Return the error for a tracked tensor passed to a parameter without a derivative rule."""
    if reason:
        return TypeError(
            f"{name}: the argument {parameter!r} has no derivative rule, because {reason}; expected a value without a "
            "gradient. Detach it, and approximate the derivative with finite differences if you need it."
        )
    return TypeError(
        f"{name}: the argument {parameter!r} has no derivative rule, but received a tensor that requires a "
        "gradient. Pass it with detach(), or declare the rule in @op."
    )


def leaves_graph(name: str) -> TypeError:
    """Return the error for a tensor that requires a gradient and would become an array without one."""
    return TypeError(
        f"{name}: expected values without a gradient, got a tensor that requires one, which would be lost. Use "
        "t.detach() or t.data for the values alone, tg.stack([t, u]) to make a tensor of several, and functions of "
        "tensorgrad, or of NumPy called as np.f(t), to compute with it."
    )


def not_copied() -> TypeError:
    """Return the error for copying or pickling a tensor that is part of a graph."""
    return TypeError(
        "copy: this tensor is the result of an operation, so a copy would not be connected to its graph. Copy "
        "t.detach() for the values alone, use t.copy() for a copy that passes its gradient on, or copy the leaves."
    )


def warn_of_result(operation: str) -> None:
    """Warn the caller of `Tensor.grad` that the gradient of an operation's result is not stored."""
    caller = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001
    if caller.partition(".")[0] in ("tensorgrad", "nn"):  # compiled programs read every tensor
        return
    warnings.warn(
        f"grad: this tensor is the result of {operation}, and backward() stores the gradients of leaves only. To "
        "store that of a result, call retain_grad() before backward(). To update a leaf, write w.data -= step, because "
        "w -= step and w = w - step create a new tensor.",
        stacklevel=3,
    )


def masked_entries(name: str) -> ValueError:
    """Return the error for a masked array, whose hidden values would be used."""
    return ValueError(
        f"{name}: got a masked array with masked entries, whose hidden values would be used. Replace them with "
        "a.filled(number), or choose between values with tg.where(mask, x, y)."
    )


def tensor_result(name: str) -> TypeError:
    """Return the error for a forward rule that returned a tensor."""
    return TypeError(
        f"{name}: the forward rule returned a tensor, so one of its options is a tensor. "
        "Options take plain arrays and numbers."
    )


def numpy_only(name: str, reason: str) -> Exception:
    """Return the error for an operation that cannot run on the arrays of another library."""
    if current_mode().since:
        return TraceError(
            f"compile: {name} cannot be traced, because {reason}, and there are no values before the program runs. At "
            f"{user_line()}\nCompute it outside the compiled function. Instead of choosing items with a mask, use "
            "tg.where(mask, x, 0) or a product with the mask, whose results have the shape of x."
        )
    return TypeError(
        f"{name}: expected NumPy arrays, because {reason}; got an array of another library. "
        "Convert the operand to NumPy first, or compute the result without this function."
    )


def released(node: Node) -> RuntimeError:
    """Return the error for a second backward pass over a graph."""
    return RuntimeError(
        f"backward: the graph of this {node.operation.name} was released by an earlier backward pass. "
        "Compute the result again, or keep the graph with backward(retain_graph=True)."
    )


def running() -> RuntimeError:
    """Return the error for a backward pass through nodes that another running pass uses."""
    return RuntimeError(
        "backward: another backward pass through this graph is running, in another thread or because a hook called "
        "backward. Call it after the other pass has returned, or compute the result again."
    )


def stale(node: Node) -> RuntimeError:
    """Return the error for a node that was released, or for a leaf whose data changed."""
    if node.state is not CHANGED:
        return released(node)
    name = f" {node.name!r}" if node.name else ""
    return RuntimeError(
        f"backward: the data of leaf{name} {node.shape} changed after it was used (an optimizer step, or an assignment "
        "to .data), so the recorded derivatives no longer hold. Compute the result again first."
    )


def not_an_array(node: Node, contribution: Any) -> TypeError:
    """Return the error for a derivative rule that returned something other than an array."""
    return TypeError(
        f"{node.operation.name}: a derivative rule returned {contribution!r}; it must return an array, the gradient of "
        "its input. For an input without one, declare the rule as None."
    )


def wrong_shape(node: Node, given: Any, shape: Any) -> ValueError:
    """Return the error for a derivative rule whose gradient has a shape that does not broadcast from the input's."""
    return ValueError(
        f"{node.operation.name}: a derivative rule returned a gradient of shape {given} for an input of "
        f"shape {shape}. A rule must return the input's shape, or one that NumPy would broadcast it to."
    )


def not_found(node: Node) -> TraceError:
    """Return the error for a tensor that requires a gradient and would be a constant of a compiled program."""
    name = f" {node.name!r}" if node.operation is None and node.name else ""
    return TraceError(
        f"compile: the tensor{name} {node.shape} requires a gradient, but was not found before tracing, so its values "
        f"would be constants of the program. At {user_line()}\nPass it as an argument, or keep it as an attribute of "
        "an object that the function refers to. If it is a constant, use detach()."
    )
