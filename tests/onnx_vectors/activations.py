"""Activation functions: layers, and functions composed of operations where there is no layer."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from nn import functional
from tests.onnx_vectors.layouts import Attributes


def along(layer: Any) -> Any:
    """Return a layer along an axis; before version 13, along all axes from that one on."""

    def run(a: Attributes, x: Any) -> Any:
        if a["opset"] >= 13:
            return layer(a.get("axis", -1))(x)
        axis = a.get("axis", 1) % x.ndim
        return layer()(x.reshape(*x.shape[:axis], -1)).data.reshape(x.shape)

    return run


def elu(a: Attributes, x: Any) -> Any:
    return nn.ELU(a.get("alpha", 1.0))(x)


def selu(a: Attributes, x: Any) -> Any:
    return a.get("gamma", 1.05070102214813) * nn.ELU(a.get("alpha", 1.67326319217681))(x)


def celu(a: Attributes, x: Any) -> Any:
    alpha = a.get("alpha", 1.0)
    return alpha * nn.ELU()(x / np.asarray(alpha, x.dtype))


def prelu(a: Attributes, x: Any, slope: Any) -> Any:
    if slope.ndim == 1 and a["opset"] < 7:  # a slope for each channel
        slope = slope.reshape(-1, *(1,) * (x.ndim - 2))
    return functional.prelu(x, slope)


def shrink(a: Attributes, x: Any) -> Any:
    bias, bound = a.get("bias", 0.0), a.get("lambd", 0.5)
    return tg.where(x > bound, x - bias, tg.where(x < -bound, x + bias, 0 * x))


def swish(a: Attributes, x: Any) -> Any:
    alpha = a.get("alpha", 1.0)
    return nn.SiLU()(x) if alpha == 1 else x * tg.sigmoid(alpha * x)


OPERATORS = {
    "Celu": celu,
    "Elu": elu,
    "Gelu": lambda a, x: nn.GELU(a.get("approximate", b"none").decode())(x),
    "HardSigmoid": lambda a, x: tg.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "HardSwish": lambda a, x: x * tg.clip(x / 6 + 0.5, 0, 1),
    "Hardmax": lambda a, x: np.moveaxis(
        functional.one_hot(tg.argmax(x, axis=a.get("axis", -1)), x.shape[a.get("axis", -1)]), -1, a.get("axis", -1)
    ),
    "LeakyRelu": lambda a, x: nn.LeakyReLU(a.get("alpha", 0.01))(x),
    "LogSoftmax": along(nn.LogSoftmax),
    "Mish": lambda a, x: x * tg.tanh(tg.softplus(x)),
    "PRelu": prelu,
    "Relu": lambda a, x: nn.ReLU()(x),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": lambda a, x: nn.Sigmoid()(x),
    "Softmax": along(nn.Softmax),
    "Softplus": lambda a, x: nn.Softplus()(x),
    "Softsign": lambda a, x: x / (1 + tg.abs(x)),
    "SwiGLU": lambda a, x, y: swish(a, x) * y,
    "Swish": swish,
    "Tanh": lambda a, x: nn.Tanh()(x),
    "ThresholdedRelu": lambda a, x: tg.where(x > a.get("alpha", 1.0), x, 0 * x),
}
LEFT_OUT: dict[str, str] = {}
