"""Freed memory stays with the process, unless its user has set other limits."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

from tensorgrad._allocator import keep_freed_memory

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"),
    reason="the C library is not glibc",
)

ROUNDS = """
import resource
import numpy as np
{first}

def rounds(number):
    for _ in range(number):
        arrays = [np.ones(50_000) for _ in range(8)]
        del arrays

rounds(10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
rounds(100)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 100)
"""


def page_faults(first: str, **environment: str) -> float:
    """Page faults for each round of eight arrays of 400 kB, allocated and freed together, in a separate process."""
    environment = {
        name: value for name, value in os.environ.items() if "malloc" not in f"{name}={value}".lower()
    } | environment
    command = [sys.executable, "-c", ROUNDS.format(first=first)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def test_allocator_reuses_freed_memory() -> None:
    assert page_faults("import tensorgrad") < 10


def test_allocator_without_memory_for_the_block_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", full)
    keep_freed_memory()


def test_allocator_returns_freed_memory_without_tensorgrad() -> None:
    assert page_faults("") > 100, "glibc has other limits now: is tensorgrad._allocator still needed?"


def test_allocator_keeps_limits_set_in_the_environment() -> None:
    assert page_faults("import tensorgrad", MALLOC_TRIM_THRESHOLD_="131072") > 100
