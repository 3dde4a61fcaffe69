"""Checkpointing: save memory by recomputing values in the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np

from tensorgrad._arrays import is_foreign
from tensorgrad._higher_order import recording
from tensorgrad.backward import backpropagate, call_rules, topological_order
from tensorgrad.modes import current_mode, enable_grad
from tensorgrad.node import Node, Result, next_number
from tensorgrad.tensor import Tensor, tensor_at
from tensorgrad.transforms.trees import leaves, rebuilt

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(f: Callable[P, R]) -> Callable[P, R]:
    """Return a function like `f` that saves nothing for the backward pass and recomputes `f` there.

    A chain of n layers divided into √n checkpointed segments needs memory for 2√n layers instead of n, at the cost of
    one additional forward pass (Chen et al. 2016, *Training Deep Nets with Sublinear Memory Cost*).

    Args:
        f: a function that returns a tensor, or a tuple, list or dict of tensors. It must compute the same result from
            the same arguments. Tensors it uses besides its arguments (the weights of a layer) receive gradients too.
            Random generators reachable through its arguments, variables and attributes draw the same numbers again, as
            do NumPy's and Python's global generators. Attributes and buffers, such as running statistics, are updated
            only once.

    Raises:
        TypeError: when called, if `f` returns anything but tensors.
        RuntimeError: in the backward pass, if `f` computes other values than before.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(0.5, requires_grad=True)
    >>> y = checkpoint(lambda x: tg.sin(tg.exp(x)))(x)
    >>> y.backward()
    >>> x.grad
    array(-0.12834653)
    """

    @functools.wraps(f)
    def checkpointed(*args: P.args, **kwargs: P.kwargs) -> R:
        if not current_mode().recording:
            return f(*args, **kwargs)
        from tensorgrad.transforms._surroundings import Surroundings

        first, surroundings = next_number(), Surroundings(f, args, kwargs)
        returned = f(*args, **kwargs)
        surroundings.forget_unused()
        results = leaves(returned)
        strange = next((each for each in results if not isinstance(each, Tensor)), None)
        if strange is not None or not results:
            got = type(strange if results else returned).__name__
            raise TypeError(f"checkpoint: the function must return tensors, got a {got}.")
        places = [place for place, each in enumerate(results) if each.node is not None and each.node.number >= first]
        outputs = [results[place] for place in places]
        arrays = [each.array for each in outputs]  # `again` must not reference tensors, which keep the graph alive

        def again() -> list[Tensor]:
            with surroundings.as_before():
                recomputed = leaves(f(*args, **kwargs))
            return _checked([recomputed[place] for place in places if place < len(recomputed)], arrays)

        for place, output in zip(places, _replaced(outputs, first, again)):
            results[place] = output
        replaced: R = rebuilt(returned, iter(results))
        return replaced

    return checkpointed


def _checked(recomputed: list[Tensor], before: list[Any]) -> list[Tensor]:
    """Return the recomputed results if they equal the first ones up to rounding; otherwise raise an error."""
    if len(recomputed) != len(before) or not all(map(_agree, recomputed, before)):
        raise RuntimeError(
            "checkpoint: when recomputed, the function returned different values. Something it uses was changed in "
            "between (an array, an attribute, a global variable), or it draws from a random generator that checkpoint "
            "does not find. Pass the generator or the values as arguments, or call the function without checkpoint."
        )
    return recomputed


def _agree(again: Tensor, before: Any) -> bool:
    a, b = again.array, before
    if is_foreign(a) or is_foreign(b):  # their values are not read
        return True
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if np.array_equal(a, b, equal_nan=True):
        return True
    tolerance = 1000 * float(np.finfo(b.dtype).eps)
    size = float(np.max(np.absolute(b), initial=0.0, where=np.isfinite(b)))
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * size, equal_nan=True))


def _replaced(outputs: list[Tensor], first: int, again: Callable[[], list[Tensor]]) -> list[Tensor]:
    """Return `outputs` with one node that replaces everything recorded between them and their sources."""
    sources = _sources([each.node for each in outputs if each.node is not None], first)
    if not sources:
        return [each.detach() for each in outputs]
    recomputation = _Recomputation(sources, again)
    shapes, dtypes = tuple(each.shape for each in outputs), tuple(each.dtype for each in outputs)
    if len(outputs) == 1:
        nodes = [Node(recomputation, tuple(sources), {}, ((),), shapes[0], dtypes[0])]
    else:
        recomputation.results = _as_tuple
        call = Node(recomputation, tuple(sources), {}, ((),), shapes, dtypes)
        nodes = [Result(call, index) for index in range(len(outputs))]
    return [tensor_at(each.array, node) for each, node in zip(outputs, nodes)]


def _sources(outputs: list[Node], first: int) -> list[Node]:
    """Return the nodes created before the call that the results depend on: those older than number `first`."""
    inside = [node for node in topological_order(outputs, since=first) if node.number >= first]
    return list(dict.fromkeys(parent for node in inside for parent in node.parents if parent.number < first))


def _as_tuple(*results: Any) -> tuple[Any, ...]:
    return results


@dataclass(eq=False)
class _Recomputation:
    """Operation that recomputes its result to differentiate it, with one joint rule for all sources."""

    sources: list[Node]
    again: Callable[[], list[Tensor]]
    name: str = "checkpoint"
    results: Callable[..., tuple[Any, ...]] | None = None
    composed: None = None
    owners: tuple[tuple[int, ...], ...] = ((),)
    call = staticmethod(call_rules)

    def joint(self, g: Any, wanted: tuple[bool, ...]) -> list[Any]:
        """Return the gradient of each wanted source."""
        gradients = [g] if self.results is None else list(g)
        recorded = any(isinstance(each, Tensor) for each in gradients)
        towards = [source for source, needed in zip(self.sources, wanted) if needed]
        with enable_grad():
            first = next_number()
            seeds = {each.node: gradient for each, gradient in zip(self.again(), gradients) if each.node is not None}
            found = backpropagate(
                seeds, release=not recorded, towards=towards, since=first,
                call=recording(tensor_at) if recorded else None,
            )  # fmt: skip
        if len(found) < len(towards):
            raise RuntimeError("checkpoint: when recomputed, the function used different tensors.")
        return [found.get(source) for source in self.sources]

    def saved_for(self, position: int) -> tuple[str, ...]:
        """Return an empty tuple: nothing is saved."""
        return ()
