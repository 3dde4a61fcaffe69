"""Functions written with JAX as operations on tensors, with JAX's derivatives of any order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tensorgrad.backward import call_rules
from tensorgrad.modes import current_mode
from tensorgrad.node import Node, Result
from tensorgrad.tensor import Tensor, tensor_at
from tensorgrad.tensor import plain as arrays_of
from tensorgrad.xla.array import Array, lifted, plain

OPERANDS = (Tensor, Array, np.ndarray, jax.Array, list)


def lowering(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of tensors for a function of JAX arrays, with JAX's derivatives of any order.

    `tg.op(lowering=...)` names such a function, which replaces an operation in compiled programs.

    Args:
        function: a function that computes with `jax.numpy`. Tensors, arrays and lists among its positional arguments
            are the operands. Other arguments are passed on. It returns an array or a named tuple of arrays.

    >>> import jax.numpy as jnp, tensorgrad as tg
    >>> cube = lowering(lambda x: x**3)
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> tg.gradient(cube(x).sum(), x)
    xla.Array([ 3., 12.])
    """

    @functools.wraps(function)
    def lowered(*operands: Any, **options: Any) -> Any:
        options = plain(arrays_of(options))
        present = [place for place, operand in enumerate(operands) if isinstance(operand, OPERANDS)]

        def of_present(*arrays: Any) -> Any:
            given = list(operands)
            for place, array in zip(present, arrays):
                given[place] = array
            return function(*given, **options)

        with jax.enable_x64(True):
            return _called(of_present, [operands[place] for place in present], function.__name__)

    return lowered


def _called(function: Callable[..., Any], operands: Sequence[Any], name: str) -> Any:
    """Return the result as tensors, with a node whose rule is JAX's if an operand requires a gradient."""
    values, nodes = _values(operands), [each.node if isinstance(each, Tensor) else None for each in operands]
    if not any(nodes) or not current_mode().recording:
        return _results(function(*values), [])
    outputs, pull = jax.vjp(_of_floats(function, values), *filter(_is_float, values))
    return _results(outputs, nodes, _Lowered(name, function, values, pull))


def _recorded(function: Callable[..., Any], operands: Sequence[Any], name: str) -> Any:
    """Return what `_called` returns. The rule is a call itself, so that it can be differentiated again."""
    values, nodes = _values(operands), [each.node if isinstance(each, Tensor) else None for each in operands]
    return _results(function(*values), nodes, _Lowered(name, function, values))


def _results(outputs: Any, nodes: list[Node | None], operation: _Lowered | None = None) -> Any:
    """Return the outputs as tensors, connected to one new node if there is an operation."""
    several = isinstance(outputs, tuple)
    arrays = lifted(list(outputs) if several else [outputs])
    found: list[Node | None] = [None] * len(arrays)
    if operation is not None:
        shapes, dtypes = tuple(each.shape for each in arrays), tuple(each.dtype for each in arrays)
        inputs = tuple(node or value for node, value in zip(nodes, operation.arrays))
        if several:
            operation.results = functools.partial(_as, type(outputs))
            call = Node(operation, inputs, {}, operation.saved, shapes, dtypes)
            found = [Result(call, index) for index in range(len(arrays))]
        else:
            found = [Node(operation, inputs, {}, operation.saved, shapes[0], dtypes[0])]
    tensors = [tensor_at(array, node) for array, node in zip(arrays, found)]
    return _as(type(outputs), *tensors) if several else tensors[0]


class _Lowered:
    """Operation of one call: the part of `op.Operation` that a graph uses.

    Args:
        name: the name of the function.
        function: a function of JAX arrays.
        values: its arguments.
        pull: JAX's function from the gradients of the results to those of the arguments; None to compute it by a call
            that is recorded.
    """

    inputs = ("operands",)
    sequence = "operands"
    call = staticmethod(call_rules)

    def __init__(self, name: str, function: Callable[..., Any], values: list[Any], pull: Any = None) -> None:
        self.name, self.function, self.pull = name, function, pull
        self.arrays = lifted(values)
        self.results: Any = None
        self.composed = None if pull is None else self._again
        self.joint = self._recorded_gradients if pull is None else self._gradients
        self.owners = ((0,),)
        self.saved = ((self.arrays,),) if pull is None else ((self.arrays,), (self.arrays,))

    def saved_for(self, position: int) -> tuple[str, ...]:
        """Return what is saved for each operand: all of them."""
        return self.inputs

    def _again(self, operands: list[Any]) -> Any:
        return _recorded(self.function, operands, self.name)

    def _gradients(self, g: Any, wanted: tuple[bool, ...], operands: list[Any]) -> list[Any]:
        """Return the gradients of the operands as arrays."""
        with jax.enable_x64(True):
            return self._by_operand(lifted(list(self.pull(self._upstream(_values(self._listed(g)))))))

    def _recorded_gradients(self, g: Any, wanted: tuple[bool, ...], operands: list[Any]) -> list[Any]:
        """Return the gradients of the operands as tensors."""
        upstream = self._listed(g)

        def pulled(*values: Any) -> Any:
            given = list(values[len(upstream) :])
            _, pull = jax.vjp(_of_floats(self.function, given), *filter(_is_float, given))
            return tuple(pull(self._upstream(values[: len(upstream)])))

        with jax.enable_x64(True):
            return self._by_operand(_called(pulled, [*upstream, *operands], self.name))

    def _listed(self, g: Any) -> list[Any]:
        return [g] if self.results is None else list(g)

    def _upstream(self, values: Sequence[Any]) -> Any:
        """Return gradients in the containers of the results."""
        return values[0] if self.results is None else self.results(*values)

    def _by_operand(self, of_floats: Iterable[Any]) -> list[Any]:
        rest = iter(of_floats)
        return [next(rest) if _is_float(each) else None for each in self.arrays]


def _values(operands: Sequence[Any]) -> list[Any]:
    """Return tensors, arrays and numbers as JAX arrays."""
    return [jnp.asarray(each) for each in plain(arrays_of(list(operands)))]


def _as(kind: type, *items: Any) -> Any:
    """Return a tuple, or a named tuple, of the items."""
    return kind(*items) if hasattr(kind, "_fields") else tuple(items)


def _is_float(value: Any) -> bool:
    return bool(value.dtype.kind == "f")


def _of_floats(function: Callable[..., Any], values: Sequence[Any]) -> Callable[..., Any]:
    """Return `function` as a function of its floating-point arguments alone, as JAX differentiates it."""

    def of_floats(*floats: Any) -> Any:
        rest = iter(floats)
        return function(*(next(rest) if _is_float(each) else each for each in values))

    return of_floats
