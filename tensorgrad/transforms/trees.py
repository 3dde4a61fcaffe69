"""Arbitrarily nested tuples, lists and dicts of arrays, and the flat sequences of arrays inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

DEEPEST = 200
"""Maximum nesting depth of containers."""


def leaves(tree: Any, depth: int = 0) -> list[Any]:
    """Return everything in `tree` that is not a tuple, list or dict, in order (dicts in insertion order).

    Raises:
        ValueError: containers are nested too deeply, or one is inside itself.

    >>> leaves({"w": 1.0, "layers": [(2.0, 3.0), 4.0]})
    [1.0, 2.0, 3.0, 4.0]
    """
    if depth > DEEPEST:
        raise ValueError(f"expected containers nested at most {DEEPEST} deep; does one contain itself?")
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in leaves(value, depth + 1)]
    if isinstance(tree, (tuple, list)):
        return [leaf for value in tree for leaf in leaves(value, depth + 1)]
    return [tree]


def rebuilt(tree: Any, new_leaves: Iterator[Any]) -> Any:
    """Return a container like `tree` with its leaves taken from `new_leaves` in order.

    >>> rebuilt({"w": 1.0, "layers": [(2.0, 3.0), 4.0]}, iter("abcd"))
    {'w': 'a', 'layers': [('b', 'c'), 'd']}
    """
    if isinstance(tree, dict):
        return type(tree)((key, rebuilt(value, new_leaves)) for key, value in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(rebuilt(value, new_leaves) for value in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)([rebuilt(value, new_leaves) for value in tree])
    return next(new_leaves)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return `tree` with `function` applied to every leaf."""
    return rebuilt(tree, iter([function(leaf) for leaf in leaves(tree)]))
