"""Pictures of a graph: recorded once, laid out, and written in several formats.

From a tensor to a picture, in pipeline order:

    recording   the graph of a tensor as plain data, from which everything else is drawn
    formulas    derivative rules as mathematics, for recordings of backward passes
    folding     fewer boxes for a large graph
    layout      positions of boxes and routes of edges
    outputs     SVG, HTML, PNG, PDF, Graphviz source, text
    lesson      a backward pass step by step, and its page

`fonts` finds fonts of the system for PNG and PDF. `drawing` and `walkthrough` are the entry points.
"""

from tensorgrad.viz.drawing import Drawing, draw
from tensorgrad.viz.walkthrough import Walkthrough, walkthrough

__all__ = ["Drawing", "Walkthrough", "draw", "walkthrough"]
