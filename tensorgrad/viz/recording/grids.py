"""Arrangement of a small array's numbers: in rows, and with more than two axes in blocks with their leading indices."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

TALLEST = 8
"""Maximum height of a column. The numbers of a taller one are written along the lines."""


@dataclass(frozen=True)
class Block:
    """Rows of an array that belong together.

    Attributes:
        index: the index of the block as it is written in Python, such as `[0, 1]`; "" if there is only one block.
        lines: for each line, the range of its elements in row order.
        wrapped: whether the lines are parts of one row.
    """

    index: str
    lines: tuple[range, ...]
    wrapped: bool = False


def blocks(shape: tuple[int, ...], columns: int) -> tuple[Block, ...]:
    """Return the blocks of an array with at most `columns` numbers on a line.

    Trailing axes of length 1 are ignored after the second axis, so that an image with one channel is a matrix.

    >>> [(block.index, [*map(list, block.lines)]) for block in blocks((2, 2, 2), columns=4)]
    [('[0]', [[0, 1], [2, 3]]), ('[1]', [[4, 5], [6, 7]])]
    >>> [(block.index, [*map(list, block.lines)]) for block in blocks((2, 6), columns=4)]
    [('[0]', [[0, 1, 2], [3, 4, 5]]), ('[1]', [[6, 7, 8], [9, 10, 11]])]
    """
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    *leading, rows, width = (1, 1, *shape)[-max(len(shape), 2) :]
    if width == 1 and rows > TALLEST and math.prod(leading) == 1:
        rows, width = 1, rows
    if width > columns:
        leading, rows = [*leading, rows], 1
    line = math.ceil(width / math.ceil(width / columns))
    indices = itertools.product(*map(range, leading))
    whole = math.prod(leading) == 1
    found = []
    for number, index in enumerate(indices):
        starts = range(number * rows * width, (number + 1) * rows * width, width)
        lines = (
            range(at, min(at + line, start + width)) for start in starts for at in range(start, start + width, line)
        )
        found.append(Block("" if whole else f"[{', '.join(map(str, index))}]", tuple(lines), wrapped=width > columns))
    return tuple(found)


def is_plain(shape: tuple[int, ...], columns: int) -> bool:
    """Return whether the lines are the rows of a vector or matrix, so that they show its shape."""
    block, *others = blocks(shape, columns)
    return len(shape) <= 2 and not others and not block.wrapped
