"""Reduce the number of boxes of a large graph."""

from tensorgrad.viz.folding.compact import compact, is_scalar
from tensorgrad.viz.folding.fold import fold

__all__ = ["compact", "fold", "is_scalar"]
