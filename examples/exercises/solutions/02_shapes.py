"""Solution of exercise 02: shapes and axes."""


def centred(x):
    """`x` less the mean of each column: every feature then has the mean 0."""
    return x - x.mean(axis=0)


def shares(x):
    """`x` divided by the sum of each row: every row then has the sum 1."""
    return x / x.sum(axis=1, keepdims=True)
