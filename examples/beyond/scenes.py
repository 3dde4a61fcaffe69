"""Photos of blood cells with a box around each cell, or scenes of handwritten digits where they are missing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn

Boxes = list[tuple[NDArray[np.float32], NDArray[np.int64]]]
"""For each image, the boxes `(n, 4)`, as left, top, right and bottom in pixels, and their labels `(n,)`."""


class Scenes(NamedTuple):
    """Images `(samples, height, width, 3)` of bytes and the boxes in them, split into two parts."""

    name: str
    classes: tuple[str, ...]
    X: NDArray[np.uint8]
    y: Boxes
    X_validation: NDArray[np.uint8]
    y_validation: Boxes


def load(size: tuple[int, int], *, samples: int | None = None) -> Scenes:
    """Return the blood cells if their files are on this machine, otherwise scenes of the digits of scikit-learn.

    Args:
        size: the height and width of the images.
        samples: the number of images of each part. Default: all.
    """
    try:
        parts = [nn.datasets.blood_cells(split=split, size=size, download=False) for split in ("train", "validation")]
        name, classes = "blood cells", nn.datasets.BLOOD_CELL_CLASSES
    except FileNotFoundError:
        print("  The blood cells are not on this machine: scenes of handwritten digits replace them.")
        print("  To download them (8 MB): python -c 'import nn; nn.datasets.blood_cells()'")
        name, classes = "digits", ("zero", "one", "two")
        X, y, X_test, y_test = nn.datasets.digits(rng=0)
        rng = np.random.default_rng(0)
        parts = [drawn(X, y, 160, size, rng), drawn(X_test, y_test, 40, size, rng)]
    (X_train, boxes), (X_validation, boxes_validation) = [(X[:samples], y[:samples]) for X, y in parts]
    counts = np.bincount(np.concatenate([labels for _, labels in boxes]), minlength=len(classes))
    print(f"  {name}: {len(X_train)} images for training, {len(X_validation)} for validation; in the first,")
    print("  " + ", ".join(f"{count:,} × {each}" for count, each in zip(counts, classes)))
    return Scenes(name, classes, X_train, boxes, X_validation, boxes_validation)


def drawn(rows: Any, labels: Any, count: int, size: tuple[int, int], rng: np.random.Generator) -> tuple[Any, Boxes]:
    """Return noisy grey scenes with three to eight digits from 0 to 2, each of a random position and size."""
    height, width = size
    scenes, targets = rng.integers(200, 230, (count, height, width, 3)).astype(np.uint8), []
    chosen = np.flatnonzero(labels <= 2)
    for scene in scenes:
        boxes, kinds = [], []
        for index in rng.choice(chosen, rng.integers(3, 9)):
            side = 8 * int(rng.integers(2, 5))
            top, left = int(rng.integers(0, height - side)), int(rng.integers(0, width - side))
            box = np.array([left, top, left + side, top + side], np.float32)
            if boxes and nn.functional.overlap(box, np.stack(boxes)).data.max() > 0.05:
                continue
            ink = np.kron(rows[index].reshape(8, 8), np.ones((side // 8, side // 8)))[..., None]
            scene[top : top + side, left : left + side] -= (180 * ink).astype(np.uint8)
            boxes.append(box)
            kinds.append(labels[index])
        targets.append((np.stack(boxes), np.array(kinds)))
    return scenes, targets
