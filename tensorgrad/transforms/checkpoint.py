"""Recompute instead of save: memory for time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tensorgrad.graph import Node, Rule, backpropagate, next_number, topological_order
from tensorgrad.modes import current_mode, enable_grad
from tensorgrad.tensor import Tensor, tensor_at


def checkpoint(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function like `f` that saves nothing for the backward pass, and computes `f` once more there.

    A chain of n layers cut into √n checkpointed pieces needs memory for 2√n of them instead of n, at the price of
    one more forward pass (Chen et al. 2016, *Training Deep Nets with Sublinear Memory Cost*).

    Args:
        f: a function that returns one tensor. It must compute the same again from the same arguments: no dropout
            with a generator that moves on. Tensors it uses without being given them (the weights of a layer)
            receive their gradients too.

    Raises:
        TypeError: when called, if `f` does not return one tensor.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(0.5, requires_grad=True)
    >>> y = checkpoint(lambda x: tg.sin(tg.exp(x)))(x)
    >>> y.backward()
    >>> x.grad
    array(-0.12834653)
    """

    @functools.wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Tensor:
        if not current_mode().recording:
            return f(*args, **kwargs)
        first = next_number()
        result = f(*args, **kwargs)
        if not isinstance(result, Tensor):
            raise TypeError(f"checkpoint: the function must return one tensor, got a {type(result).__name__}.")
        if result.node is None or result.node.number < first:
            return result
        sources = _sources(result.node, first)
        return _replaced(result, sources, lambda: f(*args, **kwargs)) if sources else result.detach()

    return checkpointed


def _sources(output: Node, first: int) -> list[Node]:
    """The nodes from before the call that the result was made from: those older than number `first`."""
    inside = [node for node in topological_order([output], since=first) if node.number >= first]
    return list(dict.fromkeys(parent for node in inside for parent in node.parents if parent.number < first))


def _replaced(result: Tensor, sources: list[Node], again: Callable[[], Tensor]) -> Tensor:
    """`result`, with one node in the place of everything that was recorded between it and its sources."""
    recomputation = _Recomputation(sources, again)
    node = Node()
    node.number = next_number()
    node.operation = recomputation
    node.inputs = tuple(sources)
    node.options = {}
    node.saved = ((),) * len(sources)
    node.shape, node.dtype = result.shape, result.dtype
    node.tensor = node.hooks = node.seed = None
    node.collects = False
    node.scopes = ()
    return tensor_at(result.array, node)


@dataclass(eq=False)
class _Recomputation:
    """An operation whose derivative is found by computing it again."""

    sources: list[Node]
    again: Callable[[], Tensor]
    name: str = "checkpoint"

    @property
    def rules(self) -> list[Rule]:
        """One rule per source; the first that is called computes the gradients for all."""
        found: dict[Node, Any] = {}

        def rule_for(source: Node) -> Callable[[Any], Any]:
            def rule(g: Any) -> Any:
                if not found:
                    found.update(self._gradients(g))
                if source not in found:
                    raise RuntimeError("checkpoint: computed again, the function used other tensors than before.")
                return found[source]

            return rule

        return [rule_for(source) for source in self.sources]

    def _gradients(self, g: Any) -> dict[Node, Any]:
        with enable_grad():
            first = next_number()
            result = self.again()
            assert result.node is not None
            return backpropagate(
                {result.node: g},
                release=not isinstance(g, Tensor),
                towards=self.sources,
                since=first,
                attach=tensor_at if isinstance(g, Tensor) else None,
            )

    def owners(self, node: Node, position: int) -> Iterator[Node | None]:
        """Nothing is saved."""
        return iter(())
