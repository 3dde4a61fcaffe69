"""Augmentation: images that were only moved, mirrored, turned or made noisy; seeded, and in their own dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn.data import add_noise, flip, rotate, shift

FUNCTIONS: list[Any] = [
    flip,
    lambda images, rng: shift(images, 2, rng),
    lambda images, rng: rotate(images, 20, rng),
    lambda images, rng: add_noise(images, 5, rng),
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(30, 6, 5), (30, 6, 5, 3), (1, 1, 1)])
def test_augmentation_keeps_shape_dtype_and_input_and_is_repeatable(
    rng: np.random.Generator, function: Any, dtype: Any, shape: tuple[int, ...]
) -> None:
    images = rng.integers(0, 256, size=shape).astype(dtype)
    before = images.copy()
    for source in (int, np.random.default_rng, np.random.RandomState):
        first = function(images, source(1))
        assert (first.shape, first.dtype) == (images.shape, images.dtype)
        np.testing.assert_array_equal(first, function(images, source(1)))
        np.testing.assert_array_equal(images, before)
    if len(images) > 1:
        assert not np.array_equal(first, images)
        assert not np.array_equal(first, function(images, 2))


def test_augmentation_keeps_colour_channels_together(rng: np.random.Generator) -> None:
    grey = rng.integers(0, 256, size=(20, 6, 5), dtype=np.uint8)
    for function in FUNCTIONS[:3]:
        np.testing.assert_array_equal(function(np.stack([grey, grey], axis=-1), 3)[..., 1], function(grey, 3))


def test_flip_mirrors_about_half_of_the_images(rng: np.random.Generator) -> None:
    images = rng.normal(size=(400, 3, 4))
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(flip(images, 0), images)]
    kept = [np.array_equal(new, old) for new, old in zip(flip(images, 0), images)]
    assert all(a != b for a, b in zip(mirrored, kept))
    assert 150 < sum(mirrored) < 250


def test_shift_moves_by_every_distance(rng: np.random.Generator) -> None:
    images = np.zeros((600, 9, 9))
    images[:, 4, 4] = 1
    moved = shift(images, 2, 0, fill=0)
    places = np.argwhere(moved)[:, 1:] - 4
    assert len(places) == 600  # exactly one pixel in each
    assert {tuple(place) for place in places.tolist()} == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}
    filled = shift(np.zeros((50, 3, 3)), 1, 0, fill=7)
    assert set(np.unique(filled)) == {0, 7}


def test_rotate_turns_about_the_middle() -> None:
    images = np.zeros((300, 41, 41))
    images[:, 20, 35] = images[:, 19:22, 34:37] = 1  # a blob, 15 to the right of the middle
    turned = rotate(images, 30, 0)
    weights = turned.sum(axis=(1, 2))
    down = (turned.sum(axis=2) @ (np.arange(41) - 20)) / weights
    across = (turned.sum(axis=1) @ (np.arange(41) - 20)) / weights
    np.testing.assert_allclose(np.hypot(down, across), 15, atol=0.1)
    angles = np.degrees(np.arctan2(down, across))
    assert -30.5 < angles.min() < -28
    assert 28 < angles.max() < 30.5
    np.testing.assert_allclose(weights, 9, rtol=0.05)


def test_rotate_changes_only_the_corners_of_a_plain_image() -> None:
    turned = rotate(np.full((50, 20, 20), 100, np.uint8), 15, 0)
    assert (turned[:, 5:15, 5:15] == 100).all()
    assert (turned[:, [0, 0, -1, -1], [0, -1, 0, -1]] < 100).any()
    np.testing.assert_array_equal(rotate(np.full((50, 20, 20), 100, np.uint8), 15, 0, fill=100), 100)


def test_noise_has_the_given_size_and_stays_in_range() -> None:
    noise = add_noise(np.zeros((100, 10, 10)), 3, 0)
    assert noise.std() == pytest.approx(3, rel=0.05)
    assert abs(noise.mean()) < 0.1
    noisy = add_noise(np.full((10, 5, 5), 250, np.uint8), 30, 0)
    assert noisy.max() == 255
    assert noisy.min() > 100  # nothing wrapped around


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: flip(np.zeros((3, 4))), ValueError, r"flip: expected images .* got shape \(3, 4\)"),
        (lambda: shift(np.zeros((1, 2, 2)), 0), ValueError, "shift: pixels must be at least 1"),
        (lambda: shift(np.zeros((1, 2, 2)), 1.5), TypeError, "shift: pixels must be an integer"),
        (lambda: rotate(np.zeros((1, 2, 2)), -3), ValueError, "rotate: degrees must be finite and above 0"),
        (lambda: rotate(np.zeros((1, 2, 2)), np.inf), ValueError, "rotate: degrees must be finite"),
        (lambda: add_noise(np.zeros(2), 0), ValueError, "add_noise: deviation must be finite and above 0"),
    ],
)
def test_augmentation_rejects_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
