"""Ctrl-C at a good moment: not in the middle of an update."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Holds back Ctrl-C (SIGINT) while something runs that must not be left half done.

    Inside `installed()`, a Ctrl-C during `held_back()` takes effect when that block ends; a second one, and any
    outside such a block, takes effect at once. "Takes effect" means whatever it meant before, which usually is to
    raise `KeyboardInterrupt`. Only the main thread gets signals: in others the blocks change nothing.

    >>> before = signal.signal(signal.SIGINT, lambda number, frame: print("interrupted"))
    >>> interrupts = Interrupts()
    >>> with interrupts.installed(), interrupts.held_back():
    ...     signal.raise_signal(signal.SIGINT)  # as if somebody pressed Ctrl-C here
    ...     print("done")
    done
    interrupted
    >>> _ = signal.signal(signal.SIGINT, before)
    """

    def __init__(self) -> None:
        self._previous: Callable[[int, FrameType | None], Any] | None = None
        self._holding = False
        self._pending = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch for Ctrl-C in this block, if this is the main thread and somebody handles it."""
        previous = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(previous):
            yield
            return
        self._previous = previous
        signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """A block that a Ctrl-C does not break off."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            if self._pending and self._previous is not None:
                self._pending = False
                self._previous(signal.SIGINT, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._holding and not self._pending:
            self._pending = True
        elif self._previous is not None:
            self._previous(number, frame)
