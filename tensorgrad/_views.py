"""Keep the values of views when the tensor they were created from is written into.

`w.T` shares its memory with `w`. Copying a large embedding whenever it is transposed would be slow. So operations note
the views they return, and a writer first replaces the tensor's array if a view of the old one is alive.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import ref

from tensorgrad.tensor import Tensor, views


def note_view(source: Any, result: Any) -> None:
    """Note that `result`, which an operation made from `source`, shares the memory of a leaf's array, if it does."""
    if not isinstance(source, Tensor):
        return
    node = source.node
    is_leaf = node is None or node.operation is None  # results of operations are never written into
    if not is_leaf and not views:
        return
    owner = getattr(result, "base", None)
    while (base := getattr(owner, "base", None)) is not None:
        owner = base
    known = views.get(id(owner))
    if known is None:
        if owner is None or not is_leaf or source.array is not owner:
            return
        known = views[id(owner)] = {}
    known[id(result)] = ref(result, partial(_forget, id(owner), id(result)))


def _forget(owner: int, view: int, _: ref[Any]) -> None:
    """Remove a view that was garbage-collected, and with the last view the entry of its owner, alive until then."""
    known = views[owner]
    del known[view]
    if not known:
        del views[owner]
