"""Arrays by name, from a file or from memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Weights:
    """Arrays by name.

    Attributes:
        tensors: the arrays by the names that the source gives them.
        aliases: further names of some of the tensors.
        ordered: whether the tensors are in the order in which the network was built. If not, they are sorted by name.
    """

    tensors: Mapping[str, NDArray[Any]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts `layer10` after `layer2`.

    >>> sorted(["b10", "b2", "a"], key=natural)
    ['a', 'b2', 'b10']
    """
    pieces = re.findall(r"\d+|\D+", name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]
