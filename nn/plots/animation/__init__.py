"""Figures one after the other: GIF, MP4, or a page with a slider."""

from nn.plots.animation.animation import FILMS, Animation, checked_film

__all__ = ["FILMS", "Animation", "checked_film"]
