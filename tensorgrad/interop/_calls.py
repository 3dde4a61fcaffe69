"""One call of a function of another library, as an operation in our graph."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tensorgrad import modes
from tensorgrad.op import op
from tensorgrad.tensor import Tensor
from tensorgrad.transforms.trees import leaves, rebuilt


class Call(Protocol):
    """A function that has been called with arrays; `outputs` are its results."""

    outputs: list[NDArray[Any]]

    def gradients(self, upstream: list[Any], wanted: Sequence[bool]) -> list[Any]:
        """Return the gradient of each input as an array, None where it is not wanted."""

    def again(self, wanted: Sequence[bool]) -> Callable[..., Any]:
        """Return the function of the inputs and the upstream gradients that returns the wanted gradients in a tuple.

        It is a function of our tensors, which records them.
        """


def of_arrays(
    f: Callable[..., Any], args: Any, kwargs: Any, kinds: type | tuple[type, ...]
) -> tuple[list[Any], Callable[..., Any]]:
    """Return the arrays of the given types among the arguments, and `f` as a function of these arrays alone."""
    every = leaves((args, kwargs))
    places = [place for place, leaf in enumerate(every) if isinstance(leaf, kinds)]

    def function(*arrays: Any) -> Any:
        filled = list(every)
        for place, array in zip(places, arrays):
            filled[place] = array
        arguments, keywords = rebuilt((args, kwargs), iter(filled))
        return f(*arguments, **keywords)

    return [every[place] for place in places], function


def recorded(inputs: list[Any], call: Call) -> list[Tensor]:
    """Return the results of a call as tensors, which belong to our graph if an input requires a gradient."""
    tracked = any(isinstance(each, Tensor) and each.requires_grad for each in inputs)
    if not tracked or not call.outputs or not modes.is_grad_enabled():
        return [Tensor(output) for output in call.outputs]
    results = _operation(len(call.outputs))(inputs, call)
    return list(results) if isinstance(results, tuple) else [results]


@functools.cache
def _operation(count: int) -> Any:
    """Return the operation with `count` results."""
    results: Any = None if count == 1 else namedtuple("Results", [f"result_{i}" for i in range(count)])

    def rule(g: Any, wanted: Sequence[bool], xs: list[Any], call: Call) -> list[Any]:
        upstream = list(g) if count > 1 else [g]
        if not any(isinstance(each, Tensor) for each in (*upstream, *xs)):
            return call.gradients(upstream, wanted)
        found = iter(call.again(wanted)(*xs, *upstream))
        return [next(found) if each else None for each in wanted]

    @op(
        joint=rule,
        inputs=["xs"],
        sequence="xs",
        results=results,
        numpy_only="a function of another library computes it",
    )
    def foreign_function(xs: Sequence[Any], call: Any) -> Any:
        """The results of a call that has been computed by another library."""
        return results(*call.outputs) if results is not None else call.outputs[0]

    return foreign_function


def array_of(value: Any) -> Any:
    """Return the array of a tensor or of anything that NumPy takes as an array."""
    return value.array if isinstance(value, Tensor) else np.asarray(value)
