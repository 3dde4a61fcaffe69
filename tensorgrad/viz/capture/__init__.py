"""From a tensor to a `Recording`: its graph, its backward passes, and what finite differences say of them."""

from tensorgrad.viz.capture.graph import capture

__all__ = ["capture"]
