"""Fewer boxes for a large graph: a recording in, a smaller one out."""

from tensorgrad.viz.folding.folding import fold

__all__ = ["fold"]
