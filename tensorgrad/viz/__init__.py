"""Pictures of a graph: recorded once, laid out, and written in several formats.

`capture` reads the graph into a `Recording` (`replay` computes the numbers again), `layout` places it, and `svg`,
`html`, `dot`, `raster` and `text` write it.
"""

from tensorgrad.viz.drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
