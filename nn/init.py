"""Initialisers: the values that weights start from.

An initialiser is a function of `(shape, rng, dtype)` that gives an array; the functions here make them. Draws are
rounded to `dtype` before they are scaled, as in *Neural Networks from Scratch* (whose helper package makes
`randn` give float32), so that the same stream gives the book's weights bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nn._rng import Rng, generator

Initializer: TypeAlias = Callable[[tuple[int, ...], Rng, DTypeLike], NDArray[Any]]
"""`initializer(shape, rng, dtype)` gives a new array of that shape and dtype."""


def constant(value: float) -> Initializer:
    """Every weight the same `value`. Draws nothing.

    >>> constant(0.5)((2,), None, "float32")
    array([0.5, 0.5], dtype=float32)
    """

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        return np.full(shape, value, dtype)

    return initializer


def zeros() -> Initializer:
    """Every weight 0. Draws nothing. Right for biases; as weights, all neurons would learn the same."""
    return constant(0.0)


def normal(scale: float = 0.01) -> Initializer:
    """Normally distributed around 0 with standard deviation `scale`; the book's start is `normal(0.01)`.

    Raises:
        ValueError: `scale` is negative or not finite.

    >>> normal(0.01)((2, 3), 0, "float32").shape
    (2, 3)
    """
    _check_size("normal", "scale", scale)

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        return _multiplied(generator(rng).standard_normal(shape), scale, dtype)

    return initializer


def uniform(limit: float = 0.05) -> Initializer:
    """Evenly distributed between -limit and limit.

    Raises:
        ValueError: `limit` is negative or not finite.

    >>> bool(abs(uniform(0.05)((2, 3), 0, "float32")).max() <= 0.05)
    True
    """
    _check_size("uniform", "limit", limit)

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        return _multiplied(2 * generator(rng).random(shape) - 1, limit, dtype)

    return initializer


def he() -> Initializer:
    """Normally distributed with variance 2 / inputs, which keeps the signal's size through ReLU layers.

    He, Zhang, Ren, Sun, *Delving Deep into Rectifiers*, 2015, equation 10. For weights `(inputs, neurons)`,
    or `(*kernel, channels, filters)` with `inputs` = kernel elements × channels.

    >>> he()((2, 3), 0, "float32").dtype
    dtype('float32')
    """

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        inputs, _ = _fans("he", shape)
        return normal(math.sqrt(2 / inputs))(shape, rng, dtype)

    return initializer


def glorot() -> Initializer:
    """Evenly distributed with variance 2 / (inputs + neurons): a middle way between forward and backward signal.

    Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010,
    equation 16; Keras's default. For weights `(inputs, neurons)`, or `(*kernel, channels, filters)`, where both
    numbers are multiplied by the kernel's elements.

    >>> bool(abs(glorot()((2, 4), 0, "float32")).max() <= 1.0)  # the limit is √(6 / (2 + 4))
    True
    """

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        inputs, neurons = _fans("glorot", shape)
        return uniform(math.sqrt(6 / (inputs + neurons)))(shape, rng, dtype)

    return initializer


def orthogonal() -> Initializer:
    """Rows, or columns if these are fewer, that are orthogonal and of length 1: products keep the size of a signal.

    Saxe, McClelland, Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural networks*,
    2014. For weights `(inputs, neurons)`; Keras's default for what recurrent layers send from step to step.

    >>> weight = orthogonal()((2, 5), 0, "float64")
    >>> np.allclose(weight @ weight.T, np.eye(2))
    True
    """

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        inputs, neurons = _fans("orthogonal", shape)
        q, r = np.linalg.qr(generator(rng).standard_normal((max(inputs, neurons), min(inputs, neurons))))
        q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)  # the signs make every orthogonal matrix equally likely
        return (q.T if inputs < neurons else q).astype(dtype)

    return initializer


def _multiplied(draws: NDArray[np.float64], factor: float, dtype: DTypeLike) -> NDArray[Any]:
    return draws.astype(dtype) * float(factor)


def _fans(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs each result has, and how many results each input has."""
    if len(shape) < 2:
        raise ValueError(
            f"init.{name}: expected a weight shape (inputs, neurons) or (…, channels, filters), got {shape}."
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _check_size(function: str, parameter: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"init.{function}: {parameter} must be a finite number of at least 0, got {value!r}.")
