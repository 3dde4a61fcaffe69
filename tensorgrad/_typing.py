"""Type aliases used in annotations."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Literal, TypeAlias

from numpy.typing import ArrayLike, DTypeLike

Axis: TypeAlias = int | Sequence[int] | None
"""One axis, several, or (None) all of them."""

Shape: TypeAlias = tuple[int, ...]
"""The length of each axis."""

Index: TypeAlias = ArrayLike | slice | EllipsisType | tuple[ArrayLike | slice | EllipsisType | None, ...] | None
"""Index that selects elements: integers, slices, `...`, None for a new axis, arrays, and tuples of them."""

Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]
"""NumPy's rules for the conversion of dtypes."""

SortKind: TypeAlias = Literal["quicksort", "mergesort", "heapsort", "stable"]
"""NumPy's sorting algorithms."""

__all__ = ["ArrayLike", "Axis", "Casting", "DTypeLike", "Index", "Shape", "SortKind"]
