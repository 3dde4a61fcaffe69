"""Checks of every node: NaN and arrays that were written into in anomaly mode; unknown tensors while tracing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import is_foreign
from tensorgrad.backward import Call
from tensorgrad.modes import Switch, current_mode
from tensorgrad.node import Node


@dataclass(frozen=True)
class _Origin:
    """The line of user code that created a node, and fingerprints of its saved values."""

    line: str
    fingerprints: Any


_origins: WeakKeyDictionary[Node, _Origin] = WeakKeyDictionary()


class detect_anomaly(Switch):
    """Check every recorded value and gradient, and every saved array. Computations become several times slower.

    Raises:
        FloatingPointError: inside the block, at the operation whose result, or whose derivative rule, is the first to
            hold a NaN or an infinity.
        RuntimeError: in `backward` inside the block, for a saved array that was written into since it was saved.

    Both name the operation and the line of your code that called it. Operations recorded before the block
    was entered are checked for NaN only.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.detect_anomaly():
    ...     y = (x * x).sum()
    ...     x.data[0] = 7.0
    ...     y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    RuntimeError: multiply: an array saved for the backward pass has been changed ...
    """

    changes: ClassVar = {"anomalies": True}


def watch(node: Node, results: Iterable[Any]) -> None:
    """Check a new node: in anomaly mode its results, and while a function is traced where its operands come from."""
    mode = current_mode()
    if mode.since:
        check_sources(node.parents)
    if not mode.anomalies:
        return
    origin = _Origin(_messages.user_line(), _fingerprints(node.saved))
    _origins[node] = origin
    for result in results:
        if not np.all(np.isfinite(result)):
            raise FloatingPointError(f"{_name(node)}: the result contains {_what(result)}. Called at {origin.line}")


def check_sources(nodes: Iterable[Node | None]) -> None:
    """Raise an error if a traced function uses a tensor that requires a gradient and was not found before.

    The values of such a tensor would be constants of the program.
    """
    for node in nodes:
        if node is not None and node.number < current_mode().since:
            raise _messages.not_found(node)


def checking(call: Call | None) -> Call | None:
    """Return `call` wrapped in the checks of anomaly mode, if it is on."""
    return partial(_call_checked, call) if current_mode().anomalies else call


def _call_checked(
    call: Call | None, node: Node, gradient: Any, wanted: Container[Node] | None
) -> Iterator[tuple[int, Any]]:
    origin = _origins.get(node)
    if origin is not None and origin.fingerprints != _fingerprints(node.saved):
        raise RuntimeError(
            f"{_name(node)}: an array saved for the backward pass has been changed (by writing into .data or "
            f"into an array that was passed in). Called at {origin.line}"
        )
    for position, contribution in (call or node.operation.call)(node, gradient, wanted):
        if not np.all(np.isfinite(contribution)):
            where = f"Called at {origin.line}" if origin else "It was recorded outside detect_anomaly."
            raise FloatingPointError(
                f"{_name(node)}: the gradient of its operand {position} contains {_what(contribution)}. {where}"
            )
        yield position, contribution


def _name(node: Node) -> str:
    return node.operation.name if node.operation is not None else "leaf"


def _what(values: Any) -> str:
    return "NaN" if np.any(np.isnan(values)) else "an infinity"


def _fingerprints(saved: Any) -> Any:
    """Return the saved values of a node, with every writable array replaced by a checksum."""
    if isinstance(saved, np.ndarray) or (is_foreign(saved) and hasattr(saved, "tobytes")):
        from zlib import crc32

        return crc32(saved.tobytes())
    return [_fingerprints(item) for item in saved] if isinstance(saved, (tuple, list)) else repr(saved)
