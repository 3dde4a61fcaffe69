"""Type aliases used in annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from numpy.typing import ArrayLike, DTypeLike

Axis: TypeAlias = int | Sequence[int] | None
"""One axis, several, or (None) all of them."""

Shape: TypeAlias = tuple[int, ...]
"""The length of each axis."""

__all__ = ["ArrayLike", "Axis", "DTypeLike", "Shape"]
