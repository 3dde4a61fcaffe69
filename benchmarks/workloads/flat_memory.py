"""Memory over 1,000 training steps: it must stay flat, and the garbage collector must find nothing to do."""

from __future__ import annotations

import gc
import tracemalloc

from dense.by_tensorgrad import training
from table import Row
from worker import resident_peak

from workloads.mlp_step import TASK

STEPS = 1_000
KIB = 1024


def measure(rounds: int) -> list[Row]:
    """Measure the growth of Python's allocations and of resident memory, and count the objects left in cycles."""
    step = training(TASK)
    for _ in range(STEPS // 10):
        step()
    peak = resident_peak()
    gc.disable()  # so that no automatic collection hides uncollected objects
    tracemalloc.start()
    step()
    gc.collect()  # also empties Python's lists of objects kept for reuse, which would count as growth
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(STEPS):
        step()
    cycles = gc.collect()
    allocated = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    gc.enable()
    resident = resident_peak() - peak
    return [
        row(f"allocations grew by {allocated / KIB:.0f} KiB", "≤ 16 KiB", allocated <= 16 * KIB),
        row(f"resident peak grew by {resident / KIB:.0f} KiB", "≤ 2048 KiB", resident <= 2048 * KIB),
        row(f"gc.collect() found {cycles} objects", "0", cycles == 0),
    ]


def row(measured: str, target: str, met: bool) -> Row:
    """Return a row with one result of the training run."""
    return Row("flat_memory", 1, f"tensorgrad, {STEPS:,} steps", measured, target=target, met=met)
