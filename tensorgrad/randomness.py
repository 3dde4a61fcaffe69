"""Source of random numbers for layers: NumPy's generator, or the program's own while a function is compiled.

A compiled program would repeat the numbers that a NumPy generator drew while the function was traced. A layer that
draws therefore asks for its generator with `source`. While `tg.compile` traces a function, `source` returns an object
with the same methods (`random`, `standard_normal`, `normal`, `uniform`, `integers`) that draws inside the program. Its
key is made from a seed, which is drawn once from the layer's generator, and from the number of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_replacement: ContextVar[Callable[[Any], Any] | None] = ContextVar("tensorgrad_randomness", default=None)


def source(rng: Any) -> Any:
    """Return the generator to draw from: `rng`, or what replaces it while a function is traced.

    Args:
        rng: a NumPy generator that belongs to the layer.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> source(rng) is rng
    True
    """
    replacement = _replacement.get()
    return rng if replacement is None else replacement(rng)


def is_replaced() -> bool:
    """Return whether random numbers are drawn inside a compiled program, as XLA arrays."""
    return _replacement.get() is not None


def advance() -> None:
    """Draw the numbers of the next call from now on, after one of several steps in a compiled program.

    Does nothing outside of compiled programs.
    """
    replacement: Any = _replacement.get()
    if replacement is not None:
        replacement.advance()


@contextmanager
def replaced(by: Callable[[Any], Any]) -> Iterator[None]:
    """Return `by(rng)` from `source(rng)` inside the block."""
    token = _replacement.set(by)
    try:
        yield
    finally:
        _replacement.reset(token)
