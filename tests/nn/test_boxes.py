"""Boxes: overlap, suppression and the loss, against pixel counts and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional


def boxes_on_a_grid(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return boxes with integer corners between 0 and 12."""
    corners = np.sort(rng.integers(0, 13, (count, 2, 2)), axis=1)
    return corners.reshape(count, 4).astype(float)


def pixels(box: np.ndarray) -> np.ndarray:
    """Return the pixels that a box with integer corners covers."""
    left, top, right, bottom = box.astype(int)
    grid = np.zeros((12, 12), bool)
    grid[top:bottom, left:right] = True
    return grid


def counted_iou(a: np.ndarray, b: np.ndarray) -> float:
    union = np.sum(pixels(a) | pixels(b))
    return np.sum(pixels(a) & pixels(b)) / union if union else 0.0


def test_box_iou_counts_pixels(rng: np.random.Generator) -> None:
    a, b = boxes_on_a_grid(rng, 20), boxes_on_a_grid(rng, 30)
    expected = [[counted_iou(one, other) for other in b] for one in a]
    np.testing.assert_allclose(functional.box_iou(a, b).data, expected, rtol=1e-14)


def test_box_iou_generalised_subtracts_the_empty_part_around_both(rng: np.random.Generator) -> None:
    a, b = boxes_on_a_grid(rng, 20), boxes_on_a_grid(rng, 20)
    expected = []
    for one, other in zip(a, b):
        around = np.prod(np.maximum(one[2:], other[2:]) - np.minimum(one[:2], other[:2]))
        empty = around - np.sum(pixels(one) | pixels(other))
        expected.append(counted_iou(one, other) - (empty / around if around else 0.0))
    np.testing.assert_allclose(functional.overlap(a, b, generalised=True).data, expected, rtol=1e-14)


@pytest.mark.parametrize("generalised", [True, False])
def test_iou_loss_derivatives_agree_with_differences(generalised: bool, rng: np.random.Generator) -> None:
    a, b = rng.uniform(0, 1, (2, 5, 4)) + np.array([0, 0, 1.5, 1.5])
    loss = nn.IoULoss(generalised)
    assert tg.gradcheck(lambda x: loss(x, b), a, order=2)
    np.testing.assert_allclose(loss(a, b).data, np.mean(1 - functional.overlap(a, b, generalised=generalised).data))


def test_iou_loss_pulls_distant_boxes_together_only_if_generalised() -> None:
    for generalised in (True, False):
        x = tg.tensor([[0.0, 0.0, 1.0, 1.0]], requires_grad=True)
        nn.IoULoss(generalised)(x, [[5.0, 0.0, 6.0, 1.0]]).backward()
        assert np.isfinite(x.grad).all()
        assert (x.grad[0, 2] < 0) == generalised


def test_iou_of_boxes_without_area_is_0_with_finite_gradients() -> None:
    x = tg.tensor(np.zeros((1, 4), np.float32), requires_grad=True)
    loss = nn.IoULoss()(x, np.zeros((1, 4)))
    loss.backward()
    assert loss.item() == 1
    assert np.isfinite(x.grad).all()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_non_maximum_suppression_keeps_what_a_plain_loop_keeps(threshold: float, rng: np.random.Generator) -> None:
    boxes, scores, labels = boxes_on_a_grid(rng, 60), rng.permutation(60) / 60, rng.integers(0, 2, 60)
    for kinds in (None, labels):
        kept: list[int] = []
        for i in np.argsort(-scores):
            rivals = [j for j in kept if kinds is None or kinds[i] == kinds[j]]
            if all(counted_iou(boxes[i], boxes[j]) <= threshold for j in rivals):
                kept.append(int(i))
        got = functional.non_maximum_suppression(boxes, scores, threshold=threshold, labels=kinds)
        assert got.tolist() == kept


def test_non_maximum_suppression_of_nothing() -> None:
    assert functional.non_maximum_suppression(np.zeros((0, 4)), np.zeros(0)).tolist() == []


def test_boxes_of_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^box_iou: expected boxes .*, got shape \(2, 3\)"):
        functional.box_iou(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"^non_maximum_suppression: expected boxes \(n, 4\) and scores \(n,\)"):
        functional.non_maximum_suppression(np.ones((2, 4)), np.ones(3))
    with pytest.raises(ValueError, match="expected 2 labels"):
        functional.non_maximum_suppression(np.ones((2, 4)), np.ones(2), labels=[1])
    with pytest.raises(ValueError, match="threshold must be in"):
        functional.non_maximum_suppression(np.ones((2, 4)), np.ones(2), threshold=2)
    with pytest.raises(ValueError, match="IoULoss: the predictions have shape"):
        nn.IoULoss()(np.ones((2, 4)), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"^IoULoss: expected boxes .*, got shape \(2, 3\)"):
        nn.IoULoss()(np.ones((2, 3)), np.ones((2, 3)))
