"""Helpers for networks with several inputs or outputs.

Several inputs or outputs are a tuple or a dict of arrays. Everything else is a single array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_several(values: Any) -> bool:
    """Return whether `values` holds several arrays: a dict, or a tuple of arrays or tensors.

    A tuple of numbers or of lists is a single array, as it is for NumPy.

    >>> import numpy as np
    >>> is_several((np.zeros(3), np.ones(3))), is_several({"a": [1, 2]}), is_several(([1, 2], [3, 4]))
    (True, True, False)
    """
    if isinstance(values, tuple):
        return bool(values) and all(len(getattr(each, "shape", ())) > 0 for each in values)
    return isinstance(values, dict)


def mapped(function: Callable[..., Any], values: Any, *others: Any) -> Any:
    """Apply a function to each of several values and return the results in the same structure.

    Args:
        function: A function of one of `values`, and of its counterpart in each of `others`.
        values: A tuple, a list, a dict, or a single value.
        *others: More of the same structure.

    >>> mapped(len, {"a": [1, 2], "b": [3]})
    {'a': 2, 'b': 1}
    """
    if isinstance(values, dict):
        return {key: function(value, *(other[key] for other in others)) for key, value in values.items()}
    if isinstance(values, (tuple, list)):
        return tuple(function(*each) for each in zip(values, *others, strict=True))
    return function(values, *others)


def named(values: Any) -> list[tuple[str, Any]]:
    """Return pairs of the index used in messages and the value. A single value has an empty index.

    >>> named(("x", "y")), named({"image": "x"}), named("x")
    ([('[0]', 'x'), ('[1]', 'y')], [("['image']", 'x')], [('', 'x')])
    """
    if isinstance(values, dict):
        return [(f"[{key!r}]", value) for key, value in values.items()]
    if isinstance(values, (tuple, list)):
        return [(f"[{number}]", value) for number, value in enumerate(values)]
    return [("", values)]
