"""From a tensor to a recording: its graph, its numbers and its backward passes as plain data.

Readable from the recording alone:

    schema              the data and its JSON
    nesting             groups inside groups
    reading_order       the order in which a graph reads best
    labels, symbols     the words, numbers and names that every output shows

Made from the engine's graph:

    replay, options     the numbers of a graph computed again, and the options of its operations
    summaries           what is recorded of an array
    modules             which call of a module made which box
    passes              backward passes step by step, with common mistakes
    finite_differences  gradients of leaves checked numerically
    capture             the entry point
"""

from tensorgrad.viz.recording.schema import (
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
