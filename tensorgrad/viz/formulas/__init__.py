"""Derivative rules as formulas: read in the source, filled with a graph's names, simplified, and written."""

from tensorgrad.viz.formulas.collect import Formulas

__all__ = ["Formulas"]
