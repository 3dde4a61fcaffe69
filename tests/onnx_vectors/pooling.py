"""Pooling by layers and by functions."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes, first, last, padding


def pooled(kind: str, a: Attributes, x: Any, **options: Any) -> Any:
    axes = x.ndim - 2
    layer = getattr(nn, f"{kind}Pool{axes}D")(
        a["kernel_shape"], stride=a.get("strides", (1,) * axes), ceil_mode=bool(a.get("ceil_mode", 0)),
        padding=padding(a, x.shape[2:], a["kernel_shape"]), dilation=a.get("dilations", (1,) * axes), **options,
    )  # fmt: skip
    return first(layer(last(x)))


def max_pool(a: Attributes, x: Any) -> Any:
    return pooled("Max", a, x)


def average_pool(a: Attributes, x: Any) -> Any:
    return pooled("Average", a, x, count_padding=bool(a.get("count_include_pad", 0)))


def lp_pool(a: Attributes, x: Any) -> Any:
    """Return the root of the sum of powers: the mean times the size of a window, with padding counted as zeros."""
    p, size = a.get("p", 2), np.prod(a["kernel_shape"])
    return tg.power(pooled("Average", a, np.abs(x) ** p) * size.astype(x.dtype), 1 / p)


def global_pool(layer: Any) -> Any:
    return lambda a, x: layer(last(x)).data.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))


OPERATORS = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "LpPool": lp_pool,
    "GlobalAveragePool": global_pool(nn.GlobalAveragePool()),
    "GlobalMaxPool": global_pool(nn.GlobalMaxPool()),
}
LEFT_OUT = {
    r"test_(Max|Avg)Pool3d.*|test_(max|average|lp)pool_3d_.*": "no three-dimensional pooling",
    r"test_maxpool_with_argmax_.*": "the places of the maxima are not returned",
}
