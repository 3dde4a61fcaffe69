"""Content of a walkthrough: the steps of a recording as text and numbers, and the page that shows them."""

from tensorgrad.viz.lesson.contents import lesson

__all__ = ["lesson"]
