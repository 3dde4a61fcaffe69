"""Training steps of networks by several contestants, from the same weights, with the Adam of `dense.rules`."""
