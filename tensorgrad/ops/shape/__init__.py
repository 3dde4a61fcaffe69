"""The same elements in another shape or arrangement, joined, split, repeated and padded."""
