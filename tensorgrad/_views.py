"""Results that are views of a leaf stay as they are when the leaf is written into.

`w.T` shares its memory with `w`. A copy of a large embedding in every step would be slow. So the operation notes the
view on the leaf, and a writer first gives the leaf a new array if such a view is alive.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary, ref

from tensorgrad.node import Node
from tensorgrad.tensor import Tensor

_viewed: WeakValueDictionary[int, Node] = WeakValueDictionary()
"""The leaves of which there are views, by the identity of their arrays."""


def note_view(source: Any, result: Any) -> None:
    """Note on the leaf whose memory `result`, made from `source`, shares that it does, if there is one."""
    base = getattr(result, "base", None)
    if base is None or not isinstance(source, Tensor):
        return
    if source.array is base and source.node is not None and source.node.operation is None:
        leaf: Node | None = source.node
        _viewed[id(base)] = source.node
    else:
        leaf = _viewed.get(id(base))
    if leaf is not None and leaf.tensor is not None:
        owner = leaf.tensor()
        if owner is not None and owner.array is base:
            leaf.views = [view for view in leaf.views if view() is not None]
            leaf.views.append(ref(result))
