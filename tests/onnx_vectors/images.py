"""Enlarging images, exchanging pixels and channels, and choosing boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes, first, last


def resize(a: Attributes, x: Any, roi: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    axes = a.get("axes", range(x.ndim))
    scales = dict(zip(axes, (float(each) for each in scales)))
    assert all(scale == 1 for axis, scale in scales.items() if axis < 2)
    factors = tuple(int(scales[axis]) for axis in (2, 3))
    assert factors == tuple(scales[axis] for axis in (2, 3))
    mode = {b"nearest": "nearest", b"linear": "bilinear"}[a.get("mode", b"nearest")]
    align = a.get("coordinate_transformation_mode") == b"align_corners"
    return first(nn.UpSample2D(factors, mode=mode, align_corners=align)(last(x)))


def depth_to_space(a: Attributes, x: Any) -> Any:
    samples, channels, height, width = x.shape
    size, by_column = a["blocksize"], a.get("mode", b"DCR") == b"DCR"
    shape = (size, size, channels // size**2) if by_column else (channels // size**2, size, size)
    parts = tg.reshape(x, (samples, *shape, height, width))
    moved = tg.transpose(parts, (0, 3, 4, 1, 5, 2) if by_column else (0, 1, 4, 2, 5, 3))
    return tg.reshape(moved, (samples, channels // size**2, height * size, width * size))


def space_to_depth(a: Attributes, x: Any) -> Any:
    samples, channels, height, width = x.shape
    size = a["blocksize"]
    parts = tg.reshape(x, (samples, channels, height // size, size, width // size, size))
    moved = tg.transpose(parts, (0, 1, 3, 5, 2, 4) if a.get("mode", b"DCR") == b"CRD" else (0, 3, 5, 1, 2, 4))
    return tg.reshape(moved, (samples, channels * size**2, height // size, width // size))


def non_max_suppression(
    a: Attributes, boxes: Any, scores: Any, most: Any = 0, overlap: Any = 0.0, least: Any = -np.inf
) -> Any:
    one, two = boxes[..., :2], boxes[..., 2:]
    if a.get("center_point_box", 0):  # the centre and the size
        one, two = one - two / 2, one + two / 2
    corners = np.concatenate([np.minimum(one, two), np.maximum(one, two)], axis=-1)
    threshold = float(np.ravel(overlap)[0])
    kept = []
    for sample, label in np.ndindex(scores.shape[:2]):
        found = nn.functional.non_maximum_suppression(corners[sample], scores[sample, label], threshold=threshold)
        found = found[scores[sample, label, found] > least][: int(np.ravel(most)[0])]
        kept += [(sample, label, box) for box in found]
    return np.array(kept, np.int64).reshape(-1, 3)


OPERATORS = {
    "Resize": resize,
    "Upsample": lambda a, x, scales: resize(a, x, scales=scales),
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "NonMaxSuppression": non_max_suppression,
}
LEFT_OUT = {
    r"test_resize_.*cubic.*": "no cubic interpolation",
    r"test_resize_downsample_.*": "images are enlarged only",
    r"test_resize_tf_crop_and_resize.*": "crops too",
    r"test_resize_.*((floor|ceil)_|half_pixel_symmetric|pytorch_half_pixel).*": "pixels lie elsewhere",
    r"test_resize_upsample_sizes_nearest.*": "by a factor that is not an integer",
}
