"""Initializers for weights.

An initializer is a function of `(shape, rng, dtype)` that returns an array; the functions in this module create
initializers. Draws are rounded to `dtype` before they are scaled, as in *Neural Networks from Scratch* (whose helper
package makes `randn` return float32), so that the same random stream reproduces the book's weights bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nn._renamed import INITIALIZERS, missing
from nn._rng import Rng, generator

Initializer: TypeAlias = Callable[[tuple[int, ...], Rng, DTypeLike], NDArray[Any]]
"""`initializer(shape, rng, dtype)` returns a new array of that shape and dtype."""


def constant(value: float) -> Initializer:
    """Return an initializer that sets every weight to `value`. It draws no random numbers.

    >>> constant(0.5)((2,), None, "float32")
    array([0.5, 0.5], dtype=float32)
    """

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        return np.full(shape, value, dtype)

    return initializer


def zeros() -> Initializer:
    """Return an initializer that sets every weight to 0, for biases. As weights, all neurons would learn the same."""
    return constant(0.0)


def normal(scale: float = 0.01) -> Initializer:
    """Return an initializer that draws from a normal distribution with mean 0 and standard deviation `scale`.

    The book uses `normal(0.01)`.

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
    """Return an initializer that draws from a uniform distribution between -limit and limit.

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
    """Return an initializer that draws from a normal distribution with mean 0 and variance 2 / inputs.

    This variance preserves the scale of the signal through ReLU layers.

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
    """Return an initializer that draws from a uniform distribution with variance 2 / (inputs + neurons).

    This variance is a compromise between the scales of the forward and the backward signal.

    Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010,
    equation 16; the default of Keras. For weights `(inputs, neurons)`, or `(*kernel, channels, filters)`, where both
    counts are multiplied by the number of kernel elements.

    >>> bool(abs(glorot()((2, 4), 0, "float32")).max() <= 1.0)  # the limit is √(6 / (2 + 4))
    True
    """

    def initializer(shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        inputs, neurons = _fans("glorot", shape)
        return uniform(math.sqrt(6 / (inputs + neurons)))(shape, rng, dtype)

    return initializer


def orthogonal() -> Initializer:
    """Return an initializer that draws orthonormal rows, or columns if there are fewer of these.

    Products with such a matrix preserve the norm of a signal.

    Saxe, McClelland, Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural networks*,
    2014. For weights `(inputs, neurons)`; the default of Keras for the recurrent weights of recurrent layers.

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
    """Return the fan-in and the fan-out: the number of inputs per result, and of results per input."""
    if len(shape) < 2:
        raise ValueError(
            f"init.{name}: expected a weight shape (inputs, neurons) or (…, channels, filters), got {shape}."
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _check_size(function: str, parameter: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"init.{function}: {parameter} must be a finite number of at least 0, got {value!r}.")


def __getattr__(name: str) -> Any:
    raise missing("nn.init", name, INITIALIZERS)
