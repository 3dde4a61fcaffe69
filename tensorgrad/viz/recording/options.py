"""Options that an operation was called with, as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.node import Node
from tensorgrad.viz.recording.replay import declared, parameters


def options_of(node: Node) -> tuple[tuple[str, str], ...]:
    """Return the options that differ from their defaults, as (name, text)."""
    operation = declared(node)
    if operation is None:
        return ()
    defaults = {parameter.name: parameter.default for parameter in parameters(operation)}
    return tuple(
        (name, written(value))
        for name, value in node.options.items()
        if not (type(value) is type(defaults[name]) and bool(np.all(value == defaults[name])))
    )


def written(value: Any) -> str:
    """Return `value` as Python would write it, without what differs between runs, such as addresses."""
    if isinstance(value, slice):
        ends = [written(end) if end is not None else "" for end in (value.start, value.stop)]
        return ":".join([*ends, written(value.step)] if value.step is not None else ends)
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if value is ...:
        return "..."
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array {value.shape}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if value is None or isinstance(value, (int, float, str)):
        return repr(value)
    return str(getattr(value, "__name__", None) or (value if isinstance(value, np.dtype) else type(value).__name__))
