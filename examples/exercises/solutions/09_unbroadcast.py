"""Solution of exercise 09: undoing broadcasting."""


def unbroadcast(g, shape):
    """Return the gradient with respect to an array of this `shape`; `g` is the gradient of the broadcast array."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    spread = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return g.sum(axis=spread, keepdims=True)
