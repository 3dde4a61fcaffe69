"""Derivative rules as formulas: read from the source, expressed in a graph's names, simplified, and formatted."""

from tensorgrad.viz.formulas.collect import Formulas

__all__ = ["Formulas"]
