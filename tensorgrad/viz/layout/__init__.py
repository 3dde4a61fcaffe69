"""Lay out a recording: boxes become cards, and the recording becomes a `Picture` that every output can draw.

The steps are `layers`, `crossings`, `positions` and `straight`. They are applied to one group at a time (`plan`), from
the innermost group outwards (`placement`). A wide picture is then wrapped into rows (`rows`).
"""

from tensorgrad.viz.layout.cards import cards
from tensorgrad.viz.layout.placement import Direction, Picture, picture
from tensorgrad.viz.layout.rows import wrapped

__all__ = ["Direction", "Picture", "cards", "picture", "wrapped"]
