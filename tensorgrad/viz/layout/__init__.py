"""Where everything stands: boxes become cards, and a recording becomes a `Picture` that any output can draw.

The steps are `layers`, `crossings`, `positions` and `straight`, for one group at a time (`plan`), from the innermost
outwards (`placement`).
"""

from tensorgrad.viz.layout.placement import Direction, Picture, picture

__all__ = ["Direction", "Picture", "picture"]
