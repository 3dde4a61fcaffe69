"""Record the graph of a tensor, its values and its backward passes as plain data.

Modules that need only the recording:

    schema              the data and its JSON
    nesting             nested groups
    reading_order       the order in which a graph reads best
    labels, symbols     the text, numbers and names shown in every output

Modules that read the engine's graph:

    replay, options     recomputed values of a graph, and the options of its operations
    summaries           summaries of arrays
    modules             the module call that created each box
    expansion           a graph with simpler operations in place of fused ones
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
