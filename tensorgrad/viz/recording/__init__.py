"""A recording: a graph as plain data, and what can be read from it alone.

`format` is the data and its JSON; `nesting` and `reading` are its modules and its order; `labels` and `symbols` are the
words, numbers and names that every output shows.
"""

from tensorgrad.viz.recording.format import (
    VERSION,
    Box,
    Check,
    Contribution,
    Detail,
    Event,
    Group,
    Kind,
    Missing,
    Operand,
    Pass,
    PassKind,
    Reading,
    Recording,
    Summary,
)

__all__ = [
    "VERSION",
    "Box",
    "Check",
    "Contribution",
    "Detail",
    "Event",
    "Group",
    "Kind",
    "Missing",
    "Operand",
    "Pass",
    "PassKind",
    "Reading",
    "Recording",
    "Summary",
]
