"""Mean average precision, against the definitions written as plain loops and against results worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn

Images = list[tuple[Any, ...]]


def iou(a: Any, b: Any) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


def by_definition(predictions: Images, targets: Images, definition: str) -> float:
    coco = definition == "coco"
    averages = []
    for label in {label for _, labels in targets for label in labels}:
        for threshold in [0.5 + 0.05 * step for step in range(10)] if coco else [0.5]:
            total = sum(list(labels).count(label) for _, labels in targets)
            ranked = sorted(
                ((score, image, box) for image, each in enumerate(predictions) for box, score, kind in zip(*each)
                 if kind == label),
                key=lambda each: -each[0],
            )  # fmt: skip
            taken, right, points = set(), 0, []
            for rank, (_, image, box) in enumerate(ranked, 1):
                rivals = [
                    (iou(box, true), image, number)
                    for number, (true, kind) in enumerate(zip(*targets[image]))
                    if kind == label and not (coco and (image, number) in taken)
                ]
                best = max(rivals, key=lambda each: each[0], default=(0.0, 0, 0))
                if best[0] >= threshold and best[1:] not in taken:
                    taken.add(best[1:])
                    right += 1
                points.append((right / total, right / rank))
            highest = lambda recall: max((p for r, p in points if r >= recall), default=0.0)  # noqa: B023, E731
            if definition == "voc":
                averages.append(sum(highest(k / total) / total for k in range(1, total + 1)))
            else:
                recalls = np.linspace(0, 1, 101 if coco else 11)  # rounded as in the published evaluation code
                averages.append(sum(map(highest, recalls)) / len(recalls))
    return float(np.mean(averages))


def scene(rng: np.random.Generator) -> tuple[Images, Images]:
    """Return detections near the boxes of some images, with noise, doubles and boxes that are not there."""
    predictions: Images = []
    targets: Images = []
    for _ in range(6):
        corners = rng.uniform(0, 10, (5, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(2, 5, (5, 2))], axis=1)
        labels = rng.integers(0, 3, 5)
        found = np.concatenate([boxes, boxes[:3]]) + rng.normal(0, 0.3, (8, 4))
        predictions.append((found, rng.random(8), np.concatenate([labels, labels[:2], [1]])))
        targets.append((boxes, labels))
    predictions[2] = (np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    return predictions, targets


@pytest.mark.parametrize("definition", ["coco", "voc", "voc2007"])
def test_mean_average_precision_is_its_definition_over_batches(definition: Any, rng: np.random.Generator) -> None:
    predictions, targets = scene(rng)
    metric = nn.MeanAveragePrecision(definition)
    metric.update(predictions[:1], targets[:1])
    metric.update(predictions[1:], targets[1:])
    assert metric.result() == pytest.approx(by_definition(predictions, targets, definition), rel=1e-12)
    assert metric(predictions[:3], targets[:3]) == pytest.approx(
        by_definition(predictions[:3], targets[:3], definition), rel=1e-12
    )


@pytest.mark.parametrize(("definition", "expected"), [("coco", 51 / 101), ("voc", 0.5), ("voc2007", 6 / 11)])
def test_mean_average_precision_of_half_the_boxes(definition: Any, expected: float) -> None:
    box, other = [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]
    assert nn.MeanAveragePrecision(definition)([([box], [0.9], [4])], [([box, other], [4, 4])]) == pytest.approx(
        expected
    )


def test_mean_average_precision_of_an_image_without_objects_counts_what_is_found_there() -> None:
    box = [0.0, 0.0, 2.0, 2.0]
    metric = nn.MeanAveragePrecision("voc")
    metric.update([([box], [0.9], [1]), ([box], [0.8], [1])], [([], []), ([box], [1])])
    assert metric.result() == 0.5
    metric.reset()
    with pytest.raises(RuntimeError, match="no image with a box"):
        metric.result()


def test_mean_average_precision_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="definition must be 'coco', 'voc' or 'voc2007'"):
        nn.MeanAveragePrecision("pascal")  # type: ignore[arg-type]
    metric = nn.MeanAveragePrecision()
    with pytest.raises(ValueError, match="predictions for 1 images and targets for 0"):
        metric.update([([], [], [])], [])
    with pytest.raises(ValueError, match=r"targets of an image must be boxes \(n, 4\)"):
        metric.update([([], [], [])], [([[0.0, 0.0, 1.0, 1.0]], [1, 2])])
    with pytest.raises(TypeError, match="images cannot be weighted"):
        metric.update([], [], [1.0])
