"""Solution of exercise 09: undoing broadcasting."""


def unbroadcast(g, shape):
    """The gradient with respect to an array x of this `shape`. `g` is that of what x was broadcast to."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    spread = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return g.sum(axis=spread, keepdims=True)
