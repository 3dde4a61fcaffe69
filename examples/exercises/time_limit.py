"""A time limit for code that may contain an endless loop."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLong(BaseException):
    """The code did not finish in time. Not an `Exception`, so that an `except Exception` in the code cannot hide it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` inside the block if it runs for longer than `seconds`.

    Python handles signals in the main thread only. In another thread, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    running, expired = True, False

    def interrupt() -> None:
        nonlocal expired
        expired = True
        _thread.interrupt_main()

    def handle(number: int, frame: FrameType | None) -> None:
        if not expired:
            raise KeyboardInterrupt
        if running:  # else the time was up just when the block ended
            raise TookTooLong

    before = signal.signal(signal.SIGINT, handle)
    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        running = False
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)
