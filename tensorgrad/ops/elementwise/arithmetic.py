"""Sums, products, quotients and absolute values, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, REAL
from tensorgrad.op import op

__all__ = [
    "abs", "absolute", "add", "divide", "fabs", "multiply", "negative", "positive", "subtract", "true_divide",
]  # fmt: skip


@op(x=lambda g: g, y=lambda g: g, numpy=np.add, methods=["__add__"], reflected="__radd__")
def add(x: ArrayLike, y: ArrayLike) -> Any:
    """Sum, elementwise: ∂/∂x = 1, ∂/∂y = 1.

    >>> add([1.0, 2.0], 10.0)
    Tensor([11., 12.])
    """
    return np.add(x, y)


@op(x=lambda g: g, y=lambda g: -g, numpy=np.subtract, methods=["__sub__"], reflected="__rsub__")
def subtract(x: ArrayLike, y: ArrayLike) -> Any:
    """Difference, elementwise: ∂/∂x = 1, ∂/∂y = -1.

    >>> subtract([1.0, 2.0], 10.0)
    Tensor([-9., -8.])
    """
    return np.subtract(x, y)


@op(x=lambda g, y: g * y, y=lambda g, x: g * x, numpy=np.multiply, methods=["__mul__"], reflected="__rmul__")
def multiply(x: ArrayLike, y: ArrayLike) -> Any:
    """Product, elementwise: ∂/∂x = y, ∂/∂y = x.

    >>> multiply([1.0, 2.0], 10.0)
    Tensor([10., 20.])
    """
    return np.multiply(x, y)


@op(
    x=lambda g, y: g / y,
    y=lambda g, y, out: -g * out / y,
    numpy=np.divide,
    methods=["__truediv__"],
    reflected="__rtruediv__",
    domain={"x": REAL, "y": NONZERO},
)
def divide(x: ArrayLike, y: ArrayLike) -> Any:
    """Quotient, elementwise: ∂/∂x = 1/y, ∂/∂y = -x/y².

    >>> divide([1.0, 2.0], 10.0)
    Tensor([0.1, 0.2])
    """
    return np.divide(x, y)


@op(x=lambda g: -g, numpy=np.negative, methods=["__neg__"])
def negative(x: ArrayLike) -> Any:
    """-x, elementwise.

    >>> negative([1.0, -2.0])
    Tensor([-1.,  2.])
    """
    return np.negative(x)


@op(x=lambda g: g, numpy=np.positive, methods=["__pos__"])
def positive(x: ArrayLike) -> Any:
    """+x, elementwise: a copy.

    >>> positive([1.0, -2.0])
    Tensor([ 1., -2.])
    """
    return np.positive(x)


@op(x=lambda g, x: g * np.sign(x), numpy=np.absolute, methods=["__abs__"], domain=NONZERO)
def absolute(x: ArrayLike) -> Any:
    """|x|, elementwise: the derivative is the sign of x, and 0 at the kink x = 0.

    >>> absolute([1.0, -2.0])
    Tensor([1., 2.])
    """
    return np.absolute(x)


@op(x=lambda g, x: g * np.sign(x), numpy=np.fabs, domain=NONZERO)
def fabs(x: ArrayLike) -> Any:
    """|x|, elementwise, always floating-point: the derivative is the sign of x, and 0 at the kink x = 0.

    >>> fabs([1.0, -2.0])
    Tensor([1., 2.])
    """
    return np.fabs(x)


abs = absolute


true_divide = divide
