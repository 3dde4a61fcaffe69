"""Transformations of functions into functions that return derivatives.

Arguments may be numbers, arrays, tensors, or tuples, lists and dicts of them. Results are tensors. Transforms nest:
results remain differentiable if an argument is a tensor that an outer transform (or the user) is differentiating.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np

from tensorgrad import ops
from tensorgrad.backward import topological_order
from tensorgrad.modes import current_mode, enable_grad
from tensorgrad.tensor import Tensor, checked_array
from tensorgrad.transforms.forward_mode import push_forward
from tensorgrad.transforms.gradient import gradient
from tensorgrad.transforms.trees import leaves, mapped, rebuilt

Argnums = int | Sequence[int]
INTEGERS = (int, np.integer)


def grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the gradient of `f`.

    Args:
        f: a function of arrays whose result is a single number (with `has_aux`, a pair of that and anything).
        argnums: the position of the argument to differentiate with respect to, or several positions.
        has_aux: whether `f` returns (number, more).

    Returns:
        A function of the same arguments. It returns the gradient, shaped like the argument (a tuple, for several);
        with `has_aux`, the pair (gradient, `more`).

    Raises:
        ValueError: when called, if the result of `f` is not a single number.
        TypeError: `argnums` is neither an integer nor a sequence of integers; when called: an argument holds integers.

    >>> import numpy as np
    >>> slope = grad(lambda x: np.sum(x**3))
    >>> slope(np.array([1.0, 2.0]))
    Tensor([ 3., 12.])
    >>> grad(grad(lambda x: x**3))(2.0)
    Tensor(12.)
    >>> grad(lambda p: p["w"] * p["b"])({"w": 2.0, "b": 3.0})
    {'w': Tensor(3.), 'b': Tensor(2.)}
    """
    _check_argnums("grad", argnums)
    both = value_and_grad(f, argnums, has_aux=has_aux)

    def gradient_of_f(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return gradient_of_f


@overload
def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: Literal[False] = False
) -> Callable[..., tuple[Tensor, Any]]: ...


@overload
def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool) -> Callable[..., tuple[Any, Any]]: ...


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that computes the result of `f` and its gradient, at the cost of the gradient alone.

    Args and raises: as in `grad`.

    Returns:
        A function of the same arguments that returns (value, gradient); with `has_aux`, ((value, more), gradient).

    >>> value_and_grad(lambda x: x * x)(3.0)
    (Tensor(9.), Tensor(6.))
    """

    _check_argnums("value_and_grad", argnums)

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = _Call(f, args, kwargs, argnums, has_aux=has_aux)
        value = call.single_tensor("grad")
        if value.size != 1:
            raise ValueError(
                f"grad: the function must return a single number, got shape {value.shape}. "
                "Reduce it (sum or mean), or use jacobian."
            )
        gradients = call.shaped_like_arguments(call.pulled_back(value, None))
        value = call.outside(value)
        return ((value, call.aux) if has_aux else value), gradients

    return value_and_gradient


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Return the result of `f` and a function that computes vector-Jacobian products.

    Returns:
        (out, pullback). `pullback(cotangent)`, with a cotangent shaped like `out`, returns a tuple with vᵀJ for each
        primal. It may be called any number of times.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> out, pullback(10.0)
    (Tensor(6.), (Tensor(30.), Tensor(20.)))
    """
    call = _Call(f, primals, {}, range(len(primals)))
    out = call.out

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        starts = leaves(cotangent)
        results = leaves(out)
        if [np.shape(start) for start in starts] != [np.shape(result) for result in results]:
            raise ValueError(
                f"vjp: expected a cotangent of shape {[np.shape(r) for r in results]}, "
                f"got {[np.shape(s) for s in starts]}."
            )
        pulled: list[Any] = [None] * len(call.inputs)
        for result, start in zip(results, starts):
            if isinstance(result, Tensor) and result.requires_grad:
                more = call.pulled_back(result, start)
                pulled = [b if a is None else a if b is None else a + b for a, b in zip(pulled, more)]
        shaped = call.shaped_like_arguments(pulled)
        return shaped if isinstance(shaped, tuple) else (shaped,)

    return mapped(call.outside, out), pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return the result of `f` at `primals` and the Jacobian-vector product J·v for `tangents`.

    Args:
        primals: a tuple of the arguments.
        tangents: a tuple with one tangent for each primal, of the same shape.

    Returns:
        (out, tangent), both shaped like the result of `f`.

    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (Tensor(6.), Tensor(23.))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(
            "jvp: expected tuples with the arguments and their tangents, as in jvp(f, (x,), (v,)), got "
            f"{type(primals).__name__} and {type(tangents).__name__}."
        )
    call = _Call(f, tuple(primals), {}, range(len(primals)))
    moves = leaves(tuple(tangents))
    if [np.shape(move) for move in moves] != [each.shape for each in call.inputs]:
        raise ValueError(
            f"jvp: expected tangents of shapes {[each.shape for each in call.inputs]}, "
            f"got {[np.shape(move) for move in moves]}."
        )
    return mapped(call.outside, call.out), mapped(lambda out: call.pushed_forward(out, moves), call.out)


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of `f` with respect to an argument.

    Args:
        f: a function whose result is a tensor of any shape, or a container of them.
        argnums: the position of the argument to differentiate with respect to, or several (then the result is a tuple).

    Returns:
        A function of the same arguments. For a result of shape R and an argument of shape A it returns a tensor of
        shape R + A, computed by columns or by rows, whichever are fewer. For containers, each result is replaced by a
        container like the argument.

    >>> import numpy as np
    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]])
    """

    _check_argnums("jacobian", argnums)

    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums)
        return mapped(lambda out: call.jacobian_of(out if isinstance(out, Tensor) else Tensor(out)), call.out)

    return jacobian_of_f


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that computes the Hessian of `f`: for an argument of shape A, a tensor of shape A + A.

    For a container, or several arguments, it returns the derivative of each part's gradient with respect to each part.

    >>> import numpy as np
    >>> hessian(lambda x: np.prod(x))(np.array([2.0, 3.0]))
    Tensor([[0., 1.],
            [1., 0.]])
    """
    _check_argnums("hessian", argnums)
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """Return the Hessian of `f` at `x` times `v`, without forming the Hessian: the gradient of ⟨∇f(x), v⟩.

    Args:
        f: a function of one argument whose result is a single number.
        x, v: containers of arrays of the same shapes.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    Tensor([  6., 120.])
    """
    call = _Call(f, (x,), {}, 0)
    value = call.single_tensor("hvp")
    if value.size != 1:
        raise ValueError(f"hvp: the function must return a single number, got shape {value.shape}.")
    directions = leaves(v)
    if [np.shape(d) for d in directions] != [each.shape for each in call.inputs]:
        raise ValueError(
            f"hvp: expected v of shapes {[each.shape for each in call.inputs]}, "
            f"got {[np.shape(d) for d in directions]}."
        )
    slopes = gradient(value, call.inputs, create_graph=True, allow_unused=True) if value.requires_grad else []
    used = [(s, d) for s, d in zip(slopes, directions) if s is not None and s.requires_grad]
    if not used:
        return call.shaped_like_arguments([None] * len(call.inputs))
    products = gradient(
        [s for s, _ in used],
        call.inputs,
        grad_outputs=[d for _, d in used],
        create_graph=call.nested,
        allow_unused=True,
    )
    return call.shaped_like_arguments(list(products))


def _check_argnums(name: str, argnums: Any) -> None:
    several = isinstance(argnums, (tuple, list, range)) and all(isinstance(each, INTEGERS) for each in argnums)
    if not isinstance(argnums, INTEGERS) and not several:
        raise TypeError(
            f"{name}: argnums must be one or several integers, got {type(argnums).__name__}. {name} returns a "
            f"function: write {name}(f)(x)."
        )


class _Call:
    """One call of a function, recorded with new tensors for the arguments to differentiate with respect to."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: Any, argnums: Argnums, *, has_aux: bool = False
    ) -> None:
        self.numbers = [argnums] if isinstance(argnums, INTEGERS) else list(argnums)
        self.single = isinstance(argnums, INTEGERS)
        if any(not -len(args) <= n < len(args) for n in self.numbers):
            raise ValueError(f"argnums {argnums}: the function was called with {len(args)} positional arguments.")
        if len({n % len(args) for n in self.numbers}) < len(self.numbers):
            raise ValueError(f"argnums {argnums}: an argument is named twice.")
        self.recording = current_mode().recording
        self.arguments = [args[n] for n in self.numbers]
        with enable_grad():
            self.inputs = [_fresh(leaf) for leaf in leaves(self.arguments)]
            replaced = list(args)
            for number, argument in zip(self.numbers, rebuilt(self.arguments, iter(self.inputs))):
                replaced[number] = argument
            result = f(*replaced, **kwargs)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError(f"has_aux: the function must return a pair (value, more), got a {type(result).__name__}.")
        self.out, more = result if has_aux else (result, None)
        self.aux = mapped(self.outside, more)
        self.nested = self._depends_on_others(leaves(self.out))

    def _depends_on_others(self, values: list[Any]) -> bool:
        """Return whether an outer computation is being differentiated too, so that derivatives must be recorded."""
        if not self.recording:
            return False
        own = {each.node for each in self.inputs if each.is_leaf}
        nodes = [value.node for value in values if isinstance(value, Tensor) and value.node is not None]
        return any(node.operation is None and node not in own for node in topological_order(nodes))

    def single_tensor(self, name: str) -> Tensor:
        """Return the result, which must be one tensor (a plain number is a constant)."""
        if isinstance(self.out, (tuple, list, dict)):
            raise TypeError(f"{name}: the function must return one tensor, got a {type(self.out).__name__}.")
        if np.result_type(self.out).kind in "biu":
            raise TypeError(
                f"{name}: the function must return a floating-point number, got {np.result_type(self.out)}, which has "
                "no derivative. Comparisons, counts and indices are piecewise constant."
            )
        return self.out if isinstance(self.out, Tensor) else Tensor(self.out)

    def outside(self, value: Any) -> Any:
        """Return `value` for the caller: detached from the graph of this call, unless an outer transform needs it."""
        if not isinstance(value, Tensor) or self._depends_on_others([value]):
            return value
        return Tensor(value.array)

    def pulled_back(self, result: Tensor, start: Any) -> list[Any]:
        """Return the gradient of `result` with respect to each input; None for inputs it does not depend on."""
        if not result.requires_grad:
            return [None] * len(self.inputs)
        found = gradient(
            result,
            self.inputs,
            grad_outputs=start,
            create_graph=self.nested or _tracked(start),
            retain_graph=True,
            allow_unused=True,
        )
        return list(found)

    def pushed_forward(self, result: Any, tangents: Sequence[Any]) -> Tensor:
        """Return the tangent of `result` for the given `tangents` of the inputs."""
        if isinstance(result, Tensor) and result.node is not None:
            differentiable = self.nested or any(map(_tracked, tangents))
            moves = {
                each.node: move if _tracked(move) else checked_array(move, each.dtype)
                for each, move in zip(self.inputs, tangents)
                if each.node is not None
            }
            with enable_grad():
                moved = push_forward(result.node, moves, differentiable=differentiable)
            if moved is not None:
                return moved if isinstance(moved, Tensor) else Tensor(moved)
        return Tensor(np.zeros_like(result.array) if isinstance(result, Tensor) else np.zeros(np.shape(result)))

    def jacobian_of(self, out: Tensor) -> Any:
        """Return the Jacobian of `out`, in containers like the arguments."""
        if sum(each.size for each in self.inputs) < out.size:
            return self.shaped_like_arguments([self.columns(out, i) for i in range(len(self.inputs))])
        return self.shaped_like_arguments(self.rows(out))

    def rows(self, out: Tensor) -> list[Any]:
        """Return the Jacobian of `out` with respect to each input, using one backward pass per element of `out`."""
        passes = [self.pulled_back(out, unit) for unit in _units(out)]
        blocks = []
        for i, each in enumerate(self.inputs):
            rows = [np.zeros_like(each.array) if row[i] is None else row[i] for row in passes]
            stacked = ops.stack(rows) if rows else np.zeros_like(out.array, shape=0)
            blocks.append(ops.reshape(stacked, out.shape + each.shape))
        return blocks

    def columns(self, out: Tensor, i: int) -> Any:
        """Return the Jacobian of `out` with respect to input `i`, using one forward sweep per element of the input."""
        still = [np.zeros_like(each.array) for each in self.inputs]
        each = self.inputs[i]
        columns = [self.pushed_forward(out, [*still[:i], unit, *still[i + 1 :]]) for unit in _units(each)]
        stacked = ops.stack(columns, axis=-1) if columns else np.zeros_like(out.array, shape=0)
        return ops.reshape(stacked, out.shape + each.shape)

    def shaped_like_arguments(self, found: Sequence[Any]) -> Any:
        """Return the derivatives in containers like the arguments; 0 where there is no dependence."""
        tensors = [
            Tensor(np.zeros_like(each.array)) if one is None else one if isinstance(one, Tensor) else Tensor(one)
            for one, each in zip(found, self.inputs)
        ]
        shaped = rebuilt(self.arguments, iter(tensors))
        return shaped[0] if self.single else tuple(shaped)


def _fresh(value: Any) -> Tensor:
    """Return a tensor to differentiate with respect to: a new leaf, or a recorded copy if `value` is tracked."""
    return ops.copy(value) if _tracked(value) else Tensor(value, requires_grad=True)


def _tracked(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _units(like: Tensor) -> list[np.ndarray[Any, Any]]:
    """Return arrays like `like` with a single 1, at each position in turn."""
    zeros = np.zeros_like(like.array)
    return [zeros + unit.reshape(like.shape) for unit in np.eye(like.size, dtype=like.dtype)]
