"""NumPy's protocols: the operations that implement NumPy's functions for tensors.

`np.exp(t)` calls the tensor's protocol method (NEP 13 for ufuncs, NEP 18 for other functions), which calls the
operation declared with `numpy=np.exp`. Functions without a useful derivative (comparisons, shape queries) run on the
plain arrays. Every other function raises an error, because its result would silently lose the gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import has_values

answers: dict[Callable[..., Any], Callable[..., Any]] = {}
"""NumPy function -> operation, filled by `@op(numpy=...)`."""

later: list[Callable[[], None]] = []
"""Functions that declare further operations. Called before a ufunc is rejected: SciPy may have been imported by now."""


def _functions(names: str) -> frozenset[Callable[..., Any]]:
    """Return NumPy's functions of these names, as far as the installed version has them."""
    return frozenset(getattr(np, name) for name in names.split() if hasattr(np, name))


numpy_only: frozenset[Callable[..., Any]] = _functions(
    "argwhere bincount flatnonzero in1d intersect1d nonzero setdiff1d setxor1d union1d unique unique_all unique_counts "
    "unique_inverse unique_values"
)
"""Functions without a derivative whose results have a shape that depends on the values."""


not_differentiable: frozenset[Callable[..., Any]] = (
    numpy_only
    | {np.linalg.matrix_rank}
    | _functions(
        """
        equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not logical_xor
        isfinite isinf isnan isneginf isposinf isreal iscomplex signbit isclose allclose array_equal array_equiv isin
        bitwise_and bitwise_or bitwise_xor bitwise_count invert left_shift right_shift gcd lcm packbits unpackbits
        all any argmax argmin argpartition argsort count_nonzero lexsort nanargmax nanargmin searchsorted digitize
        unravel_index ravel_multi_index diag_indices_from tril_indices_from triu_indices_from ix_
        histogram histogram2d histogram_bin_edges histogramdd
        shape ndim size result_type can_cast common_type min_scalar_type iscomplexobj isrealobj broadcast_shapes
        shares_memory may_share_memory einsum_path zeros_like ones_like empty_like full_like
        array2string array_repr array_str save savez savez_compressed savetxt
        """
    )
)
"""Functions whose results have no derivative, or the derivative 0: NumPy computes them on the plain arrays."""


passed_on: dict[Callable[..., Any], tuple[tuple[str, int], ...]] = {
    np.bincount: (("weights", 1),),
    np.histogram: (("weights", 4),),
    np.histogram2d: (("weights", 5),),
    np.histogramdd: (("weights", 4),),
    np.full_like: (("fill_value", 1),),
    np.unique: (("ar", 0),),
    **dict.fromkeys((np.intersect1d, np.setdiff1d, np.setxor1d, np.union1d), (("ar1", 0), ("ar2", 1))),
    **dict.fromkeys((np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values), (("x", 0),)),
}
"""Functions among them whose results contain values of some arguments: their names and positions."""


written_into: dict[Callable[..., Any], str] = {
    np.copyto: "t[...] = values",
    np.fill_diagonal: "t[range(n), range(n)] = values",
    np.place: "t[mask] = values",
    np.put: "t[np.unravel_index(indices, t.shape)] = values",
    np.putmask: "t[mask] = values",
}
"""Functions that write to their first argument, and the assignments that replace them."""

ufunc_methods: dict[str, Callable[..., Any]] = {}
"""Method of ufuncs -> function of the ufunc, the operation that answers it, and the arguments: `ops.ufunc_methods`."""


def answer_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any], plain: Callable[[Any], Any]
) -> Any:
    """Return the result of `ufunc(*inputs)` when one of the inputs is a tensor."""
    name = _name_of(ufunc) + ("" if method == "__call__" else f".{method}")
    if ufunc in not_differentiable:
        written = inputs[:1] if method == "at" else kwargs.get("out", ())
        if any(hasattr(each, "requires_grad") for each in written):
            _refuse(name, {"a" if method == "at" else "out"})
        return getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
    for declare in later if ufunc not in answers else ():
        declare()
    if ufunc not in answers:
        raise TypeError(_no_rule(name))
    operation = answers[ufunc]
    if method != "__call__":
        direct = answers.get(getattr(ufunc, method))
        _refuse(name, {"out"} & kwargs.keys())
        if direct is not None:
            return direct(*inputs, **{"axis": 0, **kwargs})
        return ufunc_methods[method](ufunc, operation, *inputs, **kwargs)
    if kwargs:
        if kwargs.get("where") is True:
            del kwargs["where"]
        inputs = _converted(ufunc, inputs, kwargs)
        _refuse(name, kwargs.keys() - inspect.signature(operation).parameters.keys())
    return operation(*inputs, **kwargs)


def _refuse(name: str, arguments: Collection[str]) -> None:
    if arguments:
        raise TypeError(
            f"{name}: the arguments {', '.join(map(repr, arguments))} cannot be used with tensors: "
            "a tensor is a value and is not written into. Use the result instead, or select from it with tg.where."
        )


def _converted(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return the inputs in the dtypes that the options `dtype` and `casting` require. The options are removed."""
    dtype, casting = kwargs.pop("dtype", None), kwargs.pop("casting", "same_kind")
    if dtype is None and casting == "same_kind":
        return inputs
    results = (None,) * ufunc.nout
    given = [type(x) if isinstance(x, (int, float)) else np.result_type(x) for x in inputs]
    wish: dict[str, Any] = {} if dtype is None else {"signature": (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout}
    dtypes = ufunc.resolve_dtypes((*given, *results), casting=casting, **wish)
    return tuple(
        x if isinstance(x, (int, float)) else (x if hasattr(x, "astype") else np.asarray(x)).astype(wanted)
        for x, wanted in zip(inputs, dtypes)
    )


def answer_function(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], plain: Callable[[Any], Any]
) -> Any:
    """Return the result of `function(*args, **kwargs)` when one of the arguments is a tensor."""
    if function in answers:
        return answers[function](*args, **kwargs)
    if function in not_differentiable:
        arrays = plain(args)
        if function in numpy_only and not all(map(has_values, arrays)):
            raise _messages.numpy_only(function.__name__, "the shape of the result depends on the values")
        if function in passed_on:
            _refuse_gradient(function, args, kwargs)
        return function(*arrays, **plain(kwargs))
    if function.__module__ == "numpy":  # the original, after the book's nnfs.init() has replaced it
        replacement = getattr(np, function.__name__, None)
        if replacement in answers:
            return answers[replacement](*args, **kwargs)
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    if function in written_into:
        raise TypeError(f"{name}: a tensor is a value and is not written into. Assign: {written_into[function]}.")
    raise TypeError(_no_rule(name))


def _refuse_gradient(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise an error if the result of `function` depends smoothly on a tensor that requires a gradient."""
    for name, position in passed_on[function]:
        argument = kwargs.get(name, args[position] if position < len(args) else None)
        if getattr(argument, "requires_grad", False):
            raise TypeError(
                f"np.{function.__name__}: the result depends on {name!r}, a tensor that requires a gradient, but has "
                f"no derivative rule. Pass {name}.detach(), or compute it with operations of tensorgrad."
            )


def _name_of(ufunc: np.ufunc) -> str:
    """Return the name of a ufunc, which may be that of another library."""
    return f"np.{ufunc.__name__}" if getattr(np, ufunc.__name__, None) is ufunc else ufunc.__name__


def _no_rule(name: str) -> str:
    return (
        f"{name} has no derivative rule in tensorgrad, and computing it on the plain array would lose the gradient. "
        f"Pass t.detach().numpy() if none is needed, or declare one with @tg.op(x=lambda g, x: ..., numpy={name})."
    )
