"""The table of derivatives: every operation beside its rules, a file per family."""

from tensorgrad.ops.arithmetic import (
    absolute,
    add,
    divide,
    multiply,
    negative,
    power,
    sign,
    sqrt,
    square,
    subtract,
)
from tensorgrad.ops.exponential import exp, expm1, log, log1p, log_softmax, logsumexp, sigmoid, softmax
from tensorgrad.ops.indexing import getitem, scatter, with_item
from tensorgrad.ops.linear_algebra import dot, matmul
from tensorgrad.ops.reductions import max, mean, min, prod, std, sum, var
from tensorgrad.ops.selection import clip, maximum, minimum, where
from tensorgrad.ops.shapes import (
    astype,
    broadcast_to,
    concatenate,
    copy,
    expand_dims,
    ravel,
    reshape,
    squeeze,
    stack,
    swapaxes,
    transpose,
)
from tensorgrad.ops.trigonometric import cos, sin, tanh

abs = absolute

__all__ = [
    "abs", "absolute", "add", "astype", "broadcast_to", "clip", "concatenate", "copy", "cos", "divide", "dot", "exp",
    "expand_dims", "expm1", "getitem", "log", "log1p", "log_softmax", "logsumexp", "matmul", "max", "maximum", "mean",
    "min", "minimum", "multiply", "negative", "power", "prod", "ravel", "reshape", "scatter", "sigmoid", "sign", "sin",
    "softmax", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum", "swapaxes", "tanh", "transpose", "var",
    "where", "with_item",
]  # fmt: skip
