"""Pictures of a graph: recorded once, laid out, and written in several formats.

From a tensor to a picture, in the order of the rooms:

    recording   the graph as plain data; everything that is drawn is a function of it alone
    replay      the graph's numbers, computed again from what the engine holds
    formulas    derivative rules as mathematics
    capture     from a tensor to a recording
    folding     fewer boxes for a large graph
    layout      where everything stands
    outputs     SVG, HTML, PNG, PDF, Graphviz source, text
    lesson      a backward pass step by step, and its page

`drawing` and `walk` are the doors.
"""

from tensorgrad.viz.drawing import Drawing, draw
from tensorgrad.viz.walk import Walkthrough, walkthrough

__all__ = ["Drawing", "Walkthrough", "draw", "walkthrough"]
