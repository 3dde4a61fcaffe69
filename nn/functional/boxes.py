"""Bounding boxes of objects in images: overlap and non-maximum suppression.

A box is (left, top, right, bottom), along the last axis of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn._validation import as_array
from tensorgrad import Tensor


def overlap(boxes: ArrayLike, others: ArrayLike, *, generalised: bool = False) -> Tensor:
    """Return the intersection over union of boxes with others of the same or a broadcast shape.

    Args:
        boxes, others: `(…, 4)`.
        generalised: subtract the empty part of the smallest box around both, as a fraction of it. Then the value falls
            from 0 to -1 as boxes that do not touch move apart, where the plain one stays at 0 without a gradient.

    Returns:
        `(…)`: from 0, or -1 if generalised, to 1. Two boxes without area overlap by 0.

    Raises:
        ValueError: the last axis does not have 4 numbers.

    References:
        Rezatofighi et al., *Generalized Intersection over Union*, 2019.

    >>> overlap([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]).data.round(4)
    np.float64(0.3333)
    """
    a, b = _checked("overlap", boxes), _checked("overlap", others)
    smallest = float(np.finfo(np.result_type(a.dtype, b.dtype)).tiny)
    shared: Any = _area(tg.maximum(a[..., :2], b[..., :2]), tg.minimum(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - shared
    ratio: Tensor = shared / tg.maximum(union, smallest)
    if not generalised:
        return ratio
    around = _area(tg.minimum(a[..., :2], b[..., :2]), tg.maximum(a[..., 2:], b[..., 2:]))
    generalised_ratio: Tensor = ratio - (around - union) / tg.maximum(around, smallest)
    return generalised_ratio


def box_iou(boxes: ArrayLike, others: ArrayLike, *, generalised: bool = False) -> Tensor:
    """Return the intersection over union of every box with every other one: `(n, 4)`, `(m, 4)` → `(n, m)`.

    Args:
        boxes, others: `(n, 4)` and `(m, 4)`.
        generalised: as in `overlap`.

    >>> box_iou([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    Tensor([[1., 0.]])
    """
    rows, columns = _checked("box_iou", boxes), _checked("box_iou", others)
    return overlap(rows[..., :, None, :], columns[..., None, :, :], generalised=generalised)


def non_maximum_suppression(
    boxes: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, labels: ArrayLike | None = None
) -> NDArray[np.intp]:
    """Return the indices of the boxes to keep: those that overlap no better one by more than the threshold.

    Args:
        boxes: `(n, 4)`.
        scores: `(n,)`. Of equal scores the first counts as better.
        threshold: the largest intersection over union of two boxes that are both kept.
        labels: `(n,)`, or None. Boxes of different classes do not suppress each other.

    Returns:
        The indices, best first.

    Raises:
        ValueError: the shapes do not match, or the threshold is outside [0, 1].

    >>> non_maximum_suppression([[0, 0, 2, 2], [0, 0, 2, 1.9], [5, 5, 6, 6]], [0.8, 0.9, 0.1])
    array([1, 2])
    """
    corners, confidence = as_array(boxes), as_array(scores)
    if corners.ndim != 2 or corners.shape[1] != 4 or confidence.shape != corners.shape[:1]:
        raise ValueError(
            f"non_maximum_suppression: expected boxes (n, 4) and scores (n,), got shapes {corners.shape} and "
            f"{confidence.shape}."
        )
    kinds = np.zeros(len(corners), int) if labels is None else as_array(labels)
    if kinds.shape != confidence.shape:
        raise ValueError(f"non_maximum_suppression: expected {len(corners)} labels, got shape {kinds.shape}.")
    if not 0 <= threshold <= 1:
        raise ValueError(f"non_maximum_suppression: threshold must be in [0, 1], got {threshold!r}.")
    kept = []
    waiting = np.argsort(-confidence, kind="stable")
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        beside = overlap(corners[best], corners[waiting]).array
        waiting = waiting[(beside <= threshold) | (kinds[waiting] != kinds[best])]
    return np.array(kept, np.intp)


def _checked(asker: str, boxes: ArrayLike) -> Any:
    values = boxes if isinstance(boxes, Tensor) else Tensor(boxes)
    if values.shape[-1:] != (4,):
        raise ValueError(f"{asker}: expected boxes (…, 4) of left, top, right, bottom, got shape {values.shape}.")
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _area(lowest: Any, highest: Any) -> Any:
    """Return the area between two corners, or 0 where they are reversed."""
    sides = tg.maximum(highest - lowest, 0)
    return sides[..., 0] * sides[..., 1]
