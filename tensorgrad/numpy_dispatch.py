"""NumPy's protocols: the operations that implement NumPy's functions for tensors.

`np.exp(t)` calls the tensor's protocol method (NEP 13 for ufuncs, NEP 18 for other functions), which calls the
operation declared with `numpy=np.exp`. Functions without a useful derivative (comparisons, shape queries) run on the
plain arrays. Every other function raises an error, because its result would silently lose the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import is_foreign

answers: dict[Callable[..., Any], Callable[..., Any]] = {}
"""NumPy function -> operation, filled by `@op(numpy=...)`."""

later: list[Callable[[], None]] = []
"""Functions that declare further operations, called before a ufunc is refused: SciPy may have been imported since."""

not_differentiable: frozenset[Callable[..., Any]] = frozenset(
    {
        np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
        np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
        np.isfinite, np.isinf, np.isnan, np.signbit, np.isclose, np.allclose, np.array_equal, np.array_equiv,
        np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
        np.broadcast_shapes, np.min_scalar_type, np.shares_memory, np.may_share_memory,
        np.all, np.any, np.argmax, np.argmin, np.argsort, np.count_nonzero, np.nonzero, np.flatnonzero,
        np.searchsorted, np.linalg.matrix_rank, np.digitize, np.bincount, np.histogram, np.unique,
        np.zeros_like, np.ones_like, np.empty_like, np.full_like,
        np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savetxt,
    }
)  # fmt: skip


numpy_only: frozenset[Callable[..., Any]] = frozenset({np.nonzero, np.flatnonzero, np.unique, np.bincount})
"""Those among them whose results have a shape that depends on the values."""


passed_on: dict[Callable[..., Any], tuple[str, int]] = {
    np.bincount: ("weights", 1), np.histogram: ("weights", 4), np.full_like: ("fill_value", 1), np.unique: ("ar", 0),
}  # fmt: skip
"""Functions among them whose results have a derivative with respect to one argument: its name and position."""


def answer_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any], plain: Callable[[Any], Any]
) -> Any:
    """Return the result of `ufunc(*inputs)` when one of the inputs is a tensor."""
    if ufunc in not_differentiable:
        return getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
    name = _name_of(ufunc) + ("" if method == "__call__" else f".{method}")
    called = ufunc if method == "__call__" else getattr(ufunc, method)
    for declare in later if called not in answers else ():
        declare()
    if called not in answers:
        raise TypeError(_no_rule(name))
    if method == "reduce":
        return answers[called](*inputs, **{"axis": 0, **kwargs})
    if kwargs:
        raise TypeError(
            f"{name}: the arguments {', '.join(map(repr, kwargs))} cannot be used with tensors: "
            "a tensor is a value and is not written into. Use the result instead."
        )
    return answers[ufunc](*inputs)


def answer_function(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], plain: Callable[[Any], Any]
) -> Any:
    """Return the result of `function(*args, **kwargs)` when one of the arguments is a tensor."""
    if function in answers:
        return answers[function](*args, **kwargs)
    if function in not_differentiable:
        arrays = plain(args)
        if function in numpy_only and any(map(is_foreign, arrays)):
            raise _messages.numpy_only(function.__name__, "the shape of the result depends on the values")
        if function in passed_on:
            _refuse_gradient(function, args, kwargs)
        return function(*arrays, **plain(kwargs))
    if function.__module__ == "numpy":  # the original, after the book's nnfs.init() has replaced it
        replacement = getattr(np, function.__name__, None)
        if replacement in answers:
            return answers[replacement](*args, **kwargs)
    raise TypeError(_no_rule(f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)))


def _refuse_gradient(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise an error if the result of `function` depends smoothly on a tensor that requires a gradient."""
    name, position = passed_on[function]
    argument = kwargs.get(name, args[position] if position < len(args) else None)
    if getattr(argument, "requires_grad", False):
        raise TypeError(
            f"np.{function.__name__}: the result depends on {name!r}, a tensor that requires a gradient, but has no "
            f"derivative rule. Pass {name}.detach(), or compute it with operations of tensorgrad."
        )


def _name_of(ufunc: np.ufunc) -> str:
    """Return the name of a ufunc, which may be that of another library."""
    return f"np.{ufunc.__name__}" if getattr(np, ufunc.__name__, None) is ufunc else ufunc.__name__


def _no_rule(name: str) -> str:
    return (
        f"{name} has no derivative rule in tensorgrad, and computing it on the plain array would lose the gradient. "
        f"Pass t.detach().numpy() if none is needed, or declare one with @tg.op(x=lambda g, x: ..., numpy={name})."
    )
