"""Rows of the results, and their Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """The first contestant's time divided by another's, over the rounds, below 1 if the first is faster.

    Attributes:
        median, low, high: the median of the rounds' ratios, and the quartiles.
        fastest: the ratio of the fastest turns.
        at_most: the target, or None.
    """

    median: float
    low: float
    high: float
    fastest: float
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether both the median and the fastest turns reach the target; None without one."""
        return None if self.at_most is None else max(self.median, self.fastest) <= self.at_most


@dataclass(frozen=True)
class Row:
    """One contestant's measurement. Empty text where a column does not apply.

    Attributes:
        workload, threads, who: what was measured.
        measured: on the clock, or whatever else is measured.
        processors: the time of all processors together.
        ratio: the first contestant's time divided by this one's.
        target, met: for what is not a ratio.
        memory: the increase of the resident memory.
    """

    workload: str
    threads: int
    who: str
    measured: str
    processors: str = ""
    ratio: Ratio | None = None
    target: str = ""
    met: bool | None = None
    memory: str = ""


HEADINGS = (
    "workload", "threads", "who", "measured", "CPU time", "tensorgrad / it (quartiles)", "fastest turns", "target", "",
    "memory",
)  # fmt: skip
VERDICTS = {True: "met", False: "**missed**", None: ""}


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table with aligned columns, which is also readable as plain text."""
    cells = [HEADINGS, *map(texts, rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def texts(row: Row) -> tuple[str, ...]:
    """Return the cells of a row."""
    ratio = row.ratio
    if ratio is None:
        comparison = ("", "", row.target, VERDICTS[row.met])
    else:
        target = "" if ratio.at_most is None else f"≤ {ratio.at_most:.2f}"
        middle = f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
        comparison = (middle, f"{ratio.fastest:.2f}", target, VERDICTS[ratio.met])
    return (row.workload, str(row.threads), row.who, row.measured, row.processors, *comparison, row.memory)
