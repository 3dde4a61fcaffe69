"""Means of columns and sums of rows."""

from grading import positive, values

HINTS = (
    "The axis that is named disappears: x.mean(axis=0) has a number for each column.",
    "The means of the columns are aligned with x. The sums of the rows must keep their axis, with keepdims=True.",
    "x - x.mean(axis=0), and x / x.sum(axis=1, keepdims=True)",
)


def grade(answer):
    """Grade with a square batch, for which wrong axes fit, and with one that is not square."""
    for x in (positive(3, 3), positive(4, 3)):
        rows, columns = x.mean(axis=1, keepdims=True), x.mean(axis=0)
        mistakes = {
            "wrong axis: the mean of each row": x - rows,
            "the mean of everything, not of each column": x - x.mean(),
            "wrong sign": x + columns,
            "missing mean: the sum of each column": x - x.sum(axis=0),
        }
        if len(x) == x.shape[1]:
            mistakes["wrong axis, and not aligned: the means of the rows are combined with the columns"] = x - rows.T
        values(f"centred(x), x {x.shape}", answer.centred(x), x - columns, mistakes)

    for x in (positive(3, 3), positive(4, 3)):
        rows, columns = x.sum(axis=1, keepdims=True), x.sum(axis=0)
        mistakes = {
            "wrong axis: the sum of each column": x / columns,
            "the sum of everything, not of each row": x / x.sum(),
        }
        if len(x) == x.shape[1]:
            mistakes["not aligned: the row sums are combined with columns (use keepdims=True)"] = x / rows.T
        values(f"fractions(x), x {x.shape}", answer.fractions(x), x / rows, mistakes)
