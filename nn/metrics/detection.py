"""Mean average precision of detections."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._hints import PREDICTIONS
from nn._validation import as_array
from nn.functional import box_iou
from nn.metrics.metric import Metric
from tensorgrad.arguments import with_hints

Definition = Literal["coco", "voc", "voc2007"]

MOST_DETECTIONS = 100
"""COCO considers at most this many detections per class and image, those with the highest scores."""


class MeanAveragePrecision(Metric):
    """Area under the precision-recall curve of detections, averaged over the classes that occur.

    A detection is correct if its overlap with a box of its class, not matched by a better detection, reaches a
    threshold.

    Args:
        definition: `"coco"` for the mean over the thresholds 0.5, 0.55, …, 0.95, with precision sampled at 101 recalls,
            where a detection is matched with the unmatched box that it overlaps most; `"voc"` for the threshold 0.5 and
            the exact area, where a detection is matched with the box that it overlaps most, whether matched already or
            not; `"voc2007"` for the same with precision sampled at 11 recalls. Crowds, difficult boxes and area ranges
            are not distinguished.

    Predictions are a list with `(boxes, scores, labels)` for each image, and targets a list with `(boxes, labels)`.
    Boxes are `(n, 4)`: left, top, right, bottom. Call `update` for each batch, then `result`.

    Raises:
        ValueError: an unknown definition; when called, numbers of images, boxes, scores or labels that do not match.

    References:
        Everingham et al., *The PASCAL Visual Object Classes Challenge*, 2010; Lin et al., *Microsoft COCO*, 2014, and
        its evaluation code.

    >>> metric = MeanAveragePrecision("voc")
    >>> metric.update([([[0, 0, 2, 2], [5, 5, 7, 7]], [0.9, 0.8], [1, 1])], [([[0, 0, 2, 2], [9, 9, 10, 10]], [1, 1])])
    >>> metric.result()
    0.5
    """

    name = "mean_average_precision"

    def __init__(self, definition: Definition = "coco") -> None:
        if definition not in ("coco", "voc", "voc2007"):
            raise ValueError(
                f"MeanAveragePrecision: definition must be 'coco', 'voc' or 'voc2007', got {definition!r}."
            )
        self.definition = definition
        self._thresholds = np.linspace(0.5, 0.95, 10) if definition == "coco" else np.array([0.5])
        self.reset()

    def reset(self) -> None:
        """Discard the images so far."""
        self._true: dict[int, int] = {}
        self._found: dict[int, list[tuple[NDArray[Any], NDArray[Any]]]] = {}

    @with_hints(PREDICTIONS)
    def update(self, predictions: Any, targets: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add the images of a batch."""
        if sample_weight is not None:
            raise TypeError("MeanAveragePrecision: images cannot be weighted.")
        if len(predictions) != len(targets):
            raise ValueError(
                f"MeanAveragePrecision: predictions for {len(predictions)} images and targets for {len(targets)}."
            )
        images = [
            (_checked("predictions", *prediction), _checked("targets", *target))
            for prediction, target in zip(predictions, targets)
        ]
        for (boxes, scores, labels), (true_boxes, true_labels) in images:
            for label in np.union1d(labels, true_labels).tolist():
                of_class = true_boxes[true_labels == label]
                self._true[label] = self._true.get(label, 0) + len(of_class)
                order = np.flatnonzero(labels == label)
                order = order[np.argsort(-scores[order], kind="stable")]
                order = order[:MOST_DETECTIONS] if self.definition == "coco" else order
                overlaps = box_iou(boxes[order], of_class).array
                hits = np.stack([self._matched(overlaps, threshold) for threshold in self._thresholds])
                self._found.setdefault(label, []).append((scores[order], hits))

    def _matched(self, overlaps: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
        """Return which detections of an image, sorted by decreasing score, are correct."""
        right = np.zeros(len(overlaps), bool)
        free = np.ones(overlaps.shape[1], bool)
        for number, row in enumerate(overlaps):
            candidates = np.where(free, row, -1.0) if self.definition == "coco" else row
            if not candidates.size:
                break
            best = int(np.argmax(candidates))
            if candidates[best] >= threshold and free[best]:
                right[number], free[best] = True, False
        return right

    def result(self) -> float:
        """Return the mean average precision over all images since `reset`.

        Raises:
            RuntimeError: there are no boxes.
        """
        classes = [label for label, count in self._true.items() if count]
        if not classes:
            raise RuntimeError("MeanAveragePrecision: no image with a box was added since reset.")
        return float(np.mean([self._average_precisions(label) for label in classes]))

    def _average_precisions(self, label: int) -> list[float]:
        scores = np.concatenate([each for each, _ in self._found[label]])
        hits = np.concatenate([each for _, each in self._found[label]], axis=1)
        hits = hits[:, np.argsort(-scores, kind="stable")]
        found = np.cumsum(hits, axis=1)
        precisions = found / np.arange(1, hits.shape[1] + 1)
        recalls = found / self._true[label]
        return [self._area(*each) for each in zip(precisions, recalls)]

    def _area(self, precision: NDArray[Any], recall: NDArray[Any]) -> float:
        """Return the area under the curve, after replacing each precision by the largest one at equal or higher
        recall."""
        falling = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        if self.definition == "voc":
            return float(np.sum(np.diff(recall, prepend=0.0) * falling[:-1]))
        points = np.linspace(0, 1, 101 if self.definition == "coco" else 11)  # as in the published evaluation code
        return float(np.mean(falling[np.searchsorted(recall, points, side="left")]))

    @with_hints(PREDICTIONS)
    def __call__(self, predictions: Any, targets: Any) -> float:
        """Return the value for these images alone, without changing the accumulated state."""
        alone = MeanAveragePrecision(self.definition)
        alone.update(predictions, targets)
        return alone.result()

    def __repr__(self) -> str:
        return f"MeanAveragePrecision({'' if self.definition == 'coco' else repr(self.definition)})"


def _checked(what: str, boxes: ArrayLike, *of_each: ArrayLike) -> tuple[NDArray[Any], ...]:
    """Return the arrays of one image, which must describe the same number of boxes."""
    corners = as_array(boxes)
    corners = corners.reshape(0, 4) if not corners.size else corners
    others = [as_array(each) for each in of_each]
    if corners.ndim != 2 or corners.shape[1] != 4 or any(each.shape != corners.shape[:1] for each in others):
        raise ValueError(
            f"MeanAveragePrecision: {what} of an image must be boxes (n, 4) with a number for each, got shapes "
            f"{[each.shape for each in (corners, *others)]}."
        )
    return (corners, *others)
