"""Handling of Ctrl-C that never interrupts between two changes that belong together.

Python raises `KeyboardInterrupt` in the main thread between any two of its instructions: also after the weights of one
layer were updated and before those of the next, or in the first line of an `__exit__` that should undo something.

While a function with one of these decorators runs, Ctrl-C (SIGINT) is handled here. What happens depends on the
innermost function on the stack that is marked:

- below `uninterrupted` it waits until that function has ended;
- below `postponed` it waits, too, but a second one takes effect at once;
- below `interruptible`, and where no function is marked, it takes effect at once.

"Takes effect" means that the handler that was installed before is called, which usually raises `KeyboardInterrupt`.
Only the main thread receives signals, so in other threads the decorators change nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without the conversion to enums, which takes 10 µs
import functools
import os
import signal
import sys
from collections.abc import Callable
from threading import get_ident, main_thread
from types import CodeType, FrameType
from typing import Any, Literal, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

Policy = Literal["wait", "wait once", "now"]

_policies: dict[CodeType, Policy] = {}


class _Watch:
    """State of the Ctrl-C handling in the main thread.

    Attributes:
        depth: the number of sections that have begun and not ended; the handler is installed by the outermost one.
        previous: the handler that was installed before.
        pending: whether a Ctrl-C is postponed.
        thread: the identifier of the main thread. Asking `threading` for it in each section takes 0.2 µs.
    """

    __slots__ = ("depth", "pending", "previous", "thread")

    def __init__(self) -> None:
        self.depth = 0
        self.previous: Any = None
        self.pending = False
        self.find_main_thread()

    def find_main_thread(self) -> None:
        self.thread = main_thread().ident


_watch = _Watch()
if hasattr(os, "register_at_fork"):  # a child's main thread is the one that forked
    os.register_at_fork(after_in_child=_watch.find_main_thread)


def uninterrupted(function: F) -> F:
    """Postpone Ctrl-C while `function` and everything that it calls runs. For short functions.

    >>> import signal
    >>> before = signal.signal(signal.SIGINT, lambda number, frame: print("interrupted"))
    >>> @uninterrupted
    ... def update():
    ...     signal.raise_signal(signal.SIGINT)  # as if somebody pressed Ctrl-C here
    ...     print("updated")
    >>> update()
    updated
    interrupted
    >>> _ = signal.signal(signal.SIGINT, before)
    """
    return _section(marked(function, "wait"))


def postponed(function: F) -> F:
    """Postpone the first Ctrl-C while `function` runs; a second one takes effect at once."""
    return _section(marked(function, "wait once"))


def interruptible(function: Callable[..., T], *args: Any) -> T:
    """Return `function(*args)`. Inside a section, Ctrl-C takes effect at once while it runs."""
    if _watch.pending and get_ident() == _watch.thread:
        _deliver(sys._getframe())  # noqa: SLF001
    return function(*args)


def marked(function: F, policy: Policy) -> F:
    """Return `function` marked with `policy`, which applies to Ctrl-C while it runs inside a section."""
    _policies[function.__code__] = policy
    return function


def begin() -> None:
    """Begin a section in which this module handles Ctrl-C. For `__enter__` of context managers, which are `marked`."""
    if get_ident() != _watch.thread:
        return
    if not _watch.depth:
        _watch.pending = False
        handler = _signal.getsignal(signal.SIGINT)
        if callable(handler) and handler is not _handle:
            _watch.previous = handler
            _signal.signal(signal.SIGINT, _handle)
    _watch.depth += 1


def end() -> None:
    """End the section. A postponed Ctrl-C takes effect, unless an enclosing section postpones it further."""
    if get_ident() != _watch.thread:
        return
    if _watch.depth:
        _watch.depth -= 1
    if not _watch.depth and _signal.getsignal(signal.SIGINT) is _handle:
        _signal.signal(signal.SIGINT, _watch.previous)
    if _watch.pending:
        caller = sys._getframe(2)  # noqa: SLF001
        if not _watch.depth or _policy(caller) == "now":
            _deliver(caller)


def _section(function: F) -> F:
    @functools.wraps(function)
    def section(*args: Any, **kwargs: Any) -> Any:
        begin()
        try:
            return function(*args, **kwargs)
        finally:
            end()

    return marked(section, "wait")  # type: ignore[return-value]


def _handle(number: int, frame: FrameType | None) -> None:
    policy = _policy(frame)
    if policy == "wait" or (policy == "wait once" and not _watch.pending):
        _watch.pending = True
    else:
        _deliver(frame)


def _policy(frame: FrameType | None) -> Policy:
    """Return the policy of the innermost marked function on the stack."""
    while frame is not None:
        policy = _policies.get(frame.f_code)
        if policy is not None:
            return policy
        frame = frame.f_back
    return "now"


def _deliver(frame: FrameType | None) -> None:
    _watch.pending = False
    _watch.previous(signal.SIGINT, frame)


for _function in (begin, end):
    marked(_function, "wait")
marked(interruptible, "now")
