"""Mean average precision of detections."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._validation import as_array
from nn.functional import box_iou
from nn.metrics.metric import Metric

Definition = Literal["coco", "voc", "voc2007"]

MOST_DETECTIONS = 100
"""COCO looks at so many detections of a class in an image, the best."""


class MeanAveragePrecision(Metric):
    """The area under the curve of precision over recall of detections, averaged over the classes that occur.

    A detection is right if it overlaps a box of its class, that no better detection has taken, by a threshold.

    Args:
        definition: `"coco"` for the mean over the thresholds 0.5, 0.55, …, 0.95, with precision read at 101 recalls,
            and where a detection takes the free box that it overlaps most; `"voc"` for the threshold 0.5 and the exact
            area, where a detection competes for the box that it overlaps most, taken or not; `"voc2007"` for the same
            with precision read at 11 recalls. Crowds, difficult boxes and ranges of area are not distinguished.

    Predictions are a list with `(boxes, scores, labels)` for each image, and targets a list with `(boxes, labels)`.
    Boxes are `(n, 4)`: left, top, right, bottom. Call `update` for each batch, then `result`.

    Raises:
        ValueError: another definition; when called, numbers of images, boxes, scores or labels that do not agree.

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
        """Forget the images so far."""
        self._true: dict[int, int] = {}
        self._found: dict[int, list[tuple[NDArray[Any], NDArray[Any]]]] = {}

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
        """Return which detections of an image, best first, are right."""
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
        """The mean over all images since `reset`.

        Raises:
            RuntimeError: there was no box to detect.
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
        """Return the area under the curve that is made to fall by taking the largest precision from each recall on."""
        falling = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        if self.definition == "voc":
            return float(np.sum(np.diff(recall, prepend=0.0) * falling[:-1]))
        points = np.linspace(0, 1, 101 if self.definition == "coco" else 11)  # as in the published evaluation code
        return float(np.mean(falling[np.searchsorted(recall, points, side="left")]))

    def __call__(self, predictions: Any, targets: Any) -> float:
        """The value for these images alone. What was gathered so far is not touched."""
        alone = MeanAveragePrecision(self.definition)
        alone.update(predictions, targets)
        return alone.result()

    def __repr__(self) -> str:
        return f"MeanAveragePrecision({'' if self.definition == 'coco' else repr(self.definition)})"


def _checked(what: str, boxes: ArrayLike, *of_each: ArrayLike) -> tuple[NDArray[Any], ...]:
    """Return the arrays of an image, which must describe the same number of boxes."""
    corners = as_array(boxes)
    corners = corners.reshape(0, 4) if not corners.size else corners
    others = [as_array(each) for each in of_each]
    if corners.ndim != 2 or corners.shape[1] != 4 or any(each.shape != corners.shape[:1] for each in others):
        raise ValueError(
            f"MeanAveragePrecision: {what} of an image must be boxes (n, 4) with a number for each, got shapes "
            f"{[each.shape for each in (corners, *others)]}."
        )
    return (corners, *others)
