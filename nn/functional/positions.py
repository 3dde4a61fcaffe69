"""Encodings of positions for attention: sines and cosines that are added, and rotations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn.functional import _attention_definitions
from tensorgrad import domains

__all__ = ["rotary", "rotary_angles", "sinusoids"]


def sinusoids(time: int, features: int, *, start: int = 0, base: float = 10_000.0) -> NDArray[Any]:
    """Return sines and cosines of positions, with wavelengths from 2π to 2π·base.

    Args:
        time: the number of positions.
        features: the number of columns. Even columns are sines and odd ones cosines: column 2i and column 2i + 1 have
            the angle position / base^(2i / features).
        start: the first position.
        base: the ratio of the longest to the shortest wavelength.

    Returns:
        A float64 array `(time, features)`.

    References:
        Vaswani et al., *Attention Is All You Need*, 2017, section 3.5.

    >>> sinusoids(2, 2).round(3)
    array([[0.   , 1.   ],
           [0.841, 0.54 ]])
    """
    columns = np.arange(features)
    angles = np.arange(start, start + time)[:, None] / base ** ((columns - columns % 2) / features)
    return np.where(columns % 2, np.cos(angles), np.sin(angles))


def rotary_angles(positions: ArrayLike, features: int, *, base: float = 10_000.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the cosines and sines for `rotary`: pair i is rotated by position / base^(2i / features).

    Args:
        positions: integers of any shape, usually `(time,)`.
        features: the even number of features.
        base: the ratio of the longest to the shortest wavelength.

    Returns:
        Two float64 arrays `(*positions.shape, features / 2)`.

    Raises:
        ValueError: an odd number of features.

    >>> cosines, sines = rotary_angles([0, 1], 2)
    >>> sines.round(3)
    array([[0.   ],
           [0.841]])
    """
    if features < 2 or features % 2:
        raise ValueError(f"rotary_angles: expected an even number of features, rotated in pairs, got {features}.")
    angles = np.asarray(positions)[..., None] / base ** (np.arange(0, features, 2) / features)
    return np.cos(angles), np.sin(angles)


def _pairs(x: Any, interleaved: bool) -> tuple[Any, Any]:
    half = x.shape[-1] // 2
    return (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])


def _joined(first: Any, second: Any, interleaved: bool) -> Any:
    if interleaved:
        return np.reshape(np.stack([first, second], axis=-1), (*first.shape[:-1], 2 * first.shape[-1]))
    return np.concatenate([first, second], axis=-1)


def _cosine_gradient(g: Any, x: Any, interleaved: bool) -> Any:
    (a, b), (to_a, to_b) = _pairs(x, interleaved), _pairs(g, interleaved)
    return to_a * a + to_b * b


def _sine_gradient(g: Any, x: Any, interleaved: bool) -> Any:
    (a, b), (to_a, to_b) = _pairs(x, interleaved), _pairs(g, interleaved)
    return to_b * a - to_a * b


def _rotated_back(g: Any, cosines: Any, sines: Any, interleaved: bool) -> Any:
    return rotary.apply(g, cosines, -sines, interleaved=interleaved)


@tg.op(
    x=_rotated_back,
    cosines=_cosine_gradient,
    sines=_sine_gradient,
    reference=_attention_definitions.rotary,
    examples=[
        domains.case((3, 2), (3, 1), (3, 1)),
        domains.case((2, 3, 4), (3, 2), (3, 2)),
        domains.case((2, 3, 4), (3, 2), (3, 2), interleaved=False),
        domains.case((2, 2, 2, 2), (2, 1, 2, 1), (1, 1)),
        domains.case((0, 2), (1,), (1,), interleaved=False),
    ],
)
def rotary(x: ArrayLike, cosines: ArrayLike, sines: ArrayLike, *, interleaved: bool = True) -> Any:
    """Rotate pairs of features: (a, b) becomes (a·cos - b·sin, a·sin + b·cos).

    Args:
        x: `(…, time, features)`, with an even number of features.
        cosines, sines: of the angles, `(…, time, features / 2)`, which broadcast to x; see `rotary_angles`.
        interleaved: whether a pair has neighbouring features, as in the paper and in Llama; if not, its features are
            half of all features apart, as in GPT-NeoX and in Hugging Face's models.

    Raises:
        ValueError: an odd number of features, or angles of another shape.

    References:
        Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021.

    >>> rotary([[1.0, 0.0]], [[0.0]], [[1.0]])
    Tensor([[0., 1.]])
    """
    shape = np.shape(x)
    if not shape or not shape[-1] or shape[-1] % 2:
        raise ValueError(f"expected an even number of features, which are rotated in pairs, got x of shape {shape}.")
    wanted = (*shape[:-1], shape[-1] // 2)
    for name, angles in (("cosines", np.shape(cosines)), ("sines", np.shape(sines))):
        if len(angles) > len(shape) or not all(a in (1, n) for a, n in zip(angles[::-1], wanted[::-1])):
            raise ValueError(f"expected {name} that broadcast to {wanted}, half of the features, got {angles}.")
    a, b = _pairs(x, interleaved)
    return _joined(a * cosines - b * sines, a * sines + b * cosines, interleaved)
