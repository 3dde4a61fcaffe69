"""Minimisation with SciPy: functions of nested containers, exact gradients and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.tensor import Tensor, checked_array, plain
from tensorgrad.transforms.functional import hessian, hvp, jacobian, value_and_grad
from tensorgrad.transforms.trees import leaves, rebuilt

__all__ = ["minimize"]

_USES_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
_USES_HESSIAN = frozenset({"dogleg", "trust-exact"})
_WITHOUT_GRADIENT = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})


def minimize(
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: str | None = None,
    bounds: tuple[Any, Any] | None = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[[Any], Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Minimise `f` with `scipy.optimize.minimize`, which receives the gradients and second derivatives that it needs.

    Args:
        f: a function that returns a single number. It is called as `f(x, *args)`, where `x` is a container like `x0`
            of float64 tensors.
        x0: the starting point: an array or a tensor, or tuples, lists and dicts of them, arbitrarily nested. The values
            are copied. They may have any real dtype; SciPy computes in float64.
        args: further arguments of `f`, passed unchanged.
        method: one of SciPy's methods. Default: BFGS; with bounds L-BFGS-B; with constraints SLSQP. `Newton-CG`,
            `trust-ncg`, `trust-krylov` and `trust-constr` receive Hessian-vector products, `dogleg` and `trust-exact`
            the Hessian.
        bounds: a pair (low, high). Each is None, a number, or a container like `x0` of values that broadcast to the
            arrays in `x0`. SciPy's pairs, one for each element of an array, become `np.transpose(pairs).tolist()`.
        constraints: a dict as in SciPy, or several: `{"type": "eq", "fun": c}` for c(x) = 0, or `"ineq"` for
            c(x) ≥ 0. c is called like `f` and returns a tensor. Its Jacobian is passed to SciPy.
        tol: the tolerance for termination.
        callback: called as `callback(x)` with a container of arrays after each iteration. It may raise `StopIteration`.
        options: options of the method.

    Returns:
        SciPy's `OptimizeResult`. Its `x` is a container like `x0` of arrays of the same dtypes (float64 for integers),
        and so is `jac`, the gradient.

    Raises:
        ImportError: SciPy is not installed.
        TypeError: `f` does not return one floating-point number, its result at `x0` has no gradient although the method
            uses one, or `method` is not a name.
        ValueError: `x0` is empty, or `bounds` does not match it.

    >>> import tensorgrad as tg
    >>> result = minimize(lambda p: (p["a"] - 3) ** 2 + tg.sum((p["b"] + p["a"]) ** 2), {"a": 0.0, "b": [1.0, 2.0]})
    >>> result.x["a"].round(3), result.x["b"][1].round(3)
    (np.float64(3.0), np.float64(-3.0))
    """
    optimize = _scipy_optimize()
    space = _Space(x0)
    at_start = space.flat(x0)

    with_gradient = _with_gradient(f)

    def value_and_slope(point: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        value, slope = value_and_grad(with_gradient)(space.container(point), *args)
        return value.item(), space.flat(slope)

    def at(tree: Any) -> Any:
        return f(tree, *args)

    if not isinstance(method, str | None):
        raise TypeError(f"minimize: method must be a name such as 'L-BFGS-B', or None, got {method!r}.")
    name = "" if method is None else method.lower()
    second: dict[str, Any] = {}
    if name in _USES_PRODUCTS:
        second["hessp"] = lambda point, v: space.flat(hvp(at, space.container(point), space.container(v)))
    elif name in _USES_HESSIAN:
        second["hess"] = lambda point: hessian(lambda flat: at(space.container(flat)))(point).data
    if name in _WITHOUT_GRADIENT:
        function: Any = lambda point: Tensor(plain(at(space.container(point)))).item()  # noqa: E731
    else:
        function, second["jac"] = value_and_slope, True
    given = [constraints] if isinstance(constraints, dict) else list(constraints)
    result = optimize.minimize(
        function,
        at_start,
        method=method,
        bounds=None if bounds is None else optimize.Bounds(*space.bounds(bounds)),
        constraints=[_constraint(each, space, optimize, name) for each in given],
        tol=tol,
        callback=None if callback is None else lambda point, *_: callback(space.original(point)),
        options=options,
        **second,
    )
    result.x = space.original(result.x)
    if name not in _WITHOUT_GRADIENT and np.shape(result.get("jac")) == at_start.shape:
        result.jac = space.original(result.jac)
    return result


def _scipy_optimize() -> Any:
    try:
        from scipy import optimize
    except ImportError as error:
        raise ImportError('tg.minimize needs SciPy: pip install "tensorgrad[scipy]"') from error
    return optimize


def _with_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` with a check that its first result, at the starting point, has a gradient.

    Without a gradient, SciPy would return the starting point as the minimum. Later results may be constants, such as
    `np.inf` where a constraint is violated.
    """
    is_first = True

    def checked(*args: Any) -> Any:
        nonlocal is_first
        try:
            value = f(*args)
        except TypeError as error:
            if isinstance(args[0], (tuple, list)):
                error.add_note(
                    f"minimize: x0 is a {type(args[0]).__name__}, so x is one, too. Pass np.array(x0) for a tensor."
                )
            raise
        constant = isinstance(value, (float, np.floating, np.ndarray))
        if is_first and (constant or (isinstance(value, Tensor) and not value.requires_grad)):
            raise TypeError(
                f"minimize: expected a tensor computed from x, got {value!r} at x0, which has no gradient. item(), "
                "float(), .data and detach() leave the graph. To minimise without gradients, pass "
                'method="Nelder-Mead".'
            )
        is_first = False
        return value

    return checked


class _Space:
    """Conversion between containers like `x0` and the vectors that SciPy uses."""

    def __init__(self, x0: Any) -> None:
        self.tree = x0
        arrays = [checked_array(plain(leaf)) for leaf in leaves(x0)]
        self.shapes = [array.shape for array in arrays]
        self.dtypes = [array.dtype if array.dtype.kind == "f" else np.dtype(float) for array in arrays]
        self.ends = np.cumsum([array.size for array in arrays])
        if not arrays or not self.ends[-1]:
            raise ValueError("minimize: expected at least one number in x0, got none.")

    def flat(self, tree: Any) -> NDArray[np.float64]:
        """Return the values of a container as one vector."""
        return np.concatenate([np.ravel(np.asarray(plain(leaf), np.float64)) for leaf in leaves(tree)])

    def parts(self, vector: Any) -> Iterator[Any]:
        """Yield the part of a vector, or of a tensor, that belongs to each array, in its shape."""
        starts = [0, *self.ends[:-1]]
        return (vector[start:end].reshape(s) for start, end, s in zip(starts, self.ends, self.shapes))

    def container(self, vector: Any) -> Any:
        """Return a vector as a container like `x0`."""
        return rebuilt(self.tree, self.parts(vector))

    def original(self, vector: NDArray[Any]) -> Any:
        """Return a copy of a vector as a container like `x0`, with its dtypes."""
        return rebuilt(self.tree, (np.array(part, dtype) for part, dtype in zip(self.parts(vector), self.dtypes)))

    def bounds(self, bounds: tuple[Any, Any]) -> Sequence[NDArray[np.float64]]:
        """Return the lower and the upper bound of each element.

        Raises:
            ValueError: `bounds` is not a pair, or one of the bounds does not match `x0`.
        """
        if not isinstance(bounds, (tuple, list)):
            raise ValueError(f"minimize: expected bounds (low, high), got {bounds!r}.")
        pairs = not isinstance(self.tree, (tuple, dict)) and any(isinstance(each, tuple) for each in bounds)
        if len(bounds) != 2 or pairs:
            hint = (
                " SciPy's pairs for each element become np.transpose(pairs).tolist(). For several elements, low and "
                "high must be lists or arrays, not tuples."
            )
            raise ValueError(f"minimize: expected bounds (low, high), got {bounds!r}.{hint if pairs else ''}")
        return [self._bound(bound, free) for bound, free in zip(bounds, (-np.inf, np.inf))]

    def _bound(self, bound: Any, free: float) -> NDArray[np.float64]:
        given = (free if each is None else plain(each) for each in _spread(bound, self.tree))
        return self.flat([np.broadcast_to(each, shape) for each, shape in zip(given, self.shapes)])


def _spread(bound: Any, tree: Any) -> list[Any]:
    """Return the part of a bound that belongs to each leaf of `tree`; one number, or None, belongs to all of them."""
    if isinstance(tree, (tuple, list, dict)) and not isinstance(bound, (tuple, list, dict)):
        return [bound] * len(leaves(tree))
    if isinstance(tree, dict) and isinstance(bound, dict) and tree.keys() == bound.keys():
        return [each for key, branch in tree.items() for each in _spread(bound[key], branch)]
    if isinstance(tree, (tuple, list)) and isinstance(bound, (tuple, list)) and len(tree) == len(bound):
        return [each for part, branch in zip(bound, tree) for each in _spread(part, branch)]
    if isinstance(tree, (tuple, list, dict)):
        raise ValueError(f"minimize: expected a bound like the {type(tree).__name__} {tree!r} in x0, got {bound!r}.")
    return [bound]


def _constraint(constraint: Any, space: _Space, optimize: Any, method: str) -> Any:
    """Return a constraint on vectors with its Jacobian and, for `trust-constr`, second derivatives."""
    if not isinstance(constraint, dict) or "fun" not in constraint or constraint.get("type") not in ("eq", "ineq"):
        raise TypeError(
            f'minimize: expected constraints as dicts {{"type": "eq" or "ineq", "fun": c}}, got {constraint!r}.'
        )
    function, more = constraint["fun"], constraint.get("args", ())

    def at(vector: Any) -> Any:
        value = function(space.container(vector), *more)
        return value if isinstance(value, Tensor) else Tensor(value)

    def values(point: Any) -> Any:
        return np.ravel(at(point).data)

    def slopes(point: Any) -> Any:
        return jacobian(at)(point).data.reshape(-1, point.size)

    if method != "trust-constr":
        return {"type": constraint.get("type"), "fun": values, "jac": slopes}
    upper = 0.0 if constraint.get("type") == "eq" else np.inf
    curvature = lambda point, v: hessian(lambda p: (at(p).reshape(-1) * v).sum())(point).data  # noqa: E731
    return optimize.NonlinearConstraint(values, 0.0, upper, slopes, curvature)
