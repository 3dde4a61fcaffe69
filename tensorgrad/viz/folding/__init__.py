"""Fewer boxes for a large graph: a recording in, a smaller one out."""

from tensorgrad.viz.folding.fold import fold

__all__ = ["fold"]
