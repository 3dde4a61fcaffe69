"""Describe the gradient flow: vanishing and exploding gradients."""

from __future__ import annotations

import math

from tensorgrad.viz.recording import Box, Reading, Recording, Summary, labels

VANISHING, EXPLODING = 1e-5, 1e5
"""Norms of a leaf's gradient, as shares of the norm of the output's, that are called so."""


def norm(reading: Reading, shape: tuple[int, ...] | None) -> float | None:
    """Return the Euclidean norm of an array from its summary, or None if it is not available."""
    if not isinstance(reading, Summary) or shape is None or 0 in shape:
        return None
    return math.hypot(reading.mean, reading.std) * math.sqrt(math.prod(shape))


def flow_words(recording: Recording, names: tuple[str, ...]) -> str:
    """Compare the gradients of the leaves with the gradient at the output.

    Args:
        recording: a recording with passes.
        names: the names of the boxes, by id.
    """
    gradients = recording.passes[0].gradients
    start = norm(gradients[-1], recording.boxes[-1].shape)
    found = [
        (box, size / start)
        for box in recording.boxes
        if box.kind == "leaf" and start and (size := norm(gradients[box.id], box.shape)) is not None
    ]
    sentences = [text for box, share in found if (text := _verdict(box, share, names[box.id]))]
    if not found:
        return "No gradient reaches a leaf."
    if sentences:
        return " ".join(sentences)
    least, most = min(share for _, share in found), max(share for _, share in found)
    between = f"between {labels.number(least)} and {labels.number(most)}" if len(found) > 1 else labels.number(most)
    return f"The gradient neither vanishes nor explodes: its norm at the leaves is {between} times that of the output."


def _verdict(box: Box, share: float, name: str) -> str:
    if math.isnan(share):
        return f"⚠ The gradient of {name} holds NaN."
    if share > EXPLODING:
        return f"⚠ Explodes: {labels.number(share)} times the output's gradient reaches {name}."
    if share == 0:
        return f"⚠ No gradient reaches {name}: it is 0 everywhere."
    if share < VANISHING:
        return f"⚠ Vanishes: {labels.number(share)} of the output's gradient reaches {name}."
    return ""
