"""Solution of exercise 02: shapes and axes."""


def centred(x):
    """Return `x` minus the mean of each column, so that every feature has the mean 0."""
    return x - x.mean(axis=0)


def fractions(x):
    """Return `x` divided by the sum of each row, so that every row sums to 1."""
    return x / x.sum(axis=1, keepdims=True)
