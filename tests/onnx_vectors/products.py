"""Products of matrices and sums of products."""

from __future__ import annotations

from typing import Any

import nn
import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes


def gemm(a: Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    x, weight = x.T if a.get("transA", 0) else x, weight.T if a.get("transB", 0) else weight
    alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
    if bias is not None and bias.shape == weight.shape[1:] and alpha == beta == 1:
        layer = nn.Dense(*weight.shape)
        layer.weight.data, layer.bias.data = weight, bias
        return layer(x)
    product = alpha * tg.matmul(x, weight)
    return product if bias is None else product + beta * bias


OPERATORS = {
    "Det": lambda a, x: tg.linalg.det(x),
    "Einsum": lambda a, *arrays: tg.einsum(a["equation"].decode().replace(" ", ""), *arrays),
    "Gemm": gemm,
    "MatMul": lambda a, x, y: tg.matmul(x, y),
}
LEFT_OUT: dict[str, str] = {}
