"""Reduce the number of boxes of a large graph."""

from tensorgrad.viz.folding.fold import fold

__all__ = ["fold"]
