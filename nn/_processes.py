"""Which process of a training in several processes this is. `nn.distributed.initialize` sets it."""

from __future__ import annotations

number = 0
count = 1


def set_process(process: int, processes: int) -> None:
    """Set the number of this process, from 0, and the number of processes."""
    global number, count
    number, count = process, processes


def is_writer() -> bool:
    """Return whether this process writes files and output. Only the first one does."""
    return number == 0
