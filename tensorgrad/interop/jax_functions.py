"""JAX: our functions in its programs, and its functions in our graphs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.interop._calls import array_of, recorded
from tensorgrad.modes import no_grad
from tensorgrad.tensor import Tensor, plain
from tensorgrad.transforms.functional import vjp


def _jax(name: str) -> Any:
    try:
        import jax
    except ImportError as error:
        raise ImportError(f"{name} needs JAX: pip install jax") from error
    return jax


# -- our functions in JAX's programs ----------------------------------------------------------------------


def jax_function(f: Callable[..., Any], *, result: Any = None) -> Callable[..., Any]:
    """Return `f`, a function of tensorgrad tensors, as a function of JAX arrays with a derivative.

    It works in `jax.grad`, `jax.vjp`, `jax.jacrev`, `jax.vmap` (one call for each element) and `jax.jit`, which calls
    back to Python on the CPU. To compile a function with XLA instead, write it for JAX.

    Args:
        f: called with a tensorgrad tensor in the place of each array among its positional arguments, which may be
            pytrees. It returns a tensor, or a pytree of tensors. The shapes and dtypes of the result depend only on
            those of the arguments. `f` must have no side effects. Tensors that it uses but that are not among its
            arguments are constants.
        result: objects with the shape and the dtype of each array in the result, such as `jax.ShapeDtypeStruct`, in the
            same pytree. By default they are found by calling `f` with arrays of ones; matrices that are square have
            larger numbers on the diagonal, so that they are positive definite.

    Returns:
        A function that returns JAX arrays in the pytree that `f` returns. Derivatives of any order are supported in
        reverse mode. Forward mode (`jax.jvp`, `jax.jacfwd`, `jax.hessian`) raises JAX's error for custom derivatives;
        use `jax.jacrev(jax.grad(g))` for Hessians.

    Raises:
        ImportError: JAX is not installed.

    Examples:
        norm = jax_function(tg.linalg.norm)
        jax.jit(jax.grad(norm))(jax.numpy.array([3.0, 4.0]))  # Array([0.6, 0.8], dtype=float32)
    """
    jax = _jax("jax_function")
    tree = jax.tree_util

    @functools.wraps(f, updated=())
    def of_jax_arrays(*args: Any) -> Any:
        flat, structure = tree.tree_flatten(args)
        arrays = [jax.numpy.asarray(each) for each in flat]
        kinds, kind_structure = tree.tree_flatten(result if result is not None else _result_of(f, structure, arrays))

        def of_leaves(*tensors: Any) -> list[Any]:
            return list(tree.tree_leaves(f(*tree.tree_unflatten(structure, tensors))))

        return tree.tree_unflatten(kind_structure, _custom(of_leaves, arrays, kinds))

    return of_jax_arrays


def _custom(f: Callable[..., list[Any]], arrays: list[Any], kinds: list[Any]) -> list[Any]:
    """Return the results of `f`, a function from tensors to a list of tensors, as JAX arrays with a derivative rule."""
    jax = _jax("jax_function")
    floating = [jax.numpy.issubdtype(array.dtype, np.floating) for array in arrays]
    carrying = [np.issubdtype(kind.dtype, np.floating) for kind in kinds]
    slopes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array, moves in zip(arrays, floating) if moves]

    def on_the_host(*values: Any) -> list[NDArray[Any]]:
        with no_grad():
            results = f(*(Tensor(np.asarray(value)) for value in values))
        return [np.asarray(plain(each), kind.dtype) for each, kind in zip(results, kinds, strict=True)]

    def on_the_device(*values: Any) -> Any:
        return jax.pure_callback(on_the_host, kinds, *values, vmap_method="sequential")

    call = jax.custom_vjp(on_the_device)

    def forward(*values: Any) -> Any:
        return call(*values), values

    def backward(values: Any, upstream: Any) -> Any:
        given = [g for g, carries in zip(upstream, carrying) if carries]
        found = iter(_custom(_pullback(f, floating, carrying), [*values, *given], slopes))
        return tuple(next(found) if moves else None for moves in floating)

    call.defvjp(forward, backward)
    return list(call(*arrays))


def _result_of(f: Callable[..., Any], structure: Any, arrays: list[Any]) -> Any:
    """Return the shapes and dtypes of the result of `f`, found by calling it."""
    jax = _jax("jax_function")
    tensors = [Tensor(_positive(array.shape, array.dtype)) for array in arrays]
    try:
        with no_grad(), np.errstate(all="ignore"):
            found = f(*jax.tree_util.tree_unflatten(structure, tensors))
    except Exception as error:
        error.add_note(
            "jax_function called the function with arrays of ones to find the shape of its result. If it does not "
            "accept them, pass jax_function(f, result=jax.ShapeDtypeStruct(shape, dtype))."
        )
        raise
    return jax.tree_util.tree_map(lambda each: _kind_of(np.asarray(plain(each))), found)


def _positive(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return ones, plus n on the diagonal of n × n matrices, which are then positive definite."""
    ones = np.ones(shape, dtype)
    square = len(shape) >= 2 and shape[-1] == shape[-2] and ones.dtype.kind != "b"
    return ones + np.eye(shape[-1], dtype=dtype) * shape[-1] if square else ones


def _kind_of(array: NDArray[Any]) -> Any:
    jax = _jax("jax_function")
    return jax.ShapeDtypeStruct(array.shape, jax.dtypes.canonicalize_dtype(array.dtype))


def _pullback(f: Callable[..., list[Any]], floating: list[bool], carrying: list[bool]) -> Callable[..., list[Any]]:
    """Return the gradients with respect to floating-point inputs, as a function of inputs and upstream gradients."""
    count = len(floating)

    def pullback(*inputs_and_upstream: Any) -> list[Any]:
        inputs, upstream = inputs_and_upstream[:count], inputs_and_upstream[count:]

        def of_moving(*moved: Any) -> list[Any]:
            rest = iter(moved)
            results = f(*(next(rest) if moves else each for each, moves in zip(inputs, floating)))
            return [result for result, carries in zip(results, carrying) if carries]

        _, pull = vjp(of_moving, *(each for each, moves in zip(inputs, floating) if moves))
        return list(pull(list(upstream)))

    return pullback


# -- JAX's functions in our graphs ------------------------------------------------------------------------


def from_jax(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f`, a function of JAX arrays, as a function of tensorgrad tensors with derivatives of any order.

    Args:
        f: called with a JAX array in the place of each tensorgrad tensor and each array among its positional arguments,
            which may be pytrees; other arguments are passed unchanged. It returns an array, or a pytree of arrays. It
            may be compiled with `jax.jit`.

    Returns:
        A function that returns tensorgrad tensors in the pytree that `f` returns.

    Raises:
        ImportError: JAX is not installed.
        TypeError: an argument is float64, but JAX is set to compute in float32.

    Examples:
        softplus = from_jax(jax.jit(jax.nn.softplus))
        x = tg.tensor([1.0, -2.0], dtype=np.float32, requires_grad=True)
        softplus(x).sum().backward()  # x.grad is array([0.7310586 , 0.11920291], dtype=float32)
    """
    jax = _jax("from_jax")
    tree = jax.tree_util

    @functools.wraps(f, updated=())
    def of_tensors(*args: Any) -> Any:
        every, structure = tree.tree_flatten(args)
        places = [place for place, leaf in enumerate(every) if isinstance(leaf, (Tensor, np.ndarray))]
        inputs = [every[place] for place in places]

        def of_leaves(*arrays: Any) -> Any:
            filled = list(every)
            for place, array in zip(places, arrays):
                filled[place] = array
            return f(*tree.tree_unflatten(structure, filled))

        call = _JaxCall(of_leaves, inputs)
        return tree.tree_unflatten(call.structure, recorded(inputs, call))

    return of_tensors


class _JaxCall:
    """One call of a JAX function, and the function that computes its gradients."""

    def __init__(self, f: Callable[..., Any], inputs: list[Any]) -> None:
        jax = _jax("from_jax")
        self.f = f
        self.arrays = [_as_jax(array_of(each)) for each in inputs]
        self.moves = [isinstance(each, Tensor) and each.requires_grad for each in inputs]
        moving = [array for array, moves in zip(self.arrays, self.moves) if moves]
        self.pull: Any = None
        if moving:
            result, self.pull = jax.vjp(self._of_moving, *moving)
        else:
            result = f(*self.arrays)
        self.results, self.structure = jax.tree_util.tree_flatten(result)
        self.outputs = [np.array(each) for each in self.results]

    def _of_moving(self, *moved: Any) -> Any:
        rest = iter(moved)
        return self.f(*(next(rest) if moves else array for array, moves in zip(self.arrays, self.moves)))

    def gradients(self, upstream: list[Any], wanted: Sequence[bool]) -> list[Any]:
        jax = _jax("from_jax")
        given = [_cotangent(g, result) for g, result in zip(upstream, self.results)]
        found = iter(self.pull(jax.tree_util.tree_unflatten(self.structure, given)))
        every = [next(found) if moves else None for moves in self.moves]
        return [np.asarray(g) if need else None for g, need in zip(every, wanted)]

    def again(self, wanted: Sequence[bool]) -> Callable[..., Any]:
        jax = _jax("from_jax")
        count = len(self.arrays)

        def pulled_back(*inputs_and_upstream: Any) -> tuple[Any, ...]:
            inputs, upstream = inputs_and_upstream[:count], inputs_and_upstream[count:]

            def of_wanted(*moved: Any) -> Any:
                rest = iter(moved)
                return self.f(*(next(rest) if need else each for each, need in zip(inputs, wanted)))

            _, pull = jax.vjp(of_wanted, *(each for each, need in zip(inputs, wanted) if need))
            given = [_cotangent(g, result) for g, result in zip(upstream, self.results)]
            return tuple(pull(jax.tree_util.tree_unflatten(self.structure, given)))

        return from_jax(pulled_back)


def _as_jax(array: NDArray[Any]) -> Any:
    """Return an array as a JAX array of the same dtype."""
    jax = _jax("from_jax")
    if array.dtype == np.float64 and jax.dtypes.canonicalize_dtype(np.float64) != np.float64:
        raise TypeError(
            "from_jax: got a float64 argument, but JAX is set to compute in float32. Convert it with "
            't.astype(np.float32), or call jax.config.update("jax_enable_x64", True).'
        )
    return jax.numpy.array(array)


def _cotangent(g: Any, result: Any) -> Any:
    """Return an upstream gradient in the dtype that JAX expects; results of integers have none."""
    jax = _jax("from_jax")
    if not jax.numpy.issubdtype(result.dtype, np.floating):
        return np.zeros(result.shape, jax.dtypes.float0)
    return jax.numpy.asarray(g, result.dtype)
