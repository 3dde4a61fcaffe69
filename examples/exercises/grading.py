"""Grading of an answer: comparison with the correct values, and with those of known mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pages = dict[str, Callable[[], Any]]
"""Functions that make a `tg.walkthrough`: "" for the correct expression, "_by_hand" for the learner's rule."""


class Wrong(Exception):
    """An answer is wrong.

    Attributes:
        diagnosis: the name of the mistake: "transposed", "missing mean", …
        explanation: what was returned and what was expected.
        pages: for gradients, backward passes to walk through.
    """

    def __init__(self, diagnosis: str, explanation: str, pages: Pages | None = None) -> None:
        super().__init__(f"{diagnosis}\n{explanation}")
        self.diagnosis, self.explanation, self.pages = diagnosis, explanation, pages or {}


def normal(*shape: int, seed: int = 0) -> Array:
    """Return reproducible numbers of both signs, in a read-only array."""
    return fixed(np.random.default_rng((seed, *shape)).standard_normal(shape))


def positive(*shape: int) -> Array:
    """Return reproducible numbers between 1 and 2, in a read-only array."""
    return fixed(np.random.default_rng(shape).uniform(1.0, 2.0, shape))


def fixed(array: Array) -> Array:
    """Make an array read-only, and return it."""
    array.flags.writeable = False
    return array


def values(what: str, got: Any, expected: Any, mistakes: Mapping[str, Any] | None = None) -> None:
    """Compare numbers with the correct ones.

    Args:
        what: a description of what was computed.
        got: the learner's numbers.
        expected: the correct numbers.
        mistakes: the numbers to which each known mistake leads.

    Raises:
        Wrong: they differ. The diagnosis is one of `mistakes`, or says what is wrong with the shape.
    """
    expected, found = np.asarray(expected), _numbers(what, got)
    if same(found, expected):
        return
    explanation = compared(what, expected, found)
    for mistake, numbers in (mistakes or {}).items():
        if same(found, np.asarray(numbers)):
            raise Wrong(mistake, explanation)
    if found.shape != expected.shape:
        raise Wrong(wrong_shape(found.shape, expected.shape), explanation)
    if not np.isfinite(found).all():
        raise Wrong("not finite: look for a division by 0, log 0, or a power too large for a float", explanation)
    raise Wrong("wrong values", explanation)


def compared(what: str, expected: Array, found: Array) -> str:
    """Return both arrays as text."""
    return f"{what}: expected {expected.shape}\n{_shown(expected)}\ngot {found.shape}\n{_shown(found)}"


def several(returned: Any, *what: str) -> list[Array]:
    """Return the arrays that an answer returned, as many as there are names in `what`.

    Raises:
        Wrong: too many, too few, or no numbers.
    """
    found = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(found) != len(what) and returned is not None:
        raise Wrong("wrong count", f"expected {len(what)} arrays ({', '.join(what)}), got {len(found)}.")
    return [_numbers(*each) for each in zip(what, found)]


def _numbers(what: str, got: Any) -> Array:
    if got is None:
        raise Wrong("nothing returned", f"{what}: got None. Is a return missing?")
    try:
        return np.asarray(getattr(got, "array", got), dtype=np.float64)
    except (TypeError, ValueError):
        raise Wrong("not numbers", f"{what}: expected an array, got {type(got).__name__}.") from None


def wrong_shape(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return the usual cause of the shape `got` instead of `expected`."""
    if len(got) == 2 and got == expected[::-1]:
        return "transposed"
    if _broadcasts(expected, got):
        return "not unbroadcast: sum over the axes along which it was broadcast"
    return "wrong shape"


def _broadcasts(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def same(a: Array, b: Array) -> bool:
    """Return whether two arrays are equal up to rounding."""
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-9)


def _shown(array: Array) -> str:
    return np.array2string(array, precision=4, suppress_small=True, threshold=30)
